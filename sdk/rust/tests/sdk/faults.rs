//! Whatever a network or a server answers without a signature, the verdict stays.

use crate::server::{KEY, Server};
use crate::support::{Machine, assert_licensed};
use holdfast_sdk::{CallError, Effect, Keep, Report, Update, Verdict};
use holdfast_testkit::proxy::{Answer, Fault, Proxy, refused_address};

/// Renews through a network with this fault and checks that nothing changed; returns what the caller was told.
fn survives(server: &Server, machine: &Machine, proxy: &Proxy, fault: Fault) -> CallError {
    let name = format!("{fault:?}").chars().take(160).collect::<String>();
    let before = machine.stored_seq();
    proxy.set(fault);
    let calls = server.paths().len();
    let app = machine.app(&proxy.url());
    assert_licensed(&app.check_on_launch(), &name);
    let told = app.refresh().expect_err(&name);
    assert_licensed(&app.state(), &name);
    drop(app);
    assert_eq!(machine.stored_seq(), before, "{name}");
    assert_licensed(&machine.app(&proxy.url()).check_on_launch(), &name);
    assert!(server.paths().len() <= calls + 1, "{name}: asked more than once");
    told
}

#[test]
fn no_unsigned_answer_takes_anything_away() {
    let server = Server::start();
    let machine = Machine::activated(&server);
    let proxy = Proxy::start(server.address).unwrap();
    let elsewhere = Proxy::start(server.address).unwrap();

    let mut faults = vec![
        Fault::Reset,
        Fault::Close,
        Fault::Truncate(0),
        Fault::Truncate(20),
        Fault::Truncate(300),
        Fault::Raw(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()),
        Fault::Raw(vec![0; 5_000]),
        Fault::Raw(
            b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\nContent-Type: application/json\r\n\r\n{\"lease\"".to_vec(),
        ),
        Fault::Answer(Answer::captive_portal()),
        Fault::Answer(Answer::new(200, "application/json", "<html>Welcome</html>")),
        Fault::Answer(Answer::new(200, "text/html", r#"{"lease":"a.b.c"}"#)),
        Fault::Answer(Answer::json(200, "{}")),
        Fault::Answer(Answer::json(200, "")),
        Fault::Answer(Answer::json(200, "null")),
        Fault::Answer(Answer::json(200, r#"{"valid":false}"#)),
        Fault::Answer(Answer::json(200, r#"{"lease":null,"valid":false,"revoked":true}"#)),
        Fault::Answer(Answer::json(200, r#"{"lease":"eyJhbGciOiJub25lIn0.e30.AA"}"#)),
        Fault::Answer(Answer::json(204, "")),
        Fault::Answer(Answer::json(403, r#"{"denial":"eyJhbGciOiJub25lIn0.e30.AA"}"#)),
        Fault::Answer(Answer::oversized(70_000)),
        Fault::Answer(Answer::oversized(2_000_000)),
    ];
    for status in [400, 401, 403, 404, 405, 409, 410, 413, 415, 418, 422, 451] {
        faults.push(Fault::Answer(Answer::problem(status, "license_revoked")));
        faults.push(Fault::Answer(Answer::json(status, r#"{"valid":false}"#)));
    }
    for status in [408, 425, 429, 500, 501, 502, 503, 504, 599] {
        faults.push(Fault::Answer(Answer::problem(status, "internal")));
    }
    for hostile in ["-1", "0", "99999999999999999999", "soon", "", "Wed, 21 Oct 2099 07:28:00 GMT", "1e9", "\u{e9}"] {
        faults.push(Fault::Answer(Answer::too_many_requests(hostile)));
    }
    for status in [301, 302, 303, 307, 308] {
        faults.push(Fault::Answer(Answer::redirect(status, &format!("{}/v1/elsewhere", elsewhere.url()))));
        faults.push(Fault::Answer(Answer::redirect(status, "https://127.0.0.1:1/")));
    }
    for fault in faults {
        survives(&server, &machine, &proxy, fault);
    }
    assert_eq!(elsewhere.connections(), 0, "a redirect to another origin was followed");

    proxy.refuse();
    let app = machine.app(&proxy.url());
    assert!(matches!(app.refresh(), Err(CallError::NoAnswer(_))));
    assert_licensed(&app.state(), "refused");
    drop(app);

    proxy.accept_again().unwrap();
    proxy.set(Fault::Pass);
    let before = machine.stored_seq();
    assert_licensed(&machine.app(&proxy.url()).refresh().unwrap(), "after all of it");
    assert!(machine.stored_seq() > before);
}

#[test]
fn the_caller_is_told_what_the_matter_is() {
    let server = Server::start();
    let machine = Machine::activated(&server);
    let proxy = Proxy::start(server.address).unwrap();
    let told = |answer: Answer| survives(&server, &machine, &proxy, Fault::Answer(answer));

    assert!(matches!(told(Answer::captive_portal()), CallError::NoAnswer(_)));
    assert_eq!(told(Answer::too_many_requests("120")), CallError::Busy { status: 429, retry_after: Some(120) });
    assert_eq!(told(Answer::too_many_requests("-5")), CallError::Busy { status: 429, retry_after: None });
    assert_eq!(told(Answer::problem(404, "license_not_found")), CallError::LicenseNotFound);
    let seats = r#"{"code":"seat_limit_reached","seats":[{"id":"sea_9","name":"Old laptop","last_seen":"2026-01-01T00:00:00Z"}]}"#;
    let CallError::SeatLimitReached { seats } = told(Answer::json(409, seats)) else { panic!() };
    assert_eq!((seats[0].id.as_str(), seats[0].name.as_deref()), ("sea_9", Some("Old laptop")));

    let kept = Report::Effect(Effect::Kept(Keep::Refused { status: 404, code: Some("license_not_found".into()) }));
    assert!(machine.reports.lock().unwrap().contains(&kept), "the developer's log knows");
}

#[test]
fn a_body_of_64_kib_is_read_and_one_byte_more_is_not() {
    let server = Server::start();
    let machine = Machine::activated(&server);
    let proxy = Proxy::start(server.address).unwrap();
    let answer = |bytes: usize| {
        let frame = r#"{"code":"license_not_found","detail":""}"#.len();
        let body = format!(r#"{{"code":"license_not_found","detail":"{}"}}"#, "x".repeat(bytes - frame));
        assert_eq!(body.len(), bytes);
        survives(&server, &machine, &proxy, Fault::Answer(Answer::json(404, &body)))
    };
    assert_eq!(answer(64 * 1024), CallError::LicenseNotFound);
    assert!(matches!(answer(64 * 1024 + 1), CallError::NoAnswer(_)));
}

#[test]
fn a_proxy_that_wants_a_password_is_reported() {
    let server = Server::start();
    let machine = Machine::activated(&server);
    let proxy = Proxy::start(server.address).unwrap();
    proxy.set(Fault::Answer(Answer::problem(407, "x").header("Proxy-Authenticate", "Basic realm=\"x\"")));

    // Once as the answer itself, once as the answer to CONNECT.
    let direct = machine.app(&proxy.url());
    let behind = machine
        .builder("https://licenses.example.com")
        .proxy(format!("http://user:wrong@{}", proxy.address()))
        .build()
        .unwrap();
    for app in [direct, behind] {
        let updates = app.subscribe();
        assert_eq!(app.refresh(), Err(CallError::ProxyWantsSignIn));
        assert_eq!(updates.try_recv(), Some(Update::ProxyWantsSignIn));
        assert_licensed(&app.state(), "407");
    }
}

#[test]
fn names_that_do_not_exist_and_ports_nobody_listens_on_are_silence() {
    let server = Server::start();
    let machine = Machine::activated(&server);
    let nobody = format!("http://{}", refused_address().unwrap());
    // A label longer than DNS allows: the system's resolver gives up without asking anybody.
    let unknown = format!("https://{}.example.com", "a".repeat(70));
    for endpoint in [unknown.as_str(), nobody.as_str()] {
        let app = machine.app(endpoint);
        assert!(matches!(app.refresh(), Err(CallError::NoAnswer(_))), "{endpoint}");
        assert!(matches!(app.activate(KEY), Err(CallError::NoAnswer(_))), "{endpoint}");
        assert!(matches!(app.release(), Err(CallError::NoAnswer(_))), "{endpoint}");
        assert_licensed(&app.state(), endpoint);
    }
}

#[test]
fn the_next_endpoint_is_asked_where_one_fails() {
    let server = Server::start();
    let machine = Machine::new(&server);
    let broken = Proxy::start(server.address).unwrap();
    broken.set(Fault::Answer(Answer::problem(503, "starting")));
    let nobody = format!("http://{}", refused_address().unwrap());
    let app = machine.builder(&nobody).endpoints([broken.url(), server.url()]).build().unwrap();
    assert_eq!(app.activate(KEY).unwrap().verdict, Verdict::Licensed);
    assert_eq!(broken.connections(), 1);
}

#[test]
fn an_answer_from_the_past_is_not_taken_for_a_new_one() {
    let server = Server::start();
    let machine = Machine::activated(&server);
    let proxy = Proxy::start(server.address).unwrap();
    machine.app(&proxy.url()).refresh().unwrap();
    let old = proxy.exchanges().pop().unwrap().response;
    machine.app(&proxy.url()).refresh().unwrap();
    let newest = machine.stored_seq();

    survives(&server, &machine, &proxy, Fault::Raw(old));
    assert_eq!(machine.stored_seq(), newest);

    // A denial for yesterday's request is no denial of today's, even with everything else right.
    server.with(|world| world.denied = Some((holdfast_sdk::DenialCode::Suspended, world.now)));
    let other = Machine::activated_before_denial(&server);
    let denied = Proxy::start(server.address).unwrap();
    other.app(&denied.url()).refresh().unwrap();
    let denial = denied.exchanges().pop().unwrap().response;
    assert!(String::from_utf8_lossy(&denial).contains("denial"));
    survives(&server, &machine, &proxy, Fault::Raw(denial));
}

impl Machine {
    /// The same device, activated while nothing was denied.
    fn activated_before_denial(server: &Server) -> Self {
        let denied = server.with(|world| world.denied.take());
        let machine = Self::activated(server);
        server.with(|world| world.denied = denied);
        machine
    }
}
