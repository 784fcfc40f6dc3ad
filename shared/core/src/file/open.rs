//! Opening a file: from its bytes to its header and a body of records.

use std::io::{self, Cursor, Read, Seek};

use super::decode::charset_of;
use super::dialect::{self, DELIMITERS, Sniffed, Split, name_of};
use super::fault::{Limits, fault_of};
use super::header;
use super::kind::{self, Kind};
use super::pgp::Keys;
use super::text::Text;
use super::wrapper::{self, Unwrapped};
use crate::issue::{Code, Issue, Place};
use crate::settings::FileSettings;

/// A file whose header has been read; its records have not.
pub struct OpenFile<'a> {
    /// The columns' names, cleaned; an empty one is a column without a name, to be ignored.
    pub header: Vec<String>,
    /// The header's bytes as they stand in the text (UTF-8), without the line end.
    pub header_record: Vec<u8>,
    /// What separates cells.
    pub delimiter: u8,
    /// The physical line the first data record begins on, the file's first line being 1.
    pub first_line: u64,
    /// What follows the header's line end: UTF-8, or bytes that claim to be. Ends with an error in
    /// which [`super::fault_of`] finds damage when a wrapper is cut off, altered or expands too far;
    /// only a clean end means that the file was read whole. Buffer it: UTF-8 is handed through unbuffered.
    pub body: Box<dyn Read + Send + 'a>,
    /// `UTF-8`, `UTF-16LE`, `UTF-16BE` or `windows-1252`.
    pub encoding: &'static str,
    /// The wrappers that were taken off, the outermost first: `gzip`, `zip`, `PGP`.
    pub wrappers: Vec<&'static str>,
    /// Findings that do not stop the file.
    pub issues: Vec<Issue>,
    /// What to advise where a record is not UTF-8: set when the first bytes are not.
    pub encoding_hint: Option<&'static str>,
}

impl<'a> OpenFile<'a> {
    /// A listing that was written by this program: a comma between cells, quotes where they are needed, LF line ends.
    /// `body` has no header line. `issues` is what was found while the listing was fetched.
    pub fn listing(header: Vec<String>, body: Box<dyn Read + Send + 'a>, issues: Vec<Issue>) -> Self {
        let header_record = header.join(",").into_bytes();
        let (delimiter, first_line, encoding) = (b',', 1, "UTF-8");
        let wrappers = Vec::new();
        Self { header, header_record, delimiter, first_line, body, encoding, wrappers, issues, encoding_hint: None }
    }
}

impl std::fmt::Debug for OpenFile<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenFile")
            .field("header", &self.header)
            .field("delimiter", &name_of(self.delimiter))
            .field("first_line", &self.first_line)
            .field("encoding", &self.encoding)
            .field("wrappers", &self.wrappers)
            .field("issues", &self.issues)
            .finish_non_exhaustive()
    }
}

/// Why a file could not be opened.
#[derive(Debug)]
pub enum Unopened {
    /// Nothing can be read: the file is damaged or not of a kind we read. Trying again changes nothing.
    Refused(Vec<Issue>),
    /// The input itself failed; trying again may help.
    Io(io::Error),
}

impl From<Issue> for Unopened {
    fn from(issue: Issue) -> Self {
        Self::Refused(vec![issue])
    }
}

impl From<io::Error> for Unopened {
    fn from(error: io::Error) -> Self {
        match fault_of(&error) {
            Some(fault) => Self::Refused(vec![fault.issue()]),
            None => Self::Io(error),
        }
    }
}

const WINDOWS_1252_HINT: &str = "if it was saved by Excel as plain CSV, set encoding = \"windows-1252\" for this connection, or save it as \"CSV UTF-8\"";

/// Takes off the wrappers, decodes, finds the delimiter and reads the header.
///
/// # Errors
/// [`Unopened::Refused`] with what is wrong and what to do, [`Unopened::Io`] when `input` itself failed.
pub fn open<'a, R: Read + Seek + Send + 'a>(
    input: R,
    settings: &FileSettings,
    keys: &Keys,
    limits: &Limits,
) -> Result<OpenFile<'a>, Unopened> {
    let Unwrapped { head, body, wrappers } = wrapper::unwrap(input, keys, limits)?;
    let charset = charset_of(&head, settings.encoding)?;
    if charset.name != "UTF-16LE" && charset.name != "UTF-16BE" && kind::is_binary(&head) {
        return Err(
            Issue::file(Code::FileKind, "the file is not text: export the people as CSV text and upload that").into()
        );
    }
    let raw: Box<dyn Read + Send + 'a> = Box::new(Cursor::new(head).chain(body));
    let mut text = Text::new(raw, charset)?;
    let mut start = Start::new(settings.delimiter);
    start.skip_lines(&mut text, settings.skip_lines, limits)?;
    if let Kind::Refused(name, advice) = kind::of_text(text.rest()) {
        return Err(Issue::file(Code::FileKind, format!("the file is {name}: {advice}")).into());
    }
    start.finish(text, limits, charset.name, wrappers)
}

/// Finding the header.
struct Start {
    stated: Option<u8>,
    line: u64,
    issues: Vec<Issue>,
}

impl Start {
    fn new(stated: Option<u8>) -> Self {
        Self { stated, line: 1, issues: Vec::new() }
    }

    /// Skips blank lines, a `sep=` line and the stated number of title lines, and tells of each kind.
    fn skip_lines(&mut self, text: &mut Text<'_>, titles: u32, limits: &Limits) -> Result<(), Unopened> {
        let (mut skipped, mut blank) = (0, 0);
        while let Some((len, end)) = text.line(limits.max_record_bytes)? {
            let line = &text.rest()[..len];
            if let Some(delimiter) = separator_line(line) {
                let message = format!("the line \"sep=\" was skipped; it names {} as delimiter", name_of(delimiter));
                self.issues.push(Issue::at(Code::LineSkipped, Place { record: 0, line: self.line }, message));
                self.stated = self.stated.or(Some(delimiter));
            } else if skipped < titles {
                skipped += 1;
            } else if is_blank(line) {
                blank += 1;
            } else {
                break;
            }
            text.at += len + end;
            self.line += 1;
        }
        for (count, kind) in [(skipped, "title"), (blank, "blank")] {
            if count > 0 {
                let lines = if count == 1 { "line" } else { "lines" };
                let message = format!("{count} {kind} {lines} before the header skipped");
                self.issues.push(Issue::file(Code::LineSkipped, message));
            }
        }
        Ok(())
    }

    fn finish<'a>(
        mut self,
        mut text: Text<'a>,
        limits: &Limits,
        encoding: &'static str,
        wrappers: Vec<&'static str>,
    ) -> Result<OpenFile<'a>, Unopened> {
        if text.rest().is_empty() {
            return Err(Issue::file(Code::NoRows, "the file is empty: it has no header and no people").into());
        }
        let delimiter = self.delimiter(text.rest(), text.ended)?;
        let record = self.header_record(&mut text, delimiter, limits)?;
        let encoding_hint = not_utf8(text.rest()).then_some(WINDOWS_1252_HINT);
        let (header, issues) =
            header::names(&record.cells, delimiter, self.line, encoding_hint).map_err(Unopened::Refused)?;
        self.issues.extend(issues);
        let header_record = text.rest()[..record.len].to_vec();
        text.seen.drain(..text.at + record.next);
        Ok(OpenFile {
            header,
            header_record,
            delimiter,
            first_line: self.line + record.lines.max(1),
            body: Box::new(Cursor::new(text.seen).chain(text.behind)),
            encoding,
            wrappers,
            issues: self.issues,
            encoding_hint,
        })
    }

    fn delimiter(&self, sample: &[u8], at_end: bool) -> Result<u8, Issue> {
        let refused = |message: String| Err(Issue::at(Code::Delimiter, Place { record: 0, line: self.line }, message));
        if let Some(stated) = self.stated {
            let better = DELIMITERS.into_iter().find(|&other| {
                dialect::columns(sample, stated, at_end) == 1 && dialect::columns(sample, other, at_end) > 1
            });
            return match better {
                None => Ok(stated),
                Some(other) => refused(format!(
                    "the header has one column with the stated delimiter ({}), but the file looks separated by {}: correct the connection's delimiter or the export",
                    name_of(stated),
                    name_of(other)
                )),
            };
        }
        let delimiter = match dialect::sniff(sample, at_end) {
            Sniffed::One(delimiter) => delimiter,
            Sniffed::SingleColumn => b',',
            Sniffed::Ambiguous(fits) => {
                let fits = fits.into_iter().map(name_of).collect::<Vec<_>>().join(" and ");
                return refused(format!(
                    "the delimiter cannot be told, {fits} fit equally well: state it in the connection"
                ));
            }
        };
        match dialect::title_above(sample, delimiter, at_end) {
            None => Ok(delimiter),
            Some(below) => Err(Issue::at(
                Code::Header,
                Place { record: 0, line: self.line },
                format!(
                    "the first line has fewer columns than the lines below, which are separated by {}: if it is a title, set skip_lines = 1, else complete the header",
                    name_of(below)
                ),
            )),
        }
    }

    /// The header, looking at more of the text until it ends.
    fn header_record(&self, text: &mut Text<'_>, delimiter: u8, limits: &Limits) -> Result<Split, Unopened> {
        let refused =
            |code, message: String| Err(Issue::at(code, Place { record: 0, line: self.line }, message).into());
        loop {
            let record = dialect::split(text.rest(), delimiter, text.ended);
            if record.cells.len() > limits.max_columns {
                return refused(Code::TooLarge, format!("the header has more than {} columns", limits.max_columns));
            }
            if record.len > limits.max_record_bytes
                || record.cells.iter().any(|cell| cell.len() > limits.max_cell_bytes)
            {
                return match record.open_quote {
                    Some(line) => self.unclosed(line),
                    None => refused(Code::TooLarge, "the header is too long: is it a file with line ends?".into()),
                };
            }
            if record.whole {
                return match record.open_quote {
                    Some(line) => self.unclosed(line),
                    None => Ok(record),
                };
            }
            text.more()?;
        }
    }

    fn unclosed(&self, line: u64) -> Result<Split, Unopened> {
        let place = Place { record: 0, line: self.line + line };
        Err(Issue::at(Code::UnclosedQuote, place, "a quote is opened in the header and never closed").into())
    }
}

/// The delimiter that a `sep=` line names, quoted or not.
fn separator_line(line: &[u8]) -> Option<u8> {
    let bare = line.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(line);
    let (word, rest) = bare.split_at_checked(4)?;
    match (word.eq_ignore_ascii_case(b"sep="), rest) {
        (true, [delimiter]) if delimiter.is_ascii() && !matches!(delimiter, b'"' | 0) => Some(*delimiter),
        (true, b"\\t") => Some(b'\t'),
        _ => None,
    }
}

/// Nothing but white space, Ctrl-Z and byte order marks.
fn is_blank(line: &[u8]) -> bool {
    std::str::from_utf8(line)
        .is_ok_and(|text| text.chars().all(|letter| letter.is_whitespace() || matches!(letter, '\u{1A}' | '\u{FEFF}')))
}

/// Whether the text in sight is not UTF-8; a character cut at its end does not count.
fn not_utf8(seen: &[u8]) -> bool {
    std::str::from_utf8(seen).is_err_and(|error| error.error_len().is_some())
}
