//! A plan as files for people, made when somebody asks for them.

use std::fs::File;
use std::io::{BufWriter, Seek, Write};

use futures_util::{StreamExt, TryStreamExt, stream};
use muster_core::csv_out::CsvOut;
use muster_core::plan::{Change, Lists};
use muster_core::settings::Settings;
use serde::{Deserialize, Serialize};

use super::changes::read_chunk;
use crate::plan_store::{error_file_key, exports_prefix, issues_key, unplanned_prefix};
use crate::reach::Source;
use crate::report::stem_of;
use crate::stored_issues::issues_from_json;
use crate::{Connection, DAY_MS, Objects, PortError, Run, settings_of};

/// Chunks that are fetched at the same time.
const AT_ONCE: usize = 8;
const CSV: &str = "text/csv";
const WRITE: &str = "write the file to download";

/// One of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// Who is added or proposed.
    Invites,
    /// Which fields change.
    Updates,
    /// Who is removed.
    Deletions,
    /// Records that could not be taken over, each with its reasons.
    Errors,
}

impl List {
    /// The list of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Invites, Self::Updates, Self::Deletions, Self::Errors].into_iter().find(|list| list.as_str() == name)
    }

    /// `invites`, `updates`, `deletions`, `errors`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invites => "invites",
            Self::Updates => "updates",
            Self::Deletions => "deletions",
            Self::Errors => "errors",
        }
    }
}

/// A file that lies ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Download {
    /// The object's key.
    pub key: String,
    /// Under which name it is saved.
    pub file_name: String,
    /// Rows below the header.
    pub rows: u64,
}

/// What lies ready of a plan, beside its three files and written after them.
#[derive(Serialize, Deserialize)]
struct Ready {
    /// When they were written, in milliseconds since 1970: the bucket keeps them for two days.
    made_ms: i64,
    /// What the columns of the files come from.
    settings_version: u64,
    invites: u64,
    updates: u64,
    deletions: u64,
}

/// Makes the file unless it lies ready. `None` when there is nothing to make it of: no plan, an expired one, no record
/// with an error.
///
/// # Errors
/// [`PortError`] when a service failed or the plan cannot be read.
pub async fn download<O: Objects>(
    objects: &O,
    connection: &Connection,
    run: &Run,
    list: List,
    now_ms: i64,
) -> Result<Option<Download>, PortError> {
    let file_name = format!("{}.{}.csv", stem_of(run), list.as_str());
    if list == List::Errors {
        return error_file(objects, run, file_name).await;
    }
    let Some(plan) = &run.plan else { return Ok(None) };
    let prefix = exports_prefix(&plan.prefix);
    let ready_key = format!("{prefix}/ready.json");
    let stored = objects.read(&ready_key).await?.and_then(|bytes| serde_json::from_slice::<Ready>(&bytes).ok());
    let ready = match stored.filter(|ready| ready.holds(connection, now_ms)) {
        Some(ready) => ready,
        None => {
            let Some(ready) = make(objects, connection, run, &prefix, now_ms).await? else { return Ok(None) };
            let bytes = serde_json::to_vec(&ready).map_err(|e| PortError::never(WRITE, e.to_string()))?;
            objects.write(&ready_key, bytes, "application/json").await?;
            ready
        }
    };
    let rows = match list {
        List::Invites => ready.invites,
        List::Updates => ready.updates,
        List::Deletions | List::Errors => ready.deletions,
    };
    Ok(Some(Download { key: key_of(&prefix, list), file_name, rows }))
}

impl Ready {
    fn holds(&self, connection: &Connection, now_ms: i64) -> bool {
        self.settings_version == connection.settings_version && now_ms < self.made_ms + DAY_MS
    }
}

fn key_of(prefix: &str, list: List) -> String {
    format!("{prefix}/{}.csv", list.as_str())
}

async fn error_file<O: Objects>(objects: &O, run: &Run, file_name: String) -> Result<Option<Download>, PortError> {
    let prefix = run.plan.as_ref().map_or_else(|| unplanned_prefix(run), |plan| plan.prefix.clone());
    let Some(bytes) = objects.read(&issues_key(&prefix)).await? else { return Ok(None) };
    let rows = issues_from_json(&bytes)?.error_rows;
    Ok((rows > 0).then(|| Download { key: error_file_key(&prefix), file_name, rows }))
}

/// Writes the three files, chunk by chunk. They are written together: whoever wants one of a plan wants the others.
async fn make<O: Objects>(
    objects: &O,
    connection: &Connection,
    run: &Run,
    prefix: &str,
    now_ms: i64,
) -> Result<Option<Ready>, PortError> {
    let Some(plan) = &run.plan else { return Ok(None) };
    let mut files = Files::new(&mapped(connection)?)?;
    let chunks = stream::iter(0..plan.chunks).map(|chunk| read_chunk(objects, &plan.prefix, chunk));
    let mut chunks = std::pin::pin!(chunks.buffered(AT_ONCE));
    while let Some(chunk) = chunks.try_next().await? {
        let Some(changes) = chunk else { return Ok(None) };
        files.take(&changes)?;
    }
    let Files { lists, spools } = files;
    let Lists { invites, updates, deletions, .. } = &lists;
    let ready = Ready {
        made_ms: now_ms,
        settings_version: connection.settings_version,
        invites: invites.rows(),
        updates: updates.rows(),
        deletions: deletions.rows(),
    };
    for (list, spool) in [List::Invites, List::Updates, List::Deletions].into_iter().zip(spools) {
        let mut file = spool.into_inner().map_err(|e| local(e.error()))?;
        file.rewind().map_err(|e| local(&e))?;
        objects.write_file(&key_of(prefix, list), file, CSV).await?;
    }
    Ok(Some(ready))
}

/// The settings with the columns that the connection's people have.
fn mapped(connection: &Connection) -> Result<Settings, PortError> {
    match Source::of(connection)? {
        Some(source) => Ok(source.settings),
        None => settings_of(connection),
    }
}

/// The three files while they grow on the disk.
struct Files {
    lists: Lists,
    spools: [BufWriter<File>; 3],
}

impl Files {
    fn new(settings: &Settings) -> Result<Self, PortError> {
        let spool = || tempfile::tempfile().map(BufWriter::new).map_err(|e| local(&e));
        let mut files = Self { lists: Lists::new(settings), spools: [spool()?, spool()?, spool()?] };
        files.take(&[])?;
        Ok(files)
    }

    fn take(&mut self, changes: &[Change]) -> Result<(), PortError> {
        for change in changes {
            self.lists.push(change);
        }
        let Lists { invites, updates, deletions, .. } = &mut self.lists;
        let mut put = |spool: usize, rows: &mut CsvOut| self.spools[spool].write_all(&rows.take());
        put(0, invites).and_then(|()| put(1, updates)).and_then(|()| put(2, deletions)).map_err(|e| local(&e))
    }
}

/// A full or failing disk of this very machine: another may do better.
fn local(error: &std::io::Error) -> PortError {
    PortError::later(WRITE, format!("the temporary file: {}", error.kind()))
}
