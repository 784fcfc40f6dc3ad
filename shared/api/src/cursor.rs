//! Where the next page of a list begins, as text that callers hand back unread.
//!
//! What a cursor says is no authority: keys are always made with the caller's own account.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use muster_core::format::CURSOR;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::problem::Problem;

/// Items of a page where a query says nothing.
pub(crate) const USUAL: u32 = 50;
/// The most items of a page.
pub(crate) const MOST: u32 = 200;

/// A place with the number of its form.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written<P> {
    v: u64,
    at: P,
}

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
    let written = Written { v: u64::from(CURSOR.version), at: place };
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(&written).unwrap_or_default())
}

/// The place of a text.
///
/// # Errors
/// `bad_cursor` for anything that [`write()`] did not make, a newer version's too.
pub(crate) fn read<T: DeserializeOwned>(text: &str) -> Result<T, Problem> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok();
    let found: Value = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).ok_or_else(foreign)?;
    // No place has both members of its own: those written before there were numbers stand bare.
    let place = match serde_json::from_value::<Written<Value>>(found.clone()) {
        Ok(written) => CURSOR.check(Some(written.v)).map(|()| written.at).map_err(|_| foreign())?,
        Err(_) => found,
    };
    serde_json::from_value(place).map_err(|_| foreign())
}

/// The cursor is none that a page of this list gave.
pub(crate) fn foreign() -> Problem {
    Problem::new(400, "bad_cursor", "the cursor is none that a page of this list gave; begin without")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(json: &str) -> String {
        URL_SAFE_NO_PAD.encode(json)
    }

    #[test]
    fn a_cursor_of_before_is_read_and_one_to_come_is_refused() {
        assert_eq!(read::<u64>(&write(&7)).ok(), Some(7));
        assert_eq!(read::<u64>(&text("7")).ok(), Some(7), "written before there were numbers");
        let newer = format!("{{\"v\":{},\"at\":7}}", CURSOR.version + 1);
        assert_eq!(read::<u64>(&text(&newer)).unwrap_err().body.code, "bad_cursor");
        assert_eq!(read::<u64>(&text("{\"v\":1}")).unwrap_err().body.code, "bad_cursor");
    }
}
