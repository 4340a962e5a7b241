//! Revocation lists: what they name, and when they change.

use crate::world::*;
use holdfast_domain::{LicenseStatus, Seconds};
use holdfast_lease::RevocationList;
use holdfast_testkit::both;

both! {
    async fn a_list_names_withdrawn_licenses_and_freed_seats_until_their_leases_have_run_out(db: TestDb) {
        let world = World::new(&db).await;
        let list = async || {
            let document = world.service.revocations(world.product).await.unwrap();
            (world.read::<RevocationList>(&document.token).await, document.etag)
        };
        let (empty, first_tag) = list().await;
        assert_eq!((empty.licenses.len(), empty.seats.len()), (0, 0));
        assert_eq!(list().await.1, first_tag, "nothing changed");
        let (revoked, _) = world.license(fixed(1)).await;
        let (suspended, _) = world.license(fixed(1)).await;
        let (_, key) = world.license(fixed(1)).await;
        let answer = world.activate(&key, "laptop").await.unwrap();
        assert_eq!(list().await.1, first_tag, "a new seat is no news for the list");
        world.set_status(revoked, LicenseStatus::Revoked).await;
        world.set_status(suspended, LicenseStatus::Suspended).await;
        world.release(&answer.lease).await.unwrap();
        let (full, second_tag) = list().await;
        let mut expected = [revoked.to_string(), suspended.to_string()];
        expected.sort();
        assert_eq!(full.licenses, expected);
        assert_eq!(full.seats, [answer.seat.id.to_string()]);
        assert!(full.seq > empty.seq && second_tag != first_tag);
        assert!(full.exp > full.iat);
        world.set_status(suspended, LicenseStatus::Active).await;
        world.clock.advance(Seconds::days(31));
        let (later, _) = list().await;
        assert_eq!(later.licenses, [revoked.to_string()]);
        assert!(later.seats.is_empty(), "the freed seat's last lease has run out");
        assert!(later.seq > full.seq);
    }

    async fn a_list_is_kept_true_by_the_feed_and_signed_anew_every_hour(db: TestDb) {
        let world = World::new(&db).await;
        let other = world.another_node(&db).await;
        let (license, _) = world.license(fixed(1)).await;
        in_background(&[&other], async {
            let first = other.revocations(world.product).await.unwrap();
            assert_eq!(other.revocations(world.product).await.unwrap(), first);
            world.set_status(license, LicenseStatus::Revoked).await;
            let took = until(|| async { other.revocations(world.product).await.unwrap() != first }).await;
            assert!(took < std::time::Duration::from_secs(2), "{took:?}");
            let second = other.revocations(world.product).await.unwrap();
            world.clock.advance(Seconds::minutes(61));
            let third = other.revocations(world.product).await.unwrap();
            let (second, third): (RevocationList, RevocationList) =
                (world.read(&second.token).await, world.read(&third.token).await);
            assert_eq!(second.licenses, third.licenses);
            assert!(third.seq > second.seq && third.iat > second.iat);
        }).await;
    }

    async fn a_list_with_more_than_fits_names_the_newest(db: TestDb) {
        let world = World::new(&db).await;
        let mut last = None;
        for _ in 0..200 {
            world.clock.advance(Seconds(1));
            let (license, _) = world.license(fixed(1)).await;
            world.set_status(license, LicenseStatus::Revoked).await;
            last = Some(license);
        }
        let document = world.service.revocations(world.product).await.unwrap();
        let list: RevocationList = world.read(&document.token).await;
        assert!((100..200).contains(&list.licenses.len()), "{}", list.licenses.len());
        assert!(list.licenses.contains(&last.unwrap().to_string()));
        // What is not named is still cached as complete: the same document again.
        assert_eq!(world.service.revocations(world.product).await.unwrap(), document);
    }
}
