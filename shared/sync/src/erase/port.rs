//! What an erasure needs of the world beyond what everything else does. Each method is one request.

use muster_core::ids::{AccountId, ConnectionId, UniqueId};

use crate::{Page, PersonMark, PlanRef, PortError, Run};

type Answer<T> = Result<T, PortError>;

/// Items that may name a person, and their end.
#[expect(async_fn_in_trait, reason = "functions run one event at a time on one thread")]
pub trait Erasing {
    /// Deletes a recipient, hidden or not; `Ok(false)` when there is none.
    async fn delete_recipient(&self, account: &AccountId, connection: &ConnectionId, id: &UniqueId) -> Answer<bool>;
    /// One page of a connection's runs by id: those of single people, or all others.
    async fn runs_page(
        &self,
        account: &AccountId,
        connection: &ConnectionId,
        single: bool,
        from: Option<&str>,
    ) -> Answer<Page<Run>>;
    /// Deletes a run, unless it has moved on since it was read.
    async fn delete_run(&self, run: &Run) -> Answer<bool>;
    /// Puts another record of its plan into a run, unless it has moved on since it was read.
    async fn put_plan(&self, run: &Run, plan: &PlanRef) -> Answer<bool>;
    /// One page of the marks of a connection's people, each with its place.
    async fn marks_page(
        &self,
        account: &AccountId,
        connection: &ConnectionId,
        from: Option<&str>,
    ) -> Answer<Page<(String, PersonMark)>>;
    /// Deletes the mark at a place; `Ok(false)` when there is none.
    async fn delete_mark(&self, account: &AccountId, connection: &ConnectionId, place: &str) -> Answer<bool>;
}

/// The place of the mark of a person whom the provider calls so.
pub fn mark_place(person: &str) -> String {
    format!("PERSON#{person}")
}

/// A version of an object, or the mark that the object was deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectVersion {
    /// The object's key.
    pub key: String,
    /// The version's id.
    pub version: String,
    /// Whether it is what a reader gets.
    pub is_latest: bool,
    /// Whether it only says that the object was deleted.
    pub is_marker: bool,
}

/// Versions of objects, and their end.
#[expect(async_fn_in_trait, reason = "functions run one event at a time on one thread")]
pub trait ObjectVersions {
    /// One page of the versions of all objects under a prefix, by key, newest first.
    async fn versions(&self, prefix: &str, from: Option<&str>) -> Answer<Page<ObjectVersion>>;
    /// Deletes one version for good.
    async fn delete_version(&self, key: &str, version: &str) -> Answer<()>;
}
