//! Looking at the portal as a customer sees it: for whoever answers them. It shows what they see and changes nothing, which
//! [`CustomerCall`](crate::portal::CustomerCall) sees to, and ends by itself.

use super::{
    act::job,
    import::dates::rfc_3339,
    sessions::{SessionSecret, Viewing, set_viewing, viewing_of},
};
use crate::{
    Call, Service,
    actor::Actor,
    error::{Error, ErrorCode, Result},
    portal::CustomerActor,
};
use holdfast_domain::{CustomerId, Permission, ReasonText, Seconds, Timestamp};
use holdfast_store::{WriteOptions, customers, sessions};
use serde_json::json;

/// How long it lasts.
pub const LASTS: Seconds = Seconds::minutes(30);
/// What somebody must be allowed for it: who may change a customer answers them.
pub const VIEW: Permission = Permission::CustomersWrite;

impl Service {
    /// Has the session of whoever asks see the portal as the administrator of `customer` does, for half an hour and for nobody
    /// else at the same time. It is an event with the reason. Until when.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`]; [`ErrorCode::Unauthenticated`] for whoever has no session, such as a program.
    pub async fn view_as(&self, call: &Call, customer: CustomerId, reason: ReasonText) -> Result<Timestamp> {
        call.actor.require(VIEW)?;
        let (act, actor) = (self.act(&call.clone().because(reason)), call.actor.clone());
        let until = act.now.plus(LASTS);
        let begun = job!(act, actor => |tx| {
            let known = customers::get(tx, act.scope, customer).await?;
            known.ok_or_else(|| Error::new(ErrorCode::NotFound))?;
            set_viewing(tx, &actor, act.now, Some(Viewing { customer, until })).await?;
            act.event(tx, "customer.viewed", customer, json!({ "until": rfc_3339(until) }));
            Ok::<_, Error>(until)
        });
        self.store().write(WriteOptions::default(), begun).await
    }

    /// Ends it; as whom it was, where it was.
    ///
    /// # Errors
    /// [`ErrorCode::Unauthenticated`] for whoever has no session.
    pub async fn stop_viewing(&self, call: &Call) -> Result<Option<CustomerId>> {
        call.actor.require(VIEW)?;
        let (actor, now) = (call.actor.clone(), self.now());
        let ended = job!(actor => |tx| set_viewing(tx, &actor, now, None).await);
        Ok(self.store().write(WriteOptions::default(), ended).await?.map(|viewing| viewing.customer))
    }

    /// As whom `actor`, whose session has this secret, is in the portal now; `None` where as nobody.
    pub async fn viewer(&self, secret: &SessionSecret, actor: &Actor) -> Result<Option<CustomerActor>> {
        if !actor.may(VIEW) {
            return Ok(None);
        }
        let (hash, now, mut reader) = (secret.hash(), self.now(), self.store().patient_reader());
        let row = sessions::get(&mut reader, hash, now).await?;
        let viewing = row.as_ref().and_then(viewing_of).filter(|viewing| viewing.until > now);
        let Some(Viewing { customer, until }) = viewing else { return Ok(None) };
        let known = customers::get(&mut reader, actor.scope(), customer).await?;
        Ok(known.map(|_| CustomerActor::viewer((actor.vendor(), customer), until, hash)))
    }
}
