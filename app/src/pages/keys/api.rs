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
    let actor = ctx::actor(Permission::KeysWrite).await?;
    let (service, id) = (ctx::service()?, parse_id::<ProductId>(&product)?);
    let product = service.product(&actor, id).await?;
    let product = (id.to_string(), product.name.to_string());
    let keys = service.signing_keys(&ctx::call(&actor)).await?;
    let keys: Vec<_> = keys.into_iter().filter(|key| key.product == Some(id)).collect();
    if key == super::ROTATE {
        let active: Vec<_> = keys.into_iter().filter(|key| key.status == "active").map(|key| key.kid).collect();
        return Ok(super::model::rotation(product, &active));
    }
    let revoked = keys.iter().find(|own| own.kid == key && own.status != "revoked");
    let revoked = revoked.ok_or_else(|| Error::new(ErrorCode::NotFound))?;
    let successor = !keys.iter().any(|own| own.kid != revoked.kid && own.status == "active");
    let taken = SeatFilter { product: Some(id), state: Some(SeatState::Active), ..SeatFilter::default() };
    let one = PageRequest { limit: Limit::new(1), ..PageRequest::default() };
    let devices = service.seats(&actor, taken, one).await?.total;
    Ok(super::model::revocation(product, &revoked.kid, successor, devices))
}

/// Replaces a product's issuing key by a new one.
#[server(output = crate::wire::Answer)]
pub async fn rotate_keys(product: String) -> Result<(), UiError> {
    use crate::{ctx, pages::products::api::parse_id};
    use holdfast_domain::{Permission, ProductId};
    let actor = ctx::actor(Permission::KeysWrite).await?;
    let product = parse_id::<ProductId>(&product)?;
    ctx::service()?.rotate_issuing_keys(&ctx::call(&actor), product).await?;
    ctx::redirect(&format!("/console/products/{product}?tab=keys&done=keys_rotated"));
    Ok(())
}

/// Revokes an issuing key that may be in other hands.
#[server(output = crate::wire::Answer)]
pub async fn revoke_key(product: String, key: String, reason: String) -> Result<(), UiError> {
    use crate::{
        ctx,
        pages::{products::api::parse_id, serve::parse},
    };
    use holdfast_domain::{Permission, ProductId};
    let actor = ctx::actor(Permission::KeysWrite).await?;
    let product = parse_id::<ProductId>(&product)?;
    let reason = parse("reason", &reason)?;
    ctx::service()?.revoke_issuing_key(&ctx::call(&actor), product, &key, &reason).await?;
    ctx::redirect(&format!("/console/products/{product}?tab=keys&done=key_revoked"));
    Ok(())
}
