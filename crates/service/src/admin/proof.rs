//! Proving that a backup can be restored: looking through what was restored, and recording that it held.
//!
//! For an operator with a shell on the machine, and for the job that takes the backups.

use crate::{
    Error, ErrorCode, Service,
    runtime::{keys, status::check_key},
};
use holdfast_domain::{EventHash, Seconds, Timestamp, VendorId};
use holdfast_lease::{PublicKey, RootKeys, verify_manifest};
use holdfast_store::{
    Scope, StoreError, WriteOptions,
    events::{self, Verdict},
    manifests, proofs,
    signing_keys::{self, KeyKind, SigningKeyRow},
    vendors,
};
use std::time::Duration;

pub use holdfast_store::proofs::ProofRow;

/// How old a backup may be to prove anything: an older one says nothing of those that are taken now.
const NEW_ENOUGH: Seconds = Seconds::days(7);

/// What was found in a restored database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// Licenses.
    pub licenses: i64,
    /// Taken seats.
    pub seats: i64,
    /// Events of all audit logs.
    pub events: i64,
    /// Signing keys that were opened, and signed something that verifies.
    pub keys: usize,
    /// Key manifests that verify under a root key.
    pub manifests: usize,
    /// The last moment of which it knows anything.
    pub as_of: Option<Timestamp>,
    /// How each vendor's audit log ends.
    heads: Vec<(VendorId, i64, EventHash)>,
}

/// Why a restore proves nothing.
#[derive(Debug, thiserror::Error)]
pub enum Unproved {
    /// It holds no vendor.
    #[error("it is empty: no vendor is in it")]
    Empty,
    /// Counts that are kept differ from what is there.
    #[error("{0} licenses or lists in it count other rows than there are")]
    Miscounted(i64),
    /// An audit log does not hold.
    #[error("the audit log of {vendor} is broken in it at event {number}")]
    Broken {
        /// Whose.
        vendor: VendorId,
        /// The first event at which it does not hold.
        number: i64,
    },
    /// None of its keys can sign.
    #[error("no signing key in it can be opened")]
    NoKeys,
    /// A stored manifest is not signed by a root key of its vendor.
    #[error("the key manifest of {0} in it does not verify under that vendor's root key")]
    Manifest(VendorId),
    /// It is another installation's, or its past is another one.
    #[error("it is not a backup of this installation: event {number} of the audit log of {vendor} is another one here")]
    Foreign {
        /// Whose.
        vendor: VendorId,
        /// The last event of the backup.
        number: i64,
    },
    /// It is too old.
    #[error("it is a backup of more than 7 days ago, which says nothing of those that are taken now: prove the newest")]
    Old,
    /// It could not be looked at.
    #[error(transparent)]
    Failed(#[from] Error),
}

impl From<StoreError> for Unproved {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

impl Service {
    /// Looks through everything in this service's database, which was just restored: counts, audit logs, signing keys and
    /// what they sign. Reads whole tables.
    ///
    /// # Errors
    /// What does not hold; [`ErrorCode::Sealed`] without the master key, without which a restored database signs nothing.
    pub async fn look_through(&self) -> Result<Restored, Unproved> {
        let (vault, now) = (self.vault()?, self.now().seconds());
        let mut reader = self.store().reader();
        let held = proofs::holdings(&mut reader).await?;
        if held.miscounted > 0 {
            return Err(Unproved::Miscounted(held.miscounted));
        }
        let mut found = Restored {
            licenses: held.licenses,
            seats: held.seats,
            events: 0,
            keys: 0,
            manifests: 0,
            as_of: held.as_of,
            heads: Vec::new(),
        };
        for vendor in vendors::all_vendors(&mut reader).await? {
            let (scope, vendor) = (vendor.scope(), vendor.id);
            match events::verify(&mut reader, scope).await? {
                Verdict::Whole { events, head } => {
                    found.events += events;
                    found.heads.push((vendor, events, head));
                }
                Verdict::Broken { number } => return Err(Unproved::Broken { vendor, number }),
            }
            let rows = signing_keys::of_vendor(&mut reader, scope).await?;
            for row in &rows {
                if let Some(key) = keys::open(vault, row)? {
                    check_key(&key, now)?;
                    found.keys += 1;
                }
            }
            if let Some(manifest) = manifests::get(&mut reader, scope, None).await? {
                if !is_signed(&manifest.token, &rows) {
                    return Err(Unproved::Manifest(vendor));
                }
                found.manifests += 1;
            }
        }
        match (found.heads.is_empty(), found.keys) {
            (true, _) => Err(Unproved::Empty),
            (_, 0) => Err(Unproved::NoKeys),
            _ => Ok(found),
        }
    }

    /// Records in this service's database, which is the installation's own, that `restored` came from a backup of it and
    /// held, and that this `took` so long.
    ///
    /// # Errors
    /// Where it is not from a backup of this installation, or from an old one.
    pub async fn record_proof(&self, restored: &Restored, took: Duration) -> Result<(), Unproved> {
        let now = self.now();
        for (vendor, number, hash) in &restored.heads {
            let own = proofs::hash_of_event(&mut self.store().reader(), *vendor, *number).await?;
            if own != Some(*hash) {
                return Err(Unproved::Foreign { vendor: *vendor, number: *number });
            }
        }
        let backup_at = restored.as_of.filter(|at| now.since(*at) <= NEW_ENOUGH).ok_or(Unproved::Old)?;
        let proof = ProofRow {
            proved_at: now,
            backup_at,
            took: i64::try_from(took.as_micros()).unwrap_or(i64::MAX),
            licenses: restored.licenses,
            seats: restored.seats,
        };
        self.store()
            .write(WriteOptions::default().idempotent(), move |tx| {
                let proof = proof.clone();
                Box::pin(async move { proofs::record(tx, &proof).await.map_err(Error::from) })
            })
            .await?;
        Ok(())
    }

    /// The last restore that was proved, and since when the installation exists; `None` where it has no vendor yet.
    pub async fn last_proof(&self) -> Result<Option<(Option<ProofRow>, Timestamp)>, Error> {
        let mut reader = self.store().reader();
        let Some(installed_at) = proofs::installed_at(&mut reader).await? else { return Ok(None) };
        Ok(Some((proofs::last(&mut reader).await?, installed_at)))
    }

    /// The endpoints that the key manifests in the database announce to applications, each once, in the order of the
    /// oldest vendor's.
    pub async fn announced_endpoints(&self) -> Result<Vec<String>, Error> {
        let mut reader = self.store().reader();
        let mut announced: Vec<String> = Vec::new();
        for vendor in vendors::all_vendors(&mut reader).await? {
            let manifest = manifests::get(&mut reader, Scope::trusted(vendor.id), None).await?;
            for endpoint in manifest.map(|row| crate::runtime::endpoints_of(&row.token)).unwrap_or_default() {
                if !announced.contains(&endpoint) {
                    announced.push(endpoint);
                }
            }
        }
        Ok(announced)
    }
}

/// Whether one of the root keys among `rows` signed the manifest.
fn is_signed(token: &str, rows: &[SigningKeyRow]) -> bool {
    let roots = rows.iter().filter(|row| row.kind == KeyKind::Root);
    let mut keys = roots.filter_map(|row| PublicKey::from_bytes(&row.public_key).ok());
    keys.any(|key| verify_manifest(token.as_bytes(), &RootKeys::one(key)).is_ok())
}

/// A node without the master key proves nothing, and should say what is missing.
impl Unproved {
    /// Whether the master key is missing, or is not the one under which the backup's keys are sealed.
    pub fn is_sealed(&self) -> bool {
        matches!(self, Self::Failed(error) if error.code == ErrorCode::Sealed)
    }
}
