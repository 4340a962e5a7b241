//! Acts on many: who may, what is said before, what becomes of each, another node going on, and taking it back.

use crate::world::*;
use futures::TryStreamExt as _;
use holdfast_domain::{BulkActId, LicenseId, LicenseStatus, Role, Seconds, license::StatusChange};
use holdfast_service::{
    ErrorCode, Service,
    admin::{
        bulk::{BulkActView, BulkState, BulkStep, Fate, StopReason, Target},
        exports::{Export, Format, Rows},
        inputs::{ChangeStatus, EventFilter, IssueLicense, LicenseFilter, SeatFilter},
    },
};
use holdfast_testkit::both;

pub const REVOKE: BulkStep = BulkStep::Status(StatusChange::Revoke);

pub fn all() -> Target {
    Target::AllLicenses(LicenseFilter::default())
}

/// Lets a node do what there is to be done.
pub async fn work(service: &Service, holder: &str) -> usize {
    let mut pieces = 0;
    while service.go_on_with_bulk(holder).await.unwrap() {
        pieces += 1;
        assert!(pieces < 1_000, "it never ends");
    }
    pieces
}

pub async fn stands(world: &World, id: BulkActId) -> BulkActView {
    world.service.bulk_act(&world.system(), id).await.unwrap()
}

pub async fn issue(world: &World, count: usize) -> Vec<LicenseId> {
    let mut ids = Vec::new();
    for _ in 0..count {
        ids.push(world.issue().await.license.id);
    }
    ids
}

pub async fn status(world: &World, id: LicenseId) -> LicenseStatus {
    world.service.license(&world.system(), id).await.unwrap().license.status
}

pub async fn told(world: &World, action: &str) -> usize {
    let filter = EventFilter { action: Some(action.to_owned()), ..EventFilter::default() };
    usize::try_from(world.service.events(&world.system(), filter, page()).await.unwrap().total.rows).unwrap()
}

both! {
    async fn everything_that_matches_is_changed_and_taken_back(db: TestDb) {
        let world = World::new(&db).await;
        let owner = world.member(Role::Owner).await;
        let ids = issue(&world, 230).await;
        // The newest, which is among those that a preview looks at.
        world.clock.advance(Seconds(1));
        let (used, _) = world.used(&["laptop"]).await;
        let change = ChangeStatus { change: StatusChange::Revoke, reason: text("Before"), effective_at: None, dry_run: false };
        world.service.change_status(&world.call(), ids[7], change).await.unwrap();
        let preview = world.service.preview_bulk(&owner, REVOKE, all()).await.unwrap();
        assert_eq!((preview.total, preview.exact, preview.looked_at, preview.impact.devices), (231, true, 200, 1));
        let id = world.service.begin_bulk(&owner, None, REVOKE, all(), text("Chargeback")).await.unwrap();
        assert_eq!(status(&world, used).await, LicenseStatus::Active, "it has only begun");
        work(&world.service, "one").await;
        let act = stands(&world, id).await;
        assert_eq!((act.state, act.total, act.changed, act.refused), (BulkState::Done, 231, 230, 1));
        for id in [ids[0], ids[229], used] {
            assert_eq!(status(&world, id).await, LicenseStatus::Revoked);
        }
        assert_eq!((told(&world, "license.revoked").await, told(&world, "bulk.began").await, told(&world, "bulk.ended").await), (231, 1, 1));
        let refused = world.service.bulk_items(&world.system(), id, Some(Fate::Refused), 0, 10).await.unwrap();
        assert_eq!((refused.len(), refused[0].subject.as_str()), (1, ids[7].to_string().as_str()));
        assert_eq!(refused[0].why.as_deref(), Some("The license is revoked."));
        let hint = world.service.license(&world.system(), ids[7]).await.unwrap().license.key_hint;
        let known = refused[0].known.as_ref().unwrap();
        assert_eq!((&known.label, &known.customer, &known.device), (&hint, &None, &None));
        // Its report leaves whole, piece by piece.
        for (fate, rows) in [(None, 231), (Some(Fate::Changed), 230), (Some(Fate::Refused), 1), (Some(Fate::Pending), 0)] {
            let export = Export { rows: Rows::Report(id, fate), format: Format::Csv, with_keys: false };
            let pieces: Vec<Vec<u8>> = world.service.export(&owner, export).await.unwrap().try_collect().await.unwrap();
            let file = String::from_utf8(pieces.concat()).unwrap();
            assert_eq!(file.lines().count(), rows + 1, "{fate:?}");
        }
        // One is changed since, by somebody else.
        let change = ChangeStatus { change: StatusChange::Reinstate, reason: text("Mistake"), effective_at: None, dry_run: false };
        world.service.change_status(&world.call(), ids[9], change).await.unwrap();
        let undo = world.service.undo_bulk(&owner, None, id, text("Wrong filter")).await.unwrap();
        assert_eq!(world.service.undo_bulk(&owner, None, id, text("Again")).await.unwrap_err().code, ErrorCode::StatusConflict);
        work(&world.service, "one").await;
        let back = stands(&world, undo).await;
        assert_eq!((back.state, back.total, back.changed, back.refused, back.undoes), (BulkState::Done, 230, 229, 1, Some(id)));
        assert_eq!(stands(&world, id).await.undone_by, Some(undo));
        for id in [ids[0], ids[229], used] {
            assert_eq!(status(&world, id).await, LicenseStatus::Active);
        }
        assert_eq!(status(&world, ids[7]).await, LicenseStatus::Revoked, "it was so before");
        assert_eq!(told(&world, "license.reinstated").await, 230);
    }

    async fn more_than_ten_are_an_owners_affair(db: TestDb) {
        let world = World::new(&db).await;
        let ids = issue(&world, 11).await;
        let few = || Target::Licenses(ids[..10].to_vec());
        let suspend = BulkStep::Status(StatusChange::Suspend);
        for (role, step, may_few) in [
            (Role::Admin, suspend.clone(), true), (Role::Support, suspend.clone(), true), (Role::Support, BulkStep::Extend(30), true),
            (Role::Admin, BulkStep::Extend(30), true), (Role::Viewer, suspend.clone(), false), (Role::Developer, suspend.clone(), false),
        ] {
            let call = world.member(role).await;
            let refused = world.service.begin_bulk(&call, None, step.clone(), all(), text("Because")).await.unwrap_err();
            assert_eq!(refused.code, ErrorCode::Forbidden, "{role:?}");
            // Whoever may ask a second person may look.
            let looked = world.service.preview_bulk(&call, step.clone(), all()).await.map(|looked| looked.second);
            assert_eq!(looked.map_err(|error| error.code), if may_few { Ok(true) } else { Err(ErrorCode::Forbidden) });
            let outcome = world.service.preview_bulk(&call, step, few()).await;
            assert_eq!(outcome.is_ok(), may_few, "{role:?}");
        }
        // What comes back among them while they are looked up counts as well.
        let admin = world.member(Role::Admin).await;
        world.service.change_status_of_many(&world.call(), ids[..2].to_vec(), ChangeStatus {
            change: StatusChange::Suspend, reason: text("R"), effective_at: None, dry_run: false,
        }).await.unwrap();
        let active = Target::AllLicenses(LicenseFilter { state: Some(holdfast_domain::LicenseState::Active), ..LicenseFilter::default() });
        let id = world.service.begin_bulk(&admin, None, suspend, active, text("Because")).await.unwrap();
        world.service.change_status_of_many(&world.call(), ids[..2].to_vec(), ChangeStatus {
            change: StatusChange::Resume, reason: text("R"), effective_at: None, dry_run: false,
        }).await.unwrap();
        work(&world.service, "one").await;
        let act = stands(&world, id).await;
        assert_eq!((act.state, act.stopped, act.changed), (BulkState::Stopped, Some(StopReason::TooMany), 0));
        assert_eq!(status(&world, ids[5]).await, LicenseStatus::Active);
        assert_eq!(world.service.undo_bulk(&admin, None, id, text("Because")).await.unwrap_err().code, ErrorCode::StatusConflict);
    }

    async fn another_node_goes_on_where_one_was_killed(db: TestDb) {
        let world = World::new(&db).await;
        issue(&world, 130).await;
        let other = node(db.another_node().await, &world.clock);
        let id = world.service.begin_bulk(&world.call(), None, REVOKE, all(), text("Chargeback")).await.unwrap();
        // Gathered, and fifty done; then it is gone, with its lease still running.
        for _ in 0..2 {
            assert!(world.service.go_on_with_bulk("one").await.unwrap());
        }
        assert!(!other.go_on_with_bulk("two").await.unwrap(), "one at a time");
        let half = stands(&world, id).await;
        assert_eq!((half.state, half.total, half.changed), (BulkState::Running, 130, 50));
        world.clock.advance(Seconds(61));
        assert!(other.go_on_with_bulk("two").await.unwrap());
        assert!(!world.service.go_on_with_bulk("one").await.unwrap(), "it has lost its lease");
        work(&other, "two").await;
        let act = stands(&world, id).await;
        assert_eq!((act.state, act.changed, act.refused), (BulkState::Done, 130, 0));
        assert_eq!(told(&world, "license.revoked").await, 130, "each once");
    }

    async fn licenses_are_extended_and_seats_freed(db: TestDb) {
        let world = World::new(&db).await;
        let owner = world.member(Role::Owner).await;
        let ids = issue(&world, 3).await;
        let ends = async |id| world.service.license(&world.system(), id).await.unwrap().license.expires_at.unwrap();
        let before = ends(ids[0]).await;
        let id = world.service.begin_bulk(&owner, None, BulkStep::Extend(30), Target::Licenses(ids.clone()), text("Outage")).await.unwrap();
        work(&world.service, "one").await;
        assert_eq!(ends(ids[0]).await, before.plus(Seconds::days(30)));
        let undo = world.service.undo_bulk(&owner, None, id, text("Too many")).await.unwrap();
        work(&world.service, "one").await;
        assert_eq!((ends(ids[0]).await, stands(&world, undo).await.changed), (before, 3));
        for days in [0, 4_000] {
            let refused = world.service.begin_bulk(&owner, None, BulkStep::Extend(days), Target::Licenses(ids.clone()), text("R")).await;
            assert_eq!(refused.unwrap_err().code, ErrorCode::InvalidRequest);
        }
        let (license, seats) = world.used(&["laptop", "desk"]).await;
        let preview = world.service.preview_bulk(&owner, BulkStep::Free, Target::Seats(seats.clone())).await.unwrap();
        assert_eq!((preview.total, preview.impact.devices), (2, 2));
        let filter = SeatFilter { q: Some("lapt".to_owned()), ..SeatFilter::default() };
        let id = world.service.begin_bulk(&owner, None, BulkStep::Free, Target::AllSeats(filter), text("Lost")).await.unwrap();
        work(&world.service, "one").await;
        assert_eq!((stands(&world, id).await.changed, told(&world, "seat.freed").await), (1, 1));
        assert_eq!(world.service.license(&world.system(), license).await.unwrap().license.seats_taken, 1);
        let day = world.service.now().plus(Seconds::DAY);
        assert_eq!(stands(&world, id).await.undo_until, Some(day), "it can be taken back");
        let id = world.service.begin_bulk(&owner, None, BulkStep::Free, Target::Seats(seats), text("Lost")).await.unwrap();
        work(&world.service, "one").await;
        let act = stands(&world, id).await;
        assert_eq!((act.changed, act.refused), (1, 1));
        // What cannot be done to these.
        let wrong = world.service.begin_bulk(&owner, None, BulkStep::Free, all(), text("R")).await.unwrap_err();
        assert_eq!(wrong.code, ErrorCode::InvalidRequest);
        let none = world.service.begin_bulk(&owner, None, REVOKE, Target::Licenses(Vec::new()), text("R")).await.unwrap_err();
        assert_eq!(none.code, ErrorCode::InvalidRequest);
    }

    async fn nothing_of_another_vendor_is_touched_or_told(db: TestDb) {
        let world = World::new(&db).await;
        let mine = world.issue().await.license.id;
        let id = world.service.begin_bulk(&world.call(), None, REVOKE, Target::Licenses(vec![mine]), text("R")).await.unwrap();
        let other = vendor(&world.service, "Other").await;
        let stranger = holdfast_service::Call::system(other);
        assert_eq!(world.service.bulk_act(&stranger.actor, id).await.unwrap_err().code, ErrorCode::NotFound);
        assert_eq!(world.service.bulk_items(&stranger.actor, id, None, 0, 10).await.unwrap_err().code, ErrorCode::NotFound);
        assert_eq!(world.service.undo_bulk(&stranger, None, id, text("R")).await.unwrap_err().code, ErrorCode::NotFound);
        let export = Export { rows: Rows::Report(id, None), format: Format::Csv, with_keys: false };
        assert_eq!(world.service.export(&stranger, export).await.err().unwrap().code, ErrorCode::NotFound);
        assert!(world.service.bulk_acts(&stranger.actor, page()).await.unwrap().items.is_empty());
        let (_, plan) = product(&world.service, &stranger, "theirs").await;
        world.service.issue_license(&stranger, IssueLicense::of(plan)).await.unwrap();
        work(&world.service, "one").await;
        world.service.change_status(&world.call(), mine, ChangeStatus {
            change: StatusChange::Reinstate, reason: text("R"), effective_at: None, dry_run: false,
        }).await.unwrap();
        let theirs = world.service.begin_bulk(&stranger, None, REVOKE, Target::Licenses(vec![mine]), text("R")).await.unwrap();
        work(&world.service, "one").await;
        let theirs = world.service.bulk_act(&stranger.actor, theirs).await.unwrap();
        assert_eq!((theirs.state, theirs.changed, theirs.refused), (BulkState::Done, 0, 1));
        assert_eq!(status(&world, mine).await, LicenseStatus::Active);
    }
}
