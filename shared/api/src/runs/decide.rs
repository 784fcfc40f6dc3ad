//! Decisions about plans, and listings that somebody asks for.

use muster_core::ids::{AccountId, ConnectionId, RunId};
use muster_core::settings::Mode;
use muster_sync::{Connection, ConnectionStatus, Decider, Dispatcher, Ledger, Run, RunState, Standing, settings_of};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::shown::RunLine;
use crate::call::Call;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::world::World;

/// The longest reason, in characters.
pub(super) const LONGEST_REASON: usize = muster_core::report::LONGEST_REASON;

/// An approval of exactly one plan.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Approval {
    /// The hash of the plan, as the run shows it.
    #[schemars(length(min = 64, max = 64), regex(pattern = r"^[0-9a-f]{64}$"))]
    hash: String,
}

/// A rejection.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Rejection {
    /// Why, for people: it stands in the run and its mail.
    #[schemars(length(min = 1, max = 500), regex(pattern = r"\S"))]
    reason: String,
}

/// Who decides over a world's ports.
pub(super) fn decider<W: World>(world: &W) -> Decider<'_, W::Table, W::Queue, W::Clock> {
    Decider { ledger: world.table(), queue: world.queue(), clock: world.clock() }
}

pub(super) async fn approve<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let Approval { hash } = call.body()?;
    if hash.len() != 64 || !hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return Err(Problem::invalid("hash", "hash: must be the 64 hexadecimal digits that the run shows"));
    }
    let (_, run) = (call.connection().await?, call.run().await?);
    let (ids, decider) = (ids(&run), decider(call.world));
    let standing = decider.may_approve(ids, &hash).await?;
    if standing == Standing::Open {
        call.audit("run.approved", &target(&run), before(&run), Some(json!({"state": "applying", "hash": hash})))
            .await?;
    }
    if standing != Standing::Done || run.state == RunState::Applying {
        decider.approve(ids, &hash).await?;
    }
    as_it_stands(call, 200, &run).await
}

pub(super) async fn reject<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let Rejection { reason } = call.body()?;
    let reason = checked_reason(&reason)?;
    let (_, run) = (call.connection().await?, call.run().await?);
    let (ids, decider) = (ids(&run), decider(call.world));
    if decider.may_reject(ids).await? == Standing::Open {
        let after = json!({"state": "rejected", "reason": reason});
        call.audit("run.rejected", &target(&run), before(&run), Some(after)).await?;
    }
    decider.reject(ids, reason).await?;
    as_it_stands(call, 200, &run).await
}

/// A reason without white space around it.
pub(super) fn checked_reason(reason: &str) -> Result<&str, Problem> {
    let reason = reason.trim();
    match reason.chars().count() {
        1..=LONGEST_REASON => Ok(reason),
        _ => Err(Problem::invalid("reason", format!("reason: must have 1 to {LONGEST_REASON} characters"))),
    }
}

pub(super) async fn roll_back<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let (_, run) = (call.connection().await?, call.run().await?);
    let (ids, decider) = (ids(&run), decider(call.world));
    if decider.may_roll_back(ids).await? == Standing::Open {
        call.audit("run.rolled_back", &target(&run), before(&run), None).await?;
    }
    let undo = decider.roll_back(ids).await?;
    let undo = Run { id: undo, ..run };
    let at = format!("/v1/connections/{}/runs/{}", undo.connection, undo.id);
    Ok(as_it_stands(call, 202, &undo).await?.header("location", at))
}

pub(super) async fn sync<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let connection = call.connection().await?;
    may_sync(&connection)?;
    call.audit("connection.synced", &format!("connection/{}", connection.id), None, None).await?;
    let world = call.world;
    let dispatcher = Dispatcher { ledger: world.table(), queue: world.queue(), clock: world.clock() };
    let run = dispatcher.now(&connection.account, &connection.id).await?.ok_or_else(switched_off)?;
    let run = world.table().run(&connection.account, &connection.id, &run).await?.ok_or_else(Problem::not_found)?;
    let at = format!("/v1/connections/{}/runs/{}", run.connection, run.id);
    Ok(Reply::json(202, &RunLine::of(&run)).header("location", at))
}

fn may_sync(connection: &Connection) -> Result<(), Problem> {
    let settings = settings_of(connection)?;
    if muster_connectors::connector(&settings.connector).is_none() {
        return Err(Problem::conflict(
            "not_pollable",
            "this connection takes files; there is nothing to ask a provider for",
        ));
    }
    let off = matches!(connection.status, ConnectionStatus::Disabled | ConnectionStatus::Deleted);
    if off || settings.mode == Mode::Paused { Err(switched_off()) } else { Ok(()) }
}

pub(super) fn switched_off() -> Problem {
    Problem::conflict("switched_off", "this connection is switched off or paused; switch it on first")
}

fn ids(run: &Run) -> (&AccountId, &ConnectionId, &RunId) {
    (&run.account, &run.connection, &run.id)
}

pub(super) fn target(run: &Run) -> String {
    format!("run/{}", run.id)
}

/// How the run stood before somebody decided about it.
pub(super) fn before(run: &Run) -> Option<serde_json::Value> {
    Some(json!({"connection": run.connection.as_str(), "state": run.state.as_str()}))
}

async fn as_it_stands<W: World>(call: Call<'_, W>, status: u16, run: &Run) -> Result<Reply, Problem> {
    let run = call.world.table().run(&run.account, &run.connection, &run.id).await?.ok_or_else(Problem::not_found)?;
    Ok(Reply::json(status, &RunLine::of(&run)))
}
