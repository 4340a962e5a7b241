//! Webhooks: where a vendor is told what has happened, and the log of what went there.

mod views;

pub use views::{
    AttemptView, CreateWebhook, DeliveryDetail, DeliveryView, NewWebhook, Paused, UpdateWebhook, WebhookView,
};

use super::{
    act::{Act, job},
    page::{Page, PageRequest, map, try_map},
};
use crate::{
    Call, Service,
    actor::Actor,
    address,
    error::{Error, ErrorCode, Result},
    runtime::webhooks::{body, resumed, tell_of_pause},
    standard_webhooks::Secrets,
    vault::Purpose,
};
use holdfast_domain::{
    DeliveryId, MemberId, MessageId, Permission, Seconds, WebhookId,
    webhook::{self, EventFilter, TEST, TOPICS},
};
pub use holdfast_store::webhooks::{DeliveryFilter, DeliveryState, PauseReason};
use holdfast_store::{
    Tx, WriteOptions,
    webhooks::{self, Message, NewDelivery, WebhookRow},
};
use serde_json::json;
use views::{show_attempt, show_delivery};

/// How many webhooks a vendor may have.
pub const MOST: i64 = 20;
/// For how long the secrets before a rotation sign as well.
const OVERLAP: Seconds = Seconds::DAY;
/// How long a URL and a description may be.
const LONGEST: (usize, usize) = (2_000, 200);

fn absent() -> Error {
    Error::new(ErrorCode::NotFound)
}

/// What the log keeps of a webhook.
fn told(row: &WebhookRow) -> serde_json::Value {
    json!({ "url": row.url, "description": row.description, "events": row.events })
}

/// A developer changes their own webhooks.
fn may_change(actor: &Actor, row: &WebhookRow) -> Result<()> {
    if !actor.may_change_of(row.created_by) {
        return Err(Error::new(ErrorCode::Forbidden).with_detail("A developer changes their own webhooks."));
    }
    Ok(())
}

/// Nobody has a webhook told what they may not see themselves: a token's scopes may leave much of it out.
fn may_hear(actor: &Actor, events: &EventFilter) -> Result<()> {
    let mut wanted = TOPICS.iter().filter(|(topic, _)| events.wants(topic));
    wanted.try_for_each(|(topic, _)| actor.require(webhook::permission(topic)))
}

impl Service {
    fn show_webhook(&self, row: &WebhookRow) -> Result<WebhookView> {
        let secrets = self.secrets_of(row, self.now())?;
        Ok(WebhookView {
            id: row.id,
            url: row.url.clone(),
            description: row.description.clone(),
            events: row.events.clone(),
            public_key: secrets.first().map(Secrets::public_key).unwrap_or_default(),
            previous_until: row.previous_until.filter(|end| *end > self.now()),
            created_by: row.created_by,
            created_at: row.created_at,
            updated_at: row.updated_at,
            paused: row.paused_at.zip(row.paused_reason).map(|(at, reason)| Paused { at, reason }),
            failing_since: row.failing_since,
            delivered_at: row.delivered_at,
        })
    }

    /// Whether webhooks may go to `url`, and payment providers be asked there.
    pub(super) fn check_url(&self, url: &str) -> Result<()> {
        let wrong = |what: &str| Err(Error::invalid("/url", what));
        let private = self.settings().webhooks_allow_private;
        let rest = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
            (Some(rest), _) => rest,
            (None, Some(rest)) if private => rest,
            _ => return wrong("Expected an https:// address."),
        };
        let plain =
            url.len() <= LONGEST.0 && url.bytes().all(|byte| byte.is_ascii_graphic()) && !url.contains(['#', '\\']);
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (authority, None),
        };
        if !plain || host.is_empty() || host.contains('@') || port.is_some_and(|port| port.parse::<u16>().is_err()) {
            return wrong("Expected an address of at most 2,000 ASCII characters, without a user name and without #.");
        }
        // A name is looked at when it is resolved, each time; what is an address already need not wait for that.
        let literal = host.trim_matches(['[', ']']).parse();
        if !private && (host == "localhost" || literal.is_ok_and(|literal| !address::is_public(literal))) {
            return wrong(
                "This is an address that only this network knows. The operator can allow such with --webhook-allow-private.",
            );
        }
        Ok(())
    }

    fn check_description(description: &str) -> Result<()> {
        if description.chars().count() > LONGEST.1 || description.chars().any(char::is_control) {
            return Err(Error::invalid("/description", "At most 200 characters in one line."));
        }
        Ok(())
    }

    fn seal_secrets(&self, id: WebhookId, secrets: &Secrets) -> Result<Vec<u8>> {
        self.vault()?.seal(Purpose::WebhookSecrets, &id.to_bytes(), secrets.as_bytes(), self.entropy())
    }

    /// Makes a webhook. Its secret is in the answer and nowhere else.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidRequest`] for an address to which nothing may be sent, and where there are twenty already;
    /// [`ErrorCode::Forbidden`] for a token that may not see what the webhook would be told.
    pub async fn create_webhook(&self, call: &Call, input: CreateWebhook) -> Result<NewWebhook> {
        call.actor.require(Permission::TokensWrite)?;
        may_hear(&call.actor, &input.events)?;
        self.check_url(&input.url)?;
        Self::check_description(&input.description)?;
        let act = self.act(call);
        let id = WebhookId::new(act.now, self.entropy());
        let secrets = Secrets::generate(self.entropy());
        let row = WebhookRow {
            id,
            vendor: call.actor.vendor(),
            url: input.url,
            description: input.description,
            events: input.events,
            secrets: self.seal_secrets(id, &secrets)?,
            previous_secrets: None,
            previous_until: None,
            created_by: call.actor.member_behind(),
            created_at: act.now,
            updated_at: act.now,
            paused_at: None,
            paused_reason: None,
            failing_since: None,
            failures: 0,
            quiet_until: None,
            delivered_at: None,
        };
        let made = NewWebhook { webhook: self.show_webhook(&row)?, secret: secrets.shared() };
        self.commit(
            call,
            WriteOptions::alone(),
            job!(act, row, made => |tx| {
                if webhooks::number_of(tx, act.scope).await? >= MOST {
                    return Err(Error::invalid("/url", format_args!("A vendor has at most {MOST} webhooks.")));
                }
                webhooks::insert(tx, act.scope, &row).await?;
                act.event(tx, "webhook.created", row.id, json!({ "after": told(&row) }));
                Ok(made)
            }),
        )
        .await
    }

    /// The vendor's webhooks by time of creation; with `q` those with it in their address or in what they are for.
    pub async fn webhooks(&self, actor: &Actor, q: Option<String>, page: PageRequest<()>) -> Result<Page<WebhookView>> {
        actor.require(Permission::TokensWrite)?;
        let rows = webhooks::list(&mut self.store().patient_reader(), actor.scope(), q.as_deref(), &page).await?;
        try_map(rows, |row| self.show_webhook(&row))
    }

    /// A webhook.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] for an unknown id and another vendor's alike.
    pub async fn webhook(&self, actor: &Actor, id: WebhookId) -> Result<WebhookView> {
        actor.require(Permission::TokensWrite)?;
        let row = webhooks::get(&mut self.store().patient_reader(), actor.scope(), id).await?;
        self.show_webhook(&row.ok_or_else(absent)?)
    }

    /// Changes a webhook. What is in line for it already goes to its new address; what it wants to be told counts from now on.
    ///
    /// # Errors
    /// As [`Service::create_webhook`]; [`ErrorCode::NotFound`]; [`ErrorCode::Forbidden`] for a developer and another's webhook.
    pub async fn update_webhook(&self, call: &Call, id: WebhookId, input: UpdateWebhook) -> Result<WebhookView> {
        call.actor.require(Permission::TokensWrite)?;
        if let Some(url) = &input.url {
            self.check_url(url)?;
        }
        if let Some(description) = &input.description {
            Self::check_description(description)?;
        }
        let actor = call.actor.clone();
        self.change_webhook(call, id, move |_, before| {
            let input = input.clone();
            let after = WebhookRow {
                url: input.url.unwrap_or_else(|| before.url.clone()),
                description: input.description.unwrap_or_else(|| before.description.clone()),
                events: input.events.unwrap_or_else(|| before.events.clone()),
                ..before.clone()
            };
            may_hear(&actor, &after.events)?;
            let data = json!({ "before": told(before), "after": told(&after) });
            Ok((after, "webhook.changed", data))
        })
        .await
    }

    /// Sends nothing more to a webhook until it is resumed. What happens meanwhile waits for it.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`]; [`ErrorCode::Forbidden`] for a developer and another's webhook.
    pub async fn pause_webhook(&self, call: &Call, id: WebhookId) -> Result<WebhookView> {
        self.change_webhook(call, id, |act, before| {
            let after = WebhookRow {
                paused_at: before.paused_at.or(Some(act.now)),
                paused_reason: before.paused_reason.or(Some(PauseReason::Asked)),
                ..before.clone()
            };
            Ok((after, "webhook.paused", json!({ "url": before.url, "reason": PauseReason::Asked })))
        })
        .await
    }

    /// Sends to a webhook again, at once: first what has waited, for another three days.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`]; [`ErrorCode::Forbidden`] for a developer and another's webhook.
    pub async fn resume_webhook(&self, call: &Call, id: WebhookId) -> Result<WebhookView> {
        self.change_webhook(call, id, |_, before| {
            let after = WebhookRow {
                paused_at: None,
                paused_reason: None,
                failing_since: None,
                failures: 0,
                quiet_until: None,
                ..before.clone()
            };
            Ok((after, "webhook.resumed", json!({ "url": before.url })))
        })
        .await
    }

    /// Gives a webhook new secrets. Those before sign as well for a day, so that a receiver can change over without loss.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`]; [`ErrorCode::Forbidden`] for a developer and another's webhook.
    pub async fn rotate_webhook_secret(&self, call: &Call, id: WebhookId) -> Result<NewWebhook> {
        call.actor.require(Permission::TokensWrite)?;
        let (act, actor) = (self.act(call), call.actor.clone());
        let secrets = Secrets::generate(self.entropy());
        let (sealed, secret) = (self.seal_secrets(id, &secrets)?, secrets.shared());
        self.commit(
            call,
            WriteOptions::default(),
            job!(act, actor, sealed, secret => |tx| {
                let before = own(&act, &actor, tx, id).await?;
                let after = WebhookRow {
                    secrets: sealed,
                    previous_secrets: Some(before.secrets),
                    previous_until: Some(act.now.plus(OVERLAP)),
                    updated_at: act.now,
                    ..before
                };
                webhooks::update(tx, act.scope, &after).await?;
                act.event(tx, "webhook.secret_rotated", id, json!({ "url": after.url }));
                Ok(NewWebhook { webhook: act.service.show_webhook(&after)?, secret })
            }),
        )
        .await
    }

    async fn change_webhook(
        &self,
        call: &Call,
        id: WebhookId,
        change: impl Fn(&Act, &WebhookRow) -> Result<(WebhookRow, &'static str, serde_json::Value)>
        + Clone
        + Send
        + Sync
        + 'static,
    ) -> Result<WebhookView> {
        call.actor.require(Permission::TokensWrite)?;
        let (act, actor) = (self.act(call), call.actor.clone());
        self.commit(
            call,
            WriteOptions::default(),
            job!(act, actor, change => |tx| {
                let before = own(&act, &actor, tx, id).await?;
                let (after, action, data) = change(&act, &before)?;
                let changed = told(&before) != told(&after) || before.paused_at != after.paused_at;
                let after = if changed { WebhookRow { updated_at: act.now, ..after } } else { after };
                webhooks::update(tx, act.scope, &after).await?;
                if before.paused_at.is_some() && after.paused_at.is_none() {
                    webhooks::try_anew(tx, act.scope, id, act.now).await?;
                    resumed(tx, id, act.now).await?;
                }
                if changed {
                    act.event(tx, action, id, data);
                }
                act.service.show_webhook(&after)
            }),
        )
        .await
    }

    /// Removes a webhook with its log and all that is in line for it.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`]; [`ErrorCode::Forbidden`] for a developer and another's webhook.
    pub async fn remove_webhook(&self, call: &Call, id: WebhookId) -> Result<WebhookView> {
        call.actor.require(Permission::TokensWrite)?;
        let (act, actor) = (self.act(call), call.actor.clone());
        self.commit(
            call,
            WriteOptions::alone(),
            job!(act, actor => |tx| {
                let before = own(&act, &actor, tx, id).await?;
                webhooks::remove(tx, act.scope, id).await?;
                resumed(tx, id, act.now).await?;
                act.event(tx, "webhook.removed", id, json!({ "before": told(&before) }));
                act.service.show_webhook(&before)
            }),
        )
        .await
    }

    /// Puts a test in line for a webhook, whatever it wants to be told.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`]; [`ErrorCode::Forbidden`] for a developer and another's webhook; [`ErrorCode::WebhookPaused`].
    pub async fn test_webhook(&self, call: &Call, id: WebhookId) -> Result<DeliveryView> {
        let message = MessageId::new(self.now(), self.entropy());
        self.send_again(call, id, "webhook.tested", move |act, _| {
            let data = json!({ "webhook": id, "by": act.who }).to_string();
            Box::pin(async move {
                let message = Message {
                    id: message,
                    vendor: act.scope.vendor(),
                    topic: TEST.to_owned(),
                    body: body(TEST, act.now, &data),
                    at: act.now,
                };
                let sent = (message.id, TEST.to_owned(), id.to_string());
                Ok((Some(message), sent))
            })
        })
        .await
    }

    /// Sends a message to a webhook once more, the same bytes under the same id, whatever became of it before. It goes to the
    /// end of the line.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`]; [`ErrorCode::Forbidden`] for a developer and another's webhook; [`ErrorCode::WebhookPaused`].
    pub async fn redeliver(&self, call: &Call, id: WebhookId, delivery: DeliveryId) -> Result<DeliveryView> {
        self.send_again(call, id, "webhook.redelivered", move |act, tx| {
            Box::pin(async move {
                let row = webhooks::delivery(tx, act.scope, id, delivery).await?.ok_or_else(absent)?;
                Ok((None, (row.message, row.topic, row.subject)))
            })
        })
        .await
    }

    async fn send_again<F>(&self, call: &Call, id: WebhookId, action: &'static str, what: F) -> Result<DeliveryView>
    where
        F: for<'a> Fn(&'a Act, &'a mut Tx) -> holdfast_store::BoxFuture<'a, Result<ToSend>>
            + Clone
            + Send
            + Sync
            + 'static,
    {
        call.actor.require(Permission::TokensWrite)?;
        let (act, actor) = (self.act(call), call.actor.clone());
        let new = DeliveryId::new(act.now, self.entropy());
        self.commit(
            call,
            WriteOptions::default(),
            job!(act, actor, what => |tx| {
                let webhook = own(&act, &actor, tx, id).await?;
                if webhook.paused_at.is_some() {
                    return Err(Error::new(ErrorCode::WebhookPaused));
                }
                let (message, (sent, topic, subject)) = what(&act, tx).await?;
                let delivery = NewDelivery { id: new, webhook: id, message: sent, vendor: act.scope.vendor(), topic, subject };
                webhooks::send(tx, message.as_slice(), &[delivery], act.now).await?;
                act.event(tx, action, id, json!({ "delivery": new, "message": sent }));
                let row = webhooks::delivery(tx, act.scope, id, new).await?.ok_or_else(absent)?;
                Ok(show_delivery(row))
            }),
        )
        .await
    }

    /// What went, goes or was to go to a webhook, newest first.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] for an unknown id and another vendor's alike.
    pub async fn webhook_deliveries(
        &self,
        actor: &Actor,
        id: WebhookId,
        filter: DeliveryFilter,
        page: PageRequest<()>,
    ) -> Result<Page<DeliveryView>> {
        self.webhook(actor, id).await?;
        let rows = webhooks::deliveries(&mut self.store().patient_reader(), actor.scope(), id, &filter, &page).await?;
        Ok(map(rows, show_delivery))
    }

    /// A delivery with what is sent and every attempt.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] for an unknown id and another vendor's alike.
    pub async fn webhook_delivery(&self, actor: &Actor, id: WebhookId, delivery: DeliveryId) -> Result<DeliveryDetail> {
        actor.require(Permission::TokensWrite)?;
        let (mut reader, scope) = (self.store().patient_reader(), actor.scope());
        let row = webhooks::delivery(&mut reader, scope, id, delivery).await?.ok_or_else(absent)?;
        actor.require(webhook::permission(&row.topic))?;
        let body = webhooks::body(&mut reader, scope, row.message).await?.ok_or_else(absent)?;
        let log = webhooks::attempts(&mut reader, scope, delivery).await?;
        Ok(DeliveryDetail { delivery: show_delivery(row), body, log: log.into_iter().map(show_attempt).collect() })
    }
}

/// Pauses the webhooks of a member who was removed, with notice: whether they are to go on, somebody else decides.
pub(super) async fn pause_of(tx: &mut Tx, act: &Act, maker: MemberId) -> Result<()> {
    for id in webhooks::of_maker(tx, act.scope, maker).await? {
        let Some(before) = webhooks::lock(tx, act.scope, id).await?.filter(|row| row.paused_at.is_none()) else {
            continue;
        };
        let (paused_at, paused_reason) = (Some(act.now), Some(PauseReason::Asked));
        let after = WebhookRow { paused_at, paused_reason, updated_at: act.now, ..before };
        webhooks::update(tx, act.scope, &after).await?;
        tell_of_pause(tx, act, &after, "whoever made it was removed from the team").await?;
    }
    Ok(())
}

/// A message to be stored, where it is new, and what is to be put in line: its id, its topic, its subject.
type ToSend = (Option<Message>, (MessageId, String, String));

/// A webhook that the actor may change, locked.
async fn own(act: &Act, actor: &Actor, tx: &mut Tx, id: WebhookId) -> Result<WebhookRow> {
    let row = webhooks::lock(tx, act.scope, id).await?.ok_or_else(absent)?;
    may_change(actor, &row)?;
    Ok(row)
}
