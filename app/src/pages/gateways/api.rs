//! Server functions of a product's gateways.

use leptos::prelude::*;

use super::model::{GatewayDetail, GatewayForm};
use crate::error::UiError;

/// A gateway of a product.
#[server(output = crate::wire::Answer)]
pub async fn gateway(product: String, kind: String) -> Result<GatewayDetail, UiError> {
    use crate::{ctx, pages::products::api::parse_id};
    use holdfast_domain::{GatewayKind, Permission, ProductId};
    use holdfast_service::{Error, ErrorCode};
    let actor = ctx::actor(Permission::CatalogRead).await?;
    let (service, id) = (ctx::service()?, parse_id::<ProductId>(&product)?);
    let product = service.product(&actor, id).await?;
    let all = service.gateways(&actor, id).await?;
    let found = all.into_iter().find(|gateway| gateway.kind.as_str() == kind);
    let found = found.ok_or_else(|| Error::new(ErrorCode::NotFound))?;
    let row = super::row(id, &found);
    let base64 = found.public_key_text();
    let check = found.on.then(|| super::check(found.kind, &row.base, &found.settings));
    let s = found.settings;
    let signed = found.kind != GatewayKind::LemonSqueezy;
    let hex = |key: [u8; 32]| key.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    Ok(GatewayDetail {
        product: (id.to_string(), product.name.to_string()),
        row,
        form: GatewayForm {
            on: found.on,
            account: s.account.unwrap_or_default(),
            product: s.product.unwrap_or_default(),
            plans: s.plans.iter().fold(String::new(), |text, (code, theirs)| format!("{text}{code} = {theirs}\n")),
            address: s.address.unwrap_or_default(),
            trial_days: s.trial_days.map(|days| days.to_string()).unwrap_or_default(),
            free_tier: s.free_tier.map_or("", |free| if free { "yes" } else { "no" }).to_owned(),
        },
        key: found.kid.zip(base64).zip(found.public_key).map(|((kid, base64), key)| (kid, base64, hex(key))),
        check,
        signed,
        may_write: actor.may(Permission::CatalogWrite),
        may_key: signed && actor.may(Permission::KeysWrite),
    })
}

/// Switches a gateway on or off, and sets what its clients are answered with.
#[server(output = crate::wire::Answer)]
pub async fn set_gateway(id: String, kind: String, gateway: GatewayForm) -> Result<(), UiError> {
    use crate::{
        ctx,
        pages::{
            products::api::parse_id,
            serve::{optional, parse},
        },
    };
    use holdfast_domain::{Permission, ProductId};
    use holdfast_service::{admin::gateways::SetGateway, runtime::gateway::GatewaySettings};
    let actor = ctx::actor(Permission::CatalogWrite).await?;
    let (id, which) = (parse_id::<ProductId>(&id)?, super::kind(&kind)?);
    let mut named = std::collections::BTreeMap::new();
    for line in gateway.plans.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (code, theirs) =
            line.split_once('=').ok_or_else(|| UiError::field("plans", "Each line: a plan's code = its id there."))?;
        named.insert(parse("plans", code.trim())?, theirs.trim().to_owned());
    }
    let settings = GatewaySettings {
        account: Some(gateway.account),
        product: Some(gateway.product),
        plans: named,
        address: Some(gateway.address),
        trial_days: optional("trial_days", &gateway.trial_days)?,
        free_tier: match gateway.free_tier.as_str() {
            "yes" => Some(true),
            "no" => Some(false),
            _ => None,
        },
    };
    let input = SetGateway { on: gateway.on, settings };
    let done = ctx::service()?.set_gateway(&ctx::call(&actor), id, which, input).await;
    done.map_err(|error| {
        let about_plan = error.pointer.as_deref().is_some_and(|pointer| pointer.starts_with("/settings/plans/"));
        if about_plan { error.with_pointer("/plans") } else { error }
    })?;
    ctx::redirect(&format!("/console/products/{id}/gateways/{kind}?done=saved"));
    Ok(())
}

/// Gives a gateway the key that applications know already, or a new one.
#[allow(clippy::similar_names)] // fields of a form
#[server(output = crate::wire::Answer)]
pub async fn set_gateway_key(
    id: String,
    kind: String,
    #[server(default)] kid: String,
    #[server(default)] secret: String,
    #[server(default)] replace: bool,
) -> Result<(), UiError> {
    use crate::{ctx, pages::products::api::parse_id};
    use holdfast_domain::{Permission, ProductId};
    use holdfast_service::admin::gateways::SetGatewayKey;
    let actor = ctx::actor(Permission::KeysWrite).await?;
    let (id, which) = (parse_id::<ProductId>(&id)?, super::kind(&kind)?);
    let input = SetGatewayKey { kid: Some(kid), replace, key: Some(secret) };
    let done = ctx::service()?.set_gateway_key(&ctx::call(&actor), id, which, input).await;
    // The field is called so that what is typed into it is never sent back.
    done.map_err(|error| {
        let about_key = error.pointer.as_deref() == Some("/key");
        if about_key { error.with_pointer("/secret") } else { error }
    })?;
    ctx::redirect(&format!("/console/products/{id}/gateways/{kind}?done=gateway_key"));
    Ok(())
}
