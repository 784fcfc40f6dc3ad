//! What is never mapped, stored, logged or quoted: by the name of a column and by the look of a value.

mod columns;
mod values;

pub use columns::{blocked_column, blocked_kinds};
pub use values::{blocked_id, blocked_value};

/// What stands in place of a blocked value wherever a record is shown.
pub const MASK: &str = "***";
