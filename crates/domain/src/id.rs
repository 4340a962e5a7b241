//! Identifiers: a prefix that names the kind, and 128 bits that sort by time of creation.
//!
//! The text form is `prefix_` and 26 lower-case characters of Crockford base 32. The bits are a version 7 UUID (RFC
//! 9562), made from a time and random bytes that the caller hands in, so ids are reproducible in a test.

use crate::{
    entropy::{Entropy, random_bytes},
    time::Timestamp,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{fmt, str::FromStr};

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const TEXT_LENGTH: usize = 26;

/// The text is not an identifier of the expected kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an identifier of the form {prefix}_…")]
pub struct IdError {
    prefix: &'static str,
}

fn version_7(now: Timestamp, random: [u8; 10]) -> u128 {
    let millis = u128::from(now.micros().div_euclid(1_000).unsigned_abs()) & 0xffff_ffff_ffff;
    let random = random.iter().fold(0u128, |acc, byte| (acc << 8) | u128::from(*byte));
    let (rand_a, rand_b) = ((random >> 62) & 0xfff, random & 0x3fff_ffff_ffff_ffff);
    (millis << 80) | (0x7 << 76) | (rand_a << 64) | (0b10 << 62) | rand_b
}

fn encode(value: u128) -> [u8; TEXT_LENGTH] {
    let mut text = [b'0'; TEXT_LENGTH];
    let mut rest = value;
    for slot in text.iter_mut().rev() {
        *slot = ALPHABET[(rest & 31) as usize];
        rest >>= 5;
    }
    text
}

fn decode(text: &str) -> Option<u128> {
    if text.len() != TEXT_LENGTH || text.as_bytes()[0] > b'7' {
        return None;
    }
    text.bytes().try_fold(0u128, |acc, byte| {
        let digit = ALPHABET.iter().position(|a| *a == byte)?;
        Some((acc << 5) | digit as u128)
    })
}

macro_rules! id_type {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u128);

        impl $name {
            /// What the text form begins with, without the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// A new identifier, made at `now` with 80 random bits of `entropy`.
            pub fn new(now: Timestamp, entropy: &dyn Entropy) -> Self {
                Self(version_7(now, random_bytes(entropy)))
            }

            /// From the 16 bytes that the database stores.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(u128::from_be_bytes(bytes))
            }

            /// When it was made, to the millisecond.
            pub fn made_at(self) -> Timestamp {
                Timestamp::from_micros(i64::try_from(self.0 >> 80).unwrap_or(i64::MAX).saturating_mul(1_000))
            }

            /// The 16 bytes that the database stores.
            pub const fn to_bytes(self) -> [u8; 16] {
                self.0.to_be_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!($prefix, "_"))?;
                f.write_str(std::str::from_utf8(&encode(self.0)).map_err(|_| fmt::Error)?)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                text.strip_prefix(concat!($prefix, "_"))
                    .and_then(decode)
                    .map(Self)
                    .ok_or(IdError { prefix: $prefix })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

id_type! {
    /// A vendor: the tenant.
    VendorId = "vnd";
    /// A person of a vendor.
    MemberId = "mem";
    /// A product.
    ProductId = "prd";
    /// A plan.
    PlanId = "pln";
    /// A customer.
    CustomerId = "cus";
    /// A license.
    LicenseId = "lic";
    /// A seat.
    SeatId = "sea";
    /// One lease: the `jti` of the document.
    LeaseId = "lea";
    /// An order.
    OrderId = "ord";
    /// An event of the audit log.
    EventId = "evt";
    /// An API token.
    TokenId = "tok";
    /// A browser session.
    SessionId = "ses";
    /// A root or issuing key.
    SigningKeyId = "sgk";
    /// An import.
    ImportId = "imp";
    /// The one trial of a device and product.
    TrialId = "trl";
    /// A running server process, over its restarts.
    NodeId = "nod";
    /// An alert.
    AlertId = "alr";
    /// An address that is told what happens.
    WebhookId = "whk";
    /// What webhooks are told: the same one for all of them, and for every attempt.
    MessageId = "msg";
    /// A message on its way to one webhook.
    DeliveryId = "dlv";
    /// An invitation to become a member.
    InvitationId = "inv";
    /// A second factor.
    FactorId = "fac";
    /// A list as somebody wants to see it again.
    SavedViewId = "svw";
    /// A canned reply.
    ReplyId = "rpl";
    /// One act on many licenses or seats.
    BulkActId = "blk";
    /// A note about a license or a customer.
    NoteId = "not";
    /// An act that waits for a second person.
    ApprovalId = "apr";
    /// A vendor's account at a payment provider.
    ShopId = "shp";
    /// A message of a shop.
    ShopEventId = "sev";
    /// Something about an order that waits for a person.
    InboxId = "inb";
    /// A person of a customer.
    CustomerPersonId = "cpe";
    /// A mail.
    MailId = "mai";
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(u8);
    impl Entropy for Fixed {
        fn fill(&self, dest: &mut [u8]) {
            dest.fill(self.0);
        }
    }

    #[test]
    fn text_form_round_trips_and_sorts_by_time() {
        let early = LicenseId::new(Timestamp::from_seconds(1_760_000_000), &Fixed(0xff));
        let late = LicenseId::new(Timestamp::from_seconds(1_760_000_001), &Fixed(0));
        assert!(early < late);
        assert!(early.to_string() < late.to_string());
        for id in [early, late] {
            assert_eq!(id.to_string().parse::<LicenseId>(), Ok(id));
            assert_eq!(LicenseId::from_bytes(id.to_bytes()), id);
            assert_eq!(id.to_string().len(), "lic_".len() + 26);
        }
    }

    #[test]
    fn is_a_version_7_uuid() {
        let bytes = SeatId::new(Timestamp::from_seconds(1), &Fixed(0xff)).to_bytes();
        assert_eq!(bytes[6] >> 4, 7);
        assert_eq!(bytes[8] >> 6, 0b10);
        assert_eq!(&bytes[..6], &[0, 0, 0, 0, 0x03, 0xe8]);
        let made = SeatId::new(Timestamp::from_micros(1_234_567), &Fixed(0xff)).made_at();
        assert_eq!(made, Timestamp::from_micros(1_234_000));
    }

    #[test]
    fn refuses_other_kinds_and_sloppy_spelling() {
        let id = LicenseId::new(Timestamp::from_seconds(1), &Fixed(7)).to_string();
        assert!(id.replace("lic_", "sea_").parse::<LicenseId>().is_err());
        assert!(id.to_uppercase().parse::<LicenseId>().is_err());
        assert!(format!("{id}0").parse::<LicenseId>().is_err());
        assert!(format!("lic_8{}", &id[5..]).parse::<LicenseId>().is_err(), "beyond 128 bits");
        assert!("lic_".parse::<LicenseId>().is_err());
        assert!("lic_ééééééééééééé".parse::<LicenseId>().is_err());
    }
}
