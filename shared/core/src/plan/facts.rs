//! What a plan is measured against, and whether it may remove anybody.

use std::collections::{BTreeMap, BTreeSet};

use crate::field::Field;
use crate::ids::RunId;
use crate::issue::{Code, Place};

/// What a plan is measured against. The default withholds every removal.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Recipients the connection owns and shows before the run.
    pub owned: u64,
    /// Whether no run of the connection was applied before: nobody is removed.
    pub first_run: bool,
    /// Data rows of the last applied file, where there was one.
    pub rows_last: Option<u64>,
    /// People removed or deactivated in the last 7 days, this run not counted.
    pub removed_last_7_days: u64,
    /// People removed or deactivated in the last 24 hours by runs of single events: they count against the removal
    /// gate of this run too.
    pub removed_by_events_last_day: u64,
    /// How many of those were removed, and so are no longer among [`Facts::owned`].
    pub gone_by_events_last_day: u64,
    /// How much of the source the plan is of.
    pub scope: PlanScope,
    /// Per grouping field the values that have a group already, as first seen.
    pub known_values: BTreeMap<Field, BTreeSet<String>>,
    /// What was found that makes the source a damaged one: code, place, message.
    pub damage: Vec<(Code, Place, String)>,
    /// Whether every row of the source could be told, so that absence means something.
    pub complete: bool,
    /// Whether the source was read to its end. A readable row of a file with some untellable rows
    /// still removes by its status; one of a source that broke off does not.
    pub read_to_end: bool,
    /// Whether the file has a header and nothing else.
    pub header_only: bool,
    /// Whether the last people of the last file are missing in one piece.
    pub tail_missing: bool,
    /// The run that this plan undoes.
    pub rollback_of: Option<RunId>,
    /// Whether the plan removes everybody because the connection is deleted.
    pub farewell: bool,
}

/// How much of a source a plan is of. Meters that compare whole listings say nothing about less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PlanScope {
    /// A file, or everybody at the provider.
    #[default]
    Listing,
    /// Who changed since the last listing.
    Excerpt,
    /// One person of whom an event told.
    Single,
}

impl Facts {
    /// Whether a person the source presents as no longer imported may be removed.
    pub(super) fn removes_by_status(&self) -> bool {
        self.read_to_end && self.damage.is_empty() && !self.first_run
    }

    /// Whether a person the source does not present may be removed or deactivated.
    pub(super) fn removes_by_absence(&self) -> bool {
        self.complete && self.removes_by_status()
    }
}
