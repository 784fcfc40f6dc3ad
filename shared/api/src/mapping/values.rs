//! The values that mapped fields take.

use muster_core::field::Field;
use muster_core::look::Counted;
use muster_core::mapping::Becomes;
use muster_sync::{ValueTable, settings_of};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::looked_at::LookedAtShown;
use super::source::looker;
use crate::call::Call;
use crate::caller::Need;
use crate::cursor;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::route::Route;
use crate::world::World;

const NOTHING_THERE: &str = "`no_source`: nothing is there to look at; `source_unreadable`: the file cannot be read; `not_mapped`: the field is \
     not mapped";

pub(super) fn routes<W: World>() -> Vec<Route<W>> {
    vec![
        Route::get("/v1/connections/{connection}/values", "list_value_tables", Need::ReadSettings, |call| {
            Box::pin(tables(call))
        })
        .says("Counts the values of every mapped dynamic field in the last file or listing", "")
        .gives::<ValueTableList>(200, "a line for each field")
        .may(409, NOTHING_THERE),
        Route::get("/v1/connections/{connection}/values/{field}", "list_values", Need::ReadSettings, |call| {
            Box::pin(values(call))
        })
        .says(
            "Lists the values that a field takes in the last file or listing, and what each is mapped to",
            "Those that are mapped to nothing come first, then the most frequent. Only fields that groups may be driven \
             by are listed so; values that are never stored are never shown.",
        )
        .query::<ListValues>()
        .gives::<ValueList>(200, "a page of values")
        .may(409, NOTHING_THERE),
    ]
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ListValues {
    /// Items of a page.
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u32>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// The mapped dynamic fields, by how many values they take.
#[derive(Debug, Serialize, JsonSchema)]
struct ValueTableList {
    looked_at: LookedAtShown,
    /// Rows that were looked at.
    rows: u64,
    /// Whether these are all rows.
    complete: bool,
    items: Vec<ValueTableShown>,
}

/// How many values a field takes.
#[derive(Debug, Serialize, JsonSchema)]
struct ValueTableShown {
    /// The field.
    field: String,
    /// Whether its mapping has a value table.
    has_table: bool,
    /// Different values.
    distinct: usize,
    /// Different values that nothing is stored for.
    unmapped: usize,
    /// Values that the plan of this source saw for the first time.
    new: usize,
    /// How often it said something that is never stored, and so never shown.
    blocked: u64,
    /// Whether there are more different values than are counted (10,000).
    truncated: bool,
}

/// A page of a field's values.
#[derive(Debug, Serialize, JsonSchema)]
struct ValueList {
    looked_at: LookedAtShown,
    /// The field.
    field: String,
    /// Rows that were looked at.
    rows: u64,
    /// Whether these are all rows.
    complete: bool,
    /// How often it said something that is never stored, and so never shown.
    blocked: u64,
    /// Whether there are more different values than are counted (10,000).
    truncated: bool,
    items: Vec<ValueShown>,
    /// Where the next page begins; null at the end.
    next: Option<String>,
}

/// A value of a source.
#[derive(Debug, Serialize, JsonSchema)]
struct ValueShown {
    /// As the source writes it, after the mapping's transforms.
    value: String,
    /// Rows that say it.
    rows: u64,
    state: ValueState,
    /// What is stored for it.
    mapped_to: Option<String>,
    /// Why nothing is stored for it.
    problem: Option<String>,
}

/// What becomes of a value.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum ValueState {
    /// The field's value table does not have it, or it is no employment status.
    Unmapped,
    /// It is not of the field's type.
    Invalid,
    /// `mapped_to` is stored.
    Mapped,
    /// It stands for no value.
    Empty,
}

async fn tables<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let connection = call.connection().await?;
    let found = looker(call).value_tables(&connection).await?;
    let list = ValueTableList {
        looked_at: found.looked_at.into(),
        rows: found.rows,
        complete: found.complete,
        items: found.fields.into_iter().map(table_shown).collect(),
    };
    Ok(Reply::json(200, &list))
}

fn table_shown(table: ValueTable) -> ValueTableShown {
    ValueTableShown {
        field: table.field.name().to_owned(),
        has_table: table.has_table,
        distinct: table.distinct,
        unmapped: table.unmapped,
        new: table.new,
        blocked: table.blocked,
        truncated: table.truncated,
    }
}

async fn values<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let connection = call.connection().await?;
    let query: ListValues = call.query()?;
    let limit = cursor::limit(query.limit)?;
    let from: usize = query.cursor.as_deref().map(cursor::read).transpose()?.unwrap_or(0);
    let field = Field::by_name(call.path("field")).ok_or_else(Problem::not_found)?;
    if !field.spec().dynamic {
        let detail =
            format!("{}: its values are different for nearly everyone; only dynamic fields are listed", field.name());
        return Err(Problem::invalid("field", detail));
    }
    let settings = settings_of(&connection)?;
    // A provider fills the employment status, whether it is mapped or not.
    let by_provider = field == Field::EMPLOYMENT_STATUS && settings.connector != "sftp";
    if !settings.fields.contains_key(&field) && !by_provider {
        return Err(Problem::conflict("not_mapped", format!("{} is not mapped", field.name())).field("field"));
    }
    let found = looker(call).values(&connection, field).await?;
    let end = from.saturating_add(limit).min(found.values.len());
    let next = (end < found.values.len()).then(|| cursor::write(&end));
    let items = found.values.into_iter().skip(from).take(limit).map(value_shown).collect();
    let list = ValueList {
        looked_at: found.looked_at.into(),
        field: field.name().to_owned(),
        rows: found.rows,
        complete: found.complete,
        blocked: found.blocked,
        truncated: found.truncated,
        items,
        next,
    };
    Ok(Reply::json(200, &list))
}

fn value_shown(counted: Counted) -> ValueShown {
    let (state, mapped_to, problem) = match counted.becomes {
        Becomes::Stored(stored) => (ValueState::Mapped, Some(stored), None),
        Becomes::Nothing => (ValueState::Empty, None, None),
        Becomes::Unmapped => (ValueState::Unmapped, None, Some("is not in the field's value table".to_owned())),
        Becomes::Invalid(why) => (ValueState::Invalid, None, Some(why)),
    };
    ValueShown { value: counted.text, rows: counted.rows, state, mapped_to, problem }
}
