//! Trials that become licenses that were bought, and what becomes of those that began.

use crate::world::*;
use holdfast_domain::{DeviceHash, LicenseId, LicenseModel, PlanId, SeatModel, Seconds, Terms, license::StatusChange};
use holdfast_service::{
    Call, Error, ErrorCode,
    admin::{
        inputs::{
            ChangeStatus, ConvertTrial, CreateCustomer, CreateOrder, CreatePlan, CustomerChoice, ExtendLicense,
            IssueLicense,
        },
        views::TrialFunnel,
    },
    runtime::{Activated, Device, Nonce, Renew, StartTrial},
};
use holdfast_testkit::both;

fn device(n: u8) -> DeviceHash {
    DeviceHash::from_bytes([n; 32])
}

/// A trial plan of a fortnight.
async fn trial_plan(world: &World) -> PlanId {
    let model = LicenseModel::Trial { duration: Seconds::days(14) };
    let terms = Terms::defaults(model, SeatModel::NodeLocked);
    let plan = CreatePlan { product: world.product, name: text("Trial"), code: text("trial"), terms };
    world.service.create_plan(&world.call(), plan).await.unwrap().id
}

fn nonce() -> Nonce {
    Nonce::parse("nonce-0123456789").unwrap()
}

async fn start(world: &World, n: u8) -> Result<Activated, Error> {
    let input = StartTrial { plan: None, device: Device::new(device(n)), nonce: nonce(), manifest_seq: None };
    world.service.start_trial(world.product, input, &from("198.51.100.7")).await
}

async fn renew(world: &World, lease: &str) -> Result<String, Error> {
    let input = Renew { lease: lease.to_owned(), nonce: nonce(), manifest_seq: None, proof: None, device: None };
    world.service.renew(world.product, input, &from("198.51.100.7")).await.map(|renewed| renewed.lease)
}

/// What the payload of a lease says.
fn claims(lease: &str) -> serde_json::Value {
    use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(lease.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

fn to(plan: PlanId) -> ConvertTrial {
    ConvertTrial { reason: Some(text("Bought")), ..IssueLicense::of(plan).into() }
}

async fn funnel(world: &World, days: u32) -> (u64, u64, u64, u64) {
    let TrialFunnel { started, active, converted, lapsed, .. } =
        world.service.trial_funnel(&world.system(), world.product, days).await.unwrap();
    (started, active, converted, lapsed)
}

fn code_of<T: std::fmt::Debug>(outcome: Result<T, Error>) -> ErrorCode {
    outcome.unwrap_err().code
}

both! {
    async fn a_trial_is_bought_and_its_device_goes_on(db: TestDb) {
        let world = World::new(&db).await;
        let trial = trial_plan(&world).await;
        let began = start(&world, 1).await.unwrap();
        let license: LicenseId = began.seat.license;
        assert_eq!(claims(&began.lease)["mode"], "trial");
        let customer = CustomerChoice::New(CreateCustomer { email: Some(text("ada@example.com")), ..CreateCustomer::default() });
        let input = ConvertTrial { customer: Some(customer), ..to(world.plan) };
        let bought = world.service.convert_trial(&world.call(), license, input.clone()).await.unwrap();
        assert_eq!((bought.license.id, bought.license.plan, bought.license.seats_taken), (license, world.plan, 1));
        assert_eq!(bought.license.customer_email, Some(text("ada@example.com")));
        assert_eq!(bought.license.expires_at, Some(world.service.now().plus(Seconds::days(365))));
        // The lease it has renews into one of the license that was bought, on the same seat.
        let renewed = claims(&renew(&world, &began.lease).await.unwrap());
        assert_eq!((renewed["mode"].as_str(), renewed["plan"].as_str()), (Some("licensed"), Some("pro")));
        assert_eq!(renewed["seat"], serde_json::json!(began.seat.id));
        // The key, which nobody was told before, activates further devices.
        world.activate(&bought.key, "another").await.unwrap();
        // Starting the trial again leads to the license.
        let again = start(&world, 1).await.unwrap();
        assert_eq!((again.seat.license, again.again), (license, true));
        assert_eq!(code_of(world.service.convert_trial(&world.call(), license, input).await), ErrorCode::StatusConflict);
        // No license that never was a trial, and none by a trial's plan or another product's.
        let sold = world.issue().await.license.id;
        assert_eq!(code_of(world.service.convert_trial(&world.call(), sold, to(world.plan)).await), ErrorCode::StatusConflict);
        let second = start(&world, 2).await.unwrap().seat.license;
        let (_, foreign) = product(&world.service, &world.call(), "viewer").await;
        for plan in [trial, foreign] {
            let refused = world.service.convert_trial(&world.call(), second, to(plan)).await.unwrap_err();
            assert_eq!((refused.code, refused.pointer.as_deref()), (ErrorCode::InvalidRequest, Some("/plan")));
        }
        let other = Call::system(vendor(&world.service, "Another vendor").await);
        assert_eq!(code_of(world.service.convert_trial(&other, second, to(world.plan)).await), ErrorCode::NotFound);
    }

    async fn an_order_of_the_device_that_tried_converts_its_trial(db: TestDb) {
        let world = World::new(&db).await;
        trial_plan(&world).await;
        let began = start(&world, 1).await.unwrap();
        let order = CreateOrder { reference: text("A-1"), customer: Some(world.customer("ada@example.com").await) };
        let order = world.service.create_order(&world.call(), order).await.unwrap();
        let issue = |n: u8| IssueLicense { order: Some(order.id), device: Some(device(n)), ..IssueLicense::of(world.plan) };
        let bought = world.service.issue_license(&world.call(), issue(1)).await.unwrap();
        assert_eq!((bought.license.id, bought.license.order, bought.license.customer), (began.seat.license, Some(order.id), order.customer));
        // Of a device that has no trial, or one that was bought already, a license is issued as usual.
        for n in [1, 2] {
            let issued = world.service.issue_license(&world.call(), issue(n)).await.unwrap();
            assert_ne!(issued.license.id, began.seat.license);
            assert_eq!(issued.license.seats_taken, 0);
        }
        // So is one of a trial that was revoked: a purchase never brings that back.
        let revoked = start(&world, 3).await.unwrap().seat.license;
        let revoke = ChangeStatus { change: StatusChange::Revoke, reason: text("Abuse"), effective_at: None, dry_run: false };
        world.service.change_status(&world.call(), revoked, revoke).await.unwrap();
        assert_eq!(code_of(world.service.convert_trial(&world.call(), revoked, to(world.plan)).await), ErrorCode::StatusConflict);
        assert_ne!(world.service.issue_license(&world.call(), issue(3)).await.unwrap().license.id, revoked);
    }

    async fn the_funnel_tells_what_became_of_trials(db: TestDb) {
        let world = World::new(&db).await;
        trial_plan(&world).await;
        assert_eq!(funnel(&world, 30).await, (0, 0, 0, 0));
        let mut licenses = Vec::new();
        for n in 1..=4 {
            licenses.push(start(&world, n).await.unwrap().seat.license);
        }
        assert_eq!(funnel(&world, 30).await, (4, 4, 0, 0));
        world.service.convert_trial(&world.call(), licenses[0], to(world.plan)).await.unwrap();
        let longer = ExtendLicense {
            expires_at: Some(world.service.now().plus(Seconds::days(40))),
            reason: text("Asked"),
            dry_run: false,
        };
        world.service.extend_license(&world.call(), licenses[1], longer).await.unwrap();
        assert_eq!(funnel(&world, 30).await, (4, 3, 1, 0));
        world.clock.advance(Seconds::days(15));
        assert_eq!(funnel(&world, 30).await, (4, 1, 1, 2), "the one that was given more time still runs");
        // One that ran out can be bought as well.
        world.service.convert_trial(&world.call(), licenses[2], to(world.plan)).await.unwrap();
        assert_eq!(funnel(&world, 30).await, (4, 1, 2, 1));
        start(&world, 5).await.unwrap();
        assert_eq!((funnel(&world, 7).await, funnel(&world, 30).await), ((1, 1, 0, 0), (5, 2, 2, 1)));
        // What a release without the column began is told by its license.
        let older = "UPDATE trials SET ends_at = NULL";
        holdfast_store::raw::run(&db.db, older).await.unwrap();
        assert_eq!(funnel(&world, 30).await, (5, 2, 2, 1));
        let other = vendor(&world.service, "Another vendor").await;
        let refused = world.service.trial_funnel(&holdfast_service::Actor::system(other), world.product, 30).await;
        assert_eq!(code_of(refused), ErrorCode::NotFound);
    }
}
