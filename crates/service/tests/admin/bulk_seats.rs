//! Seats that an act on many freed are given back: to their devices alone, and never more than a license has.

use crate::{
    bulk::{stands, told, work},
    world::*,
};
use holdfast_domain::{BulkActId, LicenseId, Role, SeatId, SeatState, Seconds};
use holdfast_service::{
    ErrorCode,
    admin::bulk::{BulkState, BulkStep, Fate, Target},
};
use holdfast_store::raw;
use holdfast_testkit::both;

async fn freed(world: &World, seats: &[SeatId]) -> BulkActId {
    let target = Target::Seats(seats.to_vec());
    let id = world.service.begin_bulk(&world.call(), None, BulkStep::Free, target, text("Lost")).await.unwrap();
    work(&world.service, "one").await;
    id
}

async fn taken(world: &World, license: LicenseId) -> usize {
    let detail = world.service.license(&world.system(), license).await.unwrap();
    let active = detail.seats.iter().filter(|seat| seat.state == SeatState::Active).count();
    assert_eq!(usize::try_from(detail.license.seats_taken).unwrap(), active, "what is counted is what is there");
    active
}

async fn refusals(world: &World, id: BulkActId) -> Vec<(String, String)> {
    let items = world.service.bulk_items(&world.system(), id, Some(Fate::Refused), 0, 10).await.unwrap();
    items.into_iter().map(|item| (item.subject, item.why.unwrap())).collect()
}

both! {
    async fn freed_seats_are_given_back_where_their_places_are_free(db: TestDb) {
        let world = World::new(&db).await;
        let issued = world.issue().await;
        let mut seats = Vec::new();
        for device in ["laptop", "desk", "tablet"] {
            seats.push(world.activate(&issued.key, device).await.unwrap().seat.id);
        }
        let until = world.service.now().plus(Seconds::DAY);
        raw::run(&db.db, &format!("UPDATE seats SET borrowed_until = {}", until.micros())).await.unwrap();
        let freed = freed(&world, &seats).await;
        assert_eq!(taken(&world, issued.license.id).await, 0);
        // The laptop comes again by itself, and somebody else before the others.
        assert_eq!(world.activate(&issued.key, "laptop").await.unwrap().seat.id, seats[0]);
        world.activate(&issued.key, "stranger").await.unwrap();
        let preview = world.service.preview_undo_bulk(&world.call(), freed).await.unwrap();
        assert_eq!((preview.total, preview.impact.devices), (3, 0), "it takes no access away");
        let undo = world.service.undo_bulk(&world.call(), None, freed, text("Found")).await.unwrap();
        work(&world.service, "one").await;
        let back = stands(&world, undo).await;
        assert_eq!((back.state, back.total, back.changed, back.refused), (BulkState::Done, 3, 1, 2));
        assert_eq!((back.step, stands(&world, freed).await.undone_by), (BulkStep::Restore, Some(undo)));
        let (first, rest): (Vec<_>, Vec<_>) =
            refusals(&world, undo).await.into_iter().partition(|(seat, _)| *seat == seats[0].to_string());
        assert_eq!(first[0].1, "The seat was taken or freed again since.");
        assert_eq!((rest.len(), rest[0].1.as_str()), (1, "Its place was taken by another device since."));
        assert_eq!(taken(&world, issued.license.id).await, 3, "never more than the license has");
        assert_eq!(told(&world, "seat.restored").await, 1);
        let given = world.service.bulk_items(&world.system(), undo, Some(Fate::Changed), 0, 10).await.unwrap();
        let given = world.service.seat(&world.system(), given[0].subject.parse().unwrap()).await.unwrap();
        assert_eq!((given.state, given.released_at, given.borrowed_until), (SeatState::Active, None, Some(until)));
        assert_eq!(world.service.undo_bulk(&world.call(), None, undo, text("R")).await.unwrap_err().code, ErrorCode::StatusConflict);
    }

    async fn of_a_device_and_a_freed_seat_at_once_one_gets_the_last_place(db: TestDb) {
        let world = World::new(&db).await;
        let other = node(db.another_node().await, &world.clock);
        for round in 0..6 {
            let issued = world.issue().await;
            let mut seats = Vec::new();
            for device in ["laptop", "desk", "tablet"] {
                seats.push(world.activate(&issued.key, device).await.unwrap().seat.id);
            }
            let freed = freed(&world, &seats[..1]).await;
            let undo = world.service.undo_bulk(&world.call(), None, freed, text("Found")).await.unwrap();
            // What it is about is looked up; what follows is the piece that gives it back.
            assert!(other.go_on_with_bulk("two").await.unwrap());
            let came = tokio::join!(world.activate(&issued.key, "stranger"), async {
                work(&other, "two").await;
            }).0;
            let back = stands(&world, undo).await;
            assert_eq!(back.changed + u64::from(came.is_ok()), 1, "round {round}");
            assert_eq!(back.refused, u64::from(came.is_ok()));
            if came.is_ok() {
                assert_eq!(refusals(&world, undo).await[0].1, "Its place was taken by another device since.");
            } else {
                assert_eq!(came.err().map(|error| error.code), Some(ErrorCode::SeatLimitReached));
            }
            assert_eq!(taken(&world, issued.license.id).await, 3, "round {round}");
            world.clock.advance(Seconds(61));
        }
    }

    async fn whoever_may_free_seats_may_give_them_back(db: TestDb) {
        let world = World::new(&db).await;
        let (developer, viewer) = (world.member(Role::Developer).await, world.member(Role::Viewer).await);
        let (license, seats) = world.used(&["laptop"]).await;
        let freed = freed(&world, &seats).await;
        assert_eq!(world.service.undo_bulk(&viewer, None, freed, text("Found")).await.unwrap_err().code, ErrorCode::Forbidden);
        assert_eq!(world.service.preview_undo_bulk(&viewer, freed).await.unwrap_err().code, ErrorCode::Forbidden);
        world.service.undo_bulk(&developer, None, freed, text("Found")).await.unwrap();
        work(&world.service, "one").await;
        assert_eq!(taken(&world, license).await, 1);
        // Nothing but what an act freed is given back.
        let forged = world.service.begin_bulk(&developer, None, BulkStep::Restore, Target::Seats(seats), text("R")).await;
        assert_eq!(forged.unwrap_err().code, ErrorCode::InvalidRequest);
    }
}
