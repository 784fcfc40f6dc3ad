//! What a plan adds up to.

use std::collections::BTreeMap;

use crate::field::Field;
use crate::issue::Code;
use crate::settings::Limit;

/// How many people a plan touches, by kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Data rows of the file, blank and trailer rows not counted.
    pub rows: u64,
    /// People added.
    pub added: u64,
    /// People proposed.
    pub proposed: u64,
    /// People of whom fields change.
    pub updated: u64,
    /// People deactivated.
    pub deactivated: u64,
    /// People reactivated.
    pub reactivated: u64,
    /// People removed.
    pub removed: u64,
    /// People of the listing whom nothing changes.
    pub unchanged: u64,
    /// People who stay as stored because their row has an error that reaches the whole person.
    pub flagged: u64,
    /// People who are absent but stay: the listing is not complete, or absence is ignored or in its grace.
    pub absent_kept: u64,
    /// Rows of people who are not imported by status and are not in the directory.
    pub skipped: u64,
    /// People who would be removed or deactivated but are on the connection's list of people to keep.
    /// Counted beside what else happens to them: they are also updated, unchanged or absent and kept.
    pub protected: u64,
    /// Changes left out because their switch is off, by [`super::ChangeKind::as_str`].
    pub switched_off: BTreeMap<&'static str, u64>,
    /// Per field: how many stored values change.
    pub fields: BTreeMap<Field, FieldTally>,
}

/// How many stored values of a field change. Only people who were stored before are counted, and
/// none who are removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FieldTally {
    /// Changed to another value, or set where there was none in a person already stored.
    pub changed: u64,
    /// Removed.
    pub blanked: u64,
}

/// A meter of the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Gate {
    /// Removals and deactivations of this run.
    Removals,
    /// Removals and deactivations summed over 7 days, against twice the removal limit.
    RemovalsOver7Days,
    /// Updated and reactivated people: both hang on the same switch.
    Updates,
    /// New ids.
    New,
    /// Rows against the last file.
    Rows,
    /// One field changed or blanked.
    FieldChange,
    /// No rows, or a header only.
    NoRows,
    /// The file is damaged.
    Damage,
    /// The last people of the last file are missing in one piece.
    TailMissing,
    /// The connection is in preview mode.
    Preview,
    /// A grouping field has a new value and the connection asks first; not on a first run.
    NewValue,
    /// The reverse plan of a run: says so and never holds by itself.
    Rollback,
    /// The connection is deleted with everybody it owns: always held.
    Deletion,
}

impl Gate {
    /// The stable name in reports, APIs and `held`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Removals => "removals",
            Self::RemovalsOver7Days => "removals_7_days",
            Self::Updates => "updates",
            Self::New => "new",
            Self::Rows => "rows",
            Self::FieldChange => "field_change",
            Self::NoRows => "no_rows",
            Self::Damage => "damage",
            Self::TailMissing => "tail_missing",
            Self::Preview => "preview",
            Self::NewValue => "new_value",
            Self::Rollback => "rollback",
            Self::Deletion => "deletion",
        }
    }

    /// The gate of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [
            Self::Removals,
            Self::RemovalsOver7Days,
            Self::Updates,
            Self::New,
            Self::Rows,
            Self::FieldChange,
            Self::NoRows,
            Self::Damage,
            Self::TailMissing,
            Self::Preview,
            Self::NewValue,
            Self::Rollback,
            Self::Deletion,
        ]
        .into_iter()
        .find(|gate| gate.as_str() == name)
    }
}

/// What one gate read.
#[derive(Debug, Clone, PartialEq)]
pub struct GateReading {
    /// Which meter.
    pub gate: Gate,
    /// What it shows.
    pub meter: u64,
    /// Of how many; 0 where the gate has no whole.
    pub of: u64,
    /// Its limit, where it has one.
    pub limit: Option<Limit>,
    /// Whether the plan is held for it.
    pub holds: bool,
    /// One sentence for the customer: what the meter shows, the limit, the field or line it is about.
    pub reason: String,
}

/// A value of a grouping field or of a value table seen for the first time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NewValue {
    /// The field.
    pub field: Field,
    /// The value.
    pub value: String,
    /// How many people of this run carry it.
    pub people: u64,
    /// Whether the field's value table does not have it, so that nothing is stored for it.
    pub unmapped: bool,
}

/// How a group's membership changes by the plan.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupChange {
    /// The group's name.
    pub name: String,
    /// Whether the plan makes it.
    pub made: bool,
    /// People who join.
    pub joined: u64,
    /// People who leave.
    pub left: u64,
}

/// How often one code was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct IssueTally {
    /// The code.
    pub code: Code,
    /// How often.
    pub count: u64,
}

/// How a run stands, for its report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// The plan was applied.
    Applied,
    /// The plan waits for a decision.
    Held,
    /// The plan was refused by a person.
    Rejected,
    /// A newer source took its place.
    Superseded,
    /// The source could not be read at all.
    Failed,
}

impl Outcome {
    /// `applied`, `held`, `rejected`, `superseded`, `failed`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Held => "held",
            Self::Rejected => "rejected",
            Self::Superseded => "superseded",
            Self::Failed => "failed",
        }
    }
}

/// Everything a report, a decision page and the run item tell of a plan.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Summary {
    /// The tally.
    pub tally: Tally,
    /// People the connection owned before.
    pub owned_before: u64,
    /// Every gate that was read, those that hold first.
    pub gates: Vec<GateReading>,
    /// Codes found, most frequent first.
    pub issues: Vec<IssueTally>,
    /// New values, in field order.
    pub new_values: Vec<NewValue>,
    /// Groups whose membership changes.
    pub groups: Vec<GroupChange>,
    /// Whether removals were withheld: the listing is not complete, the file is damaged, or it is a
    /// first run over people the connection owns already.
    pub removals_withheld: bool,
    /// SHA-256 of the plan's changes and of what it was made from, lower-case hex; what an approval names.
    pub hash: String,
}

impl Summary {
    /// The gates that hold the plan, by name.
    pub fn held(&self) -> Vec<&'static str> {
        self.gates.iter().filter(|reading| reading.holds).map(|reading| reading.gate.as_str()).collect()
    }
}
