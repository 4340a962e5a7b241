//! The application: its routes, and what every page has in common.

use leptos::prelude::*;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::{
    components::{ParentRoute, Route, Router, Routes},
    hooks::use_location,
    path,
};

use crate::{
    layout::Console,
    pages::portal::Portal,
    sections::Page,
    ui::{Refresh, page::titled, refused},
};

/// Everything inside `<body>`.
#[allow(clippy::too_many_lines)] // a table
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    Refresh::provide();
    refused::provide();
    let formatter = |title: String| titled(&title, "Holdfast");
    view! {
        <Title formatter />
        <Router>
            <Routes fallback=NotFound>
                <Route path=path!("/") view=NotFound />
                <Route path=path!("/setup") view=Page::Setup />
                <Route path=path!("/sign-in") view=Page::SignIn />
                <Route path=path!("/sign-in/factor") view=Page::Factor />
                <Route path=path!("/invite/:token") view=Page::Invite />
                <Route path=path!("/password/:token") view=Page::Invite />
                <ParentRoute path=path!("/portal/:vendor") view=Portal>
                    <Route path=path!("") view=Page::Portal />
                    <Route path=path!("sign-in") view=Page::PortalCode />
                    <Route path=path!("claim") view=Page::Claim />
                    <Route path=path!("licenses/:id") view=Page::OwnLicense />
                    <Route path=path!("licenses/:id/seats/:seat") view=Page::OwnSeat />
                    <Route path=path!("licenses/:id/person") view=Page::OwnHolder />
                    <Route path=path!("offline") view=Page::Offline />
                    <Route path=path!("orders") view=Page::OwnOrders />
                    <Route path=path!("people") view=Page::OwnPeople />
                    <Route path=path!("account") view=Page::OwnAccount />
                    <Route path=path!("*rest") view=Nowhere />
                </ParentRoute>
                <ParentRoute path=path!("/console") view=Console>
                    <Route path=path!("") view=Page::Overview />
                    <Route path=path!("confirm") view=Page::Confirm />
                    <Route path=path!("products") view=Page::Products />
                    <Route path=path!("products/new") view=Page::NewProduct />
                    <Route path=path!("products/:id") view=Page::Product />
                    <Route path=path!("products/:id/plans/new") view=Page::NewPlan />
                    <Route path=path!("products/:id/keys/:key") view=Page::KeyStep />
                    <Route path=path!("products/:id/gateways/:kind") view=Page::Gateway />
                    <Route path=path!("plans") view=Page::Plans />
                    <Route path=path!("plans/:id") view=Page::Plan />
                    <Route path=path!("plans/:id/check") view=Page::PlanCheck />
                    <Route path=path!("customers") view=Page::Customers />
                    <Route path=path!("customers/new") view=Page::NewCustomer />
                    <Route path=path!("customers/:id") view=Page::Customer />
                    <Route path=path!("licenses") view=Page::Licenses />
                    <Route path=path!("licenses/new") view=Page::Issue />
                    <Route path=path!("licenses/:id") view=Page::License />
                    <Route path=path!("licenses/:id/extend") view=Page::Extend />
                    <Route path=path!("licenses/:id/free/:seat") view=Page::FreeSeat />
                    <Route path=path!("licenses/:id/change") view=Page::Change />
                    <Route path=path!("licenses/:id/transfer") view=Page::Transfer />
                    <Route path=path!("licenses/:id/convert") view=Page::Convert />
                    <Route path=path!("licenses/:id/rekey") view=Page::Rekey />
                    <Route path=path!("licenses/:id/undo/:event") view=Page::Undo />
                    <Route path=path!("licenses/:id/:step") view=Page::Step />
                    <Route path=path!("seats") view=Page::Seats />
                    <Route path=path!("orders") view=Page::Orders />
                    <Route path=path!("orders/inbox") view=Page::Inbox />
                    <Route path=path!("orders/inbox/:id") view=Page::InboxEntry />
                    <Route path=path!("orders/:id") view=Page::Order />
                    <Route path=path!("orders/:id/refund") view=Page::Refund />
                    <Route path=path!("acts") view=Page::Acts />
                    <Route path=path!("acts/new") view=Page::NewAct />
                    <Route path=path!("acts/:id") view=Page::Act />
                    <Route path=path!("approvals") view=Page::Approvals />
                    <Route path=path!("approvals/:id") view=Page::Approval />
                    <Route path=path!("seats/:id") view=Page::Seat />
                    <Route path=path!("notes/:id") view=Page::Note />
                    <Route path=path!("notes/about/:id") view=Page::Notes />
                    <Route path=path!("imports") view=Page::Imports />
                    <Route path=path!("imports/:id") view=Page::Import />
                    <Route path=path!("freshness") view=Page::Freshness />
                    <Route path=path!("fleet") view=Page::Fleet />
                    <Route path=path!("fleet/:node") view=Page::Node />
                    <Route path=path!("fleet/:node/:step") view=Page::NodeStep />
                    <Route path=path!("alerts") view=Page::Alerts />
                    <Route path=path!("alerts/:id") view=Page::Alert />
                    <Route path=path!("webhooks") view=Page::Webhooks />
                    <Route path=path!("webhooks/new") view=Page::NewWebhook />
                    <Route path=path!("webhooks/:id") view=Page::Webhook />
                    <Route path=path!("webhooks/:id/:delivery") view=Page::Delivery />
                    <Route path=path!("shops") view=Page::Shops />
                    <Route path=path!("shops/new") view=Page::NewShop />
                    <Route path=path!("shops/:id") view=Page::Shop />
                    <Route path=path!("find") view=Page::Find />
                    <Route path=path!("shortcuts") view=Page::Shortcuts />
                    <Route path=path!("audit") view=Page::Audit />
                    <Route path=path!("audit/:number") view=Page::Event />
                    <Route path=path!("team") view=Page::Team />
                    <Route path=path!("team/sign-in") view=Page::Provider />
                    <Route path=path!("team/:id") view=Page::Member />
                    <Route path=path!("team/:id/:step") view=Page::MemberStep />
                    <Route path=path!("security") view=Page::Security />
                    <Route path=path!("security/app") view=Page::App />
                    <Route path=path!("tokens") view=Page::Tokens />
                    <Route path=path!("tokens/new") view=Page::NewToken />
                    <Route path=path!("tokens/:id") view=Page::Token />
                    <Route path=path!("settings") view=Page::Settings />
                    <Route path=path!("settings/portal") view=Page::PortalSettings />
                    <Route path=path!("settings/mail") view=Page::Mail />
                    <Route path=path!("settings/mail/:template") view=Page::MailTemplate />
                    <Route path=path!("sessions") view=Page::Sessions />
                    <Route path=path!("*rest") view=Nowhere />
                </ParentRoute>
                <ParentRoute path=path!("/support") view=Console>
                    <Route path=path!("") view=Page::Desk />
                    <Route path=path!("explain") view=Page::Explain />
                    <Route path=path!("refunds") view=Page::Refunds />
                    <Route path=path!("replies") view=Page::Replies />
                    <Route path=path!("replies/new") view=Page::Reply />
                    <Route path=path!("replies/:id") view=Page::Reply />
                    <Route path=path!(":id") view=Page::Story />
                    <Route path=path!(":id/view") view=Page::ViewAs />
                    <Route path=path!("*rest") view=Nowhere />
                </ParentRoute>
            </Routes>
        </Router>
    }
}

/// Tells a browser (and a search engine) that there is nothing at this address.
fn say_not_found() {
    #[cfg(feature = "ssr")]
    if let Some(response) = use_context::<leptos_axum::ResponseOptions>() {
        response.set_status(axum::http::StatusCode::NOT_FOUND);
    }
}

/// What stands at an address that does not exist, inside the console or a portal.
#[component]
fn Nowhere() -> impl IntoView {
    say_not_found();
    let path = use_location().pathname.get_untracked();
    let start = path.split('/').take(if path.starts_with("/portal/") { 3 } else { 2 }).collect::<Vec<_>>().join("/");
    view! {
        <Title text="Not found" />
        <div class="empty">
            <h1>"There is nothing here"</h1>
            <p>"The address is wrong, or what it showed no longer exists."</p>
            <div class="actions">
                <a class="btn btn-plain" href=start>
                    "To the start"
                </a>
            </div>
        </div>
    }
}

/// What stands at an address that does not exist.
#[component]
fn NotFound() -> impl IntoView {
    say_not_found();
    view! {
        <Title text="Not found" />
        <main class="door">
            <div class="door-sheet">
                <h1>"There is nothing here"</h1>
                <p class="muted">"The address is wrong, or what it showed no longer exists."</p>
                <p>
                    <a class="link" href="/" rel="external">
                        "To the start"
                    </a>
                </p>
            </div>
        </main>
    }
}
