//! Gumroad: the CSV file of sales. Sales without a key, the charges that follow a subscription's first one, and the row of
//! totals at the end are no licenses and are left out.

use super::{
    super::{
        columns::Field,
        reader::{Row, Table},
    },
    Cells, headers, of_one_product, slug, unreadable, when,
};
use crate::error::Result;
use std::collections::HashMap;

/// Columns that no other system's export has together.
pub const MARKS: [&str; 3] = ["License Key", "Purchase ID", "Item Name"];
/// Its columns here, and what they mean.
pub static COLUMNS: [(&str, Field); 8] = [
    ("License Key", Field::Key),
    ("Buyer Name", Field::Name),
    ("Purchase Email", Field::Email),
    ("Variants", Field::Plan),
    ("Quantity", Field::Seats),
    ("Subscription End Date", Field::ExpiresAt),
    ("status", Field::Status),
    ("Purchase ID", Field::Order),
];

/// The licenses in a file of sales.
///
/// # Errors
/// [`crate::ErrorCode::ImportUnreadable`] where a column is missing.
pub fn table(file: &Table) -> Result<Table> {
    for name in MARKS {
        if !file.headers.iter().any(|header| super::is(header, name)) {
            return Err(unreadable(format_args!(
                "A file of Gumroad's sales has a column \"{name}\"; this one has none."
            )));
        }
    }
    let sold = file.rows.iter().map(|row| Cells { headers: &file.headers, cells: &row.cells });
    of_one_product(sold.filter(|sale| !sale.get("License Key").is_empty()).map(|sale| sale.get("Item Name")))?;
    let cells = |row: &'_ Row| Cells { headers: &file.headers, cells: &row.cells }.get("License Key").to_owned();
    // The first sale of a key, which the charges that follow repeat.
    let mut first: HashMap<String, usize> = HashMap::new();
    for (at, row) in file.rows.iter().enumerate() {
        let of = Cells { headers: &file.headers, cells: &row.cells };
        let (key, follows) = (cells(row), of.yes("Recurring Charge?"));
        if key.is_empty() {
            continue;
        }
        let known = first.get(&key).copied();
        let replaces = known.is_some_and(|known| {
            let known = Cells { headers: &file.headers, cells: &file.rows[known].cells };
            known.yes("Recurring Charge?") && !follows
        });
        if known.is_none() || replaces {
            first.insert(key, at);
        }
    }
    let mut table = Table { headers: headers(&COLUMNS), rows: Vec::new(), left_out: file.left_out };
    for (at, row) in file.rows.iter().enumerate() {
        let of = Cells { headers: &file.headers, cells: &row.cells };
        let key = cells(row);
        // Two sales of one key that are no charges of a subscription are for a person to look at.
        let is_charge = of.yes("Recurring Charge?") && first.get(&key) != Some(&at);
        if key.is_empty() || is_charge {
            table.left_out += 1;
            continue;
        }
        let gift = of.get("Giftee Email");
        let lost = of.yes("Disputed?") && !of.yes("Dispute Won?");
        let status = if of.yes("Fully Refunded?") || of.yes("Access Revoked?") || lost {
            "revoked"
        } else if of.get("License Key Enabled?") == "0" {
            "suspended"
        } else {
            "active"
        };
        // What is sold once has no end; of a subscription that runs nobody knows it yet.
        let end = match (of.get("Subscription End Date"), of.get("Recurrence")) {
            ("", "") => "never".to_owned(),
            (end, _) => when(end),
        };
        let quantity = Some(of.get("Quantity")).filter(|quantity| *quantity != "1").unwrap_or_default();
        let cells = vec![
            key,
            if gift.is_empty() { of.get("Buyer Name") } else { "" }.to_owned(),
            if gift.is_empty() { of.get("Purchase Email") } else { gift }.to_owned(),
            slug(of.get("Variants")),
            quantity.to_owned(),
            end,
            status.to_owned(),
            of.get("Purchase ID").to_owned(),
        ];
        table.rows.push(Row { line: row.line, cells });
    }
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::super::tests::rows;
    use holdfast_domain::Source;

    /// With the columns of the export, those left out that say nothing here.
    const SAMPLE: &str = include_str!("samples/gumroad.csv");

    #[test]
    fn sales_with_a_key_are_licenses() {
        let (source, rows, left_out) = rows(SAMPLE);
        assert_eq!((source, left_out), (Source::Gumroad, 4));
        let told: Vec<String> = rows.iter().map(|row| row.join(" ")).collect();
        assert_eq!(
            told,
            [
                "License Key=85DB562A-C11D4B06-A2335A6B-8C079166 Buyer Name=Ada Lovelace Purchase Email=ada@example.com \
                 Variants=pro Subscription End Date=never status=active Purchase ID=lbgmQmXpVlU-ZJyQ==",
                "License Key=4F1D90AB-77AA41E2-9C0D11EE-1B2C3D4E Purchase Email=friend@example.com Quantity=5 \
                 Subscription End Date=never status=revoked Purchase ID=AAbbCCddEE==",
                "License Key=9B3E66D0-12CF4A3B-8F00AA11-77665544 Buyer Name=Grace Hopper Purchase Email=grace@example.com \
                 Subscription End Date=2026-05-04 03:02:01 status=active Purchase ID=FIRST==",
                "License Key=0A1B2C3D-4E5F6071-8293A4B5-C6D7E8F9 Buyer Name=Alan Turing Purchase Email=alan@example.com \
                 status=suspended Purchase ID=RUNS==",
            ]
        );
    }
}
