//! Runs as JSON and as text.

use std::fmt::Write;

use muster_core::{
    issue::Issue,
    plan::{GateReading, Summary},
    settings::Limit,
};
use muster_sync::{Cause, Inspection, Run};
use serde_json::{Value, json};

use crate::clock::iso8601;

/// How many issues are shown; the error file has them all.
const SHOWN_ISSUES: usize = 20;

/// A run as lists show it.
pub(super) fn run_json(run: &Run) -> Value {
    let counts = &run.counts;
    json!({
        "id": run.id.as_str(), "connection": run.connection.as_str(), "state": run.state.as_str(), "held": run.held,
        "added": counts.added, "proposed": counts.proposed, "updated": counts.updated,
        "deactivated": counts.deactivated, "reactivated": counts.reactivated, "removed": counts.removed,
        "unchanged": counts.unchanged, "rows": counts.rows, "errors": counts.errors, "warnings": counts.warnings,
        "conflicts": run.conflicts, "source": run.source, "received": time(run.received_ms),
        "ended": run.ended_ms.map(time), "reason": run.reason,
        "undoes": match &run.cause { Cause::Rollback { run, .. } => Some(run), _ => None },
    })
}

/// A run with everything that is stored about it.
pub(super) fn inspection_json(inspection: &Inspection) -> Value {
    let Inspection { run, summary, issues, error_file } = inspection;
    let mut shown = run_json(run);
    shown["hash"] = json!(run.plan.as_ref().map(|plan| plan.hash.as_str()));
    shown["issues"] = issues.issues.iter().take(SHOWN_ISSUES).map(issue_json).collect();
    shown["error_rows"] = json!(issues.error_rows);
    shown["error_file"] = json!(error_file);
    shown["replaces"] = json!(issues.replaces);
    let nothing = Summary::default();
    let summary = summary.as_ref().unwrap_or(&nothing);
    let tally = &summary.tally;
    shown["gates"] = summary.gates.iter().map(gate_json).collect();
    shown["issue_counts"] = (summary.issues.iter())
        .map(|t| json!({"code": t.code.as_str(), "severity": t.code.severity().as_str(), "count": t.count}))
        .collect();
    shown["new_values"] = (summary.new_values.iter())
        .map(|new| json!({"field": new.field.name(), "value": new.value, "people": new.people}))
        .collect();
    shown["groups"] = (summary.groups.iter())
        .map(|g| json!({"name": g.name, "made": g.made, "joined": g.joined, "left": g.left}))
        .collect();
    shown["fields"] = (tally.fields.iter())
        .map(|(field, t)| json!({"field": field.name(), "changed": t.changed, "blanked": t.blanked}))
        .collect();
    shown["owned_before"] = json!(summary.owned_before);
    shown["flagged"] = json!(tally.flagged);
    shown["absent_kept"] = json!(tally.absent_kept);
    shown["skipped"] = json!(tally.skipped);
    shown["protected"] = json!(tally.protected);
    shown["switched_off"] = json!(tally.switched_off);
    shown["removals_withheld"] = json!(summary.removals_withheld);
    shown
}

fn gate_json(reading: &GateReading) -> Value {
    json!({
        "gate": reading.gate.as_str(), "meter": reading.meter, "of": reading.of, "limit": reading.limit.map(limit),
        "holds": reading.holds, "reason": reading.reason,
    })
}

fn issue_json(issue: &Issue) -> Value {
    json!({
        "code": issue.code.as_str(), "severity": issue.code.severity().as_str(), "record": issue.place.record,
        "line": issue.place.line, "unique_id": issue.unique_id.as_ref().map(ToString::to_string),
        "field": issue.field.map(|field| field.name()), "column": issue.column, "message": issue.message,
    })
}

/// `10%` or `25`, as connection files write it.
fn limit(limit: Limit) -> String {
    match limit {
        Limit::Percent(percent) => format!("{percent}%"),
        Limit::Count(count) => count.to_string(),
    }
}

fn time(ms: i64) -> String {
    iso8601(u64::try_from(ms).unwrap_or(0))
}

/// A run as a row of a table.
pub(super) fn run_row(run: &Run) -> Vec<String> {
    let state = match run.held.as_slice() {
        [] => run.state.as_str().to_owned(),
        held => format!("{} ({})", run.state.as_str(), held.join(", ")),
    };
    vec![run.id.to_string(), state, run.source.clone(), changes(run), time(run.received_ms), run.connection.to_string()]
}

/// `+12 ~3 -1`, and what else there is.
pub(crate) fn changes(run: &Run) -> String {
    let counts = &run.counts;
    let named = [
        ("added", counts.added),
        ("proposed", counts.proposed),
        ("updated", counts.updated),
        ("deactivated", counts.deactivated),
        ("reactivated", counts.reactivated),
        ("removed", counts.removed),
    ];
    let parts: Vec<_> = named.iter().filter(|(_, n)| *n > 0).map(|(name, n)| format!("{n} {name}")).collect();
    if parts.is_empty() { "none".to_owned() } else { parts.join(", ") }
}

/// A run for people.
pub(super) fn inspection_text(inspection: &Inspection) -> String {
    let Inspection { run, summary, issues, error_file } = inspection;
    let mut text = format!("run {}: {}\n", run.id, run.state.as_str());
    let mut line = |name: &str, value: String| writeln!(text, "  {name:<11} {value}").unwrap_or_default();
    line("connection", run.connection.to_string());
    line("source", format!("{}, received {}", run.source, time(run.received_ms)));
    run.reason.iter().for_each(|reason| line("reason", reason.clone()));
    line("changes", format!("{} ({} unchanged, {} rows)", changes(run), run.counts.unchanged, run.counts.rows));
    line("found", format!("{} errors, {} warnings", run.counts.errors, run.counts.warnings));
    run.plan.iter().for_each(|plan| line("hash", plan.hash.clone()));
    for reading in summary.iter().flat_map(|summary| &summary.gates).filter(|reading| reading.holds) {
        line("held", format!("{}: {}", reading.gate.as_str(), reading.reason));
    }
    for new in summary.iter().flat_map(|summary| &summary.new_values) {
        line("new value", format!("{} {:?}, {} people", new.field.name(), new.value, new.people));
    }
    for group in summary.iter().flat_map(|summary| &summary.groups) {
        line("group", format!("{}: +{} -{}", group.name, group.joined, group.left));
    }
    for issue in issues.issues.iter().take(SHOWN_ISSUES) {
        let column = issue.column.as_ref().map(|column| format!(", {column}")).unwrap_or_default();
        line(issue.code.severity().as_str(), format!("line {}{column}: {}", issue.place.line, issue.message));
    }
    error_file.iter().for_each(|place| line("error file", format!("{place} ({} rows)", issues.error_rows)));
    text
}
