//! Measurements in words.

use std::time::Duration;

use holdfast_domain::{Seconds, Timestamp};
use holdfast_fleet::{
    Code, Finding, Histogram, Micros, NodeMode, NodeReport, Presence, Severity, Usage,
    report::{DatabaseReport, DatabaseRole},
};
use holdfast_service::admin::fleet::{NodeState, NodeView};

use super::model::{Badge, Foretold};
use crate::ui::{Tone, When};

/// What was not measured.
pub const NOTHING: &str = "–";

/// What fails when the rule is right, so that "in 19 h" can follow.
pub const fn what(code: Code) -> &'static str {
    match code {
        Code::DiskFull => "Disk full",
        Code::ReplicationLag => "Replica too far behind",
        Code::ConnectionsExhausted => "Out of connections",
        Code::DatabaseConnectionsExhausted => "Out of database connections",
        Code::MemoryExhausted => "Out of memory",
        Code::DescriptorsExhausted => "Out of file descriptors",
        Code::CertificateExpiring => "Certificate ends",
        Code::IssuingKeyExpiring => "Issuing key ends",
        Code::RootKeyExpiring => "Root key ends",
        Code::ClockDrift => "Clock too far off to sign",
        Code::JobSilent => "Background job overdue",
        Code::ExpiryCliff => "Many licenses end",
        Code::ExpirySameMinute => "Many licenses end in one minute",
        Code::DenialSpike => "Denial breaker trips",
        Code::OutboxBacklog => "Deliveries wait too long",
        Code::MailBacklog => "Mail does not leave",
        Code::RestoreUnproved => "Backup not proved",
        Code::NodeUnresponsive => "Node not heard of",
        Code::RegionLost => "Region not heard of; its continuity ends",
        Code::ContinuityMode => "Continuity mode ends",
    }
}

/// How much it matters.
pub fn severity(severity: Severity) -> Badge {
    match severity {
        Severity::Info => Badge::new(Tone::Info, "Info"),
        Severity::Warning => Badge::new(Tone::Warn, "Warning"),
        Severity::Critical => Badge::new(Tone::Bad, "Critical"),
    }
}

/// What was found, as seen from the moment of the look that found it.
pub fn foretold(finding: &Finding, looked: Timestamp, now: Timestamp) -> Foretold {
    let in_time = |left: Seconds| When::new(looked.plus(left), now);
    Foretold {
        severity: severity(finding.severity),
        what: what(finding.code).to_owned(),
        fails: finding.left.filter(|left| left.0 > 0).map(in_time),
        drains: finding.drain_in.map(in_time),
        detail: finding.detail.clone(),
        cure: finding.cure().to_owned(),
    }
}

/// Whether a node is there.
pub fn signs(node: &NodeView, away: bool) -> Badge {
    match (node.state, node.presence) {
        (NodeState::Stopped, _) => Badge::new(Tone::None, "Stopped"),
        (NodeState::Gone, _) => Badge::new(Tone::None, "Declared gone"),
        (NodeState::Running, Some(Presence::Alive)) => Badge::new(Tone::Good, "Alive"),
        (NodeState::Running, Some(Presence::Suspected)) => Badge::new(Tone::Warn, "Silent"),
        (NodeState::Running, Some(Presence::Dead)) => Badge::new(Tone::Bad, "Gone"),
        (NodeState::Running, None) if away => Badge::new(Tone::None, "Not known"),
        (NodeState::Running, None) => Badge::new(Tone::None, "Not heard yet"),
    }
}

/// What a node can do.
pub fn mode(mode: NodeMode) -> Badge {
    match mode {
        NodeMode::Normal => Badge::new(Tone::Good, "Serving"),
        NodeMode::Continuity => Badge::new(Tone::Warn, "Continuity"),
        NodeMode::Draining => Badge::new(Tone::Info, "Draining"),
        NodeMode::Starting => Badge::new(Tone::Info, "Starting"),
        NodeMode::Sealed => Badge::new(Tone::Warn, "Sealed"),
        NodeMode::Clock => Badge::new(Tone::Bad, "Clock off"),
        NodeMode::Unknown => Badge::new(Tone::None, "Unknown"),
    }
}

/// A length of time with the digits that matter.
pub fn length(span: Duration) -> String {
    let millis = span.as_secs_f64() * 1_000.0;
    match millis {
        0.0..0.95 => format!("{millis:.1} ms"),
        0.95..999.5 => format!("{millis:.0} ms"),
        _ => format!("{:.1} s", millis / 1_000.0),
    }
}

fn micros(span: Micros) -> Duration {
    Duration::from_micros(span.0.unsigned_abs())
}

/// How far a clock is ahead or behind.
pub fn offset(offset: Micros) -> String {
    let sign = if offset.0 < 0 { "−" } else { "+" };
    format!("{sign}{}", length(micros(offset)))
}

/// A lag, which is never negative.
pub fn lag(lag: Micros) -> String {
    length(micros(Micros(lag.0.max(0))))
}

/// A number of bytes in its greatest unit.
pub fn bytes(count: u64) -> String {
    const UNITS: [(u64, &str); 4] = [(1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let Some((size, unit)) = UNITS.into_iter().find(|(size, _)| count >= *size) else { return format!("{count} B") };
    let tenths = u128::from(count) * 10 / u128::from(size);
    if tenths < 1_000 { format!("{}.{} {unit}", tenths / 10, tenths % 10) } else { format!("{} {unit}", tenths / 10) }
}

/// What is used of what there is.
pub fn used(usage: Usage, unit: impl Fn(u64) -> String) -> String {
    match usage.limit {
        0 => unit(usage.used),
        limit => format!("{} / {}", unit(usage.used), unit(limit)),
    }
}

/// The share that is used, in percent.
pub fn percent(usage: Usage) -> Option<u8> {
    (usage.limit > 0).then(|| {
        let percent = u128::from(usage.used) * 100 / u128::from(usage.limit);
        u8::try_from(percent.min(100)).unwrap_or(100)
    })
}

/// The share of answers that were failures of the server.
pub fn errors(report: &NodeReport) -> String {
    match report.error_rate() {
        None => NOTHING.to_owned(),
        Some(0.0) => "0 %".to_owned(),
        Some(rate) if rate < 0.000_1 => "< 0.01 %".to_owned(),
        Some(rate) => format!("{:.2} %", rate * 100.0),
    }
}

/// Within how long 99 of 100 answers came.
pub fn p99(latency: Option<&Histogram>) -> String {
    latency.and_then(|latency| latency.quantile(0.99)).map_or_else(|| NOTHING.to_owned(), length)
}

/// What a node's database is.
pub fn database(report: Option<&DatabaseReport>) -> String {
    let Some(report) = report else { return NOTHING.to_owned() };
    let role = match report.role {
        DatabaseRole::Single => "Single",
        DatabaseRole::Primary => "Primary",
        DatabaseRole::Replica => "Replica",
        DatabaseRole::Unknown => "Unknown",
    };
    report.replication_lag.map_or_else(|| role.to_owned(), |behind| format!("{role}, {} behind", lag(behind)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_have_the_digits_that_matter() {
        let cases = [(120, "0.1 ms"), (940, "0.9 ms"), (12_400, "12 ms"), (999_400, "999 ms"), (1_250_000, "1.2 s")];
        for (micros, text) in cases {
            assert_eq!(length(Duration::from_micros(micros)), text);
        }
        assert_eq!(offset(Micros(-31_000_000)), "−31.0 s");
        assert_eq!(offset(Micros(2_000)), "+2 ms");
    }

    #[test]
    fn bytes_have_their_greatest_unit() {
        for (count, text) in
            [(12, "12 B"), (1 << 20, "1.0 MiB"), (34_000_000_000, "31.6 GiB"), (u64::MAX, "16777215 TiB")]
        {
            assert_eq!(bytes(count), text);
        }
    }

    #[test]
    fn what_is_used_is_said_with_its_limit() {
        let usage = Usage { used: 12, limit: 256 };
        assert_eq!((used(usage, |n| n.to_string()).as_str(), percent(usage)), ("12 / 256", Some(4)));
        let unlimited = Usage { used: 12, limit: 0 };
        assert_eq!((used(unlimited, |n| n.to_string()).as_str(), percent(unlimited)), ("12", None));
        assert_eq!(percent(Usage { used: 9, limit: 3 }), Some(100));
    }

    #[test]
    fn every_rule_has_words_of_its_own() {
        let words: std::collections::BTreeSet<_> = Code::ALL.iter().map(|code| what(*code)).collect();
        assert_eq!(words.len(), Code::ALL.len());
    }
}
