//! From written bytes to objects: the landing prefix, then `inbox/` or, for a fragment, `partial/`.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tempfile::NamedTempFile;
use tokio::{
    fs::File,
    io::{AsyncSeekExt, AsyncWriteExt},
};

use crate::s3::{NewObject, ObjectVersion, Objects, ObjectsError};

/// Where uploads go.
pub(crate) struct Landing {
    pub(super) objects: Objects,
    pub(super) bucket: String,
    spool: PathBuf,
    /// Held by every upload that is not put away yet.
    pending: Arc<()>,
}

impl Landing {
    pub(super) fn new(objects: Objects, bucket: &str, spool: PathBuf) -> std::io::Result<Self> {
        if spool.exists() {
            std::fs::remove_dir_all(&spool)?;
        }
        std::fs::create_dir_all(&spool)?;
        Ok(Self { objects, bucket: bucket.to_owned(), spool, pending: Arc::new(()) })
    }

    /// Begins an upload to `key`; `name` is what the file is called in its folder, `resumed` what it holds already.
    pub(super) async fn begin(
        &self,
        user: &str,
        (name, key): (&str, String),
        resumed: Option<&ObjectVersion>,
    ) -> std::io::Result<Upload> {
        let spooled = NamedTempFile::new_in(&self.spool)?;
        let mut file = File::from_std(spooled.reopen()?);
        let mut length = 0;
        if let Some(version) = resumed {
            let mut bytes = self.objects.read(version, 0..version.size).await?;
            while let Some(chunk) = futures::StreamExt::next(&mut bytes).await {
                file.write_all(&chunk?).await?;
            }
            length = version.size;
        }
        Ok(Upload {
            user: user.to_owned(),
            name: name.to_owned(),
            key,
            spooled,
            file,
            position: length,
            length,
            _pending: self.pending.clone(),
        })
    }

    /// The file was closed: it is whole. Lands it, then copies it to where imports begin.
    pub(super) async fn finish(&self, upload: Upload) -> Result<(), ObjectsError> {
        self.land(upload, "inbox").await
    }

    /// The session ended with the file open: what came so far goes where nothing is imported from.
    pub(super) fn give_up(self: &Arc<Self>, upload: Upload) {
        let landing = self.clone();
        tokio::spawn(async move {
            tracing::warn!(user = upload.user, bytes = upload.length, "session ended during an upload");
            if let Err(error) = landing.land(upload, "partial").await {
                tracing::error!("could not keep a fragment: {error}");
            }
        });
    }

    async fn land(&self, mut upload: Upload, stage: &str) -> Result<(), ObjectsError> {
        upload.file.flush().await?;
        let metadata = [("user-agent-id".to_owned(), format!("{}@local", upload.user))].into();
        let new = NewObject { bucket: self.bucket.clone(), key: upload.key, metadata, ..NewObject::default() };
        let landed = self.objects.put_file(new, upload.spooled.path()).await?;
        let key = format!("{stage}/{}/{}", upload.user, upload.name);
        self.objects.copy(&landed, NewObject { key, ..same_as(&landed) }).map(drop)
    }

    /// Moves an object within the landing prefix, as Transfer does it: copy, then delete, and no workflow. The copy's
    /// own event is what tells of the new name.
    pub(super) fn rename(&self, from: String, to: String) -> Result<(), ObjectsError> {
        let source = self.objects.current(&self.bucket, &from).ok_or(ObjectsError::NoObject(from))?;
        self.objects.copy(&source, NewObject { key: to, ..same_as(&source) })?;
        self.objects.delete(&self.bucket, &source.key).map(drop)
    }

    /// Waits, at most `longest`, until every upload is put away.
    pub(super) async fn settle(&self, longest: Duration) {
        let deadline = tokio::time::Instant::now() + longest;
        while Arc::strong_count(&self.pending) > 1 && tokio::time::Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

fn same_as(version: &ObjectVersion) -> NewObject {
    NewObject {
        bucket: version.bucket.clone(),
        content_type: version.content_type.clone(),
        content_encoding: version.content_encoding.clone(),
        metadata: version.metadata.clone(),
        ..NewObject::default()
    }
}

/// A file open for writing, spooled on disk.
pub(super) struct Upload {
    user: String,
    pub(super) name: String,
    key: String,
    spooled: NamedTempFile,
    file: File,
    position: u64,
    pub(super) length: u64,
    _pending: Arc<()>,
}

impl Upload {
    pub(super) async fn write(&mut self, offset: u64, data: &[u8]) -> std::io::Result<()> {
        if offset != self.position {
            self.file.seek(std::io::SeekFrom::Start(offset)).await?;
        }
        self.file.write_all(data).await?;
        self.position = offset + data.len() as u64;
        self.length = self.length.max(self.position);
        Ok(())
    }

    pub(super) async fn truncate(&mut self, length: u64) -> std::io::Result<()> {
        self.file.flush().await?;
        self.file.set_len(length).await?;
        self.length = length;
        Ok(())
    }

    pub(super) async fn flush(&mut self) -> std::io::Result<&Path> {
        self.file.flush().await?;
        Ok(self.spooled.path())
    }
}
