//! Finding a device by what it is called.

use crate::{
    error::StoreError,
    scope::Scope,
    sql::{Querier, ToArg, args},
};
use holdfast_domain::{LicenseId, Name, SeatId, Timestamp};

/// Among how many seats a device is looked for: those that were seen last.
const LOOKED_AT: usize = 2_000;

/// A seat whose device has a name.
#[derive(Clone, Debug)]
pub struct NamedSeat {
    /// The seat.
    pub id: SeatId,
    /// Of which license.
    pub license: LicenseId,
    /// What the device is called.
    pub name: Name,
    /// The last characters of the license's key.
    pub key_hint: String,
    /// When the device was seen last.
    pub last_seen_at: Timestamp,
}

/// The seats whose device's name has `text` in it, whatever its case: at most `limit`, those seen last first, and of the
/// vendor's seats only those that were seen last.
pub async fn named(q: &mut dyn Querier, scope: Scope, text: &str, limit: usize) -> Result<Vec<NamedSeat>, StoreError> {
    let vendor = scope.vendor();
    let sql =
        format!("SELECT id, name FROM seats WHERE vendor = $1 ORDER BY last_seen_at DESC, id DESC LIMIT {LOOKED_AT}");
    let text = crate::customers::folded(text);
    let mut found = Vec::new();
    for row in q.rows(sql.into(), args![vendor]).await? {
        let name: Option<Name> = row.get(1)?;
        if name.is_some_and(|name| crate::customers::folded(name.as_str()).contains(&text)) {
            found.push(row.get::<SeatId>(0)?);
            if found.len() == limit {
                break;
            }
        }
    }
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let mut args = args![vendor];
    let among = q.dialect().any_of("seats.id", found.iter().map(ToArg::arg), &mut args);
    let sql = format!(
        "SELECT seats.id, seats.license, seats.name, licenses.key_hint, seats.last_seen_at FROM seats
         JOIN licenses ON licenses.vendor = seats.vendor AND licenses.id = seats.license
         WHERE seats.vendor = $1 AND {among} ORDER BY seats.last_seen_at DESC, seats.id DESC"
    );
    let rows = q.rows(sql.into(), args).await?;
    let read = |row: &crate::sql::Row| {
        Ok(NamedSeat {
            id: row.get(0)?,
            license: row.get(1)?,
            name: row.get(2)?,
            key_hint: row.get(3)?,
            last_seen_at: row.get(4)?,
        })
    };
    rows.iter().map(read).collect()
}
