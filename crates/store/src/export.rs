//! Everything of a vendor, a thousand rows at a time, however many there are.

use crate::{
    customers::CustomerRow,
    db::Db,
    error::StoreError,
    events::EventRow,
    licenses::LicenseRow,
    orders::OrderRow,
    plans::PlanRow,
    products::ProductRow,
    scope::Scope,
    seats::SeatRow,
    sql::{Arg, Record, ToArg as _, all},
};
use futures::stream::{BoxStream, StreamExt as _, TryStreamExt as _, try_unfold};

const CHUNK: usize = 1_000;

/// Something that is exported: the rows of a table, sorted by a key that never changes.
pub trait Exported: Send + Clone + 'static {
    /// The key of this row.
    #[doc(hidden)]
    fn key(&self) -> Arg;
    /// The rows after the one with the key `after`.
    #[doc(hidden)]
    fn chunk(db: Db, scope: Scope, after: Option<Arg>) -> crate::BoxFuture<'static, Result<Vec<Self>, StoreError>>;
}

async fn read<T: Record>(
    db: Db,
    scope: Scope,
    table: &'static str,
    key: &'static str,
    after: Option<Arg>,
) -> Result<Vec<T>, StoreError> {
    let mut args = vec![scope.vendor().arg()];
    let later = if after.is_some() { format!("AND {key} > $2") } else { String::new() };
    args.extend(after);
    let sql = format!("SELECT {} FROM {table} WHERE vendor = $1 {later} ORDER BY {key} LIMIT {CHUNK}", T::COLUMNS);
    all(&mut db.reader(), sql, args).await
}

macro_rules! exported {
    ($($row:ty: $table:literal by $key:literal, |$this:ident| $value:expr;)*) => {$(
        impl Exported for $row {
            fn key(&self) -> Arg {
                let $this = self;
                $value.arg()
            }
            fn chunk(db: Db, scope: Scope, after: Option<Arg>) -> crate::BoxFuture<'static, Result<Vec<Self>, StoreError>> {
                Box::pin(read(db, scope, $table, $key, after))
            }
        }
    )*};
}
exported! {
    ProductRow: "products" by "id", |row| row.id;
    PlanRow: "plans" by "id", |row| row.id;
    CustomerRow: "customers" by "id", |row| row.id;
    OrderRow: "orders" by "id", |row| row.id;
    LicenseRow: "licenses" by "id", |row| row.license.id;
    SeatRow: "seats" by "id", |row| row.seat.id;
    EventRow: "events" by "number", |row| row.number;
}

/// Streams every `T` of the scope's vendor, by id (events by number). Each chunk is read on its own, so a long export
/// keeps no transaction open; rows that come into being meanwhile may or may not be among them.
pub fn stream<T: Exported>(db: &Db, scope: Scope) -> BoxStream<'static, Result<T, StoreError>> {
    let chunks = try_unfold((db.clone(), None::<Arg>, false), move |(db, after, ended)| async move {
        if ended {
            return Ok::<_, StoreError>(None);
        }
        let rows = T::chunk(db.clone(), scope, after).await?;
        let last = rows.last().map(T::key);
        let ended = rows.len() < CHUNK;
        Ok(Some((futures::stream::iter(rows.into_iter().map(Ok)), (db, last, ended))))
    });
    chunks.try_flatten().boxed()
}
