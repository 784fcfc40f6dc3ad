//! The plan of less than a whole listing: one person of whom an event told, or who changed since the last listing.

use std::collections::{BTreeMap, HashSet};

use muster_core::field::Field;
use muster_core::ids::UniqueId;
use muster_core::issue::{Issue, Place};
use muster_core::plan::{Change, ChangeKind, PlanBuilder, PlanScope, summary_to_json};
use muster_core::recipient::Desired;

use super::facts::{counts, hasher, known_values, of_excerpt};
use super::file_plan::told;
use super::unmapped::tell_unmapped;
use super::{Importer, Planned, plan_prefix};
use crate::erase::{Erased, left_out};
use crate::plan_store::{ChunkWriter, summary_key};
use crate::reach::Source;
use crate::{Clock, Connection, Directory, Documents, Ledger, Objects, PlanRef, PortError, Queue, Run};

/// Less than a whole listing.
#[derive(Debug, Default)]
pub(crate) struct Excerpt {
    /// People as cells, in the order of [`Source::columns`].
    pub(crate) rows: Vec<Vec<String>>,
    /// Who is gone.
    pub(crate) gone: Vec<UniqueId>,
    /// What was found on the way.
    pub(crate) issues: Vec<Issue>,
    /// From where the next one goes on.
    pub(crate) mark: Option<String>,
    /// One person, or those that changed.
    pub(crate) single: bool,
}

/// What the rows say.
struct Said {
    desired: BTreeMap<UniqueId, (Desired, Place)>,
    issues: Vec<Issue>,
    unmapped: BTreeMap<(Field, String), u64>,
    /// How many of the people were erased.
    left_out: u64,
}

impl<L: Ledger + Documents, D: Directory, O: Objects, Q: Queue, C: Clock> Importer<'_, L, D, O, Q, C> {
    /// Plans an excerpt, and stores the plan.
    pub(crate) async fn plan_excerpt(
        &self,
        run: &Run,
        connection: &Connection,
        source: &Source,
        excerpt: Excerpt,
    ) -> Result<Planned, PortError> {
        let erased = Erased::of(self.ledger, connection).await?;
        let said = read(source, &excerpt, &erased);
        let known = known_values(self.ledger, connection, &source.settings).await?;
        let scope = if excerpt.single { PlanScope::Single } else { PlanScope::Excerpt };
        let facts = of_excerpt(connection, scope, known, self.clock.now_ms());
        let prefix = plan_prefix(run, connection);
        // By the fields that everybody is grouped by: a change of those comes with the next listing.
        let grouped = crate::people::as_grouped(&source.settings, &connection.grouped_by);
        let settings = if connection.grouped_by.is_empty() { &source.settings } else { &grouped };
        let mut builder = PlanBuilder::new(settings, facts);
        builder.rows(excerpt.rows.len() as u64);
        let mut writer = ChunkWriter::new(self.objects, prefix.clone(), hasher(run, connection));
        let mut issues = excerpt.issues;
        issues.extend(said.issues);
        issues.retain(|issue| !erased.is_about(issue));
        issues.extend(left_out(said.left_out));
        issues.iter().for_each(|issue| builder.issue(issue.code, 1));
        tell_unmapped(self.ledger, connection, &mut builder, &said.unmapped).await?;
        let ids: Vec<UniqueId> = said.desired.keys().chain(&excerpt.gone).cloned().collect();
        let stored = self.stored(connection, &ids).await?;
        let mut touches = Vec::new();
        let mut changes = Vec::new();
        for (id, (desired, place)) in &said.desired {
            // The one row of an event has no number anybody could look up.
            let record = (!excerpt.single).then_some(place.record);
            changes.push((id, builder.person(desired, stored.get(id)), record));
        }
        let gone: HashSet<&UniqueId> = excerpt.gone.iter().filter(|id| !said.desired.contains_key(*id)).collect();
        for id in gone {
            if let Some(recipient) = stored.get(id) {
                // The provider named them: no number of listings has to confirm it.
                changes.push((id, builder.absent(recipient, u8::MAX), None));
            }
        }
        for (id, decided, record) in changes {
            if let Some(change) = decided.change.map(|change| Change { record, ..change }) {
                if change.kind != ChangeKind::Propose {
                    touches.push(id.as_str().to_owned());
                }
                writer.push(&change).await?;
            }
        }
        let (chunks, hash) = writer.finish().await?;
        let summary = builder.finish(hash);
        self.objects.write(&summary_key(&prefix), summary_to_json(&summary), "application/json").await?;
        let (issues, error_file) = told(run, &source.columns, issues, false)?;
        let tally = &summary.tally;
        let plan = PlanRef {
            prefix,
            chunks,
            hash: summary.hash.clone(),
            directory_version: connection.directory_version,
            roster: false,
            removals: tally.removed + tally.deactivated,
            owned_after: (connection.owned + tally.added).saturating_sub(tally.removed),
            rows: None,
            grouped_by: connection.grouped_by.clone(),
            owned_seen: Some(connection.owned),
            listing_ms: None,
            whole: false,
            told_events: connection.feed.by_events,
            mark: excerpt.mark,
            touches,
        };
        let held = summary.held().into_iter().map(str::to_owned).collect();
        let names_erased = said.left_out > 0;
        Ok(Planned { plan, counts: counts(&summary), held, damaged: false, issues, error_file, names_erased })
    }
}

/// Reads the rows through the mapping. Of several rows of one person the last one counts.
fn read(source: &Source, excerpt: &Excerpt, erased: &Erased) -> Said {
    let (bound, mut issues) = source.mapping.bind(&source.columns);
    let (mut desired, mut unmapped) = (BTreeMap::new(), BTreeMap::new());
    let mut left_out = HashSet::new();
    for (at, row) in excerpt.rows.iter().enumerate() {
        let cells: Vec<&str> = row.iter().map(String::as_str).collect();
        let place = Place { record: at as u64 + 1, line: 0 };
        let reading = bound.read(&cells, place);
        issues.extend(reading.issues);
        reading.unmapped.into_iter().for_each(|value| *unmapped.entry(value).or_default() += 1);
        match (reading.unique_id, reading.desired) {
            (Some(id), _) if erased.has(&id) => {
                left_out.insert(id);
            }
            (Some(id), Some(said)) => {
                desired.insert(id, (said, place));
            }
            (Some(id), None) => {
                desired.remove(&id);
            }
            _ => {}
        }
    }
    Said { desired, issues, unmapped, left_out: left_out.len() as u64 }
}
