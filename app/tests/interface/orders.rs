//! The page of an order, and noting that it was paid back.

use axum::http::{StatusCode, header};
use holdfast_domain::{LicenseStatus, Role};
use holdfast_service::Call;

use crate::world::{World, function};

#[tokio::test]
async fn a_refund_tells_first_whose_access_ends_and_what_it_revoked_can_be_given_back() {
    let world = World::new().await;
    let things = world.things("bought").await;
    let (order, license) =
        (format!("/console/orders/{}", things.order), format!("/console/licenses/{}", things.license));
    let mut owner = world.member(world.vendor, Role::Owner).await;
    for page in ["/console/orders", &license, "/console/find?q=order-bought"] {
        let page = owner.get(page).await.body;
        assert!(page.contains(&format!("href=\"{order}\"")), "{page}");
    }
    let page = owner.get(&order).await.body;
    let parts = ["Order order-bought", "Customer bought", "Order noted", &*format!("href=\"{license}\"")];
    for part in parts.into_iter().chain([&*format!("href=\"{order}/refund\"")]) {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("Reinstate"));

    let refund = format!("{order}/refund");
    let page = owner.get(&refund).await.body;
    for part in ["1 device loses access", "Computer bought", "its license is revoked", "No money moves"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let without = owner.submit(&refund, &function("refund"), &format!("id={}&reason=", things.order)).await;
    assert_eq!(without.header(header::LOCATION), format!("{refund}#refused"));
    let status =
        async || world.service.license(&Call::system(world.vendor).actor, things.license).await.unwrap().license.status;
    assert_eq!(status().await, LicenseStatus::Active);
    let fields = format!("id={}&reason=Did+not+run", things.order);
    let done = owner.submit(&refund, &function("refund"), &fields).await;
    assert!(done.header(header::LOCATION).ends_with(&format!("{order}?done=order_refunded")));
    assert_eq!(status().await, LicenseStatus::Revoked);

    let page = owner.get(&order).await.body;
    let back = format!("/console/acts/new?of=licenses&amp;step=reinstate&amp;id={}", things.license);
    for part in ["Paid back", "Did not run", "Reinstate its license", &back] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("/refund\""), "it was paid back once");
    let page = owner.get(&back.replace("&amp;", "&")).await.body;
    assert!(page.contains("Reinstate 1 license"), "{page}");
    let fields = format!("id={}&step=reinstate&reason=Runs+now", things.license);
    assert_eq!(owner.call(&function("take_step"), &fields).await.code(), "ok");
    assert!(!owner.get(&order).await.body.contains("Reinstate"));
}

#[tokio::test]
async fn whoever_may_not_refund_is_not_offered_it_and_support_confirms_first() {
    let world = World::new().await;
    let things = world.things("bought").await;
    let order = format!("/console/orders/{}", things.order);
    for role in [Role::Developer, Role::Viewer] {
        let mut browser = world.member(world.vendor, role).await;
        let page = browser.get(&order).await;
        assert!(page.status == StatusCode::OK && page.body.contains("order-bought"));
        assert!(!page.body.contains("/refund\""), "{role:?}");
        assert_eq!(browser.get(&format!("{order}/refund")).await.status, StatusCode::FORBIDDEN);
    }
    let mut support = world.member(world.vendor, Role::Support).await;
    let stale = "UPDATE sessions SET data = json_set(data, '$.confirmed_at', 0)";
    holdfast_store::raw::run(&world.db.db, stale).await.unwrap();
    let refund = format!("{order}/refund");
    assert!(support.get(&refund).await.body.contains("1 device loses access"), "to look takes no confirmation");
    let fields = format!("id={}&reason=Did+not+run", things.order);
    let asked = support.submit(&refund, &function("refund"), &fields).await;
    assert_eq!(asked.header(header::LOCATION), format!("/console/confirm?next={refund}"));
    let license = world.service.license(&Call::system(world.vendor).actor, things.license).await.unwrap().license;
    assert_eq!(license.status, LicenseStatus::Active);
}
