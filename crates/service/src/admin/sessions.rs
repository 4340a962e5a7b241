//! Browser sessions of members: a random secret in the cookie, its hash in the database, an idle and an absolute end.

use super::{
    act::job,
    views::{MemberView, SessionView},
};
use crate::{
    Service,
    actor::{Actor, RequestInfo},
    error::{Error, ErrorCode, Result},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use holdfast_domain::{Role, Seconds, SessionId, Timestamp, entropy::random_bytes};
use holdfast_store::{
    WriteOptions,
    members::{self, MemberRow},
    sessions::{self, SessionRow},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fmt;

/// How often the last use of a session is written at most (pitfall 20).
const TOUCH_EVERY: Seconds = Seconds::MINUTE;

/// A session's secret: the value of its cookie, 43 characters of base64url. Never shown by `Debug`, never stored.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionSecret(String);

impl SessionSecret {
    /// The cookie's value.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SessionSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionSecret(…)")
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
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Remembered {
    /// When the person last proved who they are.
    confirmed_at: Timestamp,
    /// From where they signed in.
    origin: String,
}

/// How long a session of `role` lives without use, and in any case (security design, "Sessions").
pub const fn lifetime(role: Role) -> (Seconds, Seconds) {
    match role {
        Role::Support => (Seconds::minutes(15), Seconds::hours(8)),
        _ => (Seconds::minutes(30), Seconds::hours(12)),
    }
}

fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
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

impl Service {
    /// A new session of `member`, not yet stored.
    pub(super) fn new_session(&self, member: &MemberRow, from: &RequestInfo) -> Result<(SessionSecret, SessionRow)> {
        let secret = SessionSecret(BASE64_URL_SAFE_NO_PAD.encode(random_bytes::<32>(self.entropy())));
        let now = self.now();
        let (idle, absolute) = lifetime(member.role);
        let origin = from.address.map(|address| address.to_string()).unwrap_or_default();
        let data = serde_json::to_string(&Remembered { confirmed_at: now, origin }).map_err(Error::internal)?;
        let row = SessionRow {
            id_hash: hash(&secret.0),
            vendor: Some(member.vendor),
            member: Some(member.id),
            created_at: now,
            last_seen_at: now,
            idle_expires_at: now.plus(idle),
            expires_at: now.plus(absolute),
            data,
        };
        Ok((secret, row))
    }

    /// Who the session of `secret` belongs to. Using it moves its idle end, written at most once a minute; that the write
    /// fails signs nobody out.
    ///
    /// # Errors
    /// [`ErrorCode::Unauthenticated`] where there is no such session, it has ended, or its member may not sign in.
    pub async fn actor_for_session(&self, secret: &str) -> Result<Actor> {
        let nobody = || Error::new(ErrorCode::Unauthenticated);
        if secret.len() != 43 {
            return Err(nobody());
        }
        let (now, mut reader) = (self.now(), self.store().reader());
        let session = sessions::get(&mut reader, hash(secret), now).await?.ok_or_else(nobody)?;
        let (Some(scope), Some(id)) = (session.scope(), session.member) else { return Err(nobody()) };
        let member = members::get(&mut reader, scope, id).await?.ok_or_else(nobody)?;
        if member.disabled_at.is_some() {
            return Err(nobody());
        }
        let (idle, _) = lifetime(member.role);
        if now.since(session.last_seen_at) >= TOUCH_EVERY {
            let (id_hash, until) = (session.id_hash, now.plus(idle).min(session.expires_at));
            let touched = self.store().write(WriteOptions::last().idempotent(), move |tx| {
                Box::pin(async move { sessions::touch(tx, id_hash, now, until).await })
            });
            if let Err(error) = touched.await {
                tracing::warn!(?error, "the last use of a session could not be written");
            }
        }
        let confirmed = remembered(&session).map(|remembered| remembered.confirmed_at);
        Ok(Actor::member(scope.vendor(), id, member.role, Some(public_id(&session.id_hash)), confirmed))
    }

    /// Notes that the person of `actor` has just proved who they are, in the session they use.
    pub(super) async fn confirm_session(&self, actor: &Actor) -> Result<Actor> {
        let nobody = || Error::new(ErrorCode::Unauthenticated);
        let (id, member) = (actor.session().ok_or_else(nobody)?, actor.member_id().ok_or_else(nobody)?);
        let (act, now) = (self.act(&crate::Call::new(actor.clone(), RequestInfo::default())), self.now());
        let confirmed = self.store().write(
            WriteOptions::default(),
            job!(act => |tx| {
                let all = sessions::of_member(tx, act.scope, member, now).await?;
                let Some(mut row) = all.into_iter().find(|row| public_id(&row.id_hash) == id) else { return Ok(false) };
                let origin = remembered(&row).map(|remembered| remembered.origin).unwrap_or_default();
                row.data = serde_json::to_string(&Remembered { confirmed_at: now, origin }).map_err(Error::internal)?;
                Ok::<_, Error>(sessions::save(tx, &row).await?)
            }),
        );
        if !confirmed.await? {
            return Err(nobody());
        }
        let role = actor.role().ok_or_else(nobody)?;
        Ok(Actor::member(actor.vendor(), member, role, Some(id), Some(now)))
    }

    /// The running sessions of the person who asks, the newest first.
    pub async fn sessions(&self, actor: &Actor) -> Result<Vec<SessionView>> {
        let member = actor.member_id().ok_or_else(|| Error::new(ErrorCode::Forbidden))?;
        let scope = actor.scope();
        let rows = sessions::of_member(&mut self.store().reader(), scope, member, self.now()).await?;
        let show = |row: &SessionRow| SessionView {
            id: public_id(&row.id_hash),
            current: actor.session() == Some(public_id(&row.id_hash)),
            created_at: row.created_at,
            touched_at: row.last_seen_at,
            ends_at: row.expires_at,
            origin: remembered(row).map(|remembered| remembered.origin).unwrap_or_default(),
        };
        Ok(rows.iter().map(show).collect())
    }

    /// Ends one session of the person who asks.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] where they have no such session.
    pub async fn end_session(&self, actor: &Actor, id: SessionId) -> Result<()> {
        let member = actor.member_id().ok_or_else(|| Error::new(ErrorCode::Forbidden))?;
        let (scope, now) = (actor.scope(), self.now());
        self.store()
            .write(WriteOptions::default(), move |tx| {
                Box::pin(async move {
                    let all = sessions::of_member(tx, scope, member, now).await?;
                    let found = all.iter().find(|row| public_id(&row.id_hash) == id);
                    let row = found.ok_or_else(|| Error::new(ErrorCode::NotFound))?;
                    Ok(sessions::end(tx, row.id_hash).await?)
                })
            })
            .await
    }

    /// Ends the session that `actor` uses. Without one there is nothing to do.
    pub async fn sign_out(&self, actor: &Actor) -> Result<()> {
        let Some(id) = actor.session() else { return Ok(()) };
        match self.end_session(actor, id).await {
            Err(error) if error.code == ErrorCode::NotFound => Ok(()),
            other => other,
        }
    }
}
