//! Acts on many licenses, seats or orders in the management API: one file per call.

pub mod begin;
pub mod get;
pub mod items;
pub mod list;
pub mod stop;
pub mod undo;

use crate::{
    AppState,
    api::{
        problem::{Problem, Result},
        time::Rfc3339,
        v1::{
            models::ImpactModel,
            words::{ActStateWord, ActStepWord, ActStoppedWord, FateWord},
        },
    },
};
use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use holdfast_domain::{BulkActId, OrderId, Permission, license::StatusChange};
use holdfast_service::{
    Actor, Error,
    admin::bulk::{BulkActView, BulkItem, BulkPreview, BulkStep},
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The routes.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list::list))
        .routes(routes!(begin::begin))
        .routes(routes!(get::get))
        .routes(routes!(items::items))
        .routes(routes!(undo::undo))
        .routes(routes!(stop::stop))
}

/// Every step that an act may take, by its name in the API.
pub const STEPS: [&str; 12] = [
    "suspend",
    "resume",
    "revoke",
    "reinstate",
    "extend",
    "free",
    "undo",
    "restore",
    "terms",
    "former_terms",
    "refund",
    "unrefund",
];

/// The name of a step.
const fn step(step: &BulkStep) -> &'static str {
    match step {
        BulkStep::Status(StatusChange::Suspend) => STEPS[0],
        BulkStep::Status(StatusChange::Resume) => STEPS[1],
        BulkStep::Status(StatusChange::Revoke) => STEPS[2],
        BulkStep::Status(StatusChange::Reinstate) => STEPS[3],
        BulkStep::Extend(_) => STEPS[4],
        BulkStep::Free => STEPS[5],
        BulkStep::Undo => STEPS[6],
        BulkStep::Restore => STEPS[7],
        BulkStep::Terms(_) => STEPS[8],
        BulkStep::FormerTerms => STEPS[9],
        BulkStep::Refund => STEPS[10],
        BulkStep::Unrefund => STEPS[11],
    }
}

/// An act on many licenses, seats or orders, done one after the other in the background.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Act)]
pub struct ActModel {
    /// Its id.
    pub id: String,
    /// What is done to each: `undo` and `former_terms` take back what an earlier act did to licenses, `restore` gives seats
    /// back that one freed, `unrefund` has orders and their licenses stand as before one that refunded them, and `terms` gives licenses the present terms of their plan.
    #[schema(value_type = ActStepWord)]
    pub step: String,
    /// By how many days each ends later, where `step` is `extend`.
    pub days: Option<u16>,
    /// Why.
    pub reason: String,
    /// Who asked for it: a `type` (`member`, `customer`, `token`, `system`) and an `id`.
    #[schema(value_type = Object)]
    pub actor: serde_json::Value,
    /// How far it is.
    #[schema(value_type = ActStateWord)]
    pub state: String,
    /// Why it was stopped before it was through; null where it was not.
    #[schema(value_type = Option<ActStoppedWord>)]
    pub stopped: Option<String>,
    /// How many it is about, as far as they are looked up.
    pub total: u64,
    /// How many were changed.
    pub changed: u64,
    /// How many were refused.
    pub refused: u64,
    /// When it was asked for.
    pub created_at: Rfc3339,
    /// When it begins, or began, where that is later: until then stopping it is all that is needed.
    pub begins_at: Option<Rfc3339>,
    /// When it was through.
    pub ended_at: Option<Rfc3339>,
    /// The act that it takes back.
    pub undoes: Option<String>,
    /// The act that takes it back.
    pub undone_by: Option<String>,
    /// Until when it can be taken back; null for what never can, and for what was.
    pub undo_until: Option<Rfc3339>,
}

impl From<BulkActView> for ActModel {
    fn from(view: BulkActView) -> Self {
        Self {
            id: view.id.to_string(),
            days: match &view.step {
                BulkStep::Extend(days) => Some(*days),
                _ => None,
            },
            step: step(&view.step).to_owned(),
            reason: view.reason.to_string(),
            actor: serde_json::to_value(view.actor).unwrap_or_default(),
            state: view.state.as_str().to_owned(),
            stopped: view.stopped.map(|why| why.as_str().to_owned()),
            total: view.total,
            changed: view.changed,
            refused: view.refused,
            created_at: view.created_at.into(),
            begins_at: view.begins_at.map(Rfc3339),
            ended_at: view.ended_at.map(Rfc3339),
            undoes: view.undoes.map(|id| id.to_string()),
            undone_by: view.undone_by.map(|id| id.to_string()),
            undo_until: view.undo_until.map(Rfc3339),
        }
    }
}

/// What an act on many would do.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ActPreview)]
pub struct ActPreviewModel {
    /// How many it is about.
    #[schema(required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// At least so many, where counting all of them would take too long.
    #[schema(required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_estimate: Option<u64>,
    /// How many licenses it is about, where it is done to something else; null otherwise.
    pub licenses: Option<u64>,
    /// Whether it begins ten minutes after it is asked for.
    pub later: bool,
    /// How many of them were looked at, the newest, to say whose access ends.
    pub looked_at: u64,
    /// Whose access ends, of those.
    pub impact: ImpactModel,
    /// How many are known to have no end, where it is that which is moved: these are refused.
    pub without_end: u64,
}

impl From<BulkPreview> for ActPreviewModel {
    fn from(view: BulkPreview) -> Self {
        Self {
            total: view.exact.then_some(view.total),
            total_estimate: (!view.exact).then_some(view.total),
            licenses: view.licenses,
            later: view.later,
            looked_at: view.looked_at,
            impact: view.impact.into(),
            without_end: view.endless.rows,
        }
    }
}

/// What became of one of many.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ActItem)]
pub struct ActItemModel {
    /// Its place, from 1.
    pub number: i64,
    /// The license, seat or order.
    pub subject: String,
    /// What became of it.
    #[schema(value_type = FateWord)]
    pub fate: String,
    /// Why it was refused.
    pub why: Option<String>,
    /// The last four characters of the key, of the seat's license where it is a seat; null for an order, and for what is gone.
    pub key_hint: Option<String>,
    /// What the order is known by outside, where it is one.
    pub reference: Option<String>,
    /// Whose it is.
    pub customer: Option<String>,
    /// What that customer is called.
    pub customer_name: Option<String>,
    /// What the device calls itself, where it is a seat.
    pub device: Option<String>,
}

impl From<BulkItem> for ActItemModel {
    fn from(view: BulkItem) -> Self {
        let (label, customer, device) =
            view.known.map_or((None, None, None), |known| (Some(known.label), known.customer, known.device));
        let of_order = view.subject.starts_with(OrderId::PREFIX);
        let (key_hint, reference) = if of_order { (None, label) } else { (label, None) };
        let (customer, customer_name) = customer.map(|(id, name)| (id.to_string(), name.to_string())).unzip();
        Self {
            number: view.number,
            subject: view.subject,
            fate: view.fate.as_str().to_owned(),
            why: view.why,
            key_hint,
            reference,
            customer,
            customer_name,
            device,
        }
    }
}

/// `Ok` for whoever may do some act on many. Whoever may do none learns nothing of one; which right it takes, its step says.
fn may_some(actor: &Actor) -> Result<()> {
    let rights = [Permission::LicensesStatus, Permission::LicensesExtend, Permission::SeatsRelease];
    let some = rights.into_iter().find(|right| actor.may(*right));
    Ok(actor.require(some.unwrap_or(Permission::LicensesStatus))?)
}

/// The error with its place in the body.
fn placed(error: Error) -> Problem {
    let of_target = matches!(error.pointer.as_deref(), Some("/ids" | "/q"));
    Problem(if of_target { error.with_pointer("/target") } else { error })
}

/// The answer to whoever asks what an act would do.
fn previewed(preview: BulkPreview) -> Response {
    Json(ActPreviewModel::from(preview)).into_response()
}

/// The answer to whoever has begun an act, which is done from now on.
async fn begun(state: &AppState, actor: &Actor, id: BulkActId) -> Result<Response> {
    let act = state.service().bulk_act(actor, id).await?;
    Ok((StatusCode::ACCEPTED, Json(ActModel::from(act))).into_response())
}
