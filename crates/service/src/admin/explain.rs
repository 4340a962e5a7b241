//! Explaining what an application shows, and what it will be answered: from a document that was pasted, or from what is known
//! of a seat, a license, a device or an error. Decided by the code that runs in the application and by the one that answers it;
//! nothing that was asked about is kept or logged.

use super::{
    find::{Finds, key_in},
    seats,
    views::{LicenseView, SeatView},
};
use crate::{
    Call, RequestInfo, Service,
    actor::Actor,
    error::{Error, ErrorCode, Result},
    runtime::error_code,
};
use holdfast_domain::{
    Decision, Denial, DenialCode, DeviceHash, License, LicenseId, Name, Permission, Seat, SeatId, SeatModel, SeatState,
    Timestamp, UnixSeconds,
    decide::{Jitter, Mode, decide_license, decide_renewal, grant},
};
use holdfast_lease::{
    Lease, PublicKey, Refusal, RootKeys, claims,
    classify::classify,
    client::{self, Effect, Event, Keep, Reading, Request, Rule, Setup, Standing, State},
    explain::{Explained, Pasted, explain},
};
use holdfast_store::{
    Querier,
    licenses::{self, LicenseRow},
    manifests, products,
    seats::{self as seat_rows, SeatRow},
    signing_keys::{self, KeyKind, KeyStatus},
};
use serde::Deserialize;

/// How many seats of a license, or of a device, are named.
const NAMED: usize = 50;

/// What was asked about, explained.
#[derive(Clone, Debug)]
pub enum Explanation {
    /// Nothing was asked.
    Nothing,
    /// A document that does not verify: of another vendor, damaged or forged. Nothing else of it is told.
    Refused(Refusal),
    /// How an application stands.
    Device(Box<DeviceExplained>),
    /// A key manifest of the vendor.
    Keys {
        /// Its number.
        seq: i64,
        /// When it was signed.
        issued: UnixSeconds,
        /// How many keys it names.
        keys: usize,
        /// Whether there is no newer one.
        newest: bool,
    },
    /// A revocation list of a product.
    Revocations {
        /// Its number.
        seq: i64,
        /// When it was signed.
        issued: UnixSeconds,
        /// Until when it is good.
        until: UnixSeconds,
        /// How many licenses and seats it names.
        named: (usize, usize),
    },
    /// A license with its devices.
    License(Box<LicenseExplained>),
    /// The seats of one device, on several licenses.
    Seats(Vec<SeatView>),
    /// An error code.
    Code(Box<CodeExplained>),
    /// What the text finds; empty where that is nothing.
    Found(Box<Finds>),
}

/// Where the lease comes from that is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// It was pasted.
    Pasted,
    /// It is the newest one known of the seat, as it must look by what was noted when it was signed.
    Known,
}

/// How an application stands, and what comes.
#[derive(Clone, Debug)]
pub struct DeviceExplained {
    /// Where the lease comes from.
    pub source: Source,
    /// The verdict with its rule, at its moment.
    pub standing: Standing,
    /// The license, where it is known here.
    pub license: Option<LicenseView>,
    /// What its product is called.
    pub product: Option<Name>,
    /// The seat, where it is known here.
    pub seat: Option<SeatView>,
    /// What the server answers when the device next asks.
    pub answer: Answer,
    /// What helps.
    pub cure: Cure,
}

/// What the server answers a device that asks for its next lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A lease or a denial.
    Decided(Decision),
    /// A floating seat whose lease has ended: that there is a place, or none.
    Place {
        /// Whether one is free.
        free: bool,
    },
    /// That its lease cannot be verified: nothing is known of the seat, and the lease has ended.
    Unverifiable,
    /// That it should come back later: the license is not in the database.
    Lost,
}

/// What helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cure {
    /// Nothing needs to be done.
    Nothing,
    /// The license goes on.
    Resume,
    /// The license comes back.
    Reinstate,
    /// The license ends later.
    Extend,
    /// A seat is taken from another device, so that this one can have it.
    FreeSeat,
    /// The device is activated with the key.
    Activate,
    /// The device reaches the server.
    Reach,
    /// The application is updated.
    Update,
}

impl Cure {
    /// What somebody must be allowed to do it here; `None` for what is done on the device.
    pub const fn permission(self) -> Option<Permission> {
        match self {
            Self::Resume | Self::Reinstate => Some(Permission::LicensesStatus),
            Self::Extend => Some(Permission::LicensesExtend),
            Self::FreeSeat => Some(Permission::SeatsRelease),
            Self::Nothing | Self::Activate | Self::Reach | Self::Update => None,
        }
    }
}

/// A license, and how each of its devices stands.
#[derive(Clone, Debug)]
pub struct LicenseExplained {
    /// The license.
    pub license: LicenseView,
    /// What its product is called.
    pub product: Name,
    /// Why nothing may be activated with its key; `None` where it may.
    pub denial: Option<Denial>,
    /// Whether a seat is free.
    pub room: bool,
    /// Its devices, those seen last first, each as its newest lease known makes it stand; at most 50.
    pub devices: Vec<(SeatView, Standing)>,
    /// What helps.
    pub cure: Cure,
}

/// An error code, and what an application makes of it.
#[derive(Clone, Debug)]
pub struct CodeExplained {
    /// The code.
    pub code: String,
    /// What it says.
    pub title: String,
    /// What brings it about; empty where the title says all.
    pub cause: String,
    /// What to do about it; empty where nothing is.
    pub cure: String,
    /// What an application does that is answered so, unsigned; `None` where no application is.
    pub keeps: Option<Keep>,
    /// The reason that a signed denial gives under this code.
    pub denial: Option<DenialCode>,
}

fn absent() -> Error {
    Error::new(ErrorCode::NotFound)
}

/// The newest lease of a seat, by what was noted when it was signed.
fn newest_lease(license: &License, row: &SeatRow) -> Lease {
    let signed = row.last_seen_at;
    let granted = grant(license, row.seat.borrowed_until, signed, Jitter::NONE);
    let (soft, exp) = (row.seat.lease_ends_at.seconds(), row.offline_until.seconds());
    Lease {
        v: claims::VERSION,
        iss: row.vendor.to_string(),
        aud: row.product.to_string(),
        sub: license.id.to_string(),
        seat: row.seat.id.to_string(),
        jti: String::new(),
        dev: row.seat.device.to_string(),
        plan: license.plan_code.to_string(),
        mode: granted.mode,
        ent: claims::entitlements(&granted.entitlements),
        fb: granted.fallback.as_ref().map(claims::entitlements),
        iat: signed.seconds(),
        nbf: signed.seconds().min(soft),
        ren: granted.renew.min(soft),
        soft,
        exp: exp.max(soft),
        lic: granted.license_end,
        seq: row.seat.seq,
        dpk: None,
        cont: 0,
    }
}

/// Whether a seat of the license is free.
const fn has_room(row: &LicenseRow) -> bool {
    row.seats_used < row.license.terms.seat_limit()
}

/// What the server answers a device with this lease at `now`.
fn answer(row: Option<&LicenseRow>, seat: Option<&Seat>, lease: &Lease, now: Timestamp) -> Answer {
    let (Ok(id), Ok(device)) = (lease.seat.parse::<SeatId>(), lease.dev.parse::<DeviceHash>()) else {
        return Answer::Unverifiable;
    };
    let Some(row) = row else { return Answer::Lost };
    // The document is the state: where the seat's row is gone, it stands while it is alive.
    let of_lease = || Seat {
        id,
        license: row.license.id,
        device,
        user: None,
        state: SeatState::Active,
        seq: lease.seq,
        device_key: None,
        borrowed_until: None,
        lease_ends_at: Timestamp::from(lease.soft),
        claimed_at: now.min(Timestamp::from(lease.iat)),
    };
    let seat = match seat {
        Some(seat) => seat.clone(),
        None if now.seconds() > lease.exp => return Answer::Unverifiable,
        None => of_lease(),
    };
    let decision = decide_renewal(&row.license, &seat, &device, lease.exp, now, Jitter::NONE);
    let ended = now.seconds() > seat.lease_ends_at.seconds().max(lease.soft);
    if ended && row.license.terms.seat_model == SeatModel::Floating && matches!(decision, Decision::Grant(_)) {
        return Answer::Place { free: has_room(row) };
    }
    Answer::Decided(decision)
}

/// What helps a device that stands so and is answered so, on a license with `room` for another.
fn cure(standing: &Standing, answer: &Answer, room: bool) -> Cure {
    let activate = if room { Cure::Activate } else { Cure::FreeSeat };
    match answer {
        Answer::Decided(Decision::Deny(denial)) => cure_of(denial.code, activate),
        Answer::Decided(Decision::Grant(grant)) => match standing.rule {
            _ if grant.mode == Mode::Limited => Cure::Extend,
            Rule::Lease => Cure::Nothing,
            _ if standing.update_needed => Cure::Update,
            _ => Cure::Reach,
        },
        Answer::Place { free: true } => Cure::Reach,
        Answer::Place { free: false } => Cure::FreeSeat,
        Answer::Unverifiable => activate,
        Answer::Lost => Cure::Nothing,
    }
}

const fn cure_of(code: DenialCode, activate: Cure) -> Cure {
    match code {
        DenialCode::Revoked => Cure::Reinstate,
        DenialCode::Suspended => Cure::Resume,
        DenialCode::Expired => Cure::Extend,
        DenialCode::Released | DenialCode::DeviceMismatch => activate,
    }
}

/// The member `code` of a problem that was pasted whole, or what was typed.
fn code_in(text: &str) -> String {
    #[derive(Deserialize)]
    struct Problem {
        code: String,
    }
    let code = serde_json::from_str(text).map_or_else(|_| text.to_owned(), |Problem { code }| code);
    code.trim().to_ascii_lowercase()
}

/// A code of an answer, of a denial or of a refused document.
fn explain_code(code: &str, roots: &RootKeys) -> Option<CodeExplained> {
    let denials = [
        DenialCode::Revoked,
        DenialCode::Suspended,
        DenialCode::Expired,
        DenialCode::Released,
        DenialCode::DeviceMismatch,
    ];
    let denial = denials.into_iter().find(|denial| denial.as_str() == code || error_code(*denial).as_str() == code);
    let known = ErrorCode::ALL.iter().copied().find(|known| known.as_str() == code).or(denial.map(error_code));
    if let Some(known) = known {
        let body = serde_json::json!({ "code": known.as_str() }).to_string();
        let outcome = classify(known.status(), Some("application/problem+json"), true, None, body.as_bytes());
        let event = Event::Answer { request: Request::Renew, nonce: String::new(), outcome };
        let setup = Setup { product: "", device: "", roots, endpoints: &[] };
        let reading = Reading { wall: UnixSeconds(0), elapsed: holdfast_domain::Seconds(0) };
        let decision = client::decide(setup, &State::default(), reading, &event, client::Jitter::default());
        let keeps = decision.effects.into_iter().find_map(|effect| match effect {
            Effect::Kept(keep) => Some(keep),
            _ => None,
        });
        return Some(CodeExplained {
            code: code.to_owned(),
            title: known.title().to_owned(),
            cause: known.cause().to_owned(),
            cure: known.cure().to_owned(),
            keeps,
            denial,
        });
    }
    let refusal = Refusal::from_code(code)?;
    Some(CodeExplained {
        code: code.to_owned(),
        title: format!("A document is refused: {refusal}"),
        cause: String::new(),
        cure: String::new(),
        keeps: None,
        denial: None,
    })
}

impl Service {
    /// Explains what `text` is about, at the moment `at` or now: documents, an error code, the id of a seat or a license, a
    /// device's hash, a whole key, alone or among other words; and of anything else that finds one license or one device, that.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] for an id that is unknown and another vendor's alike.
    pub async fn explain(&self, actor: &Actor, text: &str, at: Option<UnixSeconds>) -> Result<Explanation> {
        actor.require(Permission::LicensesRead)?;
        let text = text.trim();
        let at = at.unwrap_or(self.now().seconds());
        if text.is_empty() {
            return Ok(Explanation::Nothing);
        }
        if let Some(pasted) = Pasted::find(text) {
            return self.explain_pasted(actor, &pasted, at).await;
        }
        if let Ok(id) = text.parse::<SeatId>() {
            return self.explain_seat(actor, id, at).await;
        }
        if let Ok(id) = text.parse::<LicenseId>() {
            return self.explain_license(actor, id, at).await;
        }
        let mut reader = self.store().patient_reader();
        if let Ok(device) = text.to_ascii_lowercase().parse::<DeviceHash>() {
            let rows = seat_rows::of_device(&mut reader, actor.scope(), &device, NAMED).await?;
            return match rows.as_slice() {
                [] => Err(absent()),
                [row] => self.explain_seat(actor, row.seat.id, at).await,
                rows => Ok(Explanation::Seats(rows.iter().map(seats::show).collect())),
            };
        }
        let roots = self.roots(actor, &mut reader).await?;
        if let Some(code) = explain_code(&code_in(text), &roots) {
            return Ok(Explanation::Code(Box::new(code)));
        }
        let key = key_in(text);
        let finds = self.find(actor, key.as_deref().unwrap_or(text)).await?;
        match (finds.licenses.as_slice(), finds.seats.as_slice()) {
            ([license], []) => self.explain_license(actor, license.id, at).await,
            ([], [seat]) => self.explain_seat(actor, seat.seat.id, at).await,
            // A license is found by what its devices are called as well.
            ([license], [seat]) if seat.seat.license == license.id => self.explain_seat(actor, seat.seat.id, at).await,
            _ => Ok(Explanation::Found(Box::new(finds))),
        }
    }

    /// The root keys that the vendor's applications pin: the newest active ones.
    async fn roots(&self, actor: &Actor, q: &mut dyn Querier) -> Result<RootKeys> {
        let rows = signing_keys::roots(q, actor.scope()).await?;
        let active = rows.iter().rev().filter(|row| row.kind == KeyKind::Root && row.status == KeyStatus::Active);
        let keys: Vec<PublicKey> = active.filter_map(|row| PublicKey::from_bytes(&row.public_key).ok()).collect();
        match keys.as_slice() {
            [] => Err(Error::internal("a vendor without a root key")),
            [only] => Ok(RootKeys::one(*only)),
            [newest, before, ..] => Ok(RootKeys::two(*newest, *before)),
        }
    }

    /// The newest key manifest that names the key `kid`: that of its product, where products have their own. Empty before
    /// there is any key.
    async fn newest_keys(&self, actor: &Actor, q: &mut dyn Querier, kid: Option<&str>) -> Result<String> {
        let keys = signing_keys::of_vendor(q, actor.scope()).await?;
        let product = keys.iter().find(|key| kid == Some(key.kid.as_str())).and_then(|key| key.product);
        let own = match product {
            Some(product) => manifests::get(q, actor.scope(), Some(product)).await?,
            None => None,
        };
        let row = match own {
            Some(row) => Some(row),
            None => manifests::get(q, actor.scope(), None).await?,
        };
        Ok(row.map(|row| row.token).unwrap_or_default())
    }

    async fn explain_pasted(&self, actor: &Actor, pasted: &Pasted, at: UnixSeconds) -> Result<Explanation> {
        let mut reader = self.store().patient_reader();
        let roots = self.roots(actor, &mut reader).await?;
        let newest = self.newest_keys(actor, &mut reader, pasted.kid().as_deref()).await?;
        let standing = match explain(pasted, &newest, &roots, at) {
            Err(refusal) => return Ok(Explanation::Refused(refusal)),
            Ok(Explained::Keys(manifest)) => {
                let newest = holdfast_lease::verify_manifest(newest.as_bytes(), &roots);
                return Ok(Explanation::Keys {
                    seq: manifest.seq,
                    issued: manifest.iat,
                    keys: manifest.keys.len(),
                    newest: newest.is_ok_and(|newest| newest.seq <= manifest.seq),
                });
            }
            Ok(Explained::Revocations(list)) => {
                return Ok(Explanation::Revocations {
                    seq: list.seq,
                    issued: list.iat,
                    until: list.exp,
                    named: (list.licenses.len(), list.seats.len()),
                });
            }
            Ok(Explained::Standing(standing)) => *standing,
        };
        let (license, seat) = match (&standing.lease, &standing.denial) {
            (Some(lease), _) => (lease.sub.as_str(), Some(lease.seat.as_str())),
            (None, Some(denial)) => (denial.sub.as_str(), denial.seat.as_deref()),
            // Verified above, and yet of no use to the client: its own refusal says why.
            (None, None) => return Ok(Explanation::Refused(standing.stored_refusal.unwrap_or(Refusal::Claims))),
        };
        let license = match license.parse() {
            Ok(id) => licenses::get(&mut reader, actor.scope(), id).await?,
            Err(_) => None,
        };
        let seat = match seat.and_then(|seat| seat.parse().ok()) {
            Some(id) => seat_rows::get(&mut reader, actor.scope(), id).await?,
            None => None,
        };
        self.explained(actor, &mut reader, Source::Pasted, standing, (license, seat)).await
    }

    async fn explain_seat(&self, actor: &Actor, id: SeatId, at: UnixSeconds) -> Result<Explanation> {
        let mut reader = self.store().patient_reader();
        let row = seat_rows::get(&mut reader, actor.scope(), id).await?.ok_or_else(absent)?;
        let license = licenses::get(&mut reader, actor.scope(), row.seat.license).await?.ok_or_else(absent)?;
        let standing = Standing::of(Some(newest_lease(&license.license, &row)), None, at);
        self.explained(actor, &mut reader, Source::Known, standing, (Some(license), Some(row))).await
    }

    async fn explained(
        &self,
        actor: &Actor,
        q: &mut dyn Querier,
        source: Source,
        standing: Standing,
        (license, seat): (Option<LicenseRow>, Option<SeatRow>),
    ) -> Result<Explanation> {
        let act = self.act(&Call::new(actor.clone(), RequestInfo::default()));
        // What is past cannot be asked any more.
        let now = self.now().max(Timestamp::from(standing.time));
        let room = license.as_ref().is_some_and(has_room);
        let asked = standing.lease.clone().or_else(|| {
            // A denial alone: the device asks with the lease that it has kept.
            license.as_ref().zip(seat.as_ref()).map(|(license, row)| newest_lease(&license.license, row))
        });
        let answer = match &asked {
            Some(lease) => answer(license.as_ref(), seat.as_ref().map(|row| &row.seat), lease, now),
            None => Answer::Unverifiable,
        };
        let (view, product) = match &license {
            Some(row) => {
                let product = products::get(q, act.scope, row.license.product).await?;
                (Some(super::licenses::shown(&act, q, row).await?), product.map(|product| product.name))
            }
            None => (None, None),
        };
        Ok(Explanation::Device(Box::new(DeviceExplained {
            source,
            cure: cure(&standing, &answer, room),
            standing,
            license: view,
            product,
            seat: seat.as_ref().map(seats::show),
            answer,
        })))
    }

    async fn explain_license(&self, actor: &Actor, id: LicenseId, at: UnixSeconds) -> Result<Explanation> {
        let act = self.act(&Call::new(actor.clone(), RequestInfo::default()));
        let mut reader = self.store().patient_reader();
        let q = &mut reader;
        let row = licenses::get(q, act.scope, id).await?.ok_or_else(absent)?;
        let product = products::get(q, act.scope, row.license.product).await?.ok_or_else(absent)?;
        let taken = seat_rows::of_license(q, act.scope, id, SeatState::Active, NAMED).await?;
        let device =
            |seat: &SeatRow| (seats::show(seat), Standing::of(Some(newest_lease(&row.license, seat)), None, at));
        let devices: Vec<_> = taken.iter().map(device).collect();
        let denial = decide_license(&row.license, self.now().max(Timestamp::from(at)));
        let room = has_room(&row);
        let ran_out = row.license.expires_at.is_some_and(|end| Timestamp::from(at) >= end);
        let cure = match &denial {
            Some(denial) => cure_of(denial.code, Cure::Nothing),
            None if ran_out => Cure::Extend,
            None if !room => Cure::FreeSeat,
            None => Cure::Nothing,
        };
        Ok(Explanation::License(Box::new(LicenseExplained {
            license: super::licenses::shown(&act, q, &row).await?,
            product: product.name,
            denial,
            room,
            devices,
            cure,
        })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roots() -> RootKeys {
        RootKeys::one(holdfast_lease::SigningKey::from_seed(&[1; 32]).public_key())
    }

    #[test]
    fn every_code_is_explained_by_what_the_client_does_with_it() {
        for code in ErrorCode::ALL {
            let explained = explain_code(code.as_str(), &roots()).unwrap();
            assert_eq!(explained.title, code.title());
            let busy = matches!(code.status(), 408 | 425 | 429 | 500..);
            match explained.keeps.unwrap() {
                Keep::Busy { status } => assert!(busy && status == code.status(), "{code:?}"),
                Keep::Refused { status, code: said } => {
                    assert!(!busy && status == code.status(), "{code:?}");
                    assert_eq!(said.as_deref(), Some(code.as_str()));
                }
                other => panic!("{code:?}: {other:?}"),
            }
        }
        for refusal in Refusal::ALL {
            assert!(explain_code(refusal.code(), &roots()).is_some(), "{refusal:?}");
        }
        assert_eq!(explain_code("revoked", &roots()).unwrap().denial, Some(DenialCode::Revoked));
        assert_eq!(explain_code("license_revoked", &roots()).unwrap().denial, Some(DenialCode::Revoked));
        assert!(explain_code("no_such_code", &roots()).is_none());
    }

    #[test]
    fn a_problem_is_read_for_its_code() {
        assert_eq!(code_in(r#"{"title":"All seats are taken","code":"seat_limit_reached"}"#), "seat_limit_reached");
        assert_eq!(code_in(" Seat_Limit_Reached "), "seat_limit_reached");
    }
}
