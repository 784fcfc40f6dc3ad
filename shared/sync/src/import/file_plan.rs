//! The plan of one file.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

use muster_core::file::{self, Limits, OpenFile, Unopened, write_errors};
use muster_core::ids::UniqueId;
use muster_core::issue::{Issue, Severity};
use muster_core::listing::{CompareInput, Comparison, Decisions, Scratch, compare};
use muster_core::mapping::Mapping;
use muster_core::plan::{PlanBuilder, PlanHasher, summary_to_json};
use muster_core::recipient::{Desired, Recipient};
use muster_core::settings::Settings;

use super::facts::{known_values, new_group_values};
use super::rosters::OwnRoster;
use super::{Fetched, Importer, Planned, Unplanned, keys_of, plan_prefix};
use crate::plan_store::{ChunkWriter, roster_key, summary_key};
use crate::stored_issues::StoredIssues;
use crate::{Clock, Connection, Directory, Ledger, Objects, PlanRef, PortError, Queue, Run, RunCounts, RunState, Stored};

/// People looked up at once: what one batch read of the directory takes.
const LOOKED_UP: usize = 100;

impl<L: Ledger, D: Directory, O: Objects, Q: Queue, C: Clock> Importer<'_, L, D, O, Q, C> {
    /// Plans a file; the inner error is a file that cannot be planned at all.
    pub(super) async fn plan_file(
        &self,
        run: &Run,
        connection: &Connection,
        settings: &Settings,
        fetched: Fetched,
    ) -> Result<Result<Planned, Unplanned>, PortError> {
        let mapping = Mapping::compile(settings).map_err(|e| PortError::never("read the mapping", e.to_string()))?;
        let keys = keys_of(self.objects, connection).await?;
        let limits = Limits::default();
        let open = match file::open(fetched.file, &settings.file, &keys, &limits) {
            Ok(open) => open,
            Err(Unopened::Refused(issues)) => return Ok(Err(unreadable(issues))),
            Err(Unopened::Io(e)) => return Err(PortError::later("read the file", e.to_string())),
        };
        let mut roster = self.roster_of(connection).await?;
        let (bound, header_issues) = mapping.bind(&open.header);
        if header_issues.iter().any(|issue| issue.code.reach() == muster_core::issue::Reach::Damage) {
            let mut issues = open.issues;
            issues.extend(header_issues);
            return Ok(Err(unreadable(issues)));
        }
        let header = open.header.clone();
        let fingerprint = roster_fingerprint(&open, &mapping);
        let mut open = open;
        open.issues.extend(header_issues);
        let comparison = compare(CompareInput {
            file: open,
            bound: &bound,
            roster: roster.source(),
            fingerprint,
            seed: connection.seed,
            settings: &settings.file,
            limits: &limits,
            scratch: &TempScratch,
            progress: &mut |_| {},
        })
        .map_err(|e| PortError::later("read the file", e.to_string()))?;
        self.plan_comparison(run, connection, settings, comparison, &header, roster.owned()).await.map(Ok)
    }

    async fn plan_comparison(
        &self,
        run: &Run,
        connection: &Connection,
        settings: &Settings,
        mut comparison: Comparison,
        header: &[String],
        owned: u64,
    ) -> Result<Planned, PortError> {
        let known = known_values(self.ledger, connection, settings).await?;
        let facts = super::facts::of_file(connection, &comparison, owned, known, self.clock.now_ms());
        let complete = facts.complete;
        let prefix = plan_prefix(run, connection);
        let mut sheet = Sheet {
            builder: PlanBuilder::new(settings, facts),
            writer: ChunkWriter::new(self.objects, prefix.clone(), hasher(run, connection)),
            decisions: Decisions::default(),
            issues: Vec::new(),
        };
        comparison.tally_into(&mut sheet.builder);
        self.plan_people(connection, &mut comparison, &mut sheet).await?;
        if complete {
            self.plan_absent(connection, &mut comparison, &mut sheet).await?;
        } else {
            sheet.builder.kept_absent(comparison.absent_count());
        }
        let Sheet { builder, writer, decisions, issues } = sheet;
        let (chunks, hash) = writer.finish().await?;
        let summary = builder.finish(hash.clone());
        let rows = comparison.rows();
        let damaged = comparison.damaged();
        let all_issues = comparison.take_issues().into_iter().chain(issues).collect::<Vec<_>>();
        self.store_roster(&prefix, comparison, &decisions).await?;
        self.objects.write(&summary_key(&prefix), summary_to_json(&summary), "application/json").await?;
        new_group_values(self.ledger, connection, settings, &summary).await?;
        let (issues, error_file) = error_file(run, header, all_issues, !connection.confirmed)?;
        let tally = &summary.tally;
        let plan = PlanRef {
            prefix,
            chunks,
            hash,
            directory_version: connection.directory_version,
            roster: true,
            removals: tally.removed + tally.deactivated,
            owned_after: (owned + tally.added).saturating_sub(tally.removed),
            rows: (!damaged).then_some(rows),
        };
        let held = summary.held().into_iter().map(str::to_owned).collect();
        Ok(Planned { plan, counts: super::facts::counts(&summary), held, damaged, issues, error_file })
    }
}
