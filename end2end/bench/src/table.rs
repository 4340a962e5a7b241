//! The printed result: each figure beside its limit and the machine's own yardstick of the same run.

use std::fmt::Write as _;

/// How a figure is judged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit {
    /// Met when the figure is at most this.
    AtMost(f64),
    /// Met when the figure is at least this.
    AtLeast(f64),
}

/// One measured figure.
#[derive(Clone, Debug)]
pub struct Row {
    /// What was measured.
    pub what: String,
    /// The figure.
    pub value: f64,
    /// Its unit: `µs`, `ms`, `×`, `/s`, `KB`, `MB`.
    pub unit: &'static str,
    /// The target.
    pub limit: Limit,
    /// What the same run's yardstick was, in words.
    pub beside: String,
}

impl Row {
    /// Whether the target is met.
    pub fn met(&self) -> bool {
        match self.limit {
            Limit::AtMost(limit) => self.value <= limit,
            Limit::AtLeast(limit) => self.value >= limit,
        }
    }
}

/// All rows of a run.
#[derive(Debug, Default)]
pub struct Table(pub Vec<Row>);

impl Table {
    /// Adds a figure and prints it at once, so that a long run shows progress.
    pub fn add(
        &mut self,
        what: impl Into<String>,
        value: f64,
        unit: &'static str,
        limit: Limit,
        beside: impl Into<String>,
    ) {
        let row = Row { what: what.into(), value, unit, limit, beside: beside.into() };
        println!("  {}", line(&row));
        self.0.push(row);
    }

    /// The table in Markdown.
    pub fn markdown(&self) -> String {
        let mut text = String::from(
            "| what | measured | target | beside it, in the same run | |\n| --- | --- | --- | --- | --- |\n",
        );
        for row in &self.0 {
            let verdict = if row.met() { "met" } else { "missed" };
            let _ = writeln!(
                text,
                "| {} | {} {} | {} | {} | {verdict} |",
                row.what,
                number(row.value),
                row.unit,
                target(row),
                row.beside
            );
        }
        text
    }
}

fn line(row: &Row) -> String {
    let mark = if row.met() { "ok  " } else { "MISS" };
    format!("{mark} {}: {} {} (target {}) {}", row.what, number(row.value), row.unit, target(row), row.beside)
}

fn target(row: &Row) -> String {
    match row.limit {
        Limit::AtMost(limit) => format!("≤ {} {}", number(limit), row.unit),
        Limit::AtLeast(limit) => format!("≥ {} {}", number(limit), row.unit),
    }
}

fn number(value: f64) -> String {
    match value.abs() {
        v if v >= 1_000.0 => format!("{value:.0}"),
        v if v >= 100.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
