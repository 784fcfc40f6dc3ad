//! A made-up HR system with an API, and its connection.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use muster_core::ids::{ConnectionId, RunId, UniqueId};
use muster_sync::{Directory as _, Inspection, RunState, Stored};
use serde_json::{Value, json};

use super::{call, scene::Scene};
use crate::admin;

/// How often is looked whether somebody has changed.
const PACE: Duration = Duration::from_millis(2);
/// How long that is waited for.
const PATIENCE: Duration = Duration::from_secs(60);
/// The name by which the fake's webhooks call the connection.
pub(super) const CONNECTION_KEY: &str = "acme-finch";
/// What the fake signs its webhooks with.
pub(super) const SECRET: &str = "ZmluY2gtZmFrZS13ZWJob29rLXNlY3JldC0zMmJ5dGU=";

/// The fake Finch, and Muster's connection to it.
pub(super) struct Hr {
    control: String,
    /// Where the connection file lies.
    pub(super) file: PathBuf,
    /// The connection file, in mode preview.
    pub(super) preview: String,
    /// Where webhooks go to.
    pub(super) webhook_url: String,
}

impl Hr {
    /// The fake with this many made-up people, and a connection file for it in the demo's folder.
    ///
    /// # Errors
    /// When there is no fake, or the file cannot be written.
    pub(super) async fn new(scene: &Scene<'_>, people: u64) -> anyhow::Result<Self> {
        let fakes = scene.stack.fakes().context("fake providers")?;
        let file = scene.stack.folder().join("demo/finch.toml");
        let preview = toml(scene.account.as_str(), &fakes);
        std::fs::write(&file, &preview).with_context(|| file.display().to_string())?;
        let hr = Self { control: format!("{fakes}/control/finch"), file, preview, webhook_url: String::new() };
        hr.control("POST", "people?quiet=true", &json!({"generate": people, "seed": 7})).await?;
        Ok(hr)
    }

    /// A control request of the fake.
    ///
    /// # Errors
    /// When it is refused.
    pub(super) async fn control(&self, method: &str, path: &str, body: &Value) -> anyhow::Result<Value> {
        call::ask(method, &format!("{}/{path}", self.control), body).await
    }

    /// The id of the n-th person.
    ///
    /// # Errors
    /// When there is none.
    pub(super) async fn id_of(&self, nth: usize) -> anyhow::Result<String> {
        let state = self.control("GET", "state", &json!({})).await?;
        Ok(state["people"][nth]["id"].as_str().context("somebody at the provider")?.to_owned())
    }

    /// Waits until every webhook is answered; their answers' statuses since the `before` first ones.
    ///
    /// # Errors
    /// When it takes too long.
    pub(super) async fn answers(&self, before: usize) -> anyhow::Result<Vec<Value>> {
        let begun = Instant::now();
        loop {
            let webhooks = self.control("GET", "state", &json!({})).await?["webhooks"].clone();
            let sent = webhooks["sent"].as_array().cloned().unwrap_or_default();
            if webhooks["waiting"] == 0 && sent.len() > before {
                return Ok(sent[before..].iter().map(|sent| sent["status"].clone()).collect());
            }
            if begun.elapsed() > PATIENCE {
                bail!("webhooks are not answered: {webhooks}");
            }
            tokio::time::sleep(PACE).await;
        }
    }
}

/// Waits until a person of the scene's connection is as wanted; how long that took since `begun`.
///
/// # Errors
/// When it takes too long, or a service failed.
pub(super) async fn changed(
    scene: &Scene<'_>,
    id: &str,
    begun: Instant,
    wanted: impl Fn(&Stored) -> bool,
) -> anyhow::Result<Duration> {
    let connection = scene.connection.as_ref().context("not connected yet")?;
    let ids = [UniqueId::parse(id).context("an id of the provider")?];
    loop {
        if scene.ports.table.get(&scene.account, connection, &ids).await?.iter().any(&wanted) {
            return Ok(begun.elapsed());
        }
        if begun.elapsed() > PATIENCE {
            bail!("person {id} did not change within {} s; {}", PATIENCE.as_secs(), scene.logs());
        }
        tokio::time::sleep(PACE).await;
    }
}

/// `poll now`: asks for everybody, and waits until that run is held or has ended.
///
/// # Errors
/// When it is refused, takes too long, or a service failed.
pub(super) async fn poll_now(scene: &Scene<'_>) -> anyhow::Result<Inspection> {
    let connection = scene.connection.as_ref().context("not connected yet")?;
    let run = RunId::parse(&admin::sync_now(scene.admin(), connection.as_str()).await?)?;
    scene.run_until(&run, |run| run.state == RunState::Held || run.state.is_final()).await
}

/// Saves the connection file.
///
/// # Errors
/// When it is refused.
pub(super) async fn connect(scene: &mut Scene<'_>, hr: &mut Hr, toml: &str) -> anyhow::Result<()> {
    let saved = admin::connect(&scene.api, toml, &[], None).await?;
    hr.webhook_url = saved.webhook_url.context("an address for webhooks")?;
    scene.connection = Some(ConnectionId::parse(&saved.connection)?);
    Ok(())
}

/// The connection file; every secret in it is one of the fake's.
fn toml(account: &str, fakes: &str) -> String {
    format!(
        r#"account = "{account}"
name = "Finch"
connector = "finch"
group = "Finch staff"
mode = "preview"
group_by = ["department"]
report_to = ["hr@acme.example"]

[provider]
connection_id = "{CONNECTION_KEY}-{account}"
base_url = "{fakes}/finch"     # on a developer's machine only

[credentials]
access_token = "finch-token"
webhook_secret = "{SECRET}"

[fields.unique_id]
from = "id"
[fields.first_name]
from = "first_name"
[fields.last_name]
from = "last_name"
[fields.email_1]
from = "emails"
type = "Work"
[fields.job_title]
from = "title"
[fields.department]
from = "department.name"
[fields.employment_status]
from = "employment_status"
"#
    )
}
