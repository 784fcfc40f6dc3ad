//! From what was fetched to a plan.

use muster_core::ids::UniqueId;
use muster_core::issue::{Code, Issue};
use muster_core::mapping::plain_id;

use super::spool::Spool;
use super::{Poller, Worker};
use crate::import::{Excerpt, Imported, Importer, Listing, Verdict};
use crate::log;
use crate::reach::Source;
use crate::{
    Clock, Connection, Directory, Documents, Ledger, Objects, PortError, Position, Queue, Run, RunState, Secrets,
    Transition, Web,
};

/// So many people are asked for one by one; for more everybody is listed again.
const ONE_BY_ONE: usize = 50;

/// What the plan of a fetched listing came to.
enum Made {
    Imported(Imported),
    LookAgain(Vec<UniqueId>),
}

impl<L: Ledger + Documents, D: Directory, O: Objects, Q: Queue, S: Secrets, W: Web, C: Clock>
    Poller<'_, L, D, O, Q, S, W, C>
{
    /// Plans what was fetched. `None`: somebody seems absent who was looked for only once, and the worker's progress
    /// says how to look again.
    pub(super) async fn plan(
        &self,
        run: &Run,
        source: &Source,
        worker: &mut Worker<'_>,
    ) -> Result<Option<Imported>, PortError> {
        let importer = self.importer();
        let mut again = None;
        let imported = importer
            .under_lease(run, worker.delivery, async |connection| {
                match self.plan_leased(&importer, run, connection, source, worker).await? {
                    Made::Imported(imported) => Ok(imported),
                    Made::LookAgain(people) => {
                        again = Some(people);
                        self.ledger.release_lease(connection).await?;
                        Ok(Imported::Ignored("people are looked for a second time"))
                    }
                }
            })
            .await?;
        if let Some(people) = again {
            let by_id = source.ids_are_the_providers() && people.len() <= ONE_BY_ONE;
            let people = people.iter().map(|id| id.as_str().to_owned()).collect();
            worker.progress.look_again(by_id.then_some(people));
            return Ok(None);
        }
        worker.progress.planned = true;
        self.keep_until(run, worker, 0).await?;
        if matches!(imported, Imported::Run(RunState::Held | RunState::Superseded | RunState::Failed)) {
            self.fetched(run).await?;
        }
        Ok(Some(imported))
    }

    async fn plan_leased(
        &self,
        importer: &Importer<'_, L, D, O, Q, C>,
        run: &Run,
        connection: &Connection,
        source: &Source,
        worker: &Worker<'_>,
    ) -> Result<Made, PortError> {
        let began_ms = worker.progress.began_ms;
        if self.maps_otherwise(connection, worker)? {
            return self.supersede(run, connection, "the mapping was changed while people were fetched").await;
        }
        if connection.feed.lost_count_ms.is_some_and(|lost| lost >= began_ms) {
            let why = "events changed more people meanwhile than can be told apart; people are listed again";
            return self.supersede(run, connection, why).await;
        }
        let mut spool = Spool::of(self.objects, &worker.progress.parts).await?;
        if worker.progress.full {
            self.plan_full(importer, run, connection, source, worker, &mut spool).await
        } else {
            self.plan_changed(importer, run, connection, source, worker, &mut spool).await
        }
    }

    fn maps_otherwise(&self, connection: &Connection, worker: &Worker<'_>) -> Result<bool, PortError> {
        Ok(Source::of(connection)?.is_none_or(|now| now.columns != worker.progress.columns))
    }

    /// Ends a run whose listing says nothing any more, and has people listed again at once.
    async fn supersede(&self, run: &Run, connection: &Connection, why: &str) -> Result<Made, PortError> {
        let now_ms = self.clock.now_ms();
        let mut feed = connection.feed.clone();
        feed.polling = None;
        feed.full_wanted_ms = Some(now_ms);
        let transition = Transition {
            mail: false,
            feed: Some(feed),
            due_ms: Some(now_ms),
            ..Transition::told(run, connection, RunState::Superseded, Some(why), now_ms)
        };
        if self.ledger.close(&transition).await? {
            log::ended(&transition, why);
            return Ok(Made::Imported(Imported::Run(RunState::Superseded)));
        }
        Err(PortError::later("end the run", "another delivery was first"))
    }

    async fn plan_full(
        &self,
        importer: &Importer<'_, L, D, O, Q, C>,
        run: &Run,
        connection: &Connection,
        source: &Source,
        worker: &Worker<'_>,
        spool: &mut Spool,
    ) -> Result<Made, PortError> {
        let progress = &worker.progress;
        let position = Position::new(progress.began_ms, "poll", "", run.id.as_str());
        if connection.last_source.as_ref().is_some_and(|last| position < *last) {
            return self.supersede(run, connection, "a newer listing was planned before this one").await;
        }
        let listing = listing_of(connection, source, progress, spool)?;
        match importer.plan_listing(run, connection, source, listing).await? {
            Verdict::LookAgain(people) => Ok(Made::LookAgain(people)),
            Verdict::Planned(planned) => {
                importer.commit(run, connection, *planned, Some(position), None).await.map(Made::Imported)
            }
        }
    }

    async fn plan_changed(
        &self,
        importer: &Importer<'_, L, D, O, Q, C>,
        run: &Run,
        connection: &Connection,
        source: &Source,
        worker: &Worker<'_>,
        spool: &mut Spool,
    ) -> Result<Made, PortError> {
        let (rows, gone) = spool.excerpt(source)?;
        let began_ms = worker.progress.began_ms;
        let newer = |id: &str| connection.feed.touched.get(id).is_some_and(|at_ms| *at_ms >= began_ms);
        let id_at = super::spool::id_column(source);
        let is_newer =
            |row: &Vec<String>| row.get(id_at).and_then(|cell| plain_id(cell)).is_some_and(|id| newer(id.as_str()));
        // What an event told while people were fetched stays.
        let rows = rows.into_iter().filter(|row| !is_newer(row)).collect();
        let Some(gone) = self.unique_ids(connection, source, gone).await? else {
            let why = "the provider removed somebody whose unique id is not known; everybody is listed";
            return self.supersede(run, connection, why).await;
        };
        let gone = gone.into_iter().filter(|id| !newer(id.as_str())).collect();
        let issues = std::mem::take(&mut spool.issues);
        let mark = worker.progress.mark.clone();
        let excerpt = Excerpt { rows, gone, issues, mark, single: false };
        let planned = importer.plan_excerpt(run, connection, source, excerpt).await?;
        if !planned.held.is_empty() {
            let why = format!("over a limit ({}); everybody is listed, and that plan decides", planned.held.join(", "));
            return self.supersede(run, connection, &why).await;
        }
        importer.commit(run, connection, planned, None, None).await.map(Made::Imported)
    }

    /// The unique ids of people whom the provider calls by its own ids; `None` when one is not known.
    async fn unique_ids(
        &self,
        connection: &Connection,
        source: &Source,
        gone: Vec<String>,
    ) -> Result<Option<Vec<UniqueId>>, PortError> {
        let mut ids = Vec::with_capacity(gone.len());
        for person in gone {
            match crate::events::unique_id_of(self.ledger, connection, source, &person).await? {
                Some(id) => ids.push(id),
                None => return Ok(None),
            }
        }
        Ok(Some(ids))
    }
}

/// The rows of everybody, and why it may not be everybody.
pub(super) fn listing_of(
    connection: &Connection,
    source: &Source,
    progress: &super::Progress,
    spool: &mut Spool,
) -> Result<Listing, PortError> {
    let newer = |at_ms: &i64| *at_ms >= progress.began_ms;
    let mut untold: Vec<&str> =
        connection.feed.touched.iter().filter(|(_, at)| newer(at)).map(|(id, _)| id.as_str()).collect();
    const NEWER: &str = "+an event changed this person while people were fetched; what it said stays";
    let mut body = spool.rows(source, &mut |id| {
        let at = untold.iter().position(|touched| *touched == id)?;
        untold.swap_remove(at);
        Some(NEWER.to_owned())
    })?;
    for id in untold {
        Spool::add_staying(source, &mut body, id, NEWER)?;
    }
    let mut issues = std::mem::take(&mut spool.issues);
    let there = spool.people + spool.unread;
    for why in progress.partial.clone().into_iter().chain(progress.few(there)) {
        let message = format!("{why}: this is not everybody, so nobody is removed");
        issues.push(Issue::file(Code::ListingPartial, message));
    }
    Ok(Listing {
        body,
        issues,
        began_ms: progress.began_ms,
        mark: progress.mark.clone(),
        looked_twice: progress.looked_twice,
    })
}
