//! The table that a vendor understands.

use std::time::Instant;

/// One line of the table.
struct Line {
    when: String,
    what: String,
    result: String,
    holds: bool,
}

/// Collects the lines, and prints each as soon as it is known.
pub struct Report {
    lines: Vec<Line>,
    begun: Instant,
}

impl Report {
    /// Begins the table.
    pub fn begin(title: &str) -> Self {
        println!("\n{title}\n");
        println!("  {:<8} {:<58} {:<38}", "when", "what happens", "what the customers see");
        println!("  {:-<8} {:-<58} {:-<38} ------", "", "", "");
        Self { lines: Vec::new(), begun: Instant::now() }
    }

    /// Adds a line: `holds` tells whether it is as promised.
    pub fn line(&mut self, when: &str, what: &str, result: impl Into<String>, holds: bool) {
        let line = Line { when: when.to_owned(), what: what.to_owned(), result: result.into(), holds };
        let mark = if line.holds { "ok" } else { "FAILED" };
        println!("  {:<8} {:<58} {:<38} {mark}", line.when, line.what, line.result);
        self.lines.push(line);
    }

    /// Ends the table; returns whether everything is as promised.
    pub fn end(self) -> bool {
        let failed = self.lines.iter().filter(|line| !line.holds).count();
        println!();
        if failed == 0 {
            println!("  Nobody who had paid was locked out, and the refund took effect.");
        } else {
            println!("  {failed} promise(s) were not kept.");
        }
        println!("  The rehearsal took {} seconds.\n", self.begun.elapsed().as_secs());
        println!("{} passed, {failed} failed", self.lines.len() - failed);
        failed == 0
    }
}
