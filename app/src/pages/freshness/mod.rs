//! Freshness: if everything stopped now, who would notice when; and what a plan's change would do about it.

mod api;
pub mod model;
#[cfg(feature = "ssr")]
mod words;

use leptos::prelude::*;
use leptos_router::{
    NavigateOptions,
    hooks::{use_navigate, use_query_map},
};

use crate::ui::{Empty, PageHead, Rows, Section, When, WhenText, curve::CurveChart, data::with_values, load, show};
use model::{Asked, Figures, FreshnessView, Group, Trying, Unit};

/// Freshness.
#[component]
pub fn FreshnessPage() -> impl IntoView {
    let query = use_query_map();
    let asked = Memo::new(move |_| {
        query.with(|query| {
            let get = |name: &str| query.get(name).unwrap_or_default();
            Asked {
                product: get("product"),
                customer: get("customer"),
                region: get("region"),
                plan: get("plan"),
                of: get("of"),
                lease: get("lease"),
                grace: get("grace"),
            }
        })
    });
    let freshness = load(move || asked.get(), api::load_freshness);
    show(freshness, move |found: FreshnessView| {
        let asked = asked.get_untracked();
        let narrowed = found.narrowed.map(|words| {
            view! {
                <p class="page-sub">
                    <span>"Only " {words}</span>
                    <a class="link" href="/console/freshness">"Show all"</a>
                </p>
            }
        });
        let as_of = found.as_of;
        let parts = if found.figures.first.is_none() && found.figures.ending.is_empty() {
            let text = "Once applications activate, this shows how long each of them would go on without any server.";
            view! {
                <Empty title="No device holds a lease yet" text>
                    <a class="btn btn-primary" href="/console/licenses/new">"Issue license"</a>
                    <a class="btn btn-plain" href="/console/products">"Integrate a product"</a>
                </Empty>
            }
            .into_any()
        } else {
            let chart = found.curve.map(|curve| {
                view! { <CurveChart curve label="Share of devices that still work, over time without any server" /> }
            });
            view! {
                <Sentence figures=found.figures.clone() />
                {chart}
                <p class="hint">
                    "Counted from the leases that devices hold, " <WhenText when=as_of exact=true />
                    ". The first is exact, the rest is right to within 1 %."
                </p>
                <div class="two even">
                    <Section title="By product"><Groups label="Freshness by product" first="Product" groups=found.products /></Section>
                    <Section title="By region"><Groups label="Freshness by region" first="Region" groups=found.regions /></Section>
                </div>
                <Section title="Customers who would notice first">
                    <Groups label="Customers who would notice first" first="Customer" groups=found.customers />
                </Section>
            }
            .into_any()
        };
        let trying = found.trying.map(|trying| view! { <WhatIf asked trying plans=found.plans /> });
        view! {
            <PageHead title="Freshness" />
            {narrowed}
            {parts}
            {trying}
        }
    })
}

fn after(when: Option<When>, word: &'static str) -> impl IntoView {
    when.map(|when| view! { {word} <b><WhenText when /></b> })
}

/// The answer, in a sentence.
#[component]
fn Sentence(figures: Figures) -> impl IntoView {
    let Figures { leases, first, one_percent, half, ending, .. } = figures;
    let nobody = first.is_none();
    let answer = if nobody {
        view! { "If everything stopped now, nobody would notice." }.into_any()
    } else {
        view! {
            "If everything stopped now, the first customer would notice "
            {after(first, "in ")} {after(one_percent, ", 1 % after ")} {after(half, ", half after ")} "."
        }
        .into_any()
    };
    let apart = (!ending.is_empty()).then(|| {
        view! { " Not counted: " <span class="num">{ending}</span> " that will stop because their licenses end, whoever is there." }
    });
    let devices = if leases == "1" { " device" } else { " devices" };
    view! {
        <p class="lead">{answer}</p>
        <p class="muted"><span class="num">{leases}</span> {devices} " would stop for want of a server." {apart}</p>
    }
}

/// A table of groups, whoever would notice first on top.
#[component]
fn Groups(label: &'static str, first: &'static str, groups: Vec<Group>) -> impl IntoView {
    let head = vec![(first, ""), ("Devices", "right"), ("First", "right"), ("1 %", "right wide"), ("Half", "right")];
    let cell = |when: Option<When>| match when {
        Some(when) => view! { <WhenText when /> }.into_any(),
        None => view! { "–" }.into_any(),
    };
    view! {
        <Rows label head>
            {groups
                .into_iter()
                .map(|group| {
                    let Figures { leases, first, one_percent, half, ending, .. } = group.figures;
                    let name = match group.href {
                        Some(href) => view! { <a class="row-link" href=href>{group.name}</a> }.into_any(),
                        None => view! { <span>{group.name}</span> }.into_any(),
                    };
                    view! {
                        <tr>
                            <td>{name}</td>
                            <td class="right num">
                                {leases}
                                {(!ending.is_empty()).then(|| view! { <span class="sub">"+ " {ending} " ending"</span> })}
                            </td>
                            <td class="right nowrap num">{cell(first)}</td>
                            <td class="right nowrap num wide">{cell(one_percent)}</td>
                            <td class="right nowrap num">{cell(half)}</td>
                        </tr>
                    }
                })
                .collect_view()}
        </Rows>
    }
}

/// A plan, two lengths of time to try on it, and what they would do.
#[component]
fn WhatIf(asked: Asked, trying: Trying, plans: Vec<(String, String)>) -> impl IntoView {
    let unit = trying.unit;
    let (lease, grace) = (RwSignal::new(trying.tried_lease.to_string()), RwSignal::new(trying.tried_grace.to_string()));
    let chosen = trying.plan.clone();
    let kept = [("product", asked.product), ("customer", asked.customer), ("region", asked.region)];
    // With scripting the answer comes when a slider is let go or another plan is chosen; without, with the button.
    let navigate = use_navigate();
    let ask = {
        let (kept, chosen) = (kept.clone(), chosen.clone());
        move |plan: Option<String>| {
            let mut values: Vec<(&str, &String)> = kept.iter().map(|(name, value)| (*name, value)).collect();
            let (lease, grace) = (lease.get_untracked(), grace.get_untracked());
            match &plan {
                Some(other) => values.push(("plan", other)),
                None => values.extend([("plan", &chosen), ("of", &chosen), ("lease", &lease), ("grace", &grace)]),
            }
            let options = NavigateOptions { replace: true, scroll: false, ..NavigateOptions::default() };
            navigate(&with_values("/console/freshness", &values), options);
        }
    };
    let choose = ask.clone();
    let options = plans
        .into_iter()
        .map(|(id, name)| {
            let selected = id == chosen;
            view! { <option value=id selected=selected>{name}</option> }
        })
        .collect_view();
    let own = format!(
        "{} of lease and {} of grace",
        unit.words(&trying.lease.0.to_string()),
        unit.words(&trying.grace.0.to_string())
    );
    let outcome = trying.outcome.map(|outcome| {
        let label = "Share of this plan's devices that still work, as it is and changed";
        view! {
            <div class="outcome" role="status">
                {outcome.sentences.into_iter().map(|sentence| view! { <p>{sentence}</p> }).collect_view()}
            </div>
            {outcome.curve.map(|curve| view! { <CurveChart curve label /> })}
            <p class="hint">
                "Licenses already issued keep their terms until "
                <a class="link" href=format!("/console/plans/{}", trying.plan)>"the plan"</a>
                " is changed and its new terms are applied to them."
            </p>
        }
    });
    let trial = trying.is_trial.then_some(" It is a trial, which lasts as long as it lasts.");
    view! {
        <Section title="What a plan's change would do">
            <form class="form wide" method="get" action="/console/freshness">
                {kept
                    .into_iter()
                    .filter(|(_, value)| !value.is_empty())
                    .map(|(name, value)| view! { <input type="hidden" name=name value=value /> })
                    .collect_view()}
                <input type="hidden" name="of" value=chosen.clone() />
                <div class="field">
                    <label for="try-plan">"Plan"</label>
                    <select
                        class="select"
                        id="try-plan"
                        name="plan"
                        aria-describedby="try-plan-hint"
                        on:change=move |event| choose(Some(event_target_value(&event)))
                    >
                        {options}
                    </select>
                    <p class="hint" id="try-plan-hint">{trying.name} " has " {own} "." {trial}</p>
                </div>
                <div class="pair">
                    <Slider
                        name="lease"
                        label="Lease"
                        hint="Works on its own for so long."
                        unit
                        value=lease
                        most=trying.lease.1
                        least=1
                        ask=Callback::new({
                            let ask = ask.clone();
                            move |()| ask(None)
                        })
                    />
                    <Slider
                        name="grace"
                        label="Grace"
                        hint="Goes on for so long while saying that it cannot reach you."
                        unit
                        value=grace
                        most=trying.grace.1
                        least=0
                        ask=Callback::new(move |()| ask(None))
                    />
                </div>
                <div class="form-actions">
                    <button class="btn btn-plain" type="submit">"Show what would change"</button>
                </div>
            </form>
            {outcome}
        </Section>
    }
}

/// A length of time on a slider, with its value beside the label.
#[component]
fn Slider(
    name: &'static str,
    label: &'static str,
    hint: &'static str,
    unit: Unit,
    value: RwSignal<String>,
    least: i64,
    most: i64,
    ask: Callback<()>,
) -> impl IntoView {
    let id = format!("try-{name}");
    let described = format!("{id}-hint");
    view! {
        <div class="field">
            <label for=id.clone()>
                {label} " " <output class="slider-value num" for=id.clone()>{move || unit.words(&value.get())}</output>
            </label>
            <input
                class="slider"
                type="range"
                id=id
                name=name
                min=least
                max=most
                step="1"
                value=value.get_untracked()
                aria-valuetext=move || unit.words(&value.get())
                aria-describedby=described.clone()
                on:input=move |event| value.set(event_target_value(&event))
                on:change=move |_| ask.run(())
            />
            <p class="hint" id=described>{hint}</p>
        </div>
    }
}
