//! Giving seats up: one's own by its lease, another device's by the license key.

use super::{
    activate::{Note, Origin},
    request::{Release, ReleaseOther},
};
use crate::{Error, ErrorCode, RequestInfo, Result, Service};
use holdfast_domain::{LicenseId, ProductId, SeatId, Seconds, Timestamp};
use holdfast_store::{
    Querier, Scope, Tx, WriteOptions,
    licenses::{self, LicenseRow},
    seats::{self, SeatRow},
};
use serde_json::Value;

/// Within how long releases from inside the application count towards the plan's budget.
pub(crate) const BUDGET_WINDOW: Seconds = Seconds::days(30);

impl Service {
    /// Gives up the seat that the presented lease names (HTTP API, `release`). Doing it again, or for a seat that is not
    /// there or no longer this device's, changes nothing and is no error. So does a request that comes late: a lease from
    /// before the seat was claimed anew gives nothing up.
    ///
    /// Where a lease of the seat was handed out in the portal, it counts towards the plan's budget.
    ///
    /// Fails with [`ErrorCode::LeaseUnverifiable`] where the document is not one of this product's, with
    /// [`ErrorCode::ReleaseBudgetSpent`], and retryably otherwise.
    pub async fn release(&self, product: ProductId, input: Release, from: &RequestInfo) -> Result<()> {
        let hot = self.hot_product(product).await?;
        let (hot, presented) = self.verify_presented(hot, &input.lease).await?;
        let (service, scope, origin) = (self.clone(), hot.scope, Origin::of(from));
        let (seat, license, device) = (presented.seat, presented.license, presented.device);
        let signed = presented.lease.iat;
        self.store()
            .write(WriteOptions::license(license).idempotent(), move |tx| {
                let (service, origin) = (service.clone(), origin.clone());
                Box::pin(async move {
                    let known = seats::get(tx, scope, seat).await?;
                    // Only the device that has the seat gives it up, whoever had it when the lease was signed; and only
                    // what it had then. A claim's own lease carries the claim's time, and a device keeps no older one.
                    let is_given_up = |row: &SeatRow| {
                        (row.seat.device, row.seat.license) == (device, license)
                            && signed >= row.seat.claimed_at.seconds()
                    };
                    if known.as_ref().is_some_and(is_given_up) {
                        let (of, told) = ((seat, license), serde_json::json!({ "by": "device" }));
                        // Where somebody has had a lease handed out it may be they who give the seat up.
                        if seats::was_lease_handed_out(tx, scope, seat).await? {
                            free_within_budget(&service, tx, scope, of, &origin, told).await?;
                        } else {
                            free(&service, tx, scope, of, &origin, told).await?;
                        }
                    }
                    Ok::<_, Error>(())
                })
            })
            .await?;
        self.state().hot.drop_seat(seat);
        Ok(())
    }

    /// Frees another device's seat from inside the application, for whoever has the license key (HTTP API, seat
    /// `release`), within the plan's budget of releases in 30 days. Freeing a free seat costs nothing.
    ///
    /// Fails with [`ErrorCode::LicenseNotFound`] for an unknown key, [`ErrorCode::NotFound`] for a seat that is not the
    /// license's, [`ErrorCode::ReleaseBudgetSpent`], and retryably otherwise.
    pub async fn release_other(
        &self,
        product: ProductId,
        seat: SeatId,
        input: ReleaseOther,
        from: &RequestInfo,
    ) -> Result<()> {
        let hot = self.hot_product(product).await?;
        let license = self.license_by_key(&hot, &input.key).await?;
        let license = license.ok_or_else(|| Error::new(ErrorCode::LicenseNotFound))?.id;
        let (service, scope, origin) = (self.clone(), hot.scope, Origin::of(from));
        self.store()
            .write(WriteOptions::license(license), move |tx| {
                let (service, origin) = (service.clone(), origin.clone());
                Box::pin(async move {
                    let told = serde_json::json!({ "by": "license key" });
                    free_within_budget(&service, tx, scope, (seat, license), &origin, told).await?;
                    Ok::<_, Error>(())
                })
            })
            .await?;
        self.state().hot.drop_seat(seat);
        Ok(())
    }
}

/// Frees a seat for the license's holder, within the plan's budget. Returns whether it was taken; freeing a free seat costs
/// nothing. `told` is what the event says besides.
///
/// Fails with [`ErrorCode::LicenseNotFound`] where the license is gone, [`ErrorCode::NotFound`] for a seat that is not the
/// license's, and [`ErrorCode::ReleaseBudgetSpent`].
pub(crate) async fn free_within_budget(
    service: &Service,
    tx: &mut Tx,
    scope: Scope,
    (seat, license): (SeatId, LicenseId),
    origin: &Origin,
    told: Value,
) -> Result<bool> {
    // Locked first, so that of two releases at once the second sees what the first has spent.
    let left = releases_left(tx, scope, license, service.now()).await?;
    if seats::get(tx, scope, seat).await?.is_none_or(|known| known.seat.license != license) {
        return Err(Error::new(ErrorCode::NotFound));
    }
    if !free(service, tx, scope, (seat, license), origin, told).await? {
        return Ok(false);
    }
    if left == 0 {
        return Err(Error::new(ErrorCode::ReleaseBudgetSpent));
    }
    seats::note_release_by_key(tx, scope, license, seat, service.now()).await?;
    Ok(true)
}

/// How many more seats the holder of a license may free now; the license is locked until the commit.
async fn releases_left(tx: &mut Tx, scope: Scope, license: LicenseId, now: Timestamp) -> Result<u32> {
    let row = licenses::lock(tx, scope, license).await?.ok_or_else(|| Error::new(ErrorCode::LicenseNotFound))?;
    left_of(tx, &row, now).await
}

/// The same of a license that was read.
pub(crate) async fn left_of(q: &mut dyn Querier, row: &LicenseRow, now: Timestamp) -> Result<u32> {
    let since = now.plus(Seconds(-BUDGET_WINDOW.0));
    let spent = seats::releases_by_key(q, row.scope(), row.license.id, since).await?;
    Ok(row.license.terms.release_budget.saturating_sub(u32::try_from(spent).unwrap_or(u32::MAX)))
}

/// Frees a seat, and records it where it was taken. Returns whether it was.
pub(crate) async fn free(
    service: &Service,
    tx: &mut Tx,
    scope: Scope,
    (seat, license): (SeatId, LicenseId),
    origin: &Origin,
    told: Value,
) -> Result<bool> {
    let now = service.now();
    let Some(released) = seats::release(tx, scope, seat, now).await? else { return Ok(false) };
    if !released.was_active {
        return Ok(false);
    }
    let Some(row) = licenses::get(tx, scope, license).await? else { return Ok(false) };
    let note = Note { service, license: &row.license, now, origin };
    let mut data = serde_json::json!({"license": license, "device": released.seat.name});
    if let (Some(data), Value::Object(told)) = (data.as_object_mut(), told) {
        data.extend(told);
    }
    note.event(tx, "seat.released", seat, data);
    note.change(tx, seat);
    Ok(true)
}
