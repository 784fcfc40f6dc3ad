//! Runs and plans: looked at, decided about, downloaded; and what starts one by hand.

mod decide;
mod files;
mod list;
mod look;
mod page;
mod shown;

use crate::caller::Need;
use crate::route::Route;
use crate::world::World;

use decide::{Approval, Rejection};
use files::{DownloadShown, UploadShown, UploadWish};
use list::{ListRuns, RunList};
use look::{ChangeList, IssueList, ListChanges, ListIssues};
use shown::{RunLine, RunShown};

pub(crate) fn routes<W: World>() -> Vec<Route<W>> {
    let mut routes = reading();
    routes.extend(deciding());
    routes.extend(starting());
    routes.extend(page::routes());
    routes
}

const RUN: &str = "/v1/connections/{connection}/runs/{run}";
const SHORT_PAGES: &str =
    "A page may be shorter than asked for, or empty, and still have a next one: `next` is null at the end only.";

fn reading<W: World>() -> Vec<Route<W>> {
    vec![
        Route::get("/v1/runs", "list_all_runs", Need::ReadSettings, |call| Box::pin(list::all(call)))
            .says("Lists the account's runs, newest first", SHORT_PAGES)
            .query::<ListRuns>()
            .gives::<RunList>(200, "a page of runs"),
        Route::get("/v1/connections/{connection}/runs", "list_runs", Need::ReadSettings, |call| {
            Box::pin(list::of_one(call))
        })
        .says("Lists a connection's runs, newest first", SHORT_PAGES)
        .query::<ListRuns>()
        .gives::<RunList>(200, "a page of runs"),
        Route::get(RUN, "show_run", Need::ReadSettings, |call| Box::pin(look::show(call)))
            .says(
                "Shows a run with its plan: counts, gates with their meters and limits, groups, findings",
                "Runs of single events (ids begin with `e-`) are in no list and are shown here.",
            )
            .gives::<RunShown>(200, "the run"),
        Route::get("/v1/connections/{connection}/runs/{run}/issues", "list_issues", Need::ReadSettings, |call| {
            Box::pin(look::issues(call))
        })
        .says(
            "Lists what was found in a run's source, errors first",
            "A run keeps its first 10,000 findings; the error file has every record with an error, and the records themselves.",
        )
        .query::<ListIssues>()
        .gives::<IssueList>(200, "a page of findings"),
        Route::get("/v1/connections/{connection}/runs/{run}/changes", "list_changes", Need::ReadSettings, |call| {
            Box::pin(look::changes(call))
        })
        .says("Lists what a run's plan changes, by person and field, old and new", SHORT_PAGES)
        .query::<ListChanges>()
        .gives::<ChangeList>(200, "a page of changes")
        .may(409, "the run has no plan (`no_plan`), or its plan is no longer kept (`plan_expired`)"),
    ]
}

fn deciding<W: World>() -> Vec<Route<W>> {
    let refused = "the plan is another one (`plan_changed`), was made before the directory changed (`stale_plan`; it is being \
                   made anew), is in another state (`wrong_state`), or another run is being applied (`busy`)";
    vec![
        Route::post("/v1/connections/{connection}/runs/{run}/approval", "approve_run", Need::Decide, |call| {
            Box::pin(decide::approve(call))
        })
        .says(
            "Approves a held plan",
            "The hash names the plan that was looked at. Approving twice answers the same as once.",
        )
        .body::<Approval>()
        .gives::<RunLine>(200, "the run as it stands")
        .may(409, refused),
        Route::post("/v1/connections/{connection}/runs/{run}/rejection", "reject_run", Need::Decide, |call| {
            Box::pin(decide::reject(call))
        })
        .says("Rejects a held plan: nothing of it is applied", "")
        .body::<Rejection>()
        .gives::<RunLine>(200, "the run as it stands")
        .may(409, "the run is in another state (`wrong_state`), or changes just now (`busy`)"),
        Route::post("/v1/connections/{connection}/runs/{run}/rollback", "roll_back_run", Need::Decide, |call| {
            Box::pin(decide::roll_back(call))
        })
        .says(
            "Undoes an applied run",
            "Opens a run whose plan is the way back, gated like any other. Asking twice opens one.",
        )
        .gives::<RunLine>(202, "the run that undoes it")
        .may(409, "the run is in another state, or is undone already (`wrong_state`)"),
    ]
}

fn starting<W: World>() -> Vec<Route<W>> {
    vec![
        Route::post("/v1/connections/{connection}/sync", "sync_now", Need::Decide, |call| Box::pin(decide::sync(call)))
            .says("Lists everybody at the provider now", "A listing that is under way is gone on with, and another one follows.")
            .gives::<RunLine>(202, "the run that lists")
            .may(409, "the connection takes files (`not_pollable`), or is switched off (`switched_off`)"),
        Route::post("/v1/connections/{connection}/runs/{run}/downloads/{list}", "download", Need::ReadSettings, |call| {
            Box::pin(files::download(call))
        })
        .says(
            "Makes a file to download: `invites`, `updates`, `deletions` or `errors`",
            "Answers an address that needs no token and works for a few minutes.",
        )
        .gives::<DownloadShown>(200, "where the file is")
        .may(409, "the run has no plan (`no_plan`), its plan is no longer kept (`plan_expired`), or no record has an error (`no_errors`)"),
        Route::post("/v1/connections/{connection}/uploads", "upload", Need::Decide, |call| Box::pin(files::upload(call)))
            .says(
                "Takes a file for a connection of files",
                "Answers an address to which the file is put (`PUT`, with the headers of the answer). Once it is there its import \
                 starts as for any other file.",
            )
            .body::<UploadWish>()
            .gives::<UploadShown>(201, "where the file goes")
            .may(409, "the connection's people come from a provider (`not_files`), or it is switched off or paused (`switched_off`)"),
    ]
}
