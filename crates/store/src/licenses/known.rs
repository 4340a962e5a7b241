//! Licenses that exist already, found by many key hashes at once: what an import compares its rows with.

use super::LicenseRow;
use crate::{
    error::StoreError,
    scope::Scope,
    sql::{Querier, Record, Row, all, args},
};
use holdfast_domain::{Email, Name, ProductId};

/// A license, with whose it is and what it was bought with.
#[derive(Clone, Debug)]
pub struct KnownLicense {
    /// The license.
    pub row: LicenseRow,
    /// The customer's name.
    pub customer_name: Option<Name>,
    /// The customer's address.
    pub customer_email: Option<Email>,
    /// The number its order has at the provider.
    pub order_external_id: Option<String>,
}

impl Record for KnownLicense {
    const COLUMNS: &'static str = "";
    const WIDTH: usize = LicenseRow::WIDTH + 3;

    fn read_at(row: &Row, at: usize) -> Result<Self, StoreError> {
        Ok(Self {
            row: LicenseRow::read_at(row, at)?,
            customer_name: row.get(at + LicenseRow::WIDTH)?,
            customer_email: row.get(at + LicenseRow::WIDTH + 1)?,
            order_external_id: row.get(at + LicenseRow::WIDTH + 2)?,
        })
    }
}

/// The licenses of a product of the scope's vendor that have one of these key hashes, 500 hashes to a statement.
pub async fn known(
    q: &mut dyn Querier,
    scope: Scope,
    product: ProductId,
    hashes: &[[u8; 32]],
) -> Result<Vec<KnownLicense>, StoreError> {
    let mut found = Vec::new();
    for chunk in hashes.chunks(500) {
        let mut args = args![scope.vendor(), product];
        let licenses = q.dialect().licenses_of_hashes(chunk.iter().map(crate::sql::ToArg::arg), &mut args);
        let sql = format!(
            "SELECT {}, customers.name, customers.email, orders.external_id FROM {licenses}
             LEFT JOIN customers ON customers.vendor = licenses.vendor AND customers.id = licenses.customer
             LEFT JOIN orders ON orders.vendor = licenses.vendor AND orders.id = licenses.order_id
             WHERE licenses.vendor = $1",
            LicenseRow::COLUMNS
        );
        found.extend(all::<KnownLicense>(q, sql, args).await?);
    }
    Ok(found)
}
