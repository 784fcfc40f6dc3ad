//! One person and where each of their values came from.
//!
//! The recipient's own item tells which run set which field, by fencing number. What those runs were stands in their
//! items; the record of a run in between stands in its plan, as long as that is kept.

use std::collections::{BTreeMap, BTreeSet};

use muster_core::field::Field;
use muster_core::ids::{RunId, UniqueId};
use muster_core::plan::ChunkReader;

use crate::people::group_names;
use crate::plan_store::{chunk_key, unpacked};
use crate::{Cause, Connection, Directory, Ledger, Objects, PortError, Run, Stored, settings_of};

/// The most chunks of plans that are read for the records of runs in between: 500 changes each.
const MOST_CHUNKS: u32 = 10;

/// What kind of source a value came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceKind {
    /// A file.
    File,
    /// A provider's listing.
    Listing,
    /// An event of a provider.
    Event,
    /// The undoing of a run.
    Rollback,
    /// A person, by hand.
    ByHand,
}

impl SourceKind {
    /// What caused a run.
    pub fn of(cause: &Cause) -> Self {
        match cause {
            Cause::File { .. } | Cause::Late { .. } => Self::File,
            Cause::Poll { .. } => Self::Listing,
            Cause::Event { .. } => Self::Event,
            Cause::Rollback { .. } => Self::Rollback,
            // A farewell writes no value, it only removes.
            Cause::Farewell { .. } | Cause::ByHand { .. } => Self::ByHand,
        }
    }
}

/// A run that wrote a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WritingRun {
    /// The run; `None` for one that is no longer kept.
    pub id: Option<RunId>,
    /// What it read; `None` where that is not known any more.
    pub kind: Option<SourceKind>,
    /// The source's name: a file's name, a listing's provider.
    pub source: Option<String>,
    /// When it was applied, in milliseconds since 1970; of one that is being applied, when it came.
    pub at_ms: Option<i64>,
    /// The version of the settings that it mapped with.
    pub settings_version: Option<u64>,
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// The run that set, changed or cleared it.
    pub run: WritingRun,
    /// The record of its source, the first one after a header being 1.
    pub record: Option<u64>,
}

/// A person as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonSeen {
    /// What is stored.
    pub stored: Stored,
    /// The names of their groups; none for a removed person.
    pub groups: Vec<String>,
    /// Where each field came from that has a value or had one, the status as [`Field::EMPLOYMENT_STATUS`]. Fields that
    /// were set before this was kept are not here.
    pub fields: BTreeMap<Field, Provenance>,
    /// The run that wrote the person last.
    pub last: WritingRun,
}

/// A person of a connection, removed ones too; `None` when there is no such person.
///
/// # Errors
/// [`PortError`] when a service failed.
pub async fn see_person<P: Ledger + Directory, O: Objects>(
    ports: &P,
    objects: &O,
    connection: &Connection,
    id: &UniqueId,
) -> Result<Option<PersonSeen>, PortError> {
    let found = ports.get(&connection.account, &connection.id, std::slice::from_ref(id)).await?;
    let Some(stored) = found.into_iter().next() else { return Ok(None) };
    let settings = settings_of(connection)?;
    let trace = &stored.trace;
    let told = stored.recipient.values.keys().chain(trace.fields.keys()).chain([&Field::EMPLOYMENT_STATUS]);
    let told: BTreeMap<Field, u64> = told.filter_map(|field| Some((*field, trace.fence_of(*field)?))).collect();
    let fences = told.values().copied().chain([trace.fence]).collect();
    let runs = Runs::of(ports, connection, &stored, &fences).await?;
    let mut records = Records { objects, id, left: MOST_CHUNKS, known: BTreeMap::new() };
    let mut fields = BTreeMap::new();
    for (field, fence) in told {
        let record = match trace.record_of(field) {
            Some(record) => Some(record),
            None => records.of(runs.by_fence.get(&fence)).await?,
        };
        // Nothing but the source writes what is mapped, and people write nothing else.
        let single = if settings.fields.contains_key(&field) { SourceKind::Event } else { SourceKind::ByHand };
        fields.insert(field, Provenance { run: runs.told(fence, Some(single)), record });
    }
    let last = runs.told(trace.fence, None);
    let groups = match stored.removed_ms {
        Some(_) => Vec::new(),
        None => group_names(&stored.recipient, &settings),
    };
    Ok(Some(PersonSeen { groups, fields, last, stored }))
}

/// The runs behind fencing numbers.
struct Runs {
    by_fence: BTreeMap<u64, Run>,
    /// The lowest fencing number among the runs that are kept.
    oldest: u64,
}

impl Runs {
    async fn of<L: Ledger>(
        ledger: &L,
        connection: &Connection,
        stored: &Stored,
        fences: &BTreeSet<u64>,
    ) -> Result<Self, PortError> {
        let mut runs = Self { by_fence: BTreeMap::new(), oldest: u64::MAX };
        if let Some(last) = &stored.trace.run {
            let last = ledger.run(&connection.account, &connection.id, last).await?;
            runs.by_fence.extend(last.map(|run| (run.fence, run)));
        }
        if fences.iter().any(|fence| !runs.by_fence.contains_key(fence)) {
            for run in ledger.runs(&connection.account, &connection.id).await?.into_iter().filter(|run| run.fence > 0) {
                runs.oldest = runs.oldest.min(run.fence);
                if fences.contains(&run.fence) {
                    runs.by_fence.insert(run.fence, run);
                }
            }
        }
        Ok(runs)
    }

    /// The run of a fencing number; `single`: what it was if it was about one person only.
    fn told(&self, fence: u64, single: Option<SourceKind>) -> WritingRun {
        let Some(run) = self.by_fence.get(&fence) else {
            // Runs about one person are kept for 30 days and not listed, all others for 13 months: one that is missing
            // between those that are listed was about one person.
            let kind = single.filter(|_| fence > self.oldest);
            return WritingRun { id: None, kind, source: None, at_ms: None, settings_version: None };
        };
        WritingRun {
            id: Some(run.id.clone()),
            kind: Some(SourceKind::of(&run.cause)),
            source: Some(run.source.clone()),
            at_ms: Some(run.ended_ms.unwrap_or(run.received_ms)),
            settings_version: Some(run.settings_version),
        }
    }
}

/// Records that only the plans of runs in between tell.
struct Records<'a, O> {
    objects: &'a O,
    id: &'a UniqueId,
    left: u32,
    known: BTreeMap<RunId, Option<u64>>,
}

impl<O: Objects> Records<'_, O> {
    async fn of(&mut self, run: Option<&Run>) -> Result<Option<u64>, PortError> {
        let Some((run, plan)) = run.and_then(|run| Some((run, run.plan.as_ref()?))) else { return Ok(None) };
        if let Some(known) = self.known.get(&run.id) {
            return Ok(*known);
        }
        let mut record = None;
        for chunk in 0..plan.chunks {
            if self.left == 0 {
                break;
            }
            self.left -= 1;
            let Some(bytes) = self.objects.read(&chunk_key(&plan.prefix, chunk)).await? else { break };
            let bytes = unpacked(&bytes)?;
            let reader = ChunkReader::new(&bytes).map_err(|e| PortError::unread("read the plan", &e))?;
            if let Some(change) = reader.flatten().find(|change| change.unique_id == *self.id) {
                record = change.record;
                break;
            }
        }
        self.known.insert(run.id.clone(), record);
        Ok(record)
    }
}
