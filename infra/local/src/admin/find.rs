//! Whose a connection or a run is: commands name them by their ids alone, and the API knows callers of one account only.

use anyhow::{anyhow, bail};
use muster_core::ids::{AccountId, ConnectionId, RunId};
use serde_json::Value;

use crate::api::{Api, NotDone, segment};

/// Something of an account, as the API shows it.
pub(crate) struct Found {
    /// The account.
    pub(crate) account: String,
    /// What was found.
    pub(crate) shown: Value,
}

/// Nothing, if the account is there.
///
/// # Errors
/// When it is not.
pub(crate) async fn account(api: &Api, id: &str) -> anyhow::Result<()> {
    AccountId::parse(id).map_err(|e| anyhow!("account {id:?} {e}"))?;
    if !api.accounts().await?.iter().any(|known| known == id) {
        bail!("there is no account {id}; an account begins with its first connection");
    }
    Ok(())
}

/// The connection of that id.
///
/// # Errors
/// When there is none, or the API cannot be reached.
pub(crate) async fn connection(api: &Api, id: &str) -> anyhow::Result<Found> {
    ConnectionId::parse(id).map_err(|e| anyhow!("connection {id:?} {e}"))?;
    for account in api.accounts().await? {
        // A connection's id begins with its account's.
        if !id.starts_with(&account) {
            continue;
        }
        if let Some(shown) = if_there(api.admin(&account).get(&connection_path(id)).await)? {
            return Ok(Found { account, shown });
        }
    }
    bail!("there is no connection {id}; `muster-local connect` prints the id when it saves one")
}

/// The run of that id, with its plan.
///
/// # Errors
/// When there is none, or the API cannot be reached.
pub(crate) async fn run(api: &Api, id: &str) -> anyhow::Result<Found> {
    let unknown = || anyhow!("there is no run {id:?}; `muster-local run list` lists them");
    RunId::parse(id).map_err(|_| unknown())?;
    for account in api.accounts().await? {
        let admin = api.admin(&account);
        for connection in admin.all("/v1/connections").await? {
            let connection = connection["connection"].as_str().unwrap_or_default();
            if let Some(shown) = if_there(admin.get(&run_path(connection, id)).await)? {
                return Ok(Found { account, shown });
            }
        }
    }
    Err(unknown())
}

/// Where the API has a connection.
pub(crate) fn connection_path(connection: &str) -> String {
    format!("/v1/connections/{}", segment(connection))
}

/// Where the API has a run.
pub(crate) fn run_path(connection: &str, run: &str) -> String {
    format!("{}/runs/{}", connection_path(connection), segment(run))
}

/// Nothing, where the API knows of nothing.
pub(super) fn if_there(answer: anyhow::Result<Value>) -> anyhow::Result<Option<Value>> {
    match answer {
        Err(error) if NotDone::is_unknown(&error) => Ok(None),
        answer => answer.map(Some),
    }
}
