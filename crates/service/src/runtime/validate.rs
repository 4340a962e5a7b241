//! Validation: asks about a key without claiming anything.

use super::{
    activate::DenialOf,
    hot::{HotLicense, HotProduct},
    request::{
        CODE_LICENSE_NOT_FOUND, CODE_NOT_ACTIVATED, CODE_SEAT_LIMIT_REACHED, LicenseSummary, Validate, Validated,
    },
};
use crate::{RequestInfo, Result, Service};
use holdfast_domain::{
    Denial, DenialCode, DeviceHash, License, ProductId, Reason, SeatState, Timestamp, decide::decide_license,
};
use holdfast_store::{
    licenses,
    seats::{self, SeatRow},
};
use std::sync::Arc;

impl Service {
    /// Whether a key may be used, on a device where one is given, with every reason against it (HTTP API, `validate`).
    /// Never an error for a key that may not: the client library locks on the signed denial alone.
    pub async fn validate(&self, product: ProductId, input: Validate, _from: &RequestInfo) -> Result<Validated> {
        let hot = self.signing_product(product).await?;
        let now = self.now();
        let Some(license) = self.license_by_key(&hot, &input.key).await? else {
            let codes = vec![CODE_LICENSE_NOT_FOUND.to_owned()];
            return Ok(Validated { valid: false, codes, license: None, denial: None });
        };
        let license = self.confirmed(&hot, license, now).await?;
        let mut reasons = decide_license(&license, now).map_or_else(Vec::new, |denial| denial.reasons);
        let mut codes = Vec::new();
        let mut seat = None;
        if let Some(device) = &input.device_hash {
            seat = seats::by_device(&mut self.store().patient_reader(), hot.scope, license.id, device).await?;
            match &seat {
                Some(row) if row.seat.state == SeatState::Active => {}
                Some(_) => reasons.push(Reason { code: DenialCode::Released, effective: now.seconds() }),
                None => codes.push(self.why_no_seat(&hot, &license).await?.to_owned()),
            }
        }
        let denial = match (Denial::of(reasons.clone()), input.device_hash) {
            (Some(denial), Some(device)) => {
                self.validation_denial(&hot, &license, seat.as_ref(), device, &denial, &input, now)?
            }
            _ => None,
        };
        codes.splice(0..0, reasons.iter().map(|reason| reason.code.as_str().to_owned()));
        Ok(Validated { valid: codes.is_empty(), codes, license: Some(summary(&license, now)), denial })
    }

    /// The license as the database has it now, where what is remembered speaks against it: a "no" needs to be true.
    async fn confirmed(
        &self,
        product: &HotProduct,
        license: Arc<HotLicense>,
        now: Timestamp,
    ) -> Result<Arc<HotLicense>> {
        if decide_license(&license, now).is_none() {
            return Ok(license);
        }
        self.state().hot.drop_license(license.id);
        Ok(self.hot_license(product, license.id).await?.unwrap_or(license))
    }

    async fn why_no_seat(&self, product: &HotProduct, license: &License) -> Result<&'static str> {
        let row = licenses::get(&mut self.store().patient_reader(), product.scope, license.id).await?;
        let full = row.is_some_and(|row| row.seats_used >= license.terms.seat_limit());
        Ok(if full { CODE_SEAT_LIMIT_REACHED } else { CODE_NOT_ACTIVATED })
    }

    #[allow(clippy::too_many_arguments, reason = "everything a denial names, once")]
    fn validation_denial(
        &self,
        product: &HotProduct,
        license: &License,
        seat: Option<&SeatRow>,
        device: DeviceHash,
        denial: &Denial,
        input: &Validate,
        now: Timestamp,
    ) -> Result<Option<String>> {
        let seq = self.denial_seq(product, seat.map(|row| &row.seat), &device, 0, now);
        let of = DenialOf::new(license.id, seat, device, seq, now);
        let error = self.denied(product, &of, denial, &input.nonce, now);
        match error.denial {
            Some(token) => Ok(Some(token)),
            None => Err(error),
        }
    }
}

fn summary(license: &License, now: Timestamp) -> LicenseSummary {
    LicenseSummary {
        id: license.id,
        plan: license.plan_code.clone(),
        state: license.state(now),
        expires_at: license.expires_at,
        seats: license.terms.seats,
        entitlements: license.entitlements_at(now),
    }
}
