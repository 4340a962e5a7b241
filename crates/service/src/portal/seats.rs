//! Devices and places of one's own licenses: freed within the plan's budget, renamed, handed to a colleague.

use super::{
    CustomerActor, CustomerCall, InvitePerson,
    licenses::{Names, absent, is_own, own},
    people,
    views::{MyLease, slug},
};
use crate::{
    Error, ErrorCode, Result, Service,
    admin::{
        act::{Act, job},
        seats::show,
        views::SeatView,
    },
    runtime::{Claimant, Device, Nonce, Origin, free, free_within_budget, left_of},
};
use holdfast_domain::{
    CustomerRole, Email, LicenseId, LicenseState, Name, PortalAct, SeatId, SeatModel, SeatState, entropy::random_bytes,
};
use holdfast_store::{
    Querier, Tx, WriteOptions,
    licenses::{self, LicenseRow},
    seats::{self, HandedOut, SeatRow},
};
use serde_json::json;

/// A seat of one's own, with its license.
async fn own_seat(q: &mut dyn Querier, actor: &CustomerActor, id: SeatId) -> Result<(SeatRow, LicenseRow)> {
    let seat = seats::get(q, actor.scope(), id).await?.ok_or_else(absent)?;
    let license = licenses::get(q, actor.scope(), seat.seat.license).await?;
    let license = license.filter(|license| is_own(actor, license)).ok_or_else(absent)?;
    Ok((seat, license))
}

impl Service {
    /// Takes a seat from a device, at once and within the plan's budget. The device loses access with its next renewal. A
    /// seat that is free already costs nothing.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] for an unknown id and somebody else's alike; [`ErrorCode::ReleaseBudgetSpent`].
    pub async fn free_my_seat(&self, call: &CustomerCall, id: SeatId) -> Result<SeatView> {
        call.actor.require(PortalAct::SeatsWrite)?;
        let (_, license) = own_seat(&mut self.store().patient_reader(), &call.actor, id).await?;
        let license = license.license.id;
        let (act, actor, origin) = (self.portal_act(call), call.actor.clone(), Origin::of(&call.from));
        let freed = job!(act, actor, origin => |tx| {
            let service = &act.service;
            own(tx, &actor, license).await?;
            let told = actor.told(json!({ "by": "portal" }));
            free_within_budget(service, tx, act.scope, (id, license), &origin, told).await?;
            Ok::<_, Error>(show(&seats::get(tx, act.scope, id).await?.ok_or_else(absent)?))
        });
        let freed = self.store().write(WriteOptions::license(license), freed).await?;
        self.apply_own_changes().await;
        Ok(freed)
    }

    /// Gives a device another name.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] for an unknown id and somebody else's alike.
    pub async fn rename_my_seat(&self, call: &CustomerCall, id: SeatId, name: Name) -> Result<()> {
        call.actor.require(PortalAct::SeatsWrite)?;
        let (act, actor) = (self.portal_act(call), call.actor.clone());
        let renamed = job!(act, actor, name => |tx| {
            let (seat, _) = own_seat(tx, &actor, id).await?;
            seats::rename(tx, act.scope, id, &name).await?;
            let data = json!({
                "before": { "name": seat.name }, "after": { "name": name }, "license": seat.seat.license,
            });
            act.event(tx, "seat.renamed", id, actor.told(data));
            Ok::<_, Error>(())
        });
        self.store().write(WriteOptions::default(), renamed).await
    }

    /// Hands a seat of a license for named users out: it is theirs from now on, and their application takes it when it
    /// activates with their address. They are written to, and asked in where they are not yet. Whoever has one keeps it.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] for an unknown license and somebody else's alike; [`ErrorCode::InvalidRequest`] where its
    /// places are not of named users; [`ErrorCode::StatusConflict`] where it is not valid; [`ErrorCode::SeatLimitReached`];
    /// [`ErrorCode::RateLimited`] after very many in a day; [`ErrorCode::Forbidden`] for everybody but administrators.
    pub async fn hand_seat_out(&self, call: &CustomerCall, license: LicenseId, to: InvitePerson) -> Result<()> {
        call.actor.require(PortalAct::PlacesWrite)?;
        let (act, actor) = (self.portal_act(call), call.actor.clone());
        let handed = job!(act, actor, to => |tx| {
            let row = named(&act, tx, &actor, license).await?;
            if row.license.state(act.now) != LicenseState::Active {
                return Err(Error::new(ErrorCode::StatusConflict).with_detail("Seats of a license that is not valid are not handed out."));
            }
            give(&act, tx, &actor, &row, &to).await
        });
        self.store().write(WriteOptions::license(license), handed).await
    }

    /// Takes the place of a named user back: all of their devices lose access with their next renewal, which counts once
    /// towards the plan's budget; without devices it counts towards none. Where `to` is given, it is handed to that colleague.
    /// How many devices lose access.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] for an unknown license, somebody else's, and a user who has no place on it;
    /// [`ErrorCode::InvalidRequest`] where its places are not of named users, or `to` is the same person;
    /// [`ErrorCode::ReleaseBudgetSpent`]; [`ErrorCode::RateLimited`]; [`ErrorCode::Forbidden`] for everybody but
    /// administrators.
    pub async fn take_place_back(
        &self,
        call: &CustomerCall,
        license: LicenseId,
        user: Email,
        to: Option<InvitePerson>,
    ) -> Result<usize> {
        call.actor.require(PortalAct::PlacesWrite)?;
        let (act, actor, origin) = (self.portal_act(call), call.actor.clone(), Origin::of(&call.from));
        let taken = job!(act, actor, origin, user, to => |tx| {
            let row = named(&act, tx, &actor, license).await?;
            if to.as_ref().is_some_and(|to| to.email == user) {
                return Err(Error::invalid("/to", "The place is theirs already."));
            }
            let theirs = seats::of_user(tx, act.scope, license, &user).await?;
            let handed = seats::take_back(tx, &row, &user).await?;
            if theirs.is_empty() && !handed {
                return Err(absent());
            }
            if let Some(first) = theirs.first() {
                if left_of(tx, &row, act.now).await? == 0 {
                    return Err(Error::new(ErrorCode::ReleaseBudgetSpent));
                }
                seats::note_release_by_key(tx, act.scope, license, first.seat.id, act.now).await?;
            }
            for seat in &theirs {
                let told = actor.told(json!({ "by": "portal", "user": user }));
                free(&act.service, tx, act.scope, (seat.seat.id, license), &origin, told).await?;
            }
            act.event(tx, "seat.taken_back", license, actor.told(json!({ "user": user, "devices": theirs.len() })));
            if let Some(to) = &to {
                let row = named(&act, tx, &actor, license).await?;
                give(&act, tx, &actor, &row, to).await?;
            }
            Ok(theirs.len())
        });
        let taken = self.store().write(WriteOptions::license(license), taken).await?;
        self.apply_own_changes().await;
        Ok(taken)
    }

    /// A fresh lease for a device that has a seat, to be carried to it where it has no network. The device counts as heard of,
    /// and until it takes the seat anew a release by its lease counts towards the plan's budget: it could be the one that is
    /// handed out here.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] for an unknown id and somebody else's alike; [`ErrorCode::InvalidRequest`] for a floating
    /// seat, and for a device that signs its renewals itself; a code with a signed denial where the license is refused.
    pub async fn my_lease(&self, call: &CustomerCall, id: SeatId) -> Result<MyLease> {
        call.actor.require(PortalAct::SeatsWrite)?;
        let (seat, license) = own_seat(&mut self.store().patient_reader(), &call.actor, id).await?;
        if seat.seat.state != SeatState::Active {
            return Err(absent());
        }
        if license.license.terms.seat_model == SeatModel::Floating {
            return Err(Error::invalid(
                "/seat",
                "Floating seats are renewed every few minutes; a lease that is carried would be too old.",
            ));
        }
        if seat.seat.device_key.is_some() {
            return Err(Error::invalid(
                "/seat",
                "This device signs its renewals itself: make an offline request on it and bring that.",
            ));
        }
        let hot = self.signing_product(seat.product).await?;
        let nonce = format!("portal-{}", u64::from_be_bytes(random_bytes(self.entropy())));
        let nonce = Nonce::parse(&nonce).ok_or_else(|| Error::internal("a nonce of digits"))?;
        let claimant = Claimant::returning(Device::new(seat.seat.device));
        let keys = hot.manifest_newer_than(None);
        let claimed = self.claim_seat(&hot, seat.seat.license, claimant, &nonce, &call.from, keys).await?;
        let (act, actor) = (self.portal_act(call), call.actor.clone());
        let noted = job!(act, actor => |tx| {
            seats::note_lease_handed_out(tx, act.scope, id, act.now).await?;
            act.event(tx, "seat.lease_fetched", id, actor.told(json!({ "license": seat.seat.license })));
            Ok::<_, Error>(())
        });
        self.store().write(WriteOptions::default(), noted).await?;
        let document = json!({ "lease": claimed.lease, "keys": claimed.keys }).to_string();
        Ok(MyLease { file_name: format!("{}-lease.json", slug(&license.license.plan_code)), document })
    }
}

/// A license of one's own whose seats belong to people, locked until the commit.
async fn named(act: &Act, tx: &mut Tx, actor: &CustomerActor, id: LicenseId) -> Result<LicenseRow> {
    let row = licenses::lock(tx, act.scope, id).await?.filter(|row| is_own(actor, row)).ok_or_else(absent)?;
    match row.license.terms.seat_model {
        SeatModel::NamedUser { .. } => Ok(row),
        _ => Err(Error::invalid("/license", "Its places belong to devices, not to people.")),
    }
}

/// Hands a seat of a license that [`named`] has locked out, in a write job.
async fn give(act: &Act, tx: &mut Tx, actor: &CustomerActor, row: &LicenseRow, to: &InvitePerson) -> Result<()> {
    match seats::hand_out(tx, row, &to.email, act.now).await? {
        HandedOut::Done => {}
        HandedOut::Had => return Ok(()),
        HandedOut::Full => {
            let detail = "None is free. Take one back first, or get more seats.";
            return Err(Error::new(ErrorCode::SeatLimitReached).with_pointer("/to").with_detail(detail));
        }
    }
    act.event(tx, "seat.handed_out", row.license.id, actor.told(json!({ "user": to.email })));
    let seat = Names::of(tx, act.scope, &[row]).await?.called(row);
    people::invite(act, tx, actor, to, Some(seat)).await?;
    Ok(())
}

impl InvitePerson {
    /// A colleague who is to use a place, and nothing else.
    pub const fn user(email: Email) -> Self {
        Self { email, name: None, role: CustomerRole::User }
    }
}
