//! Invitations: a link that works once, for seven days, and for nobody but whom it was made for.

use crate::world::*;
use holdfast_domain::{Role, Seconds};
use holdfast_service::{
    Call, ErrorCode, Service,
    admin::{
        inputs::{AcceptInvitation, InviteMember},
        second::SignInStep,
    },
};
use holdfast_testkit::both;

fn invited(email: &str, role: Role) -> InviteMember {
    InviteMember { email: text(email), role }
}

fn accepting(password: &str) -> AcceptInvitation {
    AcceptInvitation { name: text("Ada Almeida"), password: password.into() }
}

async fn accept(service: &Service, secret: &str) -> Result<SignInStep, ErrorCode> {
    service.accept_invitation(secret, accepting(PASSWORD), &from("192.0.2.7")).await.map_err(|error| error.code)
}

both! {
    async fn an_invitation_makes_a_member_once(db: TestDb) {
        let world = World::new(&db).await;
        let (service, owner) = (&world.service, world.member(Role::Owner).await);
        let made = service.invite(&owner, invited("ada@example.com", Role::Developer)).await.unwrap();
        assert!(!format!("{made:?}").contains(&made.secret));
        let look = service.look_at_invitation(&made.secret).await.unwrap();
        assert_eq!((look.email.as_str(), look.role, look.vendor.as_str()), ("ada@example.com", Role::Developer, "Example Software"));
        let weak = service.accept_invitation(&made.secret, accepting("short"), &from("192.0.2.7")).await.unwrap_err();
        assert_eq!(weak.code, ErrorCode::PasswordTooWeak);
        let Ok(SignInStep::In(signed_in)) = accept(service, &made.secret).await else { panic!("not let in") };
        assert_eq!((signed_in.member.role, signed_in.member.name.as_str()), (Role::Developer, "Ada Almeida"));
        let actor = service.actor_for_session(&signed_in.session).await.unwrap();
        assert!(!actor.is_held(), "a developer needs no second factor");
        assert_eq!(accept(service, &made.secret).await.unwrap_err(), ErrorCode::InvitationInvalid);
        assert!(service.look_at_invitation(&made.secret).await.is_err());
        assert!(service.invitations(&owner.actor, None, page()).await.unwrap().items.is_empty());
        let again = service.invite(&owner, invited("ada@example.com", Role::Viewer)).await.unwrap_err();
        assert_eq!(again.code, ErrorCode::EmailTaken);
    }

    async fn of_two_who_accept_at_once_one_becomes_a_member(db: TestDb) {
        let world = World::new(&db).await;
        let other = node(db.another_node().await, &world.clock);
        for round in 0..5 {
            let email = format!("race{round}@example.com");
            let made = world.service.invite(&world.call(), invited(&email, Role::Viewer)).await.unwrap();
            let (a, b) = tokio::join!(accept(&world.service, &made.secret), accept(&other, &made.secret));
            let failed: Vec<ErrorCode> = [a.err(), b.err()].into_iter().flatten().collect();
            assert_eq!(failed.len(), 1, "{failed:?}");
            assert!(matches!(failed[0], ErrorCode::InvitationInvalid | ErrorCode::EmailTaken), "{failed:?}");
        }
    }

    async fn a_link_ends_when_replaced_taken_back_or_old(db: TestDb) {
        let world = World::new(&db).await;
        let (service, call) = (&world.service, world.call());
        let first = service.invite(&call, invited("ada@example.com", Role::Viewer)).await.unwrap();
        let second = service.invite(&call, invited("ada@example.com", Role::Support)).await.unwrap();
        let third = service.resend_invitation(&call, second.invitation.id).await.unwrap();
        for old in [&first.secret, &second.secret, "nonsense", ""] {
            assert_eq!(accept(service, old).await.unwrap_err(), ErrorCode::InvitationInvalid);
        }
        assert_eq!(service.resend_invitation(&call, first.invitation.id).await.unwrap_err().code, ErrorCode::NotFound);
        service.revoke_invitation(&call, third.invitation.id).await.unwrap();
        assert_eq!(accept(service, &third.secret).await.unwrap_err(), ErrorCode::InvitationInvalid);
        assert_eq!(service.revoke_invitation(&call, third.invitation.id).await.unwrap_err().code, ErrorCode::NotFound);
        let late = service.invite(&call, invited("late@example.com", Role::Viewer)).await.unwrap();
        world.clock.advance(Seconds::days(7));
        assert_eq!(accept(service, &late.secret).await.unwrap_err(), ErrorCode::InvitationInvalid);
        let waiting = service.invitations(&call.actor, None, page()).await.unwrap().items;
        assert_eq!((waiting.len(), waiting[0].open), (1, false));
        // Sent again it lives on.
        let renewed = service.resend_invitation(&call, late.invitation.id).await.unwrap();
        accept(service, &renewed.secret).await.unwrap();
    }

    async fn admins_invite_everybody_but_owners(db: TestDb) {
        let world = World::new(&db).await;
        let (service, admin) = (&world.service, world.member(Role::Admin).await);
        let refused = service.invite(&admin, invited("boss@example.com", Role::Owner)).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::Forbidden);
        let made = service.invite(&world.call(), invited("boss@example.com", Role::Owner)).await.unwrap().invitation.id;
        for refused in [
            service.resend_invitation(&admin, made).await.unwrap_err(),
            service.revoke_invitation(&admin, made).await.unwrap_err(),
        ] {
            assert_eq!(refused.code, ErrorCode::Forbidden);
        }
        // Nor do they take an owner's back by inviting the same address anew.
        let refused = service.invite(&admin, invited("boss@example.com", Role::Viewer)).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::Forbidden);
        let open = service.invitations(&admin.actor, None, page()).await.unwrap().items;
        assert_eq!((open.len(), open[0].id, open[0].role), (1, made, Role::Owner));
        service.invite(&world.call(), invited("boss@example.com", Role::Viewer)).await.unwrap();
        service.invite(&admin, invited("boss@example.com", Role::Support)).await.unwrap();
        service.invite(&admin, invited("other@example.com", Role::Admin)).await.unwrap();
    }

    async fn whoever_was_removed_comes_back_with_nothing_of_before(db: TestDb) {
        let world = World::new(&db).await;
        let (service, support) = (&world.service, world.member(Role::Support).await);
        let me = service.me(&support.actor).await.unwrap();
        service.remove_member(&world.call(), me.id).await.unwrap();
        let made = service.invite(&world.call(), invited(me.email.as_str(), Role::Viewer)).await.unwrap();
        let new = "tidal omelette bracket nine";
        let step = service.accept_invitation(&made.secret, accepting(new), &from("192.0.2.7")).await.unwrap();
        let SignInStep::In(signed_in) = step else { panic!("a factor of before") };
        assert_eq!((signed_in.member.id, signed_in.member.role, signed_in.member.removed_at), (me.id, Role::Viewer, None));
        assert!(service.sign_in(sign_in(me.email.as_str(), PASSWORD), &from("192.0.2.7")).await.is_err());
        let_in(service, me.email.as_str(), new).await;
    }

    async fn whom_another_vendor_knows_is_not_told(db: TestDb) {
        let world = World::new(&db).await;
        let (service, owner) = (&world.service, world.member(Role::Owner).await);
        let theirs = Call::system(vendor(service, "Other").await);
        join(service, &theirs, "theirs@example.com", Role::Viewer).await;
        let left = join(service, &theirs, "left@example.com", Role::Viewer).await;
        service.remove_member(&theirs, left).await.unwrap();
        for email in ["theirs@example.com", "left@example.com", "nobody@example.com"] {
            let made = service.invite(&owner, invited(email, Role::Viewer)).await.unwrap();
            let told = (made.invitation.role, made.invitation.open, made.invitation.invited_by);
            assert_eq!(told, (Role::Viewer, true, owner.actor.member_id()), "{email}");
            service.look_at_invitation(&made.secret).await.unwrap();
            service.resend_invitation(&owner, made.invitation.id).await.unwrap();
        }
        assert_eq!(service.invitations(&owner.actor, None, page()).await.unwrap().items.len(), 3);
        // Whoever opens the link in somebody's place is told no more than of one that has ended, and changes nothing.
        for email in ["theirs@example.com", "left@example.com"] {
            let made = service.invite(&owner, invited(email, Role::Viewer)).await.unwrap();
            let refused = service.accept_invitation(&made.secret, accepting(PASSWORD), &from("192.0.2.7")).await.unwrap_err();
            let ended = service.accept_invitation("ended", accepting(PASSWORD), &from("192.0.2.7")).await.unwrap_err();
            assert_eq!((refused.code, refused.detail, refused.pointer), (ended.code, ended.detail, ended.pointer), "{email}");
        }
        let_in(service, "theirs@example.com", PASSWORD).await;
        assert!(service.member(&theirs.actor, left).await.unwrap().removed_at.is_some());
        // One's own people are one's own affair.
        join(service, &owner, "ours@example.com", Role::Viewer).await;
        let again = service.invite(&owner, invited("ours@example.com", Role::Viewer)).await.unwrap_err();
        assert_eq!(again.code, ErrorCode::EmailTaken);
    }

    async fn links_are_stored_as_hashes_and_told_to_nobody(db: TestDb) {
        let world = World::new(&db).await;
        let made = world.service.invite(&world.call(), invited("ada@example.com", Role::Viewer)).await.unwrap();
        for table in ["invitations", "events"] {
            let sql = match (table, db.is_postgres()) {
                ("invitations", true) => "SELECT email || encode(token_hash, 'escape') FROM invitations",
                ("invitations", false) => "SELECT email || hex(token_hash) FROM invitations",
                _ => "SELECT action || data FROM events WHERE action = 'member.invited'",
            };
            let rows = holdfast_store::raw::run(&db.db, sql).await.unwrap();
            let texts: Vec<String> = rows.into_iter().flatten().flatten().collect();
            assert_eq!(texts.len(), 1, "{table}");
            assert!(!texts[0].contains(&made.secret), "{table}");
        }
    }

    async fn guesses_at_links_are_limited(db: TestDb) {
        let world = World::new(&db).await;
        for _ in 0..10 {
            assert_eq!(accept(&world.service, "guess").await.unwrap_err(), ErrorCode::InvitationInvalid);
        }
        assert_eq!(accept(&world.service, "guess").await.unwrap_err(), ErrorCode::RateLimited);
    }
}
