//! A connection's settings.

use muster_core::ids::ConnectionId;
use muster_sync::{Connection, Expected, SecretPlace, Secrets, settings_of};
use schemars::JsonSchema;
use serde::Serialize;

use super::file::{ConnectionFile, settings_of_file};
use super::{TOML, Wish, check_there, save, sends_toml, wants_toml};
use crate::call::Call;
use crate::caller::Need;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::route::Route;
use crate::world::World;

pub(super) fn routes<W: World>() -> Vec<Route<W>> {
    const SETTINGS: &str = "/v1/connections/{connection}/settings";
    vec![
        Route::get(SETTINGS, "show_settings", Need::ReadSettings, |call| Box::pin(show(call)))
            .says(
                "Shows a connection's settings",
                "With `Accept: application/toml` the connection file itself, which can be saved as it is. Credentials are \
                 never shown.",
            )
            .gives::<SettingsShown>(200, "the settings")
            .gives_as::<String>(200, "the connection file", TOML),
        Route::put(SETTINGS, "save_settings", Need::ChangeSettings, |call| Box::pin(put(call)))
            .says(
                "Saves a connection's settings, whole",
                "Everything that is wrong is told at once, by the connection file's key paths. The group is renamed here; \
                 name and connector stay. Left out, `credentials` stay as they are stored.",
            )
            .body::<ConnectionFile>()
            .body_as::<String>(TOML)
            .versioned()
            .gives::<SettingsShown>(200, "the settings as they are now"),
    ]
}

/// Settings.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct SettingsShown {
    /// The connection's id.
    connection: String,
    /// The version.
    version: u64,
    /// The connection file; what holds its default is left out.
    file: ConnectionFile,
    /// The names of the credentials that are stored.
    credentials_set: Vec<String>,
}

async fn show<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let connection = call.connection().await?;
    if wants_toml(call) {
        return Ok(Reply::text(200, TOML, connection.settings.clone()).etag(connection.settings_version));
    }
    shown(call, &connection).await
}

/// An answer that shows a connection's settings.
pub(super) async fn shown<W: World>(call: Call<'_, W>, connection: &Connection) -> Result<Reply, Problem> {
    let place = SecretPlace::Connection(connection.account.clone(), connection.id.clone());
    let secrets = call.world.secrets().secrets(&place, true).await?.unwrap_or_default();
    let shown = SettingsShown {
        connection: connection.id.to_string(),
        version: connection.settings_version,
        file: ConnectionFile::of(&settings_of(connection)?)?,
        credentials_set: secrets.current.keys().cloned().collect(),
    };
    Ok(Reply::json(200, &shown).etag(connection.settings_version))
}

async fn put<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let connection = call.connection().await?;
    let version = call.if_match()?;
    let text = if sends_toml(call) {
        call.text()?.to_owned()
    } else {
        call.body::<ConnectionFile>()?.to_toml(&call.caller.account)?
    };
    if version != connection.settings_version {
        return Err(Problem::stale());
    }
    saved(call, &connection, &text, "connection.settings_saved", sends_toml(call)).await
}

/// Saves settings over those that were read; answers with how they are now.
pub(super) async fn saved<W: World>(
    call: Call<'_, W>,
    connection: &Connection,
    text: &str,
    action: &str,
    with_lines: bool,
) -> Result<Reply, Problem> {
    save_over(call, connection, text, action, with_lines).await?;
    let connection = call.connection().await?;
    shown(call, &connection).await
}

/// Saves settings over those that were read.
pub(super) async fn save_over<W: World>(
    call: Call<'_, W>,
    connection: &Connection,
    text: &str,
    action: &str,
    with_lines: bool,
) -> Result<(), Problem> {
    check_there(connection)?;
    let settings = settings_of_file(text, &call.caller.account, with_lines)?;
    if ConnectionId::named(&settings.account, &settings.name).ok().as_ref() != Some(&connection.id) {
        let detail = "name: a connection keeps its name; only its group can be renamed";
        return Err(Problem::invalid("name", detail));
    }
    let expected = Expected::Version(connection.settings_version);
    save(call, Wish { text, expected, public_keys: &[], action }).await?;
    Ok(())
}
