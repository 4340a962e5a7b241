//! What a PostgreSQL says of itself and of what follows it: for an operator's look at a cluster, never for a request.

use crate::{
    dialect::classify,
    error::StoreError,
    replication::{Follower, Replication},
};
use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};
use std::{collections::BTreeMap, str::FromStr as _, time::Duration};

/// The settings that are read.
const SETTINGS: [&str; 17] = [
    "data_checksums",
    "fsync",
    "full_page_writes",
    "max_connections",
    "max_slot_wal_keep_size",
    "server_version",
    "server_version_num",
    "ssl",
    "synchronous_commit",
    "synchronous_standby_names",
    "tcp_keepalives_count",
    "tcp_keepalives_idle",
    "tcp_keepalives_interval",
    "tcp_user_timeout",
    "wal_log_hints",
    "wal_receiver_timeout",
    "wal_sender_timeout",
];

/// One server, as it answers at an address.
#[derive(Clone, Debug)]
pub struct Server {
    /// The address at which it took the connection itself, whatever lies between; absent over a socket of the machine.
    pub address: Option<String>,
    /// Its settings by name, in the unit of `pg_settings`.
    pub settings: BTreeMap<String, String>,
    /// Whether this user may see how standbys fare (`pg_monitor`).
    pub monitors: bool,
    /// What receives from it as a standby does.
    pub standbys: Vec<Standby>,
    /// Its replication slots.
    pub slots: Vec<Slot>,
    /// How many connections clients have open.
    pub connections: i64,
    /// Its part in the replication.
    pub replication: Replication,
}

impl Server {
    /// A setting's text; empty where the server has none of that name.
    pub fn setting(&self, name: &str) -> &str {
        self.settings.get(name).map_or("", String::as_str)
    }

    /// A setting's number.
    pub fn number(&self, name: &str) -> Option<i64> {
        self.setting(name).parse().ok()
    }
}

/// What receives from a server as a standby does.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Standby {
    /// What it is called.
    pub name: String,
    /// `streaming` where it has caught up.
    pub state: String,
    /// `quorum` or `sync` where commits wait for it.
    pub sync_state: String,
}

/// What a server keeps for whoever is to come and fetch it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Slot {
    /// Its name.
    pub name: String,
    /// Whether somebody receives through it.
    pub active: bool,
    /// How many bytes are kept for it.
    pub held: i64,
    /// `lost` where what it waits for is gone.
    pub wal_status: String,
}

/// Asks the server at a `postgres://` address, be it a primary or not.
///
/// # Errors
/// Where it does not answer within `patience`, or refuses.
pub async fn look(url: &str, patience: Duration) -> Result<Server, StoreError> {
    let options =
        PgConnectOptions::from_str(url).map_err(|error| classify(&error))?.application_name("holdfast doctor");
    match tokio::time::timeout(patience, ask(&options)).await {
        Ok(result) => result.map_err(|error| classify(&error)),
        Err(_) => Err(StoreError::unavailable("no answer in time")),
    }
}

async fn ask(options: &PgConnectOptions) -> Result<Server, sqlx::Error> {
    let mut connection = PgConnection::connect_with(options).await?;
    let c = &mut connection;
    let names: Vec<String> = SETTINGS.iter().map(|name| (*name).to_owned()).collect();
    let settings: Vec<(String, String)> = sqlx::query_as("SELECT name, setting FROM pg_settings WHERE name = ANY($1)")
        .bind(names)
        .fetch_all(&mut *c)
        .await?;
    let (address, monitors, connections): (Option<String>, bool, i64) = sqlx::query_as(
        "SELECT host(inet_server_addr()), pg_has_role('pg_read_all_stats', 'USAGE'),
            (SELECT sum(numbackends) FROM pg_stat_database)::bigint",
    )
    .fetch_one(&mut *c)
    .await?;
    // What takes a backup or keeps an archive replays nothing.
    let standbys = sqlx::query_as(
        "SELECT coalesce(application_name, '') AS name, coalesce(state, '') AS state,
            coalesce(sync_state, '') AS sync_state
         FROM pg_stat_replication WHERE replay_lsn IS NOT NULL ORDER BY name",
    )
    .fetch_all(&mut *c)
    .await?;
    let slots = sqlx::query_as(
        "SELECT slot_name::text AS name, active, coalesce(wal_status, '') AS wal_status,
            coalesce(pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
                ELSE pg_current_wal_lsn() END, restart_lsn), 0)::bigint AS held
         FROM pg_replication_slots ORDER BY name",
    )
    .fetch_all(&mut *c)
    .await?;
    let replication = Follower::default().look_over(c).await?;
    connection.close().await?;
    let settings = settings.into_iter().collect();
    Ok(Server { address, settings, monitors, standbys, slots, connections, replication })
}
