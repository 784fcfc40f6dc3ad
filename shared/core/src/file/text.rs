//! Looking ahead in a text without losing what has been read.

use std::io::{self, Read};

use super::decode::{Charset, decoded};
use super::dialect;
use super::kind::HEAD_BYTES;
use super::open::Unopened;
use super::wrapper::Bytes;
use crate::issue::{Code, Issue};

/// The decoded text: what has been looked at, and the reader behind it.
pub(super) struct Text<'a> {
    pub(super) seen: Vec<u8>,
    /// Where in it the text at hand begins.
    pub(super) at: usize,
    /// Whether nothing comes behind it.
    pub(super) ended: bool,
    pub(super) behind: Bytes<'a>,
}

impl<'a> Text<'a> {
    /// Leaves out the byte order mark and looks at the first bytes.
    pub(super) fn new(mut raw: Bytes<'a>, charset: Charset) -> io::Result<Self> {
        let mut mark = [0; 3];
        raw.read_exact(&mut mark[..charset.bom])?;
        let mut text = Self { seen: Vec::new(), at: 0, ended: false, behind: decoded(raw, charset) };
        text.more()?;
        Ok(text)
    }

    /// The text at hand, as far as it has been looked at.
    pub(super) fn rest(&self) -> &[u8] {
        &self.seen[self.at..]
    }

    /// Looks at more of the text: 64 KiB, or as much again as is in sight. What lies behind is let go.
    pub(super) fn more(&mut self) -> io::Result<()> {
        self.seen.drain(..self.at);
        self.at = 0;
        let wanted = HEAD_BYTES.max(self.seen.len()) as u64;
        let count = self.behind.by_ref().take(wanted).read_to_end(&mut self.seen)?;
        self.ended = (count as u64) < wanted;
        Ok(())
    }

    /// The length of the physical line at hand and of its end; `None` when there is no more text.
    pub(super) fn line(&mut self, limit: usize) -> Result<Option<(usize, usize)>, Unopened> {
        loop {
            let rest = self.rest();
            let found = memchr::memchr2(b'\n', b'\r', rest);
            if found.unwrap_or(rest.len()) > limit {
                let message = format!(
                    "a line at the start of the file is longer than {limit} bytes: is it a file with line ends?"
                );
                return Err(Issue::file(Code::TooLarge, message).into());
            }
            // A CR at the end of what is in sight may be half of a CRLF.
            if let Some(len) = found.filter(|&len| self.ended || rest[len] == b'\n' || len + 1 < rest.len()) {
                return Ok(Some((len, dialect::line_end(rest, len))));
            }
            if self.ended {
                return Ok(if rest.is_empty() { None } else { Some((rest.len(), 0)) });
            }
            self.more()?;
        }
    }
}
