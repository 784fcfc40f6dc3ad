//! Recipients made and changed by hand.

use std::collections::BTreeMap;

use muster_core::by_hand::Given;
use muster_sync::{ByHand, Done, Edit, NotEdited, Prepared};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{by, editor, place, request_name, target};
use crate::call::Call;
use crate::caller::Need;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::route::Route;
use crate::world::World;

pub(crate) fn routes<W: World>() -> Vec<Route<W>> {
    const ONE: &str = "/v1/connections/{connection}/people/{unique_id}";
    vec![
        Route::put(ONE, "put_person", Need::ChangePeople, |call| Box::pin(put(call)))
            .says(
                "Makes a recipient by hand, or replaces all their fields",
                "Only in connections of uploads, and in deleted ones whose people were kept; else 409 `not_by_hand`. Fields \
                 that are not named have no value. A file uploaded later is a whole listing: whoever it does not name \
                 is absent, made by hand or not.",
            )
            .body::<PersonWish>()
            .gives::<PersonEdited>(200, "what was done"),
        Route::patch(ONE, "change_person", Need::ChangePeople, |call| Box::pin(patch(call)))
            .says(
                "Changes some fields of a recipient; null clears one",
                "A field that the connection's source fills is locked: 409 `field_locked` names it and the connection. Other \
                 fields are never touched by a sync.",
            )
            .body::<PersonWish>()
            .gives::<PersonEdited>(200, "what was done"),
        Route::delete(ONE, "remove_person", Need::ChangePeople, |call| Box::pin(remove(call)))
            .says(
                "Removes a recipient that people fill in: kept hidden for 30 days",
                "Only where people can be made by hand too. It counts against the connection's removals of 7 days.",
            )
            .gives::<PersonEdited>(200, "what was done"),
    ]
}

/// What is said about a person.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PersonWish {
    /// Values by field name; null for none. `employment_status` is `active` or `inactive`.
    fields: BTreeMap<String, Option<Said>>,
}

/// One value, or several where the mapping sets multiple for the field.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Said {
    One(String),
    Many(Vec<String>),
}

/// What was done.
#[derive(Debug, Serialize, JsonSchema)]
struct PersonEdited {
    /// What it came to.
    outcome: Outcome,
    /// The run that did it; null where nothing was to be done.
    run: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Created,
    Changed,
    Removed,
    Unchanged,
}

async fn put<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    carry_out(call, || Ok(Edit::Put(said(call)?))).await
}

async fn patch<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    carry_out(call, || Ok(Edit::Patch(said(call)?))).await
}

async fn remove<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    carry_out(call, || Ok(Edit::Remove)).await
}

fn said<W: World>(call: Call<'_, W>) -> Result<BTreeMap<String, Given>, Problem> {
    let wish: PersonWish = call.body()?;
    let given = |said| match said {
        None => Given::Nothing,
        Some(Said::One(text)) => Given::One(text),
        Some(Said::Many(texts)) => Given::Many(texts),
    };
    Ok(wish.fields.into_iter().map(|(name, said)| (name, given(said))).collect())
}

async fn carry_out<W: World>(
    call: Call<'_, W>,
    edit: impl FnOnce() -> Result<Edit, Problem>,
) -> Result<Reply, Problem> {
    let (connection, id) = place(call).await?;
    let edit = edit()?;
    let world = call.world;
    let by_hand = ByHand {
        ledger: world.table(),
        directory: world.table(),
        objects: world.objects(),
        queue: world.queue(),
        clock: world.clock(),
    };
    let prepared = by_hand.prepare(&connection, &id, &edit).await?;
    if prepared.done == Done::Unchanged {
        return Ok(reply(prepared.done, None));
    }
    let (action, after) = told(&prepared);
    call.audit(action, &target(&connection, &id), None, after).await?;
    let (user, request) = (by(call), request_name(call));
    let edited = by_hand.carry_out(&prepared, editor(call, &user, &request)).await?;
    Ok(reply(edited.done, edited.run.map(|run| run.to_string())))
}

/// For the audit: what is done, and to which fields; never their values.
fn told(prepared: &Prepared) -> (&'static str, Option<serde_json::Value>) {
    let fields: Vec<_> = prepared.fields.iter().map(|field| field.name()).collect();
    match prepared.done {
        Done::Created => ("person.created", Some(json!({"fields": fields}))),
        Done::Removed => ("person.removed", None),
        Done::Changed | Done::Unchanged => ("person.changed", Some(json!({"fields": fields}))),
    }
}

fn reply(done: Done, run: Option<String>) -> Reply {
    let outcome = match done {
        Done::Created => Outcome::Created,
        Done::Changed => Outcome::Changed,
        Done::Removed => Outcome::Removed,
        Done::Unchanged => Outcome::Unchanged,
    };
    Reply::json(200, &PersonEdited { outcome, run })
}

impl From<NotEdited> for Problem {
    fn from(error: NotEdited) -> Self {
        let detail = error.to_string();
        match error {
            NotEdited::Unknown => Self::not_found(),
            NotEdited::NotByHand { .. } => Self::conflict("not_by_hand", detail),
            NotEdited::Locked { field, .. } => Self::conflict("field_locked", detail).field(field.name()),
            NotEdited::Values(wrong) => Self::all_invalid(wrong),
            NotEdited::Erased => Self::conflict("erased", detail),
            NotEdited::Busy => Self::conflict("busy", detail),
            NotEdited::Port(error) => error.into(),
        }
    }
}
