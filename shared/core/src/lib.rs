//! The pure rules of Muster: what a field is, how a source's record becomes a recipient, how a
//! listing is compared with what a connection owns, which changes that makes, and which gates
//! they must pass.
//!
//! Nothing here does IO of its own, reads a clock or awaits: bytes come in through [`std::io::Read`],
//! times come in as arguments. Nothing here knows AWS or an aggregator.

pub mod audience;
pub mod by_hand;
pub mod csv_out;
pub mod field;
pub mod file;
pub mod format;
pub mod ids;
pub mod issue;
pub mod listing;
pub mod look;
pub mod mapping;
pub mod plan;
pub mod privacy;
pub mod recipient;
pub mod report;
pub mod roster;
pub mod segment;
pub mod settings;
pub mod status;
pub mod validate;
