//! What connections with an API remember, when they are due, and who collects a listing.

use aws_sdk_dynamodb::types::ReturnValue;
use muster_core::format;
use muster_core::ids::{AccountId, ConnectionId};
use muster_sync::{FeedChange, Login, PersonMark, PortError, Run, WaitingPlans};

use super::Table;
use super::commit::{item_key, run_status_change};
use super::create::DUE_INDEX;
use super::outbox::stored_instead;
use crate::expression::{Expression, Step};
use crate::fault::{failed, unreadable};
use crate::items::{
    DUE_SPREAD, EVENT_KEPT_MS, HELD_HASH, connection_of_pk, due_at, mark_item, n, optional_text, person_key, poll_key,
    read_json, read_text, s, with_due, with_feed,
};

type Answer<T> = Result<T, PortError>;

impl Table {
    pub(super) async fn save_changed_feed(&self, change: &FeedChange<'_>) -> Answer<bool> {
        const SAVE: &str = "save what the connection remembers";
        let connection = change.connection;
        let update = with_due(Expression::of(format::CONNECTION), connection, change.due_ms);
        let update = run_status_change(with_feed(SAVE, update, &change.feed)?, connection, change.status);
        self.update(SAVE, item_key(connection), update).await
    }

    /// The connections of every part of the index whose time has come; the index may lag by a moment.
    pub(super) async fn due_connections(&self, now_ms: i64, most: u16) -> Answer<Vec<Login>> {
        const LIST: &str = "list the due connections";
        let mut due: Vec<(String, String)> = Vec::new();
        for part in 0..DUE_SPREAD {
            due.extend(self.due_in(LIST, part, now_ms, usize::from(most)).await?);
        }
        due.sort_unstable();
        due.truncate(usize::from(most));
        due.iter().map(|(_, pk)| connection_of_pk(pk).ok_or_else(|| unreadable(LIST, "pk"))).collect()
    }

    /// At most `most` of one part, as time and key value.
    async fn due_in(
        &self,
        operation: &'static str,
        part: u8,
        now_ms: i64,
        most: usize,
    ) -> Answer<Vec<(String, String)>> {
        let mut due = Vec::new();
        let mut from = None;
        while due.len() < most {
            let left = i32::try_from(most - due.len()).unwrap_or(i32::MAX);
            let request = self.client.query().table_name(&self.name).index_name(DUE_INDEX).limit(left);
            let request = request
                .key_condition_expression("#due = :due AND #due_at <= :now")
                .expression_attribute_names("#due", "due")
                .expression_attribute_names("#due_at", "due_at")
                .expression_attribute_values(":due", s(format!("D#{part}")))
                .expression_attribute_values(":now", s(due_at(now_ms)));
            let page = request.set_exclusive_start_key(from).send().await.map_err(|error| failed(operation, &error))?;
            for item in page.items.unwrap_or_default() {
                due.push((read_text(operation, &item, "due_at")?, read_text(operation, &item, "pk")?));
            }
            from = page.last_evaluated_key;
            if from.is_none() {
                break;
            }
        }
        Ok(due)
    }

    /// Runs whose plans wait stand in the index under a key value of their own, by the time of their plan.
    pub(super) async fn counted_waiting_plans(&self) -> Answer<WaitingPlans> {
        const COUNT: &str = "count the plans that wait";
        let request = self.client.query().table_name(&self.name).index_name(DUE_INDEX).limit(1_000);
        let request = request
            .key_condition_expression("#due = :held")
            .expression_attribute_names("#due", "due")
            .expression_attribute_values(":held", s(HELD_HASH));
        let page = request.send().await.map_err(|error| failed(COUNT, &error))?;
        let items = page.items.unwrap_or_default();
        let oldest = items.first().map(|item| read_text(COUNT, item, "due_at")).transpose()?;
        let oldest_ms = oldest.map(|at| at.parse().map_err(|_| unreadable(COUNT, "due_at"))).transpose()?;
        Ok(WaitingPlans { plans: items.len() as u64, oldest_ms })
    }

    pub(super) async fn stored_mark(
        &self,
        account: &AccountId,
        connection: &ConnectionId,
        person: &str,
    ) -> Answer<Option<PersonMark>> {
        const READ: &str = "read the person's mark";
        let Some(item) = self.get_item(READ, format::MARK, person_key(account, connection, person)).await? else {
            return Ok(None);
        };
        read_json(READ, &item, "mark")?.ok_or_else(|| unreadable(READ, "mark")).map(Some)
    }

    /// The step that keeps a person's mark beside a run's change, where there is one.
    pub(super) fn mark_step(
        &self,
        operation: &'static str,
        run: &Run,
        person: Option<(&str, &PersonMark)>,
        now_ms: i64,
    ) -> Answer<Option<Step>> {
        let item = |person| mark_item(operation, (&run.account, &run.connection), person, now_ms);
        Ok(person.map(item).transpose()?.map(|item| self.put(format::MARK, item, false)))
    }

    pub(super) async fn take_listing(
        &self,
        run: &Run,
        holder: &str,
        now_ms: i64,
        until_ms: i64,
    ) -> Answer<Option<String>> {
        const TAKE: &str = "take the listing";
        let change = Expression::of(format::LISTING)
            .set("holder", s(holder))
            .set("until_ms", n(until_ms))
            .set("exp", n((now_ms + EVENT_KEPT_MS) / 1000))
            .value("now", n(now_ms))
            // The holder itself asks again after a lost answer.
            .when("attribute_not_exists(#holder) OR #until_ms < :now OR #holder = :holder");
        let key = poll_key(&run.account, &run.connection, run.id.as_str());
        let request = self.client.update_item().table_name(&self.name).set_key(Some(key));
        match change.on(request).return_values(ReturnValue::AllNew).send().await {
            Ok(answer) => {
                let item = answer.attributes.ok_or_else(|| unreadable(TAKE, "pk"))?;
                Ok(Some(optional_text(&item, "progress").unwrap_or_default()))
            }
            Err(error) => stored_instead(TAKE, format::LISTING, error).map(|_| None),
        }
    }

    pub(super) async fn keep_listing(&self, run: &Run, holder: &str, progress: &str, until_ms: i64) -> Answer<bool> {
        let change = Expression::of(format::LISTING)
            .set("progress", s(progress))
            .set("until_ms", n(until_ms))
            .when_is("holder", s(holder));
        self.update("keep the listing", poll_key(&run.account, &run.connection, run.id.as_str()), change).await
    }

    pub(super) async fn kept_listing(&self, run: &Run) -> Answer<Option<String>> {
        let key = poll_key(&run.account, &run.connection, run.id.as_str());
        let item = self.get_item("read how far the listing is", format::LISTING, key).await?;
        Ok(item.and_then(|item| optional_text(&item, "progress")))
    }
}
