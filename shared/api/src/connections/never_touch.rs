//! People whom no sync deactivates or removes.

use muster_core::ids::UniqueId;
use muster_core::settings::Settings;
use muster_sync::{Connection, settings_of};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::settings::save_over;
use crate::call::Call;
use crate::caller::Need;
use crate::cursor;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::route::Route;
use crate::world::World;

pub(super) fn routes<W: World>() -> Vec<Route<W>> {
    const LIST: &str = "/v1/connections/{connection}/never-touch";
    const ONE: &str = "/v1/connections/{connection}/never-touch/{unique_id}";
    vec![
        Route::get(LIST, "list_never_touch", Need::ReadSettings, |call| Box::pin(list(call)))
            .says("Lists the unique ids that no sync of the connection deactivates or removes", "")
            .query::<ListKept>()
            .gives::<KeptList>(200, "a page of unique ids"),
        Route::get(ONE, "show_never_touch", Need::ReadSettings, |call| Box::pin(show(call)))
            .says("Tells whether a unique id is on the list", "")
            .gives::<Kept>(200, "it is"),
        Route::put(ONE, "add_never_touch", Need::ChangeSettings, |call| Box::pin(add(call)))
            .says("Puts a unique id on the list", "It is a change of the settings, with a version of its own.")
            .gives::<Kept>(200, "it is on the list"),
        Route::delete(ONE, "remove_never_touch", Need::ChangeSettings, |call| Box::pin(remove(call)))
            .says("Takes a unique id off the list", "")
            .gives_nothing(204, "it is not on the list"),
    ]
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ListKept {
    /// Items of a page.
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u32>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// A page of unique ids.
#[derive(Debug, Serialize, JsonSchema)]
struct KeptList {
    items: Vec<Kept>,
    /// Where the next page begins; null at the end.
    next: Option<String>,
}

/// Somebody whom no sync deactivates or removes.
#[derive(Debug, Serialize, JsonSchema)]
struct Kept {
    /// The unique id.
    unique_id: String,
}

async fn list<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let query: ListKept = call.query()?;
    let limit = cursor::limit(query.limit)?;
    let from: Option<String> = query.cursor.as_deref().map(cursor::read).transpose()?;
    let mut ids = settings_of(&call.connection().await?)?.never_remove;
    ids.sort();
    ids.retain(|id| from.as_ref().is_none_or(|from| id > from));
    let next = ids.get(limit).and(ids.get(limit - 1)).map(cursor::write);
    let items = ids.into_iter().take(limit).map(|unique_id| Kept { unique_id }).collect();
    Ok(Reply::json(200, &KeptList { items, next }))
}

async fn show<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let connection = call.connection().await?;
    // What is no id is on no list.
    let id = unique_id(call).map_err(|_| Problem::not_found())?;
    let is_kept = settings_of(&connection)?.never_remove.iter().any(|kept| kept.trim() == id);
    if is_kept { Ok(Reply::json(200, &Kept { unique_id: id })) } else { Err(Problem::not_found()) }
}

async fn add<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let connection = call.connection().await?;
    let id = unique_id(call)?;
    let mut settings = settings_of(&connection)?;
    if !settings.never_remove.iter().any(|kept| kept.trim() == id) {
        settings.never_remove.push(id.clone());
        save(call, &connection, &settings, "connection.never_touch_added").await?;
    }
    Ok(Reply::json(200, &Kept { unique_id: id }))
}

async fn remove<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let connection = call.connection().await?;
    let id = unique_id(call)?;
    let mut settings = settings_of(&connection)?;
    let before = settings.never_remove.len();
    settings.never_remove.retain(|kept| kept.trim() != id);
    if settings.never_remove.len() != before {
        save(call, &connection, &settings, "connection.never_touch_removed").await?;
    }
    Ok(Reply::empty())
}

/// The settings may be saved by somebody else meanwhile: then it is asked for again.
async fn save<W: World>(
    call: Call<'_, W>,
    connection: &Connection,
    settings: &Settings,
    action: &str,
) -> Result<(), Problem> {
    let saved = save_over(call, connection, &settings.to_toml(), action, false).await;
    saved.map_err(|problem| match problem.status {
        412 => Problem::conflict("busy", "the settings were saved by somebody else meanwhile; try again"),
        _ => problem,
    })
}

fn unique_id<W: World>(call: Call<'_, W>) -> Result<String, Problem> {
    let id = UniqueId::parse(call.path("unique_id"));
    id.map(|id| id.to_string()).map_err(|error| Problem::invalid("unique_id", format!("unique_id: {error}")))
}
