//! The audit log: every change, who made it, from where.

mod api;

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::ui::{Empty, PageHead, Pager, Rows, WhenText, load, show};
use api::EventRow;

/// The audit log.
#[component]
pub fn AuditPage() -> impl IntoView {
    let query = use_query_map();
    let asked = Memo::new(move |_| {
        query.with(|query| (query.get("subject").unwrap_or_default(), query.get("after").unwrap_or_default()))
    });
    let events = load(move || asked.get(), |(subject, after)| api::events(subject, after));
    show(events, move |list| {
        let subject = asked.get_untracked().0;
        let shown = list.items.len() as u64;
        let table = if list.items.is_empty() {
            let text = "Every change appears here, chained by hash so that none can be altered unnoticed.";
            view! { <Empty title="Nothing happened" text /> }.into_any()
        } else {
            let head = vec![("What", ""), ("Subject", ""), ("Who", "wide"), ("From", "wide"), ("When", "right")];
            view! {
                <Rows label="Audit log" head>{list.items.into_iter().map(row).collect_view()}</Rows>
                <Pager shown next=list.next />
            }
            .into_any()
        };
        view! {
            <PageHead title="Audit log" total=list.total />
            <form class="filters" method="get" action="/console/audit" role="search" aria-label="Filter audit log">
                <div class="grow">
                    <label for="audit-subject">"Id of a license, seat, customer, plan or product"</label>
                    <input class="input mono" type="search" id="audit-subject" name="subject" value=subject autocomplete="off" />
                </div>
                <button class="btn btn-sm btn-plain" type="submit">"Filter"</button>
            </form>
            {table}
        }
    })
}

fn row(event: EventRow) -> impl IntoView {
    let subject = match event.href {
        Some(href) => view! { <a class="row-link mono" href=href>{event.subject}</a> }.into_any(),
        None => view! { <span class="mono">{event.subject}</span> }.into_any(),
    };
    view! {
        <tr>
            <td>{event.what} {event.why.map(|why| view! { <span class="sub">{why}</span> })}</td>
            <td class="clip">{subject}</td>
            <td class="wide">{event.who}</td>
            <td class="wide mono">{event.origin}</td>
            <td class="right nowrap"><WhenText when=event.at /></td>
        </tr>
    }
}
