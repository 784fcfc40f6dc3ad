//! What became of a person in a run's plan, and why.

use muster_core::field::Field;
use muster_core::issue::{Code, Issue, Reach};
use muster_core::listing::Proposed;
use muster_core::plan::{AbsentDecision, Change, ChangeKind, Decision, KeptWhy, Reason, decide, decide_absent};
use muster_core::recipient::{Recipient, Value};
use muster_core::settings::Settings;

use super::{Decided, FieldChange, Kept, ReadStep, What};
use crate::{Cause, Run, Stored};

/// Everything that tells.
pub(super) struct Evidence<'a> {
    pub(super) run: &'a Run,
    pub(super) settings: &'a Settings,
    pub(super) kept: &'a Kept,
    pub(super) read: &'a ReadStep,
    pub(super) proposed: Option<&'a Proposed>,
    pub(super) gone: bool,
    pub(super) issues: &'a [Issue],
    pub(super) stored: Option<&'a Stored>,
}

impl Evidence<'_> {
    /// What is stored now and not removed.
    fn owned(&self) -> Option<&Recipient> {
        self.stored.filter(|stored| stored.removed_ms.is_none()).map(|stored| &stored.recipient)
    }

    /// Whether another run has written the person since.
    fn written_since(&self) -> bool {
        self.run.fence > 0 && self.stored.is_some_and(|stored| stored.trace.fence > self.run.fence)
    }

    /// Whether the person came to the directory after this run.
    fn came_later(&self) -> bool {
        let added = self.stored.and_then(|stored| stored.trace.added);
        self.run.fence > 0 && added.is_some_and(|(fence, _)| fence > self.run.fence)
    }

    fn withholds(&self) -> bool {
        self.kept.summary.as_ref().is_some_and(|summary| summary.removals_withheld)
    }
}

/// What became of the person.
pub(super) fn decided(of: &Evidence<'_>) -> Decided {
    match &of.kept.change {
        Some(Some(change)) => return planned(of, change),
        _ if of.run.plan.is_none() => return plain(What::NotPlanned, not_planned(of.run)),
        None => return plain(What::NotKnown, "the run's plan could not be read through, so what it did is not known"),
        Some(None) => {}
    }
    if let Some(issue) = of.issues.iter().find(|issue| flags(issue)) {
        return plain(What::Flagged, format!("{}; the person stays as stored", told(issue)));
    }
    if let Some(proposed) = of.proposed {
        return presented(of, proposed);
    }
    match &of.run.cause {
        Cause::Event { .. } => {
            return plain(What::NotAbout, "the event is about one person, and changes nothing of this one");
        }
        Cause::Rollback { run, .. } => {
            return plain(
                What::NotAbout,
                format!(
                    "run {run}, which this one undoes, did not change this person, or they are as before it already"
                ),
            );
        }
        Cause::File { .. } | Cause::Poll { .. } | Cause::Late { .. } => {}
        _ => return plain(What::NotAbout, "the run is about other people"),
    }
    if !of.read.to_end {
        return plain(
            What::NotKnown,
            "the source could not be read to its end anew, and the plan changes nothing of this person",
        );
    }
    if of.run.is_excerpt() && !of.gone {
        return plain(What::NotAbout, "the provider listed only who had changed, and this person is not among them");
    }
    not_presented(of)
}

/// Whether the issue leaves the whole person as stored.
fn flags(issue: &Issue) -> bool {
    matches!(issue.code.reach(), Reach::Person | Reach::Listing | Reach::Damage)
}

fn told(issue: &Issue) -> String {
    if issue.place.record == 0 {
        return issue.message.clone();
    }
    format!("record {} (line {}): {}", issue.place.record, issue.place.line, issue.message)
}

fn plain(what: What, why: impl Into<String>) -> Decided {
    Decided { what, kind: None, reason: None, changes: Vec::new(), why: why.into() }
}

fn not_planned(run: &Run) -> String {
    let reason = run.reason.as_deref().unwrap_or("nothing was planned");
    format!("the run is {} without a plan: {reason}", run.state.as_str())
}

fn planned(of: &Evidence<'_>, change: &Change) -> Decided {
    let why = match (change.kind, change.reason) {
        _ if change.old.is_some() && change.old == change.new => {
            "nothing of the person changes; they are written for their groups only".to_owned()
        }
        (_, Reason::Rollback) => "a run is undone: the person becomes as before it".to_owned(),
        (_, Reason::Deletion) => "the connection is deleted, and its people are removed with it".to_owned(),
        (ChangeKind::Add, _) => "the source presents somebody who was not in the directory".to_owned(),
        (ChangeKind::Propose, _) => {
            "the source presents somebody who was not in the directory, and new people are only proposed (on_new)"
                .to_owned()
        }
        (_, Reason::Absent) => {
            format!("the person is in no row of a complete listing, and on_absent is {}", absent_word(of.settings))
        }
        (_, Reason::Status(status)) => {
            format!("the source gives the status {}, which is not imported", status.as_str())
        }
        (ChangeKind::Deactivate, _) => "the source says that the person is inactive".to_owned(),
        (ChangeKind::Reactivate, _) => "the source says that the person is active again".to_owned(),
        _ => "the source says something else than is stored".to_owned(),
    };
    let switched = of.proposed.and_then(|proposed| off_beside(of, proposed, change));
    let why = why + &switched.unwrap_or_default();
    Decided { what: What::Changed, kind: Some(change.kind), reason: Some(change.reason), changes: changes(change), why }
}

/// What is left out beside a planned change, because its switch is off.
fn off_beside(of: &Evidence<'_>, proposed: &Proposed, change: &Change) -> Option<String> {
    match decide(&proposed.desired, change.old.as_ref(), of.settings) {
        Decision::Partly(_, off) => Some(format!("; what else would {} is switched off", off.kind.as_str())),
        Decision::Protected(_) => {
            Some("; that they would be deactivated does not count, as they are on never_remove".to_owned())
        }
        _ => None,
    }
}

fn absent_word(settings: &Settings) -> &'static str {
    use muster_core::settings::OnAbsent::{Deactivate, Ignore, Remove};
    match settings.on_absent {
        Remove => "remove",
        Deactivate => "deactivate",
        Ignore => "ignore",
    }
}

/// A person who has a row that can be used, and no change.
fn presented(of: &Evidence<'_>, proposed: &Proposed) -> Decided {
    let too_large = of.issues.iter().find(|issue| issue.code == Code::RecipientTooLarge);
    if let Some(issue) = too_large {
        return plain(What::Flagged, told(issue));
    }
    match decide(&proposed.desired, of.owned(), of.settings) {
        Decision::Same => plain(What::Unchanged, "the row says what is stored"),
        Decision::Skipped => {
            let status = proposed.desired.status.as_str();
            plain(
                What::Skipped,
                format!(
                    "the source gives the status {status}, which is not imported, and the person is not in the directory"
                ),
            )
        }
        Decision::SwitchedOff(change) | Decision::Partly(_, change) => switched_off(&change),
        Decision::Protected(_) => {
            plain(What::Protected, "the person would be removed or deactivated, but is on never_remove")
        }
        Decision::Change(change) if change.kind == ChangeKind::Remove && of.withholds() => withheld(change),
        Decision::Change(_) if of.written_since() || of.owned().is_none() => plain(
            What::Unchanged,
            "the row said what was stored then; the person was changed since by another run or by hand",
        ),
        Decision::Change(_) => plain(
            What::Unchanged,
            "the row is as it was in the last listing, so it was not looked at anew; what is stored was changed by other means, or the settings were",
        ),
    }
}

fn switched_off(change: &Change) -> Decided {
    let why =
        format!("the change would be to {}, and its switch is off; it is listed and not made", change.kind.as_str());
    let (kind, reason) = (Some(change.kind), Some(change.reason));
    Decided { what: What::SwitchedOff, kind, reason, changes: changes(change), why }
}

fn withheld(change: Change) -> Decided {
    let why = "the person would be removed, but a first run, a damaged source and one that was not read to its end remove nobody";
    Decided {
        what: What::Withheld,
        kind: Some(change.kind),
        reason: Some(change.reason),
        changes: Vec::new(),
        why: why.to_owned(),
    }
}

/// A person without a row in a source that was read to its end.
fn not_presented(of: &Evidence<'_>) -> Decided {
    let Some(owned) = of.owned() else {
        return match of.stored {
            Some(_) => plain(What::Nobody, "the id is in no row, and the person was removed by another run already"),
            None => plain(What::Nobody, "the id is in no row of the source and nobody's in the directory"),
        };
    };
    if of.came_later() {
        return plain(What::Nobody, "the id is in no row, and the person came to the directory after this run only");
    }
    match decide_absent(owned, u8::MAX, of.settings) {
        AbsentDecision::Kept(why) => kept(why),
        AbsentDecision::SwitchedOff(change) => switched_off(&change),
        AbsentDecision::Change(change) if of.withholds() => Decided {
            what: What::Withheld,
            kind: Some(change.kind),
            reason: Some(change.reason),
            changes: Vec::new(),
            why: "the id is in no row, but absence counts only in a complete listing after a first run: a row could not be told, the source is damaged or broke off, or nothing was applied before".to_owned(),
        },
        AbsentDecision::Change(_) if of.settings.absent_grace > 0 => kept(KeptWhy::InGrace),
        AbsentDecision::Change(_) => {
            plain(What::KeptAbsent, "the id is in no row, and the person was not yet looked for, or was written since by another run")
        }
    }
}

fn kept(why: KeptWhy) -> Decided {
    let (what, why) = match why {
        KeptWhy::Ignored => (What::KeptAbsent, "the id is in no row, and on_absent is ignore"),
        KeptWhy::InGrace => {
            (What::KeptAbsent, "the id is in no row; the grace of absent_grace listings in a row is not used up yet")
        }
        KeptWhy::AlreadyInactive => {
            (What::KeptAbsent, "the id is in no row; on_absent is deactivate, and the person is inactive already")
        }
        KeptWhy::Protected => (What::Protected, "the id is in no row, but the person is on never_remove"),
    };
    plain(what, why)
}

/// Each field that a change changes.
fn changes(change: &Change) -> Vec<FieldChange> {
    let Some(new) = &change.new else { return Vec::new() };
    let value = |side: Option<&Recipient>, field: Field| match field {
        Field::EMPLOYMENT_STATUS => side.map(|side| Value::One(side.status.as_str().to_owned())),
        field => side.and_then(|side| side.values.get(&field).cloned()),
    };
    let of = |field| FieldChange { field, old: value(change.old.as_ref(), field), new: value(Some(new), field) };
    Field::all().map(of).filter(|change| change.old != change.new).collect()
}
