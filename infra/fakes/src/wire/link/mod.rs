//! How customers link an account, provider by provider.

pub(crate) mod apideck;
pub(crate) mod finch;
pub(crate) mod merge;
pub(crate) mod workos;

use serde_json::Value;

/// A text of a body that is there and not empty.
fn text<'v>(body: &'v Value, key: &str) -> Option<&'v str> {
    body[key].as_str().filter(|text| !text.is_empty())
}
