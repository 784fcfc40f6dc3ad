//! Erasing a person: nothing of them is kept but a tombstone that does not tell who it was.

mod tombstone;

pub(crate) use tombstone::Erased;
pub use tombstone::pseudonym;
