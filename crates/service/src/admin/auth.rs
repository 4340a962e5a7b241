//! Proof of who asks: first set-up, signing in, stepping up, bearer tokens.

use super::{
    act::job,
    inputs::{BootstrapInput, Password, SetupInput, SignIn},
    members::show,
    password::{self, Hasher},
    second::{SignInStep, confirmed},
    sessions::SignedIn,
    tokens,
    views::{Bootstrapped, MemberView, VendorView},
};
use crate::{
    Call, Service,
    actor::{Actor, RequestInfo},
    error::{Error, ErrorCode, Result},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use holdfast_domain::{
    Email, MemberId, Name, Permission, Role, Seconds, Timestamp, VendorId, entropy::random_bytes, token::ApiToken,
};
use holdfast_store::{
    Tx, WriteOptions, factors,
    members::{self as rows, MemberRow},
    sessions as stored_sessions, setup, throttle, vendors,
};
use sha2::{Digest as _, Sha256};
use std::net::IpAddr;

/// How many failures are let through within [`WINDOW`] from one address, and of one person who confirms who they are
/// (security design, "guesser").
pub(super) const FAILURES: i64 = 10;
/// The same for an account from all addresses together: so many more that no single one can keep its owner out.
const ACCOUNT_FAILURES: i64 = 100;
const WINDOW: Seconds = Seconds::MINUTE;
/// How fresh a sign-in must be for what asks for one (security design, the table of roles).
pub const STEP_UP: Seconds = Seconds::minutes(10);
/// How long the first owner may go on without a second factor (decision 0019).
const GRACE: Seconds = Seconds::DAY;

fn code_hash(code: &str) -> [u8; 32] {
    let plain: String = code.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect();
    Sha256::new().chain_update(b"holdfast-setup-code\0").chain_update(plain).finalize().into()
}

/// The counter's name of an address. An IPv6 customer has a whole /64 at hand.
pub(crate) fn address_counter(from: &RequestInfo) -> Option<String> {
    let network = match from.address? {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => address.to_ipv4_mapped().map_or_else(
            || {
                let [a, b, c, d, ..] = address.segments();
                format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
            },
            |mapped| mapped.to_string(),
        ),
    };
    Some(format!("sign_in:address:{network}"))
}

/// The counters' names of attempts at an account: from that address, and from all together.
pub(super) fn account_counters(account: &str, from: &RequestInfo) -> [String; 2] {
    let hash = Sha256::digest(account.as_bytes());
    let account = format!("sign_in:account:{}", BASE64_URL_SAFE_NO_PAD.encode(&hash[..16]));
    [format!("{account}:{}", address_counter(from).unwrap_or_default()), account]
}

pub(super) fn limited() -> Error {
    Error::new(ErrorCode::RateLimited).with_retry_after(WINDOW)
}

impl Actor {
    /// `Ok` where the person has proved who they are within [`STEP_UP`]; a token or the system has no password to ask for.
    ///
    /// # Errors
    /// [`ErrorCode::StepUpRequired`].
    pub fn require_fresh(&self, now: Timestamp) -> Result<()> {
        let stale = self.confirmed_at().is_none_or(|at| now.since(at) > STEP_UP);
        if self.role().is_some() && stale { Err(Error::new(ErrorCode::StepUpRequired)) } else { Ok(()) }
    }
}

impl Service {
    /// Whether no vendor exists yet.
    pub async fn setup_needed(&self) -> Result<bool> {
        Ok(setup::is_unused(&mut self.store().patient_reader()).await?)
    }

    /// Makes the one-time code for first set-up and stores its hash; the code is for the server's log. `None` where the
    /// installation is set up already.
    pub async fn new_setup_code(&self) -> Result<Option<String>> {
        const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
        let random: [u8; 12] = random_bytes(self.entropy());
        let digits: Vec<char> = random.iter().map(|byte| char::from(ALPHABET[usize::from(byte & 31)])).collect();
        let code = digits.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join("-");
        Ok(self.set_setup_code(&code).await?.then_some(code))
    }

    /// Stores the hash of `code` as that of the one-time code, in place of any before. False where the installation is set
    /// up already.
    pub async fn set_setup_code(&self, code: &str) -> Result<bool> {
        let (hash, now) = (code_hash(code), self.now());
        let stored = self.store().write(WriteOptions::default().idempotent(), move |tx| {
            Box::pin(async move { setup::put_code(tx, hash, now).await })
        });
        Ok(stored.await?)
    }

    /// First set-up by whoever has read the code in the server's log: makes the vendor, its root key and its owner, and
    /// signs the owner in.
    ///
    /// # Errors
    /// [`ErrorCode::SetupCodeWrong`], [`ErrorCode::AlreadySetUp`], [`ErrorCode::PasswordTooWeak`],
    /// [`ErrorCode::RateLimited`] after ten wrong codes in a minute.
    pub async fn setup(&self, input: SetupInput, from: &RequestInfo) -> Result<(VendorId, SignedIn)> {
        let counter = format!("setup:{}", address_counter(from).unwrap_or_default());
        self.refuse_above(&counter).await?;
        if !self.setup_needed().await? {
            return Err(Error::new(ErrorCode::AlreadySetUp));
        }
        let hash = code_hash(&input.code);
        if !setup::code_fits(&mut self.store().patient_reader(), hash).await? {
            self.count(counter).await?;
            return Err(Error::new(ErrorCode::SetupCodeWrong).with_pointer("/code"));
        }
        password::check(&input.password, &input.email)?;
        let first = self.first_vendor(&input.vendor, &input.email, &input.password, from).await?;
        let (secret, session) = self.new_session(&first.owner, false, from)?;
        let signed_in = SignedIn { member: show(&first.owner), session: secret, ends_at: session.expires_at };
        let (vendor, now) = (first.vendor, self.now());
        self.store()
            .write(
                WriteOptions::alone(),
                job!(first, session => |tx| {
                    if !setup::take_code(tx, hash, now).await? {
                        return Err(Error::new(ErrorCode::AlreadySetUp));
                    }
                    first.insert(tx, now).await?;
                    stored_sessions::insert(tx, &session).await?;
                    Ok(())
                }),
            )
            .await?;
        Ok((vendor, signed_in))
    }

    /// First set-up from the command line: makes the vendor, its root key, its owner and an API token that may do
    /// everything.
    ///
    /// # Errors
    /// [`ErrorCode::AlreadySetUp`] on a used database; [`ErrorCode::PasswordTooWeak`].
    pub async fn bootstrap(&self, input: BootstrapInput) -> Result<Bootstrapped> {
        password::check(&input.password, &input.email)?;
        if !self.setup_needed().await? {
            return Err(Error::new(ErrorCode::AlreadySetUp));
        }
        let first = self.first_vendor(&input.vendor, &input.email, &input.password, &RequestInfo::default()).await?;
        let secret = ApiToken::generate(self.entropy());
        let name: Name = "bootstrap".parse().map_err(Error::internal)?;
        let token = tokens::new_row(self, first.vendor, Some(first.owner.id), name, Permission::ALL.to_vec(), &secret);
        let (vendor, now) = (first.vendor, self.now());
        let root = self.store().write(
            WriteOptions::alone(),
            job!(first, token => |tx| {
                if !setup::claim(tx, now).await? {
                    return Err(Error::new(ErrorCode::AlreadySetUp));
                }
                let root = first.insert(tx, now).await?;
                tokens::insert(tx, &first.act, &token).await?;
                Ok(root)
            }),
        );
        Ok(Bootstrapped { vendor, root_public_key: root.await?, api_token: secret.expose().to_owned() })
    }

    async fn first_vendor(
        &self,
        name: &Name,
        email: &Email,
        password: &Password,
        from: &RequestInfo,
    ) -> Result<FirstVendor> {
        let now = self.now();
        let vendor = VendorId::new(now, self.entropy());
        let local = email.as_str().split('@').next().unwrap_or_default();
        let owner = MemberRow {
            id: MemberId::new(now, self.entropy()),
            vendor,
            email: email.clone(),
            name: local.parse().map_err(|error| Error::invalid("/email", error))?,
            role: Role::Owner,
            password_hash: Some(self.admin().hasher.hash(password, self.entropy()).await?),
            totp_sealed: None,
            created_at: now,
            last_login_at: Some(now),
            disabled_at: None,
            // From `make run` to the first license in under a minute; the reminder is on every page until then.
            factor_due_at: Some(now.plus(GRACE)),
        };
        let who = Actor::member(vendor, owner.id, Role::Owner, None, None);
        let act = self.act(&Call::new(who, from.clone()));
        Ok(FirstVendor { vendor, name: name.clone(), owner, act })
    }

    /// Signs somebody in with e-mail and password, or half so where they have a second factor.
    ///
    /// # Errors
    /// [`ErrorCode::SignInFailed`] for an unknown address and a wrong password alike, after the same time;
    /// [`ErrorCode::RateLimited`] after ten failures in a minute from the address, or a hundred of the account.
    pub async fn sign_in(&self, input: SignIn, from: &RequestInfo) -> Result<SignInStep> {
        let email: Option<Email> = input.email.parse().ok();
        let [here, account] = account_counters(email.as_ref().map_or(input.email.as_str(), Email::as_str), from);
        let address = address_counter(from);
        if let Some(address) = &address {
            self.refuse_above(address).await?;
        }
        // Counted before the password is looked at, so that many guesses at once do not slip through together. What is
        // refused to one address does not count for the others.
        let now = self.now();
        let counted = job!(here, account => |tx| {
            if throttle::hit(tx, &here, WINDOW, now).await? > FAILURES
                || throttle::hit(tx, &account, WINDOW, now).await? > ACCOUNT_FAILURES
            {
                return Err(limited());
            }
            Ok(())
        });
        self.store().write(WriteOptions::last(), counted).await?;
        let member = match &email {
            Some(email) => rows::by_email(&mut self.store().patient_reader(), email).await?,
            None => None,
        };
        let member = member.filter(|member| member.disabled_at.is_none());
        let stored = member.as_ref().and_then(|member| member.password_hash.as_deref());
        let fits = self.admin().hasher.verify(&input.password, stored).await?;
        let Some(member) = member.filter(|_| fits) else {
            if let Some(address) = address {
                self.count(address).await?;
            }
            return Err(Error::new(ErrorCode::SignInFailed));
        };
        let newer_hash = match &member.password_hash {
            Some(hash) if Hasher::is_outdated(hash) => {
                Some(self.admin().hasher.hash(&input.password, self.entropy()).await?)
            }
            _ => None,
        };
        self.first_half(&member, from, newer_hash).await
    }

    /// Proves again that the person of `actor` is who they are: for ten minutes they may do what asks for it.
    ///
    /// # Errors
    /// [`ErrorCode::SignInFailed`], [`ErrorCode::RateLimited`].
    pub async fn confirm_password(&self, actor: &Actor, password: Password, from: &RequestInfo) -> Result<Actor> {
        self.check_own_password(actor, &password, from).await?;
        self.confirm_session(actor, None).await
    }

    async fn check_own_password(&self, actor: &Actor, password: &Password, from: &RequestInfo) -> Result<MemberRow> {
        let id = actor.member_id().ok_or_else(|| Error::new(ErrorCode::Forbidden))?;
        let member = rows::get(&mut self.store().patient_reader(), actor.scope(), id).await?;
        let member = member.ok_or_else(|| Error::new(ErrorCode::Unauthenticated))?;
        // A counter of its own: nobody at the door keeps whoever is in from confirming who they are.
        let counter = format!("confirm:{id}");
        if self.count(counter.clone()).await? > FAILURES {
            return Err(limited());
        }
        if !self.admin().hasher.verify(password, member.password_hash.as_deref()).await? {
            if let Some(address) = address_counter(from) {
                self.count(address).await?;
            }
            return Err(Error::new(ErrorCode::SignInFailed).with_pointer("/password"));
        }
        self.store().write(WriteOptions::last(), job!(counter => |tx| throttle::clear(tx, &counter).await)).await?;
        Ok(member)
    }

    /// Changes one's own password: shorter ones are accepted of whoever has a second factor. Ends every session of the person and opens a new one.
    ///
    /// # Errors
    /// [`ErrorCode::SignInFailed`] where `current` is wrong, [`ErrorCode::PasswordTooWeak`] for `new`.
    pub async fn change_password(
        &self,
        actor: &Actor,
        current: Password,
        new: Password,
        from: &RequestInfo,
    ) -> Result<SignedIn> {
        let member = self.check_own_password(actor, &current, from).await?;
        let all = factors::of_member(&mut self.store().patient_reader(), actor.scope(), member.id).await?;
        let has_factor = confirmed(&all).next().is_some();
        if has_factor {
            password::check_with_factor(&new, &member.email)?;
        } else {
            password::check(&new, &member.email)?;
        }
        let hash = self.admin().hasher.hash(&new, self.entropy()).await?;
        // Whoever was let in here had given the factor, unless they are held for it.
        let (secret, session) = self.new_session(&member, has_factor && !actor.is_held(), from)?;
        let act = self.act(&Call::new(actor.clone(), from.clone()));
        let signed_in = SignedIn { member: show(&member), session: secret, ends_at: session.expires_at };
        self.store()
            .write(
                WriteOptions::default(),
                job!(act, member, hash, session => |tx| {
                    rows::set_password(tx, act.scope, member.id, &hash).await?;
                    stored_sessions::end_of_member(tx, act.scope, member.id, None).await?;
                    stored_sessions::insert(tx, &session).await?;
                    act.event(tx, "member.password_changed", member.id, serde_json::json!({}));
                    Ok::<_, Error>(())
                }),
            )
            .await?;
        Ok(signed_in)
    }

    /// The person who asks.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] for a token.
    pub async fn me(&self, actor: &Actor) -> Result<MemberView> {
        let id = actor.member_id().ok_or_else(|| Error::new(ErrorCode::Forbidden))?;
        let member = rows::get(&mut self.store().patient_reader(), actor.scope(), id).await?;
        member.as_ref().map(show).ok_or_else(|| Error::new(ErrorCode::NotFound))
    }

    /// The vendor of `actor`, with the root public key that its applications pin.
    pub async fn vendor(&self, actor: &Actor) -> Result<VendorView> {
        let row = vendors::by_public_id(&mut self.store().patient_reader(), actor.vendor()).await?;
        let row = row.ok_or_else(|| Error::new(ErrorCode::NotFound))?;
        self.show_vendor(row).await
    }

    /// Gives the vendor of `call` another name.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] for everybody but owners and admins.
    pub async fn rename_vendor(&self, call: &Call, name: Name) -> Result<VendorView> {
        call.actor.require(Permission::MembersWrite)?;
        let act = self.act(call);
        let renamed = self.commit(
            call,
            WriteOptions::default(),
            job!(act, name => |tx| {
                let before = vendors::by_public_id(tx, act.scope.vendor()).await?;
                let before = before.ok_or_else(|| Error::new(ErrorCode::NotFound))?;
                vendors::rename(tx, act.scope, &name).await?;
                let data = serde_json::json!({ "before": { "name": before.name }, "after": { "name": name } });
                act.event(tx, "vendor.changed", act.scope.vendor(), data);
                Ok(())
            }),
        );
        renamed.await?;
        self.vendor(&call.actor).await
    }

    /// Every vendor, the oldest first: for an operator with a shell on the machine, never for a request.
    pub async fn vendors(&self) -> Result<Vec<VendorView>> {
        let mut views = Vec::new();
        for row in vendors::all_vendors(&mut self.store().patient_reader()).await? {
            views.push(self.show_vendor(row).await?);
        }
        Ok(views)
    }

    async fn show_vendor(&self, row: vendors::VendorRow) -> Result<VendorView> {
        let key = self.root_public_key(row.id).await?;
        Ok(VendorView { id: row.id, name: row.name, root_public_key: key, created_at: row.created_at })
    }

    pub(super) async fn refuse_above(&self, counter: &str) -> Result<()> {
        let row = throttle::get(&mut self.store().patient_reader(), counter, WINDOW, self.now()).await?;
        if row.is_some_and(|row| row.hits >= FAILURES) { Err(limited()) } else { Ok(()) }
    }

    pub(super) async fn count(&self, counter: String) -> Result<i64> {
        let now = self.now();
        Ok(self
            .store()
            .write(WriteOptions::last(), job!(counter => |tx| throttle::hit(tx, &counter, WINDOW, now).await))
            .await?)
    }
}

/// Everything that a new vendor begins with.
#[derive(Clone)]
struct FirstVendor {
    vendor: VendorId,
    name: Name,
    owner: MemberRow,
    act: super::act::Act,
}

impl FirstVendor {
    /// Stores vendor, owner and root key, and returns the raw public half of that, base64url.
    async fn insert(&self, tx: &mut Tx, now: Timestamp) -> Result<String> {
        vendors::insert(tx, self.vendor, &self.name, now).await?;
        rows::insert(tx, self.act.scope, &self.owner).await?;
        let root = crate::runtime::keys::new_root(&self.act.service, tx, self.act.scope, now).await?;
        let data = serde_json::json!({ "after": { "name": self.name, "owner": self.owner.email } });
        self.act.event(tx, "vendor.created", self.vendor, data);
        Ok(BASE64_URL_SAFE_NO_PAD.encode(root.to_bytes()))
    }
}
