//! Signing in with a company's own account: `OpenID` Connect, authorization code with PKCE (decision 0019).

use super::{
    act::job,
    auth::limited,
    id_token::{self, Expected, Keys, Person},
    inputs::SetProvider,
    second::SignInStep,
    sessions::SessionSecret,
    views::ProviderView,
    web::{Ask, Web, is_allowed},
};
use crate::{
    Call, Service,
    actor::{Actor, RequestInfo},
    error::{Error, ErrorCode, Result},
    vault::Purpose,
};
use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use holdfast_domain::{Email, MemberId, Name, Permission, Role, Seconds, VendorId, entropy::random_bytes};
use holdfast_store::{
    Scope, WriteOptions, invitations,
    members::{self, MemberRow},
    providers::{self, ProviderRow, SentRow},
};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// How long somebody may take at their provider.
const AWAY: Seconds = Seconds::minutes(10);
/// How many may be sent there from one address in a minute.
const SENT: i64 = 30;

/// What a provider says about itself (`OpenID` Connect Discovery).
#[derive(Deserialize)]
struct Discovered {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    userinfo_endpoint: Option<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

/// Where somebody is sent to sign in.
#[derive(Clone, Debug)]
pub struct SentAway {
    /// The provider's page.
    pub address: String,
    /// What the browser keeps meanwhile, in a cookie.
    pub browser: SessionSecret,
}

/// With what somebody comes back.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct CameBack {
    /// What we gave them on the way.
    pub state: String,
    /// What the token is got with.
    pub code: String,
    /// Who sends them back, where the provider says so (RFC 9207).
    pub iss: Option<String>,
    /// Why the provider did not let them in.
    pub error: Option<String>,
}

fn refused(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(ErrorCode::ProviderRefused).with_source(why)
}

fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

fn encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

/// A domain as it is compared: lower case, with a dot in it.
fn domain(text: &str) -> Option<String> {
    let text = text.trim().trim_start_matches('@').to_ascii_lowercase();
    let fine = text.contains('.')
        && !text.starts_with('.')
        && !text.ends_with('.')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'));
    fine.then_some(text)
}

fn domains(row: &ProviderRow) -> Vec<String> {
    serde_json::from_str(&row.domains).unwrap_or_default()
}

fn show(row: &ProviderRow) -> ProviderView {
    ProviderView {
        issuer: row.issuer.clone(),
        client_id: row.client_id.clone(),
        domains: domains(row),
        new_role: row.new_role,
        updated_at: row.updated_at,
    }
}

impl Service {
    fn web(&self) -> Web {
        Web::new(self.settings().private_providers)
    }

    async fn discover(&self, issuer: &str) -> Result<Discovered> {
        let address = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let (status, document) = self.web().json(&address, Ask::Get { bearer: None }).await?;
        let unfit = |why: &'static str| Error::new(ErrorCode::ProviderUnavailable).with_source(why);
        if status != 200 {
            return Err(unfit("the provider does not describe itself"));
        }
        let found: Discovered =
            serde_json::from_value(document).map_err(|error| unfit("incomplete").with_source(error))?;
        // Whoever describes themselves as somebody else would have tokens of that one accepted.
        if found.issuer != issuer {
            return Err(unfit("the provider calls itself otherwise"));
        }
        let all = [&found.authorization_endpoint, &found.token_endpoint, &found.jwks_uri];
        if all.into_iter().any(|address| !is_allowed(address, self.settings().private_providers)) {
            return Err(unfit("the provider is not reached by https"));
        }
        Ok(found)
    }

    /// Through whom the vendor's people may sign in.
    pub async fn provider(&self, actor: &Actor) -> Result<Option<ProviderView>> {
        actor.require(Permission::OwnersWrite)?;
        let row = providers::get(&mut self.store().patient_reader(), actor.scope()).await?;
        Ok(row.as_ref().map(show))
    }

    /// Sets through whom the vendor's people may sign in, after having asked the provider who it is.
    ///
    /// # Errors
    /// [`ErrorCode::StepUpRequired`]; [`ErrorCode::ProviderUnavailable`]; [`ErrorCode::InvalidRequest`].
    pub async fn set_provider(&self, call: &Call, input: SetProvider) -> Result<ProviderView> {
        call.actor.require(Permission::OwnersWrite)?;
        call.actor.require_fresh(self.now())?;
        let issuer = input.issuer.trim().to_owned();
        if !is_allowed(&issuer, self.settings().private_providers) || issuer.contains(['?', '#']) {
            return Err(Error::invalid("/issuer", "The address of the provider, which begins with https://."));
        }
        if input.client_id.trim().is_empty() || input.client_id.len() > 500 {
            return Err(Error::invalid("/client_id", "What the provider calls this installation."));
        }
        let mut allowed = Vec::new();
        for text in &input.domains {
            let wrong = || Error::invalid("/domains", format_args!("\"{text}\" is not a domain."));
            allowed.push(domain(text).ok_or_else(wrong)?);
        }
        if allowed.is_empty() {
            return Err(Error::invalid("/domains", "At least one: whose addresses are let in."));
        }
        if input.new_role == Some(Role::Owner) {
            return Err(Error::invalid("/new_role", "Nobody becomes an owner by signing in."));
        }
        let before = providers::get(&mut self.store().patient_reader(), call.actor.scope()).await?;
        let row_id = call.actor.vendor().to_bytes();
        let secret_sealed = match (input.secret.expose(), before.as_ref()) {
            // The secret of one provider is not shown to another.
            ("", Some(before)) if before.issuer == issuer => before.secret_sealed.clone(),
            ("", _) => return Err(Error::invalid("/secret", "The secret that the provider gave out.")),
            (secret, _) => self.vault()?.seal(Purpose::ProviderSecret, &row_id, secret.as_bytes(), self.entropy())?,
        };
        self.discover(&issuer).await?;
        let act = self.act(call);
        let row = ProviderRow {
            vendor: call.actor.vendor(),
            issuer,
            client_id: input.client_id.trim().to_owned(),
            secret_sealed,
            domains: serde_json::to_string(&allowed).map_err(Error::internal)?,
            new_role: input.new_role,
            updated_at: act.now,
        };
        let (view, old) = (show(&row), before.as_ref().map(show));
        self.commit(
            call,
            WriteOptions::default(),
            job!(act, row, view, old => |tx| {
                providers::put(tx, act.scope, &row).await?;
                act.event(tx, "provider.set", act.scope.vendor(), json!({ "before": old, "after": view }));
                Ok(view)
            }),
        )
        .await
    }

    /// Takes the provider away: people sign in with their passwords again, or not at all.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`]; [`ErrorCode::StepUpRequired`].
    pub async fn remove_provider(&self, call: &Call) -> Result<()> {
        call.actor.require(Permission::OwnersWrite)?;
        call.actor.require_fresh(self.now())?;
        let act = self.act(call);
        self.commit(
            call,
            WriteOptions::default(),
            job!(act => |tx| {
                if !providers::remove(tx, act.scope).await? {
                    return Err(Error::new(ErrorCode::NotFound));
                }
                act.event(tx, "provider.removed", act.scope.vendor(), json!({}));
                Ok(())
            }),
        )
        .await
    }

    /// The vendor to whose provider the door of this installation leads: the only one that has one.
    pub async fn provider_at_door(&self) -> Result<Option<VendorId>> {
        let vendors = providers::vendors(&mut self.store().patient_reader()).await?;
        Ok(match vendors.as_slice() {
            [only] => Some(*only),
            _ => None,
        })
    }

    /// Sends somebody to the provider of `vendor`, to come back at `back`, and to go on to `next` then.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] where the vendor has none; [`ErrorCode::ProviderUnavailable`]; [`ErrorCode::RateLimited`].
    pub async fn send_to_provider(
        &self,
        vendor: VendorId,
        back: &str,
        next: &str,
        from: &RequestInfo,
    ) -> Result<SentAway> {
        let scope = Scope::trusted(vendor);
        if let Some(address) = super::auth::address_counter(from)
            && self.count(format!("provider:{address}")).await? > SENT
        {
            return Err(limited());
        }
        let provider = providers::get(&mut self.store().patient_reader(), scope).await?;
        let provider = provider.ok_or_else(|| Error::new(ErrorCode::NotFound))?;
        let found = self.discover(&provider.issuer).await?;
        let random = || BASE64_URL_SAFE_NO_PAD.encode(random_bytes::<32>(self.entropy()));
        let (state, nonce, verifier) = (random(), random(), random());
        let browser = SessionSecret::from_bytes(random_bytes(self.entropy()));
        let state_hash = hash(&state);
        let sent = SentRow {
            state_hash,
            vendor,
            issuer: provider.issuer,
            nonce: nonce.clone(),
            verifier_sealed: self.vault()?.seal(
                Purpose::SignInVerifier,
                &state_hash,
                verifier.as_bytes(),
                self.entropy(),
            )?,
            browser_hash: browser.hash(),
            next: next.to_owned(),
            expires_at: self.now().plus(AWAY),
        };
        self.store()
            .write(
                WriteOptions::default(),
                job!(sent => |tx| Ok::<_, Error>(providers::put_sent(tx, scope, &sent).await?)),
            )
            .await?;
        let challenge = BASE64_URL_SAFE_NO_PAD.encode(hash(&verifier));
        let query = [
            ("response_type", "code"),
            ("scope", "openid email profile"),
            ("client_id", &provider.client_id),
            ("redirect_uri", back),
            ("state", &state),
            ("nonce", &nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        let query: Vec<String> = query.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
        let mark = if found.authorization_endpoint.contains('?') { '&' } else { '?' };
        Ok(SentAway { address: format!("{}{mark}{}", found.authorization_endpoint, query.join("&")), browser })
    }

    /// Lets somebody in whom a provider has sent back, or asks for their second factor. Also where they wanted to go.
    ///
    /// # Errors
    /// [`ErrorCode::ProviderRefused`]; [`ErrorCode::ProviderUnavailable`].
    pub async fn back_from_provider(
        &self,
        came: CameBack,
        browser: &SessionSecret,
        back: &str,
        from: &RequestInfo,
    ) -> Result<(SignInStep, String)> {
        let (state_hash, browser_hash, now) = (hash(&came.state), browser.hash(), self.now());
        let sent = self.store().write(WriteOptions::default(), move |tx| {
            Box::pin(async move { Ok::<_, Error>(providers::take_sent(tx, state_hash, browser_hash, now).await?) })
        });
        let sent = sent.await?.ok_or_else(|| refused("nobody was sent away from this browser"))?;
        if let Some(error) = came.error {
            let word: String = error.chars().filter(char::is_ascii_graphic).take(60).collect();
            return Err(refused(format!("the provider says {word}")));
        }
        let scope = sent.scope();
        let provider = providers::get(&mut self.store().patient_reader(), scope).await?;
        // Another provider was set meanwhile: what this one says is about nobody here.
        let provider = provider.filter(|provider| provider.issuer == sent.issuer);
        let provider = provider.ok_or_else(|| refused("the vendor has another provider now"))?;
        let found = self.discover(&sent.issuer).await?;
        // An answer of another provider that this one was mixed up with (RFC 9207).
        let named = came.iss.as_ref().is_some_and(|iss| *iss == sent.issuer);
        if (came.iss.is_some() || found.authorization_response_iss_parameter_supported) && !named {
            return Err(refused("the answer is another provider's"));
        }
        let verifier = self.vault()?.open(Purpose::SignInVerifier, &state_hash, &sent.verifier_sealed)?;
        let verifier = String::from_utf8_lossy(&verifier).into_owned();
        let token = self.redeem(&provider, &found, &came.code, &verifier, back).await?;
        let keys = self.web().json(&found.jwks_uri, Ask::Get { bearer: None }).await?.1;
        let keys: Keys = serde_json::from_value(keys).map_err(refused)?;
        let expected =
            Expected { issuer: &sent.issuer, client_id: &provider.client_id, nonce: &sent.nonce, now: self.now() };
        let id_token = token.get("id_token").and_then(Value::as_str).unwrap_or_default();
        let (subject, person) = id_token::verify(id_token, &keys, &expected).map_err(refused)?;
        let person = self.tell_more(person, &subject, &found, &token).await?;
        let member = self.member_at_provider(&provider, &subject, &person, from).await?;
        Ok((self.first_half(&member, from, None).await?, sent.next))
    }

    /// Gets the token for `code`.
    async fn redeem(
        &self,
        provider: &ProviderRow,
        found: &Discovered,
        code: &str,
        verifier: &str,
        back: &str,
    ) -> Result<Value> {
        let secret =
            self.vault()?.open(Purpose::ProviderSecret, &provider.vendor.to_bytes(), &provider.secret_sealed)?;
        let secret = String::from_utf8_lossy(&secret).into_owned();
        let methods = found.token_endpoint_auth_methods_supported.as_ref();
        let basic = methods.is_none_or(|methods| methods.iter().any(|method| method == "client_secret_basic"));
        let mut fields = vec![
            ("grant_type", "authorization_code".to_owned()),
            ("code", code.to_owned()),
            ("redirect_uri", back.to_owned()),
            ("code_verifier", verifier.to_owned()),
        ];
        let authorization = if basic {
            let pair = format!("{}:{}", encode(&provider.client_id), encode(&secret));
            Some(format!("Basic {}", BASE64_STANDARD.encode(pair)))
        } else {
            fields.push(("client_id", provider.client_id.clone()));
            fields.push(("client_secret", secret));
            None
        };
        let (status, token) = self.web().json(&found.token_endpoint, Ask::Form { fields, authorization }).await?;
        if status == 200 { Ok(token) } else { Err(refused(format!("the provider gives no token: {status}"))) }
    }

    /// The same person with what the provider tells elsewhere, where the token leaves the address out.
    async fn tell_more(&self, person: Person, subject: &str, found: &Discovered, token: &Value) -> Result<Person> {
        let access = token.get("access_token").and_then(Value::as_str);
        let (None, Some(address), Some(access)) = (&person.email, &found.userinfo_endpoint, access) else {
            return Ok(person);
        };
        let (_, told) = self.web().json(address, Ask::Get { bearer: Some(access.to_owned()) }).await?;
        if told.get("sub").and_then(Value::as_str) != Some(subject) {
            return Err(refused("the provider tells of somebody else"));
        }
        serde_json::from_value(told).map_err(refused)
    }

    /// Which member the person `subject` is: one who is known, one with that address, one who was invited, or a new one
    /// where the vendor wants that. Whoever was removed comes back by an invitation alone.
    async fn member_at_provider(
        &self,
        provider: &ProviderRow,
        subject: &str,
        person: &Person,
        from: &RequestInfo,
    ) -> Result<MemberRow> {
        let (scope, issuer) = (provider.scope(), provider.issuer.as_str());
        let email = person.email.as_deref().filter(|_| person.email_verified);
        let email: Email = email.and_then(|email| email.parse().ok()).ok_or_else(|| refused("no verified address"))?;
        let at = email.as_str().rsplit('@').next().and_then(domain);
        if at.is_none_or(|at| !domains(provider).contains(&at)) {
            return Err(refused("an address of another domain"));
        }
        let mut reader = self.store().patient_reader();
        let linked = match providers::member_of(&mut reader, scope, issuer, subject).await? {
            Some(id) => members::get(&mut reader, scope, id).await?,
            None => None,
        };
        let has_address = members::by_email(&mut reader, &email).await?;
        match (&linked, &has_address) {
            (Some(member), _) if member.disabled_at.is_none() => return Ok(member.clone()),
            (None, Some(member)) if member.disabled_at.is_none() => {
                // Somebody else at the provider who was given the address of a member.
                if member.vendor != provider.vendor
                    || providers::is_linked(&mut reader, scope, issuer, member.id).await?
                {
                    return Err(refused("the address is another person's"));
                }
                self.link(provider, subject, member, from).await?;
                return Ok(member.clone());
            }
            _ => {}
        }
        let invited = invitations::of_address(&mut reader, scope, &email).await?;
        let invited = invited.into_iter().find(|row| row.is_open(self.now()));
        let was_removed = linked.is_some() || has_address.is_some();
        let role = match (&invited, provider.new_role) {
            (Some(invited), _) => invited.role,
            (None, _) if was_removed => return Err(refused("the member was removed")),
            (None, Some(role)) => role,
            (None, None) => return Err(refused("nobody has invited this person")),
        };
        let local = email.as_str().split('@').next().unwrap_or_default();
        let name: Option<Name> = person.name.as_deref().and_then(|name| name.parse().ok());
        let now = self.now();
        let new = MemberRow {
            id: MemberId::new(now, self.entropy()),
            vendor: provider.vendor,
            name: name.map_or_else(|| local.parse().map_err(Error::internal), Ok)?,
            email,
            role,
            password_hash: None,
            totp_sealed: None,
            created_at: now,
            last_login_at: None,
            disabled_at: None,
            factor_due_at: None,
        };
        let link = Some((issuer.to_owned(), subject.to_owned()));
        self.become_member(new, invited.map(|row| row.token_hash), link, from).await
    }

    async fn link(&self, provider: &ProviderRow, subject: &str, member: &MemberRow, from: &RequestInfo) -> Result<()> {
        let who = Actor::member(member.vendor, member.id, member.role, None, None);
        let act = self.act(&Call::new(who, from.clone()));
        let (issuer, subject, id) = (provider.issuer.clone(), subject.to_owned(), member.id);
        let linked = self.store().write(
            WriteOptions::default(),
            job!(act, issuer, subject => |tx| {
                providers::link(tx, act.scope, &issuer, &subject, id, act.now).await?;
                act.event(tx, "member.provider_linked", id, json!({ "after": { "issuer": issuer } }));
                Ok::<_, Error>(())
            }),
        );
        linked.await
    }
}

#[cfg(test)]
mod tests;
