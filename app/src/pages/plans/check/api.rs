//! Server functions of the check of a plan's change.

use leptos::prelude::*;

use super::model::CheckView;
use crate::{error::UiError, pages::plans::model::PlanForm};

/// What a change of a plan would mean: for licenses issued from now on, and for those that exist by their last 90 days, on
/// from `after`.
#[server(output = crate::wire::Answer)]
pub async fn check_plan(id: String, plan: PlanForm, after: String) -> Result<CheckView, UiError> {
    use crate::{
        ctx,
        pages::{
            licenses::acts::words,
            products::api::parse_id,
            serve::{self, optional},
        },
    };
    use holdfast_domain::Permission;
    use holdfast_service::{
        Error, ErrorCode,
        admin::{license_change::term_changes, terms::PlanTerms},
    };
    use std::collections::BTreeMap;
    let actor = ctx::actor(Permission::CatalogWrite).await?;
    let service = ctx::service()?;
    let now = service.now();
    let present = service.plan(&actor, parse_id(&id)?).await?;
    let product = service.product(&actor, present.product).await?;
    let mut view = CheckView {
        plan: (present.id.to_string(), present.name.to_string()),
        product: (product.id.to_string(), product.name.to_string()),
        form: plan.clone(),
        changes: Vec::new(),
        replay: None,
        seats: present.terms.seats.to_string(),
        apply: None,
        wrong: None,
    };
    if !plan.seen.is_empty() && plan.seen != present.updated_at.micros().to_string() {
        // A page that answers, so no error of the request.
        let wrong = UiError::of(&Error::new(ErrorCode::ChangedMeanwhile), None);
        return Ok(CheckView { wrong: Some(wrong), ..view });
    }
    let terms = match plan.edited(&present.terms) {
        Ok(terms) => terms,
        Err(error) => return Ok(CheckView { wrong: Some(error), ..view }),
    };
    let changes = term_changes(&present.terms, &terms);
    view.changes = changes.iter().map(|change| words::row(change, &BTreeMap::new())).collect();
    if !changes.is_empty() {
        let after = optional("after", &after)?;
        let first = after.is_none();
        let seats_from = Some(present.terms.seats);
        let replay = service.replay_terms(&actor, PlanTerms { plan: present.id, terms, seats_from }, after).await?;
        let all = first && replay.next.is_none();
        view.replay = Some(told(&replay, all, seats_from, now));
        view.apply = match (all, replay.changing) {
            (true, 0) => None,
            (true, 1) => Some("Save, then apply to 1 license".to_owned()),
            (true, n) => Some(format!("Save, then apply to {} licenses", serve::number(n))),
            (false, _) => Some("Save, then apply to all its licenses".to_owned()),
        };
    }
    Ok(view)
}

/// A replay in words: whether it is of `all` licenses of the plan, and which number of seats follows it.
#[cfg(feature = "ssr")]
pub fn told(
    replay: &holdfast_service::admin::views::Replay,
    all: bool,
    seats_from: Option<u32>,
    now: holdfast_domain::Timestamp,
) -> super::model::ReplayView {
    use super::model::{HitRow, ReplayView};
    use crate::{
        pages::serve::{number, total},
        ui::When,
    };
    use holdfast_service::admin::{
        page::Total,
        replay::EVENTS,
        views::{Replayed, Unknown},
    };
    let many = |n: u64, one: &str, more: &str| format!("{} {}", number(n), if n == 1 { one } else { more });
    let licenses = |n| many(n, "license", "licenses");
    let mut findings = Vec::new();
    if replay.refused > 0 {
        let activations = many(replay.refused, "activation", "activations");
        findings.push(format!("{activations} on {} would have been refused.", licenses(replay.licenses_refused)));
    }
    if replay.ran_out > 0 {
        let devices = many(replay.ran_out, "device", "devices");
        findings.push(format!(
            "{devices} on {} would have been left without a valid lease.",
            licenses(replay.licenses_ran_out)
        ));
    }
    if replay.over_their_seats > 0 {
        let verb = if replay.over_their_seats == 1 { "has" } else { "have" };
        findings.push(format!(
            "{} {verb} more seats taken now than would be allowed. Nobody loses one; no other device could take a seat.",
            licenses(replay.over_their_seats)
        ));
    }
    for (code, lose) in &replay.lost {
        let verb = if *lose == 1 { "loses" } else { "lose" };
        findings.push(format!(
            "{} {verb} the entitlement {code}, or get another value, with the next renewal.",
            licenses(*lose)
        ));
    }
    if findings.is_empty() {
        findings.push(if all { "Nobody would have noticed." } else { "nobody would have noticed." }.to_owned());
    }
    if !all {
        // The other parts have findings of their own.
        for finding in &mut findings {
            *finding = format!("Of these: {finding}");
        }
    }
    let hit = |hit: &Replayed| {
        let mut parts = Vec::new();
        if hit.refused > 0 {
            parts.push(format!("{} refused", many(hit.refused, "activation", "activations")));
        }
        if hit.ran_out > 0 {
            parts.push(format!("{} without a valid lease", many(hit.ran_out, "device", "devices")));
        }
        if let Some(device) = &hit.device {
            parts.push(format!("first {device}"));
        }
        if let Some((taken, allowed)) = hit.over {
            parts.push(format!("{} taken of then {}", many(taken.into(), "seat", "seats"), number(allowed.into())));
        }
        parts.extend(hit.lost.iter().map(|(code, then)| match then {
            Some(value) => format!("{code} becomes {value}"),
            None => format!("loses {code}"),
        }));
        let name = hit.customer_name.clone().unwrap_or_else(|| "Unnamed".to_owned());
        HitRow {
            license: (hit.license.to_string(), hit.key_hint.clone()),
            customer: hit.customer.map(|id| (id.to_string(), name)),
            what: parts.join(", "),
            first: hit.first_at.map(|at| When::new(at, now)),
        }
    };
    let unknown = |unknown: &Unknown| {
        match unknown {
        Unknown::EarlierGaps => "Of each device only the last renewal is kept. A device that was away for long earlier, and has renewed since, is not counted.".to_owned(),
        Unknown::WhenSharedSeatsCameBack => "When a shared seat would have come back by itself with the other length of lease is not known, so activations are judged by when seats really came back.".to_owned(),
        Unknown::WhichEntitlementsWereAskedFor => "Applications ask for entitlements without a server, so who uses one is not known; only who would lose it.".to_owned(),
        Unknown::LargeLicenses => "Licenses with more than 20,000 devices are not replayed.".to_owned(),
        Unknown::BusyLicenses => format!("Of a license with more than {EVENTS} claims and releases only the last {EVENTS} are replayed.", EVENTS = number(EVENTS as u64)),
        Unknown::EndsStay => {
            let unless = seats_from.map(|seats| format!(" unless it is {seats}")).unwrap_or_default();
            format!("How it is sold sets the end of licenses issued from now on. Those that exist keep their end, and their own number of seats{unless}.")
        }
    }
    };
    let unnamed = replay.hit.saturating_sub(u64::try_from(replay.named.len()).unwrap_or(0));
    ReplayView {
        since: When::new(replay.since, now),
        looked_at: (number(replay.looked_at), total(Total { rows: replay.total, exact: replay.total_exact })),
        next: replay.next.clone(),
        changing: replay.changing,
        findings,
        hit: replay.named.iter().map(hit).collect(),
        more: (unnamed > 0).then(|| format!("{} more are not named here.", licenses(unnamed))),
        unknown: replay.unknown.iter().map(unknown).collect(),
    }
}
