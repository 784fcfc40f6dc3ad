//! Switching a connection off and on, and deleting it.

use muster_core::ids::RunId;

use super::check::check_routes;
use super::provider::routes_of;
use super::{NotSaved, first_due, is_linked};
use crate::connect::login::{LoginChange, change_login};
use crate::decide::{import_job, run_id};
use crate::{
    Admin, Cause, Connection, ConnectionStatus, Ledger, Opened, PortError, Queue, Run, RunState, SecretPlace,
    SecretSet, Secrets, Transition, settings_of,
};

/// How a connection is to stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switch {
    /// Off: nothing is imported until it is switched on again.
    Off,
    /// On again.
    On,
    /// Deleted; its recipients stay and belong to no connection that syncs.
    DeleteKeeping,
    /// Off, with a plan that removes its recipients. It is deleted when that plan was approved and applied.
    DeleteRemoving,
}

/// Why a connection was not switched.
#[derive(Debug, thiserror::Error)]
pub enum NotSwitched {
    /// It is deleted.
    #[error("the connection is deleted; make a new one")]
    Deleted,
    /// A plan that deletes it waits, or is being applied.
    #[error("run {0} deletes the connection; reject its plan first, if it still waits")]
    Leaving(RunId),
    /// Another connection was linked to the same account at the provider meanwhile.
    #[error("another connection is linked to the same account at the provider now; it can be linked once")]
    Linked,
    /// Somebody else changed it all the time.
    #[error("the connection was changed by somebody else meanwhile; try again")]
    Raced,
    /// A service failed.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// How often a change is tried again when the connection changes under it.
const TRIES: u32 = 5;

/// Whether a connection may be switched so.
///
/// # Errors
/// [`NotSwitched`].
pub async fn may_switch(ports: &impl Ledger, connection: &Connection, to: Switch) -> Result<(), NotSwitched> {
    if connection.status == ConnectionStatus::Deleted {
        return Err(NotSwitched::Deleted);
    }
    let leaves =
        if matches!(to, Switch::On | Switch::DeleteKeeping) { leaving(ports, connection).await? } else { None };
    if let Some(run) = leaves {
        return Err(NotSwitched::Leaving(run));
    }
    if to != Switch::On {
        return Ok(());
    }
    let routes = routes_of(&settings_of(connection)?);
    match check_routes(ports, (&connection.account, &connection.id), &routes).await {
        Err(NotSaved::Port(error)) => Err(error.into()),
        Err(_) => Err(NotSwitched::Linked),
        Ok(()) => Ok(()),
    }
}

/// The run that deletes the connection, if one waits or is being applied.
async fn leaving(ports: &impl Ledger, connection: &Connection) -> Result<Option<RunId>, PortError> {
    for id in connection.waiting.iter().chain(&connection.active) {
        let run = ports.run(&connection.account, &connection.id, id).await?;
        if run.is_some_and(|run| matches!(run.cause, Cause::Farewell { .. })) {
            return Ok(Some(id.clone()));
        }
    }
    Ok(None)
}

/// Switches a connection; `note` says why, for people. Asking again is safe. Answers the connection as it is then.
///
/// # Errors
/// [`NotSwitched`].
pub async fn switch<P: Ledger + Admin>(
    ports: &P,
    secrets: &impl Secrets,
    connection: Connection,
    (to, note): (Switch, Option<&str>),
    now_ms: i64,
) -> Result<Connection, NotSwitched> {
    let mut connection = connection;
    for _ in 0..TRIES {
        may_switch(ports, &connection, to).await?;
        // What opens the login again comes last, what closes it first.
        if matches!(to, Switch::DeleteKeeping | Switch::DeleteRemoving) {
            change_login(ports, &connection, LoginChange::Locked(true)).await?;
        }
        let mut wish = wished(&connection, to, note, now_ms)?;
        if to == Switch::On && !is_linked(secrets, &connection).await? {
            wish.due_ms = None;
        }
        if ports.save_connection(&wish, Some(connection.settings_version)).await? {
            if to == Switch::On {
                change_login(ports, &wish, LoginChange::Locked(false)).await?;
            }
            return Ok(wish);
        }
        let fresh = ports.connection(&connection.account, &connection.id).await?;
        connection = fresh.ok_or(NotSwitched::Deleted)?;
    }
    Err(NotSwitched::Raced)
}

/// The settings' version grows too: somebody who saves settings that were read before must look again.
fn wished(connection: &Connection, to: Switch, note: Option<&str>, now_ms: i64) -> Result<Connection, PortError> {
    let settings = settings_of(connection)?;
    // One that is not linked to its provider yet goes on waiting for that.
    let unlinked = connection.due_ms.is_none() && muster_connectors::connector(&settings.connector).is_some();
    let on_ms = if unlinked { None } else { first_due(&settings, now_ms) };
    let (status, due_ms) = match to {
        Switch::Off | Switch::DeleteRemoving => (ConnectionStatus::Disabled, connection.due_ms),
        Switch::On if connection.confirmed => (ConnectionStatus::Connected, on_ms),
        Switch::On => (ConnectionStatus::Pending, on_ms),
        Switch::DeleteKeeping => (ConnectionStatus::Deleted, None),
    };
    let routes = match to {
        Switch::Off => connection.routes.clone(),
        Switch::On => routes_of(&settings),
        // Whoever is linked to that account next is called by these names.
        Switch::DeleteKeeping | Switch::DeleteRemoving => Vec::new(),
    };
    Ok(Connection {
        status,
        due_ms,
        routes,
        note: note.map(str::to_owned),
        settings_version: connection.settings_version + 1,
        ..connection.clone()
    })
}

/// Ends the plan that waits for a decision about a connection that is deleted now: nobody can decide about it any more.
///
/// # Errors
/// [`PortError`] when a service failed.
pub async fn end_waiting(ports: &impl Ledger, connection: &Connection, now_ms: i64) -> Result<(), PortError> {
    let Some(id) = &connection.waiting else { return Ok(()) };
    let Some(run) = ports.run(&connection.account, &connection.id, id).await? else { return Ok(()) };
    if run.state == RunState::Held {
        let why = Some("the connection was deleted");
        let transition = Transition::told(&run, connection, RunState::Superseded, why, now_ms);
        if ports.close(&transition).await? {
            crate::log::name_run(&run.account, &run.connection, &run.id);
            crate::log::ended(&transition, "the connection was deleted");
        }
    }
    Ok(())
}

/// Opens the run that removes everybody of a connection that was switched off, or finds the one that is open; its plan
/// is always held.
///
/// # Errors
/// [`PortError`] when a service failed.
pub async fn say_farewell<P: Ledger>(
    ports: &P,
    queue: &impl Queue,
    connection: &Connection,
    now_ms: i64,
) -> Result<RunId, PortError> {
    let mut attempt = 0;
    loop {
        let id = run_id(&["farewell", connection.account.as_str(), connection.id.as_str(), &attempt.to_string()]);
        let source = "the deletion of this connection".to_owned();
        let run = Run::received(connection, id, Cause::Farewell { attempt }, source, now_ms);
        match ports.open_run(&run).await? {
            Opened::Existing(before) if before.state.is_final() => attempt += 1,
            opened => {
                if matches!(opened, Opened::New) {
                    crate::log::received(&run);
                }
                queue.send_import(&import_job(&run)).await?;
                return Ok(run.id);
            }
        }
    }
}

/// Forgets the credentials of a deleted connection, but for what its webhooks are signed with: late ones are still told
/// from forged ones, and refused politely.
///
/// # Errors
/// [`PortError`] when a service failed.
pub async fn forget_credentials(secrets: &impl Secrets, connection: &Connection) -> Result<(), PortError> {
    let place = SecretPlace::Connection(connection.account.clone(), connection.id.clone());
    let Some(mut stored) = secrets.secrets(&place, true).await? else { return Ok(()) };
    let about = muster_connectors::connector(&settings_of(connection)?.connector).map(|connector| connector.about());
    let signs_with = about.and_then(|about| about.signs_with);
    stored.current.retain(|key, _| key == "webhook_secret" || Some(key.as_str()) == signs_with);
    secrets.put_secrets(&place, &SecretSet { current: stored.current, previous: None }).await
}
