//! Mails on their way: put in line in the transaction of what they follow from, claimed by whichever node looks first, tried
//! until a mail server has taken each. What was tried and not written down is tried again, under the same id.

use crate::{
    Error, Result, Service,
    admin::act::{Act, job},
    mail::{Look, Mail, Notices, PortalFace, Rendered, Words},
    vault::Purpose,
};
use holdfast_domain::{Email, Entropy, MailId, Seconds, Timestamp, VendorId, entropy::random_bytes, text::TextError};
use holdfast_fleet::Severity;
use holdfast_store::{
    Querier, Scope, Tx, WriteOptions,
    alerts::AlertRow,
    mails::{self, LookRow, MailRow, MailState, PATIENCE},
    members, portals, vendors,
};
use std::{collections::HashMap, fmt::Display};

/// For how long a mail is a node's that has claimed it: longer than an attempt may take, however far clocks are apart.
const CLAIM: Seconds = Seconds::minutes(3);
/// How long one attempt may take altogether.
pub const ATTEMPT: std::time::Duration = std::time::Duration::from_mins(1);
/// The shortest and the longest wait before the next attempt; in between each is as long as all before together.
const WAITS: (Seconds, Seconds) = (Seconds(10), Seconds::hours(4));
/// How far those that somebody waits for go before others.
const AHEAD: Seconds = Seconds::DAY;
/// For how long mails are kept.
const KEPT: Seconds = Seconds::days(90);
/// How much is kept of what a mail server says.
const SAID: usize = 500;

/// How mail leaves this installation, as the operator has set it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailWay {
    /// The address that mails come from.
    pub from: Email,
    /// How they leave, in words and without a password.
    pub how: String,
    /// Where people reach the console: what links in mails begin with.
    pub site: String,
}

/// A mail that is to be tried now.
#[derive(Clone, Debug)]
pub struct Outgoing {
    row: MailRow,
    /// Under which name it is sent.
    pub sender: String,
    /// Where answers go.
    pub reply_to: Option<Email>,
    /// What it says; a sentence on what is in the way where that is not known.
    pub says: Result<Rendered, String>,
}

impl Outgoing {
    /// A test of the way alone, by somebody with a shell on the machine: of no vendor, and in no log.
    pub fn test(to: &Email, now: Timestamp, entropy: &dyn Entropy) -> Self {
        let id = MailId::new(now, entropy);
        let mail = Mail::Test { by: None };
        let look = "Holdfast".parse().map(Look::of).map_err(|error: TextError| error.to_string());
        let row = MailRow {
            id,
            vendor: VendorId::from_bytes([0; 16]),
            template: mail.template(),
            recipient: to.clone(),
            about: id.to_string(),
            value: None,
            sealed: None,
            state: MailState::Queued,
            attempts: 1,
            next_at: now,
            expires_at: now.plus(PATIENCE),
            error: None,
            created_at: now,
            ended_at: None,
        };
        let sender = look.as_ref().map(|look| look.sender(mail.template())).unwrap_or_default();
        Self { row, sender, reply_to: None, says: look.map(|look| mail.render(&look)) }
    }

    /// Its id, the same with every attempt.
    pub const fn id(&self) -> MailId {
        self.row.id
    }

    /// To whom.
    pub const fn to(&self) -> &Email {
        &self.row.recipient
    }

    /// When it was written.
    pub const fn written_at(&self) -> Timestamp {
        self.row.created_at
    }
}

/// What came of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A mail server has taken it.
    Sent,
    /// The address takes no mail; what was said.
    Bounced(String),
    /// It is to be tried again; what was in the way.
    Again(String),
}

impl Service {
    /// A mail to be put in line, which is worth being sent until `until`, or for two days. `None` where no mail leaves here, or
    /// what it says could not be sealed.
    pub(crate) fn new_mail(
        &self,
        vendor: VendorId,
        to: &Email,
        about: impl Display,
        mail: &Mail,
        until: Option<Timestamp>,
    ) -> Result<Option<MailRow>> {
        if self.settings().mail.is_none() || (mail.is_secret() && self.is_sealed()) {
            return Ok(None);
        }
        let now = self.now();
        let id = MailId::new(now, self.entropy());
        let value = serde_json::to_string(mail).map_err(Error::internal)?;
        let (value, sealed) = if mail.is_secret() {
            let sealed = self.vault()?.seal(Purpose::Mail, &id.to_bytes(), value.as_bytes(), self.entropy())?;
            (None, Some(sealed))
        } else {
            (Some(value), None)
        };
        let latest = now.plus(PATIENCE);
        Ok(Some(MailRow {
            id,
            vendor,
            template: mail.template(),
            recipient: to.clone(),
            about: about.to_string(),
            value,
            sealed,
            state: MailState::Queued,
            attempts: 0,
            next_at: if mail.is_waited_for() { now.plus(Seconds(-AHEAD.0)) } else { now },
            expires_at: until.map_or(latest, |until| until.min(latest)),
            error: None,
            created_at: now,
            ended_at: None,
        }))
    }

    /// What a mail that was put in line says; `None` where that is forgotten.
    pub(crate) fn open_mail(&self, row: &MailRow) -> Result<Option<Mail>> {
        let opened;
        let value = match (&row.value, &row.sealed) {
            (Some(value), _) => value.as_bytes(),
            (None, Some(sealed)) => {
                opened = self.vault()?.open(Purpose::Mail, &row.id.to_bytes(), sealed)?;
                opened.as_slice()
            }
            (None, None) => return Ok(None),
        };
        serde_json::from_slice(value).map(Some).map_err(Error::internal)
    }

    /// Whether a mail is to be tried here now. Cheap where none is, which is nearly always.
    pub async fn mails_are_due(&self) -> Result<bool> {
        if self.settings().mail.is_none() || self.is_sealed() {
            return Ok(false);
        }
        Ok(mails::is_due(&mut self.store().reader(), self.now()).await?)
    }

    /// Takes mails that are due, at most `limit`, so that no other node tries them for a while, and writes each out.
    pub async fn claim_mails(&self, limit: u32) -> Result<Vec<Outgoing>> {
        let now = self.now();
        let write = job!(=> |tx| {
            let ended = mails::end_overdue(tx, now).await?;
            Ok::<_, Error>((ended, mails::claim(tx, now, now.plus(CLAIM), limit).await?))
        });
        let (ended, rows) = self.store().write(WriteOptions::default(), write).await?;
        for state in ended {
            tracing::warn!(state = state.as_str(), "a mail was not sent in time");
        }
        let (mut reader, mut looks, mut claimed) =
            (self.store().reader(), HashMap::new(), Vec::with_capacity(rows.len()));
        for row in rows {
            let scope = Scope::trusted(row.vendor);
            let look = match looks.entry(row.vendor) {
                std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
                std::collections::hash_map::Entry::Vacant(new) => new.insert(look(&mut reader, scope).await?.0),
            };
            let says = match self.open_mail(&row) {
                Ok(Some(mail)) => Ok(mail.render(look)),
                Ok(None) => Err("what it says is not kept any more".to_owned()),
                Err(error) => {
                    tracing::error!(?error, mail = %row.id, "a mail cannot be opened");
                    Err("what it says cannot be opened on this node".to_owned())
                }
            };
            claimed.push(Outgoing { sender: look.sender(row.template), reply_to: look.reply_to.clone(), says, row });
        }
        Ok(claimed)
    }

    /// Writes down what came of an attempt: the mail was sent, came back, is tried again later or is given up. Returns how far it
    /// is now; `None` where somebody else has tried it meanwhile.
    pub async fn mail_tried(&self, mail: &Outgoing, outcome: Outcome) -> Result<Option<MailState>> {
        let jitter = u16::from_be_bytes(random_bytes(self.entropy()));
        let row = follow(&mail.row, outcome, self.now(), jitter);
        let write = job!(row => |tx| Ok::<_, Error>(mails::record(tx, &row).await?));
        let written = self.store().write(WriteOptions::default(), write).await?;
        Ok(written.then_some(row.state))
    }

    /// How many mails wait, since when the oldest does, and when one was last sent.
    pub async fn mails_waiting(&self) -> Result<(u64, Option<Timestamp>, Option<Timestamp>)> {
        let (number, oldest, sent) = mails::waiting(&mut self.store().reader()).await?;
        Ok((u64::try_from(number).unwrap_or(0), oldest, sent))
    }

    /// Ends what is not worth being sent any more, wherever mail leaves, and forgets mails of more than 90 days ago.
    pub(super) async fn prune_mails(&self) -> Result<()> {
        let now = self.now();
        let end = job!(=> |tx| Ok::<_, Error>(mails::end_overdue(tx, now).await?.len()));
        while self.store().write(WriteOptions::default().idempotent(), end).await? >= 1_000 {}
        let before = now.plus(Seconds(-KEPT.0));
        let prune = job!(before => |tx| Ok::<_, Error>(mails::prune(tx, before).await?));
        while self.store().write(WriteOptions::default().idempotent(), prune).await? {}
        Ok(())
    }
}

impl Act {
    /// Puts a mail in line. Whether it was.
    pub async fn mail(
        &self,
        tx: &mut Tx,
        to: &Email,
        about: impl Display,
        mail: &Mail,
        until: Option<Timestamp>,
    ) -> Result<bool> {
        let row = self.service.new_mail(self.scope.vendor(), to, about, mail, until)?;
        mails::put(tx, row.as_slice()).await?;
        Ok(row.is_some())
    }
}

/// How a vendor's mails look, and the row that says so where there is one.
pub(crate) async fn look(q: &mut dyn Querier, scope: Scope) -> Result<(Look, Option<LookRow>)> {
    let vendor = vendors::by_public_id(q, scope.vendor()).await?;
    let portal = portals::get(q, scope).await?.map(|row| {
        let accent = row.accent.and_then(|colour| colour.parse().ok());
        PortalFace { name: row.name, accent }
    });
    let usual = Look {
        portal: portal.unwrap_or_default(),
        ..Look::of(vendor.ok_or_else(|| Error::internal("a mail of no vendor"))?.name)
    };
    let Some(row) = mails::look(q, scope).await? else { return Ok((usual, None)) };
    let texts: std::collections::BTreeMap<String, Words> = serde_json::from_str(&row.texts).map_err(Error::internal)?;
    // Words for a template of a newer version wait for it.
    let texts = texts.into_iter().filter_map(|(name, words)| Some((mails::Template::from_name(&name)?, words)));
    let look = Look {
        sender: row.sender.clone(),
        reply_to: row.reply_to.clone(),
        colour: row.colour.clone(),
        texts: texts.collect(),
        ..usual
    };
    Ok((look, Some(row)))
}

/// Of what the vendor's customers are told without asking for it.
pub(crate) fn notices_of(row: Option<&LookRow>) -> Result<Notices> {
    row.map_or(Ok(Notices::default()), |row| serde_json::from_str(&row.notices).map_err(Error::internal))
}

/// Mails an alert that was raised or has become worse to whoever wants to be told.
pub(super) async fn tell_of_alert(service: &Service, tx: &mut Tx, alert: &AlertRow) -> Result<()> {
    let Some(way) = &service.settings().mail else { return Ok(()) };
    let severity = Severity::from_name(&alert.severity).unwrap_or(Severity::Critical);
    let (meaning, cure) = crate::admin::alerts::explained(&alert.code);
    let mail = Mail::Alert {
        severity,
        subject: alert.subject.clone(),
        detail: alert.detail.clone(),
        meaning: meaning.to_owned(),
        cure: cure.to_owned(),
        since: alert.raised_at,
        fails: alert.fails_at,
        link: format!("{}/console/alerts/{}", way.site, alert.id),
    };
    let mut rows = Vec::new();
    for (vendor, to) in members::alerted(tx, alert.vendor, severity == Severity::Critical).await? {
        rows.extend(service.new_mail(vendor, &to, alert.id, &mail, None)?);
    }
    Ok(mails::put(tx, &rows).await?)
}

/// What follows from an attempt. `jitter` lengthens a wait by up to a fifth, so that what failed together is not tried again
/// together.
fn follow(row: &MailRow, outcome: Outcome, now: Timestamp, jitter: u16) -> MailRow {
    let mut row = row.clone();
    let said = |words: String| Some(crate::mail::said(&words, SAID));
    match outcome {
        Outcome::Sent => (row.state, row.error, row.sealed, row.ended_at) = (MailState::Sent, None, None, Some(now)),
        Outcome::Bounced(words) => (row.state, row.error, row.ended_at) = (MailState::Bounced, said(words), Some(now)),
        Outcome::Again(words) => {
            row.error = said(words);
            let wait = now.since(row.created_at).0.clamp(WAITS.0.0, WAITS.1.0);
            row.next_at = now.plus(Seconds(wait.saturating_add(wait * i64::from(jitter) / (5 * 65_536))));
            if row.next_at >= row.expires_at {
                let short = row.is_short_lived();
                row.state = if short { MailState::Expired } else { MailState::Failed };
                row.ended_at = Some(now);
                row.sealed = row.sealed.filter(|_| !short);
            }
        }
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_store::mails::Template;

    const NOW: Timestamp = Timestamp::from_seconds(1_767_225_600);

    fn row(until: Seconds) -> MailRow {
        MailRow {
            id: MailId::from_bytes([1; 16]),
            vendor: VendorId::from_bytes([2; 16]),
            template: Template::SignIn,
            recipient: "ada@example.com".parse().unwrap(),
            about: "mem_1".to_owned(),
            value: None,
            sealed: Some(vec![1]),
            state: MailState::Queued,
            attempts: 1,
            next_at: NOW.plus(CLAIM),
            expires_at: NOW.plus(until),
            error: None,
            created_at: NOW,
            ended_at: None,
        }
    }

    fn again() -> Outcome {
        Outcome::Again("450 later".to_owned())
    }

    #[test]
    fn what_was_sent_is_forgotten_and_what_came_back_can_be_sent_again() {
        let sent = follow(&row(PATIENCE), Outcome::Sent, NOW, 0);
        assert_eq!((sent.state, sent.sealed, sent.ended_at), (MailState::Sent, None, Some(NOW)));
        let back = follow(&row(PATIENCE), Outcome::Bounced("550 no\r\nsuch user".to_owned()), NOW, 0);
        assert_eq!((back.state, back.error.as_deref()), (MailState::Bounced, Some("550 no such user")));
        assert!(back.sealed.is_some());
        let long = follow(&row(PATIENCE), Outcome::Bounced("x".repeat(10_000)), NOW, 0);
        assert_eq!(long.error.unwrap().chars().count(), SAID);
    }

    #[test]
    fn a_mail_is_tried_for_two_days_at_growing_intervals_and_then_given_up() {
        let (mut mail, mut now, mut waits) = (row(PATIENCE), NOW, Vec::new());
        while mail.state == MailState::Queued {
            mail = follow(&mail, again(), now, 0);
            waits.push(mail.next_at.since(now).0);
            now = mail.next_at;
        }
        assert_eq!(waits[..4], [10, 10, 20, 40]);
        assert!(waits.iter().all(|wait| *wait <= WAITS.1.0), "{waits:?}");
        assert!((15..40).contains(&waits.len()), "{waits:?}");
        assert_eq!(mail.state, MailState::Failed);
        assert!(now >= NOW.plus(PATIENCE) && mail.sealed.is_some());
    }

    #[test]
    fn what_is_in_it_may_end_sooner() {
        let (mut mail, mut now) = (row(Seconds::minutes(15)), NOW);
        while mail.state == MailState::Queued {
            mail = follow(&mail, again(), now, u16::MAX);
            now = mail.next_at;
        }
        assert_eq!((mail.state, mail.sealed), (MailState::Expired, None));
        assert!(mail.ended_at.unwrap() < NOW.plus(Seconds::minutes(15)));
    }

    #[test]
    fn those_that_failed_together_are_tried_apart() {
        let later = NOW.plus(Seconds(1_000));
        let next = |jitter| follow(&row(PATIENCE), again(), later, jitter).next_at.since(later).0;
        assert_eq!((next(0), next(u16::MAX)), (1_000, 1_199));
    }
}
