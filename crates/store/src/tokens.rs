//! API tokens: stored as hashes, with scopes.

use crate::{
    error::StoreError,
    page::{KeyType, ListError, Page, PageRequest, SortKey, SortValue, Window},
    scope::Scope,
    search::having,
    sql::{Querier, Record as _, all, args, bare, first, record, through},
    tx::Tx,
};
use holdfast_domain::{MemberId, Name, Permission, Role, Timestamp, TokenId, VendorId};

/// What a token may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permissions(pub Vec<Permission>);

through! {
    Permissions: String,
        |permissions| permissions.0.iter().map(|p| p.as_str()).collect::<Vec<_>>().join(" "),
        |stored| stored.split_whitespace().map(Permission::from_name).collect::<Option<Vec<_>>>().map(Permissions);
}

record! {
    /// An API token.
    pub struct TokenRow in "api_tokens" {
        /// Its id.
        pub id: TokenId,
        /// Whose.
        pub vendor: VendorId,
        /// What it is called.
        pub name: Name,
        /// SHA-256 of its text ([`holdfast_domain::token::ApiToken::hash`]).
        pub hash: [u8; 32],
        /// Its first characters.
        pub hint: String,
        /// What it may do.
        pub permissions: Permissions,
        /// Who made it, by hand or by a token of theirs; absent for the command line.
        pub created_by: Option<MemberId>,
        /// When it was made.
        pub created_at: Timestamp,
        /// When it ends.
        pub expires_at: Option<Timestamp>,
        /// When it was revoked.
        pub revoked_at: Option<Timestamp>,
        /// When it was last used, to the minute.
        pub last_used_at: Option<Timestamp>,
    }
}

impl TokenRow {
    /// The data of the token's vendor.
    pub const fn scope(&self) -> Scope {
        Scope::of(self.vendor)
    }
}

/// Stores a token of the scope's vendor; `token.vendor` is ignored in its favour.
pub async fn insert(tx: &mut Tx, scope: Scope, token: &TokenRow) -> Result<(), StoreError> {
    let sql = format!(
        "INSERT INTO api_tokens ({}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        bare(TokenRow::COLUMNS, "api_tokens")
    );
    let t = token;
    let args = args![
        t.id,
        scope.vendor(),
        t.name,
        t.hash,
        t.hint,
        t.permissions,
        t.created_by,
        t.created_at,
        t.expires_at,
        t.revoked_at,
        t.last_used_at
    ];
    tx.rows(sql.into(), args).await.map(|_| ())
}

/// The token of that hash, unless it has ended or was revoked, and the role that its maker has now.
pub async fn by_hash(
    q: &mut dyn Querier,
    hash: [u8; 32],
    now: Timestamp,
) -> Result<Option<(TokenRow, Option<Role>)>, StoreError> {
    let sql = format!(
        "SELECT {}, members.role FROM api_tokens
         LEFT JOIN members ON members.vendor = api_tokens.vendor AND members.id = api_tokens.created_by
         WHERE api_tokens.hash = $1 AND api_tokens.revoked_at IS NULL
            AND (api_tokens.expires_at IS NULL OR api_tokens.expires_at > $2)",
        TokenRow::COLUMNS
    );
    let rows = q.rows(sql.into(), args![hash, now]).await?;
    rows.first().map(|row| Ok((TokenRow::read_at(row, 0)?, row.get(TokenRow::WIDTH)?))).transpose()
}

/// The tokens that a member made and that can still be used.
pub async fn of_maker(
    q: &mut dyn Querier,
    scope: Scope,
    maker: MemberId,
    now: Timestamp,
) -> Result<Vec<TokenRow>, StoreError> {
    let sql = format!(
        "SELECT {} FROM api_tokens WHERE vendor = $1 AND created_by = $2 AND revoked_at IS NULL
            AND (expires_at IS NULL OR expires_at > $3) ORDER BY id",
        TokenRow::COLUMNS
    );
    all(q, sql, args![scope.vendor(), maker, now]).await
}

/// A token of the scope's vendor.
pub async fn get(q: &mut dyn Querier, scope: Scope, id: TokenId) -> Result<Option<TokenRow>, StoreError> {
    let sql = format!("SELECT {} FROM api_tokens WHERE vendor = $1 AND id = $2", TokenRow::COLUMNS);
    first(q, sql, args![scope.vendor(), id]).await
}

/// The same, locked until the commit.
pub async fn lock(tx: &mut Tx, scope: Scope, id: TokenId) -> Result<Option<TokenRow>, StoreError> {
    let lock = tx.dialect().lock_rows();
    let sql = format!("SELECT {} FROM api_tokens WHERE vendor = $1 AND id = $2{lock}", TokenRow::COLUMNS);
    first(tx, sql, args![scope.vendor(), id]).await
}

/// Revokes a token. False where there is none that could be revoked.
pub async fn revoke(tx: &mut Tx, scope: Scope, id: TokenId, now: Timestamp) -> Result<bool, StoreError> {
    let sql = "UPDATE api_tokens SET revoked_at = $3 WHERE vendor = $1 AND id = $2 AND revoked_at IS NULL RETURNING id";
    Ok(!tx.rows(sql.into(), args![scope.vendor(), id, now]).await?.is_empty())
}

/// Notes that a token was used.
pub async fn touch(tx: &mut Tx, scope: Scope, id: TokenId, now: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE api_tokens SET last_used_at = $3 WHERE vendor = $1 AND id = $2
        AND (last_used_at IS NULL OR last_used_at < $3)";
    tx.rows(sql.into(), args![scope.vendor(), id, now]).await.map(|_| ())
}

/// The vendor's tokens by time of creation, revoked ones included; with `search` those with it in their name or first characters.
pub async fn list(
    q: &mut dyn Querier,
    scope: Scope,
    search: Option<&str>,
    page: &PageRequest<()>,
) -> Result<Page<TokenRow>, ListError> {
    let mut filter = crate::page::Filter::default();
    filter.and("api_tokens.vendor = ?", args![scope.vendor()]);
    having(&mut filter, &["api_tokens.name", "api_tokens.hint"], search);
    let key = SortKey { name: "created", expression: "api_tokens.id", kind: KeyType::Id };
    let window = Window::new(&filter, page, &key, "api_tokens.id")?;
    let total = crate::page::count(q, "api_tokens", &filter).await?;
    let rows = window.rows::<TokenRow>(q, "api_tokens").await?;
    Ok(window.page(rows, total, |row| (SortValue::Id, row.id.to_bytes())))
}
