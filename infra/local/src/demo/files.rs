//! The example exports.

use std::path::Path;

use anyhow::Context;
use people_gen::{Expected, Options, connection_toml, write};

/// Of 100 people, how many the short export lacks.
const MISSING_PERCENT: u64 = 15;

/// An export and what an import of it must find.
pub(super) struct Export {
    pub(super) name: &'static str,
    pub(super) bytes: Vec<u8>,
    pub(super) expected: Expected,
}

/// An export with people missing.
pub(super) struct Short {
    pub(super) name: &'static str,
    pub(super) bytes: Vec<u8>,
    /// How many people of the directory are not in it.
    pub(super) missing: u64,
}

/// Everything that the demo uploads, in this order.
pub(super) struct Files {
    /// The connection file, in mode active.
    pub(super) active: String,
    /// The same in mode preview.
    pub(super) preview: String,
    pub(super) day1: Export,
    pub(super) day2: Export,
    /// Day 2's people, but 15 % of them.
    pub(super) short: Short,
    /// The beginning of day 3's export.
    pub(super) broken: (&'static str, Vec<u8>),
}

impl Files {
    /// Makes them and writes them to `folder`.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub(super) fn write(folder: &Path, account: &str, people: u32) -> anyhow::Result<Self> {
        let day1 = export("acme_people_03022026.csv", people, 1)?;
        let day2 = export("acme_people_03032026.csv", people, 2)?;
        let short = short(&day2)?;
        let day3 = export("acme_people_03052026.csv", people, 3)?;
        let active = connection_toml(account, "Payroll nightly", "Acme staff");
        let preview = active.replace("mode = \"active\"", "mode = \"preview\"");
        let broken = (day3.name, day3.bytes[..day3.bytes.len() / 2].to_vec());
        std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        let all: [(&str, &[u8]); 5] = [
            ("connection.toml", preview.as_bytes()),
            (day1.name, &day1.bytes),
            (day2.name, &day2.bytes),
            (short.name, &short.bytes),
            (broken.0, &broken.1),
        ];
        for (name, bytes) in all {
            let path = folder.join(name);
            std::fs::write(&path, bytes).with_context(|| path.display().to_string())?;
        }
        Ok(Self { active, preview, day1, day2, short, broken })
    }
}

/// As an HR system on Windows writes it, with what goes wrong in such systems.
fn export(name: &'static str, people: u32, day: u32) -> anyhow::Result<Export> {
    let options = Options {
        people,
        day,
        shuffle: true,
        crlf: true,
        bom: true,
        needless_quotes_permille: 20,
        dirt: true,
        blocked_column: true,
        ..Options::default()
    };
    let mut bytes = Vec::new();
    let expected = write(&options, &mut bytes)?;
    Ok(Export { name, bytes, expected })
}

/// Leaves people out at even distances: the first 15 of every 100 who stand in the directory and have no fault.
fn short(day: &Export) -> anyhow::Result<Short> {
    let wanted = (day.expected.people * MISSING_PERCENT).div_ceil(100);
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(day.bytes.as_slice());
    let status = reader.byte_headers()?.iter().position(|name| name == b"Status").context("the export has a status")?;
    let mut bytes = Vec::with_capacity(day.bytes.len());
    let (mut written, mut missing, mut seen) = (0, 0, 0_u64);
    let mut record = csv::ByteRecord::new();
    while reader.read_byte_record(&mut record)? {
        let start = usize::try_from(record.position().map_or(0, csv::Position::byte))?;
        let end = usize::try_from(reader.position().byte())?;
        let cell = |at| record.get(at).unwrap_or_default();
        let imported = cell(status) != b"T" && !cell(0).starts_with(b"D") && !cell(0).is_empty();
        seen += u64::from(imported);
        if imported && seen % 100 < MISSING_PERCENT + 2 && missing < wanted {
            bytes.extend_from_slice(&day.bytes[written..start]);
            (written, missing) = (end, missing + 1);
        }
    }
    bytes.extend_from_slice(&day.bytes[written..]);
    Ok(Short { name: "acme_people_03042026.csv", bytes, missing })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_export_lacks_15_percent_of_the_people_and_nothing_else() {
        let day = export("x.csv", 300, 2).unwrap();
        let short = short(&day).unwrap();
        let rows =
            |bytes: &[u8]| csv::ReaderBuilder::new().flexible(true).from_reader(bytes).byte_records().count() as u64;
        assert_eq!(short.missing, (day.expected.people * 15).div_ceil(100));
        assert_eq!(rows(&short.bytes), rows(&day.bytes) - short.missing);
        assert_eq!(short.bytes[..200], day.bytes[..200], "the header stays");
    }
}
