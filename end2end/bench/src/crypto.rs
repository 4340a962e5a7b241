//! The yardsticks: what the cryptography alone costs, bare and behind the same listener as the product's.

use crate::meter::micros_each;
use axum::{Json, Router, routing::post};
use holdfast::http::{Listener, ListenerLimits};
use holdfast_domain::{EntitlementValue, UnixSeconds};
use holdfast_lease::{Expectations, Keyring, Lease, ManifestKey, Mode, SigningKey, sign, verify};
use serde::{Deserialize, Serialize};
use std::{error::Error, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

const PRODUCT: &str = "prd_bench";

/// A lease as a plan with a handful of entitlements makes them.
pub fn sample_lease() -> Lease {
    let at = UnixSeconds(1_760_000_000);
    let day = |n: i64| UnixSeconds(at.0 + n * 86_400);
    Lease {
        v: 1,
        iss: "vnd_01k7e0000000000000000000aa".into(),
        aud: PRODUCT.into(),
        sub: "lic_01k7e0000000000000000000aa".into(),
        seat: "sea_01k7e0000000000000000000aa".into(),
        jti: "lea_01k7e0000000000000000000aa".into(),
        dev: "5f".repeat(32),
        plan: "standard".into(),
        mode: Mode::Licensed,
        ent: [("export", EntitlementValue::ON), ("users", EntitlementValue::Integer(5)), ("sso", EntitlementValue::ON)]
            .map(|(code, value)| (code.to_owned(), value))
            .into(),
        fb: None,
        iat: at,
        nbf: at,
        ren: day(1),
        soft: day(14),
        exp: day(30),
        lic: Some(day(365)),
        seq: 1_760_000_000,
        dpk: None,
        cont: 0,
    }
}

/// Processor time of the bare operations in microseconds.
#[derive(Clone, Copy, Debug)]
pub struct Bare {
    /// Strict Ed25519 verification of a lease's bytes and nothing else.
    pub verify_strict: f64,
    /// [`holdfast_lease::verify`] of the same lease.
    pub verify_lease: f64,
    /// Strict verification, signing, strict verification of the own output: the cryptography of a renewal.
    pub renew: f64,
}

/// Measures the bare operations on this thread.
pub fn bare() -> Result<Bare, Box<dyn Error>> {
    let key = SigningKey::from_seed(&[7; 32]);
    let public = key.public_key();
    let keyring = Keyring::load(&[ManifestKey::issuing(public, PRODUCT)])?;
    let token = sign(&sample_lease(), &key)?;
    let (signed, _) = token.rsplit_once('.').ok_or("no signature")?;
    let signature = key.sign_bytes(signed.as_bytes());
    let span = Duration::from_secs(2);
    let verify_strict =
        || std::hint::black_box(public.verify_strict(std::hint::black_box(signed.as_bytes()), &signature));
    // In turns, so that a change of the processor's speed hits all alike.
    let (mut strict, mut lease, mut renew) = (f64::MAX, f64::MAX, f64::MAX);
    for _ in 0..3 {
        strict = strict.min(micros_each(span / 4, || {
            verify_strict();
        }));
        lease = lease.min(micros_each(span / 4, || {
            let _ = std::hint::black_box(verify::<Lease>(token.as_bytes(), &keyring, Expectations::product(PRODUCT)));
        }));
        renew = renew.min(micros_each(span / 4, || {
            verify_strict();
            std::hint::black_box(key.sign_bytes(std::hint::black_box(signed.as_bytes())));
            verify_strict();
        }));
    }
    Ok(Bare { verify_strict: strict, verify_lease: lease, renew })
}

#[derive(Deserialize)]
struct Ask {
    lease: String,
}

#[derive(Serialize)]
struct Answer {
    lease: String,
}

/// Serves a renewal that does nothing but the cryptography, behind the product's own listener, and prints the address.
pub async fn serve() -> Result<(), Box<dyn Error>> {
    let key = Arc::new(SigningKey::from_seed(&[7; 32]));
    let presented = key.sign_bytes(sign(&sample_lease(), &key)?.as_bytes());
    let handler = move |Json(ask): Json<Ask>| {
        let key = Arc::clone(&key);
        async move {
            let public = key.public_key();
            let signed = ask.lease.rsplit_once('.').map_or("", |(signed, _)| signed);
            // A signature over other bytes costs the same to refuse as the right one to accept.
            std::hint::black_box(public.verify_strict(signed.as_bytes(), &presented));
            let signature = key.sign_bytes(signed.as_bytes());
            std::hint::black_box(public.verify_strict(signed.as_bytes(), &signature));
            Json(Answer { lease: ask.lease })
        }
    };
    let router = Router::new().route("/renew", post(handler));
    let listener = Listener::bind("127.0.0.1:0".parse()?, router, ListenerLimits::default()).await?;
    println!("{}", listener.address()?);
    listener.serve(CancellationToken::new(), Duration::from_secs(1)).await;
    Ok(())
}
