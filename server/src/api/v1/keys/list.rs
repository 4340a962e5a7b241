//! `GET /v1/keys`: root and issuing keys.

use super::KeyModel;
use crate::{
    AppState,
    api::{
        extract::Caller,
        problem::Result,
        request::Current,
        v1::{Refusals, list::Listing},
    },
};
use axum::{Json, extract::State};
use holdfast_service::Call;

/// Lists signing keys
///
/// Their public halves; the newest last.
#[utoipa::path(
    get,
    path = "/v1/keys",
    tag = "keys",
    operation_id = "listKeys",
    params(),
    security(("token" = [])),
    responses(
        (status = 200, description = "The keys", body = Listing<KeyModel>),
        Refusals,
    )
)]
pub async fn list(State(state): State<AppState>, Caller(actor): Caller) -> Result<Json<Listing<KeyModel>>> {
    let call = Call::new(actor, Current::get().info());
    let keys = state.service().signing_keys(&call).await?;
    Ok(Json(Listing::whole(keys.into_iter().map(KeyModel::from).collect())))
}
