//! The plan as people read it.

use std::io::{self, Write};

use muster_core::issue::Severity;
use muster_core::plan::{Gate, GateReading, Summary};
use muster_core::settings::{Limit, Settings};

use crate::args;
use crate::json::found;
use crate::planning::Made;
use crate::show::{issue_line, plain};
use crate::sink::Sink;

/// How many issues and new values are shown.
const SHOWN: usize = 10;

/// How long a meter is, in characters.
const METER: u64 = 20;

/// Writes the whole summary.
pub(super) fn write(
    out: &mut impl Write,
    arguments: &args::Plan,
    settings: &Settings,
    made: &Made,
    sink: &Sink,
    held: &[&str],
) -> io::Result<()> {
    let against = match &arguments.base {
        Some(base) => format!("against {}", base.display()),
        None => "as a first run".to_owned(),
    };
    writeln!(out, "{}", plain(&format!("{}: {} {against}", settings.name, arguments.file.display())))?;
    writeln!(out)?;
    counts(out, &made.summary)?;
    changes(out, sink)?;
    gates(out, &made.summary.gates)?;
    issues(out, arguments, made)?;
    new_values(out, &made.summary)?;
    if made.summary.removals_withheld {
        writeln!(out, "\nNobody who is missing from the file is removed: not every row of it could be told.")?;
    }
    if let Some(folder) = &arguments.out {
        writeln!(out, "\nThe lists are in {}.", folder.display())?;
    }
    match held {
        [] => writeln!(out, "\nThe plan would be applied."),
        held => {
            writeln!(out, "\nThe plan would be HELD: {}. Nothing changes until somebody approves it.", held.join(", "))
        }
    }
}

fn counts(out: &mut impl Write, summary: &Summary) -> io::Result<()> {
    let tally = &summary.tally;
    let lines = [
        ("  ", tally.rows, "rows"),
        ("+ ", tally.added, "added"),
        ("+ ", tally.proposed, "proposed"),
        ("~ ", tally.updated, "updated"),
        ("~ ", tally.deactivated, "deactivated"),
        ("~ ", tally.reactivated, "reactivated"),
        ("- ", tally.removed, "removed"),
        ("  ", tally.unchanged, "unchanged"),
        ("! ", tally.flagged, "flagged, stay as stored"),
        ("  ", tally.skipped, "not imported by status"),
        ("  ", tally.absent_kept, "absent and kept"),
        ("  ", tally.protected, "protected"),
    ];
    let always = ["rows", "added", "updated", "removed", "unchanged"];
    for (sign, count, what) in lines.into_iter().filter(|(_, count, what)| *count > 0 || always.contains(what)) {
        writeln!(out, "{sign}{count:>9} {what}")?;
    }
    for (kind, count) in &tally.switched_off {
        writeln!(out, "  {count:>9} left out: {kind} is switched off")?;
    }
    Ok(())
}

fn changes(out: &mut impl Write, sink: &Sink) -> io::Result<()> {
    let (shown, all) = sink.shown();
    if shown.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nChanges")?;
    for line in shown {
        writeln!(out, "  {line}")?;
    }
    more(out, all - shown.len() as u64, "--out DIR writes all of them")
}

fn gates(out: &mut impl Write, gates: &[GateReading]) -> io::Result<()> {
    writeln!(out, "\nGates")?;
    for reading in gates {
        let mark = if reading.holds { "HOLD" } else { "ok" };
        let name = reading.gate.as_str();
        writeln!(out, "  {mark:<4} {name:<15} [{}] {}", meter(reading), plain(&reading.reason))?;
    }
    Ok(())
}

/// A bar that is full at the limit; a gate without a limit is empty or full, and rows fill it up to the last file's.
fn meter(reading: &GateReading) -> String {
    let filled = match (reading.limit, reading.holds) {
        // Its limit is a least, not a most.
        (_, false) if reading.gate == Gate::Rows => part(reading.meter as f64, reading.of as f64),
        (_, true) => METER,
        (None, false) => 0,
        (Some(Limit::Count(limit)), false) => part(reading.meter as f64, limit as f64),
        (Some(Limit::Percent(limit)), false) => part(reading.meter as f64 * 100.0, limit * reading.of as f64),
    };
    (0..METER).map(|at| if at < filled { '#' } else { '-' }).collect()
}

fn part(meter: f64, limit: f64) -> u64 {
    let share = if limit > 0.0 { (meter / limit).min(1.0) } else { f64::from(u8::from(meter > 0.0)) };
    (share * METER as f64).round() as u64
}

fn issues(out: &mut impl Write, arguments: &args::Plan, made: &Made) -> io::Result<()> {
    let errors = found(&made.summary, Severity::Error);
    let warnings = found(&made.summary, Severity::Warning);
    if errors + warnings == 0 {
        return writeln!(out, "\nNo issues.");
    }
    writeln!(out, "\nIssues: {errors} errors, {warnings} warnings")?;
    for tally in made.summary.issues.iter().take(SHOWN) {
        writeln!(out, "  {:>6} {} {}", tally.count, tally.code.severity().as_str(), tally.code.as_str())?;
    }
    let mut worst: Vec<_> = made.issues.iter().collect();
    worst.sort_by_key(|issue| std::cmp::Reverse(issue.code.severity()));
    for issue in worst.iter().take(SHOWN) {
        writeln!(out, "  {}", issue_line(&arguments.file, issue))?;
    }
    more(out, worst.len().saturating_sub(SHOWN) as u64, "muster validate shows all of them")
}

fn new_values(out: &mut impl Write, summary: &Summary) -> io::Result<()> {
    if summary.new_values.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nNew values")?;
    for value in summary.new_values.iter().take(SHOWN) {
        let line = format!("{}: {} ({} people)", value.field.name(), value.value, value.people);
        writeln!(out, "  {}", plain(&line).replace('\n', " "))?;
    }
    more(out, summary.new_values.len().saturating_sub(SHOWN) as u64, "")
}

fn more(out: &mut impl Write, left: u64, hint: &str) -> io::Result<()> {
    match (left, hint) {
        (0, _) => Ok(()),
        (left, "") => writeln!(out, "  … and {left} more"),
        (left, hint) => writeln!(out, "  … and {left} more; {hint}"),
    }
}
