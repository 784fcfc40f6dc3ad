//! Opt-outs, channel by channel.

use muster_core::field::Field;
use muster_sync::{OptOut, channel, opt_outs_of, set_opt_out};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::{by, is_stored, place, target};
use crate::call::Call;
use crate::caller::Need;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::route::Route;
use crate::time::shown;
use crate::world::World;

pub(crate) fn routes<W: World>() -> Vec<Route<W>> {
    const ALL: &str = "/v1/connections/{connection}/people/{unique_id}/opt-outs";
    const ONE: &str = "/v1/connections/{connection}/people/{unique_id}/opt-outs/{channel}";
    vec![
        Route::get(ALL, "list_opt_outs", Need::ReadPeople, |call| Box::pin(list(call)))
            .says(
                "Lists a person's opt-outs",
                "They outlive every sync: whoever is updated, removed and added again has opted out as before. Only an \
                 erasure takes them away.",
            )
            .gives::<OptOutList>(200, "the channels that are opted out of"),
        Route::get(ONE, "show_opt_out", Need::ReadPeople, |call| Box::pin(show(call)))
            .says("Shows whether a person has opted out of a channel", "")
            .gives::<OptOutShown>(200, "the channel"),
        Route::put(ONE, "opt_out", Need::ChangePeople, |call| Box::pin(put(call)))
            .says(
                "Opts a person out of a channel",
                "Channels are `email_1`, `email_2`, `text_1`, `text_2`, `voice_1`, `voice_2` and `voice_3`. Who noted it \
                 first stays.",
            )
            .gives::<OptOutShown>(200, "the channel as it is now"),
        Route::delete(ONE, "opt_in", Need::ChangePeople, |call| Box::pin(delete(call)))
            .says("Takes an opt-out back", "")
            .gives_nothing(204, "the person gets messages by this channel again"),
    ]
}

/// A person's opt-outs.
#[derive(Debug, Serialize, JsonSchema)]
struct OptOutList {
    items: Vec<OptOutShown>,
}

/// A channel.
#[derive(Debug, Serialize, JsonSchema)]
struct OptOutShown {
    /// `email_1`, `text_1` …
    channel: String,
    /// Whether the person has opted out of it.
    opted_out: bool,
    /// Who noted it.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    /// When it was noted.
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<String>,
}

async fn list<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let (connection, id) = place(call).await?;
    let noted = opt_outs_of(call.world.table(), &connection.account, &connection.id, &id).await?;
    if noted.is_none() && !is_stored(call, &connection, &id).await? {
        return Err(Problem::not_found());
    }
    let items = noted.unwrap_or_default();
    let items = items.into_iter().map(|(field, opt_out)| shown_of(field, Some(&opt_out))).collect();
    Ok(Reply::json(200, &OptOutList { items }))
}

async fn show<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let (connection, id) = place(call).await?;
    let field = channel_of(call)?;
    let noted = opt_outs_of(call.world.table(), &connection.account, &connection.id, &id).await?;
    if noted.is_none() && !is_stored(call, &connection, &id).await? {
        return Err(Problem::not_found());
    }
    Ok(Reply::json(200, &shown_of(field, noted.unwrap_or_default().get(&field))))
}

async fn put<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let (connection, id) = place(call).await?;
    let field = channel_of(call)?;
    let table = call.world.table();
    let noted = opt_outs_of(table, &connection.account, &connection.id, &id).await?;
    if let Some(before) = noted.as_ref().and_then(|noted| noted.get(&field)) {
        return Ok(Reply::json(200, &shown_of(field, Some(before))));
    }
    if noted.is_none() && !is_stored(call, &connection, &id).await? {
        return Err(Problem::not_found());
    }
    let new = OptOut { by: by(call), at_ms: call.now_ms() };
    let after = Some(json!({"channel": field.name()}));
    call.audit("person.opted_out", &target(&connection, &id), None, after).await?;
    set_opt_out(table, (&connection.account, &connection.id, &id), field, Some(new.clone())).await?;
    Ok(Reply::json(200, &shown_of(field, Some(&new))))
}

async fn delete<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let (connection, id) = place(call).await?;
    let field = channel_of(call)?;
    let table = call.world.table();
    let noted = opt_outs_of(table, &connection.account, &connection.id, &id).await?;
    if noted.is_none() && !is_stored(call, &connection, &id).await? {
        return Err(Problem::not_found());
    }
    if noted.is_some_and(|noted| noted.contains_key(&field)) {
        let before = Some(json!({"channel": field.name()}));
        call.audit("person.opted_in", &target(&connection, &id), before, None).await?;
        set_opt_out(table, (&connection.account, &connection.id, &id), field, None).await?;
    }
    Ok(Reply::empty())
}

fn channel_of<W: World>(call: Call<'_, W>) -> Result<Field, Problem> {
    channel(call.path("channel")).ok_or_else(Problem::not_found)
}

fn shown_of(field: Field, opt_out: Option<&OptOut>) -> OptOutShown {
    OptOutShown {
        channel: field.name().to_owned(),
        opted_out: opt_out.is_some(),
        by: opt_out.map(|opt_out| opt_out.by.clone()),
        at: opt_out.map(|opt_out| shown(opt_out.at_ms)),
    }
}
