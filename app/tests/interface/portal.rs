//! The portal as browsers ask for it: its door, who of a customer may do what, and that nobody sees what is another's.

use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use holdfast_app::ssr;
use holdfast_domain::{CustomerId, VendorId};
use holdfast_service::{
    Call, RequestInfo,
    admin::inputs::{CreateCustomer, SetPortal},
    portal::{CustomerCall, InvitePerson},
    runtime::mails::Outcome,
};
use std::collections::BTreeSet;

use crate::{
    functions::marks,
    world::{Answer, Browser, PAGE_PATHS, Things, World, function, text},
};

/// What was mailed to an address since somebody looked last; what went to others is gone then.
async fn mails(world: &World, email: &str) -> Vec<String> {
    let mut sent = Vec::new();
    while world.service.mails_are_due().await.unwrap() {
        for mail in world.service.claim_mails(50).await.unwrap() {
            if mail.to().as_str() == email {
                sent.push(mail.says.clone().unwrap().text);
            }
            world.service.mail_tried(&mail, Outcome::Sent).await.unwrap();
        }
    }
    sent
}

/// The code that was last mailed to an address.
async fn mailed(world: &World, email: &str) -> Option<String> {
    let mails = mails(world, email).await;
    mails.iter().rev().find_map(|mail| mail.split("?code=").nth(1)).map(|rest| rest[..8].to_owned())
}

fn encoded(email: &str) -> String {
    email.replace('@', "%40")
}

/// The browser of whoever has that address.
async fn customer(world: &World, vendor: VendorId, email: &str) -> Browser {
    let mut browser = world.browser();
    let asked = browser.call(&function("ask_code"), &format!("vendor={vendor}&email={}", encoded(email))).await;
    assert_eq!(asked.code(), "ok", "{email}: {}", asked.body);
    let code = mailed(world, email).await.unwrap();
    let entered = browser.call(&function("use_code"), &format!("vendor={vendor}&code={code}")).await;
    assert_eq!(entered.code(), "ok", "{email}: {}", entered.body);
    browser
}

/// The browser of whoever has shown the key of `things`.
async fn key_holder(world: &World, tag: &str, things: &Things) -> Browser {
    let mut browser = world.browser();
    let fields = format!("vendor={}&key={}&key_email=customer-{tag}%40example.com", world.vendor, things.key);
    let entered = browser.call(&function("enter_with_key"), &fields).await;
    assert_eq!(entered.code(), "ok", "{}", entered.body);
    browser
}

/// The service's view of whoever has that address.
async fn call(world: &World, vendor: VendorId, email: &str) -> CustomerCall {
    let from = RequestInfo::default();
    let asked = world.service.ask_to_sign_in(vendor, text(email), &from).await.unwrap();
    let code = mailed(world, email).await.unwrap();
    let signed_in = world.service.sign_in_with_code(vendor, &asked.browser, &code, &from).await.unwrap();
    CustomerCall::new(world.service.customer_for_session(&signed_in.session).await.unwrap(), from).unwrap()
}

struct Row {
    name: &'static str,
    /// To an administrator, a user, whoever a key let in.
    own: [&'static str; 3],
    /// To another customer, and to another vendor's.
    others: &'static str,
    arguments: fn(&Things, &str) -> String,
}

macro_rules! table {
    ($($name:ident [$a:literal $u:literal $k:literal] $others:literal |$t:pat_param, $c:pat_param| $arguments:expr;)*) => {
        vec![$(Row { name: stringify!($name), own: [$a, $u, $k], others: $others, arguments: |$t, $c| $arguments.to_string() }),*]
    };
}

/// What each function behind the door answers; what a row leaves behind is what the next finds. `c` is a colleague.
#[rustfmt::skip]
fn table() -> Vec<Row> {
    table! {
        my_license ["ok" "ok" "ok"] "not_found" |t, _| format!("id={}", t.license);
        reveal_my_key ["ok" "ok" "forbidden"] "not_found" |t, _| format!("id={}", t.license);
        my_seat ["ok" "ok" "ok"] "not_found" |t, _| format!("license={}&seat={}", t.license, t.seat);
        rename_my_seat ["ok" "ok" "ok"] "not_found" |t, _| format!("license={}&seat={}&name=Mine", t.license, t.seat);
        my_holder ["not_found" "forbidden" "forbidden"] "not_found" |t, _| format!("license={}&user=a%40example.com", t.license);
        // Its seats are of devices, which is said to whoever may hand them out and take them back.
        hand_out_seat ["invalid_request" "forbidden" "forbidden"] "not_found" |t, _| format!("license={}&to=a%40example.com", t.license);
        take_place ["invalid_request" "forbidden" "forbidden"] "not_found" |t, _| format!("license={}&user=a%40example.com&to=", t.license);
        free_my_seat ["ok" "ok" "ok"] "not_found" |t, _| format!("license={}&seat={}", t.license, t.seat);
        offline_page ["ok" "ok" "ok"] "ok" |_, _| "";
        my_orders ["ok" "ok" "forbidden"] "ok" |_, _| "after=";
        my_people ["ok" "forbidden" "forbidden"] "ok" |_, _| "";
        invite_colleague ["ok" "forbidden" "forbidden"] "ok" |t, _| format!("email=new-{}%40example.com&name=", t.seat.to_string().replace('_', "-"));
        step_colleague ["ok" "forbidden" "forbidden"] "not_found" |_, c| format!("id={c}&step=user");
        my_account ["ok" "ok" "ok"] "ok" |_, _| "";
        end_my_session ["not_found" "not_found" "forbidden"] "not_found" |_, _| "id=ses_01m803crnaftmanwmz5a0j4ry7";
        change_company ["not_found" "not_found" "forbidden"] "not_found" |_, _| format!("to={}", CustomerId::from_bytes([6; 16]));
    }
}

/// What leads in and out.
const DOOR: [&str; 8] =
    ["portal_frame", "portal_home", "code_page", "ask_code", "claim", "use_code", "enter_with_key", "leave_portal"];

/// Another vendor with a customer of its own; their address.
async fn elsewhere(world: &World) -> String {
    let call = Call::system(world.other);
    let email = "abroad@example.com".to_owned();
    let input = CreateCustomer { email: Some(text(&email)), ..CreateCustomer::default() };
    world.service.create_customer(&call, input).await.unwrap();
    email
}

#[tokio::test]
async fn every_function_behind_the_portals_door_answers_everybody_as_the_table_says() {
    let world = World::new().await;
    let table = table();
    let paths = leptos::server_fn::axum::server_fn_paths().map(|(path, _)| path);
    let found: BTreeSet<&str> =
        paths.filter(|path| path.contains("/pages/portal/")).map(|path| path.rsplit('/').next().unwrap()).collect();
    let named: BTreeSet<&str> = table.iter().map(|row| row.name).chain(DOOR).collect();
    assert_eq!(found, named, "say of each function of the portal what it must answer to whom");

    let abroad = elsewhere(&world).await;
    world.things("neighbour").await;
    let mut neighbour = customer(&world, world.vendor, "customer-neighbour@example.com").await;
    let mut stranger = customer(&world, world.other, &abroad).await;
    let mut wrong = Vec::new();
    for (at, role) in ["administrator", "user", "holder"].into_iter().enumerate() {
        let things = world.things(role).await;
        let email = format!("customer-{role}@example.com");
        let boss = call(&world, world.vendor, &email).await;
        let colleague = format!("colleague-{role}@example.com");
        world.service.invite_colleague(&boss, InvitePerson::user(text(&colleague))).await.unwrap();
        let people = world.service.my_people(&boss.actor).await.unwrap();
        let colleague_id = people.iter().find(|person| person.email.as_str() == colleague).unwrap().id.to_string();
        let mut browser = match role {
            "administrator" => customer(&world, world.vendor, &email).await,
            "user" => customer(&world, world.vendor, &colleague).await,
            _ => key_holder(&world, role, &things).await,
        };
        let marks = marks(&things, role);
        // Others first: what they do must leave nothing behind.
        for (whose, browser) in [("another customer", &mut neighbour), ("another vendor's customer", &mut stranger)] {
            for row in &table {
                let answer = browser.call(&function(row.name), &(row.arguments)(&things, &colleague_id)).await;
                if answer.code() != row.others {
                    wrong.push(format!("{} for {whose}: {} instead of {}", row.name, answer.code(), row.others));
                }
                for mark in &marks {
                    assert!(!answer.body.contains(mark), "{} tells {whose} of {mark}", row.name);
                }
            }
        }
        for row in &table {
            let answer = browser.call(&function(row.name), &(row.arguments)(&things, &colleague_id)).await;
            if answer.code() != row.own[at] {
                wrong.push(format!("{} as {role}: {} instead of {}", row.name, answer.code(), row.own[at]));
            }
        }
        // Who is in the portal is nobody in the console, and the other way round.
        for name in ["whoami", "my_sessions", "read_list"] {
            let answer = browser.call(&function(name), "of=licenses&query=").await;
            assert_eq!(answer.code(), "unauthenticated", "{name} as {role}");
        }
        assert_eq!(browser.get("/console").await.status, StatusCode::FOUND);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The page at `pattern` for these things.
fn fill(pattern: &str, vendor: &str, things: &Things) -> String {
    pattern
        .replace("{vendor}", vendor)
        .replace("{id}", &things.license.to_string())
        .replace("{seat}", &things.seat.to_string())
        .replace("{*rest}", "nowhere")
}

#[tokio::test]
async fn pages_of_the_portal_are_closed_to_nobody_and_tell_nobody_of_others() {
    let world = World::new().await;
    let things = world.things("mine").await;
    let marks = marks(&things, "mine");
    world.things("neighbour").await;
    let abroad = elsewhere(&world).await;
    let mut owner = customer(&world, world.vendor, "customer-mine@example.com").await;
    let mut neighbour = customer(&world, world.vendor, "customer-neighbour@example.com").await;
    let mut stranger = customer(&world, world.other, &abroad).await;
    let (mut nobody, vendor, door) = (world.browser(), world.vendor.to_string(), format!("/portal/{}", world.vendor));
    let mut seen = 0;
    for pattern in PAGE_PATHS.iter().filter(|pattern| pattern.starts_with("/portal")) {
        let path = fill(pattern, &vendor, &things);
        let open = ["/sign-in", "/claim"].iter().any(|page| path.ends_with(page)) || path == door;
        let answer = nobody.get(&path).await;
        if open {
            assert_eq!(answer.status, StatusCode::OK, "{path}");
            assert!(!answer.body.contains("My licenses"), "{path}");
        } else {
            assert_eq!((answer.status, answer.body.as_str()), (StatusCode::FOUND, ""), "{path}");
            assert_eq!(answer.header(header::LOCATION), door, "{path}");
        }
        // Another vendor's customer has their own portal and not this one.
        let answer = stranger.get(&path).await;
        assert_eq!(answer.status, if open { StatusCode::OK } else { StatusCode::FOUND }, "{path}");
        told_nothing(&answer, &marks, &path);
        // Nobody has a seat of a license of devices.
        let nothing = pattern.ends_with("{*rest}") || pattern.ends_with("/person");
        let expected = if nothing { StatusCode::NOT_FOUND } else { StatusCode::OK };
        let own = owner.get(&path).await;
        assert_eq!(own.status, expected, "{path} for its owner: {}", own.body);
        assert!(!own.body.contains(&things.key), "{path} shows a key that nobody asked for");
        let foreign = neighbour.get(&path).await;
        if pattern.contains("{id}") {
            assert_eq!(foreign.status, StatusCode::NOT_FOUND, "{path}");
        }
        told_nothing(&foreign, &marks, &path);
        seen += 1;
    }
    assert!(seen >= 10, "{seen} pages");
    assert_eq!(nobody.get("/portal/nowhere").await.status, StatusCode::NOT_FOUND);
    let inside = nobody.get("/portal/nowhere/orders").await;
    assert_eq!((inside.status, inside.header(header::LOCATION)), (StatusCode::FOUND, "/portal/nowhere"));
}

fn told_nothing(answer: &Answer, marks: &[String], path: &str) {
    for mark in marks.iter().filter(|mark| !path.contains(*mark)) {
        assert!(!answer.body.contains(mark), "{path} tells of {mark}");
    }
}

#[tokio::test]
async fn a_mailed_link_uses_nothing_up_and_the_browser_that_asked_gets_in() {
    let world = World::new().await;
    let things = world.things("mine").await;
    let (email, door) = ("customer-mine@example.com", format!("/portal/{}", world.vendor));
    let mut browser = world.browser();
    let page = browser.get(&door).await.body;
    assert!(page.contains("Send me a code"), "{page}");
    let ask = |email: &str| format!("vendor={}&email={}", world.vendor, encoded(email));
    let unknown = world.browser().submit(&door, &function("ask_code"), &ask("nobody@example.com")).await;
    let known = browser.submit(&door, &function("ask_code"), &ask(email)).await;
    assert_eq!((known.status, known.header(header::LOCATION)), (unknown.status, unknown.header(header::LOCATION)));
    let code = mailed(&world, email).await.unwrap();
    // A scanner opens the link, and sends its form as well.
    let link = format!("{door}/sign-in?code={code}");
    let mut scanner = world.browser();
    let seen = scanner.get(&link).await;
    assert_eq!(seen.status, StatusCode::OK);
    assert!(seen.body.contains("this is another one"), "{}", seen.body);
    for _ in 0..6 {
        let fields = format!("vendor={}&code={code}", world.vendor);
        assert_eq!(scanner.call(&function("use_code"), &fields).await.code(), "portal_code_wrong");
    }
    // The browser that asked opens it, too: the code is filled in, and nothing has happened yet.
    let page = browser.get(&link).await.body;
    assert!(page.contains(&format!("value=\"{code}\"")), "{page}");
    let wrong = browser.submit(&link, &function("use_code"), &format!("vendor={}&code=1", world.vendor)).await;
    assert!(wrong.header(header::LOCATION).contains("/sign-in"), "{wrong:?}");
    let entered = browser.submit(&link, &function("use_code"), &format!("vendor={}&code={code}", world.vendor)).await;
    assert_eq!(entered.header(header::LOCATION), door);
    let cookie = entered.headers.get_all(header::SET_COOKIE).iter().map(|cookie| cookie.to_str().unwrap().to_owned());
    let cookie = cookie.into_iter().find(|cookie| cookie.starts_with("holdfast_portal=")).unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax") && cookie.contains("Path=/"), "{cookie}");
    let licenses = browser.get(&door).await.body;
    assert!(licenses.contains("My licenses") && licenses.contains(&things.license.to_string()), "{licenses}");
    // The key is shown once it is asked for, to nobody else and for a while.
    let own = format!("{door}/licenses/{}", things.license);
    assert!(!browser.get(&own).await.body.contains(&things.key));
    browser.submit(&own, &function("reveal_my_key"), &format!("id={}", things.license)).await;
    assert!(browser.get(&own).await.body.contains(&things.key));
    let out = browser.submit(&own, &function("leave_portal"), &format!("vendor={}", world.vendor)).await;
    assert_eq!(out.header(header::LOCATION), format!("{door}?done=signed_out"));
    assert!(
        browser.cookies.iter().all(|(name, _)| !name.contains("portal") && !name.contains("own_key")),
        "{:?}",
        browser.cookies
    );
    assert_eq!(browser.get(&own).await.status, StatusCode::FOUND);
}

/// Sends a file as the forms of the portal do.
async fn upload(browser: &mut Browser, path: &str, fields: &[(&str, &str)], file: Option<(&str, &[u8])>) -> Answer {
    let mut body = Vec::new();
    for (name, value) in fields {
        body.extend_from_slice(
            format!("--b\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").as_bytes(),
        );
    }
    if let Some((name, bytes)) = file {
        let head = format!("--b\r\ncontent-disposition: form-data; name=\"{name}\"; filename=\"x\"\r\n\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--b--\r\n");
    let request = Request::post(path)
        .header(header::CONTENT_TYPE, "multipart/form-data; boundary=b")
        .header("sec-fetch-site", "same-origin")
        .body(Body::from(body));
    browser.send(request.unwrap()).await
}

#[tokio::test]
async fn files_of_the_portal_are_for_those_whose_they_are() {
    let world = World::new().await;
    let things = world.things("mine").await;
    world.things("neighbour").await;
    let marks = marks(&things, "mine");
    let door = format!("/portal/{}", world.vendor);
    let (lease, data, file, answer) = (
        format!("{door}/leases/{}", things.seat),
        format!("{door}/data"),
        format!("{door}/offline/file"),
        format!("{door}/offline/answer"),
    );
    let mut nobody = world.browser();
    for path in [&lease, &data] {
        assert_eq!(upload(&mut nobody, path, &[], None).await.status, StatusCode::UNAUTHORIZED, "{path}");
        // No link makes anything.
        assert_ne!(nobody.get(path).await.status, StatusCode::OK, "{path}");
    }
    assert_eq!(nobody.get(&file).await.status, StatusCode::FOUND);
    let mut neighbour = customer(&world, world.vendor, "customer-neighbour@example.com").await;
    assert_eq!(upload(&mut neighbour, &lease, &[], None).await.status, StatusCode::NOT_FOUND);
    let theirs = upload(&mut neighbour, &data, &[], None).await;
    assert_eq!(theirs.status, StatusCode::OK);
    told_nothing(&theirs, &marks, &data);
    let mut owner = customer(&world, world.vendor, "customer-mine@example.com").await;
    let fetched = upload(&mut owner, &lease, &[], None).await;
    assert_eq!(fetched.status, StatusCode::OK, "{}", fetched.body);
    assert!(fetched.header(header::CONTENT_DISPOSITION).starts_with("attachment"));
    let held = upload(&mut owner, &data, &[], None).await;
    assert!(held.body.contains(&things.key) && held.body.contains("Computer mine"), "{}", held.body);
    // What is no request is said on the page; what was pasted stands there again.
    assert_eq!(owner.get(&file).await.status, StatusCode::NOT_FOUND, "nothing was answered yet");
    let sent = upload(&mut owner, &answer, &[("request", "HF1.nonsense"), ("license", "")], None).await;
    assert_eq!(sent.header(header::LOCATION), format!("{door}/offline#refused"));
    let page = owner.get(&format!("{door}/offline")).await.body;
    assert!(page.contains("This is no offline request") && page.contains("HF1.nonsense"), "{page}");
    let body =
        serde_json::json!({ "device": { "hash": "5a".repeat(32), "name": "<b>Lab</b>" }, "nonce": "nonce-0123456789" });
    let request = serde_json::json!({ "product": things.product, "call": "activate", "body": body }).to_string();
    let request = format!("HF1.{}", base64(&request));
    let chosen = [("license", things.license.to_string())];
    let chosen = [("license", chosen[0].1.as_str())];
    let foreign = upload(&mut neighbour, &answer, &chosen, Some(("file", request.as_bytes()))).await;
    assert_eq!(foreign.header(header::LOCATION), format!("{door}/offline#refused"));
    // Of all that is the owner's there is what the neighbour has sent themselves.
    told_nothing(&neighbour.get(&format!("{door}/offline")).await, &marks, &things.license.to_string());
    let sent = upload(&mut owner, &answer, &chosen, Some(("file", request.as_bytes()))).await;
    assert_eq!(sent.header(header::LOCATION), format!("{door}/offline"));
    let page = owner.get(&format!("{door}/offline")).await.body;
    assert!(page.contains("QR code") && page.contains("&lt;b&gt;Lab&lt;/b&gt;") && !page.contains("<b>Lab"), "{page}");
    let carried = owner.get(&file).await;
    let document: serde_json::Value = serde_json::from_str(&carried.body).unwrap();
    assert!(document["lease"].is_string() && document["keys"].is_string());
    assert_eq!(neighbour.get(&file).await.status, StatusCode::NOT_FOUND, "kept in the session that asked");
}

fn base64(text: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut out = String::new();
    for three in text.as_bytes().chunks(3) {
        let bits = three.iter().fold(0u32, |bits, byte| (bits << 8) | u32::from(*byte)) << (8 * (3 - three.len()));
        out.extend((0..=three.len()).map(|at| char::from(ALPHABET[((bits >> (18 - 6 * at)) & 63) as usize])));
    }
    out
}

#[tokio::test]
async fn a_vendors_own_look_and_host_name_lead_to_its_portal_and_to_nothing_else() {
    let world =
        World::with(ssr::Settings { origins: vec!["https://here.example.com".to_owned()], ..ssr::Settings::default() })
            .await;
    let call = Call::system(world.vendor);
    let input = SetPortal {
        short_name: Some(text("acme-soft")),
        domain: Some("Licenses.Acme.example".to_owned()),
        here: Some("here.example.com".to_owned()),
        name: Some(text("</title><script>Acme")),
        accent: Some("#FFE08A".to_owned()),
        welcome: Some("Hello <b>there".to_owned()),
        help: Some("Call us".to_owned()),
    };
    world.service.set_portal(&call, input).await.unwrap();
    let svg = br##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9" onload="x()"><path d="M0 0h9v9z" fill="#123456"/></svg>"##;
    world.service.set_portal_logo(&call, Some(svg.to_vec())).await.unwrap();
    let mut nobody = world.browser();
    // Both addresses lead to it; what was typed is text.
    for path in ["/portal/acme-soft".to_owned(), format!("/portal/{}", world.vendor)] {
        let page = nobody.get(&path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        for part in
            ["· &lt;/title&gt;&lt;script&gt;Acme</title>", "Hello &lt;b&gt;there", "Call us", "accent-ffe08a.css"]
        {
            assert!(page.body.contains(part), "{path}: {part}: {}", page.body);
        }
        assert!(!page.body.contains("<script>Acme"), "{path}");
    }
    let sheet = nobody.get("/portal/acme-soft/look/accent-ffe08a.css").await;
    assert_eq!((sheet.status, sheet.header(header::CONTENT_TYPE)), (StatusCode::OK, "text/css; charset=utf-8"));
    assert!(sheet.body.contains("--color-primary:#ffe08a"), "{}", sheet.body);
    assert_eq!(nobody.get("/portal/acme-soft/look/accent-ffffff.css").await.status, StatusCode::NOT_FOUND);
    let hash = world.service.portal_at("acme-soft").await.unwrap().logo.unwrap();
    let logo = nobody.get(&format!("/portal/acme-soft/look/{hash}")).await;
    assert_eq!(logo.header(header::CONTENT_TYPE), "image/svg+xml");
    assert_eq!(logo.header(header::CONTENT_SECURITY_POLICY), "default-src 'none'; sandbox");
    assert!(logo.body.contains("M0 0h9v9z") && !logo.body.contains("onload"), "{}", logo.body);
    assert_eq!(nobody.get("/portal/acme-soft/look/0000000000000000").await.status, StatusCode::NOT_FOUND);
    // At the vendor's host name there is its portal and nothing else of this installation.
    let at = async |host: &str, path: &str| {
        let request =
            Request::get(path).header(header::HOST, host).header(header::ACCEPT, "text/html").body(Body::empty());
        let answer = world.browser().send(request.unwrap()).await;
        (answer.status, answer.header(header::LOCATION).to_owned())
    };
    let own = "licenses.acme.example";
    assert_eq!(at(own, "/").await, (StatusCode::FOUND, "/portal/acme-soft".to_owned()));
    assert_eq!(at("licenses.acme.example:8443", "/").await.1, "/portal/acme-soft");
    assert_eq!(at(own, "/portal/acme-soft").await.0, StatusCode::OK);
    for path in ["/console", "/sign-in", "/setup", "/portal/vnd_01m803crnaftmanwmz5a0j4ry7"] {
        assert_eq!(at(own, path).await.0, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(at("here.example.com", "/console").await.0, StatusCode::FOUND);
    assert_eq!(at("unknown.example.com", "/").await.1, "/sign-in");
    // The mailed link leads there.
    let mut browser = world.browser();
    world.things("mine").await;
    browser.call(&function("ask_code"), "vendor=acme-soft&email=customer-mine%40example.com").await;
    let mails = mails(&world, "customer-mine@example.com").await.join("\n");
    assert!(mails.contains("https://licenses.acme.example/portal/acme-soft/sign-in?code="), "{mails}");
    // Nobody shuts everybody out of the console by its own name.
    for name in ["here.example.com", "HERE.example.com.", "alias.example.com"] {
        let input = SetPortal {
            domain: Some(name.to_owned()),
            here: Some("alias.example.com".to_owned()),
            ..SetPortal::default()
        };
        let refused = world.service.set_portal(&call, input).await.unwrap_err();
        assert_eq!((refused.code.as_str(), refused.pointer.as_deref()), ("invalid_request", Some("/domain")), "{name}");
    }
    let unnamed = World::new().await;
    let input = SetPortal { domain: Some("licenses.acme.example".to_owned()), ..SetPortal::default() };
    let refused = unnamed.service.set_portal(&Call::system(unnamed.vendor), input).await.unwrap_err();
    assert_eq!((refused.code.as_str(), refused.pointer.as_deref()), ("invalid_request", Some("/domain")));
    // Names that are taken or kept.
    for (name, code) in [("portal", "invalid_request"), ("ab", "invalid_request"), ("acme-soft", "code_taken")] {
        let input = SetPortal { short_name: Some(text(name)), ..SetPortal::default() };
        let refused = world.service.set_portal(&Call::system(world.other), input).await.unwrap_err();
        assert_eq!((refused.code.as_str(), refused.pointer.as_deref()), (code, Some("/short_name")), "{name}");
    }
}

#[tokio::test]
async fn what_is_too_large_for_a_portal_is_said_and_changes_nothing() {
    let world = World::new().await;
    let mut owner = world.member(world.vendor, holdfast_domain::Role::Owner).await;
    let (page, path) = ("/console/settings/portal", "/console/settings/portal/logo");
    let svg = br#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path d="M0 0h9v9z"/></svg>"#;
    // As much as there may be is taken: characters are counted, not bytes.
    let longest = "%C3%A9".repeat(2_000);
    let saved =
        owner.submit(page, &function("save_portal"), &format!("name=Acme&welcome={longest}&help={longest}")).await;
    assert!(saved.header(header::LOCATION).ends_with("?done=saved"), "{saved:?}");
    let saved = upload(&mut owner, path, &[], Some(("logo", svg))).await;
    assert!(saved.header(header::LOCATION).ends_with("?done=saved"), "{saved:?}");
    let look = async || world.service.portal_at(&world.vendor.to_string()).await.unwrap();
    let before = look().await;
    assert_eq!((before.welcome.as_ref().unwrap().chars().count(), before.logo.is_some()), (2_000, true));
    // One more is not, with a script and without: the field is named, and what was typed stays.
    for (field, typed) in [("welcome", "2000 characters"), ("help", "2000 characters")] {
        let fields = format!("name=Other&{field}={longest}x");
        let told = owner.call(&function("save_portal"), &fields).await;
        assert!(!told.status.is_success() && told.body.contains(&format!("\"field\":\"{field}\"")), "{told:?}");
        let refused = owner.submit(page, &function("save_portal"), &fields).await;
        assert!(refused.header(header::LOCATION).contains("#refused"), "{refused:?}");
        let shown = owner.get(page).await.body;
        assert!(shown.contains(typed) && shown.contains(&format!("{}x", "é".repeat(2_000))), "{field}");
    }
    let fields = format!("name={}", "x".repeat(201));
    let told = owner.call(&function("save_portal"), &fields).await;
    assert!(!told.status.is_success() && told.body.contains("\"field\":\"name\""), "{told:?}");
    // A picture a byte too large, and one so large that it is not read to its end.
    for bytes in [(1 << 20) + 1, 5 << 20] {
        let large = upload(&mut owner, path, &[], Some(("logo", &vec![b' '; bytes]))).await;
        assert_eq!(large.header(header::LOCATION), "/console/settings/portal#refused", "{bytes}");
        let shown = owner.get(page).await.body;
        assert!(shown.contains("The picture has more than 1 MiB."), "{bytes}: {shown}");
    }
    assert_eq!(look().await, before);
}

#[tokio::test]
async fn pictures_are_for_owners_and_admins_to_set() {
    let world = World::new().await;
    let png = {
        let mut bytes = std::io::Cursor::new(Vec::new());
        image::RgbaImage::from_pixel(4, 4, image::Rgba([1, 2, 3, 255]))
            .write_to(&mut bytes, image::ImageFormat::Png)
            .unwrap();
        bytes.into_inner()
    };
    let path = "/console/settings/portal/logo";
    let set = async || world.service.portal_at(&world.vendor.to_string()).await.unwrap().logo;
    let to = upload(&mut world.browser(), path, &[], Some(("logo", &png))).await;
    assert!(to.header(header::LOCATION).starts_with("/sign-in"), "{to:?}");
    for role in holdfast_domain::Role::ALL {
        let mut browser = world.member(world.vendor, role).await;
        let may = matches!(role, holdfast_domain::Role::Owner | holdfast_domain::Role::Admin);
        let answer = upload(&mut browser, path, &[], Some(("logo", &png))).await;
        let expected = if may { "/console/settings/portal?done=saved" } else { "/console/settings/portal#refused" };
        assert_eq!(answer.header(header::LOCATION), expected, "{role:?}");
        assert_eq!(set().await.is_some(), may, "{role:?}");
        if may {
            let bad = upload(&mut browser, path, &[], Some(("logo", b"GIF89a"))).await;
            assert_eq!(bad.header(header::LOCATION), "/console/settings/portal#refused");
            let page = browser.get("/console/settings/portal").await.body;
            assert!(page.contains("Preview") && page.contains("cannot be read"), "{page}");
            upload(&mut browser, path, &[("remove", "true")], None).await;
            assert_eq!(set().await, None);
        }
    }
    assert_eq!(set().await, None);
}
