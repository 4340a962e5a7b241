//! Lemon Squeezy: the answers of its API to a list of license keys (JSON:API), with those to a list of their instances, or a
//! CSV file with the same names as columns.

use super::{
    super::{
        columns::Field,
        reader::{Row, Table},
    },
    Cells, KnownDevice, UNLIMITED, fits, headers,
    json::{Resource, resources},
    of_one_product, unreadable,
};
use crate::error::{Error, Result};
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};

/// Columns that no other system's export has together.
pub const MARKS: [&str; 4] = ["key", "key_short", "activation_limit", "user_email"];
/// Its columns here, and what they mean.
pub static COLUMNS: [(&str, Field); 8] = [
    ("key", Field::Key),
    ("user_name", Field::Name),
    ("user_email", Field::Email),
    ("activation_limit", Field::Seats),
    ("expires_at", Field::ExpiresAt),
    ("status", Field::Status),
    ("order_id", Field::Order),
    ("devices", Field::Devices),
];

#[derive(Default, Deserialize)]
#[serde(default)]
struct Attributes {
    // Of a license key.
    key: Option<String>,
    user_name: Option<String>,
    user_email: Option<String>,
    activation_limit: Option<u64>,
    expires_at: Option<String>,
    status: Option<String>,
    disabled: Option<Value>,
    order_id: Option<u64>,
    product_id: Option<u64>,
    // Of an instance.
    license_key_id: Option<u64>,
    identifier: Option<String>,
}

/// What a license stands at here. Whether there are activations is no matter of its status, and its end says it has ended.
fn status(status: &str, disabled: bool) -> &'static str {
    if disabled || status.eq_ignore_ascii_case("disabled") { "suspended" } else { "active" }
}

/// The licenses in `text`.
///
/// # Errors
/// [`crate::ErrorCode::ImportUnreadable`].
pub fn read(text: &str) -> Result<Table> {
    let all: Vec<Resource<Attributes>> = resources(text)?;
    let mut instances: HashMap<u64, Vec<KnownDevice>> = HashMap::new();
    for resource in all.iter().filter(|resource| resource.kind == "license-key-instances") {
        if let (Some(key), Some(identifier)) = (resource.attributes.license_key_id, &resource.attributes.identifier) {
            let device = KnownDevice { id: Some(identifier.clone()), fingerprint: identifier.clone() };
            instances.entry(key).or_default().push(device);
        }
    }
    let keys = all.iter().filter(|resource| resource.kind == "license-keys");
    let products: BTreeSet<String> =
        keys.clone().filter_map(|key| key.attributes.product_id.map(|product| product.to_string())).collect();
    of_one_product(products.iter().map(String::as_str))?;
    fits(keys.clone().count(), &COLUMNS, 0)?;
    let mut table = Table { headers: headers(&COLUMNS), rows: Vec::new(), left_out: 0 };
    for (at, resource) in keys.enumerate() {
        let own = &resource.attributes;
        let disabled = matches!(&own.disabled, Some(Value::Bool(true))) || own.disabled == Some(Value::from(1));
        let known = resource.id.parse().ok().and_then(|id| instances.get(&id));
        let devices = known.map(serde_json::to_string).transpose().map_err(Error::internal)?;
        let cells = vec![
            own.key.clone().unwrap_or_default(),
            own.user_name.clone().unwrap_or_default(),
            own.user_email.clone().unwrap_or_default(),
            // A license may be active on more devices than it should be: none of them is turned away.
            own.activation_limit.unwrap_or(UNLIMITED).max(known.map_or(0, |known| known.len() as u64)).to_string(),
            own.expires_at.clone().unwrap_or_else(|| "never".to_owned()),
            status(own.status.as_deref().unwrap_or_default(), disabled).to_owned(),
            own.order_id.map(|order| order.to_string()).unwrap_or_default(),
            devices.unwrap_or_default(),
        ];
        table.rows.push(Row { line: at as u64 + 1, cells });
    }
    Ok(table)
}

/// The same of a CSV file.
///
/// # Errors
/// [`crate::ErrorCode::ImportUnreadable`] where a column is missing.
pub fn table(file: &Table) -> Result<Table> {
    if !file.headers.iter().any(|header| super::is(header, "key")) {
        return Err(unreadable(
            "A file of Lemon Squeezy has the columns of its API: key, user_email, activation_limit …",
        ));
    }
    let rows = file.rows.iter();
    of_one_product(rows.map(|row| Cells { headers: &file.headers, cells: &row.cells }.get("product_id")))?;
    let unlimited = if file.headers.iter().any(|header| super::is(header, "activation_limit")) {
        UNLIMITED.to_string()
    } else {
        String::new()
    };
    let rows = file.rows.iter().map(|row| {
        let cells = Cells { headers: &file.headers, cells: &row.cells };
        let or = |text: &str, otherwise: &str| if text.is_empty() { otherwise.to_owned() } else { text.to_owned() };
        let own = |name: &str| cells.get(name).to_owned();
        Row {
            line: row.line,
            cells: vec![
                own("key"),
                own("user_name"),
                own("user_email"),
                or(cells.get("activation_limit"), &unlimited),
                or(cells.get("expires_at"), "never"),
                status(cells.get("status"), cells.yes("disabled")).to_owned(),
                own("order_id"),
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

    /// After the documentation of the license key and license key instance objects.
    const SAMPLE: &str = include_str!("samples/lemon_squeezy.json");

    #[test]
    fn keys_are_read_from_the_answers_of_the_api() {
        let (source, rows, _) = rows(SAMPLE);
        assert_eq!(source, Source::LemonSqueezy);
        let told: Vec<String> = rows.iter().map(|row| row.join(" ")).collect();
        assert_eq!(
            told,
            [
                "key=80e15db5-c796-436b-850c-8f9c98a48abe user_name=John Doe user_email=john@example.com activation_limit=5 \
                 expires_at=never status=active order_id=1001 \
                 devices=[{\"id\":\"f70a79fa-6054-433e-9c1b-6075344292e4\",\"fingerprint\":\"f70a79fa-6054-433e-9c1b-6075344292e4\"}]",
                "key=38b1460a-5104-4067-a91d-77b872934d51 user_name=Jane Roe user_email=jane@example.com activation_limit=1 \
                 expires_at=2027-01-24T14:15:07.000000Z status=suspended order_id=1002",
            ]
        );
    }

    #[test]
    fn and_from_a_file_with_the_same_columns() {
        let text = "id,store_id,user_name,user_email,key,key_short,activation_limit,instances_count,disabled,status,expires_at,order_id\n\
            1,1,John Doe,john@example.com,80e15db5-c796-436b-850c-8f9c98a48abe,XXXX-8f9c98a48abe,5,0,0,inactive,,1001\n";
        let (source, rows, _) = rows(text);
        assert_eq!(source, Source::LemonSqueezy);
        let told = "key=80e15db5-c796-436b-850c-8f9c98a48abe user_name=John Doe user_email=john@example.com activation_limit=5 \
            expires_at=never status=active order_id=1001";
        assert_eq!(rows[0].join(" "), told);
    }
}
