//! The recipient item. Names are short: a person with every field fits one write unit (1 KB).

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use muster_core::field::Field;
use muster_core::format;
use muster_core::ids::{RunId, UniqueId};
use muster_core::recipient::{Recipient, Value, Values};
use muster_core::status::Status;
use muster_sync::{PortError, Stored, Trace};
use sha2::{Digest, Sha256};

use super::attributes::{Item, list, optional_text, read_number, read_text, readable, s};
use crate::fault::unreadable;

const READ: &str = "read a recipient";
/// The fencing number of the run that added the person.
pub(crate) const ADDED_FENCE: &str = "p0";
/// The record of its source.
pub(crate) const ADDED_RECORD: &str = "r0";
/// The record of the source of the run that wrote last.
pub(crate) const RECORD: &str = "rc";
/// The most bytes an item may have.
const MAX_BYTES: usize = 400 * 1024;

/// The stored letter of a status. Only active and inactive people are in the directory.
pub(crate) fn status_code(status: Status) -> Option<&'static str> {
    match status {
        Status::Active => Some("a"),
        Status::Inactive => Some("i"),
        Status::Terminated | Status::Retired | Status::Deceased => None,
    }
}

/// What stands for a recipient's content in conditions: 16 bytes of SHA-256, lower-case hex.
pub(crate) fn content_hash(recipient: &Recipient) -> String {
    let mut hash = Sha256::new();
    let mut part = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    };
    part(recipient.status.as_str().as_bytes());
    // By stored name: a catalogue in another order must not change what is stored.
    let mut values: Vec<_> = recipient.values.iter().map(|(field, value)| (field.spec().stored_as, value)).collect();
    values.sort_unstable_by_key(|(name, _)| *name);
    for (name, value) in values {
        part(name.as_bytes());
        // One value and a list of one are different content.
        let count = match value {
            Value::One(_) => 0,
            Value::Many(texts) => texts.len() as u64 + 1,
        };
        part(&count.to_be_bytes());
        value.iter().for_each(|text| part(text.as_bytes()));
    }
    hash.finalize()[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The fields as a map of short names.
pub(crate) fn fields_of(values: &Values) -> AttributeValue {
    let attribute = |value: &Value| match value {
        Value::One(text) => s(text),
        Value::Many(texts) => list(texts),
    };
    let fields = values.iter().map(|(field, value)| (field.spec().stored_as.to_owned(), attribute(value)));
    AttributeValue::M(fields.collect())
}

/// The recipient of an item. A field that the catalogue no longer has is left out.
pub(crate) fn stored_from(item: &Item) -> Result<Stored, PortError> {
    readable(READ, format::RECIPIENT, item)?;
    let status = match read_text(READ, item, "st")?.as_str() {
        "a" => Status::Active,
        "i" => Status::Inactive,
        _ => return Err(unreadable(READ, "st")),
    };
    let fields = item.get("f").and_then(|fields| fields.as_m().ok()).ok_or_else(|| unreadable(READ, "f"))?;
    let values = fields
        .iter()
        .filter_map(|(name, value)| Field::by_stored(name).map(|field| (field, value)))
        .map(|(field, value)| value_from(value).map(|value| (field, value)))
        .collect::<Option<Values>>()
        .ok_or_else(|| unreadable(READ, "f"))?;
    let unique_id = UniqueId::parse(&read_text(READ, item, "sk")?).map_err(|_| unreadable(READ, "sk"))?;
    let removed_ms = read_number(READ, item, "rm")?;
    Ok(Stored { recipient: Recipient { unique_id, status, values }, removed_ms, trace: trace_from(item)? })
}

/// Beside a field's stored name: the attribute with the fencing number of the run that changed it.
pub(crate) fn fence_attribute(field: Field) -> String {
    format!("p{}", field.spec().stored_as)
}

fn trace_from(item: &Item) -> Result<Trace, PortError> {
    let mut fields = BTreeMap::new();
    for field in Field::all() {
        if let Some(fence) = read_number(READ, item, &fence_attribute(field))? {
            fields.insert(field, fence);
        }
    }
    let added = read_number(READ, item, ADDED_FENCE)?;
    let added_record = read_number(READ, item, ADDED_RECORD)?;
    Ok(Trace {
        run: optional_text(item, "run").and_then(|run| RunId::parse(&run).ok()),
        fence: read_number(READ, item, "fn")?.unwrap_or(0),
        record: read_number(READ, item, RECORD)?,
        added: added.map(|fence| (fence, added_record)),
        fields,
        first_ms: read_number(READ, item, "first")?,
    })
}

fn value_from(value: &AttributeValue) -> Option<Value> {
    match value {
        AttributeValue::S(text) => Some(Value::One(text.clone())),
        AttributeValue::L(texts) => {
            texts.iter().map(|text| text.as_s().ok().cloned()).collect::<Option<_>>().map(Value::Many)
        }
        _ => None,
    }
}

/// The bytes of an attribute value as the service counts them, numbers taken at their longest.
fn value_size(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(digits) => digits.len() / 2 + 2,
        AttributeValue::L(values) => 3 + values.iter().map(|value| value_size(value) + 1).sum::<usize>(),
        AttributeValue::M(values) => 3 + size_of(values) + values.len(),
        _ => 1,
    }
}

/// The bytes of an item as the service counts them: names and values, and 3 bytes for a map or
/// list and 1 for each of its members.
pub(crate) fn size_of(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len() + value_size(value)).sum()
}

/// Whether fields alone leave no room in an item for keys and book-keeping.
pub(crate) fn is_too_large(fields: &AttributeValue) -> bool {
    const BOOK_KEEPING: usize = 8 * 1024;
    value_size(fields) > MAX_BYTES - BOOK_KEEPING
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(status: Status, values: &[(&str, Value)]) -> Recipient {
        let values = values.iter().map(|(name, value)| (Field::by_name(name).unwrap(), value.clone())).collect();
        Recipient { unique_id: UniqueId::parse("1").unwrap(), status, values }
    }

    fn check_differ(a: &Recipient, b: &Recipient) {
        assert_ne!(content_hash(a), content_hash(b));
    }

    #[test]
    fn the_hash_tells_apart_what_runs_together() {
        let one = |text: &str| Value::One(text.to_owned());
        let many = |texts: &[&str]| Value::Many(texts.iter().map(|text| (*text).to_owned()).collect());
        let city = |value| person(Status::Active, &[("city", value)]);
        check_differ(&city(one("a")), &city(many(&["a"])));
        check_differ(&city(many(&["ab", "c"])), &city(many(&["a", "bc"])));
        check_differ(&city(one("a")), &person(Status::Inactive, &[("city", one("a"))]));
        check_differ(&city(one("a")), &person(Status::Active, &[("region", one("a"))]));
        check_differ(
            &person(Status::Active, &[("city", many(&["a", "rg"])), ("region", many(&["b"]))]),
            &person(Status::Active, &[("city", many(&["a"])), ("region", many(&["rg", "b"]))]),
        );
    }
}
