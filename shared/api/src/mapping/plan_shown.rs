//! A trial's plan, as it is shown.

use std::collections::BTreeMap;

use muster_core::field::Field;
use muster_core::issue::Issue;
use muster_core::plan::{Change, GateReading, Summary};
use muster_core::recipient::{Recipient, Value};
use muster_core::settings::Limit;
use muster_sync::TriedPlan;
use schemars::JsonSchema;
use serde::Serialize;

use super::looked_at::FindingShown;

/// Findings shown of one code.
const EXAMPLES: usize = 5;

/// The plan that settings would make.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct TrialPlan {
    /// The hash that the real plan would have.
    hash: String,
    /// The gates that would hold it; empty means that it would be applied at once.
    held: Vec<String>,
    counts: TrialCounts,
    /// Whether removals would be withheld.
    removals_withheld: bool,
    /// Every gate that was read, those that hold first.
    gates: Vec<TrialGate>,
    /// What was found in the source, by code, the most frequent first.
    issues: Vec<TrialIssues>,
    /// Values of grouping fields and value tables that are new.
    new_values: Vec<TrialValue>,
    /// Groups whose membership would change.
    groups: Vec<TrialGroup>,
    /// How many stored values of each field would change.
    fields: Vec<TrialField>,
    /// The first 100 changes.
    #[schemars(length(max = 100))]
    changes: Vec<TrialChange>,
    /// Whether there are more changes.
    more_changes: bool,
    /// Mapped columns that the last listing was not asked for: their fields seem to stay as stored.
    not_fetched: Vec<String>,
}

/// How many people a plan touches.
#[derive(Debug, Serialize, JsonSchema)]
struct TrialCounts {
    rows: u64,
    added: u64,
    proposed: u64,
    updated: u64,
    deactivated: u64,
    reactivated: u64,
    removed: u64,
    unchanged: u64,
    /// People who stay as stored because their row has an error.
    flagged: u64,
    /// People who are absent and stay.
    absent_kept: u64,
    /// Rows of people who are not imported by status.
    skipped: u64,
    /// People of the connection before the plan.
    owned: u64,
    errors: u64,
    warnings: u64,
    /// Changes left out because their switch is off, by kind.
    switched_off: BTreeMap<String, u64>,
}

/// A meter of a plan.
#[derive(Debug, Serialize, JsonSchema)]
struct TrialGate {
    /// Its stable name.
    gate: String,
    /// What it shows.
    meter: u64,
    /// Of how many; 0 where there is no whole.
    of: u64,
    /// A percentage (`10%`) or a count; null where it has none of its own.
    limit: Option<String>,
    /// Whether the plan would be held for it.
    holds: bool,
    /// One sentence for people.
    reason: String,
}

/// The findings of one code.
#[derive(Debug, Serialize, JsonSchema)]
struct TrialIssues {
    /// The stable code.
    code: String,
    /// `warning` or `error`.
    severity: String,
    /// How often.
    count: u64,
    /// The first few.
    #[schemars(length(max = 5))]
    examples: Vec<FindingShown>,
}

/// A new value.
#[derive(Debug, Serialize, JsonSchema)]
struct TrialValue {
    field: String,
    value: String,
    /// People who have it.
    people: u64,
    /// Whether the field's value table does not have it.
    unmapped: bool,
}

/// A group whose membership would change.
#[derive(Debug, Serialize, JsonSchema)]
struct TrialGroup {
    name: String,
    /// Whether the plan would make it.
    made: bool,
    joined: u64,
    left: u64,
}

/// How many stored values of a field would change.
#[derive(Debug, Serialize, JsonSchema)]
struct TrialField {
    field: String,
    /// To another value.
    changed: u64,
    /// To none.
    blanked: u64,
}

/// What would happen to one person.
#[derive(Debug, Serialize, JsonSchema)]
struct TrialChange {
    /// `add`, `propose`, `update`, `deactivate`, `reactivate`, `remove`.
    kind: String,
    /// `source`, `absent`, `rollback`, or `status:` and the status that is not imported.
    reason: String,
    /// Whom it is about.
    unique_id: String,
    /// What changes, field by field.
    fields: Vec<TrialFieldChange>,
}

/// What would happen to one field of a person.
#[derive(Debug, Serialize, JsonSchema)]
struct TrialFieldChange {
    field: String,
    /// What is stored; empty where nothing is.
    old: Vec<String>,
    /// What would be stored; empty where nothing would be.
    new: Vec<String>,
}

pub(super) fn plan(tried: TriedPlan) -> TrialPlan {
    let TriedPlan { summary, counts, held, issues, changes, more, not_fetched } = tried;
    let Summary { tally, owned_before: owned, gates, issues: codes, new_values, groups, removals_withheld, hash } =
        summary;
    let codes = codes.into_iter().map(|found| TrialIssues {
        code: found.code.as_str().to_owned(),
        severity: found.code.severity().as_str().to_owned(),
        count: found.count,
        examples: examples(&issues.issues, |issue| issue.code == found.code),
    });
    let counts = TrialCounts {
        rows: tally.rows,
        added: tally.added,
        proposed: tally.proposed,
        updated: tally.updated,
        deactivated: tally.deactivated,
        reactivated: tally.reactivated,
        removed: tally.removed,
        unchanged: tally.unchanged,
        flagged: tally.flagged,
        absent_kept: tally.absent_kept,
        skipped: tally.skipped,
        owned,
        errors: counts.errors,
        warnings: counts.warnings,
        switched_off: tally.switched_off.iter().map(|(kind, count)| ((*kind).to_owned(), *count)).collect(),
    };
    let fields = tally.fields.iter().map(|(field, tally)| TrialField {
        field: field.name().to_owned(),
        changed: tally.changed,
        blanked: tally.blanked,
    });
    let new_values = new_values.into_iter().map(|new| TrialValue {
        field: new.field.name().to_owned(),
        value: new.value,
        people: new.people,
        unmapped: new.unmapped,
    });
    let groups = groups.into_iter().map(|group| TrialGroup {
        name: group.name,
        made: group.made,
        joined: group.joined,
        left: group.left,
    });
    TrialPlan {
        hash,
        held,
        counts,
        removals_withheld,
        gates: gates.into_iter().map(gate).collect(),
        issues: codes.collect(),
        new_values: new_values.collect(),
        groups: groups.collect(),
        fields: fields.collect(),
        changes: changes.iter().map(change).collect(),
        more_changes: more,
        not_fetched,
    }
}

fn examples(issues: &[Issue], of: impl Fn(&Issue) -> bool) -> Vec<FindingShown> {
    issues.iter().filter(|issue| of(issue)).take(EXAMPLES).map(FindingShown::from).collect()
}

fn gate(reading: GateReading) -> TrialGate {
    let limit = reading.limit.map(|limit| match limit {
        Limit::Percent(percent) => format!("{percent}%"),
        Limit::Count(count) => count.to_string(),
    });
    let GateReading { gate, meter, of, holds, reason, .. } = reading;
    TrialGate { gate: gate.as_str().to_owned(), meter, of, limit, holds, reason }
}

fn change(change: &Change) -> TrialChange {
    let reason = change.reason.name().into_owned();
    let fields = Field::all().filter_map(|field| {
        let (old, new) = (said(change.old.as_ref(), field), said(change.new.as_ref(), field));
        (old != new).then(|| TrialFieldChange { field: field.name().to_owned(), old, new })
    });
    TrialChange {
        kind: change.kind.as_str().to_owned(),
        reason,
        unique_id: change.unique_id.to_string(),
        fields: fields.collect(),
    }
}

/// What a recipient has in a field; the status stands beside the values.
fn said(recipient: Option<&Recipient>, field: Field) -> Vec<String> {
    let Some(recipient) = recipient else { return Vec::new() };
    if field == Field::EMPLOYMENT_STATUS {
        return vec![recipient.status.as_str().to_owned()];
    }
    recipient.values.get(&field).into_iter().flat_map(Value::iter).map(str::to_owned).collect()
}
