//! The file from which a node starts while its database is away.

use holdfast_service::{ErrorCode, Service};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::{sync::Mutex, time::timeout};
use tokio_util::sync::CancellationToken;

/// How often what is kept is brought up to date. What was revoked within this span before an outage may be renewed once
/// by a node that starts during it.
const EVERY: Duration = Duration::from_secs(15);

/// Where it lies in the node's folder.
pub(super) fn path(data_dir: &Path) -> PathBuf {
    data_dir.join("continuity.snapshot")
}

/// The file's contents; `None` where there is none.
pub(crate) fn read(data_dir: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path(data_dir)) {
        Ok(sealed) => Ok(Some(sealed)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Puts `sealed` in its place, all of it or nothing.
fn write(data_dir: &Path, sealed: &[u8]) -> io::Result<()> {
    let (target, new) = (path(data_dir), data_dir.join("continuity.snapshot.new"));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(sealed)?;
    file.sync_all()?;
    fs::rename(&new, &target)?;
    File::open(data_dir)?.sync_all()
}

/// Keeps the file up to date. Whoever asks does so in turn: of two that write at once, the older could come last.
pub(super) struct Keeper {
    service: Service,
    data_dir: PathBuf,
    turn: Mutex<()>,
}

impl Keeper {
    pub(super) fn new(service: Service, data_dir: PathBuf) -> Self {
        Self { service, data_dir, turn: Mutex::new(()) }
    }

    /// Brings the file up to date, where anything has changed. False where it still says what it said before.
    pub(super) async fn save(&self) -> bool {
        let _turn = self.turn.lock().await;
        let result = match self.service.take_snapshot().await {
            Ok(None) => return true,
            // A node that cannot sign has nothing to go on with.
            Err(error) if error.code == ErrorCode::Sealed => return true,
            // Without the database, what is kept stays as it is.
            Err(error) if error.code.retryable() && error.code != ErrorCode::Internal => return false,
            Err(error) => Err(error.to_string()),
            Ok(Some(sealed)) => {
                let dir = self.data_dir.clone();
                match tokio::task::spawn_blocking(move || write(&dir, &sealed)).await {
                    Ok(written) => written.map_err(|error| error.to_string()),
                    Err(error) => Err(error.to_string()),
                }
            }
        };
        match &result {
            Ok(()) => self.service.snapshot_is_kept(),
            Err(error) => tracing::warn!(error, "what a start without the database needs could not be kept"),
        }
        result.is_ok()
    }

    /// Does so every few seconds, until `stop` is cancelled.
    pub(super) async fn run(self: Arc<Self>, stop: CancellationToken) {
        loop {
            self.save().await;
            if timeout(EVERY, stop.cancelled()).await.is_ok() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_replaced_as_a_whole_and_for_its_owner_only() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read(dir.path()).unwrap(), None);
        for contents in [b"one".as_slice(), b"another"] {
            write(dir.path(), contents).unwrap();
            assert_eq!(read(dir.path()).unwrap().unwrap(), contents);
        }
        let mode = fs::metadata(path(dir.path())).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
