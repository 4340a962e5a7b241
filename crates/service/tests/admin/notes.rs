//! Notes about licenses and customers, and the time lines they stand beside.

use crate::world::*;
use holdfast_domain::{Permission, Role, Seconds, event, license::StatusChange};
use holdfast_service::{
    Call, ErrorCode,
    admin::{
        events::Told,
        inputs::{ChangeStatus, CreateOrder, CreateToken, CustomerChoice, IssueLicense, Transfer, UpdateLicense},
        notes::NoteSubject,
        page::{Limit, PageRequest},
    },
};
use holdfast_testkit::both;

both! {
    async fn notes_are_read_by_all_and_changed_by_their_author(db: TestDb) {
        let world = World::new(&db).await;
        let service = &world.service;
        let license = NoteSubject::License(world.issue().await.license.id);
        let customer = NoteSubject::Customer(world.customer("ada@example.com").await);
        let (support, viewer) = (world.member(Role::Support).await, world.member(Role::Viewer).await);
        let note = service.add_note(&support, license, text("First line\r\nsecond <b>line</b>")).await.unwrap();
        assert_eq!(note.text.as_str(), "First line\nsecond <b>line</b>");
        assert!(note.own && note.edited_at.is_none());
        world.clock.advance(Seconds(5));
        service.add_note(&world.call(), license, text("Later")).await.unwrap();
        service.add_note(&support, customer, text("Of the customer")).await.unwrap();
        let read = service.notes(&viewer.actor, license, page()).await.unwrap();
        let texts: Vec<&str> = read.items.iter().map(|note| note.text.as_str()).collect();
        assert_eq!(texts, ["Later", "First line\nsecond <b>line</b>"]);
        assert!(read.items.iter().all(|note| !note.own));
        assert_eq!(service.notes(&viewer.actor, customer, page()).await.unwrap().items.len(), 1);
        // Even an owner leaves another's note alone.
        let owner = world.member(Role::Owner).await;
        assert_eq!(service.edit_note(&owner, note.id, text("Mine now")).await.unwrap_err().code, ErrorCode::Forbidden);
        assert_eq!(service.remove_note(&owner, note.id).await.unwrap_err().code, ErrorCode::Forbidden);
        let edited = service.edit_note(&support, note.id, text("Corrected")).await.unwrap();
        assert_eq!((edited.text.as_str(), edited.edited_at), ("Corrected", Some(service.now())));
        assert_eq!(service.note(&viewer.actor, note.id).await.unwrap().text.as_str(), "Corrected");
        service.remove_note(&support, note.id).await.unwrap();
        assert_eq!(service.note(&viewer.actor, note.id).await.unwrap_err().code, ErrorCode::NotFound);
        assert_eq!(service.notes(&viewer.actor, license, page()).await.unwrap().items.len(), 1);
        // What was written stays in the log.
        let NoteSubject::License(id) = license else { unreachable!() };
        let told = service.license_timeline(&viewer.actor, id, Told::All, page()).await.unwrap().items;
        let actions: Vec<&str> = told.iter().map(|event| event.action.as_str()).collect();
        assert_eq!(actions, ["note.removed", "note.edited", "note.added", "note.added", "license.issued"]);
        assert_eq!((&told[1].data["before"]["text"], &told[1].data["after"]["text"]), (&"First line\nsecond <b>line</b>".into(), &"Corrected".into()));
    }

    async fn a_time_line_tells_all_or_what_people_or_devices_did_page_by_page(db: TestDb) {
        let world = World::new(&db).await;
        let service = &world.service;
        let (id, seats) = world.used(&["a", "b"]).await;
        let owner = world.member(Role::Owner).await;
        for change in [StatusChange::Suspend, StatusChange::Resume] {
            let input = ChangeStatus { change, reason: text("Asked"), effective_at: None, dry_run: false };
            service.change_status(&owner, id, input).await.unwrap();
        }
        service.free_seat(&owner, seats[0], text("Stolen")).await.unwrap();
        let mut told = Vec::new();
        for what in [Told::All, Told::People, Told::Devices] {
            let (mut actions, mut request) = (Vec::new(), PageRequest { limit: Limit::new(2), ..page() });
            loop {
                let found = service.license_timeline(&owner.actor, id, what, request).await.unwrap();
                actions.extend(found.items.into_iter().map(|event| event.action));
                let Some(next) = found.next else { break };
                request = PageRequest { limit: Limit::new(2), after: Some(next), ..page() };
            }
            told.push(actions);
        }
        let all = ["seat.freed", "license.resumed", "license.suspended", "seat.claimed", "seat.claimed", "license.issued"];
        assert_eq!(told[0], all);
        assert_eq!(told[1], ["seat.freed", "license.resumed", "license.suspended"]);
        assert_eq!(told[2], ["seat.freed", "seat.claimed", "seat.claimed"]);
        let of_seat = service.seat_timeline(&owner.actor, seats[0], page()).await.unwrap().items;
        assert_eq!(of_seat.iter().map(|event| event.action.as_str()).collect::<Vec<_>>(), ["seat.freed", "seat.claimed"]);
    }
    async fn a_time_line_tells_of_every_seat_and_of_programs_among_people(db: TestDb) {
        const DEVICES: usize = 230;
        let world = World::new(&db).await;
        let service = &world.service;
        let owner = world.member(Role::Owner).await;
        let issue = IssueLicense { seats: Some(300), ..IssueLicense::of(world.plan) };
        let issued = service.issue_license(&owner, issue).await.unwrap();
        let id = issued.license.id;
        for device in 0..DEVICES {
            world.activate(&issued.key, &format!("device {device}")).await.unwrap();
        }
        assert!(service.license(&owner.actor, id).await.unwrap().seats.len() < DEVICES, "its page has some of them");
        let (mut told, mut request) = (Vec::new(), PageRequest { limit: Limit::new(200), ..page() });
        loop {
            let found = service.license_timeline(&owner.actor, id, Told::Devices, request).await.unwrap();
            told.extend(found.items.into_iter().map(|event| event.subject));
            let Some(next) = found.next else { break };
            request = PageRequest { limit: Limit::new(200), after: Some(next), ..page() };
        }
        told.sort_unstable();
        told.dedup();
        assert_eq!(told.len(), DEVICES);
        // What a program does with a token was done by somebody of the vendor.
        let scopes = vec![Permission::LicensesRead, Permission::LicensesWrite];
        let token = service.create_token(&owner, CreateToken { name: text("Shop"), scopes, expires_at: None }).await.unwrap();
        let program = Call::new(service.authenticate_token(&token.secret).await.unwrap(), from("192.0.2.1"));
        let input = UpdateLicense { seats: Some(301), ..UpdateLicense::default() };
        service.update_license(&program, id, input).await.unwrap();
        let told = service.license_timeline(&owner.actor, id, Told::People, page()).await.unwrap().items;
        assert_eq!(told.iter().map(|event| event.action.as_str()).collect::<Vec<_>>(), ["license.changed", "license.issued"]);
        assert!(matches!(told[0].actor, event::Actor::Token(_)));
    }
    async fn a_customers_time_line_tells_of_all_that_is_theirs_and_of_nothing_else(db: TestDb) {
        let world = World::new(&db).await;
        let service = &world.service;
        let owner = world.member(Role::Owner).await;
        let (ada, bob) = (world.customer("ada@example.com").await, world.customer("bob@example.com").await);
        let order = CreateOrder { reference: text("A-1"), customer: Some(ada) };
        let order = service.create_order(&owner, order).await.unwrap().id;
        let issue = async |customer, order| {
            let customer = Some(CustomerChoice::Existing(customer));
            let input = IssueLicense { customer, order, ..IssueLicense::of(world.plan) };
            service.issue_license(&owner, input).await.unwrap()
        };
        let (first, second, other) = (issue(ada, Some(order)).await, issue(ada, None).await, issue(bob, None).await);
        let mut seats = Vec::new();
        for (issued, device) in [(&first, "one"), (&second, "two"), (&other, "three")] {
            seats.push(world.activate(&issued.key, device).await.unwrap().seat.id);
        }
        service.add_note(&owner, NoteSubject::Customer(ada), text("Pays late")).await.unwrap();
        service.free_seat(&owner, seats[1], text("Stolen")).await.unwrap();
        service.free_seat(&owner, seats[2], text("Not hers")).await.unwrap();
        let mut told = Vec::new();
        for what in [Told::All, Told::People, Told::Devices] {
            let (mut actions, mut request) = (Vec::new(), PageRequest { limit: Limit::new(3), ..page() });
            loop {
                let found = service.customer_timeline(&owner.actor, ada, what, request).await.unwrap();
                assert!(found.whole);
                for event in &found.page.items {
                    // Of each license that a part speaks of, it says which one it is.
                    let license = event.license();
                    assert_eq!(license.is_some(), event.subject.starts_with("lic_") || event.subject.starts_with("sea_"));
                    if let Some(id) = license {
                        let hint = [&first, &second].into_iter().find(|issued| issued.license.id == id).map(|issued| &issued.license.key_hint);
                        assert_eq!(found.hints.get(&id), hint, "{}", event.action);
                    }
                    actions.push(event.action.clone());
                }
                let Some(next) = found.page.next else { break };
                request = PageRequest { limit: Limit::new(3), after: Some(next), ..page() };
            }
            told.push(actions);
        }
        let all = [
            "seat.freed", "note.added", "seat.claimed", "seat.claimed", "license.issued", "license.issued", "order.created",
            "customer.created",
        ];
        assert_eq!(told[0], all);
        assert_eq!(told[1], ["seat.freed", "note.added", "license.issued", "license.issued", "order.created"]);
        assert_eq!(told[2], ["seat.freed", "seat.claimed", "seat.claimed"]);
        let few = PageRequest { limit: Limit::new(2), counted: false, ..page() };
        let found = service.customer_timeline(&owner.actor, ada, Told::All, few).await.unwrap();
        assert_eq!((found.page.items.len(), found.page.next.is_some()), (2, true));
        // What is handed to another tells of itself there.
        let input = Transfer { customer: CustomerChoice::Existing(bob), reason: text("Sold on") };
        service.transfer_license(&owner, second.license.id, input).await.unwrap();
        let found = service.customer_timeline(&owner.actor, ada, Told::Devices, page()).await.unwrap();
        assert_eq!(found.page.items.len(), 1);
        let found = service.customer_timeline(&owner.actor, bob, Told::Devices, page()).await.unwrap();
        assert_eq!(found.page.items.len(), 4);
    }
    async fn a_note_that_was_taken_away_can_be_put_back_for_ten_minutes(db: TestDb) {
        let world = World::new(&db).await;
        let service = &world.service;
        let id = world.issue().await.license.id;
        let (owner, support) = (world.member(Role::Owner).await, world.member(Role::Support).await);
        let about = NoteSubject::License(id);
        let first = service.add_note(&support, about, text("First\nline")).await.unwrap();
        let other = service.add_note(&support, NoteSubject::Customer(world.customer("a@example.com").await), text("Other")).await.unwrap();
        world.clock.advance(Seconds(60));
        let first = service.edit_note(&support, first.id, text("First\nline, corrected")).await.unwrap();
        let not_found = |outcome: Result<(), holdfast_service::Error>| assert_eq!(outcome.unwrap_err().code, ErrorCode::NotFound);
        // One that is there is none to put back.
        not_found(service.restore_note(&support, first.id).await.map(|_| ()));
        for note in [other.id, first.id] {
            service.remove_note(&support, note).await.unwrap();
        }
        let (shown, until) = service.removed_note(&support.actor, first.id).await.unwrap();
        assert_eq!((shown.text.as_str(), until), ("First\nline, corrected", service.now().plus(Seconds(600))));
        not_found(service.removed_note(&owner.actor, first.id).await.map(|_| ()));
        not_found(service.restore_note(&owner, first.id).await.map(|_| ()));
        let back = service.restore_note(&support, first.id).await.unwrap();
        assert_eq!(back, first, "as it was, to the second");
        assert_eq!(service.note(&owner.actor, first.id).await.unwrap().text, first.text);
        not_found(service.restore_note(&support, first.id).await.map(|_| ()));
        let told = service.license_timeline(&owner.actor, id, Told::People, page()).await.unwrap().items;
        assert_eq!((told[0].action.as_str(), &told[0].data["undoes"]), ("note.restored", &serde_json::json!(told[1].id)));
        // The other's ten minutes pass.
        world.clock.advance(Seconds(599));
        assert_eq!(service.removed_note(&support.actor, other.id).await.unwrap().0.text.as_str(), "Other");
        world.clock.advance(Seconds(1));
        not_found(service.restore_note(&support, other.id).await.map(|_| ()));
        not_found(service.removed_note(&support.actor, other.id).await.map(|_| ()));
    }
}
