//! Trials: one per device and product.

use crate::world::*;
use holdfast_domain::{LicenseModel, LicenseStatus, SeatModel, Seconds, Terms, decide::Mode};
use holdfast_service::{
    Error, ErrorCode,
    runtime::{Activated, StartTrial},
};
use holdfast_testkit::both;

fn trial(duration: Seconds) -> Terms {
    Terms {
        entitlements: entitlements(&["all"]),
        ..Terms::defaults(LicenseModel::Trial { duration }, SeatModel::NodeLocked)
    }
}

async fn start(world: &World, plan: Option<&str>, device: &str) -> Result<Activated, Error> {
    let input = StartTrial {
        plan: plan.map(|plan| plan.parse().unwrap()),
        device: world.device(device),
        nonce: nonce(),
        manifest_seq: None,
    };
    world.service.start_trial(world.product, input, &from()).await
}

both! {
    async fn a_device_gets_one_trial_and_comes_back_to_it(db: TestDb) {
        let world = World::new(&db).await;
        assert_eq!(start(&world, None, "laptop").await.unwrap_err().code, ErrorCode::NoTrial);
        world.plan(fixed(1)).await;
        let plan = world.plan(trial(Seconds::days(14))).await;
        assert_eq!(start(&world, Some("nothing"), "laptop").await.unwrap_err().code, ErrorCode::NoTrial);
        let first = start(&world, None, "laptop").await.unwrap();
        let lease = world.lease(&first.lease).await;
        let end = world.service.now().seconds().plus(Seconds::days(14));
        assert_eq!((lease.mode, lease.soft, lease.exp, lease.lic), (Mode::Trial, end, end, Some(end)));
        assert_eq!((lease.plan.as_str(), lease.ent.len()), (plan.code.as_str(), 1));
        assert!(first.keys.is_some() && !first.again);
        world.clock.advance(Seconds::days(3));
        let again = start(&world, Some(plan.code.as_str()), "laptop").await.unwrap();
        assert!(again.again);
        assert_eq!((again.seat.id, world.lease(&again.lease).await.exp), (first.seat.id, end));
        assert_ne!(start(&world, None, "desktop").await.unwrap().seat.id, first.seat.id);
        world.clock.advance(Seconds::days(12));
        let over = start(&world, None, "laptop").await.unwrap_err();
        assert_eq!(over.code, ErrorCode::TrialUsed);
        // Given up and begun again is still the same trial.
        let desktop = start(&world, None, "desktop").await.unwrap();
        world.release(&desktop.lease).await.unwrap();
        assert_eq!(world.lease(&start(&world, None, "desktop").await.unwrap().lease).await.exp, end.plus(Seconds::days(3)));
    }

    async fn many_starts_at_once_are_one_trial(db: TestDb) {
        let world = World::new(&db).await;
        world.plan(trial(Seconds::days(14))).await;
        let nodes = [world.service.clone(), world.another_node(&db).await];
        let mut running = tokio::task::JoinSet::new();
        for n in 0..40 {
            let (service, product) = (nodes[n % 2].clone(), world.product);
            let input = StartTrial { plan: None, device: world.device("laptop"), nonce: nonce(), manifest_seq: None };
            running.spawn(async move { service.start_trial(product, input, &from()).await });
        }
        let (mut seats, mut retried) = (std::collections::BTreeSet::new(), 0);
        while let Some(answer) = running.join_next().await {
            match answer.unwrap() {
                Ok(answer) => {
                    seats.insert(answer.seat.id);
                }
                Err(error) => {
                    assert!(error.code.retryable(), "{error:?}");
                    retried += 1;
                }
            }
        }
        assert_eq!(seats.len(), 1);
        assert!(retried < 40);
        assert_eq!(start(&world, None, "laptop").await.unwrap().seat.id, *seats.first().unwrap());
    }

    async fn a_revoked_trial_is_denied(db: TestDb) {
        let world = World::new(&db).await;
        world.plan(trial(Seconds::days(14))).await;
        let answer = start(&world, None, "laptop").await.unwrap();
        world.set_status(answer.seat.license, LicenseStatus::Revoked).await;
        world.denial(start(&world, None, "laptop").await.unwrap_err(), ErrorCode::LicenseRevoked).await;
        world.denial(world.renew(&answer.lease).await.unwrap_err(), ErrorCode::LicenseRevoked).await;
    }
}
