//! What customers are told without anybody asking for it: that a license ends soon, and that a device was turned away because
//! all seats are taken.
//!
//! What was told is noted in the transaction that puts the mail in line, once for each license and end, and for each license and
//! day. So nobody is told twice, however many nodes look and wherever one of them is killed; and nothing is forgotten, because
//! whoever looks next finds what is not noted.

use super::jobs::Job;
use crate::{Error, Result, Service, admin::act::job, mail::Mail, runtime::mails::notices_of};
use holdfast_domain::{License, LicenseId, LicenseModel, SeatModel, SeatState, Seconds, Timestamp, VendorId};
use holdfast_store::{
    Scope, Tx, WriteOptions, job_leases, mails,
    notices::{self, Addressed, Ending},
    portals,
    seats::{self, SeatRow},
    shops, vendors,
};
use std::{
    collections::{BTreeMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Looks for licenses that end soon.
pub(super) const RENEWALS: Job = Job { name: "runtime.renewal_notices", every: Seconds::HOUR };
/// How many licenses are looked at in one go.
const PIECE: u32 = 500;
/// For how long after an end it is told where nothing ran when it should have been.
const LATE: Seconds = Seconds::days(7);
/// For how long after an end is known that it was told.
const KEPT: Seconds = Seconds::days(90);
/// How many licenses of which a device was turned away share a transaction.
const TURNED: usize = 50;
/// How many devices of a license are looked up.
const DEVICES: usize = 200;

/// Licenses of which a device was turned away since they were last written to about it. Lost with the node: the device asks
/// again.
#[derive(Default)]
pub(crate) struct TurnedAway(Mutex<BTreeMap<LicenseId, VendorId>>);

impl TurnedAway {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<LicenseId, VendorId>> {
        // A map of ids is whole after every single operation.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Which ends are told of in one pass.
#[derive(Clone, Copy)]
struct Pass {
    /// Since when nobody has looked.
    since: Timestamp,
    now: Timestamp,
}

impl Pass {
    /// Whether it is time to tell of the end of a license, `days` before it. What is issued for less than twice as long is told
    /// after half of it. What has ended meanwhile is told where nobody has looked since it should have been.
    fn is_due(self, license: &License, days: u16) -> bool {
        let Some(end) = license.expires_at else { return false };
        let whole = end.since(license.created_at);
        let due = end.plus(Seconds(-(whole.0 / 2).min(Seconds::days(days.into()).0)));
        let is_trial = matches!(license.terms.model, LicenseModel::Trial { .. });
        !is_trial && whole.0 > 0 && due <= self.now && (end > self.now || due > self.since)
    }
}

impl Service {
    /// Notes that a device was turned away because all seats of `license` are taken. Costs no write: it is written about later.
    pub(super) fn note_turned_away(&self, license: &License) {
        if self.settings().mail.is_some() && license.customer.is_some() {
            self.state().turned_away.lock().insert(license.id, license.vendor);
        }
    }

    /// Puts the mails in line that tell customers what they did not ask for: that devices were turned away here, and, where it is
    /// this node's turn (`holder`), that licenses end soon. Does nothing where no mail leaves.
    ///
    /// # Errors
    /// Where the database does not answer; what was not done is done the next time.
    pub async fn give_notice(&self, holder: &str) -> Result<()> {
        if self.settings().mail.is_none() {
            return Ok(());
        }
        self.tell_of_seats().await?;
        self.tell_of_ends(holder).await
    }

    async fn tell_of_seats(&self) -> Result<()> {
        let mut waiting: Vec<_> = std::mem::take(&mut *self.state().turned_away.lock()).into_iter().collect();
        while !waiting.is_empty() {
            let later = waiting.split_off(waiting.len().min(TURNED));
            if let Err(error) = self.tell_of_some_seats(&waiting).await {
                // Whoever was told is not told again.
                self.state().turned_away.lock().extend(waiting.into_iter().chain(later));
                return Err(error);
            }
            waiting = later;
        }
        Ok(())
    }

    async fn tell_of_some_seats(&self, turned: &[(LicenseId, VendorId)]) -> Result<()> {
        let (now, ids) = (self.now(), turned.iter().map(|(license, _)| *license).collect::<Vec<_>>());
        let since = now.plus(Seconds(-Seconds::DAY.0));
        let told = notices::told_of_seats(&mut self.store().reader(), &ids, since).await?;
        let turned: Vec<_> = turned.iter().copied().filter(|(license, _)| !told.contains(license)).collect();
        if turned.is_empty() {
            return Ok(());
        }
        let service = self.clone();
        let write = job!(service, turned => |tx| {
            for (license, vendor) in turned {
                let scope = Scope::trusted(vendor);
                if !notices_of(mails::look(tx, scope).await?.as_ref())?.seat_limit {
                    continue;
                }
                let found = notices::addressed(tx, scope, &[license]).await?.into_iter().next();
                // Where one was freed meanwhile, the device gets it when it asks again.
                let is_full = |found: &Addressed| found.row.seats_used >= found.row.license.terms.seat_limit();
                let Some(Addressed { row, to, product, .. }) = found.filter(is_full) else { continue };
                if !notices::note_seats(tx, scope, license, now, since).await? {
                    continue;
                }
                let mail = Mail::SeatLimit {
                    product: product.to_string(),
                    key_hint: row.key_hint,
                    seats: row.license.terms.seats,
                    devices: who_has_them(tx, scope, &row.license).await?,
                    link: service.portal_page(tx, vendor, &format!("/licenses/{license}")).await?,
                };
                mails::put(tx, service.new_mail(vendor, &to, license, &mail, None)?.as_slice()).await?;
            }
            Ok::<_, Error>(())
        });
        // By itself, so that what it waits for, another node at the same, holds up nobody else.
        self.store().write(WriteOptions::alone().idempotent(), write).await
    }

    async fn tell_of_ends(&self, holder: &str) -> Result<()> {
        let done = job_leases::done(&mut self.store().reader()).await?;
        let Some(token) = self.take_job(RENEWALS, holder).await? else { return Ok(()) };
        let now = self.now();
        let last = done.into_iter().find(|(name, _)| name == RENEWALS.name);
        // What became due while the last one looked may have been behind it.
        let since = last.map_or(now, |(_, at)| at.plus(Seconds(-RENEWALS.every.0)).min(now));
        let pass = Pass { since, now };
        for vendor in vendors::all_vendors(&mut self.store().patient_reader()).await? {
            if !self.tell_of_vendors_ends(vendor.scope(), pass, token).await? {
                return Ok(());
            }
        }
        self.finish_job(RENEWALS, token).await
    }

    /// Tells a vendor's customers, piece by piece. False where another node has taken over.
    async fn tell_of_vendors_ends(&self, scope: Scope, pass: Pass, token: i64) -> Result<bool> {
        let mut reader = self.store().patient_reader();
        let wanted = notices_of(mails::look(&mut reader, scope).await?.as_ref())?;
        let Some(days) = wanted.renewal else { return Ok(true) };
        let from = pass.since.max(pass.now.plus(Seconds(-LATE.0)));
        let (mut after, until) = (Ending::after(from), pass.now.plus(Seconds::days(days.into())));
        loop {
            let found = notices::ending(&mut reader, scope, after, until, PIECE).await?;
            let open: Vec<LicenseId> = found.iter().filter(|end| end.is_open).map(|end| end.license).collect();
            if !open.is_empty() {
                let mut due = notices::addressed(&mut reader, scope, &open).await?;
                let by_itself = shops::renewing(&mut reader, scope, &open).await?;
                due.retain(|to| !by_itself.contains(&to.row.license.id) && pass.is_due(&to.row.license, days));
                if !due.is_empty() && !self.tell_of_these_ends(scope, due, token).await? {
                    return Ok(false);
                }
            }
            match found.last() {
                Some(last) if found.len() >= PIECE as usize => after = *last,
                _ => return Ok(true),
            }
        }
    }

    async fn tell_of_these_ends(&self, scope: Scope, due: Vec<Addressed>, token: i64) -> Result<bool> {
        let service = self.clone();
        let write = job!(service, due => |tx| {
            if !job_leases::still_holds(tx, RENEWALS.name, token).await? {
                return Ok(false);
            }
            let end = |to: &Addressed| Some((to.row.license.id, to.row.license.expires_at?));
            let ends: Vec<_> = due.iter().filter_map(end).collect();
            let new: HashSet<LicenseId> = notices::note_ends(tx, scope, &ends).await?.into_iter().collect();
            let mut rows = Vec::with_capacity(new.len());
            let portal = service.portal_page(tx, scope.vendor(), "").await?;
            for to in due {
                let Some((license, ends)) = end(&to).filter(|(license, _)| new.contains(license)) else { continue };
                let (product, plan, key_hint) = (to.product.to_string(), to.plan.to_string(), to.row.key_hint);
                let link = to.renew.map(|link| portals::link_for(&link, license));
                let page = portal.as_ref().map(|portal| format!("{portal}/licenses/{license}"));
                let mail = Mail::RenewalComing { product, plan, key_hint, ends, link, page };
                rows.extend(service.new_mail(scope.vendor(), &to.to, license, &mail, None)?);
            }
            mails::put(tx, &rows).await?;
            Ok::<_, Error>(true)
        });
        self.store().write(WriteOptions::alone().idempotent(), write).await
    }

    /// Forgets of which ends was told more than 90 days ago.
    pub(super) async fn prune_notices(&self) -> Result<()> {
        let before = self.now().plus(Seconds(-KEPT.0));
        let prune = job!(before => |tx| Ok::<_, Error>(notices::prune(tx, before).await?));
        while self.store().write(WriteOptions::default().idempotent(), prune).await? {}
        Ok(())
    }
}

/// By whom the seats of a license are taken: devices, those first that were not seen for the longest time; of named users the
/// people, also those who have no device yet.
async fn who_has_them(tx: &mut Tx, scope: Scope, license: &License) -> Result<Vec<String>> {
    let mut devices = seats::of_license(tx, scope, license.id, SeatState::Active, DEVICES).await?;
    devices.reverse();
    if !matches!(license.terms.seat_model, SeatModel::NamedUser { .. }) {
        let name = |seat: SeatRow| seat.name.map_or_else(|| "Unnamed device".to_owned(), |name| name.to_string());
        return Ok(devices.into_iter().map(name).collect());
    }
    let holders = seats::holders(tx, scope, license.id).await?.into_iter().map(|holder| holder.email);
    let people = devices.into_iter().filter_map(|seat| seat.seat.user).chain(holders);
    let mut known = HashSet::new();
    Ok(people.map(|person| person.to_string()).filter(|person| known.insert(person.clone())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_domain::{
        Entitlements, LicenseStatus, PlanId, ProductId, Terms,
        plan::LicenseModel::{Subscription, Trial},
    };

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn day(n: i64) -> Timestamp {
        NOW.plus(Seconds::days(n))
    }

    fn license(issued: i64, ends: i64) -> License {
        let terms = Terms::defaults(Subscription { duration: Seconds::days(30) }, SeatModel::NodeLocked);
        License {
            id: LicenseId::from_bytes([1; 16]),
            vendor: VendorId::from_bytes([2; 16]),
            product: ProductId::from_bytes([3; 16]),
            plan: PlanId::from_bytes([4; 16]),
            plan_code: "pro".parse().unwrap(),
            customer: None,
            order: None,
            status: LicenseStatus::Active,
            status_reason: None,
            status_effective_at: None,
            terms,
            overrides: Entitlements::new(),
            expires_at: Some(day(ends)),
            created_at: day(issued),
        }
    }

    fn due(license: &License, since: i64) -> bool {
        Pass { since: day(since), now: NOW }.is_due(license, 14)
    }

    #[test]
    fn it_is_told_so_many_days_before_and_of_a_short_one_in_the_middle() {
        let cases = [(-351, 14, true), (-351, 15, false), (-5, 5, true), (-4, 6, false), (0, 10, false)];
        for (issued, ends, told) in cases {
            assert_eq!(due(&license(issued, ends), 0), told, "issued {issued}, ends {ends}");
        }
    }

    #[test]
    fn what_has_ended_is_told_only_where_nobody_looked_in_time() {
        assert!(!due(&license(-365, 0), 0), "it should have been told two weeks ago");
        assert!(!due(&license(-365, -1), -14));
        assert!(due(&license(-365, -1), -16));
        // What was sold with an end in the past is no news.
        assert!(!due(&license(-1, -2), -16) && !due(&license(-1, -1), -16));
    }

    #[test]
    fn what_has_no_end_and_what_was_never_bought_is_not_told() {
        let without = License { expires_at: None, ..license(-365, 1) };
        let mut trial = license(-13, 1);
        trial.terms.model = Trial { duration: Seconds::days(14) };
        assert!(!due(&without, 0) && !due(&trial, 0));
    }
}
