//! The demo's own HTTP client: one request over a connection of its own.

use anyhow::{Context, bail};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Sends JSON to an `http://host:port/path` address; answers the status and the body.
///
/// # Errors
/// When nobody answers there.
pub(super) async fn send(
    method: &str,
    url: &str,
    headers: &[(&str, String)],
    body: &str,
) -> anyhow::Result<(u16, String)> {
    let (host, path) =
        url.strip_prefix("http://").and_then(|rest| rest.split_once('/')).context("an http:// address")?;
    let mut request = format!(
        "{method} /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n",
        body.len()
    );
    headers.iter().for_each(|(name, value)| request.push_str(&format!("{name}: {value}\r\n")));
    request.push_str("\r\n");
    request.push_str(body);
    let mut stream = TcpStream::connect(host).await.with_context(|| host.to_owned())?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let answer = String::from_utf8(answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("an answer with a head")?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).context("a status")?;
    Ok((status, body.to_owned()))
}

/// The same, for answers of JSON and success alone.
///
/// # Errors
/// When it is refused, or nobody answers.
pub(super) async fn ask(method: &str, url: &str, body: &Value) -> anyhow::Result<Value> {
    let (status, text) = send(method, url, &[], &body.to_string()).await?;
    if status >= 300 {
        bail!("{method} {url}: {status} {text}");
    }
    serde_json::from_str(&text).with_context(|| url.to_owned())
}
