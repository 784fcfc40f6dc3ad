//! A function is told the same here as where the template deploys it.
#![expect(clippy::unwrap_used, reason = "all of this is a test")]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use muster_local::{FUNCTIONS, Stack};
use support::still;

/// What the stand-in adds: where it is, how time passes there, how long it waits for mails.
const OURS: [&str; 3] = ["MUSTER_LOCAL", "MUSTER_LOCAL_CLOCK", "MUSTER_MAIL_PATIENCE_SECONDS"];

/// The variables of ours that a template sets, by function: those of all functions and the function's own.
fn set_in(template: &str) -> BTreeMap<&str, BTreeSet<&str>> {
    let (globals, resources) = template.split_once("\nResources:").unwrap();
    fn names(text: &str) -> BTreeSet<&str> {
        text.lines()
            .map(str::trim)
            .filter(|line| line.starts_with("MUSTER_"))
            .filter_map(|l| l.split(':').next())
            .collect()
    }
    let is_resource = |line: &str| line.starts_with("  ") && !line.starts_with("   ") && !line.starts_with("  #");
    let starts = resources.match_indices('\n').map(|(at, _)| at + 1).filter(|at| is_resource(&resources[*at..]));
    let starts: Vec<usize> = starts.chain([resources.len()]).collect();
    let blocks = starts.windows(2).map(|ends| &resources[ends[0]..ends[1]]);
    let functions = blocks.filter_map(|block| {
        let binary = block.lines().find_map(|line| line.trim().strip_prefix("Binary: "))?;
        Some((binary, names(block).union(&names(globals)).copied().collect()))
    });
    functions.collect()
}

#[tokio::test]
async fn a_function_is_told_here_what_the_template_tells_it() {
    let template = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../template.yaml")).unwrap();
    let deployed = set_in(&template);
    assert_eq!(deployed.keys().copied().collect::<BTreeSet<_>>(), FUNCTIONS.into_iter().collect());
    let stack = Stack::start(still()).await.unwrap();
    for (function, deployed) in deployed {
        let told = stack.environment_of(function);
        let told = told.iter().map(|(name, _)| name.as_str()).filter(|name| name.starts_with("MUSTER_"));
        let told: BTreeSet<_> = told.filter(|name| !OURS.contains(name)).collect();
        assert_eq!(told, deployed, "{function}");
    }
    stack.stop().await;
}

#[test]
fn variables_of_a_template_are_found_where_they_are_set() {
    let template = "Globals:\n  MUSTER_A: 1\n\nResources:\n  # one\n  One:\n    Binary: one\n    MUSTER_B: 2\n  Two:\n    Binary: two\n";
    let found = set_in(template);
    assert_eq!(found["one"], ["MUSTER_A", "MUSTER_B"].into());
    assert_eq!(found["two"], ["MUSTER_A"].into());
}
