//! Killed in the middle: nothing acknowledged is lost, nothing is oversold.

use crate::support::{self, claim_in, request, terms, vendor};
use holdfast_domain::{LicenseId, SeatId, SeatModel, SeatState, VendorId};
use holdfast_store::{Db, DbOptions, Scope, Store, StoreOptions, events, seats};
use holdfast_testkit::both;
use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Command, Stdio},
};

const VARIABLE: &str = "HOLDFAST_TEST_KILL_TARGET";

/// Not a test of its own: the process that is killed. It claims seats as fast as it can and prints each one it was told
/// it has.
#[test]
fn child() {
    let Ok(target) = std::env::var(VARIABLE) else { return };
    let parts: Vec<&str> = target.split(' ').collect();
    let vendor: VendorId = parts[1].parse().unwrap();
    let licenses: Vec<LicenseId> = parts[2..].iter().map(|id| id.parse().unwrap()).collect();
    let url = parts[0].to_owned();
    holdfast_testkit::db::run(async move {
        let db = Db::open(&url.parse().unwrap(), DbOptions::default()).await.unwrap();
        let store = Store::start(db, StoreOptions::default());
        let tasks: Vec<_> = (0..16u32)
            .map(|worker| {
                let (store, licenses) = (store.clone(), licenses.clone());
                tokio::spawn(async move {
                    for n in 0.. {
                        let license = licenses[(n % 4) as usize];
                        let request = request(worker * 100_000 + n, None, support::NOW);
                        let claim = claim_in(&store, Scope::trusted(vendor), license, request).await.unwrap();
                        if let seats::Claim::Claimed(claimed) = claim {
                            let mut out = std::io::stdout().lock();
                            writeln!(out, "ACK {}", claimed.seat.seat.id).unwrap();
                            out.flush().unwrap();
                        }
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
}

fn text_of(url: &holdfast_store::DbUrl) -> String {
    match url {
        holdfast_store::DbUrl::Sqlite(path) => format!("sqlite:{}", path.display()),
        holdfast_store::DbUrl::Postgres(url) => url.clone(),
    }
}

both! {
    async fn every_acknowledged_seat_survives_and_none_is_oversold(db: TestDb) {
        let store = db.store();
        let f = vendor(&store, terms(SeatModel::NodeLocked, 1)).await;
        let limits = [50u32, 200, 5_000, 5_000];
        let mut licenses = Vec::new();
        for limit in limits {
            licenses.push(f.license(terms(SeatModel::NodeLocked, limit)).await);
        }
        let mut acknowledged: Vec<SeatId> = Vec::new();
        for (round, until) in [40usize, 300, 900].into_iter().enumerate() {
            let ids: Vec<String> = licenses.iter().map(ToString::to_string).collect();
            let target = format!("{} {} {}", text_of(db.url()), f.scope.vendor(), ids.join(" "));
            let mut child = Command::new(std::env::current_exe().unwrap())
                .args(["kill::child", "--exact", "--nocapture", "--test-threads=1"])
                .env(VARIABLE, target)
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
            let mut now = 0;
            while now < until {
                let line = lines.next().expect("the child goes on").unwrap();
                if let Some(id) = line.split("ACK ").nth(1) {
                    acknowledged.push(id.parse().unwrap());
                    now += 1;
                }
            }
            child.kill().unwrap();
            // What it wrote before it died counts as acknowledged too.
            for line in lines.map_while(Result::ok) {
                if let Some(id) = line.split("ACK ").nth(1).and_then(|id| id.parse().ok()) {
                    acknowledged.push(id);
                }
            }
            child.wait().unwrap();
            // PostgreSQL may still be ending the dead client's transaction: writing once waits for it.
            f.claim(licenses[3], 9_000_000 + u32::try_from(round).unwrap()).await.unwrap();
            let q = &mut store.reader();
            for seat in &acknowledged {
                let row = seats::get(q, f.scope, *seat).await.unwrap();
                assert!(row.is_some_and(|row| row.seat.state == SeatState::Active), "{seat} was acknowledged and is gone");
            }
            for (license, limit) in licenses.iter().zip(limits) {
                let (used, taken) = f.used(*license).await;
                assert!(i64::from(used) == taken && used <= limit, "{used} counted, {taken} taken of {limit}");
            }
            let verdict = events::verify(q, f.scope).await.unwrap();
            let events::Verdict::Whole { events, .. } = verdict else { panic!("{verdict:?}") };
            let mut taken = 0;
            for license in &licenses {
                taken += f.used(*license).await.1;
            }
            assert_eq!(events, taken, "each seat has its event, and each event its seat");
        }
        let (used, taken) = f.used(licenses[0]).await;
        assert_eq!((used, taken), (50, 50), "the small license filled up");
    }
}
