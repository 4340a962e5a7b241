//! What is stored, and how what two processes know becomes one.

use crate::race::Best;
use base64::prelude::*;
use holdfast_lease::client::{Setup, State, merge};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The content of the two slots.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Record {
    pub(crate) state: State,
    /// The nonce of the request that went out in a file: a denial in a file must carry it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) offline_nonce: Option<String>,
    /// Who answered best lately. Not worth a write of its own: it is kept with the documents that it brought.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) best: Option<Best>,
}

/// The content of the mark: clocks and retries without any document. Valid in full beside the generation of the slots
/// it was made for, and for its times beside any other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mark {
    pub(crate) generation: u64,
    pub(crate) state: State,
}

/// The parts of a record that must survive a power failure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Documents {
    manifest: Option<String>,
    lease: Option<String>,
    lease_manifest: Option<String>,
    denial: Option<String>,
    released: Option<i64>,
    offline_nonce: Option<String>,
}

impl Record {
    pub(crate) fn documents(&self) -> Documents {
        Documents {
            manifest: self.state.manifest.clone(),
            lease: self.state.lease.clone(),
            lease_manifest: self.state.lease_manifest.clone(),
            denial: self.state.denial.clone(),
            released: self.state.released,
            offline_nonce: self.offline_nonce.clone(),
        }
    }

    /// The mark that belongs to this record.
    pub(crate) fn mark(&self, generation: u64) -> Mark {
        let state = State {
            manifest: None,
            lease: None,
            lease_manifest: None,
            denial: None,
            released: None,
            ..self.state.clone()
        };
        Mark { generation, state }
    }

    /// Adds the clocks and retries of a mark to the documents.
    pub(crate) fn with_mark(mut self, setup: Setup<'_>, generation: u64, mark: &Mark) -> Self {
        self.state = if mark.generation == generation {
            State {
                manifest: self.state.manifest,
                lease: self.state.lease,
                lease_manifest: self.state.lease_manifest,
                denial: self.state.denial,
                released: self.state.released,
                damaged: self.state.damaged || mark.state.damaged,
                ..mark.state.clone()
            }
        } else {
            merge(setup, &self.state, &mark.state)
        };
        self
    }

    /// What this process and another one know together.
    pub(crate) fn join(setup: Setup<'_>, mine: &Self, theirs: &Self) -> Self {
        Self {
            state: merge(setup, &mine.state, &theirs.state),
            offline_nonce: mine.offline_nonce.clone().or_else(|| theirs.offline_nonce.clone()),
            best: mine.best.clone().max(theirs.best.clone()),
        }
    }
}

impl Mark {
    /// The mark to write, given the one already there.
    pub(crate) fn join(self, setup: Setup<'_>, old: Option<Self>) -> Self {
        match old {
            None => self,
            Some(old) if old.generation > self.generation => {
                Self { generation: old.generation, state: merge(setup, &old.state, &self.state) }
            }
            Some(old) => Self { generation: self.generation, state: merge(setup, &self.state, &old.state) },
        }
    }
}

/// The claims of a document, unverified.
pub(crate) fn claims(token: &str) -> Option<Value> {
    let payload = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice(&payload).ok()
}
