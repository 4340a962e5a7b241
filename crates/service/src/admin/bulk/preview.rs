//! What an act on many would do: which ones it is about, and who of those loses access when.

use super::{BulkActRow, BulkItemRow, BulkStep, Fate, LOOKED_AT, SubjectKind, Target, absent, chosen, pieces::Before};
use crate::{
    admin::{
        act::Act,
        impact::{self, DeviceFacts},
        inputs::LicenseFilter,
        license_change::impact_between,
        license_status::{MOST, impact_of},
        page::{Cursor, Direction, Limit, Page, PageRequest, Total, map},
        seats::show,
        views::Impact,
    },
    error::{Error, ErrorCode, Result},
};
use holdfast_domain::{
    License, LicenseId, LicenseStatus, OrderId, SeatId, SeatState, Timestamp, license::StatusChange,
};
use holdfast_store::{
    Querier,
    bulk_acts::{self, Subject},
    licenses, orders, plans, seats,
};

/// How many orders may be chosen one by one: as many as a form carries.
pub(in crate::admin) const MOST_ORDERS: usize = 1_000;
/// How many are read at once.
pub(super) const PAGE: usize = 200;
/// How many pages are read to say who would lose access: where several filters leave little, many of them are empty.
const PAGES: usize = 40;

/// A page of those that doing `step` to `target` is about, as they stand at `at`, in the order in which they were made. The
/// first one says how many there are.
pub(super) async fn matching(
    act: &Act,
    q: &mut dyn Querier,
    (step, target): (&BulkStep, &Target),
    (after, direction): (Option<Cursor>, Direction),
    at: Timestamp,
) -> Result<Page<Subject>> {
    let (limit, counted) = (Limit::new(u32::try_from(PAGE).unwrap_or(200)), after.is_none());
    Ok(match target {
        Target::Licenses(_) | Target::Seats(_) | Target::Orders(_) => {
            let items = chosen(target);
            let total = Total { rows: items.len() as u64, exact: true };
            Page { items, next: None, total }
        }
        Target::AllLicenses(filter) => {
            let page = PageRequest { limit, after, direction, counted, ..PageRequest::default() };
            let found = licenses::list(q, act.scope, &filter.clone().rows(), &page, at).await?;
            if let BulkStep::Terms(new) = step {
                // How many have other terms is known when all were looked at.
                let others = found.items.iter().filter(|found| new.renewed(&found.row).is_some());
                let items: Vec<_> = others.map(|found| Subject(found.row.license.id.to_bytes())).collect();
                let total = Total { rows: items.len() as u64, exact: found.next.is_none() };
                return Ok(Page { items, next: found.next, total });
            }
            map(found, |row| Subject(row.row.license.id.to_bytes()))
        }
        Target::AllSeats(filter) => {
            let page = PageRequest { limit, after, direction, counted, ..PageRequest::default() };
            let found = seats::list(q, act.scope, &filter.clone().rows(), &page).await?;
            map(found, |row| Subject(row.row.seat.id.to_bytes()))
        }
    })
}

/// How many licenses are about to change where it is orders that are acted on.
pub(in crate::admin) async fn licenses_of(act: &Act, q: &mut dyn Querier, target: &Target) -> Result<Option<u64>> {
    let Target::Orders(ids) = target else { return Ok(None) };
    let open = licenses::open_of_orders(q, act.scope, ids).await?;
    Ok(Some(open.values().map(|(licenses, _)| licenses).sum()))
}

/// How many `target` is about, and the newest of them.
pub(in crate::admin) async fn first_of(
    act: &Act,
    q: &mut dyn Querier,
    step: &BulkStep,
    target: &Target,
) -> Result<(Total, Vec<Subject>)> {
    let of = match target {
        Target::Licenses(_) | Target::AllLicenses(_) => SubjectKind::License,
        Target::Seats(_) | Target::AllSeats(_) => SubjectKind::Seat,
        Target::Orders(_) => SubjectKind::Order,
    };
    // What takes another act back says by that act which ones it is about.
    let takes_back = step.undoing().is_none();
    if takes_back || step.subjects() != of {
        return Err(Error::invalid("/step", "This cannot be done to these."));
    }
    if let BulkStep::Terms(new) = step {
        let plan = plans::get(q, act.scope, new.plan).await?.ok_or_else(absent)?;
        if plan.terms != new.terms {
            let detail = "The plan was changed since. Look again at what this would do.";
            return Err(Error::new(ErrorCode::ChangedMeanwhile).with_detail(detail));
        }
    }
    let newest = Direction::Descending;
    let mut page = matching(act, q, (step, target), (None, newest), act.now).await?;
    if matches!(target, Target::Licenses(_) | Target::Seats(_)) && !(1..=MOST).contains(&page.items.len()) {
        return Err(Error::invalid("/ids", format_args!("Choose 1 to {MOST}, or all that match.")));
    }
    if let Target::Orders(ids) = target {
        if !(1..=MOST_ORDERS).contains(&page.items.len()) {
            return Err(Error::invalid("/ids", format_args!("Choose 1 to {MOST_ORDERS} orders.")));
        }
        if orders::get_many(q, act.scope, ids).await?.len() != page.items.len() {
            return Err(absent());
        }
    }
    let (mut total, mut first) = (page.total, page.items);
    for _ in 1..PAGES {
        if first.len() >= LOOKED_AT || page.next.is_none() {
            break;
        }
        page = matching(act, q, (step, target), (page.next, newest), act.now).await?;
        first.append(&mut page.items);
    }
    let found = first.len() as u64;
    if page.next.is_none() {
        total = Total { rows: found, exact: true };
    } else if total.rows < found {
        total = Total { rows: found, exact: false };
    }
    first.truncate(LOOKED_AT);
    Ok((total, first))
}

/// How many of the `total` that extending `target` is about have no end, so that they are refused; for other steps none.
/// `first` are the newest of them.
pub(in crate::admin) async fn endless(
    act: &Act,
    q: &mut dyn Querier,
    (step, target): (&BulkStep, &Target),
    (total, first): (Total, &[Subject]),
) -> Result<Total> {
    if !matches!(step, BulkStep::Extend(_)) {
        return Ok(Total { rows: 0, exact: true });
    }
    if let Target::AllLicenses(filter) = target
        && total.exact
    {
        if filter.ends_after.is_some() || filter.ends_before.is_some() {
            return Ok(Total { rows: 0, exact: true });
        }
        let ending = LicenseFilter { ends_after: Some(Timestamp::default()), ..filter.clone() };
        let one = PageRequest { limit: Limit::new(1), ..PageRequest::default() };
        let ending = licenses::list(q, act.scope, &ending.rows(), &one, act.now).await?.total;
        if ending.exact {
            return Ok(Total { rows: total.rows.saturating_sub(ending.rows), exact: true });
        }
    }
    let mut rows = 0;
    for subject in first {
        let row = licenses::get(q, act.scope, LicenseId::from_bytes(subject.0)).await?.ok_or_else(absent)?;
        rows += u64::from(row.license.expires_at.is_none());
    }
    Ok(Total { rows, exact: total.exact && first.len() as u64 == total.rows })
}

/// Who of `subjects` would lose access by a step, and of how many of them that is said.
pub(in crate::admin) async fn would_all(
    act: &Act,
    q: &mut dyn Querier,
    step: &BulkStep,
    subjects: &[Subject],
) -> Result<(Impact, u64)> {
    let (mut impact, mut looked_at, mut licenses) = (Impact::default(), 0, 0);
    for subject in subjects {
        if let BulkStep::Refund = step {
            // An order may have any number of licenses.
            let rows = licenses::of_order(q, act.scope, OrderId::from_bytes(subject.0)).await?;
            licenses += rows.len();
            if looked_at > 0 && licenses > LOOKED_AT {
                break;
            }
            for row in rows.iter().filter(|row| row.license.status == LicenseStatus::Active).take(LOOKED_AT) {
                impact = impact.and(impact_of(act, q, &row.license, None).await?);
            }
        } else {
            impact = impact.and(would(act, q, step, *subject).await?);
        }
        looked_at += 1;
    }
    Ok((impact, looked_at))
}

async fn would(act: &Act, q: &mut dyn Querier, step: &BulkStep, subject: Subject) -> Result<Impact> {
    match step {
        BulkStep::Status(StatusChange::Suspend | StatusChange::Revoke) => {
            let id = LicenseId::from_bytes(subject.0);
            let row = licenses::get(q, act.scope, id).await?.ok_or_else(absent)?;
            if row.license.status == LicenseStatus::Active {
                return impact_of(act, q, &row.license, None).await;
            }
            Ok(Impact::default())
        }
        BulkStep::Free => {
            let id = SeatId::from_bytes(subject.0);
            let seat = seats::get(q, act.scope, id).await?.ok_or_else(absent)?;
            let license = licenses::get(q, act.scope, seat.seat.license).await?.ok_or_else(absent)?;
            let shown = show(&seat);
            let device = DeviceFacts {
                seat: shown.id,
                name: shown.name,
                user: shown.user,
                last_seen: shown.last_seen,
                offline_until: shown.offline_until,
            };
            let devices = if shown.state == SeatState::Active { vec![device] } else { Vec::new() };
            Ok(impact::of(devices, license.license.terms.renew_after, None, act.now))
        }
        BulkStep::Terms(new) => {
            let row = licenses::get(q, act.scope, LicenseId::from_bytes(subject.0)).await?.ok_or_else(absent)?;
            let Some(terms) = new.renewed(&row) else { return Ok(Impact::default()) };
            let after = License { terms, ..row.license.clone() };
            impact_between(act, q, &row.license, &after).await
        }
        _ => Ok(Impact::default()),
    }
}

/// Who would lose access because what an act did is taken back, and how many were looked at for that.
pub(in crate::admin) async fn undo_would_all(
    act: &Act,
    q: &mut dyn Querier,
    step: &BulkStep,
    undone: &BulkActRow,
) -> Result<(Impact, u64)> {
    let items = bulk_acts::items(q, undone, Some(Fate::Changed), 0, LOOKED_AT).await?;
    let mut impact = Impact::default();
    for item in &items {
        impact = impact.and(undo_would(act, q, step, item).await?);
    }
    Ok((impact, items.len() as u64))
}

async fn undo_would(act: &Act, q: &mut dyn Querier, step: &BulkStep, item: &BulkItemRow) -> Result<Impact> {
    // To give a seat back takes none from anybody, and neither does an order that is paid again.
    if matches!(step, BulkStep::Free | BulkStep::Refund) {
        return Ok(Impact::default());
    }
    let before = Before::read(&item.detail)?;
    let row = licenses::get(q, act.scope, LicenseId::from_bytes(item.subject.0)).await?;
    // One that was changed since is left alone.
    let Some(row) = row.filter(|row| row.version == before.version) else { return Ok(Impact::default()) };
    impact_between(act, q, &row.license, &before.of(row.license.clone())).await
}
