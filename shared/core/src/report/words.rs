//! What a mail says, by how the run stands.

use super::clean::clean;
use super::{Report, SourceKind};
use crate::issue::Code;
use crate::plan::Outcome;

/// Which mail it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Applied,
    RolledBack,
    Held,
    Rejected,
    Superseded,
    Unreadable,
    WrongName,
    PartialUpload,
    NotFetched,
    Late,
}

impl Kind {
    /// The mail of a report.
    pub(super) fn of(report: &Report<'_>) -> Self {
        let found = |code| {
            report.top_issues.iter().any(|issue| issue.code == code)
                || report.summary.issues.iter().any(|tally| tally.code == code)
        };
        match report.outcome {
            Outcome::Applied if report.rollback_of.is_some() => Self::RolledBack,
            Outcome::Applied => Self::Applied,
            Outcome::Held => Self::Held,
            Outcome::Rejected => Self::Rejected,
            Outcome::Superseded => Self::Superseded,
            Outcome::Failed if report.from == SourceKind::Late => Self::Late,
            Outcome::Failed if report.from == SourceKind::Provider => Self::NotFetched,
            Outcome::Failed if found(Code::FileName) => Self::WrongName,
            Outcome::Failed if found(Code::PartialUpload) => Self::PartialUpload,
            Outcome::Failed => Self::Unreadable,
        }
    }

    /// Whether the plan's changes are in the directory.
    pub(super) fn changed(self) -> bool {
        matches!(self, Self::Applied | Self::RolledBack)
    }

    /// Whether there was a plan at all.
    pub(super) fn planned(self) -> bool {
        !matches!(self, Self::Unreadable | Self::WrongName | Self::PartialUpload | Self::NotFetched | Self::Late)
    }

    /// The outcome in the fewest words.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Applied => "Applied",
            Self::RolledBack => "Rolled back",
            Self::Held => "Held",
            Self::Rejected => "Rejected",
            Self::Superseded => "Superseded",
            Self::Unreadable => "Not read",
            Self::WrongName | Self::PartialUpload => "Not processed",
            Self::NotFetched => "Not fetched",
            Self::Late => "Late",
        }
    }

    /// The colour beside the headline.
    pub(super) fn colour(self) -> &'static str {
        match self {
            Self::Applied | Self::RolledBack => "#1a7f37",
            Self::Held => "#bf8700",
            Self::Rejected | Self::Superseded => "#6e7781",
            Self::Unreadable | Self::WrongName | Self::PartialUpload | Self::NotFetched | Self::Late => "#cf222e",
        }
    }

    /// What stands over the picture of the run.
    pub(super) fn picture_title(self) -> &'static str {
        match self {
            Self::Applied | Self::RolledBack => "What this run did",
            Self::Held => "What the plan would do",
            _ => "What the plan would have done",
        }
    }

    /// What stands over the gates that hold.
    pub(super) fn gates_title(self) -> &'static str {
        match self {
            Self::Applied | Self::RolledBack => "Why it was held before it was approved",
            Self::Held => "Why it is held",
            _ => "Why it was held",
        }
    }
}

/// The first line of the mail.
pub(super) fn headline(report: &Report<'_>, kind: Kind) -> &'static str {
    match kind {
        Kind::Applied if report.first_success => "Connected: the first sync was applied",
        Kind::Applied => "Applied",
        Kind::RolledBack => "Rolled back",
        Kind::Held if report.rollback_of.is_some() => "Undo is held: nothing was changed",
        Kind::Held => "Held: nothing was changed",
        Kind::Rejected => "Rejected: nothing was changed",
        Kind::Superseded => "Superseded: nothing was changed",
        Kind::Unreadable => "Not read: nothing was changed",
        Kind::WrongName => "Not processed: the file name does not match",
        Kind::PartialUpload => "Not processed: the upload broke off",
        Kind::NotFetched => "Not fetched: nothing was changed",
        Kind::Late => "No file came: nothing was changed",
    }
}

/// The paragraphs under the headline.
pub(super) fn lead(report: &Report<'_>, kind: Kind) -> Vec<String> {
    let mut lead = vec![opening(report, kind)];
    if let Some(failure) = report.failure.map(clean).filter(|text| !text.is_empty()) {
        lead.push(format!("The reason: {}.", failure.trim_end_matches('.')));
    }
    if let Some(advice) = advice(kind) {
        lead.push(advice.to_owned());
    }
    if report.summary.removals_withheld && kind.planned() {
        let what = if report.from == SourceKind::File { "file" } else { "listing" };
        lead.push(format!(
            "Nobody is removed for being absent: the {what} is not known to be complete, and a row that \
             could not be read is not a missing person."
        ));
    }
    if let Some(changes) = report.by_events {
        lead.push(format!("Since the last report, events of the provider changed people one by one: {changes}."));
    }
    if let Some(run) = report.replaced_run {
        lead.push(format!("This run took the place of the plan of run {}, which was waiting.", clean(run)));
    }
    if report.resent {
        lead.push(
            "This mail is sent again because the mail service did not confirm the first one. You may \
             have it twice; the run happened once."
                .to_owned(),
        );
    }
    lead
}

fn opening(report: &Report<'_>, kind: Kind) -> String {
    let file = clean(report.source);
    match (kind, report.rollback_of.map(clean)) {
        (Kind::Applied, _) if report.first_success => {
            format!(
                "{} was read to its end and its plan was applied. This confirms the connection: it works, and {} as they come.",
                if report.from == SourceKind::File {
                    format!("The file {file}")
                } else {
                    format!("The listing ({file})")
                },
                if report.from == SourceKind::File { "further files are taken" } else { "changes are taken over" }
            )
        }
        (Kind::Applied, _) => format!("The plan made from {file} was applied."),
        (_, Some(undone)) => match kind {
            Kind::RolledBack => format!("Run {undone} was undone: its reverse plan was applied."),
            Kind::Held => format!(
                "The reverse plan of run {undone} waits for a person's decision. Until then nothing is changed."
            ),
            _ => format!("The reverse plan of run {undone} was not applied. Nothing was changed."),
        },
        (Kind::Held, _) => format!(
            "The plan made from {file} waits for a person's decision. Nothing was changed: nobody was added, updated, deactivated or removed."
        ),
        (Kind::Rejected, _) => format!("A person rejected the plan made from {file}. Nothing was changed."),
        (Kind::Superseded, _) => {
            let what = if report.from == SourceKind::File { "file" } else { "listing" };
            format!("A newer {what} took the place of {file} before its plan was applied. Nothing was changed.")
        }
        (Kind::WrongName, _) => format!(
            "The name of {file} does not match the connection's rule, so the file was not opened. Nothing was changed and nobody was removed."
        ),
        (Kind::PartialUpload, _) => format!(
            "The upload of {file} ended before the file was whole, so it was not processed. Nothing was changed and nobody was removed."
        ),
        (Kind::NotFetched, _) => {
            "The provider's people could not be fetched. Nothing was changed and nobody was removed.".to_owned()
        }
        (Kind::Late, _) => "A file was due and did not come. Nothing was changed and nobody was removed.".to_owned(),
        (Kind::Unreadable | Kind::RolledBack, _) => {
            format!("The file {file} could not be read. Nothing was changed and nobody was removed.")
        }
    }
}

fn advice(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::WrongName => {
            Some("What to do: rename the file after the connection's rule and upload it to inbound/ again.")
        }
        Kind::PartialUpload => Some("What to do: upload the whole file to inbound/ again."),
        Kind::Unreadable => Some(
            "What to do: export the file anew, check that it opens, and upload it to inbound/ again. The next good file is taken as usual.",
        ),
        Kind::Late => Some(
            "What to do: find out why the export was not sent. The next file is taken as usual; this alert is not repeated for the same file.",
        ),
        Kind::NotFetched => {
            Some("It is tried again by itself; this mail is not repeated while the trouble is the same.")
        }
        Kind::Rejected => Some("The next file is planned as usual, against the directory as it is."),
        _ => None,
    }
}
