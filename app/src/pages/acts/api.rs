//! Server functions of acts on many.

use leptos::prelude::*;

use super::model::{ActDetail, ActRow, Proposed};
use crate::error::UiError;

/// What an act on many would do, as the address of the list's form says it.
#[server(output = crate::wire::Answer)]
pub async fn propose(query: String) -> Result<Proposed, UiError> {
    use crate::{
        ctx,
        pages::{
            licenses,
            lists::build::{Query, known},
            serve,
        },
    };
    use holdfast_domain::Permission;
    let actor = ctx::actor(Permission::LicensesRead).await?;
    let asked = Query::parse(&query);
    let (of, step) = (asked.get("of"), asked.get("step"));
    let path = known(of)?.path;
    let within = if asked.get("all").is_empty() { String::new() } else { asked.get("query").to_owned() };
    let ids: Vec<String> = match asked.get("all") {
        "" => asked.all("id").into_iter().map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    let service = ctx::service()?;
    let target = serve_target(&service, of, &ids, !asked.get("all").is_empty(), &within)?;
    let preview = service.preview_bulk(&ctx::call(&actor), known_step(step, "30")?, target).await?;
    let words = words(step);
    let many = if preview.exact { serve::number(preview.total) } else { format!("{}+", serve::number(preview.total)) };
    let noun = match (of, preview.total) {
        ("seats", 1) => "seat",
        ("seats", _) => "seats",
        (_, 1) => "license",
        _ => "licenses",
    };
    let ends_access = matches!(step, "suspend" | "revoke" | "free");
    let mut sentence = licenses::api::impact(&preview.impact, service.now()).sentence;
    if preview.impact.devices == 0 {
        "No device uses these now, so nobody loses access.".clone_into(&mut sentence);
    }
    if preview.looked_at < preview.total {
        sentence = format!("Of the first {}: {sentence}", preview.looked_at);
    }
    Ok(Proposed {
        of: of.to_owned(),
        step: step.to_owned(),
        title: format!("{} {many} {noun}", words.0),
        does: words.1.to_owned(),
        impact: ends_access.then_some(sentence),
        ends_access,
        days: step == "extend",
        ids,
        back: if asked.get("query").is_empty() { path.to_owned() } else { format!("{path}?{}", asked.get("query")) },
        query: within,
    })
}

/// Begins an act on many, and goes to its page.
#[server(output = crate::wire::Answer)]
pub async fn begin_act(
    of: String,
    step: String,
    #[server(default)] ids: String,
    #[server(default)] query: String,
    #[server(default)] days: String,
    #[server(default)] reason: String,
) -> Result<(), UiError> {
    use crate::{ctx, pages::serve::parse};
    use holdfast_domain::Permission;
    let actor = ctx::actor(Permission::LicensesRead).await?;
    let service = ctx::service()?;
    let ids: Vec<String> = ids.split_whitespace().map(str::to_owned).collect();
    let target = serve_target(&service, &of, &ids, ids.is_empty(), &query)?;
    let step = known_step(&step, &days)?;
    let id = service.begin_bulk(&ctx::call(&actor), step, target, parse("reason", &reason)?).await?;
    ctx::redirect(&format!("/console/acts/{id}"));
    Ok(())
}

/// The vendor's acts on many, the newest first.
#[server(output = crate::wire::Answer)]
pub async fn acts() -> Result<Vec<ActRow>, UiError> {
    use crate::{ctx, pages::serve::People};
    use holdfast_domain::Permission;
    let actor = ctx::actor(Permission::LicensesRead).await?;
    let service = ctx::service()?;
    let people = People::of(&service, &actor).await?;
    let now = service.now();
    Ok(service.bulk_acts(&actor).await?.iter().map(|act| row(act, &people, now)).collect())
}

/// An act on many; with `fate` those of it that were changed or refused, after a place.
#[server(output = crate::wire::Answer)]
pub async fn act_on_many(id: String, fate: String, after: String) -> Result<ActDetail, UiError> {
    use crate::{
        ctx,
        pages::{audit::screen, products::api::parse_id, serve},
        ui::When,
    };
    use holdfast_domain::Permission;
    use holdfast_service::admin::bulk::{BulkState, Fate};
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
    let stopped = (act.state == BulkState::Stopped)
        .then(|| "More matched than you may change at once, so nothing was changed. Ask an owner to do it.".to_owned());
    let may_undo = actor.may(Permission::LicensesStatus) && act.undo_until.is_some_and(|until| until > now);
    Ok(ActDetail {
        row: row(&act, &people, now),
        stopped,
        items: items
            .into_iter()
            .map(|item| {
                let href = screen(&item.subject).unwrap_or_else(|| format!("/console/seats?q={}", item.subject));
                (item.subject, href, item.why)
            })
            .collect(),
        next,
        undo: act.undo_until.filter(|_| may_undo).map(|until| When::new(until, now)),
        undone_by: act.undone_by.map(|id| id.to_string()),
        undoes: act.undoes.map(|id| id.to_string()),
    })
}

/// Begins to take an act on many back, and goes to the page of that.
#[server(output = crate::wire::Answer)]
pub async fn undo_act(id: String, #[server(default)] reason: String) -> Result<(), UiError> {
    use crate::{
        ctx,
        pages::{products::api::parse_id, serve::parse},
    };
    use holdfast_domain::Permission;
    let actor = ctx::actor(Permission::LicensesStatus).await?;
    let reason = parse("reason", &reason)?;
    let undo = ctx::service()?.undo_bulk(&ctx::call(&actor), parse_id(&id)?, reason).await?;
    ctx::redirect(&format!("/console/acts/{undo}"));
    Ok(())
}

#[cfg(feature = "ssr")]
use holdfast_service::{
    Service,
    admin::bulk::{BulkActView, BulkStep, Target},
};

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
        _ => return Err(Error::new(ErrorCode::NotFound).into()),
    })
}

/// Verb, and what it does to each.
#[cfg(feature = "ssr")]
fn words(step: &str) -> (&'static str, &'static str) {
    match step {
        "suspend" => ("Suspend", "Their devices pause with their next background call, until you resume them."),
        "resume" => ("Resume", "Their devices go on with their next background call."),
        "revoke" => {
            ("Revoke", "Their devices lose their rights with their next background call. You can take it back.")
        }
        "reinstate" => ("Reinstate", "They are active again. Their devices go on with their next background call."),
        "extend" => ("Extend", "Each ends so many days later; one that has ended, so many days from today."),
        _ => (
            "Free",
            "Their devices lose access with their next background call. They can activate again where a seat is free.",
        ),
    }
}

#[cfg(feature = "ssr")]
fn serve_target(service: &Service, of: &str, ids: &[String], all: bool, query: &str) -> Result<Target, UiError> {
    use crate::pages::lists::build::{Query, license_filter, seat_filter};
    use crate::pages::serve::parse;
    let query = Query::parse(query);
    Ok(match (of, all) {
        ("seats", true) => Target::AllSeats(seat_filter(&query, service.now())?),
        (_, true) => Target::AllLicenses(license_filter(&query, service.now())?),
        ("seats", false) => Target::Seats(ids.iter().map(|id| parse("ids", id)).collect::<Result<_, _>>()?),
        (_, false) => Target::Licenses(ids.iter().map(|id| parse("ids", id)).collect::<Result<_, _>>()?),
    })
}

#[cfg(feature = "ssr")]
fn row(act: &BulkActView, people: &crate::pages::serve::People, now: holdfast_domain::Timestamp) -> ActRow {
    use holdfast_domain::license::StatusChange;
    use holdfast_service::admin::bulk::BulkState;
    let what = match &act.step {
        BulkStep::Status(StatusChange::Suspend) => "Suspend licenses".to_owned(),
        BulkStep::Status(StatusChange::Resume) => "Resume licenses".to_owned(),
        BulkStep::Status(StatusChange::Revoke) => "Revoke licenses".to_owned(),
        BulkStep::Status(StatusChange::Reinstate) => "Reinstate licenses".to_owned(),
        BulkStep::Extend(days) => format!("Extend licenses by {days} days"),
        BulkStep::Free => "Free seats".to_owned(),
        BulkStep::Undo => "Take back".to_owned(),
    };
    let (state, runs) = match act.state {
        BulkState::Gathering => ("Looking up", true),
        BulkState::Running => ("At work", true),
        BulkState::Done => ("Done", false),
        BulkState::Stopped => ("Stopped", false),
    };
    ActRow {
        id: act.id.to_string(),
        what,
        reason: act.reason.to_string(),
        who: people.who(&act.actor),
        state: state.to_owned(),
        runs,
        counts: (act.total, act.changed, act.refused),
        began: crate::ui::When::new(act.created_at, now),
    }
}
