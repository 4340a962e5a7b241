//! The support desk: ends of access that begin later, lists of refunds, new keys that are asked for, canned replies, and whom one
//! has worked on.

use crate::{
    bulk::{REVOKE, stands, status, told, work},
    world::*,
};
use holdfast_domain::{
    BulkActId, CustomerId, LicenseStatus, OrderId, Permission, Role, Seconds, license::StatusChange,
};
use holdfast_service::{
    Call, Error, ErrorCode,
    admin::{
        approvals::Asked,
        bulk::{BulkState, BulkStep, DELAY, StopReason, Target},
        inputs::{ChangeStatus, CreateCustomer, CreateOrder, CreateToken, CustomerChoice, IssueLicense},
        notes::NoteSubject,
        orders::OrderStatus,
        refunds::Fate,
        views::Issued,
    },
    runtime::{Nonce, Renew, Renewed},
};
use holdfast_testkit::both;

async fn later(world: &World, by: &Call, step: BulkStep, target: Target) -> Result<BulkActId, Error> {
    world.service.begin_bulk(by, None, step, target, text("Chargeback")).await
}

async fn renew(world: &World, node: &holdfast_service::Service, lease: &str) -> Result<Renewed, ErrorCode> {
    let input = Renew {
        lease: lease.to_owned(),
        nonce: Nonce::parse("nonce-0123456789").unwrap(),
        manifest_seq: None,
        proof: None,
        device: None,
    };
    node.renew(world.product, input, &from("198.51.100.7")).await.map_err(|error| error.code)
}

/// An order with so many licenses.
async fn order(world: &World, number: &str, licenses: usize, customer: Option<CustomerId>) -> (OrderId, Vec<Issued>) {
    let call = world.call();
    let input = CreateOrder { reference: text(number), customer };
    let id = world.service.create_order(&call, input).await.unwrap().id;
    let mut issued = Vec::new();
    for _ in 0..licenses {
        let input = IssueLicense { order: Some(id), ..IssueLicense::of(world.plan) };
        issued.push(world.service.issue_license(&call, input).await.unwrap());
    }
    (id, issued)
}

fn reinstate() -> ChangeStatus {
    ChangeStatus { change: StatusChange::Reinstate, reason: text("Sorry"), effective_at: None, dry_run: false }
}

both! {
    async fn what_support_ends_is_denied_by_no_node_before_ten_minutes_are_over(db: TestDb) {
        let world = World::new(&db).await;
        let (support, owner) = (world.member(Role::Support).await, world.member(Role::Owner).await);
        let issued = world.issue().await;
        let (id, other) = (issued.license.id, node(db.another_node().await, &world.clock));
        let lease = world.activate(&issued.key, "laptop").await.unwrap().lease;
        let asked = world.service.now();
        assert!(world.service.preview_bulk(&support, REVOKE, Target::Licenses(vec![id])).await.unwrap().later);
        let act = later(&world, &support, REVOKE, Target::Licenses(vec![id])).await.unwrap();
        let view = stands(&world, act).await;
        assert_eq!((view.state, view.begins_at), (BulkState::Waiting, Some(asked.plus(DELAY))));
        let waits = world.service.acts_that_wait(&owner.actor, &[[1; 16], id.to_bytes()]).await.unwrap();
        assert_eq!(waits.iter().map(|(subject, act)| (*subject, act.id)).collect::<Vec<_>>(), [(id.to_bytes(), act)]);
        assert_eq!(world.service.waiting_acts(&owner.actor).await.unwrap().len(), 1);
        // Right up to the end both nodes say yes, whichever looks whether there is anything to be done.
        for passed in [0, 599, 1] {
            world.clock.advance(Seconds(passed));
            assert_eq!((work(&world.service, "one").await, work(&other, "two").await), (0, 0), "{passed}");
            assert_eq!(status(&world, id).await, LicenseStatus::Active);
            for node in [&world.service, &other] {
                assert!(renew(&world, node, &lease).await.is_ok(), "{passed}");
            }
            assert!(world.activate(&issued.key, "laptop").await.is_ok());
        }
        // The clocks of two nodes may differ by a minute.
        world.clock.advance(Seconds(60));
        work(&other, "two").await;
        assert_eq!(status(&world, id).await, LicenseStatus::Revoked);
        assert_eq!(renew(&world, &other, &lease).await.unwrap_err(), ErrorCode::LicenseRevoked);
        assert_eq!((told(&world, "bulk.scheduled").await, told(&world, "bulk.began").await), (1, 1));
        let events = world.service.license(&owner.actor, id).await.unwrap().timeline;
        let revoked = events.iter().find(|event| event.action == "license.revoked").unwrap();
        assert_eq!(revoked.actor, support.actor.who());
        // An owner's is done at once.
        let (id, _) = world.used(&["desk"]).await;
        let act = later(&world, &owner, REVOKE, Target::Licenses(vec![id])).await.unwrap();
        assert_eq!((stands(&world, act).await.state, stands(&world, act).await.begins_at), (BulkState::Running, None));
    }

    async fn what_was_taken_back_in_time_never_happens(db: TestDb) {
        let world = World::new(&db).await;
        let (id, _) = world.used(&["laptop"]).await;
        for (own, suspended) in [(true, BulkStep::Status(StatusChange::Suspend)), (false, REVOKE)] {
            let (support, second) = (world.member(Role::Support).await, world.member(Role::Support).await);
            let act = later(&world, &support, suspended, Target::Licenses(vec![id])).await.unwrap();
            world.clock.advance(Seconds::minutes(9));
            world.service.stop_bulk(if own { &support } else { &second }, act).await.unwrap();
            world.clock.advance(Seconds::minutes(9));
            assert_eq!(work(&world.service, "one").await, 0);
            let view = stands(&world, act).await;
            assert_eq!((view.state, view.stopped, view.changed), (BulkState::Stopped, Some(StopReason::Asked), 0));
            assert_eq!(status(&world, id).await, LicenseStatus::Active);
            assert_eq!(view.undo_until, None, "there is nothing to be taken back");
        }
        assert_eq!((told(&world, "license.revoked").await, told(&world, "license.suspended").await), (0, 0));
        let support = world.member(Role::Support).await;
        assert!(world.service.waiting_acts(&support.actor).await.unwrap().is_empty());
        // Whoever may not do it may not take it back either.
        let act = later(&world, &support, REVOKE, Target::Licenses(vec![id])).await.unwrap();
        let viewer = world.member(Role::Viewer).await;
        assert_eq!(world.service.stop_bulk(&viewer, act).await.unwrap_err().code, ErrorCode::Forbidden);
    }

    async fn whoever_may_no_longer_do_it_when_it_begins_does_not(db: TestDb) {
        let world = World::new(&db).await;
        let owner = world.member(Role::Owner).await;
        for gone in [true, false] {
            let support = world.member(Role::Support).await;
            let (id, _) = world.used(&["laptop"]).await;
            let act = later(&world, &support, REVOKE, Target::Licenses(vec![id])).await.unwrap();
            let member = support.actor.member_id().unwrap();
            if gone {
                world.service.remove_member(&owner, member).await.unwrap();
            } else {
                world.service.set_role(&owner, member, Role::Viewer).await.unwrap();
            }
            world.clock.advance(Seconds::minutes(11));
            work(&world.service, "one").await;
            let view = stands(&world, act).await;
            assert_eq!((view.state, view.stopped, view.changed), (BulkState::Stopped, Some(StopReason::NoLonger), 0));
            assert_eq!(status(&world, id).await, LicenseStatus::Active);
        }
    }

    async fn a_program_whose_token_was_revoked_begins_nothing_later(db: TestDb) {
        let world = World::new(&db).await;
        let service = &world.service;
        for revoked in [true, false] {
            let (owner, admin) = (world.member(Role::Owner).await, world.member(Role::Admin).await);
            let scopes = vec![Permission::LicensesRead, Permission::LicensesStatus];
            let input = CreateToken { name: text("Desk"), scopes, expires_at: None };
            let made = service.create_token(&admin, input).await.unwrap();
            // Whoever made it is of the desk now, and so is the program.
            service.set_role(&owner, admin.actor.member_id().unwrap(), Role::Support).await.unwrap();
            let program = Call::new(service.authenticate_token(&made.secret).await.unwrap(), from("192.0.2.2"));
            let (id, _) = world.used(&["laptop"]).await;
            let act = later(&world, &program, REVOKE, Target::Licenses(vec![id])).await.unwrap();
            assert_eq!(stands(&world, act).await.state, BulkState::Waiting, "{revoked}");
            if revoked {
                service.revoke_token(&owner, made.token.id).await.unwrap();
            }
            world.clock.advance(Seconds::minutes(11));
            work(service, "one").await;
            let view = stands(&world, act).await;
            let expected = if revoked {
                (BulkState::Stopped, Some(StopReason::NoLonger), LicenseStatus::Active)
            } else {
                (BulkState::Done, None, LicenseStatus::Revoked)
            };
            assert_eq!((view.state, view.stopped, status(&world, id).await), expected, "{revoked}");
        }
    }

    async fn what_one_asks_for_within_ten_minutes_counts_together(db: TestDb) {
        let world = World::new(&db).await;
        let (service, support) = (&world.service, world.member(Role::Support).await);
        let mut ids = Vec::new();
        for _ in 0..12 {
            ids.push(world.issue().await.license.id);
        }
        let (first, second) = (Target::Licenses(ids[..6].to_vec()), Target::Licenses(ids[6..].to_vec()));
        let looks = async |target: &Target| service.preview_bulk(&support, REVOKE, target.clone()).await.unwrap();
        assert!(!looks(&first).await.second && !looks(&second).await.second);
        let act = later(&world, &support, REVOKE, first).await.unwrap();
        assert!(looks(&second).await.second);
        let refused = later(&world, &support, REVOKE, second.clone()).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::Forbidden);
        // What fits beside it is begun, and somebody else's counts apart.
        let four = later(&world, &support, REVOKE, Target::Licenses(ids[6..10].to_vec())).await.unwrap();
        later(&world, &world.member(Role::Support).await, REVOKE, second.clone()).await.unwrap();
        assert_eq!(later(&world, &support, REVOKE, Target::Licenses(vec![ids[11]])).await.unwrap_err().code, ErrorCode::Forbidden);
        // What was taken back counts no more.
        service.stop_bulk(&support, act).await.unwrap();
        service.stop_bulk(&support, four).await.unwrap();
        let target = |at: usize| Target::Licenses(vec![ids[at]]);
        // Of two at the same moment that are too many together, one is begun.
        let ten = later(&world, &support, REVOKE, Target::Licenses(ids[..9].to_vec())).await.unwrap();
        let (one, other) = futures::join!(later(&world, &support, REVOKE, target(10)), later(&world, &support, REVOKE, target(11)));
        assert_eq!((one.is_ok(), other.is_ok()), (one.is_ok(), one.is_err()));
        service.stop_bulk(&support, ten).await.unwrap();
    }

    async fn an_order_that_has_grown_is_not_refunded_without_a_second_person(db: TestDb) {
        let world = World::new(&db).await;
        let (service, support) = (&world.service, world.member(Role::Support).await);
        let (id, _) = order(&world, "INV-1", 10, None).await;
        let act = later(&world, &support, BulkStep::Refund, Target::Orders(vec![id])).await.unwrap();
        let more = IssueLicense { order: Some(id), ..IssueLicense::of(world.plan) };
        service.issue_license(&world.call(), more).await.unwrap();
        world.clock.advance(Seconds::minutes(11));
        work(service, "one").await;
        let view = stands(&world, act).await;
        assert_eq!((view.state, view.stopped, view.changed), (BulkState::Stopped, Some(StopReason::TooMany), 0));
        assert_eq!(service.order(&support.actor, id).await.unwrap().status, OrderStatus::Paid);
    }

    async fn an_order_is_refunded_once_by_two_acts_at_once(db: TestDb) {
        let world = World::new(&db).await;
        let (service, owner) = (&world.service, world.member(Role::Owner).await);
        let other = node(db.another_node().await, &world.clock);
        let (id, _) = order(&world, "INV-1", 2, None).await;
        let mut acts = Vec::new();
        for _ in 0..2 {
            acts.push(later(&world, &owner, BulkStep::Refund, Target::Orders(vec![id])).await.unwrap());
        }
        futures::join!(work(service, "one"), work(&other, "two"));
        work(service, "one").await;
        let (one, two) = (stands(&world, acts[0]).await, stands(&world, acts[1]).await);
        assert_eq!((one.changed + two.changed, one.refused + two.refused), (1, 1));
        assert_eq!(told(&world, "order.refunded").await, 1);
    }

    async fn lists_of_refunds_count_together_with_what_else_waits(db: TestDb) {
        let world = World::new(&db).await;
        let (service, support) = (&world.service, world.member(Role::Support).await);
        let (first, _) = order(&world, "INV-1", 6, None).await;
        let (second, _) = order(&world, "INV-2", 4, None).await;
        order(&world, "INV-3", 1, None).await;
        let look = async |list: &str| service.look_at_refunds(&support, list).await.unwrap().preview.unwrap();
        for (list, alone) in [("INV-1\nINV-2\n", true), ("INV-2\nINV-3\n", true), ("INV-1\nINV-2\nINV-3\n", false)] {
            let preview = look(list).await;
            assert_eq!((preview.second, preview.later), (!alone, alone), "{list}");
        }
        let act = later(&world, &support, BulkStep::Refund, Target::Orders(vec![first])).await.unwrap();
        // Six wait: four more are ten, and five more take a second person.
        assert!(!look("INV-2\n").await.second && look("INV-2\nINV-3\n").await.second);
        let orders = |looked: holdfast_service::admin::refunds::RefundList| Target::Orders(looked.orders);
        let both = orders(service.look_at_refunds(&support, "INV-2\nINV-3\n").await.unwrap());
        let refused = later(&world, &support, BulkStep::Refund, both.clone()).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::Forbidden);
        later(&world, &support, BulkStep::Refund, Target::Orders(vec![second])).await.unwrap();
        let single = world.issue().await.license.id;
        assert_eq!(later(&world, &support, REVOKE, Target::Licenses(vec![single])).await.unwrap_err().code, ErrorCode::Forbidden);
        // What was taken back counts no more.
        service.stop_bulk(&support, act).await.unwrap();
        later(&world, &support, REVOKE, Target::Licenses(vec![single])).await.unwrap();
    }

    async fn a_refund_is_taken_back_or_its_licenses_are_reinstated_and_never_half_of_each(db: TestDb) {
        let world = World::new(&db).await;
        let (service, owner) = (&world.service, world.member(Role::Owner).await);
        let other = node(db.another_node().await, &world.clock);
        for round in 0..6 {
            let (id, licenses) = order(&world, &format!("INV-{round}"), 3, None).await;
            let ids: Vec<_> = licenses.iter().map(|license| license.license.id).collect();
            let act = later(&world, &owner, BulkStep::Refund, Target::Orders(vec![id])).await.unwrap();
            work(service, "one").await;
            let undone = service.undo_bulk(&owner, None, act, text("Wrong order")).await.unwrap();
            let given = other.change_status_of_many(&owner, ids.clone(), reinstate());
            let ((), given) = futures::join!(async { work(service, "one").await; }, given);
            work(service, "one").await;
            let (view, order) = (stands(&world, undone).await, service.order(&owner.actor, id).await.unwrap());
            let stands = (view.changed, view.refused, order.status);
            match given {
                Ok(_) => assert_eq!(stands, (0, 1, OrderStatus::Refunded), "{round}"),
                Err(error) => assert_eq!((error.code, stands), (ErrorCode::StatusConflict, (1, 0, OrderStatus::Paid)), "{round}"),
            }
            for id in ids {
                assert_eq!(status(&world, id).await, LicenseStatus::Active, "{round}");
            }
        }
    }

    async fn a_preview_of_refunds_looks_at_so_many_licenses_and_says_so(db: TestDb) {
        let world = World::new(&db).await;
        let (service, owner) = (&world.service, world.member(Role::Owner).await);
        let (first, _) = order(&world, "INV-1", 150, None).await;
        let (second, _) = order(&world, "INV-2", 60, None).await;
        let look = async |orders: Vec<OrderId>| service.preview_bulk(&owner, BulkStep::Refund, Target::Orders(orders)).await.unwrap();
        let (one, both) = (look(vec![first]).await, look(vec![first, second]).await);
        assert_eq!((one.looked_at, one.licenses), (1, Some(150)));
        assert_eq!((both.looked_at, both.total, both.licenses), (1, 2, Some(210)));
    }

    async fn support_takes_no_gift_back_at_once(db: TestDb) {
        let world = World::new(&db).await;
        let (support, owner) = (world.member(Role::Support).await, world.member(Role::Owner).await);
        let (id, _) = world.used(&["laptop"]).await;
        let revoked = later(&world, &owner, REVOKE, Target::Licenses(vec![id])).await.unwrap();
        work(&world.service, "one").await;
        // To give back is done at once, to take that back again is not.
        let given = world.service.undo_bulk(&support, None, revoked, text("Sorry")).await.unwrap();
        work(&world.service, "one").await;
        assert_eq!((stands(&world, given).await.state, status(&world, id).await), (BulkState::Done, LicenseStatus::Active));
        let back = BulkStep::Status(StatusChange::Reinstate);
        world.service.change_status(&owner, id, ChangeStatus { change: StatusChange::Revoke, ..reinstate() }).await.unwrap();
        let given = later(&world, &owner, back, Target::Licenses(vec![id])).await.unwrap();
        work(&world.service, "one").await;
        assert!(world.service.preview_undo_bulk(&support, given).await.unwrap().later);
        let taken = world.service.undo_bulk(&support, None, given, text("After all")).await.unwrap();
        work(&world.service, "one").await;
        assert_eq!((stands(&world, taken).await.state, status(&world, id).await), (BulkState::Waiting, LicenseStatus::Active));
        world.clock.advance(Seconds::minutes(11));
        work(&world.service, "one").await;
        assert_eq!(status(&world, id).await, LicenseStatus::Revoked);
    }

    async fn a_list_of_refunds_says_what_becomes_of_each_and_is_taken_back_whole(db: TestDb) {
        let world = World::new(&db).await;
        let (service, owner) = (&world.service, world.member(Role::Owner).await);
        let customer = world.customer("ada@example.com").await;
        let (first, licenses) = order(&world, "INV-1", 2, Some(customer)).await;
        let (second, others) = order(&world, "INV-2", 1, None).await;
        let (empty, _) = order(&world, "INV-3", 0, None).await;
        let (done, _) = order(&world, "INV-4", 0, None).await;
        service.refund_order(&owner, done, text("Before"), false).await.unwrap();
        for device in ["a", "b"] {
            world.activate(&licenses[0].key, device).await.unwrap();
        }
        let list = "Order number;Sum\nINV-1;9\nINV-2;9\nINV-3;9\nINV-4;9\nINV-5;9\nINV-1;9\n";
        let looked = service.look_at_refunds(&owner, list).await.unwrap();
        let fates: Vec<_> = looked.lines.iter().map(|line| (line.line, line.reference.as_str(), match &line.fate {
            Fate::Refund(found) => format!("{} {} {:?}", found.licenses, found.devices, found.customer_name.as_ref().map(ToString::to_string)),
            Fate::Refunded(_) => "before".to_owned(),
            Fate::Unknown => "unknown".to_owned(),
            Fate::Repeated => "repeated".to_owned(),
        })).collect();
        assert_eq!(fates, [
            (2, "INV-1", "2 2 Some(\"ada@example.com\")".to_owned()), (3, "INV-2", "1 0 None".to_owned()),
            (4, "INV-3", "0 0 None".to_owned()), (5, "INV-4", "before".to_owned()), (6, "INV-5", "unknown".to_owned()),
            (7, "INV-1", "repeated".to_owned()),
        ]);
        assert_eq!(looked.orders, [first, second, empty]);
        let preview = looked.preview.unwrap();
        assert_eq!((preview.total, preview.licenses, preview.impact.devices, preview.second), (3, Some(3), 2, false));
        let before = told(&world, "license.revoked").await;
        let act = service.begin_bulk(&owner, Some(preview.id), BulkStep::Refund, Target::Orders(looked.orders), text("Recall")).await.unwrap();
        work(service, "one").await;
        let view = stands(&world, act).await;
        assert_eq!((view.state, view.changed, view.refused, view.licenses), (BulkState::Done, 3, 0, Some(3)));
        assert_eq!(told(&world, "license.revoked").await, before + 3);
        let items = service.bulk_items(&owner.actor, act, None, 0, 10).await.unwrap();
        let known: Vec<_> = items.iter().map(|item| (item.subject.clone(), item.known.as_ref().unwrap().label.clone())).collect();
        assert!(known.contains(&(first.to_string(), "INV-1".to_owned())), "{known:?}");
        assert_eq!(world.activate(&licenses[0].key, "a").await.unwrap_err().code, ErrorCode::LicenseRevoked);
        // One whose license was changed since is left alone, and told.
        service.change_status(&owner, others[0].license.id, reinstate()).await.unwrap();
        let undone = service.undo_bulk(&owner, None, act, text("Wrong list")).await.unwrap();
        work(service, "one").await;
        let view = stands(&world, undone).await;
        assert_eq!((view.changed, view.refused), (2, 1));
        let refused = service.bulk_items(&owner.actor, undone, Some(holdfast_service::admin::bulk::Fate::Refused), 0, 10).await.unwrap();
        assert_eq!(refused[0].why.as_deref(), Some("A license of the order was changed since."));
        let paid = service.order(&owner.actor, first).await.unwrap();
        assert_eq!((paid.status, paid.refunded_at), (OrderStatus::Paid, None));
        assert_eq!(service.order(&owner.actor, second).await.unwrap().status, OrderStatus::Refunded);
        assert_eq!(told(&world, "order.refund_undone").await, 2);
        for license in &licenses {
            assert_eq!(status(&world, license.license.id).await, LicenseStatus::Active);
        }
        assert!(world.activate(&licenses[0].key, "a").await.unwrap().again);
        // What was refunded meanwhile is refused.
        let again = later(&world, &owner, BulkStep::Refund, Target::Orders(vec![first])).await.unwrap();
        service.refund_order(&owner, first, text("By hand"), false).await.unwrap();
        work(service, "one").await;
        assert_eq!((stands(&world, again).await.changed, stands(&world, again).await.refused), (0, 1));
    }

    async fn refunds_count_by_their_licenses_and_wait_where_support_asks(db: TestDb) {
        let world = World::new(&db).await;
        let (service, support, admin) = (&world.service, world.member(Role::Support).await, world.member(Role::Admin).await);
        let mut orders = Vec::new();
        for n in 0..4 {
            orders.push(order(&world, &format!("INV-{n}"), 3, None).await.0);
        }
        let three = Target::Orders(orders[..3].to_vec());
        let all = Target::Orders(orders.clone());
        let look = async |target| service.preview_bulk(&support, BulkStep::Refund, target).await.unwrap();
        assert_eq!((look(three.clone()).await.second, look(all.clone()).await.second), (false, true));
        assert_eq!(later(&world, &support, BulkStep::Refund, all.clone()).await.unwrap_err().code, ErrorCode::Forbidden);
        let act = later(&world, &support, BulkStep::Refund, three).await.unwrap();
        work(service, "one").await;
        assert_eq!(service.order(&support.actor, orders[0]).await.unwrap().status, OrderStatus::Paid);
        assert_eq!(service.acts_that_wait(&support.actor, &[orders[0].to_bytes()]).await.unwrap().len(), 1);
        world.clock.advance(Seconds::minutes(11));
        work(service, "one").await;
        assert_eq!((stands(&world, act).await.changed, service.order(&support.actor, orders[0]).await.unwrap().status), (3, OrderStatus::Refunded));
        service.undo_bulk(&admin, None, act, text("Sorry")).await.unwrap();
        work(service, "one").await;
        // Twelve licenses take a second person, who is the one that waits.
        let support = world.member(Role::Support).await;
        let asked = service.ask(&support, None, Asked::Many { step: BulkStep::Refund, target: Box::new(all) }, text("Recall")).await.unwrap();
        let admin = world.member(Role::Admin).await;
        service.approve(&admin, asked, None).await.unwrap();
        work(service, "one").await;
        for order in orders {
            assert_eq!(service.order(&admin.actor, order).await.unwrap().status, OrderStatus::Refunded);
        }
        // An order of another vendor is as good as none.
        let stranger = Call::system(vendor(service, "Other vendor").await);
        let foreign = order(&world, "INV-9", 1, None).await.0;
        let refused = service.preview_bulk(&stranger, BulkStep::Refund, Target::Orders(vec![foreign])).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::NotFound);
        assert!(matches!(service.look_at_refunds(&stranger, "INV-9").await.unwrap().lines[0].fate, Fate::Unknown));
    }

    async fn support_asks_for_a_new_key_and_does_not_see_it(db: TestDb) {
        let world = World::new(&db).await;
        let (service, support, owner) = (&world.service, world.member(Role::Support).await, world.member(Role::Owner).await);
        let issued = world.issue().await;
        let id = issued.license.id;
        let rekey = || Asked::Rekey { license: id };
        for role in [Role::Owner, Role::Admin, Role::Developer, Role::Viewer] {
            let call = world.member(role).await;
            let refused = service.ask(&call, None, rekey(), text("Posted in a forum")).await.unwrap_err();
            assert_eq!(refused.code, ErrorCode::Forbidden, "{role:?}");
        }
        let asked = service.ask(&support, None, rekey(), text("Posted in a forum")).await.unwrap();
        assert_eq!(service.preview_approval(&owner, asked).await.map(|_| ()).map_err(|error| error.code), Ok(()));
        assert!(world.activate(&issued.key, "a").await.is_ok(), "it was only asked for");
        service.approve(&owner, asked, None).await.unwrap();
        assert_eq!(world.activate(&issued.key, "b").await.unwrap_err().code, ErrorCode::LicenseNotFound);
        let key = service.reveal_key(&owner, id).await.unwrap();
        assert_ne!(key, issued.key);
        assert!(world.activate(&key, "b").await.is_ok());
        let events = service.license(&owner.actor, id).await.unwrap().timeline;
        let rekeyed = events.iter().find(|event| event.action == "license.rekeyed").unwrap();
        assert_eq!(rekeyed.actor, support.actor.who());
        assert_eq!(rekeyed.data["approved_by"], serde_json::json!(owner.actor.member_id()));
        assert!(!serde_json::to_string(&rekeyed.data).unwrap().contains(&key));
    }

    async fn replies_are_filled_with_the_facts_of_whom_they_answer(db: TestDb) {
        let world = World::new(&db).await;
        let (service, support) = (&world.service, world.member(Role::Support).await);
        let named = CreateCustomer { name: Some(text("Ada Lovelace")), email: Some(text("ada@example.com")), external_id: None };
        let customer = service.create_customer(&world.call(), named).await.unwrap().id;
        let input = IssueLicense { customer: Some(CustomerChoice::Existing(customer)), ..IssueLicense::of(world.plan) };
        let issued = service.issue_license(&world.call(), input).await.unwrap();
        for device in ["Laptop", "Desk"] {
            world.activate(&issued.key, device).await.unwrap();
        }
        let all = "{customer}|{email}|{product}|{plan}|{key_end}|{status}|{seats_used}/{seats_limit}|{order}|{vendor}";
        let id = service.save_reply(&support, None, text("All"), text(all)).await.unwrap();
        let filled = service.fill_reply(&support.actor, id, customer, None).await.unwrap();
        let license = &issued.license;
        let expected = format!(
            "Ada Lovelace|ada@example.com|A product|Pro|{}|active|2/{}|no order|Example Software",
            license.key_hint, license.terms.seats
        );
        assert_eq!(filled, expected);
        let days = service.save_reply(&support, None, text("Days"), text("{valid_until}|{works_without_us_until}|{devices}")).await.unwrap();
        let filled = service.fill_reply(&support.actor, days, customer, Some(license.id)).await.unwrap();
        let parts: Vec<&str> = filled.split('|').collect();
        assert_eq!((parts[0], parts[1]), ("1 January 2027", "31 January 2026"));
        assert!(parts[2] == "Laptop, Desk" || parts[2] == "Desk, Laptop", "{filled}");
        // With several licenses somebody says which; one of another customer is as good as none.
        let input = IssueLicense { customer: Some(CustomerChoice::Existing(customer)), ..IssueLicense::of(world.plan) };
        service.issue_license(&world.call(), input).await.unwrap();
        let refused = service.fill_reply(&support.actor, id, customer, None).await.unwrap_err();
        assert_eq!(refused.pointer.as_deref(), Some("/license"));
        let stranger = world.issue().await.license.id;
        let refused = service.fill_reply(&support.actor, id, customer, Some(stranger)).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::NotFound);
        let plain = service.save_reply(&support, None, text("Plain"), text("Dear {customer}, {me}")).await.unwrap();
        assert!(service.fill_reply(&support.actor, plain, customer, None).await.unwrap().starts_with("Dear Ada Lovelace, "));
        // A name stands for one reply.
        let taken = service.save_reply(&support, None, text("Plain"), text("x")).await.unwrap_err();
        assert_eq!((taken.code, taken.pointer.as_deref()), (ErrorCode::CodeTaken, Some("/name")));
        let taken = service.save_reply(&support, Some(plain), text("All"), text("x")).await.unwrap_err();
        assert_eq!((taken.code, taken.pointer.as_deref()), (ErrorCode::CodeTaken, Some("/name")));
        service.save_reply(&support, Some(plain), text("Plainer"), text("Dear {customer}")).await.unwrap();
        service.remove_reply(&support, days).await.unwrap();
        let names: Vec<_> = service.replies(&support.actor).await.unwrap().into_iter().map(|reply| reply.name.to_string()).collect();
        assert_eq!(names, ["All", "Plainer"]);
        for (action, count) in [("reply.created", 3), ("reply.changed", 1), ("reply.removed", 1)] {
            assert_eq!(told(&world, action).await, count, "{action}");
        }
    }

    async fn whom_one_has_worked_on_is_told_the_last_one_first(db: TestDb) {
        let world = World::new(&db).await;
        let (service, support) = (&world.service, world.member(Role::Support).await);
        assert!(service.recent_customers(&support.actor).await.unwrap().is_empty());
        let (ada, bob) = (world.customer("ada@example.com").await, world.customer("bob@example.com").await);
        let license = |customer| IssueLicense { customer: Some(CustomerChoice::Existing(customer)), ..IssueLicense::of(world.plan) };
        let issued = service.issue_license(&world.call(), license(ada)).await.unwrap();
        let seat = world.activate(&issued.key, "laptop").await.unwrap().seat.id;
        service.add_note(&support, NoteSubject::Customer(bob), text("Called")).await.unwrap();
        world.clock.advance(Seconds(1));
        service.free_seat(&support, seat, text("Lost")).await.unwrap();
        let recent = async || {
            let found = service.recent_customers(&support.actor).await.unwrap();
            found.into_iter().map(|(customer, _)| customer.id).collect::<Vec<_>>()
        };
        assert_eq!(recent().await, [ada, bob]);
        world.clock.advance(Seconds(1));
        service.add_note(&support, NoteSubject::Customer(bob), text("Called again")).await.unwrap();
        assert_eq!(recent().await, [bob, ada]);
        // What others did is theirs.
        let other = world.member(Role::Support).await;
        assert!(service.recent_customers(&other.actor).await.unwrap().is_empty());
    }
}
