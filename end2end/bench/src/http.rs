//! The server as it ships, under load over HTTP: renewals, validations, lists, memory.

use crate::{
    crypto::Bare,
    dataset::{self, Dataset},
    load::{self, Asker, Load, Outcome},
    meter,
    node::{Node, Yardstick},
    table::{Limit, Table},
};
use serde::Deserialize;
use std::{error::Error, path::Path, time::Duration};

const CONNECTIONS: usize = 16;
/// How many activated seats the renewals go round among.
const SEATS: usize = 2_000;

#[derive(Deserialize)]
struct Leased {
    lease: String,
}

/// Activates licenses one after the other and keeps the leases.
struct Activator {
    product: String,
    next: usize,
    until: usize,
    leases: std::sync::mpsc::Sender<String>,
}

impl Asker for Activator {
    fn next(&mut self) -> (String, Option<String>) {
        let n = self.next;
        // Past the end the last one is activated again: the same seat, no other.
        self.next = (n + 1).min(self.until - 1);
        let body = serde_json::json!({
            "key": dataset::key_of(n), "nonce": "benchmark-nonce", "device": { "hash": format!("{n:064x}"), "name": format!("Computer {n}"), "platform": "linux" },
        });
        (format!("/v1/products/{}/activate", self.product), Some(body.to_string()))
    }

    fn answered(&mut self, body: &[u8]) {
        if let Ok(leased) = serde_json::from_slice::<Leased>(body) {
            let _ = self.leases.send(leased.lease);
        }
    }
}

/// Renews its own leases in turn, always presenting the newest.
struct Renewer {
    path: String,
    leases: Vec<String>,
    at: usize,
}

impl Asker for Renewer {
    fn next(&mut self) -> (String, Option<String>) {
        self.at = (self.at + 1) % self.leases.len();
        let lease = &self.leases[self.at];
        (
            self.path.clone(),
            Some(format!(r#"{{"lease":"{lease}","nonce":"benchmark-nonce","manifest_seq":9007199254740991}}"#)),
        )
    }

    fn answered(&mut self, body: &[u8]) {
        if let Ok(leased) = serde_json::from_slice::<Leased>(body) {
            self.leases[self.at] = leased.lease;
        }
    }
}

/// Asks whether keys are valid, without claiming.
struct Validator {
    path: String,
    next: usize,
    step: usize,
    until: usize,
}

impl Asker for Validator {
    fn next(&mut self) -> (String, Option<String>) {
        self.next = (self.next + self.step) % self.until;
        let key = dataset::key_of(self.next);
        (self.path.clone(), Some(format!(r#"{{"key":"{key}","nonce":"benchmark-nonce"}}"#)))
    }

    fn answered(&mut self, _: &[u8]) {}
}

/// Asks for one path again and again.
struct Reader(String);

impl Asker for Reader {
    fn next(&mut self) -> (String, Option<String>) {
        (self.0.clone(), None)
    }

    fn answered(&mut self, _: &[u8]) {}
}

fn renewers(path: &str, leases: &[String]) -> Vec<Renewer> {
    let share = leases.len().div_ceil(CONNECTIONS).max(1);
    leases.chunks(share).map(|own| Renewer { path: path.to_owned(), leases: own.to_vec(), at: 0 }).collect()
}

fn checked(what: &str, outcome: Outcome) -> Result<Outcome, Box<dyn Error>> {
    match &outcome.first_failure {
        Some(failure) => Err(format!("{what}: {} of {} failed, first: {failure}", outcome.failed, outcome.done).into()),
        None => Ok(outcome),
    }
}

/// Figures of one size of the database, to be compared with another's.
pub struct Size {
    renew_cpu: f64,
    validate_cpu: f64,
}

/// How a run is set.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'a> {
    /// `SQLite` or `PostgreSQL`.
    pub name: &'a str,
    /// The database's URL.
    pub url: &'a str,
    /// The server's data directory.
    pub data_dir: &'a Path,
    /// How long each figure is measured.
    pub span: Duration,
}

/// Measures a server over `dataset` and adds the figures; returns those that another size is compared with.
pub async fn measure(
    table: &mut Table,
    setting: Setting<'_>,
    dataset: &Dataset,
    bare: &Bare,
    small: Option<&Size>,
) -> Result<Size, Box<dyn Error>> {
    let node = Node::start(setting.url, setting.data_dir)?;
    let leases = activated(&node, dataset).await?;
    let path = format!("/v1/products/{}/renew", dataset.product);
    let (renew, yardstick) = renewals(&node, &path, &leases, setting.span).await?;
    let validate = validations(&node, dataset, setting.span).await?;
    let size = Size { renew_cpu: renew.cpu_micros, validate_cpu: validate.cpu_micros };
    match small {
        None => {
            add_renewals(table, setting.name, bare, &renew, &yardstick);
            let rate = Some(renew.rate / 2.0);
            let askers = renewers(&path, &leases);
            let mut half =
                load::run(node.address, &[node.pid()], None, askers, Load { span: setting.span, rate }).await?;
            let median = half.latency(50.0);
            table.add(
                format!("renew, {}: p99 at half load", setting.name),
                half.latency(99.0),
                "ms",
                Limit::AtMost(10.0),
                format!("{:.0}/s, median {median:.2} ms", half.rate),
            );
            table.add(
                format!("validate, {}: processor time", setting.name),
                validate.cpu_micros,
                "µs",
                Limit::AtMost(70.0),
                format!("{:.0}/s; bare strict verification {:.0} µs", validate.rate, bare.verify_strict),
            );
        }
        Some(small) => {
            table.add(
                format!(
                    "renew and validate, {}: processor time with {} licenses over 2 000",
                    setting.name, dataset.licenses
                ),
                (size.renew_cpu / small.renew_cpu).max(size.validate_cpu / small.validate_cpu),
                "×",
                Limit::AtMost(1.2),
                format!(
                    "renew {:.0} and {:.0} µs, validate {:.0} and {:.0} µs",
                    size.renew_cpu, small.renew_cpu, size.validate_cpu, small.validate_cpu
                ),
            );
            memory(table, setting, &node, dataset).await?;
            lists(table, setting.name, &node, dataset).await?;
        }
    }
    Ok(size)
}

/// Renewals by the server and by the yardstick, in turns, and the better of three of each: what else runs on the machine
/// only makes it worse.
async fn renewals(
    node: &Node,
    path: &str,
    leases: &[String],
    span: Duration,
) -> Result<(Outcome, Outcome), Box<dyn Error>> {
    let load = Load { span, rate: None };
    let yardstick = Yardstick::start()?;
    let (mut ours, mut theirs) = (None, None);
    for _ in 0..3 {
        let outcome = load::run(node.address, &[node.pid()], None, renewers(path, leases), load).await?;
        ours = Some(better(ours, checked("renew", outcome)?));
        let outcome = load::run(yardstick.address, &[yardstick.pid()], None, renewers("/renew", leases), load).await?;
        theirs = Some(better(theirs, checked("cryptography only", outcome)?));
    }
    Ok((ours.ok_or("no run")?, theirs.ok_or("no run")?))
}

/// Validations of the activated licenses, the best of three runs.
async fn validations(node: &Node, dataset: &Dataset, span: Duration) -> Result<Outcome, Box<dyn Error>> {
    let mut best = None;
    for _ in 0..3 {
        let askers = validators(dataset, SEATS.min(dataset.licenses));
        let outcome = load::run(node.address, &[node.pid()], None, askers, Load { span, rate: None }).await?;
        best = Some(better(best, checked("validate", outcome)?));
    }
    Ok(best.ok_or("no run")?)
}

fn validators(dataset: &Dataset, until: usize) -> Vec<Validator> {
    let path = format!("/v1/products/{}/validate", dataset.product);
    (0..CONNECTIONS).map(|at| Validator { path: path.clone(), next: at, step: CONNECTIONS, until }).collect()
}

/// The run that took less processor time.
fn better(known: Option<Outcome>, new: Outcome) -> Outcome {
    match known {
        Some(known) if known.cpu_micros <= new.cpu_micros => known,
        _ => new,
    }
}

fn add_renewals(table: &mut Table, name: &str, bare: &Bare, ours: &Outcome, plain: &Outcome) {
    table.add(
        format!("renew, {name}: processor time over the bare cryptography"),
        ours.cpu_micros / bare.renew,
        "×",
        Limit::AtMost(1.7),
        format!(
            "{:.0} µs; bare {:.0} µs; the same server with the cryptography only {:.0} µs",
            ours.cpu_micros, bare.renew, plain.cpu_micros
        ),
    );
    table.add(
        format!("renew, {name}: rate over the same server's with the cryptography only"),
        ours.rate / plain.rate,
        "×",
        Limit::AtLeast(0.6),
        format!("{:.0}/s and {:.0}/s, load generator on the same cores", ours.rate, plain.rate),
    );
}

/// The server's memory after many different licenses were asked about, so that its cache has had its chance to grow.
async fn memory(table: &mut Table, setting: Setting<'_>, node: &Node, dataset: &Dataset) -> Result<(), Box<dyn Error>> {
    let load = Load { span: setting.span * 6, rate: None };
    let asked = load::run(node.address, &[node.pid()], None, validators(dataset, dataset.licenses), load).await?;
    let asked = checked("validate", asked)?.done;
    #[allow(clippy::cast_precision_loss, reason = "megabytes")]
    let memory = meter::memory_of(node.pid())? as f64 / 1e6;
    table.add(
        format!("memory, {}: serving {} licenses", setting.name, dataset.licenses),
        memory,
        "MB",
        Limit::AtMost(200.0),
        format!("resident, after validating {asked} of them"),
    );
    Ok(())
}

/// Activates the first licenses and returns a lease of each.
async fn activated(node: &Node, dataset: &Dataset) -> Result<Vec<String>, Box<dyn Error>> {
    let (askers, leases) = activators(dataset, 0..SEATS.min(dataset.licenses));
    let outcome =
        load::run(node.address, &[node.pid()], None, askers, Load { span: Duration::from_secs(4), rate: None }).await?;
    checked("activate", outcome)?;
    let mut newest = std::collections::HashMap::new();
    for lease in leases.try_iter() {
        // The same seat activated again has the same payload but for its number and times: the last one counts.
        newest.insert(seat_of(&lease).unwrap_or_default(), lease);
    }
    Ok(newest.into_values().collect())
}

/// Connections that share the licenses of `range` out, and where their leases arrive.
fn activators(dataset: &Dataset, range: std::ops::Range<usize>) -> (Vec<Activator>, std::sync::mpsc::Receiver<String>) {
    let (sender, leases) = std::sync::mpsc::channel();
    let share = range.len() / CONNECTIONS;
    let activator = |at: usize| Activator {
        product: dataset.product.to_string(),
        next: range.start + at * share,
        until: range.start + (at + 1) * share,
        leases: sender.clone(),
    };
    ((0..CONNECTIONS).map(activator).collect(), leases)
}

/// Activates the licenses of `range` over HTTP, each for the first time; the processor time is that of the server and of
/// `database` together.
pub async fn activations(
    setting: Setting<'_>,
    dataset: &Dataset,
    range: std::ops::Range<usize>,
    database: Option<u32>,
) -> Result<Outcome, Box<dyn Error>> {
    let node = Node::start(setting.url, setting.data_dir)?;
    let processes: Vec<u32> = database.into_iter().chain([node.pid()]).collect();
    let load = Load { span: setting.span, rate: None };
    let (askers, _leases) = activators(dataset, range);
    checked("activate", load::run(node.address, &processes, None, askers, load).await?)
}

fn seat_of(lease: &str) -> Option<String> {
    use base64::prelude::*;
    use holdfast_lease::json::{Value, parse_object};
    let payload = lease.split('.').nth(1)?;
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(payload).ok()?;
    let members = parse_object(&bytes).ok()?;
    members.into_iter().find(|(name, _)| name == "seat").and_then(|(_, value)| match value {
        Value::String(seat) => Some(seat.into_owned()),
        _ => None,
    })
}

/// What a list may take, in milliseconds.
const LIST_LIMIT: f64 = 50.0;

/// Every list, with each of its filters and orders, and with combinations of them: those that match much, little, nothing.
fn list_paths(dataset: &Dataset) -> Vec<String> {
    let licenses = [
        "",
        "limit=200",
        "state=expired",
        "state=active",
        "state=active&sort=expires_at",
        "state=suspended&sort=customer_name",
        "sort=expires_at",
        "sort=customer_name",
        "sort=-last_seen",
        "sort=-seats_taken",
        "product=PRODUCT&sort=-created_at",
        "plan=PLAN&sort=customer_name",
        "ends_before=2027-06-01T00:00:00Z",
        "ends_after=2026-12-01T00:00:00Z&ends_before=2027-01-01T00:00:00Z&sort=expires_at",
        "issued_after=2020-01-01T00:00:00Z&issued_before=2020-02-01T00:00:00Z",
        "activated=false",
        "activated=true&sort=last_seen",
        "activated=false&state=active&sort=expires_at",
        "not_seen_since=2026-01-01T00:00:00Z",
        "not_seen_since=2030-01-01T00:00:00Z&sort=last_seen",
        "seats=full",
        "seats=full&state=active&sort=customer_name",
        "seats=over",
        "product=PRODUCT&plan=PLAN&state=active&activated=false&sort=seats_taken",
        "q=person77770",
        "q=erson7777",
        "q=ustomer%2077",
        "q=customer",
        "q=customer&state=active&sort=customer_name",
        "q=computer&sort=last_seen",
        "q=pc",
        "q=0KEY",
        "q=nothing-is-called-this",
    ];
    let others = [
        "customers",
        "customers?sort=name",
        "customers?q=person4242",
        "customers?q=erson424",
        "customers?q=customer&sort=-name",
        "seats",
        "seats?sort=last_seen",
        "seats?state=active&sort=last_seen",
        "seats?state=released",
        "seats?product=PRODUCT&state=active",
        "seats?platform=linux",
        "seats?platform=amiga",
        "seats?not_seen_since=2026-01-01T00:00:00Z",
        "seats?q=computer",
        "seats?q=puter%201999",
        "orders",
        "orders?status=refunded",
        "orders?q=INV-1",
        "events",
        "events?action=seat.claimed",
        "events?since=2026-01-01T00:00:00Z",
        "events?since=2030-01-01T00:00:00Z",
        "events?before=2026-01-01T00:00:00Z",
        "events?before=2030-01-01T00:00:00Z&action=license.revoked",
    ];
    let named =
        |path: &str| path.replace("PRODUCT", &dataset.product.to_string()).replace("PLAN", &dataset.plan.to_string());
    let licenses = licenses.iter().map(|query| named(&format!("/v1/licenses?{query}")));
    licenses.chain(others.iter().map(|path| named(&format!("/v1/{path}")))).collect()
}

/// Lists, one request at a time, as a person's browser or program asks for them.
async fn lists(table: &mut Table, name: &str, node: &Node, dataset: &Dataset) -> Result<(), Box<dyn Error>> {
    let mut worst: (f64, &str) = (0.0, "");
    let paths = list_paths(dataset);
    for path in &paths {
        let load = Load { span: Duration::from_secs(1), rate: None };
        let outcome =
            load::run(node.address, &[node.pid()], Some(&dataset.token), vec![Reader(path.clone())], load).await?;
        let p95 = checked(path, outcome)?.latency(95.0);
        println!("    {path}: p95 {p95:.1} ms, {:.2} of what it may take", p95 / LIST_LIMIT);
        if p95 > worst.0 {
            worst = (p95, path);
        }
    }
    table.add(
        format!("lists, {name}: p95 of the slowest of {}", paths.len()),
        worst.0,
        "ms",
        Limit::AtMost(LIST_LIMIT),
        format!("`{}` with {} licenses", worst.1, dataset.licenses),
    );
    freshness(table, name, node, dataset).await
}

/// "If everything stopped now": the first answer, which counts every lease, and those that follow.
async fn freshness(table: &mut Table, name: &str, node: &Node, dataset: &Dataset) -> Result<(), Box<dyn Error>> {
    let path = "/v1/freshness";
    let ask = async |span| {
        let load = Load { span, rate: None };
        let outcome =
            load::run(node.address, &[node.pid()], Some(&dataset.token), vec![Reader(path.to_owned())], load).await?;
        checked(path, outcome)
    };
    // Over before the first answer is there, which is waited for.
    let first = ask(Duration::from_millis(1)).await?.latency(100.0);
    let p95 = ask(Duration::from_secs(2)).await?.latency(95.0);
    table.add(
        format!("freshness, {name}: p95"),
        p95,
        "ms",
        Limit::AtMost(50.0),
        format!("`{path}` with {} licenses; the first answer, which counts them, {first:.0} ms", dataset.licenses),
    );
    Ok(())
}
