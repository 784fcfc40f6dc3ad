//! What all connections of a connector share: for the product team only.

use muster_sync::put_connector_secret;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::call::Call;
use crate::caller::Need;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::route::Route;
use crate::world::World;

pub(crate) fn routes<W: World>() -> Vec<Route<W>> {
    const SECRET: &str = "/v1/operator/connectors/{connector}/webhook-secret";
    vec![
        Route::put(SECRET, "put_webhook_secret", Need::Operate, |call| Box::pin(put(call)))
            .says(
                "Sets the secret that webhooks to `/webhooks/{connector}` are signed with",
                "It holds for all connections of that connector, and is never shown. The one before holds for another day.",
            )
            .body::<WebhookSecret>()
            .gives_nothing(204, "stored"),
    ]
}

/// A secret of webhooks.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WebhookSecret {
    /// The secret, as the provider shows it.
    #[schemars(regex(pattern = r"^[!-~]{16,512}$"))]
    secret: String,
}

async fn put<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let connector = call.path("connector");
    let WebhookSecret { secret } = call.body()?;
    if muster_connectors::connector(connector).is_none() {
        return Err(Problem::not_found());
    }
    if secret.len() < 16 {
        let detail = "secret: is shorter than 16 characters; take the one that the provider shows";
        return Err(Problem::invalid("secret", detail));
    }
    if secret.len() > 512 || !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Problem::invalid(
            "secret",
            "secret: at most 512 characters, without spaces or letters beyond ASCII",
        ));
    }
    call.audit("connector.webhook_secret_set", &format!("connector/{connector}"), None, None).await?;
    put_connector_secret(call.world.secrets(), connector, &secret, call.now_ms()).await?;
    Ok(Reply::empty())
}
