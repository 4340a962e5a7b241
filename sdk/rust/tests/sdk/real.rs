//! The client library and the real server, with a faulty network in between.

use crate::server::DAY;
use crate::support::{Hands, assert_licensed, desktop, lines};
use holdfast_sdk::{CallError, Device, EntitlementValue, InvalidReason, Licensing, RelayRequest, Update, Verdict};
use holdfast_testkit::installation::{Installation, Running};
use holdfast_testkit::proxy::{Answer, Authority, Fault, Proxy};
use serde_json::{Value, json};
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

/// A running server with a product, a plan and two licenses.
struct Real {
    folder: TempDir,
    installation: Installation,
    running: Option<Running>,
    product: String,
    key: String,
    license: String,
    single: String,
}

impl Real {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let installation = Installation::new(folder.path(), None).unwrap();
        let running = installation.start(|_| {}).unwrap();
        let product = installation.api("POST", "/products", &json!({"name": "Studio", "code": "studio"})).unwrap();
        let product = product["id"].as_str().unwrap().to_owned();
        let plan = |code: &str, terms: Value| {
            let body = json!({"product": product, "name": code, "code": code, "terms": terms});
            installation.api("POST", "/plans", &body).unwrap()["id"].as_str().unwrap().to_owned()
        };
        let entitlements = json!({"export.pdf": true, "users": 5});
        let pro = plan("pro", json!({"model": "perpetual", "seats": 3, "entitlements": entitlements}));
        let one = plan("one", json!({"model": "perpetual", "seats": 1, "entitlements": entitlements}));
        plan("trial", json!({"model": "trial", "duration_seconds": 14 * DAY, "entitlements": entitlements}));
        let issue = |plan: &str| {
            let issued = installation.api("POST", "/licenses", &json!({"plan": plan})).unwrap();
            let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{issued}")).to_owned();
            (text(&issued["key"]), text(&issued["id"]))
        };
        let ((key, license), (single, _)) = (issue(&pro), issue(&one));
        Self { folder, installation, running: Some(running), product, key, license, single }
    }

    fn url(&self) -> String {
        format!("http://{}", self.installation.address())
    }

    fn builder(&self, device: &str, endpoint: &str) -> holdfast_sdk::Builder {
        Licensing::builder(&self.product, [self.installation.root_public_key()])
            .endpoints([endpoint])
            .storage(self.folder.path().join(device))
            .device(Device::fingerprint(device).name(device))
            .background(false)
            .log(|report| eprintln!("license: {report}"))
    }

    fn app(&self, device: &str, endpoint: &str) -> Licensing {
        self.builder(device, endpoint).build().unwrap()
    }

    fn act(&self, act: &str) {
        let path = format!("/licenses/{}/{act}", self.license);
        self.installation.api("POST", &path, &json!({"reason": "Chargeback"})).unwrap();
    }
}

fn seq(app: &Licensing) -> i64 {
    app.state().lease.unwrap().seq
}

/// Waits until the clock has overtaken the number of the last denial. A server does not write that number down, and it
/// runs ahead of the clock by one for every document of the same second; a lease that is to overcome the denial needs a
/// greater one, which the clock alone gives it soon after.
fn catch_up() {
    std::thread::sleep(Duration::from_millis(4_100));
}

#[test]
fn a_license_lives_through_every_fault_of_the_network() {
    let real = Real::start();
    let app = real.app("reception", &real.url());
    assert_eq!(app.activate("AAAAA-BBBBB-CCCCC-DDDDD"), Err(CallError::LicenseNotFound));
    assert_licensed(&app.activate(&real.key).unwrap(), "activated");
    assert_eq!(app.entitlement("users"), Some(EntitlementValue::Integer(5)));
    let first = seq(&app);
    assert_licensed(&app.refresh().unwrap(), "renewed");
    assert!(seq(&app) > first);
    drop(app);

    let proxy = Proxy::start(real.installation.address()).unwrap();
    real.app("reception", &proxy.url()).refresh().unwrap();
    let old = proxy.exchanges().pop().unwrap().response;
    real.app("reception", &proxy.url()).refresh().unwrap();
    let newest = seq(&real.app("reception", &proxy.url()));
    let faults = [
        Fault::Reset,
        Fault::Close,
        Fault::Truncate(250),
        Fault::Raw(old),
        Fault::Answer(Answer::captive_portal()),
        Fault::Answer(Answer::json(200, "{}")),
        Fault::Answer(Answer::json(200, r#"{"valid":false}"#)),
        Fault::Answer(Answer::problem(403, "license_revoked")),
        Fault::Answer(Answer::problem(500, "internal")),
        Fault::Answer(Answer::too_many_requests("-1")),
        Fault::Answer(Answer::oversized(100_000)),
        Fault::Answer(Answer::redirect(307, "https://example.com/")),
        Fault::Delay(Duration::from_secs(30)),
    ];
    for fault in faults {
        let name = format!("{fault:?}").chars().take(100).collect::<String>();
        proxy.set(fault);
        let app = real.app("reception", &proxy.url());
        assert!(app.refresh().is_err(), "{name}");
        assert_licensed(&app.state(), &name);
        assert_eq!(seq(&app), newest, "{name}");
    }
    proxy.set(Fault::Pass);
    let app = real.app("reception", &proxy.url());
    assert_licensed(&app.refresh().unwrap(), "after all of it");
}

#[test]
fn a_revocation_and_its_end_reach_the_device_and_silence_does_neither() {
    let mut real = Real::start();
    let app = real.app("reception", &real.url());
    app.activate(&real.key).unwrap();
    drop(app);
    real.act("revoke");

    // In the background, when the renewal is due.
    let hands = Hands::now();
    hands.pass(2 * DAY);
    let app = real.builder("reception", &real.url()).background(true).clock(hands).build().unwrap();
    let updates = app.subscribe();
    assert_licensed(&app.check_on_launch(), "a launch does not wait for news");
    let Some(Update::State(standing)) = updates.recv_timeout(Duration::from_secs(15)) else { panic!("no news") };
    let revoked = Verdict::Invalid { reason: InvalidReason::Revoked };
    assert_eq!(standing.verdict, revoked);
    drop(app);

    real.running.take().unwrap().kill().unwrap();
    let app = real.app("reception", &real.url());
    assert!(matches!(app.refresh(), Err(CallError::NoAnswer(_))));
    assert_eq!(app.state().verdict, revoked, "a dead server gives nothing back");
    drop(app);

    real.running = Some(real.installation.start(|_| {}).unwrap());
    real.act("reinstate");
    catch_up();
    assert_licensed(&real.app("reception", &real.url()).refresh().unwrap(), "reinstated");
    let Err(CallError::Denied(_)) = ({
        real.act("revoke");
        real.app("another", &real.url()).activate(&real.key)
    }) else {
        panic!("a revoked license was activated")
    };
}

#[test]
fn seats_are_offered_freed_and_given_up() {
    let real = Real::start();
    let old = real.app("old-laptop", &real.url());
    assert_licensed(&old.activate(&real.single).unwrap(), "the only seat");
    assert_licensed(&old.activate(&real.single).unwrap(), "the same seat again");

    let new = real.app("new-laptop", &real.url());
    let Err(CallError::SeatLimitReached { seats }) = new.activate(&real.single) else { panic!("oversold") };
    assert_eq!((seats.len(), seats[0].name.as_deref()), (1, Some("old-laptop")));
    new.free_seat(&real.single, &seats[0].id).unwrap();
    assert_licensed(&new.activate(&real.single).unwrap(), "on the freed seat");
    assert_eq!(old.refresh().unwrap().verdict, Verdict::Invalid { reason: InvalidReason::Released });

    assert_eq!(new.release().unwrap().verdict, Verdict::Invalid { reason: InvalidReason::NotActivated });
    catch_up();
    assert_licensed(&old.activate(&real.single).unwrap(), "back on the old one");
}

#[test]
#[cfg(unix)]
fn what_a_server_was_asked_while_it_stood_still_is_not_carried_out_late() {
    let real = Real::start();
    let server = real.running.as_ref().unwrap();
    let taken = || real.installation.api("GET", "/seats", &Value::Null).unwrap()["total"].clone();
    let island = real.app("island", "http://127.0.0.1:1");
    let request = RelayRequest::parse(&island.offline_activation(&real.key).unwrap()).unwrap();
    let agent = ureq::Agent::config_builder().proxy(None).http_status_as_error(false).build().new_agent();
    let ask = || {
        let url = format!("{}{}", real.url(), request.path());
        agent.post(url).header("Content-Type", "application/json").send(request.body.to_string()).unwrap().status()
    };
    server.freeze(true).unwrap();
    std::thread::scope(|scope| {
        // Taken by the system, read by the server when it wakes: the device may have been served elsewhere by then.
        let late = scope.spawn(ask);
        std::thread::sleep(Duration::from_secs(2));
        server.freeze(false).unwrap();
        assert_eq!(late.join().unwrap(), 503);
    });
    assert_eq!(taken(), 0);
    std::thread::sleep(Duration::from_millis(1_100));
    assert_eq!(ask(), 201, "asked again a moment later");
    assert_eq!(taken(), 1);
}

#[test]
fn a_trial_is_bought_and_a_person_has_a_seat() {
    let real = Real::start();
    let api = |path: &str, body: &Value| real.installation.api("POST", path, body).unwrap();
    let plans = real.installation.api("GET", "/plans", &Value::Null).unwrap();
    let pro = plans["items"].as_array().unwrap().iter().find(|plan| plan["code"] == "pro").unwrap()["id"].clone();
    // The shop is told which device has tried: its next renewal is one of the license that was bought.
    let trial = real.app("trial", &real.url());
    assert!(matches!(trial.start_trial().unwrap().verdict, Verdict::Trial { .. }));
    let bought = api("/licenses", &json!({"plan": pro, "device": trial.device_hash()}));
    assert_licensed(&trial.refresh().unwrap(), "bought");
    assert_eq!(bought["seats_taken"], 1, "{bought}");

    let mut terms = json!({"model": "perpetual", "seat_model": "named_user", "devices_per_user": 1, "seats": 1});
    terms["entitlements"] = json!({"export.pdf": true});
    let team = api("/plans", &json!({"product": real.product, "name": "Team", "code": "team", "terms": terms}));
    let issued = api("/licenses", &json!({"plan": team["id"]}));
    let key = issued["key"].as_str().unwrap();
    let (laptop, tablet) = (real.app("laptop", &real.url()), real.app("tablet", &real.url()));
    assert!(matches!(laptop.activate(key), Err(CallError::Refused { .. })), "it belongs to nobody");
    assert_licensed(&laptop.activate_for(key, " ann@example.com ").unwrap(), "her seat");
    assert!(matches!(tablet.activate_for(key, "bob@example.com"), Err(CallError::SeatLimitReached { .. })));
}

#[test]
fn trials_own_keys_tls_and_files() {
    let real = Real::start();
    let trial = real.app("trial", &real.url());
    assert_eq!(trial.start_trial().unwrap().verdict, Verdict::Trial { days_left: 14 });
    assert!(matches!(trial.start_trial().unwrap().verdict, Verdict::Trial { .. }), "the same one again");

    let bound = || {
        let device = Device::fingerprint("bound").own_key();
        real.builder("bound", &real.url()).device(device).build().unwrap()
    };
    assert_licensed(&bound().activate(&real.key).unwrap(), "with a key of its own");
    assert_licensed(&bound().refresh().unwrap(), "proved");
    std::fs::remove_file(real.folder.path().join("bound").join("device-key")).unwrap();
    assert!(matches!(bound().refresh(), Err(CallError::Refused { .. })), "a copied folder");
    assert_licensed(&bound().state(), "keeps what it has");

    let authority = Authority::new().unwrap();
    let tls = Proxy::start_tls(real.installation.address(), authority.identity(&["localhost"]).unwrap()).unwrap();
    let app = real.builder("tls", &tls.url()).certificate_authority(authority.pem()).build().unwrap();
    assert_licensed(&app.activate(&real.key).unwrap(), "over TLS");

    let island = real.app("island", "http://127.0.0.1:1");
    let request = RelayRequest::parse(&island.offline_activation(&real.key).unwrap()).unwrap();
    let agent = ureq::Agent::config_builder().proxy(None).build().new_agent();
    let mut answer = agent
        .post(format!("{}{}", real.url(), request.path()))
        .header("Content-Type", "application/json")
        .send(request.body.to_string())
        .unwrap();
    let answer = answer.body_mut().read_to_string().unwrap();
    assert_licensed(&island.apply_offline(&answer).unwrap(), "without a network");
}

#[test]
fn the_example_program_works_as_the_documentation_says() {
    let real = Real::start();
    let output = Command::new(desktop())
        .args(["--json", "--once", "--product", &real.product, "--root", real.installation.root_public_key()])
        .args(["--endpoint", &real.url(), "--key", &real.key, "--storage"])
        .arg(real.folder.path().join("desktop"))
        .output()
        .unwrap();
    let last = lines(&output).pop().unwrap();
    assert_eq!((&last["verdict"], &last["entitlements"]["users"]), (&"licensed".into(), &5.into()), "{last}");
}
