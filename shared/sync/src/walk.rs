//! Going through an account's people, connection by connection and part by part, one request at a time.

use muster_core::ids::{AccountId, ConnectionId, UniqueId};

use crate::{Admin, Directory, PortError, SHARDS, Stored};

/// Where a walk goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalkPlace {
    /// In this connection; when it is gone, in the one behind it.
    pub connection: ConnectionId,
    /// In this part of it.
    pub shard: u8,
    /// Behind this person.
    pub after: Option<UniqueId>,
}

/// A walk under way.
pub(crate) struct Walk<'a, P> {
    ports: &'a P,
    account: &'a AccountId,
    /// The connections that are left, the next one last.
    left: Vec<ConnectionId>,
    shard: u8,
    after: Option<UniqueId>,
}

/// What one request found.
pub(crate) struct Leg {
    pub(crate) connection: ConnectionId,
    pub(crate) shard: u8,
    pub(crate) people: Vec<Stored>,
}

impl Leg {
    /// Behind that person of this leg.
    pub(crate) fn behind(&self, id: &UniqueId) -> WalkPlace {
        WalkPlace { connection: self.connection.clone(), shard: self.shard, after: Some(id.clone()) }
    }
}

impl<'a, P: Admin + Directory> Walk<'a, P> {
    /// A walk through everybody, or through those from a place on. One request.
    pub(crate) async fn begin(
        ports: &'a P,
        account: &'a AccountId,
        from: Option<WalkPlace>,
    ) -> Result<Self, PortError> {
        let mut left = ports.connections(account).await?;
        left.sort_by(|a, b| b.cmp(a));
        let mut walk = Self { ports, account, left, shard: 0, after: None };
        if let Some(from) = from {
            walk.left.retain(|id| *id >= from.connection);
            if walk.left.last() == Some(&from.connection) {
                (walk.shard, walk.after) = (from.shard, from.after);
            }
        }
        walk.skip_ended();
        Ok(walk)
    }

    /// Where it goes on; `None` at its end.
    pub(crate) fn place(&self) -> Option<WalkPlace> {
        let connection = self.left.last()?.clone();
        Some(WalkPlace { connection, shard: self.shard, after: self.after.clone() })
    }

    /// The next people, at most `most`; `None` at the end. One request; a leg may be empty.
    pub(crate) async fn next(&mut self, most: Option<u32>) -> Result<Option<Leg>, PortError> {
        let Some(connection) = self.left.last().cloned() else { return Ok(None) };
        let (shard, after) = (self.shard, self.after.take());
        let from = after.as_ref().map(UniqueId::as_str);
        let page = self.ports.page(self.account, &connection, shard, from, most).await?;
        match page.next {
            Some(next) => {
                let id = UniqueId::parse(&next);
                self.after = Some(id.map_err(|e| PortError::never("list the recipients", format!("a stored id {e}")))?);
            }
            None => self.shard += 1,
        }
        self.skip_ended();
        Ok(Some(Leg { connection, shard, people: page.items }))
    }

    fn skip_ended(&mut self) {
        if self.shard >= SHARDS {
            self.left.pop();
            (self.shard, self.after) = (0, None);
        }
    }
}
