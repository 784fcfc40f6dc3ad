//! The plan of what a person changed about one recipient. No gate holds it: whoever asked for it has decided.

use muster_core::plan::{Change, PlanBuilder, PlanScope, summary_to_json};

use super::facts::{counts, hasher, known_values, of_excerpt};
use super::{Importer, Planned, plan_prefix};
use crate::people::{as_grouped, grouped_by};
use crate::plan_store::{ChunkWriter, summary_key};
use crate::stored_issues::StoredIssues;
use crate::{
    Cause, Clock, Connection, Directory, Documents, Handwork, Ledger, Objects, PlanRef, PortError, Queue, Run,
    settings_of,
};

impl<L: Ledger + Documents, D: Directory, O: Objects, Q: Queue, C: Clock> Importer<'_, L, D, O, Q, C> {
    /// Plans one change, or none, and stores the plan.
    pub(crate) async fn plan_by_hand(
        &self,
        run: &Run,
        connection: &Connection,
        change: Option<&Change>,
    ) -> Result<Planned, PortError> {
        let settings = settings_of(connection)?;
        // By the fields that everybody is grouped by; where there is nobody, by those of the settings.
        let by = if connection.owned == 0 { grouped_by(&settings) } else { connection.grouped_by.clone() };
        let settings = as_grouped(&settings, &by);
        let known = known_values(self.ledger, connection, &settings).await?;
        let facts = of_excerpt(connection, PlanScope::Single, known, self.clock.now_ms());
        let prefix = plan_prefix(run, connection);
        let mut builder = PlanBuilder::new(&settings, facts);
        let mut writer = ChunkWriter::new(self.objects, prefix.clone(), hasher(run, connection));
        if let Some(change) = change {
            builder.count(change);
            writer.push(change).await?;
        }
        let (chunks, hash) = writer.finish().await?;
        let summary = builder.finish(hash);
        self.objects.write(&summary_key(&prefix), summary_to_json(&summary), "application/json").await?;
        let tally = &summary.tally;
        // Whoever is erased is named nowhere, and the roster is made anew.
        let named = change.filter(|_| !matches!(run.cause, Cause::ByHand { what: Handwork::Erase, .. }));
        let plan = PlanRef {
            prefix,
            chunks,
            hash: summary.hash.clone(),
            directory_version: connection.directory_version,
            roster: false,
            removals: tally.removed + tally.deactivated,
            owned_after: (connection.owned + tally.added).saturating_sub(tally.removed),
            rows: None,
            grouped_by: by,
            owned_seen: Some(connection.owned),
            listing_ms: None,
            whole: false,
            told_events: connection.feed.by_events,
            mark: None,
            touches: named.map(|change| change.unique_id.as_str().to_owned()).into_iter().collect(),
        };
        Ok(Planned {
            plan,
            counts: counts(&summary),
            held: Vec::new(),
            damaged: false,
            issues: StoredIssues::default(),
            error_file: None,
            names_erased: false,
        })
    }
}
