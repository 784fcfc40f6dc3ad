//! How much of a file was read, on a terminal only.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read, Seek, SeekFrom};
use std::path::Path;

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};

/// A file that is read and the bar that follows it. The bar is of the bytes on disk: what they unpack to is not known.
pub(crate) struct Followed {
    bar: ProgressBar,
}

impl Followed {
    /// Opens the file; the reader moves the bar.
    pub(crate) fn open(path: &Path) -> anyhow::Result<(Self, impl Read + Seek + Send + use<>)> {
        let file = File::open(path).with_context(|| format!("the file {}", path.display()))?;
        let about = file.metadata().with_context(|| format!("the file {}", path.display()))?;
        if about.is_dir() {
            anyhow::bail!("{} is a folder; name the file in it", path.display());
        }
        let bar = if std::io::stderr().is_terminal() { ProgressBar::new(about.len()) } else { ProgressBar::hidden() };
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if let Ok(style) = ProgressStyle::with_template("{msg} [{bar:30}] {bytes}/{total_bytes} {eta}") {
            bar.set_style(style.progress_chars("##-"));
        }
        bar.set_message(name);
        let reader = Reader { file, at: 0, bar: bar.clone() };
        Ok((Self { bar }, reader))
    }
}

impl Drop for Followed {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Moves the bar to wherever the file is read, backwards too.
struct Reader {
    file: File,
    at: u64,
    bar: ProgressBar,
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.at += read as u64;
        self.bar.set_position(self.at);
        Ok(read)
    }
}

impl Seek for Reader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.at = self.file.seek(to)?;
        Ok(self.at)
    }
}
