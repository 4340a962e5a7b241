//! What a change of a plan would mean, before it is saved: term by term, and by the last 90 days of its licenses.

pub mod api;
pub mod model;

use leptos::prelude::*;
use leptos_router::hooks::{use_location, use_params_map, use_query_map};
use leptos_router::params::ParamsMap;

use super::{api::SavePlan, model::PlanForm};
use crate::{
    pages::licenses::acts::Terms,
    ui::{
        ActionForm, Crumb, FormError, PageHead, Rows, Section, Submit, WhenText, act, act_error,
        data::with_query,
        load,
        page::{Notice, NoticeKind},
        show,
    },
};
use model::{CheckView, HitRow, ReplayView};

/// The form that an address carries, as the edit form sends it.
pub fn from_query(query: &ParamsMap) -> Option<PlanForm> {
    let get = |name: &str| query.get(&format!("plan[{name}]")).unwrap_or_default();
    query.get("plan[name]")?;
    Some(PlanForm {
        seen: get("seen"),
        name: get("name"),
        code: String::new(),
        sold: get("sold"),
        months: get("months"),
        days: get("days"),
        used: get("used"),
        seats: get("seats"),
        devices: get("devices"),
        offline: get("offline"),
        lease_days: get("lease_days"),
        grace_days: get("grace_days"),
        overdraft: get("overdraft"),
        borrow_days: get("borrow_days"),
        release_budget: get("release_budget"),
        entitlements: get("entitlements"),
        has_fallback: get("has_fallback") == "true",
        fallback: get("fallback"),
    })
}

/// The same as fields that are sent along.
fn hidden(form: PlanForm) -> impl IntoView {
    let fallback = if form.has_fallback { "true" } else { "" }.to_owned();
    let fields = [
        ("seen", form.seen),
        ("name", form.name),
        ("sold", form.sold),
        ("months", form.months),
        ("days", form.days),
        ("used", form.used),
        ("seats", form.seats),
        ("devices", form.devices),
        ("offline", form.offline),
        ("lease_days", form.lease_days),
        ("grace_days", form.grace_days),
        ("overdraft", form.overdraft),
        ("borrow_days", form.borrow_days),
        ("release_budget", form.release_budget),
        ("entitlements", form.entitlements),
        ("has_fallback", fallback),
        ("fallback", form.fallback),
    ];
    fields
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| view! { <input type="hidden" name=format!("plan[{name}]") value=value /> })
        .collect_view()
}

/// What a change of a plan would mean.
#[component]
pub fn PlanCheckPage() -> impl IntoView {
    let (params, query) = (use_params_map(), use_query_map());
    let asked = Memo::new(move |_| {
        let id = params.with(|params| params.get("id").unwrap_or_default());
        query.with(|query| (id, from_query(query).unwrap_or_default(), query.get("after").unwrap_or_default()))
    });
    let check = load(move || asked.get(), |(id, plan, after)| api::check_plan(id, plan, after));
    show(check, move |found| {
        let crumbs = vec![
            Crumb::new(format!("/console/products/{}", found.product.0), found.product.1.clone()),
            Crumb::new(format!("/console/plans/{}", found.plan.0), found.plan.1.clone()),
        ];
        let edit = query.with_untracked(|query| {
            with_query(&format!("/console/plans/{}", found.plan.0), query, &[("tab", "edit"), ("after", "")])
        });
        let body = if let Some(error) = found.wrong.clone() {
            view! {
                <Notice kind=NoticeKind::Bad>
                    <p>{error.sentence()} " " <span class="muted">"Nothing was changed."</span></p>
                </Notice>
            }
            .into_any()
        } else {
            view! { <Checked found /> }.into_any()
        };
        view! {
            <PageHead title="Check the change" crumbs>
                <div class="actions"><a class="btn btn-sm btn-plain" href=edit>"Back to the form"</a></div>
            </PageHead>
            {body}
        }
    })
}

#[component]
fn Checked(found: CheckView) -> impl IntoView {
    let save = act::<SavePlan>();
    let error = act_error(save);
    let id = found.plan.0;
    let changes = if found.changes.is_empty() {
        view! { <p class="muted">"The terms stay as they are."</p> }.into_any()
    } else {
        view! { <Terms changes=found.changes /> }.into_any()
    };
    let (own_id, own_form) = (id.clone(), found.form.clone());
    let apply_form = found.apply.map(|label| {
        view! {
            <ActionForm action=save>
                <input type="hidden" name="id" value=own_id />
                <input type="hidden" name="seats_from" value=found.seats />
                {hidden(own_form)}
                <Submit label danger=true pending=save.pending() />
            </ActionForm>
        }
    });
    view! {
        <Section title="What changes">{changes}</Section>
        {found.replay.map(|replay| view! { <Replayed replay /> })}
        <FormError error />
        <div class="form-actions section">
            <ActionForm action=save>
                <input type="hidden" name="id" value=id />
                {hidden(found.form)}
                <Submit label="Save for new licenses only" pending=save.pending() />
            </ActionForm>
            {apply_form}
        </div>
    }
}

#[component]
fn Replayed(replay: ReplayView) -> impl IntoView {
    let (query, path) = (use_query_map(), use_location().pathname);
    let next = replay.next.map(|next| {
        let href = query.with_untracked(|query| with_query(&path.get_untracked(), query, &[("after", &next)]));
        view! { <p><a class="btn btn-sm btn-plain" href=href rel="next">"Go on with the next licenses"</a></p> }
    });
    let bad = !replay.hit.is_empty();
    let kind = if bad { NoticeKind::Warn } else { NoticeKind::Info };
    let row = |hit: HitRow| {
        view! {
            <tr>
                <td class="nowrap"><a class="row-link mono" href=format!("/console/licenses/{}", hit.license.0)>"…" {hit.license.1}</a></td>
                <td class="clip">
                    {match hit.customer {
                        Some((id, name)) => view! { <a class="row-link" href=format!("/console/customers/{id}")>{name}</a> }.into_any(),
                        None => view! { <span class="muted">"–"</span> }.into_any(),
                    }}
                </td>
                <td>{hit.what}</td>
                <td class="right nowrap">{hit.first.map(|when| view! { <WhenText when /> })}</td>
            </tr>
        }
    };
    let head = vec![("License", ""), ("Customer", ""), ("What would have happened", ""), ("First", "right")];
    let hit = bad.then(|| {
        view! { <Rows label="Licenses that would have been hit" head>{replay.hit.into_iter().map(row).collect_view()}</Rows> }
    });
    view! {
        <Section title="The last 90 days under these terms">
            <p class="page-sub">
                {replay.looked_at.0} " of " {replay.looked_at.1} " licenses looked at, from " <WhenText when=replay.since exact=true />
                " on. " {replay.changing} " of them would have other terms."
            </p>
            <Notice kind>
                {replay.findings.into_iter().map(|finding| view! { <p>{finding}</p> }).collect_view()}
            </Notice>
            {hit}
            {replay.more.map(|more| view! { <p class="muted">{more}</p> })}
            {(!replay.unknown.is_empty()).then(|| view! {
                <p class="hint">"What the history cannot say:"</p>
                <ul class="hint">{replay.unknown.into_iter().map(|text| view! { <li>{text}</li> }).collect_view()}</ul>
            })}
            {next}
        </Section>
    }
}
