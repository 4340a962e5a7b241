//! The overview: how many, what needs attention, what to do next.

mod api;

use leptos::prelude::*;

use crate::{
    pages::{alerts::AlertTable, fleet::Outdated, licenses::LicenseTable},
    ui::{
        Icon, PageHead, Section, Shape, Timeline,
        live::{Topic, load_live},
        show_live,
    },
};
use api::{NextStep, Overview};

/// The overview.
#[component]
pub fn OverviewPage() -> impl IntoView {
    let overview = load_live(
        Topic::Acts,
        || (),
        async |(), by_itself| if by_itself { api::overview_again().await } else { api::load_overview().await },
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
            <div class="figures">{figures}</div>
            {alerts}
            {steps}
            <div class="two">
                <div>{ending} {suspended}</div>
                <div>{happened}</div>
            </div>
        }
    })
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
