//! Gateways over both databases, asked with what the clients of those systems send by their documentation.

use super::world::{Answer, World, soon};
use axum::body::Body;
use base64::prelude::*;
use holdfast_lease::{PublicKey, SigningKey};
use holdfast_testkit::both;
use http::{Method, header};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

const KEYGEN_EXPORT: &str = include_str!("../../../crates/service/src/admin/import/formats/samples/keygen.json");
const LEMON_EXPORT: &str = include_str!("../../../crates/service/src/admin/import/formats/samples/lemon_squeezy.json");

/// A product with a gateway, as its clients reach it.
struct Place {
    product: String,
    plan: String,
    base: String,
}

impl World {
    async fn gateway(&self, seats: u32, kind: &str, settings: Value) -> Place {
        let product = self.product("Draw").await;
        let plan =
            self.plan(&product, json!({ "seats": seats, "entitlements": { "export": true, "layers": 5 } })).await;
        let base = self.switched_on(&product, kind, settings).await;
        Place { product, plan, base }
    }

    /// Switches a gateway on; its base address.
    async fn switched_on(&self, product: &str, kind: &str, settings: Value) -> String {
        let mut body = settings;
        body["on"] = true.into();
        let path = format!("/v1/products/{product}/gateways/{kind}");
        self.call(Method::PUT, &path, body).await.expect(200).text("path")
    }

    /// A license: its id and key.
    async fn issue(&self, place: &Place) -> (String, String) {
        let issued = self.post("/v1/licenses", json!({ "plan": place.plan })).await.expect(201);
        (issued.text("id"), issued.text("key"))
    }

    /// Imports an export; the import's address.
    async fn import(&self, place: &Place, export: &'static str) -> String {
        let (product, plan) = (&place.product, &place.plan);
        let request = Self::request(Method::POST, &format!("/v1/imports?product={product}&plan={plan}"))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(export));
        let path = format!("/v1/imports/{}", self.send(request.unwrap()).await.expect(201).text("id"));
        let done = self.post(&format!("{path}/confirm"), json!({})).await.expect(200).json();
        assert_eq!(done["state"], "done", "{done}");
        path
    }

    async fn change(&self, license: &str, act: &str) {
        self.post(&format!("/v1/licenses/{license}/{act}"), json!({ "reason": "A mistake" })).await.expect(200);
    }

    async fn seats_of(&self, license: &str) -> Value {
        self.read(&format!("/v1/seats?license={license}&state=active")).await.expect(200).json()["items"].clone()
    }

    async fn form(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let encoded = |text: &str| {
            let byte = |byte: u8| {
                if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }
            };
            text.bytes().map(byte).collect::<String>()
        };
        let body: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        let request = Self::request(Method::POST, path)
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request.body(Body::from(body.join("&"))).unwrap()).await
    }
}

fn base64(text: &Value) -> Vec<u8> {
    BASE64_STANDARD.decode(text.as_str().unwrap()).unwrap()
}

both! {
    async fn lemon_squeezys_clients_activate_validate_and_deactivate(db: TestDb) {
        let world = World::new(&db).await;
        let settings = json!({ "account": "12", "product": "345", "plans": { "pro": "678" } });
        let place = world.gateway(2, "lemon_squeezy", settings).await;
        let (license, key) = world.issue(&place).await;
        let at = |act: &str| format!("{}/v1/licenses/{act}", place.base);

        let fresh = world.form(&at("validate"), &[("license_key", &key)]).await.expect(200).json();
        assert_eq!((&fresh["valid"], &fresh["error"], &fresh["instance"]), (&json!(true), &json!(null), &json!(null)));
        assert_eq!((&fresh["license_key"]["status"], &fresh["license_key"]["key"]), (&json!("inactive"), &json!(key)));
        let meta = &fresh["meta"];
        assert_eq!((&meta["store_id"], &meta["product_id"], &meta["variant_id"]), (&json!(12), &json!(345), &json!(678)));
        assert_eq!((&meta["product_name"], &meta["variant_name"]), (&json!("Draw"), &json!("Pro")));

        let activate = |name: &'static str| {
            let (world, path, key) = (&world, at("activate"), key.clone());
            async move { world.form(&path, &[("license_key", &key), ("instance_name", name)]).await }
        };
        let first = activate("Ann's PC").await.expect(200).json();
        assert_eq!((&first["activated"], &first["error"]), (&json!(true), &json!(null)));
        assert_eq!(first["instance"]["name"], "Ann's PC");
        assert_eq!((&first["license_key"]["activation_usage"], &first["license_key"]["activation_limit"]), (&json!(1), &json!(2)));
        assert_eq!(first["license_key"]["status"], "active");
        assert!(first["license_key"]["created_at"].as_str().unwrap().ends_with(".000000Z"), "{first}");
        activate("Ann's PC").await.expect(200);
        let full = activate("Third").await.expect(400).json();
        assert_eq!((&full["activated"], &full["error"]), (&json!(false), &json!("This license key has reached the activation limit.")));
        assert_eq!(full["license_key"]["activation_usage"], 2);

        let id = first["instance"]["id"].as_str().unwrap();
        let validate = async || world.form(&at("validate"), &[("license_key", &key), ("instance_id", id)]).await;
        let valid = validate().await.expect(200).json();
        assert_eq!((&valid["valid"], &valid["instance"]["id"], &valid["instance"]["name"]), (&json!(true), &json!(id), &json!("Ann's PC")));

        let gone = world.form(&at("deactivate"), &[("license_key", &key), ("instance_id", id)]).await.expect(200).json();
        assert_eq!((&gone["deactivated"], &gone["license_key"]["activation_usage"]), (&json!(true), &json!(1)));
        assert!(gone.get("instance").is_none());
        let refused = validate().await.expect(404).json();
        assert_eq!((&refused["valid"], &refused["error"]), (&json!(false), &json!("instance_id not found.")));
        world.form(&at("deactivate"), &[("license_key", &key), ("instance_id", id)]).await.expect(404);

        let unknown = world.form(&at("validate"), &[("license_key", "38b1460a-5104-4067-a91d-77b872934d51")]).await.expect(404).json();
        assert_eq!((&unknown["valid"], &unknown["error"]), (&json!(false), &json!("license_key not found.")));
        assert_eq!((&unknown["license_key"], &unknown["meta"]), (&json!(null), &json!(null)));
        let missing = world.form(&at("activate"), &[("license_key", &key)]).await.expect(422).json();
        assert_eq!((&missing["activated"], &missing["error"]), (&json!(false), &json!("The instance name field is required.")));

        world.change(&license, "revoke").await;
        let disabled = world.form(&at("validate"), &[("license_key", &key)]).await.expect(400).json();
        assert_eq!((&disabled["valid"], &disabled["license_key"]["status"]), (&json!(false), &json!("disabled")));
        assert_eq!(disabled["error"], "This license key is disabled.");
        activate("Fourth").await.expect(400);
    }

    async fn an_instance_of_before_goes_on_with_what_it_knows(db: TestDb) {
        let world = World::new(&db).await;
        let place = world.gateway(2, "lemon_squeezy", json!({})).await;
        let import = world.import(&place, LEMON_EXPORT).await;
        let arrived = || async { world.read(&import).await.expect(200).json() };
        let before = arrived().await;
        assert_eq!((&before["format"], &before["activated"]), (&json!("lemon_squeezy"), &json!(0)), "{before}");

        let at = |act: &str| format!("{}/v1/licenses/{act}", place.base);
        let key = "80e15db5-c796-436b-850c-8f9c98a48abe";
        let id = "f70a79fa-6054-433e-9c1b-6075344292e4";
        // As the SDK sends it.
        let body = json!({ "license_key": key, "instance_id": id });
        let request = || {
            let request = World::request(Method::POST, &at("validate")).header(header::CONTENT_TYPE, "application/vnd.api+json");
            world.send(request.body(Body::from(body.to_string())).unwrap())
        };
        let valid = request().await.expect(200).json();
        assert_eq!((&valid["valid"], &valid["instance"]["id"]), (&json!(true), &json!(id)), "{valid}");
        assert_eq!(valid["license_key"]["activation_usage"], 1);
        assert_eq!(request().await.expect(200).json()["license_key"]["activation_usage"], 1, "it keeps its place");
        assert_eq!(arrived().await["activated"], 1);
        let license = world.read("/v1/licenses?q=john").await.json()["items"][0]["id"].as_str().unwrap().to_owned();
        assert_eq!(world.read(&format!("/v1/licenses/{license}")).await.json()["migrated_from"], "lemon_squeezy");
        world.form(&at("deactivate"), &[("license_key", key), ("instance_id", id)]).await.expect(200);
        request().await.expect(404);
        assert_eq!(arrived().await["activated"], 1, "who has arrived once has arrived");
        let disabled = world.form(&at("validate"), &[("license_key", "38b1460a-5104-4067-a91d-77b872934d51")]).await;
        assert_eq!(disabled.expect(400).json()["license_key"]["status"], "disabled");
    }

    async fn keylights_clients_get_leases_that_they_verify(db: TestDb) {
        let world = World::new(&db).await;
        let key_of_before = SigningKey::from_seed(&[9; 32]);
        let product = world.product("Draw").await;
        let gateway = format!("/v1/products/{product}/gateways/keylight");
        let seed: String = "09".repeat(32);
        let imported = world.post(&format!("{gateway}/key"), json!({ "kid": "k-2024", "key": seed })).await.expect(200).json();
        assert_eq!((&imported["kid"], &imported["on"]), (&json!("k-2024"), &json!(false)));
        assert_eq!(base64(&imported["public_key"]), key_of_before.public_key().to_bytes());
        world.call(Method::PUT, &gateway, json!({ "on": true, "account": "acme" })).await.refused(400, "invalid_request");
        world.post(&format!("{gateway}/key"), json!({ "kid": "k-2024", "key": seed })).await.expect(200);
        let settings = json!({ "on": true, "account": "acme", "product": "draw", "trial_days": 14, "free_tier": false });
        let base = world.call(Method::PUT, &gateway, settings).await.expect(200).text("path");
        let lost = world.post(&format!("{gateway}/key"), json!({})).await.refused(400, "invalid_request").json();
        assert_eq!(lost["pointer"], "/replace", "answers are being signed with it");
        let plan = world.plan(&product, json!({ "seats": 1, "entitlements": { "export": true, "layers": 5 } })).await;
        let place = Place { product, plan, base };
        let (license, key) = world.issue(&place).await;
        let at = |act: &str| format!("{}/acme/draw/{act}", place.base);
        let verified = |lease: &Value| {
            let text = |name: &str| lease[name].as_str().unwrap().to_owned();
            let entitlements: Vec<&str> = lease["entitlements"].as_array().unwrap().iter().map(|e| e.as_str().unwrap()).collect();
            let payload = format!(
                "v3|{}|{}|{}|{}|{}|{}|{}",
                text("kid"), text("licenseKeyHash"), text("instanceId"), lease["issuedAt"], lease["expiresAt"],
                text("status"), entitlements.join(",")
            );
            let signature: [u8; 64] = base64(&lease["signature"]).try_into().unwrap();
            assert!(key_of_before.public_key().verify_strict(payload.as_bytes(), &signature), "{payload}");
            (text("status"), entitlements.into_iter().map(str::to_owned).collect::<Vec<_>>())
        };

        let keys = world.get(&format!("{}/acme/.well-known/keylight-keys", place.base)).await.expect(200).json();
        assert_eq!((&keys["primary_kid"], &keys["keys"][0]["alg"]), (&json!("k-2024"), &json!("ed25519")));
        let body = json!({ "license_key": key, "instance_name": "Ann's PC", "machine_hash": "ab".repeat(32), "sdk_version": "0.7.0" });
        let first = world.ask(&at("activate"), &body).await.expect(200).json();
        assert_eq!(first["activated"], true);
        assert_eq!(verified(&first["lease"]), ("active".to_owned(), vec!["export".to_owned(), "layers".to_owned()]));
        let plain: String = key.chars().filter(|c| *c != '-').collect();
        let hash = Sha256::digest(plain.to_uppercase()).iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        assert_eq!(first["lease"]["licenseKeyHash"], hash);
        let again = world.ask(&at("activate"), &body).await.expect(200).json();
        assert_eq!(again["instance_id"], first["instance_id"], "the same machine gets its place back");
        let other = json!({ "license_key": key, "instance_name": "Other" });
        let full = world.ask(&at("activate"), &other).await.expect(402).json();
        assert_eq!((&full["activated"], &full["error"]), (&json!(false), &json!("activation limit reached")));

        let known = json!({ "license_key": key, "instance_id": first["instance_id"] });
        let valid = world.ask(&at("validate"), &known).await.expect(200).json();
        assert_eq!((&valid["valid"], &valid["trial_duration_days"], &valid["free_tier_enabled"]), (&json!(true), &json!(14), &json!(false)));
        verified(&valid["lease"]);
        let config = world.get(&at("config")).await.expect(200).json();
        let payload = format!("cfg1|k-2024|acme|draw|{}|{}|14|false", config["issued_at"], config["expires_at"]);
        let signature: [u8; 64] = base64(&config["signature"]).try_into().unwrap();
        assert!(key_of_before.public_key().verify_strict(payload.as_bytes(), &signature));
        let beacon = json!({ "instance_id": "f70a79fa-6054-433e-9c1b-6075344292e4", "state": "trial" });
        assert_eq!(world.ask(&at("keyless"), &beacon).await.expect(200).json()["trial_duration_days"], 14);
        assert_eq!(world.seats_of(&license).await.as_array().unwrap().len(), 1, "a beacon takes no place");

        for path in [format!("{}/other/draw/validate", place.base), format!("{}/acme/other/validate", place.base)] {
            world.ask(&path, &known).await.expect(404);
        }
        let unknown = json!({ "license_key": "KL-0000-0000-0000", "instance_id": "x" });
        assert_eq!(world.ask(&at("validate"), &unknown).await.expect(404).json()["error"], "license not found");
        let forged = json!({ "license_key": key, "instance_id": "i|1|99999999999|active|r1" });
        assert_eq!(world.ask(&at("validate"), &forged).await.expect(400).json().get("lease"), None);

        world.change(&license, "suspend").await;
        let refused = world.ask(&at("validate"), &known).await.expect(422).json();
        assert_eq!((&refused["valid"], refused.get("lease")), (&json!(false), None), "its client forgets its lease then");
        world.change(&license, "resume").await;
        world.ask(&at("validate"), &known).await.expect(200);
        assert_eq!(world.ask(&at("deactivate"), &known).await.expect(200).json()["deactivated"], true);
        assert_eq!(world.ask(&at("validate"), &known).await.expect(422).json()["error"], "instance not active");
        // One that another server gave out.
        let before = json!({ "license_key": key, "instance_id": "f70a79fa-6054-433e-9c1b-6075344292e4" });
        let valid = world.ask(&at("validate"), &before).await.expect(200).json();
        assert_eq!(valid["lease"]["instanceId"], before["instance_id"]);
        world.ask(&at("deactivate"), &before).await.expect(200);
        assert_eq!(world.seats_of(&license).await, json!([]));
    }

    async fn past_its_end_a_license_is_over_for_those_who_know_no_remainder(db: TestDb) {
        let world = World::new(&db).await;
        let product = world.product("Draw").await;
        let terms = json!({ "model": "subscription", "duration_seconds": 3_600,
            "entitlements": { "all": true }, "fallback": { "open": true } });
        let plan = world.plan(&product, terms).await;
        for (kind, names) in [("keylight", json!({ "account": "a", "product": "d" })), ("lemon_squeezy", json!({})), ("keygen", json!({}))] {
            let mut body = names;
            body["on"] = true.into();
            world.call(Method::PUT, &format!("/v1/products/{product}/gateways/{kind}"), body).await.expect(200);
        }
        let ends = holdfast::api::time::format(world.service.now().plus(holdfast_domain::Seconds(2)));
        let key = world.post("/v1/licenses", json!({ "plan": plan, "expires_at": ends })).await.expect(201).text("key");
        let base = format!("/gateways/{product}");
        let keylight = |act: &str| format!("{base}/keylight/a/d/{act}");
        let body = json!({ "license_key": key, "machine_hash": "ab".repeat(32) });
        let id = world.ask(&keylight("activate"), &body).await.expect(200).text("instance_id");
        tokio::time::sleep(std::time::Duration::from_millis(2_200)).await;

        let known = json!({ "license_key": key, "instance_id": id });
        let over = world.ask(&keylight("validate"), &known).await.expect(422).json();
        assert_eq!((&over["valid"], &over["lease"]["status"]), (&json!(false), &json!("fallback")));
        assert_eq!(over["lease"]["entitlements"], json!(["open"]));
        let lemon = format!("{base}/lemonsqueezy/v1/licenses/validate");
        for fields in [vec![("license_key", key.as_str())], vec![("license_key", key.as_str()), ("instance_id", id.as_str())]] {
            let over = world.form(&lemon, &fields).await.expect(400).json();
            assert_eq!((&over["valid"], &over["license_key"]["status"]), (&json!(false), &json!("expired")));
        }
        let keygen = format!("{base}/keygen/v1/licenses/actions/validate-key");
        let over = world.ask(&keygen, &json!({ "meta": { "key": key } })).await.expect(200).json();
        assert_eq!((&over["meta"]["valid"], &over["meta"]["code"]), (&json!(false), &json!("EXPIRED")));
    }

    async fn keygens_clients_get_signed_answers(db: TestDb) {
        let world = World::new(&db).await;
        let settings = json!({ "account": "acme", "product": "d2f1b3aa-0000-4000-8000-000000000000" });
        let place = world.gateway(2, "keygen", settings).await;
        let gateways = world.read(&format!("/v1/products/{}/gateways", place.product)).await.expect(200).json();
        let own = gateways["items"].as_array().unwrap().iter().find(|gateway| gateway["kind"] == "keygen").unwrap();
        let public = PublicKey::from_bytes(&base64(&own["public_key"])).unwrap();
        let import = world.import(&place, KEYGEN_EXPORT).await;
        let key = "C1B6DE-39A6E3-DE1529-8559A0-4AF593-V3";
        let ask = |method: Method, path: &str, body: Option<Value>| {
            let path = format!("{}/v1/accounts/acme/{path}", place.base);
            let world = &world;
            async move {
                let request = World::request(method.clone(), &path)
                    .header(header::HOST, "licenses.example.com:8443")
                    .header(header::AUTHORIZATION, format!("License {key}"))
                    .header(header::CONTENT_TYPE, "application/vnd.api+json");
                let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
                let answer = world.send(request.body(body).unwrap()).await;
                let digest = format!("sha-256={}", BASE64_STANDARD.encode(Sha256::digest(&answer.bytes)));
                assert_eq!(answer.header("keygen-digest"), digest);
                let (method, date) = (method.as_str().to_lowercase(), answer.header("keygen-date"));
                let said = format!("(request-target): {method} {path}\nhost: licenses.example.com:8443\ndate: {date}\ndigest: {digest}");
                let signature = answer.header("keygen-signature").split("signature=\"").nth(1).unwrap().split('"').next().unwrap();
                let signature: [u8; 64] = BASE64_STANDARD.decode(signature).unwrap().try_into().unwrap();
                assert!(public.verify_strict(said.as_bytes(), &signature), "{said}");
                answer
            }
        };
        let validate = |scope: Value| {
            ask(Method::POST, "licenses/actions/validate-key", Some(json!({ "meta": { "key": key, "nonce": 7, "scope": scope } })))
        };
        let code = |answer: &Answer| answer.json()["meta"]["code"].as_str().unwrap().to_owned();

        let valid = validate(json!({})).await.expect(200).json();
        assert_eq!((&valid["meta"]["valid"], &valid["meta"]["code"], &valid["meta"]["nonce"]), (&json!(true), &json!("VALID"), &json!(7)));
        assert_eq!(valid["data"]["attributes"]["status"], "ACTIVE");
        assert_eq!(valid["data"]["relationships"]["account"]["data"]["id"], "acme");
        let license = valid["data"]["id"].as_str().unwrap().to_owned();
        assert_eq!(code(&validate(json!({ "fingerprint": "new" })).await.expect(200)), "NO_MACHINES");
        assert_eq!(code(&validate(json!({ "product": "other" })).await.expect(200)), "PRODUCT_SCOPE_MISMATCH");
        assert_eq!(code(&validate(json!({ "fingerprint": null, "fingerprints": [] })).await.expect(200)), "FINGERPRINT_SCOPE_EMPTY");
        assert_eq!(code(&validate(json!({ "entitlements": ["EXPORT"] })).await.expect(200)), "VALID");
        assert_eq!(code(&validate(json!({ "entitlements": ["OTHER"] })).await.expect(200)), "ENTITLEMENTS_MISSING");

        // A machine that was active there is found again by its fingerprint, and by the id that it had.
        let (old, old_id) = ("4d:Eq:UV:D3:XZ:tL:WN:Bz", "a1b2c3d4-0000-4000-8000-000000000001");
        assert_eq!(code(&validate(json!({ "fingerprint": old, "product": "d2f1b3aa-0000-4000-8000-000000000000" })).await), "VALID");
        assert_eq!(world.read(&import).await.json()["activated"], 1);
        assert_eq!(code(&validate(json!({ "fingerprint": "new" })).await), "FINGERPRINT_SCOPE_MISMATCH");
        assert_eq!(code(&validate(json!({ "machine": old_id })).await), "VALID");
        let pinged = ask(Method::POST, &format!("machines/{old_id}/actions/ping"), None).await.expect(200).json();
        assert_eq!(pinged["data"]["attributes"]["heartbeatStatus"], "ALIVE");

        let machine = |fingerprint: &str| {
            let body = json!({ "data": { "type": "machines",
                "attributes": { "fingerprint": fingerprint, "hostname": "ann-pc", "platform": "linux/x86_64", "cores": 4 },
                "relationships": { "license": { "data": { "type": "licenses", "id": license } } } } });
            ask(Method::POST, "machines", Some(body))
        };
        let second = machine("new").await.expect(201).json();
        assert_eq!((&second["data"]["attributes"]["fingerprint"], &second["data"]["attributes"]["name"]), (&json!("new"), &json!("ann-pc")));
        let third = machine("third").await.expect(201).json();
        let full = machine("fourth").await.expect(422).json();
        assert_eq!(full["errors"][0]["code"], "MACHINE_LIMIT_EXCEEDED");
        assert_eq!(full["errors"][0]["detail"], "machine count has exceeded maximum allowed for license (3)");
        assert_eq!(ask(Method::GET, &format!("licenses/{license}/machines"), None).await.expect(200).json()["data"].as_array().unwrap().len(), 3);
        let third = third["data"]["id"].as_str().unwrap().to_owned();
        assert!(ask(Method::DELETE, &format!("machines/{third}"), None).await.expect(204).bytes.is_empty());
        ask(Method::DELETE, &format!("machines/{third}"), None).await.expect(404);
        ask(Method::POST, &format!("machines/{third}/actions/ping"), None).await.expect(404);
        assert_eq!(code(&validate(json!({ "fingerprint": "third" })).await), "FINGERPRINT_SCOPE_MISMATCH");

        let file = |query: &str| ask(Method::POST, &format!("licenses/{license}/actions/check-out{query}"), None);
        let out = file("?ttl=3600&include=entitlements").await.expect(200).json();
        let text = out["data"]["attributes"]["certificate"].as_str().unwrap();
        let inner: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
        let inner: Value = serde_json::from_slice(&BASE64_STANDARD.decode(inner).unwrap()).unwrap();
        let signature: [u8; 64] = base64(&inner["sig"]).try_into().unwrap();
        assert!(public.verify_strict(format!("license/{}", inner["enc"].as_str().unwrap()).as_bytes(), &signature));
        let contents: Value = serde_json::from_slice(&base64(&inner["enc"])).unwrap();
        assert_eq!((&contents["meta"]["ttl"], &contents["data"]["attributes"]["key"]), (&json!(3_600), &json!(key)));
        let codes: Vec<&Value> = contents["included"].as_array().unwrap().iter().map(|own| &own["attributes"]["code"]).collect();
        assert_eq!(codes, ["EXPORT", "export", "layers"], "as they were there, and those of the plan");
        let longest = file("?ttl=null").await.expect(200).json()["data"]["attributes"]["ttl"].as_i64().unwrap();
        assert!((3_600..400 * 86_400).contains(&longest), "a file lasts no longer than a lease: {longest}");
        assert_eq!(file("?ttl=60").await.expect(400).json()["errors"][0]["code"], "CHECKOUT_TTL_INVALID");
        let bare = ask(Method::GET, &format!("licenses/{license}/actions/check-out?encrypt=1"), None).await.expect(200);
        assert!(bare.bytes.starts_with(b"-----BEGIN LICENSE FILE-----\n"));

        let id = world.read("/v1/licenses?q=ada").await.json()["items"][0]["id"].as_str().unwrap().to_owned();
        world.change(&id, "suspend").await;
        assert_eq!(code(&validate(json!({ "fingerprint": "new" })).await), "SUSPENDED");
        assert_eq!(code(&validate(json!({ "product": "other" })).await), "SUSPENDED", "it comes first");
        assert_eq!(machine("new").await.expect(403).json()["errors"][0]["code"], "LICENSE_SUSPENDED");
        file("").await.expect(403);
        ask(Method::GET, "me", None).await.expect(200);
        ask(Method::DELETE, "machines/new", None).await.expect(204);

        let path = format!("{}/v1/licenses/actions/validate-key", place.base);
        let unknown = world.ask(&path, &json!({ "meta": { "key": "NOTHING-LIKE-IT" } })).await.expect(200).json();
        assert_eq!((&unknown["meta"]["code"], &unknown["data"]), (&json!("NOT_FOUND"), &json!(null)));
        world.ask(&path, &json!({ "meta": {} })).await.expect(400);
        let nobody = world.ask(&format!("{}/v1/machines", place.base), &json!({})).await.expect(401).json();
        assert_eq!(nobody["errors"][0]["code"], "LICENSE_INVALID");
    }

    async fn nothing_but_the_database_says_no(db: TestDb) {
        let world = World::new(&db).await;
        let place = world.gateway(1, "lemon_squeezy", json!({})).await;
        let (_, key) = world.issue(&place).await;
        let path = format!("{}/v1/licenses/validate", place.base);
        let validate = async || world.form(&path, &[("license_key", &key)]).await;
        validate().await.expect(200);

        // Off again: a plain "not found" would be believed.
        let gateway = format!("/v1/products/{}/gateways/lemon_squeezy", place.product);
        world.call(Method::PUT, &gateway, json!({ "on": false })).await.expect(200);
        let off = soon(validate, |answer| answer.status != 200).await.expect(503);
        assert!(off.json()["error"].is_string() && off.json().get("valid").is_none(), "it says nothing of the license");
        assert!(!off.header("retry-after").is_empty());
        world.call(Method::PUT, &gateway, json!({ "on": true })).await.expect(200);
        soon(validate, |answer| answer.status == 200).await.expect(200);

        // Too many guesses.
        let activate = format!("{}/v1/licenses/activate", place.base);
        let taken = world.form(&activate, &[("license_key", &key), ("instance_name", "PC")]).await.expect(200).json();
        let taken = taken["instance"]["id"].as_str().unwrap();
        let guess = || world.form(&path, &[("license_key", "38b1460a-5104-4067-a91d-77b872934d51")]);
        for _ in 0..10 {
            guess().await.expect(404);
        }
        let limited = guess().await.expect(429);
        assert!(limited.json()["error"].is_string() && !limited.header("retry-after").is_empty());
        assert_eq!(limited.json().get("valid"), None);
        // Who has a seat goes on, whoever guessed behind the same address; whoever asks for more is told nothing.
        let holder = [("license_key", key.as_str()), ("instance_id", taken)];
        assert_eq!(world.form(&path, &holder).await.expect(200).json()["valid"], true);
        validate().await.expect(429);
        world.form(&path, &[("license_key", &key), ("instance_id", "another")]).await.expect(429);
        let keygen = world.switched_on(&place.product, "keygen", json!({ "product": "mine" })).await;
        let ask = async |method: Method, below: &str, body: Value| {
            let request = World::request(method, &format!("{keygen}/v1/{below}")).header(header::AUTHORIZATION, format!("License {key}"));
            world.send(request.body(Body::from(body.to_string())).unwrap()).await
        };
        for below in ["me", "machines", "licenses/x/entitlements", "machines/other"] {
            ask(Method::GET, below, json!({})).await.expect(429);
        }
        let other = json!({ "meta": { "key": key, "scope": { "product": "other" } } });
        let limited = ask(Method::POST, "licenses/actions/validate-key", other).await.expect(429);
        assert_eq!(limited.json()["errors"][0]["title"], "Too many requests");
        assert!(!limited.header("keygen-signature").is_empty(), "its clients verify whatever they are answered");
    }

    async fn what_cannot_be_read_says_nothing_of_a_license(db: TestDb) {
        let world = World::new(&db).await;
        let place = world.gateway(1, "lemon_squeezy", json!({})).await;
        let keygen = world.switched_on(&place.product, "keygen", json!({})).await;
        let keylight = world.switched_on(&place.product, "keylight", json!({ "account": "a", "product": "d" })).await;
        let (_, key) = world.issue(&place).await;
        let large = json!({ "license_key": key, "instance_id": "x".repeat(20_000), "meta": { "key": key } }).to_string();
        for path in [
            format!("{}/v1/licenses/validate", place.base),
            format!("{keylight}/a/d/validate"),
            format!("{keygen}/v1/licenses/actions/validate-key"),
        ] {
            for (body, status) in [(large.as_str(), 413), ("{\"license_key", 400), ("[]", 400)] {
                let request = World::request(Method::POST, &path).header(header::CONTENT_TYPE, "application/json");
                let refused = world.send(request.body(Body::from(body.to_owned())).unwrap()).await.expect(status).json();
                assert!(refused.get("error").or(refused.get("errors")).is_some(), "{path}: {refused}");
                assert_eq!((refused.get("valid"), refused.get("data")), (None, None), "{path}: {refused}");
            }
        }
    }

    async fn a_key_of_another_product_is_none_here(db: TestDb) {
        let world = World::new(&db).await;
        let place = world.gateway(1, "lemon_squeezy", json!({})).await;
        let keygen = world.switched_on(&place.product, "keygen", json!({})).await;
        let keylight = world.switched_on(&place.product, "keylight", json!({ "account": "a", "product": "d" })).await;
        let other = world.product("Paint").await;
        let plan = world.plan(&other, json!({ "seats": 1 })).await;
        let key = world.post("/v1/licenses", json!({ "plan": plan })).await.expect(201).text("key");
        let lemon = format!("{}/v1/licenses/validate", place.base);
        assert_eq!(world.form(&lemon, &[("license_key", &key)]).await.expect(404).json()["error"], "license_key not found.");
        let asked = json!({ "license_key": key, "instance_id": "x", "meta": { "key": key } });
        assert_eq!(world.ask(&format!("{keylight}/a/d/validate"), &asked).await.expect(404).json()["error"], "license not found");
        let answer = world.ask(&format!("{keygen}/v1/licenses/actions/validate-key"), &asked).await.expect(200).json();
        assert_eq!(answer["meta"]["code"], "NOT_FOUND");
    }

    async fn licenses_for_people_and_full_ones_leave_keylights_leases_alone(db: TestDb) {
        let world = World::new(&db).await;
        let product = world.product("Draw").await;
        let base = world.switched_on(&product, "keylight", json!({ "account": "a", "product": "d" })).await;
        let (activate, validate) = (format!("{base}/a/d/activate"), format!("{base}/a/d/validate"));
        let issue = async |name: &str, terms: Value| {
            let plan = world.post("/v1/plans", json!({ "product": product, "name": name, "terms": terms })).await;
            world.post("/v1/licenses", json!({ "plan": plan.expect(201).text("id") })).await.expect(201).text("key")
        };
        let key = issue("Pro", json!({ "seats": 1 })).await;
        // An application that knows no hash of its machine goes by the id that it has given itself.
        let one = json!({ "license_key": key, "free_tier_instance_id": "own-id" });
        let first = world.ask(&activate, &one).await.expect(200).text("instance_id");
        assert_eq!(world.ask(&activate, &one).await.expect(200).text("instance_id"), first);
        let full = world.ask(&activate, &json!({ "license_key": key, "machine_hash": "ab" })).await.expect(402).json();
        assert_eq!((&full["activated"], &full["error"]), (&json!(false), &json!("activation limit reached")));
        // Its clients forget their lease on 422 alone.
        let returning = json!({ "license_key": key, "instance_id": "f70a79fa-6054-433e-9c1b-6075344292e4" });
        assert_eq!(world.ask(&validate, &returning).await.expect(402).json()["valid"], false);
        let named = issue("Team", json!({ "seats": 1, "seat_model": "named_user", "devices_per_user": 1 })).await;
        world.ask(&activate, &json!({ "license_key": named, "machine_hash": "ab" })).await.expect(403);
    }

    async fn more_denials_than_usual_are_stopped_here_too(db: TestDb) {
        let world = World::new(&db).await;
        let place = world.gateway(1, "lemon_squeezy", json!({})).await;
        let mut keys = Vec::new();
        for _ in 0..25 {
            let (license, key) = world.issue(&place).await;
            world.change(&license, "revoke").await;
            keys.push(key);
        }
        let path = format!("{}/v1/licenses/validate", place.base);
        let mut told = Vec::new();
        for key in &keys {
            told.push(world.form(&path, &[("license_key", key)]).await.status.as_u16());
        }
        assert!(told.iter().take(20).all(|status| *status == 400), "{told:?}");
        assert_eq!(told.last(), Some(&503), "{told:?}");
    }

    async fn devices_that_have_not_arrived_yet_count_as_what_is_lost(db: TestDb) {
        let world = World::new(&db).await;
        let place = world.gateway(1, "lemon_squeezy", json!({})).await;
        let keylight = world.switched_on(&place.product, "keylight", json!({ "account": "a", "product": "d" })).await;
        let keygen = world.switched_on(&place.product, "keygen", json!({ "product": "mistyped" })).await;
        let mut told = Vec::new();
        // As after an import in which something was wrong with all of them.
        for n in 0..12 {
            let (license, key) = world.issue(&place).await;
            world.change(&license, "revoke").await;
            let fields = [("license_key", key.as_str()), ("instance_id", &format!("before-{n}"))];
            let answer = world.form(&format!("{}/v1/licenses/validate", place.base), &fields).await;
            told.push(answer.status.as_u16());
            let (_, key) = world.issue(&place).await;
            let scope = json!({ "meta": { "key": key, "scope": { "product": "right" } } });
            let answer = world.ask(&format!("{keygen}/v1/licenses/actions/validate-key"), &scope).await;
            told.push(answer.status.as_u16());
        }
        assert!(told[..20].iter().all(|status| matches!(status, 400 | 200)), "{told:?}");
        assert_eq!(told[20..], [503; 4], "{told:?}");
        let (license, key) = world.issue(&place).await;
        world.change(&license, "suspend").await;
        let validate = json!({ "license_key": key, "instance_id": "before" });
        world.ask(&format!("{keylight}/a/d/validate"), &validate).await.expect(503);
        let me = World::request(Method::GET, &format!("{keygen}/v1/me")).header(header::AUTHORIZATION, format!("License {key}"));
        world.send(me.body(Body::empty()).unwrap()).await.expect(503);
    }

    async fn ids_that_fit_nobody_turn_nobody_away_but_missing_entitlements_do(db: TestDb) {
        let world = World::new(&db).await;
        let product = world.product("Draw").await;
        let plan = world.post("/v1/plans", json!({ "product": product, "name": "Pro", "terms": { "seats": 1 } })).await.expect(201).json();
        let plans = json!({ plan["code"].as_str().unwrap(): "mistyped" });
        let base = world.switched_on(&product, "keygen", json!({ "plans": plans })).await;
        let path = format!("{base}/v1/licenses/actions/validate-key");
        let validate = async |key: &str, scope: Value| world.ask(&path, &json!({ "meta": { "key": key, "scope": scope } })).await;
        let mut told = Vec::new();
        for n in 0..24 {
            // Their addresses came with an import, each in the row of another.
            let customer = json!({ "email": format!("{n}@example.com"), "name": "A" });
            let issued = json!({ "plan": plan["id"], "customer": customer });
            let key = world.post("/v1/licenses", issued).await.expect(201).text("key");
            let lacking = validate(&key, json!({ "entitlements": ["PRO"] })).await.expect(200).json();
            assert_eq!(lacking["meta"]["code"], "ENTITLEMENTS_MISSING", "who did not buy it hears so, however many they are");
            let (scope, code) = match n % 2 {
                0 => (json!({ "policy": "right" }), "POLICY_SCOPE_MISMATCH"),
                _ => (json!({ "user": "other@example.com" }), "USER_SCOPE_MISMATCH"),
            };
            let answer = validate(&key, scope).await;
            told.push(answer.status.as_u16());
            if n < 20 {
                assert_eq!(answer.json()["meta"]["code"], code, "{n}");
            }
        }
        assert_eq!(told[..20], [200; 20], "{told:?}");
        assert_eq!(told[20..], [503; 4], "{told:?}");
    }

    async fn whoever_has_the_key_alone_frees_no_more_seats_than_the_plan_allows(db: TestDb) {
        let world = World::new(&db).await;
        let product = world.product("Draw").await;
        let plan = world.plan(&product, json!({ "seats": 3, "release_budget": 1 })).await;
        let base = world.switched_on(&product, "keygen", json!({})).await;
        let key = world.post("/v1/licenses", json!({ "plan": plan })).await.expect(201).text("key");
        let ask = async |method: Method, path: &str, body: Value| {
            let request = World::request(method, &format!("{base}/v1/{path}")).header(header::AUTHORIZATION, format!("License {key}"));
            world.send(request.body(Body::from(body.to_string())).unwrap()).await
        };
        let mut ids = Vec::new();
        for fingerprint in ["one", "two", "three"] {
            let machine = json!({ "data": { "type": "machines", "attributes": { "fingerprint": fingerprint } } });
            let made = ask(Method::POST, "machines", machine).await.expect(201).json();
            ids.push(made["data"]["id"].as_str().unwrap().to_owned());
        }
        ask(Method::DELETE, &format!("machines/{}", ids[0]), json!({})).await.expect(204);
        let spent = ask(Method::DELETE, &format!("machines/{}", ids[1]), json!({})).await.expect(409).json();
        assert!(spent["errors"][0]["detail"].is_string(), "{spent}");
        // Who knows what a device is identified by is that device.
        ask(Method::DELETE, "machines/two", json!({})).await.expect(204);
        ask(Method::DELETE, "machines/three", json!({})).await.expect(204);
    }

    async fn gateways_are_reached_from_pages_and_only_where_they_are(db: TestDb) {
        let world = World::new(&db).await;
        let place = world.gateway(1, "lemon_squeezy", json!({})).await;
        let path = format!("{}/v1/licenses/validate", place.base);
        let request = World::request(Method::OPTIONS, &path).body(Body::empty()).unwrap();
        let may = world.send(request).await.expect(204);
        assert_eq!(may.header("access-control-allow-origin"), "*");
        assert!(may.header("access-control-allow-headers").contains("authorization"));
        let none = world.form(&path, &[("license_key", "NOTHING-LIKE-IT")]).await.expect(404);
        assert_eq!(none.header("access-control-allow-origin"), "*");
        world.get(&path).await.refused(405, "method_not_allowed");
        world.get(&format!("/gateways/{}/other/v1", place.product)).await.refused(404, "not_found");
        world.get("/gateways").await.refused(404, "not_found");
        // Switched on for one system, a product answers no other: those who ask too early are to come back.
        let other = format!("/gateways/{}/keygen/v1/licenses/actions/validate-key", place.product);
        let early = world.ask(&other, &json!({ "meta": { "key": "NOTHING-LIKE-IT" } })).await.expect(503);
        assert_eq!((early.header("retry-after"), early.json().get("meta").is_some_and(|meta| meta.get("valid").is_some())), ("3600", false));
        let nobodys = world.form("/gateways/prd_01h2xcejqtf2nbrexx3vqjhp41/lemonsqueezy/v1/licenses/validate", &[("license_key", "X")]).await;
        assert_eq!(nobodys.expect(404).json().get("valid"), None, "an address that leads nowhere says nothing of a license");
        let stranger = world.foreign_token(&db).await;
        let gateways = format!("/v1/products/{}/gateways", place.product);
        world.call_as(&stranger, Method::GET, &gateways, None).await.refused(404, "not_found");
        world.call(Method::PUT, &format!("{gateways}/gumroad"), json!({ "on": true })).await.refused(404, "not_found");
    }
}
