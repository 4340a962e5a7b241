//! A device that never sees a network.

use crate::server::{DAY, KEY, Server};
use crate::support::{Hands, Machine, assert_licensed};
use holdfast_sdk::{CallError, DenialCode, InvalidReason, RelayRequest, Verdict};

const NOWHERE: &str = "http://127.0.0.1:1";

/// What the person with the memory stick does.
fn relay(server: &Server, text: &str) -> String {
    send(server, &RelayRequest::parse(text).unwrap())
}

fn send(server: &Server, request: &RelayRequest) -> String {
    let agent = ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build().new_agent();
    let url = format!("{}{}", server.url(), request.path());
    let mut response =
        agent.post(&url).header("Content-Type", "application/json").send(request.body.to_string()).unwrap();
    response.body_mut().read_to_string().unwrap()
}

#[test]
fn activation_renewal_and_denial_by_file() {
    let server = Server::start();
    let machine = Machine::new(&server);
    let request = machine.app(NOWHERE).offline_activation(KEY).unwrap();
    assert!(request.len() < 1_200, "{} characters do not fit a handy QR code", request.len());
    let answer = relay(&server, &request);
    assert_licensed(&machine.app(NOWHERE).apply_offline(&answer).unwrap(), "activated by file");
    assert_licensed(&machine.app(NOWHERE).check_on_launch(), "and kept");
    assert_licensed(&machine.app(NOWHERE).apply_offline(&answer).unwrap(), "the same file twice");

    let hands = Hands::now();
    hands.pass(20 * DAY);
    server.with(|world| world.now += 20 * DAY);
    let app = machine.builder(NOWHERE).clock(hands.clone()).build().unwrap();
    assert!(matches!(app.check_on_launch().verdict, Verdict::Grace { .. }));
    let request = app.offline_request().unwrap();
    drop(app);
    // Days later, after a restart.
    let app = machine.builder(NOWHERE).clock(hands.clone()).build().unwrap();
    assert_licensed(&app.apply_offline(&relay(&server, &request)).unwrap(), "renewed by file");
    drop(app);

    // A denial counts only as the answer to this device's own last request.
    server.with(|world| world.denied = Some((DenialCode::Revoked, world.now)));
    let app = machine.builder(NOWHERE).clock(hands).build().unwrap();
    let old = relay(&server, &request);
    assert_eq!(app.apply_offline(&old), Err(CallError::Unverifiable));
    assert_licensed(&app.state(), "a stale denial");
    let answer = relay(&server, &app.offline_request().unwrap());
    let Err(CallError::Denied(standing)) = app.apply_offline(&answer) else { panic!() };
    assert_eq!(standing.verdict, Verdict::Invalid { reason: InvalidReason::Revoked });
}

#[test]
fn what_is_not_an_answer_changes_nothing() {
    let server = Server::start();
    let machine = Machine::activated(&server);
    let app = machine.app(NOWHERE);
    for text in ["", "{}", r#"{"valid":false}"#, "<html>", "HF1.e30", "a.b.c", "ÿ"] {
        assert!(app.apply_offline(text).is_err(), "{text}");
        assert_licensed(&app.state(), text);
    }
}

#[test]
fn a_request_without_a_key_gets_it_from_whoever_carries_it() {
    let server = Server::start();
    let machine = Machine::new(&server);
    let request = RelayRequest::parse(&machine.app(NOWHERE).offline_request().unwrap()).unwrap();
    assert!(request.needs_key() && !request.body.to_string().contains(KEY), "{request:?}");
    let answer = send(&server, &request.with_key(&format!(" {KEY}\n")));
    assert_licensed(&machine.app(NOWHERE).apply_offline(&answer).unwrap(), "activated by file");
    let request = RelayRequest::parse(&machine.app(NOWHERE).offline_request().unwrap()).unwrap();
    assert_eq!((request.call.as_str(), request.needs_key()), ("renew", false), "then it renews");
    assert_licensed(&machine.app(NOWHERE).apply_offline(&send(&server, &request)).unwrap(), "renewed by file");
}

#[test]
fn a_seat_is_given_up_by_a_file_and_the_device_has_it_no_more() {
    let server = Server::start();
    let machine = Machine::activated(&server);
    let proof = machine.app(NOWHERE).offline_release().unwrap();
    let request = RelayRequest::parse(&proof).unwrap();
    assert_eq!((request.call.as_str(), request.needs_key()), ("release", false));
    let app = machine.app(NOWHERE);
    assert_eq!(app.check_on_launch().verdict, Verdict::Invalid { reason: InvalidReason::NotActivated });
    assert!(app.offline_release().is_err(), "there is nothing left to give up");
    send(&server, &request);
}
