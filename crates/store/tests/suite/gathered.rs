//! Look-ups that share a statement: each gets the answer to its own question.

use crate::{
    claims::futures_all,
    support::{Fixture, NOW, entropy, request, terms, vendor},
};
use holdfast_domain::{ProductId, SeatId, SeatModel};
use holdfast_store::seats;
use holdfast_testkit::both;

both! {
    async fn each_look_up_by_key_gets_its_own_answer(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 1)).await;
        let other = vendor(&db.store(), terms(SeatModel::NodeLocked, 1)).await;
        let mut stored = Vec::new();
        for n in 0..40usize {
            let of = if n % 2 == 0 { &f } else { &other };
            let new = of.new_license(terms(SeatModel::NodeLocked, 1));
            of.insert(&new).await;
            stored.push((of.product, new.key_hash, new.license.id));
        }
        // Known ones several times over, known ones under the wrong product, and unknown ones; more than share a statement.
        let asked: Vec<_> = (0..600usize)
            .map(|n| {
                let (product, hash, id) = stored[n % stored.len()];
                match n % 3 {
                    0 => (product, hash, Some(id)),
                    1 => (if product == f.product { other.product } else { f.product }, hash, None),
                    _ => (product, [u8::try_from(n % 251).unwrap(); 32], None),
                }
            })
            .collect();
        let answers = asked.iter().map(|(product, hash, _)| {
            let (store, product, hash) = (f.store.clone(), *product, *hash);
            tokio::spawn(async move { store.license_of_key(product, hash).await.unwrap() })
        });
        let answers = futures_all(answers).await;
        for ((_, _, expected), found) in asked.iter().zip(answers) {
            assert_eq!(found, *expected);
        }
    }

    async fn each_look_up_of_a_seat_gets_its_own_license(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 3)).await;
        let mut taken = Vec::new();
        for _ in 0..4 {
            let license = f.license(terms(SeatModel::NodeLocked, 3)).await;
            for n in 0..3u32 {
                taken.push((license, claim(&f, license, n).await));
            }
        }
        let asked = (0..300usize).map(|n| {
            let (store, product, taken) = (f.store.clone(), f.product, taken.clone());
            tokio::spawn(async move {
                let (license, seat) = taken[n % taken.len()];
                let (of, row) = store.seat_with_license(product, seat).await.unwrap().unwrap();
                assert_eq!((of.license.id, row.seat.id, row.seat.license), (license, seat, license));
                let nowhere = ProductId::new(NOW, &entropy());
                assert!(store.seat_with_license(nowhere, seat).await.unwrap().is_none());
            })
        });
        futures_all(asked).await;
    }

    async fn whoever_goes_away_leaves_the_others_their_answer(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 1)).await;
        let new = f.new_license(terms(SeatModel::NodeLocked, 1));
        f.insert(&new).await;
        let ask = || {
            let (store, product, hash) = (f.store.clone(), f.product, new.key_hash);
            tokio::spawn(async move { store.license_of_key(product, hash).await.unwrap() })
        };
        let gone: Vec<_> = (0..50).map(|_| ask()).collect();
        tokio::task::yield_now().await;
        let stays = ask();
        gone.iter().for_each(tokio::task::JoinHandle::abort);
        assert_eq!(stays.await.unwrap(), Some(new.license.id));
        assert_eq!(ask().await.unwrap(), Some(new.license.id));
    }

    async fn what_was_asked_for_is_read_after_it_was_asked_for(db: TestDb) {
        let f = vendor(&db.store(), terms(SeatModel::NodeLocked, 1)).await;
        let asks = |f: Fixture| async move {
            for _ in 0..30 {
                let new = f.new_license(terms(SeatModel::NodeLocked, 1));
                assert_eq!(f.store.license_of_key(f.product, new.key_hash).await.unwrap(), None);
                f.insert(&new).await;
                assert_eq!(f.store.license_of_key(f.product, new.key_hash).await.unwrap(), Some(new.license.id));
            }
        };
        futures_all((0..8).map(|_| tokio::spawn(asks(f.clone())))).await;
    }
}

async fn claim(f: &Fixture, license: holdfast_domain::LicenseId, device: u32) -> SeatId {
    let seats::Claim::Claimed(claimed) = f.claim_with(license, request(device, None, NOW)).await.unwrap() else {
        panic!("no seat")
    };
    claimed.seat.seat.id
}
