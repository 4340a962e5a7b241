//! Applying a plan's terms to the licenses it has issued: an explicit act with a preview, never a side effect.

use super::{
    act::{Act, job},
    inputs::ApplyTerms,
    license_change::{counts_people, taken_under},
    licenses::save,
    page::{Direction, Limit, PageRequest},
    views::TermsOutcome,
};
use crate::{
    Call, Service,
    error::{Error, ErrorCode, Result},
};
use holdfast_domain::{LicenseId, Permission, PlanId, Terms};
use holdfast_store::{
    Cursor, WriteOptions,
    licenses::{self, LicenseFilter, LicenseRow},
    plans, seats,
};
use serde_json::json;

/// The terms that a license of a plan with `terms` would have; `None` where it has them. Its number of seats stays, because
/// it was bought, unless it is `follows`, the number that the plan had: then it becomes what the plan has now.
pub(super) fn renewed(terms: &Terms, follows: Option<u32>, row: &LicenseRow) -> Option<Terms> {
    let own = row.license.terms.seats;
    let seats = if follows == Some(own) { terms.seats } else { own };
    let terms = Terms { seats, ..terms.clone() };
    (terms != row.license.terms).then_some(terms)
}

/// How many pages of 200 licenses one part has.
const PAGES: usize = 10;

impl Service {
    /// Gives the licenses of a plan the plan's present terms, or says how many would change. Each keeps its end and its own
    /// number of seats, unless that is the one it had from the plan (`seats_from`); a seat that is taken stays taken.
    /// Licenses are changed in pieces; where it was interrupted, it is simply done again.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`]; [`ErrorCode::Forbidden`] without the right to change both plans and licenses.
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
        let act = self.act(call);
        let mut reader = self.store().patient_reader();
        let plan = plans::get(&mut reader, act.scope, id).await?.ok_or_else(|| Error::new(ErrorCode::NotFound))?;
        let filter = LicenseFilter { plan: Some(id), ..LicenseFilter::default() };
        let limit = Limit::new(200);
        let mut page = PageRequest { limit, after, direction: Direction::Ascending, ..PageRequest::default() };
        let mut outcome = TermsOutcome { licenses: 0, over_their_seats: 0, applied: !dry_run };
        for _ in 0..PAGES {
            let found = licenses::list(&mut reader, act.scope, &filter, &page, act.now).await?;
            let rows = found.items.iter().map(|found| &found.row);
            let others: Vec<(&LicenseRow, Terms)> =
                rows.filter_map(|row| Some((row, renewed(&plan.terms, seats_from, row)?))).collect();
            let rows: Vec<&LicenseRow> = others.iter().map(|(row, _)| *row).collect();
            let taken = taken_under(&mut reader, act.scope, &plan.terms, &rows).await?;
            for ((_, terms), taken) in others.iter().zip(taken) {
                outcome.licenses += 1;
                outcome.over_their_seats += u64::from(taken > terms.seat_limit());
            }
            if !dry_run && !others.is_empty() {
                let ids = rows.iter().map(|row| row.license.id).collect();
                self.apply_terms_to(&act, id, seats_from, ids).await?;
            }
            page.after = found.next;
            if page.after.is_none() {
                break;
            }
        }
        Ok((outcome, page.after))
    }

    async fn apply_terms_to(
        &self,
        act: &Act,
        plan: PlanId,
        seats_from: Option<u32>,
        ids: Vec<LicenseId>,
    ) -> Result<()> {
        let mut ids = ids;
        ids.sort_unstable();
        self.store()
            .write(
                WriteOptions::alone(),
                job!(act, ids => |tx| {
                    let plan = plans::get(tx, act.scope, plan).await?.ok_or_else(|| Error::new(ErrorCode::NotFound))?;
                    for id in ids {
                        let Some(mut row) = licenses::lock(tx, act.scope, id).await? else { continue };
                        let Some(terms) = renewed(&plan.terms, seats_from, &row) else { continue };
                        let before = std::mem::replace(&mut row.license.terms, terms);
                        save(&act, tx, &row.license).await?;
                        if counts_people(&before) != counts_people(&row.license.terms) {
                            seats::recount(tx, &row.license).await?;
                        }
                        let data = json!({ "before": { "terms": before }, "after": { "terms": row.license.terms } });
                        act.event(tx, "license.terms_applied", id, data);
                    }
                    Ok::<_, Error>(())
                }),
            )
            .await
    }
}
