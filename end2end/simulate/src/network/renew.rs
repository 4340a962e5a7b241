//! What a node answers: activation and release in a transaction, renewal mostly without.

use super::{
    node::{Node, Unfinished},
    rules::Mistake,
    scene::{self, PRODUCT},
    wire::{Call, Claim, Query, Rows, Touch},
    world,
};
use holdfast_domain::{
    Decision, DenialCode, Grant, License, LicenseId, SeatId, SeatModel, Seconds, Timestamp,
    continuity::{Proven, carry_on},
    decide,
    decide::{Jitter, grant},
};
use holdfast_lease::{
    Denial, Expectations, Lease, UnixSeconds, claims,
    client::{Documents, NotOurs, Outcome},
    sign, verify,
};

/// A lease that was presented.
struct Presented {
    lease: Lease,
    seat: SeatId,
    license: LicenseId,
    device: usize,
    nonce: String,
    /// The true second at which the call came in.
    came: i64,
}

fn busy() -> Outcome {
    Outcome::Busy { status: 503, retry_after: Some(Seconds(30)) }
}

fn refused(status: u16) -> Outcome {
    Outcome::Refused { status, code: None }
}

impl Node {
    /// Answers a call.
    pub async fn answer(&self, call: Call) -> Outcome {
        let came = world::now();
        match call {
            Call::Activate(device, license, nonce) => self.activate(device, license, nonce, came).await,
            Call::Renew(token, nonce) => match self.read(&token, nonce, came) {
                Some(presented) => self.renew(&presented).await,
                None => refused(400),
            },
            Call::Release(token) => match self.read(&token, String::new(), came) {
                Some(presented) => match self.query(Query::Release(presented.seat, presented.lease.seq)).await {
                    Some(Rows::Done) => Outcome::Done,
                    _ => busy(),
                },
                None => refused(400),
            },
        }
    }

    fn read(&self, token: &str, nonce: String, came: i64) -> Option<Presented> {
        let world = self.world.borrow();
        let lease: Lease = verify(token.as_bytes(), &world.keys.keyring, Expectations::product(PRODUCT)).ok()?;
        let (seat, license): (SeatId, LicenseId) = (lease.seat.parse().ok()?, lease.sub.parse().ok()?);
        let device = usize::from(seat.to_bytes()[15]);
        Some(Presented { lease, seat, license, device, nonce, came })
    }

    async fn activate(&self, device: usize, license: LicenseId, nonce: String, came: i64) -> Outcome {
        if !self.is_fresh() {
            return busy();
        }
        let seat = scene::seat_id(license, device);
        self.claim((device, license, seat), false, None, &nonce, came).await
    }

    /// A seat in a transaction: a new one, or that of a lease that has ended.
    async fn claim(
        &self,
        (device, license, seat): (usize, LicenseId, SeatId),
        returning: bool,
        presented: Option<&Presented>,
        nonce: &str,
        came: i64,
    ) -> Outcome {
        let (now, jitter) = (self.now(), self.jitter());
        let pending = self.pending(license, scene::FLOATING_LEASE);
        let registered = self.memory.borrow().registered;
        let claim = Claim { node: self.index, registered, license, device, returning, now, jitter: jitter.0, pending };
        match self.query(Query::Claim(claim)).await {
            Some(Rows::Claimed(claimed)) => {
                let (row, terms) = *claimed;
                let lease = grant(&terms, None, now, jitter);
                self.memory.borrow_mut().seqs.entry(seat).or_insert(row.seq - 1);
                self.remember(&row, &terms);
                self.sign(presented, (seat, license, device), &lease, 0, row.seq)
            }
            Some(Rows::Full) => refused(409),
            Some(Rows::Denied(code)) => self.deny(code, (seat, license, device), nonce, came, 0),
            _ => busy(),
        }
    }

    async fn renew(&self, presented: &Presented) -> Outcome {
        let now = self.now();
        let ticket = self.world.borrow_mut().serial();
        self.memory.borrow_mut().unfinished.insert(ticket, Unfinished { seat: presented.seat, since: now });
        self.gate().await;
        let outcome = self.next_lease(presented, now).await;
        self.memory.borrow_mut().unfinished.remove(&ticket);
        outcome
    }

    async fn next_lease(&self, presented: &Presented, now: Timestamp) -> Outcome {
        let rules = self.world.borrow().rules;
        let jitter = self.jitter();
        let mut confirmed = false;
        if !self.is_fresh() {
            return self.carry_on(presented, now, jitter);
        }
        loop {
            let remembered = self.memory.borrow().seats.get(&presented.seat).cloned().filter(|_| !confirmed);
            let (seat, license) = match remembered {
                Some(found) => found,
                None => match self.query(Query::Read(presented.seat)).await {
                    Some(Rows::Seat(Some(found))) => {
                        self.remember(&found.0, &found.1);
                        *found
                    }
                    Some(_) => return refused(400),
                    None if rules.makes(Mistake::SilenceDenies) => {
                        let of = (presented.seat, presented.license, presented.device);
                        let (nonce, came) = (&presented.nonce, presented.came);
                        return self.deny(DenialCode::Released, of, nonce, came, presented.lease.seq);
                    }
                    None => return self.carry_on(presented, now, jitter),
                },
            };
            self.gate().await;
            match decide(&license, &seat, &scene::device_hash(presented.device), now, jitter) {
                Decision::Grant(_) if self.needs_transaction(&license, presented, now) => {
                    let of = (presented.device, presented.license, presented.seat);
                    return self.claim(of, true, Some(presented), &presented.nonce, presented.came).await;
                }
                Decision::Grant(grant) => return self.sign_next(presented, &grant, 0),
                Decision::Deny(denial) if confirmed || rules.makes(Mistake::DeniesFromMemory) => {
                    let of = (presented.seat, presented.license, presented.device);
                    return self.deny(denial.code, of, &presented.nonce, presented.came, presented.lease.seq);
                }
                // A "no" needs to be true: ask the database itself.
                Decision::Deny(_) => {
                    self.memory.borrow_mut().seats.remove(&presented.seat);
                    confirmed = true;
                }
            }
        }
    }

    /// Whether a renewal has to be confirmed under the lock of its license.
    fn needs_transaction(&self, license: &License, presented: &Presented, now: Timestamp) -> bool {
        if license.terms.seat_model != SeatModel::Floating {
            return false;
        }
        let rules = self.world.borrow().rules;
        let memory = self.memory.borrow();
        let late = rules.floats_by_writes && now >= memory.settled.plus(rules.bounds.floating);
        drop(memory);
        (self.has_lapsed(presented, now) && !rules.makes(Mistake::RevivesLapsed))
            || late
            || !self.memory.borrow().registered
    }

    /// Whether a lease has ended by the clock of this node, or before the time for which it has vouched.
    fn has_lapsed(&self, presented: &Presented, now: Timestamp) -> bool {
        let rules = self.world.borrow().rules;
        let memory = self.memory.borrow();
        let known = memory.ends.get(&presented.seat).copied().unwrap_or(0);
        let ends = presented.lease.soft.0.max(known);
        let now = if rules.keeps_its_word { now.max(memory.vouched) } else { now };
        now.seconds().0 > ends
    }

    /// The next lease without the database.
    fn carry_on(&self, presented: &Presented, now: Timestamp, jitter: Jitter) -> Outcome {
        let rules = self.world.borrow().rules;
        let lease = &presented.lease;
        let memory = self.memory.borrow();
        let remembered = memory.seats.get(&presented.seat).cloned();
        let no = remembered.and_then(|(seat, license)| {
            match decide(&license, &seat, &scene::device_hash(presented.device), now, jitter) {
                Decision::Deny(denial) => Some(denial.code),
                Decision::Grant(_) => None,
            }
        });
        if let Some(code) = no.filter(|_| rules.makes(Mistake::DeniesFromMemory)) {
            drop(memory);
            let of = (presented.seat, presented.license, presented.device);
            return self.deny(code, of, &presented.nonce, presented.came, lease.seq);
        }
        // What is remembered as denied is not carried on, and not denied either.
        let no = no.is_some() || memory.denied.contains(&presented.license);
        let Some(mut known) = memory.known.filter(|_| !no) else {
            return busy();
        };
        let proven = proven(lease);
        if rules.makes(Mistake::Endless) {
            known = now;
        }
        if proven.may_float() {
            if rules.floats_by_writes && !rules.makes(Mistake::Endless) {
                known = known.min(memory.settled);
            }
            if !memory.floats {
                return busy();
            }
        }
        drop(memory);
        if proven.may_float() && self.has_lapsed(presented, now) {
            return busy();
        }
        match carry_on(&proven, rules.bounds, known, now, jitter) {
            Some((grant, _)) if rules.makes(Mistake::Uncounted) => self.sign_next(presented, &grant, 1),
            Some((grant, in_a_row)) => self.sign_next(presented, &grant, in_a_row),
            None => busy(),
        }
    }

    fn sign_next(&self, presented: &Presented, grant: &Grant, in_a_row: i64) -> Outcome {
        let now = Timestamp::from(grant.issued);
        let seq = {
            let mut memory = self.memory.borrow_mut();
            let row = memory.seats.get(&presented.seat).map_or(0, |(seat, _)| seat.seq);
            let known = memory.seqs.entry(presented.seat).or_insert(0);
            *known = scene::next_seq(presented.lease.seq, row.max(*known), now);
            *known
        };
        let of = (presented.seat, presented.license, presented.device);
        let outcome = self.sign(Some(presented), of, grant, in_a_row, seq);
        let mut memory = self.memory.borrow_mut();
        let touch = Touch { seq, ends: grant.soft.0 };
        let known = memory.touches.entry(presented.seat).or_insert(touch);
        *known = if touch.seq > known.seq { touch } else { *known };
        outcome
    }

    fn sign(
        &self,
        presented: Option<&Presented>,
        (seat, license, device): (SeatId, LicenseId, usize),
        grant: &Grant,
        in_a_row: i64,
        seq: i64,
    ) -> Outcome {
        let mut world = self.world.borrow_mut();
        let lease = Lease {
            v: claims::VERSION,
            iss: "vnd_simulated".to_owned(),
            aud: PRODUCT.to_owned(),
            sub: license.to_string(),
            seat: seat.to_string(),
            jti: format!("lea_{}", world.serial()),
            dev: scene::device_hash(device).to_string(),
            plan: "pro".to_owned(),
            mode: grant.mode,
            ent: claims::entitlements(&grant.entitlements),
            fb: None,
            iat: grant.issued,
            nbf: grant.issued,
            ren: grant.renew,
            soft: grant.soft,
            exp: grant.exp,
            lic: grant.license_end,
            seq,
            dpk: None,
            cont: in_a_row,
        };
        let Ok(token) = sign(&lease, &world.keys.issuing) else { return busy() };
        world.signed(self.index, &lease, presented.map(|it| &it.lease), world::now());
        drop(world);
        let mut memory = self.memory.borrow_mut();
        let ends = memory.ends.entry(seat).or_insert(0);
        *ends = lease.soft.0.max(*ends);
        Outcome::Documents(Documents { lease: Some(token), ..Documents::default() })
    }

    fn deny(
        &self,
        code: DenialCode,
        (seat, license, device): (SeatId, LicenseId, usize),
        nonce: &str,
        came: i64,
        presented: i64,
    ) -> Outcome {
        if self.world.borrow().rules.makes(Mistake::NeverDenies) {
            return busy();
        }
        let now = self.now();
        let seq = {
            let mut memory = self.memory.borrow_mut();
            let known = memory.seqs.entry(seat).or_insert(0);
            *known = scene::next_seq(presented, *known, now);
            *known
        };
        let mut world = self.world.borrow_mut();
        let at: UnixSeconds = now.seconds();
        let denial = Denial {
            v: claims::VERSION,
            iss: "vnd_simulated".to_owned(),
            aud: PRODUCT.to_owned(),
            sub: license.to_string(),
            seat: Some(seat.to_string()),
            jti: format!("den_{}", world.serial()),
            dev: scene::device_hash(device).to_string(),
            iat: at,
            eff: at,
            code,
            nonce: nonce.to_owned(),
            seq,
            help: None,
        };
        world.denied(self.index, code, license, seat, (came, world::now()));
        match sign(&denial, &world.keys.issuing) {
            Ok(token) => Outcome::Documents(Documents { denial: Some(token), ..Documents::default() }),
            Err(_) => Outcome::NotOurs { why: NotOurs::Empty },
        }
    }
}

/// What a presented lease proves.
fn proven(lease: &Lease) -> Proven {
    Proven {
        mode: lease.mode,
        entitlements: holdfast_domain::Entitlements::new(),
        fallback: None,
        issued: lease.iat,
        renew: lease.ren,
        soft: lease.soft,
        exp: lease.exp,
        license_end: lease.lic,
        in_a_row: lease.cont,
        usual: None,
    }
}
