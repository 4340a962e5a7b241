//! What nodes measure of the database, and note in it: waits for connections, ends of licenses, jobs, proofs of restores.

use crate::support::{NOW, request, terms, vendor};
use holdfast_domain::{LicenseStatus, SeatModel, Seconds, Timestamp};
use holdfast_store::{
    Db, DbOptions, Querier as _, Store, StoreError, Tx, WriteOptions, ends, job_leases,
    licenses::NewLicense,
    proofs::{self, ProofRow},
    raw, seats,
};
use holdfast_testkit::both;
use std::time::{Duration, Instant};

async fn write<T, F>(store: &Store, job: F) -> T
where
    T: Send + 'static,
    F: for<'a> Fn(&'a mut Tx) -> holdfast_store::BoxFuture<'a, Result<T, StoreError>> + Send + 'static,
{
    store.write(WriteOptions::default(), job).await.unwrap()
}

both! {
    async fn the_wait_for_a_connection_is_measured(db: TestDb) {
        let few = DbOptions { readers: 1, acquire_timeout: Duration::from_secs(30), ..DbOptions::default() };
        let narrow = Db::open(db.url(), few).await.unwrap();
        let slow = if db.is_postgres() {
            "SELECT 1 FROM (SELECT pg_sleep(0.25)) AS slept"
        } else {
            "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 1000000) SELECT max(x) FROM n"
        };
        let one = |sql: &'static str| {
            let mut reader = narrow.reader();
            tokio::spawn(async move { drop(reader.rows(sql.into(), Vec::new()).await.unwrap()) })
        };
        one("SELECT 1").await.unwrap();
        assert!(narrow.pool_wait_p99().unwrap() < Duration::from_millis(200), "nobody was in the way");
        let begun = Instant::now();
        let all: Vec<_> = (0..6).map(|_| one(slow)).collect();
        for done in all {
            done.await.unwrap();
        }
        // PostgreSQL's pool has one connection more, for the writer: the last of six waits for two before it.
        let share = if db.is_postgres() { 2.0 / 3.0 } else { 5.0 / 6.0 };
        let (waited, took) = (narrow.pool_wait_p99().unwrap(), begun.elapsed());
        assert!(waited >= took.mul_f64(share * 0.6) && waited <= took.mul_f64(1.2), "{waited:?} of {took:?}");
        narrow.close().await;
    }

    async fn ends_are_counted_by_hour_and_by_minute(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 1)).await;
        let at = |hours: i64, seconds: i64| Some(NOW.plus(Seconds(hours * 3_600 + seconds)));
        let license = |ends: Option<Timestamp>, status: LicenseStatus| {
            let mut new: NewLicense = f.new_license(terms(SeatModel::NodeLocked, 1));
            (new.license.expires_at, new.license.status) = (ends, status);
            new
        };
        for n in 0..12 {
            f.insert(&license(at(30, n), LicenseStatus::Active)).await;
        }
        for (ends, status) in [
            (at(30, 1_000), LicenseStatus::Active),
            (at(50, 0), LicenseStatus::Active),
            (at(30, 5), LicenseStatus::Revoked),
            (at(-1, 0), LicenseStatus::Active),
            (at(24 * 60, 0), LicenseStatus::Active),
            (None, LicenseStatus::Active),
        ] {
            f.insert(&license(ends, status)).await;
        }
        let mut reader = f.store.reader();
        let until = NOW.plus(Seconds::days(45));
        assert_eq!(ends::in_force(&mut reader, NOW).await.unwrap(), [(f.product, 16)]);
        let hours = ends::by_hour(&mut reader, f.product, NOW, until).await.unwrap();
        assert_eq!(hours, [(NOW.plus(Seconds::hours(30)), 13), (NOW.plus(Seconds::hours(50)), 1)]);
        let minutes = ends::by_minute(&mut reader, f.product, NOW, until).await.unwrap();
        assert_eq!(minutes, [(NOW.plus(Seconds::hours(30)), 12)], "few ends are no crowd");
        // Each is read off the index alone.
        let (before, after, alone) = if db.is_postgres() {
            ("BEGIN; SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; EXPLAIN", "; ROLLBACK", "Index Only Scan using")
        } else {
            ("EXPLAIN QUERY PLAN", "", "USING COVERING INDEX")
        };
        for of in ["GROUP BY product", "AND product = '00000000-0000-0000-0000-000000000000' GROUP BY ends_at / 60"] {
            let sql = format!("{before} SELECT count(*) FROM licenses WHERE status = 'active' AND ends_at > 1 {of}{after}");
            let plan: String = raw::run(&db.db, &sql).await.unwrap().into_iter().flatten().flatten().collect();
            assert!(plan.contains(&format!("{alone} licenses_running_idx")), "{plan}");
        }
    }

    async fn a_job_that_was_done_is_nobodys_until_it_is_due(db: TestDb) {
        let store = db.store();
        let take = |who: &'static str, at: i64| write(&store, move |tx| Box::pin(async move {
            job_leases::acquire(tx, "prune", who, Seconds(300), NOW.plus(Seconds(at))).await
        }));
        let finish = |token: i64, at: i64| write(&store, move |tx| Box::pin(async move {
            job_leases::finish(tx, "prune", token, NOW.plus(Seconds(at))).await
        }));
        let token = take("a", 0).await.unwrap();
        assert_eq!(job_leases::done(&mut store.reader()).await.unwrap(), [], "begun is not done");
        assert!(finish(token, 5).await);
        assert_eq!(job_leases::done(&mut store.reader()).await.unwrap(), [("prune".to_owned(), NOW.plus(Seconds(5)))]);
        let second = take("b", 6).await.unwrap();
        assert_eq!(second, token + 1, "given back before its time");
        assert!(!finish(token, 7).await, "whoever is late has done nothing");
        assert_eq!(job_leases::done(&mut store.reader()).await.unwrap()[0].1, NOW.plus(Seconds(5)));
        assert!(finish(second, 8).await);
        assert_eq!(job_leases::done(&mut store.reader()).await.unwrap()[0].1, NOW.plus(Seconds(8)));
    }

    async fn what_a_database_holds_is_compared_with_its_counts(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 3)).await;
        let license = f.license(terms(SeatModel::NodeLocked, 3)).await;
        f.claim(license, 1).await.unwrap();
        f.claim(license, 2).await.unwrap();
        f.license(terms(SeatModel::NodeLocked, 3)).await;
        // Of named users people count, and whoever was handed a seat.
        let people = f.license(terms(SeatModel::NamedUser { devices: 2 }, 3)).await;
        for n in [3, 4] {
            f.claim_with(people, request(n, Some("ada@example.com"), NOW)).await.unwrap();
        }
        assert_eq!(f.hand_out(people, "bob@example.com").await, seats::HandedOut::Done);
        let look = async || proofs::holdings(&mut f.store.reader()).await.unwrap();
        let held = look().await;
        assert_eq!((held.licenses, held.seats, held.miscounted, held.as_of), (3, 4, 0, Some(NOW)));
        for (breaks, mends) in [
            ("UPDATE licenses SET seats_used = seats_used + 1", "UPDATE licenses SET seats_used = seats_used - 1"),
            ("UPDATE vendor_counts SET rows = rows + 1", "UPDATE vendor_counts SET rows = rows - 1"),
            ("UPDATE seats SET state = 'released'", "UPDATE seats SET state = 'active'"),
            ("UPDATE seat_holders SET email = 'ada@example.com'", "UPDATE seat_holders SET email = 'bob@example.com'"),
        ] {
            raw::run(&db.db, breaks).await.unwrap();
            assert!(look().await.miscounted > 0, "{breaks}");
            raw::run(&db.db, mends).await.unwrap();
            assert_eq!(look().await.miscounted, 0, "{mends}");
        }
    }

    async fn the_last_proof_is_kept(db: TestDb) {
        let store = db.store();
        assert!(proofs::last(&mut store.reader()).await.unwrap().is_none());
        assert_eq!(proofs::installed_at(&mut store.reader()).await.unwrap(), None);
        for days in [0, 7] {
            let proved_at = NOW.plus(Seconds::days(days));
            let proof = ProofRow { proved_at, backup_at: NOW, took: 5, licenses: 1, seats: 2 };
            write(&store, move |tx| {
                let proof = proof.clone();
                Box::pin(async move { proofs::record(tx, &proof).await })
            }).await;
            assert_eq!(proofs::last(&mut store.reader()).await.unwrap().unwrap().proved_at, proved_at);
        }
        vendor(&store, terms(SeatModel::NodeLocked, 1)).await;
        assert_eq!(proofs::installed_at(&mut store.reader()).await.unwrap(), Some(NOW));
    }
}
