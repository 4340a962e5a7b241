//! The outbox: what is to be told to the outside, written in the transaction of the change it follows from: by the audit log,
//! for vendors with webhooks, and by whoever announces alerts. Whoever delivers takes it out by number and puts it in line for
//! each webhook, in one transaction; nothing of it is lost when a process ends between the commit and the delivery.

use crate::{
    error::StoreError,
    sql::{Arg, Querier, Record as _, all, args, bare, record},
    tx::{NewEvent, Tx},
};
use holdfast_domain::{Timestamp, VendorId, webhook};

record! {
    /// A message.
    pub struct MessageRow in "outbox" {
        /// Its number. Numbers have gaps; those about one subject grow in the order of what happened.
        pub number: i64,
        /// Whose people are told; absent for those who run the installation.
        pub vendor: Option<VendorId>,
        /// What happened: `alert.raised`, ….
        pub topic: String,
        /// What it happened to, of a seat its license. Messages about one subject are delivered in their order.
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
    tx.insert("outbox", COLUMNS, &rows, "").await.map(|_| ())
}

/// The condition for those that webhooks are told of. What is for others, or for a newer version, stays where it is.
pub(crate) fn for_webhooks() -> String {
    let topics: Vec<String> = webhook::TOPICS.iter().map(|(topic, _)| format!("'{topic}'")).collect();
    format!("topic IN ({})", topics.join(", "))
}

/// Takes the oldest messages for webhooks out of the outbox, in their order, at most `limit`: for whoever hands them out, in
/// the same transaction and one node at a time.
pub async fn take(tx: &mut Tx, limit: u32) -> Result<Vec<MessageRow>, StoreError> {
    let sql = format!(
        "DELETE FROM outbox WHERE number IN (SELECT number FROM outbox WHERE {} ORDER BY number LIMIT {limit}) RETURNING {}",
        for_webhooks(),
        bare(MessageRow::COLUMNS, "outbox")
    );
    let mut taken: Vec<MessageRow> = all(tx, sql, Vec::new()).await?;
    taken.sort_unstable_by_key(|message| message.number);
    Ok(taken)
}

/// Whether there is nothing for webhooks in the outbox.
pub async fn is_empty(q: &mut dyn Querier) -> Result<bool, StoreError> {
    let sql = format!("SELECT 1 FROM outbox WHERE {} LIMIT 1", for_webhooks());
    Ok(q.rows(sql.into(), Vec::new()).await?.is_empty())
}

/// An audit event as webhooks are told of it; `None` where they are not. What happens to a seat is told in the order of its
/// license, which its event names.
pub(crate) fn of_event(event: &NewEvent, number: i64) -> Option<Vec<Arg>> {
    if !webhook::is_told(event.action) {
        return None;
    }
    let license = event.data.get("license").and_then(serde_json::Value::as_str);
    let subject = license.filter(|_| event.action.starts_with("seat.")).unwrap_or(&event.subject);
    let data = serde_json::json!({
        "event": event.id, "number": number, "subject": event.subject, "actor": event.actor, "details": event.data,
    });
    Some(args![event.action, event.vendor, subject, data.to_string(), event.at])
}

/// The columns of [`of_event`].
pub(crate) const COLUMNS: &str = "topic, vendor, subject, data, at";

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
