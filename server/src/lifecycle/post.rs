//! Sends mails: whichever node finds one that is due takes it, so that no two try the same at once.

use crate::{config::MailConfig, mail::Lines};
use futures::{StreamExt as _, stream};
use holdfast_service::{
    Service,
    runtime::mails::{Outcome, Outgoing},
};
use holdfast_store::mails::MailState;
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How often to look whether a mail is due.
const EVERY: Duration = Duration::from_millis(500);
/// How long the database may take for one step of it.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many mails are taken and sent at the same time: a node that ends leaves no more than these to others.
const AT_ONCE: usize = 4;

/// Sends until `stop` is cancelled.
pub(super) async fn run(service: Service, mail: Option<MailConfig>, stop: CancellationToken) {
    let Some(mail) = mail.map(Arc::new) else { return };
    let lines = Lines::default();
    while timeout(EVERY, stop.cancelled()).await.is_err() {
        // As long as there is more, without a pause.
        while !stop.is_cancelled() {
            let claimed = match timeout(PATIENCE, claim(&service)).await {
                Ok(Ok(claimed)) if !claimed.is_empty() => claimed,
                Ok(Err(error)) => {
                    tracing::debug!(%error, "which mails are due cannot be looked up now");
                    break;
                }
                _ => break,
            };
            stream::iter(claimed).for_each_concurrent(AT_ONCE, |one| send(&service, &mail, &lines, one)).await;
        }
        mail.way.hang_up(&lines).await;
    }
}

async fn claim(service: &Service) -> holdfast_service::Result<Vec<Outgoing>> {
    if service.mails_are_due().await? {
        service.claim_mails(u32::try_from(AT_ONCE).unwrap_or(1)).await
    } else {
        Ok(Vec::new())
    }
}

/// Makes one attempt and writes down what came of it.
async fn send(service: &Service, mail: &MailConfig, lines: &Lines, one: Outgoing) {
    let outcome = mail.way.send(lines, &mail.from, &one).await;
    if let Outcome::Again(why) | Outcome::Bounced(why) = &outcome {
        tracing::debug!(mail = %one.id(), why, "a mail was not taken");
    }
    let state = match service.mail_tried(&one, outcome).await {
        Ok(state) => state,
        Err(error) => {
            tracing::warn!(%error, mail = %one.id(), "what came of a mail could not be written down: it will be sent again");
            None
        }
    };
    let outcome = match state {
        Some(MailState::Queued) => "again",
        Some(state) => state.as_str(),
        None => return,
    };
    metrics::counter!("holdfast_mails_total", "outcome" => outcome).increment(1);
}
