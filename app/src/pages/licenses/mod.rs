//! Licenses: the list, issuing one, everything about one, and the steps of its life.

pub mod acts;
pub mod api;
pub mod detail;
pub mod issue;
pub mod model;
pub mod steps;

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::ui::{Empty, PageHead, Pager, Rows, WhenText, load, show, state::LicenseBadge};
use model::{Asked, LicenseRow};

/// Licenses in a table.
#[component]
pub fn LicenseTable(
    /// The rows.
    rows: Vec<LicenseRow>,
    /// Whether they are all of one customer, who then needs no column.
    #[prop(optional)]
    of_customer: bool,
) -> impl IntoView {
    let mut head =
        vec![("License", ""), ("State", ""), ("Seats", "right"), ("Ends", "right wide"), ("Issued", "right wide")];
    if !of_customer {
        head.insert(1, ("Customer", ""));
    }
    let row = move |row: LicenseRow| {
        let customer = (!of_customer).then(|| {
            let inside = match row.customer {
                Some((id, name)) => {
                    view! { <a class="row-link" href=format!("/console/customers/{id}")>{name}</a> }.into_any()
                }
                None => view! { <span class="muted">"–"</span> }.into_any(),
            };
            view! { <td class="clip">{inside}</td> }
        });
        view! {
            <tr>
                <td class="nowrap">
                    <a class="row-link mono" href=format!("/console/licenses/{}", row.id)>"…" {row.key_hint}</a>
                    <span class="sub">{row.plan}</span>
                </td>
                {customer}
                <td><LicenseBadge state=row.state /></td>
                <td class="right nowrap">{row.taken} " / " {row.seats}</td>
                <td class="right wide nowrap">
                    {match row.ends {
                        Some(when) => view! { <WhenText when /> }.into_any(),
                        None => view! { <span class="muted">"never"</span> }.into_any(),
                    }}
                </td>
                <td class="right wide nowrap"><WhenText when=row.issued /></td>
            </tr>
        }
    };
    view! { <Rows label="Licenses" head>{rows.into_iter().map(row).collect_view()}</Rows> }
}

/// The list of licenses.
#[component]
pub fn LicensesPage() -> impl IntoView {
    let query = use_query_map();
    let asked = Memo::new(move |_| {
        query.with(|query| {
            let get = |name: &str| query.get(name).unwrap_or_default();
            Asked {
                q: get("q"),
                state: get("state"),
                product: get("product"),
                plan: get("plan"),
                sort: get("sort"),
                after: get("after"),
            }
        })
    });
    let licenses = load(move || asked.get(), api::licenses);
    show(licenses, move |found| {
        let asked = asked.get_untracked();
        let shown = found.list.items.len() as u64;
        let may_issue = found.may_issue;
        let table = if !found.list.items.is_empty() {
            view! {
                <LicenseTable rows=found.list.items />
                <Pager shown next=found.list.next />
            }
            .into_any()
        } else if asked.narrows() {
            let text = "A whole key, its last four characters, a license id, or the beginning of a name or e-mail address \
                        finds a license.";
            view! {
                <Empty title="No license matches" text>
                    <a class="btn btn-plain" href="/console/licenses">"Show all"</a>
                </Empty>
            }
            .into_any()
        } else {
            let text = "Issue one by hand in a few seconds, or import the licenses of the customers you already have: their \
                        keys keep working.";
            view! {
                <Empty title="No licenses yet" text>
                    {may_issue.then(|| view! { <a class="btn btn-primary" href="/console/licenses/new">"Issue license"</a> })}
                    <a class="btn btn-plain" href="/console/imports">"Import licenses"</a>
                </Empty>
            }
            .into_any()
        };
        view! {
            <PageHead title="Licenses" total=found.list.total>
                <div class="actions">
                    {may_issue.then(|| view! { <a class="btn btn-sm btn-primary" href="/console/licenses/new">"Issue license"</a> })}
                </div>
            </PageHead>
            <Filters asked products=found.products />
            {table}
        }
    })
}

/// What narrows the list, as a form whose answers stand in the address.
#[component]
fn Filters(asked: Asked, products: Vec<(String, String)>) -> impl IntoView {
    let narrows = asked.narrows();
    let option = |value: &str, text: String, chosen: &str| {
        let selected = value == chosen;
        view! { <option value=value.to_owned() selected=selected>{text}</option> }
    };
    let states = [
        ("", "Any state"),
        ("active", "Active"),
        ("suspended", "Suspended"),
        ("revoked", "Revoked"),
        ("expired", "Expired"),
    ];
    let sorts = [("", "Newest first"), ("ends", "Ending first")];
    view! {
        <form class="filters" method="get" action="/console/licenses" role="search" aria-label="Filter licenses">
            <div class="grow">
                <label for="license-q">"Key, e-mail, name or id"</label>
                <input class="input" type="search" id="license-q" name="q" value=asked.q.clone() autocomplete="off" />
            </div>
            <div class="narrow">
                <label for="license-state">"State"</label>
                <select class="select" id="license-state" name="state">
                    {states.iter().map(|(value, text)| option(value, (*text).to_owned(), &asked.state)).collect_view()}
                </select>
            </div>
            <div class="narrow">
                <label for="license-product">"Product"</label>
                <select class="select" id="license-product" name="product">
                    {option("", "Any product".to_owned(), &asked.product)}
                    {products.iter().map(|(id, name)| option(id, name.clone(), &asked.product)).collect_view()}
                </select>
            </div>
            <div class="narrow">
                <label for="license-sort">"Order"</label>
                <select class="select" id="license-sort" name="sort">
                    {sorts.iter().map(|(value, text)| option(value, (*text).to_owned(), &asked.sort)).collect_view()}
                </select>
            </div>
            {(!asked.plan.is_empty()).then(|| view! { <input type="hidden" name="plan" value=asked.plan.clone() /> })}
            <button class="btn btn-sm btn-plain" type="submit">"Filter"</button>
            {narrows.then(|| view! { <a class="btn btn-sm btn-ghost" href="/console/licenses">"Clear"</a> })}
        </form>
    }
}
