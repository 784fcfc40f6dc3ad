//! The field catalogue, with who fills what.

use std::collections::BTreeMap;

use muster_core::field::{Field, Kind};
use muster_core::settings::data_types;
use muster_sync::{Lock, field_locks};
use schemars::JsonSchema;
use serde::Serialize;

use crate::call::Call;
use crate::caller::Need;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::route::Route;
use crate::world::World;

pub(super) fn routes<W: World>() -> Vec<Route<W>> {
    vec![
        Route::get("/v1/fields", "list_fields", Need::ReadSettings, |call| Box::pin(list(call)))
            .says(
                "Lists the fields of recipients",
                "Each with what it takes and with the connections that fill it: such a field is locked, and nobody \
                 changes it by hand.",
            )
            .gives::<FieldList>(200, "every field, in the catalogue's order"),
    ]
}

/// The field catalogue.
#[derive(Debug, Serialize, JsonSchema)]
struct FieldList {
    items: Vec<FieldShown>,
}

/// A field of recipients.
#[derive(Debug, Serialize, JsonSchema)]
struct FieldShown {
    /// Its name in connection files and answers.
    name: String,
    /// Its label for people.
    label: String,
    family: Family,
    /// What kind of value it holds: `unique_id`, `status`, `text`, `name`, `email`, `phone`, `address`, `country`,
    /// `language`, `date`, `reference` (the unique id of another person).
    #[serde(rename = "type")]
    kind: String,
    /// The longest value, in characters.
    max_length: usize,
    /// Whether groups and segments may be driven by it.
    dynamic: bool,
    /// Whether it may hold several values.
    multi_value: bool,
    /// What `type` may say of it in a mapping; empty where it has none.
    data_types: Vec<String>,
    /// Whether a connection fills it.
    locked: bool,
    /// The connections that fill it.
    locked_by: Vec<LockShown>,
}

/// Whether a field means one thing, or what the account makes of it.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Family {
    Specific,
    Flexible,
}

/// A connection that fills a field.
#[derive(Debug, Serialize, JsonSchema)]
struct LockShown {
    /// Its id.
    connection: String,
    /// Its name.
    name: String,
}

async fn list<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let locks = field_locks(call.world.table(), &call.caller.account).await?;
    let items = Field::all().map(|field| shown(field, &locks)).collect();
    Ok(Reply::json(200, &FieldList { items }))
}

fn shown(field: Field, locks: &BTreeMap<Field, Vec<Lock>>) -> FieldShown {
    let spec = field.spec();
    let locks = locks.get(&field).map(Vec::as_slice).unwrap_or_default();
    let lock = |lock: &Lock| LockShown { connection: lock.connection.to_string(), name: lock.name.clone() };
    FieldShown {
        name: spec.name.to_owned(),
        label: spec.label.to_owned(),
        family: if spec.flexible { Family::Flexible } else { Family::Specific },
        kind: kind(spec.kind).to_owned(),
        max_length: spec.max_chars,
        dynamic: spec.dynamic,
        multi_value: !matches!(spec.kind, Kind::UniqueId | Kind::Status | Kind::Date),
        data_types: data_types(field).into_iter().map(str::to_owned).collect(),
        locked: !locks.is_empty(),
        locked_by: locks.iter().map(lock).collect(),
    }
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::UniqueId => "unique_id",
        Kind::Status => "status",
        Kind::Text => "text",
        Kind::Name => "name",
        Kind::Email => "email",
        Kind::Phone => "phone",
        Kind::Address => "address",
        Kind::Country => "country",
        Kind::Language => "language",
        Kind::Date => "date",
        Kind::Reference => "reference",
    }
}
