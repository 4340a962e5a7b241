//! Seats as staff see them: which devices use a license, and freeing one.

use super::{
    act::{Act, job},
    events::SEATS_TOLD,
    import::dates::rfc_3339,
    inputs::SeatFilter,
    page::{Page, PageRequest, map},
    views::{SeatInList, SeatView},
};
use crate::{
    Call, Service,
    actor::Actor,
    error::{Error, ErrorCode, Result},
};
use holdfast_domain::{LicenseId, Permission, ReasonText, SeatId, SeatState, Timestamp};
pub use holdfast_store::seats::SeatSort;
use holdfast_store::{
    Querier, Tx, WriteOptions,
    changes::ChangeKind,
    seats::{self, Released, SeatRow},
};
use serde_json::json;

/// What the event of a freed seat calls until when it was borrowed.
pub(super) const BORROWED: &str = "borrowed_until";

pub(crate) fn show(row: &SeatRow) -> SeatView {
    SeatView {
        id: row.seat.id,
        license: row.seat.license,
        name: row.name.as_ref().map(ToString::to_string),
        platform: row.platform.clone(),
        app_version: row.app_version.clone(),
        user: row.seat.user.clone(),
        state: row.seat.state,
        first_seen: row.first_seen_at,
        claimed_at: row.seat.claimed_at,
        last_seen: row.last_seen_at,
        offline_until: row.offline_until,
        borrowed_until: row.seat.borrowed_until,
        released_at: row.released_at,
    }
}

/// The seats of a license in one state, those seen last first; at most `limit`.
pub(super) async fn of_license(
    act: &Act,
    q: &mut dyn Querier,
    license: LicenseId,
    state: SeatState,
    limit: usize,
) -> Result<Vec<SeatView>> {
    let rows = seats::of_license(q, act.scope, license, state, limit).await?;
    Ok(rows.iter().map(show).collect())
}

/// The seats of a license that were given up since then, the last one first: as many as its timeline tells of.
pub(super) async fn freed_since(
    act: &Act,
    q: &mut dyn Querier,
    license: LicenseId,
    since: Timestamp,
) -> Result<Vec<SeatView>> {
    let rows = seats::released_since(q, act.scope, license, since, SEATS_TOLD).await?;
    Ok(rows.iter().map(show).collect())
}

/// Takes a seat from its device in a write job; whether it had one.
pub(super) async fn free(act: &Act, tx: &mut Tx, id: SeatId, reason: &ReasonText) -> Result<Released> {
    let released = seats::release(tx, act.scope, id, act.now).await?;
    let released = released.ok_or_else(|| Error::new(ErrorCode::NotFound))?;
    if released.was_active {
        let seat = &released.seat;
        let mut before = json!({ "state": SeatState::Active });
        if let Some(until) = released.borrowed_until {
            before[BORROWED] = json!(rfc_3339(until));
        }
        let data = json!({
            "before": before, "after": { "state": SeatState::Released },
            "license": seat.seat.license, "name": seat.name, "reason": reason,
        });
        act.event(tx, "seat.freed", id, data);
        act.changed(tx, ChangeKind::Seat, Some(seat.product), id.to_bytes());
    }
    Ok(released)
}

impl Service {
    /// The vendor's seats.
    pub async fn seats(
        &self,
        actor: &Actor,
        filter: SeatFilter,
        page: PageRequest<SeatSort>,
    ) -> Result<Page<SeatView>> {
        Ok(map(self.seats_in_list(actor, filter, page).await?, |row| row.seat))
    }

    /// The same, with whose they are.
    pub async fn seats_in_list(
        &self,
        actor: &Actor,
        filter: SeatFilter,
        page: PageRequest<SeatSort>,
    ) -> Result<Page<SeatInList>> {
        actor.require(Permission::LicensesRead)?;
        let act = self.act(&Call::new(actor.clone(), crate::RequestInfo::default()));
        let mut reader = self.store().patient_reader();
        let filter = self.narrowed_to_license(&act, &mut reader, filter).await?;
        let rows = seats::list(&mut reader, act.scope, &filter.rows(), &page).await?;
        Ok(map(rows, |row| SeatInList {
            seat: show(&row.row),
            key_hint: row.key_hint,
            customer: row.customer.zip(row.customer_name),
        }))
    }

    /// A seat.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] for an unknown id and another vendor's alike.
    pub async fn seat(&self, actor: &Actor, id: SeatId) -> Result<SeatView> {
        actor.require(Permission::LicensesRead)?;
        let row = seats::get(&mut self.store().patient_reader(), actor.scope(), id).await?;
        row.as_ref().map(show).ok_or_else(|| Error::new(ErrorCode::NotFound))
    }

    /// Takes a seat from a device. It loses access with its next renewal; it can activate again where a seat is free. A
    /// seat that is free already is answered as it is.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`].
    pub async fn free_seat(&self, call: &Call, id: SeatId, reason: ReasonText) -> Result<SeatView> {
        call.actor.require(Permission::SeatsRelease)?;
        let act = self.act(call);
        let license = self.seat_license(&act, id).await?;
        self.commit(
            call,
            WriteOptions::license(license),
            job!(act, reason => |tx| Ok(show(&free(&act, tx, id, &reason).await?.seat))),
        )
        .await
    }

    /// The license that a seat is a place on.
    pub(super) async fn seat_license(&self, act: &Act, id: SeatId) -> Result<LicenseId> {
        let row = seats::get(&mut self.store().patient_reader(), act.scope, id).await?;
        row.map(|row| row.seat.license).ok_or_else(|| Error::new(ErrorCode::NotFound))
    }
}
