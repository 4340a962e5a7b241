//! A believable vendor for trying the screens: products, plans, customers, licenses, and devices seen at believable times.

use super::{
    act::job,
    inputs::{
        ChangeStatus, CreateCustomer, CreateOrder, CreatePlan, CreateProduct, CustomerChoice, IssueLicense, Password,
    },
};
use crate::{
    Call, Service,
    error::{Error, ErrorCode, Result},
};
use holdfast_domain::{
    CustomerId, DeviceHash, EntitlementValue, Entitlements, LicenseId, LicenseModel, OrderId, PlanId, ProductId,
    SeatId, SeatModel, Seconds, Terms, VendorId, license::StatusChange,
};
use holdfast_store::{
    Scope, WriteOptions,
    activity::{self, day_of},
    products,
    seats::{self, ClaimRequest, SeatTouch},
};
use sha2::{Digest as _, Sha256};

/// What was made, and how to sign in to look at it.
#[derive(Clone, Debug)]
pub struct Demo {
    /// The vendor.
    pub vendor: VendorId,
    /// The owner's address; absent where the vendor existed.
    pub email: Option<String>,
    /// The owner's password, made anew; absent where the vendor existed.
    pub password: Option<Password>,
    /// How many products.
    pub products: usize,
    /// How many customers.
    pub customers: usize,
    /// How many licenses.
    pub licenses: usize,
    /// How many seats.
    pub seats: usize,
}

/// Numbers that look random and are the same for the same seed (splitmix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from 0 to below `n`, which must not be 0.
    fn below(&mut self, n: i64) -> i64 {
        i64::try_from(self.next() % n.unsigned_abs().max(1)).unwrap_or(0)
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let at = usize::try_from(self.below(i64::try_from(from.len()).unwrap_or(1))).unwrap_or(0);
        from.get(at)
    }

    fn chance(&mut self, percent: i64) -> bool {
        self.below(100) < percent
    }
}

const COMPANIES: [&str; 24] = [
    "Alder & Finch Architects",
    "Basalt Mechanics",
    "Brightwater Dental",
    "Cedar Lane School",
    "Copperfield Print",
    "Dovetail Joinery",
    "Ember Street Studio",
    "Fjord Analytics",
    "Granite State Survey",
    "Harbour Light Clinic",
    "Ironwood Robotics",
    "Juniper Legal",
    "Kestrel Aerial",
    "Lantern Games",
    "Meridian Optics",
    "Nettle & Rye Bakery",
    "Orchard Hill Farm",
    "Pinecrest Library",
    "Quarry Road Motors",
    "Riverside Theatre",
    "Saltmarsh Ecology",
    "Thistle Textiles",
    "Umber Gallery",
    "Willow Creek Vets",
];
const FIRST: [&str; 20] = [
    "Ada", "Bruno", "Chidi", "Daria", "Emil", "Farah", "Greta", "Hugo", "Ines", "Jonas", "Keiko", "Leila", "Mateo",
    "Nadia", "Oskar", "Priya", "Quinn", "Rosa", "Sami", "Tova",
];
const LAST: [&str; 20] = [
    "Almeida",
    "Brandt",
    "Castellan",
    "Dufour",
    "Eriksen",
    "Fontana",
    "Grieg",
    "Haddad",
    "Ivanova",
    "Jensen",
    "Kowalski",
    "Lindqvist",
    "Moreau",
    "Novak",
    "Okafor",
    "Petrov",
    "Quiroga",
    "Rossi",
    "Sato",
    "Thorne",
];
const PLATFORMS: [(&str, &str); 6] = [
    ("windows-x86_64", "DESKTOP"),
    ("windows-x86_64", "WS"),
    ("macos-aarch64", "MacBook"),
    ("macos-x86_64", "iMac"),
    ("linux-x86_64", "workstation"),
    ("linux-aarch64", "lab"),
];
const VERSIONS: [&str; 6] = ["4.2.1", "4.2.0", "4.1.7", "4.0.3", "3.9.12", "4.3.0-beta.2"];

struct PlanSketch {
    code: &'static str,
    name: &'static str,
    model: LicenseModel,
    seat_model: SeatModel,
    seats: u32,
    entitlements: &'static [(&'static str, i64)],
    fallback: bool,
}

const YEAR: LicenseModel = LicenseModel::Subscription { duration: Seconds::days(365) };

const PRODUCTS: [(&str, &str, &[PlanSketch]); 3] = [
    (
        "contour",
        "Contour CAD",
        &[
            PlanSketch {
                code: "solo",
                name: "Solo",
                model: LicenseModel::Perpetual,
                seat_model: SeatModel::NodeLocked,
                seats: 2,
                entitlements: &[("export.step", 0)],
                fallback: false,
            },
            PlanSketch {
                code: "studio",
                name: "Studio",
                model: YEAR,
                seat_model: SeatModel::NodeLocked,
                seats: 5,
                entitlements: &[("export.step", 0), ("render", 0), ("projects.max", 50)],
                fallback: true,
            },
            PlanSketch {
                code: "floating",
                name: "Studio floating",
                model: YEAR,
                seat_model: SeatModel::Floating,
                seats: 10,
                entitlements: &[("export.step", 0), ("render", 0)],
                fallback: true,
            },
            PlanSketch {
                code: "trial",
                name: "Trial",
                model: LicenseModel::Trial { duration: Seconds::days(30) },
                seat_model: SeatModel::NodeLocked,
                seats: 1,
                entitlements: &[("render", 0)],
                fallback: false,
            },
        ],
    ),
    (
        "tally",
        "Tally Books",
        &[
            PlanSketch {
                code: "basic",
                name: "Basic",
                model: YEAR,
                seat_model: SeatModel::NodeLocked,
                seats: 1,
                entitlements: &[("companies.max", 1)],
                fallback: true,
            },
            PlanSketch {
                code: "team",
                name: "Team",
                model: YEAR,
                seat_model: SeatModel::NamedUser { devices: 3 },
                seats: 8,
                entitlements: &[("companies.max", 10), ("bank.feeds", 0)],
                fallback: true,
            },
        ],
    ),
    (
        "reel",
        "Reel Render Node",
        &[PlanSketch {
            code: "node",
            name: "Render node",
            model: YEAR,
            seat_model: SeatModel::NodeLocked,
            seats: 12,
            entitlements: &[("gpu", 0), ("queue.max", 400)],
            fallback: false,
        }],
    ),
];

fn parse<T: std::str::FromStr>(text: &str) -> Result<T>
where
    T::Err: std::error::Error + Send + Sync + 'static,
{
    text.parse().map_err(Error::internal)
}

fn terms(sketch: &PlanSketch) -> Result<Terms> {
    let mut terms = Terms::defaults(sketch.model, sketch.seat_model);
    terms.seats = sketch.seats;
    for (code, value) in sketch.entitlements {
        let value = if *value == 0 { EntitlementValue::ON } else { EntitlementValue::Integer(*value) };
        terms.entitlements.insert(parse(code)?, value);
    }
    if sketch.fallback {
        terms.fallback = Some(Entitlements::from([(parse("open.read_only")?, EntitlementValue::ON)]));
    }
    Ok(terms)
}

struct Filling<'a> {
    service: &'a Service,
    call: Call,
    dice: Dice,
    seats: usize,
}

/// Fills the installation with a believable vendor, in a database that has none, or fills the first vendor there is. The
/// same seed gives the same names, numbers and dates as seen from now.
///
/// # Errors
/// Whatever making the parts can fail with; what was made until then stays.
pub async fn fill(service: &Service, seed: u64) -> Result<Demo> {
    let (vendor, email, password) = if let Some(vendor) = service.vendors().await?.first() {
        let (scope, first) = (Scope::trusted(vendor.id), parse(PRODUCTS[0].0)?);
        if products::by_code(&mut service.store().reader(), scope, &first).await?.is_some() {
            return Err(Error::new(ErrorCode::AlreadySetUp).with_detail("The demo's products are there already."));
        }
        (vendor.id, None, None)
    } else {
        let words = holdfast_domain::LicenseKey::generate(service.entropy());
        let password = Password::new(words.expose().to_lowercase());
        let email = "owner@example.com";
        let made = super::inputs::BootstrapInput {
            vendor: parse("Larkspur Software")?,
            email: parse(email)?,
            password: password.clone(),
        };
        (service.bootstrap(made).await?.vendor, Some(email.to_owned()), Some(password))
    };
    let mut filling = Filling { service, call: Call::system(vendor), dice: Dice(seed), seats: 0 };
    let plans = filling.catalogue().await?;
    let customers = filling.customers().await?;
    let mut licenses = 0;
    for (at, customer) in customers.iter().enumerate() {
        licenses += filling.licenses_of(*customer, at, &plans).await?;
    }
    filling.renewals().await?;
    Ok(Demo {
        vendor,
        email,
        password,
        products: PRODUCTS.len(),
        customers: customers.len(),
        licenses,
        seats: filling.seats,
    })
}

impl Filling<'_> {
    async fn catalogue(&mut self) -> Result<Vec<(ProductId, PlanId, Terms)>> {
        let mut plans = Vec::new();
        for (code, name, sketches) in &PRODUCTS {
            let input = CreateProduct { name: parse(name)?, code: parse(code)? };
            let product = self.service.create_product(&self.call, input).await?.id;
            for sketch in *sketches {
                let terms = terms(sketch)?;
                let (name, code) = (parse(sketch.name)?, parse(sketch.code)?);
                let input = CreatePlan { product, name, code, terms: terms.clone() };
                plans.push((product, self.service.create_plan(&self.call, input).await?.id, terms));
            }
        }
        Ok(plans)
    }

    async fn customers(&mut self) -> Result<Vec<CustomerId>> {
        let mut customers = Vec::new();
        for (at, company) in COMPANIES.iter().enumerate() {
            let slug: String =
                company.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
            let slug = slug.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-");
            let input = CreateCustomer {
                name: Some(parse(company)?),
                email: Some(parse(&format!("it@{slug}.example.com"))?),
                external_id: Some(parse(&format!("C-{:04}", 1_000 + at))?),
            };
            customers.push(self.service.create_customer(&self.call, input).await?.id);
        }
        for (first, last) in FIRST.iter().zip(LAST).chain(FIRST.iter().skip(3).zip(LAST)) {
            let input = CreateCustomer {
                name: Some(parse(&format!("{first} {last}"))?),
                email: Some(parse(&format!("{}.{}@example.com", first.to_lowercase(), last.to_lowercase()))?),
                external_id: None,
            };
            customers.push(self.service.create_customer(&self.call, input).await?.id);
        }
        Ok(customers)
    }

    async fn licenses_of(
        &mut self,
        customer: CustomerId,
        at: usize,
        plans: &[(ProductId, PlanId, Terms)],
    ) -> Result<usize> {
        let reference = parse(&format!("LS-{:05}", 20_000 + at))?;
        let order =
            self.service.create_order(&self.call, CreateOrder { reference, customer: Some(customer) }).await?.id;
        let number = if at < COMPANIES.len() { 1 + self.dice.below(3) } else { 1 };
        for _ in 0..number {
            let Some((_, plan, terms)) = self.dice.pick(plans).cloned() else { continue };
            self.license(customer, order, plan, &terms).await?;
        }
        usize::try_from(number).map_err(Error::internal)
    }

    async fn license(&mut self, customer: CustomerId, order: OrderId, plan: PlanId, terms: &Terms) -> Result<()> {
        let now = self.service.now();
        let expires_at = terms.model.end(now).map(|_| now.plus(Seconds::days(3 + self.dice.below(360))));
        let input = IssueLicense {
            customer: Some(CustomerChoice::Existing(customer)),
            order: Some(order),
            expires_at,
            ..IssueLicense::of(plan)
        };
        let license = self.service.issue_license(&self.call, input).await?.license.id;
        let taken = if self.dice.chance(12) { 0 } else { 1 + self.dice.below(i64::from(terms.seats)) };
        for n in 0..taken {
            self.seat(license, n, terms).await?;
        }
        let change = match self.dice.below(100) {
            0..6 => Some((StatusChange::Suspend, "Invoice unpaid for 60 days")),
            6..10 => Some((StatusChange::Revoke, "Chargeback by the card's bank")),
            _ => None,
        };
        if let Some((change, reason)) = change {
            let input = ChangeStatus { change, reason: parse(reason)?, effective_at: None, dry_run: false };
            self.service.change_status(&self.call, license, input).await?;
        }
        Ok(())
    }

    async fn seat(&mut self, license: LicenseId, n: i64, terms: &Terms) -> Result<()> {
        let now = self.service.now();
        // Most devices are seen daily, some on workdays, a few not for weeks.
        let seen = now.plus(Seconds(-match self.dice.below(100) {
            0..70 => self.dice.below(86_400),
            70..88 => 86_400 + self.dice.below(4 * 86_400),
            88..97 => 5 * 86_400 + self.dice.below(20 * 86_400),
            _ => 25 * 86_400 + self.dice.below(40 * 86_400),
        }));
        let first = seen.plus(Seconds(-86_400 * (1 + self.dice.below(400))));
        let (platform, machine) = self.dice.pick(&PLATFORMS).copied().unwrap_or(("linux-x86_64", "workstation"));
        let version = self.dice.pick(&VERSIONS).copied().unwrap_or("4.2.1");
        let user = match terms.seat_model {
            SeatModel::NamedUser { .. } => {
                let (first, last) = (self.dice.pick(&FIRST), self.dice.pick(&LAST));
                let (first, last) = (first.copied().unwrap_or("ada"), last.copied().unwrap_or("almeida"));
                Some(parse(&format!("{}.{}@example.com", first.to_lowercase(), last.to_lowercase()))?)
            }
            SeatModel::NodeLocked | SeatModel::Floating => None,
        };
        let fingerprint = Sha256::new().chain_update(license.to_bytes()).chain_update(n.to_be_bytes()).finalize();
        let lease_ends_at = seen.plus(terms.lease);
        let request = ClaimRequest {
            new_id: SeatId::new(now, self.service.entropy()),
            device: DeviceHash::from_bytes(fingerprint.into()),
            user,
            name: Some(parse(&format!("{machine}-{:03}", 100 + self.dice.below(900)))?),
            platform: Some(platform.to_owned()),
            app_version: Some(version.to_owned()),
            device_key: None,
            borrowed_until: None,
            seq: first.seconds().0,
            lease_ends_at: first.plus(terms.lease),
            offline_until: first.plus(terms.lease).plus(terms.grace),
            region: self.service.region().map(str::to_owned),
            now: first,
            reclaim: self.service.reclaim(terms.lease),
        };
        let touch = SeatTouch {
            seat: request.new_id,
            seq: seen.seconds().0,
            denial_seq: 0,
            last_seen_at: seen,
            lease_ends_at,
            offline_until: lease_ends_at.plus(terms.grace),
            app_version: None,
            platform: None,
            continuity: 0,
            region: self.service.region().map(str::to_owned),
        };
        self.seats += usize::from(self.claim(license, request, touch).await?);
        Ok(())
    }

    async fn claim(&self, license: LicenseId, request: ClaimRequest, touch: SeatTouch) -> Result<bool> {
        let act = self.service.act(&self.call);
        self.service.store().write(WriteOptions::license(license), job!(act, request, touch => |tx| {
            let Some(locked) = seats::lock(tx, act.scope, license, &request.device).await? else { return Ok(false) };
            let claimed = matches!(seats::claim(tx, &locked, &request).await?, seats::Claim::Claimed(_));
            if claimed {
                seats::touch_many(tx, std::slice::from_ref(&touch)).await?;
                let data = serde_json::json!({ "license": license, "name": request.name });
                act.event(tx, "seat.claimed", request.new_id, data);
                act.changed(tx, holdfast_store::changes::ChangeKind::Seat, None, request.new_id.to_bytes());
            }
            Ok::<_, Error>(claimed)
        })).await
    }
    /// Renewals of the last three months: fewer devices are on at a weekend.
    async fn renewals(&mut self) -> Result<()> {
        let (today, vendor) = (day_of(self.service.now()), self.call.actor.vendor());
        let devices = i64::try_from(self.seats).map_err(Error::internal)?;
        let mut counts = Vec::new();
        for ago in (0..=90).rev() {
            let day = today.plus(Seconds::days(-ago));
            // The epoch began on a Thursday.
            let is_weekend = (day.seconds().0 / Seconds::DAY.0 + 3) % 7 > 4;
            let percent = if is_weekend { 20 } else { 70 } + self.dice.below(15);
            counts.push((vendor, day, devices * percent / 100));
        }
        let added = job!(counts => |tx| Ok::<_, Error>(activity::add_renewals(tx, &counts).await?));
        self.service.store().write(WriteOptions::alone(), added).await
    }
}
