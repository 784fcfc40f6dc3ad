//! Segments as the API takes and shows them.

use muster_sync::Segment;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::groups::shown::Visibility;
use crate::time;

pub(super) const LONGEST_NAME: usize = 100;
pub(super) const LONGEST_DESCRIPTION: usize = 500;

/// A segment to save.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SegmentWish {
    /// Its name; unique in the account, whatever its case and punctuation.
    #[schemars(length(min = 1, max = 100))]
    pub(super) name: String,
    /// What it is for.
    #[serde(default)]
    #[schemars(length(max = 500))]
    pub(super) description: String,
    /// The expression.
    #[schemars(length(min = 1, max = 4096))]
    pub(super) filter: String,
    pub(super) visibility: Visibility,
}

/// A page of segments.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct SegmentList {
    pub(super) items: Vec<SegmentShown>,
    /// Where the next page begins; null at the end.
    pub(super) next: Option<String>,
}

/// A saved filter.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct SegmentShown {
    /// Its id, made of its name.
    id: String,
    name: String,
    /// What it is for.
    description: String,
    /// The expression.
    filter: String,
    visibility: Visibility,
    /// Who made it.
    author: String,
    /// When it was made.
    made_at: String,
    /// When it was changed last.
    changed_at: String,
    /// Grows with every change.
    version: u64,
}

pub(super) fn shown(id: &str, segment: Segment, version: u64) -> SegmentShown {
    SegmentShown {
        id: id.to_owned(),
        name: segment.name,
        description: segment.description,
        filter: segment.filter,
        visibility: Visibility::of(segment.public),
        author: segment.author,
        made_at: time::shown(segment.made_ms),
        changed_at: time::shown(segment.changed_ms),
        version,
    }
}
