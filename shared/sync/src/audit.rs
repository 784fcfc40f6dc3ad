//! Who decided and changed what: a chain of entries, each with the hash of the one before.
//!
//! An entry is written before the deed, so nothing happens that is not told of. An entry that was changed, put in or taken
//! out breaks the chain; that the last ones were cut off shows to whoever kept a number and its hash.

use muster_core::ids::AccountId;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{Document, Documents, PortError, Shelf};

/// What is to be told.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEntry {
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// Who: role and user.
    pub by: String,
    /// What was done: `run.approved`.
    pub action: String,
    /// To what: `connection/acme-hr`.
    pub target: String,
    /// How it was before.
    pub before: Option<Value>,
    /// How it is after.
    pub after: Option<Value>,
}

/// An entry of the chain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Its place, from 1.
    pub number: u64,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// Who: role and user.
    pub by: String,
    /// What was done.
    pub action: String,
    /// To what.
    pub target: String,
    /// How it was before.
    pub before: Option<Value>,
    /// How it is after.
    pub after: Option<Value>,
    /// The hash of the entry before; empty for the first.
    pub previous: String,
}

/// An entry as it lies: the very text that was hashed.
#[derive(Debug, Serialize, Deserialize)]
struct Stored {
    entry: String,
    hash: String,
}

/// Where an account's chain ends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Head {
    /// How many entries there are.
    pub number: u64,
    /// The hash of the last.
    pub hash: String,
}

/// What a look at a chain found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// How far it was looked at.
    pub head: Head,
    /// The first entry that does not fit, and why.
    pub broken: Option<(u64, &'static str)>,
    /// Whether it was looked at to its end.
    pub complete: bool,
}

const APPEND: &str = "write the audit entry";
/// How often the next place is tried when others write at the same time.
const TRIES: u32 = 20;
const PAGE: u32 = 200;

/// Appends an entry; answers where the chain ends now.
///
/// # Errors
/// [`PortError`] when a service failed or too many write at once: then the deed must not be done.
pub async fn append_audit(documents: &impl Documents, account: &AccountId, new: NewEntry) -> Result<Head, PortError> {
    for _ in 0..TRIES {
        let last = documents.documents(account, &Shelf::Audit, None, 1, true).await?.items.pop();
        let head = last.as_ref().map(head_of).transpose()?.unwrap_or_default();
        let number = head.number + 1;
        let NewEntry { at_ms, by, action, target, before, after } = new.clone();
        let entry = AuditEntry { number, at_ms, by, action, target, before, after, previous: head.hash };
        let entry = text(&entry)?;
        let hash = hash_of(&entry);
        let body = text(&Stored { entry, hash: hash.clone() })?;
        if documents.put_document(account, &Shelf::Audit, &place(number), &body, None, None).await? {
            // The log keeps what the table could lose.
            tracing::info!(audit.account = %account, audit.number = number, audit.hash = %hash, "audit");
            return Ok(Head { number, hash });
        }
    }
    Err(PortError::later(APPEND, "too many write at once"))
}

/// A page of entries, newest first, with their hashes; and where the next page begins.
///
/// # Errors
/// [`PortError`] when a service failed or an entry cannot be read.
pub async fn audit_page(
    documents: &impl Documents,
    account: &AccountId,
    before: Option<u64>,
    limit: u32,
) -> Result<(Vec<(AuditEntry, String)>, Option<u64>), PortError> {
    let from = before.map(place);
    let page = documents.documents(account, &Shelf::Audit, from.as_deref(), limit, true).await?;
    let entries = page.items.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let next = page.next.and_then(|next| next.parse().ok());
    Ok((entries, next))
}

/// Goes over the chain from entry `from` (1 is the first) behind the hash `previous`, through at most `pages` pages.
///
/// # Errors
/// [`PortError`] when a service failed.
pub async fn verify_audit(
    documents: &impl Documents,
    account: &AccountId,
    from: Head,
    pages: u32,
) -> Result<Verification, PortError> {
    let mut head = from;
    for _ in 0..pages {
        let behind = place(head.number);
        let page = documents.documents(account, &Shelf::Audit, Some(&behind), PAGE, false).await?;
        for document in &page.items {
            match follows(document, &head) {
                Ok(next) => head = next,
                Err(why) => return Ok(Verification { broken: Some((head.number + 1, why)), head, complete: true }),
            }
        }
        if page.next.is_none() {
            return Ok(Verification { head, broken: None, complete: true });
        }
    }
    Ok(Verification { head, broken: None, complete: false })
}

fn follows(document: &Document, head: &Head) -> Result<Head, &'static str> {
    let stored: Stored = serde_json::from_str(&document.body).map_err(|_| "it cannot be read")?;
    let entry: AuditEntry = serde_json::from_str(&stored.entry).map_err(|_| "it cannot be read")?;
    if document.id != place(head.number + 1) || entry.number != head.number + 1 {
        return Err("it is not the next one: entries were taken out or put in");
    }
    if entry.previous != head.hash {
        return Err("it does not follow the entry before: one of the two was changed");
    }
    if hash_of(&stored.entry) != stored.hash {
        return Err("its hash is not that of its text: it was changed");
    }
    Ok(Head { number: entry.number, hash: stored.hash })
}

fn read(document: &Document) -> Result<(AuditEntry, String), PortError> {
    let bad = |e: serde_json::Error| PortError::never("read the audit entry", crate::error::located(&e));
    let stored: Stored = serde_json::from_str(&document.body).map_err(bad)?;
    Ok((serde_json::from_str(&stored.entry).map_err(bad)?, stored.hash))
}

fn head_of(document: &Document) -> Result<Head, PortError> {
    read(document).map(|(entry, hash)| Head { number: entry.number, hash })
}

fn place(number: u64) -> String {
    format!("{number:012}")
}

fn text<T: Serialize>(value: &T) -> Result<String, PortError> {
    serde_json::to_string(value).map_err(|e| PortError::never(APPEND, e.to_string()))
}

fn hash_of(entry: &str) -> String {
    Sha256::digest(entry.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
