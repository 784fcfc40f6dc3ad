//! What was fetched so far of a listing, as compressed JSON lines on S3: a listing may take longer than a function.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::hash::{DefaultHasher, Hasher};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, Write};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use muster_connectors::{Page, Person};
use muster_core::ids::UniqueId;
use muster_core::issue::{Code, Issue};
use muster_core::mapping::{NOT_GIVEN, STAYS, plain_id};
use serde::{Deserialize, Serialize};

use super::cells::{cells, write_row};
use crate::erase::Erased;
use crate::reach::Source;
use crate::{Objects, PortError, Run};

/// Lines that are kept in memory before they are stored.
pub(super) const LINES_PER_PART: usize = 5_000;

/// Findings of one kind that are told one by one.
const TOLD: usize = 100;

/// One line.
#[derive(Serialize, Deserialize)]
enum Line {
    #[serde(rename = "p")]
    Person(Box<Person>),
    #[serde(rename = "g")]
    Gone(String),
    #[serde(rename = "u")]
    Unread(String, String),
    /// Somebody who was erased, by their tombstone: they are there, and that is all that may be kept.
    #[serde(rename = "e")]
    LeftOut(String),
}

/// Lines that are not stored yet.
#[derive(Default)]
pub(super) struct Buffer {
    lines: Vec<u8>,
    pub(super) count: usize,
}

impl Buffer {
    /// Takes over a page, with no more of its people than the mapping needs.
    pub(super) fn take(&mut self, page: Page, source: &Source, erased: &Erased) -> Result<(), PortError> {
        let wanted = |path: &str| source.columns.iter().any(|column| column == path);
        let with_cards = source.columns.iter().any(|column| column.starts_with("manager."));
        for mut person in page.people {
            person.values.retain(wanted);
            if !with_cards {
                person.manager = None;
                person.card = Default::default();
            }
            match left_out_as(&person, source, erased) {
                Some(tombstone) => self.push(&Line::LeftOut(tombstone))?,
                None => self.push(&Line::Person(Box::new(person)))?,
            }
        }
        let by_id = |id: &str| UniqueId::parse(id).ok().filter(|_| source.ids_are_the_providers());
        let tombstone = |id: &str| by_id(id).and_then(|id| erased.tombstone(&id).map(str::to_owned));
        for id in page.gone.into_iter().filter(|id| tombstone(id).is_none()) {
            self.push(&Line::Gone(id))?;
        }
        for unread in page.unread {
            match tombstone(&unread.id) {
                Some(tombstone) => self.push(&Line::LeftOut(tombstone))?,
                None => self.push(&Line::Unread(unread.id, unread.why))?,
            }
        }
        Ok(())
    }

    fn push(&mut self, line: &Line) -> Result<(), PortError> {
        serde_json::to_writer(&mut self.lines, line)
            .map_err(|e| PortError::never("keep the listing", e.to_string()))?;
        self.lines.push(b'\n');
        self.count += 1;
        Ok(())
    }

    /// Stores the lines as a part; answers its key.
    pub(super) async fn store(&mut self, objects: &impl Objects, run: &Run, name: &str) -> Result<String, PortError> {
        let key = format!("polls/{}/{}/{}/{name}.jsonl.gz", run.account, run.connection, run.id);
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        let packed = packed.write_all(&self.lines).and_then(|()| packed.finish()).map_err(broken)?;
        objects.write(&key, packed, "application/gzip").await?;
        self.lines.clear();
        self.count = 0;
        Ok(key)
    }
}

/// The tombstone of a person who was erased.
fn left_out_as(person: &Person, source: &Source, erased: &Erased) -> Option<String> {
    if erased.is_empty() {
        return None;
    }
    let row = cells(person, &HashMap::new(), source);
    let id = row.get(id_column(source)).and_then(|id| plain_id(id))?;
    erased.tombstone(&id).map(str::to_owned)
}

/// Everything fetched, in the order it came.
pub(super) struct Spool {
    lines: File,
    /// Per provider's id: the line that counts.
    last: HashMap<String, Told>,
    cards: HashMap<String, [Option<String>; 3]>,
    pub(super) issues: Vec<Issue>,
    /// People who came, each once.
    pub(super) people: u64,
    /// People who are there and could not be read.
    pub(super) unread: u64,
}

#[derive(Clone, Copy)]
struct Told {
    line: usize,
    version_ms: Option<i64>,
    is_person: bool,
    /// Of the line, to tell the same from something else.
    digest: u64,
}

impl Spool {
    /// Fetches the parts and finds out which line of each person counts: the newest by the provider's own version,
    /// else the last. Who is said to be gone after that is gone.
    pub(super) async fn of(objects: &impl Objects, parts: &[String]) -> Result<Self, PortError> {
        let found = Self::found(objects, parts).await?;
        found.ok_or_else(|| PortError::never("read the listing", "a part of it is gone"))
    }

    /// The same; `None` when a part is gone.
    pub(super) async fn found(objects: &impl Objects, parts: &[String]) -> Result<Option<Self>, PortError> {
        let lines = tempfile::tempfile().map_err(broken)?;
        let mut spool =
            Self { lines, last: HashMap::new(), cards: HashMap::new(), issues: Vec::new(), people: 0, unread: 0 };
        let mut out = BufWriter::new(spool.lines.try_clone().map_err(broken)?);
        let mut at = 0;
        for key in parts {
            let Some(packed) = objects.read(key).await? else { return Ok(None) };
            let mut plain = Vec::new();
            GzDecoder::new(packed.as_slice()).read_to_end(&mut plain).map_err(broken)?;
            for text in plain.split(|byte| *byte == b'\n').filter(|text| !text.is_empty()) {
                spool.note(at, digest(text), serde_json::from_slice(text).map_err(unreadable)?);
                at += 1;
            }
            out.write_all(&plain).map_err(broken)?;
        }
        out.flush().map_err(broken)?;
        spool.people = spool.last.values().filter(|told| told.is_person).count() as u64;
        Ok(Some(spool))
    }

    fn note(&mut self, line: usize, digest: u64, said: Line) {
        match said {
            Line::Person(person) => {
                let told = Told { line, version_ms: person.version_ms, is_person: true, digest };
                if let Some(before) = self.last.get(&person.id).copied().filter(|before| before.is_person) {
                    if before.digest != digest {
                        self.tell_twice();
                    }
                    if before.version_ms > person.version_ms {
                        return;
                    }
                }
                if person.card.iter().any(Option::is_some) {
                    self.cards.insert(person.id.clone(), person.card.clone());
                }
                self.last.insert(person.id.clone(), told);
            }
            Line::Gone(id) => {
                self.last.insert(id, Told { line, version_ms: None, is_person: false, digest });
            }
            Line::LeftOut(tombstone) => {
                // No provider's id looks like it.
                let told = Told { line, version_ms: None, is_person: true, digest };
                self.last.insert(format!("erased {tombstone}"), told);
            }
            Line::Unread(id, _) => {
                self.unread += 1;
                // Who was read in another pass is read.
                self.last.entry(id).or_insert(Told { line, version_ms: None, is_person: false, digest });
            }
        }
    }

    fn tell_twice(&mut self) {
        if self.issues.len() < TOLD {
            let message = "the provider listed the same person twice; the newer entry counts";
            self.issues.push(Issue::file(Code::PersonTwice, message));
        }
    }

    /// Writes the people as rows of a file; `stays` says of a unique id why its person stays as stored.
    pub(super) fn rows(
        &mut self,
        source: &Source,
        stays: &mut dyn FnMut(&str) -> Option<String>,
    ) -> Result<File, PortError> {
        let at = id_column(source);
        let mut left_out = 0;
        let mut out = BufWriter::new(tempfile::tempfile().map_err(broken)?);
        for line in self.counting_lines()? {
            let row = match line? {
                Line::Person(person) => {
                    let row = cells(&person, &self.cards, source);
                    match row.get(at).and_then(|id| plain_id(id)).and_then(|id| stays(id.as_str())) {
                        Some(why) => staying(source, at, &row[at], &why),
                        None => row,
                    }
                }
                Line::Unread(id, why) if source.ids_are_the_providers() => staying(source, at, &id, &why),
                Line::Unread(_, why) => {
                    let message =
                        format!("somebody could not be read, and nobody knows which unique id that is: {why}");
                    self.issues.push(Issue::file(Code::ListingPartial, message));
                    continue;
                }
                Line::Gone(_) => continue,
                Line::LeftOut(_) => {
                    left_out += 1;
                    continue;
                }
            };
            write_row(&mut out, &row).map_err(broken)?;
        }
        self.issues.extend(crate::erase::left_out(left_out));
        let mut file = out.into_inner().map_err(|e| broken(e.into_error()))?;
        file.rewind().map_err(broken)?;
        Ok(file)
    }

    /// Adds a row of somebody who stays as stored whatever the listing says.
    pub(super) fn add_staying(source: &Source, file: &mut File, id: &str, why: &str) -> Result<(), PortError> {
        file.seek(io::SeekFrom::End(0)).map_err(broken)?;
        let at = id_column(source);
        let mut row = Vec::new();
        write_row(&mut row, &staying(source, at, id, why)).map_err(broken)?;
        file.write_all(&row).map_err(broken)?;
        file.rewind().map_err(broken)
    }

    /// People as cells and provider's ids of who is gone, for readings of less than everybody.
    pub(super) fn excerpt(&mut self, source: &Source) -> Result<(Vec<Vec<String>>, Vec<String>), PortError> {
        let at = id_column(source);
        let (mut rows, mut gone, mut left_out) = (Vec::new(), Vec::new(), 0);
        for line in self.counting_lines()? {
            match line? {
                Line::Person(person) => rows.push(cells(&person, &self.cards, source)),
                Line::Gone(id) => gone.push(id),
                Line::LeftOut(_) => left_out += 1,
                Line::Unread(id, why) if source.ids_are_the_providers() => rows.push(staying(source, at, &id, &why)),
                Line::Unread(_, why) => {
                    self.issues.push(Issue::file(Code::PersonUnread, format!("somebody could not be read: {why}")));
                }
            }
        }
        self.issues.extend(crate::erase::left_out(left_out));
        Ok((rows, gone))
    }

    /// The lines that count, in the order they came.
    fn counting_lines(&self) -> Result<impl Iterator<Item = Result<Line, PortError>> + use<>, PortError> {
        let mut lines = self.lines.try_clone().map_err(broken)?;
        lines.rewind().map_err(broken)?;
        let counting: HashSet<usize> = self.last.values().map(|told| told.line).collect();
        let texts = BufReader::new(lines).split(b'\n').enumerate().filter(move |(at, _)| counting.contains(at));
        Ok(texts.map(|(_, text)| serde_json::from_slice(&text.map_err(broken)?).map_err(unreadable)))
    }
}

/// Where the unique id stands in a row.
pub(super) fn id_column(source: &Source) -> usize {
    use muster_core::field::Field;
    use muster_core::settings::Origin;
    let origin = source.settings.fields.get(&Field::UNIQUE_ID).map(|mapping| &mapping.origin);
    let Some(Origin::Column(id)) = origin else { return 0 };
    source.columns.iter().position(|column| column == id).unwrap_or(0)
}

/// The row of somebody who stays as stored.
fn staying(source: &Source, at: usize, id: &str, why: &str) -> Vec<String> {
    let mut row = vec![NOT_GIVEN.to_owned(); source.columns.len()];
    id.clone_into(&mut row[at]);
    let reason = format!("{STAYS}{why}");
    // There is always another column: the employment status is mapped for every provider.
    if let Some(other) = (0..row.len()).find(|other| *other != at) {
        row[other] = reason;
    }
    row
}

fn digest(line: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(line);
    hasher.finish()
}

fn broken(e: io::Error) -> PortError {
    PortError::later("keep the listing", e.to_string())
}

fn unreadable(e: serde_json::Error) -> PortError {
    PortError::never("read the listing", format!("a line of it is damaged: {}", crate::error::located(&e)))
}
