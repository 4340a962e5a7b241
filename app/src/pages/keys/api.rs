//! Server functions of the work on a product's issuing keys.

use leptos::prelude::*;

use super::model::KeyActView;
use crate::error::UiError;

/// What rotating a product's issuing keys, or revoking the one named `key`, would do, and to whom.
#[server(output = crate::wire::Answer)]
pub async fn key_step(product: String, key: String) -> Result<KeyActView, UiError> {
    use crate::{ctx, pages::products::api::parse_id};
    use holdfast_domain::{Permission, ProductId, SeatState};
    use holdfast_service::{
        Error, ErrorCode,
        admin::{
            inputs::SeatFilter,
            page::{Limit, PageRequest},
        },
    };
    let actor = ctx::actor(Permission::CatalogRead).await?;
    let second = asks(&actor)?;
    let (service, id) = (ctx::service()?, parse_id::<ProductId>(&product)?);
    let product = service.product(&actor, id).await?;
    let product = (id.to_string(), product.name.to_string());
    let keys = service.signing_keys(&ctx::call(&actor)).await?;
    let keys: Vec<_> = keys.into_iter().filter(|key| key.product == Some(id)).collect();
    if key == super::ROTATE {
        let active: Vec<_> = keys.into_iter().filter(|key| key.status == "active").map(|key| key.kid).collect();
        return Ok(KeyActView { second, ..super::model::rotation(product, &active) });
    }
    let revoked = keys.iter().find(|own| own.kid == key && own.status != "revoked");
    let revoked = revoked.ok_or_else(|| Error::new(ErrorCode::NotFound))?;
    let successor = !keys.iter().any(|own| own.kid != revoked.kid && own.status == "active");
    let taken = SeatFilter { product: Some(id), state: Some(SeatState::Active), ..SeatFilter::default() };
    let one = PageRequest { limit: Limit::new(1), ..PageRequest::default() };
    let devices = service.seats(&actor, taken, one).await?.total;
    Ok(KeyActView { second, ..super::model::revocation(product, &revoked.kid, successor, devices) })
}

/// Whether whoever asks needs a second person for work on keys. An error for whoever may not even ask.
#[cfg(feature = "ssr")]
fn asks(actor: &holdfast_service::Actor) -> Result<bool, UiError> {
    use holdfast_domain::Permission;
    let second = actor.role().is_some_and(|role| role.may_ask(Permission::KeysWrite));
    if !second {
        actor.require(Permission::KeysWrite)?;
    }
    Ok(second)
}

/// Replaces a product's issuing key by a new one, or asks an owner for it.
#[server(output = crate::wire::Answer)]
pub async fn rotate_keys(product: String, #[server(default)] reason: String) -> Result<(), UiError> {
    use crate::{
        ctx,
        pages::{acts::api::asked, products::api::parse_id, serve::parse},
    };
    use holdfast_domain::{Permission, ProductId};
    use holdfast_service::admin::approvals::Asked;
    let actor = ctx::actor(Permission::CatalogRead).await?;
    let (service, call, product) = (ctx::service()?, ctx::call(&actor), parse_id::<ProductId>(&product)?);
    if asks(&actor)? {
        let waits = service.ask(&call, None, Asked::RotateKeys { product }, parse("reason", &reason)?).await?;
        ctx::redirect(&asked(waits));
        return Ok(());
    }
    service.rotate_issuing_keys(&call, product).await?;
    ctx::redirect(&format!("/console/products/{product}?tab=keys&done=keys_rotated"));
    Ok(())
}

/// Revokes an issuing key that may be in other hands, or asks an owner for it.
#[server(output = crate::wire::Answer)]
pub async fn revoke_key(product: String, key: String, reason: String) -> Result<(), UiError> {
    use crate::{
        ctx,
        pages::{acts::api::asked, products::api::parse_id, serve::parse},
    };
    use holdfast_domain::{Permission, ProductId};
    use holdfast_service::admin::approvals::Asked;
    let actor = ctx::actor(Permission::CatalogRead).await?;
    let (service, call, product) = (ctx::service()?, ctx::call(&actor), parse_id::<ProductId>(&product)?);
    let reason = parse("reason", &reason)?;
    if asks(&actor)? {
        let waits = service.ask(&call, None, Asked::RevokeKey { product, kid: key }, reason).await?;
        ctx::redirect(&asked(waits));
        return Ok(());
    }
    service.revoke_issuing_key(&call, product, &key, &reason).await?;
    ctx::redirect(&format!("/console/products/{product}?tab=keys&done=key_revoked"));
    Ok(())
}
