//! Why a run did what it did with one person, or nothing: read, mapped, matched, decided, applied.
//!
//! The source is read anew with the settings the run was planned with, through the same mapping and the same decisions;
//! what the plan holds and which issues the run kept come first wherever they tell.

mod decided;
mod source;
mod written;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use muster_core::field::Field;
use muster_core::ids::UniqueId;
use muster_core::issue::{Code, Issue, Place};
use muster_core::plan::{Change, ChangeKind, ChunkReader, Reason, Summary, summary_from_json};
use muster_core::recipient::{Recipient, Value};
use muster_core::settings::{Origin, Settings};

use self::source::Told;
use crate::plan_store::{chunk_key, issues_key, summary_key, unpacked, unplanned_prefix};
use crate::stored_issues::issues_from_json;
use crate::{
    Clock, Connection, Directory, Documents, Ledger, Objects, PortError, Run, SourceKind, Stored, settings_of,
    settings_version,
};

/// How many chunks of a plan are fetched at once.
const CHUNKS_AT_ONCE: usize = 8;

/// Explains runs.
#[derive(Debug)]
pub struct Explainer<'a, P, O, C> {
    /// Connections, runs, recipients, settings as they were.
    pub ports: &'a P,
    /// Files, listings and plans.
    pub objects: &'a O,
    /// The time.
    pub clock: &'a C,
}

/// What a run did with one person, step by step.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// What the source says of them.
    pub read: ReadStep,
    /// What the mapping makes of the first of their rows; none where there is no such row, or it cannot be read.
    pub mapped: Vec<MappedField>,
    /// What was found about them, in the run or on reading the source anew.
    pub issues: Vec<Issue>,
    /// What was stored of them.
    pub matched: Matched,
    /// What was decided, and why.
    pub decided: Decided,
    /// What was written.
    pub applied: AppliedStep,
    /// Whether everything that is kept was looked at; `false` when time ran out first.
    pub complete: bool,
    /// What is not as it was when the run was planned.
    pub notes: Vec<String>,
}

/// What the source says of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadStep {
    /// What kind of source.
    pub kind: SourceKind,
    /// Its name.
    pub source: String,
    /// Whether it could be read anew.
    pub available: bool,
    /// Whether it was read to its end.
    pub to_end: bool,
    /// How many records were read.
    pub records: u64,
    /// The person's rows.
    pub rows: Vec<ReadRow>,
}

/// A row of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadRow {
    /// Where.
    pub place: Place,
    /// Column and cell: blocked values masked, `None` for columns that the mapping does not name.
    pub cells: Vec<(String, Option<String>)>,
}

/// What the mapping makes of one field.
#[derive(Debug, Clone, PartialEq)]
pub struct MappedField {
    /// The field.
    pub field: Field,
    /// Where its value comes from.
    pub origin: Origin,
    /// The columns it is made of, with their cells.
    pub inputs: Vec<(String, String)>,
    /// The transforms, by name.
    pub transforms: Vec<String>,
    /// What it comes to.
    pub outcome: FieldOutcome,
    /// Why it comes to nothing: code and message.
    pub issue: Option<(Code, String)>,
}

/// What a field comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldOutcome {
    /// This value.
    Set(Value),
    /// No value.
    Clear,
    /// What is stored stays.
    Keep,
}

/// What was stored of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matched {
    /// Whether this is what the plan saw, or what is stored now.
    pub as_planned: bool,
    /// The recipient; `None` for nobody.
    pub stored: Option<Recipient>,
    /// Since when they are removed and hidden, in milliseconds since 1970.
    pub removed_ms: Option<i64>,
}

/// What became of a person in the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// A change is planned.
    Changed,
    /// The source says what is stored.
    Unchanged,
    /// Their row cannot be used: they stay as stored.
    Flagged,
    /// Absent, and kept.
    KeptAbsent,
    /// On the list of people whom no sync removes or deactivates.
    Protected,
    /// The change's switch is off.
    SwitchedOff,
    /// Not imported by status, and not in the directory.
    Skipped,
    /// A removal or deactivation that this source may not make.
    Withheld,
    /// The run is not about this person.
    NotAbout,
    /// In neither source nor directory.
    Nobody,
    /// The run has no plan.
    NotPlanned,
    /// What would tell is not there any more, or was not reached in time.
    NotKnown,
}

/// What was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// What became of the person.
    pub what: What,
    /// Which change, planned or switched off.
    pub kind: Option<ChangeKind>,
    /// Why there is a change.
    pub reason: Option<Reason>,
    /// Each field that it changes, the status as [`Field::EMPLOYMENT_STATUS`].
    pub changes: Vec<FieldChange>,
    /// One sentence for people.
    pub why: String,
}

/// A field that changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldChange {
    /// The field.
    pub field: Field,
    /// What is stored before.
    pub old: Option<Value>,
    /// What is stored after.
    pub new: Option<Value>,
}

/// How far writing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HowFar {
    /// There is nothing to write.
    Nothing,
    /// The plan waits for a decision.
    Held,
    /// It will be written.
    NotYet,
    /// Written.
    Written,
    /// Left out: the person had changed since the plan.
    Conflict,
    /// Never to be written: the run ended otherwise.
    Never,
    /// Written or left out: later runs have written since.
    NotKnown,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppliedStep {
    /// How far it is.
    pub progress: HowFar,
    /// One sentence for people.
    pub why: String,
}

/// What a run left behind about a person.
struct Kept {
    /// `None`: the plan was not read through.
    change: Option<Option<Change>>,
    issues: Vec<Issue>,
    summary: Option<Summary>,
}

impl<P: Ledger + Directory + Documents, O: Objects, C: Clock> Explainer<'_, P, O, C> {
    /// Explains what a run of the connection did with a person, until `deadline_ms` at the latest.
    ///
    /// # Errors
    /// [`PortError`] when a service failed.
    pub async fn explain(
        &self,
        connection: &Connection,
        run: &Run,
        id: &UniqueId,
        deadline_ms: i64,
    ) -> Result<Explanation, PortError> {
        let mut notes = Vec::new();
        let settings = self.settings_then(connection, run, &mut notes).await?;
        let kept = self.kept(run, id, deadline_ms, &mut notes).await?;
        let Told { read, mapped, judged, gone } =
            self.source(connection, run, &settings, id, deadline_ms, &mut notes).await?;
        let stored = self.ports.get(&connection.account, &connection.id, std::slice::from_ref(id)).await?.pop();
        let issues = match (kept.issues.is_empty(), &judged) {
            (true, Some(judged)) => judged.issues.clone(),
            _ => kept.issues.clone(),
        };
        let evidence = decided::Evidence {
            run,
            settings: &settings,
            kept: &kept,
            read: &read,
            proposed: judged.as_ref().and_then(|judged| judged.proposed.as_ref()),
            gone,
            issues: &issues,
            stored: stored.as_ref(),
        };
        let decided = decided::decided(&evidence);
        let change = kept.change.as_ref().and_then(Option::as_ref);
        let applied = written::applied(run, change, stored.as_ref());
        let complete = kept.change.is_some() && (read.to_end || !read.available);
        let matched = matched(change, stored);
        Ok(Explanation { read, mapped, issues, matched, decided, applied, complete, notes })
    }

    /// The settings that the run was planned with, or the ones of now with a note.
    async fn settings_then(
        &self,
        connection: &Connection,
        run: &Run,
        notes: &mut Vec<String>,
    ) -> Result<Settings, PortError> {
        if run.settings_version == connection.settings_version {
            return settings_of(connection);
        }
        let kept = settings_version(self.ports, connection, run.settings_version).await?;
        let then = kept.and_then(|kept| Settings::from_toml(&kept.toml).ok());
        if let Some(then) = then {
            return Ok(then);
        }
        notes.push(format!(
            "version {} of the settings, which the run was planned with, is not kept; this is told by version {}",
            run.settings_version, connection.settings_version
        ));
        settings_of(connection)
    }

    async fn kept(
        &self,
        run: &Run,
        id: &UniqueId,
        deadline_ms: i64,
        notes: &mut Vec<String>,
    ) -> Result<Kept, PortError> {
        let prefix = run.plan.as_ref().map_or_else(|| unplanned_prefix(run), |plan| plan.prefix.clone());
        let issues = match self.objects.read(&issues_key(&prefix)).await? {
            Some(bytes) => issues_from_json(&bytes)?.issues,
            None => Vec::new(),
        };
        let issues = issues.into_iter().filter(|issue| issue.unique_id.as_ref() == Some(id)).collect();
        if run.plan.is_none() {
            return Ok(Kept { change: Some(None), issues, summary: None });
        }
        let summary = self.objects.read(&summary_key(&prefix)).await?;
        let unread = |e| PortError::unread("read the plan's summary", &e);
        let summary = summary.map(|bytes| summary_from_json(&bytes).map_err(unread)).transpose()?;
        let change = self.change(run, id, deadline_ms, notes).await?;
        Ok(Kept { change, issues, summary })
    }

    /// What the run's plan says of the person; `None` when it was not read through.
    async fn change(
        &self,
        run: &Run,
        id: &UniqueId,
        deadline_ms: i64,
        notes: &mut Vec<String>,
    ) -> Result<Option<Option<Change>>, PortError> {
        let Some(plan) = &run.plan else { return Ok(Some(None)) };
        let fetch = |chunk| {
            let key = chunk_key(&plan.prefix, chunk);
            async move { self.objects.read(&key).await }
        };
        let mut chunks = stream::iter(0..plan.chunks).map(fetch).buffered(CHUNKS_AT_ONCE);
        while let Some(chunk) = chunks.try_next().await? {
            let Some(bytes) = chunk else {
                notes.push("the run's plan is not kept any more".to_owned());
                return Ok(None);
            };
            let bytes = unpacked(&bytes)?;
            let reader = ChunkReader::new(&bytes).map_err(|e| PortError::unread("read the plan", &e))?;
            if let Some(change) = reader.flatten().find(|change| change.unique_id == *id) {
                return Ok(Some(Some(change)));
            }
            if self.clock.now_ms() >= deadline_ms {
                return Ok(None);
            }
        }
        Ok(Some(None))
    }
}

fn matched(change: Option<&Change>, stored: Option<Stored>) -> Matched {
    match change {
        Some(change) => Matched { as_planned: true, stored: change.old.clone(), removed_ms: None },
        None => {
            let removed_ms = stored.as_ref().and_then(|stored| stored.removed_ms);
            Matched { as_planned: false, stored: stored.map(|stored| stored.recipient), removed_ms }
        }
    }
}
