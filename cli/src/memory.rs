//! What a saved roster remembers besides the roster: of each person the status and a hash of every stored value, so
//! that a later plan knows which fields change without knowing what they were.
//!
//! ```text
//! magic "MUSTERC1" · length of the roster 8 · roster · length of the groups 8 · groups as JSON
//! people 8 · length of the people 8 · people, sorted · checksum 8
//! a person:  unique id's hash 8 · status 1 · fields 1 · fields × (place in the catalogue 1 · hash 8)
//! ```
//! All numbers are little-endian.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek as _, SeekFrom, Write};

use anyhow::{Context as _, bail};
use muster_core::field::Field;
use muster_core::ids::UniqueId;
use muster_core::recipient::{Cell, Desired, Recipient, Value, Values};
use muster_core::roster::Hasher;
use muster_core::status::Status;

use crate::base::SEED;

/// How a saved roster begins.
pub(crate) const MAGIC: &[u8; 8] = b"MUSTERC1";

/// Stands for a stored value of which only the hash is known.
pub(crate) const NOT_KNOWN: &str = "(not known: the base is a roster)";

/// The hash, the status and the count of fields.
const HEAD: usize = 10;

/// One field of a person.
const FIELD: usize = 9;

/// Per grouping field its values that have a group: as groups compare them, and as spelled.
pub(crate) type Spelled = BTreeMap<Field, BTreeMap<String, String>>;

/// What is remembered of people.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    bytes: Vec<u8>,
    /// The unique ids' hashes, sorted, and where each person begins.
    index: Vec<(u64, usize)>,
}

impl Memory {
    /// How many people.
    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }

    /// What is stored of a person as far as it matters to what a file says of them: equal values as they are, all
    /// others as [`NOT_KNOWN`].
    pub(crate) fn stored(&self, desired: &Desired) -> Option<Recipient> {
        let (status, hashes) = self.read(&desired.unique_id)?;
        let mut values = Values::new();
        for (field, hash) in hashes {
            let said = desired.cells.iter().find(|(said, _)| *said == field).map(|(_, cell)| cell);
            let value = match said {
                Some(Cell::Set(value)) if hash_of(value) == hash => value.clone(),
                _ => Value::One(NOT_KNOWN.to_owned()),
            };
            values.insert(field, value);
        }
        Some(Recipient { unique_id: desired.unique_id.clone(), status, values })
    }

    /// A person of whom the file says nothing: every value is [`NOT_KNOWN`].
    pub(crate) fn stored_absent(&self, id: &UniqueId) -> Option<Recipient> {
        self.stored(&Desired { unique_id: id.clone(), status: Status::Active, cells: Vec::new() })
    }

    fn read(&self, id: &UniqueId) -> Option<(Status, impl Iterator<Item = (Field, u64)>)> {
        let record = self.record(key(id))?;
        let status = Status::ALL.get(usize::from(record[8])).copied()?;
        let fields = record[HEAD..].chunks_exact(FIELD);
        Some((status, fields.filter_map(|field| Some((Field::at(usize::from(field[0]))?, number(&field[1..]))))))
    }

    fn record(&self, key: u64) -> Option<&[u8]> {
        let at = self.index.binary_search_by_key(&key, |(key, _)| *key).ok()?;
        let from = self.index[at].1;
        self.bytes.get(from..from + HEAD + FIELD * usize::from(self.bytes[from + 9]))
    }

    fn of_bytes(bytes: Vec<u8>, people: u64) -> anyhow::Result<Self> {
        let mut index = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let length = bytes.get(at + 9).map_or(0, |fields| HEAD + FIELD * usize::from(*fields));
            if length == 0 || at + length > bytes.len() {
                bail!("it is damaged: a person is cut off");
            }
            index.push((number(&bytes[at..at + 8]), at));
            at += length;
        }
        if index.len() as u64 != people || !index.is_sorted() {
            bail!("it is damaged: its people are not those it names");
        }
        Ok(Self { bytes, index })
    }
}

/// What becomes of people by a plan.
#[derive(Debug, Default)]
pub(crate) struct Changed(HashMap<u64, Option<Vec<u8>>>);

impl Changed {
    /// The person is stored so; what is [`NOT_KNOWN`] stays as `before` remembers it.
    pub(crate) fn stored(&mut self, recipient: &Recipient, before: Option<&Memory>) {
        let old: Vec<(Field, u64)> = before
            .and_then(|memory| memory.read(&recipient.unique_id))
            .map(|(_, hashes)| hashes.collect())
            .unwrap_or_default();
        let hash = |field: Field, value: &Value| match value {
            Value::One(text) if text == NOT_KNOWN => {
                old.iter().find(|(known, _)| *known == field).map(|(_, hash)| *hash)
            }
            value => Some(hash_of(value)),
        };
        let fields: Vec<(Field, u64)> =
            recipient.values.iter().filter_map(|(field, value)| Some((*field, hash(*field, value)?))).collect();
        let key = key(&recipient.unique_id);
        let mut record = Vec::with_capacity(HEAD + FIELD * fields.len());
        record.extend(key.to_le_bytes());
        record.extend([recipient.status as u8, fields.len() as u8]);
        for (field, hash) in fields {
            record.push(field.index() as u8);
            record.extend(hash.to_le_bytes());
        }
        self.0.insert(key, Some(record));
    }

    /// The person is removed.
    pub(crate) fn removed(&mut self, id: &UniqueId) {
        self.0.insert(key(id), None);
    }
}

/// Writes everything behind the roster, whose beginning [`begin`] left open.
pub(crate) fn finish(
    mut file: &File,
    groups: &Spelled,
    before: Option<&Memory>,
    changed: &Changed,
) -> anyhow::Result<()> {
    let end = file.stream_position()?;
    file.seek(SeekFrom::Start(MAGIC.len() as u64))?;
    file.write_all(&(end - MAGIC.len() as u64 - 8).to_le_bytes())?;
    file.seek(SeekFrom::Start(end))?;
    let mut people: Vec<(u64, &[u8])> =
        changed.0.iter().filter_map(|(key, new)| Some((*key, new.as_deref()?))).collect();
    if let Some(memory) = before {
        let kept = memory.index.iter().filter(|(key, _)| !changed.0.contains_key(key));
        people.extend(kept.filter_map(|(key, _)| Some((*key, memory.record(*key)?))));
    }
    people.sort_unstable();
    let named: BTreeMap<_, _> = groups.iter().map(|(field, values)| (field.name(), values)).collect();
    let groups = serde_json::to_vec(&named)?;
    let mut out = BufWriter::with_capacity(1 << 18, file);
    out.write_all(&(groups.len() as u64).to_le_bytes())?;
    out.write_all(&groups)?;
    out.write_all(&(people.len() as u64).to_le_bytes())?;
    out.write_all(&people.iter().map(|(_, record)| record.len() as u64).sum::<u64>().to_le_bytes())?;
    let mut sum = checksum(0, &groups);
    for (_, record) in people {
        out.write_all(record)?;
        sum = checksum(sum, record);
    }
    out.write_all(&sum.to_le_bytes())?;
    Ok(out.flush()?)
}

/// Writes what stands before the roster.
pub(crate) fn begin(mut file: &File) -> io::Result<()> {
    file.write_all(MAGIC)?;
    file.write_all(&[0; 8])
}

/// Reads a saved roster: the roster itself into a file of its own, the rest into memory.
pub(crate) fn read(file: &File) -> anyhow::Result<(File, Spelled, Memory)> {
    let mut input = BufReader::with_capacity(1 << 18, file);
    let mut magic = [0; MAGIC.len()];
    input.read_exact(&mut magic).context("it is cut off")?;
    if magic != *MAGIC {
        bail!("it was saved by another version");
    }
    let length = next_number(&mut input)?;
    let mut roster = tempfile::tempfile()?;
    if io::copy(&mut input.by_ref().take(length), &mut roster)? != length {
        bail!("it is cut off");
    }
    let length = next_number(&mut input)?;
    let groups = next_bytes(&mut input, length)?;
    let people = next_number(&mut input)?;
    let length = next_number(&mut input)?;
    let bytes = next_bytes(&mut input, length)?;
    let expected = next_number(&mut input)?;
    let mut sum = checksum(0, &groups);
    let memory = Memory::of_bytes(bytes, people)?;
    for (key, _) in &memory.index {
        sum = checksum(sum, memory.record(*key).unwrap_or_default());
    }
    if sum != expected {
        bail!("it is damaged: its checksum is wrong");
    }
    let named: BTreeMap<String, BTreeMap<String, String>> = serde_json::from_slice(&groups)?;
    let groups = named.into_iter().filter_map(|(name, values)| Some((Field::by_name(&name)?, values))).collect();
    Ok((roster, groups, memory))
}

fn next_number(input: &mut impl Read) -> anyhow::Result<u64> {
    let mut bytes = [0; 8];
    input.read_exact(&mut bytes).context("it is cut off")?;
    Ok(u64::from_le_bytes(bytes))
}

fn next_bytes(input: &mut impl Read, length: u64) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // Not reserved at once: a damaged length must not take all the memory there is.
    input.take(length).read_to_end(&mut bytes)?;
    if bytes.len() as u64 == length { Ok(bytes) } else { bail!("it is cut off") }
}

/// Eight bytes as a number.
fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

fn key(id: &UniqueId) -> u64 {
    Hasher::new(SEED).key(id.as_str())
}

fn hash_of(value: &Value) -> u64 {
    let mut bytes = Vec::new();
    for text in value.iter() {
        bytes.extend((text.len() as u64).to_le_bytes());
        bytes.extend(text.as_bytes());
    }
    Hasher::new(SEED).record(&bytes) as u64
}

fn checksum(before: u64, bytes: &[u8]) -> u64 {
    before.rotate_left(1) ^ Hasher::new(SEED).record(bytes) as u64
}
