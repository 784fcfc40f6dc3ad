//! What a source's columns hold, told without showing it.

use super::{Guesses, shape_of};
use crate::field::Field;
use crate::mapping::{Bound, NOT_GIVEN, STAYS};
use crate::privacy::{MASK, blocked_column, blocked_value};

/// Shapes shown of one column.
const SAMPLES: usize = 5;

/// The field that a column may fill, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guessed {
    /// The field.
    pub field: Field,
    /// The type that the name tells, for channels and addresses.
    pub data_type: Option<&'static str>,
    /// Whether the name is only like a known one.
    pub unsure: bool,
}

/// One column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnLook {
    /// Its name; masked where it looks like blocked data.
    pub name: String,
    /// Why its values are never stored, by its name or by the look of a value.
    pub blocked: Option<&'static str>,
    /// Rows in which it says something.
    pub filled: u64,
    /// Up to 5 different shapes of values, as first seen; none of a blocked column.
    pub samples: Vec<String>,
    /// What it may fill.
    pub guess: Option<Guessed>,
    /// The fields that the mapping fills from it, in the catalogue's order.
    pub mapped: Vec<Field>,
}

/// Collects what columns hold, row by row.
#[derive(Debug)]
pub struct Columns {
    names: Vec<String>,
    columns: Vec<ColumnLook>,
    rows: u64,
}

impl Columns {
    /// Begins to look at a source with these columns; `bound` is the connection's mapping in the same header.
    pub fn of(header: &[String], bound: Option<&Bound<'_>>) -> Self {
        let guesses = Guesses::of(header);
        let guess = |name: &String| {
            let found = guesses.fields.iter().find(|(_, guess)| guess.column == *name);
            found.map(|(field, guess)| Guessed { field: *field, data_type: guess.data_type, unsure: guess.unsure })
        };
        let look = |(at, name): (usize, &String)| ColumnLook {
            name: if blocked_value(name).is_some() { MASK.to_owned() } else { name.clone() },
            blocked: blocked_column(name).or_else(|| blocked_value(name)),
            filled: 0,
            samples: Vec::new(),
            guess: guess(name),
            mapped: bound.map(|bound| bound.fields_taking(at)).unwrap_or_default(),
        };
        Self { names: header.to_vec(), columns: header.iter().enumerate().map(look).collect(), rows: 0 }
    }

    /// Looks at a row: cells in the header's order.
    pub fn row<T: AsRef<str>>(&mut self, cells: &[T]) {
        self.rows += 1;
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            let cell = cell.as_ref();
            if cell == NOT_GIVEN || cell.starts_with(STAYS) || cell.trim().is_empty() {
                continue;
            }
            column.filled += 1;
            if column.blocked.is_none() {
                column.look(cell);
            }
        }
    }

    /// Rows looked at so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// What was seen, in the header's order; columns without a name are ignored, as everywhere.
    pub fn finish(self) -> Vec<ColumnLook> {
        let named = self.names.iter().map(|name| !name.is_empty());
        self.columns.into_iter().zip(named).filter(|(_, named)| *named).map(|(column, _)| column).collect()
    }
}

impl ColumnLook {
    fn look(&mut self, cell: &str) {
        if let Some(reason) = blocked_value(cell) {
            self.blocked = Some(reason);
            self.samples.clear();
            return;
        }
        if self.samples.len() < SAMPLES {
            let shape = shape_of(cell);
            if !self.samples.contains(&shape) {
                self.samples.push(shape);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::Mapping;
    use crate::settings::Settings;

    const SETTINGS: &str = "account = \"acme\"\nname = \"People\"\n[fields.unique_id]\nfrom = \"Badge\"\n\
        [fields.email_1]\nfrom = \"Mail\"\n[fields.custom_1]\nexpr = 'row[\"Badge\"] + \"!\"'\n";

    fn looked_at(header: &[&str], rows: &[&[&str]]) -> Vec<ColumnLook> {
        let header: Vec<String> = header.iter().map(|name| (*name).to_owned()).collect();
        let mapping = Mapping::compile(&Settings::from_toml(SETTINGS).unwrap()).unwrap();
        let (bound, _) = mapping.bind(&header);
        let mut columns = Columns::of(&header, Some(&bound));
        rows.iter().for_each(|row| columns.row(row));
        assert_eq!(columns.rows(), rows.len() as u64);
        columns.finish()
    }

    #[test]
    fn a_column_is_told_by_shape_fill_and_field() {
        let looks = looked_at(&["Badge", "", "Mail"], &[&["17", "q", "a@b.example"], &["18", "", " "]]);
        let [badge, mail] = looks.as_slice() else { panic!("{looks:?}") };
        assert_eq!((badge.filled, badge.samples.as_slice()), (2, ["99".to_owned()].as_slice()));
        assert_eq!((mail.filled, mail.samples.as_slice()), (1, ["x…@x…".to_owned()].as_slice()));
        let fields = |look: &ColumnLook| look.mapped.iter().map(|field| field.name()).collect::<Vec<_>>();
        assert_eq!((fields(badge), fields(mail)), (vec!["unique_id", "custom_1"], vec!["email_1"]));
        assert_eq!(badge.guess.map(|guess| guess.field), Some(Field::UNIQUE_ID));
    }

    #[test]
    fn a_blocked_column_is_named_and_never_shown() {
        let looks = looked_at(&["SSN", "Note"], &[&["123", "fine"], &["", "123-45-6789"], &["", "fine too"]]);
        for look in &looks {
            assert!(look.blocked.is_some() && look.samples.is_empty(), "{look:?}");
        }
        assert_eq!((looks[0].name.as_str(), looks[1].filled), ("SSN", 3));
    }

    #[test]
    fn what_a_provider_does_not_give_is_not_filled() {
        let looks = looked_at(&["Badge", "Mail"], &[&["1", NOT_GIVEN], &["2", &format!("{STAYS}why")]]);
        assert_eq!((looks[1].filled, looks[1].samples.len()), (0, 0));
    }
}
