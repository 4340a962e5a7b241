//! The outbox: what is to be told to the outside, written in the transaction of the change it follows from. Whoever delivers
//! reads it by number; nothing of it is lost when a process ends between the commit and the delivery.

use crate::{
    error::StoreError,
    sql::{Querier, Record as _, all, args, record},
    tx::Tx,
};
use holdfast_domain::{Timestamp, VendorId};

record! {
    /// A message.
    pub struct MessageRow in "outbox" {
        /// Its number. Numbers have gaps; those about one subject grow in the order of what happened.
        pub number: i64,
        /// Whose people are told; absent for those who run the installation.
        pub vendor: Option<VendorId>,
        /// What happened: `alert.raised`, ….
        pub topic: String,
        /// What it happened to. Messages about one subject are delivered in their order.
        pub subject: String,
        /// What is told, as JSON.
        pub data: String,
        /// When it happened.
        pub at: Timestamp,
    }
}

/// A message to be put into the outbox.
#[derive(Clone, Debug)]
pub struct NewMessage {
    /// Whose people are told; absent for those who run the installation.
    pub vendor: Option<VendorId>,
    /// What happened.
    pub topic: &'static str,
    /// What it happened to.
    pub subject: String,
    /// What is told.
    pub data: serde_json::Value,
    /// When it happened.
    pub at: Timestamp,
}

/// Puts messages into the outbox, in this order.
pub async fn put(tx: &mut Tx, messages: &[NewMessage]) -> Result<(), StoreError> {
    let rows: Vec<_> = messages.iter().map(|m| args![m.topic, m.vendor, m.subject, m.data.to_string(), m.at]).collect();
    tx.insert("outbox", "topic, vendor, subject, data, at", &rows, "").await.map(|_| ())
}

/// The messages after number `after`, in their order, at most `limit`.
pub async fn after(q: &mut dyn Querier, after: i64, limit: u32) -> Result<Vec<MessageRow>, StoreError> {
    let sql = format!("SELECT {} FROM outbox WHERE number > $1 ORDER BY number LIMIT {limit}", MessageRow::COLUMNS);
    all(q, sql, args![after]).await
}

/// Forgets messages from before `before`. Returns how many.
pub async fn prune(tx: &mut Tx, before: Timestamp) -> Result<u64, StoreError> {
    let sql = "DELETE FROM outbox WHERE at < $1 RETURNING number";
    Ok(tx.rows(sql.into(), args![before]).await?.len() as u64)
}
