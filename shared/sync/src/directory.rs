//! The recipients of connections: what is stored of one, which runs wrote it, and the port to all of them.

use std::collections::BTreeMap;

use muster_core::field::Field;
use muster_core::ids::{AccountId, ConnectionId, RunId, UniqueId};
use muster_core::plan::Change;
use muster_core::recipient::Recipient;

use crate::{PortError, Run};

type Answer<T> = Result<T, PortError>;

/// A recipient as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The recipient.
    pub recipient: Recipient,
    /// Since when it is removed and hidden, in milliseconds since 1970.
    pub removed_ms: Option<i64>,
    /// Who wrote it.
    pub trace: Trace,
}

/// Which runs wrote a recipient, by their fencing numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trace {
    /// The run that wrote last, for groups only too.
    pub run: Option<RunId>,
    /// Its fencing number.
    pub fence: u64,
    /// The record of its source that says so.
    pub record: Option<u64>,
    /// Fencing number and record of the run that added the person, which set every field that no later run changed;
    /// `None` for people who were added before this was kept.
    pub added: Option<(u64, Option<u64>)>,
    /// The fencing number of the run that last changed the field, where that was not the one that added the person.
    /// The status stands here as [`Field::EMPLOYMENT_STATUS`].
    pub fields: BTreeMap<Field, u64>,
    /// When the person was first added, in milliseconds since 1970.
    pub first_ms: Option<i64>,
}

impl Trace {
    /// The fencing number of the run that set, changed or cleared the field last.
    pub fn fence_of(&self, field: Field) -> Option<u64> {
        self.fields.get(&field).copied().or(self.added.map(|(fence, _)| fence))
    }

    /// The record of that run's source, where the recipient itself tells it.
    pub fn record_of(&self, field: Field) -> Option<u64> {
        let fence = self.fence_of(field)?;
        match self.added {
            Some((added, record)) if added == fence => record,
            _ => self.record.filter(|_| fence == self.fence),
        }
    }
}

/// What a conditional write found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// Written now.
    Now,
    /// The stored state is already what the change leads to.
    Already,
    /// The stored state is neither what the plan saw nor what it leads to; nothing was written.
    Conflict,
    /// A newer run has written this person; nothing was written.
    Fenced,
}

/// A page of something.
#[derive(Debug)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<String>,
}

/// The recipients of connections.
#[expect(async_fn_in_trait, reason = "functions run one event at a time on one thread")]
pub trait Directory {
    /// The stored recipients among these (at most 100 ids), removed ones too, in any order.
    async fn get(&self, account: &AccountId, connection: &ConnectionId, ids: &[UniqueId]) -> Answer<Vec<Stored>>;
    /// Writes one change, conditional on what the plan saw and on a lower fencing number being stored.
    async fn write(&self, run: &Run, groups: &[(usize, String)], change: &Change, now_ms: i64) -> Answer<Written>;
    /// One page of a connection's recipients that are not removed, `shard` by shard; looks at no more than `limit` stored
    /// ones, or at as many as the service reads at once.
    async fn page(
        &self,
        account: &AccountId,
        connection: &ConnectionId,
        shard: u8,
        from: Option<&str>,
        limit: Option<u32>,
    ) -> Answer<Page<Stored>>;
    /// How many recipients that are not removed, inactive ones too, carry the group value `value` in grouping slot `slot` (0 to 2).
    async fn count_group(&self, connection: &ConnectionId, slot: usize, value: &str) -> Answer<u64>;
    /// At most `limit` recipients that are not removed and carry the folded group value `value` in grouping slot
    /// `slot` (0 to 2), by unique id. May lag a moment behind what was written.
    async fn group_page(
        &self,
        account: &AccountId,
        connection: &ConnectionId,
        slot: usize,
        value: &str,
        from: Option<&UniqueId>,
        limit: u32,
    ) -> Answer<Page<UniqueId>>;
}

/// How many key values a connection's recipients are spread over: one takes 1,000 writes a second.
pub const SHARDS: u8 = 16;
