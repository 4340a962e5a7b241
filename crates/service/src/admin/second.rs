//! Proving who one is with something beside the password: the second half of a sign-in, and stepping up.

use super::{
    act::job,
    auth::limited,
    inputs::Password,
    members::show,
    passkey::{self, Site},
    sessions::{SessionSecret, SignedIn},
    totp::Secret,
};
use crate::{
    Call, Service,
    actor::{Actor, RequestInfo},
    error::{Error, ErrorCode, Result},
    vault::Purpose,
};
use holdfast_domain::{FactorId, MemberId, Seconds, Timestamp, entropy::random_bytes};
use holdfast_store::{
    Scope, Tx, WriteOptions,
    factors::{self, FactorKind, FactorRow, HalfRow},
    members::{self as rows, MemberRow},
    sessions as stored_sessions, throttle,
};
use sha2::{Digest as _, Sha256};

/// How long the second half of a sign-in may take.
const HALF: Seconds = Seconds::minutes(10);
/// How long a passkey may take to answer.
pub(super) const CHALLENGE: Seconds = Seconds::minutes(10);
/// How many wrong codes are let through within [`WINDOW`], of one person. Whoever guesses has the password already: five in
/// a quarter of an hour find one of three valid codes among a million in about six years.
const FAILURES: i64 = 5;
const WINDOW: Seconds = Seconds::minutes(15);

/// With what somebody proves who they are.
#[derive(Clone, Debug)]
pub enum Proof {
    /// The password.
    Password(Password),
    /// The code of an app, or a recovery code.
    Code(String),
    /// A passkey's answer, as the browser gives it.
    Passkey(String),
}

/// What came of a sign-in.
#[derive(Clone, Debug)]
pub enum SignInStep {
    /// The person is signed in.
    In(SignedIn),
    /// The person has a second factor and owes it.
    Factor(HalfWay),
}

/// Half a sign-in.
#[derive(Clone, Debug)]
pub struct HalfWay {
    /// Its secret, for a cookie.
    pub secret: SessionSecret,
    /// When it ends.
    pub ends_at: Timestamp,
}

/// With what somebody can prove who they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // four ways, each there or not
pub struct Ways {
    /// With a password.
    pub password: bool,
    /// With the code of an app.
    pub totp: bool,
    /// With a passkey.
    pub passkey: bool,
    /// With a recovery code.
    pub recovery: bool,
}

/// A factor that was proved, and how it is used up: with what it was proved for, in one transaction.
#[derive(Clone, Debug)]
pub(crate) enum Proven {
    Totp { id: FactorId, step: i64 },
    Passkey { id: FactorId, counter: u32, challenge: [u8; 32] },
    Recovery { hash: [u8; 32] },
}

impl Proven {
    /// Uses the factor up: a code works once, a challenge is answered once.
    pub(super) async fn use_up(&self, tx: &mut Tx, scope: Scope, member: MemberId, now: Timestamp) -> Result<()> {
        let fresh = match self {
            Self::Totp { id, step } => factors::use_up(tx, scope, *id, *step, now).await?,
            Self::Recovery { hash } => factors::take_code(tx, scope, member, *hash, now).await?,
            Self::Passkey { id, counter, challenge } => {
                let purpose = factors::Purpose::Prove;
                let asked = factors::take_challenge(tx, scope, member, *challenge, purpose, now).await?;
                asked
                    && match counter {
                        0 => factors::touch(tx, scope, *id, now).await?,
                        // A key that counts and has not counted on was copied.
                        n => factors::use_up(tx, scope, *id, i64::from(*n), now).await?,
                    }
            }
        };
        if fresh { Ok(()) } else { Err(wrong()) }
    }

    const fn as_str(&self) -> &'static str {
        match self {
            Self::Totp { .. } => "totp",
            Self::Passkey { .. } => "passkey",
            Self::Recovery { .. } => "recovery_code",
        }
    }
}

fn wrong() -> Error {
    Error::new(ErrorCode::FactorWrong).with_pointer("/code")
}

fn nobody() -> Error {
    Error::new(ErrorCode::Unauthenticated)
}

/// What the database keeps of a recovery code; spelling does not matter. It has 80 random bits, so no slow hash is needed.
pub(super) fn recovery_hash(member: MemberId, code: &str) -> [u8; 32] {
    let plain: String = code.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    Sha256::new()
        .chain_update(b"holdfast-recovery-code\0")
        .chain_update(member.to_bytes())
        .chain_update(plain)
        .finalize()
        .into()
}

fn counter(member: MemberId) -> String {
    format!("factor:{member}")
}

pub(super) fn confirmed(all: &[FactorRow]) -> impl Iterator<Item = &FactorRow> {
    all.iter().filter(|factor| factor.confirmed_at.is_some())
}

impl Service {
    /// Lets `member`, whose password (or provider) fitted, in; or asks for their factor where they have one.
    pub(super) async fn first_half(
        &self,
        member: &MemberRow,
        from: &RequestInfo,
        newer_hash: Option<String>,
    ) -> Result<SignInStep> {
        let scope = member.scope();
        let all = factors::of_member(&mut self.store().patient_reader(), scope, member.id).await?;
        if confirmed(&all).next().is_none() {
            match self.let_in(member, None, None, newer_hash.clone(), from).await {
                // The person has got one at this moment.
                Err(error) if error.code == ErrorCode::FactorRequired => {}
                done => return done.map(SignInStep::In),
            }
        }
        let secret = SessionSecret::from_bytes(random_bytes(self.entropy()));
        let ends_at = self.now().plus(HALF);
        let half = HalfRow { id_hash: secret.hash(), vendor: member.vendor, member: member.id, expires_at: ends_at };
        let (id, counters) = (member.id, super::auth::account_counters(member.email.as_str(), from));
        let begun = self.store().write(
            WriteOptions::default(),
            job!(half, counters, newer_hash => |tx| {
                for counter in &counters {
                    throttle::clear(tx, counter).await?;
                }
                if let Some(hash) = &newer_hash {
                    rows::set_password(tx, scope, id, hash).await?;
                }
                Ok::<_, Error>(factors::put_half(tx, &half).await?)
            }),
        );
        begun.await?;
        Ok(SignInStep::Factor(HalfWay { secret, ends_at }))
    }

    /// Opens a session, using up what it was proved with.
    ///
    /// # Errors
    /// [`ErrorCode::FactorRequired`] without a proof, where the person has a factor by now.
    pub(super) async fn let_in(
        &self,
        member: &MemberRow,
        proof: Option<Proven>,
        half: Option<[u8; 32]>,
        newer_hash: Option<String>,
        from: &RequestInfo,
    ) -> Result<SignedIn> {
        let (secret, session) = self.new_session(member, proof.is_some(), from)?;
        let who = Actor::member(member.vendor, member.id, member.role, None, None);
        let act = self.act(&Call::new(who, from.clone()));
        let (ends_at, counters) = (session.expires_at, super::auth::account_counters(member.email.as_str(), from));
        let member = MemberRow { last_login_at: Some(act.now), ..member.clone() };
        let view = show(&member);
        self.store()
            .write(
                WriteOptions::default(),
                job!(act, counters, member, newer_hash, session, proof => |tx| {
                    for counter in &counters {
                        throttle::clear(tx, counter).await?;
                    }
                    if let Some(proof) = &proof {
                        proof.use_up(tx, act.scope, member.id, act.now).await?;
                        throttle::clear(tx, &counter(member.id)).await?;
                    }
                    if let Some(half) = half {
                        // What the first half was given for may be over by now.
                        factors::half(tx, half, act.now).await?.ok_or_else(nobody)?;
                        factors::end_halves(tx, act.scope, member.id).await?;
                    }
                    // Locks the member's row, so that a factor is either seen here or ends the session.
                    rows::signed_in(tx, act.scope, member.id, act.now).await?;
                    let known = factors::of_member(tx, act.scope, member.id).await?;
                    if proof.is_none() && confirmed(&known).next().is_some() {
                        return Err(Error::new(ErrorCode::FactorRequired));
                    }
                    if let Some(hash) = &newer_hash {
                        rows::set_password(tx, act.scope, member.id, hash).await?;
                    }
                    stored_sessions::insert(tx, &session).await?;
                    let data = serde_json::json!({ "factor": proof.as_ref().map(Proven::as_str) });
                    act.event(tx, "member.signed_in", member.id, data);
                    Ok::<_, Error>(())
                }),
            )
            .await?;
        Ok(SignedIn { member: view, session: secret, ends_at })
    }

    /// Who has begun to sign in with `half`.
    async fn half_member(&self, half: &SessionSecret) -> Result<MemberRow> {
        let mut reader = self.store().patient_reader();
        let row = factors::half(&mut reader, half.hash(), self.now()).await?.ok_or_else(nobody)?;
        let member = rows::get(&mut reader, row.scope(), row.member).await?;
        member.filter(|member| member.disabled_at.is_none()).ok_or_else(nobody)
    }

    /// The second half of a sign-in.
    ///
    /// # Errors
    /// [`ErrorCode::FactorWrong`]; [`ErrorCode::Unauthenticated`] where the first half is over;
    /// [`ErrorCode::RateLimited`] after five wrong ones in a quarter of an hour.
    pub async fn finish_sign_in(
        &self,
        half: &SessionSecret,
        proof: Proof,
        site: &Site,
        from: &RequestInfo,
    ) -> Result<SignedIn> {
        let member = self.half_member(half).await?;
        let proven = self.prove(&member, &proof, site).await?;
        self.let_in(&member, Some(proven), Some(half.hash()), None, from).await
    }

    /// How the sign-in of `half` can be finished.
    pub async fn ways_of_half(&self, half: &SessionSecret) -> Result<Ways> {
        let member = self.half_member(half).await?;
        Ok(Ways { password: false, ..self.ways(&member).await? })
    }

    /// How the person of `actor` can prove who they are.
    pub async fn ways_of(&self, actor: &Actor) -> Result<Ways> {
        let member = self.own_row(actor).await?;
        Ok(Ways { recovery: false, ..self.ways(&member).await? })
    }

    async fn ways(&self, member: &MemberRow) -> Result<Ways> {
        let mut reader = self.store().patient_reader();
        let all = factors::of_member(&mut reader, member.scope(), member.id).await?;
        let recovery = factors::codes_left(&mut reader, member.scope(), member.id).await? > 0;
        let has = |kind| confirmed(&all).any(|factor| factor.kind == kind);
        Ok(Ways {
            password: member.password_hash.is_some(),
            totp: has(FactorKind::Totp),
            passkey: has(FactorKind::Passkey),
            recovery,
        })
    }

    /// The person of `actor`.
    pub(super) async fn own_row(&self, actor: &Actor) -> Result<MemberRow> {
        let id = actor.member_id().ok_or_else(|| Error::new(ErrorCode::Forbidden))?;
        rows::get(&mut self.store().patient_reader(), actor.scope(), id).await?.ok_or_else(nobody)
    }

    /// Proves again that the person of `actor` is who they are: for ten minutes they may do what asks for it.
    ///
    /// # Errors
    /// [`ErrorCode::SignInFailed`], [`ErrorCode::FactorWrong`], [`ErrorCode::RateLimited`].
    pub async fn confirm(&self, actor: &Actor, proof: Proof, site: &Site, from: &RequestInfo) -> Result<Actor> {
        if let Proof::Password(password) = proof {
            return self.confirm_password(actor, password, from).await;
        }
        let member = self.own_row(actor).await?;
        let proven = self.prove(&member, &proof, site).await?;
        if matches!(proven, Proven::Recovery { .. }) {
            // They are for getting in, not for going on.
            return Err(wrong());
        }
        let actor = self.confirm_session(actor, Some(proven)).await?;
        let counter = counter(member.id);
        self.store().write(WriteOptions::last(), job!(counter => |tx| throttle::clear(tx, &counter).await)).await?;
        Ok(actor)
    }

    /// Looks at a proof of `member`'s second factor. Every look counts, so that many guesses at once do not slip through
    /// together.
    async fn prove(&self, member: &MemberRow, proof: &Proof, site: &Site) -> Result<Proven> {
        let (scope, now, counter) = (member.scope(), self.now(), counter(member.id));
        let hits = self
            .store()
            .write(WriteOptions::last(), job!(counter => |tx| throttle::hit(tx, &counter, WINDOW, now).await));
        if hits.await? > FAILURES {
            return Err(limited().with_retry_after(WINDOW));
        }
        let all = factors::of_member(&mut self.store().patient_reader(), scope, member.id).await?;
        match proof {
            Proof::Password(_) => Err(wrong()),
            Proof::Code(code) => {
                for factor in confirmed(&all).filter(|factor| factor.kind == FactorKind::Totp) {
                    if let Some(step) = self.totp_secret(factor)?.step_of(code, now)? {
                        return Ok(Proven::Totp { id: factor.id, step });
                    }
                }
                if code.chars().filter(char::is_ascii_alphanumeric).count() == super::factors::RECOVERY_CHARS {
                    return Ok(Proven::Recovery { hash: recovery_hash(member.id, code) });
                }
                Err(wrong())
            }
            Proof::Passkey(answer) => {
                let unproved = |error: passkey::Unproved| wrong().with_source(error);
                let given = passkey::given(answer, site).map_err(unproved)?;
                let factor = confirmed(&all).find(|factor| factor.credential.as_ref() == Some(&given.credential));
                let factor = factor.ok_or_else(wrong)?;
                given.verify(factor.public_key.as_deref().unwrap_or_default()).map_err(unproved)?;
                Ok(Proven::Passkey { id: factor.id, counter: given.counter, challenge: given.challenge })
            }
        }
    }

    pub(super) fn totp_secret(&self, factor: &FactorRow) -> Result<Secret> {
        let sealed = factor.secret_sealed.as_deref().unwrap_or_default();
        Ok(Secret::from_bytes(self.vault()?.open(Purpose::TotpSecret, &factor.id.to_bytes(), sealed)?))
    }

    /// What the browser is asked for so that a passkey finishes the sign-in of `half`.
    pub async fn ask_half_for_passkey(&self, half: &SessionSecret, site: &Site) -> Result<String> {
        let member = self.half_member(half).await?;
        self.ask_for_passkey(&member, site).await
    }

    /// What the browser is asked for so that a passkey confirms who `actor` is.
    pub async fn ask_actor_for_passkey(&self, actor: &Actor, site: &Site) -> Result<String> {
        let member = self.own_row(actor).await?;
        self.ask_for_passkey(&member, site).await
    }

    async fn ask_for_passkey(&self, member: &MemberRow, site: &Site) -> Result<String> {
        let all = factors::of_member(&mut self.store().patient_reader(), member.scope(), member.id).await?;
        let challenge = self.challenge(member, factors::Purpose::Prove).await?;
        let known: Vec<Vec<u8>> = confirmed(&all).filter_map(|factor| factor.credential.clone()).collect();
        Ok(passkey::ask_to_use(site, &challenge, &known))
    }

    /// A new challenge for a passkey of `member`.
    pub(super) async fn challenge(&self, member: &MemberRow, purpose: factors::Purpose) -> Result<[u8; 32]> {
        let challenge: [u8; 32] = random_bytes(self.entropy());
        let (scope, id, until) = (member.scope(), member.id, self.now().plus(CHALLENGE));
        let hash = passkey::challenge_hash(&challenge);
        self.store()
            .write(WriteOptions::default(), move |tx| {
                Box::pin(
                    async move { Ok::<_, Error>(factors::put_challenge(tx, scope, id, hash, purpose, until).await?) },
                )
            })
            .await?;
        Ok(challenge)
    }
}
