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

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use muster_sync::PortError;

use crate::config::TableConfig;
use crate::fault::{cancelled, failed};
use crate::items::{Item, s};

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

    async fn get_item(&self, operation: &'static str, key: Item) -> Result<Option<Item>, PortError> {
        let request = self.client.get_item().table_name(&self.name).set_key(Some(key)).consistent_read(true);
        Ok(request.send().await.map_err(|error| failed(operation, &error))?.item)
    }

    fn query(&self, pk: impl Into<String>) -> QueryFluentBuilder {
        let request = self.client.query().table_name(&self.name);
        request.expression_attribute_names("#pk", "pk").expression_attribute_values(":pk", s(pk))
    }

    /// All items under `pk` whose `sk` begins with `prefix`, read strongly consistent.
    async fn items(&self, operation: &'static str, pk: &str, prefix: &str) -> Result<Vec<Item>, PortError> {
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
                return Ok(items);
            }
        }
    }

    /// Writes all of `steps` or none; `Ok(false)` when a condition did not hold.
    ///
    /// The SDK makes a token for each call and keeps it over its own tries, so a lost answer is asked
    /// for again and not done again. A token of our own making could name two calls that differ, which
    /// the service refuses for good, or tell a second caller that it was the first.
    async fn transact(&self, operation: &'static str, steps: Vec<TransactWriteItem>) -> Result<bool, PortError> {
        Ok(self.unmet(operation, steps).await?.is_empty())
    }

    /// The same; answers the places of the steps whose conditions did not hold.
    async fn unmet(&self, operation: &'static str, steps: Vec<TransactWriteItem>) -> Result<Vec<usize>, PortError> {
        let request = self.client.transact_write_items().set_transact_items(Some(steps));
        match request.send().await {
            Ok(_) => Ok(Vec::new()),
            Err(error) => cancelled(operation, &error),
        }
    }

    #[expect(clippy::expect_used, reason = "table and item are given")]
    fn put(&self, item: Item, condition: Option<&str>) -> TransactWriteItem {
        let put = Put::builder().table_name(&self.name).set_item(Some(item));
        let put = put.set_condition_expression(condition.map(str::to_owned));
        TransactWriteItem::builder().put(put.build().expect("a put with table and item")).build()
    }
}
