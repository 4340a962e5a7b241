//! What each outcome of a call does to the stored state.

use super::{
    Bad, Documents, Effect, Jitter, Keep, MANIFEST_INTERVAL, NotOurs, Outcome, Request, Setup, State, stored::Stored,
    time,
};
use crate::{
    claims::{Denial, Document, Lease},
    keyring::Keyring,
    refusal::Refusal,
    verify::{Expectations, verify, verify_manifest},
};
use holdfast_domain::{Seconds, UnixSeconds};

/// A `Retry-After` beyond this is not a request for patience but nonsense, and is ignored.
const HUGE_RETRY: Seconds = Seconds::days(31);

/// After a lease was accepted, the next call is at least this far away, whatever its `ren` says.
const SHORTEST_PAUSE: Seconds = Seconds(30);

pub(super) struct Answer<'a> {
    pub setup: Setup<'a>,
    pub state: &'a mut State,
    pub stored: &'a mut Stored,
    pub now: UnixSeconds,
    pub jitter: Jitter,
    pub effects: Vec<Effect>,
}

impl Answer<'_> {
    /// Takes the outcome of a call in. Returns whether the key manifest is to be fetched now.
    pub fn take(&mut self, request: Request, nonce: &str, outcome: &Outcome) -> bool {
        let mut asked = None;
        let keep = match outcome {
            Outcome::Documents(documents) => return self.documents(request, nonce, documents),
            Outcome::Done if request == Request::Release => {
                self.release();
                return false;
            }
            Outcome::Done => Keep::NotOurs { how: NotOurs::Empty },
            Outcome::Network { fault } => Keep::Network { fault: *fault },
            Outcome::Tls => Keep::Tls,
            Outcome::NotOurs { why } => Keep::NotOurs { how: *why },
            Outcome::Busy { status, retry_after } => {
                asked = retry_after.filter(|asked| (0..=HUGE_RETRY.0).contains(&asked.0));
                Keep::Busy { status: *status }
            }
            Outcome::Refused { status, code } => Keep::Refused { status: *status, code: code.clone() },
            Outcome::ProxyAuthentication => Keep::ProxyAuthentication,
        };
        self.keep(keep);
        self.try_later(request, asked);
        false
    }

    fn keep(&mut self, why: Keep) {
        if matches!(why, Keep::Bad { .. }) {
            self.state.bad_answers = self.state.bad_answers.saturating_add(1);
        }
        self.effects.push(Effect::Kept(why));
    }

    /// A background call that brought nothing moves the retry clock; one that the user started only moves on to the
    /// next endpoint.
    fn try_later(&mut self, request: Request, asked: Option<Seconds>) {
        match request {
            Request::Renew | Request::Manifest => time::retry(self.state, self.now, asked, self.jitter),
            Request::Activate | Request::Trial | Request::Release => {
                self.state.endpoint = self.state.endpoint.wrapping_add(1);
            }
            Request::Offline => {}
        }
    }

    fn documents(&mut self, request: Request, nonce: &str, documents: &Documents) -> bool {
        // The manifest first: it may name the key of the lease that came with it.
        if let Some(token) = &documents.keys {
            self.manifest(token);
        }
        if let Some(token) = &documents.lease {
            self.lease(token, request);
        }
        if let Some(token) = &documents.denial {
            self.denial(token, nonce);
        }
        if self.effects.is_empty() {
            self.keep(Keep::NotOurs { how: NotOurs::NoDocument });
        }

        let has = |effect: &Effect| self.effects.contains(effect);
        let settled = has(&Effect::LeaseStored)
            || self.effects.iter().any(|effect| matches!(effect, Effect::DenialStored { .. }));
        if settled {
            return false;
        }
        if request == Request::Manifest && has(&Effect::ManifestStored) {
            // What was unknown may be known now: try again at once.
            self.state.next = Some(self.now);
            return false;
        }
        let unknown = has(&Effect::Kept(Keep::UnknownKey));
        self.try_later(request, None);
        unknown && request != Request::Manifest && self.may_ask_for_manifest()
    }

    fn may_ask_for_manifest(&self) -> bool {
        self.state.manifest_asked.is_none_or(|asked| self.now.since(asked) >= MANIFEST_INTERVAL)
    }

    fn refuse(&mut self, refusal: Refusal) {
        let why = match refusal {
            Refusal::KidUnknown => Keep::UnknownKey,
            Refusal::Version => {
                self.state.update_needed = true;
                Keep::UpdateNeeded
            }
            refusal => Keep::Bad { bad: Bad::Refusal { refusal } },
        };
        self.keep(why);
    }

    fn manifest(&mut self, token: &str) {
        let manifest = match verify_manifest(token.as_bytes(), self.setup.roots) {
            Ok(manifest) => manifest,
            // A manifest by an unknown root cannot be cured by fetching it again.
            Err(Refusal::KidUnknown) => {
                self.keep(Keep::Bad { bad: Bad::Refusal { refusal: Refusal::KidUnknown } });
                return;
            }
            Err(refusal) => {
                self.refuse(refusal);
                return;
            }
        };
        match self.stored.manifest.as_ref().map(|stored| manifest.seq.cmp(&stored.seq)) {
            Some(std::cmp::Ordering::Less) => {
                self.keep(Keep::Bad { bad: Bad::Older });
                return;
            }
            Some(std::cmp::Ordering::Equal) => {
                self.effects.push(Effect::Unchanged);
                return;
            }
            _ => {}
        }
        let keyring = Keyring::from_manifest(&manifest);
        if self.outlives(&keyring) {
            self.state.lease_manifest = None;
        } else {
            // A revoked key ends no running entitlement: keep what verifies the documents until newer ones are here.
            if self.state.lease_manifest.is_none() {
                self.state.lease_manifest = self.state.manifest.take();
            }
            self.state.next = Some(self.now);
        }
        self.state.manifest = Some(token.to_owned());
        time::observe(self.state, manifest.iat);
        self.stored.keyring = keyring;
        self.stored.manifest = Some(manifest);
        // With the new keys, a stored lease that could not be read may be readable.
        *self.stored = Stored::load(self.setup, self.state);
        self.effects.push(Effect::ManifestStored);
    }

    /// Whether the stored documents that are in use verify under other keys, too.
    fn outlives(&self, keyring: &Keyring) -> bool {
        let sound = |used: bool, token: &Option<String>, is_lease: bool| match token {
            Some(token) if used && is_lease => verify::<Lease>(token.as_bytes(), keyring, self.expect()).is_ok(),
            Some(token) if used => verify::<Denial>(token.as_bytes(), keyring, self.expect()).is_ok(),
            _ => true,
        };
        sound(self.stored.lease.is_some(), &self.state.lease, true)
            && sound(self.stored.denial.is_some(), &self.state.denial, false)
    }

    /// What every document of this client has to say, whichever license it is for.
    fn expect(&self) -> Expectations<'_> {
        Expectations::product(self.setup.product).device(self.setup.device)
    }

    fn lease(&mut self, token: &str, request: Request) {
        let stored = self.stored.lease.as_ref();
        let license = stored.filter(|_| request == Request::Renew).map(|lease| lease.sub.as_str());
        let expect = Expectations { license, ..self.expect() };
        let lease: Lease = match verify(token.as_bytes(), &self.stored.keyring, expect) {
            Ok(lease) => lease,
            Err(refusal) => {
                self.refuse(refusal);
                return;
            }
        };
        if stored == Some(&lease) {
            self.effects.push(Effect::Unchanged);
        } else if self.is_newer(&lease, request) {
            self.store_lease(token, lease);
        } else {
            self.keep(Keep::Bad { bad: Bad::Older });
        }
    }

    /// Whether a lease may replace what is stored: a greater `seq` and no older `iat`.
    ///
    /// `seq` counts the documents of one seat. Where the user activated another license, and so got another seat, the two
    /// numbers cannot be compared, and the server's time decides alone. A denial of a device that had no seat names its
    /// license only.
    fn is_newer(&self, lease: &Lease, request: Request) -> bool {
        let may_differ = request != Request::Renew;
        let after = |license: &str, seat: Option<&str>, seq: i64, iat: UnixSeconds| {
            let another_seat = license != lease.sub || seat.is_some_and(|seat| seat != lease.seat);
            lease.iat >= iat && (lease.seq > seq || (may_differ && another_seat))
        };
        let after_lease = self.stored.lease.as_ref().is_none_or(|it| after(&it.sub, Some(&it.seat), it.seq, it.iat));
        let after_denial =
            self.stored.denial.as_ref().is_none_or(|it| after(&it.sub, it.seat.as_deref(), it.seq, it.iat));
        after_lease && after_denial
    }

    fn store_lease(&mut self, token: &str, lease: Lease) {
        time::observe(self.state, lease.iat);
        let state = &mut *self.state;
        state.lease = Some(token.to_owned());
        state.lease_manifest = None;
        state.denial = None;
        state.released = None;
        state.failures = 0;
        state.next = Some(lease.ren.max(self.now.plus(SHORTEST_PAUSE)));
        state.endpoint = 0;
        state.update_needed = false;
        state.damaged = false;
        state.notice_day = None;
        self.stored.lease = Some(lease);
        self.stored.lease_refusal = None;
        self.stored.denial = None;
        self.effects.push(Effect::LeaseStored);
    }

    fn denial(&mut self, token: &str, nonce: &str) {
        let stored = self.stored.lease.as_ref();
        let license = stored.map(|lease| lease.sub.as_str());
        let expect = Expectations { license, ..self.expect() };
        let denial: Denial = match verify(token.as_bytes(), &self.stored.keyring, expect) {
            Ok(denial) => denial,
            Err(refusal) => {
                self.refuse(refusal);
                return;
            }
        };
        let older = |seq: i64, iat: UnixSeconds| denial.seq < seq || denial.issued_at() < iat;
        if nonce.is_empty() || denial.nonce != nonce {
            self.keep(Keep::Bad { bad: Bad::Nonce });
        } else if stored.is_some_and(|lease| older(lease.seq, lease.iat))
            || self.stored.denial.as_ref().is_some_and(|stored| older(stored.seq, stored.iat))
        {
            self.keep(Keep::Bad { bad: Bad::Older });
        } else {
            self.store_denial(token, denial);
        }
    }

    fn store_denial(&mut self, token: &str, denial: Denial) {
        time::observe(self.state, denial.iat);
        self.state.denial = Some(token.to_owned());
        self.state.failures = 0;
        self.state.endpoint = 0;
        time::ask_again_later(self.state, self.now, self.jitter);
        self.effects.push(Effect::DenialStored { code: denial.code, eff: denial.eff });
        self.stored.denial = Some(denial);
    }

    /// The user gave the seat up: the lease goes, the knowledge of keys and time stays.
    fn release(&mut self) {
        let state = &mut *self.state;
        state.released = self.stored.lease.as_ref().map(|lease| lease.seq).max(state.released);
        state.lease = None;
        state.lease_manifest = None;
        state.denial = None;
        state.failures = 0;
        state.next = None;
        state.notice_day = None;
        self.stored.lease = None;
        self.stored.lease_refusal = None;
        self.stored.denial = None;
        self.effects.push(Effect::Released);
    }
}
