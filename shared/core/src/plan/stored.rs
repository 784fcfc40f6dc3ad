//! The stored form of a plan's changes: one line of JSON each, in chunks, and the plan's hash.
//!
//! A chunk's first line is `{"v":1}`; every other line is one change, for example
//! `{"k":"update","why":"source","id":"E-7","old":{"st":"active","f":{"fn":"Ana"}},"new":{…},"row":17}`;
//! changes that no record of the source says have no `row`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::field::Field;
use crate::format::{self, WrongVersion};
use crate::ids::{ConnectionId, UniqueId};
use crate::recipient::{Recipient, Value, Values};
use crate::status::Status;

use super::{Change, ChangeKind, Reason};

/// The largest item the directory takes, in bytes.
pub const MAX_ITEM_BYTES: usize = 400 * 1024;

/// What an item holds beside the person's own data: account, connection, shard, fencing number,
/// version and hash with their attribute names. A field that was changed since the person was added costs up to
/// 8 bytes more, for the run that changed it.
const ITEM_OVERHEAD: usize = 200;

/// Why stored bytes are no plan or summary. Never quotes what they hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoredError {
    /// Written by another version of Muster.
    #[error(transparent)]
    Version(#[from] WrongVersion),
    /// The first line does not say a version.
    #[error("does not begin with its version: is not a plan's chunk, or is cut off")]
    NoVersion,
    /// A line is not one of ours.
    #[error("line {line}: {reason}")]
    Line {
        /// The line, from 1; a summary is one line.
        line: usize,
        /// What is wrong, without any value.
        reason: String,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireVersion {
    v: u64,
}

#[derive(Serialize)]
struct WireChangeOut<'a> {
    k: &'static str,
    why: Cow<'static, str>,
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    old: Option<WireRecipientOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    new: Option<WireRecipientOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    row: Option<u64>,
}

#[derive(Serialize)]
struct WireRecipientOut<'a> {
    st: &'static str,
    #[serde(serialize_with = "serialize_values")]
    f: &'a Values,
}

#[derive(Serialize)]
#[serde(untagged)]
enum WireValueOut<'a> {
    One(&'a str),
    Many(&'a [String]),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireChange {
    k: String,
    why: String,
    id: String,
    old: Option<WireRecipient>,
    new: Option<WireRecipient>,
    row: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireRecipient {
    st: String,
    f: BTreeMap<String, WireValue>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum WireValue {
    One(String),
    Many(Vec<String>),
}

/// Begins a chunk: writes its version line.
pub fn start_chunk(out: &mut Vec<u8>) {
    write_line(&WireVersion { v: u64::from(format::PLAN.version) }, out);
}

/// Writes the change as one line, `\n` at its end. The same change always gives the same bytes.
pub fn encode_change(change: &Change, out: &mut Vec<u8>) {
    let line = WireChangeOut {
        k: change.kind.as_str(),
        why: change.reason.name(),
        id: change.unique_id.as_str(),
        old: change.old.as_ref().map(wire),
        new: change.new.as_ref().map(wire),
        row: change.record,
    };
    write_line(&line, out);
}

/// Reads the changes of a chunk one by one. Stops at the first line that is not one of ours.
#[derive(Debug)]
pub struct ChunkReader<'a> {
    rest: &'a [u8],
    line: usize,
}

impl<'a> ChunkReader<'a> {
    /// Checks the version line.
    ///
    /// # Errors
    /// [`StoredError::Version`] for a chunk of another version, [`StoredError::NoVersion`] for
    /// anything else that does not begin with one or does not end in a line end.
    pub fn new(bytes: &'a [u8]) -> Result<Self, StoredError> {
        let (first, rest) = split_line(bytes).ok_or(StoredError::NoVersion)?;
        if !bytes.ends_with(b"\n") {
            return Err(StoredError::NoVersion);
        }
        let WireVersion { v } = serde_json::from_slice(first).map_err(|_| StoredError::NoVersion)?;
        format::PLAN.check(Some(v))?;
        Ok(Self { rest, line: 1 })
    }
}

impl Iterator for ChunkReader<'_> {
    type Item = Result<Change, StoredError>;

    fn next(&mut self) -> Option<Self::Item> {
        let (line, rest) = split_line(self.rest)?;
        self.line += 1;
        let change = decode(line).map_err(|reason| StoredError::Line { line: self.line, reason });
        self.rest = if change.is_ok() { rest } else { &[] };
        Some(change)
    }
}

/// The first line without its end, and what follows.
fn split_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr(b'\n', bytes)?;
    Some((&bytes[..end], &bytes[end + 1..]))
}

/// What a plan was made from: if any of it is another, the plan is another and its hash too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeFrom<'a> {
    /// The connection.
    pub connection: &'a ConnectionId,
    /// The version of its settings.
    pub settings_version: &'a str,
    /// The exact version of the source: bucket version id, poll slot, event id.
    pub source_version: &'a str,
    /// The directory as the plan saw it: the roster's generation.
    pub directory_version: &'a str,
}

/// Hashes a plan as its changes stream by: SHA-256 over what it was made from and every encoded
/// change in order, however they are cut into chunks.
#[derive(Debug, Clone)]
pub struct PlanHasher(Sha256);

impl PlanHasher {
    /// Starts the hash.
    pub fn new(from: &MadeFrom<'_>) -> Self {
        let mut sha = Sha256::new();
        for part in [from.connection.as_str(), from.settings_version, from.source_version, from.directory_version] {
            sha.update((part.len() as u64).to_be_bytes());
            sha.update(part);
        }
        Self(sha)
    }

    /// Takes one change as [`encode_change`] wrote it.
    pub fn change(&mut self, encoded: &[u8]) {
        self.0.update(encoded);
    }

    /// The hash, 64 lower-case hex digits.
    pub fn finish(self) -> String {
        self.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The bytes of the recipient's item in the directory, by the directory's own counting: names and
/// texts in UTF-8, 3 for a list and 1 for each of its entries, keys and bookkeeping included.
pub fn recipient_size(recipient: &Recipient) -> usize {
    let values = recipient.values.iter().map(|(field, value)| {
        let texts: usize = value.iter().map(str::len).sum();
        let list = match value {
            Value::One(_) => 0,
            Value::Many(texts) => 3 + texts.len(),
        };
        field.spec().stored_as.len() + texts + list
    });
    // The id stands in the sort key; the status is one attribute.
    ITEM_OVERHEAD
        + recipient.unique_id.as_str().len()
        + "st".len()
        + recipient.status.as_str().len()
        + values.sum::<usize>()
}

fn wire(recipient: &Recipient) -> WireRecipientOut<'_> {
    WireRecipientOut { st: recipient.status.as_str(), f: &recipient.values }
}

fn serialize_values<S: Serializer>(values: &&Values, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(values.iter().map(|(field, value)| {
        let value = match value {
            Value::One(text) => WireValueOut::One(text),
            Value::Many(texts) => WireValueOut::Many(texts),
        };
        (field.spec().stored_as, value)
    }))
}

#[expect(clippy::expect_used, reason = "texts and maps with text keys always serialize into memory")]
pub(super) fn write_line(line: &impl Serialize, out: &mut Vec<u8>) {
    serde_json::to_writer(&mut *out, line).expect("serializes");
    out.push(b'\n');
}

/// What serde found, without the value it quotes.
pub(super) fn located(error: &serde_json::Error) -> String {
    format!("is not as written by this version, at column {}", error.column())
}

fn decode(line: &[u8]) -> Result<Change, String> {
    let wire: WireChange = serde_json::from_slice(line).map_err(|error| located(&error))?;
    let kind = ChangeKind::from_name(&wire.k).ok_or("unknown kind of change")?;
    let unique_id = UniqueId::parse(&wire.id).map_err(|error| format!("the unique id {error}"))?;
    let change = Change {
        kind,
        reason: reason(&wire.why).ok_or("unknown reason")?,
        old: wire.old.map(|old| recipient(&unique_id, old)).transpose()?,
        new: wire.new.map(|new| recipient(&unique_id, new)).transpose()?,
        record: wire.row,
        unique_id,
    };
    let has = (change.old.is_some(), change.new.is_some());
    let wants = match kind {
        ChangeKind::Add | ChangeKind::Propose => (false, true),
        ChangeKind::Update | ChangeKind::Deactivate | ChangeKind::Reactivate => (true, true),
        ChangeKind::Remove => (true, false),
    };
    if has == wants { Ok(change) } else { Err(format!("{} without its before or after", kind.as_str())) }
}

fn reason(why: &str) -> Option<Reason> {
    match why {
        "source" => Some(Reason::Source),
        "absent" => Some(Reason::Absent),
        "rollback" => Some(Reason::Rollback),
        "deletion" => Some(Reason::Deletion),
        "by_hand" => Some(Reason::ByHand),
        _ => Status::from_word(why.strip_prefix("status:")?).map(Reason::Status),
    }
}

fn recipient(unique_id: &UniqueId, wire: WireRecipient) -> Result<Recipient, String> {
    let status = Status::from_word(&wire.st).ok_or("unknown status")?;
    let mut values = Values::new();
    for (name, value) in wire.f {
        let field = Field::by_stored(&name).ok_or("a field that the catalogue does not have")?;
        let value = match value {
            WireValue::One(text) => Value::One(text),
            WireValue::Many(texts) => Value::Many(texts),
        };
        if value.iter().next().is_none() || value.iter().any(str::is_empty) {
            return Err("an empty value".to_owned());
        }
        values.insert(field, value);
    }
    Ok(Recipient { unique_id: unique_id.clone(), status, values })
}
