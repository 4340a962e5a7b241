//! The console's pages by section. A browser loads a section's code when one of its pages is first gone to, so that what a
//! vendor waits for does not grow with what Holdfast can do.
//!
//! Each page here is a route of the name of its component, for use as `view=Lazy::<sections::FleetPage>::new()`. What is
//! no page stands after an `@` and is a function that brings it, or nothing where its code does not come.

// What takes a module of WebAssembly apart at these functions refers to them as foreign ones; nothing here is written by hand.
#![allow(unsafe_code)]

use leptos::{prelude::*, wasm_split::SplitLoaderError};
use leptos_router::LazyRoute;

use crate::{UiError, ui::ErrorState};

/// The code of a section did not come.
#[derive(Debug)]
struct NotLoaded;

impl From<SplitLoaderError> for NotLoaded {
    fn from(_: SplitLoaderError) -> Self {
        Self
    }
}

/// What stands where a page's code did not come. Going there again asks for it again.
fn not_loaded() -> AnyView {
    let error = UiError::new("unreachable", "This page could not be loaded");
    view! { <ErrorState error /> }.into_any()
}

macro_rules! sections {
    ($($section:ident { $($page:ident: $component:path;)* $(@ $part:ident: $inside:path;)* })*) => {
        /// The functions at which the module is taken apart.
        #[allow(non_snake_case, missing_docs)]
        mod split {
            $($(pub mod $page {
                use crate::{pages::*, sections::NotLoaded};
                use leptos::prelude::{AnyView, IntoAny};

                #[leptos::wasm_split::wasm_split(
                    $section,
                    wasm_split_path = leptos::wasm_split,
                    preload(preload),
                    fallible,
                )]
                pub fn $page() -> Result<AnyView, NotLoaded> {
                    Ok($component().into_any())
                }
            })*)*
            $($(pub mod $part {
                use crate::{layout, sections::NotLoaded};
                use leptos::prelude::{AnyView, IntoAny};

                #[leptos::wasm_split::wasm_split($section, wasm_split_path = leptos::wasm_split, fallible)]
                pub fn $part() -> Result<AnyView, NotLoaded> {
                    Ok($inside().into_any())
                }
            })*)*
        }

        $($(
            #[doc = concat!("The part `", stringify!($part), "`.")]
            pub async fn $part() -> Option<AnyView> {
                split::$part::$part().await.ok()
            }
        )*)*

        $($(
            #[doc = concat!("The page `", stringify!($page), "`.")]
            pub struct $page;

            impl LazyRoute for $page {
                fn data() -> Self {
                    Self
                }

                async fn view(_: Self) -> AnyView {
                    split::$page::$page().await.unwrap_or_else(|NotLoaded| not_loaded())
                }

                async fn preload() {
                    // Where it does not come, the view says so.
                    let _ = split::$page::preload().await;
                }
            }
        )*)*
    };
}

// Few sections: what some of them share and others do not is a module for each such combination.
sections! {
    lists {
        CustomersPage: lists::CustomersPage;
        LicensesPage: lists::LicensesPage;
        SeatsPage: lists::SeatsPage;
        OrdersPage: lists::OrdersPage;
        AuditPage: audit::AuditPage;
        ActsPage: acts::ActsPage;
        NewActPage: acts::NewActPage;
        ActPage: acts::ActPage;
    }
    sales {
        NewCustomerPage: customers::NewCustomerPage;
        CustomerPage: customers::CustomerPage;
        IssuePage: licenses::issue::IssuePage;
        LicensePage: licenses::detail::LicensePage;
        ExtendPage: licenses::steps::ExtendPage;
        FreeSeatPage: licenses::steps::FreeSeatPage;
        StepPage: licenses::steps::StepPage;
        ChangePage: licenses::acts::ChangePage;
        TransferPage: licenses::acts::TransferPage;
        RekeyPage: licenses::acts::RekeyPage;
        UndoPage: licenses::acts::UndoPage;
        SeatPage: seats::SeatPage;
        NotePage: notes::NotePage;
    }
    catalog {
        ProductsPage: products::ProductsPage;
        NewProductPage: products::NewProductPage;
        ProductPage: products::ProductPage;
        NewPlanPage: plans::NewPlanPage;
        PlanPage: plans::PlanPage;
        PlanCheckPage: plans::check::PlanCheckPage;
    }
    operations {
        FreshnessPage: freshness::FreshnessPage;
        FleetPage: fleet::FleetPage;
        NodePage: fleet::NodePage;
        NodeStepPage: fleet::steps::NodeStepPage;
        AlertsPage: alerts::AlertsPage;
        AlertPage: alerts::AlertPage;
    }
    vendor {
        ImportsPage: imports::ImportsPage;
        ImportPage: imports::ImportPage;
        TokensPage: tokens::TokensPage;
        NewTokenPage: tokens::NewTokenPage;
        TokenPage: tokens::TokenPage;
        SettingsPage: settings::SettingsPage;
        WebhooksPage: webhooks::WebhooksPage;
        NewWebhookPage: webhooks::NewWebhookPage;
        WebhookPage: webhooks::WebhookPage;
        DeliveryPage: webhooks::DeliveryPage;
    }
    people {
        SetupPage: door::SetupPage;
        SignInPage: door::SignInPage;
        FactorPage: door::FactorPage;
        InvitePage: door::InvitePage;
        ConfirmPage: door::ConfirmPage;
        TeamPage: team::TeamPage;
        MemberPage: team::MemberPage;
        ProviderPage: team::ProviderPage;
        SecurityPage: security::SecurityPage;
        AppPage: security::AppPage;
        SessionsPage: sessions::SessionsPage;
        FindPage: find::FindPage;
        ShortcutsPage: shortcuts::ShortcutsPage;
        @ tools: layout::palette::Tools;
    }
}
