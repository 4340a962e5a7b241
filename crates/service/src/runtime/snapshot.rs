//! What a node keeps on its disk, sealed, to start without the database: keys, manifests, and who is denied.

use super::{
    hot::{HotManifest, HotProduct},
    request::SignedDocument,
};
use crate::{Error, Result, Service, vault::Purpose};
use holdfast_domain::{LicenseId, LicenseState, ProductId, SeatId, Timestamp, VendorId};
use holdfast_store::{
    Scope, licenses, manifests, products, seats,
    signing_keys::{KeyKind, KeyStatus, SigningKeyRow},
    vendors,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

/// What the sealed bytes are bound to.
const ROW: &[u8] = b"continuity-snapshot";
/// The form of the file. Another one is not read: the node then waits for the database, as without a snapshot.
const FORM: u32 = 1;

/// What was known at a moment.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Snapshot {
    form: u32,
    /// When the database said so.
    pub known_at: Timestamp,
    /// Whether the database says that this node runs.
    pub listed: bool,
    /// The number of the last change that is in it.
    position: i64,
    products: BTreeMap<ProductId, Kept>,
    licenses: HashSet<LicenseId>,
    seats: HashSet<SeatId>,
    /// Of each vendor the root key that signs for the longest, and until when. Earlier versions kept none.
    #[serde(default)]
    roots: BTreeMap<VendorId, (String, Timestamp)>,
}

/// When a key ends that has no successor yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyEnding {
    /// Its name in documents.
    pub kid: String,
    /// Root or issuing.
    pub kind: KeyKind,
    /// The last moment at which it may sign.
    pub at: Timestamp,
}

#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    vendor: VendorId,
    keys: Vec<SigningKeyRow>,
    manifest: Option<(i64, String)>,
}

impl Snapshot {
    /// Whether that license or seat was denied when the snapshot was taken.
    pub fn denies(&self, license: LicenseId, seat: SeatId) -> bool {
        self.licenses.contains(&license) || self.seats.contains(&seat)
    }

    /// Of each product and each vendor the key that signs for the longest: those that end first, at most `most` of a kind.
    fn ending(&self, most: usize) -> Vec<KeyEnding> {
        let issuing = self.products.values().filter_map(|kept| newest(&kept.keys));
        let roots = self.roots.values().cloned();
        let first = |kind, mut found: Vec<(String, Timestamp)>| {
            found.sort_unstable_by_key(|(_, until)| *until);
            found.truncate(most);
            found.into_iter().map(move |(kid, at)| KeyEnding { kid, kind, at })
        };
        first(KeyKind::Issuing, issuing.collect()).chain(first(KeyKind::Root, roots.collect())).collect()
    }

    /// Some of the signing keys, for the node's test of itself.
    pub fn keys(&self) -> impl Iterator<Item = &SigningKeyRow> {
        self.products.values().flat_map(|kept| &kept.keys)
    }
}

/// The name and end of the active key that signs for the longest.
fn newest(keys: &[SigningKeyRow]) -> Option<(String, Timestamp)> {
    let active = keys.iter().filter(|key| key.status == KeyStatus::Active);
    active.max_by_key(|key| key.exp).map(|key| (key.kid.clone(), key.exp))
}

impl Service {
    /// The keys that end first and have no successor yet; at most `most` issuing and as many root keys.
    pub fn keys_ending(&self, most: usize) -> Vec<KeyEnding> {
        self.state().continuity.snapshot().map(|snapshot| snapshot.ending(most)).unwrap_or_default()
    }

    /// What this node needs to start without the database, sealed under the master key; `None` where nothing has changed
    /// since the last one that was kept and that is not an hour old. Reads the database.
    ///
    /// # Errors
    /// [`crate::ErrorCode::Sealed`] without the master key; [`crate::ErrorCode::Unavailable`] without the database.
    pub async fn take_snapshot(&self) -> Result<Option<Vec<u8>>> {
        let vault = self.vault()?;
        let (position, known_at) = (self.state().feed.position(), self.now());
        let continuity = &self.state().continuity;
        let listed = continuity.is_listed();
        let last = continuity.snapshot();
        let is_same = |last: &Snapshot| {
            last.position == position && last.listed == listed && known_at.since(last.known_at).0 < 3_600
        };
        if continuity.is_kept() && last.is_some_and(|last| is_same(&last)) {
            return Ok(None);
        }
        let mut reader = self.store().reader();
        let (mut kept, mut denied_licenses, mut denied_seats) = (BTreeMap::new(), HashSet::new(), HashSet::new());
        for row in products::all_products(&mut reader).await? {
            let (scope, id) = (row.scope(), row.id);
            let keys = holdfast_store::signing_keys::of_product(&mut reader, scope, id).await?;
            let own = manifests::get(&mut reader, scope, Some(id)).await?;
            let whole = manifests::get(&mut reader, scope, None).await?;
            let newest = whole.into_iter().chain(own).max_by_key(|manifest| manifest.seq);
            let manifest = newest.map(|manifest| (manifest.seq, manifest.token));
            kept.insert(id, Kept { vendor: row.vendor, keys, manifest });
            for state in [LicenseState::Revoked, LicenseState::Suspended] {
                denied_licenses.extend(licenses::denied(&mut reader, scope, id, state).await?);
            }
            denied_seats.extend(seats::released_with_running_lease(&mut reader, scope, id, known_at).await?);
        }
        let mut roots = BTreeMap::new();
        for vendor in vendors::all_vendors(&mut reader).await? {
            let keys = holdfast_store::signing_keys::roots(&mut reader, vendor.scope()).await?;
            roots.extend(newest(&keys).map(|root| (vendor.id, root)));
        }
        let snapshot = Snapshot {
            form: FORM,
            known_at,
            listed,
            position,
            products: kept,
            licenses: denied_licenses,
            seats: denied_seats,
            roots,
        };
        let text = serde_json::to_vec(&snapshot).map_err(Error::internal)?;
        let sealed = vault.seal(Purpose::NodeState, ROW, &text, self.entropy())?;
        continuity.put_snapshot(Arc::new(snapshot));
        continuity.set_kept(false);
        Ok(Some(sealed))
    }

    /// Notes that what was taken last is on the disk, so that the next one is taken only when anything has changed.
    pub fn snapshot_is_kept(&self) {
        self.state().continuity.set_kept(true);
    }

    /// Lets this node go on from a snapshot that it took earlier. Returns of when it is.
    ///
    /// # Errors
    /// [`crate::ErrorCode::Sealed`] where another master key sealed it, [`crate::ErrorCode::Internal`] where it is
    /// damaged, of another form, or from a time that has not come yet.
    pub fn load_snapshot(&self, sealed: &[u8]) -> Result<Timestamp> {
        let text = self.vault()?.open(Purpose::NodeState, ROW, sealed)?;
        let snapshot: Snapshot = serde_json::from_slice(&text).map_err(Error::internal)?;
        if snapshot.form != FORM {
            return Err(Error::internal("the snapshot is of another form"));
        }
        if snapshot.known_at > self.now() {
            return Err(Error::internal("the snapshot is from the future: the clock is wrong"));
        }
        let continuity = &self.state().continuity;
        continuity.set_listed(snapshot.listed);
        let known_at = snapshot.known_at;
        continuity.put_snapshot(Arc::new(snapshot));
        Ok(known_at)
    }

    /// A product as the snapshot has it.
    pub(super) fn product_of_snapshot(&self, id: ProductId) -> Option<Arc<HotProduct>> {
        let snapshot = self.state().continuity.snapshot()?;
        let kept = snapshot.products.get(&id)?;
        let manifest = kept
            .manifest
            .as_ref()
            .map(|(seq, token)| HotManifest { seq: *seq, document: Arc::new(SignedDocument::new(token.clone())) });
        Some(Arc::new(self.product_with(id, Scope::trusted(kept.vendor), &kept.keys, manifest)))
    }
}
