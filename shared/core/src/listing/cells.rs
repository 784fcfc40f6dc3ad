//! The cells of one record.

use std::ops::Range;

use memchr::{memchr, memchr3};

/// What is odd about the quotes of a record; offsets are into the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Oddity {
    /// A quote inside a field that was not opened with one.
    QuoteInside(usize),
    /// Text behind a closing quote.
    TextBehindQuote(usize),
}

/// A record's cells, unquoted. Reused from record to record.
#[derive(Debug, Default)]
pub(super) struct Cells {
    text: Vec<u8>,
    ends: Vec<usize>,
    pub(super) oddity: Option<Oddity>,
}

impl Cells {
    /// Takes a record apart; stops behind `max` cells and answers `false`.
    pub(super) fn split(&mut self, record: &[u8], delimiter: u8, max: usize) -> bool {
        self.text.clear();
        self.ends.clear();
        self.oddity = None;
        let mut at = 0;
        loop {
            at = match record.get(at) {
                Some(b'"') => self.quoted(record, at, delimiter),
                _ => self.plain(record, at, delimiter),
            };
            self.ends.push(self.text.len());
            if at >= record.len() {
                return true;
            }
            at += 1;
            if self.ends.len() >= max {
                return false;
            }
        }
    }

    /// Copies an unquoted stretch up to the delimiter; answers where that stands.
    fn plain(&mut self, record: &[u8], from: usize, delimiter: u8) -> usize {
        let end = memchr(delimiter, &record[from..]).map_or(record.len(), |at| from + at);
        if let Some(quote) = memchr(b'"', &record[from..end]) {
            self.oddity.get_or_insert(Oddity::QuoteInside(from + quote));
        }
        self.text.extend_from_slice(&record[from..end]);
        end
    }

    fn quoted(&mut self, record: &[u8], open: usize, delimiter: u8) -> usize {
        let mut at = open + 1;
        loop {
            let Some(quote) = memchr(b'"', &record[at..]).map(|found| at + found) else {
                self.text.extend_from_slice(&record[at..]);
                return record.len();
            };
            self.text.extend_from_slice(&record[at..quote]);
            match record.get(quote + 1) {
                Some(b'"') => {
                    self.text.push(b'"');
                    at = quote + 2;
                }
                Some(byte) if *byte != delimiter => {
                    self.oddity.get_or_insert(Oddity::TextBehindQuote(quote + 1));
                    return self.plain(record, quote + 1, delimiter);
                }
                _ => return quote + 1,
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn range(&self, at: usize) -> Range<usize> {
        let begin = if at == 0 { 0 } else { self.ends[at - 1] };
        begin..self.ends[at]
    }

    /// One cell's bytes; empty where the record has no such cell.
    pub(super) fn bytes(&self, at: usize) -> &[u8] {
        if at < self.len() { &self.text[self.range(at)] } else { &[] }
    }

    /// All cells' bytes, one behind the other.
    pub(super) fn text(&self) -> &[u8] {
        &self.text
    }

    /// The cells as text, if they are UTF-8.
    pub(super) fn texts(&self) -> Option<Vec<&str>> {
        let text = std::str::from_utf8(&self.text).ok()?;
        let mut texts = Vec::with_capacity(self.len());
        for at in 0..self.len() {
            texts.push(text.get(self.range(at))?);
        }
        Some(texts)
    }

    /// The cells as text, with whatever is not UTF-8 replaced: for showing the record to its sender.
    pub(super) fn lossy(&self) -> Vec<String> {
        (0..self.len()).map(|at| String::from_utf8_lossy(self.bytes(at)).into_owned()).collect()
    }

    /// Whether every cell is blank.
    pub(super) fn are_blank(&self) -> bool {
        self.text.iter().all(u8::is_ascii_whitespace)
    }

    /// The record in its least-quoted form: quotes only around what needs them. The slow way to
    /// [`least_form`], to check that against.
    #[cfg(test)]
    pub(super) fn least_quoted(&self, delimiter: u8, out: &mut Vec<u8>) {
        out.clear();
        for at in 0..self.len() {
            if at > 0 {
                out.push(delimiter);
            }
            let cell = self.bytes(at);
            let breaks = || cell.iter().any(|byte| matches!(byte, b'\n' | b'\r'));
            if !cell.contains(&delimiter) && !cell.contains(&b'"') && !breaks() {
                out.extend_from_slice(cell);
                continue;
            }
            out.push(b'"');
            for part in cell.split_inclusive(|byte| *byte == b'"') {
                out.extend_from_slice(part);
                if part.ends_with(b"\"") {
                    out.push(b'"');
                }
            }
            out.push(b'"');
        }
    }
}
/// A record in its least-quoted form, straight from its bytes; `None` when its quotes are odd, so that only
/// taking it apart tells what it says.
pub(super) fn least_form(record: &[u8], delimiter: u8, out: &mut Vec<u8>) -> Option<()> {
    out.clear();
    let mut at = 0;
    while let Some(open) = memchr(b'"', &record[at..]).map(|found| at + found) {
        if open > 0 && record[open - 1] != delimiter {
            return None;
        }
        let (close, doubled) = closing(record, open)?;
        if record.get(close + 1).is_some_and(|byte| *byte != delimiter) {
            return None;
        }
        out.extend_from_slice(&record[at..open]);
        let cell = &record[open + 1..close];
        let needed = doubled || memchr3(delimiter, b'\n', b'\r', cell).is_some();
        out.extend_from_slice(if needed { &record[open..=close] } else { cell });
        at = close + 1;
    }
    out.extend_from_slice(&record[at..]);
    Some(())
}

/// The quote that closes the one at `open`, and whether a doubled one stands between.
fn closing(record: &[u8], open: usize) -> Option<(usize, bool)> {
    let (mut at, mut doubled) = (open + 1, false);
    loop {
        at += memchr(b'"', record.get(at..)?)?;
        if record.get(at + 1) != Some(&b'"') {
            return Some((at, doubled));
        }
        doubled = true;
        at += 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both ways to the least-quoted form agree wherever the quick one answers.
    fn check(record: &str, quick: bool) {
        let (mut cells, mut slow, mut fast) = (Cells::default(), Vec::new(), Vec::new());
        cells.split(record.as_bytes(), b',', usize::MAX);
        cells.least_quoted(b',', &mut slow);
        let answered = least_form(record.as_bytes(), b',', &mut fast).is_some();
        assert_eq!(answered, quick, "{record}");
        assert!(
            !quick || slow == fast,
            "{record}: {} {}",
            String::from_utf8_lossy(&slow),
            String::from_utf8_lossy(&fast)
        );
    }

    #[test]
    fn needless_quotes_go_and_needed_ones_stay() {
        for record in
            ["a,b", "\"a\",b", "a,\"b,c\",\"\"", "\"a \"\"b\"\"\",\"c\nd\"", "\"\"", ",,\"\",\"x\"", "a,\"\"\"\""]
        {
            check(record, true);
        }
    }

    #[test]
    fn odd_quotes_are_left_to_the_one_who_takes_records_apart() {
        for record in ["a 5\" b,c", "\"a\"b,c", "\"a", "a,\"b\" "] {
            check(record, false);
        }
    }
}
