//! A vendor with as many licenses as asked for, put straight into the database.

use holdfast_domain::{
    Clock as _, CustomerId, Entitlements, License, LicenseId, LicenseKey, LicenseModel, LicenseStatus, PlanId,
    ProductId, SeatModel, Seconds, Terms, VendorId,
};
use holdfast_service::{
    Parts, Service, Settings,
    admin::inputs::{BootstrapInput, CreatePlan, CreateProduct},
    system::{OsEntropy, SystemClock},
    vault::{MasterKey, Purpose, Vault},
};
use holdfast_store::{
    Db, DbOptions, DbUrl, Scope, Store, StoreError, StoreOptions, Tx, WriteOptions,
    customers::{self, CustomerRow},
    licenses::{self, NewLicense},
    migrate,
};
use std::{error::Error, path::Path, sync::Arc};

/// How many rows one transaction writes.
const CHUNK: usize = 5_000;

/// The e-mail address and password of the vendor's owner.
pub const OWNER: (&str, &str) = ("owner@example.com", "measure twice and cut once");

/// Where the data lives and who it belongs to.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// The vendor.
    pub vendor: VendorId,
    /// A token for the management API.
    pub token: String,
    /// The product.
    pub product: ProductId,
    /// A plan of it, with one seat per license.
    pub plan: PlanId,
    /// How many licenses there are.
    pub licenses: usize,
}

/// The key of license number `n`.
pub fn key_of(n: usize) -> String {
    format!("BENCH-{n:012}-KEY")
}

/// A service of this process over the database at `url`, with the master key that a server of `data_dir` uses.
pub async fn service(url: &DbUrl, data_dir: &Path, options: StoreOptions) -> Result<Service, Box<dyn Error>> {
    let path = data_dir.join("master.key");
    if !path.exists() {
        std::fs::write(&path, MasterKey::generate(&OsEntropy).to_text().as_bytes())?;
    }
    let vault = Vault::new(&MasterKey::parse(&std::fs::read(&path)?)?);
    let db = Db::open(url, DbOptions::default()).await?;
    migrate(&db).await?;
    let store = Store::start(db, options);
    let (clock, entropy) = (Arc::new(SystemClock), Arc::new(OsEntropy));
    Ok(Service::new(Parts { store, clock, entropy, vault: Some(vault), settings: Settings::default() }))
}

/// The terms every measured license has.
pub fn terms(seats: u32) -> Terms {
    let year = LicenseModel::Subscription { duration: Seconds::days(365) };
    let entitlements: Entitlements = [("export", true.into()), ("users", 5.into())]
        .into_iter()
        .filter_map(|(code, value): (&str, Value)| Some((code.parse().ok()?, value.0)))
        .collect();
    Terms { seats, entitlements, ..Terms::defaults(year, SeatModel::NodeLocked) }
}

/// A shorthand for the two kinds of value used here.
struct Value(holdfast_domain::EntitlementValue);

impl From<bool> for Value {
    fn from(_: bool) -> Self {
        Self(holdfast_domain::EntitlementValue::ON)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self(holdfast_domain::EntitlementValue::Integer(number))
    }
}

/// Sets the vendor up and gives it `count` licenses, each with a customer of its own for every tenth.
pub async fn fill(service: &Service, data_dir: &Path, count: usize, seats: u32) -> Result<Dataset, Box<dyn Error>> {
    let bootstrapped = service
        .bootstrap(BootstrapInput { vendor: "Benchmark".parse()?, email: OWNER.0.parse()?, password: OWNER.1.into() })
        .await?;
    let vendor = bootstrapped.vendor;
    let call = holdfast_service::actor::Call::system(vendor);
    let product =
        service.create_product(&call, CreateProduct { name: "Bench".parse()?, code: "bench".parse()? }).await?;
    let plan = service
        .create_plan(
            &call,
            CreatePlan {
                product: product.id,
                name: "Standard".parse()?,
                code: "standard".parse()?,
                terms: terms(seats),
            },
        )
        .await?;
    let dataset =
        Dataset { vendor, token: bootstrapped.api_token, product: product.id, plan: plan.id, licenses: count };
    grow(service, data_dir, &dataset, 0, seats).await?;
    Ok(dataset)
}

/// Adds licenses number `from` up to the dataset's count.
pub async fn grow(
    service: &Service,
    data_dir: &Path,
    dataset: &Dataset,
    from: usize,
    seats: u32,
) -> Result<(), Box<dyn Error>> {
    let vault = Vault::new(&MasterKey::parse(&std::fs::read(data_dir.join("master.key"))?)?);
    let scope = Scope::trusted(dataset.vendor);
    let terms = terms(seats);
    let mut next = from;
    while next < dataset.licenses {
        let until = (next + CHUNK).min(dataset.licenses);
        let now = SystemClock.now();
        let mut people = Vec::new();
        let mut new = Vec::new();
        for n in next..until {
            if n % 10 == 0 || people.is_empty() {
                people.push(CustomerRow {
                    id: CustomerId::new(now, &OsEntropy),
                    vendor: dataset.vendor,
                    name: format!("Customer {n}").parse()?,
                    email: Some(format!("person{n}@example.com").parse()?),
                    external_id: None,
                    created_at: now,
                    updated_at: now,
                });
            }
            let id = LicenseId::new(now, &OsEntropy);
            let key = LicenseKey::parse(&key_of(n))?;
            let spread = Seconds::days(i64::try_from(n % 700)?);
            new.push(NewLicense {
                key_hash: vault.key_hash(&key),
                key_sealed: vault.seal(Purpose::LicenseKey, &id.to_bytes(), key.expose().as_bytes(), &OsEntropy)?,
                key_hint: key.hint().to_owned(),
                license: License {
                    id,
                    vendor: dataset.vendor,
                    product: dataset.product,
                    plan: dataset.plan,
                    plan_code: "standard".parse()?,
                    customer: people.last().map(|person| person.id),
                    order: None,
                    status: LicenseStatus::Active,
                    status_reason: None,
                    status_effective_at: None,
                    // The first ones, which are activated, are good for a year; the others end all over two years.
                    expires_at: Some(now.plus(if n < 20_000 {
                        Seconds::days(365)
                    } else {
                        Seconds::days(30).max(spread)
                    })),
                    terms: terms.clone(),
                    overrides: Entitlements::new(),
                    created_at: now,
                },
            });
        }
        let (people, new) = (Arc::new(people), Arc::new(new));
        service
            .store()
            .write(WriteOptions::default(), move |tx: &mut Tx| {
                let (people, new) = (Arc::clone(&people), Arc::clone(&new));
                Box::pin(async move {
                    customers::insert_many(tx, scope, &people).await?;
                    licenses::insert_many(tx, scope, &new).await?;
                    Ok::<_, StoreError>(())
                })
            })
            .await?;
        next = until;
        if next.is_multiple_of(100_000) {
            println!("    {next} licenses");
        }
    }
    Ok(())
}
