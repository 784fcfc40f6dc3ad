//! Documents by account, shelf and id: `pk` is the shelf, `sk` the id, `v` the version, `body` the text.

use std::time::Duration;

use aws_sdk_dynamodb::types::KeysAndAttributes;
use muster_core::ids::AccountId;
use muster_sync::{Document, Documents, Page, PortError, Shelf};

use super::Table;
use crate::expression::Expression;
use crate::fault::{failed, unreadable};
use crate::items::{Item, connection_pk, key, n, read_number, read_text, readable, s};

type Answer<T> = Result<T, PortError>;

const READ: &str = "read a document";
const LIST: &str = "list documents";
const WRITE: &str = "store a document";
/// How often the rest of a batch is asked for before the caller tries again.
const BATCH_TRIES: u32 = 8;

/// The key value of a shelf.
pub(super) fn shelf_pk(account: &AccountId, shelf: &Shelf) -> String {
    let of = |connection| connection_pk(account.as_str(), connection);
    match shelf {
        Shelf::Account => format!("A#{account}#ACCOUNT"),
        Shelf::Audit => format!("A#{account}#AUDIT"),
        Shelf::Idempotency => format!("A#{account}#ONCE"),
        Shelf::Segments => format!("A#{account}#SEGMENTS"),
        Shelf::GroupLooks => format!("A#{account}#GROUPS"),
        Shelf::Links => format!("A#{account}#LINKS"),
        Shelf::Settings(connection) => format!("{}#SETTINGS", of(connection.as_str())),
        Shelf::Consents(connection, shard) => format!("{}#CONSENTS#{shard:02}", of(connection.as_str())),
        Shelf::Erased(connection) => format!("{}#ERASED", of(connection.as_str())),
    }
}

fn document_from(shelf: &Shelf, item: &Item) -> Answer<Document> {
    readable(READ, shelf.format(), item)?;
    Ok(Document {
        id: read_text(READ, item, "sk")?,
        version: read_number(READ, item, "v")?.ok_or_else(|| unreadable(READ, "v"))?,
        body: read_text(READ, item, "body")?,
    })
}

impl Documents for Table {
    async fn document(&self, account: &AccountId, shelf: &Shelf, id: &str) -> Answer<Option<Document>> {
        let item = self.get_item(READ, shelf.format(), key(&shelf_pk(account, shelf), id)).await?;
        item.as_ref().map(|item| document_from(shelf, item)).transpose()
    }

    async fn put_document(
        &self,
        account: &AccountId,
        shelf: &Shelf,
        id: &str,
        body: &str,
        expected: Option<u64>,
        expires_ms: Option<i64>,
    ) -> Answer<bool> {
        let change = Expression::of(shelf.format()).set("body", s(body)).set("v", n(expected.unwrap_or(0) + 1));
        let change = change.set_or_remove("exp", expires_ms.map(|ms| n(ms / 1000)));
        let change = match expected {
            None => change.when("attribute_not_exists(#pk)"),
            Some(version) => change.when_is("v", n(version)),
        };
        self.update(WRITE, key(&shelf_pk(account, shelf), id), change).await
    }

    async fn delete_document(&self, account: &AccountId, shelf: &Shelf, id: &str, expected: u64) -> Answer<bool> {
        const DELETE: &str = "delete a document";
        let unchanged = Expression::of(shelf.format()).when_is("v", n(expected));
        self.delete(DELETE, key(&shelf_pk(account, shelf), id), unchanged).await
    }

    async fn documents(
        &self,
        account: &AccountId,
        shelf: &Shelf,
        from: Option<&str>,
        limit: u32,
        newest_first: bool,
    ) -> Answer<Page<Document>> {
        let pk = shelf_pk(account, shelf);
        let request = self.query(&pk).key_condition_expression("#pk = :pk").consistent_read(true);
        let request = request.scan_index_forward(!newest_first).limit(i32::try_from(limit.max(1)).unwrap_or(i32::MAX));
        let request = request.set_exclusive_start_key(from.map(|id| key(&pk, id)));
        let page = request.send().await.map_err(|error| failed(LIST, &error))?;
        let next = page.last_evaluated_key.as_ref().map(|last| read_text(LIST, last, "sk")).transpose()?;
        let items =
            page.items.unwrap_or_default().iter().map(|item| document_from(shelf, item)).collect::<Result<_, _>>()?;
        Ok(Page { items, next })
    }

    async fn documents_of(&self, account: &AccountId, shelf: &Shelf, ids: &[String]) -> Answer<Vec<Document>> {
        let pk = shelf_pk(account, shelf);
        let mut wanted: Vec<Item> = ids.iter().map(|id| key(&pk, id)).collect();
        let mut items = Vec::new();
        for attempt in 0..BATCH_TRIES {
            if wanted.is_empty() {
                return items.iter().map(|item| document_from(shelf, item)).collect();
            }
            let keys = KeysAndAttributes::builder().set_keys(Some(wanted)).consistent_read(true).build();
            let keys = keys.map_err(|error| PortError::never(READ, error.to_string()))?;
            let request = self.client.batch_get_item().request_items(&self.name, keys);
            let answer = request.send().await.map_err(|error| failed(READ, &error))?;
            items.extend(answer.responses.unwrap_or_default().into_values().flatten());
            wanted = answer.unprocessed_keys.unwrap_or_default().into_values().flat_map(|rest| rest.keys).collect();
            if !wanted.is_empty() {
                tokio::time::sleep(crate::pause::jittered(Duration::from_millis(25), attempt)).await;
            }
        }
        if wanted.is_empty() {
            return items.iter().map(|item| document_from(shelf, item)).collect();
        }
        Err(PortError::later(READ, format!("{} keys were left out {BATCH_TRIES} times", wanted.len())))
    }
}
