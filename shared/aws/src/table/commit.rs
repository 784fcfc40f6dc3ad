//! The transactions by which a plan counts and a run ends well.

use aws_sdk_dynamodb::types::AttributeValue;
use muster_core::format;
use muster_sync::{CommitPlan, Connection, ConnectionStatus, Finish, MailKind, PortError, Run, RunState};

use super::Table;
use crate::expression::{Expression, Step};
use crate::items::{
    HELD_HASH, Item, connection_key, due_at, json, list, mail_item, n, run_key, s, status_name, with_due, with_feed,
};

pub(super) fn run_item_key(run: &Run) -> Item {
    run_key(&run.account, &run.connection, run.id.as_str())
}

pub(super) fn item_key(connection: &Connection) -> Item {
    connection_key(&connection.account, &connection.id)
}

/// Whether a run may say how its connection stands: nothing overrides a person's switching it off.
fn is_on(connection: &Connection) -> bool {
    !matches!(connection.status, ConnectionStatus::Disabled | ConnectionStatus::Deleted)
}

/// Sets how the connection stands, unless a person switched it off or did so meanwhile.
pub(super) fn run_status_change(
    change: Expression,
    connection: &Connection,
    status: Option<ConnectionStatus>,
) -> Expression {
    let Some(status) = status.filter(|_| is_on(connection)) else { return change };
    change.set("status", s(status_name(status))).when_is("status", s(status_name(connection.status)))
}

impl Table {
    pub(super) fn put_mail(&self, run: &Run, kind: MailKind, now_ms: i64, once: bool) -> Step {
        self.put(format::MAIL, mail_item(run, kind, now_ms), once)
    }

    pub(super) async fn commit(&self, commit: &CommitPlan<'_>) -> Result<bool, PortError> {
        const COMMIT: &str = "commit the plan";
        let (run, connection) = (commit.run, commit.connection);
        let held = !commit.held.is_empty();
        let to = if held { RunState::Held } else { RunState::Applying };
        let run_change = Expression::of(format::RUN)
            .set("state", s(to.as_str()))
            .set("fence", n(connection.fence))
            .set("plan", json(COMMIT, commit.plan)?)
            .set("plan_hash", s(&commit.plan.hash))
            .set("counts", json(COMMIT, &commit.counts)?)
            .set("held", list(commit.held))
            .also(held, |change| change.set("due", s(HELD_HASH)).set("due_at", s(due_at(commit.now_ms))))
            .set("settings_version", n(connection.settings_version))
            .when_is("state", s(RunState::Received.as_str()));
        let source = commit.position.map(|position| json(COMMIT, position)).transpose()?;
        let connection_change = Expression::of(format::CONNECTION)
            .set(if held { "waiting" } else { "active" }, s(run.id.as_str()))
            .also(source.is_some(), |change| change.set_or_remove("last_source", source))
            .also(!held && commit.replaces.is_some(), |change| change.remove("waiting"))
            .remove("lease_holder")
            .remove("lease_until")
            .when_is("fence", n(connection.fence))
            .when_is("directory_version", n(commit.plan.directory_version))
            .when("attribute_not_exists(#active)");
        // Whoever is read whole works, though the plan waits for a person; what is applied says so at its end.
        let works = (held && commit.position.is_some()).then_some(ConnectionStatus::Connected);
        let connection_change = run_status_change(connection_change, connection, works);
        let mut steps = vec![
            run_change.within(&self.name, run_item_key(run)),
            connection_change.within(&self.name, item_key(connection)),
        ];
        // A run that is planned anew waits for itself.
        if let Some(replaced) = commit.replaces.filter(|replaced| **replaced != run.id) {
            let change = Expression::of(format::RUN)
                .set("state", s(RunState::Superseded.as_str()))
                .set("reason", s(format!("run {} has a newer plan", run.id)))
                .set("ended_ms", n(commit.now_ms))
                .remove("due")
                .remove("due_at")
                // Received: it was handed back to be planned anew, and is not.
                .value("held", s(RunState::Held.as_str()))
                .value("received", s(RunState::Received.as_str()))
                .when("#state = :held OR #state = :received");
            steps.push(change.within(&self.name, run_key(&run.account, &run.connection, replaced.as_str())));
        }
        steps.extend(self.mark_step(COMMIT, run, commit.person, commit.now_ms)?);
        if held {
            steps.push(self.put_mail(run, MailKind::Held, commit.now_ms, false));
        }
        self.transact(COMMIT, steps).await
    }

    pub(super) async fn approve_plan(&self, run: &Run, connection: &Connection) -> Result<bool, PortError> {
        let Some(plan) = &run.plan else { return Ok(false) };
        let fence = connection.fence + 1;
        let run_change = Expression::of(format::RUN)
            .set("state", s(RunState::Applying.as_str()))
            .set("fence", n(fence))
            .remove("due")
            .remove("due_at")
            .when_is("state", s(RunState::Held.as_str()))
            .when_is("plan_hash", s(&plan.hash));
        // The new number makes whoever plans now start again, so the lease goes with the old one.
        let connection_change = Expression::of(format::CONNECTION)
            .set("fence", n(fence))
            .set("active", s(run.id.as_str()))
            .also(connection.waiting.as_ref() == Some(&run.id), |change| change.remove("waiting"))
            .remove("lease_holder")
            .remove("lease_until")
            .when_is("fence", n(connection.fence))
            .when_is("directory_version", n(plan.directory_version))
            .when("attribute_not_exists(#active)");
        let steps = vec![
            run_change.within(&self.name, run_item_key(run)),
            connection_change.within(&self.name, item_key(connection)),
        ];
        self.transact("approve the plan", steps).await
    }

    pub(super) async fn finish_run(&self, finish: &Finish<'_>) -> Result<bool, PortError> {
        const FINISH: &str = "finish the run";
        let (run, connection) = (finish.run, finish.connection);
        let run_change = Expression::of(format::RUN)
            .set("state", s(RunState::Applied.as_str()))
            .set("ended_ms", n(finish.now_ms))
            .when_is("state", s(RunState::Applying.as_str()))
            .when_is("fence", n(run.fence));
        let connection_change = Expression::of(format::CONNECTION)
            .set_or_remove("roster", finish.roster.as_ref().map(s))
            .set("grouped_by", s(finish.grouped_by))
            .set("owned", n(finish.owned))
            .also(finish.voids_plans, |change| change.add("directory_version", n(1)))
            .also(finish.due_ms.is_some(), |change| with_due(change, connection, finish.due_ms))
            .also(finish.rows.is_some(), |change| change.set_or_remove("last_rows", finish.rows.map(n)))
            .set("removals", json(FINISH, &finish.removals)?)
            .also(finish.by_sync, |change| change.set("confirmed", AttributeValue::Bool(true)))
            .remove("active")
            .when_is("active", s(run.id.as_str()));
        let connection_change = if finish.deletes {
            let deleted = connection_change
                .set("status", s(status_name(ConnectionStatus::Deleted)))
                .set("note", s("deleted with everybody it owned"));
            with_due(deleted, connection, None)
        } else {
            let works = finish.by_sync.then_some(ConnectionStatus::Connected);
            run_status_change(connection_change, connection, works)
        };
        let connection_change = match &finish.feed {
            Some(feed) => with_feed(FINISH, connection_change, feed)?,
            None => connection_change,
        };
        let mut steps = vec![
            run_change.within(&self.name, run_item_key(run)),
            connection_change.within(&self.name, item_key(connection)),
        ];
        if finish.mail {
            steps.push(self.put_mail(run, MailKind::Ended, finish.now_ms, true));
        }
        self.transact(FINISH, steps).await
    }
}
