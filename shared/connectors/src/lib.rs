//! Providers' APIs without IO: a connector builds requests, verifies signatures and reads bytes into people; one
//! sender at the rim carries the requests out.
//!
//! A connector is one source file here, one line in [`CONNECTORS`] and one folder of fixtures in `fixtures/`.
//! Its wire types stay in its file; what leaves it is a [`Person`]: texts by path, each given, empty or not given.

mod api;
mod apideck;
mod bamboohr;
pub mod catalogue;
#[cfg(test)]
mod doc_tables;
mod effective;
mod entra;
mod finch;
mod http;
mod link;
mod merge;
mod paylocity;
mod person;
mod secret;
mod signature;
#[cfg(test)]
mod table_tests;
mod webhook;
mod workos;

pub use api::{About, Brings, Connector, Incremental, Key, Page, Scope, Step, Target, Token, Unread};
pub use effective::{NotMappable, effective};
pub use http::{Fault, FaultKind, HttpRequest, HttpResponse, Method, Wait, retry_after};
pub use link::{Link, LinkAsk, LinkFinished, LinkNext, LinkStarted, LinkStep};
pub use person::{Person, Raw, Values};
pub use secret::Secret;
pub use webhook::{ConnectionEvent, Delivery, EventKind, Refused, SourceEvent, Unreadable, VerifiedWebhook, accept};

/// Every connector.
#[rustfmt::skip]
pub const CONNECTORS: &[&dyn Connector] = &[
    &apideck::Apideck,
    &bamboohr::BambooHr,
    &entra::Entra,
    &finch::Finch,
    &merge::Merge,
    &paylocity::Paylocity,
    &workos::WorkOs,
];

/// The connector of that name.
pub fn connector(id: &str) -> Option<&'static dyn Connector> {
    CONNECTORS.iter().copied().find(|connector| connector.about().id == id)
}
