//! Which delimiter a file has, told from its header and first rows.

/// The delimiters that are tried, in the order in which reports name them.
pub const DELIMITERS: [u8; 4] = [b',', b'\t', b'|', b';'];

/// How many records behind the header are looked at.
const SAMPLE_RECORDS: usize = 50;

/// A delimiter as reports name it.
pub fn name_of(delimiter: u8) -> String {
    match delimiter {
        b',' => "comma".into(),
        b'\t' => "tab".into(),
        b'|' => "pipe".into(),
        b';' => "semicolon".into(),
        other => format!("\"{}\"", char::from(other).escape_default()),
    }
}

/// One record at the start of some bytes, split as the csv crate splits: a quote opens only at the
/// start of a cell, and what follows a closing quote is joined to the cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// The cells, quotes taken off.
    pub cells: Vec<Vec<u8>>,
    /// The record's bytes, without its line end.
    pub len: usize,
    /// Where the next record begins.
    pub next: usize,
    /// How many physical line ends are in it, its own too.
    pub lines: u64,
    /// Counted from the record's first line (0), the line of a quote that is open at the end.
    pub open_quote: Option<u64>,
    /// Whether its end is there: a line end, or the end of the input.
    pub whole: bool,
}

/// Splits off the record that `bytes` begin with. `at_end` says that nothing comes behind `bytes`.
pub fn split(bytes: &[u8], delimiter: u8, at_end: bool) -> Split {
    let mut record = Split { cells: Vec::new(), len: 0, next: 0, lines: 0, open_quote: None, whole: false };
    let mut cell = Vec::new();
    let (mut at, mut fresh) = (0, true);
    while let Some(&byte) = bytes.get(at) {
        if record.open_quote.is_some() {
            match byte {
                b'"' if bytes.get(at + 1) == Some(&b'"') => {
                    cell.push(b'"');
                    at += 1;
                }
                b'"' => record.open_quote = None,
                _ => {
                    record.lines += u64::from(ends_line(bytes, at));
                    cell.push(byte);
                }
            }
        } else if byte == b'"' && fresh {
            record.open_quote = Some(record.lines);
            fresh = false;
        } else if byte == delimiter {
            record.cells.push(std::mem::take(&mut cell));
            fresh = true;
        } else if matches!(byte, b'\r' | b'\n') {
            let end = line_end(bytes, at);
            record.cells.push(cell);
            record.len = at;
            record.next = at + end;
            record.lines += 1;
            record.whole = at_end || byte == b'\n' || at + 1 < bytes.len();
            return record;
        } else {
            cell.push(byte);
            fresh = false;
        }
        at += 1;
    }
    record.cells.push(cell);
    record.len = at;
    record.next = at;
    record.whole = at_end;
    record
}

/// How many bytes the line end at `at` has: LF and CR are one, CRLF is two.
pub(super) fn line_end(bytes: &[u8], at: usize) -> usize {
    if bytes.get(at) == Some(&b'\r') && bytes.get(at + 1) == Some(&b'\n') { 2 } else { 1 }
}

/// Whether a physical line ends with the byte at `at`; a CR before LF does not end it.
fn ends_line(bytes: &[u8], at: usize) -> bool {
    bytes[at] == b'\n' || (bytes[at] == b'\r' && bytes.get(at + 1) != Some(&b'\n'))
}

/// What the header and the first rows say about the delimiter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sniffed {
    /// This one.
    One(u8),
    /// None stands in the header: a file of one column.
    SingleColumn,
    /// These fit equally well.
    Ambiguous(Vec<u8>),
}

/// Tells the delimiter of a text that begins with its header.
pub fn sniff(sample: &[u8], at_end: bool) -> Sniffed {
    let mut fits: Vec<Fit> = DELIMITERS.iter().filter_map(|&delimiter| fit(sample, delimiter, at_end)).collect();
    fits.sort_by(|a, b| b.agreement.total_cmp(&a.agreement).then(b.columns.cmp(&a.columns)));
    match fits.as_slice() {
        [] => Sniffed::SingleColumn,
        [one] => Sniffed::One(one.delimiter),
        [best, second, ..] if clearly_better(best, second) => Sniffed::One(best.delimiter),
        _ => {
            // The rows decide little, so the header must: the one with by far the most columns.
            fits.sort_by_key(|fit| std::cmp::Reverse(fit.columns));
            if clearly_wider(&fits[0], &fits[1]) && fits[0].agreement + 0.1 >= fits[1].agreement {
                return Sniffed::One(fits[0].delimiter);
            }
            Sniffed::Ambiguous(fits.iter().map(|fit| fit.delimiter).collect())
        }
    }
}

/// How many columns the header has with a delimiter.
pub fn columns(sample: &[u8], delimiter: u8, at_end: bool) -> usize {
    split(sample, delimiter, at_end).cells.len()
}

struct Fit {
    delimiter: u8,
    columns: usize,
    /// The share of the rows that have as many cells as the header; 1 without rows.
    agreement: f64,
}

fn clearly_better(best: &Fit, second: &Fit) -> bool {
    best.agreement >= second.agreement + 0.25
}

fn clearly_wider(best: &Fit, second: &Fit) -> bool {
    best.columns > (second.columns - 1) * 2
}

fn fit(sample: &[u8], delimiter: u8, at_end: bool) -> Option<Fit> {
    let columns = columns(sample, delimiter, at_end);
    let agreement = agreement(sample, delimiter, at_end).unwrap_or(1.0);
    (columns > 1).then_some(Fit { delimiter, columns, agreement })
}

/// The share of the first rows that have as many cells as the header; `None` without rows.
fn agreement(sample: &[u8], delimiter: u8, at_end: bool) -> Option<f64> {
    let header = split(sample, delimiter, at_end);
    let (mut rest, mut rows, mut agreeing) = (&sample[header.next..], 0u32, 0u32);
    for _ in 0..SAMPLE_RECORDS {
        let row = split(rest, delimiter, at_end);
        if rest.is_empty() || !row.whole {
            break;
        }
        rest = &rest[row.next..];
        if row.len > 0 {
            rows += 1;
            agreeing += u32::from(row.cells.len() == header.cells.len());
        }
    }
    (rows > 0).then(|| f64::from(agreeing) / f64::from(rows))
}

/// Whether the first line is rather a title: no row has as many cells, and the lines below agree on
/// more of them. Gives their delimiter.
pub fn title_above(sample: &[u8], delimiter: u8, at_end: bool) -> Option<u8> {
    let first = split(sample, delimiter, at_end);
    if agreement(sample, delimiter, at_end)? > 0.0 {
        return None;
    }
    let below = &sample[first.next..];
    match sniff(below, at_end) {
        Sniffed::One(other) if columns(below, other, at_end) > first.cells.len().max(2) => {
            (agreement(below, other, at_end)? > 0.8).then_some(other)
        }
        _ => None,
    }
}
