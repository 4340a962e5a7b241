//! Server functions of the fleet screens.

use leptos::prelude::*;

use super::model::{FleetView, NodeDetail};
use crate::error::UiError;

/// All nodes by region.
#[server(output = crate::wire::Answer)]
pub async fn fleet() -> Result<FleetView, UiError> {
    use super::show;
    use crate::ctx;
    use holdfast_domain::Permission;
    let actor = ctx::actor(Permission::FleetRead).await?;
    let service = ctx::service()?;
    let view = service.fleet_view(&actor).await?;
    Ok(show::fleet(&view, actor.may(Permission::FleetWrite), service.now()))
}

/// Everything about a node.
#[server(output = crate::wire::Answer)]
pub async fn node(id: String) -> Result<NodeDetail, UiError> {
    use super::show;
    use crate::{
        ctx,
        pages::{products::api::parse_id, serve},
    };
    use holdfast_domain::{NodeId, Permission};
    use holdfast_service::{
        Error, ErrorCode,
        admin::{
            inputs::EventFilter,
            page::{Limit, PageRequest},
        },
    };
    let actor = ctx::actor(Permission::FleetRead).await?;
    let service = ctx::service()?;
    let id: NodeId = parse_id(&id)?;
    let view = service.fleet_view(&actor).await?;
    let now = service.now();
    let timeline = if view.told_at.is_none() {
        let filter = EventFilter { subject: Some(id.to_string()), ..EventFilter::default() };
        let page = PageRequest { limit: Limit::new(20), ..PageRequest::default() };
        let people = serve::People::of(&service, &actor).await?;
        service.events(&actor, filter, page).await?.items.iter().map(|event| people.entry(event, now)).collect()
    } else {
        Vec::new()
    };
    let detail = show::node(&view, id, actor.may(Permission::FleetWrite), now);
    detail.map(|detail| NodeDetail { timeline, ..detail }).ok_or_else(|| Error::new(ErrorCode::NotFound).into())
}

/// Drains a node, resumes it, or declares it gone.
#[server(output = crate::wire::Answer)]
pub async fn step_node(id: String, step: String, reason: String) -> Result<(), UiError> {
    use super::model;
    use crate::{
        ctx,
        pages::{products::api::parse_id, serve::parse},
    };
    use holdfast_domain::{NodeId, Permission};
    use holdfast_service::{Error, ErrorCode, admin::fleet::NodeAct};
    let actor = ctx::actor(Permission::FleetWrite).await?;
    let id: NodeId = parse_id(&id)?;
    let (act, words) = match (step.as_str(), model::step(&step)) {
        ("drain", Some(words)) => (NodeAct::Drain, words),
        ("resume", Some(words)) => (NodeAct::Resume, words),
        ("gone", Some(words)) => (NodeAct::DeclareGone, words),
        _ => return Err(Error::new(ErrorCode::NotFound).into()),
    };
    ctx::service()?.act_on_node(&ctx::call(&actor), id, act, parse("reason", &reason)?).await?;
    ctx::redirect(&format!("/console/fleet/{id}?done={}", words.done));
    Ok(())
}
