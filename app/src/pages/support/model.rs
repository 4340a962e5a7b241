//! What the screens of the support desk show.

use serde::{Deserialize, Serialize};

use crate::{
    pages::{
        acts::model::Waiting,
        customers::model::{CustomerRow, Overview},
        find::model::Group,
        licenses::model::{LicenseRow, Loss},
        mail::model::{Bounced, MailRow},
        notes::model::NoteRow,
    },
    ui::{Tone, When},
};

/// The desk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeskView {
    /// What was looked for, found; absent where nothing was.
    pub found: Option<Vec<Group>>,
    /// What begins later.
    pub waits: Vec<Waiting>,
    /// What waits for a second person and concerns whoever looks: its page, what it is, and whose turn it is.
    pub approvals: Vec<(String, String, String)>,
    /// Customers that were worked on lately: id, name, address, when.
    pub recent: Vec<(String, String, Option<String>, When)>,
    /// Whether this person may refund.
    pub may_refund: bool,
}

/// A verdict, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// What it means.
    pub tone: Tone,
    /// "In grace".
    pub word: String,
    /// What works on the device.
    pub says: String,
    /// The rule that gives it, in words.
    pub rule: String,
    /// The rule as it stands in the client's table: "soft < T ≤ exp".
    pub formula: String,
}

/// A moment to come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coming {
    /// What it is.
    pub what: String,
    /// When.
    pub when: When,
    /// What the application shows from then on.
    pub then: String,
}

/// What helps: why, and the way to it where it can be done here by whoever looks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cure {
    /// What to do, and why.
    pub says: String,
    /// The page where it is done, and the words on the button.
    pub way: Option<(String, String)>,
}

/// How one device stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceView {
    /// What it is called: the device, or that it has no name.
    pub name: String,
    /// Where the lease comes from that is judged.
    pub source: String,
    /// The moment for which it is judged.
    pub at: When,
    /// The verdict.
    pub verdict: Verdict,
    /// What the server answers when the device next asks, and what that means.
    pub answer: (Tone, String),
    /// All reasons of a denial.
    pub reasons: Vec<String>,
    /// What comes if nothing is heard of the server until then.
    pub coming: Vec<Coming>,
    /// What helps.
    pub cure: Cure,
    /// What else is known: names and values, of which some are ids to be copied.
    pub facts: Vec<(String, String)>,
    /// Whose license it is: the page and the name.
    pub customer: Option<(String, String)>,
    /// The license: the page and the end of its key.
    pub license: Option<(String, String)>,
    /// What begins later and is about it.
    pub waits: Vec<Waiting>,
}

/// A device in a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceRow {
    /// The seat's id.
    pub id: String,
    /// The license's id.
    pub license: String,
    /// What it is called.
    pub name: String,
    /// Whose it is, platform and version.
    pub runs: String,
    /// How it stands; absent for a seat that is free.
    pub verdict: Option<(Tone, String)>,
    /// When it was last heard of.
    pub last_seen: When,
    /// How long it works without any server.
    pub offline_until: When,
}

/// A license with its devices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LicenseStory {
    /// As in the list.
    pub row: LicenseRow,
    /// Product and plan.
    pub product: String,
    /// Why it is not in force, as somebody typed it.
    pub reason: Option<String>,
    /// The subscription that it was bought with: how it stands, and the same in words.
    pub subscription: Option<(Tone, String, String)>,
    /// What an activation with its key is answered.
    pub answer: (Tone, String),
    /// What helps.
    pub cure: Cure,
    /// Its devices.
    pub devices: Vec<DeviceRow>,
    /// What is said where it has more.
    pub more: Option<String>,
    /// What begins later and is about it.
    pub waits: Vec<Waiting>,
    /// The newest notes about it.
    pub notes: Vec<NoteRow>,
    /// What whoever looks may do.
    pub may: May,
}

/// What somebody may do to a license.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::struct_excessive_bools)] // Each is a right of its own.
pub struct May {
    /// Suspend, resume, revoke, reinstate.
    pub status: bool,
    /// Extend.
    pub extend: bool,
    /// Free a seat.
    pub free: bool,
    /// Make a new key, or ask somebody for one.
    pub key: bool,
}

/// An error code, explained.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeView {
    /// The code.
    pub code: String,
    /// What it says.
    pub title: String,
    /// What brings it about.
    pub cause: String,
    /// What to do about it.
    pub cure: String,
    /// What the application makes of it.
    pub effect: String,
}

/// What was asked about, explained.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Explained {
    /// Nothing was asked.
    Nothing,
    /// A document that does not verify: the refusal's name, what it says, and what follows.
    Refused(String, String, String),
    /// A device.
    Device(Box<DeviceView>),
    /// A license.
    License(Box<LicenseStory>),
    /// A document of another kind: what it is, and what it says.
    Document(String, Vec<(String, String)>),
    /// The seats of one device.
    Seats(Vec<DeviceRow>),
    /// An error code.
    Code(Box<CodeView>),
    /// What the text finds.
    Found(Vec<Group>),
    /// A whole key that no license has.
    UnknownKey,
}

/// The page on which things are explained.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExplainView {
    /// What was asked about, where it may stand in a field again; a document or a key may not.
    pub asked: String,
    /// The moment that was chosen, as the field has it; empty for now.
    pub at: String,
    /// The zone in which it is read.
    pub zone: String,
    /// The explanation.
    pub explained: Explained,
}

/// An order of a customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRow {
    /// Its id.
    pub id: String,
    /// The payment provider's number.
    pub reference: String,
    /// How it stands.
    pub status: (Tone, String),
    /// When it was made.
    pub made: When,
    /// Whether it can be refunded by whoever looks.
    pub may_refund: bool,
    /// Whether a refund of it begins later.
    pub waits: bool,
}

/// A reply with a customer's facts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filled {
    /// The reply.
    pub id: String,
    /// The text, ready to be copied, or why there is none.
    pub text: Result<String, String>,
}

/// A customer's whole story.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoryView {
    /// The customer.
    pub customer: CustomerRow,
    /// What they hold, what was noted and what happened.
    pub whole: Overview,
    /// That the last mail to their address came back.
    pub bounced: Option<Bounced>,
    /// The newest mails to them.
    pub mails: Vec<MailRow>,
    /// Whether whoever looks may look at the portal as they do.
    pub may_view: bool,
    /// Their licenses with their devices, as many as a page has.
    pub licenses: Vec<LicenseStory>,
    /// Their newest orders.
    pub orders: Vec<OrderRow>,
    /// What is said where they have more.
    pub more_orders: Option<String>,
    /// What begins later and refunds some of them.
    pub refunds: Vec<Waiting>,
    /// The replies to choose from: id and name.
    pub replies: Vec<(String, String)>,
    /// The one that was chosen.
    pub filled: Option<Filled>,
}

/// A reply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyRow {
    /// Its id.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// What it says.
    pub text: String,
    /// When it was last changed.
    pub changed: When,
}

/// The replies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepliesView {
    /// By name.
    pub replies: Vec<ReplyRow>,
    /// Whether this person may write them.
    pub may_write: bool,
}

/// A reply that is written or changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyForm {
    /// The reply; absent for a new one.
    pub reply: Option<ReplyRow>,
    /// The facts that it can name.
    pub facts: Vec<String>,
}

/// A line of a list of refunds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundLine {
    /// Its number in the list.
    pub line: u64,
    /// The order's number.
    pub reference: String,
    /// The order's page, where there is one.
    pub href: Option<String>,
    /// Who bought.
    pub customer: String,
    /// What becomes of it.
    pub fate: (Tone, String),
    /// Licenses that are revoked, and devices that lose access.
    pub counts: Option<(u64, u64)>,
}

/// A list of refunds, looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundsView {
    /// Its first lines; absent where there is no list yet.
    pub lines: Option<Vec<RefundLine>>,
    /// How many lines meet which fate, in a sentence.
    pub counted: String,
    /// What is said where not all lines are shown.
    pub more: Option<String>,
    /// What can be done with it; absent where nothing can.
    pub act: Option<RefundAct>,
    /// Why the list could not be read.
    pub wrong: Option<String>,
    /// What was pasted, to be mended.
    pub text: String,
}

/// What refunding a list does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundAct {
    /// The id under which it is begun, once.
    pub id: String,
    /// The orders.
    pub orders: String,
    /// "Refund 3 orders".
    pub title: String,
    /// Who loses access, in a sentence.
    pub impact: String,
    /// The devices that lose access, as far as they were looked at.
    pub losses: Vec<Loss>,
    /// Whether a second person has to approve it.
    pub second: bool,
    /// Whether it begins ten minutes after it is asked for.
    pub later: bool,
}
