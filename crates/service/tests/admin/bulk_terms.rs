//! Giving the licenses of a plan its present terms as an act on many: which ones, by whom, by another node, and back.

use crate::{
    bulk::{issue, stands, told, work},
    world::*,
};
use holdfast_domain::{LicenseId, PlanId, Role, SeatModel, Seconds, Terms};
use holdfast_service::{
    ErrorCode,
    admin::{
        bulk::{BulkPreview, BulkState, BulkStep, Fate, Target},
        inputs::{CreatePlan, IssueLicense, LicenseFilter, UpdateLicense, UpdatePlan},
        terms::PlanTerms,
    },
    runtime::{Nonce, Renew},
};
use holdfast_testkit::both;

async fn plan_now_has(world: &World, terms: &Terms) {
    let edit = UpdatePlan { terms: Some(terms.clone()), ..UpdatePlan::default() };
    world.service.update_plan(&world.call(), world.plan, edit).await.unwrap();
}

fn step(plan: PlanId, terms: &Terms) -> BulkStep {
    BulkStep::Terms(Box::new(PlanTerms { plan, terms: terms.clone(), seats_from: Some(yearly().seats) }))
}

fn of(plan: PlanId) -> Target {
    Target::AllLicenses(LicenseFilter { plan: Some(plan), ..LicenseFilter::default() })
}

async fn terms_of(world: &World, id: LicenseId) -> Terms {
    world.service.license(&world.system(), id).await.unwrap().license.terms
}

async fn preview(world: &World, terms: &Terms) -> BulkPreview {
    world.service.preview_bulk(&world.call(), step(world.plan, terms), of(world.plan)).await.unwrap()
}

both! {
    async fn licenses_with_other_terms_get_the_plans_and_theirs_back(db: TestDb) {
        let world = World::new(&db).await;
        let (service, owner) = (&world.service, world.member(Role::Owner).await);
        let ids = issue(&world, 118).await;
        let bought = IssueLicense { seats: Some(7), ..IssueLicense::of(world.plan) };
        let bought = service.issue_license(&world.call(), bought).await.unwrap().license.id;
        let input = CreatePlan { product: world.product, name: text("Other"), code: text("other"), terms: yearly() };
        let other = service.create_plan(&world.call(), input).await.unwrap().id;
        let elsewhere = service.issue_license(&world.call(), IssueLicense::of(other)).await.unwrap().license.id;
        let terms = Terms { seats: 2, lease: Seconds::days(7), ..yearly() };
        plan_now_has(&world, &terms).await;
        // Those that were issued since have them already.
        let new = issue(&world, 3).await[0];
        let found = preview(&world, &terms).await;
        assert_eq!((found.total, found.exact, found.looked_at), (119, true, 119));
        let id = service.begin_bulk(&owner, Some(found.id), step(world.plan, &terms), of(world.plan), text("New leases")).await.unwrap();
        assert_eq!(terms_of(&world, ids[0]).await, yearly(), "it has only begun");
        work(service, "one").await;
        let act = stands(&world, id).await;
        assert_eq!((act.state, act.total, act.changed, act.refused), (BulkState::Done, 119, 119, 0));
        assert_eq!((terms_of(&world, ids[0]).await, terms_of(&world, ids[117]).await), (terms.clone(), terms.clone()));
        assert_eq!(terms_of(&world, bought).await, Terms { seats: 7, ..terms.clone() }, "what was bought stays");
        assert_eq!((terms_of(&world, elsewhere).await, terms_of(&world, new).await), (yearly(), terms.clone()));
        assert_eq!((told(&world, "license.terms_applied").await, preview(&world, &terms).await.total), (119, 0));
        // One is changed since, by somebody else.
        let theirs = UpdateLicense { seats: Some(9), ..UpdateLicense::default() };
        service.update_license(&world.call(), ids[4], theirs).await.unwrap();
        let undo = service.undo_bulk(&owner, None, id, text("Too short")).await.unwrap();
        work(service, "one").await;
        let back = stands(&world, undo).await;
        assert_eq!((back.state, back.step, back.changed, back.refused), (BulkState::Done, BulkStep::FormerTerms, 118, 1));
        let refused = service.bulk_items(&world.system(), undo, Some(Fate::Refused), 0, 10).await.unwrap();
        assert_eq!((refused[0].subject.as_str(), refused[0].why.as_deref()), (ids[4].to_string().as_str(), Some("The license was changed since.")));
        assert_eq!((terms_of(&world, ids[0]).await, terms_of(&world, ids[4]).await.seats), (yearly(), 9));
        assert_eq!(terms_of(&world, bought).await, Terms { seats: 7, ..yearly() });
        assert_eq!(told(&world, "license.terms_applied").await, 119 + 118);
    }

    async fn another_node_goes_on_where_one_was_killed(db: TestDb) {
        let world = World::new(&db).await;
        issue(&world, 130).await;
        let terms = Terms { lease: Seconds::days(7), ..yearly() };
        plan_now_has(&world, &terms).await;
        let other = node(db.another_node().await, &world.clock);
        let id = world.service.begin_bulk(&world.call(), None, step(world.plan, &terms), of(world.plan), text("R")).await.unwrap();
        // Gathered, and fifty done; then it is gone, with its lease still running. The plan is changed meanwhile.
        for _ in 0..2 {
            assert!(world.service.go_on_with_bulk("one").await.unwrap());
        }
        plan_now_has(&world, &Terms { lease: Seconds::days(1), ..yearly() }).await;
        world.clock.advance(Seconds(61));
        work(&other, "two").await;
        assert_eq!((stands(&world, id).await.changed, told(&world, "license.terms_applied").await), (130, 130));
        let after = world.service.licenses(&world.system(), LicenseFilter::default(), page()).await.unwrap().items;
        assert!(after.iter().all(|license| license.terms == terms), "what was looked at is what was done");
    }

    async fn more_than_ten_are_an_owners_affair_and_fewer_of_whoever_sells(db: TestDb) {
        let world = World::new(&db).await;
        let service = &world.service;
        let ids = issue(&world, 11).await;
        let terms = Terms { lease: Seconds::days(7), ..yearly() };
        plan_now_has(&world, &terms).await;
        let few = Target::Licenses(ids[..10].to_vec());
        for (role, may_few) in [(Role::Admin, true), (Role::Developer, true), (Role::Support, false), (Role::Viewer, false)] {
            let call = world.member(role).await;
            let refused = service.begin_bulk(&call, None, step(world.plan, &terms), of(world.plan), text("R")).await;
            assert_eq!(refused.unwrap_err().code, ErrorCode::Forbidden, "{role:?}");
            let looked = service.preview_bulk(&call, step(world.plan, &terms), few.clone()).await;
            assert_eq!(looked.is_ok(), may_few, "{role:?}");
        }
        let developer = world.member(Role::Developer).await;
        let id = service.begin_bulk(&developer, None, step(world.plan, &terms), few.clone(), text("R")).await.unwrap();
        work(service, "one").await;
        service.undo_bulk(&developer, None, id, text("R")).await.unwrap();
        work(service, "one").await;
        assert_eq!(terms_of(&world, ids[0]).await, yearly());
        // Not what nobody looked at, and not another vendor's.
        let old = service.begin_bulk(&world.call(), None, step(world.plan, &yearly()), few, text("R")).await.unwrap_err();
        assert_eq!(old.code, ErrorCode::ChangedMeanwhile);
        let stranger = holdfast_service::Call::system(vendor(service, "Other").await);
        let theirs = service.begin_bulk(&stranger, None, step(world.plan, &terms), of(world.plan), text("R")).await.unwrap_err();
        assert_eq!(theirs.code, ErrorCode::NotFound);
    }

    async fn places_are_counted_as_the_terms_do_both_ways(db: TestDb) {
        let world = World::new(&db).await;
        let issued = world.issue().await;
        for device in ["a", "b", "c"] {
            world.activate_for(&issued.key, device, "ada@example.com").await.unwrap();
        }
        let people = Terms { seats: 3, ..Terms::defaults(yearly().model, SeatModel::NamedUser { devices: 3 }) };
        plan_now_has(&world, &people).await;
        let taken = async || world.service.license(&world.system(), issued.license.id).await.unwrap().license.seats_taken;
        let id = world.service.begin_bulk(&world.call(), None, step(world.plan, &people), of(world.plan), text("R")).await.unwrap();
        work(&world.service, "one").await;
        assert_eq!(taken().await, 1);
        world.service.undo_bulk(&world.call(), None, id, text("R")).await.unwrap();
        work(&world.service, "one").await;
        assert_eq!(taken().await, 3);
    }

    async fn who_loses_access_by_it_and_by_taking_it_back_is_said(db: TestDb) {
        let world = World::new(&db).await;
        let lasting = Terms { fallback: Some(entitlements(&["read"])), ..yearly() };
        plan_now_has(&world, &lasting).await;
        let issued = world.issue().await;
        let seat = world.activate(&issued.key, "laptop").await.unwrap();
        world.clock.set(issued.license.expires_at.unwrap().plus(Seconds::DAY));
        let nonce = Nonce::parse("nonce").unwrap();
        let renew = Renew { lease: seat.lease, nonce, manifest_seq: None, proof: None, device: None };
        world.service.renew(world.product, renew, &from("198.51.100.7")).await.unwrap();
        world.service.flush().await.unwrap();
        plan_now_has(&world, &yearly()).await;
        let found = preview(&world, &yearly()).await;
        assert_eq!((found.impact.devices, found.impact.seats[0].seat), (1, seat.seat.id), "nothing is left after the end");
        // The other way round it is taking back that ends it.
        world.service.begin_bulk(&world.call(), None, step(world.plan, &yearly()), of(world.plan), text("R")).await.unwrap();
        work(&world.service, "one").await;
        plan_now_has(&world, &lasting).await;
        let id = world.service.begin_bulk(&world.call(), None, step(world.plan, &lasting), of(world.plan), text("R")).await.unwrap();
        work(&world.service, "one").await;
        assert_eq!(world.service.preview_undo_bulk(&world.call(), id).await.unwrap().impact.devices, 1);
    }
}
