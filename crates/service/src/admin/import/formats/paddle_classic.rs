//! Paddle Classic: the report of sent licenses (CSV). One that was sent again is one license.

use super::{
    super::{
        columns::Field,
        reader::{Row, Table},
    },
    Cells, headers, slug, unreadable,
};
use crate::error::Result;
use std::collections::HashSet;

/// Columns that no other system's export has together.
pub const MARKS: [&str; 3] = ["Order ID", "License Code", "Customer Email"];
/// Its columns here, and what they mean.
pub static COLUMNS: [(&str, Field); 4] = [
    ("License Code", Field::Key),
    ("Customer Email", Field::Email),
    ("Product Name", Field::Plan),
    ("Order ID", Field::Order),
];

/// The licenses in a report.
///
/// # Errors
/// [`crate::ErrorCode::ImportUnreadable`] where a column is missing.
pub fn table(file: &Table) -> Result<Table> {
    for name in MARKS {
        if !file.headers.iter().any(|header| super::is(header, name)) {
            return Err(unreadable(format_args!(
                "Paddle's report of sent licenses has a column \"{name}\"; this file has none."
            )));
        }
    }
    let mut table = Table { headers: headers(&COLUMNS), rows: Vec::new(), left_out: file.left_out };
    let mut sent = HashSet::new();
    for row in &file.rows {
        let of = Cells { headers: &file.headers, cells: &row.cells };
        let (code, order) = (of.get("License Code"), of.get("Order ID"));
        if !code.is_empty() && !sent.insert((code, order)) {
            table.left_out += 1;
            continue;
        }
        let cells =
            vec![code.to_owned(), of.get("Customer Email").to_owned(), slug(of.get("Product Name")), order.to_owned()];
        table.rows.push(Row { line: row.line, cells });
    }
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::super::tests::rows;
    use holdfast_domain::Source;

    const SAMPLE: &str = include_str!("samples/paddle_classic.csv");

    #[test]
    fn sent_licenses_are_licenses_once() {
        let (source, rows, left_out) = rows(SAMPLE);
        assert_eq!((source, left_out), (Source::PaddleClassic, 1));
        let told: Vec<String> = rows.iter().map(|row| row.join(" ")).collect();
        assert_eq!(
            told,
            [
                "License Code=4E2C19F0-1B3D5A77-90AB12CD-34EF56AA Customer Email=ada@example.com \
                 Product Name=example-editor Order ID=84722001-12345678",
                "License Code=SELLER-0001-OWN-KEY Customer Email=grace@example.com Product Name=example-editor-pro \
                 Order ID=84722002-12345679",
            ]
        );
    }
}
