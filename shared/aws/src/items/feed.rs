//! What a connection remembers, when it is due, and the marks of its people.

use muster_core::ids::{AccountId, ConnectionId};
use muster_sync::{Connection, Feed, PersonMark, PortError};
use sha2::{Digest, Sha256};

use super::attributes::{Item, json, n, optional_text, read_json, read_number, s};
use super::{EVENT_KEPT_MS, connection_pk, person_key};
use crate::expression::Expression;
use crate::fault::unreadable;

const READ: &str = "read the connection";
/// How many key values the index of due connections is spread over: one takes 1,000 writes a second.
pub(crate) const DUE_SPREAD: u8 = 8;

/// In which part of the index of due connections the connection with this key value is.
pub(crate) fn due_hash(pk: &str) -> String {
    format!("D#{}", Sha256::digest(pk.as_bytes())[0] % DUE_SPREAD)
}

/// The part of that index where runs stand whose plans wait for a decision.
pub(crate) const HELD_HASH: &str = "HELD";

/// A time so that texts sort as times do; none before 1970.
pub(crate) fn due_at(ms: i64) -> String {
    format!("{:016}", ms.max(0))
}

/// When the connection of an item is due.
pub(super) fn due_from(item: &Item) -> Result<Option<i64>, PortError> {
    let Some(text) = optional_text(item, "due_at") else { return Ok(None) };
    text.parse().map(Some).map_err(|_| unreadable(READ, "due_at"))
}

/// What the connection of an item remembers; nothing, at version 0, where nothing was ever saved.
pub(super) fn feed_from(item: &Item) -> Result<Feed, PortError> {
    let feed: Feed = read_json(READ, item, "feed")?.unwrap_or_default();
    // The number beside it is what conditions look at.
    Ok(Feed { version: read_number(READ, item, "feed_version")?.unwrap_or(0), ..feed })
}

/// Makes the connection due then, or never.
pub(crate) fn with_due(change: Expression, connection: &Connection, due_ms: Option<i64>) -> Expression {
    let pk = connection_pk(connection.account.as_str(), connection.id.as_str());
    change
        .set_or_remove("due", due_ms.map(|_| s(due_hash(&pk))))
        .set_or_remove("due_at", due_ms.map(|due_ms| s(due_at(due_ms))))
        .when("attribute_exists(#pk)")
}

/// Saves what the connection remembers, if that is still stored as it was read.
pub(crate) fn with_feed(operation: &'static str, change: Expression, feed: &Feed) -> Result<Expression, PortError> {
    let saved = Feed { version: feed.version + 1, ..feed.clone() };
    let change = change.set("feed", json(operation, &saved)?).set("feed_version", n(saved.version));
    Ok(if feed.version == 0 {
        let change = change.value("unsaved", n(0));
        // Without its item a connection is gone, and must not come back as a piece of one.
        change.when("attribute_exists(#pk) AND (attribute_not_exists(#feed_version) OR #feed_version = :unsaved)")
    } else {
        change.when_is("feed_version", n(feed.version))
    })
}

/// The item of a person's mark, key included.
pub(crate) fn mark_item(
    operation: &'static str,
    (account, connection): (&AccountId, &ConnectionId),
    (person, mark): (&str, &PersonMark),
    now_ms: i64,
) -> Result<Item, PortError> {
    let mut item = person_key(account, connection, person);
    item.insert("mark".to_owned(), json(operation, mark)?);
    item.insert("exp".to_owned(), n((now_ms + EVENT_KEPT_MS) / 1000));
    Ok(item)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_sort_as_texts() {
        let times = [-5, 0, 7, 1_000, 999_999_999_999, 1_790_000_000_000];
        let texts: Vec<String> = times.iter().map(|ms| due_at(*ms)).collect();
        assert!(texts.is_sorted() && texts.iter().all(|text| text.len() == 16), "{texts:?}");
    }
}
