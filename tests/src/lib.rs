//! What the end-to-end tests share.

pub mod faulty;
pub mod naive;
pub mod rig;
