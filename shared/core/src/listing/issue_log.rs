//! The issues of a listing.

use std::collections::BTreeMap;

use crate::field::Field;
use crate::issue::{Code, Issue, Reach};

/// How many issues are kept with their original record. All are counted.
pub(super) const KEPT: usize = 100_000;

/// How many different values without a place in a value table are counted.
const UNMAPPED: usize = 10_000;

/// Counts issues and keeps the first ones.
#[derive(Debug, Clone, Default)]
pub struct IssueLog {
    issues: Vec<Issue>,
    counts: BTreeMap<Code, u64>,
    unmapped: BTreeMap<(Field, String), u64>,
}

impl IssueLog {
    pub(super) fn push(&mut self, issue: Issue) {
        let count = self.counts.entry(issue.code).or_default();
        *count += 1;
        // Damage holds the plan and names its line, however many rows are wrong before it.
        if self.issues.len() < KEPT || (*count == 1 && issue.code.reach() == Reach::Damage) {
            self.issues.push(issue);
        }
    }

    /// Counts a value that its field's value table does not have.
    pub(super) fn unmapped_value(&mut self, value: (Field, String)) {
        if self.unmapped.len() < UNMAPPED || self.unmapped.contains_key(&value) {
            *self.unmapped.entry(value).or_default() += 1;
        }
    }

    /// Values that their fields' value tables do not have, and how many rows that were read say each; the first
    /// 10,000 different ones.
    pub fn unmapped(&self) -> &BTreeMap<(Field, String), u64> {
        &self.unmapped
    }

    /// The kept issues, in the order they were found.
    pub fn issues(&self) -> &[Issue] {
        &self.issues
    }

    /// How often each code was found.
    pub fn counts(&self) -> impl Iterator<Item = (Code, u64)> {
        self.counts.iter().map(|(code, count)| (*code, *count))
    }

    /// Whether a code that reaches this far was found.
    pub fn reaches(&self, reach: Reach) -> bool {
        self.counts.keys().any(|code| code.reach() == reach)
    }

    /// Hands the kept issues out, by record.
    pub fn into_issues(mut self) -> Vec<Issue> {
        self.issues.sort_by_key(|issue| issue.place);
        self.issues
    }
}
