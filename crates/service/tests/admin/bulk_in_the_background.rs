//! Acts on many while they are done: what is sold meanwhile, stopping one, taking turns, one that always fails, one that was
//! asked for twice, and forgetting.

use crate::{
    bulk::{REVOKE, all, issue, stands, status, told, work},
    world::*,
};
use holdfast_domain::{BulkActId, LicenseStatus, Role, Seconds, license::StatusChange};
use holdfast_service::{
    Call, Error, ErrorCode,
    admin::{
        bulk::{BulkState, BulkStep, Fate, KEPT, StopReason, Target},
        inputs::{IssueLicense, Undo},
    },
};
use holdfast_store::{WriteOptions, bulk_acts, raw};
use holdfast_testkit::{TestDb, both};

const SUSPEND: BulkStep = BulkStep::Status(StatusChange::Suspend);

/// Forgets what is old, as the housekeeping does; how often there was something to be done.
async fn prune(world: &World) -> usize {
    let (now, mut pieces) = (world.service.now(), 0);
    let before = now.plus(Seconds(-KEPT.0));
    while world
        .service
        .store()
        .write(WriteOptions::default(), move |tx| {
            Box::pin(async move { Ok::<_, Error>(bulk_acts::prune(tx, before, now).await?) })
        })
        .await
        .unwrap()
    {
        pieces += 1;
    }
    pieces
}

async fn failures(db: &TestDb) -> i64 {
    let rows = raw::run(&db.db, "SELECT CAST(sum(failures) AS TEXT) FROM bulk_acts").await.unwrap();
    rows[0][0].as_deref().unwrap().parse().unwrap()
}

both! {
    async fn what_is_sold_later_is_not_meant(db: TestDb) {
        let world = World::new(&db).await;
        let old = issue(&world, 3).await;
        let id = world.service.begin_bulk(&world.call(), None, REVOKE, all(), text("Chargeback")).await.unwrap();
        world.clock.advance(Seconds(1));
        let new = issue(&world, 2).await;
        work(&world.service, "one").await;
        let act = stands(&world, id).await;
        assert_eq!((act.state, act.total, act.changed), (BulkState::Done, 3, 3));
        assert_eq!(status(&world, old[2]).await, LicenseStatus::Revoked);
        assert_eq!(status(&world, new[0]).await, LicenseStatus::Active);
    }

    async fn one_is_stopped_and_what_it_did_is_taken_back(db: TestDb) {
        let world = World::new(&db).await;
        issue(&world, 120).await;
        let (admin, viewer) = (world.member(Role::Admin).await, world.member(Role::Viewer).await);
        let id = world.service.begin_bulk(&world.call(), None, REVOKE, all(), text("Chargeback")).await.unwrap();
        for _ in 0..2 {
            assert!(world.service.go_on_with_bulk("one").await.unwrap());
        }
        assert_eq!(world.service.stop_bulk(&viewer, id).await.unwrap_err().code, ErrorCode::Forbidden);
        world.service.stop_bulk(&admin, id).await.unwrap();
        assert_eq!(work(&world.service, "one").await, 0);
        let act = stands(&world, id).await;
        assert_eq!((act.state, act.stopped, act.total, act.changed), (BulkState::Stopped, Some(StopReason::Asked), 120, 50));
        assert_eq!((told(&world, "bulk.stopped").await, told(&world, "bulk.ended").await), (1, 0));
        assert_eq!(world.service.stop_bulk(&admin, id).await.unwrap_err().code, ErrorCode::StatusConflict);
        // Taking it back is stopped before it did anything, and begun anew.
        let first = world.service.undo_bulk(&world.call(), None, id, text("Mistake")).await.unwrap();
        world.service.stop_bulk(&world.call(), first).await.unwrap();
        let second = world.service.undo_bulk(&world.call(), None, id, text("Mistake")).await.unwrap();
        work(&world.service, "one").await;
        let back = stands(&world, second).await;
        assert_eq!((back.state, back.changed, stands(&world, id).await.undone_by), (BulkState::Done, 50, Some(second)));
        assert_eq!(told(&world, "license.reinstated").await, 50);
    }

    async fn acts_take_turns(db: TestDb) {
        let world = World::new(&db).await;
        issue(&world, 150).await;
        let long = world.service.begin_bulk(&world.call(), None, REVOKE, all(), text("Chargeback")).await.unwrap();
        let other = Call::system(vendor(&world.service, "Other").await);
        let (_, plan) = product(&world.service, &other, "theirs").await;
        let theirs = world.service.issue_license(&other, IssueLicense::of(plan)).await.unwrap().license.id;
        world.clock.advance(Seconds(1));
        let short =
            world.service.begin_bulk(&other, None, REVOKE, Target::Licenses(vec![theirs]), text("R")).await.unwrap();
        for _ in 0..2 {
            world.clock.advance(Seconds(1));
            assert!(world.service.go_on_with_bulk("one").await.unwrap());
        }
        let short = world.service.bulk_act(&other.actor, short).await.unwrap();
        assert_eq!((short.state, stands(&world, long).await.state), (BulkState::Done, BulkState::Running));
    }

    async fn one_that_always_fails_is_given_up_and_keeps_nobody_waiting(db: TestDb) {
        let world = World::new(&db).await;
        let ids = issue(&world, 2).await;
        let target = || Target::Licenses(vec![ids[0]]);
        let id = world.service.begin_bulk(&world.call(), None, SUSPEND, target(), text("Overdue")).await.unwrap();
        work(&world.service, "one").await;
        raw::run(&db.db, "UPDATE bulk_act_items SET detail = 'damaged'").await.unwrap();
        let bad = world.service.undo_bulk(&world.call(), None, id, text("Paid")).await.unwrap();
        world.clock.advance(Seconds(1));
        let good = world.service.begin_bulk(&world.call(), None, SUSPEND, Target::Licenses(vec![ids[1]]), text("R")).await.unwrap();
        // What it is about is found; then it fails, and has to rest.
        world.service.go_on_with_bulk("one").await.unwrap();
        let mut failed = 0;
        for _ in 0..4 {
            world.clock.advance(Seconds(1));
            failed += usize::from(world.service.go_on_with_bulk("one").await.is_err());
        }
        assert_eq!((failed, failures(&db).await, stands(&world, good).await.state), (1, 1, BulkState::Done));
        for turn in 2..=20 {
            assert_eq!(stands(&world, bad).await.state, BulkState::Running);
            world.clock.advance(Seconds(31));
            assert!(world.service.go_on_with_bulk("one").await.is_err());
            assert_eq!(failures(&db).await, turn);
        }
        let act = stands(&world, bad).await;
        assert_eq!((act.state, act.stopped, act.changed), (BulkState::Stopped, Some(StopReason::Failed), 0));
        assert!(!world.service.go_on_with_bulk("one").await.unwrap());
    }

    async fn what_is_asked_for_twice_is_begun_once(db: TestDb) {
        let world = World::new(&db).await;
        let (owner, other) = (world.member(Role::Owner).await, world.member(Role::Owner).await);
        let target = Target::Licenses(issue(&world, 2).await);
        let again = node(db.another_node().await, &world.clock);
        let extend = BulkStep::Extend(30);
        let once = world.service.preview_bulk(&owner, extend.clone(), target.clone()).await.unwrap().id;
        let (first, second) = tokio::join!(
            world.service.begin_bulk(&owner, Some(once), extend.clone(), target.clone(), text("Outage")),
            again.begin_bulk(&owner, Some(once), extend.clone(), target.clone(), text("Outage")),
        );
        assert_eq!((first.unwrap(), second.unwrap()), (once, once));
        for (call, step, reason) in [(&owner, BulkStep::Extend(31), "Outage"), (&owner, extend.clone(), "R"), (&other, extend.clone(), "Outage")] {
            let refused = world.service.begin_bulk(call, Some(once), step, target.clone(), text(reason)).await.unwrap_err();
            assert_eq!(refused.code, ErrorCode::StatusConflict);
        }
        work(&world.service, "one").await;
        assert_eq!((told(&world, "bulk.began").await, told(&world, "license.extended").await), (1, 2));
        // Two who take it back at the same moment, and one who clicks twice.
        let undo = world.service.preview_undo_bulk(&owner, once).await.unwrap().id;
        let (mine, theirs) = tokio::join!(
            world.service.undo_bulk(&owner, Some(undo), once, text("Too long")),
            again.undo_bulk(&other, None, once, text("Too long")),
        );
        assert_eq!([&mine, &theirs].iter().filter(|outcome| outcome.is_ok()).count(), 1);
        let refused = [&mine, &theirs].into_iter().find_map(|outcome| outcome.as_ref().err()).unwrap();
        assert_eq!(refused.code, ErrorCode::StatusConflict);
        if mine.is_ok() {
            assert_eq!(world.service.undo_bulk(&owner, Some(undo), once, text("Too long")).await.unwrap(), undo);
        }
        work(&world.service, "one").await;
        assert_eq!(told(&world, "bulk.began").await, 2);
    }

    async fn what_became_of_each_is_forgotten_after_a_month(db: TestDb) {
        let world = World::new(&db).await;
        let ids = issue(&world, 2).await;
        let begin = async |id| {
            let id: BulkActId = world.service.begin_bulk(&world.call(), None, SUSPEND, Target::Licenses(vec![id]), text("R")).await.unwrap();
            work(&world.service, "one").await;
            id
        };
        let old = begin(ids[0]).await;
        world.clock.advance(Seconds::days(29));
        let new = begin(ids[1]).await;
        assert_eq!(prune(&world).await, 0);
        world.clock.advance(Seconds::days(2));
        assert_eq!((prune(&world).await, prune(&world).await), (1, 0));
        let kept = async |id| world.service.bulk_items(&world.system(), id, Some(Fate::Changed), 0, 10).await.unwrap().len();
        assert_eq!((kept(old).await, kept(new).await), (0, 1));
        assert_eq!((stands(&world, old).await.cleared, stands(&world, new).await.cleared), (true, false));
        assert_eq!(stands(&world, old).await.changed, 1, "how many it was stays");
    }

    async fn one_license_is_put_back_as_it_stood_before_many_were_taken_back(db: TestDb) {
        let world = World::new(&db).await;
        let id = issue(&world, 1).await[0];
        let suspended = world.service.begin_bulk(&world.call(), None, SUSPEND, Target::Licenses(vec![id]), text("Overdue")).await.unwrap();
        work(&world.service, "one").await;
        world.service.undo_bulk(&world.call(), None, suspended, text("Wrong ones")).await.unwrap();
        work(&world.service, "one").await;
        let detail = world.service.license(&world.system(), id).await.unwrap();
        assert_eq!((detail.license.status, detail.license.status_reason), (LicenseStatus::Active, None));
        let offer = detail.undo.iter().find(|offer| offer.action == "license.resumed").unwrap();
        let undo = Undo { event: offer.event, reason: text("This one was right"), dry_run: false };
        let license = world.service.undo_license(&world.call(), id, undo).await.unwrap().license;
        assert_eq!((license.status, license.status_reason), (LicenseStatus::Suspended, Some(text("Overdue"))));
    }
}
