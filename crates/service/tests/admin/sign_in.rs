//! Proof of who asks: set-up, passwords, sessions, step-up, tokens, throttling.

use crate::world::*;
use holdfast_domain::{Permission, Role, Seconds};
use holdfast_service::{
    Call, ErrorCode, RequestInfo,
    admin::{
        inputs::{CreateToken, EventFilter, LicenseFilter, SetupInput},
        second::SignInStep,
        sessions::SessionSecret,
    },
};
use holdfast_testkit::both;
use sha2::{Digest as _, Sha256};

fn setup(code: &str) -> SetupInput {
    SetupInput {
        code: code.to_owned(),
        vendor: text("Example Software"),
        email: text("owner@example.com"),
        password: PASSWORD.into(),
    }
}

both! {
    async fn the_code_from_the_log_sets_up_once(db: TestDb) {
        let (service, _) = empty(&db);
        assert!(service.setup_needed().await.unwrap());
        let stale = service.new_setup_code().await.unwrap().unwrap();
        let code = service.new_setup_code().await.unwrap().unwrap();
        for wrong in ["", "AAAA-BBBB-CCCC", &stale] {
            let refused = service.setup(setup(wrong), &from("192.0.2.1")).await.unwrap_err();
            assert_eq!(refused.code, ErrorCode::SetupCodeWrong);
        }
        let weak = SetupInput { password: "passwordpassword".into(), ..setup(&code) };
        assert_eq!(service.setup(weak, &from("192.0.2.1")).await.unwrap_err().code, ErrorCode::PasswordTooWeak);
        // Typed without dashes and in lower case.
        let typed = code.replace('-', "").to_lowercase();
        let (vendor, signed_in) = service.setup(setup(&typed), &from("192.0.2.1")).await.unwrap();
        assert!(!service.setup_needed().await.unwrap());
        assert_eq!((signed_in.member.vendor, signed_in.member.role), (vendor, Role::Owner));
        let actor = service.actor_for_session(&signed_in.session).await.unwrap();
        assert_eq!((actor.vendor(), actor.role()), (vendor, Some(Role::Owner)));
        let view = service.vendor(&actor).await.unwrap();
        assert_eq!((view.name.as_str(), view.root_public_key.len()), ("Example Software", 43));
        assert_eq!(service.setup(setup(&code), &from("192.0.2.1")).await.unwrap_err().code, ErrorCode::AlreadySetUp);
        assert_eq!(service.new_setup_code().await.unwrap(), None);
        let late = service.bootstrap(bootstrap_input("other@example.com")).await.unwrap_err();
        assert_eq!(late.code, ErrorCode::AlreadySetUp);
    }

    async fn of_two_set_ups_at_once_one_succeeds(db: TestDb) {
        let (service, clock) = empty(&db);
        let other = node(db.another_node().await, &clock);
        let code = service.new_setup_code().await.unwrap().unwrap();
        let (here, there) = (from("192.0.2.1"), from("192.0.2.2"));
        let (a, b) = tokio::join!(
            service.setup(setup(&code), &here),
            other.setup(SetupInput { email: text("second@example.com"), ..setup(&code) }, &there),
        );
        assert_eq!(usize::from(a.is_ok()) + usize::from(b.is_ok()), 1);
        let refused = a.map(|_| ()).and(b.map(|_| ())).unwrap_err();
        assert!(matches!(refused.code, ErrorCode::AlreadySetUp | ErrorCode::SetupCodeWrong), "{refused}");
        assert_eq!(service.vendors().await.unwrap().len(), 1);
    }

    async fn wrong_codes_are_limited(db: TestDb) {
        let (service, clock) = empty(&db);
        let code = service.new_setup_code().await.unwrap().unwrap();
        for _ in 0..10 {
            let refused = service.setup(setup("0000-0000-0000"), &from("192.0.2.1")).await.unwrap_err();
            assert_eq!(refused.code, ErrorCode::SetupCodeWrong);
        }
        let limited = service.setup(setup(&code), &from("192.0.2.1")).await.unwrap_err();
        assert_eq!((limited.code, limited.retry_after), (ErrorCode::RateLimited, Some(Seconds(60))));
        clock.advance(Seconds(61));
        service.setup(setup(&code), &from("192.0.2.1")).await.unwrap();
    }

    async fn bootstrap_prints_what_a_program_needs(db: TestDb) {
        let (service, _) = empty(&db);
        let made = service.bootstrap(bootstrap_input("owner@example.com")).await.unwrap();
        let actor = service.authenticate_token(&made.api_token).await.unwrap();
        assert_eq!(actor.vendor(), made.vendor);
        assert!(Permission::ALL.into_iter().all(|permission| actor.may(permission)));
        assert_eq!(service.vendor(&actor).await.unwrap().root_public_key, made.root_public_key);
        assert!(!format!("{made:?}").contains(&made.api_token));
        let (product, _) = product(&service, &Call::new(actor.clone(), from("192.0.2.1")), "editor").await;
        assert_eq!(service.product(&actor, product).await.unwrap().id, product);
        service.sign_in(sign_in("OWNER@example.com ", PASSWORD), &from("192.0.2.1")).await.unwrap();
    }

    async fn an_unknown_address_and_a_wrong_password_are_answered_alike(db: TestDb) {
        let (service, _) = empty(&db);
        service.bootstrap(bootstrap_input("owner@example.com")).await.unwrap();
        let mut answers = Vec::new();
        let long = "x".repeat(100_000);
        for (email, password) in [
            ("owner@example.com", "wrong but long enough"),
            ("nobody@example.com", PASSWORD),
            ("not an address", PASSWORD),
            ("", ""),
            ("owner@example.com", long.as_str()),
        ] {
            let error = service.sign_in(sign_in(email, password), &from("192.0.2.1")).await.unwrap_err();
            answers.push((error.code, error.detail, error.pointer));
        }
        assert!(answers.iter().all(|answer| *answer == (ErrorCode::SignInFailed, None, None)), "{answers:?}");
    }

    async fn guesses_are_limited_by_account_and_by_address(db: TestDb) {
        let (service, clock) = empty(&db);
        service.bootstrap(bootstrap_input("owner@example.com")).await.unwrap();
        let right = || sign_in("owner@example.com", PASSWORD);
        let wrong = async |address: &str| {
            let wrong = sign_in("owner@example.com", "wrong but long enough");
            service.sign_in(wrong, &from(address)).await.unwrap_err().code
        };
        // One address keeps itself out and nobody else, many at once included.
        let guesses = futures::future::join_all((0..30).map(|_| wrong("192.0.2.66"))).await;
        let (failed, limited): (Vec<_>, Vec<_>) = guesses.into_iter().partition(|code| *code == ErrorCode::SignInFailed);
        assert_eq!((failed.len(), limited.len()), (10, 20));
        assert!(limited.iter().all(|code| *code == ErrorCode::RateLimited));
        service.sign_in(right(), &from("192.0.2.99")).await.unwrap();
        // One account from many addresses.
        for n in 0..10 {
            assert_eq!(wrong(&format!("192.0.2.{n}")).await, ErrorCode::SignInFailed);
        }
        service.sign_in(right(), &from("192.0.2.99")).await.unwrap();
        assert_eq!(wrong("192.0.2.1").await, ErrorCode::SignInFailed);
        let hundred = "UPDATE throttles SET hits = 100 WHERE subject LIKE 'sign_in:account:%' AND subject NOT LIKE '%:address:%'";
        holdfast_store::raw::run(&db.db, hundred).await.unwrap();
        assert_eq!(service.sign_in(right(), &from("192.0.2.99")).await.unwrap_err().code, ErrorCode::RateLimited);
        clock.advance(Seconds(61));
        service.sign_in(right(), &from("192.0.2.99")).await.unwrap();
        // Many accounts from one network; its neighbour is not punished.
        for n in 0..10 {
            let wrong = sign_in(&format!("guess{n}@example.com"), "wrong but long enough");
            let address = format!("2001:db8:1:2::{n}");
            assert_eq!(service.sign_in(wrong, &from(&address)).await.unwrap_err().code, ErrorCode::SignInFailed);
        }
        let same = service.sign_in(right(), &from("2001:db8:1:2:ffff::1")).await.unwrap_err();
        assert_eq!(same.code, ErrorCode::RateLimited);
        service.sign_in(right(), &from("2001:db8:1:3::1")).await.unwrap();
    }

    async fn a_session_ends_when_idle_and_in_any_case(db: TestDb) {
        let world = World::new(&db).await;
        for (role, idle, steps) in [(Role::Owner, 30, 12 * 60 / 25), (Role::Support, 15, 8 * 60 / 12)] {
            let email = format!("{}@example.com", role.as_str());
            join(&world.service, &world.call(), &email, role).await;
            let open = || async {
                let_in(&world.service, &email, PASSWORD).await.session
            };
            let service = &world.service;
            let lives = |secret: SessionSecret| async move { service.actor_for_session(&secret).await.is_ok() };
            let left = open().await;
            world.clock.advance(Seconds::minutes(idle));
            assert!(!lives(left).await, "{role:?} idle");
            let used = open().await;
            let step = Seconds::minutes(if role == Role::Support { 12 } else { 25 });
            let mut lived = 0;
            while lives(used.clone()).await && lived < 200 {
                lived += 1;
                world.clock.advance(step);
            }
            assert!((steps..=steps + 1).contains(&lived), "{role:?} lived {lived} steps");
        }
        assert!(world.service.actor_for_session(&SessionSecret::from_bytes([7; 16])).await.is_err());
    }

    async fn a_password_change_ends_every_session(db: TestDb) {
        let world = World::new(&db).await;
        let call = world.member(Role::Admin).await;
        let email = world.service.me(&call.actor).await.unwrap().email;
        let other = let_in(&world.service, email.as_str(), PASSWORD).await;
        assert_eq!(world.service.sessions(&call.actor).await.unwrap().len(), 2);
        let service = &world.service;
        let wrong = service.change_password(&call.actor, "wrong".into(), "another good phrase".into(), &call.from).await;
        assert_eq!(wrong.unwrap_err().code, ErrorCode::SignInFailed);
        let weak = service.change_password(&call.actor, PASSWORD.into(), "aaaaaaaaaaaaaaaaaaaa".into(), &call.from).await;
        assert_eq!(weak.unwrap_err().code, ErrorCode::PasswordTooWeak);
        let new = "gravel ponders violet kettle";
        let fresh = service.change_password(&call.actor, PASSWORD.into(), new.into(), &call.from).await.unwrap();
        assert!(service.actor_for_session(&other.session).await.is_err());
        let actor = service.actor_for_session(&fresh.session).await.unwrap();
        let sessions = service.sessions(&actor).await.unwrap();
        assert_eq!((sessions.len(), sessions[0].current, sessions[0].origin.as_str()), (1, true, "192.0.2.1"));
        assert!(service.sign_in(sign_in(email.as_str(), PASSWORD), &from("192.0.2.1")).await.is_err());
        service.sign_in(sign_in(email.as_str(), new), &from("192.0.2.1")).await.unwrap();
        // Signing out ends one's own; twice is no error.
        service.sign_out(&fresh.session).await.unwrap();
        service.sign_out(&fresh.session).await.unwrap();
        assert!(service.actor_for_session(&fresh.session).await.is_err());
    }

    async fn a_session_keeps_what_pages_put_there_and_is_never_brought_back_by_it(db: TestDb) {
        let world = World::new(&db).await;
        let service = &world.service;
        let call = world.member(Role::Support).await;
        let email = service.me(&call.actor).await.unwrap().email;
        let secret = let_in(service, email.as_str(), PASSWORD).await.session;
        let actor = service.actor_for_session(&secret).await.unwrap();
        let data = |text: &str| serde_json::Map::from_iter([("typed".to_owned(), text.into())]);
        assert_eq!(service.session_data(&secret).await.unwrap(), Some(serde_json::Map::new()));
        assert!(service.keep_session_data(&secret, data("Ann")).await.unwrap());
        assert_eq!(service.session_data(&secret).await.unwrap(), Some(data("Ann")));
        // It moves no end, and confirming who one is loses nothing.
        world.clock.advance(Seconds::minutes(14));
        assert!(service.keep_session_data(&secret, data("Bob")).await.unwrap());
        service.confirm_password(&actor, PASSWORD.into(), &call.from).await.unwrap();
        assert_eq!(service.session_data(&secret).await.unwrap(), Some(data("Bob")));
        let large = service.keep_session_data(&secret, data(&"x".repeat(200_000))).await.unwrap_err();
        assert_eq!(large.code, ErrorCode::BodyTooLarge);
        // A slow request that saves after the end.
        service.end_session(&Call::new(actor.clone(), from("192.0.2.1")), actor.session().unwrap()).await.unwrap();
        assert!(!service.keep_session_data(&secret, data("late")).await.unwrap());
        assert_eq!(service.session_data(&secret).await.unwrap(), None);
        assert!(service.actor_for_session(&secret).await.is_err());
    }

    async fn all_other_sessions_end_at_once_and_the_log_says_which(db: TestDb) {
        let world = World::new(&db).await;
        let service = &world.service;
        let (call, other) = (world.member(Role::Viewer).await, world.member(Role::Viewer).await);
        let email = service.me(&call.actor).await.unwrap().email;
        let from = RequestInfo { browser: "Firefox on Linux".to_owned(), ..call.from.clone() };
        let step = service.sign_in(sign_in(email.as_str(), PASSWORD), &from).await.unwrap();
        let SignInStep::In(second) = step else { panic!("a factor") };
        let actor = service.actor_for_session(&second.session).await.unwrap();
        // Confirming who one is keeps what is known of the session.
        let actor = service.confirm_password(&actor, PASSWORD.into(), &from).await.unwrap();
        let all = service.sessions(&actor).await.unwrap();
        let known: Vec<(bool, &str)> = all.iter().map(|session| (session.current, session.browser.as_str())).collect();
        assert!(known.len() == 2 && known.contains(&(true, "Firefox on Linux")) && known.contains(&(false, "")), "{known:?}");
        assert_eq!(service.end_other_sessions(&Call::new(actor.clone(), from.clone())).await.unwrap(), 1);
        assert_eq!(service.sessions(&actor).await.unwrap().len(), 1);
        assert_eq!(service.sessions(&other.actor).await.unwrap().len(), 1, "somebody else's go on");
        assert!(service.end_other_sessions(&call).await.is_err(), "one that has ended ends none");
        service.end_session(&Call::new(actor.clone(), from), actor.session().unwrap()).await.unwrap();
        let filter = EventFilter { action: Some("member.session_ended".to_owned()), ..EventFilter::default() };
        let told = service.events(&world.system(), filter, page()).await.unwrap().items;
        let browsers: Vec<&str> = told.iter().map(|event| event.data["before"]["browser"].as_str().unwrap()).collect();
        assert_eq!(browsers, ["Firefox on Linux", ""]);
    }

    async fn the_database_holds_the_hash_of_a_session_and_not_its_secret(db: TestDb) {
        let world = World::new(&db).await;
        let call = world.member(Role::Viewer).await;
        let email = world.service.me(&call.actor).await.unwrap().email;
        let secret = let_in(&world.service, email.as_str(), PASSWORD).await.session;
        let hex = |bytes: &[u8]| bytes.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        let column = if db.is_postgres() { "encode(id_hash, 'hex')" } else { "lower(hex(id_hash))" };
        let rows = holdfast_store::raw::run(&db.db, &format!("SELECT {column}, data FROM sessions")).await.unwrap();
        let texts: Vec<String> = rows.into_iter().flatten().flatten().collect();
        assert!(texts.contains(&hex(&Sha256::digest(secret.expose()))));
        assert!(!texts.iter().any(|text| text.contains(&hex(&secret.expose()))));
    }

    async fn stepping_up_needs_the_password_and_lasts_ten_minutes(db: TestDb) {
        let world = World::new(&db).await;
        let call = world.member(Role::Support).await;
        assert!(call.actor.require_fresh(world.service.now()).is_ok());
        world.clock.advance(Seconds::minutes(10).plus_one());
        let stale = call.actor.require_fresh(world.service.now()).unwrap_err();
        assert_eq!(stale.code, ErrorCode::StepUpRequired);
        let wrong = world.service.confirm_password(&call.actor, "wrong".into(), &call.from).await.unwrap_err();
        assert_eq!(wrong.code, ErrorCode::SignInFailed);
        let actor = world.service.confirm_password(&call.actor, PASSWORD.into(), &call.from).await.unwrap();
        assert!(actor.require_fresh(world.service.now()).is_ok());
        // Guesses here are counted by themselves: they keep nobody from signing in, nor the other way round.
        for n in 0..=10 {
            let elsewhere = from(&format!("192.0.2.{}", 100 + n));
            let wrong = world.service.confirm_password(&call.actor, "wrong".into(), &elsewhere).await.unwrap_err();
            assert_eq!(wrong.code, if n < 10 { ErrorCode::SignInFailed } else { ErrorCode::RateLimited });
        }
        let email = world.service.me(&call.actor).await.unwrap().email;
        let_in(&world.service, email.as_str(), PASSWORD).await;
        assert!(world.system().require_fresh(world.service.now()).is_ok());
    }

    async fn tokens_do_what_their_scopes_say_and_are_shown_once(db: TestDb) {
        let world = World::new(&db).await;
        let owner = world.member(Role::Owner).await;
        let input = CreateToken { name: text("shop"), scopes: vec![Permission::LicensesRead], expires_at: None };
        let made = world.service.create_token(&owner, input.clone()).await.unwrap();
        assert!(made.secret.starts_with("hf_sk_") && !format!("{made:?}").contains(&made.secret));
        let actor = world.service.authenticate_token(&made.secret).await.unwrap();
        assert_eq!(actor.vendor(), world.vendor);
        assert!(world.service.licenses(&actor, LicenseFilter::default(), page()).await.is_ok());
        assert_eq!(world.service.plan(&actor, world.plan).await.unwrap_err().code, ErrorCode::Forbidden);
        let listed = world.service.tokens(&owner.actor, None, page()).await.unwrap().items;
        assert_eq!((listed.len(), listed[0].used_at), (1, Some(world.service.now())));
        for wrong in ["", "hf_sk_", &made.secret[..made.secret.len() - 1], &made.secret.to_uppercase()] {
            assert_eq!(world.service.authenticate_token(wrong).await.unwrap_err().code, ErrorCode::Unauthenticated);
        }
        // Nobody hands out more than they have, and a developer revokes their own only.
        let developer = world.member(Role::Developer).await;
        let more = CreateToken { scopes: vec![Permission::LicensesStatus], ..input.clone() };
        assert_eq!(world.service.create_token(&developer, more).await.unwrap_err().code, ErrorCode::Forbidden);
        let none = CreateToken { scopes: Vec::new(), ..input.clone() };
        assert_eq!(world.service.create_token(&owner, none).await.unwrap_err().code, ErrorCode::InvalidRequest);
        let others = world.service.revoke_token(&developer, made.token.id).await.unwrap_err();
        assert_eq!(others.code, ErrorCode::Forbidden);
        assert!(world.service.revoke_token(&owner, made.token.id).await.unwrap().revoked_at.is_some());
        assert_eq!(
            world.service.authenticate_token(&made.secret).await.unwrap_err().code,
            ErrorCode::Unauthenticated
        );
        // One with an end is refused from then on, in the words in which any other is.
        let until = |end| CreateToken { expires_at: Some(end), ..input.clone() };
        for past in [world.service.now(), world.service.now().plus(Seconds(-60))] {
            let refused = world.service.create_token(&owner, until(past)).await.unwrap_err();
            assert_eq!((refused.code, refused.pointer.as_deref()), (ErrorCode::InvalidRequest, Some("/expires_at")));
        }
        let end = world.service.now().plus(Seconds::HOUR);
        let short = world.service.create_token(&owner, until(end)).await.unwrap();
        assert_eq!(short.token.expires_at, Some(end));
        world.clock.advance(Seconds(3_599));
        world.service.authenticate_token(&short.secret).await.unwrap();
        world.clock.advance(Seconds(1));
        let refused = world.service.authenticate_token(&short.secret).await.unwrap_err();
        let unknown = world.service.authenticate_token("hf_sk_").await.unwrap_err();
        assert_eq!((refused.code, refused.detail), (unknown.code, unknown.detail));
    }
}

trait PlusOne {
    fn plus_one(self) -> Seconds;
}

impl PlusOne for Seconds {
    fn plus_one(self) -> Seconds {
        Seconds(self.0 + 1)
    }
}
