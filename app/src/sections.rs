//! The console's pages by section. A browser loads a section's code when one of its pages is first gone to, so that what a
//! vendor waits for does not grow with what Holdfast can do.
//!
//! A page is a value, for use as `view=Page::Fleet`: every route is then of one type, and the router's code for it is in
//! the main module once instead of once for each page.

// What takes a module of WebAssembly apart at these functions refers to them as foreign ones; nothing here is written by hand.
#![allow(unsafe_code)]

use leptos::{prelude::*, wasm_split::SplitLoaderError};
use leptos_router::ChooseView;

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

/// Says that the page one goes to is on its way, for as long as it lives: the page one leaves stays meanwhile, and shows it
/// after a moment (`.frame-main[aria-busy]`). Not while a browser takes over the page that is there already.
#[cfg(feature = "hydrate")]
struct Waits(u32);

/// How many pages were gone to.
#[cfg(feature = "hydrate")]
static GONE_TO: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);

#[cfg(feature = "hydrate")]
impl Waits {
    fn begin() -> Self {
        Self::say(true);
        Self(GONE_TO.fetch_add(1, std::sync::atomic::Ordering::Relaxed).wrapping_add(1))
    }

    /// Whether nobody has gone elsewhere since.
    fn is_latest(&self) -> bool {
        GONE_TO.load(std::sync::atomic::Ordering::Relaxed) == self.0
    }

    fn say(busy: bool) {
        let taken_over = document().document_element().is_some_and(|root| root.has_attribute("data-hydrated"));
        let Some(content) = document().get_element_by_id("content").filter(|_| taken_over) else { return };
        // Neither can fail for this name.
        let _ = if busy { content.set_attribute("aria-busy", "true") } else { content.remove_attribute("aria-busy") };
    }
}

#[cfg(feature = "hydrate")]
impl Drop for Waits {
    fn drop(&mut self) {
        if self.is_latest() {
            Self::say(false);
        }
    }
}

macro_rules! sections {
    ($($section:ident { $($page:ident: $component:path;)* })*) => {
        /// A page whose code is loaded with that of its section.
        #[allow(missing_docs)]
        #[derive(Clone, Copy)]
        #[repr(u8)]
        pub enum Page {
            $($($page,)*)*
        }

        /// The functions at which the module is taken apart.
        mod split {
            $(pub mod $section {
                use crate::{pages::*, sections::{NotLoaded, Page}};
                use leptos::prelude::{AnyView, IntoAny};

                #[leptos::wasm_split::wasm_split(
                    $section,
                    wasm_split_path = leptos::wasm_split,
                    preload(preload),
                    fallible,
                )]
                pub fn $section(page: Page) -> Result<AnyView, NotLoaded> {
                    match page {
                        $(Page::$page => Ok($component().into_any()),)*
                        _ => Err(NotLoaded),
                    }
                }
            })*
        }

        impl ChooseView for Page {
            async fn choose(self) -> AnyView {
                let page = match self {
                    $($(Self::$page)|* => split::$section::$section(self).await,)*
                };
                page.unwrap_or_else(|NotLoaded| not_loaded())
            }

            async fn preload(&self) {
                #[cfg(feature = "hydrate")]
                let waits = Waits::begin();
                // Where it does not come, the view says so.
                let _ = match self {
                    $($(Self::$page)|* => split::$section::preload().await,)*
                };
                // Of three pages gone to one soon after the other, the router forgets to give up the second: its code coming
                // last, it would stand at the address of the third.
                #[cfg(feature = "hydrate")]
                if !waits.is_latest() {
                    std::future::pending::<()>().await;
                }
            }
        }
    };
}

// Which pages share a section is decided by what is gone to together and by weight: no page may load more than
// `cargo xtask bundle --strict` allows.
sections! {
    lists {
        Customers: lists::CustomersPage;
        Licenses: lists::LicensesPage;
        Seats: lists::SeatsPage;
        Seat: seats::SeatPage;
        Orders: lists::OrdersPage;
        Plans: lists::PlansPage;
        Audit: audit::AuditPage;
    }
    sales {
        License: licenses::detail::LicensePage;
        Extend: licenses::steps::ExtendPage;
        FreeSeat: licenses::steps::FreeSeatPage;
        Step: licenses::steps::StepPage;
    }
    // What is looked at before it is done.
    changes {
        Change: licenses::acts::ChangePage;
        Transfer: licenses::acts::TransferPage;
        Convert: licenses::acts::ConvertPage;
        Rekey: licenses::acts::RekeyPage;
        Undo: licenses::acts::UndoPage;
        PlanCheck: plans::check::PlanCheckPage;
    }
    catalog {
        Products: products::ProductsPage;
        NewProduct: products::NewProductPage;
        Product: products::ProductPage;
        NewPlan: plans::NewPlanPage;
        Plan: plans::PlanPage;
    }
    // What stands over a page is no page, but comes in the same way.
    tools {
        Over: crate::layout::palette::Tools;
        Find: find::FindPage;
        Shortcuts: shortcuts::ShortcutsPage;
    }
    freshness {
        Freshness: freshness::FreshnessPage;
    }
    operations {
        Fleet: fleet::FleetPage;
        Node: fleet::NodePage;
        NodeStep: fleet::steps::NodeStepPage;
        Alerts: alerts::AlertsPage;
        Alert: alerts::AlertPage;
        Event: audit::event::EventPage;
        KeyStep: keys::KeyStepPage;
    }
    // From another system.
    arrivals {
        Imports: imports::ImportsPage;
        Import: imports::ImportPage;
        Gateway: gateways::GatewayPage;
    }
    webhooks {
        Webhooks: webhooks::WebhooksPage;
        NewWebhook: webhooks::NewWebhookPage;
        Webhook: webhooks::WebhookPage;
        Delivery: webhooks::DeliveryPage;
    }
    inbox {
        Inbox: inbox::InboxPage;
        InboxEntry: inbox::InboxEntryPage;
    }
    shops {
        Shops: shops::ShopsPage;
        NewShop: shops::NewShopPage;
        Shop: shops::ShopPage;
        Order: orders::OrderPage;
        Refund: orders::RefundPage;
    }
    people {
        Team: team::TeamPage;
        Member: team::MemberPage;
        MemberStep: team::MemberStepPage;
        Provider: team::ProviderPage;
        Tokens: tokens::TokensPage;
        NewToken: tokens::NewTokenPage;
        Token: tokens::TokenPage;
        Settings: settings::SettingsPage;
        PortalSettings: settings::portal::PortalSettingsPage;
    }
    door {
        Setup: door::SetupPage;
        SignIn: door::SignInPage;
        Factor: door::FactorPage;
        Invite: door::InvitePage;
        Confirm: door::ConfirmPage;
        Overview: overview::OverviewPage;
        Security: security::SecurityPage;
        App: security::AppPage;
        Sessions: sessions::SessionsPage;
    }
    // What a customer's browser loads: nothing of the console's.
    portal {
        Portal: portal::PortalPage;
        PortalCode: portal::CodePage;
        Claim: portal::ClaimPage;
        OwnLicense: portal::license::LicensePage;
        OwnSeat: portal::license::SeatPage;
        OwnHolder: portal::license::HolderPage;
        Offline: portal::offline::OfflinePage;
        OwnOrders: portal::OrdersPage;
        OwnPeople: portal::account::PeoplePage;
        OwnAccount: portal::account::AccountPage;
    }
    explain {
        Explain: support::explain::ExplainPage;
    }
    support {
        Desk: support::DeskPage;
        Story: support::story::StoryPage;
    }
    // What is gone to now and then.
    errands {
        Mail: mail::MailPage;
        MailTemplate: mail::MailTemplatePage;
        Approvals: approvals::ApprovalsPage;
        Approval: approvals::ApprovalPage;
        Notes: notes::NotesPage;
        Note: notes::NotePage;
        ViewAs: support::viewing::ViewAsPage;
        Replies: support::replies::RepliesPage;
        Reply: support::replies::ReplyPage;
        Refunds: support::refunds::RefundsPage;
    }
    acts {
        Acts: acts::ActsPage;
        NewAct: acts::NewActPage;
        Act: acts::ActPage;
    }
    accounts {
        NewCustomer: customers::NewCustomerPage;
        Customer: customers::CustomerPage;
        Issue: licenses::issue::IssuePage;
    }
}

/// What is opened over a page by keyboard (the palette, the help sheet); nothing where its code does not come.
pub async fn tools() -> Option<AnyView> {
    split::tools::tools(Page::Over).await.ok()
}
