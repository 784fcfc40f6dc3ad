//! The product team's own keys at the providers: what links are made with, and what shared webhooks are signed with.

use std::collections::BTreeMap;

use muster_connectors::connector;
use muster_sync::{connector_secrets, put_connector_secrets};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::call::Call;
use crate::caller::Need;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::route::Route;
use crate::world::World;

pub(super) fn routes<W: World>() -> Vec<Route<W>> {
    const PATH: &str = "/v1/operator/connectors/{connector}/secrets";
    vec![
        Route::get(PATH, "show_connector_secrets", Need::Operate, |call| Box::pin(show(call)))
            .says("Shows which of a connector's shared keys are set", "Never what they are.")
            .gives::<ConnectorSecrets>(200, "the keys"),
        Route::put(PATH, "put_connector_secrets", Need::Operate, |call| Box::pin(put(call)))
            .says(
                "Sets keys that all connections of a connector share",
                "Keys that are not given stay. What is replaced is taken for webhooks for another day.",
            )
            .body::<SecretsGiven>()
            .gives::<ConnectorSecrets>(200, "the keys"),
    ]
}

/// Which shared keys are set.
#[derive(Debug, Serialize, JsonSchema)]
struct ConnectorSecrets {
    /// The connector's id.
    connector: String,
    keys: Vec<SecretKey>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct SecretKey {
    /// The key.
    key: String,
    /// Whether it is set.
    set: bool,
    /// Whether links need it.
    needed: bool,
}

/// Keys to be set.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SecretsGiven {
    /// Secrets by key.
    secrets: BTreeMap<String, String>,
}

async fn show<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    Ok(Reply::json(200, &shown(call).await?))
}

async fn shown<W: World>(call: Call<'_, W>) -> Result<ConnectorSecrets, Problem> {
    let id = call.path("connector");
    let keys = connector_secrets(call.world.secrets(), id).await?.ok_or_else(Problem::not_found)?;
    let platform = connector(id).map_or(&[][..], |connector| connector.about().platform);
    let needed = |name: &str| platform.iter().any(|key| key.name == name && key.needed);
    let keys = keys.into_iter().map(|(key, set)| SecretKey { key: key.to_owned(), set, needed: needed(key) });
    Ok(ConnectorSecrets { connector: id.to_owned(), keys: keys.collect() })
}

async fn put<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let SecretsGiven { secrets } = call.body()?;
    let before = shown(call).await?;
    let unknown = secrets.keys().find(|key| !before.keys.iter().any(|known| known.key == **key));
    if unknown.is_some() {
        let known: Vec<&str> = before.keys.iter().map(|key| key.key.as_str()).collect();
        return Err(Problem::invalid("secrets", format!("secrets: unknown key; allowed are {}", known.join(", "))));
    }
    let keys: Vec<&String> = secrets.keys().collect();
    let target = format!("connector/{}", before.connector);
    call.audit("connector.secrets_set", &target, None, Some(json!({"keys": keys}))).await?;
    put_connector_secrets(call.world.secrets(), &before.connector, &secrets, call.now_ms()).await?;
    Ok(Reply::json(200, &shown(call).await?))
}
