//! X-Ray's trace header, as the services hand it on.

use axum::http::HeaderMap;

use crate::digest;

/// The header by which requests carry it.
pub(crate) const HEADER: &str = "x-amzn-trace-id";

/// A trace that begins now: `Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1`.
pub(crate) fn begin(now_ms: u64) -> String {
    let (root, parent) = (digest::random_hex(), digest::random_hex());
    format!("Root=1-{:08x}-{};Parent={};Sampled=1", now_ms / 1000, &root[..24], &parent[..16])
}

/// The trace that a request belongs to.
pub(crate) fn of_request(headers: &HeaderMap) -> Option<String> {
    headers.get(HEADER).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// Whether SQS would take it: it refuses what is no trace header.
pub(crate) fn is_one(header: &str) -> bool {
    let root = header.split(';').find_map(|part| part.trim().strip_prefix("Root="));
    root.is_some_and(|root| {
        let parts: Vec<usize> = root.split('-').map(str::len).collect();
        parts == [1, 8, 24] && root.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_new_trace_is_one_that_the_queue_takes() {
        assert!(super::is_one(&super::begin(1_790_000_000_000)));
        assert!(!super::is_one("Root=1-5759e988-jane;Sampled=1"));
    }
}
