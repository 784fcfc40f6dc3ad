//! The chain of decisions and changes.

use muster_sync::{AuditEntry, Head, audit_page, verify_audit};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::call::Call;
use crate::caller::Need;
use crate::cursor;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::route::Route;
use crate::time::shown;
use crate::world::World;

/// Pages of the chain that one request goes over: 20,000 entries.
const PAGES: u32 = 100;

pub(crate) fn routes<W: World>() -> Vec<Route<W>> {
    vec![
        Route::get("/v1/audit", "list_audit", Need::ReadSettings, |call| Box::pin(list(call)))
            .says("Lists decisions and changes, newest first", "An entry is written before what it tells of is done.")
            .query::<ListAudit>()
            .gives::<AuditList>(200, "a page of entries"),
        Route::get("/v1/audit/verification", "verify_audit", Need::ReadSettings, |call| Box::pin(verify(call)))
            .says(
                "Verifies the chain of hashes",
                "Goes over the chain from its first entry, or on from `after` and its `hash` as an earlier answer gave them. \
                 Whoever keeps `head` and asks on from it later also sees whether entries were cut off or written anew.",
            )
            .query::<VerifyAudit>()
            .gives::<Verified>(200, "what was found"),
        Route::get("/v1/operator/audit", "list_operator_audit", Need::Operate, |call| Box::pin(list(call)))
            .says("Lists the product team's own decisions, newest first", "")
            .query::<ListAudit>()
            .gives::<AuditList>(200, "a page of entries"),
    ]
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ListAudit {
    /// Items of a page.
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u32>,
    /// `next` of the page before.
    cursor: Option<String>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct VerifyAudit {
    /// The number of an entry whose hash is known.
    #[schemars(range(min = 1, max = 999_999_999_999u64))]
    after: Option<u64>,
    /// Its hash.
    #[schemars(length(min = 1, max = 64))]
    hash: Option<String>,
}

/// A page of entries.
#[derive(Debug, Serialize, JsonSchema)]
struct AuditList {
    items: Vec<Entry>,
    /// Where the next page begins; null at the end.
    next: Option<String>,
}

/// A decision or change.
#[derive(Debug, Serialize, JsonSchema)]
struct Entry {
    /// Its place in the chain, from 1.
    number: u64,
    /// When.
    at: String,
    /// Who: role and user.
    by: String,
    /// What was done.
    action: String,
    /// To what.
    target: String,
    /// How it was before.
    before: Option<Value>,
    /// How it is after.
    after: Option<Value>,
    /// The hash of the entry before; empty for the first.
    previous: String,
    /// The hash of this one.
    hash: String,
}

/// What a look at the chain found.
#[derive(Debug, Serialize, JsonSchema)]
struct Verified {
    /// Whether every entry looked at follows the one before.
    intact: bool,
    /// How many entries there are up to where it was looked at.
    entries: u64,
    /// The hash of the last one that fits.
    head: String,
    /// Whether it was looked at to its end; else ask on with `after` = `entries` and `hash` = `head`.
    complete: bool,
    /// The first entry that does not fit.
    broken_at: Option<u64>,
    /// Why.
    reason: Option<String>,
}

async fn list<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let query: ListAudit = call.query()?;
    let limit = u32::try_from(cursor::limit(query.limit)?).unwrap_or(cursor::MOST);
    let before = query.cursor.as_deref().map(cursor::read).transpose()?;
    let (entries, next) = audit_page(call.world.table(), &call.caller.account, before, limit).await?;
    let items = entries.into_iter().map(|(entry, hash)| entry_of(entry, hash)).collect();
    Ok(Reply::json(200, &AuditList { items, next: next.map(|next| cursor::write(&next)) }))
}

fn entry_of(entry: AuditEntry, hash: String) -> Entry {
    let AuditEntry { number, at_ms, by, action, target, before, after, previous } = entry;
    Entry { number, at: shown(at_ms), by, action, target, before, after, previous, hash }
}

async fn verify<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let query: VerifyAudit = call.query()?;
    let from = match (query.after, query.hash) {
        (None, None) => Head::default(),
        (Some(number @ 1..=999_999_999_999), Some(hash)) => Head { number, hash },
        _ => return Err(Problem::invalid("after", "after and hash belong together: an entry's number and its hash")),
    };
    let found = verify_audit(call.world.table(), &call.caller.account, from, PAGES).await?;
    Ok(Reply::json(
        200,
        &Verified {
            intact: found.broken.is_none(),
            entries: found.head.number,
            head: found.head.hash,
            complete: found.complete,
            broken_at: found.broken.map(|(number, _)| number),
            reason: found.broken.map(|(_, why)| why.to_owned()),
        },
    ))
}
