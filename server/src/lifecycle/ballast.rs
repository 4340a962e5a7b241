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
/// How much room must be left beside the file for it to be made: as much as the database's log grows to before it is
/// folded in. Otherwise what was just made would be given away at the next look.
const SPARE: usize = 4 * 1024 * 1024;
/// How often to look.
const EVERY: Duration = Duration::from_secs(10);

/// Keeps the file in `dir`, which should be the database's, until `stop` is cancelled.
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

/// How many bytes the file system of `dir` has left, whatever quotas say.
fn room(dir: &Path) -> io::Result<u64> {
    let system = rustix::fs::statvfs(dir)?;
    Ok(system.f_bavail.saturating_mul(system.f_frsize))
}

fn look(dir: &Path) -> io::Result<()> {
    let (ballast, trial) = (dir.join("ballast"), dir.join("ballast.trial"));
    let there = fs::metadata(&ballast).is_ok_and(|file| file.len() >= SIZE as u64);
    let left = room(dir)?;
    if !there && left < (SIZE + SPARE) as u64 {
        // Trying would use up the last room for a moment, and writes of the database would fail in it.
        return Ok(());
    }
    let tried = if there && left < NEEDED as u64 {
        Err(io::ErrorKind::StorageFull.into())
    } else {
        // Only writing tells what a quota has left.
        fill(&trial, if there { NEEDED } else { SIZE })
    };
    match tried {
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
    #[cfg(target_os = "linux")]
    use holdfast_testkit::disk::{TinyDisk, may_mount};

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

    #[cfg(target_os = "linux")]
    #[test]
    fn a_tight_disk_is_left_alone_and_a_full_one_gets_the_room() {
        if !may_mount("lifecycle::ballast::tests::a_tight_disk_is_left_alone_and_a_full_one_gets_the_room") {
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let _tight = TinyDisk::mount(dir.path(), 18 * 1024).unwrap();
        look(dir.path()).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "with it, writes of the database would soon fail");

        let disk = TinyDisk::mount(dir.path(), 24 * 1024).unwrap();
        let ballast = dir.path().join("ballast");
        look(dir.path()).unwrap();
        assert!(ballast.exists());
        disk.fill().unwrap();
        for _ in 0..2 {
            look(dir.path()).unwrap();
            assert!(!ballast.exists() && room(dir.path()).unwrap() >= SIZE as u64, "given away, and not taken back");
        }
        disk.empty().unwrap();
        look(dir.path()).unwrap();
        assert!(ballast.exists(), "made again");
    }
}
