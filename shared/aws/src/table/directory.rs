//! Recipients. Every write is conditional on what the plan saw and on a lower fencing number.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_dynamodb::types::{KeysAndAttributes, Select};
use muster_core::field::Field;
use muster_core::format;
use muster_core::ids::{AccountId, ConnectionId, UniqueId};
use muster_core::plan::{Change, ChangeKind};
use muster_core::recipient::Recipient;
use muster_sync::{Directory, Page, PortError, Run, Stored, Written};

use super::Table;
use super::create::GROUP_INDEXES;
use super::outbox::stored_instead;
use crate::expression::Expression;
use crate::fault::{failed, unreadable};
use crate::items::{
    ADDED_FENCE, ADDED_RECORD, Item, RECORD, REMOVED_KEPT_MS, content_hash, fence_attribute, fields_of, group_key,
    is_too_large, key, n, optional_text, read_number, read_text, recipient_key, s, shard_pk, status_code, stored_from,
};

type Answer<T> = Result<T, PortError>;

const WRITE: &str = "write a recipient";
/// How many keys one batch may name.
const BATCH: usize = 100;
/// How often the rest of a batch is asked for before the queue tries again.
const BATCH_TRIES: u32 = 8;

impl Directory for Table {
    async fn get(&self, account: &AccountId, connection: &ConnectionId, ids: &[UniqueId]) -> Answer<Vec<Stored>> {
        // The service refuses a batch that names a key twice.
        let ids: BTreeSet<&str> = ids.iter().map(UniqueId::as_str).collect();
        let keys: Vec<Item> = ids.into_iter().map(|id| recipient_key(account, connection, id)).collect();
        let mut stored = Vec::with_capacity(keys.len());
        for batch in keys.chunks(BATCH) {
            let items = self.batch("read recipients", batch.to_vec()).await?;
            stored.extend(items.iter().map(stored_from).collect::<Result<Vec<_>, _>>()?);
        }
        Ok(stored)
    }

    async fn write(&self, run: &Run, groups: &[(usize, String)], change: &Change, now_ms: i64) -> Answer<Written> {
        let Some((goal, update)) = update_for(run, groups, change, now_ms)? else { return Ok(Written::Already) };
        let key = recipient_key(&run.account, &run.connection, change.unique_id.as_str());
        let request = self.client.update_item().table_name(&self.name).set_key(Some(key));
        match update.on(request).send().await {
            Ok(_) => Ok(Written::Now),
            Err(error) => found(run, &goal, stored_instead(WRITE, format::RECIPIENT, error)?),
        }
    }

    async fn page(
        &self,
        account: &AccountId,
        connection: &ConnectionId,
        shard: u8,
        from: Option<&str>,
        limit: Option<u32>,
    ) -> Answer<Page<Stored>> {
        const LIST: &str = "list the recipients";
        let pk = shard_pk(account, connection, shard);
        let request = self.query(&pk).key_condition_expression("#pk = :pk").consistent_read(true);
        let request = request.filter_expression("attribute_not_exists(#rm)").expression_attribute_names("#rm", "rm");
        let request = request.set_exclusive_start_key(from.map(|id| key(&pk, id)));
        let request = request.set_limit(limit.map(|limit| i32::try_from(limit.max(1)).unwrap_or(i32::MAX)));
        let page = request.send().await.map_err(|error| failed(LIST, &error))?;
        let next = page.last_evaluated_key.as_ref().map(|last| read_text(LIST, last, "sk")).transpose()?;
        let items = page.items.unwrap_or_default().iter().map(stored_from).collect::<Result<_, _>>()?;
        Ok(Page { items, next })
    }

    async fn group_page(
        &self,
        account: &AccountId,
        connection: &ConnectionId,
        slot: usize,
        value: &str,
        from: Option<&UniqueId>,
        limit: u32,
    ) -> Answer<Page<UniqueId>> {
        const LIST: &str = "list a group";
        let (index, hash) = index_of(slot)?;
        let group = group_key(connection, slot, value);
        let start = from.map(|id| {
            let mut start = recipient_key(account, connection, id.as_str());
            start.insert(hash.to_owned(), s(&group));
            start
        });
        let request = self.client.query().table_name(&self.name).index_name(index);
        let request = request.key_condition_expression("#g = :g").expression_attribute_names("#g", hash);
        let request = request.expression_attribute_values(":g", s(&group)).limit(limit_of(limit));
        let page = request.set_exclusive_start_key(start).send().await.map_err(|error| failed(LIST, &error))?;
        let next = page.last_evaluated_key.as_ref().map(|last| read_text(LIST, last, "sk")).transpose()?;
        let id = |item: &Item| UniqueId::parse(&read_text(LIST, item, "sk")?).map_err(|_| unreadable(LIST, "sk"));
        let items = page.items.unwrap_or_default().iter().map(id).collect::<Result<_, _>>()?;
        Ok(Page { items, next })
    }

    async fn count_group(&self, connection: &ConnectionId, slot: usize, value: &str) -> Answer<u64> {
        const COUNT: &str = "count a group";
        let (index, hash) = index_of(slot)?;
        let mut count = 0;
        let mut from = None;
        loop {
            let request = self.client.query().table_name(&self.name).index_name(index).select(Select::Count);
            let request = request.key_condition_expression("#g = :g").expression_attribute_names("#g", hash);
            let request = request.expression_attribute_values(":g", s(group_key(connection, slot, value)));
            let page = request.set_exclusive_start_key(from).send().await.map_err(|error| failed(COUNT, &error))?;
            count += u64::try_from(page.count).unwrap_or(0);
            from = page.last_evaluated_key;
            if from.is_none() {
                return Ok(count);
            }
        }
    }
}

impl Table {
    /// At most 100 items by key. The service may leave some out under load: those are asked for again.
    pub(super) async fn batch(&self, operation: &'static str, keys: Vec<Item>) -> Answer<Vec<Item>> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let mut items = Vec::with_capacity(keys.len());
        let mut wanted = keys;
        for attempt in 0..BATCH_TRIES {
            let keys = KeysAndAttributes::builder().set_keys(Some(wanted)).consistent_read(true).build();
            let keys = keys.map_err(|error| PortError::never(operation, error.to_string()))?;
            let request = self.client.batch_get_item().request_items(&self.name, keys);
            let answer = request.send().await.map_err(|error| failed(operation, &error))?;
            items.extend(answer.responses.unwrap_or_default().into_values().flatten());
            wanted = answer.unprocessed_keys.unwrap_or_default().into_values().flat_map(|rest| rest.keys).collect();
            if wanted.is_empty() {
                return Ok(items);
            }
            tokio::time::sleep(crate::pause::jittered(Duration::from_millis(25), attempt)).await;
        }
        Err(PortError::later(operation, format!("{} keys were left out {BATCH_TRIES} times", wanted.len())))
    }
}

/// What a change leads to.
enum Goal {
    /// This content, not removed.
    Content(String),
    /// Removed.
    Removed,
}

/// The conditional update of a change; `None` when nothing is to be written.
fn update_for(
    run: &Run,
    groups: &[(usize, String)],
    change: &Change,
    now_ms: i64,
) -> Answer<Option<(Goal, Expression)>> {
    let update = Expression::of(format::RECIPIENT).set("fn", n(run.fence)).set("run", s(run.id.as_str()));
    let seen = |update: Expression| -> Answer<Expression> {
        let old = change.old.as_ref().ok_or_else(|| PortError::never(WRITE, "the plan's change has no old values"))?;
        let update = update.when_is("h", s(content_hash(old))).when("attribute_not_exists(#rm) AND #fn < :fn");
        Ok(update)
    };
    let new = || change.new.as_ref().ok_or_else(|| PortError::never(WRITE, "the plan's change has no new values"));
    let (goal, update) = match change.kind {
        ChangeKind::Propose => return Ok(None),
        ChangeKind::Add => {
            let update = update
                .value("now", n(now_ms))
                .set_to("first", "if_not_exists(#first, :now)")
                .remove("rm")
                .remove("exp")
                .set(ADDED_FENCE, n(run.fence))
                .set_or_remove(ADDED_RECORD, change.record.map(n))
                .remove(RECORD)
                .when("attribute_not_exists(#pk) OR (attribute_exists(#rm) AND #fn < :fn)");
            // Who comes back begins anew.
            let update = Field::all().fold(update, |update, field| update.remove(&fence_attribute(field)));
            with_content(update, run, groups, new()?)?
        }
        ChangeKind::Update | ChangeKind::Deactivate | ChangeKind::Reactivate => {
            let update = traced(seen(update)?, run, change).set_or_remove(RECORD, change.record.map(n));
            with_content(update, run, groups, new()?)?
        }
        ChangeKind::Remove => {
            let update = update.set_or_remove(RECORD, change.record.map(n));
            let gone = update.set("rm", n(now_ms)).set("exp", n((now_ms + REMOVED_KEPT_MS) / 1000));
            // The fields stay for the way back; no group counts a removed person.
            (Goal::Removed, seen(GROUP_INDEXES.iter().fold(gone, |update, (_, hash)| update.remove(hash)))?)
        }
    };
    Ok(Some((goal, update)))
}

/// Notes the run at every field that the change sets, changes or clears.
fn traced(update: Expression, run: &Run, change: &Change) -> Expression {
    let value = |side: &Option<Recipient>, field| side.as_ref().and_then(|side| side.values.get(&field).cloned());
    let status = |side: &Option<Recipient>| side.as_ref().map(|side| side.status);
    let differs = |field: &Field| match *field {
        Field::EMPLOYMENT_STATUS => status(&change.old) != status(&change.new),
        field => value(&change.old, field) != value(&change.new, field),
    };
    Field::all().filter(differs).fold(update, |update, field| update.set(&fence_attribute(field), n(run.fence)))
}

fn with_content(
    update: Expression,
    run: &Run,
    groups: &[(usize, String)],
    new: &Recipient,
) -> Answer<(Goal, Expression)> {
    let status = status_code(new.status)
        .ok_or_else(|| PortError::never(WRITE, "only active and inactive people are in the directory"))?;
    let fields = fields_of(&new.values);
    if is_too_large(&fields) {
        return Err(PortError::never(WRITE, "the person's fields are larger than an item may be (400 KB)"));
    }
    let hash = content_hash(new);
    let mut update = update.set("st", s(status)).set("f", fields).set("h", s(&hash));
    for (slot, _) in groups {
        index_of(*slot)?;
    }
    for (slot, (_, attribute)) in GROUP_INDEXES.iter().enumerate() {
        let value = groups.iter().find(|(at, _)| *at == slot);
        update = update.set_or_remove(attribute, value.map(|(_, value)| s(group_key(&run.connection, slot, value))));
    }
    Ok((Goal::Content(hash), update))
}

/// What is stored instead of what the condition asked for.
fn found(run: &Run, goal: &Goal, stored: Option<Item>) -> Answer<Written> {
    let Some(stored) = stored else {
        // A removed person expires: gone is removed.
        return Ok(if matches!(goal, Goal::Removed) { Written::Already } else { Written::Conflict });
    };
    let removed = stored.contains_key("rm");
    let reached = match goal {
        Goal::Removed => removed,
        Goal::Content(hash) => !removed && optional_text(&stored, "h").as_ref() == Some(hash),
    };
    if reached {
        return Ok(Written::Already);
    }
    let fence: u64 = read_number(WRITE, &stored, "fn")?.ok_or_else(|| unreadable(WRITE, "fn"))?;
    Ok(if fence > run.fence { Written::Fenced } else { Written::Conflict })
}

/// A page's limit as the service takes it: at least one.
fn limit_of(limit: u32) -> i32 {
    i32::try_from(limit.max(1)).unwrap_or(i32::MAX)
}

fn index_of(slot: usize) -> Answer<(&'static str, &'static str)> {
    let index = GROUP_INDEXES.get(slot).copied();
    index.ok_or_else(|| PortError::never("group a recipient", format!("there is no grouping slot {slot}")))
}
