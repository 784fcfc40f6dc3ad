//! Audiences: who gets a message by a channel, each address once.

use muster_core::field::Field;
use muster_sync::{
    AudienceFormat, AudienceMade, AudienceWish, Member, Objects, Part, channel, channels, find_group, make_audience,
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::call::Call;
use crate::caller::Need;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::route::Route;
use crate::segments::{filter_of, visible};
use crate::time;
use crate::world::World;

/// How long people are gone through, in milliseconds: a gateway waits for 30 seconds.
const PATIENCE_MS: i64 = 20_000;
/// How long the file can be fetched, in seconds.
const FETCHED_WITHIN: u32 = 15 * 60;
/// The most groups and segments of a side.
const MOST_PARTS: usize = 50;

pub(crate) fn routes<W: World>() -> Vec<Route<W>> {
    vec![
        Route::post("/v1/audiences", "make_audience", Need::ReadPeople, |call| Box::pin(make(call)))
            .says(
                "Puts groups and segments together into a list of addresses, each one once",
                "Whoever is in one of `include` and in none of `exclude`, is active and has the channel. Addresses are \
                 compared whatever their case. An opt-out counts for the address, whoever of the account's \
                 connections holds it, and so does being left out. The whole list is a file, kept for two days; the \
                 answer shows its beginning. Segments need the permission to see segments.",
            )
            .body::<AudienceAsked>()
            .gives::<AudienceShown>(200, "the audience, whole")
            .may(409, "`took_too_long`: too many people for one request; or `filter_broken`"),
    ]
}

/// A group or a segment.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum PartAsked {
    /// The id of a group.
    Group(#[schemars(length(min = 1, max = 200))] String),
    /// The id of a segment.
    Segment(#[schemars(length(min = 1, max = 200))] String),
}

/// How the file is written.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Format {
    /// A JSON object a line.
    Ndjson,
    /// For spreadsheets: a cell that one would run has a `'` before it.
    Csv,
}

/// Who is to get a message.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AudienceAsked {
    /// Who is in one of these.
    #[schemars(length(min = 1, max = 50))]
    include: Vec<PartAsked>,
    /// Nobody who is in one of these.
    #[serde(default)]
    #[schemars(length(max = 50))]
    exclude: Vec<PartAsked>,
    /// The field with the address or number.
    #[schemars(schema_with = "channel_schema")]
    channel: String,
    /// How the file is written; usually `ndjson`.
    format: Option<Format>,
}

fn channel_schema(_: &mut SchemaGenerator) -> Schema {
    let names: Vec<_> = channels().map(Field::name).collect();
    json_schema!({"type": "string", "enum": names})
}

/// An audience.
#[derive(Debug, Serialize, JsonSchema)]
struct AudienceShown {
    /// Those who get the message.
    members: u64,
    /// Those whose address another member has.
    duplicates: u64,
    /// Those who opted out of the channel, or whose address somebody opted out with.
    opted_out: u64,
    /// Those who are left out, or whose address somebody has who is.
    excluded: u64,
    /// Active people without a value of the channel.
    without_channel: u64,
    /// Inactive people.
    inactive: u64,
    /// The first members; null when an answer is repeated for an idempotency key.
    items: Option<Vec<MemberShown>>,
    /// Whether everybody was looked at: always.
    complete: bool,
    /// Where the whole list is fetched from, without a token; null when an answer is repeated for an idempotency key.
    url: Option<String>,
    /// Until when.
    expires_at: String,
}

/// Somebody who gets the message.
#[derive(Debug, Serialize, JsonSchema)]
struct MemberShown {
    /// The connection that owns them.
    connection: String,
    /// The source's id of the person.
    unique_id: String,
    /// Where the message goes.
    address: String,
}

async fn make<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let asked: AudienceAsked = call.body()?;
    let channel = channel(&asked.channel)
        .ok_or_else(|| Problem::invalid("channel", "channel: is no field that messages are sent to"))?;
    if asked.include.is_empty() {
        return Err(Problem::invalid("include", "include: name a group or segment"));
    }
    let format = match asked.format.unwrap_or(Format::Ndjson) {
        Format::Ndjson => AudienceFormat::Ndjson,
        Format::Csv => AudienceFormat::Csv,
    };
    let include = parts(&call, "include", &asked.include).await?;
    let exclude = parts(&call, "exclude", &asked.exclude).await?;
    let wish = AudienceWish { include, exclude, channel, format };
    let name: String = call.world.random().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let account = &call.caller.account;
    let told = json!({"include": ids(&asked.include), "exclude": ids(&asked.exclude), "channel": asked.channel});
    call.audit("audience.made", &format!("audience/{name}"), None, Some(told)).await?;
    let key = format!("exports/{account}/audiences/{name}.{}", format.extension());
    let (ports, until_ms) = ((call.world.table(), call.world.objects()), call.now_ms() + PATIENCE_MS);
    let made = make_audience(ports, call.world.clock(), account, &wish, (&key, until_ms)).await?;
    let made = made.ok_or_else(|| {
        Problem::conflict("took_too_long", "the account has too many people for one request, or a filter is too slow")
    })?;
    let file_name = format!("audience.{}", format.extension());
    let url = call.world.objects().download_link(&key, &file_name, FETCHED_WITHIN).await?;
    Ok(Reply::json(200, &shown(made, url, call.now_ms())).shown_once(&["items", "url"]))
}

fn shown(made: AudienceMade, url: String, now_ms: i64) -> AudienceShown {
    let member = |Member { connection, unique_id, address }| MemberShown { connection, unique_id, address };
    AudienceShown {
        members: made.counts.members,
        duplicates: made.counts.duplicates,
        opted_out: made.counts.opted_out,
        excluded: made.counts.excluded,
        without_channel: made.counts.without_channel,
        inactive: made.counts.inactive,
        items: Some(made.first.into_iter().map(member).collect()),
        complete: true,
        url: Some(url),
        expires_at: time::shown(now_ms + i64::from(FETCHED_WITHIN) * 1_000),
    }
}

fn ids(parts: &[PartAsked]) -> Vec<String> {
    let id = |part: &PartAsked| match part {
        PartAsked::Group(id) => format!("group/{id}"),
        PartAsked::Segment(id) => format!("segment/{id}"),
    };
    parts.iter().map(id).collect()
}

/// The groups and segments of one side, which the caller must be allowed to see.
async fn parts<W: World>(call: &Call<'_, W>, side: &str, asked: &[PartAsked]) -> Result<Vec<Part>, Problem> {
    if asked.len() > MOST_PARTS {
        return Err(Problem::invalid(side, format!("{side}: at most {MOST_PARTS}")));
    }
    let mut parts = Vec::with_capacity(asked.len());
    for (at, part) in asked.iter().enumerate() {
        let unknown = |kind: &str| {
            let field = format!("{side}[{at}].{kind}");
            Problem::invalid(&field, format!("{field}: there is no such {kind}"))
        };
        parts.push(match part {
            PartAsked::Group(id) => {
                let found = find_group(call.world.table(), &call.caller.account, id).await?;
                Part::Group(found.ok_or_else(|| unknown("group"))?.0)
            }
            PartAsked::Segment(_) if !call.caller.may(Need::ReadSegments) => return Err(Problem::forbidden()),
            PartAsked::Segment(id) => {
                let found = visible(call, id).await?;
                Part::Segment(filter_of(&found.ok_or_else(|| unknown("segment"))?.0)?)
            }
        });
    }
    Ok(parts)
}
