//! Applying a plan's terms to the licenses it has issued: an explicit act with a preview, never a side effect.

use super::{
    act::{Act, job},
    inputs::ApplyTerms,
    license_change::counts_people,
    licenses::save,
    page::{Limit, PageRequest},
    views::TermsOutcome,
};
use crate::{
    Call, Service,
    error::{Error, ErrorCode, Result},
};
use holdfast_domain::{LicenseId, Permission, PlanId, Terms};
use holdfast_store::{
    WriteOptions,
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

impl Service {
    /// Gives the licenses of a plan the plan's present terms, or says how many would change. Each keeps its end and its own
    /// number of seats, unless that is the one it had from the plan (`seats_from`); a seat that is taken stays taken. Licenses are changed in pieces; where it was interrupted, it is
    /// simply done again.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`]; [`ErrorCode::Forbidden`] without the right to change both plans and licenses.
    pub async fn apply_terms(&self, call: &Call, id: PlanId, input: ApplyTerms) -> Result<TermsOutcome> {
        let ApplyTerms { dry_run, seats_from } = input;
        call.actor.require(Permission::CatalogWrite)?;
        call.actor.require(Permission::LicensesWrite)?;
        if !dry_run && let Some(answer) = self.first_answer(call).await? {
            return Ok(answer);
        }
        let act = self.act(call);
        let mut reader = self.store().patient_reader();
        let plan = plans::get(&mut reader, act.scope, id).await?.ok_or_else(|| Error::new(ErrorCode::NotFound))?;
        let filter = LicenseFilter { plan: Some(id), ..LicenseFilter::default() };
        let mut page = PageRequest { limit: Limit::new(200), ..PageRequest::default() };
        let mut outcome = TermsOutcome { licenses: 0, over_their_seats: 0, applied: !dry_run };
        loop {
            let found = licenses::list(&mut reader, act.scope, &filter, &page, act.now).await?;
            let mut others = Vec::new();
            for found in &found.items {
                let Some(terms) = renewed(&plan.terms, seats_from, &found.row) else { continue };
                outcome.licenses += 1;
                outcome.over_their_seats += u64::from(found.row.seats_used > terms.seat_limit());
                others.push(found.row.license.id);
            }
            if !dry_run && !others.is_empty() {
                self.apply_terms_to(&act, id, seats_from, others).await?;
            }
            let Some(next) = found.next else {
                return if dry_run { Ok(outcome) } else { self.keep_answer(call, outcome).await };
            };
            page.after = Some(next);
        }
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
