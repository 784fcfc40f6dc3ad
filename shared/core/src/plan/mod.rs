//! What a run would do: changes with old and new values, their tally, and the gates.

mod change;
mod summary;

pub use change::{Change, ChangeKind, Reason};
pub use summary::{FieldTally, Gate, GateReading, GroupChange, IssueTally, NewValue, Outcome, Summary, Tally};
