//! The stored form of a summary: versioned JSON, read strictly.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::field::Field;
use crate::format;
use crate::issue::Code;
use crate::settings::Limit;

use super::stored::{StoredError, located, write_line};
use super::{ChangeKind, FieldTally, Gate, GateReading, GroupChange, IssueTally, NewValue, Summary, Tally};

#[derive(Deserialize)]
struct WireVersion {
    v: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireSummary {
    v: u32,
    tally: WireTally,
    owned_before: u64,
    gates: Vec<WireReading>,
    issues: BTreeMap<String, u64>,
    new_values: Vec<WireNewValue>,
    groups: Vec<WireGroup>,
    removals_withheld: bool,
    hash: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireTally {
    rows: u64,
    added: u64,
    proposed: u64,
    updated: u64,
    deactivated: u64,
    reactivated: u64,
    removed: u64,
    unchanged: u64,
    flagged: u64,
    absent_kept: u64,
    skipped: u64,
    protected: u64,
    switched_off: BTreeMap<String, u64>,
    fields: BTreeMap<String, WireFieldTally>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireFieldTally {
    changed: u64,
    blanked: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireReading {
    gate: String,
    meter: u64,
    of: u64,
    limit: Option<WireLimit>,
    holds: bool,
    reason: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WireLimit {
    /// As text: a JSON number may come back as another float.
    Percent(String),
    Count(u64),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireNewValue {
    field: String,
    value: String,
    people: u64,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    unmapped: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireGroup {
    name: String,
    made: bool,
    joined: u64,
    left: u64,
}

/// The summary as one line of JSON, without a line end. Equal summaries give equal bytes.
pub fn summary_to_json(summary: &Summary) -> Vec<u8> {
    let wire = WireSummary {
        v: format::SUMMARY.version,
        tally: wire_tally(&summary.tally),
        owned_before: summary.owned_before,
        gates: summary.gates.iter().map(wire_reading).collect(),
        issues: summary.issues.iter().map(|tally| (tally.code.as_str().to_owned(), tally.count)).collect(),
        new_values: summary.new_values.iter().map(wire_new_value).collect(),
        groups: summary.groups.iter().map(wire_group).collect(),
        removals_withheld: summary.removals_withheld,
        hash: summary.hash.clone(),
    };
    let mut out = Vec::new();
    write_line(&wire, &mut out);
    out.pop();
    out
}

/// Reads back what [`summary_to_json`] wrote.
///
/// # Errors
/// [`StoredError::Version`] for another version, [`StoredError::Line`] for anything that this version
/// did not write; both name what is wrong.
pub fn summary_from_json(bytes: &[u8]) -> Result<Summary, StoredError> {
    let WireVersion { v } = serde_json::from_slice(bytes).map_err(|_| StoredError::NoVersion)?;
    format::SUMMARY.check(Some(v))?;
    let wrong = |reason: String| StoredError::Line { line: 1, reason };
    let wire: WireSummary = serde_json::from_slice(bytes).map_err(|error| wrong(located(&error)))?;
    summary(wire).map_err(wrong)
}

fn summary(wire: WireSummary) -> Result<Summary, String> {
    let mut issues = wire.issues.into_iter().map(issue).collect::<Result<Vec<_>, _>>()?;
    issues.sort_by_key(|tally| (std::cmp::Reverse(tally.count), tally.code));
    Ok(Summary {
        tally: tally(wire.tally)?,
        owned_before: wire.owned_before,
        gates: wire.gates.into_iter().map(reading).collect::<Result<_, _>>()?,
        issues,
        new_values: wire.new_values.into_iter().map(new_value).collect::<Result<_, _>>()?,
        groups: wire.groups.into_iter().map(group).collect(),
        removals_withheld: wire.removals_withheld,
        hash: wire.hash,
    })
}

fn wire_tally(tally: &Tally) -> WireTally {
    WireTally {
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
        protected: tally.protected,
        switched_off: tally.switched_off.iter().map(|(kind, n)| ((*kind).to_owned(), *n)).collect(),
        fields: tally
            .fields
            .iter()
            .map(|(field, tally)| {
                let wire = WireFieldTally { changed: tally.changed, blanked: tally.blanked };
                (field.name().to_owned(), wire)
            })
            .collect(),
    }
}

fn tally(wire: WireTally) -> Result<Tally, String> {
    let mut switched_off = BTreeMap::new();
    for (name, n) in wire.switched_off {
        let kind = ChangeKind::from_name(&name).ok_or_else(|| format!("unknown kind of change {name:?}"))?;
        switched_off.insert(kind.as_str(), n);
    }
    let mut fields = BTreeMap::new();
    for (name, WireFieldTally { changed, blanked }) in wire.fields {
        fields.insert(field(&name)?, FieldTally { changed, blanked });
    }
    Ok(Tally {
        rows: wire.rows,
        added: wire.added,
        proposed: wire.proposed,
        updated: wire.updated,
        deactivated: wire.deactivated,
        reactivated: wire.reactivated,
        removed: wire.removed,
        unchanged: wire.unchanged,
        flagged: wire.flagged,
        absent_kept: wire.absent_kept,
        skipped: wire.skipped,
        protected: wire.protected,
        switched_off,
        fields,
    })
}

fn field(name: &str) -> Result<Field, String> {
    Field::by_name(name).ok_or_else(|| format!("unknown field {name:?}"))
}

fn issue((name, count): (String, u64)) -> Result<IssueTally, String> {
    let code = Code::ALL.iter().copied().find(|code| code.as_str() == name);
    Ok(IssueTally { code: code.ok_or_else(|| format!("unknown code {name:?}"))?, count })
}

fn wire_reading(reading: &GateReading) -> WireReading {
    WireReading {
        gate: reading.gate.as_str().to_owned(),
        meter: reading.meter,
        of: reading.of,
        limit: reading.limit.map(|limit| match limit {
            Limit::Percent(percent) => WireLimit::Percent(percent.to_string()),
            Limit::Count(count) => WireLimit::Count(count),
        }),
        holds: reading.holds,
        reason: reading.reason.clone(),
    }
}

fn reading(wire: WireReading) -> Result<GateReading, String> {
    Ok(GateReading {
        gate: Gate::from_name(&wire.gate).ok_or_else(|| format!("unknown gate {:?}", wire.gate))?,
        meter: wire.meter,
        of: wire.of,
        limit: wire.limit.map(limit).transpose()?,
        holds: wire.holds,
        reason: wire.reason,
    })
}

fn limit(wire: WireLimit) -> Result<Limit, String> {
    match wire {
        WireLimit::Percent(percent) => {
            percent.parse().map(Limit::Percent).map_err(|_| "a limit that is no percentage".to_owned())
        }
        WireLimit::Count(count) => Ok(Limit::Count(count)),
    }
}

fn wire_new_value(new: &NewValue) -> WireNewValue {
    WireNewValue {
        field: new.field.name().to_owned(),
        value: new.value.clone(),
        people: new.people,
        unmapped: new.unmapped,
    }
}

fn new_value(wire: WireNewValue) -> Result<NewValue, String> {
    Ok(NewValue { field: field(&wire.field)?, value: wire.value, people: wire.people, unmapped: wire.unmapped })
}

fn wire_group(group: &GroupChange) -> WireGroup {
    WireGroup { name: group.name.clone(), made: group.made, joined: group.joined, left: group.left }
}

fn group(wire: WireGroup) -> GroupChange {
    GroupChange { name: wire.name, made: wire.made, joined: wire.joined, left: wire.left }
}
