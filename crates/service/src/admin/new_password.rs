//! A new password for somebody who has forgotten theirs: by a link that an owner or admin hands over, which works once and
//! for a day. Whoever has a second factor owes it all the same.

use super::{
    act::job,
    inputs::Password,
    members::{absent, may_touch, show},
    password,
    second::{SignInStep, confirmed},
    views::{NewPasswordLink, PasswordLinkLook},
};
use crate::{
    Call, Service,
    actor::{Actor, RequestInfo},
    error::{Error, ErrorCode, Result},
    mail::Mail,
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use holdfast_domain::{MemberId, Permission, Seconds, entropy::random_bytes};
use holdfast_store::{WriteOptions, factors, mails, members, password_links, sessions, vendors};
use serde_json::json;
use sha2::{Digest as _, Sha256};

/// How long a link works.
const OPEN: Seconds = Seconds::DAY;

fn link_hash(secret: &str) -> [u8; 32] {
    Sha256::new().chain_update(b"holdfast-new-password\0").chain_update(secret).finalize().into()
}

fn invalid() -> Error {
    Error::new(ErrorCode::InvitationInvalid)
}

impl Service {
    /// Makes a link by which a member chooses a new password. Its secret is in the answer and nowhere else; an earlier link
    /// opens nothing any more. Until it is used, nothing changes for them.
    ///
    /// # Errors
    /// [`ErrorCode::StepUpRequired`] without a fresh sign-in; [`ErrorCode::Forbidden`] for an owner's by an admin, and for
    /// one's own; [`ErrorCode::InvalidRequest`] for somebody who was removed; [`ErrorCode::NotFound`].
    pub async fn make_password_link(&self, call: &Call, id: MemberId) -> Result<NewPasswordLink> {
        may_touch(&call.actor, &[])?;
        call.actor.require_fresh(self.now())?;
        let (act, actor) = (self.act(call), call.actor.clone());
        let secret = BASE64_URL_SAFE_NO_PAD.encode(random_bytes::<24>(self.entropy()));
        self.commit(
            call,
            WriteOptions::default(),
            job!(act, actor, secret => |tx| {
                // Whoever is removed or given another role at this moment leaves no link behind.
                if let Some(maker) = actor.member_behind() {
                    let maker = members::lock(tx, act.scope, maker).await?.filter(|maker| maker.disabled_at.is_none());
                    if !maker.is_some_and(|maker| maker.role.may(Permission::MembersWrite)) {
                        return Err(Error::new(ErrorCode::Forbidden));
                    }
                }
                let member = members::lock(tx, act.scope, id).await?.ok_or_else(absent)?;
                may_touch(&actor, &[member.role])?;
                if actor.member_id() == Some(id) {
                    let detail = "Your own password is under Sign-in and security.";
                    return Err(Error::new(ErrorCode::Forbidden).with_detail(detail));
                }
                if member.disabled_at.is_some() {
                    return Err(Error::invalid("/id", "They were removed. Invite them again."));
                }
                let expires_at = act.now.plus(OPEN);
                password_links::put(tx, act.scope, id, link_hash(&secret), expires_at).await?;
                mails::end_about(tx, act.scope, &id.to_string(), act.now).await?;
                let mailed = match &act.service.settings().mail {
                    Some(way) => {
                        let mail = Mail::NewPassword { link: format!("{}/password/{secret}", way.site), until: expires_at };
                        act.mail(tx, &member.email, id, &mail, Some(expires_at)).await?
                    }
                    None => false,
                };
                act.event(tx, "member.password_link_made", id, json!({}));
                Ok(NewPasswordLink { member: show(&member), expires_at, secret, mailed })
            }),
        )
        .await
    }

    /// Whose password the link is to, for whoever holds it. Uses nothing up.
    ///
    /// # Errors
    /// [`ErrorCode::InvitationInvalid`].
    pub async fn look_at_password_link(&self, secret: &str) -> Result<PasswordLinkLook> {
        let mut reader = self.store().patient_reader();
        let link = password_links::by_hash(&mut reader, link_hash(secret), self.now()).await?.ok_or_else(invalid)?;
        let member = members::get(&mut reader, link.scope(), link.member).await?.ok_or_else(invalid)?;
        let vendor = vendors::by_public_id(&mut reader, link.vendor).await?.ok_or_else(invalid)?;
        Ok(PasswordLinkLook { vendor: vendor.name, email: member.email, expires_at: link.expires_at })
    }

    /// Gives whoever holds the link the password that they choose, ends all their sessions and signs them in; or asks for
    /// their second factor where they have one.
    ///
    /// # Errors
    /// [`ErrorCode::InvitationInvalid`]; [`ErrorCode::PasswordTooWeak`]; [`ErrorCode::RateLimited`].
    pub async fn choose_password(&self, secret: &str, password: Password, from: &RequestInfo) -> Result<SignInStep> {
        let (hash, now) = (link_hash(secret), self.now());
        let link = password_links::by_hash(&mut self.store().patient_reader(), hash, now).await?;
        let Some(link) = link else { return Err(self.wrong_link(from).await?) };
        let (mut reader, scope) = (self.store().patient_reader(), link.scope());
        let member = members::get(&mut reader, scope, link.member).await?.ok_or_else(invalid)?;
        if confirmed(&factors::of_member(&mut reader, scope, member.id).await?).next().is_some() {
            password::check_with_factor(&password, &member.email)?;
        } else {
            password::check(&password, &member.email)?;
        }
        let password_hash = self.admin().hasher.hash(&password, self.entropy()).await?;
        let who = Actor::member(member.vendor, member.id, member.role, None, None);
        let (act, id) = (self.act(&Call::new(who, from.clone())), member.id);
        let chosen = self.store().write(
            WriteOptions::default(),
            job!(act, password_hash => |tx| {
                let member = members::lock(tx, act.scope, id).await?.filter(|member| member.disabled_at.is_none());
                let member = member.ok_or_else(invalid)?;
                if !password_links::take(tx, act.scope, id, hash, act.now).await? {
                    return Err(invalid());
                }
                members::set_password(tx, act.scope, id, &password_hash).await?;
                sessions::end_of_member(tx, act.scope, id, None).await?;
                mails::end_about(tx, act.scope, &id.to_string(), act.now).await?;
                act.event(tx, "member.password_reset", id, json!({}));
                Ok::<_, Error>(member)
            }),
        );
        self.first_half(&chosen.await?, from, None).await
    }
}
