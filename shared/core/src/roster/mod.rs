//! The roster: the compact record of everything a connection owns, against which a listing is compared.
//!
//! ```text
//! magic "MUSTERR1" · fingerprint 16 · secret check 8 · people 8 · profile
//! people × 32 bytes, sorted:  raw-record hash 14 · flags 2 · key hash 8 · outcome hash 8
//! people ×  key (1 byte length − 1, then the unique id), in the same order
//! checksum 8
//! ```
//! All numbers are little-endian. Hashes are xxh3 under a secret of the connection, so that people who can edit
//! their own fields cannot make two records collide. The roster is a cache: one that cannot be read, or was
//! made under another secret, is refused and rebuilt from the stored recipients.

mod entry;
mod reader;
mod writer;

use xxhash_rust::xxh3::Xxh3;

pub use entry::{Entry, Flags, Hasher};
pub(crate) use reader::NOT_FOUND;
pub use reader::{ReadSeek, Roster, RosterError};
pub use writer::{RosterWriter, amended, rebuilt};

/// What the hashes of a file's records depend on besides the records: the columns and their order, the delimiter,
/// the mapping with its validators, and `further` rules of the caller.
pub fn fingerprint(header: &[String], delimiter: u8, mapping: &[u8; 16], further: &str) -> [u8; 16] {
    let mut hash = Xxh3::new();
    for column in header {
        hash.update(&(column.len() as u64).to_le_bytes());
        hash.update(column.as_bytes());
    }
    hash.update(&[0, delimiter]);
    hash.update(mapping);
    hash.update(further.as_bytes());
    hash.digest128().to_le_bytes()
}

/// What the last file looked like.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    /// Its data rows.
    pub rows: u64,
    /// Whether it ended with a line end; `None` when no file is known.
    pub ended: Option<bool>,
    /// The shortest and the longest unique id, in characters.
    pub id_width: (u16, u16),
    /// Key hashes of its last people, at most [`TAIL`], in the file's order.
    pub tail: Vec<u64>,
}

/// How many of a file's last people are remembered.
pub const TAIL: usize = 32;

/// The magic and version of the stored form.
const MAGIC: &[u8; 8] = b"MUSTERR1";
