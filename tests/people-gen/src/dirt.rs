//! Rows with known faults, each of a person of its own whose id begins with `D`.

use crate::cells::{Cells, at};
use crate::person::{Person, Status};

/// What is wrong with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Phone,
    Email,
    Date,
    StatusWord,
    LongTitle,
    Blocked,
    Duplicate,
    Repeated,
    Blank,
    Formula,
    Markup,
    Invisible,
}

/// Each fault and the first day that has it; before, the row is clean, so that a stored person must
/// outlive the fault.
pub(crate) const FAULTS: [(Fault, u32); 18] = [
    (Fault::Phone, 1),
    (Fault::Phone, 2),
    (Fault::Email, 1),
    (Fault::Email, 2),
    (Fault::Date, 1),
    (Fault::Date, 2),
    (Fault::StatusWord, 1),
    (Fault::StatusWord, 2),
    (Fault::LongTitle, 1),
    (Fault::Blocked, 1),
    (Fault::Blocked, 2),
    (Fault::Duplicate, 1),
    (Fault::Duplicate, 2),
    (Fault::Repeated, 1),
    (Fault::Blank, 1),
    (Fault::Formula, 1),
    (Fault::Markup, 1),
    (Fault::Invisible, 1),
];

impl Fault {
    /// The code of the issue it makes, if it makes one.
    pub(crate) fn code(self) -> Option<&'static str> {
        match self {
            Self::Phone | Self::Email | Self::Date => Some("invalid"),
            Self::StatusWord => Some("unknown_status"),
            Self::LongTitle => Some("too_long"),
            Self::Blocked => Some("blocked"),
            Self::Duplicate => Some("duplicate_id"),
            Self::Repeated => Some("repeated_row"),
            Self::Blank => Some("blank_row"),
            Self::Formula | Self::Markup | Self::Invisible => None,
        }
    }

    /// Whether it costs the whole person, who then stays as stored.
    pub(crate) fn costs_person(self) -> bool {
        matches!(self, Self::StatusWord | Self::Duplicate)
    }

    /// The records the fault's person has in a file that shows it.
    pub(crate) fn records(self) -> u32 {
        if matches!(self, Self::Duplicate | Self::Repeated) { 2 } else { 1 }
    }

    fn spoil(self, cells: &mut Cells, copy: u32) {
        let long = "Senior ".repeat(30);
        let (column, value) = match self {
            Self::Phone => (at::MOBILE, "555-CALL-ME"),
            Self::Email => (at::WORK_EMAIL, "ana.lima(at)acme.example"),
            Self::Date => (at::HIRE_DATE, "02/30/2024"),
            Self::StatusWord => (at::STATUS, "Q"),
            Self::LongTitle => (at::TITLE, long.as_str()),
            Self::Blocked => (at::BADGE, "123-45-6789"),
            Self::Duplicate if copy == 1 => (at::SHIFT, "Another row of the same id"),
            Self::Formula => (at::FIRST_NAME, "=HYPERLINK(\"http://evil.example\",\"Click\")"),
            Self::Markup => (at::LAST_NAME, "<script>alert('x')</script><b>Bo</b>"),
            Self::Invisible => (at::FIRST_NAME, "An\u{200b}a\u{202e}amiL\u{202c} \u{1f469}\u{200d}\u{1f4bb}"),
            Self::Duplicate | Self::Repeated | Self::Blank => return,
        };
        cells.replace(column, value);
    }
}

/// The id of the person of `FAULTS[index]`; empty for the row that is nobody's.
pub(crate) fn id(index: usize) -> String {
    match FAULTS[index].0 {
        Fault::Blank => String::new(),
        _ => format!("D{:06}", index + 1),
    }
}

/// Writes the cells of one record of `FAULTS[index]`.
pub(crate) fn fill(cells: &mut Cells, seed: u64, index: usize, copy: u32, day: u32, restyle: bool) {
    let mut person = Person::new(seed, u32::MAX - 40 - index as u32);
    person.status = Status::Active;
    person.manager = None;
    cells.fill(seed, &person, restyle);
    cells.replace(0, &id(index));
    let (fault, from) = FAULTS[index];
    if day >= from {
        fault.spoil(cells, copy);
    }
}
