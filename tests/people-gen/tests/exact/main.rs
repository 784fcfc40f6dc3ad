//! What the generator promises, checked by other means than it was written with.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;
mod delta;
mod rows;
