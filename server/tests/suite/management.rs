//! The management API over both databases.

use super::world::{World, claims, soon};
use axum::body::Body;
use holdfast_domain::Permission;
use holdfast_service::{RequestInfo, admin::inputs::AcceptInvitation};
use holdfast_testkit::both;
use http::{Method, header};
use serde_json::{Value, json};

fn with_key(world: &World, path: &str, key: &str, body: &Value) -> http::Request<Body> {
    World::request(Method::POST, path)
        .header(header::AUTHORIZATION, format!("Bearer {}", world.token))
        .header(header::CONTENT_TYPE, "application/json")
        .header("idempotency-key", key)
        .body(Body::from(body.to_string()))
        .unwrap()
}

both! {
    async fn what_is_sold_is_made_listed_and_changed(db: TestDb) {
        let world = World::new(&db).await;
        let product = world.product("Acme Draw 3").await;
        let shown = world.read(&format!("/v1/products/{product}")).await.expect(200).json();
        assert_eq!((&shown["code"], &shown["archived"]), (&json!("acme-draw-3"), &json!(false)));
        assert!(shown["created_at"].as_str().unwrap().ends_with('Z'));
        world.post("/v1/products", json!({ "name": "Acme Draw 3" })).await.refused(409, "code_taken");

        let beside = json!({ "product": product, "name": "Team", "model": "subscription",
            "duration_seconds": 31_536_000, "seats": 5, "entitlements": { "export": true, "pages": 10 } });
        let plan = world.post("/v1/plans", beside).await.expect(201).json();
        assert_eq!((&plan["terms"]["seats"], &plan["terms"]["model"]), (&json!(5), &json!("subscription")));
        assert_eq!(plan["terms"]["entitlements"], json!({ "export": true, "pages": 10 }));
        let path = format!("/v1/plans/{}", plan["id"].as_str().unwrap());
        let issued = world.post("/v1/licenses", json!({ "plan": plan["id"] })).await.expect(201).json();
        let changed = world.call(Method::PATCH, &path, json!({ "terms": { "seats": 6, "overdraft": 2 } })).await.expect(200).json();
        assert_eq!((&changed["terms"]["seats"], &changed["terms"]["duration_seconds"]), (&json!(6), &json!(31_536_000)));
        let license = format!("/v1/licenses/{}", issued["id"].as_str().unwrap());
        assert_eq!(world.read(&license).await.json()["terms"]["seats"], 5, "issued licenses keep their copy");
        let dry = world.post(&format!("{path}/apply-terms?dry_run=true"), json!({})).await.expect(200).json();
        assert_eq!((&dry["licenses"], &dry["applied"]), (&json!(1), &json!(false)));
        assert_eq!(world.read(&license).await.json()["terms"]["overdraft"], 0);
        world.post(&format!("{path}/apply-terms"), json!({})).await.expect(200);
        let terms = world.read(&license).await.json()["terms"].clone();
        assert_eq!((&terms["overdraft"], &terms["seats"]), (&json!(2), &json!(5)), "the number of seats was bought");

        world.call(Method::PATCH, &format!("/v1/products/{product}"), json!({ "archived": true })).await.expect(200);
        assert_eq!(world.read("/v1/products?archived=false").await.expect(200).json()["total"], 0);
        assert_eq!(world.read("/v1/products?archived=true").await.expect(200).json()["total"], 1);
    }

    async fn lists_go_page_by_page(db: TestDb) {
        let world = World::new(&db).await;
        for n in 0..7 {
            let body = json!({ "name": format!("Customer {n}"), "email": format!("c{n}@example.com") });
            world.post("/v1/customers", body).await.expect(201);
        }
        let mut seen = Vec::new();
        let mut after = String::new();
        loop {
            let page = world.read(&format!("/v1/customers?limit=3&sort=name{after}")).await.expect(200).json();
            assert_eq!(page["total"], 7);
            let items = page["items"].as_array().unwrap();
            assert!(items.len() <= 3);
            seen.extend(items.iter().map(|item| item["name"].as_str().unwrap().to_owned()));
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => break,
            }
        }
        let expected: Vec<String> = (0..7).map(|n| format!("Customer {n}")).collect();
        assert_eq!(seen, expected);
        let newest = world.read("/v1/customers?limit=1").await.json();
        assert_eq!(newest["items"][0]["name"], "Customer 6");
        assert_eq!(world.read("/v1/customers?q=customer%203").await.json()["total"], 1);
        for (query, pointer) in [
            ("limit=0", "/limit"), ("limit=x", "/limit"), ("after=zzz", "/after"), ("sort=secret", "/sort"),
        ] {
            let refused = world.read(&format!("/v1/customers?{query}")).await.refused(400, "invalid_request");
            assert_eq!(refused.json()["pointer"], pointer, "{query}: {}", refused.json());
        }
    }

    async fn a_license_is_suspended_revoked_and_given_back_with_a_reason(db: TestDb) {
        let world = World::new(&db).await;
        let (product, license, key) = world.licensed(3).await;
        let lease = world.activate(&product, &key, 1).await.expect(201).text("lease");
        let path = format!("/v1/licenses/{license}");
        let reason = json!({ "reason": "chargeback" });
        let dry = world.post(&format!("{path}/revoke?dry_run=true"), reason.clone()).await.expect(200).json();
        assert_eq!((&dry["applied"], &dry["impact"]["devices"]), (&json!(false), &json!(1)), "{dry}");
        assert_eq!(dry["impact"]["seats"][0]["name"], "PC 1");
        assert_eq!(world.read(&path).await.json()["status"], "active");

        let refused = world.post(&format!("{path}/revoke"), json!({})).await.refused(400, "invalid_request");
        assert_eq!(refused.json()["pointer"], "/reason");
        world.post(&format!("{path}/resume"), reason.clone()).await.refused(409, "status_conflict");
        for (act, status, code) in [
            ("suspend", "suspended", Some("license_suspended")),
            ("resume", "active", None),
            ("revoke", "revoked", Some("license_revoked")),
            ("reinstate", "active", None),
        ] {
            let done = world.post(&format!("{path}/{act}"), reason.clone()).await.expect(200).json();
            assert_eq!((&done["applied"], &done["license"]["status"]), (&json!(true), &json!(status)), "{act}");
            let expected = if code.is_some() { 403 } else { 200 };
            let answer = soon(|| world.renew(&product, &lease), |answer| answer.status == expected).await;
            match code {
                None => {
                    answer.expect(200);
                }
                Some(code) => {
                    let denial = claims(&answer.refused(403, code).text("denial"));
                    assert_eq!(format!("license_{}", denial["code"].as_str().unwrap()), code);
                    world.activate(&product, &key, 9).await.refused(403, code);
                }
            }
        }
        let timeline = world.read(&path).await.json()["timeline"].as_array().unwrap().len();
        assert!(timeline >= 5, "{timeline}");
    }

    async fn a_license_is_extended_rekeyed_and_transferred(db: TestDb) {
        let world = World::new(&db).await;
        let product = world.product("Draw").await;
        let plan = world.plan(&product, json!({ "model": "subscription", "duration_seconds": 864_000 })).await;
        let issued = world.post("/v1/licenses", json!({ "plan": plan })).await.expect(201);
        let (license, key) = (issued.text("id"), issued.text("key"));
        let path = format!("/v1/licenses/{license}");
        let end = json!({ "expires_at": "2099-01-01T00:00:00Z", "reason": "renewed" });
        world.post(&format!("{path}/extend?dry_run=true"), end.clone()).await.expect(200);
        assert_ne!(world.read(&path).await.json()["expires_at"], "2099-01-01T00:00:00Z");
        let extended = world.post(&format!("{path}/extend"), end).await.expect(200).json();
        assert_eq!(extended["license"]["expires_at"], "2099-01-01T00:00:00Z");

        let lease = world.activate(&product, &key, 1).await.expect(201).text("lease");
        let reason = json!({ "reason": "posted in a forum" });
        world.post(&format!("{path}/rekey?dry_run=true"), reason.clone()).await.expect(200);
        world.activate(&product, &key, 1).await.expect(200);
        let new_key = world.post(&format!("{path}/rekey"), reason).await.expect(200).text("key");
        assert_ne!(new_key, key);
        let old = soon(|| world.activate(&product, &key, 2), |answer| answer.status == 404).await;
        old.refused(404, "license_not_found");
        world.activate(&product, &new_key, 1).await.expect(200);
        world.renew(&product, &lease).await.expect(200);
        assert_eq!(world.post(&format!("{path}/reveal-key"), json!({})).await.expect(200).text("key"), new_key);

        let to = json!({ "customer": { "email": "new@example.com" }, "reason": "sold on" });
        let moved = world.post(&format!("{path}/transfer"), to).await.expect(200).json();
        assert_eq!(moved["customer_email"], "new@example.com");
    }

    async fn a_refund_revokes_the_licenses_of_its_order(db: TestDb) {
        let world = World::new(&db).await;
        let product = world.product("Draw").await;
        let plan = world.plan(&product, json!({ "seats": 1 })).await;
        let order = world.post("/v1/orders", json!({ "reference": "A-1001" })).await.expect(201).text("id");
        let license = world.post("/v1/licenses", json!({ "plan": plan, "order": order })).await.expect(201).text("id");
        let kept = world.post("/v1/licenses", json!({ "plan": plan })).await.expect(201).text("id");
        let path = format!("/v1/orders/{order}/refund");
        let reason = json!({ "reason": "refund" });
        world.post(&format!("{path}?dry_run=true"), reason.clone()).await.expect(200);
        assert_eq!(world.read(&format!("/v1/licenses/{license}")).await.json()["status"], "active");
        let done = world.post(&path, reason).await.expect(200).json();
        assert!(done["order"]["refunded_at"].is_string());
        assert_eq!(world.read(&format!("/v1/licenses/{license}")).await.json()["status"], "revoked");
        assert_eq!(world.read(&format!("/v1/licenses/{kept}")).await.json()["status"], "active");
    }

    async fn a_repeated_request_gets_the_first_answer(db: TestDb) {
        let world = World::new(&db).await;
        let product = world.product("Draw").await;
        let plan = world.plan(&product, json!({ "seats": 1 })).await;
        let body = json!({ "plan": plan });
        let first = world.send(with_key(&world, "/v1/licenses", "order-17", &body)).await.expect(201).json();
        let again = world.send(with_key(&world, "/v1/licenses", "order-17", &body)).await.expect(201).json();
        assert_eq!(first, again, "the key too");
        assert_eq!(world.read("/v1/licenses").await.json()["total"], 1);
        let other = json!({ "plan": plan, "seats": 2 });
        world.send(with_key(&world, "/v1/licenses", "order-17", &other)).await.refused(422, "idempotency_mismatch");
        world.send(with_key(&world, "/v1/products", "order-17", &json!({ "name": "X" }))).await
            .refused(422, "idempotency_mismatch");
        world.send(with_key(&world, "/v1/licenses", "order-18", &body)).await.expect(201);
        let rotate = json!({ "product": product });
        let kid = world.send(with_key(&world, "/v1/keys/rotate", "rotate-1", &rotate)).await.expect(200).text("kid");
        let again = world.send(with_key(&world, "/v1/keys/rotate", "rotate-1", &rotate)).await.expect(200).text("kid");
        assert_eq!(kid, again);
        let long = "k".repeat(300);
        world.send(with_key(&world, "/v1/licenses", &long, &body)).await.refused(400, "invalid_request");
    }

    async fn members_tokens_keys_and_events(db: TestDb) {
        let world = World::new(&db).await;
        let product = world.product("Draw").await;
        let link = world.post("/v1/members", json!({ "email": "bo@example.com", "role": "support" })).await.expect(201).text("link");
        let accepting = AcceptInvitation { name: "Bo".parse().unwrap(), password: "tidal omelette bracket nine".into() };
        let secret = link.strip_prefix("/invite/").unwrap();
        world.service.accept_invitation(secret, accepting, &RequestInfo::default()).await.unwrap();
        let id = world.read("/v1/members").await.json()["items"].as_array().unwrap().iter()
            .find(|member| member["email"] == "bo@example.com").unwrap()["id"].as_str().unwrap().to_owned();
        world.post(&format!("/v1/members/{id}/role"), json!({ "role": "viewer" })).await.expect(200);
        let owner = world.read("/v1/members").await.json()["items"].as_array().unwrap().iter()
            .find(|member| member["role"] == "owner").unwrap()["id"].as_str().unwrap().to_owned();
        world.call_as(&world.token, Method::DELETE, &format!("/v1/members/{owner}"), None).await
            .refused(409, "last_owner");
        world.call_as(&world.token, Method::DELETE, &format!("/v1/members/{id}"), None).await.expect(200);
        // Who was invited waits in a list without the link, and is taken back once.
        for email in ["cy@example.com", "di@example.com"] {
            world.post("/v1/members", json!({ "email": email, "role": "viewer" })).await.expect(201);
        }
        let first = world.read("/v1/invitations?limit=1").await.expect(200).json();
        let (newest, next) = (&first["items"][0], &first["next"]);
        assert_eq!((&first["total"], &newest["email"], &newest["role"], &newest["open"]), (&json!(2), &json!("di@example.com"), &json!("viewer"), &json!(true)));
        assert_eq!(newest.get("link"), None);
        let rest = world.read(&format!("/v1/invitations?after={}", next.as_str().unwrap())).await.expect(200).json();
        assert_eq!((rest["items"].as_array().unwrap().len(), &rest["next"]), (1, &Value::Null));
        let path = format!("/v1/invitations/{}", newest["id"].as_str().unwrap());
        let gone = world.call_as(&world.token, Method::DELETE, &path, None).await.expect(200).json();
        assert_eq!((&gone["id"], &gone["open"]), (&newest["id"], &json!(false)));
        world.call_as(&world.token, Method::DELETE, &path, None).await.refused(404, "not_found");
        assert_eq!(world.read("/v1/invitations").await.json()["items"], rest["items"]);
        // Whether another vendor knows an address makes no difference; a password of somebody else's is not taken.
        let stranger = world.foreign_token(&db).await;
        let invited = async |email: &str| {
            let body = json!({ "email": email, "role": "viewer" });
            let answer = world.call_as(&stranger, Method::POST, "/v1/members", Some(&body)).await.expect(201);
            let told = answer.json();
            assert_eq!(told["email"], email);
            told.as_object().unwrap().keys().cloned().collect::<Vec<_>>()
        };
        assert_eq!(invited("owner@example.com").await, invited("nobody@example.com").await);
        let own = json!({ "email": "owner@example.com", "role": "viewer" });
        world.post("/v1/members", own).await.refused(409, "email_taken");
        let with_password = json!({ "email": "x@example.com", "role": "viewer", "password": "tidal omelette bracket nine" });
        world.post("/v1/members", with_password).await.refused(400, "invalid_request");

        let token = world.post("/v1/tokens", json!({ "name": "ci", "scopes": ["licenses_read"] })).await.expect(201);
        let (secret, id) = (token.text("secret"), token.text("id"));
        world.call_as(&secret, Method::GET, "/v1/licenses", None).await.expect(200);
        world.call_as(&secret, Method::GET, "/v1/products", None).await.refused(403, "forbidden");
        world.post(&format!("/v1/tokens/{id}/revoke"), json!({})).await.expect(200);
        world.call_as(&secret, Method::GET, "/v1/licenses", None).await.refused(401, "unauthenticated");
        assert!(!String::from_utf8_lossy(&world.read("/v1/tokens").await.bytes).contains(&secret));

        let kid = world.post("/v1/keys/rotate", json!({ "product": product })).await.expect(200).text("kid");
        let keys = world.read("/v1/keys").await.expect(200).json();
        assert!(keys["items"].as_array().unwrap().iter().any(|key| key["kid"] == kid && key["status"] == "active"));
        let vendor = world.read("/v1/vendor").await.expect(200).json();
        assert_eq!(vendor["id"], world.vendor.to_string());

        let events = world.read("/v1/events?limit=200").await.expect(200).json();
        let numbers: Vec<i64> =
            events["items"].as_array().unwrap().iter().map(|event| event["number"].as_i64().unwrap()).collect();
        assert!(numbers.windows(2).all(|pair| pair[0] == pair[1] + 1), "{numbers:?}");
        let about = world.read(&format!("/v1/events?subject={product}&action=product.created")).await.json();
        assert_eq!(about["total"], 1, "{about}");
        assert!(about["items"][0]["request"].as_str().unwrap().starts_with("req_"));
    }

    async fn every_post_is_done_once_however_often_it_is_sent(db: TestDb) {
        let world = World::new(&db).await;
        let (product, license, _) = world.licensed(1).await;
        let plan = world.read("/v1/plans").await.json()["items"][0]["id"].as_str().unwrap().to_owned();
        let lease = json!({ "terms": { "lease_seconds": 7_200, "grace_seconds": 0, "renew_after_seconds": 60 } });
        world.call(Method::PATCH, &format!("/v1/plans/{plan}"), lease).await.expect(200);
        let send = |path: String, key: &'static str, body: serde_json::Value| {
            let request = World::request(Method::POST, &path)
                .header(header::AUTHORIZATION, format!("Bearer {}", world.token))
                .header(header::CONTENT_TYPE, "application/json")
                .header("idempotency-key", key)
                .body(Body::from(body.to_string()))
                .unwrap();
            world.send(request)
        };
        for (path, key, action) in [
            (format!("/v1/plans/{plan}/apply-terms"), "terms", "license.terms_applied"),
            (format!("/v1/licenses/{license}/reveal-key"), "reveal", "license.key_revealed"),
        ] {
            let first = send(path.clone(), key, json!({})).await.expect(200);
            let second = send(path.clone(), key, json!({})).await.expect(200);
            assert_eq!(first.bytes, second.bytes, "{path}");
            let events = world.read(&format!("/v1/events?action={action}")).await.json();
            assert_eq!(events["total"], 1, "{path}");
            send("/v1/customers".into(), key, json!({ "name": "Ann" })).await.refused(422, "idempotency_mismatch");
        }
        let preview = send(format!("/v1/plans/{plan}/apply-terms?dry_run=true"), "preview", json!({})).await.expect(200);
        assert_eq!(preview.json()["applied"], false);
        send(format!("/v1/plans/{plan}/apply-terms"), "preview", json!({})).await.expect(200);
        assert!(world.read(&format!("/v1/products/{product}")).await.status.is_success());
    }

    async fn an_overdrawn_license_is_shown_and_told(db: TestDb) {
        let world = World::new(&db).await;
        let product = world.product("Draw").await;
        let plan = world.plan(&product, json!({ "seats": 1, "overdraft": 1 })).await;
        let issued = world.post("/v1/licenses", json!({ "plan": plan })).await.expect(201);
        let (license, key) = (issued.text("id"), issued.text("key"));
        let told = format!("/v1/events?subject={license}&action=license.overdrawn");
        world.activate(&product, &key, 1).await.expect(201);
        assert_eq!(world.read(&format!("/v1/licenses/{license}")).await.json()["seats_overdrawn"], 0);
        assert_eq!(world.read(&told).await.json()["total"], 0);
        world.activate(&product, &key, 2).await.expect(201);
        world.activate(&product, &key, 2).await.expect(200);
        assert_eq!(world.read(&format!("/v1/licenses/{license}")).await.json()["seats_overdrawn"], 1);
        let events = world.read(&told).await.json();
        assert_eq!((&events["total"], &events["items"][0]["data"]["seats_used"]), (&json!(1), &json!(2)), "{events}");
        world.activate(&product, &key, 3).await.refused(409, "seat_limit_reached");
    }

    async fn an_end_is_taken_away_only_by_saying_so(db: TestDb) {
        let world = World::new(&db).await;
        let product = world.product("Draw").await;
        let plan = world.plan(&product, json!({ "model": "subscription", "duration_seconds": 3_600 })).await;
        let license = world.post("/v1/licenses", json!({ "plan": plan })).await.expect(201).text("id");
        let path = format!("/v1/licenses/{license}/extend");
        let forgotten = world.post(&path, json!({ "reason": "renewed" })).await.refused(400, "invalid_request");
        assert_eq!(forgotten.json()["pointer"], "/expires_at");
        assert!(world.read(&format!("/v1/licenses/{license}")).await.json()["expires_at"].is_string());
        let said = world.post(&path, json!({ "expires_at": null, "reason": "bought for good" })).await.expect(200);
        assert_eq!(said.json()["license"]["expires_at"], json!(null));
    }

    async fn a_plan_can_lose_its_fallback(db: TestDb) {
        let world = World::new(&db).await;
        let product = world.product("Draw").await;
        let plan = world.plan(&product, json!({ "fallback": { "open": true } })).await;
        let path = format!("/v1/plans/{plan}");
        let change = |terms| world.call(Method::PATCH, &path, json!({ "terms": terms }));
        let kept = change(json!({ "seats": 2 })).await.expect(200).json();
        assert_eq!(kept["terms"]["fallback"], json!({ "open": true }), "what is absent stays");
        let gone = change(json!({ "fallback": null })).await.expect(200).json();
        assert!(gone["terms"].get("fallback").is_none(), "{gone}");
    }

    async fn keys_are_listed_in_pages_like_everything_else(db: TestDb) {
        let world = World::new(&db).await;
        let product = world.product("Draw").await;
        let kid = world.post("/v1/keys/rotate", json!({ "product": product })).await.expect(200).text("kid");
        let first = world.read("/v1/keys?limit=2").await.expect(200).json();
        assert_eq!((&first["total"], first["items"].as_array().unwrap().len()), (&json!(3), 2), "{first}");
        assert_eq!(first["items"][0]["kid"], kid, "newest first");
        let next = first["next"].as_str().unwrap();
        let rest = world.read(&format!("/v1/keys?limit=2&after={next}")).await.expect(200).json();
        assert_eq!((&rest["next"], &rest["items"][0]["product"]), (&json!(null), &json!(null)), "the root key: {rest}");
    }

    async fn a_customer_base_is_taken_over(db: TestDb) {
        let world = World::new(&db).await;
        let product = world.product("Draw").await;
        let plan = world.plan(&product, json!({ "seats": 2 })).await;
        let csv = "Serial,Email,Seats\nOLD-AB12-CD34-EF56,ann@example.com,3\n\
            5d1e9b9e-0f52-4d3a-9f0e-8f4b9d3c2a11,bob@example.com,\n";
        let upload = || {
            World::request(Method::POST, &format!("/v1/imports?product={product}&plan={plan}&file_name=old.csv"))
                .header(header::AUTHORIZATION, format!("Bearer {}", world.token))
                .header(header::CONTENT_TYPE, "text/csv")
                .body(Body::from(csv))
                .unwrap()
        };
        let staged = world.send(upload()).await.expect(201).json();
        assert_eq!((&staged["rows"], &staged["create"], &staged["error"]), (&json!(2), &json!(2), &json!(0)), "{staged}");
        let path = format!("/v1/imports/{}", staged["id"].as_str().unwrap());
        let rows = world.read(&format!("{path}/rows")).await.expect(200).json();
        assert_eq!((&rows["total"], rows["items"].as_array().unwrap().len()), (&json!(2), 2));
        let wrong = world.read(&format!("{path}/rows?fate=error")).await.expect(200).json();
        assert_eq!((&wrong["total"], &wrong["items"]), (&json!(0), &json!([])));
        world.read(&format!("{path}/rows?limit=0")).await.refused(400, "invalid_request");
        assert_eq!(world.read("/v1/licenses").await.json()["total"], 0, "nothing is changed yet");
        let done = world.post(&format!("{path}/confirm"), json!({})).await.expect(200).json();
        assert_eq!(done["state"], "done", "{done}");
        assert_eq!(world.read("/v1/licenses").await.json()["total"], 2);
        world.activate(&product, "old ab12 cd34 ef56", 1).await.expect(201);
        let again = world.send(upload()).await.expect(201).json();
        assert_eq!((&again["create"], &again["unchanged"]), (&json!(0), &json!(2)), "{again}");
    }
    async fn an_act_on_many_is_looked_at_begun_followed_and_taken_back(db: TestDb) {
        let world = World::new(&db).await;
        let (product, license, key) = world.licensed(2).await;
        let seat = world.activate(&product, &key, 1).await.expect(201).text("seat");
        let plan = world.read(&format!("/v1/licenses/{license}")).await.json()["plan"].clone();
        for _ in 0..2 {
            world.post("/v1/licenses", json!({ "plan": plan, "expires_at": "2090-01-01T00:00:00Z" })).await.expect(201);
        }
        let body = |step: &str, target: Value| json!({ "step": step, "target": target, "reason": "Chargeback" });
        let all = || json!({ "all_licenses": { "plan": plan, "state": "active" } });
        // What is wrong is said with its place, and nothing is begun.
        let extend = |days: Value| json!({ "step": "extend", "days": days, "target": all(), "reason": "Goodwill" });
        let days = json!({ "step": "revoke", "days": 3, "target": all(), "reason": "Chargeback" });
        for (body, pointer) in [
            (body("extend", all()), "/days"),
            (extend(json!(0)), "/days"),
            (extend(json!(4_000)), "/days"),
            (days, "/days"),
            (body("free", all()), "/step"),
            (body("revoke", json!({ "seats": [seat] })), "/step"),
            (body("undo", all()), "/step"),
            (body("revoke", json!({ "licenses": [] })), "/target"),
            (body("revoke", json!({ "licenses": ["nonsense"] })), "/target/licenses/0"),
            (body("revoke", json!({ "all_licenses": { "stat": "active" } })), "/target/all_licenses"),
            (body("revoke", json!({ "everything": {} })), "/target"),
            (json!({ "step": "revoke", "reason": "Chargeback" }), "/target"),
            (json!({ "step": "revoke", "target": all() }), "/reason"),
        ] {
            let refused = world.post("/v1/acts", body.clone()).await.refused(400, "invalid_request").json();
            let at = refused["pointer"].as_str().unwrap_or_default();
            assert!(at.starts_with(pointer), "{body}: {refused}");
        }
        assert_eq!(world.read("/v1/acts").await.expect(200).json()["total"], 0);
        // First what it would do.
        let told = world.post("/v1/acts?dry_run=true", body("suspend", all())).await.expect(200).json();
        assert_eq!((&told["total"], &told["looked_at"], &told["impact"]["devices"]), (&json!(3), &json!(3), &json!(1)), "{told}");
        assert_eq!((&told["without_end"], told.get("id")), (&json!(0), None));
        let told = world.post("/v1/acts?dry_run=true", extend(json!(30))).await.expect(200).json();
        assert_eq!((&told["total"], &told["without_end"]), (&json!(3), &json!(1)), "{told}");
        assert_eq!(world.read("/v1/acts").await.json()["total"], 0);
        // Asked for twice, it is begun once.
        let begin = async || world.send(with_key(&world, "/v1/acts", "act-1", &body("suspend", all()))).await.expect(202).json();
        let act = begin().await;
        assert_eq!(act["id"], begin().await["id"]);
        assert_eq!((&act["step"], &act["reason"], &act["actor"]["type"]), (&json!("suspend"), &json!("Chargeback"), &json!("token")));
        let through = async |act: &Value| {
            let path = format!("/v1/acts/{}", act["id"].as_str().unwrap());
            soon(|| world.read(&path), |answer| !answer.json()["ended_at"].is_null()).await.json()
        };
        let done = through(&act).await;
        assert_eq!((&done["state"], &done["total"], &done["changed"], &done["refused"]), (&json!("done"), &json!(3), &json!(3), &json!(0)), "{done}");
        assert_eq!(world.read(&format!("/v1/licenses/{license}")).await.json()["status"], "suspended");
        let path = format!("/v1/acts/{}", act["id"].as_str().unwrap());
        let first = world.read(&format!("{path}/items?fate=changed&limit=2")).await.expect(200).json();
        assert_eq!((first["items"].as_array().unwrap().len(), &first["next"], &first["total"]), (2, &json!(2), &json!(3)), "{first}");
        let rest = world.read(&format!("{path}/items?fate=changed&limit=2&after=2")).await.expect(200).json();
        assert_eq!((rest["items"].as_array().unwrap().len(), &rest["next"]), (1, &Value::Null));
        let whole = world.read(&format!("{path}/items")).await.expect(200).json();
        assert!(whole["items"].as_array().unwrap().iter().any(|item| item["subject"] == *license && item["key_hint"] == key[key.len() - 4..]));
        assert_eq!(world.read(&format!("{path}/items?fate=refused")).await.json()["items"], json!([]));
        world.read(&format!("{path}/items?fate=maybe")).await.refused(400, "invalid_request");
        world.post(&format!("{path}/stop"), json!({})).await.refused(409, "status_conflict");
        // It is taken back once, and that takes the same right.
        let why = json!({ "reason": "Wrong filter" });
        let reads = world.token_with(vec![Permission::LicensesRead, Permission::SeatsRelease]).await;
        world.call_as(&reads, Method::POST, &format!("{path}/undo"), Some(&why)).await.refused(403, "forbidden");
        let told = world.post(&format!("{path}/undo?dry_run=true"), why.clone()).await.expect(200).json();
        assert_eq!((&told["total"], &told["impact"]["devices"]), (&json!(3), &json!(0)));
        let undo = world.post(&format!("{path}/undo"), why.clone()).await.expect(202).json();
        assert_eq!((&undo["step"], &undo["undoes"]), (&json!("undo"), &act["id"]));
        assert_eq!(through(&undo).await["changed"], 3);
        world.post(&format!("{path}/undo"), why).await.refused(409, "status_conflict");
        assert_eq!(world.read(&format!("/v1/licenses/{license}")).await.json()["status"], "active");
        assert_eq!(world.read(&path).await.json()["undone_by"], undo["id"]);
        // Seats as well, named one by one.
        let free = world.post("/v1/acts", body("free", json!({ "seats": [seat] }))).await.expect(202).json();
        assert_eq!(through(&free).await["changed"], 1);
        assert_eq!(world.read(&format!("/v1/seats/{seat}")).await.json()["state"], "released");
        let acts = world.read("/v1/acts?limit=2").await.expect(200).json();
        assert_eq!((&acts["items"][0]["id"], &acts["items"][1]["id"], &acts["total"]), (&free["id"], &undo["id"], &json!(3)));
    }
}
