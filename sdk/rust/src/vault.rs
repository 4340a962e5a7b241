//! The state on its way to and from a [`Storage`]: two alternating slots, checksums, generations, one writer at a time.

use crate::storage::{Durability, Slot, Storage};
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::io;
use std::time::Duration;

/// First word of everything written; a later version that this one cannot read has another.
const MAGIC: &str = "holdfast-state-1";
/// How long a writer waits for another process's turn to end. Writing takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(2);

/// What was found in a storage.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Found<T> {
    /// The newest intact value.
    pub(crate) value: Option<T>,
    /// Its generation; 0 where there is none.
    pub(crate) generation: u64,
    /// Whether anything was there that could not be read.
    pub(crate) damaged: bool,
}

/// Reads both slots and returns the newest intact value. Never fails: what cannot be read counts as damaged.
pub(crate) fn load<T: DeserializeOwned>(storage: &dyn Storage) -> Found<T> {
    let mut found = Found { value: None, generation: 0, damaged: false };
    for slot in [Slot::First, Slot::Second] {
        match read_framed(storage, slot) {
            Ok(Some((generation, value))) if found.value.is_none() || generation > found.generation => {
                found.value = Some(value);
                found.generation = generation;
            }
            Ok(None | Some(_)) => {}
            Err(_) => found.damaged = true,
        }
    }
    found
}

/// Saves what `change` makes of the newest stored value, unless it returns `None`. Other processes wait meanwhile, so
/// that what they saved is what `change` sees.
///
/// The older slot is overwritten, so that a torn write never touches the newest intact value; with `both`, the other one
/// follows, so that nothing older remains. Returns the generation now stored.
pub(crate) fn save<T, F>(storage: &dyn Storage, both: bool, change: F) -> io::Result<u64>
where
    T: Serialize + DeserializeOwned,
    F: FnOnce(Found<T>) -> Option<T>,
{
    let _guard = storage.lock(PATIENCE)?;
    let generations = [Slot::First, Slot::Second].map(|slot| match read_framed::<T>(storage, slot) {
        Ok(Some((generation, _))) => generation,
        Ok(None) | Err(_) => 0,
    });
    let found = load(storage);
    let stored = found.generation;
    let Some(value) = change(found) else { return Ok(stored) };
    let generation = stored + 1;
    let bytes = frame(generation, &serde_json::to_vec(&value).map_err(io::Error::other)?);
    let (older, newer) =
        if generations[0] <= generations[1] { (Slot::First, Slot::Second) } else { (Slot::Second, Slot::First) };
    storage.write(older, &bytes, Durability::Synced)?;
    if both {
        storage.write(newer, &bytes, Durability::Synced)?;
    }
    Ok(generation)
}

/// Reads the mark; anything unreadable counts as none.
pub(crate) fn load_mark<T: DeserializeOwned>(storage: &dyn Storage) -> Option<T> {
    read_framed(storage, Slot::Mark).ok().flatten().map(|(_, value)| value)
}

/// Saves what `change` makes of the stored mark. Not synced: it is written every ten minutes, and losing it costs only
/// the reading itself.
pub(crate) fn save_mark<T, F>(storage: &dyn Storage, change: F) -> io::Result<()>
where
    T: Serialize + DeserializeOwned,
    F: FnOnce(Option<T>) -> T,
{
    let _guard = storage.lock(PATIENCE)?;
    let value = change(load_mark(storage));
    storage.write(Slot::Mark, &frame(1, &serde_json::to_vec(&value).map_err(io::Error::other)?), Durability::Relaxed)
}

/// `Ok(None)` where the slot is empty, an error where it holds something else than what [`frame`] made.
fn read_framed<T: DeserializeOwned>(storage: &dyn Storage, slot: Slot) -> io::Result<Option<(u64, T)>> {
    let Some(bytes) = storage.read(slot)? else { return Ok(None) };
    let damaged = || io::Error::from(io::ErrorKind::InvalidData);
    let (generation, payload) = unframe(&bytes).ok_or_else(damaged)?;
    Ok(Some((generation, serde_json::from_slice(payload).map_err(|_| damaged())?)))
}

fn frame(generation: u64, payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{MAGIC} {generation} {}\n", checksum(generation, payload)).into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}

fn unframe(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let (head, payload) = (std::str::from_utf8(&bytes[..end]).ok()?, &bytes[end + 1..]);
    let mut words = head.split(' ');
    let (magic, generation, sum) = (words.next()?, words.next()?.parse().ok()?, words.next()?);
    (magic == MAGIC && words.next().is_none() && sum == checksum(generation, payload)).then_some((generation, payload))
}

fn checksum(generation: u64, payload: &[u8]) -> String {
    let digest = Sha256::new().chain_update(generation.to_be_bytes()).chain_update(payload).finalize();
    digest.iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::{Found, load, load_mark, save, save_mark};
    use crate::storage::{Durability, MemoryStorage, Slot, Storage};

    fn put(storage: &MemoryStorage, value: &str) {
        save(storage, false, |_: Found<String>| Some(value.to_owned())).unwrap();
    }

    fn get(storage: &MemoryStorage) -> Found<String> {
        load(storage)
    }

    #[test]
    fn the_slots_alternate_and_the_newest_wins() {
        let storage = MemoryStorage::new();
        assert_eq!(get(&storage), Found { value: None, generation: 0, damaged: false });
        for (number, value) in ["a", "b", "c", "d"].into_iter().enumerate() {
            put(&storage, value);
            let found = get(&storage);
            assert_eq!((found.value.as_deref(), found.generation), (Some(value), number as u64 + 1));
        }
        assert_ne!(storage.read(Slot::First).unwrap(), storage.read(Slot::Second).unwrap());
    }

    #[test]
    fn any_damage_to_the_newest_slot_leaves_the_one_before() {
        let storage = MemoryStorage::new();
        put(&storage, "old");
        put(&storage, "new");
        let whole = storage.read(Slot::Second).unwrap().unwrap();
        for length in 0..whole.len() {
            storage.write(Slot::Second, &whole[..length], Durability::Synced).unwrap();
            let found = get(&storage);
            assert_eq!((found.value.as_deref(), found.damaged), (Some("old"), true), "cut at {length}");
        }
        for index in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[index] ^= 1;
            storage.write(Slot::Second, &bytes, Durability::Synced).unwrap();
            assert_eq!(get(&storage).value.as_deref(), Some("old"), "bit flipped at {index}");
        }
        put(&storage, "newer");
        assert_eq!(get(&storage), Found { value: Some("newer".into()), generation: 2, damaged: false });
    }

    #[test]
    fn saving_to_both_leaves_nothing_older() {
        let storage = MemoryStorage::new();
        put(&storage, "granted");
        save(&storage, true, |_: Found<String>| Some("denied".to_owned())).unwrap();
        for slot in [Slot::First, Slot::Second] {
            let whole = storage.read(slot).unwrap().unwrap();
            storage.write(slot, b"", Durability::Synced).unwrap();
            assert_eq!(get(&storage).value.as_deref(), Some("denied"));
            storage.write(slot, &whole, Durability::Synced).unwrap();
        }
    }

    #[test]
    fn a_writer_sees_what_others_saved_and_may_leave_it() {
        let storage = MemoryStorage::new();
        put(&storage, "theirs");
        let generation = save(&storage, false, |stored: Found<String>| {
            assert_eq!(stored.value.as_deref(), Some("theirs"));
            None
        });
        assert_eq!(generation.unwrap(), 1);
        save_mark(&storage, |old: Option<i64>| old.unwrap_or(5).max(3)).unwrap();
        save_mark(&storage, |old: Option<i64>| old.unwrap_or(0).max(3)).unwrap();
        assert_eq!(load_mark(&storage), Some(5));
        storage.write(Slot::Mark, b"nonsense", Durability::Relaxed).unwrap();
        assert_eq!(load_mark::<i64>(&storage), None);
    }
}
