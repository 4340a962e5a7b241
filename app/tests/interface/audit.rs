//! The audit log on the server's pages: where a row and a time line lead, and what one event says.

use axum::http::StatusCode;
use holdfast_domain::Role;
use holdfast_service::{
    Call,
    admin::{
        inputs::{CreateCustomer, CustomerChoice, EventFilter, Transfer, UpdateLicense},
        page::PageRequest,
    },
};

use crate::world::{Browser, World, text};

/// The addresses of events that a page leads to.
fn events_of(page: &str) -> Vec<String> {
    let links = page.split("href=\"/console/audit/").skip(1);
    links.map(|rest| format!("/console/audit/{}", rest.split('"').next().unwrap())).collect()
}

async fn body(browser: &mut Browser, path: &str) -> String {
    let answer = browser.get(path).await;
    assert_eq!(answer.status, StatusCode::OK, "{path}");
    // What the server hands to scripts is there a second time.
    let mut parts = answer.body.split("<script");
    let first = parts.next().unwrap_or_default().to_owned();
    first + &parts.filter_map(|part| Some(part.split_once("</script>")?.1)).collect::<String>()
}

#[tokio::test]
async fn a_change_is_told_from_what_to_what_on_its_page_and_in_the_time_line() {
    let world = World::new().await;
    let things = world.things("event").await;
    let (service, call) = (&world.service, Call::system(world.vendor));
    let input = UpdateLicense { seats: Some(9), reason: Some(text("Grew")), ..UpdateLicense::default() };
    service.update_license(&call, things.license, input).await.unwrap();
    let heir = CreateCustomer { name: Some(text("Grace <i>Hopper</i>")), ..CreateCustomer::default() };
    let input = Transfer { customer: CustomerChoice::New(heir), reason: text("Sold") };
    service.transfer_license(&call, things.license, input).await.unwrap();

    let mut owner = world.member(world.vendor, Role::Owner).await;
    let line = body(&mut owner, &format!("/console/licenses/{}?tab=timeline", things.license)).await;
    for piece in ["Seats: 3 → 9\nGrew", "Customer: Customer event → Grace &lt;i&gt;Hopper"] {
        assert!(line.contains(piece), "{piece}: {line}");
    }
    let about = EventFilter { subject: Some(things.license.to_string()), ..EventFilter::default() };
    let told = service.events(&call.actor, about, PageRequest::default()).await.unwrap().items;
    let changed = told.iter().find(|event| event.action == "license.changed").unwrap();
    let path = format!("/console/audit/{}", changed.number);
    let log = body(&mut owner, &format!("/console/audit?subject={}", things.license)).await;
    assert!(events_of(&line).contains(&path) && events_of(&log).contains(&path), "{path}");

    let page = body(&mut owner, &path).await;
    let cells = "<td>Seats</td><td class=\"break\">3</td><td class=\"break\"><b>9</b></td>";
    for piece in [
        "License changed",
        cells,
        "Grew",
        "the system",
        &format!("href=\"/console/licenses/{}\"", things.license),
        &changed.id.to_string(),
        &service.event(&call.actor, changed.number).await.unwrap().hash,
    ] {
        // What stands between parts of a text for the browser side is no part of it.
        assert!(page.replace("<!>", "").contains(piece), "{piece}: {page}");
    }
    assert!(!page.contains("was changed, or"), "{page}");
    // What was altered past the server says so.
    let sql = format!("UPDATE events SET data = '{{\"reason\":\"Shrank\"}}' WHERE number = {}", changed.number);
    holdfast_store::raw::run(&world.db.db, &sql).await.unwrap();
    assert!(body(&mut owner, &path).await.contains("was changed, or the one before is missing"));
    for odd in ["0", "-1", "x", "99999999999999999999"] {
        assert_eq!(owner.get(&format!("/console/audit/{odd}")).await.status, StatusCode::NOT_FOUND, "{odd}");
    }
}

#[tokio::test]
async fn time_lines_lead_only_where_one_may_go() {
    let world = World::new().await;
    let things = world.things("lead").await;
    let mut support = world.member(world.vendor, Role::Support).await;
    let fields = format!("license={}&seat={}&reason=Stolen", things.license, things.seat);
    assert_eq!(support.call(&crate::world::function("free_seat"), &fields).await.code(), "ok");
    let line = body(&mut support, &format!("/console/licenses/{}?tab=timeline", things.license)).await;
    assert!(line.contains("License issued") && line.contains("Seat freed"));
    let links = events_of(&line);
    assert_eq!(links.len(), 1, "its own: {links:?}");
    assert!(body(&mut support, &links[0]).await.contains("Stolen"));
    let other = support.get(&format!("/console/audit/{}", things.event)).await;
    assert_eq!(other.status, StatusCode::FORBIDDEN);
    assert!(!other.body.contains("License issued"));
    // Who it was, with the way to them, for those who may see it.
    let mut owner = world.member(world.vendor, Role::Owner).await;
    let page = body(&mut owner, &links[0]).await;
    assert!(page.contains("href=\"/console/team/mem_"), "{page}");
    // From there to all that they did.
    let member = page.split_once("href=\"/console/team/").unwrap().1.split('"').next().unwrap();
    let page = body(&mut owner, &format!("/console/team/{member}")).await;
    let log = format!("/console/audit?member={member}");
    assert!(page.contains(&format!("href=\"{log}\"")), "{page}");
    assert!(events_of(&body(&mut owner, &log).await).contains(&links[0]));
}
