//! The people of a customer: who comes in to the portal, and who has a seat and no device yet.

use leptos::prelude::*;

use super::model::{First, PersonRow, WithoutDeviceRow};
use crate::ui::{Rows, Section, StateBadge, Tone, WhenText};

/// Who comes in to the portal for them.
#[component]
pub fn InPortal(
    /// Whoever came last first.
    people: First<PersonRow>,
) -> impl IntoView {
    let table = if people.rows.is_empty() {
        view! { <p class="muted">"Nobody has come in yet."</p> }.into_any()
    } else {
        let row = |person: PersonRow| {
            let seen = match person.seen {
                Some(when) => view! { <WhenText when /> }.into_any(),
                None => view! { <span class="muted">"never"</span> }.into_any(),
            };
            let mark = person.administrator.then(|| view! { <StateBadge tone=Tone::None word="Administrator" /> });
            let address = person.name.is_some().then(|| view! { <span class="sub">{person.email.clone()}</span> });
            view! {
                <tr>
                    <td class="clip">{person.name.unwrap_or(person.email)} {address}</td>
                    <td>{mark}</td>
                    <td class="right nowrap">{seen}</td>
                </tr>
            }
        };
        let rows = people.rows.into_iter().map(row).collect_view();
        let head = vec![("Person", ""), ("Is", ""), ("Last here", "right")];
        view! { <Rows label="People in the portal" head>{rows}</Rows> }.into_any()
    };
    view! {
        <Section title="In the portal">
            {table}
            {people.more.map(|more| view! { <p class="page-sub">{more}</p> })}
        </Section>
    }
}

/// To whom seats were handed out who have no device yet; nothing where there is nobody.
#[component]
pub fn WithoutDevice(
    /// Those first to whom it was last.
    seats: First<WithoutDeviceRow>,
) -> impl IntoView {
    let shown = !seats.rows.is_empty();
    let row = |seat: WithoutDeviceRow| {
        view! {
            <tr>
                <td class="clip">
                    {seat.email}
                    <span class="sub">
                        <a class="link" href=format!("/console/licenses/{}", seat.license)>"…" {seat.key_hint}</a> " " {seat.product}
                    </span>
                </td>
                <td class="right nowrap"><WhenText when=seat.since /></td>
            </tr>
        }
    };
    shown.then(|| {
        let rows = seats.rows.into_iter().map(row).collect_view();
        view! {
            <Section title="Seats without a device yet">
                <Rows label="Seats without a device yet" head=vec![("Handed out to", ""), ("Since", "right")]>{rows}</Rows>
                {seats.more.map(|more| view! { <p class="page-sub">{more}</p> })}
            </Section>
        }
    })
}
