//! The plan that removes everybody of a connection that is to be deleted.

use muster_core::plan::{Change, ChangeKind, Facts, PlanBuilder, Reason, summary_to_json};
use muster_core::recipient::Recipient;
use muster_core::settings::Settings;

use super::facts::{counts, hasher, known_values, removals_of_week};
use super::{Importer, Outcome, Planned, plan_prefix};
use crate::people::as_grouped;
use crate::plan_store::{ChunkWriter, summary_key};
use crate::stored_issues::StoredIssues;
use crate::{
    Clock, Connection, ConnectionStatus, Directory, Ledger, Objects, PlanRef, PortError, Queue, Run, RunState, SHARDS,
};

impl<L: Ledger, D: Directory, O: Objects, Q: Queue, C: Clock> Importer<'_, L, D, O, Q, C> {
    /// Everybody stored is planned away, those too whom no sync may remove: it is no sync that removes them.
    pub(super) async fn plan_farewell(
        &self,
        run: &Run,
        connection: &Connection,
        settings: &Settings,
    ) -> Result<Outcome, PortError> {
        if connection.status != ConnectionStatus::Disabled {
            let why = "the connection was switched on again before its deletion was planned";
            return Ok(Outcome::unplanned(RunState::Superseded, why, Vec::new()));
        }
        let settings = &as_grouped(settings, &connection.grouped_by);
        let facts = Facts {
            owned: connection.owned,
            removed_last_7_days: removals_of_week(connection, self.clock.now_ms()),
            known_values: known_values(self.ledger, connection, settings).await?,
            complete: true,
            read_to_end: true,
            farewell: true,
            ..Facts::default()
        };
        let prefix = plan_prefix(run, connection);
        let mut builder = PlanBuilder::new(settings, facts);
        let mut writer = ChunkWriter::new(self.objects, prefix.clone(), hasher(run, connection));
        for shard in 0..SHARDS {
            let mut from = None;
            loop {
                let page =
                    self.directory.page(&connection.account, &connection.id, shard, from.as_deref(), None).await?;
                for stored in page.items {
                    let change = removal(stored.recipient);
                    builder.count(&change);
                    writer.push(&change).await?;
                }
                match page.next {
                    Some(next) => from = Some(next),
                    None => break,
                }
            }
        }
        let (chunks, hash) = writer.finish().await?;
        let summary = builder.finish(hash.clone());
        self.objects.write(&summary_key(&prefix), summary_to_json(&summary), "application/json").await?;
        let planned = Planned {
            plan: plan_ref(connection, prefix, chunks, hash, summary.tally.removed),
            counts: counts(&summary),
            held: summary.held().into_iter().map(str::to_owned).collect(),
            damaged: false,
            issues: StoredIssues::default(),
            error_file: None,
            names_erased: false,
        };
        Ok(Outcome::Planned(Box::new(planned), None))
    }
}

fn removal(stored: Recipient) -> Change {
    Change {
        kind: ChangeKind::Remove,
        reason: Reason::Deletion,
        unique_id: stored.unique_id.clone(),
        old: Some(stored),
        new: None,
        record: None,
    }
}

fn plan_ref(connection: &Connection, prefix: String, chunks: u32, hash: String, removed: u64) -> PlanRef {
    PlanRef {
        prefix,
        chunks,
        hash,
        directory_version: connection.directory_version,
        roster: false,
        removals: removed,
        owned_after: connection.owned.saturating_sub(removed),
        rows: None,
        grouped_by: connection.grouped_by.clone(),
        owned_seen: Some(connection.owned),
        listing_ms: None,
        whole: false,
        told_events: connection.feed.by_events,
        mark: None,
        touches: Vec::new(),
    }
}
