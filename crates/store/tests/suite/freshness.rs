//! When the leases out there stop: which are counted, how they are told apart, what other terms would make of them.

use crate::support::*;
use holdfast_domain::{CustomerId, LicenseId, SeatModel, Seconds, Timestamp, UnixSeconds};
use holdfast_store::{
    WriteOptions,
    freshness::{self, Of, Running, StopCount},
    licenses, seats,
};
use holdfast_testkit::{TestDb, both};

const DAY: i64 = 86_400;

fn at(days: i64) -> Timestamp {
    NOW.plus(Seconds::days(days))
}

fn second(days: i64) -> UnixSeconds {
    at(days).seconds()
}

/// A lease: which device, seen when, stopping when (in days from now), signed where.
type Lease = (u32, i64, i64, &'static str);

struct World {
    f: Fixture,
    ann: CustomerId,
    bob: CustomerId,
    ending: LicenseId,
}

async fn license(f: &Fixture, customer: Option<CustomerId>, ends: Option<i64>, leases: &[Lease]) -> LicenseId {
    let mut new = f.new_license(terms(SeatModel::Floating, 10));
    new.license.customer = customer;
    new.license.expires_at = ends.map(at);
    f.insert(&new).await;
    for (device, seen, stop, region) in leases {
        let request = seats::ClaimRequest {
            lease_ends_at: at(*stop),
            offline_until: at(*stop),
            region: (!region.is_empty()).then(|| (*region).to_owned()),
            ..request(*device, None, at(*seen))
        };
        f.claim_with(new.license.id, request).await.unwrap();
    }
    new.license.id
}

async fn world(db: &TestDb) -> World {
    let f = vendor(&db.store(), terms(SeatModel::Floating, 10)).await;
    let (ann, bob) = (f.customer("Ann", "ann@example.com").await, f.customer("Bob", "bob@example.com").await);
    license(&f, Some(ann), None, &[(1, -1, 29, "eu"), (2, -20, 10, "us"), (3, -40, -10, "eu")]).await;
    let ending = license(&f, Some(bob), Some(5), &[(4, -1, 5, "eu")]).await;
    // A limited lease was signed after the end of its license, which does not bound it.
    license(&f, Some(bob), Some(-2), &[(5, -1, 20, "")]).await;
    license(&f, None, None, &[(6, -1, 8, "eu")]).await;
    let freed = license(&f, Some(ann), None, &[(7, -1, 2, "eu")]).await;
    let seat = seats::by_device(&mut f.store.reader(), f.scope, freed, &device(7)).await.unwrap().unwrap().seat.id;
    let scope = f.scope;
    let release = f.store.write(WriteOptions::license(freed), move |tx| {
        Box::pin(async move { seats::release(tx, scope, seat, NOW).await })
    });
    assert!(release.await.unwrap().unwrap().was_active);
    World { f, ann, bob, ending }
}

impl World {
    async fn counted(&self, of: Of, other: Option<freshness::OtherTerms>) -> Vec<(Option<String>, bool, i64)> {
        let spans = [(NOW.seconds(), 1), (UnixSeconds(i64::MAX), 1 << 24)];
        let running = Running { of, as_of: NOW.seconds(), spans: &spans };
        let rows = freshness::stops(&mut self.f.store.reader(), self.f.scope, &running, other).await.unwrap();
        let day = |row: StopCount| {
            assert_eq!((row.product, row.bucket), (self.f.product, row.first));
            assert_eq!(row.first.since(NOW.seconds()).0 % DAY, 0);
            (row.region, row.with_license, row.first.since(NOW.seconds()).0 / DAY)
        };
        let mut rows: Vec<_> = rows.into_iter().map(day).collect();
        rows.sort_by_key(|(region, _, day)| (*day, region.clone()));
        rows
    }
}

fn row(region: &str, with_license: bool, day: i64) -> (Option<String>, bool, i64) {
    ((!region.is_empty()).then(|| region.to_owned()), with_license, day)
}

both! {
    async fn running_leases_are_counted_and_those_that_end_with_their_license_apart(db: TestDb) {
        let w = world(&db).await;
        let all = [row("eu", true, 5), row("eu", false, 8), row("us", false, 10), row("", false, 20), row("eu", false, 29)];
        assert_eq!(w.counted(Of::Vendor, None).await, all);
        assert_eq!(w.counted(Of::Plan(w.f.plan), None).await, all);
        assert_eq!(w.counted(Of::Customer(w.bob), None).await, [row("eu", true, 5), row("", false, 20)]);
        assert_eq!(w.counted(Of::Customer(w.ann), None).await, [row("us", false, 10), row("eu", false, 29)]);
        // A license that was extended since goes on, if anybody is there to renew its lease.
        let (scope, id) = (w.f.scope, w.ending);
        w.f.store.write(WriteOptions::license(id), move |tx| Box::pin(async move {
            let mut license = licenses::lock(tx, scope, id).await?.unwrap().license;
            license.expires_at = Some(at(400));
            licenses::update(tx, scope, &license, NOW).await
        })).await.unwrap();
        assert_eq!(w.counted(Of::Customer(w.bob), None).await, [row("eu", false, 5), row("", false, 20)]);
    }

    async fn other_terms_move_what_the_old_ones_made(db: TestDb) {
        let w = world(&db).await;
        let other = Some((Seconds::days(7), Seconds::days(3)));
        assert_eq!(
            w.counted(Of::Plan(w.f.plan), other).await,
            // Not seen for twenty days: it would have stopped already. The end of a license bounds what it bounded.
            [row("us", false, 0), row("eu", true, 5), row("", false, 9), row("eu", false, 9)]
        );
        // A borrowed seat stays until it is to be given back.
        let borrowed = w.f.license(terms(SeatModel::Floating, 2)).await;
        let request = seats::ClaimRequest {
            borrowed_until: Some(at(6)), lease_ends_at: at(6), offline_until: at(6), ..request(9, None, NOW)
        };
        w.f.claim_with(borrowed, request).await.unwrap();
        assert!(w.counted(Of::Plan(w.f.plan), other).await.contains(&row("eu", false, 6)));
    }

    async fn buckets_are_as_wide_as_was_asked_for(db: TestDb) {
        let w = world(&db).await;
        let spans = [(second(0), 1), (second(9), 1 << 14), (second(15), 1 << 20)];
        let running = Running { of: Of::Vendor, as_of: second(0), spans: &spans };
        let mut rows = freshness::stops(&mut w.f.store.reader(), w.f.scope, &running, None).await.unwrap();
        rows.sort_by_key(|row| row.first);
        let widths = [1, 1, 1 << 14, 1 << 20, 1 << 20];
        assert_eq!(rows.len(), widths.len());
        for (row, width) in rows.iter().zip(widths) {
            assert_eq!(row.bucket.0, row.first.0 - row.first.0 % width);
        }
        // Leases in one bucket are one row.
        license(&w.f, None, None, &[(20, 0, 29, "eu"), (21, -1, 29, "eu")]).await;
        let rows = freshness::stops(&mut w.f.store.reader(), w.f.scope, &running, None).await.unwrap();
        assert_eq!(rows.iter().map(|row| row.leases).max(), Some(3));
    }

    async fn the_customers_whose_devices_stop_first_come_first(db: TestDb) {
        let w = world(&db).await;
        let of = |of, product, region: Option<&'static str>, limit| {
            let w = &w;
            async move {
                let spans = [(second(0), 1)];
                let running = Running { of, as_of: second(0), spans: &spans };
                let reader = &mut w.f.store.reader();
                let found = freshness::first_customers(reader, w.f.scope, &running, (product, region), limit).await.unwrap();
                found.into_iter().map(|row| (row.customer.map(|(id, _)| id), row.first)).collect::<Vec<_>>()
            }
        };
        let all = [(None, second(8)), (Some(w.ann), second(10)), (Some(w.bob), second(20))];
        assert_eq!(of(Of::Vendor, None, None, 10).await, all);
        assert_eq!(of(Of::Vendor, Some(w.f.product), None, 2).await, all[..2]);
        assert_eq!(of(Of::Vendor, None, Some("us"), 10).await, [(Some(w.ann), second(10))]);
        assert_eq!(of(Of::Customer(w.bob), None, None, 10).await, [(Some(w.bob), second(20))]);
        assert_eq!(of(Of::Vendor, Some(holdfast_domain::ProductId::from_bytes([7; 16])), None, 10).await, []);
    }

    async fn another_vendor_s_leases_are_not_counted(db: TestDb) {
        let w = world(&db).await;
        let other = vendor(&w.f.store, terms(SeatModel::Floating, 10)).await;
        let other = World { f: other, ..w };
        for of in [Of::Vendor, Of::Plan(w.f.plan), Of::Customer(other.ann)] {
            assert_eq!(other.counted(of, None).await, []);
        }
    }
}
