//! The support desk: what is pasted stays out of addresses and is explained in place, ends of access can be taken back before they
//! begin, lists of refunds say first what becomes of each, and replies are filled in.

use axum::http::{StatusCode, header};
use holdfast_domain::{LicenseStatus, Role, Seconds, SigningKeyId, license::StatusChange, sale::SubscriptionStatus};
use holdfast_lease::PublicKey;
use holdfast_service::{
    Call, Error, RequestInfo,
    admin::{
        approvals::Asked,
        bulk::{BulkState, BulkStep, Target},
        inputs::{CustomerChoice, IssueLicense},
        page::PageRequest,
    },
    runtime::{Activate, Device, Nonce},
    system::OsEntropy,
};
use holdfast_store::{
    Scope, WriteOptions, manifests,
    shops::{self, SaleRow},
    signing_keys,
};
use serde_json::Value;

use crate::world::{Things, World, function};

const EXPLAIN: &str = "/support/explain";

/// The lease of a device on the license of `things`.
async fn lease(world: &World, things: &Things, device: u8) -> String {
    let input = Activate {
        key: things.key.clone(),
        device: Device {
            hash: holdfast_domain::DeviceHash::from_bytes([device; 32]),
            name: Some("Studio".to_owned()),
            platform: None,
            app_version: None,
            public_key: None,
        },
        user: None,
        nonce: Nonce::parse("nonce-0123456789").unwrap(),
        manifest_seq: None,
        borrow_seconds: None,
    };
    world.service.activate(things.product, input, &RequestInfo::default()).await.unwrap().lease
}

/// That the page says all of this; where the pieces of a text are put together makes no difference.
fn holds(page: &str, parts: &[&str]) {
    let page = page.replace("<!>", "");
    for part in parts {
        assert!(page.contains(part), "{part}: {page}");
    }
}

#[tokio::test]
async fn what_is_pasted_is_explained_in_place_and_stands_in_no_address() {
    let world = World::new().await;
    let things = world.things("asked").await;
    let lease = lease(&world, &things, 41).await;
    let mut nobody = world.browser();
    let sent = nobody.post(EXPLAIN, &[("q", &lease)]).await;
    assert_eq!((sent.status, sent.header(header::LOCATION)), (StatusCode::SEE_OTHER, "/sign-in?next=/support/explain"));
    let mut viewer = world.member(world.vendor, Role::Viewer).await;
    let sent = viewer.post(EXPLAIN, &[("q", &lease), ("at", "")]).await;
    assert_eq!((sent.status, sent.header(header::LOCATION)), (StatusCode::OK, ""));
    holds(&sent.body, &["Studio", "Licensed", "nbf ≤ T ≤ soft", "A new lease", "The lease ends", "Customer asked"]);
    assert!(!sent.body.contains(&lease), "nothing that was pasted comes back");
    assert_eq!(sent.header(header::CACHE_CONTROL), "no-store");
    // Later, by the same document: in grace, then over.
    let day = |days: i64| {
        let at = world.service.now().plus(Seconds::days(days));
        jiff::Timestamp::from_microsecond(at.micros()).unwrap().strftime("%Y-%m-%dT%H:%M").to_string()
    };
    let later = viewer.post(EXPLAIN, &[("q", &lease), ("at", &day(20))]).await.body;
    holds(&later, &["Grace", "soft &lt; T ≤ exp", "only has to reach it"]);
    let over = viewer.post(EXPLAIN, &[("q", &lease), ("at", &day(40))]).await.body;
    holds(&over, &["Expired", "exp &lt; T, no fb"]);
    // Damaged, and of another vendor: the refusal's name, and nothing else.
    let damaged = viewer.post(EXPLAIN, &[("q", &lease[..lease.len() - 10])]).await.body;
    holds(&damaged, &["<code>signature_length</code>"]);
    let mut stranger = world.member(world.other, Role::Owner).await;
    let foreign = stranger.post(EXPLAIN, &[("q", &lease)]).await.body;
    holds(&foreign, &["<code>kid_unknown</code>"]);
    for page in [&damaged, &foreign] {
        for told in ["Studio", "Customer asked", &things.license.to_string(), &things.product.to_string()] {
            assert!(!page.contains(told), "{told}: {page}");
        }
    }
    // A mail with a document or a key in it is explained by that, and no part of it stands in an address either.
    let mail = format!("Hello,\nit says {lease}.\nRegards");
    for (text, told) in [
        (mail, "Licensed"),
        (format!("My key is {}, help", things.key), "Customer asked"),
        (format!("My key is {} help", things.key.replace('-', " ")), "Customer asked"),
        ("Two\nlines".to_owned(), "Nothing"),
        ("long ".repeat(60), "Nothing"),
    ] {
        for desk in [false, true] {
            let mut fields = vec![("q", text.as_str())];
            fields.extend(desk.then_some(("desk", "1")));
            let sent = viewer.post(EXPLAIN, &fields).await;
            assert_eq!((sent.status, sent.header(header::LOCATION)), (StatusCode::OK, ""), "{text}");
            holds(&sent.body, &[told]);
            assert!(!sent.body.contains(&things.key) && !sent.body.contains(&lease), "{text}");
        }
    }
    // A form of another site is not taken.
    let cross = axum::http::Request::builder()
        .method("POST")
        .uri(EXPLAIN)
        .header(header::CONTENT_TYPE, "multipart/form-data; boundary=part")
        .header("sec-fetch-site", "cross-site");
    let cross = viewer.send(cross.body(axum::body::Body::empty()).unwrap()).await;
    assert_eq!(cross.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn what_may_stand_in_an_address_has_one() {
    let world = World::new().await;
    let things = world.things("found").await;
    let mut support = world.member(world.vendor, Role::Support).await;
    let (license, seat, story) =
        (things.license.to_string(), things.seat.to_string(), format!("/support/{}", things.customer));
    let explain = |text: &str| format!("{EXPLAIN}?q={text}");
    let cases = [
        // Where things are explained.
        (things.key.as_str(), false, explain(&license)),
        (seat.as_str(), false, explain(&seat)),
        ("seat_limit_reached", false, explain("seat_limit_reached")),
        ("AAAAA-AAAAA-AAAAA-AAAAA-AAAAA", false, format!("{EXPLAIN}?key=unknown")),
        // The desk's box leads to the customer.
        (things.key.as_str(), true, format!("{story}#{license}")),
        ("customer-found@example.com", true, story.clone()),
        ("order-found", true, story.clone()),
        ("seat_limit_reached", true, explain("seat_limit_reached")),
        (seat.as_str(), true, explain(&seat)),
        ("nobody at all", true, "/support?q=nobody%20at%20all".to_owned()),
    ];
    for (text, desk, expected) in cases {
        let mut fields = vec![("q", text)];
        fields.extend(desk.then_some(("desk", "1")));
        let sent = support.post(EXPLAIN, &fields).await;
        assert_eq!((sent.status, sent.header(header::LOCATION)), (StatusCode::SEE_OTHER, expected.as_str()), "{text}");
    }
    holds(&support.get(&explain(&seat)).await.body, &["Computer found", "Licensed", "What helps"]);
    holds(&support.get(&explain("seat_limit_reached")).await.body, &["All seats are taken", "It is not signed"]);
    holds(&support.get(&format!("{EXPLAIN}?key=unknown")).await.body, &["No license has this key"]);
    holds(&support.get("/support?q=Computer").await.body, &["Computer found", &format!("{EXPLAIN}?q={seat}")]);
    let story = support.get(&story).await.body;
    holds(
        &story,
        &["Customer found", "order-found", "Computer found", "Note found", &things.key[things.key.len() - 4..]],
    );
    assert!(!story.contains(&things.key));
}

#[tokio::test]
async fn the_page_says_of_published_states_what_the_client_says() {
    let world = World::new().await;
    let file = std::fs::read_to_string(format!("{}/../vectors/client-v1.json", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let file: Value = serde_json::from_str(&file).unwrap();
    let document = |name: &Value| file["documents"][name.as_str().unwrap().trim_start_matches('@')].as_str().unwrap();
    let (scope, now) = (Scope::trusted(world.vendor), world.service.now());
    let root = PublicKey::from_b64u(file["roots"][0].as_str().unwrap()).unwrap();
    let key = signing_keys::SigningKeyRow {
        id: SigningKeyId::new(now, &OsEntropy),
        vendor: world.vendor,
        product: None,
        kind: signing_keys::KeyKind::Root,
        kid: root.kid().to_string(),
        public_key: root.to_bytes(),
        seed_sealed: None,
        uses: "[\"keys\"]".to_owned(),
        status: signing_keys::KeyStatus::Active,
        nbf: now,
        exp: now.plus(Seconds::days(365)),
        created_at: now,
        revoked_at: None,
    };
    let token = file["documents"]["manifest"].as_str().unwrap().to_owned();
    let trusted: Result<(), Error> = world
        .service
        .store()
        .write(WriteOptions::alone(), move |tx| {
            let (key, token) = (key.clone(), token.clone());
            Box::pin(async move {
                signing_keys::insert(tx, scope, &key).await?;
                let row = manifests::ManifestRow { seq: 1_000, token, signed_at: now };
                manifests::put(tx, scope, None, &row).await?;
                Ok(())
            })
        })
        .await;
    trusted.unwrap();
    let words = |verdict: &Value| match (verdict["verdict"].as_str().unwrap(), verdict["reason"].as_str()) {
        ("licensed", _) => "Licensed",
        ("trial", _) => "Trial",
        ("grace", _) => "Grace",
        ("limited", _) => "Limited",
        ("expired", _) => "Expired",
        (_, Some("not_yet_valid")) => "Not valid yet",
        (_, Some("revoked")) => "Revoked",
        (_, Some("suspended")) => "Suspended",
        (_, Some("released")) => "Seat taken back",
        other => panic!("{other:?}"),
    };
    let mut viewer = world.member(world.vendor, Role::Viewer).await;
    let mut compared = 0;
    for name in [
        "launch-licensed-at-nbf",
        "launch-licensed-at-soft",
        "launch-grace-in-the-middle",
        "launch-expired-after-a-year",
        "launch-fallback-after-a-year",
        "launch-trial-begin",
        "launch-limited-begin",
        "launch-not-yet-valid",
        "launch-denied-revoked",
        "launch-denied-suspended",
        "launch-denied-released",
        "launch-denial-without-lease",
    ] {
        let vector = file["vectors"].as_array().unwrap().iter().find(|vector| vector["name"] == name).unwrap();
        let state = &vector["state"];
        let documents = ["lease", "denial"].map(|kind| state.get(kind).map(document));
        let pasted = documents.into_iter().flatten().collect::<Vec<_>>().join("\n");
        // The field takes whole minutes; none of these lies within one of a boundary but at its beginning.
        let at = jiff::Timestamp::from_second(vector["clock"]["wall"].as_i64().unwrap()).unwrap();
        let at = at.strftime("%Y-%m-%dT%H:%M:%S").to_string();
        let page = viewer.post(EXPLAIN, &[("q", &pasted), ("at", &at)]).await.body.replace("<!>", "");
        let badge = page.split("badge-state").nth(1).unwrap_or_else(|| panic!("{name}: {page}"));
        let badge = badge.split("</span>").next().unwrap();
        assert!(badge.ends_with(words(&vector["expect"]["verdict"])), "{name}: {badge}");
        compared += 1;
    }
    assert_eq!(compared, 12);
}

#[tokio::test]
async fn support_begins_at_its_desk_and_others_at_the_overview() {
    let world = World::new().await;
    for (role, home) in [(Role::Support, "/support"), (Role::Admin, "/console")] {
        let mut browser = world.member(world.vendor, role).await;
        assert_eq!(browser.get("/").await.header(header::LOCATION), home, "{role:?}");
        assert_eq!(browser.get("/sign-in").await.header(header::LOCATION), home, "{role:?}");
        let email = format!("{}-ours@example.com", role.as_str());
        let fields = format!("email={email}&password={}", crate::world::PASSWORD.replace(' ', "+"));
        for (next, expected) in [("", home), ("/support/explain", "/support/explain"), ("//evil.example", home)] {
            let mut fresh = world.browser();
            let sent = fresh.submit("/sign-in", &function("sign_in"), &format!("{fields}&next={next}")).await;
            assert!(sent.header(header::LOCATION).ends_with(expected), "{role:?}: {}", sent.header(header::LOCATION));
        }
    }
}

#[tokio::test]
async fn beside_ten_that_wait_one_more_is_asked_of_a_second_person() {
    let world = World::new().await;
    let things = world.things("eleventh").await;
    let mut support = world.member(world.vendor, Role::Support).await;
    let system = Call::system(world.vendor);
    for n in 0..10 {
        let license = world.service.issue_license(&system, IssueLicense::of(things.plan)).await.unwrap().license.id;
        let shown = support.get(&format!("/console/licenses/{license}/revoke")).await.body;
        assert!(!shown.contains("Ask for approval"), "{n}");
        let fields = format!("id={license}&step=revoke&reason=Chargeback");
        assert_eq!(support.call(&function("take_step"), &fields).await.code(), "ok", "{n}");
    }
    let license = format!("/console/licenses/{}", things.license);
    for step in ["revoke", "suspend"] {
        let shown = support.get(&format!("{license}/{step}")).await.body;
        holds(&shown, &["Ask for approval", "This takes a second person", "name=\"ask\"", "more than ten licenses"]);
    }
    let refund = format!("/console/orders/{}/refund", things.order);
    holds(&support.get(&refund).await.body, &["Ask for approval", "This takes a second person"]);
    let alone = format!("id={}&step=revoke&reason=Chargeback", things.license);
    assert_eq!(support.call(&function("take_step"), &alone).await.code(), "forbidden");
    let asked =
        support.submit(&format!("{license}/revoke"), &function("take_step"), &format!("{alone}&ask=true")).await;
    let place = asked.header(header::LOCATION).to_owned();
    assert!(place.starts_with("/console/approvals/") && place.ends_with("?done=asked"), "{place}");
    let waiting = world.service.approvals(&system.actor, true, PageRequest::default()).await.unwrap().items;
    let target = Box::new(Target::Licenses(vec![things.license]));
    let wanted = Asked::Many { step: BulkStep::Status(StatusChange::Revoke), target };
    assert!(waiting.iter().any(|approval| approval.asked == wanted && place.contains(&approval.id.to_string())));
    // What an owner does needs nobody else.
    let mut owner = world.member(world.vendor, Role::Owner).await;
    assert!(!owner.get(&format!("{license}/revoke")).await.body.contains("Ask for approval"));
}

#[tokio::test]
async fn a_subscription_that_is_past_due_says_until_when_what_was_bought_works() {
    let world = World::new().await;
    let things = world.things("late").await;
    let mut support = world.member(world.vendor, Role::Support).await;
    let story = format!("/support/{}", things.customer);
    assert!(!support.get(&story).await.body.contains("Subscription"));
    let now = world.service.now();
    let (paid_until, end) = (now.plus(Seconds::hours(-49)), now.plus(Seconds::hours(12 * 24 + 1)));
    let mut shorter = IssueLicense::of(things.plan);
    (shorter.order, shorter.customer) = (Some(things.order), Some(CustomerChoice::Existing(things.customer)));
    shorter.expires_at = Some(end);
    world.service.issue_license(&Call::system(world.vendor), shorter).await.unwrap();
    for (status, words) in [
        (
            SubscriptionStatus::PastDue,
            ["Past due", "A payment has failed, and Shop late tries again", "It works until"],
        ),
        (SubscriptionStatus::Renewing, ["Renews itself", "In Shop late, paid until", "2 d 1 h ago"]),
        (SubscriptionStatus::Ending, ["Ends", "It was cancelled in Shop late", "2 d 1 h ago"]),
        (SubscriptionStatus::Ended, ["Ended", "It ended in Shop late", "2 d 1 h ago"]),
    ] {
        let sale = serde_json::json!({ "id": "sub_1", "payment": "paid", "subscription": { "status": status, "paid_until": paid_until } });
        let row = SaleRow {
            shop: things.shop,
            sale: "sub_1".to_owned(),
            order_id: Some(things.order),
            customer: None,
            sequence: 1,
            state: serde_json::from_value(sale).unwrap(),
            applied_at: now,
        };
        let scope = Scope::trusted(world.vendor);
        let put: Result<(), Error> = world
            .service
            .store()
            .write(WriteOptions::default(), move |tx| {
                let row = row.clone();
                Box::pin(async move { Ok(shops::put_sale(tx, scope, &row).await?) })
            })
            .await;
        put.unwrap();
        let shown = support.get(&story).await.body;
        holds(&shown, &words);
        holds(&shown, &["in 12 d"]);
    }
}

#[tokio::test]
async fn what_support_ends_waits_where_everybody_sees_it_and_is_taken_back_there() {
    let world = World::new().await;
    let things = world.things("waits").await;
    let mut support = world.member(world.vendor, Role::Support).await;
    let (story, license) = (format!("/support/{}", things.customer), format!("/console/licenses/{}", things.license));
    let step = format!("{license}/revoke?from={story}");
    holds(&support.get(&step).await.body, &["1 device loses access", "It takes effect ten minutes from then"]);
    let fields = format!("id={}&step=revoke&reason=Chargeback", things.license);
    let sent = support.submit(&step, &function("take_step"), &fields).await;
    assert_eq!(sent.header(header::LOCATION), format!("{story}?done=scheduled"));
    let status =
        async || world.service.license(&Call::system(world.vendor).actor, things.license).await.unwrap().license.status;
    assert_eq!(status().await, LicenseStatus::Active);
    let mut viewer = world.member(world.vendor, Role::Viewer).await;
    for page in [story.as_str(), &license, "/support", "/console/acts"] {
        let shown = support.get(page).await.body;
        holds(&shown, &["Revoke", "Chargeback"]);
        if page != "/console/acts" {
            holds(&shown, &["begins in", "Take it back"]);
            assert!(!viewer.get(page).await.body.contains("Take it back"), "{page}");
        }
    }
    let act = world.service.waiting_acts(&Call::system(world.vendor).actor).await.unwrap()[0].id;
    let taken = support.submit(&story, &function("stop_act"), &format!("id={act}")).await;
    assert_eq!(taken.header(header::LOCATION), format!("{story}?done=taken_back"));
    let view = world.service.bulk_act(&Call::system(world.vendor).actor, act).await.unwrap();
    assert_eq!((view.state, view.changed, status().await), (BulkState::Stopped, 0, LicenseStatus::Active));
    assert!(!support.get(&story).await.body.contains("begins in"));
    // A refund of support's waits as well.
    let refund = format!("/console/orders/{}/refund?from={story}", things.order);
    holds(&support.get(&refund).await.body, &["It takes effect ten minutes from then"]);
    let fields = format!("id={}&reason=Did+not+run", things.order);
    let sent = support.submit(&refund, &function("refund"), &fields).await;
    assert_eq!(sent.header(header::LOCATION), format!("{story}?done=scheduled"));
    for page in [&story, &license, &format!("/console/orders/{}", things.order)] {
        holds(&support.get(page).await.body, &["Refund 1 order", "begins in"]);
    }
    // While it waits none is offered, neither there nor at its own address; taken back, it is again.
    let link = format!("href=\"/console/orders/{}/refund?from={story}\"", things.order);
    let shown = support.get(&story).await.body;
    assert!(shown.contains("Refund waits") && !shown.contains(&link), "{shown}");
    let shown = support.get(&refund).await.body;
    holds(&shown, &["Refund 1 order", "begins in", "Take it back"]);
    assert!(!shown.contains("name=\"reason\""), "{shown}");
    let act = world.service.waiting_acts(&Call::system(world.vendor).actor).await.unwrap()[0].id;
    support.submit(&story, &function("stop_act"), &format!("id={act}")).await;
    let shown = support.get(&story).await.body;
    assert!(shown.contains(&link) && !shown.contains("Refund waits"), "{shown}");
    holds(&support.get(&refund).await.body, &["name=\"reason\""]);
    // An owner's is done at once.
    let mut owner = world.member(world.vendor, Role::Owner).await;
    let step = format!("{license}/revoke");
    assert!(!owner.get(&step).await.body.contains("ten minutes from then"));
    let fields = format!("id={}&step=revoke&reason=Chargeback", things.license);
    let sent = owner.submit(&step, &function("take_step"), &fields).await;
    assert_eq!(sent.header(header::LOCATION), format!("{license}?done=license_revoked"));
    assert_eq!(status().await, LicenseStatus::Revoked);
    // Nobody is led elsewhere by an address.
    let fields = format!("id={}&step=reinstate&reason=Sorry", things.license);
    let from = format!("{license}/reinstate?from=https://evil.example");
    let sent = owner.submit(&from, &function("take_step"), &fields).await;
    assert_eq!(sent.header(header::LOCATION), format!("{license}?done=license_reinstated"));
}

#[tokio::test]
async fn support_asks_for_a_new_key() {
    let world = World::new().await;
    let things = world.things("key").await;
    let mut support = world.member(world.vendor, Role::Support).await;
    let rekey = format!("/console/licenses/{}/rekey", things.license);
    holds(&support.get(&rekey).await.body, &["This takes a second person", "Ask for approval"]);
    let fields = format!("id={}&ask=true&reason=Posted", things.license);
    let asked = support.submit(&rekey, &function("rekey"), &fields).await;
    let approval = asked.header(header::LOCATION).to_owned();
    assert!(approval.starts_with("/console/approvals/apr_"), "{approval}");
    holds(&support.get("/support").await.body, &["New key for license", "Waits for a second person"]);
    let mut owner = world.member(world.vendor, Role::Owner).await;
    holds(&owner.get("/support").await.body, &["New key for license", "Waits for you"]);
    holds(&owner.get(&approval).await.body, &["nobody can activate with it any more"]);
    let id = approval.split(['/', '?']).nth(3).unwrap();
    assert_eq!(owner.call(&function("decide"), &format!("id={id}&note=")).await.code(), "ok");
    let found = owner.post(EXPLAIN, &[("q", &things.key)]).await;
    assert_eq!(found.header(header::LOCATION), format!("{EXPLAIN}?key=unknown"));
}

#[tokio::test]
async fn a_list_of_refunds_says_what_becomes_of_each_before_it_is_done() {
    let world = World::new().await;
    let things = world.things("list").await;
    let mut admin = world.member(world.vendor, Role::Admin).await;
    let page = "/support/refunds";
    holds(&admin.get(page).await.body, &["Order numbers", "Look at them"]);
    let list = "order\norder-list\nINV-404\norder-list\n";
    for field in ["orders", "file"] {
        let looked = admin.post(page, &[(field, list)]).await;
        assert_eq!(looked.status, StatusCode::OK);
        holds(
            &looked.body,
            &[
                "1 to be refunded, 1 unknown, 1 repeated",
                "Is refunded",
                "No such order",
                "Refund 1 order",
                "1 device loses access",
            ],
        );
    }
    holds(&admin.post(page, &[("orders", " \n ")]).await.body, &["The list is empty"]);
    let fields = format!("act[of]=orders&act[step]=refund&act[ids]={}&list=order-list&reason=", things.order);
    // What is not accepted comes back to the list that was looked at.
    let refused = admin.submit(page, &function("begin_act"), &fields).await;
    assert_eq!(refused.header(header::LOCATION), "/support/refunds#refused");
    holds(&admin.get(page).await.body, &["Is refunded", "must not be empty"]);
    let done = admin.submit(page, &function("begin_act"), &format!("{fields}Recall")).await;
    let act = done.header(header::LOCATION).to_owned();
    assert!(act.starts_with("/console/acts/blk_"), "{act}");
    while world.service.go_on_with_bulk("one").await.unwrap() {}
    holds(&admin.get(&act).await.body, &["order-list", "Changed", "Take it back"]);
    holds(&admin.post(page, &[("orders", list)]).await.body, &["Refunded already"]);
    let mut developer = world.member(world.vendor, Role::Developer).await;
    assert_eq!(developer.get(page).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn replies_are_checked_when_they_are_written_and_filled_where_they_are_used() {
    let world = World::new().await;
    let things = world.things("reply").await;
    let mut support = world.member(world.vendor, Role::Support).await;
    let new = "/support/replies/new";
    holds(&support.get(new).await.body, &["{customer}", "{works_without_us_until}"]);
    let fields = "id=&name=Seats&text=Dear+%7Bname%7D";
    let refused = support.submit(new, &function("save_reply"), fields).await;
    assert_eq!(refused.header(header::LOCATION), format!("{new}#refused"));
    holds(&support.get(new).await.body, &["{name} is no fact that a reply can name", "Dear {name}"]);
    let fields =
        "id=&name=Seats&text=Dear+%7Bcustomer%7D%2C+%7Bseats_used%7D+of+%7Bseats_limit%7D+on+%E2%80%A6%7Bkey_end%7D";
    let saved = support.submit(new, &function("save_reply"), fields).await;
    assert_eq!(saved.header(header::LOCATION), "/support/replies?done=reply_saved");
    holds(&support.get("/support/replies").await.body, &["Seats", "Reply reply", "Write reply"]);
    let replies = world.service.replies(&Call::system(world.vendor).actor).await.unwrap();
    let id = replies.iter().find(|reply| reply.name.as_str() == "Seats").unwrap().id;
    let story = format!("/support/{}?reply={id}", things.customer);
    let end = &things.key[things.key.len() - 4..];
    holds(&support.get(&story).await.body, &[&format!("Dear Customer reply, 1 of 3 on …{end}")]);
    // Others read them, and write none.
    let mut viewer = world.member(world.vendor, Role::Viewer).await;
    holds(&viewer.get(&story).await.body, &["Dear Customer reply"]);
    assert!(!viewer.get("/support/replies").await.body.contains("Write reply"));
    assert_eq!(viewer.get(new).await.status, StatusCode::FORBIDDEN);
    let removed =
        support.submit(&format!("/support/replies/{id}"), &function("remove_reply"), &format!("id={id}")).await;
    assert_eq!(removed.header(header::LOCATION), "/support/replies?done=reply_removed");
    assert_eq!(support.get(&format!("/support/replies/{id}")).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_portal_is_looked_at_as_a_customer_sees_it_and_nothing_there_is_changed() {
    let world = World::new().await;
    let things = world.things("viewed").await;
    let mut support = world.member(world.vendor, Role::Support).await;
    let (story, door) = (format!("/support/{}", things.customer), format!("/portal/{}", world.vendor));
    let begin = format!("{story}/view");
    holds(&support.get(&story).await.body, &["View as the customer"]);
    holds(&support.get(&begin).await.body, &["see no key", "Customer viewed", "It ends after 30 minutes"]);
    let fields = format!("id={}&reason=", things.customer);
    let refused = support.submit(&begin, &function("view_as"), &fields).await;
    assert_eq!(refused.header(header::LOCATION), format!("{begin}#refused"));
    assert_eq!(support.get(&format!("{door}/orders")).await.header(header::LOCATION), door, "not yet");
    let begun = support.submit(&begin, &function("view_as"), &format!("{fields}Asks")).await;
    assert_eq!(begun.header(header::LOCATION), door);
    // On every page they see what the customer sees, who looks, and no key.
    let license = format!("{door}/licenses/{}", things.license);
    let pages = [
        (door.clone(), "Product viewed"),
        (license.clone(), "Computer viewed"),
        (format!("{license}/seats/{}", things.seat), "Computer viewed"),
        (format!("{door}/orders"), "order-viewed"),
        (format!("{door}/people"), "Ask a colleague in"),
        (format!("{door}/offline"), "Bring a request"),
        (format!("{door}/account"), "customer-viewed@example.com"),
    ];
    for (path, told) in &pages {
        let page = support.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        holds(&page.body, &[told, "You see this as <b>Customer viewed</b> does", "Stop viewing"]);
        assert!(!page.body.contains("Sign out") && !page.body.contains(&things.key), "{path}");
    }
    // Whatever the portal can do is refused.
    let paths: Vec<_> = leptos::server_fn::axum::server_fn_paths().map(|(path, _)| path.to_owned()).collect();
    let is_behind = |name: &str| {
        let open = ["portal_frame", "portal_home", "code_page", "ask_code", "claim", "use_code", "enter_with_key"];
        paths.iter().any(|path| path.contains("/pages/portal/") && path.ends_with(&format!("/{name}")))
            && !open.contains(&name)
            && name != "leave_portal"
    };
    let mut asked = 0;
    for row in crate::functions::table().into_iter().filter(|row| is_behind(row.name)) {
        let reads = row.name.starts_with("my_") || row.name.ends_with("_page");
        let answer = support.call(&function(row.name), &(row.arguments)(&things)).await.code();
        // Of those who hold named seats this license has none.
        let expected: &[&str] = if reads { &["ok", "not_found"] } else { &["forbidden"] };
        assert!(expected.contains(&answer.as_str()), "{}: {answer}", row.name);
        asked += usize::from(!reads);
    }
    assert!(asked >= 8, "{asked} functions change something");
    for path in [format!("{door}/leases/{}", things.seat), format!("{door}/data")] {
        let sent = support.post(&path, &[("none", "")]).await;
        assert_eq!(sent.status, StatusCode::FORBIDDEN, "{path}");
        assert!(!sent.body.contains(&things.key));
    }
    let sent = support.post(&format!("{door}/offline/answer"), &[("request", "HF1.e30"), ("license", "")]).await;
    assert_eq!(sent.header(header::LOCATION), format!("{door}/offline#refused"));
    holds(&support.get(&format!("{door}/offline")).await.body, &["Only they can do this"]);
    let fields = format!("license={}&seat={}&name=Theirs", things.license, things.seat);
    let seat = &pages[2].0;
    let sent = support.submit(seat, &function("rename_my_seat"), &fields).await;
    assert_eq!(sent.header(header::LOCATION), format!("{seat}#refused"));
    holds(&support.get(seat).await.body, &["Only they can do this"]);
    let call = Call::system(world.vendor);
    let seat = world.service.seat(&call.actor, things.seat).await.unwrap();
    assert_eq!(seat.name.as_deref(), Some("Computer viewed"));
    // Of all this one event tells.
    let mut owner = world.member(world.vendor, Role::Owner).await;
    let log = owner.get(&format!("/console/audit?subject={}", things.customer)).await.body;
    holds(&log, &["Portal looked at as the customer sees it", "Asks"]);
    assert_eq!(owner.get(&format!("{door}/orders")).await.header(header::LOCATION), door, "nobody else is let in");
    let stopped = support.submit(&door, &function("stop_viewing"), "").await;
    assert_eq!(stopped.header(header::LOCATION), story);
    for (path, _) in &pages[1..] {
        assert_eq!(support.get(path).await.header(header::LOCATION), door, "{path}");
    }
    holds(&support.get(&door).await.body, &["Sign in"]);
    // Whoever answers nobody does not look.
    let mut viewer = world.member(world.vendor, Role::Viewer).await;
    assert!(!viewer.get(&story).await.body.contains("View as the customer"));
    assert_eq!(viewer.get(&begin).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn the_story_tells_of_people_mail_and_notes() {
    let world = World::new().await;
    let things = world.things("told").await;
    let mut support = world.member(world.vendor, Role::Support).await;
    let story = format!("/support/{}", things.customer);
    holds(&support.get(&story).await.body, &["Nobody has come in yet", "Note told"]);
    let fields = format!("vendor={}&email=customer-told%40example.com", world.vendor);
    assert_eq!(world.browser().call(&function("ask_code"), &fields).await.code(), "ok");
    let noted =
        support.submit(&story, &function("add_note"), &format!("subject={}&note=Called", things.customer)).await;
    assert_eq!(noted.header(header::LOCATION), format!("{story}?done=note_added#notes"));
    let console = format!("/console/customers/{}", things.customer);
    let noted =
        support.submit(&console, &function("add_note"), &format!("subject={}&note=Again", things.customer)).await;
    assert_eq!(noted.header(header::LOCATION), format!("{console}?done=note_added#notes"));
    holds(&support.get(&story).await.body, &["Sign-in", "customer-told@example.com", "Waiting"]);
}
