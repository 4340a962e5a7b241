//! The list of plans, of all products.

use holdfast_domain::Permission;
use holdfast_service::{
    Actor, Service,
    admin::{inputs::PlanFilter, plans::PlanSort},
};

use super::{Column, Known, List, Query, link, options, products};
use crate::{
    error::UiError,
    pages::{
        lists::model::Cell,
        plans::model::{sold, used},
        serve,
    },
    ui::{Tone, time::span},
};

pub(super) static KNOWN: Known = Known {
    of: "plans",
    path: "/console/plans",
    title: "Plans",
    search: "Name or short name",
    columns: &[
        Column::new("plan", "Plan", "").sorted("code"),
        Column::new("product", "Product", ""),
        Column::new("sold", "Sold as", ""),
        Column::new("used", "Used by", "wide"),
        Column::new("lease", "Works off line", "right wide"),
        Column::new("state", "State", ""),
        Column::new("made", "Made", "right wide").sorted("created_at"),
        Column::new("id", "Id", "wide").hidden(),
    ],
    views: &[],
};

const SORTS: &[(&str, PlanSort)] = &[("created_at", PlanSort::Created), ("code", PlanSort::Code)];
const ARCHIVED: &[(&str, &str)] = &[("false", "For sale"), ("true", "Archived")];

/// Which plans the query asks for.
fn filter(query: &Query) -> Result<PlanFilter, UiError> {
    Ok(PlanFilter {
        product: serve::optional("product", query.get("product"))?,
        archived: serve::optional("archived", query.get("archived"))?,
        q: query.search(),
    })
}

pub(super) async fn list(service: &Service, actor: &Actor, mut list: List) -> Result<List, UiError> {
    actor.require(Permission::CatalogRead)?;
    let filter = filter(&list.query)?;
    let narrowed = list.query.search().is_some();
    let page = service.plans(actor, filter, list.page(SORTS)?).await?;
    let products = products(service, actor).await?;
    list.choice("product", "Product", "Any product", products.clone(), true);
    list.choice("archived", "State", "Any state", options(ARCHIVED), true);
    let may_issue = actor.may(Permission::LicensesWrite);
    let found = serve::list(page, |plan| {
        let (id, product) = (plan.id.to_string(), plan.product.to_string());
        let mut links = vec![link("Licenses", format!("/console/licenses?plan={id}"))];
        let issue = || link("Issue license", format!("/console/licenses/new?plan={id}"));
        links.extend((may_issue && !plan.archived).then(issue));
        list.row(id.clone(), format!("plan {}", plan.name), links, |column| match column {
            "plan" => {
                let leads = link(plan.name.to_string(), format!("/console/plans/{id}"));
                Cell::Link(leads, plan.code.to_string(), false)
            }
            "product" => {
                let name = products.iter().find(|(other, _)| *other == product).map(|(_, name)| name.clone());
                let leads = link(name.unwrap_or_else(|| product.clone()), format!("/console/products/{product}"));
                Cell::Link(leads, String::new(), false)
            }
            "sold" => Cell::Text(sold(plan.terms.model), false),
            "used" => Cell::Text(used(&plan.terms), false),
            "lease" => Cell::Text(span(plan.terms.lease), false),
            "state" if plan.archived => Cell::Badge(Tone::None, "Archived".to_owned()),
            "state" => Cell::Badge(Tone::Good, "For sale".to_owned()),
            "made" => list.when(plan.created_at),
            _ => Cell::Text(id.clone(), true),
        })
    });
    let narrowed = narrowed || !list.listed.chips.is_empty();
    let listed = &mut list.listed;
    // Their terms are no table: programs read them from the API.
    listed.exports = Vec::new();
    listed.empty = if narrowed {
        let text = "A part of a plan's name or short name finds it.";
        ("No plan matches".to_owned(), text.to_owned(), vec![link("Show all", KNOWN.path)])
    } else {
        let text = "A plan is a way to buy a product: for how long, for how many devices, with which entitlements. It is added \
                    on its product's page.";
        ("No plans yet".to_owned(), text.to_owned(), vec![link("Products", "/console/products")])
    };
    (listed.rows, listed.next, listed.total) = (found.items, found.next, found.total);
    Ok(list)
}
