//! Taking a webhook in: verify, find the connection, hand on ids. Nothing is parsed before it is verified, and nothing
//! but ids goes on.

use std::collections::BTreeSet;

use muster_connectors::{
    About, ConnectionEvent, Connector, Delivery, EventKind, Refused, Secret, SourceEvent, VerifiedWebhook, accept,
};
use muster_core::ids::ConnectionId;
use sha2::{Digest, Sha256};

use crate::{
    Clock, Connection, ConnectionStatus, EventJob, EventWhat, Ledger, LinkChange, PortError, Queue, SecretPlace,
    SecretSet, Secrets,
};
use crate::{log, metric};

/// The largest body that is taken, in bytes.
pub const LARGEST_BODY: usize = 1 << 20;
/// Events in one message to the queue.
const AT_ONCE: usize = 10;

/// Takes webhooks in.
#[derive(Debug)]
pub struct Intake<'a, L, Q, S, C> {
    /// Connections.
    pub ledger: &'a L,
    /// To `webhook-apply`.
    pub queue: &'a Q,
    /// Webhook secrets.
    pub secrets: &'a S,
    /// The time.
    pub clock: &'a C,
}

/// A webhook and the path it came by.
#[derive(Debug, Clone, Copy)]
pub struct Hook<'a> {
    /// `/webhooks/{connector}`
    pub connector: &'a str,
    /// `/webhooks/{connector}/{connection}`, where the path names one.
    pub connection: Option<&'a str>,
    /// The webhook.
    pub delivery: Delivery<'a>,
}

/// What became of a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// Handed on, so many events.
    Taken(usize),
    /// Authentic, and nothing to do: a ping, an event of no interest, a connection that is switched off. Says why.
    Ignored(&'static str),
    /// Not believed. Whether the connection is unknown or the signature wrong is the same to the sender.
    Refused(&'static str),
    /// Authentic and not readable.
    Unreadable(String),
    /// The body is larger than [`LARGEST_BODY`].
    TooLarge,
}

impl<L: Ledger, Q: Queue, S: Secrets, C: Clock> Intake<'_, L, Q, S, C> {
    /// Takes a webhook in.
    ///
    /// # Errors
    /// [`PortError`] when it must be sent again: it was not handed on.
    pub async fn take(&self, hook: &Hook<'_>) -> Result<Received, PortError> {
        let received = self.received(hook).await;
        // Anybody may write anything into the path.
        let connector = muster_connectors::connector(hook.connector).map(|connector| connector.about().id);
        if let Ok(received) = &received {
            metric::webhook(matches!(received, Received::Taken(_) | Received::Ignored(_)), connector);
        }
        match &received {
            Ok(Received::Taken(events)) => tracing::info!(connector, events, "webhook taken"),
            Ok(Received::Ignored(why)) => tracing::info!(connector, why, "webhook ignored"),
            Ok(Received::Refused(why)) => tracing::info!(connector, why, webhook.refused = true, "webhook refused"),
            Ok(Received::Unreadable(_)) => tracing::warn!(connector, "webhook unreadable"),
            Ok(Received::TooLarge) => tracing::warn!(connector, "webhook too large"),
            Err(error) => tracing::warn!(connector, %error, "webhook not taken: it must be sent again"),
        }
        received
    }

    async fn received(&self, hook: &Hook<'_>) -> Result<Received, PortError> {
        if hook.delivery.body.len() > LARGEST_BODY {
            return Ok(Received::TooLarge);
        }
        let Some(connector) = muster_connectors::connector(hook.connector) else {
            return Ok(Received::Refused("there is no such connector"));
        };
        let named = match hook.connection {
            Some(id) => match self.named(connector, id).await? {
                Some(connection) => Some(connection),
                None => return Ok(Received::Refused("there is no such connection")),
            },
            None => None,
        };
        if let Some(connection) = &named {
            log::name_connection(&connection.account, &connection.id);
        }
        let verified = match self.verify(connector, named.as_ref(), hook.delivery).await? {
            Ok(verified) => verified,
            Err(refused) => return Ok(Received::Refused(refused.0)),
        };
        if hook.delivery.body.is_empty() {
            return Ok(Received::Unreadable("the body is empty".to_owned()));
        }
        let events = match connector.events(&verified) {
            Ok(events) if events.is_empty() => return Ok(Received::Ignored("a ping or a test")),
            Ok(events) => events,
            Err(unreadable) => return Ok(Received::Unreadable(unreadable.0)),
        };
        let digest = hex(&Sha256::digest(hook.delivery.body)[..16]);
        self.hand_on(connector, named.as_ref(), events, &digest).await
    }

    /// The connection of that id. Its login is called like it, over all accounts.
    async fn named(&self, connector: &dyn Connector, id: &str) -> Result<Option<Connection>, PortError> {
        if ConnectionId::parse(id).is_err() {
            return Ok(None);
        }
        let Some(login) = self.ledger.login(id).await? else { return Ok(None) };
        let connection = self.ledger.connection(&login.account, &login.connection).await?;
        let Some(connection) = connection else { return Ok(None) };
        let is_its = crate::settings_of(&connection)?.connector == connector.about().id;
        Ok(is_its.then_some(connection))
    }

    /// Verifies with the secrets at hand, and where those do not fit with the ones stored now: a secret may have been
    /// replaced since it was read, and some providers never send a refused webhook again.
    async fn verify<'d>(
        &self,
        connector: &dyn Connector,
        named: Option<&Connection>,
        delivery: Delivery<'d>,
    ) -> Result<Result<VerifiedWebhook<'d>, Refused>, PortError> {
        let shared = SecretPlace::Connector(connector.about().id.to_owned());
        let place = match named {
            Some(connection) => SecretPlace::Connection(connection.account.clone(), connection.id.clone()),
            None => shared.clone(),
        };
        let now_ms = self.clock.now_ms();
        let mut tried = Vec::new();
        let mut refused = Refused("no webhook secret is configured");
        for fresh in [false, true] {
            let set = self.secrets.secrets(&place, fresh).await?.unwrap_or_default();
            let mut secrets = webhook_secrets(connector, &set, now_ms);
            if secrets.is_empty() && signs_with_shared(connector.about()) && place != shared {
                let set = self.secrets.secrets(&shared, fresh).await?.unwrap_or_default();
                secrets = webhook_secrets(connector, &set, now_ms);
            }
            if secrets.is_empty() || secrets == tried {
                continue;
            }
            match accept(connector, delivery, &secrets, now_ms) {
                Ok(verified) => return Ok(Ok(verified)),
                Err(why) => refused = why,
            }
            tried = secrets;
        }
        Ok(Err(refused))
    }

    async fn hand_on(
        &self,
        connector: &dyn Connector,
        named: Option<&Connection>,
        events: Vec<SourceEvent>,
        digest: &str,
    ) -> Result<Received, PortError> {
        let mut jobs = Vec::new();
        let mut owners = BTreeSet::new();
        let mut why = "an event of no interest";
        for (at, event) in events.into_iter().enumerate() {
            let Some(what) = what_of(event.kind) else { continue };
            let connection = match self.owner(connector, named, event.route.as_deref()).await? {
                Owner::Is(connection) => connection,
                Owner::Other => return Ok(Received::Refused("the webhook is about another connection")),
                Owner::Unknown => {
                    why = "no connection is called so";
                    continue;
                }
            };
            if matches!(connection.status, ConnectionStatus::Disabled | ConnectionStatus::Deleted) {
                why = "the connection is switched off";
                continue;
            }
            owners.insert((connection.account.clone(), connection.id.clone()));
            // One delivery may tell of several people: each is an event of its own.
            let event = event.id.map_or_else(|| format!("{digest}-{at}"), |id| format!("{id}-{at}"));
            jobs.push(EventJob {
                account: connection.account.to_string(),
                connection: connection.id.to_string(),
                event,
                digest: digest.to_owned(),
                what,
                received_ms: self.clock.now_ms(),
            });
        }
        if jobs.is_empty() {
            return Ok(Received::Ignored(why));
        }
        if let (Some((account, id)), 1) = (owners.first(), owners.len()) {
            log::name_connection(account, id);
        }
        jobs.sort_by(|a, b| (&a.account, &a.connection).cmp(&(&b.account, &b.connection)));
        for of_one in jobs.chunk_by(|a, b| (&a.account, &a.connection) == (&b.account, &b.connection)) {
            for batch in of_one.chunks(AT_ONCE) {
                self.queue.send_events(batch).await?;
            }
        }
        Ok(Received::Taken(jobs.len()))
    }

    /// Whose an event is. By a connection's own path it must be that connection's, whatever its secret: a valid
    /// webhook of one customer is not one of another.
    async fn owner(
        &self,
        connector: &dyn Connector,
        named: Option<&Connection>,
        route: Option<&str>,
    ) -> Result<Owner, PortError> {
        let route = route.map(|route| format!("{}#{route}", connector.about().id));
        let Some(connection) = named else {
            let Some(route) = route else { return Ok(Owner::Unknown) };
            let Some(login) = self.ledger.route(&route).await? else { return Ok(Owner::Unknown) };
            let found = self.ledger.connection(&login.account, &login.connection).await?;
            return Ok(found.map_or(Owner::Unknown, |connection| Owner::Is(Box::new(connection))));
        };
        // Without a name of its own in the settings there is nothing to compare: the path and the secret say whose it is.
        let fits = connection.routes.is_empty() || route.is_none_or(|route| connection.routes.contains(&route));
        Ok(if fits { Owner::Is(Box::new(connection.clone())) } else { Owner::Other })
    }
}

enum Owner {
    Is(Box<Connection>),
    Other,
    Unknown,
}

/// Whether webhooks are signed with a key of the product itself, which linked connections have no copy of.
fn signs_with_shared(about: &About) -> bool {
    about.signs_with.is_some_and(|signs| about.platform.iter().any(|key| key.name == signs))
}

/// The secrets that a webhook may be signed with. Apideck signs with the application's API key.
fn webhook_secrets(connector: &dyn Connector, set: &SecretSet, now_ms: i64) -> Vec<Secret> {
    let own = set.values("webhook_secret", now_ms);
    let signs_with_key = own.is_empty() && connector.about().signs_with.is_some();
    let secrets = match connector.about().signs_with {
        Some(key) if signs_with_key => set.values(key, now_ms),
        _ => own,
    };
    secrets.into_iter().filter(|secret| !secret.reveal().is_empty()).collect()
}

fn what_of(kind: EventKind) -> Option<EventWhat> {
    Some(match kind {
        EventKind::Person { id, version_ms } => EventWhat::Person { id, version_ms },
        EventKind::Listing => EventWhat::Listing,
        EventKind::Connection(change) => EventWhat::Connection { change: link_of(change) },
        EventKind::Ignored(_) => return None,
    })
}

fn link_of(change: ConnectionEvent) -> LinkChange {
    match change {
        ConnectionEvent::Deleted => LinkChange::Deleted,
        ConnectionEvent::Unauthorized => LinkChange::Unauthorized,
        ConnectionEvent::ReauthNeeded => LinkChange::ReauthNeeded,
        ConnectionEvent::Failing => LinkChange::Failing,
        ConnectionEvent::Works => LinkChange::Works,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
