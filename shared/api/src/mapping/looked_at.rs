//! What was looked at, as it is shown.

use muster_core::issue::Issue;
use muster_sync::{LookKind, LookedAt};
use schemars::JsonSchema;
use serde::Serialize;

use crate::time;

/// What was looked at.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct LookedAtShown {
    kind: LookedAtKind,
    /// The file's name, or what else the source is called.
    name: String,
    /// The run that it came with; null of what was looked at live, and of a sample.
    run: Option<String>,
    /// When it came, or when fetching it began.
    at: Option<String>,
}

/// A kind of source.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum LookedAtKind {
    /// The last file.
    File,
    /// The last listing of everybody.
    Listing,
    /// A page that was fetched for this answer.
    Live,
    /// A text that was sent along.
    Sample,
}

impl From<LookedAt> for LookedAtShown {
    fn from(looked_at: LookedAt) -> Self {
        let kind = match looked_at.kind {
            LookKind::File => LookedAtKind::File,
            LookKind::Listing => LookedAtKind::Listing,
            LookKind::Live => LookedAtKind::Live,
            LookKind::Sample => LookedAtKind::Sample,
        };
        let run = looked_at.run.map(|run| run.to_string());
        Self { kind, name: looked_at.name, run, at: looked_at.at_ms.map(time::shown) }
    }
}

/// A finding.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct FindingShown {
    /// Its stable code.
    code: String,
    /// `warning` or `error`.
    severity: String,
    /// What was found and what to do.
    message: String,
    /// The line of the file, from 1; null where it is about the whole.
    line: Option<u64>,
    /// The field, for a finding about one.
    field: Option<String>,
    /// The column, for a finding about one.
    column: Option<String>,
}

impl From<&Issue> for FindingShown {
    fn from(issue: &Issue) -> Self {
        Self {
            code: issue.code.as_str().to_owned(),
            severity: issue.code.severity().as_str().to_owned(),
            message: issue.message.clone(),
            line: Some(issue.place.line).filter(|line| *line > 0),
            field: issue.field.map(|field| field.name().to_owned()),
            column: issue.column.clone(),
        }
    }
}
