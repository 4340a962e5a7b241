//! One event of the audit log: what became what, who did it, and its place in the chain.

use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use super::{
    api,
    model::{EventDetail, Told},
};
use crate::{
    pages::licenses::acts::model::TermRow,
    ui::{
        Copyable, Crumb, Fact, Facts, PageHead, Rows, Section, WhenText, load,
        page::{Notice, NoticeKind},
        show,
    },
};

/// One event.
#[component]
pub fn EventPage() -> impl IntoView {
    let params = use_params_map();
    let number = Memo::new(move |_| params.with(|params| params.get("number").unwrap_or_default()));
    let event = load(move || number.get(), api::audit_event);
    show(event, |found: EventDetail| {
        let row = |row: TermRow| {
            view! { <tr><td>{row.term}</td><td class="break">{row.before}</td><td class="break"><b>{row.after}</b></td></tr> }
        };
        let changes = (!found.changes.is_empty()).then(|| {
            view! {
                <Section title="What changed">
                    <Rows label="What changed" head=vec![("What", ""), ("Before", ""), ("After", "")]>
                        {found.changes.into_iter().map(row).collect_view()}
                    </Rows>
                </Section>
            }
        });
        let part = |(title, facts): (String, Vec<Told>)| {
            view! { <Section title><Facts>{facts.into_iter().map(fact).collect_view()}</Facts></Section> }
        };
        view! {
            <PageHead title=found.title crumbs=vec![Crumb::new("/console/audit", "Audit log")] />
            <p class="page-sub"><WhenText when=found.at /></p>
            {found.broken.map(|broken| view! { <Notice kind=NoticeKind::Bad><p>{broken}</p></Notice> })}
            {changes}
            {found.parts.into_iter().map(part).collect_view()}
        }
    })
}

fn fact(told: Told) -> impl IntoView {
    let Told { name, text, href, copies } = told;
    let value = match href {
        Some(href) => view! { <a class="link break" href=href>{text}</a> }.into_any(),
        None if copies => view! { <Copyable text what=name.clone() /> }.into_any(),
        None => text.into_any(),
    };
    view! { <Fact name>{value}</Fact> }
}
