//! Erasing a person for good, and lifting that.

use muster_sync::{ErasedCounts, Eraser, Tombstone, lift_erasure, settings_of, tombstone_of};
use schemars::JsonSchema;
use serde::Serialize;

use super::{by, editor, place, request_name, target};
use crate::call::Call;
use crate::caller::Need;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::route::Route;
use crate::time::shown;
use crate::world::World;

pub(crate) fn routes<W: World>() -> Vec<Route<W>> {
    const ONE: &str = "/v1/connections/{connection}/people/{unique_id}/erasure";
    vec![
        Route::post(ONE, "erase_person", Need::Decide, |call| Box::pin(erase(call)))
            .says(
                "Erases a person",
                "Deletes the recipient (hidden ones too), their opt-outs, and every plan, list, roster, report and mark of \
                 the connection that names them, in all versions; what names others too is written without them. What is \
                 left is a tombstone that does not tell who it was: as long as it stands no file, listing, event or \
                 rollback brings the person back. Long histories take more than one request: while `complete` is false, \
                 ask again. 409 `busy` while a plan of the connection is made or applied. `remains` says what is not in \
                 the API's hands.",
            )
            .gives::<Erasure>(200, "what was deleted so far"),
        Route::get(ONE, "show_erasure", Need::ReadSettings, |call| Box::pin(show(call)))
            .says("Shows whether a person was erased", "")
            .gives::<Erasure>(200, "the erasure"),
        Route::delete(ONE, "lift_erasure", Need::Decide, |call| Box::pin(lift(call)))
            .says(
                "Lifts an erasure",
                "Nothing comes back by it: the next file, listing or event that has the person adds them again.",
            )
            .gives_nothing(204, "the person may come back"),
    ]
}

/// An erasure.
#[derive(Debug, Serialize, JsonSchema)]
struct Erasure {
    /// The tombstone's name: a keyed hash, by which the audit names the person too.
    tombstone: String,
    /// Whether nothing is left to delete; else ask again.
    complete: bool,
    /// Who asked for it.
    by: String,
    /// When.
    at: String,
    /// What was deleted.
    removed: Removed,
    /// What still may name the person, and what to do about it.
    remains: Vec<String>,
}

/// What was deleted.
#[derive(Debug, Serialize, JsonSchema)]
struct Removed {
    /// Recipients: one, or none where the directory did not have the person.
    recipients: u64,
    /// Whether there were opt-outs: one or none.
    opt_outs: u64,
    /// Marks of what a provider said last.
    marks: u64,
    /// Runs that named the person.
    runs: u64,
    /// Plans' chunks, lists of issues and error files that were written without the person.
    rewritten: u64,
    /// Versions of objects that were deleted.
    deleted: u64,
}

/// What an erasure cannot reach.
const REMAINS: [&str; 5] = [
    "the customer's own uploaded files (inbox/, sftp/\u{2026}/inbound/), until their time is up; take the person out of the source",
    "mails that were sent",
    "backups of the table, until their time is up (35 days)",
    "records of other people that name the person as their manager, and names of groups and segments",
    "the provider's id in an event that comes after the erasure (the run that ignores it is kept for 30 days), and in a \
     listing that was under way, until it ends; take the person out of the source",
];
const NEVER_REMOVE: &str =
    "the connection's never-touch list and its saved versions name the id: take it off that list";

async fn erase<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let (connection, id) = place(call).await?;
    call.audit("person.erased", &target(&connection, &id), None, None).await?;
    let world = call.world;
    let eraser = Eraser {
        ledger: world.table(),
        directory: world.table(),
        objects: world.objects(),
        queue: world.queue(),
        clock: world.clock(),
    };
    let (user, request) = (by(call), request_name(call));
    let tombstone = eraser.erase(&connection, &id, editor(call, &user, &request)).await?;
    let on_list = settings_of(&connection)?.never_remove.iter().any(|kept| kept.trim() == id.as_str());
    Ok(reply(tombstone, on_list))
}

async fn show<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let (connection, id) = place(call).await?;
    let tombstone = tombstone_of(call.world.table(), &connection, &id).await?.ok_or_else(Problem::not_found)?;
    let on_list = settings_of(&connection)?.never_remove.iter().any(|kept| kept.trim() == id.as_str());
    Ok(reply(tombstone, on_list))
}

async fn lift<W: World>(call: Call<'_, W>) -> Result<Reply, Problem> {
    let (connection, id) = place(call).await?;
    let tombstone = tombstone_of(call.world.table(), &connection, &id).await?.ok_or_else(Problem::not_found)?;
    if !tombstone.complete {
        return Err(Problem::conflict("incomplete", "the erasure is not complete; ask for it again first"));
    }
    call.audit("person.erasure_lifted", &target(&connection, &id), None, None).await?;
    lift_erasure(call.world.table(), &connection, &id).await?;
    Ok(Reply::empty())
}

fn reply(tombstone: Tombstone, on_list: bool) -> Reply {
    let Tombstone { id, by, at_ms, complete, counts } = tombstone;
    let ErasedCounts { recipients, opt_outs, marks, runs, rewritten, deleted } = counts;
    let removed = Removed { recipients, opt_outs, marks, runs, rewritten, deleted };
    let remains = REMAINS.into_iter().chain(on_list.then_some(NEVER_REMOVE)).map(str::to_owned).collect();
    Reply::json(200, &Erasure { tombstone: id, complete, by, at: shown(at_ms), removed, remains })
}
