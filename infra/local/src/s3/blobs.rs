//! The bytes of objects: one immutable file (or buffer) per version.

use std::{
    collections::HashMap,
    io::SeekFrom,
    ops::Range,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::body::Bytes;
use futures::{Stream, StreamExt, stream::BoxStream};
use s3s::crypto::{Checksum, Crc32, Md5};
use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt},
};

use crate::digest;

/// How much is read from a file at once, in bytes.
const CHUNK: usize = 64 * 1024;

/// Stored bytes and what is known of them.
#[derive(Clone, Debug)]
pub(crate) struct Blob {
    pub(crate) id: String,
    pub(crate) size: u64,
    pub(crate) md5: [u8; 16],
    pub(crate) crc32: [u8; 4],
}

/// Where blobs are kept.
#[derive(Clone)]
pub(super) enum Blobs {
    Memory(Arc<Mutex<HashMap<String, Bytes>>>),
    Folder(PathBuf),
}

fn locked(map: &Mutex<HashMap<String, Bytes>>) -> MutexGuard<'_, HashMap<String, Bytes>> {
    map.lock().unwrap_or_else(PoisonError::into_inner)
}

fn path_of(folder: &Path, id: &str) -> PathBuf {
    folder.join(&id[..2.min(id.len())]).join(id)
}

impl Blobs {
    /// Stores a stream under a new id. The file gets its name only when it is whole.
    pub(super) async fn store<E>(&self, mut body: impl Stream<Item = Result<Bytes, E>> + Unpin) -> std::io::Result<Blob>
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let id = digest::random_hex();
        let (mut md5, mut crc32, mut size) = (Md5::new(), Crc32::new(), 0_u64);
        let mut sink = self.sink(&id).await?;
        while let Some(chunk) = body.next().await {
            let chunk = match chunk {
                Ok(chunk) => chunk,
                Err(error) => {
                    sink.discard().await;
                    return Err(std::io::Error::other(error));
                }
            };
            md5.update(&chunk);
            crc32.update(&chunk);
            size += chunk.len() as u64;
            sink.write(&chunk).await?;
        }
        sink.finish(self, &id).await?;
        Ok(Blob { id, size, md5: md5.finalize(), crc32: crc32.finalize() })
    }

    async fn sink(&self, id: &str) -> std::io::Result<Sink> {
        match self {
            Self::Memory(_) => Ok(Sink::Memory(Vec::new())),
            Self::Folder(folder) => {
                let path = path_of(folder, id);
                tokio::fs::create_dir_all(path.parent().unwrap_or(folder)).await?;
                let partial = path.with_extension("partial");
                Ok(Sink::File(File::create(&partial).await?, partial))
            }
        }
    }

    /// A second name for the same bytes.
    pub(super) fn duplicate(&self, from: &str, to: &str) -> std::io::Result<()> {
        match self {
            Self::Memory(map) => {
                let mut map = locked(map);
                let bytes = map.get(from).cloned().ok_or(std::io::ErrorKind::NotFound)?;
                map.insert(to.to_owned(), bytes);
            }
            Self::Folder(folder) => {
                let (from, to) = (path_of(folder, from), path_of(folder, to));
                std::fs::create_dir_all(to.parent().unwrap_or(folder))?;
                if std::fs::hard_link(&from, &to).is_err() {
                    std::fs::copy(&from, &to)?;
                }
            }
        }
        Ok(())
    }

    /// Forgets the bytes; that they are gone already is no error.
    pub(super) fn remove(&self, id: &str) {
        match self {
            Self::Memory(map) => drop(locked(map).remove(id)),
            Self::Folder(folder) => drop(std::fs::remove_file(path_of(folder, id))),
        }
    }

    /// The bytes in `range` as a stream.
    pub(super) async fn read(
        &self,
        id: &str,
        range: Range<u64>,
    ) -> std::io::Result<BoxStream<'static, std::io::Result<Bytes>>> {
        match self {
            Self::Memory(map) => {
                let bytes = locked(map).get(id).cloned().ok_or(std::io::ErrorKind::NotFound)?;
                let part = bytes.slice(to_usize(range.start)..to_usize(range.end));
                Ok(futures::stream::once(async move { Ok(part) }).boxed())
            }
            Self::Folder(folder) => {
                let mut file = File::open(path_of(folder, id)).await?;
                file.seek(SeekFrom::Start(range.start)).await?;
                Ok(file_stream(file, range.end - range.start).boxed())
            }
        }
    }

    /// Removes every stored file that `known` does not know: leftovers of a killed process.
    pub(super) fn keep_only(&self, known: impl Fn(&str) -> bool) -> std::io::Result<()> {
        let Self::Folder(folder) = self else { return Ok(()) };
        std::fs::create_dir_all(folder)?;
        for part in std::fs::read_dir(folder)? {
            for file in std::fs::read_dir(part?.path())? {
                let file = file?;
                if !known(&file.file_name().to_string_lossy()) {
                    std::fs::remove_file(file.path())?;
                }
            }
        }
        Ok(())
    }
}

fn to_usize(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

pub(super) fn file_stream(file: File, length: u64) -> impl Stream<Item = std::io::Result<Bytes>> {
    futures::stream::try_unfold((file, length), |(mut file, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let mut buffer = vec![0; CHUNK.min(to_usize(left))];
        let read = file.read(&mut buffer).await?;
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        buffer.truncate(read);
        Ok(Some((Bytes::from(buffer), (file, left - read as u64))))
    })
}

enum Sink {
    Memory(Vec<u8>),
    File(File, PathBuf),
}

impl Sink {
    async fn write(&mut self, chunk: &[u8]) -> std::io::Result<()> {
        match self {
            Self::Memory(bytes) => {
                bytes.extend_from_slice(chunk);
                Ok(())
            }
            Self::File(file, _) => file.write_all(chunk).await,
        }
    }

    async fn discard(self) {
        if let Self::File(file, path) = self {
            drop(file);
            let _ = tokio::fs::remove_file(path).await;
        }
    }

    async fn finish(self, blobs: &Blobs, id: &str) -> std::io::Result<()> {
        match (self, blobs) {
            (Self::Memory(bytes), Blobs::Memory(map)) => {
                locked(map).insert(id.to_owned(), Bytes::from(bytes));
            }
            (Self::File(mut file, partial), _) => {
                file.flush().await?;
                tokio::fs::rename(&partial, partial.with_extension("")).await?;
            }
            (Self::Memory(_), Blobs::Folder(_)) => {}
        }
        Ok(())
    }
}
