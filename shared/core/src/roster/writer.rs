//! Writing a roster.

use std::collections::{BTreeMap, HashSet};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};

use xxhash_rust::xxh3::Xxh3;

use super::{Entry, Flags, Hasher, MAGIC, Profile, Roster};
use crate::ids::UniqueId;
use crate::listing::{Scratch, ScratchFile};
use crate::status::Status;

/// How many bytes are written at once.
const BLOCK: usize = 1 << 16;

/// Writes a roster, person by person in the entries' order.
pub struct RosterWriter<W> {
    out: W,
    hash: Xxh3,
    keys: BufWriter<Box<dyn ScratchFile>>,
    left: u64,
    last: Option<Entry>,
    /// Entries that are not yet summed up and written.
    block: Vec<u8>,
}

impl<W: Write> RosterWriter<W> {
    /// Begins a roster of `people` people; their keys wait in `scratch` until the entries are written.
    ///
    /// # Errors
    /// When `out` or the scratch file cannot be written.
    pub fn begin(
        mut out: W,
        hasher: Hasher,
        fingerprint: [u8; 16],
        profile: &Profile,
        people: u64,
        scratch: &dyn Scratch,
    ) -> io::Result<Self> {
        let mut head = Vec::with_capacity(128);
        head.extend_from_slice(MAGIC);
        head.extend_from_slice(&fingerprint);
        head.extend_from_slice(&hasher.check().to_le_bytes());
        head.extend_from_slice(&people.to_le_bytes());
        head.extend_from_slice(&profile.rows.to_le_bytes());
        head.push(profile.ended.map_or(2, u8::from));
        head.push(profile.tail.len() as u8);
        head.extend_from_slice(&profile.id_width.0.to_le_bytes());
        head.extend_from_slice(&profile.id_width.1.to_le_bytes());
        profile.tail.iter().for_each(|key| head.extend_from_slice(&key.to_le_bytes()));
        let mut hash = Xxh3::new();
        hash.update(&head);
        out.write_all(&head)?;
        Ok(Self {
            out,
            hash,
            keys: BufWriter::with_capacity(1 << 18, scratch.file()?),
            left: people,
            last: None,
            block: Vec::with_capacity(BLOCK),
        })
    }

    /// Adds a person.
    ///
    /// # Errors
    /// When it cannot be written, or comes out of order.
    pub fn person(&mut self, entry: Entry, key: &str) -> io::Result<()> {
        let length = u8::try_from(key.len().wrapping_sub(1)).map_err(|_| io::ErrorKind::InvalidInput)?;
        if self.last.is_some_and(|last| last > entry) || self.left == 0 {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a roster's people come in order"));
        }
        self.left -= 1;
        self.last = Some(entry);
        self.block.extend_from_slice(&entry.to_bytes());
        if self.block.len() >= BLOCK {
            self.flush()?;
        }
        self.keys.write_all(&[length])?;
        self.keys.write_all(key.as_bytes())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.hash.update(&self.block);
        self.out.write_all(&self.block)?;
        self.block.clear();
        Ok(())
    }

    /// Writes the keys and the checksum.
    ///
    /// # Errors
    /// When it cannot be written, or people are missing.
    pub fn finish(mut self) -> io::Result<W> {
        if self.left != 0 {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a roster's people are all written"));
        }
        self.flush()?;
        let mut keys = self.keys.into_inner().map_err(io::IntoInnerError::into_error)?;
        keys.seek(SeekFrom::Start(0))?;
        let mut block = vec![0; 1 << 16];
        loop {
            let read = keys.read(&mut block)?;
            if read == 0 {
                break;
            }
            self.hash.update(&block[..read]);
            self.out.write_all(&block[..read])?;
        }
        self.out.write_all(&self.hash.digest().to_le_bytes())?;
        self.out.flush()?;
        Ok(self.out)
    }
}

/// The roster of stored recipients, for when the real one is lost: no record matches it, so every row is read and
/// compared with what is stored.
///
/// # Errors
/// When the scratch file cannot be written.
pub fn rebuilt(mut people: Vec<(UniqueId, Status)>, hasher: Hasher, scratch: &dyn Scratch) -> io::Result<Vec<u8>> {
    let entry = |id: &UniqueId, status| unmatched(hasher.key(id.as_str()), status);
    people.sort_by_key(|(id, status)| entry(id, *status));
    let profile = Profile::default();
    let mut writer = RosterWriter::begin(Vec::new(), hasher, [0; 16], &profile, people.len() as u64, scratch)?;
    for (id, status) in &people {
        writer.person(entry(id, *status), id.as_str())?;
    }
    writer.finish()
}

/// The same roster, but for people whom something else than a listing has changed: no record matches theirs any more,
/// so that their rows are read and compared with what is stored. `None` stands for somebody who is not stored.
///
/// # Errors
/// When the old roster cannot be read, or the scratch file or `out` not be written.
pub fn amended<W: Write>(
    mut roster: Roster<'_>,
    changed: &BTreeMap<UniqueId, Option<Status>>,
    hasher: Hasher,
    out: W,
    scratch: &dyn Scratch,
) -> io::Result<W> {
    let keys: HashSet<u64> = changed.keys().map(|id| hasher.key(id.as_str())).collect();
    let mut fresh: Vec<(Entry, &UniqueId)> =
        changed.iter().filter_map(|(id, status)| Some((unmatched(hasher.key(id.as_str()), (*status)?), id))).collect();
    fresh.sort_by_key(|(entry, _)| *entry);
    let staying = roster.entries.iter().filter(|entry| !keys.contains(&entry.key)).count();
    let (fingerprint, profile) = (roster.fingerprint, roster.profile.clone());
    let people = (staying + fresh.len()) as u64;
    let mut writer = RosterWriter::begin(out, hasher, fingerprint, &profile, people, scratch)?;
    let mut fresh = fresh.into_iter().peekable();
    let mut failed = Ok(());
    roster.each_key(|_, entry, key| {
        if keys.contains(&entry.key) {
            return;
        }
        while let Some((new, id)) = fresh.next_if(|(new, _)| failed.is_ok() && *new < entry) {
            failed = writer.person(new, id.as_str());
        }
        if failed.is_ok() {
            failed = writer.person(entry, key);
        }
    })?;
    failed?;
    for (new, id) in fresh {
        writer.person(new, id.as_str())?;
    }
    writer.finish()
}

/// An entry that no record matches, of somebody whose stored state is to be looked at.
fn unmatched(key: u64, status: Status) -> Entry {
    Entry::new(0, Flags::of(status).not_applied(true), key, 0)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::listing::MemoryScratch;
    use crate::roster::{Roster, RosterError};

    fn bytes() -> Vec<u8> {
        let people = ["007", "12", "x"].map(|id| (UniqueId::parse(id).unwrap(), Status::Active)).to_vec();
        rebuilt(people, Hasher::new(5), &MemoryScratch).unwrap()
    }

    #[test]
    fn a_roster_reads_back_with_its_keys() {
        let mut roster = Roster::read(Cursor::new(bytes()), Hasher::new(5)).unwrap();
        let mut keys = Vec::new();
        roster.each_key(|_, _, key| keys.push(key.to_owned())).unwrap();
        keys.sort();
        assert_eq!(keys, ["007", "12", "x"]);
    }

    #[test]
    fn any_changed_or_missing_byte_is_found() {
        let good = bytes();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x20;
            assert!(Roster::read(Cursor::new(bad), Hasher::new(5)).is_err(), "byte {at}");
            assert!(Roster::read(Cursor::new(&good[..at]), Hasher::new(5)).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn an_amended_roster_forgets_the_records_of_whom_something_else_changed() {
        let id = |text| UniqueId::parse(text).unwrap();
        let roster = Roster::read(Cursor::new(bytes()), Hasher::new(5)).unwrap();
        let changed =
            BTreeMap::from([(id("12"), None), (id("x"), Some(Status::Inactive)), (id("new"), Some(Status::Active))]);
        let bytes = amended(roster, &changed, Hasher::new(5), Vec::new(), &MemoryScratch).unwrap();
        let mut roster = Roster::read(Cursor::new(bytes), Hasher::new(5)).unwrap();
        let mut keys = Vec::new();
        roster.each_key(|_, entry, key| keys.push((key.to_owned(), entry.flags().wants_a_decision()))).unwrap();
        keys.sort();
        assert_eq!(keys, [("007".to_owned(), true), ("new".to_owned(), true), ("x".to_owned(), true)]);
    }

    #[test]
    fn another_connections_roster_is_refused() {
        assert!(matches!(Roster::read(Cursor::new(bytes()), Hasher::new(6)), Err(RosterError::Foreign)));
    }
}
