//! What the use cases write into the log: steps of runs in this product's words, each where its conditional step
//! succeeded. No names, ids or values of people, no file names, no texts of providers.

use muster_core::ids::{AccountId, ConnectionId, RunId};
use tracing::Span;

use crate::{Cause, CommitPlan, Finish, MailKind, Run, RunState, Transition, metric};

/// From here on the lines of what is handled now name this connection.
pub(crate) fn name_connection(account: &AccountId, connection: &ConnectionId) {
    let span = Span::current();
    span.record("account.id", account.as_str());
    span.record("connection.id", connection.as_str());
}

/// From here on the lines of what is handled now name this run.
pub(crate) fn name_run(account: &AccountId, connection: &ConnectionId, run: &RunId) {
    name_connection(account, connection);
    Span::current().record("run.id", run.as_str());
}

/// A new cause made a run.
pub(crate) fn received(run: &Run) {
    name_run(&run.account, &run.connection, &run.id);
    tracing::info!(run.cause = cause(&run.cause), "received");
    metric::received(run);
}

/// A plan counts: it is held, or it is handed out to be applied.
pub(crate) fn planned(commit: &CommitPlan<'_>) {
    metric::planned(commit);
    let counts = &commit.counts;
    tracing::info!(
        rows = counts.rows,
        added = counts.added,
        proposed = counts.proposed,
        updated = counts.updated,
        deactivated = counts.deactivated,
        reactivated = counts.reactivated,
        removed = counts.removed,
        unchanged = counts.unchanged,
        errors = counts.errors,
        warnings = counts.warnings,
        "planned"
    );
    if let Some(replaced) = commit.replaces {
        tracing::info!(replaced.run.id = replaced.as_str(), "replaces the plan that waited");
    }
    if commit.held.is_empty() {
        tracing::info!(chunks = commit.plan.chunks, "applying");
    } else {
        tracing::info!(gates = commit.held.join(","), "held");
    }
}

/// A run came to an end without being applied. `why` is one of this program's own sentences or codes.
pub(crate) fn ended(transition: &Transition<'_>, why: &str) {
    metric::ended(transition.to);
    match transition.to {
        RunState::Failed => tracing::warn!(why, "failed"),
        RunState::Rejected => tracing::info!("rejected"),
        _ => tracing::info!(why, "superseded"),
    }
}

/// A chunk is written.
pub(crate) fn chunk_written(after: &Run, chunk: u32) {
    let chunks = after.plan.as_ref().map_or(0, |plan| plan.chunks);
    tracing::info!(chunk, chunks, chunks.written = after.done.len(), conflicts = after.conflicts, "chunk written");
}

/// Every chunk is written, and the run is finished.
pub(crate) fn applied(finish: &Finish<'_>) {
    metric::applied(finish);
    tracing::info!(conflicts = finish.run.conflicts, "applied");
}

/// A listing found changes of which no event told, where events had come before.
pub(crate) fn subscription_is_silent() {
    metric::subscription_is_silent();
    tracing::warn!("no event told of what this listing found: the provider may have switched its webhooks off");
}

/// A login opens: to whoever gave the password, or who proves one of its keys.
pub(crate) fn login_opens(by: &'static str) {
    tracing::info!(login.by = by, "login opens");
}

/// A login does not open. Nothing of what was typed: a name may be a password.
pub(crate) fn login_refused(why: &'static str) {
    tracing::info!(login.refused = why, "login refused");
}

/// The mail service took a mail.
pub(crate) fn mailed(kind: MailKind, again: bool) {
    metric::mailed();
    tracing::info!(mail.kind = kind.as_str(), mail.again = again, "mailed");
}

/// What made the run, in a word.
fn cause(cause: &Cause) -> &'static str {
    match cause {
        Cause::File { .. } => "file",
        Cause::Poll { .. } => "poll",
        Cause::Event { .. } => "event",
        Cause::Late { .. } => "late",
        Cause::Rollback { .. } => "rollback",
        Cause::Farewell { .. } => "farewell",
        Cause::ByHand { .. } => "by_hand",
    }
}
