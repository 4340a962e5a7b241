//! Licensing for applications that must keep working when the licensing server does not.
//!
//! The license on a device is a signed document, the lease. It is verified locally, so that
//! [`Licensing::check_on_launch`] needs no network, and renewed in the background long before it ends. Two rules carry
//! everything: only a verified, signed denial takes rights away before their time, and nothing but a verified lease
//! brings them back. Whatever a network does in between changes nothing.
//!
//! ```no_run
//! use holdfast_sdk::{CallError, Licensing, Verdict};
//!
//! let licensing = Licensing::builder("prd_…", ["the vendor's root public key"])
//!     .endpoints(["https://licenses.example.com"])
//!     .storage("/home/me/.local/share/example-app/license")
//!     .build()?;
//!
//! let standing = licensing.check_on_launch();
//! if !standing.entitled() {
//!     match licensing.activate("AB12-CD34-EF56-GH78") {
//!         Ok(standing) => println!("thank you: {:?}", standing.verdict),
//!         Err(CallError::LicenseNotFound) => println!("please check the key"),
//!         Err(error) => println!("{error}"),
//!     }
//! }
//! if licensing.entitlement("export.pdf").is_some() {
//!     println!("PDF export is included");
//! }
//! # Ok::<(), holdfast_sdk::BuildError>(())
//! ```
//!
//! The verdicts and what each of them means are those of [`Verdict`]; the rules behind them are written down in the
//! project's documentation ("Concepts", "Integrating an application").
//!
//! With the feature `async`, the calls that wait for a server are also there as futures that need no particular runtime.

#[cfg(feature = "async")]
mod asynchronous;
mod builder;
mod call;
mod clock;
mod core;
mod device;
mod endpoint;
mod error;
mod events;
mod licensing;
mod offline;
mod race;
mod record;
mod storage;
mod transport;
mod vault;
mod worker;

#[cfg(feature = "async")]
pub use asynchronous::Pending;
pub use builder::Builder;
pub use clock::{Clock, SystemClock};
pub use device::Device;
pub use error::{BuildError, CallError, TakenSeat};
pub use events::{Report, Subscription, Update};
pub use holdfast_lease::client::{Effect, InvalidReason, Keep, Notice, Standing, Verdict};
pub use holdfast_lease::{DenialCode, EntitlementValue, UnixSeconds};
pub use licensing::Licensing;
pub use offline::RelayRequest;
pub use storage::{Durability, FileStorage, MemoryStorage, Slot, Storage};
