//! Exports of licenses and customers as CSV or JSON, streamed, with cells that no spreadsheet takes for a formula.

use super::{
    act::Act,
    import::dates::rfc_3339,
    inputs::LicenseFilter,
    page::{Cursor, Direction, Limit, PageRequest},
};
use crate::{
    Call, Service,
    error::{Error, Result},
};
use futures::stream::{BoxStream, StreamExt as _, try_unfold};
use holdfast_domain::Permission;
use holdfast_store::{
    Reader, WriteOptions,
    customers::{self, CustomerFilter, CustomerRow},
    licenses::{self, LicenseListRow},
};
use serde::Deserialize;
use serde_json::{Value, json};

/// What is exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Licenses with whose they are.
    Licenses,
    /// Customers.
    Customers,
}

/// How it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// CSV in UTF-8 with a header row, which [`Service::stage_import`] reads.
    Csv,
    /// A JSON array of objects.
    Json,
}

/// What to export, and how.
#[derive(Clone, Debug, Deserialize)]
pub struct Export {
    /// What.
    pub what: What,
    /// How.
    pub format: Format,
    /// Which licenses; for customers only `q` counts.
    #[serde(default)]
    pub filter: LicenseFilter,
    /// Whole keys instead of their last four characters.
    #[serde(default)]
    pub with_keys: bool,
}

/// The cells of a row by column, in one order.
type Cells = Vec<(&'static str, Value)>;

/// A cell as CSV may hold it: what a spreadsheet would take for a formula gets an apostrophe before it.
pub fn safe_cell(text: &str) -> std::borrow::Cow<'_, str> {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}").into() } else { text.into() }
}

fn cell_text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        // A number is no formula, and an apostrophe would make it a text.
        Value::Number(number) => number.to_string(),
        Value::String(text) => safe_cell(text).into_owned(),
        other => safe_cell(&other.to_string()).into_owned(),
    }
}

struct Source {
    service: Service,
    act: Act,
    reader: Reader,
    export: Export,
    after: Option<Cursor>,
    began: bool,
    ended: bool,
}

impl Service {
    /// Streams an export in pieces of up to 200 rows. Rows that come into being meanwhile may or may not be among them.
    ///
    /// # Errors
    /// [`crate::ErrorCode::Forbidden`] without the right to read, or, for whole keys, to reveal them.
    pub async fn export(&self, call: &Call, export: Export) -> Result<BoxStream<'static, Result<Vec<u8>>>> {
        call.actor.require(match export.what {
            What::Licenses => Permission::LicensesRead,
            What::Customers => Permission::CustomersRead,
        })?;
        let with_keys = export.with_keys && export.what == What::Licenses;
        if with_keys {
            call.actor.require(Permission::KeyReveal)?;
        }
        let act = self.act(call);
        let data = json!({ "what": format!("{:?}", export.what).to_lowercase(), "with_keys": with_keys });
        let log = act.clone();
        let vendor = call.actor.vendor();
        self.store()
            .write(
                WriteOptions::default(),
                super::act::job!(log, data => |tx| {
                    log.event(tx, "export.made", vendor, data);
                    Ok::<_, Error>(())
                }),
            )
            .await?;
        let reader = self.store().patient_reader();
        let source = Source { service: self.clone(), act, reader, export, after: None, began: false, ended: false };
        Ok(try_unfold(source, |mut source| async move {
            let piece = source.next().await?;
            Ok(piece.map(|piece| (piece, source)))
        })
        .boxed())
    }
}

impl Source {
    async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        if self.ended {
            return Ok(None);
        }
        let (rows, next) = match self.export.what {
            What::Licenses => self.licenses().await?,
            What::Customers => self.customers().await?,
        };
        self.ended = next.is_none();
        self.after = next;
        let first = !std::mem::replace(&mut self.began, true);
        match self.export.format {
            Format::Csv => csv_piece(self.header(), &rows, first),
            Format::Json => json_piece(rows, first, self.ended),
        }
        .map(Some)
    }

    const fn header(&self) -> &'static [&'static str] {
        match self.export.what {
            What::Licenses => &[
                "id",
                "key",
                "product",
                "plan",
                "email",
                "name",
                "seats",
                "seats_taken",
                "status",
                "state",
                "expires_at",
                "created_at",
                "overrides",
            ],
            What::Customers => &["id", "email", "name", "external_id", "created_at"],
        }
    }

    async fn licenses(&mut self) -> Result<(Vec<Cells>, Option<Cursor>)> {
        let filter = self.export.filter.clone();
        let filter = licenses::LicenseFilter {
            state: filter.state,
            product: filter.product,
            plan: filter.plan,
            customer: filter.customer,
            order: filter.order,
            ends_before: filter.ends_before,
            q: filter.q,
        };
        let page = PageRequest {
            limit: Limit::new(200),
            after: self.after.take(),
            sort: licenses::LicenseSort::Created,
            direction: Direction::Ascending,
        };
        let found = licenses::list(&mut self.reader, self.act.scope, &filter, &page, self.act.now).await?;
        let rows = found.items.iter().map(|row| self.license(row)).collect::<Result<_>>()?;
        Ok((rows, found.next))
    }

    fn license(&self, row: &LicenseListRow) -> Result<Cells> {
        let license = &row.row.license;
        let key = if self.export.with_keys {
            self.service.open_key(license.id, &row.row.key_sealed)?
        } else {
            format!("…{}", row.row.key_hint)
        };
        Ok(vec![
            ("id", json!(license.id)),
            ("key", json!(key)),
            ("product", json!(license.product)),
            ("plan", json!(license.plan_code)),
            ("email", json!(row.customer_email)),
            ("name", json!(row.customer_name)),
            ("seats", json!(license.terms.seats)),
            ("seats_taken", json!(row.row.seats_used)),
            ("status", json!(license.status)),
            ("state", json!(license.state(self.act.now))),
            ("expires_at", json!(license.expires_at.map(rfc_3339))),
            ("created_at", json!(rfc_3339(license.created_at))),
            ("overrides", if license.overrides.is_empty() { Value::Null } else { json!(license.overrides) }),
        ])
    }

    async fn customers(&mut self) -> Result<(Vec<Cells>, Option<Cursor>)> {
        let page = PageRequest {
            limit: Limit::new(200),
            after: self.after.take(),
            sort: customers::CustomerSort::Created,
            direction: Direction::Ascending,
        };
        let filter = CustomerFilter { q: self.export.filter.q.clone() };
        let found = customers::list(&mut self.reader, self.act.scope, &filter, &page).await?;
        let cells = |row: &CustomerRow| {
            vec![
                ("id", json!(row.id)),
                ("email", json!(row.email)),
                ("name", json!(row.name)),
                ("external_id", json!(row.external_id)),
                ("created_at", json!(rfc_3339(row.created_at))),
            ]
        };
        Ok((found.items.iter().map(cells).collect(), found.next))
    }
}

fn csv_piece(header: &[&str], rows: &[Cells], first: bool) -> Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    if first {
        writer.write_record(header).map_err(Error::internal)?;
    }
    for row in rows {
        writer.write_record(row.iter().map(|(_, value)| cell_text(value))).map_err(Error::internal)?;
    }
    writer.into_inner().map_err(|error| Error::internal(error.to_string()))
}

fn json_piece(rows: Vec<Cells>, first: bool, last: bool) -> Result<Vec<u8>> {
    let mut piece = if first { b"[".to_vec() } else { Vec::new() };
    for (at, row) in rows.into_iter().enumerate() {
        piece.extend(if first && at == 0 { b"\n".as_slice() } else { b",\n".as_slice() });
        let object: serde_json::Map<String, Value> =
            row.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        serde_json::to_writer(&mut piece, &object).map_err(Error::internal)?;
    }
    if last {
        piece.extend(b"\n]\n");
    }
    Ok(piece)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_spreadsheet_would_run_is_defused_and_nothing_else_is_touched() {
        for bad in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "=cmd|'/c calc'!A1"] {
            assert_eq!(safe_cell(bad), format!("'{bad}"));
        }
        for good in ["a=1", "", "Ada", "1-2", " =1", "é"] {
            assert_eq!(safe_cell(good), good);
        }
        assert_eq!(cell_text(&json!(-5)), "-5");
        assert_eq!(cell_text(&json!("-5")), "'-5");
        assert_eq!(cell_text(&Value::Null), "");
    }

    #[test]
    fn pieces_make_one_document() {
        let row = || vec![("id", json!("a,b\"c\n"))];
        let text = [
            json_piece(vec![row(), row()], true, false).unwrap(),
            json_piece(vec![row()], false, false).unwrap(),
            json_piece(Vec::new(), false, true).unwrap(),
        ]
        .concat();
        assert_eq!(serde_json::from_slice::<Vec<Value>>(&text).unwrap().len(), 3);
        assert_eq!(
            serde_json::from_slice::<Vec<Value>>(&json_piece(Vec::new(), true, true).unwrap()).unwrap().len(),
            0
        );
        let csv = [csv_piece(&["id"], &[row()], true).unwrap(), csv_piece(&["id"], &[row()], false).unwrap()].concat();
        assert_eq!(String::from_utf8(csv).unwrap(), "id\r\n\"a,b\"\"c\n\"\r\n\"a,b\"\"c\n\"\r\n");
    }
}
