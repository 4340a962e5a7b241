//! People of customers and what each may do in the portal: the column "customer" of the table of roles, and which of a
//! customer's people it is for.

use serde::{Deserialize, Serialize};

/// What a person is at their company.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CustomerRole {
    /// Also says who else of the company comes in, and who uses its licenses.
    Administrator,
    /// Uses the company's licenses.
    User,
}

impl CustomerRole {
    /// Every role, the mightier first.
    pub const ALL: [Self; 2] = [Self::Administrator, Self::User];

    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::User => "user",
        }
    }

    /// The role of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }
}

/// As what somebody is in the portal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PortalRole {
    /// A person of a customer.
    Person(CustomerRole),
    /// Whoever has shown a license's key and an address that goes with it: for the devices of that license alone.
    KeyHolder,
}

/// One thing that somebody may or may not do in the portal, to what is their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PortalAct {
    /// See licenses and seats.
    LicensesRead,
    /// Free and rename seats, fetch leases, answer computers without a network.
    SeatsWrite,
    /// See a whole license key; each time is an event.
    KeyReveal,
    /// See orders.
    OrdersRead,
    /// Take a named user's place back, and hand it to a colleague.
    PlacesWrite,
    /// See who of the company comes in; invite and remove them.
    PeopleWrite,
    /// Get everything that is held about the company.
    Export,
}

impl PortalAct {
    /// Every act.
    pub const ALL: [Self; 7] = [
        Self::LicensesRead,
        Self::SeatsWrite,
        Self::KeyReveal,
        Self::OrdersRead,
        Self::PlacesWrite,
        Self::PeopleWrite,
        Self::Export,
    ];
}

impl PortalRole {
    /// Whether it may do what `act` names. That it is done to what is one's own, the use case sees to.
    pub const fn may(self, act: PortalAct) -> bool {
        use PortalAct as A;
        match self {
            Self::Person(CustomerRole::Administrator) => true,
            Self::Person(CustomerRole::User) => {
                matches!(act, A::LicensesRead | A::SeatsWrite | A::KeyReveal | A::OrdersRead)
            }
            Self::KeyHolder => matches!(act, A::LicensesRead | A::SeatsWrite),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_of_customers_may_do_what_the_table_says() {
        use PortalAct as A;
        let table = [
            (A::LicensesRead, [true, true, true]),
            (A::SeatsWrite, [true, true, true]),
            (A::KeyReveal, [true, true, false]),
            (A::OrdersRead, [true, true, false]),
            (A::PlacesWrite, [true, false, false]),
            (A::PeopleWrite, [true, false, false]),
            (A::Export, [true, false, false]),
        ];
        assert_eq!(table.map(|(act, _)| act), A::ALL);
        let [administrator, user] = CustomerRole::ALL.map(PortalRole::Person);
        for (act, may) in table {
            assert_eq!([administrator.may(act), user.may(act), PortalRole::KeyHolder.may(act)], may, "{act:?}");
        }
    }

    #[test]
    fn roles_keep_their_names() {
        for role in CustomerRole::ALL {
            assert_eq!(CustomerRole::from_name(role.as_str()), Some(role));
        }
        assert_eq!(CustomerRole::from_name("owner"), None);
    }
}
