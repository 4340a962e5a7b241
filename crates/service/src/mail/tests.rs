#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;
use holdfast_domain::Seconds;
use proptest::prelude::*;

const NOW: Timestamp = Timestamp::from_seconds(1_767_225_600);
const SITE: &str = "https://licenses.example.com";
const PORTAL: &str = "https://licenses.example.com/portal/example";

fn usual() -> Look {
    Look::of("Example Software".parse().unwrap())
}

/// What a mail could be made to carry: each stands where a person or a shop has typed something.
fn hostile() -> Vec<String> {
    [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "' onmouseover='alert(1)",
        "Name\r\nBcc: everybody@example.com\r\n\r\nHello",
        "two\u{2028}lines\u{85}and\u{b}more",
        "safe\u{202e}txt.exe\u{202c} \u{2066}x\u{2069}",
        "שלום עולם مرحبا",
        "👩‍💻🏴‍☠️ emoji \u{0}\u{7}\u{1b}[31m",
        "&amp;&lt;b&gt;{{7*7}}${x}",
        "",
        "   ",
    ]
    .map(str::to_owned)
    .into_iter()
    .chain(["long ".repeat(2_000), "x".repeat(10_000), "é🙂".repeat(5_000)])
    .collect()
}

/// One of each kind with `text` wherever a text from outside goes.
fn with(text: &str) -> Vec<Mail> {
    let own = || text.to_owned();
    vec![
        Mail::SignIn { link: format!("{SITE}/x"), code: own(), minutes: 1 },
        Mail::LicenseIssued { product: own(), plan: own(), key: own(), seats: 1, ends: None, page: Some(own()) },
        Mail::RenewalComing {
            product: own(),
            plan: own(),
            key_hint: own(),
            ends: NOW,
            link: Some(own()),
            page: Some(own()),
        },
        Mail::SeatLimit { product: own(), key_hint: own(), seats: 2, devices: vec![own(); 40], link: Some(own()) },
        Mail::Refunded { order: own(), products: vec![own(), own()], ends: None, page: Some(own()) },
        Mail::Alert {
            severity: Severity::Warning,
            subject: own(),
            detail: own(),
            meaning: own(),
            cure: own(),
            since: NOW,
            fails: None,
            link: format!("{SITE}/console/alerts"),
        },
        Mail::Invitation { role: Role::Owner, by: Some(own()), link: format!("{SITE}/x"), until: NOW },
        Mail::NewPassword { link: format!("{SITE}/x"), until: NOW },
        Mail::Test { by: Some(own()) },
    ]
}

/// The names of all elements, and of all their attributes.
fn markup(html: &str) -> Vec<String> {
    let mut found = Vec::new();
    for tag in html.split('<').skip(1) {
        let tag = tag.split('>').next().unwrap();
        found.push(tag.split([' ', '\n']).next().unwrap().to_owned());
        // Values stand in double quotes, so that what lies between them is outside of a value.
        let names = tag.split('"').step_by(2).flat_map(|outside| outside.split_whitespace());
        found.extend(names.filter(|name| name.ends_with('=')).map(|name| format!("{}@", name.trim_end_matches('='))));
    }
    found
}

/// What must hold of every mail, whatever is in it.
fn sound(mail: &Mail, look: &Look) {
    let Rendered { subject, text, html } = mail.render(look);
    let sender = look.sender(mail.template());
    for header in [&subject, &sender] {
        assert!(header.chars().count() <= SUBJECT && !header.chars().any(char::is_control), "{header:?}");
        assert!(!header.contains(['\u{2028}', '\u{2029}', '\u{202e}']), "{header:?}");
    }
    assert!(!subject.is_empty());
    let turned = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let unseen = |c: char| c.is_control() && c != '\n';
    assert!(!text.contains(turned) && !html.contains(turned), "{text}");
    assert!(!text.contains(unseen) && !html.contains(unseen), "{text}");
    // What is to be copied stands in one piece.
    for line in text.lines().filter(|line| !line.starts_with("    ")) {
        assert!(line.chars().count() <= 72 || line.split_whitespace().count() == 1, "{line}");
    }
    let allowed = [
        "!doctype", "html", "/html", "head", "/head", "meta", "title", "/title", "body", "/body", "div", "/div", "p",
        "/p", "b", "/b", "bdi", "/bdi", "br", "a", "/a", "lang@", "charset@", "name@", "content@", "dir@", "style@",
        "href@",
    ];
    for name in markup(&html) {
        assert!(allowed.contains(&name.as_str()), "{name} in {html}");
    }
    // Nothing is loaded, and every link leads to the web.
    assert!(!html.contains("url("), "{html}");
    for link in html.split("href=\"").skip(1) {
        assert!(link.starts_with("https://") || link.starts_with("http://"), "{link}");
    }
}

#[test]
fn each_says_what_it_should() {
    for template in Template::ALL {
        let mail = Mail::sample(*template, NOW, SITE, PORTAL);
        assert_eq!(mail.template(), *template);
        sound(&mail, &usual());
        let Rendered { subject, text, html } = mail.render(&usual());
        insta::assert_snapshot!(template.as_str(), format!("Subject: {subject}\n\n{text}\n{html}"));
    }
}

#[test]
fn what_comes_from_outside_is_data() {
    for text in hostile() {
        let words = Words { introduction: text.parse().ok(), signature: text.parse().ok() };
        let look = Look {
            sender: text.parse().ok(),
            texts: Template::ALL.iter().map(|template| (*template, words.clone())).collect(),
            portal: PortalFace { name: text.parse().ok(), accent: None },
            ..usual()
        };
        for mail in with(&text) {
            sound(&mail, &usual());
            sound(&mail, &look);
        }
    }
}

#[test]
fn a_link_from_outside_leads_to_the_web_or_nowhere() {
    let renewal = |link: &str| Mail::RenewalComing {
        product: "Editor".to_owned(),
        plan: "Pro".to_owned(),
        key_hint: "AB12".to_owned(),
        ends: NOW,
        link: Some(link.to_owned()),
        page: None,
    };
    for link in
        ["javascript:alert(1)", "data:text/html,x", "https://a.example/\"onclick=\"", "https://a.example/ b", ""]
    {
        let rendered = renewal(link).render(&usual());
        assert!(!rendered.html.contains("href") && !rendered.text.contains("Renew license:"), "{link}");
    }
    let rendered = renewal("https://shop.example.com/?a=1&b=2").render(&usual());
    assert!(rendered.html.contains("href=\"https://shop.example.com/?a=1&amp;b=2\""));
    assert!(rendered.text.contains("\nhttps://shop.example.com/?a=1&b=2\n"));
}

#[test]
fn own_words_replace_the_introduction_and_the_signature_and_nothing_else() {
    let words = Words {
        introduction: Some("Hello,\n\nthis is your key.".parse().unwrap()),
        signature: Some("Ada & Bob\nExample <3".parse().unwrap()),
    };
    let look = Look {
        sender: Some("Example Store".parse().unwrap()),
        colour: Some("#FFEE00".parse().unwrap()),
        texts: [(Template::LicenseIssued, words)].into(),
        ..usual()
    };
    let issued = Mail::sample(Template::LicenseIssued, NOW, SITE, PORTAL).render(&look);
    assert!(issued.text.starts_with("Hello,\n\nthis is your key.\n\n"), "{}", issued.text);
    assert!(issued.text.ends_with("-- \nAda & Bob\nExample <3\n"), "{}", issued.text);
    assert!(issued.text.contains("EXAMP-LEKEY-00000-00000-07KQ2"));
    assert!(issued.html.contains("Ada &amp; Bob<br>Example &lt;3") && issued.html.contains("#ffee00"));
    let other = Mail::sample(Template::Invitation, NOW, SITE, PORTAL).render(&look);
    assert!(other.text.ends_with("-- \nExample Store\n"), "{}", other.text);
    // What stands on a light colour is black, on a dark one white.
    assert!(other.html.contains("background:#ffee00;color:#000000"), "{}", other.html);
    assert!(Mail::sample(Template::Invitation, NOW, SITE, PORTAL).render(&usual()).html.contains("color:#ffffff"));
}

#[test]
fn customers_are_written_to_as_the_portal_looks() {
    let portal = PortalFace { name: Some("Example & Co".parse().unwrap()), accent: Some("#0A7F5A".parse().unwrap()) };
    let look = Look { portal, ..usual() };
    for template in Template::ALL {
        let Rendered { subject, text, html } = Mail::sample(*template, NOW, SITE, PORTAL).render(&look);
        let customers = template.is_to_customers();
        let name = if customers { "Example & Co" } else { "Example Software" };
        assert_eq!(look.sender(*template), name);
        assert!(text.ends_with(&format!("-- \n{name}\n")), "{text}");
        assert_eq!(html.contains("font-weight:600\">Example &amp; Co</p>"), customers, "{html}");
        assert_eq!(html.contains("border-top:4px solid #0a7f5a"), customers, "{html}");
        let other = if customers { "Example Software" } else { "Example & Co" };
        assert!(!subject.contains(other) && !text.contains(other), "{subject}\n{text}");
    }
    // What is set for mails alone goes before.
    let own = Look { sender: "Shop".parse().ok(), colour: "#112233".parse().ok(), ..look };
    let mail = Mail::sample(Template::SignIn, NOW, SITE, PORTAL).render(&own);
    assert_eq!(mail.subject, "Sign in to Example & Co");
    assert!(mail.text.ends_with("-- \nShop\n") && mail.html.contains("#112233"), "{}", mail.text);
    assert!(!mail.html.contains("#0a7f5a"), "{}", mail.html);
}

#[test]
fn what_was_put_in_line_before_there_were_pages_is_still_read() {
    for template in [Template::LicenseIssued, Template::RenewalComing, Template::Refunded] {
        let mail = Mail::sample(template, NOW, SITE, PORTAL);
        let mut kept = serde_json::to_value(&mail).unwrap();
        kept.as_object_mut().unwrap().remove("page").unwrap();
        let before = serde_json::from_value::<Mail>(kept).unwrap();
        assert!(!before.render(&usual()).text.contains(PORTAL));
    }
}

#[test]
fn a_mail_is_the_same_after_it_was_kept() {
    for mail in Template::ALL.iter().map(|template| Mail::sample(*template, NOW, SITE, PORTAL)).chain(with("x")) {
        let kept = serde_json::to_value(&mail).unwrap();
        assert_eq!(kept["template"], mail.template().as_str());
        assert_eq!(serde_json::from_value::<Mail>(kept).unwrap(), mail);
    }
}

#[test]
fn times_are_said_in_words() {
    let mail = Mail::NewPassword { link: SITE.to_owned(), until: NOW.plus(Seconds(8 * 86_400 + 61)) };
    assert!(mail.render(&usual()).text.contains("until 9 January 2026, 00:01 UTC."));
}

proptest! {
    #[test]
    fn whatever_is_typed_nothing_gets_out_of_its_place(text in any::<String>()) {
        for mail in with(&text) {
            sound(&mail, &usual());
        }
    }
}
