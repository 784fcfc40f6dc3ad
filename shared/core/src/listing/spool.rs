//! What the comparison keeps of rows that need a look, outside of memory.

use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};

use super::{Scratch, ScratchFile};
use crate::field::Field;
use crate::ids::UniqueId;
use crate::issue::Place;
use crate::recipient::{Cell, Desired, Value};
use crate::status::Status;

/// One row that needs a look.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Spooled {
    pub(super) place: Place,
    pub(super) desired: Desired,
    pub(super) raw: Vec<u8>,
}

/// Writes rows one behind the other.
pub(super) struct SpoolWriter {
    out: BufWriter<Box<dyn ScratchFile>>,
    line: Vec<u8>,
}

impl SpoolWriter {
    pub(super) fn new(scratch: &dyn Scratch) -> io::Result<Self> {
        Ok(Self { out: BufWriter::with_capacity(1 << 18, scratch.file()?), line: Vec::new() })
    }

    pub(super) fn push(&mut self, place: Place, desired: &Desired, raw: &[u8]) -> io::Result<()> {
        let line = &mut self.line;
        line.clear();
        // The length of what follows the id, so that it can be skipped.
        text(line, desired.unique_id.as_str().as_bytes());
        let length_at = line.len();
        line.extend_from_slice(&[0; 4]);
        line.extend_from_slice(&place.record.to_le_bytes());
        line.extend_from_slice(&place.line.to_le_bytes());
        text(line, raw);
        line.push(desired.status as u8);
        line.push(desired.cells.len() as u8);
        for (field, cell) in &desired.cells {
            line.push(field.index() as u8);
            match cell {
                Cell::Keep => line.push(0),
                Cell::Clear => line.push(1),
                Cell::Set(Value::One(value)) => {
                    line.push(2);
                    text(line, value.as_bytes());
                }
                Cell::Set(Value::Many(values)) => {
                    line.push(3);
                    line.extend_from_slice(&(values.len() as u32).to_le_bytes());
                    values.iter().for_each(|value| text(line, value.as_bytes()));
                }
            }
        }
        let length = (line.len() - length_at - 4) as u32;
        line[length_at..length_at + 4].copy_from_slice(&length.to_le_bytes());
        self.out.write_all(line)
    }

    pub(super) fn into_reader(self) -> io::Result<SpoolReader> {
        let mut file = self.out.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.seek(SeekFrom::Start(0))?;
        Ok(SpoolReader { input: BufReader::with_capacity(1 << 18, file) })
    }
}

fn text(line: &mut Vec<u8>, bytes: &[u8]) {
    line.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    line.extend_from_slice(bytes);
}

/// Reads the rows back in the order they were written.
pub(super) struct SpoolReader {
    input: BufReader<Box<dyn ScratchFile>>,
}

impl SpoolReader {
    /// Back to the first row.
    pub(super) fn rewind(&mut self) -> io::Result<()> {
        self.input.seek(SeekFrom::Start(0)).map(|_| ())
    }

    /// The next row; the caller knows how many there are.
    pub(super) fn next(&mut self) -> io::Result<Spooled> {
        let unique_id = self.id()?;
        self.short()?;
        let place = Place { record: self.number()?, line: self.number()? };
        let raw = self.bytes()?;
        let status = Status::ALL.get(usize::from(self.byte()?)).copied().ok_or(io::ErrorKind::InvalidData)?;
        let cells = self.byte()?;
        let cells = (0..cells).map(|_| self.cell()).collect::<io::Result<_>>()?;
        Ok(Spooled { place, desired: Desired { unique_id, status, cells }, raw })
    }

    /// The next row's unique id; the rest of the row is passed over.
    pub(super) fn next_id(&mut self) -> io::Result<UniqueId> {
        let id = self.id()?;
        let rest = self.short()?;
        self.input.seek_relative(i64::from(rest))?;
        Ok(id)
    }

    fn id(&mut self) -> io::Result<UniqueId> {
        UniqueId::parse(&self.text()?).map_err(|_| io::ErrorKind::InvalidData.into())
    }

    fn cell(&mut self) -> io::Result<(Field, Cell)> {
        let field = Field::at(usize::from(self.byte()?)).ok_or(io::ErrorKind::InvalidData)?;
        let cell = match self.byte()? {
            0 => Cell::Keep,
            1 => Cell::Clear,
            2 => Cell::Set(Value::One(self.text()?)),
            _ => {
                let many = self.short()?;
                Cell::Set(Value::Many((0..many).map(|_| self.text()).collect::<io::Result<_>>()?))
            }
        };
        Ok((field, cell))
    }

    fn byte(&mut self) -> io::Result<u8> {
        let mut byte = [0];
        self.input.read_exact(&mut byte)?;
        Ok(byte[0])
    }

    fn short(&mut self) -> io::Result<u32> {
        let mut bytes = [0; 4];
        self.input.read_exact(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn number(&mut self) -> io::Result<u64> {
        let mut bytes = [0; 8];
        self.input.read_exact(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn bytes(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; self.short()? as usize];
        self.input.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn text(&mut self) -> io::Result<String> {
        String::from_utf8(self.bytes()?).map_err(|_| io::ErrorKind::InvalidData.into())
    }
}
