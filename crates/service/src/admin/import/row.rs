//! One row of a file, read under a mapping: what license it describes, or what is wrong with which cell.

use super::{
    columns::Field,
    dates::{self, DateOrder, shorten},
    formats::KnownDevice,
};
use holdfast_domain::{
    Email, EntitlementValue, Entitlements, LicenseKey, LicenseStatus, Name, Timestamp, entitlement::MAX_SAFE_INTEGER,
};

/// The greatest number of devices of a license that are known from elsewhere.
const MAX_DEVICES: usize = 1_000;
/// The greatest number of bytes in a device's id or fingerprint.
pub const MAX_DEVICE_TEXT: usize = 512;

/// A license as a row describes it. Codes are still text: whether they exist is judged against the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParsedRow {
    /// The key, its bytes kept.
    pub key: LicenseKey,
    /// The customer's address.
    pub email: Option<Email>,
    /// The customer's name.
    pub name: Option<Name>,
    /// The product's code, lower-cased.
    pub product: Option<String>,
    /// The plan's code, lower-cased.
    pub plan: Option<String>,
    /// The number of seats.
    pub seats: Option<u32>,
    /// The end of the license.
    pub end: End,
    /// The status, where the file says one.
    pub status: Option<LicenseStatus>,
    /// The provider's number of the order.
    pub order: Option<Name>,
    /// Entitlements beyond or instead of the plan's.
    pub overrides: Entitlements,
    /// The devices that the other system knows.
    pub devices: Vec<KnownDevice>,
}

/// When a license ends, as a file says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The file says nothing: as the plan's model has it, from the moment of import.
    AsPlan,
    /// `never`, `lifetime`, `perpetual`: without end.
    Never,
    /// At that moment.
    At(Timestamp),
}

/// What is wrong with a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowError {
    /// The index of the column that is wrong; `None` where it is the row as a whole.
    pub column: Option<usize>,
    /// What is wrong, a sentence for people.
    pub reason: String,
}

/// Reads `cells` under `mapping`.
///
/// # Errors
/// The first cell that cannot be read. A cell of an ignored column is never looked at.
pub fn parse(cells: &[String], mapping: &[Field], order: Option<DateOrder>) -> Result<ParsedRow, RowError> {
    if cells.len() > mapping.len() {
        return Err(RowError {
            column: None,
            reason: format!(
                "The row has {} cells, the header {}: a quote or delimiter is wrong.",
                cells.len(),
                mapping.len()
            ),
        });
    }
    let mut row = Draft::default();
    for (at, (cell, field)) in cells.iter().zip(mapping).enumerate() {
        if cell.trim().is_empty() || *field == Field::Ignore {
            continue;
        }
        row.take(field, cell.trim(), order).map_err(|reason| RowError { column: Some(at), reason })?;
    }
    let key = row.key.ok_or_else(|| RowError {
        column: mapping.iter().position(|field| *field == Field::Key),
        reason: "The license key is missing.".to_owned(),
    })?;
    let Draft { email, name, product, plan, seats, end, status, order, overrides, devices, .. } = row;
    let end = end.unwrap_or(End::AsPlan);
    Ok(ParsedRow { key, email, name, product, plan, seats, end, status, order, overrides, devices })
}

#[derive(Default)]
struct Draft {
    key: Option<LicenseKey>,
    email: Option<Email>,
    name: Option<Name>,
    product: Option<String>,
    plan: Option<String>,
    seats: Option<u32>,
    end: Option<End>,
    status: Option<LicenseStatus>,
    order: Option<Name>,
    overrides: Entitlements,
    devices: Vec<KnownDevice>,
}

impl Draft {
    fn take(&mut self, field: &Field, cell: &str, order: Option<DateOrder>) -> Result<(), String> {
        match field {
            Field::Ignore => {}
            Field::Key => {
                self.key = Some(LicenseKey::parse(cell).map_err(|error| sentence(&error.to_string()))?);
            }
            Field::Email => {
                self.email = Some(
                    cell.parse()
                        .map_err(|error| format!("\"{}\" is not an e-mail address: {error}.", shorten(cell)))?,
                );
            }
            Field::Name => self.name = Some(name(cell)?),
            Field::Order => self.order = Some(name(cell)?),
            Field::Product => self.product = Some(cell.to_lowercase()),
            Field::Plan => self.plan = Some(cell.to_lowercase()),
            Field::Seats => {
                let seats = cell.parse().ok().filter(|seats| (1..=1_000_000).contains(seats));
                self.seats = Some(
                    seats
                        .ok_or_else(|| format!("\"{}\" is not a number of seats from 1 to 1000000.", shorten(cell)))?,
                );
            }
            Field::ExpiresAt => {
                self.end = Some(match cell.to_lowercase().as_str() {
                    "never" | "lifetime" | "perpetual" | "none" | "null" => End::Never,
                    _ => End::At(dates::parse_end(cell, order).map_err(|reason| reason + ".")?),
                });
            }
            Field::Status => {
                self.status = Some(match cell.to_lowercase().as_str() {
                    // Expiry is derived from the end date, so these two are in force as far as the status goes.
                    "active" | "valid" | "enabled" | "ok" | "expired" | "inactive" => LicenseStatus::Active,
                    "suspended" | "paused" | "disabled" | "on hold" => LicenseStatus::Suspended,
                    "revoked" | "cancelled" | "canceled" | "refunded" | "banned" => LicenseStatus::Revoked,
                    _ => {
                        return Err(format!(
                            "\"{}\" is not a status; use active, suspended, revoked or expired.",
                            shorten(cell)
                        ));
                    }
                });
            }
            Field::Devices => self.devices = devices(cell)?,
            Field::Entitlement(code) => {
                if let Some(value) = entitlement(cell)? {
                    self.overrides.insert(code.clone(), value);
                }
            }
        }
        Ok(())
    }
}

fn devices(cell: &str) -> Result<Vec<KnownDevice>, String> {
    let wrong = || "The devices are not a JSON list of objects with a fingerprint and perhaps an id.".to_owned();
    let devices: Vec<KnownDevice> = serde_json::from_str(cell).map_err(|_| wrong())?;
    let fits = |text: &str| (1..=MAX_DEVICE_TEXT).contains(&text.len()) && !text.contains(char::is_control);
    let all = devices.iter().all(|device| fits(&device.fingerprint) && device.id.as_deref().is_none_or(fits));
    if !all {
        return Err(format!("A fingerprint and an id have 1 to {MAX_DEVICE_TEXT} bytes."));
    }
    if devices.len() > MAX_DEVICES {
        return Err(format!("There are more than {MAX_DEVICES} devices."));
    }
    Ok(devices)
}

fn name(cell: &str) -> Result<Name, String> {
    cell.parse().map_err(|error| format!("\"{}\" {error}.", shorten(cell)))
}

fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).chain(['.']).collect())
}

/// `true`, `yes`, `x` unlock; `false`, `no` grant nothing; a whole number sizes; anything else is a text.
fn entitlement(cell: &str) -> Result<Option<EntitlementValue>, String> {
    match cell.to_lowercase().as_str() {
        "true" | "yes" | "y" | "x" | "on" => return Ok(Some(EntitlementValue::ON)),
        "false" | "no" | "n" | "off" | "-" => return Ok(None),
        _ => {}
    }
    if let Ok(number) = cell.parse::<i64>() {
        return if number.unsigned_abs() <= MAX_SAFE_INTEGER.unsigned_abs() {
            Ok(Some(EntitlementValue::Integer(number)))
        } else {
            Err(format!("{} is too large for an entitlement.", shorten(cell)))
        };
    }
    if cell.len() > 256 {
        return Err("An entitlement's text has at most 256 bytes.".to_owned());
    }
    Ok(Some(EntitlementValue::Text(cell.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(text: &str) -> Field {
        text.parse().unwrap()
    }

    fn one(field_name: &str, cell: &str) -> Result<ParsedRow, RowError> {
        parse(&["AB12-CD34-EF56".to_owned(), cell.to_owned()], &[Field::Key, field(field_name)], None)
    }

    #[test]
    fn keys_of_other_systems_keep_their_bytes() {
        for key in [
            "6f1c1f5e-2d53-4a7e-9d4f-8f0d8f1b2c3d",
            "AB12-CD34-EF56-GH78",
            "aBcDeFgH12345678",
            "x0123456789012345678901234567890123456789012345678901234567890Zz",
            "{1F2E}-mixed/Case+sign=12",
        ] {
            let row = parse(&[key.to_owned()], &[Field::Key], None).unwrap();
            assert_eq!(row.key.expose(), key);
            assert_eq!(row.end, End::AsPlan);
            assert_eq!(row.status, None);
        }
    }

    #[test]
    fn a_wrong_cell_is_named_with_its_column_and_reason() {
        for (name, cell, word) in [
            ("email", "not an address", "e-mail"),
            ("seats", "0", "seats"),
            ("seats", "1.5", "seats"),
            ("seats", "9999999999999999999", "seats"),
            ("expires_at", "01/02/2026", "day first"),
            ("status", "maybe", "status"),
            ("name", "two\nlines", "character"),
            ("name", &"x".repeat(10_000), "200"),
            ("entitlement:a", "99999999999999999", "large"),
            ("entitlement:a", &"é".repeat(129), "256"),
            ("devices", "laptop", "JSON"),
            ("devices", "[{\"id\":\"x\"}]", "JSON"),
            ("devices", "[{\"fingerprint\":\"\"}]", "512"),
        ] {
            let error = one(name, cell).unwrap_err();
            assert_eq!(error.column, Some(1), "{name}");
            assert!(error.reason.contains(word), "{}", error.reason);
            assert!(error.reason.chars().count() < 200, "quotes only the beginning");
        }
        let error =
            parse(&[" ".to_owned(), "x@example.com".to_owned()], &[Field::Key, Field::Email], None).unwrap_err();
        assert_eq!((error.column, error.reason.as_str()), (Some(0), "The license key is missing."));
        let error = parse(&vec!["x".to_owned(); 3], &[Field::Key, Field::Email], None).unwrap_err();
        assert_eq!(error.column, None);
        assert!(parse(&["ключ-ключ-ключ".to_owned()], &[Field::Key], None).is_err());
        assert!(parse(&["short".to_owned()], &[Field::Key], None).is_err());
    }

    #[test]
    fn cells_mean_what_people_mean_by_them() {
        assert_eq!(one("expires_at", "Never").unwrap().end, End::Never);
        assert_eq!(one("status", "Cancelled").unwrap().status, Some(LicenseStatus::Revoked));
        assert_eq!(one("status", "expired").unwrap().status, Some(LicenseStatus::Active));
        assert_eq!(one("plan", "PRO").unwrap().plan.as_deref(), Some("pro"));
        assert_eq!(one("email", "Ann@Example.COM").unwrap().email.unwrap().as_str(), "ann@example.com");
        assert_eq!(one("name", "=cmd|'/c calc'!A1").unwrap().name.unwrap().as_str(), "=cmd|'/c calc'!A1");
        assert_eq!(one("name", "<script>😀\u{202e}").unwrap().name.unwrap().as_str(), "<script>😀\u{202e}");
        let value = |cell: &str| one("entitlement:a", cell).unwrap().overrides.into_values().next();
        assert_eq!(value("yes"), Some(EntitlementValue::ON));
        assert_eq!(value("25"), Some(EntitlementValue::Integer(25)));
        assert_eq!(value("no"), None);
        assert_eq!(value(""), None);
        assert_eq!(value("gold"), Some(EntitlementValue::Text("gold".to_owned())));
        let devices = one("devices", r#"[{"fingerprint":"a"},{"id":"7","fingerprint":"b"}]"#).unwrap().devices;
        assert_eq!(devices.iter().map(|device| device.id.as_deref()).collect::<Vec<_>>(), [None, Some("7")]);
        assert!(one("ignore", &"\u{7}".repeat(10_000)).is_ok());
    }
}
