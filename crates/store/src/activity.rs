//! How much happens: activations and renewals by vendor and day (UTC).
//!
//! The database counts activations itself, with the events that tell of them. Renewals write nothing that could be counted,
//! so nodes count theirs in memory and add them now and then.

use crate::{
    error::StoreError,
    scope::Scope,
    sql::{Arg, Querier, args, stored_enum},
    tx::Tx,
};
use holdfast_domain::{Seconds, Timestamp, VendorId};

stored_enum! {
    /// What is counted.
    pub enum Happening {
        /// Seats that devices took; not those that asked again for their own.
        Activations = "activations",
        /// Leases that followed another one.
        Renewals = "renewals",
    }
}

/// How often something happened on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayCount {
    /// What.
    pub what: Happening,
    /// When the day began.
    pub day: Timestamp,
    /// How often.
    pub number: u64,
}

/// When the day (UTC) of `at` began.
pub const fn day_of(at: Timestamp) -> Timestamp {
    let seconds = at.seconds().0;
    Timestamp::from_seconds(seconds - seconds.rem_euclid(Seconds::DAY.0))
}

/// Adds renewals to those that are known: whose, when the day began, and how many. Not to be repeated after an unknown
/// outcome. Locks the days' rows in the order given, which must be the same for everybody.
pub async fn add_renewals(tx: &mut Tx, counts: &[(VendorId, Timestamp, i64)]) -> Result<(), StoreError> {
    let rows: Vec<Vec<Arg>> =
        counts.iter().map(|(vendor, day, number)| args![vendor, Happening::Renewals, day, number]).collect();
    let add = "ON CONFLICT (vendor, kind, day) DO UPDATE SET number = daily_counts.number + excluded.number";
    tx.insert("daily_counts", "vendor, kind, day, number", &rows, add).await.map(|_| ())
}

/// What happened to the vendor on the day that began at `since` and on every later one, in order; days on which nothing did
/// are left out.
pub async fn since(q: &mut dyn Querier, scope: Scope, since: Timestamp) -> Result<Vec<DayCount>, StoreError> {
    let sql = "SELECT kind, day, number FROM daily_counts WHERE vendor = $1 AND day >= $2 ORDER BY day, kind";
    let rows = q.rows(sql.into(), args![scope.vendor(), since]).await?;
    rows.iter()
        .map(|row| {
            let number: i64 = row.get(2)?;
            Ok(DayCount { what: row.get(0)?, day: row.get(1)?, number: u64::try_from(number).unwrap_or(0) })
        })
        .collect()
}
