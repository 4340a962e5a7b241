//! What the portal answers with files: leases, and everything that is held about a company. Sent by plain forms, so that no
//! link makes anything.

use axum::{
    extract::{Path, Request, State},
    http::header,
    response::{IntoResponse as _, Response},
};
use holdfast_domain::SeatId;
use holdfast_service::{
    Error, ErrorCode,
    portal::{CustomerActor, CustomerCall},
};

use super::{AppState, Guest, guard::plain};

/// Where a lease is fetched.
pub const LEASE: &str = "/portal/{vendor}/leases/{seat}";
/// Where everything that is held is fetched.
pub const DATA: &str = "/portal/{vendor}/data";

/// Whoever asks, and from where.
fn call(request: &Request) -> Result<CustomerCall, Error> {
    let guest = request.extensions().get::<Guest>().and_then(|Guest(guest)| guest.clone());
    let actor: CustomerActor = guest.map(|(actor, _)| actor).ok_or_else(|| Error::new(ErrorCode::Unauthenticated))?;
    Ok(CustomerCall::new(actor, super::info(request.extensions(), request.headers())))
}

/// A file, or why there is none.
fn file(made: Result<(String, Vec<u8>), Error>, request_id: &str) -> Response {
    match made {
        Ok((name, bytes)) => {
            let disposition = format!("attachment; filename=\"{name}\"");
            let headers = [
                (header::CONTENT_TYPE, "application/json"),
                (header::CONTENT_DISPOSITION, disposition.as_str()),
                (header::CACHE_CONTROL, "no-store"),
                (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            ];
            (headers, bytes).into_response()
        }
        Err(error) => {
            if error.code.status() >= 500 {
                tracing::error!(?error, request = request_id, "a file of the portal could not be made");
            }
            plain(error.code, request_id)
        }
    }
}

/// A fresh lease for a computer without a network.
pub async fn lease(
    State(state): State<AppState>,
    Path((_, seat)): Path<(String, String)>,
    request: Request,
) -> Response {
    let id = super::info(request.extensions(), request.headers()).request_id;
    let made = async {
        let seat: SeatId = seat.parse().map_err(|_| Error::new(ErrorCode::NotFound))?;
        let lease = state.service().my_lease(&call(&request)?, seat).await?;
        Ok((lease.file_name, lease.document.into_bytes()))
    };
    file(made.await, &id)
}

/// Everything that is held about the company.
pub async fn data(State(state): State<AppState>, request: Request) -> Response {
    let id = super::info(request.extensions(), request.headers()).request_id;
    let made = async { Ok(("my-data.json".to_owned(), state.service().my_data(&call(&request)?).await?)) };
    file(made.await, &id)
}
