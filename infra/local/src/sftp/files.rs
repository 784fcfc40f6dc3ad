//! The SFTP operations of one session.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use futures::TryStreamExt;
use russh_sftp::protocol::{Attrs, Data, File, FileAttributes, Handle, Name, OpenFlags, Status, StatusCode, Version};
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use super::{
    home::{self, Folder, Home, Place},
    policy::Act,
    upload::{Landing, Upload},
};
use crate::s3::{NewObject, ObjectVersion, ObjectsError};

/// How many names go into one answer.
const NAMES: usize = 100;

enum Open {
    Folder(Vec<File>),
    Reading(ObjectVersion),
    Writing(Box<Upload>),
}

/// One session's view of its home.
pub(super) struct Files {
    home: Home,
    landing: Arc<Landing>,
    open: HashMap<String, Open>,
    handles: u64,
}

type Answer<T> = Result<T, StatusCode>;

fn failed(error: impl std::fmt::Display) -> StatusCode {
    tracing::error!("sftp: {error}");
    StatusCode::Failure
}

fn refused(error: ObjectsError) -> StatusCode {
    match error {
        ObjectsError::NoObject(_) => StatusCode::NoSuchFile,
        other => failed(other),
    }
}

fn done(id: u32) -> Status {
    Status { id, status_code: StatusCode::Ok, error_message: "Ok".into(), language_tag: "en-US".into() }
}

fn file_attributes(size: u64, at_ms: u64, writable: bool) -> FileAttributes {
    let at = u32::try_from(at_ms / 1000).ok();
    let permissions = Some(if writable { 0o100_644 } else { 0o100_444 });
    FileAttributes { size: Some(size), permissions, mtime: at, atime: at, ..FileAttributes::empty() }
}

fn folder_attributes() -> FileAttributes {
    FileAttributes { permissions: Some(0o040_755), mtime: Some(0), atime: Some(0), ..FileAttributes::empty() }
}

impl Files {
    pub(super) fn new(home: Home, landing: Arc<Landing>) -> Self {
        Self { home, landing, open: HashMap::new(), handles: 0 }
    }

    fn handle(&mut self, id: u32, open: Open) -> Handle {
        self.handles += 1;
        let handle = self.handles.to_string();
        self.open.insert(handle.clone(), open);
        Handle { id, handle }
    }

    /// The key of an entry with which the session may do that.
    fn key(&self, act: Act, folder: &Folder, name: &str) -> Answer<String> {
        let key = folder.key(name).ok_or(StatusCode::Failure)?;
        if self.home.may(act, &key) { Ok(key) } else { Err(StatusCode::PermissionDenied) }
    }

    fn current(&self, folder: &Folder, name: &str) -> Answer<Option<ObjectVersion>> {
        let key = self.key(Act::Get, folder, name)?;
        Ok(self.landing.objects.current(&self.landing.bucket, &key))
    }

    fn attributes(&self, path: &str) -> Answer<FileAttributes> {
        match self.home.place(path) {
            Place::Root | Place::Folder(_) => Ok(folder_attributes()),
            Place::Nowhere => Err(StatusCode::NoSuchFile),
            Place::Entry(folder, name) => match self.current(&folder, &name)? {
                Some(v) => Ok(file_attributes(v.size, v.at_ms, self.home.may(Act::Put, &v.key))),
                None if self.below(&folder, &name)?.is_empty() => Err(StatusCode::NoSuchFile),
                None => Ok(folder_attributes()),
            },
        }
    }

    /// Everything in the sub-folder `name` of a folder, or in the folder itself.
    fn below(&self, folder: &Folder, name: &str) -> Answer<Vec<(String, ObjectVersion)>> {
        let mut prefix = folder.prefix.clone();
        if !name.is_empty() {
            prefix.push_str(name);
            prefix.push('/');
        }
        if !self.home.lists(&prefix) {
            return Err(StatusCode::PermissionDenied);
        }
        let objects = self.landing.objects.list(&self.landing.bucket, &prefix);
        Ok(objects.into_iter().map(|v| (v.key[prefix.len()..].to_owned(), v)).collect())
    }

    fn names(&self, folder: &Folder, name: &str) -> Answer<Vec<File>> {
        let (mut files, mut folders) = (Vec::new(), BTreeSet::new());
        for (rest, version) in self.below(folder, name)? {
            match rest.split_once('/') {
                Some((sub, _)) => drop(folders.insert(sub.to_owned())),
                None if rest.is_empty() => {}
                None => {
                    let writable = self.home.may(Act::Put, &version.key);
                    files.push(File::new(rest, file_attributes(version.size, version.at_ms, writable)));
                }
            }
        }
        files.extend(folders.into_iter().map(|f| File::new(f, folder_attributes())));
        Ok(files)
    }

    async fn open_for_writing(&mut self, id: u32, (folder, name): (&Folder, &str), flags: OpenFlags) -> Answer<Handle> {
        let key = self.key(Act::Put, folder, name)?;
        let existing = self.current(folder, name)?;
        if existing.is_some() && flags.contains(OpenFlags::EXCLUDE) {
            return Err(StatusCode::Failure);
        }
        if existing.is_none() && !flags.contains(OpenFlags::CREATE) {
            return Err(StatusCode::NoSuchFile);
        }
        let resumed = existing.filter(|_| !flags.contains(OpenFlags::TRUNCATE));
        let upload = self.landing.begin(&self.home.user, (name, key), resumed.as_ref()).await.map_err(failed)?;
        Ok(self.handle(id, Open::Writing(Box::new(upload))))
    }

    async fn read_object(&self, version: &ObjectVersion, offset: u64, length: u32) -> Answer<Vec<u8>> {
        let end = (offset + u64::from(length)).min(version.size);
        if offset >= end {
            return Err(StatusCode::Eof);
        }
        let stream = self.landing.objects.read(version, offset..end).await.map_err(failed)?;
        let chunks: Vec<axum::body::Bytes> = stream.try_collect().await.map_err(failed)?;
        Ok(chunks.concat())
    }
}

/// Reads back what is being written, as a client that opened for both may ask.
async fn read_upload(upload: &mut Upload, offset: u64, length: u32) -> Answer<Vec<u8>> {
    let path = upload.flush().await.map_err(failed)?;
    let mut file = tokio::fs::File::open(path).await.map_err(failed)?;
    file.seek(std::io::SeekFrom::Start(offset)).await.map_err(failed)?;
    let mut data = Vec::new();
    file.take(u64::from(length)).read_to_end(&mut data).await.map_err(failed)?;
    if data.is_empty() { Err(StatusCode::Eof) } else { Ok(data) }
}

impl Drop for Files {
    /// A file that is still open was cut off.
    fn drop(&mut self) {
        for (_, open) in self.open.drain() {
            if let Open::Writing(upload) = open {
                self.landing.give_up(*upload);
            }
        }
    }
}

impl russh_sftp::server::Handler for Files {
    type Error = StatusCode;

    fn unimplemented(&self) -> StatusCode {
        StatusCode::OpUnsupported
    }

    async fn init(&mut self, _version: u32, _extensions: HashMap<String, String>) -> Answer<Version> {
        Ok(Version::new())
    }

    async fn realpath(&mut self, id: u32, path: String) -> Answer<Name> {
        Ok(Name { id, files: vec![File::dummy(home::clean(&path))] })
    }

    async fn stat(&mut self, id: u32, path: String) -> Answer<Attrs> {
        Ok(Attrs { id, attrs: self.attributes(&path)? })
    }

    async fn lstat(&mut self, id: u32, path: String) -> Answer<Attrs> {
        self.stat(id, path).await
    }

    async fn fstat(&mut self, id: u32, handle: String) -> Answer<Attrs> {
        let attrs = match self.open.get(&handle) {
            Some(Open::Writing(upload)) => file_attributes(upload.length, 0, true),
            Some(Open::Reading(version)) => file_attributes(version.size, version.at_ms, true),
            Some(Open::Folder(_)) => folder_attributes(),
            None => return Err(StatusCode::Failure),
        };
        Ok(Attrs { id, attrs })
    }

    async fn setstat(&mut self, id: u32, path: String, _attrs: FileAttributes) -> Answer<Status> {
        self.attributes(&path).map(|_| done(id))
    }

    async fn fsetstat(&mut self, id: u32, handle: String, attrs: FileAttributes) -> Answer<Status> {
        if let (Some(Open::Writing(upload)), Some(size)) = (self.open.get_mut(&handle), attrs.size) {
            upload.truncate(size).await.map_err(failed)?;
        }
        Ok(done(id))
    }

    async fn opendir(&mut self, id: u32, path: String) -> Answer<Handle> {
        let names = match self.home.place(&path) {
            Place::Root => self.home.folders().iter().map(|f| File::new(&f.name, folder_attributes())).collect(),
            Place::Folder(folder) => self.names(&folder, "")?,
            Place::Entry(folder, name) if !self.below(&folder, &name)?.is_empty() => self.names(&folder, &name)?,
            Place::Entry(..) | Place::Nowhere => return Err(StatusCode::NoSuchFile),
        };
        Ok(self.handle(id, Open::Folder(names)))
    }

    async fn readdir(&mut self, id: u32, handle: String) -> Answer<Name> {
        match self.open.get_mut(&handle) {
            Some(Open::Folder(names)) if names.is_empty() => Err(StatusCode::Eof),
            Some(Open::Folder(names)) => Ok(Name { id, files: names.drain(..NAMES.min(names.len())).collect() }),
            _ => Err(StatusCode::Failure),
        }
    }

    async fn open(&mut self, id: u32, path: String, flags: OpenFlags, _attrs: FileAttributes) -> Answer<Handle> {
        let writes = flags.intersects(OpenFlags::WRITE | OpenFlags::APPEND | OpenFlags::CREATE | OpenFlags::TRUNCATE);
        match self.home.place(&path) {
            Place::Entry(folder, name) if writes => self.open_for_writing(id, (&folder, &name), flags).await,
            Place::Entry(folder, name) => {
                let version = self.current(&folder, &name)?.ok_or(StatusCode::NoSuchFile)?;
                Ok(self.handle(id, Open::Reading(version)))
            }
            _ if writes => Err(StatusCode::PermissionDenied),
            _ => Err(StatusCode::NoSuchFile),
        }
    }

    async fn read(&mut self, id: u32, handle: String, offset: u64, len: u32) -> Answer<Data> {
        let data = match self.open.get_mut(&handle) {
            Some(Open::Writing(upload)) => read_upload(upload, offset, len).await?,
            Some(Open::Reading(version)) => {
                let version = version.clone();
                self.read_object(&version, offset, len).await?
            }
            _ => return Err(StatusCode::Failure),
        };
        Ok(Data { id, data })
    }

    async fn write(&mut self, id: u32, handle: String, offset: u64, data: Vec<u8>) -> Answer<Status> {
        let Some(Open::Writing(upload)) = self.open.get_mut(&handle) else { return Err(StatusCode::Failure) };
        upload.write(offset, &data).await.map_err(failed)?;
        Ok(done(id))
    }

    async fn close(&mut self, id: u32, handle: String) -> Answer<Status> {
        match self.open.remove(&handle) {
            Some(Open::Writing(upload)) => {
                tracing::info!(user = self.home.user, bytes = upload.length, file = upload.name, "upload finished");
                self.landing.finish(*upload).await.map_err(refused)?;
            }
            Some(_) => {}
            None => return Err(StatusCode::Failure),
        }
        Ok(done(id))
    }

    async fn remove(&mut self, id: u32, path: String) -> Answer<Status> {
        let Place::Entry(folder, name) = self.home.place(&path) else { return Err(StatusCode::PermissionDenied) };
        let key = self.key(Act::Delete, &folder, &name)?;
        self.current(&folder, &name)?.ok_or(StatusCode::NoSuchFile)?;
        self.landing.objects.delete(&self.landing.bucket, &key).map_err(refused)?;
        Ok(done(id))
    }

    async fn mkdir(&mut self, id: u32, path: String, _attrs: FileAttributes) -> Answer<Status> {
        let Place::Entry(folder, name) = self.home.place(&path) else { return Err(StatusCode::PermissionDenied) };
        let key = self.key(Act::Put, &folder, &format!("{name}/"))?;
        let new = NewObject { bucket: self.landing.bucket.clone(), key, ..NewObject::default() };
        let nothing = futures::stream::empty::<std::io::Result<axum::body::Bytes>>();
        self.landing.objects.put(new, nothing).await.map_err(refused)?;
        Ok(done(id))
    }

    async fn rmdir(&mut self, id: u32, path: String) -> Answer<Status> {
        let Place::Entry(folder, name) = self.home.place(&path) else { return Err(StatusCode::PermissionDenied) };
        let key = self.key(Act::Delete, &folder, &format!("{name}/"))?;
        match self.below(&folder, &name)?.as_slice() {
            [] => Err(StatusCode::NoSuchFile),
            [(rest, _)] if rest.is_empty() => {
                self.landing.objects.delete(&self.landing.bucket, &key).map_err(refused)?;
                Ok(done(id))
            }
            _ => Err(StatusCode::Failure),
        }
    }

    async fn rename(&mut self, id: u32, oldpath: String, newpath: String) -> Answer<Status> {
        match (self.home.place(&oldpath), self.home.place(&newpath)) {
            (Place::Entry(folder, from), Place::Entry(other, to)) if folder == other => {
                self.key(Act::Get, &folder, &from)?;
                let from = self.key(Act::Delete, &folder, &from)?;
                let to = self.key(Act::Put, &folder, &to)?;
                self.landing.rename(from, to).map_err(refused)?;
                Ok(done(id))
            }
            (Place::Nowhere, _) => Err(StatusCode::NoSuchFile),
            _ => Err(StatusCode::PermissionDenied),
        }
    }
}
