//! Looking at the portal as a customer: the same that they see, nothing that changes anything, and an end by itself.

use crate::{mails::mailing, world::*};
use holdfast_domain::{CustomerId, CustomerRole, Permission, Role, SeatState, Seconds};
use holdfast_service::{
    Call, ErrorCode, RequestInfo, Service,
    admin::{
        inputs::{CreateCustomer, CreateOrder, CustomerChoice, EventFilter, IssueLicense},
        sessions::SessionSecret,
        viewing::LASTS,
    },
    portal::{CustomerActor, CustomerCall, InvitePerson},
};
use holdfast_testkit::both;

/// Somebody in that role, with their session.
async fn desk(world: &World, role: Role) -> (Call, SessionSecret) {
    let email = format!("{}-{}@example.com", role.as_str(), unique());
    join(&world.service, &world.call(), &email, role).await;
    world.spare_factors().await;
    let session = let_in(&world.service, &email, PASSWORD).await.session;
    (Call::new(world.service.actor_for_session(&session).await.unwrap(), from("192.0.2.1")), session)
}

/// As whom that session is in the portal.
async fn viewer(service: &Service, (call, session): &(Call, SessionSecret)) -> Option<CustomerActor> {
    service.viewer(session, &call.actor).await.unwrap()
}

/// A customer with an order and a license that one device uses.
async fn company(world: &World) -> (CustomerId, String) {
    let (service, call) = (&world.service, world.call());
    let email = format!("boss-{}@example.com", unique());
    let input = CreateCustomer { email: Some(text(&email)), ..CreateCustomer::default() };
    let customer = service.create_customer(&call, input).await.unwrap().id;
    let order = CreateOrder { reference: text(&format!("INV-{}", unique())), customer: Some(customer) };
    let order = Some(service.create_order(&call, order).await.unwrap().id);
    let customer_choice = Some(CustomerChoice::Existing(customer));
    let input = IssueLicense { customer: customer_choice, order, ..IssueLicense::of(world.plan) };
    let issued = service.issue_license(&call, input).await.unwrap();
    world.activate(&issued.key, "laptop").await.unwrap();
    (customer, issued.key)
}

both! {
    async fn support_sees_what_the_customer_sees_and_changes_nothing(db: TestDb) {
        let world = World::new(&db).await;
        let (service, support) = (&world.service, desk(&world, Role::Support).await);
        let (customer, key) = company(&world).await;
        assert!(viewer(service, &support).await.is_none());
        let until = service.view_as(&support.0, customer, text("Does not find the download")).await.unwrap();
        assert_eq!(until, service.now().plus(LASTS));
        let seen = viewer(service, &support).await.unwrap();
        assert_eq!((seen.customer(), seen.viewed_until()), (customer, Some(until)));
        let licenses = service.my_licenses(&seen, page()).await.unwrap().items;
        assert_eq!((licenses.len(), licenses[0].seats_taken), (1, 1));
        let detail = service.my_license(&seen, licenses[0].id).await.unwrap();
        assert_eq!(detail.seats[0].state, SeatState::Active);
        assert!(!format!("{detail:?}").contains(&key), "no key is shown");
        assert_eq!(service.my_orders(&seen, page()).await.unwrap().items.len(), 1);
        assert!(service.my_people(&seen).await.unwrap().is_empty());
        assert_eq!(service.offline_answer(&seen).await.unwrap(), None);
        let me = service.myself(&seen).await.unwrap();
        assert!(me.email.unwrap().as_str().starts_with("boss-") && me.others.is_empty());
        // Nobody's sessions are theirs, and whatever changes something takes what they cannot make.
        assert_eq!(service.my_portal_sessions(&seen).await.unwrap_err().code, ErrorCode::Forbidden);
        let refused = CustomerCall::new(seen, RequestInfo::default()).unwrap_err();
        assert_eq!((refused.code, refused.detail.is_some()), (ErrorCode::Forbidden, true));
        // One event tells of it, with who, why and until when.
        let filter = EventFilter { subject: Some(customer.to_string()), ..EventFilter::default() };
        let events = service.events(&world.call().actor, filter, page()).await.unwrap().items;
        let event = events.iter().find(|event| event.action == "customer.viewed").unwrap();
        assert_eq!(event.actor, support.0.actor.who());
        assert_eq!(event.data["reason"], "Does not find the download");
        assert!(event.data["until"].as_str().unwrap().ends_with('Z'), "{}", event.data);
        assert_eq!(events.iter().filter(|event| event.action.starts_with("customer.viewed")).count(), 1);
    }

    async fn it_ends_by_itself_and_with_what_it_rests_on(db: TestDb) {
        let world = World::new(&db).await;
        let service = &world.service;
        let (customer, _) = company(&world).await;
        let owner = world.member(Role::Owner).await;
        let support = desk(&world, Role::Support).await;
        let view = async |by: &(Call, SessionSecret)| service.view_as(&by.0, customer, text("Asks")).await.unwrap();
        // Kept alive all the while, it ends after half an hour.
        view(&support).await;
        for _ in 0..29 {
            world.clock.advance(Seconds::MINUTE);
            service.actor_for_session(&support.1).await.unwrap();
        }
        assert!(viewer(service, &support).await.is_some());
        world.clock.advance(Seconds::MINUTE);
        assert!(viewer(service, &support).await.is_none());
        // When it is stopped, which says as whom it was.
        view(&support).await;
        assert_eq!(service.stop_viewing(&support.0).await.unwrap(), Some(customer));
        assert!(viewer(service, &support).await.is_none());
        assert_eq!(service.stop_viewing(&support.0).await.unwrap(), None);
        // Another customer takes the place of the first.
        view(&support).await;
        let (other, _) = company(&world).await;
        service.view_as(&support.0, other, text("Asks")).await.unwrap();
        assert_eq!(viewer(service, &support).await.unwrap().customer(), other);
        // A fresh proof of who it is, and what the pages keep, leave it as it is.
        service.keep_session_data(&support.1, serde_json::Map::new()).await.unwrap();
        assert_eq!(viewer(service, &support).await.unwrap().customer(), other);
        // The session's end, and another role.
        service.sign_out(&support.1).await.unwrap();
        assert!(viewer(service, &support).await.is_none());
        assert_eq!(service.view_as(&support.0, other, text("Asks")).await.unwrap_err().code, ErrorCode::Unauthenticated);
        let support = desk(&world, Role::Support).await;
        view(&support).await;
        service.set_role(&owner, support.0.actor.member_id().unwrap(), Role::Viewer).await.unwrap();
        assert!(viewer(service, &support).await.is_none());
    }

    async fn it_is_for_those_who_answer_customers_and_of_ones_own(db: TestDb) {
        let world = World::new(&db).await;
        let service = &world.service;
        let (customer, _) = company(&world).await;
        // A program has no session.
        let program = world.token(&Permission::ALL).await;
        assert_eq!(service.view_as(&program, customer, text("Asks")).await.unwrap_err().code, ErrorCode::Unauthenticated);
        // Another member's session is not let in with it.
        let (one, two) = (desk(&world, Role::Admin).await, desk(&world, Role::Admin).await);
        service.view_as(&one.0, customer, text("Asks")).await.unwrap();
        assert!(viewer(service, &two).await.is_none());
        // Whose the session is does not matter to whoever may not: rights are asked each time.
        let watcher = desk(&world, Role::Viewer).await;
        assert!(service.viewer(&one.1, &watcher.0.actor).await.unwrap().is_none());
    }

    async fn a_customers_story_tells_of_their_people_and_their_mail(db: TestDb) {
        let world = World::new(&db).await;
        let world = World { service: mailing(&world), ..world };
        let (service, support) = (&world.service, world.member(Role::Support).await);
        let (customer, _) = company(&world).await;
        assert!(service.people_of_customer(&support.actor, customer).await.unwrap().is_empty());
        let own = service.customer(&support.actor, customer).await.unwrap().email.unwrap();
        let asked = service.ask_to_sign_in(world.vendor, own.clone(), &from("192.0.2.9")).await.unwrap();
        let mail = service.claim_mails(9).await.unwrap().into_iter().find(|mail| mail.to() == &own).unwrap();
        let says = mail.says.clone().unwrap().text;
        let code = &says.split("?code=").nth(1).unwrap()[..8];
        let signed_in = service.sign_in_with_code(world.vendor, &asked.browser, code, &from("192.0.2.9")).await.unwrap();
        let boss = service.customer_for_session(&signed_in.session).await.unwrap();
        let boss = CustomerCall::new(boss, from("192.0.2.9")).unwrap();
        world.clock.advance(Seconds(1));
        let colleague = format!("ann-{}@example.com", unique());
        service.invite_colleague(&boss, InvitePerson::user(text(&colleague))).await.unwrap();
        let people = service.people_of_customer(&support.actor, customer).await.unwrap();
        let told = |email: &str| people.iter().find(|person| person.email.as_str() == email).map(|person| (person.role, person.main, person.signed_in_at.is_some())).unwrap();
        assert_eq!(told(own.as_str()), (CustomerRole::Administrator, true, true));
        assert_eq!(told(&colleague), (CustomerRole::User, false, false));
        let mails = service.mails_of_customer(&support.actor, customer).await.unwrap();
        let told: Vec<_> = mails.iter().map(|mail| (mail.template.as_str(), mail.to.as_ref().unwrap().to_string())).collect();
        assert_eq!(told, [("colleague", colleague.clone()), ("sign_in", own.to_string())]);
        // A colleague's address finds the company.
        let found = service.find(&support.actor, &colleague).await.unwrap().customers;
        assert_eq!(found.iter().map(|one| one.id).collect::<Vec<_>>(), [customer]);
    }
}
