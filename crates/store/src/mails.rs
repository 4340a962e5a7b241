//! Mails on their way, and the log of what came of them. Each is put here in the transaction of what it follows from; whichever
//! node claims it tries it, and nobody else does meanwhile.

use crate::{
    error::StoreError,
    page::{Filter, KeyType, ListError, Page, PageRequest, SortKey, SortValue, Window},
    scope::Scope,
    sql::{Querier, Record as _, ToArg, all, args, bare, first, record, stored_enum, value},
    tx::Tx,
};
use holdfast_domain::{Colour, Email, MailId, Name, Seconds, Timestamp, VendorId};

/// How long a mail is tried, where nothing in it ends sooner.
pub const PATIENCE: Seconds = Seconds::days(2);

stored_enum! {
    /// Which text a mail has.
    pub enum Template {
        /// A link and a code to sign in with.
        SignIn = "sign_in",
        /// A license was issued: its key.
        LicenseIssued = "license_issued",
        /// A license ends soon.
        RenewalComing = "renewal_coming",
        /// All seats of a license are taken.
        SeatLimit = "seat_limit_reached",
        /// An order was paid back.
        Refunded = "refunded",
        /// Something must be acted on.
        Alert = "alert",
        /// Somebody is asked to join the team.
        Invitation = "invitation",
        /// Somebody is asked in to the portal by a colleague.
        Colleague = "colleague",
        /// A link to a new password.
        NewPassword = "new_password",
        /// Somebody asked for a test.
        Test = "test",
    }
}

impl Template {
    /// Whether mails of this kind go to customers. An address may be a member's as well.
    pub const fn is_to_customers(self) -> bool {
        match self {
            Self::SignIn
            | Self::LicenseIssued
            | Self::RenewalComing
            | Self::SeatLimit
            | Self::Refunded
            | Self::Colleague => true,
            Self::Alert | Self::Invitation | Self::NewPassword | Self::Test => false,
        }
    }
}

stored_enum! {
    /// How far a mail is.
    pub enum MailState {
        /// It is to be sent, for the first time or again.
        Queued = "queued",
        /// A mail server has taken it.
        Sent = "sent",
        /// A mail server says that there is no such address, or that it takes no mail.
        Bounced = "bounced",
        /// It was given up.
        Failed = "failed",
        /// What it was about was over before it could be sent.
        Expired = "expired",
    }
}

record! {
    /// A mail.
    pub struct MailRow in "mails" {
        /// Its id, which is also that of the message.
        pub id: MailId,
        /// Whose.
        pub vendor: VendorId,
        /// Which text it has.
        pub template: Template,
        /// To whom.
        pub recipient: Email,
        /// What it follows from: the text form of an id.
        pub about: String,
        /// What it says, as JSON, where no secret is in it.
        pub value: Option<String>,
        /// What it says, sealed; absent where no secret is in it, and once it was sent.
        pub sealed: Option<Vec<u8>>,
        /// How far it is.
        pub state: MailState,
        /// How often it was tried, the attempt that is under way included.
        pub attempts: i64,
        /// When it is to be tried next.
        pub next_at: Timestamp,
        /// Until when it is worth being sent.
        pub expires_at: Timestamp,
        /// What was in the way last time.
        pub error: Option<String>,
        /// When it was put here.
        pub created_at: Timestamp,
        /// When it was sent or given up.
        pub ended_at: Option<Timestamp>,
    }
}

impl MailRow {
    /// Whether something in it ends sooner than it would be given up.
    pub fn is_short_lived(&self) -> bool {
        self.expires_at < self.created_at.plus(PATIENCE)
    }
}

/// Puts mails in line, in the transaction of what they follow from.
pub async fn put(tx: &mut Tx, mails: &[MailRow]) -> Result<(), StoreError> {
    let row = |m: &MailRow| {
        args![
            m.id,
            m.vendor,
            m.template,
            m.recipient,
            m.about,
            m.value,
            m.sealed,
            m.state,
            m.attempts,
            m.next_at,
            m.expires_at,
            m.error,
            m.created_at,
            m.ended_at
        ]
    };
    let rows: Vec<_> = mails.iter().map(row).collect();
    tx.insert("mails", &bare(MailRow::COLUMNS, "mails"), &rows, "").await.map(|_| ())
}

/// Whether a mail is to be tried now: to ask without writing, before [`claim`].
pub async fn is_due(q: &mut dyn Querier, now: Timestamp) -> Result<bool, StoreError> {
    let sql = "SELECT id FROM mails WHERE state = 'queued' AND next_at <= $1 LIMIT 1";
    Ok(!q.rows(sql.into(), args![now]).await?.is_empty())
}

/// Ends mails that are not worth being sent any more, a thousand at most: what was about something that is over has expired,
/// what was tried for as long as it should be has failed. Returns the states they got.
pub async fn end_overdue(tx: &mut Tx, now: Timestamp) -> Result<Vec<MailState>, StoreError> {
    // Who tries one has put off when it is due, so that none is ended under their hands.
    let sql = "UPDATE mails SET ended_at = $1,
            state = CASE WHEN expires_at < created_at + $2 THEN 'expired' ELSE 'failed' END,
            sealed = CASE WHEN expires_at < created_at + $2 THEN NULL ELSE sealed END
        WHERE state = 'queued' AND next_at <= $1 AND expires_at <= $1 AND id IN (
            SELECT id FROM mails WHERE state = 'queued' AND next_at <= $1 AND expires_at <= $1 ORDER BY next_at LIMIT 1000)
        RETURNING state";
    let span = PATIENCE.0.saturating_mul(1_000_000);
    let rows = tx.rows(sql.into(), args![now, span]).await?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// The condition for those that this version knows: an older one leaves others to nodes of the newer.
fn known() -> String {
    let names: Vec<String> = Template::ALL.iter().map(|template| format!("'{}'", template.as_str())).collect();
    format!("mails.template IN ({})", names.join(", "))
}

/// Takes mails that are due, at most `limit`, those first that have been due for the longest, and has nobody else take them
/// before `until`. Of two nodes at once, one gets each.
pub async fn claim(tx: &mut Tx, now: Timestamp, until: Timestamp, limit: u32) -> Result<Vec<MailRow>, StoreError> {
    let free = tx.dialect().lock_rows_that_are_free();
    // Looked up once: PostgreSQL would do it again and again, and each time pass over what it has just locked.
    let sql = format!(
        "WITH due (mail) AS MATERIALIZED (
            SELECT id FROM mails WHERE state = 'queued' AND next_at <= $1 AND {}
            ORDER BY next_at, id LIMIT {limit}{free})
         UPDATE mails SET attempts = attempts + 1, next_at = $2 FROM due
         WHERE mails.id = due.mail AND state = 'queued' AND next_at <= $1 RETURNING {}",
        known(),
        bare(MailRow::COLUMNS, "mails")
    );
    let mut taken: Vec<MailRow> = all(tx, sql, args![now, until]).await?;
    taken.sort_unstable_by_key(|mail| mail.id);
    Ok(taken)
}

/// Writes down what came of the attempt that `mail` was claimed for. False where it was claimed again meanwhile, or is over.
pub async fn record(tx: &mut Tx, mail: &MailRow) -> Result<bool, StoreError> {
    let sql = "UPDATE mails SET sealed = $3, state = $4, next_at = $5, error = $6, ended_at = $7
        WHERE id = $1 AND attempts = $2 AND state = 'queued' RETURNING id";
    let m = mail;
    let args = args![m.id, m.attempts, m.sealed, m.state, m.next_at, m.error, m.ended_at];
    Ok(!tx.rows(sql.into(), args).await?.is_empty())
}

/// Has what waits about `about` not sent any more, and what came back not sent again: what it says is not true any longer.
pub async fn end_about(tx: &mut Tx, scope: Scope, about: &str, now: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE mails SET sealed = NULL, ended_at = COALESCE(ended_at, $3),
            state = CASE WHEN state = 'queued' THEN 'expired' ELSE state END
        WHERE vendor = $1 AND about = $2 AND (state = 'queued' OR sealed IS NOT NULL)";
    tx.rows(sql.into(), args![scope.vendor(), about, now]).await.map(|_| ())
}

/// Whether a mail with that text was ever put in line about `about`, as far back as mails are kept.
pub async fn was_told(q: &mut dyn Querier, scope: Scope, about: &str, template: Template) -> Result<bool, StoreError> {
    let sql = "SELECT id FROM mails WHERE vendor = $1 AND about = $2 AND template = $3 LIMIT 1";
    Ok(!q.rows(sql.into(), args![scope.vendor(), about, template]).await?.is_empty())
}

/// A mail of the scope's vendor.
pub async fn get(q: &mut dyn Querier, scope: Scope, id: MailId) -> Result<Option<MailRow>, StoreError> {
    let sql = format!("SELECT {} FROM mails WHERE vendor = $1 AND id = $2 AND {}", MailRow::COLUMNS, known());
    first(q, sql, args![scope.vendor(), id]).await
}

/// What a list of mails is narrowed to.
#[derive(Clone, Debug, Default)]
pub struct MailFilter {
    /// Those that are so far.
    pub state: Option<MailState>,
    /// Those to one address.
    pub recipient: Option<Email>,
}

/// The vendor's mails by time, the newest first unless asked otherwise.
pub async fn list(
    q: &mut dyn Querier,
    scope: Scope,
    filter: &MailFilter,
    page: &PageRequest<()>,
) -> Result<Page<MailRow>, ListError> {
    let mut conditions = Filter::default();
    conditions
        .and("mails.vendor = ?", args![scope.vendor()])
        .and(&known(), Vec::new())
        .maybe("mails.state = ?", filter.state.as_ref())
        .maybe("mails.recipient = ?", filter.recipient.as_ref());
    let key = SortKey { name: "created", expression: "mails.id", kind: KeyType::Id };
    let window = Window::new(&conditions, page, &key, "mails.id")?;
    let total = crate::page::count(q, "mails", &conditions).await?;
    let rows = window.rows::<MailRow>(q, "mails").await?;
    Ok(window.page(rows, total, |row| (SortValue::Id, row.id.to_bytes())))
}

/// The vendor's newest mails to any of these addresses, at most `limit`.
pub async fn newest_to(
    q: &mut dyn Querier,
    scope: Scope,
    recipients: &[Email],
    limit: u32,
) -> Result<Vec<MailRow>, StoreError> {
    if recipients.is_empty() {
        return Ok(Vec::new());
    }
    let mut args = args![scope.vendor(), i64::from(limit)];
    let among = q.dialect().any_of("recipient", recipients.iter().map(ToArg::arg), &mut args);
    let sql = format!(
        "SELECT {} FROM mails WHERE vendor = $1 AND {among} AND {} ORDER BY id DESC LIMIT $2",
        MailRow::COLUMNS,
        known()
    );
    all(q, sql, args).await
}

/// Whether the last mail to an address came back: when, and what was said.
pub async fn bounce(
    q: &mut dyn Querier,
    scope: Scope,
    recipient: &Email,
) -> Result<Option<(Timestamp, String)>, StoreError> {
    let sql = "SELECT state, ended_at, error FROM mails WHERE vendor = $1 AND recipient = $2
            AND state IN ('sent', 'bounced') ORDER BY id DESC LIMIT 1";
    let rows = q.rows(sql.into(), args![scope.vendor(), recipient]).await?;
    let Some(last) = rows.first() else { return Ok(None) };
    if last.get::<MailState>(0)? != MailState::Bounced {
        return Ok(None);
    }
    Ok(Some((last.get(1)?, last.get::<Option<String>>(2)?.unwrap_or_default())))
}

/// How many mails wait, since when the oldest does, and when one was last sent.
pub async fn waiting(q: &mut dyn Querier) -> Result<(i64, Option<Timestamp>, Option<Timestamp>), StoreError> {
    let rows = q.rows("SELECT count(*), min(created_at) FROM mails WHERE state = 'queued'".into(), Vec::new()).await?;
    let (number, oldest) = rows.first().map_or(Ok((0, None)), |row| Ok::<_, StoreError>((row.get(0)?, row.get(1)?)))?;
    let sql = "SELECT ended_at FROM mails WHERE state = 'sent' ORDER BY ended_at DESC LIMIT 1";
    Ok((number, oldest, value(q, sql, Vec::new()).await?))
}

/// Forgets mails from before `before`, a thousand at most. True where there may be more.
pub async fn prune(tx: &mut Tx, before: Timestamp) -> Result<bool, StoreError> {
    let sql = "DELETE FROM mails WHERE id IN (
        SELECT id FROM mails WHERE created_at < $1 ORDER BY created_at LIMIT 1000) RETURNING id";
    Ok(tx.rows(sql.into(), args![before]).await?.len() >= 1_000)
}

record! {
    /// How a vendor's mails look.
    pub struct LookRow in "mail_looks" {
        /// Whose.
        pub vendor: VendorId,
        /// Under which name they are sent; the vendor's where absent.
        pub sender: Option<Name>,
        /// Where answers go.
        pub reply_to: Option<Email>,
        /// The colour.
        pub colour: Option<Colour>,
        /// The vendor's own words by template, as JSON.
        pub texts: String,
        /// The products whose keys are mailed when a license is issued, as JSON.
        pub issued: String,
        /// Of what customers are told without asking for it, as JSON.
        pub notices: String,
        /// When it was last changed.
        pub updated_at: Timestamp,
    }
}

/// How the vendor's mails look, where that was ever set.
pub async fn look(q: &mut dyn Querier, scope: Scope) -> Result<Option<LookRow>, StoreError> {
    let sql = format!("SELECT {} FROM mail_looks WHERE vendor = $1", LookRow::COLUMNS);
    first(q, sql, args![scope.vendor()]).await
}

/// Has nobody else change how the vendor's mails look until the commit.
pub async fn lock_look(tx: &mut Tx, scope: Scope) -> Result<(), StoreError> {
    let lock = tx.dialect().lock_rows();
    // The vendor's row is there before the first look is.
    tx.rows(format!("SELECT id FROM vendors WHERE id = $1{lock}").into(), args![scope.vendor()]).await.map(|_| ())
}

/// Sets how the vendor's mails look; `look.vendor` is ignored in the scope's favour.
pub async fn set_look(tx: &mut Tx, scope: Scope, look: &LookRow) -> Result<(), StoreError> {
    let sql = format!(
        "INSERT INTO mail_looks ({}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (vendor) DO UPDATE SET sender = excluded.sender, reply_to = excluded.reply_to,
            colour = excluded.colour, texts = excluded.texts, issued = excluded.issued, notices = excluded.notices,
            updated_at = excluded.updated_at",
        bare(LookRow::COLUMNS, "mail_looks")
    );
    let l = look;
    let args = args![scope.vendor(), l.sender, l.reply_to, l.colour, l.texts, l.issued, l.notices, l.updated_at];
    tx.rows(sql.into(), args).await.map(|_| ())
}
