//! A mail as a message of RFC 5322: both texts, under an id that is the same with every attempt.

use holdfast_domain::Email;
use holdfast_service::{
    mail::Rendered,
    runtime::mails::{Outcome, Outgoing},
};
use lettre::{
    Address, Message,
    message::{
        Mailbox, MultiPart,
        header::{HeaderName, HeaderValue},
    },
};
use std::time::{Duration, UNIX_EPOCH};

/// The message, or what comes of a mail that cannot be one.
pub(super) fn build(from: &Email, mail: &Outgoing, says: &Rendered) -> Result<Message, Outcome> {
    let address = |email: &Email| email.as_str().parse::<Address>();
    let from = address(from).map_err(|error| Outcome::Again(format!("nothing can be sent from {from}: {error}")))?;
    let to = address(mail.to()).map_err(|error| Outcome::Bounced(format!("nothing can be sent there: {error}")))?;
    let written = UNIX_EPOCH + Duration::from_micros(mail.written_at().micros().unsigned_abs());
    let id = format!("<{}@{}>", mail.id(), from.domain());
    let mut builder = Message::builder()
        .from(Mailbox::new(Some(mail.sender.clone()).filter(|name| !name.is_empty()), from))
        .to(Mailbox::new(None, to))
        .subject(says.subject.clone())
        .date(written)
        .message_id(Some(id));
    if let Some(reply_to) = mail.reply_to.as_ref().and_then(|reply_to| address(reply_to).ok()) {
        builder = builder.reply_to(Mailbox::new(None, reply_to));
    }
    // RFC 3834: nobody's holiday notice answers.
    if let Ok(name) = HeaderName::new_from_ascii("Auto-Submitted".to_owned()) {
        builder = builder.raw_header(HeaderValue::new(name, "auto-generated".to_owned()));
    }
    let both = MultiPart::alternative_plain_html(says.text.clone(), says.html.clone());
    builder.multipart(both).map_err(|error| Outcome::Again(format!("this is no message: {error}")))
}
