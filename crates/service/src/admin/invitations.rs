//! Invitations: how somebody becomes a member without anybody else knowing their password.

use super::{
    act::{Act, job},
    auth::limited,
    inputs::{AcceptInvitation, InviteMember},
    members::{may_make, may_touch},
    page::{Page, PageRequest, map},
    password,
    second::SignInStep,
    tokens,
    views::{InvitationLook, InvitationView, NewInvitation},
};
use crate::{
    Call, Service,
    actor::{Actor, RequestInfo},
    error::{Error, ErrorCode, Result},
    mail::Mail,
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use holdfast_domain::{InvitationId, MemberId, Name, Permission, Role, Seconds, Timestamp, entropy::random_bytes};
use holdfast_store::{
    Constraint, Tx, WriteOptions, factors,
    invitations::{self, InvitationRow},
    mails,
    members::{self, MemberRow},
    providers, vendors,
};
use serde_json::json;
use sha2::{Digest as _, Sha256};

/// How long an invitation can be accepted.
const OPEN: Seconds = Seconds::days(7);

fn token_hash(secret: &str) -> [u8; 32] {
    Sha256::new().chain_update(b"holdfast-invitation\0").chain_update(secret).finalize().into()
}

fn show(row: &InvitationRow, now: Timestamp) -> InvitationView {
    InvitationView {
        id: row.id,
        email: row.email.clone(),
        role: row.role,
        invited_by: row.invited_by,
        created_at: row.created_at,
        expires_at: row.expires_at,
        open: row.is_open(now),
    }
}

fn invalid() -> Error {
    Error::new(ErrorCode::InvitationInvalid)
}

/// Mails the link to whoever is invited, in place of one that may still be on its way. Whether it is mailed.
async fn mail(act: &Act, tx: &mut Tx, row: &InvitationRow, (secret, by): (&str, Option<&Name>)) -> Result<bool> {
    mails::end_about(tx, act.scope, &row.id.to_string(), act.now).await?;
    let Some(way) = &act.service.settings().mail else { return Ok(false) };
    let mail = Mail::Invitation {
        role: row.role,
        by: by.map(ToString::to_string),
        link: format!("{}/invite/{secret}", way.site),
        until: row.expires_at,
    };
    act.mail(tx, &row.email, row.id, &mail, Some(row.expires_at)).await
}

/// What it takes to give somebody `role`.
fn to_give(role: Role) -> Permission {
    if role == Role::Owner { Permission::OwnersWrite } else { Permission::MembersWrite }
}

/// `Ok` where whoever invites, or made the token that does, may still do it: whoever is removed or given another role at
/// this moment leaves no invitation behind. With their name.
async fn still_may(act: &Act, tx: &mut Tx, inviter: Option<MemberId>, role: Role) -> Result<Option<Name>> {
    let Some(inviter) = inviter else { return Ok(None) };
    let inviter = members::lock(tx, act.scope, inviter).await?.filter(|inviter| inviter.disabled_at.is_none());
    match inviter {
        Some(inviter) if inviter.role.may(to_give(role)) => Ok(Some(inviter.name)),
        _ => Err(Error::new(ErrorCode::Forbidden)),
    }
}

async fn revoked(act: &Act, tx: &mut Tx, row: &InvitationRow) -> Result<()> {
    mails::end_about(tx, act.scope, &row.id.to_string(), act.now).await?;
    let data = json!({ "before": { "email": row.email, "role": row.role } });
    act.event(tx, "member.invitation_revoked", row.id, data);
    Ok(())
}

/// Takes back what a member has invited to who has `role` from now on, or none any more: what that role may not give.
pub(super) async fn revoke_beyond(tx: &mut Tx, act: &Act, inviter: MemberId, role: Option<Role>) -> Result<()> {
    for row in invitations::of_inviter(tx, act.scope, inviter).await? {
        let still_may = role.is_some_and(|role| role.may(to_give(row.role)));
        if !still_may && invitations::revoke(tx, act.scope, row.id, act.now).await? {
            revoked(act, tx, &row).await?;
        }
    }
    Ok(())
}

impl Service {
    fn new_invitation_secret(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(random_bytes::<24>(self.entropy()))
    }

    /// Invites somebody. The secret of the link is in the answer and nowhere else; an earlier invitation of the same address
    /// opens nothing any more. What other vendors know of the address makes no difference.
    ///
    /// # Errors
    /// [`ErrorCode::EmailTaken`] for a member of the vendor; [`ErrorCode::Forbidden`] for an owner invited by an admin, and where that
    /// would take an owner's invitation back; [`ErrorCode::StepUpRequired`] for an owner without a fresh sign-in.
    pub async fn invite(&self, call: &Call, input: InviteMember) -> Result<NewInvitation> {
        may_make(&call.actor, input.role, self.now())?;
        let (act, actor, secret) = (self.act(call), call.actor.clone(), self.new_invitation_secret());
        let row = InvitationRow {
            id: InvitationId::new(act.now, self.entropy()),
            vendor: call.actor.vendor(),
            email: input.email,
            role: input.role,
            token_hash: token_hash(&secret),
            invited_by: call.actor.member_behind(),
            created_at: act.now,
            expires_at: act.now.plus(OPEN),
            accepted_at: None,
            revoked_at: None,
        };
        let made = self.commit(
            call,
            WriteOptions::default(),
            job!(act, actor, row, secret => |tx| {
                let by = still_may(&act, tx, row.invited_by, row.role).await?;
                let known = members::by_email(tx, &row.email).await?;
                if known.is_some_and(|known| known.vendor == row.vendor && known.disabled_at.is_none()) {
                    return Err(Error::new(ErrorCode::EmailTaken).with_pointer("/email"));
                }
                let open = invitations::of_address(tx, act.scope, &row.email).await?;
                may_touch(&actor, &open.iter().map(|open| open.role).collect::<Vec<_>>())?;
                invitations::revoke_of(tx, act.scope, &row.email, act.now).await?;
                for open in open {
                    mails::end_about(tx, act.scope, &open.id.to_string(), act.now).await?;
                }
                invitations::insert(tx, act.scope, &row).await?;
                let mailed = mail(&act, tx, &row, (&secret, by.as_ref())).await?;
                act.event(tx, "member.invited", row.id, json!({ "after": { "email": row.email, "role": row.role } }));
                Ok(NewInvitation { invitation: show(&row, act.now), secret, mailed })
            }),
        );
        made.await
    }

    /// The invitations that wait by time of creation, those that have run out included; with `q` those with it in their
    /// address.
    pub async fn invitations(
        &self,
        actor: &Actor,
        q: Option<String>,
        page: PageRequest<()>,
    ) -> Result<Page<InvitationView>> {
        actor.require(Permission::MembersWrite)?;
        let mut reader = self.store().patient_reader();
        let rows = invitations::waiting(&mut reader, actor.scope(), q.as_deref(), &page).await?;
        Ok(map(rows, |row| show(&row, self.now())))
    }

    /// Makes a new link for an invitation, good for another seven days; the one of before opens nothing any more.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] where it was accepted or taken back; [`ErrorCode::Forbidden`] for an owner's by an admin;
    /// [`ErrorCode::StepUpRequired`] for an owner's without a fresh sign-in.
    pub async fn resend_invitation(&self, call: &Call, id: InvitationId) -> Result<NewInvitation> {
        may_touch(&call.actor, &[])?;
        let (act, actor, secret) = (self.act(call), call.actor.clone(), self.new_invitation_secret());
        let made = self.commit(
            call,
            WriteOptions::default(),
            job!(act, actor, secret => |tx| {
                let absent = || Error::new(ErrorCode::NotFound);
                let row = invitations::get(tx, act.scope, id).await?.ok_or_else(absent)?;
                may_make(&actor, row.role, act.now)?;
                let by = still_may(&act, tx, actor.member_behind(), row.role).await?;
                let row = InvitationRow { token_hash: token_hash(&secret), expires_at: act.now.plus(OPEN), ..row };
                if !invitations::renew(tx, act.scope, id, row.token_hash, row.expires_at).await? {
                    return Err(absent());
                }
                let mailed = mail(&act, tx, &row, (&secret, by.as_ref())).await?;
                act.event(tx, "member.invited_again", id, json!({ "after": { "email": row.email, "role": row.role } }));
                Ok(NewInvitation { invitation: show(&row, act.now), secret, mailed })
            }),
        );
        made.await
    }

    /// Takes an invitation back.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] where it was accepted or taken back before.
    pub async fn revoke_invitation(&self, call: &Call, id: InvitationId) -> Result<InvitationView> {
        may_touch(&call.actor, &[])?;
        let (act, actor) = (self.act(call), call.actor.clone());
        let revoked = self.commit(
            call,
            WriteOptions::default(),
            job!(act, actor => |tx| {
                let absent = || Error::new(ErrorCode::NotFound);
                let row = invitations::get(tx, act.scope, id).await?.ok_or_else(absent)?;
                may_touch(&actor, &[row.role])?;
                if !invitations::revoke(tx, act.scope, id, act.now).await? {
                    return Err(absent());
                }
                revoked(&act, tx, &row).await?;
                Ok(show(&InvitationRow { revoked_at: Some(act.now), ..row }, act.now))
            }),
        );
        revoked.await
    }

    /// What an invitation is to, for whoever holds its link. Uses nothing up.
    ///
    /// # Errors
    /// [`ErrorCode::InvitationInvalid`].
    pub async fn look_at_invitation(&self, secret: &str) -> Result<InvitationLook> {
        let mut reader = self.store().patient_reader();
        let row = invitations::by_hash(&mut reader, token_hash(secret), self.now()).await?.ok_or_else(invalid)?;
        let vendor = vendors::by_public_id(&mut reader, row.vendor).await?.ok_or_else(invalid)?;
        Ok(InvitationLook { vendor: vendor.name, email: row.email, role: row.role, expires_at: row.expires_at })
    }

    /// Makes whoever holds the link a member and signs them in. Somebody who was removed comes back with nothing of before.
    ///
    /// # Errors
    /// [`ErrorCode::InvitationInvalid`], also for the address of another vendor's member; [`ErrorCode::PasswordTooWeak`];
    /// [`ErrorCode::EmailTaken`] where the person became a member meanwhile; [`ErrorCode::RateLimited`].
    pub async fn accept_invitation(
        &self,
        secret: &str,
        input: AcceptInvitation,
        from: &RequestInfo,
    ) -> Result<SignInStep> {
        let hash = token_hash(secret);
        let open = invitations::by_hash(&mut self.store().patient_reader(), hash, self.now()).await?;
        let Some(open) = open else { return Err(self.wrong_link(from).await?) };
        password::check(&input.password, &open.email)?;
        let password_hash = self.admin().hasher.hash(&input.password, self.entropy()).await?;
        let now = self.now();
        let new = MemberRow {
            id: MemberId::new(now, self.entropy()),
            vendor: open.vendor,
            email: open.email.clone(),
            name: input.name,
            role: open.role,
            password_hash: Some(password_hash),
            totp_sealed: None,
            created_at: now,
            last_login_at: None,
            disabled_at: None,
            factor_due_at: None,
        };
        let member = self.become_member(new, Some(hash), None, from).await?;
        self.first_half(&member, from, None).await
    }

    /// What whoever comes with a link that opens nothing is told. Guesses at links cost as much as guesses at set-up codes.
    pub(super) async fn wrong_link(&self, from: &RequestInfo) -> Result<Error> {
        let counter = format!("invitation:{}", super::auth::address_counter(from).unwrap_or_default());
        Ok(if self.count(counter).await? > super::auth::FAILURES { limited() } else { invalid() })
    }

    /// Makes somebody a member: by an invitation, or because a provider vouches for them. `link` is who they are there.
    pub(super) async fn become_member(
        &self,
        new: MemberRow,
        invitation: Option<[u8; 32]>,
        link: Option<(String, String)>,
        from: &RequestInfo,
    ) -> Result<MemberRow> {
        let known = members::by_email(&mut self.store().patient_reader(), &new.email).await?;
        let (new, again) = match known {
            None => (new, false),
            Some(known) if known.vendor == new.vendor && known.disabled_at.is_some() => {
                (MemberRow { id: known.id, created_at: known.created_at, ..new }, true)
            }
            Some(known) if known.vendor == new.vendor => return Err(Error::new(ErrorCode::EmailTaken)),
            // Whom another vendor knows is not told: the link opens as little as one that has ended.
            Some(_) => return Err(invalid()),
        };
        let who = Actor::member(new.vendor, new.id, new.role, None, None);
        let act = self.act(&Call::new(who, from.clone()));
        let made = self.store().write(
            WriteOptions::default(),
            job!(act, new, link => |tx| {
                let mut new = new.clone();
                if let Some(hash) = invitation {
                    // What the invitation says now: it may have been replaced meanwhile.
                    let taken = invitations::take(tx, hash, act.now).await?.ok_or_else(invalid)?;
                    new.role = taken.role;
                    mails::end_about(tx, act.scope, &taken.id.to_string(), act.now).await?;
                }
                if again {
                    let back = members::get(tx, act.scope, new.id).await?;
                    if back.is_none_or(|back| back.disabled_at.is_none()) {
                        return Err(Error::new(ErrorCode::EmailTaken));
                    }
                    factors::reset(tx, act.scope, new.id).await?;
                    tokens::revoke_beyond(tx, &act, new.id, None).await?;
                    providers::unlink(tx, act.scope, new.id).await?;
                    members::begin_anew(tx, &new).await?;
                } else {
                    members::insert(tx, act.scope, &new).await.map_err(|error| {
                        // Of this vendor or of another, at this very moment.
                        if error.is_conflict(Constraint::MemberEmail) { invalid() } else { error.into() }
                    })?;
                }
                invitations::revoke_of(tx, act.scope, &new.email, act.now).await?;
                if let Some((issuer, subject)) = &link {
                    providers::link(tx, act.scope, issuer, subject, new.id, act.now).await?;
                }
                let data = json!({ "after": { "email": new.email, "role": new.role } });
                act.event(tx, "member.joined", new.id, data);
                Ok::<_, Error>(new)
            }),
        );
        made.await
    }
}
