//! Several nodes on one database: what one changes, the others know within two seconds.

use crate::world::*;
use holdfast_domain::{LicenseStatus, Seconds};
use holdfast_lease::Lease;
use holdfast_service::{
    ErrorCode, Service,
    runtime::{Release, ReleaseOther},
};
use holdfast_store::licenses;
use holdfast_testkit::both;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(2);

async fn refused(node: &Service, world: &World, token: &str) -> Option<ErrorCode> {
    node.renew(world.product, renewal(token), &from()).await.err().map(|error| error.code)
}

both! {
    async fn a_revocation_reaches_another_node_within_two_seconds_and_so_does_its_end(db: TestDb) {
        let world = World::new(&db).await;
        let other = world.another_node(&db).await;
        let (license, key) = world.license(fixed(1)).await;
        let token = world.activate(&key, "laptop").await.unwrap().lease;
        in_background(&[&world.service, &other], async {
            // The other node remembers the seat before anything happens to it.
            for _ in 0..3 {
                assert_eq!(refused(&other, &world, &token).await, None);
            }
            assert!(other.runtime_status().cache_entries >= 3);
            for (status, expected) in [
                (LicenseStatus::Revoked, Some(ErrorCode::LicenseRevoked)),
                (LicenseStatus::Active, None),
                (LicenseStatus::Suspended, Some(ErrorCode::LicenseSuspended)),
                (LicenseStatus::Active, None),
            ] {
                world.set_status(license, status).await;
                let took = until(|| async { refused(&other, &world, &token).await == expected }).await;
                assert!(took < LIMIT, "{status:?} took {took:?}");
            }
        }).await;
    }

    async fn a_seat_freed_on_one_node_is_denied_and_taken_again_on_another(db: TestDb) {
        let world = World::new(&db).await;
        let other = world.another_node(&db).await;
        let (_, key) = world.license(fixed(1)).await;
        let answer = world.activate(&key, "laptop").await.unwrap();
        in_background(&[&other], async {
            assert_eq!(refused(&other, &world, &answer.lease).await, None);
            let free = ReleaseOther { key: key.clone(), nonce: nonce() };
            world.service.release_other(world.product, answer.seat.id, free, &from()).await.unwrap();
            let took = until(|| async {
                refused(&other, &world, &answer.lease).await == Some(ErrorCode::SeatReleased)
            }).await;
            assert!(took < LIMIT, "{took:?}");
            // The same device comes back on the first node: its old lease is good again everywhere.
            world.activate(&key, "laptop").await.unwrap();
            let took = until(|| async { refused(&other, &world, &answer.lease).await.is_none() }).await;
            assert!(took < LIMIT, "{took:?}");
            other.release(world.product, Release { lease: answer.lease.clone(), nonce: nonce() }, &from()).await.unwrap();
            assert_eq!(refused(&world.service, &world, &answer.lease).await, Some(ErrorCode::SeatReleased));
        }).await;
    }

    async fn a_node_that_no_longer_follows_the_feed_asks_the_database(db: TestDb) {
        let world = World::new(&db).await;
        let other = world.another_node(&db).await;
        let (license, key) = world.license(fixed(1)).await;
        let token = world.activate(&key, "laptop").await.unwrap().lease;
        in_background(&[&other], async {
            assert_eq!(refused(&other, &world, &token).await, None);
        }).await;
        world.set_status(license, LicenseStatus::Revoked).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(refused(&other, &world, &token).await, Some(ErrorCode::LicenseRevoked));
    }

    async fn a_key_that_was_replaced_claims_nothing_where_it_is_still_remembered(db: TestDb) {
        let world = World::new(&db).await;
        let other = world.another_node(&db).await;
        let (license, key) = world.license(fixed(2)).await;
        let (scope, now) = (world.scope(), world.service.now());
        in_background(&[&other], async {
            let caller = from();
            let claim = |device| other.activate(world.product, world.activation(&key, device), &caller);
            claim("laptop").await.unwrap();
            // The change feed says nothing of it: only the row itself can.
            write(&world.service, move |tx| Box::pin(async move {
                Ok(licenses::rekey(tx, scope, license, (&[7; 32], &vec![1], "0000"), now).await?)
            })).await;
            assert_eq!(claim("desktop").await.unwrap_err().code, ErrorCode::LicenseNotFound);
            assert_eq!(claim("laptop").await.unwrap_err().code, ErrorCode::LicenseNotFound);
        }).await;
    }

    async fn leases_of_different_nodes_grow_without_a_write_between_them(db: TestDb) {
        let world = World::new(&db).await;
        let other = world.another_node(&db).await;
        let (_, key) = world.license(fixed(1)).await;
        let mut token = world.activate(&key, "laptop").await.unwrap().lease;
        let mut last = world.lease(&token).await.seq;
        for round in 0..20 {
            let node = if round % 2 == 0 { &other } else { &world.service };
            token = node.renew(world.product, renewal(&token), &from()).await.unwrap().lease;
            let lease: Lease = world.lease(&token).await;
            assert!(lease.seq > last);
            last = lease.seq;
        }
        // An old copy on the node that knows least: the clock alone makes the sequence greater.
        world.clock.advance(Seconds(60));
        let third = world.another_node(&db).await;
        let stale = third.renew(world.product, renewal(&token), &from()).await.unwrap().lease;
        assert!(world.lease(&stale).await.seq > last);
    }

    async fn the_end_of_the_background_work_writes_what_is_left(db: TestDb) {
        let world = World::new(&db).await;
        let (_, key) = world.license(fixed(1)).await;
        let answer = world.activate(&key, "laptop").await.unwrap();
        world.clock.advance(Seconds::DAY);
        in_background(&[&world.service], async {
            for _ in 0..5 {
                world.renew(&answer.lease).await.unwrap();
            }
        }).await;
        let status = world.service.runtime_status();
        assert_eq!((status.pending_touches, status.dropped_touches), (0, 0));
        assert!(status.flushed_at.is_some() && status.feed_position > 0 || status.feed_age.is_some());
        let mut reader = world.service.store().reader();
        let row = holdfast_store::seats::get(&mut reader, world.scope(), answer.seat.id).await;
        assert_eq!(row.unwrap().unwrap().last_seen_at, world.service.now());
    }
}
