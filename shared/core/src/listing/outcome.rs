//! What a comparison found.

use std::collections::{HashMap, HashSet};
use std::io::{self, Write};

use super::cells::Cells;
use super::spool::SpoolReader;
use super::{IssueLog, Scratch};
use crate::ids::UniqueId;
use crate::issue::{Code, Issue, Place, Reach};
use crate::mapping::Bound;
use crate::recipient::Desired;
use crate::roster::{Entry, Flags, Hasher, Profile, Roster, RosterWriter};

/// What the roster says of a person whom the file presents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Not among the connection's people.
    New,
    /// One of the connection's people.
    Known,
}

/// A presented person who needs a look.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposed {
    /// What the roster says of them.
    pub standing: Standing,
    /// What the file says of them.
    pub desired: Desired,
    /// Where.
    pub place: Place,
}

/// One of the connection's people whom a complete listing does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Absent {
    /// Who.
    pub unique_id: UniqueId,
    /// In how many complete listings in a row they were missing, this one included.
    pub runs_absent: u8,
}

/// How many rows were what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Rows of people.
    pub rows: u64,
    /// Rows known from the last file.
    pub known: u64,
    /// Rows that changed in looks only.
    pub cosmetic: u64,
    /// People who stay as stored because their row has an error that reaches the whole person.
    pub flagged: u64,
    /// Known people whom the file does not name.
    pub absent: u64,
}

/// What became of people, for the next roster.
#[derive(Debug, Clone, Default)]
pub struct Decisions {
    not_applied: HashSet<UniqueId>,
    removed: HashSet<UniqueId>,
}

impl Decisions {
    /// What the file says of the person is not in the directory: switched off, only proposed, not imported.
    pub fn not_applied(&mut self, id: &UniqueId) {
        self.not_applied.insert(id.clone());
    }

    /// The person is removed.
    pub fn removed(&mut self, id: &UniqueId) {
        self.removed.insert(id.clone());
    }
}

/// A row that needs a look, as kept in memory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) raw: u128,
    pub(super) key: u64,
    pub(super) outcome: u64,
    /// The entry of the same person; [`NOBODY`] for new people.
    pub(super) entry: u32,
    pub(super) flags: Flags,
    pub(super) fate: Fate,
}

pub(super) const NOBODY: u32 = u32::MAX;

/// What is to be done with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Proposed to the plan.
    Look,
    /// Says what the last file said, in other looks.
    Cosmetic,
    /// The same as another row: counts once.
    Repeated,
    /// Contradicts another row of the same id.
    Duplicate,
}

/// Entries with their ids, which stand one behind the other in one text: a first import has them for everybody.
struct Newcomers {
    /// Entry, where its id begins, and the id's bytes.
    people: Vec<(Entry, u32, u16)>,
    ids: String,
}

impl Newcomers {
    fn push(&mut self, entry: Entry, id: &str) -> io::Result<()> {
        let too_many = |_| io::Error::other("more people than one roster holds");
        let from = u32::try_from(self.ids.len()).map_err(too_many)?;
        let bytes = u16::try_from(id.len()).map_err(too_many)?;
        self.ids.push_str(id);
        self.people.push((entry, from, bytes));
        Ok(())
    }
}

/// What becomes of an entry of the old roster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Present,
    Absent,
    /// Gone, or written anew in another place.
    Dropped,
}

/// A compared file.
pub struct Comparison<'a> {
    pub(super) counts: Counts,
    pub(super) log: IssueLog,
    pub(super) rows: Vec<Row>,
    pub(super) spool: SpoolReader,
    pub(super) roster: Option<Roster<'a>>,
    pub(super) absent: Vec<u32>,
    pub(super) hasher: Hasher,
    pub(super) fingerprint: [u8; 16],
    pub(super) profile: Profile,
    pub(super) delimiter: u8,
    /// Where the unchanged row of a person stands who has other rows that contradict it.
    pub(super) contradicted: HashMap<u64, Place>,
}

impl std::fmt::Debug for Comparison<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Comparison").field("counts", &self.counts).finish_non_exhaustive()
    }
}

/// Shows that every row of a file could be told, so that whoever is not in it is absent. Made here only.
#[derive(Debug)]
pub struct CompleteListing(());

impl Comparison<'_> {
    /// How many rows were what.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// What was found.
    pub fn issues(&self) -> &IssueLog {
        &self.log
    }

    /// Whether the file is damaged.
    pub fn is_damaged(&self) -> bool {
        self.log.reaches(Reach::Damage)
    }

    /// The proof that absence means something; `None` when a row could not be told or the file is damaged.
    pub fn complete(&self) -> Option<CompleteListing> {
        let complete = !self.is_damaged() && !self.log.reaches(Reach::Listing);
        complete.then_some(CompleteListing(()))
    }

    /// The people who need a look, in the file's order. May be asked for again.
    ///
    /// # Errors
    /// When the scratch file cannot be read.
    pub fn proposed(&mut self) -> io::Result<ProposedPeople<'_>> {
        self.spool.rewind()?;
        Ok(ProposedPeople { rows: &self.rows, spool: &mut self.spool, at: 0 })
    }

    /// The people who are absent, in the roster's order.
    ///
    /// # Errors
    /// When the roster cannot be read.
    pub fn absent(&mut self, _proof: &CompleteListing) -> io::Result<Vec<Absent>> {
        let (Some(roster), absent) = (&mut self.roster, &self.absent) else { return Ok(Vec::new()) };
        if absent.is_empty() {
            return Ok(Vec::new());
        }
        let mut wanted = absent.iter().copied().peekable();
        let mut people = Vec::with_capacity(absent.len());
        roster.each_key(|at, entry, key| {
            if wanted.next_if(|wanted| *wanted as usize == at).is_some()
                && let Ok(unique_id) = UniqueId::parse(key)
            {
                people.push(Absent { unique_id, runs_absent: entry.flags().runs_absent() + 1 });
            }
        })?;
        Ok(people)
    }

    /// Tells of rows whose ids contradict one another, with their original records.
    ///
    /// # Errors
    /// When the scratch file cannot be read.
    pub(super) fn tell_duplicates(&mut self, bound: &Bound<'_>) -> io::Result<()> {
        if !self.rows.iter().any(|row| matches!(row.fate, Fate::Duplicate | Fate::Repeated)) {
            return Ok(());
        }
        self.spool.rewind()?;
        let mut cells = Cells::default();
        for row in &self.rows {
            let spooled = self.spool.next()?;
            if let Some(place) = self.contradicted.remove(&row.key) {
                let message = "this row is as in the last file, but another row of this file has the same unique id and says something else; the person stays as stored";
                let mut issue = Issue::at(Code::DuplicateId, place, message);
                issue.unique_id = Some(spooled.desired.unique_id.clone());
                self.log.push(issue);
            }
            let (code, message) = match row.fate {
                Fate::Duplicate => (
                    Code::DuplicateId,
                    "another row of this file has the same unique id and says something else; the person stays as stored",
                ),
                Fate::Repeated => (Code::RepeatedRow, "the same row stands in the file twice; it counts once"),
                _ => continue,
            };
            let mut issue = Issue::at(code, spooled.place, message);
            issue.unique_id = Some(spooled.desired.unique_id);
            cells.split(&spooled.raw, self.delimiter, usize::MAX);
            issue.original = cells.texts().map(|texts| bound.original(&texts)).unwrap_or_default();
            self.log.push(issue);
        }
        Ok(())
    }

    /// Writes the roster that holds once the plan is applied.
    ///
    /// # Errors
    /// When `out`, the scratch files or the old roster cannot be written or read.
    pub fn next_roster<W: Write>(mut self, decisions: &Decisions, out: W, scratch: &dyn Scratch) -> io::Result<W> {
        let complete = self.complete().is_some();
        let not_applied: HashSet<u64> = decisions.not_applied.iter().map(|id| self.hasher.key(id.as_str())).collect();
        let removed: HashSet<u64> = decisions.removed.iter().map(|id| self.hasher.key(id.as_str())).collect();
        let (moved, fresh) = self.changed_entries(&not_applied, &removed);
        let Newcomers { people: newcomers, ids } = self.newcomers(&moved, fresh)?;
        let marks = self.marks(&moved, &removed);
        // Nothing asks for the rows any more, and a first import has one for everybody.
        self.rows = Vec::new();
        let kept = |at: usize, entry: Entry| {
            let flags = entry.flags();
            let flags = match (complete, marks[at]) {
                (_, Mark::Dropped) => return None,
                // Withheld absences count neither way.
                (false, _) => flags,
                // Absence may have deactivated them, so the same row again is not what is stored.
                (true, Mark::Absent) => flags.absent_for(flags.runs_absent() + 1).not_applied(true),
                (true, Mark::Present) => flags.absent_for(0),
            };
            Some(entry.with_flags(flags))
        };
        let entries = self.roster.as_ref().map_or(&[][..], |roster| &roster.entries);
        let staying = entries.iter().enumerate().filter(|(at, entry)| kept(*at, **entry).is_some()).count();
        let people = (staying + newcomers.len()) as u64;
        let mut writer = RosterWriter::begin(out, self.hasher, self.fingerprint, &self.profile, people, scratch)?;
        let id_of = |(_, from, bytes): (Entry, u32, u16)| &ids[from as usize..from as usize + usize::from(bytes)];
        let mut newcomers = newcomers.into_iter().peekable();
        let mut failed = Ok(());
        if let Some(roster) = &mut self.roster {
            roster.each_key(|at, entry, key| {
                let Some(entry) = kept(at, entry).filter(|_| failed.is_ok()) else { return };
                while let Some(new) = newcomers.next_if(|new| failed.is_ok() && new.0 < entry) {
                    failed = writer.person(new.0, id_of(new));
                }
                if failed.is_ok() {
                    failed = writer.person(entry, key);
                }
            })?;
        }
        failed?;
        for new in newcomers {
            writer.person(new.0, id_of(new))?;
        }
        writer.finish()
    }

    /// What becomes of each of the old roster's entries.
    fn marks(&self, moved: &HashMap<u32, Option<Entry>>, removed: &HashSet<u64>) -> Vec<Mark> {
        let entries = self.roster.as_ref().map_or(&[][..], |roster| &roster.entries);
        let mut marks = vec![Mark::Present; entries.len()];
        for at in &self.absent {
            let gone = removed.contains(&entries[*at as usize].key);
            marks[*at as usize] = if gone { Mark::Dropped } else { Mark::Absent };
        }
        moved.keys().for_each(|at| marks[*at as usize] = Mark::Dropped);
        marks
    }

    /// Per known person whose row changed: the new entry, or `None` to drop them; and whether the n-th row is a new person's.
    fn changed_entries(
        &self,
        not_applied: &HashSet<u64>,
        removed: &HashSet<u64>,
    ) -> (HashMap<u32, Option<Entry>>, Vec<bool>) {
        let mut moved = HashMap::new();
        let mut fresh = vec![false; self.rows.len()];
        for (row, fresh) in self.rows.iter().zip(&mut fresh) {
            if !matches!(row.fate, Fate::Look | Fate::Cosmetic) {
                continue;
            }
            if row.entry == NOBODY {
                *fresh = !not_applied.contains(&row.key);
                continue;
            }
            let flags = row.flags.not_applied(not_applied.contains(&row.key));
            let entry = Entry::new(row.raw, flags, row.key, row.outcome);
            moved.insert(row.entry, (!removed.contains(&row.key)).then_some(entry));
        }
        (moved, fresh)
    }

    /// Entries that are not where the old roster has them, with their ids.
    fn newcomers(&mut self, moved: &HashMap<u32, Option<Entry>>, fresh: Vec<bool>) -> io::Result<Newcomers> {
        let count = fresh.iter().filter(|fresh| **fresh).count() + moved.len();
        let mut newcomers = Newcomers { people: Vec::with_capacity(count), ids: String::new() };
        self.spool.rewind()?;
        for (row, fresh) in self.rows.iter().zip(fresh) {
            let id = self.spool.next_id()?;
            let moved =
                moved.get(&row.entry).copied().flatten().filter(|_| matches!(row.fate, Fate::Look | Fate::Cosmetic));
            let entry = if fresh { Some(Entry::new(row.raw, row.flags, row.key, row.outcome)) } else { moved };
            if let Some(entry) = entry {
                newcomers.push(entry, id.as_str())?;
            }
        }
        newcomers.people.sort_unstable();
        Ok(newcomers)
    }
}

/// Presented people who need a look, one by one.
pub struct ProposedPeople<'c> {
    rows: &'c [Row],
    spool: &'c mut SpoolReader,
    at: usize,
}

impl std::fmt::Debug for ProposedPeople<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProposedPeople").field("at", &self.at).finish_non_exhaustive()
    }
}

impl Iterator for ProposedPeople<'_> {
    type Item = io::Result<Proposed>;

    fn next(&mut self) -> Option<Self::Item> {
        while let Some(row) = self.rows.get(self.at) {
            self.at += 1;
            let spooled = match self.spool.next() {
                Ok(spooled) => spooled,
                Err(e) => return Some(Err(e)),
            };
            if row.fate == Fate::Look {
                let standing = if row.entry == NOBODY { Standing::New } else { Standing::Known };
                return Some(Ok(Proposed { standing, desired: spooled.desired, place: spooled.place }));
            }
        }
        None
    }
}
