//! Where the next page of a list begins, as text that callers hand back unread.
//!
//! What a cursor says is no authority: keys are always made with the caller's own account.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// Items of a page where a query says nothing.
pub(crate) const USUAL: u32 = 50;
/// The most items of a page.
pub(crate) const MOST: u32 = 200;

/// How many items a page may have.
///
/// # Errors
/// `invalid` outside of 1 to 200.
pub(crate) fn limit(asked: Option<u32>) -> Result<usize, Problem> {
    match asked.unwrap_or(USUAL) {
        limit @ 1..=MOST => Ok(limit as usize),
        _ => Err(Problem::invalid("limit", format!("must be from 1 to {MOST}"))),
    }
}

/// The text of a place.
pub(crate) fn write<T: Serialize>(place: &T) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(place).unwrap_or_default())
}

/// The place of a text.
///
/// # Errors
/// `bad_cursor` for anything that [`write()`] did not make.
pub(crate) fn read<T: DeserializeOwned>(text: &str) -> Result<T, Problem> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok();
    let place = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    place.ok_or_else(foreign)
}

/// The cursor is none that a page of this list gave.
pub(crate) fn foreign() -> Problem {
    Problem::new(400, "bad_cursor", "the cursor is none that a page of this list gave; begin without")
}
