//! Issuing, finding, reading and changing licenses.

use crate::world::*;
use holdfast_domain::{
    Email, EntitlementValue, Entitlements, LicenseModel, LicenseState, SeatModel, SeatState, Seconds, Terms,
    license::StatusChange,
};
use holdfast_service::{
    ErrorCode,
    admin::inputs::{
        ChangeStatus, CreateCustomer, CreatePlan, CustomerChoice, EventFilter, IssueLicense, LicenseFilter, Rekey,
        SeatFilter, Transfer, UpdateLicense,
    },
};
use holdfast_testkit::both;

fn named(name: &str, email: &str) -> CustomerChoice {
    let customer = CreateCustomer { name: Some(text(name)), email: Some(text(email)), external_id: None };
    CustomerChoice::New(customer)
}

both! {
    async fn a_license_is_issued_and_its_key_works_at_once(db: TestDb) {
        let world = World::new(&db).await;
        let issued = world.issue().await;
        assert_eq!(issued.key.len(), 29);
        assert_eq!(issued.license.key_hint, issued.key[25..]);
        assert!(!format!("{issued:?}").contains(&issued.key));
        assert_eq!(issued.license.expires_at, Some(world.service.now().plus(Seconds::days(365))));
        world.activate(&issued.key, "laptop").await.unwrap();
        let detail = world.service.license(&world.system(), issued.license.id).await.unwrap();
        assert_eq!((detail.license.seats_taken, detail.seats.len()), (1, 1));
        assert_eq!((detail.plan_name.as_str(), detail.product_name.as_str()), ("Pro", "A product"));
        assert_eq!(detail.seats[0].name.as_deref(), Some("laptop"));
        assert_eq!(detail.seats[0].offline_until, world.service.now().plus(Seconds::days(30)));
        let told: Vec<&str> = detail.timeline.iter().map(|event| event.action.as_str()).collect();
        assert!(told.contains(&"license.issued") && told.len() >= 2, "{told:?}");
    }

    async fn devices_are_counted_by_the_people_who_have_them(db: TestDb) {
        let world = World::new(&db).await;
        let terms = Terms { seats: 9, ..Terms::defaults(LicenseModel::Perpetual, SeatModel::NamedUser { devices: 3 }) };
        let input = CreatePlan { product: world.product, name: text("People"), code: text("people"), terms };
        let plan = world.service.create_plan(&world.call(), input).await.unwrap().id;
        let issue = async || world.service.issue_license(&world.call(), IssueLicense::of(plan)).await.unwrap();
        let (one, two) = (issue().await, issue().await);
        let mut seats = Vec::new();
        for (issued, device, user) in [
            (&one, "a", "grace@example.com"), (&one, "b", "grace@example.com"), (&one, "c", "ada@example.com"),
            (&one, "d", "linus@example.com"), (&two, "a", "grace@example.com"),
        ] {
            seats.push(world.activate_for(&issued.key, device, user).await.unwrap().seat.id);
        }
        world.service.free_seat(&world.call(), seats[3], text("Left")).await.unwrap();
        let users = ["grace", "linus", "ada", "nobody"].map(|user| text(&format!("{user}@example.com")));
        let counted = async |id, users: &[Email]| {
            let found = world.service.devices_of_users(&world.system(), id, users.to_vec()).await.unwrap();
            found.into_iter().map(|(user, devices)| (user.to_string(), devices)).collect::<Vec<_>>()
        };
        let (ada, grace) = ("ada@example.com".to_owned(), "grace@example.com".to_owned());
        assert_eq!(counted(one.license.id, &users).await, [(ada, 1), (grace.clone(), 2)]);
        assert_eq!(counted(two.license.id, &users).await, [(grace.clone(), 1)]);
        assert_eq!(counted(one.license.id, &users[..1]).await, [(grace, 2)]);
        assert!(counted(one.license.id, &[]).await.is_empty());
    }

    async fn keys_of_other_systems_keep_their_bytes_and_are_unique_within_the_product(db: TestDb) {
        let world = World::new(&db).await;
        let (service, call) = (&world.service, world.call());
        let key = "aBcD-6f1c1f5e+2d53/4a7e=";
        let input = IssueLicense { key: Some(key.to_owned()), ..IssueLicense::of(world.plan) };
        let issued = service.issue_license(&call, input.clone()).await.unwrap();
        assert_eq!(issued.key, key);
        assert_eq!(service.reveal_key(&call, issued.license.id).await.unwrap(), key);
        assert!(world.activate("ABCD6F1C1F5E+2D53/4A7E=", "laptop").await.is_ok());
        let refused = service.issue_license(&call, input.clone()).await.unwrap_err();
        assert_eq!((refused.code, refused.pointer.as_deref()), (ErrorCode::CodeTaken, Some("/key")));
        let (_, other) = product(service, &call, "viewer").await;
        assert!(service.issue_license(&call, IssueLicense { plan: other, ..input }).await.is_ok());
        let bad = IssueLicense { key: Some("ключ".to_owned()), ..IssueLicense::of(world.plan) };
        assert_eq!(service.issue_license(&call, bad).await.unwrap_err().pointer.as_deref(), Some("/key"));
    }

    async fn what_is_wrong_with_an_issue_is_pointed_at(db: TestDb) {
        let world = World::new(&db).await;
        let many: Entitlements = (0..65).map(|n| (text(&format!("e{n}")), EntitlementValue::ON)).collect();
        let of = || IssueLicense::of(world.plan);
        let nobody = holdfast_domain::CustomerId::from_bytes([7; 16]);
        for (input, pointer) in [
            (IssueLicense { plan: holdfast_domain::PlanId::from_bytes([7; 16]), ..of() }, "/plan"),
            (IssueLicense { customer: Some(CustomerChoice::Existing(nobody)), ..of() }, "/customer"),
            (IssueLicense { order: Some(holdfast_domain::OrderId::from_bytes([7; 16])), ..of() }, "/order"),
            (IssueLicense { seats: Some(0), ..of() }, "/seats"),
            (IssueLicense { expires_at: Some(world.service.now()), ..of() }, "/expires_at"),
            (IssueLicense { overrides: many, ..of() }, "/overrides"),
        ] {
            let refused = world.service.issue_license(&world.call(), input).await.unwrap_err();
            assert_eq!((refused.code, refused.pointer.as_deref()), (ErrorCode::InvalidRequest, Some(pointer)));
        }
        assert_eq!(world.service.licenses(&world.system(), LicenseFilter::default(), page()).await.unwrap().total.rows, 0);
    }

    async fn licenses_are_found_by_how_they_stand_and_whose_they_are(db: TestDb) {
        let world = World::new(&db).await;
        let (service, call) = (&world.service, world.call());
        let now = service.now();
        let short = IssueLicense {
            customer: Some(named("Bruno Brandt", "bruno@example.com")),
            expires_at: Some(now.plus(Seconds::HOUR)),
            ..IssueLicense::of(world.plan)
        };
        let expired = service.issue_license(&call, short).await.unwrap();
        let ada = IssueLicense { customer: Some(named("Ada Almeida", "ada@example.com")), ..IssueLicense::of(world.plan) };
        let active = service.issue_license(&call, ada).await.unwrap();
        let mut changed = Vec::new();
        for change in [StatusChange::Suspend, StatusChange::Revoke] {
            let id = world.issue().await.license.id;
            let input = ChangeStatus { change, reason: text("Unpaid"), effective_at: None, dry_run: false };
            service.change_status(&call, id, input).await.unwrap();
            changed.push(id);
        }
        world.clock.advance(Seconds::HOUR);
        let system = world.system();
        let find = |filter: LicenseFilter| {
            let system = &system;
            async move {
                let found = service.licenses(system, filter, page()).await.unwrap();
                found.items.iter().map(|license| license.id).collect::<Vec<_>>()
            }
        };
        let state = |state| LicenseFilter { state: Some(state), ..LicenseFilter::default() };
        let q = |text: &str| LicenseFilter { q: Some(text.to_owned()), ..LicenseFilter::default() };
        assert_eq!(find(state(LicenseState::Active)).await, [active.license.id]);
        assert_eq!(find(state(LicenseState::Expired)).await, [expired.license.id]);
        assert_eq!(find(state(LicenseState::Suspended)).await, [changed[0]]);
        assert_eq!(find(state(LicenseState::Revoked)).await, [changed[1]]);
        assert_eq!(find(LicenseFilter::default()).await.len(), 4);
        for text in [&active.key, &active.key.to_lowercase().replace('-', " "), &active.license.id.to_string(), "ada@ex", "ada a"] {
            assert_eq!(find(q(text)).await, [active.license.id], "{text}");
        }
        assert!(find(q(&active.license.key_hint)).await.contains(&active.license.id));
        assert!(find(q("ZZZZZ-ZZZZZ-ZZZZZ")).await.is_empty());
        for hostile in ["%", "'", "\\", "a' OR '1'='1", "\u{202e}", "*"] {
            assert!(find(q(hostile)).await.is_empty(), "{hostile}");
        }
    }

    async fn pages_show_every_license_once(db: TestDb) {
        let world = World::new(&db).await;
        for _ in 0..7 {
            world.issue().await;
            world.clock.advance(Seconds(1));
        }
        let mut request = page();
        request.limit = holdfast_service::admin::page::Limit::new(3);
        let mut seen = Vec::new();
        loop {
            let found = world.service.licenses(&world.system(), LicenseFilter::default(), request.clone()).await.unwrap();
            assert_eq!(found.total.rows, 7);
            seen.extend(found.items.iter().map(|license| license.id));
            let Some(next) = found.next else { break };
            request.after = Some(next.to_string().parse().unwrap());
        }
        let mut unique = seen.clone();
        unique.sort();
        unique.dedup();
        assert_eq!((seen.len(), unique.len()), (7, 7));
    }

    async fn fewer_seats_take_none_away(db: TestDb) {
        let world = World::new(&db).await;
        let (id, _) = world.used(&["a", "b", "c"]).await;
        let less = UpdateLicense {
            seats: Some(1),
            overrides: Some(entitlements(&["print"])),
            ..UpdateLicense::default()
        };
        let outcome = world.service.update_license(&world.call(), id, less).await.unwrap();
        assert_eq!((outcome.over_their_seats, outcome.impact.devices, outcome.applied), (2, 0, true));
        let view = outcome.license;
        assert_eq!((view.terms.seats, view.seats_taken, view.overrides.len()), (1, 3, 1));
        let detail = world.service.license(&world.system(), id).await.unwrap();
        assert!(detail.seats.iter().all(|seat| seat.state == SeatState::Active));
        let none = UpdateLicense { seats: Some(0), ..UpdateLicense::default() };
        let refused = world.service.update_license(&world.call(), id, none).await.unwrap_err();
        assert_eq!(refused.pointer.as_deref(), Some("/seats"));
    }

    async fn a_new_key_replaces_the_old_one_and_seats_go_on(db: TestDb) {
        let world = World::new(&db).await;
        let issued = world.issue().await;
        world.activate(&issued.key, "laptop").await.unwrap();
        let rekey = Rekey { reason: text("Posted in a forum") };
        let again = world.service.rekey_license(&world.call(), issued.license.id, rekey).await.unwrap();
        assert_ne!(again.key, issued.key);
        let refused = world.activate(&issued.key, "laptop").await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::LicenseNotFound);
        assert!(world.activate(&again.key, "laptop").await.unwrap().again);
        assert_eq!(world.service.reveal_key(&world.call(), issued.license.id).await.unwrap(), again.key);
    }

    async fn a_license_is_handed_over(db: TestDb) {
        let world = World::new(&db).await;
        let (id, _) = world.used(&["a"]).await;
        let transfer = Transfer { customer: named("Ada", "ada@example.com"), reason: text("Company sold") };
        let view = world.service.transfer_license(&world.call(), id, transfer).await.unwrap();
        assert_eq!(view.customer_email.unwrap().as_str(), "ada@example.com");
        assert_eq!(view.seats_taken, 1);
    }

    async fn a_freed_seat_makes_room_and_is_freed_once(db: TestDb) {
        let world = World::new(&db).await;
        let (id, seats) = world.used(&["a", "b", "c"]).await;
        let call = world.call();
        let freed = world.service.free_seat(&call, seats[0], text("Stolen laptop")).await.unwrap();
        assert_eq!(freed.state, SeatState::Released);
        world.service.free_seat(&call, seats[0], text("Stolen laptop")).await.unwrap();
        let events = EventFilter { action: Some("seat.freed".to_owned()), ..EventFilter::default() };
        assert_eq!(world.service.events(&world.system(), events, page()).await.unwrap().items.len(), 1);
        let of = SeatFilter { license: Some(id), state: Some(SeatState::Active), ..SeatFilter::default() };
        assert_eq!(world.service.seats(&world.system(), of, page()).await.unwrap().items.len(), 2);
        assert_eq!(world.service.seat(&world.system(), seats[0]).await.unwrap(), freed);
    }
}
