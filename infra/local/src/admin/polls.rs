//! Fetching people from providers, and how connections stand.

use std::time::Duration;

use anyhow::anyhow;
use serde_json::{Value, json};

use super::{
    Common, PollCommand, SecretArgs,
    find::{self, Found},
    print, print_json, shown, table,
};
use crate::api::{Api, Caller, NotDone, segment};

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
    let api = Api::running(&args.common.data)?;
    let path = format!("/v1/operator/connectors/{}/webhook-secret", segment(&args.connector));
    let put = api.operator().send("PUT", &path, &json!({"secret": args.webhook_secret})).await;
    put.map_err(|e| match NotDone::is_unknown(&e) {
        true => anyhow!("there is no connector {:?}", args.connector),
        false => e,
    })?;
    print(&format!("webhooks to /webhooks/{} are taken with this secret now\n", args.connector))
}

pub(super) async fn connections(common: &Common) -> anyhow::Result<()> {
    let api = Api::running(&common.data)?;
    let mut found = Vec::new();
    for account in api.accounts().await? {
        let connections = api.admin(&account).all("/v1/connections").await?;
        found.extend(connections.iter().map(|connection| shown_json(&account, connection)));
    }
    if common.json {
        return print_json(&Value::Array(found));
    }
    let mut rows = vec![["ID", "CONNECTOR", "STATUS", "PEOPLE", "NEXT DUE"].map(str::to_owned).to_vec()];
    for shown in &found {
        let cell = |key: &str| shown[key].as_str().map_or_else(|| shown[key].to_string(), str::to_owned);
        rows.push(["id", "connector", "status", "people", "due"].map(cell).to_vec());
    }
    print(&table(&rows))
}

fn shown_json(account: &str, connection: &Value) -> Value {
    json!({
        "id": connection["connection"], "account": account, "connector": connection["connector"],
        "status": connection["status"], "people": connection["people"], "due": shown::time(&connection["due"]),
        "polling": connection["polling"], "waiting": connection["waiting_run"],
        "last_full": shown::time(&connection["last_full"]),
    })
}
