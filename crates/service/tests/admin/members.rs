//! Members and their roles; the last owner stays, in a race either.

use crate::world::*;
use holdfast_domain::{MemberId, Role};
use holdfast_service::{ErrorCode, admin::inputs::CreateMember};
use holdfast_testkit::both;

fn input(email: &str, role: Role) -> CreateMember {
    CreateMember { name: text("Ada Almeida"), email: text(email), role, password: PASSWORD.into() }
}

both! {
    async fn the_last_owner_can_be_neither_removed_nor_demoted(db: TestDb) {
        let world = World::new(&db).await;
        let call = world.member(Role::Owner).await;
        let id = call.actor.member_id().unwrap();
        let service = &world.service;
        assert_eq!(service.set_role(&call, id, Role::Admin).await.unwrap_err().code, ErrorCode::LastOwner);
        assert_eq!(service.remove_member(&call, id).await.unwrap_err().code, ErrorCode::LastOwner);
        let second = service.create_member(&call, input("second@example.com", Role::Owner)).await.unwrap();
        service.set_role(&call, id, Role::Admin).await.unwrap();
        // The change of role has ended the session; a removed owner counts no more.
        assert!(service.sessions(&call.actor).await.unwrap().is_empty());
        let system = world.call();
        assert_eq!(service.remove_member(&system, second.id).await.unwrap_err().code, ErrorCode::LastOwner);
    }

    async fn two_owners_who_demote_each_other_at_once_leave_one(db: TestDb) {
        let world = World::new(&db).await;
        let other_node = node(db.another_node().await, &world.clock);
        for round in 0..5 {
            let mut ids: Vec<MemberId> = Vec::new();
            for n in 0..2 {
                let email = format!("owner-{round}-{n}@example.com");
                ids.push(world.service.create_member(&world.call(), input(&email, Role::Owner)).await.unwrap().id);
            }
            // Only these two are owners.
            let all = world.service.members(&world.system(), page()).await.unwrap().items;
            for member in all.iter().filter(|member| member.role == Role::Owner && !ids.contains(&member.id)) {
                world.service.set_role(&world.call(), member.id, Role::Viewer).await.unwrap();
            }
            let call = world.call();
            let (a, b) = tokio::join!(
                world.service.set_role(&call, ids[0], Role::Admin),
                other_node.remove_member(&call, ids[1]),
            );
            let failed: Vec<ErrorCode> = [a.err(), b.err()].into_iter().flatten().map(|error| error.code).collect();
            assert_eq!(failed, [ErrorCode::LastOwner], "round {round}");
        }
    }

    async fn an_admin_manages_everybody_but_owners(db: TestDb) {
        let world = World::new(&db).await;
        let (owner, admin) = (world.member(Role::Owner).await, world.member(Role::Admin).await);
        let service = &world.service;
        let owner_id = owner.actor.member_id().unwrap();
        let made = service.create_member(&admin, input("viewer@example.com", Role::Viewer)).await.unwrap();
        for refused in [
            service.create_member(&admin, input("boss@example.com", Role::Owner)).await.unwrap_err(),
            service.set_role(&admin, made.id, Role::Owner).await.unwrap_err(),
            service.set_role(&admin, owner_id, Role::Viewer).await.unwrap_err(),
            service.remove_member(&admin, owner_id).await.unwrap_err(),
            service.set_member_password(&admin, owner_id, "another good phrase".into()).await.unwrap_err(),
        ] {
            assert_eq!(refused.code, ErrorCode::Forbidden);
        }
        assert_eq!(service.set_role(&admin, made.id, Role::Support).await.unwrap().role, Role::Support);
        let taken = service.create_member(&admin, input("viewer@example.com", Role::Viewer)).await.unwrap_err();
        assert_eq!(taken.code, ErrorCode::EmailTaken);
        let weak = CreateMember { password: "password".into(), ..input("weak@example.com", Role::Viewer) };
        assert_eq!(service.create_member(&admin, weak).await.unwrap_err().code, ErrorCode::PasswordTooWeak);
    }

    async fn a_removed_member_cannot_come_in_until_given_a_new_password(db: TestDb) {
        let world = World::new(&db).await;
        let (owner, support) = (world.member(Role::Owner).await, world.member(Role::Support).await);
        let service = &world.service;
        let me = service.me(&support.actor).await.unwrap();
        let secret = let_in(service, me.email.as_str(), PASSWORD).await.session;
        let removed = service.remove_member(&owner, me.id).await.unwrap();
        assert!(removed.removed_at.is_some());
        assert_eq!(service.remove_member(&owner, me.id).await.unwrap(), removed);
        assert!(service.actor_for_session(&secret).await.is_err());
        let refused = service.sign_in(sign_in(me.email.as_str(), PASSWORD), &support.from).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::SignInFailed);
        let new = "another good phrase";
        service.set_member_password(&owner, me.id, new.into()).await.unwrap();
        service.sign_in(sign_in(me.email.as_str(), new), &from("192.0.2.9")).await.unwrap();
    }
}
