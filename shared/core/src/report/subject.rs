//! The subject line.

use super::Report;
use super::clean::{clip, one_line, thousands};
use super::words::Kind;

/// The longest subject, in characters.
pub(super) const MAX_SUBJECT: usize = 120;

/// Outcome, connection, counts; the connection's name gives way where it gets too long.
pub(super) fn subject(report: &Report<'_>) -> String {
    let kind = Kind::of(report);
    let mut front = String::new();
    if report.resent {
        front.push_str("[sent again] ");
    }
    front.push_str(match kind {
        Kind::Applied if report.first_success => "Connected",
        Kind::Held if report.rollback_of.is_some() => "Undo held",
        _ => kind.word(),
    });
    let counts = counts(report, kind);
    let room = MAX_SUBJECT.saturating_sub(front.chars().count() + counts.chars().count() + 4).max(20);
    let name = clip(&one_line(report.connection), room);
    clip(&format!("{front}: {name}: {counts}"), MAX_SUBJECT)
}

/// The counts of people at a glance.
pub(super) fn counts(report: &Report<'_>, kind: Kind) -> String {
    match kind {
        Kind::WrongName => return "file name does not match".to_owned(),
        Kind::PartialUpload => return "the upload broke off".to_owned(),
        Kind::Unreadable => return "nothing was changed".to_owned(),
        _ => {}
    }
    let tally = &report.summary.tally;
    let parts = [
        (tally.added, "added", "to add"),
        (tally.proposed, "proposed", "to propose"),
        (tally.updated, "updated", "to update"),
        (tally.deactivated, "deactivated", "to deactivate"),
        (tally.reactivated, "reactivated", "to reactivate"),
        (tally.removed, "removed", "to remove"),
    ];
    let told: Vec<String> = parts
        .into_iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(count, done, ahead)| format!("{} {}", thousands(count), if kind.changed() { done } else { ahead }))
        .collect();
    if told.is_empty() { "no changes".to_owned() } else { told.join(", ") }
}
