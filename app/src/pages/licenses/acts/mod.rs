//! The acts on a license that are not steps of its status, each on a page that says first what it does to whom.

pub mod api;
pub mod model;
#[cfg(feature = "ssr")]
pub mod words;

use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};

use super::{
    api::license,
    steps::{Losses, crumbs},
};
use crate::{
    UiError,
    pages::acts::Second,
    ui::{
        ActionForm, Field, FormError, PageHead, Rows, Section, SelectField, Submit, TextArea, WhenText, act, act_error,
        load,
        page::{Notice, NoticeKind, way_back},
        show,
    },
};
use api::{ChangeLicense, ConvertTrial, Rekey, Transfer, Undo};
use model::{ChangeForm, DeviceRow, Preview, TermRow, TrialView};

fn param(name: &'static str) -> Memo<String> {
    let params = use_params_map();
    Memo::new(move |_| params.with(|params| params.get(name).unwrap_or_default()))
}

/// Changing plan, seats, end and entitlements: first what is wanted, then what that does, then a reason.
#[component]
pub fn ChangePage() -> impl IntoView {
    let id = param("id");
    let query = use_query_map();
    let asked = Memo::new(move |_| {
        query.with(|query| {
            let get = |name: &str| query.get(name).unwrap_or_default();
            query.get("plan").is_some().then(|| ChangeForm {
                plan: get("plan"),
                seats: get("seats"),
                ends_on: get("ends_on"),
                entitlements: get("entitlements"),
            })
        })
    });
    let view = load(move || (id.get(), asked.get()), |(id, asked)| api::look_at_change(id, asked));
    let action = act::<ChangeLicense>();
    let error = act_error(action);
    show(view, move |found| {
        let row = found.row;
        let back = format!("/console/licenses/{}", row.id);
        let wrong = found.wrong.map(|error| view! { <Wrong error /> });
        let codes = if found.codes.is_empty() {
            String::new()
        } else {
            format!(" Codes of this product: {}.", found.codes.join(", "))
        };
        let form = found.form.clone();
        let own = row.id.clone();
        let preview = found.preview.map(move |preview| {
            let nothing = preview.changes.is_empty();
            let danger = preview.impact.is_some();
            let ChangeForm { plan, seats, ends_on, entitlements } = found.form;
            let hidden = [("plan", plan), ("seats", seats), ("ends_on", ends_on), ("entitlements", entitlements)];
            let fields = hidden
                .into_iter()
                .map(|(name, value)| view! { <input type="hidden" name=format!("change[{name}]") value=value /> })
                .collect_view();
            let confirm = (!nothing).then(|| {
                view! {
                    <ActionForm action=action class="form section">
                        <FormError error />
                        <input type="hidden" name="id" value=own />
                        <input type="hidden" name="seen" value=found.seen />
                        {fields}
                        <TextArea name="reason" label="Reason" required=true hint="Kept in the audit log. It can be undone for ten minutes." error />
                        <div class="form-actions">
                            <Submit label="Change license" danger pending=action.pending() />
                            <a class="btn btn-plain" href=back.clone()>"Cancel"</a>
                        </div>
                    </ActionForm>
                }
            });
            view! {
                <Section title="What changes">
                    <Consequence preview seats=row.seats />
                    {confirm}
                </Section>
            }
        });
        view! {
            <PageHead title="Change license" crumbs=crumbs(&row.id, &row.key_hint) />
            {wrong}
            <form class="form" method="get">
                <SelectField name="plan" label="Plan" options=found.plans value=form.plan hint="Another plan brings its terms: seats, lease, grace, entitlements." />
                <div class="pair">
                    <Field name="seats" label="Seats" kind="number" min="1" value=form.seats hint=format!("{} now. Empty leaves them, or takes those of another plan.", row.seats) />
                    <Field name="ends_on" label="Ends on" kind="date" value=form.ends_on hint="The start of that day, UTC. Empty for no end." />
                </div>
                <TextArea name="entitlements" label="Entitlements of this license" value=form.entitlements hint=format!("One a line; they add to the plan's or replace them.{codes}") />
                <div class="form-actions">
                    <button type="submit" class="btn btn-plain">"See what changes"</button>
                    <a class="btn btn-ghost" href=format!("/console/licenses/{}", row.id)>"Cancel"</a>
                </div>
            </form>
            {preview}
        }
    })
}

/// What is wrong with what was asked.
#[component]
pub fn Wrong(
    /// Why.
    error: UiError,
) -> impl IntoView {
    view! {
        <Notice kind=NoticeKind::Bad>
            <p>{error.sentence()} " " <span class="muted">"Nothing was changed."</span></p>
        </Notice>
    }
}

/// What a change does: whose access ends, what becomes of the terms, which device learns of it when.
#[component]
fn Consequence(
    preview: Preview,
    /// How many seats it has now.
    seats: u32,
) -> impl IntoView {
    if preview.changes.is_empty() {
        return view! { <Notice kind=NoticeKind::Info><p>"Nothing changes by this."</p></Notice> }.into_any();
    }
    let ends = preview.impact.map(|impact| {
        view! {
            <Notice kind=NoticeKind::Warn><p>{impact.sentence}</p></Notice>
            {(!impact.losses.is_empty()).then(|| view! { <Losses losses=impact.losses /> })}
        }
    });
    let over = (preview.over > 0).then(|| {
        let noun = if preview.over == 1 { "seat is" } else { "seats are" };
        view! {
            <Notice kind=NoticeKind::Warn>
                <p>
                    {format!("{} {noun} taken beyond what is allowed then (", preview.over)} {seats}
                    " seats now). Nobody loses one; no other device can take a seat until as many are free."
                </p>
            </Notice>
        }
    });
    let devices = (!preview.devices.is_empty()).then(|| {
        view! {
            <p class="page-sub">{preview.learn}</p>
            <Devices devices=preview.devices />
        }
    });
    view! {
        {ends}
        {over}
        <Terms changes=preview.changes />
        {devices}
    }
    .into_any()
}

/// Term by term, what becomes another.
#[component]
pub fn Terms(
    /// The changes.
    changes: Vec<TermRow>,
) -> impl IntoView {
    let row = |change: TermRow| {
        view! {
            <tr>
                <td>{change.term}</td>
                <td>{change.before}</td>
                <td><b>{change.after}</b></td>
            </tr>
        }
    };
    let head = vec![("Term", ""), ("Now", ""), ("Then", "")];
    view! { <Rows label="Terms that change" head>{changes.into_iter().map(row).collect_view()}</Rows> }
}

#[component]
fn Devices(devices: Vec<DeviceRow>) -> impl IntoView {
    let row = |device: DeviceRow| {
        view! {
            <tr>
                <td>{device.name} {device.user.map(|user| view! { <span class="sub">{user}</span> })}</td>
                <td class="right wide nowrap"><WhenText when=device.last_seen /></td>
                <td class="right nowrap">
                    {match device.expected {
                        Some(when) => view! { <WhenText when /> }.into_any(),
                        None => view! { "when next on line" }.into_any(),
                    }}
                </td>
                <td class="right nowrap">
                    {match device.works_until {
                        Some(when) => view! { <WhenText when /> }.into_any(),
                        None => view! { "loses access" }.into_any(),
                    }}
                </td>
            </tr>
        }
    };
    let head = vec![
        ("Device", ""),
        ("Last seen", "right wide"),
        ("Learns of it", "right"),
        ("Then works off line until", "right"),
    ];
    view! { <Rows label="Devices that get other leases" head>{devices.into_iter().map(row).collect_view()}</Rows> }
}

/// Handing a license to another customer.
#[component]
pub fn TransferPage() -> impl IntoView {
    let id = param("id");
    let license = load(move || id.get(), license);
    let action = act::<Transfer>();
    let error = act_error(action);
    show(license, move |detail| {
        let row = detail.row;
        let holder = row.customer.clone().map_or_else(|| "Nobody".to_owned(), |(_, name)| name);
        view! {
            <PageHead title="Transfer license" crumbs=crumbs(&row.id, &row.key_hint) />
            <Notice kind=NoticeKind::Info>
                <p><b>{holder}</b> " holds it now. Its key and its seats stay: no device notices anything."</p>
                <p class="small">"Whoever knows the key can go on activating with it. Give the license a new key as well where the old holder must not."</p>
            </Notice>
            <ActionForm action=action class="form">
                <FormError error />
                <input type="hidden" name="id" value=row.id.clone() />
                <div class="pair">
                    <Field name="email" label="New customer's e-mail" kind="email" hint="A customer with this address is found; otherwise one is made." error />
                    <Field name="name" label="New customer's name" maxlength="200" error />
                </div>
                <TextArea name="reason" label="Reason" required=true hint="Kept in the audit log. It can be undone for ten minutes." error />
                <div class="form-actions">
                    <Submit label="Transfer license" pending=action.pending() />
                    <a class="btn btn-plain" href=format!("/console/licenses/{}", row.id)>"Cancel"</a>
                </div>
            </ActionForm>
        }
    })
}

/// Making a trial a license that was bought.
#[component]
pub fn ConvertPage() -> impl IntoView {
    let id = param("id");
    let trial = load(move || id.get(), api::look_at_trial);
    let action = act::<ConvertTrial>();
    let error = act_error(action);
    show(trial, move |found: TrialView| {
        let row = found.row;
        let license = row.id.clone();
        let form = if !found.open {
            view! { <Notice kind=NoticeKind::Warn><p>"This license is no trial, or is one no more."</p></Notice> }
                .into_any()
        } else if found.plans.is_empty() {
            view! { <Notice kind=NoticeKind::Warn><p>"This product has no plan that is sold. Add one first."</p></Notice> }.into_any()
        } else {
            view! {
                <ActionForm action=action class="form">
                    <FormError error />
                    <input type="hidden" name="id" value=license.clone() />
                    <SelectField name="plan" label="Plan" options=found.plans error />
                    <div class="pair">
                        <Field name="email" label="Customer's e-mail" kind="email" hint="A customer with this address is found; otherwise one is made." error />
                        <Field name="name" label="Customer's name" maxlength="200" error />
                    </div>
                    <TextArea name="reason" label="Reason" required=true hint="Kept in the audit log." error />
                    <div class="form-actions">
                        <Submit label="Convert trial" pending=action.pending() />
                        <a class="btn btn-plain" href=format!("/console/licenses/{license}")>"Cancel"</a>
                    </div>
                </ActionForm>
            }
            .into_any()
        };
        view! {
            <PageHead title="Convert trial" crumbs=crumbs(&row.id, &row.key_hint) />
            <Notice kind=NoticeKind::Info>
                <p>"It becomes a license of the plan you choose. Its seat stays: the computer that tried goes on with its next renewal, without a new key."</p>
            </Notice>
            {form}
        }
    })
}

/// Giving a license a new key.
#[component]
pub fn RekeyPage() -> impl IntoView {
    let id = param("id");
    let license = load(move || id.get(), license);
    let action = act::<Rekey>();
    let error = act_error(action);
    show(license, move |detail| {
        let row = detail.row;
        let asks = !detail.may.change && detail.may.ask_key;
        let then = if asks {
            "The customer needs the new one: whoever approves can show it, and the customer finds it in the portal."
        } else {
            "The customer needs the new one, which the next page shows."
        };
        view! {
            <PageHead title="New key" crumbs=crumbs(&row.id, &row.key_hint) />
            {asks.then(|| view! { <Second /> })}
            <Notice kind=NoticeKind::Warn>
                <p>"The key …" {row.key_hint.clone()} " is unknown from then on: nobody can activate with it any more. " {detail.after_rekey}</p>
                <p class="small">"This cannot be undone, because the old key is not kept. " {then}</p>
            </Notice>
            <ActionForm action=action class="form">
                <FormError error />
                <input type="hidden" name="id" value=row.id.clone() />
                {asks.then(|| view! { <input type="hidden" name="ask" value="true" /> })}
                <TextArea name="reason" label="Reason" required=true hint="Kept in the audit log." error />
                <div class="form-actions">
                    <Submit label=if asks { "Ask for approval" } else { "Make new key" } danger=true pending=action.pending() />
                    <a class="btn btn-plain" href=way_back(format!("/console/licenses/{}", row.id))>"Cancel"</a>
                </div>
            </ActionForm>
        }
    })
}

/// Undoing an act.
#[component]
pub fn UndoPage() -> impl IntoView {
    let (id, event, query) = (param("id"), param("event"), use_query_map());
    let freed = Memo::new(move |_| query.with(|query| query.get("seat").unwrap_or_default()));
    let view =
        load(move || (id.get(), event.get(), freed.get()), |(id, event, seat)| api::look_at_undo(id, event, seat));
    let action = act::<Undo>();
    let error = act_error(action);
    show(view, move |found| {
        let row = found.row;
        let back = format!("/console/licenses/{}", row.id);
        let head = view! { <PageHead title="Undo" crumbs=crumbs(&row.id, &row.key_hint) /> };
        if let Some(refused) = found.refused {
            return view! {
                {head}
                <Notice kind=NoticeKind::Info><p>{refused}</p></Notice>
                <p><a class="btn btn-plain" href=back>"To the license"</a></p>
            }
            .into_any();
        }
        let danger = found.preview.as_ref().is_some_and(|preview| preview.impact.is_some());
        let until = found.until.map(|when| view! { " It can be undone until " <WhenText when exact=true /> "." });
        let seat = found.seat.map(|seat| {
            view! {
                <Notice kind=NoticeKind::Info>
                    <p><b>{seat}</b> " has its seat again. If it has not asked since, it notices nothing; otherwise it activates with the key."</p>
                </Notice>
            }
        });
        let preview = found.preview.map(|preview| view! { <Consequence preview seats=row.seats /> });
        view! {
            {head}
            <p class="page-sub">{found.done} "." {until}</p>
            {seat}
            {preview}
            <ActionForm action=action class="form section">
                <FormError error />
                <input type="hidden" name="license" value=row.id.clone() />
                <input type="hidden" name="event" value=event.get_untracked() />
                <input type="hidden" name="seat" value=freed.get_untracked() />
                <TextArea name="reason" label="Reason" required=true value="Done by mistake." hint="Kept in the audit log." error />
                <div class="form-actions">
                    <Submit label="Undo" danger pending=action.pending() />
                    <a class="btn btn-plain" href=back>"Cancel"</a>
                </div>
            </ActionForm>
        }
        .into_any()
    })
}
