//! The frame around every page of the console: navigation, search, the person's menu.

mod api;
mod keys;
mod look;
pub mod palette;
pub mod screens;

use leptos::{prelude::*, server_fn::ServerFn as _};
use leptos_router::{
    components::{A, Outlet},
    hooks::use_location,
};

use crate::{
    pages::{alerts::api::open_alerts, find::api::Seek},
    sections,
    ui::{
        Flash, Icon, Shape, When, WhenText,
        act::{Reading, load_once},
        live::{self, Topic},
        load,
        page::{Notice, NoticeKind},
        show, show_quietly,
    },
};
use api::{SetLook, SignOut, Viewer};
use keys::{Sheet, Summoned};
use look::{CHOICES, Chosen, NAV_PLACE};

/// A screen: address, name, icon.
type Link = (&'static str, &'static str, Shape);

/// The screen whose entry tells how much there is on it.
const ALERTS: &str = "/console/alerts";

/// The groups of the navigation with their screens.
const GROUPS: &[(&str, &[Link])] = &[
    (
        "Sell",
        &[
            ("/console/products", "Products", Shape::Product),
            ("/console/plans", "Plans", Shape::Plan),
            ("/console/shops", "Shops", Shape::Order),
        ],
    ),
    (
        "Customers",
        &[
            ("/support", "Support desk", Shape::Support),
            ("/console/customers", "Customers", Shape::Customers),
            ("/console/licenses", "Licenses", Shape::License),
            ("/console/seats", "Seats", Shape::Seat),
            ("/console/orders", "Orders", Shape::Order),
            ("/console/imports", "Import", Shape::Import),
            ("/console/acts", "Acts on many", Shape::Act),
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
            ("/console/approvals", "Approvals", Shape::Good),
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

/// Who looks, for everything inside the frame.
#[derive(Clone, Copy)]
struct Who(Reading<Option<Viewer>>);

/// The frame.
#[component]
pub fn Console() -> impl IntoView {
    live::provide();
    Chosen::provide();
    let summoned = Summoned::provide();
    // Read once: who looks does not change with the address.
    let viewer = load_once(api::whoami);
    provide_context(Who(viewer));
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
                <TopSearch summoned />
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
                <form method="post" action=SetLook::url() class="nav-fold">
                    {fold("folded", "Fold the navigation")} {fold("open", "Keep it open")}
                </form>
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
        <Over summoned />
    }
}

/// The box over everything. Without scripting it is a form, whose text stands in no address: it may be a whole key. With
/// it, the palette opens.
#[component]
fn TopSearch(summoned: Summoned) -> impl IntoView {
    let typed = move |event: leptos::ev::Event| {
        let text = event_target_value(&event);
        // The same key never goes two ways.
        event_target::<leptos::web_sys::HtmlInputElement>(&event).set_value("");
        summoned.search(&text);
    };
    view! {
        <form class="top-search" method="post" action=Seek::url() role="search" aria-label="Everywhere">
            <Icon shape=Shape::Search />
            <input
                class="input"
                type="search"
                name="q"
                placeholder="Key, e-mail, order, device"
                aria-label="Find anything"
                autocomplete="off"
                maxlength="200"
                on:click=move |_| summoned.search("")
                on:input=typed
            />
            <kbd class="top-keys" aria-hidden="true">"Ctrl K"</kbd>
        </form>
    }
}

/// What stands over the page, whose code comes when it is first asked for. Where it does not come, a page does the same.
#[component]
fn Over(summoned: Summoned) -> impl IntoView {
    let ever = Memo::new(move |before: Option<&bool>| before == Some(&true) || summoned.sheet.get().is_some());
    move || {
        ever.get().then(|| {
            Suspend::new(async move {
                if let Some(tools) = sections::tools().await {
                    return tools;
                }
                let page = match summoned.sheet.get_untracked() {
                    Some(Sheet::Shortcuts) => "/console/shortcuts",
                    _ => "/console/find",
                };
                // Not by the router, which would need the same code.
                let _ = window().location().set_href(page);
                ().into_any()
            })
        })
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

/// A button that folds the navigation or opens it; the style sheet shows the one of the two that changes anything. Without
/// scripting it sends its form.
fn fold(value: &'static str, text: &'static str) -> impl IntoView {
    let chosen = Chosen::find();
    let choose = move |event: leptos::ev::MouseEvent| {
        if let Some(chosen) = chosen {
            event.prevent_default();
            chosen.choose(NAV_PLACE, value);
        }
    };
    view! {
        <button class="nav-link" type="submit" name="nav" value=value on:click=choose>
            <Icon shape=Shape::Fold />
            {text}
        </button>
    }
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
    let kept = [viewer.theme, viewer.density, viewer.shortcuts];
    let looks = kept.into_iter().enumerate().map(|(place, kept)| view! { <Look place kept /> }).collect_view();
    let environment = viewer.environment.map(|name| {
        view! { <span class="environment" title="Environment"><span class="visually-hidden">"Environment: "</span>{name}</span> }
    });
    view! {
        {environment}
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
                {looks}
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
                <div class="menu-row">
                    <a class="link-quiet" href="/console/shortcuts">
                        "Keyboard shortcuts"
                    </a>
                    <kbd class="menu-key" aria-hidden="true">"?"</kbd>
                </div>
                <hr />
                <form method="post" action=SignOut::url() id="sign-out">
                    <button class="menu-button" type="submit">
                        "Sign out"
                    </button>
                </form>
            </div>
        </details>
    }
}

/// A choice of how it looks: without scripting sent as a plain form, so that the server's next page already looks so.
#[component]
fn Look(
    /// Its place among the choices.
    place: usize,
    /// What this browser had chosen when the page came.
    kept: String,
) -> impl IntoView {
    let chosen = Chosen::find();
    CHOICES.get(place).map(|(name, label, values)| {
        let button = |(value, text): &'static (&'static str, &'static str)| {
            let was = kept == *value;
            let is = move || match chosen.and_then(|chosen| chosen.of(place)) {
                Some(now) => now == *value,
                None => was,
            };
            let choose = move |event: leptos::ev::MouseEvent| {
                if let Some(chosen) = chosen {
                    event.prevent_default();
                    chosen.choose(place, value);
                }
            };
            view! {
                <button
                    type="submit"
                    name=*name
                    value=*value
                    aria-pressed=move || if is() { "true" } else { "false" }
                    on:click=choose
                >
                    {*text}
                </button>
            }
        };
        view! {
            <form method="post" action=SetLook::url() class="menu-row">
                <span id=format!("{name}-label")>{*label}</span>
                <span class="segmented" role="group" aria-labelledby=format!("{name}-label")>
                    {values.iter().map(button).collect_view()}
                </span>
            </form>
        }
    })
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
