//! The denial breaker: a mistake does not lock everybody out, on any node, until a person says that it is none.

use crate::world::*;
use holdfast_domain::{LicenseStatus, Seconds};
use holdfast_service::{Call, ErrorCode, Service, runtime::Validate};
use holdfast_testkit::both;

async fn refused(node: &Service, world: &World, token: &str) -> Option<ErrorCode> {
    node.renew(world.product, renewal(token), &from()).await.err().map(|error| error.code)
}

both! {
    async fn a_flood_of_denials_is_stopped_on_every_node_until_a_person_lets_it_pass(db: TestDb) {
        let world = World::new(&db).await;
        let other = world.another_node(&db).await;
        let (license, key) = world.license(fixed(30)).await;
        let mut leases = Vec::new();
        for n in 0..25 {
            leases.push(world.activate(&key, &format!("device {n}")).await.unwrap().lease);
        }
        in_background(&[&world.service, &other], async {
            world.set_status(license, LicenseStatus::Revoked).await;
            until(|| async { refused(&world.service, &world, &leases[0]).await == Some(ErrorCode::LicenseRevoked) }).await;
            let mut answers = Vec::new();
            for lease in leases.iter().chain(&leases[..5]) {
                answers.push(refused(&world.service, &world, lease).await.unwrap());
            }
            let (denied, stopped) = (ErrorCode::LicenseRevoked, ErrorCode::DenialsStopped);
            assert!(stopped.retryable());
            assert!(answers[..20].iter().all(|code| *code == denied), "{answers:?}");
            assert!(answers[20..].iter().all(|code| *code == stopped), "{answers:?}");
            // The other node has denied nothing yet, and now does not begin.
            until(|| async { refused(&other, &world, &leases[0]).await == Some(stopped) }).await;
            let asked = Validate { key: key.clone(), device_hash: Some(world.device("device 1").hash), nonce: nonce() };
            let validated = other.validate(world.product, asked, &from()).await.unwrap_err();
            assert_eq!((validated.code, validated.denial), (stopped, None));
            let tripped = other.breakers_tripped().await.unwrap();
            let own = tripped.iter().find(|told| told.product == world.product).unwrap();
            assert_eq!((own.denials.recent, own.denials.limit, own.denials.tripped), (21, 20, true));
            assert_eq!(world.log_of(&world.product.to_string()).await.last().unwrap(), "product.denials_stopped");

            let call = Call::system(world.vendor);
            assert!(world.service.breaker(&call.actor, world.product).await.unwrap().stopped);
            let passed = other.let_denials_pass(&call, world.product, "They are meant".parse().unwrap()).await.unwrap();
            assert!(!passed.stopped && passed.passes_until.is_some());
            for node in [&other, &world.service] {
                until(|| async { refused(node, &world, &leases[24]).await == Some(denied) }).await;
                for lease in &leases {
                    assert_eq!(refused(node, &world, lease).await, Some(denied));
                }
            }
            // A day later it watches again.
            world.clock.advance(Seconds::days(1));
            let view = other.breaker(&call.actor, world.product).await.unwrap();
            assert_eq!((view.stopped, view.passes_until), (false, None));
        }).await;
    }

    async fn denials_that_take_nothing_away_neither_count_nor_stop(db: TestDb) {
        let world = World::new(&db).await;
        let (license, key) = world.license(fixed(1)).await;
        let lease = world.activate(&key, "laptop").await.unwrap().lease;
        world.set_status(license, LicenseStatus::Revoked).await;
        let strangers = async || {
            let mut denied = 0;
            for n in 0..30 {
                let refused = world.activate(&key, &format!("stranger {n}")).await.unwrap_err();
                denied += usize::from(refused.code == ErrorCode::LicenseRevoked);
            }
            denied
        };
        assert_eq!(strangers().await, 30);
        assert!(world.service.denials_lately(5).is_empty());
        assert_eq!(refused(&world.service, &world, &lease).await, Some(ErrorCode::LicenseRevoked));
        assert_eq!(world.service.denials_lately(5)[0].denials.recent, 1);
        // Leases that have run out by themselves.
        let (license, key) = world.license(fixed(30)).await;
        let mut leases = Vec::new();
        for n in 0..30 {
            leases.push(world.activate(&key, &format!("device {n}")).await.unwrap().lease);
        }
        world.set_status(license, LicenseStatus::Revoked).await;
        world.clock.advance(Seconds::days(60));
        for lease in &leases {
            assert_eq!(refused(&world.service, &world, lease).await, Some(ErrorCode::LicenseRevoked));
        }
        assert!(world.service.denials_lately(5).is_empty());
    }

    async fn one_product_stopped_leaves_the_others_alone(db: TestDb) {
        let world = World::new(&db).await;
        let (license, key) = world.license(fixed(30)).await;
        let mut leases = Vec::new();
        for n in 0..21 {
            leases.push(world.activate(&key, &format!("device {n}")).await.unwrap().lease);
        }
        world.set_status(license, LicenseStatus::Suspended).await;
        for lease in &leases {
            refused(&world.service, &world, lease).await.unwrap();
        }
        assert_eq!(refused(&world.service, &world, &leases[0]).await, Some(ErrorCode::DenialsStopped));
        let second = World { product: world.another_product().await, service: world.service.clone(), ..world };
        let (license, key) = second.license(fixed(1)).await;
        let lease = second.activate(&key, "laptop").await.unwrap().lease;
        second.set_status(license, LicenseStatus::Suspended).await;
        assert_eq!(refused(&second.service, &second, &lease).await, Some(ErrorCode::LicenseSuspended));
    }
}
