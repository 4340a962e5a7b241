//! Lemon Squeezy's license API: activation, validation and deactivation of an instance of a license key.

use super::{Fail, No, Visit, failure, json, named, nameless, read, words};
use crate::{
    AppState,
    api::{problem::Problem, shape, time},
};
use axum::{
    Router,
    body::Body,
    extract::{FromRequest as _, Multipart, Path, Request, State},
    http::{StatusCode, header},
    response::Response,
    routing::post,
};
use holdfast_domain::{GatewayKind, Timestamp};
use holdfast_service::{
    Error, ErrorCode,
    runtime::gateway::{Gateway, Holding, Named, Place, uuid},
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Act {
    Activate,
    Validate,
    Deactivate,
}

impl Act {
    /// What an answer says of it.
    const fn done(self) -> &'static str {
        match self {
            Self::Activate => "activated",
            Self::Validate => "valid",
            Self::Deactivate => "deactivated",
        }
    }
}

/// The routes, below `/gateways/{product}/lemonsqueezy`.
pub fn routes() -> Router<AppState> {
    let at = |name: &str| format!("/gateways/{{product}}/lemonsqueezy/v1/licenses/{name}");
    let to = |act: Act| {
        move |State(state): State<AppState>, Path(product): Path<String>, request: Request| {
            serve(state, product, request, act)
        }
    };
    Router::new()
        .route(&at("activate"), post(to(Act::Activate)))
        .route(&at("validate"), post(to(Act::Validate)))
        .route(&at("deactivate"), post(to(Act::Deactivate)))
}

async fn serve(state: AppState, product: String, request: Request, act: Act) -> Response {
    let answered = async {
        let visit = Visit::enter(&state, &product, GatewayKind::LemonSqueezy).await?;
        answer(&visit, request, act).await
    };
    // What could not be answered says nothing of the license.
    answered.await.unwrap_or_else(|problem| failure(problem, |error| json!({ "error": words(error) })))
}

/// An answer that knows of no license.
fn bare(act: Act, error: &str) -> Value {
    let mut body = json!({ "error": error, "license_key": null, "instance": null, "meta": null });
    body[act.done()] = false.into();
    body
}

async fn answer(visit: &Visit<'_>, request: Request, act: Act) -> Result<Response, Problem> {
    let mut sent = fields(request).await?;
    let mut take = |name: &str| named(sent.remove(name).map(|text| text.trim().to_owned()));
    let missing =
        |name: &str| json(StatusCode::UNPROCESSABLE_ENTITY, &bare(act, &format!("The {name} field is required.")));
    let Some(key) = take("license_key") else { return Ok(missing("license key")) };
    let mut device = Named::default();
    match act {
        Act::Activate => {
            let Some(name) = take("instance_name") else { return Ok(missing("instance name")) };
            // Its clients do not say on which device they run: each activation is one.
            (device.name, device.fingerprint) = (Some(name), Some(nameless()));
        }
        Act::Validate => device.instance = take("instance_id"),
        Act::Deactivate => {
            let Some(id) = take("instance_id") else { return Ok(missing("instance id")) };
            device.instance = Some(id);
        }
    }
    let holding = match visit.license(&key).await {
        Ok(holding) => holding,
        Err(Fail::No(_)) => return Ok(json(StatusCode::NOT_FOUND, &bare(act, "license_key not found."))),
        Err(Fail::Problem(problem)) => return Err(problem),
    };
    let done = match act {
        Act::Activate => visit.arrive(&holding, &device).await.map(Some),
        Act::Validate if device.instance.is_none() => visit.turn_away(&holding).map(|()| None),
        Act::Validate => visit.go_on(&holding, &device).await.map(Some),
        Act::Deactivate => match visit.place(&holding, &device).await {
            Ok(place) => visit.leave(&holding, &place, false).await.map(|()| None),
            Err(fail) => Err(fail),
        },
    };
    // The number of places taken may have changed with it.
    let holding = visit.license(&key).await.unwrap_or(holding);
    let (status, error, place) = match done {
        Ok(place) => (StatusCode::OK, None, place),
        Err(Fail::No(no)) => {
            let (status, error) = refusal(no);
            (status, Some(error), None)
        }
        Err(Fail::Problem(problem)) => return Err(problem),
    };
    // Giving a seat up is no validation, yet its answer tells how the license stands.
    if act == Act::Deactivate && holding.denial.is_some() {
        visit.may_refuse(&holding)?;
    }
    let (product, variant) = visit.service().names(&visit.gateway, &holding).await?;
    let mut body = json!({
        "error": error,
        "license_key": license_key(&holding, &key),
        "meta": meta(&visit.gateway, &holding, (product.as_str(), variant.as_str())),
    });
    body[act.done()] = error.is_none().into();
    if act != Act::Deactivate {
        body["instance"] = place.as_ref().map(|place| instance(place, device.instance.as_deref())).into();
    }
    Ok(json(status, &body))
}

fn refusal(no: No) -> (StatusCode, &'static str) {
    match no {
        No::Unknown => (StatusCode::NOT_FOUND, "license_key not found."),
        No::Nowhere => (StatusCode::NOT_FOUND, "instance_id not found."),
        No::Disabled => (StatusCode::BAD_REQUEST, "This license key is disabled."),
        No::Expired => (StatusCode::BAD_REQUEST, "This license key has expired."),
        No::Full => (StatusCode::BAD_REQUEST, "This license key has reached the activation limit."),
        No::ForPeople => (StatusCode::BAD_REQUEST, "This license key is for named users."),
    }
}

/// A number for what has none, small enough for every client to read it exactly.
fn number(id: [u8; 16]) -> u64 {
    id[10..].iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn date(at: Timestamp) -> String {
    time::format(at).replace('Z', ".000000Z")
}

fn license_key(holding: &Holding, key: &str) -> Value {
    use holdfast_domain::DenialCode;
    let license = &holding.license;
    let status = match holding.denial {
        Some(DenialCode::Expired) => "expired",
        Some(_) => "disabled",
        None if holding.seats_used > 0 => "active",
        None => "inactive",
    };
    json!({
        "id": number(license.id.to_bytes()),
        "status": status,
        "key": key,
        "activation_limit": license.terms.seats,
        "activation_usage": holding.seats_used,
        "created_at": date(license.created_at),
        "expires_at": license.expires_at.map(date),
        "test_mode": false,
    })
}

/// An instance, under the id by which its client knows it.
fn instance(place: &Place, known: Option<&str>) -> Value {
    let id = known.map_or_else(|| uuid(place.id.to_bytes()), str::to_owned);
    json!({ "id": id, "name": place.name, "created_at": date(place.claimed_at) })
}

/// What an application compares with what it was built for: the numbers that it had there, where the gateway knows them.
fn meta(gateway: &Gateway, holding: &Holding, (product, variant): (&str, &str)) -> Value {
    let (settings, license) = (gateway.settings(), &holding.license);
    let theirs = |text: Option<&String>, own: [u8; 16]| text.and_then(|text| text.parse().ok()).unwrap_or(number(own));
    let order = license.order.map_or_else(|| number(license.id.to_bytes()), |order| number(order.to_bytes()));
    let (name, email) = holding.holder.clone().unzip();
    json!({
        "store_id": theirs(settings.account.as_ref(), gateway.vendor().to_bytes()),
        "order_id": order,
        "order_item_id": order,
        "product_id": theirs(settings.product.as_ref(), gateway.product().to_bytes()),
        "product_name": product,
        "variant_id": theirs(settings.plans.get(&license.plan_code), license.plan.to_bytes()),
        "variant_name": variant,
        "customer_id": license.customer.map_or(0, |customer| number(customer.to_bytes())),
        "customer_name": name.map(|name| name.to_string()).unwrap_or_default(),
        "customer_email": email.flatten().map(|email| email.to_string()).unwrap_or_default(),
    })
}

/// The fields of a form, or of the JSON that stands for one, with those in the address: there, too, some clients put them.
async fn fields(request: Request) -> Result<BTreeMap<String, String>, Problem> {
    let mut fields = pairs(request.uri().query().unwrap_or_default());
    fields.extend(body_fields(request).await?);
    Ok(fields)
}

/// The fields of a form as addresses have them.
fn pairs(text: &str) -> BTreeMap<String, String> {
    let plain = |text: &str| String::from_utf8(crate::api::query::decode(text)).ok();
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Some((plain(name)?, plain(value)?))
    };
    text.split('&').filter_map(pair).collect()
}

async fn body_fields(request: Request) -> Result<BTreeMap<String, String>, Problem> {
    let (parts, bytes) = read(request).await?;
    let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.contains("json") {
        let sent: BTreeMap<String, Value> = shape::read(&bytes)?;
        let text = |value: Value| match value {
            Value::String(text) => Some(text),
            _ => None,
        };
        return Ok(sent.into_iter().filter_map(|(name, value)| Some((name, text(value)?))).collect());
    }
    if kind.starts_with("multipart/") {
        let broken = |_| Problem::from(Error::new(ErrorCode::InvalidRequest).with_detail("the form cannot be read"));
        let form = Multipart::from_request(Request::from_parts(parts, Body::from(bytes)), &()).await;
        let mut form = form.map_err(|_| Problem::from(ErrorCode::InvalidRequest))?;
        let mut fields = BTreeMap::new();
        while let Some(field) = form.next_field().await.map_err(broken)? {
            if let Some(name) = field.name().map(str::to_owned) {
                fields.insert(name, field.text().await.map_err(broken)?);
            }
        }
        return Ok(fields);
    }
    Ok(pairs(std::str::from_utf8(&bytes).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn fields_come_as_a_form_in_parts_or_as_json() {
        let parts = "--x\r\nContent-Disposition: form-data; name=\"license_key\"\r\n\r\nA B+C\r\n--x--\r\n";
        for (kind, body) in [
            ("", "license_key=A+B%2BC&other"),
            ("application/x-www-form-urlencoded", "license_key=A%20B%2BC"),
            ("application/json; charset=utf-8", r#"{"license_key":"A B+C","number":1}"#),
            ("application/vnd.api+json", r#"{"license_key":"A B+C","instance_id":null}"#),
            ("multipart/form-data; boundary=x", parts),
        ] {
            let request = Request::builder().header(header::CONTENT_TYPE, kind).body(Body::from(body)).unwrap();
            assert_eq!(fields(request).await.unwrap()["license_key"], "A B+C", "{kind}");
        }
        let request = Request::builder().uri("/v1/licenses/validate?license_key=A%20B%2BC&x").body(Body::from("x=y"));
        let found = fields(request.unwrap()).await.unwrap();
        assert_eq!((found["license_key"].as_str(), found["x"].as_str()), ("A B+C", "y"));
        let request = Request::builder().header(header::CONTENT_TYPE, "application/json").body(Body::from("[]"));
        assert!(fields(request.unwrap()).await.is_err());
    }

    #[test]
    fn numbers_are_exact_in_every_client() {
        assert_eq!(number([255; 16]), (1 << 48) - 1);
        assert_eq!(date(Timestamp::from_micros(0)), "1970-01-01T00:00:00.000000Z");
    }
}
