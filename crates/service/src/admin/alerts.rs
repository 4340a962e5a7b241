//! Alerts as people read them, and the taking on of one.

use super::{
    act::job,
    page::{Page, PageRequest},
};
use crate::{
    Call, Service,
    actor::Actor,
    error::{Error, ErrorCode, Result},
    runtime::{shops::UNREACHABLE, webhooks::PAUSED},
};
use holdfast_domain::{AlertId, Permission, ProductId, ReasonText, Timestamp, event};
use holdfast_fleet::{Code, Severity, Subject};
use holdfast_store::{
    WriteOptions,
    alerts::{self, AlertRow},
    outbox::{self, NewMessage},
};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// An alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertView {
    /// Its id.
    pub id: AlertId,
    /// The rule's stable name: one of [`Code`], or of a newer version.
    pub code: String,
    /// What it is about, as `kind:name`; see [`Subject`].
    pub subject: String,
    /// The product, where it is about one or about a key of it.
    pub product: Option<ProductId>,
    /// How much it matters.
    pub severity: Severity,
    /// What was measured, in one sentence without a full stop.
    pub detail: String,
    /// The failure it comes before.
    pub meaning: String,
    /// What to do.
    pub cure: String,
    /// Since when it stands.
    pub raised_at: Timestamp,
    /// When it was last brought up to date.
    pub updated_at: Timestamp,
    /// When it becomes a failure, by the estimate of `updated_at`.
    pub fails_at: Option<Timestamp>,
    /// When the node drains itself.
    pub drains_at: Option<Timestamp>,
    /// When it was over.
    pub cleared_at: Option<Timestamp>,
    /// Who took it on.
    pub acknowledged: Option<Acknowledged>,
}

/// That somebody has taken an alert on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledged {
    /// Who.
    pub by: event::Actor,
    /// When.
    pub at: Timestamp,
    /// What they wrote.
    pub note: ReasonText,
}

/// What a list of alerts is narrowed to.
#[derive(Clone, Debug, Default)]
pub struct AlertFilter {
    /// Those that stand, or those that are over.
    pub standing: Option<bool>,
    /// Of one severity.
    pub severity: Option<Severity>,
    /// Of one code: [`code_named`].
    pub code: Option<&'static str>,
    /// About one thing.
    pub subject: Option<Subject>,
}

/// The code of that name: of a rule, or of what is announced at once.
pub fn code_named(name: &str) -> Option<&'static str> {
    let acts = [PAUSED, UNREACHABLE].into_iter().find(|code| *code == name);
    acts.or_else(|| Code::from_name(name).map(Code::as_str))
}

/// What an alert of that code means and what to do about it; nothing where a newer version has raised it.
pub(crate) fn explained(code: &str) -> (&'static str, &'static str) {
    if code == PAUSED {
        return (
            "what happens is kept for the webhook for 30 days, and forgotten then",
            "Open the webhook's deliveries: they say what the receiver answered. Mend the receiver, then resume the webhook; \
             what has waited is delivered in its order.",
        );
    }
    if code == UNREACHABLE {
        return (
            "what was sold, renewed or paid back is not known until the provider answers",
            "Open the shop: it says what was in the way. Mostly it is the API key: make a new one at the provider and enter it \
             there. What was told meanwhile is worked off as soon as the provider answers.",
        );
    }
    Code::from_name(code).map_or(("", ""), |code| (code.rule().failure, code.rule().cure))
}

fn show(row: AlertRow) -> AlertView {
    let (meaning, cure) = explained(&row.code);
    let acknowledged = match (&row.acknowledged_by, row.acknowledged_at, row.note) {
        (Some(by), Some(at), Some(note)) => {
            let by = serde_json::from_str(by).unwrap_or(event::Actor::System);
            Some(Acknowledged { by, at, note })
        }
        _ => None,
    };
    AlertView {
        id: row.id,
        product: row.product,
        // A severity of a newer version is at least this.
        severity: Severity::from_name(&row.severity).unwrap_or(Severity::Critical),
        meaning: meaning.to_owned(),
        cure: cure.to_owned(),
        code: row.code,
        subject: row.subject,
        detail: row.detail,
        raised_at: row.raised_at,
        updated_at: row.updated_at,
        fails_at: row.fails_at,
        drains_at: row.drains_at,
        cleared_at: row.cleared_at,
        acknowledged,
    }
}

impl Service {
    /// The alerts about the installation and about what the vendor owns, newest first.
    pub async fn alerts(&self, actor: &Actor, filter: AlertFilter, page: PageRequest<()>) -> Result<Page<AlertView>> {
        actor.require(Permission::FleetRead)?;
        let filter = alerts::AlertFilter {
            standing: filter.standing,
            severity: filter.severity.map(|severity| severity.as_str().to_owned()),
            code: filter.code.map(str::to_owned),
            subject: filter.subject.map(|subject| subject.to_string()),
        };
        let rows = alerts::list(&mut self.store().reader(), actor.scope(), &filter, &page).await?;
        Ok(super::page::map(rows, show))
    }

    /// An alert.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] for an unknown id and another vendor's alike.
    pub async fn alert(&self, actor: &Actor, id: AlertId) -> Result<AlertView> {
        actor.require(Permission::FleetRead)?;
        let row = alerts::get(&mut self.store().reader(), actor.scope(), id).await?;
        row.map(show).ok_or_else(|| Error::new(ErrorCode::NotFound))
    }

    /// Notes that somebody has taken an alert on. It stands until what it is about is better; should it get worse, it has to
    /// be taken on anew.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] for an unknown id and another vendor's alike; [`ErrorCode::StatusConflict`] where it is over.
    pub async fn acknowledge_alert(&self, call: &Call, id: AlertId, note: ReasonText) -> Result<AlertView> {
        call.actor.require(Permission::FleetWrite)?;
        let act = self.act(call);
        self.commit(
            call,
            WriteOptions::default(),
            job!(act, note => |tx| {
                let row = alerts::get(tx, act.scope, id).await?.ok_or_else(|| Error::new(ErrorCode::NotFound))?;
                if row.cleared_at.is_some() {
                    return Err(Error::new(ErrorCode::StatusConflict).with_detail("the alert is over"));
                }
                let by = serde_json::to_string(&act.who).map_err(Error::internal)?;
                let after = AlertRow {
                    acknowledged_at: Some(act.now),
                    acknowledged_by: Some(by),
                    note: Some(note.clone()),
                    ..row
                };
                alerts::update(tx, &after).await?;
                let told = json!({ "id": id, "code": after.code, "subject": after.subject, "note": note });
                let message = NewMessage {
                    vendor: after.vendor,
                    topic: "alert.acknowledged",
                    subject: id.to_string(),
                    data: told.clone(),
                    at: act.now,
                };
                outbox::put(tx, &[message]).await?;
                act.event(tx, "alert.acknowledged", id, told);
                Ok(show(after))
            }),
        )
        .await
    }
}
