//! What the end-to-end tests share.

#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]

pub mod api;
pub mod canary;
pub mod cost;
pub mod customer;
pub mod dump;
pub mod faulty;
pub mod forms;
pub mod hand;
pub mod harness;
pub mod hook;
pub mod house;
pub mod http;
pub mod meter;
pub mod naive;
pub mod rig;
pub mod sample;
pub mod story;
pub mod suite_logs;
pub mod tricky;
