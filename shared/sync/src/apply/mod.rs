//! Writing an approved plan to the directory, chunk by chunk.

mod after;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use muster_core::plan::{Change, ChunkReader, NewValue, fold, summary_from_json};
use muster_core::settings::Settings;

use self::after::After;
use crate::ids::{Ids, ids_of};
use crate::import::unmapped_name;
use crate::log;
use crate::people::as_grouped;
use crate::plan_store::{chunk_key, summary_key, unpacked};
use crate::{
    ApplyJob, Cause, Clock, Connection, Directory, Finish, Handwork, Ledger, MailKind, Objects, OutboxMail, PlanRef,
    PortError, ProductEvent, Queue, Run, RunState, Written, settings_of,
};

/// Recipient writes under way at once in one function: enough to hide the service's latency, few
/// enough that 20 functions stay below a new table's 4,000 writes a second.
const WRITES_AT_ONCE: usize = 16;

/// How long before its deadline a function stops taking on new writes.
const MARGIN_MS: i64 = 3_000;

/// Writes chunks and finishes runs.
#[derive(Debug)]
pub struct Applier<'a, L, D, O, Q, C> {
    /// Connections and runs.
    pub ledger: &'a L,
    /// Recipients.
    pub directory: &'a D,
    /// Plans and rosters.
    pub objects: &'a O,
    /// To `report-email`.
    pub queue: &'a Q,
    /// The time.
    pub clock: &'a C,
}

/// What a chunk came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// The run had moved on: nothing was done.
    Stale,
    /// Written; others are missing.
    Chunk,
    /// Written, and the run is finished.
    Finished,
}

impl<L: Ledger, D: Directory, O: Objects, Q: Queue, C: Clock> Applier<'_, L, D, O, Q, C> {
    /// Writes the job's chunk and, when it was the last one missing, ends the run.
    ///
    /// # Errors
    /// [`PortError`] when a service failed; the job must be delivered again.
    pub async fn apply(&self, job: &ApplyJob, deadline_ms: i64) -> Result<Applied, PortError> {
        let Ids { account, connection, run } = ids_of(&job.account, &job.connection, &job.run)?;
        log::name_run(&account, &connection, &run);
        let Some(run) = self.ledger.run(&account, &connection, &run).await? else {
            return Ok(Applied::Stale);
        };
        if run.state == RunState::Applied {
            // The answer of the finishing transaction was lost, or its mail was never handed on.
            self.queue.send_report(&mail_of(&run)).await?;
            return Ok(Applied::Stale);
        }
        let (RunState::Applying, true, Some(plan)) = (run.state, run.fence == job.fence, run.plan.clone()) else {
            return Ok(Applied::Stale);
        };
        let run = match job.chunk.filter(|chunk| !run.done.contains(chunk)) {
            Some(chunk) => match self.write_chunk(&run, &plan, chunk, deadline_ms).await? {
                Some(after) => after,
                None => return Ok(Applied::Stale),
            },
            None => run,
        };
        if run.done.len() < plan.chunks as usize {
            return Ok(Applied::Chunk);
        }
        self.finish(&run, &plan).await
    }

    async fn write_chunk(
        &self,
        run: &Run,
        plan: &PlanRef,
        chunk: u32,
        deadline_ms: i64,
    ) -> Result<Option<Run>, PortError> {
        // By the fields the plan was made for: settings saved since group people by the next plan.
        let settings = as_grouped(&settings_of(&self.connection(run).await?)?, &plan.grouped_by);
        let bytes = self.objects.read(&chunk_key(&plan.prefix, chunk)).await?;
        let bytes = bytes.ok_or_else(|| PortError::never("read the plan", format!("chunk {chunk} is gone")))?;
        let changes = ChunkReader::new(&unpacked(&bytes)?)
            .and_then(|reader| reader.collect::<Result<Vec<Change>, _>>())
            .map_err(|e| PortError::unread("read the plan", &e))?;
        let written: Vec<(bool, Option<ProductEvent>)> = stream::iter(&changes)
            .map(|change| self.write_change(run, &settings, change, deadline_ms))
            .buffered(WRITES_AT_ONCE)
            .try_collect()
            .await?;
        let conflicts = written.iter().filter(|(written, _)| !written).count() as u64;
        let events: Vec<_> = written.into_iter().filter_map(|(_, event)| event).collect();
        // Before the chunk counts as written: whoever dies in between writes nothing new and tells again.
        self.queue.publish(&events).await?;
        let after = self.ledger.chunk_done(run, chunk, conflicts).await?;
        if let Some(after) = &after {
            log::chunk_written(after, chunk);
        }
        Ok(after)
    }

    /// Writes one change; answers whether it is written, and what the product is told of it.
    async fn write_change(
        &self,
        run: &Run,
        settings: &Settings,
        change: &Change,
        deadline_ms: i64,
    ) -> Result<(bool, Option<ProductEvent>), PortError> {
        let now_ms = self.clock.now_ms();
        if now_ms > deadline_ms - MARGIN_MS {
            return Err(PortError::later("write the chunk", "the function's time is up; the rest follows"));
        }
        let slots = crate::group_slots(change, settings);
        match self.directory.write(run, &slots, change, now_ms).await? {
            Written::Now | Written::Already => Ok((true, ProductEvent::of_change(run, change))),
            Written::Conflict | Written::Fenced => Ok((false, None)),
        }
    }

    async fn finish(&self, run: &Run, plan: &PlanRef) -> Result<Applied, PortError> {
        let connection = self.connection(run).await?;
        self.keep_new_groups(run, plan).await?;
        let now_ms = self.clock.now_ms();
        let after = After::of(run, plan, &connection, now_ms);
        let finish = Finish {
            run,
            connection: &connection,
            roster: after.roster,
            owned: after.owned,
            rows: plan.rows,
            grouped_by: grouped_after(run, plan, &connection),
            removals: after.removals,
            feed: after.feed,
            due_ms: after.due_ms,
            mail: after.mail,
            voids_plans: voids_plans(&run.cause),
            deletes: matches!(run.cause, Cause::Farewell { .. }),
            by_sync: !matches!(run.cause, Cause::ByHand { .. }),
            now_ms,
        };
        let mail = finish.mail;
        if self.ledger.finish(&finish).await? {
            log::applied(&finish);
            if after.silent {
                log::subscription_is_silent();
            }
            if mail {
                self.queue.send_report(&mail_of(run)).await?;
            }
            return Ok(Applied::Finished);
        }
        // Another delivery of the last chunk was first; its mail may still want handing on.
        match self.ledger.run(&run.account, &run.connection, &run.id).await? {
            Some(now) if now.state == RunState::Applied => {
                self.queue.send_report(&mail_of(run)).await?;
                Ok(Applied::Finished)
            }
            _ => Err(PortError::later("finish the run", "the connection changed meanwhile")),
        }
    }

    /// Groups become known when the plan that made them is applied, so a rejected plan leaves none.
    async fn keep_new_groups(&self, run: &Run, plan: &PlanRef) -> Result<(), PortError> {
        let Some(bytes) = self.objects.read(&summary_key(&plan.prefix)).await? else {
            return Err(PortError::never("read the plan's summary", "it is gone"));
        };
        let summary = summary_from_json(&bytes).map_err(|e| PortError::unread("read the plan's summary", &e))?;
        let made = summary.new_values.iter();
        // A value without a place in a value table makes no group; it is kept so that it is told once.
        let kept_as =
            |new: &NewValue| if new.unmapped { unmapped_name(new.field) } else { new.field.name().to_owned() };
        let made: Vec<_> = made.map(|new| (kept_as(new), fold(&new.value), new.value.clone())).collect();
        if made.is_empty() { Ok(()) } else { self.ledger.add_group_values(&run.account, &run.connection, &made).await }
    }

    async fn connection(&self, run: &Run) -> Result<Connection, PortError> {
        let connection = self.ledger.connection(&run.account, &run.connection).await?;
        connection.ok_or_else(|| PortError::never("read the connection", "it is gone"))
    }
}

/// By which fields everybody is grouped after the run. A conflict may have left somebody out of a regrouping, so
/// that the next plan must make it anew.
fn grouped_after<'a>(run: &Run, plan: &'a PlanRef, connection: &Connection) -> &'a str {
    let everybody = run.conflicts == 0 || plan.grouped_by == connection.grouped_by;
    if everybody { &plan.grouped_by } else { "" }
}

/// A plan writes nobody who changed since it was made, so single people void none; but who was erased may be in one.
fn voids_plans(cause: &Cause) -> bool {
    match cause {
        Cause::Event { .. } => false,
        Cause::ByHand { what, .. } => *what == Handwork::Erase,
        _ => true,
    }
}

fn mail_of(run: &Run) -> OutboxMail {
    OutboxMail::of(run, MailKind::Ended)
}
