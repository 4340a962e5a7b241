//! Short texts people type, parsed once into types that are known to be clean.

use serde::{Deserialize, Deserializer, Serialize};
use std::{fmt, str::FromStr};

/// Why a text was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Nothing but white space.
    #[error("must not be empty")]
    Empty,
    /// Longer than allowed.
    #[error("must be at most {limit} characters long")]
    TooLong {
        /// The greatest number of characters.
        limit: usize,
    },
    /// A control character or one outside the allowed alphabet.
    #[error("contains a character that is not allowed")]
    Characters,
    /// Not the form that was expected (an e-mail address, a code, …).
    #[error("does not have the expected form")]
    Form,
}

/// Trims `text` and refuses control characters, emptiness and more than `limit` characters.
fn clean(text: &str, limit: usize) -> Result<String, TextError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(TextError::Empty);
    }
    if text.chars().count() > limit {
        return Err(TextError::TooLong { limit });
    }
    if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        return Err(TextError::Characters);
    }
    Ok(text.to_owned())
}

/// `text` with its lines ended as everywhere else: a browser's form ends them with two characters.
fn lines(text: &str) -> String {
    text.replace("\r\n", "\n")
}

macro_rules! text_type {
    ($(#[$doc:meta])* $name:ident, $parse:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = TextError;

            fn from_str(text: &str) -> Result<Self, TextError> {
                let parse: fn(&str) -> Result<String, TextError> = $parse;
                parse(text).map(Self)
            }
        }

        impl TryFrom<String> for $name {
            type Error = TextError;

            fn try_from(text: String) -> Result<Self, TextError> {
                text.parse()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

text_type!(
    /// A name people read (of a vendor, product, plan, customer, device …): 1 to 200 characters on one line.
    Name,
    |text| clean(text, 200).and_then(|text| if text.contains(['\n', '\t']) { Err(TextError::Characters) } else { Ok(text) })
);

text_type!(
    /// Why somebody did something, typed by them and kept in the audit log: 1 to 1 000 characters.
    Reason,
    |text| clean(&lines(text), 1_000)
);

text_type!(
    /// A note about a license or a customer: 1 to 4 000 characters.
    NoteText,
    |text| clean(&lines(text), 4_000)
);

text_type!(
    /// What a vendor says in a mail in words of their own: 1 to 2 000 characters.
    MailText,
    |text| clean(&lines(text), 2_000)
);

text_type!(
    /// A colour: `#` and six hexadecimal digits. Parsed input is lower-cased.
    Colour,
    |text| {
        let text = clean(text, 7)?.to_ascii_lowercase();
        let digits = text.strip_prefix('#').ok_or(TextError::Form)?;
        if digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_hexdigit()) { Ok(text) } else { Err(TextError::Form) }
    }
);

text_type!(
    /// A short name for machines (of a product or plan): 1 to 64 characters out of `a-z 0-9 - _ .`, beginning with a
    /// letter or digit. Parsed input is lower-cased.
    Code,
    |text| {
        let text = clean(text, 64)?.to_ascii_lowercase();
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
        if text.chars().all(allowed) && text.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            Ok(text)
        } else {
            Err(TextError::Characters)
        }
    }
);

text_type!(
    /// An e-mail address, lower-cased: something, `@`, something, at most 254 characters, no white space. Whether mail
    /// arrives there is for a mail to find out.
    Email,
    |text| {
        let text = clean(text, 254)?.to_lowercase();
        let (local, host) = text.rsplit_once('@').ok_or(TextError::Form)?;
        let bad = |part: &str| part.is_empty() || part.chars().any(|c| c.is_whitespace() || matches!(c, '<' | '>' | ','));
        if bad(local) || bad(host) || local.len() > 64 || host.starts_with('.') || host.ends_with('.') {
            return Err(TextError::Form);
        }
        Ok(text)
    }
);
