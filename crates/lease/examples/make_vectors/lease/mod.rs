//! The vectors of `vectors/lease-v1.json`: what every verifier in every language must answer.

#![allow(clippy::needless_pass_by_value, clippy::too_many_lines, reason = "tables of cases")]

mod crypto;
mod forms;
mod judged;
mod others;
mod payloads;

use crate::craft::{Key, LICENSE, NOW, PRODUCT, device, document, entry, header, lease, text, token, with};
use serde_json::{Value, json};
use std::fmt::Write;

const LEASE: &str = "holdfast-lease+jwt";
const DENIAL: &str = "holdfast-denial+jwt";
const REVOCATIONS: &str = "holdfast-revocations+jwt";
const KEYS: &str = "holdfast-keys+jwt";

/// Collects vectors. Each begins with the usual lease, keys and expectations and says only what is different.
struct Vectors {
    issuing: Key,
    root: Key,
    list: Vec<Value>,
}

impl Vectors {
    /// Adds a vector; `changes` replaces members of the usual form (null removes one).
    fn add(&mut self, name: &str, note: &str, changes: Value, expect: Value) {
        let usual = json!({
            "name": name, "note": note, "typ": LEASE, "token": document(LEASE, &lease(), &self.issuing),
            "keys": [entry(&self.issuing)], "product": PRODUCT, "license": LICENSE, "device": device(), "now": NOW,
        });
        let vector = with(usual, changes);
        self.list.push(with(vector, json!({ "expect": expect })));
    }

    fn error(&mut self, name: &str, note: &str, changes: Value, code: &str) {
        self.add(name, note, changes, json!({ "error": code }));
    }

    fn verdict(&mut self, name: &str, note: &str, changes: Value, verdict: &str) {
        self.add(name, note, changes, json!({ "verdict": verdict }));
    }

    /// The usual header and a payload of any bytes, signed by the issuing key.
    fn raw(&self, payload: impl AsRef<[u8]>) -> Value {
        json!({ "token": token(&header("Ed25519", &self.issuing.kid(), LEASE), payload, &self.issuing) })
    }

    /// Any header over the usual lease, signed by the issuing key.
    fn headed(&self, header: &str) -> Value {
        json!({ "token": token(header, text(&lease()), &self.issuing) })
    }

    fn lease(&self, changes: Value) -> Value {
        json!({ "token": document(LEASE, &with(lease(), changes), &self.issuing) })
    }

    fn root_entry(&self) -> Value {
        json!({ "kid": self.root.kid(), "x": self.root.x(), "use": ["keys"], "status": "active" })
    }
}

/// The file's whole content.
pub fn file() -> String {
    let mut vectors = Vectors { issuing: Key::named("issuing"), root: Key::named("root"), list: Vec::new() };
    judged::valid_leases(&mut vectors);
    judged::boundaries(&mut vectors);
    others::other_documents(&mut vectors);
    forms::outer_form(&mut vectors);
    forms::headers(&mut vectors);
    crypto::keys(&mut vectors);
    crypto::signatures(&mut vectors);
    crypto::weak_keys(&mut vectors);
    payloads::payloads(&mut vectors);
    payloads::claims(&mut vectors);
    judged::key_times(&mut vectors);
    judged::expectations(&mut vectors);
    judged::order(&mut vectors);

    // One vector a line: a change shows as one line of a diff.
    let mut file = String::from("{ \"profile\": \"holdfast-lease v1\",\n  \"vectors\": [\n");
    for (index, vector) in vectors.list.iter().enumerate() {
        let comma = if index + 1 == vectors.list.len() { "" } else { "," };
        // The members in the order in which the specification shows them.
        let members = ["name", "note", "typ", "token", "keys", "product", "license", "device", "now", "expect"];
        let members: Vec<_> = members
            .iter()
            .filter_map(|name| vector.get(name).map(|value| format!("\"{name}\":{}", text(value))))
            .collect();
        writeln!(file, "    {{{}}}{comma}", members.join(",")).unwrap();
    }
    file.push_str("  ]\n}\n");
    file
}
