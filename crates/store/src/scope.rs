//! Whose data a call may touch: a vendor, taken from something that was proved, never from what a request says.

use holdfast_domain::VendorId;

/// One vendor's data. Every function that reads or writes a tenant's rows takes one and names the vendor in each
/// condition, so that a foreign id and an absent one are answered alike.
///
/// There is no way to parse a scope: it comes from a row that was found by a secret (a session, a token) or is the public
/// home of one (a product), or from [`Scope::trusted`] for the command line and jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Scope(VendorId);

impl Scope {
    /// The scope of work that no request caused: the command line on the server's machine, jobs, and the first set-up.
    /// Never call it with an id that came in a request.
    pub const fn trusted(vendor: VendorId) -> Self {
        Self(vendor)
    }

    pub(crate) const fn of(vendor: VendorId) -> Self {
        Self(vendor)
    }

    /// The vendor.
    pub const fn vendor(self) -> VendorId {
        self.0
    }
}
