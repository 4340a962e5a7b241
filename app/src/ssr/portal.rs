//! What the portal answers with files: leases, answers for computers without a network, everything that is held about a
//! company, and how it looks. What makes something is sent by a plain form, so that no link does.

use axum::{
    body::Body,
    extract::{FromRequest as _, Multipart, Path, Request, State, multipart::MultipartError},
    http::{Extensions, HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use holdfast_domain::{Permission, SeatId, Seconds};
use holdfast_service::{
    Call, Error, ErrorCode,
    portal::{Chosen, CustomerActor, CustomerCall, accent::Accent},
    qr,
};
use tokio::sync::Semaphore;

use super::{
    AppState, Guest, Visitor,
    guard::plain,
    refusal::{go, refuse},
};
use crate::UiError;

/// Where a lease is fetched.
pub const LEASE: &str = "/portal/{vendor}/leases/{seat}";
/// Where everything that is held is fetched.
pub const DATA: &str = "/portal/{vendor}/data";

/// Where the request of a computer without a network is brought.
pub const ANSWER: &str = "/portal/{vendor}/offline/answer";
/// Where the last answer is fetched as a file.
pub const ANSWERED: &str = "/portal/{vendor}/offline/file";

/// Largest request or photograph we take, in bytes.
pub const PHOTO_LIMIT: usize = 12 << 20;
/// Largest upload of a vendor's picture we take, in bytes: a little more than the largest picture, which is refused in words.
pub const LOGO_LIMIT: usize = 2 << 20;
/// Photographs read at the same time.
static READING: Semaphore = Semaphore::const_new(2);
/// Uploads taken at the same time: nobody waits with a body in memory for others.
static TAKING: Semaphore = Semaphore::const_new(8);

/// What a portal looks like: its style sheet and its picture.
pub const LOOK: &str = "/portal/{vendor}/look/{file}";
/// Where a vendor's picture is uploaded.
pub const LOGO: &str = "/console/settings/portal/logo";

/// Whoever asks, and from where.
fn call(extensions: &Extensions, headers: &HeaderMap) -> Result<CustomerCall, Error> {
    let guest = extensions.get::<Guest>().and_then(|Guest(guest)| guest.clone());
    let actor: CustomerActor = guest.map(|(actor, _)| actor).ok_or_else(|| Error::new(ErrorCode::Unauthenticated))?;
    CustomerCall::new(actor, super::info(extensions, headers))
}

/// The same, and the id of the request.
fn asking(request: &Request) -> (Result<CustomerCall, Error>, String) {
    let id = super::info(request.extensions(), request.headers()).request_id;
    (call(request.extensions(), request.headers()), id)
}

/// Answers a computer without a network, and leads back to the page that shows the answer, or why there is none.
pub async fn answer(State(state): State<AppState>, Path(vendor): Path<String>, request: Request) -> Response {
    let (sent, body) = request.into_parts();
    let back = format!("/portal/{vendor}/offline");
    let mut typed = Vec::new();
    let answered = async {
        let call = call(&sent.extensions, &sent.headers)?;
        let busy = |_| Error::new(ErrorCode::Busy).with_retry_after(Seconds(5));
        let _place = TAKING.try_acquire().map_err(busy)?;
        let form = Multipart::from_request(Request::from_parts(sent.clone(), body), &()).await;
        let form = form.map_err(|error| broken().with_source(error.body_text()))?;
        let [text, license, user] = read(form, &mut typed).await?;
        let license = match license.as_str() {
            "" => None,
            license => Some(license.parse().map_err(|_| Error::new(ErrorCode::NotFound))?),
        };
        let user = match user.trim() {
            "" => None,
            user => Some(user.parse().map_err(|error| Error::invalid("/user", error))?),
        };
        state.service().answer_offline(&call, &text, Chosen { license, user }).await
    };
    match answered.await {
        Ok(_) => go(&back),
        Err(error) => {
            let id = super::info(&sent.extensions, &sent.headers).request_id;
            if error.code.status() >= 500 {
                tracing::error!(?error, request = id, "a computer without a network could not be answered");
            }
            let error = UiError::of(&error, Some(id).filter(|id| !id.is_empty()));
            refuse(&state, &sent, &back, error, typed).await
        }
    }
}

fn broken() -> Error {
    Error::invalid("/request", "The upload broke off. Send it again.")
}

/// The text of the request, from the file, the picture or the field, and which license and whom somebody has chosen.
async fn read(mut form: Multipart, typed: &mut Vec<(String, String)>) -> Result<[String; 3], Error> {
    let broken = |error: MultipartError| {
        if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
            Error::new(ErrorCode::BodyTooLarge)
        } else {
            broken().with_source(error)
        }
    };
    let (mut text, mut license, mut user, mut brought) = (String::new(), String::new(), String::new(), Vec::new());
    while let Some(field) = form.next_field().await.map_err(broken)? {
        match field.name().unwrap_or_default() {
            "request" => text = field.text().await.map_err(broken)?,
            "license" => license = field.text().await.map_err(broken)?,
            "user" => user = field.text().await.map_err(broken)?,
            "file" => brought = field.bytes().await.map_err(broken)?.to_vec(),
            _ => {}
        }
    }
    for (name, value) in [("request", &text), ("license", &license), ("user", &user)] {
        typed.push((name.to_owned(), value.clone()));
    }
    if brought.is_empty() {
        return Ok([text, license, user]);
    }
    if !qr::is_picture(&brought) {
        let said = String::from_utf8(brought);
        let said = said.map_err(|_| Error::invalid("/request", "The file is neither text nor a picture."))?;
        return Ok([said, license, user]);
    }
    let _turn = READING.acquire().await.map_err(Error::internal)?;
    let seen = tokio::task::spawn_blocking(move || qr::read(&brought)).await.map_err(Error::internal)?;
    let nothing =
        || Error::invalid("/request", "No QR code can be read in the picture. Take it from nearer, sharp and whole.");
    Ok([seen.ok_or_else(nothing)?, license, user])
}

/// The last answer as a file.
pub async fn answered(State(state): State<AppState>, request: Request) -> Response {
    let (call, id) = asking(&request);
    let made = async {
        let kept = state.service().offline_answer(&call?.actor).await?;
        let kept = kept.filter(|kept| !kept.document.is_empty()).ok_or_else(|| Error::new(ErrorCode::NotFound))?;
        Ok(("offline-answer.json".to_owned(), Body::from(kept.document)))
    };
    file(made.await, &id)
}

/// A file, or why there is none.
fn file(made: Result<(String, Body), Error>, request_id: &str) -> Response {
    match made {
        Ok((name, body)) => {
            let disposition = format!("attachment; filename=\"{name}\"");
            let headers = [
                (header::CONTENT_TYPE, "application/json"),
                (header::CONTENT_DISPOSITION, disposition.as_str()),
                (header::CACHE_CONTROL, "no-store"),
                (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            ];
            (headers, body).into_response()
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
    let (call, id) = asking(&request);
    let made = async {
        let seat: SeatId = seat.parse().map_err(|_| Error::new(ErrorCode::NotFound))?;
        let lease = state.service().my_lease(&call?, seat).await?;
        Ok((lease.file_name, Body::from(lease.document)))
    };
    file(made.await, &id)
}

/// Everything that is held about the company, as it is found.
pub async fn data(State(state): State<AppState>, request: Request) -> Response {
    let (call, id) = asking(&request);
    let made = async { state.service().my_data(&call?).await };
    file(made.await.map(|pieces| ("my-data.json".to_owned(), Body::from_stream(pieces))), &id)
}

/// The style sheet or the picture of a portal. Its name follows from what is in it, so that it can be kept for ever.
pub async fn look(State(state): State<AppState>, Path((vendor, name)): Path<(String, String)>) -> Response {
    let found = async {
        let look = state.service().portal_at(&vendor).await?;
        if look.accent.as_deref().map(sheet_name).as_deref() == Some(name.as_str()) {
            let colour = look.accent.as_deref().unwrap_or_default().parse().map_err(Error::internal)?;
            return Ok(("text/css; charset=utf-8".to_owned(), Accent::of(colour).style_sheet().into_bytes()));
        }
        let logo = state.service().portal_logo(&look, &name).await?;
        Ok::<_, Error>((logo.kind, logo.bytes))
    };
    match found.await {
        Ok((kind, bytes)) => {
            let headers = [
                (header::CONTENT_TYPE, kind.as_str()),
                (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
                (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
                // Opened by itself a drawing is a document: one that may do nothing.
                (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"),
            ];
            (headers, bytes).into_response()
        }
        Err(error) => {
            let status = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, [(header::CACHE_CONTROL, "no-store")], "not found").into_response()
        }
    }
}

/// What the style sheet of an accent colour is called.
pub(crate) fn sheet_name(colour: &str) -> String {
    format!("accent-{}.css", colour.trim_start_matches('#'))
}

/// Takes a vendor's picture, or takes it away, and leads back to the settings.
pub async fn logo(State(state): State<AppState>, request: Request) -> Response {
    let (sent, body) = request.into_parts();
    let Some(Visitor(Some(actor))) = sent.extensions.get::<Visitor>().cloned() else {
        return go("/sign-in?next=/console/settings/portal");
    };
    let call = Call::new(actor, super::info(&sent.extensions, &sent.headers));
    let saved = async {
        call.actor.require(Permission::MembersWrite)?;
        let broken = || Error::invalid("/logo", "The upload broke off. Send it again.");
        let cut = |error: MultipartError| {
            if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
                Error::invalid("/logo", "The picture has more than 1 MiB.")
            } else {
                broken().with_source(error)
            }
        };
        let form = Multipart::from_request(Request::from_parts(sent.clone(), body), &()).await;
        let mut form = form.map_err(|error| broken().with_source(error.body_text()))?;
        let (mut bytes, mut remove) = (Vec::new(), false);
        while let Some(field) = form.next_field().await.map_err(cut)? {
            match field.name().unwrap_or_default() {
                "remove" => remove = true,
                "logo" => bytes = field.bytes().await.map_err(cut)?.to_vec(),
                _ => {}
            }
        }
        if bytes.is_empty() && !remove {
            return Err(Error::invalid("/logo", "Choose a picture first."));
        }
        state.service().set_portal_logo(&call, (!remove).then_some(bytes)).await
    };
    match saved.await {
        Ok(()) => go("/console/settings/portal?done=saved"),
        Err(error) => {
            let id = call.from.request_id.clone();
            if error.code.status() >= 500 {
                tracing::error!(?error, request = id, "a picture could not be saved");
            }
            let error = UiError::of(&error, Some(id).filter(|id| !id.is_empty()));
            refuse(&state, &sent, "/console/settings/portal", error, Vec::new()).await
        }
    }
}
