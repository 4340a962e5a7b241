//! What the screens of the team show.

use serde::{Deserialize, Serialize};

use crate::{pages::mail::model::Bounced, ui::When};

/// Roles with what each may do, the mightiest first.
pub const ROLES: [(&str, &str); 5] = [
    ("owner", "Owner: everything, signing keys and other owners included"),
    ("admin", "Admin: everything but owners and signing keys"),
    ("developer", "Developer: products, plans, licenses; own tokens"),
    ("support", "Support: frees seats, extends a little, suspends and revokes with a reason"),
    ("viewer", "Viewer: reads"),
];

/// Roles to choose from, for somebody who may or may not make owners.
pub fn roles(owners: bool) -> Vec<(String, String)> {
    let all = ROLES.iter().filter(|(role, _)| owners || *role != "owner");
    all.map(|(role, words)| ((*role).to_owned(), (*words).to_owned())).collect()
}

/// A member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::struct_excessive_bools)] // each stands for something of its own on the screen
pub struct MemberRow {
    /// The id.
    pub id: String,
    /// The name.
    pub name: String,
    /// The address.
    pub email: String,
    /// The role.
    pub role: String,
    /// When they last signed in.
    pub signed_in: Option<When>,
    /// Their second factors in words; absent where whoever looks may not know.
    pub factors: Option<String>,
    /// Whether a second factor is missing that the role needs.
    pub factor_missing: bool,
    /// Whether they may no longer sign in.
    pub removed: bool,
    /// Whether it is whoever looks.
    pub me: bool,
    /// Whether whoever looks may change them.
    pub may_change: bool,
}

/// Somebody who was invited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitationRow {
    /// The id.
    pub id: String,
    /// The address.
    pub email: String,
    /// The role.
    pub role: String,
    /// Until when it can be accepted.
    pub until: When,
    /// Whether it still can.
    pub open: bool,
    /// Whether whoever looks may change it.
    pub may_change: bool,
}

/// A link to hand over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// To whom.
    pub email: String,
    /// Where it leads.
    pub address: String,
    /// For how long it works, in words.
    pub lasts: String,
    /// Whether it is mailed to them as well.
    pub mailed: bool,
}

/// The team.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TeamView {
    /// The members.
    pub members: Vec<MemberRow>,
    /// Who was invited and has not come.
    pub invitations: Vec<InvitationRow>,
    /// The link that was just made, shown once.
    pub link: Option<Link>,
    /// Whether whoever looks may invite and change people.
    pub may_change: bool,
    /// Whether whoever looks may make owners, and set how people sign in.
    pub owners: bool,
}

/// A member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberDetail {
    /// The member.
    pub row: MemberRow,
    /// That the last mail to them came back.
    pub bounced: Option<Bounced>,
    /// Until when their removal can be undone by whoever looks.
    pub undo_until: Option<When>,
}

/// A step with a member, before it is taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberStep {
    /// The member's id.
    pub id: String,
    /// Their name.
    pub name: String,
    /// What is about to be done.
    pub title: String,
    /// To whom: address and role.
    pub whose: String,
    /// What comes of it, a paragraph each.
    pub consequences: Vec<String>,
    /// The roles to choose from, where one is chosen.
    pub roles: Vec<(String, String)>,
    /// The role they have.
    pub role: String,
    /// Whether it ends their access.
    pub ends_access: bool,
}

/// Through whom people may sign in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderForm {
    /// Whether there is one.
    pub is_set: bool,
    /// The provider's address.
    pub issuer: String,
    /// What it calls us.
    pub client_id: String,
    /// The domains that are let in.
    pub domains: String,
    /// What new people get; empty where only those come in who were invited.
    pub new_role: String,
    /// Where the provider sends people back to.
    pub back: String,
    /// Where people begin.
    pub begin: String,
}
