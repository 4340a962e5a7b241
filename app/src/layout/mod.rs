//! The frame around every page of the console: navigation, search, the person's menu.

mod api;

use leptos::{prelude::*, server_fn::ServerFn as _};
use leptos_router::{
    components::{A, Outlet},
    hooks::use_location,
};

use crate::{
    pages::alerts::api::open_alerts,
    ui::{
        Flash, Icon, Shape, When, WhenText,
        act::load_once,
        live::{self, Topic},
        load,
        page::{Notice, NoticeKind},
        show, show_quietly,
    },
};
use api::{SetLook, SignOut, Viewer};

/// A screen: address, name, icon.
type Link = (&'static str, &'static str, Shape);

/// The screen whose entry tells how much there is on it.
const ALERTS: &str = "/console/alerts";

/// The groups of the navigation with their screens.
const GROUPS: &[(&str, &[Link])] = &[
    ("Sell", &[("/console/products", "Products", Shape::Product)]),
    (
        "Customers",
        &[
            ("/console/customers", "Customers", Shape::Customers),
            ("/console/licenses", "Licenses", Shape::License),
            ("/console/seats", "Seats", Shape::Seat),
            ("/console/orders", "Orders", Shape::Order),
            ("/console/imports", "Import", Shape::Import),
        ],
    ),
    (
        "Run",
        &[
            ("/console/fleet", "Fleet", Shape::Fleet),
            ("/console/freshness", "Freshness", Shape::Clock),
            (ALERTS, "Alerts", Shape::Alert),
            ("/console/webhooks", "Webhooks", Shape::Webhook),
        ],
    ),
    (
        "Govern",
        &[
            ("/console/team", "Team", Shape::Person),
            ("/console/tokens", "API tokens", Shape::License),
            ("/console/audit", "Audit", Shape::Audit),
            ("/console/settings", "Settings", Shape::Settings),
        ],
    ),
];

/// The screens on a phone's bar; the others are under "More" beside them.
const PHONE: &[Link] = &[
    ("/console/customers", "Customers", Shape::Customers),
    ("/console/licenses", "Licenses", Shape::License),
    (ALERTS, "Alerts", Shape::Alert),
];

/// The frame.
#[component]
pub fn Console() -> impl IntoView {
    live::provide();
    // Read once: who looks does not change with the address.
    let viewer = load_once(api::whoami);
    let open = load(|| live::count(Topic::Alerts), |_| open_alerts());
    let counted = move |href: &str| (href == ALERTS).then(|| show_quietly(open, |count| view! { <Count count /> }));
    let phone = PHONE
        .iter()
        .map(move |(href, name, shape)| {
            view! {
                <A href=*href>
                    <Icon shape=*shape />
                    <span>{*name}</span>
                    {counted(href)}
                </A>
            }
        })
        .collect_view();
    view! {
        <a class="skip" href="#content" rel="external">
            "Skip to the content"
        </a>
        <div class="frame">
            <header class="frame-top">
                <form class="top-search" method="get" action="/console/licenses" role="search" aria-label="Everywhere">
                    <Icon shape=Shape::Search />
                    <input
                        class="input"
                        type="search"
                        name="q"
                        placeholder="Key, e-mail, name or id"
                        aria-label="Search licenses"
                        autocomplete="off"
                    />
                </form>
                <div class="top-end">{show(viewer, |viewer: Option<Viewer>| viewer.map(|viewer| view! { <PersonMenu viewer /> }))}</div>
            </header>
            <nav class="frame-nav" aria-label="Console">
                <div class="frame-brand">
                    <Icon shape=Shape::Anchor />
                    "Holdfast"
                </div>
                <A href="/console" exact=true attr:class="nav-link">
                    <Icon shape=Shape::Home />
                    "Overview"
                </A>
                {groups(counted)}
            </nav>
            <main class="frame-main" id="content" tabindex="-1">
                <div class="frame-inner">
                    <Flash />
                    {show_quietly(viewer, |viewer: Option<Viewer>| {
                        viewer.and_then(|viewer| viewer.factor_due).map(|due| view! { <FactorReminder due /> })
                    })}
                    <Outlet />
                </div>
            </main>
            <nav class="frame-bottom" aria-label="Console, short">
                <A href="/console" exact=true>
                    <Icon shape=Shape::Home />
                    <span>"Overview"</span>
                </A>
                {phone}
                <More>{groups(counted)}</More>
            </nav>
        </div>
    }
}

/// Reminds somebody who may go on for a while without the second factor that their role needs.
#[component]
fn FactorReminder(due: When) -> impl IntoView {
    let path = use_location().pathname;
    move || {
        let due = due.clone();
        (!path.get().starts_with("/console/security")).then(|| {
            view! {
                <Notice kind=NoticeKind::Info>
                    <p>
                        "From " <WhenText when=due exact=true /> " on, signing in needs a second factor. "
                        <a class="link" href="/console/security">"Set one up"</a>
                    </p>
                </Notice>
            }
        })
    }
}

/// How many alerts stand, where any does.
#[component]
fn Count(count: Option<u32>) -> impl IntoView {
    count
        .filter(|count| *count > 0)
        .map(|count| view! { <span class="nav-count num">{count}<span class="visually-hidden">" open"</span></span> })
}

/// All screens in their groups, with what is counted beside one.
fn groups<V: IntoView + 'static>(counted: impl Fn(&str) -> Option<V> + Copy + Send + Sync + 'static) -> impl IntoView {
    let link = move |(href, name, shape): &'static Link| {
        view! {
            <A href=*href attr:class="nav-link">
                <Icon shape=*shape />
                {*name}
                {counted(href)}
            </A>
        }
    };
    let group = move |(name, links): &'static (&str, &[Link])| {
        view! {
            <div class="nav-group">
                <div class="nav-group-name">{*name}</div>
                {links.iter().map(link).collect_view()}
            </div>
        }
    };
    GROUPS.iter().map(group).collect_view()
}

/// What does not fit on a phone's bar, in a sheet above it that closes when one goes somewhere.
#[component]
fn More(
    /// What it holds.
    children: Children,
) -> impl IntoView {
    let path = use_location().pathname;
    let open = move || {
        path.track();
        false
    };
    view! {
        <details class="more-nav" prop:open=open>
            <summary>
                <Icon shape=Shape::More />
                <span>"More"</span>
            </summary>
            <div class="more-sheet">{children()}</div>
        </details>
    }
}

/// The person, the vendor, how it looks, and the way out.
#[component]
fn PersonMenu(viewer: Viewer) -> impl IntoView {
    view! {
        <details class="menu-pop">
            <summary>
                <Icon shape=Shape::Person />
                <span class="visually-hidden">"Your menu, "</span>
                <span>{viewer.vendor.clone()}</span>
            </summary>
            <div class="menu-body">
                <div class="menu-row">
                    <span>
                        {viewer.email.clone()} <br /> <span class="muted">{viewer.role} " of " {viewer.vendor}</span>
                    </span>
                </div>
                <hr />
                <Look name="theme" label="Theme" chosen=viewer.theme options=&[("system", "System"), ("light", "Light"), ("dark", "Dark")] />
                <Look name="density" label="Rows" chosen=viewer.density options=&[("comfortable", "Roomy"), ("compact", "Compact")] />
                <div class="menu-row">
                    <a class="link-quiet" href="/console/audit">
                        "Audit log"
                    </a>
                    <a class="link-quiet" href="/console/security">
                        "Sign-in and security"
                    </a>
                    <a class="link-quiet" href="/console/sessions">
                        "Your sessions"
                    </a>
                </div>
                <hr />
                <form method="post" action=SignOut::url()>
                    <button class="menu-button" type="submit">
                        "Sign out"
                    </button>
                </form>
            </div>
        </details>
    }
}

/// A choice of how it looks: sent as a plain form, so that the server's next page already looks so.
#[component]
fn Look(
    name: &'static str,
    label: &'static str,
    chosen: String,
    options: &'static [(&'static str, &'static str)],
) -> impl IntoView {
    view! {
        <form method="post" action=SetLook::url() class="menu-row">
            <span id=format!("{name}-label")>{label}</span>
            <span class="segmented" role="group" aria-labelledby=format!("{name}-label")>
                {options
                    .iter()
                    .map(|(value, text)| {
                        view! {
                            <button
                                type="submit"
                                name=name
                                value=*value
                                aria-pressed=if chosen == *value { "true" } else { "false" }
                            >
                                {*text}
                            </button>
                        }
                    })
                    .collect_view()}
            </span>
        </form>
    }
}

/// The frame before sign-in: one sheet.
#[component]
pub fn Door(
    /// What the sheet holds.
    children: Children,
) -> impl IntoView {
    view! {
        <main class="door">
            <div class="door-sheet">
                <div class="door-brand">
                    <Icon shape=Shape::Anchor />
                    "Holdfast"
                </div>
                <Flash />
                {children()}
            </div>
        </main>
    }
}
