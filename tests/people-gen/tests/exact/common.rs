//! Reads files by other means than they were written by.

use std::collections::BTreeMap;

use muster_core::issue::Place;
use muster_core::mapping::Mapping;
use muster_core::recipient::Desired;
use muster_core::settings::Settings;
use people_gen::{Encoding, Expected, Options, connection_toml, write};

pub(crate) fn file(options: &Options) -> (Vec<u8>, Expected) {
    let mut bytes = Vec::new();
    let expected = write(options, &mut bytes).unwrap();
    (bytes, expected)
}

fn text(bytes: &[u8], encoding: Encoding) -> String {
    let units = |of: fn([u8; 2]) -> u16| bytes.chunks(2).map(|pair| of(pair.try_into().unwrap())).collect::<Vec<_>>();
    let text = match encoding {
        Encoding::Utf8 => String::from_utf8(bytes.to_vec()).unwrap(),
        Encoding::Utf16Le => String::from_utf16(&units(u16::from_le_bytes)).unwrap(),
        Encoding::Utf16Be => String::from_utf16(&units(u16::from_be_bytes)).unwrap(),
        Encoding::Windows1252 => bytes
            .iter()
            .map(|byte| match byte {
                0x8a => 'Š',
                0x8e => 'Ž',
                0x9a => 'š',
                0x9e => 'ž',
                0x80..=0x9f => panic!("{byte:x} is not used"),
                byte => char::from(*byte),
            })
            .collect(),
    };
    text.trim_start_matches('\u{feff}').to_owned()
}

/// Header and records, by the csv crate.
pub(crate) fn records(bytes: &[u8], options: &Options) -> (Vec<String>, Vec<Vec<String>>) {
    let text = text(bytes, options.encoding);
    let mut reader =
        csv::ReaderBuilder::new().delimiter(options.delimiter).has_headers(false).from_reader(text.as_bytes());
    let mut records = reader.records().map(|record| record.unwrap().iter().map(str::to_owned).collect::<Vec<_>>());
    (records.next().unwrap(), records.collect())
}

pub(crate) fn settings() -> Settings {
    Settings::from_toml(&connection_toml("acme", "Payroll \"nightly\"", "Acme staff")).unwrap()
}

/// What a file says, by the real mapping.
#[derive(Debug, PartialEq, Eq, Default)]
pub(crate) struct Meaning {
    pub(crate) rows: u64,
    pub(crate) people: BTreeMap<String, Vec<Desired>>,
    /// Codes with ids, sorted, each pair once.
    pub(crate) issues: Vec<(&'static str, String)>,
}

pub(crate) fn meaning(options: &Options) -> Meaning {
    let (header, rows) = records(&file(options).0, options);
    let mapping = Mapping::compile(&settings()).unwrap();
    let (bound, found) = mapping.bind(&header);
    let mut meaning = Meaning { rows: rows.len() as u64, ..Meaning::default() };
    meaning.issues.extend(found.iter().map(|issue| (issue.code.as_str(), String::new())));
    for row in rows {
        if row.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        let cells: Vec<&str> = row.iter().map(String::as_str).collect();
        let reading = bound.read(&cells, Place::default());
        let id = reading.unique_id.map(|id| id.as_str().to_owned()).unwrap_or_default();
        meaning.issues.extend(reading.issues.iter().map(|issue| (issue.code.as_str(), id.clone())));
        meaning.people.entry(id).or_default().extend(reading.desired);
    }
    // The order of two records of one id is no part of what the file says.
    for said in meaning.people.values_mut() {
        said.sort_by_key(|desired| desired.cells.iter().map(|(_, cell)| cell_text(cell)).collect::<Vec<_>>());
    }
    meaning.issues.sort_unstable();
    meaning.issues.dedup();
    meaning
}

pub(crate) fn cell_text(cell: &muster_core::recipient::Cell) -> String {
    match cell {
        muster_core::recipient::Cell::Set(value) => value.iter().collect(),
        other => format!("{other:?}"),
    }
}
