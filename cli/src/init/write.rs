//! The proposed connection file, with the comments that help to finish it.

use std::fmt::Write as _;

use muster_core::field::{Field, Kind};
use muster_core::look::{Guess, Guesses};
use muster_core::settings::Encoding;

use super::Sample;

/// The longest name that is made from a file's name, in characters.
const LONGEST_NAME: usize = 40;

/// The whole file.
pub(super) fn connection_file(sample: &Sample<'_>, guesses: &Guesses) -> String {
    // Writing into a text cannot fail.
    let mut out = String::new();
    head(&mut out, sample, guesses);
    file(&mut out, sample);
    out.push_str(
        "\n# [gates]\n# removals = \"10%\"    # a percentage or a count; likewise updates, new, rows, field_change\n",
    );
    left_out(&mut out, guesses);
    for (field, guess) in &guesses.fields {
        mapping(&mut out, *field, guess);
    }
    out
}

fn head(out: &mut String, sample: &Sample<'_>, guesses: &Guesses) {
    let name = name_of(sample.file_name);
    let _ = writeln!(
        out,
        "# Proposed by muster init from the header of {}. Look at every line marked guess.",
        one_line(sample.file_name)
    );
    let _ = writeln!(out, "account = \"my-account\"    # guess: the account's id, lower-case letters, digits and -");
    let _ = writeln!(out, "name = {}", quoted(&name));
    let _ = writeln!(out, "connector = \"sftp\"");
    let _ = writeln!(out, "group = {}", quoted(&name));
    let _ = writeln!(out, "import = \"active_and_inactive\"    # or active_only");
    let _ = writeln!(out, "mode = \"preview\"    # or active, paused");
    let groups: Vec<_> =
        guesses.fields.keys().filter(|field| is_grouping(**field)).map(|field| quoted(field.name())).collect();
    if !groups.is_empty() {
        let _ = writeln!(out, "# group_by = [{}]", groups.join(", "));
    }
    let _ = writeln!(out, "# report_to = [\"hr@example.com\"]");
    if guesses.fields.keys().any(|field| field.spec().kind == Kind::Phone) {
        let _ = writeln!(out, "default_country = \"US\"    # guess: the country of phone numbers written without one");
    }
    let _ = writeln!(out, "on_new = \"add\"    # or propose");
    let _ = writeln!(out, "on_absent = \"remove\"    # or deactivate, ignore");
}

fn file(out: &mut String, sample: &Sample<'_>) {
    let _ = writeln!(out, "\n[file]");
    let _ = writeln!(out, "# pattern = \"people_{{yyyymmdd}}.csv\"    # without it every name is taken");
    let _ = writeln!(out, "delimiter = \"auto\"    # or \",\", \"|\", \"tab\", \";\"");
    let _ = match sample.encoding {
        Encoding::Utf8 => writeln!(out, "encoding = \"utf-8\"    # or windows-1252"),
        Encoding::Windows1252 => writeln!(out, "encoding = \"windows-1252\"    # guess: the header is not UTF-8"),
    };
}

fn left_out(out: &mut String, guesses: &Guesses) {
    if !guesses.unmapped.is_empty() {
        out.push_str("\n# Columns that are not mapped; add a [fields] table for those that are wanted:\n");
    }
    for column in &guesses.unmapped {
        let _ = writeln!(out, "#   {}", quoted(column));
    }
    if !guesses.blocked.is_empty() {
        out.push_str("\n# Columns that are never taken; leave them out of the export:\n");
    }
    for (column, reason) in &guesses.blocked {
        let _ = writeln!(out, "#   {}: {reason}", quoted(column));
    }
}

fn mapping(out: &mut String, field: Field, guess: &Guess) {
    let _ = writeln!(out, "\n[fields.{}]", field.name());
    let mark = if guess.unsure { "    # guess" } else { "" };
    let _ = writeln!(out, "from = {}{mark}", quoted(&guess.column));
    if let Some(data_type) = guess.data_type {
        let _ = writeln!(out, "type = {}", quoted(data_type));
    }
    match field.spec().kind {
        Kind::Status => {
            out.push_str("# values = { \"A\" = \"active\", \"L\" = \"inactive\", \"T\" = \"terminated\" }    # the export's own words\n");
        }
        Kind::Date => out.push_str("# format = \"%m/%d/%Y\"    # without it dates are as 2026-01-31\n"),
        _ => {}
    }
}

fn is_grouping(field: Field) -> bool {
    ["department", "location", "division"].contains(&field.name())
}

/// `Acme people` of `acme_people_10312026.csv.gz`.
fn name_of(file_name: &str) -> String {
    let stem = file_name.split('.').next().unwrap_or_default();
    let words = stem.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| !word.is_empty());
    let name: String = words.collect::<Vec<_>>().join(" ").chars().take(LONGEST_NAME).collect();
    let name = name.trim();
    let mut letters = name.chars();
    letters.next().map_or_else(
        || "People import".to_owned(),
        |first| format!("{}{}", first.to_ascii_uppercase(), letters.as_str()),
    )
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A TOML string on one line.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
