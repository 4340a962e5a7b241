//! Makes the screen of an event on the server.

use holdfast_domain::{EventId, Timestamp};
use holdfast_service::{
    Actor, Service,
    admin::{
        inputs::EventFilter,
        page::{Limit, PageRequest},
        views,
    },
};

use super::{
    model::{EventDetail, Told},
    screen, words,
};
use crate::{
    error::UiError,
    pages::serve::{self, People},
    ui::When,
};

/// The event of that number in the log.
pub async fn event(service: &Service, actor: &Actor, number: i64) -> Result<EventDetail, UiError> {
    let views::EventDetail { event, hash, holds } = service.event(actor, number).await?;
    let people = People::of(service, actor).await?.speaking_of(service, actor, std::iter::once(&event)).await;
    let told = |name: &str, text: String, href: Option<String>| Told {
        name: name.to_owned(),
        copies: href.is_none(),
        text,
        href,
    };
    let plain = |name: &str, text: String| Told { copies: false, ..told(name, text, None) };
    let mut facts = vec![
        told("Happened to", event.subject.clone(), screen(&event.subject)),
        Told { copies: false, ..told("Who", people.who(&event.actor), people.page_of(&event.actor)) },
        plain("When", exactly(event.at)),
    ];
    facts.extend((!event.origin.is_empty()).then(|| told("From", event.origin.clone(), None)));
    facts.extend((!event.request.is_empty()).then(|| told("Request", event.request.clone(), None)));
    let mut details = words::details(&event, people.names());
    let undone = event.data.get("undoes").and_then(|id| id.as_str()?.parse::<EventId>().ok());
    if let Some(undone) = undone
        && let Some(detail) = details.iter_mut().find(|told| told.name == words::UNDOES)
    {
        detail.href = earlier(service, actor, &event.subject, undone).await?;
    }
    let mut parts = vec![("Facts".to_owned(), facts)];
    if !details.is_empty() {
        parts.push(("What is told of it".to_owned(), details));
    }
    parts.push((
        "In the chain".to_owned(),
        vec![
            plain("Number", serve::number(event.number.unsigned_abs())),
            told("Event id", event.id.to_string(), None),
            told("Hash", hash, None),
        ],
    ));
    let broken = "Its hash does not follow from it and from the event before: it was changed, or the one before is \
                  missing. The audit log's page checks the whole chain.";
    Ok(EventDetail {
        title: words::sentence(&event.action).0,
        at: When::new(event.at, service.now()),
        broken: (!holds).then(|| broken.to_owned()),
        changes: words::changes(&event, people.names()),
        parts,
    })
}

/// The page of an earlier event of a subject, where it is among its newest.
async fn earlier(service: &Service, actor: &Actor, subject: &str, id: EventId) -> Result<Option<String>, UiError> {
    let filter = EventFilter { subject: Some(subject.to_owned()), ..EventFilter::default() };
    let page = PageRequest { limit: Limit::new(200), counted: false, ..PageRequest::default() };
    let found = service.events(actor, filter, page).await?.items.into_iter().find(|event| event.id == id);
    Ok(found.map(|event| format!("/console/audit/{}", event.number)))
}

/// To the microsecond, as it was written.
fn exactly(at: Timestamp) -> String {
    let at = jiff::Timestamp::from_microsecond(at.micros()).unwrap_or_default();
    at.strftime("%Y-%m-%d %H:%M:%S.%6f UTC").to_string()
}
