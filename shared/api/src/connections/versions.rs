//! Every saved version of a connection's settings.

use muster_core::settings::Settings;
use muster_sync::{Connection, SettingsVersion, differences, settings_version, settings_versions};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::file::ConnectionFile;
use super::settings::{SettingsShown, saved};
use super::{TOML, wants_toml};
use crate::call::Call;
use crate::caller::Need;
use crate::cursor;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::route::Route;
use crate::time;
use crate::world::World;

pub(super) fn routes<W: World>() -> Vec<Route<W>> {
    const VERSIONS: &str = "/v1/connections/{connection}/settings/versions";
    const ONE: &str = "/v1/connections/{connection}/settings/versions/{version}";
    const RESTORE: &str = "/v1/connections/{connection}/settings/versions/{version}/restore";
    const DIFF: &str = "/v1/connections/{connection}/settings/diff";
    vec![
        Route::get(VERSIONS, "list_settings_versions", Need::ReadSettings, |call| Box::pin(list(call)))
            .says("Lists the versions of a connection's settings, newest first", "Switching off and on makes one too.")
            .query::<ListVersions>()
            .gives::<VersionList>(200, "a page of versions"),
        Route::get(ONE, "show_settings_version", Need::ReadSettings, |call| Box::pin(show(call)))
            .says("Shows a version of a connection's settings", "With `Accept: application/toml` the connection file.")
            .gives::<VersionShown>(200, "the version")
            .gives_as::<String>(200, "the connection file", TOML),
        Route::post(RESTORE, "restore_settings_version", Need::ChangeSettings, |call| Box::pin(restore(call)))
            .says(
                "Saves a version again, as the newest one",
                "It is checked as any settings are. Credentials stay as they are. With `If-Match` it is done over the \
                 version that was read only.",
            )
            .gives::<SettingsShown>(200, "the settings as they are now")
            .may(412, "the settings were changed since they were read"),
        Route::get(DIFF, "diff_settings_versions", Need::ReadSettings, |call| Box::pin(diff(call)))
            .says("Tells what differs between two versions, key by key", "")
            .query::<Between>()
            .gives::<Differences>(200, "the differences"),
    ]
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ListVersions {
    /// Items of a page.
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u32>,
    /// `next` of the page before.
    cursor: Option<String>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Between {
    /// The older version; the one before `to` where it is left out.
    #[schemars(range(min = 1, max = 9_999_999_999u64))]
    from: Option<u64>,
    /// The newer version; the current one where it is left out.
    #[schemars(range(min = 1, max = 9_999_999_999u64))]
    to: Option<u64>,
}

/// A page of versions.
#[derive(Debug, Serialize, JsonSchema)]
struct VersionList {
    items: Vec<VersionName>,
    /// Where the next page begins; null at the end.
    next: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct VersionName {
    /// Its number.
    version: u64,
    /// Who saved it: role and user; null where that is not known.
    by: Option<String>,
    /// When; null where that is not known.
    at: Option<String>,
    /// Whether it is the one that holds.
    current: bool,
}

/// A version.
#[derive(Debug, Serialize, JsonSchema)]
struct VersionShown {
    /// Its number.
    version: u64,
    /// Who saved it: role and user; null where that is not known.
    by: Option<String>,
    /// When; null where that is not known.
    at: Option<String>,
    /// Whether it is the one that holds.
    current: bool,
    /// The connection file; what holds its default is left out.
    file: ConnectionFile,
}

/// What differs between two versions.
#[derive(Debug, Serialize, JsonSchema)]
struct Differences {
    /// The older version.
    from: u64,
    /// The newer version.
    to: u64,
    items: Vec<Differing>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Differing {
    /// The key's path in the connection file: `fields.email_1.from`.
    key: String,
    /// The value of the older version, as TOML; null where it has none, or the default.
    old: Option<String>,
    /// The value of the newer version.
    new: Option<String>,
}

async fn list<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let query: ListVersions = call.query()?;
    let limit = u32::try_from(cursor::limit(query.limit)?).unwrap_or(cursor::MOST);
    let before: Option<u64> = query.cursor.as_deref().map(cursor::read).transpose()?;
    let connection = call.connection().await?;
    let page = settings_versions(call.world.table(), &connection, before, limit).await?;
    let next = page.items.last().filter(|_| page.next.is_some()).map(|last| cursor::write(&last.version));
    let items = page.items.into_iter().map(|version| {
        let (by, at) = who_and_when(&version);
        VersionName { version: version.version, by, at, current: version.version == connection.settings_version }
    });
    Ok(Reply::json(200, &VersionList { items: items.collect(), next }))
}

async fn show<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let connection = call.connection().await?;
    let version = version_of(call, &connection, number(call)?).await?;
    if wants_toml(call) {
        return Ok(Reply::text(200, TOML, version.toml));
    }
    let (by, at) = who_and_when(&version);
    let current = version.version == connection.settings_version;
    let file = ConnectionFile::of(&Settings::from_toml(&version.toml)?)?;
    Ok(Reply::json(200, &VersionShown { version: version.version, by, at, current, file }))
}

async fn restore<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let connection = call.connection().await?;
    if call.header("if-match").is_some() && call.if_match()? != connection.settings_version {
        return Err(Problem::stale());
    }
    let version = version_of(call, &connection, number(call)?).await?;
    saved(call, &connection, &version.toml, "connection.settings_restored", false).await
}

async fn diff<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let query: Between = call.query()?;
    let connection = call.connection().await?;
    let to = query.to.unwrap_or(connection.settings_version);
    // Before the first version there is none.
    let from = query.from.unwrap_or(to.saturating_sub(1).max(1));
    for (field, version) in [("from", from), ("to", to)] {
        if !(1..=9_999_999_999).contains(&version) {
            return Err(Problem::invalid(field, format!("{field}: must be the number of a version, from 1")));
        }
    }
    let (old, new) = (version_of(call, &connection, from).await?, version_of(call, &connection, to).await?);
    let items = differences(&old.toml, &new.toml)?.into_iter();
    let items = items.map(|one| Differing { key: one.key, old: one.old, new: one.new }).collect();
    Ok(Reply::json(200, &Differences { from, to, items }))
}

fn number<W: World>(call: Call<'_, W>) -> Result<u64, Problem> {
    call.path("version").parse().map_err(|_| Problem::not_found())
}

async fn version_of<W: World>(
    call: Call<'_, W>,
    connection: &Connection,
    version: u64,
) -> Result<SettingsVersion, Problem> {
    let found = settings_version(call.world.table(), connection, version).await?;
    found.ok_or_else(Problem::not_found)
}

fn who_and_when(version: &SettingsVersion) -> (Option<String>, Option<String>) {
    let by = Some(version.by.clone()).filter(|by| !by.is_empty());
    (by, Some(version.at_ms).filter(|at_ms| *at_ms > 0).map(time::shown))
}
