//! `muster init`.

mod write;

use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use muster_core::file::{self, Keys, Limits, OpenFile, Unopened};
use muster_core::issue::Code;
use muster_core::look::Guesses;
use muster_core::settings::{Encoding, FileSettings};

use crate::failure::Failure;
use crate::progress::Followed;
use crate::show::warn;
use crate::{Ended, args};

/// What is known of the sample.
#[derive(Debug)]
pub(crate) struct Sample<'a> {
    /// Its name without folders.
    pub(crate) file_name: &'a str,
    pub(crate) header: &'a [String],
    pub(crate) encoding: Encoding,
}

/// Proposes a connection file for a sample.
pub(crate) fn run(arguments: &args::Init) -> Result<Ended, Failure> {
    let (file, encoding) = open(&arguments.sample)?;
    file.issues.iter().for_each(|issue| warn(&crate::show::issue_line(&arguments.sample, issue)));
    let file_name = arguments.sample.file_name().unwrap_or_default().to_string_lossy();
    let sample = Sample { file_name: &file_name, header: &file.header, encoding };
    let text = propose(&sample)?;
    match &arguments.write {
        None => std::io::stdout().lock().write_all(text.as_bytes())?,
        Some(path) => {
            let about = || format!("the connection file {} cannot be made", path.display());
            let mut file = std::fs::File::create_new(path).with_context(about)?;
            file.write_all(text.as_bytes()).with_context(about)?;
        }
    }
    Ok(Ended::Well)
}

/// The connection file for a sample.
fn propose(sample: &Sample<'_>) -> anyhow::Result<String> {
    let guesses = Guesses::of(sample.header);
    if !guesses.has_unique_id() {
        let columns: Vec<_> = sample.header.iter().map(|name| format!("{name:?}")).collect();
        anyhow::bail!(
            "no column of {} looks like a unique id, and nothing is imported without one; name the column of the \
             employee number \"Employee ID\" in the export. Found are {}",
            sample.file_name,
            columns.join(", ")
        );
    }
    Ok(write::connection_file(sample, &guesses))
}

/// Opens the sample as UTF-8, or else as Windows-1252, whatever its delimiter.
fn open(path: &Path) -> Result<(OpenFile<'static>, Encoding), Failure> {
    let open = |encoding| -> Result<Result<OpenFile<'static>, Vec<_>>, Failure> {
        let (_, input) = Followed::open(path)?;
        let settings = FileSettings { encoding, ..FileSettings::default() };
        match file::open(input, &settings, &Keys::none(), &Limits::default()) {
            Ok(file) => Ok(Ok(file)),
            Err(Unopened::Refused(issues)) => Ok(Err(issues)),
            Err(Unopened::Io(error)) => {
                Err(anyhow::Error::new(error).context(format!("the sample {} cannot be read", path.display())).into())
            }
        }
    };
    let issues = match open(Encoding::Utf8)? {
        Ok(file) => return Ok((file, Encoding::Utf8)),
        Err(issues) => issues,
    };
    if issues.iter().any(|issue| issue.code == Code::Encoding)
        && let Ok(file) = open(Encoding::Windows1252)?
    {
        return Ok((file, Encoding::Windows1252));
    }
    Err(Failure::Unreadable { path: path.to_owned(), issues })
}

#[cfg(test)]
mod tests;
