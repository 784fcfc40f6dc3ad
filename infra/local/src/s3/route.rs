//! Requests to S3: named, counted, disturbed by faults, then carried out.

use std::sync::Arc;

use axum::{
    body::Body,
    http::{
        HeaderValue, Method, Request, Response, StatusCode,
        header::{CONTENT_TYPE, HOST},
    },
};
use s3s::{
    auth::SimpleAuth,
    service::{S3Service, S3ServiceBuilder},
};

use super::store::Objects;
use crate::{
    answer::LostAnswer,
    faults::{FaultKind, Faults, Service},
};

/// The object service.
#[derive(Clone)]
pub(crate) struct S3 {
    service: S3Service,
    faults: Arc<Faults>,
}

impl S3 {
    pub(crate) fn new(objects: Objects, faults: Arc<Faults>) -> Self {
        let mut builder = S3ServiceBuilder::new(objects);
        builder.set_auth(SimpleAuth::from_single(crate::ACCESS_KEY, crate::SECRET_KEY));
        Self { service: builder.build(), faults }
    }

    /// Carries out one request; bodies are streamed both ways.
    pub(crate) async fn call(&self, request: Request<Body>) -> Result<Response<Body>, LostAnswer> {
        let operation = operation(&request);
        match self.faults.take(Service::S3, operation) {
            Some(FaultKind::Refuse { status, code }) => Ok(error(status, &code)),
            Some(FaultKind::FailAfter) => {
                self.answer(request).await;
                Ok(error(500, "InternalError"))
            }
            Some(FaultKind::LoseAnswer) => {
                self.answer(request).await;
                Err(LostAnswer)
            }
            None | Some(FaultKind::Conflict | FaultKind::Partial { .. }) => Ok(self.answer(request).await),
        }
    }

    async fn answer(&self, mut request: Request<Body>) -> Response<Body> {
        name_host(&mut request);
        match self.service.call(request.map(s3s::Body::http_body_unsync)).await {
            Ok(answer) => answer.map(Body::new),
            Err(cause) => {
                tracing::error!("s3: {cause:?}");
                error(500, "InternalError")
            }
        }
    }
}

/// The signature covers `Host`, which a request that was never on a socket does not have yet.
fn name_host(request: &mut Request<Body>) {
    let host = request.uri().authority().and_then(|a| HeaderValue::from_str(a.as_str()).ok());
    if let Some(host) = host {
        request.headers_mut().entry(HOST).or_insert(host);
    }
}

fn error(status: u16, code: &str) -> Response<Body> {
    let xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code><Message>caused by a fault</Message></Error>"
    );
    let mut answer = Response::new(Body::from(xml));
    *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    answer
}

/// The name of the operation, as far as counters and faults need it.
fn operation<B>(request: &Request<B>) -> &'static str {
    let query = request.uri().query().unwrap_or_default();
    let has = |name: &str| query.split('&').any(|p| p.split('=').next() == Some(name));
    let path = request.uri().path().trim_matches('/');
    let on_object = path.contains('/');
    let copy = request.headers().contains_key("x-amz-copy-source");
    match *request.method() {
        Method::GET if on_object && has("uploadId") => "ListParts",
        Method::GET if on_object => "GetObject",
        Method::GET if has("versions") => "ListObjectVersions",
        Method::GET if has("versioning") => "GetBucketVersioning",
        Method::GET if path.is_empty() => "ListBuckets",
        Method::GET => "ListObjectsV2",
        Method::HEAD if on_object => "HeadObject",
        Method::HEAD => "HeadBucket",
        Method::PUT if has("partNumber") => "UploadPart",
        Method::PUT if copy => "CopyObject",
        Method::PUT if on_object => "PutObject",
        Method::PUT => "CreateBucket",
        Method::POST if has("uploads") => "CreateMultipartUpload",
        Method::POST if has("uploadId") => "CompleteMultipartUpload",
        Method::POST => "DeleteObjects",
        Method::DELETE if has("uploadId") => "AbortMultipartUpload",
        Method::DELETE => "DeleteObject",
        _ => "Unknown",
    }
}
