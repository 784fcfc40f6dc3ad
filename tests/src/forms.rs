//! Of which form each thing is that a stack keeps; the same thing as a newer Muster would have written it.

use std::io::{Read, Write};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use muster_core::format::{self, ATTRIBUTE, Carried, Format};
use serde_json::{Value, json};

use crate::dump::Kept;

/// The form of one thing; `None` for what others bring or made: customers' files, services' own messages, drawn ids.
///
/// # Errors
/// The place of something that is of no known form.
pub fn form_of(kept: &Kept) -> Result<Option<&'static Format>, String> {
    match kept {
        Kept::Clock(_) => Ok(None),
        Kept::Item(item) => form_of_item(item).map(Some),
        Kept::Object(version, _) => form_of_object(&version.key),
        Kept::Message(queue, body) => Ok(form_of_message(queue, body)),
        Kept::Parameter(..) => Ok(Some(format::CREDENTIALS)),
        Kept::Link(token) => Ok(token.contains('.').then_some(format::SIGNED_LINK)),
    }
}

fn form_of_item(item: &Value) -> Result<&'static Format, String> {
    let text = |name: &str| item[name]["S"].as_str().unwrap_or_default();
    let (pk, sk) = (text("pk"), text("sk"));
    let by_sk = [
        ("RUN#", format::RUN),
        ("EVENT#", format::RUN),
        ("MAIL#", format::MAIL),
        ("PERSON", format::MARK),
        ("POLL#", format::LISTING),
    ];
    let by_shelf = [
        ("ACCOUNT", format::TERMS),
        ("AUDIT", format::AUDIT),
        ("ONCE", format::ANSWER),
        ("SEGMENTS", format::SEGMENT),
        ("GROUPS", format::GROUP_LOOK),
        ("LINKS", format::LINK_FLOW),
        ("SETTINGS", format::SETTINGS),
        ("ERASED", format::TOMBSTONE),
        ("G", format::GROUP),
    ];
    let parts: Vec<&str> = pk.split('#').collect();
    Ok(match (parts.as_slice(), sk) {
        (["ACCOUNTS"], _) | (["A", _], _) => format::LISTED,
        (["SFTP", _], "LOGIN") => format::LOGIN,
        (["HOOK", ..], "ROUTE") => format::ROUTE,
        (["A", _, "C", _], "CONNECTION") => format::CONNECTION,
        (["A", _, "C", _, "R", _], _) => format::RECIPIENT,
        (["A", _, "C", _, "CONSENTS", _], _) => format::OPT_OUTS,
        (["A", _, "C", _], sk) => {
            let form = by_sk.iter().find(|(prefix, _)| sk.starts_with(prefix));
            form.ok_or_else(|| format!("the item {pk} / {sk}"))?.1
        }
        (["A", _, shelf] | ["A", _, "C", _, shelf], _) => {
            let form = by_shelf.iter().find(|(name, _)| name == shelf);
            form.ok_or_else(|| format!("the item {pk} / {sk}"))?.1
        }
        _ => return Err(format!("the item {pk} / {sk}")),
    })
}

fn form_of_object(key: &str) -> Result<Option<&'static Format>, String> {
    let folder = key.split('/').next().unwrap_or_default();
    let name = key.rsplit('/').next().unwrap_or_default();
    Ok(match (folder, name) {
        ("inbox" | "sftp" | "partial", _) | ("plans", "errors.csv") => None,
        ("rosters", _) => Some(format::ROSTER),
        ("polls", _) => Some(format::LISTING),
        ("plans" | "reports", "issues.json") => Some(format::ISSUES),
        ("plans", "summary.json") => Some(format::SUMMARY),
        ("plans", name) if name.starts_with("chunk-") => Some(format::PLAN),
        _ => return Err(format!("the object {key}")),
    })
}

fn form_of_message(queue: &str, body: &str) -> Option<&'static Format> {
    let body: Value = serde_json::from_str(body).unwrap();
    match queue {
        "import" => body.get("muster").map(|_| format::IMPORT_JOB),
        "apply" => Some(format::APPLY_JOB),
        "poll" => Some(format::POLL_JOB),
        "report" if body["source"] == "aws.ses" => Some(format::MAIL_TAGS),
        "report" => Some(format::MAIL_JOB),
        _ => Some(format::EVENT_JOB),
    }
}

/// The bytes without their compression.
pub fn plain(bytes: &[u8]) -> Vec<u8> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return bytes.to_vec();
    }
    let mut plain = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut plain).unwrap();
    plain
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

fn with_member(text: &str, name: &str, version: u32) -> String {
    let mut value: Value = serde_json::from_str(text).unwrap();
    value[name] = json!(version);
    value.to_string()
}

/// The thing with the number of its form raised by one; `None` where it carries none of its own.
pub fn raised(kept: &Kept) -> Option<Kept> {
    let form = form_of(kept).unwrap()?;
    let version = form.version + 1;
    match kept {
        Kept::Item(item) => {
            let mut item = item.clone();
            item[ATTRIBUTE] = json!({"N": version.to_string()});
            Some(Kept::Item(item))
        }
        Kept::Object(place, bytes) => {
            let bytes = STANDARD.decode(bytes).unwrap();
            let bytes = raised_bytes(form, &bytes, version)?;
            let mut place = place.clone();
            place.size = bytes.len() as u64;
            // As an object under a key of its own account: its checksum says nothing.
            place.etag = "0-1".to_owned();
            Some(Kept::Object(place, STANDARD.encode(bytes)))
        }
        Kept::Message(queue, body) if form.carried == Carried::Tag => {
            let mut body: Value = serde_json::from_str(body).unwrap();
            body["detail"]["mail"]["tags"]["v"] = json!([version.to_string()]);
            Some(Kept::Message(queue.clone(), body.to_string()))
        }
        Kept::Message(queue, body) => Some(Kept::Message(queue.clone(), with_member(body, "v", version))),
        Kept::Parameter(name, value) => Some(Kept::Parameter(name.clone(), with_member(value, "v", version))),
        Kept::Link(token) => {
            let (text, mac) = token.split_once('.').unwrap();
            let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap();
            let text = URL_SAFE_NO_PAD.encode(with_member(&text, "v", version));
            Some(Kept::Link(format!("{text}.{mac}")))
        }
        Kept::Clock(_) => None,
    }
}

fn raised_bytes(form: &'static Format, bytes: &[u8], version: u32) -> Option<Vec<u8>> {
    let text = || String::from_utf8(plain(bytes)).unwrap();
    match form.carried {
        Carried::Magic => {
            let mut bytes = bytes.to_vec();
            bytes[7] = b'0' + u8::try_from(version).unwrap();
            Some(bytes)
        }
        Carried::Object => Some(with_member(&text(), "version", version).into_bytes()),
        Carried::Lines => {
            let text = text();
            let (first, rest) =
                text.split_once('\n').map_or((text.as_str(), None), |(first, rest)| (first, Some(rest)));
            let first = with_member(first, "v", version);
            match rest {
                Some(rest) => Some(packed(format!("{first}\n{rest}").as_bytes())),
                None => Some(first.into_bytes()),
            }
        }
        // A listing's parts: their number stands in its item.
        _ => None,
    }
}
