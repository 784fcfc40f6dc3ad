//! What a run's source says of one person, read anew.

use std::io;

use muster_core::field::Field;
use muster_core::file::{self, Limits, OpenFile, Unopened};
use muster_core::ids::UniqueId;
use muster_core::issue::{Code, Issue, Place, Reach};
use muster_core::listing::{FoundRow, Judged, judge_rows, rows_of};
use muster_core::mapping::{Bound, Mapping};
use muster_core::recipient::{Cell, Value};
use muster_core::settings::Settings;

use super::{Explainer, FieldOutcome, MappedField, ReadRow, ReadStep};
use crate::import::keys_of;
use crate::poll::kept_listing;
use crate::reach::Source;
use crate::{Cause, Clock, Connection, Directory, Documents, Ledger, Objects, PortError, Run, SourceKind};

/// What the source says.
pub(super) struct Told {
    pub(super) read: ReadStep,
    pub(super) mapped: Vec<MappedField>,
    /// `None` where the source cannot be read, or has no such row.
    pub(super) judged: Option<Judged>,
    /// Whether the provider said that the person is gone.
    pub(super) gone: bool,
}

impl<P: Ledger + Directory + Documents, O: Objects, C: Clock> Explainer<'_, P, O, C> {
    pub(super) async fn source(
        &self,
        connection: &Connection,
        run: &Run,
        settings: &Settings,
        id: &UniqueId,
        deadline_ms: i64,
        notes: &mut Vec<String>,
    ) -> Result<Told, PortError> {
        match &run.cause {
            Cause::File { key, version, .. } => {
                self.file(connection, run, settings, (key, version), id, deadline_ms, notes).await
            }
            Cause::Poll { .. } => self.listing(run, settings, id, deadline_ms, notes).await,
            _ => Ok(nothing(run)),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "all of one file")]
    async fn file(
        &self,
        connection: &Connection,
        run: &Run,
        settings: &Settings,
        (key, version): (&str, &str),
        id: &UniqueId,
        deadline_ms: i64,
        notes: &mut Vec<String>,
    ) -> Result<Told, PortError> {
        let Some(fetched) = self.objects.fetch(key, Some(version)).await? else {
            notes.push("the file is not kept any more".to_owned());
            return Ok(nothing(run));
        };
        let mapping = compiled(settings)?;
        let keys = keys_of(self.objects, connection).await?;
        let limits = Limits::default();
        match file::open(fetched.file, &settings.file, &keys, &limits) {
            Ok(file) => self.look(run, file, &mapping, settings, id, deadline_ms),
            Err(Unopened::Refused(issues)) => {
                notes.extend(issues.first().map(|issue| format!("the file cannot be read: {}", issue.message)));
                Ok(nothing(run))
            }
            Err(Unopened::Io(e)) => Err(broken(e)),
        }
    }

    async fn listing(
        &self,
        run: &Run,
        settings: &Settings,
        id: &UniqueId,
        deadline_ms: i64,
        notes: &mut Vec<String>,
    ) -> Result<Told, PortError> {
        let (source, progress) = (Source::of_settings(settings)?, self.ports.kept_poll(run).await?);
        let kept = match (&source, progress) {
            (Some(source), Some(progress)) => kept_listing(self.objects, &progress, source).await?,
            _ => None,
        };
        let (Some(source), Some(kept)) = (source, kept) else {
            notes.push("what the provider listed is not kept any more".to_owned());
            return Ok(nothing(run));
        };
        let file = OpenFile::listing(source.columns.clone(), Box::new(kept.body), Vec::new());
        let mut told = self.look(run, file, &source.mapping, &source.settings, id, deadline_ms)?;
        told.read.to_end &= kept.whole;
        told.gone = kept.gone.iter().any(|gone| gone == id.as_str());
        Ok(told)
    }

    fn look(
        &self,
        run: &Run,
        file: OpenFile<'_>,
        mapping: &Mapping,
        settings: &Settings,
        id: &UniqueId,
        deadline_ms: i64,
    ) -> Result<Told, PortError> {
        let (header, delimiter) = (file.header.clone(), file.delimiter);
        let (bound, _) = mapping.bind(&header);
        let limits = Limits::default();
        let mut in_time = || self.clock.now_ms() < deadline_ms;
        let found = rows_of(file, &bound, &limits, id, &mut in_time).map_err(broken)?;
        let judged = judge_rows(&found.rows, (&header, delimiter), &bound, &settings.file, &limits).map_err(broken)?;
        let shown = |row: &FoundRow| shown(row, &header, &bound, settings);
        let first = found.rows.first().filter(|row| row.cells.len() == header.len());
        let mapped = match first {
            Some(row) if !judged.issues.iter().any(unreadable) => mapped(row, &header, &bound, settings),
            _ => Vec::new(),
        };
        let read = ReadStep {
            available: true,
            to_end: found.to_end,
            records: found.records,
            rows: found.rows.iter().map(shown).collect(),
            ..nothing(run).read
        };
        let judged = (!found.rows.is_empty()).then_some(judged);
        Ok(Told { read, mapped, judged, gone: false })
    }
}

fn nothing(run: &Run) -> Told {
    let read = ReadStep {
        kind: SourceKind::of(&run.cause),
        source: run.source.clone(),
        available: false,
        to_end: false,
        records: 0,
        rows: Vec::new(),
    };
    Told { read, mapped: Vec::new(), judged: None, gone: false }
}

/// Whether a row's cells cannot be told apart or read.
fn unreadable(issue: &Issue) -> bool {
    issue.code.reach() == Reach::Damage || matches!(issue.code, Code::Encoding | Code::ControlCharacter)
}

fn shown(row: &FoundRow, header: &[String], bound: &Bound<'_>, settings: &Settings) -> ReadRow {
    let texts: Vec<&str> = row.cells.iter().map(String::as_str).collect();
    let masked = bound.original(&texts);
    let mut open = vec![false; header.len()];
    for at in settings.fields.keys().flat_map(|field| bound.inputs(*field)) {
        open[at] = true;
    }
    let cell = |(at, name): (usize, &String)| (name.clone(), masked.get(at).filter(|_| open[at]).cloned());
    ReadRow { place: row.place, cells: header.iter().enumerate().map(cell).collect() }
}

/// What the mapping makes of a row, field by field.
fn mapped(row: &FoundRow, header: &[String], bound: &Bound<'_>, settings: &Settings) -> Vec<MappedField> {
    let texts: Vec<&str> = row.cells.iter().map(String::as_str).collect();
    let (masked, reading) = (bound.original(&texts), bound.read(&texts, Place::default()));
    let one = |text: &str| FieldOutcome::Set(Value::One(text.to_owned()));
    let outcome = |field: Field| match field {
        Field::UNIQUE_ID => reading.unique_id.as_ref().map(|id| one(id.as_str())),
        Field::EMPLOYMENT_STATUS => reading.desired.as_ref().map(|desired| one(desired.status.as_str())),
        field => {
            let cells = reading.desired.as_ref().map(|desired| &desired.cells);
            let cell = cells.into_iter().flatten().find(|(said, _)| *said == field);
            cell.map(|(_, cell)| match cell {
                Cell::Keep => FieldOutcome::Keep,
                Cell::Clear => FieldOutcome::Clear,
                Cell::Set(value) => FieldOutcome::Set(value.clone()),
            })
        }
    };
    let fields = settings.fields.iter().map(|(field, mapping)| {
        let issue = reading.issues.iter().find(|issue| issue.field == Some(*field));
        MappedField {
            field: *field,
            origin: mapping.origin.clone(),
            inputs: bound.inputs(*field).into_iter().map(|at| (header[at].clone(), masked[at].clone())).collect(),
            transforms: mapping.transforms.clone(),
            outcome: outcome(*field).unwrap_or(FieldOutcome::Keep),
            issue: issue.map(|issue| (issue.code, issue.message.clone())),
        }
    });
    fields.collect()
}

fn compiled(settings: &Settings) -> Result<Mapping, PortError> {
    Mapping::compile(settings).map_err(|e| PortError::never("read the mapping", e.to_string()))
}

fn broken(e: io::Error) -> PortError {
    PortError::later("read the source", e.to_string())
}
