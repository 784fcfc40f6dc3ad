//! What becomes of one person. Pure and blind to everybody else, so the order of people never matters.

use crate::ids::UniqueId;
use crate::recipient::{Desired, Recipient};
use crate::settings::{OnAbsent, OnNew, Settings};
use crate::status::Status;

use super::{Change, ChangeKind, Reason};

/// What becomes of one presented person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// The change is planned.
    Change(Change),
    /// The first change is planned; the second is listed and not applied, because its switch is off.
    Partly(Change, Change),
    /// The change is listed and not applied, because its switch is off.
    SwitchedOff(Change),
    /// Nothing changes.
    Same,
    /// Not imported by status and not in the directory.
    Skipped,
    /// Would be removed or deactivated, but is on [`Settings::never_remove`]; the change, where there
    /// is one, takes over what else the source says.
    Protected(Option<Change>),
}

/// Why an absent person stays as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeptWhy {
    /// The connection ignores absence.
    Ignored,
    /// Absent in fewer complete listings than the grace asks for.
    InGrace,
    /// Would be deactivated and is inactive already.
    AlreadyInactive,
    /// On [`Settings::never_remove`].
    Protected,
}

/// What becomes of one person who is not in a complete listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AbsentDecision {
    /// The change is planned.
    Change(Change),
    /// The change is listed and not applied, because its switch is off.
    SwitchedOff(Change),
    /// Stays as stored.
    Kept(KeptWhy),
}

/// Decides about a person the source presents; `stored` is what the connection owns of them.
///
/// Kinds are told by status alone: no longer imported = removed, active → inactive = deactivated,
/// the way back = reactivated, whatever else changed. A kind whose switch is off does not take the
/// person's other changes with it: they are planned where their own switch is on.
pub fn decide(desired: &Desired, stored: Option<&Recipient>, settings: &Settings) -> Decision {
    match (settings.import.takes(desired.status), stored) {
        (false, None) => Decision::Skipped,
        (false, Some(old)) => not_imported(desired.status, old, settings),
        (true, None) => new_person(desired, settings),
        (true, Some(old)) => known_person(desired, old, settings),
    }
}

/// Decides about a person whom a complete listing does not have. `runs_absent` counts the complete
/// listings in a row without them, this one included.
pub fn decide_absent(stored: &Recipient, runs_absent: u8, settings: &Settings) -> AbsentDecision {
    let change = match settings.on_absent {
        OnAbsent::Ignore => return AbsentDecision::Kept(KeptWhy::Ignored),
        OnAbsent::Deactivate if stored.status != Status::Active => {
            return AbsentDecision::Kept(KeptWhy::AlreadyInactive);
        }
        OnAbsent::Deactivate => {
            let new = Recipient { status: Status::Inactive, ..stored.clone() };
            change(ChangeKind::Deactivate, Reason::Absent, Some(stored), Some(new))
        }
        OnAbsent::Remove => change(ChangeKind::Remove, Reason::Absent, Some(stored), None),
    };
    if is_protected(&stored.unique_id, settings) {
        return AbsentDecision::Kept(KeptWhy::Protected);
    }
    if runs_absent.max(1) <= settings.absent_grace {
        return AbsentDecision::Kept(KeptWhy::InGrace);
    }
    if is_on(change.kind, settings) { AbsentDecision::Change(change) } else { AbsentDecision::SwitchedOff(change) }
}

fn not_imported(status: Status, old: &Recipient, settings: &Settings) -> Decision {
    if is_protected(&old.unique_id, settings) {
        return Decision::Protected(None);
    }
    switched(change(ChangeKind::Remove, Reason::Status(status), Some(old), None), settings)
}

fn new_person(desired: &Desired, settings: &Settings) -> Decision {
    let kind = match settings.on_new {
        OnNew::Add => ChangeKind::Add,
        OnNew::Propose => ChangeKind::Propose,
    };
    switched(change(kind, Reason::Source, None, Some(desired.over(None))), settings)
}

fn known_person(desired: &Desired, old: &Recipient, settings: &Settings) -> Decision {
    let wish = desired.over(Some(old));
    if wish == *old {
        return Decision::Same;
    }
    match (old.status, wish.status) {
        (Status::Active, Status::Inactive) => deactivation(old, wish, settings),
        (before, after) if before != after => {
            switched(change(ChangeKind::Reactivate, Reason::Source, Some(old), Some(wish)), settings)
        }
        _ => switched(change(ChangeKind::Update, Reason::Source, Some(old), Some(wish)), settings),
    }
}

fn deactivation(old: &Recipient, wish: Recipient, settings: &Settings) -> Decision {
    let fields_differ = wish.values != old.values;
    let update = |wish: Recipient| {
        let new = Recipient { status: old.status, ..wish };
        change(ChangeKind::Update, Reason::Source, Some(old), Some(new))
    };
    if is_protected(&old.unique_id, settings) {
        let takes = fields_differ && settings.switches.updates;
        return Decision::Protected(takes.then(|| update(wish)));
    }
    let whole = change(ChangeKind::Deactivate, Reason::Source, Some(old), Some(wish.clone()));
    match (settings.switches.deactivations, settings.switches.updates || !fields_differ) {
        (true, true) => Decision::Change(whole),
        (true, false) => {
            let new = Recipient { status: wish.status, ..old.clone() };
            Decision::Partly(change(ChangeKind::Deactivate, Reason::Source, Some(old), Some(new)), update(wish))
        }
        (false, true) if fields_differ => Decision::Partly(update(wish), whole),
        (false, _) => Decision::SwitchedOff(whole),
    }
}

fn switched(change: Change, settings: &Settings) -> Decision {
    if is_on(change.kind, settings) { Decision::Change(change) } else { Decision::SwitchedOff(change) }
}

fn is_on(kind: ChangeKind, settings: &Settings) -> bool {
    match kind {
        ChangeKind::Add | ChangeKind::Propose => settings.switches.adds,
        ChangeKind::Update | ChangeKind::Reactivate => settings.switches.updates,
        ChangeKind::Deactivate => settings.switches.deactivations,
        ChangeKind::Remove => settings.switches.removals,
    }
}

fn is_protected(id: &UniqueId, settings: &Settings) -> bool {
    settings.never_remove.iter().any(|kept| kept.trim() == id.as_str())
}

fn change(kind: ChangeKind, reason: Reason, old: Option<&Recipient>, new: Option<Recipient>) -> Change {
    let unique_id = match (&new, old) {
        (Some(recipient), _) => recipient.unique_id.clone(),
        (None, Some(recipient)) => recipient.unique_id.clone(),
        (None, None) => unreachable!("a change has a before or an after"),
    };
    Change { kind, reason, unique_id, old: old.cloned(), new, record: None }
}
