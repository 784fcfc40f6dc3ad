//! A file of JSON lines that only grows: how the parts remember their state over a restart.
//!
//! A line is one change. A process killed while it writes leaves at most one torn last line,
//! which the next start drops: the change had not been answered yet.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use serde::{Serialize, de::DeserializeOwned};

/// An open journal, or none at all when the part keeps its state in memory.
pub(crate) struct Journal {
    file: Option<Mutex<File>>,
    path: PathBuf,
}

impl Journal {
    /// A journal that forgets: for parts that live in memory.
    pub(crate) fn none() -> Self {
        Self { file: None, path: PathBuf::new() }
    }

    /// Opens or makes the journal at `path`; answers the changes it holds, oldest first.
    ///
    /// # Errors
    /// When the file cannot be read, or a line that is not the last is no valid change.
    pub(crate) fn open<T: DeserializeOwned>(path: &Path) -> io::Result<(Self, Vec<T>)> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        let changes = read_changes(path, &text)?;
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok((Self { file: Some(Mutex::new(file)), path: path.to_owned() }, changes))
    }

    /// Adds one change. It survives the death of this process, though not of the machine.
    pub(crate) fn append<T: Serialize>(&self, change: &T) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let mut line = serde_json::to_vec(change)?;
        line.push(b'\n');
        file.lock().unwrap_or_else(PoisonError::into_inner).write_all(&line)
    }

    /// Replaces the whole journal by the shortest list of changes that makes the same state.
    pub(crate) fn rewrite<T: Serialize>(&self, changes: impl Iterator<Item = T>) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let fresh = self.path.with_extension("new");
        let mut out = io::BufWriter::new(File::create(&fresh)?);
        for change in changes {
            serde_json::to_writer(&mut out, &change)?;
            out.write_all(b"\n")?;
        }
        out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        std::fs::rename(&fresh, &self.path)?;
        *file.lock().unwrap_or_else(PoisonError::into_inner) = OpenOptions::new().append(true).open(&self.path)?;
        Ok(())
    }
}

fn read_changes<T: DeserializeOwned>(path: &Path, text: &str) -> io::Result<Vec<T>> {
    let mut changes = Vec::new();
    for (number, line) in text.split_inclusive('\n').enumerate() {
        match serde_json::from_str(line) {
            Ok(change) => changes.push(change),
            Err(_) if !line.ends_with('\n') => tracing::warn!("{}: dropped a torn last line", path.display()),
            Err(error) => {
                let message = format!(
                    "{} line {}: {error}; move the data folder away to start afresh",
                    path.display(),
                    number + 1
                );
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
        }
    }
    Ok(changes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_last_line_is_dropped_and_the_rest_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("j.jsonl");
        std::fs::write(&path, "1\n2\n\"to").unwrap();
        let (journal, changes) = Journal::open::<u32>(&path).unwrap();
        assert_eq!(changes, [1, 2]);
        journal.rewrite(changes.iter()).unwrap();
        journal.append(&3).unwrap();
        assert_eq!(Journal::open::<u32>(&path).unwrap().1, [1, 2, 3]);
    }

    #[test]
    fn a_damaged_line_in_the_middle_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("j.jsonl");
        std::fs::write(&path, "1\nx\n3\n").unwrap();
        let error = Journal::open::<u32>(&path).err().unwrap().to_string();
        assert!(error.contains("j.jsonl line 2"), "{error}");
    }
}
