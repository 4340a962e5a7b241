//! Lists as the server writes them, for browsers without scripting: what narrows them, sorts them, and leaves with them.

use axum::http::{StatusCode, header};
use holdfast_domain::Role;
use holdfast_service::{
    Call,
    admin::{
        bulk::{BulkStep, Target},
        inputs::CreateCustomer,
    },
};

use crate::world::{World, function, text};

#[tokio::test]
async fn filters_are_chips_and_heads_are_links_that_keep_them() {
    let world = World::new().await;
    let things = world.things("chips").await;
    let mut owner = world.member(world.vendor, Role::Owner).await;
    let path = format!(
        "/console/licenses?state=active&customer={}&sort=-seats_taken&cols=customer,seats,ends",
        things.customer
    );
    let page = owner.get(&path).await;
    assert_eq!(page.status, StatusCode::OK);
    for piece in [
        "State: Active",
        "Customer: Customer chips",
        "sort=seats_taken",
        "sort=expires_at",
        "name=\"sort\" value=\"-seats_taken\"",
        "name=\"customer\"",
        "/console/exports/licenses.csv?state=active",
        "Never activated",
    ] {
        assert!(page.body.contains(piece), "{piece} is missing");
    }
    // What is not shown is not there, and a chip leads to the list without it.
    assert!(!page.body.contains("Last seen</a>"), "a column that was not asked for");
    let without = format!("/console/licenses?customer={}&amp;sort=-seats_taken", things.customer);
    assert!(page.body.contains(&without), "no way to take the state away");
    // What no field offers narrows the list too, and says so.
    let page = owner.get("/console/seats?unseen=14&platform=amiga").await;
    assert!(page.body.contains("Not seen: 14") && page.body.contains("Platform: amiga"), "{}", page.body);
    let page = owner.get(&format!("/console/audit?subject={}&q={}", things.plan, things.license)).await;
    assert!(page.body.contains(&format!("href=\"/console/licenses/{}\"", things.license)), "{}", page.body);
    assert!(!page.body.contains(&format!("href=\"/console/plans/{}\"", things.plan)), "what is searched for counts");
    for odd in ["use=&state=", "ends=45", "sort=secret", "cols=,,x", "unseen=", "after=", "q=%00%ff", "=&&=x"] {
        assert_eq!(owner.get(&format!("/console/licenses?{odd}")).await.status, StatusCode::OK, "{odd}");
    }
    for bad in ["state=expird", "use=most", "product=nonsense", "unseen=-3", "ends_after=soon", "after=AAAA"] {
        let page = owner.get(&format!("/console/licenses?{bad}")).await;
        assert!(page.body.contains("role=\"alert\""), "{bad}: {}", page.body);
    }
}

#[tokio::test]
async fn a_customers_page_has_what_is_theirs_of_the_lists() {
    let world = World::new().await;
    let (things, others) = (world.things("hers").await, world.things("his").await);
    let mut viewer = world.member(world.vendor, Role::Viewer).await;
    let path = format!("/console/customers/{}", things.customer);
    let license = format!("/console/licenses/{}", things.license);
    for (tab, there) in [
        ("", vec!["customer-hers@example.com", "Licenses (1)", "Customer created", "?tab=timeline\""]),
        ("?tab=orders", vec!["order-hers", "Paid", "/console/orders?customer="]),
        ("?tab=devices", vec!["Computer hers", license.as_str(), "/console/seats?customer="]),
        ("?tab=timeline", vec!["Device activated", "Order noted", "License issued", "License …", license.as_str()]),
        ("?tab=timeline&told=devices", vec!["Device activated"]),
        ("?tab=none-such", vec!["Licenses (1)"]),
    ] {
        let page = viewer.get(&format!("{path}{tab}")).await;
        assert_eq!(page.status, StatusCode::OK, "{tab}");
        for piece in there {
            assert!(page.body.contains(piece), "{tab}: {piece}: {}", page.body);
        }
        for piece in ["order-his", "Computer his", &others.license.to_string()] {
            assert!(!page.body.contains(piece), "{tab}: {piece} is another's");
        }
    }
    let page = viewer.get(&format!("{path}?tab=timeline&told=devices")).await;
    assert!(!page.body.contains("Customer created") && !page.body.contains("Order noted"), "{}", page.body);
    let input = CreateCustomer { name: Some(text("Nobody yet")), ..CreateCustomer::default() };
    let empty = world.service.create_customer(&Call::system(world.vendor), input).await.unwrap().id;
    for (tab, said) in [
        ("", "No licenses yet"),
        ("?tab=orders", "No orders yet"),
        ("?tab=devices", "No devices yet"),
        ("?tab=timeline&told=devices", "Nothing of this kind has happened."),
    ] {
        let page = viewer.get(&format!("/console/customers/{empty}{tab}")).await;
        assert!(page.body.contains(said), "{tab}: {}", page.body);
        assert!(!page.body.contains("Issue license"), "a viewer issues none");
    }
    let mut stranger = world.member(world.other, Role::Owner).await;
    for tab in ["", "?tab=orders", "?tab=devices", "?tab=timeline"] {
        assert_eq!(stranger.get(&format!("{path}{tab}")).await.status, StatusCode::NOT_FOUND, "{tab}");
    }
    assert!(viewer.get(&format!("{path}?tab=orders&after=AAAA")).await.body.contains("role=\"alert\""));
}

#[tokio::test]
async fn tables_that_are_no_lists_are_searched_as_well() {
    let world = World::new().await;
    world.things("wanted").await;
    world.things("other").await;
    let mut owner = world.member(world.vendor, Role::Owner).await;
    for (path, found, other) in [
        ("/console/products?q=WANT", "Product wanted", "Product other"),
        ("/console/webhooks?q=com%2Fwant", "https://example.com/wanted", "https://example.com/other"),
        ("/console/team?q=wanted", "invited-wanted@example.com", "invited-other@example.com"),
        ("/console/team?q=Member+want", "Member wanted", "Member other"),
    ] {
        let page = owner.get(path).await.body;
        assert!(page.contains(found), "{path}: {page}");
        assert!(!page.contains(other), "{path}: {page}");
        assert!(page.contains("id=\"list-q\""), "{path}");
        let all = path.split('?').next().unwrap();
        let page = owner.get(all).await.body;
        assert!(page.contains(found) && page.contains(other), "{all}");
        let page = owner.get(&format!("{all}?q=nothing+at+all")).await.body;
        assert!(page.contains(" matches<") && page.contains(&format!("href=\"{all}\"")), "{all}: {page}");
    }
    // The same tokens, by their name and by their first characters.
    for (q, shown) in [("hop", true), ("HF_SK", true), ("%25", false), ("%00", true)] {
        let page = owner.get(&format!("/console/tokens?q={q}")).await.body;
        assert_eq!(page.contains("/console/tokens/tok_"), shown, "{q}: {page}");
    }
    assert!(
        owner.get("/console/products?archived=true&q=want").await.body.contains("name=\"archived\" value=\"true\"")
    );
}

#[tokio::test]
async fn an_export_holds_what_the_list_does_and_no_formula() {
    let world = World::new().await;
    world.things("out").await;
    let name = "=HYPERLINK(\"http://example.com\")\u{2028}<script>";
    let input = CreateCustomer { name: Some(text(name)), ..CreateCustomer::default() };
    world.service.create_customer(&Call::system(world.vendor), input).await.unwrap();
    let mut viewer = world.member(world.vendor, Role::Viewer).await;
    let csv = viewer.get("/console/exports/customers.csv?q=hyperlink&sort=name&cols=email").await;
    assert_eq!((csv.status, csv.header(header::CONTENT_TYPE)), (StatusCode::OK, "text/csv; charset=utf-8"));
    assert_eq!(csv.header(header::CONTENT_DISPOSITION), "attachment; filename=\"customers.csv\"");
    assert_eq!(csv.header(header::CACHE_CONTROL), "no-store");
    assert_eq!(csv.body.lines().count(), 2, "{}", csv.body);
    assert!(csv.body.contains("\"'=HYPERLINK(\"\"http://example.com\"\")"), "{}", csv.body);
    let json = viewer.get("/console/exports/customers.json").await;
    assert_eq!(serde_json::from_str::<Vec<serde_json::Value>>(&json.body).unwrap().len(), 2);
    for (path, status) in [
        ("/console/exports/secrets.csv", StatusCode::BAD_REQUEST),
        ("/console/exports/licenses.exe", StatusCode::NOT_FOUND),
        ("/console/exports/licenses", StatusCode::NOT_FOUND),
        ("/console/exports/licenses.csv?product=x", StatusCode::BAD_REQUEST),
        ("/console/exports/licenses.csv?state=expird", StatusCode::BAD_REQUEST),
        ("/console/exports/seats.csv?state=free", StatusCode::BAD_REQUEST),
        ("/console/exports/orders.csv?status=payed", StatusCode::BAD_REQUEST),
        ("/console/exports/seats.json", StatusCode::OK),
        ("/console/exports/orders.csv", StatusCode::OK),
        ("/console/exports/events.json", StatusCode::OK),
    ] {
        assert_eq!(viewer.get(path).await.status, status, "{path}");
    }
    assert_eq!(world.browser().get("/console/exports/licenses.csv").await.status, StatusCode::FOUND);
}

#[tokio::test]
async fn a_saved_view_leads_to_its_list_whatever_its_query_holds() {
    let world = World::new().await;
    let mut owner = world.member(world.vendor, Role::Owner).await;
    let evil = "of=licenses&name=Mine&query=q%3D%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E%26after%3Dx%26state%3Dactive";
    let saved = owner.call(&function("save_view"), evil).await;
    assert_eq!(saved.code(), "ok");
    assert!(saved.header(header::LOCATION).starts_with("/console/licenses?q=%22%3E%3Cscript"), "{:?}", saved.headers);
    let page = owner.get("/console/licenses").await;
    assert!(page.body.contains(">Mine<"), "it is a tab");
    assert!(!page.body.contains("<script>alert(1)"), "it is written as text");
    let unknown = owner.call(&function("save_view"), "of=secrets&name=Mine&query=a%3Db").await;
    assert_eq!(unknown.code(), "not_found");
    // Whether it is one or was mistyped: a key is a secret.
    let key = owner.call(&function("save_view"), "of=seats&name=Mine&query=q%3DAAAAA-BBBBB-CCCCC-DDDDD-EEEEE").await;
    assert_eq!(key.code(), "invalid_request");
}

#[tokio::test]
async fn each_figure_of_the_overview_leads_to_what_it_counts() {
    let world = World::new().await;
    world.things("figure").await;
    let mut owner = world.member(world.vendor, Role::Owner).await;
    let overview = owner.get("/console").await.body;
    for (name, href) in [
        ("Active licenses", "/console/licenses?state=active"),
        ("Devices in use", "/console/seats?state=active"),
        ("Suspended", "/console/licenses?state=suspended"),
    ] {
        let before = overview.split_once(name).unwrap_or_else(|| panic!("{name} is missing")).0;
        let link = before.rsplit_once("href=\"").unwrap().1.split('"').next().unwrap();
        assert_eq!(link, href, "{name}");
    }
    assert!(owner.get("/console/seats?state=active").await.body.contains("Computer figure"));
}

#[tokio::test]
async fn the_report_of_an_act_says_whose_each_was_and_leaves_as_a_file() {
    let world = World::new().await;
    let things = world.things("report").await;
    let (service, call) = (&world.service, Call::system(world.vendor));
    let id = things.bulk;
    let mut owner = world.member(world.vendor, Role::Owner).await;
    let hint = service.license(&call.actor, things.license).await.unwrap().license.key_hint;
    let page = owner.get(&format!("/console/acts/{id}")).await.body;
    for piece in [format!("…{hint}"), "Customer report".to_owned(), "To be done".to_owned()] {
        assert!(page.contains(&piece), "{piece}: {page}");
    }
    let file = format!("/console/exports/report.csv?act={id}");
    assert!(page.contains(&format!("href=\"{file}\"")), "{page}");
    let csv = owner.get(&file).await;
    assert_eq!((csv.status, csv.header(header::CONTENT_TYPE)), (StatusCode::OK, "text/csv; charset=utf-8"));
    let lines: Vec<&str> = csv.body.lines().collect();
    assert_eq!(lines[0], "number,id,key,customer,customer_name,device,fate,why");
    assert_eq!(lines[1], format!("1,{},…{hint},{},Customer report,,pending,", things.license, things.customer));
    assert_eq!(lines.len(), 2);
    let none = owner.get(&format!("{file}&fate=refused")).await;
    assert_eq!((none.status, none.body.lines().count()), (StatusCode::OK, 1));
    for (path, status) in [
        (format!("{file}&fate=odd"), StatusCode::BAD_REQUEST),
        ("/console/exports/report.csv".to_owned(), StatusCode::BAD_REQUEST),
        ("/console/exports/report.csv?act=nonsense".to_owned(), StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(owner.get(&path).await.status, status, "{path}");
    }
    let mut stranger = world.member(world.other, Role::Owner).await;
    assert_eq!(stranger.get(&file).await.status, StatusCode::NOT_FOUND);
    assert_eq!(world.browser().get(&file).await.status, StatusCode::FOUND);
}

#[tokio::test]
async fn acts_on_many_go_on_over_pages() {
    let world = World::new().await;
    let things = world.things("pages").await;
    let call = Call::system(world.vendor);
    for _ in 0..50 {
        let target = Target::Licenses(vec![things.license]);
        world.service.begin_bulk(&call, None, BulkStep::Extend(1), target, text("Asked")).await.unwrap();
    }
    let mut viewer = world.member(world.vendor, Role::Viewer).await;
    let page = viewer.get("/console/acts").await.body;
    let rows = |page: &str| page.matches("href=\"/console/acts/blk_").count();
    assert!(rows(&page) == 50 && page.contains("51"), "{page}");
    let next = page.split_once("href=\"/console/acts?after=").unwrap().1.split('"').next().unwrap();
    let page = viewer.get(&format!("/console/acts?after={next}")).await.body;
    assert_eq!(rows(&page), 1, "{page}");
    assert!(page.contains(&things.bulk.to_string()) && page.contains("First page"));
}

#[tokio::test]
async fn an_act_on_many_names_what_it_is_about() {
    let world = World::new().await;
    let things = world.things("many").await;
    let mut owner = world.member(world.vendor, Role::Owner).await;
    // Naming none is not to name all.
    for (about, code) in [
        ("act[of]=licenses&act[ids]=&act[query]=", "invalid_request"),
        ("act[of]=licenses&act[query]=state%3Dactive", "invalid_request"),
        ("act[of]=customers&act[ids]=all", "not_found"),
        ("act[of]=&act[ids]=all", "not_found"),
    ] {
        let answer = owner.call(&function("begin_act"), &format!("{about}&act[step]=suspend&reason=Asked")).await;
        assert_eq!(answer.code(), code, "{about}");
    }
    // Sent twice, it is begun once.
    let page = owner.get(&format!("/console/acts/new?of=licenses&step=suspend&id={}", things.license)).await;
    for piece in ["Suspend 1 license", "1 device loses access", "Computer many", "Stops at the latest"] {
        assert!(page.body.contains(piece), "{piece} is missing");
    }
    let (_, rest) = page.body.split_once("name=\"act[id]\" value=\"").unwrap();
    let id = rest.split('"').next().unwrap();
    let form = format!("act[id]={id}&act[of]=licenses&act[step]=suspend&act[ids]={}&reason=Asked", things.license);
    for _ in 0..2 {
        let begun = owner.call(&function("begin_act"), &form).await;
        assert_eq!(
            (begun.code().as_str(), begun.header(header::LOCATION)),
            ("ok", format!("/console/acts/{id}").as_str())
        );
    }
    let page = owner.get(&format!("/console/acts/{id}")).await;
    assert!(page.body.contains("Stop it"), "{}", page.body);
    assert_eq!(owner.call(&function("stop_act"), &format!("id={id}")).await.code(), "ok");
    let page = owner.get(&format!("/console/acts/{id}")).await;
    assert!(page.body.contains("Somebody stopped it") && !page.body.contains("Stop it<"), "{}", page.body);
}
