//! Seats: places on a license, each taken by one device or one user.

use crate::{
    id::{LicenseId, SeatId},
    text::Email,
    time::Timestamp,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{fmt, str::FromStr};

/// SHA-256 over a product id and a device's fingerprint (lease profile, claim `dev`); 64 lower-case hex digits as text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceHash([u8; 32]);

impl DeviceHash {
    /// From the hash's bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The hash's bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// The text is not 64 lower-case hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a device hash is 64 lower-case hex digits")]
pub struct DeviceHashError;

impl FromStr for DeviceHash {
    type Err = DeviceHashError;

    fn from_str(text: &str) -> Result<Self, DeviceHashError> {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Ok(byte - b'0'),
            b'a'..=b'f' => Ok(byte - b'a' + 10),
            _ => Err(DeviceHashError),
        };
        let text = text.as_bytes();
        if text.len() != 64 {
            return Err(DeviceHashError);
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
            *byte = (digit(pair[0])? << 4) | digit(pair[1])?;
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for DeviceHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // In one piece: this is in every lease, and a formatted write per byte costs more than all of its other text.
        let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
        let text: String = self.0.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect();
        f.write_str(&text)
    }
}

impl fmt::Debug for DeviceHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for DeviceHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DeviceHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Whether a seat is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SeatState {
    /// Taken.
    Active,
    /// Given up, taken away, or (floating) reclaimed after its lease ended.
    Released,
}

/// A seat, as far as decisions need it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seat {
    /// Its id.
    pub id: SeatId,
    /// The license it is a place on.
    pub license: LicenseId,
    /// The device that took it.
    pub device: DeviceHash,
    /// The person it belongs to, for a named-user license.
    pub user: Option<Email>,
    /// Whether it is taken.
    pub state: SeatState,
    /// The greatest lease sequence number known to have been handed out for it.
    pub seq: i64,
    /// The device's own Ed25519 public key, where it gave one.
    pub device_key: Option<[u8; 32]>,
    /// Until when a floating seat was borrowed; absent where it was not.
    pub borrowed_until: Option<Timestamp>,
    /// The `soft` end of the newest lease known: a floating seat is free from then on.
    pub lease_ends_at: Timestamp,
    /// When it was taken.
    pub claimed_at: Timestamp,
}
