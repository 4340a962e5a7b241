//! Keylight: its file of licenses (CSV), or the same members as JSON, with how a license stands and the devices it is
//! active on where the file has them.

use super::{
    super::{
        columns::Field,
        reader::{Row, Table},
    },
    Cells, KnownDevice, fits, headers,
    json::values,
    slug, unreadable,
};
use crate::error::{Error, Result};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeSet;

/// Columns that no other system's export has together.
pub const MARKS: [&str; 3] = ["email", "key_type", "license_key"];
/// Its columns here, and what they mean.
pub static COLUMNS: [(&str, Field); 8] = [
    ("license_key", Field::Key),
    ("name", Field::Name),
    ("email", Field::Email),
    ("key_type", Field::Plan),
    ("activation_limit", Field::Seats),
    ("expires_at", Field::ExpiresAt),
    ("status", Field::Status),
    ("devices", Field::Devices),
];

#[derive(Default, Deserialize)]
#[serde(default)]
struct Record {
    license_key: Option<String>,
    name: Option<String>,
    email: Option<String>,
    key_type: Option<String>,
    activation_limit: Option<u64>,
    /// A date, or seconds since the Unix epoch.
    expires_at: Option<Value>,
    status: Option<String>,
    entitlements: Vec<String>,
    instances: Vec<Instance>,
}

#[derive(Deserialize)]
struct Instance {
    instance_id: String,
    machine_hash: Option<String>,
}

/// A list of licenses under a name, or a license.
#[derive(Deserialize)]
struct Item {
    #[serde(default)]
    licenses: Vec<Record>,
    #[serde(flatten)]
    own: Record,
}

fn status(status: &str) -> &'static str {
    match status.to_ascii_lowercase().as_str() {
        // Whose key was replaced holds another license.
        "revoked" | "reminted" | "cancelled" | "canceled" | "refunded" => "revoked",
        "suspended" | "disabled" | "paused" => "suspended",
        // What has run out says so by its end.
        _ => "active",
    }
}

/// The licenses in `text`.
///
/// # Errors
/// [`crate::ErrorCode::ImportUnreadable`].
pub fn read(text: &str) -> Result<Table> {
    let mut all = Vec::new();
    for item in values::<Item>(text)? {
        all.extend(item.licenses);
        all.extend(item.own.license_key.is_some().then_some(item.own));
    }
    let granted: BTreeSet<&String> = all.iter().flat_map(|record| &record.entitlements).collect();
    fits(all.len(), &COLUMNS, granted.len())?;
    let mut table = Table { headers: headers(&COLUMNS), rows: Vec::new(), left_out: 0 };
    table.headers.extend(granted.iter().map(|code| format!("entitlement:{code}")));
    for (at, record) in all.iter().enumerate() {
        let devices: Vec<KnownDevice> = record
            .instances
            .iter()
            .map(|instance| KnownDevice {
                id: Some(instance.instance_id.clone()),
                // Its clients name the machine by this wherever they can.
                fingerprint: instance.machine_hash.clone().unwrap_or_else(|| instance.instance_id.clone()),
            })
            .collect();
        let known = devices.len() as u64;
        let devices = if devices.is_empty() {
            String::new()
        } else {
            serde_json::to_string(&devices).map_err(Error::internal)?
        };
        let own = |text: &Option<String>| text.clone().unwrap_or_default();
        let mut cells = vec![
            own(&record.license_key),
            own(&record.name),
            own(&record.email),
            slug(record.key_type.as_deref().unwrap_or_default()),
            // A license may be active on more devices than it should be: none of them is turned away.
            record.activation_limit.map(|limit| limit.max(known).to_string()).unwrap_or_default(),
            match &record.expires_at {
                None | Some(Value::Null) => String::new(),
                Some(Value::String(text)) => text.clone(),
                Some(other) => other.to_string(),
            },
            status(record.status.as_deref().unwrap_or_default()).to_owned(),
            devices,
        ];
        cells.extend(granted.iter().map(|code| if record.entitlements.contains(code) { "yes" } else { "" }.to_owned()));
        table.rows.push(Row { line: at as u64 + 1, cells });
    }
    Ok(table)
}

/// The licenses in a CSV file.
///
/// # Errors
/// [`crate::ErrorCode::ImportUnreadable`] where a column is missing.
pub fn table(file: &Table) -> Result<Table> {
    for name in MARKS {
        if !file.headers.iter().any(|header| super::is(header, name)) {
            return Err(unreadable(format_args!("A file of Keylight has a column \"{name}\"; this one has none.")));
        }
    }
    let rows = file.rows.iter().map(|row| {
        let of = Cells { headers: &file.headers, cells: &row.cells };
        let own = |name: &str| of.get(name).to_owned();
        Row {
            line: row.line,
            cells: vec![
                own("license_key"),
                own("name"),
                own("email"),
                slug(of.get("key_type")),
                own("activation_limit"),
                own("expires_at"),
                status(of.get("status")).to_owned(),
                String::new(),
            ],
        }
    });
    Ok(Table { headers: headers(&COLUMNS), rows: rows.collect(), left_out: file.left_out })
}

#[cfg(test)]
mod tests {
    use super::super::tests::rows;
    use holdfast_domain::Source;

    #[test]
    fn the_documented_file_is_read() {
        let (source, rows, _) = rows(include_str!("samples/keylight.csv"));
        assert_eq!(source, Source::Keylight);
        let told: Vec<String> = rows.iter().map(|row| row.join(" ")).collect();
        assert_eq!(
            told,
            [
                "license_key=ACME-1A2B-3C4D name=Ada Lovelace email=ada@example.com key_type=pro status=active",
                "name=Grace Hopper email=grace@example.com key_type=pro-lifetime expires_at=2030-01-01 status=active",
            ]
        );
    }

    #[test]
    fn the_same_as_json_with_devices_and_entitlements() {
        let (source, rows, _) = rows(include_str!("samples/keylight.json"));
        assert_eq!(source, Source::Keylight);
        let told: Vec<String> = rows.iter().map(|row| row.join(" ")).collect();
        assert_eq!(
            told,
            [
                "license_key=ACME-1A2B-3C4D name=Ada Lovelace email=ada@example.com key_type=pro activation_limit=3 \
                 expires_at=1893456000 status=active \
                 devices=[{\"id\":\"5f7e7b9a-0000-4000-8000-000000000001\",\"fingerprint\":\"8e8871112f28cabda180ada131d0b4f4f07c72fb47c5d884edbe32812885b22a\"}] \
                 entitlement:cloud=yes entitlement:pro=yes",
                "license_key=ACME-9Z8Y-7X6W email=grace@example.com key_type=pro status=revoked entitlement:pro=yes",
                "license_key=ACME-0LD0-K3Y0 email=ada@example.com key_type=pro status=revoked",
            ]
        );
    }
}
