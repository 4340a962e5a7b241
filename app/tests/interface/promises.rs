//! Promises of the whole interface: nobody gets past the door, and nothing is written that a page must not hold.

#![allow(clippy::unwrap_used)]

use std::{
    fs,
    path::Path,
    sync::{Arc, LazyLock},
};

use axum::{
    body::Body,
    http::{Method, Request, StatusCode, header},
};
use holdfast_app::ssr::{self, AppState};
use holdfast_service::{
    Parts, Service, Settings,
    admin::inputs::BootstrapInput,
    system::{OsEntropy, SystemClock},
    vault::{MasterKey, Vault},
};
use holdfast_testkit::db::TestDb;
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use crate::world::PAGE_PATHS;

async fn interface(db: &TestDb) -> axum::Router {
    LazyLock::force(&PAGE_PATHS);
    let key = MasterKey::parse(b"0123456789abcdef0123456789abcdef").unwrap();
    let service = Service::new(Parts {
        store: db.store(),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(OsEntropy),
        vault: Some(Vault::new(&key)),
        settings: Settings::default(),
    });
    let input = BootstrapInput {
        vendor: "Example Software".parse().unwrap(),
        email: "owner@example.com".parse().unwrap(),
        password: "violet kettle ponders gravel".into(),
    };
    service.bootstrap(input).await.unwrap();
    ssr::router(AppState::new(service, ssr::Settings::default()))
}

fn form(path: &str, body: &str) -> Request<Body> {
    Request::builder()
        .method(Method::POST)
        .uri(path)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "same-origin")
        .header(header::ACCEPT, "application/json")
        .body(Body::from(body.to_owned()))
        .unwrap()
}

/// What server functions take, in two shapes because `license` is an id in one and a form in another.
const ARGUMENTS: [&str; 3] = [
    "number=1&key=k&about=a&of=licenses&query=&ids=&days=1&shared=true&id=x&alert=a&after=0&archived=false&q=&name=n&code=c&subject=&failed=&fate=&line=0&customer=&product=p&plan[name]=n&step=revoke\
     &reason=r&until=&license[plan]=p&seat=s&columns[0]=key&asked[q]=&asked[state]=&asked[product]=&asked[plan]=&asked[sort]=&asked[after]=\
     &asked[customer]=&asked[region]=&asked[of]=&asked[lease]=&asked[grace]=&asked[severity]=&asked[subject]=&note=n&password=p&theme=dark&email=e&role=viewer\
     &credential=c&webhook=w&url=u&asked[id]=x&current_password=p&new_password=p&issuer=i&client_id=c&domains=d\
      &change[plan]=p&event=e&told=&tab=&chosen=true&act[of]=licenses&alerts=all&kind=generic&on_refund=ask&on_dispute=ask&grace_days=7&to=t&gateway[account]=a",
    "name=n&code=c&plan=true",
    "of=licenses&query=&id=x&after=&event=e&license=l&seat=s&reason=r&product=p&plan=p&columns[0]=key&step=revoke&price=p&how=again\
      &name=n&user=u&q=&at=&key=&reply=r&to=t",
];

#[tokio::test]
async fn every_server_function_behind_the_door_refuses_nobody() {
    let db = TestDb::sqlite().await;
    let router = interface(&db).await;
    let open = [
        "set_up",
        "sign_in",
        "sign_out",
        "company_door",
        "half_ways",
        "half_passkey",
        "finish_sign_in",
        "invitation",
        "accept_invitation",
        "portal_frame",
        "portal_home",
        "code_page",
        "ask_code",
        "claim",
        "use_code",
        "enter_with_key",
        "leave_portal",
    ];
    let mut seen = 0;
    for (path, method) in leptos::server_fn::axum::server_fn_paths() {
        assert_eq!(method, Method::POST, "{path} can be called by a link");
        let name = path.rsplit('/').next().unwrap();
        if open.contains(&name) {
            continue;
        }
        let mut refused = false;
        for arguments in ARGUMENTS {
            let answer = router.clone().oneshot(form(path, arguments)).await.unwrap();
            let status = answer.status();
            let body = answer.into_body().collect().await.unwrap().to_bytes();
            let body = String::from_utf8_lossy(&body);
            assert!(!status.is_success(), "{path} answered {status}: {body}");
            refused |= status == StatusCode::UNAUTHORIZED && body.contains("unauthenticated");
        }
        assert!(refused, "{path} was never asked who calls: add its arguments to this test");
        seen += 1;
    }
    assert!(seen >= 25, "only {seen} server functions are registered");
}

#[tokio::test]
async fn forged_forms_never_reach_a_function() {
    let db = TestDb::sqlite().await;
    let router = interface(&db).await;
    let path = "/fn/holdfast_app/pages/door/api/sign_in";
    let body = "email=owner@example.com&password=violet kettle ponders gravel";
    let ours = router.clone().oneshot(form(path, body)).await.unwrap();
    assert!(ours.headers().contains_key(header::SET_COOKIE));
    for (name, value) in
        [("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site"), ("content-type", "text/plain")]
    {
        let mut request = form(path, body);
        request.headers_mut().insert(name, value.parse().unwrap());
        let answer = router.clone().oneshot(request).await.unwrap();
        assert!(answer.status().is_client_error(), "{name}: {value}");
        assert!(!answer.headers().contains_key(header::SET_COOKIE), "{name}: {value}");
    }
    let huge = form(path, &format!("email=a&password={}", "x".repeat(300 << 10)));
    assert!(!router.clone().oneshot(huge).await.unwrap().status().is_success());
}

#[tokio::test]
async fn pages_that_nobody_waits_for_are_finished_all_the_same() {
    let db = TestDb::sqlite().await;
    let router = interface(&db).await;
    for _ in 0..50 {
        let request = Request::builder().uri("/sign-in").body(Body::empty()).unwrap();
        let page = tokio::spawn(router.clone().oneshot(request));
        tokio::task::yield_now().await;
        page.abort();
    }
    let request = Request::builder().uri("/sign-in").body(Body::empty()).unwrap();
    let answer = router.oneshot(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    assert!(body.ends_with(b"</script>"), "the page is whole");
}

fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else {
            found.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
        }
    }
}

#[test]
fn only_the_one_part_writes_raw_text() {
    let mut found = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    for (path, text) in &found {
        let is_the_part = path.ends_with("ui/form.rs");
        assert!(is_the_part || !text.contains("<textarea"), "{path}: a text area that is not escaped");
        assert!(is_the_part || !text.contains("inner_html"), "{path}: markup from data");
        assert!(!text.contains(" style="), "{path}: a style that the policy refuses");
        assert!(!text.contains("GetUrl"), "{path}: a function that a link could call");
    }
    assert!(found.len() > 30);
}
