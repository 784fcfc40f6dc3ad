//! Reading a file's records one by one.

use std::collections::{HashMap, HashSet, VecDeque};
use std::io;

use super::IssueLog;
use super::cells::{Cells, least_form};
use super::compare::CompareInput;
use super::outcome::{Counts, Fate, NOBODY, Row};
use super::split::{LineEnd, Record, Splitter, Stopped, line_ends};
use super::spool::SpoolWriter;
use super::structure::{Form, Shape, control_character, shape_of, trailer};
use crate::file::{OpenFile, fault_of};
use crate::ids::UniqueId;
use crate::issue::{Code, Issue, Place, Reach};
use crate::mapping::{Bound, Reading, plain_id};
use crate::roster::{Flags, Hasher, NOT_FOUND, Roster, TAIL};

/// Everything that was read.
pub(super) struct Scanned<'r> {
    pub(super) counts: Counts,
    pub(super) log: IssueLog,
    pub(super) rows: Vec<Row>,
    /// The first row of each unique id that needs a look.
    pub(super) by_key: HashMap<u64, u32, KeyState>,
    /// People whose row cannot be used: they stay as stored, and are not absent.
    pub(super) named: HashSet<u64>,
    /// Unique ids that stand where an inner line of a quoted field has its id.
    pub(super) inner_ids: Vec<(u64, Place)>,
    pub(super) spool: SpoolWriter,
    pub(super) roster: Option<Roster<'r>>,
    pub(super) seen: Vec<u32>,
    /// Whether the file ended with a line end like its others.
    pub(super) ended: bool,
    pub(super) id_width: (u16, u16),
    pub(super) tail: VecDeque<u64>,
    pub(super) lines: Lines,
}

/// On which physical line each record begins: kept where it is not the line behind the record before.
#[derive(Debug, Default)]
pub(super) struct Lines {
    jumps: Vec<(u64, u64)>,
    full: bool,
}

impl Lines {
    /// How many jumps are kept; behind the last one lines are not known.
    const MOST: usize = 1 << 20;

    #[inline]
    fn note(&mut self, record: u64, line: u64) {
        if self.jumps.last().is_some_and(|(known, at)| line - record == at.wrapping_sub(*known)) || self.full {
            return;
        }
        self.full = self.jumps.len() == Self::MOST;
        self.jumps.push((record, line));
    }

    /// The line of a record; 0 where it is not known.
    pub(super) fn of(&self, record: u64) -> u64 {
        let behind = self.jumps.partition_point(|(known, _)| *known <= record);
        match self.jumps[..behind].last() {
            Some((known, line)) if !(self.full && behind == self.jumps.len()) => line + (record - known),
            _ => 0,
        }
    }
}

/// Keys are hashes already.
pub(super) type KeyState = std::hash::BuildHasherDefault<KeyHasher>;

#[derive(Default)]
pub(super) struct KeyHasher(u64);

impl std::hash::Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |sum, byte| sum << 8 | u64::from(*byte));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

struct Scan<'a, 'r> {
    out: Scanned<'r>,
    bound: &'a Bound<'a>,
    hasher: Hasher,
    header: Vec<String>,
    delimiter: u8,
    max_columns: usize,
    max_cell: usize,
    strict_quotes: bool,
    hint: Option<&'static str>,
    /// Whether the roster's record hashes were made as this file's are.
    same_form: bool,
    key_column: Option<usize>,
    cells: Cells,
    least: Vec<u8>,
    /// A row of the wrong width: what it is depends on whether more rows follow.
    suspect: Option<Suspect>,
    records: u64,
    stop: bool,
}

struct Suspect {
    issue: Issue,
    cells: Vec<String>,
    /// The rows of people before it.
    rows_before: u64,
}

pub(super) fn scan<'r>(input: CompareInput<'_, 'r>) -> io::Result<Scanned<'r>> {
    let CompareInput { file, bound, roster, fingerprint, hasher, settings, limits, scratch, progress } = input;
    let OpenFile { header, delimiter, first_line, body, issues, encoding_hint, .. } = file;
    let mut log = IssueLog::default();
    issues.into_iter().for_each(|issue| log.push(issue));
    let same_form = roster.as_ref().is_some_and(|roster| roster.fingerprint == fingerprint);
    let seen = vec![0; roster.as_ref().map_or(0, Roster::len)];
    let out = Scanned {
        counts: Counts::default(),
        log,
        rows: Vec::new(),
        by_key: HashMap::default(),
        named: HashSet::new(),
        inner_ids: Vec::new(),
        spool: SpoolWriter::new(scratch)?,
        roster,
        seen,
        ended: true,
        id_width: (0, 0),
        tail: VecDeque::with_capacity(TAIL + 1),
        lines: Lines::default(),
    };
    let mut scan = Scan {
        out,
        bound,
        hasher,
        header,
        delimiter,
        max_columns: limits.max_columns,
        max_cell: limits.max_cell_bytes,
        strict_quotes: !settings.stray_quotes_are_text,
        hint: encoding_hint,
        same_form,
        key_column: bound.key_column(),
        cells: Cells::default(),
        least: Vec::new(),
        suspect: None,
        records: 0,
        stop: false,
    };
    let mut splitter = Splitter::new(body, delimiter, first_line, limits.max_record_bytes);
    scan.read_all(&mut splitter, progress)?;
    Ok(scan.out)
}

impl Scan<'_, '_> {
    fn read_all<R: io::Read>(&mut self, splitter: &mut Splitter<R>, progress: &mut dyn FnMut(u64)) -> io::Result<()> {
        let mut records = Vec::new();
        let mut hashes = Vec::new();
        let (mut ranges, mut places) = (Vec::new(), Vec::new());
        let (mut last, mut before_last) = (LineEnd::Lf, LineEnd::Lf);
        loop {
            match splitter.next_block(&mut records) {
                Ok(true) => {}
                Ok(false) => break,
                Err(e) => {
                    let Some(fault) = fault_of(&e) else { return Err(e) };
                    self.out.log.push(fault.issue());
                    self.flush_suspect();
                    return Ok(());
                }
            }
            // All hashes of a block first: then the look-ups of neighbours overlap.
            hashes.clear();
            hashes.extend(records.iter().map(|record| self.hash_of(splitter.bytes(record), record.quoted)));
            places.clear();
            if let Some(roster) = self.out.roster.as_ref().filter(|_| self.same_form) {
                roster.ranges(&hashes, &mut ranges);
                roster.find_in(&hashes, &ranges, &mut places);
            }
            for (at, record) in records.iter().enumerate() {
                (before_last, last) = (last, record.end);
                let place = places.get(at).copied().unwrap_or(NOT_FOUND);
                self.record(splitter.bytes(record), record, hashes[at], place)?;
                if self.stop {
                    return Ok(());
                }
            }
            progress(splitter.read);
        }
        self.close(splitter.stopped, last, before_last);
        Ok(())
    }

    /// The hash of a record's least-quoted form. One with odd quotes gets the hash of its bytes: it is never
    /// known, since no roster has it.
    fn hash_of(&mut self, bytes: &[u8], quoted: bool) -> u128 {
        if quoted && least_form(bytes, self.delimiter, &mut self.least).is_some() {
            return self.hasher.record(&self.least);
        }
        self.hasher.record(bytes)
    }

    fn record(&mut self, bytes: &[u8], record: &Record, raw: u128, at: u32) -> io::Result<()> {
        self.records += 1;
        let place = Place { record: self.records, line: record.line };
        self.out.lines.note(self.records, record.line);
        if let Some(at) = self.needs_no_look(at) {
            self.flush_suspect();
            self.see(at, bytes, place);
            return Ok(());
        }
        if !self.cells.split(bytes, self.delimiter, self.max_columns) {
            self.damage(Code::TooLarge, place, "the row has more cells than any file may have");
            return Ok(());
        }
        self.unknown(bytes, place, raw)
    }

    #[inline]
    fn needs_no_look(&self, at: u32) -> Option<usize> {
        let entry = self.out.roster.as_ref()?.entries.get(at as usize)?;
        (at != NOT_FOUND && !entry.flags().wants_a_look()).then_some(at as usize)
    }

    fn see(&mut self, at: usize, bytes: &[u8], place: Place) {
        let key = self.out.roster.as_ref().map_or(0, |roster| roster.entries[at].key);
        self.row_of(key);
        if self.out.seen[at] != 0 {
            let message = "the same row stands in the file twice; it counts once";
            let mut issue = Issue::at(Code::RepeatedRow, place, message);
            self.cells.split(bytes, self.delimiter, self.max_columns);
            issue.unique_id = self.id_of_cells();
            issue.original = self.masked();
            self.out.log.push(issue);
            return;
        }
        self.out.seen[at] = u32::try_from(self.records).unwrap_or(u32::MAX);
    }

    fn row_of(&mut self, key: u64) {
        self.out.counts.rows += 1;
        if self.out.tail.len() == TAIL {
            self.out.tail.pop_front();
        }
        self.out.tail.push_back(key);
    }

    fn unknown(&mut self, bytes: &[u8], place: Place, raw: u128) -> io::Result<()> {
        let form = Form {
            header: &self.header,
            delimiter: self.delimiter,
            strict_quotes: self.strict_quotes,
            key_column: self.key_column,
        };
        match shape_of(bytes, &self.cells, place, &form) {
            Shape::Blank => {
                self.out.log.push(Issue::at(Code::BlankRow, place, "the row is blank; it is not counted"));
                return Ok(());
            }
            Shape::Suspect(issue) => {
                self.flush_suspect();
                self.out.counts.rows += 1;
                let rows_before = self.out.counts.rows - 1;
                self.suspect = Some(Suspect { issue, cells: self.cells.lossy(), rows_before });
                return Ok(());
            }
            Shape::Bad(issue) => {
                self.flush_suspect();
                self.out.counts.rows += 1;
                self.bad_row(issue);
                return Ok(());
            }
            Shape::Row => self.flush_suspect(),
        }
        if (0..self.cells.len()).any(|at| self.cells.bytes(at).len() > self.max_cell) {
            self.damage(Code::TooLarge, place, "a cell of the row is larger than any cell may be");
            return Ok(());
        }
        self.note_inner_ids(bytes, place);
        self.person(bytes, place, raw)
    }

    /// A row of the right shape: text, then meaning.
    fn person(&mut self, bytes: &[u8], place: Place, raw: u128) -> io::Result<()> {
        self.out.counts.rows += 1;
        if let Some(byte) = control_character(self.cells.text()) {
            let message = format!("the row holds a control character (code {byte}); the person stays as stored");
            self.unusable(Issue::at(Code::ControlCharacter, place, message));
            return Ok(());
        }
        let Some(texts) = self.cells.texts() else {
            let hint = self.hint.map(|hint| format!("; {hint}")).unwrap_or_default();
            let message = format!("the row is not UTF-8; the person stays as stored{hint}");
            self.unusable(Issue::at(Code::Encoding, place, message));
            return Ok(());
        };
        let Reading { unique_id, desired, issues, unmapped, dated } = self.bound.read(&texts, place);
        let had_issues = !issues.is_empty();
        let lost = issues.iter().any(|issue| issue.code.reach() == Reach::Listing);
        issues.into_iter().for_each(|issue| self.out.log.push(issue));
        unmapped.into_iter().for_each(|value| self.out.log.unmapped_value(value));
        if let Some(id) = &unique_id {
            let width = u16::try_from(id.as_str().chars().count()).unwrap_or(u16::MAX);
            let (least, most) = self.out.id_width;
            self.out.id_width = (if least == 0 { width } else { least.min(width) }, most.max(width));
        }
        match (unique_id, desired) {
            (_, Some(desired)) => self.desired(bytes, place, raw, &desired, had_issues, dated),
            (Some(id), None) => {
                let key = self.hasher.key(id.as_str());
                self.tail_only(key);
                self.out.named.insert(key);
                Ok(())
            }
            (None, None) if lost => Ok(()),
            (None, None) => {
                self.unusable(Issue::at(Code::IdInvalid, place, "the row's unique id cannot be read"));
                Ok(())
            }
        }
    }

    fn desired(
        &mut self,
        bytes: &[u8],
        place: Place,
        raw: u128,
        desired: &crate::recipient::Desired,
        had_issues: bool,
        dated: bool,
    ) -> io::Result<()> {
        let key = self.hasher.key(desired.unique_id.as_str());
        self.tail_only(key);
        let outcome = self.hasher.outcome(desired);
        let flags = Flags::of(desired.status).invalid(had_issues).dated(dated);
        let mut row = Row { raw, key, outcome, entry: NOBODY, flags, fate: Fate::Look };
        let at = u32::try_from(self.out.rows.len()).map_err(|_| io::Error::other("more rows than can be counted"))?;
        match self.out.by_key.get(&key).copied() {
            None => drop(self.out.by_key.insert(key, at)),
            Some(first) => {
                let first = &mut self.out.rows[first as usize];
                row.fate = if first.outcome == outcome && first.fate != Fate::Duplicate {
                    Fate::Repeated
                } else {
                    first.fate = Fate::Duplicate;
                    Fate::Duplicate
                };
                if row.fate == Fate::Duplicate {
                    self.out.named.insert(key);
                }
            }
        }
        self.out.rows.push(row);
        self.out.spool.push(place, desired, bytes)
    }

    fn tail_only(&mut self, key: u64) {
        self.out.counts.rows -= 1;
        self.row_of(key);
    }

    /// A row whose person cannot be read but may be named.
    fn unusable(&mut self, mut issue: Issue) {
        let id = self.id_of_cells();
        if id.is_none() && issue.code.reach() != Reach::Listing {
            // Nobody knows who this is: it may be anybody who seems to be missing.
            self.out.log.push(Issue::at(Code::IdInvalid, issue.place, "the row's unique id cannot be read"));
        }
        if let Some(id) = &id {
            self.out.named.insert(self.hasher.key(id.as_str()));
        }
        issue.unique_id = id;
        issue.original = self.masked();
        self.out.log.push(issue);
    }

    /// A row whose shape is wrong.
    fn bad_row(&mut self, mut issue: Issue) {
        if let Some(id) = self.id_of_cells() {
            self.out.named.insert(self.hasher.key(id.as_str()));
            let is_row = matches!(issue.code, Code::StrayQuote | Code::SwallowedRows);
            issue.unique_id = is_row.then_some(id);
        }
        issue.original = self.masked();
        self.out.log.push(issue);
    }

    fn id_of_cells(&self) -> Option<UniqueId> {
        let cell = self.cells.bytes(self.key_column?);
        plain_id(std::str::from_utf8(cell).ok()?)
    }

    fn masked(&self) -> Vec<String> {
        let cells = self.cells.lossy();
        self.bound.original(&cells.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Ids at the beginning of inner lines of a field: if such a person is missing, rows were swallowed.
    fn note_inner_ids(&mut self, bytes: &[u8], place: Place) {
        let Some(column) = self.key_column.filter(|_| line_ends(bytes) > 0 && self.out.inner_ids.len() < 10_000) else {
            return;
        };
        for line in bytes.split(|byte| matches!(byte, b'\n' | b'\r')).skip(1) {
            let cell = line.split(|byte| *byte == self.delimiter).nth(column).unwrap_or_default();
            let text = std::str::from_utf8(cell).unwrap_or_default().trim().trim_matches('"');
            if let Some(id) = plain_id(text) {
                self.out.inner_ids.push((self.hasher.key(id.as_str()), place));
            }
        }
    }

    /// A row follows: the suspect before it was no trailer.
    #[inline]
    fn flush_suspect(&mut self) {
        if let Some(suspect) = self.suspect.take() {
            self.tell_suspect(suspect);
        }
    }

    fn tell_suspect(&mut self, suspect: Suspect) {
        let Suspect { mut issue, cells, .. } = suspect;
        if let Some(id) = self.key_column.and_then(|at| plain_id(cells.get(at)?)) {
            self.out.named.insert(self.hasher.key(id.as_str()));
            issue.unique_id = Some(id);
        }
        issue.original = self.bound.original(&cells.iter().map(String::as_str).collect::<Vec<_>>());
        self.out.log.push(issue);
    }

    fn damage(&mut self, code: Code, place: Place, message: &str) {
        self.flush_suspect();
        self.out.log.push(Issue::at(code, place, format!("{message}; nothing behind it was read")));
        self.stop = true;
    }

    /// The end of the file, or of what could be read of it.
    fn close(&mut self, stopped: Option<Stopped>, last: LineEnd, before_last: LineEnd) {
        self.out.ended = last != LineEnd::None && !(last == LineEnd::Cr && before_last == LineEnd::CrLf);
        self.judge_suspect();
        let record = self.records + 1;
        match stopped {
            Some(Stopped::Unclosed { line }) => {
                let message =
                    "a quote is opened on this line and never closed, so the rest of the file cannot be told apart";
                self.out.log.push(Issue::at(Code::UnclosedQuote, Place { record, line }, message));
            }
            Some(Stopped::TooLarge { line }) => {
                let message = "the record on this line is larger than any record may be; nothing behind it was read";
                self.out.log.push(Issue::at(Code::TooLarge, Place { record, line }, message));
            }
            None => self.judge_end(),
        }
        if self.out.counts.rows == 0 && !self.out.log.reaches(Reach::Damage) {
            self.out
                .log
                .push(Issue::file(Code::NoRows, "the file has a header and no rows; nobody is removed for that"));
        }
    }

    fn judge_suspect(&mut self) {
        let Some(suspect) = self.suspect.take() else { return };
        let place = suspect.issue.place;
        let first = suspect.cells.first().map(|cell| cell.trim()).unwrap_or_default();
        if suspect.cells.len() == 1 && first == "\u{1a}" {
            self.out.counts.rows -= 1;
            self.out.ended = true;
            self.out.log.push(Issue::at(Code::LineSkipped, place, "an end-of-file mark (Ctrl-Z) was skipped"));
            return;
        }
        match trailer(&suspect.cells) {
            Some(stated) if stated.is_none_or(|stated| stated == suspect.rows_before) => {
                self.out.counts.rows -= 1;
                self.out.ended = true;
                self.out.log.push(Issue::at(Code::TrailerRow, place, "a summary line at the end was skipped"));
            }
            Some(Some(stated)) => {
                self.out.counts.rows -= 1;
                let rows = suspect.rows_before;
                let message = format!("the file says that it has {stated} rows, but {rows} were read: it is not whole");
                self.out.log.push(Issue::at(Code::Truncated, place, message));
            }
            _ => {
                if !self.out.ended {
                    let message = "the file ends in the middle of a row: it is cut off; send it again";
                    self.out.log.push(Issue::at(Code::Truncated, place, message));
                }
                self.tell_suspect(suspect);
            }
        }
    }

    fn judge_end(&mut self) {
        let had_end = self.out.roster.as_ref().and_then(|roster| roster.profile.ended);
        if !self.out.ended && had_end == Some(true) && !self.out.log.reaches(Reach::Damage) {
            let place = Place { record: self.records, line: self.out.lines.of(self.records) };
            let message = "the file ends without the line end that this connection's files have: it may be cut off; send it again";
            self.out.log.push(Issue::at(Code::Truncated, place, message));
        }
    }
}
