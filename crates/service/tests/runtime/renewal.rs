//! Renewal: the hot path, and that faults of ours never become a "no".

use crate::world::*;
use base64::prelude::*;
use holdfast_domain::{LicenseStatus, Seconds, decide::Mode};
use holdfast_lease::{Lease, LeaseVerdict, SigningKey, renewal_proof_message, sign};
use holdfast_service::{
    ErrorCode,
    runtime::{DeviceKey, Proof, Renew},
};
use holdfast_store::seats;
use holdfast_testkit::both;

both! {
    async fn a_lease_is_renewed_for_a_year_and_its_sequence_always_grows(db: TestDb) {
        let world = World::new(&db).await;
        let (_, key) = world.license(fixed(1)).await;
        let answer = world.activate(&key, "laptop").await.unwrap();
        let (seat, mut token) = (answer.seat.id, answer.lease);
        let mut last = world.lease(&token).await;
        for _ in 0..52 {
            world.clock.advance(Seconds::days(7));
            token = world.renew(&token).await.unwrap().lease;
            // Once more within the same second.
            token = world.renew(&token).await.unwrap().lease;
            let lease = world.lease(&token).await;
            assert!(lease.seq > last.seq + 1 && lease.jti != last.jti);
            assert_eq!((&lease.seat, &lease.dev, &lease.sub), (&last.seat, &last.dev, &last.sub));
            assert_eq!(lease.verdict(world.service.now().seconds()), LeaseVerdict::Licensed);
            last = lease;
        }
        // What was renewed is written by and by.
        assert_eq!(world.service.runtime_status().pending_touches, 1);
        world.service.flush().await.unwrap();
        assert_eq!(world.service.runtime_status().pending_touches, 0);
        let row = seats::get(&mut world.service.store().reader(), world.scope(), seat).await.unwrap().unwrap();
        assert_eq!((row.seat.seq, row.last_seen_at), (last.seq, world.service.now()));
        assert_eq!(row.seat.lease_ends_at.seconds(), last.soft);
        assert_eq!(row.offline_until.seconds(), last.exp);
    }

    async fn what_a_device_says_of_itself_is_written_by_and_by(db: TestDb) {
        let world = World::new(&db).await;
        let (_, key) = world.license(fixed(1)).await;
        let answer = world.activate(&key, "laptop").await.unwrap();
        world.clock.advance(Seconds::DAY);
        let mut device = world.device("laptop");
        device.app_version = Some("2.0.1".to_owned());
        let input = Renew { device: Some(device), ..renewal(&answer.lease) };
        world.service.renew(world.product, input, &from()).await.unwrap();
        world.renew(&answer.lease).await.unwrap();
        world.service.flush().await.unwrap();
        let mut reader = world.service.store().reader();
        let row = seats::get(&mut reader, world.scope(), answer.seat.id).await.unwrap().unwrap();
        assert_eq!(row.app_version.as_deref(), Some("2.0.1"));
    }

    async fn a_lease_long_past_its_end_is_still_renewed(db: TestDb) {
        let world = World::new(&db).await;
        let (_, key) = world.license(fixed(1)).await;
        let answer = world.activate(&key, "laptop").await.unwrap();
        world.clock.advance(Seconds::days(400));
        let lease = world.lease(&world.renew(&answer.lease).await.unwrap().lease).await;
        assert_eq!(lease.verdict(world.service.now().seconds()), LeaseVerdict::Licensed);
    }

    async fn an_older_copy_of_a_lease_still_renews_and_gets_a_greater_sequence(db: TestDb) {
        let world = World::new(&db).await;
        let (_, key) = world.license(fixed(1)).await;
        let old = world.activate(&key, "laptop").await.unwrap().lease;
        world.clock.advance(Seconds::DAY);
        let newest = world.lease(&world.renew(&old).await.unwrap().lease).await;
        world.service.flush().await.unwrap();
        let again = world.lease(&world.renew(&old).await.unwrap().lease).await;
        assert!(again.seq > newest.seq, "the answer to the first renewal may have been lost");
    }

    async fn what_is_not_this_products_lease_is_unverifiable_and_no_denial(db: TestDb) {
        let world = World::new(&db).await;
        let (_, key) = world.license(fixed(1)).await;
        let token = world.activate(&key, "laptop").await.unwrap().lease;
        let other = world.another_product().await;
        let foreign = world.service.renew(other, renewal(&token), &from()).await.unwrap_err();
        assert_eq!((foreign.code, foreign.denial), (ErrorCode::LeaseUnverifiable, None));
        let mut damaged = token.clone();
        damaged.replace_range(60..61, if &token[60..61] == "A" { "B" } else { "A" });
        let long = "a".repeat(9_000);
        let manifest = world.service.key_manifest(world.vendor).await.unwrap().token;
        for bad in ["", "a.b.c", &damaged, &long, &manifest] {
            let refused = world.renew(bad).await.unwrap_err();
            assert_eq!((refused.code, refused.denial), (ErrorCode::LeaseUnverifiable, None));
        }
    }

    async fn a_thief_of_the_public_key_signs_nothing(db: TestDb) {
        let world = World::new(&db).await;
        let (_, key) = world.license(fixed(1)).await;
        let token = world.activate(&key, "laptop").await.unwrap().lease;
        let lease: Lease = world.lease(&token).await;
        let forged = sign(&lease, &SigningKey::from_seed(&[9; 32])).unwrap();
        assert_eq!(world.renew(&forged).await.unwrap_err().code, ErrorCode::LeaseUnverifiable);
    }

    async fn a_device_with_a_key_of_its_own_must_sign_its_renewals(db: TestDb) {
        let world = World::new(&db).await;
        let (_, key) = world.license(fixed(1)).await;
        let own = SigningKey::from_seed(&[42; 32]);
        let mut input = world.activation(&key, "laptop");
        input.device.public_key = Some(DeviceKey(own.public_key()));
        let token = world.service.activate(world.product, input, &from()).await.unwrap().lease;
        let lease = world.lease(&token).await;
        assert_eq!(lease.dpk, Some(own.public_key().to_b64u()));
        let renew = async |proof: Option<Proof>| {
            let input = Renew { proof, ..renewal(&token) };
            world.service.renew(world.product, input, &from()).await
        };
        assert_eq!(renew(None).await.unwrap_err().code, ErrorCode::ProofInvalid);
        let copy = SigningKey::from_seed(&[43; 32]).sign_bytes(&renewal_proof_message(NONCE, &token));
        assert_eq!(renew(Some(Proof(copy))).await.unwrap_err().code, ErrorCode::ProofInvalid);
        let replayed = own.sign_bytes(&renewal_proof_message("another-nonce", &token));
        assert_eq!(renew(Some(Proof(replayed))).await.unwrap_err().code, ErrorCode::ProofInvalid);
        let proof = own.sign_bytes(&renewal_proof_message(NONCE, &token));
        let renewed = world.lease(&renew(Some(Proof(proof))).await.unwrap().lease).await;
        assert_eq!(renewed.dpk, lease.dpk);
        // On the wire.
        let text = serde_json::json!(BASE64_URL_SAFE_NO_PAD.encode(proof));
        assert_eq!(serde_json::from_value::<Proof>(text).unwrap(), Proof(proof));
    }

    async fn a_manifest_comes_along_where_the_clients_is_older(db: TestDb) {
        let world = World::new(&db).await;
        let (_, key) = world.license(fixed(1)).await;
        let token = world.activate(&key, "laptop").await.unwrap().lease;
        let seq = world.manifest().await.seq;
        let renew = async |manifest_seq: Option<i64>| {
            let input = Renew { manifest_seq, ..renewal(&token) };
            world.service.renew(world.product, input, &from()).await.unwrap().keys
        };
        assert_eq!(renew(Some(seq)).await, None);
        assert_eq!(renew(Some(seq + 1)).await, None);
        for older in [None, Some(0), Some(seq - 1)] {
            assert_eq!(world.read_manifest(&renew(older).await.unwrap()).seq, seq);
        }
    }

    async fn an_expired_license_ends_or_goes_on_limited(db: TestDb) {
        let world = World::new(&db).await;
        let with = holdfast_domain::Terms { fallback: Some(entitlements(&["export"])), ..subscription(30) };
        let (_, kind) = world.license(with).await;
        let (license, hard) = world.license(subscription(30)).await;
        let soft = world.activate(&kind, "laptop").await.unwrap().lease;
        let gone = world.activate(&hard, "laptop").await.unwrap().lease;
        assert_eq!(world.lease(&soft).await.fb.map(|fb| fb.len()), Some(1));
        world.clock.advance(Seconds::days(30));
        let limited = world.lease(&world.renew(&soft).await.unwrap().lease).await;
        assert_eq!((limited.mode, limited.ent.len()), (Mode::Limited, 1));
        let denial = world.denial(world.renew(&gone).await.unwrap_err(), ErrorCode::LicenseExpired).await;
        assert!(denial.seq > world.lease(&gone).await.seq);
        // Paid for at last.
        let now = world.service.now();
        world.change(license, move |license| license.expires_at = Some(now.plus(Seconds::days(365)))).await;
        assert_eq!(world.lease(&world.renew(&gone).await.unwrap().lease).await.mode, Mode::Licensed);
    }

    async fn a_seat_that_the_database_lost_goes_on_while_its_lease_is_alive(db: TestDb) {
        let world = World::new(&db).await;
        let (license, key) = world.license(fixed(1)).await;
        let token = world.activate(&key, "laptop").await.unwrap().lease;
        holdfast_store::raw::run(&db.db, "DELETE FROM seats").await.unwrap();
        let renewed = world.renew(&token).await.unwrap().lease;
        assert!(world.lease(&renewed).await.seq > world.lease(&token).await.seq);
        assert_eq!(world.service.runtime_status().unknown_seats, 1);
        // The license still counts for such a seat.
        world.set_status(license, LicenseStatus::Revoked).await;
        world.denial(world.renew(&token).await.unwrap_err(), ErrorCode::LicenseRevoked).await;
        world.set_status(license, LicenseStatus::Active).await;
        world.clock.advance(Seconds::days(31));
        let late = world.renew(&token).await.unwrap_err();
        assert_eq!((late.code, late.denial), (ErrorCode::LeaseUnverifiable, None));
    }

    async fn a_license_that_the_database_lost_is_our_fault_and_not_a_no(db: TestDb) {
        let world = World::new(&db).await;
        let (_, key) = world.license(fixed(1)).await;
        let token = world.activate(&key, "laptop").await.unwrap().lease;
        holdfast_store::raw::run(&db.db, "DELETE FROM seats").await.unwrap();
        holdfast_store::raw::run(&db.db, "DELETE FROM license_use; DELETE FROM licenses").await.unwrap();
        let answer = world.renew(&token).await.unwrap_err();
        assert_eq!((answer.code, answer.denial), (ErrorCode::Unavailable, None));
        assert!(answer.retry_after.is_some() && ErrorCode::Unavailable.retryable());
    }

    async fn a_node_without_the_master_key_signs_nothing_and_denies_nothing(db: TestDb) {
        let world = World::new(&db).await;
        let (_, key) = world.license(fixed(1)).await;
        let token = world.activate(&key, "laptop").await.unwrap().lease;
        let sealed = node(db.another_node().await, std::sync::Arc::clone(&world.clock), None);
        assert!(sealed.is_sealed() && sealed.self_test().await.unwrap().sealed);
        let answer = sealed.renew(world.product, renewal(&token), &from()).await.unwrap_err();
        assert_eq!((answer.code, answer.denial), (ErrorCode::Sealed, None));
        // The manifest needs no secret.
        assert_eq!(sealed.key_manifest(world.vendor).await.unwrap(), world.service.key_manifest(world.vendor).await.unwrap());
        // Another master key is told from none.
        let other = holdfast_service::vault::MasterKey::parse(&[7, 8].repeat(16)).unwrap();
        let other = holdfast_service::vault::Vault::new(&other);
        let wrong = node(db.another_node().await, std::sync::Arc::clone(&world.clock), Some(other));
        assert_eq!(wrong.self_test().await.unwrap_err().code, ErrorCode::Sealed);
        assert_eq!(wrong.renew(world.product, renewal(&token), &from()).await.unwrap_err().code, ErrorCode::Sealed);
        assert_eq!(world.service.self_test().await.unwrap().keys_checked, 2);
    }
}
