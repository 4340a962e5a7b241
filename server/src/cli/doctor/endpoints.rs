//! The addresses under which applications reach the installation: whether they lead here, and until when.

use super::{
    findings::{Findings, words},
    http::Web,
};
use crate::certificate;
use holdfast_domain::Timestamp;
use std::time::Duration;

/// How long one has.
const PATIENCE: Duration = Duration::from_secs(5);
/// Seconds before the end of a certificate that are worth a word, and that are too few (alert `certificate_expiring`).
const ENDS: (i64, i64) = (21 * 86_400, 7 * 86_400);

/// Compares what is set with what the manifests announce, and asks each of them.
pub(super) fn look(web: &Web, set: &[String], announced: &[String], now: Timestamp, findings: &mut Findings) {
    let what = "endpoints";
    if set.is_empty() && announced.is_empty() {
        return findings.warning(
            what,
            "there are none: applications are not told where to go if you move",
            "Name every https address of this installation with --endpoint, and restart the nodes.",
        );
    }
    if !set.is_empty() && !announced.is_empty() && set != announced {
        let list = |urls: &[String]| if urls.is_empty() { "none".to_owned() } else { urls.join(", ") };
        findings.warning(
            what,
            format!("set are {}, and the key manifest announces {}", list(set), list(announced)),
            "A node announces its own at its start: set the same on all of them, and restart them.",
        );
    }
    let mut urls: Vec<&String> = set.iter().collect();
    urls.extend(announced.iter().filter(|url| !set.contains(url)));
    for url in urls {
        reach(web, url, findings);
        if url.starts_with("https://") {
            ends(url, now, findings);
        } else {
            findings.warning(
                what,
                format!("{url} is not https"),
                "Clients never fall back to http: name an https address.",
            );
        }
    }
}

fn reach(web: &Web, url: &str, findings: &mut Findings) {
    let what = "endpoints";
    let cure =
        "Look at the edge there and at the nodes behind it: `show stat` of HAProxy, `curl localhost:8080/readyz`.";
    match web.ask_as_application(&format!("{url}/readyz")) {
        Err(error) => findings.failed(what, format!("{url} does not answer: {error}"), cure),
        Ok(answer) => match answer.json().map(|body| body["mode"].as_str().unwrap_or("unknown").to_owned()) {
            Ok(mode) if answer.status == 200 && answer.only_here => findings.warning(
                what,
                format!("{url} answers `{mode}`, under a certificate that only --ca-file makes trusted"),
                "Applications trust public authorities: replace it by a certificate of one of them.",
            ),
            Ok(mode) if answer.status == 200 => findings.ok(what, format!("{url} answers `{mode}`")),
            _ => findings.failed(what, format!("{url} answers {}", answer.status), cure),
        },
    }
}

fn ends(url: &str, now: Timestamp, findings: &mut Findings) {
    match certificate::ends_at(url, PATIENCE) {
        Ok(end) => judge(url, end.since(now).0, findings),
        Err(error) => findings.failed(
            "certificate",
            format!("{url} shows none that can be read: {error}"),
            "Look at the edge there: TLS belongs into it.",
        ),
    }
}

fn judge(url: &str, left: i64, findings: &mut Findings) {
    let what = "certificate";
    let cure =
        "Look at the log of what renews it, renew it, and make the edge load it (`systemctl reload holdfast-edge`).";
    match left {
        left if left <= 0 => findings.failed(what, format!("that of {url} ended {} ago", words(left)), cure),
        left if left <= ENDS.1 => findings.failed(what, format!("that of {url} ends in {}", words(left)), cure),
        left if left <= ENDS.0 => findings.warning(what, format!("that of {url} ends in {}", words(left)), cure),
        left => findings.ok(what, format!("that of {url} ends in {}", words(left))),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::findings::Grade, *};

    #[test]
    fn a_certificate_is_judged_by_what_is_left() {
        let of = |left| {
            let mut findings = Findings::default();
            judge("https://licenses.example.com", left, &mut findings);
            findings.0.remove(0).grade
        };
        assert_eq!(
            [of(-1), of(6 * 86_400), of(20 * 86_400), of(22 * 86_400)],
            [Grade::Failed, Grade::Failed, Grade::Warning, Grade::Ok]
        );
    }
}
