//! What a misbehaving provider does to an answer on its way out.

use std::{convert::Infallible, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::Response,
};
use futures_util::stream;

use crate::{call::Answer, clock, misbehave::Kind, name::Name, wire};

const YEAR: u64 = 365 * 86_400;
/// Bytes of a huge answer that are sent at a time.
const PIECE: usize = 64 << 10;

/// The answer that a provider gives instead of doing what it is asked.
pub(crate) fn instead(name: Name, kind: &Kind) -> Option<Answer> {
    let throttled = |after: &str| wire::error(name, 429).with("retry-after", after);
    let in_future = |seconds: u64| clock::now().saturating_add_unsigned(seconds.saturating_mul(1000));
    Some(match kind {
        Kind::ThrottleSeconds(seconds) => throttled(&seconds.to_string()),
        Kind::ThrottleDate(seconds) => throttled(&clock::http_date(in_future(*seconds))),
        Kind::ThrottleNegative => throttled("-5"),
        Kind::ThrottleYears => throttled(&(10 * YEAR).to_string()),
        Kind::ThrottleBare => wire::error(name, 429),
        Kind::Status(status) => wire::error(name, *status),
        Kind::Unauthorized => wire::error(name, 401),
        Kind::Html => {
            Answer::text(200, "text/html; charset=utf-8", "<!doctype html><title>Log in</title><p>Please log in.")
        }
        Kind::Empty => Answer::text(200, "application/json", ""),
        _ => return None,
    })
}

/// The answer as it goes out; `kind` may damage its body.
pub(crate) fn response(mut answer: Answer, kind: Option<&Kind>) -> Response<Body> {
    match kind {
        Some(Kind::TruncatedJson) => answer.body.truncate(answer.body.len() * 2 / 3),
        Some(Kind::DepthBomb(depth)) => {
            let nested = [vec![b'['; *depth], vec![b']'; *depth]].concat();
            answer.body = with_first(answer.body, &nested);
        }
        _ => {}
    }
    let body = match kind {
        Some(Kind::Drip(wait)) => drip(answer.body, Duration::from_millis(*wait)),
        Some(Kind::Huge(bytes)) => huge(answer.body, *bytes),
        _ => Body::from(answer.body),
    };
    let mut response = Response::new(body);
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    response
}

/// A JSON object with one more member before the others.
fn with_first(body: Vec<u8>, value: &[u8]) -> Vec<u8> {
    match body.strip_prefix(b"{") {
        Some(rest) => [b"{\"extra\":", value, b",", rest].concat(),
        None => body,
    }
}

/// One byte at a time.
fn drip(body: Vec<u8>, wait: Duration) -> Body {
    Body::from_stream(stream::unfold((body, 0), move |(body, place)| async move {
        let byte = *body.get(place)?;
        tokio::time::sleep(wait).await;
        Some((Ok::<_, Infallible>(Bytes::from(vec![byte])), (body, place + 1)))
    }))
}

/// The same object with a long text in front, made while it is sent.
fn huge(body: Vec<u8>, bytes: usize) -> Body {
    let end = body.strip_prefix(b"{").map(|rest| [b"\",", rest].concat()).unwrap_or_default();
    let pieces = (0..bytes.div_ceil(PIECE)).map(|_| Bytes::from_static(&[b'x'; PIECE]));
    let all = std::iter::once(Bytes::from_static(b"{\"extra\":\"")).chain(pieces).chain([Bytes::from(end)]);
    Body::from_stream(stream::iter(all.map(Ok::<_, Infallible>)))
}

/// An answer that breaks off, for servers whose sockets cannot be closed from here.
pub(crate) fn broken() -> Response<Body> {
    Response::new(Body::from_stream(stream::iter([Err::<Bytes, _>(std::io::Error::from(
        std::io::ErrorKind::ConnectionReset,
    ))])))
}
