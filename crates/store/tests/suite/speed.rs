//! Measurements, run by hand: `cargo nextest run -p holdfast-store --run-ignored only --no-capture speed`.

use crate::{
    claims::futures_all,
    support::{Fixture, NOW, entropy, request, terms, vendor},
};
use holdfast_domain::{CustomerId, LicenseId, LicenseState, LicenseStatus, SeatModel, Seconds};
use holdfast_store::{Limit, PageRequest, StoreError, WriteOptions, customers, licenses, raw};
use holdfast_testkit::{TestDb, db::run};
use std::time::{Duration, Instant};

async fn claims(db: &TestDb, clients: u32, spread: usize) {
    let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 1)).await;
    let mut all = Vec::new();
    for _ in 0..spread {
        all.push(f.license(terms(SeatModel::NodeLocked, 900_000)).await);
    }
    let began = Instant::now();
    let tasks = (0..clients).map(|client| {
        let (f, all) = (f.clone(), all.clone());
        tokio::spawn(async move {
            let mut times = Vec::new();
            while began.elapsed() < Duration::from_secs(4) {
                let n = u32::try_from(times.len()).unwrap();
                let license = all[(client as usize + n as usize * 7) % all.len()];
                let start = Instant::now();
                f.claim_with(license, request(client * 1_000_000 + n, None, NOW)).await.unwrap();
                times.push(start.elapsed());
            }
            times
        })
    });
    let mut times: Vec<Duration> = futures_all(tasks).await.into_iter().flatten().collect();
    let rate = f64::from(u32::try_from(times.len()).unwrap()) / began.elapsed().as_secs_f64();
    times.sort_unstable();
    let (p50, p99) = (times[times.len() / 2], times[times.len() * 99 / 100]);
    let kind = if db.is_postgres() { "PostgreSQL" } else { "SQLite" };
    println!("{kind}: {clients} clients, {spread} licenses: {rate:.0} claims/s, p50 {p50:?}, p99 {p99:?}");
}

#[test]
#[ignore = "a measurement"]
fn claims_per_second() {
    run(async {
        for (clients, spread) in [(16, 1), (64, 1), (64, 200)] {
            claims(&TestDb::sqlite().await, clients, spread).await;
            claims(&TestDb::postgres().await, clients, spread).await;
        }
    });
}

async fn bulk(f: &Fixture, count: u32) {
    let (scope, size) = (f.scope, 10_000);
    for from in (0..count).step_by(size as usize) {
        let f2 = f.clone();
        f.store
            .write::<_, StoreError, _>(WriteOptions::alone(), move |tx| {
                let f = f2.clone();
                Box::pin(async move {
                    let mut people = Vec::new();
                    let mut new = Vec::new();
                    for n in from..(from + size).min(count) {
                        let id = CustomerId::new(NOW, &entropy());
                        people.push(customers::CustomerRow {
                            id,
                            vendor: scope.vendor(),
                            name: format!("Person {n}").parse().unwrap(),
                            email: Some(format!("person{n}@example.com").parse().unwrap()),
                            external_id: None,
                            created_at: NOW,
                            updated_at: NOW,
                        });
                        let mut l = f.new_license(terms(SeatModel::NodeLocked, 5));
                        l.license.id = LicenseId::new(NOW.plus(Seconds(i64::from(n))), &entropy());
                        l.license.customer = Some(id);
                        l.license.expires_at = (n % 2 == 0).then(|| NOW.plus(Seconds(i64::from(n) - 200)));
                        l.license.status = if n % 1_000 == 0 { LicenseStatus::Revoked } else { LicenseStatus::Active };
                        l.key_hint = format!("{:04X}", n % 65_536);
                        new.push(l);
                    }
                    customers::insert_many(tx, scope, &people).await?;
                    licenses::insert_many(tx, scope, &new).await.map(|_| ())
                })
            })
            .await
            .unwrap();
    }
}

#[test]
#[ignore = "a measurement"]
fn lists_of_many() {
    run(async {
        let count: u32 = std::env::var("HOLDFAST_TEST_ROWS").ok().and_then(|n| n.parse().ok()).unwrap_or(200_000);
        for db in [TestDb::sqlite().await, TestDb::postgres().await] {
            let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 1)).await;
            let began = Instant::now();
            bulk(&f, count).await;
            let kind = if db.is_postgres() { "PostgreSQL" } else { "SQLite" };
            println!("{kind}: {count} customers and licenses in {:?}", began.elapsed());
            if db.is_postgres() {
                raw::run(&db.db, "ANALYZE").await.unwrap();
            }
            let base = licenses::LicenseFilter::default;
            let q = |text: &str| licenses::LicenseFilter { q: Some(text.to_owned()), ..base() };
            let state = |state| licenses::LicenseFilter { state: Some(state), ..base() };
            for (what, filter) in [
                ("all", base()),
                ("active", state(LicenseState::Active)),
                ("expired (few)", state(LicenseState::Expired)),
                ("revoked", state(LicenseState::Revoked)),
                ("product", licenses::LicenseFilter { product: Some(f.product), ..base() }),
                (
                    "product, active",
                    licenses::LicenseFilter { product: Some(f.product), ..state(LicenseState::Active) },
                ),
                ("plan, revoked", licenses::LicenseFilter { plan: Some(f.plan), ..state(LicenseState::Revoked) }),
                ("key", q("00FF")),
                ("e-mail", q("person12345@")),
                ("broad", q("person")),
                ("nothing", q("nobody")),
                ("ending", licenses::LicenseFilter { ends_before: Some(NOW.plus(Seconds(500))), ..base() }),
            ] {
                for sort in [licenses::LicenseSort::Created, licenses::LicenseSort::Ends] {
                    let page = PageRequest { limit: Limit::new(50), sort, ..Default::default() };
                    let mut best = Duration::MAX;
                    let mut total = None;
                    for _ in 0..3 {
                        let start = Instant::now();
                        let list = licenses::list(&mut f.store.reader(), f.scope, &filter, &page, NOW).await.unwrap();
                        best = best.min(start.elapsed());
                        total = Some(list.total);
                    }
                    println!("{kind}: {what} by {sort:?}: {best:?} of {total:?}");
                }
            }
            for what in ["person", "person 1234", "person99@", "nobody"] {
                for sort in [customers::CustomerSort::Created, customers::CustomerSort::Name] {
                    let page = PageRequest { limit: Limit::new(50), sort, ..Default::default() };
                    let filter = customers::CustomerFilter { q: Some(what.to_owned()) };
                    let start = Instant::now();
                    let list = customers::list(&mut f.store.reader(), f.scope, &filter, &page).await.unwrap();
                    println!("{kind}: customers {what} by {sort:?}: {:?} of {:?}", start.elapsed(), list.total);
                }
            }
        }
    });
}
