//! What one renewal costs beside the cryptography in it, on this machine: run it with `--release`.
//!
//! Prints microseconds of one core for the bare cryptography (strict verification, signing, strict verification of the
//! own output), for reading and writing the documents, and for the whole use case from the node's memory.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::cast_precision_loss)]

use holdfast_domain::{
    Clock, EntitlementValue, Entitlements, License, LicenseId, LicenseKey, LicenseModel, LicenseStatus, PlanId,
    ProductId, SeatModel, Terms, VendorId,
};
use holdfast_lease::{Expectations, Keyring, Lease, SigningKey, device_hash, sign, verify};
use holdfast_service::{
    Error, Parts, RequestInfo, Service, Settings,
    runtime::{Activate, Device, Nonce, Renew, keys},
    system::{OsEntropy, SystemClock},
    vault::{MasterKey, Purpose, Vault},
};
use holdfast_store::{
    Scope, WriteOptions, licenses, plans,
    plans::PlanRow,
    products::{self, ProductRow},
    vendors,
};
use holdfast_testkit::TestDb;
use std::{
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

const ROUNDS: u32 = 5_000;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let db = TestDb::sqlite().await;
        let (service, product, token) = prepare(&db).await;
        let background = service.clone();
        let following = tokio::spawn(async move { background.run_background(std::future::pending()).await });
        while service.runtime_status().feed_age.is_none() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        measure(&service, product, &token).await;
        following.abort();
    });
}

/// Microseconds per round of `work`.
fn cost(mut work: impl FnMut()) -> f64 {
    (0..200).for_each(|_| work());
    let began = Instant::now();
    (0..ROUNDS).for_each(|_| work());
    began.elapsed().as_secs_f64() * 1e6 / f64::from(ROUNDS)
}

async fn measure(service: &Service, product: ProductId, token: &str) {
    let key = SigningKey::from_seed(&[1; 32]);
    let public = key.public_key();
    let message = &token.as_bytes()[..token.len() - 87];
    let signature = key.sign_bytes(message);
    let bare = cost(|| {
        assert!(public.verify_strict(black_box(message), &signature));
        let own = key.sign_bytes(black_box(message));
        assert!(public.verify_strict(message, &own));
    });
    let manifest = service.product_manifest(product).await.unwrap().token;
    let keyring = keyring(&manifest);
    let lease: Lease = verify(token.as_bytes(), &keyring, Expectations::NONE).unwrap();
    let documents = cost(|| {
        let lease: Lease = verify(black_box(token.as_bytes()), &keyring, Expectations::NONE).unwrap();
        black_box(sign(&lease, &key).unwrap());
    });
    black_box(lease);
    let from = RequestInfo::default();
    let input = || Renew {
        lease: token.to_owned(),
        nonce: Nonce::parse("nonce-0123456789").unwrap(),
        manifest_seq: Some(i64::MAX),
        proof: None,
        device: None,
    };
    for _ in 0..200 {
        service.renew(product, input(), &from).await.unwrap();
    }
    let began = Instant::now();
    for _ in 0..ROUNDS {
        black_box(service.renew(product, input(), &from).await.unwrap());
    }
    let whole = began.elapsed().as_secs_f64() * 1e6 / f64::from(ROUNDS);
    println!("bare cryptography   {bare:7.1} µs");
    println!("with the documents  {documents:7.1} µs  {:.2} ×", documents / bare);
    println!("the whole renewal   {whole:7.1} µs  {:.2} ×", whole / bare);
}

fn keyring(manifest: &str) -> Keyring {
    use base64::prelude::*;
    let payload = manifest.split('.').nth(1).and_then(|part| BASE64_URL_SAFE_NO_PAD.decode(part).ok()).unwrap();
    Keyring::from_manifest(&serde_json::from_slice(&payload).unwrap())
}

async fn prepare(db: &TestDb) -> (Service, ProductId, String) {
    let master = MasterKey::generate(&OsEntropy);
    let service = Service::new(Parts {
        store: db.store(),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(OsEntropy),
        vault: Some(Vault::new(&master)),
        settings: Settings::default(),
    });
    let now = SystemClock.now();
    let (vendor, product) = (VendorId::new(now, &OsEntropy), ProductId::new(now, &OsEntropy));
    let (key, id) = (LicenseKey::generate(&OsEntropy), LicenseId::new(now, &OsEntropy));
    let vault = Vault::new(&master);
    let terms = Terms {
        entitlements: ["export", "print", "cloud", "api"]
            .iter()
            .map(|code| (code.parse().unwrap(), EntitlementValue::ON))
            .collect(),
        ..Terms::defaults(LicenseModel::Perpetual, SeatModel::NodeLocked)
    };
    let plan = PlanRow {
        id: PlanId::new(now, &OsEntropy),
        vendor,
        product,
        code: "pro".parse().unwrap(),
        name: "Pro".parse().unwrap(),
        terms: terms.clone(),
        created_at: now,
        updated_at: now,
        archived_at: None,
    };
    let new = licenses::NewLicense {
        key_hash: vault.key_hash(&key),
        key_sealed: vault.seal(Purpose::LicenseKey, &id.to_bytes(), b"-", &OsEntropy).unwrap(),
        key_hint: key.hint().to_owned(),
        license: License {
            id,
            vendor,
            product,
            plan: plan.id,
            plan_code: plan.code.clone(),
            customer: None,
            order: None,
            status: LicenseStatus::Active,
            status_reason: None,
            status_effective_at: None,
            terms,
            overrides: Entitlements::new(),
            expires_at: None,
            created_at: now,
        },
    };
    let own = service.clone();
    service
        .store()
        .write(WriteOptions::alone(), move |tx| {
            let (own, plan, new) = (own.clone(), plan.clone(), new.clone());
            Box::pin(async move {
                let scope = Scope::trusted(vendor);
                vendors::insert(tx, vendor, &"Example Software".parse().unwrap(), now).await?;
                keys::new_root(&own, tx, scope, now).await?;
                let row = ProductRow {
                    id: product,
                    vendor,
                    code: "app".parse().unwrap(),
                    name: "App".parse().unwrap(),
                    revocation_seq: 0,
                    created_at: now,
                    updated_at: now,
                    archived_at: None,
                };
                products::insert(tx, scope, &row).await?;
                keys::new_issuing(&own, tx, scope, product, now).await?;
                plans::insert(tx, scope, &plan).await?;
                licenses::insert(tx, scope, &new).await?;
                Ok::<_, Error>(())
            })
        })
        .await
        .unwrap();
    let device = device_hash(&product.to_string(), b"machine").parse().unwrap();
    let input = Activate {
        key: key.expose().to_owned(),
        device: Device::new(device),
        user: None,
        nonce: Nonce::parse("nonce-0123456789").unwrap(),
        manifest_seq: None,
        borrow_seconds: None,
    };
    let lease = service.activate(product, input, &RequestInfo::default()).await.unwrap().lease;
    (service, product, lease)
}
