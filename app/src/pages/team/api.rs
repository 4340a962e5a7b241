//! Server functions of the team.

use leptos::prelude::*;

use super::model::{MemberDetail, MemberStep, ProviderForm, TeamView};
use crate::error::UiError;

/// Everybody, and who was invited; with `q` those with it in their name or address.
#[server(output = crate::wire::Answer)]
pub async fn team(q: String) -> Result<TeamView, UiError> {
    use super::model::{InvitationRow, Link};
    use crate::{ctx, ui::When};
    use holdfast_domain::{Permission, Role};
    let actor = ctx::actor(Permission::CatalogRead).await?;
    let (service, may_change) = (ctx::service()?, actor.may(Permission::MembersWrite));
    let now = service.now();
    let people = people(&service, &actor, &q).await?;
    let invitations = if may_change { service.invitations(&actor, Some(q), page()).await?.items } else { Vec::new() };
    let owners = actor.may(Permission::OwnersWrite);
    let invitations = invitations.into_iter().map(|invitation| InvitationRow {
        id: invitation.id.to_string(),
        email: invitation.email.to_string(),
        role: invitation.role.as_str().to_owned(),
        until: When::new(invitation.expires_at, now),
        open: invitation.open,
        may_change: owners || invitation.role != Role::Owner,
    });
    let link = ctx::note("invitation").filter(|_| may_change);
    let link = link.and_then(|link| link.split_once(' ').map(|(email, link)| (email.to_owned(), link.to_owned())));
    let link = link.map(|(email, link)| {
        let lasts = if link.contains(PASSWORD) { "a day" } else { "seven days" };
        let (address, mailed) = link.strip_suffix(MAILED).map_or((link.as_str(), false), |address| (address, true));
        Link { email, address: address.to_owned(), lasts: lasts.to_owned(), mailed }
    });
    Ok(TeamView { members: people, invitations: invitations.collect(), link, may_change, owners })
}

/// As many as a page has.
#[cfg(feature = "ssr")]
fn page() -> holdfast_service::admin::page::PageRequest<()> {
    use holdfast_service::admin::page::{Limit, PageRequest};
    PageRequest { limit: Limit::new(200), ..PageRequest::default() }
}

#[cfg(feature = "ssr")]
async fn people(
    service: &holdfast_service::Service,
    actor: &holdfast_service::Actor,
    q: &str,
) -> Result<Vec<super::model::MemberRow>, UiError> {
    use holdfast_domain::Permission;
    use holdfast_service::admin::page::PageRequest;
    let known = if actor.may(Permission::MembersWrite) { Some(service.member_factors(actor).await?) } else { None };
    let mut found = Vec::new();
    let mut page = page();
    loop {
        let members = service.members(actor, Some(q.to_owned()), page).await?;
        found.extend(members.items.iter().map(|member| row(service, actor, member, known.as_deref())));
        let Some(next) = members.next else { break };
        page = PageRequest { after: Some(next), ..self::page() };
    }
    // Those who were removed last.
    found.sort_by_key(|row| row.removed);
    Ok(found)
}

#[cfg(feature = "ssr")]
fn row(
    service: &holdfast_service::Service,
    actor: &holdfast_service::Actor,
    member: &holdfast_service::admin::views::MemberView,
    known: Option<&[(holdfast_domain::MemberId, holdfast_service::FactorKind)]>,
) -> super::model::MemberRow {
    use crate::ui::When;
    use holdfast_domain::{Permission, Role};
    use holdfast_service::FactorKind;
    let factors = known.map(|known| {
        let has = |kind| known.contains(&(member.id, kind));
        match (has(FactorKind::Totp), has(FactorKind::Passkey)) {
            (true, true) => "App, passkey",
            (true, false) => "App",
            (false, true) => "Passkey",
            (false, false) => "None",
        }
    });
    let removed = member.removed_at.is_some();
    super::model::MemberRow {
        id: member.id.to_string(),
        name: member.name.to_string(),
        email: member.email.to_string(),
        role: member.role.as_str().to_owned(),
        signed_in: member.signed_in_at.map(|at| When::new(at, service.now())),
        factor_missing: factors == Some("None") && member.role.requires_factor() && !removed,
        factors: factors.map(str::to_owned),
        removed,
        me: actor.member_id() == Some(member.id),
        may_change: actor.may(Permission::MembersWrite)
            && (member.role != Role::Owner || actor.may(Permission::OwnersWrite)),
    }
}

/// A role by its name.
#[cfg(feature = "ssr")]
fn role(text: &str) -> Result<holdfast_domain::Role, UiError> {
    holdfast_domain::Role::from_name(text).ok_or_else(|| UiError::field("role", "One of the roles."))
}

/// Under which address a link to a new password opens.
#[cfg(feature = "ssr")]
const PASSWORD: &str = "/password/";

/// What stands behind a link that is mailed as well.
#[cfg(feature = "ssr")]
const MAILED: &str = " mailed";

/// Hands a link to whoever has made it, once.
#[cfg(feature = "ssr")]
fn hand_over(email: &holdfast_domain::Email, path: &str, (secret, mailed): (&str, bool), done: &str) {
    use crate::ctx;
    let origin = ctx::origin().unwrap_or_default();
    let mailed = if mailed { MAILED } else { "" };
    ctx::set_note("invitation", &format!("{email} {origin}{path}{secret}{mailed}"));
    ctx::redirect(&format!("/console/team?done={done}#link"));
}

/// The same for an invitation.
#[cfg(feature = "ssr")]
fn hand_invitation_over(made: &holdfast_service::admin::views::NewInvitation) {
    hand_over(&made.invitation.email, "/invite/", (&made.secret, made.mailed), "invited");
}

/// Invites somebody.
#[server(output = crate::wire::Answer)]
pub async fn invite(email: String, role: String) -> Result<(), UiError> {
    use crate::{ctx, pages::serve::parse};
    use holdfast_domain::Permission;
    use holdfast_service::admin::inputs::InviteMember;
    let actor = ctx::actor(Permission::MembersWrite).await?;
    let input = InviteMember { email: parse("email", &email)?, role: self::role(&role)? };
    hand_invitation_over(&ctx::service()?.invite(&ctx::call(&actor), input).await?);
    Ok(())
}

/// Makes a new link for an invitation.
#[server(output = crate::wire::Answer)]
pub async fn resend_invitation(id: String) -> Result<(), UiError> {
    use crate::{ctx, pages::products::api::parse_id};
    use holdfast_domain::Permission;
    let actor = ctx::actor(Permission::MembersWrite).await?;
    hand_invitation_over(&ctx::service()?.resend_invitation(&ctx::call(&actor), parse_id(&id)?).await?);
    Ok(())
}

/// Takes an invitation back.
#[server(output = crate::wire::Answer)]
pub async fn revoke_invitation(id: String) -> Result<(), UiError> {
    use crate::{ctx, pages::products::api::parse_id};
    use holdfast_domain::Permission;
    let actor = ctx::actor(Permission::MembersWrite).await?;
    ctx::service()?.revoke_invitation(&ctx::call(&actor), parse_id(&id)?).await?;
    ctx::drop_note("invitation");
    ctx::redirect("/console/team?done=invitation_revoked");
    Ok(())
}

/// A member.
#[server(output = crate::wire::Answer)]
pub async fn member(id: String) -> Result<MemberDetail, UiError> {
    use crate::pages::mail::model::Bounced;
    use crate::{ctx, pages::products::api::parse_id, ui::When};
    use holdfast_domain::Permission;
    use holdfast_service::admin::undo::OFFERED;
    let actor = ctx::actor(Permission::CatalogRead).await?;
    let service = ctx::service()?;
    let member = service.member(&actor, parse_id(&id)?).await?;
    let known = if actor.may(Permission::MembersWrite) { Some(service.member_factors(&actor).await?) } else { None };
    let row = row(&service, &actor, &member, known.as_deref());
    let bounced = service.mail_bounce(&actor, &member.email).await?;
    let bounced = bounced.map(|(at, said)| Bounced { at: When::new(at, service.now()), said });
    let until = member.removed_at.map(|at| at.plus(OFFERED)).filter(|until| row.may_change && *until >= service.now());
    Ok(MemberDetail { row, bounced, undo_until: until.map(|until| When::new(until, service.now())) })
}

/// What a step with a member would do, and what it asks for.
#[server(output = crate::wire::Answer)]
pub async fn look_at_member_step(id: String, step: String) -> Result<MemberStep, UiError> {
    use super::{
        model::roles,
        steps::{Step, consequences},
    };
    use crate::{ctx, pages::products::api::parse_id};
    use holdfast_domain::{Permission, Role};
    use holdfast_service::{Error, ErrorCode};
    let actor = ctx::actor(Permission::MembersWrite).await?;
    let service = ctx::service()?;
    let step = Step::from_name(&step).filter(|step| *step != Step::Restore);
    let step = step.ok_or_else(|| Error::new(ErrorCode::NotFound))?;
    let member = service.member(&actor, parse_id(&id)?).await?;
    let owners = actor.may(Permission::OwnersWrite);
    if member.role == Role::Owner && !owners {
        return Err(Error::new(ErrorCode::Forbidden).into());
    }
    let leaves = if step == Step::Remove { leaves(&service, &actor, member.id).await? } else { String::new() };
    let me = actor.member_id() == Some(member.id);
    Ok(MemberStep {
        id: member.id.to_string(),
        name: member.name.to_string(),
        title: step.title(me).to_owned(),
        whose: format!("{}, {}", member.email, member.role.as_str()),
        consequences: consequences(step, &leaves),
        roles: if step == Step::Role { roles(owners) } else { Vec::new() },
        role: member.role.as_str().to_owned(),
        ends_access: step == Step::Remove,
    })
}

/// What of a member's ends when they are removed: programs by name.
#[cfg(feature = "ssr")]
async fn leaves(
    service: &holdfast_service::Service,
    actor: &holdfast_service::Actor,
    id: holdfast_domain::MemberId,
) -> Result<String, UiError> {
    use holdfast_service::admin::page::PageRequest;
    let (mut names, mut after) = (Vec::new(), None);
    loop {
        let tokens = service.tokens(actor, None, PageRequest { after, ..page() }).await?;
        let works = |end: Option<holdfast_domain::Timestamp>| end.is_none_or(|end| end > service.now());
        let own = tokens.items.into_iter().filter(|token| token.created_by == Some(id));
        let own = own.filter(|token| token.revoked_at.is_none() && works(token.expires_at));
        names.extend(own.map(|token| token.name.to_string()));
        after = tokens.next;
        if after.is_none() {
            break;
        }
    }
    let webhooks = service.webhooks(actor, None, page()).await?.items.into_iter();
    let paused = webhooks.filter(|webhook| webhook.created_by == Some(id) && webhook.paused.is_none()).count();
    let mut words = Vec::new();
    if !names.is_empty() {
        words.push(format!("API tokens that they made are revoked: {}.", names.join(", ")));
    }
    if paused > 0 {
        words.push(format!("Webhooks that they made are paused: {paused}."));
    }
    let open = service
        .invitations(actor, None, page())
        .await?
        .items
        .into_iter()
        .filter(|open| open.invited_by == Some(id) && open.open)
        .count();
    if open > 0 {
        words.push(format!("Invitations of theirs that nobody has accepted are taken back: {open}."));
    }
    Ok(words.join(" "))
}

/// Takes a step with a member: gives them another role, makes a link to a new password, takes their second factors or
/// their right to sign in away, each for a reason; or lets somebody in again who was removed a moment ago.
#[server(output = crate::wire::Answer)]
pub async fn step_member(
    id: String,
    step: String,
    #[server(default)] role: String,
    #[server(default)] reason: String,
) -> Result<(), UiError> {
    use super::steps::Step;
    use crate::{
        ctx,
        pages::{products::api::parse_id, serve::parse},
    };
    use holdfast_domain::{MemberId, Permission};
    use holdfast_service::{Error, ErrorCode};
    let actor = ctx::actor(Permission::MembersWrite).await?;
    let (service, call) = (ctx::service()?, ctx::call(&actor));
    let id: MemberId = parse_id(&id)?;
    let step = Step::from_name(&step).ok_or_else(|| Error::new(ErrorCode::NotFound))?;
    let call = if step == Step::Restore { call } else { call.because(parse("reason", &reason)?) };
    match step {
        Step::Role => service.set_role(&call, id, self::role(&role)?).await.map(|_| ())?,
        Step::Password => {
            let made = service.make_password_link(&call, id).await?;
            hand_over(&made.member.email, PASSWORD, (&made.secret, made.mailed), "password_link_made");
            return Ok(());
        }
        Step::Factors => service.reset_factors(&call, id).await.map(|_| ())?,
        Step::Remove => service.remove_member(&call, id).await.map(|_| ())?,
        Step::Restore => service.restore_member(&call, id).await.map(|_| ())?,
    }
    changed(&actor, id, step.done()).await
}

/// Leads on after a change of a member: to the door where it ended one's own session.
#[cfg(feature = "ssr")]
async fn changed(actor: &holdfast_service::Actor, id: holdfast_domain::MemberId, done: &str) -> Result<(), UiError> {
    use crate::ctx;
    if actor.member_id() == Some(id) {
        ctx::let_out().await?;
        ctx::redirect("/sign-in?done=signed_out");
    } else {
        ctx::redirect(&format!("/console/team/{id}?done={done}"));
    }
    Ok(())
}

/// Through whom people may sign in.
#[server(output = crate::wire::Answer)]
pub async fn provider() -> Result<ProviderForm, UiError> {
    use crate::ctx;
    use holdfast_domain::Permission;
    let actor = ctx::actor(Permission::OwnersWrite).await?;
    let found = ctx::service()?.provider(&actor).await?;
    let origin = ctx::origin().unwrap_or_default();
    let (back, begin) = (format!("{origin}/sign-in/return"), format!("{origin}/sign-in/with/{}", actor.vendor()));
    Ok(match found {
        None => ProviderForm { back, begin, ..ProviderForm::default() },
        Some(view) => ProviderForm {
            is_set: true,
            issuer: view.issuer,
            client_id: view.client_id,
            domains: view.domains.join(", "),
            new_role: view.new_role.map(|role| role.as_str().to_owned()).unwrap_or_default(),
            back,
            begin,
        },
    })
}

/// Sets through whom people may sign in.
#[server(output = crate::wire::Answer)]
pub async fn set_provider(
    issuer: String,
    client_id: String,
    #[server(default)] secret: String,
    domains: String,
    #[server(default)] new_role: String,
) -> Result<(), UiError> {
    use crate::ctx;
    use holdfast_domain::Permission;
    use holdfast_service::admin::inputs::{Password, SetProvider};
    let actor = ctx::actor(Permission::OwnersWrite).await?;
    let parts = domains.split([',', ' ', '\n', '\r', ';']).filter(|part| !part.is_empty());
    let input = SetProvider {
        issuer,
        client_id,
        secret: Password::new(secret),
        domains: parts.map(str::to_owned).collect(),
        new_role: if new_role.is_empty() { None } else { Some(role(&new_role)?) },
    };
    ctx::service()?.set_provider(&ctx::call(&actor), input).await?;
    ctx::redirect("/console/team/sign-in?done=provider_set");
    Ok(())
}

/// Takes the provider away.
#[server(output = crate::wire::Answer)]
pub async fn remove_provider(reason: String) -> Result<(), UiError> {
    use crate::{ctx, pages::serve::parse};
    use holdfast_domain::Permission;
    let actor = ctx::actor(Permission::OwnersWrite).await?;
    let call = ctx::call(&actor).because(parse("reason", &reason)?);
    ctx::service()?.remove_provider(&call).await?;
    ctx::redirect("/console/team/sign-in?done=provider_removed");
    Ok(())
}
