//! How far a file may expand, and damage that shows only while reading.

use std::io;

use crate::issue::{Code, Issue};

/// How far a file may expand, and how large its parts may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes of text that are read from one file, after all wrappers.
    pub max_bytes: u64,
    /// How many times larger than the uploaded file its text may be; counts only once the text is
    /// over [`Limits::RATIO_FREE_BYTES`].
    pub max_ratio: u32,
    /// The largest cell in bytes.
    pub max_cell_bytes: usize,
    /// The largest record in bytes, the header too.
    pub max_record_bytes: usize,
    /// The most columns.
    pub max_columns: usize,
}

impl Limits {
    /// Up to this many bytes of text [`Limits::max_ratio`] does not count: small files of equal rows
    /// pack very well.
    pub const RATIO_FREE_BYTES: u64 = 10 << 20;

    /// The most bytes of text an upload of `uploaded` bytes may become.
    pub fn cap(&self, uploaded: u64) -> u64 {
        uploaded.saturating_mul(u64::from(self.max_ratio)).max(Self::RATIO_FREE_BYTES).min(self.max_bytes)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_bytes: 4 << 30,
            max_ratio: 200,
            max_cell_bytes: 1 << 20,
            max_record_bytes: 4 << 20,
            max_columns: 2_000,
        }
    }
}

/// Damage of the file that shows only while its body is read, as the payload of an [`io::Error`].
/// Reading again gives the same; an [`io::Error`] without it is a failure of the input itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadFault {
    /// The gzip, zip or PGP wrapper is cut off, altered or broken.
    #[error("{0}")]
    Wrapper(String),
    /// The file expands further than [`Limits`] allow.
    #[error("{0}")]
    TooLarge(String),
    /// The text ends in the middle of a character.
    #[error("{0}")]
    Truncated(String),
}

impl ReadFault {
    /// The code of the issue that tells it; each has the reach of damage.
    pub fn code(&self) -> Code {
        match self {
            Self::Wrapper(_) => Code::Wrapper,
            Self::TooLarge(_) => Code::TooLarge,
            Self::Truncated(_) => Code::Truncated,
        }
    }

    /// The issue that tells it.
    pub fn issue(&self) -> Issue {
        Issue::file(self.code(), self.to_string())
    }

    pub(crate) fn into_io(self) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, self)
    }
}

/// The damage an error tells of, or `None` when the input itself failed and a retry may help.
pub fn fault_of(error: &io::Error) -> Option<&ReadFault> {
    error.get_ref()?.downcast_ref::<ReadFault>()
}
