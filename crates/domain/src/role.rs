//! Roles of a vendor's members and what each may do.

use serde::{Deserialize, Serialize};

/// A member's role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything, ownership included.
    Owner,
    /// Everything but other owners and signing keys.
    Admin,
    /// Products, plans and licenses; own tokens and webhooks.
    Developer,
    /// Seats, small extensions, and status changes with a second look.
    Support,
    /// Reads.
    Viewer,
}

impl Role {
    /// Every role, the mightiest first.
    pub const ALL: [Self; 5] = [Self::Owner, Self::Admin, Self::Developer, Self::Support, Self::Viewer];

    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Developer => "developer",
            Self::Support => "support",
            Self::Viewer => "viewer",
        }
    }

    /// The role of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }

    /// Whether members in this role need a second factor (security design, "Second factors").
    pub const fn requires_factor(self) -> bool {
        matches!(self, Self::Owner | Self::Admin | Self::Support)
    }

    /// Whether a member in this role may do what `permission` names, as far as the role alone decides: where the table
    /// asks for a fresh sign-in, a reason or a second person as well, the use case asks for it.
    pub const fn may(self, permission: Permission) -> bool {
        use Permission as P;
        match self {
            Self::Owner => true,
            Self::Admin => !matches!(permission, P::KeysWrite | P::OwnersWrite),
            Self::Developer => !matches!(
                permission,
                P::KeysWrite
                    | P::OwnersWrite
                    | P::MembersWrite
                    | P::LicensesStatus
                    | P::KeyReveal
                    | P::EventsReadAll
                    | P::FleetWrite
                    | P::ShopsWrite
            ),
            Self::Support => matches!(
                permission,
                P::CatalogRead
                    | P::CustomersRead
                    | P::CustomersWrite
                    | P::LicensesRead
                    | P::LicensesExtend
                    | P::LicensesStatus
                    | P::SeatsRelease
                    | P::EventsReadOwn
                    | P::FleetRead
            ),
            Self::Viewer => matches!(
                permission,
                P::CatalogRead | P::CustomersRead | P::LicensesRead | P::EventsReadOwn | P::FleetRead
            ),
        }
    }

    /// Whether a member in this role may ask for what takes a second person and needs `permission`: a change of more licenses
    /// at once than they may make alone, or work on signing keys (security design, the table of roles).
    pub const fn may_ask(self, permission: Permission) -> bool {
        match permission {
            Permission::KeysWrite => matches!(self, Self::Admin),
            other => matches!(self, Self::Admin | Self::Support) && self.may(other),
        }
    }

    /// Whether a member in this role may be that second person.
    pub const fn may_approve(self, permission: Permission) -> bool {
        matches!(self, Self::Owner | Self::Admin) && self.may(permission)
    }
}

/// One thing that somebody may or may not do. Also the scopes of an API token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// See products, plans and entitlements, public keys included.
    CatalogRead,
    /// Create and change them.
    CatalogWrite,
    /// See customers and their orders.
    CustomersRead,
    /// Create and change customers and orders.
    CustomersWrite,
    /// See licenses and seats.
    LicensesRead,
    /// Issue licenses, change their terms, import.
    LicensesWrite,
    /// Extend a license (support: by at most 30 days).
    LicensesExtend,
    /// Suspend, resume, revoke, reinstate, refund.
    LicensesStatus,
    /// Free a seat.
    SeatsRelease,
    /// See a whole license key; each time is an event.
    KeyReveal,
    /// Make, rotate and revoke signing keys.
    KeysWrite,
    /// Make and revoke API tokens and webhooks (developer: own ones).
    TokensWrite,
    /// Invite, change and remove members other than owners.
    MembersWrite,
    /// Make and unmake owners.
    OwnersWrite,
    /// See the whole audit log.
    EventsReadAll,
    /// See what oneself did.
    EventsReadOwn,
    /// See nodes, regions and alerts.
    FleetRead,
    /// Drain and resume nodes, say that one is gone.
    FleetWrite,
    /// See shops, and which of their prices is which plan.
    ShopsRead,
    /// Connect shops, and say which of their prices is which plan.
    ShopsWrite,
}

impl Permission {
    /// Every permission.
    pub const ALL: [Self; 20] = [
        Self::CatalogRead,
        Self::CatalogWrite,
        Self::CustomersRead,
        Self::CustomersWrite,
        Self::LicensesRead,
        Self::LicensesWrite,
        Self::LicensesExtend,
        Self::LicensesStatus,
        Self::SeatsRelease,
        Self::KeyReveal,
        Self::KeysWrite,
        Self::TokensWrite,
        Self::MembersWrite,
        Self::OwnersWrite,
        Self::EventsReadAll,
        Self::EventsReadOwn,
        Self::FleetRead,
        Self::FleetWrite,
        Self::ShopsRead,
        Self::ShopsWrite,
    ];

    /// The stable name, also that of the token scope.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CatalogRead => "catalog_read",
            Self::CatalogWrite => "catalog_write",
            Self::CustomersRead => "customers_read",
            Self::CustomersWrite => "customers_write",
            Self::LicensesRead => "licenses_read",
            Self::LicensesWrite => "licenses_write",
            Self::LicensesExtend => "licenses_extend",
            Self::LicensesStatus => "licenses_status",
            Self::SeatsRelease => "seats_release",
            Self::KeyReveal => "key_reveal",
            Self::KeysWrite => "keys_write",
            Self::TokensWrite => "tokens_write",
            Self::MembersWrite => "members_write",
            Self::OwnersWrite => "owners_write",
            Self::EventsReadAll => "events_read_all",
            Self::EventsReadOwn => "events_read_own",
            Self::FleetRead => "fleet_read",
            Self::FleetWrite => "fleet_write",
            Self::ShopsRead => "shops_read",
            Self::ShopsWrite => "shops_write",
        }
    }

    /// The permission of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|permission| permission.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of the security design, a column a role in the order of [`Role::ALL`].
    #[test]
    fn roles_may_do_what_the_table_says() {
        use Permission as P;
        let table = [
            (P::CatalogRead, [true, true, true, true, true]),
            (P::CatalogWrite, [true, true, true, false, false]),
            (P::CustomersRead, [true, true, true, true, true]),
            (P::CustomersWrite, [true, true, true, true, false]),
            (P::LicensesRead, [true, true, true, true, true]),
            (P::LicensesWrite, [true, true, true, false, false]),
            (P::LicensesExtend, [true, true, true, true, false]),
            (P::LicensesStatus, [true, true, false, true, false]),
            (P::SeatsRelease, [true, true, true, true, false]),
            (P::KeyReveal, [true, true, false, false, false]),
            (P::KeysWrite, [true, false, false, false, false]),
            (P::TokensWrite, [true, true, true, false, false]),
            (P::MembersWrite, [true, true, false, false, false]),
            (P::OwnersWrite, [true, false, false, false, false]),
            (P::EventsReadAll, [true, true, false, false, false]),
            (P::EventsReadOwn, [true, true, true, true, true]),
            (P::FleetRead, [true, true, true, true, true]),
            (P::FleetWrite, [true, true, false, false, false]),
            (P::ShopsRead, [true, true, true, false, false]),
            (P::ShopsWrite, [true, true, false, false, false]),
        ];
        assert_eq!(table.map(|(permission, _)| permission), Permission::ALL);
        for (permission, row) in table {
            assert_eq!(Role::ALL.map(|role| role.may(permission)), row, "{permission:?}");
        }
    }

    #[test]
    fn second_persons_are_those_of_the_table() {
        let (keys, many) = (Permission::KeysWrite, Permission::LicensesStatus);
        assert_eq!(Role::ALL.map(|role| role.may_ask(many)), [false, true, false, true, false]);
        assert_eq!(Role::ALL.map(|role| role.may_ask(keys)), [false, true, false, false, false]);
        assert_eq!(Role::ALL.map(|role| role.may_ask(Permission::LicensesWrite)), [false, true, false, false, false]);
        assert_eq!(Role::ALL.map(|role| role.may_approve(many)), [true, true, false, false, false]);
        assert_eq!(Role::ALL.map(|role| role.may_approve(keys)), [true, false, false, false, false]);
    }

    #[test]
    fn names_round_trip() {
        assert!(Role::ALL.iter().all(|role| Role::from_name(role.as_str()) == Some(*role)));
        assert!(Permission::ALL.iter().all(|p| Permission::from_name(p.as_str()) == Some(*p)));
    }
}
