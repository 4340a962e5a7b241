//! What most commands begin with: the data directory, the database, the master key, and the use cases over them.

use super::{Failure, explained};
use crate::config::Config;
use holdfast_service::{
    Parts, Service, Settings,
    runtime::mails::MailWay,
    system::{OsEntropy, SystemClock},
    vault::{MasterKey, Vault},
};
use holdfast_store::{Db, DbOptions, DbUrl, Dialect, SchemaError, Store, StoreError, StoreOptions};
use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
    sync::Arc,
};
use zeroize::Zeroizing;

/// How long a finished command waits for the database to close.
const CLOSE_TIME: std::time::Duration = std::time::Duration::from_secs(5);

/// Creates `dir` for its owner alone, if it does not exist.
pub fn create_private_dir(dir: &Path) -> Result<(), Failure> {
    if dir.is_dir() {
        return Ok(());
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|error| Failure::Failed(format!("{}: {error}", dir.display())))
}

/// The URL of the database. Touches nothing.
pub fn parse_database_url(config: &Config) -> Result<DbUrl, Failure> {
    config.database_url.parse().map_err(|error| Failure::Usage(format!("--database-url: {error}")))
}

/// The URL of the database; its file's directory exists from here on.
pub fn database_url(config: &Config) -> Result<DbUrl, Failure> {
    let url = parse_database_url(config)?;
    if let DbUrl::Sqlite(path) = &url {
        match path.parent() {
            Some(dir) if !dir.as_os_str().is_empty() => create_private_dir(dir)?,
            _ => {}
        }
    }
    Ok(url)
}

/// Opens the database.
pub async fn open(config: &Config) -> Result<Db, Failure> {
    let url = database_url(config)?;
    Db::open(&url, DbOptions::default()).await.map_err(|error| Failure::Failed(format!("{url}: {}", explained(&error))))
}

/// Makes sure that the schema is the one this program was built for. A database without any tables is set up at once:
/// there is nothing in it that could go wrong. SQLite is migrated as well, since no other node can be using it; a
/// PostgreSQL with tables only where `migrate` says so.
pub async fn ready_schema(db: &Db, migrate: bool) -> Result<(), StoreError> {
    match holdfast_store::check_schema(db).await {
        Ok(()) => Ok(()),
        Err(StoreError::Schema(SchemaError::Behind { found, .. }))
            if migrate || found == 0 || db.dialect() == Dialect::Sqlite =>
        {
            holdfast_store::migrate(db).await
        }
        Err(StoreError::Schema(error @ SchemaError::Ahead { .. })) => {
            // While a new version is being rolled out, the old nodes go on: migrations only ever expand.
            tracing::warn!(%error, "the database was migrated by a newer version");
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// Whether no vendor exists yet.
pub async fn is_unused(db: &Db) -> Result<bool, StoreError> {
    holdfast_store::setup::is_unused(&mut db.reader()).await
}

fn read_key(path: &Path) -> Result<Option<MasterKey>, Failure> {
    let contents = match fs::read(path) {
        Ok(contents) => Zeroizing::new(contents),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Failure::Failed(format!("{}: {error}", path.display()))),
    };
    if fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o077 != 0) {
        tracing::warn!(path = %path.display(), "the master key can be read by others than its owner: chmod 600");
    }
    MasterKey::parse(&contents).map(Some).map_err(|error| Failure::Failed(format!("{}: {error}", path.display())))
}

fn create_key(path: &Path) -> Result<MasterKey, Failure> {
    if let Some(dir) = path.parent().filter(|dir| !dir.as_os_str().is_empty()) {
        create_private_dir(dir)?;
    }
    let key = MasterKey::generate(&OsEntropy);
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(key.to_text().as_bytes())?;
        file.sync_all()
    };
    match write() {
        Ok(()) => {
            tracing::info!(path = %path.display(), "created the master key: keep a copy of it away from this machine");
            Ok(key)
        }
        // Another process was first.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            read_key(path)?.ok_or_else(|| Failure::Failed(format!("{}: vanished", path.display())))
        }
        Err(error) => Err(Failure::Failed(format!("{}: {error}", path.display()))),
    }
}

/// The master key from the environment or its file; `None` where there is none.
pub fn existing_master_key(config: &Config) -> Result<Option<MasterKey>, Failure> {
    if let Some(text) = &config.master_key {
        let key = MasterKey::parse(text.as_bytes());
        return key.map(Some).map_err(|error| Failure::Usage(format!("HOLDFAST_MASTER_KEY: {error}")));
    }
    read_key(&config.master_key_file)
}

/// The master key, whose file is created for an installation that was never used. `None` where there is none: the node
/// then verifies and signs nothing.
pub fn master_key(config: &Config, unused: bool) -> Result<Option<MasterKey>, Failure> {
    match existing_master_key(config)? {
        Some(key) => Ok(Some(key)),
        None if unused => create_key(&config.master_key_file).map(Some),
        None => Ok(None),
    }
}

/// The use cases over `db`.
pub fn service(config: &Config, db: Db, key: Option<&MasterKey>) -> Service {
    Service::new(Parts {
        store: Store::start(db, StoreOptions::default()),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(OsEntropy),
        vault: key.map(Vault::new),
        settings: Settings {
            endpoints: config.endpoints.clone(),
            public_url: config.public_url.clone(),
            help_url: config.help_url.clone(),
            continuity: config.continuity,
            webhooks_allow_private: config.webhooks_allow_private,
            private_providers: config.private_providers,
            mail: config.mail.as_ref().map(|mail| MailWay {
                from: mail.from.clone(),
                how: mail.way.in_words(),
                site: mail.site.clone(),
            }),
        },
    })
}

/// The use cases over the configured database, ready to work, for a command of a few moments.
pub async fn open_service(config: &Config) -> Result<Service, Failure> {
    let db = open(config).await?;
    ready_schema(&db, false).await?;
    let key = master_key(config, is_unused(&db).await?)?;
    Ok(service(config, db, key.as_ref()))
}

/// Writes what is still to be written and closes the database.
pub async fn close(service: Service) {
    if let Err(error) = service.flush().await {
        tracing::warn!(%error, "what was left to be written could not be");
    }
    let store = service.store().clone();
    // The writer ends when nobody can give it work any more.
    drop(service);
    if tokio::time::timeout(CLOSE_TIME, store.close()).await.is_err() {
        tracing::warn!("the database did not close in time");
    }
}
