//! The runtime calls over both databases, as an application meets them.

use super::world::{World, claims, device, soon};
use axum::body::Body;
use holdfast_testkit::both;
use http::Method;
use serde_json::json;

both! {
    async fn an_application_activates_renews_and_releases(db: TestDb) {
        let world = World::new(&db).await;
        let (product, license, key) = world.licensed(2).await;
        let first = world.activate(&product, &key, 1).await.expect(201);
        let (lease, seat) = (first.text("lease"), first.text("seat"));
        assert!(first.text("keys").split('.').count() == 3, "a client without a manifest gets one");
        let says = claims(&lease);
        assert_eq!((&says["sub"], &says["aud"], &says["seat"]), (&json!(license), &json!(product), &json!(seat)));
        assert_eq!(says["dev"], device(1));

        let again = world.activate(&product, &key, 1).await.expect(200);
        assert_eq!(again.text("seat"), seat, "the same device gets its own seat");
        assert!(claims(&again.text("lease"))["seq"].as_i64() > says["seq"].as_i64());

        let renewed = world.renew(&product, &again.text("lease")).await.expect(200).text("lease");
        assert!(claims(&renewed)["seq"].as_i64() > claims(&again.text("lease"))["seq"].as_i64());

        world.activate(&product, &key, 2).await.expect(201);
        let full = world.activate(&product, &key, 3).await.refused(409, "seat_limit_reached");
        let seats = full.json()["seats"].as_array().unwrap().clone();
        assert_eq!(seats.len(), 2);
        assert!(seats.iter().all(|seat| seat["name"].as_str().unwrap().starts_with("PC ")
            && seat["last_seen"].as_str().unwrap().ends_with('Z')), "{seats:?}");

        let path = format!("/v1/products/{product}/release");
        let body = json!({ "lease": renewed, "nonce": "nonce-0123456789" });
        assert!(world.ask(&path, &body).await.expect(204).bytes.is_empty());
        world.ask(&path, &body).await.expect(204);
        let renewing = || world.renew(&product, &renewed);
        let denied = soon(renewing, |answer| answer.status != 200).await.refused(403, "seat_released");
        let denial = claims(&denied.text("denial"));
        assert_eq!((&denial["code"], &denial["nonce"]), (&json!("released"), &json!("nonce-0123456789")));
        world.activate(&product, &key, 3).await.expect(201);
    }

    async fn one_answer_for_unknown_malformed_and_foreign_keys(db: TestDb) {
        let world = World::new(&db).await;
        let (product, _, key) = world.licensed(1).await;
        let other = world.product("Other").await;
        let mut answers = Vec::new();
        for (product, key) in [
            (&product, "XXXXX-XXXXX-XXXXX-XXXXX-XXXXX"),
            (&product, "!"),
            (&product, ""),
            (&other, key.as_str()),
        ] {
            let mut body = world.activate(product, key, 1).await.refused(404, "license_not_found").json();
            body.as_object_mut().unwrap().remove("request_id");
            answers.push(body.to_string());
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
        let unknown = product.replace("prd_0", "prd_1");
        for product in [unknown.as_str(), "prd_nonsense", "x"] {
            world.activate(product, &key, 1).await.refused(404, "product_not_found");
            world.renew(product, "a.b.c").await.refused(404, "product_not_found");
            world.get(&format!("/v1/products/{product}/revocations")).await.refused(404, "product_not_found");
        }
    }

    async fn a_foreign_lease_is_no_denial(db: TestDb) {
        let world = World::new(&db).await;
        let (product, _, key) = world.licensed(1).await;
        let lease = world.activate(&product, &key, 1).await.expect(201).text("lease");
        let other = world.product("Other").await;
        for (product, lease) in [(&other, lease.as_str()), (&product, "a.b.c"), (&product, ""), (&product, &lease[1..])] {
            let answer = world.renew(product, lease).await.refused(400, "lease_unverifiable");
            assert!(answer.json().get("denial").is_none());
        }
    }

    async fn validate_says_what_holds_without_claiming(db: TestDb) {
        let world = World::new(&db).await;
        let (product, license, key) = world.licensed(1).await;
        let path = format!("/v1/products/{product}/validate");
        let ask = |key: &str| json!({ "key": key, "device_hash": device(1), "nonce": "nonce-0123456789" });
        let free = world.ask(&path, &ask(&key)).await.expect(200).json();
        assert_eq!(free["license"]["id"], license);
        assert_eq!(free["license"]["status"], "active");
        assert_eq!(free["codes"], json!(["not_activated"]));
        world.activate(&product, &key, 1).await.expect(201);
        let valid = world.ask(&path, &ask(&key)).await.expect(200).json();
        assert_eq!((&valid["valid"], &valid["codes"]), (&json!(true), &json!([])));
        let unknown = world.ask(&path, &ask("XXXXX-XXXXX-XXXXX-XXXXX-XXXXX")).await.expect(200).json();
        assert_eq!(unknown, json!({ "valid": false, "codes": ["license_not_found"] }));
        world.post(&format!("/v1/licenses/{license}/revoke"), json!({ "reason": "chargeback" })).await.expect(200);
        let asked = ask(&key);
        let revoked = soon(|| world.ask(&path, &asked), |answer| answer.json()["codes"] != json!([])).await.json();
        assert_eq!(revoked["valid"], false);
        assert!(revoked["codes"].as_array().unwrap().contains(&json!("revoked")), "{revoked}");
        assert_eq!(claims(revoked["denial"].as_str().unwrap())["code"], "revoked");
    }

    async fn past_its_end_a_license_unlocks_what_its_plan_leaves(db: TestDb) {
        let world = World::new(&db).await;
        let product = world.product("Draw").await;
        let terms = json!({ "model": "subscription", "duration_seconds": 3_600,
            "entitlements": { "all": true }, "fallback": { "open": true } });
        let plan = world.plan(&product, terms).await;
        let ends = holdfast::api::time::format(world.service.now().plus(holdfast_domain::Seconds(2)));
        let issued = world.post("/v1/licenses", json!({ "plan": plan, "expires_at": ends })).await.expect(201);
        let path = format!("/v1/products/{product}/validate");
        let ask = json!({ "key": issued.text("key"), "nonce": "nonce-0123456789" });
        let before = world.ask(&path, &ask).await.expect(200).json();
        assert_eq!(before["license"]["entitlements"], json!({ "all": true }));
        tokio::time::sleep(std::time::Duration::from_millis(2_200)).await;
        let after = world.ask(&path, &ask).await.expect(200).json();
        assert_eq!((&after["valid"], &after["license"]["status"]), (&json!(true), &json!("expired")));
        assert_eq!(after["license"]["entitlements"], json!({ "open": true }), "the same as its next lease says");
        let lease = world.activate(&product, &issued.text("key"), 1).await.expect(201).text("lease");
        assert_eq!((&claims(&lease)["mode"], &claims(&lease)["ent"]), (&json!("limited"), &json!({ "open": true })));
    }

    async fn another_device_can_be_freed_with_the_key(db: TestDb) {
        let world = World::new(&db).await;
        let (product, _, key) = world.licensed(1).await;
        let seat = world.activate(&product, &key, 1).await.expect(201).text("seat");
        world.activate(&product, &key, 2).await.refused(409, "seat_limit_reached");
        let path = format!("/v1/products/{product}/seats/{seat}/release");
        let wrong = json!({ "key": "XXXXX-XXXXX-XXXXX-XXXXX-XXXXX", "nonce": "nonce-0123456789" });
        world.ask(&path, &wrong).await.refused(404, "license_not_found");
        world.ask(&path, &json!({ "key": key, "nonce": "nonce-0123456789" })).await.expect(204);
        world.activate(&product, &key, 2).await.expect(201);
    }

    async fn a_device_has_one_trial(db: TestDb) {
        let world = World::new(&db).await;
        let product = world.product("Draw").await;
        let path = format!("/v1/products/{product}/trials");
        let body = json!({ "device": { "hash": device(1) }, "nonce": "nonce-0123456789" });
        world.ask(&path, &body).await.refused(404, "no_trial");
        world.plan(&product, json!({ "model": "trial", "duration_seconds": 1_209_600 })).await;
        let first = world.ask(&path, &body).await.expect(201);
        assert_eq!(claims(&first.text("lease"))["mode"], "trial");
        let again = world.ask(&path, &body).await.expect(200);
        assert_eq!(again.text("seat"), first.text("seat"));
    }

    async fn signed_documents_can_be_carried_by_any_cache(db: TestDb) {
        let world = World::new(&db).await;
        let (product, ..) = world.licensed(1).await;
        for (path, member) in [
            (format!("/v1/vendors/{}/keys", world.vendor), "keys"),
            (format!("/v1/products/{product}/revocations"), "revocations"),
        ] {
            let answer = world.get(&path).await.expect(200);
            assert_eq!(answer.header("cache-control"), "public, max-age=300, stale-if-error=604800");
            let etag = answer.header("etag").to_owned();
            assert!(etag.starts_with('"') && etag.ends_with('"'), "{etag}");
            let token = answer.text(member);
            assert_eq!(world.get(&path).await.header("etag"), etag, "the same document has the same tag");
            let conditional = |etag: &str, accept: &'static str| {
                World::request(Method::GET, &path)
                    .header("if-none-match", etag)
                    .header("accept", accept)
                    .body(Body::empty())
                    .unwrap()
            };
            let unchanged = world.send(conditional(&etag, "*/*")).await.expect(304);
            assert!(unchanged.bytes.is_empty() && unchanged.header("etag") == etag);
            world.send(conditional("\"other\"", "*/*")).await.expect(200);
            let bare = world.send(conditional(&etag, "application/jwt")).await.expect(200);
            assert_eq!(String::from_utf8(bare.bytes.clone()).unwrap(), token);
            assert_ne!(bare.header("etag"), etag, "another representation has another tag");
        }
        world.get(&format!("/v1/vendors/{}/keys", "vnd_nonsense")).await.refused(404, "not_found");
    }

    async fn seats_are_never_oversold_over_http(db: TestDb) {
        let world = std::sync::Arc::new(World::new(&db).await);
        let (product, license, key) = world.licensed(5).await;
        let tasks: Vec<_> = (0..60)
            .map(|n| {
                let (world, product, key) = (world.clone(), product.clone(), key.clone());
                tokio::spawn(async move { world.activate(&product, &key, n).await.status.as_u16() })
            })
            .collect();
        let mut statuses = Vec::new();
        for task in tasks {
            statuses.push(task.await.unwrap());
        }
        assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 5, "{statuses:?}");
        assert_eq!(statuses.iter().filter(|status| **status == 409).count(), 55, "{statuses:?}");
        let detail = world.read(&format!("/v1/licenses/{license}")).await.expect(200).json();
        assert_eq!(detail["seats_taken"], 5);
        assert_eq!(detail["seats"].as_array().unwrap().len(), 5);
    }
}
