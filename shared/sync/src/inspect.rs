//! Looking at runs: which there are, and what one would do or did.

use std::collections::BTreeMap;

use muster_core::ids::{ConnectionId, RunId};
use muster_core::issue::Code;
use muster_core::plan::{Summary, summary_from_json};

use crate::plan_store::{issues_key, summary_key, unplanned_prefix};
use crate::report::error_file_name;
use crate::stored_issues::{StoredIssues, issues_from_json};
use crate::{Admin, Connection, Ledger, Objects, PortError, Run};

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

/// All runs of all accounts, oldest first.
///
/// # Errors
/// [`PortError`] when a service failed.
pub async fn all_runs<P: Ledger + Admin>(ports: &P) -> Result<Vec<Run>, PortError> {
    let mut runs = Vec::new();
    for account in ports.accounts().await? {
        for connection in ports.connections(&account).await? {
            runs.extend(ports.runs(&account, &connection).await?);
        }
    }
    runs.sort_by(|a, b| (a.received_ms, &a.id).cmp(&(b.received_ms, &b.id)));
    Ok(runs)
}

/// The run with this id, whosever it is; `None` when there is none.
///
/// # Errors
/// [`PortError`] when a service failed.
pub async fn find_run<P: Ledger + Admin>(ports: &P, id: &RunId) -> Result<Option<Run>, PortError> {
    for account in ports.accounts().await? {
        for connection in ports.connections(&account).await? {
            if let Some(run) = ports.run(&account, &connection, id).await? {
                return Ok(Some(run));
            }
        }
    }
    Ok(None)
}

/// The connection with this id, whosever it is; `None` when there is none.
///
/// # Errors
/// [`PortError`] when a service failed.
pub async fn find_connection<P: Ledger + Admin>(ports: &P, id: &ConnectionId) -> Result<Option<Connection>, PortError> {
    for account in ports.accounts().await? {
        // A connection's id begins with its account's.
        if id.as_str().starts_with(account.as_str())
            && let Some(connection) = ports.connection(&account, id).await?
        {
            return Ok(Some(connection));
        }
    }
    Ok(None)
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
    let unreadable = |e: &dyn std::fmt::Display| PortError::never("read the plan's summary", e.to_string());
    let summary = summary.map(|bytes| summary_from_json(&bytes).map_err(|e| unreadable(&e))).transpose()?;
    let error_file = (issues.error_rows > 0).then(|| format!("errors/{}", error_file_name(&run)));
    Ok(Inspection { run, summary, issues, error_file })
}
