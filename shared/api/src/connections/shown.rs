//! How connections stand.

use muster_sync::{
    AccountTerms, Admin, Connection, ConnectionStatus, Entitlement, Ledger, RunFilter, RunState, account_terms,
    list_runs, settings_of,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::call::Call;
use crate::caller::Need;
use crate::cursor;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::route::Route;
use crate::time;
use crate::world::World;

pub(super) fn routes<W: World>() -> Vec<Route<W>> {
    vec![
        Route::get("/v1/connections", "list_connections", Need::ReadSettings, |call| Box::pin(list(call)))
            .says("Lists the account's connections, by id", "")
            .query::<ListConnections>()
            .gives::<ConnectionList>(200, "a page of connections"),
        Route::get("/v1/connections/{connection}", "show_connection", Need::ReadSettings, |call| Box::pin(show(call)))
            .says("Shows how a connection stands", "")
            .gives::<ConnectionShown>(200, "the connection; its `ETag` is the version of its settings"),
    ]
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ListConnections {
    /// Items of a page.
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u32>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// A page of connections.
#[derive(Debug, Serialize, JsonSchema)]
struct ConnectionList {
    items: Vec<ConnectionShown>,
    /// Where the next page begins; null at the end.
    next: Option<String>,
}

/// A connection.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ConnectionShown {
    /// Its id.
    connection: String,
    /// Its name.
    name: String,
    /// `sftp`, or a provider's API.
    connector: String,
    /// What kind of connection it is, as entitlements name it.
    kind: String,
    /// Whether the account is entitled to that kind.
    entitled: bool,
    /// How it stands.
    #[schemars(extend("enum" = ["pending", "connected", "unauthorized", "reauth_needed", "error", "disabled", "deleted"]))]
    status: String,
    /// Why it stands so, where that is known.
    reason: Option<String>,
    /// The name of its own group.
    group: String,
    /// What it does by itself.
    #[schemars(extend("enum" = ["preview", "active", "paused"]))]
    mode: String,
    /// How often people are fetched, or a file is expected, where that is set.
    cadence: Option<String>,
    /// How many recipients it has.
    people: u64,
    /// Whether a run was ever applied.
    confirmed: bool,
    /// When the schedule looks at it next.
    due: Option<String>,
    /// The run that is fetching people.
    polling: Option<String>,
    /// The run whose plan waits for a decision.
    waiting_run: Option<String>,
    /// The run whose plan is being applied.
    active_run: Option<String>,
    /// When everybody was last listed, for providers' APIs.
    last_full: Option<String>,
    /// The fields that only its syncs may change.
    locked_fields: Vec<String>,
    /// The name of its SFTP login.
    sftp_user: Option<String>,
    /// Where its provider's webhooks go.
    webhook_url: Option<String>,
    /// The version of its settings.
    settings_version: u64,
}

async fn list<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let query: ListConnections = call.query()?;
    let limit = cursor::limit(query.limit)?;
    let from: Option<String> = query.cursor.as_deref().map(cursor::read).transpose()?;
    let account = &call.caller.account;
    let mut ids = call.world.table().connections(account).await?;
    ids.sort();
    ids.retain(|id| from.as_deref().is_none_or(|from| id.as_str() > from));
    let more = ids.len() > limit;
    ids.truncate(limit);
    let terms = account_terms(call.world.table(), account).await?.map(|(terms, _)| terms).unwrap_or_default();
    let mut items = Vec::new();
    for id in &ids {
        if let Some(connection) = call.world.table().connection(account, id).await? {
            items.push(shown_under(call, &connection, &terms).await?);
        }
    }
    let next = ids.last().filter(|_| more).map(|last| cursor::write(&last.to_string()));
    Ok(Reply::json(200, &ConnectionList { items, next }))
}

async fn show<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let connection = call.connection().await?;
    reply(200, call, &connection).await
}

/// An answer that shows a connection.
pub(super) async fn reply<W: World>(status: u16, call: Call<'_, W>, connection: &Connection) -> Result<Reply, Problem> {
    Ok(Reply::json(status, &shown(call, connection).await?).etag(connection.settings_version))
}

/// A connection, as it is shown.
pub(super) async fn shown<W: World>(call: Call<'_, W>, connection: &Connection) -> Result<ConnectionShown, Problem> {
    let terms = account_terms(call.world.table(), &connection.account).await?;
    shown_under(call, connection, &terms.map(|(terms, _)| terms).unwrap_or_default()).await
}

async fn shown_under<W: World>(
    call: Call<'_, W>,
    connection: &Connection,
    terms: &AccountTerms,
) -> Result<ConnectionShown, Problem> {
    let settings = settings_of(connection)?;
    let kind = Entitlement::of(&settings.connector);
    let is_deleted = connection.status == ConnectionStatus::Deleted;
    let about = muster_connectors::connector(&settings.connector).map(|connector| connector.about());
    let hooks = about.filter(|about| about.webhooks.is_some()).zip(call.world.config().webhook_url.as_ref());
    let mode = match settings.mode {
        muster_core::settings::Mode::Preview => "preview",
        muster_core::settings::Mode::Active => "active",
        muster_core::settings::Mode::Paused => "paused",
    };
    let locked = settings.fields.keys().filter(|_| !is_deleted);
    Ok(ConnectionShown {
        connection: connection.id.to_string(),
        kind: kind.as_str().to_owned(),
        entitled: terms.entitlements.contains(&kind),
        status: status_name(connection.status).to_owned(),
        reason: reason_of(call, connection).await?,
        mode: mode.to_owned(),
        cadence: settings.cadence.map(|cadence| cadence.to_string()),
        people: connection.owned,
        confirmed: connection.confirmed,
        due: connection.due_ms.map(time::shown),
        polling: connection.feed.polling.clone(),
        waiting_run: connection.waiting.as_ref().map(ToString::to_string),
        active_run: connection.active.as_ref().map(ToString::to_string),
        last_full: connection.feed.full_ms.map(time::shown),
        locked_fields: locked.map(|field| field.name().to_owned()).collect(),
        sftp_user: connection.sftp_user.clone(),
        webhook_url: hooks.map(|(about, url)| format!("{url}/webhooks/{}/{}", about.id, connection.id)),
        settings_version: connection.settings_version,
        name: settings.name,
        connector: settings.connector,
        group: settings.group,
    })
}

fn status_name(status: ConnectionStatus) -> &'static str {
    match status {
        ConnectionStatus::Pending => "pending",
        ConnectionStatus::Connected => "connected",
        ConnectionStatus::Unauthorized => "unauthorized",
        ConnectionStatus::ReauthNeeded => "reauth_needed",
        ConnectionStatus::Error => "error",
        ConnectionStatus::Disabled => "disabled",
        ConnectionStatus::Deleted => "deleted",
    }
}

/// Why a connection stands as it does: what a person said, or why the newest run that failed did.
async fn reason_of<W: World>(call: Call<'_, W>, connection: &Connection) -> Result<Option<String>, Problem> {
    use ConnectionStatus::{Error, ReauthNeeded, Unauthorized};
    if connection.note.is_some() || !matches!(connection.status, Unauthorized | ReauthNeeded | Error) {
        return Ok(connection.note.clone());
    }
    let filter = RunFilter { state: Some(RunState::Failed), ..RunFilter::default() };
    let ids = std::slice::from_ref(&connection.id);
    let page = list_runs(call.world.table(), &connection.account, ids, filter, None, 1).await?;
    Ok(page.items.into_iter().next().and_then(|run| run.reason))
}
