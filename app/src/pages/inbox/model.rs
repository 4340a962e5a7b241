//! What the screens of the inbox show.

use serde::{Deserialize, Serialize};

use crate::{
    pages::{
        acts::model::Waiting,
        licenses::model::{LicenseRow, Loss},
    },
    ui::{Tone, When},
};

/// Something in the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InboxRow {
    /// Its id.
    pub id: String,
    /// Why a person has to look.
    pub what: String,
    /// The same in words.
    pub detail: String,
    /// What the shop is called.
    pub shop: String,
    /// What became of it.
    pub state: (Tone, String),
    /// Since when it waits.
    pub opened: When,
}

/// Something that waits for a person, or waited.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InboxDetail {
    /// As the list has it.
    pub row: InboxRow,
    /// The shop's id, for whoever may look at it.
    pub shop: Option<String>,
    /// The order's id, where the sale has become one.
    pub order: Option<String>,
    /// What is known of the sale: name and value.
    pub sale: Vec<(String, String)>,
    /// What was bought: title, price and number of pieces.
    pub lines: Vec<(String, String, u32)>,
    /// The price that it is about.
    pub price: String,
    /// The number of pieces that it is about.
    pub pieces: u32,
    /// The licenses that the sale has become.
    pub licenses: Vec<LicenseRow>,
    /// The message's topic and what was sent, for people to read.
    pub message: Option<(String, String)>,
    /// What the provider answered.
    pub answers: String,
    /// What whoever looks can make of it.
    pub ways: Vec<Way>,
    /// Plans to choose from.
    pub plans: Vec<(String, String)>,
    /// Whose access revoking would end.
    pub losses: Vec<Loss>,
    /// The same in a sentence.
    pub sentence: String,
    /// Where revoking or reinstating is begun or asked for, where it takes ten minutes or a second person.
    pub elsewhere: Option<String>,
    /// What begins later and revokes or reinstates it.
    pub waits: Vec<Waiting>,
    /// Who has resolved it, when and why.
    pub resolved: Option<(String, When, Option<String>)>,
}

/// What a person can make of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Way {
    /// Say which plan the price is.
    Map,
    /// Issue a license, this once.
    Issue,
    /// Say who has bought.
    Customer,
    /// Say for which license it was.
    License,
    /// Revoke what was bought.
    Revoke,
    /// Reinstate what was bought.
    Reinstate,
    /// Look at it once more.
    Again,
    /// Nothing follows.
    Dismiss,
}
