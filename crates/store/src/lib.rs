//! Persistence on SQLite and PostgreSQL; the only crate that names sqlx.
//!
//! [`Db`] is an open database, [`Store`] adds the group-commit writer. Reading functions take `&mut dyn Querier` (a
//! [`Reader`] or a [`Tx`]); writing functions take the [`Tx`] of a job given to [`Store::write`]. Everything of a tenant
//! takes a [`Scope`]. Time is always an argument, in microseconds ([`holdfast_domain::Timestamp`]).

pub mod activity;
pub mod alerts;
pub mod approvals;
mod awake;
pub mod backup;
pub mod breakers;
pub mod bulk_acts;
pub mod bundles;
pub mod changes;
pub mod cluster;
pub mod customers;
mod db;
mod dialect;
pub mod ends;
mod error;
pub mod events;
pub mod export;
pub mod factors;
pub mod freshness;
pub mod gateways;
mod gather;
pub mod idempotency;
pub mod imports;
pub mod invitations;
pub mod job_leases;
pub mod licenses;
pub mod mails;
pub mod manifests;
pub mod members;
mod migrate;
pub mod migrated;
mod narrow;
pub mod nodes;
pub mod notes;
pub mod orders;
pub mod outbox;
pub mod page;
pub mod password_links;
pub mod plans;
pub mod products;
pub mod proofs;
pub mod providers;
pub mod raw;
pub mod replication;
pub mod saved_views;
mod scope;
mod search;
pub mod seats;
pub mod sessions;
pub mod setup;
pub mod signing_keys;
mod sql;
pub mod throttle;
mod together;
pub mod tokens;
pub mod trials;
mod tx;
pub mod vendors;
mod waits;
pub mod webhooks;
mod writer;

pub use db::{Db, DbOptions, DbUrl, DbUrlError, Reader};
pub use dialect::Dialect;
pub use error::{Constraint, Detail, SchemaError, StoreError};
pub use futures::future::BoxFuture;
pub use migrate::{SCHEMA_VERSION, check_schema, migrate};
pub use page::{Cursor, CursorError, Direction, Limit, ListError, Page, PageRequest, Total};
pub use scope::Scope;
pub use sql::Querier;
pub use tx::{Counted, NewChange, NewEvent, Tx};
pub use writer::{Order, Store, StoreOptions, WriteOptions};
