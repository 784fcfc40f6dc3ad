//! One person's rows in a file: to explain what became of them, not to plan.

use std::io::{self, Cursor, Read};

use memchr::memmem::Finder;

use super::cells::Cells;
use super::compare::{CompareInput, compare};
use super::split::{Record, Splitter};
use super::{MemoryScratch, Proposed};
use crate::file::{Limits, OpenFile, fault_of};
use crate::ids::UniqueId;
use crate::issue::{Issue, Place};
use crate::mapping::{Bound, plain_id};
use crate::roster::Hasher;
use crate::settings::FileSettings;

/// So many rows of one id tell as much as all of them.
const MOST_ROWS: usize = 20;

/// A row of the person looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundRow {
    /// Where it stands.
    pub place: Place,
    /// Its cells in the header's order, as the file has them: not masked.
    pub cells: Vec<String>,
    /// Its bytes, without the line end.
    raw: Vec<u8>,
}

/// What looking for a person came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FoundRows {
    /// The person's rows in the file's order; the first 20.
    pub rows: Vec<FoundRow>,
    /// How many records were read.
    pub records: u64,
    /// Whether the file was read to its end: `false` when it was put down, is damaged, or has more such rows.
    pub to_end: bool,
}

/// What the rows of one person say together.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Judged {
    /// What a plan would be made of; `None` when the person stays as stored.
    pub proposed: Option<Proposed>,
    /// What was found, each at its place in the file.
    pub issues: Vec<Issue>,
}

/// Reads the file for the rows of `wanted`; `go_on` is asked between blocks of about a megabyte.
///
/// # Errors
/// When the input fails; damage ends the reading.
pub fn rows_of(
    file: OpenFile<'_>,
    bound: &Bound<'_>,
    limits: &Limits,
    wanted: &UniqueId,
    go_on: &mut dyn FnMut() -> bool,
) -> io::Result<FoundRows> {
    let delimiter = file.delimiter;
    let mut splitter = Splitter::new(file.body, delimiter, file.first_line, limits.max_record_bytes);
    let mut seeker = Seeker {
        bound,
        wanted,
        delimiter,
        max_columns: limits.max_columns,
        // A doubled quote inside an id would hide it.
        finder: (!wanted.as_str().contains('"') && bound.key_column().is_some())
            .then(|| Finder::new(wanted.as_str().as_bytes())),
        cells: Cells::default(),
    };
    let mut found = FoundRows::default();
    let mut records = Vec::new();
    loop {
        match next_block(&mut splitter, &mut records)? {
            Some(true) => {}
            Some(false) => break,
            None => return Ok(found),
        }
        for record in &records {
            found.records += 1;
            let place = Place { record: found.records, line: record.line };
            if let Some(row) = seeker.look(splitter.bytes(record), place) {
                found.rows.push(row);
            }
        }
        if found.rows.len() > MOST_ROWS || !go_on() {
            found.rows.truncate(MOST_ROWS);
            return Ok(found);
        }
    }
    found.to_end = splitter.stopped.is_none();
    Ok(found)
}

/// As [`Splitter::next_block`]; `None` where a wrapper is damaged.
fn next_block<R: Read>(splitter: &mut Splitter<R>, records: &mut Vec<Record>) -> io::Result<Option<bool>> {
    match splitter.next_block(records) {
        Ok(more) => Ok(Some(more)),
        Err(e) if fault_of(&e).is_some() => Ok(None),
        Err(e) => Err(e),
    }
}

struct Seeker<'a> {
    bound: &'a Bound<'a>,
    wanted: &'a UniqueId,
    delimiter: u8,
    max_columns: usize,
    finder: Option<Finder<'a>>,
    cells: Cells,
}

impl Seeker<'_> {
    fn look(&mut self, raw: &[u8], place: Place) -> Option<FoundRow> {
        if self.finder.as_ref().is_some_and(|finder| finder.find(raw).is_none()) {
            return None;
        }
        self.cells.split(raw, self.delimiter, self.max_columns);
        (self.id().as_ref() == Some(self.wanted)).then(|| FoundRow {
            place,
            cells: self.cells.lossy(),
            raw: raw.to_vec(),
        })
    }

    fn id(&self) -> Option<UniqueId> {
        match self.bound.key_column() {
            Some(at) => plain_id(std::str::from_utf8(self.cells.bytes(at)).ok()?),
            None => self.bound.read(&self.cells.texts()?, Place::default()).unique_id,
        }
    }
}

/// Judges the rows as [`compare`] does, as if the file had no others and nobody were known.
///
/// # Errors
/// Never with scratch files in memory; else as [`compare`].
pub fn judge_rows(
    rows: &[FoundRow],
    (header, delimiter): (&[String], u8),
    bound: &Bound<'_>,
    settings: &FileSettings,
    limits: &Limits,
) -> io::Result<Judged> {
    let mut body = Vec::new();
    for row in rows {
        body.extend_from_slice(&row.raw);
        body.push(b'\n');
    }
    // Somebody follows, so that the last row is taken for no summary line and no end of a broken file.
    let other = vec!["-"; header.len()].join(&char::from(delimiter).to_string());
    body.extend_from_slice(other.as_bytes());
    body.push(b'\n');
    let mut file = OpenFile::listing(header.to_vec(), Box::new(Cursor::new(body)), Vec::new());
    file.delimiter = delimiter;
    let hasher = Hasher::new(0);
    let mut comparison = compare(CompareInput {
        file,
        bound,
        roster: None,
        fingerprint: [0; 16],
        hasher,
        settings,
        limits,
        scratch: &MemoryScratch,
        progress: &mut |_| {},
    })?;
    let real = |place: Place| {
        let at = usize::try_from(place.record).ok()?.checked_sub(1)?;
        rows.get(at).map(|row| row.place)
    };
    let issues = comparison.issues().issues().iter();
    let issues = issues.filter_map(|issue| Some(Issue { place: real(issue.place)?, ..issue.clone() })).collect();
    let mut proposed = None;
    for person in comparison.proposed()? {
        let person = person?;
        if let Some(place) = real(person.place) {
            proposed.get_or_insert(Proposed { place, ..person });
        }
    }
    Ok(Judged { proposed, issues })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::{self, Keys};
    use crate::mapping::Mapping;
    use crate::settings::Settings;

    const SETTINGS: &str = "account = \"acme\"\nname = \"people\"\n[fields.unique_id]\nfrom = \"id\"\n\
                            [fields.first_name]\nfrom = \"name\"\n[fields.email_1]\nfrom = \"mail\"\n";
    /// The id by expression: every row is read for it.
    const BY_EXPRESSION: &str = "account = \"acme\"\nname = \"people\"\n\
                                 [fields.unique_id]\nexpr = 'row[\"id\"].trim()'\n[fields.first_name]\nfrom = \"name\"\n";

    fn look(settings: &str, text: &str, id: &str) -> (Vec<u64>, Option<String>, Vec<String>, bool) {
        let settings = Settings::from_toml(settings).unwrap();
        let (mapping, limits) = (Mapping::compile(&settings).unwrap(), Limits::default());
        let file = file::open(Cursor::new(text.as_bytes()), &settings.file, &Keys::none(), &limits).unwrap();
        let (header, delimiter) = (file.header.clone(), file.delimiter);
        let (bound, _) = mapping.bind(&header);
        let wanted = UniqueId::parse(id).unwrap();
        let found = rows_of(file, &bound, &limits, &wanted, &mut || true).unwrap();
        let judged = judge_rows(&found.rows, (&header, delimiter), &bound, &settings.file, &limits).unwrap();
        let lines = found.rows.iter().map(|row| row.place.line).collect();
        let codes = judged.issues.iter().map(|issue| format!("{}@{}", issue.code.as_str(), issue.place.line)).collect();
        (lines, judged.proposed.map(|person| person.desired.unique_id.to_string()), codes, found.to_end)
    }

    const FILE: &str = "id;name;mail\n007;Ana;ana@acme.example\n0070;Eva;eva@acme.example\n8;\"Bo\nB\";x\n7;Cy;c@d\n\
                        9;Di;d@acme.example\n9;Ed;e@acme.example\n10;Fay\n11;Gus;g@acme.example\n11;Gus;g@acme.example\n";

    #[test]
    fn a_person_is_found_by_the_whole_id_on_its_line() {
        assert_eq!(look(SETTINGS, FILE, "007"), (vec![2], Some("007".into()), vec![], true));
        let (lines, proposed, codes, _) = look(SETTINGS, FILE, "8");
        assert_eq!((lines, proposed, codes), (vec![4], Some("8".into()), vec!["invalid@4".to_owned()]));
        assert_eq!(look(SETTINGS, FILE, "7").0, [6]);
        assert_eq!(look(SETTINGS, FILE, "12"), (vec![], None, vec![], true));
    }

    #[test]
    fn rows_are_judged_as_a_plan_judges_them() {
        let (lines, proposed, codes, _) = look(SETTINGS, FILE, "9");
        assert_eq!((lines, proposed), (vec![7, 8], None));
        assert_eq!(codes, ["duplicate_id@7", "duplicate_id@8"]);
        assert_eq!(look(SETTINGS, FILE, "10"), (vec![9], None, vec!["column_count@9".into()], true));
        let (_, proposed, codes, _) = look(SETTINGS, FILE, "11");
        assert_eq!((proposed, codes), (Some("11".into()), vec!["repeated_row@11".to_owned()]));
    }

    #[test]
    fn an_id_that_an_expression_makes_is_found_too() {
        assert_eq!(look(BY_EXPRESSION, "id,name\n 5 ,Ana\n6,Bo\n", "5").0, [2]);
    }

    #[test]
    fn a_file_that_ends_inside_a_quote_was_not_read_to_its_end() {
        let (lines, _, _, to_end) = look(SETTINGS, "id,name,mail\n1,Ana,a@b.example\n2,\"Bo,b@c.example\n", "1");
        assert_eq!((lines, to_end), (vec![2], false));
    }
}
