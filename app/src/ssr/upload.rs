//! `POST /console/imports/upload`: a file of licenses, sent by a plain form so that it works without scripting.

use axum::{
    Extension,
    extract::{Multipart, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use holdfast_domain::Permission;
use holdfast_service::{Call, Error, ErrorCode, RequestInfo, admin::import::StageImport};

use super::{AppState, Visitor, note, set_cookie};
use crate::pages::imports::api::date_order;

/// Largest file we take, in bytes: some hundred thousand rows.
pub const FILE_LIMIT: usize = 64 << 20;

fn go(path: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    if let Ok(path) = HeaderValue::from_str(path) {
        response.headers_mut().insert(header::LOCATION, path);
    }
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Takes the file, judges its rows and leads to the preview; or back to the form, which then says why.
pub async fn upload(
    State(state): State<AppState>,
    Extension(Visitor(actor)): Extension<Visitor>,
    from: Option<Extension<RequestInfo>>,
    form: Multipart,
) -> Response {
    let Some(actor) = actor else { return go("/sign-in?next=/console/imports") };
    let from = from.map(|Extension(from)| from).unwrap_or_default();
    let staged = async {
        actor.require(Permission::LicensesWrite)?;
        let (input, bytes) = read(form).await?;
        state.service().stage_import(&Call::new(actor, from.clone()), input, bytes).await
    };
    match staged.await {
        Ok(import) => go(&format!("/console/imports/{}", import.id)),
        Err(error) => {
            if error.code.status() >= 500 {
                tracing::error!(?error, request = from.request_id, "a file could not be staged");
            }
            let mut response = go(&format!("/console/imports?failed={}", error.code.as_str()));
            let what = match &error.detail {
                Some(detail) => format!("{}: {detail}", error.code.title()),
                None => format!("{}.", error.code.title()),
            };
            if let Some(cookie) = set_cookie(&note::name("import"), &note::encode(&what), note::SECONDS, state.secure())
            {
                response.headers_mut().append(header::SET_COOKIE, cookie);
            }
            response
        }
    }
}

/// The fields of the form.
async fn read(mut form: Multipart) -> Result<(StageImport, Vec<u8>), Error> {
    let broken = |error: axum::extract::multipart::MultipartError| {
        if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
            Error::new(ErrorCode::BodyTooLarge)
        } else {
            Error::new(ErrorCode::ImportUnreadable).with_detail("the upload broke off").with_source(error)
        }
    };
    let (mut product, mut plan, mut dates, mut file) = (String::new(), String::new(), String::new(), None);
    while let Some(field) = form.next_field().await.map_err(broken)? {
        match field.name().unwrap_or_default() {
            "product" => product = field.text().await.map_err(broken)?,
            "plan" => plan = field.text().await.map_err(broken)?,
            "dates" => dates = field.text().await.map_err(broken)?,
            "file" => {
                let name =
                    field.file_name().unwrap_or_default().chars().filter(|letter| !letter.is_control()).take(200);
                let name: String = name.collect();
                file = Some((name, field.bytes().await.map_err(broken)?.to_vec()));
            }
            _ => {}
        }
    }
    let empty = || Error::new(ErrorCode::ImportUnreadable).with_detail("no file was chosen");
    let (name, bytes) = file.filter(|(_, bytes)| !bytes.is_empty()).ok_or_else(empty)?;
    let input = StageImport {
        file_name: if name.is_empty() { "licenses.csv".to_owned() } else { name },
        product: product.parse().map_err(|error| Error::invalid("/product", error))?,
        plan: match plan.as_str() {
            "" => None,
            plan => Some(plan.parse().map_err(|error| Error::invalid("/plan", error))?),
        },
        delimiter: None,
        dates: date_order(&dates),
        mapping: std::collections::BTreeMap::default(),
    };
    Ok((input, bytes))
}
