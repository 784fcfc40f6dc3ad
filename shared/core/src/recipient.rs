//! A person as a connection owns them, and what a source wants them to be.

use std::collections::BTreeMap;
use std::fmt;

use crate::field::Field;
use crate::ids::UniqueId;
use crate::status::Status;

/// A stored field value: normalised text, or several where the field is switched on for it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// One value, never empty.
    One(String),
    /// Several values in the source's order, without repeats, none empty.
    Many(Vec<String>),
}

impl Value {
    /// The values one by one.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::Many(texts) => texts.as_slice(),
        }
        .iter()
        .map(String::as_str)
    }
}

/// Values are personal data: logs see only how many there are.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Value({})", self.iter().count())
    }
}

/// The stored values of one person; a field without a value is not there. Never holds
/// [`Field::UNIQUE_ID`]; [`Field::EMPLOYMENT_STATUS`] stands in [`Recipient::status`].
pub type Values = BTreeMap<Field, Value>;

/// A person as this connection owns them in the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// The source's id of the person.
    pub unique_id: UniqueId,
    /// Active, or inactive (kept, hidden).
    pub status: Status,
    /// What is stored.
    pub values: Values,
}

/// What a source says about one field.
#[derive(Clone, PartialEq, Eq)]
pub enum Cell {
    /// Says nothing, or nothing that can be used: the stored value stays.
    Keep,
    /// Says that there is no value.
    Clear,
    /// Says the value.
    Set(Value),
}

/// Cells are personal data: logs see only their kind.
impl fmt::Debug for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Keep => "Keep",
            Self::Clear => "Clear",
            Self::Set(_) => "Set",
        })
    }
}

/// A person as the mapping makes them out of a source's record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Desired {
    /// The source's id of the person.
    pub unique_id: UniqueId,
    /// The canonical status; active where no status is mapped.
    pub status: Status,
    /// Every mapped field but unique id and status, in the catalogue's order. Unmapped fields are
    /// not here and so never touched.
    pub cells: Vec<(Field, Cell)>,
}

impl Desired {
    /// The recipient that results when the source's word is laid over what is stored.
    pub fn over(&self, stored: Option<&Recipient>) -> Recipient {
        let mut values = stored.map(|recipient| recipient.values.clone()).unwrap_or_default();
        for (field, cell) in &self.cells {
            match cell {
                Cell::Keep => {}
                Cell::Clear => {
                    values.remove(field);
                }
                Cell::Set(value) => {
                    values.insert(*field, value.clone());
                }
            }
        }
        Recipient { unique_id: self.unique_id.clone(), status: self.status, values }
    }
}
