//! Signed answers: which of them count.

use crate::server::{DAY, KEY, Server};
use crate::support::{Hands, Machine, assert_licensed};
use holdfast_lease::{Entitlements, Mode, SigningKey, UnixSeconds};
use holdfast_sdk::{CallError, DenialCode, Device, EntitlementValue, InvalidReason, MemoryStorage, Update, Verdict};

#[test]
fn a_license_from_activation_to_release() {
    let server = Server::start();
    let machine = Machine::new(&server);
    let app = machine.app(&server.url());
    assert_eq!(app.check_on_launch().verdict, Verdict::Invalid { reason: InvalidReason::NotActivated });
    assert_eq!(app.refresh(), Err(CallError::NotActivated));
    assert_eq!(app.activate("XXXX"), Err(CallError::LicenseNotFound));

    let updates = app.subscribe();
    assert_licensed(&app.activate(&format!(" {KEY}\n")).unwrap(), "activated");
    assert!(matches!(updates.try_recv(), Some(Update::State(now)) if now.entitled()));
    assert_eq!(app.entitlement("users"), Some(EntitlementValue::Integer(5)));
    assert_eq!(app.entitlement("nothing"), None);
    let sent = server.with(|world| world.calls.last().unwrap().1.clone());
    assert_eq!(sent["device"]["name"], "Reception");
    assert_eq!(sent["device"]["hash"].as_str().unwrap().len(), 64);
    assert!(!sent.to_string().contains("machine-1"), "the fingerprint left the device");

    drop(app);
    for (path, bytes) in crate::support::files(&machine.state_folder()) {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert!(!text.contains(KEY) && !text.contains("machine-1"), "{} tells too much", path.display());
    }
    let app = machine.app("http://127.0.0.1:1");
    assert_licensed(&app.check_on_launch(), "without any server");
    let app = machine.app(&server.url());
    assert_eq!(app.release().unwrap().verdict, Verdict::Invalid { reason: InvalidReason::NotActivated });
    drop(app);
    let app = machine.app(&server.url());
    assert_eq!(app.check_on_launch().verdict, Verdict::Invalid { reason: InvalidReason::NotActivated });
    assert_licensed(&app.activate(KEY).unwrap(), "activated again");
}

#[test]
fn only_a_denial_of_this_request_counts() {
    let server = Server::start();
    let machine = Machine::activated(&server);
    server.with(|world| world.denied = Some((DenialCode::Revoked, world.now)));
    let forgeries: [fn(&mut holdfast_lease::Denial); 7] = [
        |denial| denial.nonce = "0000000000000000".into(),
        |denial| denial.dev = "0".repeat(64),
        |denial| denial.aud = "prd_other".into(),
        |denial| denial.sub = "lic_other".into(),
        |denial| denial.seq = 1,
        |denial| denial.iat = UnixSeconds(denial.iat.0 - 400 * DAY),
        |denial| denial.v = 2,
    ];
    for (number, forgery) in forgeries.into_iter().enumerate() {
        server.with(|world| world.tamper_denial = Some(forgery));
        let app = machine.app(&server.url());
        // A newer version of the document is not one this library may refuse or apply.
        assert!(app.refresh().is_err(), "forgery {number}");
        assert_licensed(&app.state(), &format!("forgery {number}"));
    }
    // Signed by somebody else altogether.
    server.with(|world| {
        world.tamper_denial = None;
        world.issuing = SigningKey::from_seed(&[9; 32]);
    });
    let app = machine.app(&server.url());
    assert_eq!(
        app.refresh(),
        Err(CallError::Refused { status: 403, code: Some("revoked".into()), detail: Some("revoked".into()) })
    );
    assert_licensed(&app.state(), "another key");
    drop(app);

    server.with(|world| world.issuing = SigningKey::from_seed(&[2; 32]));
    let app = machine.app(&server.url());
    let updates = app.subscribe();
    let denied = Verdict::Invalid { reason: InvalidReason::Revoked };
    let standing = app.refresh().unwrap();
    assert_eq!(standing.verdict, denied);
    assert_eq!(standing.denial.unwrap().help.as_deref(), Some("https://example.com/help"));
    assert!(matches!(updates.try_recv(), Some(Update::State(now)) if now.verdict == denied));
    assert_eq!(app.entitlement("export.pdf"), None);
    drop(app);

    // Silence, and whatever else is unsigned, does not bring the rights back. Nor does damage to one of the slots.
    assert_eq!(machine.app("http://127.0.0.1:1").check_on_launch().verdict, denied);
    for slot in ["state-a", "state-b"] {
        let path = machine.state_folder().join(slot);
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, "").unwrap();
        assert_eq!(machine.app("http://127.0.0.1:1").check_on_launch().verdict, denied);
        std::fs::write(&path, whole).unwrap();
    }
    server.with(|world| world.denied = None);
    assert_licensed(&machine.app(&server.url()).refresh().unwrap(), "reinstated");
}

#[test]
fn a_denial_for_later_applies_later() {
    let server = Server::start();
    let machine = Machine::activated(&server);
    server.with(|world| world.denied = Some((DenialCode::Suspended, world.now + 3 * DAY)));
    let hands = Hands::now();
    let app = machine.builder(&server.url()).clock(hands.clone()).build().unwrap();
    assert_licensed(&app.refresh().unwrap(), "announced");
    hands.pass(3 * DAY - 60);
    assert_licensed(&app.state(), "not yet");
    hands.pass(120);
    assert_eq!(app.state().verdict, Verdict::Invalid { reason: InvalidReason::Suspended });
}

#[test]
fn a_lease_of_others_or_from_before_is_not_taken() {
    let server = Server::start();
    let machine = Machine::activated(&server);
    let forgeries: [fn(&mut holdfast_lease::Lease); 6] = [
        |lease| lease.dev = "0".repeat(64),
        |lease| lease.aud = "prd_other".into(),
        |lease| lease.sub = "lic_other".into(),
        |lease| lease.seq = 3,
        |lease| lease.iat = UnixSeconds(lease.iat.0 - 10 * DAY),
        |lease| lease.v = 2,
    ];
    let before = machine.stored_seq();
    for (number, forgery) in forgeries.into_iter().enumerate() {
        server.with(|world| world.tamper = Some(forgery));
        let app = machine.app(&server.url());
        assert!(matches!(app.refresh(), Err(CallError::Unverifiable | CallError::UpdateNeeded)), "forgery {number}");
        assert_licensed(&app.state(), &format!("forgery {number}"));
    }
    assert_eq!(machine.stored_seq(), before);
    assert!(machine.app(&server.url()).check_on_launch().update_needed, "a document of version 2 was seen");
}

#[test]
fn a_new_issuing_key_is_learned_and_asked_for_once_an_hour_at_most() {
    let server = Server::start();
    let machine = Machine::activated(&server);
    let manifests = || server.paths().iter().filter(|path| path.ends_with("/keys")).count();

    // The server rotated, but its answers do not bring the manifest along.
    server.with(|world| {
        world.attach_manifest = false;
        world.rotate(3);
    });
    let hands = Hands::now();
    let app = machine.builder(&server.url()).clock(hands.clone()).build().unwrap();
    assert_licensed(&app.refresh().unwrap(), "learned");
    assert_eq!(manifests(), 1);

    // An unknown key that no manifest names: asked once, then not for an hour.
    server.with(|world| world.issuing = SigningKey::from_seed(&[8; 32]));
    for _ in 0..3 {
        assert_eq!(app.refresh(), Err(CallError::Unverifiable));
        assert_licensed(&app.state(), "unknown key");
        hands.pass(60);
    }
    assert_eq!(manifests(), 1, "an hour has not passed");
    hands.pass(3_600);
    assert_eq!(app.refresh(), Err(CallError::Unverifiable));
    assert_eq!(manifests(), 2);
}

#[test]
fn a_manifest_by_another_root_teaches_nothing() {
    let server = Server::start();
    let machine = Machine::new(&server);
    server.with(|world| world.root = SigningKey::from_seed(&[66; 32]));
    let app = machine.app(&server.url());
    assert_eq!(app.activate(KEY), Err(CallError::Unverifiable));
    assert_eq!(app.state().verdict, Verdict::Invalid { reason: InvalidReason::NotActivated });
}

#[test]
fn a_first_activation_fetches_the_manifest_it_was_not_given() {
    let server = Server::start();
    let machine = Machine::new(&server);
    server.with(|world| world.attach_manifest = false);
    assert_licensed(&machine.app(&server.url()).activate(KEY).unwrap(), "fetched");
    // And a first denial can be verified, too.
    server.with(|world| world.denied = Some((DenialCode::Revoked, world.now)));
    let other = Machine::new(&server);
    let Err(CallError::Denied(standing)) = other.app(&server.url()).activate(KEY) else { panic!() };
    assert_eq!(standing.verdict, Verdict::Invalid { reason: InvalidReason::Revoked });
}

#[test]
fn trials_count_days_and_limited_leases_keep_the_fallback() {
    let server = Server::start();
    let machine = Machine::new(&server);
    server.with(|world| {
        world.lease_for = 14 * DAY;
        world.grace = 0;
        world.fallback = Some(Entitlements::from([("view".to_owned(), EntitlementValue::ON)]));
    });
    let hands = Hands::now();
    let app = machine.builder(&server.url()).clock(hands.clone()).build().unwrap();
    assert_eq!(app.start_trial().unwrap().verdict, Verdict::Trial { days_left: 14 });
    hands.pass(10 * DAY + 3_600);
    assert_eq!(app.state().verdict, Verdict::Trial { days_left: 4 });
    hands.pass(4 * DAY);
    assert_eq!(app.state().verdict, Verdict::Limited);
    assert_eq!(app.entitlement("view"), Some(EntitlementValue::ON));
    assert_eq!(app.entitlement("export.pdf"), None);
    assert!(!app.state().entitled());

    server.with(|world| world.mode = Mode::Limited);
    let other = Machine::new(&server);
    assert_eq!(other.app(&server.url()).activate(KEY).unwrap().verdict, Verdict::Limited);
}

#[test]
fn a_copied_state_cannot_renew_without_the_devices_own_key() {
    let server = Server::start();
    let machine = Machine::new(&server);
    let build = || machine.builder(&server.url()).device(Device::fingerprint("machine-1").own_key()).build().unwrap();
    assert_licensed(&build().activate(KEY).unwrap(), "with a key of its own");
    assert_licensed(&build().refresh().unwrap(), "proved");

    std::fs::remove_file(machine.state_folder().join("device-key")).unwrap();
    let copy = build();
    assert!(matches!(copy.refresh(), Err(CallError::Refused { status: 400, .. })));
    assert_licensed(&copy.state(), "what it has, it keeps until its end");
}

#[test]
fn the_state_is_of_no_use_on_another_device() {
    let server = Server::start();
    let machine = Machine::activated(&server);
    let other = machine.builder(&server.url()).device(Device::fingerprint("machine-2")).build().unwrap();
    assert_eq!(other.check_on_launch().verdict, Verdict::Invalid { reason: InvalidReason::NotActivated });
    let product = holdfast_sdk::Licensing::builder("prd_other", [&machine.root])
        .endpoints([server.url()])
        .storage(machine.state_folder())
        .device(Device::fingerprint("machine-1"))
        .build()
        .unwrap();
    assert_eq!(product.check_on_launch().verdict, Verdict::Invalid { reason: InvalidReason::NotActivated });
}

#[test]
fn a_program_may_leave_nothing_behind() {
    let server = Server::start();
    let machine = Machine::new(&server);
    let app = machine.builder(&server.url()).custom_storage(MemoryStorage::new()).build().unwrap();
    assert_licensed(&app.activate(KEY).unwrap(), "in memory");
    drop(app);
    assert!(!machine.state_folder().exists());
}
