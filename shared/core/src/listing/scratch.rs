//! Places for what does not fit into memory, given by the caller.

use std::io::{self, Cursor, Read, Seek, Write};

/// A file that is written, then read.
pub trait ScratchFile: Read + Write + Seek {}

impl<T: Read + Write + Seek> ScratchFile for T {}

/// Makes scratch files.
pub trait Scratch {
    /// An empty file that is gone when it is dropped.
    ///
    /// # Errors
    /// When none can be made.
    fn file(&self) -> io::Result<Box<dyn ScratchFile>>;
}

/// Scratch files in memory, for small listings and tests.
#[derive(Debug, Clone, Copy, Default)]
pub struct MemoryScratch;

impl Scratch for MemoryScratch {
    fn file(&self) -> io::Result<Box<dyn ScratchFile>> {
        Ok(Box::new(Cursor::new(Vec::new())))
    }
}
