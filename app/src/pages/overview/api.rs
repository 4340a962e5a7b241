//! The server function of the overview.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use super::activity::Counted;
use crate::{
    error::UiError,
    pages::{alerts::model::AlertRow, licenses::model::LicenseRow},
    ui::TimelineEntry,
};

/// A number that leads to what it counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figure {
    /// What it counts.
    pub name: String,
    /// How many.
    pub value: String,
    /// Where they are listed.
    pub href: String,
}

/// A step on the way to the first verified lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextStep {
    /// What to do.
    pub what: String,
    /// What for.
    pub why: String,
    /// Whether it is done.
    pub done: bool,
    /// Where, and the verb on the button.
    pub href: Option<(String, String)>,
}

/// What the overview shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overview {
    /// Numbers.
    pub figures: Vec<Figure>,
    /// For how many days `activity` is told.
    pub days: u16,
    /// Activations and renewals over time; empty before there are any.
    pub activity: Vec<Counted>,
    /// How many approvals wait for this person.
    pub approvals: u64,
    /// How much about sales waits for a person, for those who may decide.
    pub inbox: u64,
    /// Alerts that stand, the newest first.
    pub alerts: Vec<AlertRow>,
    /// The steps to the first verified lease; none from a day after it on.
    pub steps: Vec<NextStep>,
    /// Licenses that end within 30 days.
    pub ending: Vec<LicenseRow>,
    /// Suspended licenses.
    pub suspended: Vec<LicenseRow>,
    /// What happened lately.
    pub timeline: Vec<TimelineEntry>,
}

/// The overview, with what happened in the last 90 days or, for any other word, 30.
#[server(output = crate::wire::Answer)]
pub async fn load_overview(#[server(default)] days: String) -> Result<Overview, UiError> {
    use crate::{
        ctx,
        pages::{licenses::api::row, serve},
    };
    use holdfast_domain::{LicenseState, Permission, SeatState, Seconds};
    use holdfast_service::admin::{
        inputs::{EventFilter, LicenseFilter, PlanFilter, SeatFilter},
        licenses::LicenseSort,
        page::{Direction, Limit, PageRequest},
    };
    fn first<S: Default>(rows: u32) -> PageRequest<S> {
        PageRequest { limit: Limit::new(rows), ..PageRequest::default() }
    }
    let actor = ctx::actor(Permission::LicensesRead).await?;
    let service = ctx::service()?;
    let now = service.now();
    let in_state = |state| LicenseFilter { state: Some(state), ..LicenseFilter::default() };

    let products = service.products(&actor, Some(false), None, first(1)).await?;
    let plans = service.plans(&actor, PlanFilter::default(), first(1)).await?;
    let customers = service.customers(&actor, None, first(1)).await?;
    let all = service.licenses(&actor, LicenseFilter::default(), first(1)).await?;
    let ends = PageRequest { sort: LicenseSort::Ends, direction: Direction::Ascending, ..first(5) };
    let active = service.licenses(&actor, in_state(LicenseState::Active), ends).await?;
    let suspended = service.licenses(&actor, in_state(LicenseState::Suspended), first(5)).await?;
    let taken = SeatFilter { state: Some(SeatState::Active), ..SeatFilter::default() };
    let seats = service.seats(&actor, taken, first(1)).await?;
    let events = service.events(&actor, EventFilter::default(), first(8)).await?;

    let days = if days == "90" { 90 } else { 30 };
    let activity = super::activity::counted(&service.activity(&actor, days).await?, seats.total.rows > 0);

    let lockout = first_lockout(&service, &actor).await?;
    let counts = [
        figure("Active licenses", active.total, "/console/licenses?state=active"),
        figure("Devices in use", seats.total, "/console/seats?state=active"),
        figure("Customers", customers.total, "/console/customers"),
        figure("Suspended", suspended.total, "/console/licenses?state=suspended"),
        figure("Products", products.total, "/console/products"),
    ];
    let figures = lockout.into_iter().chain(counts).collect();
    let product = products.items.first().map(|product| format!("/console/products/{}", product.id));
    let done = [!plans.items.is_empty(), all.total.rows > 0, seats.total.rows > 0];
    let mut steps = first_steps(product, done);
    if steps.iter().all(|step| step.done) {
        match first_lease(&service, &actor, seats.total.rows).await? {
            Some(first) => steps.push(first),
            None => steps.clear(),
        }
    }
    let soon = now.plus(Seconds::days(30));
    let people = serve::People::of(&service, &actor).await?.speaking_of(&service, &actor, events.items.iter()).await;
    Ok(Overview {
        figures,
        days,
        activity,
        approvals: service.approvals_for(&actor).await?,
        inbox: if actor.may(Permission::CustomersWrite) { service.inbox_waiting(&actor).await? } else { 0 },
        alerts: standing(&service, &actor).await?,
        steps,
        ending: active
            .items
            .iter()
            .filter(|license| license.expires_at.is_some_and(|end| end <= soon))
            .map(|license| row(license, now))
            .collect(),
        suspended: suspended.items.iter().map(|license| row(license, now)).collect(),
        timeline: events.items.iter().map(|event| people.entry(event, now)).collect(),
    })
}

/// The same, asked by the page itself when something was done: no use of a session.
#[server(output = crate::wire::Answer)]
pub async fn overview_again(#[server(default)] days: String) -> Result<Overview, UiError> {
    // Whoever may see it is asked there.
    load_overview(days).await
}

/// The steps to the first lease of a vendor with that product, and whether there are a plan, a license and a seat already.
#[cfg(feature = "ssr")]
fn first_steps(product: Option<String>, [has_plan, has_license, has_seat]: [bool; 3]) -> Vec<NextStep> {
    let step = |what: &str, why: &str, done: bool, href: Option<String>, verb: &str| NextStep {
        what: what.to_owned(),
        why: why.to_owned(),
        done,
        href: href.map(|href| (href, verb.to_owned())),
    };
    vec![
        step(
            "Name your product",
            "One piece of software you sell. A usual plan comes with it.",
            product.is_some(),
            Some("/console/products/new".to_owned()),
            "Create product",
        ),
        step(
            "Say how it is sold",
            "A plan, from three questions.",
            has_plan,
            product.as_ref().map(|product| format!("{product}/plans/new")),
            "Add plan",
        ),
        step(
            "Issue a license, or import those you have",
            "Keys of your customers keep working.",
            has_license,
            has_plan.then(|| "/console/licenses/new".to_owned()),
            "Issue license",
        ),
        step(
            "Paste the snippet and activate a device",
            "From then on it works without this server.",
            has_seat,
            product.map(|product| format!("{product}?tab=integrate")),
            "Show snippet",
        ),
    ]
}

/// Whose the vendor's first lease is, and until when that device works by itself: in the first day after it, of a vendor
/// with so few `devices`. What is signed here is verified before it is sent.
#[cfg(feature = "ssr")]
async fn first_lease(
    service: &holdfast_service::Service,
    actor: &holdfast_service::Actor,
    devices: u64,
) -> Result<Option<NextStep>, UiError> {
    use holdfast_domain::Seconds;
    use holdfast_service::admin::{
        inputs::SeatFilter,
        page::{Direction, Limit, PageRequest},
    };
    if devices > 1_000 {
        return Ok(None);
    }
    let oldest = PageRequest { limit: Limit::new(1), direction: Direction::Ascending, ..PageRequest::default() };
    let seats = service.seats(actor, SeatFilter::default(), oldest).await?;
    let now = service.now();
    let first = seats.items.into_iter().next().filter(|seat| seat.first_seen > now.plus(Seconds::days(-1)));
    Ok(first.map(|seat| {
        let until = crate::ui::When::new(seat.offline_until, now).absolute;
        let device = seat.name.unwrap_or_else(|| "A device without a name".to_owned());
        NextStep {
            what: "Your first lease is verified".to_owned(),
            why: format!("{device} works until {until} without us."),
            done: true,
            href: None,
        }
    }))
}

/// How many there are.
#[cfg(feature = "ssr")]
fn figure(name: &str, total: holdfast_service::admin::page::Total, href: &str) -> Figure {
    Figure { name: name.to_owned(), value: crate::pages::serve::total(total), href: href.to_owned() }
}

/// The newest alerts that stand.
#[cfg(feature = "ssr")]
async fn standing(
    service: &holdfast_service::Service,
    actor: &holdfast_service::Actor,
) -> Result<Vec<AlertRow>, UiError> {
    use crate::pages::alerts::show;
    use holdfast_service::admin::{
        alerts::AlertFilter,
        page::{Limit, PageRequest},
    };
    let filter = AlertFilter { standing: Some(true), ..AlertFilter::default() };
    let page = PageRequest { limit: Limit::new(5), ..PageRequest::default() };
    let alerts = service.alerts(actor, filter, page).await?;
    let (places, now) = (show::Places::new(service, actor).await?, service.now());
    Ok(alerts.items.iter().map(|alert| show::row(alert, &places, now)).collect())
}

/// When the first device would stop if everything stopped now, where any would.
#[cfg(feature = "ssr")]
async fn first_lockout(
    service: &holdfast_service::Service,
    actor: &holdfast_service::Actor,
) -> Result<Option<Figure>, UiError> {
    if !actor.may(holdfast_domain::Permission::FleetRead) {
        return Ok(None);
    }
    let view = service.freshness(actor, &holdfast_service::admin::freshness::FreshnessFilter::default()).await?;
    Ok(view.figures().first.map(|left| Figure {
        name: "First lockout if everything stopped now".to_owned(),
        value: format!("in {}", crate::ui::time::span_closely(left)),
        href: "/console/freshness".to_owned(),
    }))
}
