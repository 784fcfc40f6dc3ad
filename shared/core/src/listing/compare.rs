//! Comparing a file with a roster.

use std::collections::{HashMap, HashSet};
use std::io;

use super::outcome::{Comparison, Counts, Fate, NOBODY, Row};
use super::scan::Scanned;
use super::{Scratch, scan};
use crate::file::{Limits, OpenFile};
use crate::issue::{Code, Issue, Place, Reach};
use crate::mapping::Bound;
use crate::roster::{Hasher, Profile, Roster, TAIL};
use crate::settings::FileSettings;

/// What is compared.
pub struct CompareInput<'a, 'r> {
    /// The file, its header read.
    pub file: OpenFile<'a>,
    /// The mapping, bound to the file's header.
    pub bound: &'a Bound<'a>,
    /// What the connection owns; `None` when it never owned anybody.
    pub roster: Option<Roster<'r>>,
    /// What the hashes depend on besides the records: header, delimiter, mapping, validators.
    pub fingerprint: [u8; 16],
    /// The connection's secret.
    pub hasher: Hasher,
    /// How the connection's files are read.
    pub settings: &'a FileSettings,
    /// What is too large.
    pub limits: &'a Limits,
    /// Places for what does not fit into memory.
    pub scratch: &'a dyn Scratch,
    /// Is told how many bytes of text were read.
    pub progress: &'a mut dyn FnMut(u64),
}

impl std::fmt::Debug for CompareInput<'_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CompareInput").field("file", &self.file).finish_non_exhaustive()
    }
}

/// Reads the file to its end, or to where it is damaged, and compares it with the roster.
///
/// # Errors
/// When the input or a scratch file fails; damage of the file is an issue, never an error.
pub fn compare<'r>(input: CompareInput<'_, 'r>) -> io::Result<Comparison<'r>> {
    let (bound, hasher, fingerprint) = (input.bound, input.hasher, input.fingerprint);
    let delimiter = input.file.delimiter;
    let scanned = scan::scan(input)?;
    let mut comparison = settle(scanned, hasher, fingerprint, delimiter)?;
    comparison.tell_duplicates(bound)?;
    Ok(comparison)
}

/// Matches the rows that were read with the roster's people.
fn settle<'r>(
    mut scanned: Scanned<'r>,
    hasher: Hasher,
    fingerprint: [u8; 16],
    delimiter: u8,
) -> io::Result<Comparison<'r>> {
    let mut absent = Vec::new();
    let mut doubled = Vec::new();
    let entries = scanned.roster.as_ref().map_or(&[][..], |roster| &roster.entries);
    for (at, entry) in entries.iter().enumerate() {
        let seen = scanned.seen[at];
        match scanned.by_key.get(&entry.key) {
            Some(row) if seen != 0 => doubled.push((*row, at)),
            Some(row) => match_row(&mut scanned.rows, *row, at, entry.outcome, entry.flags().wants_a_decision()),
            None if seen == 0 && !scanned.named.contains(&entry.key) => absent.push(at as u32),
            None => {}
        }
    }
    let swallowed = first_swallowed(&scanned, &absent);
    let mut contradicted = HashMap::new();
    for (row, at) in doubled {
        if let Some(place) = double(&mut scanned, row, at) {
            contradicted.insert(scanned.rows[row as usize].key, place);
        }
    }
    flag_named(&mut scanned);
    if let Some(place) = swallowed {
        let message = "a quoted field holds a row of a person who is missing from the file: a quote on this line is one too many or one too few";
        scanned.log.push(Issue::at(Code::SwallowedRows, place, message));
    }
    if !scanned.log.reaches(Reach::Damage) && tail_is_missing(&scanned, &absent) {
        let message = "the last people of the last file are missing in one piece, so this file looks cut off; send it again, or approve if they have all left";
        scanned.log.push(Issue::file(Code::TailMissing, message));
    }
    let known = scanned.seen.iter().filter(|seen| **seen != 0).count() as u64;
    let cosmetic = scanned.rows.iter().filter(|row| row.fate == Fate::Cosmetic).count() as u64;
    let counts = Counts {
        rows: scanned.counts.rows,
        known,
        cosmetic,
        flagged: scanned.named.len() as u64,
        absent: absent.len() as u64,
    };
    narrower_ids(&mut scanned);
    let profile = profile_of(&scanned, known);
    debug_assert!(profile.tail.len() <= TAIL);
    Ok(Comparison {
        counts,
        log: scanned.log,
        rows: scanned.rows,
        spool: scanned.spool.into_reader()?,
        roster: scanned.roster,
        absent,
        hasher,
        fingerprint,
        profile,
        delimiter,
        contradicted,
    })
}

/// Where the first field stands that holds a line with the id of somebody who is absent.
fn first_swallowed(scanned: &Scanned<'_>, absent: &[u32]) -> Option<Place> {
    let roster = scanned.roster.as_ref().filter(|_| !scanned.inner_ids.is_empty())?;
    let gone: HashSet<u64> = absent.iter().map(|at| roster.entries[*at as usize].key).collect();
    scanned.inner_ids.iter().find(|(key, _)| gone.contains(key)).map(|(_, place)| *place)
}

/// What the next file is measured against. A damaged file is no measure.
fn profile_of(scanned: &Scanned<'_>, known: u64) -> Profile {
    let before = scanned.roster.as_ref().map(|roster| &roster.profile);
    if let Some(before) = before.filter(|_| scanned.log.reaches(Reach::Damage)) {
        return before.clone();
    }
    let mut id_width = scanned.id_width;
    // Known rows are not taken apart: their ids are as wide as they were.
    if let Some((least, most)) = before.map(|before| before.id_width).filter(|(least, _)| known > 0 && *least > 0) {
        id_width = (if id_width.0 == 0 { least } else { least.min(id_width.0) }, most.max(id_width.1));
    }
    Profile {
        rows: scanned.counts.rows,
        ended: Some(scanned.ended),
        id_width,
        tail: scanned.tail.iter().copied().collect(),
    }
}

/// A person of whom one row cannot be used stays as stored, whatever the others say.
fn flag_named(scanned: &mut Scanned<'_>) {
    if scanned.named.is_empty() {
        return;
    }
    for row in scanned.rows.iter_mut().filter(|row| scanned.named.contains(&row.key)) {
        row.fate = Fate::Duplicate;
    }
}

/// Every row of one id learns whose it is, and whether it says anything new.
fn match_row(rows: &mut [Row], first: u32, at: usize, outcome: u64, undecided: bool) {
    let row = &mut rows[first as usize];
    row.entry = at as u32;
    if row.fate == Fate::Look && row.outcome == outcome && !undecided {
        row.fate = Fate::Cosmetic;
    }
}

/// A person whose row is as it was, and who has another row besides: where the first one stands, if the
/// other contradicts it.
fn double(scanned: &mut Scanned<'_>, row: u32, at: usize) -> Option<Place> {
    let outcome = scanned.roster.as_ref().map(|roster| roster.entries[at].outcome);
    let row = &mut scanned.rows[row as usize];
    row.entry = at as u32;
    if row.fate == Fate::Look && outcome == Some(row.outcome) {
        row.fate = Fate::Repeated;
        return None;
    }
    row.fate = Fate::Duplicate;
    scanned.named.insert(row.key);
    let record = u64::from(scanned.seen[at]);
    Some(Place { record, line: scanned.lines.of(record) })
}

/// Whether every one of the last file's last people is missing, and the file ends with somebody known.
fn tail_is_missing(scanned: &Scanned<'_>, absent: &[u32]) -> bool {
    let Some(roster) = &scanned.roster else { return false };
    let tail = &roster.profile.tail;
    if tail.len() < TAIL || roster.profile.rows < 2 * TAIL as u64 || absent.len() < TAIL {
        return false;
    }
    let gone: HashSet<u64> = absent.iter().map(|at| roster.entries[*at as usize].key).collect();
    let ends_with_known = scanned.tail.back().is_some_and(|last| {
        // A new person at the end shows that the file was written beyond the old one's end.
        scanned.by_key.get(last).is_none_or(|row| scanned.rows[*row as usize].entry != NOBODY)
    });
    ends_with_known && tail.iter().all(|key| gone.contains(key))
}

/// Ids that are narrower than last time, nobody among them known: leading zeros were lost.
fn narrower_ids(scanned: &mut Scanned<'_>) {
    let Some(roster) = &scanned.roster else { return };
    let (before, now) = (roster.profile.id_width, scanned.id_width);
    if before.0 > 0 && before.0 == before.1 && now.1 > 0 && now.0 < before.0 && now.1 <= before.1 {
        let message = format!(
            "unique ids had {} characters in the last file and have {} to {} in this one: a spreadsheet may have taken leading zeros away",
            before.0, now.0, now.1
        );
        scanned.log.push(Issue::file(Code::IdWidth, message));
    }
}
