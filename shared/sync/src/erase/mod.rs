//! Erasing a person: nothing of them is kept but a tombstone that does not tell who it was.
//!
//! The tombstone is set first, so that nothing takes the person in again meanwhile. Then they are removed by a plan, as
//! everybody is; then every item and object that names them is deleted or written without them. Each step can be done
//! twice, so whatever broke off is done again by asking again.

mod port;
mod stone;
mod sweep;
mod tombstone;
mod traces;

use muster_core::by_hand::{Wish, change};
use muster_core::ids::UniqueId;

pub use self::port::{Erasing, ObjectVersion, ObjectVersions, mark_place};
use self::stone::Stone;
pub use self::stone::{ErasedCounts, Tombstone, lift_erasure, tombstone_of};
pub use self::tombstone::pseudonym;
pub(crate) use self::tombstone::{Erased, left_out};
use crate::by_hand::{ByHand, Editor, NotEdited};
use crate::opt_outs::forget_opt_outs;
use crate::poll::job_of;
use crate::{
    Cause, Clock, Connection, Directory, Documents, Handwork, ImportJob, Ledger, Objects, PortError, Queue, Run,
    RunState,
};

/// Erases people.
#[derive(Debug)]
pub struct Eraser<'a, L, D, O, Q, C> {
    /// Connections, runs, marks and tombstones.
    pub ledger: &'a L,
    /// Recipients.
    pub directory: &'a D,
    /// Plans, rosters, reports.
    pub objects: &'a O,
    /// To whoever plans anew.
    pub queue: &'a Q,
    /// The time.
    pub clock: &'a C,
}

/// Steps that come before the objects'.
const OBJECTS_FROM: u32 = 5;

/// How long before its deadline an erasure is put down, in milliseconds.
const MARGIN_MS: i64 = 5_000;

/// One erasure at work.
struct Work<'w> {
    connection: &'w Connection,
    id: &'w UniqueId,
    stone: Stone,
    stop_ms: i64,
}

impl<L, D, O, Q, C> Eraser<'_, L, D, O, Q, C>
where
    L: Ledger + Documents + Erasing,
    D: Directory,
    O: Objects + ObjectVersions,
    Q: Queue,
    C: Clock,
{
    /// Erases a person as far as the time goes; [`Tombstone::complete`] says whether asking again is needed. Somebody who
    /// is not in the directory is erased too: plans may name them.
    ///
    /// # Errors
    /// [`NotEdited::Busy`] while a plan of the connection is made or applied; [`NotEdited::Port`].
    pub async fn erase(
        &self,
        connection: &Connection,
        id: &UniqueId,
        editor: Editor<'_>,
    ) -> Result<Tombstone, NotEdited> {
        let stone = Stone::set(self.ledger, connection, id, editor.user, self.clock.now_ms()).await?;
        let mut work = Work { connection, id, stone, stop_ms: editor.deadline_ms - MARGIN_MS };
        loop {
            let done = match work.stone.place.step {
                0 => self.remove(&mut work, editor).await.map(|()| true)?,
                1 => self.void_waiting(&work).await.map(|()| true)?,
                2 => self.forget_person(&mut work).await.map(|()| true)?,
                3 => self.forget_runs(&mut work).await?,
                4 => self.forget_marks(&mut work).await?,
                step => match self.prefixes(&work, step - OBJECTS_FROM) {
                    Some(prefix) => self.sweep(&mut work, &prefix).await?,
                    None => {
                        work.stone.keep(self.ledger, connection, true).await?;
                        return Ok(self.told(work.stone, editor, true));
                    }
                },
            };
            if !done {
                work.stone.keep(self.ledger, connection, false).await?;
                return Ok(self.told(work.stone, editor, false));
            }
            (work.stone.place.step, work.stone.place.from) = (work.stone.place.step + 1, None);
        }
    }

    fn told(&self, stone: Stone, editor: Editor<'_>, complete: bool) -> Tombstone {
        Tombstone { id: stone.id, by: editor.user.to_owned(), at_ms: stone.at_ms, complete, counts: stone.counts }
    }

    /// Whether the time is up.
    fn is_late(&self, work: &Work<'_>) -> bool {
        self.clock.now_ms() > work.stop_ms
    }

    /// Removes the person by a plan of their own, which also has the roster made anew and voids listings under way.
    async fn remove(&self, work: &mut Work<'_>, editor: Editor<'_>) -> Result<(), NotEdited> {
        let by_hand = ByHand {
            ledger: self.ledger,
            directory: self.directory,
            objects: self.objects,
            queue: self.queue,
            clock: self.clock,
        };
        let request = format!("erase-{}-{}", work.stone.id, work.stone.at_ms);
        let editor = Editor { request: &request, ..editor };
        let run = by_hand.run(work.connection, Handwork::Erase, editor);
        let before = self.ledger.run(&run.account, &run.connection, &run.id).await?;
        if before.is_some_and(|before| before.state == RunState::Applied) {
            return Ok(());
        }
        let leased = by_hand.lease(&run, editor).await?;
        let stored = by_hand.importer().stored(&leased, std::slice::from_ref(work.id)).await;
        let change = match stored {
            Ok(stored) => change(work.id, stored.get(work.id), &Wish::Go),
            Err(error) => {
                let _ = self.ledger.release_lease(&leased).await;
                return Err(error.into());
            }
        };
        let run = by_hand.plan(run, &leased, change.as_ref()).await?;
        by_hand.write(run, editor.deadline_ms).await.map(|_| ())
    }

    /// A plan that waits for a decision may name them: it is made anew.
    async fn void_waiting(&self, work: &Work<'_>) -> Result<(), PortError> {
        let (account, id) = (&work.connection.account, &work.connection.id);
        let Some(now) = self.ledger.connection(account, id).await? else { return Ok(()) };
        let Some(waiting) = &now.waiting else { return Ok(()) };
        let Some(run) = self.ledger.run(account, id, waiting).await? else { return Ok(()) };
        if run.state == RunState::Held && !self.ledger.replan(&run).await? {
            return Ok(());
        }
        if !matches!(run.state, RunState::Held | RunState::Received) {
            return Ok(());
        }
        match run.cause {
            // What was fetched for it is old by now.
            Cause::Poll { .. } => self.queue.send_poll(&job_of(&run)).await,
            _ => self.queue.send_import(&import_job(&run)).await,
        }
    }

    /// Deletes the recipient, who is hidden by now, and their opt-outs.
    async fn forget_person(&self, work: &mut Work<'_>) -> Result<(), PortError> {
        let (account, connection) = (&work.connection.account, &work.connection.id);
        if self.ledger.delete_recipient(account, connection, work.id).await? {
            work.stone.counts.recipients += 1;
        }
        if forget_opt_outs(self.ledger, (account, connection, work.id)).await? {
            work.stone.counts.opt_outs += 1;
        }
        Ok(())
    }
}

fn import_job(run: &Run) -> ImportJob {
    ImportJob { account: run.account.to_string(), connection: run.connection.to_string(), run: run.id.to_string() }
}
