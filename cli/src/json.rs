//! What is printed with `--json`.

use muster_core::issue::{Issue, Severity};
use muster_core::plan::Summary;
use serde_json::{Value, json};

/// The counts of a plan and the gates that hold it.
pub(crate) fn plan_to_json(summary: &Summary, held: &[&str]) -> Value {
    let tally = &summary.tally;
    json!({
        "rows": tally.rows,
        "added": tally.added,
        "proposed": tally.proposed,
        "updated": tally.updated,
        "deactivated": tally.deactivated,
        "reactivated": tally.reactivated,
        "removed": tally.removed,
        "unchanged": tally.unchanged,
        "issues": { "error": found(summary, Severity::Error), "warning": found(summary, Severity::Warning) },
        "held": held,
        "hash": summary.hash,
    })
}

/// How many issues of this severity were found.
pub(crate) fn found(summary: &Summary, severity: Severity) -> u64 {
    summary.issues.iter().filter(|tally| tally.code.severity() == severity).map(|tally| tally.count).sum()
}

/// One issue without its original record.
pub(crate) fn issue_to_json(issue: &Issue) -> Value {
    json!({
        "severity": issue.code.severity().as_str(),
        "code": issue.code.as_str(),
        "line": issue.place.line,
        "record": issue.place.record,
        "unique_id": issue.unique_id.as_ref().map(|id| id.as_str()),
        "field": issue.field.map(|field| field.name()),
        "column": issue.column,
        "message": issue.message,
    })
}
