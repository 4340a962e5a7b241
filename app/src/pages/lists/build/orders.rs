//! The list of orders.

use holdfast_domain::Permission;
use holdfast_service::{
    Actor, Service,
    admin::orders::{OrderFilter, OrderStatus},
};

use super::{Column, Known, List, Query, customer, link, options, word};
use crate::{
    error::UiError,
    pages::{lists::model::Cell, serve},
    ui::Tone,
};

pub(super) static KNOWN: Known = Known {
    of: "orders",
    path: "/console/orders",
    title: "Orders",
    search: "Order number, name or e-mail",
    columns: &[
        Column::new("order", "Order", ""),
        Column::new("customer", "Customer", ""),
        Column::new("status", "Status", ""),
        Column::new("licenses", "Licenses", "right"),
        Column::new("refunded", "Paid back", "right wide").hidden(),
        Column::new("made", "Made", "right wide").sorted("created_at"),
    ],
    views: &[("Paid back", "status=refunded")],
};

const STATUSES: &[(&str, &str)] =
    &[("paid", "Paid"), ("partially_refunded", "Paid back in part"), ("refunded", "Paid back")];

/// How an order stands, and what that means.
pub fn order_status(status: OrderStatus) -> (Tone, String) {
    let (tone, word) = match status {
        OrderStatus::Paid => (Tone::Good, "Paid"),
        OrderStatus::PartiallyRefunded => (Tone::Warn, "Paid back in part"),
        OrderStatus::Refunded => (Tone::None, "Paid back"),
    };
    (tone, word.to_owned())
}

/// Which orders the query asks for.
pub fn filter(query: &Query) -> Result<OrderFilter, UiError> {
    Ok(OrderFilter {
        status: word("status", query.get("status"))?,
        customer: serve::optional("customer", query.get("customer"))?,
        q: query.search(),
    })
}

pub(super) async fn list(service: &Service, actor: &Actor, mut list: List) -> Result<List, UiError> {
    actor.require(Permission::CustomersRead)?;
    let filter = filter(&list.query)?;
    let page = service.orders_in_list(actor, filter.clone(), list.page(&[("created_at", ())])?).await?;
    let words = match service.inbox_waiting(actor).await? {
        0 => "Inbox".to_owned(),
        waiting => format!("Inbox ({})", serve::number(waiting)),
    };
    list.listed.action = Some(link(words, "/console/orders/inbox"));
    list.choice("status", "Status", "Any status", options(STATUSES), true);
    if filter.customer.is_some() {
        list.only("customer", "Of one customer");
    }
    let found = serve::list(page, |row| {
        let order = &row.order;
        let page = format!("/console/orders/{}", order.id);
        let licenses = format!("/console/licenses?order={}", order.id);
        let whose = order.customer.map(|id| {
            let name = row.customer_name.as_ref().map_or_else(|| "unnamed".to_owned(), ToString::to_string);
            (id.to_string(), name)
        });
        let history = link("History", format!("/console/audit?subject={}", order.id));
        list.row(order.id.to_string(), order.reference.clone(), vec![history], |column| match column {
            "order" => Cell::Link(link(order.reference.clone(), page.clone()), order.id.to_string(), false),
            "customer" => customer(whose.clone()),
            "status" => {
                let (tone, word) = order_status(order.status);
                Cell::Badge(tone, word)
            }
            "licenses" => Cell::Link(link(serve::number(row.licenses), licenses.clone()), String::new(), false),
            "refunded" => order.refunded_at.map_or(Cell::Nothing, |at| list.when(at)),
            _ => list.when(order.created_at),
        })
    });
    let narrowed = !list.listed.chips.is_empty() || filter.q.is_some();
    let listed = &mut list.listed;
    listed.empty = if found.next.is_some() {
        let text = "Among the orders looked through so far none matches. The next page goes on.";
        ("None so far".to_owned(), text.to_owned(), Vec::new())
    } else if narrowed {
        let text = "A part of an order's number, or of the name or e-mail address of who bought, finds an order.";
        ("No order matches".to_owned(), text.to_owned(), vec![link("Show all", KNOWN.path)])
    } else {
        let text = "An order is what a payment provider told Holdfast: connect a shop, or let your own system make it with POST /v1/orders.";
        let connect = actor.may(Permission::ShopsWrite).then(|| link("Connect shop", "/console/shops/new"));
        let links = connect.into_iter().chain([link("How the API works", "/docs/api")]).collect();
        ("No orders yet".to_owned(), text.to_owned(), links)
    };
    (listed.rows, listed.next, listed.total) = (found.items, found.next, found.total);
    Ok(list)
}
