//! The fakes over real sockets: what they keep and page, how they sign, how they misbehave.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

mod links;
mod misbehaviour;
mod paging;
mod providers;
mod signatures;
mod support;
mod webhooks;
