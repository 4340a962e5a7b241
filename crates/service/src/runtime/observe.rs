//! What the rules of the fleet look at and only the database knows: the licenses of each product and when they end.

use crate::Service;
use holdfast_domain::{Seconds, Timestamp};
use holdfast_fleet::{ProductSeen, rules::Ends};
use holdfast_store::{StoreError, ends};
use std::sync::{Mutex, PoisonError};

/// How often to ask the database: it counts every license in force, a fifth of a second for a million.
const EVERY: Seconds = Seconds::minutes(10);
/// How old an answer may get where the database does not give another.
const GOOD_FOR: Seconds = Seconds::HOUR;
/// How far ahead ends are looked at.
const HORIZON: Seconds = Seconds::days(45);
/// What was seen last.
#[derive(Default)]
pub(crate) struct Observed(Mutex<Looked>);

#[derive(Default)]
struct Looked {
    /// When the database was last asked, whatever came of it.
    asked_at: Option<Timestamp>,
    /// When it last answered, and what.
    seen: Option<(Timestamp, Vec<ProductSeen>)>,
}

impl Service {
    /// Every product with licenses in force: how many there are, and how many end when. From memory, where the database
    /// was asked within the last ten minutes. To be called by the node that speaks for the others, so that one asks.
    pub async fn product_observations(&self, now: Timestamp) -> Vec<ProductSeen> {
        let observed = &self.state().observed.0;
        let is_due = {
            let mut looked = observed.lock().unwrap_or_else(PoisonError::into_inner);
            let is_due = looked.asked_at.is_none_or(|at| !(0..EVERY.0).contains(&now.since(at).0));
            if is_due {
                looked.asked_at = Some(now);
            }
            is_due
        };
        let answer = if is_due { Some(self.look_at_products(now).await) } else { None };
        let mut looked = observed.lock().unwrap_or_else(PoisonError::into_inner);
        match answer {
            Some(Ok(seen)) => looked.seen = Some((now, seen)),
            Some(Err(error)) => tracing::debug!(%error, "when licenses end could not be looked up"),
            None => {}
        }
        let good = looked.seen.as_ref().filter(|(at, _)| now.since(*at) <= GOOD_FOR);
        good.map(|(_, seen)| seen.clone()).unwrap_or_default()
    }

    async fn look_at_products(&self, now: Timestamp) -> Result<Vec<ProductSeen>, StoreError> {
        let mut reader = self.store().reader();
        let until = now.plus(HORIZON);
        let ends = |found: Vec<(Timestamp, u64)>| {
            Some(found.into_iter().map(|(at, licenses)| Ends { at, licenses }).collect::<Vec<_>>())
        };
        let mut seen = Vec::new();
        for (product, active_licenses) in ends::in_force(&mut reader, now).await? {
            seen.push(ProductSeen {
                product,
                active_licenses,
                ends_by_hour: ends(ends::by_hour(&mut reader, product, now, until).await?),
                ends_by_minute: ends(ends::by_minute(&mut reader, product, now, until).await?),
                denials: None,
            });
        }
        Ok(seen)
    }
}
