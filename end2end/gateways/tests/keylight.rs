//! Keylight's own library (`keylight`), with the address and the keys of a gateway in its configuration.

use holdfast_gateways::Server;
use keylight::{
    FixedDeviceIdentity, Keylight, KeylightConfig, LicenseState, LicenseStore, Result, TrialStatus,
    http::ureq_transport::UreqTransport, keyset::fetch_keyset,
};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

/// What a device keeps.
#[derive(Default)]
struct Memory(Mutex<HashMap<String, Vec<u8>>>);

impl LicenseStore for Memory {
    fn get(&self, account: &str) -> Option<Vec<u8>> {
        self.0.lock().unwrap().get(account).cloned()
    }

    fn set(&self, account: &str, value: &[u8]) -> Result<()> {
        self.0.lock().unwrap().insert(account.to_owned(), value.to_owned());
        Ok(())
    }

    fn delete(&self, account: &str) -> Result<()> {
        self.0.lock().unwrap().remove(account);
        Ok(())
    }
}

fn config(server: &Server, gateway: &Value) -> KeylightConfig {
    let text = |name: &str| gateway[name].as_str().unwrap().to_owned();
    KeylightConfig::builder("acme", "draw", "sdk_live_x")
        .base_url(server.base(gateway))
        .trusted_key(text("kid"), text("public_key"))
        .require_signed_config(true)
        .app_version("1.2.3")
        .build()
}

fn device(config: &KeylightConfig, name: &str, store: &Arc<Memory>) -> Keylight {
    let store: Arc<dyn LicenseStore> = Arc::clone(store) as _;
    Keylight::with_parts(config.clone(), store, Arc::new(UreqTransport::default()))
        .with_device(Arc::new(FixedDeviceIdentity(name.to_owned())))
}

#[test]
fn an_application_lives_with_its_license() {
    let mut server = Server::start();
    let settings = json!({ "account": "acme", "product": "draw", "trial_days": 14, "free_tier": true });
    let (_, plan, gateway) = server.product(1, "keylight", &settings);
    let (license, key) = server.issue(&plan);
    let config = config(&server, &gateway);
    let (primary, keys) = fetch_keyset(&UreqTransport::default(), &config.base_url, "acme").unwrap();
    assert_eq!((Some(primary.as_str()), keys), (gateway["kid"].as_str(), config.trusted_keys.clone()));

    // Before it has a license, it has the product's settings, which it verifies.
    let (kept, other) = (Arc::<Memory>::default(), Arc::<Memory>::default());
    let app = device(&config, "one", &kept);
    assert_eq!(app.effective_trial_duration_days(), 0);
    app.fetch_config();
    assert_eq!((app.effective_trial_duration_days(), app.effective_free_tier_enabled()), (14, true));
    app.start_trial().unwrap();
    assert_eq!(app.check_trial(), TrialStatus::Active { days_left: 14 });
    app.report_keyless_state(keylight::KeylessState::Trial);

    let unknown = app.activate("NOTH-ING-LIKE-IT").unwrap();
    assert_eq!((unknown.activated, unknown.error.as_deref()), (false, Some("license not found")));
    let activated = app.activate(&key).unwrap();
    assert!(activated.activated && activated.instance_id.is_some(), "{activated:?}");
    assert_eq!(app.state(), LicenseState::Licensed);
    assert!(app.has_entitlement("export") && app.has_entitlement("layers") && !app.has_entitlement("other"));
    assert!(app.validate().unwrap().valid);

    // Over the seats.
    let second = device(&config, "two", &other);
    let full = second.activate(&key).unwrap();
    assert_eq!((full.activated, full.error.as_deref()), (false, Some("activation limit reached")));
    // The same machine, with nothing left of what it had stored, gets its place back.
    let again = device(&config, "one", &Arc::default()).activate(&key).unwrap();
    assert_eq!(again.instance_id, activated.instance_id);

    // Given up on one, taken on the other.
    app.deactivate().unwrap();
    assert!(second.activate(&key).unwrap().activated);

    // Withdrawn: the application learns of it, and forgets its lease. Given back, it goes on.
    server.change(&license, "revoke");
    let refused = second.validate().unwrap();
    assert_eq!((refused.valid, refused.lease.is_none()), (false, true));
    assert_ne!(second.state(), LicenseState::Licensed);
    server.change(&license, "reinstate");
    assert!(second.validate().unwrap().valid);
    assert_eq!(second.state(), LicenseState::Licensed);

    // Unreachable: an error, and no loss.
    server.kill();
    assert!(second.validate().is_err());
    assert_eq!(second.state(), LicenseState::Licensed);
}

#[test]
fn an_application_that_was_activated_elsewhere_goes_on() {
    let server = Server::start();
    let settings = json!({ "account": "acme", "product": "draw" });
    let (product, plan, _) = server.product(1, "keylight", &settings);
    // The key that the application was built with.
    let known = json!({ "kid": "k-2024", "key": "09".repeat(32), "replace": true });
    let gateway = server.api("POST", &format!("/products/{product}/gateways/keylight/key"), &known);
    let (_, key) = server.issue(&plan);
    let kept = Arc::<Memory>::default();
    kept.set_string("license_key", &key).unwrap();
    kept.set_string("instance_id", "7e4b0a52-6f1d-4a0e-9f0b-2f5a3c1d9e77").unwrap();
    let app = device(&config(&server, &gateway), "one", &kept);
    let validated = app.validate().unwrap();
    assert!(validated.valid, "{validated:?}");
    assert_eq!(validated.lease.unwrap().kid, "k-2024");
    assert_eq!(app.state(), LicenseState::Licensed);
}

#[test]
fn nothing_is_signed_that_could_be_read_in_another_way() {
    let server = Server::start();
    let (_, plan, gateway) = server.product(1, "keylight", &json!({ "account": "acme", "product": "draw" }));
    let (_, key) = server.issue(&plan);
    let kept = Arc::<Memory>::default();
    kept.set_string("license_key", &key).unwrap();
    kept.set_string("instance_id", "i|1|99999999999|active|everything").unwrap();
    let refused = device(&config(&server, &gateway), "one", &kept).validate().unwrap();
    assert_eq!((refused.valid, refused.lease.is_none()), (false, true), "{refused:?}");
}

#[test]
fn answers_of_another_key_are_not_believed() {
    let server = Server::start();
    let (_, plan, gateway) = server.product(1, "keylight", &json!({ "account": "acme", "product": "draw" }));
    let (_, key) = server.issue(&plan);
    let mut config = config(&server, &gateway);
    for public in config.trusted_keys.values_mut() {
        *public = "A".repeat(43) + "=";
    }
    assert!(device(&config, "one", &Arc::default()).activate(&key).is_err());
}
