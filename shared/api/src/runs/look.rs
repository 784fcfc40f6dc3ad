//! One run: its plan, its findings, its changes.

use muster_core::field::Field;
use muster_core::ids::UniqueId;
use muster_core::issue::{Code, Issue, Severity};
use muster_core::plan::{Change, ChangeKind};
use muster_core::recipient::Value;
use muster_sync::{ChangeFilter, ChangePlace, FieldMove, Run, field_moves, inspect};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::shown::RunShown;
use crate::call::Call;
use crate::cursor;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::world::World;

pub(super) async fn show<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let (connection, run) = (call.connection().await?, call.run().await?);
    let found = inspect(call.world.objects(), run).await?;
    Ok(Reply::json(200, &RunShown::of(&found, &connection)))
}

/// How much a finding costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Severe {
    Error,
    Warning,
}

impl Severe {
    fn of(severity: Severity) -> Self {
        match severity {
            Severity::Error => Self::Error,
            Severity::Warning => Self::Warning,
        }
    }
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListIssues {
    /// Only those of this code.
    #[schemars(length(min = 1, max = 64))]
    code: Option<String>,
    /// Only those of this severity.
    severity: Option<Severe>,
    /// Items of a page.
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u32>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// A page of findings.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct IssueList {
    items: Vec<IssueShown>,
    /// Where the next page begins; null at the end.
    next: Option<String>,
    /// How many findings the run kept, of all codes.
    kept: u64,
    /// How many there were.
    total: u64,
}

/// A finding. The record itself stands in the error file only.
#[derive(Debug, Serialize, JsonSchema)]
struct IssueShown {
    code: String,
    severity: Severe,
    /// The line of the file, from 1; 0 is the whole file.
    line: u64,
    /// The record, from 1; 0 is the header or the whole file.
    record: u64,
    /// Whom the record is about, where its id could be read.
    unique_id: Option<String>,
    /// The field of the catalogue.
    field: Option<String>,
    /// The column of the file.
    column: Option<String>,
    /// What is wrong.
    message: String,
}

pub(super) async fn issues<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let query: ListIssues = call.query()?;
    let limit = cursor::limit(query.limit)?;
    let from: usize = query.cursor.as_deref().map(cursor::read).transpose()?.unwrap_or(0);
    let code = query.code.as_deref().map(code_of).transpose()?;
    call.connection().await?;
    let found = inspect(call.world.objects(), call.run().await?).await?;
    let wanted = |issue: &Issue| {
        code.is_none_or(|code| issue.code == code)
            && query.severity.is_none_or(|severity| Severe::of(issue.code.severity()) == severity)
    };
    let mut rest = found.issues.issues.iter().enumerate().skip(from).filter(|(_, issue)| wanted(issue));
    let items = rest.by_ref().take(limit).map(|(_, issue)| issue_shown(issue)).collect();
    let next = rest.next().map(|(at, _)| cursor::write(&at));
    let (_, total) = found.issue_counts();
    let kept = found.issues.issues.len() as u64;
    Ok(Reply::json(200, &IssueList { items, next, kept, total }))
}

fn code_of(code: &str) -> Result<Code, Problem> {
    let known = Code::ALL.iter().copied().find(|known| known.as_str() == code);
    known.ok_or_else(|| Problem::invalid("code", "code: there is no such code; a run's `by_code` lists its own"))
}

fn issue_shown(issue: &Issue) -> IssueShown {
    // What was blocked is told in our own words, so that not even a careless message can quote it.
    let message = match issue.code {
        Code::Blocked => "looks like data that is never stored; it was left out".to_owned(),
        _ => issue.message.clone(),
    };
    IssueShown {
        code: issue.code.as_str().to_owned(),
        severity: Severe::of(issue.code.severity()),
        line: issue.place.line,
        record: issue.place.record,
        unique_id: issue.unique_id.as_ref().map(ToString::to_string),
        field: issue.field.map(|field| field.name().to_owned()),
        column: issue.column.clone(),
        message,
    }
}

/// What happens to a person.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Add,
    Propose,
    Update,
    Deactivate,
    Reactivate,
    Remove,
}

impl Kind {
    fn of(kind: ChangeKind) -> Self {
        match kind {
            ChangeKind::Add => Self::Add,
            ChangeKind::Propose => Self::Propose,
            ChangeKind::Update => Self::Update,
            ChangeKind::Deactivate => Self::Deactivate,
            ChangeKind::Reactivate => Self::Reactivate,
            ChangeKind::Remove => Self::Remove,
        }
    }

    fn kind(self) -> ChangeKind {
        match self {
            Self::Add => ChangeKind::Add,
            Self::Propose => ChangeKind::Propose,
            Self::Update => ChangeKind::Update,
            Self::Deactivate => ChangeKind::Deactivate,
            Self::Reactivate => ChangeKind::Reactivate,
            Self::Remove => ChangeKind::Remove,
        }
    }
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListChanges {
    /// Only changes of this kind.
    kind: Option<Kind>,
    /// Only changes of this person.
    #[schemars(length(min = 1, max = 256))]
    unique_id: Option<String>,
    /// Only changes of this field, by its name in the catalogue.
    #[schemars(length(min = 1, max = 64))]
    field: Option<String>,
    /// Items of a page.
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u32>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// A page of changes.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ChangeList {
    items: Vec<ChangeShown>,
    /// Where the next page begins; null at the end.
    next: Option<String>,
}

/// A change of one person.
#[derive(Debug, Serialize, JsonSchema)]
struct ChangeShown {
    kind: Kind,
    unique_id: String,
    /// Why: `source`, `absent`, `rollback`, or `status:` and the status that is not imported.
    reason: String,
    /// Which fields change; the employment status is one of them.
    fields: Vec<MoveShown>,
}

/// A field that changes. Fields of several values have a list of them.
#[derive(Debug, Serialize, JsonSchema)]
struct MoveShown {
    field: String,
    /// What is stored before; null for nothing.
    old: Option<ValueShown>,
    /// What is stored after; null for nothing.
    new: Option<ValueShown>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
enum ValueShown {
    One(String),
    Many(Vec<String>),
}

pub(super) async fn changes<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let query: ListChanges = call.query()?;
    let limit = cursor::limit(query.limit)?;
    let from: ChangePlace = query.cursor.as_deref().map(cursor::read).transpose()?.unwrap_or_default();
    let unique_id = query.unique_id.as_deref().map(UniqueId::parse).transpose();
    let field = query.field.as_deref().map(|name| Field::by_name(name).ok_or(name)).transpose();
    let filter = ChangeFilter {
        kind: query.kind.map(Kind::kind),
        unique_id: unique_id.map_err(|e| Problem::invalid("unique_id", format!("unique_id: {e}")))?,
        field: field.map_err(|_| Problem::invalid("field", "field: the catalogue has no such field"))?,
    };
    call.connection().await?;
    let run = call.run().await?;
    let page = muster_sync::changes(call.world.objects(), &run, &filter, from, limit).await?;
    let page = page.ok_or_else(|| no_plan(&run))?;
    let next = page.next.map(|next| cursor::write(&next));
    Ok(Reply::json(200, &ChangeList { items: page.items.iter().map(change_shown).collect(), next }))
}

/// There is no plan to show.
pub(super) fn no_plan(run: &Run) -> Problem {
    match run.plan {
        None => Problem::conflict("no_plan", "this run has no plan"),
        Some(_) => Problem::conflict("plan_expired", "the plan of this run is no longer kept"),
    }
}

fn change_shown(change: &Change) -> ChangeShown {
    ChangeShown {
        kind: Kind::of(change.kind),
        unique_id: change.unique_id.to_string(),
        reason: change.reason.name().into_owned(),
        fields: field_moves(change).into_iter().map(move_shown).collect(),
    }
}

fn move_shown(moved: FieldMove) -> MoveShown {
    let value = |value: Value| match value {
        Value::One(text) => ValueShown::One(text),
        Value::Many(texts) => ValueShown::Many(texts),
    };
    MoveShown { field: moved.field.name().to_owned(), old: moved.old.map(value), new: moved.new.map(value) }
}
