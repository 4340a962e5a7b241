//! What each mail says.

use super::{
    Look, Mail, Template,
    body::{Letter, Part},
    safe,
};
use crate::admin::import::dates::{day, rfc_3339};
use holdfast_domain::{Role, Seconds, Timestamp};
use holdfast_fleet::Severity;

/// How many devices are named at most.
const DEVICES: usize = 10;

/// A mail as `look` has it.
pub fn letter(mail: &Mail, look: &Look) -> Letter {
    let template = mail.template();
    let vendor = look.name(template).as_str();
    let (subject, introduction, rest) = match mail {
        Mail::SignIn { link, code, minutes } => sign_in(vendor, link, code, *minutes),
        Mail::LicenseIssued { product, plan, key, seats, ends, page } => {
            issued(product, plan, key, *seats, *ends, page.as_deref())
        }
        Mail::RenewalComing { product, plan, key_hint, ends, link, page } => {
            renewal(product, plan, key_hint, *ends, [link.as_deref(), page.as_deref()])
        }
        Mail::SeatLimit { product, key_hint, seats, devices, link } => {
            seat_limit(product, key_hint, *seats, devices, link.as_deref())
        }
        Mail::Refunded { order, products, ends, page } => refunded(vendor, order, products, *ends, page.as_deref()),
        Mail::Alert { severity, subject, detail, meaning, cure, since, fails, link } => {
            let facts = vec![("About", subject.clone()), ("Since", minute(*since))];
            let facts = facts.into_iter().chain(fails.map(|at| ("Fails", format!("at about {}", minute(at)))));
            alert(*severity, [detail, meaning, cure], facts.collect(), link)
        }
        Mail::Invitation { role, by, link, until } => invitation(vendor, *role, by.as_deref(), link, *until),
        Mail::Colleague { company, seat, link } => colleague(vendor, company, seat.as_deref(), link),
        Mail::NewPassword { link, until } => new_password(vendor, link, *until),
        Mail::Test { by } => test(vendor, by.as_deref()),
    };
    let own = look.introduction(template).map(str::to_owned);
    let mut parts = vec![Part::Says(own.unwrap_or(introduction))];
    parts.extend(rest);
    let head = template.is_to_customers().then(|| vendor.to_owned());
    Letter { subject, head, parts, signature: look.signature(template), colour: look.colour(template).cloned() }
}

type Said = (String, String, Vec<Part>);

/// Where to go, where that is an address of the web.
fn go(what: &'static str, link: Option<&str>) -> Option<Part> {
    link.and_then(safe::address).map(|link| Part::Go(what, link.to_owned()))
}

fn sign_in(vendor: &str, link: &str, code: &str, minutes: u32) -> Said {
    let rest = vec![
        Part::Go("Sign in", link.to_owned()),
        Part::Copy("Or type this code where you asked for it", code.to_owned()),
        Part::Note(format!(
            "Both work once, for {}. If it was not you who asked, do nothing: nobody is let in without them, and we never ask \
             for them.",
            counted(minutes, "minute")
        )),
    ];
    (format!("Sign in to {vendor}"), format!("Somebody asked to sign in to {vendor} with this address."), rest)
}

fn issued(product: &str, plan: &str, key: &str, seats: u32, ends: Option<Timestamp>, page: Option<&str>) -> Said {
    let ends = ends.map_or_else(|| "never".to_owned(), day);
    let facts =
        vec![("Product", product.to_owned()), ("Plan", plan.to_owned()), ("Seats", seats.to_string()), ("Ends", ends)];
    let mut rest = vec![
        Part::Copy("Your license key", key.to_owned()),
        Part::Facts(facts),
        Part::Says(format!(
            "To activate {product}, open it on your computer, paste the key where it asks for one, and confirm."
        )),
    ];
    rest.extend(go("See your license", page));
    rest.push(Part::Note("Keep this mail: whoever has the key can use your seats.".to_owned()));
    (format!("Your license for {product}"), format!("Thank you for choosing {product}. This is your license."), rest)
}

fn renewal(product: &str, plan: &str, hint: &str, ends: Timestamp, [link, page]: [Option<&str>; 2]) -> Said {
    let facts = vec![
        ("Product", product.to_owned()),
        ("Plan", plan.to_owned()),
        ("Key", format!("ends in {hint}")),
        ("Ends", day(ends)),
    ];
    let go = go("Renew license", link).or_else(|| go("See your license", page));
    let rest = std::iter::once(Part::Facts(facts)).chain(go).collect();
    let day = day(ends);
    // True as well where a mail comes late, and the day is over.
    (
        format!("Your license for {product} runs until {day}"),
        format!("Your license for {product} runs until {day}. Renew it, and everything goes on as it is."),
        rest,
    )
}

fn seat_limit(product: &str, hint: &str, seats: u32, devices: &[String], link: Option<&str>) -> Said {
    let taken = devices.len().max(usize::try_from(seats).unwrap_or(0));
    let more = if devices.is_empty() { 0 } else { taken.saturating_sub(devices.len().min(DEVICES)) };
    let mut named: Vec<String> = devices.iter().take(DEVICES).map(|name| format!("- {}", safe::line(name))).collect();
    if more > 0 {
        named.push(format!("- and {more} more"));
    }
    let mut rest = vec![Part::Facts(vec![("Key", format!("ends in {hint}")), ("Seats", seats.to_string())])];
    if !named.is_empty() {
        rest.push(Part::Says(format!("The seats are taken by:\n{}", named.join("\n"))));
    }
    rest.extend(go("Free a seat", link));
    (
        format!("All seats of your license for {product} are taken"),
        format!(
            "A further device asked for a seat of your license for {product}, and there was none left. Free one that is not \
             used any more, or get more seats. Devices that have a seat are not affected."
        ),
        rest,
    )
}

fn refunded(vendor: &str, order: &str, products: &[String], ends: Option<Timestamp>, page: Option<&str>) -> Said {
    let mut facts = vec![("Order", order.to_owned())];
    let what = ends.map_or_else(
        || "Your licenses are not affected.".to_owned(),
        |ends| format!("The licenses of this order end with it: devices stop on {} at the latest.", day(ends)),
    );
    let rest = (!products.is_empty()).then(|| {
        facts.push(("For", products.join(", ")));
        std::iter::once(Part::Says(what)).chain(go("See your orders", page))
    });
    (
        format!("Your order {order} was paid back"),
        format!("{vendor} has paid your order back. It can take some days until the money is on your account."),
        std::iter::once(Part::Facts(facts)).chain(rest.into_iter().flatten()).collect(),
    )
}

fn alert(
    severity: Severity,
    [detail, meaning, cure]: [&String; 3],
    facts: Vec<(&'static str, String)>,
    link: &str,
) -> Said {
    let (grade, introduction) = match severity {
        Severity::Critical => ("Critical", "Somebody must act now."),
        Severity::Warning => ("Warning", "Somebody should act soon."),
        Severity::Info => ("Alert", "This is worth knowing."),
    };
    let mut rest = vec![Part::Says(format!("{}.", sentence(detail))), Part::Facts(facts)];
    if !meaning.is_empty() {
        rest.push(Part::Says(format!("What it comes before: {meaning}.")));
    }
    if !cure.is_empty() {
        rest.push(Part::Says(format!("What to do: {cure}")));
    }
    rest.push(Part::Go("Open alert", link.to_owned()));
    rest.push(Part::Note(
        "Of which alerts you are told by mail you can choose there, under Sign-in and security.".to_owned(),
    ));
    (format!("{grade}: {detail}"), introduction.to_owned(), rest)
}

fn invitation(vendor: &str, role: Role, by: Option<&str>, link: &str, until: Timestamp) -> Said {
    let role = match role {
        Role::Owner => "an owner",
        Role::Admin => "an admin",
        Role::Developer => "a developer",
        Role::Support => "a member of support",
        Role::Viewer => "a viewer",
    };
    let introduction = match by {
        Some(by) => format!("{by} invites you to join {vendor} on Holdfast as {role}."),
        None => format!("You are invited to join {vendor} on Holdfast as {role}."),
    };
    let rest = vec![
        Part::Go("Accept invitation", link.to_owned()),
        Part::Note(format!(
            "The link works once, until {}. If you do not know what this is about, do nothing.",
            minute(until)
        )),
    ];
    (format!("Join {vendor} on Holdfast"), introduction, rest)
}

fn colleague(vendor: &str, company: &str, seat: Option<&str>, link: &str) -> Said {
    let note = Part::Note(
        "You sign in with this address: a code comes to it, there is no password. If you do not know what this is about, do \
         nothing."
            .to_owned(),
    );
    let go = Part::Go("Sign in", link.to_owned());
    if let Some(seat) = seat {
        let rest = vec![
            Part::Facts(vec![("Seat of", seat.to_owned()), ("Company", company.to_owned())]),
            Part::Says(
                "Sign in, show the key of the license, and give it to the application together with this address."
                    .to_owned(),
            ),
            go,
            note,
        ];
        return (format!("A seat of {seat} for you"), format!("A colleague has handed you a seat of {seat}."), rest);
    }
    let rest = vec![go, note];
    (
        format!("Licenses of {company} at {vendor}"),
        format!("A colleague has asked you in: you can see and use the licenses that {company} has from {vendor}."),
        rest,
    )
}

fn new_password(vendor: &str, link: &str, until: Timestamp) -> Said {
    let rest = vec![
        Part::Go("Choose password", link.to_owned()),
        Part::Note(format!(
            "The link works once, until {}. Nothing changes until you use it. If you did not ask your colleagues for it, tell \
             them.",
            minute(until)
        )),
    ];
    let introduction =
        format!("An owner or admin of {vendor} made this link, by which you choose a new password for Holdfast.");
    (format!("A new password for {vendor} on Holdfast"), introduction, rest)
}

fn test(vendor: &str, by: Option<&str>) -> Said {
    let introduction = by.map_or_else(
        || format!("This is a test: mails of {vendor} arrive."),
        |by| format!("{by} asked for this test: mails of {vendor} arrive."),
    );
    (format!("Test from {vendor}"), introduction, vec![Part::Says("There is nothing to do.".to_owned())])
}

/// A number and what is counted.
fn counted(number: u32, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

/// With a capital letter.
fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// The same with the time.
fn minute(at: Timestamp) -> String {
    let text = rfc_3339(at);
    let time = text.split_once('T').and_then(|(_, time)| time.get(..5)).unwrap_or_default();
    format!("{}, {time} UTC", day(at))
}

/// One of each kind, with made-up contents.
pub fn sample(template: Template, now: Timestamp, site: &str, portal: &str) -> Mail {
    let (product, plan, hint) = ("Example Editor".to_owned(), "Pro".to_owned(), "7KQ2".to_owned());
    let soon = now.plus(Seconds::days(14));
    let link = |path: &str| format!("{site}{path}");
    let page = |path: &str| Some(format!("{portal}{path}"));
    let license = "/licenses/lic_00000000000000000000000000";
    match template {
        Template::SignIn => {
            Mail::SignIn { link: format!("{portal}/sign-in"), code: "1234 5678".to_owned(), minutes: 15 }
        }
        Template::LicenseIssued => {
            let key = "EXAMP-LEKEY-00000-00000-07KQ2".to_owned();
            let ends = Some(now.plus(Seconds::days(365)));
            Mail::LicenseIssued { product, plan, key, seats: 3, ends, page: page(license) }
        }
        Template::RenewalComing => {
            let link = Some("https://shop.example.com/renew".to_owned());
            Mail::RenewalComing { product, plan, key_hint: hint, ends: soon, link, page: page(license) }
        }
        Template::SeatLimit => {
            let devices = ["Studio", "Laptop", "Render 1"].map(str::to_owned).to_vec();
            Mail::SeatLimit { product, key_hint: hint, seats: 3, devices, link: page(license) }
        }
        Template::Refunded => Mail::Refunded {
            order: "A-1042".to_owned(),
            products: vec![product],
            ends: Some(soon),
            page: page("/orders"),
        },
        Template::Alert => Mail::Alert {
            severity: Severity::Critical,
            subject: "node:eu-1".to_owned(),
            detail: "the disk is full in 19 h".to_owned(),
            meaning: "a full disk stops every write".to_owned(),
            cure: "Make room on the disk, or give it more.".to_owned(),
            since: now,
            fails: Some(now.plus(Seconds::hours(19))),
            link: link("/console/alerts"),
        },
        Template::Invitation => Mail::Invitation {
            role: Role::Support,
            by: Some("Ada Example".to_owned()),
            link: link("/console/team"),
            until: now.plus(Seconds::days(7)),
        },
        Template::Colleague => {
            Mail::Colleague { company: "Example Company".to_owned(), seat: None, link: portal.to_owned() }
        }
        Template::NewPassword => Mail::NewPassword { link: link("/console/team"), until: now.plus(Seconds::DAY) },
        Template::Test => Mail::Test { by: Some("Ada Example".to_owned()) },
    }
}
