//! Whether mail can leave, and whether it does.

use super::findings::{Findings, words};
use crate::{config::Config, mail::Way};
use holdfast_service::Service;

const WHAT: &str = "mail";
/// How long mail may wait, in seconds, before that is worth a word (alert `mail_backlog`).
const WAITS: i64 = 1_800;

/// The way: connects and signs in, and sends nothing.
pub(super) async fn way(config: &Config, findings: &mut Findings) {
    let Some(mail) = &config.mail else {
        return findings.ok(WHAT, "none leaves: links are shown to be handed over, and nobody is mailed an alert");
    };
    let how = format!("from {}, {}", mail.from, mail.way.in_words());
    match mail.way.check().await {
        Err((why, cure)) => findings.failed(WHAT, format!("{how}: {why}"), cure),
        Ok(()) if matches!(&mail.way, Way::Smtp(smtp) if smtp.is_in_the_clear()) => findings.warning(
            WHAT,
            format!("{how}: links, keys and the password cross the network for anybody to read"),
            "Use `smtps://` or `smtp+starttls://` in --mail-url.",
        ),
        Ok(()) => findings.ok(WHAT, how),
    }
}

/// What waits.
pub(super) async fn line(service: &Service, findings: &mut Findings) {
    if service.settings().mail.is_none() {
        return;
    }
    match service.mails_waiting().await {
        Ok((number, Some(oldest), _)) => {
            let age = service.now().since(oldest).0;
            let detail = format!("{number} wait, the oldest for {}", words(age));
            if age >= WAITS {
                findings.warning(WHAT, detail, "Settings, Mail: the log says what the mail server answers.");
            } else {
                findings.ok(WHAT, detail);
            }
        }
        Ok(_) => findings.ok(WHAT, "none waits"),
        Err(error) => findings.failed(WHAT, error.to_string(), "Run it again once the database answers."),
    }
}
