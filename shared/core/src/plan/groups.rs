//! Which groups a recipient belongs to.
//!
//! Membership is not delivery: all recipients of a connection are members of its group, inactive ones
//! too; that those get no messages is the business of whoever sends.

use unicode_normalization::UnicodeNormalization;

use super::{Change, ChangeKind};
use crate::field::Field;
use crate::recipient::{Recipient, Value};
use crate::settings::Settings;

/// One group of a connection.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupKey {
    /// The grouping field; `None` is the connection's own protected group.
    pub field: Option<Field>,
    /// The field's value as stored; empty for the connection's own group.
    pub value: String,
}

impl GroupKey {
    /// What tells groups apart: the field with the folded value, so `london` and `London` are one group.
    pub fn folded(&self) -> (Option<Field>, String) {
        (self.field, fold(&self.value))
    }
}

/// A value as groups compare it: white space around it off, composed (NFC), lower-case.
pub fn fold(value: &str) -> String {
    let value = value.trim();
    if value.is_ascii() {
        return value.to_ascii_lowercase();
    }
    value.nfc().flat_map(char::to_lowercase).nfc().collect()
}

/// The group's name: the connection's own group as the customer named it, others `Department: London`.
pub fn group_name(settings: &Settings, field: Option<Field>, value: &str) -> String {
    match field {
        None => settings.group.clone(),
        Some(field) => format!("{}: {}", field.spec().label, value.trim()),
    }
}

/// The groups the recipient is a member of, the connection's own first, then by grouping field;
/// inactive recipients included. A field with several values gives one group for each.
pub fn groups_of(recipient: &Recipient, settings: &Settings) -> Vec<GroupKey> {
    let mut keys = vec![GroupKey { field: None, value: String::new() }];
    for &field in &settings.group_by {
        if field == Field::EMPLOYMENT_STATUS {
            keys.push(GroupKey { field: Some(field), value: recipient.status.as_str().to_owned() });
        }
        for value in recipient.values.get(&field).into_iter().flat_map(Value::iter) {
            let key = GroupKey { field: Some(field), value: value.trim().to_owned() };
            if !key.value.is_empty() && !keys.iter().any(|other| other.folded() == key.folded()) {
                keys.push(key);
            }
        }
    }
    keys
}

/// Which groups one change makes its person join and leave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupMoves {
    /// Groups of the recipient after and not before.
    pub joins: Vec<GroupKey>,
    /// Groups of the recipient before and not after.
    pub leaves: Vec<GroupKey>,
}

/// The moves of a change; none for a proposal. Another spelling of a value is the same group.
pub fn group_moves(change: &Change, settings: &Settings) -> GroupMoves {
    if change.kind == ChangeKind::Propose {
        return GroupMoves::default();
    }
    let keys = |side: &Option<Recipient>| -> Vec<(_, GroupKey)> {
        let groups = side.as_ref().map(|recipient| groups_of(recipient, settings)).unwrap_or_default();
        groups.into_iter().map(|key| (key.folded(), key)).collect()
    };
    let (before, after) = (keys(&change.old), keys(&change.new));
    let only = |these: &[(_, GroupKey)], others: &[(_, GroupKey)]| {
        let missing = these.iter().filter(|(id, _)| !others.iter().any(|(other, _)| other == id));
        missing.map(|(_, key)| key.clone()).collect()
    };
    GroupMoves { joins: only(&after, &before), leaves: only(&before, &after) }
}
