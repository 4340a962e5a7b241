//! The nodes: by region, each with everything it says of itself, and what can be done about it. Live while they are in
//! sight.

pub mod api;
pub mod model;
#[cfg(feature = "ssr")]
mod show;
pub mod steps;
#[cfg(feature = "ssr")]
pub mod words;

use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use crate::{
    UiError,
    ui::{
        Copyable, Crumb, Empty, ErrorState, Fact, Facts, Icon, PageHead, Rows, Section, Shape, StateBadge, Timeline,
        When, WhenText,
        live::{self, Topic},
        load,
        page::{Notice, NoticeKind},
        show_live,
    },
};
use model::{Badge, FleetView, Foretold, Group, Measured, NodeDetail, NodeRow, RegionView};

/// A badge.
#[component]
pub fn Stands(
    /// What it says.
    badge: Badge,
) -> impl IntoView {
    view! { <StateBadge tone=badge.tone word=badge.word /> }
}

/// Says why what is shown may no longer be so.
#[component]
pub fn Outdated(
    /// Why it could not be read again, where it could not.
    error: Option<UiError>,
) -> impl IntoView {
    error.map(|error| {
        view! {
            <Notice kind=NoticeKind::Warn>
                <p>{error.sentence()} " What follows is what was last read. It is read again by itself as soon as the server answers."</p>
            </Notice>
        }
    })
}

/// Says from when what the others say is.
#[component]
fn Away(told: Option<When>) -> impl IntoView {
    told.map(|when| {
        view! {
            <Notice kind=NoticeKind::Warn>
                <p>
                    "The database does not answer. The node that you see this on is shown as it is; what the others say is from "
                    <WhenText when /> ", and nothing can be changed."
                </p>
                <p class="small">"Applications go on: leases are renewed in continuity mode. New activations wait."</p>
            </Notice>
        }
    })
}

/// The link that reads a page again where there is no scripting to do it.
#[component]
pub fn LookAgain() -> impl IntoView {
    view! { <a class="link unscripted" href="" rel="external">"Look again"</a> }
}

/// Where a step is taken.
fn step_link(node: &NodeRow, step: &str, verb: &'static str) -> impl IntoView + use<> {
    let said = format!("{verb} {}", node.name);
    view! { <a class="link" href=format!("/console/fleet/{}/{step}", node.id) aria-label=said>{verb}</a> }
}

/// The short names of the steps.
fn verb(step: &str) -> &'static str {
    match step {
        "drain" => "Drain",
        "resume" => "Resume",
        _ => "Declare gone",
    }
}

/// All nodes.
#[component]
pub fn FleetPage() -> impl IntoView {
    let fleet = load(|| live::count(Topic::Fleet), |_| api::fleet());
    show_live(fleet, |found: FleetView, error| {
        let may_write = found.may_write;
        let looked = found.looked.clone().map(|when| view! { ", last looked at " <WhenText when /> });
        let body = if found.regions.is_empty() {
            let text = "A node appears here with its first sign of life, a few seconds after it starts. Nodes that share a \
                        database are a fleet.";
            view! { <Empty title="No node yet" text /> }.into_any()
        } else {
            found.regions.into_iter().map(|region| view! { <Region region may_write /> }).collect_view().into_any()
        };
        view! {
            <PageHead title="Fleet" total=format!("{} of {} serve", found.serving, found.running) />
            <p class="page-sub">
                <span>{found.rules} " rules watch the nodes" {looked}</span>
                <a class="link" href="/console/alerts">"Alerts"</a>
                <LookAgain />
            </p>
            <Outdated error />
            <Away told=found.told />
            {body}
        }
    })
}

#[component]
fn Region(region: RegionView, may_write: bool) -> impl IntoView {
    let lag = region.lag.map(|lag| view! { <span>"Database " {lag} " behind"</span> });
    let continuity = region.continuity.map(|(since, until)| {
        view! {
            <span>
                "Without its database since " <WhenText when=since /> "; goes on so until " <WhenText when=until exact=true />
            </span>
        }
    });
    let endpoints = (!region.endpoints.is_empty()).then(|| {
        let each = |endpoint: String| view! { <code>{endpoint}</code> };
        view! { <span class="endpoints">"Reached at " {region.endpoints.into_iter().map(each).collect_view()}</span> }
    });
    let of_nodes = region.nodes.iter().flat_map(|node| {
        let node = node.clone();
        let found = node.foretold.clone();
        found.into_iter().map(move |found| (Some(node.clone()), found))
    });
    let foretold: Vec<_> = region.foretold.into_iter().map(|found| (None, found)).chain(of_nodes).collect();
    let head = vec![
        ("Node", ""),
        ("Signs of life", ""),
        ("Mode", ""),
        ("Load", "right wide"),
        ("Errors", "right wide"),
        ("p99", "right wide"),
        ("Database", "wide"),
        ("Clock", "right wide"),
        ("", "right wide"),
    ];
    let label = format!("Nodes of {}", region.name);
    view! {
        <section class="section">
            <div class="section-head">
                <h2>{region.name}</h2>
                <Stands badge=region.standing />
            </div>
            <p class="region-line">{lag} {continuity} {endpoints}</p>
            <ForetoldList foretold may_write />
            <Rows label head>
                {region.nodes.into_iter().map(|node| view! { <Node node may_write /> }).collect_view()}
            </Rows>
        </section>
    }
}

#[component]
fn Node(node: NodeRow, may_write: bool) -> impl IntoView {
    let steps = || {
        let first = node.steps.first().filter(|_| may_write).cloned();
        first.map(|step| step_link(&node, &step, verb(&step)))
    };
    view! {
        <tr>
            <td>
                <a class="row-link" href=format!("/console/fleet/{}", node.id)>{node.name.clone()}</a>
                <span class="sub mono">{node.version.clone()}</span>
            </td>
            <td>
                <Stands badge=node.signs.clone() />
                <span class="sub">"heard of " <WhenText when=node.heard.clone() /></span>
            </td>
            <td>
                {node.mode.clone().map(|badge| view! { <Stands badge /> })}
                <span class="sub narrow-only">{steps()}</span>
            </td>
            <td class="right wide nowrap">{node.load.clone()}</td>
            <td class="right wide nowrap">{node.errors.clone()}</td>
            <td class="right wide nowrap">{node.p99.clone()}</td>
            <td class="wide nowrap">{node.database.clone()}</td>
            <td class="right wide nowrap">{node.clock.clone()}</td>
            <td class="right wide nowrap">{steps()}</td>
        </tr>
    }
}

/// What will fail, each with what it is about and how long is left.
#[component]
fn ForetoldList(foretold: Vec<(Option<NodeRow>, Foretold)>, may_write: bool) -> impl IntoView {
    let line = move |(node, found): (Option<NodeRow>, Foretold)| {
        let fails = found.fails.map(|when| view! { " " <WhenText when /> });
        let drains = found.drains.map(|when| view! { ": drains itself " <WhenText when /> });
        let drain = node
            .as_ref()
            .filter(|node| may_write && fails.is_some() && node.steps.iter().any(|step| step == "drain"))
            .map(|node| view! { " · " {step_link(node, "drain", "Drain now")} });
        let about = node.map(|node| view! { <b>{node.name}</b> " " });
        view! {
            <li>
                <Stands badge=found.severity />
                <div>
                    {about} {found.what} {fails} {drains} {drain}
                    <span class="sub">{found.detail}</span>
                </div>
            </li>
        }
    };
    (!foretold.is_empty()).then(|| view! { <ul class="foretold">{foretold.into_iter().map(line).collect_view()}</ul> })
}

/// One node.
#[component]
pub fn NodePage() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| params.with(|params| params.get("node").unwrap_or_default()));
    let node = load(move || (id.get(), live::count(Topic::Fleet)), |(id, _)| api::node(id));
    show_live(node, move |detail: NodeDetail, error| match error {
        // What was read last may have been another one.
        Some(error) if detail.row.id != id.get_untracked() => view! { <ErrorState error /> }.into_any(),
        error => view! { <Detail detail error /> }.into_any(),
    })
}

#[component]
fn Detail(detail: NodeDetail, error: Option<UiError>) -> impl IntoView {
    let row = detail.row.clone();
    let actions = row.steps.iter().filter(|step| detail.may_write && step.as_str() != "gone").map(|step| {
        let class = if step == "resume" { "btn btn-sm btn-primary" } else { "btn btn-sm btn-plain" };
        view! { <a class=class href=format!("/console/fleet/{}/{step}", row.id)>{verb(step)}</a> }
    });
    let actions = actions.collect_view();
    let mode = row.mode.clone().map(|badge| view! { <Stands badge /> });
    let foretold = (!row.foretold.is_empty()).then(|| {
        view! { <Section title="What needs attention" clone:row><Alerts foretold=row.foretold.clone() /></Section> }
    });
    let gone = (detail.may_write && row.steps.iter().any(|step| step == "gone")).then(|| {
        view! {
            <section class="danger-zone" aria-labelledby="for-good">
                <h2 id="for-good">"It will not come back"</h2>
                <div class="row">
                    <p class="muted">"It has not been heard of for half a minute. Where its machine is off for good, say so: floating seats then no longer wait for it."</p>
                    <a class="btn btn-sm btn-danger" href=format!("/console/fleet/{}/gone", row.id)>"Declare gone"</a>
                </div>
            </section>
        }
    });
    let happened = if detail.timeline.is_empty() {
        view! { <p class="muted">"Nobody has drained, resumed or declared it gone yet."</p> }.into_any()
    } else {
        view! { <Timeline entries=detail.timeline.clone() /> }.into_any()
    };
    let groups = detail.groups.clone().into_iter().map(|group| view! { <Measurements group /> }).collect_view();
    let drained = row.drained.then(|| {
        view! { <Notice kind=NoticeKind::Info><p>"An operator wants it to be left alone: load balancers send it nothing new."</p></Notice> }
    });
    view! {
        <PageHead title=row.name.clone() crumbs=vec![Crumb::new("/console/fleet", "Fleet")]>
            <Stands badge=row.signs.clone() />
            {mode}
            <div class="actions">{actions}</div>
        </PageHead>
        <p class="page-sub">
            <Copyable text=row.id.clone() what="node id" />
            <span>"Region " {detail.region.clone()}</span>
            <span>"Heard of " <WhenText when=row.heard.clone() /></span>
            <LookAgain />
        </p>
        <Outdated error />
        <Away told=detail.told.clone() />
        {drained}
        {foretold}
        <div class="two">
            <div>{groups}</div>
            <div>
                <Section title="If it stops now" clone:detail><p>{detail.if_it_stops.clone()}</p></Section>
                <Section title="What was done">{happened}</Section>
            </div>
        </div>
        {gone}
    }
}

#[component]
fn Measurements(group: Group) -> impl IntoView {
    let fact = |fact: Measured| {
        let meter = fact.percent.map(|percent| {
            view! { <progress class="meter" max="100" value=percent.to_string() aria-label=format!("{}: {percent} %", fact.name)></progress> }
        });
        let share = fact.percent.map(|percent| view! { <span class="muted">" " {percent} " %"</span> });
        let value = match fact.when {
            Some(when) => view! { <WhenText when /> }.into_any(),
            None => view! { <span class="num">{fact.value}</span> }.into_any(),
        };
        view! { <Fact name=fact.name>{value} {share} {meter}</Fact> }
    };
    view! {
        <Section title=group.name>
            <Facts>{group.facts.into_iter().map(fact).collect_view()}</Facts>
        </Section>
    }
}

/// What will fail, with what to do about each.
#[component]
fn Alerts(foretold: Vec<Foretold>) -> impl IntoView {
    let one = |found: Foretold| {
        let fails = found.fails.map(|when| view! { " " <WhenText when /> });
        let drains = found.drains.map(|when| view! { ": drains itself " <WhenText when /> });
        view! {
            <li>
                <Stands badge=found.severity />
                <div>
                    {found.what} {fails} {drains}
                    <span class="sub">{found.detail}</span>
                    <p class="cure"><Icon shape=Shape::Info /> <span>{found.cure}</span></p>
                </div>
            </li>
        }
    };
    view! { <ul class="foretold">{foretold.into_iter().map(one).collect_view()}</ul> }
}
