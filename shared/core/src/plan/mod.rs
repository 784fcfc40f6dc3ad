//! What a run would do: changes with old and new values, their tally, and the gates.
//!
//! [`decide()`] says what becomes of one person, [`PlanBuilder`] adds it up, [`gates`] measures the
//! sum, [`PlanHasher`] and [`encode_change`] give the plan its stored form and the hash that an
//! approval names, [`reverse()`] makes the way back.

mod builder;
mod change;
mod decide;
mod facts;
pub mod gates;
mod groups;
mod lists;
mod reverse;
mod stored;
mod summary;
mod summary_json;
mod without;

#[cfg(test)]
mod tests;

pub use builder::{PlanBuilder, Planned};
pub use change::{Change, ChangeKind, Reason};
pub use decide::{AbsentDecision, Decision, KeptWhy, decide, decide_absent};
pub use facts::{Facts, PlanScope};
pub use groups::{GroupKey, GroupMoves, fold, group_moves, group_name, groups_of};
pub use lists::Lists;
pub use reverse::{Reversal, reverse, reverse_against};
pub use stored::{
    ChunkReader, MAX_ITEM_BYTES, MadeFrom, PlanHasher, StoredError, encode_change, recipient_size, start_chunk,
};
pub use summary::{FieldTally, Gate, GateReading, GroupChange, IssueTally, NewValue, Outcome, Summary, Tally};
pub use summary_json::{summary_from_json, summary_to_json};
pub use without::chunk_without;
