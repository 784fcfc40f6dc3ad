//! The fakes over real sockets: what they keep and page, how they sign, how they misbehave.

mod misbehaviour;
mod paging;
mod providers;
mod signatures;
mod support;
mod webhooks;
