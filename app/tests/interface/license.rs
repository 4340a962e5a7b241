//! Acts on one license and on its plan, as the server's pages and forms do them for a browser without scripting.

use axum::http::{StatusCode, header};
use holdfast_domain::{DeviceHash, LicenseModel, Role, SeatModel, SeatState, Seconds, Terms};
use holdfast_service::{
    Actor, Call, RequestInfo,
    admin::{
        inputs::{CreatePlan, CustomerChoice, IssueLicense, UpdateLicense},
        notes::NoteSubject,
    },
    runtime::{Activate, Device, Nonce},
};

use crate::world::{World, function, text};

#[tokio::test]
async fn a_note_that_was_taken_away_is_on_no_page() {
    let world = World::new().await;
    let things = world.things("notes").await;
    let (service, call) = (&world.service, Call::system(world.vendor));
    let note = service.add_note(&call, NoteSubject::License(things.license), text("Owes us money")).await.unwrap();
    let mut viewer = world.member(world.vendor, Role::Viewer).await;
    let pages = ["", "?tab=timeline", "?tab=timeline&told=people"]
        .map(|rest| format!("/console/licenses/{}{rest}", things.license));
    assert!(viewer.get(&pages[0]).await.body.contains("Owes us money"));
    service.edit_note(&call, note.id, text("Owes us nothing")).await.unwrap();
    service.remove_note(&call, note.id).await.unwrap();
    for page in pages {
        let page = viewer.get(&page).await.body;
        assert!(page.contains("What happened") || page.contains("What is told"));
        assert!(!page.contains("Owes us"), "{page}");
    }
    // What it said stays in the log, for those who read that.
    let mut owner = world.member(world.vendor, Role::Owner).await;
    assert!(owner.get(&format!("/console/audit?subject={}", things.license)).await.body.contains("Owes us money"));
}

#[tokio::test]
async fn limits_are_said_with_what_is_used_of_them() {
    let world = World::new().await;
    let things = world.things("limits").await;
    let (service, call) = (&world.service, Call::system(world.vendor));
    let terms = Terms {
        seats: 1,
        overdraft: 2,
        ..Terms::defaults(LicenseModel::Perpetual, SeatModel::NamedUser { devices: 3 })
    };
    let plan = CreatePlan { product: things.product, name: text("People"), code: text("people"), terms };
    let plan = service.create_plan(&call, plan).await.unwrap().id;
    let customer = Some(CustomerChoice::Existing(things.customer));
    let issued = service.issue_license(&call, IssueLicense { customer, ..IssueLicense::of(plan) }).await.unwrap();
    let mut seats = Vec::new();
    for (device, user) in [(1, "grace@example.com"), (2, "grace@example.com"), (3, "ada@example.com")] {
        let activate = Activate {
            key: issued.key.clone(),
            device: Device {
                hash: DeviceHash::from_bytes([device; 32]),
                name: None,
                platform: None,
                app_version: None,
                public_key: None,
            },
            user: Some(text(user)),
            nonce: Nonce::parse("nonce-0123456789").unwrap(),
            manifest_seq: None,
            borrow_seconds: None,
        };
        seats.push(service.activate(things.product, activate, &RequestInfo::default()).await.unwrap().seat.id);
    }
    let mut owner = world.member(world.vendor, Role::Owner).await;
    let license = format!("/console/licenses/{}", issued.license.id);
    for (path, said) in [
        (license.clone(), "Seats (2 / 1)"),
        (license.clone(), "1 / 2"),
        (license.clone(), "grace@example.com, 2 / 3 devices"),
        (license.clone(), "ada@example.com, 1 / 3 devices"),
        (license, "Entitlements (0 / 64)"),
        (format!("/console/licenses/{}", things.license), "0 / 5 seats in 30 days"),
        (format!("/console/seats/{}", seats[0]), "grace@example.com, 2 / 3 devices"),
        (format!("/console/plans/{}", things.plan), "Entitlements (0 / 64)"),
        (format!("/console/customers/{}", things.customer), "Seats of active licenses"),
        ("/console/webhooks".to_owned(), "1 / 20"),
        ("/console/shops".to_owned(), "1 / 50"),
        (format!("/console/shops/{}", things.shop), "0 / 1,000 prices"),
        ("/console/security".to_owned(), "Second factors (0 / 20)"),
        ("/console/licenses?state=active".to_owned(), "0 / 50"),
        ("/console/licenses".to_owned(), "0 / 4 at work on this server"),
        ("/console/imports".to_owned(), "At most 64 MiB, 200,000 rows and 100 columns."),
        (format!("/console/imports/{}", things.import), "1 / 200,000 rows, 2 / 100 columns"),
    ] {
        let page = owner.get(&path).await.body;
        assert!(page.contains(said), "{path}: {said}: {page}");
    }
    // Of some that were looked for it says how many those are.
    assert!(!owner.get("/console/webhooks?q=limits").await.body.contains("/ 20"));
    let query = format!("/console/acts/new?of=licenses&step=extend&id={}", things.license);
    let limit = "1 / 10 at once: more than that takes an owner, or a second person.";
    assert!(!owner.get(&query).await.body.contains(limit));
    let mut admin = world.member(world.vendor, Role::Admin).await;
    let page = admin.get(&query).await.body;
    assert!(page.contains(limit), "{page}");
}

#[tokio::test]
async fn notes_go_on_over_pages_and_one_that_was_taken_away_is_put_back() {
    let world = World::new().await;
    let things = world.things("many").await;
    let mut owner = world.member(world.vendor, Role::Owner).await;
    let license = format!("/console/licenses/{}", things.license);
    for n in 0..50 {
        let added = owner.call(&function("add_note"), &format!("subject={}&note=Number+{n}.", things.license)).await;
        assert_eq!(added.code(), "ok");
    }
    let all = format!("/console/notes/about/{}", things.license);
    let page = owner.get(&license).await.body;
    assert!(page.contains(&format!("href=\"{all}\"")) && !page.contains("Note many"), "the oldest is not there");
    let first = owner.get(&all).await.body;
    let next = first.split_once(&format!("href=\"{all}?after=")).unwrap().1.split('"').next().unwrap();
    let last = owner.get(&format!("{all}?after={next}")).await.body;
    assert!(first.contains("Number 49.") && last.contains("Note many") && !last.contains("Number 49."), "{last}");
    // Taken away, it is where it can be put back, but what it said is nowhere.
    let note = first.split_once("href=\"/console/notes/not_").unwrap().1.split('"').next().unwrap();
    let note = format!("not_{note}");
    let removed = owner.call(&function("remove_note"), &format!("id={note}")).await;
    let place = format!("/console/notes/{note}?done=note_removed");
    assert_eq!((removed.code().as_str(), removed.header(header::LOCATION)), ("ok", place.as_str()));
    let page = owner.get(&place).await.body;
    assert!(page.contains("Put it back") && !page.contains("Number 49."), "{page}");
    assert!(!owner.get(&license).await.body.contains("Number 49."));
    let mut admin = world.member(world.vendor, Role::Admin).await;
    assert_eq!(admin.get(&place).await.status, StatusCode::NOT_FOUND);
    assert_eq!(owner.call(&function("restore_note"), &format!("id={note}")).await.code(), "ok");
    assert!(owner.get(&license).await.body.contains("Number 49."));
    assert_eq!(owner.call(&function("restore_note"), &format!("id={note}")).await.code(), "not_found");
}

#[tokio::test]
async fn steps_say_what_they_do_and_for_how_long_they_can_be_undone() {
    let world = World::new().await;
    let things = world.things("steps").await;
    let (mut owner, mut support) =
        (world.member(world.vendor, Role::Owner).await, world.member(world.vendor, Role::Support).await);
    let license = format!("/console/licenses/{}", things.license);
    let later = format!("extend?until={}", things.later);
    for step in [&later, "suspend", "revoke", &format!("free/{}", things.seat)] {
        let page = owner.get(&format!("{license}/{step}")).await.body;
        assert!(page.contains("It can be undone for ten minutes."), "{step}: {page}");
    }
    let extend = format!("{license}/extend");
    let page = owner.get(&extend).await.body;
    assert!(page.contains("Its device goes on without a break") && !page.contains("30 days"), "{page}");
    assert!(!page.contains("name=\"reason\""), "first the day");
    assert!(support.get(&extend).await.body.contains("within 30 days, and 30 of them are left."));
    // What the day that was chosen changes, or why it cannot be.
    let detail = world.service.license(&Actor::system(world.vendor), things.license).await.unwrap().license;
    let day = |more| {
        let at = detail.expires_at.unwrap().plus(Seconds::days(more));
        jiff::Timestamp::from_microsecond(at.micros()).unwrap().to_zoned(jiff::tz::TimeZone::UTC).date()
    };
    let words = |more| day(more).strftime("%-d %B %Y").to_string();
    let said = format!("It ends on {} instead of {} (10 days later); 1 device goes on.", words(10), words(0));
    for browser in [&mut owner, &mut support] {
        let page = browser.get(&format!("{license}/{later}")).await.body;
        assert!(page.contains(&said), "{said}: {page}");
    }
    for (until, may) in
        [(String::new(), "It never ends, instead of ending on"), (day(60).to_string(), "(60 days later)")]
    {
        let page = format!("{extend}?until={until}");
        assert!(owner.get(&page).await.body.contains(may), "{may}");
        let page = support.get(&page).await.body;
        assert!(page.contains("within 30 days, and 30 of them are left.") && !page.contains(may), "{page}");
        assert!(!page.contains("name=\"reason\""));
    }
    let page = owner.get(&format!("{extend}?until={}", day(-1))).await.body;
    assert!(page.contains("The new end is not later than the present one.") && !page.contains("name=\"reason\""));
    let call = Call::system(world.vendor);
    world.service.free_seat(&call, things.seat, text("Asked")).await.unwrap();
    assert!(owner.get(&extend).await.body.contains("No device uses it now"));
    // It was said to be undone, and is.
    let fields = format!("id={}&until={}&reason=Asked", things.license, things.later);
    assert_eq!(owner.call(&function("extend"), &fields).await.code(), "ok");
    let page = owner.get(&license).await.body;
    assert!(
        page.replace("<!>", "").contains("License extended by you")
            && page.contains(&format!("href=\"{license}/undo/evt_")),
        "{page}"
    );
}

#[tokio::test]
async fn a_license_with_more_devices_than_its_page_has_says_so_and_leads_to_all() {
    let world = World::new().await;
    let things = world.things("crowd").await;
    let call = Call::system(world.vendor);
    let page = format!("/console/licenses/{}", things.license);
    let mut owner = world.member(world.vendor, Role::Owner).await;
    let few = owner.get(&page).await.body;
    let all = format!("href=\"/console/seats?license={}\"", things.license);
    assert!(few.contains("First seen") && few.contains("Computer crowd") && !few.contains(&all), "{few}");
    let input = UpdateLicense { seats: Some(300), ..UpdateLicense::default() };
    world.service.update_license(&call, things.license, input).await.unwrap();
    for n in 0..205_u8 {
        let activate = Activate {
            key: things.key.clone(),
            device: Device {
                hash: DeviceHash::from_bytes([n; 32]),
                name: Some(format!("Number {n}.")),
                platform: None,
                app_version: None,
                public_key: None,
            },
            user: None,
            nonce: Nonce::parse("nonce-0123456789").unwrap(),
            manifest_seq: None,
            borrow_seconds: None,
        };
        world.service.activate(things.product, activate, &RequestInfo::default()).await.unwrap();
    }
    let many = owner.get(&page).await.body;
    assert!(many.contains("These are 200 of 205") && many.contains(&all), "{many}");
    assert!(owner.get(&format!("/console/seats?license={}", things.license)).await.body.contains("Number 199."));
}

#[tokio::test]
async fn a_plan_is_saved_before_its_licenses_follow_and_they_can_follow_later() {
    let world = World::new().await;
    let things = world.things("plan").await;
    let mut owner = world.member(world.vendor, Role::Owner).await;
    let plan = format!("/console/plans/{}", things.plan);
    let typed = "plan[name]=Pro&plan[sold]=subscription&plan[months]=12&plan[used]=devices&plan[seats]=1&plan[offline]=standard";
    let check = owner.get(&format!("{plan}/check?{typed}")).await.body;
    for piece in ["Save, then apply to 1 license", "name=\"seats_from\" value=\"3\""] {
        assert!(check.contains(piece), "{piece}: {check}");
    }
    // Twice, as whoever clicks twice does: the number of seats that the plan had stays what it was.
    for _ in 0..2 {
        let fields = format!("id={}&seats_from=3&{typed}", things.plan);
        let saved = owner.submit(&format!("{plan}/check?{typed}"), &function("save_plan"), &fields).await;
        assert!(saved.header(header::LOCATION).ends_with(&format!("{plan}?done=plan_saved&seats_from=3")));
    }
    let page = owner.get(&format!("{plan}?seats_from=3")).await.body;
    for piece in ["Apply to 1 license", "would change 1 license"] {
        assert!(page.contains(piece), "{piece}: {page}");
    }
    let link = page.split_once("href=\"/console/acts/new?").unwrap().1.split_once('"').unwrap().0.replace("&amp;", "&");
    assert_eq!(link, format!("of=plans&step=terms&id={}&seats_from=3", things.plan));
    assert!(!owner.get(&format!("{plan}?tab=edit")).await.body.contains("Apply to"));
    let mut viewer = world.member(world.vendor, Role::Viewer).await;
    assert!(!viewer.get(&plan).await.body.contains("Apply to"));
    // With a reason, and the terms that were looked at.
    let new = format!("/console/acts/new?{link}");
    assert!(viewer.get(&new).await.body.contains("This role may not do that"));
    let page = owner.get(&new).await.body;
    for piece in ["Apply the terms of Pro to 1 license", "1 of 1 licenses looked at", "Nobody would have noticed."] {
        assert!(page.contains(piece), "{piece}: {page}");
    }
    let value = |name: &str| {
        let rest = page.split_once(&format!("name=\"{name}\" value=\"")).unwrap().1;
        rest.split_once('"').unwrap().0.replace("&quot;", "\"").replace("&#x27;", "'")
    };
    let (id, query) = (value("act[id]"), value("act[query]"));
    let query = query.bytes().fold(String::new(), |all, byte| format!("{all}%{byte:02X}"));
    let fields =
        |reason: &str| format!("act[of]=plans&act[step]=terms&act[id]={id}&act[query]={query}&reason={reason}");
    assert_eq!(owner.call(&function("begin_act"), &fields("")).await.code(), "invalid_request");
    let begun = owner.submit(&new, &function("begin_act"), &fields("Smaller+plan")).await;
    assert!(begun.header(header::LOCATION).ends_with(&format!("/console/acts/{id}")));
    while world.service.go_on_with_bulk("node").await.unwrap() {}
    let seats = async || {
        world.service.license(&Call::system(world.vendor).actor, things.license).await.unwrap().license.terms.seats
    };
    assert_eq!(seats().await, 1);
    let act = owner.get(&format!("/console/acts/{id}")).await.body.replace("<!>", "");
    for piece in ["Apply a plan’s terms", "Smaller plan", "1 of 1", "Take it back"] {
        assert!(act.contains(piece), "{piece}: {act}");
    }
    assert!(!owner.get(&plan).await.body.contains("Apply to"));
    let fields = format!("act[of]=acts&act[step]=undo&act[ids]={id}&reason=Wrong");
    owner.submit(&format!("/console/acts/new?undo={id}"), &function("begin_act"), &fields).await;
    while world.service.go_on_with_bulk("node").await.unwrap() {}
    assert_eq!(seats().await, 3);
}

#[tokio::test]
async fn a_change_of_what_somebody_else_changed_meanwhile_is_looked_at_again() {
    let world = World::new().await;
    let things = world.things("meanwhile").await;
    let mut owner = world.member(world.vendor, Role::Owner).await;
    let page =
        format!("/console/licenses/{}/change?plan={}&seats=5&ends_on=&entitlements=", things.license, things.plan);
    let seen = |body: &str| {
        let rest = body.split_once("name=\"seen\" value=\"").unwrap().1;
        rest.split_once('"').unwrap().0.to_owned()
    };
    let first = seen(&owner.get(&page).await.body);
    let theirs = UpdateLicense { seats: Some(9), ..UpdateLicense::default() };
    world.service.update_license(&Call::system(world.vendor), things.license, theirs).await.unwrap();
    let fields = |seen: &str| {
        let change = format!("change[plan]={}&change[seats]=5&change[ends_on]=&change[entitlements]=", things.plan);
        format!("id={}&seen={seen}&{change}&reason=Bought", things.license)
    };
    let answer = owner.call(&function("change_license"), &fields(&first)).await;
    assert_eq!(answer.code(), "changed_meanwhile");
    let second = seen(&owner.get(&page).await.body);
    assert_ne!(first, second);
    assert_eq!(owner.call(&function("change_license"), &fields(&second)).await.code(), "ok");
}

#[tokio::test]
async fn a_freed_seat_is_undone_by_its_own_address() {
    let world = World::new().await;
    let things = world.things("freed").await;
    let mut owner = world.member(world.vendor, Role::Owner).await;
    let fields = format!("license={}&seat={}&reason=Stolen", things.license, things.seat);
    assert_eq!(owner.call(&function("free_seat"), &fields).await.code(), "ok");
    let license = format!("/console/licenses/{}", things.license);
    assert!(owner.get(&format!("{license}/free/{}", things.seat)).await.body.contains("free already"));
    let page = owner.get(&license).await.body;
    let link = page.split_once(&format!("href=\"{license}/undo/")).unwrap().1.split_once('"').unwrap().0.to_owned();
    let (event, seat) = link.split_once("?seat=").unwrap();
    assert_eq!(seat, things.seat.to_string());
    assert!(owner.get(&format!("{license}/undo/{link}")).await.body.contains("has its seat again"));
    let fields = format!("license={}&event={event}&seat={seat}&reason=Mistake", things.license);
    assert_eq!(owner.call(&function("undo"), &fields).await.code(), "ok");
    assert!(owner.get(&format!("{license}/undo/{link}")).await.body.contains("while nobody has taken it"));
    assert!(owner.get(&format!("{license}/free/{seat}")).await.body.contains("loses access"));
}

#[tokio::test]
async fn seats_that_an_act_on_many_freed_are_given_back_from_its_page() {
    let world = World::new().await;
    let things = world.things("seats").await;
    let mut owner = world.member(world.vendor, Role::Owner).await;
    let new = format!("/console/acts/new?of=seats&step=free&id={}", things.seat);
    assert!(owner.get(&new).await.body.contains("Free 1 seat"));
    let fields = format!("act[of]=seats&act[step]=free&act[ids]={}&reason=Lost", things.seat);
    let begun = owner.submit(&new, &function("begin_act"), &fields).await;
    let act = begun.header(header::LOCATION).rsplit('/').next().unwrap().to_owned();
    while world.service.go_on_with_bulk("node").await.unwrap() {}
    let system = Call::system(world.vendor).actor;
    let state = async || world.service.seat(&system, things.seat).await.unwrap().state;
    assert_eq!(state().await, SeatState::Released);
    assert!(owner.get(&format!("/console/acts/{act}")).await.body.contains("Take it back"));
    let undo = format!("/console/acts/new?undo={act}");
    let page = owner.get(&undo).await.body;
    for piece in ["Take it back for 1 seat", "no license gets more seats than it has", "Nobody loses access"] {
        assert!(page.contains(piece), "{piece}: {page}");
    }
    let fields = format!("act[of]=acts&act[step]=undo&act[ids]={act}&reason=Found");
    let begun = owner.submit(&undo, &function("begin_act"), &fields).await;
    while world.service.go_on_with_bulk("node").await.unwrap() {}
    assert_eq!(state().await, SeatState::Active);
    let place = begun.header(header::LOCATION).split_once("/console/").unwrap().1.to_owned();
    let page = owner.get(&format!("/console/{place}?tab=changed")).await.body;
    for piece in ["Give seats back", "This takes back an earlier act", &format!("/console/seats/{}", things.seat)] {
        assert!(page.contains(piece), "{piece}: {page}");
    }
}
