//! What the client's and the server's decisions mean, in words for people who answer customers.

use holdfast_domain::{
    Decision, Denial, DenialCode, Timestamp, UnixSeconds,
    decide::{Mode, Reason},
};
use holdfast_lease::{
    Refusal,
    client::{self, InvalidReason, Keep, Rule, Standing, Turn},
};
use holdfast_service::admin::explain::{Answer, CodeExplained, Cure};

use super::model::Verdict;
use crate::ui::{Tone, When};

fn when(at: UnixSeconds, now: Timestamp) -> When {
    When::new(Timestamp::from(at), now)
}

/// A verdict as a badge.
pub fn badge(verdict: client::Verdict) -> (Tone, &'static str) {
    match verdict {
        client::Verdict::Licensed => (Tone::Good, "Licensed"),
        client::Verdict::Trial { .. } => (Tone::Good, "Trial"),
        client::Verdict::Grace { .. } => (Tone::Warn, "Grace"),
        client::Verdict::Limited => (Tone::Warn, "Limited"),
        client::Verdict::Expired => (Tone::Bad, "Expired"),
        client::Verdict::Invalid { reason } => match reason {
            InvalidReason::NotActivated => (Tone::Bad, "Not activated"),
            InvalidReason::NotYetValid { .. } => (Tone::Warn, "Not valid yet"),
            InvalidReason::Revoked => (Tone::Bad, "Revoked"),
            InvalidReason::Suspended => (Tone::Bad, "Suspended"),
            InvalidReason::Released => (Tone::Bad, "Seat taken back"),
            InvalidReason::DeviceMismatch => (Tone::Bad, "Another device’s lease"),
        },
    }
}

/// What works on a device with this verdict.
fn says(verdict: client::Verdict, now: Timestamp) -> String {
    match verdict {
        client::Verdict::Licensed => "Everything works that the license unlocks.".to_owned(),
        client::Verdict::Trial { days_left: 1 } => "Everything works, on trial; one day is left.".to_owned(),
        client::Verdict::Trial { days_left } => format!("Everything works, on trial; {days_left} days are left."),
        client::Verdict::Grace { until } => {
            let until = when(until, now);
            format!(
                "Everything works as before, though the server has not been reached for long: until {} ({}).",
                until.absolute, until.relative
            )
        }
        client::Verdict::Limited => {
            "What the plan leaves after the end works, such as opening and exporting.".to_owned()
        }
        client::Verdict::Expired => "Nothing works: the time is over.".to_owned(),
        client::Verdict::Invalid { reason } => match reason {
            InvalidReason::NotActivated => "Nothing works: no lease is stored that is of use here.".to_owned(),
            InvalidReason::NotYetValid { from } => {
                let from = when(from, now);
                format!("Nothing works yet: the lease begins on {} ({}).", from.absolute, from.relative)
            }
            InvalidReason::Revoked => "Nothing works: the device was told that the license was withdrawn.".to_owned(),
            InvalidReason::Suspended => "Nothing works: the device was told that the license is paused.".to_owned(),
            InvalidReason::Released => "Nothing works: the device was told that its seat is free.".to_owned(),
            InvalidReason::DeviceMismatch => {
                "Nothing works: the device was told that the lease belongs to another one.".to_owned()
            }
        },
    }
}

/// A rule in words.
const fn rule(rule: Rule) -> &'static str {
    match rule {
        Rule::Denied => "A signed denial applies from its date on, whatever the lease says.",
        Rule::Nothing => "Nothing is stored on the device.",
        Rule::Unusable => "What is stored does not verify, or is not for this device.",
        Rule::Early => "The moment lies before the lease begins.",
        Rule::Lease => "The moment lies within the lease proper.",
        Rule::Grace => "The lease proper has ended, and its grace has not.",
        Rule::Limited => "The lease grants what is left after the license’s end, and has not ended itself.",
        Rule::Fallback => "The lease has ended with its grace and no denial has come: what it leaves goes on.",
        Rule::Ended => "The lease has ended with its grace, and leaves nothing.",
        Rule::ClockBehind => "The device’s clock was set back for so long that the lease is judged as if it had ended.",
    }
}

/// The verdict of a standing.
pub fn verdict(standing: &Standing, now: Timestamp) -> Verdict {
    let (tone, word) = badge(standing.verdict);
    Verdict {
        tone,
        word: word.to_owned(),
        says: says(standing.verdict, now),
        rule: rule(standing.rule).to_owned(),
        formula: standing.rule.formula().to_owned(),
    }
}

/// A moment to come.
pub const fn turn(turn: Turn) -> &'static str {
    match turn {
        Turn::Begins => "The lease begins",
        Turn::RenewalDue => "The application asks for the next lease",
        Turn::LeaseEnds => "The lease ends",
        Turn::GraceEnds => "The grace ends",
        Turn::LicenseEnds => "The license ends",
        Turn::DenialApplies => "The denial applies",
    }
}

/// A reason of a denial.
pub const fn denial(code: DenialCode) -> &'static str {
    match code {
        DenialCode::Revoked => "the license was withdrawn",
        DenialCode::Suspended => "the license is paused",
        DenialCode::Expired => "the license ran out, and its plan leaves nothing",
        DenialCode::Released => "the seat was given up or taken back",
        DenialCode::DeviceMismatch => "the lease belongs to another device",
    }
}

fn reason(reason: Reason, now: Timestamp) -> String {
    let from = when(reason.effective, now);
    let since = if reason.effective > now.seconds() { format!(", from {}", from.absolute) } else { String::new() };
    format!("{}: {}{since}", reason.code.as_str(), denial(reason.code))
}

/// Every reason of a denial.
pub fn reasons(denied: &Denial, now: Timestamp) -> Vec<String> {
    denied.reasons.iter().map(|one| reason(*one, now)).collect()
}

/// What the server answers a device.
pub fn answer(answer: &Answer, now: Timestamp) -> (Tone, String, Vec<String>) {
    match answer {
        Answer::Decided(Decision::Grant(grant)) => {
            let (soft, exp) = (when(grant.soft, now), when(grant.exp, now));
            let what = match grant.mode {
                Mode::Licensed => "A new lease",
                Mode::Trial => "A new lease for the trial",
                Mode::Limited => "A lease for what the plan leaves, because the license ran out",
            };
            let until = if soft == exp {
                format!("until {}", exp.absolute)
            } else {
                format!("until {}, with grace until {}", soft.absolute, exp.absolute)
            };
            let tone = if grant.mode == Mode::Limited { Tone::Warn } else { Tone::Good };
            (tone, format!("{what}: {until}."), Vec::new())
        }
        Answer::Decided(Decision::Deny(denied)) => {
            let from = when(denied.effective, now);
            let since = if denied.effective > now.seconds() {
                format!(" It applies from {} ({}).", from.absolute, from.relative)
            } else {
                String::new()
            };
            let text = format!("A signed denial, {}: {}.{since}", denied.code.as_str(), denial(denied.code));
            (Tone::Bad, text, reasons(denied, now))
        }
        Answer::Place { free: true } => {
            (Tone::Good, "A new lease: the seat’s lease has ended, and a place is free.".to_owned(), Vec::new())
        }
        Answer::Place { free: false } => {
            let text = "That all seats are taken: the seat’s lease has ended, and others have the places.";
            (Tone::Bad, text.to_owned(), Vec::new())
        }
        Answer::Unverifiable => {
            let text = "That the lease cannot be verified, which is no denial: nothing is known of its seat, and it has ended.";
            (Tone::Bad, text.to_owned(), Vec::new())
        }
        Answer::Lost => {
            let text =
                "To come back in an hour: the license is not in the database. That is a loss here, and no denial.";
            (Tone::Warn, text.to_owned(), Vec::new())
        }
    }
}

/// What helps, in words.
pub const fn cure(cure: Cure) -> &'static str {
    match cure {
        Cure::Nothing => "Nothing needs to be done.",
        Cure::Resume => "Resume the license. The device goes on with its next background call.",
        Cure::Reinstate => "Reinstate the license. The device goes on with its next background call.",
        Cure::Extend => "Extend the license, or renew it. The device learns of it with its next background call.",
        Cure::FreeSeat => "All seats are taken: free one that is no longer needed, and activate this device again.",
        Cure::Activate => "Activate the device again with the key. A seat is free.",
        Cure::Reach => {
            "The server says yes: the device only has to reach it. Look at its network, a proxy or a firewall, and let the application ask now."
        }
        Cure::Update => "The application is too old to read what it is sent: update it.",
    }
}

/// The button that leads to where it is done.
pub const fn button(cure: Cure) -> Option<&'static str> {
    match cure {
        Cure::Resume => Some("Resume license"),
        Cure::Reinstate => Some("Reinstate license"),
        Cure::Extend => Some("Extend license"),
        Cure::FreeSeat => Some("Choose a seat to free"),
        Cure::Nothing | Cure::Activate | Cure::Reach | Cure::Update => None,
    }
}

/// What follows from a refused document, for whoever was sent it.
pub const fn refused(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::KidUnknown => {
            "No key of yours has signed it: it is of another vendor or another installation, or so old that its key is no longer listed. To an application it is unknown, not bad: it keeps what it has."
        }
        Refusal::KeyUse => {
            "Its key must not sign this, or was revoked. An application that has stored it goes on until it ends, and gets another with its next call."
        }
        Refusal::Version => "The application is too old to read it. It keeps what it has; update it.",
        Refusal::Segments | Refusal::Base64 | Refusal::SignatureLength | Refusal::TooLarge => {
            "It is damaged or not whole: copy all of it, from the first letter to the last."
        }
        Refusal::Signature => {
            "It was changed after it was signed, or is damaged. An application refuses it and keeps what it has."
        }
        Refusal::Device => "The denial is for another device than the lease.",
        Refusal::License => "The denial is for another license than the lease.",
        Refusal::Product => "The denial is for another product than the lease.",
        _ => "It is none of your documents, or forged. An application refuses it and keeps what it has.",
    }
}

/// What an application makes of an error code.
pub fn effect(code: &CodeExplained) -> String {
    if let Some(denied) = code.denial {
        return format!(
            "It comes with a signed denial, and that counts: from its date on the application shows that {}. Without the denial nothing follows from it.",
            denial(denied)
        );
    }
    match &code.keeps {
        Some(Keep::Busy { .. }) => {
            "The application keeps its lease and its verdict, and asks again later: nobody loses anything by it."
                .to_owned()
        }
        Some(_) => {
            "It is not signed: the application keeps its lease and its verdict, notes the code, and asks again later."
                .to_owned()
        }
        None => "The application keeps the last state that it has verified.".to_owned(),
    }
}
