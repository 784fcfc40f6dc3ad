//! Says who is let in at the SFTP server, and where their home is: the identity provider of AWS Transfer.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use muster_aws::{Clients, HomesConfig, Invocation, Table, TableConfig};
use muster_sync::{Admission, Attempt, admit};
use serde_json::{Value, json};

/// What the function stands on.
#[derive(Debug)]
pub struct Stage {
    /// Logins and connections.
    pub table: Table,
    /// Where homes are.
    pub homes: HomesConfig,
}

/// Runs the function until the runtime stops it.
///
/// # Errors
/// When a setting is missing or the Lambda Runtime API cannot be reached.
pub fn main() -> Result<(), Error> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        muster_aws::init_logging();
        let table = Table::new(Clients::from_env().await.dynamodb(), TableConfig::from_env()?);
        let stage = Stage { table, homes: HomesConfig::from_env()? };
        lambda_runtime::run(service_fn(|event| handle(&stage, event))).await
    })
}

/// Answers one attempt to log in: role, policy and home, with the login's public keys where the client offers a key;
/// `{}` for whoever is refused. Transfer itself compares the keys.
///
/// # Errors
/// When the table cannot be read; Transfer lets nobody in then.
pub async fn handle(stage: &Stage, event: LambdaEvent<Value>) -> Result<Value, Error> {
    let LambdaEvent { payload, context } = event;
    let invocation = Invocation::new(env!("CARGO_PKG_NAME"), &context.request_id, context.xray_trace_id.as_deref());
    // Boxed: the state machines of the SDK below are too deep for the compiler otherwise.
    Box::pin(invocation.handle(answered(stage, &payload))).await
}

async fn answered(stage: &Stage, event: &Value) -> Result<Value, Error> {
    // Member by member: an error about the whole event could quote the password.
    let told = |name: &str| event.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let attempt = Attempt {
        user: told("username").unwrap_or_default(),
        password: told("password"),
        from: told("sourceIp").and_then(|address| address.parse().ok()),
    };
    match admit(&stage.table, attempt).await {
        Ok(Admission::Open(opened)) => Ok(stage.homes.answer(&opened.user, opened.keys.as_deref())),
        Ok(Admission::Refused(_)) => Ok(json!({})),
        Err(error) => {
            tracing::warn!(%error, "login not judged");
            Err(error.into())
        }
    }
}
