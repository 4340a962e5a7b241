//! Bad input and too much of it, over both databases.

use super::world::{World, device, soon};
use axum::{body::Body, extract::ConnectInfo};
use holdfast::config::{Network, ServeConfig};
use holdfast_testkit::both;
use http::{Method, header};
use serde_json::json;
use std::net::SocketAddr;
use tower::ServiceExt as _;

fn raw(path: &str, kind: &str, body: impl Into<Body>) -> http::Request<Body> {
    World::request(Method::POST, path).header(header::CONTENT_TYPE, kind).body(body.into()).unwrap()
}

both! {
    async fn bad_bodies_are_named(db: TestDb) {
        let world = World::new(&db).await;
        let (product, _, key) = world.licensed(1).await;
        let path = format!("/v1/products/{product}/activate");
        let json = "application/json";
        let body = |extra: &str| format!(
            r#"{{"key":"{key}","device":{{"hash":"{}"}},"nonce":"nonce-0123456789"{extra}}}"#, device(1));
        let deep = format!(r#","x":{}{}"#, "[".repeat(40), "]".repeat(40));
        for (sent, code) in [
            (b"".to_vec(), "invalid_json"),
            (b"{".to_vec(), "invalid_json"),
            (b"nonsense".to_vec(), "invalid_json"),
            (b"[]".to_vec(), "invalid_request"),
            (b"{\"key\":\"\xff\"}".to_vec(), "invalid_json"),
            (body(r#","x":"\u0000""#).into_bytes(), "invalid_json"),
            (body(",\"x\":\"\0\"").into_bytes(), "invalid_json"),
            (body(&deep).into_bytes(), "invalid_json"),
        ] {
            let answer = world.send(raw(&path, json, sent.clone())).await;
            answer.refused(400, code);
        }
        for (member, value, pointer) in [
            ("key", json!(5), "/key"),
            ("key", json!(null), "/key"),
            ("nonce", json!(["x"]), "/nonce"),
            ("device", json!("x"), "/device"),
            ("device", json!({}), "/device/hash"),
            ("device", json!({ "hash": "xyz" }), "/device/hash"),
            ("device", json!({ "hash": device(1), "name": 7 }), "/device/name"),
            ("manifest_seq", json!("1"), "/manifest_seq"),
            ("borrow_seconds", json!(-1), "/borrow_seconds"),
        ] {
            let mut sent = json!({ "key": key, "device": { "hash": device(1) }, "nonce": "nonce-0123456789" });
            sent[member] = value;
            let answer = world.ask(&path, &sent).await.refused(400, "invalid_request");
            assert_eq!(answer.json()["pointer"], pointer, "{}", answer.json());
            assert!(!String::from_utf8_lossy(&answer.bytes).contains(&key));
        }
        let large = body(&format!(r#","x":"{}""#, "x".repeat(17_000)));
        world.send(raw(&path, json, large)).await.refused(413, "body_too_large");
        world.send(raw(&path, json, vec![b' '; 3_000_000])).await.refused(413, "body_too_large");
        world.send(raw(&path, "text/plain", body(""))).await.refused(415, "unsupported_media_type");
        world.send(raw(&path, "application/x-www-form-urlencoded", "key=1")).await
            .refused(415, "unsupported_media_type");
        world.get(&path).await.refused(405, "method_not_allowed");
        world.send(raw(&path, "application/json; charset=utf-8", body(r#","new_member":{"a":[1]}"#))).await.expect(201);
    }

    async fn a_key_in_a_url_is_refused(db: TestDb) {
        let world = World::new(&db).await;
        let (product, _, key) = world.licensed(1).await;
        for path in [
            format!("/v1/products/{product}/activate?key={key}"),
            format!("/v1/products/{product}/validate?license_key=OLD-KEY-1"),
            format!("/v1/products/{product}/renew?x={}", key.replace('-', "")),
            format!("/v1/licenses?q={key}"),
        ] {
            world.ask(&path, &json!({})).await.refused(400, "key_in_url");
        }
    }

    async fn a_query_is_readable_and_names_what_there_is(db: TestDb) {
        let world = World::new(&db).await;
        let (product, ..) = world.licensed(1).await;
        for (path, pointer) in [
            ("/v1/licenses?q=a%00b", "/q"),
            ("/v1/customers?q=%00", "/q"),
            ("/v1/events?subject=%00", "/subject"),
            ("/v1/orders?q=%ff%fe", "/q"),
            ("/v1/licenses?status=suspended", "/status"),
            ("/v1/licenses?limt=1", "/limt"),
            ("/v1/licenses?%3Cb%3E=1", ""),
            ("/v1/keys?limit=0", "/limit"),
            ("/v1/keys?after=nonsense", "/after"),
            ("/v1/products?limit=1&limit=2", ""),
        ] {
            let answer = world.read(path).await.refused(400, "invalid_request").json();
            assert_eq!(answer["pointer"].as_str().unwrap_or_default(), pointer, "{path}: {answer}");
        }
        let path = format!("/v1/plans?product={product}&limit=1&&");
        world.read(&path).await.expect(200);
        world.get("/v1/licenses?nonsense=1").await.refused(401, "unauthenticated");
        // Applications may be newer than the server.
        let body = json!({ "key": "WRONG-KEY-0000", "device": { "hash": device(2) }, "nonce": "nonce-0123456789" });
        world.ask(&format!("/v1/products/{product}/activate?sdk=9"), &body).await.refused(404, "license_not_found");
    }

    async fn unknown_addresses_and_members_are_told(db: TestDb) {
        let world = World::new(&db).await;
        for path in ["/v1", "/v1/", "/v1/nothing", "/v1/licenses/x/y/z"] {
            world.get(path).await.refused(404, "not_found");
        }
        let answer = world.post("/v1/products", json!({ "name": "X", "colour": "red" })).await;
        assert_eq!(answer.refused(400, "invalid_request").json()["pointer"], "/colour");
        let product = world.product("Y").await;
        for (terms, pointer) in [
            (json!({ "seats": 0 }), "/terms"),
            (json!({ "seats": "5" }), "/terms/seats"),
            (json!({ "model": "forever" }), "/terms/model"),
            (json!({ "model": "trial" }), "/terms/duration_seconds"),
            (json!({ "entitlements": { "x": false } }), "/terms/entitlements/x"),
        ] {
            let body = json!({ "product": product, "name": "Z", "terms": terms });
            let answer = world.post("/v1/plans", body).await.refused(400, "invalid_request").json();
            assert!(answer["pointer"].as_str().unwrap().starts_with(pointer), "{answer}");
        }
    }

    async fn guessing_is_slow_and_hurts_nobody_else(db: TestDb) {
        let serve = ServeConfig { trusted_proxies: vec![Network::parse("203.0.113.5").unwrap()], ..ServeConfig::default() };
        let world = World::with(&db, serve).await;
        let (product, _, key) = world.licensed(5).await;
        let lease = world.activate(&product, &key, 1).await.expect(201).text("lease");
        let path = format!("/v1/products/{product}/activate");
        let from = |address: &str, key: &str| {
            let body = json!({ "key": key, "device": { "hash": device(2) }, "nonce": "nonce-0123456789" });
            World::request(Method::POST, &path)
                .header(header::CONTENT_TYPE, "application/json")
                .header("x-forwarded-for", address)
                .body(Body::from(body.to_string()))
                .unwrap()
        };
        for left in (0..10).rev() {
            let answer = world.send(from("198.51.100.7", &format!("WRONG-{left}-KEY-000"))).await;
            let answer = answer.refused(404, "license_not_found");
            assert_eq!(answer.header("ratelimit-policy"), "\"key-failures\";q=10;w=60");
            assert!(answer.header("ratelimit").starts_with(&format!("\"key-failures\";r={left};t=")));
        }
        let refused = world.send(from("198.51.100.7", &key)).await.refused(429, "rate_limited");
        assert_eq!(refused.json()["retryable"], true);
        assert_eq!(refused.header("ratelimit-policy"), "\"key-failures\";q=10;w=60");
        assert!(refused.header("ratelimit").starts_with("\"key-failures\";r=0;t="));
        let wait: u64 = refused.header("retry-after").parse().unwrap();
        assert!((1..=6).contains(&wait), "{wait}");
        world.send(from("198.51.100.8", &key)).await.expect(201);
        // The same address goes on renewing.
        let renew = json!({ "lease": lease, "nonce": "nonce-0123456789" });
        let request = World::request(Method::POST, &format!("/v1/products/{product}/renew"))
            .header(header::CONTENT_TYPE, "application/json")
            .header("x-forwarded-for", "198.51.100.7")
            .body(Body::from(renew.to_string()))
            .unwrap();
        world.send(request).await.expect(200);
    }

    async fn searching_through_a_vendor_from_everywhere_stops_and_payers_go_on(db: TestDb) {
        let serve = ServeConfig { trusted_proxies: vec![Network::parse("203.0.113.5").unwrap()], ..ServeConfig::default() };
        let world = World::with(&db, serve).await;
        let (product, _, key) = world.licensed(5).await;
        let other = world.product("Other").await;
        let ask = |product: &str, address: String, key: &str| {
            let body = json!({ "key": key, "device": { "hash": device(2) }, "nonce": "nonce-0123456789" });
            World::request(Method::POST, &format!("/v1/products/{product}/activate"))
                .header(header::CONTENT_TYPE, "application/json")
                .header("x-forwarded-for", address)
                .body(Body::from(body.to_string()))
                .unwrap()
        };
        let mut refused = None;
        for n in 0..1_010 {
            let product = if n % 2 == 0 { &product } else { &other };
            let address = format!("198.51.{}.{}", n / 5 / 200, n / 5 % 200);
            let answer = world.send(ask(product, address, &format!("WRONG-{n}-KEY-000"))).await;
            if answer.status == 429 {
                refused = Some(n);
                break;
            }
        }
        // A few come back while the thousand are spent.
        assert!((1_000..1_010).contains(&refused.unwrap()), "{refused:?}");
        world.send(ask(&product, "198.51.0.1".into(), &key)).await.refused(429, "rate_limited");
        world.send(ask(&product, "192.0.2.77".into(), &key)).await.expect(201);
    }

    async fn nobody_is_believed_about_their_address(db: TestDb) {
        let world = World::new(&db).await;
        let (product, ..) = world.licensed(1).await;
        let body = json!({ "key": "WRONG-KEY-0000", "device": { "hash": device(2) }, "nonce": "nonce-0123456789" });
        for n in 0..12 {
            let mut request = World::request(Method::POST, &format!("/v1/products/{product}/activate"))
                .header(header::CONTENT_TYPE, "application/json")
                .header("x-forwarded-for", format!("198.51.100.{n}"))
                .body(Body::from(body.to_string()))
                .unwrap();
            let peer: SocketAddr = "192.0.2.1:5".parse().unwrap();
            request.extensions_mut().insert(ConnectInfo(peer));
            world.send(request).await.expect(if n < 10 { 404 } else { 429 });
        }
    }

    async fn a_full_node_gives_every_device_a_time_of_its_own(db: TestDb) {
        let serve = ServeConfig { max_requests: 2, ..ServeConfig::default() };
        let world = World::with(&db, serve).await;
        let (product, _, key) = world.licensed(1).await;
        let lease = world.activate(&product, &key, 1).await.expect(201).text("lease");
        // Requests whose bodies do not come to an end take every place.
        let path = format!("/v1/products/{product}/renew");
        let mut held = Vec::new();
        let full = soon(
            || {
                let endless = futures::stream::pending::<Result<Vec<u8>, std::io::Error>>();
                let request = World::request(Method::POST, &path).header(header::CONTENT_TYPE, "application/json");
                let request = request.body(Body::from_stream(endless)).unwrap();
                held.push(tokio::spawn(world.router.clone().oneshot(request)));
                world.renew(&product, &lease)
            },
            |answer| answer.status != 200,
        );
        full.await.refused(429, "busy");
        let mut waits = Vec::new();
        for _ in 0..20 {
            let answer = world.renew(&product, &lease).await.refused(429, "busy");
            waits.push(answer.header("retry-after").parse::<u64>().unwrap());
        }
        // Two a second, as many as there are places, until more is known.
        assert!(waits.iter().all(|wait| (30..=60).contains(wait)) && waits.last() > Some(&34), "{waits:?}");
        let person = world.activate(&product, &key, 1).await.refused(429, "busy");
        assert_eq!(person.header("retry-after"), "1");
        world.get("/livez").await.expect(200);
        held.iter().for_each(tokio::task::JoinHandle::abort);
        soon(|| world.renew(&product, &lease), |answer| answer.status == 200).await.expect(200);
    }

    async fn health_touches_nothing_and_tells_the_mode(db: TestDb) {
        let world = World::new(&db).await;
        assert_eq!(world.get("/readyz").await.expect(200).json(), json!({ "mode": "normal" }));
        world.get("/livez").await.expect(200);
        world.get("/startupz").await.expect(200);
        let status = world.get("/v1/status").await.expect(200).json();
        for member in ["node", "region", "version", "mode", "manifest", "schema"] {
            assert!(!status[member].is_null(), "{member}");
        }
        world.health.set_database(false);
        world.health.set_database(false);
        assert_eq!(world.get("/readyz").await.expect(200).json(), json!({ "mode": "continuity" }));
        world.health.set_database(true);
        world.health.set_clock_off(true);
        assert_eq!(world.get("/readyz").await.expect(503).json(), json!({ "mode": "clock" }));
        let (product, _, key) = world.licensed(1).await;
        world.activate(&product, &key, 1).await.refused(503, "unavailable");
        world.health.set_clock_off(false);
        world.activate(&product, &key, 1).await.expect(201);
        world.health.set_draining();
        let draining = world.get("/readyz").await.expect(503);
        assert_eq!(draining.json(), json!({ "mode": "draining" }));
        assert_eq!(draining.header("connection"), "close");
        assert_eq!(world.get("/livez").await.expect(200).header("connection"), "close");
    }
}
