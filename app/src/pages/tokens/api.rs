//! Server functions of API tokens.

use std::collections::BTreeMap;

use leptos::prelude::*;

use super::model::{ScopeChoice, TokenDetail, TokenRow};
use crate::{error::UiError, pages::List};

/// The vendor's tokens.
#[server(output = crate::wire::Answer)]
pub async fn tokens(q: String, after: String) -> Result<List<TokenRow>, UiError> {
    use crate::{ctx, pages::serve};
    use holdfast_domain::Permission;
    let actor = ctx::actor(Permission::TokensWrite).await?;
    let service = ctx::service()?;
    let page = service.tokens(&actor, Some(q), serve::page(&after)?).await?;
    let people = serve::People::of(&service, &actor).await?;
    Ok(serve::list(page, |token| row(&token, &people, &actor, service.now())))
}

/// A token, with its secret where it has just been made here.
#[server(output = crate::wire::Answer)]
pub async fn token(id: String) -> Result<TokenDetail, UiError> {
    use crate::{
        ctx,
        pages::{products::api::parse_id, serve},
    };
    use holdfast_domain::Permission;
    let actor = ctx::actor(Permission::TokensWrite).await?;
    let service = ctx::service()?;
    let token = service.token(&actor, parse_id(&id)?).await?;
    let people = serve::People::of(&service, &actor).await?;
    let secret = ctx::note("token").and_then(|note| note.strip_prefix(&format!("{} ", token.id)).map(str::to_owned));
    Ok(TokenDetail { row: row(&token, &people, &actor, service.now()), secret })
}

/// What a new token of this person may be allowed.
#[server(output = crate::wire::Answer)]
pub async fn token_scopes() -> Result<Vec<ScopeChoice>, UiError> {
    use crate::ctx;
    use holdfast_domain::Permission;
    let actor = ctx::actor(Permission::TokensWrite).await?;
    let own = Permission::ALL.into_iter().filter(|permission| actor.may(*permission));
    Ok(own.map(|scope| ScopeChoice { name: scope.as_str().to_owned(), about: about(scope).to_owned() }).collect())
}

/// Makes a token and goes to its page, which shows the secret once.
#[server(output = crate::wire::Answer)]
pub async fn create_token(
    name: String,
    #[server(default)] expires_at: String,
    #[server(default)] scopes: BTreeMap<String, String>,
) -> Result<(), UiError> {
    use crate::{
        ctx,
        pages::serve::{day, parse},
    };
    use holdfast_domain::Permission;
    use holdfast_service::admin::inputs::CreateToken;
    let actor = ctx::actor(Permission::TokensWrite).await?;
    let input = CreateToken {
        name: parse("name", &name)?,
        scopes: scopes.keys().filter_map(|name| Permission::from_name(name)).collect(),
        expires_at: day("expires_at", &expires_at)?,
    };
    let made = ctx::service()?.create_token(&ctx::call(&actor), input).await?;
    ctx::set_note("token", &format!("{} {}", made.token.id, made.secret));
    ctx::redirect(&format!("/console/tokens/{}?done=token_created", made.token.id));
    Ok(())
}

/// Revokes a token.
#[server(output = crate::wire::Answer)]
pub async fn revoke_token(id: String, reason: String) -> Result<(), UiError> {
    use crate::{
        ctx,
        pages::{products::api::parse_id, serve::parse},
    };
    use holdfast_domain::Permission;
    let actor = ctx::actor(Permission::TokensWrite).await?;
    let call = ctx::call(&actor).because(parse("reason", &reason)?);
    let token = ctx::service()?.revoke_token(&call, parse_id(&id)?).await?;
    ctx::redirect(&format!("/console/tokens/{}?done=token_revoked", token.id));
    Ok(())
}

/// What a scope allows, in words.
#[cfg(feature = "ssr")]
const fn about(scope: holdfast_domain::Permission) -> &'static str {
    use holdfast_domain::Permission as P;
    match scope {
        P::CatalogRead => "Read products, plans and public keys",
        P::CatalogWrite => "Change products and plans",
        P::CustomersRead => "Read customers and orders",
        P::CustomersWrite => "Change customers, orders and notes",
        P::LicensesRead => "Read licenses and seats",
        P::LicensesWrite => "Issue licenses, change their terms, import",
        P::LicensesExtend => "Extend licenses",
        P::LicensesStatus => "Suspend, resume, revoke, reinstate, refund",
        P::SeatsRelease => "Free seats",
        P::KeyReveal => "See whole license keys",
        P::KeysWrite => "Make, rotate and revoke signing keys",
        P::TokensWrite => "Make and revoke tokens and webhooks",
        P::MembersWrite => "Invite, change and remove members",
        P::OwnersWrite => "Make and unmake owners",
        P::EventsReadAll => "Read the whole audit log",
        P::EventsReadOwn => "Read what it did itself",
        P::FleetRead => "Read nodes and alerts",
        P::FleetWrite => "Drain and resume nodes",
        P::ShopsRead => "Read shops, and which price is which plan",
        P::ShopsWrite => "Connect shops, and say which price is which plan",
    }
}

#[cfg(feature = "ssr")]
fn row(
    token: &holdfast_service::admin::views::TokenView,
    people: &crate::pages::serve::People,
    actor: &holdfast_service::Actor,
    now: holdfast_domain::Timestamp,
) -> TokenRow {
    use crate::ui::When;
    use holdfast_domain::{Role, event};
    let when = |at| When::new(at, now);
    TokenRow {
        id: token.id.to_string(),
        name: token.name.to_string(),
        hint: token.hint.clone(),
        scopes: token.scopes.iter().map(|scope| scope.as_str().to_owned()).collect(),
        who: token.created_by.map_or_else(|| "the command line".to_owned(), |id| people.who(&event::Actor::Member(id))),
        made: when(token.created_at),
        used: token.used_at.map(when),
        ends: token.expires_at.map(when),
        ended: token.expires_at.is_some_and(|end| end <= now),
        revoked: token.revoked_at.map(when),
        may_revoke: token.revoked_at.is_none()
            && (actor.role() != Some(Role::Developer) || token.created_by == actor.member_id()),
    }
}
