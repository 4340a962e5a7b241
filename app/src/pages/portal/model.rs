//! What the pages of the portal show.

use serde::{Deserialize, Serialize};

use crate::{
    pages::List,
    ui::{Tone, When},
};

/// What is around every page of a portal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// What the portal is called.
    pub name: String,
    /// Where it is: `/portal/…`.
    pub home: String,
    /// The address of its picture.
    pub logo: Option<String>,
    /// The address of the style sheet that has its colour.
    pub style: Option<String>,
    /// What stands below every page.
    pub help: Option<String>,
    /// Until when a member of the vendor's looks at it as the customer sees it, where that is who is in it.
    pub viewed: Option<When>,
    /// Who is in it.
    pub me: Option<Me>,
}

/// Who is in a portal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Me {
    /// Their address; absent for whoever a license's key let in.
    pub email: Option<String>,
    /// Their company.
    pub company: String,
    /// Whether they say who else comes in.
    pub administrator: bool,
    /// Other companies of theirs at the same vendor: id and name.
    pub others: Vec<(String, String)>,
}

/// The start of a portal: its door, or what is behind it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Home {
    /// For whoever is not in it.
    Door(Door),
    /// One's own licenses.
    Licenses(List<LicenseRow>),
}

/// The door of a portal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Door {
    /// What the portal is called.
    pub name: String,
    /// Where it is.
    pub home: String,
    /// What the vendor says to whoever comes.
    pub welcome: Option<String>,
    /// Whether codes can be mailed.
    pub mail: bool,
}

/// The page at which a code is typed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeView {
    /// The portal.
    pub door: Door,
    /// Whether this is the browser that has asked for one.
    pub asked: bool,
}

/// A license of one's own in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LicenseRow {
    /// Its id.
    pub id: String,
    /// What it is for.
    pub product: String,
    /// What was bought.
    pub plan: String,
    /// The last four characters of its key.
    pub key_hint: String,
    /// How it stands.
    pub state: (Tone, String),
    /// Until when it is valid, in words: a day, or "for good".
    pub until: String,
    /// How many places are taken, and how many there are.
    pub taken: (u32, u32),
}

/// A license of one's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LicenseView {
    /// The license.
    pub row: LicenseRow,
    /// The whole key, where it was just asked for.
    pub key: Option<String>,
    /// Whether they may see it.
    pub may_reveal: bool,
    /// How it is sold, and who may use it at once, in words.
    pub sold: (String, String),
    /// When it ends.
    pub ends: Option<When>,
    /// What it unlocks now, in words.
    pub unlocks: Vec<String>,
    /// What is left of it when it has run out, in words; absent where it does not end.
    pub afterwards: Option<String>,
    /// What is to come, in words, where it was suspended or revoked.
    pub notice: Option<String>,
    /// The payment provider's number of its order.
    pub order: Option<String>,
    /// Where it is renewed and upgraded.
    pub links: (Option<String>, Option<String>),
    /// Its devices, those seen last first.
    pub seats: Vec<SeatRow>,
    /// Whether there are more than are shown.
    pub more: bool,
    /// Who has a seat, where seats belong to people.
    pub holders: Option<Vec<HolderRow>>,
    /// Whether they may hand seats out and take them back.
    pub may_hand_out: bool,
}

/// Somebody who has a seat of a license for named users.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HolderRow {
    /// Their address.
    pub email: String,
    /// How they came by the seat, in words.
    pub how: String,
    /// On how many devices they use it, and on how many they may.
    pub devices: (u32, u32),
    /// When one of those was last heard of.
    pub seen: Option<When>,
}

/// A device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatRow {
    /// The seat's id.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// What it runs.
    pub runs: String,
    /// Whose place it is, where places belong to people.
    pub user: Option<String>,
    /// When it was last heard of.
    pub seen: When,
    /// Until when it works without any server, as a day in words.
    pub without_us: String,
    /// The same, exactly.
    pub until: When,
}

/// A device and what can be done with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatView {
    /// The device.
    pub seat: SeatRow,
    /// Its license: id, and what it is for.
    pub license: (String, String),
    /// Its name as it is; empty where it has none.
    pub name: String,
    /// When it was activated.
    pub since: When,
    /// What freeing the seat does, and how often that may be done, in words.
    pub consequence: String,
    /// Whether a lease for it can be fetched.
    pub may_fetch: bool,
    /// Whether whoever looks may take the seat of its person back.
    pub may_take_back: bool,
}

/// Somebody who has a seat, and what can be done with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HolderView {
    /// Who.
    pub holder: HolderRow,
    /// The license: id, and what it is for.
    pub license: (String, String),
    /// Their devices.
    pub seats: Vec<SeatRow>,
    /// What taking the seat back does, in words.
    pub consequence: String,
}

/// An order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRow {
    /// The payment provider's number.
    pub reference: String,
    /// How it stands.
    pub state: (Tone, String),
    /// What came with it: the first licenses, id and what each is called.
    pub licenses: Vec<(String, String)>,
    /// Whether there are more.
    pub more: bool,
    /// When it was made.
    pub made: When,
    /// When it was paid back.
    pub paid_back: Option<When>,
}

/// Somebody of the company.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonRow {
    /// Their id.
    pub id: String,
    /// Their address.
    pub email: String,
    /// Their name.
    pub name: Option<String>,
    /// Whether they are an administrator.
    pub administrator: bool,
    /// What else is to be said of them.
    pub note: Option<String>,
    /// When they last came.
    pub seen: Option<When>,
    /// Whether they can be changed by whoever looks.
    pub may_change: bool,
}

/// Who one is in the portal, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Who.
    pub me: Me,
    /// Where they are signed in.
    pub sessions: Vec<SessionRow>,
}

/// A browser in which somebody is signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRow {
    /// The session's id.
    pub id: String,
    /// Whether it is the one that looks.
    pub current: bool,
    /// Browser and system in plain words.
    pub browser: String,
    /// The address it was begun from.
    pub origin: String,
    /// When it was last used.
    pub used: When,
    /// When it ends unless it is used.
    pub ends: When,
}

/// Answering a computer without a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfflineView {
    /// The licenses to choose from: id and words.
    pub licenses: Vec<(String, String)>,
    /// Whether seats of one of them belong to people.
    pub people: bool,
    /// What was last answered in this visit.
    pub answer: Option<AnswerView>,
}

/// What a computer without a network was answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerView {
    /// What it is, in words.
    pub what: (Tone, String),
    /// What the computer calls itself.
    pub device: Option<String>,
    /// When it was given.
    pub at: When,
    /// What is carried back; empty where there is nothing.
    pub document: String,
    /// The same as QR codes, in the order in which they are taken in: path and width of each.
    pub codes: Vec<(String, u64)>,
}
