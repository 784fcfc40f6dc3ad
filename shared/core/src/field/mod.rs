//! The catalogue of recipient fields: data, in one place.

mod catalogue;

pub use catalogue::CATALOGUE;

/// One field of the catalogue, by its place in it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Field(u8);

/// What kind of value a field holds, and so how it is checked and normalised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The source's id of the person.
    UniqueId,
    /// The employment status.
    Status,
    /// Free text.
    Text,
    /// A person's name.
    Name,
    /// An e-mail address.
    Email,
    /// A phone number, stored as E.164.
    Phone,
    /// A street line or a whole address.
    Address,
    /// ISO 3166-1 alpha-2.
    Country,
    /// A BCP 47 language tag.
    Language,
    /// An ISO 8601 calendar date.
    Date,
    /// The unique id of another person.
    Reference,
}

/// What the catalogue says about a field.
#[derive(Debug)]
pub struct FieldSpec {
    /// The name in connection files, reports and APIs.
    pub name: &'static str,
    /// The label unless the account chooses another.
    pub label: &'static str,
    /// The short attribute name in the stored item: an item with all fields must fit one write unit.
    pub stored_as: &'static str,
    /// How values are checked and normalised.
    pub kind: Kind,
    /// Whether the account chooses the label: text of any meaning.
    pub flexible: bool,
    /// Whether groups and segments may be driven by it.
    pub dynamic: bool,
    /// The longest value in characters.
    pub max_chars: usize,
}

impl Field {
    /// The id by which the source names the person.
    pub const UNIQUE_ID: Self = Self::named("unique_id");
    /// The employment status.
    pub const EMPLOYMENT_STATUS: Self = Self::named("employment_status");
    /// The first e-mail address.
    pub const EMAIL_1: Self = Self::named("email_1");
    /// The first name.
    pub const FIRST_NAME: Self = Self::named("first_name");
    /// The last name.
    pub const LAST_NAME: Self = Self::named("last_name");
    /// The manager's unique id.
    pub const MANAGER_ID: Self = Self::named("manager_id");

    const fn named(name: &str) -> Self {
        let mut at = 0;
        while at < CATALOGUE.len() {
            if same(CATALOGUE[at].name.as_bytes(), name.as_bytes()) {
                return Self(at as u8);
            }
            at += 1;
        }
        panic!("the catalogue lacks a field that rules refer to")
    }

    /// The field with this name, exactly.
    pub fn by_name(name: &str) -> Option<Self> {
        CATALOGUE.iter().position(|spec| spec.name == name).map(|at| Self(at as u8))
    }

    /// The field stored under this short attribute name.
    pub fn by_stored(name: &str) -> Option<Self> {
        CATALOGUE.iter().position(|spec| spec.stored_as == name).map(|at| Self(at as u8))
    }

    /// The field at this place of the catalogue.
    pub fn at(index: usize) -> Option<Self> {
        (index < CATALOGUE.len()).then_some(Self(index as u8))
    }

    /// All fields in the catalogue's order.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..CATALOGUE.len()).map(|at| Self(at as u8))
    }

    /// What the catalogue says about it.
    pub fn spec(self) -> &'static FieldSpec {
        &CATALOGUE[usize::from(self.0)]
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        self.spec().name
    }

    /// Its place in the catalogue, below [`CATALOGUE`]`.len()`.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl std::fmt::Debug for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut at = 0;
    while at < a.len() {
        if a[at] != b[at] {
            return false;
        }
        at += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_catalogue_has_33_fields_with_names_of_their_own() {
        let names: BTreeSet<_> = CATALOGUE.iter().map(|spec| spec.name).collect();
        let stored: BTreeSet<_> = CATALOGUE.iter().map(|spec| spec.stored_as).collect();
        assert_eq!((names.len(), stored.len(), CATALOGUE.len()), (33, 33, 33));
    }

    #[test]
    fn a_field_is_found_by_its_name_only() {
        assert_eq!(Field::by_name("email_1"), Some(Field::EMAIL_1));
        assert_eq!(Field::by_name("Email_1"), None);
    }
}
