//! The simulators of what no test can wait for.
//!
//! ```text
//! holdfast-simulate network [--histories 10000] [--seed 1] [--threads 2] [--rules sound]
//! ```

use holdfast_simulate::{
    network::{self, Rules},
    time_warp::{self, Config, Outage},
};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("simulate: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<bool, String> {
    let flag = |name: &str| arguments.iter().position(|it| it == name).and_then(|at| arguments.get(at + 1));
    let number = |name: &str, default: u64| match flag(name) {
        Some(text) => text.parse().map_err(|_| format!("{name} needs a number")),
        None => Ok(default),
    };
    match arguments.first().map(String::as_str) {
        Some("network") => {
            let name = flag("--rules").map_or("sound", String::as_str);
            let rules = Rules::of_name(name).ok_or("there are no such rules")?;
            let threads = usize::try_from(number("--threads", 2)?).unwrap_or(1);
            let began = std::time::Instant::now();
            let report = network::histories(number("--seed", 1)?, number("--histories", 10_000)?, threads, rules)?;
            print!("{report}");
            println!("{:.1} s", began.elapsed().as_secs_f64());
            Ok(report.counterexample.is_none())
        }
        Some("time-warp") => {
            let (devices, seed) = (number("--devices", 1_000_000)?, number("--seed", 1)?);
            time_warp(devices, seed)
        }
        Some("story") => {
            let story = network::Story::of(number("--seed", 1)?);
            let outcome = network::play(&story, Rules::sound())?;
            print!("{story}");
            outcome.log.iter().for_each(|(at, line)| println!("{at} {line}"));
            Ok(true)
        }
        _ => Err("say `network` or `time-warp`".to_owned()),
    }
}

fn time_warp(devices: u64, seed: u64) -> Result<bool, String> {
    let mut good = true;
    for outage in [Outage::Whole, Outage::Database] {
        let began = std::time::Instant::now();
        let report = time_warp::run(Config { devices, seed, outage }).ok_or("the plans could not be made")?;
        println!("{report}\n{:.1} s\n", began.elapsed().as_secs_f64());
        good &= report.holds();
    }
    Ok(good)
}
