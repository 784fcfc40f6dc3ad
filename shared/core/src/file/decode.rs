//! From bytes to UTF-8.
//!
//! A byte order mark decides; without one the connection's stated encoding does. UTF-8 is handed
//! through as it is: bytes that are not UTF-8 are the record reader's to judge, one record at a time.
//! A character that is not valid in UTF-16 becomes the byte `0xFF`, which is never valid in UTF-8, so
//! that it too costs its record and not the file.

use std::io::{self, Read};

use encoding_rs::{Decoder, DecoderResult, UTF_16BE, UTF_16LE, WINDOWS_1252};

use super::fault::ReadFault;
use crate::issue::{Code, Issue};
use crate::settings::Encoding;

/// What turns the bytes behind the byte order mark into UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charset {
    /// Its name for reports.
    pub name: &'static str,
    /// How many bytes of byte order mark to leave out.
    pub bom: usize,
    /// `None` hands the bytes through.
    decoder: Option<&'static encoding_rs::Encoding>,
}

/// Which charset the file's first bytes are in; an issue that refuses the file when it is none we read.
pub fn charset_of(head: &[u8], stated: Encoding) -> Result<Charset, Issue> {
    let refused = |name: &str| {
        Err(Issue::file(
            Code::Encoding,
            format!("the file is {name}, which is not read: save it as UTF-8, or as UTF-16 with a byte order mark"),
        ))
    };
    match head {
        [0xFF, 0xFE, 0, 0, ..] => refused("UTF-32LE"),
        [0, 0, 0xFE, 0xFF, ..] => refused("UTF-32BE"),
        [0xEF, 0xBB, 0xBF, ..] => Ok(Charset { name: "UTF-8", bom: 3, decoder: None }),
        [0xFF, 0xFE, ..] => Ok(Charset { name: "UTF-16LE", bom: 2, decoder: Some(UTF_16LE) }),
        [0xFE, 0xFF, ..] => Ok(Charset { name: "UTF-16BE", bom: 2, decoder: Some(UTF_16BE) }),
        _ => match without_mark(head) {
            Some(name) => refused(name),
            None if stated == Encoding::Utf8 => Ok(Charset { name: "UTF-8", bom: 0, decoder: None }),
            None if is_surely_utf8(head) => Err(Issue::file(
                Code::Encoding,
                "the connection says windows-1252, but the file is UTF-8: set encoding = \"utf-8\" for this connection",
            )),
            None => Ok(Charset { name: "windows-1252", bom: 0, decoder: Some(WINDOWS_1252) }),
        },
    }
}

/// Letters beyond ASCII, all of them valid UTF-8: as windows-1252 they would be a row of odd signs.
fn is_surely_utf8(head: &[u8]) -> bool {
    let valid = match std::str::from_utf8(head) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    };
    valid && head.utf8_chunks().next().is_some_and(|chunk| !chunk.valid().is_ascii())
}

/// Names UTF-16 and UTF-32 without a byte order mark, by where their NUL bytes stand.
fn without_mark(head: &[u8]) -> Option<&'static str> {
    let start = &head[..head.len().min(4096)];
    if start.len() < 8 {
        return None;
    }
    let mut nul = [0usize; 4];
    for (at, _) in start.iter().enumerate().filter(|(_, byte)| **byte == 0) {
        nul[at % 4] += 1;
    }
    let quarter = start.len() / 4;
    let full = |count: usize| count * 10 >= quarter * 7;
    let bare = |count: usize| count * 10 <= quarter;
    match nul.map(|count| (full(count), bare(count))) {
        [(_, true), (true, _), (true, _), (true, _)] => Some("UTF-32LE without a byte order mark"),
        [(true, _), (true, _), (true, _), (_, true)] => Some("UTF-32BE without a byte order mark"),
        [(_, true), (true, _), (_, true), (true, _)] => Some("UTF-16LE without a byte order mark"),
        [(true, _), (_, true), (true, _), (_, true)] => Some("UTF-16BE without a byte order mark"),
        _ => None,
    }
}

/// Hands `input` (behind the byte order mark) on as UTF-8; with nothing to decode, as the same reader.
pub fn decoded<'a>(input: Box<dyn Read + Send + 'a>, charset: Charset) -> Box<dyn Read + Send + 'a> {
    match charset.decoder {
        None => input,
        Some(encoding) => Box::new(Decoding {
            input,
            decoder: encoding.new_decoder_without_bom_handling(),
            name: charset.name,
            raw: vec![0; 64 << 10],
            raw_at: 0,
            raw_end: 0,
            text: Vec::with_capacity(TEXT_BYTES),
            text_at: 0,
            ended: false,
            fault: None,
        }),
    }
}

const TEXT_BYTES: usize = 192 << 10;

struct Decoding<'a> {
    input: Box<dyn Read + Send + 'a>,
    decoder: Decoder,
    name: &'static str,
    raw: Vec<u8>,
    raw_at: usize,
    raw_end: usize,
    text: Vec<u8>,
    text_at: usize,
    ended: bool,
    /// Damage told once is told again: a reader that goes on must not see a clean end.
    fault: Option<ReadFault>,
}

impl Decoding<'_> {
    /// Decodes until there is text or the input has ended.
    fn fill(&mut self) -> io::Result<()> {
        self.text.resize(TEXT_BYTES, 0);
        let mut written = 0;
        while written == 0 && !self.ended {
            if self.raw_at == self.raw_end {
                self.raw_end = self.input.read(&mut self.raw)?;
                self.raw_at = 0;
            }
            let last = self.raw_end == 0;
            written = self.step(last)?;
        }
        self.text.truncate(written);
        self.text_at = 0;
        Ok(())
    }

    fn step(&mut self, last: bool) -> io::Result<usize> {
        let raw = &self.raw[self.raw_at..self.raw_end];
        // One byte stays free for the mark of a character that is not valid.
        let room = TEXT_BYTES - 1;
        let (result, read, mut written) =
            self.decoder.decode_to_utf8_without_replacement(raw, &mut self.text[..room], last);
        self.raw_at += read;
        match result {
            DecoderResult::InputEmpty => self.ended = last,
            DecoderResult::OutputFull => {}
            DecoderResult::Malformed(..) if last => {
                let message =
                    format!("the {} text ends in the middle of a character: upload the whole file", self.name);
                let fault = ReadFault::Truncated(message);
                self.fault = Some(fault.clone());
                return Err(fault.into_io());
            }
            DecoderResult::Malformed(..) => {
                self.text[written] = 0xFF;
                written += 1;
            }
        }
        Ok(written)
    }
}

impl Read for Decoding<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone().into_io());
        }
        if self.text_at == self.text.len() {
            self.fill()?;
        }
        let count = buffer.len().min(self.text.len() - self.text_at);
        buffer[..count].copy_from_slice(&self.text[self.text_at..self.text_at + count]);
        self.text_at += count;
        Ok(count)
    }
}
