//! Segments: saved filters over recipients, tried, counted, listed.

mod count;
mod shown;

use muster_core::segment::Filter;
use muster_sync::{Segment, delete_segment, put_segment, segment, segment_id, segment_page};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use self::count::{CountWish, Counted, TrialWish};
use self::shown::{SegmentList, SegmentShown, SegmentWish, shown};
use crate::call::Call;
use crate::caller::{Caller, Need, Role};
use crate::cursor;
use crate::groups::shown::Visibility;
use crate::people::PersonList;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::route::Route;
use crate::world::World;

/// A part of the paths, so that no segment can be called so.
const RESERVED: &str = "trials";
/// The longest id: a slug, and a digest behind it.
const LONGEST_ID: usize = 80;
const FILTER: &str = "A filter is a CEL expression over `person.<field>` (the dynamic fields), `status`, `connection` and the relative \
    dates `today()`, `days_ago(n)`, `days_from_now(n)`, in UTC: `person.department == \"Sales\" && person.start_date >= \
    days_ago(30)`. A field without a value is `\"\"`, one with several is a list.";
const WHOSE: &str = "A private segment is seen by its author, owners and admins only.";
const SLOWLY: &str = "Counting ends after some seconds: while `complete` is false, ask again with `next` as `cursor`; the numbers \
    go on from there.";

pub(crate) fn routes<W: World>() -> Vec<Route<W>> {
    const ONE: &str = "/v1/segments/{segment}";
    let broken = "`filter_broken`: the filter no longer compiles";
    vec![
        Route::post("/v1/segments/trials", "try_segment", Need::ReadSegments, |call| Box::pin(count::try_out(call)))
            .says("Counts the people whom a filter finds, before it is saved", FILTER)
            .body::<TrialWish>()
            .gives::<Counted>(200, "whom it finds, so far"),
        Route::get("/v1/segments", "list_segments", Need::ReadSegments, |call| Box::pin(list(call)))
            .says("Lists the segments that the caller may see, by id", WHOSE)
            .query::<ListSegments>()
            .gives::<SegmentList>(200, "a page of segments; it may be short, even empty, while `next` is not null"),
        Route::post("/v1/segments", "make_segment", Need::ChangeSegments, |call| Box::pin(make(call)))
            .says("Saves a filter under a name", FILTER)
            .body::<SegmentWish>()
            .gives::<SegmentShown>(201, "the segment")
            .may(409, "`name_taken`: there is one with this name, or one that differs in case or punctuation only"),
        Route::get(ONE, "show_segment", Need::ReadSegments, |call| Box::pin(show(call)))
            .says("Shows a segment", WHOSE)
            .gives::<SegmentShown>(200, "the segment"),
        Route::put(ONE, "put_segment", Need::ChangeSegments, |call| Box::pin(put(call)))
            .says("Changes a segment", "Its name may change in case and punctuation only: its id is made of it.")
            .body::<SegmentWish>()
            .gives::<SegmentShown>(200, "the segment as it is now")
            .versioned(),
        Route::delete(ONE, "delete_segment", Need::ChangeSegments, |call| Box::pin(delete(call)))
            .says("Deletes a segment", "")
            .gives_nothing(204, "it is gone")
            .versioned(),
        Route::get("/v1/segments/{segment}/members", "list_segment_members", Need::ReadSegments, |call| {
            Box::pin(count::members(call))
        })
        .says(
            "Lists the people in a segment today",
            "For callers who may see people. A page makes a bounded number of requests and so may be short, even empty, \
             while `next` is not null.",
        )
        .query::<ListMembers>()
        .gives::<PersonList>(200, "a page of people")
        .may(409, broken),
        Route::post("/v1/segments/{segment}/count", "count_segment", Need::ReadSegments, |call| {
            Box::pin(count::count(call))
        })
        .says("Counts the people in a segment today", SLOWLY)
        .body::<CountWish>()
        .body_optional()
        .gives::<Counted>(200, "how many, so far")
        .may(409, broken),
    ]
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ListSegments {
    /// The most items of a page.
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u32>,
    /// `next` of the page before.
    cursor: Option<String>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ListMembers {
    /// The most items of a page.
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u32>,
    /// `next` of the page before.
    cursor: Option<String>,
}

fn manages(caller: &Caller) -> bool {
    matches!(caller.role, Role::Owner | Role::Admin)
}

/// Whether the caller, who may see segments, may see this one.
fn sees(caller: &Caller, segment: &Segment) -> bool {
    segment.public || manages(caller) || segment.author == caller.user
}

fn is_id(text: &str) -> bool {
    (1..=LONGEST_ID).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

/// A segment that the caller may see, by its id.
pub(crate) async fn visible<W: World>(call: &Call<'_, W>, id: &str) -> Result<Option<(Segment, u64)>, Problem> {
    if !is_id(id) {
        return Ok(None);
    }
    let found = segment(call.world.table(), &call.caller.account, id).await?;
    Ok(found.filter(|(segment, _)| sees(call.caller, segment)))
}

/// The `{segment}` of the path.
async fn one<W: World>(call: &Call<'_, W>) -> Result<(Segment, u64), Problem> {
    visible(call, call.path("segment")).await?.ok_or_else(Problem::not_found)
}

/// The filter of a stored segment.
pub(crate) fn filter_of(segment: &Segment) -> Result<Filter, Problem> {
    Filter::compile(&segment.filter).map_err(|error| {
        Problem::conflict("filter_broken", format!("the segment's filter {error}; change it")).field("filter")
    })
}

async fn list<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let query: ListSegments = call.query()?;
    let limit = cursor::limit(query.limit)?;
    let from: Option<String> = query.cursor.as_deref().map(cursor::read).transpose()?;
    if from.as_deref().is_some_and(|from| !is_id(from)) {
        return Err(cursor::foreign());
    }
    let limit = u32::try_from(limit).unwrap_or(cursor::MOST);
    let (found, next) = segment_page(call.world.table(), &call.caller.account, from.as_deref(), limit).await?;
    let found = found.into_iter().filter(|(_, segment, _)| sees(call.caller, segment));
    let items = found.map(|(id, segment, version)| shown(&id, segment, version)).collect();
    Ok(Reply::json(200, &SegmentList { items, next: next.as_ref().map(cursor::write) }))
}

async fn show<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let (segment, version) = one(&call).await?;
    Ok(Reply::json(200, &shown(call.path("segment"), segment, version)).etag(version))
}

async fn make<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let wish: SegmentWish = call.body()?;
    let id = wish.check()?;
    let (table, account, now_ms) = (call.world.table(), &call.caller.account, call.now_ms());
    // One that the caller may not see takes its name too.
    let taken = || {
        Problem::conflict("name_taken", "a segment's name must differ from the others' in letters or digits")
            .field("name")
    };
    if segment(table, account, &id).await?.is_some() {
        return Err(taken());
    }
    let new = wish.segment(call.caller.user.clone(), now_ms, now_ms);
    call.audit("segment.made", &format!("segment/{id}"), None, Some(told(&new))).await?;
    if !put_segment(table, account, &id, &new, None).await? {
        return Err(taken());
    }
    Ok(Reply::json(201, &shown(&id, new, 1)).etag(1))
}

async fn put<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let wish: SegmentWish = call.body()?;
    let new_id = wish.check()?;
    let (id, (before, version)) = (call.path("segment"), one(&call).await?);
    if call.if_match()? != version {
        return Err(Problem::stale());
    }
    if new_id != id {
        let detail = "may change in case and punctuation only; make a new segment for another name";
        return Err(Problem::invalid("name", format!("name: {detail}")));
    }
    let segment = wish.segment(before.author.clone(), before.made_ms, call.now_ms());
    let may_hide = manages(call.caller) || before.author == call.caller.user;
    if segment.public != before.public && !may_hide {
        return Err(Problem::forbidden());
    }
    call.audit("segment.changed", &format!("segment/{id}"), Some(told(&before)), Some(told(&segment))).await?;
    if !put_segment(call.world.table(), &call.caller.account, id, &segment, Some(version)).await? {
        return Err(Problem::stale());
    }
    Ok(Reply::json(200, &shown(id, segment, version + 1)).etag(version + 1))
}

async fn delete<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let (id, (before, version)) = (call.path("segment"), one(&call).await?);
    if call.if_match()? != version {
        return Err(Problem::stale());
    }
    call.audit("segment.deleted", &format!("segment/{id}"), Some(told(&before)), None).await?;
    if !delete_segment(call.world.table(), &call.caller.account, id, version).await? {
        return Err(Problem::stale());
    }
    Ok(Reply::empty())
}

/// What the chain keeps of a segment: a filter may name people, so its digest only.
fn told(segment: &Segment) -> Value {
    json!({"public": segment.public, "filter_sha256": format!("{:x}", Sha256::digest(segment.filter.as_bytes()))})
}

impl SegmentWish {
    /// Whether all of it can be taken; answers the id.
    fn check(&self) -> Result<String, Problem> {
        let within = |field: &str, text: &str, most: usize| match text.chars().count() <= most {
            true => Ok(()),
            false => Err(Problem::invalid(field, format!("{field}: at most {most} characters"))),
        };
        within("name", &self.name, shown::LONGEST_NAME)?;
        within("description", &self.description, shown::LONGEST_DESCRIPTION)?;
        if self.name.chars().any(char::is_control) {
            return Err(Problem::invalid("name", "name: holds a control character"));
        }
        Filter::compile(&self.filter).map_err(|error| Problem::invalid("filter", format!("filter: {error}")))?;
        match segment_id(&self.name) {
            None => Err(Problem::invalid("name", "name: needs a letter or digit")),
            Some(id) if id == RESERVED => Err(Problem::invalid("name", "name: this one is reserved; choose another")),
            Some(id) => Ok(id),
        }
    }

    fn segment(self, author: String, made_ms: i64, changed_ms: i64) -> Segment {
        let public = self.visibility == Visibility::Public;
        let Self { name, description, filter, .. } = self;
        Segment { name: name.trim().to_owned(), description, filter, public, author, made_ms, changed_ms }
    }
}
