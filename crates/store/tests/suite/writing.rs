//! The group-commit writer: isolation of jobs, answers after commits, no deadlocks between nodes.

use crate::{
    claims::futures_all,
    support::{Fixture, NOW, entropy, event, request, terms, vendor},
};
use holdfast_domain::{CustomerId, Name, SeatModel};
use holdfast_store::{
    Constraint, Counted, Order, Scope, Store, StoreError, StoreOptions, Tx, WriteOptions, customers, events, licenses,
    raw, seats, vendors,
};
use holdfast_testkit::both;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

fn customer(email: &str) -> customers::CustomerRow {
    customers::CustomerRow {
        id: CustomerId::new(NOW, &entropy()),
        vendor: holdfast_domain::VendorId::from_bytes([0; 16]),
        name: "A Customer".parse().unwrap(),
        email: Some(email.parse().unwrap()),
        external_id: None,
        created_at: NOW,
        updated_at: NOW,
    }
}

async fn put(store: &Store, scope: Scope, row: customers::CustomerRow) -> Result<(), StoreError> {
    store
        .write(WriteOptions::default(), move |tx| {
            let row = row.clone();
            Box::pin(async move { customers::insert(tx, scope, &row).await })
        })
        .await
}

async fn number_of_customers(f: &Fixture) -> u64 {
    vendors::counted(&mut f.store.reader(), f.scope, Counted::Customers).await.unwrap()
}

both! {
    async fn a_job_that_conflicts_takes_nobody_with_it(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 1)).await;
        let tasks = (0..200u32).map(|n| {
            let (store, scope) = (f.store.clone(), f.scope);
            // Every address comes twice.
            tokio::spawn(async move { put(&store, scope, customer(&format!("c{}@example.com", n / 2))).await })
        });
        let results = futures_all(tasks).await;
        assert_eq!(results.iter().filter(|r| r.is_ok()).count(), 100);
        let conflict = |e: &StoreError| e.is_conflict(Constraint::CustomerEmail);
        assert!(results.iter().filter_map(|r| r.as_ref().err()).all(conflict));
        assert_eq!(number_of_customers(&f).await, 100);
    }

    async fn what_a_failing_job_wrote_before_is_rolled_back(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 1)).await;
        let scope = f.scope;
        let result: Result<(), StoreError> = f.store.write(WriteOptions::default(), move |tx| Box::pin(async move {
            customers::insert(tx, scope, &customer("gone@example.com")).await?;
            Err(StoreError::Busy)
        })).await;
        assert!(matches!(result, Err(StoreError::Busy)));
        let gone = customers::by_email(&mut f.store.reader(), scope, &"gone@example.com".parse().unwrap()).await.unwrap();
        assert!(gone.is_none());
        assert_eq!(number_of_customers(&f).await, 0);
    }

    async fn a_job_that_hides_a_failure_is_not_reported_as_done(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 1)).await;
        let scope = f.scope;
        put(&f.store, scope, customer("a@example.com")).await.unwrap();
        let hiding: Result<(), StoreError> = f.store.write(WriteOptions::default(), move |tx| Box::pin(async move {
            let _ = customers::insert(tx, scope, &customer("b@example.com")).await;
            let _ = customers::insert(tx, scope, &customer("a@example.com")).await;
            Ok(())
        })).await;
        assert!(matches!(hiding, Err(StoreError::Internal(_))), "{hiding:?}");
        assert_eq!(number_of_customers(&f).await, 1);
        put(&f.store, scope, customer("c@example.com")).await.unwrap();
    }

    async fn an_answer_comes_after_the_commit(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 1)).await;
        let other = db.another_node().await;
        for n in 0..50 {
            let row = customer(&format!("c{n}@example.com"));
            let id = row.id;
            put(&f.store, f.scope, row).await.unwrap();
            assert!(customers::get(&mut other.reader(), f.scope, id).await.unwrap().is_some());
        }
    }

    async fn a_caller_that_goes_away_does_not_stop_the_write(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 1)).await;
        for n in 0..30 {
            let write = put(&f.store, f.scope, customer(&format!("c{n}@example.com")));
            let _ = tokio::time::timeout(Duration::from_micros(50 * n), write).await;
        }
        put(&f.store, f.scope, customer("last@example.com")).await.unwrap();
        assert!(number_of_customers(&f).await >= 30);
    }

    async fn a_full_queue_refuses_at_once(db: TestDb) {
        let setup = db.store();
        let scope = vendor(&setup, terms(SeatModel::NodeLocked, 1)).await.scope;
        let store = Store::start(db.db.clone(), StoreOptions { queue: 4, max_batch: 1, ..StoreOptions::default() });
        let tasks = (0..50u32).map(|n| {
            let store = store.clone();
            tokio::spawn(async move { put(&store, scope, customer(&format!("c{n}@example.com"))).await })
        });
        let results = futures_all(tasks).await;
        assert!(results.iter().any(|r| matches!(r, Err(StoreError::Busy))));
        assert!(results.iter().any(Result::is_ok));
        assert!(results.iter().all(|r| matches!(r, Ok(()) | Err(StoreError::Busy))));
    }

    async fn nodes_that_lock_many_licenses_in_any_order_do_not_block_each_other(db: TestDb) {
        let nodes = [db.store(), db.another_node().await];
        let f = vendor(&nodes[0], terms(SeatModel::NodeLocked, 1)).await;
        let mut all = Vec::new();
        for _ in 0..12 {
            all.push(f.license(terms(SeatModel::NodeLocked, 100_000)).await);
        }
        let began = Instant::now();
        let tasks = (0..1_200u32).map(|n| {
            let f = Fixture { store: nodes[n as usize % 2].clone(), ..f.clone() };
            let license = all[(n as usize * 7 + n as usize / 5) % all.len()];
            tokio::spawn(async move {
                if n % 5 != 0 {
                    f.claim(license, n % 300).await.unwrap();
                } else {
                    let scope = f.scope;
                    let (seats, touches) = (seats::active_of_license(&mut f.store.reader(), scope, license).await.unwrap(), n);
                    let touches: Vec<_> = seats.into_iter().rev().map(|row| seats::SeatTouch {
                        seat: row.seat.id, last_seen_at: NOW, seq: row.seat.seq + i64::from(touches), denial_seq: 0, lease_ends_at: NOW,
                        offline_until: NOW, app_version: None, platform: None, continuity: 0, region: None,
                    }).collect();
                    f.store.write::<_, StoreError, _>(WriteOptions::last().idempotent(), move |tx| {
                        let touches = touches.clone();
                        Box::pin(async move { seats::touch_many(tx, &touches).await })
                    }).await.unwrap();
                }
            })
        });
        futures_all(tasks).await;
        // A deadlock would have cost a second until it was found.
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
        for license in all {
            let (used, taken) = f.used(license).await;
            assert_eq!(i64::from(used), taken);
        }
        assert!(matches!(events::verify(&mut f.store.reader(), f.scope).await.unwrap(), events::Verdict::Whole { .. }));
    }

    async fn a_job_runs_again_when_its_batch_is_lost(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 10)).await;
        let license = f.license(terms(SeatModel::NodeLocked, 10)).await;
        if !db.is_postgres() {
            return;
        }
        let (runs, scope) = (Arc::new(AtomicU32::new(0)), f.scope);
        let counted = runs.clone();
        let admin = db.db.clone();
        let claim = f.store.write::<_, StoreError, _>(WriteOptions::license(license), move |tx| {
            let (runs, admin) = (counted.clone(), admin.clone());
            Box::pin(async move {
                let request = request(1, None, NOW);
                let locked = seats::lock(tx, scope, license, &request.device).await?.expect("it exists");
                if runs.fetch_add(1, Ordering::SeqCst) == 0 {
                    // The server ends our connection in the middle, as in a failover.
                    let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                        WHERE datname = current_database() AND state = 'idle in transaction'";
                    raw::run(&admin, kill).await.unwrap();
                }
                tx.event(event(scope, "seat.claimed", "x"));
                seats::claim(tx, &locked, &request).await
            })
        }).await.unwrap();
        assert!(matches!(claim, seats::Claim::Claimed(c) if !c.again));
        assert_eq!(runs.load(Ordering::SeqCst), 2);
        assert_eq!(f.used(license).await, (1, 1));
    }

    async fn a_sole_job_may_lock_several_licenses(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 10)).await;
        let (one, two) = (f.license(terms(SeatModel::NodeLocked, 1)).await, f.license(terms(SeatModel::NodeLocked, 1)).await);
        let scope = f.scope;
        let done = f.store.write::<_, StoreError, _>(WriteOptions { order: Order::Alone, idempotent: false }, move |tx| Box::pin(async move {
            rename_nothing(tx, scope).await?;
            let mut versions = Vec::new();
            for id in [one, two] {
                let row = licenses::lock(tx, scope, id).await?.expect("it exists");
                assert!(licenses::update(tx, scope, &row.license, NOW).await?);
                versions.push(row.version);
            }
            Ok(versions)
        })).await.unwrap();
        assert_eq!(done, [1, 1]);
        assert_eq!(licenses::get(&mut f.store.reader(), scope, two).await.unwrap().unwrap().version, 2);
    }
}

async fn rename_nothing(tx: &mut Tx, scope: Scope) -> Result<(), StoreError> {
    let name: Name = "Example & Sons".parse().unwrap();
    assert!(vendors::rename(tx, scope, &name).await?);
    Ok(())
}
