//! HR exports of made-up people, for tests, benchmarks and the demo: any number of people, any day, any
//! style of file, and the exact difference from the day before.
//!
//! Every row is a pure function of seed, person and day, so two files are made independently of each
//! other and still differ in exactly what [`Expected`] says. Nobody is real: mail domains end in
//! `.example`, phone numbers are only of valid shape.

mod cells;
mod connection;
mod data;
mod dice;
mod dirt;
mod encode;
mod expected;
mod person;
mod population;
mod text;

use std::io::{self, Write};

pub use cells::COLUMNS;
use cells::Cells;
pub use connection::{connection_toml, field_of};
use encode::Records;
use person::Status;
use population::Population;

/// How the text of a file becomes bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encoding {
    /// UTF-8.
    #[default]
    Utf8,
    /// Windows-1252; characters it lacks (only in the rows of [`Options::dirt`]) are left out.
    Windows1252,
    /// UTF-16, low byte first.
    Utf16Le,
    /// UTF-16, high byte first.
    Utf16Be,
}

/// What file to make. [`Default`] is day 1 of 1,000 people as a plain UTF-8 CSV file with LF ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Another seed is another company.
    pub seed: u64,
    /// People of the first day, the terminated ones included.
    pub people: u32,
    /// The day of the file, from 1; each day changes the one before.
    pub day: u32,
    /// Of 1,000 people, how many a day changes; exact in every full thousand. With `gone_permille`
    /// at most 950, since one in twenty leads others and never changes.
    pub changed_permille: u32,
    /// How many a day adds, of 1,000 people of the first day.
    pub new_permille: u32,
    /// Of 1,000 people, how many leave the file each day; exact in every full thousand, at most 950.
    pub gone_permille: u32,
    /// Rows in another order every day, instead of in the order of ids.
    pub shuffle: bool,
    /// Of 1,000 cells that need no quotes, how many have them.
    pub needless_quotes_permille: u32,
    /// CRLF line ends.
    pub crlf: bool,
    /// A byte order mark; Windows-1252 has none.
    pub bom: bool,
    /// Between cells: `,`, `;`, `|`, tab.
    pub delimiter: u8,
    /// Of the bytes.
    pub encoding: Encoding,
    /// The same meaning in another style: phone punctuation, case of e-mail addresses, country names
    /// instead of codes, white space around cells, CRLF inside addresses.
    pub restyle: bool,
    /// Whether the last record has a line end.
    pub final_newline: bool,
    /// Some rows with known faults and a nameless last column. Their people (ids `D000001` …) are the
    /// same every day, some with a fault from the second day on. The day before is taken to have been
    /// made with the same setting.
    pub dirt: bool,
    /// A last column `SSN` that no connection maps.
    pub blocked_column: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: 1,
            people: 1000,
            day: 1,
            changed_permille: 10,
            new_permille: 3,
            gone_permille: 3,
            shuffle: false,
            needless_quotes_permille: 0,
            crlf: false,
            bom: false,
            delimiter: b',',
            encoding: Encoding::Utf8,
            restyle: false,
            final_newline: true,
            dirt: false,
            blocked_column: false,
        }
    }
}

/// What an import of the file must find, against the file of the day before (day 1: against nobody) and
/// with the mapping of [`connection_toml`]. Everything is sorted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Expected {
    /// Records behind the header, a blank one included.
    pub rows: u64,
    /// People that stand in the directory afterwards, on the condition that every day was imported.
    pub people: u64,
    /// Ids of people who were not there or were terminated.
    pub added: Vec<String>,
    /// Ids with the columns whose stored value changed; neither deactivated nor reactivated.
    pub updated: Vec<(String, Vec<&'static str>)>,
    /// Ids of people who are no longer in the file or are terminated.
    pub removed: Vec<String>,
    /// Ids of people from active to inactive, whatever else changed.
    pub deactivated: Vec<String>,
    /// Ids of people from inactive to active, whatever else changed.
    pub reactivated: Vec<String>,
    /// Issue codes with the id they belong to (empty: the file or nobody's row), each pair once.
    pub issues: Vec<(&'static str, String)>,
}

impl Expected {
    fn sort(&mut self) {
        for ids in [&mut self.added, &mut self.removed, &mut self.deactivated, &mut self.reactivated] {
            ids.sort_unstable();
        }
        self.updated.sort_unstable();
        self.issues.sort_unstable();
    }
}

/// The difference that [`write()`] would answer, without rows and people counted: no file is made.
pub fn expected(options: &Options) -> Expected {
    expected::delta(options, &Population::new(options))
}

/// Writes the file of `options.day` and says what an import of it must find.
///
/// # Errors
/// From the writer; [`io::ErrorKind::InvalidInput`] for a delimiter that cannot be one.
pub fn write(options: &Options, out: &mut impl Write) -> io::Result<Expected> {
    let population = Population::new(options);
    let mut expected = expected::delta(options, &population);
    let order = population.order(options.shuffle);
    let mut file = File { options, records: Records::new(out, options)?, cells: Cells::new(), rows: 0 };
    file.header()?;
    // Behind a hundred clean rows, so that neither the first nor the last row of a larger file is odd.
    let (head, tail) = order.split_at(order.len().min(100));
    expected.people = file.people(&population, head)?;
    if options.dirt {
        expected.people += file.faults()?;
    }
    expected.people += file.people(&population, tail)?;
    expected.rows = file.rows;
    file.records.finish()?;
    Ok(expected)
}

/// A file in the course of being written.
struct File<'w, W> {
    options: &'w Options,
    records: Records<'w, W>,
    cells: Cells,
    rows: u64,
}

impl<W: Write> File<'_, W> {
    fn header(&mut self) -> io::Result<()> {
        self.records.begin()?;
        for name in COLUMNS {
            self.records.plain(name);
        }
        if self.options.blocked_column {
            self.records.plain("SSN");
        }
        if self.options.dirt {
            self.records.plain("");
        }
        Ok(())
    }

    /// Answers how many of them are imported.
    fn people(&mut self, population: &Population, order: &[u32]) -> io::Result<u64> {
        let mut imported = 0;
        for &k in order {
            let person = population.person(k, population.day);
            imported += u64::from(person.status != Status::Terminated);
            self.cells.fill(self.options.seed, &person, self.options.restyle);
            self.row(k)?;
        }
        Ok(imported)
    }

    fn row(&mut self, k: u32) -> io::Result<()> {
        self.begin_row()?;
        for at in 0..COLUMNS.len() {
            self.records.cell(self.cells.get(at));
        }
        if self.options.blocked_column {
            let number = 100_000_000 + k % 799_999_999;
            self.records.plain(&format!(
                "{:03}-{:02}-{:04}",
                number / 1_000_000,
                number / 10_000 % 100,
                number % 10_000
            ));
        }
        if self.options.dirt {
            self.records.plain("");
        }
        Ok(())
    }

    fn begin_row(&mut self) -> io::Result<()> {
        self.rows += 1;
        self.records.begin()
    }

    /// The rows with faults; answers how many of their people stand in the directory.
    fn faults(&mut self) -> io::Result<u64> {
        let day = self.options.day.max(1);
        let mut stored = 0;
        // The second records of one id stand away from the first.
        for copy in 0..2 {
            for (index, (fault, from)) in dirt::FAULTS.into_iter().enumerate() {
                if copy >= if day >= from { fault.records() } else { 1 } {
                    continue;
                }
                if fault == dirt::Fault::Blank {
                    self.blank()?;
                    continue;
                }
                stored += u64::from(copy == 0 && !(from == 1 && fault.costs_person()));
                dirt::fill(&mut self.cells, self.options.seed, index, copy, day, self.options.restyle);
                self.row(index as u32)?;
            }
        }
        Ok(stored)
    }

    fn blank(&mut self) -> io::Result<()> {
        self.begin_row()?;
        for _ in 0..COLUMNS.len() + usize::from(self.options.blocked_column) + usize::from(self.options.dirt) {
            self.records.plain("");
        }
        Ok(())
    }
}
