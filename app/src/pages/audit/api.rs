//! The server function of the audit log.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{error::UiError, pages::List, ui::When};

/// An event as the log shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventRow {
    /// What happened.
    pub what: String,
    /// Why, where somebody said.
    pub why: Option<String>,
    /// What it happened to: an id.
    pub subject: String,
    /// Where that is shown.
    pub href: Option<String>,
    /// Who did it.
    pub who: String,
    /// From where.
    pub origin: String,
    /// When.
    pub at: When,
}

/// The audit log; with `subject` what happened to that.
#[server(output = crate::wire::Answer)]
pub async fn events(subject: String, after: String) -> Result<List<EventRow>, UiError> {
    use crate::{ctx, pages::serve};
    use holdfast_domain::Permission;
    use holdfast_service::admin::inputs::EventFilter;
    let actor = ctx::actor(Permission::EventsReadOwn).await?;
    let service = ctx::service()?;
    let subject = Some(subject.trim().to_owned()).filter(|subject| !subject.is_empty());
    let filter = EventFilter { subject, ..EventFilter::default() };
    let page = service.events(&actor, filter, serve::page(&after)?).await?;
    let now = service.now();
    let people = serve::People::of(&service, &actor).await?;
    Ok(serve::list(page, |event| {
        let entry = people.entry(&event, now);
        EventRow {
            what: entry.what,
            why: entry.why,
            href: screen(&event.subject),
            subject: event.subject,
            who: entry.who,
            origin: event.origin,
            at: entry.at,
        }
    }))
}

/// The screen of what an id names, where it has one.
#[cfg(feature = "ssr")]
fn screen(id: &str) -> Option<String> {
    let folder = match id.split('_').next()? {
        "lic" => "licenses",
        "cus" => "customers",
        "prd" => "products",
        "pln" => "plans",
        "imp" => "imports",
        "nod" => "fleet",
        "alr" => "alerts",
        _ => return None,
    };
    Some(format!("/console/{folder}/{id}"))
}
