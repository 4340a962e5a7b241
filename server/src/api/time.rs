//! Points in time as the management API writes them: RFC 3339, UTC, whole seconds.

use holdfast_domain::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::borrow::Cow;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ObjectBuilder, RefOr, Schema,
        schema::{KnownFormat, SchemaFormat, Type},
    },
};

/// A point in time, written as `2026-03-01T12:00:00Z`. Any offset is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rfc3339(pub Timestamp);

impl From<Timestamp> for Rfc3339 {
    fn from(at: Timestamp) -> Self {
        Self(at)
    }
}

/// `at` in RFC 3339, UTC, whole seconds. A moment outside of the years 0 to 9999 is written as the nearest one inside.
pub fn format(at: Timestamp) -> String {
    let seconds = at.seconds().0.clamp(-62_135_596_800, 253_402_207_200);
    jiff::Timestamp::from_second(seconds).map(|at| at.to_string()).unwrap_or_default()
}

/// Reads RFC 3339 with any offset; `None` where it is not that.
pub fn parse(text: &str) -> Option<Timestamp> {
    text.parse::<jiff::Timestamp>().ok().map(|at| Timestamp::from_micros(at.as_microsecond()))
}

impl Serialize for Rfc3339 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format(self.0))
    }
}

impl<'de> Deserialize<'de> for Rfc3339 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse(&text).map(Self).ok_or_else(|| D::Error::custom("expected a time such as 2026-03-01T12:00:00Z"))
    }
}

impl PartialSchema for Rfc3339 {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .examples([serde_json::json!("2026-03-01T12:00:00Z")])
            .into()
    }
}

impl ToSchema for Rfc3339 {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Timestamp")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_whole_seconds_in_utc() {
        assert_eq!(format(Timestamp::from_micros(1_772_366_400_999_999)), "2026-03-01T12:00:00Z");
        assert_eq!(parse("2026-03-01T13:00:00+01:00"), Some(Timestamp::from_seconds(1_772_366_400)));
        assert_eq!(parse("2026-03-01"), None);
        assert_eq!(parse("1772366400"), None);
        assert!(format(Timestamp::from_micros(i64::MAX)).starts_with("9999-"));
        assert!(format(Timestamp::from_micros(i64::MIN)).len() > 10);
    }
}
