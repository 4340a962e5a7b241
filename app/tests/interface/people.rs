//! The way in with a second factor, by an invitation, and what stays closed before.

use axum::http::{StatusCode, header};
use holdfast_domain::Role;
use holdfast_service::{
    Call,
    admin::{
        inputs::{EventFilter, InviteMember},
        page::PageRequest,
    },
};
use holdfast_testkit::totp;

use crate::world::{Answer, Browser, PASSWORD, World, function, text};

fn password() -> String {
    PASSWORD.replace(' ', "+")
}

/// The secret that the page shows.
fn secret(page: &Answer) -> String {
    let at = page.body.find("key-once").unwrap();
    let rest = &page.body[at..];
    let code = rest.split("<code>").nth(1).unwrap().split("</code>").next().unwrap();
    code.to_owned()
}

/// Sets an authenticator app up without scripting, and returns its secret and the page that it leads to.
async fn set_up_app(world: &World, browser: &mut Browser) -> (String, Answer) {
    let page = browser.get("/console/security/app").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains("<path d=\"M4 4h1v1h-1z"), "the picture that apps read");
    let secret = secret(&page);
    assert_eq!(self::secret(&browser.get("/console/security/app").await), secret, "the same when loaded again");
    let code = totp::code(&secret, world.service.now());
    let fields = format!("code={code}&name=Phone");
    let answer = browser.submit("/console/security/app", &function("add_app"), &fields).await;
    assert_eq!(answer.header(header::LOCATION), "/console/security?done=factor_added#codes", "{}", answer.body);
    let page = browser.get("/console/security?done=factor_added").await;
    (secret, page)
}

fn codes(page: &Answer) -> Vec<String> {
    page.body.split("<li><code>").skip(1).map(|rest| rest.split('<').next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn an_invited_admin_sets_a_factor_up_before_anything_else() {
    let world = World::new().await;
    let call = Call::system(world.vendor);
    let input = InviteMember { email: text("ada@example.com"), role: Role::Admin };
    let link = world.service.invite(&call, input).await.unwrap().secret;
    let mut browser = world.browser();
    let page = browser.get(&format!("/invite/{link}")).await;
    assert!(page.body.contains("Join Example Software") && page.body.contains("second factor"), "{}", page.body);
    let fields = format!("token={link}&name=Ada+Almeida&password={}", password());
    let answer = browser.submit(&format!("/invite/{link}"), &function("accept_invitation"), &fields).await;
    assert_eq!(answer.header(header::LOCATION), "/console/security");
    // Everything is closed, pages and functions alike, but the way to a factor.
    for path in
        ["/console", "/console/licenses", "/console/team", "/console/audit?check=0", "/support", "/support/explain"]
    {
        let answer = browser.get(path).await;
        assert_eq!(
            (answer.status, answer.header(header::LOCATION)),
            (StatusCode::FOUND, "/console/security"),
            "{path}"
        );
    }
    assert_eq!(browser.call(&function("products"), "after=&archived=false&q=").await.code(), "factor_required");
    let page = browser.get("/console/security").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains("everything else opens"));
    let before = browser.session().unwrap().clone();
    let (_, page) = set_up_app(&world, &mut browser).await;
    assert_ne!(browser.session().unwrap(), &before, "the session is another one");
    assert_eq!(codes(&page).len(), 10);
    assert_eq!(browser.get("/console/team").await.status, StatusCode::OK);
    // The link is used up.
    let gone = world.browser().get(&format!("/invite/{link}")).await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
    assert!(gone.body.contains("does not work any more"));
}

#[tokio::test]
async fn signing_in_asks_for_the_factor_and_leads_on() {
    let world = World::new().await;
    let mut browser = world.member(world.vendor, Role::Support).await;
    let (secret, page) = set_up_app(&world, &mut browser).await;
    let recovery = codes(&page);
    let mut browser = world.browser();
    let fields = format!("email=support-ours%40example.com&password={}&next=%2Fconsole%2Flicenses%3Fq%3Da", password());
    let answer = browser.submit("/sign-in", &function("sign_in"), &fields).await;
    assert_eq!(answer.header(header::LOCATION), "/sign-in/factor?next=/console/licenses%3Fq%3Da");
    assert!(browser.session().is_none(), "half a sign-in is no session");
    assert_eq!(browser.get("/console").await.status, StatusCode::FOUND);
    let at = "/sign-in/factor?next=/console/licenses%3Fq%3Da";
    let page = browser.get(at).await;
    assert!(page.body.contains("name=\"next\" value=\"/console/licenses?q=a\""), "{}", page.body);
    let next = "next=%2Fconsole%2Flicenses%3Fq%3Da";
    let wrong = browser.submit(at, &function("finish_sign_in"), &format!("code=000000&{next}")).await;
    assert!(wrong.header(header::LOCATION).ends_with("#refused"));
    let page = browser.get(at).await;
    assert!(page.body.contains("factor_wrong") && !page.body.contains("000000"), "a code is not kept");
    // The code after the one that was used to set it up: half a minute early is good enough.
    let code = totp::code(&secret, world.service.now().plus(holdfast_domain::Seconds(30)));
    let answer = browser.submit(at, &function("finish_sign_in"), &format!("code={code}&{next}")).await;
    assert_eq!(answer.header(header::LOCATION), "/console/licenses?q=a");
    assert_eq!(browser.get("/console/licenses?q=a").await.status, StatusCode::OK);
    assert!(!browser.cookies.keys().any(|name| name.contains("half")), "{:?}", browser.cookies);
    // With a recovery code.
    let mut other = world.browser();
    other.submit("/sign-in", &function("sign_in"), &fields).await;
    let answer = other.submit(at, &function("finish_sign_in"), &format!("code={}&next=", recovery[3])).await;
    assert_eq!(answer.header(header::LOCATION), "/support");
    // Nonsense is nobody.
    let mut nobody = world.browser();
    for planted in ["", "zz", &"0".repeat(32), "ffffffffffffffffffffffffffffffff"] {
        nobody.cookies.insert("holdfast_note_half".to_owned(), planted.to_owned());
        assert_eq!(nobody.call(&function("half_ways"), "").await.code(), "unauthenticated", "{planted}");
    }
}

#[tokio::test]
async fn the_link_of_an_invitation_is_shown_to_whoever_made_it_only() {
    let world = World::new().await;
    let mut owner = world.member(world.vendor, Role::Owner).await;
    let answer = owner.submit("/console/team", &function("invite"), "email=ann%40example.com&role=viewer").await;
    assert_eq!(answer.header(header::LOCATION), "/console/team?done=invited#link");
    let page = owner.get("/console/team?done=invited").await;
    let link = page.body.split("<code>").find_map(|part| part.split_once("/invite/")).unwrap().1;
    let link = link.split('<').next().unwrap().to_owned();
    assert_eq!(world.browser().get(&format!("/invite/{link}")).await.status, StatusCode::OK);
    let mut admin = world.member(world.vendor, Role::Admin).await;
    assert!(!admin.get("/console/team").await.body.contains(&link));
    assert!(admin.get("/console/team").await.body.contains("ann@example.com"));
    let mut viewer = world.member(world.vendor, Role::Viewer).await;
    let page = viewer.get("/console/team").await;
    assert!(!page.body.contains("ann@example.com") && !page.body.contains("Invite somebody"));
    // An owner is not offered to an admin.
    assert!(!admin.get("/console/team").await.body.contains("value=\"owner\""));
    // The next person in the same browser was not handed it.
    owner.sign_in("viewer-ours@example.com").await;
    assert!(!owner.cookies.keys().any(|name| name.contains("invitation")));
}

#[tokio::test]
async fn a_page_that_asks_for_a_fresh_sign_in_leads_to_it() {
    let world = World::new().await;
    let mut browser = world.member(world.vendor, Role::Support).await;
    let stale = "UPDATE sessions SET data = json_set(data, '$.confirmed_at', 0)";
    holdfast_store::raw::run(&world.db.db, stale).await.unwrap();
    let page = browser.get("/console/security/app").await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert!(page.body.contains("href=\"/console/confirm?next=/console/security/app\""), "{}", page.body);
    // What a step would do is shown all the same.
    let things = world.things("a").await;
    let page = browser.get(&format!("/console/licenses/{}/suspend", things.license)).await;
    assert_eq!(page.status, StatusCode::OK);
}

#[tokio::test]
async fn the_first_owner_is_reminded_and_may_go_on() {
    let world = World::new().await;
    let mut owner = world.browser();
    owner.sign_in(crate::world::OWNER).await;
    let page = owner.get("/console").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains("signing in needs a second factor"));
    let (_, _) = set_up_app(&world, &mut owner).await;
    assert!(!owner.get("/console").await.body.contains("signing in needs a second factor"));
}

#[tokio::test]
async fn a_forgotten_password_is_replaced_by_a_link_without_scripting() {
    let world = World::new().await;
    let mut owner = world.member(world.vendor, Role::Owner).await;
    let mut viewer = world.member(world.vendor, Role::Viewer).await;
    assert!(world.browser().get("/sign-in").await.body.contains("can make you a link to a new one"));
    let actor = Call::system(world.vendor).actor;
    let all = world.service.members(&actor, None, PageRequest::default()).await.unwrap().items;
    let id = all.iter().find(|member| member.role == Role::Viewer).unwrap().id;
    let at = format!("/console/team/{id}");
    let ask = format!("{at}/password");
    assert!(owner.get(&at).await.body.contains(&format!("href=\"{ask}\"")));
    let page = owner.get(&ask).await;
    assert!(page.body.contains("once and within a day") && page.body.contains("name=\"reason\""), "{}", page.body);
    assert!(!viewer.get(&at).await.body.contains("Make password link"));
    // It asks whether it is really them.
    let stale = "UPDATE sessions SET data = json_set(data, '$.confirmed_at', 0)";
    holdfast_store::raw::run(&world.db.db, stale).await.unwrap();
    let fields = format!("id={id}&step=password&reason=Asked+on+the+phone");
    let refused = owner.call(&function("step_member"), &fields).await;
    assert_eq!(refused.code(), "step_up_required");
    owner.call(&function("confirm"), &format!("password={}&next=", password())).await;
    let answer = owner.submit(&ask, &function("step_member"), &fields).await;
    assert_eq!(answer.header(header::LOCATION), "/console/team?done=password_link_made#link");
    let page = owner.get("/console/team?done=password_link_made").await;
    assert!(page.body.contains("for a day") || page.body.contains("for <!>a day"), "{}", page.body);
    let link = page.body.split("<code>").find_map(|part| part.split_once("/password/")).unwrap().1;
    let link = link.split('<').next().unwrap().to_owned();
    let mut browser = world.browser();
    let page = browser.get(&format!("/password/{link}")).await;
    assert!(page.body.contains("Choose a new password") && page.body.contains("viewer-ours@example.com"));
    assert!(!page.body.contains("Your name"), "{}", page.body);
    let fields = format!("token={link}&password=short");
    let answer = browser.submit(&format!("/password/{link}"), &function("accept_invitation"), &fields).await;
    assert!(answer.header(header::LOCATION).ends_with("#refused"));
    let page = browser.get(&format!("/password/{link}")).await;
    assert!(page.body.contains("password_too_weak"), "{}", page.body);
    let fields = format!("token={link}&password=tidal+omelette+bracket+nine");
    let answer = browser.submit(&format!("/password/{link}"), &function("accept_invitation"), &fields).await;
    assert_eq!(answer.header(header::LOCATION), "/console");
    assert_eq!(browser.get("/console").await.status, StatusCode::OK);
    // The session of before has ended, and the link is used up.
    assert_eq!(viewer.get("/console").await.status, StatusCode::FOUND);
    let gone = world.browser().get(&format!("/password/{link}")).await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
    assert!(gone.body.contains("does not work any more"));
}

#[tokio::test]
async fn what_ends_somebodys_access_asks_for_a_reason_and_keeps_it() {
    let world = World::new().await;
    let things = world.things("why").await;
    let mut owner = world.member(world.vendor, Role::Owner).await;
    let (member, token, webhook, shop) = (things.member, things.token, things.webhook, things.shop);
    let told = async |action: &str| {
        let filter = EventFilter { action: Some(action.to_owned()), ..EventFilter::default() };
        let actor = Call::system(world.vendor).actor;
        let events = world.service.events(&actor, filter, PageRequest::default()).await.unwrap().items;
        events.iter().map(|event| event.data["reason"].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    for (from, name, fields, action) in [
        (
            format!("/console/team/{member}/role"),
            "step_member",
            format!("id={member}&step=role&role=developer"),
            "member.role_changed",
        ),
        (
            format!("/console/team/{member}/factors"),
            "step_member",
            format!("id={member}&step=factors"),
            "member.factors_reset",
        ),
        (format!("/console/team/{member}/remove"), "step_member", format!("id={member}&step=remove"), "member.removed"),
        (format!("/console/tokens/{token}"), "revoke_token", format!("id={token}"), "token.revoked"),
        (
            format!("/console/webhooks/{webhook}?tab=settings"),
            "step_webhook",
            format!("id={webhook}&step=remove"),
            "webhook.removed",
        ),
        (format!("/console/shops/{shop}?tab=settings"), "step_shop", format!("id={shop}&step=close"), "shop.closed"),
    ] {
        let page = owner.get(&from).await;
        assert!(page.body.contains("name=\"reason\""), "{from}: {}", page.body);
        // Nothing happens without one.
        for nothing in ["", "+"] {
            let answer = owner.submit(&from, &function(name), &format!("{fields}&reason={nothing}")).await;
            assert!(
                answer.header(header::LOCATION).ends_with("#refused"),
                "{from}: {}",
                answer.header(header::LOCATION)
            );
            assert!(told(action).await.is_empty(), "{from}");
        }
        owner.submit(&from, &function(name), &format!("{fields}&reason=Left+the+company")).await;
        assert_eq!(told(action).await, ["Left the company"], "{from}");
    }
    // Removing a member can be undone for ten minutes.
    let at = format!("/console/team/{member}");
    assert!(owner.get(&at).await.body.contains("Undo the removal"));
    let answer = owner.submit(&at, &function("step_member"), &format!("id={member}&step=restore")).await;
    assert_eq!(answer.header(header::LOCATION), format!("{at}?done=member_restored"));
    assert!(owner.get(&at).await.body.contains("Developer"));
    // A new secret is not next to the end of everything.
    assert_eq!(owner.get("/console/team/sign-in").await.status, StatusCode::OK);
}

#[tokio::test]
async fn sessions_say_with_what_they_were_begun_and_end_together() {
    let world = World::new().await;
    let mut browsers = Vec::new();
    for agent in [
        "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        "Mozilla/5.0 (Windows NT 10.0) Chrome/139.0 Safari/537.36",
    ] {
        let mut browser = world.browser();
        let fields = format!("email={}&password={}", crate::world::OWNER, password());
        let request = axum::http::Request::post(function("sign_in"))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/json")
            .header("sec-fetch-site", "same-origin")
            .header(header::USER_AGENT, agent);
        assert_eq!(browser.send(request.body(fields.into()).unwrap()).await.code(), "ok");
        browsers.push(browser);
    }
    let page = browsers[0].get("/console/sessions").await;
    for words in ["Firefox on Linux", "Chrome on Windows", "End all others<!></button>", "This browser"] {
        assert!(page.body.contains(words), "{words}: {}", page.body);
    }
    let answer = browsers[0].submit("/console/sessions", &function("end_other_sessions"), "").await;
    assert_eq!(answer.header(header::LOCATION), "/console/sessions?done=sessions_ended");
    assert_eq!(browsers[1].get("/console").await.status, StatusCode::FOUND);
    let page = browsers[0].get("/console/sessions").await;
    assert!(
        page.body.contains("Firefox on Linux")
            && !page.body.contains("Windows")
            && !page.body.contains("End all others<!></button>")
    );
}
