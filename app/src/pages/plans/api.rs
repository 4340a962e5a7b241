//! Server functions of the plan screens.

use leptos::prelude::*;

use super::model::{PlanDetail, PlanForm};
use crate::error::UiError;

/// The name of the product that a new plan will belong to.
#[server(output = crate::wire::Answer)]
pub async fn product_name(id: String) -> Result<String, UiError> {
    use crate::{ctx, pages::products::api::parse_id};
    use holdfast_domain::Permission;
    let actor = ctx::actor(Permission::CatalogWrite).await?;
    Ok(ctx::service()?.product(&actor, parse_id(&id)?).await?.name.to_string())
}

/// Everything about a plan.
#[server(output = crate::wire::Answer)]
pub async fn plan(id: String) -> Result<PlanDetail, UiError> {
    use crate::{
        ctx,
        pages::{products::api::parse_id, serve},
    };
    use holdfast_domain::Permission;
    use holdfast_service::admin::{
        inputs::{ApplyTerms, LicenseFilter},
        page::{Limit, PageRequest},
    };
    let actor = ctx::actor(Permission::CatalogRead).await?;
    let service = ctx::service()?;
    let plan = service.plan(&actor, parse_id(&id)?).await?;
    let product = service.product(&actor, plan.product).await?;
    let filter = LicenseFilter { plan: Some(plan.id), ..LicenseFilter::default() };
    let one = PageRequest { limit: Limit::new(1), ..PageRequest::default() };
    let licenses = service.licenses(&actor, filter, one).await?;
    let may_write = actor.may(Permission::CatalogWrite);
    let outcome = if may_write {
        let asking = ApplyTerms { dry_run: true, ..ApplyTerms::default() };
        Some(service.apply_terms(&ctx::call(&actor), plan.id, asking).await?)
    } else {
        None
    };
    Ok(PlanDetail {
        row: row(&plan),
        product: product.id.to_string(),
        product_name: product.name.to_string(),
        form: PlanForm::of(plan.name.to_string(), plan.code.to_string(), &plan.terms),
        overdraft: plan.terms.overdraft.to_string(),
        borrow: crate::ui::time::span(plan.terms.borrow),
        release_budget: plan.terms.release_budget.to_string(),
        has_fallback: plan.terms.fallback.is_some(),
        licenses: serve::total(licenses.total),
        outdated: outcome.as_ref().map_or(0, |outcome| outcome.licenses),
        over_their_seats: outcome.as_ref().map_or(0, |outcome| outcome.over_their_seats),
        may_write,
    })
}

/// Makes a plan from the three questions.
#[server(output = crate::wire::Answer)]
pub async fn create_plan(product: String, plan: PlanForm) -> Result<(), UiError> {
    use crate::{
        ctx,
        pages::{
            products::api::{parse_id, slug},
            serve::parse,
        },
    };
    use holdfast_domain::Permission;
    use holdfast_service::admin::inputs::CreatePlan;
    let actor = ctx::actor(Permission::CatalogWrite).await?;
    let code = if plan.code.trim().is_empty() { slug(&plan.name) } else { plan.code.clone() };
    let input = CreatePlan {
        product: parse_id(&product)?,
        name: parse("name", &plan.name)?,
        code: parse("code", &code)?,
        terms: plan.terms()?,
    };
    let plan = ctx::service()?.create_plan(&ctx::call(&actor), input).await?;
    ctx::redirect(&format!("/console/products/{}?done=plan_created", plan.product));
    Ok(())
}

/// Changes a plan for licenses issued from now on.
#[server(output = crate::wire::Answer)]
pub async fn save_plan(id: String, plan: PlanForm) -> Result<(), UiError> {
    use crate::{ctx, pages::products::api::parse_id};
    use holdfast_domain::Permission;
    let actor = ctx::actor(Permission::CatalogWrite).await?;
    let id = parse_id(&id)?;
    save(&actor, id, &plan).await?;
    ctx::redirect(&format!("/console/plans/{id}?done=plan_saved"));
    Ok(())
}

/// The terms that were typed. What the form does not show stays as it is, and so does the renewal interval of an unchanged
/// lease.
#[cfg(feature = "ssr")]
pub fn proposed(plan: &PlanForm, before: &holdfast_domain::Terms) -> Result<holdfast_domain::Terms, UiError> {
    let mut terms = plan.terms()?;
    if terms.lease == before.lease {
        terms.renew_after = before.renew_after;
    }
    Ok(terms)
}

/// Saves a plan as it was typed; returns the terms it had.
#[cfg(feature = "ssr")]
pub async fn save(
    actor: &holdfast_service::Actor,
    id: holdfast_domain::PlanId,
    plan: &PlanForm,
) -> Result<holdfast_domain::Terms, UiError> {
    use crate::{ctx, pages::serve::parse};
    use holdfast_service::admin::inputs::UpdatePlan;
    let service = ctx::service()?;
    let before = service.plan(actor, id).await?.terms;
    let terms = proposed(plan, &before)?;
    let input = UpdatePlan { name: Some(parse("name", &plan.name)?), terms: Some(terms), ..UpdatePlan::default() };
    service.update_plan(&ctx::call(actor), id, input).await?;
    Ok(before)
}

/// Applies the plan's present terms to the licenses it has issued.
#[server(output = crate::wire::Answer)]
pub async fn apply_terms(id: String) -> Result<(), UiError> {
    use crate::{ctx, pages::products::api::parse_id};
    use holdfast_domain::Permission;
    use holdfast_service::admin::inputs::ApplyTerms;
    let actor = ctx::actor(Permission::CatalogWrite).await?;
    let id = parse_id(&id)?;
    ctx::service()?.apply_terms(&ctx::call(&actor), id, ApplyTerms::default()).await?;
    ctx::redirect(&format!("/console/plans/{id}?done=terms_applied"));
    Ok(())
}

/// A plan in words.
#[cfg(feature = "ssr")]
pub fn row(plan: &holdfast_service::admin::views::PlanView) -> crate::pages::products::model::PlanRow {
    use super::model;
    crate::pages::products::model::PlanRow {
        id: plan.id.to_string(),
        name: plan.name.to_string(),
        code: plan.code.to_string(),
        sold: model::sold(plan.terms.model),
        used: model::used(&plan.terms),
        offline: model::offline(&plan.terms),
        entitlements: plan
            .terms
            .entitlements
            .iter()
            .map(|(code, value)| (code.to_string(), value.to_string()))
            .collect(),
        archived: plan.archived,
    }
}
