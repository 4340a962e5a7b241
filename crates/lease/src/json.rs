//! A strict reader for the JSON of payloads and headers, which refuses what a lenient one would settle silently.
//!
//! Refused besides what is not JSON at all: a duplicate member at any depth (compared after unescaping), nesting deeper
//! than 8 (the outermost object is level 1), a number with a fraction or an exponent, and an integer whose magnitude
//! exceeds 2^53 - 1. The lease profile calls all of it `payload` (in a header: `header`).

use serde::{
    de::{
        self, Deserializer, IntoDeserializer, Visitor,
        value::{MapDeserializer, SeqDeserializer},
    },
    forward_to_deserialize_any,
};
use std::{borrow::Cow, collections::BTreeSet};

/// The deepest nesting; the outermost object is level 1.
pub const MAX_DEPTH: usize = 8;

/// The greatest magnitude of an integer, 2^53 - 1: what every language's numbers hold exactly.
pub const MAX_INTEGER: i64 = holdfast_domain::entitlement::MAX_SAFE_INTEGER;

/// Below this number of members a linear search for duplicates is cheaper than a set.
const SMALL_OBJECT: usize = 32;

/// A JSON value with integers only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An integer of at most [`MAX_INTEGER`] in magnitude.
    Integer(i64),
    /// A string, unescaped.
    String(Cow<'a, str>),
    /// A list.
    Array(Vec<Value<'a>>),
    /// An object in the order of the text, without duplicates.
    Object(Members<'a>),
}

/// The members of an object.
pub type Members<'a> = Vec<(Cow<'a, str>, Value<'a>)>;

/// The text is not the strict JSON of the profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the strict JSON of the lease profile")]
pub struct NotStrict;

/// Reads one JSON object that fills the whole input. Never panics; [`NotStrict`] for everything else.
pub fn parse_object(bytes: &[u8]) -> Result<Members<'_>, NotStrict> {
    let text = std::str::from_utf8(bytes).map_err(|_| NotStrict)?;
    let mut parser = Parser { text, at: 0 };
    parser.skip_space();
    parser.expect(b'{')?;
    let members = parser.members(1)?;
    parser.skip_space();
    if parser.at == text.len() { Ok(members) } else { Err(NotStrict) }
}

struct Parser<'a> {
    text: &'a str,
    /// Byte offset; always on a character boundary, since it only ever steps over ASCII or whole runs of characters.
    at: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), NotStrict> {
        if self.peek() == Some(byte) {
            self.at += 1;
            Ok(())
        } else {
            Err(NotStrict)
        }
    }

    fn word(&mut self, word: &str, value: Value<'a>) -> Result<Value<'a>, NotStrict> {
        if self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            self.at += word.len();
            Ok(value)
        } else {
            Err(NotStrict)
        }
    }

    fn value(&mut self, depth: usize) -> Result<Value<'a>, NotStrict> {
        match self.peek().ok_or(NotStrict)? {
            b'"' => {
                self.at += 1;
                self.string().map(Value::String)
            }
            b'{' if depth < MAX_DEPTH => {
                self.at += 1;
                self.members(depth + 1).map(Value::Object)
            }
            b'[' if depth < MAX_DEPTH => {
                self.at += 1;
                self.elements(depth + 1).map(Value::Array)
            }
            b't' => self.word("true", Value::Bool(true)),
            b'f' => self.word("false", Value::Bool(false)),
            b'n' => self.word("null", Value::Null),
            b'-' | b'0'..=b'9' => self.integer().map(Value::Integer),
            _ => Err(NotStrict),
        }
    }

    /// The rest of an object after its opening brace.
    fn members(&mut self, depth: usize) -> Result<Members<'a>, NotStrict> {
        let mut members = Members::new();
        let mut seen = BTreeSet::new();
        self.skip_space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(members);
        }
        loop {
            self.skip_space();
            self.expect(b'"')?;
            let name = self.string()?;
            if members.len() < SMALL_OBJECT {
                if members.iter().any(|(other, _)| *other == name) {
                    return Err(NotStrict);
                }
            } else {
                if seen.is_empty() {
                    seen.extend(members.iter().map(|(name, _)| name.clone()));
                }
                if !seen.insert(name.clone()) {
                    return Err(NotStrict);
                }
            }
            self.skip_space();
            self.expect(b':')?;
            self.skip_space();
            let value = self.value(depth)?;
            members.push((name, value));
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(members);
                }
                _ => return Err(NotStrict),
            }
        }
    }

    /// The rest of a list after its opening bracket.
    fn elements(&mut self, depth: usize) -> Result<Vec<Value<'a>>, NotStrict> {
        let mut elements = Vec::new();
        self.skip_space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(elements);
        }
        loop {
            self.skip_space();
            elements.push(self.value(depth)?);
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(elements);
                }
                _ => return Err(NotStrict),
            }
        }
    }

    fn integer(&mut self) -> Result<i64, NotStrict> {
        let negative = self.peek() == Some(b'-');
        if negative {
            self.at += 1;
        }
        let start = self.at;
        let mut magnitude = 0_i64;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            // Stops long before an i64 could overflow.
            magnitude = magnitude * 10 + i64::from(digit - b'0');
            if magnitude > MAX_INTEGER {
                return Err(NotStrict);
            }
            self.at += 1;
        }
        let digits = self.at - start;
        let leading_zero = digits > 1 && self.text.as_bytes().get(start) == Some(&b'0');
        if digits == 0 || leading_zero || matches!(self.peek(), Some(b'.' | b'e' | b'E')) {
            return Err(NotStrict);
        }
        Ok(if negative { -magnitude } else { magnitude })
    }

    /// The rest of a string after its opening quote.
    fn string(&mut self) -> Result<Cow<'a, str>, NotStrict> {
        let mut owned: Option<String> = None;
        loop {
            let run = self.at;
            while !matches!(self.peek().ok_or(NotStrict)?, b'"' | b'\\' | 0..=0x1f) {
                self.at += 1;
            }
            let run = &self.text[run..self.at];
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(match owned {
                        None => Cow::Borrowed(run),
                        Some(text) => Cow::Owned(text + run),
                    });
                }
                Some(b'\\') => {
                    self.at += 1;
                    let text = owned.get_or_insert_default();
                    text.push_str(run);
                    let character = self.escape()?;
                    text.push(character);
                }
                // A raw control character.
                _ => return Err(NotStrict),
            }
        }
    }

    /// One escape after its backslash.
    fn escape(&mut self) -> Result<char, NotStrict> {
        let kind = self.peek().ok_or(NotStrict)?;
        self.at += 1;
        Ok(match kind {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let unit = self.hex4()?;
                let code = match unit {
                    0xd800..=0xdbff => {
                        self.expect(b'\\')?;
                        self.expect(b'u')?;
                        let low = self.hex4()?;
                        if !(0xdc00..=0xdfff).contains(&low) {
                            return Err(NotStrict);
                        }
                        0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00)
                    }
                    _ => unit,
                };
                // Half a surrogate pair is no character.
                char::from_u32(code).ok_or(NotStrict)?
            }
            _ => return Err(NotStrict),
        })
    }

    fn hex4(&mut self) -> Result<u32, NotStrict> {
        let mut unit = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16)).ok_or(NotStrict)?;
            self.at += 1;
            unit = unit * 16 + digit;
        }
        Ok(unit)
    }
}

impl<'de> IntoDeserializer<'de, de::value::Error> for Value<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// Gives the value to serde. Stricter than JSON libraries usually are: a struct is read from an object only, and null
/// is not an absent value.
impl<'de> Deserializer<'de> for Value<'de> {
    type Error = de::value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        match self {
            Self::Null => visitor.visit_unit(),
            Self::Bool(value) => visitor.visit_bool(value),
            Self::Integer(value) => visitor.visit_i64(value),
            Self::String(Cow::Borrowed(text)) => visitor.visit_borrowed_str(text),
            Self::String(Cow::Owned(text)) => visitor.visit_string(text),
            Self::Array(elements) => visitor.visit_seq(SeqDeserializer::new(elements.into_iter())),
            Self::Object(members) => visitor.visit_map(MapDeserializer::new(members.into_iter())),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        match self {
            Self::Null => Err(de::Error::custom("null where a claim should be absent")),
            value => visitor.visit_some(value),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        match self {
            Self::Object(members) => visitor.visit_map(MapDeserializer::new(members.into_iter())),
            _ => Err(de::Error::custom("an object was expected")),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        match self {
            Self::String(text) => visitor.visit_enum(text.into_deserializer()),
            _ => Err(de::Error::custom("a string was expected")),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(text: &str) -> bool {
        parse_object(text.as_bytes()).is_ok()
    }

    #[test]
    fn ordinary_objects_are_read() {
        let members =
            parse_object(br#" { "a" : [ 1 , -2 , true , null ] , "b\u0041\ud83d\ude00" : "x\n\/" , "c":{}} "#);
        assert_eq!(
            members,
            Ok(vec![
                ("a".into(), Value::Array(vec![Value::Integer(1), Value::Integer(-2), Value::Bool(true), Value::Null])),
                ("bA\u{1f600}".into(), Value::String("x\n/".into())),
                ("c".into(), Value::Object(vec![])),
            ])
        );
    }

    #[test]
    fn only_objects_that_fill_the_input_are_read() {
        for text in ["", " ", "[]", "1", "\"a\"", "null", "{", "}", "{}{}", "{},", "{} x", "\u{feff}{}", "{\"a\"}"] {
            assert!(!accepts(text), "{text}");
        }
        for text in ["{\"a\":1,}", "{,}", "{\"a\":[1,]}", "{a:1}", "{'a':1}", "{\"a\":01}", "{\"a\":+1}", "{\"a\":-}"] {
            assert!(!accepts(text), "{text}");
        }
        for text in ["{\"a\":\"\t\"}", "{\"a\":\"\\x\"}", "{\"a\":\"\\ud800\"}", "{\"a\":\"\\udc00\"}", "{\"a\":tru}"] {
            assert!(!accepts(text), "{text}");
        }
        assert!(parse_object(b"{\"a\":\"\xff\"}").is_err());
    }

    #[test]
    fn duplicates_are_refused_at_any_depth_and_in_any_spelling() {
        for text in
            [r#"{"a":1,"a":1}"#, r#"{"a":1,"\u0061":2}"#, r#"{"b":{"a":1,"a":2}}"#, r#"{"b":[[{"a":1,"c":0,"a":2}]]}"#]
        {
            assert!(!accepts(text), "{text}");
        }
        assert!(accepts(r#"{"a":{"a":{"a":1}},"A":1}"#));
        let many = (0..100).map(|n| format!("\"{n}\":0")).collect::<Vec<_>>();
        assert!(accepts(&format!("{{{}}}", many.join(","))));
        for position in [0, 31, 32, 33, 99] {
            assert!(!accepts(&format!("{{{},\"{position}\":0}}", many.join(","))), "{position}");
        }
    }

    #[test]
    fn nesting_ends_at_eight_levels() {
        let nested = |levels: usize| format!("{{\"a\":{}1{}}}", "[".repeat(levels - 1), "]".repeat(levels - 1));
        assert!(accepts(&nested(8)));
        assert!(!accepts(&nested(9)));
        assert!(!accepts(&nested(100_000)));
    }

    #[test]
    fn numbers_are_integers_that_every_language_holds() {
        for text in ["0", "-0", "9007199254740991", "-9007199254740991"] {
            assert!(accepts(&format!("{{\"a\":{text}}}")), "{text}");
        }
        for text in ["9007199254740992", "-9007199254740992", "1.0", "1e3", "1E3", "0.5", "18446744073709551616", "NaN"]
        {
            assert!(!accepts(&format!("{{\"a\":{text}}}")), "{text}");
        }
    }
}
