//! What the frame asks the server.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{error::UiError, ui::When};

/// Who is looking, and how they want it to look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Viewer {
    /// The person's address.
    pub email: String,
    /// The person's role.
    pub role: String,
    /// The vendor's name.
    pub vendor: String,
    /// `system`, `light` or `dark`.
    pub theme: String,
    /// `comfortable` or `compact`.
    pub density: String,
    /// `on` or `off`: whether single keys do anything.
    pub shortcuts: String,
    /// What the operator calls this installation, where there are several.
    pub environment: Option<String>,
    /// From when on the person needs a second factor, where they have none yet.
    pub factor_due: Option<When>,
}

/// Who is looking; nobody in particular while the database, which knows, is away.
#[server(output = crate::wire::Answer)]
pub async fn whoami() -> Result<Option<Viewer>, UiError> {
    use crate::ctx;
    let actor = ctx::anybody()?;
    // Without the database, nobody has a role.
    if actor.role().is_none() {
        return Ok(None);
    }
    let service = ctx::service()?;
    let me = service.me(&actor).await?;
    let vendor = service.vendor(&actor).await?;
    let factors = if me.role.requires_factor() { Some(service.factors(&actor).await?) } else { None };
    let factor_due = factors.filter(|view| view.factors.is_empty()).and_then(|view| view.due_at);
    let chosen = |name: &str, allowed: &[&str], otherwise: &str| {
        ctx::cookie(name).filter(|value| allowed.contains(&value.as_str())).unwrap_or_else(|| otherwise.to_owned())
    };
    Ok(Some(Viewer {
        email: me.email.to_string(),
        role: me.role.as_str().to_owned(),
        vendor: vendor.name.to_string(),
        theme: chosen("theme", &["light", "dark"], "system"),
        density: chosen("density", &["compact"], "comfortable"),
        shortcuts: chosen("shortcuts", &["off"], "on"),
        environment: ctx::state()?.environment().map(str::to_owned),
        factor_due: factor_due.filter(|due| *due > service.now()).map(|due| When::new(due, service.now())),
    }))
}

/// Chooses how it looks in this browser, for a year.
#[server(output = crate::wire::Answer)]
pub async fn set_look(
    #[server(default)] theme: String,
    #[server(default)] density: String,
    #[server(default)] shortcuts: String,
    #[server(default)] nav: String,
) -> Result<(), UiError> {
    use crate::ctx;
    use holdfast_domain::Permission;
    const YEAR: i64 = 31_536_000;
    // Every role may look at the catalogue, and choose how it looks.
    ctx::actor(Permission::CatalogRead).await?;
    if ["system", "light", "dark"].contains(&theme.as_str()) {
        ctx::set_cookie("theme", &theme, YEAR);
    }
    if ["comfortable", "compact"].contains(&density.as_str()) {
        ctx::set_cookie("density", &density, YEAR);
    }
    if ["on", "off"].contains(&shortcuts.as_str()) {
        ctx::set_cookie("shortcuts", &shortcuts, YEAR);
    }
    if ["open", "folded"].contains(&nav.as_str()) {
        ctx::set_cookie("nav", &nav, YEAR);
    }
    Ok(())
}

/// Ends the session of this browser.
#[server(output = crate::wire::Answer)]
pub async fn sign_out() -> Result<(), UiError> {
    use crate::ctx;
    ctx::let_out().await?;
    ctx::redirect("/sign-in?done=signed_out");
    Ok(())
}
