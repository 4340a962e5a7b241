//! The application: its routes, and what every page has in common.

use leptos::prelude::*;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::{
    Lazy,
    components::{ParentRoute, Route, Router, Routes},
    path,
};

use crate::{
    layout::Console,
    pages::overview::OverviewPage,
    sections as page,
    ui::{Refresh, refused},
};

/// Everything inside `<body>`.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    Refresh::provide();
    refused::provide();
    let formatter =
        |title: String| if title.is_empty() { "Holdfast".to_owned() } else { format!("{title} · Holdfast") };
    view! {
        <Title formatter />
        <Router>
            <Routes fallback=NotFound>
                <Route path=path!("/") view=NotFound />
                <Route path=path!("/setup") view={Lazy::<page::SetupPage>::new()} />
                <Route path=path!("/sign-in") view={Lazy::<page::SignInPage>::new()} />
                <Route path=path!("/sign-in/factor") view={Lazy::<page::FactorPage>::new()} />
                <Route path=path!("/invite/:token") view={Lazy::<page::InvitePage>::new()} />
                <ParentRoute path=path!("/console") view=Console>
                    <Route path=path!("") view=OverviewPage />
                    <Route path=path!("confirm") view={Lazy::<page::ConfirmPage>::new()} />
                    <Route path=path!("products") view={Lazy::<page::ProductsPage>::new()} />
                    <Route path=path!("products/new") view={Lazy::<page::NewProductPage>::new()} />
                    <Route path=path!("products/:id") view={Lazy::<page::ProductPage>::new()} />
                    <Route path=path!("products/:id/plans/new") view={Lazy::<page::NewPlanPage>::new()} />
                    <Route path=path!("plans/:id") view={Lazy::<page::PlanPage>::new()} />
                    <Route path=path!("plans/:id/check") view={Lazy::<page::PlanCheckPage>::new()} />
                    <Route path=path!("customers") view={Lazy::<page::CustomersPage>::new()} />
                    <Route path=path!("customers/new") view={Lazy::<page::NewCustomerPage>::new()} />
                    <Route path=path!("customers/:id") view={Lazy::<page::CustomerPage>::new()} />
                    <Route path=path!("licenses") view={Lazy::<page::LicensesPage>::new()} />
                    <Route path=path!("licenses/new") view={Lazy::<page::IssuePage>::new()} />
                    <Route path=path!("licenses/:id") view={Lazy::<page::LicensePage>::new()} />
                    <Route path=path!("licenses/:id/extend") view={Lazy::<page::ExtendPage>::new()} />
                    <Route path=path!("licenses/:id/free/:seat") view={Lazy::<page::FreeSeatPage>::new()} />
                    <Route path=path!("licenses/:id/change") view={Lazy::<page::ChangePage>::new()} />
                    <Route path=path!("licenses/:id/transfer") view={Lazy::<page::TransferPage>::new()} />
                    <Route path=path!("licenses/:id/rekey") view={Lazy::<page::RekeyPage>::new()} />
                    <Route path=path!("licenses/:id/undo/:event") view={Lazy::<page::UndoPage>::new()} />
                    <Route path=path!("licenses/:id/:step") view={Lazy::<page::StepPage>::new()} />
                    <Route path=path!("seats") view={Lazy::<page::SeatsPage>::new()} />
                    <Route path=path!("orders") view={Lazy::<page::OrdersPage>::new()} />
                    <Route path=path!("acts") view={Lazy::<page::ActsPage>::new()} />
                    <Route path=path!("acts/new") view={Lazy::<page::NewActPage>::new()} />
                    <Route path=path!("acts/:id") view={Lazy::<page::ActPage>::new()} />
                    <Route path=path!("seats/:id") view={Lazy::<page::SeatPage>::new()} />
                    <Route path=path!("notes/:id") view={Lazy::<page::NotePage>::new()} />
                    <Route path=path!("imports") view={Lazy::<page::ImportsPage>::new()} />
                    <Route path=path!("imports/:id") view={Lazy::<page::ImportPage>::new()} />
                    <Route path=path!("freshness") view={Lazy::<page::FreshnessPage>::new()} />
                    <Route path=path!("fleet") view={Lazy::<page::FleetPage>::new()} />
                    <Route path=path!("fleet/:node") view={Lazy::<page::NodePage>::new()} />
                    <Route path=path!("fleet/:node/:step") view={Lazy::<page::NodeStepPage>::new()} />
                    <Route path=path!("alerts") view={Lazy::<page::AlertsPage>::new()} />
                    <Route path=path!("alerts/:id") view={Lazy::<page::AlertPage>::new()} />
                    <Route path=path!("webhooks") view={Lazy::<page::WebhooksPage>::new()} />
                    <Route path=path!("webhooks/new") view={Lazy::<page::NewWebhookPage>::new()} />
                    <Route path=path!("webhooks/:id") view={Lazy::<page::WebhookPage>::new()} />
                    <Route path=path!("webhooks/:id/:delivery") view={Lazy::<page::DeliveryPage>::new()} />
                    <Route path=path!("find") view={Lazy::<page::FindPage>::new()} />
                    <Route path=path!("shortcuts") view={Lazy::<page::ShortcutsPage>::new()} />
                    <Route path=path!("audit") view={Lazy::<page::AuditPage>::new()} />
                    <Route path=path!("team") view={Lazy::<page::TeamPage>::new()} />
                    <Route path=path!("team/sign-in") view={Lazy::<page::ProviderPage>::new()} />
                    <Route path=path!("team/:id") view={Lazy::<page::MemberPage>::new()} />
                    <Route path=path!("security") view={Lazy::<page::SecurityPage>::new()} />
                    <Route path=path!("security/app") view={Lazy::<page::AppPage>::new()} />
                    <Route path=path!("tokens") view={Lazy::<page::TokensPage>::new()} />
                    <Route path=path!("tokens/new") view={Lazy::<page::NewTokenPage>::new()} />
                    <Route path=path!("tokens/:id") view={Lazy::<page::TokenPage>::new()} />
                    <Route path=path!("settings") view={Lazy::<page::SettingsPage>::new()} />
                    <Route path=path!("sessions") view={Lazy::<page::SessionsPage>::new()} />
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

/// What stands at an address that does not exist, inside the console.
#[component]
fn Nowhere() -> impl IntoView {
    say_not_found();
    view! {
        <Title text="Not found" />
        <div class="empty">
            <h1>"There is nothing here"</h1>
            <p>"The address is wrong, or what it showed no longer exists."</p>
            <div class="actions">
                <a class="btn btn-plain" href="/console">
                    "To the overview"
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
