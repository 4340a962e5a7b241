//! The files that are made from the list of alerts: the page, the rules for Prometheus, the dashboard for Grafana.

use holdfast_fleet::{
    Severity,
    catalogue::{Entry, entries},
};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Every file: its path in the repository and its text.
pub fn all() -> [(&'static str, String); 3] {
    [
        ("docs/alerts.md", page()),
        ("deploy/prometheus/holdfast-alerts.yml", prometheus()),
        ("deploy/grafana/holdfast.json", format!("{:#}\n", grafana())),
    ]
}

/// `disk_full` → `HoldfastDiskFull`.
fn alert_name(entry: &Entry) -> String {
    let word = |word: &str| word[..1].to_uppercase() + &word[1..];
    format!("Holdfast{}", entry.code.as_str().split('_').map(word).collect::<String>())
}

fn page() -> String {
    let mut text = String::from(
        "# Alerts\n\n\
         An alert is a prediction or a fact that someone must act on. Every one says how long there is until the failure, and \
         what to do. It is raised once what it watches has been that bad for a little while, becomes worse when it does, and is \
         cleared once what it watches has been clearly better for a while, so it does not flap. Written to the log with \
         its cure; exported as the metrics `holdfast_alert{rule,severity,subject}` (1 while raised) and \
         `holdfast_alert_seconds_left{rule,subject}`; as rules for Prometheus in `deploy/prometheus/holdfast-alerts.yml`, with \
         a dashboard in `deploy/grafana/holdfast.json`.\n\n\
         The stated lead holds for what gets worse steadily. What gets worse faster than the lead allows is raised as soon as \
         its pace is known: a disk that fills in hours, after little more than one. A node that sees its own end coming \
         drains itself, but only where at least half of the nodes that serve go on serving.\n\n\
         This page is generated from the rules: `cargo run -p holdfast-fleet --example catalogue`.\n\n\
         | alert | raised at the latest before the failure | severities |\n| --- | --- | --- |\n",
    );
    for entry in entries() {
        let levels: Vec<_> = entry.levels.iter().map(|(severity, _)| severity.as_str()).collect();
        let _ = writeln!(text, "| [`{0}`](#{0}) | {1} | {2} |", entry.code, entry.lead, levels.join(", "));
    }
    for entry in entries() {
        let _ =
            write!(text, "\n## {}\n\nThe failure: {}.\n\nWatches {}.\n\n", entry.code, entry.meaning, entry.watches);
        for (severity, level) in &entry.levels {
            let _ = writeln!(text, "- **{}**: {level}", severity.as_str());
        }
        let _ = write!(text, "\nWhat to do: {}\n", entry.cure);
    }
    text
}

/// One rule for Prometheus.
struct Rule {
    name: String,
    expr: String,
    /// How long it must hold.
    lasts: &'static str,
    /// Absent where the expression's own label says it.
    severity: Option<Severity>,
    summary: String,
    description: String,
}

fn own(entry: &Entry) -> Rule {
    let left = format!(
        "{{{{ with printf `holdfast_alert_seconds_left{{rule=\"{}\",subject=%q}}` $labels.subject | query }}}}\
         Estimated time left: {{{{ . | first | value | humanizeDuration }}}}. {{{{ end }}}}",
        entry.code
    );
    Rule {
        name: alert_name(entry),
        expr: format!("max by (rule, severity, subject) (holdfast_alert{{rule=\"{}\"}}) == 1", entry.code),
        lasts: "0s",
        severity: None,
        summary: format!("{{{{ $labels.subject }}}}: {}", entry.meaning),
        description: format!("{left}{}", entry.cure),
    }
}

fn rule(severity: Severity, lasts: &'static str, name: &str, expr: &str, summary: &str, cure: &str) -> Rule {
    Rule {
        name: format!("Holdfast{name}"),
        expr: expr.to_owned(),
        lasts,
        severity: Some(severity),
        summary: summary.to_owned(),
        description: cure.to_owned(),
    }
}

/// On what every node counts, for when no node is left that could raise an alert itself.
fn direct() -> Vec<Rule> {
    use Severity::{Critical, Info, Warning};
    vec![
        rule(
            Critical,
            "1m",
            "Down",
            "up{job=\"holdfast\"} == 0",
            "{{ $labels.instance }} does not answer",
            "Look whether the machine answers and the process runs: `systemctl status holdfast`, its log.",
        ),
        rule(
            Critical,
            "1m",
            "NoNodeServes",
            "(sum(holdfast_mode{mode=~\"normal|continuity\"}) or vector(0)) == 0",
            "no node serves",
            "Applications go on with the leases they hold. Bring one node up: `holdfast doctor` says what is missing.",
        ),
        rule(
            Warning,
            "2m",
            "NotNormal",
            "max by (instance, mode) (holdfast_mode{mode!=\"normal\"}) == 1",
            "{{ $labels.instance }} is in mode {{ $labels.mode }}",
            "continuity: bring the database back. sealed: give the node its master key. clock: mend its time service.",
        ),
        rule(
            Warning,
            "5m",
            "InternalErrors",
            "sum by (instance) (rate(holdfast_problems_total{code=\"internal\"}[5m])) > 0",
            "{{ $labels.instance }} has internal errors",
            "Search its log for the request ids and report them.",
        ),
        rule(
            Critical,
            "5m",
            "Failing",
            "sum by (instance) (rate(holdfast_http_requests_total{status=~\"5..\"}[5m])) / sum by (instance) \
             (rate(holdfast_http_requests_total[5m])) > 0.05",
            "{{ $labels.instance }} answers {{ $value | humanizePercentage }} of requests with a failure",
            "Look at holdfast_problems_total by code, and at the database.",
        ),
        rule(
            Warning,
            "10m",
            "Slow",
            "histogram_quantile(0.99, sum by (instance, le) (rate(holdfast_http_request_seconds_bucket[5m]))) > 1",
            "{{ $labels.instance }} takes {{ $value | humanizeDuration }} for the slowest hundredth of requests",
            "Look at the slow routes on the dashboard, the database's waits and the machine's load.",
        ),
        rule(
            Warning,
            "2m",
            "Shedding",
            "sum by (instance, class) (rate(holdfast_http_shed_total[5m])) > 0",
            "{{ $labels.instance }} turns requests away ({{ $labels.class }})",
            "More work than the node can do: add a node. The console is turned away first, renewals last.",
        ),
        rule(
            Info,
            "10m",
            "KeysGuessed",
            "sum(increase(holdfast_key_failures_total[10m])) > 500",
            "somebody tries license keys",
            "Nothing is at risk (120 random bits), but look where the requests come from.",
        ),
        rule(
            Info,
            "5m",
            "SlowHeads",
            "sum by (instance) (rate(holdfast_http_head_timeouts_total[5m])) > 1",
            "{{ $labels.instance }}: request heads that never end",
            "Slow clients on purpose, or a broken proxy: block the addresses at the edge.",
        ),
        rule(
            Info,
            "1d",
            "VersionsMixed",
            "count(count by (version) (holdfast_build_info)) > 1",
            "nodes of different versions have been running for a day",
            "Finish the upgrade.",
        ),
    ]
}

/// On what the node exporter says of the machines, those of the database included.
fn machines() -> Vec<Rule> {
    use Severity::{Critical, Warning};
    let disk = "node_filesystem_avail_bytes{fstype!~\"tmpfs|ramfs|overlay|squashfs\"}";
    let whole = disk.replace("avail", "size");
    vec![
        rule(
            Warning,
            "30m",
            "MachineDiskFilling",
            &format!("predict_linear({disk}[6h], 86400) < 0 and {disk} / {whole} < 0.5"),
            "{{ $labels.instance }}: {{ $labels.mountpoint }} is full within a day at the present pace",
            "Find what grows and delete or move it, or enlarge the disk.",
        ),
        rule(
            Critical,
            "5m",
            "MachineDiskFull",
            &format!("{disk} / {whole} < 0.03"),
            "{{ $labels.instance }}: {{ $labels.mountpoint }} has {{ $value | humanizePercentage }} left",
            "Make room now: a database without space stops.",
        ),
        rule(
            Warning,
            "10m",
            "MachineMemory",
            "node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes < 0.05",
            "{{ $labels.instance }} has {{ $value | humanizePercentage }} of its memory left",
            "Find the process that grows and start it again, or give the machine more.",
        ),
        rule(
            Warning,
            "10m",
            "MachineClock",
            "abs(node_timex_offset_seconds) > 1 or node_timex_sync_status == 0",
            "{{ $labels.instance }}: the clock is off or not synchronised",
            "`chronyc tracking`; a node that is 30 s off signs nothing.",
        ),
        rule(
            Warning,
            "10m",
            "MachineDescriptors",
            "node_filefd_allocated / node_filefd_maximum > 0.8",
            "{{ $labels.instance }} uses {{ $value | humanizePercentage }} of its file descriptors",
            "Raise fs.file-max, and look which process holds them.",
        ),
    ]
}

fn prometheus() -> String {
    let mut text = String::from(
        "# Alert rules for Prometheus. Generated: cargo run -p holdfast-fleet --example catalogue\n\
         # The jobs are expected to be called `holdfast` (the nodes' metrics listener) and, for the machines, anything.\n\
         groups:\n",
    );
    let predicted: Vec<Rule> = entries().iter().map(own).collect();
    for (name, rules) in
        [("holdfast-predicted", predicted), ("holdfast-direct", direct()), ("holdfast-machines", machines())]
    {
        let _ = writeln!(text, "  - name: {name}\n    rules:");
        for rule in rules {
            // A string of JSON is one of YAML.
            let quoted = |text: &str| Value::from(text).to_string();
            let _ = writeln!(text, "      - alert: {}\n        expr: {}", rule.name, quoted(&rule.expr));
            let _ = writeln!(text, "        for: {}", rule.lasts);
            if let Some(severity) = rule.severity {
                let _ = writeln!(text, "        labels:\n          severity: {}", severity.as_str());
            }
            let _ = writeln!(text, "        annotations:\n          summary: {}", quoted(&rule.summary));
            let _ = writeln!(text, "          description: {}", quoted(&rule.description));
        }
    }
    text
}

/// A panel: its place in a grid 24 wide, and its queries with their legends.
fn panel(id: usize, kind: &str, title: &str, unit: &str, place: [u32; 4], queries: &[(&str, &str)]) -> Value {
    let [x, y, w, h] = place;
    let instant = kind == "table";
    let target = |(i, (expr, legend)): (usize, &(&str, &str))| {
        json!({
            "refId": char::from(b'A' + u8::try_from(i).unwrap_or(0)).to_string(), "expr": expr, "legendFormat": legend,
            "instant": instant, "format": if instant { "table" } else { "time_series" },
        })
    };
    json!({
        "id": id, "type": kind, "title": title, "gridPos": { "x": x, "y": y, "w": w, "h": h },
        "datasource": { "type": "prometheus", "uid": "${datasource}" },
        "fieldConfig": { "defaults": { "unit": unit, "min": 0 }, "overrides": [] },
        "targets": queries.iter().enumerate().map(target).collect::<Vec<_>>(),
    })
}

fn grafana() -> Value {
    let rate = "$__rate_interval";
    let p99 =
        format!("histogram_quantile(0.99, sum by (le, route) (rate(holdfast_http_request_seconds_bucket[{rate}])))");
    let requests = format!("sum by (status) (rate(holdfast_http_requests_total[{rate}]))");
    let problems = format!("sum by (code) (rate(holdfast_problems_total[{rate}]))");
    let shed = format!("sum by (class) (rate(holdfast_http_shed_total[{rate}]))");
    let panels = [
        panel(1, "stat", "Nodes by mode", "short", [0, 0, 12, 4], &[("sum by (mode) (holdfast_mode)", "{{mode}}")]),
        panel(
            2,
            "stat",
            "Alerts",
            "short",
            [12, 0, 12, 4],
            &[("count by (severity) (max by (rule, severity, subject) (holdfast_alert) == 1)", "{{severity}}")],
        ),
        panel(
            3,
            "table",
            "Alerts that stand, with the time left",
            "s",
            [0, 4, 24, 7],
            &[("min by (rule, subject) (holdfast_alert_seconds_left) and on (rule, subject) holdfast_alert == 1", "")],
        ),
        panel(
            4,
            "timeseries",
            "Time left, by alert",
            "s",
            [0, 11, 24, 7],
            &[("min by (rule, subject) (holdfast_alert_seconds_left)", "{{rule}} {{subject}}")],
        ),
        panel(5, "timeseries", "Requests by status", "reqps", [0, 18, 12, 8], &[(&requests, "{{status}}")]),
        panel(6, "timeseries", "99 % of answers within, by route", "s", [12, 18, 12, 8], &[(&p99, "{{route}}")]),
        panel(
            7,
            "timeseries",
            "Requests at work, open connections",
            "short",
            [0, 26, 12, 8],
            &[
                ("sum by (instance) (holdfast_http_working)", "at work {{instance}}"),
                ("sum by (instance) (holdfast_http_connections)", "connections {{instance}}"),
            ],
        ),
        panel(8, "timeseries", "Refusals and failures by code", "reqps", [12, 26, 12, 8], &[(&problems, "{{code}}")]),
        panel(9, "timeseries", "Turned away, by class", "reqps", [0, 34, 12, 8], &[(&shed, "{{class}}")]),
        panel(
            10,
            "table",
            "Versions",
            "short",
            [12, 34, 12, 8],
            &[("count by (version) (holdfast_build_info)", "{{version}}")],
        ),
    ];
    json!({
        "uid": "holdfast", "title": "Holdfast", "tags": ["holdfast"], "schemaVersion": 39, "version": 1, "editable": true,
        "refresh": "30s", "time": { "from": "now-6h", "to": "now" }, "timezone": "",
        "templating": { "list": [{ "name": "datasource", "type": "datasource", "query": "prometheus", "label": "Data source" }] },
        "annotations": { "list": [] }, "panels": panels,
    })
}
