//! Canned replies: texts of a vendor's own that name facts in braces, filled with those of a customer and a license.

use crate::text::{NoteText, TextError};
use serde::{Deserialize, Deserializer, Serialize};
use std::{fmt, str::FromStr};

/// A fact that a reply can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fact {
    /// The customer's name.
    Customer,
    /// The customer's address.
    Email,
    /// The product's name.
    Product,
    /// The plan's name.
    Plan,
    /// The last characters of the license's key.
    KeyEnd,
    /// How the license stands.
    Status,
    /// How many seats are taken.
    SeatsUsed,
    /// How many there are.
    SeatsLimit,
    /// The end of the license.
    ValidUntil,
    /// What the devices are called that use it.
    Devices,
    /// Until when they work though nobody reaches us.
    WorksWithoutUsUntil,
    /// The number of the order it was bought with.
    Order,
    /// The vendor's name.
    Vendor,
    /// The name of whoever answers.
    Me,
}

impl Fact {
    /// Every fact, in the order in which they are listed for people.
    pub const ALL: [Self; 14] = [
        Self::Customer,
        Self::Email,
        Self::Product,
        Self::Plan,
        Self::KeyEnd,
        Self::Status,
        Self::SeatsUsed,
        Self::SeatsLimit,
        Self::ValidUntil,
        Self::Devices,
        Self::WorksWithoutUsUntil,
        Self::Order,
        Self::Vendor,
        Self::Me,
    ];

    /// The name that stands in the braces.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Email => "email",
            Self::Product => "product",
            Self::Plan => "plan",
            Self::KeyEnd => "key_end",
            Self::Status => "status",
            Self::SeatsUsed => "seats_used",
            Self::SeatsLimit => "seats_limit",
            Self::ValidUntil => "valid_until",
            Self::Devices => "devices",
            Self::WorksWithoutUsUntil => "works_without_us_until",
            Self::Order => "order",
            Self::Vendor => "vendor",
            Self::Me => "me",
        }
    }

    /// The fact of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fact| fact.as_str() == name)
    }

    /// Whether it is a fact of a license, so that one has to be chosen.
    pub const fn is_of_license(self) -> bool {
        !matches!(self, Self::Customer | Self::Email | Self::Vendor | Self::Me)
    }
}

/// Why a text is no reply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// It is no text that may be kept.
    #[error("{0}")]
    Text(#[from] TextError),
    /// It names a fact that there is not.
    #[error("{{{0}}} is no fact that a reply can name")]
    Unknown(String),
    /// A brace is opened and never closed.
    #[error("a brace is opened and not closed; {{ }} stand around the names of facts only")]
    Open,
}

/// The text of a canned reply: 1 to 4 000 characters, in which braces stand around the names of facts and nowhere else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct ReplyText(String);

/// A piece of a reply.
enum Piece<'a> {
    Said(&'a str),
    Fact(Fact),
}

fn pieces(text: &str) -> Result<Vec<Piece<'_>>, ReplyError> {
    let (mut rest, mut pieces) = (text, Vec::new());
    while let Some((said, from)) = rest.split_once('{') {
        let (name, after) = from.split_once('}').ok_or(ReplyError::Open)?;
        if name.contains(['{', '\n']) {
            return Err(ReplyError::Open);
        }
        let fact = Fact::from_name(name.trim()).ok_or_else(|| ReplyError::Unknown(name.to_owned()))?;
        pieces.extend([Piece::Said(said), Piece::Fact(fact)]);
        rest = after;
    }
    pieces.push(Piece::Said(rest));
    Ok(pieces)
}

impl ReplyText {
    /// The text with its braces.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it names a fact of a license.
    pub fn names_license(&self) -> bool {
        let pieces = pieces(&self.0).unwrap_or_default();
        pieces.iter().any(|piece| matches!(piece, Piece::Fact(fact) if fact.is_of_license()))
    }

    /// The text with each fact in the place of its name.
    pub fn fill(&self, fact: impl Fn(Fact) -> String) -> String {
        // Parsed when it was made.
        let pieces = pieces(&self.0).unwrap_or_default();
        let said = |piece: Piece<'_>| match piece {
            Piece::Said(text) => text.to_owned(),
            Piece::Fact(named) => fact(named),
        };
        pieces.into_iter().map(said).collect()
    }
}

impl FromStr for ReplyText {
    type Err = ReplyError;

    fn from_str(text: &str) -> Result<Self, ReplyError> {
        let text: NoteText = text.parse()?;
        pieces(text.as_str())?;
        Ok(Self(text.as_str().to_owned()))
    }
}

impl fmt::Display for ReplyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ReplyText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ReplyText, ReplyError> {
        text.parse()
    }

    #[test]
    fn facts_take_the_place_of_their_names() {
        let reply =
            parse("Dear {customer},\r\nyour key ends in {key_end}: {seats_used}/{ seats_limit } seats. }").unwrap();
        let said = reply.fill(|fact| format!("<{}>", fact.as_str()));
        assert_eq!(said, "Dear <customer>,\nyour key ends in <key_end>: <seats_used>/<seats_limit> seats. }");
        assert!(reply.names_license());
        // What a fact says is not looked at again.
        assert_eq!(parse("Dear {customer}").unwrap().fill(|_| "{plan}".to_owned()), "Dear {plan}");
        assert!(!parse("Dear {customer}, {me} of {vendor}").unwrap().names_license());
        assert_eq!(parse("Hello").unwrap().fill(|_| String::new()), "Hello");
    }

    #[test]
    fn what_is_no_fact_is_refused_by_name() {
        let cases = [
            ("Dear {name}", ReplyError::Unknown("name".to_owned())),
            ("Dear {}", ReplyError::Unknown(String::new())),
            ("Dear {Customer}", ReplyError::Unknown("Customer".to_owned())),
            ("Dear {customer", ReplyError::Open),
            ("Dear {{customer}}", ReplyError::Open),
            ("Dear {customer\\n}", ReplyError::Unknown("customer\\n".to_owned())),
            ("Dear {\nplan}", ReplyError::Open),
            (" ", ReplyError::Text(TextError::Empty)),
        ];
        for (text, error) in cases {
            assert_eq!(parse(text), Err(error), "{text}");
        }
        assert!(parse(&"x".repeat(4_000)).is_ok() && parse(&"x".repeat(4_001)).is_err());
        assert_eq!(parse("{name}").unwrap_err().to_string(), "{name} is no fact that a reply can name");
    }

    #[test]
    fn every_fact_has_a_name_of_its_own() {
        assert!(Fact::ALL.iter().all(|fact| Fact::from_name(fact.as_str()) == Some(*fact)));
    }
}
