//! In a rolling upgrade a node is asked for files of releases that it does not have.

use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use holdfast_service::bundles::BundleFile;
use holdfast_store::raw;

use crate::world::{Answer, Browser, World};

fn file(release: &str, name: &str, coding: &str, body: &[u8]) -> BundleFile {
    BundleFile {
        release: release.to_owned(),
        name: name.to_owned(),
        coding: coding.to_owned(),
        content_type: "text/javascript; charset=utf-8".to_owned(),
        body: body.to_vec(),
    }
}

async fn ask(browser: &mut Browser, name: &str, accept: &str) -> Answer {
    let request = Request::builder()
        .uri(format!("/assets/{name}"))
        .header(header::ACCEPT_ENCODING, accept)
        .body(Body::empty())
        .unwrap();
    browser.send(request).await
}

#[tokio::test]
async fn a_file_of_another_release_is_served_like_ones_own() {
    let world = World::new().await;
    let mut browser = world.browser();
    let name = "holdfast.0123456789abcdef.js";
    let missing = ask(&mut browser, name, "br").await;
    assert_eq!((missing.status, missing.header(header::CACHE_CONTROL)), (StatusCode::NOT_FOUND, "no-store"));
    let files = vec![file("2.0.0-b", name, "br", b"packed small"), file("2.0.0-b", name, "gzip", b"packed")];
    world.service.share_bundle("2.0.0-b", files.clone()).await.unwrap();
    world.service.share_bundle("2.0.0-b", files).await.unwrap();
    // What was not there a moment ago is looked for again after a second.
    tokio::time::sleep(std::time::Duration::from_millis(1_050)).await;
    for (accept, coding, body) in
        [("gzip, br", "br", "packed small"), ("gzip", "gzip", "packed"), ("br;q=0, gzip", "gzip", "packed")]
    {
        let found = ask(&mut browser, name, accept).await;
        assert_eq!((found.status, found.body.as_str()), (StatusCode::OK, body));
        assert_eq!(found.header(header::CONTENT_ENCODING), coding);
        assert_eq!(found.header(header::CONTENT_TYPE), "text/javascript; charset=utf-8");
        assert!(found.header(header::CACHE_CONTROL).contains("immutable"));
        assert_eq!(found.header(header::VARY), "accept-encoding");
    }
    let packed_only = ask(&mut browser, name, "").await;
    assert_eq!(
        (packed_only.status, packed_only.header(header::CACHE_CONTROL)),
        (StatusCode::NOT_ACCEPTABLE, "no-store")
    );
    for odd in ["nothing.js", "..%2f..%2fmanifest.json", ".env", "%00", "a%20b.js"] {
        let missing = ask(&mut browser, odd, "br").await;
        assert_eq!(
            (missing.status, missing.header(header::CACHE_CONTROL)),
            (StatusCode::NOT_FOUND, "no-store"),
            "{odd}"
        );
    }
}

#[tokio::test]
async fn without_the_database_such_a_file_is_to_be_asked_for_again() {
    let world = World::new().await;
    let mut browser = world.browser();
    raw::run(&world.db.db, "ALTER TABLE bundle_files RENAME TO elsewhere").await.unwrap();
    let answer = ask(&mut browser, "holdfast.0123456789abcdef.js", "br").await;
    assert_eq!((answer.status, answer.header(header::CACHE_CONTROL)), (StatusCode::SERVICE_UNAVAILABLE, "no-store"));
    raw::run(&world.db.db, "ALTER TABLE elsewhere RENAME TO bundle_files").await.unwrap();
    assert_eq!(ask(&mut browser, "holdfast.0123456789abcdef.js", "br").await.status, StatusCode::NOT_FOUND);
}
