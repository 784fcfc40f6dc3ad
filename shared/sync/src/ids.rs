//! Identifiers out of queue messages.

use muster_core::ids::{AccountId, ConnectionId, RunId};

use crate::PortError;

/// Whose, which connection, which run.
pub(crate) struct Ids {
    pub(crate) account: AccountId,
    pub(crate) connection: ConnectionId,
    pub(crate) run: RunId,
}

/// Reads the ids of a message of our own.
pub(crate) fn ids_of(account: &str, connection: &str, run: &str) -> Result<Ids, PortError> {
    let bad = |what: &'static str| move |e| PortError::never("read the message", format!("{what} {e}"));
    Ok(Ids {
        account: AccountId::parse(account).map_err(bad("its account"))?,
        connection: ConnectionId::parse(connection).map_err(bad("its connection"))?,
        run: RunId::parse(run).map_err(bad("its run"))?,
    })
}
