//! Small documents of an account: settings' versions, segments, consents, the audit chain and what else people keep.

use muster_core::format::{self, Format};
use muster_core::ids::{AccountId, ConnectionId};
use sha2::{Digest, Sha256};

use crate::{Page, PortError, SHARDS};

type Answer<T> = Result<T, PortError>;

/// What kind of documents; each kind lies apart from the others, and each account's apart from all others'.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shelf {
    /// What the product team decides about an account; one document, [`ACCOUNT_DOCUMENT`].
    Account,
    /// The chain of decisions and changes, by zero-padded number.
    Audit,
    /// Answers to requests that carried an idempotency key, by the key's hash; they expire.
    Idempotency,
    /// Saved filters over recipients, by id.
    Segments,
    /// What people decided about single groups, by the group's id.
    GroupLooks,
    /// A connection's saved settings, by zero-padded version.
    Settings(ConnectionId),
    /// Opt-outs of a connection's people, by unique id; spread as the people are. No sync may write here.
    Consents(ConnectionId, u8),
    /// People who were erased, by a keyed hash of their unique id.
    Erased(ConnectionId),
    /// Link flows under way; they expire.
    Links,
}

impl Shelf {
    /// The form of its documents.
    pub fn format(&self) -> &'static Format {
        match self {
            Self::Account => format::TERMS,
            Self::Audit => format::AUDIT,
            Self::Idempotency => format::ANSWER,
            Self::Segments => format::SEGMENT,
            Self::GroupLooks => format::GROUP_LOOK,
            Self::Settings(_) => format::SETTINGS,
            Self::Consents(..) => format::OPT_OUTS,
            Self::Erased(_) => format::TOMBSTONE,
            Self::Links => format::LINK_FLOW,
        }
    }
}

/// The id of the one document on [`Shelf::Account`].
pub const ACCOUNT_DOCUMENT: &str = "account";

/// A stored document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its name on its shelf.
    pub id: String,
    /// Grows by one with every change, from 1.
    pub version: u64,
    /// JSON text.
    pub body: String,
}

/// Documents by account, shelf and id. Each method is one request.
#[expect(async_fn_in_trait, reason = "functions run one event at a time on one thread")]
pub trait Documents {
    /// The document, read strongly consistent.
    async fn document(&self, account: &AccountId, shelf: &Shelf, id: &str) -> Answer<Option<Document>>;
    /// Stores a document. With `expected` `None` it must not be there yet, else its version must be that one;
    /// `Ok(false)` when that does not hold. `expires_ms`: when it may be forgotten, in milliseconds since 1970.
    async fn put_document(
        &self,
        account: &AccountId,
        shelf: &Shelf,
        id: &str,
        body: &str,
        expected: Option<u64>,
        expires_ms: Option<i64>,
    ) -> Answer<bool>;
    /// Deletes a document of that version; `Ok(false)` when it is not there or another version is.
    async fn delete_document(&self, account: &AccountId, shelf: &Shelf, id: &str, expected: u64) -> Answer<bool>;
    /// At most `limit` documents by id, from behind `from`; the last ones first where `newest_first`. Strongly consistent.
    async fn documents(
        &self,
        account: &AccountId,
        shelf: &Shelf,
        from: Option<&str>,
        limit: u32,
        newest_first: bool,
    ) -> Answer<Page<Document>>;
    /// Those of these ids (at most 100) that are there, in any order.
    async fn documents_of(&self, account: &AccountId, shelf: &Shelf, ids: &[String]) -> Answer<Vec<Document>>;
}

/// Which sixteenth of the connection's recipients an id belongs to.
pub fn shard_of(unique_id: &str) -> u8 {
    Sha256::digest(unique_id.as_bytes())[0] % SHARDS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_spread_over_all_shards() {
        let mut seen = [0_u32; SHARDS as usize];
        (0..16_000).for_each(|number| seen[usize::from(shard_of(&format!("E{number:05}")))] += 1);
        assert!(seen.iter().all(|count| (800..1200).contains(count)), "{seen:?}");
    }
}
