//! What verifying a lease costs beside the bare signature check: `cargo run --release -p holdfast-lease --example
//! verify_cost`.
//!
//! Prints microseconds per operation, the median of many rounds, with the two in turns so that both meet the same
//! machine.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a measurement reads the clock")]

use holdfast_lease::{
    EntitlementValue, Entitlements, Expectations, Keyring, Lease, ManifestKey, Mode, RootKeys, Seconds, SigningKey,
    UnixSeconds,
    client::{Event, Jitter, Reading, Setup, State, decide},
    device_hash, sign, verify,
};
use std::{hint::black_box, time::Instant};

const ROUNDS: usize = 400;
const PER_ROUND: usize = 20;

fn lease() -> Lease {
    let now = 1_760_000_000;
    Lease {
        v: 1,
        iss: "vnd_01k6zq3n5ye3v9d8m2x7t4b1ca".to_owned(),
        aud: "prd_01k6zq3n5ye3v9d8m2x7t4b1cb".to_owned(),
        sub: "lic_01k6zq3n5ye3v9d8m2x7t4b1cc".to_owned(),
        seat: "sea_01k6zq3n5ye3v9d8m2x7t4b1cd".to_owned(),
        jti: "lea_01k6zq3n5ye3v9d8m2x7t4b1ce".to_owned(),
        dev: device_hash("prd_01k6zq3n5ye3v9d8m2x7t4b1cb", b"fingerprint"),
        plan: "pro".to_owned(),
        mode: Mode::Licensed,
        ent: Entitlements::from([
            ("export.pdf".to_owned(), EntitlementValue::ON),
            ("users".to_owned(), EntitlementValue::Integer(5)),
        ]),
        fb: None,
        iat: UnixSeconds(now),
        nbf: UnixSeconds(now),
        ren: UnixSeconds(now + 86_400),
        soft: UnixSeconds(now + 14 * 86_400),
        exp: UnixSeconds(now + 30 * 86_400),
        lic: Some(UnixSeconds(now + 365 * 86_400)),
        seq: 1_760_000_000,
        dpk: None,
        cont: 0,
    }
}

/// Microseconds per call of each work, by the median round.
fn measure<const N: usize>(mut works: [&mut dyn FnMut(); N]) -> [f64; N] {
    let mut rounds = [const { Vec::new() }; N];
    for _ in 0..ROUNDS {
        for (work, times) in works.iter_mut().zip(&mut rounds) {
            let start = Instant::now();
            (0..PER_ROUND).for_each(|_| work());
            times.push(start.elapsed().as_secs_f64());
        }
    }
    rounds.map(|mut times| {
        times.sort_by(f64::total_cmp);
        #[allow(clippy::cast_precision_loss, reason = "a small constant")]
        let per_call = times[ROUNDS / 2] / PER_ROUND as f64;
        per_call * 1e6
    })
}

fn main() {
    let key = SigningKey::from_seed(&[7; 32]);
    let lease = lease();
    let token = sign(&lease, &key).unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let signature = {
        use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
        <[u8; 64]>::try_from(URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap()
    };
    let keyring = Keyring::load(&[ManifestKey::issuing(key.public_key(), &*lease.aud)]).unwrap();
    let expect = Expectations::product(&lease.aud).license(&lease.sub).device(&lease.dev);
    let roots = RootKeys::one(key.public_key());
    let manifest = holdfast_lease::KeyManifest {
        v: 1,
        iss: lease.iss.clone(),
        iat: lease.iat,
        seq: 1,
        endpoints: None,
        keys: vec![ManifestKey::issuing(key.public_key(), &*lease.aud)],
    };
    let state =
        State { manifest: Some(sign(&manifest, &key).unwrap()), lease: Some(token.clone()), ..State::default() };
    let setup = Setup { product: &lease.aud, device: &lease.dev, roots: &roots, endpoints: &[] };
    let reading = Reading { wall: lease.iat, elapsed: Seconds(0) };

    let public = key.public_key();
    let [bare, whole, signing, launch] = measure([
        &mut || assert!(black_box(&public).verify_strict(black_box(signed.as_bytes()), black_box(&signature))),
        &mut || assert!(verify::<Lease>(black_box(token.as_bytes()), &keyring, expect).is_ok()),
        &mut || assert!(sign(black_box(&lease), &key).is_ok()),
        &mut || assert!(decide(setup, black_box(&state), reading, &Event::Launch, Jitter(0)).standing.entitled()),
    ]);
    println!("token                                {:>7} bytes", token.len());
    println!("bare strict verification             {bare:>7.2} µs");
    println!("verify a lease                       {whole:>7.2} µs   {:.3} × bare", whole / bare);
    println!("sign a lease and verify own output   {signing:>7.2} µs");
    println!("launch decision (manifest and lease) {launch:>7.2} µs");
}
