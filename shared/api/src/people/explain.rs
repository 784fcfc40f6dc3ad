//! Why a run did what it did with one person, or nothing.

use std::collections::BTreeMap;

use muster_core::ids::UniqueId;
use muster_core::issue::Issue;
use muster_core::plan::Reason;
use muster_core::settings::Origin;
use muster_sync::{
    AppliedStep, Clock, Decided, Explainer, Explanation, FieldOutcome, HowFar, MappedField, Matched, ReadRow, ReadStep,
    What,
};
use schemars::JsonSchema;
use serde::Serialize;

use super::shown::{Shown, kind_name, value_of};
use crate::call::Call;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::time;
use crate::world::World;

/// How long looking may take, in milliseconds: API Gateway waits 30 seconds.
const PATIENCE_MS: i64 = 15_000;

pub(super) async fn explain<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let id = UniqueId::parse(call.path("unique_id")).map_err(|_| Problem::not_found())?;
    let (connection, run) = (call.connection().await?, call.run().await?);
    let world = call.world;
    let explainer = Explainer { ports: world.table(), objects: world.objects(), clock: world.clock() };
    let deadline_ms = world.clock().now_ms() + PATIENCE_MS;
    let explanation = explainer.explain(&connection, &run, &id, deadline_ms).await?;
    Ok(Reply::json(200, &shown(&id, run.id.as_str(), explanation)))
}

/// What a run did with one person, step by step.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ExplanationShown {
    /// The run.
    run: String,
    /// The person.
    unique_id: String,
    /// One sentence: what became of them, and why.
    why: String,
    /// What the source says of them.
    read: ReadShown,
    /// What the mapping makes of their first row; empty where there is none, or it cannot be read.
    mapped: Vec<MappedShown>,
    /// What was found about them.
    issues: Vec<IssueShown>,
    /// What was stored of them.
    matched: MatchedShown,
    /// What was decided.
    decided: DecidedShown,
    /// What was written.
    applied: AppliedShown,
    /// Whether everything that is kept was looked at; false when time ran out, or a plan or source broke off.
    complete: bool,
    /// What is not as it was when the run was planned.
    notes: Vec<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ReadShown {
    /// `file`, `listing`, `event`, `rollback` or `by_hand`.
    kind: String,
    /// The file's name, or what else the source is called.
    source: String,
    /// Whether it is still kept and was read anew.
    available: bool,
    /// Whether it was read to its end.
    to_end: bool,
    /// How many records were read.
    records: u64,
    /// The person's rows.
    rows: Vec<RowShown>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct RowShown {
    /// The first record after a header is 1.
    record: u64,
    /// The physical line it begins on, the file's first being 1.
    line: u64,
    /// Its cells in the source's order.
    cells: Vec<CellShown>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct CellShown {
    /// The column.
    column: String,
    /// Its cell, blocked values masked; null for columns that the mapping does not name.
    value: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct MappedShown {
    /// The field.
    field: String,
    /// The column it comes from.
    column: Option<String>,
    /// The expression that makes it.
    expression: Option<String>,
    /// The columns it is made of, with their cells.
    inputs: Vec<CellShown>,
    /// The transforms, by name.
    transforms: Vec<String>,
    /// `set`, `clear` or `keep`.
    outcome: String,
    /// The value it is set to.
    value: Option<Shown>,
    /// Why it comes to nothing.
    issue: Option<CodeShown>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct CodeShown {
    /// Stable name of what was found.
    code: String,
    /// What is wrong and what to do.
    message: String,
}

#[derive(Debug, Serialize, JsonSchema)]
struct IssueShown {
    /// Stable name of what was found.
    code: String,
    /// `error` or `warning`.
    severity: String,
    /// The field it is about.
    field: Option<String>,
    /// The record; 0 for the source as a whole.
    record: u64,
    /// Its line; 0 where there is none.
    line: u64,
    /// What is wrong and what to do.
    message: String,
}

#[derive(Debug, Serialize, JsonSchema)]
struct MatchedShown {
    /// `plan`: what the plan saw; `now`: what is stored now.
    as_of: String,
    /// Whether there was such a person.
    known: bool,
    /// `active` or `inactive`.
    status: Option<String>,
    /// What is stored, by the fields' names.
    fields: BTreeMap<String, Shown>,
    /// Since when they are removed and hidden.
    removed_at: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct DecidedShown {
    /// `changed`, `unchanged`, `flagged`, `kept_absent`, `protected`, `switched_off`, `skipped`, `withheld`, `not_about`,
    /// `nobody`, `not_planned` or `not_known`.
    what: String,
    /// `add`, `propose`, `update`, `deactivate`, `reactivate` or `remove`.
    change: Option<String>,
    /// `source`, `absent`, `status`, `rollback` or `deletion`.
    reason: Option<String>,
    /// Each field that it changes.
    fields: Vec<ChangeShown>,
    /// Why, in a sentence.
    why: String,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ChangeShown {
    /// The field.
    field: String,
    /// What is stored before.
    old: Option<Shown>,
    /// What is stored after.
    new: Option<Shown>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct AppliedShown {
    /// `nothing`, `held`, `not_yet`, `written`, `conflict`, `never` or `not_known`.
    state: String,
    /// Why, in a sentence.
    why: String,
}

fn shown(id: &UniqueId, run: &str, of: Explanation) -> ExplanationShown {
    ExplanationShown {
        run: run.to_owned(),
        unique_id: id.to_string(),
        why: format!("{}; {}", of.decided.why, of.applied.why),
        read: read(of.read),
        mapped: of.mapped.into_iter().map(mapped).collect(),
        issues: of.issues.iter().map(issue).collect(),
        matched: matched(of.matched),
        decided: decided(of.decided),
        applied: applied(of.applied),
        complete: of.complete,
        notes: of.notes,
    }
}

fn read(step: ReadStep) -> ReadShown {
    let cell = |(column, value)| CellShown { column, value };
    let row = |ReadRow { place, cells }| RowShown {
        record: place.record,
        line: place.line,
        cells: cells.into_iter().map(cell).collect(),
    };
    ReadShown {
        kind: kind_name(step.kind).to_owned(),
        source: step.source,
        available: step.available,
        to_end: step.to_end,
        records: step.records,
        rows: step.rows.into_iter().map(row).collect(),
    }
}

fn mapped(of: MappedField) -> MappedShown {
    let (column, expression) = match of.origin {
        Origin::Column(column) => (Some(column), None),
        Origin::Expression(expression) => (None, Some(expression)),
    };
    let (outcome, value) = match of.outcome {
        FieldOutcome::Set(value) => ("set", Some(value_of(&value))),
        FieldOutcome::Clear => ("clear", None),
        FieldOutcome::Keep => ("keep", None),
    };
    MappedShown {
        field: of.field.name().to_owned(),
        column,
        expression,
        inputs: of.inputs.into_iter().map(|(column, value)| CellShown { column, value: Some(value) }).collect(),
        transforms: of.transforms,
        outcome: outcome.to_owned(),
        value,
        issue: of.issue.map(|(code, message)| CodeShown { code: code.as_str().to_owned(), message }),
    }
}

fn issue(issue: &Issue) -> IssueShown {
    IssueShown {
        code: issue.code.as_str().to_owned(),
        severity: format!("{:?}", issue.code.severity()).to_lowercase(),
        field: issue.field.map(|field| field.name().to_owned()),
        record: issue.place.record,
        line: issue.place.line,
        message: issue.message.clone(),
    }
}

fn matched(of: Matched) -> MatchedShown {
    let values = of.stored.iter().flat_map(|stored| &stored.values);
    MatchedShown {
        as_of: if of.as_planned { "plan" } else { "now" }.to_owned(),
        known: of.stored.is_some(),
        status: of.stored.as_ref().map(|stored| stored.status.as_str().to_owned()),
        fields: values.map(|(field, value)| (field.name().to_owned(), value_of(value))).collect(),
        removed_at: of.removed_ms.map(time::shown),
    }
}

fn decided(of: Decided) -> DecidedShown {
    let what = match of.what {
        What::Changed => "changed",
        What::Unchanged => "unchanged",
        What::Flagged => "flagged",
        What::KeptAbsent => "kept_absent",
        What::Protected => "protected",
        What::SwitchedOff => "switched_off",
        What::Skipped => "skipped",
        What::Withheld => "withheld",
        What::NotAbout => "not_about",
        What::Nobody => "nobody",
        What::NotPlanned => "not_planned",
        What::NotKnown => "not_known",
    };
    let reason = of.reason.map(|reason| match reason {
        Reason::Source => "source",
        Reason::Absent => "absent",
        Reason::Status(_) => "status",
        Reason::Rollback => "rollback",
        Reason::ByHand => "by_hand",
        Reason::Deletion => "deletion",
    });
    let change = |change: muster_sync::FieldChange| ChangeShown {
        field: change.field.name().to_owned(),
        old: change.old.as_ref().map(value_of),
        new: change.new.as_ref().map(value_of),
    };
    DecidedShown {
        what: what.to_owned(),
        change: of.kind.map(|kind| kind.as_str().to_owned()),
        reason: reason.map(str::to_owned),
        fields: of.changes.into_iter().map(change).collect(),
        why: of.why,
    }
}

fn applied(of: AppliedStep) -> AppliedShown {
    let state = match of.progress {
        HowFar::Nothing => "nothing",
        HowFar::Held => "held",
        HowFar::NotYet => "not_yet",
        HowFar::Written => "written",
        HowFar::Conflict => "conflict",
        HowFar::Never => "never",
        HowFar::NotKnown => "not_known",
    };
    AppliedShown { state: state.to_owned(), why: of.why }
}
