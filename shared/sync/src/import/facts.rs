//! What a plan is measured against, and what it adds up to.

use std::collections::{BTreeMap, BTreeSet};

use muster_core::field::Field;
use muster_core::issue::{Code, Reach, Severity};
use muster_core::listing::Comparison;
use muster_core::plan::{Facts, MadeFrom, PlanHasher, PlanScope, Summary};
use muster_core::settings::Settings;

use crate::{Cause, Connection, DAY_MS, Ledger, PortError, Removal, Run, RunCounts, WEEK_MS};

/// The values of the grouping fields that have a group already.
pub(super) async fn known_values(
    ledger: &impl Ledger,
    connection: &Connection,
    settings: &Settings,
) -> Result<BTreeMap<Field, BTreeSet<String>>, PortError> {
    let mut known: BTreeMap<Field, BTreeSet<String>> = BTreeMap::new();
    if settings.group_by.is_empty() {
        return Ok(known);
    }
    for (field, _, shown) in ledger.group_values(&connection.account, &connection.id).await? {
        if let Some(field) = Field::by_name(&field) {
            known.entry(field).or_default().insert(shown);
        }
    }
    Ok(known)
}

/// What the plan of a file is measured against.
pub(super) fn of_file(
    connection: &Connection,
    comparison: &Comparison<'_>,
    owned: u64,
    known_values: BTreeMap<Field, BTreeSet<String>>,
    now_ms: i64,
) -> Facts {
    let damaging = comparison.issues().issues().iter().filter(|issue| issue.code.reach() == Reach::Damage);
    Facts {
        owned,
        first_run: !connection.confirmed,
        rows_last: connection.last_rows,
        removed_last_7_days: removals_of_week(connection, now_ms),
        removed_by_events_last_day: by_events_of_day(connection, now_ms, |removal| removal.people),
        gone_by_events_last_day: by_events_of_day(connection, now_ms, |removal| removal.removed),
        scope: PlanScope::Listing,
        known_values,
        damage: damaging.map(|issue| (issue.code, issue.place, issue.message.clone())).collect(),
        complete: comparison.complete().is_some(),
        read_to_end: !comparison.is_damaged(),
        header_only: comparison.counts().rows == 0,
        tail_missing: comparison.issues().counts().any(|(code, _)| code == Code::TailMissing),
        rollback_of: None,
        farewell: false,
    }
}

/// What the plan of less than a whole listing is measured against. Who is named gone in it is gone for sure.
pub(super) fn of_excerpt(
    connection: &Connection,
    scope: PlanScope,
    known_values: BTreeMap<Field, BTreeSet<String>>,
    now_ms: i64,
) -> Facts {
    Facts {
        owned: connection.owned,
        removed_last_7_days: removals_of_week(connection, now_ms),
        removed_by_events_last_day: by_events_of_day(connection, now_ms, |removal| removal.people),
        gone_by_events_last_day: by_events_of_day(connection, now_ms, |removal| removal.removed),
        scope,
        known_values,
        complete: true,
        read_to_end: true,
        ..Facts::default()
    }
}

/// What events removed in the last 24 hours.
fn by_events_of_day(connection: &Connection, now_ms: i64, what: impl Fn(&Removal) -> u64) -> u64 {
    let recent = connection.removals.iter().filter(|removal| removal.by_events && removal.at_ms > now_ms - DAY_MS);
    recent.map(what).sum()
}

/// Removals and deactivations of the last 7 days.
pub(super) fn removals_of_week(connection: &Connection, now_ms: i64) -> u64 {
    let recent = connection.removals.iter().filter(|removal| removal.at_ms > now_ms - WEEK_MS);
    recent.map(|removal| removal.people).sum()
}

/// Starts the plan's hash over what the plan is made from: an approval names one plan of one source
/// against one state of the directory.
pub(super) fn hasher(run: &Run, connection: &Connection) -> PlanHasher {
    let source = match &run.cause {
        Cause::File { key, version, .. } => format!("{key}@{version}"),
        Cause::Rollback { run, .. } => format!("rollback@{run}"),
        Cause::Poll { slot, .. } => format!("poll@{slot}"),
        Cause::Event { event, .. } => format!("event@{event}"),
        Cause::Late { expected_ms } => format!("late@{expected_ms}"),
        Cause::Farewell { attempt } => format!("farewell@{attempt}"),
        Cause::ByHand { .. } => format!("by-hand@{}", run.id),
    };
    PlanHasher::new(&MadeFrom {
        connection: &connection.id,
        settings_version: &connection.settings_version.to_string(),
        source_version: &source,
        directory_version: &connection.directory_version.to_string(),
    })
}

/// The counts that lists of runs show.
pub(super) fn counts(summary: &Summary) -> RunCounts {
    let of = |severity| {
        summary.issues.iter().filter(|tally| tally.code.severity() == severity).map(|tally| tally.count).sum()
    };
    let tally = &summary.tally;
    RunCounts {
        rows: tally.rows,
        added: tally.added,
        proposed: tally.proposed,
        updated: tally.updated,
        deactivated: tally.deactivated,
        reactivated: tally.reactivated,
        removed: tally.removed,
        unchanged: tally.unchanged,
        errors: of(Severity::Error),
        warnings: of(Severity::Warning),
    }
}
