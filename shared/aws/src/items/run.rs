//! The run item and the mail item.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use muster_core::format;
use muster_core::ids::{AccountId, ConnectionId, RunId};
use muster_sync::{MailKind, PortError, Run, RunState};

use super::attributes::{
    Item, json, list, n, optional_text, read_json, read_list, read_number, read_text, readable, s, versioned,
};
use super::{EVENT_KEPT_MS, RUN_KEPT_MS, connection_pk, is_event, mail_key, run_key};
use crate::fault::unreadable;

const READ: &str = "read the run";

fn state_from(name: &str) -> Option<RunState> {
    use RunState::{Applied, Applying, Failed, Held, Received, Rejected, Superseded};
    [Received, Held, Applying, Applied, Superseded, Rejected, Failed].into_iter().find(|state| state.as_str() == name)
}

/// The key value of a connection's runs in the index by time.
pub(crate) fn runs_of(account: &AccountId, connection: &ConnectionId) -> String {
    format!("{}#RUNS", connection_pk(account.as_str(), connection.as_str()))
}

/// A run's place in the index by time: texts sort as times do.
pub(crate) fn run_at(received_ms: i64, id: &str) -> String {
    format!("{:015}#{id}", received_ms.max(0))
}

/// What [`run_at`] wrote.
pub(crate) fn run_at_from(at: &str) -> Option<(i64, RunId)> {
    let (ms, id) = at.split_once('#')?;
    Some((ms.parse().ok()?, RunId::parse(id).ok()?))
}

/// The item of a run, key included.
pub(crate) fn run_item(run: &Run) -> Result<Item, PortError> {
    const WRITE: &str = "write the run";
    let mut item = versioned(format::RUN, run_key(&run.account, &run.connection, run.id.as_str()));
    let mut put = |name: &str, value: AttributeValue| item.insert(name.to_owned(), value);
    put("state", s(run.state.as_str()));
    put("cause", json(WRITE, &run.cause)?);
    put("source", s(&run.source));
    put("received_ms", n(run.received_ms));
    put("fence", n(run.fence));
    put("counts", json(WRITE, &run.counts)?);
    put("held", list(&run.held));
    put("settings_version", n(run.settings_version));
    put("conflicts", n(run.conflicts));
    let kept_ms = if is_event(run.id.as_str()) { EVENT_KEPT_MS } else { RUN_KEPT_MS };
    put("exp", n((run.received_ms + kept_ms) / 1000));
    if !is_event(run.id.as_str()) {
        // Its place in the list of the connection's runs.
        put("of", s(runs_of(&run.account, &run.connection)));
        put("at", s(run_at(run.received_ms, run.id.as_str())));
    }
    if let Some(plan) = &run.plan {
        put("plan", json(WRITE, plan)?);
        put("plan_hash", s(&plan.hash));
    }
    if !run.done.is_empty() {
        put("done", AttributeValue::Ns(run.done.iter().map(u32::to_string).collect()));
    }
    if let Some(ended) = run.ended_ms {
        put("ended_ms", n(ended));
    }
    if let Some(reason) = &run.reason {
        put("reason", s(reason));
    }
    Ok(item)
}

/// The run of an item.
pub(crate) fn run_from(account: &AccountId, connection: &ConnectionId, item: &Item) -> Result<Run, PortError> {
    readable(READ, format::RUN, item)?;
    let number = |name: &str| read_number::<u64>(READ, item, name)?.ok_or_else(|| unreadable(READ, name));
    let sk = read_text(READ, item, "sk")?;
    let id = sk.strip_prefix("RUN#").or(sk.strip_prefix("EVENT#")).and_then(|id| RunId::parse(id).ok());
    Ok(Run {
        account: account.clone(),
        connection: connection.clone(),
        id: id.ok_or_else(|| unreadable(READ, "sk"))?,
        state: state_from(&read_text(READ, item, "state")?).ok_or_else(|| unreadable(READ, "state"))?,
        cause: read_json(READ, item, "cause")?.ok_or_else(|| unreadable(READ, "cause"))?,
        source: read_text(READ, item, "source")?,
        received_ms: read_number(READ, item, "received_ms")?.ok_or_else(|| unreadable(READ, "received_ms"))?,
        fence: number("fence")?,
        plan: read_json(READ, item, "plan")?,
        counts: read_json(READ, item, "counts")?.unwrap_or_default(),
        held: read_list(item, "held"),
        settings_version: number("settings_version")?,
        done: done_from(item)?,
        conflicts: read_number(READ, item, "conflicts")?.unwrap_or(0),
        ended_ms: read_number(READ, item, "ended_ms")?,
        reason: optional_text(item, "reason"),
    })
}

fn done_from(item: &Item) -> Result<BTreeSet<u32>, PortError> {
    let Some(value) = item.get("done") else { return Ok(BTreeSet::new()) };
    let numbers = value.as_ns().map_err(|_| unreadable(READ, "done"))?;
    numbers.iter().map(|number| number.parse().map_err(|_| unreadable(READ, "done"))).collect()
}

/// A pending mail about a run, key included.
pub(crate) fn mail_item(run: &Run, kind: MailKind, now_ms: i64) -> Item {
    let mut item = mail_key(run.account.as_str(), run.connection.as_str(), run.id.as_str(), kind.as_str());
    item.insert("state".to_owned(), s("pending"));
    item.insert("exp".to_owned(), n((now_ms + RUN_KEPT_MS) / 1000));
    item
}
