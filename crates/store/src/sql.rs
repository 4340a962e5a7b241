//! Statements, their arguments and their rows: one SQL text for both databases.

use crate::{dialect::Dialect, error::StoreError};
use futures::future::BoxFuture;
use holdfast_domain::{
    AlertId, ApprovalId, BulkActId, Code, Colour, CustomerId, CustomerPersonId, CustomerRole, DeliveryId, DeviceHash,
    Email, Entitlements, EventHash, EventId, FactorId, GatewayKind, ImportId, InboxId, InvitationId, LicenseId,
    LicenseStatus, MailId, MemberId, MessageId, Name, NodeId, NoteId, NoteText, OrderId, PlanId, ProductId, ReasonText,
    ReplyId, ReplyText, Role, SavedViewId, SeatId, SeatState, ShopEventId, ShopId, SigningKeyId, Source, Terms,
    Timestamp, TokenId, TrialId, VendorId, WebhookId,
};
use sqlx::{Row as _, ValueRef as _, postgres::PgRow, sqlite::SqliteRow};
use std::borrow::Cow;
use uuid::Uuid;

/// A bound value, with its type even where it is null.
#[derive(Clone, Debug)]
pub enum Arg {
    /// A whole number or a time in microseconds.
    Int(Option<i64>),
    /// A truth value.
    Bool(Option<bool>),
    /// A text, JSON included.
    Text(Option<String>),
    /// Bytes.
    Bytes(Option<Vec<u8>>),
    /// A 16-byte identifier.
    Id(Option<Uuid>),
    /// Many values of one type (PostgreSQL arrays only).
    Many(Vec<Arg>),
}

/// Something that can be bound to a statement.
pub trait ToArg {
    /// The bound value.
    fn arg(&self) -> Arg;
    /// The null of the same type.
    fn null() -> Arg;
}

/// Something that can be read from a column.
pub trait Column: Sized {
    /// Reads column number `at` of `row`.
    fn read(row: &Row, at: usize) -> Result<Self, StoreError>;
}

/// A row of either database.
#[derive(Debug)]
pub enum Row {
    /// Of SQLite.
    Sqlite(SqliteRow),
    /// Of PostgreSQL.
    Postgres(PgRow),
}

impl Row {
    /// Column number `at`, as a `T`.
    pub(crate) fn get<T: Column>(&self, at: usize) -> Result<T, StoreError> {
        T::read(self, at)
    }

    fn is_null(&self, at: usize) -> Result<bool, StoreError> {
        match self {
            Self::Sqlite(row) => row.try_get_raw(at).map(|v| v.is_null()),
            Self::Postgres(row) => row.try_get_raw(at).map(|v| v.is_null()),
        }
        .map_err(|e| StoreError::corrupt("column", e.to_string()))
    }
}

/// A struct that is read from consecutive columns.
pub(crate) trait Record: Sized {
    /// The columns, qualified with their table, separated by commas.
    const COLUMNS: &'static str;
    /// How many they are.
    const WIDTH: usize;
    /// Reads the struct from the columns that begin at `at`.
    fn read_at(row: &Row, at: usize) -> Result<Self, StoreError>;
}

macro_rules! native {
    ($($type:ty => $variant:ident),* $(,)?) => {$(
        impl Column for $type {
            fn read(row: &Row, at: usize) -> Result<Self, StoreError> {
                match row {
                    Row::Sqlite(row) => row.try_get(at),
                    Row::Postgres(row) => row.try_get(at),
                }
                .map_err(|e| StoreError::corrupt("column", e.to_string()))
            }
        }
        impl ToArg for $type {
            fn arg(&self) -> Arg {
                Arg::$variant(Some(self.clone()))
            }
            fn null() -> Arg {
                Arg::$variant(None)
            }
        }
    )*};
}
native!(i64 => Int, bool => Bool, String => Text, Vec<u8> => Bytes, Uuid => Id);

macro_rules! through {
    ($($type:ty: $base:ty, |$value:ident| $to:expr, |$stored:ident| $from:expr;)*) => {$(
        impl $crate::sql::Column for $type {
            fn read(row: &$crate::sql::Row, at: usize) -> Result<Self, $crate::StoreError> {
                let $stored = <$base as $crate::sql::Column>::read(row, at)?;
                $from.ok_or_else(|| $crate::StoreError::corrupt("value", stringify!($type)))
            }
        }
        impl $crate::sql::ToArg for $type {
            fn arg(&self) -> $crate::sql::Arg {
                let $value = self;
                <$base as $crate::sql::ToArg>::arg(&$to)
            }
            fn null() -> $crate::sql::Arg {
                <$base as $crate::sql::ToArg>::null()
            }
        }
    )*};
}
pub(crate) use through;

macro_rules! ids {
    ($($type:ty),* $(,)?) => {
        through! {$(
            $type: Uuid, |id| Uuid::from_bytes(id.to_bytes()), |stored| Some(<$type>::from_bytes(stored.into_bytes()));
        )*}
    };
}
ids!(
    VendorId,
    MemberId,
    ProductId,
    PlanId,
    CustomerId,
    LicenseId,
    SeatId,
    NodeId,
    OrderId,
    EventId,
    TokenId,
    SigningKeyId,
    ImportId,
    TrialId,
    AlertId,
    WebhookId,
    MessageId,
    DeliveryId,
    InvitationId,
    FactorId,
    SavedViewId,
    ReplyId,
    BulkActId,
    NoteId,
    ApprovalId,
    CustomerPersonId,
    InboxId,
    ShopEventId,
    ShopId,
    MailId
);

macro_rules! json {
    ($($type:ty),*) => {
        through! {$(
            $type: String, |value| serde_json::to_string(value).unwrap_or_default(),
                |stored| serde_json::from_str(&stored).ok();
        )*}
    };
}
json!(Terms, Entitlements);

through! {
    Timestamp: i64, |at| at.micros(), |stored| Some(Timestamp::from_micros(stored));
    Code: String, |text| text.as_str().to_owned(), |stored| stored.parse().ok();
    Colour: String, |text| text.as_str().to_owned(), |stored| stored.parse().ok();
    Name: String, |text| text.as_str().to_owned(), |stored| stored.parse().ok();
    Email: String, |text| text.as_str().to_owned(), |stored| stored.parse().ok();
    NoteText: String, |text| text.as_str().to_owned(), |stored| stored.parse().ok();
    ReplyText: String, |text| text.as_str().to_owned(), |stored| stored.parse().ok();
    ReasonText: String, |text| text.as_str().to_owned(), |stored| stored.parse().ok();
    DeviceHash: Vec<u8>, |hash| hash.as_bytes().to_vec(), |stored| <[u8; 32]>::try_from(stored).ok().map(DeviceHash::from_bytes);
    EventHash: Vec<u8>, |hash| hash.0.to_vec(), |stored| <[u8; 32]>::try_from(stored).ok().map(EventHash);
    [u8; 32]: Vec<u8>, |bytes| bytes.to_vec(), |stored| <[u8; 32]>::try_from(stored).ok();
    u32: i64, |n| i64::from(*n), |stored| u32::try_from(stored).ok();
    LicenseStatus: String, |status| status.as_str().to_owned(), |stored| LicenseStatus::from_name(&stored);
    CustomerRole: String, |role| role.as_str().to_owned(), |stored| CustomerRole::from_name(&stored);
    Source: String, |source| source.as_str().to_owned(), |stored| Source::from_name(&stored);
    GatewayKind: String, |kind| kind.as_str().to_owned(), |stored| GatewayKind::from_name(&stored);
    Role: String, |role| role.as_str().to_owned(), |stored| Role::from_name(&stored);
    SeatState: String, |state| match state { SeatState::Active => "active".to_owned(), SeatState::Released => "released".to_owned() },
        |stored| match stored.as_str() { "active" => Some(SeatState::Active), "released" => Some(SeatState::Released), _ => None };
}

impl ToArg for &str {
    fn arg(&self) -> Arg {
        Arg::Text(Some((*self).to_owned()))
    }
    fn null() -> Arg {
        Arg::Text(None)
    }
}

impl<T: Column> Column for Option<T> {
    fn read(row: &Row, at: usize) -> Result<Self, StoreError> {
        if row.is_null(at)? { Ok(None) } else { T::read(row, at).map(Some) }
    }
}

impl<T: ToArg> ToArg for Option<T> {
    fn arg(&self) -> Arg {
        self.as_ref().map_or_else(T::null, T::arg)
    }
    fn null() -> Arg {
        T::null()
    }
}

impl<T: ToArg> ToArg for &T {
    fn arg(&self) -> Arg {
        (*self).arg()
    }
    fn null() -> Arg {
        T::null()
    }
}

impl ToArg for Arg {
    fn arg(&self) -> Arg {
        self.clone()
    }
    fn null() -> Arg {
        Arg::Text(None)
    }
}

/// The arguments of a statement, in the order of `$1`, `$2`, ….
macro_rules! args {
    ($($value:expr),* $(,)?) => { vec![$($crate::sql::ToArg::arg(&$value)),*] };
}
pub(crate) use args;

/// Declares a struct, its table's columns (named as the fields) and how it is read.
macro_rules! record {
    ($(#[$doc:meta])* pub struct $name:ident in $table:literal { $($(#[$field_doc:meta])* pub $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name { $($(#[$field_doc])* pub $field: $type,)* }

        impl $crate::sql::Record for $name {
            const COLUMNS: &'static str = $crate::sql::strip(concat!($(", ", $table, ".", stringify!($field)),*));
            const WIDTH: usize = [$(stringify!($field)),*].len();
            fn read_at(row: &$crate::sql::Row, at: usize) -> Result<Self, $crate::StoreError> {
                let mut next = at;
                let mut take = || { next += 1; next - 1 };
                Ok(Self { $($field: row.get(take())?),* })
            }
        }
    };
}
pub(crate) use record;

/// A list without its leading comma and space.
pub(crate) const fn strip(list: &'static str) -> &'static str {
    match list.as_bytes().split_at_checked(2) {
        Some((_, rest)) => match std::str::from_utf8(rest) {
            Ok(rest) => rest,
            Err(_) => list,
        },
        None => list,
    }
}

/// Declares an enum that is stored as its name.
macro_rules! stored_enum {
    ($(#[$doc:meta])* pub enum $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[$variant_doc])* #[serde(rename = $text)] $variant,)* }

        impl $name {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The stable name.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }

            /// The value of that name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($text => Some(Self::$variant),)* _ => None }
            }
        }

        $crate::sql::through! {
            $name: String, |value| value.as_str().to_owned(), |stored| $name::from_name(&stored);
        }
    };
}
pub(crate) use stored_enum;

/// Where a statement can be run: inside a transaction ([`crate::Tx`]) or, for reading, outside of one
/// ([`crate::Reader`]). Functions that only read take `&mut dyn Querier`, so they serve both.
pub trait Querier: Send {
    /// Runs `sql` with `args` and returns all its rows.
    #[doc(hidden)]
    fn rows(&mut self, sql: Cow<'static, str>, args: Vec<Arg>) -> BoxFuture<'_, Result<Vec<Row>, StoreError>>;
    /// Which database it is.
    #[doc(hidden)]
    fn dialect(&self) -> Dialect;
}

/// All rows of a statement, as records.
pub(crate) async fn all<T: Record>(
    q: &mut dyn Querier,
    sql: impl Into<Cow<'static, str>>,
    args: Vec<Arg>,
) -> Result<Vec<T>, StoreError> {
    q.rows(sql.into(), args).await?.iter().map(|row| T::read_at(row, 0)).collect()
}

/// The first row of a statement, if there is one, as a record.
pub(crate) async fn first<T: Record>(
    q: &mut dyn Querier,
    sql: impl Into<Cow<'static, str>>,
    args: Vec<Arg>,
) -> Result<Option<T>, StoreError> {
    q.rows(sql.into(), args).await?.first().map(|row| T::read_at(row, 0)).transpose()
}

/// The first column of the first row of a statement, if there is one.
pub(crate) async fn value<T: Column>(
    q: &mut dyn Querier,
    sql: impl Into<Cow<'static, str>>,
    args: Vec<Arg>,
) -> Result<Option<T>, StoreError> {
    q.rows(sql.into(), args).await?.first().map(|row| row.get(0)).transpose()
}

/// How an insert statement's columns are named: a record's, without the table's name.
pub(crate) fn bare(columns: &str, table: &str) -> String {
    columns.replace(&format!("{table}."), "")
}
