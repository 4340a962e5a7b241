//! Who of a company comes in to the portal: administrators ask colleagues in and take them out.

use super::{CustomerActor, CustomerCall, InvitePerson, door::mailbox, look::look, views::PersonView};
use crate::{
    Error, ErrorCode, Result, Service,
    admin::act::{Act, job},
    mail::Mail,
};
use holdfast_domain::{CustomerPersonId, CustomerRole, PortalAct, Seconds};
use holdfast_store::{
    Tx, WriteOptions,
    customer_people::{self, CustomerPersonRow, MOST},
    customers::{self, CustomerRow},
    throttle,
};
use serde_json::json;

/// To how many colleagues a company has us write within a day at most, and how often to the same one.
const WRITTEN: (i64, i64) = (100, 3);

fn absent() -> Error {
    Error::new(ErrorCode::NotFound)
}

fn show(row: CustomerPersonRow, company: &CustomerRow, actor: &CustomerActor) -> PersonView {
    PersonView {
        own: actor.person_id() == Some(row.id),
        main: company.email.as_ref() == Some(&row.email),
        id: row.id,
        email: row.email,
        name: row.name,
        role: row.role,
        created_at: row.created_at,
        signed_in_at: row.last_login_at,
    }
}

impl Service {
    /// Who of the company comes in, by address.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] for everybody but administrators.
    pub async fn my_people(&self, actor: &CustomerActor) -> Result<Vec<PersonView>> {
        actor.require(PortalAct::PeopleWrite)?;
        let mut reader = self.store().patient_reader();
        let company = customers::get(&mut reader, actor.scope(), actor.customer()).await?.ok_or_else(absent)?;
        let rows = customer_people::of_customer(&mut reader, actor.scope(), actor.customer()).await?;
        Ok(rows.into_iter().map(|row| show(row, &company, actor)).collect())
    }

    /// Asks a colleague in, who is written to.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] for everybody but administrators; [`ErrorCode::EmailTaken`] where the company has somebody
    /// of that address; [`ErrorCode::InvalidRequest`] where it has as many people as it may; [`ErrorCode::RateLimited`] after
    /// very many in a day.
    pub async fn invite_colleague(&self, call: &CustomerCall, input: InvitePerson) -> Result<()> {
        call.actor.require(PortalAct::PeopleWrite)?;
        let (act, actor) = (self.portal_act(call), call.actor.clone());
        let invited = job!(act, actor, input => |tx| {
            if invite(&act, tx, &actor, &input, None).await? { Ok(()) } else { Err(Error::new(ErrorCode::EmailTaken).with_pointer("/email")) }
        });
        self.store().write(WriteOptions::default(), invited).await
    }

    /// Makes a colleague an administrator, or no longer one.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] for everybody but administrators, for oneself, and for the address under which the vendor
    /// knows the company; [`ErrorCode::NotFound`].
    pub async fn set_colleagues_role(
        &self,
        call: &CustomerCall,
        id: CustomerPersonId,
        role: CustomerRole,
    ) -> Result<()> {
        call.actor.require(PortalAct::PeopleWrite)?;
        let (act, actor) = (self.portal_act(call), call.actor.clone());
        let changed = job!(act, actor => |tx| {
            let before = colleague(&act, tx, &actor, id).await?;
            customer_people::set_role(tx, act.scope, id, role).await?;
            let data = json!({ "before": { "role": before.role }, "after": { "role": role, "email": before.email } });
            act.event(tx, "customer.person_changed", actor.customer(), actor.told(data));
            Ok::<_, Error>(())
        });
        self.store().write(WriteOptions::default(), changed).await
    }

    /// Takes a colleague out: their sessions end.
    ///
    /// # Errors
    /// As for [`Service::set_colleagues_role`].
    pub async fn remove_colleague(&self, call: &CustomerCall, id: CustomerPersonId) -> Result<()> {
        call.actor.require(PortalAct::PeopleWrite)?;
        let (act, actor) = (self.portal_act(call), call.actor.clone());
        let removed = job!(act, actor => |tx| {
            let before = colleague(&act, tx, &actor, id).await?;
            customer_people::remove(tx, act.scope, id).await?;
            let data = json!({ "before": { "email": before.email, "role": before.role } });
            act.event(tx, "customer.person_removed", actor.customer(), actor.told(data));
            Ok::<_, Error>(())
        });
        self.store().write(WriteOptions::default(), removed).await
    }
}

/// Asks somebody in, in a write job, and writes to them. False where the company has somebody of that address, who is written
/// to where there is a `seat` to tell of: the product and plan that it is of.
pub(super) async fn invite(
    act: &Act,
    tx: &mut Tx,
    actor: &CustomerActor,
    input: &InvitePerson,
    seat: Option<String>,
) -> Result<bool> {
    let company = customers::get(tx, act.scope, actor.customer()).await?.ok_or_else(absent)?;
    let people = customer_people::of_customer(tx, act.scope, actor.customer()).await?;
    let known = people.iter().find(|person| person.email == input.email);
    if known.is_none() && people.len() >= MOST {
        return Err(Error::invalid("/email", format_args!("A company has at most {MOST} people here.")));
    }
    let new = CustomerPersonRow {
        id: CustomerPersonId::new(act.now, act.service.entropy()),
        vendor: act.scope.vendor(),
        customer: actor.customer(),
        email: input.email.clone(),
        name: input.name.clone(),
        role: input.role,
        created_at: act.now,
        last_login_at: None,
    };
    // Somebody else can have asked them in by now.
    let is_new = known.is_none() && customer_people::insert(tx, act.scope, &new).await?;
    if is_new {
        let data = json!({ "after": { "email": new.email, "role": new.role } });
        act.event(tx, "customer.person_invited", actor.customer(), actor.told(data));
    }
    if !is_new && seat.is_none() {
        return Ok(false);
    }
    let counter = format!("portal:written:{}", actor.customer());
    if throttle::hit(tx, &counter, Seconds::DAY, act.now).await? > WRITTEN.0 {
        return Err(Error::new(ErrorCode::RateLimited).with_retry_after(Seconds::DAY));
    }
    // Whoever was written to often enough is not again: what was done for them stands.
    let counter = format!("portal:written:{}", mailbox(act.scope.vendor(), &new.email));
    let often = throttle::hit(tx, &counter, Seconds::DAY, act.now).await? > WRITTEN.1;
    let here = look(tx, act.scope.vendor()).await?;
    if let Some(link) = act.service.portal_link(&here, "").filter(|_| !often) {
        let about = known.map_or(new.id, |person| person.id);
        act.mail(tx, &new.email, about, &Mail::Colleague { company: company.name.to_string(), seat, link }, None)
            .await?;
    }
    Ok(is_new)
}

/// A colleague whom `actor` may change. Of two administrators who change each other at once the second finds that it is none
/// any more.
async fn colleague(act: &Act, tx: &mut Tx, actor: &CustomerActor, id: CustomerPersonId) -> Result<CustomerPersonRow> {
    let forbidden = |detail: &str| Error::new(ErrorCode::Forbidden).with_detail(detail);
    let company = customers::get(tx, act.scope, actor.customer()).await?.ok_or_else(absent)?;
    let all = customer_people::lock_of_customer(tx, act.scope, actor.customer()).await?;
    let own = all.iter().find(|row| Some(row.id) == actor.person_id());
    if own.is_none_or(|own| own.role != CustomerRole::Administrator) {
        return Err(Error::new(ErrorCode::Forbidden));
    }
    if actor.person_id() == Some(id) {
        return Err(forbidden("Another administrator can do this to you; you cannot."));
    }
    let row = all.into_iter().find(|row| row.id == id).ok_or_else(absent)?;
    if company.email.as_ref() == Some(&row.email) {
        return Err(forbidden(
            "This is the address under which the vendor knows your company. The vendor can change it.",
        ));
    }
    Ok(row)
}
