//! Objects on S3.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::time::Duration;

use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::get_object::{GetObjectError, GetObjectOutput};
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::types::ServerSideEncryption;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::byte_stream::{ByteStream, Length};
use md5::{Digest, Md5};
use muster_sync::{Fetched, ObjectVersion, ObjectVersions, Objects, Page, PortError, Retry};

use crate::config::BucketConfig;
use crate::fault::{code, failed_at, shown};
use crate::pause::jittered;

type Answer<T> = Result<T, PortError>;

const FETCH: &str = "fetch the object";
const STORE: &str = "store the object";
const SIGN: &str = "sign a link to the object";
/// How often a broken transfer is taken up again.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(100);

/// The bucket of files, plans and reports.
#[derive(Debug, Clone)]
pub struct Bucket {
    client: aws_sdk_s3::Client,
    name: String,
}

impl Bucket {
    /// The bucket that the configuration names.
    pub fn new(client: aws_sdk_s3::Client, config: BucketConfig) -> Self {
        Self { client, name: config.bucket }
    }

    /// The object's bytes from `from` on; `None` when it is not there.
    async fn get(&self, key: &str, version: Option<&str>, have: &Spool) -> Answer<Option<GetObjectOutput>> {
        let request = self.client.get_object().bucket(&self.name).key(key).set_version_id(version.map(str::to_owned));
        // What is taken up again must be the same object, even where the bucket has no versions.
        let request = request.set_if_match(have.etag.clone());
        let request = request.set_range((have.size > 0).then(|| format!("bytes={}-", have.size)));
        match request.send().await {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if is_gone(&error) => Ok(None),
            Err(error) if code(&error) == Some("PreconditionFailed") => {
                Err(PortError::later(FETCH, format!("{}: replaced while it was read", shown(key))))
            }
            Err(error) => Err(failed_at(FETCH, key, &error)),
        }
    }
}

/// Deleted objects answer in three ways: no key, no version, or a delete marker that cannot be read.
fn is_gone(error: &SdkError<GetObjectError, HttpResponse>) -> bool {
    matches!(code(error), Some("NoSuchKey" | "NoSuchVersion" | "MethodNotAllowed"))
}

/// What is fetched so far.
struct Spool {
    file: File,
    size: u64,
    md5: Md5,
    etag: Option<String>,
}

impl Spool {
    fn new() -> Answer<Self> {
        let file = tempfile::tempfile().map_err(|error| local(FETCH, &error))?;
        Ok(Self { file, size: 0, md5: Md5::new(), etag: None })
    }

    /// Takes in a body until its end, or until it breaks off.
    async fn take(&mut self, mut body: ByteStream) -> Answer<()> {
        while let Some(bytes) = body.next().await {
            let Ok(bytes) = bytes else { return Ok(()) };
            self.file.write_all(&bytes).map_err(|error| local(FETCH, &error))?;
            self.md5.update(&bytes);
            self.size += bytes.len() as u64;
        }
        Ok(())
    }

    fn matches(&self, digest: &str) -> bool {
        let ours: String = self.md5.clone().finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        ours.eq_ignore_ascii_case(digest)
    }
}

/// A full or failing disk of this very machine: another may do better.
fn local(operation: &'static str, error: &std::io::Error) -> PortError {
    PortError::later(operation, format!("the temporary file: {}", error.kind()))
}

/// The MD5 of the whole object, where its `ETag` is one: not of parts, not under a KMS key.
fn plain_md5(answer: &GetObjectOutput) -> Option<String> {
    let under_key = matches!(answer.server_side_encryption(), Some(kind) if *kind != ServerSideEncryption::Aes256);
    let etag = answer.e_tag()?.trim_matches('"');
    let plain = etag.len() == 32 && etag.bytes().all(|byte| byte.is_ascii_hexdigit());
    (plain && !under_key && answer.sse_customer_algorithm().is_none()).then(|| etag.to_owned())
}

impl Objects for Bucket {
    async fn fetch(&self, key: &str, version: Option<&str>) -> Answer<Option<Fetched>> {
        let mut spool = Spool::new()?;
        let Some(first) = self.get(key, version, &spool).await? else { return Ok(None) };
        let total = first.content_length().and_then(|length| u64::try_from(length).ok());
        let total = total.ok_or_else(|| PortError::later(FETCH, format!("{}: no length in the answer", shown(key))))?;
        let version = first.version_id().map(str::to_owned).or(version.map(str::to_owned));
        let digest = plain_md5(&first);
        let modified_ms = first.last_modified().and_then(|at| at.to_millis().ok()).unwrap_or(0);
        let uploader = first.metadata().and_then(|metadata| metadata.get("user-agent-id")).cloned();
        spool.etag = first.e_tag().map(str::to_owned);
        let mut body = Some(first.body);
        for attempt in 0..TRIES {
            if let Some(body) = body.take() {
                spool.take(body).await?;
            }
            if spool.size >= total {
                break;
            }
            tokio::time::sleep(jittered(PAUSE, attempt)).await;
            let Some(rest) = self.get(key, version.as_deref(), &spool).await? else { return Ok(None) };
            body = Some(rest.body);
        }
        if spool.size != total {
            return Err(PortError::later(FETCH, format!("{}: {} of {total} bytes came", shown(key), spool.size)));
        }
        if digest.is_some_and(|digest| !spool.matches(&digest)) {
            return Err(PortError::later(FETCH, format!("{}: the bytes do not match their checksum", shown(key))));
        }
        spool.file.seek(SeekFrom::Start(0)).map_err(|error| local(FETCH, &error))?;
        Ok(Some(Fetched { file: spool.file, size: total, modified_ms, uploader }))
    }

    async fn read(&self, key: &str) -> Answer<Option<Vec<u8>>> {
        use std::io::Read;
        let Some(fetched) = self.fetch(key, None).await? else { return Ok(None) };
        let mut bytes = Vec::with_capacity(usize::try_from(fetched.size).unwrap_or(0));
        let mut file = fetched.file;
        file.read_to_end(&mut bytes).map_err(|error| local(FETCH, &error))?;
        Ok(Some(bytes))
    }

    async fn write(&self, key: &str, bytes: Vec<u8>, kind: &'static str) -> Answer<()> {
        let request = self.client.put_object().bucket(&self.name).key(key).content_type(kind);
        let sent = request.body(ByteStream::from(bytes)).send().await;
        sent.map(|_| ()).map_err(|error| failed_at(STORE, key, &error))
    }

    async fn write_file(&self, key: &str, mut file: File, kind: &'static str) -> Answer<()> {
        let mut attempt = 0;
        loop {
            file.seek(SeekFrom::Start(0)).map_err(|error| local(STORE, &error))?;
            let sent = self.put_file(key, &file, kind).await;
            attempt += 1;
            match sent {
                // The SDK cannot send a file's stream again by itself.
                Err(error) if error.retry == Retry::Later && attempt < TRIES => {
                    tokio::time::sleep(jittered(PAUSE, attempt)).await;
                }
                other => return other,
            }
        }
    }

    async fn download_link(&self, key: &str, file_name: &str, seconds: u32) -> Answer<String> {
        let request = self.client.get_object().bucket(&self.name).key(key);
        let request = request.response_content_disposition(attachment(file_name)).response_cache_control("no-store");
        let signed = request.presigned(lasting(seconds)?).await.map_err(|error| failed_at(SIGN, key, &error))?;
        Ok(signed.uri().to_owned())
    }

    async fn upload_link(&self, key: &str, content_type: &str, seconds: u32) -> Answer<String> {
        let request = self.client.put_object().bucket(&self.name).key(key).content_type(content_type);
        let signed = request.presigned(lasting(seconds)?).await.map_err(|error| failed_at(SIGN, key, &error))?;
        Ok(signed.uri().to_owned())
    }
}

fn lasting(seconds: u32) -> Answer<PresigningConfig> {
    let config = PresigningConfig::expires_in(Duration::from_secs(u64::from(seconds)));
    config.map_err(|error| PortError::never(SIGN, error.to_string()))
}

/// Has a browser save the answer, whatever is in it. Characters that a header cannot hold become `_`.
fn attachment(file_name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-._".contains(c) { c } else { '_' };
    format!("attachment; filename=\"{}\"", file_name.chars().map(plain).collect::<String>())
}

impl Bucket {
    /// One request, which may carry up to 5 GiB.
    async fn put_file(&self, key: &str, file: &File, kind: &'static str) -> Answer<()> {
        let size = file.metadata().map_err(|error| local(STORE, &error))?.len();
        let clone = file.try_clone().map_err(|error| local(STORE, &error))?;
        let body = ByteStream::read_from().file(tokio::fs::File::from_std(clone)).length(Length::Exact(size)).build();
        let body = body.await.map_err(|error| PortError::later(STORE, format!("{}: {error}", shown(key))))?;
        let length = i64::try_from(size).unwrap_or(i64::MAX);
        let request = self.client.put_object().bucket(&self.name).key(key).content_type(kind).content_length(length);
        request.body(body).send().await.map(|_| ()).map_err(|error| failed_at(STORE, key, &error))
    }
}

impl ObjectVersions for Bucket {
    async fn versions(&self, prefix: &str, from: Option<&str>) -> Answer<Page<ObjectVersion>> {
        const LIST: &str = "list the versions of objects";
        // The place of the next page is a key and a version: no key holds a line end.
        let (key, version) = from.and_then(|from| from.split_once('\n')).unzip();
        let request = self.client.list_object_versions().bucket(&self.name).prefix(prefix);
        let request = request.set_key_marker(key.map(str::to_owned));
        let request = request.set_version_id_marker(version.filter(|id| !id.is_empty()).map(str::to_owned));
        let page = request.send().await.map_err(|error| failed_at(LIST, prefix, &error))?;
        let next = page.is_truncated().unwrap_or(false);
        let next = page.next_key_marker().filter(|_| next);
        let next = next.map(|key| format!("{key}\n{}", page.next_version_id_marker().unwrap_or_default()));
        let told = |key: Option<&str>, version: Option<&str>, latest: Option<bool>, is_marker| {
            let (key, version) = (key?.to_owned(), version.unwrap_or("null").to_owned());
            Some(ObjectVersion { key, version, is_latest: latest.unwrap_or(false), is_marker })
        };
        let versions = page.versions().iter();
        let versions = versions.filter_map(|one| told(one.key(), one.version_id(), one.is_latest(), false));
        let markers = page.delete_markers().iter();
        let markers = markers.filter_map(|one| told(one.key(), one.version_id(), one.is_latest(), true));
        Ok(Page { items: versions.chain(markers).collect(), next })
    }

    async fn delete_version(&self, key: &str, version: &str) -> Answer<()> {
        const DELETE: &str = "delete a version";
        let request = self.client.delete_object().bucket(&self.name).key(key).version_id(version);
        request.send().await.map(|_| ()).map_err(|error| failed_at(DELETE, key, &error))
    }
}
