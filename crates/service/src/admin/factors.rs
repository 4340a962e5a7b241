//! Second factors of the person who asks: authenticator apps, passkeys, recovery codes (security design, "Second factors").

use super::{
    act::{Act, job},
    inputs::Password,
    members::show,
    passkey::{self, Site},
    password,
    second::{confirmed, recovery_hash},
    sessions::SignedIn,
    totp::Secret,
    views::{FactorView, FactorsView, MemberView},
};
use crate::{
    Call, Service,
    actor::{Actor, RequestInfo},
    error::{Error, ErrorCode, Result},
    vault::Purpose,
};
use holdfast_domain::{
    Email, Entropy, FactorId, MemberId, Name, Permission, Role, Seconds, Timestamp, entropy::random_bytes,
};
use holdfast_store::{
    Tx, WriteOptions,
    factors::{self, FactorKind, FactorRow},
    members::{self, MemberRow},
    sessions::{self, SessionRow},
    throttle,
};
use serde_json::json;

/// How many recovery codes somebody gets.
pub const RECOVERY_CODES: usize = 10;
/// How many characters a recovery code has: 80 random bits.
pub(super) const RECOVERY_CHARS: usize = 16;
/// The most factors of one person.
pub const MOST: usize = 20;
/// How long the secret of an app that is being set up stays the same, so that a page can be loaded again.
const OFFER: Seconds = Seconds::HOUR;
/// How many wrong codes are let through while an app is being set up, in [`WINDOW`].
const FAILURES: i64 = 10;
const WINDOW: Seconds = Seconds::MINUTE;

/// What somebody needs to set an authenticator app up.
#[derive(Clone)]
pub struct TotpOffer {
    /// The secret as people type it.
    pub secret: String,
    /// The path of the picture that apps read.
    pub picture: String,
    /// How many units the picture is wide.
    pub width: usize,
}

/// A factor was added or removed: every session of the person ended, and this one began.
#[derive(Clone)]
pub struct FactorChanged {
    /// The new session.
    pub signed_in: SignedIn,
    /// The recovery codes, where they are new. Shown once.
    pub codes: Vec<String>,
}

/// New recovery codes, in groups of four.
fn new_codes(entropy: &dyn Entropy) -> Vec<String> {
    const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let one = |_| {
        let random: [u8; RECOVERY_CHARS] = random_bytes(entropy);
        let code: Vec<char> = random.iter().map(|byte| char::from(ALPHABET[usize::from(byte & 31)])).collect();
        code.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join("-")
    };
    (0..RECOVERY_CODES).map(one).collect()
}

fn hashes(member: MemberId, codes: &[String]) -> Vec<[u8; 32]> {
    codes.iter().map(|code| recovery_hash(member, code)).collect()
}

/// Ends every session of the member and begins `session`.
async fn rotate(tx: &mut Tx, act: &Act, session: &SessionRow, member: MemberId) -> Result<()> {
    sessions::end_of_member(tx, act.scope, member, None).await?;
    sessions::insert(tx, session).await?;
    Ok(())
}

impl Service {
    /// The factors of whoever asks, and whether their role needs one.
    pub async fn factors(&self, actor: &Actor) -> Result<FactorsView> {
        let member = self.own_row(actor).await?;
        let mut reader = self.store().patient_reader();
        let all = factors::of_member(&mut reader, actor.scope(), member.id).await?;
        let show = |factor: &FactorRow| FactorView {
            id: factor.id,
            passkey: factor.kind == FactorKind::Passkey,
            name: factor.name.clone(),
            created_at: factor.created_at,
            used_at: factor.last_used_at,
        };
        Ok(FactorsView {
            factors: confirmed(&all).map(show).collect(),
            codes_left: factors::codes_left(&mut reader, actor.scope(), member.id).await?,
            required: member.role.requires_factor(),
            due_at: member.factor_due_at,
        })
    }

    /// The secret of an app that the person of `actor` is to set up. The same for an hour, until a code of it is typed.
    ///
    /// # Errors
    /// [`ErrorCode::StepUpRequired`] without a fresh sign-in.
    pub async fn offer_totp(&self, actor: &Actor) -> Result<TotpOffer> {
        actor.require_fresh(self.now())?;
        let (member, now) = (self.own_row(actor).await?, self.now());
        let mut reader = self.store().patient_reader();
        let all = factors::of_member(&mut reader, actor.scope(), member.id).await?;
        let begun = all.iter().find(|factor| factor.confirmed_at.is_none() && now.since(factor.created_at) < OFFER);
        let secret = match begun {
            Some(factor) => self.totp_secret(factor)?,
            None => self.begin_totp(actor, &member).await?,
        };
        let vendor = self.vendor(actor).await?;
        let issuer = format!("Holdfast {}", vendor.name.as_str());
        let (picture, width) = crate::qr::picture(&secret.uri(&issuer, member.email.as_str()))?;
        Ok(TotpOffer { secret: secret.text(), picture, width })
    }

    async fn begin_totp(&self, actor: &Actor, member: &MemberRow) -> Result<Secret> {
        let (secret, now) = (Secret::generate(self.entropy()), self.now());
        let id = FactorId::new(now, self.entropy());
        let sealed = self.vault()?.seal(Purpose::TotpSecret, &id.to_bytes(), secret.expose(), self.entropy())?;
        let row = FactorRow {
            id,
            vendor: member.vendor,
            member: member.id,
            kind: FactorKind::Totp,
            name: "Authenticator app".parse().map_err(Error::internal)?,
            secret_sealed: Some(sealed),
            credential: None,
            public_key: None,
            counter: 0,
            created_at: now,
            confirmed_at: None,
            last_used_at: None,
        };
        let scope = actor.scope();
        self.store()
            .write(
                WriteOptions::default(),
                job!(row => |tx| {
                    factors::remove_unconfirmed(tx, scope, row.member).await?;
                    Ok::<_, Error>(factors::insert(tx, scope, &row).await?)
                }),
            )
            .await?;
        Ok(secret)
    }

    /// Sets the app up that was offered, once it shows the right code. Ends every session of the person and opens a new
    /// one; with the first factor there are recovery codes.
    ///
    /// # Errors
    /// [`ErrorCode::FactorWrong`]; [`ErrorCode::StepUpRequired`]; [`ErrorCode::RateLimited`].
    pub async fn add_totp(
        &self,
        actor: &Actor,
        code: &str,
        name: Option<Name>,
        from: &RequestInfo,
    ) -> Result<FactorChanged> {
        actor.require_fresh(self.now())?;
        let (member, now) = (self.own_row(actor).await?, self.now());
        let counter = format!("factor_setup:{}", member.id);
        let hits = self
            .store()
            .write(WriteOptions::last(), job!(counter => |tx| throttle::hit(tx, &counter, WINDOW, now).await));
        if hits.await? > FAILURES {
            return Err(super::auth::limited());
        }
        let all = factors::of_member(&mut self.store().patient_reader(), actor.scope(), member.id).await?;
        let wrong = || Error::new(ErrorCode::FactorWrong).with_pointer("/code");
        let offered = all.iter().find(|factor| factor.confirmed_at.is_none()).ok_or_else(wrong)?;
        let step = self.totp_secret(offered)?.step_of(code, now)?.ok_or_else(wrong)?;
        let (id, known) = (offered.id, confirmed(&all).count());
        if known >= MOST {
            return Err(Error::invalid("/code", format_args!("At most {MOST} factors.")));
        }
        let named = FactorRow { name: name.unwrap_or_else(|| offered.name.clone()), ..offered.clone() };
        self.changed_factors(actor, &member, true, known == 0, from, move |act, tx| {
            let named = named.clone();
            Box::pin(async move {
                // Inserted anew, because its name is only known now; the counter of the first code stays with it.
                if !factors::remove(tx, act.scope, named.member, id).await? {
                    return Err(Error::new(ErrorCode::FactorWrong).with_pointer("/code"));
                }
                let row =
                    FactorRow { counter: step, confirmed_at: Some(act.now), last_used_at: Some(act.now), ..named };
                factors::insert(tx, act.scope, &row).await?;
                act.event(
                    tx,
                    "member.factor_added",
                    row.member,
                    json!({ "after": { "kind": "totp", "name": row.name } }),
                );
                Ok(())
            })
        })
        .await
    }

    /// What the browser is asked for to make a passkey for the person of `actor`.
    ///
    /// # Errors
    /// [`ErrorCode::StepUpRequired`] without a fresh sign-in.
    pub async fn ask_for_new_passkey(&self, actor: &Actor, site: &Site) -> Result<String> {
        actor.require_fresh(self.now())?;
        let member = self.own_row(actor).await?;
        let all = factors::of_member(&mut self.store().patient_reader(), actor.scope(), member.id).await?;
        let challenge = self.challenge(&member, factors::Purpose::Register).await?;
        let known: Vec<Vec<u8>> = all.iter().filter_map(|factor| factor.credential.clone()).collect();
        Ok(passkey::ask_to_make(site, &member.id.to_bytes(), member.email.as_str(), &challenge, &known))
    }

    /// Adds the passkey that the browser has made. Ends every session of the person and opens a new one; with the first
    /// factor there are recovery codes.
    ///
    /// # Errors
    /// [`ErrorCode::FactorWrong`]; [`ErrorCode::StepUpRequired`].
    pub async fn add_passkey(
        &self,
        actor: &Actor,
        name: Name,
        answer: &str,
        site: &Site,
        from: &RequestInfo,
    ) -> Result<FactorChanged> {
        actor.require_fresh(self.now())?;
        let (member, now) = (self.own_row(actor).await?, self.now());
        let wrong = || Error::new(ErrorCode::FactorWrong).with_detail("This browser's passkey could not be added.");
        let made = passkey::made(answer, site).map_err(|error| wrong().with_source(error))?;
        let all = factors::of_member(&mut self.store().patient_reader(), actor.scope(), member.id).await?;
        let known = confirmed(&all).count();
        if known >= MOST {
            return Err(Error::invalid("/name", format_args!("At most {MOST} factors.")));
        }
        let row = FactorRow {
            id: FactorId::new(now, self.entropy()),
            vendor: member.vendor,
            member: member.id,
            kind: FactorKind::Passkey,
            name,
            secret_sealed: None,
            credential: Some(made.credential),
            public_key: Some(made.public_key),
            counter: i64::from(made.counter),
            created_at: now,
            confirmed_at: Some(now),
            last_used_at: None,
        };
        let challenge = made.challenge;
        self.changed_factors(actor, &member, true, known == 0, from, move |act, tx| {
            let row = row.clone();
            Box::pin(async move {
                let purpose = factors::Purpose::Register;
                if !factors::take_challenge(tx, act.scope, row.member, challenge, purpose, act.now).await? {
                    return Err(Error::new(ErrorCode::FactorWrong));
                }
                factors::insert(tx, act.scope, &row).await?;
                let data = json!({ "after": { "kind": "passkey", "name": row.name } });
                act.event(tx, "member.factor_added", row.member, data);
                Ok(())
            })
        })
        .await
    }

    /// Removes a factor of the person of `actor`. Ends every session of the person and opens a new one.
    ///
    /// # Errors
    /// [`ErrorCode::FactorNeeded`] for the last one of a role that needs one; [`ErrorCode::NotFound`];
    /// [`ErrorCode::StepUpRequired`].
    pub async fn remove_factor(&self, actor: &Actor, id: FactorId, from: &RequestInfo) -> Result<FactorChanged> {
        actor.require_fresh(self.now())?;
        let member = self.own_row(actor).await?;
        let all = factors::of_member(&mut self.store().patient_reader(), actor.scope(), member.id).await?;
        let absent = || Error::new(ErrorCode::NotFound);
        let factor = confirmed(&all).find(|factor| factor.id == id).ok_or_else(absent)?.clone();
        let others = confirmed(&all).count() > 1;
        let needed = member.role.requires_factor();
        self.changed_factors(actor, &member, others, false, from, move |act, tx| {
            let factor = factor.clone();
            Box::pin(async move {
                if !factors::remove(tx, act.scope, factor.member, id).await? {
                    return Err(Error::new(ErrorCode::NotFound));
                }
                // Looked at again here: two at once would leave none.
                let left = factors::of_member(tx, act.scope, factor.member).await?;
                if confirmed(&left).next().is_none() {
                    if needed {
                        return Err(Error::new(ErrorCode::FactorNeeded));
                    }
                    factors::put_codes(tx, act.scope, factor.member, &[]).await?;
                }
                let data = json!({ "before": { "kind": factor.kind.as_str(), "name": factor.name } });
                act.event(tx, "member.factor_removed", factor.member, data);
                Ok(())
            })
        })
        .await
    }

    /// Changes the person's factors by `change` and lets them go on in a new session.
    ///
    /// # Errors
    /// [`ErrorCode::FactorRequired`] for somebody who is held for the factor that they have: they prove it first.
    async fn changed_factors<F>(
        &self,
        actor: &Actor,
        member: &MemberRow,
        has_one: bool,
        first: bool,
        from: &RequestInfo,
        change: F,
    ) -> Result<FactorChanged>
    where
        F: for<'a> Fn(Act, &'a mut Tx) -> futures::future::BoxFuture<'a, Result<()>> + Clone + Send + Sync + 'static,
    {
        let codes = if first { new_codes(self.entropy()) } else { Vec::new() };
        let stored = hashes(member.id, &codes);
        let (secret, session) = self.new_session(member, has_one, from)?;
        let act = self.act(&Call::new(actor.clone(), from.clone()));
        let signed_in = SignedIn { member: show(member), session: secret, ends_at: session.expires_at };
        let (id, held) = (member.id, actor.is_held());
        self.store()
            .write(
                WriteOptions::alone(),
                job!(act, held, session, stored, change => |tx| {
                    // A sign-in that goes on at this moment sees the factor, or its session is ended here.
                    members::lock(tx, act.scope, id).await?;
                    let known = factors::of_member(tx, act.scope, id).await?;
                    if held && confirmed(&known).next().is_some() {
                        return Err(Error::new(ErrorCode::FactorRequired));
                    }
                    change(act.clone(), tx).await?;
                    if !stored.is_empty() {
                        factors::put_codes(tx, act.scope, id, &stored).await?;
                    }
                    rotate(tx, &act, &session, id).await
                }),
            )
            .await?;
        Ok(FactorChanged { signed_in, codes })
    }

    /// Makes new recovery codes in place of all of before. Shown once.
    ///
    /// # Errors
    /// [`ErrorCode::StepUpRequired`]; [`ErrorCode::FactorRequired`] for somebody without a factor.
    pub async fn new_recovery_codes(&self, actor: &Actor, from: &RequestInfo) -> Result<Vec<String>> {
        actor.require_fresh(self.now())?;
        let member = self.own_row(actor).await?;
        let all = factors::of_member(&mut self.store().patient_reader(), actor.scope(), member.id).await?;
        if confirmed(&all).next().is_none() {
            return Err(Error::new(ErrorCode::FactorRequired));
        }
        let codes = new_codes(self.entropy());
        let (act, stored, id) =
            (self.act(&Call::new(actor.clone(), from.clone())), hashes(member.id, &codes), member.id);
        self.store()
            .write(
                WriteOptions::default(),
                job!(act, stored => |tx| {
                    factors::put_codes(tx, act.scope, id, &stored).await?;
                    act.event(tx, "member.recovery_codes_made", id, json!({}));
                    Ok::<_, Error>(())
                }),
            )
            .await?;
        Ok(codes)
    }

    /// Takes every factor of a member away, for somebody who has lost them: they set one up anew when they next sign in.
    /// Ends their sessions.
    ///
    /// # Errors
    /// [`ErrorCode::StepUpRequired`] without a fresh sign-in; [`ErrorCode::Forbidden`] for an owner's by an admin, and for
    /// one's own: whoever can sign in removes them one by one.
    pub async fn reset_factors(&self, call: &Call, id: MemberId) -> Result<MemberView> {
        call.actor.require(Permission::MembersWrite)?;
        call.actor.require_fresh(self.now())?;
        let (act, actor) = (self.act(call), call.actor.clone());
        self.commit(
            call,
            WriteOptions::default(),
            job!(act, actor => |tx| {
                let member = members::get(tx, act.scope, id).await?.ok_or_else(|| Error::new(ErrorCode::NotFound))?;
                if member.role == Role::Owner {
                    actor.require(Permission::OwnersWrite)?;
                }
                if actor.member_id() == Some(id) {
                    return Err(Error::new(ErrorCode::Forbidden).with_detail("Your own factors are under your own sign-in."));
                }
                reset(tx, &act, &member).await?;
                Ok(show(&member))
            }),
        )
        .await
    }

    /// The way back in for somebody who has lost everything, by whoever has a shell on the machine: takes every factor of
    /// the member with that address away, and gives them a new password where there is one. Ends their sessions.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`]; [`ErrorCode::PasswordTooWeak`].
    pub async fn rescue(&self, email: &Email, password: Option<Password>) -> Result<MemberView> {
        let member = members::by_email(&mut self.store().patient_reader(), email).await?;
        let member = member.ok_or_else(|| Error::new(ErrorCode::NotFound))?;
        let hash = match &password {
            None => None,
            Some(password) => {
                password::check(password, email)?;
                Some(self.admin().hasher.hash(password, self.entropy()).await?)
            }
        };
        let act = self.act(&Call::system(member.vendor));
        self.store()
            .write(
                WriteOptions::default(),
                job!(act, member, hash => |tx| {
                    reset(tx, &act, &member).await?;
                    if let Some(hash) = &hash {
                        members::set_password(tx, act.scope, member.id, hash).await?;
                        act.event(tx, "member.password_reset", member.id, json!({}));
                    }
                    Ok(show(&member))
                }),
            )
            .await
    }

    /// Clears away what of sign-ins has run out.
    pub(crate) async fn prune_sign_ins(&self) -> Result<u64> {
        let now: Timestamp = self.now();
        self.store()
            .write(WriteOptions::default().idempotent(), move |tx| {
                Box::pin(async move { Ok::<_, Error>(factors::prune(tx, now).await?) })
            })
            .await
    }
}

async fn reset(tx: &mut Tx, act: &Act, member: &MemberRow) -> Result<()> {
    let removed = factors::reset(tx, act.scope, member.id).await?;
    sessions::end_of_member(tx, act.scope, member.id, None).await?;
    act.event(tx, "member.factors_reset", member.id, json!({ "before": { "factors": removed } }));
    Ok(())
}
