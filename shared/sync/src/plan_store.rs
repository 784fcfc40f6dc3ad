//! Where a plan's objects lie and how they are written.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use muster_core::plan::{Change, PlanHasher, encode_change, start_chunk};

use crate::{Objects, PortError, Run};

/// Changes per chunk: one message, one invocation, a few hundred writes.
pub(crate) const CHANGES_PER_CHUNK: usize = 500;

/// The prefix of a plan's objects. It carries the fencing number, so a function that was overtaken
/// writes beside the plan that counts, never over it.
pub(crate) fn prefix_of(run: &Run, fence: u64) -> String {
    format!("plans/{}/{}/{}/{fence}", run.account, run.connection, run.id)
}

/// The key of a chunk.
pub(crate) fn chunk_key(prefix: &str, chunk: u32) -> String {
    format!("{prefix}/chunk-{chunk:05}.jsonl.gz")
}

/// The key of the roster that holds once the plan is applied.
pub(crate) fn roster_key(prefix: &str) -> String {
    // Rosters outlive plans, so they have a lifecycle of their own.
    format!("rosters/{}.roster", prefix.trim_start_matches("plans/"))
}

/// The prefix of a plan's files for people. They can be made again, so they have a short life of their own.
pub(crate) fn exports_prefix(prefix: &str) -> String {
    format!("exports/{}", prefix.trim_start_matches("plans/"))
}

/// The key of the plan's summary.
pub(crate) fn summary_key(prefix: &str) -> String {
    format!("{prefix}/summary.json")
}

/// The key of the issues found while planning.
pub(crate) fn issues_key(prefix: &str) -> String {
    format!("{prefix}/issues.json")
}

/// The key of the error file as the report carries it to the customer.
pub(crate) fn error_file_key(prefix: &str) -> String {
    format!("{prefix}/errors.csv")
}

/// The prefix of what is told about a run that has no plan.
pub(crate) fn unplanned_prefix(run: &Run) -> String {
    format!("reports/{}/{}/{}", run.account, run.connection, run.id)
}

/// Takes a chunk's bytes out of their compression.
pub(crate) fn unpacked(bytes: &[u8]) -> Result<Vec<u8>, PortError> {
    let mut plain = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut plain).map_err(|e| PortError::never("read the plan", e.to_string()))?;
    Ok(plain)
}

/// Writes changes in chunks as they come.
#[derive(Debug)]
pub(crate) struct ChunkWriter<'a, O> {
    objects: &'a O,
    prefix: String,
    lines: Vec<u8>,
    in_chunk: usize,
    chunks: u32,
    hasher: PlanHasher,
}

impl<'a, O: Objects> ChunkWriter<'a, O> {
    pub(crate) fn new(objects: &'a O, prefix: String, hasher: PlanHasher) -> Self {
        Self { objects, prefix, lines: Vec::new(), in_chunk: 0, chunks: 0, hasher }
    }

    pub(crate) async fn push(&mut self, change: &Change) -> Result<(), PortError> {
        if self.in_chunk == 0 {
            start_chunk(&mut self.lines);
        }
        let start = self.lines.len();
        encode_change(change, &mut self.lines);
        self.hasher.change(&self.lines[start..]);
        self.in_chunk += 1;
        if self.in_chunk == CHANGES_PER_CHUNK { self.flush().await } else { Ok(()) }
    }

    async fn flush(&mut self) -> Result<(), PortError> {
        if self.in_chunk == 0 {
            return Ok(());
        }
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        let bad = |e: std::io::Error| PortError::never("pack the plan", e.to_string());
        packed.write_all(&self.lines).map_err(bad)?;
        let packed = packed.finish().map_err(bad)?;
        self.objects.write(&chunk_key(&self.prefix, self.chunks), packed, "application/gzip").await?;
        self.lines.clear();
        self.in_chunk = 0;
        self.chunks += 1;
        Ok(())
    }

    /// Writes what is left; answers how many chunks there are and the plan's hash.
    pub(crate) async fn finish(mut self) -> Result<(u32, String), PortError> {
        self.flush().await?;
        Ok((self.chunks, self.hasher.finish()))
    }
}
