//! Adds up a plan while its changes stream by.

use std::collections::BTreeMap;

use crate::field::Field;
use crate::issue::Code;
use crate::recipient::{Desired, Recipient};
use crate::settings::{OnNewValue, Settings};

use super::groups::{GroupKey, fold, group_moves, group_name, groups_of};
use super::stored::{MAX_ITEM_BYTES, recipient_size};
use super::{
    AbsentDecision, Change, ChangeKind, Decision, Facts, GroupChange, IssueTally, KeptWhy, NewValue, Reason, Summary,
    Tally, decide, decide_absent, gates,
};

/// What the builder made of one person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Planned {
    /// The change to store in the plan.
    pub change: Option<Change>,
    /// A change to list and not to apply: its switch is off.
    pub switched_off: Option<Change>,
    /// Whether the recipient would be larger than an item may be: the person stays as stored, was
    /// counted as flagged and [`Code::RecipientTooLarge`] counted; the caller writes the issue.
    pub too_large: bool,
    /// Whether a removal was withheld that the next sound listing is to make: the roster must remember
    /// that the row is not applied.
    pub withheld: bool,
}

#[derive(Debug)]
struct Membership {
    /// The spelling the group is called by: the known one, else the least of those seen, so that the
    /// order of people never matters.
    value: String,
    made: bool,
    joined: u64,
    left: u64,
}

/// Decides person by person, counts, and ends in a [`Summary`]. Keeps nothing of any person.
#[derive(Debug)]
pub struct PlanBuilder<'a> {
    settings: &'a Settings,
    facts: Facts,
    known: BTreeMap<(Field, String), String>,
    tally: Tally,
    issues: BTreeMap<Code, u64>,
    groups: BTreeMap<(Option<Field>, String), Membership>,
    unmapped: BTreeMap<(Field, String), u64>,
    withheld: bool,
}

impl<'a> PlanBuilder<'a> {
    /// Starts a plan.
    pub fn new(settings: &'a Settings, facts: Facts) -> Self {
        let known = facts
            .known_values
            .iter()
            .flat_map(|(field, values)| values.iter().map(|value| ((*field, fold(value)), value.clone())))
            .collect();
        let withheld = !facts.complete || !facts.read_to_end || !facts.damage.is_empty();
        Self {
            settings,
            withheld: withheld && facts.rollback_of.is_none(),
            facts,
            known,
            tally: Tally::default(),
            issues: BTreeMap::new(),
            groups: BTreeMap::new(),
            unmapped: BTreeMap::new(),
        }
    }

    /// A person the source presents. On a first run and from a source that was not read to its end
    /// nobody is removed: such a person counts as unchanged.
    pub fn person(&mut self, desired: &Desired, stored: Option<&Recipient>) -> Planned {
        match decide(desired, stored, self.settings) {
            Decision::Change(change) => self.plan(change, None),
            Decision::Partly(change, off) => self.plan(change, Some(off)),
            Decision::SwitchedOff(change) => self.leave_out(change),
            Decision::Same => self.same(),
            Decision::Skipped => {
                self.tally.skipped += 1;
                Planned::default()
            }
            Decision::Protected(change) => {
                self.tally.protected += 1;
                match change {
                    Some(change) => self.plan(change, None),
                    None => self.same(),
                }
            }
        }
    }

    /// A stored person whom the listing does not have; `runs_absent` as in [`decide_absent`]. Whoever
    /// is absent from a listing that is not complete stays.
    pub fn absent(&mut self, stored: &Recipient, runs_absent: u8) -> Planned {
        if !self.facts.removes_by_absence() {
            self.withheld = true;
            self.tally.absent_kept += 1;
            return Planned::default();
        }
        match decide_absent(stored, runs_absent, self.settings) {
            AbsentDecision::Change(change) => self.plan(change, None),
            AbsentDecision::SwitchedOff(change) => self.leave_out(change),
            AbsentDecision::Kept(why) => {
                self.tally.protected += u64::from(why == KeptWhy::Protected);
                self.tally.absent_kept += 1;
                Planned::default()
            }
        }
    }

    /// A change that was decided elsewhere: those of a reverse plan.
    pub fn count(&mut self, change: &Change) {
        match change.kind {
            ChangeKind::Add => self.tally.added += 1,
            ChangeKind::Propose => self.tally.proposed += 1,
            ChangeKind::Update => self.tally.updated += 1,
            ChangeKind::Deactivate => self.tally.deactivated += 1,
            ChangeKind::Reactivate => self.tally.reactivated += 1,
            ChangeKind::Remove => self.tally.removed += 1,
        }
        if let (Some(old), Some(new)) = (&change.old, &change.new) {
            self.count_fields(old, new);
        }
        self.count_groups(change);
    }

    /// A change that is written under other grouping fields than those the person is stored by: groups that are
    /// new, and that the person's values name both before and after it, are joined too. Counts nothing else.
    pub fn regrouped(&mut self, change: &Change) {
        let (Some(old), Some(new)) = (&change.old, &change.new) else { return };
        let before: Vec<_> = groups_of(old, self.settings).iter().map(GroupKey::folded).collect();
        for key in groups_of(new, self.settings) {
            let id = key.folded();
            let is_new = id.0.is_some_and(|field| !self.known.contains_key(&(field, id.1.clone())));
            if is_new && before.contains(&id) {
                self.membership(&key).joined += 1;
            }
        }
    }

    /// `n` data rows were read.
    pub fn rows(&mut self, n: u64) {
        self.tally.rows += n;
    }

    /// `n` people of the listing are known to be as stored.
    pub fn unchanged(&mut self, n: u64) {
        self.tally.unchanged += n;
    }

    /// `n` people stay as stored because their row has an error that reaches the whole person.
    pub fn flagged(&mut self, n: u64) {
        self.tally.flagged += n;
    }

    /// `n` rows are of people who are neither imported by status nor in the directory.
    pub fn skipped(&mut self, n: u64) {
        self.tally.skipped += n;
    }

    /// `n` absent people stay without a look at each.
    pub fn kept_absent(&mut self, n: u64) {
        self.tally.absent_kept += n;
    }

    /// A code was found `n` times.
    pub fn issue(&mut self, code: Code, n: u64) {
        if n > 0 {
            *self.issues.entry(code).or_default() += n;
        }
    }

    /// `n` people carry a value that the field's value table does not have.
    pub fn unmapped_value(&mut self, field: Field, value: &str, n: u64) {
        *self.unmapped.entry((field, value.to_owned())).or_default() += n;
    }

    /// The tally so far.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Reads the gates and ends the plan; `hash` is what [`super::PlanHasher::finish`] gave.
    pub fn finish(mut self, hash: String) -> Summary {
        let grouping = self.new_grouping_values();
        let new = u64::try_from(grouping.len()).unwrap_or(u64::MAX);
        // Where groups are made by themselves a new value is told, but no finding.
        if self.settings.on_new_value == OnNewValue::Alert {
            self.issue(Code::NewValue, new);
        }
        let gates = gates::read(self.settings, &self.facts, &self.tally, &grouping);
        let mut new_values = grouping;
        new_values.extend(self.unmapped.iter().map(|((field, value), people)| NewValue {
            field: *field,
            value: value.clone(),
            people: *people,
            unmapped: true,
        }));
        new_values.sort();
        let mut issues: Vec<_> = self.issues.iter().map(|(&code, &count)| IssueTally { code, count }).collect();
        issues.sort_by_key(|tally| (std::cmp::Reverse(tally.count), tally.code));
        Summary {
            owned_before: self.facts.owned,
            gates,
            issues,
            new_values,
            groups: self.group_changes(),
            removals_withheld: self.withheld,
            hash,
            tally: self.tally,
        }
    }

    fn plan(&mut self, change: Change, switched_off: Option<Change>) -> Planned {
        if change.kind == ChangeKind::Remove && change.reason != Reason::Absent && !self.facts.removes_by_status() {
            self.withheld = true;
            return Planned { withheld: true, ..self.same() };
        }
        if change.new.as_ref().is_some_and(|new| recipient_size(new) > MAX_ITEM_BYTES) {
            self.tally.flagged += 1;
            self.issue(Code::RecipientTooLarge, 1);
            return Planned { too_large: true, ..Planned::default() };
        }
        self.count(&change);
        let switched_off = switched_off.and_then(|off| self.leave_out(off).switched_off);
        Planned { change: Some(change), switched_off, ..Planned::default() }
    }

    fn leave_out(&mut self, change: Change) -> Planned {
        *self.tally.switched_off.entry(change.kind.as_str()).or_default() += 1;
        Planned { switched_off: Some(change), ..Planned::default() }
    }

    fn same(&mut self) -> Planned {
        self.tally.unchanged += 1;
        Planned::default()
    }

    fn count_fields(&mut self, old: &Recipient, new: &Recipient) {
        for (field, value) in &old.values {
            match new.values.get(field) {
                None => self.tally.fields.entry(*field).or_default().blanked += 1,
                Some(after) if after != value => self.tally.fields.entry(*field).or_default().changed += 1,
                Some(_) => {}
            }
        }
        for field in new.values.keys().filter(|field| !old.values.contains_key(field)) {
            self.tally.fields.entry(*field).or_default().changed += 1;
        }
    }

    fn count_groups(&mut self, change: &Change) {
        let moves = group_moves(change, self.settings);
        for key in &moves.joins {
            self.membership(key).joined += 1;
        }
        for key in &moves.leaves {
            self.membership(key).left += 1;
        }
    }

    fn membership(&mut self, key: &GroupKey) -> &mut Membership {
        let id = key.folded();
        let known = id.0.and_then(|field| self.known.get(&(field, id.1.clone())));
        let made = match id.0 {
            None => self.facts.first_run,
            Some(_) => known.is_none(),
        };
        let value = known.unwrap_or(&key.value);
        let group =
            self.groups.entry(id).or_insert_with(|| Membership { value: value.clone(), made, joined: 0, left: 0 });
        if *value < group.value {
            group.value.clone_from(value);
        }
        group
    }

    fn new_grouping_values(&self) -> Vec<NewValue> {
        let made = self.groups.iter().filter(|(_, group)| group.made && group.joined > 0);
        made.filter_map(|((field, _), group)| {
            Some(NewValue { field: (*field)?, value: group.value.clone(), people: group.joined, unmapped: false })
        })
        .collect()
    }

    fn group_changes(&self) -> Vec<GroupChange> {
        let moved = self.groups.iter().filter(|(_, group)| group.joined + group.left > 0);
        moved
            .map(|((field, _), group)| GroupChange {
                name: group_name(self.settings, *field, &group.value),
                made: group.made && group.joined > 0,
                joined: group.joined,
                left: group.left,
            })
            .collect()
    }
}
