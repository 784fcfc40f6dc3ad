//! Taking off gzip, zip and PGP.

use std::io::{Read, Seek, SeekFrom};

use super::fault::Limits;
use super::keys::Keys;
use super::kind::{self, HEAD_BYTES, Kind};
use super::open::Unopened;
use crate::issue::{Code, Issue};

/// A file without its wrappers.
pub(super) struct Unwrapped<'a> {
    /// The first bytes, up to [`HEAD_BYTES`].
    pub(super) head: Vec<u8>,
    /// What follows them.
    pub(super) body: Box<dyn Read + Send + 'a>,
    /// What was taken off, the outermost first.
    pub(super) wrappers: Vec<&'static str>,
}

pub(super) fn unwrap<'a, R: Read + Seek + Send + 'a>(
    mut input: R,
    _keys: &Keys,
    _limits: &Limits,
) -> Result<Unwrapped<'a>, Unopened> {
    input.seek(SeekFrom::Start(0))?;
    let mut head = Vec::new();
    input.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut head)?;
    match kind::of(&head) {
        Kind::Text => Ok(Unwrapped { head, body: Box::new(input), wrappers: Vec::new() }),
        Kind::Refused(name, advice) => Err(Issue::file(Code::FileKind, format!("the file is {name}: {advice}")).into()),
        _ => Err(Issue::file(Code::Wrapper, "wrapped files are not read yet").into()),
    }
}
