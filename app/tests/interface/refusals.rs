//! A form that is not accepted comes back as it was filled in, without scripting and without leaving a trace in addresses.

use axum::{
    body::Body,
    http::{Method, Request, StatusCode, header},
};
use holdfast_domain::{Role, license::StatusChange};
use holdfast_service::{Call, admin::inputs::ChangeStatus};

use crate::world::{Answer, Browser, OWNER, PASSWORD, World, function, text};

/// Sends a form, follows to where the browser is led, and returns that page.
async fn refused(browser: &mut Browser, from: &str, name: &str, fields: &str) -> Answer {
    let answer = browser.submit(from, &function(name), fields).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{name}: {}", answer.body);
    assert_eq!(answer.header(header::LOCATION), format!("{from}#refused"), "{name}");
    assert_eq!(answer.body, "");
    for cookie in answer.headers.get_all(header::SET_COOKIE) {
        let cookie = cookie.to_str().unwrap();
        assert!(cookie.len() <= 4_096 && cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    }
    let page = browser.get(from).await;
    assert_eq!(page.status, StatusCode::OK, "{from}");
    assert!(page.body.contains("id=\"refused\""), "{name}: no summary of what is wrong");
    page
}

fn value(page: &Answer, field: &str) -> String {
    let at = page.body.find(&format!("name=\"{field}\"")).unwrap_or_else(|| panic!("no field {field}"));
    let tag = &page.body[page.body[..at].rfind('<').unwrap()..];
    let tag = &tag[..tag.find('>').unwrap()];
    tag.split_once("value=\"").map(|(_, rest)| rest.split('"').next().unwrap().to_owned()).unwrap_or_default()
}

#[tokio::test]
async fn what_was_typed_comes_back_once_and_passwords_never() {
    let world = World::new().await;
    let mut browser = world.browser();
    let page = refused(
        &mut browser,
        "/sign-in?next=%2Fconsole%2Faudit",
        "sign_in",
        "email=ann%40example.com&password=a+wrong+one&next=",
    )
    .await;
    assert_eq!(value(&page, "email"), "ann@example.com");
    assert_eq!(value(&page, "password"), "");
    assert!(!page.body.contains("a wrong one"));
    let again = browser.get("/sign-in").await;
    assert_eq!(value(&again, "email"), "", "a page that is come back to begins anew");
    assert!(!again.body.contains("id=\"refused\""));
}

#[tokio::test]
async fn every_form_comes_back_with_the_error_beside_its_field() {
    let world = World::new().await;
    let things = world.things("a").await;
    let mut browser = world.browser();
    browser.sign_in(OWNER).await;
    let product = format!("/console/products/{}", things.product);

    let page =
        refused(&mut browser, "/console/products/new", "create_product", "name=Editor+%3Cb%3E&code=No+Good").await;
    assert_eq!((value(&page, "name"), value(&page, "code")), ("Editor &lt;b&gt;".to_owned(), "No Good".to_owned()));
    let beside = page.body.split("id=\"code-wrong\"").nth(1).unwrap().split("</div>").next().unwrap();
    assert!(beside.contains("This field is not right"), "{beside}");

    let page = refused(
        &mut browser,
        &format!("{product}?tab=settings"),
        "rename_product",
        &format!("id={}&name=+", things.product),
    )
    .await;
    assert_eq!(value(&page, "name"), " ");

    let plan = format!(
        "product={}&plan[name]=Studio&plan[code]=&plan[sold]=trial&plan[months]=12&plan[days]=21&plan[used]=floating&plan[seats]=4\
         &plan[offline]=long&plan[entitlements]=not+a+code%0Aexport&plan[has_fallback]=true&plan[fallback]=open",
        things.product
    );
    let page = refused(&mut browser, &format!("{product}/plans/new"), "create_plan", &plan).await;
    assert_eq!((value(&page, "plan[name]"), value(&page, "plan[seats]")), ("Studio".to_owned(), "4".to_owned()));
    assert_eq!(value(&page, "plan[days]"), "21");
    assert!(page.body.contains("not a code\nexport</textarea>"));
    for chosen in ["plan[sold]-trial", "plan[used]-floating", "plan[offline]-long", "plan[has_fallback]"] {
        let tag = page.body.split('<').find(|tag| tag.contains(&format!("id=\"{chosen}\""))).unwrap();
        assert!(tag.contains(" checked"), "{tag}");
    }
    assert_eq!(page.body.matches(" checked").count(), 4, "and no other answer is chosen");

    let page = refused(&mut browser, "/console/customers/new", "create_customer", "email=nowhere&name=Ann").await;
    assert_eq!((value(&page, "email"), value(&page, "name")), ("nowhere".to_owned(), "Ann".to_owned()));

    let customer = format!("/console/customers/{}", things.customer);
    let page =
        refused(&mut browser, &customer, "save_customer", &format!("id={}&name=Ann&email=nowhere", things.customer))
            .await;
    assert_eq!(value(&page, "name"), "Ann");

    let issue = format!(
        "license[plan]={}&license[email]=ann%40example.com&license[name]=Ann&license[seats]=many&license[key]=OTHER-KEY-0001",
        things.plan
    );
    let page = refused(&mut browser, "/console/licenses/new", "issue", &issue).await;
    assert_eq!(
        (value(&page, "license[seats]"), value(&page, "license[key]")),
        ("many".to_owned(), "OTHER-KEY-0001".to_owned())
    );

    let revoke = format!("/console/licenses/{}/revoke", things.license);
    let long = "because ".repeat(400);
    let fields = format!("id={}&step=revoke&reason={}", things.license, long.replace(' ', "+"));
    let page = refused(&mut browser, &revoke, "take_step", &fields).await;
    assert!(page.body.contains(&format!("{long}</textarea>")), "too long for a cookie, so the session keeps it");
    assert!(!browser.get(&revoke).await.body.contains("because because"));

    let extend = format!("/console/licenses/{}/extend?until={}", things.license, things.later);
    let page =
        refused(&mut browser, &extend, "extend", &format!("id={}&until=soon&reason=Asked+for", things.license)).await;
    assert!(page.body.contains("Asked for</textarea>"));

    let import = format!("/console/imports/{}", things.import);
    let fields = format!("id={}&columns[0]=key&columns[1]=nonsense&plan=&dates=day_first", things.import);
    let page = refused(&mut browser, &import, "remap", &fields).await;
    assert!(page.body.contains("value=\"day_first\" selected"), "the order of dates that was chosen");

    let fields = "of=licenses&query=state%3Dactive&name=+&shared=true";
    let page = refused(&mut browser, "/console/licenses?state=active", "save_view", fields).await;
    assert_eq!(value(&page, "name"), " ");
    let around = page.body.split("<details").find(|part| part.contains("save-view")).unwrap();
    assert!(around.split('>').next().unwrap().contains(" open"), "what was typed is in sight");

    let page = refused(&mut browser, "/console/confirm", "confirm", "password=wrong&next=").await;
    assert_eq!(value(&page, "password"), "");
}

#[tokio::test]
async fn an_upload_that_is_not_taken_keeps_what_was_chosen() {
    let world = World::new().await;
    let things = world.things("a").await;
    let mut browser = world.browser();
    browser.sign_in(OWNER).await;
    let part =
        |name: &str, value: &str| format!("--b\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    let body = format!(
        "{}{}{}--b--\r\n",
        part("product", &things.product.to_string()),
        part("plan", &things.plan.to_string()),
        part("dates", "month_first")
    );
    let request = Request::builder()
        .method(Method::POST)
        .uri("/console/imports/upload")
        .header(header::CONTENT_TYPE, "multipart/form-data; boundary=b")
        .header("sec-fetch-site", "same-origin")
        .body(Body::from(body))
        .unwrap();
    let answer = browser.send(request).await;
    assert_eq!(answer.header(header::LOCATION), "/console/imports#refused");
    let page = browser.get("/console/imports").await;
    assert!(page.body.contains("no file was chosen"), "{}", page.body);
    for chosen in [things.plan.to_string(), "month_first".to_owned()] {
        assert!(page.body.contains(&format!("value=\"{chosen}\" selected")), "{chosen}");
    }
}

#[tokio::test]
async fn a_session_that_ended_meanwhile_loses_nothing_either() {
    let world = World::new().await;
    let mut browser = world.member(world.vendor, Role::Developer).await;
    let gone = browser.cookies.remove("holdfast_session");
    assert!(gone.is_some());
    let from = "/console/customers/new";
    let answer = browser.submit(from, &function("create_customer"), "email=ann%40example.com&name=Ann").await;
    assert_eq!(answer.header(header::LOCATION), format!("{from}#refused"));
    let answer = browser.get(from).await;
    assert_eq!(answer.header(header::LOCATION), "/sign-in?next=/console/customers/new");
    browser.sign_in("developer-ours@example.com").await;
    let page = browser.get(from).await;
    assert_eq!(value(&page, "name"), "Ann");
}

#[tokio::test]
async fn whoever_comes_next_sees_nothing_of_what_was_typed() {
    let world = World::new().await;
    let mut developer = world.member(world.vendor, Role::Developer).await;
    developer.call(&function("sign_out"), "").await;
    let from = "/console/customers/new";
    for way in ["signs out", "is signed out"] {
        let mut browser = world.browser();
        browser.sign_in(OWNER).await;
        let fields = "email=nowhere&name=Ann+Secret";
        let answer = browser.submit(from, &function("create_customer"), fields).await;
        assert_eq!(answer.header(header::LOCATION), format!("{from}#refused"));
        if way == "signs out" {
            browser.submit("/console", &function("sign_out"), "").await;
            assert!(browser.cookies.keys().all(|name| !name.contains("note")), "{:?}", browser.cookies);
        } else {
            browser.cookies.remove("holdfast_session");
        }
        browser.sign_in("developer-ours@example.com").await;
        let page = browser.get(from).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(!page.body.contains("Ann Secret"), "{way}");
    }
}

#[tokio::test]
async fn a_form_that_waits_for_a_confirmation_comes_back_filled_in() {
    let world = World::new().await;
    let things = world.things("a").await;
    let mut browser = world.member(world.vendor, Role::Support).await;
    let stale = "UPDATE sessions SET data = json_set(data, '$.confirmed_at', 0)";
    let page = format!("/console/licenses/{}/suspend", things.license);
    for reason in ["Card was refused".to_owned(), "because ".repeat(120).trim().to_owned()] {
        holdfast_store::raw::run(&world.db.db, stale).await.unwrap();
        let fields = format!("id={}&step=suspend&reason={}", things.license, reason.replace(' ', "+"));
        let answer = browser.submit(&page, &function("take_step"), &fields).await;
        let asked = format!("/console/confirm?next={page}");
        assert_eq!((answer.status, answer.header(header::LOCATION)), (StatusCode::SEE_OTHER, asked.as_str()));
        assert_eq!(browser.get(&asked).await.status, StatusCode::OK);
        // A password that is mistyped meanwhile loses nothing.
        let next = page.replace('/', "%2F");
        let wrong = browser.submit(&asked, &function("confirm"), &format!("password=wrong&next={next}")).await;
        assert_eq!(wrong.header(header::LOCATION), format!("{asked}#refused"));
        let shown = browser.get(&asked).await;
        assert!(shown.body.contains("sign_in_failed") && !shown.body.contains(&reason));
        let right = format!("password={}&next={next}", PASSWORD.replace(' ', "+"));
        let answer = browser.submit(&asked, &function("confirm"), &right).await;
        assert_eq!(answer.header(header::LOCATION), page);
        let back = browser.get(&page).await;
        assert!(back.body.contains(&format!("{reason}</textarea>")), "the reason is still there");
        assert!(back.body.contains("nothing has been done yet"));
        assert!(!browser.get(&page).await.body.contains(&reason), "and comes back once");
    }
    let answer = browser
        .submit(&page, &function("take_step"), &format!("id={}&step=suspend&reason=Card+was+refused", things.license))
        .await;
    assert!(answer.header(header::LOCATION).contains("done=scheduled"), "{}", answer.header(header::LOCATION));
    let input = ChangeStatus {
        change: StatusChange::Suspend,
        reason: text("Card was refused"),
        effective_at: None,
        dry_run: false,
    };
    world.service.change_status(&Call::system(world.vendor), things.license, input).await.unwrap();
    // Whoever comes back without having confirmed finds it as well, with what is asked of them.
    holdfast_store::raw::run(&world.db.db, stale).await.unwrap();
    let page = format!("/console/licenses/{}/resume", things.license);
    let fields = format!("id={}&step=resume&reason=Paid+at+last", things.license);
    browser.submit(&page, &function("take_step"), &fields).await;
    let back = browser.get(&page).await;
    assert!(back.body.contains("Paid at last</textarea>") && back.body.contains("step_up_required"));
}

#[tokio::test]
async fn an_address_cannot_make_a_page_say_things() {
    let world = World::new().await;
    let mut browser = world.browser();
    for names in [["__path", "__err"], ["%5F_path", "%5f%5F%65rr"]] {
        let [path, error] = names;
        let answer = browser.get(&format!("/sign-in?next=%2Fconsole&{path}=%2Ffn%2Fx&{error}=eyJjb2RlIjoieCJ9")).await;
        assert_eq!((answer.status, answer.header(header::LOCATION)), (StatusCode::FOUND, "/sign-in?next=%2Fconsole"));
    }
    // What only looks like it is searched for as usual.
    assert_eq!(browser.get("/sign-in?next=__err&&x").await.status, StatusCode::OK);
    // Nor can a cookie that is not ours, or that is for another page.
    for planted in ["7b7d", "zz", "session", ""] {
        browser.cookies.insert("holdfast_note_refused".to_owned(), planted.to_owned());
        assert_eq!(browser.get("/sign-in").await.status, StatusCode::OK);
    }
}
