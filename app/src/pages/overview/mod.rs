//! The overview: how many, what needs attention, how it went, what to do next.

mod activity;
mod api;

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::{
    pages::{alerts::AlertTable, fleet::Outdated, licenses::LicenseTable},
    ui::{
        Icon, PageHead, Section, Shape, Timeline,
        curve::CurveChart,
        live::{Topic, count, load_live},
        page::{Notice, NoticeKind},
        show_live,
    },
};
use activity::Counted;
use api::{NextStep, Overview};

/// The overview.
#[component]
pub fn OverviewPage() -> impl IntoView {
    let query = use_query_map();
    let days = Memo::new(move |_| query.with(|query| query.get("days").unwrap_or_default()));
    let overview = load_live(
        || count(Topic::Acts),
        move || days.get(),
        async |days, by_itself| {
            if by_itself { api::overview_again(days).await } else { api::load_overview(days).await }
        },
    );
    show_live(overview, |found: Overview, error| {
        let steps = (!found.steps.is_empty()).then(|| {
            view! {
                <Section title="First steps">
                    <ol class="next-steps">{found.steps.into_iter().map(step).collect_view()}</ol>
                </Section>
            }
        });
        let alerts = (!found.alerts.is_empty()).then(|| {
            view! {
                <Section title="What needs attention">
                    <AlertTable rows=found.alerts />
                    <p class="section"><a class="link" href="/console/alerts">"All alerts"</a></p>
                </Section>
            }
        });
        let ending = (!found.ending.is_empty()).then(|| {
            view! {
                <Section title="Ending within 30 days">
                    <LicenseTable rows=found.ending />
                    <p class="section"><a class="link" href="/console/licenses?state=active&sort=ends">"All, ending first"</a></p>
                </Section>
            }
        });
        let suspended = (!found.suspended.is_empty()).then(|| {
            view! { <Section title="Suspended"><LicenseTable rows=found.suspended /></Section> }
        });
        let happened = (!found.timeline.is_empty()).then(|| {
            view! { <Section title="What happened lately"><Timeline entries=found.timeline /></Section> }
        });
        let figures = found
            .figures
            .into_iter()
            .map(|figure| {
                view! {
                    <a class="figure" href=figure.href>
                        <span class="value">{figure.value}</span>
                        <span class="name">{figure.name}</span>
                    </a>
                }
            })
            .collect_view();
        view! {
            <PageHead title="Overview" />
            <Outdated error />
            {(found.approvals > 0).then(|| approvals(found.approvals))}
            {(found.inbox > 0).then(|| inbox(found.inbox))}
            <div class="figures">{figures}</div>
            {alerts}
            {steps}
            {(!found.activity.is_empty()).then(|| over_time(found.days, found.activity))}
            <div class="two">
                <div>{ending} {suspended}</div>
                <div>{happened}</div>
            </div>
        }
    })
}

/// That somebody waits for this person's yes or no.
fn approvals(waiting: u64) -> impl IntoView {
    let words = if waiting == 1 { "1 act waits".to_owned() } else { format!("{waiting} acts wait") };
    view! {
        <Notice kind=NoticeKind::Info>
            <p>{words} " for your approval. " <a class="link" href="/console/approvals">"Decide"</a></p>
        </Notice>
    }
}

/// That something about sales waits for a person.
fn inbox(waiting: u64) -> impl IntoView {
    let words = if waiting == 1 { "1 thing waits".to_owned() } else { format!("{waiting} things wait") };
    view! {
        <Notice kind=NoticeKind::Info>
            <p>{words} " in the inbox of your orders. " <a class="link" href="/console/orders/inbox">"Look"</a></p>
        </Notice>
    }
}

/// What was counted day by day, for so many days.
fn over_time(days: u16, activity: Vec<Counted>) -> impl IntoView {
    let chip = |(href, name, of): (&'static str, &'static str, u16)| {
        view! { <a class="chip" href=href aria-current=(of == days).then_some("true")>{name}</a> }
    };
    let chips = [("/console", "30 days", 30), ("/console?days=90", "90 days", 90)].map(chip);
    let each = |counted: Counted| {
        let label = format!("{} by day", counted.name);
        view! {
            <Section title=counted.name>
                <p class="page-sub">{counted.sum}</p>
                <CurveChart curve=counted.curve label />
            </Section>
        }
    };
    view! {
        <nav class="chips section" aria-label="How far back"><span class="chip-group">{chips}</span></nav>
        <div class="two even">{activity.into_iter().map(each).collect_view()}</div>
    }
}

fn step(step: NextStep) -> impl IntoView {
    let action = match (step.done, step.href) {
        (false, Some((href, verb))) => view! { <a class="btn btn-sm btn-primary" href=href>{verb}</a> }.into_any(),
        _ => ().into_any(),
    };
    let word = if step.done { "Done: " } else { "To do: " };
    view! {
        <li>
            <span class=if step.done { "tone-good" } else { "tone-none" }>
                <Icon shape=if step.done { Shape::Good } else { Shape::Open } />
            </span>
            <div>
                <span class="visually-hidden">{word}</span>
                {step.what}
                <div class="hint">{step.why}</div>
            </div>
            {action}
        </li>
    }
}
