//! Parts that tests are made of. Never a dependency of anything that ships.
//!
//! What needs the database (module `db`) is behind the feature of the same name, which is on by default.

pub mod authenticator;
pub mod clock;
#[cfg(feature = "db")]
pub mod db;
#[cfg(target_os = "linux")]
pub mod disk;
pub mod gate;
pub mod installation;
pub mod pair;
pub mod proxy;
pub mod shop;
pub mod totp;

pub use authenticator::Authenticator;
pub use clock::{FakeClock, SeededEntropy};
#[cfg(feature = "db")]
pub use db::TestDb;
pub use gate::Gate;
pub use pair::Pair;
