//! Switching connections off and on, and deleting them.

use muster_sync::{
    Connection, NotSwitched, SettingsVersion, Switch, end_waiting, forget_credentials, keep_version, may_switch,
    say_farewell, settings_of, switch,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::shown::{self, ConnectionShown};
use super::{check_entitled, who};
use crate::call::Call;
use crate::caller::Need;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::route::Route;
use crate::world::World;

pub(super) fn routes<W: World>() -> Vec<Route<W>> {
    const ONE: &str = "/v1/connections/{connection}";
    vec![
        Route::post("/v1/connections/{connection}/disable", "disable_connection", Need::ChangeSettings, |call| {
            Box::pin(disable(call))
        })
        .says("Switches a connection off", "Its recipients stay; files and webhooks that come are taken and change nothing.")
        .body::<Why>()
        .body_optional()
        .gives::<ConnectionShown>(200, "the connection"),
        Route::post("/v1/connections/{connection}/enable", "enable_connection", Need::ChangeSettings, |call| {
            Box::pin(enable(call))
        })
        .says("Switches a connection on again", "")
        .gives::<ConnectionShown>(200, "the connection"),
        Route::delete(ONE, "delete_connection", Need::Decide, |call| Box::pin(delete(call)))
            .says(
                "Deletes a connection",
                "`people=keep`: at once; its recipients stay, and nothing locks their fields any more. `people=remove`: it is \
                 switched off, and a plan that removes all its recipients is made, which is always held. Approved and \
                 applied, it deletes the connection; rejected, the connection can be switched on again.",
            )
            .query::<People>()
            .gives::<Deleted>(200, "it is deleted")
            .gives::<Deleted>(202, "the plan is being made; a person decides about it"),
    ]
}

/// Why it is switched off.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Why {
    /// Why, for people.
    #[schemars(length(max = 500))]
    note: Option<String>,
}

/// What becomes of its recipients.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct People {
    /// `remove`: by a plan that a person approves. `keep`: they stay.
    #[schemars(required, extend("enum" = ["remove", "keep"]))]
    people: Option<String>,
}

/// A connection that is deleted, or is to be.
#[derive(Debug, Serialize, JsonSchema)]
struct Deleted {
    connection: ConnectionShown,
    /// The run whose plan removes its recipients.
    run: Option<String>,
}

/// The longest note, in characters.
const LONGEST_NOTE: usize = 500;

async fn disable<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let connection = call.connection().await?;
    let why: Why = if call.request.body.is_empty() { Why::default() } else { call.body()? };
    let note = why.note.as_deref().map(str::trim).filter(|note| !note.is_empty());
    if note.is_some_and(|note| note.chars().count() > LONGEST_NOTE) {
        return Err(Problem::invalid("note", format!("note: at most {LONGEST_NOTE} characters")));
    }
    let connection = switched(call, connection, Switch::Off, note, "connection.disabled").await?;
    shown::reply(200, call, &connection).await
}

async fn enable<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let connection = call.connection().await?;
    may_switch(call.world.table(), &connection, Switch::On).await?;
    check_entitled(call, &settings_of(&connection)?).await?;
    let connection = switched(call, connection, Switch::On, None, "connection.enabled").await?;
    shown::reply(200, call, &connection).await
}

async fn delete<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let connection = call.connection().await?;
    let query: People = call.query()?;
    let now_ms = call.now_ms();
    match query.people.as_deref() {
        Some("keep") => {
            let note = Some("deleted; its recipients were kept");
            let connection = switched(call, connection, Switch::DeleteKeeping, note, "connection.deleted").await?;
            end_waiting(call.world.table(), &connection, now_ms).await?;
            forget_credentials(call.world.secrets(), &connection).await?;
            let connection = shown::shown(call, &call.connection().await?).await?;
            Ok(Reply::json(200, &Deleted { connection, run: None }))
        }
        Some("remove") => {
            let note = Some("its deletion with all its recipients waits for a decision");
            let action = "connection.deletion_asked";
            let connection = switched(call, connection, Switch::DeleteRemoving, note, action).await?;
            let run = say_farewell(call.world.table(), call.world.queue(), &connection, now_ms).await?;
            let connection = shown::shown(call, &connection).await?;
            Ok(Reply::json(202, &Deleted { connection, run: Some(run.to_string()) }))
        }
        _ => {
            let detail = "people: say what becomes of the recipients: remove (by a plan that is approved) or keep";
            Err(Problem::invalid("people", detail))
        }
    }
}

/// Switches a connection, and tells the audit of it before.
async fn switched<W: World>(
    call: Call<'_, W>,
    connection: Connection,
    to: Switch,
    note: Option<&str>,
    action: &str,
) -> Result<Connection, Problem> {
    let table = call.world.table();
    may_switch(table, &connection, to).await?;
    let target = format!("connection/{}", connection.id);
    let people = json!({"status": connection.status, "people": connection.owned});
    call.audit(action, &target, Some(people), note.map(|note| json!({"note": note}))).await?;
    let after = switch(table, call.world.secrets(), connection, (to, note), call.now_ms()).await?;
    let version = SettingsVersion {
        version: after.settings_version,
        toml: after.settings.clone(),
        by: who(call),
        at_ms: call.now_ms(),
    };
    keep_version(table, &after.account, &after.id, &version).await?;
    Ok(after)
}

impl From<NotSwitched> for Problem {
    fn from(error: NotSwitched) -> Self {
        let detail = error.to_string();
        match error {
            NotSwitched::Deleted => Self::conflict("deleted", detail),
            NotSwitched::Leaving(_) => Self::conflict("deletion_waits", detail),
            NotSwitched::Linked => Self::conflict("link_taken", detail),
            NotSwitched::Raced => Self::conflict("busy", detail),
            NotSwitched::Port(error) => error.into(),
        }
    }
}
