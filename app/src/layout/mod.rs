//! The frame around every page of the console: navigation, search, the person's menu.

mod api;

use leptos::{prelude::*, server_fn::ServerFn as _};
use leptos_router::components::{A, Outlet};

use crate::ui::{Flash, Icon, Shape, act::load_once, show};
use api::{SetLook, SignOut, Viewer};

/// A screen: address, name, icon.
type Link = (&'static str, &'static str, Shape);

/// The groups of the navigation with their screens.
const GROUPS: &[(&str, &[Link])] = &[
    ("Sell", &[("/console/products", "Products", Shape::Product)]),
    (
        "Customers",
        &[
            ("/console/customers", "Customers", Shape::Customers),
            ("/console/licenses", "Licenses", Shape::License),
            ("/console/imports", "Import", Shape::Import),
        ],
    ),
    ("Run", &[("/console/freshness", "Freshness", Shape::Clock)]),
    ("Govern", &[("/console/audit", "Audit", Shape::Audit)]),
];

/// The screens on a phone's bar.
const PHONE: &[Link] = &[
    ("/console/products", "Products", Shape::Product),
    ("/console/customers", "Customers", Shape::Customers),
    ("/console/licenses", "Licenses", Shape::License),
    ("/console/imports", "Import", Shape::Import),
];

/// The frame.
#[component]
pub fn Console() -> impl IntoView {
    // Read once: who looks does not change with the address.
    let viewer = load_once(api::whoami);
    let groups = GROUPS
        .iter()
        .map(|(name, links)| {
            view! {
                <div class="nav-group">
                    <div class="nav-group-name">{*name}</div>
                    {links
                        .iter()
                        .map(|(href, name, shape)| {
                            view! {
                                <A href=*href attr:class="nav-link">
                                    <Icon shape=*shape />
                                    {*name}
                                </A>
                            }
                        })
                        .collect_view()}
                </div>
            }
        })
        .collect_view();
    let phone = PHONE
        .iter()
        .map(|(href, name, shape)| {
            view! {
                <A href=*href>
                    <Icon shape=*shape />
                    <span>{*name}</span>
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
                <div class="top-end">{show(viewer, |viewer| view! { <PersonMenu viewer /> })}</div>
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
                {groups}
            </nav>
            <main class="frame-main" id="content" tabindex="-1">
                <div class="frame-inner">
                    <Flash />
                    <Outlet />
                </div>
            </main>
            <nav class="frame-bottom" aria-label="Console, short">
                <A href="/console" exact=true>
                    <Icon shape=Shape::Home />
                    <span>"Overview"</span>
                </A>
                {phone}
            </nav>
        </div>
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
