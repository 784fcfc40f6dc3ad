//! Groups as the API shows them.

use muster_sync::GroupShown as Group;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who may see something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Visibility {
    Public,
    Private,
}

impl Visibility {
    pub(crate) fn of(public: bool) -> Self {
        if public { Self::Public } else { Self::Private }
    }
}

/// What makes a group.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum GroupKind {
    /// Everybody of a connection.
    Connection,
    /// Everybody with one value of a grouping field.
    Value,
}

/// A page of groups.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct GroupList {
    pub(super) items: Vec<GroupShown>,
    /// Where the next page begins; null at the end.
    pub(super) next: Option<String>,
}

/// A group.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct GroupShown {
    /// Its id, which stays the same whatever it is called.
    id: String,
    name: String,
    /// The connection that makes it.
    connection: String,
    kind: GroupKind,
    /// The grouping field; null for a connection's own group.
    field: Option<String>,
    /// The value as it was first seen; null for a connection's own group.
    value: Option<String>,
    visibility: Visibility,
    /// A connection's own group: neither renamed nor deleted but with its connection.
    protected: bool,
    /// How many recipients are members, inactive ones too.
    members: u64,
    /// Grows with every decision about it; 0 before the first one.
    version: u64,
}

pub(super) fn shown(group: &Group) -> GroupShown {
    let field = group.field;
    GroupShown {
        id: group.id.clone(),
        name: group.name.clone(),
        connection: group.connection.to_string(),
        kind: if field.is_some() { GroupKind::Value } else { GroupKind::Connection },
        field: field.map(|field| field.name().to_owned()),
        value: field.map(|_| group.value.clone()),
        visibility: Visibility::of(group.public),
        protected: field.is_none(),
        members: group.members,
        version: group.version,
    }
}
