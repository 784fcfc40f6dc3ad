//! Taking off gzip, zip and PGP, by magic bytes and up to three deep.

use std::io::{BufReader, Cursor, Read, Seek, SeekFrom};

use flate2::bufread::MultiGzDecoder;

use super::fault::Limits;
use super::kind::{self, HEAD_BYTES, Kind};
use super::open::Unopened;
use super::pgp::{self, Keys};
use super::source::{Failure, Guard, Source};
use super::zip;
use crate::issue::{Code, Issue};

/// How many wrappers are taken off one within the other.
const MAX_DEPTH: usize = 3;

/// A zip inside another wrapper is held in memory, up to this many bytes.
const MAX_SPOOL_BYTES: u64 = 256 << 20;

/// How much is read from the input at once, in bytes.
pub(super) const CHUNK_BYTES: usize = 256 << 10;

pub(super) type Bytes<'a> = Box<dyn Read + Send + 'a>;

/// A file without its wrappers.
pub(super) struct Unwrapped<'a> {
    /// The first bytes, up to [`HEAD_BYTES`].
    pub(super) head: Vec<u8>,
    /// What follows them.
    pub(super) body: Bytes<'a>,
    /// What was taken off, the outermost first.
    pub(super) wrappers: Vec<&'static str>,
}

/// Takes off whatever the file is wrapped in.
pub(super) fn unwrap<'a, R: Read + Seek + Send + 'a>(
    input: R,
    keys: &Keys,
    limits: &Limits,
) -> Result<Unwrapped<'a>, Unopened> {
    let failure = Failure::default();
    let opened = open_source(Source { inner: input, failure: failure.clone() }, keys, limits, &failure);
    // Whatever a decoder made of it: a failed input is no damage.
    opened.map_err(|error| failure.take().map_or(error, Unopened::Io))
}

fn open_source<'a, R: Read + Seek + Send + 'a>(
    mut source: Source<R>,
    keys: &Keys,
    limits: &Limits,
    failure: &Failure,
) -> Result<Unwrapped<'a>, Unopened> {
    let uploaded = source.seek(SeekFrom::End(0))?;
    if uploaded > limits.max_bytes {
        return Err(Issue::file(Code::TooLarge, format!("the file is larger than {} bytes", limits.max_bytes)).into());
    }
    source.seek(SeekFrom::Start(0))?;
    let head = head_of(&mut source)?;
    let onion = Onion { keys, limits, cap: limits.cap(uploaded), failure };
    match kind::of(&head) {
        Kind::Text => Ok(Unwrapped { head, body: Box::new(Direct(source)), wrappers: Vec::new() }),
        Kind::Zip => {
            let member = zip::only_member(BufReader::with_capacity(CHUNK_BYTES, source))?;
            onion.peel_on(onion.guarded("zip", member), vec!["zip"])
        }
        kind => {
            let (name, inner) = onion.peel(kind, Box::new(Cursor::new(head).chain(source)), 0)?;
            onion.peel_on(onion.guarded(name, inner), vec![name])
        }
    }
}

/// What every layer needs.
struct Onion<'k> {
    keys: &'k Keys,
    limits: &'k Limits,
    cap: u64,
    failure: &'k Failure,
}

impl Onion<'_> {
    fn guarded<'a>(&self, name: &'static str, inner: Bytes<'a>) -> Bytes<'a> {
        Box::new(Guard::new(name, inner, self.cap, self.failure.clone()))
    }

    /// Goes on with what came out of the first wrapper.
    fn peel_on<'a>(&self, mut stream: Bytes<'a>, mut wrappers: Vec<&'static str>) -> Result<Unwrapped<'a>, Unopened> {
        loop {
            let head = head_of(&mut stream)?;
            let kind = kind::of(&head);
            if kind == Kind::Text {
                return Ok(Unwrapped { head, body: stream, wrappers });
            }
            let (name, inner) = self.peel(kind, Box::new(Cursor::new(head).chain(stream)), wrappers.len())?;
            stream = self.guarded(name, inner);
            wrappers.push(name);
        }
    }

    /// Takes off one wrapper from a stream that has it.
    fn peel<'a>(&self, kind: Kind, stream: Bytes<'a>, depth: usize) -> Result<(&'static str, Bytes<'a>), Unopened> {
        if let Kind::Refused(name, advice) = kind {
            let inside = if depth > 0 { "what is packed in the file" } else { "the file" };
            return Err(Issue::file(Code::FileKind, format!("{inside} is {name}: {advice}")).into());
        }
        if depth >= MAX_DEPTH {
            return Err(Issue::file(
                Code::Wrapper,
                format!("the file is packed more than {MAX_DEPTH} times: pack it once"),
            )
            .into());
        }
        let buffered = BufReader::with_capacity(CHUNK_BYTES, stream);
        Ok(match kind {
            Kind::Gzip => ("gzip", Box::new(MultiGzDecoder::new(buffered)) as Bytes<'a>),
            Kind::Zip => ("zip", zip::only_member(spooled(buffered)?)?),
            Kind::PgpArmour => ("PGP", pgp::decrypted(buffered, true, self.keys, self.limits)?),
            _ => ("PGP", pgp::decrypted(buffered, false, self.keys, self.limits)?),
        })
    }
}

fn head_of(stream: &mut dyn Read) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::new();
    stream.take(HEAD_BYTES as u64).read_to_end(&mut head)?;
    Ok(head)
}

fn spooled(stream: impl Read) -> Result<Cursor<Vec<u8>>, Unopened> {
    let mut bytes = Vec::new();
    stream.take(MAX_SPOOL_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_SPOOL_BYTES {
        let message = format!("the zip inside the file is larger than {MAX_SPOOL_BYTES} bytes: pack the file once");
        return Err(Issue::file(Code::TooLarge, message).into());
    }
    Ok(Cursor::new(bytes))
}

/// A plain file, handed through; its failures are its own again.
struct Direct<R>(Source<R>);

impl<R: Read> Read for Direct<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.0.inner.read(buffer)
    }
}
