//! Telling damage from failure: what goes wrong inside a wrapper is damage, unless the input below failed.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex, PoisonError};

use super::fault::{ReadFault, fault_of};

/// Where [`Source`] leaves the error of a failed input for [`Guard`] to find: the decoders in between
/// wrap or rewrite it.
#[derive(Debug, Clone, Default)]
pub(super) struct Failure(Arc<Mutex<Option<io::Error>>>);

impl Failure {
    pub(super) fn take(&self) -> Option<io::Error> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn keep(&self, error: io::Error) -> io::Error {
        let kind = error.kind();
        if kind != io::ErrorKind::Interrupted {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        }
        io::Error::new(kind, "the input failed")
    }
}

/// The uploaded bytes.
pub(super) struct Source<R> {
    pub(super) inner: R,
    pub(super) failure: Failure,
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buffer).map_err(|error| self.failure.keep(error))
    }
}

impl<R: Seek> Seek for Source<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to).map_err(|error| self.failure.keep(error))
    }
}

/// What comes out of one wrapper: counted against the limit, its errors told as [`ReadFault`].
pub(super) struct Guard<'a> {
    inner: Box<dyn Read + Send + 'a>,
    name: &'static str,
    left: u64,
    cap: u64,
    failure: Failure,
    /// Damage told once is told again: a reader that goes on must not see a clean end.
    fault: Option<ReadFault>,
}

impl<'a> Guard<'a> {
    pub(super) fn new(name: &'static str, inner: Box<dyn Read + Send + 'a>, cap: u64, failure: Failure) -> Self {
        Self { inner, name, left: cap, cap, failure, fault: None }
    }

    fn fail(&mut self, fault: ReadFault) -> io::Error {
        self.fault = Some(fault.clone());
        fault.into_io()
    }

    fn translate(&mut self, error: io::Error) -> io::Error {
        if let Some(fault) = fault_of(&error).cloned() {
            return self.fail(fault);
        }
        match self.failure.take() {
            Some(original) => original,
            None => self.fail(damage(self.name, &error)),
        }
    }
}

impl Read for Guard<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone().into_io());
        }
        match self.inner.read(buffer) {
            Ok(count) if count as u64 > self.left => {
                let message =
                    format!("the {} wrapper expands to more than {} bytes: upload a smaller file", self.name, self.cap);
                Err(self.fail(ReadFault::TooLarge(message)))
            }
            Ok(count) => {
                self.left -= count as u64;
                Ok(count)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => Err(self.translate(error)),
        }
    }
}

/// The damage a wrapper's decoder tells of.
pub(super) fn damage(name: &str, error: &dyn std::fmt::Display) -> ReadFault {
    ReadFault::Wrapper(format!("the {name} wrapper is damaged or cut off ({error}): upload the file again"))
}
