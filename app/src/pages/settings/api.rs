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
