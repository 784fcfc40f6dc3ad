//! Apideck's signature: over the JSON with its keys in order, as JavaScript would write it.

use std::cmp::Ordering;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::signature::{from_base64, from_hex, hmac_sha256, same};
use crate::{Delivery, Refused, Secret};

/// What stands before a key that signs the raw body, in base64.
const RAW: &str = "raw_base64:";

/// Whether one of the secrets signed the delivery. Apideck's guide and specification say that it is the sorted JSON
/// in hexadecimal digits; an older note of theirs says the raw body in base64, so that can be set.
pub(super) fn verify(delivery: &Delivery<'_>, secrets: &[Secret]) -> Result<(), Refused> {
    let header = delivery.header("x-apideck-signature").ok_or(Refused("there is no signature"))?;
    let (hex, base64) = (from_hex(header), from_base64(header).filter(|bytes| bytes.len() == 32));
    if hex.is_none() && base64.is_none() {
        return Err(Refused("the signature has not the form of one"));
    }
    let mut sorted = None;
    for secret in secrets.iter().map(Secret::reveal).filter(|secret| !secret.is_empty()) {
        let fits = match (secret.strip_prefix(RAW), hex, &base64) {
            (Some(""), ..) => false,
            (Some(key), _, Some(told)) => same(told, &hmac_sha256(key.as_bytes(), &[delivery.body])),
            (None, Some(told), _) => {
                let text = match sorted.take() {
                    Some(text) => text,
                    None => canonical(delivery.body).ok_or(Refused("the body is not JSON that can be signed"))?,
                };
                let fits = same(&told, &hmac_sha256(secret.as_bytes(), &[text.as_bytes()]));
                sorted = Some(text);
                fits
            }
            _ => false,
        };
        if fits {
            return Ok(());
        }
    }
    Err(Refused("the signature does not fit"))
}

/// The body as JavaScript's `JSON.stringify` writes it when every object's keys are in order. `None` for what is not
/// JSON, or says the same key twice (which of the two counts would be anybody's guess).
fn canonical(body: &[u8]) -> Option<String> {
    let Canonical(text) = serde_json::from_slice(body).ok()?;
    Some(text)
}

struct Canonical(String);

impl<'de> Deserialize<'de> for Canonical {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Writer).map(Self)
    }
}

struct Writer;

impl<'de> Visitor<'de> for Writer {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<String, E> {
        Ok("null".to_owned())
    }

    fn visit_bool<E>(self, flag: bool) -> Result<String, E> {
        Ok(flag.to_string())
    }

    fn visit_i64<E>(self, number: i64) -> Result<String, E> {
        Ok(as_javascript(number as f64))
    }

    fn visit_u64<E>(self, number: u64) -> Result<String, E> {
        Ok(as_javascript(number as f64))
    }

    fn visit_f64<E>(self, number: f64) -> Result<String, E> {
        Ok(as_javascript(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<String, E> {
        Ok(quoted(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<String, A::Error> {
        let mut text = String::from("[");
        while let Some(Canonical(entry)) = list.next_element()? {
            if text.len() > 1 {
                text.push(',');
            }
            text.push_str(&entry);
        }
        text.push(']');
        Ok(text)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<String, A::Error> {
        let mut entries: Vec<(String, Canonical)> = Vec::new();
        while let Some(entry) = object.next_entry()? {
            entries.push(entry);
        }
        entries.sort_by(|(a, _), (b, _)| in_order(a, b));
        if entries.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return Err(A::Error::custom("a key stands twice"));
        }
        let written: Vec<String> =
            entries.iter().map(|(key, Canonical(value))| format!("{}:{value}", quoted(key))).collect();
        Ok(format!("{{{}}}", written.join(",")))
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// JavaScript sorts texts by UTF-16 code units, and lists keys that are indexes of a list before all others.
fn in_order(a: &str, b: &str) -> Ordering {
    match (index(a), index(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => a.encode_utf16().cmp(b.encode_utf16()),
    }
}

fn index(key: &str) -> Option<u32> {
    let number: u32 = key.parse().ok()?;
    (number < u32::MAX && number.to_string() == key).then_some(number)
}

/// A number as JavaScript writes it: the fewest digits that mean it, with an exponent only for the very large and
/// very small.
fn as_javascript(number: f64) -> String {
    if number == 0.0 {
        return "0".to_owned();
    }
    let sign = if number < 0.0 { "-" } else { "" };
    let shortest = format!("{:e}", number.abs());
    let (digits, exponent) = shortest.split_once('e').unwrap_or((shortest.as_str(), "0"));
    let digits = digits.replace('.', "");
    let count = i32::try_from(digits.len()).unwrap_or(i32::MAX);
    let point = exponent.parse::<i32>().unwrap_or(0) + 1;
    let zeros = |n: i32| "0".repeat(usize::try_from(n).unwrap_or(0));
    let text = if count <= point && point <= 21 {
        format!("{digits}{}", zeros(point - count))
    } else if 0 < point && point <= 21 {
        let (whole, rest) = digits.split_at(usize::try_from(point).unwrap_or(0));
        format!("{whole}.{rest}")
    } else if -6 < point && point <= 0 {
        format!("0.{}{digits}", zeros(-point))
    } else {
        let (first, rest) = digits.split_at(1);
        let dot = if rest.is_empty() { "" } else { "." };
        format!("{first}{dot}{rest}e{:+}", point - 1)
    };
    format!("{sign}{text}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use base64::Engine;

    use super::*;

    fn check(body: &str, expected: Option<&str>) {
        assert_eq!(canonical(body.as_bytes()).as_deref(), expected, "{body}");
    }

    fn accepts(signature: &str, body: &str, secrets: &[&str]) -> bool {
        let headers = BTreeMap::from([("x-apideck-signature".to_owned(), signature.to_owned())]);
        let secrets: Vec<Secret> = secrets.iter().map(|secret| Secret::new(*secret)).collect();
        verify(&Delivery { headers: &headers, body: body.as_bytes(), source_ip: "203.0.113.7" }, &secrets).is_ok()
    }

    #[test]
    fn numbers_are_written_as_javascript_writes_them() {
        let body = "[1.0, 1.50, -0, -0.0, 1e2, 1e21, 123e19, 1.5e300, 0.000001, 1e-7, -2.5e-9, 9007199254740993]";
        check(body, Some("[1,1.5,0,0,100,1e+21,1.23e+21,1.5e+300,0.000001,1e-7,-2.5e-9,9007199254740992]"));
        check("[100000000000000000000, 0.1, -12.25]", Some("[100000000000000000000,0.1,-12.25]"));
    }

    #[test]
    fn keys_are_in_javascripts_order_at_every_depth() {
        let body = r#"{"b":[{"z":1,"a":2}],"10":0,"9":0,"01":0,"a":{"y":null,"x":true},"B":"é\u00e9\/\u2028"}"#;
        check(
            body,
            Some(
                "{\"9\":0,\"10\":0,\"01\":0,\"B\":\"éé/\u{2028}\",\"a\":{\"x\":true,\"y\":null},\"b\":[{\"a\":2,\"z\":1}]}",
            ),
        );
        // Above the basic plane UTF-16 sorts before U+FF00, UTF-8 after it.
        check("{\"\u{ff00}\":1,\"\u{1f600}\":2}", Some("{\"\u{1f600}\":2,\"\u{ff00}\":1}"));
    }

    #[test]
    fn what_cannot_be_signed_for_sure_is_refused() {
        for body in [r#"{"a":1,"a":1}"#, r#"{"a":{"b":1,"b":2}}"#, "{}x", "", "1e999", &"[".repeat(200)] {
            check(body, None);
        }
    }

    #[test]
    fn the_other_scheme_counts_only_where_it_is_set() {
        let body = r#"{"b":1,"a":2}"#;
        let raw = base64::engine::general_purpose::STANDARD.encode(hmac_sha256(b"key", &[body.as_bytes()]));
        let digits = hmac_sha256(b"key", &[br#"{"a":2,"b":1}"#])
            .iter()
            .fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
        assert!(accepts(&raw, body, &["other", "raw_base64:key"]));
        assert!(accepts(&digits, body, &["other", "key"]));
        assert!(!accepts(&raw, body, &["key", "raw_base64:", ""]));
        assert!(!accepts(&digits, body, &["raw_base64:key", "other"]));
    }
}
