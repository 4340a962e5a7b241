//! Makes a story that breaks a rule shorter, for as long as it still breaks the same one.

use super::{
    play::{Outcome, play},
    rules::Rules,
    story::Story,
};

/// Leaves out every entry that is not needed to break the rule. Returns the shorter story and how it ends.
pub fn shrink(story: &Story, outcome: &Outcome, rules: Rules) -> Result<(Story, Outcome), String> {
    let rule = outcome.violation.as_ref().map(|broken| broken.rule);
    let (mut story, mut outcome) = (story.clone(), outcome.clone());
    loop {
        let before = story.entries.len();
        // From the end: what comes after the breach is of no use in any case.
        for index in (0..before).rev() {
            let shorter = story.without(index);
            let played = play(&shorter, rules)?;
            if played.violation.as_ref().map(|broken| broken.rule) == rule {
                (story, outcome) = (shorter, played);
            }
        }
        if story.entries.len() == before {
            return Ok((story, outcome));
        }
    }
}
