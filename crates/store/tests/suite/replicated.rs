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
        pair.on_primary("CREATE TABLE written (at timestamptz DEFAULT now()); CREATE ROLE plain LOGIN");
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
        let own = cluster::look(&pair.standby_url, PATIENCE).await.unwrap().replication;
        assert!(own.role == MemberRole::Replica && own.lag >= Some(Duration::from_secs(2)), "{own:?}");
        pair.on_standby("SELECT pg_wal_replay_resume()");
        until(&pair, &mut follower, &db, close).await;

        // Its own word counts only while it receives.
        let begun = Instant::now();
        loop {
            let own = cluster::look(&pair.standby_url, PATIENCE).await.unwrap().replication;
            assert_eq!(own.role, MemberRole::Replica);
            if own.lag.is_some_and(|lag| lag < Duration::from_secs(1)) {
                break;
            }
            assert!(begun.elapsed() < PATIENCE, "{own:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        pair.stop_primary();
        let begun = Instant::now();
        while cluster::look(&pair.standby_url, PATIENCE).await.unwrap().replication.lag.is_some() {
            assert!(begun.elapsed() < PATIENCE);
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
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
