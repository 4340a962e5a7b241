//! What shops tell: noted at once, worked off by one node at a time. A message is only a reason to look: what has become of the
//! sale is asked of the provider, outside of any transaction, and applied in one.

use super::{alerts, jobs::Duty};
use crate::{
    Error, ErrorCode, Result, Service,
    admin::{
        act::{Act, job},
        shops::apply::{Applied, apply, park_unreadable},
    },
    shops::{self as providers, Ask, Reader, Told, Trouble, signature},
    vault::Purpose,
};
use holdfast_domain::{
    AlertId, Seconds, ShopEventId, ShopId, ShopKind, Timestamp, entropy::random_bytes, event::Actor,
};
use holdfast_fleet::{Severity, Subject};
use holdfast_store::{
    Scope, Tx, WriteOptions,
    alerts::AlertRow,
    job_leases,
    shops::{self, ShopEventRow, ShopEventState, ShopRow},
};
use std::sync::Arc;
use zeroize::Zeroizing;

/// The name of the lease row under which one node at a time works off what shops have told.
const JOB: &str = "shops.sales";
/// How many messages are read in one go.
const HANDFUL: u32 = 50;
/// For how long what was told is kept, and with it the memory that it was told already.
const KEPT: Seconds = Seconds::days(35);
/// For how long a provider is asked what became of a sale before a person is.
const PATIENCE: Seconds = Seconds::days(3);
/// The shortest and the longest wait before a message is tried again; each is twice as long as the one before.
const WAITS: (i64, i64) = (5, 3_600);
/// For how long a provider that fails is left alone at most, and one that asks for it.
const QUIET: (i64, i64) = (300, 3_600);
/// For how long a provider may fail before somebody is told.
const TOLERATED: Seconds = Seconds::minutes(30);
/// The code of the alert that a provider does not answer. Raised and cleared in the transaction of an attempt, so it is no rule of
/// the fleet's.
pub(crate) const UNREACHABLE: &str = "shop_unreachable";

/// What was seen in one attempt.
enum Seen {
    /// What became of the sale, and what the provider answered.
    Sale(Box<Told>, String),
    /// Something that makes no sense, and what the provider answered.
    Odd(String, String),
    /// Nothing for now.
    Later(String, Option<Seconds>),
}

impl Service {
    /// Through what providers are asked. Called once when a node starts; what is called later counts for nothing.
    pub fn ask_through(&self, ask: Arc<dyn Ask>) {
        let _ = self.admin().ask.set(ask);
    }

    /// What providers are asked through.
    pub(crate) fn ask_providers(&self) -> Result<Arc<dyn Ask>> {
        self.admin().ask.get().cloned().ok_or_else(|| Error::internal("nothing to ask providers through"))
    }

    /// What a shop's messages may be signed with at `now`, the newest first.
    fn shop_secrets(&self, shop: &ShopRow, now: Timestamp) -> Result<Vec<Zeroizing<String>>> {
        let previous = shop.previous_secret.as_ref().filter(|_| shop.previous_until.is_some_and(|end| now < end));
        let sealed = shop.secret.as_ref().into_iter().chain(previous);
        sealed.map(|sealed| self.open_shop(shop.id, Purpose::ShopSecret, sealed)).collect()
    }

    fn open_shop(&self, id: ShopId, purpose: Purpose, sealed: &[u8]) -> Result<Zeroizing<String>> {
        let bytes = self.vault()?.open(purpose, &id.to_bytes(), sealed)?;
        String::from_utf8(bytes.to_vec()).map(Zeroizing::new).map_err(|error| Error::internal(error.utf8_error()))
    }

    /// What reads from a shop's provider.
    pub(crate) fn reader_of<'a>(&self, shop: &ShopRow, ask: &'a dyn Ask) -> Result<Reader<'a>> {
        let key = match &shop.api_key {
            Some(sealed) => self.open_shop(shop.id, Purpose::ShopApiKey, sealed)?,
            None => Zeroizing::default(),
        };
        Ok(Reader::new(shop.kind, ask, &shop.api_url, key))
    }

    /// Notes a message of a shop, once however often it comes. `header` gives the message's headers, `body` is what was sent,
    /// byte for byte.
    ///
    /// # Errors
    /// [`ErrorCode::MessageRefused`] for an unknown or closed shop, a wrong signature and one that is too old, all alike;
    /// [`ErrorCode::InvalidJson`] where what was signed is no message.
    pub async fn receive(&self, shop: ShopId, header: signature::Header<'_>, body: &[u8]) -> Result<()> {
        let now = self.now();
        let row = shops::of_anybody(&mut self.store().reader(), shop).await?.filter(|row| row.closed_at.is_none());
        let (kind, secrets) = match &row {
            Some(row) => (row.kind, self.shop_secrets(row, now)?),
            // As much work as for a shop that there is.
            None => (ShopKind::LemonSqueezy, vec![Zeroizing::new(shop.to_string())]),
        };
        let right = signature::is_right(kind, header, body, &secrets, now);
        let Some(row) = row.filter(|_| right) else { return Err(Error::new(ErrorCode::MessageRefused)) };
        let stamp = providers::stamp(kind, header, body).ok_or_else(|| Error::new(ErrorCode::InvalidJson))?;
        let body = String::from_utf8(body.to_vec()).map_err(|_| Error::new(ErrorCode::InvalidJson))?;
        let event = ShopEventRow {
            id: ShopEventId::new(now, self.entropy()),
            vendor: row.vendor,
            shop,
            event: stamp.id,
            topic: stamp.topic,
            body,
            received_at: now,
            asked_at: now,
            state: ShopEventState::Waiting,
            attempts: 0,
            next_at: now,
            outcome: None,
            sale: None,
            ended_at: None,
        };
        let scope = row.scope();
        let write = job!(event => |tx| Ok::<_, Error>(shops::note_event(tx, scope, &event).await?));
        self.store().write(WriteOptions::default().idempotent(), write).await.map(|_: bool| ())
    }

    /// The shops of which something is to be worked off now. Cheap where there is nothing, which is nearly always.
    pub async fn shops_due(&self) -> Result<Vec<ShopRow>> {
        Ok(shops::due_shops(&mut self.store().reader(), self.now()).await?)
    }

    /// Makes this node the one that works off what shops have told, or leaves it so; `None` while another one is.
    pub async fn sales_duty(&self, held: Option<Duty>) -> Result<Option<Duty>> {
        self.duty(JOB, held).await
    }

    /// Lets another node work it off at once: for one that ends.
    pub async fn stop_selling(&self) -> Result<()> {
        self.give_up_duty(JOB).await
    }

    /// Works off what a shop has told, one message after the other, until nothing more is due or its provider does not
    /// answer. Returns how many messages were done with.
    pub async fn work_off(&self, shop: &ShopRow, duty: Duty) -> Result<usize> {
        let mut done = 0;
        loop {
            let due = shops::due_events(&mut self.store().reader(), shop.id, self.now(), HANDFUL).await?;
            if due.is_empty() {
                return Ok(done);
            }
            for event in due {
                match self.work_off_one(shop.id, &event, duty).await {
                    Ok(true) => done += 1,
                    Ok(false) => return Ok(done),
                    // The next message first, and this one later.
                    Err(error) => {
                        self.put_off(&event, duty).await?;
                        return Err(error);
                    }
                }
            }
        }
    }

    /// Works off one message. False where that is to be tried again, or another node has become the one that does.
    async fn work_off_one(&self, shop: ShopId, event: &ShopEventRow, duty: Duty) -> Result<bool> {
        // As it is now: somebody may have changed it since the last message.
        let Some(row) = shops::get(&mut self.store().reader(), event.scope(), shop).await? else { return Ok(false) };
        let (seen, has_heard) = self.look(&row, event).await?;
        let done = match self.write_off(event, duty, seen, has_heard).await {
            // A rule of ours forbids what follows from the sale (a number of seats, a text): a person has to look.
            Err(error) if error.code.status() < 500 && error.code.status() != 429 => {
                self.write_off(event, duty, Seen::Odd(error.to_string(), "[]".to_owned()), has_heard).await?
            }
            done => done?,
        };
        self.apply_own_changes().await;
        Ok(done)
    }

    /// Has a message tried later that could not be worked off for a reason of our own; after three days, has a person look.
    async fn put_off(&self, event: &ShopEventRow, duty: Duty) -> Result<()> {
        let now = self.now();
        if now.since(event.asked_at) >= PATIENCE {
            let why = "For three days it could not be worked off.".to_owned();
            return self.write_off(event, duty, Seen::Odd(why, "[]".to_owned()), false).await.map(|_| ());
        }
        let next_at = now.plus(wait(event.attempts, WAITS.1, 0, self.jitter()));
        let scope = event.scope();
        let write = job!(event => |tx| {
            if job_leases::still_holds(tx, JOB, duty.token).await?
                && shops::is_waiting(tx, event.id, event.attempts).await?
            {
                shops::postpone(tx, scope, event.id, ("could not be worked off", next_at)).await?;
            }
            Ok::<_, Error>(())
        });
        self.store().write(WriteOptions::default(), write).await
    }

    /// By how much a wait is longer than it need be: of 65,536 parts of a fifth of it.
    fn jitter(&self) -> i64 {
        i64::from(u16::from_be_bytes(random_bytes(self.entropy())))
    }

    /// Writes down what was seen, what follows from it, and whether the provider has answered.
    async fn write_off(&self, event: &ShopEventRow, duty: Duty, seen: Seen, has_heard: bool) -> Result<bool> {
        let act = self.act_for(event.scope(), Actor::Shop(event.shop), String::new(), String::new());
        let jitter = self.jitter();
        let seen = Arc::new(seen);
        let write = job!(act, event, seen => |tx| {
            let holds = job_leases::still_holds(tx, JOB, duty.token).await?;
            if !holds || !shops::is_waiting(tx, event.id, event.attempts).await? {
                return Ok(false);
            }
            let Some(shop) = shops::lock(tx, act.scope, event.shop).await? else { return Ok(false) };
            let applied = match seen.as_ref() {
                Seen::Later(why, after) if act.now.since(event.asked_at) < PATIENCE => {
                    let (shop, next_at) = left_alone(shop, &event, why, *after, act.now, jitter);
                    shops::postpone(tx, act.scope, event.id, (why, next_at)).await?;
                    shops::update(tx, act.scope, &shop).await?;
                    tell_of_silence(tx, &act, &shop).await?;
                    return Ok(false);
                }
                Seen::Later(why, _) => {
                    let why = format!("For three days it could not be read what became of a sale: {why}.");
                    park_unreadable(&act, tx, &shop, event.id, &why, "[]").await?
                }
                Seen::Odd(why, raw) => park_unreadable(&act, tx, &shop, event.id, why, raw).await?,
                Seen::Sale(told, raw) => apply(&act, tx, &shop, event.id, told, raw).await?,
            };
            let Applied { state, outcome, sale } = applied;
            shops::end_event(tx, act.scope, event.id, (state, &outcome, sale.as_deref()), act.now).await?;
            if shop.failing_since.is_some() && has_heard && !matches!(seen.as_ref(), Seen::Later(..)) {
                heard(tx, act.scope, shop, act.now).await?;
            }
            Ok(true)
        });
        self.store().write(WriteOptions::alone(), write).await
    }

    /// Asks what became of the sale that a message is about; and whether the provider has answered.
    async fn look(&self, shop: &ShopRow, event: &ShopEventRow) -> Result<(Seen, bool)> {
        let message = serde_json::from_str(&event.body).map_err(Error::internal)?;
        let ask = self.ask_providers()?;
        let mut reader = self.reader_of(shop, &*ask)?;
        let read = providers::read(&mut reader, &message).await;
        let has_heard = reader.has_heard();
        let seen = match read {
            Ok(told) => Seen::Sale(Box::new(told), reader.answers()),
            Err(Trouble::Odd(why)) => Seen::Odd(why, reader.answers()),
            Err(Trouble::Later { why, after }) => Seen::Later(plain(&why), after),
        };
        Ok((seen, has_heard))
    }

    /// Forgets what shops told more than 35 days ago, and what providers answered about what was settled as long ago.
    pub(super) async fn prune_shop_events(&self) -> Result<()> {
        let before = self.now().plus(Seconds(-KEPT.0));
        let prune = job!(before => |tx| Ok::<_, Error>(shops::prune_events(tx, before).await?));
        while self.store().write(WriteOptions::default().idempotent(), prune).await? {}
        let forget = job!(before => |tx| Ok::<_, Error>(shops::forget_answers(tx, before).await?));
        while self.store().write(WriteOptions::default().idempotent(), forget).await? {}
        Ok(())
    }
}

/// Words of the outside without what a screen or a database cannot show, and not too many.
pub(crate) fn plain(words: &str) -> String {
    words.chars().take(500).map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// The wait after so many attempts: at most `most`, and at least what was `asked` for.
fn wait(attempts: i64, most: i64, asked: i64, jitter: i64) -> Seconds {
    let wait = (WAITS.0 << attempts.clamp(0, 12)).min(most).max(asked);
    Seconds(wait + wait * jitter / (5 * 65_536))
}

/// The shop after its provider has not answered once more, and when the message is tried again.
fn left_alone(
    shop: ShopRow,
    event: &ShopEventRow,
    why: &str,
    asked: Option<Seconds>,
    now: Timestamp,
    jitter: i64,
) -> (ShopRow, Timestamp) {
    let asked = asked.map_or(0, |span| span.0.clamp(0, QUIET.1));
    let quiet_until = now.plus(wait(shop.failures, QUIET.0, asked, jitter));
    let next_at = now.plus(wait(event.attempts, WAITS.1, asked, jitter));
    let shop = ShopRow {
        failing_since: shop.failing_since.or(Some(now)),
        failures: shop.failures + 1,
        quiet_until: Some(quiet_until),
        failure: Some(why.to_owned()),
        ..shop
    };
    (shop, next_at)
}

fn subject(shop: ShopId) -> String {
    Subject::Shop(shop).to_string()
}

/// An alert where a provider has not answered for half an hour.
async fn tell_of_silence(tx: &mut Tx, act: &Act, shop: &ShopRow) -> Result<()> {
    if shop.failing_since.is_none_or(|since| act.now.since(since) < TOLERATED) {
        return Ok(());
    }
    let why = shop.failure.as_deref().unwrap_or_default();
    let detail = format!("what became of sales in {} ({}) cannot be read: {why}", shop.name, shop.id);
    let id = AlertId::new(act.now, act.service.entropy());
    let alert = AlertRow {
        vendor: Some(shop.vendor),
        severity: Severity::Warning.as_str().to_owned(),
        ..alerts::at_once(id, UNREACHABLE, subject(shop.id), detail, act.now)
    };
    alerts::raise_at_once(&act.service, tx, &alert, act.now).await
}

/// Notes that a shop's provider answers again, and takes back the alert that it does not. What waits is tried at once.
pub(crate) async fn heard(tx: &mut Tx, scope: Scope, shop: ShopRow, now: Timestamp) -> Result<()> {
    let well = ShopRow { failing_since: None, failures: 0, quiet_until: None, failure: None, ..shop };
    shops::update(tx, scope, &well).await?;
    shops::hurry(tx, scope, well.id, now).await?;
    alerts::clear_at_once(tx, UNREACHABLE, &subject(well.id), now).await
}
