//! Lists as members want to see them again.

use crate::{
    error::StoreError,
    scope::Scope,
    sql::{Querier, Record as _, all, args, bare, record},
    tx::Tx,
};
use holdfast_domain::{MemberId, Name, SavedViewId, Timestamp, VendorId};

record! {
    /// A list as somebody wants to see it again.
    pub struct SavedViewRow in "saved_views" {
        /// Its id.
        pub id: SavedViewId,
        /// Whose.
        pub vendor: VendorId,
        /// Who made it.
        pub member: MemberId,
        /// Which list.
        pub list: String,
        /// Its name.
        pub name: Name,
        /// The query of the address.
        pub query: String,
        /// Since when everybody of the vendor sees it.
        pub shared_at: Option<Timestamp>,
        /// When it was saved.
        pub created_at: Timestamp,
    }
}

/// How many views of one list are read at most.
pub const MOST: usize = 200;

/// Saves a view of the scope's vendor; `view.vendor` is ignored in its favour.
pub async fn insert(tx: &mut Tx, scope: Scope, view: &SavedViewRow) -> Result<(), StoreError> {
    let v = view;
    let row = args![v.id, scope.vendor(), v.member, v.list, v.name, v.query, v.shared_at, v.created_at];
    tx.insert("saved_views", &bare(SavedViewRow::COLUMNS, "saved_views"), &[row], "").await.map(|_| ())
}

/// The views of a list that `member` sees: their own and those of everybody, the oldest first.
pub async fn list(
    q: &mut dyn Querier,
    scope: Scope,
    list: &str,
    member: Option<MemberId>,
) -> Result<Vec<SavedViewRow>, StoreError> {
    let sql = format!(
        "SELECT {} FROM saved_views WHERE vendor = $1 AND list = $2 AND (shared_at IS NOT NULL OR member = $3)
         ORDER BY id LIMIT {MOST}",
        SavedViewRow::COLUMNS
    );
    all(q, sql, args![scope.vendor(), list, member]).await
}

/// A view of the scope's vendor.
pub async fn get(q: &mut dyn Querier, scope: Scope, id: SavedViewId) -> Result<Option<SavedViewRow>, StoreError> {
    let sql = format!("SELECT {} FROM saved_views WHERE vendor = $1 AND id = $2", SavedViewRow::COLUMNS);
    crate::sql::first(q, sql, args![scope.vendor(), id]).await
}

/// Forgets a view. False where there is none.
pub async fn delete(tx: &mut Tx, scope: Scope, id: SavedViewId) -> Result<bool, StoreError> {
    let sql = "DELETE FROM saved_views WHERE vendor = $1 AND id = $2 RETURNING id";
    Ok(!tx.rows(sql.into(), args![scope.vendor(), id]).await?.is_empty())
}
