//! Replaying the last 90 days of a plan's licenses against proposed terms, before anything is saved: whom they would have
//! refused, whom they would have left without a valid lease, who loses an entitlement, and who has more seats taken.
//!
//! The history kept is this: every claim and every release of a seat (events), and of each device the last renewal. So an
//! activation is judged by the places that were taken at that very moment, and a renewal by what the device would have got
//! with its last one, through the decision that renewals go through. What lies between earlier renewals is not kept; the
//! answer says so where it matters ([`Unknown`]).

use super::{
    license_change::{counts_people, taken_under},
    page::{Limit, PageRequest},
    terms::PlanTerms,
    views::{Replay, Replayed, Unknown},
};
use crate::{
    Service,
    actor::Actor,
    error::{Error, ErrorCode, Result},
};
use holdfast_domain::{
    Decision, Email, EntitlementCode, EntitlementValue, License, LicenseId, LicenseState, Permission, Seat, SeatId,
    SeatModel, SeatState, Seconds, Terms, Timestamp, decide, decide::Jitter,
};
use holdfast_store::{
    Cursor, Querier, Scope,
    events::{self, EventRow},
    licenses::{self, LicenseFilter, LicenseListRow, LicenseRow},
    plans,
    seats::{self, SeatRow},
};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// How far back is looked.
pub const BACK: Seconds = Seconds::days(90);
/// How many licenses one call looks at; a plan with more takes several.
const PART: u64 = 5_000;
/// How many licenses are named in one answer.
const NAMED: usize = 100;
/// How many seats are read at once; a license with more is not replayed.
const SEATS: usize = 20_000;
/// How many claims and releases of one license are replayed, the last ones.
pub const EVENTS: usize = 5_000;

/// What the kept history cannot say about going from `before` to `after`.
fn unknown(before: &Terms, after: &Terms) -> Vec<Unknown> {
    let offline = |terms: &Terms| terms.lease.0.saturating_add(terms.grace.0);
    let floating = |terms: &Terms| terms.seat_model == SeatModel::Floating;
    let lost = before.entitlements.iter().any(|(code, value)| after.entitlements.get(code) != Some(value));
    [
        (offline(after) < offline(before), Unknown::EarlierGaps),
        (
            (floating(before) || floating(after))
                && (before.lease != after.lease || floating(before) != floating(after)),
            Unknown::WhenSharedSeatsCameBack,
        ),
        (lost, Unknown::WhichEntitlementsWereAskedFor),
        (before.model != after.model, Unknown::EndsStay),
    ]
    .into_iter()
    .filter_map(|(holds, unknown)| holds.then_some(unknown))
    .collect()
}

/// What one license would have met.
#[derive(Default)]
struct Met {
    refused: Vec<(Timestamp, Option<String>)>,
    ran_out: Vec<(Timestamp, Option<String>)>,
    /// Whether it had more claims and releases than are replayed.
    busy: bool,
    /// Seats taken and allowed, where more are taken now.
    over: Option<(u32, u32)>,
    lost: Vec<(EntitlementCode, Option<EntitlementValue>)>,
}

impl Met {
    /// Whether somebody would have been stopped.
    fn stops(&self) -> bool {
        !self.refused.is_empty() || !self.ran_out.is_empty()
    }

    fn is_nothing(&self) -> bool {
        !self.stops() && self.over.is_none() && self.lost.is_empty()
    }
}

/// When the device of `row` would have been without a valid lease under `after`, where under `before` it never was: judged
/// by its last renewal, with the decision that renewals go through.
fn ran_out(
    before: &License,
    after: &License,
    row: &SeatRow,
    (since, now): (Timestamp, Timestamp),
) -> Option<Timestamp> {
    let asked = row.last_seen_at;
    // At its last renewal it had its seat, whatever came later.
    let seat = Seat { state: SeatState::Active, ..row.seat.clone() };
    let until = row.released_at.filter(|_| row.seat.state == SeatState::Released).unwrap_or(now);
    let ends = |license: &License| match decide(license, &seat, &seat.device, asked, Jitter::NONE) {
        Decision::Grant(grant) => Timestamp::from(grant.exp),
        Decision::Deny(_) => asked,
    };
    let (was, would) = (ends(before), ends(after));
    (was >= until && would < until && would >= since).then_some(would)
}

/// A claim or a release of a seat.
struct Turn {
    seat: SeatId,
    at: Timestamp,
    claims: bool,
    /// A person took back that it was freed.
    restored: bool,
    /// A floating seat that was taken back for another device.
    reclaimed: bool,
    user: Option<Email>,
    device: Option<String>,
}

fn turn(event: &EventRow) -> Option<Turn> {
    let data: serde_json::Value = serde_json::from_str(&event.data).ok()?;
    let text = |name: &str| data.get(name).and_then(serde_json::Value::as_str).map(str::to_owned);
    let claims = match event.action.as_str() {
        "seat.claimed" | "seat.restored" => true,
        "seat.released" | "seat.freed" | "seat.reclaimed" => false,
        _ => return None,
    };
    Some(Turn {
        seat: event.subject.parse().ok()?,
        at: event.at,
        claims,
        restored: event.action == "seat.restored",
        reclaimed: event.action == "seat.reclaimed",
        user: text("user").and_then(|user| user.parse().ok()),
        device: text("device").or_else(|| text("name")),
    })
}

/// The places that are taken, as `terms` count them.
fn places(terms: &Terms, holders: &BTreeMap<SeatId, Option<Email>>) -> usize {
    if !counts_people(terms) {
        return holders.len();
    }
    let people: BTreeSet<&Email> = holders.values().flatten().collect();
    people.len() + holders.values().filter(|user| user.is_none()).count()
}

/// Which activations `terms` would have refused, turn by turn. `seats` are those that were taken at any time since then.
fn refused(terms: &Terms, seats: &[&SeatRow], turns: &[Turn]) -> Vec<(Timestamp, Option<String>)> {
    let first: BTreeMap<SeatId, bool> = turns.iter().rev().map(|turn| (turn.seat, turn.claims)).collect();
    // Who was there at the beginning: whoever gave a seat up before taking it, or never moved.
    let mut holders: BTreeMap<SeatId, Option<Email>> = seats
        .iter()
        .filter(|row| !first.get(&row.seat.id).copied().unwrap_or(false))
        .map(|row| (row.seat.id, row.seat.user.clone()))
        .collect();
    let limit = usize::try_from(terms.seat_limit()).unwrap_or(usize::MAX);
    let (mut refused, mut without) = (Vec::new(), BTreeSet::new());
    for turn in turns {
        if !turn.claims {
            // Only a shared seat is ever taken back by itself.
            if !turn.reclaimed || terms.seat_model == SeatModel::Floating {
                holders.remove(&turn.seat);
            }
            continue;
        }
        // A seat that could not be taken could not have been freed, nor given back: told once.
        if holders.contains_key(&turn.seat) || (turn.restored && without.contains(&turn.seat)) {
            continue;
        }
        let own = holders.values().filter(|user| user.is_some() && **user == turn.user).count();
        let fits = match terms.seat_model {
            SeatModel::NodeLocked | SeatModel::Floating => places(terms, &holders) < limit,
            SeatModel::NamedUser { devices } => {
                turn.user.is_some()
                    && own < usize::try_from(devices).unwrap_or(usize::MAX)
                    && (own > 0 || places(terms, &holders) < limit)
            }
        };
        if fits {
            without.remove(&turn.seat);
            holders.insert(turn.seat, turn.user.clone());
        } else {
            without.insert(turn.seat);
            refused.push((turn.at, turn.device.clone()));
        }
    }
    refused
}

/// Whether `after` can refuse an activation that `before` allowed, given the seats that were taken at any time.
fn may_refuse(before: &Terms, after: &Terms, seats: &[&SeatRow]) -> bool {
    let more_than = |limit: u32| seats.len() > usize::try_from(limit).unwrap_or(usize::MAX);
    let to_people = match (before.seat_model, after.seat_model) {
        (SeatModel::NamedUser { devices: before }, SeatModel::NamedUser { devices }) => {
            devices < before && more_than(devices)
        }
        // An application that named nobody would have had to.
        (_, SeatModel::NamedUser { .. }) => true,
        _ => false,
    };
    let fewer = after.seat_limit() < before.seat_limit() || before.seat_model != after.seat_model;
    to_people || (fewer && more_than(after.seat_limit()))
}

/// What `license` would have met under `after`.
async fn meet(
    q: &mut dyn Querier,
    scope: Scope,
    license: &License,
    after: &License,
    seats: &[&SeatRow],
    window: (Timestamp, Timestamp),
) -> Result<Met> {
    let ran_out = seats
        .iter()
        .filter_map(|row| Some((ran_out(license, after, row, window)?, row.name.as_ref().map(ToString::to_string))))
        .collect();
    let mut met = Met { ran_out, ..Met::default() };
    if may_refuse(&license.terms, &after.terms, seats) {
        let subjects: Vec<String> = seats.iter().map(|row| row.seat.id.to_string()).collect();
        let told = events::since(q, scope, &subjects, window.0, EVENTS + 1).await?;
        met.busy = told.len() > EVENTS;
        let turns: Vec<Turn> = told.iter().skip(usize::from(met.busy)).filter_map(turn).collect();
        let would = refused(&after.terms, seats, &turns);
        // What was allowed beyond the present terms too (an overdraft of then, a greater number) is not their doing.
        let does: BTreeSet<_> = refused(&license.terms, seats, &turns).into_iter().map(|(at, _)| at).collect();
        met.refused = would.into_iter().filter(|(at, _)| !does.contains(at)).collect();
    }
    Ok(met)
}

/// The entitlements that a license loses, or has with another value then: that value.
fn lost(before: &License, after: &License) -> Vec<(EntitlementCode, Option<EntitlementValue>)> {
    let (was, mut becomes) = (before.entitlements(), after.entitlements());
    let changed = was.into_iter().filter_map(|(code, value)| {
        let then = becomes.remove(&code);
        (then.as_ref() != Some(&value)).then_some((code, then))
    });
    changed.collect()
}

fn named(found: &LicenseListRow, met: &Met) -> Replayed {
    let first = met.refused.iter().chain(&met.ran_out).min_by_key(|(at, _)| *at).cloned();
    let license = &found.row.license;
    let name = found.customer_name.as_ref().map(ToString::to_string);
    Replayed {
        license: license.id,
        key_hint: found.row.key_hint.clone(),
        customer: license.customer,
        customer_name: name.or_else(|| found.customer_email.as_ref().map(ToString::to_string)),
        refused: u64::try_from(met.refused.len()).unwrap_or(u64::MAX),
        ran_out: u64::try_from(met.ran_out.len()).unwrap_or(u64::MAX),
        first_at: first.as_ref().map(|(at, _)| *at),
        device: first.and_then(|(_, device)| device),
        over: met.over,
        lost: met
            .lost
            .iter()
            .map(|(code, value)| (code.to_string(), value.as_ref().map(ToString::to_string)))
            .collect(),
    }
}

impl Service {
    /// Judges the last 90 days of the licenses of a plan by `proposed` terms, as if those had been applied to them, on from
    /// `after`: over at most [`PART`] licenses, so that a plan with more takes several calls. The terms may be ones that the
    /// plan is to have or has.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`]; [`ErrorCode::InvalidRequest`] for terms that contradict themselves;
    /// [`ErrorCode::Forbidden`] without the right to change both plans and licenses.
    pub async fn replay_terms(&self, actor: &Actor, proposed: PlanTerms, after: Option<Cursor>) -> Result<Replay> {
        actor.require(Permission::CatalogWrite)?;
        actor.require(Permission::LicensesWrite)?;
        let id = proposed.plan;
        let terms = proposed.terms.checked().map_err(|error| Error::invalid("/terms", error))?;
        let proposed = PlanTerms { terms, ..proposed };
        let (scope, now) = (actor.scope(), self.now());
        let since = now.plus(Seconds(-BACK.0));
        let mut reader = self.store().patient_reader();
        let q = &mut reader;
        plans::get(q, scope, id).await?.ok_or_else(|| Error::new(ErrorCode::NotFound))?;
        let filter = LicenseFilter { plan: Some(id), ..LicenseFilter::default() };
        let mut page = PageRequest { limit: Limit::new(200), after, ..PageRequest::default() };
        let mut replay = Replay { since, ..Replay::default() };
        let mut open = BTreeSet::new();
        // Many lose an entitlement where one is stopped: that one is named.
        let (mut stopped, mut others_hit) = (Vec::new(), Vec::new());
        let mut losing: BTreeMap<EntitlementCode, u64> = BTreeMap::new();
        loop {
            let found = licenses::list(q, scope, &filter, &page, now).await?;
            (replay.total, replay.total_exact) = (found.total.rows, found.total.exact);
            replay.looked_at += u64::try_from(found.items.len()).unwrap_or(0);
            let others: Vec<(&LicenseListRow, License)> = found
                .items
                .iter()
                .filter_map(|found| {
                    let terms = proposed.renewed(&found.row)?;
                    Some((found, License { terms, ..found.row.license.clone() }))
                })
                .collect();
            let ids: Vec<LicenseId> = others.iter().map(|(found, _)| found.row.license.id).collect();
            // Where all of them have more than is read at once, each is read by itself.
            let taken = seats::taken_since(q, scope, &ids, since, SEATS).await?;
            let mut of: HashMap<LicenseId, Vec<&SeatRow>> = HashMap::new();
            for row in taken.iter().flatten() {
                of.entry(row.seat.license).or_default().push(row);
            }
            let rows: Vec<&LicenseRow> = others.iter().map(|(found, _)| &found.row).collect();
            let used = taken_under(q, scope, &proposed.terms, &rows).await?;
            for ((found, after), used) in others.iter().zip(used) {
                let license = &found.row.license;
                replay.changing += 1;
                open.extend(unknown(&license.terms, &after.terms));
                let alone = match &taken {
                    Some(_) => Some(Vec::new()),
                    None => seats::taken_since(q, scope, &[license.id], since, SEATS).await?,
                };
                open.extend(alone.is_none().then_some(Unknown::LargeLicenses));
                let mut seats = of.remove(&license.id).unwrap_or_default();
                seats.extend(alone.iter().flatten());
                let mut met = meet(q, scope, license, after, &seats, (since, now)).await?;
                open.extend(met.busy.then_some(Unknown::BusyLicenses));
                // Whoever has no access has none to lose.
                if license.state(now) == LicenseState::Active {
                    let allowed = after.terms.seat_limit();
                    met.over = (used > allowed).then_some((used, allowed));
                    met.lost = lost(license, after);
                }
                if met.is_nothing() {
                    continue;
                }
                replay.hit += 1;
                replay.over_their_seats += u64::from(met.over.is_some());
                for (code, _) in &met.lost {
                    *losing.entry(code.clone()).or_default() += 1;
                }
                replay.refused += u64::try_from(met.refused.len()).unwrap_or(0);
                replay.licenses_refused += u64::from(!met.refused.is_empty());
                replay.ran_out += u64::try_from(met.ran_out.len()).unwrap_or(0);
                replay.licenses_ran_out += u64::from(!met.ran_out.is_empty());
                let list = if met.stops() { &mut stopped } else { &mut others_hit };
                if list.len() < NAMED {
                    list.push(named(found, &met));
                }
            }
            match found.next {
                Some(next) if replay.looked_at < PART => page.after = Some(next),
                next => {
                    replay.next = next.map(|cursor| cursor.to_string());
                    replay.unknown = open.into_iter().collect();
                    replay.lost = losing.into_iter().map(|(code, licenses)| (code.to_string(), licenses)).collect();
                    stopped.append(&mut others_hit);
                    stopped.truncate(NAMED);
                    replay.named = stopped;
                    return Ok(replay);
                }
            }
        }
    }
}
