//! Where the changes of a plan go, one by one: its hash, the lists, the first ones on the screen.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use muster_core::csv_out::CsvOut;
use muster_core::file::error_file::write_errors;
use muster_core::ids::UniqueId;
use muster_core::issue::{Issue, Severity};
use muster_core::plan::{Change, Lists, PlanHasher, encode_change};
use muster_core::recipient::Recipient;
use muster_core::settings::Settings;

use crate::show::change_line;

/// How many changes are shown.
pub(crate) const SHOWN: usize = 20;

/// After how many changes the lists are written out, so that they never grow in memory.
const WRITTEN_AFTER: u32 = 256;

/// Takes the changes of a plan.
#[derive(Debug, Default)]
pub(crate) struct Sink {
    people: Option<HashMap<UniqueId, Recipient>>,
    lists: Option<ListFiles>,
    shown: Vec<String>,
    changes: u64,
    encoded: Vec<u8>,
}

impl Sink {
    /// Keeps the people that the plan adds.
    pub(crate) fn collecting() -> Self {
        Self { people: Some(HashMap::new()), ..Self::default() }
    }

    /// Writes the lists into a folder, if there is one.
    pub(crate) fn listing(out: Option<&Path>, settings: &Settings) -> anyhow::Result<Self> {
        let lists = out.map(|out| ListFiles::create(out, settings)).transpose()?;
        Ok(Self { lists, ..Self::default() })
    }

    /// Whether it keeps people.
    pub(crate) fn collects(&self) -> bool {
        self.people.is_some()
    }

    /// Takes one change.
    pub(crate) fn take(&mut self, change: &Change, hasher: &mut PlanHasher) -> anyhow::Result<()> {
        if let Some(people) = &mut self.people {
            people.extend(change.new.iter().map(|new| (change.unique_id.clone(), new.clone())));
            return Ok(());
        }
        self.encoded.clear();
        encode_change(change, &mut self.encoded);
        hasher.change(&self.encoded);
        self.changes += 1;
        if self.shown.len() < SHOWN {
            self.shown.push(change_line(change));
        }
        self.lists.as_mut().map_or(Ok(()), |lists| lists.take(change))
    }

    /// The people that were kept.
    pub(crate) fn into_people(self) -> HashMap<UniqueId, Recipient> {
        self.people.unwrap_or_default()
    }

    /// The first changes, a line each, and how many there were.
    pub(crate) fn shown(&self) -> (&[String], u64) {
        (&self.shown, self.changes)
    }

    /// Ends the lists and writes the error file beside them.
    pub(crate) fn finish(&mut self, name: &str, header: &[String], issues: &[Issue]) -> anyhow::Result<()> {
        self.lists.as_mut().map_or(Ok(()), |lists| lists.finish(name, header, issues))
    }
}

/// The three lists while they are written, and the folder of them.
struct ListFiles {
    folder: PathBuf,
    lists: Lists,
    files: [BufWriter<File>; 3],
    since: u32,
}

impl std::fmt::Debug for ListFiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ListFiles").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl ListFiles {
    fn create(folder: &Path, settings: &Settings) -> anyhow::Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("the folder {}", folder.display()))?;
        let [invites, updates, deletions] =
            ["invites.csv", "updates.csv", "deletions.csv"].map(|name| file(folder, name));
        let files = [invites?, updates?, deletions?];
        Ok(Self { folder: folder.to_owned(), lists: Lists::new(settings), files, since: 0 })
    }

    fn take(&mut self, change: &Change) -> anyhow::Result<()> {
        self.lists.push(change);
        self.since += 1;
        if self.since < WRITTEN_AFTER { Ok(()) } else { self.write() }
    }

    fn write(&mut self) -> anyhow::Result<()> {
        self.since = 0;
        let Lists { invites, updates, deletions, .. } = &mut self.lists;
        for (list, file) in [invites, updates, deletions].into_iter().map(CsvOut::take).zip(&mut self.files) {
            file.write_all(&list).with_context(|| format!("the lists in {}", self.folder.display()))?;
        }
        Ok(())
    }

    fn finish(&mut self, name: &str, header: &[String], issues: &[Issue]) -> anyhow::Result<()> {
        self.write()?;
        let mut errors = file(&self.folder, "errors.csv")?;
        let rows: Vec<Issue> =
            issues.iter().filter(|issue| issue.code.severity() == Severity::Error).cloned().collect();
        let ended: io::Result<()> = write_errors(&mut errors, name, header, &rows)
            .and_then(|()| errors.flush())
            .and_then(|()| self.files.iter_mut().try_for_each(BufWriter::flush));
        ended.with_context(|| format!("the lists in {}", self.folder.display()))
    }
}

fn file(folder: &Path, name: &str) -> anyhow::Result<BufWriter<File>> {
    let path = folder.join(name);
    let file = File::create(&path).with_context(|| format!("the file {}", path.display()))?;
    Ok(BufWriter::with_capacity(1 << 16, file))
}
