//! What the generator promises, checked by other means than it was written with.

mod common;
mod delta;
mod rows;
