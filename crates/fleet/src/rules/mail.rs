//! Mail that does not leave.

use super::{
    code::{Code, Lead, Rule},
    measure::{Measure, Steps, View, words},
};
use crate::{
    finding::{
        Severity::{Critical, Warning},
        Subject,
    },
    number,
};
use holdfast_domain::Seconds;

/// How long a mail is tried, in seconds, before it is given up.
const GIVEN_UP: f64 = 2.0 * 86_400.0;

/// Mail does not leave.
pub(super) const RULE: Rule = Rule {
    code: Code::MailBacklog,
    watches: "for how long mail has been waiting without any being sent",
    failure: "mails are given up after 2 days, links to sign in with after minutes; whoever waits for them is never told",
    levels: &[(Warning, "30 min"), (Critical, "6 h")],
    lead: Lead::Before(Seconds::hours(47)),
    cure: "Open Settings, Mail: the log says what the mail server answers. `holdfast doctor` connects to it and says what is \
           wrong, and `holdfast mail test --to ADDRESS` tries it out; what waits is sent as soon as it works again.",
    confirm: Seconds::minutes(2),
    settle: Seconds::minutes(2),
    measure,
};

fn measure(view: &View<'_>) -> Vec<Measure> {
    // All nodes look at the same table: the newest look counts.
    let newest = view.fresh().filter(|node| node.report.mail.is_some()).max_by_key(|node| node.received_at);
    let Some(mail) = newest.and_then(|node| node.report.mail) else { return Vec::new() };
    // One that waits while others leave is its recipient's matter, and in the log.
    let since = mail.oldest.map(|oldest| mail.sent.map_or(oldest, |sent| sent.max(oldest)));
    let age = since.map_or(0.0, |since| number::between(since, view.now).max(0.0));
    let judged = Steps { warning: 1_800.0, critical: 6.0 * 3_600.0 }.level(age, 300.0);
    let left = mail.oldest.map(|oldest| (GIVEN_UP - number::between(oldest, view.now)).max(0.0));
    vec![Measure::new(Subject::Installation, judged, left, || {
        format!("{} wait, and none was sent for {}", mail.size, words(age))
    })]
}
