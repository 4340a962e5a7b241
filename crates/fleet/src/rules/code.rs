//! The rules as a table, and their stable names.

use super::{
    clock, continuity, denials, expiry, jobs, licenses, mail,
    measure::{Measure, View},
    outbox, presence, replication, resource, restore,
};
use crate::finding::Severity;
use holdfast_domain::Seconds;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How long before the failure a rule speaks up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lead {
    /// At least so long, where what fails gets there steadily and no faster than the rule's text says.
    Before(Seconds),
    /// Two of the job's own intervals.
    TwoIntervals,
    /// It is a fact, not a prediction; the time left is that of what follows from it.
    Fact,
}

impl fmt::Display for Lead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Before(lead) if lead.0 % 86_400 == 0 => write!(f, "{} d", lead.0 / 86_400),
            Self::Before(lead) if lead.0 % 3_600 == 0 => write!(f, "{} h", lead.0 / 3_600),
            Self::Before(lead) => write!(f, "{} min", lead.0 / 60),
            Self::TwoIntervals => f.write_str("2 intervals of the job"),
            Self::Fact => f.write_str("at once"),
        }
    }
}

/// One rule.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Its stable name.
    pub code: Code,
    /// What it watches, in a few words.
    pub watches: &'static str,
    /// The failure it comes before.
    pub failure: &'static str,
    /// The severities it can have, with the time left or the level at which it gets each.
    pub levels: &'static [(Severity, &'static str)],
    /// How long before the failure it is raised at the latest.
    pub lead: Lead,
    /// What the person should do.
    pub cure: &'static str,
    /// How long what it watches must be that bad before it is raised or worsened.
    pub confirm: Seconds,
    /// How long what it watches must be clearly better before it is eased or cleared.
    pub settle: Seconds,
    /// Reads what it watches; one measure for each subject that can be judged.
    pub(super) measure: fn(&View<'_>) -> Vec<Measure>,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal => $rule:expr,)*) => {
        /// The stable name of a rule.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Code {
            $($(#[$doc])* #[serde(rename = $text)] $name,)*
        }

        /// Every rule, in the order in which they are shown.
        pub static RULES: &[Rule] = &[$($rule),*];

        impl Code {
            /// Every code, in the order of [`RULES`].
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The name, as in the API, the metrics and the database.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }

            /// The code of that name.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|code| code.as_str() == name)
            }

            /// Its rule.
            pub const fn rule(self) -> &'static Rule {
                match self { $(Self::$name => { static RULE: Rule = $rule; &RULE }),* }
            }
        }
    };
}

codes! {
    /// A disk fills up.
    DiskFull = "disk_full" => resource::DISK,
    /// A replica falls behind.
    ReplicationLag = "replication_lag" => replication::RULE,
    /// A node runs out of connections for clients.
    ConnectionsExhausted = "connections_exhausted" => resource::CONNECTIONS,
    /// A node waits for connections to the database.
    DatabaseConnectionsExhausted = "database_connections_exhausted" => resource::DATABASE_CONNECTIONS,
    /// A node runs out of memory.
    MemoryExhausted = "memory_exhausted" => resource::MEMORY,
    /// A node runs out of file descriptors.
    DescriptorsExhausted = "descriptors_exhausted" => resource::DESCRIPTORS,
    /// A certificate ends.
    CertificateExpiring = "certificate_expiring" => expiry::CERTIFICATE,
    /// An issuing key ends without a successor.
    IssuingKeyExpiring = "issuing_key_expiring" => expiry::ISSUING_KEY,
    /// A root key ends.
    RootKeyExpiring = "root_key_expiring" => expiry::ROOT_KEY,
    /// A clock runs away.
    ClockDrift = "clock_drift" => clock::RULE,
    /// A background job does not run.
    JobSilent = "job_silent" => jobs::RULE,
    /// Many licenses end within a day.
    ExpiryCliff = "expiry_cliff" => licenses::CLIFF,
    /// Many licenses end in the same minute.
    ExpirySameMinute = "expiry_same_minute" => licenses::SAME_MINUTE,
    /// Denials are heading for the breaker.
    DenialSpike = "denial_spike" => denials::RULE,
    /// Webhooks are not delivered.
    OutboxBacklog = "outbox_backlog" => outbox::RULE,
    /// Mail does not leave.
    MailBacklog = "mail_backlog" => mail::RULE,
    /// It is long ago that a backup was proved by restoring it.
    RestoreUnproved = "restore_unproved" => restore::RULE,
    /// A node is not heard of.
    NodeUnresponsive = "node_unresponsive" => presence::NODE,
    /// No node of a region is heard of.
    RegionLost = "region_lost" => presence::REGION,
    /// A node works without its database.
    ContinuityMode = "continuity_mode" => continuity::RULE,
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_own_rule() {
        assert_eq!(RULES.len(), Code::ALL.len());
        for (rule, code) in RULES.iter().zip(Code::ALL) {
            assert_eq!(rule.code, *code);
            assert_eq!(code.rule().code, *code);
            assert_eq!(Code::from_name(code.as_str()), Some(*code));
            assert!(!rule.levels.is_empty() && rule.cure.len() > 40, "{code}");
            assert_eq!(serde_json::to_string(code).unwrap(), format!("\"{code}\""));
        }
    }

    #[test]
    fn a_lead_is_said_in_its_greatest_unit() {
        let said = [Seconds::days(14), Seconds::hours(25), Seconds::minutes(90)].map(|s| Lead::Before(s).to_string());
        assert_eq!(said, ["14 d", "25 h", "90 min"]);
    }
}
