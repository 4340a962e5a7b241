//! The commands of the real program and their exit codes.

use super::{
    process::{Home, PASSWORD, holdfast},
    world::device,
};
use serde_json::{Value, json};
use std::{fs, io::Write as _, process::Stdio};

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn bootstrap_is_refused_the_second_time() {
    let home = Home::new();
    assert!(home.token.starts_with("hf_sk_") && home.vendor.starts_with("vnd_"));
    let mut child = holdfast()
        .args(["admin", "bootstrap", "--vendor", "Two", "--email", "two@example.com", "--password-stdin", "--json"])
        .arg("--data-dir")
        .arg(home.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(PASSWORD.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(output.stdout.is_empty());
    assert_eq!(json_of(&String::from_utf8(output.stderr).unwrap())["error"]["kind"], "refused");
    let (code, root, _) = home.run(&["keys", "root", "--json"]);
    assert_eq!((code, json_of(&root)["root_public_key"].as_str()), (0, Some(home.root.as_str())));
}

#[test]
fn wrong_usage_is_two() {
    let home = Home::new();
    for arguments in [
        &["nonsense"][..],
        &["serve", "--listen", "nonsense"],
        &["serve", "--database-url", "mysql://x"],
        &["serve", "--config", "/nonexistent.toml"],
        &["admin", "bootstrap", "--vendor", "X", "--email", "nonsense", "--password-stdin"],
        &["verify-lease"],
    ] {
        let (code, _, errors) = home.run(arguments);
        assert_eq!(code, 2, "{arguments:?}: {errors}");
    }
}

#[test]
fn the_doctor_finds_what_is_wrong() {
    let home = Home::new();
    let (code, report, _) = home.run(&["doctor", "--json"]);
    assert_eq!((code, &json_of(&report)["healthy"]), (0, &json!(true)), "{report}");
    fs::remove_file(home.path().join("master.key")).unwrap();
    let (code, report, _) = home.run(&["doctor", "--json"]);
    assert_eq!((code, &json_of(&report)["healthy"]), (1, &json!(false)), "{report}");
}

#[test]
fn a_backup_restores_to_the_same_installation() {
    let home = Home::new();
    let node = home.start(&[]);
    let (product, license, key) = node.licensed(2);
    node.activate(&product, &key, 1).unwrap();
    let file = home.path().join("copy.db");
    let file = file.to_str().unwrap();
    let (code, printed, errors) = home.run(&["backup", file, "--json"]);
    assert_eq!(code, 0, "{printed}{errors}");
    assert_eq!(home.run(&["backup", file]).0, 3, "an existing file is not overwritten");
    let (_, after) = node.activate(&product, &key, 2).unwrap();
    assert!(after["seat"].is_string());
    drop(node);
    assert_eq!(home.run(&["restore", file]).0, 3, "not over a database without being told");
    let (code, printed, errors) = home.run(&["restore", file, "--replace", "--json"]);
    assert_eq!(code, 0, "{printed}{errors}");
    fs::write(home.path().join("bad.db"), "nonsense").unwrap();
    let bad = home.path().join("bad.db");
    assert_eq!(home.run(&["restore", bad.to_str().unwrap(), "--replace"]).0, 3);
    let node = home.start(&[]);
    let taken = node.call("GET", &format!("/v1/licenses/{license}"), &Value::Null)["seats_taken"].clone();
    assert_eq!(taken, 1);
    assert_eq!(home.run(&["audit", "verify"]).0, 0);
}

#[test]
fn a_customer_base_is_imported_and_exported() {
    let home = Home::new();
    let node = home.start(&[]);
    let (product, ..) = node.licensed(1);
    let csv = home.path().join("old.csv");
    fs::write(
        &csv,
        "Code;Mail\nAB12-CD34-ZZ99;ann@example.com\nxy-77-lower-Case-key;=cmd@example.com\nshort;x@example.com\n",
    )
    .unwrap();
    let csv = csv.to_str().unwrap();
    let map = ["--plan", "pro", "--map", "Code=key", "--map", "Mail=email", "--delimiter", ";"];
    let import = |more: &[&str]| home.run(&[&["import", csv, "--json"], &map[..], more].concat());
    let (code, printed, errors) = import(&["--dry-run"]);
    assert_eq!(code, 3, "{printed}{errors}");
    let report = json_of(&printed);
    assert_eq!((&report["import"]["rows"], &report["import"]["error"]), (&json!(3), &json!(1)), "{report}");
    assert_eq!(report["rows"].as_array().unwrap().len(), 3, "every row's fate");
    assert_eq!(node.call("GET", "/v1/licenses", &Value::Null)["total"], 1, "a dry run changes nothing");
    assert_eq!(import(&[]).0, 3, "all or nothing");
    let (code, printed, errors) = import(&["--leave-out"]);
    assert_eq!(code, 0, "{printed}{errors}");
    assert_eq!(node.call("GET", "/v1/licenses", &Value::Null)["total"], 3);
    let (code, printed, _) = import(&["--leave-out"]);
    assert_eq!((code, &json_of(&printed)["import"]["create"]), (0, &json!(0)), "repeatable without duplicates");
    let (status, _) = node.activate(&product, "XY77 LOWERCASE-KEY", 5).unwrap();
    assert_eq!(status, 201);
    let (code, exported, _) = home.run(&["export", "licenses", "--format", "csv", "--with-keys"]);
    assert_eq!(code, 0);
    assert!(exported.contains("xy-77-lower-Case-key"), "{exported}");
    assert!(!exported.lines().any(|line| line.split(',').any(|cell| cell.starts_with('='))), "{exported}");
    let (code, exported, _) = home.run(&["export", "customers", "--format", "json"]);
    assert_eq!(code, 0);
    assert_eq!(json_of(&exported).as_array().unwrap().len(), 2, "{exported}");
}

#[test]
fn a_lease_is_verified_without_a_network() {
    let home = Home::new();
    let node = home.start(&[]);
    let (product, _, key) = node.licensed(1);
    let (_, activated) = node.activate(&product, &key, 1).unwrap();
    drop(node);
    let (lease, manifest) = (home.path().join("lease"), home.path().join("manifest"));
    fs::write(&lease, activated["lease"].as_str().unwrap()).unwrap();
    fs::write(&manifest, activated["keys"].as_str().unwrap()).unwrap();
    let verify = |more: &[&str]| {
        let fixed = ["verify-lease", lease.to_str().unwrap(), "--root-public-key", &home.root, "--json"];
        let files = ["--manifest", manifest.to_str().unwrap()];
        let (code, printed, _) = home.run(&[&fixed[..], &files, more].concat());
        (code, json_of(&printed))
    };
    let (code, finding) = verify(&["--product", &product, "--device", &device(1)]);
    assert_eq!((code, &finding["verdict"]), (0, &json!("licensed")), "{finding}");
    assert_eq!(finding["claims"]["aud"], product);
    let (code, finding) = verify(&["--device", &device(2)]);
    assert_eq!((code, &finding["error"]), (3, &json!("device")));
    let (code, finding) = verify(&["--now", "2100-01-01T00:00:00Z"]);
    assert_eq!((code, &finding["verdict"]), (3, &json!("expired")));
    let mut damaged = activated["lease"].as_str().unwrap().to_owned();
    damaged.replace_range(100..101, if &damaged[100..101] == "A" { "B" } else { "A" });
    fs::write(&lease, damaged).unwrap();
    let (code, finding) = verify(&[]);
    assert_eq!(code, 3);
    assert!(finding["error"].is_string(), "{finding}");
}

#[test]
fn keys_are_rotated_and_the_demo_is_believable() {
    let home = Home::new();
    let (code, printed, errors) = home.run(&["demo", "--json"]);
    assert_eq!(code, 0, "{errors}");
    let filled = json_of(&printed);
    assert!(filled["licenses"].as_u64().unwrap() > 10 && filled["seats"].as_u64().unwrap() > 10, "{filled}");
    let (_, listed, _) = home.run(&["keys", "list", "--json"]);
    let keys = json_of(&listed).as_array().unwrap().len();
    let node = home.start(&[]);
    let product = node.call("GET", "/v1/products", &Value::Null)["items"][0]["code"].as_str().unwrap().to_owned();
    drop(node);
    let (code, rotated, errors) = home.run(&["keys", "rotate", "--product", &product, "--json"]);
    assert_eq!(code, 0, "{errors}");
    assert!(json_of(&rotated)["kid"].is_string());
    let (_, listed, _) = home.run(&["keys", "list", "--json"]);
    assert_eq!(json_of(&listed).as_array().unwrap().len(), keys + 1);
    assert_eq!(home.run(&["audit", "verify"]).0, 0);
}
