//! Splitting against the csv crate, on bytes that are like CSV and on bytes that are like nothing.

use std::io::{self, Read};

use proptest::prelude::*;

use super::cells::Cells;
use super::split::{Splitter, Stopped, line_ends};

const LIMIT: usize = 1 << 20;

/// A source that gives what it has in pieces of a few bytes.
struct Pieces<'a>(&'a [u8], usize);

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.1.clamp(1, self.0.len().max(1)).min(buffer.len()).min(self.0.len());
        buffer[..count].copy_from_slice(&self.0[..count]);
        self.0 = &self.0[count..];
        Ok(count)
    }
}

type Row = Vec<Vec<u8>>;

/// Every record's cells, and whether a quote was open at the end.
fn ours(bytes: &[u8], delimiter: u8, piece: usize) -> (Vec<Row>, Option<u64>) {
    let mut splitter = Splitter::new(Pieces(bytes, piece), delimiter, 1, LIMIT);
    let (mut records, mut found, mut cells) = (Vec::new(), Vec::new(), Cells::default());
    while splitter.next_block(&mut records).unwrap() {
        for record in &records {
            assert!(cells.split(splitter.bytes(record), delimiter, usize::MAX));
            found.push((0..cells.len()).map(|at| cells.bytes(at).to_vec()).collect());
        }
    }
    let open = splitter.stopped.map(|stopped| match stopped {
        Stopped::Unclosed { line } => line,
        Stopped::TooLarge { line } => panic!("line {line} is not too large"),
    });
    (found, open)
}

/// What the csv crate reads.
fn theirs(bytes: &[u8], delimiter: u8) -> Vec<Row> {
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(bytes);
    reader.byte_records().map(|record| record.unwrap().iter().map(<[u8]>::to_vec).collect()).collect()
}

/// Records and cells are the crate's; where a quote is open at the end, the crate's last record is not ours.
fn check(bytes: &[u8], delimiter: u8, piece: usize) -> Result<(), TestCaseError> {
    let (found, open) = ours(bytes, delimiter, piece);
    let mut expected = theirs(bytes, delimiter);
    if open.is_some() {
        expected.pop();
    }
    prop_assert_eq!(found, expected);
    Ok(())
}

fn csv_like() -> impl Strategy<Value = Vec<u8>> {
    let piece =
        prop::sample::select(vec!["a", "é", "\"", "\"\"", ",", ";", "\n", "\r", "\r\n", " ", "\",\"", "\"\n", "0"]);
    proptest::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat().into_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn records_and_cells_are_those_of_the_csv_crate(bytes in csv_like(), semicolon: bool, piece in 1usize..9) {
        // The crate takes a byte order mark off by itself; opening a file does it here.
        check(&bytes, if semicolon { b';' } else { b',' }, piece)?;
    }

    #[test]
    fn records_and_cells_of_any_bytes_are_those_of_the_csv_crate(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        prop_assume!(!bytes.starts_with(b"\xEF\xBB\xBF"));
        check(&bytes, b',', 3)?;
    }

    /// Lines are counted apart, from the bytes in front of each record.
    #[test]
    fn a_records_line_is_the_number_of_line_ends_before_it(bytes in csv_like()) {
        let mut splitter = Splitter::new(bytes.as_slice(), b',', 1, LIMIT);
        let mut records = Vec::new();
        while splitter.next_block(&mut records).unwrap() {
            for record in &records {
                // One block: a record's range counts from the input's first byte.
                prop_assert_eq!(record.line, 1 + line_ends(&bytes[..record.bytes.start]));
            }
        }
    }

    /// The least-quoted form is read back as the same cells, and is its own least-quoted form.
    #[test]
    fn the_least_quoted_form_says_the_same(bytes in csv_like()) {
        let (mut cells, mut again) = (Cells::default(), Cells::default());
        let (mut least, mut twice) = (Vec::new(), Vec::new());
        cells.split(&bytes, b',', usize::MAX);
        cells.least_quoted(b',', &mut least);
        again.split(&least, b',', usize::MAX);
        prop_assert_eq!(cells.texts(), again.texts());
        again.least_quoted(b',', &mut twice);
        prop_assert_eq!(least, twice);
    }
}

/// A block's end falls on every byte of a record once.
#[test]
fn a_record_across_the_end_of_a_block_is_whole() {
    let record = b"7,\"a \"\"b\"\",\r\nc\",x\r\n";
    let block = 1 << 20;
    for shift in 0..record.len() * 2 {
        let mut bytes = vec![b'x'; block - shift];
        bytes.push(b'\n');
        bytes.extend_from_slice(record);
        bytes.extend_from_slice(record);
        let mut splitter = Splitter::new(bytes.as_slice(), b',', 1, 4 << 20);
        let (mut records, mut lines) = (Vec::new(), Vec::new());
        while splitter.next_block(&mut records).unwrap() {
            for found in &records {
                lines.push((found.line, splitter.bytes(found).len()));
            }
        }
        assert_eq!(lines[1..], [(2, record.len() - 2), (4, record.len() - 2)], "shifted by {shift}");
        assert!(splitter.stopped.is_none());
    }
}
