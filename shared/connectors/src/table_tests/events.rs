//! Recorded webhooks: what they tell, and that no content of them panics.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::robust;
use crate::{ConnectionEvent, Connector, Delivery, EventKind, SourceEvent, Unreadable, VerifiedWebhook};

/// `event-*.json`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Recorded {
    claim: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Value,
    expect: Option<Vec<Told>>,
    #[serde(default)]
    unreadable: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Told {
    id: Option<String>,
    route: Option<String>,
    person: Option<ToldPerson>,
    #[serde(default)]
    listing: bool,
    connection: Option<String>,
    ignored: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ToldPerson {
    id: String,
    version_ms: Option<i64>,
}

impl Told {
    fn event(self) -> Result<SourceEvent, String> {
        let kind = match (self.person, self.listing, self.connection.as_deref(), self.ignored) {
            (Some(person), false, None, None) => EventKind::Person { id: person.id, version_ms: person.version_ms },
            (None, true, None, None) => EventKind::Listing,
            (None, false, Some(word), None) => EventKind::Connection(connection_event(word)?),
            (None, false, None, Some(name)) => EventKind::Ignored(name),
            _ => return Err("an event is one of person, listing, connection, ignored".to_owned()),
        };
        Ok(SourceEvent { id: self.id, route: self.route, kind })
    }
}

fn connection_event(word: &str) -> Result<ConnectionEvent, String> {
    Ok(match word {
        "deleted" => ConnectionEvent::Deleted,
        "unauthorized" => ConnectionEvent::Unauthorized,
        "reauth_needed" => ConnectionEvent::ReauthNeeded,
        "failing" => ConnectionEvent::Failing,
        "works" => ConnectionEvent::Works,
        other => return Err(format!("{other:?} is nothing that happens to a connection")),
    })
}

fn parse(text: &str) -> Result<Recorded, String> {
    let mut recorded: Recorded = serde_json::from_str(text).map_err(|e| format!("the fixture is not right: {e}"))?;
    recorded.headers = recorded.headers.into_iter().map(|(name, value)| (name.to_lowercase(), value)).collect();
    if recorded.claim.is_empty() || recorded.expect.is_some() == recorded.unreadable {
        return Err("a fixture has a claim, and either expect or unreadable".to_owned());
    }
    Ok(recorded)
}

fn bytes(body: &Value) -> Vec<u8> {
    match body {
        Value::String(text) => text.clone().into_bytes(),
        json => json.to_string().into_bytes(),
    }
}

fn tell(
    connector: &dyn Connector,
    headers: &BTreeMap<String, String>,
    body: &[u8],
) -> Result<Vec<SourceEvent>, Unreadable> {
    connector.events(&VerifiedWebhook::unproven(Delivery { headers, body, source_ip: "203.0.113.7" }))
}

/// Whether the webhook tells what the fixture says.
pub(super) fn check(connector: &dyn Connector, text: &str) -> Result<(), String> {
    let recorded = parse(text)?;
    let told = tell(connector, &recorded.headers, &bytes(&recorded.body));
    let Some(expected) = recorded.expect else {
        return if told.is_err() { Ok(()) } else { Err(format!("told {told:?}, expected to be unreadable")) };
    };
    let expected: Vec<SourceEvent> = expected.into_iter().map(Told::event).collect::<Result<_, _>>()?;
    match told {
        Ok(told) if told == expected => Ok(()),
        told => Err(format!("told {told:?}, expected {expected:?}")),
    }
}

/// Whether cut, odd and foreign bodies are told or refused without a panic, and nobody is told of without an id.
pub(super) fn robust(connector: &dyn Connector, text: &str) -> Result<(), String> {
    let recorded = parse(text)?;
    let body = bytes(&recorded.body);
    let mut bodies: Vec<Vec<u8>> = robust::cuts(body.len()).map(|at| body[..at].to_vec()).collect();
    bodies.extend(robust::odd_bodies(&body));
    bodies.extend(robust::nonsense());
    for headers in [&recorded.headers, &BTreeMap::new()] {
        for body in &bodies {
            let told = robust::quietly(|| tell(connector, headers, body))
                .ok_or_else(|| format!("panics at {}", String::from_utf8_lossy(body)))?;
            let nobody =
                |event: &SourceEvent| matches!(&event.kind, EventKind::Person { id, .. } if id.trim().is_empty());
            if told.is_ok_and(|events| events.iter().any(nobody)) {
                return Err(format!("tells of a person without an id at {}", String::from_utf8_lossy(body)));
            }
        }
    }
    Ok(())
}
