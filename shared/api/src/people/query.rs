//! Who is looked for: a parameter for each dynamic field of the catalogue, and a few more.

use std::borrow::Cow;
use std::collections::BTreeMap;

use muster_core::field::Field;
use muster_core::status::Status;
use muster_sync::Filter;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde_json::{Map, json};
use sha2::{Digest, Sha256};

use crate::cursor;
use crate::problem::Problem;

/// The most days that "joined lately" may mean.
const MOST_DAYS: u16 = 3_660;
/// The longest beginning of a name, address or id.
const LONGEST_START: usize = 254;
const LONGEST_ID: usize = 256;

/// The query of a search, parameter by parameter: its names come from the catalogue.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub(super) struct Search(BTreeMap<String, String>);

/// A query that was read.
#[derive(Debug)]
pub(crate) struct Looked {
    pub(crate) filter: Filter,
    pub(crate) limit: usize,
    pub(crate) cursor: Option<String>,
}

/// The fields that a search may filter by; the status has a parameter of its own.
fn fields() -> impl Iterator<Item = Field> {
    Field::all().filter(|field| field.spec().dynamic && *field != Field::EMPLOYMENT_STATUS)
}

impl JsonSchema for Search {
    fn schema_name() -> Cow<'static, str> {
        "Search".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let mut properties = Map::new();
        for field in fields() {
            let spec = field.spec();
            let says = format!("People whose {} is this, whatever its case.", spec.label);
            let schema = json!({"type": "string", "minLength": 1, "maxLength": spec.max_chars, "description": says});
            properties.insert(spec.name.to_owned(), schema);
        }
        let more = json!({
            "status": {"type": "string", "enum": ["active", "inactive"], "description": "People of this status."},
            "team": {"type": "string", "minLength": 1, "maxLength": LONGEST_ID,
                "description": "People whose manager this is: a unique id, or an e-mail address."},
            "joined_within_days": {"type": "integer", "minimum": 0, "maximum": MOST_DAYS,
                "description": "People whose start date is at most so many days ago, in UTC, and not in the future."},
            "q": {"type": "string", "minLength": 1, "maxLength": LONGEST_START,
                "description": "People of whom a name, an e-mail address or the unique id begins so, whatever its case."},
            "limit": {"type": "integer", "minimum": 1, "maximum": cursor::MOST, "default": cursor::USUAL,
                "description": "The most items of a page."},
            "cursor": {"type": "string", "description": "`next` of the page before."},
        });
        properties.extend(more.as_object().cloned().unwrap_or_default());
        let schema = json!({"type": "object", "properties": properties, "additionalProperties": false});
        schema.as_object().cloned().unwrap_or_default().into()
    }
}

impl Search {
    /// Reads the parameters.
    ///
    /// # Errors
    /// `bad_request` for a parameter that there is not, `invalid` for a value that cannot be taken.
    pub(super) fn read(self) -> Result<Looked, Problem> {
        let (mut filter, mut limit, mut cursor) = (Filter::default(), None, None);
        for (name, value) in self.0 {
            match name.as_str() {
                "status" => filter.status = Some(status(&value)?),
                "team" => filter.team = Some(text("team", value, LONGEST_ID)?),
                "joined_within_days" => filter.joined_within_days = Some(days(&value)?),
                "q" => filter.starts_with = Some(text("q", value, LONGEST_START)?),
                "limit" => limit = Some(value.parse().map_err(|_| Problem::invalid("limit", "is no whole number"))?),
                "cursor" => cursor = Some(value),
                name => match fields().find(|field| field.name() == name) {
                    Some(field) => filter.fields.push((field, text(name, value, field.spec().max_chars)?)),
                    None => return Err(unknown()),
                },
            }
        }
        Ok(Looked { filter, limit: cursor::limit(limit)?, cursor })
    }
}

impl Looked {
    /// Tells this filter from others.
    pub(super) fn digest(&self) -> u64 {
        let hash = Sha256::digest(format!("{:?}", self.filter));
        hash.iter().take(6).fold(0, |sum, byte| sum << 8 | u64::from(*byte))
    }
}

fn unknown() -> Problem {
    let names: Vec<_> = fields().map(Field::name).collect();
    Problem::bad_request(format!(
        "the query has a parameter that there is not; there are q, status, team, joined_within_days, limit, cursor, {}",
        names.join(", ")
    ))
}

fn text(name: &str, value: String, longest: usize) -> Result<String, Problem> {
    if (1..=longest).contains(&value.chars().count()) {
        return Ok(value);
    }
    Err(Problem::invalid(name, format!("{name}: from 1 to {longest} characters")))
}

fn status(value: &str) -> Result<Status, Problem> {
    let status = [Status::Active, Status::Inactive].into_iter().find(|status| status.as_str() == value);
    status.ok_or_else(|| Problem::invalid("status", "status: active or inactive"))
}

fn days(value: &str) -> Result<u16, Problem> {
    let days = value.parse().ok().filter(|days| *days <= MOST_DAYS);
    days.ok_or_else(|| {
        Problem::invalid("joined_within_days", format!("joined_within_days: a whole number from 0 to {MOST_DAYS}"))
    })
}
