//! What the overview tells of time: activations and renewals by day.

use crate::world::*;
use holdfast_domain::Seconds;
use holdfast_service::Actor;
use holdfast_testkit::both;

/// Activations and renewals of the last `days` days and today.
async fn activity(world: &World, days: u16) -> Vec<(u64, u64)> {
    let found = world.service.activity(&Actor::system(world.vendor), days).await.unwrap();
    for (one, next) in found.iter().zip(&found[1..]) {
        assert_eq!(next.day.since(one.day), Seconds::DAY);
    }
    assert!((0..86_400).contains(&world.service.now().since(found[found.len() - 1].day).0));
    found.iter().map(|day| (day.activations, day.renewals)).collect()
}

both! {
    async fn what_devices_did_is_told_day_by_day(db: TestDb) {
        let world = World::new(&db).await;
        let (_, key) = world.license(fixed(3)).await;
        let laptop = world.activate(&key, "laptop").await.unwrap().lease;
        world.activate(&key, "desktop").await.unwrap();
        // Again is no other activation, and what is refused is none.
        world.activate(&key, "laptop").await.unwrap();
        world.activate("AAAA-BBBB", "other").await.unwrap_err();
        assert_eq!(activity(&world, 0).await, [(2, 0)]);
        world.clock.advance(Seconds::days(2));
        let other = world.another_node(&db).await;
        let mut lease = laptop;
        for _ in 0..3 {
            lease = world.renew(&lease).await.unwrap().lease;
            other.renew(world.product, renewal(&lease), &from()).await.unwrap();
        }
        world.renew("a.b.c").await.unwrap_err();
        world.activate(&key, "tablet").await.unwrap();
        assert_eq!(activity(&world, 2).await, [(2, 0), (0, 0), (1, 0)], "renewals are added now and then");
        for node in [&world.service, &other] {
            node.flush().await.unwrap();
            node.flush().await.unwrap();
        }
        assert_eq!(activity(&world, 2).await, [(2, 0), (0, 0), (1, 6)]);
        world.clock.advance(Seconds::DAY);
        world.renew(&lease).await.unwrap();
        world.service.flush().await.unwrap();
        assert_eq!(activity(&world, 1).await, [(1, 6), (0, 1)]);
    }

    async fn a_floating_seat_that_is_taken_again_after_its_lease_is_renewed(db: TestDb) {
        let world = World::new(&db).await;
        let (_, key) = world.license(floating(1)).await;
        let lease = world.activate(&key, "laptop").await.unwrap().lease;
        world.clock.advance(Seconds::days(200));
        world.renew(&lease).await.unwrap();
        world.service.flush().await.unwrap();
        assert_eq!(activity(&world, 0).await, [(0, 1)]);
    }
}
