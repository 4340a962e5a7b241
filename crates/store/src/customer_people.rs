//! People of customers: who comes in to the portal.

use crate::{
    error::StoreError,
    scope::Scope,
    sql::{Querier, Record as _, all, args, bare, first, record},
    tx::Tx,
};
use holdfast_domain::{CustomerId, CustomerPersonId, CustomerRole, Email, Name, Timestamp, VendorId};

/// The greatest number of people of a customer.
pub const MOST: usize = 500;

record! {
    /// A person of a customer.
    pub struct CustomerPersonRow in "customer_people" {
        /// Their id.
        pub id: CustomerPersonId,
        /// Whose customer it is.
        pub vendor: VendorId,
        /// The customer.
        pub customer: CustomerId,
        /// Their address; unique among the customer's people.
        pub email: Email,
        /// Their name, where it is known.
        pub name: Option<Name>,
        /// What they are there.
        pub role: CustomerRole,
        /// When they were made.
        pub created_at: Timestamp,
        /// When they last signed in.
        pub last_login_at: Option<Timestamp>,
    }
}

/// Stores a person of a customer of the scope's vendor; `person.vendor` is ignored in its favour. False where the customer
/// has somebody of that address.
pub async fn insert(tx: &mut Tx, scope: Scope, person: &CustomerPersonRow) -> Result<bool, StoreError> {
    let sql = format!(
        "INSERT INTO customer_people ({}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (customer, email) DO NOTHING RETURNING 1",
        bare(CustomerPersonRow::COLUMNS, "customer_people")
    );
    let p = person;
    let args = args![p.id, scope.vendor(), p.customer, p.email, p.name, p.role, p.created_at, p.last_login_at];
    Ok(!tx.rows(sql.into(), args).await?.is_empty())
}

/// A person of a customer of the scope's vendor.
pub async fn get(
    q: &mut dyn Querier,
    scope: Scope,
    id: CustomerPersonId,
) -> Result<Option<CustomerPersonRow>, StoreError> {
    let sql = format!("SELECT {} FROM customer_people WHERE vendor = $1 AND id = $2", CustomerPersonRow::COLUMNS);
    first(q, sql, args![scope.vendor(), id]).await
}

/// The people of a customer by address, at most [`MOST`].
pub async fn of_customer(
    q: &mut dyn Querier,
    scope: Scope,
    customer: CustomerId,
) -> Result<Vec<CustomerPersonRow>, StoreError> {
    let sql = format!(
        "SELECT {} FROM customer_people WHERE vendor = $1 AND customer = $2 ORDER BY email LIMIT {MOST}",
        CustomerPersonRow::COLUMNS
    );
    all(q, sql, args![scope.vendor(), customer]).await
}

/// The same, locked until the commit.
pub async fn lock_of_customer(
    tx: &mut Tx,
    scope: Scope,
    customer: CustomerId,
) -> Result<Vec<CustomerPersonRow>, StoreError> {
    let lock = tx.dialect().lock_rows();
    let sql = format!(
        "SELECT {} FROM customer_people WHERE vendor = $1 AND customer = $2 ORDER BY customer_people.id{lock}",
        CustomerPersonRow::COLUMNS
    );
    all(tx, sql, args![scope.vendor(), customer]).await
}

/// Everybody of that address, of whichever customer of the scope's vendor: whoever came last first, at most 50.
pub async fn by_email(q: &mut dyn Querier, scope: Scope, email: &Email) -> Result<Vec<CustomerPersonRow>, StoreError> {
    let sql = format!(
        "SELECT {} FROM customer_people WHERE vendor = $1 AND email = $2
         ORDER BY COALESCE(last_login_at, 0) DESC, id LIMIT 50",
        CustomerPersonRow::COLUMNS
    );
    all(q, sql, args![scope.vendor(), email]).await
}

/// Gives a person another role. False where there is no such person.
pub async fn set_role(tx: &mut Tx, scope: Scope, id: CustomerPersonId, role: CustomerRole) -> Result<bool, StoreError> {
    let sql = "UPDATE customer_people SET role = $3 WHERE vendor = $1 AND id = $2 RETURNING 1";
    Ok(!tx.rows(sql.into(), args![scope.vendor(), id, role]).await?.is_empty())
}

/// Notes that a person has signed in.
pub async fn signed_in(tx: &mut Tx, scope: Scope, id: CustomerPersonId, now: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE customer_people SET last_login_at = $3 WHERE vendor = $1 AND id = $2";
    tx.rows(sql.into(), args![scope.vendor(), id, now]).await.map(|_| ())
}

/// Removes a person, and with them their sessions. False where there is no such person.
pub async fn remove(tx: &mut Tx, scope: Scope, id: CustomerPersonId) -> Result<bool, StoreError> {
    let sql = "DELETE FROM customer_people WHERE vendor = $1 AND id = $2 RETURNING 1";
    Ok(!tx.rows(sql.into(), args![scope.vendor(), id]).await?.is_empty())
}

/// Removes whoever of a customer has that address, and with them their sessions.
pub async fn remove_address(tx: &mut Tx, scope: Scope, customer: CustomerId, email: &Email) -> Result<(), StoreError> {
    let sql = "DELETE FROM customer_people WHERE vendor = $1 AND customer = $2 AND email = $3";
    tx.rows(sql.into(), args![scope.vendor(), customer, email]).await.map(|_| ())
}
