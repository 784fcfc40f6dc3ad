//! Findings about a person, a row or a file.

use crate::field::Field;
use crate::ids::UniqueId;

/// How much a finding costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Something was taken over in a way the customer should know of.
    Warning,
    /// A field, row or file was not taken over.
    Error,
}

impl Severity {
    /// `warning` or `error`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// What a finding does to the rest of the listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reach {
    /// One field of one person keeps its stored value.
    Field,
    /// One person stays as stored.
    Person,
    /// Some person could not be told from this row: nobody may be removed by absence.
    Listing,
    /// The file is damaged: nobody may be removed by absence, and the plan is held.
    Damage,
    /// Told, and nothing more.
    Note,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $severity:ident, $reach:ident;)*) => {
        /// The stable code of a finding; what it means and how far it reaches.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The code as it stands in reports and error files.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// Whether it costs something.
            pub fn severity(self) -> Severity {
                match self { $(Self::$name => Severity::$severity,)* }
            }

            /// What else it touches.
            pub fn reach(self) -> Reach {
                match self { $(Self::$name => Reach::$reach,)* }
            }
        }
    };
}

codes! {
    // Rows and people.
    /// The row has fewer or more cells than the header.
    ColumnCount = "column_count", Error, Listing;
    /// The unique id is empty.
    IdMissing = "id_missing", Error, Listing;
    /// The unique id is too long or holds control characters.
    IdInvalid = "id_invalid", Error, Listing;
    /// Two different rows carry the same unique id; both are flagged, the person stays as stored.
    DuplicateId = "duplicate_id", Error, Person;
    /// The same row stands twice; it counts once.
    RepeatedRow = "repeated_row", Warning, Note;
    /// The row is not text in the file's encoding.
    Encoding = "encoding", Error, Person;
    /// The row holds NUL or another control character.
    ControlCharacter = "control_character", Error, Person;
    /// A cell or record is larger than the limit.
    TooLarge = "too_large", Error, Damage;
    /// A row of nothing but delimiters or white space.
    BlankRow = "blank_row", Warning, Note;
    /// A summary or end-of-file line behind the people.
    TrailerRow = "trailer_row", Warning, Note;
    /// The unique ids of this file are of another width than before: leading zeros may be lost.
    IdWidth = "id_width", Warning, Note;
    /// The id looks like a number that a spreadsheet rewrote (`1.23E+10`): nobody can tell whose row it is.
    IdSpreadsheet = "id_spreadsheet", Error, Listing;
    // Fields.
    /// The value is not of the field's type.
    Invalid = "invalid", Error, Field;
    /// The value is longer than the field.
    TooLong = "too_long", Error, Field;
    /// A required field is empty; the stored value is kept.
    RequiredEmpty = "required_empty", Error, Field;
    /// A value that the field's value table does not have.
    UnmappedValue = "unmapped_value", Error, Field;
    /// An employment status that is not mapped; the person stays as stored.
    UnknownStatus = "unknown_status", Error, Person;
    /// The mapping's expression failed on this record.
    Expression = "expression", Error, Field;
    /// The value looks like data that is never stored; it was dropped.
    Blocked = "blocked", Warning, Field;
    /// A manager who is not among the connection's people.
    ManagerUnknown = "manager_unknown", Warning, Note;
    // Listings from providers.
    /// The provider says, or its pages show, that this is not everybody: nobody may be removed by absence.
    ListingPartial = "listing_partial", Error, Listing;
    /// Somebody who is there and could not be read; stays as stored.
    PersonUnread = "person_unread", Error, Person;
    /// Somebody who was changed by an event while the listing was fetched; stays as the event left them.
    PersonNewer = "person_newer", Warning, Person;
    /// The same person came twice with other data; the newer one counts.
    PersonTwice = "person_twice", Warning, Note;
    // Header and whole file.
    /// A mapped column is not in the file; its field keeps what is stored.
    ColumnAbsent = "column_absent", Warning, Note;
    /// A column that is never stored was left out.
    ColumnBlocked = "column_blocked", Warning, Note;
    /// The header is empty, has an empty or duplicate name that matters, or lacks the unique id.
    Header = "header", Error, Damage;
    /// A column without a name was ignored.
    HeaderNameless = "header_nameless", Warning, Note;
    /// The file has no rows.
    NoRows = "no_rows", Error, Damage;
    /// A quote was opened and never closed.
    UnclosedQuote = "unclosed_quote", Error, Damage;
    /// A quote stands inside a field that was not opened with one, or text follows a closing quote.
    StrayQuote = "stray_quote", Error, Damage;
    /// A quoted field holds what looks like whole rows.
    SwallowedRows = "swallowed_rows", Error, Damage;
    /// The file ends in the middle of a row, or without the line end it always had.
    Truncated = "truncated", Error, Damage;
    /// The last people of the last file are missing in one piece: the file looks cut off.
    TailMissing = "tail_missing", Warning, Note;
    /// The file begins or goes on with a byte order mark in the wrong place.
    ByteOrderMark = "byte_order_mark", Error, Damage;
    /// The header stands again further down: two files were joined.
    HeaderRepeated = "header_repeated", Error, Damage;
    /// The delimiter could not be told.
    Delimiter = "delimiter", Error, Damage;
    /// The file is not of a kind that is read (PDF, spreadsheet, image …).
    FileKind = "file_kind", Error, Damage;
    /// The wrapper (gzip, zip, PGP) could not be opened or expands too far.
    Wrapper = "wrapper", Error, Damage;
    /// The file's name does not match the connection's rule.
    FileName = "file_name", Error, Damage;
    /// A fragment of an upload that broke off.
    PartialUpload = "partial_upload", Error, Damage;
    /// A `sep=` line, Ctrl-Z or title line was skipped.
    LineSkipped = "line_skipped", Warning, Note;
    // Plan and apply.
    /// The person changed between plan and apply; the change was left out.
    Conflict = "conflict", Error, Person;
    /// A value of a grouping field that is new.
    NewValue = "new_value", Warning, Note;
    /// The recipient would be larger than an item may be.
    RecipientTooLarge = "recipient_too_large", Error, Person;
    /// Two people of the file have the same e-mail address.
    SharedEmail = "shared_email", Warning, Note;
    /// People of the source were erased: they are left out until the erasure is lifted.
    Erased = "erased", Warning, Note;
}

/// Where in the file: both count from 1; 0 means the file as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Place {
    /// The data record's number, the first one after the header being 1.
    pub record: u64,
    /// The physical line the record begins on, the file's first line being 1.
    pub line: u64,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// What was found.
    pub code: Code,
    /// Where.
    pub place: Place,
    /// Which person, where that could be told.
    pub unique_id: Option<UniqueId>,
    /// Which field, for findings about a field.
    pub field: Option<Field>,
    /// Which column of the file, for findings about a column or a mapped cell.
    pub column: Option<String>,
    /// One sentence fragment for the customer: what is wrong and what to do. Never quotes blocked data.
    pub message: String,
    /// The original record's cells in the header's order, blocked columns masked; empty for
    /// findings about the file.
    pub original: Vec<String>,
}

impl Issue {
    /// A finding about the file as a whole.
    pub fn file(code: Code, message: impl Into<String>) -> Self {
        Self::at(code, Place::default(), message)
    }

    /// A finding at a place.
    pub fn at(code: Code, place: Place, message: impl Into<String>) -> Self {
        Self { code, place, unique_id: None, field: None, column: None, message: message.into(), original: Vec::new() }
    }
}
