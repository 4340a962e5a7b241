//! Sessions as a browser has them (security design, "Sessions").

use axum::http::{StatusCode, header};
use holdfast_app::ssr;
use holdfast_domain::Role;
use holdfast_service::admin::page::PageRequest;
use holdfast_store::raw;

use crate::world::{OWNER, PASSWORD, World, function};

#[tokio::test]
async fn the_cookie_is_for_this_host_only_and_unreadable_for_scripts() {
    let settings = ssr::Settings {
        secure: true,
        origins: vec!["https://licenses.example.com".to_owned()],
        ..ssr::Settings::default()
    };
    let world = World::with(settings).await;
    let mut browser = world.browser();
    let fields = format!("email={OWNER}&password={}", PASSWORD.replace(' ', "+"));
    let answer = browser.call(&function("sign_in"), &fields).await;
    let cookies: Vec<&str> =
        answer.headers.get_all(header::SET_COOKIE).iter().map(|value| value.to_str().unwrap()).collect();
    let cookie = cookies.iter().find(|cookie| cookie.starts_with("__Host-holdfast=")).unwrap();
    let mut parts: Vec<&str> = cookie.split("; ").skip(1).collect();
    parts.sort_unstable();
    assert_eq!(parts, ["HttpOnly", "Path=/", "SameSite=Strict", "Secure"]);
    let page = browser.get("/console").await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    // Without https there is no such prefix, and with it the plain name means nothing.
    let secret = browser.session().unwrap().clone();
    browser.cookies.clear();
    browser.cookies.insert("holdfast_session".to_owned(), secret);
    assert_eq!(browser.get("/console").await.status, StatusCode::FOUND);
}

#[tokio::test]
async fn signing_in_gives_a_new_session_and_ends_the_one_before() {
    let world = World::new().await;
    let mut browser = world.browser();
    // An id that somebody else chose is not taken over.
    browser.cookies.insert("holdfast_session".to_owned(), "AAAAAAAAAAAAAAAAAAAAAA".to_owned());
    browser.sign_in(OWNER).await;
    let first = browser.clone();
    assert_ne!(first.session().unwrap(), "AAAAAAAAAAAAAAAAAAAAAA");
    browser.sign_in(OWNER).await;
    assert_ne!(first.session(), browser.session());
    assert_eq!(browser.get("/console").await.status, StatusCode::OK);
    assert_eq!(first.clone().get("/console").await.status, StatusCode::FOUND);
}

#[tokio::test]
async fn an_ended_session_stays_ended_and_its_cookie_goes() {
    let world = World::new().await;
    let mut browser = world.browser();
    browser.sign_in(OWNER).await;
    let mut before = browser.clone();
    let answer = browser.submit("/console", &function("sign_out"), "").await;
    assert_eq!((answer.status, answer.header(header::LOCATION)), (StatusCode::SEE_OTHER, "/sign-in?done=signed_out"));
    assert!(browser.session().is_none());
    // A tab that was slower, with a form that the session was to keep.
    let long = "x".repeat(9_000);
    let answer = before.submit("/console/products/new", &function("create_product"), &format!("name={long}")).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert!(before.session().is_none(), "a cookie that opens nothing is taken away");
    let left = raw::run(&world.db.db, "SELECT COUNT(*) FROM sessions").await.unwrap();
    assert_eq!(left[0][0].as_deref(), Some("0"));
    // Nonsense is nobody, and no reason to fail.
    before.cookies.insert("holdfast_session".to_owned(), "%%%".to_owned());
    assert_eq!(before.get("/console").await.status, StatusCode::FOUND);
}

#[tokio::test]
async fn a_new_password_or_role_ends_every_session() {
    let world = World::new().await;
    let mut browser = world.member(world.vendor, Role::Support).await;
    assert_eq!(browser.get("/console").await.status, StatusCode::OK);
    let call = holdfast_service::Call::system(world.vendor);
    let members = world.service.members(&call.actor, None, PageRequest::default()).await.unwrap().items;
    let support = members.iter().find(|member| member.role == Role::Support).unwrap().id;
    world.service.set_role(&call, support, Role::Viewer).await.unwrap();
    assert_eq!(browser.get("/console").await.status, StatusCode::FOUND);
    browser.sign_in("support-ours@example.com").await;
    world.service.set_member_password(&call, support, "another good phrase".into()).await.unwrap();
    assert_eq!(browser.get("/console").await.status, StatusCode::FOUND);
}

#[tokio::test]
async fn people_see_and_end_their_own_sessions() {
    let world = World::new().await;
    let mut here = world.member(world.vendor, Role::Developer).await;
    let mut there = world.browser();
    there.sign_in("developer-ours@example.com").await;
    let mut stranger = world.member(world.vendor, Role::Viewer).await;
    let page = here.get("/console/sessions").await;
    assert_eq!(page.status, StatusCode::OK);
    let ids: Vec<&str> = page.body.match_indices("value=\"ses_").map(|(at, _)| &page.body[at + 7..at + 37]).collect();
    assert_eq!(ids.len(), 2, "{ids:?}");
    for id in &ids {
        assert_eq!(stranger.call(&function("end_session"), &format!("id={id}")).await.code(), "not_found");
    }
    let elsewhere = ids.iter().find(|id| {
        let row = page.body.split("<tr>").find(|row| row.contains(**id)).unwrap();
        !row.contains("This browser")
    });
    let answer =
        here.submit("/console/sessions", &function("end_session"), &format!("id={}", elsewhere.unwrap())).await;
    assert_eq!(answer.header(header::LOCATION), "/console/sessions?done=session_ended");
    assert_eq!(there.get("/console").await.status, StatusCode::FOUND);
    assert_eq!(here.get("/console").await.status, StatusCode::OK);
    let own = ids.iter().find(|id| *id != elsewhere.unwrap()).unwrap();
    let answer = here.submit("/console/sessions", &function("end_session"), &format!("id={own}")).await;
    assert_eq!(answer.header(header::LOCATION), "/sign-in?done=signed_out");
    assert!(here.session().is_none());
}

#[tokio::test]
async fn a_database_that_is_away_signs_nobody_out() {
    let world = World::new().await;
    let mut browser = world.browser();
    browser.sign_in(OWNER).await;
    raw::run(&world.db.db, "ALTER TABLE sessions RENAME TO elsewhere").await.unwrap();
    for path in ["/console", "/console/products"] {
        let answer = browser.get(path).await;
        assert!(answer.status.is_server_error(), "{}", answer.status);
        assert!(!answer.headers.contains_key(header::SET_COOKIE));
    }
    assert!(browser.call(&function("products"), "after=&archived=false").await.status.is_server_error());
    raw::run(&world.db.db, "ALTER TABLE elsewhere RENAME TO sessions").await.unwrap();
    assert_eq!(browser.get("/console").await.status, StatusCode::OK);
}
