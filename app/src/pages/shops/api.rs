//! Server functions of the screens of shops.

use leptos::prelude::*;

use super::model::{ShopDetail, ShopList};
use crate::error::UiError;

/// The vendor's shops.
#[server(output = crate::wire::Answer)]
pub async fn shops(after: String) -> Result<ShopList, UiError> {
    use super::show;
    use crate::{
        ctx,
        pages::{List, serve},
    };
    use holdfast_domain::Permission;
    use holdfast_service::admin::shops::MOST_SHOPS;
    let actor = ctx::actor(Permission::ShopsRead).await?;
    let service = ctx::service()?;
    let page = service.shops(&actor, serve::page(&after)?).await?;
    let now = service.now();
    let list = serve::list(page, |shop| show::row(&shop, now));
    let list = List { total: format!("{} / {MOST_SHOPS}", list.total), ..list };
    Ok(ShopList { list, may_write: actor.may(Permission::ShopsWrite) })
}

/// Everything about a shop.
#[server(output = crate::wire::Answer)]
pub async fn shop(id: String, after: String) -> Result<ShopDetail, UiError> {
    use super::show;
    use crate::{
        ctx,
        pages::{imports::api::plan_choices, products::api::parse_id, serve},
    };
    use holdfast_domain::{Permission, ShopId};
    use holdfast_service::admin::shops::MOST_PRICES;
    let actor = ctx::actor(Permission::ShopsRead).await?;
    let service = ctx::service()?;
    let id: ShopId = parse_id(&id)?;
    let shop = service.shop(&actor, id).await?;
    let prices = service.shop_prices(&actor, id).await?;
    let events = service.shop_events(&actor, id, serve::page(&after)?).await?;
    let (now, may_write) = (service.now(), actor.may(Permission::ShopsWrite));
    Ok(ShopDetail {
        // Whoever may not change it was not handed it.
        secret: show::handed_over(id).filter(|_| may_write),
        used: format!("{} / {} prices", serve::number(prices.len() as u64), serve::number(MOST_PRICES as u64)),
        prices: prices.into_iter().map(show::price).collect(),
        plans: if may_write { plan_choices(&actor, None).await? } else { Vec::new() },
        events: serve::list(events, |event| show::event(&event, now)),
        may_write,
        ..show::detail(&shop, &ctx::origin().unwrap_or_default(), now)
    })
}

/// Connects a shop and goes to its page, which shows the secret where there is one.
#[server(output = crate::wire::Answer)]
pub async fn connect_shop(
    kind: String,
    name: String,
    #[server(default)] api_key: String,
    #[server(default)] api_url: String,
) -> Result<(), UiError> {
    use super::show;
    use crate::{ctx, pages::serve::parse};
    use holdfast_domain::{Permission, ShopKind, ShopRules};
    use holdfast_service::admin::shops::{ConnectShop, Secret};
    let actor = ctx::actor(Permission::ShopsWrite).await?;
    let kind = ShopKind::from_name(&kind).ok_or_else(|| UiError::field("kind", "Choose with whom it is."))?;
    let input = ConnectShop {
        kind,
        name: parse("name", &name)?,
        api_url: Some(api_url).filter(|url| !url.trim().is_empty()),
        api_key: (!api_key.trim().is_empty()).then(|| Secret::new(&api_key)),
        rules: ShopRules::default(),
    };
    let made = ctx::service()?.connect_shop(&ctx::call(&actor), input).await?;
    if let Some(secret) = &made.secret {
        show::hand_over(made.shop.id, secret);
    }
    ctx::redirect(&format!("/console/shops/{}?done=shop_connected", made.shop.id));
    Ok(())
}

/// Changes a shop.
#[server(output = crate::wire::Answer)]
pub async fn save_shop(
    id: String,
    name: String,
    #[server(default)] api_key: String,
    #[server(default)] api_url: String,
) -> Result<(), UiError> {
    use crate::{
        ctx,
        pages::{products::api::parse_id, serve::parse},
    };
    use holdfast_domain::Permission;
    use holdfast_service::admin::shops::{Secret, UpdateShop};
    let actor = ctx::actor(Permission::ShopsWrite).await?;
    let input = UpdateShop {
        name: Some(parse("name", &name)?),
        api_url: Some(api_url),
        api_key: (!api_key.trim().is_empty()).then(|| Secret::new(&api_key)),
        rules: None,
    };
    let shop = ctx::service()?.update_shop(&ctx::call(&actor), parse_id(&id)?, input).await?;
    ctx::redirect(&format!("/console/shops/{}?tab=settings&done=saved", shop.id));
    Ok(())
}

/// Changes what follows from what a shop says.
#[server(output = crate::wire::Answer)]
pub async fn save_rules(
    id: String,
    on_refund: String,
    #[server(default)] refund_days: String,
    on_dispute: String,
    #[server(default)] dispute_days: String,
    grace_days: String,
) -> Result<(), UiError> {
    use crate::{
        ctx,
        pages::{products::api::parse_id, serve::parse},
    };
    use holdfast_domain::{Permission, ShopRules};
    use holdfast_service::admin::shops::UpdateShop;
    let actor = ctx::actor(Permission::ShopsWrite).await?;
    let rule = |field: &str, word: &str, days: &str| match word {
        "after_days" => parse(field, &format!("after_days:{}", days.trim())),
        word => parse(field, word),
    };
    let rules = ShopRules {
        on_refund: rule("refund_days", &on_refund, &refund_days)?,
        on_dispute: rule("dispute_days", &on_dispute, &dispute_days)?,
        grace_days: parse("grace_days", &grace_days)?,
    };
    let input = UpdateShop { rules: Some(rules), ..UpdateShop::default() };
    let shop = ctx::service()?.update_shop(&ctx::call(&actor), parse_id(&id)?, input).await?;
    ctx::redirect(&format!("/console/shops/{}?tab=rules&done=saved", shop.id));
    Ok(())
}

/// Sets the secret that the provider has made, or makes a new one.
#[server(output = crate::wire::Answer)]
pub async fn set_shop_secret(id: String, #[server(default)] shop_secret: String) -> Result<(), UiError> {
    use super::show;
    use crate::{ctx, pages::products::api::parse_id};
    use holdfast_domain::Permission;
    use holdfast_service::admin::shops::Secret;
    let actor = ctx::actor(Permission::ShopsWrite).await?;
    let typed = shop_secret.trim();
    let secret = (!typed.is_empty()).then(|| Secret::new(typed));
    let set = ctx::service()?.set_shop_secret(&ctx::call(&actor), parse_id(&id)?, secret).await?;
    if let Some(secret) = &set.secret {
        show::hand_over(set.shop.id, secret);
    }
    ctx::redirect(&format!("/console/shops/{}?done=shop_secret_set", set.shop.id));
    Ok(())
}

/// Closes a shop or opens it again, or asks whether its provider answers.
#[server(output = crate::wire::Answer)]
pub async fn step_shop(id: String, step: String, #[server(default)] reason: String) -> Result<(), UiError> {
    use crate::{
        ctx,
        pages::{products::api::parse_id, serve::parse},
    };
    use holdfast_domain::{Permission, ShopId};
    use holdfast_service::Error;
    let actor = ctx::actor(Permission::ShopsWrite).await?;
    let (service, call, id) = (ctx::service()?, ctx::call(&actor), parse_id::<ShopId>(&id)?);
    let done = match step.as_str() {
        "close" => {
            service.close_shop(&call.because(parse("reason", &reason)?), id, true).await?;
            "shop_closed"
        }
        "open" => service.close_shop(&call, id, false).await.map(|_| "shop_opened")?,
        "test" => {
            let test = service.test_shop(&call, id).await?;
            if !test.works {
                let refused = UiError::new("shop_unreachable", "The provider could not be asked");
                return Err(UiError { detail: Some(test.detail), ..refused });
            }
            "shop_answers"
        }
        _ => return Err(Error::invalid("/step", "close, open or test").into()),
    };
    ctx::redirect(&format!("/console/shops/{id}?done={done}"));
    Ok(())
}

/// Says which plan a price is, or takes that back.
#[server(output = crate::wire::Answer)]
pub async fn set_shop_price(
    id: String,
    price: String,
    #[server(default)] plan: String,
    #[server(default)] seats: bool,
    #[server(default)] remove: bool,
) -> Result<(), UiError> {
    use crate::{
        ctx,
        pages::{
            products::api::parse_id,
            serve::{optional, parse},
        },
    };
    use holdfast_domain::{Permission, ShopId};
    use holdfast_service::admin::shops::SetPrice;
    let actor = ctx::actor(Permission::ShopsWrite).await?;
    let (service, call, id) = (ctx::service()?, ctx::call(&actor), parse_id::<ShopId>(&id)?);
    let done = if remove {
        service.remove_shop_price(&call, id, price).await?;
        "price_removed"
    } else {
        let plan = if plan == super::NOTHING { None } else { optional("plan", &plan)? };
        let input = SetPrice { price: parse("price", &price)?, plan, quantity_is_seats: seats };
        service.set_shop_price(&call, id, input).await?;
        "price_set"
    };
    ctx::redirect(&format!("/console/shops/{id}?done={done}"));
    Ok(())
}
