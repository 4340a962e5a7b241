//! From the database into this node's memory: every remembered row is read by primary key or unique index.
//!
//! Where the feed has not been followed for two seconds, what is remembered is read again; where it then cannot be read,
//! what is remembered is used. Only what was never read fails, and then retryably.

use super::{
    continuity::{Found, Otherwise},
    hot::{HotLicense, HotManifest, HotProduct, HotSeat},
    keys,
    manifest::ListedKey,
    request::SignedDocument,
};
use crate::{Error, ErrorCode, Result, Service};
use holdfast_domain::{LicenseId, LicenseKey, ProductId, SeatId, Seconds, Timestamp, VendorId};
use holdfast_lease::{KeyStatus, Keyring, ManifestKey, SigningKey};
use holdfast_store::{
    Scope, StoreError, breakers, gateways,
    licenses::{self, LicenseRow},
    manifests, products,
    signing_keys::{self, KeyKind, SigningKeyRow},
    vendors,
};
use std::{future::Future, sync::Arc};

/// How many stored keys a node opens when it tests itself.
const SAMPLE: usize = 32;

impl HotProduct {
    /// Whether there is a key that may sign at `now`.
    fn may_sign(&self, now: Timestamp) -> bool {
        self.signer.is_some() && now < self.signs_until
    }

    /// The manifest to attach for a client that has `manifest_seq`; `None` where it is up to date.
    pub fn manifest_newer_than(&self, manifest_seq: Option<i64>) -> Option<String> {
        let manifest = self.manifest.as_ref()?;
        manifest_seq.is_none_or(|seq| seq < manifest.seq).then(|| manifest.document.token.clone())
    }
}

impl Service {
    /// A product with its keys. [`ErrorCode::ProductNotFound`] where there is none.
    pub(super) async fn hot_product(&self, id: ProductId) -> Result<Arc<HotProduct>> {
        let (hot, now) = (&self.state().hot, self.now());
        let absent = || Error::new(ErrorCode::ProductNotFound);
        if hot.is_absent(id, now) {
            return Err(absent());
        }
        let epoch = hot.epoch(&id);
        let found = self
            .remembered(hot.product(id), Otherwise::Presented, self.read_product(id), |product| {
                hot.put_product(id, product, epoch);
            })
            .await;
        let found = match found {
            Err(error) if error.is_outage() => {
                let kept = self.product_of_snapshot(id).ok_or(error)?;
                hot.put_product(id, Arc::clone(&kept), epoch);
                return Ok(kept);
            }
            found => found?,
        };
        if found.is_none() {
            hot.put_absence(id, now, epoch);
        }
        found.map(|found| found.value).ok_or_else(absent)
    }

    /// The same, with a key to sign with. A product whose key ran out while no node was there to replace it in time gets a
    /// new one now. [`ErrorCode::Sealed`] on a node that cannot open the keys.
    pub(crate) async fn signing_product(&self, id: ProductId) -> Result<Arc<HotProduct>> {
        self.check_clock()?;
        let product = self.hot_product(id).await?;
        if product.may_sign(self.now()) {
            return Ok(product);
        }
        let sealed = || Error::new(ErrorCode::Sealed).with_retry_after(Seconds::MINUTE);
        if self.is_sealed() {
            return Err(sealed());
        }
        self.rotate_if_due(product.scope, id).await?;
        self.state().hot.drop_product(id);
        let product = self.hot_product(id).await?;
        if product.may_sign(self.now()) { Ok(product) } else { Err(sealed()) }
    }

    /// A seat of the product and its license, or `None`. One read brings both; `license` is the one to expect.
    pub(super) async fn hot_seat(
        &self,
        product: &HotProduct,
        id: SeatId,
        license: LicenseId,
    ) -> Result<Option<Found<(Arc<HotSeat>, Arc<HotLicense>)>>> {
        let hot = &self.state().hot;
        let seat = hot.seat(id);
        let known = seat.and_then(|seat| hot.license(seat.seat.license).map(|license| (seat, license)));
        let (seat_epoch, license_epoch) = (hot.epoch(&id), hot.epoch(&license));
        let read = async move {
            let found = self.store().seat_with_license(product.product, id).await?;
            Ok(found.map(|(license, row)| {
                let counter = hot.counter(id, row.seat.seq);
                (Arc::new(HotSeat::new(row.seat, counter)), hot_license(license))
            }))
        };
        self.remembered(known, Otherwise::Presented, read, |(seat, found)| {
            hot.put_seat(id, seat, seat_epoch);
            if found.id == license {
                hot.put_license(license, found, license_epoch);
            }
        })
        .await
    }

    /// A license of the product's vendor, or `None`.
    pub(super) async fn hot_license(&self, product: &HotProduct, id: LicenseId) -> Result<Option<Arc<HotLicense>>> {
        let hot = &self.state().hot;
        let epoch = hot.epoch(&id);
        let scope = product.scope;
        let read = async move {
            let row = licenses::get(&mut self.store().patient_reader(), scope, id).await?;
            Ok(row.map(hot_license))
        };
        let found = self
            .remembered(hot.license(id), Otherwise::Nothing, read, |license| hot.put_license(id, license, epoch))
            .await?;
        Ok(found.map(|found| found.value))
    }

    /// The license of a product that has the key `text`; `None` where the key is unknown, malformed, or of another
    /// product: one answer for all three.
    pub(super) async fn license_by_key(&self, product: &HotProduct, text: &str) -> Result<Option<Arc<HotLicense>>> {
        let Ok(key) = LicenseKey::parse(text) else { return Ok(None) };
        let hot = &self.state().hot;
        for hash in self.vault()?.key_hashes(&key) {
            let slot = (product.product, hash);
            let Some(id) = self.license_id(product, hash).await? else { continue };
            // The license may have got another key since: then this one no longer leads to it.
            match self.hot_license(product, id).await? {
                Some(license) if license.key_hash == hash => return Ok(Some(license)),
                _ => hot.drop_key(slot),
            }
        }
        Ok(None)
    }

    /// The id of the license with a key and the hash by which it was found, as this node knows it: whoever acts on it
    /// compares the hash with that of the license, which may have got another key since.
    pub(super) async fn license_id_by_key(
        &self,
        product: &HotProduct,
        text: &str,
    ) -> Result<Option<(LicenseId, [u8; 32])>> {
        let Ok(key) = LicenseKey::parse(text) else { return Ok(None) };
        for hash in self.vault()?.key_hashes(&key) {
            if let Some(id) = self.license_id(product, hash).await? {
                return Ok(Some((id, hash)));
            }
        }
        Ok(None)
    }

    async fn license_id(&self, product: &HotProduct, hash: [u8; 32]) -> Result<Option<LicenseId>> {
        let hot = &self.state().hot;
        let slot = (product.product, hash);
        let epoch = hot.epoch(&slot);
        let read = self.store().license_of_key(product.product, hash);
        Ok(self
            .remembered(hot.key(slot), Otherwise::Nothing, read, |id| hot.put_key(slot, id, epoch))
            .await?
            .map(|found| found.value))
    }

    /// What is remembered, if it may be relied on; otherwise what `read` finds, kept by `keep`; otherwise, where the
    /// database cannot be asked, what is remembered all the same.
    async fn remembered<T: Clone>(
        &self,
        known: Option<T>,
        otherwise: Otherwise,
        read: impl Future<Output = Result<Option<T>, StoreError>>,
        keep: impl FnOnce(T),
    ) -> Result<Option<Found<T>>> {
        let state = self.state();
        let current = |value| Found { value, current: true };
        if known.is_some() && state.feed.is_fresh() {
            return Ok(known.map(current));
        }
        let way = if known.is_some() { Otherwise::Remembered } else { otherwise };
        match state.continuity.ask(way, read).await {
            Ok(Some(found)) => {
                keep(found.clone());
                Ok(Some(current(found)))
            }
            Ok(None) => Ok(None),
            Err(error) if error.is_retryable() && known.is_some() => {
                tracing::debug!(%error, "using what is remembered while the database is away");
                Ok(known.map(|value| Found { value, current: false }))
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn read_product(&self, id: ProductId) -> Result<Option<Arc<HotProduct>>, StoreError> {
        let mut reader = self.store().reader();
        let Some(row) = products::by_public_id(&mut reader, id).await? else { return Ok(None) };
        let scope = row.scope();
        // The manifest is read before the keys: a manifest that is older than the keys is renewed with the next change,
        // one that is newer than them would be handed out with documents of a key it does not list.
        let own = manifests::get(&mut reader, scope, Some(id)).await?;
        let whole = manifests::get(&mut reader, scope, None).await?;
        // Of two with the same number, the product's own: it exists because the vendor's had no room for every key.
        let newest = whole.into_iter().chain(own).max_by_key(|manifest| manifest.seq);
        let rows = signing_keys::of_product(&mut reader, scope, id).await?;
        let manifest = newest
            .map(|manifest| HotManifest { seq: manifest.seq, document: Arc::new(SignedDocument::new(manifest.token)) });
        let breaker = breakers::get(&mut reader, scope, id).await?;
        let gateways = Some(self.hot_gateways(&gateways::of_product(&mut reader, scope, id).await?));
        Ok(Some(Arc::new(HotProduct { breaker, gateways, ..self.product_with(id, scope, &rows, manifest) })))
    }

    /// A product with these keys and this manifest.
    pub(super) fn product_with(
        &self,
        id: ProductId,
        scope: Scope,
        keys: &[SigningKeyRow],
        manifest: Option<HotManifest>,
    ) -> HotProduct {
        let (keyring, revoked) = keyrings(keys);
        let signer = self.signer(keys);
        let vendor = scope.vendor();
        HotProduct {
            product: id,
            vendor,
            scope,
            product_text: id.to_string(),
            vendor_text: vendor.to_string(),
            signs_until: signer.as_ref().map_or(Timestamp::default(), |(_, until)| *until),
            signer: signer.map(|(key, _)| Arc::new(key)),
            keyring,
            revoked,
            manifest,
            breaker: None,
            gateways: None,
            loaded_at: self.now(),
        }
    }

    /// The newest active key whose seed opens, and until when it may sign. A seed that does not open is the operator's to mend, so it is told to the
    /// log and the product counts as sealed.
    fn signer(&self, rows: &[SigningKeyRow]) -> Option<(SigningKey, Timestamp)> {
        let vault = self.vault().ok()?;
        let now = self.now();
        let active =
            |row: &&SigningKeyRow| row.status == signing_keys::KeyStatus::Active && row.nbf <= now && now < row.exp;
        rows.iter().rev().filter(active).find_map(|row| match keys::open(vault, row) {
            Ok(key) => key.map(|key| (key, row.exp)),
            Err(error) => {
                tracing::error!(kid = row.kid, error = ?error, "a signing key cannot be opened");
                None
            }
        })
    }

    /// Some stored keys with sealed seeds, the newest of them, for the node's test of itself.
    pub(super) async fn sample_signing_keys(&self) -> Result<Vec<SigningKeyRow>> {
        let stored = self.state().continuity.ask(Otherwise::Presented, async {
            let mut reader = self.store().reader();
            signing_keys::all_keys(&mut reader).await
        });
        let mut rows = match (stored.await, self.state().continuity.snapshot()) {
            (Err(error), Some(snapshot)) if error.is_retryable() => snapshot.keys().cloned().collect(),
            (stored, _) => stored?,
        };
        rows.reverse();
        rows.sort_by_key(|row| row.kind != KeyKind::Root);
        rows.truncate(SAMPLE);
        Ok(rows)
    }

    /// The vendor's key manifest (HTTP API, `keys`): the same bytes from every node. [`ErrorCode::NotFound`] where the
    /// vendor is unknown or has none yet.
    pub async fn key_manifest(&self, vendor: VendorId) -> Result<SignedDocument> {
        let mut reader = self.store().reader();
        let not_found = || Error::new(ErrorCode::NotFound);
        let row = vendors::by_public_id(&mut reader, vendor).await?.ok_or_else(not_found)?;
        let manifest = manifests::get(&mut reader, row.scope(), None).await?.ok_or_else(not_found)?;
        Ok(SignedDocument::new(manifest.token))
    }

    /// Whose product it is: for limits that hold for all products of a vendor together.
    ///
    /// # Errors
    /// [`ErrorCode::ProductNotFound`].
    pub async fn vendor_of(&self, product: ProductId) -> Result<VendorId> {
        Ok(self.hot_product(product).await?.vendor)
    }

    /// The newest key manifest that lists the product's keys: the vendor's, or, where that has no room for all keys, one
    /// with this product's alone. What an activation attaches.
    pub async fn product_manifest(&self, product: ProductId) -> Result<SignedDocument> {
        let hot = self.hot_product(product).await?;
        let manifest = hot.manifest.as_ref().ok_or_else(|| Error::new(ErrorCode::NotFound))?;
        Ok(SignedDocument::clone(&manifest.document))
    }
}

fn hot_license(row: LicenseRow) -> Arc<HotLicense> {
    Arc::new(HotLicense { license: row.license, key_hash: row.key_hash })
}

/// The keys that presented documents are verified with: all of them as they are, and the revoked ones alone as if they
/// were not. A key that cannot be loaded is left out.
fn keyrings(rows: &[SigningKeyRow]) -> (Keyring, Option<Keyring>) {
    let entries: Vec<ManifestKey> =
        rows.iter().filter_map(keys::listed).filter_map(|key| ListedKey::entry(&key).ok()).collect();
    let revoked: Vec<ManifestKey> = entries
        .iter()
        .filter(|entry| entry.status == KeyStatus::Revoked)
        .map(|entry| ManifestKey { status: KeyStatus::Retiring, ..entry.clone() })
        .collect();
    let load = |entries: &[ManifestKey]| Keyring::load(entries).unwrap_or_default();
    let revoked = (!revoked.is_empty()).then(|| load(&revoked));
    (load(&entries), revoked)
}
