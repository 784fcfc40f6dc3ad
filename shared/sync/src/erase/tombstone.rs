//! What keeps an erased person from coming back unasked: a hash of the unique id under the connection's own secret.

use std::collections::HashSet;

use muster_core::ids::UniqueId;
use muster_core::issue::{Code, Issue};
use sha2::{Digest, Sha256};

use crate::{Connection, Documents, PortError, Shelf};

/// Tombstones of one page.
const PAGE: u32 = 1_000;

/// A name for a person that does not tell who it is, 64 lower-case hexadecimal digits: that of the tombstone of whoever is
/// erased, and what the audit says instead of the unique id. Without the connection's seed nobody can
/// tell whose it is, though unique ids are short.
pub fn pseudonym(connection: &Connection, id: &UniqueId) -> String {
    named(connection.seed, id)
}

fn named(seed: u64, id: &UniqueId) -> String {
    // The key fills a block of its own, before and behind: no id can be lengthened into another one's hash.
    let mut inner = Sha256::new();
    inner.update(b"muster erased\0");
    inner.update(seed.to_be_bytes());
    inner.update(id.as_str());
    let mut outer = Sha256::new();
    outer.update(seed.to_be_bytes());
    outer.update(inner.finalize());
    outer.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Who of a connection's people was erased.
#[derive(Debug, Clone, Default)]
pub(crate) struct Erased {
    seed: u64,
    tombstones: HashSet<String>,
}

impl Erased {
    /// Reads all tombstones of a connection: most have none.
    pub(crate) async fn of(documents: &impl Documents, connection: &Connection) -> Result<Self, PortError> {
        let shelf = Shelf::Erased(connection.id.clone());
        let (mut tombstones, mut from) = (HashSet::new(), None::<String>);
        loop {
            let page = documents.documents(&connection.account, &shelf, from.as_deref(), PAGE, false).await?;
            tombstones.extend(page.items.into_iter().map(|document| document.id));
            from = page.next;
            if from.is_none() {
                return Ok(Self { seed: connection.seed, tombstones });
            }
        }
    }

    /// Whether this person was erased.
    pub(crate) fn has(&self, id: &UniqueId) -> bool {
        self.tombstone(id).is_some()
    }

    /// The name of the person's tombstone, where they were erased.
    pub(crate) fn tombstone(&self, id: &UniqueId) -> Option<&str> {
        if self.tombstones.is_empty() {
            return None;
        }
        self.tombstones.get(&named(self.seed, id)).map(String::as_str)
    }

    /// Whether nobody was.
    pub(crate) fn is_empty(&self) -> bool {
        self.tombstones.is_empty()
    }

    /// Whether an issue is about somebody who was erased, with their record.
    pub(crate) fn is_about(&self, issue: &Issue) -> bool {
        issue.unique_id.as_ref().is_some_and(|id| self.has(id))
    }
}

/// What a plan tells of people of its source whom it leaves out, without saying who they are.
pub(crate) fn left_out(people: u64) -> Option<Issue> {
    let (who, were) = if people == 1 { ("person", "was") } else { ("people", "were") };
    (people > 0).then(|| {
        let message = format!(
            "{people} {who} of the source {were} erased and left out; lift the erasure to take them in again, or take them \
             out of the source"
        );
        Issue::file(Code::Erased, message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tombstone_is_the_same_for_the_same_person_of_the_same_connection_only() {
        let id = |text| UniqueId::parse(text).unwrap();
        assert_eq!(named(7, &id("0042")), named(7, &id("0042")));
        assert_ne!(named(7, &id("0042")), named(8, &id("0042")));
        assert_ne!(named(7, &id("0042")), named(7, &id("42")));
        assert_eq!(named(7, &id("0042")).len(), 64);
    }
}
