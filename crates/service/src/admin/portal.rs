//! What a vendor sets for its customers' portal: where it is, how it looks, and where its plans are renewed and upgraded.

use super::{
    act::job,
    inputs::{PlanLinks, SetPortal},
    licenses::absent,
};
use crate::{
    Call, Service,
    actor::Actor,
    error::{Error, Result},
    portal::{accent::Rgb, logo, views::PortalSettings},
};
use holdfast_domain::{Permission, PlanId};
use holdfast_store::{
    WriteOptions, plans,
    portals::{self, PlanLinksRow, PortalRow},
};
use serde_json::json;

/// Short names that no vendor takes: they would be mistaken for parts of this installation.
const RESERVED: [&str; 22] = [
    "admin", "api", "app", "assets", "console", "docs", "fn", "help", "holdfast", "invite", "login", "mail", "new",
    "password", "portal", "security", "setup", "sign-in", "static", "status", "support", "www",
];
/// The longest text of a portal, in characters.
const TEXT: usize = 2_000;
/// The longest link, in characters.
const LINK: usize = 500;

/// A text as it is kept: nothing where it is empty.
fn kept(pointer: &str, text: Option<String>) -> Result<Option<String>> {
    let text = text.map(|text| text.replace("\r\n", "\n").trim().to_owned()).filter(|text| !text.is_empty());
    if text.as_ref().is_some_and(|text| text.chars().count() > TEXT) {
        return Err(Error::invalid(pointer, format_args!("must be at most {TEXT} characters long")));
    }
    if text.as_ref().is_some_and(|text| text.chars().any(|c| c.is_control() && c != '\n')) {
        return Err(Error::invalid(pointer, "contains a character that is not allowed"));
    }
    Ok(text)
}

/// Whether a text is a host name that people can be led by: at least two labels, and no address.
fn is_host(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    name.len() <= 253
        && name.split('.').count() >= 2
        && name.split('.').all(label)
        && name.rsplit('.').next().is_some_and(|last| last.bytes().any(|byte| byte.is_ascii_lowercase()))
}

/// An address that people are sent to: https, and nothing that a browser would read otherwise.
fn link(pointer: &str, text: Option<String>) -> Result<Option<String>> {
    let Some(text) = text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()) else { return Ok(None) };
    let host = text.strip_prefix("https://").map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'`'));
    if text.len() <= LINK && plain && host.is_some_and(|host| !host.is_empty() && !host.contains('@')) {
        Ok(Some(text))
    } else {
        Err(Error::invalid(pointer, "An https address of at most 500 characters."))
    }
}

impl Service {
    /// What is set for the portal.
    pub async fn portal_settings(&self, actor: &Actor) -> Result<PortalSettings> {
        actor.require(Permission::CatalogRead)?;
        let look = self.portal_at(&actor.vendor().to_string()).await?;
        let row = portals::get(&mut self.store().patient_reader(), actor.scope()).await?;
        let row = row.unwrap_or_else(|| PortalRow::new(actor.vendor()));
        Ok(PortalSettings { look, short_name: row.short_name, name: row.name })
    }

    /// Sets where the portal is and how it looks, all but its picture.
    ///
    /// # Errors
    /// [`crate::ErrorCode::Forbidden`] for everybody but owners and admins; [`crate::ErrorCode::InvalidRequest`] for a short name that is
    /// reserved, a domain that is no host name or one of this installation's own, or while it does not know those, a colour that is none, and texts that are too long; [`crate::ErrorCode::CodeTaken`]
    /// where another vendor has the short name or the domain.
    pub async fn set_portal(&self, call: &Call, input: SetPortal) -> Result<PortalSettings> {
        call.actor.require(Permission::MembersWrite)?;
        if let Some(name) = &input.short_name {
            let name = name.as_str();
            if name.len() < 3 || name.contains(['.', '_']) || RESERVED.contains(&name) || name.starts_with("vnd") {
                let detail = "At least three letters, digits and hyphens; some names are kept for this installation.";
                return Err(Error::invalid("/short_name", detail));
            }
        }
        let domain = input.domain.map(|name| name.trim().trim_end_matches('.').to_ascii_lowercase());
        let domain = domain.filter(|name| !name.is_empty());
        if domain.as_ref().is_some_and(|name| !is_host(name)) {
            return Err(Error::invalid(
                "/domain",
                "A host name such as licenses.example.com, without https:// and path.",
            ));
        }
        if let Some(name) = &domain {
            let here = input.here.as_ref().is_some_and(|here| here.eq_ignore_ascii_case(name));
            match self.is_own_host(name) {
                Some(own) if own || here => {
                    let detail = "This installation itself is reached by that name. Choose one for the portal alone.";
                    return Err(Error::invalid("/domain", detail));
                }
                Some(_) => {}
                None => {
                    let detail =
                        "Start every node with --public-url first, so that this installation knows its own name.";
                    return Err(Error::invalid("/domain", detail));
                }
            }
        }
        let accent = input.accent.filter(|colour| !colour.trim().is_empty());
        let accent = accent.map(|colour| colour.parse::<Rgb>()).transpose();
        let row = PortalRow {
            short_name: input.short_name,
            domain,
            name: input.name,
            accent: accent.map_err(|error| Error::invalid("/accent", error))?.map(|colour| colour.to_string()),
            welcome: kept("/welcome", input.welcome)?,
            help: kept("/help", input.help)?,
            updated_at: self.now(),
            ..PortalRow::new(call.actor.vendor())
        };
        let act = self.act(call);
        let set = job!(act, row => |tx| {
            let before = portals::get(tx, act.scope).await?.unwrap_or_else(|| PortalRow::new(act.scope.vendor()));
            let taken = |error: holdfast_store::StoreError| {
                let pointer = if error.is_conflict(holdfast_store::Constraint::PortalDomain) { "/domain" } else { "/short_name" };
                Error::from(error).with_pointer(pointer)
            };
            portals::put(tx, act.scope, &row).await.map_err(taken)?;
            let told = |row: &PortalRow| json!({
                "short_name": row.short_name, "domain": row.domain, "name": row.name, "accent": row.accent,
                "welcome": row.welcome, "help": row.help,
            });
            act.event(tx, "portal.changed", act.scope.vendor(), json!({ "before": told(&before), "after": told(&row) }));
            Ok(())
        });
        self.commit(call, WriteOptions::default(), set).await?;
        self.portal_settings(&call.actor).await
    }

    /// Gives the portal another picture, or takes it away.
    ///
    /// # Errors
    /// [`crate::ErrorCode::Forbidden`] for everybody but owners and admins; [`crate::ErrorCode::InvalidRequest`] for what is no picture.
    pub async fn set_portal_logo(&self, call: &Call, bytes: Option<Vec<u8>>) -> Result<()> {
        call.actor.require(Permission::MembersWrite)?;
        let read = tokio::task::spawn_blocking(move || bytes.map(|bytes| logo::read(&bytes)).transpose());
        let logo = read.await.map_err(Error::internal)??;
        let act = self.act(call);
        let set = job!(act, logo => |tx| {
            portals::put_logo(tx, act.scope, logo.as_ref(), act.now).await?;
            let after = logo.as_ref().map(|logo| &logo.hash);
            act.event(tx, "portal.changed", act.scope.vendor(), json!({ "after": { "logo": after } }));
            Ok(())
        });
        self.commit(call, WriteOptions::default(), set).await
    }

    /// Where licenses of a plan are renewed and upgraded.
    ///
    /// # Errors
    /// [`crate::ErrorCode::NotFound`] for an unknown plan and another vendor's alike.
    pub async fn plan_links(&self, actor: &Actor, plan: PlanId) -> Result<PlanLinks> {
        actor.require(Permission::CatalogRead)?;
        let mut reader = self.store().patient_reader();
        plans::get(&mut reader, actor.scope(), plan).await?.ok_or_else(absent)?;
        let row = portals::links(&mut reader, actor.scope(), &[plan]).await?.into_iter().next();
        Ok(row.map_or_else(PlanLinks::default, |row| PlanLinks { renew: row.renew, upgrade: row.upgrade }))
    }

    /// Sets where licenses of a plan are renewed and upgraded: the portal sends its customers there.
    ///
    /// # Errors
    /// [`crate::ErrorCode::NotFound`]; [`crate::ErrorCode::InvalidRequest`] for what is no https address.
    pub async fn set_plan_links(&self, call: &Call, plan: PlanId, input: PlanLinks) -> Result<()> {
        call.actor.require(Permission::CatalogWrite)?;
        let links = PlanLinksRow {
            vendor: call.actor.vendor(),
            plan,
            renew: link("/renew", input.renew)?,
            upgrade: link("/upgrade", input.upgrade)?,
        };
        let act = self.act(call);
        let set = job!(act, links => |tx| {
            plans::get(tx, act.scope, plan).await?.ok_or_else(absent)?;
            portals::put_links(tx, act.scope, &links).await?;
            act.event(tx, "plan.links_changed", plan, json!({ "after": { "renew": links.renew, "upgrade": links.upgrade } }));
            Ok(())
        });
        self.commit(call, WriteOptions::default(), set).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_names_are_told_from_everything_else() {
        for name in ["licenses.example.com", "a.io", "xn--bcher-kva.example"] {
            assert!(is_host(name), "{name}");
        }
        for name in
            ["example", "https://a.b", "a.b/c", "a..b", "-a.b", "127.0.0.1", "a.b:80", "A.B", "a b.c", "*.a.b", ""]
        {
            assert!(!is_host(name), "{name}");
        }
    }

    #[test]
    fn links_lead_by_https_and_nowhere_else() {
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(
            link("/renew", text(" https://shop.example.com/renew?x=1 ")).unwrap(),
            text("https://shop.example.com/renew?x=1")
        );
        assert_eq!(link("/renew", text("  ")).unwrap(), None);
        for bad in [
            "http://a.b",
            "javascript:alert(1)",
            "https://",
            "https://a@b.c",
            "https://a.b/\"onload=",
            "//a.b",
            "https:\\\\a.b",
        ] {
            assert!(link("/renew", text(bad)).is_err(), "{bad}");
        }
    }
}
