//! Server functions of the audit log: one event, and the walk along the chain.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use super::model::EventDetail;
use crate::error::UiError;

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

/// The event of that number in the log.
#[server(output = crate::wire::Answer)]
pub async fn audit_event(number: String) -> Result<EventDetail, UiError> {
    use crate::ctx;
    use holdfast_domain::Permission;
    use holdfast_service::{Error, ErrorCode};
    let actor = ctx::actor(Permission::EventsReadOwn).await?;
    let number = number.parse().map_err(|_| Error::new(ErrorCode::NotFound))?;
    super::show::event(&ctx::service()?, &actor, number).await
}
