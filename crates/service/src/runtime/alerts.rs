//! Alerts as they are announced: by one node at a time, which writes down what stands and puts every change into the outbox.
//!
//! Every node evaluates the rules, so whoever takes over has the same memory; the lease row and its fencing token see to it
//! that two nodes with different views do not take each other's alerts back.

use super::{jobs::Duty, mails};
use crate::{Error, Result, Service, admin::act::job};
use holdfast_domain::{AlertId, ProductId, Seconds, Timestamp, VendorId};
use holdfast_fleet::{Code, Finding, Known, Severity, Subject};
use holdfast_store::{
    Querier, Tx, WriteOptions,
    alerts::{self, AlertRow},
    job_leases,
    outbox::{self, NewMessage},
    products,
};
use serde_json::json;
use std::collections::BTreeMap;

/// The name of the lease row under which one node at a time announces.
const JOB: &str = "fleet.alerts";
/// How often an estimate that has changed is written down.
const REFRESH: Seconds = Seconds::MINUTE;
/// For how long alerts that are over, and messages, are kept.
const KEPT: Seconds = Seconds::days(90);

impl Service {
    /// Makes this node the one that announces, or leaves it so; `None` while another one is. `announcer` is what the last
    /// call returned.
    pub async fn announcer(&self, announcer: Option<Duty>) -> Result<Option<Duty>> {
        self.duty(JOB, announcer).await
    }

    /// The alerts that stand as they were last announced, by whichever node. Those of rules that this version does not know
    /// are left to the one that does.
    pub async fn announced(&self) -> Result<Vec<Known>> {
        Ok(alerts::standing(&mut self.store().reader()).await?.iter().filter_map(known).collect())
    }

    /// Writes down that `findings` are what stands now, and puts every change into the outbox, in one transaction. Does nothing
    /// where another node has become the one that announces. True where something was written.
    pub async fn announce(&self, announcer: Duty, findings: &[Finding]) -> Result<bool> {
        let now = self.now();
        let standing = alerts::standing(&mut self.store().reader()).await?;
        if steps(standing, findings, now).is_empty() {
            return Ok(false);
        }
        let (service, findings) = (self.clone(), findings.to_vec());
        let write = job!(service, findings => |tx| {
            if !job_leases::still_holds(tx, JOB, announcer.token).await? {
                return Ok::<_, Error>(false);
            }
            let standing = alerts::standing(tx).await?;
            for step in steps(standing, &findings, now) {
                service.take(tx, step, now).await?;
            }
            Ok(true)
        });
        self.store().write(WriteOptions::default(), write).await
    }

    /// Lets another node announce at once: for one that ends.
    pub async fn stop_announcing(&self) -> Result<()> {
        self.give_up_duty(JOB).await
    }

    async fn take(&self, tx: &mut Tx, step: Step, now: Timestamp) -> Result<()> {
        let (alert, topic) = match step {
            Step::Raise(finding) => {
                let id = AlertId::new(now, self.entropy());
                let (vendor, product) = owner(tx, &finding.subject).await?;
                let alert = AlertRow { vendor, product, ..raised(id, &finding, now) };
                alerts::insert(tx, &alert).await?;
                (alert, Some("alert.raised"))
            }
            Step::Update(alert, topic) => {
                alerts::update(tx, &alert).await?;
                (*alert, topic)
            }
        };
        let Some(topic) = topic else { return Ok(()) };
        if topic != "alert.cleared" {
            mails::tell_of_alert(self, tx, &alert).await?;
        }
        Ok(outbox::put(tx, &[message(&alert, topic, now)]).await?)
    }

    /// Forgets alerts that were over and messages that were put into the outbox three months ago.
    pub(super) async fn prune_alerts(&self) -> Result<()> {
        let before = self.now().plus(Seconds(-KEPT.0));
        let write = job!(before => |tx| {
            alerts::prune(tx, before).await?;
            outbox::prune(tx, before).await?;
            Ok::<_, Error>(())
        });
        self.store().write(WriteOptions::default(), write).await
    }
}

/// What is told of an alert.
fn message(alert: &AlertRow, topic: &'static str, now: Timestamp) -> NewMessage {
    let (_, cure) = crate::admin::alerts::explained(&alert.code);
    let data = json!({
        "id": alert.id, "code": alert.code, "subject": alert.subject, "severity": alert.severity,
        "detail": alert.detail, "cure": cure, "raised_at": told(Some(alert.raised_at)),
        "fails_at": told(alert.fails_at), "cleared_at": told(alert.cleared_at),
    });
    NewMessage { vendor: alert.vendor, topic, subject: alert.id.to_string(), data, at: now }
}

/// An alert that follows from an act and is no rule's; whoever announces leaves it as it is.
pub(super) fn at_once(id: AlertId, code: &str, subject: String, detail: String, now: Timestamp) -> AlertRow {
    AlertRow {
        id,
        vendor: None,
        product: None,
        code: code.to_owned(),
        subject,
        severity: Severity::Info.as_str().to_owned(),
        detail,
        raised_at: now,
        updated_at: now,
        fails_at: None,
        drains_at: None,
        cleared_at: None,
        acknowledged_at: None,
        acknowledged_by: None,
        note: None,
    }
}

/// Raises such an alert in the transaction of the act, and tells of it. One of that code and subject that stands is enough.
pub(super) async fn raise_at_once(service: &Service, tx: &mut Tx, alert: &AlertRow, now: Timestamp) -> Result<()> {
    if alerts::standing_about(tx, &alert.code, &alert.subject).await?.is_some() {
        return Ok(());
    }
    alerts::insert(tx, alert).await?;
    mails::tell_of_alert(service, tx, alert).await?;
    Ok(outbox::put(tx, &[message(alert, "alert.raised", now)]).await?)
}

/// Takes such an alert back, where it stands, in the transaction of the act, and tells of it.
pub(super) async fn clear_at_once(tx: &mut Tx, code: &str, subject: &str, now: Timestamp) -> Result<()> {
    let Some(row) = alerts::standing_about(tx, code, subject).await? else { return Ok(()) };
    let over = AlertRow { cleared_at: Some(now), ..row };
    alerts::update(tx, &over).await?;
    Ok(outbox::put(tx, &[message(&over, "alert.cleared", now)]).await?)
}

/// A time as it is told to the outside: seconds since the Unix epoch.
fn told(at: Option<Timestamp>) -> Option<i64> {
    at.map(|at| at.seconds().0)
}

fn known(row: &AlertRow) -> Option<Known> {
    Some(Known {
        code: Code::from_name(&row.code)?,
        subject: row.subject.parse().ok()?,
        severity: Severity::from_name(&row.severity)?,
        since: row.raised_at,
    })
}

/// What is to be written.
#[derive(Clone, Debug)]
enum Step {
    Raise(Finding),
    /// With what is told of it, where that is anything.
    Update(Box<AlertRow>, Option<&'static str>),
}

/// What is to be written so that of the rules that are known here exactly `findings` stand.
fn steps(standing: Vec<AlertRow>, findings: &[Finding], now: Timestamp) -> Vec<Step> {
    let mut standing: BTreeMap<(String, String), AlertRow> =
        standing.into_iter().map(|row| ((row.code.clone(), row.subject.clone()), row)).collect();
    let mut steps = Vec::new();
    for finding in findings {
        match standing.remove(&(finding.code.as_str().to_owned(), finding.subject.to_string())) {
            None => steps.push(Step::Raise(finding.clone())),
            Some(row) => steps.extend(brought_up_to_date(row, finding, now)),
        }
    }
    let over = standing.into_values().filter(|row| known(row).is_some());
    steps.extend(
        over.map(|row| Step::Update(Box::new(AlertRow { cleared_at: Some(now), ..row }), Some("alert.cleared"))),
    );
    steps
}

/// The alert as `finding` has it, where that is worth writing.
fn brought_up_to_date(row: AlertRow, finding: &Finding, now: Timestamp) -> Option<Step> {
    let before = Severity::from_name(&row.severity);
    let worse = before.is_none_or(|before| finding.severity > before);
    let measured = raised(row.id, finding, now);
    let same = row.detail == measured.detail && row.severity == measured.severity;
    if !worse && (same || now.since(row.updated_at) < REFRESH) {
        return None;
    }
    let row = AlertRow {
        severity: measured.severity,
        detail: measured.detail,
        updated_at: now,
        fails_at: measured.fails_at,
        drains_at: measured.drains_at,
        ..row
    };
    if !worse {
        return Some(Step::Update(Box::new(row), None));
    }
    // Whoever took it on did so when it was less serious.
    let anew = AlertRow { acknowledged_at: None, acknowledged_by: None, note: None, ..row };
    Some(Step::Update(Box::new(anew), Some("alert.worsened")))
}

/// An alert that has just been raised, about nobody's product yet.
fn raised(id: AlertId, finding: &Finding, now: Timestamp) -> AlertRow {
    AlertRow {
        severity: finding.severity.as_str().to_owned(),
        raised_at: finding.since.min(now),
        fails_at: finding.fails_at(now),
        drains_at: finding.drain_in.map(|wait| now.plus(wait)),
        ..at_once(id, finding.code.as_str(), finding.subject.to_string(), finding.detail.clone(), now)
    }
}

/// Whose product or key an alert is about.
async fn owner(q: &mut dyn Querier, subject: &Subject) -> Result<(Option<VendorId>, Option<ProductId>)> {
    Ok(match subject {
        Subject::Product(product) => {
            let row = products::by_public_id(q, *product).await?;
            (row.map(|row| row.vendor), Some(*product))
        }
        Subject::Key(kid) => {
            alerts::owner_of_key(q, kid).await?.map_or((None, None), |(vendor, product)| (Some(vendor), product))
        }
        Subject::Installation
        | Subject::Node(_)
        | Subject::Region(_)
        | Subject::Job(_)
        | Subject::Webhook(_)
        | Subject::Shop(_) => (None, None),
    })
}
