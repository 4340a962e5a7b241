//! A file that takes up room until the disk is full and is then given away, because a full disk refuses even a DELETE.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// The size of the file.
const SIZE: usize = 16 * 1024 * 1024;
/// How much room must be left for the node to be at ease.
const NEEDED: usize = 256 * 1024;
/// How often to look.
const EVERY: Duration = Duration::from_secs(10);

/// Keeps the file in `dir` until `stop` is cancelled.
pub(super) async fn keep(dir: PathBuf, stop: CancellationToken) {
    loop {
        let dir = dir.clone();
        if let Ok(Err(error)) = tokio::task::spawn_blocking(move || look(&dir)).await {
            tracing::warn!(%error, "the ballast file could not be looked after");
        }
        if timeout(EVERY, stop.cancelled()).await.is_ok() {
            return;
        }
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Writes `size` bytes of something that a file system does not leave out.
fn fill(path: &Path, size: usize) -> io::Result<()> {
    let mut file = File::create(path)?;
    let block: Vec<u8> = (0..64 * 1024u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for _ in 0..size.div_ceil(block.len()) {
        file.write_all(&block)?;
    }
    file.sync_all()
}

fn look(dir: &Path) -> io::Result<()> {
    let (ballast, trial) = (dir.join("ballast"), dir.join("ballast.trial"));
    let there = fs::metadata(&ballast).is_ok_and(|file| file.len() >= SIZE as u64);
    let size = if there { NEEDED } else { SIZE + NEEDED };
    let room = fill(&trial, size);
    match room {
        Ok(()) if there => fs::remove_file(&trial),
        // There is room for both: the ballast is made again.
        Ok(()) => fs::rename(&trial, &ballast),
        Err(error) if is_full(&error) => {
            let _ = fs::remove_file(&trial);
            if there {
                tracing::error!(
                    "the disk is full: the ballast file is given away, make room before that is used up too"
                );
                fs::remove_file(&ballast)?;
            }
            Ok(())
        }
        Err(error) => {
            let _ = fs::remove_file(&trial);
            Err(error)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ballast_is_made_once_and_nothing_else_is_left_behind() {
        let dir = tempfile::tempdir().unwrap();
        look(dir.path()).unwrap();
        let made = fs::metadata(dir.path().join("ballast")).unwrap();
        assert!(made.len() >= SIZE as u64);
        look(dir.path()).unwrap();
        assert_eq!(fs::metadata(dir.path().join("ballast")).unwrap().modified().unwrap(), made.modified().unwrap());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
