//! Alerts: what will fail, how long there is until then, and what to do. Live while they are in sight.

pub mod api;
pub mod model;
#[cfg(feature = "ssr")]
pub mod show;

use leptos::prelude::*;
use leptos_router::{
    hooks::{use_params_map, use_query_map},
    params::ParamsMap,
};

use crate::{
    UiError,
    pages::fleet::{LookAgain, Outdated, Stands},
    ui::{
        ActionForm, Copyable, Crumb, Empty, ErrorState, Fact, Facts, FormError, PageHead, Pager, Rows, Section, Shape,
        StateBadge, Submit, TextArea, Timeline, Tone, WhenText, act,
        act::Act,
        act_error,
        data::with_query,
        live::{self, Topic},
        load,
        page::{Notice, NoticeKind},
        refused::FormState,
        show_live,
    },
};
use api::{Acknowledge, LetDenialsPass};
use model::{About, AlertDetail, AlertRow, AlertsView, Asked, Stopped, Taken};

/// A filter: its name in the address, its label, its values with their words.
type Filter = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

/// The filters that stand in the address.
const FILTERS: [Filter; 2] = [
    ("state", "State", &[("", "Open"), ("cleared", "Cleared"), ("all", "All")]),
    (
        "severity",
        "Severity",
        &[("", "Any severity"), ("critical", "Critical"), ("warning", "Warning"), ("info", "Info")],
    ),
];

/// The alerts.
#[component]
pub fn AlertsPage() -> impl IntoView {
    let query = use_query_map();
    let asked = Memo::new(move |_| {
        query.with(|query| {
            let get = |name: &str| query.get(name).unwrap_or_default();
            Asked { state: get("state"), severity: get("severity"), subject: get("subject"), after: get("after") }
        })
    });
    let alerts = load(move || (asked.get(), live::count(Topic::Alerts)), |(asked, _)| api::alerts(asked));
    show_live(alerts, move |found: AlertsView, error| {
        let asked = asked.get_untracked();
        let shown = found.list.items.len() as u64;
        let looked = found.looked.clone();
        let looked = || looked.clone().map(|when| view! { " " <WhenText when /> });
        let nodes = if found.nodes == 1 { "1 node".to_owned() } else { format!("{} nodes", found.nodes) };
        let body = if !found.list.items.is_empty() {
            view! {
                <AlertTable rows=found.list.items />
                <Pager shown next=found.list.next />
            }
            .into_any()
        } else if asked.narrows() || asked.state == "cleared" {
            view! {
                <Empty title="No alert matches" text="Alerts that are over are kept for a while under Cleared.">
                    <a class="btn btn-plain" href="/console/alerts">"Show open alerts"</a>
                </Empty>
            }
            .into_any()
        } else {
            view! {
                <div class="empty">
                    <h2>"Nothing to act on"</h2>
                    <p>{found.rules} " rules watched " {nodes.clone()} {looked()} ". An alert comes before the failure, with how long there is until then and what to do."</p>
                </div>
            }
            .into_any()
        };
        let subject = (!asked.subject.is_empty()).then(|| {
            view! {
                <p class="page-sub">
                    <span>"About " <code>{asked.subject.clone()}</code></span>
                    <a class="link" href="/console/alerts">"About everything"</a>
                </p>
            }
        });
        view! {
            <PageHead title="Alerts" total=found.list.total />
            <p class="page-sub">
                <span>{found.rules} " rules watched " {nodes} {looked()}</span>
                <LookAgain />
            </p>
            <Outdated error />
            {subject}
            <Chips asked />
            {body}
        }
    })
}

/// What narrows the list, as links: each stands in the address.
#[component]
fn Chips(asked: Asked) -> impl IntoView {
    let query = use_query_map();
    let chosen = move |name: &str| if name == "state" { asked.state.clone() } else { asked.severity.clone() };
    let group = |(name, label, values): Filter| {
        let chosen = chosen(name);
        let chip = |(value, word): &(&'static str, &'static str)| {
            let value = *value;
            let href = move || {
                query.with(|query: &ParamsMap| with_query("/console/alerts", query, &[(name, value), ("after", "")]))
            };
            view! { <a class="chip" href=href aria-current=(chosen == value).then_some("true")>{*word}</a> }
        };
        view! { <span class="chip-group" role="group" aria-label=label>{values.iter().map(chip).collect_view()}</span> }
    };
    view! { <nav class="chips" aria-label="Filter alerts">{FILTERS.into_iter().map(group).collect_view()}</nav> }
}

/// What an alert is about, leading there.
fn about(about: About) -> impl IntoView {
    match about.href {
        Some(href) => view! { <a class="row-link" href=href>{about.name}</a> }.into_any(),
        None => view! { {about.name} }.into_any(),
    }
}

/// How long there is.
fn left(row: &AlertRow) -> impl IntoView + use<> {
    match (row.cleared.clone(), row.fails.clone()) {
        (Some(when), _) => view! { "over " <WhenText when /> }.into_any(),
        (None, Some(when)) => {
            let drains =
                row.drains.clone().map(|when| view! { <span class="sub">"drains itself " <WhenText when /></span> });
            view! { <WhenText when /> {drains} }.into_any()
        }
        (None, None) => view! { <span class="muted">"–"</span> }.into_any(),
    }
}

/// Alerts in a table.
#[component]
pub fn AlertTable(
    /// The rows.
    rows: Vec<AlertRow>,
) -> impl IntoView {
    let head = vec![
        ("Severity", ""),
        ("Alert", ""),
        ("About", "wide"),
        ("Fails", "right"),
        ("Since", "right wide"),
        ("Taken on", "wide"),
    ];
    view! { <Rows label="Alerts" head>{rows.into_iter().map(|row| view! { <Alert row /> }).collect_view()}</Rows> }
}

#[component]
fn Alert(row: AlertRow) -> impl IntoView {
    let taken = match row.taken.clone() {
        Some(Taken { who, note, .. }) => view! { "by " {who} <span class="sub">{note}</span> }.into_any(),
        None => view! { <span class="muted">"nobody"</span> }.into_any(),
    };
    view! {
        <tr>
            <td><Stands badge=row.severity.clone() /></td>
            <td class="alert-cell">
                <a class="row-link" href=format!("/console/alerts/{}", row.id)>{row.what.clone()}</a>
                <span class="sub">{row.detail.clone()}</span>
                <span class="sub narrow-only">{row.about.name.clone()}</span>
            </td>
            <td class="wide">{about(row.about.clone())}</td>
            <td class="right nowrap">{left(&row)}</td>
            <td class="right wide nowrap"><WhenText when=row.since.clone() /></td>
            <td class="wide">{taken}</td>
        </tr>
    }
}

/// One alert.
#[component]
pub fn AlertPage() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| params.with(|params| params.get("id").unwrap_or_default()));
    let alert = load(move || (id.get(), live::count(Topic::Alerts)), |(id, _)| api::alert(id));
    // Here, so that it outlives what is read anew.
    let action = act::<Acknowledge>();
    let taking = (action, act_error(action));
    let action = act::<LetDenialsPass>();
    let passing = (action, act_error(action));
    show_live(alert, move |detail: AlertDetail, error| match error {
        // What was read last may have been another one.
        Some(error) if detail.row.id != id.get_untracked() => view! { <ErrorState error /> }.into_any(),
        error => view! { <Detail detail error taking passing /> }.into_any(),
    })
}

#[component]
fn Detail(
    detail: AlertDetail,
    error: Option<UiError>,
    taking: (Act, FormState),
    passing: (Act, FormState),
) -> impl IntoView {
    let row = detail.row.clone();
    let over = row.cleared.clone().map(|when| {
        view! { <StateBadge tone=Tone::Good word="Cleared" shape=Shape::Good /> <span class="muted"><WhenText when /></span> }
    });
    let fails = row.fails.clone().map(|when| view! { <Fact name="Fails"><WhenText when /></Fact> });
    let drains = row.drains.clone().map(|when| view! { <Fact name="Drains itself"><WhenText when /></Fact> });
    let taken = row.taken.clone().map(|taken| {
        view! {
            <Notice kind=NoticeKind::Info>
                <p>"Taken on by " {taken.who} " " <WhenText when=taken.at /> ": " {taken.note}</p>
            </Notice>
        }
    });
    let take = (detail.may_write && row.cleared.is_none())
        .then(|| view! { <Take id=row.id.clone() again=row.taken.is_some() taking /> });
    let stopped = detail.stopped.clone().map(|stopped| {
        view! { <DenialsStopped alert=row.id.clone() stopped may_write=detail.may_write passing /> }
    });
    let levels = detail.levels.clone().into_iter().map(|(badge, level)| {
        view! { <div class="level"><Stands badge /> <span>{level}</span></div> }
    });
    let levels = levels.collect_view();
    let happened = (!detail.timeline.is_empty()).then(
        || view! { <Section title="What was done" clone:detail><Timeline entries=detail.timeline.clone() /></Section> },
    );
    view! {
        <PageHead title=row.what.clone() crumbs=vec![Crumb::new("/console/alerts", "Alerts")] clone:row>
            <Stands badge=row.severity.clone() />
            {over}
        </PageHead>
        <p class="page-sub">
            <span>{about(row.about.clone())}</span>
            <Copyable text=row.id.clone() what="alert id" />
            <LookAgain />
        </p>
        <Outdated error />
        {taken}
        <div class="two">
            <div>
                <Section title="What to do" clone:row><p>{row.cure.clone()}</p></Section>
                {stopped}
                {take}
            </div>
            <div>
                <Section title="What was seen" clone:row clone:detail>
                    <Facts>
                        <Fact name="Measured">{row.detail.clone()} " (" <WhenText when=detail.updated.clone() /> ")"</Fact>
                        <Fact name="Since"><WhenText when=row.since.clone() /></Fact>
                        {fails}
                        {drains}
                        <Fact name="What it comes before">{detail.meaning.clone()}</Fact>
                    </Facts>
                </Section>
                <Section title="The rule" clone:detail>
                    <Facts>
                        <Fact name="Name"><code>{detail.code.clone()}</code></Fact>
                        <Fact name="Watches">{detail.watches.clone()}</Fact>
                        <Fact name="Raised">{levels}</Fact>
                        <Fact name="Before the failure">{detail.lead.clone()}</Fact>
                    </Facts>
                </Section>
                {happened}
            </div>
        </div>
    }
}

/// Taking an alert on: it goes on standing, and everybody sees who looks after it.
#[component]
fn Take(id: String, again: bool, taking: (Act, FormState)) -> impl IntoView {
    let (action, error) = taking;
    let title = if again { "Take it on instead" } else { "Take it on" };
    view! {
        <Section title>
            <FormError error />
            <ActionForm action=action class="form">
                <input type="hidden" name="id" value=id />
                <TextArea
                    name="note"
                    label="Note"
                    required=true
                    hint="What you do about it. Everybody sees it; the alert stands until what it is about is better. Should it get worse, it has to be taken on anew."
                    error
                />
                <div class="form-actions"><Submit label="Acknowledge alert" pending=action.pending() /></div>
            </ActionForm>
        </Section>
    }
}

/// That nothing of a product is denied for the moment, and the word that lets denials pass.
#[component]
fn DenialsStopped(alert: String, stopped: Stopped, may_write: bool, passing: (Act, FormState)) -> impl IntoView {
    let (action, error) = passing;
    let Stopped { product, since, denials, allowed } = stopped;
    let form = may_write.then(|| {
        view! {
            <FormError error />
            <ActionForm action=action class="form">
                <input type="hidden" name="alert" value=alert />
                <input type="hidden" name="product" value=product />
                <TextArea
                    name="reason"
                    label="Reason"
                    required=true
                    hint="Only where all of them are meant to lose their access. For a day every denial of the product is signed, each when its device next asks. Kept in the audit log."
                    error
                />
                <div class="form-actions"><Submit label="Let denials pass" danger=true pending=action.pending() /></div>
            </ActionForm>
        }
    });
    view! {
        <Section title="Denials are stopped">
            <Notice kind=NoticeKind::Warn>
                <p>
                    "Within ten minutes " {denials} " devices were about to lose their access, where " {allowed} " are allowed. Since "
                    <WhenText when=since /> " nothing of this product is denied: whoever would be is told to come back, and goes on working."
                </p>
                <p class="small">"If it was a mistake, reinstate the licenses and nobody else has noticed."</p>
            </Notice>
            {form}
        </Section>
    }
}
