//! The component set.
