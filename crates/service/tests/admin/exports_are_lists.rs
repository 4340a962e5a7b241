//! An export is exactly its list: whatever narrows and sorts the list, paging through it gives the rows of the export, each
//! once and with what its columns say; paged oldest first, as exports are, in the same order.

use crate::world::*;
use futures::TryStreamExt as _;
use holdfast_domain::{
    CustomerId, DeviceHash, LicenseId, LicenseState, OrderId, PlanId, ProductId, Role, SeatState, Seconds, Timestamp,
    license::StatusChange,
};
use holdfast_service::{
    Call, Error,
    admin::{
        customers::CustomerSort,
        exports::{Export, Format, Rows, safe_cell},
        import::dates::rfc_3339,
        inputs::{
            ChangeStatus, CreateCustomer, CreateOrder, CustomerChoice, EventFilter, ExtendLicense, IssueLicense,
            LicenseFilter, SeatFilter, SeatsTaken,
        },
        licenses::LicenseSort,
        orders::{OrderFilter, OrderStatus},
        page::{Direction, Limit, Page, PageRequest},
        seats::SeatSort,
        views::{EventView, LicenseInList, OrderView, SeatInList},
    },
    runtime::{Activate, Device, Nonce},
};
use holdfast_testkit::both;
use proptest::{
    option::weighted,
    prelude::*,
    sample::select,
    test_runner::{Config, TestRunner},
};
use serde_json::{Value, json};
use std::{collections::BTreeSet, fmt::Debug};

/// How many licenses there are: more than an export reads at once.
const LICENSES: usize = 230;
/// How many lists of each kind are compared.
const CASES: u32 = 40;

/// What filters can name.
struct Filled {
    products: Vec<ProductId>,
    plans: Vec<PlanId>,
    customers: Vec<CustomerId>,
    orders: Vec<OrderId>,
    licenses: Vec<LicenseId>,
    /// When things happened, and before and after.
    times: Vec<Timestamp>,
    /// What somebody may search for.
    texts: Vec<String>,
}

async fn activate(world: &World, key: &str, n: usize) {
    let input = Activate {
        key: key.to_owned(),
        device: Device {
            hash: DeviceHash::from_bytes([u8::try_from(n % 250).unwrap(); 32]),
            name: Some(format!("{} {n}", if n.is_multiple_of(3) { "=Büro" } else { "laptop" })),
            platform: Some(if n.is_multiple_of(2) { "linux" } else { "macos" }.to_owned()),
            app_version: None,
            public_key: None,
        },
        user: None,
        nonce: Nonce::parse("nonce-0123456789").unwrap(),
        manifest_seq: None,
        borrow_seconds: None,
    };
    world.service.activate(world.product, input, &from("198.51.100.7")).await.unwrap();
}

/// A vendor with something of everything, for months.
async fn filled(world: &World, support: &Call) -> Filled {
    const NAMES: [&str; 7] =
        ["Ada Almeida", "=cmd|'/c calc'!A1", "Müller & Söhne, \"GmbH\"", "-12 Main", "李", "@ada", "a;b"];
    let (service, call) = (&world.service, world.call());
    let (other_product, other_plan) = product(service, &call, "viewer").await;
    let began = service.now();
    let (mut customers, mut orders, mut licenses, mut texts) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for n in 0..14 {
        let input = CreateCustomer {
            name: Some(text(NAMES[n % NAMES.len()])),
            email: (n % 4 != 3).then(|| text(&format!("c{n}@example.com"))),
            external_id: (n % 3 == 0).then(|| text(&format!("EXT-{n}"))),
        };
        customers.push(service.create_customer(&call, input).await.unwrap().id);
        if n % 2 == 0 {
            let customer = (n % 4 == 0).then(|| customers[n]);
            let input = CreateOrder { reference: text(&format!("INV-{n}")), customer };
            orders.push(service.create_order(&call, input).await.unwrap().id);
        }
    }
    for n in 0..LICENSES {
        // Several of one moment, so that nothing but their ids tells them apart.
        if n % 6 == 0 {
            world.clock.advance(Seconds::HOUR);
        }
        let plan = if n % 5 == 4 { other_plan } else { world.plan };
        let input = IssueLicense {
            customer: (n % 7 != 6).then(|| CustomerChoice::Existing(customers[n % customers.len()])),
            order: (n % 9 == 0).then(|| orders[n % orders.len()]),
            expires_at: (n % 4 == 0).then(|| began.plus(Seconds::days(i64::try_from(n % 90).unwrap() + 12))),
            seats: (n % 8 == 0).then_some(1),
            overrides: if n % 10 == 0 { entitlements(&["export"]) } else { holdfast_domain::Entitlements::default() },
            ..IssueLicense::of(plan)
        };
        let issued = service.issue_license(&call, input).await.unwrap();
        let id = issued.license.id;
        if n % 3 == 0 && plan == world.plan {
            activate(world, &issued.key, n).await;
        }
        let change = match n % 17 {
            3 => Some(StatusChange::Suspend),
            5 => Some(StatusChange::Revoke),
            _ => None,
        };
        if let Some(change) = change {
            let input = ChangeStatus { change, reason: text("=1+1"), effective_at: None, dry_run: false };
            service.change_status(&call, id, input).await.unwrap();
        } else if n % 19 == 1 {
            let input = ExtendLicense { expires_at: None, reason: text("For good"), dry_run: false };
            service.extend_license(&call, id, input).await.unwrap();
        }
        if n % 23 == 0 {
            texts.extend([issued.key, issued.license.key_hint]);
        }
        licenses.push(id);
    }
    world.clock.advance(Seconds::days(20));
    let seats = service.seats(&call.actor, SeatFilter::default(), page()).await.unwrap().items;
    for (n, seat) in seats.iter().enumerate().filter(|(n, _)| n % 4 == 0) {
        let who = if n % 8 == 0 { support } else { &call };
        service.free_seat(who, seat.id, text("Asked")).await.unwrap();
    }
    service.refund_order(&call, orders[2], text("Paid back"), false).await.unwrap();
    world.clock.advance(Seconds::days(30));
    let now = service.now();
    texts.extend(
        ["ada", "a", "MÜLLER", "example.com", "ext-", "inv-1", "laptop 3", "büro", "=cmd", "nothing"]
            .map(str::to_owned),
    );
    texts.push(licenses[7].to_string());
    let times = (-3..70).step_by(4).map(|day| began.plus(Seconds::days(day))).chain([began, now]).collect();
    let (products, plans) = (vec![world.product, other_product], vec![world.plan, other_plan]);
    Filled { products, plans, customers, orders, licenses, times, texts }
}

/// One of these, or mostly nothing.
fn some<T: Clone + Debug + 'static>(of: &[T]) -> impl Strategy<Value = Option<T>> + use<T> {
    weighted(0.25, select(of.to_vec()))
}

fn direction() -> impl Strategy<Value = Direction> {
    select(vec![Direction::Ascending, Direction::Descending])
}

fn limit() -> impl Strategy<Value = u32> {
    select(vec![13, 50, 200])
}

fn licenses(of: &Filled) -> impl Strategy<Value = LicenseFilter> + use<> {
    let states = [LicenseState::Active, LicenseState::Suspended, LicenseState::Revoked, LicenseState::Expired];
    let named = (some(&states), some(&of.products), some(&of.plans), some(&of.customers), some(&of.orders));
    let times = (some(&of.times), some(&of.times), some(&of.times), some(&of.times), some(&of.times));
    let used = (some(&[true, false]), some(SeatsTaken::ALL), some(&of.texts));
    (named, times, used).prop_map(|((state, product, plan, customer, order), times, (activated, seats, q))| {
        let (ends_after, ends_before, issued_after, issued_before, not_seen_since) = times;
        LicenseFilter {
            state,
            product,
            plan,
            customer,
            order,
            ends_after,
            ends_before,
            issued_after,
            issued_before,
            activated,
            not_seen_since,
            seats,
            import: None,
            q,
        }
    })
}

fn seats(of: &Filled) -> impl Strategy<Value = SeatFilter> + use<> {
    let platforms = ["linux", "macos", "windows"].map(str::to_owned);
    let named = (weighted(0.05, select(of.licenses.clone())), some(&of.products), some(&of.customers));
    let used = (some(&[SeatState::Active, SeatState::Released]), some(&of.times), some(&platforms), some(&of.texts));
    (named, used).prop_map(|((license, product, customer), (state, not_seen_since, platform, q))| SeatFilter {
        license,
        product,
        customer,
        state,
        not_seen_since,
        platform,
        q,
    })
}

fn orders(of: &Filled) -> impl Strategy<Value = OrderFilter> + use<> {
    let parts = (some(OrderStatus::ALL), some(&of.customers), some(&of.texts));
    parts.prop_map(|(status, customer, q)| OrderFilter { status, customer, q })
}

/// Of what happened before an export was made, which is an event itself.
fn events(of: &Filled, now: Timestamp) -> impl Strategy<Value = EventFilter> + use<> {
    let subjects: Vec<String> = of.licenses.iter().map(ToString::to_string).collect();
    let actions =
        ["license.issued", "license.revoked", "seat.claimed", "seat.freed", "order.refunded"].map(str::to_owned);
    let parts = (weighted(0.15, select(subjects)), some(&actions), some(&of.times), some(&of.times));
    parts.prop_map(move |(subject, action, since, before)| EventFilter {
        subject,
        member: None,
        action,
        since,
        before: Some(before.map_or(now, |before| before.min(now))),
    })
}

/// Tries a property on so many cases, and makes one smaller that it does not hold for.
fn hold<S: Strategy>(cases: &S, property: impl AsyncFn(S::Value)) {
    let mut runner = TestRunner::new(Config { cases: CASES, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(cases, |case| {
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(property(case)));
        Ok(())
    });
    if let Err(wrong) = outcome {
        panic!("{wrong}");
    }
}

/// Everything that a list has, page by page.
async fn paged<S: Copy, T>(
    (sort, direction, limit): (S, Direction, u32),
    ask: impl AsyncFn(PageRequest<S>) -> Result<Page<T>, Error>,
) -> Vec<T> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = PageRequest { limit: Limit::new(limit), after, sort, direction, counted: true };
        let page = ask(page).await.unwrap();
        found.extend(page.items);
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
}

/// The rows of an export as JSON, which say the same as CSV.
async fn exported(world: &World, call: &Call, rows: &Rows) -> Vec<Value> {
    let read = async |format| {
        let export = Export { rows: rows.clone(), format, with_keys: false };
        let pieces: Vec<Vec<u8>> = world.service.export(call, export).await.unwrap().try_collect().await.unwrap();
        pieces.concat()
    };
    let all: Vec<Value> = serde_json::from_slice(&read(Format::Json).await).unwrap();
    let file = read(Format::Csv).await;
    let mut file = csv::Reader::from_reader(file.as_slice());
    let head: Vec<String> = file.headers().unwrap().iter().map(str::to_owned).collect();
    let lines: Vec<csv::StringRecord> = file.records().map(Result::unwrap).collect();
    assert_eq!(lines.len(), all.len());
    for (line, row) in lines.iter().zip(&all) {
        assert_eq!(row.as_object().unwrap().len(), head.len());
        for (name, cell) in head.iter().zip(line) {
            let told = match &row[name] {
                Value::Null => String::new(),
                Value::Number(number) => number.to_string(),
                Value::String(text) => safe_cell(text).into_owned(),
                other => safe_cell(&other.to_string()).into_owned(),
            };
            assert_eq!(cell, told, "{name}");
        }
    }
    all
}

fn ids(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["id"].as_str().unwrap()).collect()
}

/// That an export has the rows of its list: `sorted` as somebody looks at it, and `oldest` first.
fn same(export: &[Value], sorted: &[Value], oldest: &[Value]) {
    assert_eq!(ids(export), ids(oldest));
    assert_eq!(export, oldest, "what the columns say");
    let distinct: BTreeSet<&str> = ids(sorted).into_iter().collect();
    assert_eq!(distinct.len(), sorted.len(), "each once");
    assert_eq!(distinct, ids(export).into_iter().collect());
}

fn time(at: Option<Timestamp>) -> Value {
    json!(at.map(rfc_3339))
}

fn license(row: &LicenseInList) -> Value {
    let license = &row.license;
    json!({
        "id": license.id, "key": format!("…{}", license.key_hint), "product": license.product, "plan": license.plan_code,
        "email": license.customer_email, "name": license.customer_name, "seats": license.terms.seats,
        "seats_taken": license.seats_taken, "status": license.status, "state": license.state,
        "expires_at": time(license.expires_at), "created_at": time(Some(license.created_at)),
        "overrides": if license.overrides.is_empty() { Value::Null } else { json!(license.overrides) },
        "last_seen": time(row.last_seen),
    })
}

fn seat(row: &SeatInList) -> Value {
    let seat = &row.seat;
    let (customer, name) = row.customer.clone().unzip();
    json!({
        "id": seat.id, "license": seat.license, "key": format!("…{}", row.key_hint), "customer": customer,
        "customer_name": name, "device": seat.name, "user": seat.user, "platform": seat.platform,
        "app_version": seat.app_version, "state": seat.state, "claimed_at": time(Some(seat.claimed_at)),
        "last_seen": time(Some(seat.last_seen)), "offline_until": time(Some(seat.offline_until)),
    })
}

fn order(row: &OrderView) -> Value {
    json!({
        "id": row.id, "reference": row.reference, "customer": row.customer, "status": row.status,
        "created_at": time(Some(row.created_at)), "refunded_at": time(row.refunded_at),
    })
}

fn event(row: &EventView) -> Value {
    json!({
        "number": row.number, "id": row.id, "at": time(Some(row.at)), "actor": row.actor, "action": row.action,
        "subject": row.subject, "data": row.data, "origin": row.origin, "request": row.request,
    })
}

fn all<T>(rows: &[T], told: fn(&T) -> Value) -> Vec<Value> {
    rows.iter().map(told).collect()
}

const OLDEST: Direction = Direction::Ascending;

both! {
    async fn whatever_narrows_and_sorts_a_list_its_export_has_the_same_rows(db: TestDb) {
        let world = World::new(&db).await;
        let (call, support) = (world.call(), world.member(Role::Support).await);
        let of = filled(&world, &support).await;
        let (service, now) = (&world.service, world.service.now());

        let sorts = [LicenseSort::Created, LicenseSort::Ends, LicenseSort::Customer, LicenseSort::LastSeen, LicenseSort::Taken];
        hold(&(licenses(&of), select(sorts.to_vec()), direction(), limit()), async |(filter, sort, direction, limit)| {
            let ask = async |page| service.licenses_in_list(&call.actor, filter.clone(), page).await;
            let sorted = paged((sort, direction, limit), ask).await;
            let oldest = paged((LicenseSort::Created, OLDEST, limit), ask).await;
            let export = exported(&world, &call, &Rows::Licenses(filter.clone())).await;
            same(&export, &all(&sorted, license), &all(&oldest, license));
        });

        let sorts = [SeatSort::Created, SeatSort::LastSeen];
        hold(&(seats(&of), select(sorts.to_vec()), direction(), limit()), async |(filter, sort, direction, limit)| {
            let ask = async |page| service.seats_in_list(&call.actor, filter.clone(), page).await;
            let sorted = paged((sort, direction, limit), ask).await;
            let oldest = paged((SeatSort::Created, OLDEST, limit), ask).await;
            let export = exported(&world, &call, &Rows::Seats(filter.clone())).await;
            same(&export, &all(&sorted, seat), &all(&oldest, seat));
        });

        let sorts = [CustomerSort::Created, CustomerSort::Name];
        hold(&(some(&of.texts), select(sorts.to_vec()), direction(), limit()), async |(q, sort, direction, limit)| {
            let ask = async |page| service.customers(&call.actor, q.clone(), page).await;
            let told = |row: &holdfast_service::admin::views::CustomerView| json!({
                "id": row.id, "email": row.email, "name": row.name, "external_id": row.external_id,
                "created_at": time(Some(row.created_at)),
            });
            let sorted = paged((sort, direction, limit), ask).await;
            let oldest = paged((CustomerSort::Created, OLDEST, limit), ask).await;
            let export = exported(&world, &call, &Rows::Customers(q.clone())).await;
            same(&export, &all(&sorted, told), &all(&oldest, told));
        });

        hold(&(orders(&of), direction(), limit()), async |(filter, direction, limit)| {
            let ask = async |page| service.orders(&call.actor, filter.clone(), page).await;
            let (sorted, oldest) = (paged(((), direction, limit), ask).await, paged(((), OLDEST, limit), ask).await);
            let export = exported(&world, &call, &Rows::Orders(filter.clone())).await;
            same(&export, &all(&sorted, order), &all(&oldest, order));
        });

        // Whoever sees only what they did themselves exports no more than that.
        let owner = world.member(Role::Owner).await;
        let who = select(vec![true, false]);
        hold(&(events(&of, now), who, direction(), limit()), async |(filter, everything, direction, limit)| {
            let call = if everything { &owner } else { &support };
            let ask = async |page| service.events(&call.actor, filter.clone(), page).await;
            let (sorted, oldest) = (paged(((), direction, limit), ask).await, paged(((), OLDEST, limit), ask).await);
            let export = exported(&world, call, &Rows::Events(filter.clone())).await;
            same(&export, &all(&sorted, event), &all(&oldest, event));
        });
    }
}
