//! Licenses of an import, made ready in pieces and then inserted in one transaction.

use super::{BARE, NewLicense, values};
use crate::{
    error::StoreError,
    scope::Scope,
    sql::{Arg, Querier as _, args},
    tx::{Counted, Tx},
};
use holdfast_domain::{ImportId, Source};

/// Puts `new` aside as piece number `piece` of an import of the scope's vendor. Nothing reads them but [`insert_staged`].
pub async fn stage(
    tx: &mut Tx,
    scope: Scope,
    import: ImportId,
    piece: i64,
    new: &[NewLicense],
) -> Result<(), StoreError> {
    if crate::imports::get(tx, scope, import).await?.is_none() {
        return Err(StoreError::Conflict(crate::Constraint::Reference));
    }
    let rows: Vec<Vec<Arg>> = new
        .iter()
        .map(|new| {
            let mut row = args![import, piece];
            row.extend(values(scope, new));
            row
        })
        .collect();
    tx.insert("import_licenses", &format!("import, piece, {BARE}"), &rows, "").await.map(|_| ())
}

/// Inserts everything that was put aside for the import, pieces 0 to below `pieces`, a piece at a time, so that no statement
/// takes long, and marks it as coming from `source`. Returns how many licenses came into being. [`crate::Constraint::LicenseKey`] where the product has one of
/// the keys already.
pub async fn insert_staged(
    tx: &mut Tx,
    scope: Scope,
    import: ImportId,
    source: Source,
    pieces: i64,
) -> Result<u64, StoreError> {
    let count = "SELECT count(*) FROM import_licenses WHERE import = $1 AND vendor = $2";
    let staged: i64 = crate::sql::value(tx, count, args![import, scope.vendor()]).await?.unwrap_or(0);
    let sql = format!(
        "INSERT INTO licenses ({BARE}) SELECT {BARE} FROM import_licenses
         WHERE import = $1 AND vendor = $2 AND piece = $3"
    );
    for piece in 0..pieces {
        tx.rows(sql.clone().into(), args![import, scope.vendor(), piece]).await?;
        crate::migrated::mark_staged(tx, scope, import, source, piece).await?;
    }
    tx.counted(scope.vendor(), Counted::Licenses, staged);
    Ok(u64::try_from(staged).unwrap_or(0))
}

/// Throws away what was put aside for the import, ten pieces at a time. Returns whether there was something.
pub async fn unstage(tx: &mut Tx, scope: Scope, import: ImportId) -> Result<bool, StoreError> {
    let sql = "SELECT min(piece) FROM import_licenses WHERE import = $1 AND vendor = $2";
    let first: Option<i64> = crate::sql::value(tx, sql, args![import, scope.vendor()]).await?.flatten();
    let Some(first) = first else { return Ok(false) };
    let sql = "DELETE FROM import_licenses WHERE import = $1 AND vendor = $2 AND piece >= $3 AND piece < $4";
    tx.rows(sql.into(), args![import, scope.vendor(), first, first + 10]).await?;
    Ok(true)
}
