//! Server functions of the product screens.

use leptos::prelude::*;

use super::model::{FunnelView, ProductDetail, ProductRow};
use crate::{error::UiError, pages::List};

/// The vendor's products.
#[server(output = crate::wire::Answer)]
pub async fn products(q: String, after: String, archived: bool) -> Result<(List<ProductRow>, bool), UiError> {
    use crate::{ctx, pages::serve};
    use holdfast_domain::Permission;
    let actor = ctx::actor(Permission::CatalogRead).await?;
    let service = ctx::service()?;
    let page = service.products(&actor, Some(archived), Some(q), serve::page(&after)?).await?;
    let now = service.now();
    Ok((serve::list(page, |product| show(&product, now)), actor.may(Permission::CatalogWrite)))
}

/// Everything about a product.
#[server(output = crate::wire::Answer)]
pub async fn product(id: String) -> Result<ProductDetail, UiError> {
    use super::{model::KeyRow, snippet::Integration};
    use crate::{ctx, pages::plans::api::row, ui::When};
    use holdfast_domain::Permission;
    use holdfast_service::admin::{
        inputs::PlanFilter,
        page::{Direction, Limit, PageRequest},
    };
    let actor = ctx::actor(Permission::CatalogRead).await?;
    let service = ctx::service()?;
    let id = parse_id(&id)?;
    let product = service.product(&actor, id).await?;
    let filter = PlanFilter { product: Some(id), ..PlanFilter::default() };
    let all = PageRequest { limit: Limit::new(200), direction: Direction::Ascending, ..PageRequest::default() };
    let plans = service.plans(&actor, filter, all).await?;
    let vendor = service.vendor(&actor).await?;
    let now = service.now();
    let keys = service.signing_keys(&ctx::call(&actor)).await?;
    let asks = actor.role().is_some_and(|role| role.may_ask(Permission::KeysWrite));
    let may_keys = asks || actor.may(Permission::KeysWrite);
    let keys = keys.into_iter().filter(|key| key.product == Some(id)).map(|key| KeyRow {
        may_revoke: may_keys && key.status != "revoked",
        kid: key.kid,
        status: key.status,
        from: When::new(key.not_before, now),
        until: When::new(key.not_after, now),
    });
    let gateways = service.gateways(&actor, id).await?;
    let endpoint = service.settings().endpoints.first().cloned().or_else(ctx::origin);
    let integration = Integration {
        vendor: vendor.id.to_string(),
        product: id.to_string(),
        root_key: &vendor.root_public_key,
        endpoint: endpoint.as_deref().unwrap_or("https://licenses.example.com"),
    };
    Ok(ProductDetail {
        product: show(&product, now),
        plans: plans.items.iter().map(row).collect(),
        keys: keys.collect(),
        integrate: [Integration::add(), integration.program(), integration.check()],
        root_key: vendor.root_public_key,
        gateways: gateways.iter().map(|gateway| crate::pages::gateways::row(id, gateway)).collect(),
        may_write: actor.may(Permission::CatalogWrite),
        may_issue: actor.may(Permission::LicensesWrite) && plans.items.iter().any(|plan| !plan.archived),
        may_keys,
    })
}

/// What became of the trials of a product that began within so many days.
#[server(output = crate::wire::Answer)]
pub async fn trial_funnel(id: String, #[server(default)] days: String) -> Result<FunnelView, UiError> {
    use crate::{ctx, pages::serve::number};
    use holdfast_domain::Permission;
    let actor = ctx::actor(Permission::LicensesRead).await?;
    let days = days.parse().unwrap_or(30);
    let funnel = ctx::service()?.trial_funnel(&actor, parse_id(&id)?, days).await?;
    let row = |what: &str, count: u64| {
        // To the nearest hundredth.
        let share = (count * 200 + funnel.started) / (2 * funnel.started).max(1);
        (what.to_owned(), number(count), format!("{share} %"))
    };
    let rows = [
        ("Started", funnel.started),
        ("Running", funnel.active),
        ("Converted", funnel.converted),
        ("Ran out", funnel.lapsed),
    ];
    let rows = if funnel.started == 0 { Vec::new() } else { rows.map(|(what, count)| row(what, count)).to_vec() };
    Ok(FunnelView { days: funnel.days.to_string(), rows })
}

/// Makes a product, and with `plan` the usual plan for it, so that licenses can be issued at once. Without a short name it
/// gets one from its name.
#[server(output = crate::wire::Answer)]
pub async fn create_product(
    name: String,
    #[server(default)] code: String,
    #[server(default)] plan: bool,
) -> Result<(), UiError> {
    use crate::{
        ctx,
        pages::{plans::model::PlanForm, serve::parse},
    };
    use holdfast_domain::Permission;
    use holdfast_service::admin::inputs::{CreatePlan, CreateProduct};
    let actor = ctx::actor(Permission::CatalogWrite).await?;
    let (service, call) = (ctx::service()?, ctx::call(&actor));
    let code = if code.trim().is_empty() { slug(&name) } else { code };
    let input = CreateProduct { name: parse("name", &name)?, code: parse("code", &code)? };
    let product = service.create_product(&call, input).await?.id;
    let mut done = "product_created";
    if plan {
        let (name, code) = (parse("plan", "Standard")?, parse("plan", "standard")?);
        let usual = CreatePlan { product, name, code, terms: PlanForm::usual().terms()? };
        // The product is there; where its plan could not be made, its page says what to do next.
        if service.create_plan(&call, usual).await.is_ok() {
            done = "product_ready";
        }
    }
    ctx::redirect(&format!("/console/products/{product}?done={done}"));
    Ok(())
}

/// Renames a product.
#[server(output = crate::wire::Answer)]
pub async fn rename_product(id: String, name: String) -> Result<(), UiError> {
    use crate::{ctx, pages::serve::parse};
    use holdfast_domain::Permission;
    use holdfast_service::admin::inputs::UpdateProduct;
    let actor = ctx::actor(Permission::CatalogWrite).await?;
    let input = UpdateProduct { name: Some(parse("name", &name)?), ..UpdateProduct::default() };
    let product = ctx::service()?.update_product(&ctx::call(&actor), parse_id(&id)?, input).await?;
    ctx::redirect(&format!("/console/products/{}?tab=settings&done=product_saved", product.id));
    Ok(())
}

/// Archives a product or brings it back. Its licenses are untouched either way.
#[server(output = crate::wire::Answer)]
pub async fn archive_product(id: String, #[server(default)] archived: bool) -> Result<(), UiError> {
    use crate::ctx;
    use holdfast_domain::Permission;
    use holdfast_service::admin::inputs::UpdateProduct;
    let actor = ctx::actor(Permission::CatalogWrite).await?;
    let input = UpdateProduct { archived: Some(archived), ..UpdateProduct::default() };
    let product = ctx::service()?.update_product(&ctx::call(&actor), parse_id(&id)?, input).await?;
    let done = if archived { "product_archived" } else { "product_restored" };
    ctx::redirect(&format!("/console/products/{}?tab=settings&done={done}", product.id));
    Ok(())
}

#[cfg(feature = "ssr")]
fn show(product: &holdfast_service::admin::views::ProductView, now: holdfast_domain::Timestamp) -> ProductRow {
    ProductRow {
        id: product.id.to_string(),
        name: product.name.to_string(),
        code: product.code.to_string(),
        archived: product.archived,
        created: crate::ui::When::new(product.created_at, now),
    }
}

/// An id from an address. One that is not even an id is answered like one that does not exist.
#[cfg(feature = "ssr")]
pub fn parse_id<T: std::str::FromStr>(text: &str) -> Result<T, UiError> {
    use holdfast_service::{Error, ErrorCode};
    text.parse().map_err(|_| Error::new(ErrorCode::NotFound).into())
}

/// A short name made from a name: "Acme Editor Pro" becomes `acme-editor-pro`.
#[cfg(feature = "ssr")]
pub fn slug(name: &str) -> String {
    let mut slug = String::new();
    for letter in name.trim().chars() {
        if letter.is_ascii_alphanumeric() {
            slug.push(letter.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.trim_end_matches('-').chars().take(64).collect()
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::slug;

    #[test]
    fn short_names_come_from_names() {
        for (name, code) in [("Acme Editor Pro", "acme-editor-pro"), (" A & B! ", "a-b"), ("Ü", "")] {
            assert_eq!(slug(name), code);
        }
    }
}
