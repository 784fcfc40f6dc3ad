//! Looking at a run: what it would do or did.

use std::collections::BTreeMap;

use muster_core::issue::Code;
use muster_core::plan::{Summary, summary_from_json};

use crate::plan_store::{issues_key, summary_key, unplanned_prefix};
use crate::report::error_file_name;
use crate::stored_issues::{StoredIssues, issues_from_json};
use crate::{Objects, PortError, Run};

/// Everything that is stored about a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Inspection {
    /// The run.
    pub run: Run,
    /// What its plan adds up to; `None` when it has no plan, or an expired one.
    pub summary: Option<Summary>,
    /// What was found in its source, and how many rows the error file has.
    pub issues: StoredIssues,
    /// Where the report puts the error file, from the login's home; `None` without such rows.
    pub error_file: Option<String>,
}

impl Inspection {
    /// How often each code was found, most frequent first, and how many findings there are in all: as the plan counted
    /// them, else those that were kept.
    pub fn issue_counts(&self) -> (Vec<(Code, u64)>, u64) {
        let mut counts: Vec<(Code, u64)> = match &self.summary {
            Some(summary) => summary.issues.iter().map(|tally| (tally.code, tally.count)).collect(),
            None => {
                let mut kept = BTreeMap::new();
                self.issues.issues.iter().for_each(|issue| *kept.entry(issue.code).or_insert(0) += 1);
                kept.into_iter().collect()
            }
        };
        counts.sort_by_key(|(code, count)| (std::cmp::Reverse(*count), *code));
        let total = counts.iter().map(|(_, count)| count).sum();
        (counts, total)
    }
}

/// Reads what is stored about a run beside its item.
///
/// # Errors
/// [`PortError`] when a service failed or a stored text cannot be read.
pub async fn inspect<O: Objects>(objects: &O, run: Run) -> Result<Inspection, PortError> {
    let prefix = run.plan.as_ref().map_or_else(|| unplanned_prefix(&run), |plan| plan.prefix.clone());
    let issues = match objects.read(&issues_key(&prefix)).await? {
        Some(bytes) => issues_from_json(&bytes)?,
        None => StoredIssues::default(),
    };
    let summary = match run.plan {
        Some(_) => objects.read(&summary_key(&prefix)).await?,
        None => None,
    };
    let unread = |e| PortError::unread("read the plan's summary", &e);
    let summary = summary.map(|bytes| summary_from_json(&bytes).map_err(unread)).transpose()?;
    let error_file = (issues.error_rows > 0).then(|| format!("errors/{}", error_file_name(&run)));
    Ok(Inspection { run, summary, issues, error_file })
}
