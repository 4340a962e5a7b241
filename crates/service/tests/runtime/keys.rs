//! Signing keys: rotation, revocation, and what they mean for leases that are out there.

use crate::world::*;
use holdfast_domain::{ReasonText, Seconds};
use holdfast_lease::{KeyStatus, peek_header};
use holdfast_service::{ErrorCode, actor::Call};
use holdfast_testkit::both;

fn kid(token: &str) -> String {
    peek_header(token.as_bytes()).unwrap().kid.into_owned()
}

both! {
    async fn a_rotation_keeps_old_leases_valid_and_renewable(db: TestDb) {
        let world = World::new(&db).await;
        let (_, key) = world.license(fixed(1)).await;
        let old = world.activate(&key, "laptop").await.unwrap().lease;
        let before = world.manifest().await;
        let new = world.service.rotate_issuing_keys(&Call::system(world.vendor), world.product).await.unwrap();
        let manifest = world.manifest().await;
        assert!(manifest.seq > before.seq);
        let status = |kid: &str| manifest.keys.iter().find(|key| key.kid == kid).map(|key| key.status);
        assert_eq!((status(&kid(&old)), status(&new)), (Some(KeyStatus::Retiring), Some(KeyStatus::Active)));
        world.lease(&old).await;
        let renewed = world.renew(&old).await.unwrap();
        assert_eq!(kid(&renewed.lease), new);
        assert_eq!(world.read_manifest(&renewed.keys.unwrap()), manifest);
        // A year and four rotations later the first lease is still good for a renewal.
        for _ in 0..4 {
            world.clock.advance(Seconds::days(91));
            world.service.rotate_issuing_keys(&Call::system(world.vendor), world.product).await.unwrap();
        }
        assert!(world.renew(&old).await.is_ok());
        assert_eq!(world.log_of(&world.product.to_string()).await, ["key.rotated"; 5]);
    }

    async fn keys_are_rotated_by_themselves_after_ninety_days_by_one_of_two_nodes(db: TestDb) {
        let world = World::new(&db).await;
        let (_, key) = world.license(fixed(1)).await;
        let old = world.activate(&key, "laptop").await.unwrap().lease;
        let first = world.another_node(&db).await;
        in_background(&[&first], async {
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        }).await;
        assert_eq!(world.manifest().await.keys.len(), 1, "not due yet");
        world.clock.advance(Seconds::days(91));
        let (one, two) = (world.another_node(&db).await, world.another_node(&db).await);
        in_background(&[&one, &two], async {
            until(|| async { world.manifest().await.keys.len() == 2 }).await;
        }).await;
        let manifest = world.manifest().await;
        let active: Vec<_> = manifest.keys.iter().filter(|key| key.status == KeyStatus::Active).collect();
        assert_eq!((manifest.keys.len(), active.len()), (2, 1));
        assert_eq!(kid(&world.renew(&old).await.unwrap().lease), active[0].kid);
    }

    async fn after_a_theft_the_key_proves_nothing_and_no_customer_is_locked_out(db: TestDb) {
        let world = World::new(&db).await;
        let (_, key) = world.license(fixed(1)).await;
        let token = world.activate(&key, "laptop").await.unwrap().lease;
        let stolen = kid(&token);
        let reason: ReasonText = "found in a public repository".parse().unwrap();
        let call = Call::system(world.vendor);
        world.service.revoke_issuing_key(&call, world.product, &stolen, &reason).await.unwrap();
        world.service.revoke_issuing_key(&call, world.product, &stolen, &reason).await.unwrap();
        let manifest = world.manifest().await;
        let revoked = manifest.keys.iter().find(|key| key.kid == stolen).unwrap();
        assert_eq!((revoked.status, manifest.keys.len()), (KeyStatus::Revoked, 2));
        // The row in the database vouches for the seat where the document no longer does.
        let renewed = world.renew(&token).await.unwrap().lease;
        assert_ne!(kid(&renewed), stolen);
        world.lease(&renewed).await;
        // Where there is no such row, nothing does.
        holdfast_store::raw::run(&db.db, "DELETE FROM seats").await.unwrap();
        let refused = world.renew(&token).await.unwrap_err();
        assert_eq!((refused.code, refused.denial), (ErrorCode::LeaseUnverifiable, None));
        assert!(world.renew(&renewed).await.is_ok(), "a lease of the new key stands on its own");
        let unknown = world.service.revoke_issuing_key(&call, world.product, "AAAAAAAAAAAAAAAA", &reason).await;
        assert_eq!(unknown.unwrap_err().code, ErrorCode::NotFound);
    }

    async fn another_node_learns_of_a_new_key_at_once_when_it_meets_one(db: TestDb) {
        let world = World::new(&db).await;
        let other = world.another_node(&db).await;
        let (_, key) = world.license(fixed(1)).await;
        let old = world.activate(&key, "laptop").await.unwrap().lease;
        in_background(&[&other], async {
            other.renew(world.product, renewal(&old), &from()).await.unwrap();
            world.clock.advance(Seconds(30));
            world.service.rotate_issuing_keys(&Call::system(world.vendor), world.product).await.unwrap();
            let new = world.renew(&old).await.unwrap().lease;
            assert!(other.renew(world.product, renewal(&new), &from()).await.is_ok());
        }).await;
    }

    async fn a_vendor_with_many_products_hands_out_manifests_that_fit(db: TestDb) {
        let world = World::new(&db).await;
        let (_, key) = world.license(fixed(1)).await;
        for _ in 0..40 {
            world.another_product().await;
        }
        let last = world.another_product().await;
        let answer = world.activate(&key, "laptop").await.unwrap();
        let own = world.read_manifest(answer.keys.as_deref().unwrap());
        assert_eq!(own.keys.len(), 1);
        assert_eq!((&own.keys[0].kid, own.seq), (&kid(&answer.lease), world.manifest().await.seq));
        let of_last = world.read_manifest(&world.service.product_manifest(last).await.unwrap().token);
        assert_eq!(of_last.keys[0].aud, Some(last.to_string()));
        assert!(world.manifest().await.keys.len() > 20);
    }

    async fn products_made_at_once_on_two_nodes_are_all_listed(db: TestDb) {
        let world = World::new(&db).await;
        let nodes = [world.service.clone(), world.another_node(&db).await];
        let mut running = tokio::task::JoinSet::new();
        for n in 0..16 {
            let (service, vendor) = (nodes[n % 2].clone(), world.vendor);
            running.spawn(async move { product(&service, vendor).await });
        }
        let made = running.join_all().await;
        let manifest = world.manifest().await;
        assert_eq!(manifest.keys.len(), made.len() + 1);
        assert!(made.iter().all(|made| manifest.keys.iter().any(|key| key.aud == Some(made.to_string()))));
    }

    async fn every_node_serves_the_same_bytes(db: TestDb) {
        let world = World::new(&db).await;
        let other = world.another_node(&db).await;
        let one = world.service.key_manifest(world.vendor).await.unwrap();
        world.clock.advance(Seconds::DAY);
        assert_eq!(other.key_manifest(world.vendor).await.unwrap(), one);
        let keys = world.service.signing_keys(&Call::system(world.vendor)).await.unwrap();
        assert_eq!(keys.len(), 2);
        assert_eq!(world.service.root_public_key(world.vendor).await.unwrap(), world.root.to_b64u());
        let nobody = holdfast_domain::VendorId::from_bytes([1; 16]);
        assert_eq!(other.key_manifest(nobody).await.unwrap_err().code, ErrorCode::NotFound);
    }
}
