//! Vendors' portals: how each looks, where it is, and where its plans are renewed and upgraded.

use crate::{
    error::StoreError,
    scope::Scope,
    sql::{Querier, Record as _, all, args, first, record, value},
    tx::Tx,
};
use holdfast_domain::{Code, LicenseId, Name, PlanId, Timestamp, VendorId};

record! {
    /// How a vendor's portal looks, and where it is.
    pub struct PortalRow in "vendor_portals" {
        /// Whose.
        pub vendor: VendorId,
        /// What stands in its address in place of the vendor's id; unique.
        pub short_name: Option<Code>,
        /// The host name that leads to it; unique.
        pub domain: Option<String>,
        /// What it is called; absent for the vendor's own name.
        pub name: Option<Name>,
        /// The accent colour, `#rrggbb`.
        pub accent: Option<String>,
        /// What the address of its picture ends in, where there is one.
        pub logo_hash: Option<String>,
        /// What stands at the way in.
        pub welcome: Option<String>,
        /// What stands below every page.
        pub help: Option<String>,
        /// When it was last changed.
        pub updated_at: Timestamp,
    }
}

impl PortalRow {
    /// The portal of a vendor who has set nothing.
    pub const fn new(vendor: VendorId) -> Self {
        Self {
            vendor,
            short_name: None,
            domain: None,
            name: None,
            accent: None,
            logo_hash: None,
            welcome: None,
            help: None,
            updated_at: Timestamp::from_micros(0),
        }
    }
}

/// What the vendor has set for its portal.
pub async fn get(q: &mut dyn Querier, scope: Scope) -> Result<Option<PortalRow>, StoreError> {
    let sql = format!("SELECT {} FROM vendor_portals WHERE vendor = $1", PortalRow::COLUMNS);
    first(q, sql, args![scope.vendor()]).await
}

/// The vendor whose portal has that short name: as public as the vendor's id.
pub async fn by_short_name(q: &mut dyn Querier, name: &Code) -> Result<Option<VendorId>, StoreError> {
    value(q, "SELECT vendor FROM vendor_portals WHERE short_name = $1", args![name]).await
}

/// The vendor to whose portal that host name leads.
pub async fn by_domain(q: &mut dyn Querier, domain: &str) -> Result<Option<VendorId>, StoreError> {
    value(q, "SELECT vendor FROM vendor_portals WHERE domain = $1", args![domain]).await
}

/// Saves how the portal of the scope's vendor looks, all but its picture; `portal.vendor` is ignored in favour of the scope.
/// [`crate::Constraint::PortalShortName`] or [`crate::Constraint::PortalDomain`] where another vendor has that.
pub async fn put(tx: &mut Tx, scope: Scope, portal: &PortalRow) -> Result<(), StoreError> {
    let sql = "INSERT INTO vendor_portals (vendor, short_name, domain, name, accent, welcome, help, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (vendor) DO UPDATE SET short_name = $2, domain = $3, name = $4, accent = $5, welcome = $6, help = $7,
            updated_at = $8";
    let p = portal;
    let args = args![scope.vendor(), p.short_name, p.domain, p.name, p.accent, p.welcome, p.help, p.updated_at];
    tx.rows(sql.into(), args).await.map(|_| ())
}

/// A picture as it is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logo {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Their content type.
    pub kind: String,
    /// What its address ends in: follows from the bytes.
    pub hash: String,
}

/// The picture of the vendor's portal.
pub async fn logo(q: &mut dyn Querier, scope: Scope) -> Result<Option<Logo>, StoreError> {
    let sql = "SELECT logo, logo_type, logo_hash FROM vendor_portals WHERE vendor = $1 AND logo IS NOT NULL";
    let rows = q.rows(sql.into(), args![scope.vendor()]).await?;
    rows.first().map(|row| Ok(Logo { bytes: row.get(0)?, kind: row.get(1)?, hash: row.get(2)? })).transpose()
}

/// Saves the picture of the portal of the scope's vendor, or takes it away.
pub async fn put_logo(tx: &mut Tx, scope: Scope, logo: Option<&Logo>, now: Timestamp) -> Result<(), StoreError> {
    let sql = "INSERT INTO vendor_portals (vendor, logo, logo_type, logo_hash, updated_at) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (vendor) DO UPDATE SET logo = $2, logo_type = $3, logo_hash = $4, updated_at = $5";
    let (bytes, kind, hash) = (logo.map(|l| &l.bytes), logo.map(|l| &l.kind), logo.map(|l| &l.hash));
    tx.rows(sql.into(), args![scope.vendor(), bytes, kind, hash, now]).await.map(|_| ())
}

record! {
    /// Where the portal sends whoever wants to renew or upgrade a license of a plan.
    pub struct PlanLinksRow in "plan_links" {
        /// Whose plan.
        pub vendor: VendorId,
        /// The plan.
        pub plan: PlanId,
        /// Where it is renewed.
        pub renew: Option<String>,
        /// Where it is upgraded.
        pub upgrade: Option<String>,
    }
}

/// A plan's link for one license: `{license}` in it is the license's id.
pub fn link_for(link: &str, license: LicenseId) -> String {
    link.replace("{license}", &license.to_string())
}

/// The links of those plans of the scope's vendor that have any.
pub async fn links(q: &mut dyn Querier, scope: Scope, plans: &[PlanId]) -> Result<Vec<PlanLinksRow>, StoreError> {
    let mut found = Vec::new();
    for chunk in plans.chunks(200) {
        let mut args = args![scope.vendor()];
        let among = q.dialect().any_of("plan", chunk.iter().map(crate::sql::ToArg::arg), &mut args);
        let sql = format!("SELECT {} FROM plan_links WHERE vendor = $1 AND {among}", PlanLinksRow::COLUMNS);
        found.extend(all::<PlanLinksRow>(q, sql, args).await?);
    }
    Ok(found)
}

/// Saves the links of a plan of the scope's vendor. [`crate::Constraint::Reference`] where it has no such plan.
pub async fn put_links(tx: &mut Tx, scope: Scope, links: &PlanLinksRow) -> Result<(), StoreError> {
    let sql = "INSERT INTO plan_links (vendor, plan, renew, upgrade) VALUES ($1, $2, $3, $4)
        ON CONFLICT (plan) DO UPDATE SET renew = $3, upgrade = $4 WHERE plan_links.vendor = $1";
    tx.rows(sql.into(), args![scope.vendor(), links.plan, links.renew, links.upgrade]).await.map(|_| ())
}
