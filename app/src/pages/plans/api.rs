//! Server functions of the plan screens.

use leptos::prelude::*;

use super::model::{EarlierTerms, LinksView, PlanDetail, PlanForm};
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
        inputs::LicenseFilter,
        page::{Limit, PageRequest},
    };
    let actor = ctx::actor(Permission::CatalogRead).await?;
    let service = ctx::service()?;
    let plan = service.plan(&actor, parse_id(&id)?).await?;
    let product = service.product(&actor, plan.product).await?;
    let filter = LicenseFilter { plan: Some(plan.id), ..LicenseFilter::default() };
    let one = PageRequest { limit: Limit::new(1), ..PageRequest::default() };
    let licenses = service.licenses(&actor, filter, one).await?;
    Ok(PlanDetail {
        row: row(&plan),
        product: product.id.to_string(),
        product_name: product.name.to_string(),
        form: PlanForm {
            seen: plan.updated_at.micros().to_string(),
            ..PlanForm::of(plan.name.to_string(), plan.code.to_string(), &plan.terms)
        },
        overdraft: plan.terms.overdraft.to_string(),
        borrow: crate::ui::time::span(plan.terms.borrow),
        release_budget: plan.terms.release_budget.to_string(),
        has_fallback: plan.terms.fallback.is_some(),
        licenses: serve::total(licenses.total),
        may_write: actor.may(Permission::CatalogWrite),
        may_issue: actor.may(Permission::LicensesWrite) && !plan.archived,
    })
}

/// What applying the plan's present terms to its licenses would do, and where that begins; nothing where all have them, for
/// whoever may not apply them, and beside the form. Counted no further than people care.
#[server(output = crate::wire::Answer)]
pub async fn outdated(
    id: String,
    #[server(default)] tab: String,
    #[server(default)] seats_from: String,
) -> Result<Option<EarlierTerms>, UiError> {
    use crate::{
        ctx,
        pages::{
            products::api::parse_id,
            serve::{number, optional},
        },
        ui::data::with_values,
    };
    use holdfast_domain::{Permission, PlanId};
    use holdfast_service::admin::inputs::ApplyTerms;
    const ALL: &str = "all its licenses";
    const ENOUGH: u64 = 2_000;
    const PARTS: usize = 5;
    let actor = ctx::actor(Permission::CatalogRead).await?;
    let (service, id) = (ctx::service()?, parse_id::<PlanId>(&id)?);
    if tab == "edit" || !(actor.may(Permission::CatalogWrite) && actor.may(Permission::LicensesWrite)) {
        return Ok(None);
    }
    let input = ApplyTerms { seats_from: optional("seats_from", &seats_from)?, dry_run: true };
    let (mut licenses, mut over, mut next) = (0, 0, None);
    for _ in 0..PARTS {
        let part;
        (part, next) = service.apply_terms_from(&ctx::call(&actor), id, input, next).await?;
        licenses += part.licenses;
        over += part.over_their_seats;
        if next.is_none() || licenses > ENOUGH {
            break;
        }
    }
    let many = |n: u64| if n == 1 { "1 license".to_owned() } else { format!("{} licenses", number(n)) };
    let (label, who) = match (licenses, next.is_some()) {
        (0, false) => return Ok(None),
        (n, false) => (many(n), many(n)),
        (0, true) => (ALL.to_owned(), "none of the licenses issued first, but perhaps later ones,".to_owned()),
        (n, true) if n > ENOUGH => (ALL.to_owned(), format!("more than {}", many(ENOUGH))),
        (n, true) => (ALL.to_owned(), format!("at least {}", many(n))),
    };
    let said = format!(
        "Licenses keep the terms they were issued with. Applying the present terms would change {who} of this plan; {} would \
         then have more seats taken than allowed. No seat that is taken is lost.",
        number(over)
    );
    let (of, step, id) = ("plans".to_owned(), "terms".to_owned(), id.to_string());
    let asked = [("of", &of), ("step", &step), ("id", &id), ("seats_from", &seats_from)];
    Ok(Some(EarlierTerms { said, label: format!("Apply to {label}"), href: with_values("/console/acts/new", &asked) }))
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

/// Changes a plan for licenses issued from now on. With `seats_from`, the number of seats it had, its page goes on with the
/// licenses that exist: those with this number follow it. A plan that somebody else changed since it was looked at stays as
/// it is.
#[server(output = crate::wire::Answer)]
pub async fn save_plan(id: String, plan: PlanForm, #[server(default)] seats_from: String) -> Result<(), UiError> {
    use crate::{
        ctx,
        pages::{
            products::api::parse_id,
            serve::{optional, parse},
        },
    };
    use holdfast_domain::{Permission, PlanId, Timestamp};
    use holdfast_service::admin::inputs::UpdatePlan;
    let actor = ctx::actor(Permission::CatalogWrite).await?;
    let (service, id) = (ctx::service()?, parse_id::<PlanId>(&id)?);
    let seats_from = optional::<u32>("seats_from", &seats_from)?;
    let terms = plan.edited(&service.plan(&actor, id).await?.terms)?;
    let input = UpdatePlan {
        name: Some(parse("name", &plan.name)?),
        terms: Some(terms),
        seen: optional("seen", &plan.seen)?.map(Timestamp::from_micros),
        archived: None,
    };
    service.update_plan(&ctx::call(&actor), id, input).await?;
    let from = seats_from.map(|seats| format!("&seats_from={seats}")).unwrap_or_default();
    ctx::redirect(&format!("/console/plans/{id}?done=plan_saved{from}"));
    Ok(())
}

/// Archives a plan or brings it back. Its licenses are untouched either way.
#[server(output = crate::wire::Answer)]
pub async fn archive_plan(id: String, #[server(default)] archived: bool) -> Result<(), UiError> {
    use crate::{ctx, pages::products::api::parse_id};
    use holdfast_domain::{Permission, PlanId};
    use holdfast_service::admin::inputs::UpdatePlan;
    let actor = ctx::actor(Permission::CatalogWrite).await?;
    let id = parse_id::<PlanId>(&id)?;
    let input = UpdatePlan { archived: Some(archived), ..UpdatePlan::default() };
    ctx::service()?.update_plan(&ctx::call(&actor), id, input).await?;
    let done = if archived { "plan_archived" } else { "plan_restored" };
    ctx::redirect(&format!("/console/plans/{id}?done={done}"));
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

/// Where licenses of a plan are renewed and upgraded.
#[server(output = crate::wire::Answer)]
pub async fn plan_links(id: String) -> Result<LinksView, UiError> {
    use crate::{ctx, pages::products::api::parse_id};
    use holdfast_domain::Permission;
    let actor = ctx::actor(Permission::CatalogRead).await?;
    let links = ctx::service()?.plan_links(&actor, parse_id(&id)?).await?;
    Ok(LinksView {
        renew: links.renew.unwrap_or_default(),
        upgrade: links.upgrade.unwrap_or_default(),
        may_write: actor.may(Permission::CatalogWrite),
    })
}

/// Sets where licenses of a plan are renewed and upgraded.
#[server(output = crate::wire::Answer)]
pub async fn save_plan_links(
    id: String,
    #[server(default)] renew: String,
    #[server(default)] upgrade: String,
) -> Result<(), UiError> {
    use crate::{ctx, pages::products::api::parse_id};
    use holdfast_domain::{Permission, PlanId};
    use holdfast_service::admin::inputs::PlanLinks;
    let actor = ctx::actor(Permission::CatalogWrite).await?;
    let id: PlanId = parse_id(&id)?;
    let input = PlanLinks { renew: Some(renew), upgrade: Some(upgrade) };
    ctx::service()?.set_plan_links(&ctx::call(&actor), id, input).await?;
    ctx::redirect(&format!("/console/plans/{id}?done=saved"));
    Ok(())
}
