//! Webhooks as providers send them: the recorded vectors, a signer that shares no code with the connectors, and a
//! client that sends bytes as they are.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A secret of Finch's form: base64 of 32 bytes.
pub const FINCH_SECRET: &str = "ZmluY2gtZXhhbXBsZS1zaWduaW5nLWtleS0zMmJ5dGU=";

/// One recorded webhook and the answer that is right.
#[derive(Debug, Clone, Deserialize)]
pub struct Vector {
    /// Its name in the file.
    pub id: String,
    /// The connector that judges it.
    #[serde(rename = "provider")]
    pub connector: String,
    /// The connection's secret.
    pub secret: String,
    /// Its headers.
    pub headers: BTreeMap<String, String>,
    /// The raw body.
    pub body: String,
    /// When it is judged, in seconds since 1970.
    pub now: i64,
    /// `valid` or `invalid`.
    pub expect: String,
}

#[derive(Deserialize)]
struct File {
    cases: Vec<Vector>,
}

/// All recorded webhooks. Those of the two standards that no connector is named after are judged as Finch's, which
/// signs by the same standard under other header names.
pub fn vectors() -> Vec<Vector> {
    let text = include_str!("../../shared/connectors/tests/fixtures/webhook_vectors.json");
    let file: File = serde_json::from_str(text).unwrap();
    file.cases.into_iter().map(as_of_a_connector).collect()
}

fn as_of_a_connector(mut vector: Vector) -> Vector {
    let prefix = match vector.connector.as_str() {
        "standardwebhooks" => "webhook-",
        "svix" => "svix-",
        _ => return vector,
    };
    let translated = |name: &str| match name.strip_prefix(prefix) {
        Some("id") => "finch-event-id".to_owned(),
        Some(rest) => format!("finch-{rest}"),
        None => name.to_owned(),
    };
    vector.headers = vector.headers.iter().map(|(name, value)| (translated(name), value.clone())).collect();
    vector.secret = vector.secret.trim_start_matches("whsec_").to_owned();
    vector.connector = "finch".to_owned();
    vector
}

/// Headers by name.
pub type Headers = Vec<(String, String)>;

fn mac(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key).unwrap();
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

/// The headers of a webhook that Finch signed with `secret` at that time.
pub fn finch(secret: &str, event: &str, at_ms: i64, body: &[u8]) -> Headers {
    let time = (at_ms / 1000).to_string();
    let key = STANDARD.decode(secret).unwrap();
    let signature = STANDARD.encode(mac(&key, &[event.as_bytes(), b".", time.as_bytes(), b".", body]));
    vec![
        ("finch-event-id".to_owned(), event.to_owned()),
        ("finch-timestamp".to_owned(), time),
        ("finch-signature".to_owned(), format!("v1,{signature}")),
    ]
}

/// The headers of a webhook that WorkOS signed with `secret` at that time.
pub fn workos(secret: &str, at_ms: i64, body: &[u8]) -> Headers {
    let time = at_ms.to_string();
    let signature = mac(secret.as_bytes(), &[time.as_bytes(), b".", body]);
    let hex: String = signature.iter().map(|byte| format!("{byte:02x}")).collect();
    vec![("workos-signature".to_owned(), format!("t={time}, v1={hex}"))]
}

/// Finch's event that a person changed.
pub fn individual_updated(connection: &str, person: &str) -> Vec<u8> {
    let data = serde_json::json!({ "individual_id": person });
    serde_json::json!({"event_type": "individual.updated", "connection_id": connection, "data": data})
        .to_string()
        .into_bytes()
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Status line and headers.
    pub head: String,
    /// The body.
    pub body: String,
}

/// Posts to `http://host:port` over a connection of its own.
pub async fn post(base: &str, path: &str, headers: &Headers, body: &[u8]) -> Answer {
    send(base, "POST", path, headers, body).await
}

/// The same by any method.
pub async fn send(base: &str, method: &str, path: &str, headers: &Headers, body: &[u8]) -> Answer {
    try_send(base, method, path, headers, body).await.unwrap()
}

/// The same, where the connection may break.
///
/// # Errors
/// When it did.
pub async fn try_send(base: &str, method: &str, path: &str, headers: &Headers, body: &[u8]) -> std::io::Result<Answer> {
    let address = base.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await?;
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    Ok(Answer { status, head: head.to_lowercase(), body: body.to_owned() })
}
