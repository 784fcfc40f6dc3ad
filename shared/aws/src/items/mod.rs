//! Items: their keys, and how records become items and items become records. No type of the rules
//! is serialised; what is stored is written out here.

mod attributes;
mod connection;
mod feed;
mod recipient;
mod run;

pub(crate) use attributes::{Item, list, n, s};
pub(crate) use attributes::{json, optional_text, read_json, read_list, read_number, read_text, readable, versioned};
pub(crate) use connection::{connection_from, connection_item, connection_of_pk, status_name};
pub(crate) use feed::{DUE_SPREAD, HELD_HASH, due_at, mark_item, with_due, with_feed};
pub(crate) use recipient::{
    ADDED_FENCE, ADDED_RECORD, RECORD, content_hash, fence_attribute, fields_of, is_too_large, status_code, stored_from,
};
pub(crate) use run::{mail_item, run_at, run_at_from, run_from, run_item, runs_of};

use muster_core::ids::{AccountId, ConnectionId};
use sha2::{Digest, Sha256};

/// Milliseconds for which a run and its mails are kept: 13 months.
pub(crate) const RUN_KEPT_MS: i64 = 396 * 24 * 3_600_000;
/// Milliseconds for which runs of single events, what a listing collects and people's marks are kept: 30 days.
pub(crate) const EVENT_KEPT_MS: i64 = 30 * 24 * 3_600_000;
/// Milliseconds for which a removed recipient is kept hidden: 30 days.
pub(crate) const REMOVED_KEPT_MS: i64 = 30 * 24 * 3_600_000;

/// A primary key.
pub(crate) fn key(pk: &str, sk: &str) -> Item {
    Item::from([("pk".to_owned(), s(pk)), ("sk".to_owned(), s(sk))])
}

/// The key value of a connection, its runs and mails.
pub(crate) fn connection_pk(account: &str, connection: &str) -> String {
    format!("A#{account}#C#{connection}")
}

/// The key of a connection.
pub(crate) fn connection_key(account: &AccountId, id: &ConnectionId) -> Item {
    key(&connection_pk(account.as_str(), id.as_str()), "CONNECTION")
}

/// The key of a run. Runs of single events lie apart: there are many, and no list shows them.
pub(crate) fn run_key(account: &AccountId, connection: &ConnectionId, run: &str) -> Item {
    let kind = if is_event(run) { "EVENT" } else { "RUN" };
    key(&connection_pk(account.as_str(), connection.as_str()), &format!("{kind}#{run}"))
}

/// Whether this is the id of a run of one event: no other begins so, since they are made of hexadecimal digits.
pub(crate) fn is_event(run: &str) -> bool {
    run.starts_with("e-")
}

/// The key of what the listing of a run has collected so far.
pub(crate) fn poll_key(account: &AccountId, connection: &ConnectionId, run: &str) -> Item {
    key(&connection_pk(account.as_str(), connection.as_str()), &format!("POLL#{run}"))
}

/// The key of a person's mark, by the provider's id. An id too long for a key stands there as its hash.
pub(crate) fn person_key(account: &AccountId, connection: &ConnectionId, person: &str) -> Item {
    const LONGEST: usize = 512;
    let sk = if person.len() > LONGEST {
        let hash = Sha256::digest(person.as_bytes());
        format!("PERSON-HASH#{}", hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
    } else {
        format!("PERSON#{person}")
    };
    key(&connection_pk(account.as_str(), connection.as_str()), &sk)
}

/// The key of the connection that a provider's webhooks call by this name.
pub(crate) fn route_key(route: &str) -> Item {
    key(&format!("HOOK#{route}"), "ROUTE")
}

/// The key of a mail.
pub(crate) fn mail_key(account: &str, connection: &str, run: &str, kind: &str) -> Item {
    key(&connection_pk(account, connection), &format!("MAIL#{run}#{kind}"))
}

/// The key value of one sixteenth of a connection's recipients.
pub(crate) fn shard_pk(account: &AccountId, connection: &ConnectionId, shard: u8) -> String {
    format!("{}#R#{shard:02}", connection_pk(account.as_str(), connection.as_str()))
}

/// The key of a recipient.
pub(crate) fn recipient_key(account: &AccountId, connection: &ConnectionId, unique_id: &str) -> Item {
    key(&shard_pk(account, connection, muster_sync::shard_of(unique_id)), unique_id)
}

/// The key value of a group in the index of its slot.
pub(crate) fn group_key(connection: &ConnectionId, slot: usize, value: &str) -> String {
    format!("C#{connection}#{slot}#{value}")
}
