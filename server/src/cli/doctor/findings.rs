//! What the doctor has found.

use serde::Serialize;
use std::fmt::Write as _;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Grade {
    Ok,
    /// It works, and will not when the next thing goes wrong.
    Warning,
    Failed,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Finding {
    pub what: &'static str,
    pub grade: Grade,
    /// What was found, in one sentence.
    pub detail: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cure: Option<String>,
}

#[derive(Default)]
pub(super) struct Findings(pub Vec<Finding>);

impl Findings {
    pub fn ok(&mut self, what: &'static str, detail: impl Into<String>) {
        self.0.push(Finding { what, grade: Grade::Ok, detail: detail.into(), cure: None });
    }

    pub fn warning(&mut self, what: &'static str, detail: impl Into<String>, cure: impl Into<String>) {
        self.0.push(Finding { what, grade: Grade::Warning, detail: detail.into(), cure: Some(cure.into()) });
    }

    pub fn failed(&mut self, what: &'static str, detail: impl Into<String>, cure: impl Into<String>) {
        self.0.push(Finding { what, grade: Grade::Failed, detail: detail.into(), cure: Some(cure.into()) });
    }

    /// Whether nothing has failed.
    pub fn is_healthy(&self) -> bool {
        self.0.iter().all(|finding| finding.grade != Grade::Failed)
    }

    fn count(&self, grade: Grade) -> usize {
        self.0.iter().filter(|finding| finding.grade == grade).count()
    }

    /// For people: a line each, its cure below it, and a last line that counts.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for finding in &self.0 {
            let mark = match finding.grade {
                Grade::Ok => "ok     ",
                Grade::Warning => "WARNING",
                Grade::Failed => "FAILED ",
            };
            let _ = writeln!(text, "{mark}  {:16} {}", finding.what, finding.detail);
            if let Some(cure) = &finding.cure {
                let _ = writeln!(text, "{:26}→ {cure}", "");
            }
        }
        let (failed, warnings) = (self.count(Grade::Failed), self.count(Grade::Warning));
        let _ = writeln!(text, "{} ok, {warnings} warnings, {failed} failed", self.count(Grade::Ok));
        text
    }
}

/// A length of time for people, in its two greatest units.
pub(super) fn words(seconds: i64) -> String {
    let seconds = seconds.unsigned_abs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min"),
        (0, _, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}
