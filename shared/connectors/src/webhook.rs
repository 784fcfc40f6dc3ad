//! Webhooks: what came in, whether it is authentic, and what it tells.

use std::collections::BTreeMap;
use std::fmt;

use crate::{Connector, Secret};

/// A webhook as it came in. `Debug` shows neither headers nor body.
#[derive(Clone, Copy)]
pub struct Delivery<'a> {
    /// Headers, names in lower case; a header that came twice stands once, joined by a comma.
    pub headers: &'a BTreeMap<String, String>,
    /// The raw body.
    pub body: &'a [u8],
    /// The sender's IP address.
    pub source_ip: &'a str,
}

impl<'a> Delivery<'a> {
    /// A header's value, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.get(name).map(String::as_str)
    }
}

impl fmt::Debug for Delivery<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Delivery of {} bytes", self.body.len())
    }
}

/// Why a webhook is not believed. Quotes nothing of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub &'static str);

/// Why a verified webhook cannot be read. Quotes nothing of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(pub String);

/// The proof that a webhook is authentic: only [`accept`] makes it.
#[derive(Debug, Clone, Copy)]
pub struct VerifiedWebhook<'a> {
    delivery: Delivery<'a>,
}

impl<'a> VerifiedWebhook<'a> {
    /// Believes a webhook unseen, for tests of what webhooks tell.
    #[cfg(test)]
    pub(crate) fn unproven(delivery: Delivery<'a>) -> Self {
        Self { delivery }
    }

    /// The webhook.
    pub fn delivery(&self) -> Delivery<'a> {
        self.delivery
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// [`Unreadable`] names the place, never the data.
    pub fn json(&self) -> Result<serde_json::Value, Unreadable> {
        serde_json::from_slice(self.delivery.body).map_err(|e| Unreadable(format!("the body is not JSON: {e}")))
    }
}

/// Verifies a webhook under any of several secrets.
///
/// # Errors
/// [`Refused`].
pub fn accept<'a>(
    connector: &dyn Connector,
    delivery: Delivery<'a>,
    secrets: &[Secret],
    now_ms: i64,
) -> Result<VerifiedWebhook<'a>, Refused> {
    connector.verify(&delivery, secrets, now_ms)?;
    Ok(VerifiedWebhook { delivery })
}

/// One thing that a webhook tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceEvent {
    /// The provider's id of the event, the same on every delivery of it; `None` where it has none (then the digest
    /// of the body stands for it).
    pub id: Option<String>,
    /// The name by which the webhook calls the connection, one of [`Connector::routes`]; `None` where it does not say.
    pub route: Option<String>,
    /// What.
    pub kind: EventKind,
}

/// What an event is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventKind {
    /// A person was added, changed or removed: read them anew.
    Person {
        /// The provider's id of the person.
        id: String,
        /// The provider's own version of the person (`updated_at`), in milliseconds since 1970.
        version_ms: Option<i64>,
    },
    /// The provider has new data about many: make a listing.
    Listing,
    /// The connection itself changed. Never changes people.
    Connection(ConnectionEvent),
    /// Known and of no interest, or unknown: the event's name.
    Ignored(String),
}

/// How a connection changed at the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionEvent {
    /// The link was taken away.
    Deleted,
    /// The credentials are refused.
    Unauthorized,
    /// The customer must sign in again.
    ReauthNeeded,
    /// The provider's own link to the HR system has trouble.
    Failing,
    /// It works (again).
    Works,
}
