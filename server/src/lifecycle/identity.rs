//! Which node this process is: the same over its restarts, and never two processes at once.
//!
//! The node's folder has numbered places, each a file with an id in it. A process takes the first whose file nobody holds
//! locked, and holds it until it ends, in whatever way. So a node that was killed comes back under its id, and whoever
//! waits for it stops waiting; and two processes that share a folder are two nodes.

use holdfast_domain::{Entropy, NodeId, Timestamp};
use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read as _, Seek as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

/// How many processes may share a folder.
const PLACES: usize = 64;

/// An id and the lock on it, which ends with this value or the process.
pub(super) struct Identity {
    pub id: NodeId,
    _held: File,
}

/// Takes the first free place in `dir`, with a new id where it has none.
pub(super) fn take(dir: &Path, now: Timestamp, entropy: &dyn Entropy) -> io::Result<Identity> {
    let dir = dir.join("nodes");
    fs::create_dir_all(&dir)?;
    for number in 1..=PLACES {
        let path = dir.join(number.to_string());
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => continue,
            Err(TryLockError::Error(error)) => return Err(error),
            Ok(()) => {}
        }
        let mut text = String::new();
        // A damaged file is as good as a new one: the node is then another.
        let known = file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
        let id = if let Some(id) = known {
            id
        } else {
            let id = NodeId::new(now, entropy);
            file.rewind()?;
            file.set_len(0)?;
            writeln!(file, "{id}")?;
            file.sync_all()?;
            id
        };
        return Ok(Identity { id, _held: file });
    }
    Err(io::Error::other("too many processes share this folder"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_service::system::OsEntropy;

    #[test]
    fn a_process_gets_its_id_back_and_two_at_once_are_two() {
        let dir = tempfile::tempdir().unwrap();
        let take = || take(dir.path(), Timestamp::from_seconds(1_767_225_600), &OsEntropy).unwrap();
        let (first, second) = (take(), take());
        assert_ne!(first.id, second.id);
        let known = first.id;
        drop(first);
        assert_eq!(take().id, known);
        drop(second);
        fs::write(dir.path().join("nodes/1"), "nonsense").unwrap();
        let new = take().id;
        assert_ne!(new, known);
        assert_eq!(take().id, new);
    }
}
