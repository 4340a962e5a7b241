//! The runtime calls over both databases, as shipped applications use them.

mod activation;
mod denials;
mod keys;
mod lists;
mod nodes;
mod renewal;
mod trials;
mod world;
