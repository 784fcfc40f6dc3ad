//! Writing a roster.

use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};

use xxhash_rust::xxh3::Xxh3;

use super::{Entry, Flags, Hasher, MAGIC, Profile};
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
    let entry = |id: &UniqueId, status| Entry::new(0, Flags::of(status).not_applied(true), hasher.key(id.as_str()), 0);
    people.sort_by_key(|(id, status)| entry(id, *status));
    let profile = Profile::default();
    let mut writer = RosterWriter::begin(Vec::new(), hasher, [0; 16], &profile, people.len() as u64, scratch)?;
    for (id, status) in &people {
        writer.person(entry(id, *status), id.as_str())?;
    }
    writer.finish()
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
    fn another_connections_roster_is_refused() {
        assert!(matches!(Roster::read(Cursor::new(bytes()), Hasher::new(6)), Err(RosterError::Foreign)));
    }
}
