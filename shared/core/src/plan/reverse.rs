//! The way back: the change that undoes a change.

use crate::recipient::Recipient;

use super::{Change, ChangeKind, Reason};

/// What undoing one change comes to, given what is stored now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reversal {
    /// This change undoes it.
    Change(Change),
    /// The person is as before the run already, or the run wrote nothing of them.
    AlreadySo,
    /// The person is no longer as the run left them; undoing would lose what came later.
    Conflict,
}

/// The change that undoes `change`; `None` where there is nothing to undo: for a proposal, which wrote nothing, and
/// for a change that leaves the person as stored, which was written for their groups only.
pub fn reverse(change: &Change) -> Option<Change> {
    if change.old == change.new {
        return None;
    }
    let kind = match change.kind {
        ChangeKind::Propose => return None,
        ChangeKind::Add => ChangeKind::Remove,
        ChangeKind::Remove => ChangeKind::Add,
        ChangeKind::Update => ChangeKind::Update,
        ChangeKind::Deactivate => ChangeKind::Reactivate,
        ChangeKind::Reactivate => ChangeKind::Deactivate,
    };
    Some(Change {
        kind,
        reason: Reason::Rollback,
        unique_id: change.unique_id.clone(),
        old: change.new.clone(),
        new: change.old.clone(),
        record: None,
    })
}

/// As [`reverse`], checked against what is stored now (`None`: not in the directory, or hidden).
pub fn reverse_against(change: &Change, stored: Option<&Recipient>) -> Reversal {
    let Some(back) = reverse(change) else { return Reversal::AlreadySo };
    if stored == back.new.as_ref() {
        Reversal::AlreadySo
    } else if stored == back.old.as_ref() {
        Reversal::Change(back)
    } else {
        Reversal::Conflict
    }
}
