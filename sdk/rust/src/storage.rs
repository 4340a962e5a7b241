//! Where the state is kept between runs: a trait, a folder of small files, and a memory for tests.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How often a taken lock is tried again.
const LOCK_STEP: Duration = Duration::from_millis(10);

/// One of the few places a [`Storage`] has to offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Slot {
    /// The first of the two alternating slots of the state (client rules, "Storage").
    First,
    /// The second of them.
    Second,
    /// The highest clock reading, saved every ten minutes; losing it costs nothing but that reading.
    Mark,
    /// The device's own signing seed. The only secret, and kept apart from everything else.
    DeviceKey,
    /// A random number that stands for the device where the platform has no name for it.
    DeviceId,
}

impl Slot {
    /// Every slot.
    pub const ALL: [Self; 5] = [Self::First, Self::Second, Self::Mark, Self::DeviceKey, Self::DeviceId];

    const fn file_name(self) -> &'static str {
        match self {
            Self::First => "state-a",
            Self::Second => "state-b",
            Self::Mark => "mark",
            Self::DeviceKey => "device-key",
            Self::DeviceId => "device-id",
        }
    }
}

/// Whether a write has to be on the disk when it returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// It survives a power failure from now on.
    Synced,
    /// After a power failure the old content, or nothing readable, may be there.
    Relaxed,
}

/// A place for the state. Implement it to keep the state somewhere else than in a folder.
///
/// The library checks what it reads (checksums) and decides what is newer; an implementation only moves bytes.
pub trait Storage: Send + Sync {
    /// The content of `slot`; `None` where nothing was ever written. Must not block on other processes.
    fn read(&self, slot: Slot) -> io::Result<Option<Vec<u8>>>;

    /// Replaces the content of `slot` as a whole: a reader at any moment, also after a crash, finds either the old or
    /// the new bytes.
    fn write(&self, slot: Slot, bytes: &[u8], durability: Durability) -> io::Result<()>;

    /// Keeps other processes (and other owners in this one) from writing until the returned guard is dropped. Waits at
    /// most `patience`, then fails with [`io::ErrorKind::WouldBlock`].
    fn lock(&self, patience: Duration) -> io::Result<Box<dyn Send>>;
}

/// A folder with one small file per slot: written to a temporary file, synced, renamed; readable for its owner only.
#[derive(Debug)]
pub struct FileStorage {
    folder: PathBuf,
}

impl FileStorage {
    /// Keeps the state in `folder`, which is created at the first write. One folder per product and user account.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn create_folder(&self) -> io::Result<()> {
        if self.folder.is_dir() {
            return Ok(());
        }
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&self.folder)
    }

    fn open_private(path: &Path) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(path)
    }
}

impl Storage for FileStorage {
    fn read(&self, slot: Slot) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.folder.join(slot.file_name())) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn write(&self, slot: Slot, bytes: &[u8], durability: Durability) -> io::Result<()> {
        self.create_folder()?;
        let path = self.folder.join(slot.file_name());
        // Writers hold the lock, so that one temporary name is enough and a killed writer leaves at most one file.
        let temporary = path.with_extension("tmp");
        let mut file = Self::open_private(&temporary)?;
        let written = file.write_all(bytes).and_then(|()| match durability {
            Durability::Synced => file.sync_all(),
            Durability::Relaxed => Ok(()),
        });
        if let Err(error) = written {
            // What was begun must not keep the last free blocks of a full disk from others.
            let _ = file.set_len(0);
            return Err(error);
        }
        drop(file);
        fs::rename(&temporary, &path)?;
        #[cfg(unix)]
        if durability == Durability::Synced {
            // The rename itself is on the disk only when the folder is.
            File::open(&self.folder)?.sync_all()?;
        }
        Ok(())
    }

    fn lock(&self, patience: Duration) -> io::Result<Box<dyn Send>> {
        self.create_folder()?;
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(self.folder.join("lock"))?;
        let begun = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Box::new(file)),
                Err(TryLockError::WouldBlock) if begun.elapsed() < patience => thread::sleep(LOCK_STEP),
                Err(TryLockError::WouldBlock) => return Err(io::ErrorKind::WouldBlock.into()),
                // Some network file systems have no locks; whole-file replacement still keeps every slot readable.
                Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {
                    return Ok(Box::new(file));
                }
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    }
}

/// Keeps the state in memory: for tests, and for applications that must leave nothing behind.
#[derive(Debug, Default)]
pub struct MemoryStorage {
    slots: Mutex<HashMap<Slot, Vec<u8>>>,
}

impl MemoryStorage {
    /// An empty memory.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Storage for MemoryStorage {
    fn read(&self, slot: Slot) -> io::Result<Option<Vec<u8>>> {
        Ok(self.slots.lock().unwrap_or_else(PoisonError::into_inner).get(&slot).cloned())
    }

    fn write(&self, slot: Slot, bytes: &[u8], _: Durability) -> io::Result<()> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).insert(slot, bytes.to_vec());
        Ok(())
    }

    fn lock(&self, _: Duration) -> io::Result<Box<dyn Send>> {
        Ok(Box::new(()))
    }
}

#[cfg(test)]
mod tests {
    use super::{Durability, FileStorage, Slot, Storage};
    use std::io;
    use std::time::Duration;

    #[test]
    fn slots_are_separate_private_and_replaced_as_a_whole() {
        let folder = tempfile::tempdir().unwrap();
        let storage = FileStorage::new(folder.path().join("state"));
        assert_eq!(storage.read(Slot::First).unwrap(), None);
        storage.write(Slot::First, b"one", Durability::Synced).unwrap();
        storage.write(Slot::Mark, b"mark", Durability::Relaxed).unwrap();
        storage.write(Slot::First, b"2", Durability::Synced).unwrap();
        assert_eq!(storage.read(Slot::First).unwrap().unwrap(), b"2");
        assert_eq!(storage.read(Slot::Mark).unwrap().unwrap(), b"mark");
        #[cfg(unix)]
        for entry in std::fs::read_dir(storage.folder()).unwrap() {
            use std::os::unix::fs::PermissionsExt;
            let entry = entry.unwrap();
            assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.path());
        }
    }

    #[test]
    fn the_lock_keeps_others_out_until_it_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (FileStorage::new(folder.path()), FileStorage::new(folder.path()));
        let guard = one.lock(Duration::ZERO).unwrap();
        let refused = two.lock(Duration::from_millis(20)).map(|_| ()).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::WouldBlock);
        drop(guard);
        two.lock(Duration::ZERO).unwrap();
    }
}
