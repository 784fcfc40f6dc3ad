//! The S3 operations over [`Objects`].

use base64::{Engine, engine::general_purpose::STANDARD};
use s3s::{
    Body, S3, S3Request, S3Response, S3Result,
    dto::{
        AbortMultipartUploadInput, AbortMultipartUploadOutput, Bucket, CommonPrefix, CompleteMultipartUploadInput,
        CompleteMultipartUploadOutput, CopyObjectInput, CopyObjectOutput, CopyObjectResult, CopySource,
        CreateBucketInput, CreateBucketOutput, CreateMultipartUploadInput, CreateMultipartUploadOutput,
        DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput, DeletedObject, ETag,
        GetBucketLocationInput, GetBucketLocationOutput, GetBucketVersioningInput, GetBucketVersioningOutput,
        GetObjectInput, GetObjectOutput, HeadBucketInput, HeadBucketOutput, HeadObjectInput, HeadObjectOutput,
        ListBucketsInput, ListBucketsOutput, ListObjectVersionsInput, ListObjectVersionsOutput, ListObjectsV2Input,
        ListObjectsV2Output, ListPartsInput, ListPartsOutput, MetadataDirective, Object, Part, PutObjectInput,
        PutObjectOutput, StreamingBlob, UploadPartInput, UploadPartOutput,
    },
    s3_error,
};

use super::{
    blobs::Blob,
    index::{ObjectVersion, Precondition, Query},
    multipart::CompleteError,
    store::{NewObject, Objects, ObjectsError},
    wire::{
        Conditions, body_of, etag, io, listed, listed_marker, listed_version, percent, precondition, read_token, size,
        span, stored_encoding, time, trailing_crc32, verify,
    },
};
use crate::trace;

impl Objects {
    fn find(&self, bucket: &str, key: &str, version_id: Option<&str>) -> S3Result<ObjectVersion> {
        self.require_bucket(bucket)?;
        match version_id {
            None => Ok(self.current(bucket, key).ok_or_else(|| ObjectsError::NoObject(key.to_owned()))?),
            Some(id) => match self.version(bucket, key, id) {
                None => Err(s3_error!(NoSuchVersion, "there is no version {id:?} of {key:?}")),
                Some(v) if v.delete_marker => {
                    Err(s3_error!(MethodNotAllowed, "version {id:?} of {key:?} is a delete marker"))
                }
                Some(v) => Ok(v),
            },
        }
    }

    fn find_if(
        &self,
        bucket: &str,
        key: &str,
        version_id: Option<&str>,
        conditions: Conditions<'_>,
    ) -> S3Result<ObjectVersion> {
        let found = self.find(bucket, key, version_id)?;
        let is = |c: &s3s::dto::ETagCondition| c.as_etag().is_none_or(|e| e.value() == found.etag);
        if conditions.matches.is_some_and(|c| !is(c)) {
            return Err(s3_error!(PreconditionFailed, "the ETag of {key:?} is another"));
        }
        if conditions.differs.is_some_and(is) {
            return Err(s3_error!(NotModified));
        }
        Ok(found)
    }

    fn delete_one(&self, bucket: &str, key: &str, version_id: Option<&str>) -> S3Result<DeletedObject> {
        let deleted = match version_id {
            Some(id) => {
                let removed = self.delete_version(bucket, key, id)?;
                let marker = removed.is_some_and(|v| v.delete_marker).then_some(true);
                DeletedObject {
                    delete_marker: marker,
                    key: Some(key.to_owned()),
                    version_id: Some(id.to_owned()),
                    ..Default::default()
                }
            }
            None => {
                let marker = self.delete(bucket, key)?;
                DeletedObject {
                    delete_marker: Some(true),
                    delete_marker_version_id: Some(marker.version_id),
                    key: Some(key.to_owned()),
                    ..Default::default()
                }
            }
        };
        Ok(deleted)
    }
}

#[async_trait::async_trait]
impl S3 for Objects {
    async fn list_buckets(&self, _: S3Request<ListBucketsInput>) -> S3Result<S3Response<ListBucketsOutput>> {
        let buckets =
            self.index().buckets().map(|name| Bucket { name: Some(name.clone()), ..Default::default() }).collect();
        Ok(S3Response::new(ListBucketsOutput { buckets: Some(buckets), ..Default::default() }))
    }

    async fn create_bucket(&self, req: S3Request<CreateBucketInput>) -> S3Result<S3Response<CreateBucketOutput>> {
        self.create_bucket(&req.input.bucket)?;
        Ok(S3Response::new(CreateBucketOutput::default()))
    }

    async fn head_bucket(&self, req: S3Request<HeadBucketInput>) -> S3Result<S3Response<HeadBucketOutput>> {
        self.require_bucket(&req.input.bucket)?;
        Ok(S3Response::new(HeadBucketOutput::default()))
    }

    async fn get_bucket_location(
        &self,
        req: S3Request<GetBucketLocationInput>,
    ) -> S3Result<S3Response<GetBucketLocationOutput>> {
        self.require_bucket(&req.input.bucket)?;
        Ok(S3Response::new(GetBucketLocationOutput::default()))
    }

    async fn get_bucket_versioning(
        &self,
        req: S3Request<GetBucketVersioningInput>,
    ) -> S3Result<S3Response<GetBucketVersioningOutput>> {
        self.require_bucket(&req.input.bucket)?;
        let status = Some("Enabled".to_owned().into());
        Ok(S3Response::new(GetBucketVersioningOutput { status, ..Default::default() }))
    }

    async fn put_object(&self, mut req: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        let body = body_of(req.input.body.take());
        self.require_bucket(&req.input.bucket)?;
        let blob = self.blobs.store(body).await.map_err(io)?;
        let crc32 = req.input.checksum_crc32.clone().or_else(|| trailing_crc32(&req));
        if let Err(error) = verify(&blob, crc32.as_deref(), req.input.content_md5.as_deref()) {
            self.blobs.remove(&blob.id);
            return Err(error);
        }
        let trace = trace::of_request(&req.headers).filter(|trace| trace::is_one(trace));
        let input = req.input;
        let new = NewObject {
            trace,
            precondition: precondition(input.if_match.as_ref(), input.if_none_match.as_ref())?,
            bucket: input.bucket,
            key: input.key,
            content_type: input.content_type.map(|t| t.to_string()),
            content_encoding: stored_encoding(input.content_encoding),
            metadata: input.metadata.unwrap_or_default().into_iter().collect(),
        };
        let md5 = crate::digest::hex(&blob.md5);
        let version = self.commit(new, &blob, md5, "ObjectCreated:Put")?;
        let output = PutObjectOutput {
            e_tag: etag(&version),
            version_id: Some(version.version_id),
            checksum_crc32: crc32,
            ..Default::default()
        };
        Ok(S3Response::new(output))
    }

    async fn get_object(&self, req: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        let input = req.input;
        let conditions = Conditions { matches: input.if_match.as_ref(), differs: input.if_none_match.as_ref() };
        let found = self.find_if(&input.bucket, &input.key, input.version_id.as_deref(), conditions)?;
        let (span, content_range) = span(input.range, &found)?;
        let length = i64::try_from(span.end - span.start).ok();
        let stream = self.read(&found, span).await.map_err(io)?;
        let output = GetObjectOutput {
            body: Some(StreamingBlob::from(Body::http_body_unsync(axum::body::Body::from_stream(stream)))),
            accept_ranges: Some("bytes".into()),
            content_length: length,
            content_range,
            content_type: found.content_type.as_deref().map(str::parse).transpose().ok().flatten(),
            e_tag: etag(&found),
            last_modified: Some(time(found.at_ms)),
            content_encoding: found.content_encoding,
            metadata: Some(found.metadata.into_iter().collect()),
            version_id: Some(found.version_id),
            ..Default::default()
        };
        Ok(S3Response::new(output))
    }

    async fn head_object(&self, req: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
        let input = req.input;
        let conditions = Conditions { matches: input.if_match.as_ref(), differs: input.if_none_match.as_ref() };
        let found = self.find_if(&input.bucket, &input.key, input.version_id.as_deref(), conditions)?;
        let output = HeadObjectOutput {
            accept_ranges: Some("bytes".into()),
            content_length: size(&found),
            content_type: found.content_type.as_deref().map(str::parse).transpose().ok().flatten(),
            e_tag: etag(&found),
            last_modified: Some(time(found.at_ms)),
            content_encoding: found.content_encoding,
            metadata: Some(found.metadata.into_iter().collect()),
            version_id: Some(found.version_id),
            ..Default::default()
        };
        Ok(S3Response::new(output))
    }

    async fn copy_object(&self, req: S3Request<CopyObjectInput>) -> S3Result<S3Response<CopyObjectOutput>> {
        let input = req.input;
        let CopySource::Bucket { bucket, key, version_id } = &input.copy_source else {
            return Err(s3_error!(NotImplemented, "only a bucket can be copied from"));
        };
        let conditions = Conditions { matches: input.copy_source_if_match.as_ref(), differs: None };
        let source = self.find_if(bucket, key, version_id.as_deref(), conditions)?;
        let replace = input.metadata_directive.is_some_and(|d| d.as_str() == MetadataDirective::REPLACE);
        let mut new = NewObject { bucket: input.bucket, key: input.key, ..NewObject::default() };
        if replace {
            new.content_type = input.content_type.map(|t| t.to_string());
            new.content_encoding = input.content_encoding;
            new.metadata = input.metadata.unwrap_or_default().into_iter().collect();
        } else {
            new.content_type.clone_from(&source.content_type);
            new.content_encoding.clone_from(&source.content_encoding);
            new.metadata.clone_from(&source.metadata);
        }
        let made = self.copy(&source, new)?;
        let result =
            CopyObjectResult { e_tag: etag(&made), last_modified: Some(time(made.at_ms)), ..Default::default() };
        Ok(S3Response::new(CopyObjectOutput {
            copy_object_result: Some(result),
            copy_source_version_id: Some(source.version_id),
            version_id: Some(made.version_id),
            ..Default::default()
        }))
    }

    async fn delete_object(&self, req: S3Request<DeleteObjectInput>) -> S3Result<S3Response<DeleteObjectOutput>> {
        let input = req.input;
        let deleted = self.delete_one(&input.bucket, &input.key, input.version_id.as_deref())?;
        let version_id = deleted.delete_marker_version_id.or(deleted.version_id);
        Ok(S3Response::new(DeleteObjectOutput {
            delete_marker: deleted.delete_marker,
            version_id,
            ..Default::default()
        }))
    }

    async fn delete_objects(&self, req: S3Request<DeleteObjectsInput>) -> S3Result<S3Response<DeleteObjectsOutput>> {
        let bucket = &req.input.bucket;
        let objects = &req.input.delete.objects;
        let deleted = objects
            .iter()
            .map(|o| self.delete_one(bucket, &o.key, o.version_id.as_deref()))
            .collect::<Result<_, _>>()?;
        Ok(S3Response::new(DeleteObjectsOutput { deleted: Some(deleted), ..Default::default() }))
    }

    async fn list_objects_v2(&self, req: S3Request<ListObjectsV2Input>) -> S3Result<S3Response<ListObjectsV2Output>> {
        let input = req.input;
        self.require_bucket(&input.bucket)?;
        let max_keys = input.max_keys.unwrap_or(1000).clamp(0, 1000);
        let after = match &input.continuation_token {
            Some(token) => read_token(token)?,
            None => input.start_after.clone().unwrap_or_default(),
        };
        let query = Query {
            prefix: input.prefix.as_deref().unwrap_or_default(),
            delimiter: input.delimiter.as_deref().unwrap_or_default(),
            after: &after,
            max: usize::try_from(max_keys).unwrap_or_default(),
        };
        let page = self.page(&input.bucket, &query);
        let encode = |key: &str| if input.encoding_type.is_some() { percent(key) } else { key.to_owned() };
        let contents: Vec<Object> = page.objects.iter().map(|o| listed(o, encode(&o.key))).collect();
        let prefixes: Vec<CommonPrefix> =
            page.prefixes.iter().map(|p| CommonPrefix { prefix: Some(encode(p)) }).collect();
        Ok(S3Response::new(ListObjectsV2Output {
            key_count: i32::try_from(contents.len() + prefixes.len()).ok(),
            contents: Some(contents),
            common_prefixes: Some(prefixes),
            is_truncated: Some(page.next_after.is_some()),
            next_continuation_token: page.next_after.map(|after| STANDARD.encode(after)),
            name: Some(input.bucket),
            prefix: input.prefix,
            delimiter: input.delimiter,
            encoding_type: input.encoding_type,
            continuation_token: input.continuation_token,
            start_after: input.start_after,
            max_keys: Some(max_keys),
            ..Default::default()
        }))
    }

    async fn list_object_versions(
        &self,
        req: S3Request<ListObjectVersionsInput>,
    ) -> S3Result<S3Response<ListObjectVersionsOutput>> {
        let input = req.input;
        self.require_bucket(&input.bucket)?;
        let all = self.index().versions(&input.bucket, input.prefix.as_deref().unwrap_or_default());
        let (markers, versions): (Vec<_>, Vec<_>) = all.into_iter().partition(|(v, _)| v.delete_marker);
        Ok(S3Response::new(ListObjectVersionsOutput {
            versions: Some(versions.into_iter().map(|(v, latest)| listed_version(v, latest)).collect()),
            delete_markers: Some(markers.into_iter().map(|(v, latest)| listed_marker(v, latest)).collect()),
            name: Some(input.bucket),
            prefix: input.prefix,
            is_truncated: Some(false),
            ..Default::default()
        }))
    }

    async fn create_multipart_upload(
        &self,
        req: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        let input = req.input;
        self.require_bucket(&input.bucket)?;
        let (bucket, key) = (input.bucket.clone(), input.key.clone());
        let upload_id = self.uploads.begin(NewObject {
            bucket: input.bucket,
            key: input.key,
            content_type: input.content_type.map(|t| t.to_string()),
            content_encoding: stored_encoding(input.content_encoding),
            metadata: input.metadata.unwrap_or_default().into_iter().collect(),
            precondition: Precondition::None,
            trace: None,
        });
        let output = CreateMultipartUploadOutput {
            bucket: Some(bucket),
            key: Some(key),
            upload_id: Some(upload_id),
            ..Default::default()
        };
        Ok(S3Response::new(output))
    }

    async fn upload_part(&self, mut req: S3Request<UploadPartInput>) -> S3Result<S3Response<UploadPartOutput>> {
        let body = body_of(req.input.body.take());
        if !self.uploads.exists(&req.input.upload_id) {
            return Err(s3_error!(NoSuchUpload));
        }
        let part = self.blobs.store(body).await.map_err(io)?;
        let crc32 = req.input.checksum_crc32.clone().or_else(|| trailing_crc32(&req));
        if let Err(error) = verify(&part, crc32.as_deref(), req.input.content_md5.as_deref()) {
            self.blobs.remove(&part.id);
            return Err(error);
        }
        let md5 = crate::digest::hex(&part.md5);
        match self.uploads.add(&req.input.upload_id, req.input.part_number, part) {
            Ok(replaced) => replaced.iter().for_each(|old| self.blobs.remove(&old.id)),
            Err(part) => {
                self.blobs.remove(&part.id);
                return Err(s3_error!(NoSuchUpload));
            }
        }
        Ok(S3Response::new(UploadPartOutput {
            e_tag: Some(ETag::Strong(md5)),
            checksum_crc32: crc32,
            ..Default::default()
        }))
    }

    async fn list_parts(&self, req: S3Request<ListPartsInput>) -> S3Result<S3Response<ListPartsOutput>> {
        let input = req.input;
        let parts = self.uploads.parts(&input.upload_id).ok_or_else(|| s3_error!(NoSuchUpload))?;
        let wire = |(number, blob): (i32, Blob)| Part {
            part_number: Some(number),
            size: i64::try_from(blob.size).ok(),
            e_tag: Some(ETag::Strong(crate::digest::hex(&blob.md5))),
            ..Default::default()
        };
        Ok(S3Response::new(ListPartsOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(input.upload_id),
            parts: Some(parts.into_iter().map(wire).collect()),
            is_truncated: Some(false),
            ..Default::default()
        }))
    }

    async fn complete_multipart_upload(
        &self,
        req: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let input = req.input;
        let precondition = precondition(input.if_match.as_ref(), input.if_none_match.as_ref())?;
        let listed: Vec<(i32, String)> = input
            .multipart_upload
            .and_then(|u| u.parts)
            .unwrap_or_default()
            .into_iter()
            .map(|p| (p.part_number.unwrap_or_default(), p.e_tag.map(ETag::into_value).unwrap_or_default()))
            .collect();
        let version = self.complete(&input.upload_id, &listed, precondition).await.map_err(|error| match error {
            CompleteError::NoUpload => s3_error!(NoSuchUpload),
            CompleteError::InvalidPart => s3_error!(InvalidPart, "{error}"),
            CompleteError::Objects(error) => error.into(),
        })?;
        Ok(S3Response::new(CompleteMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            e_tag: etag(&version),
            version_id: Some(version.version_id),
            ..Default::default()
        }))
    }

    async fn abort_multipart_upload(
        &self,
        req: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        self.abort(&req.input.upload_id);
        Ok(S3Response::new(AbortMultipartUploadOutput::default()))
    }
}
