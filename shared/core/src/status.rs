//! The five canonical employment statuses and who is imported.

/// What a person is to their employer. A source's own words are mapped to these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Works there and gets messages.
    Active,
    /// On leave: kept, hidden, gets no messages.
    Inactive,
    /// Left or was let go.
    Terminated,
    /// Retired.
    Retired,
    /// Died.
    Deceased,
}

impl Status {
    /// All five, in the order of their stored codes.
    pub const ALL: [Self; 5] = [Self::Active, Self::Inactive, Self::Terminated, Self::Retired, Self::Deceased];

    /// The canonical word, lower-case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
            Self::Terminated => "terminated",
            Self::Retired => "retired",
            Self::Deceased => "deceased",
        }
    }

    /// Reads a canonical word, whatever its case and the white space around it.
    pub fn from_word(word: &str) -> Option<Self> {
        let word = word.trim();
        Self::ALL.into_iter().find(|status| status.as_str().eq_ignore_ascii_case(word))
    }
}

/// Which statuses a connection imports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportChoice {
    /// Only people marked active.
    ActiveOnly,
    /// Everyone but terminated, retired and deceased people.
    ActiveAndInactive,
}

impl ImportChoice {
    /// Whether a person with this status belongs in the directory.
    pub fn takes(self, status: Status) -> bool {
        match self {
            Self::ActiveOnly => status == Status::Active,
            Self::ActiveAndInactive => matches!(status, Status::Active | Status::Inactive),
        }
    }
}
