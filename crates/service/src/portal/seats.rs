//! Devices and places of one's own licenses: freed within the plan's budget, renamed, handed to a colleague.

use super::{
    CustomerActor, CustomerCall, InvitePerson,
    licenses::{absent, is_own, own},
    people,
    views::{MyLease, slug},
};
use crate::{
    Error, ErrorCode, Result, Service,
    admin::{act::job, seats::show, views::SeatView},
    runtime::{Claimant, Device, Nonce, Origin, free, free_within_budget, releases_left},
};
use holdfast_domain::{
    CustomerRole, Email, LicenseId, Name, PortalAct, SeatId, SeatModel, SeatState, entropy::random_bytes,
};
use holdfast_store::{
    Querier, WriteOptions,
    licenses::{self, LicenseRow},
    seats::{self, SeatRow},
};
use serde_json::json;

/// How many devices of a person a place is taken back from at most: as many as a plan may allow.
const DEVICES: usize = 1_000;

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

    /// Takes the place of a named user back: all of their devices lose access with their next renewal. It counts once
    /// towards the plan's budget. Where `to` is given, that colleague is asked in, and takes the place when their application
    /// activates with their address. How many devices lose access.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] for an unknown license, somebody else's, and a user who has no place on it;
    /// [`ErrorCode::InvalidRequest`] where its places are not of named users, or `to` is the same person;
    /// [`ErrorCode::ReleaseBudgetSpent`]; [`ErrorCode::Forbidden`] for everybody but administrators.
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
            let left = releases_left(tx, act.scope, license, act.now).await.map_err(|_| absent())?;
            let row = own(tx, &actor, license).await?;
            if !matches!(row.license.terms.seat_model, SeatModel::NamedUser { .. }) {
                return Err(Error::invalid("/license", "Its places belong to devices, not to people."));
            }
            if to.as_ref().is_some_and(|to| to.email == user) {
                return Err(Error::invalid("/to", "The place is theirs already."));
            }
            let all = seats::of_license(tx, act.scope, license, SeatState::Active, usize::MAX >> 1).await?;
            let theirs: Vec<SeatRow> =
                all.into_iter().filter(|seat| seat.seat.user.as_ref() == Some(&user)).take(DEVICES).collect();
            let first = theirs.first().ok_or_else(absent)?.seat.id;
            if left == 0 {
                return Err(Error::new(ErrorCode::ReleaseBudgetSpent));
            }
            let handed = to.as_ref().map(|to| &to.email);
            for seat in &theirs {
                let told = actor.told(json!({ "by": "portal", "user": user, "handed_to": handed }));
                free(&act.service, tx, act.scope, (seat.seat.id, license), &origin, told).await?;
            }
            seats::note_release_by_key(tx, act.scope, license, first, act.now).await?;
            if let Some(to) = &to {
                // A colleague who comes in already is not asked again, and stays what they are.
                people::invite(&act, tx, &actor, to).await?;
            }
            Ok(theirs.len())
        });
        let taken = self.store().write(WriteOptions::license(license), taken).await?;
        self.apply_own_changes().await;
        Ok(taken)
    }

    /// A fresh lease for a device that has a seat, to be carried to it where it has no network. The device counts as heard of.
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
            act.event(tx, "seat.lease_fetched", id, actor.told(json!({ "license": seat.seat.license })));
            Ok::<_, Error>(())
        });
        self.store().write(WriteOptions::default(), noted).await?;
        let document = json!({ "lease": claimed.lease, "keys": claimed.keys }).to_string();
        Ok(MyLease { file_name: format!("{}-lease.json", slug(&license.license.plan_code)), document })
    }
}

impl InvitePerson {
    /// A colleague who is to use a place, and nothing else.
    pub const fn user(email: Email) -> Self {
        Self { email, name: None, role: CustomerRole::User }
    }
}
