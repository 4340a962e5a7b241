//! What is published about the server is what the server does.

use holdfast::api::{description, docs::errors_markdown, openapi};
use std::{fs, path::Path};

fn same(file: &str, fresh: &str, how: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(file);
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == fresh, "docs/{file} is not up to date: run `{how}`");
}

#[test]
fn the_published_api_description_is_the_present_one() {
    same("openapi.json", &openapi::json(&description()), "holdfast openapi > docs/openapi.json");
}

#[test]
fn the_published_table_of_errors_is_the_present_one() {
    same("errors.md", &errors_markdown(), "holdfast openapi --errors > docs/errors.md");
}

#[test]
fn every_flag_is_documented() {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/running.md")).unwrap();
    for flag in [
        "--database-url",
        "--listen",
        "--metrics-listen",
        "--region",
        "--node-name",
        "--endpoint",
        "--data-dir",
        "--master-key-file",
        "--drain-seconds",
        "--trusted-proxy",
        "--public-url",
        "--migrate",
    ] {
        assert!(text.contains(flag), "{flag}");
    }
}
