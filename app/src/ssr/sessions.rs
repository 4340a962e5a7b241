//! Browser sessions: `tower-sessions` carries them, the use cases say what they are.
//!
//! The crate reads and writes the cookie and hands a [`Session`] to whoever serves a request. Everything that makes a
//! session safe (only a hash is stored, idle and absolute end by role, ended with a password, role or factor, never
//! revived by a slow request) is decided behind [`SessionStore`], whatever expiry the crate has in mind.

use std::fmt;

use async_trait::async_trait;
use holdfast_service::{Error, ErrorCode, Service, admin::sessions::SessionSecret};
use serde::Serialize;
use tower_sessions::{
    Session, SessionManagerLayer, SessionStore,
    session::{Id, Record},
    session_store::{self, Error as StoreError},
};

/// Under which name the secret of a session that has just begun is handed to [`SessionStore::create`].
const OPENED: &str = "opened";

/// The name of the session cookie. With https its prefix binds it to this host and to https.
pub const fn session_cookie(secure: bool) -> &'static str {
    if secure { "__Host-holdfast" } else { "holdfast_session" }
}

/// The layer that gives every request its session and every answer its cookie: for this whole host, unreadable for
/// scripts, never sent along from other sites, gone with the browser.
pub fn layer(service: Service, secure: bool) -> SessionManagerLayer<Sessions> {
    SessionManagerLayer::new(Sessions(service)).with_name(session_cookie(secure)).with_secure(secure)
}

/// The secret of a session whose cookie a request carried.
pub fn secret(id: Id) -> SessionSecret {
    SessionSecret::from_bytes(id.0.to_le_bytes())
}

/// A secret as the value of a cookie of its own.
pub fn secret_text(secret: &SessionSecret) -> String {
    secret.expose().iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
}

/// The secret of such a value.
pub fn secret_of(text: &str) -> Option<SessionSecret> {
    let plain = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = u128::from_str_radix(text, 16).ok().filter(|_| plain)?;
    Some(SessionSecret::from_bytes(number.to_be_bytes()))
}

/// Lets the browser of `session` go on as the session of `secret`, which signing in has begun. What it had before ends:
/// nobody gets in with an id that was known earlier.
pub async fn begin(session: &Session, secret: &SessionSecret) -> Result<(), Error> {
    let failed = |error| Error::new(ErrorCode::Unavailable).with_source(error);
    end(session).await?;
    session.insert(OPENED, secret.expose()).await.map_err(failed)
}

/// Ends the session, where there is one, and takes its cookie away.
pub async fn end(session: &Session) -> Result<(), Error> {
    if session.id().is_none() {
        return Ok(());
    }
    session.flush().await.map_err(|error| Error::new(ErrorCode::Unavailable).with_source(error))
}

/// Keeps something in the session under `name`. False where there is no session, or none any more: then nothing begins one.
pub async fn keep(session: &Session, name: &str, value: impl Serialize) -> bool {
    if session.id().is_none() || session.insert(name, value).await.is_err() {
        return false;
    }
    // It may have ended since the guard looked.
    let lives = session.id().is_some();
    if !lives {
        session.clear().await;
    }
    lives
}

/// The sessions of the database, as the crate asks for them.
#[derive(Clone)]
pub struct Sessions(Service);

impl fmt::Debug for Sessions {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Sessions")
    }
}

fn failed(error: &Error) -> StoreError {
    tracing::error!(?error, "a session could not be reached");
    StoreError::Backend(error.code.as_str().to_owned())
}

#[async_trait]
impl SessionStore for Sessions {
    /// Takes over the session that signing in has stored, in the same transaction as everything else about it. Nothing else
    /// begins one.
    async fn create(&self, record: &mut Record) -> session_store::Result<()> {
        let opened = record.data.remove(OPENED).and_then(|opened| serde_json::from_value(opened).ok());
        let opened: [u8; 16] =
            opened.ok_or_else(|| StoreError::Encode("only signing in begins a session".to_owned()))?;
        record.id = Id(i128::from_le_bytes(opened));
        Ok(())
    }

    /// Saves what pages keep in it, if the session still exists. That it could not be kept fails nobody's request: no
    /// decision rests on it.
    async fn save(&self, record: &Record) -> session_store::Result<()> {
        let data = record.data.clone().into_iter().collect();
        if let Err(error) = self.0.keep_session_data(&secret(record.id), data).await {
            tracing::warn!(?error, "what a session was to keep is lost");
        }
        Ok(())
    }

    async fn load(&self, id: &Id) -> session_store::Result<Option<Record>> {
        let data = self.0.session_data(&secret(*id)).await.map_err(|error| failed(&error))?;
        // The end is not for the crate to decide; it puts one of its own in when it saves, and `save` leaves that out.
        let expiry_date = tower_sessions::cookie::time::OffsetDateTime::UNIX_EPOCH;
        Ok(data.map(|data| Record { id: *id, data: data.into_iter().collect(), expiry_date }))
    }

    async fn delete(&self, id: &Id) -> session_store::Result<()> {
        self.0.sign_out(&secret(*id)).await.map_err(|error| failed(&error))
    }
}
