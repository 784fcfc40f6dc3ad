//! Fetching listings from providers, when they are due and when somebody asks.

mod cells;
mod collect;
mod dispatch;
mod fail;
mod kept;
mod last;
mod late;
mod plan;
mod progress;
mod spool;

use muster_core::settings::{Cadence, Mode, Settings};

use self::collect::Collected;
use self::progress::Progress;
use crate::ids::{Ids, ids_of};
use crate::import::{Importer, Unplanned};
use crate::log;
use crate::reach::Source;
use crate::{
    Cause, Clock, Connection, ConnectionStatus, Delivery, Directory, Documents, Imported, Ledger, Objects, PollJob,
    PortError, Queue, Run, RunState, Secrets, Web,
};

pub(crate) use cells::cells;
pub(crate) use dispatch::job_of;
pub use dispatch::{Dispatched, Dispatcher};
pub(crate) use kept::kept_listing;
pub(crate) use last::{LastListing, last_listing};

/// Fetches listings and plans them.
#[derive(Debug)]
pub struct Poller<'a, L, D, O, Q, S, W, C> {
    /// Connections and runs.
    pub ledger: &'a L,
    /// Recipients.
    pub directory: &'a D,
    /// Parts of listings, plans and rosters.
    pub objects: &'a O,
    /// To `apply` and `report-email`.
    pub queue: &'a Q,
    /// Credentials.
    pub secrets: &'a S,
    /// The sender of requests.
    pub web: &'a W,
    /// The time.
    pub clock: &'a C,
}

/// What became of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Polled {
    /// Nothing to do. Says why.
    Ignored(&'static str),
    /// Put down for now; the schedule takes it up again.
    Parked,
    /// The run stands here now.
    Run(RunState),
}

/// How long before its deadline a function stops fetching, in milliseconds: what it has must be planned or put down.
const MARGIN_MS: i64 = 20_000;

impl<L: Ledger + Documents, D: Directory, O: Objects, Q: Queue, S: Secrets, W: Web, C: Clock>
    Poller<'_, L, D, O, Q, S, W, C>
{
    /// Takes a listing as far as the function's time goes: put down, held, applying or ended.
    ///
    /// # Errors
    /// [`PortError`] when it must be delivered again.
    pub async fn poll(&self, job: &PollJob, delivery: Delivery<'_>) -> Result<Polled, PortError> {
        let Ids { account, connection, run } = ids_of(&job.account, &job.connection, &job.run)?;
        log::name_run(&account, &connection, &run);
        let Some(run) = self.ledger.run(&account, &connection, &run).await? else {
            return Ok(Polled::Ignored("there is no such run"));
        };
        if run.state != RunState::Received {
            return polled(self.importer().advance(run, None, delivery).await);
        }
        let Some(connection) = self.ledger.connection(&account, &connection).await? else {
            return Ok(Polled::Ignored("the connection is gone"));
        };
        if let Some(why) = switched_off(&connection)? {
            return self.stop(&run, &connection, why).await;
        }
        let Some(source) = Source::of(&connection)? else {
            return Ok(Polled::Ignored("the connection has no API"));
        };
        let holder = format!("{}#{}", run.id, delivery.name);
        let now_ms = self.clock.now_ms();
        let until_ms = delivery.deadline_ms + MARGIN_MS;
        let Some(kept) = self.ledger.take_poll(&run, &holder, now_ms, until_ms).await? else {
            return Ok(Polled::Ignored("another delivery fetches this listing"));
        };
        let progress = self.progress_of(&run, &source, &kept)?;
        let mut worker = Worker { progress, kept, holder, delivery, until_ms };
        let polled = self.go_on(&run, &connection, &source, &mut worker).await;
        if polled.is_err() {
            self.let_go(&run, &worker).await;
        }
        polled
    }

    /// Lets the next delivery go on at once: the message of this one comes back under another name, and would find
    /// that somebody fetches the listing. Where this fails too, the listing waits until this function would have ended.
    ///
    /// What counts is what was kept last: pages that are only in memory are fetched again.
    async fn let_go(&self, run: &Run, worker: &Worker<'_>) {
        if let Err(error) = self.ledger.keep_poll(run, &worker.holder, &worker.kept, 0).await {
            tracing::warn!(%error, "the listing stays taken for a while");
        }
    }

    /// What was kept, or a new beginning: also where a plan was made already and is to be made anew, since what was
    /// fetched for it is old by now, and where the mapping takes other columns than were fetched.
    fn progress_of(&self, run: &Run, source: &Source, kept: &str) -> Result<Progress, PortError> {
        let now_ms = self.clock.now_ms();
        let full = matches!(run.cause, Cause::Poll { full: true, .. });
        if !kept.is_empty() {
            let kept: Progress = serde_json::from_str(kept)
                .map_err(|e| PortError::never("read how far the listing is", crate::error::located(&e)))?;
            if !kept.planned && !kept.is_old(now_ms) && kept.columns == source.columns {
                return Ok(kept);
            }
        }
        Ok(Progress::begin(now_ms, full, &source.columns))
    }

    async fn go_on(
        &self,
        run: &Run,
        connection: &Connection,
        source: &Source,
        worker: &mut Worker<'_>,
    ) -> Result<Polled, PortError> {
        loop {
            match self.collect(run, connection, source, worker).await? {
                Collected::Everything => {}
                Collected::Parked => return Ok(Polled::Parked),
                Collected::Fault(fault) => return self.fault(run, connection, worker, fault).await,
            }
            match self.plan(run, source, worker).await? {
                Some(imported) => return polled(Ok(imported)),
                // Somebody seems absent: they are asked for a second time.
                None => self.keep(run, worker).await?,
            }
        }
    }

    /// Keeps how far it is, unless another has taken over.
    async fn keep(&self, run: &Run, worker: &mut Worker<'_>) -> Result<(), PortError> {
        self.keep_until(run, worker, worker.until_ms).await
    }

    async fn keep_until(&self, run: &Run, worker: &mut Worker<'_>, until_ms: i64) -> Result<(), PortError> {
        let text = serde_json::to_string(&worker.progress)
            .map_err(|e| PortError::never("keep how far the listing is", e.to_string()))?;
        if self.ledger.keep_poll(run, &worker.holder, &text, until_ms).await? {
            worker.kept = text;
            return Ok(());
        }
        Err(PortError::later("keep how far the listing is", "another delivery fetches it now"))
    }

    /// A run of a connection that was switched off, paused or deleted meanwhile.
    async fn stop(&self, run: &Run, connection: &Connection, why: &'static str) -> Result<Polled, PortError> {
        let unplanned = Unplanned { state: RunState::Superseded, reason: why.into(), issues: Vec::new() };
        polled(self.importer().end(run, connection, unplanned).await)
    }

    fn importer(&self) -> Importer<'_, L, D, O, Q, C> {
        Importer {
            ledger: self.ledger,
            directory: self.directory,
            objects: self.objects,
            queue: self.queue,
            clock: self.clock,
        }
    }
}

/// One delivery at work on a listing.
struct Worker<'d> {
    progress: Progress,
    /// What was kept of it last; empty before the first time.
    kept: String,
    holder: String,
    delivery: Delivery<'d>,
    until_ms: i64,
}

impl Worker<'_> {
    /// When fetching must stop.
    fn stop_ms(&self) -> i64 {
        self.delivery.deadline_ms - MARGIN_MS
    }
}

fn polled(imported: Result<Imported, PortError>) -> Result<Polled, PortError> {
    Ok(match imported? {
        Imported::Ignored(why) => Polled::Ignored(why),
        Imported::Run(state) => Polled::Run(state),
    })
}

/// Why nothing is fetched for a connection.
pub(crate) fn switched_off(connection: &Connection) -> Result<Option<&'static str>, PortError> {
    if matches!(connection.status, ConnectionStatus::Disabled | ConnectionStatus::Deleted) {
        return Ok(Some("the connection is switched off"));
    }
    if !crate::is_linked(connection)? {
        return Ok(Some("the connection is not linked to its provider yet"));
    }
    let paused = crate::settings_of(connection)?.mode == Mode::Paused;
    Ok(paused.then_some("the connection is paused"))
}

/// When the next listing is due after one that began at `began_ms`, in milliseconds since 1970.
pub(crate) fn next_due(settings: &Settings, began_ms: i64, now_ms: i64) -> i64 {
    let cadence = settings.cadence.unwrap_or(Cadence::Automated);
    (began_ms + i64::from(cadence.minutes()) * 60_000).max(now_ms + 60_000)
}
