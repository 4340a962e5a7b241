//! The same request twice is done once and answered alike.

use crate::world::*;
use holdfast_domain::Seconds;
use holdfast_service::{
    Call, ErrorCode,
    admin::{
        inputs::{EventFilter, IssueLicense, LicenseFilter, UpdateLicense},
        views::{ChangeOutcome, LicenseView, SeatView},
    },
};
use holdfast_testkit::both;

fn with(world: &World, key: &str, body: &str) -> Call {
    world.call().with_idempotency(idempotency(key, body))
}

both! {
    async fn a_repeated_request_gets_the_first_answer_secrets_included(db: TestDb) {
        let world = World::new(&db).await;
        let issue = |call: Call| {
            let (service, input) = (world.service.clone(), IssueLicense::of(world.plan));
            async move { service.issue_license(&call, input).await }
        };
        let first = issue(with(&world, "k1", "a")).await.unwrap();
        world.clock.advance(Seconds::HOUR);
        let second = issue(with(&world, "k1", "a")).await.unwrap();
        assert_eq!(first, second);
        let other_body = issue(with(&world, "k1", "b")).await.unwrap_err();
        assert_eq!(other_body.code, ErrorCode::IdempotencyMismatch);
        assert_ne!(issue(with(&world, "k2", "a")).await.unwrap().key, first.key);
        let all = world.service.licenses(&world.system(), LicenseFilter::default(), page()).await.unwrap();
        assert_eq!(all.total.rows, 2);
        let filter = EventFilter { action: Some("license.issued".to_owned()), ..EventFilter::default() };
        assert_eq!(world.service.events(&world.system(), filter, page()).await.unwrap().items.len(), 2);
        // After a day it is another request.
        world.clock.advance(Seconds::days(1));
        assert_ne!(issue(with(&world, "k1", "b")).await.unwrap().key, first.key);
        for bad in ["", "with space", "ключ", &"k".repeat(256)] {
            assert_eq!(issue(with(&world, bad, "a")).await.unwrap_err().code, ErrorCode::InvalidRequest, "{bad}");
        }
    }

    async fn answers_of_the_release_before_are_read_and_it_reads_ours(db: TestDb) {
        let world = World::new(&db).await;
        let (service, id) = (&world.service, world.issue().await.license.id);
        let (call, more) = (with(&world, "k1", "a"), UpdateLicense { seats: Some(5), ..UpdateLicense::default() });
        let done = service.update_license(&call, id, more.clone()).await.unwrap();
        assert_eq!(service.update_license(&call, id, more).await.unwrap(), done);
        // Its answer to a change was the license alone.
        let kept = serde_json::to_string(&done.license).unwrap();
        let read: ChangeOutcome = serde_json::from_str(&kept).unwrap();
        assert_eq!((&read.license, read.applied), (&done.license, true));
        let kept = serde_json::to_string(&done).unwrap();
        assert_eq!(serde_json::from_str::<LicenseView>(&kept).unwrap(), done.license);
        // Its seats had no first sign of life.
        let (_, seats) = world.used(&["a"]).await;
        let seat = service.seat(&world.system(), seats[0]).await.unwrap();
        let mut kept = serde_json::to_value(&seat).unwrap();
        kept.as_object_mut().unwrap().remove("first_seen");
        assert_eq!(serde_json::from_value::<SeatView>(kept).unwrap().id, seat.id);
    }

    async fn a_failed_act_keeps_nothing(db: TestDb) {
        let world = World::new(&db).await;
        let bad = IssueLicense { seats: Some(0), ..IssueLicense::of(world.plan) };
        let call = with(&world, "k1", "a");
        assert!(world.service.issue_license(&call, bad).await.is_err());
        assert!(world.service.issue_license(&call, IssueLicense::of(world.plan)).await.is_ok());
    }

    async fn many_at_once_on_two_nodes_are_done_once(db: TestDb) {
        let world = World::new(&db).await;
        let nodes = [world.service.clone(), node(db.another_node().await, &world.clock)];
        let tasks: Vec<_> = (0..16)
            .map(|n| {
                let (service, call) = (nodes[n % 2].clone(), with(&world, "k1", "a"));
                let input = IssueLicense::of(world.plan);
                tokio::spawn(async move { service.issue_license(&call, input).await })
            })
            .collect();
        let mut keys = Vec::new();
        for task in tasks {
            match task.await.unwrap() {
                Ok(issued) => keys.push(issued.key),
                Err(error) => assert_eq!(error.code, ErrorCode::IdempotencyRunning),
            }
        }
        assert!(!keys.is_empty() && keys.iter().all(|key| *key == keys[0]));
        let all = world.service.licenses(&world.system(), LicenseFilter::default(), page()).await.unwrap();
        assert_eq!(all.total.rows, 1);
    }
}
