//! Entitlements: codes with values that unlock or size a feature.

use crate::text::TextError;
use serde::{Deserialize, Deserializer, Serialize};
use std::{borrow::Borrow, collections::BTreeMap, fmt, str::FromStr};

/// The greatest magnitude an integer in a document may have: 2^53 - 1 (lease profile, refusal `payload`).
pub const MAX_SAFE_INTEGER: i64 = (1 << 53) - 1;

/// The value of an entitlement: `true`, an integer, or a string. `false` and null do not exist: what is not granted is
/// absent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(untagged)]
pub enum EntitlementValue {
    /// The feature is unlocked. Always `true`.
    Flag(True),
    /// A size or count, at most [`MAX_SAFE_INTEGER`] in magnitude.
    Integer(i64),
    /// A text, at most 256 bytes.
    Text(String),
}

/// The one value a flag can have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct True;

impl Serialize for True {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bool(true)
    }
}

impl EntitlementValue {
    /// The value of an unlocked feature.
    pub const ON: Self = Self::Flag(True);
}

impl fmt::Display for EntitlementValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(True) => f.write_str("true"),
            Self::Integer(n) => n.fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl<'de> Deserialize<'de> for EntitlementValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = EntitlementValue;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true, an integer of magnitude below 2^53, or a string")
            }

            fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<Self::Value, E> {
                if value {
                    Ok(EntitlementValue::ON)
                } else {
                    Err(E::invalid_value(serde::de::Unexpected::Bool(false), &self))
                }
            }

            fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Self::Value, E> {
                if value.unsigned_abs() <= MAX_SAFE_INTEGER.unsigned_abs() {
                    Ok(EntitlementValue::Integer(value))
                } else {
                    Err(E::invalid_value(serde::de::Unexpected::Signed(value), &self))
                }
            }

            fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Self::Value, E> {
                i64::try_from(value)
                    .map_err(|_| E::invalid_value(serde::de::Unexpected::Unsigned(value), &self))
                    .and_then(|value| self.visit_i64(value))
            }

            fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Self::Value, E> {
                Ok(EntitlementValue::Text(value.to_owned()))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// The name an application asks for: 1 to 64 characters out of `a-z A-Z 0-9 . _ : -`, beginning with a letter or digit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct EntitlementCode(String);

impl EntitlementCode {
    /// The code's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EntitlementCode {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        if text.is_empty() {
            return Err(TextError::Empty);
        }
        if text.len() > 64 {
            return Err(TextError::TooLong { limit: 64 });
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | ':' | '-');
        if text.chars().all(allowed) && text.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(TextError::Characters)
        }
    }
}

impl Borrow<str> for EntitlementCode {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EntitlementCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for EntitlementCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// What a plan grants or a license overrides: code to value, sorted by code.
pub type Entitlements = BTreeMap<EntitlementCode, EntitlementValue>;
