//! What the end-to-end tests share.

pub mod faulty;
pub mod hand;
pub mod rig;
pub mod sample;
pub mod tricky;
