//! Keylight's runtime API: activation, validation and deactivation of an instance, with a lease in its format `v3`; the
//! product's settings; the beacon of those without a key; the set of keys.

use super::{Fail, No, Visit, failure, json, named, nameless, read, words};
use crate::{
    AppState,
    api::{problem::Problem, shape},
};
use axum::{
    Router,
    extract::{Path, Request, State},
    http::StatusCode,
    response::Response,
    routing::{get, post},
};
use base64::prelude::*;
use holdfast_domain::{
    GatewayKind, LicenseState, Seconds,
    decide::{Jitter, grant},
};
use holdfast_service::{
    Error, ErrorCode,
    runtime::gateway::{Gateway, Holding, Named, uuid},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// How long the product's settings hold that a client was given.
const SETTINGS: Seconds = Seconds(24 * 60 * 60);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Act {
    Activate,
    Validate,
    Deactivate,
    Keyless,
    Config,
    Keys,
}

/// The routes, below `/gateways/{product}/keylight`.
pub fn routes() -> Router<AppState> {
    let below = |path: &str| format!("/gateways/{{product}}/keylight/{{tenant}}/{path}");
    let own = |path: &str| below(&format!("{{theirs}}/{path}"));
    let to = |act: Act| {
        move |State(state): State<AppState>, Path(path): Path<Called>, request: Request| {
            serve(state, path, request, act)
        }
    };
    Router::new()
        .route(&own("activate"), post(to(Act::Activate)))
        .route(&own("validate"), post(to(Act::Validate)))
        .route(&own("deactivate"), post(to(Act::Deactivate)))
        .route(&own("keyless"), post(to(Act::Keyless)))
        .route(&own("config"), get(to(Act::Config)))
        .route(&below(".well-known/keylight-keys"), get(to(Act::Keys)))
}

/// What the path calls the vendor and the product.
#[derive(Deserialize)]
struct Called {
    product: String,
    tenant: String,
    theirs: Option<String>,
}

/// What a client sends, as far as it is read.
#[derive(Default, Deserialize)]
struct Sent {
    license_key: Option<String>,
    instance_id: Option<String>,
    instance_name: Option<String>,
    machine_hash: Option<String>,
    free_tier_instance_id: Option<String>,
    platform: Option<String>,
    app_version: Option<String>,
}

/// A lease as its clients keep it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Lease {
    kid: String,
    license_key_hash: String,
    instance_id: String,
    issued_at: i64,
    expires_at: i64,
    status: &'static str,
    entitlements: Vec<String>,
    signature: String,
}

impl Lease {
    /// What is signed of it; none where it could be read in another way as well.
    fn payload(&self) -> Option<String> {
        let Self { kid, license_key_hash, instance_id, issued_at, expires_at, status, entitlements, .. } = self;
        let mut parts = [kid, license_key_hash, instance_id].into_iter().chain(entitlements);
        if parts.any(|part| part.contains(['|', ','])) {
            return None;
        }
        let entitlements = entitlements.join(",");
        Some(format!("v3|{kid}|{license_key_hash}|{instance_id}|{issued_at}|{expires_at}|{status}|{entitlements}"))
    }
}

async fn serve(state: AppState, path: Called, request: Request, act: Act) -> Response {
    let refused = |status, error: &str| {
        let mut body = json!({ "error": error });
        match act {
            Act::Activate => body["activated"] = false.into(),
            Act::Validate => body["valid"] = false.into(),
            Act::Deactivate | Act::Keyless | Act::Config | Act::Keys => {}
        }
        json(status, &body)
    };
    match answer(&state, &path, request, act).await {
        Ok((status, body)) => json(status, &body),
        Err(Fail::No(no)) => match no {
            // Its clients keep the lease they have: a key that is not here may be somewhere else.
            No::Unknown => refused(StatusCode::NOT_FOUND, "license not found"),
            No::Disabled => refused(StatusCode::UNPROCESSABLE_ENTITY, "license revoked or suspended"),
            No::Expired => refused(StatusCode::UNPROCESSABLE_ENTITY, "license expired"),
            No::Nowhere => refused(StatusCode::UNPROCESSABLE_ENTITY, "instance not active"),
            // These, too, take no lease away.
            No::Full => refused(StatusCode::PAYMENT_REQUIRED, "activation limit reached"),
            No::ForPeople => refused(StatusCode::FORBIDDEN, "this license is for named users"),
        },
        Err(Fail::Problem(problem)) => failure(problem, |error| json!({ "error": words(error) })),
    }
}

async fn answer(state: &AppState, path: &Called, request: Request, act: Act) -> Result<(StatusCode, Value), Fail> {
    let visit = Visit::enter(state, &path.product, GatewayKind::Keylight).await?;
    let settings = visit.gateway.settings();
    let is_own = |own: &Option<String>, called: &str| own.as_deref() == Some(called);
    let theirs = path.theirs.as_deref();
    if !is_own(&settings.account, &path.tenant) || theirs.is_some_and(|called| !is_own(&settings.product, called)) {
        return Err(Problem::from(ErrorCode::NotFound).into());
    }
    let body = match act {
        Act::Keys => keys(&visit.gateway)?,
        // The beacon tells how many there are without a license. That is not counted here.
        Act::Config | Act::Keyless => config(state, &visit.gateway)?,
        Act::Activate | Act::Validate | Act::Deactivate => {
            let (_, bytes) = read(request).await?;
            let sent: Sent = shape::read(&bytes)?;
            let missing = |name| Error::invalid(format!("/{name}"), format_args!("{name} is required"));
            let key = sent.license_key.clone().ok_or_else(|| missing("license_key"))?;
            let device = Named {
                instance: named(sent.instance_id).map(instance).transpose()?,
                fingerprint: named(sent.machine_hash).or_else(|| named(sent.free_tier_instance_id)),
                name: sent.instance_name,
                platform: sent.platform,
                app_version: sent.app_version,
            };
            if act != Act::Activate && device.instance.is_none() {
                return Err(missing("instance_id").into());
            }
            let holding = visit.license(&key).await?;
            match act {
                Act::Activate => activate(&visit, &holding, &key, device).await?,
                Act::Validate => return validate(&visit, &holding, &key, &device).await,
                _ => {
                    let place = visit.place(&holding, &device).await?;
                    visit.leave(&holding, &place, false).await?;
                    json!({ "deactivated": true })
                }
            }
        }
    };
    Ok((StatusCode::OK, body))
}

/// The id of an instance. It becomes part of what is signed, where it must not pass for more than one.
fn instance(text: String) -> Result<String, Error> {
    let fits = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte));
    if fits {
        Ok(text)
    } else {
        Err(Error::invalid("/instance_id", "an id has letters, digits, dots, colons and dashes"))
    }
}

async fn activate(visit: &Visit<'_>, holding: &Holding, key: &str, mut device: Named) -> Result<Value, Fail> {
    // A device that cannot tell what it is goes by the id that it has given itself, or is given.
    let own = device.instance.take();
    device.fingerprint = device.fingerprint.or(own).or_else(|| Some(nameless()));
    let place = visit.arrive(holding, &device).await?;
    Ok(json!({
        "activated": true,
        "instance_id": uuid(place.id.to_bytes()),
        "license_expires_at": expires_at(holding),
        "lease": lease(visit, holding, key, &uuid(place.id.to_bytes()), status(holding))?,
    }))
}

async fn validate(
    visit: &Visit<'_>,
    holding: &Holding,
    key: &str,
    device: &Named,
) -> Result<(StatusCode, Value), Fail> {
    let instance = device.instance.as_deref().unwrap_or_default();
    let status = match visit.go_on(holding, device).await {
        Ok(_) => status(holding),
        Err(Fail::No(No::Expired)) => "expired",
        Err(fail) => return Err(fail),
    };
    let is_valid = status == "active";
    let mut body = config(visit.state, &visit.gateway)?;
    body["valid"] = is_valid.into();
    body["license_expires_at"] = expires_at(holding).into();
    body["lease"] = serde_json::to_value(lease(visit, holding, key, instance, status)?).map_err(Error::internal)?;
    if is_valid {
        return Ok((StatusCode::OK, body));
    }
    body["error"] = "license expired".into();
    Ok((StatusCode::UNPROCESSABLE_ENTITY, body))
}

/// How a license stands that a device has a seat of.
fn status(holding: &Holding) -> &'static str {
    if holding.license.state(holding.now) == LicenseState::Expired { "fallback" } else { "active" }
}

fn expires_at(holding: &Holding) -> Option<i64> {
    holding.license.expires_at.map(|end| end.seconds().0)
}

/// A signed lease of an instance. It lasts as long as one of ours, its grace included.
fn lease(
    visit: &Visit<'_>,
    holding: &Holding,
    key: &str,
    instance: &str,
    status: &'static str,
) -> Result<Lease, Error> {
    let granted = grant(&holding.license, None, holding.now, Jitter::NONE);
    let (kid, _) = visit.gateway.public_key()?;
    let plain: String = key.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
    let hash = Sha256::digest(plain.to_uppercase());
    let entitlements = match status {
        "expired" => Vec::new(),
        _ => granted.entitlements.keys().map(ToString::to_string).collect(),
    };
    let mut lease = Lease {
        kid: kid.to_owned(),
        license_key_hash: hash.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}")),
        instance_id: instance.to_owned(),
        issued_at: granted.issued.0,
        expires_at: granted.exp.0,
        status,
        entitlements,
        signature: String::new(),
    };
    lease.entitlements.sort_unstable();
    let payload = lease.payload().ok_or_else(|| Error::internal("a lease of more than one meaning"))?;
    lease.signature = BASE64_STANDARD.encode(visit.gateway.sign(payload.as_bytes())?);
    Ok(lease)
}

/// The product's settings, signed where both are known: its clients verify nothing less.
fn config(state: &AppState, gateway: &Gateway) -> Result<Value, Error> {
    let settings = gateway.settings();
    let mut body = json!({});
    if let Some(days) = settings.trial_days {
        body["trial_duration_days"] = days.into();
    }
    if let Some(free) = settings.free_tier {
        body["free_tier_enabled"] = free.into();
    }
    if let (Some(days), Some(free), Some(tenant), Some(product)) =
        (settings.trial_days, settings.free_tier, &settings.account, &settings.product)
    {
        let (kid, _) = gateway.public_key()?;
        let issued = state.service().now().seconds();
        let expires = issued.plus(SETTINGS);
        let payload = format!("cfg1|{kid}|{tenant}|{product}|{}|{}|{days}|{free}", issued.0, expires.0);
        body["issued_at"] = issued.0.into();
        body["expires_at"] = expires.0.into();
        body["kid"] = kid.into();
        body["signature"] = BASE64_STANDARD.encode(gateway.sign(payload.as_bytes())?).into();
    }
    Ok(body)
}

fn keys(gateway: &Gateway) -> Result<Value, Error> {
    let (kid, key) = gateway.public_key()?;
    let key = json!({ "kid": kid, "alg": "ed25519", "public_key": BASE64_STANDARD.encode(key) });
    Ok(json!({ "primary_kid": kid, "keys": [key] }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_signed_over_what_its_clients_put_together() {
        let mut lease = Lease {
            kid: "k1".to_owned(),
            license_key_hash: "abc".to_owned(),
            instance_id: "i1".to_owned(),
            issued_at: 100,
            expires_at: 200,
            status: "active",
            entitlements: vec!["admin".to_owned(), "pro".to_owned()],
            signature: String::new(),
        };
        assert_eq!(lease.payload().as_deref(), Some("v3|k1|abc|i1|100|200|active|admin,pro"));
        assert!(serde_json::to_value(&lease).unwrap()["licenseKeyHash"] == "abc");
        lease.instance_id = "i1|1|99999999999|active|r1".to_owned();
        assert_eq!(lease.payload(), None, "what its client chose must not become a lease of its choice");
        assert!(instance(lease.instance_id).is_err());
        assert!(instance("7e4b0a52-6f1d-4a0e-9f0b-2f5a3c1d9e77".to_owned()).is_ok());
    }
}
