//! Server functions of the door. The only ones that nobody has to be signed in for.

use leptos::prelude::*;

use super::model::{Invited, Ways};
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
    ctx::let_in(&signed_in).await?;
    ctx::redirect("/console");
    Ok(())
}

/// Signs somebody in, or asks for the second factor.
#[server(output = crate::wire::Answer)]
pub async fn sign_in(email: String, password: String, #[server(default)] next: String) -> Result<(), UiError> {
    use crate::ctx;
    use holdfast_service::admin::inputs::{Password, SignIn};
    let input = SignIn { email, password: Password::new(password) };
    let step = ctx::service()?.sign_in(input, &ctx::from()).await?;
    ctx::go_on(&step, &next).await
}

/// Where the door leads for those who sign in with their company's account and go on to `next`; empty where it does not.
#[server(output = crate::wire::Answer)]
pub async fn company_door(#[server(default)] next: String) -> Result<String, UiError> {
    use crate::{ctx, ssr::encode};
    let vendor = ctx::service()?.provider_at_door().await?;
    let address = |vendor| format!("/sign-in/with/{vendor}?next={}", encode(ctx::inside(&next).unwrap_or_default()));
    Ok(vendor.map(address).unwrap_or_default())
}

/// How the sign-in that has begun here can be finished.
#[server(output = crate::wire::Answer)]
pub async fn half_ways() -> Result<Ways, UiError> {
    use crate::ctx;
    let ways = ctx::service()?.ways_of_half(&ctx::half()?).await?;
    Ok(Ways { password: ways.password, app: ways.totp, passkey: ways.passkey, recovery: ways.recovery })
}

/// What the browser is asked for so that a passkey finishes the sign-in.
#[server(output = crate::wire::Answer)]
pub async fn half_passkey() -> Result<String, UiError> {
    use crate::ctx;
    Ok(ctx::service()?.ask_half_for_passkey(&ctx::half()?, &ctx::site()).await?)
}

/// Finishes a sign-in with a code, or with what a passkey has answered.
#[server(output = crate::wire::Answer)]
pub async fn finish_sign_in(
    #[server(default)] code: String,
    #[server(default)] credential: String,
    #[server(default)] next: String,
) -> Result<(), UiError> {
    use crate::ctx;
    use holdfast_service::admin::second::Proof;
    let proof = if credential.is_empty() { Proof::Code(code) } else { Proof::Passkey(credential) };
    let signed_in = ctx::service()?.finish_sign_in(&ctx::half()?, proof, &ctx::site(), &ctx::from()).await?;
    ctx::let_in(&signed_in).await?;
    let actor = ctx::service()?.actor_for_session(&signed_in.session).await?;
    ctx::redirect(ctx::inside(&next).unwrap_or(ctx::home(&actor)));
    Ok(())
}

/// How whoever is signed in can prove who they are.
#[server(output = crate::wire::Answer)]
pub async fn my_ways() -> Result<Ways, UiError> {
    use crate::ctx;
    let actor = ctx::anybody()?;
    let ways = ctx::service()?.ways_of(&actor).await?;
    Ok(Ways { password: ways.password, app: ways.totp, passkey: ways.passkey, recovery: ways.recovery })
}

/// What the browser is asked for so that a passkey confirms who somebody is.
#[server(output = crate::wire::Answer)]
pub async fn my_passkey() -> Result<String, UiError> {
    use crate::ctx;
    let actor = ctx::anybody()?;
    Ok(ctx::service()?.ask_actor_for_passkey(&actor, &ctx::site()).await?)
}

/// Proves again who somebody is: with the password, a code, or what a passkey has answered.
#[server(output = crate::wire::Answer)]
pub async fn confirm(
    #[server(default)] password: String,
    #[server(default)] code: String,
    #[server(default)] credential: String,
    #[server(default)] next: String,
) -> Result<(), UiError> {
    use crate::ctx;
    use holdfast_service::admin::{inputs::Password, second::Proof};
    let actor = ctx::anybody()?;
    let proof = if !credential.is_empty() {
        Proof::Passkey(credential)
    } else if !code.is_empty() {
        Proof::Code(code)
    } else {
        Proof::Password(Password::new(password))
    };
    ctx::service()?.confirm(&actor, proof, &ctx::site(), &ctx::from()).await?;
    ctx::redirect(ctx::inside(&next).unwrap_or(ctx::home(&actor)));
    Ok(())
}

/// What a link is to: an invitation, or a new password.
#[server(output = crate::wire::Answer)]
pub async fn invitation(token: String) -> Result<Invited, UiError> {
    use crate::{ctx, ui::When};
    use holdfast_service::ErrorCode;
    let service = ctx::service()?;
    let now = service.now();
    match service.look_at_password_link(&token).await {
        Ok(look) => {
            return Ok(Invited {
                title: "Choose a new password".to_owned(),
                email: look.email.to_string(),
                what: format!("is a member of {} and has forgotten theirs", look.vendor),
                factor: "All your sessions end with it. If you have a second factor, the next page asks for it."
                    .to_owned(),
                new: false,
                hint: "At least 15 characters, or 8 where you have a second factor.".to_owned(),
                until: When::new(look.expires_at, now),
                verb: "Set password and sign in".to_owned(),
            });
        }
        Err(error) if error.code == ErrorCode::InvitationInvalid => {}
        Err(error) => return Err(error.into()),
    }
    let look = service.look_at_invitation(&token).await?;
    let factor = if look.role.requires_factor() {
        "Your role needs a second factor: the next page sets one up, with an authenticator app or a passkey."
    } else {
        ""
    };
    Ok(Invited {
        title: format!("Join {}", look.vendor),
        email: look.email.to_string(),
        what: format!("is invited as {}", look.role.as_str()),
        factor: factor.to_owned(),
        new: true,
        hint: "At least 15 characters. A sentence you remember is best.".to_owned(),
        until: When::new(look.expires_at, now),
        verb: "Join and sign in".to_owned(),
    })
}

/// Makes whoever holds the link of an invitation a member, or gives whoever holds one to a new password that; and signs them
/// in.
#[server(output = crate::wire::Answer)]
pub async fn accept_invitation(
    token: String,
    #[server(default)] name: String,
    password: String,
) -> Result<(), UiError> {
    use crate::{ctx, pages::serve::parse};
    use holdfast_service::admin::inputs::{AcceptInvitation, Password};
    let (service, password) = (ctx::service()?, Password::new(password));
    let step = if service.look_at_password_link(&token).await.is_ok() {
        service.choose_password(&token, password, &ctx::from()).await?
    } else {
        let input = AcceptInvitation { name: parse("name", &name)?, password };
        service.accept_invitation(&token, input, &ctx::from()).await?
    };
    // Whose role needs a second factor is led to setting one up from there.
    ctx::go_on(&step, "").await
}
