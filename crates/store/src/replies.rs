//! Canned replies: texts of a vendor's own with which customers are answered.

use crate::{
    error::StoreError,
    scope::Scope,
    sql::{Querier, Record as _, all, args, bare, first, record},
    tx::Tx,
};
use holdfast_domain::{Name, ReplyId, ReplyText, Timestamp, VendorId};

record! {
    /// A canned reply.
    pub struct ReplyRow in "replies" {
        /// Its id.
        pub id: ReplyId,
        /// Whose.
        pub vendor: VendorId,
        /// What it is called; unique among the vendor's.
        pub name: Name,
        /// What it says, with the names of facts in braces.
        pub text: ReplyText,
        /// When it was made.
        pub created_at: Timestamp,
        /// When it was last changed.
        pub updated_at: Timestamp,
    }
}

/// How many replies are read at most.
pub const MOST: usize = 200;

/// Stores a reply of the scope's vendor; `reply.vendor` is ignored in its favour. [`crate::Constraint::ReplyName`] where
/// another one is called so.
pub async fn insert(tx: &mut Tx, scope: Scope, reply: &ReplyRow) -> Result<(), StoreError> {
    let r = reply;
    let row = args![r.id, scope.vendor(), r.name, r.text, r.created_at, r.updated_at];
    tx.insert("replies", &bare(ReplyRow::COLUMNS, "replies"), &[row], "").await.map(|_| ())
}

/// Gives a reply another name and text. False where there is no such reply.
pub async fn update(tx: &mut Tx, scope: Scope, reply: &ReplyRow) -> Result<bool, StoreError> {
    let sql = "UPDATE replies SET name = $3, text = $4, updated_at = $5 WHERE vendor = $1 AND id = $2 RETURNING id";
    let r = reply;
    Ok(!tx.rows(sql.into(), args![scope.vendor(), r.id, r.name, r.text, r.updated_at]).await?.is_empty())
}

/// Forgets a reply. False where there is no such reply.
pub async fn delete(tx: &mut Tx, scope: Scope, id: ReplyId) -> Result<bool, StoreError> {
    let sql = "DELETE FROM replies WHERE vendor = $1 AND id = $2 RETURNING id";
    Ok(!tx.rows(sql.into(), args![scope.vendor(), id]).await?.is_empty())
}

/// A reply of the scope's vendor.
pub async fn get(q: &mut dyn Querier, scope: Scope, id: ReplyId) -> Result<Option<ReplyRow>, StoreError> {
    let sql = format!("SELECT {} FROM replies WHERE vendor = $1 AND id = $2", ReplyRow::COLUMNS);
    first(q, sql, args![scope.vendor(), id]).await
}

/// The replies of the scope's vendor by name, at most [`MOST`].
pub async fn list(q: &mut dyn Querier, scope: Scope) -> Result<Vec<ReplyRow>, StoreError> {
    let sql = format!("SELECT {} FROM replies WHERE vendor = $1 ORDER BY name LIMIT {MOST}", ReplyRow::COLUMNS);
    all(q, sql, args![scope.vendor()]).await
}
