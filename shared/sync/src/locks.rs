//! Which connections fill which fields: what a source fills, nobody changes by hand.

use std::collections::BTreeMap;

use muster_core::field::Field;
use muster_core::ids::{AccountId, ConnectionId};
use muster_core::settings::Settings;

use crate::people::connections_of;
use crate::reach::Source;
use crate::{Admin, Connection, ConnectionStatus, Ledger, PortError, settings_of};

/// A connection that fills a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    /// Its id.
    pub connection: ConnectionId,
    /// Its name.
    pub name: String,
}

/// The connections of an account that fill each field, by their ids. A deleted one fills nothing; one that is switched
/// off goes on when it is switched on again.
///
/// # Errors
/// [`PortError`] when a service failed.
pub async fn field_locks<P: Ledger + Admin>(
    ports: &P,
    account: &AccountId,
) -> Result<BTreeMap<Field, Vec<Lock>>, PortError> {
    let mut locks: BTreeMap<Field, Vec<Lock>> = BTreeMap::new();
    let connections = connections_of(ports, account).await?;
    for connection in connections.iter().filter(|connection| connection.status != ConnectionStatus::Deleted) {
        let settings = meant(connection)?;
        for field in settings.fields.keys() {
            let lock = Lock { connection: connection.id.clone(), name: settings.name.clone() };
            locks.entry(*field).or_default().push(lock);
        }
    }
    Ok(locks)
}

/// A provider fills the employment status, whether it is mapped or not.
fn meant(connection: &Connection) -> Result<Settings, PortError> {
    match Source::of(connection)? {
        Some(source) => Ok(source.settings),
        None => settings_of(connection),
    }
}
