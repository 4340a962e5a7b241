//! No page holds a secret: everything secret that the installation has is looked for in every page of everybody.

use axum::http::StatusCode;
use holdfast_domain::{Permission, Role};
use holdfast_service::{Call, admin::inputs::CreateToken};
use holdfast_store::raw;
use sha2::{Digest as _, Sha256};

use crate::world::{Answer, Browser, MASTER_KEY, PAGE_PATHS, PASSWORD, Things, World, function, text};

/// Columns that hold secrets or what stands for one, as hexadecimal digits of their bytes.
const COLUMNS: [(&str, &str); 13] = [
    ("members", "totp_sealed"),
    ("sessions", "id_hash"),
    ("api_tokens", "hash"),
    ("signing_keys", "seed_sealed"),
    ("licenses", "key_hash"),
    ("licenses", "key_sealed"),
    ("setup", "code_hash"),
    ("invitations", "token_hash"),
    ("factors", "secret_sealed"),
    ("factors", "public_key"),
    ("recovery_codes", "hash"),
    ("half_sign_ins", "id_hash"),
    ("shops", "secret"),
];

fn bytes_of(hex: &str) -> Vec<u8> {
    (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect()
}

/// The forms in which bytes could get into a page.
fn forms(bytes: &[u8]) -> Vec<String> {
    const ALPHABET: [&[u8; 64]; 2] = [
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
    ];
    let hex = bytes.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    let list: Vec<String> = bytes.iter().take(12).map(u8::to_string).collect();
    let mut forms = vec![hex.to_uppercase(), hex, list.join(",")];
    for alphabet in ALPHABET {
        // Whole groups of three bytes read the same whatever comes after them.
        let groups = bytes.chunks_exact(3).flat_map(|group| {
            let bits = u32::from(group[0]) << 16 | u32::from(group[1]) << 8 | u32::from(group[2]);
            [18, 12, 6, 0].map(|shift| char::from(alphabet[(bits >> shift & 63) as usize]))
        });
        forms.push(groups.collect());
    }
    forms
}

/// Every secret there is, with what to call it.
async fn secrets(world: &World, browsers: &[(Option<Role>, Browser)]) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = vec![("the master key".to_owned(), MASTER_KEY.to_owned())];
    for (table, column) in COLUMNS {
        let rows =
            raw::run(&world.db.db, &format!("SELECT hex({column}) FROM {table} WHERE {column} IS NOT NULL")).await;
        let values: Vec<String> = rows.unwrap().into_iter().flatten().flatten().filter(|hex| !hex.is_empty()).collect();
        assert!(!values.is_empty() || table == "setup", "{table}.{column} holds nothing to look for");
        for hex in values {
            found.extend(forms(&bytes_of(&hex)).into_iter().map(|form| (format!("{table}.{column}"), form)));
        }
    }
    for row in raw::run(&world.db.db, "SELECT password_hash FROM members").await.unwrap() {
        let hash = row[0].clone().unwrap();
        found.push(("a password's salt".to_owned(), hash.split('$').nth(4).unwrap().to_owned()));
        found.push(("a password's hash".to_owned(), hash.split('$').nth(5).unwrap().to_owned()));
    }
    found.push(("a password".to_owned(), PASSWORD.to_owned()));
    for (_, browser) in browsers {
        found.extend(browser.session().map(|secret| ("a session".to_owned(), secret.clone())));
    }
    found.retain(|(_, text)| text.len() >= 8);
    found
}

fn search(answer: &Answer, secrets: &[(String, String)], where_: &str) {
    let headers: Vec<String> =
        answer.headers.values().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect();
    for (what, secret) in secrets {
        assert!(!answer.body.contains(secret.as_str()), "{where_} holds {what}: {secret}");
        assert!(!headers.iter().any(|header| header.contains(secret.as_str())), "a header of {where_} holds {what}");
    }
}

/// Every page there is.
fn pages(world: &World, things: &Things) -> Vec<String> {
    let mut pages = Vec::new();
    for pattern in PAGE_PATHS.iter() {
        let id = match pattern.split('/').nth(2).unwrap_or_default() {
            "products" => things.product.to_string(),
            "plans" => things.plan.to_string(),
            "customers" | "{id}" => things.customer.to_string(),
            "licenses" | "{vendor}" => things.license.to_string(),
            "alerts" => things.alert.to_string(),
            "acts" => things.bulk.to_string(),
            "approvals" => things.approval.to_string(),
            "seats" => things.seat.to_string(),
            "notes" => things.note.to_string(),
            "tokens" => things.token.to_string(),
            "team" => things.member.to_string(),
            "webhooks" => things.webhook.to_string(),
            "shops" => things.shop.to_string(),
            "orders" if pattern.contains("/inbox/") => things.waiting.to_string(),
            "orders" => things.order.to_string(),
            "replies" => things.reply.to_string(),
            _ => things.import.to_string(),
        };
        let path = pattern.replace("{id}", &id).replace("{seat}", &things.seat.to_string());
        let path = path.replace("{node}/{step}", "{node}/drain").replace("{node}", &things.node.to_string());
        let path = path.replace("{step}", "suspend").replace("{*rest}", "nowhere").replace("{token}", "guess");
        let path = path.replace("{vendor}", &world.vendor.to_string());
        let path = path.replace("{event}", "evt_01m803crnaftmanwmz5a0j4ry7");
        let path = path.replace("{key}", "rotate").replace("{number}", &things.event.to_string());
        let path = path.replace("{template}", "license_issued").replace("{kind}", "keygen");
        let path = path.replace("{delivery}", &things.delivery.to_string());
        assert!(!path.contains('{'), "{pattern}: say what stands for it");
        pages.push(path);
    }
    for tab in ["entitlements", "trials", "keys", "integrate", "gateways", "settings"] {
        pages.push(format!("/console/products/{}?tab={tab}", things.product));
    }
    for tab in ["messages", "rules", "settings"] {
        pages.push(format!("/console/shops/{}?tab={tab}", things.shop));
    }
    pages.push(format!("/console/plans/{}?tab=edit", things.plan));
    pages.push(format!("/console/licenses/{}?tab=timeline", things.license));
    pages.push(format!("/console/licenses?q={}", &things.key[things.key.len() - 4..]));
    pages.push(format!("/console/find?q={}", &things.key[things.key.len() - 4..]));
    pages.push("/console/find?q=Computer".to_owned());
    pages.push(format!("/console/licenses/{}?key=shown", things.license));
    pages.push(format!("/console/audit?subject={}", things.license));
    pages.push(format!("/console/acts/new?of=licenses&step=suspend&id={}", things.license));
    pages.push(format!("/console/exports/licenses.json?product={}", things.product));
    pages
}

#[tokio::test]
async fn no_page_of_anybody_holds_a_secret() {
    let world = World::new().await;
    let things = world.things("seen").await;
    let other = world.things("other").await;
    let call = Call::system(world.vendor);
    let token = CreateToken { name: text("shop"), scopes: Permission::ALL.to_vec(), expires_at: None };
    let token = world.service.create_token(&call, token).await.unwrap().secret;
    world.service.new_setup_code().await.unwrap();
    let mut browsers = vec![(None, world.browser())];
    for role in Role::ALL {
        browsers.push((Some(role), world.member(world.vendor, role).await));
    }
    let marked = Sha256::digest(b"a second factor").iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    raw::run(&world.db.db, &format!("UPDATE members SET totp_sealed = x'{marked}'")).await.unwrap();
    let factor = "INSERT INTO factors SELECT randomblob(16), vendor, id, 'passkey', 'Key', randomblob(60), randomblob(16), \
                  randomblob(91), 0, 0, 0, 0 FROM members WHERE email = 'member-seen@example.com'";
    let codes = "INSERT INTO recovery_codes SELECT vendor, id, randomblob(32), NULL FROM members";
    let halves = "INSERT INTO half_sign_ins SELECT randomblob(32), vendor, id, 9000000000000000 FROM members";
    for sql in [factor, codes, halves] {
        raw::run(&world.db.db, sql).await.unwrap();
    }
    let mut secrets = secrets(&world, &browsers).await;
    secrets.push(("the link of an invitation".to_owned(), things.link.clone()));
    secrets.push(("an API token".to_owned(), token));
    secrets.push(("a license key".to_owned(), other.key.clone()));
    secrets.push(("an imported key".to_owned(), "AAAA-seen-IMPORTED-0000".to_owned()));
    let shown = ("the key that is shown".to_owned(), things.key.clone());

    let mut looked = 0;
    for (role, browser) in &mut browsers {
        for path in pages(&world, &things) {
            let answer = browser.get(&path).await;
            let place = format!("{path} of {role:?}");
            search(&answer, &secrets, &place);
            search(&answer, std::slice::from_ref(&shown), &place);
            looked += usize::from(answer.status == StatusCode::OK);
        }
    }
    assert!(looked > 80, "only {looked} pages were to be seen");

    // Whoever may see a whole key sees the one that was asked for, for a while, and nobody else does.
    let page = format!("/console/licenses/{}", things.license);
    for (role, browser) in &mut browsers {
        let answer = browser.submit(&page, &function("reveal"), &format!("id={}", things.license)).await;
        search(&answer, &secrets, "the answer to revealing");
        search(&answer, std::slice::from_ref(&shown), "the answer to revealing");
        let answer = browser.get(&page).await;
        search(&answer, &secrets, &page);
        let may = matches!(role, Some(Role::Owner | Role::Admin));
        assert_eq!(answer.body.contains(&things.key), may, "{role:?}");
    }
    // The next person in the same browser was not handed it.
    let (_, owner) = browsers.iter_mut().find(|(role, _)| *role == Some(Role::Owner)).unwrap();
    assert!(owner.get(&page).await.body.contains(&things.key));
    owner.sign_in("developer-ours@example.com").await;
    assert!(!owner.get(&page).await.body.contains(&things.key));
}
