//! What proves that a backup can be restored, and what does not.

use crate::world::*;
use holdfast_domain::Seconds;
use holdfast_service::admin::proof::Unproved;
use holdfast_store::raw;
use holdfast_testkit::{TestDb, both};
use std::time::Duration;

const TOOK: Duration = Duration::from_secs(3);

both! {
    async fn a_whole_database_proves_itself_and_what_is_broken_does_not(db: TestDb) {
        let world = World::new(&db).await;
        let issued = world.issue().await;
        world.activate(&issued.key, "laptop").await.unwrap();
        let service = &world.service;
        let found = service.look_through().await.unwrap();
        assert_eq!((found.licenses, found.seats, found.keys, found.manifests), (1, 1, 2, 1));
        assert_eq!(service.last_proof().await.unwrap().unwrap().0.map(|proof| proof.licenses), None);
        world.clock.advance(Seconds::HOUR);
        service.record_proof(&found, TOOK).await.unwrap();
        let (proof, installed_at) = service.last_proof().await.unwrap().unwrap();
        let proof = proof.unwrap();
        assert_eq!((proof.proved_at, proof.took, proof.licenses), (service.now(), 3_000_000, 1));
        assert!(installed_at < proof.proved_at);

        let breaks = async |sql: &str| {
            raw::run(&db.db, sql).await.unwrap();
            service.look_through().await.unwrap_err()
        };
        let miscounted = breaks("UPDATE licenses SET seats_used = seats_used + 1").await;
        assert!(matches!(miscounted, Unproved::Miscounted(1)), "{miscounted}");
        raw::run(&db.db, "UPDATE licenses SET seats_used = seats_used - 1").await.unwrap();
        let broken = breaks("UPDATE events SET subject = 'other' WHERE number = 2").await;
        assert!(matches!(broken, Unproved::Broken { number: 2, .. }), "{broken}");
    }

    async fn a_manifest_of_another_root_is_noticed(db: TestDb) {
        let world = World::new(&db).await;
        let other = vendor(&world.service, "Other").await;
        assert!(world.service.look_through().await.is_ok(), "{other}");
        let swap = "UPDATE key_manifests SET token = (SELECT token FROM key_manifests AS other
            WHERE other.vendor = other.subject AND other.vendor <> key_manifests.vendor LIMIT 1)";
        raw::run(&db.db, swap).await.unwrap();
        let unproved = world.service.look_through().await.unwrap_err();
        assert!(matches!(unproved, Unproved::Manifest(_)), "{unproved}");
    }

    async fn a_backup_of_something_else_or_of_long_ago_proves_nothing_here(db: TestDb) {
        let world = World::new(&db).await;
        let found = world.service.look_through().await.unwrap();
        // What happened since does not matter; that the past is another one does.
        world.issue().await;
        world.service.record_proof(&found, TOOK).await.unwrap();
        let elsewhere = TestDb::sqlite().await;
        let foreign = World::new(&elsewhere).await.service.look_through().await.unwrap();
        let refused = world.service.record_proof(&foreign, TOOK).await.unwrap_err();
        assert!(matches!(refused, Unproved::Foreign { .. }), "{refused}");
        world.clock.advance(Seconds::days(8));
        let old = world.service.record_proof(&found, TOOK).await.unwrap_err();
        assert!(matches!(old, Unproved::Old), "{old}");
        let nothing = TestDb::sqlite().await;
        let (empty, _) = empty(&nothing);
        assert!(matches!(empty.look_through().await.unwrap_err(), Unproved::Empty));
    }
}
