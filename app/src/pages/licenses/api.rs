//! Server functions of the license screens.

use leptos::prelude::*;

use super::model::{ExtendView, IssueForm, IssueView, LicenseDetail, LicenseView, StepView};
use crate::error::UiError;

/// What issuing starts from: the plans, and the customer that was come from.
#[server(output = crate::wire::Answer)]
pub async fn issue_choices(customer: String) -> Result<IssueView, UiError> {
    use super::model::PlanChoice;
    use crate::{ctx, pages::plans::model::sold, pages::serve::optional};
    use holdfast_domain::Permission;
    use holdfast_service::admin::{
        inputs::PlanFilter,
        page::{Limit, PageRequest},
    };
    use std::collections::BTreeMap;
    let actor = ctx::actor(Permission::LicensesWrite).await?;
    let service = ctx::service()?;
    let products =
        service.products(&actor, Some(false), None, PageRequest { limit: Limit::new(200), ..PageRequest::default() });
    let names: BTreeMap<_, _> = products.await?.items.into_iter().map(|product| (product.id, product.name)).collect();
    let filter = PlanFilter { archived: Some(false), ..PlanFilter::default() };
    let plans = service.plans(&actor, filter, PageRequest { limit: Limit::new(200), ..PageRequest::default() }).await?;
    let choice = |plan: &holdfast_service::admin::views::PlanView| {
        let product = names.get(&plan.product)?;
        Some(PlanChoice {
            id: plan.id.to_string(),
            name: format!("{product} · {} ({})", plan.name, sold(plan.terms.model)),
        })
    };
    let customer = match optional("customer", &customer)? {
        Some(id) => Some(service.customer(&actor, id).await?),
        None => None,
    };
    Ok(IssueView {
        plans: plans.items.iter().filter_map(choice).collect(),
        customer: customer.map(|customer| (customer.id.to_string(), customer.name.to_string())),
    })
}

/// Issues a license and goes to its page, which shows the key.
#[server(output = crate::wire::Answer)]
pub async fn issue(license: IssueForm) -> Result<(), UiError> {
    use crate::{
        ctx,
        pages::{
            plans::model::entitlements as parse_entitlements,
            serve::{day, optional, parse},
        },
    };
    use holdfast_domain::Permission;
    use holdfast_service::admin::inputs::{CreateCustomer, CustomerChoice, IssueLicense};
    let actor = ctx::actor(Permission::LicensesWrite).await?;
    let (email, name) = (optional("email", &license.email)?, optional("name", &license.name)?);
    let customer = match optional("customer", &license.customer)? {
        Some(id) => Some(CustomerChoice::Existing(id)),
        None if email.is_none() && name.is_none() => None,
        None => Some(CustomerChoice::New(CreateCustomer { name, email, ..CreateCustomer::default() })),
    };
    let input = IssueLicense {
        customer,
        seats: optional("seats", &license.seats)?,
        expires_at: day("expires_on", &license.expires_on)?,
        overrides: parse_entitlements("entitlements", &license.entitlements)?,
        key: Some(license.key.trim().to_owned()).filter(|key| !key.is_empty()),
        ..IssueLicense::of(parse("plan", &license.plan)?)
    };
    let issued = ctx::service()?.issue_license(&ctx::call(&actor), input).await?;
    hand_over(&issued.license.id, &issued.key);
    ctx::redirect(&format!("/console/licenses/{}?done=license_issued", issued.license.id));
    Ok(())
}

/// Shows the whole key on the license's page for two minutes. Each time is an event.
#[server(output = crate::wire::Answer)]
pub async fn reveal(id: String) -> Result<(), UiError> {
    use crate::{ctx, pages::products::api::parse_id};
    use holdfast_domain::Permission;
    let actor = ctx::actor(Permission::KeyReveal).await?;
    let id = parse_id(&id)?;
    let key = ctx::service()?.reveal_key(&ctx::call(&actor), id).await?;
    hand_over(&id, &key);
    ctx::redirect(&format!("/console/licenses/{id}?key=shown"));
    Ok(())
}

/// Everything about a license.
#[server(output = crate::wire::Answer)]
pub async fn license(id: String) -> Result<LicenseDetail, UiError> {
    use super::model::May;
    use crate::{
        ctx,
        pages::{plans::model, products::api::parse_id, serve},
    };
    use holdfast_domain::{LicenseModel, OrderId, Permission};
    use holdfast_service::admin::{approvals::Asked, licenses::SEATS};
    let actor = ctx::actor(Permission::LicensesRead).await?;
    let service = ctx::service()?;
    let detail = service.license(&actor, parse_id(&id)?).await?;
    let now = service.now();
    let license = &detail.license;
    let mut entitlements = license.terms.entitlements.clone();
    entitlements.extend(license.overrides.clone());
    let mut seats: Vec<_> = detail.seats.iter().map(|seat| seat_row(seat, now)).collect();
    say_devices(&service, &actor, license, &mut seats).await?;
    let people = serve::People::of(&service, &actor).await?.speaking_of(&service, &actor, detail.timeline.iter()).await;
    let about = [Some(license.id.to_bytes()), license.order.map(OrderId::to_bytes)];
    let about: Vec<_> = about.into_iter().flatten().collect();
    let waits = crate::pages::acts::api::waiting_for(&service, &actor, &about, &people).await?;
    let full = detail.seats.len() >= SEATS;
    let all = if full { seats_beyond(SEATS, &service, &actor, license.id).await? } else { None };
    let more_seats =
        all.map(|all| format!("These are {SEATS} of {all}: those in use first, and of these the ones seen last."));
    Ok(LicenseDetail {
        row: row(license, now),
        status: license.status,
        reason: license.status_reason.as_ref().map(ToString::to_string),
        product: (license.product.to_string(), detail.product_name.to_string()),
        plan: (license.plan.to_string(), detail.plan_name.to_string()),
        order: license.order.map(|id| id.to_string()).zip(detail.order_reference.clone()),
        after_rekey: after_rekey(&detail),
        migrated: detail.migrated.map(|from| (from.import.to_string(), from.source.name().to_owned())),
        terms: (model::sold(license.terms.model), model::used(&license.terms), model::offline(&license.terms)),
        entitlements: entitlements.iter().map(|(code, value)| (code.to_string(), value.to_string())).collect(),
        more_seats,
        seats,
        limits: limits(&detail),
        timeline: detail.timeline.iter().map(|event| people.entry(event, now)).collect(),
        // Whoever can neither issue nor reveal was not handed it.
        key: handed_over(&license.id)
            .filter(|_| actor.may(Permission::KeyReveal) || actor.may(Permission::LicensesWrite)),
        may: May {
            status: actor.may(Permission::LicensesStatus),
            extend: actor.may(Permission::LicensesExtend),
            free: actor.may(Permission::SeatsRelease),
            reveal: actor.may(Permission::KeyReveal),
            change: actor.may(Permission::LicensesWrite),
            ask_key: actor.role().is_some_and(|role| Asked::Rekey { license: license.id }.may_be_asked_by(role)),
        },
        waits,
        undo: detail.undo.first().map(|offer| undo_offer(offer, &detail, &people, now)),
        trial: matches!(license.terms.model, LicenseModel::Trial { .. }),
    })
}

/// Everything about a license, and with `told` a page of what happened to it and its seats: `all` of it, or what `people` or
/// `devices` did.
#[server(output = crate::wire::Answer)]
pub async fn license_page(id: String, told: String, after: String) -> Result<LicenseView, UiError> {
    use crate::{
        ctx,
        pages::{notes::api::notes_about, products::api::parse_id, serve},
    };
    use holdfast_domain::{LicenseId, Permission};
    use holdfast_service::admin::notes::NoteSubject;
    let actor = ctx::actor(Permission::LicensesRead).await?;
    let service = ctx::service()?;
    let detail = license(id.clone()).await?;
    let id: LicenseId = parse_id(&id)?;
    let people = serve::People::of(&service, &actor).await?;
    let notes = notes_about(&service, &actor, NoteSubject::License(id), &people).await?;
    if told.is_empty() {
        return Ok(LicenseView { detail, notes, told: None, untold: None });
    }
    let page = service.license_timeline(&actor, id, serve::told(&told), serve::page(&after)?).await?;
    let people = people.speaking_of(&service, &actor, page.items.iter()).await;
    let now = service.now();
    let told = Some(serve::list(page, |event| people.entry(&event, now)));
    let untold = if detail.more_seats.is_some() { untold(&service, &actor, id).await? } else { None };
    Ok(LicenseView { detail, notes, told, untold })
}

/// The same, asked by the page itself when something was done: no use of a session.
#[server(output = crate::wire::Answer)]
pub async fn license_again(id: String, told: String, after: String) -> Result<LicenseView, UiError> {
    // Whoever may see it is asked there.
    license_page(id, told, after).await
}

/// What a step would do: whose access ends, and when.
#[server(output = crate::wire::Answer)]
pub async fn preview_step(id: String, step: String) -> Result<StepView, UiError> {
    use crate::{ctx, pages::products::api::parse_id};
    use holdfast_domain::Permission;
    use holdfast_service::admin::{
        bulk::{BulkStep, Target},
        inputs::ChangeStatus,
    };
    let actor = ctx::actor(Permission::LicensesStatus).await?;
    let service = ctx::service()?;
    let (change, _) = known_step(&step)?;
    let reason = "preview".parse().map_err(|error| UiError::field("reason", error))?;
    let input = ChangeStatus { change, reason, effective_at: None, dry_run: true };
    let (call, id) = (ctx::call(&actor), parse_id(&id)?);
    let outcome = service.change_status(&call, id, input).await?;
    let now = service.now();
    let step = BulkStep::Status(change);
    // One alone is never too many, but beside what else they have asked for it may be.
    let (later, second) = if step.ends_licenses() && actor.ends_later() {
        let preview = service.preview_bulk(&call, step, Target::Licenses(vec![id])).await?;
        (preview.later, preview.second)
    } else {
        (false, false)
    };
    Ok(StepView { row: row(&outcome.license, now), impact: impact(&outcome.impact, now), later, second })
}

/// Takes a step, where support ends access by it ten minutes later; or asks a second person for it.
#[server(output = crate::wire::Answer)]
pub async fn take_step(id: String, step: String, #[server(default)] ask: bool, reason: String) -> Result<(), UiError> {
    use crate::{
        ctx,
        pages::{acts::api::asked, products::api::parse_id, serve::parse},
    };
    use holdfast_domain::{LicenseId, Permission};
    use holdfast_service::admin::{
        approvals::Asked,
        bulk::{BulkStep, Target},
        inputs::ChangeStatus,
    };
    let actor = ctx::actor(Permission::LicensesStatus).await?;
    let (change, words) = known_step(&step)?;
    let (service, call, id) = (ctx::service()?, ctx::call(&actor), parse_id::<LicenseId>(&id)?);
    let reason = parse("reason", &reason)?;
    let step = BulkStep::Status(change);
    if ask {
        let many = Asked::Many { step, target: Box::new(Target::Licenses(vec![id])) };
        let waits = service.ask(&call, None, many, reason).await?;
        ctx::redirect(&asked(waits));
        return Ok(());
    }
    let done = if step.ends_licenses() && actor.ends_later() {
        service.begin_bulk(&call, None, step, Target::Licenses(vec![id]), reason).await?;
        "scheduled"
    } else {
        service.change_status(&call, id, ChangeStatus { change, reason, effective_at: None, dry_run: false }).await?;
        words.done
    };
    ctx::lead(&format!("/console/licenses/{id}"), done);
    Ok(())
}

/// The page on which a license's end is moved; where a day was `chosen`, with what that changes.
#[server(output = crate::wire::Answer)]
pub async fn look_at_extension(id: String, chosen: bool, until: String) -> Result<ExtendView, UiError> {
    use crate::{
        ctx,
        pages::{products::api::parse_id, serve::day},
    };
    use holdfast_domain::{LicenseId, Permission};
    use holdfast_service::admin::{extension::rule, inputs::ExtendLicense};
    let actor = ctx::actor(Permission::LicensesExtend).await?;
    let service = ctx::service()?;
    let id: LicenseId = parse_id(&id)?;
    let license = service.license(&actor, id).await?.license;
    let now = service.now();
    let bound = service.extension_left(&actor, id).await?.map(|left| format!(" {}", rule(left))).unwrap_or_default();
    let (mut preview, mut wrong) = (None, None);
    if chosen {
        let outcome = match day("until", &until) {
            Ok(expires_at) => {
                let reason = "preview".parse().map_err(|error| UiError::field("reason", error))?;
                let input = ExtendLicense { expires_at, reason, dry_run: true };
                let outcome = service.extend_license(&ctx::call(&actor), id, input).await;
                outcome.map(|_| ends_instead(&license, expires_at)).map_err(|error| UiError::of(&error, None))
            }
            Err(error) => Err(error),
        };
        match outcome {
            Ok(sentence) => preview = Some(sentence),
            Err(error) => wrong = Some(error),
        }
    }
    Ok(ExtendView { row: row(&license, now), does: extending(&license, now) + &bound, until, preview, wrong })
}

/// Moves a license's end later; an empty day takes the end away.
#[server(output = crate::wire::Answer)]
pub async fn extend(id: String, #[server(default)] until: String, reason: String) -> Result<(), UiError> {
    use crate::{
        ctx,
        pages::{
            products::api::parse_id,
            serve::{day, parse},
        },
    };
    use holdfast_domain::Permission;
    use holdfast_service::admin::inputs::ExtendLicense;
    let actor = ctx::actor(Permission::LicensesExtend).await?;
    let input = ExtendLicense { expires_at: day("until", &until)?, reason: parse("reason", &reason)?, dry_run: false };
    let outcome = ctx::service()?.extend_license(&ctx::call(&actor), parse_id(&id)?, input).await?;
    ctx::lead(&format!("/console/licenses/{}", outcome.license.id), "license_extended");
    Ok(())
}

/// Takes a seat from a device.
#[server(output = crate::wire::Answer)]
pub async fn free_seat(license: String, seat: String, reason: String) -> Result<(), UiError> {
    use crate::{
        ctx,
        pages::{products::api::parse_id, serve::parse},
    };
    use holdfast_domain::{LicenseId, Permission};
    let actor = ctx::actor(Permission::SeatsRelease).await?;
    let license: LicenseId = parse_id(&license)?;
    ctx::service()?.free_seat(&ctx::call(&actor), parse_id(&seat)?, parse("reason", &reason)?).await?;
    ctx::lead(&format!("/console/licenses/{license}"), "seat_freed");
    Ok(())
}

#[cfg(feature = "ssr")]
fn known_step(name: &str) -> Result<(holdfast_domain::license::StatusChange, super::model::StepWords), UiError> {
    use holdfast_service::{Error, ErrorCode};
    super::model::step(name).ok_or_else(|| Error::new(ErrorCode::NotFound).into())
}

/// Hands a key to the page that shows it. It never stands in an address, and only this browser gets it.
#[cfg(feature = "ssr")]
pub fn hand_over(id: &holdfast_domain::LicenseId, key: &str) {
    crate::ctx::set_note("key", &format!("{id} {key}"));
}

/// The key that was handed over for this license.
#[cfg(feature = "ssr")]
fn handed_over(id: &holdfast_domain::LicenseId) -> Option<String> {
    crate::ctx::note("key")?.strip_prefix(&format!("{id} ")).map(str::to_owned)
}

/// A license as a list shows it.
#[cfg(feature = "ssr")]
pub fn row(
    license: &holdfast_service::admin::views::LicenseView,
    now: holdfast_domain::Timestamp,
) -> super::model::LicenseRow {
    use crate::ui::When;
    let name = license.customer_name.as_ref().map(ToString::to_string);
    let name = name.or_else(|| license.customer_email.as_ref().map(ToString::to_string));
    super::model::LicenseRow {
        id: license.id.to_string(),
        key_hint: license.key_hint.clone(),
        plan: license.plan_code.to_string(),
        customer: license.customer.map(|id| (id.to_string(), name.unwrap_or_else(|| "Unnamed".to_owned()))),
        state: license.state,
        taken: license.seats_taken,
        seats: license.terms.seats,
        ends: license.expires_at.map(|end| When::new(end, now)),
        issued: When::new(license.created_at, now),
    }
}

/// A seat as a list shows it.
#[cfg(feature = "ssr")]
pub fn seat_row(
    seat: &holdfast_service::admin::views::SeatView,
    now: holdfast_domain::Timestamp,
) -> super::model::SeatRow {
    use crate::ui::When;
    use holdfast_domain::SeatState;
    super::model::SeatRow {
        id: seat.id.to_string(),
        name: seat.name.clone().unwrap_or_else(|| "Unnamed device".to_owned()),
        user: seat.user.as_ref().map(ToString::to_string),
        runs: [seat.platform.clone(), seat.app_version.clone()].into_iter().flatten().collect::<Vec<_>>().join(", "),
        taken: seat.state == SeatState::Active,
        since: When::new(seat.claimed_at, now),
        first_seen: When::new(seat.first_seen, now),
        last_seen: When::new(seat.last_seen, now),
        offline_until: When::new(seat.offline_until, now),
    }
}

/// Says of each seat that belongs to a person on how many devices they work, of how many.
#[cfg(feature = "ssr")]
pub async fn say_devices(
    service: &holdfast_service::Service,
    actor: &holdfast_service::Actor,
    license: &holdfast_service::admin::views::LicenseView,
    seats: &mut [super::model::SeatRow],
) -> Result<(), UiError> {
    use holdfast_domain::{Email, SeatModel};
    let SeatModel::NamedUser { devices: most } = license.terms.seat_model else { return Ok(()) };
    let users: Vec<Email> = seats.iter().filter_map(|seat| seat.user.as_ref()?.parse().ok()).collect();
    let counts = service.devices_of_users(actor, license.id, users).await?;
    for seat in seats {
        let devices = seat.user.as_ref().and_then(|user| counts.get(&user.parse().ok()?)).unwrap_or(&0);
        seat.user = seat.user.as_ref().map(|user| format!("{user}, {devices} / {most} devices"));
    }
    Ok(())
}

/// What a license has limits of beside its seats, with how much of each is used.
#[cfg(feature = "ssr")]
fn limits(detail: &holdfast_service::admin::views::LicenseDetail) -> Vec<(String, String)> {
    let (terms, taken) = (&detail.license.terms, detail.license.seats_taken);
    let beyond =
        || ("Beyond its seats".to_owned(), format!("{} / {}", taken.saturating_sub(terms.seats), terms.overdraft));
    let freed = format!("{} / {} seats in 30 days", detail.freed_by_holder, terms.release_budget);
    (terms.overdraft > 0).then(beyond).into_iter().chain([("Freed by its holder".to_owned(), freed)]).collect()
}

/// An act that can be undone, in words.
#[cfg(feature = "ssr")]
pub fn undo_offer(
    offer: &holdfast_service::admin::views::UndoOffer,
    detail: &holdfast_service::admin::views::LicenseDetail,
    people: &crate::pages::serve::People,
    now: holdfast_domain::Timestamp,
) -> super::model::UndoOffer {
    let done = detail.timeline.iter().find(|event| event.id == offer.event);
    let seat = offer.seat.map(|seat| format!("?seat={seat}")).unwrap_or_default();
    super::model::UndoOffer {
        path: format!("/console/licenses/{}/undo/{}{seat}", detail.license.id, offer.event),
        what: crate::pages::serve::sentence(&offer.action).0,
        who: done.map(|event| people.who(&event.actor)).unwrap_or_default(),
        until: crate::ui::When::new(offer.until, now),
    }
}

/// How many seats a license has, where they are more than `some`.
#[cfg(feature = "ssr")]
async fn seats_beyond(
    some: usize,
    service: &holdfast_service::Service,
    actor: &holdfast_service::Actor,
    license: holdfast_domain::LicenseId,
) -> Result<Option<String>, UiError> {
    use crate::pages::serve;
    use holdfast_service::admin::{
        inputs::SeatFilter,
        page::{Limit, PageRequest},
    };
    let filter = SeatFilter { license: Some(license), ..SeatFilter::default() };
    let one = PageRequest { limit: Limit::new(1), ..PageRequest::default() };
    let total = service.seats(actor, filter, one).await?.total;
    Ok((total.rows > some as u64).then(|| serve::total(total)))
}

/// What a license's whole time line does not tell of, in words.
#[cfg(feature = "ssr")]
async fn untold(
    service: &holdfast_service::Service,
    actor: &holdfast_service::Actor,
    license: holdfast_domain::LicenseId,
) -> Result<Option<String>, UiError> {
    use crate::pages::serve;
    use holdfast_service::admin::events::SEATS_IN_LINE;
    let all = seats_beyond(SEATS_IN_LINE, service, actor, license).await?;
    let told = serve::number(SEATS_IN_LINE as u64);
    Ok(all.map(|all| {
        format!("Of its {all} devices, the {told} seen last are told of. Each device's own page has all of it.")
    }))
}

/// What another end changes, in words. Days are those of UTC.
#[cfg(feature = "ssr")]
fn ends_instead(
    license: &holdfast_service::admin::views::LicenseView,
    until: Option<holdfast_domain::Timestamp>,
) -> String {
    let date = |at: holdfast_domain::Timestamp| {
        let at = jiff::Timestamp::from_microsecond(at.micros()).unwrap_or_default();
        at.to_zoned(jiff::tz::TimeZone::UTC).date()
    };
    let words = |day: jiff::civil::Date| day.strftime("%-d %B %Y").to_string();
    let devices = match license.seats_taken {
        0 => "no device uses it now".to_owned(),
        1 => "1 device goes on".to_owned(),
        taken => format!("{taken} devices go on"),
    };
    match (license.expires_at.map(date), until.map(date)) {
        (Some(before), Some(after)) => {
            let later = after.since(before).map_or(0, |span| span.get_days());
            let noun = if later == 1 { "day" } else { "days" };
            let (before, after) = (words(before), words(after));
            format!("It ends on {after} instead of {before} ({later} {noun} later); {devices}.")
        }
        (Some(before), None) => format!("It never ends, instead of ending on {}; {devices}.", words(before)),
        _ => format!("It has no end; {devices}."),
    }
}

/// What becomes of the devices of a license that gets another key, in words.
#[cfg(feature = "ssr")]
pub(crate) fn after_rekey(detail: &holdfast_service::admin::views::LicenseDetail) -> String {
    let goes_on = match detail.license.seats_taken {
        0 => return "No device uses this license now.".to_owned(),
        1 => "The device that uses it goes on: a lease does not depend on the key.".to_owned(),
        more => format!("The {more} devices that use it go on: a lease does not depend on the key."),
    };
    let systems: Vec<_> = detail.gateways.iter().map(|kind| kind.name()).collect();
    if systems.is_empty() {
        return goes_on;
    }
    let turned_away = match detail.license.seats_taken {
        1 => "it is turned away until it has the new one".to_owned(),
        more => format!("up to {more} of them are turned away until they have the new one"),
    };
    let systems = systems.join(" or ");
    format!("{goes_on} An application built for {systems} shows the key each time: {turned_away}.")
}

/// What moving a license's end later does, in words.
#[cfg(feature = "ssr")]
fn extending(license: &holdfast_service::admin::views::LicenseView, now: holdfast_domain::Timestamp) -> String {
    use holdfast_domain::LicenseStatus;
    let ended = license.expires_at.is_some_and(|end| end <= now);
    let devices = match (license.seats_taken, ended) {
        (0, _) => "No device uses it now; one that activates works until the new end.",
        (1, false) => "Its device goes on without a break: it gets the new end with its next renewal.",
        (_, false) => "Its devices go on without a break: each gets the new end with its next renewal.",
        (1, true) => "It has ended: its device works again as soon as it asks for the next time.",
        (_, true) => "It has ended: its devices work again, each as soon as it asks for the next time.",
    };
    let status = match license.status {
        LicenseStatus::Active => "",
        LicenseStatus::Suspended => " As long as it is suspended they stay paused all the same.",
        LicenseStatus::Revoked => " As long as it is revoked they get no rights all the same.",
    };
    format!("{devices} Nobody loses anything by it.{status}")
}

/// Who loses access and when, in words.
#[cfg(feature = "ssr")]
pub(crate) fn impact(
    impact: &holdfast_service::admin::views::Impact,
    now: holdfast_domain::Timestamp,
) -> super::model::ImpactView {
    use super::model::{ImpactView, Loss};
    use crate::ui::When;
    let devices = |n: u64| if n == 1 { "1 device".to_owned() } else { format!("{n} devices") };
    let sentence = if impact.devices == 0 {
        "No device uses this license now, so nobody loses access.".to_owned()
    } else {
        let mut parts = Vec::new();
        if impact.within_a_day > 0 {
            parts.push(format!("{} within a day", impact.within_a_day));
        }
        if impact.when_next_online > 0 {
            parts.push(format!("{} when next on line", impact.when_next_online));
        }
        if let Some(end) = impact.at_the_latest {
            let end = When::new(end, now);
            parts.push(format!("at the latest {} ({})", end.relative, end.absolute));
        }
        let verb = if impact.devices == 1 { "loses" } else { "lose" };
        format!("{} {verb} access: {}.", devices(impact.devices), parts.join(", "))
    };
    let losses = impact.seats.iter().map(|seat| Loss {
        name: seat.name.clone().unwrap_or_else(|| "Unnamed device".to_owned()),
        user: seat.user.as_ref().map(ToString::to_string),
        last_seen: When::new(seat.last_seen, now),
        expected: seat.expected_at.map(|at| When::new(at, now)),
        latest: When::new(seat.at_the_latest, now),
    });
    ImpactView { sentence, losses: losses.collect() }
}
