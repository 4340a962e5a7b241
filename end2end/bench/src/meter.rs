//! Stopwatches: processor time of this process or another, and percentiles.

use std::{
    fs, io,
    time::{Duration, Instant},
};

/// The processor time that process `pid` and its threads have used so far.
///
/// Reads the scheduler's own sum in nanoseconds for every thread; a process that ends takes its figure with it.
pub fn cpu_of(pid: u32) -> io::Result<Duration> {
    let mut nanos = 0u64;
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        let text = fs::read_to_string(task?.path().join("schedstat")).unwrap_or_default();
        nanos += text.split_whitespace().next().and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
    }
    Ok(Duration::from_nanos(nanos))
}

/// The processor time of process `pid` and of the processes that it started and that still run: a server of one process
/// per connection.
pub fn cpu_of_family(pid: u32) -> io::Result<Duration> {
    let mut all = cpu_of(pid)?;
    for entry in fs::read_dir("/proc")?.flatten() {
        let other = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok());
        if let Some(other) = other.filter(|other| parent_of(*other) == Some(pid)) {
            // One that has ended since it was listed has no time any more.
            all += cpu_of(other).unwrap_or_default();
        }
    }
    Ok(all)
}

/// Which process started process `pid`.
fn parent_of(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// The resident memory of process `pid` in bytes.
pub fn memory_of(pid: u32) -> io::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let kib = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|field| field.parse::<u64>().ok())
        .unwrap_or(0);
    Ok(kib * 1_024)
}

/// Runs `work` over and over for `span` on this thread; returns the processor time of one run in microseconds.
pub fn micros_each(span: Duration, mut work: impl FnMut()) -> f64 {
    let warm = Instant::now();
    while warm.elapsed() < span / 10 {
        work();
    }
    let (mut runs, started) = (0u32, Instant::now());
    while started.elapsed() < span {
        for _ in 0..16 {
            work();
        }
        runs += 16;
    }
    started.elapsed().as_secs_f64() * 1e6 / f64::from(runs)
}

/// The `p`-th percentile (0 to 100) of `samples`, in their own unit; 0 for none.
pub fn percentile(samples: &mut [f64], p: f64) -> f64 {
    samples.sort_by(f64::total_cmp);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "an index")]
    let at = ((samples.len() as f64 * p / 100.0).ceil() as usize).saturating_sub(1);
    samples.get(at).copied().unwrap_or(0.0)
}
