//! Parts that tests are made of. Never a dependency of anything that ships.

pub mod proxy;
