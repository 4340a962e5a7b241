//! The published behaviour vectors of the client: every one passes, and the file is what the generator makes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use holdfast_lease::{
    RootKeys,
    client::{Event, Jitter, Reading, Setup, State, decide},
    explain::{Explained, Pasted, explain},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

#[allow(dead_code, reason = "the generator is shared with the example program")]
#[path = "../examples/make_vectors/client/mod.rs"]
mod client;
#[allow(dead_code, reason = "the generator is shared with the example program")]
#[path = "../examples/make_vectors/craft.rs"]
mod craft;

#[derive(Deserialize)]
struct File {
    profile: String,
    product: String,
    device: String,
    roots: Vec<String>,
    endpoints: Vec<String>,
    documents: BTreeMap<String, String>,
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    name: String,
    state: Value,
    clock: Reading,
    jitter: Jitter,
    event: Value,
    expect: Value,
}

fn published() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../vectors/client-v1.json")).unwrap()
}

fn file() -> File {
    serde_json::from_str(&published()).unwrap()
}

/// The value with every `"@name"` replaced by the document of that name.
fn resolve(value: &Value, documents: &BTreeMap<String, String>) -> Value {
    match value {
        Value::String(text) => match text.strip_prefix('@') {
            Some(name) => json!(documents.get(name).unwrap_or_else(|| panic!("no document {name}"))),
            None => value.clone(),
        },
        Value::Array(list) => list.iter().map(|value| resolve(value, documents)).collect(),
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (name.clone(), resolve(value, documents)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        plain => plain.clone(),
    }
}

fn run(file: &File, vector: &Vector) -> Value {
    let roots = RootKeys::parse(&file.roots).unwrap();
    let setup = Setup { product: &file.product, device: &file.device, roots: &roots, endpoints: &file.endpoints };
    let state: State = serde_json::from_value(resolve(&vector.state, &file.documents)).unwrap();
    let event: Event = serde_json::from_value(resolve(&vector.event, &file.documents)).unwrap();
    let decision = decide(setup, &state, vector.clock, &event, vector.jitter);
    let standing = &decision.standing;
    let overlays: Vec<&str> = [
        (standing.clock_suspect, "clock_suspect"),
        (standing.store_damaged, "store_damaged"),
        (standing.update_needed, "update_needed"),
    ]
    .into_iter()
    .filter_map(|(set, name)| set.then_some(name))
    .collect();
    let mut answer = json!({
        "time": standing.time, "verdict": standing.verdict, "overlays": overlays,
        "entitlements": standing.entitlements, "effects": decision.effects, "action": decision.action,
        "save": decision.save, "state": decision.state,
    });
    if let Some(notice) = decision.notice {
        answer["notice"] = json!(notice);
    }
    answer
}

#[test]
fn every_client_vector_passes() {
    let file = file();
    assert_eq!(file.profile, "holdfast-client v1");
    assert!(file.vectors.len() >= 150, "{}", file.vectors.len());
    let mut failed = Vec::new();
    for vector in &file.vectors {
        let (answer, expected) = (run(&file, vector), resolve(&vector.expect, &file.documents));
        for member in
            expected.as_object().unwrap().keys().chain(answer.as_object().unwrap().keys()).collect::<BTreeSet<_>>()
        {
            if answer.get(member) == expected.get(member) {
                continue;
            }
            let (mut got, mut want) = (answer[member].clone(), expected[member].clone());
            // Of a state, only what differs.
            if let (Some(got), Some(want)) = (got.as_object_mut(), want.as_object_mut()) {
                let same: Vec<_> = got
                    .iter()
                    .filter(|(name, value)| want.get(*name) == Some(value))
                    .map(|(name, _)| name.clone())
                    .collect();
                for name in same {
                    got.remove(&name);
                    want.remove(&name);
                }
            }
            failed.push(format!("{}: {member}: expected {want}, got {got}", vector.name));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// Of a client that has stored documents and heard nothing since, whoever is shown these documents says the same.
#[test]
fn what_is_pasted_is_explained_as_the_client_judges_it() {
    let file = file();
    let roots = RootKeys::parse(&file.roots).unwrap();
    let mut compared = 0;
    for vector in file.vectors.iter().filter(|vector| vector.name.starts_with("launch-")) {
        let state: State = serde_json::from_value(resolve(&vector.state, &file.documents)).unwrap();
        let documents = [state.lease, state.denial].into_iter().flatten().collect::<Vec<_>>().join("\n");
        let (Some(pasted), Some(manifest)) = (Pasted::find(&documents), state.manifest) else { continue };
        // What a client passes over in silence is told to whoever asks about it.
        let Ok(Explained::Standing(standing)) = explain(&pasted, &manifest, &roots, vector.clock.wall) else {
            assert!(
                ["launch-denial-damaged", "launch-denial-of-other-device", "launch-denial-of-other-license"]
                    .contains(&vector.name.as_str()),
                "{}",
                vector.name
            );
            continue;
        };
        assert_eq!(json!(standing.verdict), vector.expect["verdict"], "{}", vector.name);
        compared += 1;
    }
    assert!(compared >= 30, "{compared}");
}

#[test]
fn the_client_vectors_have_unique_names_and_cover_every_verdict() {
    let file = file();
    let names: BTreeSet<_> = file.vectors.iter().map(|vector| &vector.name).collect();
    assert_eq!(names.len(), file.vectors.len());
    for verdict in ["licensed", "trial", "grace", "limited", "expired", "invalid"] {
        assert!(file.vectors.iter().any(|vector| vector.expect["verdict"]["verdict"] == verdict), "{verdict}");
    }
    for overlay in ["clock_suspect", "store_damaged", "update_needed"] {
        assert!(file.vectors.iter().any(|vector| vector.expect["overlays"] == json!([overlay])), "{overlay}");
    }
    for action in ["nothing", "wait", "revalidate", "fetch_manifest"] {
        assert!(file.vectors.iter().any(|vector| vector.expect["action"]["action"] == action), "{action}");
    }
}

#[test]
fn the_published_client_vectors_are_what_the_generator_makes() {
    assert!(published() == client::file(), "run: cargo run -p holdfast-lease --example make_vectors");
}
