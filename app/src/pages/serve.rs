//! What the server functions share: parsing what was typed, paging, and putting events into words.

use std::{collections::BTreeMap, fmt::Display, str::FromStr};

use holdfast_domain::{LicenseId, MemberId, OrderId, Permission, ShopId, Timestamp, TokenId, event};
use holdfast_service::{
    Actor, Service,
    admin::{
        events::Told,
        page::{Limit, Page, PageRequest, Total},
        views::EventView,
    },
};
use serde_json::Value;

pub use super::audit::words::{actions, sentence};
use super::{
    List,
    audit::words::{self, Names},
};
use crate::{
    error::UiError,
    ui::{TimelineEntry, When},
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

/// What of a time line the address asks for.
pub fn told(text: &str) -> Told {
    match text {
        "people" => Told::People,
        "devices" => Told::Devices,
        _ => Told::All,
    }
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

/// The members and programs of whoever asks, by name: those who did things.
pub struct People {
    members: BTreeMap<MemberId, String>,
    tokens: BTreeMap<TokenId, String>,
    shops: std::collections::HashMap<ShopId, String>,
    /// Whether whoever asks may see shops.
    sees_shops: bool,
    /// What else is spoken of, as far as it was looked up.
    names: Names,
    viewer: Option<MemberId>,
    /// Whether whoever asks may see what anybody did, rather than what they did themselves.
    sees_all: bool,
}

impl People {
    /// Everybody who is or was a member of the vendor, and every API token for those who may see them.
    pub async fn of(service: &Service, actor: &Actor) -> Result<Self, UiError> {
        let mut members = BTreeMap::new();
        let mut page = first_page();
        loop {
            let found = service.members(actor, None, page).await?;
            members.extend(found.items.into_iter().map(|member| (member.id, member.name.to_string())));
            let Some(next) = found.next else { break };
            page = PageRequest { after: Some(next), ..first_page() };
        }
        let mut tokens = BTreeMap::new();
        if actor.may(Permission::TokensWrite) {
            let found = service.tokens(actor, None, first_page()).await?;
            tokens.extend(found.items.into_iter().map(|token| (token.id, token.name.to_string())));
        }
        let shops = service.shop_names(actor).await?;
        let sees_all = actor.may(Permission::EventsReadAll);
        let sees_shops = actor.may(Permission::ShopsRead);
        Ok(Self { members, tokens, shops, sees_shops, names: Names::new(), viewer: actor.member_id(), sees_all })
    }

    /// The same, with the names of what `events` speak of.
    pub async fn speaking_of<'a>(
        mut self,
        service: &Service,
        actor: &Actor,
        events: impl Iterator<Item = &'a EventView>,
    ) -> Self {
        self.names = words::names(service, actor, events).await;
        self
    }

    /// Everybody to choose from: id and name.
    pub fn choices(&self) -> Vec<(String, String)> {
        self.members.iter().map(|(id, name)| (id.to_string(), name.clone())).collect()
    }

    /// Who did something.
    pub fn who(&self, actor: &event::Actor) -> String {
        match actor {
            event::Actor::Member(id) if self.viewer == Some(*id) => "you".to_owned(),
            event::Actor::Member(id) => self.members.get(id).cloned().unwrap_or_else(|| "a member".to_owned()),
            event::Actor::Customer(_) => "the customer".to_owned(),
            event::Actor::Token(id) => {
                self.tokens.get(id).map_or_else(|| "an API token".to_owned(), |name| format!("API token “{name}”"))
            }
            event::Actor::Shop(id) => {
                self.shops.get(id).map_or_else(|| "a shop".to_owned(), |name| format!("shop “{name}”"))
            }
            event::Actor::System => "the system".to_owned(),
        }
    }

    /// The page of whoever did something, where there is one that may be seen.
    pub fn page_of(&self, actor: &event::Actor) -> Option<String> {
        Some(match actor {
            event::Actor::Member(id) if self.members.contains_key(id) => format!("/console/team/{id}"),
            event::Actor::Token(id) if self.tokens.contains_key(id) => format!("/console/tokens/{id}"),
            event::Actor::Customer(Some(id)) => format!("/console/customers/{id}"),
            event::Actor::Shop(id) if self.sees_shops => format!("/console/shops/{id}"),
            _ => return None,
        })
    }

    /// What the names stand for that were looked up.
    pub const fn names(&self) -> &Names {
        &self.names
    }

    /// An event as an entry of a time line, with the page that says all of it for whoever may see that. What a note says is
    /// not told: the note may have been taken away since.
    pub fn entry(&self, event: &EventView, now: Timestamp) -> TimelineEntry {
        let (mut what, tone) = sentence(&event.action);
        if event.data.get("undoes").is_some_and(|undone| !undone.is_null()) {
            what.push_str(", by undoing");
        }
        let text = |name: &str| event.data.get(name).and_then(Value::as_str).map(str::to_owned);
        let said = ["reason", "note", "device", "name"].into_iter().find_map(text);
        let why: Vec<String> = words::change(event, &self.names).into_iter().chain(said).collect();
        let own = matches!(event.actor, event::Actor::Member(id) if self.viewer == Some(id));
        TimelineEntry {
            at: When::new(event.at, now),
            what,
            why: (!why.is_empty()).then(|| why.join("\n")),
            who: self.who(&event.actor),
            tone,
            href: (self.sees_all || own).then(|| format!("/console/audit/{}", event.number)),
            place: None,
        }
    }

    /// The same for a time line of many: with the license that it happened to, of which `hints` has the last characters of
    /// the key, or with the order.
    pub fn entry_of_many(
        &self,
        event: &EventView,
        hints: &BTreeMap<LicenseId, String>,
        now: Timestamp,
    ) -> TimelineEntry {
        let order = |id: OrderId| ("Order".to_owned(), format!("/console/orders/{id}"));
        let license = |(id, hint): (_, &String)| (format!("License …{hint}"), format!("/console/licenses/{id}"));
        let found = event.license().and_then(|id| hints.get_key_value(&id));
        let place = found.map(license).or_else(|| event.subject.parse().ok().map(order));
        TimelineEntry { place, ..self.entry(event, now) }
    }
}

fn first_page() -> PageRequest<()> {
    PageRequest { limit: Limit::new(200), ..PageRequest::default() }
}

/// What a note said when the event told of it: for those who read the audit log.
pub fn noted(event: &EventView) -> Option<String> {
    event.data.get("after")?.get("text")?.as_str().map(str::to_owned)
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
}
