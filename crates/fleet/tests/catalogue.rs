//! The files in the repository are those that the rules produce.

#[path = "../examples/catalogue/files.rs"]
mod files;

use holdfast_fleet::catalogue::entries;
use std::path::Path;

#[test]
fn the_files_are_those_of_the_rules() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for (path, text) in files::all() {
        let written = std::fs::read_to_string(root.join(path)).unwrap_or_default();
        assert!(written == text, "{path} is out of date: cargo run -p holdfast-fleet --example catalogue");
    }
}

#[test]
fn every_alert_is_in_every_file() {
    let [(_, page), (_, rules), (_, dashboard)] = files::all();
    for entry in entries() {
        assert!(page.contains(&format!("\n## {}\n", entry.code)), "{}", entry.code);
        assert_eq!(rules.matches(&format!("rule=\\\"{}\\\"}}", entry.code)).count(), 1, "{}", entry.code);
    }
    assert!(dashboard.contains("holdfast_alert_seconds_left"));
}

#[test]
fn the_metrics_that_are_asked_for_exist() {
    // Those that the server's source names, and the two that carry the alerts.
    let source = include_str!("../../../server/src/metrics.rs");
    let [_, (_, rules), (_, dashboard)] = files::all();
    let words = |text: &str| -> Vec<String> {
        let name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        text.split(|c| !name(c)).filter(|word| word.starts_with("holdfast_")).map(str::to_owned).collect()
    };
    for metric in words(&rules).into_iter().chain(words(&dashboard)) {
        let carried = ["holdfast_alert", "holdfast_alert_seconds_left"].contains(&metric.as_str());
        let name = metric.strip_suffix("_bucket").unwrap_or(&metric);
        assert!(carried || source.contains(&format!("\"{name}\"")), "the server has no {metric}");
    }
}
