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
