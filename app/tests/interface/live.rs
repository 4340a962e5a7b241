//! The stream that tells open pages what has changed.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    body::{Body, BodyDataStream},
    http::{Request, StatusCode, header},
};
use futures::StreamExt as _;
use holdfast_app::ssr::{Settings, Standing, Stands};
use holdfast_domain::Role;
use tower::ServiceExt as _;

use crate::world::{Browser, OWNER, World, function};

const ACTS: &str = "event: acts\ndata: -\n\n";

/// A stream that a browser listens to. What is done here is told on it, too; only what is asked about acts hears that.
struct Stream {
    body: BodyDataStream,
    hears_acts: bool,
}

impl Stream {
    async fn heard(&mut self) -> Option<String> {
        loop {
            let bytes = self.body.next().await?;
            let text = String::from_utf8(bytes.unwrap().to_vec()).unwrap();
            if self.hears_acts || text != ACTS {
                return Some(text);
            }
        }
    }

    /// What comes within four seconds; `None` where the stream ends.
    async fn next(&mut self) -> Option<String> {
        tokio::time::timeout(Duration::from_secs(4), self.heard()).await.expect("something within 4 s")
    }

    /// Whether nothing comes for so long.
    async fn is_silent(&mut self, span: Duration) -> bool {
        tokio::time::timeout(span, self.heard()).await.is_err()
    }
}

/// Asks for the stream; the status where there is none.
async fn listen(browser: &Browser) -> Result<Stream, StatusCode> {
    let cookies: Vec<String> = browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let request = Request::get("/console/live").header(header::COOKIE, cookies.join("; ")).body(Body::empty()).unwrap();
    let response = browser.router.clone().oneshot(request).await.unwrap();
    if response.status() != StatusCode::OK {
        return Err(response.status());
    }
    assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
    assert_eq!(response.headers()["x-accel-buffering"], "no");
    let mut stream = Stream { body: response.into_body().into_data_stream(), hears_acts: false };
    assert!(stream.next().await.unwrap().contains("retry: 2000"), "it says at once that it is there");
    Ok(stream)
}

#[tokio::test]
async fn whoever_listens_hears_that_a_node_drains_and_that_the_session_ends() {
    let world = World::new().await;
    let node = world.node("eu-1").await;
    let mut browser = world.browser();
    browser.sign_in(OWNER).await;
    let mut viewer = world.member(world.other, Role::Viewer).await;
    let (mut own, mut other) = (listen(&browser).await.unwrap(), listen(&viewer).await.unwrap());
    assert!(own.is_silent(Duration::from_millis(1_500)).await, "nothing has changed");
    let drained = browser.call(&function("step_node"), &format!("id={node}&step=drain&reason=Maintenance")).await;
    assert_eq!(drained.code(), "ok");
    for stream in [&mut own, &mut other] {
        assert_eq!(stream.next().await.unwrap(), "event: fleet\ndata: -\n\n");
    }
    assert_eq!(browser.call(&function("sign_out"), "").await.code(), "ok");
    assert_eq!(own.next().await.unwrap(), "event: ended\ndata: -\n\n");
    assert_eq!(own.next().await, None);
    assert_eq!(listen(&browser).await.err(), Some(StatusCode::NO_CONTENT), "nobody may listen");
    // The other one's goes on.
    let resumed = viewer.call(&function("step_node"), &format!("id={node}&step=resume&reason=Done")).await;
    assert_eq!(resumed.code(), "forbidden");
    world.node("eu-2").await;
    assert_eq!(other.next().await.unwrap(), "event: fleet\ndata: -\n\n");
    // Among them an alert.
    world.things("ours").await;
    let mut heard = String::new();
    while !heard.contains("event: alerts") {
        heard += &other.next().await.unwrap();
    }
}

#[tokio::test]
async fn what_a_vendor_does_is_told_to_its_own_people_at_once_and_then_not_each_time() {
    let world = World::new().await;
    let mut owner = world.browser();
    owner.sign_in(OWNER).await;
    let viewer = world.member(world.other, Role::Viewer).await;
    // What was done a moment ago, a page that was on its way may not show.
    let mut own = Stream { hears_acts: true, ..listen(&owner).await.unwrap() };
    assert_eq!(own.next().await.unwrap(), ACTS);
    let mut other = Stream { hears_acts: true, ..listen(&viewer).await.unwrap() };
    assert_eq!(other.next().await.unwrap(), ACTS, "its member was made a moment ago");
    assert!(own.is_silent(Duration::from_millis(1_500)).await, "once is enough");
    let create = async |owner: &mut Browser, name: &str| {
        let answer = owner.call(&function("create_customer"), &format!("name={name}&email=")).await;
        assert_eq!(answer.code(), "ok");
    };
    create(&mut owner, "first").await;
    assert_eq!(own.next().await.unwrap(), ACTS, "after a quiet time sooner than after five seconds");
    create(&mut owner, "second").await;
    create(&mut owner, "third").await;
    assert!(own.is_silent(Duration::from_millis(3_500)).await, "the next not before five seconds have passed");
    assert_eq!(own.next().await.unwrap(), ACTS, "but then it is told");
    assert!(own.is_silent(Duration::from_millis(1_500)).await);
    assert!(other.is_silent(Duration::from_millis(10)).await, "nobody hears of another vendor's acts");
}

#[tokio::test]
async fn a_session_has_few_streams_and_gets_them_back() {
    let world = World::new().await;
    let mut browser = world.browser();
    assert_eq!(listen(&browser).await.err(), Some(StatusCode::NO_CONTENT));
    browser.sign_in(OWNER).await;
    let mut streams = Vec::new();
    for _ in 0..4 {
        streams.push(listen(&browser).await.unwrap());
    }
    assert_eq!(listen(&browser).await.err(), Some(StatusCode::NO_CONTENT));
    streams.pop();
    assert!(listen(&browser).await.is_ok());
    let other = world.member(world.vendor, Role::Viewer).await;
    assert!(listen(&other).await.is_ok());
}

#[tokio::test]
async fn streams_leave_a_node_that_is_drained_and_one_that_stops() {
    let standing = Arc::new(Mutex::new(Standing::Serving));
    let said = Arc::clone(&standing);
    let stands = Stands::new(move || *said.lock().unwrap());
    let world = World::with(Settings { stands, ..Settings::default() }).await;
    let mut browser = world.browser();
    browser.sign_in(OWNER).await;
    let mut stream = listen(&browser).await.unwrap();
    *standing.lock().unwrap() = Standing::Drained;
    assert_eq!(stream.next().await, None, "so that it begins anew elsewhere");
    let mut again = listen(&browser).await.expect("where there is no elsewhere");
    assert!(again.is_silent(Duration::from_millis(2_500)).await, "once is enough");
    *standing.lock().unwrap() = Standing::Stopping;
    assert_eq!(again.next().await, None);
    assert_eq!(listen(&browser).await.err(), Some(StatusCode::NO_CONTENT));
}

#[tokio::test]
async fn watching_is_no_use_of_a_session() {
    let world = World::new().await;
    let mut browser = world.browser();
    browser.sign_in(OWNER).await;
    let long_ago = "UPDATE sessions SET last_seen_at = last_seen_at - 600000000";
    let used = "SELECT COUNT(*) FROM sessions WHERE last_seen_at > created_at - 60000000";
    let run = |sql: &'static str| holdfast_store::raw::run(&world.db.db, sql);
    run(long_ago).await.unwrap();
    for name in ["fleet", "overview_again"] {
        assert_eq!(browser.call(&function(name), "").await.code(), "ok");
    }
    drop(listen(&browser).await.unwrap());
    assert_eq!(run(used).await.unwrap()[0][0].as_deref(), Some("0"));
    assert_eq!(browser.get("/console/fleet").await.status, StatusCode::OK);
    assert_eq!(run(used).await.unwrap()[0][0].as_deref(), Some("1"), "asking for the page is");
}
