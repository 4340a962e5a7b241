//! The support desk: one box, what waits, whom one has worked on; a customer's whole story; explaining what a device shows.

pub mod api;
pub mod explain;
pub mod model;
pub mod refunds;
pub mod replies;
pub mod story;
pub mod viewing;
#[cfg(feature = "ssr")]
mod words;

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::{
    pages::{acts::WaitingNotice, find::Groups, fleet::Outdated},
    ui::{
        Empty, PageHead, Rows, Section, WhenText,
        live::{Topic, count, load_live},
        show_live,
    },
};
use model::DeskView;

/// The box that takes whatever somebody has at hand. A form that is sent, so that a key or a document stands in no address.
#[component]
fn DeskBox(
    /// What stands in it at first.
    asked: String,
) -> impl IntoView {
    view! {
        <form class="filters" method="post" action="/support/explain" enctype="multipart/form-data" role="search" aria-label="Support desk">
            <input type="hidden" name="desk" value="1" />
            <div class="grow">
                <label for="desk-q">"Key, e-mail, order, device, error code or lease"</label>
                <input class="input" type="search" id="desk-q" name="q" value=asked autocomplete="off" maxlength="9000" />
            </div>
            <button class="btn btn-sm btn-primary" type="submit">"Look"</button>
        </form>
    }
}

/// The desk.
#[component]
pub fn DeskPage() -> impl IntoView {
    let query = use_query_map();
    let asked = Memo::new(move |_| query.with(|query| query.get("q").unwrap_or_default()));
    let desk = load_live(
        || count(Topic::Acts),
        move || asked.get(),
        async |q, by_itself| if by_itself { api::desk_again(q).await } else { api::desk(q).await },
    );
    view! {
        <PageHead title="Support desk">
            <div class="actions">
                <a class="btn btn-sm btn-plain" href="/support/explain">"Explain"</a>
                <a class="btn btn-sm btn-plain" href="/support/replies">"Replies"</a>
            </div>
        </PageHead>
        {move || view! { <DeskBox asked=asked.get() /> }}
        {show_live(desk, |found: DeskView, error| view! { <Outdated error /> <Desk found /> })}
    }
}

#[component]
fn Desk(found: DeskView) -> impl IntoView {
    let hits = found.found.map(|groups| {
        if groups.is_empty() {
            let text = "From three characters on, any part of a name, address, order number or device is looked for; of a key \
                        the last four are enough.";
            view! { <Empty title="Nothing found" text /> }.into_any()
        } else {
            view! { <Groups groups /> }.into_any()
        }
    });
    let nothing_waits = found.waits.is_empty() && found.approvals.is_empty();
    let approvals = (!found.approvals.is_empty()).then(|| {
        let row = |(href, what, turn): (String, String, String)| {
            view! {
                <tr>
                    <td><a class="row-link" href=href>{what}</a></td>
                    <td class="right">{turn}</td>
                </tr>
            }
        };
        let rows = found.approvals.into_iter().map(row).collect_view();
        view! { <Rows label="Approvals that wait" head=vec![("What", ""), ("State", "right")]>{rows}</Rows> }
    });
    let recent = if found.recent.is_empty() {
        let text = "Whoever you do something for appears here: a note, a seat that is freed, a license that goes on.";
        view! { <Empty title="Nobody yet" text /> }.into_any()
    } else {
        let row = |(id, name, email, at): (String, String, Option<String>, crate::ui::When)| {
            view! {
                <tr>
                    <td>
                        <a class="row-link" href=format!("/support/{id}")>{name}</a>
                        {email.map(|email| view! { <span class="sub">{email}</span> })}
                    </td>
                    <td class="right nowrap"><WhenText when=at /></td>
                </tr>
            }
        };
        let rows = found.recent.into_iter().map(row).collect_view();
        view! { <Rows label="Customers worked on lately" head=vec![("Customer", ""), ("Last", "right")]>{rows}</Rows> }
            .into_any()
    };
    let refunds = found.may_refund.then(|| {
        view! { <p><a class="link" href="/support/refunds">"Refund a list of orders"</a></p> }
    });
    view! {
        {hits}
        <div class="two even">
            <Section title="What waits">
                {nothing_waits.then(|| view! { <p class="muted">"Nothing waits."</p> })}
                {found.waits.into_iter().map(|waiting| view! { <WaitingNotice waiting /> }).collect_view()}
                {approvals}
                {refunds}
            </Section>
            <Section title="Worked on lately">{recent}</Section>
        </div>
    }
}
