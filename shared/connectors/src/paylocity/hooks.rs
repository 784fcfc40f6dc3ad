//! Paylocity's classic webhooks: hints about one employee each.
//!
//! They are not signed: Basic authentication and the sender's address stand for a signature. (The newer webhooks can
//! be signed, but under which header, and over what, is not public.)

use std::net::IpAddr;

use serde_json::Value;

use super::text_of;
use crate::signature::{from_base64, same};
use crate::{Delivery, EventKind, Refused, Secret, SourceEvent, Unreadable};

/// The first three bytes of the two /24 networks that Paylocity sends from.
const NETWORKS: [[u8; 3]; 2] = [[198, 245, 157], [192, 40, 49]];

/// `user:password`, neither empty.
pub(super) fn is_pair(secret: &str) -> bool {
    secret.split_once(':').is_some_and(|(user, password)| !user.is_empty() && !password.is_empty())
}

/// Basic authentication with one of the pairs, from an address of Paylocity's.
pub(super) fn verify(delivery: &Delivery<'_>, secrets: &[Secret]) -> Result<(), Refused> {
    if !is_theirs(delivery.source_ip) {
        return Err(Refused("the sender's address is not one of Paylocity's"));
    }
    let header = delivery.header("authorization").ok_or(Refused("there is no authorization"))?;
    let (scheme, pair) = header.trim().split_once(' ').ok_or(Refused("the authorization is not Basic"))?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(Refused("the authorization is not Basic"));
    }
    let pair = from_base64(pair.trim()).ok_or(Refused("the authorization is not base64"))?;
    let secrets = secrets.iter().map(Secret::reveal).filter(|secret| is_pair(secret));
    let matches = secrets.map(|secret| same(secret.as_bytes(), &pair)).fold(false, |any, one| any | one);
    if matches { Ok(()) } else { Err(Refused("the user or password is wrong")) }
}

/// Loopback stands for Paylocity on a developer's machine; an API gateway never sees it as a sender.
fn is_theirs(source_ip: &str) -> bool {
    match source_ip.parse::<IpAddr>().map(|ip| ip.to_canonical()) {
        Ok(IpAddr::V4(ip)) => {
            let [a, b, c, _] = ip.octets();
            ip.is_loopback() || NETWORKS.contains(&[a, b, c])
        }
        Ok(IpAddr::V6(ip)) => ip.is_loopback(),
        Err(_) => false,
    }
}

/// New hire, change, future-dated change and termination are all a hint to read the employee anew. The exact shape is
/// not public: a company, an employee, and perhaps the event's name, written in several ways.
pub(super) fn events(body: &Value) -> Result<Vec<SourceEvent>, Unreadable> {
    match body {
        Value::Array(list) => list.iter().map(event).collect(),
        one => event(one).map(|event| vec![event]),
    }
}

fn event(entry: &Value) -> Result<SourceEvent, Unreadable> {
    let find = |names: &[&str]| {
        let plain = |key: &str| key.replace(['_', '-'], "").to_lowercase();
        let mut keys = entry.as_object().into_iter().flatten();
        keys.find(|(key, value)| names.contains(&plain(key).as_str()) && text_of(value).is_some())
            .and_then(|(_, value)| text_of(value))
    };
    let kind = match (find(&["employeeid"]), find(&["eventtype", "eventname", "event", "type"])) {
        (Some(id), _) => EventKind::Person { id, version_ms: None },
        (None, Some(name)) => EventKind::Ignored(name.chars().take(100).collect()),
        (None, None) => return Err(Unreadable("there is neither an employee nor the name of an event".to_owned())),
    };
    Ok(SourceEvent { id: None, route: find(&["companyid"]), kind })
}
