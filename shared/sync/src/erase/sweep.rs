//! Objects that name a person: deleted, or written without them. The bucket keeps versions, so old ones go too.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use muster_core::file::error_file::{error_rows, errors_without};
use muster_core::ids::{RunId, UniqueId};
use muster_core::issue::{Issue, Severity};
use muster_core::plan::chunk_without;

use super::{Eraser, Erasing, ObjectVersion, ObjectVersions, Work};
use crate::plan_store::unpacked;
use crate::stored_issues::{StoredIssues, issues_from_json, issues_to_json};
use crate::{Clock, Directory, Documents, Ledger, Objects, PortError, Queue, RunState};

/// What becomes of an object.
enum Fate {
    /// It does not name the person.
    Stays,
    /// It is written anew with these bytes, of this kind.
    Becomes(Vec<u8>, &'static str),
    /// It is deleted.
    Goes,
}

impl<L, D, O, Q, C> Eraser<'_, L, D, O, Q, C>
where
    L: Ledger + Documents + Erasing,
    D: Directory,
    O: Objects + ObjectVersions,
    Q: Queue,
    C: Clock,
{
    /// The `n`-th prefix under which objects may name people of the connection.
    pub(super) fn prefixes(&self, work: &Work<'_>, n: u32) -> Option<String> {
        let of = |kind: &str| format!("{kind}/{}/{}/", work.connection.account, work.connection.id);
        let login = work.connection.sftp_user.as_deref().unwrap_or(work.connection.id.as_str());
        match n {
            0 => Some(of("plans")),
            1 => Some(of("reports")),
            2 => Some(of("rosters")),
            3 => Some(of("exports")),
            4 => Some(of("polls")),
            5 => Some(format!("sftp/{login}/errors/")),
            _ => None,
        }
    }

    /// Goes over all versions of all objects under a prefix. `Ok(false)`: the time is up.
    pub(super) async fn sweep(&self, work: &mut Work<'_>, prefix: &str) -> Result<bool, PortError> {
        loop {
            let page = self.objects.versions(prefix, work.stone.place.from.as_deref()).await?;
            for version in &page.items {
                if self.is_late(work) {
                    // The page is gone over again: what was done on it is not there any more.
                    return Ok(false);
                }
                self.take(work, version).await?;
            }
            work.stone.place.from = page.next;
            if work.stone.place.from.is_none() {
                return Ok(true);
            }
        }
    }

    async fn take(&self, work: &mut Work<'_>, version: &ObjectVersion) -> Result<(), PortError> {
        let ObjectVersion { key, version: id, is_latest, is_marker } = version;
        let fate = match (is_latest, is_marker) {
            (true, false) => self.fate(work, key).await?,
            // Nobody reads an old version of these; a mark of deletion names nobody.
            (false, false) => Fate::Goes,
            (_, true) => Fate::Stays,
        };
        match fate {
            Fate::Stays => return Ok(()),
            Fate::Goes => {}
            Fate::Becomes(bytes, kind) => {
                self.objects.write(key, bytes, kind).await?;
                work.stone.counts.rewritten += 1;
            }
        }
        self.objects.delete_version(key, id).await?;
        work.stone.counts.deleted += 1;
        Ok(())
    }

    async fn fate(&self, work: &Work<'_>, key: &str) -> Result<Fate, PortError> {
        // Caches, and what can be made again.
        if key.starts_with("rosters/") || key.starts_with("exports/") {
            return Ok(Fate::Goes);
        }
        if key.starts_with("polls/") {
            return Ok(if self.is_newer(work, key).await? { Fate::Stays } else { Fate::Goes });
        }
        let is_read = key.ends_with(".jsonl.gz") || key.ends_with("/issues.json") || key.ends_with(".csv");
        let Some(bytes) = (if is_read { self.objects.read(key).await? } else { None }) else { return Ok(Fate::Stays) };
        if key.ends_with(".jsonl.gz") {
            let unread = |e| PortError::unread("read the plan", &e);
            return match chunk_without(&unpacked(&bytes)?, work.id).map_err(unread)? {
                Some(lines) => Ok(Fate::Becomes(packed(&lines)?, "application/gzip")),
                None => Ok(Fate::Stays),
            };
        }
        if key.ends_with("/issues.json") {
            let kept = issues_without(issues_from_json(&bytes)?, work.id);
            return Ok(kept.map_or(Fate::Stays, |kept| Fate::Becomes(issues_to_json(&kept), "application/json")));
        }
        Ok(match errors_without(&bytes, work.id.as_str()) {
            None => Fate::Stays,
            Some(kept) if error_rows(&kept) == 0 => Fate::Goes,
            Some(kept) => Fate::Becomes(kept, "text/csv"),
        })
    }

    /// Whether a part belongs to a listing that began after the tombstone was set, and so leaves the person out.
    async fn is_newer(&self, work: &Work<'_>, key: &str) -> Result<bool, PortError> {
        let Some(id) = key.split('/').nth(3).and_then(|id| RunId::parse(id).ok()) else { return Ok(false) };
        let run = self.ledger.run(&work.connection.account, &work.connection.id, &id).await?;
        Ok(run.is_some_and(|run| run.state == RunState::Received && run.received_ms > work.stone.at_ms))
    }
}

fn packed(lines: &[u8]) -> Result<Vec<u8>, PortError> {
    let bad = |e: std::io::Error| PortError::never("pack the plan", e.to_string());
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(lines).map_err(bad)?;
    packed.finish().map_err(bad)
}

/// The issues without those about the person or with their record; `None` when there are none.
fn issues_without(stored: StoredIssues, id: &UniqueId) -> Option<StoredIssues> {
    let said = |cell: &String| cell.trim().eq_ignore_ascii_case(id.as_str());
    let theirs = |issue: &Issue| issue.unique_id.as_ref() == Some(id) || issue.original.iter().any(said);
    let (gone, issues): (Vec<_>, Vec<_>) = stored.issues.into_iter().partition(theirs);
    let errors = gone.iter().filter(|issue| issue.code.severity() == Severity::Error).count() as u64;
    let error_rows = stored.error_rows.saturating_sub(errors);
    (!gone.is_empty()).then_some(StoredIssues { issues, error_rows, ..stored })
}
