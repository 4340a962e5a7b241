//! What the last 90 days of a plan's licenses say about other terms, before those are saved.

use crate::world::*;
use holdfast_domain::{EventId, LicenseId, LicenseModel, SeatModel, Seconds, Terms, event, license::StatusChange};
use holdfast_service::{
    Error, ErrorCode,
    admin::{
        inputs::{
            ApplyTerms, ChangeStatus, CreateCustomer, CustomerChoice, IssueLicense, LicenseFilter, Undo, UpdatePlan,
        },
        page::{Direction, Limit, PageRequest},
        replay::EVENTS,
        terms::PlanTerms,
        views::{Replay, Unknown},
    },
    runtime::{Nonce, Renew},
};
use holdfast_store::{NewEvent, WriteOptions};
use holdfast_testkit::{SeededEntropy, both};
use serde_json::json;

/// `terms` as those of the plan, which had this number of seats.
fn proposed(world: &World, terms: Terms) -> PlanTerms {
    PlanTerms { plan: world.plan, terms, seats_from: Some(yearly().seats) }
}

async fn replay(world: &World, terms: Terms) -> Replay {
    let seats_from = Some(world.service.plan(&world.system(), world.plan).await.unwrap().terms.seats);
    let proposed = PlanTerms { seats_from, ..proposed(world, terms) };
    let replay = world.service.replay_terms(&world.system(), proposed, None).await.unwrap();
    assert_eq!((replay.next.as_deref(), replay.looked_at), (None, replay.total));
    replay
}

async fn seats_of(world: &World, id: LicenseId) -> u32 {
    world.service.license(&world.system(), id).await.unwrap().license.terms.seats
}

both! {
    async fn fewer_seats_would_have_refused_whoever_came_too_late(db: TestDb) {
        let world = World::new(&db).await;
        let call = world.call();
        let named = CreateCustomer { name: Some(text("Busy Company")), email: None, external_id: None };
        let busy = IssueLicense { customer: Some(CustomerChoice::New(named)), ..IssueLicense::of(world.plan) };
        let busy = world.service.issue_license(&call, busy).await.unwrap();
        // Three at once; and three one after the other, which two seats are enough for.
        let (calm, _) = world.used(&["x"]).await;
        let calm_key = world.service.reveal_key(&call, calm).await.unwrap();
        for device in ["y", "z"] {
            let seat = world.service.license(&world.system(), calm).await.unwrap().seats[0].id;
            world.service.free_seat(&call, seat, text("Replaced")).await.unwrap();
            world.clock.advance(Seconds(60));
            world.activate(&calm_key, device).await.unwrap();
        }
        for device in ["a", "b", "c"] {
            world.activate(&busy.key, device).await.unwrap();
            world.clock.advance(Seconds(60));
        }
        let at = world.service.now().plus(Seconds(-60));
        world.clock.advance(Seconds::DAY);
        let told = replay(&world, Terms { seats: 2, ..yearly() }).await;
        assert_eq!((told.looked_at, told.changing, told.over_their_seats), (2, 2, 1));
        assert_eq!((told.refused, told.licenses_refused, told.ran_out), (1, 1, 0));
        let hit = &told.named[0];
        assert_eq!((hit.license, hit.customer_name.as_deref(), hit.refused), (busy.license.id, Some("Busy Company"), 1));
        assert_eq!((hit.first_at, hit.device.as_deref()), (Some(at), Some("c")));
        // With one seat, the second and the third.
        assert_eq!(replay(&world, Terms { seats: 1, ..yearly() }).await.refused, 2);
        assert_eq!(replay(&world, yearly()).await.changing, 0);
        // What is older than 90 days is not looked at: whoever had a seat then has it at the beginning.
        world.clock.advance(Seconds::days(91));
        assert_eq!(replay(&world, Terms { seats: 2, ..yearly() }).await.refused, 0);
    }

    async fn shorter_leases_would_have_run_out_on_whoever_was_away(db: TestDb) {
        let world = World::new(&db).await;
        let issued = world.issue().await;
        let daily = world.activate(&issued.key, "daily").await.unwrap();
        world.activate(&issued.key, "away").await.unwrap();
        let away_since = world.service.now();
        world.clock.advance(Seconds::days(20));
        let renew = Renew {
            lease: daily.lease,
            nonce: Nonce::parse("nonce").unwrap(),
            manifest_seq: None,
            proof: None,
            device: None,
        };
        world.service.renew(world.product, renew, &from("198.51.100.7")).await.unwrap();
        world.service.flush().await.unwrap();
        let week = Terms { lease: Seconds::days(3), grace: Seconds::days(4), ..yearly() };
        let told = replay(&world, week.clone()).await;
        assert_eq!((told.ran_out, told.licenses_ran_out, told.refused), (1, 1, 0));
        assert_eq!(told.named[0].device.as_deref(), Some("away"));
        let end = away_since.plus(Seconds::days(7)).seconds();
        assert_eq!(told.named[0].first_at.unwrap().seconds(), end);
        assert_eq!(told.unknown, [Unknown::EarlierGaps]);
        // Longer leases take nothing from anybody.
        let month = Terms { lease: Seconds::days(60), ..yearly() };
        assert_eq!(replay(&world, month).await.ran_out, 0);
        // Whoever has run out under the present terms too is not their doing.
        world.clock.advance(Seconds::days(31));
        assert_eq!(replay(&world, week).await.named, []);
    }

    async fn lost_entitlements_and_other_models_are_told_as_far_as_they_are_known(db: TestDb) {
        let world = World::new(&db).await;
        let (service, call) = (&world.service, world.call());
        let rich = Terms { entitlements: entitlements(&["export", "print"]), ..yearly() };
        let edit = UpdatePlan { terms: Some(rich.clone()), ..UpdatePlan::default() };
        service.update_plan(&call, world.plan, edit).await.unwrap();
        let plain = world.issue().await;
        let own = IssueLicense { overrides: entitlements(&["export"]), ..IssueLicense::of(world.plan) };
        service.issue_license(&call, own).await.unwrap();
        world.activate(&plain.key, "laptop").await.unwrap();
        let told = replay(&world, Terms { entitlements: entitlements(&["print"]), ..rich.clone() }).await;
        assert_eq!(told.lost, [("export".to_owned(), 1)], "what a license has of its own stays");
        let named: Vec<_> = told.named.iter().map(|hit| (hit.license, hit.over, hit.lost.clone())).collect();
        assert_eq!((told.hit, named), (1, vec![(plain.license.id, None, vec![("export".to_owned(), None)])]));
        assert_eq!(told.unknown, [Unknown::WhichEntitlementsWereAskedFor]);
        // Named people: an application that names nobody would have been refused.
        let year = LicenseModel::Subscription { duration: Seconds::days(365) };
        let people = Terms { seats: 3, ..Terms::defaults(year, SeatModel::NamedUser { devices: 2 }) };
        let told = replay(&world, people).await;
        assert_eq!((told.refused, told.licenses_refused), (1, 1));
        let forever = Terms { model: LicenseModel::Perpetual, ..rich };
        assert_eq!(replay(&world, forever).await.unknown, [Unknown::EndsStay]);
        let bad = service.replay_terms(&world.system(), proposed(&world, Terms { seats: 0, ..yearly() }), None).await;
        assert_eq!(bad.unwrap_err().code, ErrorCode::InvalidRequest);
    }

    async fn fewer_devices_for_each_person_would_have_refused_some_though_there_are_places(db: TestDb) {
        let world = World::new(&db).await;
        let (service, call) = (&world.service, world.call());
        let people = |devices| Terms { seats: 5, ..Terms::defaults(yearly().model, SeatModel::NamedUser { devices }) };
        let edit = UpdatePlan { terms: Some(people(3)), ..UpdatePlan::default() };
        service.update_plan(&call, world.plan, edit).await.unwrap();
        let issued = world.issue().await;
        for device in ["a", "b", "c"] {
            world.clock.advance(Seconds(60));
            world.activate_for(&issued.key, device, "ada@example.com").await.unwrap();
        }
        assert_eq!(replay(&world, people(1)).await.refused, 2);
        assert_eq!(replay(&world, people(2)).await.refused, 1);
        assert_eq!(replay(&world, people(4)).await.refused, 0);
    }

    async fn a_seat_that_was_given_back_is_its_persons_again(db: TestDb) {
        let world = World::new(&db).await;
        let (service, call) = (&world.service, world.call());
        let people = |seats| Terms { seats, ..Terms::defaults(yearly().model, SeatModel::NamedUser { devices: 2 }) };
        let edit = UpdatePlan { terms: Some(people(3)), ..UpdatePlan::default() };
        service.update_plan(&call, world.plan, edit).await.unwrap();
        let issued = world.issue().await;
        let seat = world.activate_for(&issued.key, "a", "ada@example.com").await.unwrap().seat.id;
        world.clock.advance(Seconds(60));
        service.free_seat(&call, seat, text("Stolen")).await.unwrap();
        let event = service.license(&world.system(), issued.license.id).await.unwrap().undo[0].event;
        service.undo_seat(&call, seat, Undo { event, reason: text("Found"), dry_run: false }).await.unwrap();
        for (device, user) in [("b", "bob@example.com"), ("c", "carl@example.com")] {
            world.clock.advance(Seconds(60));
            world.activate_for(&issued.key, device, user).await.unwrap();
        }
        let told = replay(&world, people(2)).await;
        assert_eq!((told.refused, told.named[0].device.as_deref()), (1, Some("c")));
    }

    async fn what_is_over_or_lost_is_counted_as_the_new_terms_count_and_where_there_is_access(db: TestDb) {
        let world = World::new(&db).await;
        let (service, call) = (&world.service, world.call());
        let rich = Terms { entitlements: entitlements(&["export"]), ..yearly() };
        let edit = UpdatePlan { terms: Some(rich), ..UpdatePlan::default() };
        service.update_plan(&call, world.plan, edit).await.unwrap();
        // One person on three devices.
        let issued = world.issue().await;
        for device in ["a", "b", "c"] {
            world.activate_for(&issued.key, device, "ada@example.com").await.unwrap();
        }
        let people = Terms { seats: 1, ..Terms::defaults(yearly().model, SeatModel::NamedUser { devices: 3 }) };
        let told = replay(&world, people.clone()).await;
        assert_eq!((told.over_their_seats, told.lost.len()), (0, 1));
        let told = replay(&world, Terms { seats: 1, ..yearly() }).await;
        assert_eq!((told.over_their_seats, told.named[0].over), (1, Some((3, 1))));
        let edit = UpdatePlan { terms: Some(people), ..UpdatePlan::default() };
        service.update_plan(&call, world.plan, edit).await.unwrap();
        let asking = ApplyTerms { seats_from: Some(3), dry_run: true };
        let told = service.apply_terms(&call, world.plan, asking).await.unwrap();
        assert_eq!((told.licenses, told.over_their_seats), (1, 0));
        let revoke = ChangeStatus { change: StatusChange::Revoke, reason: text("Refund"), effective_at: None, dry_run: false };
        service.change_status(&call, issued.license.id, revoke).await.unwrap();
        let told = replay(&world, Terms { seats: 1, ..yearly() }).await;
        assert_eq!((told.changing, told.over_their_seats, told.lost.len()), (1, 0, 0));
        assert_eq!((told.hit, told.named), (0, Vec::new()));
    }

    async fn of_many_who_lose_something_as_many_as_fit_are_named_and_whoever_is_stopped_before_them(db: TestDb) {
        let world = World::new(&db).await;
        let (service, call) = (&world.service, world.call());
        let rich = Terms { entitlements: entitlements(&["export"]), seats: 2, ..yearly() };
        let edit = UpdatePlan { terms: Some(rich.clone()), ..UpdatePlan::default() };
        service.update_plan(&call, world.plan, edit).await.unwrap();
        let mut ids = Vec::new();
        for n in 0..104 {
            let issued = world.issue().await;
            ids.push(issued.license.id);
            // The first and the last issued: whichever way the list goes, one of them comes late.
            if n == 0 || n == 103 {
                for device in ["a", "b"] {
                    world.clock.advance(Seconds(60));
                    world.activate(&issued.key, device).await.unwrap();
                }
            }
        }
        let told = replay(&world, Terms { entitlements: entitlements(&[]), seats: 1, ..rich.clone() }).await;
        assert_eq!((told.hit, told.named.len(), told.licenses_refused), (104, 100, 2));
        let first: Vec<LicenseId> = told.named[..2].iter().map(|hit| hit.license).collect();
        assert!(first.contains(&ids[0]) && first.contains(&ids[103]));
        assert!(told.named.iter().all(|hit| hit.lost == [("export".to_owned(), None)]));
        assert_eq!((told.named[0].over, told.named[2].over), (Some((2, 1)), None));
    }

    async fn terms_are_applied_in_parts_the_first_issued_first(db: TestDb) {
        let world = World::new(&db).await;
        let (service, call) = (&world.service, world.call());
        let mut ids = Vec::new();
        for _ in 0..3 {
            ids.push(world.issue().await.license.id);
            world.clock.advance(Seconds(1));
        }
        let edit = UpdatePlan { terms: Some(Terms { seats: 2, ..yearly() }), ..UpdatePlan::default() };
        service.update_plan(&call, world.plan, edit).await.unwrap();
        let two = PageRequest { limit: Limit::new(2), direction: Direction::Ascending, ..page() };
        let after = service.licenses(&world.system(), LicenseFilter::default(), two).await.unwrap().next;
        assert!(after.is_some());
        let input = ApplyTerms { seats_from: Some(3), dry_run: false };
        let (told, next) = service.apply_terms_from(&call, world.plan, input, after).await.unwrap();
        assert_eq!((told.licenses, next), (1, None));
        assert_eq!((seats_of(&world, ids[0]).await, seats_of(&world, ids[2]).await), (3, 2));
        // What was not reached is found by doing it again.
        assert_eq!(service.apply_terms(&call, world.plan, input).await.unwrap().licenses, 2);
        assert_eq!(seats_of(&world, ids[0]).await, 2);
    }

    async fn licenses_with_the_plans_number_of_seats_follow_it_and_others_keep_theirs(db: TestDb) {
        let world = World::new(&db).await;
        let (service, call) = (&world.service, world.call());
        let follows = world.issue().await.license.id;
        let bought = IssueLicense { seats: Some(7), ..IssueLicense::of(world.plan) };
        let bought = service.issue_license(&call, bought).await.unwrap().license.id;
        let terms = Terms { seats: 2, lease: Seconds::days(7), ..yearly() };
        assert_eq!(replay(&world, terms.clone()).await.changing, 2);
        let edit = UpdatePlan { terms: Some(terms), ..UpdatePlan::default() };
        service.update_plan(&call, world.plan, edit).await.unwrap();
        let input = ApplyTerms { seats_from: Some(3), dry_run: false };
        assert_eq!(service.apply_terms(&call, world.plan, input).await.unwrap().licenses, 2);
        assert_eq!((seats_of(&world, follows).await, seats_of(&world, bought).await), (2, 7));
    }

    async fn more_claims_and_releases_than_are_replayed_are_told(db: TestDb) {
        let world = World::new(&db).await;
        let (_, seats) = world.used(&["a", "b"]).await;
        let turns = async |count: usize| {
            let (seat, vendor, at) = (seats[0].to_string(), world.vendor, world.service.now());
            let write = world.service.store().write(WriteOptions::alone(), move |tx| {
                let (seat, entropy) = (seat.clone(), SeededEntropy::new(unique()));
                Box::pin(async move {
                    for turn in 0..count {
                        let action = if turn % 2 == 0 { "seat.released" } else { "seat.claimed" };
                        tx.event(NewEvent {
                            id: EventId::new(at, &entropy),
                            vendor,
                            at,
                            actor: event::Actor::System,
                            action,
                            subject: seat.clone(),
                            data: json!({}),
                            origin: String::new(),
                            request: String::new(),
                        });
                    }
                    Ok::<_, Error>(())
                })
            });
            write.await.unwrap();
        };
        // With the two claims, as many as are replayed.
        turns(EVENTS - 2).await;
        assert_eq!(replay(&world, Terms { seats: 1, ..yearly() }).await.unknown, []);
        turns(1).await;
        assert_eq!(replay(&world, Terms { seats: 1, ..yearly() }).await.unknown, [Unknown::BusyLicenses]);
        // Where nobody can be refused, they are not looked at.
        assert_eq!(replay(&world, Terms { seats: 5, ..yearly() }).await.unknown, []);
    }
}
