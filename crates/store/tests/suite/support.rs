//! A vendor with a product, a plan and licenses, to test on.

use holdfast_domain::{
    Actor, CustomerId, DeviceHash, Email, Entitlements, EventId, License, LicenseId, LicenseModel, LicenseStatus,
    NodeId, PlanId, ProductId, SeatId, SeatModel, Seconds, Terms, Timestamp, VendorId,
};
use holdfast_store::{
    NewEvent, Scope, Store, StoreError, WriteOptions, customers, licenses, plans, products, seats, vendors,
};
use holdfast_testkit::SeededEntropy;
use std::sync::atomic::{AtomicU64, Ordering};

pub const NOW: Timestamp = Timestamp::from_seconds(1_767_225_600);

pub fn entropy() -> SeededEntropy {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let process = u64::from(std::process::id()) << 32;
    SeededEntropy::new(process + NEXT.fetch_add(1, Ordering::Relaxed))
}

#[derive(Clone)]
pub struct Fixture {
    pub store: Store,
    pub scope: Scope,
    pub product: ProductId,
    pub plan: PlanId,
}

/// A new vendor in `store`, with a product and a plan of `terms`.
pub async fn vendor(store: &Store, terms: Terms) -> Fixture {
    let e = entropy();
    let (vendor, product, plan) = (VendorId::new(NOW, &e), ProductId::new(NOW, &e), PlanId::new(NOW, &e));
    let scope = Scope::trusted(vendor);
    store
        .write(WriteOptions::default(), move |tx| {
            let terms = terms.clone();
            Box::pin(async move {
                vendors::insert(tx, vendor, &"Example".parse().unwrap(), NOW).await?;
                let row = products::ProductRow {
                    id: product,
                    vendor,
                    code: "editor".parse().unwrap(),
                    name: "Editor".parse().unwrap(),
                    revocation_seq: 0,
                    created_at: NOW,
                    updated_at: NOW,
                    archived_at: None,
                };
                products::insert(tx, scope, &row).await?;
                let row = plans::PlanRow {
                    id: plan,
                    vendor,
                    product,
                    code: "pro".parse().unwrap(),
                    name: "Pro".parse().unwrap(),
                    terms,
                    created_at: NOW,
                    updated_at: NOW,
                    archived_at: None,
                };
                plans::insert(tx, scope, &row).await
            })
        })
        .await
        .unwrap();
    Fixture { store: store.clone(), scope, product, plan }
}

pub fn terms(seat_model: SeatModel, seats: u32) -> Terms {
    Terms { seats, ..Terms::defaults(LicenseModel::Perpetual, seat_model) }
}

impl Fixture {
    pub fn new_license(&self, terms: Terms) -> licenses::NewLicense {
        let id = LicenseId::new(NOW, &entropy());
        let mut key_hash = [0; 32];
        key_hash[..16].copy_from_slice(&id.to_bytes());
        licenses::NewLicense {
            license: License {
                id,
                vendor: self.scope.vendor(),
                product: self.product,
                plan: self.plan,
                plan_code: "pro".parse().unwrap(),
                customer: None,
                order: None,
                status: LicenseStatus::Active,
                status_reason: None,
                status_effective_at: None,
                terms,
                overrides: Entitlements::new(),
                expires_at: None,
                created_at: NOW,
            },
            key_hash,
            key_sealed: vec![1, 2, 3],
            key_hint: "ABCD".to_owned(),
        }
    }

    pub async fn license(&self, terms: Terms) -> LicenseId {
        let new = self.new_license(terms);
        self.insert(&new).await;
        new.license.id
    }

    pub async fn insert(&self, new: &licenses::NewLicense) {
        let (new, id, scope) = (new.clone(), new.license.id, self.scope);
        self.store
            .write(WriteOptions::license(id), move |tx| {
                let new = new.clone();
                Box::pin(async move { licenses::insert(tx, scope, &new).await })
            })
            .await
            .unwrap();
    }

    pub async fn customer(&self, name: &str, email: &str) -> CustomerId {
        let id = CustomerId::new(NOW, &entropy());
        let row = customers::CustomerRow {
            id,
            vendor: self.scope.vendor(),
            name: name.parse().unwrap(),
            email: Some(email.parse().unwrap()),
            external_id: None,
            created_at: NOW,
            updated_at: NOW,
        };
        let scope = self.scope;
        self.store
            .write(WriteOptions::default(), move |tx| {
                let row = row.clone();
                Box::pin(async move { customers::insert(tx, scope, &row).await })
            })
            .await
            .unwrap();
        id
    }

    pub async fn claim(&self, license: LicenseId, device: u32) -> Result<seats::Claim, StoreError> {
        self.claim_with(license, request(device, None, NOW)).await
    }

    pub async fn claim_with(
        &self,
        license: LicenseId,
        request: seats::ClaimRequest,
    ) -> Result<seats::Claim, StoreError> {
        claim_in(&self.store, self.scope, license, request).await
    }

    pub async fn hand_out(&self, license: LicenseId, user: &str) -> seats::HandedOut {
        let (scope, user) = (self.scope, user.parse::<Email>().unwrap());
        let handed = self.store.write(WriteOptions::license(license), move |tx| {
            let user = user.clone();
            Box::pin(async move {
                let row = licenses::lock(tx, scope, license).await?.expect("it exists");
                seats::hand_out(tx, &row, &user, NOW).await
            })
        });
        handed.await.unwrap()
    }

    pub async fn take_back(&self, license: LicenseId, user: &str) -> bool {
        let (scope, user) = (self.scope, user.parse::<Email>().unwrap());
        let taken = self.store.write(WriteOptions::license(license), move |tx| {
            let user = user.clone();
            Box::pin(async move {
                let row = licenses::lock(tx, scope, license).await?.expect("it exists");
                seats::take_back(tx, &row, &user).await
            })
        });
        taken.await.unwrap()
    }

    pub async fn used(&self, license: LicenseId) -> (u32, i64) {
        let q = &mut self.store.reader();
        let row = licenses::get(q, self.scope, license).await.unwrap().unwrap();
        (row.seats_used, seats::count_taken(q, self.scope, license).await.unwrap())
    }
}

pub async fn claim_in(
    store: &Store,
    scope: Scope,
    license: LicenseId,
    request: seats::ClaimRequest,
) -> Result<seats::Claim, StoreError> {
    store
        .write(WriteOptions::claim(license, request.device), move |tx| {
            let request = request.clone();
            Box::pin(async move {
                let locked = seats::lock(tx, scope, license, &request.device).await?.expect("the license exists");
                let claim = seats::claim(tx, &locked, &request).await?;
                if let seats::Claim::Claimed(seats::Claimed { seat, again: false, .. }) = &claim {
                    tx.event(event(scope, "seat.claimed", &seat.seat.id.to_string()));
                }
                Ok(claim)
            })
        })
        .await
}

pub fn device(n: u32) -> DeviceHash {
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&n.to_be_bytes());
    DeviceHash::from_bytes(bytes)
}

pub fn request(n: u32, user: Option<&str>, now: Timestamp) -> seats::ClaimRequest {
    seats::ClaimRequest {
        new_id: SeatId::new(now, &entropy()),
        device: device(n),
        user: user.map(|user| user.parse::<Email>().unwrap()),
        name: Some(format!("Computer {n}").parse().unwrap()),
        platform: Some("linux".to_owned()),
        app_version: Some("1.0".to_owned()),
        device_key: None,
        borrowed_until: None,
        seq: now.seconds().0,
        lease_ends_at: now.plus(Seconds::minutes(20)),
        offline_until: now.plus(Seconds::days(30)),
        region: Some("eu".to_owned()),
        now,
        reclaim: reclaim(now),
    }
}

/// What a node of no name that has settled everything may take back, with leases of 20 minutes.
pub fn reclaim(now: Timestamp) -> seats::Reclaim {
    let node = NodeId::from_bytes([0; 16]);
    seats::Reclaim { node, settled_at: now, alone: Seconds::hours(12), lease: Seconds::minutes(20) }
}

pub fn event(scope: Scope, action: &'static str, subject: &str) -> NewEvent {
    NewEvent {
        id: EventId::new(NOW, &entropy()),
        vendor: scope.vendor(),
        at: NOW,
        actor: Actor::System,
        action,
        subject: subject.to_owned(),
        data: serde_json::json!({"after": subject}),
        origin: "192.0.2.1".to_owned(),
        request: "req".to_owned(),
    }
}
