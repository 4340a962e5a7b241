//! What a client keeps between two runs.

use holdfast_domain::{Seconds, UnixSeconds};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The version of the stored form.
const FORMAT: u32 = 1;

/// The stored state. Its documents are verified again at every use, so nothing in it needs to be trusted.
///
/// The form is forward tolerant: members that are unknown are ignored, absent ones have their default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// Version of the stored form, 1.
    pub format: u32,
    /// The newest key manifest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manifest: Option<String>,
    /// The lease with the greatest `seq`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lease: Option<String>,
    /// The manifest that verifies the stored lease or denial, where the newest one no longer does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lease_manifest: Option<String>,
    /// The denial that no lease has overcome.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub denial: Option<String>,
    /// The `seq` of the lease whose seat was given up, until another lease is stored: another process may still have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub released: Option<i64>,
    /// The highest wall clock seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wall: Option<UnixSeconds>,
    /// Running time since the highest wall clock was seen, over all runs.
    pub wall_run: Seconds,
    /// The newest server time from a verified document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<UnixSeconds>,
    /// Running time since the newest server time came, over all runs.
    pub server_run: Seconds,
    /// The clock was set back by more than 26 hours, and no server time has come since.
    pub suspect: bool,
    /// Running time spent with a clock that was behind.
    pub suspect_run: Seconds,
    /// Failed renewals in a row.
    pub failures: u32,
    /// The next attempt to renew, in effective time; absent means at the lease's `ren`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<UnixSeconds>,
    /// Whose turn it is in the list of endpoints (modulo its length).
    pub endpoint: u32,
    /// When the manifest was last asked for because of an unknown key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manifest_asked: Option<UnixSeconds>,
    /// Signed answers that were not acceptable.
    pub bad_answers: u32,
    /// A document needed a newer version of the application.
    pub update_needed: bool,
    /// The store was found damaged, and no lease has been stored since.
    pub damaged: bool,
    /// The day (since the epoch, in effective time) of the last notice of grace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notice_day: Option<i64>,
    /// When the state was last written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub saved: Option<UnixSeconds>,
    /// When the state could last not be written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub save_failed: Option<UnixSeconds>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            format: FORMAT,
            manifest: None,
            lease: None,
            lease_manifest: None,
            denial: None,
            released: None,
            wall: None,
            wall_run: Seconds(0),
            server: None,
            server_run: Seconds(0),
            suspect: false,
            suspect_run: Seconds(0),
            failures: 0,
            next: None,
            endpoint: 0,
            manifest_asked: None,
            bad_answers: 0,
            update_needed: false,
            damaged: false,
            notice_day: None,
            saved: None,
            save_failed: None,
        }
    }
}

/// The bytes are not a stored state at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bytes are not a stored state")]
pub struct StateError;

impl State {
    /// The state to begin with when something was stored but none of it could be read: the same as nothing, except that
    /// the standing says so.
    pub fn damaged() -> Self {
        Self { damaged: true, ..Self::default() }
    }

    /// Reads a stored state. A member that cannot be read is dropped and the state marked as damaged, since everything
    /// else is still worth having; [`StateError`] only for what is not a JSON object.
    pub fn parse(bytes: &[u8]) -> Result<Self, StateError> {
        let members: Map<String, Value> = serde_json::from_slice(bytes).map_err(|_| StateError)?;
        if let Ok(state) = serde_json::from_value(Value::Object(members.clone())) {
            return Ok(state);
        }
        let readable = |name: &String, value: &Value| {
            let alone = Map::from_iter([(name.clone(), value.clone())]);
            serde_json::from_value::<Self>(Value::Object(alone)).is_ok()
        };
        let sound: Map<String, Value> = members.into_iter().filter(|(name, value)| readable(name, value)).collect();
        let state: Self = serde_json::from_value(Value::Object(sound)).map_err(|_| StateError)?;
        Ok(Self { damaged: true, ..state })
    }

    /// The stored form: one JSON object.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Every member is a number, a boolean or a string: this cannot fail.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// The state without what changes by the mere passing of time, to tell whether there is anything new to save.
    pub(super) fn without_clock(&self) -> Self {
        let zero = Seconds(0);
        Self { wall: None, wall_run: zero, server_run: zero, suspect_run: zero, saved: None, ..self.clone() }
    }
}
