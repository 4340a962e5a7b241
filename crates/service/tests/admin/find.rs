//! One text finds what it is the text of: for whoever may see it, within the vendor, and no more than a few of each kind.

use crate::world::*;
use holdfast_domain::{Permission, Role};
use holdfast_service::{
    Call, ErrorCode,
    admin::{
        find::Finds,
        inputs::{
            CreateCustomer, CreateOrder, CreateProduct, CreateToken, CustomerChoice, InviteMember, IssueLicense,
            SeatFilter,
        },
        page::{Limit, PageRequest},
        webhooks::CreateWebhook,
    },
};
use holdfast_testkit::both;

fn counts(finds: &Finds) -> [usize; 6] {
    let Finds { licenses, customers, seats, orders, products, plans, .. } = finds;
    [licenses.len(), customers.len(), seats.len(), orders.len(), products.len(), plans.len()]
}

/// A customer with an order, a license of it, and a seat on a device; the license's key.
async fn sold(world: &World, name: &str, email: &str, device: &str, order: &str) -> String {
    let (service, call) = (&world.service, world.call());
    let input = CreateCustomer { name: Some(text(name)), email: Some(text(email)), ..CreateCustomer::default() };
    let customer = service.create_customer(&call, input).await.unwrap().id;
    let input = CreateOrder { reference: text(order), customer: Some(customer) };
    let order = service.create_order(&call, input).await.unwrap().id;
    let input = IssueLicense {
        customer: Some(CustomerChoice::Existing(customer)),
        order: Some(order),
        ..IssueLicense::of(world.plan)
    };
    let key = service.issue_license(&call, input).await.unwrap().key;
    world.activate(&key, device).await.unwrap();
    key
}

both! {
    async fn a_whole_key_leads_to_the_seats_of_its_license(db: TestDb) {
        let world = World::new(&db).await;
        let key = sold(&world, "Ada", "ada@example.com", "One", "ORDER-1").await;
        sold(&world, "Bob", "bob@example.com", "Two", "ORDER-2").await;
        let seats = async |q: &str| {
            let filter = SeatFilter { q: Some(q.to_owned()), ..SeatFilter::default() };
            let found = world.service.seats_in_list(&world.system(), filter, page()).await.unwrap().items;
            found.into_iter().filter_map(|one| one.seat.name).collect::<Vec<_>>()
        };
        assert_eq!(seats(&key).await, ["One"]);
        assert_eq!(seats(&key.to_lowercase().replace('-', "")).await, ["One"]);
        assert_eq!(seats("bob@exam").await, ["Two"]);
        assert_eq!(seats(&format!("{}A", &key[1..])).await.len(), 0, "the end of a key is no key");
    }

    async fn tables_without_a_list_are_searched_over_all_their_rows(db: TestDb) {
        let world = World::new(&db).await;
        let (service, owner) = (&world.service, world.member(Role::Owner).await);
        let other = Call::system(vendor(service, "Other vendor").await);
        for (call, mark) in [(&owner, ""), (&other, " of another vendor")] {
            for name in ["Größe 100%", "Plain shop"] {
                let name = format!("{name}{mark}");
                let code = if name.starts_with('G') { "size-100" } else { "plain" };
                service.create_product(call, CreateProduct { name: text(&name), code: text(code) }).await.unwrap();
                let scopes = vec![Permission::LicensesRead];
                service.create_token(call, CreateToken { name: text(&name), scopes, expires_at: None }).await.unwrap();
                let url = format!("https://{code}.example.com/Hook");
                let hook = CreateWebhook { url, description: name.clone(), events: text("seat.*") };
                service.create_webhook(call, hook).await.unwrap();
                let email = format!("{code}{}@example.com", mark.len());
                service.invite(call, InviteMember { email: text(&email), role: Role::Viewer }).await.unwrap();
                join(service, call, &format!("in-{email}"), Role::Viewer).await;
            }
        }
        let counts = async |q: &str| {
            let (actor, q) = (&owner.actor, Some(q.to_owned()));
            let one = PageRequest { limit: Limit::new(1), ..page() };
            // On a page of one row, so that what counts is how many there are and not how many are shown.
            let products = service.products(actor, None, q.clone(), PageRequest { limit: Limit::new(1), ..page() }).await.unwrap();
            let tokens = service.tokens(actor, q.clone(), one.clone()).await.unwrap();
            let webhooks = service.webhooks(actor, q.clone(), one.clone()).await.unwrap();
            let members = service.members(actor, q.clone(), one).await.unwrap();
            let invitations = service.invitations(actor, q, page()).await.unwrap().items.len() as u64;
            [products.total.rows, tokens.total.rows, webhooks.total.rows, members.total.rows, invitations]
        };
        // A product of the vendor's, and the owner, were there before.
        for (q, expected) in [
            ("", [3, 2, 2, 3, 2]),
            ("  ", [3, 2, 2, 3, 2]),
            ("GRÖSSE", [0, 0, 0, 0, 0]),
            ("Größe", [1, 1, 1, 0, 0]),
            ("plain", [1, 1, 1, 1, 1]),
            ("SIZE-100", [1, 0, 1, 1, 1]),
            (" 100% ", [1, 1, 1, 0, 0]),
            ("e-1_0", [0, 0, 0, 0, 0]),
            ("/hook", [0, 0, 2, 0, 0]),
            ("HF_SK_", [0, 2, 0, 0, 0]),
            ("in-", [0, 0, 0, 2, 0]),
            ("of another vendor", [0, 0, 0, 0, 0]),
            ("\0", [3, 2, 2, 3, 2]),
            ("' OR 1=1 --", [0, 0, 0, 0, 0]),
        ] {
            assert_eq!(counts(q).await, expected, "{q:?}");
        }
    }

    async fn whatever_somebody_has_at_hand_finds_it(db: TestDb) {
        let world = World::new(&db).await;
        let key = sold(&world, "Zoë Almeida", "zoe@example.com", "Studio ÄRGER 7%", "ORDER-4711").await;
        let find = async |text: &str| world.service.find(&world.system(), text).await.unwrap();
        let license = find(&key).await;
        assert!(license.whole_key);
        assert_eq!(counts(&license), [1, 0, 0, 0, 0, 0], "a whole key finds its license and nothing else");
        let id = license.licenses[0].id;
        for (text, expected) in [
            (key.to_lowercase().replace('-', " ").as_str(), [1, 0, 0, 0, 0, 0]),
            (id.to_string().as_str(), [1, 0, 0, 0, 0, 0]),
            ("zoë al", [1, 1, 0, 1, 0, 0]),
            ("LMEIDA", [1, 1, 0, 1, 0, 0]),
            ("ZOE@", [1, 1, 0, 1, 0, 0]),
            ("ORDER-4711", [1, 0, 0, 1, 0, 0]),
            ("order-47", [1, 0, 0, 1, 0, 0]),
            ("ärger", [1, 0, 1, 0, 0, 0]),
            ("GER 7%", [1, 0, 1, 0, 0, 0]),
            ("7%", [0; 6]),
            ("product", [0, 0, 0, 0, 1, 0]),
            ("EDITOR", [0, 0, 0, 0, 1, 0]),
            ("pro", [0, 0, 0, 0, 1, 1]),
            ("nobody has this", [0; 6]),
            ("  ", [0; 6]),
        ] {
            assert_eq!(counts(&find(text).await), expected, "{text}");
        }
        let hint = find(&license.licenses[0].key_hint).await;
        assert!(hint.licenses.iter().any(|license| license.id == id) && !hint.whole_key);
        let seat = &find("studio").await.seats[0];
        assert_eq!((seat.seat.license, seat.seat.name.as_deref()), (id, Some("Studio ÄRGER 7%")));
        assert_eq!(seat.key_hint, key[25..]);
        for hostile in ["%", "_", "'", "\\", "a' OR '1'='1", "\u{202e}", "*", "\0", &"x".repeat(100_000)] {
            let found = find(hostile).await;
            assert_eq!(counts(&found), [0; 6], "{hostile:.20}");
        }
    }

    async fn a_key_that_is_not_known_is_still_a_key(db: TestDb) {
        let world = World::new(&db).await;
        let key = world.issue().await.key;
        let (start, last) = key.split_at(28);
        let wrong = format!("{start}{}", if last == "A" { "B" } else { "A" });
        for text in [wrong.as_str(), "ABCDE-FGHJK-MNPQR-STVWX-YZ234"] {
            let found = world.service.find(&world.system(), text).await.unwrap();
            assert!(found.whole_key && found.is_empty(), "{text}");
        }
        // Of another system, and known here.
        let input = IssueLicense { key: Some("AB12-CD34-EF56-GH78".to_owned()), ..IssueLicense::of(world.plan) };
        world.service.issue_license(&world.call(), input).await.unwrap();
        let found = world.service.find(&world.system(), "ab12cd34ef56gh78").await.unwrap();
        assert!(found.whole_key && found.licenses.len() == 1);
    }

    async fn a_few_of_each_kind_are_enough(db: TestDb) {
        let world = World::new(&db).await;
        for n in 0..7 {
            let email = format!("many{n}@example.com");
            sold(&world, &format!("Many {n}"), &email, &format!("many-{n}"), &format!("many-{n}")).await;
            product(&world.service, &world.call(), &format!("many-{n}")).await;
        }
        let found = world.service.find(&world.system(), "many").await.unwrap();
        assert_eq!(counts(&found), [5, 5, 5, 5, 5, 0]);
        assert_eq!(world.service.find(&world.system(), "pro").await.unwrap().plans.len(), 5);
    }

    async fn nobody_finds_what_they_may_not_see(db: TestDb) {
        let world = World::new(&db).await;
        let (service, call) = (&world.service, world.call());
        let key = sold(&world, "Product Pro", "pro@example.com", "Pro laptop", "Pro-1").await;
        let stranger = holdfast_service::Actor::system(vendor(service, "Somebody else").await);
        for text in [key.as_str(), "pro", "Product Pro", &key[25..]] {
            assert!(service.find(&stranger, text).await.unwrap().is_empty(), "{text}");
        }
        let viewer = world.member(Role::Viewer).await.actor;
        assert_eq!(counts(&service.find(&viewer, "pro").await.unwrap()), [1, 1, 1, 1, 1, 1]);
        for (scope, expected) in [
            (Permission::LicensesRead, [1, 0, 1, 0, 0, 0]),
            (Permission::CustomersRead, [0, 1, 0, 1, 0, 0]),
            (Permission::CatalogRead, [0, 0, 0, 0, 1, 1]),
        ] {
            let input = CreateToken { name: text("shop"), scopes: vec![scope], expires_at: None };
            let secret = service.create_token(&call, input).await.unwrap().secret;
            let actor = service.authenticate_token(&secret).await.unwrap();
            assert_eq!(counts(&service.find(&actor, "pro").await.unwrap()), expected, "{scope:?}");
        }
        let input = CreateToken { name: text("fleet"), scopes: vec![Permission::FleetRead], expires_at: None };
        let secret = service.create_token(&call, input).await.unwrap().secret;
        let actor = service.authenticate_token(&secret).await.unwrap();
        assert_eq!(service.find(&actor, "pro").await.unwrap_err().code, ErrorCode::Forbidden);
    }

    async fn the_newest_act_of_a_vendor_is_its_own(db: TestDb) {
        let world = World::new(&db).await;
        let other = vendor(&world.service, "Somebody else").await;
        let newest = async || world.service.newest_acts(&[world.vendor, other]).await.unwrap();
        let before = newest().await;
        let (key, at) = (world.issue().await.key, world.service.now());
        let issued = newest().await;
        assert!(issued[&world.vendor].0 > before[&world.vendor].0);
        assert_eq!(issued[&world.vendor].1, at);
        world.activate(&key, "laptop").await.unwrap();
        assert!(newest().await[&world.vendor].0 > issued[&world.vendor].0, "a device that activates is an act");
        assert_eq!(newest().await[&other], before[&other]);
        assert!(world.service.newest_acts(&[]).await.unwrap().is_empty());
    }
}
