//! A person as the cells of a row.

use std::collections::HashMap;
use std::io::{self, Write};

use muster_connectors::{Person, Raw};
use muster_core::mapping::NOT_GIVEN;

use crate::reach::Source;

/// The paths under which a manager is called, beside [`Person::card`]: name, e-mail address, employee number.
const CARD: [&str; 3] = ["manager.name", "manager.email", "manager.employee_number"];

/// One cell per mapped column: given, empty, or not given. A manager is looked up among the people of the same
/// listing; one who is not there (yet) is not given, so that what is stored stays.
pub(crate) fn cells(person: &Person, cards: &HashMap<String, [Option<String>; 3]>, source: &Source) -> Vec<String> {
    let cell = |column: &String| match person.values.get(column) {
        Some(Raw::Text(text)) => one_line(text),
        Some(Raw::Empty) => String::new(),
        None => of_manager(person, cards, column).unwrap_or_else(|| NOT_GIVEN.to_owned()),
    };
    source.columns.iter().map(cell).collect()
}

fn of_manager(person: &Person, cards: &HashMap<String, [Option<String>; 3]>, column: &str) -> Option<String> {
    let manager = person.manager.as_ref()?;
    if column == "manager.id" {
        return Some(manager.clone());
    }
    let at = CARD.iter().position(|path| *path == column)?;
    cards.get(manager)?[at].as_deref().map(one_line)
}

/// Line ends and control characters would damage the row; a space stands for them.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Writes a row with quotes where they are needed.
pub(super) fn write_row(out: &mut impl Write, row: &[String]) -> io::Result<()> {
    for (at, cell) in row.iter().enumerate() {
        if at > 0 {
            out.write_all(b",")?;
        }
        if cell.contains([',', '"']) || cell.starts_with(' ') {
            write!(out, "\"{}\"", cell.replace('"', "\"\""))?;
        } else {
            out.write_all(cell.as_bytes())?;
        }
    }
    out.write_all(b"\n")
}
