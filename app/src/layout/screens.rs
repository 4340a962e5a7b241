//! The screens by the letters that lead there, and whom they are for.

use holdfast_domain::{Permission, Role};

use super::GROUPS;

/// The start.
pub const OVERVIEW: (&str, &str) = ("/console", "Overview");

/// What leads to a screen when it is typed after `g`.
const LETTERS: [(char, &str); 11] = [
    ('o', OVERVIEW.0),
    ('d', "/support"),
    ('p', "/console/products"),
    ('c', "/console/customers"),
    ('l', "/console/licenses"),
    ('s', "/console/seats"),
    ('f', "/console/fleet"),
    ('a', "/console/alerts"),
    ('w', "/console/webhooks"),
    ('u', "/console/audit"),
    ('t', "/console/team"),
];

/// What vendors ask of their licenses every week: name and query of the list.
pub const QUESTIONS: [(&str, &str); 4] = [
    ("Expiring this month", "ends=month&sort=expires_at"),
    ("Never activated", "use=never"),
    ("Over their seats", "use=over&sort=-seats_taken"),
    ("Not seen for 30 days", "state=active&unseen=30&sort=last_seen"),
];

/// Every screen of the navigation: address and name.
pub fn screens() -> impl Iterator<Item = (&'static str, &'static str)> {
    let listed = GROUPS.iter().flat_map(|(_, links)| links.iter()).map(|(href, name, _)| (*href, *name));
    std::iter::once(OVERVIEW).chain(listed)
}

/// The letters with the screens that there are.
pub fn letters() -> impl Iterator<Item = (char, &'static str, &'static str)> {
    LETTERS.iter().filter_map(|(letter, href)| {
        screens().find(|(other, _)| other == href).map(|(href, name)| (*letter, href, name))
    })
}

/// What a role must be allowed for a screen to show it anything.
const fn needs(href: &str) -> Permission {
    match href.as_bytes() {
        b"/console/imports" => Permission::LicensesWrite,
        b"/console/webhooks" | b"/console/tokens" => Permission::TokensWrite,
        b"/console/shops" => Permission::ShopsRead,
        _ => Permission::CatalogRead,
    }
}

/// Whether a screen is for people in that role.
pub const fn is_for(role: Role, href: &str) -> bool {
    role.may(needs(href))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_leads_to_one_screen() {
        let mut seen = std::collections::BTreeSet::new();
        assert!(
            LETTERS.iter().all(|(letter, href)| seen.insert(letter.to_string()) && seen.insert((*href).to_owned()))
        );
        assert!(letters().count() >= 9);
    }

    #[test]
    fn screens_that_refuse_a_role_are_not_for_it() {
        assert!(screens().all(|(href, _)| is_for(Role::Owner, href)));
        let hidden = |role| screens().filter(|(href, _)| !is_for(role, href)).map(|(_, name)| name).collect::<Vec<_>>();
        assert_eq!(hidden(Role::Developer), Vec::<&str>::new());
        assert_eq!(hidden(Role::Viewer), ["Shops", "Import", "Webhooks", "API tokens"]);
    }
}
