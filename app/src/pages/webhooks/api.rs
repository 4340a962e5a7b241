//! Server functions of the webhook screens.

use leptos::prelude::*;

use super::model::{Asked, DeliveryDetail, WebhookDetail, WebhookRow};
use crate::{error::UiError, pages::List};

/// The vendor's webhooks.
#[server(output = crate::wire::Answer)]
pub async fn webhooks(q: String, after: String) -> Result<List<WebhookRow>, UiError> {
    use super::show;
    use crate::{ctx, pages::serve};
    use holdfast_domain::Permission;
    use holdfast_service::admin::webhooks::MOST;
    let actor = ctx::actor(Permission::TokensWrite).await?;
    let service = ctx::service()?;
    let all = q.trim().is_empty();
    let page = service.webhooks(&actor, Some(q), serve::page(&after)?).await?;
    let now = service.now();
    let list = serve::list(page, |webhook| show::row(&webhook, now));
    Ok(if all { List { total: format!("{} / {MOST}", list.total), ..list } } else { list })
}

/// Everything about a webhook.
#[server(output = crate::wire::Answer)]
pub async fn webhook(asked: Asked) -> Result<WebhookDetail, UiError> {
    use super::show;
    use crate::{
        ctx,
        pages::{products::api::parse_id, serve},
    };
    use holdfast_domain::{Permission, Role, WebhookId};
    use holdfast_service::admin::webhooks::{DeliveryFilter, DeliveryState};
    let actor = ctx::actor(Permission::TokensWrite).await?;
    let service = ctx::service()?;
    let id: WebhookId = parse_id(&asked.id)?;
    let webhook = service.webhook(&actor, id).await?;
    let filter = DeliveryFilter { state: DeliveryState::from_name(&asked.state), topic: None };
    let deliveries = service.webhook_deliveries(&actor, id, filter, serve::page(&asked.after)?).await?;
    let own = actor.role() != Some(Role::Developer) || webhook.created_by == actor.member_id();
    let now = service.now();
    Ok(WebhookDetail {
        moves: webhook.paused.is_none() && deliveries.items.iter().any(|delivery| show::moves(delivery, now)),
        // Whoever may not change it was not handed it.
        secret: show::handed_over(id).filter(|_| own),
        deliveries: serve::list(deliveries, |delivery| show::delivery(&delivery, now)),
        may_write: own,
        ..show::detail(&webhook, now)
    })
}

/// The same, asked by the page itself while something is on its way: no use of a session.
#[server(output = crate::wire::Answer)]
pub async fn webhook_again(asked: Asked) -> Result<WebhookDetail, UiError> {
    // Whoever may see it is asked there.
    webhook(asked).await
}

/// Makes a webhook and goes to its page, which shows the secret.
#[server(output = crate::wire::Answer)]
pub async fn create_webhook(
    url: String,
    #[server(default)] description: String,
    #[server(default)] events: String,
) -> Result<(), UiError> {
    use super::show;
    use crate::{ctx, pages::serve::parse};
    use holdfast_domain::Permission;
    use holdfast_service::admin::webhooks::CreateWebhook;
    let actor = ctx::actor(Permission::TokensWrite).await?;
    let input = CreateWebhook {
        url: url.trim().to_owned(),
        description: description.trim().to_owned(),
        events: parse("events", &events)?,
    };
    let made = ctx::service()?.create_webhook(&ctx::call(&actor), input).await?;
    show::hand_over(made.webhook.id, &made.secret);
    ctx::redirect(&format!("/console/webhooks/{}?done=webhook_created", made.webhook.id));
    Ok(())
}

/// Changes a webhook.
#[server(output = crate::wire::Answer)]
pub async fn save_webhook(
    id: String,
    url: String,
    #[server(default)] description: String,
    #[server(default)] events: String,
) -> Result<(), UiError> {
    use crate::{
        ctx,
        pages::{products::api::parse_id, serve::parse},
    };
    use holdfast_domain::Permission;
    use holdfast_service::admin::webhooks::UpdateWebhook;
    let actor = ctx::actor(Permission::TokensWrite).await?;
    let input = UpdateWebhook {
        url: Some(url.trim().to_owned()),
        description: Some(description.trim().to_owned()),
        events: Some(parse("events", &events)?),
    };
    let webhook = ctx::service()?.update_webhook(&ctx::call(&actor), parse_id(&id)?, input).await?;
    ctx::redirect(&format!("/console/webhooks/{}?tab=settings&done=saved", webhook.id));
    Ok(())
}

/// Pauses or resumes a webhook, sends it a test, gives it a new secret, or removes it, which asks for a reason.
#[server(output = crate::wire::Answer)]
pub async fn step_webhook(id: String, step: String, #[server(default)] reason: String) -> Result<(), UiError> {
    use super::show;
    use crate::{
        ctx,
        pages::{products::api::parse_id, serve::parse},
    };
    use holdfast_domain::{Permission, WebhookId};
    use holdfast_service::Error;
    let actor = ctx::actor(Permission::TokensWrite).await?;
    let (service, call) = (ctx::service()?, ctx::call(&actor));
    let id: WebhookId = parse_id(&id)?;
    let here = format!("/console/webhooks/{id}");
    let to = match step.as_str() {
        "pause" => service.pause_webhook(&call, id).await.map(|_| format!("{here}?done=webhook_paused"))?,
        "resume" => service.resume_webhook(&call, id).await.map(|_| format!("{here}?done=webhook_resumed"))?,
        "test" => {
            let delivery = service.test_webhook(&call, id).await?;
            format!("{here}/{}?done=webhook_tested", delivery.id)
        }
        "rotate" => {
            let made = service.rotate_webhook_secret(&call, id).await?;
            show::hand_over(id, &made.secret);
            format!("{here}?done=webhook_rotated")
        }
        "remove" => {
            let call = call.because(parse("reason", &reason)?);
            service.remove_webhook(&call, id).await?;
            "/console/webhooks?done=webhook_removed".to_owned()
        }
        _ => return Err(Error::invalid("/step", "pause, resume, test, rotate or remove").into()),
    };
    ctx::redirect(&to);
    Ok(())
}

/// A delivery with its attempts.
#[server(output = crate::wire::Answer)]
pub async fn delivery(webhook: String, id: String) -> Result<DeliveryDetail, UiError> {
    use super::show;
    use crate::{ctx, pages::products::api::parse_id};
    use holdfast_domain::{Permission, Role};
    let actor = ctx::actor(Permission::TokensWrite).await?;
    let service = ctx::service()?;
    let webhook = service.webhook(&actor, parse_id(&webhook)?).await?;
    let detail = service.webhook_delivery(&actor, webhook.id, parse_id(&id)?).await?;
    let own = actor.role() != Some(Role::Developer) || webhook.created_by == actor.member_id();
    let now = service.now();
    Ok(DeliveryDetail {
        moves: webhook.paused.is_none() && show::moves(&detail.delivery, now),
        row: show::delivery(&detail.delivery, now),
        message: detail.delivery.message.to_string(),
        body: detail.body,
        log: detail.log.iter().map(|attempt| show::attempt(attempt, now)).collect(),
        may_send: own && webhook.paused.is_none(),
        webhook: (webhook.id.to_string(), webhook.url),
    })
}

/// The same, asked by the page itself while it is on its way: no use of a session.
#[server(output = crate::wire::Answer)]
pub async fn delivery_again(webhook: String, id: String) -> Result<DeliveryDetail, UiError> {
    // Whoever may see it is asked there.
    delivery(webhook, id).await
}

/// Sends a message once more.
#[server(output = crate::wire::Answer)]
pub async fn redeliver(webhook: String, id: String) -> Result<(), UiError> {
    use crate::{ctx, pages::products::api::parse_id};
    use holdfast_domain::{Permission, WebhookId};
    let actor = ctx::actor(Permission::TokensWrite).await?;
    let webhook: WebhookId = parse_id(&webhook)?;
    let again = ctx::service()?.redeliver(&ctx::call(&actor), webhook, parse_id(&id)?).await?;
    ctx::redirect(&format!("/console/webhooks/{webhook}/{}?done=webhook_redelivered", again.id));
    Ok(())
}
