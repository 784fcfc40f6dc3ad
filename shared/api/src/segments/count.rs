//! Whom a filter finds: counted so far, and listed page by page.

use muster_core::ids::{ConnectionId, UniqueId};
use muster_core::segment::Filter;
use muster_sync::{WalkPlace, count_segment, segment_members};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{ListMembers, filter_of, one};
use crate::call::Call;
use crate::caller::Need;
use crate::cursor;
use crate::people::{PersonList, listed};
use crate::problem::Problem;
use crate::reply::Reply;
use crate::world::World;

/// How long a request goes through people, in milliseconds.
const PATIENCE_MS: i64 = 10_000;
const USUAL_SAMPLE: u32 = 10;
const MOST_SAMPLE: u32 = 100;

/// A filter to try.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TrialWish {
    /// The expression.
    #[schemars(length(min = 1, max = 4096))]
    filter: String,
    /// How many of the people found are named; usually 10.
    #[schemars(range(min = 0, max = 100))]
    sample: Option<u32>,
    /// `next` of the answer before.
    cursor: Option<String>,
}

/// A count to begin, or to go on with.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CountWish {
    /// `next` of the answer before.
    cursor: Option<String>,
}

/// Whom a filter finds, so far.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Counted {
    /// People whom it finds.
    count: u64,
    /// People on whom it fails; they are not counted.
    failed: u64,
    /// The first people that this request found; none for callers who may not see people.
    first: Vec<PersonNamed>,
    /// Whether everybody was looked at.
    complete: bool,
    /// Where counting goes on; null when it is complete.
    next: Option<String>,
}

/// A person, by id.
#[derive(Debug, Serialize, JsonSchema)]
struct PersonNamed {
    /// The connection that owns them.
    connection: String,
    /// The source's id of the person.
    unique_id: String,
}

/// Where counting or a list goes on, and what was counted before it.
#[derive(Default, Serialize, Deserialize)]
struct Place {
    connection: String,
    shard: u8,
    after: Option<String>,
    /// Of the filter: a place of one is none of another.
    filter: u64,
    count: u64,
    failed: u64,
}

impl Place {
    fn read(text: Option<&str>, filter: &str) -> Result<(Option<WalkPlace>, u64, u64), Problem> {
        let Some(text) = text else { return Ok((None, 0, 0)) };
        let place: Self = cursor::read(text)?;
        if place.filter != digest(filter) || place.shard >= muster_sync::SHARDS {
            return Err(cursor::foreign());
        }
        let connection = ConnectionId::parse(&place.connection).map_err(|_| cursor::foreign())?;
        let after = place.after.as_deref().map(UniqueId::parse).transpose().map_err(|_| cursor::foreign())?;
        Ok((Some(WalkPlace { connection, shard: place.shard, after }), place.count, place.failed))
    }

    fn write(at: &WalkPlace, filter: &str, count: u64, failed: u64) -> String {
        let after = at.after.as_ref().map(ToString::to_string);
        let (connection, filter) = (at.connection.to_string(), digest(filter));
        cursor::write(&Self { connection, shard: at.shard, after, filter, count, failed })
    }
}

fn digest(filter: &str) -> u64 {
    Sha256::digest(filter.as_bytes()).iter().take(6).fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

pub(super) async fn try_out<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let wish: TrialWish = call.body()?;
    let filter =
        Filter::compile(&wish.filter).map_err(|error| Problem::invalid("filter", format!("filter: {error}")))?;
    let sample = wish.sample.unwrap_or(USUAL_SAMPLE);
    if sample > MOST_SAMPLE {
        return Err(Problem::invalid("sample", format!("sample: at most {MOST_SAMPLE}")));
    }
    counted(call, (&wish.filter, &filter), wish.cursor.as_deref(), sample).await
}

pub(super) async fn count<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let wish: CountWish = if call.request.body.is_empty() { CountWish::default() } else { call.body()? };
    let (segment, _) = one(&call).await?;
    counted(call, (&segment.filter, &filter_of(&segment)?), wish.cursor.as_deref(), 0).await
}

async fn counted<W: World>(
    call: Call<'_, W>,
    (text, filter): (&str, &Filter),
    from: Option<&str>,
    sample: u32,
) -> Result<Reply, Problem> {
    let (from, count, failed) = Place::read(from, text)?;
    let sample = if call.caller.may(Need::ReadPeople) { sample as usize } else { 0 };
    let (table, clock, account) = (call.world.table(), call.world.clock(), &call.caller.account);
    let tally = count_segment(table, clock, account, filter, from, (sample, call.now_ms() + PATIENCE_MS)).await?;
    // What a cursor says is the caller's own affair, but must not overflow.
    let (count, failed) = (count.saturating_add(tally.count), failed.saturating_add(tally.failed));
    let first = tally.first.into_iter().map(|(connection, unique_id)| PersonNamed {
        connection: connection.to_string(),
        unique_id: unique_id.to_string(),
    });
    let next = tally.next.map(|place| Place::write(&place, text, count, failed));
    Ok(Reply::json(200, &Counted { count, failed, first: first.collect(), complete: next.is_none(), next }))
}

pub(super) async fn members<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let query: ListMembers = call.query()?;
    let limit = cursor::limit(query.limit)?;
    if !call.caller.may(Need::ReadPeople) {
        return Err(Problem::forbidden());
    }
    let (segment, _) = one(&call).await?;
    let (from, ..) = Place::read(query.cursor.as_deref(), &segment.filter)?;
    let filter = filter_of(&segment)?;
    let (table, clock, account) = (call.world.table(), call.world.clock(), &call.caller.account);
    let until_ms = call.now_ms() + PATIENCE_MS;
    let (found, next) = segment_members(table, clock, account, &filter, from, (limit, until_ms)).await?;
    let next = next.map(|place| Place::write(&place, &segment.filter, 0, 0));
    Ok(Reply::json(200, &PersonList { items: found.into_iter().map(listed).collect(), next }))
}
