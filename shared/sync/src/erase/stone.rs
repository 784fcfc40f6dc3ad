//! The tombstone as a document: who erased, when, how far it is and what was found so far.

use muster_core::ids::UniqueId;
use serde::{Deserialize, Serialize};

use super::tombstone::pseudonym;
use crate::{Connection, Documents, PortError, Shelf};

const WRITE: &str = "keep how far the erasure is";
const TRIES: u32 = 5;

/// What an erasure has deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ErasedCounts {
    /// Recipients: one, or none where the directory did not have the person.
    pub recipients: u64,
    /// Whether there were opt-outs: one or none.
    pub opt_outs: u64,
    /// Marks of what a provider said last.
    pub marks: u64,
    /// Runs that named the person: deleted, or written without them.
    pub runs: u64,
    /// Plans' chunks, lists of issues and error files that were written without the person.
    pub rewritten: u64,
    /// Versions of objects that were deleted.
    pub deleted: u64,
}

/// Where an erasure goes on: its step, and how far that is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    pub(super) step: u32,
    #[serde(default)]
    pub(super) from: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Body {
    by: String,
    at_ms: i64,
    /// `None`: it is complete.
    place: Option<Place>,
    #[serde(default)]
    counts: ErasedCounts,
}

/// A tombstone in hand.
#[derive(Debug)]
pub(super) struct Stone {
    pub(super) id: String,
    version: u64,
    by: String,
    pub(super) at_ms: i64,
    pub(super) place: Place,
    pub(super) counts: ErasedCounts,
}

/// A tombstone as others see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tombstone {
    /// Its name, which does not tell whose it is.
    pub id: String,
    /// Who erased: role and user.
    pub by: String,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// Whether nothing is left to delete.
    pub complete: bool,
    /// What was deleted.
    pub counts: ErasedCounts,
}

impl Stone {
    /// Sets the tombstone, or takes up an erasure that was not brought to its end. A complete one begins again: what
    /// came since is deleted too.
    pub(super) async fn set(
        documents: &impl Documents,
        connection: &Connection,
        id: &UniqueId,
        by: &str,
        now_ms: i64,
    ) -> Result<Self, PortError> {
        let (shelf, name) = (Shelf::Erased(connection.id.clone()), pseudonym(connection, id));
        for _ in 0..TRIES {
            let stored = documents.document(&connection.account, &shelf, &name).await?;
            let version = stored.as_ref().map(|stored| stored.version);
            let body = stored.and_then(|stored| serde_json::from_str::<Body>(&stored.body).ok());
            if let (Some(Body { by, at_ms, place: Some(place), counts }), Some(version)) = (body, version) {
                return Ok(Self { id: name, version, by, at_ms, place, counts });
            }
            let body =
                Body { by: by.to_owned(), at_ms: now_ms, place: Some(Place::default()), counts: Default::default() };
            if documents.put_document(&connection.account, &shelf, &name, &text(&body)?, version, None).await? {
                let (version, by) = (version.unwrap_or(0) + 1, by.to_owned());
                return Ok(Self { id: name, version, by, at_ms: now_ms, place: Place::default(), counts: body.counts });
            }
        }
        Err(PortError::later(WRITE, "others erase the same person"))
    }

    /// Keeps how far it is; `done` when nothing is left.
    pub(super) async fn keep(
        &mut self,
        documents: &impl Documents,
        connection: &Connection,
        done: bool,
    ) -> Result<(), PortError> {
        let shelf = Shelf::Erased(connection.id.clone());
        let place = (!done).then(|| self.place.clone());
        let body = Body { by: self.by.clone(), at_ms: self.at_ms, place, counts: self.counts };
        let expected = Some(self.version);
        if documents.put_document(&connection.account, &shelf, &self.id, &text(&body)?, expected, None).await? {
            self.version += 1;
            return Ok(());
        }
        Err(PortError::later(WRITE, "others erase the same person"))
    }
}

/// The tombstone of a person, where there is one.
///
/// # Errors
/// [`PortError`] when a service failed.
pub async fn tombstone_of(
    documents: &impl Documents,
    connection: &Connection,
    id: &UniqueId,
) -> Result<Option<Tombstone>, PortError> {
    let (shelf, name) = (Shelf::Erased(connection.id.clone()), pseudonym(connection, id));
    let Some(stored) = documents.document(&connection.account, &shelf, &name).await? else { return Ok(None) };
    let body: Body = serde_json::from_str(&stored.body)
        .map_err(|e| PortError::never("read the tombstone", crate::error::located(&e)))?;
    let Body { by, at_ms, place, counts } = body;
    Ok(Some(Tombstone { id: name, by, at_ms, complete: place.is_none(), counts }))
}

/// Lifts an erasure: the next file or event takes the person in again. `Ok(false)` when there is none.
///
/// # Errors
/// [`PortError`] when a service failed.
pub async fn lift_erasure(
    documents: &impl Documents,
    connection: &Connection,
    id: &UniqueId,
) -> Result<bool, PortError> {
    let (shelf, name) = (Shelf::Erased(connection.id.clone()), pseudonym(connection, id));
    for _ in 0..TRIES {
        let Some(stored) = documents.document(&connection.account, &shelf, &name).await? else { return Ok(false) };
        if documents.delete_document(&connection.account, &shelf, &name, stored.version).await? {
            return Ok(true);
        }
    }
    Err(PortError::later("lift the erasure", "the erasure is being carried out"))
}

fn text(body: &Body) -> Result<String, PortError> {
    serde_json::to_string(body).map_err(|e| PortError::never(WRITE, e.to_string()))
}
