//! Activation: claims a seat for a device, in one transaction, and signs its first lease.

use super::{
    document::{self, About, denial_claims, error_code, lease_claims, next_seq},
    hot::HotProduct,
    request::{Activate, Activated, Device, Nonce, SeatView},
    touch::Touch,
};
use crate::{Error, ErrorCode, RequestInfo, Result, Service, error::TakenSeat};
use holdfast_domain::{
    Denial, DenialCode, DeviceHash, Email, EventId, Grant, License, LicenseId, ProductId, Reason, Seat, SeatId,
    SeatModel, SeatState, Seconds, Timestamp,
    decide::{Jitter, decide_license, grant},
    entropy::random_bytes,
};
use holdfast_store::{
    NewChange, NewEvent, Tx, WriteOptions,
    changes::ChangeKind,
    licenses::LicenseRow,
    seats::{self, Claim, ClaimRequest, Claimed, Locked, SeatRow},
};
use std::sync::{Arc, atomic::Ordering};

/// Whom a denial is about.
pub(super) struct DenialOf {
    pub license: LicenseId,
    pub seat: Option<SeatId>,
    pub device: DeviceHash,
    pub seq: i64,
    /// The seat whose rights end with it: the device's own, while what it holds for it still runs.
    pub loses: Option<SeatId>,
}

impl DenialOf {
    /// A denial about `license` for `device`, whose seat is `row` where it has one.
    pub fn new(license: LicenseId, row: Option<&SeatRow>, device: DeviceHash, seq: i64, now: Timestamp) -> Self {
        let loses = row.filter(|row| row.seat.device == device && row.offline_until >= now).map(|row| row.seat.id);
        Self { license, seat: row.map(|row| row.seat.id), device, seq, loses }
    }
}

/// Who asks for a seat of a license.
#[derive(Clone)]
pub(crate) struct Claimant {
    pub device: Device,
    pub user: Option<Email>,
    pub borrow: Option<Seconds>,
    /// Whether only a seat that the device still has will do.
    pub returning: bool,
    /// The hash of the license key that was presented, which must be the license's to this moment.
    pub key: Option<[u8; 32]>,
}

impl Claimant {
    /// A device that asks for the seat it has, if it still has it.
    pub fn returning(device: Device) -> Self {
        Self { device, user: None, borrow: None, returning: true, key: None }
    }
}

/// What came of a claim, as its transaction saw it.
pub(super) enum Outcome {
    /// The license is gone.
    Gone,
    /// The license must not be used.
    Denied(Box<(Arc<LicenseRow>, Option<SeatRow>, Denial)>),
    /// The store's answer, the license it was given on, and the lease to be signed.
    Answered(Box<(Arc<LicenseRow>, Grant, i64, Claim)>),
}

impl Outcome {
    fn is_unsettled(&self) -> bool {
        matches!(self, Self::Answered(answer) if matches!(answer.3, Claim::Unsettled))
    }
}

/// Where an act came from, for its events.
#[derive(Clone)]
pub(crate) struct Origin {
    pub address: String,
    pub request: String,
}

impl Origin {
    pub fn of(from: &RequestInfo) -> Self {
        Self {
            address: from.address.map(|address| address.to_string()).unwrap_or_default(),
            request: from.request_id.clone(),
        }
    }
}

impl Service {
    /// Claims a seat for a device (HTTP API, `activate`). The same device again gets its own seat back.
    ///
    /// Fails with [`ErrorCode::LicenseNotFound`] for every key that is not one of this product's,
    /// [`ErrorCode::SeatLimitReached`] or [`ErrorCode::DeviceLimitReached`] with the seats in the way,
    /// [`ErrorCode::UserRequired`], a code with a signed denial where the license is refused, and retryably otherwise.
    pub async fn activate(&self, product: ProductId, input: Activate, from: &RequestInfo) -> Result<Activated> {
        let hot = self.signing_product(product).await?;
        let found = self.license_id_by_key(&hot, &input.key).await?;
        let (license, key) = found.ok_or_else(|| Error::new(ErrorCode::LicenseNotFound))?;
        let claimant = Claimant {
            device: input.device,
            user: input.user,
            borrow: input.borrow_seconds.map(|seconds| Seconds(i64::from(seconds))),
            returning: false,
            key: Some(key),
        };
        let keys = hot.manifest_newer_than(input.manifest_seq);
        self.claim_seat(&hot, license, claimant, &input.nonce, from, keys).await
    }

    /// Claims a seat of that license and signs its lease.
    pub(crate) async fn claim_seat(
        &self,
        product: &HotProduct,
        license: LicenseId,
        claimant: Claimant,
        nonce: &Nonce,
        from: &RequestInfo,
        keys: Option<String>,
    ) -> Result<Activated> {
        let now = self.now();
        let (scope, device, origin) = (product.scope, claimant.device.hash, Origin::of(from));
        let key = claimant.key;
        let jitter = Jitter(u16::from_be_bytes(random_bytes(self.entropy())));
        let mut settled = false;
        let outcome = loop {
            let (service, claimant, origin) = (self.clone(), claimant.clone(), origin.clone());
            let outcome = self
                .store()
                .write(WriteOptions::claim(license, device), move |tx| {
                    let (service, claimant, origin) = (service.clone(), claimant.clone(), origin.clone());
                    Box::pin(async move {
                        let locked = seats::lock(tx, scope, license, &claimant.device.hash).await?;
                        match locked.filter(|locked| key.is_none_or(|key| key == locked.license.key_hash)) {
                            Some(locked) => {
                                claim_locked(&service, tx, &locked, &claimant, (now, jitter), &origin).await
                            }
                            None => Ok::<_, Error>(Outcome::Gone),
                        }
                    })
                })
                .await?;
            // What this node itself has not written yet may be all that is in the way.
            if settled || !outcome.is_unsettled() {
                break outcome;
            }
            settled = true;
            self.settle().await?;
        };
        if let (Outcome::Gone, Some(key)) = (&outcome, key) {
            self.state().hot.drop_key((product.product, key));
        }
        self.answer_claim(product, outcome, device, nonce, now, keys)
    }

    /// What a claim's outcome is answered with.
    pub(super) fn answer_claim(
        &self,
        product: &HotProduct,
        outcome: Outcome,
        device: DeviceHash,
        nonce: &Nonce,
        now: Timestamp,
        keys: Option<String>,
    ) -> Result<Activated> {
        match outcome {
            Outcome::Gone => Err(Error::new(ErrorCode::LicenseNotFound)),
            Outcome::Denied(denied) => {
                let (license, seat, denial) = *denied;
                let seq = self.denial_seq(product, seat.as_ref().map(|row| &row.seat), &device, 0, now);
                let of = DenialOf::new(license.license.id, seat.as_ref(), device, seq, now);
                Err(self.denied(product, &of, &denial, nonce, now))
            }
            Outcome::Answered(answer) => {
                let (license, grant, seq, claim) = *answer;
                if matches!(claim, Claim::LimitReached(_)) {
                    self.note_turned_away(&license.license);
                }
                let claimed = granted(claim)?;
                for seat in claimed.reclaimed.iter().chain([&claimed.seat.seat.id]) {
                    self.state().hot.drop_seat(*seat);
                }
                let claims = lease_claims(product, &license.license, &claimed.seat.seat, &grant, seq, self.entropy());
                let lease = document::sign(&claims, product)?;
                Ok(Activated { lease, seat: view(claimed.seat), keys, again: claimed.again })
            }
        }
    }

    /// The number of the next lease of a seat, or of a device's first one.
    fn lease_seq(&self, seat: Option<&Seat>, now: Timestamp) -> i64 {
        match seat {
            Some(seat) => self.state().hot.counter(seat.id, seat.seq).claim(|known| next_seq(0, known, now)),
            // Above the number of a denial that the device got in this second, while it had no seat.
            None => next_seq(now.seconds().0, 0, now),
        }
    }

    /// The number of the next denial for `device`: the seat's next one, left to be written down, so that the lease that
    /// overcomes it is greater, whichever node signs it. A device that only shows another one's lease takes no number of
    /// that one's seat: nobody counts somebody else's documents up.
    pub(super) fn denial_seq(
        &self,
        product: &HotProduct,
        seat: Option<&Seat>,
        device: &DeviceHash,
        presented: i64,
        now: Timestamp,
    ) -> i64 {
        let Some(seat) = seat.filter(|seat| seat.device == *device) else {
            return next_seq(presented, seat.map_or(0, |seat| seat.seq), now);
        };
        let seq = self.state().hot.counter(seat.id, seat.seq).claim(|known| next_seq(presented, known, now));
        self.state().touches.put(Touch::denial(seat.id, product.vendor, seq));
        seq
    }

    /// The error that carries the signed denial. Where that cannot be signed, the error that says so: a "no" without a
    /// signature is none.
    pub(super) fn denied(
        &self,
        product: &HotProduct,
        of: &DenialOf,
        denial: &Denial,
        nonce: &Nonce,
        now: Timestamp,
    ) -> Error {
        if let Err(stopped) = self.may_deny(product, of, now) {
            return stopped;
        }
        let settings = self.settings();
        let help = settings
            .help_url
            .clone()
            .or_else(|| settings.endpoints.first().map(|base| format!("{}/help", base.trim_end_matches('/'))))
            .filter(|help| help.starts_with("https://"));
        let about = About {
            license: of.license,
            seat: of.seat,
            device: of.device,
            nonce: nonce.as_str(),
            seq: of.seq,
            help: help.as_deref(),
        };
        let claims = denial_claims(product, &about, (denial.code, denial.effective), now, self.entropy());
        match document::sign(&claims, product) {
            Ok(token) => {
                self.state().denials.fetch_add(1, Ordering::Relaxed);
                Error::new(error_code(denial.code)).with_denial(token)
            }
            Err(error) => error,
        }
    }
}

/// Decides on and claims a seat of a locked license.
pub(super) async fn claim_locked(
    service: &Service,
    tx: &mut Tx,
    locked: &Locked,
    claimant: &Claimant,
    (now, jitter): (Timestamp, Jitter),
    origin: &Origin,
) -> Result<Outcome> {
    let license = &locked.license.license;
    let denied = |denial| Outcome::Denied(Box::new((Arc::clone(&locked.license), locked.seat.clone(), denial)));
    // What is announced for later does not hold yet.
    if let Some(denial) = decide_license(license, now).filter(|denial| denial.effective <= now.seconds()) {
        return Ok(denied(denial));
    }
    let has_seat = locked.seat.as_ref().is_some_and(|row| row.seat.state == SeatState::Active);
    if claimant.returning && !has_seat {
        let reason = Reason { code: DenialCode::Released, effective: now.seconds() };
        return Ok(Denial::of(vec![reason]).map_or(Outcome::Gone, denied));
    }
    let floating = license.terms.seat_model == SeatModel::Floating;
    let borrowed_until = claimant
        .borrow
        .filter(|span| floating && span.0 > 0)
        .map(|span| now.plus(span.min(license.terms.borrow)))
        .filter(|until| *until > now);
    let grant = grant(license, borrowed_until, now, jitter);
    let seq = service.lease_seq(locked.seat.as_ref().map(|row| &row.seat), now);
    let device = &claimant.device;
    let request = ClaimRequest {
        new_id: SeatId::new(now, service.entropy()),
        device: device.hash,
        user: claimant.user.clone(),
        name: device.name.as_deref().and_then(|name| name.parse().ok()),
        platform: device.platform.clone(),
        app_version: device.app_version.clone(),
        device_key: device.public_key.map(|key| key.0.to_bytes()),
        borrowed_until,
        seq,
        lease_ends_at: Timestamp::from(grant.soft),
        offline_until: Timestamp::from(grant.exp),
        region: service.region().map(str::to_owned),
        now,
        reclaim: service.reclaim(license.terms.lease),
    };
    let claim = seats::claim(tx, locked, &request).await?;
    if let Claim::Claimed(claimed) = &claim {
        record(service, tx, locked, claimed, now, origin);
    }
    Ok(Outcome::Answered(Box::new((Arc::clone(&locked.license), grant, seq, claim))))
}

/// Appends what a claim did to the audit log, and to the change feed where other nodes may remember a row it changed.
fn record(service: &Service, tx: &mut Tx, locked: &Locked, claimed: &Claimed, now: Timestamp, origin: &Origin) {
    let license = &locked.license.license;
    let note = Note { service, license, now, origin };
    for seat in &claimed.reclaimed {
        note.event(tx, "seat.reclaimed", *seat, serde_json::json!({"license": license.id}));
        note.change(tx, *seat);
    }
    let seat = &claimed.seat.seat;
    let differs = |known: &SeatRow| {
        let known = &known.seat;
        (known.state, &known.user, known.device_key, known.borrowed_until)
            != (seat.state, &seat.user, seat.device_key, seat.borrowed_until)
    };
    if locked.seat.as_ref().is_some_and(differs) {
        note.change(tx, seat.id);
    }
    if !claimed.again {
        let data = serde_json::json!({"license": license.id, "device": claimed.seat.name, "user": seat.user,
            "seats_used": claimed.seats_used, "over_limit": claimed.over_limit});
        note.event(tx, "seat.claimed", seat.id, data);
    }
    if claimed.over_limit {
        // Somebody of the vendor must decide whether to sell more: of its own, so that it can be looked for.
        let data = serde_json::json!({"seats": license.terms.seats, "seats_used": claimed.seats_used});
        note.event_about(tx, "license.overdrawn", license.id.to_string(), data);
    }
}

/// What an event or change of a license's seat has in common with the others of its act.
pub(super) struct Note<'a> {
    pub service: &'a Service,
    pub license: &'a License,
    pub now: Timestamp,
    pub origin: &'a Origin,
}

impl Note<'_> {
    /// Appends an event by the license's holder about one of its seats.
    pub fn event(&self, tx: &mut Tx, action: &'static str, seat: SeatId, data: serde_json::Value) {
        self.event_about(tx, action, seat.to_string(), data);
    }

    /// Appends an event by the license's holder.
    pub fn event_about(&self, tx: &mut Tx, action: &'static str, subject: String, data: serde_json::Value) {
        tx.event(NewEvent {
            id: EventId::new(self.now, self.service.entropy()),
            vendor: self.license.vendor,
            at: self.now,
            actor: holdfast_domain::Actor::Customer(self.license.customer),
            action,
            subject,
            data,
            origin: self.origin.address.clone(),
            request: self.origin.request.clone(),
        });
    }

    /// Tells every node that a seat has changed.
    pub fn change(&self, tx: &mut Tx, seat: SeatId) {
        tx.change(NewChange {
            vendor: self.license.vendor,
            product: Some(self.license.product),
            kind: ChangeKind::Seat,
            subject: seat.to_bytes(),
            at: self.now,
        });
    }
}

fn granted(claim: Claim) -> Result<Claimed> {
    match claim {
        Claim::Claimed(claimed) => Ok(claimed),
        Claim::LimitReached(seats) => Err(Error::new(ErrorCode::SeatLimitReached).with_seats(taken(seats))),
        Claim::DeviceLimitReached(seats) => Err(Error::new(ErrorCode::DeviceLimitReached).with_seats(taken(seats))),
        Claim::UserRequired => Err(Error::new(ErrorCode::UserRequired).with_pointer("/user")),
        Claim::Unsettled => {
            let why = "every place is taken, and whether some have been given up will be known in a moment";
            Err(Error::new(ErrorCode::Unavailable).with_detail(why).with_retry_after(Seconds(2)))
        }
    }
}

fn taken(seats: Vec<SeatRow>) -> Vec<TakenSeat> {
    seats
        .into_iter()
        .map(|row| TakenSeat {
            id: row.seat.id,
            name: row.name.map(|name| name.as_str().to_owned()),
            last_seen: row.last_seen_at,
        })
        .collect()
}

fn view(row: SeatRow) -> SeatView {
    SeatView {
        id: row.seat.id,
        license: row.seat.license,
        name: row.name.map(|name| name.as_str().to_owned()),
        user: row.seat.user,
        claimed_at: row.seat.claimed_at,
        borrowed_until: row.seat.borrowed_until,
    }
}
