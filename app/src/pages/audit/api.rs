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

/// How far the walk along the chain of the log has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Checked {
    /// So far all is as it was written.
    SoFar {
        /// The number of the last event that was looked at, to go on from.
        number: i64,
        /// The same, for people.
        done: String,
        /// How many there are.
        of: String,
        /// The share that is done, in percent.
        percent: i64,
    },
    /// All of it is as it was written.
    Whole {
        /// How many events.
        events: String,
        /// The hash of the last.
        head: String,
    },
    /// Something is missing or was changed.
    Broken {
        /// The number of the first event that does not hold.
        number: String,
    },
}

/// Walks the chain of the log on from event number `after`, some way.
#[server(output = crate::wire::Answer)]
pub async fn check_chain(after: i64) -> Result<Checked, UiError> {
    use crate::{ctx, pages::serve};
    use holdfast_domain::Permission;
    use holdfast_service::admin::views::ChainWalk;
    let actor = ctx::actor(Permission::EventsReadAll).await?;
    let number = |n: i64| serve::number(n.unsigned_abs());
    Ok(match ctx::service()?.check_chain(&actor, after).await? {
        ChainWalk::SoFar { number: at, last } => {
            Checked::SoFar { number: at, done: number(at), of: number(last), percent: at * 100 / last.max(1) }
        }
        ChainWalk::Whole { events, head } => Checked::Whole { events: number(events), head },
        ChainWalk::Broken { number: at } => Checked::Broken { number: number(at) },
    })
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
        "mem" => "team",
        _ => return None,
    };
    Some(format!("/console/{folder}/{id}"))
}
