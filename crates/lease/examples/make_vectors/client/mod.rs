//! The vectors of `vectors/client-v1.json`: state × event × clock → state, verdict, action.
//!
//! Each case begins with a client that was activated at `NOW` and says what is different. What is expected is written
//! down from the specification's tables; the code under test is not asked.

#![allow(clippy::needless_pass_by_value, clippy::too_many_lines, reason = "tables of cases")]

mod acts;
mod documents;
mod keeps;
mod launch;
mod renewals;
mod times;

use crate::craft::{DAY, Key, NOW, PRODUCT, device, text, with};
use serde_json::{Value, json};
use std::fmt::Write;

/// When most answers come: a little after the lease's `ren`.
pub const R: i64 = NOW + DAY + 100;
pub const MINUTE: i64 = 60;
pub const HOUR: i64 = 3_600;
/// Half of the range: every full jitter is half of its span.
pub const HALF: u32 = 1 << 31;
pub const FIRST: &str = "https://license.example.com";
pub const SECOND: &str = "https://license-2.example.com";

/// What is in force.
#[derive(Clone, Copy, Debug)]
pub enum Rights {
    Full,
    Fallback,
    None,
}

/// One vector in the making.
pub struct Case {
    name: String,
    note: String,
    state: Value,
    wall: i64,
    elapsed: i64,
    jitter: u32,
    event: Value,
    verdict: Value,
    rights: Rights,
    overlays: Vec<&'static str>,
    /// What changes in the state, besides the wall clock's mark.
    changes: Value,
    action: Value,
    effects: Vec<Value>,
    notice: Value,
    save: bool,
    time: Option<i64>,
}

/// The state after an activation at `NOW`.
pub fn activated() -> Value {
    json!({
        "format": 1, "manifest": "@manifest", "lease": "@lease", "wall": NOW, "wall_run": 0, "server": NOW,
        "server_run": 0, "suspect": false, "suspect_run": 0, "failures": 0, "next": NOW + DAY, "endpoint": 0,
        "bad_answers": 0, "update_needed": false, "damaged": false, "saved": NOW
    })
}

/// The state of a first start.
pub fn empty() -> Value {
    with(
        activated(),
        json!({"manifest": null, "lease": null, "wall": null, "server": null, "next": null, "saved": null}),
    )
}

/// The state with another stored lease.
pub fn holding(lease: &str) -> Value {
    with(activated(), json!({ "lease": format!("@{lease}") }))
}

pub fn wait(until: i64, seconds: i64) -> Value {
    json!({"action": "wait", "until": until, "seconds": seconds})
}

pub fn revalidate(endpoint: &str) -> Value {
    json!({"action": "revalidate", "endpoint": endpoint})
}

pub fn fetch(endpoint: &str) -> Value {
    json!({"action": "fetch_manifest", "endpoint": endpoint})
}

pub fn nothing() -> Value {
    json!({"action": "nothing"})
}

pub fn verdict(name: &str) -> Value {
    json!({ "verdict": name })
}

pub fn invalid(reason: &str) -> Value {
    json!({"verdict": "invalid", "reason": reason})
}

pub fn grace() -> Value {
    json!({"verdict": "grace", "until": NOW + 30 * DAY})
}

/// An answer to a call with the usual nonce.
pub fn answer(request: &str, outcome: Value) -> Value {
    json!({"event": "answer", "request": request, "nonce": "bm9uY2UtMDAwMQ", "outcome": outcome})
}

/// An answer that carries these documents.
pub fn documents(request: &str, documents: Value) -> Value {
    answer(request, with(json!({"outcome": "documents"}), documents))
}

pub fn kept(why: Value) -> Value {
    with(json!({"effect": "kept"}), why)
}

pub fn refused(refusal: &str) -> Value {
    kept(json!({"why": "bad", "bad": "refusal", "refusal": refusal}))
}

pub fn lease_stored() -> Value {
    json!({"effect": "lease_stored"})
}

impl Case {
    /// A renewal's answer at `R`, which leaves everything as it is but for the retry clock.
    pub fn kept(name: impl Into<String>, note: &str, event: Value, why: Value) -> Self {
        Self {
            name: name.into(),
            note: note.to_owned(),
            state: activated(),
            wall: R,
            elapsed: 0,
            jitter: HALF,
            event,
            verdict: verdict("licensed"),
            rights: Rights::Full,
            overlays: Vec::new(),
            changes: json!({"failures": 1, "next": R + 15, "endpoint": 1}),
            action: wait(R + 15, 15),
            effects: vec![why],
            notice: Value::Null,
            save: true,
            time: None,
        }
    }

    /// A start of the program, or the passing of time, at a moment.
    pub fn at(name: impl Into<String>, note: &str, wall: i64, event: &str) -> Self {
        let due = NOW + DAY;
        Self {
            wall,
            event: json!({ "event": event }),
            changes: json!({}),
            action: if wall < due { wait(due, due - wall) } else { revalidate(FIRST) },
            effects: Vec::new(),
            ..Self::kept(name, note, Value::Null, Value::Null)
        }
    }

    pub fn state(self, state: Value) -> Self {
        Self { state, ..self }
    }

    pub fn clock(self, wall: i64, elapsed: i64) -> Self {
        Self { wall, elapsed, ..self }
    }

    pub fn jitter(self, jitter: u32) -> Self {
        Self { jitter, ..self }
    }

    pub fn verdict(self, verdict: Value, rights: Rights) -> Self {
        Self { verdict, rights, ..self }
    }

    pub fn overlay(mut self, overlay: &'static str) -> Self {
        self.overlays.push(overlay);
        self
    }

    pub fn changes(self, changes: Value) -> Self {
        Self { changes, ..self }
    }

    pub fn action(self, action: Value) -> Self {
        Self { action, ..self }
    }

    pub fn effects(self, effects: Vec<Value>) -> Self {
        Self { effects, ..self }
    }

    pub fn notice(self, until: i64, days_left: i64) -> Self {
        Self { notice: json!({"until": until, "days_left": days_left}), ..self }
    }

    pub fn save(self, save: bool) -> Self {
        Self { save, ..self }
    }

    pub fn time(self, time: i64) -> Self {
        Self { time: Some(time), ..self }
    }

    fn finish(self) -> Value {
        let entitlements = match self.rights {
            Rights::Full => json!({"export.pdf": true, "tier": "gold", "users": 5}),
            Rights::Fallback => json!({"open": true}),
            Rights::None => json!({}),
        };
        // The mark follows the wall clock wherever a case does not say otherwise.
        let marked = json!({"wall": self.wall, "wall_run": 0});
        let state = with(with(self.state.clone(), marked), self.changes);
        let mut expect = json!({
            "time": self.time.unwrap_or(self.wall), "verdict": self.verdict, "overlays": self.overlays,
            "entitlements": entitlements, "effects": self.effects, "action": self.action, "save": self.save,
            "state": state
        });
        if !self.notice.is_null() {
            expect = with(expect, json!({"notice": self.notice}));
        }
        json!({
            "name": self.name, "note": self.note, "state": self.state,
            "clock": {"wall": self.wall, "elapsed": self.elapsed}, "jitter": self.jitter, "event": self.event,
            "expect": expect
        })
    }
}

/// The file's whole content.
pub fn file() -> String {
    let cases: Vec<Case> = launch::cases()
        .into_iter()
        .chain(keeps::cases())
        .chain(renewals::cases())
        .chain(acts::cases())
        .chain(times::cases())
        .collect();

    let mut file = String::from("{ \"profile\": \"holdfast-client v1\",\n");
    writeln!(file, "  \"product\": \"{PRODUCT}\",").unwrap();
    writeln!(file, "  \"device\": \"{}\",", device()).unwrap();
    writeln!(file, "  \"roots\": [\"{}\"],", Key::named("root").x()).unwrap();
    writeln!(file, "  \"endpoints\": [\"{FIRST}\", \"{SECOND}\"],").unwrap();
    let lines = |lines: Vec<String>| lines.join(",\n    ");
    let tokens = documents::all().iter().map(|(name, token)| format!("\"{name}\": \"{token}\"")).collect();
    writeln!(file, "  \"documents\": {{\n    {}\n  }},", lines(tokens)).unwrap();
    let members = ["name", "note", "state", "clock", "jitter", "event", "expect"];
    let cases = cases
        .into_iter()
        .map(|case| {
            let case = case.finish();
            let members: Vec<_> = members.iter().map(|name| format!("\"{name}\":{}", text(&case[name]))).collect();
            format!("{{{}}}", members.join(","))
        })
        .collect();
    write!(file, "  \"vectors\": [\n    {}\n  ]\n}}\n", lines(cases)).unwrap();
    file
}
