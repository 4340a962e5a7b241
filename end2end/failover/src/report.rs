//! The table: what was measured beside what was promised, on the terminal and in a file.

use crate::history::Act;
use crate::measure::Tally;
use crate::options::Failure;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

/// One line of the table.
struct Line {
    what: String,
    measured: String,
    target: String,
    /// Whether it is as promised.
    met: bool,
    /// Whether it is, or need not be for the rehearsal to pass.
    holds: bool,
}

/// What a fault did.
pub struct Stretched {
    pub name: String,
    pub tallies: BTreeMap<Act, Tally>,
    pub notes: Vec<String>,
}

/// Collects the lines, and prints each as soon as it is known.
pub struct Report {
    lines: Vec<Line>,
    stretches: Vec<Stretched>,
    findings: Vec<String>,
    pub versions: Vec<(String, String)>,
    pub profile: String,
    /// Whether a time that is missed is a promise that was not kept. Not in the form that is part of the tests, since
    /// how fast an unknown machine is says nothing about the product.
    times_count: bool,
    begun: Instant,
}

impl Report {
    /// Begins the table.
    pub fn begin(profile: &str, times_count: bool) -> Self {
        println!("\nFailover rehearsal, {profile}\n");
        println!("  {:<66} {:<24} {:<12}", "what", "measured", "target");
        println!("  {:-<66} {:-<24} {:-<12} ------", "", "", "");
        Self {
            lines: Vec::new(),
            stretches: Vec::new(),
            findings: Vec::new(),
            versions: Vec::new(),
            profile: profile.to_owned(),
            times_count,
            begun: Instant::now(),
        }
    }

    /// Adds a line: `holds` tells whether it is as promised.
    pub fn line(&mut self, what: &str, measured: impl Into<String>, target: &str, holds: bool) {
        self.add(Line {
            what: what.to_owned(),
            measured: measured.into(),
            target: target.to_owned(),
            met: holds,
            holds,
        });
    }

    /// Adds a line about how long something took: `met` tells whether it is as promised.
    pub fn time(&mut self, what: &str, measured: impl Into<String>, target: &str, met: bool) {
        let holds = met || !self.times_count;
        self.add(Line { what: what.to_owned(), measured: measured.into(), target: target.to_owned(), met, holds });
    }

    fn add(&mut self, line: Line) {
        let mark = match (line.holds, line.met) {
            (false, _) => "FAILED",
            (true, false) => "slow here",
            (true, true) => "ok",
        };
        println!("  {:<66} {:<24} {:<12} {mark}", line.what, line.measured, line.target);
        self.lines.push(line);
    }

    /// Adds what a fault did to the operations around it.
    pub fn stretch(&mut self, stretched: Stretched) {
        for note in &stretched.notes {
            println!("      {}: {note}", stretched.name);
        }
        self.stretches.push(stretched);
    }

    /// Adds what the checker found.
    pub fn finding(&mut self, text: String) {
        println!("      {text}");
        self.findings.push(text);
    }

    /// How many lines do not hold.
    pub fn failed(&self) -> usize {
        self.lines.iter().filter(|line| !line.holds).count()
    }

    /// Ends the table; returns whether everything is as promised.
    pub fn end(&self, operations: usize) -> bool {
        let failed = self.failed();
        println!();
        if failed == 0 {
            println!("  Nobody who had paid was locked out, and nothing that was acknowledged was lost.");
        } else {
            println!("  {failed} promise(s) were not kept.");
        }
        println!("  {operations} operations in {} seconds.\n", self.begun.elapsed().as_secs());
        println!("{} passed, {failed} failed", self.lines.len() - failed);
        failed == 0
    }

    /// Writes the table to a file.
    pub fn write(&self, path: &Path, operations: usize) -> Result<(), Failure> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, self.text(operations)?)?;
        println!("The report is {}", path.display());
        Ok(())
    }

    fn text(&self, operations: usize) -> Result<String, Failure> {
        let mut text = String::from("# Failover rehearsal\n\nWritten by `make failover`; do not edit.\n\n");
        let now = jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M UTC");
        writeln!(text, "- {now}, {}", self.profile)?;
        for (name, version) in &self.versions {
            writeln!(text, "- {name}: {version}")?;
        }
        let took = self.begun.elapsed().as_secs();
        writeln!(text, "- {operations} operations in {took} seconds, every one of them checked\n")?;
        text += "| measured | | target | |\n| --- | --- | --- | --- |\n";
        for line in &self.lines {
            let mark = match (line.met, line.target.is_empty()) {
                (false, _) => "**missed**",
                (true, true) => "",
                (true, false) => "met",
            };
            writeln!(text, "| {} | {} | {} | {mark} |", line.what, line.measured, line.target)?;
        }
        text += "\n## What each fault did\n\n";
        text += "Operations as the client library (renewals, activations, releases, launches) and a program of the vendor \
                 (reads) saw them: how many, how many failed, the longest time in which none succeeded, the slowest.\n\n";
        text += "| fault |";
        for act in Act::ALL {
            write!(text, " {} |", act.name())?;
        }
        text += "\n| --- |";
        text += &" --- |".repeat(Act::ALL.len());
        text.push('\n');
        for stretch in &self.stretches {
            write!(text, "| {} |", stretch.name)?;
            for act in Act::ALL {
                let tally = stretch.tallies.get(&act).copied().unwrap_or_default();
                if tally.asked == 0 {
                    text += " none |";
                    continue;
                }
                let (silence, slowest) = (seconds(tally.silence_ms), seconds(tally.slowest_ms));
                write!(text, " {}, {} failed, {silence}, {slowest} |", tally.asked, tally.failed)?;
            }
            text.push('\n');
        }
        let notes: Vec<_> =
            self.stretches.iter().flat_map(|stretch| stretch.notes.iter().map(|note| (&stretch.name, note))).collect();
        if !notes.is_empty() {
            text.push('\n');
            for (name, note) in notes {
                writeln!(text, "- {name}: {note}")?;
            }
        }
        if !self.findings.is_empty() {
            text += "\n## What the checker found\n\n";
            for finding in &self.findings {
                writeln!(text, "- {finding}")?;
            }
        }
        Ok(text)
    }
}

/// Milliseconds as a person reads them.
#[allow(clippy::cast_precision_loss)]
pub fn seconds(ms: u64) -> String {
    if ms < 1_000 { format!("{ms} ms") } else { format!("{:.1} s", ms as f64 / 1_000.0) }
}
