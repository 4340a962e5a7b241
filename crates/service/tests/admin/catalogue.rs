//! Products, plans, customers and orders.

use crate::world::*;
use holdfast_domain::{LicenseModel, SeatModel, Seconds, Terms};
use holdfast_service::{
    ErrorCode,
    admin::{
        inputs::{
            ApplyTerms, CreateCustomer, CreateOrder, CreatePlan, CreateProduct, CustomerChoice, IssueLicense,
            PlanFilter, UpdateCustomer, UpdatePlan, UpdateProduct,
        },
        orders::OrderFilter,
    },
};
use holdfast_testkit::both;

both! {
    async fn codes_are_unique_where_they_must_be(db: TestDb) {
        let world = World::new(&db).await;
        let (service, call) = (&world.service, world.call());
        let twin = CreateProduct { name: text("Twin"), code: text("Editor") };
        assert_eq!(service.create_product(&call, twin).await.unwrap_err().code, ErrorCode::CodeTaken);
        let plan = CreatePlan { product: world.product, name: text("Pro"), code: text("pro"), terms: yearly() };
        assert_eq!(service.create_plan(&call, plan.clone()).await.unwrap_err().code, ErrorCode::CodeTaken);
        let (other, _) = product(service, &call, "viewer").await;
        let same_code = service.plans(&call.actor, PlanFilter { product: Some(other), ..PlanFilter::default() }, page()).await;
        assert_eq!(same_code.unwrap().items[0].code.as_str(), "pro", "the same code in another product");
        let bad = CreatePlan { code: text("x"), terms: Terms { seats: 0, ..yearly() }, ..plan };
        let refused = service.create_plan(&call, bad).await.unwrap_err();
        assert_eq!((refused.code, refused.pointer.as_deref()), (ErrorCode::InvalidRequest, Some("/terms")));
    }

    async fn a_new_product_can_sign_at_once(db: TestDb) {
        let world = World::new(&db).await;
        let issued = world.issue().await;
        assert!(world.activate(&issued.key, "laptop").await.unwrap().keys.is_some());
    }

    async fn archiving_hides_and_changes_nothing_else(db: TestDb) {
        let world = World::new(&db).await;
        let (service, call) = (&world.service, world.call());
        let issued = world.issue().await;
        let archive = UpdateProduct { name: Some(text("Old editor")), archived: Some(true) };
        let view = service.update_product(&call, world.product, archive).await.unwrap();
        assert!(view.archived && view.name.as_str() == "Old editor");
        assert_eq!(service.products(&call.actor, Some(false), None, page()).await.unwrap().items.len(), 0);
        assert_eq!(service.products(&call.actor, Some(true), None, page()).await.unwrap().items.len(), 1);
        assert!(world.activate(&issued.key, "laptop").await.is_ok(), "a payer is never locked out");
        let back = UpdateProduct { archived: Some(false), ..UpdateProduct::default() };
        assert!(!service.update_product(&call, world.product, back).await.unwrap().archived);
    }

    async fn a_plan_that_was_changed_since_it_was_looked_at_stays_as_it_is(db: TestDb) {
        let world = World::new(&db).await;
        let (service, call) = (&world.service, world.call());
        let looked_at = service.plan(&call.actor, world.plan).await.unwrap();
        let edit = |name: &str, seen| UpdatePlan { name: Some(text(name)), seen: Some(seen), ..UpdatePlan::default() };
        let one = service.update_plan(&call, world.plan, edit("One", looked_at.updated_at)).await.unwrap();
        assert!(one.updated_at > looked_at.updated_at, "whatever the clock says");
        let refused = service.update_plan(&call, world.plan, edit("Two", looked_at.updated_at)).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::ChangedMeanwhile);
        assert_eq!(service.plan(&call.actor, world.plan).await.unwrap(), one);
        // What changes nothing overwrites nothing: a form that was sent twice.
        service.update_plan(&call, world.plan, edit("One", looked_at.updated_at)).await.unwrap();
        let seen = service.plan(&call.actor, world.plan).await.unwrap().updated_at;
        // Of two at once, one.
        let (left, right) = tokio::join!(
            service.update_plan(&call, world.plan, edit("Left", seen)),
            service.update_plan(&call, world.plan, edit("Right", seen)),
        );
        assert_eq!(u8::from(left.is_ok()) + u8::from(right.is_ok()), 1, "{left:?} {right:?}");
    }

    async fn a_plan_edit_never_touches_licenses_until_its_terms_are_applied(db: TestDb) {
        let world = World::new(&db).await;
        let (service, call) = (&world.service, world.call());
        let own_size = IssueLicense { seats: Some(7), ..IssueLicense::of(world.plan) };
        let own_size = service.issue_license(&call, own_size).await.unwrap().license;
        let plain = world.issue().await;
        for device in ["a", "b", "c"] {
            world.activate(&plain.key, device).await.unwrap();
        }
        let terms = Terms { lease: Seconds::days(7), overdraft: 0, entitlements: entitlements(&["print"]), ..yearly() };
        let edit = UpdatePlan { terms: Some(terms.clone()), ..UpdatePlan::default() };
        service.update_plan(&call, world.plan, edit).await.unwrap();
        let system = world.system();
        let now = |id| {
            let system = &system;
            async move { service.license(system, id).await.unwrap().license.terms }
        };
        assert_eq!(now(plain.license.id).await, yearly());
        let asking = ApplyTerms { dry_run: true, ..ApplyTerms::default() };
        let preview = service.apply_terms(&call, world.plan, asking).await.unwrap();
        assert_eq!((preview.licenses, preview.over_their_seats, preview.applied), (2, 0, false));
        assert_eq!(now(plain.license.id).await, yearly());
        let done = service.apply_terms(&call, world.plan, ApplyTerms::default()).await.unwrap();
        assert_eq!((done.licenses, done.applied), (2, true));
        assert_eq!(now(plain.license.id).await, terms);
        assert_eq!(now(own_size.id).await, Terms { seats: 7, ..terms }, "what was bought stays");
        assert_eq!(service.apply_terms(&call, world.plan, ApplyTerms::default()).await.unwrap().licenses, 0);
        assert!(world.activate(&plain.key, "a").await.unwrap().again);
    }

    async fn customers_are_found_by_address_name_and_external_id(db: TestDb) {
        let world = World::new(&db).await;
        let (service, call) = (&world.service, world.call());
        let ada = CreateCustomer {
            name: Some(text("Ada Almeida")),
            email: Some(text("Ada@Example.com")),
            external_id: Some(text("C-17")),
        };
        let id = service.create_customer(&call, ada.clone()).await.unwrap().id;
        world.customer("bruno@example.com").await;
        for q in ["ada@", "ADA AL", "C-17"] {
            let found = service.customers(&call.actor, Some(q.to_owned()), page()).await.unwrap();
            assert_eq!(found.items.iter().map(|found| found.id).collect::<Vec<_>>(), [id], "{q}");
        }
        assert_eq!(service.customers(&call.actor, None, page()).await.unwrap().total.rows, 2);
        let twin = CreateCustomer { external_id: None, ..ada };
        assert_eq!(service.create_customer(&call, twin).await.unwrap_err().code, ErrorCode::EmailTaken);
        let nobody = service.create_customer(&call, CreateCustomer::default()).await.unwrap_err();
        assert_eq!(nobody.code, ErrorCode::InvalidRequest);
        let moved = UpdateCustomer { email: Some(text("ada@new.example.com")), ..UpdateCustomer::default() };
        let view = service.update_customer(&call, id, moved).await.unwrap();
        assert_eq!((view.email.unwrap().as_str(), view.name.as_str()), ("ada@new.example.com", "Ada Almeida"));
    }

    async fn an_order_carries_its_customer_to_its_licenses(db: TestDb) {
        let world = World::new(&db).await;
        let (service, call) = (&world.service, world.call());
        let customer = world.customer("ada@example.com").await;
        let input = CreateOrder { reference: text("INV-1"), customer: Some(customer) };
        let order = service.create_order(&call, input.clone()).await.unwrap();
        assert_eq!(service.create_order(&call, input).await.unwrap_err().code, ErrorCode::CodeTaken);
        let issue = IssueLicense { order: Some(order.id), ..IssueLicense::of(world.plan) };
        let license = service.issue_license(&call, issue).await.unwrap().license;
        assert_eq!((license.customer, license.order), (Some(customer), Some(order.id)));
        let found = service.orders(&call.actor, OrderFilter { q: Some("INV".to_owned()), ..OrderFilter::default() }, page()).await.unwrap();
        assert_eq!(found.items, [order]);
        // A customer named by address is found again, not made twice.
        let named = |email: &str| {
            Some(CustomerChoice::New(CreateCustomer { email: Some(text(email)), ..CreateCustomer::default() }))
        };
        for (email, expected) in [("ADA@example.com", true), ("new@example.com", false)] {
            let issue = IssueLicense { customer: named(email), ..IssueLicense::of(world.plan) };
            let license = service.issue_license(&call, issue).await.unwrap().license;
            assert_eq!(license.customer == Some(customer), expected);
            assert_eq!(license.customer_email.unwrap().as_str(), email.to_lowercase());
        }
    }

    async fn terms_of_every_model_end_where_they_should(db: TestDb) {
        let world = World::new(&db).await;
        let (service, call, now) = (&world.service, world.call(), world.service.now());
        let hour = Seconds::HOUR;
        for (code, model, end) in [
            ("forever", LicenseModel::Perpetual, None),
            ("hour", LicenseModel::Subscription { duration: hour }, Some(now.plus(hour))),
        ] {
            let terms = Terms::defaults(model, SeatModel::NodeLocked);
            let plan = CreatePlan { product: world.product, name: text(code), code: text(code), terms };
            let plan = service.create_plan(&call, plan).await.unwrap().id;
            let license = service.issue_license(&call, IssueLicense::of(plan)).await.unwrap().license;
            assert_eq!(license.expires_at, end, "{code}");
        }
    }
}
