//! Reading a file's records and comparing them with what the connection owns.
//!
//! Only records that were not there the last time are taken apart, mapped and checked; the others are known by
//! their hash. What comes out is a [`Comparison`]: the people who need a look, and, only if every row of the file
//! could be told, the people who are absent.

mod cells;
mod compare;
mod issue_log;
mod look_up;
mod outcome;
mod rows;
mod scan;
mod scratch;
mod split;
mod spool;
mod structure;

#[cfg(test)]
mod split_tests;
#[cfg(test)]
mod tests;

pub use compare::{CompareInput, compare};
pub use issue_log::IssueLog;
pub use look_up::{FoundRow, FoundRows, Judged, judge_rows, rows_of};
pub use outcome::{Absent, Comparison, CompleteListing, Counts, Decisions, Proposed, Standing};
pub use rows::Rows;
pub use scratch::{MemoryScratch, Scratch, ScratchFile};
