//! Who asks: proof of a sign-in or token that input cannot forge, and the vendor it confines everything to.

use crate::error::{Error, ErrorCode, Result};
use holdfast_domain::{MemberId, Permission, ReasonText, Role, SessionId, Timestamp, TokenId, VendorId};
use holdfast_store::Scope;
use std::net::IpAddr;

/// Somebody who may act for one vendor. Built only by authentication ([`crate::admin`]) or as [`Actor::system`], so
/// holding one is proof; the vendor in it confines every use case.
#[derive(Clone, Debug)]
pub struct Actor {
    vendor: VendorId,
    who: holdfast_domain::event::Actor,
    /// The member behind it: the person, or whoever made the token.
    behind: Option<(MemberId, Role)>,
    grants: Grants,
    session: Option<SessionId>,
    confirmed_at: Option<Timestamp>,
}

#[derive(Clone, Debug)]
enum Grants {
    Role(Role),
    /// Of a role, and held at the door until there is a second factor: may do nothing.
    Held(Role),
    Scopes(Vec<Permission>),
    Everything,
}

impl Actor {
    pub(crate) fn member(
        vendor: VendorId,
        member: MemberId,
        role: Role,
        session: Option<SessionId>,
        confirmed_at: Option<Timestamp>,
    ) -> Self {
        let who = holdfast_domain::event::Actor::Member(member);
        Self { vendor, who, behind: Some((member, role)), grants: Grants::Role(role), session, confirmed_at }
    }

    /// A program; `maker` is the member who made its token, with the role they have now.
    pub(crate) fn token(
        vendor: VendorId,
        token: TokenId,
        scopes: Vec<Permission>,
        maker: Option<(MemberId, Role)>,
    ) -> Self {
        let who = holdfast_domain::event::Actor::Token(token);
        Self { vendor, who, behind: maker, grants: Grants::Scopes(scopes), session: None, confirmed_at: None }
    }

    /// The same person, held until they have a second factor.
    pub(crate) fn held(mut self) -> Self {
        if let Grants::Role(role) = self.grants {
            self.grants = Grants::Held(role);
        }
        self
    }

    /// Whether the person may do nothing before they have a second factor.
    pub const fn is_held(&self) -> bool {
        matches!(self.grants, Grants::Held(_))
    }

    /// The system itself, acting for `vendor`: a job, or an operator with a shell on the machine.
    pub fn system(vendor: VendorId) -> Self {
        let who = holdfast_domain::event::Actor::System;
        Self { vendor, who, behind: None, grants: Grants::Everything, session: None, confirmed_at: None }
    }

    /// The same person with no more than these of their rights.
    pub(crate) fn only(mut self, permissions: &[Permission]) -> Self {
        let kept = permissions.iter().copied().filter(|permission| self.may(*permission)).collect();
        self.grants = Grants::Scopes(kept);
        self
    }

    /// The vendor that this actor acts for.
    pub const fn vendor(&self) -> VendorId {
        self.vendor
    }

    /// The data that this actor may touch.
    pub(crate) const fn scope(&self) -> Scope {
        Scope::trusted(self.vendor)
    }

    /// Who it is, for the audit log.
    pub const fn who(&self) -> holdfast_domain::event::Actor {
        self.who
    }

    /// The member, where it is one.
    pub const fn member_id(&self) -> Option<MemberId> {
        match self.who {
            holdfast_domain::event::Actor::Member(id) => Some(id),
            _ => None,
        }
    }

    /// The member behind it: the person, or whoever made the token. `None` for the system, and where the command line did.
    pub(crate) fn member_behind(&self) -> Option<MemberId> {
        self.behind.map(|(member, _)| member)
    }

    /// The role of the person, or of whoever made the token. `None` for the system, and where the command line did.
    pub(crate) fn role_behind(&self) -> Option<Role> {
        self.behind.map(|(_, role)| role)
    }

    /// Whether it may change a token or webhook that `maker` made: a developer, and a program of theirs, only their own
    /// (security design, the table of roles).
    pub(crate) fn may_change_of(&self, maker: Option<MemberId>) -> bool {
        self.behind.is_none_or(|(member, role)| role != Role::Developer || maker == Some(member))
    }

    /// The member's role; `None` for a token or the system.
    pub const fn role(&self) -> Option<Role> {
        match self.grants {
            Grants::Role(role) | Grants::Held(role) => Some(role),
            _ => None,
        }
    }

    /// The browser session, where there is one.
    pub const fn session(&self) -> Option<SessionId> {
        self.session
    }

    /// When the person last proved who they are (sign-in or step-up).
    pub const fn confirmed_at(&self) -> Option<Timestamp> {
        self.confirmed_at
    }

    /// Whether this actor has `permission`.
    pub fn may(&self, permission: Permission) -> bool {
        match &self.grants {
            Grants::Role(role) => role.may(permission),
            Grants::Held(_) => false,
            Grants::Scopes(scopes) => scopes.contains(&permission),
            Grants::Everything => true,
        }
    }

    /// `Ok` where this actor has `permission`, otherwise [`ErrorCode::Forbidden`], or [`ErrorCode::FactorRequired`] where
    /// the role has it.
    pub fn require(&self, permission: Permission) -> Result<()> {
        match self.grants {
            Grants::Held(role) if role.may(permission) => Err(Error::new(ErrorCode::FactorRequired)),
            _ if self.may(permission) => Ok(()),
            _ => Err(Error::new(ErrorCode::Forbidden)),
        }
    }
}

/// Where a request came from: for the audit log and for throttling.
#[derive(Clone, Debug, Default)]
pub struct RequestInfo {
    /// The client's address as the server trusts it.
    pub address: Option<IpAddr>,
    /// The id that the answer and the log carry.
    pub request_id: String,
    /// Browser and system in plain words, where a browser asks; empty otherwise.
    pub browser: String,
}

/// The context of one change: who asks, from where, why, and under which idempotency key. The one context argument of every
/// use case that changes something.
#[derive(Clone, Debug)]
pub struct Call {
    /// Who asks.
    pub actor: Actor,
    /// From where.
    pub from: RequestInfo,
    /// Why, for the audit log; where a change has a reason of its own, that counts.
    pub reason: Option<ReasonText>,
    /// Under which key a repetition is recognised; `None` where the caller does not repeat.
    pub idempotency: Option<Idempotency>,
}

impl Call {
    /// A change that is not repeated.
    pub const fn new(actor: Actor, from: RequestInfo) -> Self {
        Self { actor, from, reason: None, idempotency: None }
    }

    /// A change by the system itself: a job, or an operator with a shell on the machine.
    pub fn system(vendor: VendorId) -> Self {
        Self::new(Actor::system(vendor), RequestInfo::default())
    }

    /// The same with the reason that somebody gave: each of its events says it.
    #[must_use]
    pub fn because(self, reason: ReasonText) -> Self {
        Self { reason: Some(reason), ..self }
    }

    /// The same under an idempotency key.
    #[must_use]
    pub fn with_idempotency(self, idempotency: Idempotency) -> Self {
        Self { idempotency: Some(idempotency), ..self }
    }
}

/// What makes a repeated request recognisable (HTTP API, "Idempotency-Key").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// The caller's key: 1 to 255 printable ASCII characters.
    pub key: String,
    /// SHA-256 of method, path and body, so that the same key with another request is noticed.
    pub body_hash: [u8; 32],
}
