//! Simulators of what no test can wait for: a million devices through long outages, and thousands of histories of a
//! failing network.

pub mod network;
pub mod rng;
pub mod time_warp;
