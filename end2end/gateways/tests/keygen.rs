//! Keygen's library for Rust (`keygen-rs`), with the address of a gateway as that of its server. It verifies the signature
//! of every answer.

use holdfast_gateways::Server;
use keygen_rs::{
    config::KeygenConfig,
    errors::{ApiErrorKind, Error},
    license::{
        License, LicenseCheckoutOpts, LicenseFileAlgorithm, LicenseValidationCode as Code, LicenseValidationRequest,
    },
};
use serde_json::{Value, json};

/// The public key as Keygen shows one: in hex.
fn public_key(gateway: &Value) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let text = gateway["public_key"].as_str().unwrap().trim_end_matches('=');
    let bits: Vec<u8> = text
        .bytes()
        .map(|letter| ALPHABET.iter().position(|known| *known == letter).unwrap() as u8)
        .flat_map(|value| (0..6).rev().map(move |bit| value >> bit & 1))
        .collect();
    bits.chunks_exact(8).map(|byte| format!("{:02x}", byte.iter().fold(0u8, |value, bit| value << 1 | bit))).collect()
}

fn config(server: &Server, gateway: &Value, key: &str) -> KeygenConfig {
    KeygenConfig {
        api_url: server.base(gateway),
        account: "acme".to_owned(),
        product: "d2f1b3aa-0000-4000-8000-000000000000".to_owned(),
        license_key: Some(key.to_owned()),
        public_key: Some(public_key(gateway)),
        ..KeygenConfig::default()
    }
}

async fn validate(config: &KeygenConfig, fingerprint: Option<&str>) -> (Code, Option<License>) {
    let request =
        fingerprint.map(|text| LicenseValidationRequest::for_fingerprint(text.to_owned())).unwrap_or_default();
    let result = keygen_rs::validate_with_config(config.clone(), &request).await.unwrap();
    assert_eq!(result.meta.valid, result.meta.code_kind() == Code::Valid);
    (result.meta.code_kind(), result.license)
}

fn kind(error: &Error) -> Option<ApiErrorKind> {
    match error {
        Error::Api(document) => document.primary().map(|error| error.kind()),
        _ => None,
    }
}

const SETTINGS: &str = r#"{ "account": "acme", "product": "d2f1b3aa-0000-4000-8000-000000000000" }"#;

#[tokio::test]
async fn an_application_lives_with_its_license() {
    let mut server = Server::start();
    let (_, plan, gateway) = server.product(1, "keygen", &serde_json::from_str(SETTINGS).unwrap());
    let (id, key) = server.issue(&plan);
    let config = config(&server, &gateway, &key);

    let nobody = KeygenConfig { license_key: Some("NOTHING-LIKE-IT".to_owned()), ..config.clone() };
    assert_eq!(validate(&nobody, None).await.0, Code::NotFound);
    let (code, license) = validate(&config, Some("one")).await;
    assert_eq!(code, Code::NoMachine, "its application activates then");
    let license = license.unwrap();
    assert_eq!((license.max_machines, license.account_id.as_deref()), (Some(1), Some("acme")));

    let machine = license.activate("one", &[]).await.unwrap();
    assert_eq!((machine.fingerprint.as_str(), machine.license_id.as_deref()), ("one", Some(license.id.as_str())));
    assert_eq!(validate(&config, Some("one")).await.0, Code::Valid);
    assert_eq!(validate(&config, None).await.0, Code::Valid);
    assert_eq!(machine.ping().await.unwrap().id, machine.id);
    assert_eq!(license.machines(None).await.unwrap().data.len(), 1);
    let codes: Vec<String> = license.entitlements(None).await.unwrap().data.into_iter().map(|own| own.code).collect();
    assert_eq!(codes, ["export", "layers"]);

    // Over the seats.
    assert_eq!(validate(&config, Some("two")).await.0, Code::FingerprintScopeMismatch);
    let full = license.activate("two", &[]).await.unwrap_err();
    assert_eq!(kind(&full), Some(ApiErrorKind::MachineLimitExceeded), "{full}");
    // Given up on one, taken on the other.
    machine.deactivate().await.unwrap();
    assert_eq!(kind(&machine.deactivate().await.unwrap_err()), Some(ApiErrorKind::NotFound));
    let second = license.activate("two", &[]).await.unwrap();
    assert_eq!(license.machine(&second.id).await.unwrap().id, second.id);

    // Withdrawn and given back.
    server.change(&id, "revoke");
    assert_eq!(validate(&config, Some("two")).await.0, Code::Suspended);
    assert_eq!(kind(&second.ping().await.unwrap_err()), Some(ApiErrorKind::LicenseSuspended));
    assert_eq!(kind(&license.activate("three", &[]).await.unwrap_err()), Some(ApiErrorKind::LicenseSuspended));
    server.change(&id, "reinstate");
    assert_eq!(validate(&config, Some("two")).await.0, Code::Valid);

    // Unreachable: an error that is no answer.
    server.kill();
    let lost = keygen_rs::validate_with_config(config, &LicenseValidationRequest::default()).await.unwrap_err();
    assert!(kind(&lost).is_none(), "{lost}");
}

#[tokio::test]
async fn license_files_open_without_the_server() {
    let server = Server::start();
    let (_, plan, gateway) = server.product(1, "keygen", &serde_json::from_str(SETTINGS).unwrap());
    let (_, key) = server.issue(&plan);
    let config = config(&server, &gateway, &key);
    let license = validate(&config, None).await.1.unwrap();
    let public = public_key(&gateway);
    let plain = LicenseCheckoutOpts::with_include(vec!["entitlements".to_owned()]);
    let file = license.checkout(&plain).await.unwrap();
    let sealed = license.checkout(&LicenseCheckoutOpts::with_ttl(86_400).with_encrypt(true)).await.unwrap();
    let text = license.checkout_certificate(&plain).await.unwrap();
    assert!(text.starts_with("-----BEGIN LICENSE FILE-----"));
    drop(server);

    let contents = file.verify_and_decode(&public, LicenseFileAlgorithm::Base64Ed25519).unwrap();
    assert_eq!(contents.license.key, key);
    assert_eq!(contents.offline_entitlements().unwrap().len(), 2);
    let contents = sealed.verify_and_decrypt(&public, &key, LicenseFileAlgorithm::Aes256GcmEd25519).unwrap();
    assert_eq!((contents.license.key, contents.ttl), (key.clone(), 86_400));
    assert!(sealed.decrypt("ANOTHER-KEY").is_err());
    assert!(file.verify_with_key(&"00".repeat(32)).is_err());
}

#[tokio::test]
async fn a_machine_that_was_active_elsewhere_goes_on() {
    let server = Server::start();
    let (product, plan, gateway) = server.product(1, "keygen", &serde_json::from_str(SETTINGS).unwrap());
    let key = "C1B6DE-39A6E3-DE1529-8559A0-4AF593-V3";
    let export = json!({
        "data": [{ "id": "b18ad2ff-0000-4000-8000-000000000001", "type": "licenses",
            "attributes": { "key": key, "expiry": null, "status": "ACTIVE", "suspended": false, "maxMachines": 1 } }],
        "included": [{ "id": "a1b2c3d4-0000-4000-8000-000000000001", "type": "machines",
            "attributes": { "fingerprint": "4d:Eq:UV:D3:XZ:tL:WN:Bz", "name": "Office" },
            "relationships": { "license": { "data": { "type": "licenses", "id": "b18ad2ff-0000-4000-8000-000000000001" } } } }],
    });
    let staged = server.api("POST", &format!("/imports?product={product}&plan={plan}"), &export);
    let path = format!("/imports/{}", staged["id"].as_str().unwrap());
    assert_eq!(server.api("POST", &format!("{path}/confirm"), &json!({}))["state"], "done");
    let config = config(&server, &gateway, key);
    let (code, license) = validate(&config, Some("4d:Eq:UV:D3:XZ:tL:WN:Bz")).await;
    assert_eq!(code, Code::Valid);
    assert_eq!(server.api("GET", &path, &Value::Null)["activated"], 1);
    let machine = license.unwrap().machine("a1b2c3d4-0000-4000-8000-000000000001").await.unwrap();
    machine.deactivate().await.unwrap();
    assert_eq!(validate(&config, Some("4d:Eq:UV:D3:XZ:tL:WN:Bz")).await.0, Code::NoMachine);
}

#[tokio::test]
async fn answers_of_another_key_are_not_believed() {
    let server = Server::start();
    let (_, plan, gateway) = server.product(1, "keygen", &serde_json::from_str(SETTINGS).unwrap());
    let (_, key) = server.issue(&plan);
    let config = KeygenConfig { public_key: Some("00".repeat(32)), ..config(&server, &gateway, &key) };
    assert!(keygen_rs::validate_with_config(config, &LicenseValidationRequest::default()).await.is_err());
}
