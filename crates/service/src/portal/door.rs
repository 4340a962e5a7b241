//! The way in to the portal: by a code that is mailed, or with a license's key for the devices of that license alone.
//!
//! A code is used by a POST from the browser that asked for it, which alone has the secret of the asking: whatever opens
//! the mailed link, or sends the form behind it, from elsewhere uses nothing up (pitfall 22). Unknown addresses are
//! answered in the same words, after the same time.

use super::{
    CustomerCall,
    look::look,
    sessions::{Whose, public_id},
    views::PortalLook,
};
use crate::{
    Error, ErrorCode, RequestInfo, Result, Service,
    admin::{
        act::{Act, job},
        auth::address_counter,
        sessions::SessionSecret,
    },
    mail::Mail,
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use holdfast_domain::{
    CustomerId, CustomerPersonId, CustomerRole, Email, LicenseId, LicenseKey, Name, Seconds, Timestamp, VendorId,
    entropy::random_bytes, event,
};
use holdfast_store::{
    Querier, Scope, Tx, WriteOptions,
    customer_people::{self, CustomerPersonRow},
    customers,
    licenses::{self, LicenseRow},
    mails,
    portal_sessions::{self, PortalSignInRow},
    throttle,
};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::time::Duration;

/// How long a code can be used.
const OPEN: Seconds = Seconds::minutes(15);
/// How often a code is tried at most.
const TRIES: i64 = 5;
/// How many codes are asked for within [`OPEN`]: from one address of the network, for one e-mail address from there, and for
/// one from everywhere.
const ASKED: (i64, i64, i64) = (30, 5, 20);
/// How many failures are let through within a minute from one address, and within an hour at one vendor (security design,
/// "guesser").
const FAILURES: (i64, i64) = (10, 1_000);
/// How long every answer takes at least, known address or not.
const AT_LEAST: Duration = Duration::from_millis(250);

/// Somebody has asked for a code.
#[derive(Clone, Debug)]
pub struct Asked {
    /// What the browser keeps: without it the code lets nobody in.
    pub browser: SessionSecret,
    /// Until when the code can be used.
    pub ends_at: Timestamp,
}

/// Somebody has signed in to the portal.
#[derive(Clone, Debug)]
pub struct PortalSignedIn {
    /// The new session's secret, for the cookie.
    pub session: SessionSecret,
    /// When the session ends at the latest.
    pub ends_at: Timestamp,
    /// The license whose key they came with, where they came with one.
    pub license: Option<LicenseId>,
}

/// Whom to ask in.
#[derive(Clone, Debug)]
pub struct InvitePerson {
    /// The address.
    pub email: Email,
    /// The name, where it is known.
    pub name: Option<Name>,
    /// What they are to be.
    pub role: CustomerRole,
}

/// Salted with the browser's secret, which is stored nowhere: from what is stored alone no code can be found by trying all.
fn code_hash(browser: &SessionSecret, code: &str) -> [u8; 32] {
    Sha256::new()
        .chain_update(b"holdfast-portal-code\0")
        .chain_update(browser.expose())
        .chain_update(code)
        .finalize()
        .into()
}

fn code_wrong() -> Error {
    Error::new(ErrorCode::PortalCodeWrong).with_pointer("/code")
}

fn limited(after: Seconds) -> Error {
    Error::new(ErrorCode::RateLimited).with_retry_after(after)
}

/// The counter's name of the address that asks.
fn network(from: &RequestInfo) -> String {
    format!("portal:{}", address_counter(from).unwrap_or_default())
}

/// The counter's name of an e-mail address at a vendor.
pub(super) fn mailbox(vendor: VendorId, email: &Email) -> String {
    let hash = Sha256::new().chain_update(vendor.to_bytes()).chain_update(email.as_str()).finalize();
    format!("portal:email:{}", BASE64_URL_SAFE_NO_PAD.encode(&hash[..16]))
}

/// Answers `work` no sooner than [`AT_LEAST`] after it began.
async fn unhurried<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let until = tokio::time::Instant::now() + AT_LEAST;
    let outcome = work.await;
    tokio::time::sleep_until(until).await;
    outcome
}

/// Whether somebody of a customer has that address.
async fn is_known(q: &mut dyn Querier, scope: Scope, email: &Email) -> Result<bool> {
    Ok(!customer_people::by_email(q, scope, email).await?.is_empty()
        || customers::by_email(q, scope, email).await?.is_some())
}

/// Whoever has that address, whoever came last first. A customer's own address is its first administrator's, who is made
/// when they first come.
async fn people_of(act: &Act, tx: &mut Tx, email: &Email) -> Result<Vec<CustomerPersonRow>> {
    let mut people = customer_people::by_email(tx, act.scope, email).await?;
    if let Some(customer) = customers::by_email(tx, act.scope, email).await?
        && !people.iter().any(|person| person.customer == customer.id)
    {
        let person = CustomerPersonRow {
            id: CustomerPersonId::new(act.now, act.service.entropy()),
            vendor: act.scope.vendor(),
            customer: customer.id,
            email: email.clone(),
            name: None,
            role: CustomerRole::Administrator,
            created_at: act.now,
            last_login_at: None,
        };
        customer_people::insert(tx, act.scope, &person).await?;
        people.push(person);
    }
    Ok(people)
}

impl Service {
    /// Sends a code to `email`, where somebody of a customer of `vendor` has that address, and answers the same where nobody
    /// has.
    ///
    /// # Errors
    /// [`ErrorCode::RateLimited`] after too many codes for the address or from the network.
    pub async fn ask_to_sign_in(&self, vendor: VendorId, email: Email, from: &RequestInfo) -> Result<Asked> {
        self.ask_in(vendor, None, email, from).await
    }

    /// The same for whoever has the key of a license that came here from elsewhere: it is written to the address that the
    /// license was sold to, where that is the one given.
    ///
    /// # Errors
    /// [`ErrorCode::RateLimited`] after too many codes or wrong keys.
    pub async fn claim(&self, vendor: VendorId, key: &str, email: Email, from: &RequestInfo) -> Result<Asked> {
        self.ask_in(vendor, Some(key), email, from).await
    }

    /// Sends a code to `email`, where somebody has that address and, with a key, a license of it.
    async fn ask_in(&self, vendor: VendorId, key: Option<&str>, email: Email, from: &RequestInfo) -> Result<Asked> {
        let browser = SessionSecret::from_bytes(random_bytes(self.entropy()));
        let number = u64::from_be_bytes(random_bytes(self.entropy())) % 100_000_000;
        let (code, scope) = (format!("{number:08}"), Scope::trusted(vendor));
        let origin = from.address.map(|address| address.to_string()).unwrap_or_default();
        let act = self.act_for(scope, event::Actor::Customer(None), origin, from.request_id.clone());
        let (now, ends_at) = (act.now, act.now.plus(OPEN));
        let mut asked = PortalSignInRow {
            id_hash: browser.hash(),
            vendor,
            email: email.clone(),
            code_hash: code_hash(&browser, &code),
            tries: 0,
            expires_at: ends_at,
            license: None,
        };
        let counters =
            (network(from), format!("{}:{}", mailbox(vendor, &email), network(from)), mailbox(vendor, &email));
        let counted = job!(counters => |tx| {
            Ok::<_, Error>(throttle::hit(tx, &counters.0, OPEN, now).await? > ASKED.0
                || throttle::hit(tx, &counters.1, OPEN, now).await? > ASKED.1
                || throttle::hit(tx, &counters.2, OPEN, now).await? > ASKED.2)
        });
        // Counted by a commit of its own, so that what is refused counts as well; and refused at once: it tells nothing of the
        // address, and whoever floods us holds nothing.
        if self.store().write(WriteOptions::last(), counted).await? {
            return Err(limited(OPEN));
        }
        if key.is_some() {
            self.refuse_guesser(Some(vendor), from).await?;
        }
        unhurried(async {
            if let Some(key) = key {
                asked.license = self.license_sold_to(scope, key, &email).await?.map(|(row, _)| row.license.id);
                if asked.license.is_none() {
                    self.guessed(Some(vendor), from, Error::new(ErrorCode::PortalKeyWrong)).await?;
                }
            }
            let link = self.portal_link(&look(&mut self.store().patient_reader(), vendor).await?, "/sign-in");
            let fits = key.is_none() || asked.license.is_some();
            let ask = job!(act, asked, email, code, link => |tx| {
                let known = is_known(tx, act.scope, &email).await? && fits;
                portal_sessions::ask(tx, act.scope, &asked).await?;
                if let Some(page) = link.filter(|_| known) {
                    let minutes = u32::try_from(OPEN.0 / 60).unwrap_or(u32::MAX);
                    let mail = Mail::SignIn { link: format!("{page}?code={code}"), code, minutes };
                    act.mail(tx, &email, public_id(&asked.id_hash), &mail, Some(asked.expires_at)).await?;
                }
                Ok::<_, Error>(())
            });
            self.store().write(WriteOptions::default(), ask).await
        })
        .await?;
        Ok(Asked { browser, ends_at })
    }

    /// Signs in whoever has asked in this browser, with the code that was mailed to them.
    ///
    /// # Errors
    /// [`ErrorCode::PortalCodeWrong`], whatever is wrong; [`ErrorCode::RateLimited`].
    pub async fn sign_in_with_code(
        &self,
        vendor: VendorId,
        browser: &SessionSecret,
        code: &str,
        from: &RequestInfo,
    ) -> Result<PortalSignedIn> {
        self.refuse_guesser(None, from).await?;
        let digits: String = code.chars().filter(char::is_ascii_digit).collect();
        let (hash, typed) = (browser.hash(), code_hash(browser, &digits));
        let origin = from.address.map(|address| address.to_string()).unwrap_or_default();
        let act = self.act_for(Scope::trusted(vendor), event::Actor::Customer(None), origin, from.request_id.clone());
        let from_here = from.clone();
        let signed_in = job!(act, from_here => |tx| {
            // What does not fit is no error of the job: that it was tried must stay.
            let asked = portal_sessions::attempt(tx, hash, TRIES, act.now).await?;
            let Some(asked) = asked.filter(|asked| asked.vendor == vendor && asked.code_hash == typed) else {
                return Ok(None);
            };
            portal_sessions::take(tx, hash).await?;
            mails::end_about(tx, act.scope, &public_id(&hash).to_string(), act.now).await?;
            let people = people_of(&act, tx, &asked.email).await?;
            // Whoever came with a key goes to the company that has its license, if they are of several.
            let claimed = match asked.license {
                Some(license) => licenses::get(tx, act.scope, license).await?,
                None => None,
            };
            let its = claimed.as_ref().and_then(|row| people.iter().find(|person| row.license.customer == Some(person.customer)));
            let Some(person) = its.or(people.first()) else { return Ok(None) };
            let signed_in = enter(&act, tx, person, &from_here).await?;
            Ok::<_, Error>(Some(PortalSignedIn { license: its.and(asked.license), ..signed_in }))
        });
        match self.store().write(WriteOptions::default(), signed_in).await? {
            Some(signed_in) => Ok(signed_in),
            None => Err(self.guessed(None, from, code_wrong()).await?),
        }
    }

    /// Signs somebody in for the devices of one license: with its key, and an address of whoever it was sold to.
    ///
    /// # Errors
    /// [`ErrorCode::PortalKeyWrong`], whatever is wrong; [`ErrorCode::RateLimited`].
    pub async fn sign_in_with_key(
        &self,
        vendor: VendorId,
        key: &str,
        email: &str,
        from: &RequestInfo,
    ) -> Result<PortalSignedIn> {
        self.refuse_guesser(Some(vendor), from).await?;
        unhurried(async {
            let scope = Scope::trusted(vendor);
            let found = match email.parse::<Email>() {
                Ok(email) => self.license_sold_to(scope, key, &email).await?,
                Err(_) => None,
            };
            let Some((license, customer)) = found else {
                return Err(self.guessed(Some(vendor), from, Error::new(ErrorCode::PortalKeyWrong)).await?);
            };
            let (id, who) = (license.license.id, event::Actor::Customer(Some(customer)));
            let (signed_in, row) = self.new_portal_session(vendor, customer, Whose::License(id), from);
            let act = self.act_for(scope, who, row.origin.clone(), from.request_id.clone());
            let enter = job!(act, row => |tx| {
                portal_sessions::insert(tx, act.scope, &row).await?;
                let data = json!({ "license": id, "by": "license key", "browser": row.browser });
                act.event(tx, "customer.signed_in", customer, data);
                Ok::<_, Error>(())
            });
            self.store().write(WriteOptions::default(), enter).await?;
            Ok(signed_in)
        })
        .await
    }

    /// The license of that key, of whichever product of the vendor, that was sold to whoever has that address.
    pub(super) async fn license_sold_to(
        &self,
        scope: Scope,
        key: &str,
        email: &Email,
    ) -> Result<Option<(LicenseRow, CustomerId)>> {
        let Ok(key) = LicenseKey::parse(key) else { return Ok(None) };
        let mut reader = self.store().patient_reader();
        let people = customer_people::by_email(&mut reader, scope, email).await?;
        let own = customers::by_email(&mut reader, scope, email).await?.map(|customer| customer.id);
        let theirs =
            |customer: CustomerId| own == Some(customer) || people.iter().any(|person| person.customer == customer);
        for hash in self.vault()?.key_hashes(&key) {
            for row in licenses::by_key_hash_anywhere(&mut reader, scope, hash).await? {
                if let Some(customer) = row.license.customer.filter(|customer| theirs(*customer)) {
                    return Ok(Some((row, customer)));
                }
            }
        }
        Ok(None)
    }

    /// Goes on as the same person at another company of theirs: whoever has one address at several customers of the vendor.
    /// The session they use ends.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] where they are nobody there; [`ErrorCode::Forbidden`] for whoever a license's key let in.
    pub async fn change_company(
        &self,
        call: &CustomerCall,
        to: CustomerId,
        now_using: &SessionSecret,
    ) -> Result<PortalSignedIn> {
        let person = call.actor.person_id().ok_or_else(|| Error::new(ErrorCode::Forbidden))?;
        let (act, from, old) = (self.portal_act(call), call.from.clone(), now_using.hash());
        let changed = job!(act, from => |tx| {
            let absent = || Error::new(ErrorCode::NotFound);
            let here = customer_people::get(tx, act.scope, person).await?.ok_or_else(absent)?;
            let people = people_of(&act, tx, &here.email).await?;
            let there = people.into_iter().find(|person| person.customer == to).ok_or_else(absent)?;
            portal_sessions::end(tx, old).await?;
            enter(&act, tx, &there, &from).await
        });
        self.store().write(WriteOptions::default(), changed).await
    }

    /// The address of a page of a portal, for a mail: below the host name that the vendor has set, or where the operator says
    /// that people reach this installation, never what a request calls it. `None` where no mail leaves here.
    pub(super) fn portal_link(&self, look: &PortalLook, page: &str) -> Option<String> {
        let way = self.settings().mail.as_ref()?;
        let base = match &look.domain {
            Some(domain) => format!("https://{domain}"),
            None => way.site.trim_end_matches('/').to_owned(),
        };
        Some(format!("{base}/portal/{}{page}", look.path))
    }

    /// The same of a vendor.
    pub(crate) async fn portal_page(
        &self,
        q: &mut dyn Querier,
        vendor: VendorId,
        page: &str,
    ) -> Result<Option<String>> {
        Ok(self.portal_link(&look(q, vendor).await?, page))
    }

    /// Refuses whoever has failed too often.
    async fn refuse_guesser(&self, vendor: Option<VendorId>, from: &RequestInfo) -> Result<()> {
        let (mut reader, now) = (self.store().patient_reader(), self.now());
        for (counter, span, most) in guesses(vendor, from) {
            if throttle::get(&mut reader, &counter, span, now).await?.is_some_and(|row| row.hits >= most) {
                return Err(limited(span));
            }
        }
        Ok(())
    }

    /// Counts a failure and hands `error` back.
    async fn guessed(&self, vendor: Option<VendorId>, from: &RequestInfo, error: Error) -> Result<Error> {
        let (counters, now) = (guesses(vendor, from), self.now());
        let count = job!(counters => |tx| {
            for (counter, span, _) in &counters {
                throttle::hit(tx, counter, *span, now).await?;
            }
            Ok::<_, Error>(())
        });
        self.store().write(WriteOptions::last(), count).await?;
        Ok(error)
    }
}

/// What counts failures: name, span and limit of each counter. A key is guessed at a vendor; a code is tried five times at
/// most, so that nobody's guesses at those keep others out.
fn guesses(vendor: Option<VendorId>, from: &RequestInfo) -> Vec<(String, Seconds, i64)> {
    let here = (format!("{}:failed", network(from)), Seconds::MINUTE, FAILURES.0);
    let there = vendor.map(|vendor| (format!("portal:failed:{vendor}"), Seconds::HOUR, FAILURES.1));
    [here].into_iter().chain(there).collect()
}

/// Begins a session of `person` in a write job.
async fn enter(act: &Act, tx: &mut Tx, person: &CustomerPersonRow, from: &RequestInfo) -> Result<PortalSignedIn> {
    let (vendor, customer) = (act.scope.vendor(), person.customer);
    let (signed_in, row) = act.service.new_portal_session(vendor, customer, Whose::Person(person.id), from);
    portal_sessions::insert(tx, act.scope, &row).await?;
    customer_people::signed_in(tx, act.scope, person.id, act.now).await?;
    let data = json!({ "person": person.id, "email": person.email, "browser": row.browser });
    let own = act.clone().by(event::Actor::Customer(Some(customer)));
    own.event(tx, "customer.signed_in", customer, data);
    Ok(signed_in)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_worth_nothing_without_the_browser() {
        let (one, other) = (SessionSecret::from_bytes([1; 16]), SessionSecret::from_bytes([2; 16]));
        assert_ne!(code_hash(&one, "12345678"), code_hash(&other, "12345678"));
        assert_ne!(code_hash(&one, "12345678"), code_hash(&one, "12345679"));
    }
}
