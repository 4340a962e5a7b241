//! The list of seats.

use holdfast_domain::{Permission, SeatState, Seconds, Timestamp};
use holdfast_service::{
    Actor, Service,
    admin::{inputs::SeatFilter, seats::SeatSort},
};

use super::{Column, Known, List, Query, customer, days, link, options, products, word};
use crate::{
    error::UiError,
    pages::{lists::model::Cell, serve},
    ui::Tone,
};

pub(super) static KNOWN: Known = Known {
    of: "seats",
    path: "/console/seats",
    title: "Seats",
    search: "Device, user, customer or key",
    columns: &[
        Column::new("device", "Device", ""),
        Column::new("license", "License", ""),
        Column::new("customer", "Customer", "wide"),
        Column::new("state", "State", ""),
        Column::new("platform", "Platform", "wide"),
        Column::new("version", "Version", "wide").hidden(),
        Column::new("seen", "Last seen", "right").sorted("last_seen"),
        Column::new("since", "Since", "right wide").sorted("created_at"),
        Column::new("offline", "Works until", "right wide").hidden(),
        Column::new("id", "Id", "wide").hidden(),
    ],
    views: &[("Taken", "state=active"), ("Not seen for 30 days", "state=active&unseen=30&sort=last_seen")],
};

const STATES: &[(&str, &str)] = &[("active", "Taken"), ("released", "Given up")];
const UNSEEN: &[(&str, &str)] = &[("7", "for 7 days"), ("30", "for 30 days"), ("90", "for 90 days")];
const PLATFORMS: &[(&str, &str)] = &[("windows", "Windows"), ("macos", "macOS"), ("linux", "Linux")];

/// Which seats the query asks for.
pub fn filter(query: &Query, now: Timestamp) -> Result<SeatFilter, UiError> {
    let get = |name| query.get(name);
    Ok(SeatFilter {
        license: serve::optional("license", get("license"))?,
        product: serve::optional("product", get("product"))?,
        customer: serve::optional("customer", get("customer"))?,
        state: word("state", get("state"))?,
        not_seen_since: days("unseen", get("unseen"))?.map(|span| now.plus(Seconds(-span.0))),
        platform: Some(get("platform").to_owned()).filter(|platform| !platform.is_empty()),
        q: query.search(),
    })
}

const SORTS: &[(&str, SeatSort)] = &[("created_at", SeatSort::Created), ("last_seen", SeatSort::LastSeen)];

pub(super) async fn list(service: &Service, actor: &Actor, mut list: List) -> Result<List, UiError> {
    actor.require(Permission::LicensesRead)?;
    let filter = filter(&list.query, list.now)?;
    let page = service.seats_in_list(actor, filter.clone(), list.page(SORTS)?).await?;
    list.choice("state", "State", "Taken or not", options(STATES), true);
    list.choice("product", "Product", "Any product", products(service, actor).await?, true);
    list.choice("platform", "Platform", "Any platform", options(PLATFORMS), true);
    list.choice("unseen", "Not seen", "Seen or not", options(UNSEEN), true);
    if filter.license.is_some() {
        list.only("license", "Of one license");
    }
    if filter.customer.is_some() {
        list.only("customer", "Of one customer");
    }
    let may_free = actor.may(Permission::SeatsRelease);
    let found = serve::list(page, |row| {
        let seat = &row.seat;
        let name = seat.name.clone().unwrap_or_else(|| "Unnamed device".to_owned());
        let user = seat.user.as_ref().map(ToString::to_string).unwrap_or_default();
        let license = format!("/console/licenses/{}", seat.license);
        let whose = row.customer.as_ref().map(|(id, name)| (id.to_string(), name.to_string()));
        let text = |text: &Option<String>| text.clone().map_or(Cell::Nothing, |text| Cell::Text(text, false));
        let free = link("Free", format!("{license}/free/{}", seat.id));
        let actions = if may_free && seat.state == SeatState::Active { vec![free] } else { Vec::new() };
        list.row(seat.id.to_string(), name.clone(), actions, |column| match column {
            "device" => Cell::Link(link(name.clone(), format!("/console/seats/{}", seat.id)), user.clone(), false),
            "license" => Cell::Link(link(format!("…{}", row.key_hint), license.clone()), String::new(), true),
            "customer" => customer(whose.clone()),
            "state" if seat.state == SeatState::Active => Cell::Badge(Tone::Good, "Taken".to_owned()),
            "state" => Cell::Badge(Tone::None, "Given up".to_owned()),
            "platform" => text(&seat.platform),
            "version" => text(&seat.app_version),
            "seen" => list.when(seat.last_seen),
            "since" => list.when(seat.claimed_at),
            "offline" => list.when(seat.offline_until),
            _ => Cell::Text(seat.id.to_string(), true),
        })
    });
    let narrowed = !list.listed.chips.is_empty() || filter.q.is_some();
    let listed = &mut list.listed;
    if may_free {
        listed.steps = options(&[("free", "Free")]);
    }
    listed.empty = if found.next.is_some() {
        let text = "Among the seats looked through so far none matches. The next page goes on.";
        ("None so far".to_owned(), text.to_owned(), Vec::new())
    } else if narrowed {
        let text = "A part of a device's name, of the name or address of who sits there or who bought, or the last four \
                    characters of a key find a seat.";
        ("No seat matches".to_owned(), text.to_owned(), vec![link("Show all", KNOWN.path)])
    } else {
        let text = "A seat is a place on a license, taken by a device when your application activates it.";
        ("No seats yet".to_owned(), text.to_owned(), vec![link("Products", "/console/products")])
    };
    (listed.rows, listed.next, listed.total) = (found.items, found.next, found.total);
    Ok(list)
}
