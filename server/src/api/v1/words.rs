//! Closed vocabularies of the domain as the API description shows them: every word that may stand there.

use holdfast_domain::{GatewayKind, Permission, Role, ShopKind, Source};
use holdfast_service::admin::{
    bulk::{BulkState, Fate, StopReason},
    inputs::SeatsTaken,
    orders::OrderStatus,
    shops::{InboxKind, Resolution, ShopEventState},
    webhooks::DeliveryState,
};
use std::borrow::Cow;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, schema::Type},
};

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident as $shown:literal, $about:literal: $words:expr;)*) => {$(
        $(#[$doc])*
        pub struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let words: Vec<&str> = $words;
                ObjectBuilder::new().schema_type(Type::String).description(Some($about)).enum_values(Some(words)).into()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed($shown)
            }
        }
    )*};
}

words! {
    /// What a member may do.
    RoleWord as "Role", "What a member may do.": Role::ALL.iter().map(|role| role.as_str()).collect();
    /// What a token may do.
    ScopeWord as "Scope", "What a token may do.": Permission::ALL.iter().map(|scope| scope.as_str()).collect();
    /// How a license stands.
    LicenseStateWord as "LicenseState", "How a license stands.": vec!["active", "suspended", "revoked", "expired"];
    /// How much an alert matters.
    SeverityWord as "Severity", "How much an alert matters.": holdfast_fleet::Severity::ALL.iter().map(|severity| severity.as_str()).collect();
    /// How far a delivery is.
    DeliveryStateWord as "DeliveryState", "How far a delivery is.": DeliveryState::ALL.iter().map(|state| state.as_str()).collect();
    /// Why nothing is sent to a webhook.
    PauseReasonWord as "PauseReason", "Why nothing is sent to a webhook.": vec!["asked", "gone", "failing"];
    /// How many seats of a license are taken.
    SeatsTakenWord as "SeatsTaken", "How many seats of a license are taken.": SeatsTaken::ALL.iter().map(|taken| taken.as_str()).collect();
    /// What is done to each of many.
    ActStepWord as "ActStep", "What is done to each of many.": super::acts::STEPS.to_vec();
    /// How far an act on many is.
    ActStateWord as "ActState", "How far an act on many is.": BulkState::ALL.iter().map(|state| state.as_str()).collect();
    /// Why an act on many was stopped.
    ActStoppedWord as "ActStopped", "Why an act on many was stopped.": StopReason::ALL.iter().map(|why| why.as_str()).collect();
    /// What became of one of many.
    FateWord as "Fate", "What became of one of many.": Fate::ALL.iter().map(|fate| fate.as_str()).collect();
    /// How an order stands.
    OrderStatusWord as "OrderStatus", "How an order stands.": OrderStatus::ALL.iter().map(|status| status.as_str()).collect();
    /// With whom a shop is.
    ShopKindWord as "ShopKind", "With whom a shop is.": ShopKind::ALL.iter().map(|kind| kind.as_str()).collect();
    /// How far a message of a shop is.
    ShopEventStateWord as "ShopEventState", "How far a message of a shop is.": ShopEventState::ALL.iter().map(|state| state.as_str()).collect();
    /// Why a person has to look.
    InboxKindWord as "InboxKind", "Why a person has to look.": InboxKind::ALL.iter().map(|kind| kind.as_str()).collect();
    /// What became of something in the inbox.
    ResolutionWord as "Resolution", "What became of something in the inbox.": Resolution::ALL.iter().map(|word| word.as_str()).collect();
    /// The system a file of licenses comes from.
    SourceWord as "Source", "The system a file of licenses comes from.": Source::ALL.iter().map(|source| source.as_str()).collect();
    /// A system whose clients a product can answer.
    GatewayKindWord as "GatewayKind", "A system whose clients a product can answer.": GatewayKind::ALL.iter().map(|kind| kind.as_str()).collect();
    /// Whether a seat is taken.
    SeatStateWord as "SeatState", "Whether a seat is taken.": vec!["active", "released"];
}
