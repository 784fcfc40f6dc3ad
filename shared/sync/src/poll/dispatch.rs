//! Starting what is due.

use muster_connectors::Incremental;
use muster_core::ids::{AccountId, ConnectionId, RunId};
use tracing::Instrument;

use super::{late, next_due, switched_off};
use crate::decide::run_id;
use crate::reach::Source;
use crate::{
    Cause, Clock, Connection, FeedChange, Ledger, Opened, PollJob, PortError, Queue, Run, RunState, WEEK_MS,
    settings_of,
};
use crate::{log, metric};

/// Starts listings that are due, and looks for files that are late.
#[derive(Debug)]
pub struct Dispatcher<'a, L, Q, C> {
    /// Connections and runs.
    pub ledger: &'a L,
    /// To `scheduled-poll`.
    pub queue: &'a Q,
    /// The time.
    pub clock: &'a C,
}

/// What a look at the schedule did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dispatched {
    /// Listings started or taken up again.
    pub polls: u32,
    /// Alerts of files that are late.
    pub late: u32,
}

/// How the slots of listings begin that somebody asked for.
pub(super) const NOW: &str = "now-";
/// Connections looked at in one go.
const AT_ONCE: u16 = 200;
/// How often a connection that others change meanwhile is claimed.
const CLAIMS: u32 = 5;
/// A listing that was handed out is looked after in this time, in milliseconds, should its message be lost.
const LOOK_AFTER_MS: i64 = 30 * 60_000;

impl<L: Ledger, Q: Queue, C: Clock> Dispatcher<'_, L, Q, C> {
    /// Starts everything that is due. One connection that cannot be started does not keep the others from it.
    ///
    /// # Errors
    /// [`PortError`] of the last one that could not be started.
    pub async fn dispatch(&self) -> Result<Dispatched, PortError> {
        let mut done = Dispatched::default();
        let mut failed = None;
        for login in self.ledger.due(self.clock.now_ms(), AT_ONCE).await? {
            let (account, connection) = (&login.account, &login.connection);
            let span = tracing::error_span!(
                "due",
                account.id = account.as_str(),
                connection.id = connection.as_str(),
                run.id = tracing::field::Empty
            );
            if let Err(error) = self.look_at(account, connection, &mut done).instrument(span.clone()).await {
                span.in_scope(|| tracing::error!(%error, "what is due could not be started"));
                failed = Some(error);
            }
        }
        failed.map_or(Ok(done), Err)
    }

    /// Tells how many plans wait for a decision, and how long the oldest has.
    ///
    /// # Errors
    /// [`PortError`] when a service failed.
    pub async fn tell_waiting(&self) -> Result<(), PortError> {
        let waiting = self.ledger.waiting_plans().await?;
        metric::waiting(waiting.plans, waiting.oldest_ms, self.clock.now_ms());
        Ok(())
    }

    async fn look_at(&self, account: &AccountId, id: &ConnectionId, done: &mut Dispatched) -> Result<(), PortError> {
        let Some(connection) = self.ledger.connection(account, id).await? else { return Ok(()) };
        let now_ms = self.clock.now_ms();
        let Some(due_ms) = connection.due_ms.filter(|due| *due <= now_ms) else { return Ok(()) };
        if switched_off(&connection)?.is_some() {
            let later = next_due(&settings_of(&connection)?, now_ms, now_ms);
            let feed = connection.feed.clone();
            let change = FeedChange { connection: &connection, feed, due_ms: Some(later), status: None };
            return self.ledger.save_feed(&change).await.map(|_| ());
        }
        match Source::of(&connection)? {
            Some(_) if self.has_ended(&connection, now_ms).await? => {}
            Some(source) => {
                let full = wants_full(&connection, &source, now_ms);
                self.start(&connection, &format!("due-{due_ms}"), full).await?;
                done.polls += 1;
            }
            None => done.late += u32::from(late::look(self.ledger, self.queue, &connection, now_ms).await?),
        }
        Ok(())
    }

    /// Starts a full listing now: somebody asked for it. `None` when the connection has no API or is switched off.
    ///
    /// # Errors
    /// [`PortError`] when a service failed.
    pub async fn now(&self, account: &AccountId, id: &ConnectionId) -> Result<Option<RunId>, PortError> {
        let Some(connection) = self.ledger.connection(account, id).await? else { return Ok(None) };
        if switched_off(&connection)?.is_some() || Source::of(&connection)?.is_none() {
            return Ok(None);
        }
        let slot = format!("{NOW}{}", self.clock.now_ms());
        self.start(&connection, &slot, true).await.map(Some)
    }

    /// Hands a listing out: the one that is being fetched already, or a new one. The same slot makes the same run,
    /// and whoever claims the connection first opens its run, so a schedule that fires twice starts one.
    async fn start(&self, connection: &Connection, slot: &str, full: bool) -> Result<RunId, PortError> {
        let mut connection = connection.clone();
        for _ in 0..CLAIMS {
            let now_ms = self.clock.now_ms();
            let (run, is_new) = match self.being_fetched(&connection).await? {
                Some(run) => (run, false),
                None => (new_run(&connection, slot, full, now_ms)?, true),
            };
            let mut feed = connection.feed.clone();
            feed.polling = Some(run.id.to_string());
            if !is_new && slot.starts_with(NOW) {
                // What is under way may have begun before what the asker has in mind.
                feed.full_wanted_ms = Some(now_ms);
            }
            let due_ms = Some(now_ms + LOOK_AFTER_MS);
            let claim = FeedChange { connection: &connection, feed, due_ms, status: None };
            if self.ledger.save_feed(&claim).await? {
                log::name_run(&run.account, &run.connection, &run.id);
                match is_new {
                    true => match self.ledger.open_run(&run).await? {
                        Opened::New => log::received(&run),
                        Opened::Existing(_) => tracing::info!("the listing was started before"),
                    },
                    false => tracing::info!("the listing goes on"),
                }
                self.queue.send_poll(&job_of(&run)).await?;
                return Ok(run.id);
            }
            let fresh = self.ledger.connection(&connection.account, &connection.id).await?;
            connection = fresh.ok_or_else(|| PortError::never("start the listing", "the connection is gone"))?;
        }
        Err(PortError::later("start the listing", "the connection changes all the time"))
    }

    /// Whether the listing under way is done, though a function that died could not say so any more: then the next
    /// one comes at its own time, and not now.
    async fn has_ended(&self, connection: &Connection, now_ms: i64) -> Result<bool, PortError> {
        let Some(run) = self.under_way(connection).await? else { return Ok(false) };
        let wanted = connection.feed.full_wanted_ms.is_some() && connection.waiting.is_none();
        if matches!(run.state, RunState::Received | RunState::Applying) || wanted {
            return Ok(false);
        }
        let due_ms = next_due(&settings_of(connection)?, run.received_ms, run.received_ms);
        if due_ms <= now_ms {
            return Ok(false);
        }
        let mut feed = connection.feed.clone();
        feed.polling = None;
        let change = FeedChange { connection, feed, due_ms: Some(due_ms), status: None };
        self.ledger.save_feed(&change).await.map(|_| true)
    }

    async fn under_way(&self, connection: &Connection) -> Result<Option<Run>, PortError> {
        let id = connection.feed.polling.as_deref().and_then(|id| RunId::parse(id).ok());
        let Some(id) = id else { return Ok(None) };
        self.ledger.run(&connection.account, &connection.id, &id).await
    }

    /// The run whose listing is being fetched, or whose plan is being written: its message brings it further.
    async fn being_fetched(&self, connection: &Connection) -> Result<Option<Run>, PortError> {
        let run = self.under_way(connection).await?;
        Ok(run.filter(|run| matches!(run.state, RunState::Received | RunState::Applying)))
    }
}

fn new_run(connection: &Connection, slot: &str, full: bool, now_ms: i64) -> Result<Run, PortError> {
    let id = run_id(&["poll", connection.account.as_str(), connection.id.as_str(), slot]);
    let what = if full { "everybody" } else { "changes" };
    let source = format!("{what} at {}", settings_of(connection)?.connector);
    let cause = Cause::Poll { slot: slot.to_owned(), full };
    Ok(Run::received(connection, id, cause, source, now_ms))
}

/// The message about a run whose listing is to be fetched.
pub(crate) fn job_of(run: &Run) -> PollJob {
    PollJob { account: run.account.to_string(), connection: run.connection.to_string(), run: run.id.to_string() }
}

/// Whether everybody is listed: always where the provider tells nothing less, before anything was applied, when
/// something was put off to it, and at least once a week.
fn wants_full(connection: &Connection, source: &Source, now_ms: i64) -> bool {
    let feed = &connection.feed;
    let cadence = next_due(&source.settings, now_ms, now_ms) - now_ms;
    let within_week = feed.full_ms.is_some_and(|full| now_ms + cadence <= full + WEEK_MS);
    source.connector.about().incremental == Incremental::None
        || !connection.confirmed
        || feed.mark.is_none()
        || feed.full_wanted_ms.is_some()
        || !within_week
}
