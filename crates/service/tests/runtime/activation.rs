//! Activation and release: who gets a seat, who does not, and that nothing is ever oversold.

use crate::world::*;
use holdfast_domain::{LicenseModel, LicenseStatus, SeatModel, Seconds, Terms, decide::Mode};
use holdfast_lease::LeaseVerdict;
use holdfast_service::{
    ErrorCode,
    runtime::{Activate, Device, ReleaseOther, Validate},
};
use holdfast_store::seats;
use holdfast_testkit::both;

both! {
    async fn the_first_lease_verifies_under_the_pinned_root_and_says_what_the_plan_says(db: TestDb) {
        let world = World::new(&db).await;
        let terms = Terms {
            entitlements: entitlements(&["export", "print"]),
            fallback: Some(entitlements(&["export"])),
            ..subscription(365)
        };
        let (license, key) = world.license(terms).await;
        let answer = world.activate(&key, "laptop").await.unwrap();
        assert!(!answer.again);
        assert_eq!(answer.seat.name.as_deref(), Some("laptop"));
        // The manifest that came along is all that a client needs besides its root key.
        let manifest = world.read_manifest(answer.keys.as_deref().unwrap());
        assert_eq!(manifest.endpoints.as_deref(), Some(["https://licenses.example.com".to_owned()].as_slice()));
        let lease = world.lease(&answer.lease).await;
        let now = world.service.now().seconds();
        assert_eq!((lease.sub.as_str(), lease.seat.as_str()), (&*license.to_string(), &*answer.seat.id.to_string()));
        assert_eq!(lease.dev, world.device("laptop").hash.to_string());
        assert_eq!((lease.mode, lease.ent.len(), lease.fb.map(|fb| fb.len())), (Mode::Licensed, 2, Some(1)));
        assert_eq!((lease.iat, lease.nbf, lease.cont), (now, now, 0));
        assert_eq!(lease.soft, now.plus(Seconds::days(14)));
        assert_eq!(lease.exp, now.plus(Seconds::days(30)));
        let renewal = lease.ren.since(now).0;
        assert!((64_800..=108_000).contains(&renewal), "a day, give or take a quarter: {renewal}");
        assert_eq!(lease.lic, Some(now.plus(Seconds::days(365))));
        assert!(lease.seq >= now.0);
    }

    async fn the_same_device_gets_its_own_seat_back(db: TestDb) {
        let world = World::new(&db).await;
        let (license, key) = world.license(fixed(1)).await;
        let first = world.activate(&key, "laptop").await.unwrap();
        // Typed sloppily and by a renamed device.
        let sloppy = format!(" {} ", key.to_lowercase().replace('-', " "));
        let mut input = world.activation(&sloppy, "laptop");
        input.device.name = Some("Ann's laptop".to_owned());
        input.manifest_seq = Some(world.manifest().await.seq);
        let second = world.service.activate(world.product, input, &from()).await.unwrap();
        assert!(second.again && !first.again);
        assert_eq!(second.seat.id, first.seat.id);
        assert_eq!(second.seat.name.as_deref(), Some("Ann's laptop"));
        assert_eq!(second.keys, None, "the client has the newest manifest");
        assert!(world.lease(&second.lease).await.seq > world.lease(&first.lease).await.seq);
        let taken = seats::active_of_license(&mut world.service.store().reader(), world.scope(), license).await.unwrap();
        assert_eq!(taken.len(), 1);
    }

    async fn a_second_device_meets_the_limit_and_is_told_who_is_in_the_way(db: TestDb) {
        let world = World::new(&db).await;
        let (_, key) = world.license(fixed(1)).await;
        let first = world.activate(&key, "laptop").await.unwrap();
        let refused = world.activate(&key, "desktop").await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::SeatLimitReached);
        assert_eq!(refused.denial, None, "a full license takes nothing away from anybody");
        let seat = &refused.seats[0];
        assert_eq!((seat.id, seat.name.as_deref()), (first.seat.id, Some("laptop")));
        // Freed from inside the application, the seat goes to the other device.
        let free = ReleaseOther { key: key.clone(), nonce: nonce() };
        world.service.release_other(world.product, first.seat.id, free, &from()).await.unwrap();
        assert!(world.activate(&key, "desktop").await.is_ok());
        let back = world.activate(&key, "laptop").await.unwrap_err();
        assert_eq!(back.code, ErrorCode::SeatLimitReached);
    }

    async fn unknown_malformed_and_foreign_keys_are_answered_alike(db: TestDb) {
        let world = World::new(&db).await;
        let other = world.another_product().await;
        let (_, key) = world.license(fixed(1)).await;
        for text in ["", "x", "AAAAA-AAAAA-AAAAA-AAAAA-AAAAA", "ÄÖÜ-ÄÖÜ-ÄÖÜ", &"9".repeat(500)] {
            assert_eq!(world.activate(text, "laptop").await.unwrap_err().code, ErrorCode::LicenseNotFound, "{text}");
        }
        let foreign = world.service.activate(other, world.activation(&key, "laptop"), &from()).await.unwrap_err();
        assert_eq!(foreign.code, ErrorCode::LicenseNotFound);
        let nowhere = holdfast_domain::ProductId::from_bytes([7; 16]);
        let nowhere = world.service.activate(nowhere, world.activation(&key, "laptop"), &from()).await.unwrap_err();
        assert_eq!(nowhere.code, ErrorCode::ProductNotFound);
    }

    async fn a_floating_seat_goes_to_another_when_its_lease_has_ended(db: TestDb) {
        let world = World::new(&db).await;
        let (_, key) = world.license(floating(1)).await;
        let first = world.activate(&key, "laptop").await.unwrap();
        world.clock.advance(Seconds::minutes(19));
        assert_eq!(world.activate(&key, "desktop").await.unwrap_err().code, ErrorCode::SeatLimitReached);
        // A renewal that is written in time keeps the seat.
        let renewed = world.renew(&first.lease).await.unwrap();
        world.service.flush().await.unwrap();
        world.clock.advance(Seconds::minutes(19));
        assert_eq!(world.activate(&key, "desktop").await.unwrap_err().code, ErrorCode::SeatLimitReached);
        world.clock.advance(Seconds::minutes(2));
        let second = world.activate(&key, "desktop").await.unwrap();
        assert_ne!(second.seat.id, first.seat.id);
        let denial = world.denial(world.renew(&renewed.lease).await.unwrap_err(), ErrorCode::SeatReleased).await;
        assert_eq!(denial.seat, Some(first.seat.id.to_string()));
    }

    async fn a_lapsed_floating_seat_goes_on_where_nobody_took_it(db: TestDb) {
        let world = World::new(&db).await;
        let (_, key) = world.license(floating(1)).await;
        let answer = world.activate(&key, "laptop").await.unwrap();
        world.clock.advance(Seconds::hours(9));
        let renewed = world.lease(&world.renew(&answer.lease).await.unwrap().lease).await;
        assert_eq!(renewed.seat, answer.seat.id.to_string());
        // It was confirmed in a transaction, so nobody can take it from now on.
        assert_eq!(world.service.runtime_status().pending_touches, 0);
        assert_eq!(world.activate(&key, "desktop").await.unwrap_err().code, ErrorCode::SeatLimitReached);
    }

    async fn a_lapsed_floating_seat_is_never_held_by_two(db: TestDb) {
        let world = World::new(&db).await;
        let nodes = [world.service.clone(), world.another_node(&db).await];
        let (_, key) = world.license(floating(1)).await;
        let mut holder = ("one".to_owned(), world.activate(&key, "one").await.unwrap().lease);
        in_background(&[&nodes[0], &nodes[1]], async {
            for round in 0..12 {
                world.clock.advance(Seconds::minutes(30));
                let rival = format!("rival-{round}");
                let (input, lease) = (world.activation(&key, &rival), renewal(&holder.1));
                let origin = from();
                let (renewed, taken) = tokio::join!(
                    nodes[round % 2].renew(world.product, lease, &origin),
                    nodes[(round + 1) % 2].activate(world.product, input, &origin),
                );
                holder = match (renewed, taken) {
                    (Ok(renewed), Err(error)) => {
                        assert_eq!(error.code, ErrorCode::SeatLimitReached);
                        (holder.0, renewed.lease)
                    }
                    (Err(error), Ok(taken)) => {
                        assert_eq!(error.code, ErrorCode::SeatReleased);
                        (rival, taken.lease)
                    }
                    other => panic!("one of two has the seat: {other:?}"),
                };
            }
        }).await;
    }

    async fn a_floating_seat_can_be_borrowed_within_the_plans_limit(db: TestDb) {
        let world = World::new(&db).await;
        let (_, key) = world.license(floating(1)).await;
        let input = Activate { borrow_seconds: Some(u32::MAX), ..world.activation(&key, "laptop") };
        let answer = world.service.activate(world.product, input, &from()).await.unwrap();
        let lease = world.lease(&answer.lease).await;
        assert_eq!(lease.exp, lease.iat.plus(Seconds::days(7)), "the plan allows a week");
        world.clock.advance(Seconds::days(6));
        assert_eq!(world.activate(&key, "desktop").await.unwrap_err().code, ErrorCode::SeatLimitReached);
        world.clock.advance(Seconds::days(2));
        assert!(world.activate(&key, "desktop").await.is_ok());
    }

    async fn named_users_have_a_seat_each_on_several_devices(db: TestDb) {
        let world = World::new(&db).await;
        let model = SeatModel::NamedUser { devices: 2 };
        let (_, key) = world.license(Terms { seats: 1, ..Terms::defaults(LicenseModel::Perpetual, model) }).await;
        let activate = async |user: Option<&str>, device: &str| {
            let user = user.map(|user| user.parse().unwrap());
            let input = Activate { user, ..world.activation(&key, device) };
            world.service.activate(world.product, input, &from()).await
        };
        assert_eq!(activate(None, "laptop").await.unwrap_err().code, ErrorCode::UserRequired);
        activate(Some("ann@example.com"), "laptop").await.unwrap();
        activate(Some("Ann@Example.com"), "desktop").await.unwrap();
        let third = activate(Some("ann@example.com"), "phone").await.unwrap_err();
        assert_eq!((third.code, third.seats.len()), (ErrorCode::DeviceLimitReached, 2));
        let other = activate(Some("bob@example.com"), "phone").await.unwrap_err();
        assert_eq!(other.code, ErrorCode::SeatLimitReached);
    }

    async fn giving_a_seat_up_is_idempotent_and_only_for_its_own_device(db: TestDb) {
        let world = World::new(&db).await;
        let (_, key) = world.license(fixed(1)).await;
        let first = world.activate(&key, "laptop").await.unwrap();
        for _ in 0..3 {
            world.release(&first.lease).await.unwrap();
        }
        world.denial(world.renew(&first.lease).await.unwrap_err(), ErrorCode::SeatReleased).await;
        let second = world.activate(&key, "desktop").await.unwrap();
        // The old lease of the other device frees nothing any more.
        world.release(&first.lease).await.unwrap();
        assert!(world.renew(&second.lease).await.is_ok());
        let log = world.log_of(&first.seat.id.to_string()).await;
        assert_eq!(log, ["seat.claimed", "seat.released"]);
        assert_eq!(world.release("a.b.c").await.unwrap_err().code, ErrorCode::LeaseUnverifiable);
    }

    async fn a_release_that_comes_late_gives_up_nothing_that_was_claimed_since(db: TestDb) {
        let world = World::new(&db).await;
        let (_, key) = world.license(fixed(1)).await;
        let first = world.activate(&key, "laptop").await.unwrap();
        world.clock.advance(Seconds(5));
        world.release(&first.lease).await.unwrap();
        let second = world.activate(&key, "laptop").await.unwrap();
        assert_eq!(second.seat.id, first.seat.id, "the same device, the same seat");
        // The same request once more, from a node or a network that held it back.
        world.release(&first.lease).await.unwrap();
        world.renew(&second.lease).await.unwrap();
        // Its own lease gives it up, also the claim's very first one when there are newer ones.
        world.clock.advance(Seconds(5));
        world.renew(&second.lease).await.unwrap();
        world.release(&second.lease).await.unwrap();
        world.denial(world.renew(&second.lease).await.unwrap_err(), ErrorCode::SeatReleased).await;
    }

    async fn releases_by_key_have_a_budget_that_fills_up_again(db: TestDb) {
        let world = World::new(&db).await;
        let (_, key) = world.license(Terms { release_budget: 1, ..fixed(3) }).await;
        let (_, stranger) = world.license(fixed(1)).await;
        let one = world.activate(&key, "one").await.unwrap().seat.id;
        let two = world.activate(&key, "two").await.unwrap().seat.id;
        let free = async |key: &str, seat| {
            let input = ReleaseOther { key: key.to_owned(), nonce: nonce() };
            world.service.release_other(world.product, seat, input, &from()).await.map_err(|error| error.code)
        };
        assert_eq!(free(&stranger, one).await, Err(ErrorCode::NotFound));
        assert_eq!(free("AAAAAAAAAAAA", one).await, Err(ErrorCode::LicenseNotFound));
        assert_eq!(free(&key, one).await, Ok(()));
        assert_eq!(free(&key, one).await, Ok(()), "freeing a free seat costs nothing");
        assert_eq!(free(&key, two).await, Err(ErrorCode::ReleaseBudgetSpent));
        let lease = world.activate(&key, "two").await.unwrap();
        assert!(lease.again, "a release that was refused has freed nothing");
        // What was spent is shown beside what may be, and what was refused was not spent.
        let system = holdfast_service::Actor::system(world.vendor);
        let license = lease.seat.license;
        let spent = async || world.service.license(&system, license).await.unwrap().freed_by_holder;
        assert_eq!(spent().await, 1);
        world.clock.advance(Seconds::days(31));
        assert_eq!(spent().await, 0);
        assert_eq!(free(&key, two).await, Ok(()));
        assert_eq!(spent().await, 1);
    }

    async fn an_expired_license_activates_with_its_fallback_or_not_at_all(db: TestDb) {
        let world = World::new(&db).await;
        let with = Terms { fallback: Some(entitlements(&["export"])), ..subscription(30) };
        let (_, kind) = world.license(with).await;
        let (license, hard) = world.license(subscription(30)).await;
        world.clock.advance(Seconds::days(31));
        let lease = world.lease(&world.activate(&kind, "laptop").await.unwrap().lease).await;
        assert_eq!((lease.mode, lease.ent.len(), &lease.fb), (Mode::Limited, 1, &None));
        assert_eq!(lease.verdict(world.service.now().seconds()), LeaseVerdict::Limited);
        assert!(lease.exp > lease.lic.unwrap(), "a limited lease begins after the end of its license");
        let denial = world.denial(world.activate(&hard, "laptop").await.unwrap_err(), ErrorCode::LicenseExpired).await;
        assert_eq!((denial.sub, denial.seat), (license.to_string(), None));
        assert_eq!(denial.dev, world.device("laptop").hash.to_string());
    }

    async fn a_withdrawn_license_is_refused_with_a_denial_for_this_device(db: TestDb) {
        let world = World::new(&db).await;
        let (license, key) = world.license(fixed(2)).await;
        world.activate(&key, "laptop").await.unwrap();
        for (status, code) in [
            (LicenseStatus::Suspended, ErrorCode::LicenseSuspended),
            (LicenseStatus::Revoked, ErrorCode::LicenseRevoked),
        ] {
            world.set_status(license, status).await;
            let denial = world.denial(world.activate(&key, "desktop").await.unwrap_err(), code).await;
            assert_eq!(denial.dev, world.device("desktop").hash.to_string());
            assert_eq!((denial.seat, denial.eff), (None, world.service.now().seconds()));
            let denial = world.denial(world.activate(&key, "laptop").await.unwrap_err(), code).await;
            assert!(denial.seat.is_some());
        }
        world.set_status(license, LicenseStatus::Active).await;
        assert!(world.activate(&key, "desktop").await.is_ok());
    }

    async fn validation_gives_every_reason_and_claims_nothing(db: TestDb) {
        let world = World::new(&db).await;
        let (license, key) = world.license(Terms { seats: 1, ..subscription(30) }).await;
        let ask = async |key: &str, device: Option<Device>| {
            let input = Validate { key: key.to_owned(), device_hash: device.map(|d| d.hash), nonce: nonce() };
            world.service.validate(world.product, input, &from()).await.unwrap()
        };
        let fresh = ask(&key, None).await;
        assert!(fresh.valid && fresh.codes.is_empty());
        assert_eq!(fresh.license.unwrap().id, license);
        let unknown = ask("AAAAA-AAAAA-AAAAA-AAAAA-AAAAA", None).await;
        assert!(!unknown.valid && unknown.is_unknown_key());
        assert_eq!(unknown.codes, ["license_not_found"]);
        assert_eq!(ask(&key, Some(world.device("laptop"))).await.codes, ["not_activated"]);
        world.activate(&key, "laptop").await.unwrap();
        assert!(ask(&key, Some(world.device("laptop"))).await.valid);
        assert_eq!(ask(&key, Some(world.device("desktop"))).await.codes, ["seat_limit_reached"]);
        world.set_status(license, LicenseStatus::Suspended).await;
        world.clock.advance(Seconds::days(31));
        let refused = ask(&key, Some(world.device("laptop"))).await;
        assert_eq!(refused.codes, ["suspended", "expired"]);
        let denial: holdfast_lease::Denial = world.read(&refused.denial.unwrap()).await;
        assert_eq!(denial.dev, world.device("laptop").hash.to_string());
        assert_eq!(ask(&key, None).await.denial, None, "a denial names a device");
    }

    async fn a_thousand_activations_at_once_take_exactly_ten_seats(db: TestDb) {
        let world = World::new(&db).await;
        let (license, key) = world.license(fixed(10)).await;
        let mut running = tokio::task::JoinSet::new();
        for n in 0..1_000 {
            let (service, product) = (world.service.clone(), world.product);
            let input = world.activation(&key, &format!("device-{n}"));
            running.spawn(async move { service.activate(product, input, &from()).await.map_err(|error| error.code) });
        }
        let (mut granted, mut full) = (std::collections::BTreeSet::new(), 0);
        while let Some(answer) = running.join_next().await {
            match answer.unwrap() {
                Ok(answer) => assert!(granted.insert(answer.seat.id)),
                Err(ErrorCode::SeatLimitReached) => full += 1,
                Err(other) => panic!("{other:?}"),
            }
        }
        assert_eq!((granted.len(), full), (10, 990));
        let taken = seats::active_of_license(&mut world.service.store().reader(), world.scope(), license).await.unwrap();
        let taken: std::collections::BTreeSet<_> = taken.into_iter().map(|row| row.seat.id).collect();
        assert_eq!(taken, granted);
    }
}
