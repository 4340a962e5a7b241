//! Links for a new password: who may choose one without knowing theirs. Found by the hash of the link's secret, which is not
//! stored itself. They are kept with what passkeys are asked to sign, which works once and runs out as well.

use crate::{
    error::StoreError,
    factors::{Purpose, put_challenge, take_challenge},
    scope::Scope,
    sql::{Querier, Record as _, args, first, record},
    tx::Tx,
};
use holdfast_domain::{MemberId, Timestamp, VendorId};

record! {
    /// A link that has not run out.
    pub struct LinkRow in "challenges" {
        /// Whose member.
        pub vendor: VendorId,
        /// Whose password.
        pub member: MemberId,
        /// Until when it works.
        pub expires_at: Timestamp,
    }
}

impl LinkRow {
    /// The data of the member's vendor.
    pub const fn scope(&self) -> Scope {
        Scope::of(self.vendor)
    }
}

/// Makes a link for a member, in place of the one before.
pub async fn put(
    tx: &mut Tx,
    scope: Scope,
    member: MemberId,
    hash: [u8; 32],
    expires_at: Timestamp,
) -> Result<(), StoreError> {
    end(tx, scope, member).await?;
    put_challenge(tx, scope, member, hash, Purpose::Password, expires_at).await
}

/// The link of that hash, of whichever vendor, unless it was used, replaced or has run out.
pub async fn by_hash(q: &mut dyn Querier, hash: [u8; 32], now: Timestamp) -> Result<Option<LinkRow>, StoreError> {
    let sql =
        format!("SELECT {} FROM challenges WHERE hash = $1 AND purpose = $2 AND expires_at > $3", LinkRow::COLUMNS);
    first(q, sql, args![hash, Purpose::Password, now]).await
}

/// Uses a link up. Of two at once, one gets true.
pub async fn take(
    tx: &mut Tx,
    scope: Scope,
    member: MemberId,
    hash: [u8; 32],
    now: Timestamp,
) -> Result<bool, StoreError> {
    take_challenge(tx, scope, member, hash, Purpose::Password, now).await
}

/// Ends a member's link: what it was made for has changed.
pub(crate) async fn end(tx: &mut Tx, scope: Scope, member: MemberId) -> Result<(), StoreError> {
    let sql = "DELETE FROM challenges WHERE vendor = $1 AND member = $2 AND purpose = $3";
    tx.rows(sql.into(), args![scope.vendor(), member, Purpose::Password]).await.map(|_| ())
}

/// Ends every link of the vendor.
pub async fn end_all(tx: &mut Tx, scope: Scope) -> Result<(), StoreError> {
    let sql = "DELETE FROM challenges WHERE vendor = $1 AND purpose = $2";
    tx.rows(sql.into(), args![scope.vendor(), Purpose::Password]).await.map(|_| ())
}
