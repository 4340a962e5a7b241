//! The published vectors: every one passes, and the committed files are what the generator makes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use holdfast_lease::{
    Purpose, Refusal,
    conformance::{Answer, VectorFile},
};
use std::collections::BTreeSet;

#[allow(dead_code, reason = "the generator is shared with the example program")]
#[path = "../examples/make_vectors/craft.rs"]
mod craft;
#[path = "../examples/make_vectors/lease/mod.rs"]
mod lease;

fn published(name: &str) -> String {
    std::fs::read_to_string(format!("{}/../../vectors/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn lease_vectors() -> VectorFile {
    serde_json::from_str(&published("lease-v1.json")).unwrap()
}

#[test]
fn every_lease_vector_passes() {
    let file = lease_vectors();
    assert_eq!(file.profile, "holdfast-lease v1");
    assert!(file.vectors.len() >= 80);
    let failed: Vec<String> = file
        .vectors
        .iter()
        .filter(|vector| vector.run() != vector.expect)
        .map(|vector| format!("{}: expected {:?}, got {:?}", vector.name, vector.expect, vector.run()))
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn the_lease_vectors_cover_every_refusal_verdict_and_document() {
    let file = lease_vectors();
    let names: BTreeSet<_> = file.vectors.iter().map(|vector| &vector.name).collect();
    assert_eq!(names.len(), file.vectors.len(), "names are unique");
    for refusal in Refusal::ALL {
        assert!(file.vectors.iter().any(|vector| vector.expect == Answer::Error(refusal)), "{refusal:?}");
    }
    for verdict in ["not_yet_valid", "licensed", "trial", "limited", "grace", "expired"] {
        assert!(file.vectors.iter().any(|vector| vector.expect == Answer::Verdict(verdict.to_owned())), "{verdict}");
    }
    for purpose in Purpose::ALL {
        let verified = |expect: &Answer| matches!(expect, Answer::Verdict(_));
        assert!(
            file.vectors.iter().any(|vector| vector.typ == purpose.typ() && verified(&vector.expect)),
            "{purpose:?}"
        );
    }
}

#[test]
fn the_published_lease_vectors_are_what_the_generator_makes() {
    assert!(published("lease-v1.json") == lease::file(), "run: cargo run -p holdfast-lease --example make_vectors");
}
