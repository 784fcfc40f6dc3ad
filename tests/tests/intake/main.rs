//! Taking webhooks in, in-process: the real function over services that can fail call by call.
#![expect(clippy::unwrap_used, reason = "all of this is a test")]

mod bodies;
mod desk;
mod outages;
mod secrets;
mod whose;
