//! Objects: bytes and index together, remembered over a restart, with the events they cause.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::body::Bytes;
use futures::{Stream, stream::BoxStream};
use serde::{Deserialize, Serialize};
use serde_json::Map;

use super::{
    blobs::{Blob, Blobs},
    events::{event_json, wants_event},
    index::{Index, ObjectVersion, Page, Precondition, Query, Refused},
    multipart::Uploads,
};
use crate::{clock::Clock, digest, journal::Journal, sqs::Sqs};

/// Why an object was not written or read.
#[derive(Debug, thiserror::Error)]
pub enum ObjectsError {
    /// No bucket has that name.
    #[error("there is no bucket {0:?}")]
    NoBucket(String),
    /// No current object under that key.
    #[error("there is no object {0:?}")]
    NoObject(String),
    /// The precondition does not hold.
    #[error("the precondition does not hold for {0:?}")]
    PreconditionFailed(String),
    /// The data folder failed.
    #[error("could not store the object: {0}")]
    Io(#[from] std::io::Error),
}

/// What a new version is to be, beside its bytes.
#[derive(Clone, Debug, Default)]
pub struct NewObject {
    /// The bucket's name.
    pub bucket: String,
    /// The key, not encoded.
    pub key: String,
    /// As given.
    pub content_type: Option<String>,
    /// As given.
    pub content_encoding: Option<String>,
    /// User metadata, without `x-amz-meta-`.
    pub metadata: BTreeMap<String, String>,
    /// What must hold of the current version.
    pub precondition: Precondition,
    /// The trace that the request named: the event belongs to it.
    pub trace: Option<String>,
}

#[derive(Serialize, Deserialize)]
enum Change {
    Bucket(String),
    /// A new version; `event` is the event's name as long as it has not been sent.
    Put {
        version: ObjectVersion,
        event: Option<String>,
    },
    /// The event of this version is in the queue.
    Announced(String),
    Gone {
        bucket: String,
        key: String,
        version_id: String,
    },
}

struct Inner {
    index: Mutex<Index>,
    journal: Journal,
    clock: Clock,
    sqs: Sqs,
}

/// All objects of all buckets. Versioning is always on.
#[derive(Clone)]
pub struct Objects {
    inner: Arc<Inner>,
    pub(super) blobs: Blobs,
    pub(super) uploads: Arc<Uploads>,
}

impl Objects {
    /// Objects in memory.
    pub(crate) fn in_memory(clock: Clock, sqs: Sqs) -> Self {
        let inner = Inner { index: Mutex::default(), journal: Journal::none(), clock, sqs };
        Self { inner: Arc::new(inner), blobs: Blobs::Memory(Arc::default()), uploads: Arc::default() }
    }

    /// Objects in `folder`. Sends the events that a killed process still owed.
    pub(crate) fn open(folder: &Path, clock: Clock, sqs: Sqs) -> Result<Self, ObjectsError> {
        std::fs::create_dir_all(folder)?;
        let (journal, changes) = Journal::open(&folder.join("index.jsonl"))?;
        let (index, owed) = replay(changes);
        let known: BTreeSet<&String> = index.all().map(|v| &v.version_id).collect();
        let blobs = Blobs::Folder(folder.join("blobs"));
        blobs.keep_only(|id| known.contains(&id.to_owned()))?;
        let buckets = index.buckets().map(|b| Change::Bucket(b.clone()));
        let versions = index.all().map(|v| Change::Put { version: v.clone(), event: owed.get(&v.version_id).cloned() });
        journal.rewrite(buckets.chain(versions))?;
        let inner = Inner { index: Mutex::new(index), journal, clock, sqs };
        let objects = Self { inner: Arc::new(inner), blobs, uploads: Arc::default() };
        let late: Vec<ObjectVersion> =
            objects.index().all().filter(|v| owed.contains_key(&v.version_id)).cloned().collect();
        for version in late {
            objects.announce(&version, &owed[&version.version_id], None)?;
        }
        Ok(objects)
    }

    pub(super) fn index(&self) -> MutexGuard<'_, Index> {
        self.inner.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a bucket; one that exists stays as it is.
    ///
    /// # Errors
    /// When the index cannot be written.
    pub fn create_bucket(&self, bucket: &str) -> Result<(), ObjectsError> {
        let mut index = self.index();
        if !index.has_bucket(bucket) {
            self.inner.journal.append(&Change::Bucket(bucket.to_owned()))?;
            index.add_bucket(bucket);
        }
        Ok(())
    }

    pub(super) fn require_bucket(&self, bucket: &str) -> Result<(), ObjectsError> {
        if self.index().has_bucket(bucket) { Ok(()) } else { Err(ObjectsError::NoBucket(bucket.to_owned())) }
    }

    /// Stores bytes as a new version.
    ///
    /// # Errors
    /// When there is no such bucket, the precondition does not hold, or the folder fails.
    pub async fn put<E>(
        &self,
        new: NewObject,
        body: impl Stream<Item = Result<Bytes, E>> + Unpin,
    ) -> Result<ObjectVersion, ObjectsError>
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let blob = self.blobs.store(body).await?;
        let etag = digest::hex(&blob.md5);
        self.commit(new, &blob, etag, "ObjectCreated:Put")
    }

    /// Stores a file as a new version.
    ///
    /// # Errors
    /// As [`Objects::put`], and when the file cannot be read.
    pub async fn put_file(&self, new: NewObject, path: &Path) -> Result<ObjectVersion, ObjectsError> {
        let file = tokio::fs::File::open(path).await?;
        let length = file.metadata().await?.len();
        self.put(new, Box::pin(super::blobs::file_stream(file, length))).await
    }

    /// Makes a stored blob the newest version of an object. Nothing is changed when this fails.
    pub(super) fn commit(
        &self,
        new: NewObject,
        blob: &Blob,
        etag: String,
        event: &str,
    ) -> Result<ObjectVersion, ObjectsError> {
        let committed = self.try_commit(new, blob, etag, event);
        if committed.is_err() {
            self.blobs.remove(&blob.id);
        }
        committed
    }

    fn try_commit(
        &self,
        new: NewObject,
        blob: &Blob,
        etag: String,
        event: &str,
    ) -> Result<ObjectVersion, ObjectsError> {
        let mut index = self.index();
        if !index.has_bucket(&new.bucket) {
            return Err(ObjectsError::NoBucket(new.bucket));
        }
        index.check(&new.bucket, &new.key, &new.precondition).map_err(|refused| match refused {
            Refused::Missing => ObjectsError::NoObject(new.key.clone()),
            Refused::Failed => ObjectsError::PreconditionFailed(new.key.clone()),
        })?;
        let at_ms = self.inner.clock.now_ms();
        let version = ObjectVersion {
            version_id: blob.id.clone(),
            at_ms,
            size: blob.size,
            etag,
            content_type: new.content_type,
            content_encoding: new.content_encoding,
            metadata: new.metadata,
            delete_marker: false,
            sequencer: index.next_sequencer(at_ms),
            bucket: new.bucket,
            key: new.key,
        };
        let event = wants_event(&version.key, event).then(|| event.to_owned());
        self.inner.journal.append(&Change::Put { version: version.clone(), event: event.clone() })?;
        index.add(version.clone());
        drop(index);
        if let Some(event) = event {
            self.announce(&version, &event, new.trace.as_deref())?;
        }
        Ok(version)
    }

    /// Queue first, mark second: a kill in between sends the event twice, never not at all.
    fn announce(&self, version: &ObjectVersion, event: &str, trace: Option<&str>) -> Result<(), ObjectsError> {
        let body = event_json(version, event).to_string();
        let sent = self.inner.sqs.send_in_trace("import", &body, Map::new(), 0, trace);
        sent.map_err(std::io::Error::other)?;
        Ok(self.inner.journal.append(&Change::Announced(version.version_id.clone()))?)
    }

    /// Makes the bytes of `source` a new version of another object.
    ///
    /// # Errors
    /// When there is no such bucket, the precondition does not hold, or the folder fails.
    pub fn copy(&self, source: &ObjectVersion, new: NewObject) -> Result<ObjectVersion, ObjectsError> {
        let id = digest::random_hex();
        self.blobs.duplicate(&source.version_id, &id)?;
        let blob = Blob { id, size: source.size, md5: [0; 16], crc32: [0; 4] };
        self.commit(new, &blob, source.etag.clone(), "ObjectCreated:Copy")
    }

    /// The newest version, unless the object is deleted.
    #[must_use]
    pub fn current(&self, bucket: &str, key: &str) -> Option<ObjectVersion> {
        self.index().current(bucket, key).cloned()
    }

    pub(super) fn version(&self, bucket: &str, key: &str, version_id: &str) -> Option<ObjectVersion> {
        self.index().version(bucket, key, version_id).cloned()
    }

    /// The bytes of a version in `range` (from, to before), as a stream.
    ///
    /// # Errors
    /// When the bytes cannot be read.
    pub async fn read(
        &self,
        version: &ObjectVersion,
        range: Range<u64>,
    ) -> std::io::Result<BoxStream<'static, std::io::Result<Bytes>>> {
        self.blobs.read(&version.version_id, range).await
    }

    /// Marks an object as deleted; answers the marker.
    ///
    /// # Errors
    /// When there is no such bucket or the index cannot be written.
    pub fn delete(&self, bucket: &str, key: &str) -> Result<ObjectVersion, ObjectsError> {
        self.require_bucket(bucket)?;
        let mut index = self.index();
        let at_ms = self.inner.clock.now_ms();
        let marker = ObjectVersion {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            version_id: digest::random_hex(),
            at_ms,
            size: 0,
            etag: String::new(),
            content_type: None,
            content_encoding: None,
            metadata: BTreeMap::new(),
            delete_marker: true,
            sequencer: index.next_sequencer(at_ms),
        };
        self.inner.journal.append(&Change::Put { version: marker.clone(), event: None })?;
        index.add(marker.clone());
        Ok(marker)
    }

    /// Deletes one version for good; answers it, if it was there.
    ///
    /// # Errors
    /// When the index cannot be written.
    pub fn delete_version(
        &self,
        bucket: &str,
        key: &str,
        version_id: &str,
    ) -> Result<Option<ObjectVersion>, ObjectsError> {
        let mut index = self.index();
        let removed = index.remove(bucket, key, version_id);
        if let Some(version) = &removed {
            let change =
                Change::Gone { bucket: bucket.to_owned(), key: key.to_owned(), version_id: version_id.to_owned() };
            self.inner.journal.append(&change)?;
            self.blobs.remove(&version.version_id);
        }
        Ok(removed)
    }

    /// Puts a version back as it was elsewhere, with its id and time; no event tells of it.
    ///
    /// # Errors
    /// When the folder fails.
    pub async fn restore(&self, version: ObjectVersion, bytes: Bytes) -> Result<(), ObjectsError> {
        let body = futures::stream::iter([Ok::<_, std::io::Error>(bytes)]);
        let blob = self.blobs.store(body).await?;
        self.blobs.duplicate(&blob.id, &version.version_id)?;
        self.blobs.remove(&blob.id);
        self.inner.journal.append(&Change::Put { version: version.clone(), event: None })?;
        self.index().add(version);
        Ok(())
    }

    /// The current objects whose key begins with `prefix`, by key.
    #[must_use]
    pub fn list(&self, bucket: &str, prefix: &str) -> Vec<ObjectVersion> {
        self.index().list(bucket, &Query { prefix, max: usize::MAX, ..Query::default() }).objects
    }

    pub(super) fn page(&self, bucket: &str, query: &Query<'_>) -> Page {
        self.index().list(bucket, query)
    }
}

fn replay(changes: Vec<Change>) -> (Index, BTreeMap<String, String>) {
    let (mut index, mut owed) = (Index::default(), BTreeMap::new());
    for change in changes {
        match change {
            Change::Bucket(bucket) => index.add_bucket(&bucket),
            Change::Put { version, event } => {
                owed.extend(event.map(|e| (version.version_id.clone(), e)));
                index.add(version);
            }
            Change::Announced(version_id) => drop(owed.remove(&version_id)),
            Change::Gone { bucket, key, version_id } => drop(index.remove(&bucket, &key, &version_id)),
        }
    }
    (index, owed)
}
