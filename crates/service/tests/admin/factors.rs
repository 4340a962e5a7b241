//! Second factors: who needs one, what proves one, and how somebody who lost theirs comes back in.

use crate::world::*;
use holdfast_domain::{Role, Seconds};
use holdfast_service::{
    Actor, Call, ErrorCode, Service,
    admin::{
        factors::FactorChanged,
        inputs::LicenseFilter,
        passkey::Site,
        second::{HalfWay, Proof, SignInStep},
        sessions::SignedIn,
    },
};
use holdfast_testkit::{Authenticator, both, totp};

const ORIGIN: &str = "https://licenses.example.com";

fn site() -> Site {
    Site::new(ORIGIN)
}

/// A new member who has signed in with the password alone.
async fn newcomer(world: &World, role: Role) -> (String, Actor) {
    let email = format!("new{}@example.com", unique());
    join(&world.service, &world.call(), &email, role).await;
    let signed_in = let_in(&world.service, &email, PASSWORD).await;
    (email, world.service.actor_for_session(&signed_in.session).await.unwrap())
}

async fn add_app(world: &World, actor: &Actor) -> (String, FactorChanged) {
    let secret = world.service.offer_totp(actor).await.unwrap().secret;
    let code = totp::code(&secret, world.service.now());
    let changed = world.service.add_totp(actor, &code, None, &from("192.0.2.1")).await.unwrap();
    (secret, changed)
}

async fn half(service: &Service, email: &str) -> HalfWay {
    match service.sign_in(sign_in(email, PASSWORD), &from("192.0.2.1")).await.unwrap() {
        SignInStep::Factor(half) => half,
        SignInStep::In(_) => panic!("no factor was asked for"),
    }
}

async fn finish(service: &Service, half: &HalfWay, proof: Proof) -> Result<SignedIn, ErrorCode> {
    service.finish_sign_in(&half.secret, proof, &site(), &from("192.0.2.1")).await.map_err(|error| error.code)
}

both! {
    async fn owners_admins_and_support_may_do_nothing_without_one(db: TestDb) {
        let world = World::new(&db).await;
        for role in Role::ALL {
            let (_, actor) = newcomer(&world, role).await;
            assert_eq!(actor.is_held(), role.requires_factor(), "{role:?}");
            let asked = world.service.licenses(&actor, LicenseFilter::default(), page()).await;
            let code = asked.err().map(|error| error.code);
            assert_eq!(code, role.requires_factor().then_some(ErrorCode::FactorRequired), "{role:?}");
            let (_, changed) = add_app(&world, &actor).await;
            assert_eq!(changed.codes.len(), 10);
            assert!(world.service.sessions(&actor).await.unwrap().iter().all(|session| !session.current), "rotated");
            let actor = world.service.actor_for_session(&changed.signed_in.session).await.unwrap();
            assert!(!actor.is_held());
            world.service.licenses(&actor, LicenseFilter::default(), page()).await.unwrap();
        }
    }

    async fn the_first_owner_has_a_day(db: TestDb) {
        let (service, clock) = empty(&db);
        service.bootstrap(bootstrap_input("owner@example.com")).await.unwrap();
        let signed_in = let_in(&service, "owner@example.com", PASSWORD).await;
        let actor = service.actor_for_session(&signed_in.session).await.unwrap();
        assert!(!actor.is_held());
        assert!(service.factors(&actor).await.unwrap().due_at.is_some());
        clock.advance(Seconds::DAY);
        let signed_in = let_in(&service, "owner@example.com", PASSWORD).await;
        let actor = service.actor_for_session(&signed_in.session).await.unwrap();
        assert!(actor.is_held());
        // And yet nobody is locked out: the way on is to set one up.
        service.offer_totp(&actor).await.unwrap();
    }

    async fn a_code_works_once_and_a_little_early_or_late(db: TestDb) {
        let world = World::new(&db).await;
        let service = &world.service;
        let (email, actor) = newcomer(&world, Role::Owner).await;
        let (secret, _) = add_app(&world, &actor).await;
        let code = |skew: i64| Proof::Code(totp::code(&secret, service.now().plus(Seconds(skew))));
        // The code with which it was set up is used.
        let first = half(service, &email).await;
        assert_eq!(finish(service, &first, code(0)).await.unwrap_err(), ErrorCode::FactorWrong);
        world.clock.advance(Seconds(300));
        for wrong in [-61, 61, 86_400] {
            let half = half(service, &email).await;
            assert_eq!(finish(service, &half, code(wrong)).await.unwrap_err(), ErrorCode::FactorWrong, "{wrong}");
        }
        let late = half(service, &email).await;
        let signed_in = finish(service, &late, code(-30)).await.unwrap();
        assert!(!service.actor_for_session(&signed_in.session).await.unwrap().is_held());
        assert_eq!(finish(service, &late, code(0)).await.unwrap_err(), ErrorCode::Unauthenticated, "half a sign-in is finished once");
        let early = half(service, &email).await;
        finish(service, &early, code(30)).await.unwrap();
        // What was shown before the code that was used is over, too.
        let again = half(service, &email).await;
        for old in [30, 0, -30] {
            assert_eq!(finish(service, &again, code(old)).await.unwrap_err(), ErrorCode::FactorWrong, "{old}");
        }
    }

    async fn of_two_with_the_same_code_at_once_one_gets_in(db: TestDb) {
        let world = World::new(&db).await;
        let other = node(db.another_node().await, &world.clock);
        let (email, actor) = newcomer(&world, Role::Owner).await;
        let (secret, _) = add_app(&world, &actor).await;
        for round in 0..5 {
            world.clock.advance(Seconds(901));
            let code = Proof::Code(totp::code(&secret, world.service.now()));
            let (here, there) = (half(&world.service, &email).await, half(&world.service, &email).await);
            let (a, b) = tokio::join!(finish(&world.service, &here, code.clone()), finish(&other, &there, code));
            assert_eq!(usize::from(a.is_ok()) + usize::from(b.is_ok()), 1, "round {round}: {a:?} {b:?}");
        }
    }

    async fn guesses_are_limited_and_half_a_sign_in_ends(db: TestDb) {
        let world = World::new(&db).await;
        let service = &world.service;
        let (email, actor) = newcomer(&world, Role::Owner).await;
        let (secret, _) = add_app(&world, &actor).await;
        world.clock.advance(Seconds(60));
        let right = || Proof::Code(totp::code(&secret, service.now()));
        let begun = half(service, &email).await;
        for _ in 0..5 {
            assert_eq!(finish(service, &begun, Proof::Code("000000".to_owned())).await.unwrap_err(), ErrorCode::FactorWrong);
        }
        assert_eq!(finish(service, &begun, right()).await.unwrap_err(), ErrorCode::RateLimited);
        world.clock.advance(Seconds(599));
        assert_eq!(finish(service, &begun, right()).await.unwrap_err(), ErrorCode::RateLimited);
        world.clock.advance(Seconds(302));
        assert_eq!(finish(service, &begun, right()).await.unwrap_err(), ErrorCode::Unauthenticated, "ten minutes are over");
        let begun = half(service, &email).await;
        finish(service, &begun, right()).await.unwrap();
        // A new password ends what was begun with the old one.
        world.clock.advance(Seconds(60));
        let begun = half(service, &email).await;
        let id = actor.member_id().unwrap();
        service.set_member_password(&world.call(), id, "another good phrase".into()).await.unwrap();
        assert_eq!(finish(service, &begun, right()).await.unwrap_err(), ErrorCode::Unauthenticated);
    }

    async fn recovery_codes_work_once_and_are_replaced(db: TestDb) {
        let world = World::new(&db).await;
        let service = &world.service;
        let (email, actor) = newcomer(&world, Role::Owner).await;
        let (_, changed) = add_app(&world, &actor).await;
        let codes = changed.codes;
        let distinct: std::collections::BTreeSet<_> = codes.iter().collect();
        assert_eq!((codes.len(), distinct.len(), codes[0].len()), (10, 10, 19));
        let used = half(service, &email).await;
        let typed = codes[0].to_uppercase().replace('-', " ");
        let signed_in = finish(service, &used, Proof::Code(typed)).await.unwrap();
        let again = half(service, &email).await;
        assert_eq!(finish(service, &again, Proof::Code(codes[0].clone())).await.unwrap_err(), ErrorCode::FactorWrong);
        let actor = service.actor_for_session(&signed_in.session).await.unwrap();
        assert_eq!(service.factors(&actor).await.unwrap().codes_left, 9);
        // They let nobody step up.
        let stepped = service.confirm(&actor, Proof::Code(codes[1].clone()), &site(), &from("192.0.2.1")).await;
        assert_eq!(stepped.unwrap_err().code, ErrorCode::FactorWrong);
        let new = service.new_recovery_codes(&actor, &from("192.0.2.1")).await.unwrap();
        let again = half(service, &email).await;
        assert_eq!(finish(service, &again, Proof::Code(codes[1].clone())).await.unwrap_err(), ErrorCode::FactorWrong);
        finish(service, &again, Proof::Code(new[1].clone())).await.unwrap();
        let rows = holdfast_store::raw::run(&db.db, "SELECT count(*) FROM recovery_codes").await.unwrap();
        assert_eq!(rows[0][0].as_deref(), Some("10"));
    }

    async fn a_passkey_lets_in_and_steps_up(db: TestDb) {
        let world = World::new(&db).await;
        let service = &world.service;
        let (email, actor) = newcomer(&world, Role::Admin).await;
        let mut key = Authenticator::new(ORIGIN);
        let asked = service.ask_for_new_passkey(&actor, &site()).await.unwrap();
        let made = key.answer(&asked, true);
        let elsewhere = Site::new("https://evil.example");
        let refused = service.add_passkey(&actor, text("Key"), &made, &elsewhere, &from("192.0.2.1")).await;
        assert_eq!(refused.err().unwrap().code, ErrorCode::FactorWrong);
        let changed = service.add_passkey(&actor, text("Key"), &made, &site(), &from("192.0.2.1")).await.unwrap();
        let actor = service.actor_for_session(&changed.signed_in.session).await.unwrap();
        let twice = service.add_passkey(&actor, text("Key"), &made, &site(), &from("192.0.2.1")).await;
        assert_eq!(twice.err().unwrap().code, ErrorCode::FactorWrong, "a challenge is answered once");
        // Signing in: each answer is good once, and a copied key is noticed by its count.
        key.counter = 5;
        let begun = half(service, &email).await;
        assert!(service.ways_of_half(&begun.secret).await.unwrap().passkey);
        let answer = key.answer(&service.ask_half_for_passkey(&begun.secret, &site()).await.unwrap(), false);
        finish(service, &begun, Proof::Passkey(answer.clone())).await.unwrap();
        let begun = half(service, &email).await;
        assert_eq!(finish(service, &begun, Proof::Passkey(answer)).await.unwrap_err(), ErrorCode::FactorWrong);
        key.counter = 4;
        let copied = key.answer(&service.ask_half_for_passkey(&begun.secret, &site()).await.unwrap(), false);
        assert_eq!(finish(service, &begun, Proof::Passkey(copied)).await.unwrap_err(), ErrorCode::FactorWrong);
        // Somebody else's challenge is nobody's.
        let (_, other) = newcomer(&world, Role::Admin).await;
        key.counter = 6;
        let foreign = key.answer(&service.ask_actor_for_passkey(&other, &site()).await.unwrap(), false);
        assert_eq!(finish(service, &begun, Proof::Passkey(foreign)).await.unwrap_err(), ErrorCode::FactorWrong);
        // Stepping up.
        world.clock.advance(Seconds::minutes(11));
        let actor = service.actor_for_session(&changed.signed_in.session).await.unwrap();
        assert_eq!(actor.require_fresh(service.now()).unwrap_err().code, ErrorCode::StepUpRequired);
        let answer = key.answer(&service.ask_actor_for_passkey(&actor, &site()).await.unwrap(), false);
        let actor = service.confirm(&actor, Proof::Passkey(answer), &site(), &from("192.0.2.1")).await.unwrap();
        actor.require_fresh(service.now()).unwrap();
    }

    async fn a_code_steps_up_once(db: TestDb) {
        let world = World::new(&db).await;
        let service = &world.service;
        let (_, actor) = newcomer(&world, Role::Support).await;
        let (secret, changed) = add_app(&world, &actor).await;
        world.clock.advance(Seconds::minutes(11));
        let actor = service.actor_for_session(&changed.signed_in.session).await.unwrap();
        let code = Proof::Code(totp::code(&secret, service.now()));
        let fresh = service.confirm(&actor, code.clone(), &site(), &from("192.0.2.1")).await.unwrap();
        fresh.require_fresh(service.now()).unwrap();
        let again = service.confirm(&actor, code, &site(), &from("192.0.2.1")).await.unwrap_err();
        assert_eq!(again.code, ErrorCode::FactorWrong);
    }

    async fn of_two_sessions_without_one_the_slower_does_not_add_another(db: TestDb) {
        let world = World::new(&db).await;
        let service = &world.service;
        let (email, first) = newcomer(&world, Role::Owner).await;
        let signed_in = let_in(service, &email, PASSWORD).await;
        let second = service.actor_for_session(&signed_in.session).await.unwrap();
        add_app(&world, &first).await;
        // What the second asked for was on its way: whoever has the password alone must not get further with it.
        let secret = service.offer_totp(&second).await.unwrap().secret;
        let code = totp::code(&secret, service.now());
        let refused = service.add_totp(&second, &code, None, &from("192.0.2.1")).await.err().unwrap();
        assert_eq!(refused.code, ErrorCode::FactorRequired);
        let key = Authenticator::new(ORIGIN);
        let made = key.answer(&service.ask_for_new_passkey(&second, &site()).await.unwrap(), true);
        let refused = service.add_passkey(&second, text("Key"), &made, &site(), &from("192.0.2.1")).await.err().unwrap();
        assert_eq!(refused.code, ErrorCode::FactorRequired);
        let id = service.factors(&first).await.unwrap().factors[0].id;
        assert_eq!(service.remove_factor(&second, id, &from("192.0.2.1")).await.err().unwrap().code, ErrorCode::FactorRequired);
        let new = "gravel ponders violet kettle";
        let changed = service.change_password(&second, PASSWORD.into(), new.into(), &from("192.0.2.1")).await.unwrap();
        assert!(service.actor_for_session(&changed.session).await.unwrap().is_held(), "a password is no factor");
    }

    async fn the_last_one_stays_where_the_role_needs_it(db: TestDb) {
        let world = World::new(&db).await;
        let service = &world.service;
        let (_, actor) = newcomer(&world, Role::Owner).await;
        let (_, changed) = add_app(&world, &actor).await;
        let actor = service.actor_for_session(&changed.signed_in.session).await.unwrap();
        let id = service.factors(&actor).await.unwrap().factors[0].id;
        let refused = service.remove_factor(&actor, id, &from("192.0.2.1")).await.err().unwrap();
        assert_eq!(refused.code, ErrorCode::FactorNeeded);
        let (_, viewer) = newcomer(&world, Role::Viewer).await;
        let foreign = service.remove_factor(&viewer, id, &from("192.0.2.1")).await.err().unwrap();
        assert_eq!(foreign.code, ErrorCode::NotFound);
        let (_, changed) = add_app(&world, &viewer).await;
        let viewer = service.actor_for_session(&changed.signed_in.session).await.unwrap();
        let id = service.factors(&viewer).await.unwrap().factors[0].id;
        let changed = service.remove_factor(&viewer, id, &from("192.0.2.1")).await.unwrap();
        let viewer = service.actor_for_session(&changed.signed_in.session).await.unwrap();
        let view = service.factors(&viewer).await.unwrap();
        assert_eq!((view.factors.len(), view.codes_left), (0, 0));
        world.clock.advance(Seconds::minutes(11));
        let viewer = service.actor_for_session(&changed.signed_in.session).await.unwrap();
        assert_eq!(service.offer_totp(&viewer).await.err().unwrap().code, ErrorCode::StepUpRequired);
    }

    async fn whoever_lost_everything_comes_back_in(db: TestDb) {
        let world = World::new(&db).await;
        let service = &world.service;
        let owner = world.member(Role::Owner).await;
        let (email, actor) = newcomer(&world, Role::Support).await;
        let (_, changed) = add_app(&world, &actor).await;
        let id = actor.member_id().unwrap();
        service.reset_factors(&owner, id).await.unwrap();
        assert!(service.actor_for_session(&changed.signed_in.session).await.is_err());
        let signed_in = let_in(service, &email, PASSWORD).await;
        let actor = service.actor_for_session(&signed_in.session).await.unwrap();
        assert!(actor.is_held(), "and sets one up again");
        add_app(&world, &actor).await;
        // From a shell on the machine, with a new password.
        let new = "tidal omelette bracket nine";
        service.rescue(&text(&email), Some(new.into())).await.unwrap();
        let_in(service, &email, new).await;
        assert_eq!(service.rescue(&text("nobody@example.com"), None).await.unwrap_err().code, ErrorCode::NotFound);
        let report = service.verify_chain(world.vendor).await.unwrap();
        assert_eq!(report.broken_at, None);
        let filter = holdfast_service::admin::inputs::EventFilter {
            action: Some("member.factors_reset".to_owned()),
            ..Default::default()
        };
        assert_eq!(service.events(&Actor::system(world.vendor), filter, page()).await.unwrap().items.len(), 2);
        let admin = world.member(Role::Admin).await;
        let refused = service.reset_factors(&admin, owner.actor.member_id().unwrap()).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::Forbidden);
        let own = service.reset_factors(&owner, owner.actor.member_id().unwrap()).await.unwrap_err();
        assert_eq!(own.code, ErrorCode::Forbidden);
    }

    async fn with_a_factor_a_shorter_password_is_enough(db: TestDb) {
        let world = World::new(&db).await;
        let service = &world.service;
        let (_, actor) = newcomer(&world, Role::Developer).await;
        let short = "kQ7#vz!p";
        let refused = service.change_password(&actor, PASSWORD.into(), short.into(), &from("192.0.2.1")).await;
        assert_eq!(refused.unwrap_err().code, ErrorCode::PasswordTooWeak);
        let (_, changed) = add_app(&world, &actor).await;
        let actor = service.actor_for_session(&changed.signed_in.session).await.unwrap();
        let fresh = service.change_password(&actor, PASSWORD.into(), short.into(), &from("192.0.2.1")).await.unwrap();
        assert!(service.actor_for_session(&fresh.session).await.is_ok());
    }

    async fn a_dump_holds_neither_secrets_nor_codes(db: TestDb) {
        let world = World::new(&db).await;
        let (_, actor) = newcomer(&world, Role::Owner).await;
        let (secret, changed) = add_app(&world, &actor).await;
        let call = Call::new(actor, from("192.0.2.1"));
        assert!(!format!("{call:?}").contains(&secret));
        let (factor, code) = if db.is_postgres() {
            ("encode(secret_sealed, 'hex')", "encode(hash, 'hex')")
        } else {
            ("lower(hex(secret_sealed))", "lower(hex(hash))")
        };
        let sql = format!("SELECT {factor} FROM factors UNION ALL SELECT {code} FROM recovery_codes");
        let rows = holdfast_store::raw::run(&db.db, &sql).await.unwrap();
        let texts: Vec<String> = rows.into_iter().flatten().flatten().collect();
        assert_eq!(texts.len(), 11);
        let hex = |text: &str| text.bytes().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        let plain = |text: &String| text.replace(['-', ' '], "");
        for known in changed.codes.iter().map(plain).chain([plain(&secret)]) {
            assert!(texts.iter().all(|text| !text.contains(&hex(&known))));
        }
    }
}
