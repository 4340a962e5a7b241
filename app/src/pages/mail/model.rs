//! What the screens of mail show.

use serde::{Deserialize, Serialize};

use crate::{
    pages::{List, fleet::model::Badge},
    ui::When,
};

/// What the address asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Which tab.
    #[serde(default)]
    pub tab: String,
    /// How far mails are, or empty.
    #[serde(default)]
    pub state: String,
    /// The cursor.
    #[serde(default)]
    pub after: String,
}

/// How mail leaves and looks, and what went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailView {
    /// From which address, and how; absent where none leaves.
    pub way: Option<(String, String)>,
    /// The vendor's name.
    pub vendor: String,
    /// Under which name mails are sent.
    pub sender: String,
    /// Where answers go.
    pub reply_to: String,
    /// The colour.
    pub colour: String,
    /// The products, and whether keys of theirs are mailed.
    pub products: Vec<ProductChoice>,
    /// How many days before a license ends its customer is told.
    pub renewal_days: u16,
    /// Of what customers are told without asking for it.
    pub notices: Vec<NoticeChoice>,
    /// The kinds of mail.
    pub templates: Vec<TemplateRow>,
    /// What went, on its tab.
    pub log: List<MailRow>,
    /// Whether whoever looks may change it, and sees addresses.
    pub may_write: bool,
    /// Whether a mail is tried about now, so that it is worth looking again.
    pub moves: bool,
}

/// A product, and whether its keys are mailed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductChoice {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whether they are.
    pub mailed: bool,
}

/// Something that customers can be told without asking for it, and whether they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeChoice {
    /// The stable name of the mail.
    pub code: String,
    /// When it is.
    pub when: String,
    /// Whether they are.
    pub told: bool,
}

/// A kind of mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateRow {
    /// Its stable name.
    pub code: String,
    /// What it is called.
    pub name: String,
    /// To whom, and when.
    pub when: String,
    /// Whether the vendor has own words in it.
    pub own: bool,
}

/// A mail in the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailRow {
    /// Its id.
    pub id: String,
    /// What it is.
    pub what: String,
    /// To whom, for those who see it.
    pub to: Option<String>,
    /// How far it is.
    pub state: Badge,
    /// What was in the way last time.
    pub error: String,
    /// When it is tried next.
    pub next: Option<When>,
    /// When it was put in line.
    pub created: When,
    /// Whether it can be sent again.
    pub again: bool,
}

/// That the last mail to an address came back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bounced {
    /// When.
    pub at: When,
    /// What was said.
    pub said: String,
}

/// A kind of mail with the vendor's words and as it looks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateView {
    /// As the list has it.
    pub row: TemplateRow,
    /// What it begins with; empty for the usual.
    pub introduction: String,
    /// What it ends with; empty for the usual.
    pub signature: String,
    /// As whom it is sent.
    pub sender: String,
    /// The subject, with made-up contents.
    pub subject: String,
    /// The text, with made-up contents.
    pub text: String,
    /// Whether whoever looks may change it.
    pub may_write: bool,
}
