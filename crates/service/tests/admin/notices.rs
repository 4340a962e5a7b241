//! What customers are told without asking for it: that a license ends soon, that a device found no seat, that an order was paid
//! back.

use crate::{
    bulk::work,
    mails::{mailing, mailing_on, sent_to},
    world::*,
};
use holdfast_domain::{
    LicenseId, LicenseModel, OrderId, PlanId, Role, SeatModel, Seconds, Terms, license::StatusChange,
};
use holdfast_service::{
    ErrorCode, RequestInfo, Service,
    admin::{
        bulk::{BulkStep, Target},
        inputs::{
            ChangeStatus, CreateCustomer, CreateOrder, CreatePlan, CustomerChoice, ExtendLicense, InviteMember,
            IssueLicense, PlanLinks, SetPortal, UpdateLicense,
        },
        mails::SetMailLook,
        views::Issued,
    },
    mail::{Look, Mail, Notices, Template},
    runtime::mails::Outcome,
};
use holdfast_store::raw;
use holdfast_testkit::{TestDb, both};
use std::collections::BTreeSet;

const REFUND: BulkStep = BulkStep::Refund;

/// A vendor on a node that mail leaves from.
async fn world(db: &TestDb) -> World {
    let mut world = World::new(db).await;
    world.service = mailing(&world);
    world
}

fn choice(email: &str) -> CustomerChoice {
    CustomerChoice::New(CreateCustomer { email: Some(text(email)), ..CreateCustomer::default() })
}

/// A license for `email` that ends in so many days.
async fn license(world: &World, email: &str, days: i64) -> Issued {
    let expires_at = Some(world.service.now().plus(Seconds::days(days)));
    let input = IssueLicense { customer: Some(choice(email)), expires_at, ..IssueLicense::of(world.plan) };
    world.service.issue_license(&world.call(), input).await.unwrap()
}

/// The vendor wants its customers to be told of that.
async fn wish(world: &World, notices: Notices) {
    let look = SetMailLook { notices, ..SetMailLook::default() };
    world.service.set_mail_look(&world.call(), look).await.unwrap();
}

async fn extend(world: &World, id: LicenseId, days: i64) {
    let expires_at = Some(world.service.now().plus(Seconds::days(days)));
    let input = ExtendLicense { expires_at, reason: text("Goodwill"), dry_run: false };
    world.service.extend_license(&world.call(), id, input).await.unwrap();
}

async fn set_end(world: &World, id: LicenseId, days: i64) {
    let expires_at = Some(Some(world.service.now().plus(Seconds::days(days))));
    let input = UpdateLicense { expires_at, reason: Some(text("Agreed")), ..UpdateLicense::default() };
    world.service.update_license(&world.call(), id, input).await.unwrap();
}

/// Everything that is to be sent now: to whom, and the subject.
async fn all_sent(service: &Service) -> Vec<(String, String)> {
    let mut sent = Vec::new();
    while service.mails_are_due().await.unwrap() {
        for mail in service.claim_mails(50).await.unwrap() {
            sent.push((mail.to().to_string(), mail.says.clone().unwrap().subject));
            service.mail_tried(&mail, Outcome::Sent).await.unwrap();
        }
    }
    sent.sort();
    sent
}

/// What is told within so many hours, a look every hour.
async fn within(world: &World, hours: i64) -> Vec<(String, String)> {
    let mut told = Vec::new();
    for _ in 0..hours {
        world.clock.advance(Seconds::hours(1));
        world.service.give_notice("one").await.unwrap();
        told.extend(all_sent(&world.service).await);
    }
    told
}

async fn activate(world: &World, service: &Service, key: &str, device: &str) -> Result<(), ErrorCode> {
    world.activate_on(service, key, device, None).await.map(|_| ()).map_err(|error| error.code)
}

/// An order of `email` with so many licenses.
async fn order(world: &World, number: &str, email: &str, licenses: usize) -> (OrderId, Vec<Issued>) {
    let customer = world.customer(email).await;
    let input = CreateOrder { reference: text(number), customer: Some(customer) };
    let id = world.service.create_order(&world.call(), input).await.unwrap().id;
    let mut issued = Vec::new();
    for _ in 0..licenses {
        let customer = Some(CustomerChoice::Existing(customer));
        let input = IssueLicense { customer, order: Some(id), ..IssueLicense::of(world.plan) };
        issued.push(world.service.issue_license(&world.call(), input).await.unwrap());
    }
    (id, issued)
}

async fn count(db: &TestDb, table: &str) -> String {
    raw::run(&db.db, &format!("SELECT CAST(count(*) AS TEXT) FROM {table}")).await.unwrap()[0][0].clone().unwrap()
}

both! {
    async fn a_customer_is_told_once_of_each_end_two_weeks_before(db: TestDb) {
        let world = world(&db).await;
        let links = PlanLinks { renew: Some(text("https://shop.example.com/renew?license={license}")), ..PlanLinks::default() };
        world.service.set_plan_links(&world.call(), world.plan, links).await.unwrap();
        let issued = license(&world, "ada@example.com", 40).await;
        assert_eq!(within(&world, 26 * 24 - 1).await, []);
        world.clock.advance(Seconds::hours(1));
        world.service.give_notice("one").await.unwrap();
        let texts = sent_to(&world.service, "ada@example.com").await;
        assert_eq!(texts.len(), 1);
        assert!(texts[0].starts_with("Your license for A product runs until "), "{}", texts[0]);
        let hint = format!("Key: ends in {}\n", issued.license.key_hint);
        assert!(texts[0].contains("Plan: Pro\n") && texts[0].contains(&hint), "{}", texts[0]);
        let link = format!("\nRenew license:\nhttps://shop.example.com/renew?license={}\n", issued.license.id);
        assert!(texts[0].contains(&link), "{}", texts[0]);
        assert_eq!(within(&world, 48).await, [], "not twice");
        // Of another end they are told as well, and of the first one not again where it is put back.
        extend(&world, issued.license.id, 20).await;
        assert_eq!(within(&world, 6 * 24).await.len(), 1);
        set_end(&world, issued.license.id, 6).await;
        assert_eq!(within(&world, 1).await, [], "the end of before");
        set_end(&world, issued.license.id, 8).await;
        assert_eq!(within(&world, 30 * 24).await.len(), 1);
    }

    async fn the_vendor_says_how_early_or_that_nobody_is_told(db: TestDb) {
        let world = world(&db).await;
        license(&world, "ada@example.com", 200).await;
        wish(&world, Notices { renewal: None, ..Notices::default() }).await;
        world.clock.advance(Seconds::days(190));
        assert_eq!(within(&world, 24).await, [], "off");
        wish(&world, Notices { renewal: Some(1), ..Notices::default() }).await;
        assert_eq!(within(&world, 8 * 24 - 1).await, []);
        let told = within(&world, 24).await;
        assert_eq!(told.iter().map(|(to, _)| to.as_str()).collect::<Vec<_>>(), ["ada@example.com"]);
        for days in [0, 91] {
            let look = SetMailLook { notices: Notices { renewal: Some(days), ..Notices::default() }, ..SetMailLook::default() };
            let refused = world.service.set_mail_look(&world.call(), look).await.unwrap_err();
            assert_eq!(refused.pointer.as_deref(), Some("/renewal_days"), "{days}");
        }
        // What a vendor has not set, and what it has, is read from settings of before, too.
        wish(&world, Notices { seat_limit: false, ..Notices::default() }).await;
        assert_eq!(world.service.mail_settings(&world.system()).await.unwrap().notices.renewal, Some(14));
        raw::run(&db.db, "UPDATE mail_looks SET notices = '{}'").await.unwrap();
        assert_eq!(world.service.mail_settings(&world.system()).await.unwrap().notices, Notices::default());
    }

    async fn whom_it_does_not_concern_is_not_told(db: TestDb) {
        let world = world(&db).await;
        let (service, call) = (&world.service, world.call());
        let expires_at = Some(service.now().plus(Seconds::days(60)));
        service.issue_license(&call, IssueLicense { expires_at, ..IssueLicense::of(world.plan) }).await.unwrap();
        let nameless = Some(CustomerChoice::New(CreateCustomer { name: Some(text("Nobody")), ..CreateCustomer::default() }));
        service.issue_license(&call, IssueLicense { customer: nameless, expires_at, ..IssueLicense::of(world.plan) }).await.unwrap();
        let reinstate = async |id, change| {
            let input = ChangeStatus { change, reason: text("A reason"), effective_at: None, dry_run: false };
            service.change_status(&call, id, input).await.unwrap();
        };
        for (email, change) in [("paused@example.com", StatusChange::Suspend), ("gone@example.com", StatusChange::Revoke)] {
            reinstate(license(&world, email, 60).await.license.id, change).await;
        }
        let terms = Terms { model: LicenseModel::Trial { duration: Seconds::days(60) }, ..yearly() };
        let input = CreatePlan { product: world.product, name: text("Trial"), code: text("trial"), terms };
        let trial: PlanId = service.create_plan(&call, input).await.unwrap().id;
        let input = IssueLicense { customer: Some(choice("trial@example.com")), ..IssueLicense::of(trial) };
        service.issue_license(&call, input).await.unwrap();
        let back = license(&world, "back@example.com", 60).await.license.id;
        reinstate(back, StatusChange::Suspend).await;
        world.clock.advance(Seconds::days(50));
        assert_eq!(within(&world, 24).await, []);
        // What comes back in time is told after all.
        reinstate(back, StatusChange::Resume).await;
        assert_eq!(within(&world, 2).await.len(), 1);
        // Nor is anything done where no mail leaves.
        node(db.store(), &world.clock).give_notice("two").await.unwrap();
        assert_eq!(service.jobs().await.unwrap().len(), 2);
        assert_eq!(node(db.store(), &world.clock).jobs().await.unwrap().len(), 1);
    }

    async fn after_days_in_which_nothing_ran_everybody_is_told_once(db: TestDb) {
        let world = world(&db).await;
        wish(&world, Notices { renewal: Some(1), ..Notices::default() }).await;
        let old = license(&world, "old@example.com", 2).await.license.id;
        set_end(&world, old, 30).await;
        within(&world, 2).await;
        // Ended deliberately, not overlooked.
        set_end(&world, old, 0).await;
        for days in 2..12 {
            license(&world, &format!("day-{days}@example.com"), days).await;
        }
        assert_eq!(within(&world, 1).await, []);
        world.clock.advance(Seconds::days(9));
        let told: Vec<String> = within(&world, 1).await.into_iter().map(|(to, _)| to).collect();
        // Seven days late is too late; what has ended since is told all the same, and what ends tomorrow.
        let mut expected: Vec<String> = (3..11).map(|days| format!("day-{days}@example.com")).collect();
        expected.sort();
        assert_eq!(told, expected);
        let rest = within(&world, 48).await;
        assert_eq!(rest.iter().map(|(to, _)| to.as_str()).collect::<Vec<_>>(), ["day-11@example.com"]);
    }

    async fn a_node_that_is_killed_leaves_the_rest_to_another_and_nobody_is_told_twice(db: TestDb) {
        let world = world(&db).await;
        for n in 0..40 {
            license(&world, &format!("customer-{n:02}@example.com"), 30).await;
        }
        world.clock.advance(Seconds::days(20));
        world.service.give_notice("one").await.unwrap();
        assert_eq!(all_sent(&world.service).await.len(), 40);
        // As it would be, had it been killed after the first 25 and before it could say that it was done.
        let killed = format!(
            "UPDATE job_leases SET holder = 'one', succeeded_at = NULL, expires_at = {};
             DELETE FROM renewal_notices WHERE license IN (SELECT license FROM renewal_notices ORDER BY license LIMIT 15)",
            world.service.now().plus(Seconds::minutes(5)).micros(),
        );
        raw::run(&db.db, &killed).await.unwrap();
        let (two, three) = (mailing_on(db.another_node().await, &world.clock), mailing_on(db.another_node().await, &world.clock));
        two.give_notice("two").await.unwrap();
        assert_eq!(all_sent(&two).await, [], "it may be at it still");
        world.clock.advance(Seconds::minutes(5));
        let (second, third) = tokio::join!(two.give_notice("two"), three.give_notice("three"));
        second.and(third).unwrap();
        assert_eq!(all_sent(&two).await.len(), 15);
        // Nor does it matter that one of them comes late, and does not know that it is no more its turn.
        raw::run(&db.db, "UPDATE job_leases SET succeeded_at = NULL, expires_at = 0").await.unwrap();
        let (second, third) = tokio::join!(two.give_notice("two"), three.give_notice("three"));
        second.and(third).unwrap();
        assert_eq!(all_sent(&two).await, []);
        assert_eq!(count(&db, "renewal_notices").await, "40");
    }

    async fn many_ends_are_told_piece_by_piece(db: TestDb) {
        let world = world(&db).await;
        let (service, call) = (&world.service, world.call());
        let customer = world.customer("ada@example.com").await;
        let expires_at = Some(service.now().plus(Seconds::days(30)));
        for n in 0..1_050 {
            let known = (n % 2 == 0).then_some(CustomerChoice::Existing(customer));
            service.issue_license(&call, IssueLicense { customer: known, expires_at, ..IssueLicense::of(world.plan) }).await.unwrap();
        }
        world.clock.advance(Seconds::days(20));
        service.give_notice("one").await.unwrap();
        assert_eq!(all_sent(service).await.len(), 525, "all of them end in the same microsecond");
        assert_eq!(within(&world, 2).await, []);
    }

    async fn the_customer_is_told_once_a_day_that_a_device_found_no_seat(db: TestDb) {
        let world = world(&db).await;
        let other = mailing_on(db.another_node().await, &world.clock);
        let (one, call) = (&world.service, world.call());
        let issued = license(&world, "ada@example.com", 365).await;
        for device in ["Studio", "Laptop", "Render"] {
            activate(&world, one, &issued.key, device).await.unwrap();
            world.clock.advance(Seconds(1));
        }
        let events = count(&db, "events").await;
        for service in [one, &other, one] {
            for device in ["Fourth", "Fifth"] {
                assert_eq!(activate(&world, service, &issued.key, device).await.unwrap_err(), ErrorCode::SeatLimitReached);
            }
        }
        // To turn a device away writes nothing.
        let written = [count(&db, "events").await, count(&db, "mails").await, count(&db, "seat_limit_notices").await];
        assert_eq!(written, [events, "0".to_owned(), "0".to_owned()]);
        let (first, second) = tokio::join!(one.give_notice("one"), other.give_notice("two"));
        first.and(second).unwrap();
        let texts = sent_to(one, "ada@example.com").await;
        assert_eq!(texts.len(), 1, "{texts:?}");
        assert!(texts[0].starts_with("All seats of your license for A product are taken\n"), "{}", texts[0]);
        assert!(texts[0].contains("Seats: 3\n") && texts[0].contains("- Studio\n- Laptop\n- Render\n"), "{}", texts[0]);
        let link = format!("\nhttps://licenses.example.com/portal/{}/licenses/{}\n", world.vendor, issued.license.id);
        assert!(texts[0].contains(&link), "{}", texts[0]);
        // Not again on the same day, on whichever node.
        world.clock.advance(Seconds::hours(23));
        for service in [one, &other] {
            activate(&world, service, &issued.key, "Fourth").await.unwrap_err();
            service.give_notice("one").await.unwrap();
        }
        assert_eq!(all_sent(one).await, []);
        // On the next day it is told once more, with the portal's own address by now.
        let portal = SetPortal { domain: Some("portal.example.com".to_owned()), short_name: Some(text("example")), ..SetPortal::default() };
        one.set_portal(&call, portal).await.unwrap();
        world.clock.advance(Seconds::hours(1));
        activate(&world, one, &issued.key, "Fourth").await.unwrap_err();
        one.give_notice("one").await.unwrap();
        let texts = sent_to(one, "ada@example.com").await;
        assert!(texts.len() == 1 && texts[0].contains("\nhttps://portal.example.com/portal/example/licenses/"), "{texts:?}");
        // Where nobody asks any more, nobody is told.
        world.clock.advance(Seconds::days(2));
        one.give_notice("one").await.unwrap();
        assert_eq!(all_sent(one).await, []);
        // Nor where a seat was freed meanwhile, nor where the vendor does not want it.
        activate(&world, one, &issued.key, "Fourth").await.unwrap_err();
        let seats = one.license(&call.actor, issued.license.id).await.unwrap().seats;
        one.free_seat(&call, seats[0].id, text("Broken")).await.unwrap();
        one.give_notice("one").await.unwrap();
        activate(&world, one, &issued.key, "Fourth").await.unwrap();
        activate(&world, one, &issued.key, "Fifth").await.unwrap_err();
        wish(&world, Notices { seat_limit: false, ..Notices::default() }).await;
        one.give_notice("one").await.unwrap();
        assert_eq!(all_sent(one).await, []);
        // What a node could not write it writes later.
        wish(&world, Notices::default()).await;
        activate(&world, one, &issued.key, "Fifth").await.unwrap_err();
        raw::run(&db.db, "ALTER TABLE seat_limit_notices RENAME TO away").await.unwrap();
        one.give_notice("one").await.unwrap_err();
        raw::run(&db.db, "ALTER TABLE away RENAME TO seat_limit_notices").await.unwrap();
        one.give_notice("one").await.unwrap();
        assert_eq!(all_sent(one).await.len(), 1);
    }

    async fn seats_of_people_are_taken_by_people(db: TestDb) {
        let world = world(&db).await;
        let (service, call) = (&world.service, world.call());
        let terms = Terms { seat_model: SeatModel::NamedUser { devices: 2 }, ..yearly() };
        let input = CreatePlan { product: world.product, name: text("Team"), code: text("team"), terms };
        let plan = service.create_plan(&call, input).await.unwrap().id;
        let input = IssueLicense { customer: Some(choice("ada@example.com")), ..IssueLicense::of(plan) };
        let key = service.issue_license(&call, input).await.unwrap().key;
        for (device, user) in [("a", "bob"), ("b", "bob"), ("c", "eve"), ("d", "ann")] {
            world.activate_for(&key, device, &format!("{user}@example.com")).await.unwrap();
            world.clock.advance(Seconds(1));
        }
        // Too many devices of one person are theirs to know.
        let own = world.activate_for(&key, "e", "bob@example.com").await.unwrap_err();
        assert_eq!(own.code, ErrorCode::DeviceLimitReached);
        service.give_notice("one").await.unwrap();
        assert_eq!(all_sent(service).await, []);
        world.activate_for(&key, "e", "zoe@example.com").await.unwrap_err();
        service.give_notice("one").await.unwrap();
        let texts = sent_to(service, "ada@example.com").await;
        let taken = "The seats are taken by:\n- bob@example.com\n- eve@example.com\n- ann@example.com\n\n";
        assert!(texts.len() == 1 && texts[0].contains(taken), "{texts:?}");
    }

    async fn a_refund_says_what_ends_and_when(db: TestDb) {
        let world = world(&db).await;
        let (service, call) = (&world.service, world.call());
        let (id, issued) = order(&world, "A-1042", "ada@example.com", 2).await;
        activate(&world, service, &issued[0].key, "laptop").await.unwrap();
        let looked = service.refund_order(&call, id, text("Asked"), true).await.unwrap();
        assert_eq!(all_sent(service).await, [], "a look is no refund");
        service.refund_order(&call, id, text("Asked"), false).await.unwrap();
        let texts = sent_to(service, "ada@example.com").await;
        let ends = looked.impact.at_the_latest;
        assert!(ends > Some(service.now().plus(Seconds::days(7))), "the laptop has a lease: {ends:?}");
        let page = Some(format!("https://licenses.example.com/portal/{}/orders", world.vendor));
        let mail = Mail::Refunded { order: "A-1042".to_owned(), products: vec!["A product".to_owned()], ends, page };
        let says = mail.render(&Look::of(text("Example Software")));
        assert_eq!(texts, [format!("{}\n\n{}", says.subject, says.text)]);
        // The same once more is no news.
        service.refund_order(&call, id, text("Again"), false).await.unwrap();
        assert_eq!(all_sent(service).await, []);
        // An order without licenses: nothing is said of any.
        let (id, _) = order(&world, "A-1043", "bob@example.com", 0).await;
        service.refund_order(&call, id, text("Asked"), false).await.unwrap();
        let texts = sent_to(service, "bob@example.com").await;
        assert!(texts.len() == 1 && !texts[0].contains("For:") && !texts[0].contains("licenses"), "{texts:?}");
        // Nor is anybody told where the vendor does not want it.
        let (id, _) = order(&world, "A-1044", "eve@example.com", 1).await;
        wish(&world, Notices { refunded: false, ..Notices::default() }).await;
        service.refund_order(&call, id, text("Asked"), false).await.unwrap();
        assert_eq!(all_sent(service).await, []);
    }

    async fn customers_are_written_to_as_the_portal_looks_and_led_to_its_own_domain(db: TestDb) {
        let world = world(&db).await;
        let (service, call) = (&world.service, world.call());
        let look = SetMailLook { issued: vec![world.product], ..SetMailLook::default() };
        service.set_mail_look(&call, look).await.unwrap();
        let portal = SetPortal {
            domain: Some("portal.example.com".to_owned()),
            short_name: Some(text("example")),
            name: Some(text("Example Store")),
            accent: Some("#0A7F5A".to_owned()),
            ..SetPortal::default()
        };
        service.set_portal(&call, portal).await.unwrap();
        let licenses = "https://portal.example.com/portal/example/licenses";
        // Each kind with where it leads: issued, a seat too few, an end without a link to a shop, a refund, a code.
        let issued = license(&world, "ada@example.com", 2).await.license.id;
        let key = license(&world, "bob@example.com", 400).await.key;
        let (id, ordered) = order(&world, "A-1042", "eve@example.com", 1).await;
        for device in ["one", "two", "three"] {
            activate(&world, service, &key, device).await.unwrap();
        }
        activate(&world, service, &key, "four").await.unwrap_err();
        world.clock.advance(Seconds::days(1));
        service.give_notice("one").await.unwrap();
        service.refund_order(&call, id, text("Asked"), false).await.unwrap();
        service.ask_to_sign_in(world.vendor, text("ada@example.com"), &RequestInfo::default()).await.unwrap();
        let invited = InviteMember { email: text("joe@example.com"), role: Role::Viewer };
        service.invite(&call, invited).await.unwrap();
        let mut led = BTreeSet::new();
        while service.mails_are_due().await.unwrap() {
            for mail in service.claim_mails(50).await.unwrap() {
                let says = mail.says.clone().unwrap();
                let ours = mail.to().as_str() == "joe@example.com";
                assert_eq!(mail.sender, if ours { "Example Software" } else { "Example Store" }, "{}", says.subject);
                assert_eq!(says.html.contains("border-top:4px solid #0a7f5a"), !ours, "{}", says.html);
                assert_eq!(says.text.contains("https://licenses.example.com/"), ours, "{}", says.text);
                let link = says.text.lines().find(|line| line.starts_with("https://portal.example.com/portal/example/"));
                led.extend(link.map(|link| (says.subject.clone(), link.split('?').next().unwrap().to_owned())));
                service.mail_tried(&mail, Outcome::Sent).await.unwrap();
            }
        }
        let own = format!("{licenses}/{issued}");
        assert!(led.iter().any(|(subject, link)| subject.contains(" runs until ") && *link == own), "{led:?}");
        let to = |subject: &str, end: &str| led.contains(&(subject.to_owned(), end.to_owned()));
        assert!(to("Your license for A product", &own), "{led:?}");
        assert!(to("Your license for A product", &format!("{licenses}/{}", ordered[0].license.id)), "{led:?}");
        assert!(led.iter().any(|(subject, _)| subject.starts_with("All seats of your license")), "{led:?}");
        assert!(to("Your order A-1042 was paid back", "https://portal.example.com/portal/example/orders"), "{led:?}");
        assert!(to("Sign in to Example Store", "https://portal.example.com/portal/example/sign-in"), "{led:?}");
        // A look at one shows the same.
        let shown = service.preview_mail(&world.system(), Template::SignIn).await.unwrap();
        assert!(shown.text.contains("\nhttps://portal.example.com/portal/example/sign-in\n"), "{}", shown.text);
        assert!(shown.html.contains(">Example Store</p>") && shown.subject == "Sign in to Example Store", "{}", shown.html);
    }

    async fn a_refund_that_was_taken_back_before_it_began_has_sent_nothing(db: TestDb) {
        let world = world(&db).await;
        let service = &world.service;
        let refunds = async || {
            let sent = all_sent(service).await;
            sent.into_iter().filter(|(_, subject)| subject.ends_with("was paid back")).collect::<Vec<_>>()
        };
        let (first, _) = order(&world, "A-1", "ada@example.com", 1).await;
        let (second, _) = order(&world, "A-2", "bob@example.com", 1).await;
        let begin = async |orders: Vec<OrderId>| {
            let support = world.member(Role::Support).await;
            service.begin_bulk(&support, None, REFUND, Target::Orders(orders), text("Asked")).await.unwrap()
        };
        let act = begin(vec![first]).await;
        world.clock.advance(Seconds::minutes(9));
        work(service, "one").await;
        service.stop_bulk(&world.member(Role::Support).await, act).await.unwrap();
        world.clock.advance(Seconds::minutes(9));
        work(service, "one").await;
        assert_eq!(refunds().await, []);
        let act = begin(vec![first, second]).await;
        world.clock.advance(Seconds::minutes(10));
        work(service, "one").await;
        assert_eq!(refunds().await, [], "clocks may differ by a minute");
        world.clock.advance(Seconds::minutes(1));
        work(service, "one").await;
        // What is taken back before it could be sent is not sent any more.
        let owner = world.member(Role::Owner).await;
        let undone = service.undo_bulk(&owner, None, act, text("A mistake")).await.unwrap();
        work(service, "one").await;
        assert_eq!(service.bulk_act(&owner.actor, undone).await.unwrap().changed, 2);
        assert_eq!(refunds().await, []);
        begin(vec![first, second]).await;
        world.clock.advance(Seconds::minutes(11));
        work(service, "one").await;
        let told: Vec<String> = refunds().await.into_iter().map(|(to, subject)| format!("{to}: {subject}")).collect();
        assert_eq!(told, ["ada@example.com: Your order A-1 was paid back", "bob@example.com: Your order A-2 was paid back"]);
    }
}
