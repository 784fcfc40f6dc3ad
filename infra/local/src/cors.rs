//! Which web pages may call from another origin: as `template.yaml` says it of the admin API and of the bucket.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method};
use tower_http::cors::CorsLayer;

const MAX_AGE: Duration = Duration::from_secs(600);

/// Of the admin API: its tokens come in a header, so without credentials.
pub(crate) fn of_admin_api(console: Option<&HeaderValue>) -> CorsLayer {
    let exposed = ["etag", "location", "retry-after", "idempotency-replayed", "www-authenticate"];
    from(console)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers(["authorization", "content-type", "idempotency-key", "if-match"].map(HeaderName::from_static))
        .expose_headers(exposed.map(HeaderName::from_static))
}

/// Of the bucket, for links that the admin API signed.
pub(crate) fn of_bucket(console: Option<&HeaderValue>) -> CorsLayer {
    from(console).allow_methods([Method::GET, Method::PUT]).allow_headers([HeaderName::from_static("content-type")])
}

/// For one origin, or for none.
fn from(console: Option<&HeaderValue>) -> CorsLayer {
    let layer = CorsLayer::new().max_age(MAX_AGE);
    console.map_or(layer.clone(), |console| layer.allow_origin([console.clone()]))
}
