//! Keygen's resources, as JSON:API documents.

use crate::api::time;
use axum::http::StatusCode;
use holdfast_domain::{DenialCode, EntitlementCode, SeatModel, Timestamp};
use holdfast_service::runtime::gateway::{Gateway, Holding, Place, uuid};
use serde_json::{Value, json};

/// What an authorised request, or a license, is about.
pub struct Shape<'a> {
    /// Whose clients ask.
    pub gateway: &'a Gateway,
    /// Their license.
    pub holding: &'a Holding,
    /// Its key, as the client sent it.
    pub key: &'a str,
}

fn date(at: Timestamp) -> String {
    time::format(at).replace('Z', ".000Z")
}

fn link(kind: &str, id: Option<String>) -> Value {
    json!({ "data": id.map(|id| json!({ "type": kind, "id": id })) })
}

impl Shape<'_> {
    /// What the license is known by.
    pub fn license_id(&self) -> String {
        uuid(self.holding.license.id.to_bytes())
    }

    fn is_floating(&self) -> bool {
        matches!(self.holding.license.terms.seat_model, SeatModel::Floating)
    }

    fn account(&self) -> Value {
        let own = || uuid(self.gateway.vendor().to_bytes());
        link("accounts", Some(self.gateway.settings().account.clone().unwrap_or_else(own)))
    }

    fn product(&self) -> Value {
        let own = || uuid(self.gateway.product().to_bytes());
        link("products", Some(self.gateway.settings().product.clone().unwrap_or_else(own)))
    }

    /// The license.
    pub fn license(&self) -> Value {
        let Holding { license, now, denial, .. } = self.holding;
        let plan = self.gateway.settings().plans.get(&license.plan_code).cloned();
        let policy = plan.unwrap_or_else(|| uuid(license.plan.to_bytes()));
        let status = match denial {
            Some(DenialCode::Expired) => "EXPIRED",
            Some(_) => "SUSPENDED",
            None => "ACTIVE",
        };
        let owner = license.customer.map(|customer| uuid(customer.to_bytes()));
        json!({
            "id": self.license_id(),
            "type": "licenses",
            "attributes": {
                "name": null,
                "key": self.key,
                "expiry": license.expires_at.map(date),
                "status": status,
                "uses": 0,
                "suspended": status == "SUSPENDED",
                // Such keys carry what they were signed over with them.
                "scheme": self.key.starts_with("key/").then_some("ED25519_SIGN"),
                "encrypted": false,
                "strict": false,
                "floating": license.terms.seats > 1,
                "protected": false,
                "version": null,
                "maxMachines": license.terms.seats,
                "maxProcesses": null,
                "maxUsers": null,
                "maxCores": null,
                "maxMemory": null,
                "maxDisk": null,
                "maxUses": null,
                "requireHeartbeat": self.is_floating(),
                "requireCheckIn": false,
                "lastValidated": date(*now),
                "lastCheckIn": null,
                "nextCheckIn": null,
                "lastCheckOut": null,
                "permissions": null,
                "metadata": {},
                "created": date(license.created_at),
                "updated": date(license.created_at),
            },
            "relationships": {
                "account": self.account(),
                "product": self.product(),
                "policy": link("policies", Some(policy)),
                "group": link("groups", None),
                "owner": link("users", owner),
                "machines": { "meta": { "cores": 0, "count": self.holding.seats_used } },
            },
        })
    }

    /// A machine. What it is identified by is not kept: without `fingerprint`, which its client has sent, it is the hash.
    pub fn machine(&self, place: &Place, fingerprint: Option<&str>) -> Value {
        let lease = self.holding.license.terms.lease;
        let (duration, next) =
            if self.is_floating() { (Some(lease.0), Some(date(place.last_seen.plus(lease)))) } else { (None, None) };
        json!({
            "id": uuid(place.id.to_bytes()),
            "type": "machines",
            "attributes": {
                "fingerprint": fingerprint.map_or_else(|| place.device.to_string(), str::to_owned),
                "cores": null,
                "memory": null,
                "disk": null,
                "ip": null,
                "hostname": place.name,
                "platform": place.platform,
                "name": place.name,
                "requireHeartbeat": self.is_floating(),
                "heartbeatStatus": if self.is_floating() { "ALIVE" } else { "NOT_STARTED" },
                "heartbeatDuration": duration,
                "lastHeartbeat": self.is_floating().then(|| date(place.last_seen)),
                "nextHeartbeat": next,
                "maxProcesses": null,
                "lastCheckOut": null,
                "metadata": {},
                "created": date(place.claimed_at),
                "updated": date(place.last_seen),
            },
            "relationships": {
                "account": self.account(),
                "product": self.product(),
                "group": link("groups", None),
                "license": link("licenses", Some(self.license_id())),
                "owner": link("users", None),
            },
        })
    }

    /// The entitlements of the license.
    pub fn entitlements(&self) -> Vec<Value> {
        let license = &self.holding.license;
        let entitlement = |code: &EntitlementCode| {
            let code = code.as_str();
            json!({
                "id": format!("{}-{code}", self.license_id()),
                "type": "entitlements",
                "attributes": {
                    "name": code,
                    "code": code,
                    "metadata": {},
                    "created": date(license.created_at),
                    "updated": date(license.created_at),
                },
                "relationships": { "account": self.account() },
            })
        };
        license.entitlements_at(self.holding.now).keys().map(entitlement).collect()
    }

    /// A license file that holds `certificate`.
    pub fn file(&self, certificate: &str, algorithm: &str, contents: &Value, included: &[&str]) -> Value {
        let meta = &contents["meta"];
        json!({ "data": {
            "id": super::nameless(),
            "type": "license-files",
            "attributes": {
                "certificate": certificate,
                "algorithm": algorithm,
                "includes": included,
                "ttl": meta["ttl"],
                "expiry": meta["expiry"],
                "issued": meta["issued"],
            },
            "relationships": {
                "account": self.account(),
                "license": link("licenses", Some(self.license_id())),
            },
        } })
    }

    /// What a license file says, for so many seconds.
    pub fn contents(&self, ttl: i64, included: &[&str]) -> Value {
        let now = self.holding.now;
        let until = now.plus(holdfast_domain::Seconds(ttl));
        let included = if included.is_empty() { Vec::new() } else { self.entitlements() };
        json!({
            "meta": { "issued": date(now), "expiry": date(until), "ttl": ttl },
            "data": self.license(),
            "included": included,
        })
    }
}

/// An answer to a validation.
pub fn validation(now: Timestamp, (detail, code): (&str, &str), sent: &Value, data: &Value) -> Value {
    let mut meta = json!({ "ts": date(now), "valid": code == "VALID", "detail": detail, "code": code });
    meta["scope"] = sent.get("scope").filter(|scope| scope.is_object()).cloned().unwrap_or_else(|| json!({}));
    if let Some(nonce) = sent.get("nonce").filter(|nonce| nonce.is_number()) {
        meta["nonce"] = nonce.clone();
    }
    json!({ "data": data, "meta": meta })
}

/// An error.
pub fn error(status: StatusCode, detail: &str, code: Option<&str>, source: Option<(&str, &str)>) -> Value {
    let title = match status {
        StatusCode::UNAUTHORIZED => "Unauthorized",
        StatusCode::FORBIDDEN => "Access denied",
        StatusCode::NOT_FOUND => "Not found",
        StatusCode::UNPROCESSABLE_ENTITY => "Unprocessable resource",
        StatusCode::TOO_MANY_REQUESTS => "Too many requests",
        status if status.is_client_error() => "Bad request",
        _ => "Internal server error",
    };
    let mut error = json!({ "title": title, "detail": detail });
    if let Some(code) = code {
        error["code"] = code.into();
    }
    if let Some((kind, place)) = source {
        error["source"] = json!({ kind: place });
    }
    json!({ "meta": { "id": crate::api::request::Current::get().id }, "errors": [error] })
}
