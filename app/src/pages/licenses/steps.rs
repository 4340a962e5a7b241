//! The steps of a license's life, each on a page of its own that says first whose access it ends and when.

use leptos::{ev::Event, prelude::*};
use leptos_router::{
    NavigateOptions,
    hooks::{use_navigate, use_params_map, use_query_map},
};

use super::{
    acts::Wrong,
    api::{self, Extend, FreeSeat, TakeStep},
    model::{self, Loss},
};
use crate::{
    pages::{
        acts::{LATER, Second},
        seats::api::seat,
    },
    ui::{
        ActionForm, Crumb, ErrorState, Field, FormError, PageHead, Rows, Submit, TextArea, WhenText, act, act_error,
        load,
        page::{Notice, NoticeKind, way_back},
        show,
    },
};

/// The way to a license.
pub fn crumbs(id: &str, hint: &str) -> Vec<Crumb> {
    vec![
        Crumb::new("/console/licenses", "Licenses"),
        Crumb::new(
            format!("/console/licenses/{id}"),
            if hint.is_empty() { "License".to_owned() } else { format!("…{hint}") },
        ),
    ]
}

/// Suspend, resume, revoke or reinstate.
#[component]
pub fn StepPage() -> impl IntoView {
    let params = use_params_map();
    let asked = Memo::new(move |_| {
        params.with(|params| (params.get("id").unwrap_or_default(), params.get("step").unwrap_or_default()))
    });
    let preview = load(move || asked.get(), |(id, step)| api::preview_step(id, step));
    let action = act::<TakeStep>();
    let error = act_error(action);
    show(preview, move |preview| {
        let (id, step) = asked.get_untracked();
        let Some((_, words)) = model::step(&step) else {
            return view! { <ErrorState error=crate::UiError::new("not_found", "There is nothing here") /> }.into_any();
        };
        let impact = preview.impact;
        let consequence = if words.ends_access {
            view! {
                <Notice kind=NoticeKind::Warn>
                    <p>{impact.sentence}</p>
                    <p class="small">{words.does}</p>
                    {preview.later.then(|| view! { <p class="small">{LATER}</p> })}
                </Notice>
            }
            .into_any()
        } else {
            view! { <Notice kind=NoticeKind::Info><p>{words.does}</p></Notice> }.into_any()
        };
        let back = way_back(format!("/console/licenses/{id}"));
        let hint = if preview.later || preview.second {
            "Kept in the audit log."
        } else {
            "Kept in the audit log. It can be undone for ten minutes."
        };
        let losses =
            (words.ends_access && !impact.losses.is_empty()).then(|| view! { <Losses losses=impact.losses /> });
        view! {
            <PageHead title=words.verb crumbs=crumbs(&id, &preview.row.key_hint) />
            {consequence}
            {preview.second.then(|| view! {
                <Second />
                <p class="small">"With what you have asked for already and what has not begun yet, it is more than ten licenses."</p>
            })}
            {losses}
            <ActionForm action=action class="form section">
                <FormError error />
                <input type="hidden" name="id" value=id.clone() />
                <input type="hidden" name="step" value=step />
                {preview.second.then(|| view! { <input type="hidden" name="ask" value="true" /> })}
                <TextArea name="reason" label="Reason" required=true hint error />
                <div class="form-actions">
                    <Submit label=if preview.second { "Ask for approval" } else { words.verb } danger=words.ends_access pending=action.pending() />
                    <a class="btn btn-plain" href=back>"Cancel"</a>
                </div>
            </ActionForm>
        }
        .into_any()
    })
}

/// Devices that lose access, and when.
#[component]
pub fn Losses(
    /// The devices.
    losses: Vec<Loss>,
) -> impl IntoView {
    let row = |loss: Loss| {
        view! {
            <tr>
                <td>{loss.name} {loss.user.map(|user| view! { <span class="sub">{user}</span> })}</td>
                <td class="right wide nowrap"><WhenText when=loss.last_seen /></td>
                <td class="right nowrap">
                    {match loss.expected {
                        Some(when) => view! { <WhenText when /> }.into_any(),
                        None => view! { "when next on line" }.into_any(),
                    }}
                </td>
                <td class="right nowrap"><WhenText when=loss.latest /></td>
            </tr>
        }
    };
    let head =
        vec![("Device", ""), ("Last seen", "right wide"), ("Hears of it", "right"), ("Stops at the latest", "right")];
    view! { <Rows label="Devices that lose access" head>{losses.into_iter().map(row).collect_view()}</Rows> }
}

/// Moving the end of a license later: first the day, then what that changes, then a reason.
#[component]
pub fn ExtendPage() -> impl IntoView {
    let (params, query) = (use_params_map(), use_query_map());
    let asked = Memo::new(move |_| {
        let until = query.with(|query| query.get("until"));
        (params.with(|params| params.get("id").unwrap_or_default()), until.is_some(), until.unwrap_or_default())
    });
    let view = load(move || asked.get(), |(id, chosen, until)| api::look_at_extension(id, chosen, until));
    let action = act::<Extend>();
    let error = act_error(action);
    show(view, move |found| {
        let row = found.row;
        let cancel = way_back(format!("/console/licenses/{}", row.id));
        let ends = row.ends.map(|when| view! { <p class="page-sub">"Ends now: " <WhenText when exact=true /></p> });
        let wrong = found.wrong.map(|error| view! { <Wrong error /> });
        // What stands in the field, of which the sentence may be on its way.
        let until = RwSignal::new(found.until);
        let (own, back) = (row.id.clone(), cancel.clone());
        let confirm = found.preview.map(|preview| {
            view! {
                <div role="status"><Notice kind=NoticeKind::Info><p>{preview}</p></Notice></div>
                <ActionForm action=action class="form">
                    <FormError error />
                    <input type="hidden" name="id" value=own />
                    <input type="hidden" name="until" value=move || until.get() />
                    <TextArea name="reason" label="Reason" required=true hint="Kept in the audit log. It can be undone for ten minutes." error />
                    <div class="form-actions">
                        <Submit label="Extend license" pending=action.pending() />
                        <a class="btn btn-plain" href=cancel>"Cancel"</a>
                    </div>
                </ActionForm>
            }
        });
        view! {
            <PageHead title="Extend license" crumbs=crumbs(&row.id, &row.key_hint) />
            {ends}
            <p class="page-sub">{found.does}</p>
            {wrong}
            <NewEnd id=row.id back until />
            {confirm}
        }
    })
}

/// The day that is chosen. With scripting it says at once what it changes; without, the button does.
#[component]
fn NewEnd(id: String, back: String, until: RwSignal<String>) -> impl IntoView {
    let navigate = use_navigate();
    // The desk's page that this one was come to from.
    let from = use_query_map().with_untracked(|query| query.get("from")).filter(|from| from.starts_with("/support/"));
    let kept = from.as_ref().map(|from| format!("from={from}&")).unwrap_or_default();
    let here = format!("/console/licenses/{id}/extend?{kept}until=");
    let choose = move |event: Event| {
        until.set(event_target_value(&event));
        let options = NavigateOptions { replace: true, scroll: false, ..NavigateOptions::default() };
        navigate(&format!("{here}{}", until.get_untracked()), options);
    };
    view! {
        <form class="form section" method="get" on:change=choose>
            {from.map(|from| view! { <input type="hidden" name="from" value=from /> })}
            <Field name="until" label="New end" kind="date" value=until.get_untracked() hint="The start of that day, UTC. Empty takes the end away." />
            <div class="form-actions">
                <button type="submit" class="btn btn-plain">"See what changes"</button>
                <a class="btn btn-ghost" href=back>"Cancel"</a>
            </div>
        </form>
    }
}

/// Taking a seat from a device.
#[component]
pub fn FreeSeatPage() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| params.with(|params| params.get("seat").unwrap_or_default()));
    let seat = load(move || id.get(), |id| seat(id, String::new()));
    let action = act::<FreeSeat>();
    let error = act_error(action);
    show(seat, move |found| {
        let (row, seat) = (found.license, found.row);
        if !seat.taken {
            return view! { <ErrorState error=crate::UiError::new("not_found", "This seat is free already") /> }
                .into_any();
        }
        view! {
            <PageHead title="Free seat" crumbs=crumbs(&row.id, &row.key_hint) />
            <Notice kind=NoticeKind::Warn>
                <p>
                    <b>{seat.name}</b> " loses access with its next background call, at the latest "
                    <WhenText when=seat.offline_until.clone() /> " (" {seat.offline_until.absolute.clone()} ")."
                </p>
                <p class="small">"It can activate again with the key as long as a seat is free. Last seen " <WhenText when=seat.last_seen /> "."</p>
            </Notice>
            <ActionForm action=action class="form">
                <FormError error />
                <input type="hidden" name="license" value=row.id.clone() />
                <input type="hidden" name="seat" value=seat.id />
                <TextArea name="reason" label="Reason" required=true hint="Kept in the audit log. It can be undone for ten minutes." error />
                <div class="form-actions">
                    <Submit label="Free seat" danger=true pending=action.pending() />
                    <a class="btn btn-plain" href=way_back(format!("/console/licenses/{}", row.id))>"Cancel"</a>
                </div>
            </ActionForm>
        }
        .into_any()
    })
}
