//! Links to a new password: once, for a day, for nobody but whom they were made for, and no way round the second factor.

use crate::world::*;
use holdfast_domain::{MemberId, Role, Seconds};
use holdfast_service::{
    Call, ErrorCode, Service,
    admin::{inputs::EventFilter, second::SignInStep},
};
use holdfast_testkit::{both, totp};

const NEW: &str = "tidal omelette bracket nine";

async fn choose(service: &Service, secret: &str) -> Result<SignInStep, ErrorCode> {
    service.choose_password(secret, NEW.into(), &from("192.0.2.7")).await.map_err(|error| error.code)
}

fn id(call: &Call) -> MemberId {
    call.actor.member_id().unwrap()
}

both! {
    async fn whoever_forgot_their_password_chooses_another_once(db: TestDb) {
        let world = World::new(&db).await;
        let (service, admin, viewer) = (&world.service, world.member(Role::Admin).await, world.member(Role::Viewer).await);
        let me = service.me(&viewer.actor).await.unwrap();
        let session = let_in(service, me.email.as_str(), PASSWORD).await.session;
        let made = service.make_password_link(&admin, me.id).await.unwrap();
        assert!(!format!("{made:?}").contains(&made.secret));
        // Nothing has changed so far, and looking changes nothing.
        let look = service.look_at_password_link(&made.secret).await.unwrap();
        assert_eq!((look.email.as_str(), look.vendor.as_str()), (me.email.as_str(), "Example Software"));
        assert_eq!(look.expires_at, service.now().plus(Seconds::DAY));
        service.actor_for_session(&session).await.unwrap();
        let weak = service.choose_password(&made.secret, "short".into(), &from("192.0.2.7")).await.unwrap_err();
        assert_eq!(weak.code, ErrorCode::PasswordTooWeak);
        let Ok(SignInStep::In(signed_in)) = choose(service, &made.secret).await else { panic!("not let in") };
        assert_eq!((signed_in.member.id, signed_in.member.role), (me.id, Role::Viewer));
        service.actor_for_session(&signed_in.session).await.unwrap();
        assert_eq!(service.actor_for_session(&session).await.unwrap_err().code, ErrorCode::Unauthenticated);
        assert!(service.sign_in(sign_in(me.email.as_str(), PASSWORD), &from("192.0.2.7")).await.is_err());
        let_in(service, me.email.as_str(), NEW).await;
        assert_eq!(choose(service, &made.secret).await.unwrap_err(), ErrorCode::InvitationInvalid);
        // Who made it and who used it are in the log.
        let filter = |action: &str| EventFilter { action: Some(action.to_owned()), ..EventFilter::default() };
        for (action, who) in [("member.password_link_made", id(&admin)), ("member.password_reset", me.id)] {
            let told = service.events(&admin.actor, filter(action), page()).await.unwrap().items;
            assert_eq!((told.len(), told[0].subject.clone()), (1, me.id.to_string()), "{action}");
            assert_eq!(told[0].actor, holdfast_domain::event::Actor::Member(who), "{action}");
            assert!(!told[0].data.to_string().contains(&made.secret));
        }
    }

    async fn a_link_ends_with_what_it_was_made_for(db: TestDb) {
        let world = World::new(&db).await;
        let (service, call) = (&world.service, world.call());
        let link = async |member| service.make_password_link(&call, member).await.unwrap().secret;
        let dead = async |secret: &str| {
            assert_eq!(service.look_at_password_link(secret).await.unwrap_err().code, ErrorCode::InvitationInvalid);
            assert_eq!(choose(service, secret).await.unwrap_err(), ErrorCode::InvitationInvalid);
        };
        let somebody = world.member(Role::Viewer).await;
        let member = id(&somebody);
        // Another link, another role, another password, removal, a day.
        let first = link(member).await;
        let second = link(member).await;
        dead(&first).await;
        service.set_role(&call, member, Role::Developer).await.unwrap();
        dead(&second).await;
        let third = link(member).await;
        service.set_member_password(&call, member, "another good phrase".into()).await.unwrap();
        dead(&third).await;
        let fourth = link(member).await;
        service.remove_member(&call, member).await.unwrap();
        dead(&fourth).await;
        assert_eq!(service.make_password_link(&call, member).await.unwrap_err().code, ErrorCode::InvalidRequest);
        // Its maker may no longer make any, and leaves none behind.
        let admin = world.member(Role::Admin).await;
        let viewer = id(&world.member(Role::Viewer).await);
        let fifth = service.make_password_link(&admin, viewer).await.unwrap().secret;
        service.set_role(&call, member, Role::Support).await.unwrap();
        service.look_at_password_link(&fifth).await.unwrap();
        service.remove_member(&call, id(&admin)).await.unwrap();
        dead(&fifth).await;
        assert_eq!(service.make_password_link(&admin, viewer).await.unwrap_err().code, ErrorCode::Forbidden);
        let late = link(id(&world.member(Role::Viewer).await)).await;
        world.clock.advance(Seconds::DAY);
        dead(&late).await;
        dead("nonsense").await;
    }

    async fn a_link_is_no_way_round_the_second_factor(db: TestDb) {
        let world = World::new(&db).await;
        let (service, support) = (&world.service, world.member(Role::Support).await);
        let me = service.me(&support.actor).await.unwrap();
        let offer = service.offer_totp(&support.actor).await.unwrap();
        let code = totp::code(&offer.secret, service.now());
        service.add_totp(&support.actor, &code, None, &support.from).await.unwrap();
        let secret = service.make_password_link(&world.call(), me.id).await.unwrap().secret;
        // A shorter password does, as everywhere for whoever has a factor.
        let step = service.choose_password(&secret, "kettle-93-omelet".into(), &from("192.0.2.7")).await.unwrap();
        assert!(matches!(step, SignInStep::Factor(_)), "{step:?}");
        // Whoever has lost everything gets both, in whichever order.
        let secret = service.make_password_link(&world.call(), me.id).await.unwrap().secret;
        service.reset_factors(&world.call(), me.id).await.unwrap();
        assert!(matches!(choose(service, &secret).await, Ok(SignInStep::In(_))));
    }

    async fn links_are_made_by_whoever_may_and_has_confirmed_it(db: TestDb) {
        let world = World::new(&db).await;
        let (service, owner, admin) = (&world.service, world.member(Role::Owner).await, world.member(Role::Admin).await);
        let viewer = id(&world.member(Role::Viewer).await);
        for (call, of) in [(&admin, id(&owner)), (&owner, id(&owner)), (&admin, id(&admin))] {
            assert_eq!(service.make_password_link(call, of).await.unwrap_err().code, ErrorCode::Forbidden);
        }
        service.make_password_link(&owner, id(&admin)).await.unwrap();
        world.clock.advance(Seconds::minutes(11));
        assert_eq!(service.make_password_link(&owner, viewer).await.unwrap_err().code, ErrorCode::StepUpRequired);
    }

    async fn of_two_who_use_a_link_at_once_one_chooses(db: TestDb) {
        let world = World::new(&db).await;
        let other = node(db.another_node().await, &world.clock);
        for round in 0..5 {
            let member = id(&world.member(Role::Viewer).await);
            let secret = world.service.make_password_link(&world.call(), member).await.unwrap().secret;
            let (a, b) = tokio::join!(choose(&world.service, &secret), choose(&other, &secret));
            let failed: Vec<ErrorCode> = [a.err(), b.err()].into_iter().flatten().collect();
            assert_eq!(failed, [ErrorCode::InvitationInvalid], "round {round}");
        }
    }

    async fn a_link_made_while_the_role_changes_is_not_that_of_an_owner(db: TestDb) {
        let world = World::new(&db).await;
        let other = node(db.another_node().await, &world.clock);
        for round in 0..5 {
            let (admin, member) = (world.member(Role::Admin).await, id(&world.member(Role::Viewer).await));
            let call = world.call();
            let (made, changed) =
                tokio::join!(world.service.make_password_link(&admin, member), other.set_role(&call, member, Role::Owner));
            changed.unwrap();
            if let Ok(made) = made {
                assert!(world.service.look_at_password_link(&made.secret).await.is_err(), "round {round}");
            }
        }
    }

    async fn links_are_stored_as_hashes_and_guesses_are_limited(db: TestDb) {
        let world = World::new(&db).await;
        let member = id(&world.member(Role::Viewer).await);
        let made = world.service.make_password_link(&world.call(), member).await.unwrap();
        let column = if db.is_postgres() { "encode(hash, 'escape')" } else { "hex(hash)" };
        let sql = format!("SELECT purpose || {column} FROM challenges");
        let rows = holdfast_store::raw::run(&db.db, &sql).await.unwrap();
        let texts: Vec<String> = rows.into_iter().flatten().flatten().collect();
        assert_eq!(texts.len(), 1);
        assert!(texts[0].starts_with("password") && !texts[0].contains(&made.secret));
        for _ in 0..10 {
            assert_eq!(choose(&world.service, "guess").await.unwrap_err(), ErrorCode::InvitationInvalid);
        }
        assert_eq!(choose(&world.service, "guess").await.unwrap_err(), ErrorCode::RateLimited);
    }
}
