//! Every operation of the API description against everybody who may not: no token, a broken one, one without the scope,
//! one of another vendor.

use super::world::{Answer, World};
use holdfast::api::description;
use holdfast_domain::{Permission, Role};
use holdfast_testkit::both;
use http::Method;
use serde_json::{Value, json};

/// Which roles may ask for which operation: owner, admin, developer, support, viewer, in the order of [`Role::ALL`]. The
/// table of the security design for the API; a token made by somebody can do no more than they.
#[rustfmt::skip]
const ROLES: [(&str, &str); 116] = [
    ("listProducts", "+++++"), ("getProduct", "+++++"), ("createProduct", "+++__"), ("updateProduct", "+++__"),
    ("listPlans", "+++++"), ("getPlan", "+++++"), ("createPlan", "+++__"), ("updatePlan", "+++__"), ("applyTerms", "+++__"),
    ("listCustomers", "+++++"), ("getCustomer", "+++++"), ("createCustomer", "++++_"), ("updateCustomer", "++++_"),
    ("listOrders", "+++++"), ("getOrder", "+++++"), ("createOrder", "++++_"), ("refundOrder", "++_+_"),
    ("exportLicenses", "+++++"), ("exportCustomers", "+++++"), ("exportSeats", "+++++"), ("exportOrders", "+++++"),
    ("exportEvents", "+++++"),
    ("listLicenses", "+++++"), ("getLicense", "+++++"), ("issueLicense", "+++__"), ("updateLicense", "+++__"),
    ("rekeyLicense", "+++__"), ("transferLicense", "+++__"), ("convertTrial", "+++__"), ("getTrialFunnel", "+++++"), ("extendLicense", "++++_"), ("revealKey", "++___"),
    ("suspendLicense", "++_+_"), ("resumeLicense", "++_+_"), ("revokeLicense", "++_+_"), ("reinstateLicense", "++_+_"),
    ("listLicenseNotes", "+++++"), ("addLicenseNote", "++++_"), ("listCustomerNotes", "+++++"),
    ("addCustomerNote", "++++_"), ("editNote", "++++_"), ("removeNote", "++++_"), ("updateVendor", "++___"),
    ("undoLicense", "++++_"), ("undoSeat", "++++_"),
    ("listSeats", "+++++"), ("getSeat", "+++++"), ("freeSeat", "++++_"),
    ("listImports", "+++__"), ("getImport", "+++__"), ("listImportRows", "+++__"), ("stageImport", "+++__"),
    ("remapImport", "+++__"), ("confirmImport", "+++__"), ("cancelImport", "+++__"),
    ("listKeys", "+++++"), ("rotateKeys", "+____"), ("revokeKey", "+____"),
    ("listTokens", "+++__"), ("createToken", "+++__"), ("revokeToken", "+++__"),
    ("listWebhooks", "+++__"), ("getWebhook", "+++__"), ("createWebhook", "+++__"), ("updateWebhook", "+++__"),
    ("removeWebhook", "+++__"), ("pauseWebhook", "+++__"), ("resumeWebhook", "+++__"), ("rotateWebhookSecret", "+++__"),
    ("testWebhook", "+++__"), ("listDeliveries", "+++__"), ("getDelivery", "+++__"), ("redeliver", "+++__"),
    ("listShops", "+++__"), ("getShop", "+++__"), ("connectShop", "++___"), ("updateShop", "++___"), ("setShopSecret", "++___"),
    ("closeShop", "++___"), ("openShop", "++___"), ("testShop", "++___"), ("listShopPrices", "+++__"), ("setShopPrice", "++___"),
    ("removeShopPrice", "++___"), ("listShopEvents", "+++__"),
    ("listInbox", "+++++"), ("getInboxEntry", "+++++"), ("resolveInboxEntry", "++++_"),
    ("listMembers", "+++++"), ("inviteMember", "++___"), ("setRole", "++___"), ("removeMember", "++___"),
    ("listActs", "+++++"), ("getAct", "+++++"), ("listActItems", "+++++"), ("beginAct", "++_+_"), ("undoAct", "++++_"), ("stopAct", "++++_"),
    ("listInvitations", "++___"), ("revokeInvitation", "++___"),
    ("listEvents", "+++++"), ("getFreshness", "+++++"), ("getVendor", "+++++"),
    ("listNodes", "+++++"), ("getNode", "+++++"), ("drainNode", "++___"), ("resumeNode", "++___"), ("declareNodeGone", "++___"),
    ("listAlerts", "+++++"), ("getAlert", "+++++"), ("acknowledgeAlert", "++___"),
    ("getBreaker", "+++++"), ("letDenialsPass", "++___"),
    ("listGateways", "+++++"), ("setGateway", "+++__"), ("setGatewayKey", "+____"),
];

/// What an operation is called in the description.
fn named(method: &Method, path: &str) -> String {
    let api = serde_json::to_value(description()).unwrap();
    api["paths"][path][method.as_str().to_lowercase()]["operationId"].as_str().unwrap().to_owned()
}

/// Every operation that takes a token: method, path, and a body that fits where one is needed.
fn operations() -> Vec<(Method, String, Option<Value>)> {
    let api = serde_json::to_value(description()).unwrap();
    let mut found = Vec::new();
    for (path, methods) in api["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            if operation.get("security").is_none() {
                continue;
            }
            let method: Method = method.to_uppercase().parse().unwrap();
            let json = operation.get("requestBody").and_then(|body| body["content"].get("application/json"));
            let body = json.map(|json| {
                let reference = json["schema"]["$ref"].as_str().unwrap();
                example(&api, reference.rsplit('/').next().unwrap())
            });
            found.push((method, path.clone(), body));
        }
    }
    found
}

/// A body with every required member, valid in shape.
fn example(api: &Value, name: &str) -> Value {
    let schema = &api["components"]["schemas"][name];
    let mut body = json!({});
    for member in schema["required"].as_array().into_iter().flatten() {
        let member = member.as_str().unwrap();
        body[member] = match member {
            "product" => json!("prd_01m803crnaftmanwmz5a0j4ry7"),
            "plan" => json!("pln_01m803crnaftmanwmz5a0j4ry7"),
            "event" => json!("evt_01m803crnaftmanwmz5a0j4ry7"),
            "customer" => json!("cus_01m803crnaftmanwmz5a0j4ry7"),
            "email" => json!("x@example.com"),
            "role" => json!("viewer"),
            "password" => json!("tidal omelette bracket nine"),
            "scopes" => json!(["licenses_read"]),
            "mapping" => json!(["key"]),
            "kind" => json!("generic"),
            "how" => json!("again"),
            "step" => json!("suspend"),
            "target" => json!({ "licenses": ["lic_01m803crnaftmanwmz5a0j4ry7"] }),
            "url" => json!("https://example.com/hook"),
            "expires_at" => json!("2099-01-01T00:00:00Z"),
            "on" => json!(false),
            _ => json!("Some text"),
        };
    }
    body
}

/// An id of the kind that a path names, which does not exist.
fn fill(path: &str) -> String {
    let prefix = match path.split('/').nth(2).unwrap() {
        "products" => "prd",
        "plans" => "pln",
        "customers" => "cus",
        "licenses" => "lic",
        "seats" => "sea",
        "orders" => "ord",
        "acts" => "blk",
        "imports" => "imp",
        "notes" => "not",
        "members" => "mem",
        "invitations" => "inv",
        "tokens" => "tok",
        "nodes" => "nod",
        "alerts" => "alr",
        "webhooks" => "whk",
        "shops" => "shp",
        "inbox" => "inb",
        _ => "kid",
    };
    path.replace("{id}", &format!("{prefix}_01m803crnaftmanwmz5a0j4ry7"))
        .replace("{delivery}", "dlv_01m803crnaftmanwmz5a0j4ry7")
        .replace("{price}", "price_a")
        .replace("{kind}", "keygen")
}

#[test]
fn the_description_has_the_operations_it_should() {
    let operations = operations();
    assert!(operations.len() >= 40, "{}", operations.len());
    let api = serde_json::to_value(description()).unwrap();
    // Whatever is not marked as taking a token is known to be open.
    for (path, methods) in api["paths"].as_object().unwrap() {
        let open = path.starts_with("/v1/products/{product}/")
            || path == "/v1/vendors/{vendor}/keys"
            || ["/livez", "/readyz", "/startupz", "/v1/status"].contains(&path.as_str());
        for (method, operation) in methods.as_object().unwrap() {
            // Shops sign what they tell.
            let open = open || (method == "post" && path == "/v1/shops/{id}/events");
            assert_eq!(operation.get("security").is_none(), open, "{method} {path}");
        }
    }
}

both! {
    async fn nobody_gets_in_without_a_right(db: TestDb) {
        let world = World::new(&db).await;
        let powerless = world.token_with(vec![Permission::OwnersWrite]).await;
        let mut broken = world.token.clone();
        broken.replace_range(broken.len() - 1.., if world.token.ends_with('0') { "1" } else { "0" });
        for (method, path, body) in operations() {
            let path = fill(&path);
            let body = body.as_ref();
            let request = World::request(method.clone(), &path).body(axum::body::Body::empty()).unwrap();
            world.send(request).await.refused(401, "unauthenticated");
            for bad in ["", "hf_sk_nonsense", broken.as_str()] {
                world.call_as(bad, method.clone(), &path, body).await.refused(401, "unauthenticated");
            }
            // What only shows its caller itself needs no scope.
            if path == "/v1/vendor" {
                continue;
            }
            // A file and query parameters are refused for their form before anybody looks at scopes.
            let path = if path == "/v1/imports" && method == Method::POST {
                format!("{path}?product=prd_01m803crnaftmanwmz5a0j4ry7")
            } else {
                path
            };
            let answer = world.call_as(&powerless, method.clone(), &path, body).await;
            let status = answer.status.as_u16();
            assert!(status == 403 || (path.starts_with("/v1/imports?") && status == 415), "{method} {path}: {status} {}",
                String::from_utf8_lossy(&answer.bytes));
        }
    }

    async fn a_token_has_nobody_told_what_it_may_not_see(db: TestDb) {
        let world = World::new(&db).await;
        let narrow = world.token_with(vec![Permission::TokensWrite, Permission::LicensesRead]).await;
        let body = |events: Value| json!({ "url": "https://example.com/hook", "events": events });
        for events in [json!([]), json!(["order.*"]), json!(["license.*", "alert.raised"])] {
            let answer = world.call_as(&narrow, Method::POST, "/v1/webhooks", Some(&body(events))).await;
            answer.refused(403, "forbidden");
        }
        let made = world.call_as(&narrow, Method::POST, "/v1/webhooks", Some(&body(json!(["license.*"])))).await;
        let own = format!("/v1/webhooks/{}", made.expect(201).text("id"));
        let all = world.post("/v1/webhooks", body(json!([]))).await.expect(201).text("id");
        let moved = json!({ "url": "https://example.org/" });
        world.call_as(&narrow, Method::PATCH, &own, Some(&moved)).await.expect(200);
        world.call_as(&narrow, Method::PATCH, &own, Some(&json!({ "events": [] }))).await.refused(403, "forbidden");
        let answer = world.call_as(&narrow, Method::PATCH, &format!("/v1/webhooks/{all}"), Some(&moved)).await;
        answer.refused(403, "forbidden");
    }

    async fn a_token_can_do_what_the_role_of_its_maker_can_and_no_more(db: TestDb) {
        let world = World::new(&db).await;
        let mut named_by_table: Vec<&str> = ROLES.iter().map(|(name, _)| *name).collect();
        let mut found: Vec<String> = operations().iter().map(|(method, path, _)| named(method, path)).collect();
        named_by_table.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, named_by_table, "an operation is in the table of roles exactly when it exists");
        for (at, role) in Role::ALL.into_iter().enumerate() {
            let scopes = Permission::ALL.into_iter().filter(|permission| role.may(*permission)).collect();
            let token = world.token_with(scopes).await;
            for (method, path, body) in operations() {
                let name = named(&method, &path);
                let may = ROLES.iter().find(|(other, _)| *other == name).unwrap().1.as_bytes()[at] == b'+';
                let mut path = fill(&path);
                if name == "stageImport" {
                    path = format!("{path}?product=prd_01m803crnaftmanwmz5a0j4ry7");
                }
                let answer = world.call_as(&token, method, &path, body.as_ref()).await;
                let status = answer.status.as_u16();
                // A file is refused for its form before anybody looks at scopes.
                let refused = status == 403 || (name == "stageImport" && status == 415);
                let text = String::from_utf8_lossy(&answer.bytes).into_owned();
                assert!(refused != may || name == "stageImport", "{name} by a token of {role:?}: {status} {text}");
            }
        }
    }

    async fn another_vendors_things_do_not_exist(db: TestDb) {
        let world = World::new(&db).await;
        let (product, license, key) = world.licensed(2).await;
        let seat = world.activate(&product, &key, 1).await.expect(201).text("seat");
        let plan = world.read("/v1/plans").await.json()["items"][0]["id"].as_str().unwrap().to_owned();
        let customer = world.post("/v1/customers", json!({ "name": "Ann" })).await.expect(201).text("id");
        let order = world.post("/v1/orders", json!({ "reference": "A-1" })).await.expect(201).text("id");
        let member = world.read("/v1/members").await.json()["items"][0]["id"].as_str().unwrap().to_owned();
        let token = world.read("/v1/tokens").await.json()["items"][0]["id"].as_str().unwrap().to_owned();
        let webhook = json!({ "url": "https://example.com/hook" });
        let webhook = world.post("/v1/webhooks", webhook).await.expect(201).text("id");
        let test = world.post(&format!("/v1/webhooks/{webhook}/test"), json!({})).await.expect(200).text("id");
        let invited = json!({ "email": "ann@example.com", "role": "viewer" });
        let invitation = world.post("/v1/members", invited).await.expect(201).text("id");
        let resume = json!({ "step": "resume", "target": { "licenses": [license] }, "reason": "Asked" });
        let act = world.post("/v1/acts", resume).await.expect(202).text("id");
        let shop = json!({ "kind": "generic", "name": "Web shop" });
        let shop = world.post("/v1/shops", shop).await.expect(201).text("id");
        let waiting = world.waiting(&db, &shop).await;
        let stranger = world.foreign_token(&db).await;
        let mine = [
            ("products", &product), ("plans", &plan), ("customers", &customer), ("licenses", &license),
            ("seats", &seat), ("orders", &order), ("members", &member), ("tokens", &token),
            ("webhooks", &webhook), ("invitations", &invitation), ("acts", &act), ("shops", &shop),
            ("inbox", &waiting),
        ];
        let mut checked = 0;
        for (method, path, body) in operations() {
            let kind = path.split('/').nth(2).unwrap();
            let Some((_, id)) = mine.iter().find(|(name, _)| *name == kind && path.contains("{id}")) else { continue };
            let (foreign, unknown) = (path.replace("{id}", id).replace("{delivery}", &test).replace("{price}", "price_a"), fill(&path));
            let strip = |answer: Answer| {
                let answer = answer.refused(404, "not_found");
                let id = answer.header("x-request-id").to_owned();
                String::from_utf8(answer.bytes).unwrap().replace(&id, "")
            };
            let first = strip(world.call_as(&stranger, method.clone(), &foreign, body.as_ref()).await);
            let second = strip(world.call_as(&stranger, method.clone(), &unknown, body.as_ref()).await);
            assert_eq!(first, second, "{method} {path}");
            checked += 1;
        }
        assert!(checked >= 18, "{checked}");
        for kind in ["products", "plans", "customers", "licenses", "seats", "orders", "imports", "webhooks", "invitations", "acts", "shops", "inbox"] {
            let list = world.call_as(&stranger, Method::GET, &format!("/v1/{kind}"), None).await.expect(200).json();
            assert_eq!(list["total"], 0, "{kind}: {list}");
        }
        for (path, body) in [
            ("/v1/plans", json!({ "product": product, "name": "Stolen" })),
            ("/v1/licenses", json!({ "plan": plan })),
            ("/v1/keys/rotate", json!({ "product": product })),
        ] {
            let status = world.call_as(&stranger, Method::POST, path, Some(&body)).await.status.as_u16();
            assert!(status == 404 || status == 400, "{path}: {status}");
        }
        for query in [format!("license={license}"), format!("product={product}"), format!("customer={customer}")] {
            let list = world.call_as(&stranger, Method::GET, &format!("/v1/seats?{query}"), None).await.expect(200);
            assert_eq!(list.json()["total"], 0);
        }
        assert_eq!(world.read(&format!("/v1/licenses/{license}")).await.json()["status"], "active");
    }

    async fn another_vendors_things_are_reached_in_no_way(db: TestDb) {
        let world = World::new(&db).await;
        let (product, license, key) = world.licensed(2).await;
        let seat = world.activate(&product, &key, 1).await.expect(201).text("seat");
        let plan = world.read("/v1/plans").await.json()["items"][0]["id"].as_str().unwrap().to_owned();
        let customer = world.post("/v1/customers", json!({ "name": "Ann Secret" })).await.expect(201).text("id");
        let order = world.post("/v1/orders", json!({ "reference": "A-SECRET" })).await.expect(201).text("id");
        let note = json!({ "text": "A secret note" });
        let note = world.post(&format!("/v1/customers/{customer}/notes"), note).await.expect(201).text("id");
        let upload = format!("/v1/imports?product={product}&plan={plan}");
        let upload = World::request(Method::POST, &upload)
            .header("authorization", format!("Bearer {}", world.token))
            .header("content-type", "text/csv")
            .body(axum::body::Body::from("key\nSECRET-KEY-0001-ABCD\n"));
        let import = world.send(upload.unwrap()).await.expect(201).text("id");
        let alert = world.alert(&db, &product).await;
        let keys = world.read("/v1/keys").await.json();
        let kid = keys["items"].as_array().unwrap().iter().find(|key| key["product"] == product.as_str()).unwrap();
        let kid = kid["kid"].as_str().unwrap().to_owned();
        let stranger = world.foreign_token(&db).await;
        let log = || async { world.service.verify_chain(world.vendor).await.unwrap().events };
        let before = log().await;
        let mine = [
            ("imports", &import), ("notes", &note), ("alerts", &alert), ("keys", &kid), ("products", &product),
            ("plans", &plan), ("customers", &customer), ("licenses", &license), ("seats", &seat), ("orders", &order),
        ];
        let bodies = [("product", &product), ("plan", &plan), ("customer", &customer)];
        let strip = |answer: Answer| {
            let id = answer.header("x-request-id").to_owned();
            (answer.status, String::from_utf8(answer.bytes).unwrap().replace(&id, ""))
        };
        // Whatever takes an id of theirs, in the path, the query or the body, answers as if there were nothing.
        let mut checked = std::collections::BTreeSet::new();
        for (method, path, body) in operations() {
            let kind = path.split('/').nth(2).unwrap();
            let (mut foreign, mut unknown) = (path.clone(), fill(&path));
            match mine.iter().find(|(name, _)| *name == kind) {
                Some((_, id)) if path.contains("{id}") => foreign = path.replace("{id}", id),
                _ if path.contains('{') => continue,
                _ => {}
            }
            if named(&method, &path) == "stageImport" {
                unknown = format!("{path}?product=prd_01m803crnaftmanwmz5a0j4ry7");
                foreign = format!("{path}?product={product}");
            }
            let theirs = body.clone().map(|mut body| {
                for (name, id) in bodies {
                    if body.get(name).is_some() {
                        body[name] = json!(id);
                    }
                }
                body
            });
            if foreign == path && theirs == body {
                continue;
            }
            let first = strip(world.call_as(&stranger, method.clone(), &foreign, theirs.as_ref()).await);
            let second = strip(world.call_as(&stranger, method.clone(), &unknown, body.as_ref()).await);
            assert_eq!(first, second, "{method} {path}");
            assert!(first.0.is_client_error(), "{method} {path}: {first:?}");
            checked.insert(kind.to_owned());
        }
        for kind in ["imports", "notes", "alerts", "keys"] {
            assert!(checked.contains(kind), "{kind} was not asked for: {checked:?}");
        }
        // What narrows a list, an export or a figure to theirs finds nothing.
        let secrets = ["Ann Secret", "A-SECRET", "secret note", "SECRET-KEY", "PC 1"];
        let ids = [&product, &plan, &customer, &license, &seat, &order, &note, &import, &alert];
        // What they asked for themselves stands in their own log.
        let mut asked = String::new();
        for path in [
            format!("/v1/plans?product={product}"),
            format!("/v1/licenses?product={product}"),
            format!("/v1/licenses?plan={plan}"),
            format!("/v1/licenses?customer={customer}"),
            format!("/v1/licenses?order={order}"),
            format!("/v1/orders?customer={customer}"),
            format!("/v1/seats?license={license}"),
            format!("/v1/events?subject={license}"),
            "/v1/imports".to_owned(),
            "/v1/alerts".to_owned(),
            "/v1/customers?q=Secret".to_owned(),
            format!("/v1/exports/licenses?product={product}"),
            "/v1/exports/licenses?q=Secret".to_owned(),
            "/v1/exports/licenses".to_owned(),
            "/v1/exports/customers".to_owned(),
            format!("/v1/exports/seats?license={license}"),
            "/v1/exports/seats".to_owned(),
            "/v1/exports/orders".to_owned(),
            "/v1/exports/events".to_owned(),
            format!("/v1/exports/events?subject={license}"),
        ] {
            asked.push_str(&path);
            let answer = world.call_as(&stranger, Method::GET, &path, None).await.expect(200);
            let text = String::from_utf8(answer.bytes).unwrap();
            let told = secrets.iter().copied().chain(ids.iter().map(|id| id.as_str()));
            for secret in told.filter(|secret| !asked.contains(secret)) {
                assert!(!text.contains(secret), "{path} tells a stranger of {secret}: {text}");
            }
        }
        for query in ["product={product}", "customer={customer}", "plan={plan}", "product={product}&by=customer"] {
            let ask = |product: &str, customer: &str, plan: &str| {
                let query = query.replace("{product}", product).replace("{customer}", customer).replace("{plan}", plan);
                format!("/v1/freshness?{query}")
            };
            let read = async |path: String| strip(world.call_as(&stranger, Method::GET, &path, None).await);
            let first = read(ask(&product, &customer, &plan)).await;
            let nothing = ("prd_01m803crnaftmanwmz5a0j4ry7", "cus_01m803crnaftmanwmz5a0j4ry7", "pln_01m803crnaftmanwmz5a0j4ry7");
            assert_eq!(first, read(ask(nothing.0, nothing.1, nothing.2)).await, "{query}");
            assert!(first.0.is_client_error(), "{query}: {first:?}");
        }
        // An act on many says of theirs what it says of nothing.
        for (step, target, none) in [
            ("revoke", json!({ "licenses": [license] }), json!({ "licenses": ["lic_01m803crnaftmanwmz5a0j4ry7"] })),
            ("free", json!({ "seats": [seat] }), json!({ "seats": ["sea_01m803crnaftmanwmz5a0j4ry7"] })),
            ("revoke", json!({ "all_licenses": {} }), json!({ "all_licenses": { "q": "nothing" } })),
            ("free", json!({ "all_seats": { "product": product } }), json!({ "all_seats": { "q": "nothing" } })),
        ] {
            let ask = async |target: &Value, path: &str| {
                let body = json!({ "step": step, "target": target, "reason": "Asked" });
                strip(world.call_as(&stranger, Method::POST, path, Some(&body)).await)
            };
            let looked = "/v1/acts?dry_run=true";
            assert_eq!(ask(&target, looked).await, ask(&none, looked).await, "{step} {target}");
            let (_, begun) = ask(&target, "/v1/acts").await;
            let id = serde_json::from_str::<Value>(&begun).unwrap()["id"].as_str().unwrap().to_owned();
            let path = format!("/v1/acts/{id}");
            let through = crate::suite::world::soon(
                || world.call_as(&stranger, Method::GET, &path, None),
                |answer| answer.json()["state"] == "done",
            );
            let through = through.await.json();
            assert_eq!(through["changed"], 0, "{through}");
            let items = world.call_as(&stranger, Method::GET, &format!("{path}/items"), None).await.expect(200).json();
            for item in items["items"].as_array().unwrap() {
                assert_eq!((&item["fate"], &item["key_hint"], &item["customer"]), (&json!("refused"), &Value::Null, &Value::Null));
            }
        }
        assert_eq!(world.read(&format!("/v1/licenses/{license}")).await.json()["status"], "active");
        assert_eq!(log().await, before, "nothing was written into the vendor's log");
        let own = world.read(&format!("/v1/imports/{import}")).await.expect(200).json();
        assert_eq!(own["state"], "ready", "{own}");
    }
}
