//! A stored plan without one person: for whoever must be named nowhere any more.

use serde::Deserialize;

use super::{ChunkReader, StoredError};
use crate::ids::UniqueId;

/// What of a line tells whom it is about.
#[derive(Deserialize)]
struct WireWho<'a> {
    #[serde(borrow)]
    id: Option<std::borrow::Cow<'a, str>>,
}

/// The chunk without the changes of this person; `None` when it has none. Every other line stays as it is, byte for byte.
///
/// # Errors
/// [`StoredError`] for a chunk of a version that is not read.
pub fn chunk_without(chunk: &[u8], id: &UniqueId) -> Result<Option<Vec<u8>>, StoredError> {
    ChunkReader::new(chunk)?;
    let is_theirs = |line: &[u8]| {
        let who = serde_json::from_slice::<WireWho<'_>>(line).ok().and_then(|who| who.id);
        who.is_some_and(|who| who == id.as_str())
    };
    let mut kept = Vec::with_capacity(chunk.len());
    for line in chunk.split_inclusive(|byte| *byte == b'\n').filter(|line| !is_theirs(line)) {
        kept.extend_from_slice(line);
    }
    Ok((kept.len() < chunk.len()).then_some(kept))
}

#[cfg(test)]
mod tests {
    use super::super::{Change, ChangeKind, Reason, encode_change, start_chunk};
    use super::*;
    use crate::recipient::{Recipient, Values};
    use crate::status::Status;

    fn id(text: &str) -> UniqueId {
        UniqueId::parse(text).unwrap()
    }

    fn chunk(ids: &[&str]) -> Vec<u8> {
        let mut out = Vec::new();
        start_chunk(&mut out);
        for text in ids {
            let new = Recipient { unique_id: id(text), status: Status::Active, values: Values::new() };
            let (unique_id, new) = (id(text), Some(new));
            let change =
                Change { kind: ChangeKind::Add, reason: Reason::Source, unique_id, old: None, new, record: None };
            encode_change(&change, &mut out);
        }
        out
    }

    #[test]
    fn only_the_one_person_goes() {
        assert_eq!(chunk_without(&chunk(&["7", "07", "8"]), &id("7")), Ok(Some(chunk(&["07", "8"]))));
        assert_eq!(chunk_without(&chunk(&["07", "8"]), &id("7")), Ok(None));
        let quoted = "a\"b";
        assert_eq!(chunk_without(&chunk(&[quoted, "8"]), &id(quoted)), Ok(Some(chunk(&["8"]))));
    }

    #[test]
    fn a_chunk_of_nobody_else_is_still_a_chunk() {
        let kept = chunk_without(&chunk(&["7"]), &id("7")).unwrap().unwrap();
        assert_eq!(ChunkReader::new(&kept).unwrap().count(), 0);
    }
}
