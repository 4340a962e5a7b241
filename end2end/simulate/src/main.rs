//! The simulators of what no test can wait for (docs/simulations.md).
//!
//! ```text
//! holdfast-simulate time-warp [--devices 1000000] [--seed 1]
//! holdfast-simulate network [--histories 10000] [--seed 1] [--threads 2] [--rules sound]
//! holdfast-simulate story [--seed 1] [--rules sound]      one history, second by second
//! holdfast-simulate rules                                 the names of rules, sound and broken
//! ```
//!
//! Ends with failure where anything is not as it must be.

use holdfast_simulate::{
    network::{self, Rules, Story},
    time_warp::{
        self, Config, Outage,
        report::CAPACITY,
        storm::{RetryAfter, storm},
    },
};
use std::{process::ExitCode, time::Instant};

/// Everybody asks for the first time within so many seconds.
const WINDOW: u64 = 5;
/// Everybody has renewed after so many seconds.
const DONE: u64 = 3_600;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&Arguments(arguments)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("simulate: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What was said on the command line.
struct Arguments(Vec<String>);

impl Arguments {
    fn value(&self, name: &str) -> Option<&str> {
        let at = self.0.iter().position(|argument| argument == name)?;
        self.0.get(at + 1).map(String::as_str)
    }

    fn number(&self, name: &str, default: u64) -> Result<u64, String> {
        self.value(name).map_or(Ok(default), |text| text.parse().map_err(|_| format!("{name} needs a number")))
    }

    fn rules(&self) -> Result<Rules, String> {
        let name = self.value("--rules").unwrap_or("sound");
        Rules::of_name(name).ok_or_else(|| format!("there are no rules called {name}; see `holdfast-simulate rules`"))
    }
}

/// Every flag. Each takes a value.
const FLAGS: [&str; 5] = ["--devices", "--seed", "--histories", "--threads", "--rules"];

fn run(arguments: &Arguments) -> Result<bool, String> {
    if let Some(unknown) = arguments.0.iter().skip(1).step_by(2).find(|flag| !FLAGS.contains(&flag.as_str())) {
        return Err(format!("there is no flag {unknown}"));
    }
    let seed = arguments.number("--seed", 1)?;
    match arguments.0.first().map(String::as_str) {
        Some("time-warp") => time_warp(arguments.number("--devices", 1_000_000)?, seed),
        Some("network") => {
            let threads = usize::try_from(arguments.number("--threads", 2)?).unwrap_or(1);
            let began = Instant::now();
            let count = arguments.number("--histories", 10_000)?;
            let report = network::histories(seed, count, threads, arguments.rules()?)?;
            println!("{report}{:.1} s on {threads} threads", began.elapsed().as_secs_f64());
            Ok(report.counterexample.is_none())
        }
        Some("story") => {
            let story = Story::of(seed);
            let outcome = network::play(&story, arguments.rules()?)?;
            print!("{story}");
            for (at, line) in &outcome.log {
                println!("{:>5} s  {line}", at - network::START);
            }
            Ok(outcome.violation.is_none())
        }
        Some("rules") => {
            for (name, what, _) in Rules::named() {
                println!("{name:<13} {what}");
            }
            Ok(true)
        }
        _ => Err("say `time-warp`, `network`, `story` or `rules`".to_owned()),
    }
}

fn time_warp(devices: u64, seed: u64) -> Result<bool, String> {
    const NO_PLANS: &str = "the plans could not be made";
    let mut good = true;
    for outage in [Outage::Whole, Outage::Database] {
        let began = Instant::now();
        let report = time_warp::run(Config { devices, seed, outage }).ok_or(NO_PLANS)?;
        println!("{report}\n{:.1} s\n", began.elapsed().as_secs_f64());
        good &= report.holds();
    }
    println!(
        "All {devices} ask within {WINDOW} s, of {} nodes that renew {} a second each:\n",
        CAPACITY.nodes, CAPACITY.each
    );
    println!(
        "| Retry-After | most calls a second | sent away with 429 | at most for one device | longest wait in the queue | everybody renewed after |"
    );
    println!("| --- | --- | --- | --- | --- | --- |");
    for rule in [RetryAfter::Fixed(2), RetryAfter::Fixed(60), RetryAfter::Booked] {
        let it = storm(devices, WINDOW, CAPACITY, rule, seed);
        let name = match rule {
            RetryAfter::Fixed(seconds) => format!("always {seconds} s"),
            RetryAfter::Booked => "the next free place".to_owned(),
        };
        let (peak, refused, each) = (it.peak, it.refused, it.refusals_each);
        println!("| {name} | {peak} | {refused} | {each} | {} s | {} s |", it.longest_wait, it.done);
        good &= it.done <= DONE && it.longest_wait <= CAPACITY.queue;
    }
    let echo = time_warp::echo(devices, seed).ok_or(NO_PLANS)?;
    println!("\nA day later, when all of them renew again: at most {echo} a second.");
    Ok(good)
}
