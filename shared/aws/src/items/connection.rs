//! The connection item.

use aws_sdk_dynamodb::types::AttributeValue;
use muster_core::format;
use muster_core::ids::{AccountId, ConnectionId, RunId};
use muster_sync::{Connection, ConnectionStatus, Feed, Lease, Login, PortError};

use super::attributes::{
    Item, json, list, n, optional_text, read_json, read_list, read_number, read_text, readable, s, versioned,
};
use super::feed::{due_at, due_from, due_hash, feed_from};
use super::{connection_key, connection_pk};
use crate::fault::unreadable;

const READ: &str = "read the connection";

/// The stored name of a status.
pub(crate) fn status_name(status: ConnectionStatus) -> &'static str {
    match status {
        ConnectionStatus::Pending => "pending",
        ConnectionStatus::Connected => "connected",
        ConnectionStatus::Unauthorized => "unauthorized",
        ConnectionStatus::ReauthNeeded => "reauth_needed",
        ConnectionStatus::Error => "error",
        ConnectionStatus::Disabled => "disabled",
        ConnectionStatus::Deleted => "deleted",
    }
}

fn status_from(name: &str) -> Option<ConnectionStatus> {
    use ConnectionStatus::{Connected, Deleted, Disabled, Error, Pending, ReauthNeeded, Unauthorized};
    [Pending, Connected, Unauthorized, ReauthNeeded, Error, Disabled, Deleted]
        .into_iter()
        .find(|status| status_name(*status) == name)
}

/// The item of a connection, key included.
pub(crate) fn connection_item(connection: &Connection) -> Result<Item, PortError> {
    const WRITE: &str = "write the connection";
    let mut item = versioned(format::CONNECTION, connection_key(&connection.account, &connection.id));
    let mut put = |name: &str, value: AttributeValue| item.insert(name.to_owned(), value);
    put("settings", s(&connection.settings));
    put("settings_version", n(connection.settings_version));
    put("status", s(status_name(connection.status)));
    put("seed", s(connection.seed.to_string()));
    put("fence", n(connection.fence));
    put("grouped_by", s(&connection.grouped_by));
    put("owned", n(connection.owned));
    put("directory_version", n(connection.directory_version));
    put("removals", json(WRITE, &connection.removals)?);
    put("confirmed", AttributeValue::Bool(connection.confirmed));
    if !connection.link_key.is_empty() {
        put("link_key", s(&connection.link_key));
    }
    if let Some(note) = &connection.note {
        put("note", s(note));
    }
    if let Some(user) = &connection.sftp_user {
        put("sftp_user", s(user));
    }
    if !connection.routes.is_empty() {
        put("routes", list(&connection.routes));
    }
    if let Some(due_ms) = connection.due_ms {
        put("due", s(due_hash(&connection_pk(connection.account.as_str(), connection.id.as_str()))));
        put("due_at", s(due_at(due_ms)));
    }
    if connection.feed != Feed::default() {
        put("feed", json(WRITE, &connection.feed)?);
        put("feed_version", n(connection.feed.version));
    }
    if let Some(lease) = &connection.lease {
        put("lease_holder", s(&lease.holder));
        put("lease_until", n(lease.until_ms));
    }
    if let Some(run) = &connection.active {
        put("active", s(run.as_str()));
    }
    if let Some(run) = &connection.waiting {
        put("waiting", s(run.as_str()));
    }
    if let Some(roster) = &connection.roster {
        put("roster", s(roster));
    }
    if let Some(rows) = connection.last_rows {
        put("last_rows", n(rows));
    }
    if let Some(source) = &connection.last_source {
        put("last_source", json(WRITE, source)?);
    }
    Ok(item)
}

/// The connection of an item.
pub(crate) fn connection_from(account: &AccountId, id: &ConnectionId, item: &Item) -> Result<Connection, PortError> {
    readable(READ, format::CONNECTION, item)?;
    let number = |name: &str| read_number::<u64>(READ, item, name)?.ok_or_else(|| unreadable(READ, name));
    Ok(Connection {
        account: account.clone(),
        id: id.clone(),
        settings: read_text(READ, item, "settings")?,
        settings_version: number("settings_version")?,
        status: status_from(&read_text(READ, item, "status")?).ok_or_else(|| unreadable(READ, "status"))?,
        sftp_user: optional_text(item, "sftp_user"),
        routes: read_list(item, "routes"),
        due_ms: due_from(item)?,
        feed: feed_from(item)?,
        seed: read_text(READ, item, "seed")?.parse().map_err(|_| unreadable(READ, "seed"))?,
        fence: number("fence")?,
        lease: lease_from(item)?,
        active: run_id(item, "active")?,
        waiting: run_id(item, "waiting")?,
        roster: optional_text(item, "roster"),
        grouped_by: optional_text(item, "grouped_by").unwrap_or_default(),
        // Counted by differences, so it could pass below zero; a person is never owed.
        owned: u64::try_from(read_number::<i64>(READ, item, "owned")?.unwrap_or(0)).unwrap_or(0),
        directory_version: number("directory_version")?,
        last_rows: read_number(READ, item, "last_rows")?,
        last_source: read_json(READ, item, "last_source")?,
        removals: read_json(READ, item, "removals")?.unwrap_or_default(),
        confirmed: item.get("confirmed").is_some_and(|value| value.as_bool() == Ok(&true)),
        link_key: optional_text(item, "link_key").unwrap_or_default(),
        note: optional_text(item, "note"),
    })
}

/// Whose key value this is, if it is a connection's.
pub(crate) fn connection_of_pk(pk: &str) -> Option<Login> {
    let (account, connection) = pk.strip_prefix("A#")?.split_once("#C#")?;
    Some(Login { account: AccountId::parse(account).ok()?, connection: ConnectionId::parse(connection).ok()? })
}

fn lease_from(item: &Item) -> Result<Option<Lease>, PortError> {
    let Some(holder) = optional_text(item, "lease_holder") else { return Ok(None) };
    let until_ms = read_number(READ, item, "lease_until")?.ok_or_else(|| unreadable(READ, "lease_until"))?;
    Ok(Some(Lease { holder, until_ms }))
}

fn run_id(item: &Item, name: &str) -> Result<Option<RunId>, PortError> {
    let Some(text) = optional_text(item, name) else { return Ok(None) };
    RunId::parse(&text).map(Some).map_err(|_| unreadable(READ, name))
}
