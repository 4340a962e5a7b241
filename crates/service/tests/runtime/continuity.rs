//! Without the database: what a node carries on, what it does not, and what it accounts for afterwards.

use crate::world::{
    World, entitlements, fixed, floating, from, in_background, node, renewal, subscription, until, vault,
};
use holdfast_domain::{LicenseStatus, NodeId, Seconds};
use holdfast_lease::{Expectations, Keyring, Lease, verify};
use holdfast_service::{ErrorCode, Service, runtime::Membership};
use holdfast_store::{Db, DbOptions, Dialect, PageRequest, Store, StoreOptions, events, nodes, seats};
use holdfast_testkit::{TestDb, both};
use std::{sync::Arc, time::Duration};

/// Another node on the database, which registers and has caught up with the feed, and has lost the database since. Its
/// snapshot was taken before.
async fn cut_off(world: &World, db: &TestDb) -> (Service, Vec<u8>) {
    let other = world.another_node(db).await;
    other.join(membership(1));
    let snapshot = in_background(&[&other], async {
        until(|| async { nodes::get(&mut other.store().reader(), id(1)).await.unwrap().is_some() }).await;
        other.take_snapshot().await.unwrap().unwrap()
    })
    .await;
    close(&other).await;
    (other, snapshot)
}

/// Takes the database away from a node.
async fn close(node: &Service) {
    // The writer keeps its connection; from here on there are no others, and nothing is found any more.
    let _ = tokio::time::timeout(Duration::from_millis(50), node.store().db().close()).await;
}

fn id(n: u8) -> NodeId {
    NodeId::from_bytes([n; 16])
}

fn membership(n: u8) -> Membership {
    Membership {
        id: id(n),
        name: format!("node-{n}"),
        region: "eu".to_owned(),
        version: "1.0".to_owned(),
        report: Box::new(|| "{}".to_owned()),
        wanted: Box::new(|_| {}),
    }
}

/// A lease as a client reads it that had the manifest before.
async fn read(world: &World, token: &str) -> Lease {
    let keyring = Keyring::from_manifest(&world.manifest().await);
    verify(token.as_bytes(), &keyring, Expectations::product(&world.product.to_string())).unwrap()
}

async fn renew(node: &Service, world: &World, lease: &str) -> Result<String, ErrorCode> {
    match node.renew(world.product, renewal(lease), &from()).await {
        Ok(renewed) => Ok(renewed.lease),
        Err(error) => {
            assert_eq!(error.denial, None, "nothing is denied without the database");
            assert!(error.retry_after.is_some(), "{error:?}");
            Err(error.code)
        }
    }
}

both! {
    async fn that_there_is_no_product_is_asked_again_after_ten_seconds(db: TestDb) {
        let world = World::new(&db).await;
        let nowhere = holdfast_domain::ProductId::from_bytes([7; 16]);
        let asked = async || world.service.vendor_of(nowhere).await.unwrap_err().code;
        assert_eq!(asked().await, ErrorCode::ProductNotFound);
        close(&world.service).await;
        assert_eq!(asked().await, ErrorCode::ProductNotFound, "nobody had to be asked");
        world.clock.advance(Seconds(10));
        assert_eq!(asked().await, ErrorCode::Unavailable);
    }

    async fn without_the_database_leases_are_carried_on_counted_and_never_shortened(db: TestDb) {
        let world = World::new(&db).await;
        let (id, key) = world.license(fixed(2)).await;
        world.change(id, |license| license.overrides = entitlements(&["export"])).await;
        let first = world.activate(&key, "laptop").await.unwrap().lease;
        let (other, _) = cut_off(&world, &db).await;
        let before = read(&world, &first).await;
        let mut token = first;
        for in_a_row in 1..=3 {
            world.clock.advance(Seconds::hours(20));
            token = renew(&other, &world, &token).await.unwrap();
            let lease = read(&world, &token).await;
            assert_eq!(lease.cont, in_a_row);
            assert_eq!((lease.soft, lease.exp), (before.soft, before.exp));
            assert_eq!((&lease.ent, &lease.seat, &lease.dev), (&before.ent, &before.seat, &before.dev));
            assert!(lease.seq > before.seq && lease.ren > lease.iat);
        }
        world.clock.advance(Seconds::hours(13));
        assert_eq!(renew(&other, &world, &token).await, Err(ErrorCode::Unavailable), "72 hours are over");
        let status = other.runtime_status();
        assert_eq!((status.carried_on, status.pending_touches), (3, 1), "what could not be written waits");
        let new = world.activation(&key, "desktop");
        assert!(other.activate(world.product, new, &from()).await.unwrap_err().code.retryable(), "no new seat");
    }

    async fn whoever_is_known_to_be_denied_gets_no_answer(db: TestDb) {
        let world = World::new(&db).await;
        let (revoked, key) = world.license(fixed(1)).await;
        let token = world.activate(&key, "laptop").await.unwrap().lease;
        let (_, key) = world.license(fixed(1)).await;
        let released = world.activate(&key, "desktop").await.unwrap().lease;
        world.release(&released).await.unwrap();
        let (lost, key) = world.license(fixed(1)).await;
        let later = world.activate(&key, "tablet").await.unwrap().lease;
        world.set_status(revoked, LicenseStatus::Revoked).await;
        let (other, _) = cut_off(&world, &db).await;
        world.set_status(lost, LicenseStatus::Revoked).await;
        assert_eq!(renew(&other, &world, &token).await, Err(ErrorCode::Unavailable));
        assert_eq!(renew(&other, &world, &released).await, Err(ErrorCode::Unavailable));
        assert!(renew(&other, &world, &later).await.is_ok(), "that it was revoked since is not known here");
    }

    async fn another_device_is_not_renewed_and_not_denied(db: TestDb) {
        let world = World::new(&db).await;
        let (_, key) = world.license(fixed(1)).await;
        let token = world.activate(&key, "laptop").await.unwrap().lease;
        let (other, _) = cut_off(&world, &db).await;
        let input = holdfast_service::runtime::Renew { device: Some(world.device("thief")), ..renewal(&token) };
        let error = other.renew(world.product, input, &from()).await.unwrap_err();
        assert_eq!((error.code, error.denial), (ErrorCode::Unavailable, None));
    }

    async fn an_ended_license_is_not_carried_past_its_end(db: TestDb) {
        let world = World::new(&db).await;
        let (_, key) = world.license(subscription(1)).await;
        let token = world.activate(&key, "laptop").await.unwrap().lease;
        let (other, _) = cut_off(&world, &db).await;
        world.clock.advance(Seconds::hours(23));
        let lease = read(&world, &renew(&other, &world, &token).await.unwrap()).await;
        assert_eq!(Some(lease.exp), lease.lic);
        world.clock.advance(Seconds::hours(2));
        assert_eq!(renew(&other, &world, &token).await, Err(ErrorCode::Unavailable));
    }

    async fn a_node_that_starts_without_the_database_goes_on_from_its_snapshot(db: TestDb) {
        let world = World::new(&db).await;
        let (_, key) = world.license(fixed(2)).await;
        let token = world.activate(&key, "laptop").await.unwrap().lease;
        let (revoked, key) = world.license(fixed(1)).await;
        let refused = world.activate(&key, "tablet").await.unwrap().lease;
        world.set_status(revoked, LicenseStatus::Revoked).await;
        let (_, snapshot) = cut_off(&world, &db).await;
        let store = db.another_node().await;
        store.db().close().await;
        let fresh = node(store, Arc::clone(&world.clock), Some(vault()));
        assert_eq!(renew(&fresh, &world, &token).await, Err(ErrorCode::Unavailable), "it knows nothing yet");
        assert_eq!(fresh.load_snapshot(&snapshot).unwrap(), world.service.now());
        assert_eq!(fresh.self_test().await.unwrap().keys_checked, 1);
        let lease = read(&world, &renew(&fresh, &world, &token).await.unwrap()).await;
        assert_eq!(lease.cont, 1);
        assert_eq!(renew(&fresh, &world, &refused).await, Err(ErrorCode::Unavailable));
        world.clock.advance(Seconds::hours(73));
        assert_eq!(renew(&fresh, &world, &token).await, Err(ErrorCode::Unavailable), "the snapshot is too old by then");
    }

    async fn a_snapshot_is_read_as_it_was_written_or_not_at_all(db: TestDb) {
        let world = World::new(&db).await;
        let (other, snapshot) = cut_off(&world, &db).await;
        for at in (0..snapshot.len()).step_by(7) {
            let mut damaged = snapshot.clone();
            damaged[at] ^= 1;
            assert!(other.load_snapshot(&damaged).is_err(), "byte {at}");
            assert!(other.load_snapshot(&snapshot[..at]).is_err(), "{at} bytes");
        }
        assert!(other.load_snapshot(&snapshot).is_ok());
        world.clock.advance(Seconds(-60));
        assert!(other.load_snapshot(&snapshot).is_err(), "from the future");
        for _ in 0..2 {
            assert!(world.service.take_snapshot().await.unwrap().is_some(), "the last one is not on the disk yet");
        }
        world.service.snapshot_is_kept();
        assert_eq!(world.service.take_snapshot().await.unwrap(), None, "nothing has changed");
    }

    async fn floating_seats_are_carried_on_only_where_others_know_of_the_node(db: TestDb) {
        let world = World::new(&db).await;
        let (_, key) = world.license(floating(1)).await;
        let token = world.activate(&key, "laptop").await.unwrap().lease;
        let (other, _) = cut_off(&world, &db).await;
        let unlisted = world.another_node(&db).await;
        in_background(&[&unlisted], async {}).await;
        close(&unlisted).await;
        world.clock.advance(Seconds::minutes(10));
        assert_eq!(renew(&unlisted, &world, &token).await, Err(ErrorCode::Unavailable));
        let carried = renew(&other, &world, &token).await.unwrap();
        assert_eq!(read(&world, &carried).await.cont, 1);
        // The database's side gives the place to nobody, whatever its row says of the lease's end.
        world.clock.advance(Seconds::minutes(15));
        let error = world.activate(&key, "desktop").await.unwrap_err();
        assert_eq!((error.code, error.seats.len()), (ErrorCode::Unavailable, 0), "it may be taken: not a no");
        assert_eq!(read(&world, &renew(&other, &world, &carried).await.unwrap()).await.cont, 2);
    }

    async fn a_node_whose_clock_is_wrong_signs_nothing(db: TestDb) {
        let world = World::new(&db).await;
        let (_, key) = world.license(fixed(2)).await;
        let token = world.activate(&key, "laptop").await.unwrap().lease;
        world.service.set_clock_off(true);
        assert_eq!(renew(&world.service, &world, &token).await, Err(ErrorCode::Unavailable));
        let new = world.activation(&key, "desktop");
        assert_eq!(world.service.activate(world.product, new, &from()).await.unwrap_err().code, ErrorCode::Unavailable);
        world.service.set_clock_off(false);
        assert!(renew(&world.service, &world, &token).await.is_ok());
    }
}

#[test]
fn what_was_granted_is_accounted_for_when_the_database_is_back() {
    holdfast_testkit::db::run(async {
        let db = TestDb::postgres().await;
        let world = World::new(&db).await;
        let (revoked, key) = world.license(fixed(2)).await;
        let first = world.activate(&key, "laptop").await.unwrap();
        let (_, key) = world.license(fixed(2)).await;
        let second = world.activate(&key, "desktop").await.unwrap();
        let (through, gate) = db.behind_a_gate();
        let store = Store::start(Db::open(&through, DbOptions::default()).await.unwrap(), StoreOptions::default());
        assert_eq!(store.db().dialect(), Dialect::Postgres);
        let other = node(store, Arc::clone(&world.clock), Some(vault()));
        other.join(membership(1));
        in_background(&[&other], async {
            until(|| async { nodes::get(&mut world.service.store().reader(), id(1)).await.unwrap().is_some() }).await;
            assert!(other.take_snapshot().await.unwrap().is_some());
            gate.close();
            tokio::time::sleep(Duration::from_secs(2)).await;
            world.set_status(revoked, LicenseStatus::Revoked).await;
            for token in [&first.lease, &second.lease, &second.lease] {
                let lease = read(&world, &renew(&other, &world, token).await.unwrap()).await;
                assert_eq!(lease.cont, 1);
            }
            gate.open();
            let reader = || world.service.store().reader();
            until(|| async { !world.log_of(&id(1).to_string()).await.is_empty() }).await;
            assert_eq!(world.log_of(&id(1).to_string()).await, ["continuity.reconciled"]);
            let filter = events::EventFilter { subject: Some(id(1).to_string()), ..Default::default() };
            let found = events::list(&mut reader(), world.scope(), &filter, &PageRequest::default()).await.unwrap();
            let data: serde_json::Value = serde_json::from_str(&found.items[0].data).unwrap();
            assert_eq!((&data["leases"], &data["seats"], &data["name"]), (&3.into(), &2.into(), &"node-1".into()));
            let doubtful = serde_json::json!([[first.seat.id, "revoked"]]);
            assert_eq!(data["would_not_have_been_renewed"], doubtful);
            let seat = seats::get(&mut reader(), world.scope(), second.seat.id).await.unwrap().unwrap();
            assert_eq!(seat.continuity, 1);
            // A lease with the database ends the row of them.
            let lease = read(&world, &renew(&other, &world, &second.lease).await.unwrap()).await;
            assert_eq!(lease.cont, 0);
        })
        .await;
        other.leave().await.unwrap();
        let row = nodes::get(&mut world.service.store().reader(), id(1)).await.unwrap().unwrap();
        assert_eq!(row.state, nodes::NodeState::Stopped);
    });
}
