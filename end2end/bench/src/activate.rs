//! Activation through the service, in a process of its own so that a slow disk can be preloaded into it.

use crate::{dataset, meter::cpu_of_family};
use holdfast_domain::{DeviceHash, ProductId};
use holdfast_service::{
    RequestInfo,
    runtime::{Activate, Device, Nonce},
};
use holdfast_store::{DbUrl, StoreOptions};
use serde::{Deserialize, Serialize};
use std::{
    error::Error,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

/// What one run is to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Run {
    /// The database.
    pub url: String,
    /// Where the master key lies.
    pub data_dir: PathBuf,
    /// The product.
    pub product: ProductId,
    /// Activate licenses from this number on; each call takes the next one…
    pub first: usize,
    /// …or all of them this one.
    pub one_license: bool,
    /// How many callers at the same time.
    pub clients: usize,
    /// How many activations share a commit at most.
    pub max_batch: usize,
    /// The database's first process, where it has its own.
    pub database: Option<u32>,
    /// For how long, in milliseconds.
    pub millis: u64,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Rate {
    /// Activations.
    pub done: usize,
    /// Activations per second.
    pub per_second: f64,
    /// Processor time of this process and of the database's per activation, in microseconds.
    pub cpu_micros: f64,
}

/// Runs `run` in a process of its own, with `preload` preloaded into it.
pub fn measure(run: &Run, preload: Option<&Path>) -> Result<Rate, Box<dyn Error>> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("activate").arg(serde_json::to_string(run)?);
    if let Some(library) = preload {
        command.env("LD_PRELOAD", library);
    }
    let output = command.output()?;
    if !output.status.success() {
        return Err(format!("activation: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// The process of its own.
pub async fn child(run: Run) -> Result<Rate, Box<dyn Error>> {
    let url: DbUrl = run.url.parse()?;
    let options = StoreOptions { max_batch: run.max_batch, ..StoreOptions::default() };
    let service = dataset::service(&url, &run.data_dir, options).await?;
    let next = Arc::new(AtomicUsize::new(0));
    let (until, started) = (Instant::now() + Duration::from_millis(run.millis), Instant::now());
    let processes: Vec<u32> = run.database.into_iter().chain([std::process::id()]).collect();
    let cpu = || processes.iter().map(|pid| cpu_of_family(*pid)).sum::<Result<Duration, _>>();
    let cpu_before = cpu()?;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..run.clients {
        let (service, next, run) = (service.clone(), Arc::clone(&next), run.clone());
        tasks.spawn(async move {
            let from = RequestInfo::default();
            while Instant::now() < until {
                let n = next.fetch_add(1, Ordering::Relaxed);
                let mut device = [0; 32];
                device[..8].copy_from_slice(&(run.first + n).to_be_bytes());
                device[8..16].copy_from_slice(&until.elapsed().as_nanos().to_be_bytes()[8..]);
                let license = if run.one_license { run.first } else { run.first + n };
                let input = Activate {
                    key: dataset::key_of(license),
                    device: Device::new(DeviceHash::from_bytes(device)),
                    user: None,
                    nonce: Nonce::parse("benchmark-nonce").ok_or("nonce")?,
                    manifest_seq: Some(i64::MAX),
                    borrow_seconds: None,
                };
                service.activate(run.product, input, &from).await.map_err(|error| format!("{error:?}"))?;
            }
            Ok::<_, String>(())
        });
    }
    while let Some(task) = tasks.join_next().await {
        task??;
    }
    let (span, cpu) = (started.elapsed(), cpu()?.saturating_sub(cpu_before));
    let done = next.load(Ordering::Relaxed);
    #[allow(clippy::cast_precision_loss, reason = "counts of activations")]
    let count = done.max(1) as f64;
    Ok(Rate { done, per_second: count / span.as_secs_f64(), cpu_micros: cpu.as_secs_f64() * 1e6 / count })
}
