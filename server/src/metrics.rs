//! What the node counts, for Prometheus.

use crate::{AppState, health::Mode};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use std::time::Duration;

const SECONDS: &[f64] = &[0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0];

/// Starts counting in this process. Fails where something counts already.
pub fn install() -> Result<PrometheusHandle, BuildError> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)?
        .install_recorder()?;
    metrics::describe_counter!("holdfast_http_requests_total", "Requests answered, by route, method and status.");
    metrics::describe_histogram!("holdfast_http_request_seconds", "How long answers took, by route.");
    metrics::describe_gauge!("holdfast_http_connections", "Open connections.");
    metrics::describe_gauge!("holdfast_http_working", "Requests being worked on.");
    metrics::describe_counter!("holdfast_http_shed_total", "Requests turned away because of load, by class.");
    metrics::describe_counter!("holdfast_http_head_timeouts_total", "Request heads that never came to an end.");
    metrics::describe_counter!("holdfast_problems_total", "Refusals and failures, by code.");
    metrics::describe_counter!("holdfast_key_failures_total", "Unknown license keys presented.");
    metrics::describe_gauge!("holdfast_mode", "1 for the mode the node is in.");
    metrics::describe_gauge!("holdfast_alert", "1 while an alert stands, by rule, severity and subject.");
    metrics::describe_gauge!("holdfast_alert_seconds_left", "How long until what an alert is about fails.");
    metrics::describe_gauge!("holdfast_leases_carried_on", "Leases granted without the database since the start.");
    metrics::describe_counter!("holdfast_mails_total", "Mails tried by this node, by what came of it.");
    metrics::describe_gauge!("holdfast_mails_waiting", "Mails that wait to be sent, by whichever node.");
    metrics::describe_gauge!("holdfast_mail_oldest_seconds", "How long the oldest of them waits.");
    metrics::describe_gauge!("holdfast_build_info", "1, with the version of the server.");
    metrics::gauge!("holdfast_build_info", "version" => crate::VERSION).set(1.0);
    Ok(handle)
}

/// Counts an answer. `route` is the pattern of the path, never the path, so that the number of series is bounded and no id
/// or key becomes a label.
pub fn request(route: &str, method: &str, status: u16, took: Duration) {
    let method = match method {
        "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS" => method,
        _ => "OTHER",
    };
    let labels = [("route", route.to_owned()), ("method", method.to_owned()), ("status", status.to_string())];
    metrics::counter!("holdfast_http_requests_total", &labels).increment(1);
    metrics::histogram!("holdfast_http_request_seconds", "route" => route.to_owned()).record(took.as_secs_f64());
}

/// Sets the gauges that are read at the moment of asking.
pub fn refresh(state: &AppState) {
    let now = state.health().mode();
    for mode in Mode::ALL {
        metrics::gauge!("holdfast_mode", "mode" => mode.as_str()).set(if mode == now { 1.0 } else { 0.0 });
    }
    metrics::gauge!("holdfast_http_working").set(f64::from(u32::try_from(state.load().working()).unwrap_or(u32::MAX)));
    let carried_on = state.service().runtime_status().carried_on;
    metrics::gauge!("holdfast_leases_carried_on").set(f64::from(u32::try_from(carried_on).unwrap_or(u32::MAX)));
}
