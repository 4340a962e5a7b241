//! The list of customers.

use holdfast_domain::Permission;
use holdfast_service::admin::customers::CustomerSort;
use holdfast_service::{Actor, Service};

use super::{Column, Known, List, link};
use crate::{
    error::UiError,
    pages::{lists::model::Cell, serve},
};

pub(super) static KNOWN: Known = Known {
    of: "customers",
    path: "/console/customers",
    title: "Customers",
    search: "Name or e-mail",
    columns: &[
        Column::new("customer", "Customer", "").sorted("name"),
        Column::new("email", "E-mail", ""),
        Column::new("external", "External id", "wide").hidden(),
        Column::new("since", "Since", "right wide").sorted("created_at"),
    ],
    views: &[],
};

const SORTS: &[(&str, CustomerSort)] = &[("created_at", CustomerSort::Created), ("name", CustomerSort::Name)];

pub(super) async fn list(service: &Service, actor: &Actor, mut list: List) -> Result<List, UiError> {
    actor.require(Permission::CustomersRead)?;
    let q = list.query.search();
    let page = service.customers(actor, q.clone(), list.page(SORTS)?).await?;
    let may_issue = actor.may(Permission::LicensesWrite);
    let found = serve::list(page, |customer| {
        let (id, name) = (customer.id.to_string(), customer.name.to_string());
        let mut links = vec![link("Licenses", format!("/console/licenses?customer={id}"))];
        links.extend(may_issue.then(|| link("Issue license", format!("/console/licenses/new?customer={id}"))));
        list.row(id.clone(), name.clone(), links, |column| match column {
            "customer" => Cell::Link(link(name.clone(), format!("/console/customers/{id}")), id.clone(), false),
            "email" => customer.email.as_ref().map_or(Cell::Nothing, |email| Cell::Text(email.to_string(), false)),
            "external" => customer.external_id.as_ref().map_or(Cell::Nothing, |id| Cell::Text(id.clone(), true)),
            _ => list.when(customer.created_at),
        })
    });
    let listed = &mut list.listed;
    listed.action = actor.may(Permission::CustomersWrite).then(|| link("Add customer", "/console/customers/new"));
    listed.empty = if found.next.is_some() {
        let text = "Among the customers looked through so far none matches. The next page goes on.";
        ("None so far".to_owned(), text.to_owned(), Vec::new())
    } else if q.is_some() {
        let text = "Names and e-mail addresses are searched for what is typed, wherever it stands in them.";
        ("No customer matches".to_owned(), text.to_owned(), vec![link("Show all", KNOWN.path)])
    } else {
        let text = "A customer is a person or company that bought. Customers come with the licenses you issue, with an \
                    import, or from here.";
        let import = link("Import licenses", "/console/imports");
        let links = listed.action.clone().into_iter().chain([import]).collect();
        ("No customers yet".to_owned(), text.to_owned(), links)
    };
    (listed.rows, listed.next, listed.total) = (found.items, found.next, found.total);
    Ok(list)
}
