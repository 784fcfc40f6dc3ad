//! Connections and runs.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use muster_core::format;
use muster_core::ids::{AccountId, ConnectionId, RunId};
use muster_sync::{
    Claim, CommitPlan, Connection, FeedChange, Finish, Ledger, Login, MailState, Opened, OutboxMail, PersonMark,
    PortError, Posted, Run, RunSpan, RunState, TakeLease, Transition, WaitingPlans,
};

use super::Table;
use super::outbox::stored_instead;
use crate::expression::Expression;
use crate::fault::{failed, unreadable};
use crate::items::{
    connection_from, connection_key, connection_pk, key, list, n, optional_text, read_text, run_from, run_item,
    run_key, s,
};

type Answer<T> = Result<T, PortError>;

impl Ledger for Table {
    async fn connection(&self, account: &AccountId, id: &ConnectionId) -> Answer<Option<Connection>> {
        let item = self.get_item("read the connection", format::CONNECTION, connection_key(account, id)).await?;
        item.map(|item| connection_from(account, id, &item)).transpose()
    }

    async fn login(&self, user: &str) -> Answer<Option<Login>> {
        Ok(self.stored_login(user).await?.map(|(login, _)| login))
    }

    async fn run(&self, account: &AccountId, connection: &ConnectionId, id: &RunId) -> Answer<Option<Run>> {
        let item = self.get_item("read the run", format::RUN, run_key(account, connection, id.as_str())).await?;
        item.map(|item| run_from(account, connection, &item)).transpose()
    }

    async fn runs(&self, account: &AccountId, connection: &ConnectionId) -> Answer<Vec<Run>> {
        let pk = connection_pk(account.as_str(), connection.as_str());
        let items = self.items("list the runs", format::RUN, &pk, "RUN#").await?;
        let runs = items.iter().map(|item| run_from(account, connection, item));
        let mut runs = runs.collect::<Result<Vec<_>, _>>()?;
        runs.sort_by(|a, b| (b.received_ms, &b.id).cmp(&(a.received_ms, &a.id)));
        Ok(runs)
    }

    async fn newest_runs(
        &self,
        account: &AccountId,
        connection: &ConnectionId,
        span: &RunSpan,
    ) -> Answer<Vec<(i64, RunId)>> {
        self.listed_runs(account, connection, span).await
    }

    async fn runs_of(&self, account: &AccountId, connection: &ConnectionId, ids: &[RunId]) -> Answer<Vec<Run>> {
        let keys = ids.iter().map(|id| run_key(account, connection, id.as_str())).collect();
        let items = self.batch("read the runs", keys).await?;
        items.iter().map(|item| run_from(account, connection, item)).collect()
    }

    async fn open_run(&self, run: &Run) -> Answer<Opened> {
        const OPEN: &str = "open the run";
        let request = self.client.put_item().table_name(&self.name).set_item(Some(run_item(run)?));
        let request = request.condition_expression("attribute_not_exists(pk)");
        let request = request.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let error = match request.send().await {
            Ok(_) => return Ok(Opened::New),
            Err(error) => error,
        };
        let condition = error.as_service_error().filter(|e| e.is_conditional_check_failed_exception());
        if condition.is_none() {
            return Err(failed(OPEN, &error));
        }
        // Read again where the service did not send the item along.
        let stored = self.run(&run.account, &run.connection, &run.id).await?;
        let stored = stored.ok_or_else(|| PortError::later(OPEN, "it was there and is gone"))?;
        Ok(Opened::Existing(Box::new(stored)))
    }

    async fn take_lease(&self, ask: TakeLease<'_>) -> Answer<Claim> {
        const TAKE: &str = "take the lease";
        let (account, id) = ask.connection;
        // A holder names one delivery, so the holder itself asks again only after a lost answer.
        let free = "attribute_not_exists(#lease_holder) OR #lease_until < :now OR #lease_holder = :lease_holder";
        let change = Expression::of(format::CONNECTION)
            .set("lease_holder", s(ask.holder))
            .set("lease_until", n(ask.until_ms))
            .add("fence", n(1))
            .value("now", n(ask.now_ms))
            .when("attribute_exists(#pk)")
            .when(free);
        let request = self.client.update_item().table_name(&self.name).set_key(Some(connection_key(account, id)));
        match change.on(request).return_values(ReturnValue::AllNew).send().await {
            Ok(answer) => {
                let item = answer.attributes.ok_or_else(|| unreadable(TAKE, "pk"))?;
                Ok(Claim::Ours(Box::new(connection_from(account, id, &item)?)))
            }
            Err(error) => stored_instead(TAKE, format::CONNECTION, error).map(|_| Claim::Busy),
        }
    }

    async fn release_lease(&self, connection: &Connection) -> Answer<()> {
        let change = Expression::of(format::CONNECTION)
            .remove("lease_holder")
            .remove("lease_until")
            .when_is("fence", n(connection.fence));
        let key = connection_key(&connection.account, &connection.id);
        self.update("release the lease", key, change).await.map(|_| ())
    }

    async fn commit_plan(&self, commit: &CommitPlan<'_>) -> Answer<bool> {
        self.commit(commit).await
    }

    async fn approve(&self, run: &Run, connection: &Connection, _now_ms: i64) -> Answer<bool> {
        self.approve_plan(run, connection).await
    }

    async fn replan(&self, run: &Run) -> Answer<bool> {
        let change = Expression::of(format::RUN)
            .set("state", s(RunState::Received.as_str()))
            .set("held", list(&[]))
            .remove("plan")
            .remove("plan_hash")
            .remove("due")
            .remove("due_at")
            .when_is("state", s(RunState::Held.as_str()));
        self.update("hand the run back", run_key(&run.account, &run.connection, run.id.as_str()), change).await
    }

    async fn chunk_done(&self, run: &Run, chunk: u32, conflicts: u64) -> Answer<Option<Run>> {
        const MARK: &str = "mark the chunk";
        let change = Expression::of(format::RUN)
            .add("done", AttributeValue::Ns(vec![chunk.to_string()]))
            .add("conflicts", n(conflicts))
            .value("chunk", n(chunk))
            .when_is("state", s(RunState::Applying.as_str()))
            .when_is("fence", n(run.fence))
            .when("attribute_not_exists(#done) OR NOT contains(#done, :chunk)");
        let key = run_key(&run.account, &run.connection, run.id.as_str());
        let request = self.client.update_item().table_name(&self.name).set_key(Some(key));
        let error = match change.on(request).return_values(ReturnValue::AllNew).send().await {
            Ok(answer) => {
                let item = answer.attributes.ok_or_else(|| unreadable(MARK, "pk"))?;
                return run_from(&run.account, &run.connection, &item).map(Some);
            }
            Err(error) => error,
        };
        let Some(stored) = stored_instead(MARK, format::RUN, error)? else { return Ok(None) };
        let stored = run_from(&run.account, &run.connection, &stored)?;
        let marked = stored.state == RunState::Applying && stored.fence == run.fence && stored.done.contains(&chunk);
        Ok(marked.then_some(stored))
    }

    async fn finish(&self, finish: &Finish<'_>) -> Answer<bool> {
        self.finish_run(finish).await
    }

    async fn close(&self, transition: &Transition<'_>) -> Answer<bool> {
        self.close_run(transition).await
    }

    async fn save_feed(&self, change: &FeedChange<'_>) -> Answer<bool> {
        self.save_changed_feed(change).await
    }

    async fn due(&self, now_ms: i64, most: u16) -> Answer<Vec<Login>> {
        self.due_connections(now_ms, most).await
    }

    async fn waiting_plans(&self) -> Answer<WaitingPlans> {
        self.counted_waiting_plans().await
    }

    async fn route(&self, route: &str) -> Answer<Option<Login>> {
        self.stored_route(route).await
    }

    async fn person_mark(
        &self,
        account: &AccountId,
        connection: &ConnectionId,
        person: &str,
    ) -> Answer<Option<PersonMark>> {
        self.stored_mark(account, connection, person).await
    }

    async fn take_poll(&self, run: &Run, holder: &str, now_ms: i64, until_ms: i64) -> Answer<Option<String>> {
        self.take_listing(run, holder, now_ms, until_ms).await
    }

    async fn keep_poll(&self, run: &Run, holder: &str, progress: &str, until_ms: i64) -> Answer<bool> {
        self.keep_listing(run, holder, progress, until_ms).await
    }

    async fn kept_poll(&self, run: &Run) -> Answer<Option<String>> {
        self.kept_listing(run).await
    }

    async fn take_mail(&self, mail: &OutboxMail, now_ms: i64, patience_ms: i64) -> Answer<Posted> {
        self.take_posted(mail, now_ms, patience_ms).await
    }

    async fn settle_mail(&self, mail: &OutboxMail, state: &MailState) -> Answer<()> {
        self.settle_posted(mail, state).await
    }

    async fn group_values(
        &self,
        account: &AccountId,
        connection: &ConnectionId,
    ) -> Answer<Vec<(String, String, String)>> {
        const LIST: &str = "list the group values";
        let prefix = format!("{connection}#");
        let items = self.items(LIST, format::GROUP, &format!("A#{account}#G"), &prefix).await?;
        let value = |item: &crate::items::Item| {
            let sk = read_text(LIST, item, "sk")?;
            let named = sk.strip_prefix(&prefix).and_then(|rest| rest.split_once('#'));
            let (field, folded) = named.ok_or_else(|| unreadable(LIST, "sk"))?;
            let shown = optional_text(item, "shown").unwrap_or_else(|| folded.to_owned());
            Ok((field.to_owned(), folded.to_owned(), shown))
        };
        items.iter().map(value).collect()
    }

    async fn add_group_values(
        &self,
        account: &AccountId,
        connection: &ConnectionId,
        values: &[(String, String, String)],
    ) -> Answer<()> {
        for (field, folded, shown) in values {
            let key = key(&format!("A#{account}#G"), &format!("{connection}#{field}#{folded}"));
            let change = Expression::of(format::GROUP).value("shown", s(shown));
            let change = change.set_to("shown", "if_not_exists(#shown, :shown)");
            self.update("store a group value", key, change).await?;
        }
        Ok(())
    }

    async fn forget_group_value(
        &self,
        account: &AccountId,
        connection: &ConnectionId,
        field: &str,
        folded: &str,
    ) -> Answer<()> {
        let key = key(&format!("A#{account}#G"), &format!("{connection}#{field}#{folded}"));
        self.delete("forget a group value", key, Expression::of(format::GROUP)).await.map(|_| ())
    }
}
