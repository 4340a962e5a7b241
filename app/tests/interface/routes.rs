//! Every route that is neither a page nor a server function, with everybody: nobody, each role, and another vendor's owner.

use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use holdfast_domain::{ProductId, Role};
use holdfast_service::{
    Call,
    admin::{inputs::CreateProduct, page::PageRequest},
};
use tower::ServiceExt as _;

use crate::{
    functions::marks,
    world::{Answer, Browser, World, text},
};

/// All of them, as `pages.rs` writes them; which need a session, and the test that asks them.
const ROUTES: [(&str, &str); 16] = [
    ("\"/fn/{*function}\"", "functions.rs, refusals.rs"),
    ("provider::LEAVE", "of the door, which is open: people.test.mjs"),
    ("provider::RETURN", "of the door, which is open: people.test.mjs"),
    ("\"/console/imports/upload\"", "here"),
    ("live::PATH", "here, live.rs"),
    ("\"/console/exports/{file}\"", "here, lists.rs"),
    ("portal::LEASE", "portal.rs"),
    ("portal::DATA", "portal.rs"),
    ("portal::ANSWER", "portal.rs"),
    ("portal::ANSWERED", "portal.rs"),
    ("portal::LOOK", "open: portal.rs"),
    ("portal::LOGO", "portal.rs"),
    ("\"/console/previews/{template}\"", "here"),
    ("\"/support/explain\"", "support.rs"),
    ("\"/support/refunds\"", "support.rs"),
    ("\"/assets/{file}\"", "open: bundle.rs"),
];

const LISTS: [&str; 5] = ["customers", "licenses", "seats", "orders", "events"];

#[test]
fn every_route_is_asked_by_a_test() {
    let source = include_str!("../../src/ssr/pages.rs");
    let mut found: Vec<&str> =
        source.split(".route(").skip(1).map(|rest| rest.split(',').next().unwrap().trim()).collect();
    let mut known: Vec<&str> = ROUTES.iter().map(|(route, _)| *route).collect();
    found.sort_unstable();
    known.sort_unstable();
    assert_eq!(found, known, "say here who may ask for it, and ask in a test");
}

/// Sends a file of licenses as the form does.
async fn upload(browser: &mut Browser, product: ProductId) -> Answer {
    let body = format!(
        "--b\r\ncontent-disposition: form-data; name=\"product\"\r\n\r\n{product}\r\n\
         --b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"x.csv\"\r\n\r\nkey,plan\nAAAA-UPLOADED,pro\n\r\n--b--\r\n"
    );
    let request = Request::post("/console/imports/upload")
        .header(header::CONTENT_TYPE, "multipart/form-data; boundary=b")
        .header("sec-fetch-site", "same-origin")
        .body(Body::from(body));
    browser.send(request.unwrap()).await
}

/// The status of the stream that tells of changes, which is not listened to.
async fn listens(browser: &Browser) -> StatusCode {
    let cookies: Vec<String> = browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let request = Request::get("/console/live").header(header::COOKIE, cookies.join("; ")).body(Body::empty());
    browser.router.clone().oneshot(request.unwrap()).await.unwrap().status()
}

/// How many imports a vendor has.
async fn imports(world: &World, vendor: holdfast_domain::VendorId) -> u64 {
    let actor = Call::system(vendor).actor;
    world.service.imports(&actor, PageRequest::default()).await.unwrap().total.rows
}

#[tokio::test]
async fn a_mail_is_looked_at_as_a_document_that_has_no_part_in_this_site() {
    let world = World::new().await;
    let path = "/console/previews/license_issued";
    let answer = world.browser().get(path).await;
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::FOUND, ""));
    for role in Role::ALL {
        let mut browser = world.member(world.vendor, role).await;
        let answer = browser.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{role:?}");
        let policy = answer.header(header::CONTENT_SECURITY_POLICY);
        assert!(policy.starts_with("sandbox; default-src 'none'; ") && !policy.contains("script"), "{policy}");
        assert!(answer.body.contains("Your license for Example Editor") && !answer.body.contains("<script"));
        assert_eq!(browser.get("/console/previews/nothing").await.status, StatusCode::NOT_FOUND);
    }
    // Another vendor's has another name in it.
    let theirs = world.member(world.other, Role::Owner).await.get(path).await;
    assert!(theirs.body.contains("Stranger Software") && !theirs.body.contains("Example Software"));
}

#[tokio::test]
async fn files_and_streams_are_for_those_who_may() {
    let world = World::new().await;
    let things = world.things("routes").await;
    let marks = marks(&things, "routes");
    let before = imports(&world, world.vendor).await;
    let mut staged = 0;
    // Nobody.
    let mut nobody = world.browser();
    for list in LISTS {
        let answer = nobody.get(&format!("/console/exports/{list}.csv")).await;
        assert_eq!((answer.status, answer.body.as_str()), (StatusCode::FOUND, ""), "{list}");
        assert!(answer.header(header::LOCATION).starts_with("/sign-in"), "{list}");
    }
    let answer = upload(&mut nobody, things.product).await;
    assert!(answer.header(header::LOCATION).starts_with("/sign-in"), "{answer:?}");
    assert_eq!(listens(&nobody).await, StatusCode::NO_CONTENT);
    // Each role: exports show no key, uploads are of those who issue licenses.
    for role in Role::ALL {
        let mut browser = world.member(world.vendor, role).await;
        for list in LISTS {
            for form in ["csv", "json"] {
                let path = format!("/console/exports/{list}.{form}");
                let answer = browser.get(&path).await;
                assert_eq!(answer.status, StatusCode::OK, "{path} for {role:?}");
                assert!(!answer.body.contains(&things.key), "{path} for {role:?} holds a whole key");
            }
        }
        let customers = browser.get("/console/exports/customers.csv").await.body;
        assert!(customers.contains("Customer routes"), "{role:?}: {customers}");
        let log = browser.get("/console/exports/events.csv").await.body;
        assert_eq!(
            log.contains("license.issued"),
            matches!(role, Role::Owner | Role::Admin),
            "what the system did, for {role:?}: {log}"
        );
        let answer = upload(&mut browser, things.product).await;
        let to = answer.header(header::LOCATION);
        let may = matches!(role, Role::Owner | Role::Admin | Role::Developer);
        staged += u64::from(may);
        assert_eq!(to.starts_with("/console/imports/imp_"), may, "{role:?}: {to}");
        assert_eq!(to == "/console/imports#refused", !may, "{role:?}: {to}");
        assert_eq!(imports(&world, world.vendor).await, before + staged, "{role:?}");
        assert_eq!(listens(&browser).await, StatusCode::OK, "{role:?}");
    }
    // Another vendor's owner.
    let mut stranger = world.member(world.other, Role::Owner).await;
    let mut typed = String::new();
    for query in ["", "?q=routes", &format!("?product={}", things.product), &format!("?q={}", things.key)] {
        // What they asked for themselves stands in their own log.
        typed.push_str(query);
        for list in LISTS {
            let path = format!("/console/exports/{list}.json{query}");
            let answer = stranger.get(&path).await;
            for mark in marks.iter().filter(|mark| !typed.contains(mark.as_str())) {
                assert!(!answer.body.contains(mark), "{path} tells a stranger of {mark}");
            }
        }
    }
    // With a product of their own they see the form again, and why.
    let own = CreateProduct { name: text("Own"), code: text("own") };
    world.service.create_product(&Call::system(world.other), own).await.unwrap();
    let theirs = upload(&mut stranger, things.product).await;
    let page = stranger.get("/console/imports").await;
    let nothing = upload(&mut stranger, ProductId::from_bytes([6; 16])).await;
    let other = stranger.get("/console/imports").await;
    assert_eq!(theirs.header(header::LOCATION), "/console/imports#refused");
    assert_eq!(nothing.header(header::LOCATION), "/console/imports#refused");
    let reason = |page: &Answer| {
        let notice = page.body.split("role=\"alert\"").nth(1).unwrap_or_default();
        notice.split("</p>").next().unwrap_or_default().to_owned()
    };
    assert!(!reason(&page).is_empty(), "{}", page.body);
    assert_eq!(reason(&page), reason(&other), "a product of another vendor is as good as none");
    // Of all that is theirs, what was typed comes back.
    let typed = things.product.to_string();
    assert!(marks.iter().all(|mark| *mark == typed || !page.body.contains(mark)), "{}", page.body);
    assert_eq!((imports(&world, world.vendor).await, imports(&world, world.other).await), (before + staged, 0));
}

#[tokio::test]
async fn whoever_owes_a_second_factor_gets_no_file_and_hears_nothing() {
    let world = World::new().await;
    let things = world.things("held").await;
    let mut admin = world.member(world.vendor, Role::Admin).await;
    let due = "UPDATE members SET factor_due_at = NULL";
    holdfast_store::raw::run(&world.db.db, due).await.unwrap();
    for list in LISTS {
        let answer = admin.get(&format!("/console/exports/{list}.csv")).await;
        assert_eq!(
            (answer.status, answer.header(header::LOCATION)),
            (StatusCode::FOUND, "/console/security"),
            "{list}"
        );
    }
    let before = imports(&world, world.vendor).await;
    upload(&mut admin, things.product).await;
    assert_eq!(imports(&world, world.vendor).await, before);
    assert_eq!(listens(&admin).await, StatusCode::NO_CONTENT);
}
