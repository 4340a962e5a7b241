//! Signed license documents and what a client makes of them: encode, sign, verify, parse, decide.
//!
//! Everything follows the lease profile v1 (`docs/lease-format.md`). The crate does no I/O, reads no clock and no
//! randomness, and builds for `wasm32-unknown-unknown`, so that the server, the client library and the browser judge
//! one document alike. Ids inside documents are opaque strings.
//!
//! The usual path of a document:
//!
//! ```
//! use holdfast_lease::{Expectations, Keyring, Lease, LeaseVerdict, SigningKey, UnixSeconds, sign, verify};
//! # use holdfast_lease::{ManifestKey, Mode, Entitlements, Seconds};
//! # fn lease() -> Lease {
//! #     Lease { v: 1, iss: "vnd_1".into(), aud: "prd_1".into(), sub: "lic_1".into(), seat: "sea_1".into(),
//! #         jti: "lea_1".into(), dev: "00".repeat(32), plan: "pro".into(), mode: Mode::Licensed,
//! #         ent: Entitlements::new(), fb: None, iat: UnixSeconds(100), nbf: UnixSeconds(100),
//! #         ren: UnixSeconds(200), soft: UnixSeconds(300), exp: UnixSeconds(400), lic: None, seq: 1, dpk: None,
//! #         cont: 0 }
//! # }
//! let key = SigningKey::from_seed(&[7; 32]);
//! let token = sign(&lease(), &key)?;
//!
//! // The application gets this list from the vendor's signed key manifest (`verify_manifest`).
//! let keyring = Keyring::load(&[ManifestKey::issuing(key.public_key(), "prd_1")])?;
//! let lease: Lease = verify(token.as_bytes(), &keyring, Expectations::product("prd_1"))?;
//! assert_eq!(lease.verdict(UnixSeconds(350)), LeaseVerdict::Grace);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod claims;
pub mod classify;
pub mod client;

pub mod conformance;
mod device;
pub mod explain;
pub mod json;
mod jws;
mod key;
mod keyring;
mod refusal;
mod sign;
mod verify;

pub use claims::{
    Denial, Document, Entitlements, KeyManifest, KeyStatus, KeyUse, Lease, LeaseVerdict, ManifestKey, Purpose,
    RevocationList,
};

pub use classify::classify;
pub use device::{device_hash, renewal_proof_message};
pub use holdfast_domain::{DenialCode, EntitlementValue, LicenseKey, Seconds, UnixSeconds, decide::Mode};
pub use jws::{Header, MAX_TOKEN_BYTES, peek_header};
pub use key::{Kid, PublicKey, SigningKey};
pub use keyring::{Keyring, RootKeys};
pub use refusal::Refusal;
pub use sign::{SignError, sign};
pub use verify::{Expectations, verify, verify_manifest};
