//! Runs of one or several connections by time, newest first.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;
use muster_core::ids::{AccountId, ConnectionId, RunId};

use crate::{Ledger, PortError, Run, RunSpan, RunState};

/// Runs looked at in one go: what one batch read takes.
const AT_ONCE: u32 = 100;
/// How often that is done for one page. A page whose filter finds little is shorter than asked for.
const ROUNDS: u32 = 5;
/// The last time that a run's place is made for, in milliseconds since 1970.
const LAST_MS: i64 = 999_999_999_999_999;

/// Which runs are wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RunFilter<'a> {
    /// In this state.
    pub state: Option<RunState>,
    /// Of a cause of this [`crate::Cause::kind`].
    pub cause: Option<&'a str>,
    /// Received at this time or later, in milliseconds since 1970.
    pub from_ms: Option<i64>,
    /// Received at this time or earlier, in milliseconds since 1970.
    pub to_ms: Option<i64>,
}

/// One page of runs.
#[derive(Debug, Clone, PartialEq)]
pub struct RunPage {
    /// The runs, newest first.
    pub items: Vec<Run>,
    /// Behind which run the next page begins; `None` at the end. A page may be short, or empty, without being the last.
    pub next: Option<(i64, RunId)>,
}

/// Lists at most `most` runs of the connections, of those that are older than `before`.
///
/// # Errors
/// [`PortError`] when a service failed.
pub async fn list_runs<L: Ledger>(
    ledger: &L,
    account: &AccountId,
    connections: &[ConnectionId],
    filter: RunFilter<'_>,
    before: Option<(i64, RunId)>,
    most: u32,
) -> Result<RunPage, PortError> {
    let mut span = RunSpan {
        from_ms: filter.from_ms.unwrap_or(0).clamp(0, LAST_MS),
        to_ms: filter.to_ms.unwrap_or(LAST_MS).clamp(0, LAST_MS),
        before,
        most: AT_ONCE,
    };
    let mut items = Vec::new();
    for _ in 0..ROUNDS {
        let places = newest(ledger, account, connections, &span).await?;
        let runs = read(ledger, account, &places).await?;
        for (ms, _, id) in &places {
            span.before = Some((*ms, id.clone()));
            items.extend(runs.get(id).filter(|run| wanted(run, filter)).cloned());
            if items.len() as u64 == u64::from(most) {
                return Ok(RunPage { items, next: span.before });
            }
        }
        if (places.len() as u64) < u64::from(AT_ONCE) {
            return Ok(RunPage { items, next: None });
        }
    }
    Ok(RunPage { items, next: span.before })
}

fn wanted(run: &Run, filter: RunFilter<'_>) -> bool {
    filter.state.is_none_or(|state| run.state == state) && filter.cause.is_none_or(|cause| run.cause.kind() == cause)
}

/// The newest places of all the connections together.
async fn newest<'c, L: Ledger>(
    ledger: &L,
    account: &AccountId,
    connections: &'c [ConnectionId],
    span: &RunSpan,
) -> Result<Vec<(i64, &'c ConnectionId, RunId)>, PortError> {
    let of_one = async |connection: &'c ConnectionId| {
        let places = ledger.newest_runs(account, connection, span).await?;
        Ok::<_, PortError>(places.into_iter().map(|(ms, id)| (ms, connection, id)).collect::<Vec<_>>())
    };
    let mut places = try_join_all(connections.iter().map(of_one)).await?.concat();
    places.sort_by(|a, b| (b.0, &b.2).cmp(&(a.0, &a.2)));
    places.truncate(span.most as usize);
    Ok(places)
}

async fn read<L: Ledger>(
    ledger: &L,
    account: &AccountId,
    places: &[(i64, &ConnectionId, RunId)],
) -> Result<BTreeMap<RunId, Run>, PortError> {
    let mut by_connection: BTreeMap<&ConnectionId, Vec<RunId>> = BTreeMap::new();
    for (_, connection, id) in places {
        by_connection.entry(connection).or_default().push(id.clone());
    }
    let of_one = async |(connection, ids): (&ConnectionId, Vec<RunId>)| ledger.runs_of(account, connection, &ids).await;
    let runs = try_join_all(by_connection.into_iter().map(of_one)).await?;
    Ok(runs.into_iter().flatten().map(|run| (run.id.clone(), run)).collect())
}
