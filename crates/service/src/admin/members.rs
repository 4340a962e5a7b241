//! Members of a vendor: the people who sign in, and what each may do.

use super::{
    act::job,
    inputs::Password,
    invitations,
    page::{Page, PageRequest, map},
    password, tokens,
    undo::OFFERED,
    views::MemberView,
    webhooks,
};
use crate::{
    Call, Service,
    actor::Actor,
    error::{Error, ErrorCode, Result},
};
use holdfast_domain::{MemberId, Permission, Role, Timestamp};
use holdfast_store::{
    Tx, WriteOptions,
    factors::{self, FactorKind},
    invitations as stored_invitations, mails,
    members::{self, MemberRow, OwnerGuard},
    password_links, sessions,
};
use serde_json::json;

pub(super) fn show(row: &MemberRow) -> MemberView {
    MemberView {
        id: row.id,
        vendor: row.vendor,
        name: row.name.clone(),
        email: row.email.clone(),
        role: row.role,
        signed_in_at: row.last_login_at,
        removed_at: row.disabled_at,
        created_at: row.created_at,
    }
}

pub(super) fn absent() -> Error {
    Error::new(ErrorCode::NotFound)
}

async fn find(tx: &mut Tx, act: &super::act::Act, id: MemberId) -> Result<MemberRow> {
    members::get(tx, act.scope, id).await?.ok_or_else(absent)
}

/// Whoever makes, changes or removes an owner must be one (security design, the table of roles).
pub(super) fn may_touch(actor: &Actor, roles: &[Role]) -> Result<()> {
    actor.require(Permission::MembersWrite)?;
    if roles.contains(&Role::Owner) { actor.require(Permission::OwnersWrite) } else { Ok(()) }
}

/// The same for whoever gives somebody `role`. Nobody makes an owner in a browser that was left open.
pub(super) fn may_make(actor: &Actor, role: Role, now: Timestamp) -> Result<()> {
    may_touch(actor, &[role])?;
    if role == Role::Owner { actor.require_fresh(now) } else { Ok(()) }
}

impl Service {
    /// The vendor's members by time of creation, removed ones included; with `q` those with it in their name or address.
    pub async fn members(&self, actor: &Actor, q: Option<String>, page: PageRequest<()>) -> Result<Page<MemberView>> {
        actor.require(Permission::CatalogRead)?;
        let rows = members::list(&mut self.store().patient_reader(), actor.scope(), q.as_deref(), &page).await?;
        Ok(map(rows, |row| show(&row)))
    }

    /// A member.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`].
    pub async fn member(&self, actor: &Actor, id: MemberId) -> Result<MemberView> {
        actor.require(Permission::CatalogRead)?;
        let row = members::get(&mut self.store().patient_reader(), actor.scope(), id).await?;
        row.as_ref().map(show).ok_or_else(absent)
    }

    /// The kinds of second factors that members have.
    pub async fn member_factors(&self, actor: &Actor) -> Result<Vec<(MemberId, FactorKind)>> {
        actor.require(Permission::MembersWrite)?;
        Ok(factors::kinds(&mut self.store().patient_reader(), actor.scope()).await?)
    }

    /// Changes what a member may do. Ends their sessions, revokes those of their tokens that may do more, and takes back
    /// those of their invitations that nobody has accepted and that give more than they may.
    ///
    /// # Errors
    /// [`ErrorCode::LastOwner`] where no owner would be left, in a race either; [`ErrorCode::StepUpRequired`] for an owner
    /// without a fresh sign-in.
    pub async fn set_role(&self, call: &Call, id: MemberId, role: Role) -> Result<MemberView> {
        may_make(&call.actor, role, self.now())?;
        let (act, actor) = (self.act(call), call.actor.clone());
        self.commit(
            call,
            WriteOptions::default(),
            job!(act, actor => |tx| {
                let before = find(tx, &act, id).await?;
                may_touch(&actor, &[before.role])?;
                guarded(members::set_role(tx, act.scope, id, role).await?)?;
                sessions::end_of_member(tx, act.scope, id, None).await?;
                end_links(tx, &act, before.role).await?;
                let data = json!({ "before": { "role": before.role }, "after": { "role": role } });
                act.event(tx, "member.role_changed", id, data);
                tokens::revoke_beyond(tx, &act, id, Some(role)).await?;
                invitations::revoke_beyond(tx, &act, id, Some(role)).await?;
                Ok(show(&MemberRow { role, ..before }))
            }),
        )
        .await
    }

    /// Takes away a member's right to sign in, ends their sessions, revokes their tokens, takes back their invitations that
    /// nobody has accepted, and pauses their webhooks. What they did stays in the audit log.
    ///
    /// # Errors
    /// [`ErrorCode::LastOwner`] where no owner would be left, in a race either.
    pub async fn remove_member(&self, call: &Call, id: MemberId) -> Result<MemberView> {
        may_touch(&call.actor, &[])?;
        let (act, actor) = (self.act(call), call.actor.clone());
        self.commit(call, WriteOptions::default(), job!(act, actor => |tx| {
            let before = find(tx, &act, id).await?;
            may_touch(&actor, &[before.role])?;
            if before.disabled_at.is_some() {
                return Ok(show(&before));
            }
            guarded(members::set_disabled(tx, act.scope, id, Some(act.now)).await?)?;
            sessions::end_of_member(tx, act.scope, id, None).await?;
            end_links(tx, &act, before.role).await?;
            mails::end_about(tx, act.scope, &id.to_string(), act.now).await?;
            act.event(tx, "member.removed", id, json!({ "before": { "email": before.email, "role": before.role } }));
            tokens::revoke_beyond(tx, &act, id, None).await?;
            invitations::revoke_beyond(tx, &act, id, None).await?;
            webhooks::pause_of(tx, &act, id).await?;
            Ok(show(&MemberRow { disabled_at: Some(act.now), ..before }))
        }))
        .await
    }

    /// Lets a member in again who was removed in the last ten minutes, with the role, the password and the second factors of
    /// before. Their sessions have ended, their tokens stay revoked and their webhooks paused.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`]; [`ErrorCode::UndoConflict`] where they were removed longer ago, or not at all;
    /// [`ErrorCode::StepUpRequired`] for an owner without a fresh sign-in.
    pub async fn restore_member(&self, call: &Call, id: MemberId) -> Result<MemberView> {
        may_touch(&call.actor, &[])?;
        let (act, actor) = (self.act(call), call.actor.clone());
        self.commit(
            call,
            WriteOptions::default(),
            job!(act, actor => |tx| {
                let before = find(tx, &act, id).await?;
                may_make(&actor, before.role, act.now)?;
                if before.disabled_at.is_none_or(|at| act.now.since(at) > OFFERED) {
                    let detail = "They were removed more than ten minutes ago, or are back. Invite them again.";
                    return Err(Error::new(ErrorCode::UndoConflict).with_detail(detail));
                }
                guarded(members::set_disabled(tx, act.scope, id, None).await?)?;
                // An invitation to begin anew would be one for a member.
                stored_invitations::revoke_of(tx, act.scope, &before.email, act.now).await?;
                act.event(tx, "member.restored", id, json!({ "after": { "email": before.email, "role": before.role } }));
                Ok(show(&MemberRow { disabled_at: None, ..before }))
            }),
        )
        .await
    }

    /// Gives a member a new password, for somebody who has forgotten theirs, and the right to sign in. Ends their
    /// sessions.
    ///
    /// # Errors
    /// [`ErrorCode::PasswordTooWeak`]; [`ErrorCode::StepUpRequired`] without a fresh sign-in.
    pub async fn set_member_password(&self, call: &Call, id: MemberId, password: Password) -> Result<MemberView> {
        may_touch(&call.actor, &[])?;
        call.actor.require_fresh(self.now())?;
        let scope = call.actor.scope();
        let member = members::get(&mut self.store().patient_reader(), scope, id).await?.ok_or_else(absent)?;
        may_touch(&call.actor, &[member.role])?;
        password::check(&password, &member.email)?;
        let hash = self.admin().hasher.hash(&password, self.entropy()).await?;
        let (act, actor) = (self.act(call), call.actor.clone());
        self.commit(
            call,
            WriteOptions::default(),
            job!(act, actor, hash => |tx| {
                let before = find(tx, &act, id).await?;
                may_touch(&actor, &[before.role])?;
                members::set_password(tx, act.scope, id, &hash).await?;
                guarded(members::set_disabled(tx, act.scope, id, None).await?)?;
                sessions::end_of_member(tx, act.scope, id, None).await?;
                act.event(tx, "member.password_reset", id, json!({}));
                Ok(show(&MemberRow { disabled_at: None, ..before }))
            }),
        )
        .await
    }
}

/// Ends the links to new passwords that somebody of `role` may have made. Which of them is not known, so that all end: they
/// are few, short-lived and soon made anew.
async fn end_links(tx: &mut Tx, act: &super::act::Act, role: Role) -> Result<()> {
    if role.may(Permission::MembersWrite) {
        password_links::end_all(tx, act.scope).await?;
    }
    Ok(())
}

fn guarded(outcome: OwnerGuard) -> Result<()> {
    match outcome {
        OwnerGuard::Done => Ok(()),
        OwnerGuard::Absent => Err(absent()),
        OwnerGuard::LastOwner => Err(Error::new(ErrorCode::LastOwner)),
    }
}
