//! Server functions of the vendor's settings.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{error::UiError, ui::When};

/// The vendor, as its settings show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingsView {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What applications pin.
    pub root_public_key: String,
    /// Since when.
    pub since: When,
    /// Where devices and programs reach this installation.
    pub address: String,
    /// Whether this person may change them.
    pub may_write: bool,
    /// Whether this person may say through whom people sign in.
    pub may_provide: bool,
}

/// The vendor's settings.
#[server(output = crate::wire::Answer)]
pub async fn settings() -> Result<SettingsView, UiError> {
    use crate::ctx;
    use holdfast_domain::Permission;
    let actor = ctx::actor(Permission::CatalogRead).await?;
    let service = ctx::service()?;
    let vendor = service.vendor(&actor).await?;
    Ok(SettingsView {
        id: vendor.id.to_string(),
        name: vendor.name.to_string(),
        root_public_key: vendor.root_public_key,
        since: When::new(vendor.created_at, service.now()),
        address: ctx::origin().unwrap_or_default(),
        may_write: actor.may(Permission::MembersWrite),
        may_provide: actor.may(Permission::OwnersWrite),
    })
}

/// Changes the vendor's name.
#[server(output = crate::wire::Answer)]
pub async fn save_settings(name: String) -> Result<(), UiError> {
    use crate::{ctx, pages::serve::parse};
    use holdfast_domain::Permission;
    let actor = ctx::actor(Permission::MembersWrite).await?;
    ctx::service()?.rename_vendor(&ctx::call(&actor), parse("name", &name)?).await?;
    ctx::redirect("/console/settings?done=saved");
    Ok(())
}

/// How the portal looks in one theme, as colours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Panel {
    /// Which theme.
    pub theme: String,
    /// What everything stands on.
    pub ground: String,
    /// What is written.
    pub text: String,
    /// What stands out.
    pub accent: String,
    /// What is written on that.
    pub on: String,
}

/// The customers' portal, as its settings show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortalView {
    /// Its name as customers read it.
    pub shown: String,
    /// Where it is, on this host.
    pub href: String,
    /// Its addresses.
    pub addresses: Vec<String>,
    /// The address of its picture.
    pub logo: Option<String>,
    /// Both themes.
    pub panels: Vec<Panel>,
    /// What was done to the colour so that it can be read.
    pub adjusted: Option<String>,
    /// What was set: the name.
    pub name: String,
    /// The accent colour.
    pub accent: String,
    /// The short name.
    pub short_name: String,
    /// The host name.
    pub domain: String,
    /// The text at the way in.
    pub welcome: String,
    /// The text below every page.
    pub help: String,
    /// Whether this person may change it.
    pub may_write: bool,
}

/// The settings of the customers' portal.
#[server(output = crate::wire::Answer)]
pub async fn portal_settings() -> Result<PortalView, UiError> {
    use crate::ctx;
    use holdfast_domain::Permission;
    use holdfast_service::portal::accent::Accent;
    const USUAL: &str = "#2b59c3";
    let actor = ctx::actor(Permission::CatalogRead).await?;
    let set = ctx::service()?.portal_settings(&actor).await?;
    let look = set.look;
    let chosen = look.accent.clone().unwrap_or_else(|| USUAL.to_owned());
    let accent = Accent::of(chosen.parse().map_err(|error| UiError::field("accent", error))?);
    let panel = |theme: &str, ground: &str, text: &str, (colour, on): (_, _)| Panel {
        theme: theme.to_owned(),
        ground: ground.to_owned(),
        text: text.to_owned(),
        accent: format!("{colour}"),
        on: format!("{on}"),
    };
    let panels =
        vec![panel("light", "#ffffff", "#171a1f", accent.light), panel("dark", "#121519", "#e7eaee", accent.dark)];
    let moved: Vec<String> = panels
        .iter()
        .filter(|panel| look.accent.is_some() && panel.accent != chosen)
        .map(|panel| format!("{} in the {} theme", panel.accent, panel.theme))
        .collect();
    let href = format!("/portal/{}", look.path);
    let own = ctx::origin().map(|origin| format!("{}{href}", origin.trim_end_matches('/')));
    let domain = look.domain.as_ref().map(|domain| format!("https://{domain}/"));
    Ok(PortalView {
        shown: look.name.to_string(),
        addresses: domain.into_iter().chain(own).collect(),
        logo: look.logo.as_ref().map(|hash| format!("{href}/look/{hash}")),
        href,
        panels,
        adjusted: (!moved.is_empty()).then(|| format!("So that it can be read, it is {}.", moved.join(" and "))),
        name: set.name.map(|name| name.to_string()).unwrap_or_default(),
        accent: look.accent.unwrap_or_default(),
        short_name: set.short_name.map(|name| name.to_string()).unwrap_or_default(),
        domain: look.domain.unwrap_or_default(),
        welcome: look.welcome.unwrap_or_default(),
        help: look.help.unwrap_or_default(),
        may_write: actor.may(Permission::MembersWrite),
    })
}

/// Sets where the customers' portal is and how it looks, all but its picture.
#[server(output = crate::wire::Answer)]
pub async fn save_portal(
    #[server(default)] name: String,
    #[server(default)] accent: String,
    #[server(default)] short_name: String,
    #[server(default)] domain: String,
    #[server(default)] welcome: String,
    #[server(default)] help: String,
) -> Result<(), UiError> {
    use crate::{ctx, pages::serve::optional};
    use holdfast_domain::Permission;
    use holdfast_service::admin::inputs::SetPortal;
    let actor = ctx::actor(Permission::MembersWrite).await?;
    let input = SetPortal {
        short_name: optional("short_name", &short_name)?,
        name: optional("name", &name)?,
        domain: Some(domain),
        here: ctx::host(),
        accent: Some(accent),
        welcome: Some(welcome),
        help: Some(help),
    };
    ctx::service()?.set_portal(&ctx::call(&actor), input).await?;
    ctx::redirect("/console/settings/portal?done=saved");
    Ok(())
}
