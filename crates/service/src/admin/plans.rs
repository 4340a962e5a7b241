//! Plans: the ways to buy a product. Changing one never changes a license already issued.

use super::{
    act::job,
    inputs::{CreatePlan, PlanFilter, UpdatePlan},
    page::{Page, PageRequest, map},
    views::PlanView,
};
use crate::{
    Call, Service,
    actor::Actor,
    error::{Error, ErrorCode, Result},
};
use holdfast_domain::{Permission, PlanId, Terms, Timestamp};
pub use holdfast_store::plans::PlanSort;
use holdfast_store::{
    WriteOptions,
    changes::ChangeKind,
    plans::{self, PlanRow},
    products,
};
use serde_json::{Value, json};

pub(super) fn show(row: &PlanRow) -> PlanView {
    PlanView {
        id: row.id,
        product: row.product,
        name: row.name.clone(),
        code: row.code.clone(),
        terms: row.terms.clone(),
        archived: row.archived_at.is_some(),
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

fn told(row: &PlanRow) -> Value {
    json!({ "name": row.name, "code": row.code, "terms": row.terms, "archived": row.archived_at.is_some() })
}

fn absent() -> Error {
    Error::new(ErrorCode::NotFound)
}

fn checked(terms: Terms) -> Result<Terms> {
    terms.checked().map_err(|error| Error::invalid("/terms", error))
}

impl Service {
    /// Makes a plan.
    ///
    /// # Errors
    /// [`ErrorCode::CodeTaken`]; [`ErrorCode::InvalidRequest`] for terms that contradict themselves or a product that
    /// does not exist.
    pub async fn create_plan(&self, call: &Call, input: CreatePlan) -> Result<PlanView> {
        call.actor.require(Permission::CatalogWrite)?;
        let act = self.act(call);
        let row = PlanRow {
            id: PlanId::new(act.now, self.entropy()),
            vendor: call.actor.vendor(),
            product: input.product,
            code: input.code,
            name: input.name,
            terms: checked(input.terms)?,
            created_at: act.now,
            updated_at: act.now,
            archived_at: None,
        };
        self.commit(
            call,
            WriteOptions::default(),
            job!(act, row => |tx| {
                if products::get(tx, act.scope, row.product).await?.is_none() {
                    return Err(Error::invalid("/product", "There is no such product."));
                }
                plans::insert(tx, act.scope, &row).await?;
                act.event(tx, "plan.created", row.id, json!({ "after": told(&row) }));
                act.changed(tx, ChangeKind::Plan, Some(row.product), row.id.to_bytes());
                Ok(show(&row))
            }),
        )
        .await
    }

    /// A plan.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] for an unknown id and another vendor's alike.
    pub async fn plan(&self, actor: &Actor, id: PlanId) -> Result<PlanView> {
        actor.require(Permission::CatalogRead)?;
        let row = plans::get(&mut self.store().patient_reader(), actor.scope(), id).await?;
        row.as_ref().map(show).ok_or_else(absent)
    }

    /// The vendor's plans.
    pub async fn plans(
        &self,
        actor: &Actor,
        filter: PlanFilter,
        page: PageRequest<PlanSort>,
    ) -> Result<Page<PlanView>> {
        actor.require(Permission::CatalogRead)?;
        let filter = plans::PlanFilter { product: filter.product, archived: filter.archived, q: filter.q };
        let rows = plans::list(&mut self.store().patient_reader(), actor.scope(), &filter, &page).await?;
        Ok(map(rows, |row| show(&row)))
    }

    /// Changes a plan for licenses issued from now on. Licenses already issued keep their copy of the terms.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`]; [`ErrorCode::InvalidRequest`] for terms that contradict themselves;
    /// [`ErrorCode::ChangedMeanwhile`] where it is no longer as it was `seen`, and this would make it otherwise.
    pub async fn update_plan(&self, call: &Call, id: PlanId, input: UpdatePlan) -> Result<PlanView> {
        call.actor.require(Permission::CatalogWrite)?;
        let input = UpdatePlan { terms: input.terms.map(checked).transpose()?, ..input };
        let act = self.act(call);
        self.commit(
            call,
            WriteOptions::alone(),
            job!(act, input => |tx| {
                let before = plans::lock(tx, act.scope, id).await?.ok_or_else(absent)?;
                let archived_at = match input.archived {
                    None => before.archived_at,
                    Some(true) => before.archived_at.or(Some(act.now)),
                    Some(false) => None,
                };
                let after = PlanRow {
                    name: input.name.unwrap_or_else(|| before.name.clone()),
                    terms: input.terms.unwrap_or_else(|| before.terms.clone()),
                    archived_at,
                    ..before.clone()
                };
                let changes = (&after.name, &after.terms, archived_at) != (&before.name, &before.terms, before.archived_at);
                if changes && input.seen.is_some_and(|seen| seen != before.updated_at) {
                    return Err(Error::new(ErrorCode::ChangedMeanwhile));
                }
                // Later than before, whatever the clock says.
                let next = Timestamp::from_micros(before.updated_at.micros().saturating_add(1));
                let after = PlanRow { updated_at: act.now.max(next), ..after };
                plans::update(tx, act.scope, &after).await?;
                act.event(tx, "plan.changed", id, json!({ "before": told(&before), "after": told(&after) }));
                act.changed(tx, ChangeKind::Plan, Some(after.product), id.to_bytes());
                Ok(show(&after))
            }),
        )
        .await
    }
}
