//! Refunds of a list of orders, as a shop's or an accountant's file has them: what would become of each, before it is done as
//! an act on many ([`super::bulk`]).

use super::{
    bulk::{BulkPreview, BulkStep, Target, preview::MOST_ORDERS},
    import::reader,
    orders::show,
    views::OrderView,
};
use crate::{
    Call, Service,
    error::{Error, Result},
};
use holdfast_domain::{CustomerId, Name, OrderId, Permission};
use holdfast_store::{
    customers, licenses,
    orders::{self, OrderStatus},
};
use std::collections::BTreeSet;

/// How many lines a list may have: as many as an act on many takes orders.
pub const LINES: usize = MOST_ORDERS;
/// The longest number of an order, in characters.
const LONGEST: usize = 200;
/// What the column with the numbers is called, where the list has a header; written without anything but letters.
const HEADERS: [&str; 8] =
    ["order", "orders", "ordernumber", "orderid", "orderno", "number", "reference", "transactionid"];

/// What would become of one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is refunded.
    Refund(Box<Refundable>),
    /// It was refunded before.
    Refunded(OrderView),
    /// No order has this number.
    Unknown,
    /// It stands in the list before.
    Repeated,
}

/// An order that can be refunded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refundable {
    /// The order.
    pub order: OrderView,
    /// What the customer is called who bought.
    pub customer_name: Option<Name>,
    /// How many licenses it revokes.
    pub licenses: u64,
    /// How many seats of theirs are taken.
    pub devices: u64,
}

/// A line of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its number, from 1.
    pub line: u64,
    /// The order's number.
    pub reference: String,
    /// What would become of it.
    pub fate: Fate,
}

/// A list, looked at.
#[derive(Clone, Debug)]
pub struct RefundList {
    /// Its lines.
    pub lines: Vec<Line>,
    /// The orders that would be refunded.
    pub orders: Vec<OrderId>,
    /// What refunding them would do; absent where there are none.
    pub preview: Option<BulkPreview>,
}

/// The numbers in a list: one a line, or a column of a table; with the lines they stand on.
fn numbers(text: &str) -> Result<Vec<(u64, String)>> {
    let text = reader::text(text.as_bytes())?;
    let Some(first) = text.lines().find(|line| !line.trim().is_empty()) else {
        return Err(Error::invalid("/orders", "The list is empty."));
    };
    // There may be no header: the first line stands for one, and is a line as well.
    let table = reader::read(&format!("{first}\n{text}"), None)?;
    let plain = |cell: &String| cell.chars().filter(char::is_ascii_alphabetic).collect::<String>().to_ascii_lowercase();
    let named = table.headers.iter().position(|cell| HEADERS.contains(&plain(cell).as_str()));
    let (column, headers) = named.map_or((0, 0), |column| (column, 1));
    let number = |row: reader::Row| {
        let cell = row.cells.get(column).map(|cell| cell.trim().to_owned()).unwrap_or_default();
        (!cell.is_empty()).then_some((row.line.saturating_sub(1), cell))
    };
    let found: Vec<_> = table.rows.into_iter().skip(headers).filter_map(number).collect();
    if found.len() > LINES {
        return Err(Error::invalid("/orders", format_args!("At most {LINES} lines at once.")));
    }
    if let Some((line, _)) = found.iter().find(|(_, number)| number.chars().count() > LONGEST) {
        return Err(Error::invalid("/orders", format_args!("Line {line} is too long for the number of an order.")));
    }
    Ok(found)
}

impl Service {
    /// What refunding the orders of a list would do.
    ///
    /// # Errors
    /// [`crate::ErrorCode::InvalidRequest`] for a list that is empty or too long, [`crate::ErrorCode::ImportUnreadable`] for
    /// one that is no text; the refusals of the act itself, but for a fresh sign-in.
    pub async fn look_at_refunds(&self, call: &Call, text: &str) -> Result<RefundList> {
        call.actor.require(Permission::LicensesStatus)?;
        call.actor.require(Permission::CustomersRead)?;
        let numbers = numbers(text)?;
        let (scope, mut reader) = (call.actor.scope(), self.store().patient_reader());
        let q = &mut reader;
        let references: Vec<String> = numbers.iter().map(|(_, number)| number.clone()).collect();
        let known = orders::by_external_ids(q, scope, &references).await?;
        let ids: Vec<OrderId> = known.values().copied().collect();
        let rows = orders::get_many(q, scope, &ids).await?;
        let open = licenses::open_of_orders(q, scope, &ids).await?;
        let buyers: Vec<CustomerId> = rows.values().filter_map(|row| row.customer).collect();
        let names = customers::get_many(q, scope, &buyers).await?;
        let (mut seen, mut orders, mut lines) = (BTreeSet::new(), Vec::new(), Vec::with_capacity(numbers.len()));
        for (line, reference) in numbers {
            let row = known.get(&reference).and_then(|id| rows.get(id));
            let fate = match row {
                _ if !seen.insert(reference.clone()) => Fate::Repeated,
                None => Fate::Unknown,
                Some(row) if row.status == OrderStatus::Refunded => Fate::Refunded(show(row)),
                Some(row) => {
                    orders.push(row.id);
                    let (licenses, devices) = open.get(&row.id).copied().unwrap_or_default();
                    let customer_name = row.customer.and_then(|id| names.get(&id)).map(|row| row.name.clone());
                    Fate::Refund(Box::new(Refundable { order: show(row), customer_name, licenses, devices }))
                }
            };
            lines.push(Line { line, reference, fate });
        }
        let preview = if orders.is_empty() {
            None
        } else {
            Some(self.preview_bulk(call, BulkStep::Refund, Target::Orders(orders.clone())).await?)
        };
        Ok(RefundList { lines, orders, preview })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;

    fn read(text: &str) -> Vec<(u64, String)> {
        numbers(text).unwrap()
    }

    fn numbered(pairs: &[(u64, &str)]) -> Vec<(u64, String)> {
        pairs.iter().map(|(line, number)| (*line, (*number).to_owned())).collect()
    }

    #[test]
    fn numbers_stand_one_a_line_or_in_a_column() {
        assert_eq!(read("INV-1"), numbered(&[(1, "INV-1")]));
        assert_eq!(read("INV-1\r\n\r\n INV-2 \nINV-1\n"), numbered(&[(1, "INV-1"), (3, "INV-2"), (4, "INV-1")]));
        assert_eq!(read("Order number\nINV-1\n"), numbered(&[(2, "INV-1")]));
        assert_eq!(read("\u{feff}Date;Order ID;Sum\n1.2.;INV-1;9\n2.2.;;9\n"), numbered(&[(2, "INV-1")]));
        assert_eq!(read("INV-1,9.00\nINV-2,9.00"), numbered(&[(1, "INV-1"), (2, "INV-2")]));
    }

    #[test]
    fn what_is_no_list_is_refused() {
        assert_eq!(numbers(" \n ").unwrap_err().pointer.as_deref(), Some("/orders"));
        assert!(numbers(&"x".repeat(LONGEST + 1)).unwrap_err().detail.unwrap().starts_with("Line 1 is too long"));
        assert!(numbers(&"x\n".repeat(LINES + 1)).is_err());
        assert_eq!(numbers("INV-1\na\0b").unwrap_err().code, ErrorCode::ImportUnreadable);
    }
}
