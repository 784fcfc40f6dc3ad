//! Says who is let in at the SFTP server, and where their home is: the identity provider of AWS Transfer.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use muster_aws::{Clients, HomesConfig, Table, TableConfig};
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
    // Member by member: an error about the whole event could quote the password.
    let told = |name: &str| event.payload.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let attempt = Attempt {
        user: told("username").unwrap_or_default(),
        password: told("password"),
        from: told("sourceIp").and_then(|address| address.parse().ok()),
    };
    // Boxed: the state machines of the SDK below are too deep for the compiler otherwise.
    Ok(match Box::pin(admit(&stage.table, attempt)).await? {
        Admission::Open(opened) => {
            let login = &opened.login;
            let by = if opened.keys.is_some() { "one of its keys is to be proved" } else { "by password" };
            tracing::info!(account.id = %login.account, connection.id = %login.connection, "login opens: {by}");
            stage.homes.answer(&opened.user, opened.keys.as_deref())
        }
        Admission::Refused(Some(login), why) => {
            tracing::info!(account.id = %login.account, connection.id = %login.connection, "login refused: {why:?}");
            json!({})
        }
        // What was typed as a name may be a password.
        Admission::Refused(None, why) => {
            tracing::info!("login refused: {why:?}");
            json!({})
        }
    })
}
