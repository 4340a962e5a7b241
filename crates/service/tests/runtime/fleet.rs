//! What the nodes do for each other, and what they watch over.

use crate::world::*;
use holdfast_domain::Seconds;
use holdfast_store::{raw, signing_keys::KeyKind};
use holdfast_testkit::both;
use std::time::Duration;

both! {
    async fn the_house_is_kept_by_whoever_finds_it_due_and_all_know_when(db: TestDb) {
        let world = World::new(&db).await;
        let (one, two) = (world.another_node(&db).await, world.another_node(&db).await);
        let done = async || world.service.jobs().await.unwrap()[0].at;
        assert_eq!(done().await, None);
        in_background(&[&one, &two], until(|| async { done().await.is_some() })).await;
        let first = done().await.unwrap();
        assert_eq!(first, world.service.now());
        world.clock.advance(Seconds::minutes(9));
        in_background(&[&one, &two], tokio::time::sleep(Duration::from_millis(300))).await;
        assert_eq!(done().await, Some(first), "not due yet");
        world.clock.advance(Seconds::minutes(2));
        // The node that did it last is gone; another one is not kept waiting by that.
        in_background(&[&two], until(|| async { done().await > Some(first) })).await;
        // Nor is anybody by a clock that was wrong.
        raw::run(&db.db, "UPDATE job_leases SET succeeded_at = succeeded_at + 900000000000").await.unwrap();
        let wrong = done().await;
        in_background(&[&one], until(|| async { done().await < wrong })).await;
    }

    async fn the_keys_that_end_first_are_known_roots_among_them(db: TestDb) {
        let world = World::new(&db).await;
        let other = world.another_product().await;
        world.service.take_snapshot().await.unwrap().unwrap();
        let keys = world.service.keys_ending(5);
        let of = |kind| keys.iter().filter(|key| key.kind == kind).count();
        assert_eq!((of(KeyKind::Issuing), of(KeyKind::Root)), (2, 1), "{keys:?} {other}");
        let root = keys.iter().find(|key| key.kind == KeyKind::Root).unwrap();
        assert_eq!(root.kid, world.root.kid().to_string());
        assert!(root.at > world.service.now().plus(Seconds::days(36_000)));
        // However many issuing keys end before, the root key is not forgotten.
        assert_eq!(world.service.keys_ending(1).len(), 2);
        let soon = world.service.now().plus(Seconds::days(100));
        let sql = format!("UPDATE signing_keys SET exp = {} WHERE kind = 'root'", soon.micros());
        raw::run(&db.db, &sql).await.unwrap();
        world.clock.advance(Seconds::hours(2));
        let sealed = world.service.take_snapshot().await.unwrap().unwrap();
        let fresh = world.another_node(&db).await;
        fresh.load_snapshot(&sealed).unwrap();
        let keys = fresh.keys_ending(5);
        assert_eq!(keys.iter().find(|key| key.kind == KeyKind::Root).unwrap().at, soon, "from the node's disk as well");
    }

    async fn licenses_and_their_ends_are_looked_up_now_and_then(db: TestDb) {
        let world = World::new(&db).await;
        for _ in 0..12 {
            world.license(subscription(30)).await;
        }
        world.license(fixed(1)).await;
        let look = async || world.service.product_observations(world.service.now()).await;
        let seen = look().await;
        assert_eq!((seen.len(), seen[0].product, seen[0].active_licenses), (1, world.product, 13));
        let hours = |seen: &[holdfast_fleet::ProductSeen]| -> u64 {
            seen[0].ends_by_hour.as_ref().unwrap().iter().map(|end| end.licenses).sum()
        };
        assert_eq!(hours(&seen), 12);
        assert_eq!(seen[0].ends_by_minute.as_ref().unwrap()[0].licenses, 12, "all in the same minute");
        assert!(seen[0].denials.is_none());
        world.license(subscription(30)).await;
        world.clock.advance(Seconds::minutes(9));
        assert_eq!(hours(&look().await), 12, "from memory");
        world.clock.advance(Seconds::minutes(2));
        assert_eq!(hours(&look().await), 13);
    }
}
