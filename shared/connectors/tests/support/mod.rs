//! The recorded webhook vectors, and a signer that shares no code with the connectors.
#![allow(clippy::unwrap_used, dead_code, unreachable_pub, reason = "each test program uses a part of it")]

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use hmac::{Hmac, Mac};
use muster_connectors::{Connector, Delivery, Secret, accept, connector};
use serde::Deserialize;
use serde_json::Value;

/// One case of `webhook_vectors.json`; what else the file tells of it is for people.
#[derive(Debug, Deserialize)]
struct Case {
    id: String,
    provider: String,
    secret: String,
    headers: BTreeMap<String, String>,
    body: String,
    now: i64,
    expect: String,
}

#[derive(Debug, Deserialize)]
struct Cases {
    cases: Vec<Case>,
}

/// A delivery, the secret of its connection and the clock at which it is judged.
#[derive(Clone)]
pub struct Vector {
    /// Its name in the file.
    pub id: String,
    /// Who judges it.
    pub connector: &'static dyn Connector,
    /// The connection's secret.
    pub secret: String,
    /// Headers, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The raw body.
    pub body: Vec<u8>,
    /// The clock.
    pub now_ms: i64,
    /// Whether it is authentic.
    pub valid: bool,
}

impl Vector {
    /// Whether it is accepted.
    pub fn accepted(&self) -> bool {
        self.accepted_with(&[Secret::new(self.secret.as_str())])
    }

    /// Whether it is accepted under any of these secrets.
    pub fn accepted_with(&self, secrets: &[Secret]) -> bool {
        let delivery = Delivery { headers: &self.headers, body: &self.body, source_ip: "203.0.113.7" };
        accept(self.connector, delivery, secrets, self.now_ms).is_ok()
    }

    /// The scheme its connector signs by.
    pub fn scheme(&self) -> &'static Scheme {
        scheme(self.connector.about().id)
    }
}

/// How a provider signs.
#[derive(Debug)]
pub struct Scheme {
    /// The connector.
    pub connector: &'static str,
    /// The header with the signature.
    pub signature: &'static str,
    /// The header with the timestamp; `None` where there is none, or it stands in the signature's header.
    pub timestamp: Option<&'static str>,
    /// The header with the event's id, where that is signed.
    pub id: Option<&'static str>,
    /// Seconds a timestamp may be off; `None` without a timestamp.
    pub window: Option<i64>,
}

/// Every scheme that signs.
pub const SCHEMES: &[Scheme] = &[
    Scheme { connector: "workos", signature: "workos-signature", timestamp: None, id: None, window: Some(180) },
    Scheme {
        connector: "finch",
        signature: "finch-signature",
        timestamp: Some("finch-timestamp"),
        id: Some("finch-event-id"),
        window: Some(300),
    },
    Scheme { connector: "merge", signature: "x-merge-webhook-signature", timestamp: None, id: None, window: None },
    Scheme { connector: "apideck", signature: "x-apideck-signature", timestamp: None, id: None, window: None },
    Scheme {
        connector: "bamboohr",
        signature: "x-bamboohr-signature",
        timestamp: Some("x-bamboohr-timestamp"),
        id: None,
        window: Some(300),
    },
];

/// The scheme of a connector.
pub fn scheme(connector: &str) -> &'static Scheme {
    SCHEMES.iter().find(|scheme| scheme.connector == connector).unwrap()
}

/// All vectors of the file. Fails where the connector of one is missing: nothing is skipped.
pub fn vectors() -> Vec<Vector> {
    let text = include_str!("../fixtures/webhook_vectors.json");
    let cases: Cases = serde_json::from_str(text).unwrap();
    cases.cases.into_iter().map(vector).collect()
}

fn vector(case: Case) -> Vector {
    let foreign = matches!(case.provider.as_str(), "svix" | "standardwebhooks");
    let name = if foreign { "finch" } else { case.provider.as_str() };
    let known = connector(name);
    assert!(known.is_some(), "{}: no connector {name:?} is in the table", case.id);
    let header = |(name, value): (String, String)| {
        let name = name.to_lowercase();
        let name = match name.strip_prefix("svix-").or_else(|| name.strip_prefix("webhook-")) {
            Some("id") if foreign => "finch-event-id".to_owned(),
            Some(rest) if foreign => format!("finch-{rest}"),
            _ => name,
        };
        (name, value)
    };
    let secret = if foreign { case.secret.trim_start_matches("whsec_").to_owned() } else { case.secret };
    Vector {
        connector: known.unwrap(),
        secret,
        headers: case.headers.into_iter().map(header).collect(),
        body: case.body.into_bytes(),
        now_ms: case.now * 1000,
        valid: case.expect == "valid",
        id: case.id,
    }
}

/// HMAC-SHA256.
pub fn mac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key).unwrap();
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A signature as the provider writes it: `v1=…`, `v1,…` or bare. The timestamp is a text, so that odd ones can be
/// signed too.
pub fn signature(connector: &str, secret: &str, id: &str, timestamp: &str, body: &[u8]) -> String {
    let joined = |parts: &[&[u8]]| parts.concat();
    match connector {
        "workos" => {
            let text = joined(&[timestamp.as_bytes(), b".", body]);
            format!("v1={}", hex(&mac(secret.as_bytes(), &text)))
        }
        "finch" => {
            let text = joined(&[id.as_bytes(), b".", timestamp.as_bytes(), b".", body]);
            let key = STANDARD.decode(secret).unwrap_or_default();
            format!("v1,{}", STANDARD.encode(mac(&key, &text)))
        }
        "merge" => URL_SAFE.encode(mac(secret.as_bytes(), body)),
        "apideck" => {
            let mut text = String::new();
            canonical(&serde_json::from_slice(body).unwrap(), &mut text);
            hex(&mac(secret.as_bytes(), text.as_bytes()))
        }
        "bamboohr" => hex(&mac(secret.as_bytes(), &joined(&[body, timestamp.as_bytes()]))),
        other => unreachable!("{other} does not sign"),
    }
}

/// JSON without whitespace, the keys of every object in order.
fn canonical(value: &Value, text: &mut String) {
    match value {
        Value::Object(object) => {
            let mut keys: Vec<&String> = object.keys().collect();
            keys.sort();
            text.push('{');
            for (place, key) in keys.into_iter().enumerate() {
                text.push_str(if place > 0 { "," } else { "" });
                text.push_str(&Value::from(key.as_str()).to_string());
                text.push(':');
                canonical(&object[key], text);
            }
            text.push('}');
        }
        Value::Array(list) => {
            text.push('[');
            for (place, value) in list.iter().enumerate() {
                text.push_str(if place > 0 { "," } else { "" });
                canonical(value, text);
            }
            text.push(']');
        }
        scalar => text.push_str(&scalar.to_string()),
    }
}

/// A delivery signed as its provider does.
pub fn signed(connector_id: &str, secret: &str, id: &str, timestamp: &str, body: &[u8], now_ms: i64) -> Vector {
    let scheme = scheme(connector_id);
    let signature = signature(connector_id, secret, id, timestamp, body);
    let signature = if connector_id == "workos" { format!("t={timestamp}, {signature}") } else { signature };
    let mut headers = BTreeMap::from([(scheme.signature.to_owned(), signature)]);
    headers.extend(scheme.timestamp.map(|name| (name.to_owned(), timestamp.to_owned())));
    headers.extend(scheme.id.map(|name| (name.to_owned(), id.to_owned())));
    let connector = connector(connector_id).unwrap();
    let (id, secret) = (connector_id.to_owned(), secret.to_owned());
    Vector { id, connector, secret, headers, body: body.to_vec(), now_ms, valid: true }
}

/// A timestamp as the provider writes it.
pub fn stamp(connector: &str, at_ms: i64) -> String {
    if connector == "workos" { at_ms.to_string() } else { (at_ms / 1000).to_string() }
}
