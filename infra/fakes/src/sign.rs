//! How each provider signs its webhooks, written from its published description.

use base64::{Engine, engine::general_purpose::STANDARD, engine::general_purpose::URL_SAFE};
use hmac::{Hmac, Mac};
use serde_json::Value;
use sha2::Sha256;

fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    #[expect(clippy::unwrap_used, reason = "HMAC takes keys of every length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `x-apideck-signature`: hex, over the body's JSON with the keys of every object sorted. `None` if the body is no JSON.
pub fn apideck(api_key: &str, body: &[u8]) -> Option<String> {
    let parsed: Value = serde_json::from_slice(body).ok()?;
    let mut sorted = String::new();
    write_sorted(&parsed, &mut sorted);
    Some(hex(&hmac_sha256(api_key.as_bytes(), &[sorted.as_bytes()])))
}

fn write_sorted(value: &Value, out: &mut String) {
    match value {
        Value::Object(object) => {
            let mut entries: Vec<_> = object.iter().collect();
            entries.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
            write_list(out, ('{', '}'), entries, |(key, value), out| {
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push(':');
                write_sorted(value, out);
            });
        }
        Value::Array(items) => write_list(out, ('[', ']'), items, write_sorted),
        plain => out.push_str(&plain.to_string()),
    }
}

fn write_list<T>(
    out: &mut String,
    (open, close): (char, char),
    items: impl IntoIterator<Item = T>,
    write: impl Fn(T, &mut String),
) {
    out.push(open);
    for (place, item) in items.into_iter().enumerate() {
        if place > 0 {
            out.push(',');
        }
        write(item, out);
    }
    out.push(close);
}

/// `X-Merge-Webhook-Signature`: URL-safe base64 with padding, over the raw body.
pub fn merge(key: &str, body: &[u8]) -> String {
    URL_SAFE.encode(hmac_sha256(key.as_bytes(), &[body]))
}

/// `Finch-Signature`: `v1,` and base64, over id, seconds and body with dots between, keyed by the secret's base64-decoded
/// bytes. `None` if the secret is no base64.
pub fn finch(secret: &str, id: &str, seconds: i64, body: &[u8]) -> Option<String> {
    let key = STANDARD.decode(secret).ok()?;
    let signed = format!("{id}.{seconds}.");
    Some(format!("v1,{}", STANDARD.encode(hmac_sha256(&key, &[signed.as_bytes(), body]))))
}

/// `WorkOS-Signature`: `t=<milliseconds>, v1=<hex>`, over milliseconds, dot and body, keyed by the secret's text.
pub fn workos(secret: &str, milliseconds: i64, body: &[u8]) -> String {
    let signed = format!("{milliseconds}.");
    format!("t={milliseconds}, v1={}", hex(&hmac_sha256(secret.as_bytes(), &[signed.as_bytes(), body])))
}

/// `X-BambooHR-Signature`: hex, over the body directly followed by the timestamp header's text.
pub fn bamboohr(private_key: &str, timestamp: &str, body: &[u8]) -> String {
    hex(&hmac_sha256(private_key.as_bytes(), &[body, timestamp.as_bytes()]))
}
