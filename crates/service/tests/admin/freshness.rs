//! Freshness: right to within 1 % of what every single lease says, told apart as was asked, and of nobody else's.

use crate::world::*;
use holdfast_domain::{
    CustomerId, Entropy as _, LicenseId, NodeId, Permission, PlanId, ProductId, SeatId, Seconds, UnixSeconds,
};
use holdfast_fleet::freshness::Running;
use holdfast_service::{
    Call, ErrorCode,
    admin::{
        freshness::{FreshnessBy, FreshnessFilter},
        inputs::{CreateToken, CustomerChoice, ExtendLicense, IssueLicense},
    },
    runtime::Membership,
};
use holdfast_simulate::time_warp;
use holdfast_store::raw;
use holdfast_testkit::{SeededEntropy, TestDb, both};
use std::fmt::Write as _;

const DAY: i64 = 86_400;
const SEATS: usize = 100_000;
const CUSTOMERS: u64 = 40;
/// Simulated devices, each with weeks behind it.
const DEVICES: u64 = 20_000;

/// Random numbers that are the same every time.
struct Dice(SeededEntropy);

impl Dice {
    fn below(&self, n: u64) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        u64::from_be_bytes(bytes) % n
    }

    fn up_to(&self, n: i64) -> i64 {
        i64::try_from(self.below(u64::try_from(n).unwrap())).unwrap()
    }
}

/// A lease with what it is told apart by.
struct Out {
    lease: Running,
    product: usize,
    region: Option<&'static str>,
    customer: usize,
}

/// A hundred thousand devices: ordinary ones, floating ones, some not seen for weeks, on licenses of which many end soon.
/// Every lease, running or not.
fn drawn(now: UnixSeconds, dice: &Dice) -> Vec<Out> {
    let mut leases = Vec::new();
    for _ in 0..SEATS {
        let product = usize::from(dice.below(4) == 0);
        let customer = usize::try_from(dice.below(CUSTOMERS)).unwrap();
        let region = [Some("eu"), Some("us"), None][usize::try_from(dice.below(3)).unwrap()];
        let (lease, grace, age) = match dice.below(10) {
            0 => (1_200, 0, dice.up_to(1_300)),
            1 => (14 * DAY, 16 * DAY, dice.up_to(32 * DAY)),
            2 => (3 * DAY, 11 * DAY, dice.up_to(DAY)),
            _ => (14 * DAY, 16 * DAY, dice.up_to(DAY)),
        };
        let issued = now.plus(Seconds(-age));
        let end = match dice.below(4) {
            0 => Some(now.plus(Seconds(dice.up_to(60 * DAY) - 20 * DAY))),
            _ => None,
        };
        let bound = end.filter(|end| issued < *end);
        let clip = |at: UnixSeconds| bound.map_or(at, |end| at.min(end));
        let soft = clip(issued.plus(Seconds(lease)));
        let exp = clip(issued.plus(Seconds(lease + grace)));
        let lease = Running { issued, soft, exp, license_end: end, fixed: false };
        leases.push(Out { lease, product, region, customer });
    }
    leases
}

/// Two products, each with a plan, and forty customers.
async fn sold(world: &World) -> ([ProductId; 2], Vec<CustomerId>, [PlanId; 2]) {
    let (second, plan) = product(&world.service, &world.call(), "viewer").await;
    let mut customers = Vec::new();
    for n in 0..CUSTOMERS {
        customers.push(world.customer(&format!("c{n}@example.com")).await);
    }
    ([world.product, second], customers, [world.plan, plan])
}

/// Stores each lease as a seat on a license of its own.
async fn store(
    world: &World,
    db: &TestDb,
    leases: &[Out],
    (products, customers, plans): (&[ProductId; 2], &[CustomerId], &[PlanId; 2]),
) {
    let id = |bytes: [u8; 16]| {
        let hex = bytes.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
        if db.is_postgres() { format!("'{hex}'::uuid") } else { format!("x'{hex}'") }
    };
    let bytes = |n: usize| if db.is_postgres() { format!("decode('{n:064x}', 'hex')") } else { format!("x'{n:064x}'") };
    let vendor = id(world.vendor.to_bytes());
    let terms = serde_json::to_string(&yearly()).unwrap();
    let entropy = SeededEntropy::new(unique());
    for (chunk, outs) in leases.chunks(1_000).enumerate() {
        let (mut licenses, mut seats) = (Vec::new(), Vec::new());
        for (at, Out { lease, product, region, customer }) in outs.iter().enumerate() {
            let n = chunk * 1_000 + at;
            let micros = |at: UnixSeconds| at.0 * 1_000_000;
            let license = id(LicenseId::new(world.service.now(), &entropy).to_bytes());
            // Within its second, as it comes.
            let at = micros(lease.issued) + i64::try_from(n % 900_000).unwrap();
            let (of, plan) = (id(products[*product].to_bytes()), id(plans[*product].to_bytes()));
            let ends = lease.license_end.map_or(i64::MAX, micros);
            licenses.push(format!(
                "({license}, {vendor}, {of}, {plan}, 'pro', {}, 'active', '{terms}', '{{}}', {ends}, {at}, {}, {}, 'ABCD', 1, 1, {at})",
                id(customers[*customer].to_bytes()), bytes(n), bytes(n)
            ));
            let region = region.map_or("NULL".to_owned(), |region| format!("'{region}'"));
            seats.push(format!(
                "({}, {vendor}, {of}, {license}, {}, 'active', {n}, {}, {at}, {}, {at}, {at}, 0, {region})",
                id(SeatId::new(world.service.now(), &entropy).to_bytes()),
                bytes(n),
                micros(lease.soft),
                micros(lease.exp)
            ));
        }
        let sql = format!(
            "INSERT INTO licenses (id, vendor, product, plan, plan_code, customer, status, terms, overrides, ends_at, created_at,
                key_hash, key_sealed, key_hint, seats_used, version, updated_at) VALUES {};
             INSERT INTO seats (id, vendor, product, license, device, state, seq, lease_ends_at, claimed_at, offline_until,
                first_seen_at, last_seen_at, continuity, region) VALUES {}",
            licenses.join(","), seats.join(",")
        );
        raw::run(&db.db, &sql).await.unwrap();
    }
}

/// Compares what was counted with the sorted truth.
fn compare(what: &str, figures: holdfast_fleet::Freshness, mut stops: Vec<i64>) {
    stops.sort_unstable();
    let rank = |q: f64| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            clippy::cast_sign_loss,
            reason = "a rank"
        )]
        let rank = (q * stops.len() as f64).ceil() as usize;
        stops[rank.max(1) - 1]
    };
    assert_eq!(figures.leases, u64::try_from(stops.len()).unwrap(), "{what}");
    assert_eq!(figures.first.unwrap().0, stops[0], "{what}: the first is exact");
    for (name, found, q) in
        [("1 %", figures.one_percent, 0.01), ("half", figures.half, 0.5), ("last", figures.last, 1.0)]
    {
        let (found, truth) = (found.unwrap().0, rank(q));
        assert!((found - truth).abs() * 100 <= truth, "{what}, {name}: {found} instead of {truth}");
    }
}

both! {
    async fn a_hundred_thousand_leases_are_counted_right_to_one_percent(db: TestDb) {
        let world = World::new(&db).await;
        let (actor, dice) = (world.system(), Dice(SeededEntropy::new(7)));
        let now = world.service.now().seconds();
        let leases = drawn(now, &dice);
        let (products, customers, plans) = sold(&world).await;
        store(&world, &db, &leases, (&products, &customers, &plans)).await;
        let running = |out: &&Out| out.lease.exp >= now;
        let stops = |wanted: &dyn Fn(&Out) -> bool| -> (Vec<i64>, u64) {
            let (ending, noticed): (Vec<&Out>, Vec<&Out>) = leases.iter().filter(running).filter(|out| wanted(out))
                .partition(|out| out.lease.cause() == holdfast_fleet::freshness::Cause::License);
            (noticed.iter().map(|out| out.lease.exp.since(now).0).collect(), u64::try_from(ending.len()).unwrap())
        };
        let check = |what: String, filter: FreshnessFilter, truth: (Vec<i64>, u64)| {
            let (service, actor) = (&world.service, &actor);
            async move {
                let view = service.freshness(actor, &filter).await.unwrap();
                assert_eq!(view.ending, truth.1, "{what}");
                compare(&what, view.figures(), truth.0);
                let curve = view.curve(61);
                assert!(curve.len() == 61 && curve[0].1 >= 1.0 && curve[60].1 < 1e-9, "{what}: {curve:?}");
            }
        };
        let all = FreshnessFilter::default();
        assert!(stops(&|_| true).1 > 1_000 && leases.iter().filter(|out| !running(out)).count() > 100);
        check("all".into(), all.clone(), stops(&|_| true)).await;
        for (n, product) in products.into_iter().enumerate() {
            let filter = FreshnessFilter { product: Some(product), ..all.clone() };
            check(format!("product {n}"), filter, stops(&|out| out.product == n)).await;
        }
        let filter = FreshnessFilter { region: Some("us".into()), product: Some(products[1]), ..all.clone() };
        check("a region".into(), filter, stops(&|out| out.region == Some("us") && out.product == 1)).await;
        for n in [0, 39] {
            let filter = FreshnessFilter { customer: Some(customers[n]), ..all.clone() };
            check(format!("customer {n}"), filter, stops(&|out| out.customer == n)).await;
        }
        // Groups say the same.
        let groups = world.service.freshness_by(&actor, &all, FreshnessBy::Region).await.unwrap();
        assert_eq!(groups.len(), 3);
        for group in groups {
            compare("by region", group.figures, stops(&|out| out.region == group.name.as_deref()).0);
        }
        let groups = world.service.freshness_by(&actor, &all, FreshnessBy::Product).await.unwrap();
        for (id, n) in [(products[0], 0), (products[1], 1)] {
            let group = groups.iter().find(|group| group.id == Some(id.to_string())).unwrap();
            compare("by product", group.figures, stops(&|out| out.product == n).0);
        }
        let groups = world.service.freshness_by(&actor, &all, FreshnessBy::Customer).await.unwrap();
        let first = stops(&|_| true).0.into_iter().min().unwrap();
        assert_eq!((groups.len(), groups[0].figures.first), (10, Some(Seconds(first))));
        assert!(groups.is_sorted_by_key(|group| group.figures.first));
        // Other terms move every lease.
        for (lease, grace) in [(7 * DAY, 3 * DAY), (60 * DAY, 60 * DAY), (3_600, 0)] {
            let tried = world.service.freshness_if(&actor, world.plan, Some(Seconds(lease)), Some(Seconds(grace))).await.unwrap();
            compare("before", tried.before.figures(), stops(&|out| out.product == 0).0);
            let moved: Vec<Running> = leases.iter().filter(running).filter(|out| out.product == 0)
                .map(|out| out.lease.with_terms(Seconds(lease), Seconds(grace))).collect();
            let (ending, noticed): (Vec<&Running>, Vec<&Running>) =
                moved.iter().partition(|lease| lease.cause() == holdfast_fleet::freshness::Cause::License);
            assert_eq!(tried.after.ending, u64::try_from(ending.len()).unwrap());
            compare("after", tried.after.figures(), noticed.iter().map(|lease| lease.exp.since(now).0.max(0)).collect());
            let stopped = noticed.iter().filter(|lease| lease.exp <= now).count();
            assert_eq!(tried.after.stops.stopping_at_once(), u64::try_from(stopped).unwrap());
        }
    }

    async fn the_figures_are_those_of_simulated_devices_that_run_until_they_stop(db: TestDb) {
        let world = World::new(&db).await;
        let now = world.service.now().seconds();
        // The simulated outage begins now.
        let moved = |at: i64| now.plus(Seconds(at - time_warp::OUTAGE));
        let devices = time_warp::leases(DEVICES, 11).unwrap();
        let leases: Vec<Out> = devices.iter().map(|(plan, out)| Out {
            lease: Running {
                issued: moved(out.lease.iat),
                soft: moved(out.lease.soft),
                exp: moved(out.lease.exp),
                license_end: out.lease.lic.map(moved),
                fixed: false,
            },
            product: usize::from(!plan.is_default()),
            region: None,
            customer: 0,
        }).collect();
        let (products, customers, plans) = sold(&world).await;
        store(&world, &db, &leases, (&products, &customers, &plans)).await;
        let all = FreshnessFilter::default();
        let default = FreshnessFilter { product: Some(products[0]), ..all.clone() };
        for (what, filter, wanted) in [("all", all, false), ("default terms", default, true)] {
            let played = || devices.iter().filter(|(plan, _)| !wanted || plan.is_default()).map(|(_, out)| *out);
            let truth = time_warp::Freshness::of(played());
            let view = world.service.freshness(&world.system(), &filter).await.unwrap();
            let ending = played().filter(time_warp::Out::ends_with_license).count();
            assert_eq!(view.ending, u64::try_from(ending).unwrap(), "{what}");
            assert!(ending > 100 && truth.devices() > 10_000, "{what}: nothing to compare");
            let figures = view.figures();
            assert_eq!(figures.leases, u64::try_from(truth.devices()).unwrap(), "{what}");
            let away = |at: Option<i64>| at.unwrap() - time_warp::OUTAGE;
            assert_eq!(figures.first.unwrap().0, away(truth.first()), "{what}: the first is exact");
            for (found, per_mille) in [(figures.one_percent, 10), (figures.half, 500), (figures.last, 1_000)] {
                let (found, truth) = (found.unwrap().0, away(truth.when(per_mille)));
                assert!((found - truth).abs() * 100 <= truth, "{what}, {per_mille}: {found} instead of {truth}");
            }
            // The curve as a whole: each share is one that is true within one per cent of the time left.
            for (at, share) in view.curve(61) {
                let (after, margin) = (at.since(now).0, at.since(now).0 / 100 + 1);
                let most = truth.working(time_warp::OUTAGE + after - margin);
                let least = truth.working(time_warp::OUTAGE + after + margin);
                assert!((least - 1e-9..=most + 1e-9).contains(&share), "{what}, {after} s: {share}, not {least} to {most}");
            }
        }
    }

    async fn activations_and_renewals_say_in_which_region_they_were_signed(db: TestDb) {
        let world = World::new(&db).await;
        let (service, actor) = (&world.service, world.system());
        let all = FreshnessFilter::default();
        let empty = service.freshness(&actor, &all).await.unwrap();
        assert_eq!((empty.figures().leases, empty.figures().first, empty.ending), (0, None, 0));
        assert!(service.freshness_by(&actor, &all, FreshnessBy::Region).await.unwrap().is_empty());
        world.used(&["before"]).await;
        service.join(Membership {
            id: NodeId::from_bytes([1; 16]),
            name: "node-1".into(),
            region: "eu-west".into(),
            version: "1.0".into(),
            report: Box::new(|| "{}".to_owned()),
            wanted: Box::new(|_| {}),
        });
        world.used(&["after"]).await;
        let groups = service.freshness_by(&actor, &all, FreshnessBy::Region).await.unwrap();
        let names: Vec<_> = groups.iter().map(|group| (group.name.as_deref(), group.figures.leases)).collect();
        assert!(names.contains(&(None, 1)) && names.contains(&(Some("eu-west"), 1)), "{names:?}");
        assert_eq!(groups[0].figures.first, Some(Seconds::days(30)));
        let here = FreshnessFilter { region: Some("eu-west".into()), ..all.clone() };
        assert_eq!(service.freshness(&actor, &here).await.unwrap().figures().leases, 1);
        let nowhere = FreshnessFilter { region: Some("mars".into()), ..all };
        assert_eq!(service.freshness(&actor, &nowhere).await.unwrap().figures().leases, 0);
    }

    async fn a_license_that_ends_first_is_counted_apart_until_it_is_extended(db: TestDb) {
        let world = World::new(&db).await;
        let (service, call) = (&world.service, world.call());
        let customer = world.customer("ann@example.com").await;
        let issued = service.issue_license(&call, IssueLicense {
            customer: Some(CustomerChoice::Existing(customer)),
            expires_at: Some(service.now().plus(Seconds::days(9))),
            ..IssueLicense::of(world.plan)
        }).await.unwrap();
        world.activate(&issued.key, "laptop").await.unwrap();
        let of = FreshnessFilter { customer: Some(customer), ..FreshnessFilter::default() };
        let view = service.freshness(&call.actor, &of).await.unwrap();
        assert_eq!((view.figures().leases, view.ending), (0, 1));
        let extend = ExtendLicense {
            expires_at: Some(service.now().plus(Seconds::days(29))), reason: text("Renewed"), dry_run: false,
        };
        service.extend_license(&call, issued.license.id, extend).await.unwrap();
        let view = service.freshness(&call.actor, &of).await.unwrap();
        assert_eq!((view.figures().first, view.ending), (Some(Seconds::days(9)), 0));
    }

    async fn lengths_that_no_plan_can_have_are_refused(db: TestDb) {
        let world = World::new(&db).await;
        let actor = world.system();
        for (lease, grace, pointer) in [
            (Some(59), None, "/lease_seconds"), (Some(i64::MAX), None, "/lease_seconds"), (Some(-1), Some(0), "/lease_seconds"),
            (None, Some(-1), "/grace_seconds"), (None, Some(i64::MAX), "/grace_seconds"),
        ] {
            let tried = world.service.freshness_if(&actor, world.plan, lease.map(Seconds), grace.map(Seconds)).await;
            let refused = tried.unwrap_err();
            assert_eq!((refused.code, refused.pointer.as_deref()), (ErrorCode::InvalidRequest, Some(pointer)), "{lease:?} {grace:?}");
        }
        let own = world.service.freshness_if(&actor, world.plan, None, None).await.unwrap();
        assert_eq!((own.lease, own.grace), (Seconds::days(14), Seconds::days(16)));
    }

    async fn customers_are_for_those_who_may_see_customers(db: TestDb) {
        let world = World::new(&db).await;
        let customer = world.customer("ann@example.com").await;
        let input = CreateToken { name: text("N"), scopes: vec![Permission::FleetRead], expires_at: None };
        let secret = world.service.create_token(&world.call(), input).await.unwrap().secret;
        let actor = world.service.authenticate_token(&secret).await.unwrap();
        let all = FreshnessFilter::default();
        world.service.freshness(&actor, &all).await.unwrap();
        world.service.freshness_by(&actor, &all, FreshnessBy::Product).await.unwrap();
        let by = world.service.freshness_by(&actor, &all, FreshnessBy::Customer).await.unwrap_err();
        let of = FreshnessFilter { customer: Some(customer), ..all };
        let of = world.service.freshness(&actor, &of).await.unwrap_err();
        assert_eq!((by.code, of.code), (ErrorCode::Forbidden, ErrorCode::Forbidden));
        let stranger = Call::system(vendor(&world.service, "Other").await);
        world.used(&["laptop"]).await;
        let view = world.service.freshness(&stranger.actor, &FreshnessFilter::default()).await.unwrap();
        assert_eq!(view.figures().leases, 0);
    }
}
