//! The audit log as a list.

use holdfast_domain::Permission;
use holdfast_service::{Actor, Service, admin::inputs::EventFilter};

use super::{Column, Known, List, Query, link};
use crate::{
    error::UiError,
    pages::{lists::model::Cell, serve},
};

pub(super) static KNOWN: Known = Known {
    of: "events",
    path: "/console/audit",
    title: "Audit log",
    search: "Id of a license, seat, customer, plan or product",
    columns: &[
        Column::new("what", "What", ""),
        Column::new("subject", "Subject", ""),
        Column::new("who", "Who", "wide"),
        Column::new("from", "From", "wide"),
        Column::new("request", "Request", "wide").hidden(),
        Column::new("when", "When", "right").sorted("at"),
    ],
    views: &[
        ("Revoked licenses", "action=license.revoked"),
        ("Keys shown", "action=license.key_revealed"),
        ("Exports", "action=export.made"),
    ],
};

/// Which events the query asks for. What stands in the search box is an id.
pub fn filter(query: &Query) -> Result<EventFilter, UiError> {
    let text = |name| Some(query.get(name).trim().to_owned()).filter(|text| !text.is_empty());
    Ok(EventFilter {
        subject: query.search().or_else(|| text("subject")),
        member: serve::optional("member", query.get("member"))?,
        action: text("action"),
        since: serve::day("since", query.get("since"))?,
        before: serve::day("before", query.get("before"))?,
    })
}

pub(super) async fn list(service: &Service, actor: &Actor, mut list: List) -> Result<List, UiError> {
    actor.require(Permission::EventsReadOwn)?;
    let filter = filter(&list.query)?;
    let page = service.events(actor, filter.clone(), list.page(&[("at", ())])?).await?;
    let people = serve::People::of(service, actor).await?.speaking_of(service, actor, page.items.iter()).await;
    list.choice("action", "What", "Everything", serve::actions(), true);
    if actor.may(Permission::EventsReadAll) {
        list.choice("member", "Who", "Everybody", people.choices(), true);
    }
    list.day("since", "Since");
    list.day("before", "Before");
    if filter.subject.is_some() && list.query.search().is_none() {
        list.only("subject", "Of one subject");
    }
    let found = serve::list(page, |event| {
        let mut entry = people.entry(&event, list.now);
        entry.why = entry.why.or_else(|| serve::noted(&event));
        list.row(event.id.to_string(), entry.what.clone(), Vec::new(), |column| match column {
            "what" => {
                let href = format!("{}/{}", KNOWN.path, event.number);
                Cell::Link(link(entry.what.clone(), href), entry.why.clone().unwrap_or_default(), false)
            }
            "subject" => match crate::pages::audit::screen(&event.subject) {
                Some(href) => Cell::Id(link(event.subject.clone(), href)),
                None => Cell::Text(event.subject.clone(), true),
            },
            "who" => Cell::Text(entry.who.clone(), false),
            "from" => Cell::Text(event.origin.clone(), true),
            "request" => Cell::Text(event.request.clone(), true),
            _ => Cell::When(entry.at.clone()),
        })
    });
    let listed = &mut list.listed;
    let narrowed = !listed.chips.is_empty() || !listed.q.is_empty();
    let text = "Every change appears here, chained by hash so that none can be altered unnoticed.";
    let links = if narrowed { vec![link("Show all", KNOWN.path)] } else { Vec::new() };
    listed.empty = (if narrowed { "No event matches" } else { "Nothing happened" }.to_owned(), text.to_owned(), links);
    (listed.rows, listed.next, listed.total) = (found.items, found.next, found.total);
    Ok(list)
}
