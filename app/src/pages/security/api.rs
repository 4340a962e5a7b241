//! Server functions of one's own sign-in.

use leptos::prelude::*;

use super::model::{AppOffer, SecurityView};
use crate::error::UiError;

/// One's own second factors and password.
#[server(output = crate::wire::Answer)]
pub async fn my_security() -> Result<SecurityView, UiError> {
    use super::model::FactorRow;
    use crate::{ctx, ui::When};
    use holdfast_service::admin::factors::{MOST, RECOVERY_CODES};
    let actor = ctx::anybody()?;
    let service = ctx::service()?;
    let (view, now) = (service.factors(&actor).await?, service.now());
    let factors = view.factors.iter().map(|factor| FactorRow {
        id: factor.id.to_string(),
        name: factor.name.to_string(),
        kind: if factor.passkey { "Passkey" } else { "Authenticator app" }.to_owned(),
        added: When::new(factor.created_at, now),
        used: factor.used_at.map(|at| When::new(at, now)),
    });
    let codes = ctx::note("codes").map(|codes| codes.split(' ').map(str::to_owned).collect());
    Ok(SecurityView {
        factors: factors.collect(),
        most: MOST,
        codes_left: view.codes_left,
        codes_made: RECOVERY_CODES,
        required: view.required,
        held: actor.is_held(),
        due: view.due_at.filter(|due| view.required && *due > now).map(|due| When::new(due, now)),
        codes: codes.unwrap_or_default(),
        password: service.ways_of(&actor).await?.password,
        alerts: match &service.settings().mail {
            Some(_) => service.alert_mail(&actor).await?.map(|of| of.as_str().to_owned()),
            None => None,
        },
    })
}

/// Sets of which alerts whoever asks is told by mail.
#[server(output = crate::wire::Answer)]
pub async fn set_alert_mail(alerts: String) -> Result<(), UiError> {
    use crate::ctx;
    use holdfast_domain::Permission;
    use holdfast_service::admin::mails::AlertMail;
    let actor = ctx::actor(Permission::FleetWrite).await?;
    let of = AlertMail::from_name(&alerts).ok_or_else(|| UiError::field("alerts", "One of those in the list."))?;
    ctx::service()?.set_alert_mail(&ctx::call(&actor), of).await?;
    ctx::redirect("/console/security?done=alert_mail_set");
    Ok(())
}

/// What is needed to set up an authenticator app.
#[server(output = crate::wire::Answer)]
pub async fn offer_app() -> Result<AppOffer, UiError> {
    use crate::ctx;
    let actor = ctx::anybody()?;
    let offer = ctx::service()?.offer_totp(&actor).await?;
    Ok(AppOffer { secret: offer.secret, picture: offer.picture, width: u32::try_from(offer.width).unwrap_or_default() })
}

/// Adds the app that shows `code`.
#[server(output = crate::wire::Answer)]
pub async fn add_app(code: String, #[server(default)] name: String) -> Result<(), UiError> {
    use crate::{ctx, pages::serve::optional};
    let actor = ctx::anybody()?;
    let name = optional("name", &name)?;
    let changed = ctx::service()?.add_totp(&actor, &code, name, &ctx::from()).await?;
    went_on(&changed, "factor_added").await
}

/// What the browser is asked for to make a passkey.
#[server(output = crate::wire::Answer)]
pub async fn passkey_offer() -> Result<String, UiError> {
    use crate::ctx;
    let actor = ctx::anybody()?;
    Ok(ctx::service()?.ask_for_new_passkey(&actor, &ctx::site()).await?)
}

/// Adds the passkey that the browser has made.
#[server(output = crate::wire::Answer)]
pub async fn add_passkey(credential: String, #[server(default)] name: String) -> Result<(), UiError> {
    use crate::{ctx, pages::serve::parse};
    let actor = ctx::anybody()?;
    let name = parse("name", if name.trim().is_empty() { "Passkey" } else { &name })?;
    let changed = ctx::service()?.add_passkey(&actor, name, &credential, &ctx::site(), &ctx::from()).await?;
    went_on(&changed, "factor_added").await
}

/// Removes one of one's own factors.
#[server(output = crate::wire::Answer)]
pub async fn remove_factor(id: String) -> Result<(), UiError> {
    use crate::{ctx, pages::products::api::parse_id};
    let actor = ctx::anybody()?;
    let changed = ctx::service()?.remove_factor(&actor, parse_id(&id)?, &ctx::from()).await?;
    went_on(&changed, "factor_removed").await
}

/// Makes new recovery codes.
#[server(output = crate::wire::Answer)]
pub async fn new_codes() -> Result<(), UiError> {
    use crate::ctx;
    let actor = ctx::anybody()?;
    let codes = ctx::service()?.new_recovery_codes(&actor, &ctx::from()).await?;
    ctx::set_note("codes", &codes.join(" "));
    ctx::redirect("/console/security?done=codes_made#codes");
    Ok(())
}

/// Changes one's own password.
#[server(output = crate::wire::Answer)]
pub async fn change_password(current_password: String, new_password: String) -> Result<(), UiError> {
    use crate::ctx;
    use holdfast_service::{ErrorCode, admin::inputs::Password};
    let actor = ctx::anybody()?;
    let (current, new) = (Password::new(current_password), Password::new(new_password));
    let changed = ctx::service()?.change_password(&actor, current, new, &ctx::from()).await;
    let signed_in = changed.map_err(|error| {
        let field = if error.code == ErrorCode::PasswordTooWeak { "new_password" } else { "current_password" };
        UiError { field: Some(field.to_owned()), ..UiError::from(error) }
    })?;
    ctx::let_in(&signed_in).await?;
    ctx::redirect("/console/security?done=password_changed");
    Ok(())
}

#[cfg(feature = "ssr")]
async fn went_on(changed: &holdfast_service::admin::factors::FactorChanged, done: &str) -> Result<(), UiError> {
    use crate::ctx;
    ctx::let_in(&changed.signed_in).await?;
    let codes = if changed.codes.is_empty() { "" } else { "#codes" };
    if !changed.codes.is_empty() {
        ctx::set_note("codes", &changed.codes.join(" "));
    }
    ctx::redirect(&format!("/console/security?done={done}{codes}"));
    Ok(())
}
