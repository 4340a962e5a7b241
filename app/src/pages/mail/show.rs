//! What the screens of mail show, made of what the use cases answer.

use holdfast_domain::Timestamp;
use holdfast_service::{
    admin::mails::{MailState, MailView},
    mail::{Look, Notices, Template},
};

use super::model::{MailRow, NoticeChoice, TemplateRow};
use crate::{
    pages::fleet::model::Badge,
    ui::{Tone, When},
};

/// What a kind of mail is called, and to whom and when it is sent.
pub const fn named(template: Template) -> (&'static str, &'static str) {
    match template {
        Template::SignIn => ("Sign-in", "To customers who ask to sign in: a link and a code."),
        Template::LicenseIssued => {
            ("License issued", "To the customer, with the key; for the products that you choose.")
        }
        Template::RenewalComing => {
            ("Renewal coming", "To the customer, some days before a license ends that does not renew itself.")
        }
        Template::SeatLimit => {
            ("Seat limit reached", "To the customer, when a device finds no seat left; once a day and license.")
        }
        Template::Refunded => ("Refunded", "To the customer, when an order was paid back."),
        Template::Alert => ("Alert", "To those of your owners and admins who want it."),
        Template::Invitation => ("Invitation", "To whoever is asked to join the team."),
        Template::Colleague => ("Colleague", "To whoever an administrator of a customer asks in to the portal."),
        Template::NewPassword => ("New password", "To a member, with the link that somebody made for them."),
        Template::Test => ("Test", "To whoever asks for it."),
    }
}

/// What customers can be told without asking for it, and whether they are.
pub fn notices(notices: Notices) -> Vec<NoticeChoice> {
    let choice = |template: Template, when: &str, told: bool| NoticeChoice {
        code: template.as_str().to_owned(),
        when: when.to_owned(),
        told,
    };
    vec![
        choice(Template::RenewalComing, "before a license ends that does not renew itself", notices.renewal.is_some()),
        choice(Template::SeatLimit, "when a device finds no seat left", notices.seat_limit),
        choice(Template::Refunded, "when an order was paid back", notices.refunded),
    ]
}

/// A kind of mail in the list.
pub fn template(template: Template, look: &Look) -> TemplateRow {
    let (name, when) = named(template);
    TemplateRow {
        code: template.as_str().to_owned(),
        name: name.to_owned(),
        when: when.to_owned(),
        own: look.texts.contains_key(&template),
    }
}

/// Whether a mail is tried about now: the rest of two days is nothing to wait for. While somebody tries it, it is put off by
/// three minutes.
pub fn moves(mail: &MailView, now: Timestamp) -> bool {
    let near = |at: Timestamp| at.since(now).0.abs() <= 200;
    mail.state == MailState::Queued && near(mail.next_at.unwrap_or(mail.created_at))
}

/// A mail in the log.
pub fn mail(mail: MailView, now: Timestamp) -> MailRow {
    let state = match mail.state {
        MailState::Sent => Badge::new(Tone::Good, "Sent"),
        MailState::Bounced => Badge::new(Tone::Bad, "Came back"),
        MailState::Failed => Badge::new(Tone::Bad, "Given up"),
        MailState::Expired => Badge::new(Tone::None, "Not needed any more"),
        MailState::Queued if mail.attempts > 0 => Badge::new(Tone::Warn, "Retrying"),
        MailState::Queued => Badge::new(Tone::None, "Waiting"),
    };
    MailRow {
        id: mail.id.to_string(),
        what: named(mail.template).0.to_owned(),
        to: mail.to.map(|to| to.to_string()),
        state,
        error: mail.error.unwrap_or_default(),
        next: mail.next_at.map(|at| When::new(at, now)),
        created: When::new(mail.created_at, now),
        again: mail.can_be_sent_again,
    }
}
