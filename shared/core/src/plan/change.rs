//! One change of one person.

use std::borrow::Cow;

use crate::ids::UniqueId;
use crate::recipient::Recipient;
use crate::status::Status;

/// What happens to the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChangeKind {
    /// Added to the directory, or taken back after a removal.
    Add,
    /// Listed as a potential invite; nothing is written.
    Propose,
    /// Fields change; the status stays.
    Update,
    /// Active → inactive, whatever else changes.
    Deactivate,
    /// Inactive → active, whatever else changes.
    Reactivate,
    /// Removed: kept hidden for 30 days.
    Remove,
}

impl ChangeKind {
    /// `add`, `propose`, `update`, `deactivate`, `reactivate`, `remove`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Propose => "propose",
            Self::Update => "update",
            Self::Deactivate => "deactivate",
            Self::Reactivate => "reactivate",
            Self::Remove => "remove",
        }
    }

    /// The kind of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Add, Self::Propose, Self::Update, Self::Deactivate, Self::Reactivate, Self::Remove]
            .into_iter()
            .find(|kind| kind.as_str() == name)
    }
}

/// Why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The source presents the person so.
    Source,
    /// The person is not in a complete listing.
    Absent,
    /// The source gives a status that is not imported.
    Status(Status),
    /// A run is undone.
    Rollback,
    /// The connection is deleted.
    Deletion,
    /// A person says so.
    ByHand,
}

impl Reason {
    /// The stable name in stored plans and APIs: `absent`, `status:terminated`.
    pub fn name(self) -> Cow<'static, str> {
        match self {
            Self::Source => "source".into(),
            Self::Absent => "absent".into(),
            Self::Rollback => "rollback".into(),
            Self::Deletion => "deletion".into(),
            Self::ByHand => "by_hand".into(),
            Self::Status(status) => format!("status:{}", status.as_str()).into(),
        }
    }
}

/// One change of one person, with what was stored before and what is stored after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What happens.
    pub kind: ChangeKind,
    /// Why.
    pub reason: Reason,
    /// Whom it is about.
    pub unique_id: UniqueId,
    /// What the plan saw stored; `None` for a person who is not in the directory.
    pub old: Option<Recipient>,
    /// What is stored after; `None` for a removal.
    pub new: Option<Recipient>,
    /// The source's record that says so, the first one after the header being 1; `None` where no record does: for
    /// absent people, reverse plans and changes of groups only.
    pub record: Option<u64>,
}
