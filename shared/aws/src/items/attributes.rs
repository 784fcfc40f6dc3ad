//! Attribute values in and out.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use muster_core::format::{ATTRIBUTE, Format};
use muster_sync::PortError;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::fault::unreadable;

/// An item, or a key, or the values of an expression.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// Text.
pub(crate) fn s(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

/// A number.
pub(crate) fn n(number: impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// A list of texts.
pub(crate) fn list(texts: &[String]) -> AttributeValue {
    AttributeValue::L(texts.iter().map(s).collect())
}

/// A record that conditions never look into, as JSON text.
pub(crate) fn json<T: Serialize>(operation: &'static str, record: &T) -> Result<AttributeValue, PortError> {
    let text = serde_json::to_string(record).map_err(|error| PortError::never(operation, error.to_string()))?;
    Ok(s(text))
}

/// The item with the number of its form.
pub(crate) fn versioned(format: &'static Format, mut item: Item) -> Item {
    item.insert(ATTRIBUTE.to_owned(), n(format.version));
    item
}

/// The item, if it is of a form that this code reads.
pub(crate) fn readable<'i>(
    operation: &'static str,
    format: &'static Format,
    item: &'i Item,
) -> Result<&'i Item, PortError> {
    let found = read_number(operation, item, ATTRIBUTE)?;
    format.check(found).map_err(|wrong| PortError::version(operation, &wrong))?;
    Ok(item)
}

/// The text under `name`, if there is one.
pub(crate) fn optional_text(item: &Item, name: &str) -> Option<String> {
    item.get(name).and_then(|value| value.as_s().ok()).cloned()
}

/// The text under `name`.
pub(crate) fn read_text(operation: &'static str, item: &Item, name: &str) -> Result<String, PortError> {
    optional_text(item, name).ok_or_else(|| unreadable(operation, name))
}

/// The number under `name`; `None` when it is not there.
pub(crate) fn read_number<T: std::str::FromStr>(
    operation: &'static str,
    item: &Item,
    name: &str,
) -> Result<Option<T>, PortError> {
    let Some(value) = item.get(name) else { return Ok(None) };
    let number = value.as_n().ok().and_then(|digits| digits.parse().ok());
    number.map(Some).ok_or_else(|| unreadable(operation, name))
}

/// The record under `name`; `None` when it is not there.
pub(crate) fn read_json<T: DeserializeOwned>(
    operation: &'static str,
    item: &Item,
    name: &str,
) -> Result<Option<T>, PortError> {
    let Some(text) = optional_text(item, name) else { return Ok(None) };
    serde_json::from_str(&text).map(Some).map_err(|_| unreadable(operation, name))
}

/// The texts of the list under `name`.
pub(crate) fn read_list(item: &Item, name: &str) -> Vec<String> {
    let values = item.get(name).and_then(|value| value.as_l().ok());
    values.into_iter().flatten().filter_map(|value| value.as_s().ok()).cloned().collect()
}
