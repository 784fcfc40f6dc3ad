//! The table: its shape, and the few calls that everything else is made of.

mod admin;
mod close;
mod commit;
mod create;
mod directory;
mod documents;
mod erase;
mod feed;
mod ledger;
mod outbox;
mod routes;
mod runs;

use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem};
use muster_core::format::{ATTRIBUTE, Format};
use muster_sync::PortError;

use crate::config::TableConfig;
use crate::expression::{Expression, NOT_NEWER, Step};
use crate::fault::{cancelled, failed};
use crate::items::{Item, n, readable, s, versioned};

/// The table: [`muster_sync::Ledger`], [`muster_sync::Directory`] and [`muster_sync::Admin`].
#[derive(Debug, Clone)]
pub struct Table {
    client: aws_sdk_dynamodb::Client,
    name: String,
}

impl Table {
    /// The table that the configuration names.
    pub fn new(client: aws_sdk_dynamodb::Client, config: TableConfig) -> Self {
        Self { client, name: config.table }
    }

    async fn get_item(
        &self,
        operation: &'static str,
        format: &'static Format,
        key: Item,
    ) -> Result<Option<Item>, PortError> {
        let request = self.client.get_item().table_name(&self.name).set_key(Some(key)).consistent_read(true);
        let item = request.send().await.map_err(|error| failed(operation, &error))?.item;
        item.as_ref().map(|item| readable(operation, format, item)).transpose()?;
        Ok(item)
    }

    fn query(&self, pk: impl Into<String>) -> QueryFluentBuilder {
        let request = self.client.query().table_name(&self.name);
        request.expression_attribute_names("#pk", "pk").expression_attribute_values(":pk", s(pk))
    }

    /// All items under `pk` whose `sk` begins with `prefix`, read strongly consistent.
    async fn items(
        &self,
        operation: &'static str,
        format: &'static Format,
        pk: &str,
        prefix: &str,
    ) -> Result<Vec<Item>, PortError> {
        let mut items = Vec::new();
        let mut from = None;
        loop {
            let request = self.query(pk).key_condition_expression("#pk = :pk AND begins_with(#sk, :prefix)");
            let request =
                request.expression_attribute_names("#sk", "sk").expression_attribute_values(":prefix", s(prefix));
            let request = request.consistent_read(true).set_exclusive_start_key(from);
            let page = request.send().await.map_err(|error| failed(operation, &error))?;
            items.extend(page.items.unwrap_or_default());
            from = page.last_evaluated_key;
            if from.is_none() {
                items.iter().try_for_each(|item| readable(operation, format, item).map(|_| ()))?;
                return Ok(items);
            }
        }
    }

    /// Writes all of `steps` or none; `Ok(false)` when a condition did not hold.
    ///
    /// The SDK makes a token for each call and keeps it over its own tries, so a lost answer is asked
    /// for again and not done again. A token of our own making could name two calls that differ, which
    /// the service refuses for good, or tell a second caller that it was the first.
    async fn transact(&self, operation: &'static str, steps: Vec<Step>) -> Result<bool, PortError> {
        Ok(self.unmet(operation, steps).await?.is_empty())
    }

    /// The same; answers the places of the steps whose conditions did not hold.
    async fn unmet(&self, operation: &'static str, steps: Vec<Step>) -> Result<Vec<usize>, PortError> {
        let (formats, writes): (Vec<_>, Vec<_>) = steps.into_iter().map(|step| (step.format, step.write)).unzip();
        let request = self.client.transact_write_items().set_transact_items(Some(writes));
        let unmet = match request.send().await {
            Ok(_) => return Ok(Vec::new()),
            Err(error) => cancelled(operation, &error)?,
        };
        for (at, stored) in &unmet {
            if let (Some(format), Some(stored)) = (formats.get(*at), stored) {
                readable(operation, format, stored)?;
            }
        }
        Ok(unmet.into_iter().map(|(at, _)| at).collect())
    }

    /// One conditional update; `Ok(false)` when its condition does not hold.
    async fn update(&self, operation: &'static str, key: Item, change: Expression) -> Result<bool, PortError> {
        let request = self.client.update_item().table_name(&self.name).set_key(Some(key));
        let format = change.format();
        match change.on(request).send().await {
            Ok(_) => Ok(true),
            Err(error) => outbox::stored_instead(operation, format, error).map(|_| false),
        }
    }

    /// One conditional deletion; `Ok(false)` when its condition does not hold.
    async fn delete(&self, operation: &'static str, key: Item, conditions: Expression) -> Result<bool, PortError> {
        let request = self.client.delete_item().table_name(&self.name).set_key(Some(key));
        let format = conditions.format();
        let error = match conditions.on_deletion(request).send().await {
            Ok(_) => return Ok(true),
            Err(error) => error,
        };
        let Some(DeleteItemError::ConditionalCheckFailedException(unmet)) = error.as_service_error() else {
            return Err(failed(operation, &error));
        };
        unmet.item().map(|item| readable(operation, format, item)).transpose()?;
        Ok(false)
    }

    #[expect(clippy::expect_used, reason = "table and item are given")]
    fn put(&self, format: &'static Format, item: Item, only_new: bool) -> Step {
        let put = Put::builder().table_name(&self.name).set_item(Some(versioned(format, item)));
        let put = if only_new {
            put.condition_expression("attribute_not_exists(pk)")
        } else {
            let put =
                put.condition_expression(NOT_NEWER).expression_attribute_names(format!("#{ATTRIBUTE}"), ATTRIBUTE);
            put.expression_attribute_values(format!(":{ATTRIBUTE}"), n(format.version))
        };
        let put = put.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let put = put.build().expect("a put with table and item");
        Step { format, write: TransactWriteItem::builder().put(put).build() }
    }
}
