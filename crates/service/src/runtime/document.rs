//! From a decision to a signed document: the claims of leases and denials, and their sequence numbers.

use super::hot::HotProduct;
use crate::error::{Error, ErrorCode, Result};
use holdfast_domain::{
    DenialCode, DeviceHash, Entropy, LeaseId, License, LicenseId, Seat, SeatId, Seconds, Timestamp, UnixSeconds,
    decide::Grant,
};
use holdfast_lease::{self as lease, SignError, claims};

/// The sequence number of a seat's next document: greater than every one known, and at least the current second, so that
/// the documents of any node grow without a write (lease profile, claim `seq`).
pub(crate) fn next_seq(presented: i64, known: i64, now: Timestamp) -> i64 {
    presented.max(known).saturating_add(1).max(now.seconds().0)
}

/// The claims of the lease that `grant` describes.
pub(crate) fn lease_claims(
    product: &HotProduct,
    license: &License,
    seat: &Seat,
    grant: &Grant,
    seq: i64,
    entropy: &dyn Entropy,
) -> lease::Lease {
    let now = Timestamp::from(grant.issued);
    lease::Lease {
        v: claims::VERSION,
        iss: product.vendor_text.clone(),
        aud: product.product_text.clone(),
        sub: license.id.to_string(),
        seat: seat.id.to_string(),
        jti: LeaseId::new(now, entropy).to_string(),
        dev: seat.device.to_string(),
        plan: license.plan_code.as_str().to_owned(),
        mode: grant.mode,
        ent: claims::entitlements(&grant.entitlements),
        fb: grant.fallback.as_ref().map(claims::entitlements),
        iat: grant.issued,
        nbf: grant.issued,
        ren: grant.renew,
        soft: grant.soft,
        exp: grant.exp,
        lic: grant.license_end,
        seq,
        dpk: seat.device_key.map(|key| b64u(&key)),
        cont: 0,
    }
}

fn b64u(bytes: &[u8]) -> String {
    use base64::prelude::*;
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// Whom a denial is about.
pub(crate) struct About<'a> {
    pub license: LicenseId,
    pub seat: Option<SeatId>,
    /// The device that asked: a client applies only a denial that names itself.
    pub device: DeviceHash,
    pub nonce: &'a str,
    pub seq: i64,
    pub help: Option<&'a str>,
}

/// The claims of a denial with `code`, in force from `effective`.
pub(crate) fn denial_claims(
    product: &HotProduct,
    about: &About<'_>,
    (code, effective): (DenialCode, UnixSeconds),
    now: Timestamp,
    entropy: &dyn Entropy,
) -> lease::Denial {
    lease::Denial {
        v: claims::VERSION,
        iss: product.vendor_text.clone(),
        aud: product.product_text.clone(),
        sub: about.license.to_string(),
        seat: about.seat.map(|seat| seat.to_string()),
        jti: LeaseId::new(now, entropy).to_string(),
        dev: about.device.to_string(),
        iat: now.seconds(),
        eff: effective.max(now.seconds()),
        code,
        nonce: about.nonce.to_owned(),
        seq: about.seq,
        help: about.help.map(str::to_owned),
    }
}

/// The error under which a denial with `code` is answered.
pub(crate) const fn error_code(code: DenialCode) -> ErrorCode {
    match code {
        DenialCode::DeviceMismatch => ErrorCode::DeviceMismatch,
        DenialCode::Revoked => ErrorCode::LicenseRevoked,
        DenialCode::Suspended => ErrorCode::LicenseSuspended,
        DenialCode::Expired => ErrorCode::LicenseExpired,
        DenialCode::Released => ErrorCode::SeatReleased,
    }
}

/// Signs with the product's active issuing key. Every failure is ours: retryable, never a "no".
pub(crate) fn sign<D: lease::Document>(document: &D, product: &HotProduct) -> Result<String> {
    let key =
        product.signer.as_deref().ok_or_else(|| Error::new(ErrorCode::Sealed).with_retry_after(Seconds::MINUTE))?;
    lease::sign(document, key).map_err(|error: SignError| {
        tracing::error!(product = %product.product_text, %error, "a document could not be signed");
        Error::internal(error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequence_numbers_grow_past_everything_known_and_with_time() {
        let now = Timestamp::from_seconds(1_760_000_000);
        assert_eq!(next_seq(0, 0, now), 1_760_000_000);
        assert_eq!(next_seq(1_760_000_000, 7, now), 1_760_000_001);
        assert_eq!(next_seq(5, 1_760_000_123, now), 1_760_000_124);
        assert_eq!(next_seq(i64::MAX, 0, now), i64::MAX);
    }
}
