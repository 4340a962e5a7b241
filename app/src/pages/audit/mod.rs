//! The audit log: every change, who made it, from where.

mod api;

use leptos::prelude::*;
use leptos_router::{
    NavigateOptions,
    hooks::{use_navigate, use_query_map},
};

use crate::ui::{
    Empty, PageHead, Pager, Rows, Section, WhenText, load,
    page::{Notice, NoticeKind},
    show,
};
use api::{Checked, EventRow};

/// The audit log.
#[component]
pub fn AuditPage() -> impl IntoView {
    let query = use_query_map();
    let asked = Memo::new(move |_| {
        query.with(|query| {
            (
                query.get("subject").unwrap_or_default(),
                query.get("after").unwrap_or_default(),
                query.get("check").unwrap_or_default(),
            )
        })
    });
    let events = load(move || asked.get(), |(subject, after, _)| api::events(subject, after));
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
            <Check after=asked.get_untracked().2 />
        }
    })
}

/// Checks the chain of hashes: on demand, a part at a time, with where it has come to in the address.
#[component]
fn Check(after: String) -> impl IntoView {
    let begun = after.parse::<i64>().ok();
    let start = "Every event carries the hash of the one before. Checking walks all of them and compares.";
    view! {
        <Section title="Is it whole?">
            {match begun {
                None => view! { <p>{start}</p> <a class="btn btn-plain" href="/console/audit?check=0">"Check the chain"</a> }.into_any(),
                Some(after) => {
                    let checked = load(move || after, api::check_chain);
                    show(checked, outcome).into_any()
                }
            }}
        </Section>
    }
}

fn outcome(checked: Checked) -> impl IntoView {
    match checked {
        Checked::Whole { events, head } => view! {
            <Notice kind=NoticeKind::Good>
                <p>"Whole: all " {events} " events are as they were written, and none is missing."</p>
                <p class="small">"Hash of the last: " <code class="break">{head}</code></p>
            </Notice>
        }
        .into_any(),
        Checked::Broken { number } => view! {
            <Notice kind=NoticeKind::Bad>
                <p>"Broken at event " {number} ": it is missing or was changed, or one before it was taken out."</p>
                <p class="small">"Somebody has written to the database past this server. Keep a copy of the database as it is, and compare it with the last backup: "
                    <code>"holdfast audit verify"</code> " says the same about that."</p>
            </Notice>
        }
        .into_any(),
        Checked::SoFar { number, done, of, percent } => {
            let href = format!("/console/audit?check={number}");
            let to = href.clone();
            let navigate = use_navigate();
            // With scripting it goes on by itself.
            Effect::new(move |_| navigate(&to, NavigateOptions { replace: true, scroll: false, ..NavigateOptions::default() }));
            view! {
                <p role="status">"So far whole: " {done} " of " {of} " events."</p>
                <progress class="progress" max="100" value=percent.to_string() aria-label="Checked">{percent} " %"</progress>
                <p class="unscripted"><a class="btn btn-plain" href=href>"Go on checking"</a></p>
            }
            .into_any()
        }
    }
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
