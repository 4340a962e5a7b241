//! Refunds of a list of orders: what becomes of each, before it is done as an act on many.

use leptos::prelude::*;

use super::{
    api,
    explain::crumbs,
    model::{RefundAct, RefundLine, RefundsView},
};
use crate::{
    pages::{
        acts::{LATER, Second, api::BeginAct},
        licenses::steps::Losses,
    },
    ui::{
        ActionForm, FormError, PageHead, Rows, Section, StateBadge, Submit, TextArea, act,
        act::{Act, load_once},
        act_error,
        page::{Notice, NoticeKind},
        show,
    },
};

/// Refunds of a list of orders.
#[component]
pub fn RefundsPage() -> impl IntoView {
    let found = load_once(api::refunds);
    let action = act::<BeginAct>();
    show(found, move |found: RefundsView| {
        let text = found.text.clone();
        let wrong = found.wrong.map(|wrong| {
            view! { <Notice kind=NoticeKind::Bad><p>{wrong} " " <span class="muted">"Nothing was changed."</span></p></Notice> }
        });
        let lines = found.lines.map(|lines| {
            view! {
                <Section title="What becomes of each">
                    <p>{found.counted}</p>
                    <Lines lines />
                    {found.more.map(|more| view! { <p class="page-sub">{more}</p> })}
                </Section>
            }
        });
        let act = found.act.map(|act| view! { <Do act list=text.clone() action /> });
        let ask = if lines.is_some() { "Look at another list" } else { "The orders" };
        view! {
            <PageHead title="Refund a list of orders" crumbs=crumbs() />
            {wrong}
            {lines}
            {act}
            <Section title=ask>
                <form class="form" method="post" action="/support/refunds" enctype="multipart/form-data">
                    <TextArea name="orders" label="Order numbers" value=text hint="One a line, or a table with a column called order. Nothing is refunded before you have seen what becomes of each." />
                    <div class="field">
                        <label for="file">"Or a CSV file" <span class="opt">" (optional)"</span></label>
                        <input class="file-input" type="file" id="file" name="file" accept=".csv,.txt,text/csv,text/plain" />
                    </div>
                    <div class="form-actions">
                        <button type="submit" class="btn btn-plain">"Look at them"</button>
                    </div>
                </form>
            </Section>
        }
    })
}

#[component]
fn Lines(lines: Vec<RefundLine>) -> impl IntoView {
    let row = |line: RefundLine| {
        let (tone, word) = line.fate;
        let number = match line.href {
            Some(href) => view! { <a class="row-link" href=href>{line.reference}</a> }.into_any(),
            None => line.reference.into_any(),
        };
        let count = |n: Option<u64>| n.map_or_else(|| "–".to_owned(), |n| n.to_string());
        view! {
            <tr>
                <td class="right wide">{line.line}</td>
                <td>{number} <span class="sub">{line.customer}</span></td>
                <td><StateBadge tone word /></td>
                <td class="right wide">{count(line.counts.map(|(licenses, _)| licenses))}</td>
                <td class="right">{count(line.counts.map(|(_, devices)| devices))}</td>
            </tr>
        }
    };
    let head =
        vec![("Line", "right wide"), ("Order", ""), ("Fate", ""), ("Licenses", "right wide"), ("Devices", "right")];
    view! { <Rows label="Orders of the list" head>{lines.into_iter().map(row).collect_view()}</Rows> }
}

/// What refunding them does, and the form that does it.
#[component]
fn Do(
    act: RefundAct,
    /// The list, to come back to where it is not accepted.
    list: String,
    action: Act,
) -> impl IntoView {
    let error = act_error(action);
    let losses = (!act.losses.is_empty()).then(|| view! { <Losses losses=act.losses /> });
    let label = if act.second { "Ask for approval".to_owned() } else { act.title.clone() };
    view! {
        <Section title=act.title>
            <Notice kind=NoticeKind::Warn>
                <p>{act.impact}</p>
                <p class="small">"Each order is noted as paid back and its licenses are revoked. No money moves: pay it back where it was paid. It is done in the background and can be taken back for a day."</p>
                {act.later.then(|| view! { <p class="small">{LATER}</p> })}
            </Notice>
            {act.second.then(|| view! { <Second /> })}
            {losses}
            <ActionForm action=action class="form section">
                <FormError error />
                <input type="hidden" name="act[of]" value="orders" />
                <input type="hidden" name="act[step]" value="refund" />
                <input type="hidden" name="act[id]" value=act.id />
                <input type="hidden" name="act[ids]" value=act.orders />
                <input type="hidden" name="list" value=list />
                {act.second.then(|| view! { <input type="hidden" name="act[ask]" value="true" /> })}
                <TextArea name="reason" label="Reason" required=true hint="Kept in the audit log." error />
                <div class="form-actions">
                    <Submit label danger=true pending=action.pending() />
                    <a class="btn btn-plain" href="/support">"Cancel"</a>
                </div>
            </ActionForm>
        </Section>
    }
}
