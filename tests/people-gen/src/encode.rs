//! Records as bytes: delimiter, quotes, line ends, encoding.

use std::io::{self, Write};

use crate::dice::Dice;
use crate::{Encoding, Options};

const BLOCK: usize = 64 * 1024;
const STYLE_PURPOSE: u64 = 1 << 42;

/// Writes records as text and the text in the encoding.
pub(crate) struct Records<'w, W> {
    out: &'w mut W,
    options: &'w Options,
    text: String,
    bytes: Vec<u8>,
    delimiter: char,
    written: u32,
    dice: Dice,
    at_start: bool,
}

impl<'w, W: Write> Records<'w, W> {
    pub(crate) fn new(out: &'w mut W, options: &'w Options) -> io::Result<Self> {
        let delimiter = char::from(options.delimiter);
        if !delimiter.is_ascii() || matches!(delimiter, '"' | '\r' | '\n') {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "delimiter: give an ASCII character other than a quote or line end",
            ));
        }
        let text =
            if options.bom && options.encoding != Encoding::Windows1252 { "\u{feff}".into() } else { String::new() };
        let dice = Dice::of(options.seed, 0, STYLE_PURPOSE);
        Ok(Self { out, options, text, bytes: Vec::new(), delimiter, written: 0, dice, at_start: true })
    }

    /// Begins a record: ends the one before, so that the last may stand without a line end.
    pub(crate) fn begin(&mut self) -> io::Result<()> {
        if self.written > 0 {
            self.end_line();
        }
        if self.text.len() >= BLOCK {
            self.flush()?;
        }
        self.dice = Dice::of(self.options.seed, self.written, STYLE_PURPOSE + u64::from(self.options.day));
        self.written += 1;
        self.at_start = true;
        Ok(())
    }

    /// A cell that is never padded or needlessly quoted.
    pub(crate) fn plain(&mut self, cell: &str) {
        self.separate();
        self.push(cell, "", false);
    }

    /// A cell, dressed as the options say.
    pub(crate) fn cell(&mut self, cell: &str) {
        self.separate();
        let pad = match self.options.restyle {
            true => ["", "", " ", "\t ", "  "][self.dice.below(5) as usize],
            false => "",
        };
        // A tab that is the delimiter would be another cell without quotes; spaces do as well.
        let pad = if self.delimiter == '\t' || self.delimiter == ' ' { pad.trim_matches('\t') } else { pad };
        let needless = self.options.needless_quotes_permille;
        let quoted = needless > 0 && self.dice.chance(needless);
        self.push(cell, pad, quoted);
    }

    /// Ends the file.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        if self.options.final_newline && self.written > 0 {
            self.end_line();
        }
        self.flush()?;
        self.out.flush()
    }

    fn separate(&mut self) {
        if !self.at_start {
            self.text.push(self.delimiter);
        }
        self.at_start = false;
    }

    fn push(&mut self, cell: &str, pad: &str, quoted: bool) {
        let delimiter = self.options.delimiter;
        let special = |byte: &u8| *byte == delimiter || matches!(byte, b'"' | b'\r' | b'\n');
        let quoted = quoted || pad.as_bytes().iter().any(special) || cell.as_bytes().iter().any(special);
        if !quoted {
            self.text.push_str(pad);
            self.text.push_str(cell);
            self.text.push_str(pad);
            return;
        }
        self.text.push('"');
        self.text.push_str(pad);
        for (at, part) in cell.split('"').enumerate() {
            if at > 0 {
                self.text.push_str("\"\"");
            }
            self.text.push_str(part);
        }
        self.text.push_str(pad);
        self.text.push('"');
    }

    fn end_line(&mut self) {
        self.text.push_str(if self.options.crlf { "\r\n" } else { "\n" });
    }

    fn flush(&mut self) -> io::Result<()> {
        self.bytes.clear();
        match self.options.encoding {
            Encoding::Utf8 => self.out.write_all(self.text.as_bytes())?,
            Encoding::Windows1252 => self.bytes.extend(self.text.chars().filter_map(windows_1252)),
            Encoding::Utf16Le => self.bytes.extend(self.text.encode_utf16().flat_map(u16::to_le_bytes)),
            Encoding::Utf16Be => self.bytes.extend(self.text.encode_utf16().flat_map(u16::to_be_bytes)),
        }
        self.text.clear();
        self.out.write_all(&self.bytes)
    }
}

/// `None` for what the encoding lacks (the invisible characters of [`Options::dirt`]).
fn windows_1252(c: char) -> Option<u8> {
    match c {
        '\0'..='\u{7f}' | '\u{a0}'..='\u{ff}' => Some(c as u8),
        'Š' => Some(0x8a),
        'Ž' => Some(0x8e),
        'š' => Some(0x9a),
        'ž' => Some(0x9e),
        _ => None,
    }
}
