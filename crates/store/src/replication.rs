//! What the member of the database that answers is, and how far its replicas are behind, as PostgreSQL says itself.

use crate::{
    db::Db,
    dialect::Dialect,
    error::StoreError,
    sql::{Querier as _, Row},
};
use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// How many moments are remembered before half of the older ones are given up.
const REMEMBERED: usize = 400;

/// What a member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberRole {
    /// The only one, as far as it says.
    Single,
    /// Others follow it, or should.
    Primary,
    /// It follows another.
    Replica,
}

/// What a member says of its replication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replication {
    /// What it is.
    pub role: MemberRole,
    /// Of a primary: how far the slowest of its standbys is behind. Of a replica: how far it is itself. Absent where that
    /// cannot be known: nothing follows, or this user may not see who does.
    pub lag: Option<Duration>,
}

/// What is asked. A user without `pg_monitor` gets nothing but nulls for the standbys' positions. A replica that has replayed
/// no transaction since it was started is behind for at least that long.
const SQL: &str = "SELECT pg_is_in_recovery(),
    CASE WHEN NOT pg_is_in_recovery() THEN pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint END,
    current_setting('synchronous_standby_names') <> ''
        OR EXISTS (SELECT FROM pg_stat_replication WHERE replay_lsn IS NOT NULL OR state IS NULL)
        OR EXISTS (SELECT FROM pg_replication_slots WHERE slot_type = 'physical'),
    (SELECT min(pg_wal_lsn_diff(replay_lsn, '0/0'))::bigint FROM pg_stat_replication),
    (SELECT (extract(epoch FROM max(replay_lag)) * 1000000)::bigint FROM pg_stat_replication),
    CASE WHEN pg_is_in_recovery() AND EXISTS (SELECT FROM pg_stat_wal_receiver) THEN
        CASE WHEN pg_last_wal_receive_lsn() <= pg_last_wal_replay_lsn() THEN 0
        ELSE (extract(epoch FROM clock_timestamp() - coalesce(pg_last_xact_replay_timestamp(), pg_postmaster_start_time()))
            * 1000000)::bigint END END";

/// One answer.
#[derive(Clone, Copy, Debug)]
struct Seen {
    replica: bool,
    /// How far a primary has written.
    written: Option<i64>,
    followed: bool,
    /// How far the slowest standby has replayed.
    replayed: Option<i64>,
    /// The greatest lag that standbys have told of, in microseconds.
    told: Option<i64>,
    /// How far a replica is behind, in microseconds.
    own: Option<i64>,
}

impl Seen {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            replica: row.get(0)?,
            written: row.get(1)?,
            followed: row.get(2)?,
            replayed: row.get(3)?,
            told: row.get(4)?,
            own: row.get(5)?,
        })
    }
}

fn micros(lag: i64) -> Duration {
    Duration::from_micros(u64::try_from(lag).unwrap_or(0))
}

/// Follows replication from look to look.
///
/// The lag that PostgreSQL shows begins at nothing when a standby connects, however much it has missed, and stands still
/// while a standby is silent. So what the primary had written at each look is remembered, and compared with what is replayed.
#[derive(Debug, Default)]
pub struct Follower {
    written: VecDeque<(Instant, i64)>,
}

impl Follower {
    /// Asks the database once.
    ///
    /// # Errors
    /// Where it does not answer.
    pub async fn look(&mut self, db: &Db) -> Result<Replication, StoreError> {
        if db.dialect() == Dialect::Sqlite {
            return Ok(Replication { role: MemberRole::Single, lag: None });
        }
        let rows = db.reader().rows(SQL.into(), Vec::new()).await?;
        let seen = rows.first().ok_or_else(|| StoreError::internal("no row"))?;
        Ok(self.judge(Seen::read(seen)?, Instant::now()))
    }

    /// The same over a connection of its own, which a server that takes no writes gives as well.
    pub(crate) async fn look_over(&mut self, connection: &mut sqlx::PgConnection) -> Result<Replication, sqlx::Error> {
        let row = Row::Postgres(sqlx::query(SQL).fetch_one(connection).await?);
        let seen = Seen::read(&row).map_err(|error| sqlx::Error::Decode(error.into()))?;
        Ok(self.judge(seen, Instant::now()))
    }

    fn judge(&mut self, seen: Seen, now: Instant) -> Replication {
        let Some(written) = seen.written.filter(|_| !seen.replica) else {
            self.written.clear();
            return Replication { role: MemberRole::Replica, lag: seen.own.map(micros) };
        };
        if self.written.back().is_some_and(|(_, before)| *before > written) {
            // Another primary, with a history of its own.
            self.written.clear();
        }
        self.written.push_back((now, written));
        if self.written.len() > REMEMBERED {
            // Long ago, the exact moment matters less; but not that since which the slowest standby has stood still.
            let stands = self.written.iter().position(|(_, written)| Some(*written) > seen.replayed);
            let mut at = 0;
            self.written.retain(|_| {
                at += 1;
                at > REMEMBERED / 2 || at % 2 == 1 || Some(at - 1) == stands
            });
        }
        let role = if seen.followed { MemberRole::Primary } else { MemberRole::Single };
        let lag = seen.replayed.map(|replayed| {
            let first = self.written.iter().find(|(_, written)| *written > replayed);
            let since = first.map_or(Duration::ZERO, |(at, _)| now.saturating_duration_since(*at));
            since.max(seen.told.map_or(Duration::ZERO, micros))
        });
        Replication { role, lag }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn primary(written: i64, replayed: Option<i64>, told: Option<i64>) -> Seen {
        Seen { replica: false, written: Some(written), followed: true, replayed, told, own: None }
    }

    #[test]
    fn a_silent_standby_falls_behind_all_the_same() {
        let (mut follower, began) = (Follower::default(), Instant::now());
        let at = |seconds: u64| began + Duration::from_secs(seconds);
        let lag = |follower: &mut Follower, seen, seconds| follower.judge(seen, at(seconds)).lag;
        assert_eq!(lag(&mut follower, primary(100, None, None), 0), None, "it cannot be seen");
        assert_eq!(lag(&mut follower, primary(110, Some(110), None), 2), Some(Duration::ZERO));
        assert_eq!(lag(&mut follower, primary(120, Some(110), Some(500)), 4), Some(Duration::from_micros(500)));
        for n in 3..400 {
            let behind = lag(&mut follower, primary(100 + 10 * n, Some(110), Some(500)), 2 * n.unsigned_abs());
            assert_eq!(behind, Some(Duration::from_secs(2 * n.unsigned_abs() - 4)), "the told lag stands still");
        }
        for n in 400..2_000 {
            let behind = lag(&mut follower, primary(100 + 10 * n, Some(110), None), 2 * n.unsigned_abs()).unwrap();
            let truth = Duration::from_secs(2 * n.unsigned_abs() - 4);
            assert!(behind <= truth && behind + Duration::from_secs(10) >= truth, "{behind:?} {truth:?}");
        }
        assert!(follower.written.len() <= REMEMBERED);
        assert_eq!(lag(&mut follower, primary(20_000, Some(20_000), Some(1)), 4_000), Some(Duration::from_micros(1)));
        assert_eq!(lag(&mut follower, primary(50, Some(40), None), 4_002), Some(Duration::ZERO), "another primary");
    }

    #[test]
    fn a_replica_says_nothing_unless_it_receives() {
        let mut seen = Seen { replica: true, written: None, followed: false, replayed: None, told: None, own: None };
        let silent = Follower::default().judge(seen, Instant::now());
        assert_eq!(silent, Replication { role: MemberRole::Replica, lag: None });
        seen.own = Some(2_000_000);
        assert_eq!(Follower::default().judge(seen, Instant::now()).lag, Some(Duration::from_secs(2)));
    }
}
