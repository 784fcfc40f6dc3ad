//! CSV for people to open: UTF-8 with byte order mark, CRLF, and no cell that a spreadsheet runs.

/// Characters that make a spreadsheet take a cell for a formula, the full-width ones included.
const TRIGGERS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// A CSV text that grows row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvOut {
    bytes: Vec<u8>,
    rows: u64,
}

impl CsvOut {
    /// Starts with the byte order mark, by which spreadsheets know UTF-8, and the header row.
    pub fn new<'c>(header: impl IntoIterator<Item = &'c str>) -> Self {
        let mut out = Self { bytes: "\u{feff}".as_bytes().to_vec(), rows: 0 };
        out.row(header);
        out.rows = 0;
        out
    }

    /// Adds a row; each cell is guarded ([`guarded`]) and quoted where it must be.
    pub fn row<'c>(&mut self, cells: impl IntoIterator<Item = &'c str>) {
        for (at, cell) in cells.into_iter().enumerate() {
            if at > 0 {
                self.bytes.push(b',');
            }
            write_cell(&mut self.bytes, cell);
        }
        self.bytes.extend_from_slice(b"\r\n");
        self.rows += 1;
    }

    /// Rows so far, the header not counted.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// What was written since the start or the last call.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }

    /// Everything.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// Writes one cell: guarded, and in quotes where it holds a delimiter, a quote, a line end or white
/// space at its rim.
pub fn write_cell(out: &mut Vec<u8>, cell: &str) {
    let cell = guarded(cell);
    if cell.contains([',', ';', '|', '\t', '"', '\r', '\n']) || cell.trim() != cell {
        out.push(b'"');
        out.extend_from_slice(cell.replace('"', "\"\"").as_bytes());
        out.push(b'"');
    } else {
        out.extend_from_slice(cell.as_bytes());
    }
}

/// The cell with a `'` before it where a spreadsheet would run it. A cell that looks guarded already
/// is guarded once more, so that [`unguarded`] always gives back the original.
pub fn guarded(cell: &str) -> std::borrow::Cow<'_, str> {
    if is_guardable(cell) { format!("'{cell}").into() } else { cell.into() }
}

/// The cell without the one `'` that [`guarded`] put there: a corrected file comes back as meant.
pub fn unguarded(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if is_guardable(rest) => rest,
        _ => cell,
    }
}

fn is_guardable(cell: &str) -> bool {
    cell.trim_start_matches('\'').starts_with(TRIGGERS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn no_cell_begins_like_a_formula() {
        for cell in ["=1+1", "+1 555", "-2", "@sum", "\tx", "\rx", "\nx", "＝1"] {
            assert_eq!(guarded(cell), format!("'{cell}"));
        }
        assert_eq!(guarded("O'Neil - x"), "O'Neil - x");
    }

    #[test]
    fn a_row_ends_in_crlf_and_quotes_what_needs_it() {
        let mut out = CsvOut::new(["id", "name"]);
        out.row(["00042", "Lovelace, \"Ada\""]);
        assert_eq!(out.rows(), 1, "the header does not count");
        assert_eq!(out.into_bytes(), "\u{feff}id,name\r\n00042,\"Lovelace, \"\"Ada\"\"\"\r\n".as_bytes());
    }

    proptest! {
        #[test]
        fn a_guarded_cell_comes_back_as_it_was(cell in "['=+@\t a-]{0,6}") {
            let written = guarded(&cell);
            prop_assert_eq!(unguarded(&written), &cell);
        }

        #[test]
        fn a_csv_reader_reads_back_what_was_written(
            rows in prop::collection::vec(prop::array::uniform3("['=,;\"\r\n a-é]{0,6}"), 1..5),
        ) {
            let mut out = CsvOut::new(["a", "b", "c"]);
            for row in &rows {
                out.row(row.iter().map(String::as_str));
            }
            let bytes = out.into_bytes();
            let mut reader = csv::Reader::from_reader(&bytes[3..]);
            let read: Vec<Vec<String>> = reader
                .records()
                .map(|record| record.unwrap().iter().map(|cell| unguarded(cell).to_owned()).collect())
                .collect();
            prop_assert_eq!(read, rows);
        }
    }
}
