use super::*;

/// The first counterexample among the first histories, which must be there.
fn breaks(name: &str, histories_at_most: u64, rule: &str) {
    let rules = Rules::of_name(name).unwrap();
    let report = histories(1, histories_at_most, 2, rules).unwrap();
    let found = report.counterexample.unwrap_or_else(|| panic!("{name}: no counterexample in {histories_at_most}"));
    let broken = found.outcome.violation.clone().unwrap();
    assert_eq!(broken.rule, rule, "{found}");
    assert!(found.story.entries.len() <= found.entries, "{found}");
}

#[test]
fn two_hundred_histories_break_no_rule() {
    let report = histories(1, 200, 2, Rules::sound()).unwrap();
    assert!(report.counterexample.is_none(), "{report}");
    assert_eq!(report.histories, 200);
}
