//! What the portal writes to people: put into the outbox in the transaction of what it is about.

use crate::{Result, admin::act::Act};
use holdfast_domain::{Email, Name, Timestamp};
use holdfast_store::Tx;
use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

/// A letter to somebody of a customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Letter {
    /// The code that signs somebody in.
    SignIn {
        /// The code: eight digits.
        code: String,
        /// The page at which it is typed already, where this installation knows its own address.
        link: Option<String>,
        /// Until when it can be used.
        until: Timestamp,
    },
    /// Somebody was asked in by a colleague.
    Invited {
        /// The company whose licenses they are to use.
        company: Name,
        /// Where they sign in, where this installation knows its own address.
        link: Option<String>,
    },
}

/// How many letters are kept.
const KEPT: usize = 100;

/// The letters written last, by address.
#[derive(Default)]
pub(super) struct Box(Mutex<VecDeque<(Email, Letter)>>);

/// Puts a letter to `to` into the outbox.
pub(super) async fn put(act: &Act, _tx: &mut Tx, to: &Email, letter: Letter) -> Result<()> {
    let mut kept = act.service.portal().letters.0.lock().unwrap_or_else(PoisonError::into_inner);
    kept.push_back((to.clone(), letter));
    while kept.len() > KEPT {
        kept.pop_front();
    }
    Ok(())
}

impl crate::Service {
    /// The letters to that address, the newest last.
    pub fn letters_to(&self, to: &Email) -> Vec<Letter> {
        let kept = self.portal().letters.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().filter(|(address, _)| address == to).map(|(_, letter)| letter.clone()).collect()
    }
}
