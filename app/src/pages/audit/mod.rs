//! The audit log: every change, who made it, from where.

pub mod api;
pub mod event;
pub mod model;
#[cfg(feature = "ssr")]
mod show;
#[cfg(feature = "ssr")]
pub(crate) mod words;

use leptos::prelude::*;
use leptos_router::{
    NavigateOptions,
    hooks::{use_navigate, use_query_map},
};

use crate::{
    pages::lists::ListPage,
    ui::{
        Section, load,
        page::{Notice, NoticeKind},
        show,
    },
};
use api::Checked;

/// The audit log.
#[component]
pub fn AuditPage() -> impl IntoView {
    let query = use_query_map();
    let check = Memo::new(move |_| query.with(|query| query.get("check").unwrap_or_default()));
    view! {
        <ListPage of="events" />
        {move || view! { <Check after=check.get() /> }}
    }
}

/// The screen of what an id names, where it has one.
#[cfg(feature = "ssr")]
pub(crate) fn screen(id: &str) -> Option<String> {
    let folder = match id.split('_').next()? {
        "lic" => "licenses",
        "sea" => "seats",
        "cus" => "customers",
        "prd" => "products",
        "pln" => "plans",
        "imp" => "imports",
        "nod" => "fleet",
        "alr" => "alerts",
        "mem" => "team",
        "blk" => "acts",
        "apr" => "approvals",
        "ord" => "orders",
        "tok" => "tokens",
        "whk" => "webhooks",
        "shp" => "shops",
        "inb" => "orders/inbox",
        "not" => "notes",
        "vnd" => return Some("/console/settings".to_owned()),
        _ => return None,
    };
    Some(format!("/console/{folder}/{id}"))
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
