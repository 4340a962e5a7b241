//! The overview: how it goes.

use holdfast_domain::Role;

use crate::world::World;

#[tokio::test]
async fn activations_and_renewals_are_drawn_with_a_table_once_there_are_any() {
    let world = World::new().await;
    let mut viewer = world.member(world.vendor, Role::Viewer).await;
    assert!(!viewer.get("/console").await.body.contains("Renewals"));
    world.things("drawn").await;
    let page = viewer.get("/console").await.body;
    for part in [
        "Activations by day",
        "Renewals by day",
        "0 in the last 30 days, 1 today so far.",
        "(today, so far)",
        "today, so far: 1",
        "class=\"chart-line begun\"",
        "href=\"/console/seats?state=active\"",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert_eq!(page.matches("title=\"A day in UTC\"").count(), 2 * 31, "each day of both is in a table");
    let page = viewer.get("/console?days=90").await.body;
    assert!(page.contains("0 in the last 90 days, 1 today so far."), "{page}");
    assert_eq!(page.matches("title=\"A day in UTC\"").count(), 2 * 91);
    let mut stranger = world.member(world.other, Role::Owner).await;
    assert!(!stranger.get("/console").await.body.contains("Renewals"));
}
