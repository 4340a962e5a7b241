//! Wrong certificates are silence; plain http is never tried instead.

use crate::server::{KEY, Server};
use crate::support::{Machine, assert_licensed};
use holdfast_sdk::{BuildError, CallError, Licensing, Verdict};
use holdfast_testkit::proxy::{Authority, Identity, Proxy};

#[test]
fn an_own_authority_is_trusted_and_no_other() {
    let server = Server::start();
    let machine = Machine::new(&server);
    let authority = Authority::new().unwrap();
    let good = Proxy::start_tls(server.address, authority.identity(&["localhost"]).unwrap()).unwrap();
    let app = machine.builder(&good.url()).certificate_authority(authority.pem()).build().unwrap();
    assert_eq!(app.activate(KEY).unwrap().verdict, Verdict::Licensed);
    drop(app);

    let foreign = Authority::new().unwrap();
    let wrong = [
        ("self-signed", Identity::self_signed(&["localhost"]).unwrap()),
        ("another authority", foreign.identity(&["localhost"]).unwrap()),
        ("another name", authority.identity(&["licenses.example.com"]).unwrap()),
        ("expired", authority.expired_identity(&["localhost"]).unwrap()),
    ];
    for (name, identity) in wrong {
        let proxy = Proxy::start_tls(server.address, identity).unwrap();
        let calls = server.paths().len();
        let app = machine.builder(&proxy.url()).certificate_authority(authority.pem()).build().unwrap();
        assert!(matches!(app.refresh(), Err(CallError::NoAnswer(_))), "{name}");
        assert_licensed(&app.state(), name);
        assert_eq!(server.paths().len(), calls, "{name}: something was sent");
        assert_eq!(proxy.connections(), 1, "{name}: tried again, perhaps without TLS");
    }
}

#[test]
fn a_plain_server_behind_an_https_address_is_silence() {
    let server = Server::start();
    let machine = Machine::activated(&server);
    let app = machine.app(&server.url().replace("http://", "https://"));
    assert!(matches!(app.refresh(), Err(CallError::NoAnswer(_))));
    assert_licensed(&app.state(), "no TLS");
}

#[test]
fn public_authorities_do_not_vouch_for_a_test() {
    let server = Server::start();
    let machine = Machine::activated(&server);
    let authority = Authority::new().unwrap();
    let proxy = Proxy::start_tls(server.address, authority.identity(&["localhost"]).unwrap()).unwrap();
    let app = machine.app(&proxy.url());
    assert!(matches!(app.refresh(), Err(CallError::NoAnswer(_))));
    assert_licensed(&app.state(), "unknown authority");
}

#[test]
fn mistakes_in_the_settings_are_found_at_the_first_start() {
    let server = Server::start();
    let root = server.root_key();
    let builder = || Licensing::builder("prd_test", [&root]).storage("unused");
    assert_eq!(builder().build().unwrap_err(), BuildError::NoEndpoint);
    assert!(matches!(
        builder().endpoints(["http://licenses.example.com"]).build().unwrap_err(),
        BuildError::Endpoint { .. }
    ));
    let good = || builder().endpoints(["https://licenses.example.com"]);
    assert!(matches!(good().certificate_authority("nothing").build().unwrap_err(), BuildError::Certificate(_)));
    assert!(matches!(good().proxy("::::").build().unwrap_err(), BuildError::Proxy(_)));
    assert_eq!(
        Licensing::builder("prd_test", ["AAAA"]).endpoints(["https://x.example.com"]).build().unwrap_err(),
        BuildError::RootKey
    );
    let homeless = Licensing::builder("prd_test", [&root]).endpoints(["https://x.example.com"]);
    assert_eq!(homeless.build().unwrap_err(), BuildError::NoStorage);
}
