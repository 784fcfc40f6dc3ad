//! Taking over what an event told: a person read anew, a plan of one, written at once.

use muster_core::ids::{AccountId, ConnectionId};

use super::event_run_id;
use super::read::{Look, Seen};
use crate::import::{Excerpt, Imported, Importer, Planned};
use crate::log;
use crate::reach::Source;
use crate::{
    Applier, ApplyJob, Cause, Clock, Connection, ConnectionStatus, Delivery, Directory, Documents, EventJob, EventWhat,
    FeedChange, Ledger, Objects, Opened, PersonMark, PortError, Queue, Run, RunState, Secrets, Transition, Web,
};

/// Takes over events, one connection's one after the other.
#[derive(Debug)]
pub struct EventTaker<'a, L, D, O, Q, S, W, C> {
    /// Connections and runs.
    pub ledger: &'a L,
    /// Recipients.
    pub directory: &'a D,
    /// Plans.
    pub objects: &'a O,
    /// To `report-email`.
    pub queue: &'a Q,
    /// Credentials.
    pub secrets: &'a S,
    /// The sender of requests.
    pub web: &'a W,
    /// The time.
    pub clock: &'a C,
}

/// What became of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// Nothing to do. Says why.
    Ignored(&'static str),
    /// It was taken over before.
    Before,
    /// The same id came with another body: not believed.
    Contradicts,
    /// Put off to a listing of everybody, which decides.
    PutOff,
    /// Taken over.
    Done,
}

/// How much longer than the provider's own version a person may lag behind an event before the event is taken as it
/// is, in milliseconds.
const LAG_MS: i64 = 5 * 60_000;

impl<L: Ledger + Documents, D: Directory, O: Objects, Q: Queue, S: Secrets, W: Web, C: Clock>
    EventTaker<'_, L, D, O, Q, S, W, C>
{
    /// Takes over one event.
    ///
    /// # Errors
    /// [`PortError`] when it must be delivered again.
    pub async fn take(&self, job: &EventJob, delivery: Delivery<'_>) -> Result<Taken, PortError> {
        let (account, id) = ids(job)?;
        log::name_connection(&account, &id);
        let Some(connection) = self.ledger.connection(&account, &id).await? else {
            return Ok(Taken::Ignored("the connection is gone"));
        };
        if let Some(why) = crate::poll::switched_off(&connection)? {
            return Ok(Taken::Ignored(why));
        }
        let Some(source) = Source::of(&connection)? else {
            return Ok(Taken::Ignored("the connection has no API"));
        };
        if job.what == EventWhat::Listing {
            self.wish_listing(&connection).await?;
            return Ok(Taken::PutOff);
        }
        let run = self.run_of(&connection, job);
        log::name_run(&account, &id, &run.id);
        let run = match self.ledger.open_run(&run).await? {
            Opened::New => {
                log::received(&run);
                run
            }
            Opened::Existing(before) if is_other(&before, job) => {
                tracing::error!("an event came again with another body; it is not believed");
                return Ok(Taken::Contradicts);
            }
            Opened::Existing(before) => *before,
        };
        match run.state {
            RunState::Received => self.begin(&run, &connection, &source, job, delivery).await,
            RunState::Applying => self.write(&run, delivery).await,
            _ => Ok(Taken::Before),
        }
    }

    fn run_of(&self, connection: &Connection, job: &EventJob) -> Run {
        let id = event_run_id(&connection.account, &connection.id, &job.event);
        let cause = Cause::Event { event: job.event.clone(), digest: job.digest.clone(), what: job.what.clone() };
        Run::received(connection, id, cause, "an event".to_owned(), job.received_ms)
    }

    async fn begin(
        &self,
        run: &Run,
        connection: &Connection,
        source: &Source,
        job: &EventJob,
        delivery: Delivery<'_>,
    ) -> Result<Taken, PortError> {
        match &job.what {
            EventWhat::Connection { change } => {
                super::link::take(self.ledger, self.queue, run, connection, *change, self.clock.now_ms()).await
            }
            EventWhat::Person { id, version_ms } => {
                let look = Look { person: id, version_ms: *version_ms, received_ms: job.received_ms };
                self.person(run, source, look, delivery).await
            }
            EventWhat::Listing => Ok(Taken::PutOff),
        }
    }

    /// Under the lease, so that of two events about one person the later read is the later write.
    async fn person(
        &self,
        run: &Run,
        source: &Source,
        look: Look<'_>,
        delivery: Delivery<'_>,
    ) -> Result<Taken, PortError> {
        let importer = self.importer();
        let mut taken = Taken::Done;
        let imported = importer
            .under_lease(run, delivery, async |connection| {
                let mark = self.ledger.person_mark(&connection.account, &connection.id, look.person).await?;
                let mark = mark.unwrap_or_default();
                if let Some(why) = look.is_covered(&mark) {
                    taken = Taken::Ignored(why);
                    return self.close(run, connection, RunState::Superseded, why, None).await;
                }
                if let Some(why) = waits_for_listing(connection, source) {
                    taken = Taken::PutOff;
                    return self.put_off(run, connection, why).await;
                }
                match self.read(connection, source, look, &mark, delivery.deadline_ms).await? {
                    Seen::Person { excerpt, mark } => {
                        self.plan(&importer, run, connection, source, (look.person, &mark), excerpt, &mut taken).await
                    }
                    Seen::Stale if self.clock.now_ms() < look.received_ms + LAG_MS => {
                        Err(PortError::later("read the person", "the provider does not show the change yet"))
                    }
                    Seen::Stale | Seen::Untold => {
                        taken = Taken::PutOff;
                        self.put_off(run, connection, "the provider's answer does not tell; a listing decides").await
                    }
                    Seen::Refused(status, why) => {
                        taken = Taken::Ignored("the provider refuses to be asked");
                        super::link::refuse(
                            self.ledger,
                            self.queue,
                            run,
                            connection,
                            (status, &why),
                            self.clock.now_ms(),
                        )
                        .await
                    }
                }
            })
            .await?;
        match imported {
            Imported::Run(RunState::Applying) => {
                let run = self.ledger.run(&run.account, &run.connection, &run.id).await?;
                match run {
                    Some(run) => self.write(&run, delivery).await,
                    None => Ok(Taken::Before),
                }
            }
            _ => Ok(taken),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "all of one event's plan")]
    async fn plan(
        &self,
        importer: &Importer<'_, L, D, O, Q, C>,
        run: &Run,
        connection: &Connection,
        source: &Source,
        (person, mark): (&str, &PersonMark),
        excerpt: Excerpt,
        taken: &mut Taken,
    ) -> Result<Imported, PortError> {
        let planned: Planned = importer.plan_excerpt(run, connection, source, excerpt).await?;
        if !planned.held.is_empty() {
            *taken = Taken::PutOff;
            let why = format!("over a limit ({}); a listing of everybody decides", planned.held.join(", "));
            return self.put_off(run, connection, &why).await;
        }
        if planned.plan.chunks == 0 {
            let why = "nothing changes";
            // The mark would keep the ids of whoever was erased.
            let mark = (!planned.names_erased).then_some((person, mark));
            return self.close(run, connection, RunState::Superseded, why, mark).await;
        }
        importer.commit(run, connection, planned, None, Some((person, mark))).await
    }

    /// Writes the plan here and now. A crash in between leaves the run as applying: the event comes again.
    async fn write(&self, run: &Run, delivery: Delivery<'_>) -> Result<Taken, PortError> {
        let applier = Applier {
            ledger: self.ledger,
            directory: self.directory,
            objects: self.objects,
            queue: self.queue,
            clock: self.clock,
        };
        let chunks = run.plan.as_ref().map_or(0, |plan| plan.chunks);
        for chunk in 0..chunks {
            let job = ApplyJob {
                account: run.account.to_string(),
                connection: run.connection.to_string(),
                run: run.id.to_string(),
                fence: run.fence,
                chunk: Some(chunk),
            };
            applier.apply(&job, delivery.deadline_ms).await?;
        }
        Ok(Taken::Done)
    }

    async fn close(
        &self,
        run: &Run,
        connection: &Connection,
        to: RunState,
        why: &str,
        person: Option<(&str, &PersonMark)>,
    ) -> Result<Imported, PortError> {
        let now_ms = self.clock.now_ms();
        let told = Transition::told(run, connection, to, Some(why), now_ms);
        let ended = Transition { mail: false, person, ..told };
        if self.ledger.close(&ended).await? {
            log::ended(&ended, why);
            return Ok(Imported::Run(to));
        }
        Err(PortError::later("end the event's run", "another delivery was first"))
    }

    /// Leaves the event to a listing of everybody. While a plan waits for a decision no new one is made: the next
    /// listing comes when that is decided.
    async fn put_off(&self, run: &Run, connection: &Connection, why: &str) -> Result<Imported, PortError> {
        let now_ms = self.clock.now_ms();
        let told = Transition::told(run, connection, RunState::Superseded, Some(why), now_ms);
        let (feed, due_ms) = wished(connection, now_ms);
        let ended = Transition { mail: false, feed: Some(feed), due_ms, ..told };
        if self.ledger.close(&ended).await? {
            log::ended(&ended, why);
            return Ok(Imported::Run(RunState::Superseded));
        }
        Err(PortError::later("put the event off", "another delivery was first"))
    }

    /// Has everybody listed soon.
    async fn wish_listing(&self, connection: &Connection) -> Result<(), PortError> {
        let (feed, due_ms) = wished(connection, self.clock.now_ms());
        let due_ms = due_ms.or(connection.due_ms);
        if self.ledger.save_feed(&FeedChange { connection, feed, due_ms, status: None }).await? {
            return Ok(());
        }
        Err(PortError::later("have people listed", "the connection changed meanwhile"))
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

fn wished(connection: &Connection, now_ms: i64) -> (crate::Feed, Option<i64>) {
    let mut feed = connection.feed.clone();
    feed.full_wanted_ms = Some(now_ms);
    let due_ms = (connection.waiting.is_none() && !is_refused(connection)).then_some(now_ms);
    (feed, due_ms)
}

/// Whether the provider has taken the connection away: then it is asked at its cadence only, until it works again.
fn is_refused(connection: &Connection) -> bool {
    matches!(connection.status, ConnectionStatus::Unauthorized | ConnectionStatus::ReauthNeeded)
}

/// Why single events are not taken over now. Who is listed first is seen by a person first.
fn waits_for_listing(connection: &Connection, source: &Source) -> Option<&'static str> {
    use muster_core::settings::Mode;
    if is_refused(connection) {
        // A link that is taken away may be followed by a removal of everybody.
        return Some("the provider refuses the connection: a listing decides when it works again");
    }
    if !connection.confirmed {
        return Some("nothing was applied yet: the first listing comes first");
    }
    (source.settings.mode == Mode::Preview).then_some("the connection is in preview: a listing of everybody is held")
}

fn is_other(before: &Run, job: &EventJob) -> bool {
    !matches!(&before.cause, Cause::Event { digest, .. } if *digest == job.digest)
}

fn ids(job: &EventJob) -> Result<(AccountId, ConnectionId), PortError> {
    let bad = |e: String| PortError::never("read the message", e);
    let account = AccountId::parse(&job.account).map_err(|e| bad(format!("its account {e}")))?;
    let connection = ConnectionId::parse(&job.connection).map_err(|e| bad(format!("its connection {e}")))?;
    Ok((account, connection))
}
