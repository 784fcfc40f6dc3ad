//! Fetching page by page.

use std::collections::HashSet;

use muster_connectors::{Fault, FaultKind, Page, Scope, Step};

use super::progress::{Progress, ceiling};
use super::spool::{Buffer, LINES_PER_PART};
use super::{Poller, Worker};
use crate::erase::Erased;
use crate::reach::{Reach, Source, Trouble};
use crate::{
    Cause, Clock, Connection, Directory, Documents, FeedChange, Ledger, Objects, PortError, Queue, Run, Secrets, Web,
};

/// How fetching went.
pub(super) enum Collected {
    /// To the end, or to where a guard stopped it.
    Everything,
    /// The function's time is up; the schedule goes on.
    Parked,
    /// The provider does not answer as it should.
    Fault(Fault),
}

/// The pages of one function.
struct Pages {
    buffer: Buffer,
    /// Who came in this function.
    known: HashSet<String>,
    /// Who must not come back.
    erased: Erased,
}

impl<L: Ledger + Documents, D: Directory, O: Objects, Q: Queue, S: Secrets, W: Web, C: Clock>
    Poller<'_, L, D, O, Q, S, W, C>
{
    /// Fetches what is missing, and keeps how far it is.
    pub(super) async fn collect(
        &self,
        run: &Run,
        connection: &Connection,
        source: &Source,
        worker: &mut Worker<'_>,
    ) -> Result<Collected, PortError> {
        let mut reach = Reach::of(connection, source, (self.secrets, self.web, self.clock)).await?;
        let begins = worker.progress.steps == 0 && !worker.progress.looked_twice;
        if begins && matches!(&run.cause, Cause::Poll { slot, .. } if slot.starts_with(super::dispatch::NOW)) {
            reach.resync().await;
        }
        let mut pages = Pages {
            buffer: Buffer::default(),
            known: HashSet::new(),
            erased: Erased::of(self.ledger, connection).await?,
        };
        while let Some(step) = self.next_step(&reach, connection, source, &mut worker.progress) {
            if self.clock.now_ms() > worker.stop_ms() && step.carried.is_empty() {
                self.put_down(run, connection, worker, &mut pages, self.clock.now_ms()).await?;
                return Ok(Collected::Parked);
            }
            let most = ceiling(connection.owned, worker.progress.total, source.connector.about().page_size);
            if let Some(why) = worker.progress.guard(&step, most, self.clock.now_ms()) {
                worker.progress.stop(why);
                break;
            }
            match reach.ask(&step, worker.stop_ms()).await {
                Ok(page) => self.take(run, source, worker, &mut pages, page).await?,
                Err(Trouble::Port(error)) => return Err(error),
                Err(Trouble::Fault(fault)) if fault.kind == FaultKind::MarkLost && !worker.progress.full => {
                    tracing::info!("the mark is too old: everybody is listed instead");
                    worker.progress = Progress::begin(self.clock.now_ms(), true, &source.columns);
                    pages = Pages {
                        buffer: Buffer::default(),
                        known: HashSet::new(),
                        erased: Erased::of(self.ledger, connection).await?,
                    };
                }
                Err(Trouble::Fault(fault)) => {
                    worker.progress.forget(&step);
                    self.store(run, worker, &mut pages).await?;
                    return Ok(Collected::Fault(fault));
                }
            }
        }
        worker.progress.ended = true;
        worker.progress.parks = 0;
        self.store(run, worker, &mut pages).await?;
        Ok(Collected::Everything)
    }

    /// The request to make now; `None` when all were made.
    fn next_step(
        &self,
        reach: &Reach<'_, S, W, C>,
        connection: &Connection,
        source: &Source,
        progress: &mut Progress,
    ) -> Option<Step> {
        if progress.ended {
            return None;
        }
        if let Some(step) = &progress.step {
            return Some(step.clone());
        }
        let scope = match (progress.look_again.pop(), &connection.feed.mark) {
            (Some(person), _) => Scope::Person(person),
            (None, _) if progress.looked_twice && !progress.second_whole => return None,
            (None, Some(mark)) if !progress.full => Scope::Since(mark.clone()),
            (None, _) => Scope::Full,
        };
        if scope == Scope::Full {
            // Without a mark an incremental reading is a full one.
            progress.full = true;
        }
        progress.begin_scope();
        let first = |scope: &Scope| reach.with(|target| source.connector.first(target, scope));
        progress.step = match first(&scope) {
            None if matches!(scope, Scope::Since(_)) => {
                progress.full = true;
                first(&Scope::Full)
            }
            step => step,
        };
        progress.step.clone()
    }

    async fn take(
        &self,
        run: &Run,
        source: &Source,
        worker: &mut Worker<'_>,
        pages: &mut Pages,
        page: Page,
    ) -> Result<(), PortError> {
        let progress = &mut worker.progress;
        let new = page.people.iter().filter(|person| pages.known.insert(person.id.clone())).count();
        let stale = progress.brought(new, page.people.len());
        progress.step.clone_from(&page.next);
        progress.total = page.total.or(progress.total);
        progress.left_out = progress.left_out.saturating_add(page.left_out);
        if progress.partial.is_none() {
            progress.partial.clone_from(&page.partial);
        }
        if !progress.looked_twice {
            progress.mark = page.mark.clone().or(progress.mark.take());
        }
        progress.parks = 0;
        let last = page.next.is_none() && progress.look_again.is_empty();
        let between = page.next.as_ref().is_none_or(|next| next.carried.is_empty());
        pages.buffer.take(page, source, &pages.erased)?;
        if let Some(why) = stale {
            worker.progress.stop(why);
        } else if last {
            worker.progress.ended = true;
        }
        if pages.buffer.count >= LINES_PER_PART && between {
            self.store(run, worker, pages).await?;
        }
        Ok(())
    }

    /// Stores what is only in memory, then says so: a crash between the two fetches the same pages again.
    async fn store(&self, run: &Run, worker: &mut Worker<'_>, pages: &mut Pages) -> Result<(), PortError> {
        if pages.buffer.count > 0 {
            // The holder is in the name: a worker that was thought dead writes beside what counts.
            let name = format!("{:05}-{}", worker.progress.parts.len(), crate::decide::run_id(&[&worker.holder]));
            worker.progress.parts.push(pages.buffer.store(self.objects, run, &name).await?);
        }
        self.keep(run, worker).await
    }

    /// Puts the work down: anybody may take it up from `due_ms` on.
    async fn put_down(
        &self,
        run: &Run,
        connection: &Connection,
        worker: &mut Worker<'_>,
        pages: &mut Pages,
        due_ms: i64,
    ) -> Result<(), PortError> {
        self.store(run, worker, pages).await?;
        self.keep_until(run, worker, 0).await?;
        self.take_up_again(connection, run, due_ms).await
    }

    /// Has the schedule take the run up at that time.
    pub(super) async fn take_up_again(&self, connection: &Connection, run: &Run, due_ms: i64) -> Result<(), PortError> {
        for _ in 0..5 {
            let Some(now) = self.ledger.connection(&connection.account, &connection.id).await? else { return Ok(()) };
            let mut feed = now.feed.clone();
            feed.polling = Some(run.id.to_string());
            let change = FeedChange { connection: &now, feed, due_ms: Some(due_ms), status: None };
            if self.ledger.save_feed(&change).await? {
                return Ok(());
            }
        }
        Err(PortError::later("put the listing down", "the connection changes all the time"))
    }
}
