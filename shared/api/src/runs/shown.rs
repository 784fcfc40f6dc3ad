//! Runs as the API shows them.

use muster_core::plan::Summary;
use muster_core::settings::Limit;
use muster_sync::{Cause, Connection, Inspection, PlanRef, Refused, Run, RunCounts, RunState, not_approvable};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::time::shown;

/// A state of a run.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    Received,
    Held,
    Applying,
    Applied,
    Superseded,
    Rejected,
    Failed,
}

impl State {
    fn of(state: RunState) -> Self {
        match state {
            RunState::Received => Self::Received,
            RunState::Held => Self::Held,
            RunState::Applying => Self::Applying,
            RunState::Applied => Self::Applied,
            RunState::Superseded => Self::Superseded,
            RunState::Rejected => Self::Rejected,
            RunState::Failed => Self::Failed,
        }
    }

    pub(super) fn state(self) -> RunState {
        match self {
            Self::Received => RunState::Received,
            Self::Held => RunState::Held,
            Self::Applying => RunState::Applying,
            Self::Applied => RunState::Applied,
            Self::Superseded => RunState::Superseded,
            Self::Rejected => RunState::Rejected,
            Self::Failed => RunState::Failed,
        }
    }
}

/// What caused a run.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct CauseShown {
    /// `file`, `poll`, `event`, `late`, `rollback`, `farewell`
    kind: String,
    /// Of a poll: whether everybody is listed, or only who changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    full: Option<bool>,
    /// Of a file: its bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    /// Of a file: whether it is a fragment of an upload that broke off.
    #[serde(skip_serializing_if = "Option::is_none")]
    partial: Option<bool>,
    /// Of a rollback: the run that it undoes.
    #[serde(skip_serializing_if = "Option::is_none")]
    undoes: Option<String>,
    /// Of a file that is late: when it should have come.
    #[serde(skip_serializing_if = "Option::is_none")]
    expected_at: Option<String>,
}

impl CauseShown {
    fn of(cause: &Cause) -> Self {
        let kind = cause.kind().to_owned();
        let mut told = Self { kind, full: None, size: None, partial: None, undoes: None, expected_at: None };
        match cause {
            Cause::File { size, partial, .. } => (told.size, told.partial) = (Some(*size), Some(*partial)),
            Cause::Poll { full, .. } => told.full = Some(*full),
            Cause::Late { expected_ms } => told.expected_at = Some(shown(*expected_ms)),
            Cause::Rollback { run, .. } => told.undoes = Some(run.clone()),
            _ => {}
        }
        told
    }
}

/// What a run's plan adds up to, in people; rows and findings as well.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Counts {
    rows: u64,
    added: u64,
    proposed: u64,
    updated: u64,
    deactivated: u64,
    reactivated: u64,
    removed: u64,
    unchanged: u64,
    errors: u64,
    warnings: u64,
}

impl Counts {
    fn of(counts: RunCounts) -> Self {
        let RunCounts {
            rows,
            added,
            proposed,
            updated,
            deactivated,
            reactivated,
            removed,
            unchanged,
            errors,
            warnings,
        } = counts;
        Self { rows, added, proposed, updated, deactivated, reactivated, removed, unchanged, errors, warnings }
    }
}

/// A run.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct RunLine {
    /// The run's id.
    id: String,
    /// Its connection.
    connection: String,
    state: State,
    cause: CauseShown,
    /// The file's name, or what else its people came from.
    source: String,
    received_at: String,
    /// When it came to its end.
    ended_at: Option<String>,
    counts: Counts,
    /// The gates that held its plan.
    held_by: Vec<String>,
    /// The hash of its plan: what an approval names.
    hash: Option<String>,
    /// The version of the settings that it was planned with.
    settings_version: u64,
    /// Changes left out because the person had changed since the plan.
    conflicts: u64,
    /// Why it ended as it did.
    reason: Option<String>,
}

impl RunLine {
    pub(super) fn of(run: &Run) -> Self {
        Self {
            id: run.id.to_string(),
            connection: run.connection.to_string(),
            state: State::of(run.state),
            cause: CauseShown::of(&run.cause),
            source: run.source.clone(),
            received_at: shown(run.received_ms),
            ended_at: run.ended_ms.map(shown),
            counts: Counts::of(run.counts),
            held_by: run.held.clone(),
            hash: run.plan.as_ref().map(|plan| plan.hash.clone()),
            settings_version: run.settings_version,
            conflicts: run.conflicts,
            reason: run.reason.clone(),
        }
    }
}

/// A run with its plan.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct RunShown {
    #[serde(flatten)]
    line: RunLine,
    /// Its plan; null where it has none.
    plan: Option<PlanShown>,
    issues: IssueSum,
    /// The waiting run whose place this one took.
    replaces: Option<String>,
    /// Where more is to be found, as paths of this API.
    links: Links,
}

/// A plan.
#[derive(Debug, Serialize, JsonSchema)]
struct PlanShown {
    /// What an approval names.
    hash: String,
    /// Whether that hash can be approved now.
    approvable: bool,
    /// Why it cannot: `wrong_state`, `stale_plan`, `busy`.
    not_approvable: Option<String>,
    /// Parts of the plan, and how many of them are written.
    chunks: u32,
    chunks_written: u64,
    /// What it adds up to; null once the plan is no longer kept.
    summary: Option<SummaryShown>,
}

/// What a plan adds up to.
#[derive(Debug, Serialize, JsonSchema)]
struct SummaryShown {
    /// People of the connection before.
    owned_before: u64,
    /// People who stay as stored because their row has an error.
    flagged: u64,
    /// People who are absent and stay.
    absent_kept: u64,
    /// Rows of people who are not imported by their status.
    skipped: u64,
    /// People who stay because they are on the list of people to keep.
    protected: u64,
    /// Whether removals were withheld: the source was not read to its end, is damaged, or is the first.
    removals_withheld: bool,
    /// Changes left out because their switch is off, by kind.
    switched_off: Vec<KindCount>,
    /// Every gate that was read, those that hold first.
    gates: Vec<GateShown>,
    /// Values of grouping fields and value tables that were not seen before.
    new_values: Vec<NewValueShown>,
    /// Groups whose members change.
    groups: Vec<GroupShown>,
    /// Fields that change.
    fields: Vec<FieldShown>,
}

/// How often a kind of change was left out.
#[derive(Debug, Serialize, JsonSchema)]
struct KindCount {
    /// `add`, `update`, `remove` …
    kind: String,
    count: u64,
}

/// What a gate read.
#[derive(Debug, Serialize, JsonSchema)]
struct GateShown {
    /// `removals`, `updates`, `rows` …
    gate: String,
    /// What it shows.
    meter: u64,
    /// Of how many; 0 where the gate has no whole.
    of: u64,
    /// Its limit.
    limit: Option<LimitShown>,
    /// Whether the plan is held for it.
    holds: bool,
    /// What that means, in a sentence.
    reason: String,
}

/// A limit: one of the two.
#[derive(Debug, Serialize, JsonSchema)]
struct LimitShown {
    percent: Option<f64>,
    count: Option<u64>,
}

/// A value that was not seen before.
#[derive(Debug, Serialize, JsonSchema)]
struct NewValueShown {
    field: String,
    value: String,
    people: u64,
}

/// A group whose members change.
#[derive(Debug, Serialize, JsonSchema)]
struct GroupShown {
    name: String,
    /// Whether the plan makes it.
    made: bool,
    joined: u64,
    left: u64,
}

/// How many stored values of a field change.
#[derive(Debug, Serialize, JsonSchema)]
struct FieldShown {
    field: String,
    changed: u64,
    /// How many are removed.
    blanked: u64,
}

/// What was found in the source.
#[derive(Debug, Serialize, JsonSchema)]
struct IssueSum {
    /// How many findings there are.
    total: u64,
    /// How many of them can be listed.
    kept: u64,
    /// Records in the error file.
    error_rows: u64,
    /// Where the report puts that file, from the home of the connection's SFTP login; null without such records.
    error_file: Option<String>,
    /// By code, most frequent first.
    by_code: Vec<CodeCount>,
}

/// How often a code was found.
#[derive(Debug, Serialize, JsonSchema)]
struct CodeCount {
    code: String,
    /// `error` or `warning`.
    severity: String,
    count: u64,
}

/// Paths of this API.
#[derive(Debug, Serialize, JsonSchema)]
struct Links {
    issues: String,
    changes: String,
    /// To be asked for with `POST`.
    downloads: Vec<String>,
}

impl RunShown {
    pub(super) fn of(found: &Inspection, connection: &Connection) -> Self {
        let run = &found.run;
        let at = format!("/v1/connections/{}/runs/{}", run.connection, run.id);
        let lists = ["invites", "updates", "deletions"].into_iter().filter(|_| run.plan.is_some());
        let lists = lists.chain((found.issues.error_rows > 0).then_some("errors"));
        Self {
            line: RunLine::of(run),
            plan: run.plan.as_ref().map(|plan| plan_shown(plan, found, connection)),
            issues: issue_sum(found),
            replaces: found.issues.replaces.clone(),
            links: Links {
                issues: format!("{at}/issues"),
                changes: format!("{at}/changes"),
                downloads: lists.map(|list| format!("{at}/downloads/{list}")).collect(),
            },
        }
    }
}

fn plan_shown(plan: &PlanRef, found: &Inspection, connection: &Connection) -> PlanShown {
    let why_not = not_approvable(&found.run, connection).map(|refused| match refused {
        Refused::Stale => "stale_plan",
        Refused::Busy => "busy",
        _ => "wrong_state",
    });
    PlanShown {
        hash: plan.hash.clone(),
        approvable: why_not.is_none(),
        not_approvable: why_not.map(str::to_owned),
        chunks: plan.chunks,
        chunks_written: found.run.done.len() as u64,
        summary: found.summary.as_ref().map(summary_shown),
    }
}

fn summary_shown(summary: &Summary) -> SummaryShown {
    let tally = &summary.tally;
    let limit = |limit: Limit| match limit {
        Limit::Percent(percent) => LimitShown { percent: Some(percent), count: None },
        Limit::Count(count) => LimitShown { percent: None, count: Some(count) },
    };
    let gates = summary.gates.iter().map(|reading| GateShown {
        gate: reading.gate.as_str().to_owned(),
        meter: reading.meter,
        of: reading.of,
        limit: reading.limit.map(limit),
        holds: reading.holds,
        reason: reading.reason.clone(),
    });
    let new_values = summary.new_values.iter().map(|new| NewValueShown {
        field: new.field.name().to_owned(),
        value: new.value.clone(),
        people: new.people,
    });
    let groups = summary.groups.iter().map(|group| GroupShown {
        name: group.name.clone(),
        made: group.made,
        joined: group.joined,
        left: group.left,
    });
    let fields = tally.fields.iter().map(|(field, of)| FieldShown {
        field: field.name().to_owned(),
        changed: of.changed,
        blanked: of.blanked,
    });
    let off = tally.switched_off.iter().map(|(kind, count)| KindCount { kind: (*kind).to_owned(), count: *count });
    SummaryShown {
        owned_before: summary.owned_before,
        flagged: tally.flagged,
        absent_kept: tally.absent_kept,
        skipped: tally.skipped,
        protected: tally.protected,
        removals_withheld: summary.removals_withheld,
        switched_off: off.collect(),
        gates: gates.collect(),
        new_values: new_values.collect(),
        groups: groups.collect(),
        fields: fields.collect(),
    }
}

fn issue_sum(found: &Inspection) -> IssueSum {
    let (by_code, total) = found.issue_counts();
    let by_code = by_code.into_iter().map(|(code, count)| CodeCount {
        code: code.as_str().to_owned(),
        severity: code.severity().as_str().to_owned(),
        count,
    });
    IssueSum {
        total,
        kept: found.issues.issues.len() as u64,
        error_rows: found.issues.error_rows,
        error_file: found.error_file.clone(),
        by_code: by_code.collect(),
    }
}
