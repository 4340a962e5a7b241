//! Gateways: which other systems' clients a product answers, and with what.

use crate::{
    error::StoreError,
    scope::Scope,
    sql::{Querier, Record as _, all, args, bare, record},
    tx::Tx,
};
use holdfast_domain::{GatewayKind, ProductId, Timestamp, VendorId};

record! {
    /// A gateway of a product, once it was switched on.
    pub struct GatewayRow in "gateways" {
        /// The product.
        pub product: ProductId,
        /// Whose clients it answers.
        pub kind: GatewayKind,
        /// Whose product it is.
        pub vendor: VendorId,
        /// Since when it is off again; absent while it is on.
        pub switched_off_at: Option<Timestamp>,
        /// What its clients are answered with, as JSON.
        pub settings: String,
        /// What its signing key is called.
        pub kid: Option<String>,
        /// The raw public key.
        pub public_key: Option<[u8; 32]>,
        /// The sealed seed.
        pub seed_sealed: Option<Vec<u8>>,
        /// When it was switched on for the first time.
        pub created_at: Timestamp,
        /// When it was last changed.
        pub updated_at: Timestamp,
    }
}

impl GatewayRow {
    /// Whether it answers.
    pub const fn is_on(&self) -> bool {
        self.switched_off_at.is_none()
    }
}

/// The gateways of a product of the scope's vendor.
pub async fn of_product(q: &mut dyn Querier, scope: Scope, product: ProductId) -> Result<Vec<GatewayRow>, StoreError> {
    let sql = format!("SELECT {} FROM gateways WHERE vendor = $1 AND product = $2 ORDER BY kind", GatewayRow::COLUMNS);
    all(q, sql, args![scope.vendor(), product]).await
}

/// Stores a gateway of a product of the scope's vendor, or what has changed of it; when it was first switched on stays.
pub async fn put(tx: &mut Tx, scope: Scope, gateway: &GatewayRow) -> Result<(), StoreError> {
    let sql = format!(
        "INSERT INTO gateways ({}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         ON CONFLICT (product, kind) DO UPDATE SET switched_off_at = excluded.switched_off_at,
            settings = excluded.settings, kid = excluded.kid, public_key = excluded.public_key,
            seed_sealed = excluded.seed_sealed, updated_at = excluded.updated_at
         WHERE gateways.vendor = excluded.vendor",
        bare(GatewayRow::COLUMNS, "gateways")
    );
    let g = gateway;
    let args = args![
        g.product,
        g.kind,
        scope.vendor(),
        g.switched_off_at,
        g.settings,
        g.kid,
        g.public_key,
        g.seed_sealed,
        g.created_at,
        g.updated_at
    ];
    tx.rows(sql.into(), args).await.map(|_| ())
}
