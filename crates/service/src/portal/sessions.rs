//! Sessions of the portal: 24 hours without use and 30 days in any case (security design, "Sessions").

use super::{CustomerActor, CustomerCall, PortalSignedIn, views::PortalSessionView};
use crate::{
    Error, ErrorCode, RequestInfo, Result, Service,
    admin::{act::job, sessions::SessionSecret},
};
use holdfast_domain::{CustomerId, CustomerPersonId, LicenseId, Seconds, SessionId, VendorId, entropy::random_bytes};
use holdfast_store::{
    WriteOptions, customer_people, licenses,
    portal_sessions::{self, PortalSessionRow},
};

/// How long a session lives without use.
const IDLE: Seconds = Seconds::DAY;
/// How long in any case.
const ABSOLUTE: Seconds = Seconds::days(30);
/// How often the last use of a session is written at most (pitfall 20).
const TOUCH_EVERY: Seconds = Seconds::MINUTE;

/// The public id of a session: it ends a session and opens none.
pub(super) fn public_id(id_hash: &[u8; 32]) -> SessionId {
    let mut id = [0; 16];
    id.copy_from_slice(&id_hash[..16]);
    SessionId::from_bytes(id)
}

fn nobody() -> Error {
    Error::new(ErrorCode::Unauthenticated)
}

/// Whose session it is to be.
#[derive(Clone, Copy)]
pub(super) enum Whose {
    Person(CustomerPersonId),
    License(LicenseId),
}

impl Service {
    /// A new session, not yet stored.
    pub(super) fn new_portal_session(
        &self,
        vendor: VendorId,
        customer: CustomerId,
        whose: Whose,
        from: &RequestInfo,
    ) -> (PortalSignedIn, PortalSessionRow) {
        let (secret, now) = (SessionSecret::from_bytes(random_bytes(self.entropy())), self.now());
        let (person, license) = match whose {
            Whose::Person(person) => (Some(person), None),
            Whose::License(license) => (None, Some(license)),
        };
        let row = PortalSessionRow {
            id_hash: secret.hash(),
            vendor,
            customer,
            person,
            license,
            created_at: now,
            last_seen_at: now,
            idle_expires_at: now.plus(IDLE),
            expires_at: now.plus(ABSOLUTE),
            origin: from.address.map(|address| address.to_string()).unwrap_or_default(),
            browser: from.browser.clone(),
        };
        (PortalSignedIn { session: secret, ends_at: row.expires_at, license }, row)
    }

    /// Who the session of `secret` belongs to. Using it moves its idle end, written at most once a minute; that the write
    /// fails signs nobody out.
    ///
    /// # Errors
    /// [`ErrorCode::Unauthenticated`] where there is no such session, or it has ended.
    pub async fn customer_for_session(&self, secret: &SessionSecret) -> Result<CustomerActor> {
        let (hash, now) = (secret.hash(), self.now());
        let mut reader = self.store().patient_reader();
        let row = portal_sessions::get(&mut reader, hash, now).await?.ok_or_else(nobody)?;
        let home = (row.vendor, row.customer);
        let actor = match (row.person, row.license) {
            (Some(person), _) => {
                let person = customer_people::get(&mut reader, row.scope(), person).await?.ok_or_else(nobody)?;
                CustomerActor::person(home, person.id, person.role, hash)
            }
            (None, Some(license)) => {
                let license = licenses::get(&mut reader, row.scope(), license).await?.ok_or_else(nobody)?.license;
                if license.customer != Some(row.customer) {
                    return Err(nobody());
                }
                CustomerActor::key_holder(home, license.id, hash)
            }
            (None, None) => return Err(nobody()),
        };
        if now.since(row.last_seen_at) >= TOUCH_EVERY {
            let until = now.plus(IDLE).min(row.expires_at);
            let touched = self.store().write(
                WriteOptions::last().idempotent(),
                job!(=> |tx| portal_sessions::touch(tx, hash, now, until).await),
            );
            if let Err(error) = touched.await {
                tracing::warn!(?error, "the last use of a portal session could not be written");
            }
        }
        Ok(actor)
    }

    /// Ends the session of `secret`. Where there is none any more there is nothing to do.
    pub async fn leave_portal(&self, secret: &SessionSecret) -> Result<()> {
        let hash = secret.hash();
        let ended = job!(=> |tx| portal_sessions::end(tx, hash).await);
        Ok(self.store().write(WriteOptions::default().idempotent(), ended).await?)
    }

    /// The running sessions of the person who asks, the newest first.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] for whoever a license's key let in.
    pub async fn my_portal_sessions(&self, actor: &CustomerActor) -> Result<Vec<PortalSessionView>> {
        let person = actor.person_id().ok_or_else(|| Error::new(ErrorCode::Forbidden))?;
        let mut reader = self.store().patient_reader();
        let rows = portal_sessions::of_person(&mut reader, actor.scope(), person, self.now()).await?;
        let show = |row: PortalSessionRow| PortalSessionView {
            id: public_id(&row.id_hash),
            current: actor.session() == public_id(&row.id_hash),
            created_at: row.created_at,
            touched_at: row.last_seen_at,
            ends_at: row.idle_expires_at.min(row.expires_at),
            origin: row.origin,
            browser: row.browser,
        };
        Ok(rows.into_iter().map(show).collect())
    }

    /// Ends one session of the person who asks.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] where they have no such session; [`ErrorCode::Forbidden`] for whoever a license's key let in.
    pub async fn end_my_portal_session(&self, call: &CustomerCall, id: SessionId) -> Result<()> {
        let person = call.actor.person_id().ok_or_else(|| Error::new(ErrorCode::Forbidden))?;
        let (act, actor) = (self.portal_act(call), call.actor.clone());
        let ended = job!(act, actor => |tx| {
            let all = portal_sessions::of_person(tx, act.scope, person, act.now).await?;
            let row = all.iter().find(|row| public_id(&row.id_hash) == id);
            let row = row.ok_or_else(|| Error::new(ErrorCode::NotFound))?;
            portal_sessions::end(tx, row.id_hash).await?;
            let before = serde_json::json!({ "browser": row.browser, "origin": row.origin });
            act.event(tx, "customer.session_ended", actor.customer(), actor.told(serde_json::json!({ "before": before })));
            Ok::<_, Error>(())
        });
        self.store().write(WriteOptions::default(), ended).await
    }

    /// Clears away sessions of the portal that have ended, and codes that have run out. Returns how many.
    pub(crate) async fn prune_portal(&self) -> Result<u64> {
        let now = self.now();
        let prune = job!(=> |tx| portal_sessions::prune(tx, now).await);
        Ok(self.store().write(WriteOptions::default().idempotent(), prune).await?)
    }
}
