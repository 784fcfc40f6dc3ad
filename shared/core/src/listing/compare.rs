//! Comparing a file with a roster.

use std::collections::HashMap;
use std::io;

use super::outcome::{Comparison, Counts, Fate, NOBODY, Row};
use super::scan::Scanned;
use super::{Scratch, scan};
use crate::file::{Limits, OpenFile};
use crate::issue::{Code, Issue};
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
        let seen = scanned.seen[at].record;
        match scanned.by_key.get(&entry.key) {
            Some(row) if seen != 0 => doubled.push((*row, at)),
            Some(row) => match_row(&mut scanned.rows, *row, at, entry.outcome, entry.flags().is_not_applied()),
            None if seen == 0 && !scanned.named.contains(&entry.key) => absent.push(at as u32),
            None => {}
        }
    }
    let inner: Vec<_> = scanned
        .inner_ids
        .iter()
        .filter(|(key, _)| absent.iter().any(|at| entries[*at as usize].key == *key))
        .map(|(_, place)| *place)
        .collect();
    let mut contradicted = HashMap::new();
    for (row, at) in doubled {
        if double(&mut scanned, row, at) {
            contradicted.insert(row, scanned.seen[at].place());
        }
    }
    if let Some(place) = inner.first() {
        let message = "a quoted field holds a row of a person who is missing from the file: a quote on this line is one too many or one too few";
        scanned.log.push(Issue::at(Code::SwallowedRows, *place, message));
    }
    let tail_missing = tail_is_missing(&scanned, &absent);
    if tail_missing {
        let message = "the last people of the last file are missing in one piece, so this file looks cut off; send it again, or approve if they have all left";
        scanned.log.push(Issue::file(Code::TailMissing, message));
    }
    let known = scanned.seen.iter().filter(|seen| seen.record != 0).count() as u64;
    let cosmetic = scanned.rows.iter().filter(|row| row.fate == Fate::Cosmetic).count() as u64;
    let counts = Counts {
        rows: scanned.counts.rows,
        known,
        cosmetic,
        flagged: scanned.named.len() as u64,
        absent: absent.len() as u64,
    };
    narrower_ids(&mut scanned);
    let profile = Profile {
        rows: scanned.counts.rows,
        ended: Some(scanned.ended),
        id_width: scanned.id_width,
        tail: scanned.tail.into_iter().collect(),
    };
    debug_assert!(profile.tail.len() <= TAIL);
    Ok(Comparison {
        counts,
        log: scanned.log,
        rows: scanned.rows,
        spool: scanned.spool.into_reader()?,
        roster: scanned.roster,
        absent,
        contradicted,
        hasher,
        fingerprint,
        profile,
        delimiter,
    })
}

/// Every row of one id learns whose it is, and whether it says anything new.
fn match_row(rows: &mut [Row], first: u32, at: usize, outcome: u64, not_applied: bool) {
    let row = &mut rows[first as usize];
    row.entry = at as u32;
    if row.fate == Fate::Look && row.outcome == outcome && !not_applied {
        row.fate = Fate::Cosmetic;
    }
}

/// A person whose row is as it was, and who has another row besides; answers whether that says something else.
fn double(scanned: &mut Scanned<'_>, row: u32, at: usize) -> bool {
    let row = &mut scanned.rows[row as usize];
    row.entry = at as u32;
    let same = scanned.roster.as_ref().is_some_and(|roster| roster.entries[at].outcome == row.outcome);
    if row.fate != Fate::Look {
        return false;
    }
    if same {
        row.fate = Fate::Repeated;
        return false;
    }
    row.fate = Fate::Duplicate;
    scanned.named.insert(row.key);
    true
}

/// Whether every one of the last file's last people is missing, and the file ends with somebody known.
fn tail_is_missing(scanned: &Scanned<'_>, absent: &[u32]) -> bool {
    let Some(roster) = &scanned.roster else { return false };
    let tail = &roster.profile.tail;
    if tail.len() < TAIL || roster.profile.rows < 2 * TAIL as u64 || absent.len() < TAIL {
        return false;
    }
    let gone: std::collections::HashSet<u64> = absent.iter().map(|at| roster.entries[*at as usize].key).collect();
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
