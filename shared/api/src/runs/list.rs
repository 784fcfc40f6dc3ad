//! Lists of runs.

use muster_core::ids::{ConnectionId, RunId};
use muster_sync::{Admin, RunFilter, list_runs};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::shown::{RunLine, State};
use crate::call::Call;
use crate::cursor;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::time::taken;
use crate::world::World;

/// What causes runs that are listed.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum CauseKind {
    File,
    Poll,
    Late,
    Rollback,
    Farewell,
}

impl CauseKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Poll => "poll",
            Self::Late => "late",
            Self::Rollback => "rollback",
            Self::Farewell => "farewell",
        }
    }
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListRuns {
    /// Only those in this state.
    state: Option<State>,
    /// Only those of this cause.
    cause: Option<CauseKind>,
    /// Only those received at this time (RFC 3339) or later.
    #[schemars(length(max = 64))]
    from: Option<String>,
    /// Only those received at this time (RFC 3339) or earlier.
    #[schemars(length(max = 64))]
    to: Option<String>,
    /// Items of a page.
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u32>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// A page of runs.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct RunList {
    items: Vec<RunLine>,
    /// Where the next page begins; null at the end.
    next: Option<String>,
}

/// Behind which run a page begins.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    ms: i64,
    id: String,
}

pub(super) async fn all<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let connections = call.world.table().connections(&call.caller.account).await?;
    listed(call, &connections).await
}

pub(super) async fn of_one<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let connection = call.connection().await?;
    listed(call, &[connection.id]).await
}

async fn listed<W: World>(call: Call<'_, W>, connections: &[ConnectionId]) -> Result<Reply, Problem> {
    let query: ListRuns = call.query()?;
    let limit = u32::try_from(cursor::limit(query.limit)?).unwrap_or(cursor::MOST);
    let time = |name: &str, text: &Option<String>| text.as_deref().map(|text| taken(name, text)).transpose();
    let filter = RunFilter {
        state: query.state.map(State::state),
        cause: query.cause.map(CauseKind::as_str),
        from_ms: time("from", &query.from)?,
        to_ms: time("to", &query.to)?,
    };
    let before = query.cursor.as_deref().map(place).transpose()?;
    let page = list_runs(call.world.table(), &call.caller.account, connections, filter, before, limit).await?;
    let next = page.next.map(|(ms, id)| cursor::write(&Place { ms, id: id.to_string() }));
    Ok(Reply::json(200, &RunList { items: page.items.iter().map(RunLine::of).collect(), next }))
}

fn place(text: &str) -> Result<(i64, RunId), Problem> {
    let Place { ms, id } = cursor::read(text)?;
    match RunId::parse(&id) {
        Ok(id) if (0..=999_999_999_999_999).contains(&ms) => Ok((ms, id)),
        _ => Err(cursor::foreign()),
    }
}
