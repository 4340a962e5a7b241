//! The audit log: every change is in it, with who, what, before and after, and the chain holds.

use crate::world::*;
use holdfast_domain::{Role, Seconds, event, license::StatusChange};
use holdfast_service::{
    Call, ErrorCode,
    admin::{
        inputs::{ChangeStatus, EventFilter},
        views::ChainWalk,
    },
};
use holdfast_testkit::both;

both! {
    async fn an_act_is_told_with_who_what_before_after_when_and_from_where(db: TestDb) {
        let world = World::new(&db).await;
        let call = world.member(Role::Admin).await;
        let id = world.issue().await.license.id;
        world.clock.advance(Seconds(5));
        let call = Call::new(call.actor, from("2001:db8::5"));
        let input = ChangeStatus {
            change: StatusChange::Revoke,
            reason: text("Chargeback by the bank"),
            effective_at: None,
            dry_run: false,
        };
        world.service.change_status(&call, id, input).await.unwrap();
        let filter = EventFilter { subject: Some(id.to_string()), ..EventFilter::default() };
        let told = world.service.events(&call.actor, filter, page()).await.unwrap().items;
        assert_eq!(told.iter().map(|event| event.action.as_str()).collect::<Vec<_>>(), ["license.revoked", "license.issued"]);
        let event = &told[0];
        assert_eq!(event.actor, event::Actor::Member(call.actor.member_id().unwrap()));
        assert_eq!((event.at, event.origin.as_str()), (world.service.now(), "2001:db8::5"));
        assert_eq!(event.request, call.from.request_id);
        assert_eq!(event.data["before"]["status"], "active");
        assert_eq!(event.data["after"]["status"], "revoked");
        assert_eq!(event.data["reason"], "Chargeback by the bank");
    }

    async fn the_chain_holds_after_every_kind_of_change_and_a_failed_act_leaves_no_trace(db: TestDb) {
        let world = World::new(&db).await;
        world.used(&["a", "b"]).await;
        let before = world.service.verify_chain(world.vendor).await.unwrap();
        assert_eq!(before.broken_at, None);
        assert!(before.events >= 5, "{before:?}");
        let input = ChangeStatus { change: StatusChange::Resume, reason: text("x"), effective_at: None, dry_run: false };
        let id = world.issue().await.license.id;
        assert!(world.service.change_status(&world.call(), id, input).await.is_err());
        let after = world.service.verify_chain(world.vendor).await.unwrap();
        assert_eq!((after.broken_at, after.events), (None, before.events + 1), "only the license issued");
    }

    async fn whoever_may_not_see_everything_sees_what_they_did(db: TestDb) {
        let world = World::new(&db).await;
        let support = world.member(Role::Support).await;
        let (_, seats) = world.used(&["a"]).await;
        world.service.free_seat(&support, seats[0], text("Stolen")).await.unwrap();
        let own = world.service.events(&support.actor, EventFilter::default(), page()).await.unwrap().items;
        let who = event::Actor::Member(support.actor.member_id().unwrap());
        assert!(own.len() >= 2 && own.iter().all(|event| event.actor == who));
        let admin = world.member(Role::Admin).await;
        let all = world.service.events(&admin.actor, EventFilter::default(), page()).await.unwrap();
        assert!(all.total.rows > own.len() as u64);
        let of_support = EventFilter { member: support.actor.member_id(), ..EventFilter::default() };
        assert_eq!(world.service.events(&admin.actor, of_support, page()).await.unwrap().items, own);
    }

    async fn one_event_is_shown_whole_with_its_place_in_the_chain(db: TestDb) {
        let world = World::new(&db).await;
        let (owner, support) = (world.member(Role::Owner).await, world.member(Role::Support).await);
        let (_, seats) = world.used(&["a"]).await;
        world.service.free_seat(&support, seats[0], text("Stolen")).await.unwrap();
        let own = world.service.events(&support.actor, EventFilter::default(), page()).await.unwrap().items.remove(0);
        assert_eq!(own.action, "seat.freed");
        for actor in [&owner.actor, &support.actor] {
            let shown = world.service.event(actor, own.number).await.unwrap();
            assert_eq!((&shown.event, shown.hash.len(), shown.holds), (&own, 64, true));
        }
        let first = world.service.event(&owner.actor, 1).await.unwrap();
        assert_eq!((first.event.action.as_str(), first.holds), ("product.created", true));
        // The end of the chain is the hash that a walk along it answers.
        let ChainWalk::Whole { events, head } = world.service.check_chain(&owner.actor, 0).await.unwrap() else { panic!("not whole") };
        assert_eq!(world.service.event(&owner.actor, events).await.unwrap().hash, head);
        // Others see what they did themselves, and nobody another vendor's.
        for role in [Role::Developer, Role::Support, Role::Viewer] {
            let other = world.member(role).await;
            for number in [1, own.number] {
                let refused = world.service.event(&other.actor, number).await.unwrap_err();
                assert_eq!(refused.code, ErrorCode::Forbidden, "{number} for {role:?}");
            }
        }
        let stranger = holdfast_service::Actor::system(vendor(&world.service, "Other vendor").await);
        for number in [own.number, 0, -1, i64::MAX] {
            assert_eq!(world.service.event(&stranger, number).await.unwrap_err().code, ErrorCode::NotFound, "{number}");
        }
        // What was altered, or has lost the event before it, does not hold.
        let ours = format!("vendor = (SELECT id FROM vendors WHERE name = 'Example Software') AND number = {}", own.number);
        holdfast_store::raw::run(&db.db, &format!("UPDATE events SET data = '{{}}' WHERE {ours}")).await.unwrap();
        assert!(!world.service.event(&owner.actor, own.number).await.unwrap().holds);
        assert!(world.service.event(&owner.actor, own.number + 1).await.unwrap().holds);
        holdfast_store::raw::run(&db.db, &format!("DELETE FROM events WHERE {ours}")).await.unwrap();
        assert!(!world.service.event(&owner.actor, own.number + 1).await.unwrap().holds);
    }

    async fn the_chain_is_checked_on_demand_and_says_where_it_breaks(db: TestDb) {
        let world = World::new(&db).await;
        let owner = world.member(Role::Owner).await;
        world.used(&["a", "b"]).await;
        let ChainWalk::Whole { events, head } = world.service.check_chain(&owner.actor, 0).await.unwrap() else {
            panic!("not whole")
        };
        assert!(events >= 5 && head.len() == 64, "{events} {head}");
        // Walked in two parts it comes to the same.
        assert_eq!(world.service.check_chain(&owner.actor, 3).await.unwrap(), ChainWalk::Whole { events, head });
        let other = vendor(&world.service, "Other vendor").await;
        let theirs = world.service.check_chain(&holdfast_service::Actor::system(other), 0).await.unwrap();
        let ours = "vendor = (SELECT id FROM vendors WHERE name = 'Example Software')";
        holdfast_store::raw::run(&db.db, &format!("UPDATE events SET data = '{{}}' WHERE number = 4 AND {ours}")).await.unwrap();
        for after in [0, 3] {
            let broken = world.service.check_chain(&owner.actor, after).await.unwrap();
            assert_eq!(broken, ChainWalk::Broken { number: 4 });
        }
        assert_eq!(world.service.check_chain(&holdfast_service::Actor::system(other), 0).await.unwrap(), theirs);
        holdfast_store::raw::run(&db.db, &format!("DELETE FROM events WHERE number = 2 AND {ours}")).await.unwrap();
        assert_eq!(world.service.check_chain(&owner.actor, 0).await.unwrap(), ChainWalk::Broken { number: 2 });
        assert_eq!(world.service.check_chain(&owner.actor, 2).await.unwrap(), ChainWalk::Broken { number: 2 });
        assert!(world.service.check_chain(&owner.actor, -1).await.is_err());
    }

    async fn no_secret_is_ever_in_the_log(db: TestDb) {
        let world = World::new(&db).await;
        let owner = world.member(Role::Owner).await;
        let issued = world.issue().await;
        world.service.reveal_key(&owner, issued.license.id).await.unwrap();
        let scopes = vec![holdfast_domain::Permission::LicensesRead];
        let input = holdfast_service::admin::inputs::CreateToken { name: text("shop"), scopes, expires_at: None };
        let token = world.service.create_token(&owner, input).await.unwrap();
        let all = world.service.events(&owner.actor, EventFilter::default(), page()).await.unwrap().items;
        let told = serde_json::to_string(&all).unwrap();
        assert!(told.contains("license.key_revealed") && told.contains("token.created"));
        for secret in [issued.key.as_str(), &issued.key.replace('-', ""), &token.secret, PASSWORD] {
            assert!(!told.contains(secret));
        }
    }
}
