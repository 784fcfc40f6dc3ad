//! The transaction by which a run ends without applying.

use muster_core::format;
use muster_core::ids::RunId;
use muster_sync::{ConnectionStatus, Lease, MailKind, PortError, RunState, Transition};

use super::Table;
use super::commit::{item_key, run_item_key, run_status_change};
use crate::expression::Expression;
use crate::items::{n, s, with_due, with_feed};

/// Whether the lease is a delivery of this run's cause: holders begin with the run's id.
fn is_of(lease: &Lease, run: &RunId) -> bool {
    let rest = lease.holder.strip_prefix(run.as_str());
    rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '-'))
}

impl Table {
    pub(super) async fn close_run(&self, close: &Transition<'_>) -> Result<bool, PortError> {
        let run = close.run;
        let ended = close.to.is_final().then(|| n(close.now_ms));
        let run_change = Expression::of(format::RUN)
            .set("state", s(close.to.as_str()))
            .also(close.reason.is_some(), |change| change.set_or_remove("reason", close.reason.map(s)))
            .also(ended.is_some(), |change| change.set_or_remove("ended_ms", ended))
            .also(run.state == RunState::Held, |change| change.remove("due").remove("due_at"))
            .when_is("state", s(run.state.as_str()))
            .when_is("fence", n(run.fence));
        let mut steps = vec![run_change.within(&self.name, run_item_key(run))];
        let connection_change = connection_change(close)?;
        if !connection_change.is_empty() {
            steps.push(connection_change.within(&self.name, item_key(close.connection)));
        }
        steps.extend(self.mark_step(CLOSE, run, close.person, close.now_ms)?);
        if close.mail {
            steps.push(self.put_mail(run, MailKind::Ended, close.now_ms, true));
        }
        self.transact(CLOSE, steps).await
    }
}

const CLOSE: &str = "close the run";

/// What the run leaves behind on its connection: nothing of it waits, works or holds any more.
fn connection_change(close: &Transition<'_>) -> Result<Expression, PortError> {
    let (run, connection) = (close.run, close.connection);
    let waiting = connection.waiting.as_ref() == Some(&run.id);
    let active = connection.active.as_ref() == Some(&run.id);
    let leased = connection.lease.as_ref().is_some_and(|lease| is_of(lease, &run.id));
    let regroups = run.plan.as_ref().is_some_and(|plan| plan.grouped_by != connection.grouped_by);
    let failed = (close.to == RunState::Failed).then_some(ConnectionStatus::Error);
    let change = Expression::of(format::CONNECTION)
        .also(waiting, |change| change.remove("waiting").when_is("waiting", s(run.id.as_str())))
        // Some of its chunks may be written, so the roster no longer tells what is stored.
        .also(active, |change| {
            change
                .remove("active")
                .remove("roster")
                .add("directory_version", n(1))
                .when_is("active", s(run.id.as_str()))
        })
        // Some may be grouped by the plan's fields, so nothing tells any more by which everybody is.
        .also(active && regroups, |change| change.remove("grouped_by"))
        // Under a lease only its newest holder may close: a worker that was thought dead may not.
        .also(leased, |change| {
            change.remove("lease_holder").remove("lease_until").when_is("fence", n(connection.fence))
        })
        .also(close.due_ms.is_some(), |change| with_due(change, connection, close.due_ms));
    let change = run_status_change(change, connection, close.status.or(failed));
    match &close.feed {
        Some(feed) => with_feed(CLOSE, change, feed),
        None => Ok(change),
    }
}
