//! What the server functions share: parsing what was typed, paging, and putting events into words.

use std::{collections::BTreeMap, fmt::Display, str::FromStr};

use holdfast_domain::{MemberId, Timestamp, event};
use holdfast_service::{
    Actor, Service,
    admin::{
        page::{Limit, Page, PageRequest, Total},
        views::EventView,
    },
};
use serde_json::Value;

use super::List;
use crate::{
    error::UiError,
    ui::{TimelineEntry, Tone, When},
};

/// What was typed into `field`, as what it must be.
pub fn parse<T: FromStr<Err: Display>>(field: &str, text: &str) -> Result<T, UiError> {
    text.trim().parse().map_err(|error| UiError::field(field, error))
}

/// The same where nothing may have been typed.
pub fn optional<T: FromStr<Err: Display>>(field: &str, text: &str) -> Result<Option<T>, UiError> {
    if text.trim().is_empty() { Ok(None) } else { parse(field, text).map(Some) }
}

/// A word of a closed vocabulary; `None` for any other.
pub fn word<T: serde::de::DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_value(Value::String(text.to_owned())).ok()
}

/// What part of a list the address asks for.
pub fn page<S: Default>(after: &str) -> Result<PageRequest<S>, UiError> {
    Ok(PageRequest { after: optional("after", after)?, ..PageRequest::default() })
}

/// A number with its thousands apart.
pub fn number(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A total as a screen shows it.
pub fn total(total: Total) -> String {
    if total.exact { number(total.rows) } else { format!("{}+", number(total.rows)) }
}

/// A page of what `show` makes of each row.
pub fn list<T, U>(page: Page<T>, show: impl FnMut(T) -> U) -> List<U> {
    List {
        next: page.next.map(|cursor| cursor.to_string()),
        total: total(page.total),
        items: page.items.into_iter().map(show).collect(),
    }
}

/// The start of a day that was chosen in a calendar, in UTC.
pub fn day(field: &str, text: &str) -> Result<Option<Timestamp>, UiError> {
    let Some(date) = optional::<jiff::civil::Date>(field, text)? else { return Ok(None) };
    let start = date.to_zoned(jiff::tz::TimeZone::UTC).map_err(|error| UiError::field(field, error))?;
    Ok(Some(Timestamp::from_micros(start.timestamp().as_microsecond())))
}

/// The members of whoever asks, by name: those who did things.
pub struct People {
    names: BTreeMap<MemberId, String>,
    viewer: Option<MemberId>,
}

impl People {
    /// Everybody who is or was a member of the vendor.
    pub async fn of(service: &Service, actor: &Actor) -> Result<Self, UiError> {
        let mut names = BTreeMap::new();
        let mut page = PageRequest { limit: Limit::new(200), ..PageRequest::default() };
        loop {
            let members = service.members(actor, page).await?;
            names.extend(members.items.into_iter().map(|member| (member.id, member.name.to_string())));
            let Some(next) = members.next else { break };
            page = PageRequest { after: Some(next), limit: Limit::new(200), ..PageRequest::default() };
        }
        Ok(Self { names, viewer: actor.member_id() })
    }

    /// Everybody to choose from: id and name.
    pub fn choices(&self) -> Vec<(String, String)> {
        self.names.iter().map(|(id, name)| (id.to_string(), name.clone())).collect()
    }

    /// Who did something.
    pub fn who(&self, actor: &event::Actor) -> String {
        match actor {
            event::Actor::Member(id) if self.viewer == Some(*id) => "you".to_owned(),
            event::Actor::Member(id) => self.names.get(id).cloned().unwrap_or_else(|| "a member".to_owned()),
            event::Actor::Customer(_) => "the customer".to_owned(),
            event::Actor::Token(_) => "an API token".to_owned(),
            event::Actor::System => "the system".to_owned(),
        }
    }

    /// An event as an entry of a time line. What a note says is not told: the note may have been taken away since.
    pub fn entry(&self, event: &EventView, now: Timestamp) -> TimelineEntry {
        let (mut what, tone) = sentence(&event.action);
        if event.data.get("undoes").is_some() {
            what.push_str(", by undoing");
        }
        let text = |name: &str| event.data.get(name).and_then(Value::as_str).map(str::to_owned);
        let why = text("reason").or_else(|| text("note")).or_else(|| text("device_name")).or_else(|| text("name"));
        TimelineEntry { at: When::new(event.at, now), what, why, who: self.who(&event.actor), tone }
    }
}

/// What a note said when the event told of it: for those who read the audit log.
pub fn noted(event: &EventView) -> Option<String> {
    event.data.get("after")?.get("text")?.as_str().map(str::to_owned)
}

/// Kinds of events in words, with what they mean for a license.
const WORDS: &[(&str, &str, Tone)] = &[
    ("license.issued", "License issued", Tone::Good),
    ("license.imported", "License imported", Tone::Good),
    ("license.revoked", "License revoked", Tone::Bad),
    ("license.reinstated", "License reinstated", Tone::Good),
    ("license.suspended", "License suspended", Tone::Warn),
    ("license.resumed", "License resumed", Tone::Good),
    ("license.extended", "License extended", Tone::Good),
    ("license.changed", "License changed", Tone::None),
    ("license.plan_changed", "License moved to another plan", Tone::None),
    ("license.terms_applied", "License got its plan's present terms", Tone::None),
    ("license.overdrawn", "More seats taken than sold", Tone::Warn),
    ("license.rekeyed", "License got a new key", Tone::Warn),
    ("license.transferred", "License handed to another customer", Tone::None),
    ("license.key_revealed", "Key shown", Tone::Info),
    ("seat.claimed", "Device activated", Tone::Good),
    ("seat.released", "Seat given up", Tone::None),
    ("seat.reclaimed", "Seat taken back after its lease ended", Tone::None),
    ("seat.restored", "Seat given back", Tone::Good),
    ("seat.freed", "Seat freed", Tone::Warn),
    ("note.added", "Note added", Tone::Info),
    ("note.edited", "Note changed", Tone::None),
    ("note.removed", "Note removed", Tone::None),
    ("token.created", "API token made", Tone::Info),
    ("token.revoked", "API token revoked", Tone::Warn),
    ("vendor.changed", "Settings changed", Tone::None),
    ("alert.acknowledged", "Alert taken on", Tone::Info),
    ("node.drained", "Drained", Tone::Warn),
    ("node.resumed", "Resumed", Tone::Good),
    ("node.declared_gone", "Declared gone", Tone::Bad),
    ("webhook.created", "Webhook added", Tone::Good),
    ("webhook.changed", "Webhook changed", Tone::None),
    ("webhook.paused", "Webhook paused", Tone::Warn),
    ("webhook.resumed", "Webhook resumed", Tone::Good),
    ("webhook.removed", "Webhook removed", Tone::Bad),
    ("webhook.tested", "Test sent", Tone::Info),
    ("webhook.redelivered", "Message sent again", Tone::Info),
    ("webhook.secret_rotated", "New secret made", Tone::Info),
    ("member.signed_in", "Signed in", Tone::None),
    ("member.invited", "Invited", Tone::Info),
    ("member.invited_again", "Invited again, with a new link", Tone::Info),
    ("member.invitation_revoked", "Invitation taken back", Tone::Warn),
    ("member.joined", "Joined", Tone::Good),
    ("member.role_changed", "Role changed", Tone::Warn),
    ("member.removed", "Removed from the team", Tone::Bad),
    ("member.factor_added", "Second factor added", Tone::Good),
    ("member.factor_removed", "Second factor removed", Tone::Warn),
    ("member.factors_reset", "Second factors reset", Tone::Warn),
    ("member.recovery_codes_made", "New recovery codes made", Tone::None),
    ("member.password_reset", "Password reset", Tone::Warn),
    ("member.provider_linked", "Linked to the company's sign-in", Tone::Info),
    ("export.made", "Data exported", Tone::Info),
    ("view.saved", "View saved", Tone::None),
    ("view.removed", "View removed", Tone::None),
    ("bulk.began", "Act on many begun", Tone::Warn),
    ("bulk.ended", "Act on many ended", Tone::None),
    ("bulk.stopped", "Act on many stopped", Tone::Warn),
    ("provider.set", "Company sign-in set", Tone::Warn),
    ("provider.removed", "Company sign-in removed", Tone::Warn),
];

/// The kinds of events to choose from: name and words.
pub fn actions() -> Vec<(String, String)> {
    WORDS.iter().map(|(kind, words, _)| ((*kind).to_owned(), (*words).to_owned())).collect()
}

/// An event in words.
pub fn sentence(action: &str) -> (String, Tone) {
    if let Some((_, words, tone)) = WORDS.iter().find(|(kind, ..)| *kind == action) {
        return ((*words).to_owned(), *tone);
    }
    let words = action.replace(['.', '_'], " ");
    let mut letters = words.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    (format!("{first}{}", letters.as_str()), Tone::None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        for (n, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(number(n), text);
        }
    }

    #[test]
    fn days_begin_at_midnight() {
        assert_eq!(day("end", "1970-01-02").unwrap(), Some(Timestamp::from_seconds(86_400)));
        assert_eq!(day("end", "").unwrap(), None);
        assert_eq!(day("end", "soon").unwrap_err().field.as_deref(), Some("end"));
    }

    #[test]
    fn unknown_events_still_read() {
        assert_eq!(sentence("plan.terms_applied").0, "Plan terms applied");
        assert_eq!(sentence("license.revoked"), ("License revoked".to_owned(), Tone::Bad));
    }
}
