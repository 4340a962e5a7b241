//! What was found, and what changed since: findings and transitions.

use crate::rules::Code;
use holdfast_domain::{ProductId, Seconds, ShopId, Timestamp, WebhookId};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{collections::BTreeMap, fmt, str::FromStr};

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing; there is plenty of time.
    Info,
    /// Someone should act within the lead time.
    Warning,
    /// Someone must act now.
    Critical,
}

impl Severity {
    /// Every severity, the mildest first.
    pub const ALL: [Self; 3] = [Self::Info, Self::Warning, Self::Critical];

    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }

    /// The severity of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|severity| severity.as_str() == name)
    }
}

/// What a finding is about. As text `kind:name`, for example `node:eu-1`; the installation as a whole is `installation`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// The installation as a whole.
    Installation,
    /// A node, by name.
    Node(String),
    /// A region, by name.
    Region(String),
    /// A product.
    Product(ProductId),
    /// A signing key, by `kid`.
    Key(String),
    /// A background job, by name.
    Job(String),
    /// A webhook.
    Webhook(WebhookId),
    /// A shop.
    Shop(ShopId),
}

/// The text is not a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a subject of the form kind:name")]
pub struct SubjectError;

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Installation => f.write_str("installation"),
            Self::Node(name) => write!(f, "node:{name}"),
            Self::Region(name) => write!(f, "region:{name}"),
            Self::Product(id) => write!(f, "product:{id}"),
            Self::Key(kid) => write!(f, "key:{kid}"),
            Self::Job(name) => write!(f, "job:{name}"),
            Self::Webhook(id) => write!(f, "webhook:{id}"),
            Self::Shop(id) => write!(f, "shop:{id}"),
        }
    }
}

impl FromStr for Subject {
    type Err = SubjectError;

    fn from_str(text: &str) -> Result<Self, SubjectError> {
        if text == "installation" {
            return Ok(Self::Installation);
        }
        let (kind, name) = text.split_once(':').ok_or(SubjectError)?;
        Ok(match kind {
            "node" => Self::Node(name.to_owned()),
            "region" => Self::Region(name.to_owned()),
            "product" => Self::Product(name.parse().map_err(|_| SubjectError)?),
            "key" => Self::Key(name.to_owned()),
            "job" => Self::Job(name.to_owned()),
            "webhook" => Self::Webhook(name.parse().map_err(|_| SubjectError)?),
            "shop" => Self::Shop(name.parse().map_err(|_| SubjectError)?),
            _ => return Err(SubjectError),
        })
    }
}

impl Serialize for Subject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Subject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A prediction or a fact that someone must act on. There is at most one for a code and a subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The rule that found it.
    pub code: Code,
    /// What it is about.
    pub subject: Subject,
    /// How much it matters.
    pub severity: Severity,
    /// Since when it has been raised.
    pub since: Timestamp,
    /// How long until it becomes a failure, by the present estimate; 0 where it is one, absent where nobody can tell.
    pub left: Option<Seconds>,
    /// In how many seconds the node should drain itself: 0 for now. Absent where draining would not help, or where the end
    /// is not in sight.
    pub drain_in: Option<Seconds>,
    /// What was measured, in one sentence without a full stop.
    pub detail: String,
}

impl Finding {
    /// When it becomes a failure, seen from `now`; absent where nobody can tell.
    pub fn fails_at(&self, now: Timestamp) -> Option<Timestamp> {
        self.left.map(|left| now.plus(left))
    }

    /// Whether the node should drain itself now.
    pub fn drains(&self) -> bool {
        self.drain_in.is_some_and(|wait| wait <= Seconds(0))
    }

    /// What the person should do.
    pub const fn cure(&self) -> &'static str {
        self.code.rule().cure
    }
}

/// An alert as it was last announced.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Known {
    /// The rule.
    pub code: Code,
    /// What it is about.
    pub subject: Subject,
    /// The severity that was announced.
    pub severity: Severity,
    /// Since when it has been raised.
    pub since: Timestamp,
}

impl From<&Finding> for Known {
    fn from(finding: &Finding) -> Self {
        Self { code: finding.code, subject: finding.subject.clone(), severity: finding.severity, since: finding.since }
    }
}

/// A change that is worth announcing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Transition {
    /// There was no such alert.
    Raised(Finding),
    /// Its severity grew.
    Worsened {
        /// The severity that was announced before.
        from: Severity,
        /// How it stands.
        finding: Finding,
    },
    /// It is over.
    Cleared(Known),
}

/// What to announce, given the alerts that are known (one for a code and a subject) and the findings of now.
///
/// A severity that shrinks is not announced: write the finding's new one down all the same (see [`known_after`]), so that
/// it can worsen again. The order is that of code and subject, what was cleared last.
pub fn transitions(known: &[Known], findings: &[Finding]) -> Vec<Transition> {
    let before: BTreeMap<_, _> = known.iter().map(|alert| ((alert.code, &alert.subject), alert)).collect();
    let now: BTreeMap<_, _> = findings.iter().map(|finding| ((finding.code, &finding.subject), finding)).collect();
    let announced = now.iter().filter_map(|(key, finding)| match before.get(key) {
        None => Some(Transition::Raised((*finding).clone())),
        Some(alert) if finding.severity > alert.severity => {
            Some(Transition::Worsened { from: alert.severity, finding: (*finding).clone() })
        }
        Some(_) => None,
    });
    let cleared = before.iter().filter(|(key, _)| !now.contains_key(key));
    announced.chain(cleared.map(|(_, alert)| Transition::Cleared((*alert).clone()))).collect()
}

/// The alerts that are known once `findings` were announced.
pub fn known_after(findings: &[Finding]) -> Vec<Known> {
    findings.iter().map(Known::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(node: &str, severity: Severity) -> Finding {
        Finding {
            code: Code::DiskFull,
            subject: Subject::Node(node.to_owned()),
            severity,
            since: Timestamp::from_seconds(5),
            left: Some(Seconds::HOUR),
            drain_in: None,
            detail: String::new(),
        }
    }

    #[test]
    fn every_change_is_announced_once() {
        let (warning, critical) = (finding("a", Severity::Warning), finding("a", Severity::Critical));
        let raised = transitions(&[], std::slice::from_ref(&warning));
        assert_eq!(raised, [Transition::Raised(warning.clone())]);
        let known = known_after(std::slice::from_ref(&warning));
        assert_eq!(transitions(&known, std::slice::from_ref(&warning)), []);
        let worse = transitions(&known, std::slice::from_ref(&critical));
        assert_eq!(worse, [Transition::Worsened { from: Severity::Warning, finding: critical.clone() }]);
        let known = known_after(std::slice::from_ref(&critical));
        assert_eq!(transitions(&known, &[warning]), []);
        assert_eq!(transitions(&known, &[]), [Transition::Cleared(known[0].clone())]);
    }

    #[test]
    fn subjects_are_told_apart() {
        let known = known_after(&[finding("a", Severity::Warning)]);
        let changes = transitions(&known, &[finding("b", Severity::Warning)]);
        assert!(matches!(&changes[..], [Transition::Raised(_), Transition::Cleared(_)]), "{changes:?}");
    }

    #[test]
    fn subjects_survive_being_written_down() {
        let product = ProductId::from_bytes([7; 16]);
        let named = ["a:b", ""].map(str::to_owned).into_iter().flat_map(|name| {
            [Subject::Node(name.clone()), Subject::Region(name.clone()), Subject::Key(name.clone()), Subject::Job(name)]
        });
        let webhook = Subject::Webhook(WebhookId::from_bytes([8; 16]));
        for subject in named.chain([Subject::Installation, Subject::Product(product), webhook]) {
            assert_eq!(subject.to_string().parse(), Ok(subject));
        }
        assert_eq!("planet:mars".parse::<Subject>(), Err(SubjectError));
        assert_eq!("product:x".parse::<Subject>(), Err(SubjectError));
    }
}
