//! `GET /v1/alerts`: what someone must act on.

use super::AlertModel;
use crate::{
    AppState,
    api::{
        extract::{Caller, Params},
        problem::{Problem, Result},
        v1::{
            Refusals,
            list::{ListParams, Listing},
            words::SeverityWord,
        },
    },
};
use axum::{Json, extract::State};
use holdfast_fleet::Severity;
use holdfast_service::{
    Error,
    admin::alerts::{AlertFilter, code_named},
};
use serde::Deserialize;
use utoipa::IntoParams;

/// What to leave out.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct Filter {
    /// Only those that stand (`true`), or that are over (`false`).
    pub standing: Option<bool>,
    /// Only those of this severity.
    #[param(value_type = SeverityWord, required = false)]
    pub severity: Option<String>,
    /// Only those of this code: a rule's, or `webhook_paused`.
    pub code: Option<String>,
    /// Only those about this: `node:eu-1`.
    pub subject: Option<String>,
}

impl Filter {
    fn read(self) -> Result<AlertFilter> {
        fn one_of<T>(
            text: Option<String>,
            pointer: &str,
            read: impl Fn(&str) -> Option<T>,
            what: &str,
        ) -> Result<Option<T>> {
            let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
            read(&text).map(Some).ok_or_else(|| Problem(Error::invalid(pointer, what)))
        }
        Ok(AlertFilter {
            standing: self.standing,
            severity: one_of(self.severity, "/severity", Severity::from_name, "info, warning or critical")?,
            code: one_of(self.code, "/code", code_named, "there is no alert of that name")?,
            subject: one_of(self.subject, "/subject", |text| text.parse().ok(), "expected kind:name")?,
        })
    }
}

/// Lists alerts
///
/// Those about the installation and about what the vendor owns, newest first, unless `sort` says otherwise.
#[utoipa::path(
    get,
    path = "/v1/alerts",
    tag = "alerts",
    operation_id = "listAlerts",
    params(ListParams, Filter),
    security(("token" = [])),
    responses(
        (status = 200, description = "A page of alerts", body = Listing<AlertModel>),
        Refusals,
    )
)]
pub async fn list(
    State(state): State<AppState>,
    Caller(actor): Caller,
    Params(list): Params<ListParams>,
    Params(filter): Params<Filter>,
) -> Result<Json<Listing<AlertModel>>> {
    let page = list.page(&[("created_at", ())])?;
    let page = state.service().alerts(&actor, filter.read()?, page).await?;
    Ok(Json(Listing::of(page, AlertModel::from)))
}
