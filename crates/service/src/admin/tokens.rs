//! API tokens: what programs prove themselves with; shown once, stored hashed, scoped.

use super::{
    act::{Act, job},
    inputs::CreateToken,
    page::{Page, PageRequest, map},
    views::{NewToken, TokenView},
};
use crate::{
    Call, Service,
    actor::Actor,
    error::{Error, ErrorCode, Result},
};
use holdfast_domain::{MemberId, Name, Permission, Role, Seconds, TokenId, VendorId, token::ApiToken};
use holdfast_store::{
    Tx, WriteOptions,
    changes::ChangeKind,
    members,
    tokens::{self, Permissions, TokenRow},
};
use serde_json::json;

/// How often the last use of a token is written at most.
const TOUCH_EVERY: Seconds = Seconds::MINUTE;

fn show(row: &TokenRow) -> TokenView {
    TokenView {
        id: row.id,
        name: row.name.clone(),
        hint: row.hint.clone(),
        scopes: row.permissions.0.clone(),
        created_by: row.created_by,
        used_at: row.last_used_at,
        expires_at: row.expires_at,
        revoked_at: row.revoked_at,
        created_at: row.created_at,
    }
}

fn absent() -> Error {
    Error::new(ErrorCode::NotFound)
}

/// A token that is not yet stored.
pub(super) fn new_row(
    service: &Service,
    vendor: VendorId,
    maker: Option<MemberId>,
    name: Name,
    scopes: Vec<Permission>,
    secret: &ApiToken,
) -> TokenRow {
    let now = service.now();
    TokenRow {
        id: TokenId::new(now, service.entropy()),
        vendor,
        name,
        hash: secret.hash(),
        hint: secret.hint().to_owned(),
        permissions: Permissions(scopes),
        created_by: maker,
        created_at: now,
        expires_at: None,
        revoked_at: None,
        last_used_at: None,
    }
}

pub(super) async fn insert(tx: &mut Tx, act: &Act, row: &TokenRow) -> Result<()> {
    tokens::insert(tx, act.scope, row).await?;
    act.event(tx, "token.created", row.id, json!({ "after": { "name": row.name, "scopes": row.permissions.0 } }));
    Ok(())
}

async fn revoke(tx: &mut Tx, act: &Act, row: &TokenRow) -> Result<bool> {
    let revoked = tokens::revoke(tx, act.scope, row.id, act.now).await?;
    if revoked {
        act.event(tx, "token.revoked", row.id, json!({ "before": { "name": row.name } }));
        act.changed(tx, ChangeKind::Token, None, row.id.to_bytes());
    }
    Ok(revoked)
}

/// Revokes the tokens of a member who has `role` from now on, or none any more: those that may do more than that.
pub(super) async fn revoke_beyond(tx: &mut Tx, act: &Act, maker: MemberId, role: Option<Role>) -> Result<()> {
    for row in tokens::of_maker(tx, act.scope, maker, act.now).await? {
        if role.is_none_or(|role| row.permissions.0.iter().any(|scope| !role.may(*scope))) {
            revoke(tx, act, &row).await?;
        }
    }
    Ok(())
}

impl Service {
    /// Who presents the bearer token `text`.
    ///
    /// # Errors
    /// [`ErrorCode::Unauthenticated`] where it is malformed, unknown, revoked or has ended.
    pub async fn authenticate_token(&self, text: &str) -> Result<Actor> {
        let nobody = || Error::new(ErrorCode::Unauthenticated);
        // The checksum is looked at first: a typing error or a scanner's guess costs no query.
        let token: ApiToken = text.parse().map_err(|_| nobody())?;
        let now = self.now();
        let found = tokens::by_hash(&mut self.store().patient_reader(), token.hash(), now).await?;
        let (row, role) = found.ok_or_else(nobody)?;
        if row.last_used_at.is_none_or(|at| now.since(at) >= TOUCH_EVERY) {
            let (scope, id) = (row.scope(), row.id);
            let touched = self.store().write(WriteOptions::last().idempotent(), move |tx| {
                Box::pin(async move { tokens::touch(tx, scope, id, now).await })
            });
            if let Err(error) = touched.await {
                tracing::warn!(?error, "the last use of a token could not be written");
            }
        }
        Ok(Actor::token(row.vendor, row.id, row.permissions.0, row.created_by.zip(role)))
    }

    /// Makes a token. Its secret is in the answer and nowhere else.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] where a scope is more than its maker may do; [`ErrorCode::InvalidRequest`] without scopes;
    /// [`ErrorCode::StepUpRequired`] without a fresh sign-in: a token goes on when the session has ended, and is never asked.
    pub async fn create_token(&self, call: &Call, input: CreateToken) -> Result<NewToken> {
        call.actor.require(Permission::TokensWrite)?;
        call.actor.require_fresh(self.now())?;
        let mut scopes = input.scopes;
        scopes.sort_unstable();
        scopes.dedup();
        if scopes.is_empty() {
            return Err(Error::invalid("/scopes", "A token needs at least one scope."));
        }
        if let Some(beyond) = scopes.iter().find(|scope| !call.actor.may(**scope)) {
            let detail = format!("Your role may not do \"{}\" itself.", beyond.as_str());
            return Err(Error::new(ErrorCode::Forbidden).with_pointer("/scopes").with_detail(detail));
        }
        let act = self.act(call);
        if input.expires_at.is_some_and(|end| end <= act.now) {
            return Err(Error::invalid("/expires_at", "The end lies in the past."));
        }
        let secret = ApiToken::generate(self.entropy());
        let row = new_row(self, call.actor.vendor(), call.actor.member_behind(), input.name, scopes, &secret);
        let row = TokenRow { expires_at: input.expires_at, ..row };
        let secret = secret.expose().to_owned();
        self.commit(
            call,
            WriteOptions::default(),
            job!(act, row, secret => |tx| {
                if let Some(maker) = row.created_by {
                    // Whoever is removed or given another role at this moment leaves no token behind.
                    let maker = members::lock(tx, act.scope, maker).await?.filter(|maker| maker.disabled_at.is_none());
                    let still = maker.is_some_and(|maker| row.permissions.0.iter().all(|scope| maker.role.may(*scope)));
                    if !still {
                        return Err(Error::new(ErrorCode::Forbidden));
                    }
                }
                insert(tx, &act, &row).await?;
                Ok(NewToken { token: show(&row), secret })
            }),
        )
        .await
    }

    /// The vendor's tokens by time of creation, revoked ones included; with `q` those with it in their name or their first
    /// characters.
    pub async fn tokens(&self, actor: &Actor, q: Option<String>, page: PageRequest<()>) -> Result<Page<TokenView>> {
        actor.require(Permission::TokensWrite)?;
        let rows = tokens::list(&mut self.store().patient_reader(), actor.scope(), q.as_deref(), &page).await?;
        Ok(map(rows, |row| show(&row)))
    }

    /// A token.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`].
    pub async fn token(&self, actor: &Actor, id: TokenId) -> Result<TokenView> {
        actor.require(Permission::TokensWrite)?;
        let row = tokens::get(&mut self.store().patient_reader(), actor.scope(), id).await?;
        row.as_ref().map(show).ok_or_else(absent)
    }

    /// Revokes a token. One that is revoked already is answered as it is.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`]; [`ErrorCode::Forbidden`] for a developer and another's token.
    pub async fn revoke_token(&self, call: &Call, id: TokenId) -> Result<TokenView> {
        call.actor.require(Permission::TokensWrite)?;
        let (act, actor) = (self.act(call), call.actor.clone());
        self.commit(
            call,
            WriteOptions::default(),
            job!(act, actor => |tx| {
                let row = tokens::get(tx, act.scope, id).await?.ok_or_else(absent)?;
                if !actor.may_change_of(row.created_by) {
                    return Err(Error::new(ErrorCode::Forbidden).with_detail("A developer revokes their own tokens."));
                }
                if revoke(tx, &act, &row).await? {
                    return Ok(show(&TokenRow { revoked_at: Some(act.now), ..row }));
                }
                Ok(show(&row))
            }),
        )
        .await
    }
}
