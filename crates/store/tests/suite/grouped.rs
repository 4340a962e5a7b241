//! Claims that share a batch: decided in memory one on the other, written together, and still each on its own.

use crate::{
    claims::futures_all,
    support::{Fixture, NOW, claim_in, device, request, terms, vendor},
};
use holdfast_domain::{DeviceHash, LicenseId, SeatModel, SeatState, Seconds, Timestamp};
use holdfast_store::{Constraint, Counted, StoreError, WriteOptions, events, seats, vendors};
use holdfast_testkit::both;
use std::{sync::Arc, time::Duration};
use tokio::{sync::Semaphore, task::JoinHandle};

/// Holds the writer up, so that everything written until [`Held::let_go`] shares one batch.
struct Held {
    f: Fixture,
    gate: Arc<Semaphore>,
    job: JoinHandle<Result<(), StoreError>>,
    free: usize,
}

impl Held {
    async fn up(f: &Fixture) -> Self {
        let (gate, entered) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let (store, waits, enters) = (f.store.clone(), gate.clone(), entered.clone());
        let job = tokio::spawn(async move {
            store
                .write(WriteOptions::default(), move |_| {
                    let (waits, enters) = (waits.clone(), enters.clone());
                    Box::pin(async move {
                        enters.add_permits(1);
                        let _ = waits.acquire().await;
                        Ok::<_, StoreError>(())
                    })
                })
                .await
        });
        let _ = entered.acquire().await.unwrap();
        Self { f: f.clone(), gate, job, free: f.store.free_places() }
    }

    /// Waits until `jobs` jobs wait, and lets them go in one batch.
    async fn let_go(self, jobs: usize) {
        while self.f.store.free_places() + jobs > self.free {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        self.gate.add_permits(1);
        self.job.await.unwrap().unwrap();
    }
}

type Answer = Result<seats::Claim, StoreError>;

/// Claims with all of `requests` in one batch. The answers come in the order of the requests.
async fn at_once(f: &Fixture, requests: Vec<(LicenseId, seats::ClaimRequest)>) -> Vec<Answer> {
    let held = Held::up(f).await;
    let jobs = requests.len();
    let tasks: Vec<_> = requests
        .into_iter()
        .map(|(license, request)| {
            let f = f.clone();
            tokio::spawn(async move { claim_in(&f.store, f.scope, license, request).await })
        })
        .collect();
    held.let_go(jobs).await;
    futures_all(tasks.into_iter()).await
}

fn claimed(answer: &Answer) -> &seats::Claimed {
    let Ok(seats::Claim::Claimed(claimed)) = answer else { panic!("{answer:?}") };
    claimed
}

fn refused(answer: &Answer) -> usize {
    let Ok(seats::Claim::LimitReached(taken)) = answer else { panic!("{answer:?}") };
    taken.len()
}

async fn stored(f: &Fixture, license: LicenseId, device: &DeviceHash) -> Option<seats::SeatRow> {
    seats::by_device(&mut f.store.reader(), f.scope, license, device).await.unwrap()
}

/// The row that a claim reported is the row that is stored, member by member.
async fn assert_stored(f: &Fixture, claim: &seats::Claimed) {
    let row = stored(f, claim.seat.seat.license, &claim.seat.seat.device).await.expect("the seat is stored");
    assert_eq!(format!("{row:?}"), format!("{:?}", claim.seat));
}

async fn number_of_events(f: &Fixture) -> i64 {
    match events::verify(&mut f.store.reader(), f.scope).await.unwrap() {
        events::Verdict::Whole { events, .. } => events,
        broken @ events::Verdict::Broken { .. } => panic!("{broken:?}"),
    }
}

async fn number_of_seats(f: &Fixture) -> u64 {
    vendors::counted(&mut f.store.reader(), f.scope, Counted::Seats).await.unwrap()
}

async fn one_license(db: &holdfast_testkit::TestDb, model: SeatModel, seats: u32) -> (Fixture, LicenseId) {
    let f = vendor(&db.store(), terms(model, seats)).await;
    let license = f.license(terms(model, seats)).await;
    (f, license)
}

both! {
    async fn claims_of_one_license_see_those_before_them_in_the_batch(db: TestDb) {
        let (f, license) = one_license(&db, SeatModel::NodeLocked, 3).await;
        let answers = at_once(&f, (1..=5).map(|n| (license, request(n, None, NOW))).collect()).await;
        for (answer, used) in answers.iter().zip(1..=3) {
            assert_eq!((claimed(answer).again, claimed(answer).seats_used), (false, used));
            assert_stored(&f, claimed(answer)).await;
        }
        assert_eq!(answers[3..].iter().map(refused).collect::<Vec<_>>(), [3, 3]);
        assert_eq!(f.used(license).await, (3, 3));
        assert_eq!((number_of_events(&f).await, number_of_seats(&f).await), (3, 3));
    }

    async fn claims_of_many_licenses_are_all_written(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 2)).await;
        let mut requests = Vec::new();
        for n in 0..70u32 {
            let license = f.license(terms(SeatModel::NodeLocked, 2)).await;
            requests.push((license, request(n, None, NOW)));
        }
        for (round, used) in [(0, 1), (1, 2)] {
            let round: Vec<_> = requests.iter().map(|(l, r)| (*l, request(1_000 * round, None, r.now))).collect();
            for answer in at_once(&f, round).await {
                assert_eq!((claimed(&answer).again, claimed(&answer).seats_used), (false, used));
                assert_stored(&f, claimed(&answer)).await;
            }
        }
        assert_eq!((number_of_events(&f).await, number_of_seats(&f).await), (140, 140));
        for (license, _) in requests {
            assert_eq!(f.used(license).await, (2, 2));
        }
    }

    async fn a_device_that_claims_twice_in_a_batch_gets_one_seat(db: TestDb) {
        let (f, license) = one_license(&db, SeatModel::NodeLocked, 1).await;
        for again in [false, true] {
            let later = NOW.plus(Seconds(i64::from(again) * 60));
            let version = |version: &str, now: Timestamp| seats::ClaimRequest {
                app_version: Some(version.to_owned()), name: None, ..request(1, None, now)
            };
            let requests = vec![(license, version("2.0", later)), (license, version("3.0", later.plus(Seconds(1))))];
            let answers = at_once(&f, requests).await;
            let mut repeated: Vec<bool> = answers.iter().map(|answer| claimed(answer).again).collect();
            repeated.sort_unstable();
            assert_eq!(repeated, [again, true]);
            assert_eq!(claimed(&answers[0]).seat.seat.id, claimed(&answers[1]).seat.seat.id);
            // The two have one place in the order of the batch: whichever came last is what is stored.
            let row = stored(&f, license, &device(1)).await.unwrap();
            let reported: Vec<String> = answers.iter().map(|answer| format!("{:?}", claimed(answer).seat)).collect();
            assert!(reported.contains(&format!("{row:?}")), "{row:?} is none of {reported:?}");
            assert_eq!(row.seat.seq, later.plus(Seconds(1)).seconds().0);
        }
        assert_eq!(f.used(license).await, (1, 1));
        assert_eq!((number_of_events(&f).await, number_of_seats(&f).await), (1, 1));
    }

    async fn a_seat_given_up_is_taken_again_within_a_batch(db: TestDb) {
        let (f, license) = one_license(&db, SeatModel::NodeLocked, 1).await;
        let first = claimed(&f.claim(license, 1).await).seat.seat.id;
        crate::claims::release(&f, license, first).await.unwrap();
        let later = NOW.plus(Seconds::HOUR);
        let key = seats::ClaimRequest { device_key: Some([9; 32]), ..request(1, None, later) };
        let answers = at_once(&f, vec![(license, key), (license, request(2, None, later))]).await;
        let back = claimed(&answers[0]);
        assert_eq!((back.seat.seat.id, back.again, back.seat.seat.claimed_at), (first, false, later));
        assert_eq!((back.seat.first_seen_at, back.seat.released_at), (NOW, None));
        assert_stored(&f, back).await;
        assert_eq!(refused(&answers[1]), 1);
        assert_eq!(f.used(license).await, (1, 1));
    }

    async fn a_floating_seat_is_taken_back_within_a_batch(db: TestDb) {
        let (f, license) = one_license(&db, SeatModel::Floating, 1).await;
        let old = claimed(&f.claim(license, 5).await).seat.seat.id;
        let after = NOW.plus(Seconds::minutes(21));
        // In the order of the devices: the second takes the seat back, so the fifth finds it gone and another in its way.
        let requests = [2, 3, 5].map(|n| (license, request(n, None, after)));
        let answers = at_once(&f, requests.into()).await;
        assert_eq!(claimed(&answers[0]).reclaimed, [old]);
        assert_eq!(answers[1..].iter().map(refused).collect::<Vec<_>>(), [1, 1]);
        assert_stored(&f, claimed(&answers[0])).await;
        assert_eq!(stored(&f, license, &device(5)).await.unwrap().seat.state, SeatState::Released);
        assert_eq!(f.used(license).await, (1, 1));
        // The next round: the fifth takes its own old row again, in place of the second's.
        let later = after.plus(Seconds::minutes(21));
        let answers = at_once(&f, vec![(license, request(5, None, later)), (license, request(7, None, later))]).await;
        assert_eq!((claimed(&answers[0]).seat.seat.id, claimed(&answers[0]).reclaimed.len()), (old, 1));
        assert_eq!(refused(&answers[1]), 1);
        assert_stored(&f, claimed(&answers[0])).await;
        assert_eq!(f.used(license).await, (1, 1));
    }

    async fn a_named_user_gets_several_devices_within_a_batch(db: TestDb) {
        let (f, license) = one_license(&db, SeatModel::NamedUser { devices: 2 }, 1).await;
        let requests = [1, 2, 3].map(|n| (license, request(n, Some("ada@example.com"), NOW)));
        let answers = at_once(&f, requests.into()).await;
        assert_eq!((claimed(&answers[0]).seats_used, claimed(&answers[1]).seats_used), (1, 1));
        assert!(matches!(&answers[2], Ok(seats::Claim::DeviceLimitReached(own)) if own.len() == 2));
        assert_eq!(f.used(license).await, (1, 2));
        // Another person sits down at the first device, while the second asks again.
        let requests = vec![
            (license, request(1, Some("bob@example.com"), NOW)),
            (license, request(2, Some("ada@example.com"), NOW)),
        ];
        let answers = at_once(&f, requests).await;
        assert_eq!(refused(&answers[0]), 1);
        assert!(claimed(&answers[1]).again);
        assert_eq!(f.used(license).await, (1, 1));
    }

    async fn a_claim_that_is_given_up_takes_nobody_with_it(db: TestDb) {
        let (f, license) = one_license(&db, SeatModel::NodeLocked, 10).await;
        let held = Held::up(&f).await;
        let claims: Vec<_> = [1, 2, 4, 5].into_iter().map(|n| {
            let f = f.clone();
            tokio::spawn(async move { f.claim(license, n).await })
        }).collect();
        let failing = {
            let f = f.clone();
            tokio::spawn(async move {
                f.store.write::<(), StoreError, _>(WriteOptions::claim(license, device(3)), move |tx| Box::pin(async move {
                    let request = request(3, None, NOW);
                    let locked = seats::lock(tx, f.scope, license, &request.device).await?.expect("it exists");
                    seats::claim(tx, &locked, &request).await?;
                    Err(StoreError::Busy)
                })).await
            })
        };
        held.let_go(5).await;
        assert!(matches!(failing.await.unwrap(), Err(StoreError::Busy)));
        let mut used: Vec<u32> = futures_all(claims.into_iter()).await.iter().map(|c| claimed(c).seats_used).collect();
        used.sort_unstable();
        assert_eq!(used, [1, 2, 3, 4]);
        assert!(stored(&f, license, &device(3)).await.is_none());
        assert_eq!(f.used(license).await, (4, 4));
        assert_eq!((number_of_events(&f).await, number_of_seats(&f).await), (4, 4));
    }

    async fn a_claim_that_cannot_be_written_takes_nobody_with_it(db: TestDb) {
        let (f, license) = one_license(&db, SeatModel::NodeLocked, 10).await;
        let first = claimed(&f.claim(license, 100).await).seat.seat.id;
        let mut requests: Vec<_> = (1..=5).map(|n| (license, request(n, None, NOW))).collect();
        // Found out by the database only, when all seats of the batch are written.
        requests[2].1.new_id = first;
        let answers = at_once(&f, requests).await;
        for (at, answer) in answers.iter().enumerate() {
            if at == 2 {
                assert!(answer.as_ref().is_err_and(|e| e.is_conflict(Constraint::PrimaryKey)), "{answer:?}");
            } else {
                assert_stored(&f, claimed(answer)).await;
            }
        }
        assert!(stored(&f, license, &device(3)).await.is_none());
        assert_eq!(f.used(license).await, (5, 5));
        assert_eq!((number_of_events(&f).await, number_of_seats(&f).await), (5, 5));
    }

    async fn other_statements_see_what_claims_have_done_and_claims_what_they_did(db: TestDb) {
        let (f, license) = one_license(&db, SeatModel::NodeLocked, 1).await;
        let scope = f.scope;
        let held = Held::up(&f).await;
        let claim = { let f = f.clone(); tokio::spawn(async move { f.claim(license, 1).await }) };
        let other = {
            let f = f.clone();
            tokio::spawn(async move {
                f.store.write::<_, StoreError, _>(WriteOptions::license(license), move |tx| Box::pin(async move {
                    let [one, two] = [1, 2].map(|n| request(n, None, NOW));
                    let seat = seats::by_device(tx, scope, license, &one.device).await?.expect("claimed in this batch");
                    let locked = seats::lock(tx, scope, license, &two.device).await?.expect("it exists");
                    assert!(matches!(seats::claim(tx, &locked, &two).await?, seats::Claim::LimitReached(_)));
                    assert!(seats::release(tx, scope, seat.seat.id, NOW).await?.expect("it exists").was_active);
                    let locked = seats::lock(tx, scope, license, &two.device).await?.expect("it exists");
                    let claim = seats::claim(tx, &locked, &two).await?;
                    assert!(seats::by_device(tx, scope, license, &two.device).await?.is_some());
                    Ok(claim)
                })).await
            })
        };
        held.let_go(2).await;
        claimed(&claim.await.unwrap());
        let second = other.await.unwrap();
        assert_eq!(claimed(&second).seats_used, 1);
        assert_stored(&f, claimed(&second)).await;
        assert_eq!(stored(&f, license, &device(1)).await.unwrap().seat.state, SeatState::Released);
        assert_eq!(f.used(license).await, (1, 1));
    }

    async fn a_license_of_another_vendor_cannot_be_claimed(db: TestDb) {
        let (f, license) = one_license(&db, SeatModel::NodeLocked, 1).await;
        let other = vendor(&f.store, terms(SeatModel::NodeLocked, 1)).await.scope;
        let found = f.store.write::<_, StoreError, _>(WriteOptions::claim(license, device(1)), move |tx| Box::pin(async move {
            Ok(seats::lock(tx, other, license, &device(1)).await?.is_some())
        })).await.unwrap();
        assert!(!found);
    }
}
