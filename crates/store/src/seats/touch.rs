//! "Last seen": what renewals leave behind, written in batches.

use crate::{
    dialect::Dialect,
    error::StoreError,
    sql::{Arg, Querier, args},
    tx::Tx,
};
use holdfast_domain::{SeatId, Timestamp};
use std::collections::BTreeMap;

/// What a renewal says of its seat, and denials of their numbers.
#[derive(Clone, Debug)]
pub struct SeatTouch {
    /// The seat.
    pub seat: SeatId,
    /// When it renewed.
    pub last_seen_at: Timestamp,
    /// The sequence number of the lease it got; 0 where it got none, and then nothing of the lease is written.
    pub seq: i64,
    /// The greatest sequence number of a denial signed meanwhile; 0 where there was none.
    pub denial_seq: i64,
    /// That lease's `soft` end.
    pub lease_ends_at: Timestamp,
    /// That lease's `exp`.
    pub offline_until: Timestamp,
    /// The application's version, where it said so.
    pub app_version: Option<String>,
    /// The platform, where it said so.
    pub platform: Option<String>,
    /// How many leases in a row were granted without the database.
    pub continuity: i64,
    /// The region whose node signed that lease, where it belongs to one.
    pub region: Option<String>,
}

/// Writes what renewals said, in one statement per few thousand. Never lowers a sequence number or a time, whatever the
/// order in which touches arrive. Waits for no lock: seats that somebody else is changing are left out and returned, for
/// the next time. Give the job [`crate::WriteOptions::last`], marked as idempotent. The last of several touches of one
/// seat is that with the greatest sequence number.
pub async fn touch_many(tx: &mut Tx, touches: &[SeatTouch]) -> Result<Vec<SeatId>, StoreError> {
    let mut newest: BTreeMap<SeatId, (&SeatTouch, i64)> = BTreeMap::new();
    for touch in touches {
        let (kept, denial_seq) = newest.entry(touch.seat).or_insert((touch, 0));
        if touch.seq > kept.seq {
            *kept = touch;
        }
        *denial_seq = touch.denial_seq.max(*denial_seq);
    }
    let all: Vec<(&SeatTouch, i64)> = newest.into_values().collect();
    let mut busy = Vec::new();
    let mut rest = all.as_slice();
    while !rest.is_empty() {
        let (now, later) = rest.split_at(tx.dialect().chunk(rest.len(), 10));
        rest = later;
        busy.extend(touch_chunk(tx, now).await?);
    }
    Ok(busy)
}

async fn touch_chunk(tx: &mut Tx, touches: &[(&SeatTouch, i64)]) -> Result<Vec<SeatId>, StoreError> {
    let dialect = tx.dialect();
    let rows: Vec<Vec<Arg>> = touches
        .iter()
        .map(|(t, denial_seq)| {
            args![
                t.seat,
                t.last_seen_at,
                t.seq,
                denial_seq,
                t.lease_ends_at,
                t.offline_until,
                t.app_version,
                t.platform,
                t.continuity,
                t.region
            ]
        })
        .collect();
    let (source, args) = dialect.constants(&rows, 0);
    // On SQLite nobody else can hold one.
    let (free, among) = match dialect {
        Dialect::Sqlite => (String::new(), ""),
        Dialect::Postgres => (
            format!(
                ", free AS (SELECT seats.id FROM seats WHERE seats.id IN (SELECT said.id FROM said){})",
                dialect.lock_rows_that_are_free()
            ),
            " AND said.id IN (SELECT free.id FROM free)",
        ),
    };
    let sql = format!(
        "WITH said (id, seen, seq, denial, soft, exp, version, platform, continuity, region) AS ({source}){free}
         UPDATE seats SET
            last_seen_at = CASE WHEN said.seen > seats.last_seen_at THEN said.seen ELSE seats.last_seen_at END,
            lease_ends_at = CASE WHEN said.seq > seats.seq THEN said.soft ELSE seats.lease_ends_at END,
            offline_until = CASE WHEN said.seq > seats.seq THEN said.exp ELSE seats.offline_until END,
            continuity = CASE WHEN said.seq > seats.seq THEN said.continuity ELSE seats.continuity END,
            region = CASE WHEN said.seq > seats.seq THEN said.region ELSE seats.region END,
            app_version = CASE WHEN said.seq > seats.seq THEN coalesce(said.version, seats.app_version)
                ELSE seats.app_version END,
            platform = CASE WHEN said.seq > seats.seq THEN coalesce(said.platform, seats.platform)
                ELSE seats.platform END,
            seq = CASE WHEN said.denial > seats.seq AND said.denial > said.seq THEN said.denial
                WHEN said.seq > seats.seq THEN said.seq ELSE seats.seq END
         FROM said WHERE seats.id = said.id{among} RETURNING seats.id"
    );
    let mut written = std::collections::HashSet::new();
    for row in tx.rows(sql.into(), args).await? {
        written.insert(row.get::<SeatId>(0)?);
    }
    let missed: Vec<SeatId> = touches.iter().map(|(t, _)| t.seat).filter(|seat| !written.contains(seat)).collect();
    if missed.is_empty() {
        return Ok(missed);
    }
    // Left out because somebody holds it, or because there is no such seat (any more)?
    let mut args = Vec::new();
    let among = dialect.any_of("id", missed.iter().map(crate::sql::ToArg::arg), &mut args);
    let sql = format!("SELECT id FROM seats WHERE {among}");
    tx.rows(sql.into(), args).await?.iter().map(|row| row.get(0)).collect()
}
