//! The commands of the real program and their exit codes.

use super::{
    process::{Home, PASSWORD, holdfast},
    world::device,
};
use serde_json::{Value, json};
use std::{fs, io::Write as _, os::unix::fs::PermissionsExt as _, process::Stdio};

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
fn whoever_lost_everything_is_let_back_in_from_the_machine() {
    let home = Home::new();
    let reset = |email: &str, typed: Option<&str>| {
        let mut command = holdfast();
        command.args(["admin", "reset-factors", "--json", "--email", email]).arg("--data-dir").arg(home.path());
        if typed.is_some() {
            command.arg("--password-stdin");
        }
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(typed.unwrap_or_default().as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    let done = reset("owner@example.com", None);
    let told = json_of(&String::from_utf8(done.stdout).unwrap());
    assert_eq!((done.status.code(), &told["password_changed"]), (Some(0), &json!(false)));
    let done = reset("owner@example.com", Some("tidal omelette bracket nine\n"));
    assert_eq!(done.status.code(), Some(0));
    assert_eq!(reset("owner@example.com", Some("short\n")).status.code(), Some(2));
    assert_eq!(reset("nobody@example.com", None).status.code(), Some(3));
    let (code, report, _) = home.run(&["audit", "verify", "--json"]);
    assert_eq!((code, &json_of(&report)["whole"]), (0, &json!(true)));
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
fn an_installation_is_set_up_from_variables_alone() {
    let dir = tempfile::tempdir().unwrap();
    let password = dir.path().join("password");
    fs::write(&password, format!("{PASSWORD}\n")).unwrap();
    let bootstrap = |flags: &[&str]| {
        let data = tempfile::tempdir().unwrap();
        let mut child = holdfast()
            .args(["admin", "bootstrap"])
            .args(flags)
            .env("HOLDFAST_DATA_DIR", data.path())
            .env("HOLDFAST_VENDOR", "Example")
            .env("HOLDFAST_EMAIL", "owner@example.com")
            .env("HOLDFAST_PASSWORD_FILE", &password)
            .env("HOLDFAST_JSON", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // Too short: it must not be the one that counts where the file does.
        let typed = if flags.is_empty() { "short" } else { PASSWORD };
        let _ = child.stdin.take().unwrap().write_all(typed.as_bytes());
        child.wait_with_output().unwrap()
    };
    let output = bootstrap(&[]);
    assert_eq!(output.status.code(), Some(0));
    assert!(json_of(&String::from_utf8(output.stdout).unwrap())["api_token"].is_string());
    fs::write(&password, "short").unwrap();
    assert_eq!(bootstrap(&["--password-stdin"]).status.code(), Some(0), "a flag wins over a variable");
}

#[test]
fn a_program_reads_every_result() {
    let home = Home::new();
    let mut child = holdfast()
        .args(["serve", "--json", "--listen", "127.0.0.1:0", "--metrics-listen", "off", "--data-dir"])
        .arg(home.path())
        .env("HOLDFAST_MIGRATE", "1")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.take().unwrap()), &mut line).unwrap();
    let _ = child.kill();
    let _ = child.wait();
    let serving = json_of(&line);
    assert!(serving["url"].as_str().unwrap().ends_with(serving["address"].as_str().unwrap()), "{serving}");
    assert!(serving["version"].is_string() && serving.get("setup_code").is_none(), "{serving}");
    let (code, exported, _) = home.run(&["export", "licenses", "--json"]);
    assert_eq!((code, json_of(&exported)), (0, json!([])));
    let (_, exported, _) = home.run(&["export", "licenses", "--json", "--format", "csv"]);
    assert!(exported.starts_with("id,"), "what is said wins: {exported}");
}

#[test]
fn the_doctor_touches_nothing_and_names_the_cause() {
    let dir = tempfile::tempdir().unwrap();
    let absent = dir.path().join("absent");
    let ask = |arguments: &[&str]| {
        let output = holdfast().args(["doctor", "--json"]).args(arguments).output().unwrap();
        let report = json_of(&String::from_utf8(output.stdout).unwrap());
        let bad = report["findings"].as_array().unwrap().iter().filter(|finding| finding["grade"] == "failed");
        (output.status.code().unwrap(), bad.map(|finding| finding["detail"].to_string()).collect::<String>())
    };
    assert_eq!(ask(&["--data-dir", absent.to_str().unwrap()]).0, 0, "nothing is there yet");
    assert!(!absent.exists());
    let (code, bad) = ask(&["--database-url", "postgres://somebody:tulip@127.0.0.1:1/nothing"]);
    assert_eq!(code, 1);
    assert!(bad.contains("refused") && !bad.contains("tulip"), "{bad}");
    let garbage = dir.path().join("garbage");
    fs::create_dir(&garbage).unwrap();
    fs::write(garbage.join("holdfast.db"), "no database ".repeat(1_000)).unwrap();
    let (code, bad) = ask(&["--data-dir", garbage.to_str().unwrap()]);
    assert_eq!(code, 1);
    assert!(bad.contains("file is not a database"), "in the database's own words: {bad}");
    let home = Home::new();
    fs::write(home.path().join("master.key"), "0123456789abcdef0123456789abcdef").unwrap();
    let (code, bad) = ask(&["--data-dir", home.path().to_str().unwrap()]);
    assert_eq!(code, 1);
    assert!(bad.contains("not the one that sealed"), "{bad}");
    let file = dir.path().join("file");
    fs::write(&file, "x").unwrap();
    let (code, bad) = ask(&["--data-dir", file.to_str().unwrap()]);
    assert_eq!(code, 1);
    assert!(bad.contains("is not a directory"), "{bad}");
}

#[test]
fn a_database_that_is_in_use_is_not_replaced() {
    let home = Home::new();
    let file = home.path().join("copy.db");
    let file = file.to_str().unwrap();
    assert_eq!(home.run(&["backup", file]).0, 0);
    let mode = |name: &str| fs::metadata(home.path().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("copy.db"), mode("holdfast.db")), (0o600, 0o600), "for its owner only");
    let node = home.start(&[]);
    let (code, _, errors) = home.run(&["restore", file, "--replace"]);
    assert_eq!(code, 3, "{errors}");
    assert!(errors.contains("in use"), "{errors}");
    node.licensed(1);
    drop(node);
    let (code, _, errors) = home.run(&["restore", file, "--replace"]);
    assert_eq!(code, 0, "{errors}");
    assert_eq!(mode("holdfast.db"), 0o600);
    assert_eq!(home.run(&["restore", "/nonexistent.db", "--replace"]).0, 1);
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
        let (code, printed, errors) = home.run(&[&fixed[..], &files, more].concat());
        assert!(!printed.is_empty(), "{errors}");
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
    assert_eq!(home.run(&["demo"]).0, 3, "not a second time");
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
