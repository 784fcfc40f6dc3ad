//! A file's rows one by one, for looking at them: nothing is compared, and nothing is judged.

use std::io::{self, Read};

use super::cells::Cells;
use super::split::{Record, Splitter};
use crate::file::{Limits, OpenFile, fault_of};

/// The rows behind an open file's header. Rows that are blank are passed over; rows that cannot be read, or that have
/// another number of cells than the header, are counted.
pub struct Rows<'a> {
    splitter: Splitter<Box<dyn Read + Send + 'a>>,
    delimiter: u8,
    columns: usize,
    records: Vec<Record>,
    at: usize,
    cells: Cells,
    unread: u64,
    broken: bool,
}

impl<'a> Rows<'a> {
    /// The rows of a file whose header has been read.
    pub fn of(file: OpenFile<'a>, limits: &Limits) -> Self {
        let columns = file.header.len();
        let splitter = Splitter::new(file.body, file.delimiter, file.first_line, limits.max_record_bytes);
        Self {
            splitter,
            delimiter: file.delimiter,
            columns,
            records: Vec::new(),
            at: 0,
            cells: Cells::default(),
            unread: 0,
            broken: false,
        }
    }

    /// The cells of the next row, as many as the header has; `None` behind the last one that can be read.
    ///
    /// # Errors
    /// When the input itself failed. Damage of the file ends the rows: see [`Rows::is_broken`].
    pub fn next_row(&mut self) -> io::Result<Option<Vec<&str>>> {
        while self.advance()? {
            let record = &self.records[self.at];
            self.at += 1;
            let fits = self.cells.split(self.splitter.bytes(record), self.delimiter, self.columns);
            if self.cells.are_blank() {
                continue;
            }
            if fits && self.cells.len() == self.columns && self.cells.texts().is_some() {
                return Ok(self.cells.texts());
            }
            self.unread += 1;
        }
        Ok(None)
    }

    /// Rows so far that could not be read.
    pub fn unread(&self) -> u64 {
        self.unread
    }

    /// Whether the file is damaged behind the rows that were handed out.
    pub fn is_broken(&self) -> bool {
        self.broken || self.splitter.stopped.is_some()
    }

    /// Whether a row is there to be looked at.
    fn advance(&mut self) -> io::Result<bool> {
        if self.at < self.records.len() {
            return Ok(true);
        }
        self.at = 0;
        match self.splitter.next_block(&mut self.records) {
            Err(error) if fault_of(&error).is_some() => {
                self.broken = true;
                self.records.clear();
                Ok(false)
            }
            found => found,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::{Keys, open};
    use crate::settings::FileSettings;

    fn check(text: &str, rows: &[&[&str]], unread: u64, broken: bool) {
        let input = io::Cursor::new(text.as_bytes().to_vec());
        let file = open(input, &FileSettings::default(), &Keys::none(), &Limits::default()).unwrap();
        let mut found = Rows::of(file, &Limits::default());
        let mut seen: Vec<Vec<String>> = Vec::new();
        while let Some(row) = found.next_row().unwrap() {
            seen.push(row.into_iter().map(str::to_owned).collect());
        }
        assert_eq!(seen, rows, "{text}");
        assert_eq!((found.unread(), found.is_broken()), (unread, broken), "{text}");
    }

    #[test]
    fn rows_come_in_order_and_what_cannot_be_read_is_counted() {
        check("a,b\n1,2\n\n \n\"3,\",4\r\n", &[&["1", "2"], &["3,", "4"]], 0, false);
        check("a,b\n1,2\n1,2,3\n4\n5,6", &[&["1", "2"], &["5", "6"]], 2, false);
    }

    #[test]
    fn a_quote_that_is_never_closed_ends_the_rows_and_is_told() {
        check("a,b\n1,2\n\"3,4\n", &[&["1", "2"]], 0, true);
    }
}
