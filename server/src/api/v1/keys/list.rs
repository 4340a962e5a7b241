//! `GET /v1/keys`: root and issuing keys.

use super::KeyModel;
use crate::{
    AppState,
    api::{
        extract::{Caller, Params},
        problem::Result,
        request::Current,
        v1::{
            Refusals,
            list::{ListParams, Listing},
        },
    },
};
use axum::{Json, extract::State};
use holdfast_service::Call;

/// Lists signing keys
///
/// Their public halves, newest first.
#[utoipa::path(
    get,
    path = "/v1/keys",
    tag = "keys",
    operation_id = "listKeys",
    params(ListParams),
    security(("token" = [])),
    responses(
        (status = 200, description = "A page of keys", body = Listing<KeyModel>),
        Refusals,
    )
)]
pub async fn list(
    State(state): State<AppState>,
    Caller(actor): Caller,
    Params(list): Params<ListParams>,
) -> Result<Json<Listing<KeyModel>>> {
    let call = Call::new(actor, Current::get().info());
    let keys = state.service().signing_keys(&call).await?;
    Ok(Json(list.cut(keys, |key| key.kid.clone(), KeyModel::from)?))
}
