//! `GET /v1/freshness`: the figures, how they are told apart, what a change would do, and what is refused.

use super::world::World;
use holdfast_domain::Permission;
use holdfast_testkit::both;
use serde_json::{Value, json};

const DAY: i64 = 86_400;

/// Whether `moment` lies `seconds` away, give or take what a slow test takes.
fn is_about(moment: &Value, seconds: i64) -> bool {
    let found = moment["seconds"].as_i64().unwrap_or_else(|| panic!("{moment}"));
    moment["at"].is_string() && (seconds - 60..=seconds).contains(&found)
}

both! {
    async fn the_first_lockout_is_told_from_the_leases_out_there(db: TestDb) {
        let world = World::new(&db).await;
        let (product, _, key) = world.licensed(3).await;
        let empty = world.read("/v1/freshness").await.expect(200).json();
        assert_eq!((&empty["leases"], &empty["first"], &empty["half"]), (&json!(0), &json!(null), &json!(null)), "{empty}");
        for n in 0..3 {
            world.activate(&product, &key, n).await.expect(201);
        }
        let fresh = world.read("/v1/freshness?by=product").await.expect(200).json();
        assert_eq!((&fresh["leases"], &fresh["ending_with_license"]), (&json!(3), &json!(0)), "{fresh}");
        assert!(is_about(&fresh["first"], 30 * DAY), "{fresh}");
        for name in ["one_percent", "half", "last"] {
            let found = fresh[name]["seconds"].as_i64().unwrap();
            assert!((found - 30 * DAY).abs() <= 30 * DAY / 100, "{fresh}");
        }
        let curve = fresh["curve"].as_array().unwrap();
        assert_eq!((curve.len(), &curve[0]["working"], &curve[60]["working"]), (61, &json!(1.0), &json!(0.0)), "{fresh}");
        assert_eq!((&fresh["by"][0]["id"], &fresh["by"][0]["leases"]), (&json!(product), &json!(3)));
        let short = world.read("/v1/freshness?points=2").await.expect(200).json();
        assert_eq!((short["curve"].as_array().unwrap().len(), short.get("by")), (2, None));
    }

    async fn it_is_narrowed_and_told_apart(db: TestDb) {
        let world = World::new(&db).await;
        let (product, _, key) = world.licensed(3).await;
        world.activate(&product, &key, 1).await.expect(201);
        let plan = world.read("/v1/plans").await.json()["items"][0]["id"].as_str().unwrap().to_owned();
        let body = json!({ "plan": plan, "customer": { "name": "Ann" } });
        let issued = world.post("/v1/licenses", body).await.expect(201);
        world.activate(&product, &issued.text("key"), 2).await.expect(201);
        let customer = world.read("/v1/customers").await.json()["items"][0]["id"].as_str().unwrap().to_owned();
        let other = world.product("Paint").await;
        let leases = |query: String| {
            let world = &world;
            async move { world.read(&format!("/v1/freshness?{query}")).await.expect(200).json()["leases"].clone() }
        };
        assert_eq!(leases(format!("product={product}")).await, 2);
        assert_eq!(leases(format!("product={other}")).await, 0);
        assert_eq!(leases(format!("customer={customer}&product={product}")).await, 1);
        assert_eq!(leases("region=mars".to_owned()).await, 0);
        let by = world.read("/v1/freshness?by=customer").await.expect(200).json()["by"].clone();
        let names: Vec<&Value> = by.as_array().unwrap().iter().map(|group| &group["name"]).collect();
        assert!(names.contains(&&json!("Ann")) && names.contains(&&json!(null)), "{by}");
        let by = world.read("/v1/freshness?by=region").await.expect(200).json()["by"].clone();
        assert_eq!((&by[0]["name"], &by[0]["id"], &by[0]["leases"]), (&json!(null), &json!(null), &json!(2)), "{by}");
    }

    async fn a_plan_s_change_is_tried_before_it_is_made(db: TestDb) {
        let world = World::new(&db).await;
        let (product, _, key) = world.licensed(3).await;
        world.activate(&product, &key, 1).await.expect(201);
        let plan = world.read("/v1/plans").await.json()["items"][0]["id"].as_str().unwrap().to_owned();
        let path = format!("/v1/freshness?plan={plan}&lease_seconds={}&grace_seconds={}", 7 * DAY, 3 * DAY);
        let tried = world.read(&path).await.expect(200).json();
        let what_if = &tried["what_if"];
        assert!(is_about(&what_if["before"]["first"], 30 * DAY) && is_about(&what_if["after"]["first"], 10 * DAY), "{tried}");
        assert_eq!((&what_if["plan"], &what_if["lease_seconds"], &what_if["stopped_already"]), (&json!(plan), &json!(7 * DAY), &json!(0)));
        let own = world.read(&format!("/v1/freshness?plan={plan}")).await.expect(200).json();
        assert_eq!((&own["what_if"]["lease_seconds"], &own["what_if"]["grace_seconds"]), (&json!(14 * DAY), &json!(16 * DAY)));
        assert!(is_about(&own["what_if"]["after"]["first"], 30 * DAY), "{own}");
        // Nothing was changed by trying.
        assert_eq!(world.read(&format!("/v1/plans/{plan}")).await.json()["terms"]["lease_seconds"], 14 * DAY);
    }

    async fn what_makes_no_sense_is_refused_and_what_is_another_s_does_not_exist(db: TestDb) {
        let world = World::new(&db).await;
        let (product, _, key) = world.licensed(3).await;
        world.activate(&product, &key, 1).await.expect(201);
        let customer = world.post("/v1/customers", json!({ "name": "Ann" })).await.expect(201).text("id");
        let plan = world.read("/v1/plans").await.json()["items"][0]["id"].as_str().unwrap().to_owned();
        for (query, pointer) in [
            ("by=country".to_owned(), "/by"), ("points=1".to_owned(), "/points"), ("points=501".to_owned(), "/points"),
            ("points=many".to_owned(), "/points"), ("product=prd_x".to_owned(), "/product"), ("until=5".to_owned(), "/until"),
            ("lease_seconds=900".to_owned(), "/plan"), (format!("plan={plan}&lease_seconds=59"), "/lease_seconds"),
            (format!("plan={plan}&grace_seconds=-1"), "/grace_seconds"), (format!("plan={plan}&grace_seconds=x"), "/grace_seconds"),
        ] {
            let refused = world.read(&format!("/v1/freshness?{query}")).await.refused(400, "invalid_request");
            assert_eq!(refused.json()["pointer"], pointer, "{query}");
        }
        let stranger = world.foreign_token(&db).await;
        let ask = |query: String| {
            let (world, stranger) = (&world, &stranger);
            async move { world.call_as(stranger, http::Method::GET, &format!("/v1/freshness{query}"), None).await }
        };
        assert_eq!(ask(String::new()).await.expect(200).json()["leases"], 0);
        for query in [format!("?product={product}"), format!("?customer={customer}"), format!("?plan={plan}")] {
            ask(query).await.refused(404, "not_found");
        }
        let narrow = world.token_with(vec![Permission::CustomersRead, Permission::LicensesRead]).await;
        world.call_as(&narrow, http::Method::GET, "/v1/freshness", None).await.refused(403, "forbidden");
    }
}
