//! The plan that undoes an applied run.

use muster_core::ids::RunId;
use muster_core::issue::{Code, Issue, Place};
use muster_core::plan::{Change, ChunkReader, Facts, PlanBuilder, Reversal, reverse_against, summary_to_json};
use muster_core::settings::Settings;

use super::facts::{counts, hasher, known_values, removals_of_week};
use super::{Importer, Outcome, Planned, plan_prefix};
use crate::erase::Erased;
use crate::people::as_grouped;
use crate::plan_store::{ChunkWriter, chunk_key, summary_key, unpacked};
use crate::stored_issues::StoredIssues;
use crate::{Clock, Connection, Directory, Documents, Ledger, Objects, PlanRef, PortError, Queue, Run, RunState};

/// What is made of the undone run's changes.
struct Undo<'a, O> {
    builder: PlanBuilder<'a>,
    writer: ChunkWriter<'a, O>,
    issues: Vec<Issue>,
    /// Who must not come back.
    erased: Erased,
}

impl<L: Ledger + Documents, D: Directory, O: Objects, Q: Queue, C: Clock> Importer<'_, L, D, O, Q, C> {
    pub(super) async fn plan_rollback(
        &self,
        run: &Run,
        connection: &Connection,
        settings: &Settings,
        undone: &str,
    ) -> Result<Outcome, PortError> {
        let undone = RunId::parse(undone).map_err(|e| PortError::never("read the undone run", e.to_string()))?;
        let found = self.ledger.run(&run.account, &run.connection, &undone).await?;
        let Some(plan) = found.filter(|found| found.state == RunState::Applied).and_then(|found| found.plan) else {
            return Ok(Outcome::unplanned(RunState::Failed, "the run to undo is not an applied one", Vec::new()));
        };
        // Fields by which the settings group only now are for the next file's plan.
        let settings = &as_grouped(settings, &connection.grouped_by);
        let facts = Facts {
            owned: connection.owned,
            removed_last_7_days: removals_of_week(connection, self.clock.now_ms()),
            known_values: known_values(self.ledger, connection, settings).await?,
            complete: true,
            read_to_end: true,
            rollback_of: Some(undone),
            ..Facts::default()
        };
        let prefix = plan_prefix(run, connection);
        let mut undo = Undo {
            builder: PlanBuilder::new(settings, facts),
            writer: ChunkWriter::new(self.objects, prefix.clone(), hasher(run, connection)),
            issues: Vec::new(),
            erased: Erased::of(self.ledger, connection).await?,
        };
        for chunk in 0..plan.chunks {
            let Some(bytes) = self.objects.read(&chunk_key(&plan.prefix, chunk)).await? else {
                let why = "the plan of the run to undo has expired";
                return Ok(Outcome::unplanned(RunState::Failed, why, Vec::new()));
            };
            self.undo_chunk(connection, &unpacked(&bytes)?, &mut undo).await?;
        }
        self.close_undo(connection, prefix, undo).await
    }

    async fn undo_chunk(&self, connection: &Connection, bytes: &[u8], undo: &mut Undo<'_, O>) -> Result<(), PortError> {
        let changes = ChunkReader::new(bytes)
            .and_then(|reader| reader.collect::<Result<Vec<Change>, _>>())
            .map_err(|e| PortError::unread("read the plan", &e))?;
        for batch in changes.chunks(super::LOOKED_UP) {
            let ids: Vec<_> = batch.iter().map(|change| change.unique_id.clone()).collect();
            let stored = self.stored(connection, &ids).await?;
            for change in batch.iter().filter(|change| !undo.erased.has(&change.unique_id)) {
                match reverse_against(change, stored.get(&change.unique_id)) {
                    Reversal::Change(back) => {
                        undo.builder.count(&back);
                        undo.writer.push(&back).await?;
                    }
                    Reversal::AlreadySo => undo.builder.unchanged(1),
                    Reversal::Conflict => {
                        undo.builder.issue(Code::Conflict, 1);
                        let message = "has changed since that run, so it is left as it is";
                        let mut issue = Issue::at(Code::Conflict, Place::default(), message);
                        issue.unique_id = Some(change.unique_id.clone());
                        undo.issues.push(issue);
                    }
                }
            }
        }
        Ok(())
    }

    async fn close_undo(
        &self,
        connection: &Connection,
        prefix: String,
        undo: Undo<'_, O>,
    ) -> Result<Outcome, PortError> {
        let (chunks, hash) = undo.writer.finish().await?;
        let summary = undo.builder.finish(hash.clone());
        self.objects.write(&summary_key(&prefix), summary_to_json(&summary), "application/json").await?;
        let tally = &summary.tally;
        let plan = PlanRef {
            prefix,
            chunks,
            hash,
            directory_version: connection.directory_version,
            // What the source's rows looked like before that run is not known: the next run rebuilds it.
            roster: false,
            removals: tally.removed + tally.deactivated,
            owned_after: (connection.owned + tally.added).saturating_sub(tally.removed),
            rows: None,
            grouped_by: connection.grouped_by.clone(),
            owned_seen: Some(connection.owned),
            listing_ms: None,
            whole: false,
            told_events: connection.feed.by_events,
            mark: None,
            touches: Vec::new(),
        };
        let planned = Planned {
            plan,
            counts: counts(&summary),
            held: summary.held().into_iter().map(str::to_owned).collect(),
            damaged: false,
            issues: StoredIssues { issues: undo.issues, ..StoredIssues::default() },
            error_file: None,
            names_erased: false,
        };
        Ok(Outcome::Planned(Box::new(planned), None))
    }
}
