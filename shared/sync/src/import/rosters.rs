//! What a connection owns, as a plan sees it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Cursor;

use muster_core::ids::UniqueId;
use muster_core::listing::{Scratch, ScratchFile};
use muster_core::roster::{Hasher, Roster, amended, rebuilt};

use super::Importer;
use crate::{Clock, Connection, Directory, Documents, Ledger, Objects, PortError, Queue, SHARDS};

/// Scratch files on the function's disk.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct DiskScratch;

impl Scratch for DiskScratch {
    fn file(&self) -> std::io::Result<Box<dyn ScratchFile>> {
        Ok(Box::new(tempfile::tempfile()?))
    }
}

/// A fetched roster, or one rebuilt from the stored recipients.
#[derive(Debug)]
pub(super) enum OwnRoster {
    Fetched(File),
    Rebuilt(Vec<u8>),
    /// The connection never owned anybody.
    None,
}

impl OwnRoster {
    /// Reads it. `None` when there is nobody, and when a fetched one turns out to be damaged.
    pub(super) fn open(&self, hasher: Hasher) -> Result<Option<Roster<'_>>, PortError> {
        let bad = |e: String| PortError::later("read the roster", e);
        match self {
            Self::None => Ok(None),
            Self::Rebuilt(bytes) => {
                Roster::read(Cursor::new(bytes.as_slice()), hasher).map(Some).map_err(|e| bad(e.to_string()))
            }
            Self::Fetched(file) => {
                let file = file.try_clone().map_err(|e| bad(e.to_string()))?;
                Ok(Roster::read(file, hasher).ok())
            }
        }
    }
}

impl<L: Ledger + Documents, D: Directory, O: Objects, Q: Queue, C: Clock> Importer<'_, L, D, O, Q, C> {
    /// The connection's roster: the valid one, or one rebuilt from what is stored.
    pub(super) async fn roster_of(&self, connection: &Connection, hasher: Hasher) -> Result<OwnRoster, PortError> {
        if let Some(key) = &connection.roster
            && let Some(fetched) = self.objects.fetch(key, None).await?
        {
            let roster = OwnRoster::Fetched(fetched.file);
            if roster.open(hasher)?.is_some() {
                return self.rewound(roster);
            }
        }
        // Before the first file there may be people who were made by hand.
        if !connection.confirmed && connection.owned == 0 {
            return Ok(OwnRoster::None);
        }
        self.rebuild(connection, hasher).await
    }

    /// The same roster, without what it says of people whom events have changed since it was made.
    pub(super) async fn amended(
        &self,
        connection: &Connection,
        own: OwnRoster,
        hasher: Hasher,
    ) -> Result<OwnRoster, PortError> {
        if connection.feed.touched.is_empty() || matches!(own, OwnRoster::Rebuilt(_)) {
            return Ok(own);
        }
        let ids: Vec<UniqueId> = connection.feed.touched.keys().filter_map(|id| UniqueId::parse(id).ok()).collect();
        let stored = self.stored(connection, &ids).await?;
        let changed: BTreeMap<_, _> = ids
            .into_iter()
            .map(|id| {
                let status = stored.get(&id).map(|recipient| recipient.status);
                (id, status)
            })
            .collect();
        let Some(roster) = own.open(hasher)? else { return Ok(own) };
        let bytes = amended(roster, &changed, hasher, Vec::new(), &DiskScratch);
        bytes.map(OwnRoster::Rebuilt).map_err(|e| PortError::later("amend the roster", e.to_string()))
    }

    fn rewound(&self, roster: OwnRoster) -> Result<OwnRoster, PortError> {
        if let OwnRoster::Fetched(file) = &roster {
            use std::io::Seek;
            let mut file = file;
            file.rewind().map_err(|e| PortError::later("read the roster", e.to_string()))?;
        }
        Ok(roster)
    }

    async fn rebuild(&self, connection: &Connection, hasher: Hasher) -> Result<OwnRoster, PortError> {
        tracing::info!(connection.id = %connection.id, "the roster is rebuilt from the stored recipients");
        let mut people = Vec::new();
        for shard in 0..SHARDS {
            let mut from = None;
            loop {
                let page =
                    self.directory.page(&connection.account, &connection.id, shard, from.as_deref(), None).await?;
                people.extend(page.items.into_iter().map(|stored| {
                    let recipient = stored.recipient;
                    (recipient.unique_id, recipient.status)
                }));
                match page.next {
                    Some(next) => from = Some(next),
                    None => break,
                }
            }
        }
        let bytes = rebuilt(people, hasher, &DiskScratch);
        bytes.map(OwnRoster::Rebuilt).map_err(|e| PortError::later("rebuild the roster", e.to_string()))
    }
}
