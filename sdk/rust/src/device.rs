//! What stands for this device: a fingerprint that never leaves it, and optionally a signing key of its own.

use crate::storage::{Durability, Slot, Storage};
use holdfast_lease::SigningKey;
use std::io;
#[cfg(any(target_os = "macos", target_os = "windows"))]
use std::process::Command;
use std::time::Duration;

/// How long to wait for another process that is creating the same thing.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the application says about the device it runs on. Everything has a default.
///
/// ```
/// use holdfast_sdk::Device;
///
/// let device = Device::default().name("Reception, second floor").own_key();
/// # let _ = device;
/// ```
#[derive(Clone, Debug, Default)]
pub struct Device {
    pub(crate) fingerprint: Option<Vec<u8>>,
    pub(crate) name: Option<String>,
    pub(crate) app_version: Option<String>,
    pub(crate) own_key: bool,
}

impl Device {
    /// Identifies the device by `fingerprint` instead of the platform's own machine id: anything that stays the same
    /// on this device and differs on another (a dongle's number, a container's volume id). Only a hash of it, which
    /// differs from product to product, is ever sent (lease profile, claim `dev`).
    pub fn fingerprint(fingerprint: impl Into<Vec<u8>>) -> Self {
        Self { fingerprint: Some(fingerprint.into()), ..Self::default() }
    }

    /// A name under which a person recognises the device among their seats, for instance the host name. Sent to the
    /// server at activation; by default none is sent.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The application's version, shown to the vendor beside the seat.
    #[must_use]
    pub fn app_version(mut self, version: impl Into<String>) -> Self {
        self.app_version = Some(version.into());
        self
    }

    /// Gives the device a signing key of its own, kept in the storage: a copied state can then be read, but not
    /// renewed (lease profile, claim `dpk`).
    #[must_use]
    pub fn own_key(mut self) -> Self {
        self.own_key = true;
        self
    }
}

/// The bytes that identify this device: what the application gave, else the platform's machine id, else a random
/// number that is created once and kept in the storage.
pub(crate) fn fingerprint(device: &Device, storage: &dyn Storage) -> io::Result<Vec<u8>> {
    if let Some(given) = &device.fingerprint {
        return Ok(given.clone());
    }
    match platform_id() {
        Some(id) => Ok(id),
        None => created_once(storage, Slot::DeviceId, random()?).map(|bytes| bytes.to_vec()),
    }
}

/// The device's own key.
pub(crate) struct OwnKey {
    pub(crate) key: SigningKey,
    /// The seed, where it could not be saved yet: disk full, read-only.
    unsaved: Option<[u8; 32]>,
}

impl OwnKey {
    /// The stored key; created at the first call. Where it cannot be saved, it lives in memory for the time being, like
    /// a lease.
    pub(crate) fn load(storage: &dyn Storage) -> io::Result<Self> {
        let (seed, unsaved) = match created_once(storage, Slot::DeviceKey, random()?) {
            Ok(seed) => (seed, None),
            Err(error) => match existing(storage, Slot::DeviceKey) {
                Ok(None) => random().map(|seed| (seed, Some(seed)))?,
                _ => return Err(error),
            },
        };
        Ok(Self { key: SigningKey::from_seed(&seed), unsaved })
    }

    /// Saves what could not be saved before. A lease that names the key is of little use without it, so this comes first.
    pub(crate) fn save(&mut self, storage: &dyn Storage) -> io::Result<()> {
        if let Some(seed) = self.unsaved {
            created_once(storage, Slot::DeviceKey, seed)?;
            self.unsaved = None;
        }
        Ok(())
    }
}

/// The 32 bytes in `slot`, if it holds them.
fn existing(storage: &dyn Storage, slot: Slot) -> io::Result<Option<[u8; 32]>> {
    Ok(storage.read(slot)?.and_then(|bytes| bytes.try_into().ok()))
}

/// The 32 bytes in `slot`; if it holds none, `bytes` are written there.
fn created_once(storage: &dyn Storage, slot: Slot, bytes: [u8; 32]) -> io::Result<[u8; 32]> {
    if let Some(bytes) = existing(storage, slot)? {
        return Ok(bytes);
    }
    let _guard = storage.lock(PATIENCE)?;
    if let Some(bytes) = existing(storage, slot)? {
        return Ok(bytes);
    }
    storage.write(slot, &bytes, Durability::Synced)?;
    Ok(bytes)
}

/// `N` bytes from the operating system's generator.
pub(crate) fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes)
}

/// The id the operating system keeps for this installation of itself.
#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
fn platform_id() -> Option<Vec<u8>> {
    ["/etc/machine-id", "/var/lib/dbus/machine-id", "/etc/hostid"]
        .into_iter()
        .filter_map(|path| std::fs::read_to_string(path).ok())
        .map(|text| text.trim().to_ascii_lowercase())
        // A system that has not finished its first start says `uninitialized`.
        .find(|id| id.len() >= 32)
        .map(String::into_bytes)
}

/// The hardware UUID as `ioreg` prints it.
#[cfg(target_os = "macos")]
fn platform_id() -> Option<Vec<u8>> {
    let output = Command::new("/usr/sbin/ioreg").args(["-rd1", "-c", "IOPlatformExpertDevice"]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let line = text.lines().find(|line| line.contains("IOPlatformUUID"))?;
    Some(line.rsplit('"').nth(1)?.as_bytes().to_ascii_lowercase())
}

/// The installation's `MachineGuid` as `reg` prints it.
#[cfg(target_os = "windows")]
fn platform_id() -> Option<Vec<u8>> {
    let key = r"HKLM\SOFTWARE\Microsoft\Cryptography";
    let output = Command::new("reg").args(["query", key, "/v", "MachineGuid", "/reg:64"]).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find(|line| line.contains("MachineGuid"))?;
    Some(line.split_whitespace().last()?.as_bytes().to_ascii_lowercase())
}

/// No known machine id.
#[cfg(not(any(
    target_os = "linux",
    target_os = "android",
    target_os = "freebsd",
    target_os = "macos",
    target_os = "windows"
)))]
fn platform_id() -> Option<Vec<u8>> {
    None
}

/// `linux-x86_64` and the like, sent at activation for the vendor's list of seats.
pub(crate) fn platform() -> String {
    format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH)
}

#[cfg(test)]
mod tests {
    use super::{Device, OwnKey, created_once, fingerprint};
    use crate::storage::{MemoryStorage, Slot};

    #[test]
    fn a_given_fingerprint_wins_and_a_created_one_stays() {
        let storage = MemoryStorage::new();
        assert_eq!(fingerprint(&Device::fingerprint("dongle-7"), &storage).unwrap(), b"dongle-7");
        assert_eq!(
            fingerprint(&Device::default(), &storage).unwrap(),
            fingerprint(&Device::default(), &storage).unwrap()
        );
        let created = created_once(&storage, Slot::DeviceId, [1; 32]).unwrap();
        assert_eq!(created_once(&storage, Slot::DeviceId, [2; 32]).unwrap(), created);
    }

    #[test]
    fn the_own_key_is_made_once_per_storage() {
        let storage = MemoryStorage::new();
        let own_key = |storage: &MemoryStorage| OwnKey::load(storage).unwrap().key.public_key();
        let first = own_key(&storage);
        assert_eq!(own_key(&storage), first);
        assert_ne!(own_key(&MemoryStorage::new()), first);
    }
}
