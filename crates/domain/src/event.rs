//! Events: entries of the audit log, chained by hash so that none can be changed or taken out unnoticed.

use crate::{
    id::{CustomerId, EventId, MemberId, ShopId, TokenId, VendorId},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;

/// Who did something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "type", content = "id", rename_all = "snake_case")]
pub enum Actor {
    /// A member of the vendor, signed in.
    Member(MemberId),
    /// A customer, by portal or by license key from an application.
    Customer(Option<CustomerId>),
    /// A program with an API token.
    Token(TokenId),
    /// A payment provider, by what it told of a sale.
    Shop(ShopId),
    /// Holdfast itself: a job, a rule, the command line.
    System,
}

/// SHA-256 of an event and of the hash before it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct EventHash(pub [u8; 32]);

impl EventHash {
    /// What the first event of a vendor is chained to.
    pub const GENESIS: Self = Self([0; 32]);
}

impl fmt::Debug for EventHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The fields of an event that its hash covers.
#[derive(Clone, Copy, Debug)]
pub struct EventFields<'a> {
    /// The event's id.
    pub id: EventId,
    /// The vendor whose log it belongs to.
    pub vendor: VendorId,
    /// Its place in that log, from 1 without gaps.
    pub number: i64,
    /// When it happened.
    pub at: Timestamp,
    /// Who did it, as JSON.
    pub actor: &'a str,
    /// What happened: `license.revoked`, `seat.claimed`, ….
    pub action: &'a str,
    /// What it happened to: the id's text form.
    pub subject: &'a str,
    /// What was before and after, as JSON.
    pub data: &'a str,
    /// From where: an address, or empty.
    pub origin: &'a str,
    /// The request it came with, or empty.
    pub request: &'a str,
}

impl EventFields<'_> {
    /// The event's hash, chained to `previous`: SHA-256 over a domain name, the previous hash and every field with its
    /// length before it, so that no two different events have the same input.
    pub fn hash(&self, previous: EventHash) -> EventHash {
        let mut hasher = Sha256::new();
        hasher.update(b"holdfast-event-v1\0");
        hasher.update(previous.0);
        hasher.update(self.id.to_bytes());
        hasher.update(self.vendor.to_bytes());
        hasher.update(self.number.to_be_bytes());
        hasher.update(self.at.micros().to_be_bytes());
        for text in [self.actor, self.action, self.subject, self.data, self.origin, self.request] {
            hasher.update((text.len() as u64).to_be_bytes());
            hasher.update(text.as_bytes());
        }
        EventHash(hasher.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_and_the_previous_hash_count() {
        let base = EventFields {
            id: EventId::from_bytes([1; 16]),
            vendor: VendorId::from_bytes([2; 16]),
            number: 3,
            at: Timestamp::from_seconds(4),
            actor: "a",
            action: "b",
            subject: "c",
            data: "d",
            origin: "e",
            request: "f",
        };
        let hash = base.hash(EventHash::GENESIS);
        let others = [
            EventFields { id: EventId::from_bytes([9; 16]), ..base },
            EventFields { vendor: VendorId::from_bytes([9; 16]), ..base },
            EventFields { number: 9, ..base },
            EventFields { at: Timestamp::from_seconds(9), ..base },
            EventFields { actor: "9", ..base },
            EventFields { action: "9", ..base },
            EventFields { subject: "9", ..base },
            EventFields { data: "9", ..base },
            EventFields { origin: "9", ..base },
            EventFields { request: "9", ..base },
            EventFields { actor: "ab", action: "", ..base },
        ];
        assert!(others.iter().all(|other| other.hash(EventHash::GENESIS) != hash));
        assert_ne!(base.hash(EventHash([1; 32])), hash);
        assert_eq!(base.hash(EventHash::GENESIS), hash);
    }
}
