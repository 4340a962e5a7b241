//! Server functions of the alert screens.

use leptos::prelude::*;

use super::model::{AlertDetail, AlertsView, Asked};
use crate::error::UiError;

/// The alerts about the installation and about what the vendor owns.
#[server(output = crate::wire::Answer)]
pub async fn alerts(asked: Asked) -> Result<AlertsView, UiError> {
    use super::show;
    use crate::{ctx, pages::serve, ui::When};
    use holdfast_domain::{Permission, Timestamp};
    use holdfast_fleet::{Severity, rules::RULES};
    use holdfast_service::admin::{alerts::AlertFilter, fleet::NodeState};
    let actor = ctx::actor(Permission::FleetRead).await?;
    let service = ctx::service()?;
    let filter = AlertFilter {
        standing: match asked.state.as_str() {
            "all" => None,
            "cleared" => Some(false),
            _ => Some(true),
        },
        severity: Severity::from_name(&asked.severity),
        subject: serve::optional("subject", &asked.subject)?,
        ..AlertFilter::default()
    };
    let page = service.alerts(&actor, filter, serve::page(&asked.after)?).await?;
    let now = service.now();
    let places = show::Places::new(&service, &actor).await?;
    let looked = service.last_look().at;
    Ok(AlertsView {
        nodes: show::count(places.nodes.iter().filter(|node| node.state == NodeState::Running).count()),
        list: serve::list(page, |alert| show::row(&alert, &places, now)),
        rules: show::count(RULES.len()),
        looked: (looked != Timestamp::default()).then(|| When::new(looked, now)),
    })
}

/// Everything about an alert.
#[server(output = crate::wire::Answer)]
pub async fn alert(id: String) -> Result<AlertDetail, UiError> {
    use super::show;
    use crate::{
        ctx,
        pages::{fleet::words, products::api::parse_id},
        ui::When,
    };
    use holdfast_domain::{AlertId, Permission};
    use holdfast_fleet::Code;
    use holdfast_service::admin::{
        inputs::EventFilter,
        page::{Limit, PageRequest},
    };
    let actor = ctx::actor(Permission::FleetRead).await?;
    let service = ctx::service()?;
    let id: AlertId = parse_id(&id)?;
    let alert = service.alert(&actor, id).await?;
    let places = show::Places::new(&service, &actor).await?;
    let now = service.now();
    let filter = EventFilter { subject: Some(id.to_string()), ..EventFilter::default() };
    let page = PageRequest { limit: Limit::new(20), ..PageRequest::default() };
    let events = service.events(&actor, filter, page).await?;
    let (code, product) = (Code::from_name(&alert.code), alert.product);
    let rule = code.map(Code::rule);
    let levels = rule.map(|rule| rule.levels).unwrap_or_default();
    Ok(AlertDetail {
        row: show::row(&alert, &places, now),
        meaning: alert.meaning.clone(),
        watches: rule.map(|rule| rule.watches.to_owned()).unwrap_or_default(),
        levels: levels.iter().map(|(severity, level)| (words::severity(*severity), (*level).to_owned())).collect(),
        lead: rule.map(|rule| rule.lead.to_string()).unwrap_or_default(),
        updated: When::new(alert.updated_at, now),
        code: alert.code,
        timeline: events.items.iter().map(|event| places.people.entry(event, now)).collect(),
        stopped: show::stopped(&service, &actor, code, product, now).await?,
        may_write: actor.may(Permission::FleetWrite),
    })
}

/// How many alerts stand that somebody should act on; nothing where the database, which knows, is away.
#[server(output = crate::wire::Answer)]
pub async fn open_alerts() -> Result<Option<u32>, UiError> {
    use crate::ctx;
    use holdfast_domain::Permission;
    use holdfast_fleet::Severity;
    use holdfast_service::admin::{
        alerts::AlertFilter,
        page::{Limit, PageRequest},
    };
    // The frame asks this of everybody; whoever first has to set up a second factor is told nothing yet.
    if ctx::anybody()?.is_held() {
        return Ok(None);
    }
    let actor = ctx::actor(Permission::FleetRead).await?;
    // Without the database, nobody has a role.
    if actor.role().is_none() {
        return Ok(None);
    }
    let service = ctx::service()?;
    let mut open = 0_u64;
    for severity in [Severity::Warning, Severity::Critical] {
        let filter = AlertFilter { standing: Some(true), severity: Some(severity), ..AlertFilter::default() };
        let page = PageRequest { limit: Limit::new(1), ..PageRequest::default() };
        open += service.alerts(&actor, filter, page).await?.total.rows;
    }
    Ok(Some(u32::try_from(open).unwrap_or(u32::MAX)))
}

/// Notes that whoever asks has taken an alert on.
#[server(output = crate::wire::Answer)]
pub async fn acknowledge(id: String, note: String) -> Result<(), UiError> {
    use crate::{
        ctx,
        pages::{products::api::parse_id, serve::parse},
    };
    use holdfast_domain::{AlertId, Permission};
    let actor = ctx::actor(Permission::FleetWrite).await?;
    let id: AlertId = parse_id(&id)?;
    ctx::service()?.acknowledge_alert(&ctx::call(&actor), id, parse("note", &note)?).await?;
    ctx::redirect(&format!("/console/alerts/{id}?done=alert_acknowledged"));
    Ok(())
}

/// Notes that the denials of a product are meant: all of them are signed for a day.
#[server(output = crate::wire::Answer)]
pub async fn let_denials_pass(alert: String, product: String, reason: String) -> Result<(), UiError> {
    use crate::{
        ctx,
        pages::{products::api::parse_id, serve::parse},
    };
    use holdfast_domain::{AlertId, Permission};
    let actor = ctx::actor(Permission::FleetWrite).await?;
    let alert: AlertId = parse_id(&alert)?;
    let reason = parse("reason", &reason)?;
    ctx::service()?.let_denials_pass(&ctx::call(&actor), parse_id(&product)?, reason).await?;
    ctx::redirect(&format!("/console/alerts/{alert}?done=denials_pass"));
    Ok(())
}
