//! Reading a roster.

use std::io::{self, BufReader, Read, Seek, SeekFrom};

use xxhash_rust::xxh3::Xxh3;

use super::{Entry, Hasher, MAGIC, Profile, TAIL};

/// No entry's place.
pub(crate) const NOT_FOUND: u32 = u32::MAX;

/// What a roster is read from.
pub trait ReadSeek: Read + Seek {}

impl<T: Read + Seek> ReadSeek for T {}

/// Why a roster cannot be used. The caller rebuilds it from the stored recipients.
#[derive(Debug, thiserror::Error)]
pub enum RosterError {
    /// The bytes are not those of a roster, or not all of them.
    #[error("the roster is damaged: {0}")]
    Damaged(&'static str),
    /// It was made under another connection's secret.
    #[error("the roster was made under another secret")]
    Foreign,
    /// It could not be read.
    #[error("the roster could not be read: {0}")]
    Io(#[from] io::Error),
}

/// A roster in memory: entries and an index over them; the keys stay where they are until they are needed.
pub struct Roster<'a> {
    /// Under which header, dialect, mapping and validators its hashes were made.
    pub fingerprint: [u8; 16],
    /// What the last file looked like.
    pub profile: Profile,
    pub(crate) entries: Vec<Entry>,
    buckets: Vec<u32>,
    shift: u32,
    source: Box<dyn ReadSeek + 'a>,
    keys_at: u64,
}

impl std::fmt::Debug for Roster<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Roster").field("people", &self.entries.len()).finish_non_exhaustive()
    }
}

impl<'a> Roster<'a> {
    /// Reads a whole roster and checks it.
    ///
    /// # Errors
    /// [`RosterError`]; never a roster that is not exactly what was written.
    pub fn read(source: impl ReadSeek + 'a, hasher: Hasher) -> Result<Self, RosterError> {
        let mut input = Summed { inner: BufReader::with_capacity(1 << 18, source), hash: Xxh3::new(), read: 0 };
        let mut magic = [0; 8];
        input.take(&mut magic)?;
        if &magic != MAGIC {
            return Err(RosterError::Damaged("it does not begin as one, or is of another version"));
        }
        let mut fingerprint = [0; 16];
        input.take(&mut fingerprint)?;
        if input.number()? != hasher.check() {
            return Err(RosterError::Foreign);
        }
        let people = usize::try_from(input.number()?).map_err(|_| RosterError::Damaged("its count is impossible"))?;
        let profile = read_profile(&mut input)?;
        let entries = read_entries(&mut input, people)?;
        let keys_at = input.read;
        input.finish()?;
        let (buckets, shift) = index(&entries);
        let source = Box::new(input.inner.into_inner());
        Ok(Self { fingerprint, profile, entries, buckets, shift, source, keys_at })
    }

    /// How many people.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it has nobody.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Where the entries of these records may stand, as ranges. Apart from [`Self::find_in`], so that the
    /// look-ups of many records overlap.
    pub(crate) fn ranges(&self, raws: &[u128], ranges: &mut Vec<(u32, u32)>) {
        ranges.clear();
        ranges.extend(raws.iter().map(|raw| {
            let bucket = ((*raw >> 64) as u64 >> self.shift) as usize;
            (self.buckets[bucket], self.buckets[bucket + 1])
        }));
    }

    /// The entries of these records, [`NOT_FOUND`] where there is none.
    pub(crate) fn find_in(&self, raws: &[u128], ranges: &[(u32, u32)], found: &mut Vec<u32>) {
        found.clear();
        found.extend(raws.iter().zip(ranges).map(|(raw, (from, to))| {
            let entries = &self.entries[*from as usize..*to as usize];
            entries.iter().position(|entry| entry.is_of(*raw)).map_or(NOT_FOUND, |at| from + at as u32)
        }));
    }

    /// Hands every entry with its key to `each`, in their order.
    pub(crate) fn each_key(&mut self, mut each: impl FnMut(usize, Entry, &str)) -> io::Result<()> {
        self.source.seek(SeekFrom::Start(self.keys_at))?;
        let mut input = BufReader::with_capacity(1 << 18, &mut self.source);
        let mut key = [0; 256];
        for (at, entry) in self.entries.iter().enumerate() {
            let length = next_key(|buffer| input.read_exact(buffer), &mut key)?;
            let text = std::str::from_utf8(&key[..length]).map_err(|_| io::ErrorKind::InvalidData)?;
            each(at, *entry, text);
        }
        Ok(())
    }
}

fn next_key(mut take: impl FnMut(&mut [u8]) -> io::Result<()>, key: &mut [u8; 256]) -> io::Result<usize> {
    let mut length = [0];
    take(&mut length)?;
    let length = usize::from(length[0]) + 1;
    take(&mut key[..length])?;
    Ok(length)
}

/// Entries of one bucket share their first bits; on average a bucket has 4 to 8.
fn index(entries: &[Entry]) -> (Vec<u32>, u32) {
    let bits = (entries.len() / 8).max(2).next_power_of_two().trailing_zeros();
    let shift = 64 - bits;
    let mut buckets = vec![0; (1 << bits) + 1];
    for entry in entries {
        buckets[(entry.high >> shift) as usize + 1] += 1;
    }
    for at in 1..buckets.len() {
        buckets[at] += buckets[at - 1];
    }
    (buckets, shift)
}

fn read_profile<R: Read>(input: &mut Summed<R>) -> Result<Profile, RosterError> {
    let rows = input.number()?;
    let mut fixed = [0; 6];
    input.take(&mut fixed)?;
    let [ended, tail, a, b, c, d] = fixed;
    if usize::from(tail) > TAIL || ended > 2 {
        return Err(RosterError::Damaged("its profile is impossible"));
    }
    let ended = [Some(false), Some(true), None][usize::from(ended)];
    let id_width = (u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d]));
    let tail = (0..tail).map(|_| input.number()).collect::<Result<_, _>>()?;
    Ok(Profile { rows, ended, id_width, tail })
}

fn read_entries<R: Read>(input: &mut Summed<R>, people: usize) -> Result<Vec<Entry>, RosterError> {
    // Not the whole at once: a damaged count must not take all the memory there is.
    let mut entries = Vec::with_capacity(people.min(1 << 20));
    let mut block = vec![0; Entry::BYTES * 4096];
    let mut left = people;
    while left > 0 {
        let now = left.min(4096);
        let bytes = &mut block[..now * Entry::BYTES];
        input.take(bytes)?;
        entries.reserve_exact(if entries.len() + now > entries.capacity() { left } else { 0 });
        entries.extend(bytes.chunks_exact(Entry::BYTES).map(Entry::from_bytes));
        left -= now;
    }
    if !entries.is_sorted() {
        return Err(RosterError::Damaged("its people are out of order"));
    }
    Ok(entries)
}

/// Sums up what it reads.
struct Summed<R> {
    inner: BufReader<R>,
    hash: Xxh3,
    read: u64,
}

impl<R: Read> Summed<R> {
    fn take(&mut self, buffer: &mut [u8]) -> Result<(), RosterError> {
        self.inner.read_exact(buffer).map_err(|e| match e.kind() {
            io::ErrorKind::UnexpectedEof => RosterError::Damaged("it is cut off"),
            _ => RosterError::Io(e),
        })?;
        self.hash.update(buffer);
        self.read += buffer.len() as u64;
        Ok(())
    }

    fn number(&mut self) -> Result<u64, RosterError> {
        let mut bytes = [0; 8];
        self.take(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    /// Reads on to the end: the last 8 bytes are the checksum of all others.
    fn finish(&mut self) -> Result<(), RosterError> {
        let mut block = vec![0; 1 << 16];
        let mut held = 0;
        loop {
            let read = self.inner.read(&mut block[held..])?;
            if read == 0 {
                break;
            }
            let filled = held + read;
            let sure = filled.saturating_sub(8);
            self.hash.update(&block[..sure]);
            block.copy_within(sure..filled, 0);
            held = filled - sure;
        }
        let stated: [u8; 8] = block[..held].try_into().map_err(|_| RosterError::Damaged("it is cut off"))?;
        if u64::from_le_bytes(stated) == self.hash.digest() {
            Ok(())
        } else {
            Err(RosterError::Damaged("its checksum is wrong"))
        }
    }
}
