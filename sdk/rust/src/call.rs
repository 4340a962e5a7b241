//! What is asked of the server, and what its answers come to.

use crate::core::{Applied, Core, lock};
use crate::device::{self, OwnKey, random};
use crate::error::{CallError, TakenSeat};
use crate::record::claims;
use crate::transport::{Answer, Ask, Failure, HttpReply, Reply, SeatEffect};
use base64::prelude::*;
use holdfast_lease::classify::classify;
use holdfast_lease::client::{Action, Effect, Event, Keep, NetworkFault, Outcome, Request, Standing};
use holdfast_lease::{SigningKey, renewal_proof_message};
use serde_json::{Value, json};

/// What a person asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act<'a> {
    Activate { key: &'a str, user: Option<&'a str> },
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
        let result = self.carry_out(act);
        self.save_if_wanted();
        self.wake();
        result
    }

    fn carry_out(&self, act: Act<'_>) -> Result<Standing, CallError> {
        if matches!(act, Act::Release | Act::Refresh)
            && self.with_record(|record, _| record.state.lease.is_none()) == Some(true)
        {
            return match act {
                Act::Release => Ok(self.standing()),
                _ => Err(CallError::NotActivated),
            };
        }
        let first = self.ask_for(act)?;
        if let Action::FetchManifest { .. } = &first.applied.action {
            self.fetch_manifest(first.vendor().as_deref());
            return self.ask_for(act)?.result(act);
        }
        first.result(act)
    }

    fn ask_for(&self, act: Act<'_>) -> Result<Answered, CallError> {
        let question = self.question(act, true).map_err(CallError::NoAnswer)?;
        self.put(&question).ok_or_else(|| CallError::NoAnswer("no endpoint".to_owned()))
    }

    /// Puts a question to the endpoints until an answer settles it. An attempt counts once: every signed answer is taken
    /// in, and where there was none, the weightiest of the others. `None` only where there is nobody to ask.
    fn put(&self, question: &Question) -> Option<Answered> {
        match question.ask.seat {
            SeatEffect::Claims => self.transport.wait_until_over(SeatEffect::GivesUp),
            SeatEffect::GivesUp => self.transport.wait_until_over(SeatEffect::Claims),
            SeatEffect::None => {}
        }
        let mut race = self.race(self.course(!question.of_another), &question.ask);
        let mut signed = None;
        let mut silence: Option<(Answer, Outcome)> = None;
        while let Some(answer) = race.answer() {
            let outcome = question.outcome(&answer.reply);
            if let Outcome::Busy { retry_after: Some(asked), .. } = &outcome {
                lock(&self.patience).note(&answer.endpoint, *asked, self.clock.running());
            }
            if question.is_answered_by(&outcome) {
                let answered = self.take_in(question, answer, outcome);
                if answered.is_settled(question) {
                    return Some(answered);
                }
                signed.get_or_insert(answered);
            } else {
                let heard = (answer, outcome);
                let (kept, dropped) = match silence.take() {
                    Some(before) if weight(&before.1) >= weight(&heard.1) => (before, Some(heard)),
                    before => (heard, before),
                };
                silence = Some(kept);
                if let Some((answer, _)) = dropped {
                    self.report_reply(&answer);
                }
            }
            // The background has time: what failed at once is tried again when the retry clock says so.
            if !question.awaited && !race.is_on() {
                break;
            }
        }
        self.remember_best(None);
        signed.or_else(|| silence.map(|(answer, outcome)| self.take_in(question, answer, outcome)))
    }

    /// Lets the decision function judge an answer.
    fn take_in(&self, question: &Question, answer: Answer, outcome: Outcome) -> Answered {
        if let Reply::Failed(_) = &answer.reply {
            self.report_reply(&answer);
        }
        let applied = if question.of_another && outcome == Outcome::Done {
            // Another device's seat: nothing about this one changes.
            Applied { standing: self.standing(), action: Action::Nothing, effects: Vec::new() }
        } else {
            let (request, nonce) = (question.request, question.nonce.clone());
            self.apply(&Event::Answer { request, nonce, outcome: outcome.clone() })
        };
        let verified = |effect: &Effect| {
            matches!(effect, Effect::LeaseStored | Effect::DenialStored { .. } | Effect::ManifestStored)
        };
        if applied.effects.iter().any(verified) {
            self.remember_best(Some(&answer));
        }
        Answered { applied, reply: answer.reply, outcome }
    }

    /// The request of an act, and how the decision function calls it.
    fn question(&self, act: Act<'_>, awaited: bool) -> Result<Question, String> {
        let nonce = nonce().map_err(|error| error.to_string())?;
        let product = &self.product;
        let path = |call: &str| format!("/v1/products/{product}/{call}");
        let (request, seat, path, body) = match act {
            Act::Activate { key, user } => {
                (Request::Activate, SeatEffect::Claims, path("activate"), self.activation(Some(key), user, &nonce)?)
            }
            Act::Trial => {
                let body =
                    json!({"device": self.described_device()?, "nonce": nonce, "manifest_seq": self.manifest_seq()});
                (Request::Trial, SeatEffect::Claims, path("trials"), body)
            }
            Act::Release => {
                let lease = self.with_record(|record, _| record.state.lease.clone()).flatten().unwrap_or_default();
                let body = json!({"lease": lease, "nonce": nonce});
                (Request::Release, SeatEffect::GivesUp, path("release"), body)
            }
            Act::Refresh => (Request::Renew, SeatEffect::None, path("renew"), self.renewal(&nonce)?),
            Act::FreeSeat { key, seat } => {
                if !is_plain_id(seat) {
                    return Err("a seat's id has letters, digits and _ only".to_owned());
                }
                let body = json!({"key": key, "nonce": nonce});
                (Request::Activate, SeatEffect::None, path(&format!("seats/{seat}/release")), body)
            }
        };
        let ask = Ask { path, body: Some(without_nulls(body).to_string()), seat };
        let of_another = matches!(act, Act::FreeSeat { .. });
        Ok(Question { request, nonce, ask, awaited, of_another })
    }

    /// The body of an activation; one that is carried by hand may get its key and its person on the way.
    pub(crate) fn activation(&self, key: Option<&str>, user: Option<&str>, nonce: &str) -> Result<Value, String> {
        Ok(without_nulls(json!({
            "key": key,
            "user": user,
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

    /// The background's renewal of the stored lease.
    pub(crate) fn renew(&self) {
        let _turn = lock(&self.calling);
        let answered = self.question(Act::Refresh, false).ok().and_then(|question| self.put(&question));
        match answered {
            Some(Answered { applied: Applied { action: Action::FetchManifest { .. }, .. }, .. }) => {
                self.fetch_manifest(None);
            }
            Some(_) => {}
            // The attempt counts although nobody could be asked.
            None => self.failed(Request::Renew),
        }
        self.save_if_wanted();
    }

    /// Fetches the vendor's key manifest. `hint` names the vendor where nothing stored does; it decides only which
    /// address is asked, not what is believed.
    pub(crate) fn fetch_manifest(&self, hint: Option<&str>) {
        let vendor = self
            .with_record(|record, standing| {
                let named = standing.manifest.as_ref().map(|manifest| manifest.iss.clone());
                let leased = standing.lease.as_ref().map(|lease| lease.iss.clone());
                named.or(leased).or_else(|| issuer(record.state.lease.as_deref()?))
            })
            .flatten()
            .or_else(|| hint.map(str::to_owned))
            .filter(|vendor| is_plain_id(vendor));
        let request = Request::Manifest;
        let answered = vendor.and_then(|vendor| {
            let ask = Ask { path: format!("/v1/vendors/{vendor}/keys"), body: None, seat: SeatEffect::None };
            self.put(&Question { request, nonce: String::new(), ask, awaited: true, of_another: false })
        });
        if answered.is_none() {
            self.failed(request);
        }
        self.save_if_wanted();
    }

    fn failed(&self, request: Request) {
        let outcome = Outcome::Network { fault: NetworkFault::Unreachable };
        self.apply(&Event::Answer { request, nonce: String::new(), outcome });
    }
}

/// A request with everything that its answers are judged by.
struct Question {
    request: Request,
    nonce: String,
    ask: Ask,
    /// Whether somebody waits for it.
    awaited: bool,
    /// Whether it is about another device's seat.
    of_another: bool,
}

impl Question {
    /// The outcome that the decision function knows a reply by. Documents about another device's seat are none of ours.
    fn outcome(&self, reply: &Reply) -> Outcome {
        match outcome(reply) {
            Outcome::Documents(_) if self.of_another => {
                Outcome::Refused { status: 403, code: Some("denied".to_owned()) }
            }
            other => other,
        }
    }

    /// Whether the decision function is to judge this outcome for itself.
    fn is_answered_by(&self, outcome: &Outcome) -> bool {
        match outcome {
            Outcome::Documents(_) => true,
            Outcome::Done => self.of_another || self.request == Request::Release,
            other => self.is_refused_by(other),
        }
    }

    /// Whether whoever waits is told so at once, although it is not signed: a licensing server's own refusal, its wish not
    /// to be asked again, wherever, and a proxy that stands before all of them.
    fn is_refused_by(&self, outcome: &Outcome) -> bool {
        let final_word = match outcome {
            Outcome::Refused { code, .. } => code.is_some(),
            Outcome::Busy { status, .. } => *status == 429,
            Outcome::ProxyAuthentication => true,
            _ => false,
        };
        self.awaited && final_word
    }
}

/// What the failures of an attempt weigh: the one that tells most is taken for all of them.
fn weight(outcome: &Outcome) -> (u8, i64) {
    match outcome {
        Outcome::Network { .. } => (0, 0),
        Outcome::Tls => (1, 0),
        Outcome::NotOurs { .. } | Outcome::Done => (2, 0),
        Outcome::Refused { .. } => (3, 0),
        Outcome::ProxyAuthentication => (4, 0),
        Outcome::Busy { retry_after, .. } => (5, retry_after.map_or(-1, |seconds| seconds.0)),
        Outcome::Documents(_) => (6, 0),
    }
}

/// A call that came to an end.
struct Answered {
    applied: Applied,
    reply: Reply,
    outcome: Outcome,
}

impl Answered {
    /// Whether no other endpoint's answer is of interest any more.
    fn is_settled(&self, question: &Question) -> bool {
        question.is_refused_by(&self.outcome)
            || (question.of_another && self.outcome == Outcome::Done)
            || self.applied.effects.iter().any(|effect| match effect {
                Effect::LeaseStored | Effect::DenialStored { .. } | Effect::Released => true,
                Effect::ManifestStored | Effect::Unchanged => question.request == Request::Manifest,
                // Asking others would not help, but a newer manifest or a newer application does.
                Effect::Kept(keep) => matches!(keep, Keep::UnknownKey | Keep::UpdateNeeded),
            })
    }

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
