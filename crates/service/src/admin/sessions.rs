//! Browser sessions of members: a random secret in the cookie, its hash in the database, an idle and an absolute end.
//!
//! The cookie belongs to whoever serves the browser. Here is what a session is: whose, until when, and what it keeps.

use super::{
    act::job,
    second::Proven,
    views::{MemberView, SessionView},
};
use crate::{
    Call, Service,
    actor::{Actor, RequestInfo},
    error::{Error, ErrorCode, Result},
    runtime::Otherwise,
};
use holdfast_domain::{CustomerId, Permission, Role, Seconds, SessionId, Timestamp, entropy::random_bytes};
use holdfast_store::{
    Tx, WriteOptions,
    members::{self, MemberRow},
    sessions::{self, SessionRow},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, PoisonError},
};

/// How often the last use of a session is written at most (pitfall 20).
const TOUCH_EVERY: Seconds = Seconds::MINUTE;

/// For how many people it is remembered that they were let in.
const REMEMBERED: usize = 1_000;

/// The most that a session keeps for the pages, in bytes of JSON.
const KEPT_AT_MOST: usize = 128 << 10;

/// A session's secret: 128 random bits, the value of its cookie. Never shown by `Debug`, never stored.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionSecret([u8; 16]);

impl SessionSecret {
    /// The secret that a cookie carried.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The secret, for the cookie.
    pub const fn expose(&self) -> [u8; 16] {
        self.0
    }

    pub(crate) fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0).into()
    }
}

impl fmt::Debug for SessionSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionSecret(…)")
    }
}

/// Who was let in lately, by the hash of their session, and until when they would be without using it further: whoever
/// watches over the nodes goes on seeing them while the database is away, which is when it matters most.
#[derive(Default)]
pub(crate) struct Lately(Mutex<BTreeMap<[u8; 32], (Actor, Timestamp)>>);

impl Lately {
    fn note(&self, session: [u8; 32], actor: Option<(Actor, Timestamp)>, now: Timestamp) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.remove(&session);
        if known.len() >= REMEMBERED {
            known.retain(|_, (_, until)| *until > now);
        }
        if let Some(actor) = actor.filter(|_| known.len() < REMEMBERED) {
            known.insert(session, actor);
        }
    }

    /// Whoever it was, with no more rights than to see the nodes: what the session lost meanwhile is not known.
    fn who(&self, session: &[u8; 32], now: Timestamp) -> Option<Actor> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (actor, until) = known.get(session)?;
        (*until > now).then(|| actor.clone().only(&[Permission::FleetRead]))
    }
}

/// Somebody has signed in.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// Who.
    pub member: MemberView,
    /// The new session's secret, for the cookie.
    pub session: SessionSecret,
    /// When the session ends at the latest.
    pub ends_at: Timestamp,
}

/// What a session remembers beyond who and until when.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Remembered {
    /// When the person last proved who they are.
    confirmed_at: Timestamp,
    /// From where they signed in.
    origin: String,
    /// With what, in plain words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    browser: String,
    /// Whether they proved themselves with a second factor.
    #[serde(default)]
    factor: bool,
    /// As whom they look at the portal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    viewing: Option<Viewing>,
    /// What the pages keep in it.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    kept: Map<String, Value>,
}

/// As whom a member looks at the portal, and until when ([`super::viewing`]).
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Viewing {
    pub customer: CustomerId,
    pub until: Timestamp,
}

/// How long a session of `role` lives without use, and in any case (security design, "Sessions").
pub const fn lifetime(role: Role) -> (Seconds, Seconds) {
    match role {
        Role::Support => (Seconds::minutes(15), Seconds::hours(8)),
        _ => (Seconds::minutes(30), Seconds::hours(12)),
    }
}

/// Whether `member` may do nothing without a second factor.
fn owes_factor(member: &MemberRow, now: Timestamp) -> bool {
    member.role.requires_factor() && member.factor_due_at.is_none_or(|due| due <= now)
}

/// The public id of a session: the first half of the hash of its secret. It ends a session and opens none.
fn public_id(id_hash: &[u8; 32]) -> SessionId {
    let mut id = [0; 16];
    id.copy_from_slice(&id_hash[..16]);
    SessionId::from_bytes(id)
}

fn remembered(row: &SessionRow) -> Option<Remembered> {
    serde_json::from_str(&row.data).ok()
}

/// What the audit log keeps of a session.
fn about(row: &SessionRow) -> Value {
    let Remembered { origin, browser, .. } = remembered(row).unwrap_or_default();
    json!({ "origin": origin, "browser": browser })
}

fn remember(row: &mut SessionRow, remembered: &Remembered) -> Result<()> {
    row.data = serde_json::to_string(remembered).map_err(Error::internal)?;
    Ok(())
}

/// As whom the session looks at the portal.
pub(super) fn viewing_of(row: &SessionRow) -> Option<Viewing> {
    remembered(row).and_then(|remembered| remembered.viewing)
}

/// Has the session of `actor` look at the portal as somebody else, or as nobody; returns what it did before.
pub(super) async fn set_viewing(
    tx: &mut Tx,
    actor: &Actor,
    now: Timestamp,
    viewing: Option<Viewing>,
) -> Result<Option<Viewing>> {
    let nobody = || Error::new(ErrorCode::Unauthenticated);
    let (id, member) = (actor.session().ok_or_else(nobody)?, actor.member_id().ok_or_else(nobody)?);
    let all = sessions::of_member(tx, actor.scope(), member, now).await?;
    let mut row = all.into_iter().find(|row| public_id(&row.id_hash) == id).ok_or_else(nobody)?;
    let before = remembered(&row).ok_or_else(nobody)?;
    let had = before.viewing;
    remember(&mut row, &Remembered { viewing, ..before })?;
    if sessions::save(tx, &row).await? { Ok(had) } else { Err(nobody()) }
}

impl Service {
    /// A new session of `member`, who has or has not proved themselves with a second factor; not yet stored.
    pub(super) fn new_session(
        &self,
        member: &MemberRow,
        factor: bool,
        from: &RequestInfo,
    ) -> Result<(SessionSecret, SessionRow)> {
        let secret = SessionSecret(random_bytes(self.entropy()));
        let now = self.now();
        let (idle, absolute) = lifetime(member.role);
        let origin = from.address.map(|address| address.to_string()).unwrap_or_default();
        let mut row = SessionRow {
            id_hash: secret.hash(),
            vendor: Some(member.vendor),
            member: Some(member.id),
            created_at: now,
            last_seen_at: now,
            idle_expires_at: now.plus(idle),
            expires_at: now.plus(absolute),
            data: String::new(),
        };
        let browser = from.browser.clone();
        let remembered = Remembered { confirmed_at: now, origin, browser, factor, ..Remembered::default() };
        remember(&mut row, &remembered)?;
        Ok((secret, row))
    }

    /// Who the session of `secret` belongs to. Using it moves its idle end, written at most once a minute; that the write
    /// fails signs nobody out.
    ///
    /// # Errors
    /// [`ErrorCode::Unauthenticated`] where there is no such session, it has ended, or its member may not sign in.
    pub async fn actor_for_session(&self, secret: &SessionSecret) -> Result<Actor> {
        self.actor_of(secret, true, None).await
    }

    /// The same for whoever looks at the nodes. What a page asks by itself while it is watched `uses` nothing: a screen at
    /// which nobody sits does not keep its session. While the database is away, whoever this node let in lately may see the
    /// nodes ([`Permission::FleetRead`]) and do nothing else.
    pub async fn actor_watching(&self, secret: &SessionSecret, uses: bool) -> Result<Actor> {
        let known = self.admin().lately.who(&secret.hash(), self.now());
        self.actor_of(secret, uses, known).await
    }

    async fn actor_of(&self, secret: &SessionSecret, uses: bool, known: Option<Actor>) -> Result<Actor> {
        let (now, hash, lately) = (self.now(), secret.hash(), &self.admin().lately);
        let (way, reader) = match known {
            Some(_) => (Otherwise::Remembered, self.store().reader()),
            None => (Otherwise::Nothing, self.store().patient_reader()),
        };
        let found = self.state().continuity.ask(way, async {
            let mut reader = reader;
            let Some(session) = sessions::get(&mut reader, hash, now).await? else { return Ok(None) };
            let (Some(scope), Some(id)) = (session.scope(), session.member) else { return Ok(None) };
            let member = members::get(&mut reader, scope, id).await?;
            Ok(member.filter(|member| member.disabled_at.is_none()).map(|member| (session, member)))
        });
        let (session, member) = match (found.await, known) {
            (Ok(Some(found)), _) => found,
            (Ok(None), _) => {
                lately.note(hash, None, now);
                return Err(Error::new(ErrorCode::Unauthenticated));
            }
            (Err(error), Some(actor)) if error.is_retryable() => return Ok(actor),
            (Err(error), _) => return Err(error.into()),
        };
        let (idle, _) = lifetime(member.role);
        let mut until = session.idle_expires_at.min(session.expires_at);
        if uses && now.since(session.last_seen_at) >= TOUCH_EVERY {
            until = now.plus(idle).min(session.expires_at);
            let touched = self.store().write(WriteOptions::last().idempotent(), move |tx| {
                Box::pin(async move { sessions::touch(tx, hash, now, until).await })
            });
            if let Err(error) = touched.await {
                tracing::warn!(?error, "the last use of a session could not be written");
            }
        }
        let remembered = remembered(&session);
        let confirmed = remembered.as_ref().map(|remembered| remembered.confirmed_at);
        let actor = Actor::member(member.vendor, member.id, member.role, Some(public_id(&hash)), confirmed);
        let proved = remembered.is_some_and(|remembered| remembered.factor);
        let actor = if !proved && owes_factor(&member, now) { actor.held() } else { actor };
        lately.note(hash, Some((actor.clone(), until)), now);
        Ok(actor)
    }

    /// Which of these sessions have ended.
    ///
    /// # Errors
    /// Where the database cannot be asked: that says nothing about any session.
    pub async fn ended_sessions(&self, secrets: &[SessionSecret]) -> Result<Vec<SessionSecret>> {
        if secrets.is_empty() {
            return Ok(Vec::new());
        }
        let hashes: Vec<[u8; 32]> = secrets.iter().map(SessionSecret::hash).collect();
        let living = sessions::living(&mut self.store().reader(), &hashes, self.now()).await?;
        Ok(secrets.iter().filter(|secret| !living.contains(&secret.hash())).cloned().collect())
    }

    /// Notes that the person of `actor` has just proved who they are, in the session they use; `proof` is used up with it.
    pub(super) async fn confirm_session(&self, actor: &Actor, proof: Option<Proven>) -> Result<Actor> {
        let nobody = || Error::new(ErrorCode::Unauthenticated);
        let (id, member) = (actor.session().ok_or_else(nobody)?, actor.member_id().ok_or_else(nobody)?);
        let (act, now) = (self.act(&Call::new(actor.clone(), RequestInfo::default())), self.now());
        let confirmed = self.store().write(
            WriteOptions::default(),
            job!(act, proof => |tx| {
                let all = sessions::of_member(tx, act.scope, member, now).await?;
                let Some(mut row) = all.into_iter().find(|row| public_id(&row.id_hash) == id) else { return Ok(false) };
                let before = remembered(&row).unwrap_or_default();
                let factor = proof.is_some() || before.factor;
                if let Some(proof) = &proof {
                    proof.use_up(tx, act.scope, member, now).await?;
                }
                remember(&mut row, &Remembered { confirmed_at: now, factor, ..before })?;
                Ok::<_, Error>(sessions::save(tx, &row).await?)
            }),
        );
        if !confirmed.await? {
            return Err(nobody());
        }
        let role = actor.role().ok_or_else(nobody)?;
        Ok(Actor::member(actor.vendor(), member, role, Some(id), Some(now)))
    }

    /// What the pages keep in the session of `secret`; `None` where there is no such session any more.
    pub async fn session_data(&self, secret: &SessionSecret) -> Result<Option<Map<String, Value>>> {
        let row = sessions::get(&mut self.store().patient_reader(), secret.hash(), self.now()).await?;
        Ok(row.map(|row| remembered(&row).map(|remembered| remembered.kept).unwrap_or_default()))
    }

    /// Keeps `data` in the session of `secret`, in place of what was kept before. Changes neither whose session it is nor
    /// when it ends, and never brings back one that has ended: false where there is none any more.
    ///
    /// # Errors
    /// [`ErrorCode::BodyTooLarge`] for more than a session keeps.
    pub async fn keep_session_data(&self, secret: &SessionSecret, data: Map<String, Value>) -> Result<bool> {
        if serde_json::to_vec(&data).map_err(Error::internal)?.len() > KEPT_AT_MOST {
            return Err(Error::new(ErrorCode::BodyTooLarge));
        }
        let (id_hash, now) = (secret.hash(), self.now());
        let saved = self.store().write(WriteOptions::default().idempotent(), move |tx| {
            let data = data.clone();
            Box::pin(async move {
                let Some(mut row) = sessions::get(tx, id_hash, now).await? else { return Ok(false) };
                let Some(before) = remembered(&row) else { return Ok(false) };
                remember(&mut row, &Remembered { kept: data, ..before })?;
                Ok::<_, Error>(sessions::save(tx, &row).await?)
            })
        });
        saved.await
    }

    /// The running sessions of the person who asks, the newest first.
    pub async fn sessions(&self, actor: &Actor) -> Result<Vec<SessionView>> {
        let member = actor.member_id().ok_or_else(|| Error::new(ErrorCode::Forbidden))?;
        let scope = actor.scope();
        let rows = sessions::of_member(&mut self.store().patient_reader(), scope, member, self.now()).await?;
        let show = |row: &SessionRow| {
            let remembered = remembered(row).unwrap_or_default();
            SessionView {
                id: public_id(&row.id_hash),
                current: actor.session() == Some(public_id(&row.id_hash)),
                created_at: row.created_at,
                touched_at: row.last_seen_at,
                ends_at: row.expires_at,
                origin: remembered.origin,
                browser: remembered.browser,
            }
        };
        Ok(rows.iter().map(show).collect())
    }

    /// Ends one session of the person who asks.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] where they have no such session.
    pub async fn end_session(&self, call: &Call, id: SessionId) -> Result<()> {
        let member = call.actor.member_id().ok_or_else(|| Error::new(ErrorCode::Forbidden))?;
        let act = self.act(call);
        self.store()
            .write(
                WriteOptions::default(),
                job!(act => |tx| {
                    let all = sessions::of_member(tx, act.scope, member, act.now).await?;
                    let found = all.iter().find(|row| public_id(&row.id_hash) == id);
                    let row = found.ok_or_else(|| Error::new(ErrorCode::NotFound))?;
                    sessions::end(tx, row.id_hash).await?;
                    act.event(tx, "member.session_ended", member, json!({ "before": about(row) }));
                    Ok(())
                }),
            )
            .await
    }

    /// Ends every session of the person who asks but the one they use, and what of a sign-in is half done. How many.
    ///
    /// # Errors
    /// [`ErrorCode::Unauthenticated`] where there is no session that asks.
    pub async fn end_other_sessions(&self, call: &Call) -> Result<u64> {
        let nobody = || Error::new(ErrorCode::Unauthenticated);
        let member = call.actor.member_id().ok_or_else(|| Error::new(ErrorCode::Forbidden))?;
        let (act, own) = (self.act(call), call.actor.session().ok_or_else(nobody)?);
        self.store()
            .write(
                WriteOptions::default(),
                job!(act => |tx| {
                    let all = sessions::of_member(tx, act.scope, member, act.now).await?;
                    let kept = all.iter().find(|row| public_id(&row.id_hash) == own).ok_or_else(nobody)?;
                    let ended = sessions::end_of_member(tx, act.scope, member, Some(kept.id_hash)).await?;
                    for row in all.iter().filter(|row| row.id_hash != kept.id_hash) {
                        act.event(tx, "member.session_ended", member, json!({ "before": about(row) }));
                    }
                    Ok(ended)
                }),
            )
            .await
    }

    /// Ends the session of `secret`. Where there is none any more there is nothing to do.
    pub async fn sign_out(&self, secret: &SessionSecret) -> Result<()> {
        let id_hash = secret.hash();
        self.admin().lately.note(id_hash, None, self.now());
        self.store()
            .write(WriteOptions::default().idempotent(), move |tx| {
                Box::pin(async move { Ok::<_, Error>(sessions::end(tx, id_hash).await?) })
            })
            .await
    }

    /// Clears away sessions that have ended. Returns how many.
    pub(crate) async fn prune_sessions(&self) -> Result<u64> {
        let now = self.now();
        self.store()
            .write(WriteOptions::default().idempotent(), move |tx| {
                Box::pin(async move { Ok::<_, Error>(sessions::prune(tx, now).await?) })
            })
            .await
    }
}
