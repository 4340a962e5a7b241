//! Computers without a network: what an application wrote down for somebody to carry here is answered here, for licenses of
//! one's own, and the answer is carried back.
//!
//! A request is what the application would have sent itself (client library, "offline"): `HF1.` and base64url of the product,
//! the call and its body. A release carries the lease that the device has given up: that is its proof.

use super::{
    CustomerActor, CustomerCall,
    licenses::{absent, is_own, own},
};
use crate::{
    Error, ErrorCode, Result, Service,
    admin::act::job,
    runtime::{Activate, Release, Renew},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use holdfast_domain::{Email, LicenseId, LicenseKey, PortalAct, ProductId, SeatModel, Timestamp};
use holdfast_store::{WriteOptions, licenses, portal_sessions};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

/// What every request begins with.
const PREFIX: &str = "HF1.";
/// The longest request that is looked at, in characters.
const LONGEST: usize = 16 << 10;

#[derive(Deserialize)]
struct Request {
    product: ProductId,
    call: Kind,
    body: Value,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Activate,
    Renew,
    Release,
}

/// What whoever carries a request says to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chosen {
    /// The license that the computer is to use.
    pub license: Option<LicenseId>,
    /// Who works at it.
    pub user: Option<Email>,
}

/// What a computer without a network was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answered {
    /// A lease.
    Lease,
    /// That it may not: signed, so that the application believes it.
    Denied,
    /// Its seat is free; there is nothing to carry back.
    Released,
}

/// The answer for a computer without a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfflineAnswer {
    /// What it is.
    pub what: Answered,
    /// What the device calls itself, where it says so.
    pub device: Option<String>,
    /// What is carried back: JSON, as the application takes it in. Empty where there is nothing.
    pub document: String,
    /// The same as single documents, in the order in which they are taken in: for QR codes, which hold less.
    pub parts: Vec<String>,
    /// When it was given.
    pub at: Timestamp,
}

impl Request {
    fn parse(text: &str) -> Option<Self> {
        let encoded: String = text.trim().strip_prefix(PREFIX)?.split_whitespace().collect();
        let request: Self = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(encoded).ok()?).ok()?;
        request.body.is_object().then_some(request)
    }

    /// The body as what the call takes.
    fn body<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_value(self.body.clone()).map_err(|_| unreadable())
    }

    /// The license that the presented lease is of. Nothing follows from it before the lease is verified.
    fn license(&self) -> Option<LicenseId> {
        let payload = self.body.get("lease")?.as_str()?.split('.').nth(1)?;
        let claims: Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
        claims.get("sub")?.as_str()?.parse().ok()
    }

    fn device(&self) -> Option<String> {
        let name = self.body.get("device")?.get("name")?.as_str()?;
        let clean: String = name.chars().filter(|c| !c.is_control()).take(100).collect();
        Some(clean.trim().to_owned()).filter(|name| !name.is_empty())
    }
}

fn unreadable() -> Error {
    let detail = "This is no offline request. It is one line that begins with HF1. and is written by the application.";
    Error::invalid("/request", detail)
}

impl Service {
    /// Answers what the application on a computer without a network has written down, and keeps the answer in the session of
    /// whoever asks until the next one. An activation without a key is for the license that was chosen, and one that names
    /// nobody, of a license whose seats belong to people, for the person.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidRequest`] for what is no request, and for an activation that names no license, or nobody where
    /// seats belong to people;
    /// [`ErrorCode::NotFound`] for licenses that are not one's own; and whatever the call itself fails with, all but a signed
    /// denial, which is an answer.
    pub async fn answer_offline(&self, call: &CustomerCall, text: &str, chosen: Chosen) -> Result<OfflineAnswer> {
        call.actor.require(PortalAct::SeatsWrite)?;
        let request = if text.len() > LONGEST { None } else { Request::parse(text) }.ok_or_else(unreadable)?;
        let answered = match request.call {
            Kind::Activate => {
                let activate = self.with_own_key(call, &request, chosen).await?;
                let done = self.activate(request.product, activate, &call.from).await;
                done.map(|done| (Answered::Lease, Some(done.lease), done.keys))
            }
            Kind::Renew => {
                self.own_lease(call, &request).await?;
                let renewed = self.renew(request.product, request.body::<Renew>()?, &call.from).await;
                renewed.map(|done| (Answered::Lease, Some(done.lease), done.keys))
            }
            Kind::Release => {
                self.own_lease(call, &request).await?;
                let released = self.release(request.product, request.body::<Release>()?, &call.from).await;
                released.map(|()| (Answered::Released, None, None))
            }
        };
        let (what, document, parts) = match answered {
            Ok((Answered::Released, ..)) => (Answered::Released, String::new(), Vec::new()),
            Ok((what, lease, keys)) => {
                // Whatever verifies the lease comes before it.
                let parts = keys.iter().chain(&lease).cloned().collect();
                (what, json!({ "lease": lease, "keys": keys }).to_string(), parts)
            }
            Err(Error { denial: Some(denial), .. }) => {
                (Answered::Denied, json!({ "denial": denial }).to_string(), vec![denial])
            }
            Err(error) => return Err(error),
        };
        let answer = OfflineAnswer { what, device: request.device(), document, parts, at: self.now() };
        let kept = serde_json::to_string(&answer).map_err(Error::internal)?;
        let session = call.actor.session_hash();
        let keep = job!(kept => |tx| portal_sessions::keep_answer(tx, session, &kept).await);
        self.store().write(WriteOptions::default().idempotent(), keep).await?;
        Ok(answer)
    }

    /// What was last answered in the session of whoever asks.
    pub async fn offline_answer(&self, actor: &CustomerActor) -> Result<Option<OfflineAnswer>> {
        actor.require(PortalAct::SeatsWrite)?;
        let kept = portal_sessions::answer(&mut self.store().patient_reader(), actor.session_hash()).await?;
        kept.map(|kept| serde_json::from_str(&kept).map_err(Error::internal)).transpose()
    }

    /// An activation with the key of a license of one's own: of the one whose key it has, or of `license`.
    async fn with_own_key(&self, call: &CustomerCall, request: &Request, chosen: Chosen) -> Result<Activate> {
        let (mut reader, scope) = (self.store().patient_reader(), call.actor.scope());
        let row = if let Some(key) = request.body.get("key").and_then(Value::as_str) {
            let mut found = None;
            if let Ok(key) = LicenseKey::parse(key) {
                for hash in self.vault()?.key_hashes(&key) {
                    let rows = licenses::by_key_hash_anywhere(&mut reader, scope, hash).await?;
                    found = found.or_else(|| rows.into_iter().find(|row| is_own(&call.actor, row)));
                }
            }
            found.ok_or_else(absent)?
        } else {
            let license = chosen.license.ok_or_else(|| {
                Error::invalid("/license", "The request names no license. Choose the one that the computer is to use.")
            })?;
            own(&mut reader, &call.actor, license).await?
        };
        if row.license.product != request.product {
            return Err(Error::invalid("/license", "This license is for another product than the request."));
        }
        let mut body = request.body.clone();
        body["key"] = json!(self.open_key(row.license.id, &row.key_sealed)?);
        if matches!(row.license.terms.seat_model, SeatModel::NamedUser { .. }) && !body["user"].is_string() {
            let user = chosen.user.ok_or_else(|| {
                Error::invalid("/user", "The seats of this license belong to people. Say who works at the computer.")
            })?;
            body["user"] = json!(user);
        }
        serde_json::from_value(body).map_err(|_| unreadable())
    }

    /// That the presented lease is of a license of one's own; that it is a lease at all, the call verifies.
    async fn own_lease(&self, call: &CustomerCall, request: &Request) -> Result<()> {
        let license = request.license().ok_or_else(unreadable)?;
        let row = own(&mut self.store().patient_reader(), &call.actor, license).await?;
        if row.license.product == request.product { Ok(()) } else { Err(Error::new(ErrorCode::NotFound)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(value: &Value) -> String {
        format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(value.to_string()))
    }

    #[test]
    fn requests_are_read_and_nothing_else_is() {
        let product = ProductId::from_bytes([1; 16]);
        let lease = format!(
            "a.{}.c",
            BASE64_URL_SAFE_NO_PAD.encode(json!({ "sub": LicenseId::from_bytes([2; 16]) }).to_string())
        );
        let good = json!({ "product": product, "call": "renew", "body": { "lease": lease, "device": { "name": " Lab\u{7}1 " } } });
        let text = request(&good);
        let (start, end) = text.split_at(20);
        let read = Request::parse(&format!(" {start}\r\n{end}\n")).unwrap();
        assert_eq!((read.product, read.license()), (product, Some(LicenseId::from_bytes([2; 16]))));
        assert_eq!(read.device().as_deref(), Some("Lab1"));
        for bad in [
            json!({ "product": product, "call": "validate", "body": {} }),
            json!({ "product": "../x", "call": "renew", "body": {} }),
            json!({ "product": product, "call": "renew", "body": [] }),
        ] {
            assert!(Request::parse(&request(&bad)).is_none(), "{bad}");
        }
        for bad in ["", "HF1.", "HF1.!!", "HF2.e30", "a.b.c"] {
            assert!(Request::parse(bad).is_none(), "{bad}");
        }
    }
}
