//! Server functions of acts on many.

use leptos::prelude::*;

#[cfg(feature = "ssr")]
use super::model::Waiting;
use super::model::{ActDetail, ActRow, Begin, Proposed};
#[cfg(feature = "ssr")]
use crate::ui::When;
use crate::{error::UiError, pages::List};

/// What an act on many would do, as the address of the list's form says it; what taking one back would, where it names one.
#[server(output = crate::wire::Answer)]
pub async fn propose(query: String) -> Result<Proposed, UiError> {
    use crate::{
        ctx,
        pages::{lists::build::known, products::api::parse_id},
    };
    use holdfast_domain::Permission;
    let actor = ctx::actor(Permission::LicensesRead).await?;
    let (service, call) = (ctx::service()?, ctx::call(&actor));
    let asked = Query::parse(&query);
    let undo = asked.get("undo");
    if !undo.is_empty() {
        let id = parse_id(undo)?;
        let preview = service.preview_undo_bulk(&call, id).await?;
        let (noun, does) = match service.bulk_act(&actor, id).await?.step {
            BulkStep::Refund => (
                "order",
                "Each order is paid again, and the licenses that it revoked become what they were. An order is left alone of which anything was changed since.",
            ),
            BulkStep::Free => (
                "seat",
                "Each device has its seat again, where nobody has taken it since. One whose place is taken is left alone: no license gets more seats than it has.",
            ),
            _ => (
                "license",
                "Exactly those that were changed become what they were. One that was changed since is left alone.",
            ),
        };
        let title = format!("Take it back for {}", counted(preview.total, preview.exact, noun));
        let back = format!("/console/acts/{undo}");
        return Ok(proposed(&service, &actor, &preview, ("acts", "undo"), (title, does), (undo.to_owned(), back)));
    }
    let (of, step) = (asked.get("of"), asked.get("step"));
    if of == PLANS {
        return propose_terms(&service, &call, &asked).await;
    }
    let path = known(of)?.path;
    let ids = if asked.get("all").is_empty() { asked.all("id").join(" ") } else { ALL.to_owned() };
    let target = target(&service, of, &ids, asked.get("query"))?;
    let preview = service.preview_bulk(&call, known_step(step, "30")?, target).await?;
    let (verb, does) = words(step);
    let noun = match of {
        "seats" => "seat",
        "orders" => "order",
        _ => "license",
    };
    let title = format!("{verb} {}", counted(preview.total, preview.exact, noun));
    let list = asked.get("query");
    let back = if list.is_empty() { path.to_owned() } else { format!("{path}?{list}") };
    let query = if ids == ALL { list.to_owned() } else { String::new() };
    let does = if step == "extend" { extending(&preview, &actor, does) } else { does.to_owned() };
    let proposed = proposed(&service, &actor, &preview, (of, step), (title, &does), (ids, back));
    Ok(Proposed { query, ..proposed })
}

/// Begins an act on many, or to take one back, or asks a second person for it, and goes to its page. Sent twice, it is begun
/// once.
#[server(output = crate::wire::Answer)]
pub async fn begin_act(act: Begin, #[server(default)] reason: String) -> Result<(), UiError> {
    use crate::{
        ctx,
        pages::{
            products::api::parse_id,
            serve::{optional, parse},
        },
    };
    use holdfast_domain::{ApprovalId, BulkActId, Permission};
    use holdfast_service::admin::approvals::Asked;
    let actor = ctx::actor(Permission::LicensesRead).await?;
    let Begin { of, step, id, ids, query, days, ask } = act;
    let (service, call, id) = (ctx::service()?, ctx::call(&actor), optional::<BulkActId>("id", &id)?);
    let asked = id.map(|id| ApprovalId::from_bytes(id.to_bytes()));
    let begun = if of == "acts" {
        let (undone, reason) = (parse_id(&ids)?, parse("reason", &reason)?);
        if ask {
            let step = service.bulk_act(&actor, undone).await?.step;
            let waits = service.ask(&call, asked, Asked::Undo { act: undone, step }, reason).await?;
            ctx::redirect(&self::asked(waits));
            return Ok(());
        }
        service.undo_bulk(&call, id, undone, reason).await?
    } else {
        let (step, target) = if of == PLANS {
            // What was looked at: the plan's terms of then. Where it has others now, they are refused.
            of_plan(serde_json::from_str(&query).map_err(|error| UiError::field("query", error))?)
        } else {
            (known_step(&step, &days)?, target(&service, &of, &ids, &query)?)
        };
        let reason = parse("reason", &reason)?;
        if ask {
            let waits = service.ask(&call, asked, Asked::Many { step, target: Box::new(target) }, reason).await?;
            ctx::redirect(&self::asked(waits));
            return Ok(());
        }
        service.begin_bulk(&call, id, step, target, reason).await?
    };
    ctx::redirect(&format!("/console/acts/{begun}"));
    Ok(())
}

/// The vendor's acts on many, the newest first.
#[server(output = crate::wire::Answer)]
pub async fn acts(after: String) -> Result<List<ActRow>, UiError> {
    use crate::{
        ctx,
        pages::serve::{People, list, page},
    };
    use holdfast_domain::Permission;
    let actor = ctx::actor(Permission::LicensesRead).await?;
    let service = ctx::service()?;
    let people = People::of(&service, &actor).await?;
    let now = service.now();
    Ok(list(service.bulk_acts(&actor, page(&after)?).await?, |act| row(&act, &people, now)))
}

/// An act on many; with `fate` those of it that were changed or refused, after a place.
#[server(output = crate::wire::Answer)]
pub async fn act_on_many(id: String, fate: String, after: String) -> Result<ActDetail, UiError> {
    use crate::{
        ctx,
        pages::{products::api::parse_id, serve},
        ui::data::with_values,
    };
    use holdfast_domain::Permission;
    use holdfast_service::admin::bulk::Fate;
    const ROWS: usize = 50;
    let actor = ctx::actor(Permission::LicensesRead).await?;
    let service = ctx::service()?;
    let id = parse_id(&id)?;
    let act = service.bulk_act(&actor, id).await?;
    let people = serve::People::of(&service, &actor).await?;
    let now = service.now();
    let after = serve::optional("after", &after)?.unwrap_or(0);
    let mut items = service.bulk_items(&actor, id, Fate::from_name(&fate), after, ROWS + 1).await?;
    let more = items.len() > ROWS;
    items.truncate(ROWS);
    let next = items.last().filter(|_| more).map(|item| item.number.to_string());
    let row = row(&act, &people, now);
    let waits = waiting(&act, &actor, &people, now);
    let may_undo =
        act.step.undoing().is_some_and(|step| actor.may(step.permission()) && actor.may(act.step.permission()));
    let open = act.undo_until.filter(|until| *until >= now);
    Ok(ActDetail {
        stopped: act.stopped.map(|why| stopped(why).to_owned()),
        may_stop: row.runs && waits.is_none() && actor.may(act.step.permission()),
        waits,
        past: past(&act, now).map(str::to_owned),
        row,
        items: items.into_iter().map(item).collect(),
        export: with_values("/console/exports/report.csv", &[("act", &id.to_string()), ("fate", &fate)]),
        next,
        undo: open.filter(|_| may_undo).map(|until| When::new(until, now)),
        undone_by: act.undone_by.map(|id| id.to_string()),
        approved_by: act.approved_by.map(|by| {
            let approval = holdfast_domain::ApprovalId::from_bytes(act.id.to_bytes());
            (format!("/console/approvals/{approval}"), people.who(&holdfast_domain::event::Actor::Member(by)))
        }),
        undoes: act.undoes.map(|id| id.to_string()),
    })
}

/// The same, asked by the page itself when something was done: no use of a session.
#[server(output = crate::wire::Answer)]
pub async fn act_again(id: String, fate: String, after: String) -> Result<ActDetail, UiError> {
    // Whoever may see it is asked there.
    act_on_many(id, fate, after).await
}

/// Stops an act on many.
#[server(output = crate::wire::Answer)]
pub async fn stop_act(id: String) -> Result<(), UiError> {
    use crate::{ctx, pages::products::api::parse_id};
    use holdfast_domain::Permission;
    let actor = ctx::actor(Permission::LicensesRead).await?;
    let (service, id) = (ctx::service()?, parse_id(&id)?);
    let began = service.bulk_act(&actor, id).await?.state != BulkState::Waiting;
    service.stop_bulk(&ctx::call(&actor), id).await?;
    ctx::stay(if began { "stopped" } else { "taken_back" });
    Ok(())
}

#[cfg(feature = "ssr")]
use holdfast_domain::Timestamp;
#[cfg(feature = "ssr")]
use holdfast_service::{
    Actor, Call, Service,
    admin::{
        bulk::{BulkActView, BulkPreview, BulkState, BulkStep, StopReason, Target},
        page::Total,
        terms::PlanTerms,
    },
};

#[cfg(feature = "ssr")]
use crate::pages::lists::build::Query;

/// "12,345 licenses", "at least 10,000 licenses", "all licenses that match" where no number is known.
#[cfg(feature = "ssr")]
pub fn counted(total: u64, exact: bool, noun: &str) -> String {
    let number = crate::pages::serve::number(total);
    match (total, exact) {
        (1, true) => format!("1 {noun}"),
        (_, true) => format!("{number} {noun}s"),
        (0, false) => format!("all {noun}s that match"),
        (_, false) => format!("at least {number} {noun}s"),
    }
}

/// What an act does, and to how many where that is known.
#[cfg(feature = "ssr")]
pub fn what(step: &BulkStep, total: Option<Total>) -> String {
    use holdfast_domain::license::StatusChange;
    let of = |noun: &str| total.map_or_else(|| format!("{noun}s"), |total| counted(total.rows, total.exact, noun));
    match step {
        BulkStep::Status(StatusChange::Suspend) => format!("Suspend {}", of("license")),
        BulkStep::Status(StatusChange::Resume) => format!("Resume {}", of("license")),
        BulkStep::Status(StatusChange::Revoke) => format!("Revoke {}", of("license")),
        BulkStep::Status(StatusChange::Reinstate) => format!("Reinstate {}", of("license")),
        BulkStep::Extend(days) => format!("Extend {} by {days} days", of("license")),
        BulkStep::Free => format!("Free {}", of("seat")),
        BulkStep::Undo => "Take back".to_owned(),
        BulkStep::Restore => "Give seats back".to_owned(),
        BulkStep::Refund => format!("Refund {}", of("order")),
        BulkStep::Unrefund => "Take refunds back".to_owned(),
        BulkStep::Terms(_) if total.is_some() => format!("Apply a plan’s terms to {}", of("license")),
        BulkStep::Terms(_) => "Apply a plan’s terms".to_owned(),
        BulkStep::FormerTerms => "Give former terms back".to_owned(),
    }
}

/// An act that begins later, as it is shown beside what it is about; nothing once it has begun.
#[cfg(feature = "ssr")]
pub fn waiting(
    act: &BulkActView,
    actor: &Actor,
    people: &crate::pages::serve::People,
    now: Timestamp,
) -> Option<Waiting> {
    let at = act.begins_at.filter(|_| act.state == BulkState::Waiting)?;
    let left = holdfast_domain::Seconds(at.since(now).0.max(0));
    Some(Waiting {
        id: act.id.to_string(),
        what: what(&act.step, Some(Total { rows: act.total, exact: true })),
        reason: act.reason.to_string(),
        who: people.who(&act.actor),
        at: When::new(at, now),
        seconds: left.0,
        may_stop: actor.may(act.step.permission()),
    })
}

/// What waits to be done to some licenses, seats or orders, by the bytes of their ids.
#[cfg(feature = "ssr")]
pub async fn waiting_for(
    service: &Service,
    actor: &Actor,
    subjects: &[[u8; 16]],
    people: &crate::pages::serve::People,
) -> Result<Vec<Waiting>, UiError> {
    let mut found: Vec<Waiting> = Vec::new();
    for (_, act) in service.acts_that_wait(actor, subjects).await? {
        let waits = waiting(&act, actor, people, service.now());
        found.extend(waits.filter(|waits| found.iter().all(|other| other.id != waits.id)));
    }
    Ok(found)
}

/// The page of what was asked of a second person.
#[cfg(feature = "ssr")]
pub fn asked(id: holdfast_domain::ApprovalId) -> String {
    format!("/console/approvals/{id}?done=asked")
}

/// Who loses access, of whom it is said only where all were looked at that nobody does.
#[cfg(feature = "ssr")]
pub fn impact(preview: &BulkPreview, undo: bool, now: Timestamp) -> String {
    let looked_at = preview.looked_at;
    let said = match preview.impact.devices {
        0 if undo => "Nobody loses access by that.".to_owned(),
        0 => "No device uses these now, so nobody loses access.".to_owned(),
        _ => crate::pages::licenses::api::impact(&preview.impact, now).sentence,
    };
    if preview.exact && looked_at == preview.total {
        said
    } else if looked_at == 0 {
        "Which these are is looked up when it is done, so who loses access cannot be said before.".to_owned()
    } else if preview.impact.devices == 0 {
        format!("None of the first {looked_at} ends anybody's access now. The others were not looked at.")
    } else {
        format!("Of the first {looked_at}: {said}")
    }
}

/// How many it is done to, of how many that a role may do at once which is not an owner's.
#[cfg(feature = "ssr")]
fn limit(actor: &Actor, preview: &BulkPreview) -> Option<String> {
    use holdfast_domain::Role;
    use holdfast_service::admin::license_status::AT_ONCE;
    actor.role().filter(|role| *role != Role::Owner)?;
    let more = if preview.exact { "" } else { "+" };
    let total = crate::pages::serve::number(preview.licenses.unwrap_or(preview.total));
    Some(format!("{total}{more} / {AT_ONCE} at once: more than that takes an owner, or a second person."))
}

#[cfg(feature = "ssr")]
fn proposed(
    service: &Service,
    actor: &Actor,
    preview: &BulkPreview,
    (of, step): (&str, &str),
    (title, does): (String, &str),
    (ids, back): (String, String),
) -> Proposed {
    let now = service.now();
    let undo = step == "undo";
    let ends_access = matches!(step, "suspend" | "revoke" | "free" | "refund") || (undo && preview.impact.devices > 0);
    Proposed {
        id: preview.id.to_string(),
        of: of.to_owned(),
        step: step.to_owned(),
        title,
        does: does.to_owned(),
        limit: limit(actor, preview),
        impact: (ends_access || undo).then(|| impact(preview, undo, now)),
        losses: crate::pages::licenses::api::impact(&preview.impact, now).losses,
        ends_access,
        second: preview.second,
        later: preview.later,
        days: step == "extend",
        ids,
        query: String::new(),
        back,
    }
}

/// What extending does to each, and to whom it does nothing.
#[cfg(feature = "ssr")]
fn extending(preview: &BulkPreview, actor: &holdfast_service::Actor, does: &str) -> String {
    use holdfast_domain::Permission;
    let number = crate::pages::serve::number(preview.endless.rows);
    let endless = match (preview.endless.rows, preview.endless.exact) {
        (0, true) => String::new(),
        (0, false) => " One that has no end is refused.".to_owned(),
        (1, true) => " 1 of them has no end and is refused.".to_owned(),
        (_, true) => format!(" {number} of them have no end and are refused."),
        (_, false) => format!(" At least {number} of them have no end and are refused."),
    };
    let bound = if actor.may(Permission::LicensesWrite) {
        ""
    } else {
        " Your role adds at most 30 days to a license within 30 days; more is refused."
    };
    format!("{does}{endless}{bound}")
}

/// Stands for a list where the licenses of a plan get its terms.
#[cfg(feature = "ssr")]
const PLANS: &str = "plans";

/// The act that gives all licenses of a plan those terms.
#[cfg(feature = "ssr")]
fn of_plan(new: PlanTerms) -> (BulkStep, Target) {
    use holdfast_service::admin::inputs::LicenseFilter;
    let filter = LicenseFilter { plan: Some(new.plan), ..LicenseFilter::default() };
    (BulkStep::Terms(Box::new(new)), Target::AllLicenses(filter))
}

/// What giving a plan's present terms to its licenses would do, and what their last 90 days say of it.
#[cfg(feature = "ssr")]
async fn propose_terms(service: &Service, call: &Call, asked: &Query) -> Result<Proposed, UiError> {
    use crate::pages::{plans::check::api::told, products::api::parse_id, serve::optional};
    let now = service.now();
    let plan = service.plan(&call.actor, parse_id(asked.get("id"))?).await?;
    let seats_from = optional("seats_from", asked.get("seats_from"))?;
    let new = PlanTerms { plan: plan.id, terms: plan.terms, seats_from };
    let query = serde_json::to_string(&new).unwrap_or_default();
    let replay = service.replay_terms(&call.actor, new.clone(), None).await?;
    let (step, target) = of_plan(new);
    let mut preview = service.preview_bulk(call, step, target).await?;
    if replay.next.is_none() {
        (preview.total, preview.exact) = (replay.changing, true);
    }
    let hits = told(&replay, replay.next.is_none(), seats_from, now);
    let (looked_at, total) = &hits.looked_at;
    let mut said = vec![format!("By their last 90 days, {looked_at} of {total} licenses looked at.")];
    said.extend(hits.findings);
    let name = |hit: &crate::pages::plans::check::model::HitRow| match &hit.customer {
        Some((_, name)) => format!("{name} (…{})", hit.license.1),
        None => format!("…{}", hit.license.1),
    };
    let named: Vec<String> = hits.hit.iter().take(10).map(name).collect();
    if !named.is_empty() {
        said.push(format!("Among them: {}.", named.join(", ")));
    }
    if preview.impact.devices > 0 {
        said.push(impact(&preview, false, now));
    }
    let unless = seats_from.map(|seats| format!(" unless that is {seats}, which the plan had")).unwrap_or_default();
    let does = format!(
        "Each keeps its end, and its number of seats{unless}. No seat that is taken is lost. Devices learn of it with their next renewal. {}",
        hits.unknown.join(" ")
    );
    let title = format!("Apply the terms of {} to {}", plan.name, counted(preview.total, preview.exact, "license"));
    let (id, back) = (plan.id.to_string(), format!("/console/plans/{}", plan.id));
    let proposed = proposed(service, &call.actor, &preview, (PLANS, "terms"), (title, does.trim_end()), (id, back));
    let ends_access = preview.impact.devices + replay.refused + replay.ran_out + replay.over_their_seats > 0
        || !replay.lost.is_empty();
    Ok(Proposed { query, impact: Some(said.join(" ")), ends_access, ..proposed })
}

#[cfg(feature = "ssr")]
const fn stopped(why: StopReason) -> &'static str {
    match why {
        StopReason::TooMany => {
            "More matched than you may change at once alone, so nothing was changed. Begin again: it then asks for approval."
        }
        StopReason::Asked => "Somebody stopped it; the audit log says who. What was to be done yet stays as it is.",
        StopReason::NoLonger => {
            "When it was to begin, whoever asked for it might no longer do it. Nothing was changed."
        }
        StopReason::Failed => {
            "It failed again and again, so it was given up; the nodes' logs say why. What was to be done yet stays as it is."
        }
    }
}

/// What can no longer be done with an act that is through.
#[cfg(feature = "ssr")]
fn past(act: &BulkActView, now: Timestamp) -> Option<&'static str> {
    if act.cleared {
        Some("It can no longer be taken back, and what became of each is no longer listed. The audit log has it.")
    } else if act.undo_until.is_some_and(|until| until < now) {
        Some("It can no longer be taken back: a day has passed.")
    } else {
        None
    }
}

#[cfg(feature = "ssr")]
fn known_step(step: &str, days: &str) -> Result<BulkStep, UiError> {
    use crate::pages::serve::parse;
    use holdfast_domain::license::StatusChange;
    use holdfast_service::{Error, ErrorCode};
    Ok(match step {
        "suspend" => BulkStep::Status(StatusChange::Suspend),
        "resume" => BulkStep::Status(StatusChange::Resume),
        "revoke" => BulkStep::Status(StatusChange::Revoke),
        "reinstate" => BulkStep::Status(StatusChange::Reinstate),
        "extend" => BulkStep::Extend(parse("days", days)?),
        "free" => BulkStep::Free,
        "refund" => BulkStep::Refund,
        _ => return Err(Error::new(ErrorCode::NotFound).into()),
    })
}

/// Verb, and what it does to each.
#[cfg(feature = "ssr")]
pub fn words(step: &str) -> (&'static str, &'static str) {
    match step {
        "suspend" => ("Suspend", "Their devices pause with their next background call, until you resume them."),
        "resume" => ("Resume", "Their devices go on with their next background call."),
        "revoke" => {
            ("Revoke", "Their devices lose their rights with their next background call. You can take it back.")
        }
        "reinstate" => ("Reinstate", "They are active again. Their devices go on with their next background call."),
        "refund" => (
            "Refund",
            "Each is noted as paid back, and its licenses are revoked: their devices lose their rights with their next background call. No money moves. You can take it back.",
        ),
        "extend" => ("Extend", "Each ends so many days later; one that has ended, so many days from today."),
        _ => (
            "Free",
            "Their devices lose access with their next background call. They can activate again where a seat is free.",
        ),
    }
}

/// What stands for all that match, where others are named one by one. Naming none is not it.
#[cfg(feature = "ssr")]
const ALL: &str = "all";

#[cfg(feature = "ssr")]
fn target(service: &Service, of: &str, ids: &str, query: &str) -> Result<Target, UiError> {
    use crate::pages::{
        lists::build::{license_filter, seat_filter},
        serve::parse,
    };
    use holdfast_service::{Error, ErrorCode};
    let (query, named) = (Query::parse(query), ids.split_whitespace());
    Ok(match (of, ids == ALL) {
        ("seats", true) => Target::AllSeats(seat_filter(&query, service.now())?),
        ("licenses", true) => Target::AllLicenses(license_filter(&query, service.now())?),
        ("seats", false) => Target::Seats(named.map(|id| parse("ids", id)).collect::<Result<_, _>>()?),
        ("orders", false) => Target::Orders(named.map(|id| parse("ids", id)).collect::<Result<_, _>>()?),
        ("licenses", false) => Target::Licenses(named.map(|id| parse("ids", id)).collect::<Result<_, _>>()?),
        _ => return Err(Error::new(ErrorCode::NotFound).into()),
    })
}

/// What became of one, in words.
#[cfg(feature = "ssr")]
fn item(item: holdfast_service::admin::bulk::BulkItem) -> super::model::Item {
    use holdfast_service::admin::bulk::Fate;
    let folder = match item.subject.split('_').next() {
        Some("sea") => "seats",
        Some("ord") => "orders",
        _ => "licenses",
    };
    let (name, under, customer) = match item.known {
        Some(known) => {
            let customer = known.customer.map(|(_, name)| name.to_string());
            let key = format!("…{}", known.label);
            match folder {
                "seats" => (known.device.unwrap_or_else(|| "Unnamed device".to_owned()), key, customer),
                "orders" => (known.label, item.subject.clone(), customer),
                _ => (key, item.subject.clone(), customer),
            }
        }
        None => (item.subject.clone(), String::new(), None),
    };
    super::model::Item {
        id: item.subject.clone(),
        name,
        under,
        href: format!("/console/{folder}/{}", item.subject),
        customer: customer.unwrap_or_else(|| "–".to_owned()),
        outcome: match item.fate {
            Fate::Pending => "To be done".to_owned(),
            Fate::Changed => "Changed".to_owned(),
            Fate::Refused => item.why.unwrap_or_else(|| "Refused".to_owned()),
        },
    }
}

#[cfg(feature = "ssr")]
fn row(act: &BulkActView, people: &crate::pages::serve::People, now: holdfast_domain::Timestamp) -> ActRow {
    let (state, runs) = match act.state {
        // It has begun, or is about to: whoever looks need not ask again.
        BulkState::Waiting => ("Waits", act.begins_at.is_some_and(|at| at <= now)),
        BulkState::Gathering => ("Looking up", true),
        BulkState::Running => ("At work", true),
        BulkState::Done => ("Done", false),
        BulkState::Stopped => ("Stopped", false),
    };
    ActRow {
        id: act.id.to_string(),
        what: what(&act.step, None),
        reason: act.reason.to_string(),
        who: people.who(&act.actor),
        state: state.to_owned(),
        runs,
        counts: (act.total, act.changed, act.refused),
        began: crate::ui::When::new(act.created_at, now),
    }
}
