//! People as the API shows them.

use std::collections::BTreeMap;

use muster_core::field::Field;
use muster_core::recipient::{Recipient, Value};
use muster_core::settings::Settings;
use muster_sync::{Connection, FoundPerson, OptOut, PersonSeen, Provenance, SourceKind, WritingRun};
use schemars::JsonSchema;
use serde::Serialize;

use crate::time;

/// A page of people.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct PersonList {
    pub(crate) items: Vec<PersonListed>,
    /// Where the next page begins; null at the end. A page may be short, even empty, and not be the last.
    pub(crate) next: Option<String>,
}

/// A person of a list.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct PersonListed {
    /// The connection that owns them.
    connection: String,
    /// The source's id of the person.
    unique_id: String,
    /// `active` or `inactive`.
    status: String,
    /// What is stored, by the fields' names.
    fields: BTreeMap<String, Shown>,
    /// The names of their groups, the connection's own first.
    groups: Vec<String>,
    /// When they were first added.
    added_at: Option<String>,
}

/// One value, or several where the field is switched on for it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Shown {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

/// A person, and where each value came from.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct PersonShown {
    /// The connection that owns them.
    connection: String,
    /// The source's id of the person.
    unique_id: String,
    /// `active` or `inactive`.
    status: String,
    /// When they were first added.
    added_at: Option<String>,
    /// Since when they are removed; hidden people are kept for 30 days.
    removed_at: Option<String>,
    /// The names of their groups, the connection's own first.
    groups: Vec<String>,
    /// Every field that has a value, had one, or is mapped.
    fields: Vec<FieldShown>,
    /// The channels that the person opted out of.
    consents: Vec<ConsentShown>,
    /// The run that wrote them last.
    last_written: RunTold,
}

/// A field of a person.
#[derive(Debug, Serialize, JsonSchema)]
struct FieldShown {
    /// Its name in the catalogue.
    field: String,
    /// What people call it.
    label: String,
    /// What is stored; null for no value.
    value: Option<Shown>,
    /// Whether the connection's mapping fills it: nothing but the sync may edit it.
    locked: bool,
    /// Where the value, or its absence, came from; null where that was never told.
    provenance: Option<ProvenanceShown>,
}

/// Where a value came from.
#[derive(Debug, Serialize, JsonSchema)]
struct ProvenanceShown {
    /// The connection.
    connection: String,
    #[serde(flatten)]
    run: RunTold,
    /// The record of the source, the first one after a header being 1.
    record: Option<u64>,
}

/// A run that wrote a person.
#[derive(Debug, Serialize, JsonSchema)]
struct RunTold {
    /// The run.
    run: Option<String>,
    /// `file`, `listing`, `event`, `rollback` or `by_hand`.
    kind: Option<String>,
    /// The file's name, or what else the source is called.
    source: Option<String>,
    /// When it was applied.
    at: Option<String>,
    /// The version of the settings that it mapped with.
    settings_version: Option<u64>,
}

/// A channel that a person opted out of.
#[derive(Debug, Serialize, JsonSchema)]
struct ConsentShown {
    /// The channel's field.
    channel: String,
    /// Always true: a channel that is not here was not opted out of.
    opted_out: bool,
    /// Who noted it: role and user.
    by: String,
    /// When.
    at: String,
}

pub(super) fn value_of(value: &Value) -> Shown {
    match value {
        Value::One(text) => Shown::One(text.clone()),
        Value::Many(texts) => Shown::Many(texts.clone()),
    }
}

/// A person of a list.
pub(crate) fn listed(found: FoundPerson) -> PersonListed {
    let Recipient { unique_id, status, values } = found.recipient;
    PersonListed {
        connection: found.connection.to_string(),
        unique_id: unique_id.to_string(),
        status: status.as_str().to_owned(),
        fields: values.iter().map(|(field, value)| (field.name().to_owned(), value_of(value))).collect(),
        groups: found.groups,
        added_at: found.added_ms.map(time::shown),
    }
}

/// One person.
pub(super) fn person(
    connection: &Connection,
    settings: &Settings,
    seen: PersonSeen,
    opt_outs: BTreeMap<Field, OptOut>,
) -> PersonShown {
    let recipient = &seen.stored.recipient;
    let is_told = |field: &Field| {
        recipient.values.contains_key(field) || seen.fields.contains_key(field) || settings.fields.contains_key(field)
    };
    let fields = Field::all().filter(|field| *field != Field::UNIQUE_ID && is_told(field));
    let fields = fields.map(|field| FieldShown {
        field: field.name().to_owned(),
        label: field.spec().label.to_owned(),
        value: match field {
            Field::EMPLOYMENT_STATUS => Some(Shown::One(recipient.status.as_str().to_owned())),
            field => recipient.values.get(&field).map(value_of),
        },
        locked: settings.fields.contains_key(&field),
        provenance: seen.fields.get(&field).map(|told| provenance(connection, told)),
    });
    let consents = opt_outs.into_iter().map(|(channel, noted)| ConsentShown {
        channel: channel.name().to_owned(),
        opted_out: true,
        by: noted.by,
        at: time::shown(noted.at_ms),
    });
    PersonShown {
        connection: connection.id.to_string(),
        unique_id: recipient.unique_id.to_string(),
        status: recipient.status.as_str().to_owned(),
        added_at: seen.stored.trace.first_ms.map(time::shown),
        removed_at: seen.stored.removed_ms.map(time::shown),
        fields: fields.collect(),
        groups: seen.groups,
        consents: consents.collect(),
        last_written: run_told(&seen.last),
    }
}

fn provenance(connection: &Connection, told: &Provenance) -> ProvenanceShown {
    ProvenanceShown { connection: connection.id.to_string(), run: run_told(&told.run), record: told.record }
}

fn run_told(run: &WritingRun) -> RunTold {
    RunTold {
        run: run.id.as_ref().map(ToString::to_string),
        kind: run.kind.map(|kind| kind_name(kind).to_owned()),
        source: run.source.clone(),
        at: run.at_ms.map(time::shown),
        settings_version: run.settings_version,
    }
}

pub(super) fn kind_name(kind: SourceKind) -> &'static str {
    match kind {
        SourceKind::File => "file",
        SourceKind::Listing => "listing",
        SourceKind::Event => "event",
        SourceKind::Rollback => "rollback",
        SourceKind::ByHand => "by_hand",
    }
}
