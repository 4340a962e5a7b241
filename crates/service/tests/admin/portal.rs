//! The customers' portal: who comes in and how, what each may do, and that nobody sees what is another's.

use crate::{mails::mailing, world::*};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use futures::TryStreamExt as _;
use holdfast_domain::{
    CustomerId, CustomerPersonId, CustomerRole, LicenseId, LicenseModel, SeatId, SeatModel, Seconds, SessionId, Terms,
    VendorId, license::StatusChange,
};
use holdfast_service::{
    Call, Error, ErrorCode, RequestInfo, Service,
    admin::{
        inputs::{
            ChangeStatus, CreateCustomer, CreateOrder, CreatePlan, CustomerChoice, EventFilter, IssueLicense, Rekey,
            SetPortal, Transfer, UpdateCustomer,
        },
        notes::NoteSubject,
        sessions::SessionSecret,
        views::Issued,
    },
    portal::{Answered, Chosen, CustomerActor, CustomerCall, InvitePerson, PortalSignedIn},
    runtime::{Nonce, Release, ReleaseOther, Renew, mails::Outcome},
};
use holdfast_store::BoxFuture;
use holdfast_testkit::{TestDb, both};
use std::collections::BTreeSet;

/// A company that has bought: its administrator's address, and a license of three devices.
struct Company {
    customer: CustomerId,
    email: String,
    issued: Issued,
}

async fn company(world: &World) -> Company {
    company_of(&world.service, &world.call(), world.plan).await
}

async fn company_of(service: &Service, call: &Call, plan: holdfast_domain::PlanId) -> Company {
    let email = format!("boss-{}@example.com", unique());
    let input = CreateCustomer {
        name: Some(text(&format!("Company {}", unique()))),
        email: Some(text(&email)),
        ..CreateCustomer::default()
    };
    let customer = service.create_customer(call, input).await.unwrap().id;
    let order = CreateOrder { reference: text(&format!("order-{}", unique())), customer: Some(customer) };
    let order = service.create_order(call, order).await.unwrap().id;
    let issue = IssueLicense {
        customer: Some(CustomerChoice::Existing(customer)),
        order: Some(order),
        ..IssueLicense::of(plan)
    };
    let issued = service.issue_license(call, issue).await.unwrap();
    Company { customer, email, issued }
}

/// A vendor whose mail leaves.
async fn world(db: &TestDb) -> World {
    let world = World::new(db).await;
    World { service: mailing(&world), ..world }
}

fn here() -> RequestInfo {
    from(&format!("198.51.100.{}", unique() % 250))
}

/// What was mailed since somebody looked last: to whom, and what.
async fn outbox(service: &Service) -> Vec<(String, String)> {
    let mut sent = Vec::new();
    while service.mails_are_due().await.unwrap() {
        for mail in service.claim_mails(50).await.unwrap() {
            sent.push((mail.to().to_string(), mail.says.clone().unwrap().text));
            service.mail_tried(&mail, Outcome::Sent).await.unwrap();
        }
    }
    sent
}

/// The code in a mail.
fn code_in(mail: &str) -> Option<String> {
    mail.split("?code=").nth(1).map(|rest| rest[..8].to_owned())
}

/// The code that was last mailed to an address.
async fn mailed(service: &Service, email: &str) -> Option<String> {
    outbox(service).await.into_iter().rev().filter(|(to, _)| to == email).find_map(|(_, mail)| code_in(&mail))
}

async fn signed_in(service: &Service, vendor: VendorId, email: &str) -> PortalSignedIn {
    let from = here();
    let asked = service.ask_to_sign_in(vendor, text(email), &from).await.unwrap();
    let code = mailed(service, email).await.unwrap();
    service.sign_in_with_code(vendor, &asked.browser, &code, &from).await.unwrap()
}

/// Whoever has that address, in the portal.
async fn customer(service: &Service, vendor: VendorId, email: &str) -> CustomerCall {
    let signed_in = signed_in(service, vendor, email).await;
    let actor = service.customer_for_session(&signed_in.session).await.unwrap();
    CustomerCall::new(actor, here()).unwrap()
}

async fn key_holder(service: &Service, vendor: VendorId, company: &Company) -> CustomerCall {
    let signed_in = service.sign_in_with_key(vendor, &company.issued.key, &company.email, &here()).await.unwrap();
    let actor = service.customer_for_session(&signed_in.session).await.unwrap();
    CustomerCall::new(actor, here()).unwrap()
}

async fn user(service: &Service, administrator: &CustomerCall) -> CustomerCall {
    let email = format!("user-{}@example.com", unique());
    service.invite_colleague(administrator, InvitePerson::user(text(&email))).await.unwrap();
    customer(service, administrator.actor.vendor(), &email).await
}

fn code_of<T: std::fmt::Debug>(outcome: Result<T, Error>) -> ErrorCode {
    outcome.unwrap_err().code
}

both! {
    async fn a_code_lets_in_the_browser_that_asked_and_nobody_else(db: TestDb) {
        let world = world(&db).await;
        let (service, vendor) = (&world.service, world.vendor);
        let company = company(&world).await;
        let asked = service.ask_to_sign_in(vendor, text(&company.email), &here()).await.unwrap();
        let mails = outbox(service).await;
        let [(to, mail)] = &mails[..] else { panic!("{mails:?}") };
        let code = &code_in(mail).unwrap();
        assert!(*to == company.email && code.bytes().all(|byte| byte.is_ascii_digit()), "{mail}");
        assert!(mail.contains(&format!("https://licenses.example.com/portal/{vendor}/sign-in?code={code}")), "{mail}");
        // A scanner that opens the link and sends its form has no cookie, or another browser's.
        let elsewhere = SessionSecret::from_bytes([7; 16]);
        for _ in 0..6 {
            let refused = service.sign_in_with_code(vendor, &elsewhere, code, &here()).await;
            assert_eq!(code_of(refused), ErrorCode::PortalCodeWrong);
        }
        let (other, _) = other_vendor(&world).await;
        assert_eq!(code_of(service.sign_in_with_code(other, &asked.browser, code, &here()).await), ErrorCode::PortalCodeWrong);
        // Typed as people type.
        let typed = format!(" {} {} ", &code[..4], &code[4..]);
        let signed_in = service.sign_in_with_code(vendor, &asked.browser, &typed, &here()).await.unwrap();
        let actor = service.customer_for_session(&signed_in.session).await.unwrap();
        assert_eq!((actor.vendor(), actor.customer()), (vendor, company.customer));
        let me = service.myself(&actor).await.unwrap();
        assert_eq!((me.role, me.email), (Some(CustomerRole::Administrator), Some(text(&company.email))));
        // It works once.
        assert_eq!(code_of(service.sign_in_with_code(vendor, &asked.browser, code, &here()).await), ErrorCode::PortalCodeWrong);
        // Neither session stands for the other.
        assert_eq!(code_of(service.actor_for_session(&signed_in.session).await), ErrorCode::Unauthenticated);
    }

    async fn a_code_is_tried_five_times_and_for_a_quarter_of_an_hour(db: TestDb) {
        let world = world(&db).await;
        let (service, vendor) = (&world.service, world.vendor);
        let company = company(&world).await;
        let asked = service.ask_to_sign_in(vendor, text(&company.email), &here()).await.unwrap();
        let code = mailed(service, &company.email).await.unwrap();
        let wrong = if code == "00000000" { "00000001" } else { "00000000" };
        for _ in 0..5 {
            assert_eq!(code_of(service.sign_in_with_code(vendor, &asked.browser, wrong, &here()).await), ErrorCode::PortalCodeWrong);
        }
        assert_eq!(code_of(service.sign_in_with_code(vendor, &asked.browser, &code, &here()).await), ErrorCode::PortalCodeWrong);
        let asked = service.ask_to_sign_in(vendor, text(&company.email), &here()).await.unwrap();
        let code = mailed(service, &company.email).await.unwrap();
        world.clock.advance(Seconds(15 * 60 + 1));
        assert_eq!(code_of(service.sign_in_with_code(vendor, &asked.browser, &code, &here()).await), ErrorCode::PortalCodeWrong);
        assert_eq!(prunes(service).await, (0, 0), "what has run out is cleared away");
    }

    async fn unknown_addresses_are_answered_alike_and_written_to_never(db: TestDb) {
        let world = world(&db).await;
        let (service, vendor) = (&world.service, world.vendor);
        let company = company(&world).await;
        let mut took = Vec::new();
        for email in ["nobody@example.com", company.email.as_str()] {
            let began = std::time::Instant::now();
            let asked = service.ask_to_sign_in(vendor, text(email), &here()).await.unwrap();
            took.push(began.elapsed());
            for _ in 0..2 {
                let refused = service.sign_in_with_code(vendor, &asked.browser, "12", &here()).await;
                assert_eq!(code_of(refused), ErrorCode::PortalCodeWrong, "{email}");
            }
        }
        assert!(took.iter().all(|took| took.as_millis() >= 250), "{took:?}");
        let mails = outbox(service).await;
        assert!(matches!(&mails[..], [(to, _)] if *to == company.email), "{mails:?}");
        // Too many for one address from one place; from another it goes on for a while.
        let place = from("203.0.113.5");
        for asked in 0..6 {
            let began = std::time::Instant::now();
            let outcome = service.ask_to_sign_in(vendor, text("nobody@example.com"), &place).await;
            assert_eq!(outcome.is_ok(), asked < 5, "{asked}");
            let took = began.elapsed();
            assert!(asked < 5 || took.as_millis() < 200, "whoever is refused waits for nothing: {took:?}");
        }
        service.ask_to_sign_in(vendor, text("nobody@example.com"), &here()).await.unwrap();
    }

    async fn a_key_and_its_address_open_the_devices_of_that_license_alone(db: TestDb) {
        let world = world(&db).await;
        let (service, vendor) = (&world.service, world.vendor);
        let (mine, other) = (company(&world).await, company(&world).await);
        for (key, email) in [
            (mine.issued.key.as_str(), other.email.as_str()),
            ("AAAAA-AAAAA-AAAAA-AAAAA-AAAAA", mine.email.as_str()),
            (mine.issued.key.as_str(), "nobody@example.com"),
            (mine.issued.key.as_str(), "no address"),
            ("", ""),
        ] {
            let refused = service.sign_in_with_key(vendor, key, email, &here()).await;
            assert_eq!(code_of(refused), ErrorCode::PortalKeyWrong, "{key} {email}");
        }
        let (elsewhere, _) = other_vendor(&world).await;
        let refused = service.sign_in_with_key(elsewhere, &mine.issued.key, &mine.email, &here()).await;
        assert_eq!(code_of(refused), ErrorCode::PortalKeyWrong);
        let second = IssueLicense {
            customer: Some(CustomerChoice::Existing(mine.customer)),
            ..IssueLicense::of(world.plan)
        };
        let second = service.issue_license(&world.call(), second).await.unwrap().license.id;
        let holder = key_holder(service, vendor, &mine).await;
        let seen = service.my_licenses(&holder.actor, page()).await.unwrap();
        assert_eq!(seen.items.iter().map(|license| license.id).collect::<Vec<_>>(), [mine.issued.license.id]);
        assert_eq!(seen.items[0].order, None, "orders are for those who sign in");
        assert_eq!(code_of(service.my_license(&holder.actor, second).await), ErrorCode::NotFound);
        // A new key shuts out whoever the old one let in; so does another holder.
        let signed_in = service.sign_in_with_key(vendor, &mine.issued.key, &mine.email, &here()).await.unwrap();
        service.rekey_license(&world.call(), mine.issued.license.id, Rekey { reason: text("Leaked") }).await.unwrap();
        assert_eq!(code_of(service.customer_for_session(&signed_in.session).await), ErrorCode::Unauthenticated);
        let signed_in = service.sign_in_with_key(vendor, &other.issued.key, &other.email, &here()).await.unwrap();
        let transfer = Transfer { customer: CustomerChoice::Existing(mine.customer), reason: text("Sold on") };
        service.transfer_license(&world.call(), other.issued.license.id, transfer).await.unwrap();
        assert_eq!(code_of(service.customer_for_session(&signed_in.session).await), ErrorCode::Unauthenticated);
        // Guesses from one place are stopped.
        let place = from("203.0.113.9");
        for n in 0..11 {
            let refused = code_of(service.sign_in_with_key(vendor, "AAAAA-AAAAA", "a@example.com", &place).await);
            let expected = if n < 10 { ErrorCode::PortalKeyWrong } else { ErrorCode::RateLimited };
            assert_eq!(refused, expected, "{n}");
        }
    }

    async fn an_old_key_leads_to_the_address_it_was_sold_to(db: TestDb) {
        let world = world(&db).await;
        let (service, vendor) = (&world.service, world.vendor);
        let other = company(&world).await;
        let old = IssueLicense {
            key: Some("AB12-CD34-EF56-GH78".to_owned()),
            customer: Some(CustomerChoice::New(CreateCustomer { email: Some(text("ada@example.com")), ..CreateCustomer::default() })),
            ..IssueLicense::of(world.plan)
        };
        let old = service.issue_license(&world.call(), old).await.unwrap().license.id;
        for (key, email) in [
            ("AB12-CD34-EF56-GH78", other.email.as_str()),
            ("AB12-CD34-EF56-GH79", "ada@example.com"),
            (other.issued.key.as_str(), "ada@example.com"),
            ("", "ada@example.com"),
        ] {
            let asked = service.claim(vendor, key, text(email), &here()).await.unwrap();
            let refused = service.sign_in_with_code(vendor, &asked.browser, "00000000", &here()).await;
            assert_eq!(code_of(refused), ErrorCode::PortalCodeWrong, "the same answer");
            assert_eq!(outbox(service).await, [], "{key} {email}");
        }
        // As people type it.
        let from = here();
        let asked = service.claim(vendor, " ab12 cd34ef56-gh78", text("Ada@Example.com"), &from).await.unwrap();
        let code = mailed(service, "ada@example.com").await.unwrap();
        let signed_in = service.sign_in_with_code(vendor, &asked.browser, &code, &from).await.unwrap();
        assert_eq!(signed_in.license, Some(old), "that is where it leads");
        let actor = service.customer_for_session(&signed_in.session).await.unwrap();
        let seen = service.my_licenses(&actor, page()).await.unwrap();
        assert_eq!(seen.items.iter().map(|license| license.id).collect::<Vec<_>>(), [old]);
        // Whoever is of several companies comes to the one that has the license, wherever they were last.
        let boss = customer(service, vendor, &other.email).await;
        service.invite_colleague(&boss, InvitePerson::user(text("ada@example.com"))).await.unwrap();
        let session = self::signed_in(service, vendor, "ada@example.com").await;
        let (here_now, from) = (service.customer_for_session(&session.session).await.unwrap(), here());
        let there = if here_now.customer() == other.customer { "AB12-CD34-EF56-GH78" } else { other.issued.key.as_str() };
        let asked = service.claim(vendor, there, text("ada@example.com"), &from).await.unwrap();
        let code = mailed(service, "ada@example.com").await.unwrap();
        let claimed = service.sign_in_with_code(vendor, &asked.browser, &code, &from).await.unwrap();
        let now = service.customer_for_session(&claimed.session).await.unwrap();
        assert_ne!(now.customer(), here_now.customer());
        assert!(service.my_license(&now, claimed.license.unwrap()).await.is_ok());
    }

    async fn sessions_end_when_nobody_uses_them_and_when_somebody_says_so(db: TestDb) {
        let world = world(&db).await;
        let (service, vendor) = (&world.service, world.vendor);
        let company = company(&world).await;
        let first = signed_in(service, vendor, &company.email).await;
        let lives = async |session: &SessionSecret| service.customer_for_session(session).await.is_ok();
        for _ in 0..31 {
            world.clock.advance(Seconds::hours(23));
            assert!(lives(&first.session).await);
        }
        world.clock.advance(Seconds::hours(8));
        assert!(!lives(&first.session).await, "30 days and no more");
        let (second, third) = (signed_in(service, vendor, &company.email).await, signed_in(service, vendor, &company.email).await);
        let actor = service.customer_for_session(&second.session).await.unwrap();
        let sessions = service.my_portal_sessions(&actor).await.unwrap();
        assert_eq!((sessions.len(), sessions.iter().filter(|session| session.current).count()), (2, 1));
        let other = sessions.iter().find(|session| !session.current).unwrap().id;
        service.end_my_portal_session(&CustomerCall::new(actor, here()).unwrap(), other).await.unwrap();
        assert!(!lives(&third.session).await && lives(&second.session).await);
        world.clock.advance(Seconds(24 * 3600 + 1));
        assert!(!lives(&second.session).await, "a day without use");
        let fourth = signed_in(service, vendor, &company.email).await;
        service.leave_portal(&fourth.session).await.unwrap();
        assert!(!lives(&fourth.session).await);
        // Whoever comes by the vendor's address for the company goes with it.
        let fifth = signed_in(service, vendor, &company.email).await;
        let change = UpdateCustomer { email: Some(text(&format!("new-{}@example.com", unique()))), ..UpdateCustomer::default() };
        service.update_customer(&world.call(), company.customer, change).await.unwrap();
        assert!(!lives(&fifth.session).await);
        service.ask_to_sign_in(vendor, text(&company.email), &here()).await.unwrap();
        // Where the new address is a colleague's, they are an administrator from then on.
        let company = self::company(&world).await;
        let boss = customer(service, vendor, &company.email).await;
        let ann = user(service, &boss).await;
        let email = service.myself(&ann.actor).await.unwrap().email;
        let change = UpdateCustomer { email: email.clone(), ..UpdateCustomer::default() };
        service.update_customer(&world.call(), company.customer, change).await.unwrap();
        let ann = customer(service, vendor, email.unwrap().as_str()).await;
        assert_eq!(service.myself(&ann.actor).await.unwrap().role, Some(CustomerRole::Administrator));
    }

    async fn administrators_ask_colleagues_in_and_take_them_out(db: TestDb) {
        let world = world(&db).await;
        let (service, vendor) = (&world.service, world.vendor);
        let company = company(&world).await;
        let boss = customer(service, vendor, &company.email).await;
        let ann = InvitePerson { name: Some(text("Ann")), ..InvitePerson::user(text("ann@example.com")) };
        service.invite_colleague(&boss, ann.clone()).await.unwrap();
        let invited = outbox(service).await;
        let portal = format!("https://licenses.example.com/portal/{vendor}");
        assert!(matches!(&invited[..], [(to, mail)] if to == "ann@example.com" && mail.contains(&portal)), "{invited:?}");
        assert_eq!(code_of(service.invite_colleague(&boss, ann).await), ErrorCode::EmailTaken);
        let session = signed_in(service, vendor, "ann@example.com").await;
        let ann = service.customer_for_session(&session.session).await.unwrap();
        assert_eq!((ann.customer(), service.myself(&ann).await.unwrap().role), (company.customer, Some(CustomerRole::User)));
        let id = ann.person_id().unwrap();
        service.set_colleagues_role(&boss, id, CustomerRole::Administrator).await.unwrap();
        let ann = CustomerCall::new(service.customer_for_session(&session.session).await.unwrap(), here()).unwrap();
        let people = service.my_people(&ann.actor).await.unwrap();
        let main = people.iter().find(|person| person.main).unwrap();
        assert_eq!((people.len(), main.email.as_str()), (2, company.email.as_str()));
        // Neither the vendor's address for the company nor oneself.
        for (call, of) in [(&ann, main.id), (&ann, id), (&boss, boss.actor.person_id().unwrap())] {
            assert_eq!(code_of(service.remove_colleague(call, of).await), ErrorCode::Forbidden);
            assert_eq!(code_of(service.set_colleagues_role(call, of, CustomerRole::User).await), ErrorCode::Forbidden);
        }
        service.remove_colleague(&boss, id).await.unwrap();
        assert_eq!(code_of(service.customer_for_session(&session.session).await), ErrorCode::Unauthenticated);
        assert_eq!(code_of(service.remove_colleague(&boss, id).await), ErrorCode::NotFound);
        // What an actor was is not what they are: whoever was taken out meanwhile changes nobody.
        assert_eq!(code_of(service.remove_colleague(&ann, main.id).await), ErrorCode::Forbidden);
        let told = actions(&world, company.customer).await;
        // Nobody is written to without an end by being asked in and taken out.
        outbox(service).await;
        for _ in 0..5 {
            service.invite_colleague(&boss, InvitePerson::user(text("cyd@example.com"))).await.unwrap();
            let people = service.my_people(&boss.actor).await.unwrap();
            let cyd = people.iter().find(|person| person.email.as_str() == "cyd@example.com").unwrap().id;
            service.remove_colleague(&boss, cyd).await.unwrap();
        }
        assert_eq!(outbox(service).await.len(), 3);
        let limited = async || {
            for _ in 0..120 {
                let somebody = InvitePerson::user(text(&format!("n{}@example.com", unique())));
                service.invite_colleague(&boss, somebody).await?;
            }
            Ok::<_, Error>(())
        };
        assert_eq!(code_of(limited().await), ErrorCode::RateLimited);
        for action in ["customer.signed_in", "customer.person_invited", "customer.person_changed", "customer.person_removed"] {
            assert!(told.contains(action), "{action}: {told:?}");
        }
    }

    async fn one_address_at_two_companies_goes_from_one_to_the_other(db: TestDb) {
        let world = world(&db).await;
        let (service, vendor) = (&world.service, world.vendor);
        let (one, two) = (company(&world).await, company(&world).await);
        let boss = customer(service, vendor, &two.email).await;
        service.invite_colleague(&boss, InvitePerson::user(text(&one.email))).await.unwrap();
        let session = signed_in(service, vendor, &one.email).await;
        let here_now = service.customer_for_session(&session.session).await.unwrap();
        let me = service.myself(&here_now).await.unwrap();
        let there = if here_now.customer() == one.customer { two.customer } else { one.customer };
        assert_eq!(me.others.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [there]);
        let call = CustomerCall::new(here_now.clone(), here()).unwrap();
        let third = company(&world).await.customer;
        assert_eq!(code_of(service.change_company(&call, third, &session.session).await), ErrorCode::NotFound);
        let changed = service.change_company(&call, there, &session.session).await.unwrap();
        assert_eq!(service.customer_for_session(&changed.session).await.unwrap().customer(), there);
        assert_eq!(code_of(service.customer_for_session(&session.session).await), ErrorCode::Unauthenticated);
    }

    async fn seats_are_freed_within_the_budget_that_the_application_shares(db: TestDb) {
        let world = world(&db).await;
        let (service, vendor) = (&world.service, world.vendor);
        let company = company(&world).await;
        let boss = customer(service, vendor, &company.email).await;
        let key = &company.issued.key;
        let mut seats = Vec::new();
        for device in ["one", "two", "three"] {
            seats.push(world.activate(key, device).await.unwrap().seat.id);
        }
        let other = |seat| {
            let input = ReleaseOther { key: key.clone(), nonce: Nonce::parse("nonce-0123456789").unwrap() };
            let from = here();
            async move { service.release_other(world.product, seat, input, &from).await }
        };
        let left = async || service.my_license(&boss.actor, company.issued.license.id).await.unwrap().releases;
        assert_eq!(left().await, (5, 5));
        let freed = service.free_my_seat(&boss, seats[0]).await.unwrap();
        assert_eq!(freed.state, holdfast_domain::SeatState::Released);
        assert_eq!(left().await, (4, 5));
        // A free one costs nothing.
        service.free_my_seat(&boss, seats[0]).await.unwrap();
        assert_eq!(left().await, (4, 5));
        other(seats[1]).await.unwrap();
        for _ in 0..3 {
            let again = world.activate(key, "two").await.unwrap().seat.id;
            service.free_my_seat(&boss, again).await.unwrap();
        }
        assert_eq!(left().await, (0, 5));
        assert_eq!(code_of(service.free_my_seat(&boss, seats[2]).await), ErrorCode::ReleaseBudgetSpent);
        assert_eq!(code_of(other(seats[2]).await), ErrorCode::ReleaseBudgetSpent);
        let seen = service.my_license(&boss.actor, company.issued.license.id).await.unwrap();
        assert_eq!((seen.seats.len(), seen.license.seats_taken), (1, 1), "nothing was freed");
        world.clock.advance(Seconds::days(31));
        let boss = customer(service, vendor, &company.email).await;
        service.free_my_seat(&boss, seats[2]).await.unwrap();
        // And a name of one's own.
        let seat = world.activate(key, "four").await.unwrap().seat.id;
        service.rename_my_seat(&boss, seat, text("Reception")).await.unwrap();
        let seen = service.my_license(&boss.actor, company.issued.license.id).await.unwrap();
        assert_eq!(seen.seats[0].name.as_deref(), Some("Reception"));
    }

    async fn what_is_too_large_for_the_portal_is_refused_and_nothing_changes(db: TestDb) {
        let world = world(&db).await;
        let (service, call) = (&world.service, world.call());
        let longest = "ß".repeat(2_000);
        let whole = SetPortal { welcome: Some(longest.clone()), help: Some(longest.clone()), ..SetPortal::default() };
        service.set_portal(&call, whole).await.unwrap();
        let svg = br#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path d="M0 0h9v9z"/></svg>"#;
        service.set_portal_logo(&call, Some(svg.to_vec())).await.unwrap();
        let before = service.portal_settings(&call.actor).await.unwrap();
        let events = async || {
            let filter = EventFilter { subject: Some(world.vendor.to_string()), ..EventFilter::default() };
            service.events(&call.actor, filter, page()).await.unwrap().total.rows
        };
        let told = events().await;
        let more = || Some(format!("{longest}x"));
        for (pointer, input) in [
            ("/welcome", SetPortal { welcome: more(), ..SetPortal::default() }),
            ("/help", SetPortal { help: more(), ..SetPortal::default() }),
            ("/welcome", SetPortal { welcome: Some("a\u{7}b".to_owned()), ..SetPortal::default() }),
            ("/domain", SetPortal { domain: Some(format!("{}.example.com", "a".repeat(64))), ..SetPortal::default() }),
            ("/accent", SetPortal { accent: Some("#0011223".to_owned()), ..SetPortal::default() }),
        ] {
            let refused = service.set_portal(&call, input).await.unwrap_err();
            assert_eq!((refused.code, refused.pointer.as_deref()), (ErrorCode::InvalidRequest, Some(pointer)));
        }
        // As many bytes as there may be are read, and are no picture; one more is not looked at.
        for (bytes, why) in [(1 << 20, "not"), ((1 << 20) + 1, "more than 1 MiB")] {
            let refused = service.set_portal_logo(&call, Some(vec![b' '; bytes])).await.unwrap_err();
            assert_eq!((refused.code, refused.pointer.as_deref()), (ErrorCode::InvalidRequest, Some("/logo")));
            assert!(refused.to_string().contains(why), "{bytes}: {refused}");
        }
        assert_eq!(service.portal_settings(&call.actor).await.unwrap().look, before.look);
        assert_eq!(events().await, told);
    }

    async fn a_named_users_place_is_handed_to_a_colleague(db: TestDb) {
        let world = world(&db).await;
        let (service, vendor) = (&world.service, world.vendor);
        let named = SeatModel::NamedUser { devices: 2 };
        let terms = Terms { seats: 1, ..Terms::defaults(LicenseModel::Perpetual, named) };
        let plan = CreatePlan { product: world.product, name: text("Team"), code: text("team"), terms };
        let plan = service.create_plan(&world.call(), plan).await.unwrap().id;
        let company = company_of(service, &world.call(), plan).await;
        let (key, license) = (&company.issued.key, company.issued.license.id);
        let boss = customer(service, vendor, &company.email).await;
        for device in ["laptop", "desktop"] {
            world.activate_for(key, device, "ann@example.com").await.unwrap();
        }
        assert_eq!(code_of(world.activate_for(key, "tablet", "bob@example.com").await), ErrorCode::SeatLimitReached);
        let take = |user: &str, to: Option<&str>| {
            let to = to.map(|to| InvitePerson::user(text(to)));
            service.take_place_back(&boss, license, text(user), to)
        };
        assert_eq!(code_of(take("nobody@example.com", None).await), ErrorCode::NotFound);
        assert_eq!(code_of(take("ann@example.com", Some("ann@example.com")).await), ErrorCode::InvalidRequest);
        let full = service.hand_seat_out(&boss, license, InvitePerson::user(text("bob@example.com"))).await.unwrap_err();
        assert_eq!((full.code, full.pointer.as_deref()), (ErrorCode::SeatLimitReached, Some("/to")));
        outbox(service).await;
        assert_eq!(take("ann@example.com", Some("bob@example.com")).await.unwrap(), 2);
        let told = outbox(service).await;
        let written = |(to, mail): &(String, String)| to == "bob@example.com" && mail.contains("a seat of") && mail.contains("Team");
        assert!(matches!(&told[..], [mail] if written(mail)), "{told:?}");
        let seen = service.my_license(&boss.actor, license).await.unwrap();
        assert_eq!((seen.license.seats_taken, seen.releases), (1, (4, 5)), "one release for both devices");
        let holder = &seen.holders[0];
        assert_eq!((seen.holders.len(), holder.email.as_str(), holder.devices), (1, "bob@example.com", 0));
        // The vendor sees that he has not come yet.
        let waiting = async || {
            let found = service.seats_without_device(&world.system(), company.customer, 9).await.unwrap();
            found.into_iter().map(|seat| (seat.email.to_string(), seat.license, seat.product.to_string())).collect::<Vec<_>>()
        };
        assert_eq!(waiting().await, [("bob@example.com".to_owned(), license, "A product".to_owned())]);
        // It is his before he comes: nobody is quicker.
        assert_eq!(code_of(world.activate_for(key, "laptop", "ann@example.com").await), ErrorCode::SeatLimitReached);
        world.activate_for(key, "tablet", "bob@example.com").await.unwrap();
        assert_eq!(waiting().await, []);
        let his = service.my_holder(&boss.actor, license, &text("bob@example.com")).await.unwrap();
        assert_eq!((his.holder.devices, his.seats.len(), his.holder.handed_out_at.is_some()), (1, 1, true));
        let bob = customer(service, vendor, "bob@example.com").await;
        assert_eq!(bob.actor.customer(), company.customer);
        assert_eq!(code_of(service.take_place_back(&bob, license, text("bob@example.com"), None).await), ErrorCode::Forbidden);
        // What nobody uses is taken back without a release; whoever is known is not asked in again, but told of a seat.
        let his_seat = his.seats[0].id;
        service.free_my_seat(&bob, his_seat).await.unwrap();
        let seen = service.my_license(&boss.actor, license).await.unwrap();
        assert_eq!((seen.license.seats_taken, seen.releases), (1, (3, 5)));
        assert_eq!(take("bob@example.com", None).await.unwrap(), 0);
        outbox(service).await;
        service.hand_seat_out(&boss, license, InvitePerson::user(text("bob@example.com"))).await.unwrap();
        service.hand_seat_out(&boss, license, InvitePerson::user(text("bob@example.com"))).await.unwrap();
        assert_eq!(outbox(service).await.len(), 1, "told once");
        let seen = service.my_license(&boss.actor, license).await.unwrap();
        assert_eq!((seen.license.seats_taken, seen.releases), (1, (3, 5)));
        let told = actions_of(&world, license).await;
        assert!(told.contains("seat.handed_out") && told.contains("seat.taken_back"), "{told:?}");
        // Of a license that is not valid none is handed out; what is out can be taken back.
        let suspend = ChangeStatus { change: StatusChange::Suspend, reason: text("Asked"), effective_at: None, dry_run: false };
        service.change_status(&world.call(), license, suspend).await.unwrap();
        let refused = service.hand_seat_out(&boss, license, InvitePerson::user(text("cyd@example.com"))).await;
        assert_eq!(code_of(refused), ErrorCode::StatusConflict);
        take("bob@example.com", None).await.unwrap();
        // A computer without a network: whoever carries its request says whose it is.
        let resume = ChangeStatus { change: StatusChange::Resume, reason: text("Asked"), effective_at: None, dry_run: false };
        service.change_status(&world.call(), license, resume).await.unwrap();
        let device = serde_json::json!({ "hash": "5a".repeat(32), "name": "Lab PC" });
        let request = carried(&world, "activate", &serde_json::json!({ "device": device }));
        let chosen = Chosen { license: Some(license), user: None };
        let refused = service.answer_offline(&boss, &request, chosen.clone()).await.unwrap_err();
        assert_eq!((refused.code, refused.pointer.as_deref()), (ErrorCode::InvalidRequest, Some("/user")));
        let chosen = Chosen { user: Some(text("cyd@example.com")), ..chosen };
        assert_eq!(service.answer_offline(&boss, &request, chosen).await.unwrap().what, Answered::Lease);
        assert_eq!(service.my_license(&boss.actor, license).await.unwrap().holders[0].email.as_str(), "cyd@example.com");
        let locked = company_of(service, &world.call(), world.plan).await;
        let other = customer(service, vendor, &locked.email).await;
        let refused = service.take_place_back(&other, locked.issued.license.id, text("ann@example.com"), None).await;
        assert_eq!(code_of(refused), ErrorCode::InvalidRequest);
    }

    async fn a_lease_that_was_fetched_is_one_the_device_goes_on_with(db: TestDb) {
        let world = world(&db).await;
        let (service, vendor) = (&world.service, world.vendor);
        let company = company(&world).await;
        let claimed = world.activate(&company.issued.key, "laptop").await.unwrap();
        world.clock.advance(Seconds::days(10));
        let boss = customer(service, vendor, &company.email).await;
        let fetched = service.my_lease(&boss, claimed.seat.id).await.unwrap();
        assert_eq!(fetched.file_name, "pro-lease.json");
        let document: serde_json::Value = serde_json::from_str(&fetched.document).unwrap();
        assert!(document["keys"].is_string(), "with the keys that it is verified with");
        let renew = |lease: &str| Renew {
            lease: lease.to_owned(),
            nonce: Nonce::parse("nonce-0123456789").unwrap(),
            manifest_seq: None,
            proof: None,
            device: None,
        };
        // Both the one it has and the one that was carried to it renew.
        for lease in [document["lease"].as_str().unwrap(), &claimed.lease] {
            service.renew(world.product, renew(lease), &here()).await.unwrap();
        }
        service.free_my_seat(&boss, claimed.seat.id).await.unwrap();
        assert_eq!(code_of(service.my_lease(&boss, claimed.seat.id).await.map(|_| ())), ErrorCode::NotFound);
        // Whoever has a key frees no more seats by leases than without them.
        let left = async || service.my_license(&boss.actor, company.issued.license.id).await.unwrap().releases.0;
        let release = async |lease: &str| {
            let release = Release { lease: lease.to_owned(), nonce: Nonce::parse("nonce-0123456789").unwrap() };
            service.release(world.product, release, &here()).await
        };
        let holder = key_holder(service, vendor, &company).await;
        for spent in 1..5 {
            let claimed = world.activate(&company.issued.key, "laptop").await.unwrap();
            let fetched = service.my_lease(&holder, claimed.seat.id).await.unwrap();
            let document: serde_json::Value = serde_json::from_str(&fetched.document).unwrap();
            release(document["lease"].as_str().unwrap()).await.unwrap();
            assert_eq!(left().await, 4 - spent);
        }
        let claimed = world.activate(&company.issued.key, "laptop").await.unwrap();
        let fetched = service.my_lease(&holder, claimed.seat.id).await.unwrap();
        let document: serde_json::Value = serde_json::from_str(&fetched.document).unwrap();
        assert_eq!(code_of(release(document["lease"].as_str().unwrap()).await), ErrorCode::ReleaseBudgetSpent);
        assert_eq!(code_of(release(&claimed.lease).await), ErrorCode::ReleaseBudgetSpent);
        // A device gives up what it has taken since then as ever.
        service.free_seat(&world.call(), claimed.seat.id, text("Room")).await.unwrap();
        world.clock.advance(Seconds(1));
        release(&world.activate(&company.issued.key, "laptop").await.unwrap().lease).await.unwrap();
    }

    async fn a_computer_without_a_network_is_answered_by_whoever_carries_its_request(db: TestDb) {
        let world = world(&db).await;
        let (service, vendor) = (&world.service, world.vendor);
        let (mine, other) = (company(&world).await, company(&world).await);
        let boss = customer(service, vendor, &mine.email).await;
        let device = serde_json::json!({ "hash": "5a".repeat(32), "name": "Lab PC" });
        let activation = |key: Option<&str>| match key {
            Some(key) => carried(&world, "activate", &serde_json::json!({ "device": device, "key": key })),
            None => carried(&world, "activate", &serde_json::json!({ "device": device })),
        };
        assert_eq!(service.offline_answer(&boss.actor).await.unwrap(), None);
        let of = |license| Chosen { license: Some(license), user: None };
        // Without a key it needs a license of one's own.
        let (own, foreign) = (mine.issued.license.id, other.issued.license.id);
        let refused = service.answer_offline(&boss, &activation(None), Chosen::default()).await.unwrap_err();
        assert_eq!((refused.code, refused.pointer.as_deref()), (ErrorCode::InvalidRequest, Some("/license")));
        assert_eq!(code_of(service.answer_offline(&boss, &activation(None), of(foreign)).await), ErrorCode::NotFound);
        assert_eq!(code_of(service.answer_offline(&boss, &activation(Some(&other.issued.key)), of(own)).await), ErrorCode::NotFound);
        let answer = service.answer_offline(&boss, &activation(None), of(own)).await.unwrap();
        assert_eq!((answer.what, answer.device.as_deref()), (Answered::Lease, Some("Lab PC")));
        assert_eq!(service.offline_answer(&boss.actor).await.unwrap().as_ref(), Some(&answer));
        let document: serde_json::Value = serde_json::from_str(&answer.document).unwrap();
        let lease = document["lease"].as_str().unwrap().to_owned();
        assert_eq!(answer.parts, [document["keys"].as_str().unwrap(), &lease]);
        let again = service.answer_offline(&boss, &activation(Some(&mine.issued.key)), Chosen::default()).await.unwrap();
        assert_eq!(again.what, Answered::Lease);
        // What is not ours is refused by the call itself.
        let forged = format!("{}x", &lease[..lease.len() - 1]);
        let forged = carried(&world, "renew", &serde_json::json!({ "lease": forged }));
        assert_eq!(code_of(service.answer_offline(&boss, &forged, Chosen::default()).await), ErrorCode::LeaseUnverifiable);
        // A refusal is an answer, too: signed, so that the application believes it.
        let suspend = ChangeStatus { change: StatusChange::Suspend, reason: text("Asked"), effective_at: None, dry_run: false };
        service.change_status(&world.call(), own, suspend).await.unwrap();
        let renewal = carried(&world, "renew", &serde_json::json!({ "lease": lease }));
        let denied = service.answer_offline(&boss, &renewal, Chosen::default()).await.unwrap();
        assert_eq!((denied.what, denied.parts.len()), (Answered::Denied, 1));
        // The proof that it gave its seat up frees that, and counts towards no budget.
        let release = carried(&world, "release", &serde_json::json!({ "lease": lease }));
        let released = service.answer_offline(&boss, &release, Chosen::default()).await.unwrap();
        assert_eq!((released.what, released.document.as_str()), (Answered::Released, ""));
        let seen = service.my_license(&boss.actor, own).await.unwrap();
        assert_eq!((seen.seats.len(), seen.releases), (0, (5, 5)));
    }

    async fn everything_held_is_their_own_and_each_look_is_noted(db: TestDb) {
        let world = world(&db).await;
        let (service, vendor) = (&world.service, world.vendor);
        let (mine, other) = (company(&world).await, company(&world).await);
        world.activate(&mine.issued.key, "My laptop").await.unwrap();
        world.activate(&other.issued.key, "Their laptop").await.unwrap();
        let boss = customer(service, vendor, &mine.email).await;
        customer(service, vendor, &other.email).await;
        assert_eq!(service.my_key(&boss, mine.issued.license.id).await.unwrap(), mine.issued.key);
        let held = held_by(service, &boss).await;
        for own in [mine.email.as_str(), &mine.issued.key, "My laptop", "license.key_revealed", "customer.data_exported"] {
            assert!(held.contains(own), "{own}: {held}");
        }
        let theirs = other.issued.license.id.to_string();
        for foreign in [other.email.as_str(), &other.issued.key, "Their laptop", &theirs] {
            assert!(!held.contains(foreign), "{foreign}");
        }
        let told = actions(&world, mine.customer).await;
        assert!(told.contains("customer.data_exported"), "{told:?}");
        // What the vendor has written of them is theirs, and who wrote it is not; of a license that came from another holder
        // nothing from before that.
        let call = world.call();
        service.add_note(&call, NoteSubject::Customer(mine.customer), text("Calls on Mondays")).await.unwrap();
        user(service, &boss).await;
        let laptop = service.my_license(&customer(service, vendor, &other.email).await.actor, other.issued.license.id).await.unwrap();
        service.free_seat(&call, laptop.seats[0].id, text("Room")).await.unwrap();
        let transfer = Transfer { customer: CustomerChoice::Existing(mine.customer), reason: text("Sold on") };
        service.transfer_license(&call, other.issued.license.id, transfer).await.unwrap();
        let held = held_by(service, &boss).await;
        for own in ["Calls on Mondays", &other.issued.key, "license.transferred", "Sold on", "\"kind\":\"colleague\""] {
            assert!(held.contains(own), "{own}: {held}");
        }
        for foreign in [other.email.as_str(), "Their laptop"] {
            assert!(!held.contains(foreign), "{foreign}: {held}");
        }
        let filter = EventFilter { subject: Some(mine.issued.license.id.to_string()), ..EventFilter::default() };
        let shown = service.events(&world.system(), filter, page()).await.unwrap();
        let shown = shown.items.into_iter().find(|event| event.action == "license.key_revealed").unwrap();
        assert_eq!(shown.actor, holdfast_domain::Actor::Customer(Some(mine.customer)));
        assert_eq!(shown.data["person"], serde_json::json!(boss.actor.person_id().unwrap()));
    }

    async fn everybody_may_do_what_the_table_says_to_their_own_and_to_nothing_else(db: TestDb) {
        let world = world(&db).await;
        let (service, vendor) = (&world.service, world.vendor);
        let table = table();
        let named: BTreeSet<&str> = table.iter().map(|row| row.name).chain(DOOR).collect();
        assert_eq!(named, use_cases().iter().map(String::as_str).collect(), "say of each use case of the portal who may");
        let (there, there_plan) = other_vendor(&world).await;
        let foreign = company_of(service, &Call::system(there), there_plan).await;
        let stranger = customer(service, there, &foreign.email).await;
        for row in &table {
            let mine = company(&world).await;
            let boss = customer(service, vendor, &mine.email).await;
            let employee = user(service, &boss).await;
            let holder = key_holder(service, vendor, &mine).await;
            let neighbour = company(&world).await;
            let neighbour = customer(service, vendor, &neighbour.email).await;
            for (at, call) in [&boss, &employee, &holder].into_iter().enumerate() {
                let things = things(&world, &mine, &boss).await;
                let outcome = (row.run)(service.clone(), call.clone(), things).await;
                if row.may[at] { assert!(outcome.is_ok(), "{} as {:?}: {outcome:?}", row.name, call.actor.role()) } else { assert_eq!(code_of(outcome), ErrorCode::Forbidden, "{} as {:?}", row.name, call.actor.role()) }
            }
            for (whose, call) in [("another customer", &neighbour), ("another vendor's customer", &stranger)] {
                let things = things(&world, &mine, &boss).await;
                let outcome = (row.run)(service.clone(), call.clone(), things.clone()).await;
                if row.names {
                    // As for what does not exist.
                    let nothing = (row.run)(service.clone(), call.clone(), unknown(&world)).await;
                    let (outcome, nothing) = (outcome.unwrap_err(), nothing.unwrap_err());
                    assert_eq!(outcome.code, ErrorCode::NotFound, "{} as {whose}", row.name);
                    assert_eq!(outcome.to_string(), nothing.to_string(), "{} as {whose}", row.name);
                } else {
                    assert!(outcome.is_ok(), "{} as {whose}: {outcome:?}", row.name);
                }
            }
        }
    }
}

/// How many sessions and codes are stored that have ended.
async fn prunes(service: &Service) -> (usize, usize) {
    let clear = "DELETE FROM job_leases";
    holdfast_store::raw::run(service.store().db(), clear).await.unwrap();
    let background = service.run_background(tokio::time::sleep(std::time::Duration::from_millis(1_500)));
    background.await;
    let ended = |table: &str| format!("SELECT 1 FROM {table} WHERE expires_at <= {}", service.now().micros());
    let mut left = Vec::new();
    for table in ["portal_sessions", "portal_sign_ins"] {
        left.push(holdfast_store::raw::run(service.store().db(), &ended(table)).await.unwrap().len());
    }
    (left[0], left[1])
}

async fn other_vendor(world: &World) -> (VendorId, holdfast_domain::PlanId) {
    let other = vendor(&world.service, "Another vendor").await;
    let (_, plan) = product(&world.service, &Call::system(other), "other").await;
    (other, plan)
}

/// Everything that is held about somebody's company.
async fn held_by(service: &Service, call: &CustomerCall) -> String {
    let pieces: Vec<Vec<u8>> = service.my_data(call).await.unwrap().try_collect().await.unwrap();
    let text = String::from_utf8(pieces.concat()).unwrap();
    let read: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert!(read["as_of"].is_string() && read["events"].as_array().is_some_and(|events| !events.is_empty()), "{text}");
    text
}

/// What the log tells of a customer.
async fn actions(world: &World, customer: CustomerId) -> BTreeSet<String> {
    actions_of(world, customer).await
}

async fn actions_of(world: &World, subject: impl ToString) -> BTreeSet<String> {
    let filter = EventFilter { subject: Some(subject.to_string()), ..EventFilter::default() };
    let told = world.service.events(&world.system(), filter, page()).await.unwrap();
    told.items.into_iter().map(|event| event.action).collect()
}

/// What the use cases are asked about.
#[derive(Clone)]
struct Things {
    /// What the device wrote down: a renewal.
    request: String,
    license: LicenseId,
    seat: SeatId,
    colleague: CustomerPersonId,
    session: SessionId,
    company: CustomerId,
    other: bool,
}

const UNKNOWN: Things = Things {
    request: String::new(),
    license: LicenseId::from_bytes([7; 16]),
    seat: SeatId::from_bytes([7; 16]),
    colleague: CustomerPersonId::from_bytes([7; 16]),
    session: SessionId::from_bytes([7; 16]),
    company: CustomerId::from_bytes([7; 16]),
    other: false,
};

/// The like of what exists, none of which does.
fn unknown(world: &World) -> Things {
    let license = UNKNOWN.license;
    let payload = serde_json::json!({ "sub": license }).to_string();
    let lease = format!("a.{}.c", BASE64_URL_SAFE_NO_PAD.encode(payload));
    Things { request: carried(world, "renew", &serde_json::json!({ "lease": lease })), other: true, ..UNKNOWN }
}

/// What an application writes down for somebody to carry.
fn carried(world: &World, call: &str, body: &serde_json::Value) -> String {
    let mut body = body.clone();
    body["nonce"] = "nonce-0123456789".into();
    let request = serde_json::json!({ "product": world.product, "call": call, "body": body }).to_string();
    format!("HF1.{}", BASE64_URL_SAFE_NO_PAD.encode(request))
}

/// A device and a colleague of a company's.
async fn things(world: &World, company: &Company, boss: &CustomerCall) -> Things {
    let device = format!("device-{}", unique());
    for seat in world.service.my_license(&boss.actor, company.issued.license.id).await.unwrap().seats {
        world.service.free_seat(&world.call(), seat.id, text("Room")).await.unwrap();
    }
    let claimed = world.activate(&company.issued.key, &device).await.unwrap();
    let seat = claimed.seat.id;
    let email = format!("colleague-{}@example.com", unique());
    world.service.invite_colleague(boss, InvitePerson::user(text(&email))).await.unwrap();
    let people = world.service.my_people(&boss.actor).await.unwrap();
    let colleague = people.into_iter().find(|person| person.email.as_str() == email).unwrap().id;
    let request = carried(world, "renew", &serde_json::json!({ "lease": claimed.lease }));
    Things { request, license: company.issued.license.id, seat, colleague, ..UNKNOWN }
}

type Run = fn(Service, CustomerCall, Things) -> BoxFuture<'static, Result<(), Error>>;

struct Row {
    name: &'static str,
    /// Administrator, user, whoever a key let in.
    may: [bool; 3],
    /// Whether it names something, so that another's is as good as none.
    names: bool,
    run: Run,
}

macro_rules! table {
    ($($name:ident [$($mark:tt)*] $names:literal |$s:ident, $c:ident, $t:ident| $call:expr;)*) => {
        vec![$(Row {
            name: stringify!($name),
            may: stringify!($($mark)*).chars().filter(|c| matches!(c, '+' | '_')).map(|c| c == '+')
                .collect::<Vec<_>>().try_into().unwrap(),
            names: $names,
            run: |$s, $c, $t| Box::pin(async move { let _ = (&$c, &$t); $call.await.map(|_| ()) }),
        }),*]
    };
}

#[rustfmt::skip]
fn table() -> Vec<Row> {
    table! {
        myself [+ + +] false |s, c, t| s.myself(&c.actor);
        my_licenses [+ + +] false |s, c, t| s.my_licenses(&c.actor, page());
        my_license [+ + +] true |s, c, t| s.my_license(&c.actor, t.license);
        my_seat [+ + +] true |s, c, t| s.my_seat(&c.actor, t.license, t.seat);
        my_key [+ + _] true |s, c, t| s.my_key(&c, t.license);
        my_orders [+ + _] false |s, c, t| s.my_orders(&c.actor, page());
        my_data [+ _ _] false |s, c, t| s.my_data(&c);
        free_my_seat [+ + +] true |s, c, t| s.free_my_seat(&c, t.seat);
        rename_my_seat [+ + +] true |s, c, t| s.rename_my_seat(&c, t.seat, text("Mine"));
        my_lease [+ + +] true |s, c, t| s.my_lease(&c, t.seat);
        // That it takes back is tested where there are named users; here that it is refused in the right words.
        take_place_back [+ _ _] true |s, c, t| not_named(s.take_place_back(&c, t.license, text("ann@example.com"), None));
        hand_seat_out [+ _ _] true |s, c, t| not_named(s.hand_seat_out(&c, t.license, InvitePerson::user(text("ann@example.com"))));
        my_holder [+ _ _] true |s, c, t| no_holder(&s, &c, &t);
        answer_offline [+ + +] true |s, c, t| s.answer_offline(&c, &t.request, Chosen::default());
        offline_answer [+ + +] false |s, c, t| s.offline_answer(&c.actor);
        my_people [+ _ _] false |s, c, t| s.my_people(&c.actor);
        invite_colleague [+ _ _] false |s, c, t| s.invite_colleague(&c, InvitePerson::user(text(&format!("i{}@example.com", unique()))));
        set_colleagues_role [+ _ _] true |s, c, t| s.set_colleagues_role(&c, t.colleague, CustomerRole::User);
        remove_colleague [+ _ _] true |s, c, t| s.remove_colleague(&c, t.colleague);
        my_portal_sessions [+ + _] false |s, c, t| s.my_portal_sessions(&c.actor);
        end_my_portal_session [+ + _] true |s, c, t| own_session(&s, &c, &t);
        change_company [+ + _] true |s, c, t| own_company(&s, &c, &t);
    }
}

/// What leads in and out, and is nobody's in particular.
const DOOR: [&str; 9] = [
    "ask_to_sign_in",
    "claim",
    "sign_in_with_code",
    "sign_in_with_key",
    "customer_for_session",
    "leave_portal",
    "portal_at",
    "portal_of_host",
    "portal_logo",
];

async fn not_named<T>(outcome: impl Future<Output = Result<T, Error>>) -> Result<(), Error> {
    match outcome.await {
        Err(error) if error.code == ErrorCode::InvalidRequest => Ok(()),
        outcome => outcome.map(|_| ()),
    }
}

/// That nobody holds a seat of a license of devices, where it is one's own.
async fn no_holder(s: &Service, c: &CustomerCall, t: &Things) -> Result<(), Error> {
    match s.my_holder(&c.actor, t.license, &text("ann@example.com")).await {
        Err(error) if error.code == ErrorCode::NotFound && !t.other && owns(s, &c.actor, t).await => Ok(()),
        outcome => outcome.map(|_| ()),
    }
}

/// Ends a session of whoever asks; where somebody else's is asked for, an id that is none of theirs.
async fn own_session(s: &Service, c: &CustomerCall, t: &Things) -> Result<(), Error> {
    let stranger = t.other || !owns(s, &c.actor, t).await;
    let id = if stranger { t.session } else { c.actor.session() };
    s.end_my_portal_session(c, id).await
}

/// Goes to the company they are at, which is one of theirs; others to one that is not.
async fn own_company(s: &Service, c: &CustomerCall, t: &Things) -> Result<PortalSignedIn, Error> {
    let stranger = t.other || !owns(s, &c.actor, t).await;
    let to = if stranger { t.company } else { c.actor.customer() };
    s.change_company(c, to, &SessionSecret::from_bytes([9; 16])).await
}

async fn owns(s: &Service, actor: &CustomerActor, t: &Things) -> bool {
    s.my_license(actor, t.license).await.is_ok()
}

/// Every public function of the portal that waits.
fn use_cases() -> Vec<String> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/portal");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        found.extend(text.split("pub async fn ").skip(1).map(|rest| rest[..rest.find(['(', '<']).unwrap()].to_owned()));
    }
    found
}
