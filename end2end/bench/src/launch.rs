//! A client program's launch: the whole process, cold, and what it asks of the kernel.

use crate::{meter::percentile, node::built};
use std::{
    error::Error,
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

/// How long `runs` launches took, in milliseconds at the 99th percentile and the median, and how many network system
/// calls one made. `state` is the storage of a client that has activated; `arguments` are the example program's.
pub fn measure(arguments: &[String], runs: usize, state: &Path) -> Result<(f64, f64, usize), Box<dyn Error>> {
    let program = built()?.join("examples/desktop");
    let mut took = Vec::new();
    for _ in 0..runs {
        let started = Instant::now();
        let status = Command::new(&program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
        took.push(started.elapsed().as_secs_f64() * 1e3);
        if !status.success() {
            return Err(format!("the example program ended with {status}").into());
        }
    }
    let trace = state.join("trace");
    Command::new("strace")
        .args(["-f", "-qq", "-e", "trace=network", "-o"])
        .arg(&trace)
        .arg(&program)
        .args(arguments)
        .stdout(Stdio::null())
        .status()?;
    let calls =
        std::fs::read_to_string(trace)?.lines().filter(|line| !line.contains("+++") && !line.contains("---")).count();
    Ok((percentile(&mut took, 99.0), percentile(&mut took, 50.0), calls))
}
