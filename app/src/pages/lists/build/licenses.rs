//! The list of licenses.

use holdfast_domain::{LicenseState, Permission, Seconds, Timestamp};
use holdfast_service::{
    Actor, Service,
    admin::{inputs::LicenseFilter, licenses::LicenseSort},
};

use super::{Column, Known, List, Query, customer, days, link, options, products, word};
use crate::{
    error::UiError,
    pages::{lists::model::Cell, serve},
};

pub(super) static KNOWN: Known = Known {
    of: "licenses",
    path: "/console/licenses",
    title: "Licenses",
    search: "Key, e-mail, name, order, device or id",
    columns: &[
        Column::new("license", "License", ""),
        Column::new("customer", "Customer", "").sorted("customer_name"),
        Column::new("email", "E-mail", "wide").hidden(),
        Column::new("state", "State", ""),
        Column::new("seats", "Seats", "right").sorted("seats_taken"),
        Column::new("seen", "Last seen", "right wide").sorted("last_seen"),
        Column::new("ends", "Ends", "right wide").sorted("expires_at"),
        Column::new("issued", "Issued", "right wide").sorted("created_at"),
        Column::new("id", "Id", "wide").hidden(),
    ],
    views: &crate::layout::screens::QUESTIONS,
};

const STATES: &[(&str, &str)] =
    &[("active", "Active"), ("suspended", "Suspended"), ("revoked", "Revoked"), ("expired", "Expired")];
const USES: &[(&str, &str)] = &[
    ("never", "never activated"),
    ("activated", "activated"),
    ("full", "all seats taken"),
    ("over", "over their seats"),
];
const ENDS: &[(&str, &str)] =
    &[("month", "this month"), ("30", "within 30 days"), ("90", "within 90 days"), ("past", "in the past")];
const UNSEEN: &[(&str, &str)] = &[("7", "for 7 days"), ("30", "for 30 days"), ("90", "for 90 days")];

/// The first moment of the month after that of `now`, in UTC.
fn month_end(now: Timestamp) -> Timestamp {
    let zoned = jiff::Timestamp::from_microsecond(now.micros()).unwrap_or_default().to_zoned(jiff::tz::TimeZone::UTC);
    let next = zoned.last_of_month().ok().and_then(|day| day.tomorrow().ok()).and_then(|day| day.start_of_day().ok());
    next.map_or(now.plus(Seconds::days(30)), |day| Timestamp::from_micros(day.timestamp().as_microsecond()))
}

/// Which licenses the query asks for.
pub fn filter(query: &Query, now: Timestamp) -> Result<LicenseFilter, UiError> {
    let get = |name| query.get(name);
    let mut filter = LicenseFilter {
        state: word("state", get("state"))?,
        product: serve::optional("product", get("product"))?,
        plan: serve::optional("plan", get("plan"))?,
        customer: serve::optional("customer", get("customer"))?,
        order: serve::optional("order", get("order"))?,
        import: serve::optional("import", get("import"))?,
        ends_after: serve::day("ends_after", get("ends_after"))?,
        ends_before: serve::day("ends_before", get("ends_before"))?,
        issued_after: serve::day("issued_after", get("issued_after"))?,
        issued_before: serve::day("issued_before", get("issued_before"))?,
        not_seen_since: days("unseen", get("unseen"))?.map(|span| now.plus(Seconds(-span.0))),
        q: query.search(),
        ..LicenseFilter::default()
    };
    match get("use") {
        "never" => filter.activated = Some(false),
        "activated" => filter.activated = Some(true),
        text => filter.seats = word("use", text)?,
    }
    match get("ends") {
        "" => {}
        "month" => (filter.ends_after, filter.ends_before) = (Some(now), Some(month_end(now))),
        "past" => (filter.ends_after, filter.ends_before) = (Some(Timestamp::from_micros(0)), Some(now)),
        text => filter.ends_before = days("ends", text)?.map(|span| now.plus(span)),
    }
    Ok(filter)
}

const SORTS: &[(&str, LicenseSort)] = &[
    ("created_at", LicenseSort::Created),
    ("expires_at", LicenseSort::Ends),
    ("customer_name", LicenseSort::Customer),
    ("last_seen", LicenseSort::LastSeen),
    ("seats_taken", LicenseSort::Taken),
    // As addresses had it before.
    ("ends", LicenseSort::Ends),
];

/// What is done most to a license that stands so, each on a page that says first what it does.
const fn row_steps(state: LicenseState) -> &'static [(Permission, &'static str, &'static str)] {
    match state {
        LicenseState::Active => {
            &[(Permission::LicensesExtend, "extend", "Extend"), (Permission::LicensesStatus, "suspend", "Suspend")]
        }
        LicenseState::Suspended => {
            &[(Permission::LicensesExtend, "extend", "Extend"), (Permission::LicensesStatus, "resume", "Resume")]
        }
        LicenseState::Revoked => &[(Permission::LicensesStatus, "reinstate", "Reinstate")],
        LicenseState::Expired => &[(Permission::LicensesExtend, "extend", "Extend")],
    }
}

pub(super) async fn list(service: &Service, actor: &Actor, mut list: List) -> Result<List, UiError> {
    actor.require(Permission::LicensesRead)?;
    let filter = filter(&list.query, list.now)?;
    let page = service.licenses_in_list(actor, filter.clone(), list.page(SORTS)?).await?;
    list.choice("state", "State", "Any state", options(STATES), true);
    list.choice("product", "Product", "Any product", products(service, actor).await?, true);
    list.choice("use", "Use", "Any use", options(USES), true);
    list.choice("ends", "Ends", "Any time", options(ENDS), false);
    list.choice("unseen", "Not seen", "Seen or not", options(UNSEEN), false);
    list.day("ends_after", "Ends from");
    list.day("ends_before", "Ends before");
    list.day("issued_after", "Issued from");
    list.day("issued_before", "Issued before");
    if let Some(plan) = filter.plan {
        let name = service.plan(actor, plan).await.map_or_else(|_| "unknown".to_owned(), |plan| plan.name.to_string());
        list.only("plan", &format!("Plan: {name}"));
    }
    if let Some(id) = filter.customer {
        let name =
            service.customer(actor, id).await.map_or_else(|_| "unknown".to_owned(), |found| found.name.to_string());
        list.only("customer", &format!("Customer: {name}"));
    }
    if let Some(id) = filter.order {
        let name = service.order(actor, id).await.map_or_else(|_| "unknown".to_owned(), |order| order.reference);
        list.only("order", &format!("Order: {name}"));
    }
    if filter.import.is_some() {
        list.only("import", "Of an import");
    }
    let found = serve::list(page, |row| {
        let license = &row.license;
        let id = license.id.to_string();
        let whose = license.customer.map(|id| {
            let name = license.customer_name.as_ref().map(ToString::to_string);
            let email = license.customer_email.as_ref().map(ToString::to_string);
            (id.to_string(), name.or(email).unwrap_or_else(|| "unnamed".to_owned()))
        });
        let hint = format!("…{}", license.key_hint);
        let acts = row_steps(license.state).iter().filter(|(permission, ..)| actor.may(*permission));
        let acts = acts.map(|(_, step, words)| link(*words, format!("/console/licenses/{id}/{step}"))).collect();
        list.row(id.clone(), format!("license {hint}"), acts, |column| match column {
            "license" => {
                Cell::Link(link(hint.clone(), format!("/console/licenses/{id}")), license.plan_code.to_string(), true)
            }
            "customer" => customer(whose.clone()),
            "email" => {
                license.customer_email.as_ref().map_or(Cell::Nothing, |email| Cell::Text(email.to_string(), false))
            }
            "state" => Cell::License(license.state),
            "seats" => Cell::Text(format!("{} / {}", license.seats_taken, license.terms.seats), false),
            "seen" => row.last_seen.map_or(Cell::Nothing, |at| list.when(at)),
            "ends" => license.expires_at.map_or_else(|| Cell::Text("never".to_owned(), false), |at| list.when(at)),
            "issued" => list.when(license.created_at),
            _ => Cell::Text(id.clone(), true),
        })
    });
    let steps = [
        (Permission::LicensesStatus, "suspend", "Suspend"),
        (Permission::LicensesStatus, "resume", "Resume"),
        (Permission::LicensesStatus, "revoke", "Revoke"),
        (Permission::LicensesStatus, "reinstate", "Reinstate"),
        (Permission::LicensesExtend, "extend", "Extend"),
    ];
    let steps = steps.into_iter().filter(|(permission, ..)| actor.may(*permission));
    let steps: Vec<(String, String)> = steps.map(|(_, step, words)| (step.to_owned(), words.to_owned())).collect();
    let may_issue = actor.may(Permission::LicensesWrite);
    let narrowed = !list.listed.chips.is_empty() || filter.q.is_some();
    let listed = &mut list.listed;
    listed.action = may_issue.then(|| link("Issue license", "/console/licenses/new"));
    listed.steps = steps;
    listed.empty = if found.next.is_some() {
        let text = "Among the licenses looked through so far none matches. The next page goes on.";
        ("None so far".to_owned(), text.to_owned(), Vec::new())
    } else if narrowed {
        let text = "A whole key, its last four characters, a license id, or a part of a name, an e-mail address, an order \
                    number or a device's name finds a license.";
        ("No license matches".to_owned(), text.to_owned(), vec![link("Show all", KNOWN.path)])
    } else {
        let text = "Issue one by hand in a few seconds, or import the licenses of the customers you already have: their \
                    keys keep working.";
        let import = link("Import licenses", "/console/imports");
        let links = listed.action.clone().into_iter().chain([import]).collect();
        ("No licenses yet".to_owned(), text.to_owned(), links)
    };
    (listed.rows, listed.next, listed.total) = (found.items, found.next, found.total);
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_service::admin::inputs::SeatsTaken;

    #[test]
    fn this_month_ends_with_its_last_day() {
        let at = |text: &str| Timestamp::from_micros(text.parse::<jiff::Timestamp>().unwrap().as_microsecond());
        assert_eq!(month_end(at("2026-11-26T05:00:00Z")), at("2026-12-01T00:00:00Z"));
        assert_eq!(month_end(at("2026-12-31T23:59:59Z")), at("2027-01-01T00:00:00Z"));
        assert_eq!(month_end(at("2028-02-01T00:00:00Z")), at("2028-03-01T00:00:00Z"));
    }

    #[test]
    fn what_is_chosen_is_what_is_asked_for() {
        let now = Timestamp::from_seconds(1_800_000_000);
        let of = |text: &str| filter(&Query::parse(text), now).unwrap();
        assert_eq!(of(""), LicenseFilter::default());
        assert_eq!(of("use=over").seats, Some(SeatsTaken::Over));
        assert_eq!(of("use=never").activated, Some(false));
        assert_eq!(of("unseen=30").not_seen_since, Some(now.plus(Seconds::days(-30))));
        assert_eq!(of("ends=90").ends_before, Some(now.plus(Seconds::days(90))));
        for (field, query) in [("product", "product=nonsense"), ("state", "state=expird"), ("use", "use=most")] {
            assert_eq!(filter(&Query::parse(query), now).unwrap_err().field.as_deref(), Some(field));
        }
        for (_, query) in KNOWN.views {
            assert_ne!(of(query), LicenseFilter::default(), "{query}");
        }
    }
}
