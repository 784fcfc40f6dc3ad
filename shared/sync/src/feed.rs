//! What a connection with an API remembers between polls and events.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::RunCounts;

/// How many people may be changed between two listings before single ones are no longer remembered.
pub const TOUCHED_MOST: usize = 500;

/// Stored as one value beside the connection; whoever read an older version than is stored starts again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Feed {
    /// Grows with every change.
    pub version: u64,
    /// The run that is collecting a listing now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub polling: Option<String>,
    /// From where the next incremental reading goes on; the provider's own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mark: Option<String>,
    /// When the last applied full listing began, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full_ms: Option<i64>,
    /// When something was last put off to a full listing; wanted until one that began later was applied or is held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full_wanted_ms: Option<i64>,
    /// Whom single writes changed since the roster was made: unique id → when. The roster does not know of it, and
    /// a listing that began before says nothing about them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub touched: BTreeMap<String, i64>,
    /// When there were too many to remember: the roster is gone, and listings begun before are void.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost_count_ms: Option<i64>,
    /// What single writes did since the last report.
    pub by_events: RunCounts,
    /// When an event last changed somebody, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_ms: Option<i64>,
    /// For which missing file an alert was sent, as the time at which it was expected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alerted_ms: Option<i64>,
}

impl Feed {
    /// Remembers who was changed by single writes. `false` when there are too many: then the roster must go.
    pub fn touch<'i>(&mut self, ids: impl IntoIterator<Item = &'i str>, now_ms: i64) -> bool {
        self.touched.extend(ids.into_iter().map(|id| (id.to_owned(), now_ms)));
        if self.touched.len() <= TOUCHED_MOST {
            return true;
        }
        self.touched.clear();
        self.lost_count_ms = Some(now_ms);
        false
    }

    /// Forgets whom a full listing that began then has looked at. Only one of everybody is what was wanted.
    pub fn seen_by_listing(&mut self, began_ms: i64, whole: bool) {
        self.touched.retain(|_, at_ms| *at_ms >= began_ms);
        if !whole {
            return;
        }
        self.full_ms = Some(began_ms);
        if self.full_wanted_ms.is_some_and(|wanted| wanted < began_ms) {
            self.full_wanted_ms = None;
        }
    }
}

/// The high-water mark of one person, by the provider's id.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonMark {
    /// The provider's version that was taken over last, in milliseconds since 1970.
    pub version_ms: Option<i64>,
    /// When the person was read for it, in milliseconds since 1970.
    pub read_ms: i64,
    /// Whether the provider had removed the person.
    pub gone: bool,
    /// The person's unique id, where it was told.
    pub unique_id: Option<String>,
}
