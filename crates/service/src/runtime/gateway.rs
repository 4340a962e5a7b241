//! What shipped clients of other systems ask for, answered by the same acts as our own clients: seats, denials, the breaker,
//! limits and the audit log are the same. What they send and get is the server's (`gateways`).
//!
//! Such a client has no signed denial to insist on: it believes a plain "no". So each is what the database says at that
//! moment, and passes the breaker. Whatever else goes wrong is an error that asks it to come back.

use super::{
    activate::{Claimant, DenialOf, Origin},
    document::error_code,
    hot::HotProduct,
    release::{free, free_within_budget},
    request::{Device, Nonce, tidied},
};
use crate::{
    Error, ErrorCode, RequestInfo, Result, Service,
    vault::{Purpose, Vault},
};
use holdfast_domain::{
    Code, DenialCode, DeviceHash, Email, GatewayKind, License, LicenseState, Name, ProductId, SeatId, SeatState,
    Seconds, Timestamp, VendorId, decide::decide_license,
};
use holdfast_lease::{SigningKey, device_hash};
use holdfast_store::{
    WriteOptions, customers,
    gateways::GatewayRow,
    licenses,
    migrated::{self, KnownDevice},
    plans, products,
    seats::{self, SeatRow},
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};
use zeroize::Zeroizing;

/// What a denial echoes that nobody reads.
const NONCE: &str = "gateway";
/// How many ids of a license's devices that another system gave out are noted as they come.
const DEVICES: u32 = 1_000;
/// When the clients of a gateway that is off may ask again.
const COME_BACK: Seconds = Seconds(60 * 60);
/// How many seats of a license are shown to its clients at most.
const SEATS: usize = 200;

/// What the clients of one system are answered with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GatewaySettings {
    /// What that system calls the vendor: Keylight's tenant, Lemon Squeezy's store, Keygen's account.
    pub account: Option<String>,
    /// What it calls the product.
    pub product: Option<String>,
    /// What it calls plans, by their codes here: Lemon Squeezy's variants, Keygen's policies.
    pub plans: BTreeMap<Code, String>,
    /// The base address that Keygen's clients have, where a proxy leads from there to here.
    pub address: Option<String>,
    /// How many days Keylight's clients count as a trial; absent where that is theirs to know.
    pub trial_days: Option<u32>,
    /// Whether Keylight's clients have a free tier; absent where that is theirs to know.
    pub free_tier: Option<bool>,
}

/// A gateway as a node remembers it.
pub(crate) struct HotGateway {
    pub kind: GatewayKind,
    pub is_on: bool,
    pub settings: GatewaySettings,
    /// Its key and what it is called; absent where it has none, or this node cannot open it.
    pub signer: Option<(String, SigningKey)>,
}

/// Under which identity the seed of a gateway's key is sealed.
pub(crate) fn sealing_row(product: ProductId, kind: GatewayKind) -> Vec<u8> {
    [product.to_bytes().as_slice(), kind.as_str().as_bytes()].concat()
}

/// Opens the seed of a gateway's key; `None` where it has none.
pub(crate) fn open(vault: &Vault, row: &GatewayRow) -> Result<Option<(String, SigningKey)>> {
    let (Some(kid), Some(sealed)) = (&row.kid, &row.seed_sealed) else { return Ok(None) };
    let seed = vault.open(Purpose::GatewaySeed, &sealing_row(row.product, row.kind), sealed)?;
    let seed: Zeroizing<[u8; 32]> =
        Zeroizing::new(seed.as_slice().try_into().map_err(|_| Error::internal("a sealed seed is not 32 bytes long"))?);
    let key = SigningKey::from_seed(&seed);
    if Some(key.public_key().to_bytes()) == row.public_key {
        Ok(Some((kid.clone(), key)))
    } else {
        Err(Error::internal("a stored public key is not the one of its seed"))
    }
}

/// A gateway that is on.
#[derive(Clone)]
pub struct Gateway {
    product: Arc<HotProduct>,
    own: Arc<HotGateway>,
}

impl Gateway {
    /// What its clients are answered with.
    pub fn settings(&self) -> &GatewaySettings {
        &self.own.settings
    }

    /// The product's vendor.
    pub fn vendor(&self) -> VendorId {
        self.product.vendor
    }

    /// The product's id.
    pub fn product(&self) -> ProductId {
        self.product.product
    }

    /// What its key is called, and the raw public key.
    ///
    /// # Errors
    /// [`ErrorCode::Sealed`] on a node that cannot open it.
    pub fn public_key(&self) -> Result<(&str, [u8; 32])> {
        self.signer().map(|(kid, key)| (kid, key.public_key().to_bytes()))
    }

    /// Signs `message` with its key.
    ///
    /// # Errors
    /// [`ErrorCode::Sealed`] on a node that cannot open it; [`ErrorCode::Internal`] where the signature does not verify.
    pub fn sign(&self, message: &[u8]) -> Result<[u8; 64]> {
        let (_, key) = self.signer()?;
        let signature = key.sign_bytes(message);
        if key.public_key().verify_strict(message, &signature) {
            Ok(signature)
        } else {
            Err(Error::internal("a signature of our own does not verify"))
        }
    }

    fn signer(&self) -> Result<(&str, &SigningKey)> {
        let signer = self.own.signer.as_ref().map(|(kid, key)| (kid.as_str(), key));
        signer.ok_or_else(|| Error::new(ErrorCode::Sealed).with_retry_after(Seconds::MINUTE))
    }
}

/// A license as the database has it, for whoever has its key.
#[derive(Clone, Debug)]
pub struct Holding {
    /// The license.
    pub license: License,
    /// How many of its seats are taken.
    pub seats_used: u32,
    /// Who holds it.
    pub holder: Option<(Name, Option<Email>)>,
    /// When that was so.
    pub now: Timestamp,
    /// Why it must not be used then, whatever the device.
    pub denial: Option<DenialCode>,
    key_hash: [u8; 32],
}

/// Why the clients of `kind` must not use `license` at `now`. Only Keylight's know what may remain of one that has run out.
fn denial_of(license: &License, kind: GatewayKind, now: Timestamp) -> Option<DenialCode> {
    // What is announced for later does not hold yet.
    let denial = decide_license(license, now).filter(|denial| denial.effective <= now.seconds());
    let has_run_out = license.state(now) == LicenseState::Expired && kind != GatewayKind::Keylight;
    denial.map(|denial| denial.code).or(has_run_out.then_some(DenialCode::Expired))
}

/// How a client names its device, and what it says of it.
#[derive(Clone, Debug, Default)]
pub struct Named {
    /// The id that this server, or the system before it, has given the device.
    pub instance: Option<String>,
    /// What the client identifies it by.
    pub fingerprint: Option<String>,
    /// What people call it.
    pub name: Option<String>,
    /// Its operating system.
    pub platform: Option<String>,
    /// The version of the application.
    pub app_version: Option<String>,
}

/// A device's seat.
#[derive(Clone, Debug)]
pub struct Place {
    /// Its id. As a UUID it is what those systems call an instance, or a machine.
    pub id: SeatId,
    /// The device's hash.
    pub device: DeviceHash,
    /// What the device is called.
    pub name: Option<String>,
    /// Its platform.
    pub platform: Option<String>,
    /// When it was taken.
    pub claimed_at: Timestamp,
    /// When the device was last heard of.
    pub last_seen: Timestamp,
    is_taken: bool,
}

impl From<SeatRow> for Place {
    fn from(row: SeatRow) -> Self {
        Self {
            id: row.seat.id,
            device: row.seat.device,
            name: row.name.map(|name| name.to_string()),
            platform: row.platform,
            claimed_at: row.seat.claimed_at,
            last_seen: row.last_seen_at,
            is_taken: row.seat.state == SeatState::Active,
        }
    }
}

/// An id as those systems write theirs: a UUID.
pub fn uuid(bytes: [u8; 16]) -> String {
    let mut text = String::with_capacity(36);
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        for nibble in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
        }
    }
    text
}

/// The seat whose UUID `text` is.
fn seat_of(text: &str) -> Option<SeatId> {
    let plain: Vec<u8> = text.bytes().filter(|byte| *byte != b'-').collect();
    if text.len() != 36 || plain.len() != 32 {
        return None;
    }
    let mut bytes = [0; 16];
    for (byte, pair) in bytes.iter_mut().zip(plain.chunks_exact(2)) {
        let digit = |byte: u8| char::from(byte).to_digit(16);
        *byte = u8::try_from(digit(pair[0])? << 4 | digit(pair[1])?).ok()?;
    }
    Some(SeatId::from_bytes(bytes))
}

impl Service {
    /// The gateway of a product to the clients of one system.
    ///
    /// # Errors
    /// [`ErrorCode::ProductNotFound`]; [`ErrorCode::GatewayOff`] where it is off, or not on yet; retryable ones.
    pub async fn gateway(&self, product: ProductId, kind: GatewayKind) -> Result<Gateway> {
        let product = self.signing_product(product).await?;
        // Without the database a node does not know whom it answers.
        let known = product.gateways.as_ref().ok_or_else(|| Error::new(ErrorCode::Unavailable))?;
        // Clients that were led here too early believe a "not found" as they believe one that means their license.
        let own = known.iter().find(|own| own.kind == kind && own.is_on).map(Arc::clone);
        let own = own.ok_or_else(|| Error::new(ErrorCode::GatewayOff).with_retry_after(COME_BACK))?;
        Ok(Gateway { product, own })
    }

    /// The gateways of a product from their rows, with their keys opened.
    pub(super) fn hot_gateways(&self, rows: &[GatewayRow]) -> Vec<Arc<HotGateway>> {
        let hot = |row: &GatewayRow| {
            let signer = self.vault().and_then(|vault| open(vault, row)).unwrap_or_else(|error| {
                tracing::error!(kind = row.kind.as_str(), ?error, "the key of a gateway cannot be opened");
                None
            });
            let settings = serde_json::from_str(&row.settings).unwrap_or_else(|error| {
                tracing::error!(kind = row.kind.as_str(), %error, "the settings of a gateway cannot be read");
                GatewaySettings::default()
            });
            Arc::new(HotGateway { kind: row.kind, is_on: row.is_on(), settings, signer })
        };
        rows.iter().map(hot).collect()
    }

    /// The license with that key as the database has it now; `None` where the product has none.
    pub async fn holding(&self, gateway: &Gateway, key: &str) -> Result<Option<Holding>> {
        let product = &gateway.product;
        let Some((id, key_hash)) = self.license_id_by_key(product, key).await? else { return Ok(None) };
        let mut reader = self.store().patient_reader();
        let row = licenses::get(&mut reader, product.scope, id).await?;
        // It may have got another key since.
        let Some(row) = row.filter(|row| row.key_hash == key_hash) else {
            self.state().hot.drop_key((product.product, key_hash));
            return Ok(None);
        };
        let license = row.license;
        let holder = match license.customer {
            Some(id) => customers::get(&mut reader, product.scope, id).await?,
            None => None,
        };
        let now = self.now();
        Ok(Some(Holding {
            denial: denial_of(&license, gateway.own.kind, now),
            seats_used: row.seats_used,
            holder: holder.map(|holder| (holder.name, holder.email)),
            now,
            key_hash,
            license,
        }))
    }

    /// What the product and the license's plan are called.
    pub async fn names(&self, gateway: &Gateway, holding: &Holding) -> Result<(Name, Name)> {
        let (scope, license) = (gateway.product.scope, &holding.license);
        let mut reader = self.store().patient_reader();
        let product = products::get(&mut reader, scope, license.product).await?;
        let plan = plans::get(&mut reader, scope, license.plan).await?;
        match (product, plan) {
            (Some(product), Some(plan)) => Ok((product.name, plan.name)),
            _ => Err(Error::internal("a license without its product or plan")),
        }
    }

    /// Whether a "no" about a license may be said whose device has nothing here yet that it could lose.
    ///
    /// # Errors
    /// [`ErrorCode::DenialsStopped`] where so many of the product's are refused at once that a mistake is likely.
    pub fn may_refuse(&self, gateway: &Gateway, holding: &Holding) -> Result<()> {
        // Its application goes by the license alone: that is what it loses.
        let loses = Some(SeatId::from_bytes(holding.license.id.to_bytes()));
        let device = DeviceHash::from_bytes([0; 32]);
        let of = DenialOf { license: holding.license.id, seat: None, device, seq: 0, loses };
        self.may_deny(&gateway.product, &of, holding.now)
    }

    /// Refuses a license that must not be used, to a client whose device has nothing here yet that it could lose.
    ///
    /// # Errors
    /// The code of the denial; as [`Service::may_refuse`].
    pub fn turn_away(&self, gateway: &Gateway, holding: &Holding) -> Result<()> {
        let Some(code) = holding.denial else { return Ok(()) };
        self.may_refuse(gateway, holding)?;
        Err(Error::new(error_code(code)))
    }

    /// Claims a seat for a device that its client identifies by `named.fingerprint`; the same device gets its own back.
    ///
    /// # Errors
    /// As an activation ([`Service::activate`]).
    pub async fn arrive(
        &self,
        gateway: &Gateway,
        holding: &Holding,
        named: &Named,
        from: &RequestInfo,
    ) -> Result<Place> {
        let device = own_hash(gateway, named.fingerprint.as_deref().unwrap_or_default())?;
        self.take_place(gateway, holding, named, device, false, from).await
    }

    /// Lets a device go on that has a seat; `None` where it has none. An id that this server never gave out was given out by
    /// the system before it, and a device that came with the import was active there: either gets a seat as by an activation.
    /// Keygen's clients have no need of the former: they look for their machine by its fingerprint.
    ///
    /// # Errors
    /// As an activation, where the seat is not there yet; the code of the denial where the license is refused; retryable ones.
    pub async fn go_on(
        &self,
        gateway: &Gateway,
        holding: &Holding,
        named: &Named,
        from: &RequestInfo,
    ) -> Result<Option<Place>> {
        let (scope, license) = (gateway.product.scope, holding.license.id);
        let (device, is_new) = match self.device_named(gateway, holding, named).await? {
            Some(device) => (device, false),
            None if gateway.own.kind == GatewayKind::Keygen => return Ok(None),
            // Nobody but the client knows what stands for the device: what it is identified by here, or that id itself.
            None => {
                let text = named.fingerprint.as_deref().or(named.instance.as_deref()).unwrap_or_default();
                (own_hash(gateway, text)?, true)
            }
        };
        let mut reader = self.store().patient_reader();
        let seat = seats::by_device(&mut reader, scope, license, &device).await?;
        let returning = if seat.is_some() {
            true
        } else {
            let was_there = is_new || migrated::is_known(&mut reader, scope, license, &device).await?;
            if !was_there {
                return Ok(None);
            }
            false
        };
        // What the device goes by is from before, or may be: that is counted as what it loses.
        if seat.is_none_or(|seat| seat.offline_until < holding.now) {
            self.turn_away(gateway, holding)?;
        }
        let place = match self.take_place(gateway, holding, named, device, returning, from).await {
            Err(error) if error.code == ErrorCode::SeatReleased => return Ok(None),
            place => place?,
        };
        if let (true, Some(instance)) = (is_new, &named.instance) {
            let known = KnownDevice { license, instance: instance.clone(), device };
            self.store()
                .write(WriteOptions::license(license).idempotent(), move |tx| {
                    let known = known.clone();
                    Box::pin(async move { Ok::<_, Error>(migrated::note_device(tx, scope, &known, DEVICES).await?) })
                })
                .await?;
        }
        self.state().tally.renewed(gateway.product.vendor, self.now());
        Ok(Some(place))
    }

    /// The seat of a device, where it has one now.
    pub async fn place(&self, gateway: &Gateway, holding: &Holding, named: &Named) -> Result<Option<Place>> {
        let Some(device) = self.device_named(gateway, holding, named).await? else { return Ok(None) };
        let mut reader = self.store().patient_reader();
        let seat = seats::by_device(&mut reader, gateway.product.scope, holding.license.id, &device).await?;
        Ok(seat.map(Place::from).filter(|place| place.is_taken))
    }

    /// The seats of a license that are taken, those seen last first, at most 200.
    pub async fn places(&self, gateway: &Gateway, holding: &Holding) -> Result<Vec<Place>> {
        let (scope, license) = (gateway.product.scope, holding.license.id);
        let mut reader = self.store().patient_reader();
        let rows = seats::of_license(&mut reader, scope, license, SeatState::Active, SEATS).await?;
        Ok(rows.into_iter().map(Place::from).collect())
    }

    /// Gives a device's seat up. `by_id` where all that is known of the device is the seat's id, which everybody with the key
    /// can look up: then it is one of the seats that the holder may free.
    ///
    /// # Errors
    /// [`ErrorCode::ReleaseBudgetSpent`]; retryable ones.
    pub async fn depart(
        &self,
        gateway: &Gateway,
        holding: &Holding,
        place: &Place,
        by_id: bool,
        from: &RequestInfo,
    ) -> Result<()> {
        let (service, scope, origin) = (self.clone(), gateway.product.scope, Origin::of(from));
        let of = (place.id, holding.license.id);
        self.store()
            .write(WriteOptions::license(holding.license.id), move |tx| {
                let (service, origin) = (service.clone(), origin.clone());
                Box::pin(async move {
                    if by_id {
                        free_within_budget(&service, tx, scope, of, &origin, serde_json::json!({ "by": "license key" }))
                            .await
                    } else {
                        free(&service, tx, scope, of, &origin, serde_json::json!({ "by": "device" })).await
                    }
                })
            })
            .await?;
        self.state().hot.drop_seat(place.id);
        Ok(())
    }

    /// Which device `named` is, where this server can tell.
    async fn device_named(&self, gateway: &Gateway, holding: &Holding, named: &Named) -> Result<Option<DeviceHash>> {
        let (scope, license) = (gateway.product.scope, holding.license.id);
        let Some(instance) = &named.instance else {
            return named.fingerprint.as_deref().map(|text| own_hash(gateway, text)).transpose();
        };
        let mut reader = self.store().patient_reader();
        if let Some(seat) = seat_of(instance)
            && let Some(row) = seats::get(&mut reader, scope, seat).await?.filter(|row| row.seat.license == license)
        {
            return Ok(Some(row.seat.device));
        }
        Ok(migrated::device(&mut reader, scope, license, instance).await?)
    }

    async fn take_place(
        &self,
        gateway: &Gateway,
        holding: &Holding,
        named: &Named,
        device: DeviceHash,
        returning: bool,
        from: &RequestInfo,
    ) -> Result<Place> {
        let (product, license) = (&gateway.product, holding.license.id);
        // Where something remains of a license that has run out, no claim is denied: only its client must not have it.
        let remains = holding.license.terms.fallback.is_some();
        if let Some(code @ DenialCode::Expired) = holding.denial.filter(|_| remains) {
            let seat = seats::by_device(&mut self.store().patient_reader(), product.scope, license, &device).await?;
            let of = DenialOf::new(license, seat.as_ref(), device, 0, holding.now);
            self.may_deny(product, &of, holding.now)?;
            return Err(Error::new(error_code(code)));
        }
        let said = Device {
            hash: device,
            name: named.name.as_deref().and_then(tidied),
            platform: named.platform.as_deref().and_then(tidied),
            app_version: named.app_version.as_deref().and_then(tidied),
            public_key: None,
        };
        let key = Some(holding.key_hash);
        let claimant = Claimant { device: said, user: None, borrow: None, returning, key };
        let nonce = Nonce::parse(NONCE).ok_or_else(|| Error::internal("not a nonce"))?;
        self.claim_seat(product, license, claimant, &nonce, from, None).await?;
        let mut reader = self.store().patient_reader();
        let seat = seats::by_device(&mut reader, product.scope, license, &device).await?;
        seat.map(Place::from).ok_or_else(|| Error::internal("a seat that was claimed is gone"))
    }
}

/// The hash under which a device is known here.
fn own_hash(gateway: &Gateway, fingerprint: &str) -> Result<DeviceHash> {
    device_hash(&gateway.product.product_text, fingerprint.as_bytes()).parse().map_err(Error::internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seats_id_is_a_uuid_and_leads_back() {
        let id = SeatId::from_bytes(std::array::from_fn(|at| u8::try_from(at * 17).unwrap()));
        let text = uuid(id.to_bytes());
        assert_eq!(text, "00112233-4455-6677-8899-aabbccddeeff");
        assert_eq!(seat_of(&text), Some(id));
        assert_eq!(seat_of(&text.to_uppercase()), Some(id));
        for other in ["", "00112233445566778899aabbccddeeff", "0011223-34455-6677-8899-aabbccddeeg0", "laptop"] {
            assert_eq!(seat_of(other), None, "{other}");
        }
    }
}
