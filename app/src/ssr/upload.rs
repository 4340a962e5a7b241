//! `POST /console/imports/upload`: a file of licenses, sent by a plain form so that it works without scripting.

use axum::{
    extract::{FromRequest as _, Multipart, Request, State},
    http::StatusCode,
    response::Response,
};
use holdfast_domain::{Permission, Source};
use holdfast_service::{Call, Error, ErrorCode, RequestInfo, admin::import::StageImport};

use super::{
    AppState, Visitor,
    refusal::{go, refuse},
};
use crate::{UiError, pages::imports::api::date_order};

/// Largest file we take, in bytes: some hundred thousand rows.
pub const FILE_LIMIT: usize = 64 << 20;

/// Takes the file, judges its rows and leads to the preview; or back to the form, which then says why.
pub async fn upload(State(state): State<AppState>, request: Request) -> Response {
    let (sent, body) = request.into_parts();
    let Some(Visitor(Some(actor))) = sent.extensions.get::<Visitor>().cloned() else {
        return go("/sign-in?next=/console/imports");
    };
    let from = sent.extensions.get::<RequestInfo>().cloned().unwrap_or_default();
    let mut typed = Vec::new();
    let staged = async {
        actor.require(Permission::LicensesWrite)?;
        let form = Multipart::from_request(Request::from_parts(sent.clone(), body), &()).await;
        let form = form.map_err(|error| broken().with_source(error.body_text()))?;
        let (input, bytes) = read(form, &mut typed).await?;
        state.service().stage_import(&Call::new(actor, from.clone()), input, bytes).await
    };
    match staged.await {
        Ok(import) => go(&format!("/console/imports/{}", import.id)),
        Err(error) => {
            if error.code.status() >= 500 {
                tracing::error!(?error, request = from.request_id, "a file could not be staged");
            }
            let error = UiError::of(&error, Some(from.request_id).filter(|id| !id.is_empty()));
            refuse(&state, &sent, "/console/imports", error, typed).await
        }
    }
}

fn broken() -> Error {
    Error::new(ErrorCode::ImportUnreadable).with_detail("the upload broke off")
}

/// The fields of the form. What was chosen is noted in `typed` as well, whatever becomes of the file.
async fn read(mut form: Multipart, typed: &mut Vec<(String, String)>) -> Result<(StageImport, Vec<u8>), Error> {
    let broken = |error: axum::extract::multipart::MultipartError| {
        if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
            Error::new(ErrorCode::BodyTooLarge)
        } else {
            broken().with_source(error)
        }
    };
    let (mut product, mut plan, mut dates, mut format, mut file) =
        (String::new(), String::new(), String::new(), String::new(), None);
    while let Some(field) = form.next_field().await.map_err(broken)? {
        match field.name().unwrap_or_default() {
            "product" => product = field.text().await.map_err(broken)?,
            "plan" => plan = field.text().await.map_err(broken)?,
            "dates" => dates = field.text().await.map_err(broken)?,
            "format" => format = field.text().await.map_err(broken)?,
            "file" => {
                let name =
                    field.file_name().unwrap_or_default().chars().filter(|letter| !letter.is_control()).take(200);
                let name: String = name.collect();
                file = Some((name, field.bytes().await.map_err(broken)?.to_vec()));
            }
            _ => {}
        }
    }
    for (name, value) in [("product", &product), ("plan", &plan), ("dates", &dates), ("format", &format)] {
        typed.push((name.to_owned(), value.clone()));
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
        source: Source::from_name(&format),
        delimiter: None,
        dates: date_order(&dates),
        mapping: std::collections::BTreeMap::default(),
    };
    Ok((input, bytes))
}
