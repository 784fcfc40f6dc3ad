//! What people read on a terminal.

use std::io::Write as _;
use std::path::Path;

use muster_core::field::Field;
use muster_core::issue::Issue;
use muster_core::plan::{Change, ChangeKind, Reason};
use muster_core::recipient::{Recipient, Value};

use crate::memory::NOT_KNOWN;

/// A text without anything that a terminal obeys: control characters and marks that turn the writing direction.
pub(crate) fn plain(text: &str) -> String {
    let obeyed = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
    };
    text.chars().map(|c| if obeyed(c) { '\u{fffd}' } else { c }).collect()
}

/// The same on one line.
fn one_line(text: &str) -> String {
    plain(text).replace('\n', " ")
}

/// Tells of something that does not stop the command.
pub(crate) fn warn(message: &str) {
    let _ = writeln!(std::io::stderr(), "warning: {}", plain(message));
}

/// `file:line record n field code: reason`; what is not known is left out.
pub(crate) fn issue_line(path: &Path, issue: &Issue) -> String {
    let mut line = path.display().to_string();
    if issue.place.line > 0 {
        line += &format!(":{}", issue.place.line);
    }
    if issue.place.record > 0 {
        line += &format!(" record {}", issue.place.record);
    }
    if let Some(field) = issue.field {
        line += &format!(" {}", field.name());
    }
    line += &format!(" {}: {}", issue.code.as_str(), issue.message);
    one_line(&line)
}

/// One change on one line: `+ E-104 Ana Lovelace`, `~ E-007 department: "Sales" → "Ops"`, `- E-311 (absent)`.
pub(crate) fn change_line(change: &Change) -> String {
    let id = &change.unique_id;
    let line = match (change.kind, &change.old, &change.new) {
        (ChangeKind::Add, _, Some(new)) => format!("+ {id}{}", name_of(new)),
        (ChangeKind::Propose, _, Some(new)) => format!("+ {id}{} (proposed only)", name_of(new)),
        (ChangeKind::Remove, old, _) => {
            let name = old.as_ref().map(name_of).unwrap_or_default();
            format!("- {id}{name} ({})", why(change.reason))
        }
        (_, Some(old), Some(new)) => format!("~ {id} {}", differences(old, new).join(", ")),
        _ => format!("~ {id}"),
    };
    one_line(&line)
}

fn why(reason: Reason) -> String {
    match reason {
        Reason::Source => "source".to_owned(),
        Reason::Absent => "absent".to_owned(),
        Reason::Status(status) => status.as_str().to_owned(),
        Reason::Rollback => "undone".to_owned(),
        Reason::Deletion => "connection deleted".to_owned(),
        Reason::ByHand => "by hand".to_owned(),
    }
}

fn name_of(recipient: &Recipient) -> String {
    let names = [Field::FIRST_NAME, Field::LAST_NAME].into_iter().filter_map(|field| recipient.values.get(&field));
    names.flat_map(Value::iter).filter(|name| *name != NOT_KNOWN).map(|name| format!(" {name}")).collect()
}

fn differences(old: &Recipient, new: &Recipient) -> Vec<String> {
    let mut found = Vec::new();
    if old.status != new.status {
        let (before, after) = (old.status.as_str(), new.status.as_str());
        found.push(format!("employment_status: \"{before}\" → \"{after}\""));
    }
    for field in Field::all() {
        let (before, after) = (old.values.get(&field), new.values.get(&field));
        if before != after {
            found.push(format!("{}: {} → {}", field.name(), quoted(before), quoted(after)));
        }
    }
    found
}

fn quoted(value: Option<&Value>) -> String {
    let Some(value) = value else { return "none".to_owned() };
    if value.iter().eq([NOT_KNOWN]) {
        return "(not known)".to_owned();
    }
    value.iter().map(|text| format!("\"{text}\"")).collect::<Vec<_>>().join("; ")
}
