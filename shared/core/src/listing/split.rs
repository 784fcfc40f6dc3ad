//! Where records begin and end.
//!
//! The rules are the csv crate's: a quote opens only at the beginning of a field, LF, CR and CRLF all end a
//! record, empty lines are no records. Unlike the crate, what is odd about a record is told.

use std::io::{self, Read};
use std::ops::Range;

use memchr::{memchr, memchr2, memchr3};

/// How many bytes are asked for at once.
const BLOCK: usize = 1 << 20;

/// How a record ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineEnd {
    Lf,
    CrLf,
    Cr,
    /// The input ended first.
    None,
}

/// One record of a block, without its line end.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) bytes: Range<usize>,
    /// The physical line it begins on.
    pub(super) line: u64,
    pub(super) end: LineEnd,
    /// Whether a quote stands in it.
    pub(super) quoted: bool,
}

/// Why splitting stopped before the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stopped {
    /// A quote on this line was not closed before the end of input, or before the size limit.
    Unclosed { line: u64 },
    /// The record on this line is larger than the limit.
    TooLarge { line: u64 },
}

/// Cuts a stream into blocks of whole records.
pub(super) struct Splitter<R> {
    input: R,
    delimiter: u8,
    max_record: usize,
    buffer: Vec<u8>,
    filled: usize,
    /// Where the first byte that is not yet in a record stands.
    start: usize,
    line: u64,
    ended: bool,
    pub(super) stopped: Option<Stopped>,
    /// Bytes read so far.
    pub(super) read: u64,
}

enum Scan {
    /// The record's end, where the next one begins, how it ended, whether it has a quote, physical lines in it.
    Whole { end: usize, next: usize, how: LineEnd, quoted: bool, lines: u64 },
    /// The block ends first.
    Partial { open_quote: Option<usize> },
}

impl<R: Read> Splitter<R> {
    pub(super) fn new(input: R, delimiter: u8, first_line: u64, max_record: usize) -> Self {
        let buffer = vec![0; BLOCK];
        Self {
            input,
            delimiter,
            max_record,
            buffer,
            filled: 0,
            start: 0,
            line: first_line,
            ended: false,
            stopped: None,
            read: 0,
        }
    }

    /// The bytes of a record of the current block.
    pub(super) fn bytes(&self, record: &Record) -> &[u8] {
        &self.buffer[record.bytes.clone()]
    }

    /// Fills `records` with the next block's; `false` at the end.
    pub(super) fn next_block(&mut self, records: &mut Vec<Record>) -> io::Result<bool> {
        records.clear();
        while records.is_empty() && self.stopped.is_none() && !(self.ended && self.start == self.filled) {
            self.refill()?;
            self.cut(records);
        }
        Ok(!records.is_empty())
    }

    fn refill(&mut self) -> io::Result<()> {
        self.buffer.copy_within(self.start..self.filled, 0);
        self.filled -= self.start;
        self.start = 0;
        if self.filled * 2 > self.buffer.len() {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        while !self.ended && self.filled < self.buffer.len() {
            match self.input.read(&mut self.buffer[self.filled..]) {
                Ok(0) => self.ended = true,
                Ok(read) => {
                    self.filled += read;
                    self.read += read as u64;
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    fn cut(&mut self, records: &mut Vec<Record>) {
        while self.start < self.filled {
            let begin = self.start;
            match scan(&self.buffer[..self.filled], begin, self.delimiter, self.ended) {
                Scan::Whole { end, next, how, quoted, lines } => {
                    if end - begin > self.max_record {
                        self.stopped = Some(Stopped::TooLarge { line: self.line });
                        return;
                    }
                    if end > begin {
                        records.push(Record { bytes: begin..end, line: self.line, end: how, quoted });
                    }
                    self.line += lines;
                    self.start = next;
                }
                Scan::Partial { open_quote } => {
                    if self.ended || self.filled - begin > self.max_record {
                        self.stopped = Some(match open_quote {
                            Some(at) => Stopped::Unclosed { line: self.line + line_ends(&self.buffer[begin..at]) },
                            None => Stopped::TooLarge { line: self.line },
                        });
                    }
                    return;
                }
            }
        }
    }
}

/// Finds the end of the record that begins at `begin`.
fn scan(block: &[u8], begin: usize, delimiter: u8, at_end: bool) -> Scan {
    match memchr3(b'\n', b'\r', b'"', &block[begin..]).map(|at| begin + at) {
        Some(at) if block[at] == b'"' => scan_quoted(block, begin, at, delimiter, at_end),
        Some(at) => line_end(block, at, at_end, false, 1),
        None if at_end => {
            Scan::Whole { end: block.len(), next: block.len(), how: LineEnd::None, quoted: false, lines: 0 }
        }
        None => Scan::Partial { open_quote: None },
    }
}

fn line_end(block: &[u8], at: usize, at_end: bool, quoted: bool, lines: u64) -> Scan {
    let (next, how) = match (block[at], block.get(at + 1)) {
        (b'\n', _) => (at + 1, LineEnd::Lf),
        (_, Some(b'\n')) => (at + 2, LineEnd::CrLf),
        (_, None) if !at_end => return Scan::Partial { open_quote: None },
        _ => (at + 1, LineEnd::Cr),
    };
    Scan::Whole { end: at, next, how, quoted, lines }
}

/// The same for a record with a quote, the first of which stands at `first`.
fn scan_quoted(block: &[u8], begin: usize, first: usize, delimiter: u8, at_end: bool) -> Scan {
    let opens = |at: usize| at == begin || block[at - 1] == delimiter;
    let (mut at, mut lines) = (first, 1);
    loop {
        match block[at] {
            b'"' if opens(at) => match closing_quote(block, at, at_end) {
                Some(close) => {
                    lines += line_ends(&block[at..close]);
                    at = close + 1;
                }
                None => return Scan::Partial { open_quote: Some(at) },
            },
            b'"' => at += 1,
            _ => return line_end(block, at, at_end, true, lines),
        }
        match memchr3(b'\n', b'\r', b'"', &block[at..]) {
            Some(further) => at += further,
            None if at_end => {
                let end = block.len();
                return Scan::Whole { end, next: end, how: LineEnd::None, quoted: true, lines: lines - 1 };
            }
            None => return Scan::Partial { open_quote: None },
        }
    }
}

/// The quote that closes the one at `open`; a doubled quote is text.
fn closing_quote(block: &[u8], open: usize, at_end: bool) -> Option<usize> {
    let mut at = open + 1;
    loop {
        at += memchr(b'"', &block[at..])?;
        match block.get(at + 1) {
            Some(b'"') => at += 2,
            None if !at_end => return None,
            _ => return Some(at),
        }
    }
}

/// Line ends in a stretch of bytes; CRLF counts once.
pub(super) fn line_ends(bytes: &[u8]) -> u64 {
    let (mut count, mut at) = (0, 0);
    while let Some(found) = memchr2(b'\n', b'\r', &bytes[at..]) {
        let crlf = bytes[at + found] == b'\r' && bytes.get(at + found + 1) == Some(&b'\n');
        at += found + 1 + usize::from(crlf);
        count += 1;
    }
    count
}
