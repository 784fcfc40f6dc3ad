//! Records for tests.
#![allow(clippy::unwrap_used, dead_code, unreachable_pub, missing_docs, reason = "each test program uses a part of it")]

use std::collections::BTreeSet;

use muster_core::field::Field;
use muster_core::ids::{AccountId, ConnectionId, RunId, UniqueId};
use muster_core::plan::{Change, ChangeKind, Reason};
use muster_core::recipient::{Recipient, Value};
use muster_core::status::Status;
use muster_sync::{Cause, Connection, ConnectionStatus, Feed, PlanRef, Run, RunCounts, RunState};

pub const HOUR: i64 = 3_600_000;

pub fn account() -> AccountId {
    AccountId::parse("acme").unwrap()
}

pub fn id() -> ConnectionId {
    ConnectionId::parse("acme-payroll-nightly").unwrap()
}

pub fn run_id(name: &str) -> RunId {
    RunId::parse(name).unwrap()
}

pub fn connection() -> Connection {
    Connection {
        account: account(),
        id: id(),
        settings: "account = \"acme\"".to_owned(),
        settings_version: 1,
        status: ConnectionStatus::Pending,
        sftp_user: Some("acme-payroll".to_owned()),
        routes: Vec::new(),
        due_ms: None,
        feed: Feed::default(),
        seed: u64::MAX,
        fence: 0,
        lease: None,
        active: None,
        waiting: None,
        roster: None,
        grouped_by: String::new(),
        owned: 0,
        directory_version: 0,
        last_rows: None,
        last_source: None,
        removals: Vec::new(),
        confirmed: false,
        link_key: String::new(),
        note: None,
    }
}

pub fn run(name: &str) -> Run {
    Run {
        account: account(),
        connection: id(),
        id: run_id(name),
        state: RunState::Received,
        cause: Cause::File {
            key: "sftp/acme/inbound/people.csv".to_owned(),
            version: "v1".to_owned(),
            sequencer: "0055".to_owned(),
            size: 12,
            partial: false,
        },
        source: "people.csv".to_owned(),
        received_ms: 1000,
        fence: 0,
        plan: None,
        counts: RunCounts::default(),
        held: Vec::new(),
        settings_version: 1,
        done: BTreeSet::new(),
        conflicts: 0,
        ended_ms: None,
        reason: None,
    }
}

pub fn plan(directory_version: u64) -> PlanRef {
    PlanRef {
        prefix: "plans/x".to_owned(),
        chunks: 2,
        hash: "h1".to_owned(),
        directory_version,
        roster: true,
        removals: 0,
        owned_after: 3,
        rows: Some(3),
        grouped_by: "department".to_owned(),
        owned_seen: None,
        listing_ms: None,
        whole: false,
        told_events: muster_sync::RunCounts::default(),
        mark: None,
        touches: Vec::new(),
    }
}

pub fn person(unique_id: &str, status: Status, fields: &[(&str, &str)]) -> Recipient {
    let value = |text: &str| Value::One(text.to_owned());
    let values = fields.iter().map(|(name, text)| (Field::by_name(name).unwrap(), value(text))).collect();
    Recipient { unique_id: UniqueId::parse(unique_id).unwrap(), status, values }
}

pub fn change(kind: ChangeKind, old: Option<&Recipient>, new: Option<&Recipient>) -> Change {
    let unique_id = old.or(new).unwrap().unique_id.clone();
    Change { kind, reason: Reason::Source, unique_id, old: old.cloned(), new: new.cloned(), record: None }
}
