//! `muster validate`.

use std::io::Write as _;
use std::path::Path;

use muster_core::issue::{Code, Severity};
use muster_core::settings::Settings;
use serde_json::{Value, json};

use crate::connection::{check_name, keys, read};
use crate::failure::Failure;
use crate::json::issue_to_json;
use crate::planning::{Made, Planning, Subject};
use crate::show::issue_line;
use crate::sink::Sink;
use crate::{Ended, args};

/// Checks a file, or a connection file alone.
pub(crate) fn run(arguments: &args::Validate) -> Result<Ended, Failure> {
    let (settings, mapping) = read(&arguments.connection)?;
    let keys = keys(&arguments.opening)?;
    let Some(path) = &arguments.file else {
        return connection_is_good(arguments, &settings);
    };
    check_name(path, &settings, &arguments.opening)?;
    let planning = Planning { settings: &settings, mapping: &mapping, keys: &keys };
    let made = planning.make(&Subject { path, base: None }, &mut Sink::default(), None)?;
    let errors = count(&made, Severity::Error);
    let warnings = count(&made, Severity::Warning);
    let rows = made.summary.tally.rows;
    let mut out = std::io::stdout().lock();
    if arguments.json {
        let found: Vec<Value> = made.issues.iter().map(issue_to_json).collect();
        writeln!(
            out,
            "{}",
            json!({ "rows": rows, "issues": { "error": errors, "warning": warnings }, "found": found })
        )?;
    } else {
        list(&mut out, path, &made)?;
        writeln!(out, "{rows} rows, {errors} errors, {warnings} warnings")?;
    }
    out.flush()?;
    Ok(if errors == 0 { Ended::Well } else { Ended::Errors })
}

fn connection_is_good(arguments: &args::Validate, settings: &Settings) -> Result<Ended, Failure> {
    let mut out = std::io::stdout().lock();
    let fields: Vec<_> = settings.fields.keys().map(|field| field.name()).collect();
    if arguments.json {
        writeln!(out, "{}", json!({ "connection": settings.name, "fields": fields }))?;
    } else {
        writeln!(out, "{}: good; {} fields are mapped", arguments.connection.display(), fields.len())?;
    }
    Ok(Ended::Well)
}

fn list(out: &mut impl std::io::Write, path: &Path, made: &Made) -> std::io::Result<()> {
    for issue in &made.issues {
        writeln!(out, "{}", issue_line(path, issue))?;
    }
    let all = count(made, Severity::Error) + count(made, Severity::Warning);
    match all.saturating_sub(made.issues.len() as u64) {
        0 => Ok(()),
        more => writeln!(out, "… and {more} more"),
    }
}

/// How many issues there are; that a group's value is new is none of the file's.
fn count(made: &Made, severity: Severity) -> u64 {
    let tallies = made.summary.issues.iter().filter(|tally| tally.code != Code::NewValue);
    tallies.filter(|tally| tally.code.severity() == severity).map(|tally| tally.count).sum()
}
