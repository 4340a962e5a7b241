//! The customers' portal: what the people of a vendor's customers do for themselves.
//!
//! Whoever is in the portal is a [`CustomerActor`], which is not what a vendor's people are: none of the management use cases
//! takes one, and none of these takes a member. Everything here is done to the actor's own company, and what is another's
//! is answered as what does not exist.

pub mod accent;
mod actor;
mod door;
mod held;
mod licenses;
pub mod logo;
mod look;
mod offline;
mod people;
mod seats;
mod sessions;
pub mod views;

pub use actor::{CustomerActor, CustomerCall};
pub use door::{Asked, InvitePerson, PortalSignedIn};
pub use offline::{Answered, Chosen, OfflineAnswer};
