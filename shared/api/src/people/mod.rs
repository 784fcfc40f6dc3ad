//! People: found, looked at with where each value came from, and explained.

mod explain;
mod query;
mod shown;

use muster_core::ids::{ConnectionId, UniqueId};
use muster_sync::{SearchPlace, Way, Within, opt_outs_of, search, see_person, settings_of};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) use self::query::Looked;
use self::query::Search;
pub(crate) use self::shown::{PersonList, listed};
use self::shown::{PersonShown, person};
use crate::call::Call;
use crate::caller::Need;
use crate::cursor;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::route::Route;
use crate::world::World;

const SEARCHING: &str = "Everything that is given must fit. Values are compared whatever their case; people's ids exactly. Each page makes a \
    bounded number of requests to the table and so may hold fewer people than asked for, even none, while `next` is \
    not null: go on with it. A value of one of the connection's grouping fields is found by that group's index.";

pub(crate) fn routes<W: World>() -> Vec<Route<W>> {
    vec![
        Route::get("/v1/people", "search_people", Need::ReadPeople, |call| Box::pin(of_account(call)))
            .says("Finds people of the account, connection by connection", SEARCHING)
            .query::<Search>()
            .gives::<PersonList>(200, "a page of people"),
        Route::get("/v1/connections/{connection}/people", "list_people", Need::ReadPeople, |call| {
            Box::pin(of_connection(call))
        })
        .says("Finds people of a connection", SEARCHING)
        .query::<Search>()
        .gives::<PersonList>(200, "a page of people"),
        Route::get("/v1/connections/{connection}/people/{unique_id}", "show_person", Need::ReadPeople, |call| {
            Box::pin(show(call))
        })
        .says(
            "Shows a person, and where each value came from",
            "Of each value: the connection, the run, its source, the record in it, when it was applied and the version \
             of the settings that mapped it. What is not known any more is null: runs are kept for 13 months, those \
             of single events for 30 days, plans as long as the installation keeps them.",
        )
        .query::<ShowPerson>()
        .gives::<PersonShown>(200, "the person"),
        Route::get(
            "/v1/connections/{connection}/runs/{run}/explanations/{unique_id}",
            "explain_person",
            Need::ReadSettings,
            |call| Box::pin(explain::explain(call)),
        )
        .says(
            "Explains what a run did with one person, or why nothing",
            "Five steps: what the source says of them, what the mapping makes of that, what was stored, what was \
             decided, what was written. The source is read anew for it, as long as it is kept; the person need not be \
             in the source nor in the directory.",
        )
        .gives::<explain::ExplanationShown>(200, "the explanation"),
    ]
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ShowPerson {
    /// Whether a removed person, who is kept hidden for 30 days, is shown too.
    removed: Option<bool>,
}

/// Where a search goes on, as a cursor carries it.
#[derive(Serialize, Deserialize)]
struct Place {
    connection: String,
    shard: Option<u8>,
    slot: Option<usize>,
    after: Option<String>,
    /// Of the filter: a place of one search is none of another.
    filter: u64,
}

async fn of_account<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let looked = call.query::<Search>()?.read()?;
    found(call, Within::Account(&call.caller.account), looked).await
}

async fn of_connection<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let looked = call.query::<Search>()?.read()?;
    let connection = call.connection().await?;
    found(call, Within::Connection(&connection), looked).await
}

/// One page of a search.
pub(crate) async fn found<W: World>(call: Call<'_, W>, within: Within<'_>, looked: Looked) -> Result<Reply, Problem> {
    let digest = looked.digest();
    let from = looked.cursor.as_deref().map(|text| place_of(text, digest)).transpose()?;
    let (table, limit) = (call.world.table(), u32::try_from(looked.limit).unwrap_or(1));
    let page = search(table, within, &looked.filter, from, limit, call.now_ms()).await?;
    let page = page.ok_or_else(bad_cursor)?;
    let next = page.next.map(|place| cursor::write(&written(&place, digest)));
    Ok(Reply::json(200, &PersonList { items: page.people.into_iter().map(listed).collect(), next }))
}

fn bad_cursor() -> Problem {
    Problem::new(400, "bad_cursor", "the cursor is none that a page of this search gave; begin without")
}

fn written(place: &SearchPlace, filter: u64) -> Place {
    let (shard, slot) = match place.way {
        Way::Shard(shard) => (Some(shard), None),
        Way::Group(slot) => (None, Some(slot)),
    };
    let after = place.after.as_ref().map(ToString::to_string);
    Place { connection: place.connection.to_string(), shard, slot, after, filter }
}

fn place_of(text: &str, filter: u64) -> Result<SearchPlace, Problem> {
    let place: Place = cursor::read(text)?;
    let way = match (place.shard, place.slot) {
        (Some(shard), None) => Way::Shard(shard),
        (None, Some(slot)) => Way::Group(slot),
        _ => return Err(bad_cursor()),
    };
    if place.filter != filter {
        return Err(bad_cursor());
    }
    let connection = ConnectionId::parse(&place.connection).map_err(|_| bad_cursor())?;
    let after = place.after.as_deref().map(UniqueId::parse).transpose().map_err(|_| bad_cursor())?;
    Ok(SearchPlace { connection, way, after })
}

async fn show<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let query: ShowPerson = call.query()?;
    let id = UniqueId::parse(call.path("unique_id")).map_err(|_| Problem::not_found())?;
    let connection = call.connection().await?;
    let table = call.world.table();
    let seen = see_person(table, call.world.objects(), &connection, &id).await?.ok_or_else(Problem::not_found)?;
    if seen.stored.removed_ms.is_some() && query.removed != Some(true) {
        return Err(Problem::not_found());
    }
    let consents = opt_outs_of(table, &connection.account, &connection.id, &id).await?.unwrap_or_default();
    Ok(Reply::json(200, &person(&connection, &settings_of(&connection)?, seen, consents)))
}
