//! What frames every page: the zone that times are written in, the environment, the navigation; and rows with what can be
//! done with them.

use holdfast_app::ssr;
use holdfast_domain::Role;

use crate::world::{World, function};

/// The first `<time>` of a page: what stands in it, and what is shown on hover.
fn time(body: &str) -> (String, String) {
    let piece = body.split("<time ").nth(1).and_then(|rest| rest.split("</time>").next()).unwrap();
    let (attributes, text) = piece.split_once('>').unwrap();
    let title = attributes.split("title=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    (text.split("<!>").collect(), title.to_owned())
}

#[tokio::test]
async fn times_are_written_in_the_zone_that_the_browser_told() {
    let world = World::new().await;
    let things = world.things("zone").await;
    let mut browser = world.member(world.vendor, Role::Viewer).await;
    let page = format!("/console/licenses?customer={}", things.customer);
    assert!(time(&browser.get(&page).await.body).1.ends_with(" UTC"));
    // Without daylight saving, so that the test holds all year.
    for (zone, ending) in [("Asia/Kolkata", " IST"), ("America/Sao_Paulo", " UTC-03"), ("Africa/Lagos", " WAT")] {
        browser.cookies.insert("zone".to_owned(), zone.to_owned());
        let (text, title) = time(&browser.get(&page).await.body);
        assert!(title.ends_with(ending), "{zone}: {title}");
        assert!(text.ends_with(" ago") || text == "just now" || text.starts_with("in "), "{text}");
        // What is read again by a script is written so, too.
        let answer = browser.call(&function("read_list"), "of=licenses&query=").await;
        assert!(answer.body.contains(&format!("{ending}\"")), "{zone}: {}", answer.body);
    }
    for odd in ["Nowhere/At_All", "../../etc/passwd", "UTC", "%22%3E%3Cscript%3E", &"x".repeat(3_000)] {
        browser.cookies.insert("zone".to_owned(), odd.to_owned());
        let body = browser.get(&page).await.body;
        assert!(time(&body).1.ends_with(" UTC"), "{odd}");
        assert!(!body.contains(odd) || odd == "UTC", "{odd}");
    }
}

#[tokio::test]
async fn days_in_addresses_are_days_of_utc_whoever_looks() {
    let world = World::new().await;
    let things = world.things("day").await;
    let mut browser = world.member(world.vendor, Role::Viewer).await;
    let path = format!("/console/licenses?ends_before={}&customer={}", things.later, things.customer);
    for zone in ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"] {
        browser.cookies.insert("zone".to_owned(), zone.to_owned());
        let body = browser.get(&path).await.body;
        assert!(body.contains(&format!("Ends before {} UTC", things.later)), "{zone}");
        assert!(body.contains("Ends before (UTC)"), "{zone}");
        assert!(body.contains(&things.license.to_string()), "{zone}: the license is in the list of everybody");
    }
}

#[tokio::test]
async fn the_environment_stands_on_every_page_of_an_installation_that_has_one() {
    let settings = ssr::Settings { environment: Some("staging <1>".to_owned()), ..ssr::Settings::default() };
    let world = World::with(settings).await;
    let mut browser = world.member(world.vendor, Role::Viewer).await;
    let body = browser.get("/console/licenses").await.body;
    assert!(body.contains("class=\"environment\"") && body.contains("staging &lt;1&gt;"), "{body}");
    let world = World::new().await;
    let mut browser = world.member(world.vendor, Role::Viewer).await;
    assert!(!browser.get("/console/licenses").await.body.contains("class=\"environment\""));
}

#[tokio::test]
async fn plans_of_all_products_are_a_list() {
    let world = World::new().await;
    let (one, other) = (world.things("first").await, world.things("second").await);
    let mut owner = world.member(world.vendor, Role::Owner).await;
    let link = |plan: &dyn std::fmt::Display| format!("href=\"/console/plans/{plan}\"");
    let body = owner.get("/console/plans").await.body;
    assert!(body.contains(&link(&one.plan)) && body.contains(&link(&other.plan)), "{body}");
    assert!(body.contains(&format!("/console/licenses/new?plan={}", one.plan)));
    assert!(!body.contains("/console/exports/plans"), "what cannot be exported is not offered");
    let narrowed = owner.get(&format!("/console/plans?product={}", one.product)).await.body;
    assert!(narrowed.contains(&link(&one.plan)) && !narrowed.contains(&link(&other.plan)), "{narrowed}");
    assert!(owner.get("/console/plans?q=nothing-like-it").await.body.contains("No plan matches"));
    assert!(owner.get("/console/plans?archived=true").await.body.contains("No plan matches"));
    assert!(owner.get("/console/plans?archived=perhaps").await.body.contains("role=\"alert\""));
    // Not of everybody, and not of somebody else.
    let mut viewer = world.member(world.vendor, Role::Viewer).await;
    let body = viewer.get("/console/plans").await.body;
    assert!(body.contains(&link(&one.plan)) && !body.contains("/console/licenses/new"), "{body}");
    let mut stranger = world.member(world.other, Role::Owner).await;
    assert!(stranger.get("/console/plans").await.body.contains("No plans yet"));
    assert_eq!(owner.get("/console/exports/plans.csv").await.status, 400);
}

#[tokio::test]
async fn rows_offer_what_whoever_looks_may_do_and_their_id() {
    let world = World::new().await;
    let things = world.things("rows").await;
    let mut owner = world.member(world.vendor, Role::Owner).await;
    let path = format!("/console/licenses?customer={}", things.customer);
    let act = |step: &str| format!("href=\"/console/licenses/{}/{step}\"", things.license);
    let copies = |id: &dyn std::fmt::Display| format!("data-copy=\"{id}\"");
    let body = owner.get(&path).await.body;
    assert!(
        body.contains(&act("extend")) && body.contains(&act("suspend")) && !body.contains(&act("resume")),
        "{body}"
    );
    assert!(body.contains(&copies(&things.license)));
    owner.call(&function("take_step"), &format!("id={}&step=suspend&reason=Asked", things.license)).await;
    let body = owner.get(&path).await.body;
    assert!(body.contains(&act("resume")) && !body.contains(&act("suspend")), "{body}");
    let mut viewer = world.member(world.vendor, Role::Viewer).await;
    let body = viewer.get(&path).await.body;
    assert!(!body.contains(&act("extend")) && body.contains(&copies(&things.license)), "{body}");
    for (list, id) in [
        ("seats", things.seat.to_string()),
        ("customers", things.customer.to_string()),
        ("plans", things.plan.to_string()),
        ("audit?action=license.issued", things.license.to_string()),
    ] {
        let body = owner.get(&format!("/console/{list}")).await.body;
        assert!(body.contains(&copies(&id)), "{list}: {body}");
    }
}
