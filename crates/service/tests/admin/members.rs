//! Members and their roles; the last owner stays, in a race either.

use crate::world::*;
use holdfast_domain::{MemberId, Permission, Role, Seconds, webhook::EventFilter as Topics};
use holdfast_service::{
    Call, ErrorCode,
    admin::{
        alerts::AlertFilter,
        inputs::{AcceptInvitation, CreateToken, EventFilter, InviteMember},
        views::NewInvitation,
        webhooks::{CreateWebhook, PauseReason},
    },
};
use holdfast_testkit::both;

fn invited(email: &str, role: Role) -> InviteMember {
    InviteMember { email: text(email), role }
}

fn token(name: &str, scopes: &[Permission]) -> CreateToken {
    CreateToken { name: text(name), scopes: scopes.to_vec(), expires_at: None }
}

both! {
    async fn the_last_owner_can_be_neither_removed_nor_demoted(db: TestDb) {
        let world = World::new(&db).await;
        let call = world.member(Role::Owner).await;
        let id = call.actor.member_id().unwrap();
        let service = &world.service;
        assert_eq!(service.set_role(&call, id, Role::Admin).await.unwrap_err().code, ErrorCode::LastOwner);
        assert_eq!(service.remove_member(&call, id).await.unwrap_err().code, ErrorCode::LastOwner);
        let second = join(service, &call, "second@example.com", Role::Owner).await;
        service.set_role(&call, id, Role::Admin).await.unwrap();
        // The change of role has ended the session; a removed owner counts no more.
        assert!(service.sessions(&call.actor).await.unwrap().is_empty());
        let system = world.call();
        assert_eq!(service.remove_member(&system, second).await.unwrap_err().code, ErrorCode::LastOwner);
    }

    async fn two_owners_who_demote_each_other_at_once_leave_one(db: TestDb) {
        let world = World::new(&db).await;
        let other_node = node(db.another_node().await, &world.clock);
        for round in 0..5 {
            let mut ids: Vec<MemberId> = Vec::new();
            for n in 0..2 {
                let email = format!("owner-{round}-{n}@example.com");
                ids.push(join(&world.service, &world.call(), &email, Role::Owner).await);
            }
            // Only these two are owners.
            let all = world.service.members(&world.system(), None, page()).await.unwrap().items;
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
        let made = join(service, &admin, "viewer@example.com", Role::Viewer).await;
        for refused in [
            service.invite(&admin, invited("boss@example.com", Role::Owner)).await.unwrap_err(),
            service.set_role(&admin, made, Role::Owner).await.unwrap_err(),
            service.set_role(&admin, owner_id, Role::Viewer).await.unwrap_err(),
            service.remove_member(&admin, owner_id).await.unwrap_err(),
            service.set_member_password(&admin, owner_id, "another good phrase".into()).await.unwrap_err(),
        ] {
            assert_eq!(refused.code, ErrorCode::Forbidden);
        }
        assert_eq!(service.set_role(&admin, made, Role::Support).await.unwrap().role, Role::Support);
        let taken = service.invite(&admin, invited("viewer@example.com", Role::Viewer)).await.unwrap_err();
        assert_eq!(taken.code, ErrorCode::EmailTaken);
        let made = service.invite(&admin, invited("weak@example.com", Role::Viewer)).await.unwrap();
        let weak = AcceptInvitation { name: text("Ada Almeida"), password: "password".into() };
        let weak = service.accept_invitation(&made.secret, weak, &admin.from).await.unwrap_err();
        assert_eq!(weak.code, ErrorCode::PasswordTooWeak);
    }

    async fn making_an_owner_or_a_token_asks_for_a_fresh_sign_in(db: TestDb) {
        let world = World::new(&db).await;
        let (service, owner) = (&world.service, world.member(Role::Owner).await);
        let invited = |role| invited("new@example.com", role);
        let other = join(service, &owner, "other@example.com", Role::Viewer).await;
        let waiting = service.invite(&owner, invited(Role::Owner)).await.unwrap().invitation.id;
        world.clock.advance(Seconds(601));
        for refused in [
            service.create_token(&owner, token("Shop", &[Permission::LicensesRead])).await.err().unwrap(),
            service.invite(&owner, invited(Role::Owner)).await.err().unwrap(),
            service.resend_invitation(&owner, waiting).await.err().unwrap(),
            service.set_role(&owner, other, Role::Owner).await.unwrap_err(),
        ] {
            assert_eq!(refused.code, ErrorCode::StepUpRequired);
        }
        service.set_role(&owner, other, Role::Admin).await.unwrap();
        service.invite(&owner, invited(Role::Admin)).await.unwrap();
        let actor = service.confirm_password(&owner.actor, PASSWORD.into(), &owner.from).await.unwrap();
        let fresh = Call::new(actor, owner.from.clone());
        service.set_role(&fresh, other, Role::Owner).await.unwrap();
        service.create_token(&fresh, token("Shop", &[Permission::LicensesRead])).await.unwrap();
    }

    async fn whoever_is_removed_leaves_no_program_behind(db: TestDb) {
        let world = World::new(&db).await;
        let (service, owner, developer) = (&world.service, world.member(Role::Owner).await, world.member(Role::Developer).await);
        let hook = |url: &str| CreateWebhook { url: url.to_owned(), description: String::new(), events: Topics::default() };
        let reads = [Permission::LicensesRead, Permission::TokensWrite];
        let (theirs, ours) = (
            service.create_token(&developer, token("Theirs", &reads)).await.unwrap().secret,
            service.create_token(&owner, token("Ours", &reads)).await.unwrap().secret,
        );
        let call = Call::new(service.authenticate_token(&theirs).await.unwrap(), from("192.0.2.1"));
        let by_program = service.create_token(&call, token("By a program", &reads)).await.unwrap().secret;
        let (hers, other) = (
            service.create_webhook(&developer, hook("https://example.com/secret")).await.unwrap().webhook.id,
            service.create_webhook(&owner, hook("https://example.org/")).await.unwrap().webhook.id,
        );
        service.remove_member(&owner, developer.actor.member_id().unwrap()).await.unwrap();
        for secret in [&theirs, &by_program] {
            assert_eq!(service.authenticate_token(secret).await.unwrap_err().code, ErrorCode::Unauthenticated);
        }
        service.authenticate_token(&ours).await.unwrap();
        let paused = service.webhook(&owner.actor, hers).await.unwrap().paused.unwrap();
        assert_eq!(paused.reason, PauseReason::Asked);
        assert!(service.webhook(&owner.actor, other).await.unwrap().paused.is_none());
        let alerts = service.alerts(&owner.actor, AlertFilter::default(), page()).await.unwrap().items;
        assert_eq!((alerts.len(), alerts[0].code.as_str()), (1, "webhook_paused"));
        let detail = &alerts[0].detail;
        assert!(detail.contains("https://example.com (") && detail.contains("removed") && !detail.contains("/secret"), "{detail}");
        let filter = EventFilter { action: Some("token.revoked".to_owned()), ..EventFilter::default() };
        assert_eq!(service.events(&owner.actor, filter, page()).await.unwrap().items.len(), 2);
        assert_eq!(service.verify_chain(world.vendor).await.unwrap().broken_at, None);
        // Somebody else decides whether it goes on.
        service.resume_webhook(&owner, hers).await.unwrap();
        let standing = AlertFilter { standing: Some(true), ..AlertFilter::default() };
        assert!(service.alerts(&owner.actor, standing, page()).await.unwrap().items.is_empty());
    }

    async fn whoever_is_removed_takes_their_open_invitations_along(db: TestDb) {
        let world = World::new(&db).await;
        let (service, owner, admin) = (&world.service, world.member(Role::Owner).await, world.member(Role::Admin).await);
        let id = admin.actor.member_id().unwrap();
        let hers = service.invite(&admin, invited("hers@example.com", Role::Viewer)).await.unwrap();
        let accepted = join(service, &admin, "accepted@example.com", Role::Viewer).await;
        let token = service.create_token(&admin, token("People", &[Permission::MembersWrite])).await.unwrap().secret;
        let program = Call::new(service.authenticate_token(&token).await.unwrap(), from("192.0.2.1"));
        let by_program = service.invite(&program, invited("program@example.com", Role::Viewer)).await.unwrap();
        let ours = service.invite(&owner, invited("ours@example.com", Role::Viewer)).await.unwrap();
        service.remove_member(&owner, id).await.unwrap();
        for gone in [&hers, &by_program] {
            assert!(service.look_at_invitation(&gone.secret).await.is_err());
            assert_eq!(service.resend_invitation(&owner, gone.invitation.id).await.unwrap_err().code, ErrorCode::NotFound);
        }
        service.look_at_invitation(&ours.secret).await.unwrap();
        assert_eq!(service.member(&owner.actor, accepted).await.unwrap().removed_at, None);
        let open: Vec<_> = service.invitations(&owner.actor, None, page()).await.unwrap().items.iter().map(|open| open.id).collect();
        assert_eq!(open, [ours.invitation.id]);
        let filter = EventFilter { action: Some("member.invitation_revoked".to_owned()), ..EventFilter::default() };
        let told = service.events(&owner.actor, filter, page()).await.unwrap().items;
        let mut subjects: Vec<_> = told.iter().map(|event| event.subject.clone()).collect();
        subjects.sort();
        let mut gone = [hers.invitation.id.to_string(), by_program.invitation.id.to_string()];
        gone.sort();
        assert_eq!(subjects, gone);
        assert!(told.iter().all(|event| event.actor == owner.actor.who() && event.data["before"]["role"] == "viewer"));
    }

    async fn another_role_takes_back_the_invitations_that_it_may_not_make(db: TestDb) {
        let world = World::new(&db).await;
        let (service, owner, maker) = (&world.service, world.member(Role::Owner).await, world.member(Role::Owner).await);
        let id = maker.actor.member_id().unwrap();
        let mut made = Vec::new();
        for role in Role::ALL {
            let email = format!("{}-to-be@example.com", role.as_str());
            made.push(service.invite(&maker, invited(&email, role)).await.unwrap());
        }
        let ours = service.invite(&owner, invited("ours@example.com", Role::Owner)).await.unwrap().invitation.id;
        let open = async || {
            let items = service.invitations(&owner.actor, None, page()).await.unwrap().items;
            items.iter().map(|open| open.id).collect::<std::collections::BTreeSet<_>>()
        };
        let ids = |made: &[NewInvitation]| made.iter().map(|made| made.invitation.id).collect::<Vec<_>>();
        // An admin invites everybody but owners; a link that has run out is no different, since it can be made anew.
        world.clock.advance(Seconds::days(8));
        service.set_role(&world.call(), id, Role::Admin).await.unwrap();
        assert_eq!(open().await, ids(&made[1..]).into_iter().chain([ours]).collect());
        // A developer invites nobody.
        service.set_role(&world.call(), id, Role::Developer).await.unwrap();
        assert_eq!(open().await, [ours].into());
        let filter = EventFilter { action: Some("member.invitation_revoked".to_owned()), ..EventFilter::default() };
        let told = service.events(&world.system(), filter, page()).await.unwrap().items;
        let told: std::collections::BTreeSet<_> = told.into_iter().map(|event| event.subject).collect();
        assert_eq!(told, ids(&made).iter().map(ToString::to_string).collect(), "each has its event");
        // Nothing comes back with the role.
        service.set_role(&world.call(), id, Role::Owner).await.unwrap();
        assert_eq!(open().await, [ours].into());
    }

    async fn an_invitation_made_while_its_maker_gets_another_role_is_none(db: TestDb) {
        let world = World::new(&db).await;
        let other_node = node(db.another_node().await, &world.clock);
        for round in 0..5 {
            let admin = world.member(Role::Admin).await;
            let (id, system) = (admin.actor.member_id().unwrap(), world.call());
            let email = format!("race-{round}@example.com");
            let (made, changed) = tokio::join!(
                world.service.invite(&admin, invited(&email, Role::Viewer)),
                other_node.set_role(&system, id, Role::Viewer),
            );
            changed.unwrap();
            if let Ok(made) = made {
                assert!(world.service.look_at_invitation(&made.secret).await.is_err(), "round {round}");
            }
            // A request that was on its way.
            let late = world.service.invite(&admin, invited(&email, Role::Viewer)).await;
            assert_eq!(late.unwrap_err().code, ErrorCode::Forbidden, "round {round}");
        }
    }

    async fn an_invitation_made_while_its_maker_is_removed_is_none(db: TestDb) {
        let world = World::new(&db).await;
        let other_node = node(db.another_node().await, &world.clock);
        for round in 0..5 {
            let admin = world.member(Role::Admin).await;
            let (id, system) = (admin.actor.member_id().unwrap(), world.call());
            let email = format!("new{round}@example.com");
            let (made, removed) = tokio::join!(
                world.service.invite(&admin, invited(&email, Role::Viewer)),
                other_node.remove_member(&system, id),
            );
            removed.unwrap();
            if let Ok(made) = made {
                assert!(world.service.look_at_invitation(&made.secret).await.is_err(), "round {round}");
            }
            // A request that was on its way.
            let late = world.service.invite(&admin, invited("late@example.com", Role::Viewer)).await;
            assert_eq!(late.unwrap_err().code, ErrorCode::Forbidden, "round {round}");
        }
    }

    async fn another_role_revokes_what_may_do_more_than_it(db: TestDb) {
        let world = World::new(&db).await;
        let (service, owner, admin) = (&world.service, world.member(Role::Owner).await, world.member(Role::Admin).await);
        let (reads, makes) = (
            service.create_token(&admin, token("Reads", &[Permission::LicensesRead])).await.unwrap().secret,
            service.create_token(&admin, token("Makes", &[Permission::LicensesRead, Permission::TokensWrite])).await.unwrap().secret,
        );
        let id = admin.actor.member_id().unwrap();
        service.set_role(&owner, id, Role::Developer).await.unwrap();
        let call = Call::new(service.authenticate_token(&makes).await.unwrap(), from("192.0.2.1"));
        let others = service.create_token(&owner, token("Ours", &[Permission::LicensesRead])).await.unwrap().token.id;
        assert_eq!(service.revoke_token(&call, others).await.unwrap_err().code, ErrorCode::Forbidden, "as the role is now");
        service.set_role(&owner, id, Role::Viewer).await.unwrap();
        assert_eq!(service.authenticate_token(&makes).await.unwrap_err().code, ErrorCode::Unauthenticated);
        service.authenticate_token(&reads).await.unwrap();
    }

    async fn a_token_made_while_its_maker_is_removed_is_none(db: TestDb) {
        let world = World::new(&db).await;
        let other_node = node(db.another_node().await, &world.clock);
        for round in 0..5 {
            let developer = world.member(Role::Developer).await;
            let (id, system) = (developer.actor.member_id().unwrap(), world.call());
            let (made, removed) = tokio::join!(
                world.service.create_token(&developer, token("Shop", &[Permission::LicensesRead])),
                other_node.remove_member(&system, id),
            );
            removed.unwrap();
            if let Ok(made) = made {
                assert!(world.service.authenticate_token(&made.secret).await.is_err(), "round {round}");
            }
            // A request that was on its way.
            let late = world.service.create_token(&developer, token("Late", &[Permission::LicensesRead])).await;
            assert_eq!(late.unwrap_err().code, ErrorCode::Forbidden, "round {round}");
        }
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

    async fn a_removal_can_be_undone_for_ten_minutes_and_its_reason_is_kept(db: TestDb) {
        let world = World::new(&db).await;
        let (service, admin, developer) = (&world.service, world.member(Role::Admin).await, world.member(Role::Developer).await);
        let me = service.me(&developer.actor).await.unwrap();
        let made = service.create_token(&developer, token("Shop", &[Permission::LicensesRead])).await.unwrap().secret;
        let why = admin.clone().because(text("Leaves in March"));
        assert_eq!(service.restore_member(&admin, me.id).await.unwrap_err().code, ErrorCode::UndoConflict, "not removed");
        service.remove_member(&why, me.id).await.unwrap();
        for action in ["member.removed", "token.revoked"] {
            let filter = EventFilter { action: Some(action.to_owned()), ..EventFilter::default() };
            let told = service.events(&admin.actor, filter, page()).await.unwrap().items;
            assert_eq!((told.len(), told[0].data["reason"].as_str()), (1, Some("Leaves in March")), "{action}");
        }
        let invited = InviteMember { email: me.email.clone(), role: Role::Viewer };
        let invitation = service.invite(&admin, invited).await.unwrap();
        world.clock.advance(Seconds::minutes(10));
        assert_eq!(service.restore_member(&admin, me.id).await.unwrap().removed_at, None);
        // As before, but for what ended with them; and no invitation makes them begin anew.
        let_in(service, me.email.as_str(), PASSWORD).await;
        assert_eq!(service.member(&admin.actor, me.id).await.unwrap().role, Role::Developer);
        assert!(service.authenticate_token(&made).await.is_err());
        assert!(service.look_at_invitation(&invitation.secret).await.is_err());
        service.remove_member(&admin, me.id).await.unwrap();
        world.clock.advance(Seconds(601));
        assert_eq!(service.restore_member(&admin, me.id).await.unwrap_err().code, ErrorCode::UndoConflict);
        assert_eq!(service.verify_chain(world.vendor).await.unwrap().broken_at, None);
    }

    async fn an_owners_removal_is_undone_by_an_owner_who_confirms_it(db: TestDb) {
        let world = World::new(&db).await;
        let (service, owner, admin) = (&world.service, world.member(Role::Owner).await, world.member(Role::Admin).await);
        let other = world.member(Role::Owner).await.actor.member_id().unwrap();
        world.clock.advance(Seconds::minutes(11));
        service.remove_member(&owner, other).await.unwrap();
        assert_eq!(service.restore_member(&admin, other).await.unwrap_err().code, ErrorCode::Forbidden);
        assert_eq!(service.restore_member(&owner, other).await.unwrap_err().code, ErrorCode::StepUpRequired);
        let actor = service.confirm_password(&owner.actor, PASSWORD.into(), &owner.from).await.unwrap();
        service.restore_member(&Call::new(actor, owner.from.clone()), other).await.unwrap();
    }
}
