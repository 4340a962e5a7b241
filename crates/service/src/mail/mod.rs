//! Mails as texts: what each says, made of one small value. Pure: no clock, no database, no network.
//!
//! What comes from outside is data in all of them: escaped in HTML, without line breaks in headers, and without the
//! characters that turn the direction of what follows. Nothing in a mail is loaded from elsewhere.

mod body;
mod letters;
mod safe;

pub use holdfast_store::mails::Template;

use body::Letter;
use holdfast_domain::{Colour, Email, MailText, Name, Role, Timestamp};
use holdfast_fleet::Severity;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a mail says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "template", rename_all = "snake_case")]
pub enum Mail {
    /// A link and a code to sign in with.
    SignIn {
        /// The link: it opens a page, and nothing more.
        link: String,
        /// The eight digits that can be typed instead.
        code: String,
        /// For how many minutes both work.
        minutes: u32,
    },
    /// A license was issued.
    LicenseIssued {
        /// The product's name.
        product: String,
        /// The plan's name.
        plan: String,
        /// The whole key.
        key: String,
        /// How many seats it has.
        seats: u32,
        /// When it ends.
        ends: Option<Timestamp>,
        /// Where the portal shows it.
        #[serde(default)]
        page: Option<String>,
    },
    /// A license ends soon.
    RenewalComing {
        /// The product's name.
        product: String,
        /// The plan's name.
        plan: String,
        /// The last characters of the key.
        key_hint: String,
        /// When it ends.
        ends: Timestamp,
        /// Where it can be renewed.
        link: Option<String>,
        /// Where the portal shows it.
        #[serde(default)]
        page: Option<String>,
    },
    /// All seats of a license are taken, and a device was turned away.
    #[serde(rename = "seat_limit_reached")]
    SeatLimit {
        /// The product's name.
        product: String,
        /// The last characters of the key.
        key_hint: String,
        /// How many seats there are.
        seats: u32,
        /// The devices that have them, as they are called; of named users the people.
        devices: Vec<String>,
        /// Where seats are freed.
        link: Option<String>,
    },
    /// An order was paid back.
    Refunded {
        /// The shop's number.
        order: String,
        /// The products of its licenses; none where nothing becomes of any.
        products: Vec<String>,
        /// When their devices stop; absent where they go on.
        ends: Option<Timestamp>,
        /// Where the portal shows what was ordered.
        #[serde(default)]
        page: Option<String>,
    },
    /// Something must be acted on.
    Alert {
        /// How much it matters.
        severity: Severity,
        /// What it is about, as `kind:name`.
        subject: String,
        /// What was measured, in one sentence without a full stop.
        detail: String,
        /// The failure it comes before.
        meaning: String,
        /// What to do.
        cure: String,
        /// Since when it stands.
        since: Timestamp,
        /// When it becomes a failure.
        fails: Option<Timestamp>,
        /// Where all of it stands.
        link: String,
    },
    /// Somebody is asked to join the team.
    Invitation {
        /// What they are to be.
        role: Role,
        /// Who asks, by name; absent for a program.
        by: Option<String>,
        /// Where it is accepted.
        link: String,
        /// Until when.
        until: Timestamp,
    },
    /// Somebody is asked in to the portal by a colleague.
    Colleague {
        /// The company whose licenses they are to use.
        company: String,
        /// The product and plan of which a seat was handed to them, where that is why.
        #[serde(default)]
        seat: Option<String>,
        /// Where they sign in.
        link: String,
    },
    /// A link to a new password.
    NewPassword {
        /// Where it is chosen.
        link: String,
        /// Until when.
        until: Timestamp,
    },
    /// Somebody asked for a test.
    Test {
        /// Who, by name; absent for somebody with a shell on the machine.
        by: Option<String>,
    },
}

impl Mail {
    /// Which text it has.
    pub const fn template(&self) -> Template {
        match self {
            Self::SignIn { .. } => Template::SignIn,
            Self::LicenseIssued { .. } => Template::LicenseIssued,
            Self::RenewalComing { .. } => Template::RenewalComing,
            Self::SeatLimit { .. } => Template::SeatLimit,
            Self::Refunded { .. } => Template::Refunded,
            Self::Alert { .. } => Template::Alert,
            Self::Invitation { .. } => Template::Invitation,
            Self::Colleague { .. } => Template::Colleague,
            Self::NewPassword { .. } => Template::NewPassword,
            Self::Test { .. } => Template::Test,
        }
    }

    /// Whether there is something in it that lets its reader in or is worth money: it is kept sealed, and forgotten once it
    /// was sent.
    pub const fn is_secret(&self) -> bool {
        matches!(
            self,
            Self::SignIn { .. } | Self::LicenseIssued { .. } | Self::Invitation { .. } | Self::NewPassword { .. }
        )
    }

    /// When what is in it ends, where it says so.
    pub const fn ends(&self) -> Option<Timestamp> {
        match self {
            Self::Invitation { until, .. } | Self::NewPassword { until, .. } => Some(*until),
            _ => None,
        }
    }

    /// Whether somebody sits and waits for it: it goes before others.
    pub const fn is_waited_for(&self) -> bool {
        matches!(self, Self::SignIn { .. } | Self::NewPassword { .. } | Self::Test { .. })
    }

    /// Subject, text and HTML, as `look` has them.
    pub fn render(&self, look: &Look) -> Rendered {
        let letter = self.letter(look);
        Rendered { subject: safe::header(&letter.subject, SUBJECT), text: letter.text(), html: letter.html() }
    }

    /// One of each kind with made-up contents, to be looked at: the console is at `site`, and the portal at `portal`.
    pub fn sample(template: Template, now: Timestamp, site: &str, portal: &str) -> Self {
        letters::sample(template, now, site, portal)
    }

    fn letter(&self, look: &Look) -> Letter {
        letters::letter(self, look)
    }
}

/// How many characters a subject has at most.
const SUBJECT: usize = 120;

/// How a vendor's mails look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// The vendor's name.
    pub vendor: Name,
    /// Under which name they are sent; the vendor's own where absent.
    pub sender: Option<Name>,
    /// Where answers go; to the address of the sender where absent.
    pub reply_to: Option<Email>,
    /// The colour of what stands out.
    pub colour: Option<Colour>,
    /// The vendor's own words.
    pub texts: BTreeMap<Template, Words>,
    /// How the portal looks, which is where customers know the vendor from.
    pub portal: PortalFace,
}

/// What of a portal's look is in the mails to customers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortalFace {
    /// What it is called; the vendor's own name where absent.
    pub name: Option<Name>,
    /// Its accent colour.
    pub accent: Option<Colour>,
}

/// A vendor's own words in a mail. What a mail is for (its key, link or code) they neither replace nor leave out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Words {
    /// What it begins with; the usual where absent.
    pub introduction: Option<MailText>,
    /// What it ends with; the sender's name where absent.
    pub signature: Option<MailText>,
}

impl Look {
    /// The usual look for a vendor.
    pub const fn of(vendor: Name) -> Self {
        let portal = PortalFace { name: None, accent: None };
        Self { vendor, sender: None, reply_to: None, colour: None, texts: BTreeMap::new(), portal }
    }

    /// The portal's look, where mails of that kind go to customers.
    fn portal_in(&self, template: Template) -> Option<&PortalFace> {
        template.is_to_customers().then_some(&self.portal)
    }

    /// What the vendor is called in mails of that kind: to customers as its portal is.
    pub fn name(&self, template: Template) -> &Name {
        self.portal_in(template).and_then(|portal| portal.name.as_ref()).unwrap_or(&self.vendor)
    }

    /// The name under which mails of that kind are sent, fit for a header.
    pub fn sender(&self, template: Template) -> String {
        safe::header(self.sender.as_ref().unwrap_or_else(|| self.name(template)).as_str(), 80)
    }

    /// The colour of what stands out in mails of that kind, where one is set: the mails' own, or to customers the portal's.
    fn colour(&self, template: Template) -> Option<&Colour> {
        self.colour.as_ref().or_else(|| self.portal_in(template)?.accent.as_ref())
    }

    fn introduction(&self, template: Template) -> Option<&str> {
        self.texts.get(&template)?.introduction.as_ref().map(MailText::as_str)
    }

    fn signature(&self, template: Template) -> String {
        let own = self.texts.get(&template).and_then(|words| words.signature.as_ref());
        own.map_or_else(|| self.sender(template), ToString::to_string)
    }
}

/// Of what a vendor's customers are told by mail without asking for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Notices {
    /// That a license ends, so many days before; absent for not at all.
    pub renewal: Option<u16>,
    /// That a device was turned away because all seats are taken.
    pub seat_limit: bool,
    /// That an order was paid back.
    pub refunded: bool,
}

impl Notices {
    /// So many days before the end is the earliest.
    pub const EARLIEST: u16 = 90;
}

impl Default for Notices {
    /// Of everything, and of an end two weeks before.
    fn default() -> Self {
        Self { renewal: Some(14), seat_limit: true, refunded: true }
    }
}

/// A mail as it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The subject, in one line.
    pub subject: String,
    /// The plain text, in lines of 72 characters as far as words allow.
    pub text: String,
    /// The same as an HTML document.
    pub html: String,
}

/// What a mail server has said, in one line of at most `most` characters.
pub(crate) fn said(words: &str, most: usize) -> String {
    safe::header(words, most)
}

#[cfg(test)]
mod tests;
