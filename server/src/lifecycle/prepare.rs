//! Makes a database ready, or does without it for the time being.

use super::{AGAIN, snapshot};
use crate::{
    cli::{Failure, node},
    config::{Config, ServeConfig},
};
use holdfast_service::Service;
use holdfast_store::{Db, DbOptions, DbUrl, StoreError};

/// A node that can begin to serve.
pub(super) struct Prepared {
    pub service: Service,
    /// Whether the installation was used before.
    pub used: bool,
    /// Whether it goes on from its snapshot, because the database cannot be reached.
    pub without_database: bool,
}

/// Opens the database and makes the use cases over it. Where it cannot be reached, a node that has a snapshot goes on from
/// that; another waits. The error is one that waiting would not cure.
pub(super) async fn prepare(config: &Config, serve: &ServeConfig, url: &DbUrl) -> Result<Prepared, Failure> {
    let mut waiting = false;
    loop {
        match try_prepare(config, serve, url).await {
            Ok((service, used)) => return Ok(Prepared { service, used, without_database: false }),
            Err(Attempt::Final(failure)) => return Err(failure),
            Err(Attempt::Again(error)) => {
                if !waiting {
                    tracing::warn!(%url, %error, "the database cannot be reached");
                    if let Some(service) = from_snapshot(config, serve, url).await? {
                        return Ok(Prepared { service, used: true, without_database: true });
                    }
                    waiting = true;
                }
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}

/// The use cases over a database that cannot be reached, with what the node's snapshot knows; `None` where there is none
/// that can be used. An embedded database is on the same disk: where that is away, so is everything.
async fn from_snapshot(config: &Config, serve: &ServeConfig, url: &DbUrl) -> Result<Option<Service>, Failure> {
    let DbUrl::Postgres(_) = url else { return Ok(None) };
    let sealed = match snapshot::read(&config.data_dir) {
        Ok(Some(sealed)) => sealed,
        Ok(None) => return Ok(None),
        Err(error) => {
            tracing::warn!(%error, "the snapshot cannot be read");
            return Ok(None);
        }
    };
    let Some(key) = node::existing_master_key(config)? else { return Ok(None) };
    let db = Db::open_lazily(url, db_options(serve)).await?;
    let service = node::service(config, db, Some(&key));
    match service.load_snapshot(&sealed) {
        Ok(known_at) => {
            let age = service.now().since(known_at).0;
            tracing::warn!(age, "starting without the database, from what this node knew of it so many seconds ago");
            Ok(Some(service))
        }
        Err(error) => {
            tracing::error!(?error, "the snapshot cannot be used");
            Ok(None)
        }
    }
}

/// Waits for a database that was away at the start. Returns only where it then turns out that this program cannot work
/// with its tables.
pub(super) async fn unfit_schema(service: &Service, serve: &ServeConfig) -> Failure {
    loop {
        tokio::time::sleep(AGAIN).await;
        match node::ready_schema(service.store().db(), serve.migrate).await {
            Ok(()) => std::future::pending().await,
            Err(error @ StoreError::Schema(_)) => return error.into(),
            Err(error) => tracing::debug!(%error, "the database's tables cannot be looked at yet"),
        }
    }
}

fn db_options(serve: &ServeConfig) -> DbOptions {
    DbOptions { application_name: format!("holdfast {}", serve.node_name), ..DbOptions::default() }
}

enum Attempt {
    Again(StoreError),
    Final(Failure),
}

impl From<StoreError> for Attempt {
    fn from(error: StoreError) -> Self {
        if matches!(error, StoreError::Unavailable(_)) { Self::Again(error) } else { Self::Final(error.into()) }
    }
}

async fn try_prepare(config: &Config, serve: &ServeConfig, url: &DbUrl) -> Result<(Service, bool), Attempt> {
    let db = Db::open(url, db_options(serve)).await?;
    node::ready_schema(&db, serve.migrate).await?;
    let unused = node::is_unused(&db).await?;
    let key = node::master_key(config, unused).map_err(Attempt::Final)?;
    Ok((node::service(config, db, key.as_ref()), !unused))
}
