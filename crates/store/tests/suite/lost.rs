//! The connection to PostgreSQL is lost at the worst moments: before a commit arrives, and after it has.

use crate::support::{Fixture, NOW, entropy, request, terms, vendor};
use holdfast_domain::{CustomerId, SeatModel};
use holdfast_store::{
    Db, DbOptions, DbUrl, Reader, Store, StoreError, StoreOptions, WriteOptions, customers, events, licenses, seats,
};
use holdfast_testkit::TestDb;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

const PASS: u8 = 0;
/// Cut the connection instead of passing the next COMMIT on.
const CUT_BEFORE: u8 = 1;
/// Pass the next COMMIT on, then cut the connection before its answer.
const CUT_AFTER: u8 = 2;
/// Pass nothing on.
const DOWN: u8 = 3;
/// The connection on which a key is looked up for the first time hears nothing any more; the others go on.
const HANG_ONE: u8 = 4;

/// A way to the database that can be cut at a commit. Returns the address and the switch.
async fn gate(target: String) -> (u16, Arc<AtomicU8>) {
    let mode = Arc::new(AtomicU8::new(PASS));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let switch = mode.clone();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let (mode, target) = (switch.clone(), target.clone());
            tokio::spawn(async move {
                if mode.load(Ordering::SeqCst) != DOWN {
                    let _ = pass(client, TcpStream::connect(target).await?, &mode).await;
                }
                Ok::<_, std::io::Error>(())
            });
        }
    });
    (port, mode)
}

async fn pass(mut client: TcpStream, mut server: TcpStream, mode: &AtomicU8) -> std::io::Result<()> {
    let (mut from_client, mut from_server) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        tokio::select! {
            n = client.read(&mut from_client) => {
                let n = n?;
                if n == 0 || mode.load(Ordering::SeqCst) == DOWN {
                    return Ok(());
                }
                let looks_up = from_client[..n].windows(8).any(|word| word == b"key_hash");
                if looks_up && mode.compare_exchange(HANG_ONE, PASS, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
                    std::future::pending::<()>().await;
                }
                let commit = from_client[..n].windows(6).any(|word| word == b"COMMIT");
                let cut = if commit { mode.swap(PASS, Ordering::SeqCst) } else { PASS };
                if cut == CUT_BEFORE {
                    return Ok(());
                }
                server.write_all(&from_client[..n]).await?;
                if cut == CUT_AFTER {
                    // The server's answer shows that it has committed; the client never sees it.
                    let _ = server.read(&mut from_server).await?;
                    return Ok(());
                }
            }
            n = server.read(&mut from_server) => {
                let n = n?;
                if n == 0 || mode.load(Ordering::SeqCst) == DOWN {
                    return Ok(());
                }
                client.write_all(&from_server[..n]).await?;
            }
        }
    }
}

struct Cuttable {
    db: TestDb,
    f: Fixture,
    mode: Arc<AtomicU8>,
}

async fn cuttable() -> Cuttable {
    let db = TestDb::postgres().await;
    let DbUrl::Postgres(url) = db.url().clone() else { unreachable!() };
    let (before, rest) = url.split_once('@').unwrap();
    let (address, name) = rest.split_once('/').unwrap();
    let (port, mode) = gate(address.to_owned()).await;
    let through = DbUrl::Postgres(format!("{before}@127.0.0.1:{port}/{name}"));
    let options = DbOptions {
        acquire_timeout: Duration::from_millis(500),
        // Longer than any of these tests: a statement that hangs does so to its end.
        statement_timeout: Duration::from_mins(1),
        ..DbOptions::default()
    };
    let cut = Db::open(&through, options).await.unwrap();
    let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 5)).await;
    let budget = Duration::from_secs(3);
    let store = Store::start(cut, StoreOptions { budget, ..StoreOptions::default() });
    Cuttable { f: Fixture { store, ..f }, db, mode }
}

async fn customer(f: &Fixture, email: &str) -> Result<(), StoreError> {
    let row = customers::CustomerRow {
        id: CustomerId::new(NOW, &entropy()),
        vendor: f.scope.vendor(),
        name: "A Customer".parse().unwrap(),
        email: Some(email.parse().unwrap()),
        external_id: None,
        created_at: NOW,
        updated_at: NOW,
    };
    let scope = f.scope;
    f.store
        .write(WriteOptions::default(), move |tx| {
            let row = row.clone();
            Box::pin(async move { customers::insert(tx, scope, &row).await })
        })
        .await
}

#[test]
fn a_commit_whose_answer_is_lost_is_reported_as_unknown_unless_it_may_be_repeated() {
    holdfast_testkit::db::run(async {
        let c = cuttable().await;
        let license = c.f.license(terms(SeatModel::NodeLocked, 5)).await;
        for (mode, stored) in [(CUT_AFTER, true), (CUT_BEFORE, false)] {
            let email = format!("c{mode}@example.com");
            c.mode.store(mode, Ordering::SeqCst);
            let result = customer(&c.f, &email).await;
            assert!(matches!(result, Err(StoreError::OutcomeUnknown(_))), "{result:?}");
            let direct = &mut c.db.store().reader();
            let row = customers::by_email(direct, c.f.scope, &email.parse().unwrap()).await.unwrap();
            assert_eq!(row.is_some(), stored);
        }
        // A claim may be repeated: it leads to the same seat, counted once, with one event.
        for (n, mode) in [CUT_AFTER, CUT_BEFORE].into_iter().enumerate() {
            let n = u32::try_from(n).unwrap();
            c.mode.store(mode, Ordering::SeqCst);
            let claim = c.f.claim_with(license, request(n, None, NOW)).await.unwrap();
            assert!(matches!(claim, seats::Claim::Claimed(c) if c.again == (mode == CUT_AFTER)));
            assert_eq!(c.f.used(license).await, (n + 1, i64::from(n) + 1));
        }
        let verdict = events::verify(&mut c.f.store.reader(), c.f.scope).await.unwrap();
        assert!(matches!(verdict, events::Verdict::Whole { events: 2, .. }), "{verdict:?}");
    });
}

#[test]
fn while_the_database_is_away_writes_wait_and_are_then_given_up_or_done() {
    holdfast_testkit::db::run(async {
        let c = cuttable().await;
        let license = c.f.license(terms(SeatModel::NodeLocked, 5)).await;
        c.mode.store(DOWN, Ordering::SeqCst);
        let began = std::time::Instant::now();
        let result = c.f.claim(license, 1).await;
        assert!(matches!(result, Err(StoreError::Unavailable(_))), "{result:?}");
        assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
        let waiting = {
            let f = c.f.clone();
            tokio::spawn(async move { f.claim(license, 2).await })
        };
        tokio::time::sleep(Duration::from_millis(900)).await;
        c.mode.store(PASS, Ordering::SeqCst);
        assert!(matches!(waiting.await.unwrap().unwrap(), seats::Claim::Claimed(_)));
        assert_eq!(c.f.used(license).await, (1, 1));
    });
}

#[test]
fn a_look_up_whose_connection_hangs_holds_nobody_else_up() {
    holdfast_testkit::db::run(async {
        let c = cuttable().await;
        let new = c.f.new_license(terms(SeatModel::NodeLocked, 5));
        c.f.insert(&new).await;
        let ask = || {
            let (store, product, hash) = (c.f.store.clone(), c.f.product, new.key_hash);
            tokio::spawn(async move { store.license_of_key(product, hash).await })
        };
        c.mode.store(HANG_ONE, Ordering::SeqCst);
        let hanging = ask();
        while c.mode.load(Ordering::SeqCst) == HANG_ONE {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let patient = ask();
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(ask().await.unwrap().unwrap(), Some(new.license.id));
        assert_eq!(patient.await.unwrap().unwrap(), Some(new.license.id), "served by the one that was not held up");
        assert!(!hanging.is_finished());
    });
}

#[test]
fn whoever_has_nothing_else_to_go_on_with_waits_for_the_database() {
    holdfast_testkit::db::run(async {
        let c = cuttable().await;
        let license = c.f.license(terms(SeatModel::NodeLocked, 5)).await;
        let read = async |reader: Reader| licenses::get(&mut { reader }, c.f.scope, license).await;
        c.mode.store(DOWN, Ordering::SeqCst);
        let back = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            c.mode.store(PASS, Ordering::SeqCst);
        };
        let (hasty, patient, ()) = tokio::join!(read(c.f.store.reader()), read(c.f.store.patient_reader()), back);
        assert!(matches!(hasty, Err(StoreError::Unavailable(_))), "{hasty:?}");
        assert!(patient.unwrap().is_some());

        c.mode.store(DOWN, Ordering::SeqCst);
        let begun = Instant::now();
        let given_up = read(c.f.store.patient_reader()).await;
        assert!(matches!(given_up, Err(StoreError::Unavailable(_))));
        let took = begun.elapsed();
        assert!(Duration::from_secs(3) <= took && took < Duration::from_secs(5), "as long as a write: {took:?}");
    });
}
