//! Uploads in parts. They live in memory: a restart forgets an upload that was not completed.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use futures::StreamExt;

use super::{
    blobs::Blob,
    index::ObjectVersion,
    store::{NewObject, Objects, ObjectsError},
};
use crate::digest;

struct Upload {
    new: NewObject,
    parts: BTreeMap<i32, Blob>,
}

/// The uploads under way.
#[derive(Default)]
pub(super) struct Uploads {
    uploads: Mutex<HashMap<String, Upload>>,
}

impl Uploads {
    fn locked(&self) -> MutexGuard<'_, HashMap<String, Upload>> {
        self.uploads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn begin(&self, new: NewObject) -> String {
        let id = digest::random_hex();
        self.locked().insert(id.clone(), Upload { new, parts: BTreeMap::new() });
        id
    }

    /// Adds a part; answers the one it replaces, or `Err` when there is no such upload.
    pub(super) fn add(&self, upload: &str, number: i32, part: Blob) -> Result<Option<Blob>, Blob> {
        match self.locked().get_mut(upload) {
            Some(upload) => Ok(upload.parts.insert(number, part)),
            None => Err(part),
        }
    }

    pub(super) fn exists(&self, upload: &str) -> bool {
        self.locked().contains_key(upload)
    }

    pub(super) fn parts(&self, upload: &str) -> Option<Vec<(i32, Blob)>> {
        Some(self.locked().get(upload)?.parts.iter().map(|(n, b)| (*n, b.clone())).collect())
    }

    fn new_object(&self, upload: &str) -> Option<NewObject> {
        Some(self.locked().get(upload)?.new.clone())
    }

    fn end(&self, upload: &str) -> Vec<Blob> {
        self.locked().remove(upload).map(|u| u.parts.into_values().collect()).unwrap_or_default()
    }
}

/// Why an upload could not be completed.
#[derive(Debug, thiserror::Error)]
pub(super) enum CompleteError {
    #[error("there is no such upload")]
    NoUpload,
    #[error("a listed part was not uploaded, or its ETag differs")]
    InvalidPart,
    #[error(transparent)]
    Objects(#[from] ObjectsError),
}

impl Objects {
    /// Joins the listed parts (number and `ETag`) into a new version.
    pub(super) async fn complete(
        &self,
        upload: &str,
        listed: &[(i32, String)],
        precondition: super::Precondition,
    ) -> Result<ObjectVersion, CompleteError> {
        let mut new = self.uploads.new_object(upload).ok_or(CompleteError::NoUpload)?;
        new.precondition = precondition;
        let stored: BTreeMap<i32, Blob> =
            self.uploads.parts(upload).ok_or(CompleteError::NoUpload)?.into_iter().collect();
        let mut parts = Vec::new();
        for (number, etag) in listed {
            let part = stored.get(number).filter(|p| digest::hex(&p.md5) == *etag || etag.is_empty());
            parts.push(part.cloned().ok_or(CompleteError::InvalidPart)?);
        }
        let blob = self.join(&parts).await.map_err(ObjectsError::from)?;
        let version = self.commit(new, &blob, etag_of_parts(&parts), "ObjectCreated:CompleteMultipartUpload")?;
        self.abort(upload);
        Ok(version)
    }

    async fn join(&self, parts: &[Blob]) -> std::io::Result<Blob> {
        let mut streams = Vec::new();
        for part in parts {
            streams.push(self.blobs.read(&part.id, 0..part.size).await?);
        }
        self.blobs.store(futures::stream::iter(streams).flatten()).await
    }

    /// Forgets an upload and its parts.
    pub(super) fn abort(&self, upload: &str) {
        for part in self.uploads.end(upload) {
            self.blobs.remove(&part.id);
        }
    }
}

/// MD5 over the parts' MD5s and their number: what S3 gives a multipart object.
fn etag_of_parts(parts: &[Blob]) -> String {
    let joined: Vec<u8> = parts.iter().flat_map(|p| p.md5).collect();
    format!("{}-{}", digest::md5_hex(&joined), parts.len())
}
