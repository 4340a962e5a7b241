//! Denial breakers as people see them, and the word that lets denials pass.

use super::act::job;
use crate::{
    Call, Service,
    actor::Actor,
    error::{Error, ErrorCode, Result},
};
use holdfast_domain::{Permission, ProductId, ReasonText, Seconds, Timestamp};
use holdfast_store::{
    WriteOptions,
    breakers::{self, BreakerRow},
    changes::ChangeKind,
    products,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// For how long a person lets all denials of a product pass.
const PASSES: Seconds = Seconds::DAY;

/// The denial breaker of a product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakerView {
    /// When it last tripped; absent where it never has.
    pub tripped_at: Option<Timestamp>,
    /// How many devices were about to be denied within ten minutes then.
    pub denials: u64,
    /// How many were allowed.
    pub allowed: u64,
    /// Whether nothing of the product is denied at the moment.
    pub stopped: bool,
    /// Until when a person lets all denials pass, where that is not over.
    pub passes_until: Option<Timestamp>,
}

fn show(row: Option<BreakerRow>, now: Timestamp) -> BreakerView {
    let count = |n: fn(&BreakerRow) -> i64| row.as_ref().map_or(0, |row| n(row).unsigned_abs());
    BreakerView {
        tripped_at: row.as_ref().map(|row| row.tripped_at),
        denials: count(|row| row.denials),
        allowed: count(|row| row.allowed),
        stopped: row.as_ref().is_some_and(BreakerRow::is_tripped),
        passes_until: row.and_then(|row| row.passes_until).filter(|until| *until > now),
    }
}

fn absent() -> Error {
    Error::new(ErrorCode::NotFound)
}

impl Service {
    /// The denial breaker of a product.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] for an unknown product and another vendor's alike.
    pub async fn breaker(&self, actor: &Actor, product: ProductId) -> Result<BreakerView> {
        actor.require(Permission::FleetRead)?;
        let mut reader = self.store().reader();
        products::get(&mut reader, actor.scope(), product).await?.ok_or_else(absent)?;
        Ok(show(breakers::get(&mut reader, actor.scope(), product).await?, self.now()))
    }

    /// Says that the denials of a product are meant: for a day all of them are signed. Where its breaker has not tripped,
    /// nothing changes.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] for an unknown product and another vendor's alike.
    pub async fn let_denials_pass(&self, call: &Call, product: ProductId, reason: ReasonText) -> Result<BreakerView> {
        call.actor.require(Permission::FleetWrite)?;
        let act = self.act(call);
        self.commit(
            call,
            WriteOptions::default(),
            job!(act, reason => |tx| {
                products::get(tx, act.scope, product).await?.ok_or_else(absent)?;
                let before = breakers::get(tx, act.scope, product).await?;
                let Some(tripped) = before.clone().filter(BreakerRow::is_tripped) else {
                    return Ok(show(before, act.now));
                };
                let until = act.now.plus(PASSES);
                breakers::pass(tx, act.scope, product, until).await?;
                let data = json!({
                    "before": { "stopped_at": tripped.tripped_at }, "after": { "passes_until": until }, "reason": reason,
                });
                act.event(tx, "product.denials_passed", product, data);
                act.changed(tx, ChangeKind::Product, Some(product), product.to_bytes());
                Ok(show(Some(BreakerRow { passes_until: Some(until), ..tripped }), act.now))
            }),
        )
        .await
    }
}
