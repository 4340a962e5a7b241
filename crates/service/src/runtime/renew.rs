//! Renewal, the hot path: verify what is presented, look up, decide, sign. No write is waited for.
//!
//! What a lease proves stays proved when this node forgets, restarts, or cannot find a row: faults of ours lead to a
//! retry or to a lease, never to a denial. A denial is only signed on what the database says at that moment. Where the
//! database cannot be asked, `continuity` goes on.

use super::{
    activate::{Claimant, DenialOf},
    continuity::Found,
    document::{self, next_seq},
    hot::{HotLicense, HotProduct, HotSeat},
    request::{Device, Nonce, Renew, Renewed},
    touch::Touch,
};
use crate::{Error, ErrorCode, RequestInfo, Result, Service};
use holdfast_domain::{
    Decision, Denial, DeviceHash, Grant, License, LicenseId, ProductId, Seat, SeatId, SeatModel, SeatState, Seconds,
    Timestamp,
    decide::{Jitter, decide_renewal},
    entropy::random_bytes,
};
use holdfast_lease::{Expectations, Keyring, Lease, PublicKey, Refusal, renewal_proof_message, verify};
use std::sync::{Arc, atomic::Ordering};

/// A lease that was presented and verified.
pub(super) struct Presented {
    pub lease: Lease,
    pub seat: SeatId,
    pub license: LicenseId,
    pub device: DeviceHash,
    /// Whether the document proves anything on its own. One signed by a revoked key does not: it only names a seat.
    pub proven: bool,
}

impl Presented {
    fn new(lease: Lease, proven: bool) -> Result<Self> {
        match (lease.seat.parse(), lease.sub.parse(), lease.dev.parse()) {
            (Ok(seat), Ok(license), Ok(device)) => Ok(Self { lease, seat, license, device, proven }),
            _ => Err(unverifiable("claims")),
        }
    }

    /// Whether the lease still gives rights: it has not ended, or something remains of it after its end.
    fn runs(&self, now: Timestamp) -> bool {
        now.seconds() <= self.lease.exp || self.lease.fb.is_some()
    }

    /// The seat as the lease alone describes it, for one whose row is gone.
    pub(super) fn seat_row(&self, now: Timestamp) -> Seat {
        Seat {
            id: self.seat,
            license: self.license,
            device: self.device,
            user: None,
            state: SeatState::Active,
            seq: self.lease.seq,
            device_key: self
                .lease
                .dpk
                .as_deref()
                .and_then(|key| PublicKey::from_b64u(key).ok())
                .map(PublicKey::to_bytes),
            borrowed_until: None,
            lease_ends_at: Timestamp::from(self.lease.soft),
            claimed_at: now.min(Timestamp::from(self.lease.iat)),
        }
    }
}

fn unverifiable(why: &str) -> Error {
    Error::new(ErrorCode::LeaseUnverifiable).with_detail(format_args!("refused: {why}"))
}

impl Service {
    /// Signs the next lease of the seat that the presented one names (HTTP API, `renew`).
    ///
    /// Fails with [`ErrorCode::LeaseUnverifiable`] where the document is not one of this product's,
    /// [`ErrorCode::ProofInvalid`] where the device's signature is wanting, a code with a signed denial where the license
    /// or the seat is refused, and retryably otherwise.
    pub async fn renew(&self, product: ProductId, input: Renew, from: &RequestInfo) -> Result<Renewed> {
        let hot = self.signing_product(product).await?;
        let (hot, presented) = self.verify_presented(hot, &input.lease).await?;
        let jitter = Jitter(u16::from_be_bytes(random_bytes(self.entropy())));
        let mut confirmed = false;
        let lease = loop {
            let found = match self.seat_and_license(&hot, &presented).await {
                // A "no" that could not be confirmed is none, and no reason for a lease either.
                Err(error) if error.is_outage() && !confirmed => {
                    break self.carry_on(&hot, &presented, None, &input, jitter)?;
                }
                found => found?,
            };
            if !found.current {
                break self.carry_on(&hot, &presented, Some((&found.seat, &found.license)), &input, jitter)?;
            }
            check_proof(&found.seat.seat, &presented, &input)?;
            match self.next_step(&hot, &presented, &found, &input, jitter)? {
                Step::Signed(lease) => break lease,
                Step::Lapsed => break self.renew_lapsed(&hot, &found.license, &presented, &input.nonce, from).await?,
                // What is remembered may be outdated, and a "no" needs to be true: ask the database itself.
                Step::Denied(..) if found.stored && !confirmed => {
                    self.state().hot.drop_seat(presented.seat);
                    self.state().hot.drop_license(found.license.id);
                    confirmed = true;
                }
                Step::Denied(denial, device, now) => {
                    let seq = self.denial_seq(&hot, Some(&found.seat.seat), &device, presented.lease.seq, now);
                    let loses = (device == presented.device && presented.runs(now)).then_some(presented.seat);
                    let of = DenialOf { license: found.license.id, seat: Some(presented.seat), device, seq, loses };
                    return Err(self.denied(&hot, &of, &denial, &input.nonce, now));
                }
            }
        };
        self.state().tally.renewed(hot.vendor, self.now());
        Ok(Renewed { lease, keys: hot.manifest_newer_than(input.manifest_seq) })
    }

    /// What follows for a seat whose rows are known: a signed lease, or what has to be done before there can be one.
    fn next_step(
        &self,
        product: &HotProduct,
        presented: &Presented,
        found: &Rows,
        input: &Renew,
        jitter: Jitter,
    ) -> Result<Step> {
        let Rows { seat, license, stored, .. } = found;
        let device = input.device.as_ref().map_or(presented.device, |device| device.hash);
        // From the reading of the clock on, so that nobody believes everything signed before a later moment to be written.
        let _signing = self.state().continuity.signing();
        let now = self.now();
        let granted = match decide_renewal(license, &seat.seat, &device, presented.lease.exp, now, jitter) {
            Decision::Grant(grant) => grant,
            Decision::Deny(denial) => return Ok(Step::Denied(denial, device, now)),
        };
        let vouched = self.state().continuity.vouched();
        if *stored && has_lapsed(license, seat, presented, now, (vouched, self.bounds().floating)) {
            return Ok(Step::Lapsed);
        }
        self.sign_lease(product, license, seat, &granted, presented, input).map(Step::Signed)
    }

    /// Signs the lease that `grant` describes and leaves the seat's touch to be written.
    fn sign_lease(
        &self,
        product: &HotProduct,
        license: &License,
        seat: &HotSeat,
        grant: &Grant,
        presented: &Presented,
        input: &Renew,
    ) -> Result<String> {
        let now = Timestamp::from(grant.issued);
        let seq = seat.claim_seq(|known| next_seq(presented.lease.seq, known, now));
        let claims = document::lease_claims(product, license, &seat.seat, grant, seq, self.entropy());
        let token = document::sign(&claims, product)?;
        seat.extend_lease(grant.soft);
        let said = |text: fn(&Device) -> &Option<String>| input.device.as_ref().and_then(|device| text(device).clone());
        self.state().touches.put(Touch {
            seat: seat.seat.id,
            vendor: product.vendor,
            seq,
            denial_seq: 0,
            seen_at: self.now(),
            lease_ends_at: Timestamp::from(grant.soft),
            hard_stop_at: Timestamp::from(grant.exp),
            app_version: said(|device| &device.app_version),
            platform: said(|device| &device.platform),
            continuity: 0,
        });
        Ok(token)
    }

    /// Renews a floating seat whose lease has ended: another device may be taking the place at this very moment, so the
    /// seat is confirmed in a transaction, under the lock of its license.
    async fn renew_lapsed(
        &self,
        product: &HotProduct,
        license: &License,
        presented: &Presented,
        nonce: &Nonce,
        from: &RequestInfo,
    ) -> Result<String> {
        let claimant = Claimant::returning(Device::new(presented.device));
        let answer = self.claim_seat(product, license.id, claimant, nonce, from, None).await?;
        Ok(answer.lease)
    }

    /// Verifies a presented lease with all issuing keys of the product. A key that is not known may be a new one: the
    /// product is then read again, at most once in five seconds.
    pub(super) async fn verify_presented(
        &self,
        product: Arc<HotProduct>,
        token: &str,
    ) -> Result<(Arc<HotProduct>, Presented)> {
        match read_lease(&product, token) {
            Err(Refusal::KidUnknown) if self.now().since(product.loaded_at) >= Seconds(5) => {
                self.state().hot.drop_product(product.product);
                let product = self.hot_product(product.product).await?;
                let presented = read_lease(&product, token).map_err(|refusal| unverifiable(refusal.code()))?;
                Ok((product, Presented::new(presented.0, presented.1)?))
            }
            Err(refusal) => Err(unverifiable(refusal.code())),
            Ok((lease, proven)) => Ok((product, Presented::new(lease, proven)?)),
        }
    }

    /// The seat and license that a presented lease is about.
    async fn seat_and_license(&self, product: &HotProduct, presented: &Presented) -> Result<Rows> {
        if let Some(Found { value: (seat, license), current }) =
            self.hot_seat(product, presented.seat, presented.license).await?
        {
            // Without proof by the document, the row must agree with it in everything that is hard to guess.
            if !presented.proven && (seat.seat.device, seat.seat.license) != (presented.device, presented.license) {
                return Err(unverifiable("key_use"));
            }
            return Ok(Rows { seat, license, stored: true, current });
        }
        // The row is gone, as after a restored backup. The document is the state: while it is alive, it stands.
        let now = self.now();
        if !presented.proven || now.seconds() > presented.lease.exp {
            return Err(unverifiable("seat"));
        }
        self.state().unknown_seats.fetch_add(1, Ordering::Relaxed);
        let license = self.hot_license(product, presented.license).await?.ok_or_else(|| lost(presented))?;
        if license.product != product.product {
            return Err(unverifiable("product"));
        }
        tracing::warn!(seat = %presented.seat, license = %license.id, "renewed a seat that the database does not have");
        let counter = self.state().hot.counter(presented.seat, presented.lease.seq);
        let seat = Arc::new(HotSeat::new(presented.seat_row(now), counter));
        Ok(Rows { seat, license, stored: false, current: true })
    }
}

/// The rows that a presented lease is about.
struct Rows {
    seat: Arc<HotSeat>,
    license: Arc<HotLicense>,
    /// Whether the seat is a row of the database, and not only what the lease says.
    stored: bool,
    /// Whether they are what the database says, and not only what this node remembers of it.
    current: bool,
}

/// What comes of a renewal whose rows are known.
enum Step {
    Signed(String),
    /// A floating seat whose lease has ended: it has to be confirmed in a transaction.
    Lapsed,
    Denied(Denial, DeviceHash, Timestamp),
}

/// Whether this is a floating seat whose lease has ended, by everything this node and the presented lease know; or one that
/// this node must not renew on its own, because others no longer wait for what it says: it has vouched for a later moment
/// than the lease's end, by a clock that was set back since, or it has not been able to vouch for longer than `alone`.
fn has_lapsed(
    license: &License,
    seat: &HotSeat,
    presented: &Presented,
    now: Timestamp,
    (vouched, alone): (Option<Timestamp>, Seconds),
) -> bool {
    let ends = seat.lease_ends_at().max(presented.lease.soft);
    let unheard = vouched.is_some_and(|vouched| vouched.seconds() > ends || now.since(vouched) > alone);
    license.terms.seat_model == SeatModel::Floating && (now.seconds() > ends || unheard)
}

/// A license that a verified lease names is not in the database: our loss, so the client is asked to come back later.
fn lost(presented: &Presented) -> Error {
    tracing::error!(license = %presented.license, seat = %presented.seat, "the license of a verified lease is missing");
    Error::new(ErrorCode::Unavailable).with_retry_after(Seconds::HOUR)
}

fn read_lease(product: &HotProduct, token: &str) -> Result<(Lease, bool), Refusal> {
    let read =
        |keyring: &Keyring| verify::<Lease>(token.as_bytes(), keyring, Expectations::product(&product.product_text));
    match (read(&product.keyring), &product.revoked) {
        (Err(Refusal::KeyUse), Some(revoked)) => read(revoked).map(|lease| (lease, false)),
        (result, _) => result.map(|lease| (lease, true)),
    }
}

/// Where the seat has a key of its device's, the renewal must be signed by it.
pub(super) fn check_proof(seat: &Seat, presented: &Presented, input: &Renew) -> Result<()> {
    let named = || presented.lease.dpk.as_deref().and_then(|key| PublicKey::from_b64u(key).ok());
    let key = match &seat.device_key {
        Some(bytes) => Some(PublicKey::from_bytes(bytes).map_err(Error::internal)?),
        None => named(),
    };
    let Some(key) = key else { return Ok(()) };
    let message = renewal_proof_message(input.nonce.as_str(), &input.lease);
    let proven = input.proof.is_some_and(|proof| key.verify_strict(&message, &proof.0));
    if proven { Ok(()) } else { Err(Error::new(ErrorCode::ProofInvalid).with_pointer("/proof")) }
}
