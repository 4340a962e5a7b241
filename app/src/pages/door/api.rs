//! Server functions of the door. The only ones that nobody has to be signed in for.

use leptos::prelude::*;

use crate::error::UiError;

/// Makes the vendor and its owner, and signs the owner in.
#[server(output = crate::wire::Answer)]
pub async fn set_up(code: String, vendor: String, email: String, password: String) -> Result<(), UiError> {
    use crate::{ctx, pages::serve::parse};
    use holdfast_service::admin::inputs::{Password, SetupInput};
    let input = SetupInput {
        code,
        vendor: parse("vendor", &vendor)?,
        email: parse("email", &email)?,
        password: Password::new(password),
    };
    let (_, signed_in) = ctx::service()?.setup(input, &ctx::from()).await?;
    let_in(&signed_in, "/console").await
}

/// Signs somebody in.
#[server(output = crate::wire::Answer)]
pub async fn sign_in(email: String, password: String, #[server(default)] next: String) -> Result<(), UiError> {
    use crate::ctx;
    use holdfast_service::admin::inputs::{Password, SignIn};
    let input = SignIn { email, password: Password::new(password) };
    let signed_in = ctx::service()?.sign_in(input, &ctx::from()).await?;
    let_in(&signed_in, &next).await
}

/// Proves again who somebody is.
#[server(output = crate::wire::Answer)]
pub async fn confirm(password: String, #[server(default)] next: String) -> Result<(), UiError> {
    use crate::ctx;
    use holdfast_service::admin::inputs::Password;
    let actor = ctx::anybody()?;
    ctx::service()?.confirm_password(&actor, Password::new(password), &ctx::from()).await?;
    ctx::redirect(if next.starts_with("/console") { &next } else { "/console" });
    Ok(())
}

#[cfg(feature = "ssr")]
async fn let_in(signed_in: &holdfast_service::admin::sessions::SignedIn, next: &str) -> Result<(), UiError> {
    use crate::ctx;
    ctx::let_in(signed_in).await?;
    ctx::redirect(if next.starts_with("/console") { next } else { "/console" });
    Ok(())
}
