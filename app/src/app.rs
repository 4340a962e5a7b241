//! The application: its routes, and what every page has in common.

use leptos::prelude::*;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::{
    components::{ParentRoute, Route, Router, Routes},
    path,
};

use crate::{
    layout::Console,
    pages::{
        alerts::{AlertPage, AlertsPage},
        audit::AuditPage,
        customers::{CustomerPage, CustomersPage, NewCustomerPage},
        door::{ConfirmPage, SetupPage, SignInPage},
        fleet::{FleetPage, NodePage, steps::NodeStepPage},
        freshness::FreshnessPage,
        imports::{ImportPage, ImportsPage},
        licenses::{
            LicensesPage,
            detail::LicensePage,
            issue::IssuePage,
            steps::{ExtendPage, FreeSeatPage, StepPage},
        },
        overview::OverviewPage,
        plans::{NewPlanPage, PlanPage},
        products::{NewProductPage, ProductPage, ProductsPage},
        sessions::SessionsPage,
    },
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
                <Route path=path!("/setup") view=SetupPage />
                <Route path=path!("/sign-in") view=SignInPage />
                <ParentRoute path=path!("/console") view=Console>
                    <Route path=path!("") view=OverviewPage />
                    <Route path=path!("confirm") view=ConfirmPage />
                    <Route path=path!("products") view=ProductsPage />
                    <Route path=path!("products/new") view=NewProductPage />
                    <Route path=path!("products/:id") view=ProductPage />
                    <Route path=path!("products/:id/plans/new") view=NewPlanPage />
                    <Route path=path!("plans/:id") view=PlanPage />
                    <Route path=path!("customers") view=CustomersPage />
                    <Route path=path!("customers/new") view=NewCustomerPage />
                    <Route path=path!("customers/:id") view=CustomerPage />
                    <Route path=path!("licenses") view=LicensesPage />
                    <Route path=path!("licenses/new") view=IssuePage />
                    <Route path=path!("licenses/:id") view=LicensePage />
                    <Route path=path!("licenses/:id/extend") view=ExtendPage />
                    <Route path=path!("licenses/:id/free/:seat") view=FreeSeatPage />
                    <Route path=path!("licenses/:id/:step") view=StepPage />
                    <Route path=path!("imports") view=ImportsPage />
                    <Route path=path!("imports/:id") view=ImportPage />
                    <Route path=path!("freshness") view=FreshnessPage />
                    <Route path=path!("fleet") view=FleetPage />
                    <Route path=path!("fleet/:node") view=NodePage />
                    <Route path=path!("fleet/:node/:step") view=NodeStepPage />
                    <Route path=path!("alerts") view=AlertsPage />
                    <Route path=path!("alerts/:id") view=AlertPage />
                    <Route path=path!("audit") view=AuditPage />
                    <Route path=path!("sessions") view=SessionsPage />
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
