//! Licenses: issuing one, everything about one, and the steps of its life.

pub mod acts;
pub mod api;
pub mod detail;
pub mod issue;
pub mod model;
pub mod steps;

use leptos::prelude::*;

use crate::ui::{Rows, WhenText, state::LicenseBadge};
use model::LicenseRow;

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
