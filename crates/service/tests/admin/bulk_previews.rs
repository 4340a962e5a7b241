//! What is said before an act on many: of few among many, of what taking it back ends, and where a whole key was typed.

use crate::{
    bulk::{REVOKE, stands, status, work},
    world::*,
};
use holdfast_domain::{BulkActId, LicenseId, LicenseState, LicenseStatus, Seconds, license::StatusChange};
use holdfast_service::{
    Call, ErrorCode, Parts, Service, Settings,
    admin::{
        bulk::{BulkPreview, BulkStep, Target},
        inputs::{ChangeStatus, ExtendLicense, LicenseFilter, SeatFilter},
    },
};
use holdfast_store::raw;
use holdfast_testkit::{SeededEntropy, TestDb, both};
use std::{fmt::Write as _, sync::Arc};

fn found(q: &str) -> LicenseFilter {
    LicenseFilter { q: Some(q.to_owned()), ..LicenseFilter::default() }
}

/// Makes so many licenses like `like`, one after the other, with that status and used then.
async fn copies(world: &World, db: &TestDb, like: LicenseId, (count, status, seen_at): (usize, &str, i64)) {
    let literal = |bytes: &[u8], kind: &str| {
        let mut hex = String::new();
        for byte in bytes {
            let _ = write!(hex, "{byte:02x}");
        }
        match (db.is_postgres(), kind) {
            (true, "uuid") => format!("'{hex}'::uuid"),
            (true, _) => format!("decode('{hex}', 'hex')"),
            (false, _) => format!("x'{hex}'"),
        }
    };
    world.clock.advance(Seconds(1));
    let entropy = SeededEntropy::new(unique());
    let mut made = Vec::new();
    for _ in 0..count {
        let id = LicenseId::new(world.service.now(), &entropy).to_bytes();
        made.push(format!("({}, {})", literal(&id, "uuid"), literal(&[id, id].concat(), "bytes")));
    }
    let like = literal(&like.to_bytes(), "uuid");
    for made in made.chunks(500) {
        let sql = format!(
            "WITH made (id, hash) AS (VALUES {})
             INSERT INTO licenses (id, vendor, product, plan, plan_code, customer, status, terms, overrides, ends_at, created_at,
                key_hash, key_sealed, key_hint, seats_used, version, updated_at)
             SELECT made.id, vendor, product, plan, plan_code, customer, '{status}', terms, overrides, ends_at, created_at,
                made.hash, key_sealed, key_hint, seats_used, version, updated_at
             FROM made CROSS JOIN licenses WHERE licenses.id = {like}",
            made.join(",")
        );
        raw::run(&db.db, &sql).await.unwrap();
    }
    let sql = format!(
        "UPDATE license_use SET seen_at = {seen_at} WHERE seen_at = 0
            AND license IN (SELECT id FROM licenses WHERE status = '{status}' AND id <> {like})"
    );
    raw::run(&db.db, &sql).await.unwrap();
}

/// Does it to a license, and asks what taking it back would do.
async fn undoing(world: &World, step: BulkStep, license: LicenseId) -> (BulkActId, BulkPreview) {
    let target = Target::Licenses(vec![license]);
    let id = world.service.begin_bulk(&world.call(), None, step, target, text("R")).await.unwrap();
    work(&world.service, "one").await;
    (id, world.service.preview_undo_bulk(&world.call(), id).await.unwrap())
}

both! {
    async fn few_among_many_are_counted(db: TestDb) {
        let world = World::new(&db).await;
        // Behind thousands of licenses that meet the one condition or the other.
        let (like, _) = world.used(&["laptop"]).await;
        copies(&world, &db, like, (3_000, "revoked", 0)).await;
        copies(&world, &db, like, (3_000, "active", 1)).await;
        raw::run(&db.db, "UPDATE license_use SET seen_at = 0 WHERE seen_at > 1").await.unwrap();
        let filter = LicenseFilter { state: Some(LicenseState::Active), activated: Some(false), ..LicenseFilter::default() };
        let page = world.service.licenses(&world.system(), filter.clone(), page()).await.unwrap();
        assert_eq!((page.items.len(), page.total.exact), (0, false), "the first page has none of them");
        let preview = world.service.preview_bulk(&world.call(), REVOKE, Target::AllLicenses(filter)).await.unwrap();
        assert_eq!((preview.total, preview.exact, preview.looked_at, preview.impact.devices), (1, true, 1, 1));
    }

    async fn those_without_an_end_are_counted_before_they_are_extended(db: TestDb) {
        let world = World::new(&db).await;
        let (like, _) = world.used(&["laptop"]).await;
        let endless = world.issue().await.license.id;
        let input = ExtendLicense { expires_at: None, reason: text("Bought for good"), dry_run: false };
        world.service.extend_license(&world.call(), endless, input).await.unwrap();
        let asked = async |step: BulkStep, target: Target| {
            let preview = world.service.preview_bulk(&world.call(), step, target).await.unwrap();
            (preview.total, preview.endless.rows, preview.endless.exact)
        };
        let all = |filter| Target::AllLicenses(filter);
        let some = Target::Licenses(vec![like, endless]);
        assert_eq!(asked(BulkStep::Extend(30), some.clone()).await, (2, 1, true));
        assert_eq!(asked(REVOKE, some).await, (2, 0, true), "that takes no end");
        assert_eq!(asked(BulkStep::Extend(30), all(LicenseFilter::default())).await, (2, 1, true));
        // Far more than are looked at one by one.
        copies(&world, &db, endless, (300, "suspended", 0)).await;
        copies(&world, &db, like, (100, "revoked", 0)).await;
        raw::run(&db.db, "UPDATE vendor_counts SET rows = rows + 400 WHERE kind = 'licenses'").await.unwrap();
        assert_eq!(asked(BulkStep::Extend(30), all(LicenseFilter::default())).await, (402, 301, true));
        let suspended = LicenseFilter { state: Some(LicenseState::Suspended), ..LicenseFilter::default() };
        assert_eq!(asked(BulkStep::Extend(30), all(suspended)).await, (300, 300, true));
        let ending = LicenseFilter { ends_after: Some(world.service.now()), ..LicenseFilter::default() };
        assert_eq!(asked(BulkStep::Extend(30), all(ending)).await, (101, 0, true));
    }

    async fn taking_back_says_who_loses_access(db: TestDb) {
        let world = World::new(&db).await;
        let issued = world.issue().await;
        let (license, laptop) = (issued.license.id, world.activate(&issued.key, "laptop").await.unwrap().seat.id);
        let preview = undoing(&world, BulkStep::Status(StatusChange::Suspend), license).await.1;
        assert_eq!((preview.total, preview.looked_at, preview.impact.devices), (1, 1, 0), "it gives access back");
        let preview = undoing(&world, BulkStep::Status(StatusChange::Resume), license).await.1;
        assert_eq!((preview.impact.devices, preview.impact.seats[0].seat), (1, laptop));
        // Days that were given are taken from a device that has a lease for some of them.
        world.clock.set(issued.license.expires_at.unwrap().plus(Seconds(-60)));
        let (extended, preview) = undoing(&world, BulkStep::Extend(30), license).await;
        assert_eq!(preview.impact.devices, 0);
        let desk = world.activate(&issued.key, "desk").await.unwrap().seat.id;
        let preview = world.service.preview_undo_bulk(&world.call(), extended).await.unwrap();
        assert_eq!((preview.impact.devices, preview.impact.seats[0].seat), (1, desk));
        // One that was changed since is left alone.
        let change = ChangeStatus { change: StatusChange::Suspend, reason: text("R"), effective_at: None, dry_run: false };
        world.service.change_status(&world.call(), license, change).await.unwrap();
        let preview = world.service.preview_undo_bulk(&world.call(), extended).await.unwrap();
        assert_eq!((preview.total, preview.impact.devices), (1, 0));
    }

    async fn a_whole_key_is_neither_kept_nor_taken_for_a_text(db: TestDb) {
        let world = World::new(&db).await;
        let (mine, other) = (world.issue().await, world.issue().await);
        let hint = &mine.license.key_hint;
        raw::run(&db.db, &format!("UPDATE licenses SET key_hint = '{hint}'")).await.unwrap();
        world.activate(&mine.key, "laptop").await.unwrap();
        world.activate(&other.key, "laptop").await.unwrap();
        let sealed = Service::new(Parts {
            store: db.another_node().await,
            clock: world.clock.clone(),
            entropy: Arc::new(SeededEntropy::new(unique())),
            vault: None,
            settings: Settings::default(),
        });
        let seats = |q: &str| Target::AllSeats(SeatFilter { q: Some(q.to_owned()), ..SeatFilter::default() });
        let (licenses, seats) = (Target::AllLicenses(found(&mine.key)), seats(&mine.key));
        for (step, target) in [(REVOKE, licenses.clone()), (BulkStep::Free, seats.clone())] {
            let refused = sealed.begin_bulk(&world.call(), None, step.clone(), target.clone(), text("R")).await.unwrap_err();
            assert_eq!(refused.code, ErrorCode::Sealed);
            let preview = world.service.preview_bulk(&world.call(), step.clone(), target.clone()).await.unwrap();
            assert_eq!((preview.total, preview.impact.devices), (1, 1));
            // Somebody else's key is no license of theirs.
            let stranger = Call::system(vendor(&world.service, "Other").await);
            let refused = world.service.begin_bulk(&stranger, None, step, target, text("R")).await.unwrap_err();
            assert_eq!(refused.code, ErrorCode::InvalidRequest);
        }
        let mut acts = Vec::new();
        for (step, target) in [(BulkStep::Free, seats), (REVOKE, licenses)] {
            acts.push(world.service.begin_bulk(&world.call(), None, step, target, text("R")).await.unwrap());
        }
        work(&world.service, "one").await;
        for act in acts {
            let act = stands(&world, act).await;
            assert_eq!((act.total, act.changed), (1, 1));
        }
        assert_eq!(status(&world, mine.license.id).await, LicenseStatus::Revoked);
        assert_eq!(status(&world, other.license.id).await, LicenseStatus::Active);
        let kept = raw::run(&db.db, "SELECT filter FROM bulk_acts").await.unwrap();
        assert_eq!(kept.len(), 2);
        assert!(kept.iter().flatten().flatten().all(|filter| !filter.contains(&mine.key)));
    }
}
