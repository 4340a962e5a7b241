//! The exports of other systems, each turned into the table that a file of our own columns would be: from there on all
//! imports are alike.
//!
//! A file is recognised by its content ([`recognise`]); whoever imports may say otherwise.

mod gumroad;
mod json;
mod keygen;
mod keylight;
mod lemon_squeezy;
mod paddle_classic;

use super::{
    columns::{Field, Mapping},
    reader::{self, Table},
};
use crate::error::{Error, ErrorCode, Result};
use holdfast_domain::Source;
use std::collections::BTreeSet;

/// The seats of a license whose devices the other system does not count.
const UNLIMITED: u64 = 1_000_000;

/// How many cells a file may become.
const MAX_CELLS: usize = 4_000_000;

/// A device that the other system knows, as a cell of the column `devices` holds it: a JSON list of these.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct KnownDevice {
    /// What the other system calls it, where it has given it an id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What its application identifies it by.
    pub fingerprint: String,
}

fn unreadable(detail: impl std::fmt::Display) -> Error {
    Error::new(ErrorCode::ImportUnreadable).with_detail(detail)
}

/// A file, taken apart.
pub struct Export {
    /// Which system's it is.
    pub source: Source,
    /// Its rows.
    pub table: Table,
    /// What the columns mean; absent for a table of nobody's, whose headers are guessed at.
    pub mapping: Option<Mapping>,
}

/// Takes `bytes` apart as an export of `source`, or, where that is absent, of whichever system they look like.
///
/// # Errors
/// [`ErrorCode::ImportUnreadable`] with what is wrong and where; also for JSON of no known system.
pub fn read(bytes: &[u8], source: Option<Source>, delimiter: Option<u8>) -> Result<Export> {
    let text = reader::text(bytes)?;
    let is_json = text.trim_start().starts_with(['{', '[']);
    if !is_json {
        let table = reader::read(text, delimiter)?;
        let source = source.unwrap_or_else(|| recognise(&table.headers));
        let table = match source {
            Source::Csv => table,
            Source::Keygen => return Err(unreadable("Keygen's export is JSON: the answers of its API.")),
            Source::LemonSqueezy => lemon_squeezy::table(&table)?,
            Source::Gumroad => gumroad::table(&table)?,
            Source::PaddleClassic => paddle_classic::table(&table)?,
            Source::Keylight => keylight::table(&table)?,
        };
        return export(source, table);
    }
    let source = source.or_else(|| recognise_json(text)).ok_or_else(|| {
        unreadable("The file is JSON, but not an export of Keygen, Lemon Squeezy or Keylight. Save it as CSV.")
    })?;
    let table = match source {
        Source::Keygen => keygen::read(text)?,
        Source::LemonSqueezy => lemon_squeezy::read(text)?,
        Source::Keylight => keylight::read(text)?,
        Source::Csv | Source::Gumroad | Source::PaddleClassic => {
            return Err(unreadable(format_args!("The file is JSON; an export of {} is CSV.", source.name())));
        }
    };
    export(source, table)
}

fn export(source: Source, table: Table) -> Result<Export> {
    if table.rows.is_empty() {
        return Err(unreadable("There is no license in the file."));
    }
    let known: &[(&str, Field)] = match source {
        Source::Csv => return Ok(Export { source, table, mapping: None }),
        Source::Keygen => &keygen::COLUMNS,
        Source::LemonSqueezy => &lemon_squeezy::COLUMNS,
        Source::Gumroad => &gumroad::COLUMNS,
        Source::PaddleClassic => &paddle_classic::COLUMNS,
        Source::Keylight => &keylight::COLUMNS,
    };
    let means = |header: &String| {
        let known = known.iter().find(|(name, _)| name == header).map(|(_, field)| field.clone());
        known.unwrap_or_else(|| Field::guess(header))
    };
    let mapping = Some(table.headers.iter().map(means).collect());
    Ok(Export { source, table, mapping })
}

/// Which system's export has this header row; another one's where none fits.
pub fn recognise(headers: &[String]) -> Source {
    let has = |wanted: &[&str]| wanted.iter().all(|name| headers.iter().any(|header| is(header, name)));
    if has(&gumroad::MARKS) {
        Source::Gumroad
    } else if has(&paddle_classic::MARKS) {
        Source::PaddleClassic
    } else if has(&lemon_squeezy::MARKS) {
        Source::LemonSqueezy
    } else if has(&keylight::MARKS) {
        Source::Keylight
    } else {
        Source::Csv
    }
}

fn recognise_json(text: &str) -> Option<Source> {
    let has = |name: &str| text.contains(&format!("\"{name}\""));
    if has("license-keys") {
        Some(Source::LemonSqueezy)
    } else if has("licenses") && has("attributes") {
        Some(Source::Keygen)
    } else if has("license_key") {
        Some(Source::Keylight)
    } else {
        None
    }
}

/// Whether a header is `name`, whatever its case and outer white space.
fn is(header: &str, name: &str) -> bool {
    header.trim().eq_ignore_ascii_case(name)
}

/// The cells of a row of `table` by their headers; empty where the row or the table has none.
struct Cells<'a> {
    headers: &'a [String],
    cells: &'a [String],
}

impl<'a> Cells<'a> {
    fn get(&self, name: &str) -> &'a str {
        let at = self.headers.iter().position(|header| is(header, name));
        at.and_then(|at| self.cells.get(at)).map_or("", |cell| cell.trim())
    }

    /// Whether the cell says yes, as exports write it.
    fn yes(&self, name: &str) -> bool {
        matches!(self.get(name).to_ascii_lowercase().as_str(), "1" | "true" | "yes")
    }
}

/// A plan's code made from what another system calls it: "Pro annual" becomes `pro-annual`.
fn slug(name: &str) -> String {
    let mut slug = String::new();
    for letter in name.trim().chars() {
        if letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.') {
            slug.push(letter.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.trim_end_matches('-').chars().take(64).collect()
}

/// A time as another system writes it, for a cell that [`super::dates::parse_end`] reads: Ruby ends it with a word.
fn when(text: &str) -> String {
    text.trim().trim_end_matches("UTC").trim_end().to_owned()
}

/// Makes sure that a file has the licenses of one product of that system's: by its import they become ones of one product here.
fn of_one_product<'a>(products: impl Iterator<Item = &'a str>) -> Result<()> {
    let products: BTreeSet<&str> = products.filter(|product| !product.is_empty()).collect();
    if products.len() < 2 {
        return Ok(());
    }
    let named: Vec<&str> = products.into_iter().take(5).collect();
    Err(unreadable(format_args!(
        "The file has licenses of several products ({}). Export one product at a time.",
        named.join(", ")
    )))
}

/// Makes sure that so many licenses, with so many entitlements among them, are no more than a file may have, before they become
/// a table.
fn fits(licenses: usize, columns: &[(&str, Field)], entitlements: usize) -> Result<()> {
    let (most_rows, most_columns) = (reader::MAX_ROWS, reader::MAX_COLUMNS);
    if licenses > most_rows {
        return Err(unreadable(format_args!("The file has more than {most_rows} licenses; split it.")));
    }
    if columns.len() + entitlements > most_columns {
        return Err(unreadable(format_args!(
            "The file has {entitlements} entitlements; at most {}.",
            most_columns - columns.len()
        )));
    }
    // Each entitlement is a cell of every license.
    if licenses * (columns.len() + entitlements) > MAX_CELLS {
        return Err(unreadable(format_args!(
            "The file has {licenses} licenses and {entitlements} entitlements; split it."
        )));
    }
    Ok(())
}

fn headers(columns: &[(&str, Field)]) -> Vec<String> {
    columns.iter().map(|(name, _)| (*name).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows of a file as `header=cell`, empty cells left out.
    pub fn rows(text: &str) -> (Source, Vec<Vec<String>>, u64) {
        let Export { source, table, mapping } = read(text.as_bytes(), None, None).unwrap();
        assert!(mapping.is_none_or(|mapping| super::super::columns::problem(&mapping, true).is_none()));
        let rows = table.rows.iter().map(|row| {
            let cells = table.headers.iter().zip(&row.cells).filter(|(_, cell)| !cell.is_empty());
            cells.map(|(header, cell)| format!("{header}={cell}")).collect()
        });
        (source, rows.collect(), table.left_out)
    }

    fn refusal(bytes: &[u8], source: Option<Source>) -> Error {
        match read(bytes, source, None) {
            Ok(export) => panic!("read as {:?}", export.source),
            Err(error) => error,
        }
    }

    #[test]
    fn a_plain_table_is_left_as_it_is() {
        let (source, rows, left_out) = rows("Serial;E-Mail\nAB12-CD34;a@example.com\n");
        assert_eq!((source, left_out), (Source::Csv, 0));
        assert_eq!(rows, [["Serial=AB12-CD34", "E-Mail=a@example.com"]]);
    }

    #[test]
    fn what_is_no_export_says_so() {
        for (text, word) in [
            (r#"{"data":[{"type":"things"}]}"#, "not an export"),
            (r#"{"data":[{"type":"licenses","attributes":"#, "JSON"),
            (r#"{"data":[],"note":"licenses and attributes"}"#, "not an export"),
            (r#"[{"type":"license-keys","attributes":{"key":5}}]"#, "JSON"),
            ("", "empty"),
        ] {
            let error = refusal(text.as_bytes(), None);
            assert_eq!(error.code, ErrorCode::ImportUnreadable);
            assert!(error.detail.as_ref().unwrap().contains(word), "{text}: {:?}", error.detail);
        }
        let wrong = |source| refusal(b"key\nAB12-CD34", Some(source)).detail.unwrap();
        assert!(wrong(Source::Keygen).contains("JSON"));
        assert!(wrong(Source::Gumroad).contains("License Key"));
        assert!(refusal(b"[]", Some(Source::Gumroad)).detail.unwrap().contains("CSV"));
        assert!(refusal(b"[]", Some(Source::Keygen)).detail.unwrap().contains("no license"));
    }

    #[test]
    fn what_is_too_much_is_refused_before_it_becomes_a_table() {
        let columns = [("key", Field::Key), ("status", Field::Status)];
        let refused = |licenses, entitlements| fits(licenses, &columns, entitlements).unwrap_err().detail.unwrap();
        assert!(fits(reader::MAX_ROWS, &columns, 10).is_ok() && fits(10, &columns, reader::MAX_COLUMNS - 2).is_ok());
        assert!(refused(reader::MAX_ROWS, reader::MAX_COLUMNS - 2).contains("split it"));
        assert!(refused(reader::MAX_ROWS + 1, 0).contains("200000 licenses"));
        assert!(refused(1, reader::MAX_COLUMNS - 1).contains("at most 98"));
        let codes: Vec<String> = (0..reader::MAX_COLUMNS).map(|n| format!("\"code-{n}\"")).collect();
        let many = format!(r#"{{"license_key":"KEY-1234","entitlements":[{}]}}"#, codes.join(","));
        assert!(refusal(many.as_bytes(), None).detail.unwrap().contains("100 entitlements"));
    }

    #[test]
    fn a_file_of_several_products_is_for_none_of_them() {
        let keygen = |product: &str| {
            format!(
                r#"{{"type":"licenses","id":"{product}-1","attributes":{{"key":"{product}-KEY-1"}},
                    "relationships":{{"product":{{"data":{{"type":"products","id":"{product}"}}}}}}}}"#
            )
        };
        let lemon = |product: u8| {
            format!(
                r#"{{"type":"license-keys","id":"{product}","attributes":{{"key":"KEY-{product}-1","product_id":{product}}}}}"#
            )
        };
        let files = [
            (format!(r#"{{"data":[{},{}]}}"#, keygen("draw"), keygen("paint")), "(draw, paint)"),
            (format!(r#"{{"data":[{},{}]}}"#, lemon(1), lemon(2)), "(1, 2)"),
            (
                "key,key_short,activation_limit,user_email,product_id\nKEY-1-1,1,1,,1\nKEY-2-1,1,1,,2\n".to_owned(),
                "(1, 2)",
            ),
            (
                "Purchase ID,Item Name,License Key\nA,Draw,KEY-1-1\nB,Paint,KEY-2-1\nC,A book,\n".to_owned(),
                "(Draw, Paint)",
            ),
        ];
        for (file, named) in files {
            let error = refusal(file.as_bytes(), None);
            assert!(error.detail.as_ref().unwrap().contains(named), "{file}: {:?}", error.detail);
        }
        rows(&format!(r#"{{"data":[{}]}}"#, keygen("draw")));
    }

    #[test]
    fn plans_get_codes_from_their_names() {
        for (name, code) in [("Pro Annual", "pro-annual"), (" (Team) 5+ ", "team-5"), ("pro_2.1", "pro_2.1"), ("–", "")]
        {
            assert_eq!(slug(name), code);
        }
    }
}
