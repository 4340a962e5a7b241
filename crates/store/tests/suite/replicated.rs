//! A real primary with a real standby: what both say of their replication, and what a user without rights may see.

use holdfast_store::{
    Db, DbOptions, DbUrl, cluster,
    replication::{Follower, MemberRole, Replication},
};
use holdfast_testkit::{Pair, TestDb};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(20);

async fn open(url: &str) -> Db {
    let url: DbUrl = url.parse().unwrap();
    Db::open(&url, DbOptions { readers: 2, ..DbOptions::default() }).await.unwrap()
}

/// Asks the standby itself until it is as wanted.
async fn standby_until(pair: &Pair, wanted: impl Fn(Option<Duration>) -> bool) {
    let begun = Instant::now();
    loop {
        let own = cluster::look(&pair.standby_url, PATIENCE).await.unwrap().replication;
        assert_eq!(own.role, MemberRole::Replica);
        if wanted(own.lag) {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{own:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Looks, and writes something before each look, until it is as wanted.
async fn until(pair: &Pair, follower: &mut Follower, db: &Db, wanted: impl Fn(&Replication) -> bool) -> Replication {
    let begun = Instant::now();
    loop {
        pair.on_primary("INSERT INTO written DEFAULT VALUES");
        let seen = follower.look(db).await.unwrap();
        if wanted(&seen) {
            return seen;
        }
        assert!(begun.elapsed() < PATIENCE, "{seen:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[test]
fn a_primary_knows_its_slowest_standby_and_a_standby_itself() {
    holdfast_testkit::db::run(async {
        let pair = Pair::start();
        // A standby that has not replayed a single transaction yet knows all the same that it is behind.
        pair.on_standby("SELECT pg_wal_replay_pause()");
        pair.on_primary("CREATE TABLE written (at timestamptz DEFAULT now()); CREATE ROLE plain LOGIN");
        standby_until(&pair, |lag| lag > Some(Duration::ZERO)).await;
        pair.on_standby("SELECT pg_wal_replay_resume()");
        let db = open(&pair.primary_url).await;
        let plain = open(&pair.primary_url.replace("holdfast@", "plain@")).await;
        let mut follower = Follower::default();
        let close = |seen: &Replication| seen.lag.is_some_and(|lag| lag < Duration::from_millis(500));
        let seen = until(&pair, &mut follower, &db, close).await;
        assert_eq!(seen.role, MemberRole::Primary);

        // Without the right to look it is absent, and with it there.
        let unseen = Follower::default().look(&plain).await.unwrap();
        assert_eq!(unseen, Replication { role: MemberRole::Primary, lag: None });
        pair.on_primary("GRANT pg_monitor TO plain");
        plain.close().await;
        let plain = open(&pair.primary_url.replace("holdfast@", "plain@")).await;
        assert!(Follower::default().look(&plain).await.unwrap().lag.is_some());

        // The standby goes on receiving and stops replaying.
        pair.on_standby("SELECT pg_wal_replay_pause()");
        let behind = until(&pair, &mut follower, &db, |seen| seen.lag >= Some(Duration::from_secs(3))).await;
        assert_eq!(behind.role, MemberRole::Primary);
        standby_until(&pair, |lag| lag >= Some(Duration::from_secs(2))).await;
        pair.on_standby("SELECT pg_wal_replay_resume()");
        until(&pair, &mut follower, &db, close).await;

        // Its own word counts only while it receives.
        standby_until(&pair, |lag| lag.is_some_and(|lag| lag < Duration::from_secs(1))).await;
        pair.stop_primary();
        standby_until(&pair, |lag| lag.is_none()).await;
    });
}

#[test]
fn an_embedded_database_is_alone() {
    holdfast_testkit::db::run(async {
        let db = TestDb::sqlite().await;
        let seen = Follower::default().look(&db.db).await.unwrap();
        assert_eq!(seen, Replication { role: MemberRole::Single, lag: None });
    });
}
