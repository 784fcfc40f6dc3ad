//! Runs as these commands print them, made of what the API shows.

use std::fmt::Write;

use serde_json::{Map, Value, json};

use crate::clock::iso8601;

/// How many issues are shown; the error file has them all.
pub(super) const SHOWN_ISSUES: usize = 20;

/// What can happen to people, in the order of a run's counts.
const KINDS: [&str; 6] = ["added", "proposed", "updated", "deactivated", "reactivated", "removed"];

/// A run as lists show it.
pub(super) fn run_json(run: &Value) -> Value {
    let mut shown = Map::new();
    for key in ["id", "connection", "state", "conflicts", "source", "reason"] {
        shown.insert(key.to_owned(), run[key].clone());
    }
    for key in KINDS.iter().chain(&["unchanged", "rows", "errors", "warnings"]) {
        shown.insert((*key).to_owned(), run["counts"][key].clone());
    }
    shown.insert("held".to_owned(), run["held_by"].clone());
    shown.insert("received".to_owned(), time(&run["received_at"]));
    shown.insert("ended".to_owned(), time(&run["ended_at"]));
    shown.insert("undoes".to_owned(), run["cause"]["undoes"].clone());
    Value::Object(shown)
}

/// A run with everything that is stored about it; `issues` are the first ones found in its source.
pub(super) fn inspection_json(run: &Value, issues: &Value) -> Value {
    let mut shown = run_json(run);
    let (summary, found) = (&run["plan"]["summary"], &run["issues"]);
    shown["hash"] = run["hash"].clone();
    shown["issues"] = list(issues).take(SHOWN_ISSUES).cloned().collect();
    shown["error_rows"] = found["error_rows"].clone();
    shown["error_file"] = found["error_file"].clone();
    shown["replaces"] = run["replaces"].clone();
    shown["gates"] = list(&summary["gates"]).map(gate_json).collect();
    shown["issue_counts"] = found["by_code"].clone();
    for key in ["new_values", "groups", "fields"] {
        shown[key] = list(&summary[key]).cloned().collect();
    }
    for key in ["owned_before", "flagged", "absent_kept", "skipped", "protected"] {
        shown[key] = json!(summary[key].as_u64().unwrap_or(0));
    }
    let off = list(&summary["switched_off"]).map(|off| (text(off, "kind").to_owned(), off["count"].clone()));
    shown["switched_off"] = Value::Object(off.collect());
    shown["removals_withheld"] = json!(summary["removals_withheld"] == true);
    shown
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

/// A gate's limit is written as connection files write it: `10%` or `25`.
fn gate_json(gate: &Value) -> Value {
    let mut shown = gate.clone();
    let limit = &gate["limit"];
    let percent = limit["percent"].as_f64().map(|percent| format!("{percent}%"));
    shown["limit"] = json!(percent.or_else(|| limit["count"].as_u64().map(|count| count.to_string())));
    shown
}

/// The API's times have as many decimals as they need; these have three, so that they sort as text.
pub(super) fn time(value: &Value) -> Value {
    let time = value.as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok());
    json!(time.map(|time| iso8601(u64::try_from(time.as_millisecond()).unwrap_or(0))))
}

/// A run as a row of a table.
pub(super) fn run_row(run: &Value) -> Vec<String> {
    let held: Vec<&str> = list(&run["held"]).filter_map(Value::as_str).collect();
    let state = match held.as_slice() {
        [] => text(run, "state").to_owned(),
        held => format!("{} ({})", text(run, "state"), held.join(", ")),
    };
    let [id, source, received, connection] =
        ["id", "source", "received", "connection"].map(|key| text(run, key).to_owned());
    vec![id, state, source, changes(run), received, connection]
}

/// `12 added, 3 updated`, and what else there is.
fn changes(run: &Value) -> String {
    let counted = KINDS.map(|kind| (kind, run[kind].as_u64().unwrap_or(0)));
    let parts: Vec<_> = counted.iter().filter(|(_, n)| *n > 0).map(|(kind, n)| format!("{n} {kind}")).collect();
    if parts.is_empty() { "none".to_owned() } else { parts.join(", ") }
}

/// A run for people, of what [`inspection_json`] made.
pub(super) fn inspection_text(run: &Value) -> String {
    let mut out = format!("run {}: {}\n", text(run, "id"), text(run, "state"));
    let mut line = |name: &str, value: String| writeln!(out, "  {name:<11} {value}").unwrap_or_default();
    line("connection", text(run, "connection").to_owned());
    line("source", format!("{}, received {}", text(run, "source"), text(run, "received")));
    run["reason"].as_str().into_iter().for_each(|reason| line("reason", reason.to_owned()));
    line("changes", format!("{} ({} unchanged, {} rows)", changes(run), run["unchanged"], run["rows"]));
    line("found", format!("{} errors, {} warnings", run["errors"], run["warnings"]));
    run["hash"].as_str().into_iter().for_each(|hash| line("hash", hash.to_owned()));
    for gate in list(&run["gates"]).filter(|gate| gate["holds"] == true) {
        line("held", format!("{}: {}", text(gate, "gate"), text(gate, "reason")));
    }
    for new in list(&run["new_values"]) {
        line("new value", format!("{} {:?}, {} people", text(new, "field"), text(new, "value"), new["people"]));
    }
    for group in list(&run["groups"]) {
        line("group", format!("{}: +{} -{}", text(group, "name"), group["joined"], group["left"]));
    }
    for issue in list(&run["issues"]) {
        let column = issue["column"].as_str().map(|column| format!(", {column}")).unwrap_or_default();
        line(text(issue, "severity"), format!("line {}{column}: {}", issue["line"], text(issue, "message")));
    }
    if let Some(place) = run["error_file"].as_str() {
        line("error file", format!("{place} ({} rows)", run["error_rows"]));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_written_as_in_connection_files() {
        let check = |limit: Value, expected: Value| assert_eq!(gate_json(&json!({"limit": limit}))["limit"], expected);
        check(json!({"percent": 10.0, "count": null}), json!("10%"));
        check(json!({"percent": 2.5, "count": null}), json!("2.5%"));
        check(json!({"percent": null, "count": 25}), json!("25"));
        check(Value::Null, Value::Null);
    }

    #[test]
    fn times_sort_as_text() {
        assert_eq!(time(&json!("2026-11-22T08:00:00Z")), "2026-11-22T08:00:00.000Z");
        assert_eq!(time(&json!("2026-11-22T08:00:00.12Z")), "2026-11-22T08:00:00.120Z");
        assert_eq!(time(&Value::Null), Value::Null);
    }
}
