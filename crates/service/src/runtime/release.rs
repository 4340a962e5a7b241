//! Giving seats up: one's own by its lease, another device's by the license key.

use super::{
    activate::{Note, Origin},
    request::{Release, ReleaseOther},
};
use crate::{Error, ErrorCode, RequestInfo, Result, Service};
use holdfast_domain::{LicenseId, ProductId, SeatId, Seconds};
use holdfast_store::{Scope, Tx, WriteOptions, licenses, seats, seats::SeatRow};

/// Within how long releases from inside the application count towards the plan's budget.
pub(crate) const BUDGET_WINDOW: Seconds = Seconds::days(30);

impl Service {
    /// Gives up the seat that the presented lease names (HTTP API, `release`). Doing it again, or for a seat that is not
    /// there or no longer this device's, changes nothing and is no error. So does a request that comes late: a lease from
    /// before the seat was claimed anew gives nothing up.
    ///
    /// Fails with [`ErrorCode::LeaseUnverifiable`] where the document is not one of this product's, and retryably
    /// otherwise.
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
                        free(&service, tx, scope, (seat, license), &origin, "device").await?;
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
                    let now = service.now();
                    // Locked first, so that of two releases at once the second sees what the first has spent.
                    let row = licenses::lock(tx, scope, license).await?;
                    let row = row.ok_or_else(|| Error::new(ErrorCode::LicenseNotFound))?;
                    let known = seats::get(tx, scope, seat).await?;
                    if known.is_none_or(|known| known.seat.license != license) {
                        return Err(Error::new(ErrorCode::NotFound));
                    }
                    let since = now.plus(Seconds(-BUDGET_WINDOW.0));
                    let spent = seats::releases_by_key(tx, scope, license, since).await?;
                    if !free(&service, tx, scope, (seat, license), &origin, "license key").await? {
                        return Ok(());
                    }
                    if spent >= i64::from(row.license.terms.release_budget) {
                        return Err(Error::new(ErrorCode::ReleaseBudgetSpent));
                    }
                    seats::note_release_by_key(tx, scope, license, seat, now).await?;
                    Ok::<_, Error>(())
                })
            })
            .await?;
        self.state().hot.drop_seat(seat);
        Ok(())
    }
}

/// Frees a seat, and records it where it was taken. Returns whether it was.
pub(super) async fn free(
    service: &Service,
    tx: &mut Tx,
    scope: Scope,
    (seat, license): (SeatId, LicenseId),
    origin: &Origin,
    by: &'static str,
) -> Result<bool> {
    let now = service.now();
    let Some(released) = seats::release(tx, scope, seat, now).await? else { return Ok(false) };
    if !released.was_active {
        return Ok(false);
    }
    let Some(row) = licenses::get(tx, scope, license).await? else { return Ok(false) };
    let note = Note { service, license: &row.license, now, origin };
    let data = serde_json::json!({"license": license, "device": released.seat.name, "by": by});
    note.event(tx, "seat.released", seat, data);
    note.change(tx, seat);
    Ok(true)
}
