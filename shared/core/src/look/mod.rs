//! Looking at a source before or beside an import: which columns it has, how full they are, what shape their values
//! are of, which fields they may fill, and which values a mapped field takes.
//!
//! A look shows shapes, never a person's data; the values of [`ValueTally`] are those that whoever maps a field must
//! see to map it, and never blocked ones.

mod columns;
mod guess;
mod shape;
mod synonyms;
mod tally;

pub use columns::{ColumnLook, Columns, Guessed};
pub use guess::{Guess, Guesses};
pub use shape::shape_of;
pub use tally::{Counted, ValueTally};
