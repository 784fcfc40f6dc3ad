//! Fetching people from providers, and how connections stand.

use std::time::Duration;

use muster_sync::{Admin as _, Clock, Connection, connections_of, put_connector_secret, settings_of};
use serde_json::{Value, json};

use super::{
    Common, PollCommand, SecretArgs,
    find::{self, Found},
    ports, print, print_json, shown, table,
};
use crate::{
    api::{Api, Caller},
    clock::iso8601,
};

/// How often is looked whether a run has ended.
const PACE: Duration = Duration::from_millis(50);

pub(super) async fn command(command: PollCommand) -> anyhow::Result<()> {
    let PollCommand::Now { connection, no_wait, common } = command;
    let api = Api::running(&common.data)?;
    let Found { account, .. } = find::connection(&api, &connection).await?;
    let admin = api.admin(&account);
    let run = sync_now(admin, &connection).await?;
    if no_wait {
        return print_json(&json!({"run": run}));
    }
    loop {
        let now = admin.get(&find::run_path(&connection, &run)).await?;
        if !["received", "applying"].iter().any(|state| now["state"] == *state) {
            let run = shown::run_json(&now);
            return if common.json { print_json(&run) } else { print(&table(&[shown::run_row(&run)])) };
        }
        tokio::time::sleep(PACE).await;
    }
}

/// Asks for everybody of a connection; answers the run's id.
///
/// # Errors
/// When the connection has no API or is switched off, or the API cannot be reached.
pub(crate) async fn sync_now(admin: Caller<'_>, connection: &str) -> anyhow::Result<String> {
    let run = admin.post(&format!("{}/sync", find::connection_path(connection))).await?;
    Ok(run["id"].as_str().unwrap_or_default().to_owned())
}

pub(super) async fn secret(args: SecretArgs) -> anyhow::Result<()> {
    let ports = ports(&args.common.data)?;
    put_connector_secret(&ports.secrets, &args.connector, &args.webhook_secret, ports.clock.now_ms()).await?;
    print(&format!("webhooks to /webhooks/{} are taken with this secret now\n", args.connector))
}

pub(super) async fn connections(common: &Common) -> anyhow::Result<()> {
    let ports = ports(&common.data)?;
    let mut found = Vec::new();
    for account in ports.table.accounts().await? {
        found.extend(connections_of(&ports.table, &account).await?);
    }
    if common.json {
        return print_json(&found.iter().map(shown_json).collect::<anyhow::Result<Value>>()?);
    }
    let mut rows = vec![["ID", "CONNECTOR", "STATUS", "PEOPLE", "NEXT DUE"].map(str::to_owned).to_vec()];
    for connection in &found {
        let shown = shown_json(connection)?;
        let cell = |key: &str| shown[key].as_str().map_or_else(|| shown[key].to_string(), str::to_owned);
        rows.push(["id", "connector", "status", "people", "due"].map(cell).to_vec());
    }
    print(&table(&rows))
}

fn shown_json(connection: &Connection) -> anyhow::Result<Value> {
    let settings = settings_of(connection)?;
    let time = |ms: i64| iso8601(u64::try_from(ms).unwrap_or(0));
    Ok(json!({
        "id": connection.id.as_str(), "account": connection.account.as_str(), "connector": settings.connector,
        "status": connection.status, "people": connection.owned, "due": connection.due_ms.map(time),
        "polling": connection.feed.polling, "waiting": connection.waiting.as_ref().map(|run| run.as_str()),
        "last_full": connection.feed.full_ms.map(time),
    }))
}
