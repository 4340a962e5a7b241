//! Denials: signed, for the device that asked, echoing its nonce; and undone by undoing what led to them.

use crate::world::*;
use holdfast_domain::{DenialCode, LicenseStatus, Seconds};
use holdfast_service::{ErrorCode, runtime::Renew};
use holdfast_testkit::both;

both! {
    async fn revoked_suspended_and_back_again(db: TestDb) {
        let world = World::new(&db).await;
        let (license, key) = world.license(fixed(1)).await;
        let token = world.activate(&key, "laptop").await.unwrap().lease;
        let mut seq = world.lease(&token).await.seq;
        for (status, error, code) in [
            (LicenseStatus::Suspended, ErrorCode::LicenseSuspended, DenialCode::Suspended),
            (LicenseStatus::Revoked, ErrorCode::LicenseRevoked, DenialCode::Revoked),
        ] {
            world.set_status(license, status).await;
            world.clock.advance(Seconds(10));
            let denial = world.denial(world.renew(&token).await.unwrap_err(), error).await;
            let now = world.service.now().seconds();
            assert_eq!((denial.code, denial.iat, denial.eff), (code, now, now));
            assert_eq!(denial.dev, world.device("laptop").hash.to_string());
            assert!(denial.seq > seq && denial.seat.is_some());
            seq = denial.seq;
        }
        world.set_status(license, LicenseStatus::Active).await;
        assert!(world.lease(&world.renew(&token).await.unwrap().lease).await.seq > seq);
        assert_eq!(world.service.runtime_status().denials, 2);
    }

    async fn a_revocation_in_the_future_says_when_it_takes_effect(db: TestDb) {
        let world = World::new(&db).await;
        let (license, key) = world.license(fixed(1)).await;
        let token = world.activate(&key, "laptop").await.unwrap().lease;
        let later = world.service.now().plus(Seconds::days(3));
        world.change(license, move |license| {
            license.status = LicenseStatus::Revoked;
            license.status_effective_at = Some(later);
        }).await;
        let denial = world.denial(world.renew(&token).await.unwrap_err(), ErrorCode::LicenseRevoked).await;
        assert_eq!((denial.iat, denial.eff), (world.service.now().seconds(), later.seconds()));
    }

    async fn a_lease_shown_by_another_device_is_denied_to_that_device_alone(db: TestDb) {
        let world = World::new(&db).await;
        let (_, key) = world.license(fixed(1)).await;
        let token = world.activate(&key, "laptop").await.unwrap().lease;
        let input = Renew { device: Some(world.device("copy")), ..renewal(&token) };
        let refused = world.service.renew(world.product, input, &from()).await.unwrap_err();
        let denial = world.denial(refused, ErrorCode::DeviceMismatch).await;
        assert_eq!(denial.dev, world.device("copy").hash.to_string(), "the running seat's own client ignores it");
        let input = Renew { device: Some(world.device("laptop")), ..renewal(&token) };
        assert!(world.service.renew(world.product, input, &from()).await.is_ok());
    }
}
