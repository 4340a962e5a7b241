//! Licenses, their seats, and what a change would do to whom.

use super::{EventModel, OrderModel, TermsModel, name_of};
use crate::api::time::Rfc3339;
use holdfast_domain::Entitlements;
use holdfast_service::admin::views::{
    ChangeOutcome, DeviceOutlook, Impact, Issued, LicenseDetail, LicenseView, RefundOutcome, SeatImpact, SeatView,
    StatusOutcome, TermChange, UndoOffer,
};
use serde::Serialize;
use utoipa::ToSchema;

/// A license.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = License)]
pub struct LicenseModel {
    /// Its id.
    pub id: String,
    /// Its product.
    pub product: String,
    /// The plan it was issued from.
    pub plan: String,
    /// That plan's code.
    pub plan_code: String,
    /// Who holds it.
    pub customer: Option<String>,
    /// The holder's name.
    pub customer_name: Option<String>,
    /// The holder's e-mail address.
    pub customer_email: Option<String>,
    /// The order it was bought with.
    pub order: Option<String>,
    /// The last four characters of its key.
    pub key_hint: String,
    /// `active`, `suspended` or `revoked`.
    pub status: String,
    /// The same, or `expired` where the license is past its end.
    pub state: String,
    /// Why the status is what it is.
    pub status_reason: Option<String>,
    /// From when the status holds for running seats.
    pub status_effective_at: Option<Rfc3339>,
    /// Its copy of the plan's terms.
    pub terms: TermsModel,
    /// Entitlements that differ from the terms: code to `true`, an integer or a text.
    #[schema(value_type = std::collections::HashMap<String, serde_json::Value>)]
    pub overrides: Entitlements,
    /// Its end; null for a perpetual one.
    pub expires_at: Option<Rfc3339>,
    /// How many seats are taken.
    pub seats_taken: u32,
    /// How many of them lie beyond its number of seats, in the overdraft or left over from a greater number.
    pub seats_overdrawn: u32,
    /// When it was issued.
    pub created_at: Rfc3339,
}

impl From<LicenseView> for LicenseModel {
    fn from(view: LicenseView) -> Self {
        let seats_overdrawn = view.seats_taken.saturating_sub(view.terms.seats);
        Self {
            id: view.id.to_string(),
            product: view.product.to_string(),
            plan: view.plan.to_string(),
            plan_code: view.plan_code.to_string(),
            customer: view.customer.map(|id| id.to_string()),
            customer_name: view.customer_name.map(|name| name.to_string()),
            customer_email: view.customer_email.map(|email| email.to_string()),
            order: view.order.map(|id| id.to_string()),
            key_hint: view.key_hint,
            status: name_of(&view.status),
            state: name_of(&view.state),
            status_reason: view.status_reason.map(|reason| reason.to_string()),
            status_effective_at: view.status_effective_at.map(Rfc3339),
            terms: view.terms.into(),
            overrides: view.overrides,
            expires_at: view.expires_at.map(Rfc3339),
            seats_taken: view.seats_taken,
            seats_overdrawn,
            created_at: view.created_at.into(),
        }
    }
}

/// A license with its key, shown this once.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = IssuedLicense)]
pub struct IssuedModel {
    /// The license.
    #[serde(flatten)]
    pub license: LicenseModel,
    /// Its key: for the customer.
    pub key: String,
}

impl From<Issued> for IssuedModel {
    fn from(view: Issued) -> Self {
        Self { license: view.license.into(), key: view.key }
    }
}

/// A license with everything that belongs to it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = LicenseDetail)]
pub struct LicenseDetailModel {
    /// The license.
    #[serde(flatten)]
    pub license: LicenseModel,
    /// Its product's name.
    pub product_name: String,
    /// Its plan's name.
    pub plan_name: String,
    /// What the payment provider calls its order.
    pub order_reference: Option<String>,
    /// Its seats, the newest first.
    pub seats: Vec<SeatModel>,
    /// What happened to it, the newest first.
    pub timeline: Vec<EventModel>,
    /// What can be undone of that, the newest first.
    pub undo: Vec<UndoOfferModel>,
    /// The system it came from, where it was imported: `csv` (another one), `keygen`, `lemon_squeezy`, `gumroad`,
    /// `paddle_classic` or `keylight`.
    pub migrated_from: Option<String>,
    /// The import that made it.
    pub import: Option<String>,
}

/// An act that can be undone.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = UndoOffer)]
pub struct UndoOfferModel {
    /// The event that tells of it.
    pub event: String,
    /// What was done.
    pub action: String,
    /// The seat it was done to; null for the license itself.
    pub seat: Option<String>,
    /// Until when.
    pub until: Rfc3339,
}

impl From<UndoOffer> for UndoOfferModel {
    fn from(view: UndoOffer) -> Self {
        Self {
            event: view.event.to_string(),
            action: view.action,
            seat: view.seat.map(|seat| seat.to_string()),
            until: view.until.into(),
        }
    }
}

impl From<LicenseDetail> for LicenseDetailModel {
    fn from(view: LicenseDetail) -> Self {
        Self {
            license: view.license.into(),
            product_name: view.product_name.to_string(),
            plan_name: view.plan_name.to_string(),
            order_reference: view.order_reference,
            seats: view.seats.into_iter().map(SeatModel::from).collect(),
            timeline: view.timeline.into_iter().map(EventModel::from).collect(),
            undo: view.undo.into_iter().map(UndoOfferModel::from).collect(),
            migrated_from: view.migrated.map(|migrated| migrated.source.as_str().to_owned()),
            import: view.migrated.map(|migrated| migrated.import.to_string()),
        }
    }
}

/// A seat.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Seat)]
pub struct SeatModel {
    /// Its id.
    pub id: String,
    /// The license it is a place on.
    pub license: String,
    /// What its device is called.
    pub name: Option<String>,
    /// The device's operating system and machine type.
    pub platform: Option<String>,
    /// The version of the application.
    pub app_version: Option<String>,
    /// The person it belongs to.
    pub user: Option<String>,
    /// `active` or `released`.
    pub state: String,
    /// When its device was seen for the first time.
    pub first_seen: Rfc3339,
    /// When it was taken.
    pub claimed_at: Rfc3339,
    /// When it was last heard of.
    pub last_seen: Rfc3339,
    /// Until when its device works without a network.
    pub offline_until: Rfc3339,
    /// Until when it is borrowed.
    pub borrowed_until: Option<Rfc3339>,
    /// When it was given up or taken away.
    pub released_at: Option<Rfc3339>,
}

impl From<SeatView> for SeatModel {
    fn from(view: SeatView) -> Self {
        Self {
            id: view.id.to_string(),
            license: view.license.to_string(),
            name: view.name,
            platform: view.platform,
            app_version: view.app_version,
            user: view.user.map(|user| user.to_string()),
            state: name_of(&view.state),
            first_seen: view.first_seen.into(),
            claimed_at: view.claimed_at.into(),
            last_seen: view.last_seen.into(),
            offline_until: view.offline_until.into(),
            borrowed_until: view.borrowed_until.map(Rfc3339),
            released_at: view.released_at.map(Rfc3339),
        }
    }
}

/// A device that would lose access.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = SeatImpact)]
pub struct SeatImpactModel {
    /// Its seat.
    pub seat: String,
    /// What it is called.
    pub name: Option<String>,
    /// The person it belongs to.
    pub user: Option<String>,
    /// When it was last heard of.
    pub last_seen: Rfc3339,
    /// When it is expected to hear of it; null where that depends on when it is next online.
    pub expected_at: Option<Rfc3339>,
    /// When it loses access even if it never comes online again.
    pub at_the_latest: Rfc3339,
}

impl From<SeatImpact> for SeatImpactModel {
    fn from(view: SeatImpact) -> Self {
        Self {
            seat: view.seat.to_string(),
            name: view.name,
            user: view.user.map(|user| user.to_string()),
            last_seen: view.last_seen.into(),
            expected_at: view.expected_at.map(Rfc3339),
            at_the_latest: view.at_the_latest.into(),
        }
    }
}

/// Whose access ends, and when.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Impact)]
pub struct ImpactModel {
    /// How many devices.
    pub devices: u64,
    /// How many of them within a day.
    pub within_a_day: u64,
    /// How many when they are next online.
    pub when_next_online: u64,
    /// When the last of them has lost access.
    pub at_the_latest: Option<Rfc3339>,
    /// The devices, up to a number.
    pub seats: Vec<SeatImpactModel>,
}

impl From<Impact> for ImpactModel {
    fn from(view: Impact) -> Self {
        Self {
            devices: view.devices,
            within_a_day: view.within_a_day,
            when_next_online: view.when_next_online,
            at_the_latest: view.at_the_latest.map(Rfc3339),
            seats: view.seats.into_iter().map(SeatImpactModel::from).collect(),
        }
    }
}

/// What a change of a license does, or with `dry_run` would do.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = StatusOutcome)]
pub struct StatusOutcomeModel {
    /// The license as it is now.
    pub license: LicenseModel,
    /// Whose access ends.
    pub impact: ImpactModel,
    /// Whether it was done.
    pub applied: bool,
}

impl From<StatusOutcome> for StatusOutcomeModel {
    fn from(view: StatusOutcome) -> Self {
        Self { license: view.license.into(), impact: view.impact.into(), applied: view.applied }
    }
}

/// One term that becomes another.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = TermChange)]
pub struct TermChangeModel {
    /// Its name; `entitlement:CODE` for an entitlement.
    pub term: String,
    /// What it was; null where there was none.
    pub before: serde_json::Value,
    /// What it becomes.
    pub after: serde_json::Value,
}

impl From<TermChange> for TermChangeModel {
    fn from(TermChange { term, before, after }: TermChange) -> Self {
        Self { term, before, after }
    }
}

/// What a device gets after a change, by the decision that it will meet.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = DeviceOutlook)]
pub struct DeviceOutlookModel {
    /// Its seat.
    pub seat: String,
    /// What it is called.
    pub name: Option<String>,
    /// The person it belongs to.
    pub user: Option<String>,
    /// When it was last heard of.
    pub last_seen: Rfc3339,
    /// When it learns of the change; null where that depends on when it is next online.
    pub expected_at: Option<Rfc3339>,
    /// Until when it works without a network after that; null where it is refused then.
    pub works_until: Option<Rfc3339>,
}

impl From<DeviceOutlook> for DeviceOutlookModel {
    fn from(view: DeviceOutlook) -> Self {
        Self {
            seat: view.seat.to_string(),
            name: view.name,
            user: view.user.map(|user| user.to_string()),
            last_seen: view.last_seen.into(),
            expected_at: view.expected_at.map(Rfc3339),
            works_until: view.works_until.map(Rfc3339),
        }
    }
}

/// What a change of a license's terms does, or with `dry_run` would do.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ChangeOutcome)]
pub struct ChangeOutcomeModel {
    /// The license as it is after the change.
    pub license: LicenseModel,
    /// Term by term, what becomes another.
    pub changes: Vec<TermChangeModel>,
    /// The devices that get other leases than before, up to 200.
    pub devices: Vec<DeviceOutlookModel>,
    /// How many seats are taken beyond what is allowed then. They stay taken.
    pub over_their_seats: u32,
    /// Whose access ends.
    pub impact: ImpactModel,
    /// Whether it was done.
    pub applied: bool,
}

impl From<ChangeOutcome> for ChangeOutcomeModel {
    fn from(view: ChangeOutcome) -> Self {
        Self {
            license: view.license.into(),
            changes: view.changes.into_iter().map(TermChangeModel::from).collect(),
            devices: view.devices.into_iter().map(DeviceOutlookModel::from).collect(),
            over_their_seats: view.over_their_seats,
            impact: view.impact.into(),
            applied: view.applied,
        }
    }
}

/// What a refund does, or with `dry_run` would do.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = RefundOutcome)]
pub struct RefundOutcomeModel {
    /// The order.
    pub order: OrderModel,
    /// Its licenses.
    pub licenses: Vec<LicenseModel>,
    /// Whose access ends.
    pub impact: ImpactModel,
}

impl From<RefundOutcome> for RefundOutcomeModel {
    fn from(view: RefundOutcome) -> Self {
        Self {
            order: view.order.into(),
            licenses: view.licenses.into_iter().map(LicenseModel::from).collect(),
            impact: view.impact.into(),
        }
    }
}
