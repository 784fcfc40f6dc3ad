//! Runs: listed, shown, decided.

use anyhow::anyhow;
use serde_json::{Value, json};

use super::{
    RunCommand,
    find::{self, Found, run_path},
    print, print_json, shown, table,
};
use crate::api::Api;

/// What stands in a rejection that nobody gave a reason for.
const NO_REASON: &str = "no reason was given";

pub(super) async fn command(command: RunCommand) -> anyhow::Result<()> {
    match command {
        RunCommand::List { connection, common } => {
            list(&Api::running(&common.data)?, connection.as_deref(), common.json).await
        }
        RunCommand::Show { id, common } => show(&Api::running(&common.data)?, &id, common.json).await,
        RunCommand::Approve { id, hash, common } => {
            approve(&Api::running(&common.data)?, &id, &hash, common.json).await
        }
        RunCommand::Reject { id, reason, common } => {
            reject(&Api::running(&common.data)?, &id, reason.as_deref().unwrap_or(NO_REASON), common.json).await
        }
        RunCommand::Rollback { id, common } => roll_back(&Api::running(&common.data)?, &id, common.json).await,
    }
}

async fn list(api: &Api, connection: Option<&str>, json: bool) -> anyhow::Result<()> {
    let mut runs = match connection {
        Some(id) => {
            let Found { account, .. } = find::connection(api, id).await?;
            api.admin(&account).all(&format!("{}/runs", find::connection_path(id))).await?
        }
        None => {
            let mut runs = Vec::new();
            for account in api.accounts().await? {
                runs.extend(api.admin(&account).all("/v1/runs").await?);
            }
            runs
        }
    };
    runs.iter_mut().for_each(|run| *run = shown::run_json(run));
    runs.sort_by_key(|run| ["received", "id"].map(|key| run[key].as_str().unwrap_or_default().to_owned()));
    if json {
        return print_json(&Value::Array(runs));
    }
    let mut rows = vec![["ID", "STATE", "SOURCE", "CHANGES", "RECEIVED", "CONNECTION"].map(str::to_owned).to_vec()];
    rows.extend(runs.iter().map(shown::run_row));
    print(&table(&rows))
}

async fn show(api: &Api, id: &str, json: bool) -> anyhow::Result<()> {
    let Found { account, shown: run } = find::run(api, id).await?;
    let path = format!("{}/issues?limit={}", path_of(&run), shown::SHOWN_ISSUES);
    let issues = api.admin(&account).get(&path).await?;
    let shown = shown::inspection_json(&run, &issues["items"]);
    if json { print_json(&shown) } else { print(&shown::inspection_text(&shown)) }
}

async fn approve(api: &Api, id: &str, hash: &str, json: bool) -> anyhow::Result<()> {
    let run = find::run(api, id).await?;
    let answer = decide(api, &run, "approval", &json!({"hash": hash})).await;
    answer.map_err(|e| anyhow!("run {id} was not approved: {e:#}"))?;
    if json {
        return print_json(&json!({"id": id, "state": "applying"}));
    }
    print(&format!("run {id} is approved and being applied\n"))
}

async fn reject(api: &Api, id: &str, reason: &str, json: bool) -> anyhow::Result<()> {
    let run = find::run(api, id).await?;
    let answer = decide(api, &run, "rejection", &json!({"reason": reason})).await;
    answer.map_err(|e| anyhow!("run {id} was not rejected: {e:#}"))?;
    if json {
        return print_json(&json!({"id": id, "state": "rejected"}));
    }
    print(&format!("run {id} is rejected; nothing of it was applied\n"))
}

async fn roll_back(api: &Api, id: &str, json: bool) -> anyhow::Result<()> {
    let Found { account, shown: run } = find::run(api, id).await?;
    let answer = api.admin(&account).post(&format!("{}/rollback", path_of(&run))).await;
    let answer = answer.map_err(|e| anyhow!("run {id} was not rolled back: {e:#}"))?;
    let undo = answer["id"].as_str().unwrap_or_default();
    if json {
        return print_json(&json!({"id": undo, "undoes": id}));
    }
    print(&format!("{undo}\n"))
}

async fn decide(api: &Api, run: &Found, decision: &str, body: &Value) -> anyhow::Result<Value> {
    api.admin(&run.account).send("POST", &format!("{}/{decision}", path_of(&run.shown)), body).await
}

/// Where the API has a run that it has shown.
fn path_of(run: &Value) -> String {
    let part = |key: &str| run[key].as_str().unwrap_or_default();
    run_path(part("connection"), part("id"))
}
