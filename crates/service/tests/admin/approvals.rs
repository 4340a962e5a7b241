//! What takes a second person: who may ask, who may approve, and that nothing happens before.

use crate::{
    bulk::{REVOKE, all, issue, stands, status, told, work},
    world::*,
};
use holdfast_domain::{
    ApprovalId, BulkActId, LicenseId, LicenseStatus, Permission, PlanId, Role, Seconds, license::StatusChange,
};
use holdfast_service::{
    Call, Error, ErrorCode,
    admin::{
        approvals::{ApprovalState, ApprovalView, Asked, OPEN},
        bulk::{BulkState, BulkStep, Target},
        inputs::{CreateOrder, EventFilter, IssueLicense, LicenseFilter, UpdatePlan},
        terms::PlanTerms,
        views::EventView,
    },
};
use holdfast_testkit::both;
use std::collections::BTreeMap;

fn revoke(ids: &[LicenseId]) -> Asked {
    Asked::Many { step: REVOKE, target: Box::new(Target::Licenses(ids.to_vec())) }
}

async fn ask(world: &World, by: &Call, asked: Asked) -> Result<ApprovalId, Error> {
    world.service.ask(by, None, asked, text("They paid with stolen cards")).await
}

async fn approve(world: &World, by: &Call, id: ApprovalId) -> Result<ApprovalView, Error> {
    world.service.approve(by, id, Some(text("Checked"))).await
}

async fn events(world: &World, action: &str) -> Vec<EventView> {
    let filter = EventFilter { action: Some(action.to_owned()), ..EventFilter::default() };
    world.service.events(&world.system(), filter, page()).await.unwrap().items
}

async fn plan_terms(world: &World, plan: PlanId) -> Asked {
    let terms = world.service.plan(&world.system(), plan).await.unwrap().terms;
    let step = BulkStep::Terms(Box::new(PlanTerms { plan, terms, seats_from: None }));
    let filter = LicenseFilter { plan: Some(plan), ..LicenseFilter::default() };
    Asked::Many { step, target: Box::new(Target::AllLicenses(filter)) }
}

both! {
    async fn what_an_admin_asks_for_is_done_when_another_approves(db: TestDb) {
        let world = World::new(&db).await;
        let (asker, second) = (world.member(Role::Admin).await, world.member(Role::Admin).await);
        let service = &world.service;
        let ids = issue(&world, 11).await;
        let preview = service.preview_bulk(&asker, REVOKE, all()).await.unwrap();
        assert!(preview.second);
        let id = ask(&world, &asker, Asked::Many { step: REVOKE, target: Box::new(all()) }).await.unwrap();
        work(service, "one").await;
        assert_eq!(status(&world, ids[0]).await, LicenseStatus::Active, "it was only asked for");
        let view = service.approval(&asker.actor, id).await.unwrap();
        assert_eq!((view.state, view.total.unwrap().rows, view.act), (ApprovalState::Waiting, 11, None));
        assert_eq!((service.approvals_for(&asker.actor).await.unwrap(), service.approvals_for(&second.actor).await.unwrap()), (0, 1));
        // One more since: whoever decides sees what it is about now.
        let (used, _) = world.used(&["laptop"]).await;
        let looked = service.preview_approval(&second, id).await.unwrap().unwrap();
        assert_eq!((looked.total, looked.impact.devices), (12, 1));
        world.clock.advance(Seconds::hours(1));
        let stale = approve(&world, &second, id).await.unwrap_err();
        assert_eq!(stale.code, ErrorCode::StepUpRequired);
        let second = world.member(Role::Admin).await;
        let view = approve(&world, &second, id).await.unwrap();
        assert_eq!((view.state, view.decided.map(|(by, _)| Some(by))), (ApprovalState::Approved, Some(second.actor.member_id())));
        assert_eq!(view.note.as_ref().map(holdfast_domain::ReasonText::as_str), Some("Checked"));
        work(service, "one").await;
        let act = stands(&world, view.act.unwrap()).await;
        assert_eq!((act.state, act.changed, act.approved_by), (BulkState::Done, 12, second.actor.member_id()));
        assert_eq!((act.actor, act.reason.as_str()), (asker.actor.who(), "They paid with stolen cards"));
        for id in [ids[0], ids[10], used] {
            assert_eq!(status(&world, id).await, LicenseStatus::Revoked);
        }
        // Each event is theirs who asked, and names who approved.
        let revoked = events(&world, "license.revoked").await;
        assert_eq!(revoked.len(), 12);
        for event in revoked.iter().chain(&events(&world, "bulk.began").await) {
            assert_eq!(event.actor, asker.actor.who());
            assert_eq!(event.data["approved_by"], serde_json::json!(second.actor.member_id()));
        }
        assert_eq!(events(&world, "approval.approved").await[0].actor, second.actor.who());
        assert_eq!(service.verify_chain(world.vendor).await.unwrap().broken_at, None);
        // Done once.
        assert_eq!(approve(&world, &second, id).await.unwrap_err().code, ErrorCode::StatusConflict);
        // Taking it back takes a second person as well; here one who may do it alone approves.
        let again = service.undo_bulk(&asker, None, act.id, text("A mistake")).await.unwrap_err();
        assert_eq!(again.code, ErrorCode::Forbidden);
        assert!(service.preview_undo_bulk(&asker, act.id).await.unwrap().second);
        let undo = ask(&world, &world.member(Role::Admin).await, Asked::Undo { act: act.id, step: REVOKE }).await.unwrap();
        assert_eq!(service.preview_approval(&second, undo).await.unwrap().unwrap().total, 12);
        let undone = approve(&world, &world.member(Role::Owner).await, undo).await.unwrap();
        work(service, "one").await;
        assert_eq!(stands(&world, undone.act.unwrap()).await.changed, 12);
        assert_eq!(status(&world, used).await, LicenseStatus::Active);
    }

    async fn the_table_says_who_asks_and_who_approves(db: TestDb) {
        let world = World::new(&db).await;
        let ids = issue(&world, 11).await;
        let asker = world.member(Role::Admin).await;
        let keys = Asked::RotateKeys { product: world.product };
        for (role, many, work_on_keys) in [
            (Role::Owner, false, false),
            (Role::Admin, true, true),
            (Role::Developer, false, false),
            (Role::Support, true, false),
            (Role::Viewer, false, false),
        ] {
            let call = world.member(role).await;
            for (asked, may) in [(revoke(&ids), many), (keys.clone(), work_on_keys)] {
                let outcome = ask(&world, &call, asked.clone()).await.map(|_| ()).map_err(|error| error.code);
                assert_eq!(outcome, if may { Ok(()) } else { Err(ErrorCode::Forbidden) }, "{asked:?} by {role:?}");
            }
        }
        // A program is nobody who could ask, and what it may do is bounded by whoever made it.
        let program = world.token(&Permission::ALL).await;
        assert_eq!(ask(&world, &program, revoke(&ids)).await.unwrap_err().code, ErrorCode::Forbidden);
        for (role, many, work_on_keys) in [
            (Role::Viewer, false, false),
            (Role::Support, false, false),
            (Role::Developer, false, false),
            (Role::Admin, true, false),
            (Role::Owner, true, true),
        ] {
            let call = world.member(role).await;
            for (asked, may) in [(revoke(&ids), many), (keys.clone(), work_on_keys)] {
                for refuse in [true, false] {
                    let id = ask(&world, &asker, asked.clone()).await.unwrap();
                    let is_for = world.service.approval(&call.actor, id).await.unwrap().is_for(&call.actor);
                    let outcome = if refuse { world.service.refuse(&call, id, None).await } else { approve(&world, &call, id).await };
                    let outcome = outcome.map(|view| view.state).map_err(|error| error.code);
                    let done = if refuse { ApprovalState::Refused } else { ApprovalState::Approved };
                    assert_eq!(outcome, if may { Ok(done) } else { Err(ErrorCode::Forbidden) }, "{asked:?} by {role:?}");
                    assert_eq!(is_for, may, "{asked:?} by {role:?}");
                }
            }
        }
    }

    async fn nobody_approves_what_they_asked_for(db: TestDb) {
        let world = World::new(&db).await;
        let (asker, other) = (world.member(Role::Admin).await, world.member(Role::Owner).await);
        let id = ask(&world, &asker, revoke(&issue(&world, 11).await)).await.unwrap();
        for outcome in [approve(&world, &asker, id).await, world.service.refuse(&asker, id, None).await] {
            assert_eq!(outcome.unwrap_err().code, ErrorCode::Forbidden);
        }
        // Taking it back is theirs alone.
        assert_eq!(world.service.withdraw(&other, id).await.unwrap_err().code, ErrorCode::Forbidden);
        assert_eq!(world.service.withdraw(&asker, id).await.unwrap().state, ApprovalState::Withdrawn);
        for outcome in [approve(&world, &other, id).await, world.service.refuse(&other, id, None).await, world.service.withdraw(&asker, id).await] {
            assert_eq!(outcome.unwrap_err().code, ErrorCode::StatusConflict);
        }
        assert_eq!((told(&world, "approval.asked").await, told(&world, "approval.withdrawn").await, told(&world, "approval.approved").await), (1, 1, 0));
        // An admin who became the only one left asks in vain for their own yes.
        let id = ask(&world, &asker, revoke(&issue(&world, 11).await)).await.unwrap();
        world.service.set_role(&world.call(), asker.actor.member_id().unwrap(), Role::Owner).await.unwrap();
        assert_eq!(approve(&world, &asker, id).await.unwrap_err().code, ErrorCode::Forbidden);
    }

    async fn it_runs_out_and_ends_with_the_rights_of_whoever_asked(db: TestDb) {
        let world = World::new(&db).await;
        let ids = issue(&world, 11).await;
        let (asker, support) = (world.member(Role::Admin).await, world.member(Role::Support).await);
        let (old, by_support) = (ask(&world, &asker, revoke(&ids)).await.unwrap(), ask(&world, &support, revoke(&ids)).await.unwrap());
        world.clock.advance(OPEN);
        let owner = world.member(Role::Owner).await;
        let view = world.service.approval(&owner.actor, old).await.unwrap();
        assert!(view.ran_out && !view.waits() && !view.is_for(&owner.actor));
        assert_eq!(approve(&world, &owner, old).await.unwrap_err().code, ErrorCode::StatusConflict);
        assert_eq!(world.service.approvals(&owner.actor, true, page()).await.unwrap().items.len(), 0);
        assert_eq!(world.service.approvals(&owner.actor, false, page()).await.unwrap().items.len(), 2);
        assert_eq!(approve(&world, &owner, by_support).await.unwrap_err().code, ErrorCode::StatusConflict);
        // Whoever is gone, or may less, asks for nothing any more.
        let (asker, support) = (world.member(Role::Admin).await, world.member(Role::Support).await);
        let (one, two) = (ask(&world, &asker, revoke(&ids)).await.unwrap(), ask(&world, &support, revoke(&ids)).await.unwrap());
        world.service.set_role(&world.call(), support.actor.member_id().unwrap(), Role::Viewer).await.unwrap();
        world.service.remove_member(&world.call(), asker.actor.member_id().unwrap()).await.unwrap();
        for id in [one, two] {
            assert_eq!(approve(&world, &owner, id).await.unwrap_err().code, ErrorCode::StatusConflict);
            assert_eq!(world.service.approval(&owner.actor, id).await.unwrap().state, ApprovalState::Waiting, "nothing was decided");
        }
        work(&world.service, "one").await;
        assert_eq!(status(&world, ids[0]).await, LicenseStatus::Active);
        assert_eq!(told(&world, "approval.approved").await, 0);
    }

    async fn of_two_who_decide_at_once_one_does(db: TestDb) {
        let world = World::new(&db).await;
        let asker = world.member(Role::Admin).await;
        let (one, two) = (world.member(Role::Owner).await, world.member(Role::Admin).await);
        for _ in 0..5 {
            let id = ask(&world, &asker, revoke(&issue(&world, 11).await)).await.unwrap();
            let (a, b, c) = tokio::join!(approve(&world, &one, id), approve(&world, &two, id), world.service.refuse(&two, id, None));
            let outcomes: Vec<_> = [a, b, c].into_iter().map(|outcome| outcome.map(|view| view.state).map_err(|error| error.code)).collect();
            let won: Vec<_> = outcomes.iter().flatten().collect();
            assert_eq!(won.len(), 1, "{outcomes:?}");
            assert!(outcomes.iter().all(|outcome| !matches!(outcome, Err(code) if *code != ErrorCode::StatusConflict)), "{outcomes:?}");
            let began = world.service.bulk_act(&one.actor, BulkActId::from_bytes(id.to_bytes())).await.is_ok();
            assert_eq!(began, *won[0] == ApprovalState::Approved);
        }
    }

    async fn a_second_click_asks_once_and_many_are_too_many(db: TestDb) {
        let world = World::new(&db).await;
        let (asker, ids) = (world.member(Role::Admin).await, issue(&world, 11).await);
        let id = Some(ApprovalId::new(world.service.now(), &holdfast_testkit::SeededEntropy::new(unique())));
        for _ in 0..2 {
            assert_eq!(Some(world.service.ask(&asker, id, revoke(&ids), text("A reason")).await.unwrap()), id);
        }
        let other = world.service.ask(&asker, id, revoke(&ids[1..]), text("A reason")).await.unwrap_err();
        assert_eq!((other.code, told(&world, "approval.asked").await), (ErrorCode::StatusConflict, 1));
        for _ in 0..49 {
            ask(&world, &asker, revoke(&ids)).await.unwrap();
        }
        assert_eq!(ask(&world, &asker, revoke(&ids)).await.unwrap_err().code, ErrorCode::StatusConflict);
        // Somebody else's are not counted.
        ask(&world, &world.member(Role::Admin).await, revoke(&ids)).await.unwrap();
    }

    async fn keys_are_an_owners_yes(db: TestDb) {
        let world = World::new(&db).await;
        let (asker, owner) = (world.member(Role::Admin).await, world.member(Role::Owner).await);
        let (service, product) = (&world.service, world.product);
        let kids = async || -> BTreeMap<String, String> {
            let keys = service.signing_keys(&owner).await.unwrap();
            keys.into_iter().filter(|key| key.product == Some(product)).map(|key| (key.kid, key.status)).collect()
        };
        let of = |kids: &BTreeMap<String, String>, status: &str| {
            let found: Vec<String> = kids.iter().filter(|(_, is)| *is == status).map(|(kid, _)| kid.clone()).collect();
            assert_eq!(found.len(), 1, "{status}: {kids:?}");
            found[0].clone()
        };
        let before = kids().await;
        let refused = service.rotate_issuing_keys(&asker, product).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::Forbidden);
        let id = ask(&world, &asker, Asked::RotateKeys { product }).await.unwrap();
        assert!(service.preview_approval(&owner, id).await.unwrap().is_none());
        assert_eq!(kids().await, before, "it was only asked for");
        approve(&world, &owner, id).await.unwrap();
        let after = kids().await;
        let (retiring, active) = (of(&after, "retiring"), of(&after, "active"));
        assert!(before.contains_key(&retiring) && !before.contains_key(&active));
        let revoke = |kid: &str| Asked::RevokeKey { product, kid: kid.to_owned() };
        let id = ask(&world, &asker, revoke(&active)).await.unwrap();
        approve(&world, &owner, id).await.unwrap();
        let last = kids().await;
        assert_eq!(of(&last, "revoked"), active);
        assert!(!after.contains_key(&of(&last, "active")));
        for (action, count) in [("key.rotated", 1), ("key.revoked", 1)] {
            let told = events(&world, action).await;
            assert_eq!(told.len(), count);
            assert_eq!((told[0].actor, &told[0].data["approved_by"]), (asker.actor.who(), &serde_json::json!(owner.actor.member_id())));
        }
        // One that is gone already, or was never there, is nothing to ask for.
        for kid in [active.as_str(), "AAAAAAAAAAAAAAAA"] {
            assert_eq!(ask(&world, &asker, revoke(kid)).await.unwrap_err().code, ErrorCode::NotFound);
        }
        // Asking needs a fresh sign-in too.
        world.clock.advance(Seconds::minutes(11));
        assert_eq!(ask(&world, &asker, Asked::RotateKeys { product }).await.unwrap_err().code, ErrorCode::StepUpRequired);
    }

    async fn an_order_of_many_is_refunded_by_two(db: TestDb) {
        let world = World::new(&db).await;
        let (support, owner) = (world.member(Role::Support).await, world.member(Role::Owner).await);
        let service = &world.service;
        let order = CreateOrder { reference: text("o-1"), customer: None };
        let order = service.create_order(&world.call(), order).await.unwrap().id;
        let mut ids = Vec::new();
        for _ in 0..11 {
            let input = IssueLicense { order: Some(order), ..IssueLicense::of(world.plan) };
            ids.push(service.issue_license(&world.call(), input).await.unwrap().license.id);
        }
        let looked = service.refund_order(&support, order, text("A reason"), true).await.unwrap();
        assert!(support.actor.asks(Permission::LicensesStatus, looked.licenses.len()));
        assert_eq!(service.refund_order(&support, order, text("A reason"), false).await.unwrap_err().code, ErrorCode::Forbidden);
        let id = ask(&world, &support, Asked::Refund { order }).await.unwrap();
        assert_eq!(service.preview_approval(&owner, id).await.unwrap().unwrap().total, 11);
        assert_eq!(status(&world, ids[0]).await, LicenseStatus::Active);
        let view = approve(&world, &owner, id).await.unwrap();
        assert_eq!((view.state, view.act), (ApprovalState::Approved, None));
        for id in ids {
            assert_eq!(status(&world, id).await, LicenseStatus::Revoked);
        }
        let told = events(&world, "order.refunded").await;
        assert_eq!((told[0].actor, told[0].data["reason"].as_str()), (support.actor.who(), Some("They paid with stolen cards")));
    }

    async fn what_cannot_be_done_any_more_is_not_approved(db: TestDb) {
        let world = World::new(&db).await;
        let (asker, owner) = (world.member(Role::Admin).await, world.member(Role::Owner).await);
        let service = &world.service;
        issue(&world, 11).await;
        let change = |grace: i64| UpdatePlan { terms: Some(holdfast_domain::Terms { grace: Seconds::days(grace), ..yearly() }), ..UpdatePlan::default() };
        service.update_plan(&world.call(), world.plan, change(9)).await.unwrap();
        let id = ask(&world, &asker, plan_terms(&world, world.plan).await).await.unwrap();
        service.update_plan(&world.call(), world.plan, change(8)).await.unwrap();
        assert_eq!(approve(&world, &owner, id).await.unwrap_err().code, ErrorCode::ChangedMeanwhile);
        assert_eq!(service.approval(&owner.actor, id).await.unwrap().state, ApprovalState::Waiting);
        assert_eq!(service.refuse(&owner, id, Some(text("The plan was changed"))).await.unwrap().state, ApprovalState::Refused);
        // Nor is what nobody could ask for asked for.
        let extend = |days| Asked::Many { step: BulkStep::Extend(days), target: Box::new(all()) };
        assert_eq!(ask(&world, &asker, extend(0)).await.unwrap_err().code, ErrorCode::InvalidRequest);
        let none = Asked::Many { step: BulkStep::Status(StatusChange::Revoke), target: Box::new(Target::Licenses(Vec::new())) };
        assert_eq!(ask(&world, &asker, none).await.unwrap_err().code, ErrorCode::InvalidRequest);
        let unknown = Asked::Undo { act: BulkActId::from_bytes([7; 16]), step: REVOKE };
        assert_eq!(ask(&world, &asker, unknown).await.unwrap_err().code, ErrorCode::NotFound);
    }

    async fn a_small_extension_stays_small_whoever_approves(db: TestDb) {
        let world = World::new(&db).await;
        let (support, owner) = (world.member(Role::Support).await, world.member(Role::Owner).await);
        let ids = issue(&world, 11).await;
        let extend = |days| Asked::Many { step: BulkStep::Extend(days), target: Box::new(Target::Licenses(ids.clone())) };
        for (days, changed) in [(31, 0), (30, 11)] {
            let id = ask(&world, &support, extend(days)).await.unwrap();
            let act = approve(&world, &owner, id).await.unwrap().act.unwrap();
            work(&world.service, "one").await;
            let act = stands(&world, act).await;
            assert_eq!((act.changed, act.changed + act.refused), (changed, 11), "{days}");
        }
    }
}
