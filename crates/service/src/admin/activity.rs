//! What happens over time: activations and renewals by day.

use crate::{Service, actor::Actor, error::Result};
use holdfast_domain::{Permission, Seconds, Timestamp};
use holdfast_store::activity::{self, Happening, day_of};

/// How far back is looked at most.
const MOST: u16 = 366;

/// What happened on a day (UTC).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayOfActivity {
    /// When it began.
    pub day: Timestamp,
    /// How many seats devices took: exactly.
    pub activations: u64,
    /// How many leases followed another one, as far as nodes have added theirs: they do so once a minute, and one that is
    /// killed takes that minute with it.
    pub renewals: u64,
}

impl Service {
    /// The last `days` whole days and the one that has begun, in order, those without anything included.
    pub async fn activity(&self, actor: &Actor, days: u16) -> Result<Vec<DayOfActivity>> {
        actor.require(Permission::LicensesRead)?;
        let first = day_of(self.now()).plus(Seconds::days(-i64::from(days.min(MOST))));
        let counts = activity::since(&mut self.store().patient_reader(), actor.scope(), first).await?;
        let day = |n: u16| {
            let day = first.plus(Seconds::days(n.into()));
            let number = |what: Happening| {
                let found = counts.iter().find(|count| count.day == day && count.what == what);
                found.map_or(0, |count| count.number)
            };
            DayOfActivity { day, activations: number(Happening::Activations), renewals: number(Happening::Renewals) }
        };
        Ok((0..=days.min(MOST)).map(day).collect())
    }
}
