//! Applying a plan's terms to the licenses it has issued: an explicit act with a preview, never a side effect.

use super::{
    act::{Act, job},
    inputs::ApplyTerms,
    license_change::{counts_people, taken_under},
    license_status::may_change_many,
    licenses::save,
    page::{Direction, Limit, PageRequest},
    views::TermsOutcome,
};
use crate::{
    Call, Service,
    error::{Error, ErrorCode, Result},
};
use holdfast_domain::{License, LicenseId, Permission, PlanId, Terms};
use holdfast_store::{
    Cursor, Tx, WriteOptions,
    licenses::{self, LicenseFilter, LicenseRow},
    plans, seats,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The terms that licenses of a plan are to have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanTerms {
    /// The plan.
    pub plan: PlanId,
    /// Its terms.
    pub terms: Terms,
    /// Licenses with this number of seats, which the plan had, get that of the terms; others keep theirs, which was bought.
    pub seats_from: Option<u32>,
}

impl PlanTerms {
    /// The terms that a license would have; `None` where it has them, or is of another plan.
    pub(super) fn renewed(&self, row: &LicenseRow) -> Option<Terms> {
        let own = row.license.terms.seats;
        let seats = if self.seats_from == Some(own) { self.terms.seats } else { own };
        let terms = Terms { seats, ..self.terms.clone() };
        (row.license.plan == self.plan && terms != row.license.terms).then_some(terms)
    }
}

/// Gives a locked license other terms in a write job. A seat that is taken stays taken. The event is told what `data` says,
/// too.
pub(super) async fn give(act: &Act, tx: &mut Tx, license: License, terms: Terms, mut data: Value) -> Result<()> {
    let before = license.terms.clone();
    let license = License { terms, ..license };
    save(act, tx, &license).await?;
    if counts_people(&before) != counts_people(&license.terms) {
        seats::recount(tx, &license).await?;
    }
    (data["before"], data["after"]) = (json!({ "terms": before }), json!({ "terms": license.terms }));
    act.event(tx, "license.terms_applied", license.id, data);
    Ok(())
}

/// How many pages of 200 licenses one part has.
const PAGES: usize = 10;

impl Service {
    /// Gives the licenses of a plan the plan's present terms, or says how many would change. Each keeps its end and its own
    /// number of seats, unless that is the one it had from the plan (`seats_from`); a seat that is taken stays taken.
    /// Licenses are changed in pieces; where it was interrupted, it is simply done again.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`]; [`ErrorCode::Forbidden`] without the right to change both plans and licenses, and for
    /// more than ten licenses by anybody but an owner, a token or the system.
    pub async fn apply_terms(&self, call: &Call, id: PlanId, input: ApplyTerms) -> Result<TermsOutcome> {
        call.actor.require(Permission::CatalogWrite)?;
        call.actor.require(Permission::LicensesWrite)?;
        if !input.dry_run
            && let Some(answer) = self.first_answer(call).await?
        {
            return Ok(answer);
        }
        let (mut whole, mut next) = self.apply_terms_from(call, id, input, None).await?;
        while next.is_some() {
            let part;
            (part, next) = self.apply_terms_from(call, id, input, next).await?;
            whole.licenses += part.licenses;
            whole.over_their_seats += part.over_their_seats;
        }
        if input.dry_run { Ok(whole) } else { self.keep_answer(call, whole).await }
    }

    /// A part of that: over some of the licenses, the first issued first, on from `after`; and where to go on.
    ///
    /// # Errors
    /// As for the whole.
    pub async fn apply_terms_from(
        &self,
        call: &Call,
        id: PlanId,
        input: ApplyTerms,
        after: Option<Cursor>,
    ) -> Result<(TermsOutcome, Option<Cursor>)> {
        let ApplyTerms { dry_run, seats_from } = input;
        call.actor.require(Permission::CatalogWrite)?;
        call.actor.require(Permission::LicensesWrite)?;
        if !dry_run && may_change_many(&call.actor, usize::MAX).is_err() {
            let look = ApplyTerms { dry_run: true, ..input };
            let whole = Box::pin(self.apply_terms(call, id, look)).await?;
            may_change_many(&call.actor, usize::try_from(whole.licenses).unwrap_or(usize::MAX))?;
        }
        let act = self.act(call);
        let mut reader = self.store().patient_reader();
        let plan = plans::get(&mut reader, act.scope, id).await?.ok_or_else(|| Error::new(ErrorCode::NotFound))?;
        let new = PlanTerms { plan: id, terms: plan.terms, seats_from };
        let filter = LicenseFilter { plan: Some(id), ..LicenseFilter::default() };
        let limit = Limit::new(200);
        let mut page = PageRequest { limit, after, direction: Direction::Ascending, ..PageRequest::default() };
        let mut outcome = TermsOutcome { licenses: 0, over_their_seats: 0, applied: !dry_run };
        for _ in 0..PAGES {
            let found = licenses::list(&mut reader, act.scope, &filter, &page, act.now).await?;
            let rows = found.items.iter().map(|found| &found.row);
            let others: Vec<(&LicenseRow, Terms)> = rows.filter_map(|row| Some((row, new.renewed(row)?))).collect();
            let rows: Vec<&LicenseRow> = others.iter().map(|(row, _)| *row).collect();
            let taken = taken_under(&mut reader, act.scope, &new.terms, &rows).await?;
            for ((_, terms), taken) in others.iter().zip(taken) {
                outcome.licenses += 1;
                outcome.over_their_seats += u64::from(taken > terms.seat_limit());
            }
            if !dry_run && !others.is_empty() {
                let ids = rows.iter().map(|row| row.license.id).collect();
                self.apply_terms_to(&act, &new, ids).await?;
            }
            page.after = found.next;
            if page.after.is_none() {
                break;
            }
        }
        Ok((outcome, page.after))
    }

    async fn apply_terms_to(&self, act: &Act, new: &PlanTerms, mut ids: Vec<LicenseId>) -> Result<()> {
        ids.sort_unstable();
        self.store()
            .write(
                WriteOptions::alone(),
                job!(act, new, ids => |tx| {
                    for id in ids {
                        let Some(row) = licenses::lock(tx, act.scope, id).await? else { continue };
                        let Some(terms) = new.renewed(&row) else { continue };
                        give(&act, tx, row.license, terms, json!({})).await?;
                    }
                    Ok::<_, Error>(())
                }),
            )
            .await
    }
}
