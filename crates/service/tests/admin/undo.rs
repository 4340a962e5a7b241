//! Changing what a license grants, with what is said before; and undoing acts, or refusing to.

use crate::world::*;
use holdfast_domain::{
    EventId, LicenseId, LicenseModel, LicenseState, LicenseStatus, Permission, PlanId, Role, SeatModel, SeatState,
    Seconds, Terms, license::StatusChange,
};
use holdfast_service::{
    Call, ErrorCode,
    admin::{
        inputs::{
            ChangeStatus, CreateCustomer, CreatePlan, CustomerChoice, ExtendLicense, IssueLicense, Rekey, Transfer,
            Undo, UpdateLicense,
        },
        views::{ChangeOutcome, LicenseDetail},
    },
    runtime::{Nonce, Renew},
};
use holdfast_store::{Scope, WriteOptions, seats};
use holdfast_testkit::both;

async fn detail(world: &World, id: LicenseId) -> LicenseDetail {
    world.service.license(&world.system(), id).await.unwrap()
}

fn undo(event: EventId) -> Undo {
    Undo { event, reason: text("By mistake"), dry_run: false }
}

/// Undoes what was done last.
async fn undo_last(world: &World, call: &Call, id: LicenseId) -> Result<ChangeOutcome, ErrorCode> {
    let event = detail(world, id).await.undo.first().map_or(EventId::from_bytes([7; 16]), |offer| offer.event);
    world.service.undo_license(call, id, undo(event)).await.map_err(|error| error.code)
}

async fn step(world: &World, id: LicenseId, change: StatusChange) {
    let input = ChangeStatus { change, reason: text("Chargeback"), effective_at: None, dry_run: false };
    world.service.change_status(&world.call(), id, input).await.unwrap();
}

async fn plan(world: &World, code: &str, terms: Terms) -> PlanId {
    let input = CreatePlan { product: world.product, name: text(code), code: text(code), terms };
    world.service.create_plan(&world.call(), input).await.unwrap().id
}

fn to_plan(plan: PlanId, dry_run: bool) -> UpdateLicense {
    UpdateLicense { plan: Some(plan), reason: Some(text("Downgrade")), dry_run, ..UpdateLicense::default() }
}

both! {
    async fn every_change_of_a_license_is_undone_by_an_act_that_names_it(db: TestDb) {
        let world = World::new(&db).await;
        let (service, call) = (&world.service, world.call());
        let (id, _) = world.used(&["a"]).await;
        let other = plan(&world, "studio", Terms { seats: 9, entitlements: entitlements(&["print"]), ..yearly() }).await;
        let at_first = detail(&world, id).await.license;
        let more = ExtendLicense {
            expires_at: Some(at_first.expires_at.unwrap().plus(Seconds::days(30))),
            reason: text("Waited"),
            dry_run: false,
        };
        let ada = CreateCustomer { email: Some(text("ada@example.com")), ..CreateCustomer::default() };
        let transfer = Transfer { customer: CustomerChoice::New(ada), reason: text("Sold") };
        let resize = UpdateLicense {
            seats: Some(7),
            overrides: Some(entitlements(&["export"])),
            reason: Some(text("Bought")),
            ..UpdateLicense::default()
        };
        for what in ["suspend", "revoke", "extend", "change", "plan", "transfer"] {
            match what {
                "suspend" => step(&world, id, StatusChange::Suspend).await,
                "revoke" => step(&world, id, StatusChange::Revoke).await,
                "extend" => drop(service.extend_license(&call, id, more.clone()).await.unwrap()),
                "change" => drop(service.update_license(&call, id, resize.clone()).await.unwrap()),
                "plan" => drop(service.update_license(&call, id, to_plan(other, false)).await.unwrap()),
                _ => drop(service.transfer_license(&call, id, transfer.clone()).await.unwrap()),
            }
            let changed = detail(&world, id).await;
            let done = &changed.timeline[0];
            assert_eq!(changed.undo[0].event, done.id, "{what}");
            assert_eq!(changed.undo[0].until, done.at.plus(Seconds::minutes(10)));
            let preview = Undo { dry_run: true, ..undo(done.id) };
            let told = service.undo_license(&call, id, preview).await.unwrap();
            assert!(!told.applied && !told.changes.is_empty(), "{what}");
            assert_eq!(detail(&world, id).await, changed, "{what}: a preview changes nothing");
            let outcome = undo_last(&world, &call, id).await.unwrap();
            assert_eq!(outcome.changes, told.changes, "{what}");
            let back = detail(&world, id).await;
            let end = |at: Option<holdfast_domain::Timestamp>| at.map(holdfast_domain::Timestamp::seconds);
            assert_eq!(end(back.license.expires_at), end(at_first.expires_at), "{what}");
            let same = holdfast_service::admin::views::LicenseView { expires_at: at_first.expires_at, ..back.license };
            assert_eq!(same, at_first, "{what}");
            let event = &back.timeline[0];
            assert_eq!(event.data["undoes"], done.id.to_string(), "{what}");
            assert_eq!((&event.data["undone"], &event.data["reason"]), (&done.action.clone().into(), &"By mistake".into()));
            world.clock.advance(Seconds(1));
        }
        let report = service.verify_chain(world.vendor).await.unwrap();
        assert_eq!(report.broken_at, None);
    }

    async fn an_undoing_is_undone_like_anything_else(db: TestDb) {
        let world = World::new(&db).await;
        let (call, id) = (world.call(), world.issue().await.license.id);
        step(&world, id, StatusChange::Suspend).await;
        world.clock.advance(Seconds(1));
        assert_eq!(undo_last(&world, &call, id).await.unwrap().license.status, LicenseStatus::Active);
        world.clock.advance(Seconds(1));
        let again = undo_last(&world, &call, id).await.unwrap().license;
        assert_eq!((again.status, again.status_reason.unwrap().as_str()), (LicenseStatus::Suspended, "Chargeback"));
    }

    async fn what_was_changed_since_or_is_too_old_stays(db: TestDb) {
        let world = World::new(&db).await;
        let (service, call) = (&world.service, world.call());
        let (id, seats) = world.used(&["a", "b", "c"]).await;
        let resize = |seats| UpdateLicense { seats: Some(seats), ..UpdateLicense::default() };
        service.update_license(&call, id, resize(5)).await.unwrap();
        let first = detail(&world, id).await.timeline[0].id;
        world.clock.advance(Seconds(1));
        service.update_license(&call, id, resize(6)).await.unwrap();
        let refused = service.undo_license(&call, id, undo(first)).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::UndoConflict);
        assert_eq!(refused.detail.as_deref(), Some("Since then its number of seats was changed again."));
        // Something else that was changed since is no obstacle.
        step(&world, id, StatusChange::Suspend).await;
        let second = detail(&world, id).await.undo.iter().find(|offer| offer.action == "license.changed").unwrap().event;
        let view = service.undo_license(&call, id, undo(second)).await.unwrap().license;
        assert_eq!((view.terms.seats, view.status), (5, LicenseStatus::Suspended));
        step(&world, id, StatusChange::Resume).await;
        // A new key cannot be taken back.
        service.rekey_license(&call, id, Rekey { reason: text("Posted in a forum") }).await.unwrap();
        let rekeyed = detail(&world, id).await.timeline[0].clone();
        assert_eq!(rekeyed.action, "license.rekeyed");
        assert_eq!(service.undo_license(&call, id, undo(rekeyed.id)).await.unwrap_err().code, ErrorCode::UndoConflict);
        // Of another license, or of nothing.
        let other = world.issue().await.license.id;
        step(&world, other, StatusChange::Suspend).await;
        let foreign = detail(&world, other).await.timeline[0].id;
        assert_eq!(service.undo_license(&call, id, undo(foreign)).await.unwrap_err().code, ErrorCode::UndoConflict);
        service.free_seat(&call, seats[0], text("Stolen")).await.unwrap();
        let freed = detail(&world, id).await.undo[0].clone();
        assert_eq!((freed.action.as_str(), freed.seat), ("seat.freed", Some(seats[0])));
        assert_eq!(service.undo_license(&call, id, undo(freed.event)).await.unwrap_err().code, ErrorCode::UndoConflict);
        world.clock.advance(Seconds::minutes(10));
        assert_eq!(detail(&world, id).await.undo, []);
        assert_eq!(service.undo_seat(&call, seats[0], undo(freed.event)).await.unwrap_err().code, ErrorCode::UndoConflict);
    }

    async fn a_freed_seat_is_given_back_while_its_place_is_free(db: TestDb) {
        let world = World::new(&db).await;
        let (service, call) = (&world.service, world.call());
        let issued = world.issue().await;
        let id = issued.license.id;
        let taken = world.activate(&issued.key, "a").await.unwrap();
        world.activate(&issued.key, "b").await.unwrap();
        let renew = || Renew {
            lease: taken.lease.clone(),
            nonce: Nonce::parse("nonce").unwrap(),
            manifest_seq: None,
            proof: None,
            device: None,
        };
        let freed = |detail: &LicenseDetail| detail.undo.iter().find(|offer| offer.seat == Some(taken.seat.id)).map(|offer| offer.event);
        service.free_seat(&call, taken.seat.id, text("Stolen")).await.unwrap();
        let event = freed(&detail(&world, id).await).unwrap();
        assert_eq!(service.undo_seat(&call, taken.seat.id, undo(event)).await.unwrap().state, SeatState::Active);
        assert_eq!(detail(&world, id).await.license.seats_taken, 2);
        // The device notices nothing of it.
        assert!(service.renew(world.product, renew(), &from("198.51.100.7")).await.is_ok());
        assert_eq!(service.undo_seat(&call, taken.seat.id, undo(event)).await.unwrap_err().code, ErrorCode::UndoConflict);
        world.clock.advance(Seconds(1));
        service.free_seat(&call, taken.seat.id, text("Stolen")).await.unwrap();
        let event = freed(&detail(&world, id).await).unwrap();
        for device in ["c", "d"] {
            world.activate(&issued.key, device).await.unwrap();
        }
        let refused = service.undo_seat(&call, taken.seat.id, undo(event)).await.unwrap_err();
        assert_eq!((refused.code, refused.detail.as_deref()), (ErrorCode::UndoConflict, Some("Its place was taken by another device since.")));
        assert_eq!(detail(&world, id).await.license.seats_taken, 3, "never oversold");
    }

    async fn undoing_takes_the_right_to_do_it(db: TestDb) {
        let world = World::new(&db).await;
        let (service, id) = (&world.service, world.issue().await.license.id);
        step(&world, id, StatusChange::Suspend).await;
        let developer = world.member(Role::Developer).await;
        assert_eq!(service.license(&developer.actor, id).await.unwrap().undo, []);
        assert_eq!(undo_last(&world, &developer, id).await.unwrap_err(), ErrorCode::Forbidden);
        let support = world.member(Role::Support).await;
        world.clock.advance(Seconds::minutes(9));
        // Signed in nine minutes ago is fresh, eleven is not; the act itself must still be offered.
        assert!(undo_last(&world, &support, id).await.is_ok());
        world.clock.advance(Seconds::minutes(2));
        assert_eq!(undo_last(&world, &support, id).await.unwrap_err(), ErrorCode::StepUpRequired);
    }

    async fn a_change_of_plan_says_term_by_term_what_changes_and_for_whom(db: TestDb) {
        let world = World::new(&db).await;
        let (service, call) = (&world.service, world.call());
        let rich = Terms { seats: 5, entitlements: entitlements(&["export", "print"]), ..yearly() };
        let rich = plan(&world, "rich", rich).await;
        let small = Terms {
            seats: 1,
            lease: Seconds::days(2),
            grace: Seconds::days(1),
            entitlements: entitlements(&["print", "scan"]),
            ..yearly()
        };
        let small = plan(&world, "small", small).await;
        let issued = service.issue_license(&call, IssueLicense::of(rich)).await.unwrap();
        let id = issued.license.id;
        world.activate(&issued.key, "away").await.unwrap();
        world.clock.advance(Seconds::days(2));
        world.activate(&issued.key, "daily").await.unwrap();
        world.clock.advance(Seconds::HOUR);
        let told = service.update_license(&call, id, to_plan(small, true)).await.unwrap();
        let terms: Vec<&str> = told.changes.iter().map(|change| change.term.as_str()).collect();
        assert_eq!(terms, ["plan", "seats", "lease", "grace", "entitlement:export", "entitlement:scan"]);
        assert_eq!((&told.changes[1].before, &told.changes[1].after), (&5.into(), &1.into()));
        assert!(told.changes[4].after.is_null() && told.changes[5].before.is_null());
        assert_eq!((told.over_their_seats, told.impact.devices, told.applied), (1, 0, false));
        assert_eq!(told.license.terms.seats, 1, "what it would be");
        assert_eq!(detail(&world, id).await.license.terms.seats, 5, "what it is");
        // One learns of it with its next renewal, by the decision it will meet; of the other nobody knows when.
        let due = service.now().plus(Seconds(86_400 - 3_600));
        let device = |name: &str| told.devices.iter().find(|device| device.name.as_deref() == Some(name)).unwrap();
        assert_eq!(told.devices.len(), 2);
        assert_eq!((device("daily").expected_at, device("away").expected_at), (Some(due), None));
        assert_eq!(device("daily").works_until, Some(holdfast_domain::Timestamp::from(due.plus(Seconds::days(3)).seconds())));
        let done = service.update_license(&call, id, to_plan(small, false)).await.unwrap();
        assert_eq!((done.changes, done.applied), (told.changes.clone(), true));
        let again = service.update_license(&call, id, to_plan(small, true)).await.unwrap();
        assert!(again.changes.is_empty() && again.devices.is_empty(), "{again:?}");
        // A number of seats of one's own goes before the plan's.
        let own = UpdateLicense { seats: Some(4), ..to_plan(rich, false) };
        assert_eq!(service.update_license(&call, id, own).await.unwrap().license.terms.seats, 4);
        // Of another product, or of nobody.
        let (_, foreign) = product(service, &call, "viewer").await;
        for plan in [foreign, PlanId::from_bytes([7; 16])] {
            let refused = service.update_license(&call, id, to_plan(plan, true)).await.unwrap_err();
            assert_eq!((refused.code, refused.pointer.as_deref()), (ErrorCode::InvalidRequest, Some("/plan")));
        }
    }

    async fn an_earlier_end_names_who_loses_access_and_takes_the_right_to_revoke(db: TestDb) {
        let world = World::new(&db).await;
        let service = &world.service;
        let (id, _) = world.used(&["a"]).await;
        let sooner = |reason: Option<&str>, dry_run| UpdateLicense {
            expires_at: Some(Some(service.now().plus(Seconds::days(2)))),
            reason: reason.map(text),
            dry_run,
            ..UpdateLicense::default()
        };
        let developer = world.member(Role::Developer).await;
        let refused = service.update_license(&developer, id, sooner(Some("Short"), false)).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::Forbidden);
        let told = service.update_license(&world.call(), id, sooner(None, true)).await.unwrap();
        assert_eq!((told.impact.devices, told.applied), (1, false));
        let refused = service.update_license(&world.call(), id, sooner(None, false)).await.unwrap_err();
        assert_eq!(refused.pointer.as_deref(), Some("/reason"));
        let done = service.update_license(&world.call(), id, sooner(Some("Refunded"), false)).await.unwrap();
        assert_eq!(done.license.state, LicenseState::Active);
        world.clock.advance(Seconds::days(2));
        assert_eq!(detail(&world, id).await.license.state, LicenseState::Expired);
        // Later, or for good, ends nobody's access.
        let forever = UpdateLicense { expires_at: Some(None), ..UpdateLicense::default() };
        assert_eq!(service.update_license(&developer, id, forever).await.unwrap().license.expires_at, None);
    }

    async fn places_are_counted_as_the_new_plan_counts_them(db: TestDb) {
        let world = World::new(&db).await;
        let (service, call) = (&world.service, world.call());
        let year = LicenseModel::Subscription { duration: Seconds::days(365) };
        let people = Terms { seats: 2, ..Terms::defaults(year, SeatModel::NamedUser { devices: 3 }) };
        let people = plan(&world, "people", people).await;
        let issued = service.issue_license(&call, IssueLicense::of(people)).await.unwrap();
        let id = issued.license.id;
        for device in ["a", "b", "c"] {
            world.activate_for(&issued.key, device, "ada@example.com").await.unwrap();
        }
        assert_eq!(detail(&world, id).await.license.seats_taken, 1);
        let told = service.update_license(&call, id, to_plan(world.plan, true)).await.unwrap();
        assert_eq!((told.license.seats_taken, told.over_their_seats), (3, 0));
        assert_eq!(detail(&world, id).await.license.seats_taken, 1, "a preview changes nothing");
        let devices = service.update_license(&call, id, to_plan(world.plan, false)).await.unwrap();
        assert_eq!((devices.license.seats_taken, devices.over_their_seats), (3, 0));
        assert_eq!(world.activate(&issued.key, "d").await.unwrap_err().code, ErrorCode::SeatLimitReached);
        world.clock.advance(Seconds(1));
        let event = detail(&world, id).await.undo[0].event;
        let told = service.undo_license(&call, id, Undo { dry_run: true, ..undo(event) }).await.unwrap();
        assert_eq!(told.license.seats_taken, 1);
        assert_eq!(undo_last(&world, &call, id).await.unwrap().license.seats_taken, 1);
    }

    async fn taking_back_what_another_gave_takes_the_right_to_revoke(db: TestDb) {
        let world = World::new(&db).await;
        let (service, owner) = (&world.service, world.call());
        let license = world.issue().await.license;
        let (id, month) = (license.id, license.expires_at.unwrap().plus(Seconds::days(30)));
        let extend = |days| ExtendLicense {
            expires_at: Some(month.plus(Seconds::days(days))),
            reason: text("Waited"),
            dry_run: false,
        };
        let extender = world.token(&[Permission::LicensesRead, Permission::LicensesExtend]).await;
        service.extend_license(&owner, id, extend(0)).await.unwrap();
        let event = detail(&world, id).await.undo[0].event;
        assert_eq!(service.license(&extender.actor, id).await.unwrap().undo, []);
        for dry_run in [true, false] {
            let input = Undo { dry_run, ..undo(event) };
            assert_eq!(service.undo_license(&extender, id, input).await.unwrap_err().code, ErrorCode::Forbidden);
        }
        // One's own is taken back by whoever may do it.
        world.clock.advance(Seconds(1));
        service.extend_license(&extender, id, extend(1)).await.unwrap();
        assert_eq!(service.license(&extender.actor, id).await.unwrap().undo.len(), 1);
        assert_eq!(undo_last(&world, &extender, id).await.unwrap().license.expires_at.unwrap().seconds(), month.seconds());
        // Support ends access later, and by an act of its own.
        let support = world.member(Role::Support).await;
        service.extend_license(&owner, id, extend(2)).await.unwrap();
        assert_eq!(service.license(&support.actor, id).await.unwrap().undo, []);
        assert_eq!(undo_last(&world, &support, id).await.unwrap_err(), ErrorCode::Forbidden);
        // The same for an end that a change moved.
        let developer = world.member(Role::Developer).await;
        let later = |days| UpdateLicense { expires_at: Some(extend(days).expires_at), ..UpdateLicense::default() };
        world.clock.advance(Seconds(1));
        service.update_license(&owner, id, later(3)).await.unwrap();
        assert_eq!(undo_last(&world, &developer, id).await.unwrap_err(), ErrorCode::Forbidden);
        world.clock.advance(Seconds(1));
        service.update_license(&developer, id, later(4)).await.unwrap();
        assert!(undo_last(&world, &developer, id).await.is_ok());
    }

    async fn an_earlier_end_takes_the_right_and_a_reason_even_where_a_fallback_is_left(db: TestDb) {
        let world = World::new(&db).await;
        let service = &world.service;
        let kind = plan(&world, "kind", Terms { fallback: Some(entitlements(&["read"])), ..yearly() }).await;
        let issued = service.issue_license(&world.call(), IssueLicense::of(kind)).await.unwrap();
        let id = issued.license.id;
        world.activate(&issued.key, "a").await.unwrap();
        world.clock.advance(Seconds(60));
        let ended = |reason: Option<&str>, dry_run| UpdateLicense {
            expires_at: Some(Some(service.now().plus(Seconds(-1)))),
            reason: reason.map(text),
            dry_run,
            ..UpdateLicense::default()
        };
        let developer = world.member(Role::Developer).await;
        let refused = service.update_license(&developer, id, ended(Some("Short"), false)).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::Forbidden);
        let refused = service.update_license(&world.call(), id, ended(None, false)).await.unwrap_err();
        assert_eq!(refused.pointer.as_deref(), Some("/reason"));
        // Nobody is locked out, and the device that asks gets the fallback.
        let told = service.update_license(&world.call(), id, ended(None, true)).await.unwrap();
        assert_eq!((told.impact.devices, told.devices.len()), (0, 1));
        assert!(service.update_license(&world.call(), id, ended(Some("Refunded"), false)).await.is_ok());
    }

    async fn whose_access_ends_is_judged_by_how_often_devices_ask_now(db: TestDb) {
        let world = World::new(&db).await;
        let (id, _) = world.used(&["a"]).await;
        world.clock.advance(Seconds::hours(12));
        let often = plan(&world, "often", Terms { renew_after: Seconds::hours(4), ..yearly() }).await;
        let sooner = UpdateLicense {
            expires_at: Some(Some(world.service.now().plus(Seconds::days(2)))),
            ..to_plan(often, true)
        };
        let told = world.service.update_license(&world.call(), id, sooner).await.unwrap();
        // Under its present terms it asks once a day, so it is not overdue.
        assert_eq!((told.impact.devices, told.impact.seats[0].expected_at.is_some()), (1, true));
    }

    async fn a_change_of_what_was_changed_meanwhile_is_refused(db: TestDb) {
        let world = World::new(&db).await;
        let (service, call, id) = (&world.service, world.call(), world.issue().await.license.id);
        let seen = detail(&world, id).await.version;
        let mine = || UpdateLicense { seats: Some(5), seen: Some(seen), ..UpdateLicense::default() };
        let theirs = UpdateLicense { overrides: Some(entitlements(&["export"])), ..UpdateLicense::default() };
        service.update_license(&call, id, theirs).await.unwrap();
        let refused = service.update_license(&call, id, mine()).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::ChangedMeanwhile);
        assert_eq!(detail(&world, id).await.license.terms.seats, 3);
        let again = UpdateLicense { seen: Some(detail(&world, id).await.version), ..mine() };
        let done = service.update_license(&call, id, again).await.unwrap();
        assert_eq!((done.license.terms.seats, done.license.overrides), (5, entitlements(&["export"])));
    }

    async fn a_seat_is_given_back_on_a_license_with_many_by_whoever_may_free_one(db: TestDb) {
        let world = World::new(&db).await;
        let (service, call) = (&world.service, world.call());
        let many = IssueLicense { seats: Some(30), ..IssueLicense::of(world.plan) };
        let issued = service.issue_license(&call, many).await.unwrap();
        let mut seats = Vec::new();
        for device in 0..25 {
            seats.push(world.activate(&issued.key, &format!("device {device}")).await.unwrap().seat.id);
            world.clock.advance(Seconds(1));
        }
        service.free_seat(&call, seats[0], text("Stolen")).await.unwrap();
        let offer = detail(&world, issued.license.id).await.undo[0].clone();
        assert_eq!(offer.seat, Some(seats[0]));
        let freer = world.token(&[Permission::SeatsRelease]).await;
        assert_eq!(service.undo_seat(&freer, seats[0], undo(offer.event)).await.unwrap().state, SeatState::Active);
        assert_eq!(detail(&world, issued.license.id).await.undo, []);
    }

    async fn a_borrowed_seat_is_given_back_borrowed(db: TestDb) {
        let world = World::new(&db).await;
        let (service, call) = (&world.service, world.call());
        let year = LicenseModel::Subscription { duration: Seconds::days(365) };
        let shared = plan(&world, "shared", Terms { seats: 2, ..Terms::defaults(year, SeatModel::Floating) }).await;
        let issued = service.issue_license(&call, IssueLicense::of(shared)).await.unwrap();
        let seat = world.activate_for(&issued.key, "a", "ada@example.com").await.unwrap().seat.id;
        let (scope, until) = (Scope::trusted(world.vendor), service.now().plus(Seconds::days(3)));
        let borrow = service.store().write::<_, holdfast_service::Error, _>(WriteOptions::default(), move |tx| {
            Box::pin(async move { Ok(seats::set_borrowed(tx, scope, seat, Some(until)).await?) })
        });
        assert!(borrow.await.unwrap());
        assert_eq!(service.free_seat(&call, seat, text("Stolen")).await.unwrap().borrowed_until, None);
        let event = detail(&world, issued.license.id).await.undo[0].event;
        let back = service.undo_seat(&call, seat, undo(event)).await.unwrap();
        assert_eq!(back.borrowed_until.map(holdfast_domain::Timestamp::seconds), Some(until.seconds()));
        let restored = detail(&world, issued.license.id).await.timeline[0].clone();
        assert_eq!((restored.action.as_str(), &restored.data["user"]), ("seat.restored", &"ada@example.com".into()));
    }
}
