//! Whether a restored database holds what it should, and when one last did.

use crate::{
    error::StoreError,
    seats::count_as,
    sql::{Querier, Record as _, args, first, record, value},
    tx::Tx,
};
use holdfast_domain::{EventHash, SeatModel, Timestamp, VendorId};

record! {
    /// The last restore that was proved.
    pub struct ProofRow in "restore_proofs" {
        /// When it was proved.
        pub proved_at: Timestamp,
        /// The last moment that is in the backup.
        pub backup_at: Timestamp,
        /// How many microseconds that took.
        pub took: i64,
        /// How many licenses were in it.
        pub licenses: i64,
        /// How many taken seats.
        pub seats: i64,
    }
}

/// Records a proof in place of the one before.
pub async fn record(tx: &mut Tx, proof: &ProofRow) -> Result<(), StoreError> {
    let sql =
        "INSERT INTO restore_proofs (id, proved_at, backup_at, took, licenses, seats) VALUES (1, $1, $2, $3, $4, $5)
        ON CONFLICT (id) DO UPDATE SET proved_at = excluded.proved_at, backup_at = excluded.backup_at,
            took = excluded.took, licenses = excluded.licenses, seats = excluded.seats";
    let p = proof;
    tx.rows(sql.into(), args![p.proved_at, p.backup_at, p.took, p.licenses, p.seats]).await.map(|_| ())
}

/// The last proof.
pub async fn last(q: &mut dyn Querier) -> Result<Option<ProofRow>, StoreError> {
    first(q, format!("SELECT {} FROM restore_proofs WHERE id = 1", ProofRow::COLUMNS), Vec::new()).await
}

/// Since when the installation exists: when its first vendor was made.
pub async fn installed_at(q: &mut dyn Querier) -> Result<Option<Timestamp>, StoreError> {
    let oldest: Option<Option<Timestamp>> = value(q, "SELECT min(created_at) FROM vendors", Vec::new()).await?;
    Ok(oldest.flatten())
}

/// What a database holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holdings {
    /// Licenses.
    pub licenses: i64,
    /// Taken seats.
    pub seats: i64,
    /// Licenses that count other seats than they have, and lists whose totals are wrong.
    pub miscounted: i64,
    /// The last moment of which it knows anything.
    pub as_of: Option<Timestamp>,
}

/// Counts everything, and compares it with the counts that are kept. Reads whole tables.
pub async fn holdings(q: &mut dyn Querier) -> Result<Holdings, StoreError> {
    const MISCOUNTED: [&str; 4] = [
        "SELECT count(*) FROM vendor_counts AS c WHERE kind = 'licenses'
            AND rows <> (SELECT count(*) FROM licenses WHERE vendor = c.vendor)",
        "SELECT count(*) FROM vendor_counts AS c WHERE kind = 'seats'
            AND rows <> (SELECT count(*) FROM seats WHERE vendor = c.vendor)",
        "SELECT count(*) FROM vendor_counts AS c WHERE kind = 'customers'
            AND rows <> (SELECT count(*) FROM customers WHERE vendor = c.vendor)",
        "SELECT count(*) FROM vendor_counts AS c WHERE kind = 'orders'
            AND rows <> (SELECT count(*) FROM orders WHERE vendor = c.vendor)",
    ];
    let by = |model| count_as(model, "1 = 1", "");
    let seats = format!(
        "SELECT count(*) FROM licenses
         LEFT JOIN ({}) AS devices ON devices.license = licenses.id
         LEFT JOIN ({}) AS people ON people.license = licenses.id
         WHERE licenses.seats_used <> coalesce(CASE WHEN licenses.terms LIKE '%\"seat_model\":{{\"type\":\"named_user\"%'
             THEN people.places ELSE devices.places END, 0)",
        by(SeatModel::NodeLocked),
        by(SeatModel::NamedUser { devices: 1 })
    );
    let mut miscounted = value(q, seats, Vec::new()).await?.unwrap_or(0);
    for sql in MISCOUNTED {
        miscounted += count(q, sql).await?;
    }
    let last = "SELECT max(at) FROM (SELECT max(seen_at) AS at FROM nodes
        UNION ALL SELECT max(succeeded_at) FROM job_leases
        UNION ALL SELECT max(events.at) FROM event_heads
            JOIN events ON events.vendor = event_heads.vendor AND events.number = event_heads.number) AS told";
    Ok(Holdings {
        licenses: count(q, "SELECT count(*) FROM licenses").await?,
        seats: count(q, "SELECT count(*) FROM seats WHERE state = 'active'").await?,
        miscounted,
        as_of: value::<Option<Timestamp>>(q, last, Vec::new()).await?.flatten(),
    })
}

async fn count(q: &mut dyn Querier, sql: &'static str) -> Result<i64, StoreError> {
    Ok(value(q, sql, Vec::new()).await?.unwrap_or(0))
}

/// The hash of event number `number` of the vendor's chain; `None` where there is none.
pub async fn hash_of_event(
    q: &mut dyn Querier,
    vendor: VendorId,
    number: i64,
) -> Result<Option<EventHash>, StoreError> {
    if number == 0 {
        return Ok(Some(EventHash::GENESIS));
    }
    value(q, "SELECT hash FROM events WHERE vendor = $1 AND number = $2", args![vendor, number]).await
}
