//! Server functions of one's own sessions.

use leptos::prelude::*;

use super::model::SessionRow;
use crate::error::UiError;

/// Where the person is signed in, the newest first.
#[server(output = crate::wire::Answer)]
pub async fn my_sessions() -> Result<Vec<SessionRow>, UiError> {
    use crate::{ctx, ui::When};
    let actor = ctx::anybody()?;
    let service = ctx::service()?;
    let now = service.now();
    let sessions = service.sessions(&actor).await?.into_iter().map(|session| SessionRow {
        id: session.id.to_string(),
        current: session.current,
        browser: if session.browser.is_empty() { "Unknown browser".to_owned() } else { session.browser },
        origin: session.origin,
        began: When::new(session.created_at, now),
        used: When::new(session.touched_at, now),
        ends: When::new(session.ends_at, now),
    });
    Ok(sessions.collect())
}

/// Ends one of one's own sessions.
#[server(output = crate::wire::Answer)]
pub async fn end_session(id: String) -> Result<(), UiError> {
    use crate::{ctx, pages::products::api::parse_id};
    let actor = ctx::anybody()?;
    let id = parse_id(&id)?;
    ctx::service()?.end_session(&ctx::call(&actor), id).await?;
    if actor.session() == Some(id) {
        ctx::let_out().await?;
        ctx::redirect("/sign-in?done=signed_out");
    } else {
        ctx::redirect("/console/sessions?done=session_ended");
    }
    Ok(())
}

/// Ends all of one's sessions but the one that asks.
#[server(output = crate::wire::Answer)]
pub async fn end_other_sessions() -> Result<(), UiError> {
    use crate::ctx;
    let actor = ctx::anybody()?;
    ctx::service()?.end_other_sessions(&ctx::call(&actor)).await?;
    ctx::redirect("/console/sessions?done=sessions_ended");
    Ok(())
}
