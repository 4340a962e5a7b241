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

#[test]
fn the_description_tells_of_repetition_and_of_every_refusal() {
    let api = serde_json::to_value(description()).unwrap();
    for (path, methods) in api["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let any = &operation["responses"]["default"]["content"]["application/problem+json"]["schema"]["$ref"];
            assert_eq!(any, "#/components/schemas/Problem", "{method} {path}");
            let repeats = operation["parameters"]
                .as_array()
                .is_some_and(|all| all.iter().any(|one| one["name"] == "Idempotency-Key" && one["in"] == "header"));
            assert_eq!(repeats, method == "post" && operation.get("security").is_some(), "{method} {path}");
        }
    }
    assert!(api["paths"]["/v1/imports"]["post"]["requestBody"]["content"].get("text/csv").is_some());
}
