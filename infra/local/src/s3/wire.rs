//! Between the protocol's types and ours.

use std::{
    ops::Range as Bytes,
    time::{Duration, UNIX_EPOCH},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use s3s::{
    Body, S3Request, S3Result,
    dto::{DeleteMarkerEntry, ETag, ETagCondition, Object, ObjectVersion as WireVersion, StreamingBlob, Timestamp},
    s3_error,
};

use super::{
    blobs::Blob,
    index::{ObjectVersion, Precondition},
    store::ObjectsError,
};

impl From<ObjectsError> for s3s::S3Error {
    fn from(error: ObjectsError) -> Self {
        match error {
            ObjectsError::NoBucket(_) => s3_error!(NoSuchBucket, "{error}"),
            ObjectsError::NoObject(_) => s3_error!(NoSuchKey, "{error}"),
            ObjectsError::PreconditionFailed(_) => s3_error!(PreconditionFailed, "{error}"),
            ObjectsError::Io(_) => s3_error!(InternalError, "{error}"),
        }
    }
}

pub(super) fn io(error: std::io::Error) -> s3s::S3Error {
    ObjectsError::from(error).into()
}

pub(super) fn time(ms: u64) -> Timestamp {
    // S3 answers whole seconds only.
    Timestamp::from(UNIX_EPOCH + Duration::from_secs(ms / 1000))
}

pub(super) fn etag(version: &ObjectVersion) -> Option<ETag> {
    Some(ETag::Strong(version.etag.clone()))
}

pub(super) fn size(version: &ObjectVersion) -> Option<i64> {
    i64::try_from(version.size).ok()
}

/// An entry of a listing; `key` as the listing's encoding wants it.
pub(super) fn listed(version: &ObjectVersion, key: String) -> Object {
    Object {
        key: Some(key),
        size: size(version),
        e_tag: etag(version),
        last_modified: Some(time(version.at_ms)),
        ..Default::default()
    }
}

/// An entry of a listing of versions.
pub(super) fn listed_version(version: ObjectVersion, is_latest: bool) -> WireVersion {
    WireVersion {
        size: size(&version),
        e_tag: etag(&version),
        last_modified: Some(time(version.at_ms)),
        is_latest: Some(is_latest),
        key: Some(version.key),
        version_id: Some(version.version_id),
        ..Default::default()
    }
}

/// A delete marker in a listing of versions.
pub(super) fn listed_marker(version: ObjectVersion, is_latest: bool) -> DeleteMarkerEntry {
    DeleteMarkerEntry {
        last_modified: Some(time(version.at_ms)),
        is_latest: Some(is_latest),
        key: Some(version.key),
        version_id: Some(version.version_id),
        owner: None,
    }
}

fn wanted(condition: &ETagCondition) -> String {
    condition.as_etag().map_or_else(|| "*".to_owned(), |e| e.value().to_owned())
}

pub(super) fn precondition(
    if_match: Option<&ETagCondition>,
    if_none_match: Option<&ETagCondition>,
) -> S3Result<Precondition> {
    match (if_match, if_none_match) {
        (None, None) => Ok(Precondition::None),
        (None, Some(ETagCondition::Any)) => Ok(Precondition::Absent),
        (None, Some(ETagCondition::ETag(_))) => Err(s3_error!(NotImplemented, "If-None-Match of a write takes only *")),
        (Some(condition), _) => Ok(Precondition::Matches(wanted(condition))),
    }
}

/// The bytes to send and the `Content-Range` that names them.
pub(super) fn span(range: Option<s3s::dto::Range>, version: &ObjectVersion) -> S3Result<(Bytes<u64>, Option<String>)> {
    let Some(range) = range else { return Ok((0..version.size, None)) };
    let span = range.check(version.size)?;
    let text = format!("bytes {}-{}/{}", span.start, span.end.saturating_sub(1), version.size);
    Ok((span, Some(text)))
}

pub(super) struct Conditions<'a> {
    pub(super) matches: Option<&'a ETagCondition>,
    pub(super) differs: Option<&'a ETagCondition>,
}

pub(super) fn body_of(body: Option<StreamingBlob>) -> StreamingBlob {
    body.unwrap_or_else(|| StreamingBlob::from(Body::empty()))
}

/// Compares what was stored with the checksums that came with it.
pub(super) fn verify(blob: &Blob, crc32: Option<&str>, md5: Option<&str>) -> S3Result<()> {
    let differs = |given: Option<&str>, bytes: &[u8]| given.is_some_and(|g| g != STANDARD.encode(bytes));
    if differs(crc32, &blob.crc32) || differs(md5, &blob.md5) {
        return Err(s3_error!(BadDigest, "the checksum does not match the bytes that arrived"));
    }
    Ok(())
}

pub(super) fn trailing_crc32<T>(request: &S3Request<T>) -> Option<String> {
    let read = |headers: &axum::http::HeaderMap| Some(headers.get("x-amz-checksum-crc32")?.to_str().ok()?.to_owned());
    request.trailing_headers.as_ref()?.read(read)?
}

pub(super) fn read_token(token: &str) -> S3Result<String> {
    let bytes = STANDARD.decode(token).ok();
    let key = bytes.and_then(|b| String::from_utf8(b).ok());
    key.ok_or_else(|| s3_error!(InvalidArgument, "the continuation token is none of ours"))
}

pub(super) fn percent(key: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.~/".contains(&b);
    key.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// An object's content encoding without the one of the transfer: S3 takes `aws-chunked` apart and forgets it.
pub(super) fn stored_encoding(encoding: Option<String>) -> Option<String> {
    let encoding = encoding?;
    let kept: Vec<&str> = encoding.split(',').map(str::trim).filter(|one| *one != "aws-chunked").collect();
    (!kept.is_empty()).then(|| kept.join(","))
}
