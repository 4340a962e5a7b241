//! Who asks in the portal: proof of a sign-in that input cannot forge, and the customer it confines everything to.

use super::sessions::public_id;
use crate::{Error, ErrorCode, RequestInfo, Result, Service, admin::act::Act};
use holdfast_domain::{
    CustomerId, CustomerPersonId, CustomerRole, LicenseId, PortalAct, PortalRole, SessionId, Timestamp, VendorId, event,
};
use holdfast_store::Scope;
use serde_json::Value;

/// Somebody of a customer, in the portal. Built only from a session, so holding one is proof.
#[derive(Clone, Debug)]
pub struct CustomerActor {
    vendor: VendorId,
    customer: CustomerId,
    who: Who,
    /// The hash of their session's secret.
    session: [u8; 32],
}

#[derive(Clone, Copy, Debug)]
enum Who {
    Person(CustomerPersonId, CustomerRole),
    KeyHolder(LicenseId),
    /// A member of the vendor's, until then: sees what an administrator sees.
    Viewer(Timestamp),
}

impl CustomerActor {
    pub(super) const fn person(
        (vendor, customer): (VendorId, CustomerId),
        person: CustomerPersonId,
        role: CustomerRole,
        session: [u8; 32],
    ) -> Self {
        Self { vendor, customer, who: Who::Person(person, role), session }
    }

    pub(super) const fn key_holder(
        (vendor, customer): (VendorId, CustomerId),
        license: LicenseId,
        session: [u8; 32],
    ) -> Self {
        Self { vendor, customer, who: Who::KeyHolder(license), session }
    }

    pub(crate) const fn viewer(
        (vendor, customer): (VendorId, CustomerId),
        until: Timestamp,
        session: [u8; 32],
    ) -> Self {
        Self { vendor, customer, who: Who::Viewer(until), session }
    }

    /// The vendor whose customer it is.
    pub const fn vendor(&self) -> VendorId {
        self.vendor
    }

    /// The customer.
    pub const fn customer(&self) -> CustomerId {
        self.customer
    }

    /// As what they are here.
    pub const fn role(&self) -> PortalRole {
        match self.who {
            Who::Person(_, role) => PortalRole::Person(role),
            Who::KeyHolder(_) => PortalRole::KeyHolder,
            Who::Viewer(_) => PortalRole::Person(CustomerRole::Administrator),
        }
    }

    /// Until when, where it is a member who looks at the portal as the customer sees it. They can make no [`CustomerCall`].
    pub const fn viewed_until(&self) -> Option<Timestamp> {
        match self.who {
            Who::Viewer(until) => Some(until),
            Who::Person(..) | Who::KeyHolder(_) => None,
        }
    }

    /// The person, where it is one.
    pub const fn person_id(&self) -> Option<CustomerPersonId> {
        match self.who {
            Who::Person(id, _) => Some(id),
            Who::KeyHolder(_) | Who::Viewer(_) => None,
        }
    }

    /// The only license they see, where its key let them in.
    pub const fn license(&self) -> Option<LicenseId> {
        match self.who {
            Who::Person(..) | Who::Viewer(_) => None,
            Who::KeyHolder(license) => Some(license),
        }
    }

    /// Their session.
    pub fn session(&self) -> SessionId {
        public_id(&self.session)
    }

    /// Their session, as it is stored.
    pub(super) const fn session_hash(&self) -> [u8; 32] {
        self.session
    }

    /// Whether they may do what `act` names.
    pub const fn may(&self, act: PortalAct) -> bool {
        self.role().may(act)
    }

    /// `Ok` where they may, otherwise [`ErrorCode::Forbidden`].
    pub(crate) fn require(&self, act: PortalAct) -> Result<()> {
        if self.may(act) { Ok(()) } else { Err(Error::new(ErrorCode::Forbidden)) }
    }

    /// The data of the vendor whose customer it is.
    pub(crate) const fn scope(&self) -> Scope {
        Scope::trusted(self.vendor)
    }

    /// Who it is, for the audit log.
    pub(super) const fn who(&self) -> event::Actor {
        event::Actor::Customer(Some(self.customer))
    }

    /// What an event tells, with which of the customer's people it was.
    pub(super) fn told(&self, mut data: Value) -> Value {
        if let Some(members) = data.as_object_mut() {
            match self.who {
                Who::Person(person, _) => members.insert("person".to_owned(), person.to_string().into()),
                Who::KeyHolder(_) => members.insert("by".to_owned(), "license key".into()),
                Who::Viewer(_) => None,
            };
        }
        data
    }
}

/// The context of one change in the portal: who asks, and from where. Every use case that changes something there takes one,
/// so that whoever can make none changes nothing.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CustomerCall {
    /// Who asks.
    pub actor: CustomerActor,
    /// From where.
    pub from: RequestInfo,
}

impl CustomerCall {
    /// A change by `actor`.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] for a member who looks at the portal as the customer sees it.
    pub fn new(actor: CustomerActor, from: RequestInfo) -> Result<Self> {
        match actor.viewed_until() {
            Some(_) => Err(Error::new(ErrorCode::Forbidden)
                .with_detail("You look at the portal as the customer sees it. Only they can do this.")),
            None => Ok(Self { actor, from }),
        }
    }
}

impl Service {
    /// The context of `call` for write jobs.
    pub(super) fn portal_act(&self, call: &CustomerCall) -> Act {
        let origin = call.from.address.map(|address| address.to_string()).unwrap_or_default();
        self.act_for(call.actor.scope(), call.actor.who(), origin, call.from.request_id.clone())
    }
}
