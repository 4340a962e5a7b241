//! When the certificates end under which clients reach this installation.

use super::measured::Measured;
use crate::certificate;
use holdfast_domain::Timestamp;
use std::{collections::BTreeMap, time::Duration};
use tokio::{sync::oneshot, time::timeout};
use tokio_util::sync::CancellationToken;

/// How often to look: a certificate is announced weeks before it ends.
const EVERY: Duration = Duration::from_hours(12);
/// How long to wait where an endpoint did not answer. At the start, the proxy in front may wait for this very node.
const AGAIN: Duration = Duration::from_mins(10);
/// How long an endpoint has.
const PATIENCE: Duration = Duration::from_secs(10);

/// Looks at each https address among `endpoints`, at once and twice a day, until `stop` is cancelled.
pub(super) async fn watch(endpoints: Vec<String>, measured: Measured, stop: CancellationToken) {
    let endpoints: Vec<String> = endpoints.into_iter().filter(|url| url.starts_with("https://")).collect();
    let mut known: BTreeMap<String, Timestamp> = BTreeMap::new();
    while !endpoints.is_empty() {
        let mut all = true;
        for url in &endpoints {
            let looked = tokio::select! {
                looked = look(url.clone()) => looked,
                () = stop.cancelled() => return,
            };
            match looked {
                Ok(at) => {
                    known.insert(url.clone(), at);
                }
                Err(error) => {
                    all = false;
                    tracing::info!(url, error, "the certificate of an endpoint could not be read");
                }
            }
        }
        measured.note(|facts| facts.certificate_expires_at = known.values().min().copied());
        if timeout(if all { EVERY } else { AGAIN }, stop.cancelled()).await.is_ok() {
            return;
        }
    }
}

/// Looks at one in a thread of its own, which nobody waits for when the node ends.
async fn look(url: String) -> Result<Timestamp, String> {
    let (reply, answer) = oneshot::channel();
    let asked = std::thread::Builder::new().name("certificate".to_owned()).spawn(move || {
        let _ = reply.send(certificate::ends_at(&url, PATIENCE));
    });
    asked.map_err(|error| error.to_string())?;
    match timeout(PATIENCE * 2, answer).await {
        Ok(Ok(ended)) => ended.map_err(|error| error.to_string()),
        _ => Err("no answer in time".to_owned()),
    }
}
