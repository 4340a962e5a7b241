//! Products, plans and keys, as the server's pages and forms do them for a browser without scripting.

use std::collections::BTreeSet;

use axum::http::{StatusCode, header};
use holdfast_domain::{ProductId, Role};
use holdfast_service::{
    Call,
    admin::{
        inputs::{PlanFilter, UpdatePlan},
        page::PageRequest,
    },
};

use crate::world::{World, function, text};

/// The names of a product's keys with this status.
async fn keys(world: &World, product: ProductId, status: &str) -> Vec<String> {
    let keys = world.service.signing_keys(&Call::system(world.vendor)).await.unwrap();
    let own = keys.into_iter().filter(|key| key.product == Some(product) && key.status == status);
    own.map(|key| key.kid).collect()
}

/// What the page holds between its frame.
fn main_of(body: &str) -> &str {
    body.split_once("<main").unwrap().1.split_once("</main>").unwrap().0
}

#[tokio::test]
async fn an_owner_who_has_just_confirmed_rotates_and_revokes_keys() {
    let world = World::new().await;
    let things = world.things("keys").await;
    let mut owner = world.member(world.vendor, Role::Owner).await;
    let product = format!("/console/products/{}", things.product);
    let tab = format!("{product}?tab=keys");
    let first = keys(&world, things.product, "active").await.remove(0);
    let (rotate, revoke) = (format!("{product}/keys/rotate"), format!("{product}/keys/{first}"));
    let page = owner.get(&tab).await.body;
    assert!(page.contains(&format!("href=\"{rotate}\"")) && page.contains(&format!("href=\"{revoke}\"")));
    // What follows, and for whom, is said first.
    let page = owner.get(&rotate).await.body;
    assert!(page.contains(&format!("{first} signs nothing more after seven days")), "{page}");
    let page = owner.get(&revoke).await.body;
    for piece in ["1 device has a seat", "A new key is made", "cannot be undone", "name=\"reason\""] {
        assert!(page.contains(piece), "{piece}: {page}");
    }
    let rotation = format!("product={}", things.product);
    let revocation = |kid: &str, reason: &str| format!("product={}&key={kid}&reason={reason}", things.product);
    let stale = "UPDATE sessions SET data = json_set(data, '$.confirmed_at', 0)";
    holdfast_store::raw::run(&world.db.db, stale).await.unwrap();
    for (name, fields) in [("rotate_keys", rotation.clone()), ("revoke_key", revocation(&first, "Leaked"))] {
        assert_eq!(owner.call(&function(name), &fields).await.code(), "step_up_required", "{name}");
    }
    assert_eq!(keys(&world, things.product, "active").await, [first.as_str()], "nothing was done");

    let mut owner = world.browser();
    owner.sign_in("owner-ours@example.com").await;
    let answer = owner.submit(&rotate, &function("rotate_keys"), &rotation).await;
    assert!(answer.header(header::LOCATION).ends_with("?tab=keys&done=keys_rotated"), "{answer:?}");
    let second = keys(&world, things.product, "active").await.remove(0);
    assert_eq!(keys(&world, things.product, "retiring").await, [first.as_str()]);
    assert!(owner.get(&revoke).await.body.contains("active key goes on signing"));
    let answer = owner.call(&function("revoke_key"), &revocation(&first, "")).await;
    assert_eq!(answer.code(), "invalid_request", "a reason is asked for");
    let answer = owner.submit(&revoke, &function("revoke_key"), &revocation(&first, "Found+in+a+repository")).await;
    assert!(answer.header(header::LOCATION).ends_with("?tab=keys&done=key_revoked"), "{answer:?}");
    assert_eq!(keys(&world, things.product, "revoked").await, [first.as_str()]);
    assert_eq!(keys(&world, things.product, "active").await, [second.as_str()]);
    assert!(owner.get("/console/audit").await.body.contains("Found in a repository"));
    // Once is enough.
    assert_eq!(owner.get(&revoke).await.status, StatusCode::NOT_FOUND);
    assert!(!owner.get(&tab).await.body.contains(&format!("href=\"{revoke}\"")));
}

#[tokio::test]
async fn an_archived_plan_is_hidden_from_choice_until_it_is_restored() {
    let world = World::new().await;
    let things = world.things("archive").await;
    let mut owner = world.member(world.vendor, Role::Owner).await;
    let plan = format!("/console/plans/{}", things.plan);
    let issue = format!("/console/licenses/new?plan={}", things.plan);
    for (archived, word) in [("true", "plan_archived"), ("false", "plan_restored"), ("true", "plan_archived")] {
        let fields = format!("id={}&archived={archived}", things.plan);
        let answer = owner.submit(&plan, &function("archive_plan"), &fields).await;
        assert!(answer.header(header::LOCATION).ends_with(&format!("{plan}?done={word}")), "{answer:?}");
        let (page, choice) = (owner.get(&plan).await.body, owner.get("/console/licenses/new").await.body);
        let hidden = archived == "true";
        assert_eq!(page.contains("Archived"), hidden);
        assert_eq!(page.contains(&issue), !hidden);
        assert_eq!(choice.contains(&format!("value=\"{}\"", things.plan)), !hidden);
    }
}

#[tokio::test]
async fn a_plan_that_somebody_else_changed_meanwhile_is_looked_at_again() {
    let world = World::new().await;
    let things = world.things("meanwhile").await;
    let mut owner = world.member(world.vendor, Role::Owner).await;
    let edit = format!("/console/plans/{}?tab=edit", things.plan);
    let seen = |body: &str| {
        let rest = body.split_once("name=\"plan[seen]\" value=\"").unwrap().1;
        rest.split_once('"').unwrap().0.to_owned()
    };
    let typed = |seen: &str| {
        let terms = "plan[sold]=subscription&plan[months]=12&plan[used]=devices&plan[seats]=5&plan[offline]=standard";
        format!("plan[seen]={seen}&plan[name]=Pro&{terms}")
    };
    let check = |seen: &str| format!("/console/plans/{}/check?{}", things.plan, typed(seen));
    let save = |seen: &str| format!("id={}&{}", things.plan, typed(seen));
    let first = seen(&owner.get(&edit).await.body);
    let theirs = UpdatePlan { name: Some(text("Professional")), ..UpdatePlan::default() };
    world.service.update_plan(&Call::system(world.vendor), things.plan, theirs).await.unwrap();
    let checked = owner.get(&check(&first)).await.body;
    assert!(checked.contains("It was changed meanwhile") && !checked.contains("Save for new licenses"), "{checked}");
    assert_eq!(owner.call(&function("save_plan"), &save(&first)).await.code(), "changed_meanwhile");
    // Back in the form, what was typed is there, over the plan as it is now.
    let back = check(&first).replace("/check?", "?tab=edit&");
    let back = owner.get(&back).await.body;
    assert!(back.contains("name=\"plan[seats]\"") && back.contains("value=\"5\""));
    let second = seen(&back);
    assert_ne!(first, second);
    let checked = owner.get(&check(&second)).await.body;
    assert_eq!(seen(&checked), second, "it is sent along");
    // Whoever clicks twice has saved once.
    for _ in 0..2 {
        assert_eq!(owner.call(&function("save_plan"), &save(&second)).await.code(), "ok");
    }
    let plan = world.service.plan(&Call::system(world.vendor).actor, things.plan).await.unwrap();
    assert_eq!((plan.name.as_str(), plan.terms.seats), ("Pro", 5));
}

#[tokio::test]
async fn a_product_answers_other_systems_clients_once_that_is_switched_on() {
    let world = World::new().await;
    let things = world.things("gateways").await;
    let mut owner = world.member(world.vendor, Role::Owner).await;
    let product = format!("/console/products/{}", things.product);
    let at = format!("{product}/gateways/keylight");
    let tab = owner.get(&format!("{product}?tab=gateways")).await.body;
    assert!(tab.contains(&format!("href=\"{at}\"")) && tab.contains(&format!("/gateways/{}/keylight", things.product)));
    assert!(!main_of(&tab).contains(">On<"), "all are off at first");
    let page = owner.get(&at).await.body;
    assert!(!main_of(&page).contains("Public key"), "there is no key before");
    assert!(!main_of(&page).contains("The present key is not kept"));
    let rekey = format!("/console/licenses/{}/rekey", things.license);
    let shows_the_key = "An application built for Keylight shows the key each time";
    let page = owner.get(&rekey).await.body;
    assert!(page.contains("a lease does not depend on the key") && !page.contains(shows_the_key), "{page}");

    // What its clients verify has to be known.
    let fields =
        format!("id={}&kind=keylight&gateway[on]=true&gateway[account]=acme&gateway[product]=", things.product);
    let answer = owner.call(&function("set_gateway"), &fields).await;
    assert!(answer.body.contains("\"field\":\"product\""), "{answer:?}");
    let fields = format!(
        "id={}&kind=keylight&gateway[on]=true&gateway[account]=acme&gateway[product]=draw&gateway[trial_days]=14",
        things.product
    );
    let answer = owner.submit(&at, &function("set_gateway"), &fields).await;
    assert!(answer.header(header::LOCATION).ends_with("/gateways/keylight?done=saved"), "{answer:?}");
    let page = owner.get(&at).await.body;
    for piece in [">On<", "Public key", "value=\"acme\"", "value=\"14\"", "The present key is not kept"] {
        assert!(main_of(&page).contains(piece), "{piece}: {page}");
    }
    let page = owner.get(&rekey).await.body;
    assert!(page.contains(shows_the_key), "{page}");
    // Whoever approves it reads the same.
    let mut support = world.member(world.vendor, Role::Support).await;
    let fields = format!("id={}&ask=true&reason=Posted", things.license);
    let asked = support.submit(&rekey, &function("rekey"), &fields).await;
    let page = owner.get(asked.header(header::LOCATION)).await.body;
    assert!(page.contains(shows_the_key), "{page}");
    let seed = "09".repeat(32);
    let fields = |key: &str| format!("id={}&kind=keylight&kid=k-2024&replace=true&secret={key}", things.product);
    let answer = owner.submit(&at, &function("set_gateway_key"), &fields("nonsense")).await;
    let refused = owner.get(answer.header(header::LOCATION)).await.body;
    assert!(refused.contains("An Ed25519 private key") && !refused.contains("nonsense"), "{refused}");
    let answer = owner.call(&function("set_gateway_key"), &fields(&seed).replace("replace=true&", "")).await;
    assert!(answer.body.contains("\"field\":\"replace\""), "the key that is in use is not lost by mistake: {answer:?}");
    let answer = owner.submit(&at, &function("set_gateway_key"), &fields(&seed)).await;
    assert!(answer.header(header::LOCATION).ends_with("?done=gateway_key"), "{answer:?}");
    let page = owner.get(&at).await.body;
    assert!(page.contains("k-2024") && !page.contains(&seed), "{page}");
    let log = owner.get("/console/audit").await.body;
    assert!(log.contains("gateway") && !log.contains(&seed), "{log}");

    let at = format!("{product}/gateways/lemon_squeezy");
    let fields = format!(
        "id={}&kind=lemon_squeezy&gateway[on]=true&gateway[account]=12&gateway[product]=&gateway[plans]=nothing+%3D+7",
        things.product
    );
    let answer = owner.call(&function("set_gateway"), &fields).await;
    assert!(answer.body.contains("\"field\":\"plans\""), "{answer:?}");
    assert!(!owner.get(&at).await.body.contains("Private key"), "Lemon Squeezy signs nothing");
    let keygen = format!("{product}/gateways/keygen");
    let page = owner.get(&keygen).await.body;
    assert!(page.contains("Save gateway") && page.contains("Set key"));
    for (role, writes) in [(Role::Admin, true), (Role::Developer, true), (Role::Viewer, false)] {
        let mut browser = world.member(world.vendor, role).await;
        let page = browser.get(&keygen).await.body;
        assert_eq!(page.contains("Save gateway"), writes, "{role:?}");
        assert!(!page.contains("Set key"), "{role:?}");
    }
    assert_eq!(owner.get(&format!("{product}/gateways/gumroad")).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn nobody_is_offered_on_products_and_plans_what_they_are_refused() {
    let world = World::new().await;
    let things = world.things("offers").await;
    let product = format!("/console/products/{}", things.product);
    let tabs =
        ["", "?tab=entitlements", "?tab=keys", "?tab=integrate", "?tab=gateways", "?tab=settings", "/gateways/keygen"];
    let pages = tabs.map(|tab| format!("{product}{tab}")).into_iter().chain([
        "/console/products".to_owned(),
        "/console/products?archived=true".to_owned(),
        format!("/console/plans/{}", things.plan),
        format!("/console/plans/{}?tab=edit", things.plan),
    ]);
    let pages: Vec<String> = pages.collect();
    for role in Role::ALL {
        let mut browser = world.member(world.vendor, role).await;
        let mut offered = BTreeSet::new();
        for page in &pages {
            let answer = browser.get(page).await;
            assert_eq!(answer.status, StatusCode::OK, "{page} for {role:?}");
            let main = main_of(&answer.body);
            let links = main.split("href=\"").skip(1).filter_map(|rest| rest.split_once('"'));
            offered.extend(links.map(|(link, _)| link.replace("&amp;", "&")).filter(|link| link.starts_with('/')));
            let writes = matches!(role, Role::Owner | Role::Admin | Role::Developer);
            assert!(writes || !main.contains("method=\"post\""), "{page} has a form for {role:?}");
        }
        let issues = offered.contains(&format!("/console/licenses/new?plan={}", things.plan));
        assert_eq!(issues, matches!(role, Role::Owner | Role::Admin | Role::Developer), "{role:?}");
        // An admin asks an owner for it there.
        assert_eq!(offered.contains(&format!("{product}/keys/rotate")), matches!(role, Role::Owner | Role::Admin));
        assert!(offered.contains(&format!("/console/licenses?product={}", things.product)), "{role:?}");
        for link in offered {
            assert_eq!(browser.get(&link).await.status, StatusCode::OK, "{link} for {role:?}");
        }
    }
}

#[tokio::test]
async fn a_product_comes_with_a_usual_plan_where_that_is_wanted() {
    let world = World::new().await;
    let mut owner = world.member(world.vendor, Role::Owner).await;
    let form = owner.get("/console/products/new").await.body;
    assert!(form.contains("With a usual plan"));
    for (name, plan, done) in [("Editor", "&plan=true", "product_ready"), ("Viewer", "", "product_created")] {
        let fields = format!("name={name}&code={plan}");
        let answer = owner.submit("/console/products/new", &function("create_product"), &fields).await;
        let leads_to = answer.header(header::LOCATION).to_owned();
        assert!(leads_to.ends_with(done), "{leads_to}");
        let id = leads_to.split_once("/products/").unwrap().1.split_once('?').unwrap().0;
        let call = Call::system(world.vendor);
        let filter = PlanFilter { product: Some(text(id)), ..PlanFilter::default() };
        let plans = world.service.plans(&call.actor, filter, PageRequest::default()).await.unwrap().items;
        assert_eq!(plans.len(), usize::from(!plan.is_empty()));
        let page = owner.get(&leads_to[leads_to.find("/console").unwrap()..]).await.body;
        assert_eq!(main_of(&page).contains("href=\"/console/licenses/new\""), !plans.is_empty());
    }
}

#[tokio::test]
async fn the_first_verified_lease_is_told_of_for_a_day() {
    let world = World::new().await;
    let mut owner = world.member(world.vendor, Role::Owner).await;
    let overview = owner.get("/console").await.body;
    assert!(overview.contains("Name your product") && !overview.contains("first lease is verified"));
    world.things("first").await;
    let overview = owner.get("/console").await.body;
    for piece in ["Your first lease is verified", "Computer first works until 20", "without us", "Name your product"] {
        assert!(overview.contains(piece), "{piece}: {overview}");
    }
    let yesterday = "UPDATE seats SET first_seen_at = first_seen_at - 86400000000";
    holdfast_store::raw::run(&world.db.db, yesterday).await.unwrap();
    let overview = owner.get("/console").await.body;
    assert!(!overview.contains("first lease is verified") && !overview.contains("Name your product"), "{overview}");
}

#[tokio::test]
async fn a_product_shows_the_program_that_is_compiled_with_the_client_library() {
    let world = World::new().await;
    let things = world.things("snippet").await;
    let mut owner = world.member(world.vendor, Role::Viewer).await;
    let page = owner.get(&format!("/console/products/{}?tab=integrate", things.product)).await.body;
    let shown = main_of(&page).replace("&quot;", "\"").replace("&amp;", "&").replace("&gt;", ">").replace("&lt;", "<");
    let vendor = world.service.vendor(&Call::system(world.vendor).actor).await.unwrap();
    let example = include_str!("../../../sdk/rust/examples/first_launch.rs");
    let mut lines = example.lines().filter(|line| !line.starts_with("//!") && !line.contains("allow_plain_http"));
    let own = |line: &str| {
        let line = line.replace("prd_…", &things.product.to_string());
        line.replace("your root public key", &vendor.root_public_key)
    };
    assert!(lines.by_ref().next().unwrap().is_empty());
    let program: Vec<String> = lines.map(own).collect();
    assert!(shown.contains(&program.join("\n")), "{shown}\n{}", program.join("\n"));
    let check = format!("--root-public-key {} --product {}", vendor.root_public_key, things.product);
    assert!(shown.contains(&check), "{shown}");
}
