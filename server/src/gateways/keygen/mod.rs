//! Keygen's API as far as licensed applications use it: validation, machines and their heartbeat, license files. Its
//! answers are signed.
//!
//! The license key decides: which account and which license a path names has no say.

mod files;
mod shape;
mod signature;

use self::{files::Algorithm, shape::Shape, signature::Asked};
use super::{Fail, No, Visit, failure, named, nameless, read, words};
use crate::{
    AppState,
    api::{problem::Problem, query, shape::read as read_json},
};
use axum::{
    Router,
    extract::{Path, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::{MethodRouter, get, post},
};
use base64::prelude::*;
use holdfast_domain::{
    EntitlementCode, GatewayKind,
    decide::{Jitter, grant},
};
use holdfast_service::{
    Error,
    runtime::gateway::{Gateway, Holding, Named, Place},
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The media type of JSON:API.
const JSON_API: &str = "application/vnd.api+json; charset=utf-8";
/// How long a license file holds that nobody named a time for, and the shortest that one may hold, in seconds.
const FILE: i64 = 2_629_746;
const SHORTEST_FILE: i64 = 3_600;
/// How many fingerprints of one device are looked for.
const FINGERPRINTS: usize = 8;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Act {
    ValidateKey,
    Validate,
    License,
    Entitlements,
    Machines,
    Activate,
    Machine,
    Deactivate,
    Ping,
    CheckOut,
    CheckOutFile,
}

/// The routes, below `/gateways/{product}/keygen`: with the account, as its libraries ask its cloud, and without, as they
/// ask a server of one's own.
pub fn routes() -> Router<AppState> {
    let to = |act: Act| {
        move |State(state): State<AppState>, Path(path): Path<BTreeMap<String, String>>, request: Request| {
            serve(state, path, request, act)
        }
    };
    let mut router = Router::new();
    for version in ["v1", "v1/accounts/{account}"] {
        let mut add = |path: &str, methods: MethodRouter<AppState>| {
            router =
                std::mem::take(&mut router).route(&format!("/gateways/{{product}}/keygen/{version}/{path}"), methods);
        };
        add("licenses/actions/validate-key", post(to(Act::ValidateKey)));
        add("licenses/{id}/actions/validate", post(to(Act::Validate)).get(to(Act::Validate)));
        add("licenses/{id}/actions/check-out", post(to(Act::CheckOut)).get(to(Act::CheckOutFile)));
        add("licenses/{id}/entitlements", get(to(Act::Entitlements)));
        add("licenses/{id}/machines", get(to(Act::Machines)));
        add("licenses/{id}", get(to(Act::License)));
        add("me", get(to(Act::License)));
        add("machines", post(to(Act::Activate)).get(to(Act::Machines)));
        add("machines/{id}", get(to(Act::Machine)).delete(to(Act::Deactivate)));
        add("machines/{id}/actions/ping", post(to(Act::Ping)));
        add("machines/{id}/actions/reset", post(to(Act::Ping)));
    }
    router
}

/// An answer.
struct Reply {
    status: StatusCode,
    body: Vec<u8>,
    kind: &'static str,
}

impl Reply {
    fn new(status: StatusCode, body: &Value) -> Self {
        Self { status, body: body.to_string().into_bytes(), kind: JSON_API }
    }

    fn ok(body: &Value) -> Self {
        Self::new(StatusCode::OK, body)
    }
}

async fn serve(state: AppState, path: BTreeMap<String, String>, request: Request, act: Act) -> Response {
    let part = |name: &str| path.get(name).map_or("", String::as_str);
    // Who is refused at the door gets no signature: that is work, and their library takes neither for an answer.
    let visit = match Visit::enter(&state, part("product"), GatewayKind::Keygen).await {
        Ok(visit) => visit,
        Err(problem) => return failure(problem, told),
    };
    let asked = Asked::new(request.method(), request.uri(), request.headers(), &visit.gateway);
    let signed = |mut response: Response, body: &[u8]| match signature::sign(
        &mut response,
        body,
        &asked,
        &visit.gateway,
        state.service().now(),
    ) {
        Ok(()) => response,
        Err(error) => failure(error.into(), told),
    };
    match answer(&visit, part("id"), request, act).await {
        Ok(reply) => {
            let kind = [(header::CONTENT_TYPE, HeaderValue::from_static(reply.kind))];
            signed((reply.status, kind).into_response(), &reply.body)
        }
        Err(problem) => {
            let body = told(&problem.0);
            let response = failure(problem, |_| body.clone());
            signed(response, body.to_string().as_bytes())
        }
    }
}

/// A failure.
fn told(error: &Error) -> Value {
    let status = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let pointer = error.pointer.as_deref().map(|pointer| ("pointer", pointer));
    shape::error(status, &words(error), None, pointer)
}

fn refused(no: No, holding: Option<&Holding>) -> Reply {
    let seats = holding.map_or(0, |holding| holding.license.terms.seats);
    let full = format!("machine count has exceeded maximum allowed for license ({seats})");
    let (status, detail, code, source) = match no {
        No::Unknown => {
            (StatusCode::UNAUTHORIZED, "You must be authenticated to complete the request", "LICENSE_INVALID", None)
        }
        No::Disabled => (StatusCode::FORBIDDEN, "License is suspended", "LICENSE_SUSPENDED", None),
        No::Expired => (StatusCode::FORBIDDEN, "License is expired", "LICENSE_EXPIRED", None),
        No::Full => {
            (StatusCode::UNPROCESSABLE_ENTITY, full.as_str(), "MACHINE_LIMIT_EXCEEDED", Some(("pointer", "/data")))
        }
        No::Nowhere => (StatusCode::NOT_FOUND, "The requested machine was not found", "NOT_FOUND", None),
        No::ForPeople => {
            (StatusCode::UNPROCESSABLE_ENTITY, "the license is for named users", "LICENSE_NOT_ALLOWED", None)
        }
    };
    Reply::new(status, &shape::error(status, detail, Some(code), source))
}

/// A request that is not one.
fn bad(detail: &str, code: Option<&str>, source: (&str, &str)) -> Reply {
    Reply::new(StatusCode::BAD_REQUEST, &shape::error(StatusCode::BAD_REQUEST, detail, code, Some(source)))
}

/// The value of that name in a query.
fn in_query(query: &str, name: &str) -> Option<String> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let value = pairs.filter(|(known, _)| *known == name).map(|(_, value)| query::decode(value)).next()?;
    String::from_utf8(value).ok()
}

/// The license key that a request proves itself with: in its head or, as in links, in its query.
fn presented(headers: &HeaderMap, query: &str) -> Option<String> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        let text = in_query(query, "auth").or_else(|| in_query(query, "token"))?;
        return text.strip_prefix("license:").map(str::to_owned);
    };
    let value = value.to_str().ok()?;
    let (scheme, rest) = value.trim().split_once(' ')?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("license") {
        return Some(rest.to_owned());
    }
    let plain = String::from_utf8(BASE64_STANDARD.decode(rest).ok()?).ok()?;
    let (user, key) = plain.split_once(':')?;
    (scheme.eq_ignore_ascii_case("basic") && user == "license").then(|| key.to_owned())
}

async fn answer(visit: &Visit<'_>, id: &str, request: Request, act: Act) -> Result<Reply, Problem> {
    let (parts, bytes) = read(request).await?;
    let sent: Value = if bytes.is_empty() { Value::Null } else { read_json(&bytes)? };
    let by_key = act == Act::ValidateKey;
    let query = parts.uri.query().unwrap_or_default();
    let key = if by_key { sent["meta"]["key"].as_str().map(str::to_owned) } else { presented(&parts.headers, query) };
    let key = match key {
        Some(key) => key.trim().to_owned(),
        None if by_key => return Ok(bad("is missing", None, ("pointer", "/meta/key"))),
        None => return Ok(refused(No::Unknown, None)),
    };
    let holding = match visit.license(&key).await {
        Ok(holding) => holding,
        Err(Fail::No(_)) if by_key => {
            let now = visit.service().now();
            let unknown = ("does not exist", "NOT_FOUND");
            return Ok(Reply::ok(&shape::validation(now, unknown, &sent["meta"], &Value::Null)));
        }
        Err(Fail::No(no)) => return Ok(refused(no, None)),
        Err(Fail::Problem(problem)) => return Err(problem),
    };
    let ask = Ask { visit, holding, key, sent, id, query };
    let done = match act {
        Act::ValidateKey | Act::Validate => ask.validate().await,
        Act::License => ask.license(),
        Act::Entitlements => ask.granted(),
        Act::Machines => ask.machines().await,
        Act::Activate => ask.activate().await,
        Act::Machine => ask.machine().await,
        Act::Deactivate => ask.deactivate().await,
        Act::Ping => ask.ping().await,
        Act::CheckOut | Act::CheckOutFile => ask.check_out(act == Act::CheckOutFile),
    };
    match done {
        Ok(reply) => Ok(reply),
        Err(Fail::No(no)) => Ok(refused(no, Some(&ask.holding))),
        Err(Fail::Problem(problem)) => Err(problem),
    }
}

/// What a client with a license key asks for.
struct Ask<'a> {
    visit: &'a Visit<'a>,
    holding: Holding,
    key: String,
    /// The body.
    sent: Value,
    /// What the path names.
    id: &'a str,
    query: &'a str,
}

impl Ask<'_> {
    fn gateway(&self) -> &Gateway {
        &self.visit.gateway
    }

    fn shape(&self) -> Shape<'_> {
        Shape { gateway: self.gateway(), holding: &self.holding, key: &self.key }
    }

    fn license(&self) -> Result<Reply, Fail> {
        self.visit.may_ask()?;
        if self.holding.denial.is_some() {
            self.visit.may_refuse(&self.holding)?;
        }
        Ok(Reply::ok(&json!({ "data": self.shape().license() })))
    }

    async fn validate(&self) -> Result<Reply, Fail> {
        let meta = &self.sent["meta"];
        let outcome = match self.checked(&meta["scope"]).await {
            Ok(outcome) => outcome,
            Err(Fail::No(No::Disabled)) => ("is suspended", "SUSPENDED"),
            Err(Fail::No(No::Expired)) => ("is expired", "EXPIRED"),
            Err(fail) => return Err(fail),
        };
        Ok(Reply::ok(&shape::validation(self.holding.now, outcome, meta, &self.shape().license())))
    }

    /// For what else than the license is for `scope` asks.
    fn mismatch(&self, scope: &Value) -> Option<(&'static str, &'static str)> {
        let named_in = |name: &str| named_in(scope, name);
        let settings = self.gateway().settings();
        let differs =
            |named: Option<String>, own: Option<&String>| own.zip(named).is_some_and(|(own, named)| *own != named);
        // What the gateway does not know of that system's ids cannot differ from them.
        if differs(named_in("product"), settings.product.as_ref()) {
            return Some(("product scope does not match", "PRODUCT_SCOPE_MISMATCH"));
        }
        if differs(named_in("policy"), settings.plans.get(&self.holding.license.plan_code)) {
            return Some(("policy scope does not match", "POLICY_SCOPE_MISMATCH"));
        }
        let email = self.holding.holder.as_ref().and_then(|(_, email)| email.as_ref().map(ToString::to_string));
        let user = named_in("user").filter(|user| user.contains('@')).map(|user| user.to_lowercase());
        if differs(user, email.map(|email| email.to_lowercase()).as_ref()) {
            return Some(("user scope does not match", "USER_SCOPE_MISMATCH"));
        }
        None
    }

    /// What the license does not unlock of `scope`.
    fn lacking(&self, scope: &Value) -> Option<(&'static str, &'static str)> {
        let wanted = scope["entitlements"].as_array()?;
        if wanted.is_empty() {
            return Some(("entitlements scope is empty", "ENTITLEMENTS_SCOPE_EMPTY"));
        }
        let has: BTreeSet<String> = self.entitlements().map(|code| plain(code.as_str())).collect();
        let has_all = wanted.iter().all(|code| code.as_str().is_some_and(|code| has.contains(&plain(code))));
        (!has_all).then_some(("is missing one or more required entitlements", "ENTITLEMENTS_MISSING"))
    }

    /// What a validation comes to within `scope`.
    async fn checked(&self, scope: &Value) -> Result<(&'static str, &'static str), Fail> {
        // That the license must not be used at all comes first.
        if self.holding.denial.is_none() {
            if let Some(mismatch) = self.mismatch(scope) {
                self.visit.may_ask()?;
                // The ids are typed into the gateway, and addresses come with an import: where they are wrong, nobody's fit.
                self.visit.may_refuse(&self.holding)?;
                return Ok(mismatch);
            }
            // What a license does not unlock is asked every day of those who did not buy it: that is no denial.
            if let Some(lacking) = self.lacking(scope) {
                self.visit.may_ask()?;
                return Ok(lacking);
            }
        }
        let machine = named(named_in(scope, "machine"));
        if let Some(id) = &machine {
            let device = Named { instance: Some(id.clone()), ..Named::default() };
            if !self.goes_on(&[device]).await? {
                return Ok(self.absent().unwrap_or((
                    "machine is not activated (does not match any associated machines)",
                    "MACHINE_SCOPE_MISMATCH",
                )));
            }
        }
        if !scope["fingerprint"].is_null() || !scope["fingerprints"].is_null() {
            let several = scope["fingerprints"].as_array().into_iter().flatten().chain([&scope["fingerprint"]]);
            let devices: Vec<Named> = several
                .filter_map(|text| named(text.as_str().map(str::to_owned)))
                .take(FINGERPRINTS)
                .map(|text| Named { fingerprint: Some(text), ..Named::default() })
                .collect();
            if devices.is_empty() {
                return Ok(("fingerprint scope is empty", "FINGERPRINT_SCOPE_EMPTY"));
            }
            if !self.goes_on(&devices).await? {
                return Ok(self.absent().unwrap_or((
                    "fingerprint is not activated (does not match any associated machines)",
                    "FINGERPRINT_SCOPE_MISMATCH",
                )));
            }
        } else if machine.is_none() {
            self.visit.turn_away(&self.holding)?;
        }
        Ok(("is valid", "VALID"))
    }

    /// Whether one of these goes on.
    async fn goes_on(&self, devices: &[Named]) -> Result<bool, Fail> {
        for device in devices {
            match self.visit.go_on(&self.holding, device).await {
                Ok(_) => return Ok(true),
                // Its application activates then, and hears why it cannot.
                Err(Fail::No(No::Nowhere | No::Full | No::ForPeople)) => {}
                Err(fail) => return Err(fail),
            }
        }
        // A license that is refused comes before a device that is not there.
        self.visit.turn_away(&self.holding)?;
        Ok(false)
    }

    /// What is said where no device is there at all.
    fn absent(&self) -> Option<(&'static str, &'static str)> {
        match (self.holding.seats_used, self.holding.license.terms.seats) {
            (0, 1) => Some(("is not activated (has no associated machine)", "NO_MACHINE")),
            (0, _) => Some(("is not activated (has no associated machines)", "NO_MACHINES")),
            _ => None,
        }
    }

    fn entitlements(&self) -> impl Iterator<Item = EntitlementCode> {
        self.holding.license.entitlements_at(self.holding.now).into_keys()
    }

    async fn activate(&self) -> Result<Reply, Fail> {
        let attributes = &self.sent["data"]["attributes"];
        let text = |name: &str| attributes[name].as_str().map(str::to_owned);
        let Some(fingerprint) = named(text("fingerprint")) else {
            return Ok(bad("is missing", None, ("pointer", "/data/attributes/fingerprint")));
        };
        let device = Named {
            fingerprint: Some(fingerprint.clone()),
            name: text("name").or_else(|| text("hostname")),
            platform: text("platform"),
            ..Named::default()
        };
        let place = self.visit.arrive(&self.holding, &device).await?;
        let machine = self.shape().machine(&place, Some(&fingerprint));
        Ok(Reply::new(StatusCode::CREATED, &json!({ "data": machine })))
    }

    fn granted(&self) -> Result<Reply, Fail> {
        self.visit.may_ask()?;
        Ok(Reply::ok(&json!({ "data": self.shape().entitlements(), "links": {} })))
    }

    async fn machines(&self) -> Result<Reply, Fail> {
        self.visit.may_ask()?;
        let places = self.visit.service().places(self.gateway(), &self.holding).await?;
        let machines: Vec<Value> = places.iter().map(|place| self.shape().machine(place, None)).collect();
        Ok(Reply::ok(&json!({ "data": machines, "links": {} })))
    }

    /// The machine that the path names: by its id, by the one it had there, or by its fingerprint.
    fn called(&self) -> [Named; 2] {
        let text = named(Some(self.id.to_owned()));
        [Named { instance: text.clone(), ..Named::default() }, Named { fingerprint: text, ..Named::default() }]
    }

    /// The seat of that machine, and its fingerprint where the path has it.
    async fn found(&self) -> Result<(Place, Option<&str>), Fail> {
        let [by_id, by_fingerprint] = self.called();
        match self.visit.place(&self.holding, &by_id).await {
            Err(Fail::No(No::Nowhere)) => Ok((self.visit.place(&self.holding, &by_fingerprint).await?, Some(self.id))),
            place => Ok((place?, None)),
        }
    }

    async fn machine(&self) -> Result<Reply, Fail> {
        let (place, fingerprint) = self.found().await?;
        Ok(Reply::ok(&json!({ "data": self.shape().machine(&place, fingerprint) })))
    }

    async fn deactivate(&self) -> Result<Reply, Fail> {
        let (place, fingerprint) = self.found().await?;
        self.visit.leave(&self.holding, &place, fingerprint.is_none()).await?;
        Ok(Reply { status: StatusCode::NO_CONTENT, body: Vec::new(), kind: JSON_API })
    }

    async fn ping(&self) -> Result<Reply, Fail> {
        let [by_id, by_fingerprint] = self.called();
        let (place, fingerprint) = match self.visit.go_on(&self.holding, &by_id).await {
            Err(Fail::No(No::Nowhere)) => (self.visit.go_on(&self.holding, &by_fingerprint).await?, Some(self.id)),
            place => (place?, None),
        };
        let mut machine = self.shape().machine(&place, fingerprint);
        machine["attributes"]["heartbeatStatus"] = "ALIVE".into();
        Ok(Reply::ok(&json!({ "data": machine })))
    }

    /// A license file: whole, or only its text. None lasts longer than a lease of the license, its grace included.
    fn check_out(&self, only_text: bool) -> Result<Reply, Fail> {
        self.visit.turn_away(&self.holding)?;
        let asked = |name: &str| {
            in_query(self.query, name).or_else(|| match &self.sent["meta"][name] {
                Value::Null => None,
                Value::String(text) => Some(text.clone()),
                Value::Array(texts) => Some(texts.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",")),
                other => Some(other.to_string()),
            })
        };
        let (now, license) = (self.holding.now, &self.holding.license);
        let longest = grant(license, None, now, Jitter::NONE).exp.0 - now.seconds().0;
        let ttl = match asked("ttl").as_deref() {
            None => FILE,
            Some("" | "null") => i64::MAX,
            Some(text) => match text.parse::<i64>() {
                Ok(ttl) if ttl >= SHORTEST_FILE => ttl,
                _ => {
                    let why = "must be greater than or equal to 3600 (1 hour)";
                    return Ok(bad(why, Some("CHECKOUT_TTL_INVALID"), ("parameter", "ttl")));
                }
            },
        };
        let encrypt = asked("encrypt").is_some_and(|text| matches!(text.as_str(), "true" | "1"));
        let algorithm = match asked("algorithm").filter(|text| !text.is_empty()) {
            None if encrypt => Algorithm::Encrypted,
            None => Algorithm::Plain,
            Some(text) => {
                if let Some(algorithm) = Algorithm::from_name(&text) {
                    algorithm
                } else {
                    let why = "invalid signing algorithm";
                    return Ok(bad(why, Some("CHECKOUT_ALGORITHM_INVALID"), ("parameter", "algorithm")));
                }
            }
        };
        let include = asked("include").unwrap_or_default();
        let included: &[&str] =
            if include.split(',').any(|name| name == "entitlements") { &["entitlements"] } else { &[] };
        let shape = self.shape();
        let contents = shape.contents(ttl.min(longest), included);
        let file = files::certificate(self.gateway(), &contents, &self.key, algorithm)?;
        if only_text {
            let kind = "application/octet-stream";
            return Ok(Reply { status: StatusCode::OK, body: file.into_bytes(), kind });
        }
        Ok(Reply::ok(&shape.file(&file, algorithm.as_str(), &contents, included)))
    }
}

/// What a scope names there, where it names something.
fn named_in(scope: &Value, name: &str) -> Option<String> {
    scope[name].as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// A code as either side may write it.
fn plain(code: &str) -> String {
    code.to_lowercase().replace('_', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_license_key_is_presented_in_the_head_or_in_a_link() {
        let headers =
            |value: &str| HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap())]);
        let basic = |text: &str| headers(&format!("Basic {}", BASE64_STANDARD.encode(text)));
        let presented_by = |headers: &HeaderMap| presented(headers, "auth=license:NOT-THIS");
        assert_eq!(presented_by(&headers("License KEY-1")).as_deref(), Some("KEY-1"));
        assert_eq!(presented_by(&basic("license:KEY-1")).as_deref(), Some("KEY-1"));
        assert_eq!(presented_by(&basic("token:KEY-1")), None);
        assert_eq!(presented_by(&headers("Bearer KEY-1")), None);
        let none = HeaderMap::new();
        assert_eq!(presented(&none, "ttl=3600&auth=license%3AKEY-1").as_deref(), Some("KEY-1"));
        assert_eq!(presented(&none, "token=license:KEY-1").as_deref(), Some("KEY-1"));
        assert_eq!(presented(&none, "auth=KEY-1"), None);
        assert_eq!(presented(&none, ""), None);
    }

    #[test]
    fn codes_are_compared_as_either_side_writes_them() {
        assert_eq!(plain("FEATURE_A"), plain("feature-a"));
    }
}
