//! Signing keys: a vendor's root key and its products' issuing keys, made, rotated, revoked and listed in manifests.
//!
//! Only seeds are kept, sealed; the public key is derived and compared whenever a seed is opened. A root seed is optional:
//! a vendor may keep it off line, and then no new manifest is signed here.

use super::manifest::{self, BACKDATED, Frame, ListedKey, ROTATE_AFTER, SIGNING_LIFE};
use crate::{
    Error, ErrorCode, Result, Service,
    actor::Call,
    admin::act::{Act, job},
    vault::{Purpose, Vault},
};
use holdfast_domain::{
    Entropy, Permission, ProductId, ReasonText, Seconds, SigningKeyId, Timestamp, VendorId, entropy::random_bytes,
};
use holdfast_lease::{PublicKey, SigningKey};
use holdfast_store::{
    NewChange, Querier, Scope, Tx, WriteOptions,
    changes::ChangeKind,
    manifests::{self, ManifestRow},
    products,
    signing_keys::{self, KeyKind, KeyStatus, SigningKeyRow},
    vendors,
};
use serde_json::json;
use zeroize::Zeroizing;

/// How long a replaced key may still sign: nodes that are cut off for days go on with it.
const OVERLAP: Seconds = Seconds::days(7);
/// A root key is pinned in shipped applications, so it outlives them.
const ROOT_LIFE: Seconds = Seconds::days(36_525);

/// An issuing or root key as it may be shown.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct KeyView {
    /// Its id.
    pub id: SigningKeyId,
    /// Its name in documents.
    pub kid: String,
    /// The raw public key in base64url.
    pub public_key: String,
    /// For which product; absent for a root key.
    pub product: Option<ProductId>,
    /// `active`, `retiring` or `revoked`.
    pub status: String,
    /// Not valid before.
    pub not_before: Timestamp,
    /// Signs nothing after.
    pub not_after: Timestamp,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// Whether its seed is here, sealed. False for a root key kept off line.
    pub can_sign: bool,
}

impl KeyView {
    fn of(row: &SigningKeyRow) -> Result<Self> {
        Ok(Self {
            id: row.id,
            kid: row.kid.clone(),
            public_key: PublicKey::from_bytes(&row.public_key).map_err(Error::internal)?.to_b64u(),
            product: row.product,
            status: status_name(row.status).to_owned(),
            not_before: row.nbf,
            not_after: row.exp,
            revoked_at: row.revoked_at,
            can_sign: row.seed_sealed.is_some(),
        })
    }
}

const fn status_name(status: KeyStatus) -> &'static str {
    match status {
        KeyStatus::Active => "active",
        KeyStatus::Retiring => "retiring",
        KeyStatus::Revoked => "revoked",
    }
}

const fn purpose(kind: KeyKind) -> Purpose {
    match kind {
        KeyKind::Root => Purpose::RootSeed,
        KeyKind::Issuing => Purpose::IssuingSeed,
    }
}

/// A new key with its seed sealed, ready to be stored: a root key where `product` is `None`, otherwise an issuing key.
fn generate(
    vault: &Vault,
    vendor: VendorId,
    product: Option<ProductId>,
    now: Timestamp,
    entropy: &dyn Entropy,
) -> Result<SigningKeyRow> {
    let seed = Zeroizing::new(random_bytes::<32>(entropy));
    let public = SigningKey::from_seed(&seed).public_key();
    let id = SigningKeyId::new(now, entropy);
    let (kind, uses, life) = match product {
        None => (KeyKind::Root, r#"["keys"]"#, ROOT_LIFE),
        Some(_) => (KeyKind::Issuing, r#"["lease","denial","revocations"]"#, SIGNING_LIFE),
    };
    Ok(SigningKeyRow {
        id,
        vendor,
        product,
        kind,
        kid: public.kid().to_string(),
        public_key: public.to_bytes(),
        seed_sealed: Some(vault.seal(purpose(kind), &id.to_bytes(), &*seed, entropy)?),
        uses: uses.to_owned(),
        status: KeyStatus::Active,
        nbf: now.plus(Seconds(-BACKDATED.0)),
        exp: now.plus(life),
        created_at: now,
        revoked_at: None,
    })
}

/// Opens a stored key's seed and compares the key it makes with the stored public half. `None` where the seed is not
/// here. Fails where the master key is another one, and where the row was changed by other hands.
pub(crate) fn open(vault: &Vault, row: &SigningKeyRow) -> Result<Option<SigningKey>> {
    let Some(sealed) = &row.seed_sealed else { return Ok(None) };
    let seed = vault.open(purpose(row.kind), &row.id.to_bytes(), sealed)?;
    let seed: Zeroizing<[u8; 32]> =
        Zeroizing::new(seed.as_slice().try_into().map_err(|_| Error::internal("a sealed seed is not 32 bytes long"))?);
    let key = SigningKey::from_seed(&seed);
    if key.public_key().to_bytes() == row.public_key {
        Ok(Some(key))
    } else {
        Err(Error::internal("a stored public key is not the one of its seed"))
    }
}

/// Creates a new vendor's root key within the transaction that creates the vendor. Returns the public key that
/// applications pin. [`ErrorCode::Sealed`] on a node without the master key.
pub async fn new_root(service: &Service, tx: &mut Tx, scope: Scope, now: Timestamp) -> Result<PublicKey> {
    let row = generate(service.vault()?, scope.vendor(), None, now, service.entropy())?;
    signing_keys::insert(tx, scope, &row).await?;
    publish(service, tx, scope, now).await?;
    PublicKey::from_bytes(&row.public_key).map_err(Error::internal)
}

/// Creates a product's first issuing key within the transaction that creates the product, and publishes it.
pub async fn new_issuing(
    service: &Service,
    tx: &mut Tx,
    scope: Scope,
    product: ProductId,
    now: Timestamp,
) -> Result<String> {
    let row = generate(service.vault()?, scope.vendor(), Some(product), now, service.entropy())?;
    signing_keys::insert(tx, scope, &row).await?;
    publish(service, tx, scope, now).await?;
    Ok(row.kid)
}

/// Signs and stores a new manifest of the vendor's keys and tells every node. Where the root seed is off line, the keys
/// are changed all the same and the last manifest stays until the vendor signs a new one.
pub(crate) async fn publish(service: &Service, tx: &mut Tx, scope: Scope, now: Timestamp) -> Result<()> {
    tx.change(NewChange {
        vendor: scope.vendor(),
        product: None,
        kind: ChangeKind::SigningKey,
        subject: scope.vendor().to_bytes(),
        at: now,
    });
    // Taken before the keys are read: it locks the vendor's row, so that of two changes at once the second lists what the
    // first has added.
    let seq = vendors::next_manifest_seq(tx, scope).await?;
    let rows = signing_keys::of_vendor(tx, scope).await?;
    let roots = rows.iter().filter(|row| row.kind == KeyKind::Root && row.status == KeyStatus::Active);
    let mut root = None;
    for row in roots {
        root = open(service.vault()?, row)?.or(root);
    }
    let Some(root) = root else {
        tracing::warn!(vendor = %scope.vendor(), "keys changed, and the root key that must sign the list is off line");
        return Ok(());
    };
    let keys: Vec<ListedKey> = rows.iter().filter_map(listed).collect();
    let endpoints = &service.settings().endpoints;
    let frame = Frame { vendor: scope.vendor(), seq, issued: now.seconds(), endpoints };
    let signed = manifest::sign(&frame, &keys, |_| true, &root)?;
    let row = |token| ManifestRow { seq, token, signed_at: now };
    manifests::put(tx, scope, None, &row(signed.token)).await?;
    if !signed.complete {
        let mut products: Vec<ProductId> = keys.iter().map(|key| key.product).collect();
        products.sort_unstable();
        products.dedup();
        for product in products {
            let signed = manifest::sign(&frame, &keys, |key| key.product == product, &root)?;
            manifests::put(tx, scope, Some(product), &row(signed.token)).await?;
        }
    }
    Ok(())
}

/// An issuing key as a manifest lists it; `None` for a root key.
pub(crate) fn listed(row: &SigningKeyRow) -> Option<ListedKey> {
    let status = match row.status {
        KeyStatus::Active => holdfast_lease::KeyStatus::Active,
        KeyStatus::Retiring => holdfast_lease::KeyStatus::Retiring,
        KeyStatus::Revoked => holdfast_lease::KeyStatus::Revoked,
    };
    Some(ListedKey {
        product: row.product?,
        public_key: row.public_key,
        status,
        not_before: row.nbf,
        not_after: row.exp,
    })
}

/// Replaces every active issuing key of a product by a new one, within a transaction. Returns the new key's name.
async fn rotate(
    service: &Service,
    tx: &mut Tx,
    scope: Scope,
    product: ProductId,
    now: Timestamp,
) -> Result<(String, Vec<String>)> {
    let mut retired = Vec::new();
    for row in signing_keys::of_product(tx, scope, product).await? {
        if row.status == KeyStatus::Active {
            let until = row.exp.min(now.plus(OVERLAP));
            signing_keys::set_status(tx, scope, row.id, KeyStatus::Retiring, until, now).await?;
            retired.push(row.kid);
        }
    }
    let kid = new_issuing(service, tx, scope, product, now).await?;
    Ok((kid, retired))
}

fn check_step_up(call: &Call, now: Timestamp) -> Result<()> {
    call.actor.require(Permission::KeysWrite)?;
    call.actor.require_fresh(now)
}

/// Replaces the product's issuing keys in a write job and tells of it. Returns the new key's name.
pub(crate) async fn rotate_now(act: &Act, tx: &mut Tx, product: ProductId) -> Result<String> {
    require_product(tx, act.scope, product).await?;
    let (kid, retired) = rotate(&act.service, tx, act.scope, product, act.now).await?;
    act.event(tx, "key.rotated", product, json!({ "before": { "kids": retired }, "after": { "kid": kid } }));
    Ok(kid)
}

/// Revokes an issuing key in a write job, makes a new one where it was the active one, and tells of it.
pub(crate) async fn revoke_now(
    act: &Act,
    tx: &mut Tx,
    product: ProductId,
    kid: &str,
    reason: &ReasonText,
) -> Result<()> {
    let rows = signing_keys::of_product(tx, act.scope, product).await?;
    let row = rows.iter().find(|row| row.kid == kid).ok_or_else(|| Error::new(ErrorCode::NotFound))?;
    if !signing_keys::set_status(tx, act.scope, row.id, KeyStatus::Revoked, row.exp, act.now).await? {
        return Ok(());
    }
    let others = rows.iter().any(|other| other.id != row.id && other.status == KeyStatus::Active);
    if others {
        publish(&act.service, tx, act.scope, act.now).await?;
    } else {
        new_issuing(&act.service, tx, act.scope, product, act.now).await?;
    }
    let data = json!({
        "product": product, "before": { "status": status_name(row.status) }, "after": { "status": "revoked" },
        "reason": reason,
    });
    act.event(tx, "key.revoked", kid, data);
    Ok(())
}

impl Service {
    /// Replaces the product's issuing key by a new one. The old one signs nothing new once every node knows, and stays in
    /// the manifest for the leases it signed. Returns the new key's name.
    ///
    /// Needs [`Permission::KeysWrite`], and of a person a sign-in within 10 minutes.
    pub async fn rotate_issuing_keys(&self, call: &Call, product: ProductId) -> Result<String> {
        check_step_up(call, self.now())?;
        let act = self.act(call);
        let rotate = job!(act => |tx| rotate_now(&act, tx, product).await);
        let kid = self.commit(call, WriteOptions::alone(), rotate).await?;
        self.state().hot.drop_vendor(act.scope.vendor());
        Ok(kid)
    }

    /// Revokes an issuing key that may be in other hands, and makes a new one where it was the active one. What the key
    /// signed proves nothing any more; seats known to the database go on with their next renewal.
    ///
    /// Needs [`Permission::KeysWrite`], and of a person a sign-in within 10 minutes.
    pub async fn revoke_issuing_key(
        &self,
        call: &Call,
        product: ProductId,
        kid: &str,
        reason: &ReasonText,
    ) -> Result<()> {
        check_step_up(call, self.now())?;
        let (act, kid, reason) = (self.act(call), kid.to_owned(), reason.clone());
        let revoke = job!(act, kid, reason => |tx| revoke_now(&act, tx, product, &kid, &reason).await);
        self.commit(call, WriteOptions::alone(), revoke).await?;
        self.state().hot.drop_vendor(act.scope.vendor());
        Ok(())
    }

    /// The raw public key, in base64url, that the vendor's applications pin: that of the newest active root key.
    pub async fn root_public_key(&self, vendor: VendorId) -> Result<String> {
        let mut reader = self.store().reader();
        let scope = vendors::by_public_id(&mut reader, vendor).await?.ok_or_else(|| Error::new(ErrorCode::NotFound))?;
        let rows = signing_keys::of_vendor(&mut reader, scope.scope()).await?;
        let root = rows.iter().rev().find(|row| row.kind == KeyKind::Root && row.status == KeyStatus::Active);
        let root = root.ok_or_else(|| Error::internal("a vendor without a root key"))?;
        Ok(KeyView::of(root)?.public_key)
    }

    /// The vendor's keys, public halves only, the oldest first. Needs [`Permission::CatalogRead`].
    pub async fn signing_keys(&self, call: &Call) -> Result<Vec<KeyView>> {
        call.actor.require(Permission::CatalogRead)?;
        let rows = signing_keys::of_vendor(&mut self.store().reader(), Scope::trusted(call.actor.vendor())).await?;
        rows.iter().map(KeyView::of).collect()
    }

    /// Rotates every issuing key that is 90 days old and returns how many products got a new one.
    pub(super) async fn rotate_due_keys(&self) -> Result<usize> {
        let now = self.now();
        let mut reader = self.store().reader();
        let mut rotated = 0;
        for vendor in vendors::all_vendors(&mut reader).await? {
            let scope = vendor.scope();
            let rows = signing_keys::of_vendor(&mut reader, scope).await?;
            let due = |row: &&SigningKeyRow| is_due(row, now);
            let products: std::collections::BTreeSet<ProductId> =
                rows.iter().filter(due).filter_map(|row| row.product).collect();
            for product in products {
                rotated += usize::from(self.rotate_if_due(scope, product).await?);
            }
        }
        Ok(rotated)
    }

    /// Publishes every manifest anew that does not name the endpoints the operator has set. Done once per start: nodes
    /// with different settings must not overwrite each other's for ever.
    pub(super) async fn publish_endpoints(&self) -> Result<()> {
        for vendor in vendors::all_vendors(&mut self.store().reader()).await? {
            self.publish_if_outdated(vendor.scope()).await?;
        }
        Ok(())
    }

    /// Rotates the product's issuing key where it is 90 days old; of several callers at once, one does.
    pub(super) async fn rotate_if_due(&self, scope: Scope, product: ProductId) -> Result<bool> {
        let act = self.act(&Call::system(scope.vendor()));
        let rotate = job!(act => |tx| {
            // Locks the vendor's row first, so that of two nodes that found the key due, one finds it done.
            vendors::next_manifest_seq(tx, scope).await?;
            let rows = signing_keys::of_product(tx, scope, product).await?;
            let active: Vec<&SigningKeyRow> = rows.iter().filter(|row| row.status == KeyStatus::Active).collect();
            if active.is_empty() || !active.iter().all(|row| is_due(row, act.now)) {
                return Ok(false);
            }
            rotate_now(&act, tx, product).await?;
            Ok::<_, Error>(true)
        });
        let rotated = self.store().write(WriteOptions::alone(), rotate).await?;
        if rotated {
            tracing::info!(%product, "an issuing key was rotated");
            self.state().hot.drop_vendor(scope.vendor());
        }
        Ok(rotated)
    }

    /// Publishes the vendor's manifest anew where it does not name the endpoints that the operator has set.
    async fn publish_if_outdated(&self, scope: Scope) -> Result<()> {
        let stored = manifests::get(&mut self.store().reader(), scope, None).await?;
        if stored.is_none_or(|stored| manifest::names_endpoints(&stored.token, &self.settings().endpoints)) {
            return Ok(());
        }
        let service = self.clone();
        self.store()
            .write(WriteOptions::alone(), move |tx| {
                let service = service.clone();
                Box::pin(async move { publish(&service, tx, scope, service.now()).await })
            })
            .await?;
        self.state().hot.drop_vendor(scope.vendor());
        Ok(())
    }
}

fn is_due(row: &SigningKeyRow, now: Timestamp) -> bool {
    row.kind == KeyKind::Issuing && row.status == KeyStatus::Active && now.since(row.created_at) >= ROTATE_AFTER
}

async fn require_product(q: &mut dyn Querier, scope: Scope, product: ProductId) -> Result<()> {
    let found = products::get(q, scope, product).await?;
    found.map(|_| ()).ok_or_else(|| Error::new(ErrorCode::NotFound))
}
