//! Runs: listed, shown, decided.

use anyhow::{anyhow, bail};
use muster_aws::Ports;
use muster_core::ids::{ConnectionId, RunId};
use muster_sync::{Decider, Run, all_runs, find_connection, find_run, inspect};
use serde_json::json;

use super::{RunCommand, ports, print, print_json, shown, table};

pub(super) async fn command(command: RunCommand) -> anyhow::Result<()> {
    match command {
        RunCommand::List { connection, common } => {
            list(&ports(&common.data)?, connection.as_deref(), common.json).await
        }
        RunCommand::Show { id, common } => show(&ports(&common.data)?, &id, common.json).await,
        RunCommand::Approve { id, hash, common } => approve(&ports(&common.data)?, &id, &hash, common.json).await,
        RunCommand::Reject { id, reason, common } => {
            reject(&ports(&common.data)?, &id, reason.as_deref().unwrap_or_default(), common.json).await
        }
        RunCommand::Rollback { id, common } => roll_back(&ports(&common.data)?, &id, common.json).await,
    }
}

async fn list(ports: &Ports, connection: Option<&str>, json: bool) -> anyhow::Result<()> {
    let mut runs = all_runs(&ports.table).await?;
    if let Some(id) = connection {
        let id = ConnectionId::parse(id).map_err(|e| anyhow!("connection {id:?} {e}"))?;
        if find_connection(&ports.table, &id).await?.is_none() {
            bail!("there is no connection {id}");
        }
        runs.retain(|run| run.connection == id);
    }
    if json {
        return print_json(&runs.iter().map(shown::run_json).collect());
    }
    let mut rows = vec![["ID", "STATE", "SOURCE", "CHANGES", "RECEIVED", "CONNECTION"].map(str::to_owned).to_vec()];
    rows.extend(runs.iter().map(shown::run_row));
    print(&table(&rows))
}

async fn show(ports: &Ports, id: &str, json: bool) -> anyhow::Result<()> {
    let inspection = inspect(&ports.bucket, found(ports, id).await?).await?;
    if json { print_json(&shown::inspection_json(&inspection)) } else { print(&shown::inspection_text(&inspection)) }
}

async fn approve(ports: &Ports, id: &str, hash: &str, json: bool) -> anyhow::Result<()> {
    let run = found(ports, id).await?;
    decider(ports).approve(ids(&run), hash).await.map_err(|e| anyhow!("run {id} was not approved: {e}"))?;
    if json {
        return print_json(&json!({"id": id, "state": "applying"}));
    }
    print(&format!("run {id} is approved and being applied\n"))
}

async fn reject(ports: &Ports, id: &str, reason: &str, json: bool) -> anyhow::Result<()> {
    let run = found(ports, id).await?;
    decider(ports).reject(ids(&run), reason).await.map_err(|e| anyhow!("run {id} was not rejected: {e}"))?;
    if json {
        return print_json(&json!({"id": id, "state": "rejected"}));
    }
    print(&format!("run {id} is rejected; nothing of it was applied\n"))
}

async fn roll_back(ports: &Ports, id: &str, json: bool) -> anyhow::Result<()> {
    let run = found(ports, id).await?;
    let undo = decider(ports).roll_back(ids(&run)).await.map_err(|e| anyhow!("run {id} was not rolled back: {e}"))?;
    if json {
        return print_json(&json!({"id": undo.as_str(), "undoes": id}));
    }
    print(&format!("{undo}\n"))
}

async fn found(ports: &Ports, id: &str) -> anyhow::Result<Run> {
    let unknown = || anyhow!("there is no run {id:?}; `muster-local run list` lists them");
    let parsed = RunId::parse(id).map_err(|_| unknown())?;
    find_run(&ports.table, &parsed).await?.ok_or_else(unknown)
}

type LocalDecider<'a> = Decider<'a, muster_aws::Table, muster_aws::Queues, Box<dyn muster_sync::Clock>>;

/// Decides about runs over these ports.
pub(crate) fn decider(ports: &Ports) -> LocalDecider<'_> {
    Decider { ledger: &ports.table, queue: &ports.queues, clock: &ports.clock }
}

/// What names a run.
fn ids(run: &Run) -> (&muster_core::ids::AccountId, &ConnectionId, &RunId) {
    (&run.account, &run.connection, &run.id)
}
