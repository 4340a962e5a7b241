//! The sockets: accepting, the limits in time that hyper does not keep by itself, and stopping without dropping anybody.

mod connection;
mod io;
mod listener;

pub use listener::{Listener, ListenerLimits, Routes};
