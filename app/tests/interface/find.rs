//! The box over everything: it leads to what was typed, and a whole key gets into no address, no cookie and no page.

use axum::http::{StatusCode, header};
use holdfast_domain::{LicenseKey, Role, license::StatusChange};
use holdfast_service::{
    Call,
    admin::inputs::{ChangeStatus, IssueLicense},
    system::OsEntropy,
};

use crate::world::{OWNER, World, function, text};

#[tokio::test]
async fn the_box_leads_to_what_was_typed_and_keeps_no_key() {
    let world = World::new().await;
    let things = world.things("sought").await;
    let mut browser = world.browser();
    browser.sign_in(OWNER).await;
    let before = browser.cookies.clone();
    let license = format!("/console/licenses/{}", things.license);
    let unknown = LicenseKey::generate(&OsEntropy).expose().to_owned();
    let foreign = IssueLicense { key: Some("OLD1-KEY2-OLD3-KEY4".to_owned()), ..IssueLicense::of(things.plan) };
    let foreign = world.service.issue_license(&Call::system(world.vendor), foreign).await.unwrap().license.id;
    for (typed, to) in [
        (things.key.as_str(), license.clone()),
        (things.key.to_lowercase().replace('-', "+").as_str(), license.clone()),
        (things.license.to_string().as_str(), license),
        ("old1key2old3key4", format!("/console/licenses/{foreign}")),
        (unknown.as_str(), "/console/find?key=unknown".to_owned()),
        ("Computer+sought", "/console/find?q=Computer%20sought".to_owned()),
        ("a%26b%23c%C3%BC", "/console/find?q=a%26b%23c%C3%BC".to_owned()),
        ("", "/console/find?q=".to_owned()),
    ] {
        let answer = browser.submit("/console/customers", &function("seek"), &format!("q={typed}")).await;
        assert_eq!((answer.status, answer.header(header::LOCATION)), (StatusCode::SEE_OTHER, to.as_str()), "{typed}");
        assert_eq!(browser.cookies, before, "{typed}");
        let page = browser.get(&to).await;
        assert_eq!(page.status, StatusCode::OK, "{to}");
        assert!(!page.body.contains(&things.key) && !page.body.contains(&unknown), "{to}");
    }
    let page = browser.get("/console/find?key=unknown").await;
    assert!(page.body.contains("No license has this key"));
    let page = browser.get("/console/find?q=sought").await;
    for part in ["Computer sought", "Product sought", &format!("/console/licenses/{}", things.license)] {
        assert!(page.body.contains(part), "{part}");
    }
    // Where the act fails, what was typed is not kept for the page that says so.
    let mut nobody = world.browser();
    nobody.submit("/sign-in", &function("seek"), &format!("q={}", things.key)).await;
    assert!(!format!("{:?}", nobody.cookies).contains(&things.key), "{:?}", nobody.cookies);
    let kept = nobody.get("/sign-in").await;
    assert!(!kept.body.contains(&things.key));
}

#[tokio::test]
async fn what_was_found_leads_to_what_this_person_may_do_with_it_as_it_stands() {
    const STEPS: [&str; 6] = ["extend", "change", "suspend", "resume", "revoke", "reinstate"];
    let world = World::new().await;
    let things = world.things("found").await;
    let license = format!("/console/licenses/{}", things.license);
    let (free, issue) =
        (format!("{license}/free/{}", things.seat), format!("/console/licenses/new?customer={}", things.customer));
    let offered = |page: &str| {
        let leads = |to: &str| page.contains(&format!("href=\"{to}\""));
        let steps = STEPS.into_iter().filter(|step| leads(&format!("{license}/{step}")));
        (steps.collect::<Vec<_>>(), leads(&free), leads(&issue))
    };
    for (role, steps, may_free, may_issue) in [
        (Role::Owner, vec!["extend", "change", "suspend", "revoke"], true, true),
        (Role::Developer, vec!["extend", "change"], true, true),
        (Role::Support, vec!["extend", "suspend", "revoke"], true, false),
        (Role::Viewer, vec![], false, false),
    ] {
        let mut browser = world.member(world.vendor, role).await;
        let page = browser.get("/console/find?q=found").await.body;
        assert_eq!(offered(&page), (steps.clone(), may_free, may_issue), "{role:?}");
        for step in steps {
            assert_eq!(browser.get(&format!("{license}/{step}")).await.status, StatusCode::OK, "{role:?} {step}");
        }
        let ids = [things.license.to_string(), things.seat.to_string(), things.customer.to_string()];
        for id in ids.into_iter().chain([things.order.to_string(), things.product.to_string()]) {
            assert!(page.contains(&format!("data-copy=\"{id}\"")), "{role:?}: {id} copies");
        }
    }
    let mut owner = world.browser();
    owner.sign_in(OWNER).await;
    for (change, steps) in [
        (StatusChange::Suspend, ["extend", "change", "resume", "revoke"].as_slice()),
        (StatusChange::Revoke, &["extend", "change", "reinstate"]),
    ] {
        let input = ChangeStatus { change, reason: text("Asked"), effective_at: None, dry_run: false };
        world.service.change_status(&Call::system(world.vendor), things.license, input).await.unwrap();
        let page = owner.get("/console/find?q=found").await.body;
        assert_eq!(offered(&page).0, steps, "{change:?}");
    }
    world.service.free_seat(&Call::system(world.vendor), things.seat, text("Asked")).await.unwrap();
    assert!(!offered(&owner.get("/console/find?q=found").await.body).1, "a free seat is free already");
}

#[tokio::test]
async fn what_a_browser_chose_is_in_the_document_that_the_server_renders() {
    let world = World::new().await;
    let mut browser = world.member(world.vendor, Role::Viewer).await;
    let opening = |body: &str| body[body.find("<html").unwrap()..].split('>').next().unwrap().to_owned();
    assert_eq!(opening(&browser.get("/console").await.body), "<html lang=\"en\"");
    for (choice, attribute) in [
        ("theme=dark", "data-theme=\"dark\""),
        ("density=compact", "data-density=\"compact\""),
        ("shortcuts=off", "data-shortcuts=\"off\""),
        ("nav=folded", "data-nav=\"folded\""),
    ] {
        let answer = browser.submit("/console", &function("set_look"), choice).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
        let html = opening(&browser.get("/console").await.body);
        assert!(html.contains(attribute), "{html}");
    }
    for back in ["theme=system", "density=comfortable", "shortcuts=on", "nav=open", "theme=pink\"onload=x"] {
        browser.submit("/console", &function("set_look"), back).await;
    }
    assert_eq!(opening(&browser.get("/console").await.body), "<html lang=\"en\"");
}
