//! Suspending, revoking, extending, refunding: who may, what is said before, and how it is undone.

use crate::{
    bulk::{stands, work},
    world::*,
};
use holdfast_domain::{LicenseId, LicenseStatus, Permission, Role, Seconds, license::StatusChange};
use holdfast_service::{
    Call, ErrorCode,
    admin::{
        bulk::{BulkStep, Target},
        inputs::{ChangeStatus, CreateOrder, EventFilter, ExtendLicense, IssueLicense, Undo},
        views::StatusOutcome,
    },
    runtime::{Nonce, Renew},
};
use holdfast_testkit::both;

fn change(change: StatusChange) -> ChangeStatus {
    ChangeStatus { change, reason: text("Chargeback"), effective_at: None, dry_run: false }
}

async fn act(world: &World, call: &Call, id: LicenseId, step: StatusChange) -> Result<StatusOutcome, ErrorCode> {
    world.service.change_status(call, id, change(step)).await.map_err(|error| error.code)
}

both! {
    async fn the_preview_says_whose_access_ends_and_when_and_changes_nothing(db: TestDb) {
        let world = World::new(&db).await;
        let (id, seats) = world.used(&["away"]).await;
        let key = world.service.reveal_key(&world.call(), id).await.unwrap();
        world.clock.advance(Seconds::days(10));
        world.activate(&key, "daily").await.unwrap();
        world.clock.advance(Seconds::HOUR);
        let preview = ChangeStatus { dry_run: true, ..change(StatusChange::Revoke) };
        let told = world.service.change_status(&world.call(), id, preview).await.unwrap();
        assert_eq!((told.applied, told.license.status), (false, LicenseStatus::Active));
        let impact = &told.impact;
        assert_eq!((impact.devices, impact.within_a_day, impact.when_next_online), (2, 1, 1));
        let latest = world.service.now().plus(Seconds(30 * 86_400 - 3_600));
        assert_eq!(impact.at_the_latest, Some(latest));
        let away = impact.seats.iter().find(|seat| seat.seat == seats[0]).unwrap();
        assert_eq!((away.name.as_deref(), away.expected_at), (Some("away"), None));
        assert_eq!(impact.sentence(), "2 devices; 1 within a day, 1 when next online, at the latest on 2026-02-10");
        assert!(world.activate(&key, "daily").await.is_ok());
        // What is done is what was said.
        let done = world.service.change_status(&world.call(), id, change(StatusChange::Revoke)).await.unwrap();
        assert_eq!((done.applied, done.license.status), (true, LicenseStatus::Revoked));
        assert_eq!((done.impact.devices, done.impact.within_a_day), (2, 1));
        assert_eq!(world.activate(&key, "daily").await.unwrap_err().code, ErrorCode::LicenseRevoked);
    }

    async fn the_node_that_revoked_a_license_knows_it_at_once(db: TestDb) {
        let world = World::new(&db).await;
        let issued = world.issue().await;
        let lease = world.activate(&issued.key, "laptop").await.unwrap().lease;
        let renewal = || Renew {
            lease: lease.clone(),
            nonce: Nonce::parse("nonce").unwrap(),
            manifest_seq: None,
            proof: None,
            device: None,
        };
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let background = tokio::spawn({
            let service = world.service.clone();
            async move { service.run_background(async { let _ = stopped.await; }).await }
        });
        while world.service.runtime_status().feed_age.is_none() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        // Remembered from now on, and the feed was read a moment ago.
        world.service.renew(world.product, renewal(), &from("198.51.100.7")).await.unwrap();
        for (step, expected) in [
            (StatusChange::Revoke, Some(ErrorCode::LicenseRevoked)), (StatusChange::Reinstate, None),
            (StatusChange::Suspend, Some(ErrorCode::LicenseSuspended)), (StatusChange::Resume, None),
        ] {
            act(&world, &world.call(), issued.license.id, step).await.unwrap();
            let renewed = world.service.renew(world.product, renewal(), &from("198.51.100.7")).await;
            assert_eq!(renewed.err().map(|error| error.code), expected, "{step:?}");
        }
        let _ = stop.send(());
        background.await.unwrap();
    }

    async fn every_step_of_the_vocabulary_and_no_other(db: TestDb) {
        use StatusChange as C;
        let world = World::new(&db).await;
        let call = world.call();
        let id = world.issue().await.license.id;
        for (step, expected) in [
            (C::Resume, None), (C::Reinstate, None), (C::Suspend, Some(LicenseStatus::Suspended)), (C::Suspend, None),
            (C::Reinstate, None), (C::Resume, Some(LicenseStatus::Active)), (C::Suspend, Some(LicenseStatus::Suspended)),
            (C::Revoke, Some(LicenseStatus::Revoked)), (C::Revoke, None), (C::Suspend, None), (C::Resume, None),
            (C::Reinstate, Some(LicenseStatus::Active)), (C::Revoke, Some(LicenseStatus::Revoked)),
        ] {
            let outcome = act(&world, &call, id, step).await;
            match expected {
                Some(status) => {
                    let license = outcome.unwrap().license;
                    assert_eq!(license.status, status);
                    assert_eq!(license.status_reason.is_some(), status != LicenseStatus::Active);
                }
                None => assert_eq!(outcome.unwrap_err(), ErrorCode::StatusConflict, "{step:?}"),
            }
        }
    }

    async fn a_later_date_is_kept_and_a_past_one_refused(db: TestDb) {
        let world = World::new(&db).await;
        let (id, _) = world.used(&["a"]).await;
        let (call, now) = (world.call(), world.service.now());
        let at = |at| ChangeStatus { effective_at: Some(at), ..change(StatusChange::Revoke) };
        for wrong in [now.plus(Seconds(-3_600)), now.plus(Seconds::days(4_000))] {
            let refused = world.service.change_status(&call, id, at(wrong)).await.unwrap_err();
            assert_eq!(refused.pointer.as_deref(), Some("/effective_at"));
        }
        let later = now.plus(Seconds::days(3));
        let done = world.service.change_status(&call, id, at(later)).await.unwrap();
        assert_eq!(done.license.status_effective_at, Some(later));
        assert_eq!((done.impact.within_a_day, done.impact.when_next_online), (0, 1));
        let undone = act(&world, &call, id, StatusChange::Reinstate).await.unwrap().license;
        assert_eq!((undone.status, undone.status_effective_at), (LicenseStatus::Active, None));
    }

    async fn support_gives_access_back_when_freshly_signed_in_and_ends_none_at_once(db: TestDb) {
        let world = World::new(&db).await;
        let (owner, support) = (world.member(Role::Owner).await, world.member(Role::Support).await);
        let mut ids = Vec::new();
        for _ in 0..11 {
            ids.push(world.issue().await.license.id);
        }
        for step in [StatusChange::Suspend, StatusChange::Revoke] {
            assert_eq!(act(&world, &support, ids[0], step).await.unwrap_err(), ErrorCode::Forbidden);
            // To look is not to do.
            let look = ChangeStatus { dry_run: true, ..change(step) };
            assert!(!world.service.change_status(&support, ids[0], look).await.unwrap().applied);
        }
        act(&world, &owner, ids[0], StatusChange::Revoke).await.unwrap();
        world.clock.advance(Seconds::minutes(11));
        let stale = act(&world, &support, ids[0], StatusChange::Reinstate).await.unwrap_err();
        assert_eq!(stale, ErrorCode::StepUpRequired);
        let actor = world.service.confirm_password(&support.actor, PASSWORD.into(), &support.from).await.unwrap();
        let support = Call::new(actor, support.from.clone());
        act(&world, &support, ids[0], StatusChange::Reinstate).await.unwrap();
        act(&world, &owner, ids[0], StatusChange::Revoke).await.unwrap();
        // Many at once: all or none, by an owner.
        let one_is_revoked =
            world.service.change_status_of_many(&owner, ids.clone(), change(StatusChange::Suspend)).await.unwrap_err();
        assert_eq!(one_is_revoked.code, ErrorCode::StatusConflict);
        act(&world, &owner, ids[0], StatusChange::Reinstate).await.unwrap();
        let done = world.service.change_status_of_many(&owner, ids, change(StatusChange::Suspend)).await.unwrap();
        assert!(done.len() == 11 && done.iter().all(|outcome| outcome.license.status == LicenseStatus::Suspended));
    }

    async fn support_extends_by_thirty_days_and_no_more(db: TestDb) {
        let world = World::new(&db).await;
        let support = world.member(Role::Support).await;
        let license = world.issue().await.license;
        let end = license.expires_at.unwrap();
        let to = |expires_at| ExtendLicense { expires_at, reason: text("Goodwill"), dry_run: false };
        let extend = |call: Call, input| {
            let service = world.service.clone();
            async move { service.extend_license(&call, license.id, input).await.map_err(|error| error.code) }
        };
        let month = end.plus(Seconds::days(30));
        let refused = extend(support.clone(), to(Some(month.plus(Seconds(1))))).await.unwrap_err();
        assert_eq!(refused, ErrorCode::Forbidden);
        assert_eq!(extend(support.clone(), to(None)).await.unwrap_err(), ErrorCode::Forbidden);
        let preview = ExtendLicense { dry_run: true, ..to(Some(month)) };
        assert_eq!(extend(support.clone(), preview).await.unwrap().license.expires_at, Some(end));
        assert_eq!(extend(support, to(Some(month))).await.unwrap().license.expires_at, Some(month));
        let developer = world.member(Role::Developer).await;
        assert_eq!(extend(developer.clone(), to(Some(end))).await.unwrap_err(), ErrorCode::InvalidRequest);
        assert_eq!(extend(developer.clone(), to(None)).await.unwrap().license.expires_at, None);
        assert_eq!(extend(developer, to(Some(month))).await.unwrap_err(), ErrorCode::StatusConflict);
    }

    async fn what_support_adds_to_a_license_is_thirty_days_within_thirty_days(db: TestDb) {
        let world = World::new(&db).await;
        let (one, other) = (world.member(Role::Support).await, world.member(Role::Support).await);
        let program = world.token(&[Permission::LicensesExtend]).await;
        let developer = world.member(Role::Developer).await;
        let license = world.issue().await.license;
        let (id, end) = (license.id, license.expires_at.unwrap());
        let extend = async |call: &Call, days: i64| {
            let input = ExtendLicense { expires_at: Some(end.plus(Seconds::days(days))), reason: text("Goodwill"), dry_run: false };
            let outcome = world.service.extend_license(call, id, input).await;
            outcome.map(|_| ()).map_err(|error| (error.code, error.detail.unwrap_or_default()))
        };
        let left = async || world.service.extension_left(&one.actor, id).await.unwrap();
        let refused = |left: &str| {
            let detail = format!("Your role adds at most 30 days to a license within 30 days, and {left}.");
            Err((ErrorCode::Forbidden, detail.into_boxed_str()))
        };
        // One after the other, and whoever does it.
        extend(&one, 12).await.unwrap();
        world.clock.advance(Seconds::days(3));
        extend(&other, 20).await.unwrap();
        assert_eq!(left().await, Some(10));
        for call in [&one, &other, &program] {
            assert_eq!(extend(call, 31).await, refused("10 of them are left"));
        }
        extend(&program, 29).await.unwrap();
        assert_eq!(extend(&one, 31).await, refused("1 of them is left"));
        extend(&one, 30).await.unwrap();
        assert_eq!(extend(&other, 31).await, refused("none of them is left"));
        // Who may extend by more is not bound, and what they add does not count.
        assert_eq!(world.service.extension_left(&developer.actor, id).await.unwrap(), None);
        extend(&developer, 100).await.unwrap();
        // 27 days later the first 12 are 30 days old, and the others are not.
        world.clock.advance(Seconds::days(27));
        assert_eq!(left().await, Some(0));
        world.clock.advance(Seconds(1));
        assert_eq!(left().await, Some(12));
        assert_eq!(extend(&one, 113).await, refused("12 of them are left"));
        extend(&one, 112).await.unwrap();
        // Another license has its own.
        let second = world.issue().await.license.id;
        assert_eq!(world.service.extension_left(&one.actor, second).await.unwrap(), Some(30));
        let events = EventFilter { action: Some("license.extended".to_owned()), ..EventFilter::default() };
        let told = world.service.events(&world.system(), events, page()).await.unwrap().items;
        let told: Vec<_> = told.iter().map(|event| (event.data["small"].as_bool(), event.data["days"].as_i64())).collect();
        assert_eq!(told[..2], [(Some(true), Some(12)), (Some(false), Some(70))]);
        assert_eq!(told.len(), 6);
    }

    async fn what_was_taken_back_is_not_counted_and_many_at_once_are_no_way_round(db: TestDb) {
        let world = World::new(&db).await;
        let support = world.member(Role::Support).await;
        let license = world.issue().await.license;
        let (id, end) = (license.id, license.expires_at.unwrap());
        let to = |days| ExtendLicense { expires_at: Some(end.plus(Seconds::days(days))), reason: text("Goodwill"), dry_run: false };
        let left = async || world.service.extension_left(&support.actor, id).await.unwrap();
        world.service.extend_license(&support, id, to(20)).await.unwrap();
        let event = world.service.license(&support.actor, id).await.unwrap().undo[0].event;
        let undo = Undo { event, reason: text("Wrong license"), dry_run: false };
        world.service.undo_license(&support, id, undo).await.unwrap();
        assert_eq!(left().await, Some(30));
        // An act on many adds to the same, and so does taking it back.
        let many = async |days| {
            let target = Target::Licenses(vec![id]);
            let begun = world.service.begin_bulk(&support, None, BulkStep::Extend(days), target, text("Goodwill")).await.unwrap();
            work(&world.service, "one").await;
            begun
        };
        let first = many(25).await;
        assert_eq!((stands(&world, first).await.changed, left().await), (1, Some(5)));
        let second = many(6).await;
        let items = world.service.bulk_items(&world.system(), second, None, 0, 10).await.unwrap();
        assert_eq!(items[0].why.as_deref(), Some("Your role adds at most 30 days to a license within 30 days, and 5 of them are left."));
        assert_eq!(world.service.extend_license(&support, id, to(31)).await.unwrap_err().code, ErrorCode::Forbidden);
        // What support takes back again begins later.
        world.service.undo_bulk(&support, None, first, text("Wrong license")).await.unwrap();
        world.clock.advance(Seconds::minutes(11));
        work(&world.service, "one").await;
        assert_eq!(left().await, Some(30));
        // Asked for at the same moment, they are no more together.
        let asked = [30, 40, 50, 60].map(|days| world.service.extend_license(&support, id, to(days)));
        futures::future::join_all(asked).await;
        let license = world.service.license(&world.system(), id).await.unwrap().license;
        assert_eq!(license.expires_at, Some(end.plus(Seconds::days(30))));
    }

    async fn a_refund_revokes_the_licenses_of_its_order_and_says_so_before(db: TestDb) {
        let world = World::new(&db).await;
        let (service, call) = (&world.service, world.call());
        let order = CreateOrder { reference: text("INV-1"), customer: None };
        let order = service.create_order(&call, order).await.unwrap().id;
        let mut keys = Vec::new();
        for n in 0..3 {
            let issue = IssueLicense { order: Some(order), ..IssueLicense::of(world.plan) };
            let issued = service.issue_license(&call, issue).await.unwrap();
            world.activate(&issued.key, &format!("device {n}")).await.unwrap();
            keys.push((issued.license.id, issued.key));
        }
        let bystander = world.issue().await;
        act(&world, &call, keys[2].0, StatusChange::Revoke).await.unwrap();
        let told = service.refund_order(&call, order, text("Paid back"), true).await.unwrap();
        assert_eq!((told.licenses.len(), told.impact.devices, told.order.refunded_at), (2, 2, None));
        assert!(world.activate(&keys[0].1, "device 0").await.is_ok());
        let done = service.refund_order(&call, order, text("Paid back"), false).await.unwrap();
        assert!(done.licenses.iter().all(|license| license.status == LicenseStatus::Revoked));
        assert_eq!(done.order.refunded_at, Some(service.now()));
        for (_, key) in &keys {
            assert_eq!(world.activate(key, "device 0").await.unwrap_err().code, ErrorCode::LicenseRevoked);
        }
        assert!(world.activate(&bystander.key, "other").await.is_ok());
        act(&world, &call, keys[0].0, StatusChange::Reinstate).await.unwrap();
        assert!(world.activate(&keys[0].1, "device 0").await.unwrap().again);
    }
}
