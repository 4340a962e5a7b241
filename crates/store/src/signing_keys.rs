//! Root and issuing keys: public halves, and seeds sealed under the master key.

use crate::{
    error::StoreError,
    scope::Scope,
    sql::{Querier, Record as _, all, args, bare, first, record, stored_enum},
    tx::Tx,
};
use holdfast_domain::{ProductId, SigningKeyId, Timestamp, VendorId};

stored_enum! {
    /// What a key is for.
    pub enum KeyKind {
        /// Signs the vendor's key manifests.
        Root = "root",
        /// Signs a product's documents.
        Issuing = "issuing",
    }
}

stored_enum! {
    /// The status of a key in the manifest (lease profile, "Key manifest claims").
    pub enum KeyStatus {
        /// Signs.
        Active = "active",
        /// Signs no more; what it signed is valid until it ends.
        Retiring = "retiring",
        /// Was stolen: what it signed is refused.
        Revoked = "revoked",
    }
}

record! {
    /// A signing key.
    #[derive(serde::Serialize, serde::Deserialize)]
    pub struct SigningKeyRow in "signing_keys" {
        /// Its id.
        pub id: SigningKeyId,
        /// Whose.
        pub vendor: VendorId,
        /// For which product; absent for a root key.
        pub product: Option<ProductId>,
        /// Root or issuing.
        pub kind: KeyKind,
        /// Its name in documents (lease profile, `kid`).
        pub kid: String,
        /// The raw public key.
        pub public_key: [u8; 32],
        /// The sealed seed; absent where the vendor keeps it off line.
        pub seed_sealed: Option<Vec<u8>>,
        /// What it may sign: a JSON list of names.
        pub uses: String,
        /// Whether it signs.
        pub status: KeyStatus,
        /// Not valid before.
        pub nbf: Timestamp,
        /// Not valid from then on.
        pub exp: Timestamp,
        /// When it was made.
        pub created_at: Timestamp,
        /// When it was revoked.
        pub revoked_at: Option<Timestamp>,
    }
}

/// Stores a key of the scope's vendor; `key.vendor` is ignored in its favour.
pub async fn insert(tx: &mut Tx, scope: Scope, key: &SigningKeyRow) -> Result<(), StoreError> {
    let sql = format!(
        "INSERT INTO signing_keys ({}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        bare(SigningKeyRow::COLUMNS, "signing_keys")
    );
    let k = key;
    let args = args![
        k.id,
        scope.vendor(),
        k.product,
        k.kind,
        k.kid,
        k.public_key,
        k.seed_sealed,
        k.uses,
        k.status,
        k.nbf,
        k.exp,
        k.created_at,
        k.revoked_at
    ];
    tx.rows(sql.into(), args).await.map(|_| ())
}

/// All keys of the vendor, the oldest first.
pub async fn of_vendor(q: &mut dyn Querier, scope: Scope) -> Result<Vec<SigningKeyRow>, StoreError> {
    let sql = format!("SELECT {} FROM signing_keys WHERE vendor = $1 ORDER BY id", SigningKeyRow::COLUMNS);
    all(q, sql, args![scope.vendor()]).await
}

/// All issuing keys of a product, the oldest first.
pub async fn of_product(
    q: &mut dyn Querier,
    scope: Scope,
    product: ProductId,
) -> Result<Vec<SigningKeyRow>, StoreError> {
    let sql =
        format!("SELECT {} FROM signing_keys WHERE vendor = $1 AND product = $2 ORDER BY id", SigningKeyRow::COLUMNS);
    all(q, sql, args![scope.vendor(), product]).await
}

/// The vendor's root keys, the oldest first.
pub async fn roots(q: &mut dyn Querier, scope: Scope) -> Result<Vec<SigningKeyRow>, StoreError> {
    let sql =
        format!("SELECT {} FROM signing_keys WHERE vendor = $1 AND kind = 'root' ORDER BY id", SigningKeyRow::COLUMNS);
    all(q, sql, args![scope.vendor()]).await
}

/// Every key of every vendor, the oldest first: what a node unseals when it starts.
pub async fn all_keys(q: &mut dyn Querier) -> Result<Vec<SigningKeyRow>, StoreError> {
    all(q, format!("SELECT {} FROM signing_keys ORDER BY id", SigningKeyRow::COLUMNS), Vec::new()).await
}

/// A key of the vendor.
pub async fn get(q: &mut dyn Querier, scope: Scope, id: SigningKeyId) -> Result<Option<SigningKeyRow>, StoreError> {
    let sql = format!("SELECT {} FROM signing_keys WHERE vendor = $1 AND id = $2", SigningKeyRow::COLUMNS);
    first(q, sql, args![scope.vendor(), id]).await
}

/// Changes a key's status and end. A revoked key stays revoked: false, as where there is no such key.
pub async fn set_status(
    tx: &mut Tx,
    scope: Scope,
    id: SigningKeyId,
    status: KeyStatus,
    exp: Timestamp,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let revoked_at = (status == KeyStatus::Revoked).then_some(now);
    let sql = "UPDATE signing_keys SET status = $3, exp = $4, revoked_at = $5
        WHERE vendor = $1 AND id = $2 AND status <> 'revoked' RETURNING id";
    Ok(!tx.rows(sql.into(), args![scope.vendor(), id, status, exp, revoked_at]).await?.is_empty())
}

/// Replaces a key's sealed seed: after a change of the master key, or to take it off line (`None`).
pub async fn set_sealed_seed(
    tx: &mut Tx,
    scope: Scope,
    id: SigningKeyId,
    sealed: Option<&Vec<u8>>,
) -> Result<bool, StoreError> {
    let sql = "UPDATE signing_keys SET seed_sealed = $3 WHERE vendor = $1 AND id = $2 RETURNING id";
    Ok(!tx.rows(sql.into(), args![scope.vendor(), id, sealed]).await?.is_empty())
}
