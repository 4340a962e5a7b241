//! What is asked of the server, and what its answers come to.

use crate::core::{Applied, Core, lock};
use crate::device::{self, OwnKey, random};
use crate::endpoint::Endpoint;
use crate::error::{CallError, TakenSeat};
use crate::events::Report;
use crate::record::claims;
use crate::transport::{Ask, Failure, HttpReply, Reply};
use base64::prelude::*;
use holdfast_lease::classify::classify;
use holdfast_lease::client::{Action, Effect, Event, Keep, NetworkFault, Outcome, Request, Standing};
use holdfast_lease::{SigningKey, renewal_proof_message};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A call that a person waits for tries this many endpoints: each may take ten seconds.
const ENDPOINTS_PER_ACT: usize = 3;

/// What a person asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act<'a> {
    Activate(&'a str),
    Trial,
    Release,
    Refresh,
    FreeSeat { key: &'a str, seat: &'a str },
}

impl Core {
    /// Does what a person asked for and waits for it to be done.
    pub(crate) fn act(&self, act: Act<'_>) -> Result<Standing, CallError> {
        let _turn = lock(&self.calling);
        self.launch();
        let result = self.try_endpoints(act);
        self.save_if_wanted();
        self.wake();
        result
    }

    fn try_endpoints(&self, act: Act<'_>) -> Result<Standing, CallError> {
        if matches!(act, Act::Release | Act::Refresh)
            && self.with_record(|record, _| record.state.lease.is_none()) == Some(true)
        {
            return match act {
                Act::Release => Ok(self.standing()),
                _ => Err(CallError::NotActivated),
            };
        }
        let endpoints = self.endpoints_in_turn();
        let mut last = CallError::NoAnswer("no endpoint".to_owned());
        for endpoint in endpoints.iter().take(ENDPOINTS_PER_ACT) {
            match self.try_endpoint(act, endpoint) {
                Err(error @ (CallError::NoAnswer(_) | CallError::Busy { .. })) => last = error,
                settled => return settled,
            }
        }
        Err(last)
    }

    fn try_endpoint(&self, act: Act<'_>, endpoint: &str) -> Result<Standing, CallError> {
        let first = self.ask_once(act, endpoint)?;
        if let Action::FetchManifest { endpoint } = &first.applied.action {
            self.fetch_manifest(endpoint, first.vendor().as_deref());
            return self.ask_once(act, endpoint)?.result(act);
        }
        first.result(act)
    }

    fn ask_once(&self, act: Act<'_>, endpoint: &str) -> Result<Answered, CallError> {
        let nonce = nonce().map_err(|error| CallError::NoAnswer(error.to_string()))?;
        let (request, ask) = self.build(act, &nonce).map_err(CallError::NoAnswer)?;
        let reply = self.send(endpoint, &ask);
        let mut outcome = outcome(&reply);
        if matches!(act, Act::FreeSeat { .. }) && outcome == Outcome::Done {
            // Another device's seat: nothing about this one changes.
            return Ok(Answered { applied: self.untouched(), reply, outcome });
        }
        if request == Request::Activate && matches!(act, Act::FreeSeat { .. }) {
            outcome = without_documents(outcome);
        }
        let applied = self.apply(&Event::Answer { request, nonce, outcome: outcome.clone() });
        Ok(Answered { applied, reply, outcome })
    }

    fn untouched(&self) -> Applied {
        Applied { standing: self.standing(), action: Action::Nothing, effects: Vec::new() }
    }

    /// The request of an act, and how the decision function calls it.
    fn build(&self, act: Act<'_>, nonce: &str) -> Result<(Request, Ask), String> {
        let product = &self.product;
        let path = |call: &str| format!("/v1/products/{product}/{call}");
        let (request, path, body) = match act {
            Act::Activate(key) => (Request::Activate, path("activate"), self.activation(Some(key), nonce)?),
            Act::Trial => {
                let body =
                    json!({"device": self.described_device()?, "nonce": nonce, "manifest_seq": self.manifest_seq()});
                (Request::Trial, path("trials"), body)
            }
            Act::Release => {
                let lease = self.with_record(|record, _| record.state.lease.clone()).flatten().unwrap_or_default();
                (Request::Release, path("release"), json!({"lease": lease, "nonce": nonce}))
            }
            Act::Refresh => (Request::Renew, path("renew"), self.renewal(nonce)?),
            Act::FreeSeat { key, seat } => {
                if !is_plain_id(seat) {
                    return Err("a seat's id has letters, digits and _ only".to_owned());
                }
                (Request::Activate, path(&format!("seats/{seat}/release")), json!({"key": key, "nonce": nonce}))
            }
        };
        Ok((request, Ask { path, body: Some(without_nulls(body).to_string()) }))
    }

    /// The body of an activation; one that is carried by hand may get its key on the way.
    pub(crate) fn activation(&self, key: Option<&str>, nonce: &str) -> Result<Value, String> {
        Ok(without_nulls(json!({
            "key": key,
            "device": self.described_device()?,
            "nonce": nonce,
            "manifest_seq": self.manifest_seq(),
        })))
    }

    /// The body of a renewal of the stored lease.
    pub(crate) fn renewal(&self, nonce: &str) -> Result<Value, String> {
        let (lease, bound) = self
            .with_record(|record, standing| {
                let bound = standing.lease.as_ref().and_then(|lease| lease.dpk.clone());
                record.state.lease.clone().map(|lease| (lease, bound))
            })
            .flatten()
            .ok_or_else(|| "there is no lease to renew".to_owned())?;
        let proof = match bound {
            None => None,
            Some(public) => self.with_own_key(|key| {
                // The proof of another key would be refused; without one the server says what is the matter.
                (key.public_key().to_b64u() == public)
                    .then(|| BASE64_URL_SAFE_NO_PAD.encode(key.sign_bytes(&renewal_proof_message(nonce, &lease))))
            })?,
        };
        Ok(without_nulls(json!({
            "lease": lease,
            "nonce": nonce,
            "manifest_seq": self.manifest_seq(),
            "proof": proof,
        })))
    }

    fn described_device(&self) -> Result<Value, String> {
        let public_key =
            if self.device.own_key { Some(self.with_own_key(|key| key.public_key().to_b64u())?) } else { None };
        Ok(without_nulls(json!({
            "hash": self.device_hash,
            "name": self.device.name,
            "platform": device::platform(),
            "app_version": self.device.app_version,
            "public_key": public_key,
        })))
    }

    fn with_own_key<T>(&self, look: impl FnOnce(&SigningKey) -> T) -> Result<T, String> {
        let mut guard = lock(&self.own_key);
        if let Some(own) = &*guard {
            return Ok(look(&own.key));
        }
        let own = OwnKey::load(&*self.storage).map_err(|error| format!("the device's own key: {error}"))?;
        Ok(look(&guard.insert(own).key))
    }

    fn manifest_seq(&self) -> Option<i64> {
        self.with_record(|_, standing| standing.manifest.as_ref().map(|manifest| manifest.seq)).flatten()
    }

    /// Every base address, beginning with the one whose turn it is: those of the manifest, then those built in.
    fn endpoints_in_turn(&self) -> Vec<String> {
        let (announced, turn) = self
            .with_record(|record, standing| {
                let announced = standing.manifest.as_ref().and_then(|manifest| manifest.endpoints.clone());
                (announced.unwrap_or_default(), record.state.endpoint)
            })
            .unwrap_or_default();
        let mut seen = BTreeSet::new();
        let mut all: Vec<String> = announced
            .into_iter()
            .filter(|address| address.starts_with("https://"))
            .chain(self.endpoints.iter().cloned())
            .filter(|address| seen.insert(address.clone()))
            .collect();
        if !all.is_empty() {
            let first = usize::try_from(turn).unwrap_or(0) % all.len();
            all.rotate_left(first);
        }
        all
    }

    fn send(&self, endpoint: &str, ask: &Ask) -> Reply {
        let reply = match Endpoint::parse(endpoint, self.allow_plain_http) {
            Ok(endpoint) => self.transport.call(&endpoint, ask),
            Err(error) => Reply::Failed(Failure::Unreachable(error.to_string())),
        };
        if let Reply::Failed(failure) = &reply {
            self.report(&Report::NoAnswer(format!("{endpoint}: {failure}")));
        }
        reply
    }

    /// The background's renewal of the stored lease.
    pub(crate) fn renew(&self, endpoint: &str) {
        let _turn = lock(&self.calling);
        let nonce = nonce().unwrap_or_default();
        let outcome = match self.build(Act::Refresh, &nonce) {
            Ok((_, ask)) if !nonce.is_empty() => outcome(&self.send(endpoint, &ask)),
            _ => Outcome::Network { fault: NetworkFault::Unreachable },
        };
        let applied = self.apply(&Event::Answer { request: Request::Renew, nonce, outcome });
        if let Action::FetchManifest { endpoint } = &applied.action {
            self.fetch_manifest(endpoint, None);
        }
        self.save_if_wanted();
    }

    /// Fetches the vendor's key manifest. `hint` names the vendor where nothing stored does; it decides only which
    /// address is asked, not what is believed.
    pub(crate) fn fetch_manifest(&self, endpoint: &str, hint: Option<&str>) {
        let vendor = self
            .with_record(|record, standing| {
                let named = standing.manifest.as_ref().map(|manifest| manifest.iss.clone());
                let leased = standing.lease.as_ref().map(|lease| lease.iss.clone());
                named.or(leased).or_else(|| issuer(record.state.lease.as_deref()?))
            })
            .flatten()
            .or_else(|| hint.map(str::to_owned))
            .filter(|vendor| is_plain_id(vendor));
        let outcome = match vendor {
            Some(vendor) => {
                outcome(&self.send(endpoint, &Ask { path: format!("/v1/vendors/{vendor}/keys"), body: None }))
            }
            None => Outcome::Network { fault: NetworkFault::Unreachable },
        };
        self.apply(&Event::Answer { request: Request::Manifest, nonce: String::new(), outcome });
        self.save_if_wanted();
    }
}

/// A call that came to an end.
struct Answered {
    applied: Applied,
    reply: Reply,
    outcome: Outcome,
}

impl Answered {
    /// The vendor that the answer's document names, unverified.
    fn vendor(&self) -> Option<String> {
        let Outcome::Documents(documents) = &self.outcome else { return None };
        [&documents.lease, &documents.denial].into_iter().flatten().find_map(|token| issuer(token))
    }

    /// What the person who asked is told.
    fn result(self, act: Act<'_>) -> Result<Standing, CallError> {
        let Self { applied, reply, outcome } = self;
        let Applied { standing, effects, .. } = applied;
        let lease =
            effects.iter().any(|effect| matches!(effect, Effect::LeaseStored | Effect::Unchanged | Effect::Released));
        let denial = effects.iter().any(|effect| matches!(effect, Effect::DenialStored { .. }));
        if lease || (matches!(act, Act::FreeSeat { .. }) && outcome == Outcome::Done) {
            return Ok(standing);
        }
        if denial {
            return match act {
                Act::Refresh => Ok(standing),
                _ => Err(CallError::Denied(Box::new(standing))),
            };
        }
        let kept = |wanted: fn(&Keep) -> bool| {
            effects.iter().any(|effect| matches!(effect, Effect::Kept(keep) if wanted(keep)))
        };
        if kept(|keep| matches!(keep, Keep::ProxyAuthentication)) {
            return Err(CallError::ProxyWantsSignIn);
        }
        if kept(|keep| matches!(keep, Keep::UpdateNeeded)) {
            return Err(CallError::UpdateNeeded);
        }
        match (&outcome, &reply) {
            (_, Reply::Failed(Failure::ProxyWantsSignIn)) => Err(CallError::ProxyWantsSignIn),
            (_, Reply::Failed(failure)) => Err(CallError::NoAnswer(failure.to_string())),
            (Outcome::Busy { status, retry_after }, _) => {
                Err(CallError::Busy { status: *status, retry_after: retry_after.map(|seconds| seconds.0) })
            }
            (Outcome::Refused { status, .. }, Reply::Http(http)) => Err(refusal(*status, http)),
            // A denial that is not for the stored license still explains why this act failed.
            (Outcome::Documents(_), Reply::Http(http)) if http.status >= 400 => Err(refusal(http.status, http)),
            (Outcome::Documents(_), _) => Err(CallError::Unverifiable),
            _ => Err(CallError::NoAnswer("the answer did not come from a licensing server".to_owned())),
        }
    }
}

/// Reads the problem that a server explains a refusal with. Unverified: it is told to the person who asked, and decides
/// nothing.
fn refusal(status: u16, http: &HttpReply) -> CallError {
    let problem: Value = serde_json::from_slice(&http.body).unwrap_or_default();
    let text = |value: &Value| value.as_str().map(|text| text.chars().take(500).collect::<String>());
    let seats = problem["seats"].as_array().map_or_else(Vec::new, |seats| {
        seats
            .iter()
            .filter_map(|seat| {
                let id = text(&seat["id"])?;
                Some(TakenSeat { id, name: text(&seat["name"]), last_seen: text(&seat["last_seen"]) })
            })
            .collect()
    });
    let code = text(&problem["code"]);
    match code.as_deref() {
        Some("license_not_found") => CallError::LicenseNotFound,
        Some("seat_limit_reached") => CallError::SeatLimitReached { seats },
        _ => CallError::Refused { status, code, detail: text(&problem["detail"]).or_else(|| text(&problem["title"])) },
    }
}

/// The outcome that the decision function knows a reply by.
fn outcome(reply: &Reply) -> Outcome {
    match reply {
        // Redirects are not followed, so every answer is of the origin that was asked.
        Reply::Http(http) => {
            classify(http.status, http.content_type.as_deref(), true, http.retry_after.as_deref(), &http.body)
        }
        Reply::Failed(failure) => match failure {
            Failure::Tls(_) => Outcome::Tls,
            Failure::ProxyWantsSignIn => Outcome::ProxyAuthentication,
            Failure::TimedOut | Failure::Busy => Outcome::Network { fault: NetworkFault::Timeout },
            Failure::TooLong => Outcome::Network { fault: NetworkFault::OverlongBody },
            Failure::NameUnknown => Outcome::Network { fault: NetworkFault::Dns },
            Failure::Refused => Outcome::Network { fault: NetworkFault::Refused },
            Failure::Broken(_) => Outcome::Network { fault: NetworkFault::Reset },
            Failure::Unreachable(_) => Outcome::Network { fault: NetworkFault::Unreachable },
        },
    }
}

/// The same outcome for a call whose documents are not for this device.
fn without_documents(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Documents(_) => Outcome::Refused { status: 403, code: None },
        other => other,
    }
}

/// 128 random bits: what a denial must echo.
pub(crate) fn nonce() -> std::io::Result<String> {
    Ok(BASE64_URL_SAFE_NO_PAD.encode(random::<16>()?))
}

/// The claim `iss` of a document, unverified.
fn issuer(token: &str) -> Option<String> {
    claims(token)?["iss"].as_str().map(str::to_owned)
}

/// Whether an id can stand in an address as it is.
pub(crate) fn is_plain_id(id: &str) -> bool {
    !id.is_empty()
        && id.len() <= 64
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

/// The object without its members that are null: the API has absent members, never null ones.
fn without_nulls(mut object: Value) -> Value {
    if let Some(members) = object.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    object
}
